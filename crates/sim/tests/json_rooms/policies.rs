//! Resource policies of secrets: what is refused, and who may read.

use serde_json::{Value, json};

use crate::room::{ROLE, Room, allowing};

const READ: &str = "secretsmanager:GetSecretValue";

fn put(policy: &str, block: bool) -> Value {
    json!({"SecretId": "s", "ResourcePolicy": policy, "BlockPublicPolicy": block})
}

#[test]
fn a_policy_is_put_told_and_taken_away() {
    let mut room = Room::new();
    let arn = room.secret("s", "v");
    let identity = json!({"ARN": arn, "Name": "s"});
    assert_eq!(room.secrets("GetResourcePolicy", json!({"SecretId": "s"})), Ok(identity.clone()));
    let policy = allowing(json!({"AWS": ROLE}), READ);
    assert!(!room.world.secrets.may_read(ROLE, "s"));
    assert_eq!(room.secrets("PutResourcePolicy", put(&policy, true)), Ok(identity.clone()));
    let told = room.secrets("GetResourcePolicy", json!({"SecretId": "s"})).expect("told");
    assert_eq!(told["ResourcePolicy"], json!(policy));
    assert!(room.world.secrets.may_read(ROLE, "s"));
    assert!(!room.world.secrets.may_read("arn:aws:iam::123456789012:role/other", "s"));
    assert!(!room.world.secrets.may_read(ROLE, "t"));
    assert_eq!(room.secrets("DeleteResourcePolicy", json!({"SecretId": "s"})), Ok(identity));
    assert!(!room.world.secrets.may_read(ROLE, "s"));
    room.secrets("PutResourcePolicy", put(&policy, true)).expect("put");
    room.secrets("DeleteSecret", json!({"SecretId": "s"})).expect("deleted");
    assert!(!room.world.secrets.may_read(ROLE, "s"), "nobody reads what waits for its deletion");
}

#[test]
fn public_policies_are_blocked_on_demand() {
    let mut room = Room::new();
    room.secret("s", "v");
    for principal in [json!("*"), json!({"AWS": "*"}), json!({"AWS": [ROLE, "*"]})] {
        let policy = allowing(principal, READ);
        let refused = room.refused("secretsmanager.PutResourcePolicy", put(&policy, true));
        assert_eq!(refused, "PublicPolicyException", "{policy}");
    }
    assert_eq!(room.world.secrets.secret("s").expect("there").policy, None);
    let mut policy: Value = serde_json::from_str(&allowing(json!("*"), READ)).expect("JSON");
    policy["Statement"][0]["Condition"] = json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/app"}});
    room.secrets("PutResourcePolicy", put(&policy.to_string(), true)).expect("conditions narrow it");
    assert!(room.world.secrets.may_read(ROLE, "s"));
    assert!(!room.world.secrets.may_read("arn:aws:iam::123456789012:role/apply", "s"));
    policy["Statement"][0]["Effect"] = json!("Deny");
    policy["Statement"][0]["Condition"] = Value::Null;
    if let Some(statement) = policy["Statement"][0].as_object_mut() {
        statement.remove("Condition");
    }
    room.secrets("PutResourcePolicy", put(&policy.to_string(), true)).expect("a denial is not public");
    room.secrets("PutResourcePolicy", put(&allowing(json!("*"), READ), false)).expect("AWS's default");
    assert!(room.world.secrets.may_read("arn:aws:iam::000000000000:role/any", "s"));
    assert_eq!(room.world.violations, Vec::<String>::new(), "a person may");
}

#[test]
fn malformed_policies_and_strangers_are_refused() {
    let mut room = Room::new();
    room.secret("s", "v");
    let target = "secretsmanager.PutResourcePolicy";
    let mut odd: Value = serde_json::from_str(&allowing(json!("*"), READ)).expect("JSON");
    odd["Statement"][0]["Condition"] = json!({"Bool": {"aws:SecureTransport": "true"}});
    for (policy, expected) in [
        ("".to_owned(), "ValidationException"),
        (" ".repeat(20_481), "ValidationException"),
        ("no".to_owned(), "MalformedPolicyDocumentException"),
        ("{\"Statement\": []}".to_owned(), "MalformedPolicyDocumentException"),
        (odd.to_string(), "MalformedPolicyDocumentException"),
    ] {
        assert_eq!(room.refused(target, put(&policy, false)), expected, "{policy:.40}");
    }
    let policy = allowing(json!({"AWS": ROLE}), READ);
    assert_eq!(
        room.refused(target, json!({"SecretId": "t", "ResourcePolicy": policy})),
        "ResourceNotFoundException"
    );
    room.world.secrets.known_principals = Some(Default::default());
    let (code, message) = room.secrets("PutResourcePolicy", put(&policy, false)).expect_err("a stranger");
    assert_eq!(code, "MalformedPolicyDocumentException");
    assert_eq!(message, "This resource policy contains an unsupported principal.");
    let root = allowing(json!({"AWS": "arn:aws:iam::123456789012:root"}), READ);
    room.secrets("PutResourcePolicy", put(&root, false)).expect("an account is no stranger");
}

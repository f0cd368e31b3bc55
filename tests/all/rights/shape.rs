//! The policies of the template as they are written: what a reader of a security review looks for.

use aurora_clone_core::names::env;
use aurora_clone_sim::Config;
use aurora_clone_tests::rights::{Names, documents, template};
use serde_json::{Map, Value};

/// The statements that allow something on everything, and why nothing narrower works.
const ON_EVERYTHING: [(&str, &str); 6] = [
    ("Look", "the Describe calls of RDS are listings, and what a clone may be of is not known before"),
    ("CreateKey", "a key that does not exist has no ARN; the request's tag is a condition"),
    ("ListKeys", "kms:ListKeys knows no resource"),
    ("ListAliases", "kms:ListAliases knows no resource"),
    ("ListSecrets", "secretsmanager:ListSecrets knows no resource"),
    ("WhichStacksLive", "the listing of all stacks is on everything"),
];

/// Actions that change or end what is there already, and the statements that allow them by less than prefix and tag, with the wall
/// that they have instead.
const DESTRUCTIVE: [&str; 14] = [
    "rds:Delete",
    "rds:Modify",
    "rds:AddRole",
    "rds:RemoveRole",
    "rds:RemoveTags",
    "secretsmanager:Delete",
    "secretsmanager:Put",
    "secretsmanager:Update",
    "kms:ScheduleKeyDeletion",
    "kms:DeleteAlias",
    "kms:PutKeyPolicy",
    "kms:Disable",
    "ssm:Put",
    "cloudformation:Delete",
];
const OTHER_WALLS: [(&str, &str); 5] = [
    ("ChangeTo", "parameter groups, which are named by the change of a cluster and not changed"),
    ("FinalSnapshot", "a snapshot that does not exist yet has a name and no tag"),
    ("DeleteWithoutSnapshot", "the same, for a snapshot that is not taken"),
    ("OurAliases", "aliases have no tags; their names have our prefix"),
    ("Requests", "the house's own table"),
];
/// Keys have no names; their aliases are the second wall, in a Deny.
const KEYS: [&str; 2] = ["ChangeOurKeys", "DeleteOurKeys"];

fn names() -> Names {
    Names::new(&Config::default(), &[])
}

fn resources() -> &'static Map<String, Value> {
    template()["Resources"].as_object().unwrap()
}

fn of_type(kind: &str) -> impl Iterator<Item = (&'static String, &'static Value)> {
    resources().iter().filter(move |(_, resource)| resource["Type"] == kind)
}

/// Every statement of every role, with the role's name.
fn statements() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (role, _) in of_type("AWS::IAM::Role") {
        for document in documents(role, &names()) {
            for statement in document["Statement"].as_array().unwrap() {
                all.push((role.clone(), statement.clone()));
            }
        }
    }
    assert!(all.len() > 40, "{}", all.len());
    all
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap()).collect(),
        one => vec![one.as_str().unwrap()],
    }
}

fn allowing() -> impl Iterator<Item = (String, Value)> {
    statements().into_iter().filter(|(_, statement)| statement["Effect"] == "Allow")
}

fn sid(statement: &Value) -> &str {
    statement["Sid"].as_str().unwrap_or_default()
}

#[test]
fn no_action_is_allowed_by_a_pattern() {
    for (role, statement) in allowing() {
        assert!(
            statement.get("NotAction").is_none() && statement.get("NotResource").is_none(),
            "{statement}"
        );
        for action in texts(&statement["Action"]) {
            assert!(!action.contains(['*', '?']), "{role}: {action}");
        }
    }
}

#[test]
fn what_is_allowed_on_everything_says_why() {
    let mut seen = Vec::new();
    for (role, statement) in allowing() {
        if texts(&statement["Resource"]).contains(&"*") {
            let sid = sid(&statement);
            assert!(ON_EVERYTHING.iter().any(|(name, _)| *name == sid), "{role}: {statement}");
            seen.push(sid.to_owned());
        }
    }
    for (name, why) in ON_EVERYTHING {
        assert!(seen.iter().any(|sid| sid == name), "{name} is not there any more: {why}");
    }
}

#[test]
fn what_changes_or_deletes_has_the_prefix_and_the_tag() {
    let mut seen = 0;
    for (role, statement) in allowing() {
        let actions = texts(&statement["Action"]);
        let destroys = |action: &&str| DESTRUCTIVE.iter().any(|start| action.starts_with(start));
        let other_wall = OTHER_WALLS.iter().any(|(name, _)| *name == sid(&statement));
        if !actions.iter().any(destroys) || other_wall {
            continue;
        }
        seen += 1;
        let tag = &statement["Condition"]["StringEquals"]["aws:ResourceTag/aurora-clone:manager"];
        assert_eq!(*tag, "aurora-clone-manager", "{role}: {statement}");
        let keys = KEYS.contains(&sid(&statement));
        for resource in texts(&statement["Resource"]) {
            let named = resource.contains(":clone-") || resource.contains(":/aurora-clone-manager/");
            assert!(named || (keys && resource.ends_with(":key/*")), "{role}: {statement}");
        }
        if actions.contains(&"kms:ScheduleKeyDeletion") {
            let wall = statements().into_iter().any(|(of, deny)| {
                of == role
                    && deny["Effect"] == "Deny"
                    && texts(&deny["Action"]).contains(&"kms:ScheduleKeyDeletion")
                    && deny["Condition"]["ForAnyValue:StringNotLike"]["kms:ResourceAliases"]
                        == "alias/aurora-clone/*"
            });
            assert!(wall, "{role} deletes keys that have somebody's alias");
        }
    }
    assert!(seen >= 8, "{seen}");
}

#[test]
fn what_is_made_is_tagged_in_the_same_call_and_tags_are_ours() {
    let ours = "aws:RequestTag/aurora-clone:manager";
    for (role, statement) in allowing() {
        let tags = |action: &&str| action.contains("TagResource") || action.contains("AddTags");
        if !texts(&statement["Action"]).iter().any(tags) || sid(&statement) == "FinalSnapshot" {
            continue;
        }
        let conditions = &statement["Condition"];
        let fenced = conditions["StringEquals"].get(ours).is_some()
            || conditions["StringEquals"].get("aws:ResourceTag/aurora-clone:manager").is_some()
            || conditions["Bool"]["aws:ViaAWSService"] == "true";
        assert!(fenced, "{role}: {statement}");
    }
}

/// A policy on a secret or a key is what can let everybody in.
#[test]
fn nothing_that_is_allowed_can_hand_out_public_access() {
    for (role, statement) in allowing() {
        for action in texts(&statement["Action"]) {
            let name = action.split_once(':').unwrap().1;
            if action == "secretsmanager:PutResourcePolicy" {
                let blocks = &statement["Condition"]["Bool"]["secretsmanager:BlockPublicPolicy"];
                assert_eq!(*blocks, "true", "{role}: {statement}");
                continue;
            }
            // A key's policy is written by the code, for principals of the operator's choice, on keys of ours alone.
            let known = ["kms:PutKeyPolicy", "secretsmanager:DeleteResourcePolicy"];
            let shares = name.contains("Policy") && !name.starts_with("Get");
            let opens = shares
                || name.ends_with("Attribute")
                || name.contains("Permission")
                || name.contains("Share");
            assert!(!opens || known.contains(&action), "{role}: {action}");
            if action == "kms:CreateGrant" {
                assert_eq!(
                    statement["Condition"]["Bool"]["kms:GrantIsForAWSResource"], "true",
                    "{statement}"
                );
            }
            if action == "iam:PassRole" {
                let to = texts(&statement["Condition"]["StringEquals"]["iam:PassedToService"]);
                assert_eq!(to, ["rds.amazonaws.com", "monitoring.rds.amazonaws.com"]);
            }
        }
    }
    for (name, permission) in of_type("AWS::Lambda::Permission") {
        let properties = &permission["Properties"];
        for wanted in ["SourceArn", "SourceAccount"] {
            assert!(properties.get(wanted).is_some(), "{name} has no {wanted}");
        }
        assert_ne!(properties["Principal"], "*", "{name}");
        assert_eq!(properties["Action"], "lambda:InvokeFunction", "{name}");
    }
    assert_eq!(of_type("AWS::Lambda::Url").count(), 0);
}

/// Roles have policies of ours alone, and only AWS's services take them on.
#[test]
fn roles_are_taken_on_by_services_and_have_no_policies_of_aws() {
    for (name, role) in of_type("AWS::IAM::Role") {
        let properties = &role["Properties"];
        for managed in properties["ManagedPolicyArns"].as_array().into_iter().flatten() {
            let ours = managed["Ref"].as_str().is_some_and(|id| resources().contains_key(id));
            assert!(ours, "{name} has {managed}");
        }
        for statement in properties["AssumeRolePolicyDocument"]["Statement"].as_array().unwrap() {
            let principal = statement["Principal"].as_object().unwrap();
            let service = principal["Service"].as_str().unwrap();
            assert!(principal.len() == 1 && service.ends_with(".amazonaws.com"), "{name}: {statement}");
            // Lambda gives no source in the call that takes a role on.
            let sourced = statement["Condition"]["StringEquals"].get("aws:SourceAccount").is_some();
            assert!(sourced || service == "lambda.amazonaws.com", "{name}: {statement}");
        }
    }
    assert_eq!(of_type("AWS::IAM::User").count() + of_type("AWS::IAM::Group").count(), 0);
}

/// What answers when everything else failed needs no rights but to its log.
#[test]
fn the_last_resort_may_write_its_log_and_nothing_else() {
    if !resources().contains_key("LastResortRole") {
        return;
    }
    let of_it: Vec<_> = statements().into_iter().filter(|(role, _)| role == "LastResortRole").collect();
    for (_, statement) in &of_it {
        assert!(texts(&statement["Action"]).iter().all(|action| action.starts_with("logs:")), "{statement}");
        assert!(
            texts(&statement["Resource"]).iter().all(|arn| arn.contains("LastResortLogs")),
            "{statement}"
        );
    }
    assert_eq!(of_it.len(), 1);
}

/// Another prefix, of names or of secrets, is another fence; no prefix is one fence less, and the tag stays.
#[test]
fn what_the_operator_sets_reaches_the_policies() {
    let of = |operator: &[(&str, &str)]| {
        let documents = documents("CloneHandlerRole", &Names::new(&Config::default(), operator));
        Value::from(documents).to_string()
    };
    let (usual, other) =
        (of(&[]), of(&[(env::NAME_PREFIX, "team-"), (env::DEFAULT_SECRET_PREFIX, "/team/")]));
    assert!(usual.contains(":cluster:clone-*") && usual.contains(":secret:/aurora-clone-manager/*"));
    assert!(other.contains(":cluster:team-*") && other.contains(":secret:/team/*"));
    assert!(!other.contains(":cluster:clone-*") && !other.contains("/aurora-clone-manager/"));
    let none = of(&[(env::NAME_PREFIX, "")]);
    assert!(usual.contains("NothingElse") && !none.contains("NothingElse"));
    assert!(of(&[(env::MANAGER, "team")]).contains("stateMachine:team-clone"));
    let roles = {
        let mut names = names();
        names.set("AllowedRoleArns", "arn:aws:iam::123456789012:role/a, arn:aws:iam::123456789012:role/b");
        Value::from(documents("CloneHandlerRole", &names)).to_string()
    };
    assert!(usual.contains("123456789012:role/*") && !roles.contains("role/*") && roles.contains("role/b"));
}

/// IAM counts a document without its white space; long names of the operator's must fit as well.
#[test]
fn the_policies_fit_into_what_iam_takes() {
    let mut long = names();
    for (name, value) in [
        ("AWS::Partition", "aws-us-gov"),
        ("AWS::Region", "ap-southeast-1"),
        ("AWS::StackName", "aurora-clone-manager-of-a-department"),
        ("NamePrefix", "clone-of-a-depart-"),
        ("DefaultSecretPrefix", "/aurora-clone-manager/department/"),
    ] {
        long.set(name, value);
    }
    let size = |document: &Value| long.resolved(document).unwrap().to_string().len();
    for (name, policy) in of_type("AWS::IAM::ManagedPolicy") {
        let size = size(&policy["Properties"]["PolicyDocument"]);
        assert!(size <= 6_144, "{name} has {size} characters");
    }
    for (name, role) in of_type("AWS::IAM::Role") {
        let inline = role["Properties"]["Policies"].as_array().unwrap().iter();
        let size: usize = inline.map(|policy| size(&policy["PolicyDocument"])).sum();
        assert!(size <= 10_240, "{name} has {size} characters");
    }
    assert!(of_type("AWS::IAM::ManagedPolicy").count() >= 3 && of_type("AWS::IAM::Role").count() >= 5);
}

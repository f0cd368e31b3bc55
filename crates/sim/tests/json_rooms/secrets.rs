//! Secrets: how they come, change, are found, and go.

use chrono::Duration;
use serde_json::{Value, json};

use crate::room::{PERSON, Room, TOKEN};

const OTHER: &str = "00000000-0000-4000-8000-000000000002";

fn code(result: Result<Value, (String, String)>) -> String {
    result.expect_err("an error").0
}

#[test]
fn a_secret_is_made_described_and_read() {
    let mut room = Room::new();
    let answer = room
        .secrets(
            "CreateSecret",
            json!({
                "Name": "clone/a_b+c=d.e@f-1", "SecretString": "hush", "ClientRequestToken": TOKEN,
                "Description": "of a clone", "Tags": [{"Key": "team", "Value": "shop"}],
            }),
        )
        .expect("created");
    let arn = answer["ARN"].as_str().expect("an ARN").to_owned();
    let stem = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:clone/a_b+c=d.e@f-1-";
    assert!(arn.starts_with(stem) && arn.len() == stem.len() + 6, "{arn}");
    assert_eq!(answer, json!({"ARN": arn, "Name": "clone/a_b+c=d.e@f-1", "VersionId": TOKEN}));
    for id in ["clone/a_b+c=d.e@f-1", &arn, &arn[..arn.len() - 7]] {
        let value = room.secrets("GetSecretValue", json!({"SecretId": id})).expect("read");
        assert_eq!(value["SecretString"], "hush", "{id}");
        assert_eq!(value["VersionStages"], json!(["AWSCURRENT"]));
    }
    let described = room.secrets("DescribeSecret", json!({"SecretId": arn})).expect("described");
    let expected = json!({
        "ARN": arn, "Name": "clone/a_b+c=d.e@f-1", "Description": "of a clone",
        "CreatedDate": 1_782_000_000.0, "LastChangedDate": 1_782_000_000.0,
        "Tags": [{"Key": "team", "Value": "shop"}], "VersionIdsToStages": {TOKEN: ["AWSCURRENT"]},
    });
    assert_eq!(described, expected);
    let secret = room.world.secrets.secret(&arn).expect("there");
    assert_eq!((secret.created_by.as_str(), secret.value()), (PERSON, Some("hush")));
    let call = room.world.log.first().expect("logged");
    assert_eq!((call.service, call.operation.as_str()), ("secretsmanager", "CreateSecret"));
    assert!(call.mutates() && call.parameters.is_empty());
    assert!(String::from_utf8_lossy(&call.request).contains("hush"), "bodies are logged as they are");
    let kms: Vec<_> = room.world.kms.keys().map(|key| key.is_managed).collect();
    assert_eq!(kms, [true], "AWS's own key came with its first use");
}

#[test]
fn a_token_makes_a_creation_repeatable() {
    let mut room = Room::new();
    let arn = room.secret("s", "one");
    let body =
        |token: &str, value: &str| json!({"Name": "s", "SecretString": value, "ClientRequestToken": token});
    let again = room.secrets("CreateSecret", body(TOKEN, "one")).expect("the same again");
    assert_eq!(again, json!({"ARN": arn, "Name": "s", "VersionId": TOKEN}));
    for (token, value) in [(TOKEN, "two"), (OTHER, "one")] {
        let refused = code(room.secrets("CreateSecret", body(token, value)));
        assert_eq!(refused, "ResourceExistsException", "{token} {value}");
    }
    let empty = json!({"Name": "s", "ClientRequestToken": TOKEN});
    assert_eq!(code(room.secrets("CreateSecret", empty)), "ResourceExistsException");
    assert_eq!(room.world.secrets.history().len(), 1);
}

#[test]
fn what_a_creation_may_not_say() {
    let mut room = Room::new();
    let tag = |key: &str| json!([{"Key": key, "Value": "v"}]);
    let many: Vec<_> = (0..51).map(|number| json!({"Key": format!("k{number}")})).collect();
    for (change, expected) in [
        (json!({"Name": null}), "ValidationException"),
        (json!({"Name": ""}), "ValidationException"),
        (json!({"Name": "a b"}), "ValidationException"),
        (json!({"Name": "a!"}), "ValidationException"),
        (json!({"Name": "n".repeat(513)}), "ValidationException"),
        (json!({"ClientRequestToken": "short"}), "ValidationException"),
        (json!({"ClientRequestToken": null}), "InvalidRequestException"),
        (json!({"SecretString": ""}), "ValidationException"),
        (json!({"SecretString": "s".repeat(65_537)}), "ValidationException"),
        (json!({"SecretString": "\u{e9}".repeat(40_000)}), "ValidationException"),
        (json!({"SecretString": 1}), "SerializationException"),
        (json!({"SecretBinary": "aGk="}), "ValidationException"),
        (json!({"AddReplicaRegions": []}), "ValidationException"),
        (json!({"Description": "d".repeat(2049)}), "ValidationException"),
        (json!({"Tags": tag("aws:x")}), "InvalidParameterException"),
        (json!({"Tags": [{"Key": "a"}, {"Key": "a"}]}), "InvalidParameterException"),
        (json!({"Tags": many}), "InvalidParameterException"),
        (json!({"Tags": [{"Value": "a"}]}), "ValidationException"),
        (json!({"KmsKeyId": "alias/nobody"}), "EncryptionFailure"),
    ] {
        let mut body = json!({"Name": "s", "SecretString": "v", "ClientRequestToken": TOKEN});
        for (name, value) in change.as_object().expect("an object") {
            body[name] = value.clone();
        }
        assert_eq!(code(room.secrets("CreateSecret", body)), expected, "{:.80}", change.to_string());
    }
    assert_eq!(room.world.secrets.history(), []);
    let (code, message) = room.secrets("RestoreSecret", json!({"SecretId": "s"})).expect_err("unknown");
    assert_eq!(code, "UnknownOperationException");
    assert!(message.contains("RestoreSecret"));
    let (_, message) = room.secrets("CreateSecret", json!({"Name": "s", "Type": "x"})).expect_err("unknown");
    assert!(message.contains("Type"), "{message}");
}

#[test]
fn a_new_value_is_a_new_version() {
    let mut room = Room::new();
    room.secret("s", "one");
    room.pass(Duration::seconds(10));
    let put = |token: &str, value: &str| json!({"SecretId": "s", "SecretString": value, "ClientRequestToken": token});
    let answer = room.secrets("PutSecretValue", put(OTHER, "two")).expect("put");
    assert_eq!((&answer["VersionId"], &answer["VersionStages"]), (&json!(OTHER), &json!(["AWSCURRENT"])));
    assert_eq!(room.secrets("PutSecretValue", put(OTHER, "two")), Ok(answer), "idempotent");
    assert_eq!(code(room.secrets("PutSecretValue", put(OTHER, "three"))), "ResourceExistsException");
    assert_eq!(code(room.secrets("PutSecretValue", json!({"SecretId": "s"}))), "InvalidParameterException");
    let missing = json!({"SecretId": "t", "SecretString": "x", "ClientRequestToken": OTHER});
    assert_eq!(code(room.secrets("PutSecretValue", missing)), "ResourceNotFoundException");
    let mut read = |more: Value| {
        let mut body = json!({"SecretId": "s"});
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let answer = room.secrets("GetSecretValue", body);
        answer
            .map(|answer| answer["SecretString"].as_str().expect("a value").to_owned())
            .map_err(|error| error.0)
    };
    assert_eq!(read(json!({})).as_deref(), Ok("two"));
    assert_eq!(read(json!({"VersionStage": "AWSPREVIOUS"})).as_deref(), Ok("one"));
    assert_eq!(read(json!({"VersionId": TOKEN})).as_deref(), Ok("one"));
    let nothing = Err("ResourceNotFoundException".to_owned());
    assert_eq!(read(json!({"VersionId": TOKEN, "VersionStage": "AWSCURRENT"})), nothing);
    assert_eq!(read(json!({"VersionStage": "AWSPENDING"})), nothing);
    room.secrets("CreateSecret", json!({"Name": "empty"})).expect("without a value");
    assert_eq!(
        code(room.secrets("GetSecretValue", json!({"SecretId": "empty"}))),
        "ResourceNotFoundException"
    );
}

#[test]
fn a_key_that_cannot_be_used_fails_encryption_and_decryption() {
    let mut room = Room::new();
    let key = room.key();
    room.kms("CreateAlias", json!({"AliasName": "alias/app", "TargetKeyId": key})).expect("named");
    let create =
        json!({"Name": "s", "SecretString": "v", "ClientRequestToken": TOKEN, "KmsKeyId": "alias/app"});
    room.secrets("CreateSecret", create).expect("created");
    let secret = room.world.secrets.secret("s").expect("there");
    assert!(secret.versions[0].key.ends_with(&key));
    assert_eq!(secret.kms_key_id.as_deref(), Some("alias/app"));
    for (disable, enable) in [("DisableKey", "EnableKey"), ("ScheduleKeyDeletion", "CancelKeyDeletion")] {
        room.kms(disable, json!({"KeyId": key})).expect("off");
        assert_eq!(code(room.secrets("GetSecretValue", json!({"SecretId": "s"}))), "DecryptionFailure");
        let put = json!({"SecretId": "s", "SecretString": "w", "ClientRequestToken": OTHER});
        assert_eq!(code(room.secrets("PutSecretValue", put)), "EncryptionFailure");
        let create = json!({"Name": "t", "SecretString": "v", "ClientRequestToken": TOKEN, "KmsKeyId": key});
        assert_eq!(code(room.secrets("CreateSecret", create)), "EncryptionFailure");
        let away = json!({"SecretId": "s", "KmsKeyId": ""});
        assert_eq!(code(room.secrets("UpdateSecret", away)), "DecryptionFailure");
        room.kms(enable, json!({"KeyId": key})).expect("on");
    }
    room.kms("EnableKey", json!({"KeyId": key})).expect("on");
    let update = json!({"SecretId": "s", "KmsKeyId": "alias/aws/secretsmanager", "Description": "d"});
    room.secrets("UpdateSecret", update).expect("moved");
    room.kms("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7})).expect("off");
    room.pass(Duration::days(8));
    room.secrets("GetSecretValue", json!({"SecretId": "s"})).expect("encrypted anew");
    let described = room.secrets("DescribeSecret", json!({"SecretId": "s"})).expect("described");
    assert_eq!((&described["Description"], described.get("KmsKeyId")), (&json!("d"), None));
    let value = json!({"SecretId": "s", "SecretString": "x"});
    assert_eq!(code(room.secrets("UpdateSecret", value)), "ValidationException", "not simulated");
}

#[test]
fn a_deletion_with_recovery_blocks_the_name_until_its_date() {
    let mut room = Room::new();
    let arn = room.secret("s", "v");
    for (body, expected) in [
        (json!({"RecoveryWindowInDays": 6}), "InvalidParameterException"),
        (json!({"RecoveryWindowInDays": 31}), "InvalidParameterException"),
        (json!({"RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": true}), "InvalidParameterException"),
        (json!({"SecretId": "t"}), "ResourceNotFoundException"),
    ] {
        let mut body = body;
        if body.get("SecretId").is_none() {
            body["SecretId"] = json!("s");
        }
        assert_eq!(code(room.secrets("DeleteSecret", body)), expected);
    }
    let deleted =
        room.secrets("DeleteSecret", json!({"SecretId": arn, "RecoveryWindowInDays": 7})).expect("deleted");
    assert_eq!(deleted["DeletionDate"], 1_782_000_000.0 + 7.0 * 86_400.0);
    let create = json!({"Name": "s", "SecretString": "v", "ClientRequestToken": TOKEN});
    let (code_, message) = room.secrets("CreateSecret", create.clone()).expect_err("blocked");
    assert_eq!(code_, "InvalidRequestException");
    assert_eq!(
        message,
        "You can't create this secret because a secret with this name is already scheduled for deletion."
    );
    let put = json!({"SecretId": "s", "SecretString": "w", "ClientRequestToken": OTHER});
    for (operation, body) in [
        ("GetSecretValue", json!({"SecretId": "s"})),
        ("PutSecretValue", put),
        ("UpdateSecret", json!({"SecretId": "s", "Description": "d"})),
        ("TagResource", json!({"SecretId": "s", "Tags": [{"Key": "a"}]})),
        ("UntagResource", json!({"SecretId": "s", "TagKeys": ["a"]})),
        ("DeleteSecret", json!({"SecretId": "s"})),
        ("GetResourcePolicy", json!({"SecretId": "s"})),
        ("DeleteResourcePolicy", json!({"SecretId": "s"})),
    ] {
        assert_eq!(code(room.secrets(operation, body)), "InvalidRequestException", "{operation}");
    }
    let described = room.secrets("DescribeSecret", json!({"SecretId": "s"})).expect("described");
    assert_eq!(described["DeletedDate"], deleted["DeletionDate"]);
    assert_eq!(room.secrets("ListSecrets", json!({})).expect("listed")["SecretList"], json!([]));
    let planned = room.secrets("ListSecrets", json!({"IncludePlannedDeletion": true})).expect("listed");
    assert_eq!(planned["SecretList"][0]["Name"], "s");
    room.pass(Duration::days(7) - Duration::seconds(1));
    assert_eq!(code(room.secrets("CreateSecret", create.clone())), "InvalidRequestException");
    room.pass(Duration::seconds(1));
    assert_eq!(code(room.secrets("DescribeSecret", json!({"SecretId": "s"}))), "ResourceNotFoundException");
    let new = room.secrets("CreateSecret", create).expect("the name is free");
    assert_ne!(new["ARN"], json!(arn), "another secret");
    let [old, _] = room.world.secrets.history() else { panic!("two secrets") };
    assert_eq!(old.gone_at, Some(old.created_at + Duration::days(7)));
    assert_eq!(old.deleted_at, Some(old.created_at));
}

#[test]
fn a_forced_deletion_takes_a_while_and_is_repeatable() {
    let mut room = Room::new();
    let force = json!({"SecretId": "s", "ForceDeleteWithoutRecovery": true});
    let nothing = room.secrets("DeleteSecret", force.clone()).expect("of nothing");
    assert_eq!(nothing["Name"], "s");
    let mut waits = Vec::new();
    for round in 0..20 {
        room.secret("s", "v");
        if round % 2 == 0 {
            room.secrets("DeleteSecret", json!({"SecretId": "s"})).expect("with recovery first");
        }
        let asked = room.world.now();
        let answer = room.secrets("DeleteSecret", force.clone()).expect("deleted");
        assert_eq!(answer["DeletionDate"], asked.timestamp() as f64);
        let create = json!({"Name": "s"});
        assert_eq!(code(room.secrets("CreateSecret", create)), "InvalidRequestException");
        room.pass(Duration::seconds(3));
        room.secrets("DeleteSecret", force.clone()).expect("again");
        room.pass(Duration::seconds(60));
        let gone = room.world.secrets.history().last().and_then(|secret| secret.gone_at).expect("gone");
        waits.push((gone - asked).num_seconds());
    }
    assert!(waits.iter().all(|wait| (5..=30).contains(wait)), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait != waits[0]), "{waits:?}");
    room.world.secrets.force_delete_seconds = (0, 0);
    room.secret("s", "v");
    room.secrets("DeleteSecret", force).expect("deleted");
    room.pass(Duration::zero());
    assert_eq!(room.world.secrets.iter().count(), 0, "the knob");
}

fn names(answer: &Value) -> Vec<&str> {
    let list = answer["SecretList"].as_array().expect("a list");
    list.iter().map(|secret| secret["Name"].as_str().expect("a name")).collect()
}

#[test]
fn the_list_is_filtered() {
    let mut room = Room::new();
    for (name, tags, description) in [
        ("app/one", json!([{"Key": "Team", "Value": "shop"}]), "First"),
        ("app/two", json!([{"Key": "team", "Value": "Shop front"}]), "second"),
        ("other/app", json!([]), "the SECOND one"),
    ] {
        let body = json!({"Name": name, "Tags": tags, "Description": description});
        room.secrets("CreateSecret", body).expect("created");
    }
    for (filters, expected) in [
        (json!([]), vec!["app/one", "app/two", "other/app"]),
        (json!([{"Key": "name", "Values": ["app"]}]), vec!["app/one", "app/two"]),
        (json!([{"Key": "name", "Values": ["App"]}]), vec![]),
        (json!([{"Key": "name", "Values": ["!app"]}]), vec!["other/app"]),
        (json!([{"Key": "name", "Values": ["app/o", "other"]}]), vec!["app/one", "other/app"]),
        (json!([{"Key": "tag-key", "Values": ["tea"]}]), vec!["app/two"]),
        (json!([{"Key": "tag-value", "Values": ["sho"]}]), vec!["app/one"]),
        (json!([{"Key": "tag-key", "Values": ["Team"]}, {"Key": "name", "Values": ["app/two"]}]), vec![]),
        (json!([{"Key": "description", "Values": ["SEC"]}]), vec!["app/two"]),
        (json!([{"Key": "all", "Values": ["second app"]}]), vec!["app/two", "other/app"]),
        (json!([{"Key": "all", "Values": ["FRONT"]}]), vec!["app/two"]),
    ] {
        let answer = room.secrets("ListSecrets", json!({"Filters": filters})).expect("listed");
        assert_eq!(names(&answer), expected, "{filters}");
    }
    for filters in [
        json!([{"Key": "owning-service", "Values": ["rds"]}]),
        json!([{"Key": "name", "Values": []}]),
        json!([{"Key": "name", "Values": ["a*"]}]),
        json!([{"Values": ["a"]}]),
        json!(vec![json!({"Key": "name", "Values": ["a"]}); 11]),
    ] {
        assert_eq!(code(room.secrets("ListSecrets", json!({"Filters": filters}))), "ValidationException");
    }
}

#[test]
fn the_list_is_paged_and_may_be_stale() {
    let mut room = Room::new();
    for number in 0..5 {
        room.secret(&format!("s{number}"), "v");
        room.pass(Duration::seconds(60));
    }
    let first = room.secrets("ListSecrets", json!({"MaxResults": 2})).expect("listed");
    assert_eq!(names(&first), ["s0", "s1"]);
    room.secrets("DeleteSecret", json!({"SecretId": "s0"})).expect("deleted meanwhile");
    let second = room
        .secrets("ListSecrets", json!({"MaxResults": 3, "NextToken": first["NextToken"]}))
        .expect("listed");
    assert_eq!((names(&second), second.get("NextToken")), (vec!["s2", "s3", "s4"], None));
    let bad = json!({"NextToken": "x"});
    assert_eq!(code(room.secrets("ListSecrets", bad)), "InvalidNextTokenException");
    for most in [0, 101] {
        assert_eq!(code(room.secrets("ListSecrets", json!({"MaxResults": most}))), "ValidationException");
    }
    room.world.secrets.stale_lists = Some(Duration::seconds(90));
    let stale = room.secrets("ListSecrets", json!({})).expect("listed");
    assert_eq!(names(&stale), ["s0", "s1", "s2", "s3"], "s0 is not yet deleted, s4 not yet made");
    room.pass(Duration::seconds(90));
    let later = room.secrets("ListSecrets", json!({})).expect("listed");
    assert_eq!(names(&later), ["s1", "s2", "s3", "s4"]);
}

#[test]
fn tags_come_and_go() {
    let mut room = Room::new();
    room.secret("s", "v");
    let tag = |tags: Value| json!({"SecretId": "s", "Tags": tags});
    let two = tag(json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]));
    assert_eq!(room.secrets("TagResource", two), Ok(Value::Null));
    room.secrets("TagResource", tag(json!([{"Key": "a", "Value": "3"}]))).expect("tagged");
    room.secrets("UntagResource", json!({"SecretId": "s", "TagKeys": ["b", "unknown"]})).expect("untagged");
    let tags = room.world.secrets.secret("s").expect("there").tags.clone();
    assert_eq!(tags.into_iter().collect::<Vec<_>>(), [("a".to_owned(), "3".to_owned())]);
    let many: Vec<_> = (0..50).map(|number| json!({"Key": format!("k{number}")})).collect();
    assert_eq!(code(room.secrets("TagResource", tag(json!(many)))), "InvalidParameterException");
    assert_eq!(code(room.secrets("TagResource", json!({"SecretId": "s"}))), "ValidationException");
    assert_eq!(code(room.secrets("UntagResource", json!({"SecretId": "s"}))), "ValidationException");
}

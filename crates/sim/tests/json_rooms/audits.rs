//! The World holds the product to its own truth.

use serde_json::{Value, json};

use crate::room::{MANAGER, PERSON, ROLE, Room, TOKEN, allowing};

const OTHER: &str = "00000000-0000-4000-8000-000000000002";

/// Every mutation of the secret `s` that is there, the deletion last.
fn on_the_secret() -> Vec<(&'static str, Value)> {
    let policy = allowing(json!({"AWS": ROLE}), "secretsmanager:GetSecretValue");
    vec![
        ("PutSecretValue", json!({"SecretId": "s", "SecretString": "w", "ClientRequestToken": OTHER})),
        ("UpdateSecret", json!({"SecretId": "s", "Description": "d"})),
        ("TagResource", json!({"SecretId": "s", "Tags": [{"Key": "a"}]})),
        ("UntagResource", json!({"SecretId": "s", "TagKeys": ["a"]})),
        ("PutResourcePolicy", json!({"SecretId": "s", "ResourcePolicy": policy})),
        ("DeleteResourcePolicy", json!({"SecretId": "s"})),
        ("DeleteSecret", json!({"SecretId": "s"})),
    ]
}

/// The same of a key.
fn on_the_key(id: &str) -> Vec<(&'static str, Value)> {
    let policy = allowing(json!({"AWS": ROLE}), "kms:*");
    vec![
        ("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": id})),
        ("DeleteAlias", json!({"AliasName": "alias/a"})),
        ("PutKeyPolicy", json!({"KeyId": id, "Policy": policy})),
        ("TagResource", json!({"KeyId": id, "Tags": [{"TagKey": "a", "TagValue": ""}]})),
        ("UntagResource", json!({"KeyId": id, "TagKeys": ["a"]})),
        ("DisableKey", json!({"KeyId": id})),
        ("EnableKey", json!({"KeyId": id})),
        ("ScheduleKeyDeletion", json!({"KeyId": id})),
        ("CancelKeyDeletion", json!({"KeyId": id})),
    ]
}

#[test]
fn the_manager_may_change_what_it_made() {
    for caller in [MANAGER, PERSON] {
        let mut room = Room::new();
        room.caller = caller;
        room.secret("s", "v");
        let key = room.key();
        for (operation, body) in on_the_secret() {
            room.secrets(operation, body).expect(operation);
        }
        for (operation, body) in on_the_key(&key) {
            room.kms(operation, body).expect(operation);
        }
        assert_eq!(room.world.violations, Vec::<String>::new());
    }
}

#[test]
fn every_accepted_change_of_what_others_made_is_noticed() {
    let mut room = Room::new();
    room.secret("s", "v");
    let key = room.key();
    room.caller = MANAGER;
    for (operation, body) in on_the_secret() {
        room.secrets(operation, body).expect(operation);
        let found = room.world.violations.pop().expect(operation);
        assert_eq!(
            found,
            format!("S1 {operation} by the manager hit the secret s, which \"AKIAPERSON\" made")
        );
    }
    for (operation, body) in on_the_key(&key) {
        room.kms(operation, body).expect(operation);
        let found = room.world.violations.pop().expect(operation);
        assert_eq!(
            found,
            format!("S1 {operation} by the manager hit the key {key}, which \"AKIAPERSON\" made")
        );
    }
    assert_eq!(room.world.violations, Vec::<String>::new());
}

#[test]
fn looking_and_what_was_refused_is_no_violation() {
    let mut room = Room::new();
    room.secret("s", "v");
    let key = room.key();
    room.caller = MANAGER;
    for (operation, body) in [
        ("DescribeSecret", json!({"SecretId": "s"})),
        ("GetSecretValue", json!({"SecretId": "s"})),
        ("GetResourcePolicy", json!({"SecretId": "s"})),
        ("ListSecrets", json!({})),
    ] {
        room.secrets(operation, body).expect(operation);
    }
    for (operation, body) in [
        ("DescribeKey", json!({"KeyId": key})),
        ("GetKeyPolicy", json!({"KeyId": key})),
        ("ListKeys", json!({})),
    ] {
        room.kms(operation, body).expect(operation);
    }
    let taken = json!({"Name": "s", "SecretString": "other", "ClientRequestToken": TOKEN});
    room.secrets("CreateSecret", taken).expect_err("in use");
    room.secrets("DeleteSecret", json!({"SecretId": "s", "RecoveryWindowInDays": 1})).expect_err("bad");
    room.kms("PutKeyPolicy", json!({"KeyId": key, "Policy": "{"})).expect_err("bad");
    assert_eq!(room.world.violations, Vec::<String>::new());
}

#[test]
fn a_public_policy_by_the_manager_is_noticed() {
    let mut room = Room::new();
    room.caller = MANAGER;
    room.secret("s", "v");
    let policy = allowing(json!("*"), "secretsmanager:GetSecretValue");
    let blocked = json!({"SecretId": "s", "ResourcePolicy": policy, "BlockPublicPolicy": true});
    room.secrets("PutResourcePolicy", blocked).expect_err("blocked");
    assert_eq!(room.world.violations, Vec::<String>::new());
    room.secrets("PutResourcePolicy", json!({"SecretId": "s", "ResourcePolicy": policy})).expect("put");
    assert_eq!(room.world.violations, ["S22 the manager's policy lets everybody in to the secret s"]);
}

#[test]
fn who_the_manager_is_is_configured() {
    let mut room = Room::with(|config| config.manager_keys = vec!["AKIA1".to_owned(), "AKIA2".to_owned()]);
    room.caller = "AKIA1";
    room.secret("s", "v");
    room.caller = "AKIA2";
    room.secrets("DeleteSecret", json!({"SecretId": "s"})).expect("deleted");
    assert_eq!(room.world.violations, Vec::<String>::new(), "one manager's work is the other's");
}

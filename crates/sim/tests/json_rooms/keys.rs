//! KMS: keys, aliases, and how they go.

use aurora_clone_sim::kms::KeyState;
use chrono::Duration;
use serde_json::{Value, json};

use crate::room::{PERSON, ROLE, Room, allowing};

fn code(result: Result<Value, (String, String)>) -> String {
    result.expect_err("an error").0
}

#[test]
fn every_creation_makes_another_key() {
    let mut room = Room::new();
    let body = json!({"Description": "of a clone", "Tags": [{"TagKey": "team", "TagValue": "shop"}]});
    let first = room.kms("CreateKey", body.clone()).expect("created")["KeyMetadata"].take();
    let second = room.kms("CreateKey", body).expect("created")["KeyMetadata"].take();
    assert_ne!(first["KeyId"], second["KeyId"]);
    let id = first["KeyId"].as_str().expect("an id");
    assert_eq!(first["Arn"], format!("arn:aws:kms:eu-west-1:123456789012:key/{id}"));
    assert_eq!((&first["KeyState"], &first["KeyManager"]), (&json!("Enabled"), &json!("CUSTOMER")));
    let key = room.world.kms.key(id).expect("there");
    assert_eq!((key.created_by.as_str(), key.state), (PERSON, KeyState::Enabled));
    assert_eq!(key.tags["team"], "shop");
    assert_eq!(room.world.kms.history().len(), 2);
}

#[test]
fn a_key_has_four_names() {
    let mut room = Room::new();
    let id = room.key();
    let alias = json!({"AliasName": "alias/app/main", "TargetKeyId": id});
    assert_eq!(room.kms("CreateAlias", alias.clone()), Ok(Value::Null));
    assert_eq!(code(room.kms("CreateAlias", alias)), "AlreadyExistsException");
    let arn = "arn:aws:kms:eu-west-1:123456789012";
    for name in
        [id.clone(), format!("{arn}:key/{id}"), "alias/app/main".to_owned(), format!("{arn}:alias/app/main")]
    {
        let found = room.kms("DescribeKey", json!({"KeyId": name})).expect("described");
        assert_eq!(found["KeyMetadata"]["KeyId"], json!(id), "{name}");
    }
    for (name, expected) in [
        ("alias/nobody", "NotFoundException"),
        ("nobody", "NotFoundException"),
        ("00000000-0000-0000-0000-000000000000", "NotFoundException"),
        ("arn:aws:kms:eu-west-1:000000000000:key/x", "NotFoundException"),
        ("arn:aws:rds:eu-west-1:123456789012:cluster:x", "InvalidArnException"),
    ] {
        assert_eq!(code(room.kms("DescribeKey", json!({"KeyId": name}))), expected, "{name}");
    }
    for operation in ["DisableKey", "ScheduleKeyDeletion", "GetKeyPolicy", "ListResourceTags"] {
        let by_alias = json!({"KeyId": "alias/app/main"});
        assert_eq!(code(room.kms(operation, by_alias)), "NotFoundException", "{operation} takes no alias");
    }
    room.kms("DeleteAlias", json!({"AliasName": "alias/app/main"})).expect("deleted");
    assert_eq!(code(room.kms("DeleteAlias", json!({"AliasName": "alias/app/main"}))), "NotFoundException");
    for (alias, expected) in [
        ("app", "InvalidAliasNameException"),
        ("alias/", "InvalidAliasNameException"),
        ("alias/a b", "ValidationException"),
        ("alias/aws/app", "NotAuthorizedException"),
    ] {
        let body = json!({"AliasName": alias, "TargetKeyId": id});
        assert_eq!(code(room.kms("CreateAlias", body)), expected, "{alias}");
    }
    let nowhere = json!({"AliasName": "alias/x", "TargetKeyId": "alias/y"});
    assert_eq!(code(room.kms("CreateAlias", nowhere)), "NotFoundException");
}

#[test]
fn keys_of_aws_come_on_demand_and_belong_to_aws() {
    let mut room = Room::new();
    let aliases = room.kms("ListAliases", json!({})).expect("listed");
    assert_eq!(aliases["Aliases"][1]["AliasName"], "alias/aws/secretsmanager");
    assert_eq!(aliases["Aliases"][1].get("TargetKeyId"), None, "predefined, without a key");
    assert_eq!(room.world.kms.keys().count(), 0);
    for alias in ["alias/aws/secretsmanager", "alias/aws/rds"] {
        let first = room.kms("DescribeKey", json!({"KeyId": alias})).expect("described");
        assert_eq!(first["KeyMetadata"]["KeyManager"], "AWS");
        assert_eq!(room.kms("DescribeKey", json!({"KeyId": alias})), Ok(first.clone()));
        for operation in ["ScheduleKeyDeletion", "DisableKey"] {
            let body = json!({"KeyId": first["KeyMetadata"]["KeyId"]});
            assert_eq!(code(room.kms(operation, body)), "AccessDeniedException");
        }
    }
    assert_eq!(room.world.kms.keys().count(), 2);
    assert_eq!(code(room.kms("DescribeKey", json!({"KeyId": "alias/aws/s3"}))), "NotFoundException");
}

#[test]
fn a_deletion_is_scheduled_cancelled_and_done() {
    let mut room = Room::new();
    let id = room.key();
    let key = json!({"KeyId": id});
    room.kms("CreateAlias", json!({"AliasName": "alias/app", "TargetKeyId": id})).expect("named");
    for days in [0, 6, 31, 366] {
        let body = json!({"KeyId": id, "PendingWindowInDays": days});
        assert_eq!(code(room.kms("ScheduleKeyDeletion", body)), "ValidationException", "{days}");
    }
    assert_eq!(code(room.kms("CancelKeyDeletion", key.clone())), "KMSInvalidStateException");
    let scheduled = room.kms("ScheduleKeyDeletion", key.clone()).expect("scheduled");
    assert_eq!(scheduled["DeletionDate"], 1_782_000_000.0 + 30.0 * 86_400.0);
    assert_eq!(
        (&scheduled["KeyState"], &scheduled["PendingWindowInDays"]),
        (&json!("PendingDeletion"), &json!(30))
    );
    for (operation, body) in [
        ("ScheduleKeyDeletion", key.clone()),
        ("EnableKey", key.clone()),
        ("DisableKey", key.clone()),
        ("TagResource", json!({"KeyId": id, "Tags": [{"TagKey": "a", "TagValue": "b"}]})),
        ("UntagResource", json!({"KeyId": id, "TagKeys": ["a"]})),
        ("CreateAlias", json!({"AliasName": "alias/b", "TargetKeyId": id})),
    ] {
        assert_eq!(code(room.kms(operation, body)), "KMSInvalidStateException", "{operation}");
    }
    let cancelled = room.kms("CancelKeyDeletion", key.clone()).expect("cancelled");
    assert!(cancelled["KeyId"].as_str().expect("an ARN").ends_with(&id));
    assert_eq!(room.world.kms.key(&id).expect("there").state, KeyState::Disabled);
    room.kms("EnableKey", key.clone()).expect("enabled");
    room.kms("ScheduleKeyDeletion", json!({"KeyId": id, "PendingWindowInDays": 7})).expect("scheduled");
    let metadata = room.kms("DescribeKey", key.clone()).expect("described")["KeyMetadata"].take();
    assert_eq!((&metadata["Enabled"], &metadata["KeyState"]), (&json!(false), &json!("PendingDeletion")));
    room.pass(Duration::days(7) - Duration::seconds(1));
    room.kms("DescribeKey", json!({"KeyId": "alias/app"})).expect("still there");
    room.pass(Duration::days(1));
    assert_eq!(code(room.kms("DescribeKey", key)), "NotFoundException");
    assert_eq!(code(room.kms("DescribeKey", json!({"KeyId": "alias/app"}))), "NotFoundException");
    let [gone] = room.world.kms.history() else { panic!("one key") };
    assert_eq!(gone.gone_at, Some(gone.created_at + Duration::days(7)));
    let other = room.key();
    room.kms("CreateAlias", json!({"AliasName": "alias/app", "TargetKeyId": other})).expect("free again");
}

#[test]
fn policies_are_checked_kept_and_told() {
    let mut room = Room::new();
    let id = room.key();
    let given = room.kms("GetKeyPolicy", json!({"KeyId": id})).expect("a policy");
    assert!(given["Policy"].as_str().expect("text").contains(":root"));
    let put = |policy: &str| json!({"KeyId": id, "Policy": policy});
    let locked = allowing(json!({"AWS": ROLE}), "kms:Decrypt");
    let (code_, message) = room.kms("PutKeyPolicy", put(&locked)).expect_err("lockout");
    assert_eq!(code_, "MalformedPolicyDocumentException");
    assert_eq!(message, "The new key policy will not allow you to update the key policy in the future.");
    assert_eq!(code(room.kms("CreateKey", json!({"Policy": locked}))), "MalformedPolicyDocumentException");
    let mut bypassing = put(&locked);
    bypassing["BypassPolicyLockoutSafetyCheck"] = json!(true);
    room.kms("PutKeyPolicy", bypassing).expect("put");
    assert!(room.world.kms.may(ROLE, "kms:Decrypt", &id));
    assert!(!room.world.kms.may(ROLE, "kms:Encrypt", &id));
    let open = allowing(json!({"AWS": ROLE}), "kms:*");
    room.kms("PutKeyPolicy", put(&open)).expect("put");
    assert_eq!(room.kms("GetKeyPolicy", json!({"KeyId": id})).expect("a policy")["Policy"], json!(open));
    for (policy, name, expected) in [
        ("{", None, "MalformedPolicyDocumentException"),
        (open.as_str(), Some("other"), "NotFoundException"),
        (&" ".repeat(33_000), None, "LimitExceededException"),
    ] {
        let mut body = put(policy);
        body["PolicyName"] = json!(name);
        assert_eq!(code(room.kms("PutKeyPolicy", body)), expected);
    }
    room.world.kms.known_principals = Some([ROLE.to_owned()].into());
    room.kms("PutKeyPolicy", put(&open)).expect("known");
    let stranger = allowing(json!({"AWS": format!("{ROLE}-not")}), "kms:*");
    let (_, message) = room.kms("PutKeyPolicy", put(&stranger)).expect_err("a stranger");
    assert_eq!(message, "Policy contains a statement with one or more invalid principals.");
}

#[test]
fn lists_are_paged() {
    let mut room = Room::new();
    let keys: Vec<String> = (0..5).map(|_| room.key()).collect();
    for number in 0..4 {
        let body = json!({"AliasName": format!("alias/{number}"), "TargetKeyId": keys[number / 3]});
        room.kms("CreateAlias", body).expect("named");
        let tags = json!([{"TagKey": format!("k{number}"), "TagValue": ""}]);
        room.kms("TagResource", json!({"KeyId": keys[0], "Tags": tags})).expect("tagged");
    }
    let mut walk = |operation: &str, list: &str, item: &str, mut body: Value| {
        let mut pages = Vec::new();
        loop {
            let page = room.kms(operation, body.clone()).expect("listed");
            let items = page[list].as_array().expect("a list");
            pages
                .push(items.iter().map(|it| it[item].as_str().expect("text").to_owned()).collect::<Vec<_>>());
            assert_eq!(page["Truncated"], json!(page.get("NextMarker").is_some()));
            match page.get("NextMarker") {
                Some(marker) => body["Marker"] = marker.clone(),
                None => return pages,
            }
        }
    };
    let pages = walk("ListKeys", "Keys", "KeyId", json!({"Limit": 2}));
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    let mut all: Vec<String> = pages.into_iter().flatten().collect();
    let mut expected = keys.clone();
    all.sort();
    expected.sort();
    assert_eq!(all, expected);
    let pages = walk("ListAliases", "Aliases", "AliasName", json!({"Limit": 4}));
    assert_eq!(pages[0], ["alias/0", "alias/1", "alias/2", "alias/3"]);
    assert_eq!(pages[1], ["alias/aws/rds", "alias/aws/secretsmanager"]);
    let pages = walk("ListAliases", "Aliases", "AliasName", json!({"KeyId": keys[0], "Limit": 2}));
    assert_eq!(pages, [vec!["alias/0", "alias/1"], vec!["alias/2"]]);
    let pages = walk("ListResourceTags", "Tags", "TagKey", json!({"KeyId": keys[0], "Limit": 3}));
    assert_eq!(pages, [vec!["k0", "k1", "k2"], vec!["k3"]]);
    assert_eq!(code(room.kms("ListKeys", json!({"Marker": "x"}))), "InvalidMarkerException");
    assert_eq!(code(room.kms("ListKeys", json!({"Limit": 1001}))), "ValidationException");
    assert_eq!(code(room.kms("ListAliases", json!({"KeyId": "nobody"}))), "NotFoundException");
}

#[test]
fn tags_and_what_is_not_simulated() {
    let mut room = Room::new();
    let id = room.key();
    let tag = |key: &str, value: &str| json!({"KeyId": id, "Tags": [{"TagKey": key, "TagValue": value}]});
    room.kms("TagResource", tag("a", "1")).expect("tagged");
    room.kms("TagResource", tag("a", "2")).expect("tagged");
    room.kms("TagResource", tag("b", "3")).expect("tagged");
    room.kms("UntagResource", json!({"KeyId": id, "TagKeys": ["b"]})).expect("untagged");
    let tags = room.world.kms.key(&id).expect("there").tags.clone();
    assert_eq!(tags.into_iter().collect::<Vec<_>>(), [("a".to_owned(), "2".to_owned())]);
    assert_eq!(code(room.kms("TagResource", tag("aws:a", "1"))), "TagException");
    assert_eq!(code(room.kms("UntagResource", json!({"KeyId": id, "TagKeys": ["aws:a"]}))), "TagException");
    let twice = json!([{"TagKey": "a", "TagValue": ""}, {"TagKey": "a", "TagValue": ""}]);
    assert_eq!(code(room.kms("CreateKey", json!({"Tags": twice}))), "TagException");
    let many: Vec<_> = (0..51).map(|n| json!({"TagKey": format!("k{n}"), "TagValue": ""})).collect();
    assert_eq!(code(room.kms("CreateKey", json!({"Tags": many}))), "LimitExceededException");
    assert_eq!(code(room.kms("CreateKey", json!({"Tags": [{"TagKey": "a"}]}))), "ValidationException");
    for (name, value) in [
        ("KeySpec", json!("RSA_2048")),
        ("KeyUsage", json!("SIGN_VERIFY")),
        ("MultiRegion", json!(true)),
        ("Origin", json!("EXTERNAL")),
        ("XksKeyId", json!("x")),
    ] {
        let (code, message) = room.kms("CreateKey", json!({ name: value })).expect_err("not simulated");
        assert!(code == "ValidationException" && message.contains(name), "{message}");
    }
    let (code, message) = room.kms("CreateGrant", json!({"KeyId": id})).expect_err("not simulated");
    assert!(code == "UnknownOperationException" && message.contains("CreateGrant"));
    assert_eq!(room.world.kms.history().len(), 1);
}

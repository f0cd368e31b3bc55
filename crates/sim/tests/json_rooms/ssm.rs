//! SSM Parameter Store.

use aurora_clone_sim::{Fault, FaultKind, Target};
use chrono::Duration;
use serde_json::{Value, json};

use crate::room::{MANAGER, Room};

const NAME: &str = "/clones/maintenance-config";
const ARN: &str = "arn:aws:ssm:eu-west-1:123456789012:parameter/clones/maintenance-config";

fn get(room: &mut Room, name: &str) -> Result<Value, (String, String)> {
    room.call("AmazonSSM.GetParameter", json!({ "Name": name }))
}

fn put(room: &mut Room, body: Value) -> Result<Value, (String, String)> {
    room.call("AmazonSSM.PutParameter", body)
}

#[test]
fn what_is_put_by_hand_is_read_by_name_and_by_arn() {
    let mut room = Room::new();
    room.pass(Duration::hours(1));
    let at = room.world.now().timestamp() as f64;
    room.world.ssm.put(NAME, "{}");
    for name in [NAME, ARN] {
        let answer = get(&mut room, name).expect("there");
        let expected = json!({"Parameter": {
            "Name": NAME, "Type": "String", "Value": "{}", "Version": 1,
            "LastModifiedDate": at, "ARN": ARN, "DataType": "text",
        }});
        assert_eq!(answer, expected);
    }
    room.pass(Duration::hours(1));
    room.world.ssm.put(NAME, "[]");
    let answer = get(&mut room, NAME).expect("there");
    assert_eq!((&answer["Parameter"]["Version"], &answer["Parameter"]["Value"]), (&json!(2), &json!("[]")));
    assert_eq!(answer["Parameter"]["LastModifiedDate"], json!(at + 3600.0));

    assert!(room.world.ssm.remove(NAME) && !room.world.ssm.remove(NAME));
    assert_eq!(get(&mut room, NAME).expect_err("gone").0, "ParameterNotFound");
    assert_eq!(get(&mut room, ARN).expect_err("gone").0, "ParameterNotFound");
    room.world.ssm.put(NAME, "{}");
    assert_eq!(get(&mut room, NAME).expect("there")["Parameter"]["Version"], json!(1));
}

#[test]
fn a_parameter_is_overwritten_only_on_request() {
    let mut room = Room::new();
    let body = |value: &str| json!({"Name": NAME, "Value": value, "Type": "String"});
    assert_eq!(put(&mut room, body("a")).expect("made"), json!({"Version": 1, "Tier": "Standard"}));
    assert_eq!(put(&mut room, body("b")).expect_err("exists").0, "ParameterAlreadyExists");
    let over = json!({"Name": NAME, "Value": "c", "Overwrite": true});
    assert_eq!(put(&mut room, over).expect("changed"), json!({"Version": 2, "Tier": "Standard"}));
    let parameter = room.world.ssm.parameter(NAME).expect("there");
    assert_eq!((parameter.value.as_str(), parameter.created_by.as_str()), ("c", "AKIAPERSON"));
}

#[test]
fn a_tier_has_its_limit() {
    let mut room = Room::new();
    let mut put = |value: usize, tier: &str| {
        let body = json!({
            "Name": NAME, "Value": "x".repeat(value), "Type": "String", "Overwrite": true, "Tier": tier,
        });
        put(&mut room, body).map(|answer| answer["Tier"].clone()).map_err(|(code, _)| code)
    };
    let refused = || Err("ValidationException".to_owned());
    assert_eq!(put(4096, "Standard"), Ok(json!("Standard")));
    assert_eq!(put(4097, "Standard"), refused());
    assert_eq!(put(4096, "Intelligent-Tiering"), Ok(json!("Standard")));
    assert_eq!(put(4097, "Intelligent-Tiering"), Ok(json!("Advanced")));
    assert_eq!(put(8192, "Advanced"), Ok(json!("Advanced")));
    assert_eq!(put(8193, "Advanced"), refused());
    assert_eq!(put(1, "Standard"), refused(), "there is no way back");
    assert_eq!(put(1, "Golden"), refused());
    room.world.ssm.put("/big", &"x".repeat(20_000));
    assert_eq!(
        get(&mut room, "/big").expect("there")["Parameter"]["Value"].as_str().map(str::len),
        Some(20_000)
    );
}

#[test]
fn a_secure_string_is_shown_on_request_only() {
    let mut room = Room::new();
    put(&mut room, json!({"Name": NAME, "Value": "hidden", "Type": "SecureString"})).expect("made");
    let plain = get(&mut room, NAME).expect("there");
    assert_ne!(plain["Parameter"]["Value"], json!("hidden"));
    let body = json!({"Name": NAME, "WithDecryption": true});
    let open = room.call("AmazonSSM.GetParameter", body).expect("there");
    assert_eq!(open["Parameter"]["Value"], json!("hidden"));
    let other = json!({"Name": NAME, "Value": "x", "Type": "String", "Overwrite": true});
    assert_eq!(put(&mut room, other).expect_err("another type").0, "HierarchyTypeMismatchException");
}

#[test]
fn what_is_wrong_or_not_simulated_is_said_loudly() {
    let mut room = Room::new();
    let put = |name: &str| json!({"Name": name, "Value": "v", "Type": "String"});
    for (operation, body, code) in [
        ("PutParameter", put("a/b"), "ValidationException"),
        ("PutParameter", put("/a//b"), "ValidationException"),
        ("PutParameter", put("/a b"), "ValidationException"),
        ("PutParameter", put("/"), "ValidationException"),
        ("PutParameter", put("AWS-x"), "ValidationException"),
        ("PutParameter", put("/ssm/x"), "ValidationException"),
        ("PutParameter", put(ARN), "ValidationException"),
        ("PutParameter", put(&"/a".repeat(16)), "HierarchyLevelLimitExceededException"),
        ("PutParameter", json!({"Name": NAME, "Value": "v"}), "ValidationException"),
        ("PutParameter", json!({"Name": NAME, "Value": "v", "Type": "Number"}), "ValidationException"),
        (
            "PutParameter",
            json!({"Name": NAME, "Value": "v", "Type": "String", "Wheels": 4}),
            "ValidationException",
        ),
        (
            "PutParameter",
            json!({"Name": NAME, "Value": "v", "Type": "String", "DataType": "json"}),
            "ValidationException",
        ),
        ("GetParameter", json!({}), "ValidationException"),
        ("GetParameter", json!({"Name": "x:3"}), "ValidationException"),
        ("GetParameter", json!({"Name": "x", "Wheels": 4}), "ValidationException"),
        (
            "GetParameter",
            json!({"Name": "arn:aws:ssm:eu-west-1:999999999999:parameter/x"}),
            "ParameterNotFound",
        ),
        ("GetParameters", json!({"Names": ["x"]}), "UnknownOperationException"),
        ("GetParameter", json!([]), "SerializationException"),
    ] {
        room.world.ssm.put("x", "v");
        assert_eq!(room.refused(&format!("AmazonSSM.{operation}"), body.clone()), code, "{operation} {body}");
    }
}

#[test]
fn the_manager_overwrites_only_what_it_made() {
    let mut room = Room::new();
    room.world.ssm.put("/theirs", "v");
    room.caller = MANAGER;
    for name in ["/ours", "/ours", "/theirs"] {
        put(&mut room, json!({"Name": name, "Value": "w", "Type": "String", "Overwrite": true}))
            .expect("put");
    }
    assert_eq!(
        room.world.violations,
        ["S1 PutParameter by the manager hit the parameter /theirs, which \"\" made"]
    );
}

#[test]
fn a_denied_read_looks_like_one() {
    let mut room = Room::new();
    room.world.ssm.put(NAME, "{}");
    room.world.set_faults(vec![Fault { target: Target::Every("GetParameter"), kind: FaultKind::Deny }]);
    room.outcome("AmazonSSM.GetParameter", &json!({ "Name": NAME }), true);
    let call = room.world.log.last().expect("logged");
    assert_eq!((call.service, call.error.as_deref()), ("ssm", Some("AccessDeniedException")));
    assert!(!call.mutates());
}

//! Faults on the rooms of the JSON 1.1 protocol.

use aurora_clone_sim::world::Outcome;
use aurora_clone_sim::{Fault, FaultKind, Target};
use serde_json::{Value, json};

use crate::room::{Room, TOKEN};

/// One call of each service, and the name of its internal error.
fn calls() -> [(&'static str, &'static str, Value, &'static str); 4] {
    let secret = json!({"Name": "s", "SecretString": "v", "ClientRequestToken": TOKEN});
    let entry = json!({"Source": "s", "DetailType": "d", "Detail": "{}"});
    let parameter = json!({"Name": "p", "Value": "v", "Type": "String", "Overwrite": true});
    [
        ("secretsmanager.CreateSecret", "CreateSecret", secret, "InternalServiceError"),
        ("TrentService.CreateKey", "CreateKey", json!({}), "KMSInternalException"),
        ("AWSEvents.PutEvents", "PutEvents", json!({"Entries": [entry]}), "InternalException"),
        ("AmazonSSM.PutParameter", "PutParameter", parameter, "InternalServerError"),
    ]
}

fn made(room: &Room) -> usize {
    let world = &room.world;
    let keys = world.kms.keys().filter(|key| !key.is_managed).count();
    world.secrets.iter().count() + keys + world.events.taken.len() + world.ssm.iter().count()
}

#[test]
fn a_refusal_bears_the_services_own_code_and_nothing_happens() {
    for (target, operation, body, internal) in calls() {
        for (kind, status, code) in [
            (FaultKind::Throttle, 400, "ThrottlingException"),
            (FaultKind::Deny, 400, "AccessDeniedException"),
            (FaultKind::ServerError, 500, internal),
        ] {
            let mut room = Room::new();
            room.world
                .set_faults(vec![Fault { target: Target::Operation(operation, 1), kind: kind.clone() }]);
            let Outcome::Reply(response, _) = room.outcome(target, &body, true) else { panic!("a reply") };
            let told: Value = serde_json::from_slice(&response.body).expect("JSON");
            assert_eq!((response.status, &told["__type"]), (status, &json!(code)), "{target}");
            let message = if target.starts_with("secrets") { "Message" } else { "message" };
            assert!(told[message].is_string(), "{told}");
            assert_eq!(response.headers[0].1, "application/x-amz-json-1.1");
            assert!(response.headers.iter().any(|(name, _)| name == "x-amzn-requestid"));
            let call = room.world.log.last().expect("logged");
            assert_eq!((call.executed, call.error.as_deref(), &call.fault), (false, Some(code), &Some(kind)));
            assert_eq!(made(&room), 0);
            room.outcome(target, &body, true);
            assert_eq!(made(&room), 1, "the second call is not hit");
        }
    }
}

#[test]
fn a_lost_reply_hides_an_execution() {
    for (target, operation, body, _) in calls() {
        for (kind, done) in [(FaultKind::LostRequest, 0), (FaultKind::LostReply, 1)] {
            let mut room = Room::new();
            room.world.set_faults(vec![Fault { target: Target::Every(operation), kind }]);
            assert!(matches!(room.outcome(target, &body, true), Outcome::Lost));
            assert_eq!(made(&room), done, "{target}");
        }
    }
    let mut room = Room::new();
    let [(target, operation, body, _), (create_key, ..), ..] = calls();
    let lost = Fault { target: Target::Operation(operation, 1), kind: FaultKind::LostReply };
    room.world.set_faults(vec![lost]);
    room.outcome(target, &body, true);
    room.outcome(target, &body, true);
    room.outcome(create_key, &json!({}), true);
    room.outcome(create_key, &json!({}), true);
    assert_eq!(made(&room), 3, "a secret's token finds what was made; a key is made twice");
}

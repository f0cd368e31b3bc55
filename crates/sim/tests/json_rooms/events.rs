//! EventBridge: what PutEvents takes.

use chrono::{DateTime, Duration};
use serde_json::{Value, json};

use crate::room::{PERSON, Room};

fn entry(change: &[(&str, Value)]) -> Value {
    let mut entry = json!({"Source": "clones", "DetailType": "Clone Ready", "Detail": "{\"clone\": \"a\"}"});
    for (name, value) in change {
        entry[*name] = value.clone();
    }
    entry
}

#[test]
fn events_are_taken_in_order() {
    let mut room = Room::new();
    let second = entry(&[
        ("Time", json!(1_700_000_000.5)),
        ("Resources", json!(["arn:x"])),
        ("EventBusName", json!("arn:aws:events:eu-west-1:123456789012:event-bus/default")),
    ]);
    let answer = room.put_events(json!([entry(&[]), second])).expect("put");
    assert_eq!(answer["FailedEntryCount"], 0);
    let [first, second] = &room.world.events.taken[..] else { panic!("two events") };
    assert_eq!(answer["Entries"], json!([{"EventId": first.id}, {"EventId": second.id}]));
    assert_eq!((first.source.as_str(), first.detail_type.as_str()), ("clones", "Clone Ready"));
    assert_eq!((&first.detail, first.principal.as_str()), (&json!({"clone": "a"}), PERSON));
    assert_eq!((first.at, first.time, first.bus.as_str()), (room.world.now(), room.world.now(), "default"));
    assert_eq!(
        (second.at, Some(second.time)),
        (first.at, DateTime::from_timestamp_millis(1_700_000_000_500))
    );
    assert_eq!((&second.resources[..], second.bus.as_str()), (&["arn:x".to_owned()][..], "default"));
}

#[test]
fn entries_fail_one_by_one() {
    let mut room = Room::new();
    let without = |name: &str| entry(&[(name, Value::Null)]);
    let answer = room
        .put_events(json!([
            entry(&[]),
            without("Source"),
            without("DetailType"),
            entry(&[("Detail", json!(""))]),
            entry(&[("Detail", json!("[1]"))]),
            entry(&[("Detail", json!("{"))]),
            entry(&[("Source", json!("aws.rds"))]),
            entry(&[("DetailType", json!("d".repeat(129)))]),
            entry(&[("EventBusName", json!("a b"))]),
            entry(&[("Source", json!("awsome"))]),
        ]))
        .expect("put");
    assert_eq!(answer["FailedEntryCount"], 8);
    let codes: Vec<_> = answer["Entries"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| {
            assert_ne!(entry.get("EventId").is_some(), entry.get("ErrorMessage").is_some());
            entry["ErrorCode"].as_str().unwrap_or("ok")
        })
        .collect();
    let (bad, malformed) = ("InvalidArgument", "MalformedDetail");
    let source = "NotAuthorizedForSourceException";
    assert_eq!(codes, ["ok", bad, bad, bad, malformed, malformed, source, bad, bad, "ok"]);
    assert_eq!(room.world.events.taken.len(), 2);
}

#[test]
fn whole_requests_are_refused() {
    let mut room = Room::new();
    let target = "AWSEvents.PutEvents";
    for body in [
        json!({}),
        json!({"Entries": []}),
        json!({"Entries": vec![entry(&[]); 11]}),
        json!({"Entries": [entry(&[("Detail", Value::Null)])]}),
        json!({"Entries": [entry(&[("TraceHeader", json!("x"))])]}),
        json!({"Entries": [entry(&[])], "EndpointId": "a.b"}),
    ] {
        assert_eq!(room.refused(target, body.clone()), "ValidationException", "{:.60}", body.to_string());
    }
    assert_eq!(room.refused("AWSEvents.PutRule", json!({})), "UnknownOperationException");
    let detail = |size: usize| json!({"x": "y".repeat(size - "{\"x\":\"\"}".len())}).to_string();
    let fixed = "clones".len() + "Clone Ready".len();
    let at_most = detail(256 * 1024 - fixed);
    room.put_events(json!([entry(&[("Detail", json!(at_most))])])).expect("as big as can be");
    let too_big = json!([entry(&[("Detail", json!(detail(256 * 1024 - fixed + 1)))])]);
    let (code, message) = room.put_events(too_big.clone()).expect_err("too big");
    assert_eq!(code, "ValidationException");
    assert_eq!(message, "Total size of the entries in the request is over the limit.");
    let halves = vec![entry(&[("Detail", json!(detail(131_072)))]); 2];
    assert_eq!(room.refused(target, json!({"Entries": halves})), "ValidationException", "the sum counts");
    room.world.events.size_limit = 1024 * 1024;
    room.put_events(too_big).expect("the knob");
}

#[test]
fn an_event_for_no_bus_is_lost_in_silence() {
    let mut room = Room::new();
    let entries = json!([entry(&[("EventBusName", json!("mine"))])]);
    let answer = room.put_events(entries.clone()).expect("put");
    assert_eq!(answer["FailedEntryCount"], 0);
    assert_eq!((room.world.events.taken.len(), room.world.events.lost.len()), (0, 1));
    room.world.events.buses.insert("mine".to_owned());
    room.pass(Duration::seconds(1));
    room.put_events(entries).expect("put");
    assert_eq!(room.world.events.taken[0].bus, "mine");
}

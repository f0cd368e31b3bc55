//! Whatever arrives, reading it ends in a value or in an error that fits into an answer.

use aurora_clone_core::answer::{MAX_BYTES, body};
use aurora_clone_core::event::{Envelope, request_type};
use aurora_clone_core::plan::Decision;
use aurora_clone_core::properties::table::names;
use aurora_clone_core::properties::{
    Properties, cluster_id_leniently, describe, final_snapshot_leniently, service_timeout, source_leniently,
};
use aurora_clone_core::request::{self, Request};
use aurora_clone_core::response_url::ResponseUrl;
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

use crate::room::{STACK, place, settings};

const URL: &str = "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/arn%3Aaws%7CClone?X-Amz-Date=20260621T000000Z&X-Amz-Signature=0a1b";

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        select(&["prod", "true", "Fail", "P3D", "2026-01-01", "900", "auto", "", "arn:aws:rds:"][..])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            hash_map(".{0,12}", inner, 0..4).prop_map(|map| Value::Object(Map::from_iter(map))),
        ]
    })
}

fn any_properties() -> impl Strategy<Value = Value> {
    let name = prop_oneof![9 => select(names().collect::<Vec<_>>()).prop_map(str::to_owned), 1 => ".{0,200}"];
    let some = hash_map(name, any_json(), 0..6).prop_map(|map| Value::Object(Map::from_iter(map)));
    prop_oneof![5 => some, 1 => any_json()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_properties_are_read_or_refused_by_name(properties in any_properties()) {
        let read = Properties::parse(&properties, &place(), &settings(15, 1));
        if let Err(problems) = read {
            let text = describe(&problems);
            prop_assert!(!problems.is_empty() && !text.is_empty());
            let named = |name: &str| text.contains(name);
            prop_assert!(named("ResourceProperties") || named("is not a property") || names().any(named));
        }
        let patience = service_timeout(&properties).num_seconds();
        prop_assert!((1..=3_600).contains(&patience));
        let _ = (source_leniently(&properties), cluster_id_leniently(&properties));
        prop_assert!(!final_snapshot_leniently(&properties) || properties.get("FinalSnapshot").is_some());
    }

    #[test]
    fn any_event_that_is_taken_can_be_answered(
        fields in hash_map(
            select(&["StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId", "RequestType", "ResourceProperties"][..]),
            prop_oneof![any_json(), ".{0,1200}".prop_map(Value::from), "[\u{1}\"\\\\é😀]{0,1100}".prop_map(Value::from)],
            0..4,
        ),
        reason in ".{0,5000}",
    ) {
        let mut event = json!({
            "RequestType": "Create", "ResponseURL": URL, "StackId": STACK, "RequestId": "r",
            "LogicalResourceId": "Clone", "ResourceType": "Custom::AuroraClone", "ResourceProperties": {}
        });
        for (name, value) in fields {
            event[name] = value;
        }
        let kind = request_type(&event);
        if let Ok(envelope) = Envelope::read(&event, "eu-west-1", None) {
            let request = Request::new(&envelope, kind.ok(), &event);
            let id = request.physical_id.clone().unwrap_or_else(|| request.rejected_id());
            let body = body(&request, &Decision::failed(id.clone(), reason.as_str()));
            prop_assert!(body.len() <= MAX_BYTES, "{}", body.len());
            let parsed: Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(parsed["PhysicalResourceId"].as_str(), Some(id.as_str()));
            prop_assert!(reason.is_empty() || parsed["Reason"] != "");
            let key = request::key(&envelope);
            prop_assert!(key.len() <= 80 && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{}", key);
        }
    }

    #[test]
    fn a_url_that_is_taken_is_of_the_bucket_to_the_letter(
        changes in vec((any::<Index>(), prop_oneof![any::<char>(), select(&['@', '/', '\\', ':', '#', '?', '\t', '.', '%', ' '][..])], any::<bool>()), 1..4),
    ) {
        let mut text: Vec<char> = URL.chars().collect();
        for (at, char, replace) in changes {
            let at = at.index(text.len());
            if replace { text[at] = char } else { text.insert(at, char) }
        }
        let text: String = text.into_iter().collect();
        if ResponseUrl::parse(&text, &place(), None).is_ok() {
            let rest = text.strip_prefix("https://cloudformation-custom-resource-response-euwest1.");
            let rest = rest.and_then(|rest| ["s3.eu-west-1.", "s3-eu-west-1.", "s3."].iter().find_map(|s3| rest.strip_prefix(s3)));
            let rest = rest.and_then(|rest| rest.strip_prefix("amazonaws.com"));
            prop_assert!(rest.is_some_and(|rest| rest.starts_with('/')), "{}", text);
            prop_assert!(text.chars().all(|c| c.is_ascii_graphic()), "{}", text);
        }
    }
}

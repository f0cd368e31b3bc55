//! What EventBridge is told, held against the examples of `docs/events.md`.

use std::collections::BTreeSet;

use aurora_clone_core::names::event;
use aurora_clone_sim::events::Event;
use aurora_clone_tests::House;
use serde_json::Value;

use super::scene::{Scene, answers, created, deleted, lines, log, output, refused, updated};

fn told(house: &House) -> Vec<Event> {
    house.look(|world| world.events.taken.clone())
}

fn types(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.detail_type.as_str()).collect()
}

/// The examples of the page.
fn examples() -> Vec<Value> {
    let page = include_str!("../../../docs/events.md");
    let blocks = page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks
        .map(|text| serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}")))
        .collect()
}

/// The keys of an event, of its detail and of what is in there, with the types of their values.
fn shape(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| shape(value, &format!("{at}.{key}"), found)),
        other => {
            let kind = match other {
                Value::Array(_) => "list",
                Value::String(_) => "text",
                Value::Number(_) => "number",
                _ => "something else",
            };
            found.insert(format!("{at}: {kind}"));
        }
    }
}

fn shape_of(detail: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    shape(detail, "detail", &mut found);
    found
}

#[tokio::test(start_paused = true)]
async fn the_examples_have_exactly_the_keys_of_what_is_told() {
    let house = Scene::Rich.open();
    created(&house, &lines(&["ExpiresAfter: P2D"])).await;
    house.update("web", &lines(&["ExpiresAfter: P2D\nDBClusterParameterGroupName: nobodys"]));
    house.settled("web").await;
    deleted(&house).await;
    let (told, mut examples) = (told(&house), examples());
    // The maintainer's events: `the_page_shows_what_a_sweep_tells` in core holds them against the page.
    // Those of its pools are held by `the_page_shows_what_a_pool_tells`.
    let of_maintainer = [
        event::CLONE_EXPIRING,
        event::ORPHAN_FOUND,
        event::COPY_READY,
        event::COPY_PURGED,
        event::POOL_SHORT,
    ];
    examples.retain(|example| !of_maintainer.iter().any(|name| example["detail-type"] == *name));
    let known = [event::INSTANCE_READY, event::CLONE_READY, event::CLONE_FAILED, event::CLONE_DELETED];
    let shown: Vec<&str> = examples.iter().map(|example| example["detail-type"].as_str().unwrap()).collect();
    assert_eq!(shown, known);
    for example in examples {
        let name = example["detail-type"].as_str().unwrap();
        let event =
            told.iter().find(|event| event.detail_type == name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(shape_of(&example["detail"]), shape_of(&event.detail), "{name}");
        assert_eq!((example["source"].as_str(), event.source.as_str()), (Some(event::SOURCE), event::SOURCE));
        assert_eq!(example["resources"].as_array().unwrap().len(), event.resources.len(), "{name}");
        let keys: BTreeSet<&str> = example.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(["source", "detail-type", "resources", "detail"]), "{name}");
        assert_eq!(event.bus, "default");
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_told_of_as_the_predecessor_did() {
    let house = Scene::Rich.open();
    let clone = created(&house, &lines(&["InstanceCount: 2\nClusterId: clone-mine"])).await;
    let told = told(&house);
    let instances: Vec<&Event> =
        told.iter().filter(|event| event.detail_type == event::INSTANCE_READY).collect();
    let keys = |event: &Event| event.detail.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let wanted = ["instanceId", "clusterId", "host", "port", "user", "passwordSecret", "database"];
    for (event, id) in instances.iter().zip(["clone-mine-1", "clone-mine-2"]) {
        assert_eq!(keys(event), wanted.into_iter().map(str::to_owned).collect());
        assert_eq!(
            (&event.detail["instanceId"], &event.detail["clusterId"]),
            (&id.into(), &clone.id.clone().into())
        );
        assert_eq!(event.detail["host"], output(&house, "Endpoint"));
        assert_eq!((&event.detail["port"], &event.detail["user"]), (&5_544.into(), &"dba".into()));
        assert_eq!(event.detail["passwordSecret"], output(&house, "PasswordSecret"));
        assert_eq!(event.resources, [format!("arn:aws:rds:eu-west-1:123456789012:db:{id}")]);
    }
    assert_eq!(types(&told), [event::INSTANCE_READY, event::INSTANCE_READY, event::CLONE_READY]);
}

#[tokio::test(start_paused = true)]
async fn a_clone_is_told_of_when_it_is_ready_replaced_failed_and_gone() {
    let house = Scene::Rich.open();
    let before = created(&house, &lines(&[])).await;
    let ready = [event::INSTANCE_READY, event::CLONE_READY];
    assert_eq!(types(&told(&house)), ready);
    let outputs = told(&house)[1].detail["outputs"].clone();
    assert_eq!(
        (&outputs["Arn"], outputs.as_object().unwrap().len()),
        (&before.physical_id.clone().into(), 19)
    );
    updated(&house, &lines(&["Description: in place"])).await;
    assert_eq!(types(&told(&house)), ready, "nothing new can be used");
    let after = updated(&house, &lines(&["Port: 6000"])).await;
    house.sim.sleep(chrono::Duration::minutes(1)).await;
    assert_eq!(types(&told(&house))[2..], [ready[0], ready[1], event::CLONE_DELETED]);
    assert_eq!(told(&house)[4].detail["clusterIds"], serde_json::json!([before.id]));
    house.update("web", &lines(&["Port: 6000\nDBClusterParameterGroupName: nobodys"]));
    house.settled("web").await;
    let failed = told(&house)[5].clone();
    assert_eq!(
        (failed.detail_type.as_str(), &failed.detail["requestType"]),
        (event::CLONE_FAILED, &"Update".into())
    );
    assert_eq!(failed.resources, vec![after.physical_id.clone()]);
    deleted(&house).await;
    let last = told(&house).pop().unwrap();
    assert_eq!(
        (last.detail_type.as_str(), &last.resources),
        (event::CLONE_DELETED, &vec![after.physical_id])
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_with_its_reason() {
    let house = Scene::Rich.open();
    refused(&house, &lines(&["Port: 80"]), &["Port is"]).await;
    let told = told(&house);
    assert_eq!(types(&told), [event::CLONE_FAILED]);
    let reason = told[0].detail["reason"].as_str().unwrap();
    assert!(answers(&house)[0]["Reason"].as_str().unwrap().starts_with(reason), "{reason}");
    assert_eq!(told[0].detail["logicalResourceId"], "Clone");
}

#[tokio::test(start_paused = true)]
async fn cloudformation_hears_of_it_first() {
    let house = Scene::Rich.open();
    created(&house, &lines(&[])).await;
    house.sim.sleep(chrono::Duration::minutes(1)).await;
    let log = log(&house);
    let at = |operation: &str| log.iter().position(|call| call.operation == operation).unwrap();
    assert!(at("PutObject") < at("PutEvents"));
}

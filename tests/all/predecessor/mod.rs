//! One test for each defect of the predecessor (yummly/aurora-clone-manager), named after it: `p01` to `p22` of the failure modes'
//! list, `defect_01` to `defect_24` of the peers' list. Where both lists name the same thing, both tests call one body.
//! `docs/failure-modes.md` has the lists.

mod access;
mod counting;
mod ending;
mod maintainer;
mod password;
mod pool;
mod telling;
mod template;
mod wishes;

use std::path::Path;

use aurora_clone_sim::bucket::ResponseBucket;
use aurora_clone_sim::rds::Cluster;
use aurora_clone_sim::{Call, Config, Fault, FaultKind, Target, World};
use aurora_clone_tests::{FUNCTION, House, MANAGER_KEY, PERSON_KEY, function_arn, strangers_clone};
use chrono::Duration;
use serde_json::{Value, json};

pub const PLAIN: &str = "SourceClusterId: prod";

/// An account in which everything goes fast, so that a flow has few polls.
pub fn quick() -> Config {
    let mut config = Config::default();
    config.rds.clone_seconds = 35..=35;
    config.rds.create_instance_seconds = 40..=40;
    config.rds.delete_instance_seconds = 25..=25;
    config.rds.delete_cluster_seconds = 25..=25;
    config.rds.cluster_quota = 1_000;
    config.rds.instance_quota = 1_000;
    config
}

pub fn house() -> House {
    House::with(quick(), 0, |_| {})
}

#[track_caller]
pub fn check_status(house: &House, stack: &str, found: &str, status: &str) {
    assert_eq!(found, status, "{stack}\n{}", house.story(stack));
}

pub async fn expect(house: &House, stack: &str, status: &str) {
    let found = house.settled(stack).await;
    check_status(house, stack, &found, status);
}

pub async fn created(house: &House, stack: &str, properties: &str) -> Cluster {
    house.create(stack, properties);
    expect(house, stack, "CREATE_COMPLETE").await;
    clone_of(house, stack)
}

/// Creates a stack that must fail for a reason with these words, and leave nothing.
pub async fn fails(house: &House, stack: &str, properties: &str, words: &[&str]) {
    house.create(stack, properties);
    expect(house, stack, "ROLLBACK_COMPLETE").await;
    let story = house.story(stack);
    for word in words {
        assert!(story.contains(word), "no {word:?} in\n{story}");
    }
}

/// The cluster that a stack's resource names.
pub fn clone_of(house: &House, stack: &str) -> Cluster {
    house.look(|world| {
        let data = &world.cloudformation.resource(stack, "Clone").unwrap().data;
        world.rds.cluster(data["ClusterId"].as_str().unwrap()).unwrap().clone()
    })
}

pub fn output(house: &House, stack: &str, name: &str) -> String {
    house.look(|world| {
        world.cloudformation.resource(stack, "Clone").unwrap().data[name].as_str().unwrap().to_owned()
    })
}

pub fn stack_id(house: &House, stack: &str) -> String {
    house.look(|world| world.cloudformation.stack(stack).unwrap().id.clone())
}

/// The product's calls to a service.
pub fn calls_to(house: &House, service: &str) -> Vec<Call> {
    house.look(|world| {
        let ours = |call: &&Call| call.principal == MANAGER_KEY && call.service == service;
        world.log.iter().filter(ours).cloned().collect()
    })
}

/// The product's calls that changed something anywhere but in its own table and bucket.
pub fn changes(house: &House) -> Vec<String> {
    let of = |service| calls_to(house, service).into_iter();
    let calls = of("rds").chain(of("secretsmanager")).chain(of("kms"));
    calls.filter(|call| call.mutates() && call.executed).map(|call| call.operation).collect()
}

pub fn every(operation: &'static str, kind: FaultKind) -> Vec<Fault> {
    vec![Fault { target: Target::Every(operation), kind }]
}

pub fn set_faults(house: &House, faults: Vec<Fault>) {
    house.sim.with(|world| world.set_faults(faults));
}

/// A call that a person makes to a JSON service; it must be let in.
pub fn by_hand(house: &House, target: &str, body: Value) -> Value {
    let response = house.sim.with(|world| world.call_json_as(PERSON_KEY, target, &body));
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    serde_json::from_slice(&response.body).unwrap()
}

/// Takes `count` slots of a source.
pub fn by_hand_clones(world: &mut World, source: &str, count: usize) {
    for n in 1..=count {
        world.rds.seed_cluster(strangers_clone(&format!("by-hand-of-{source}-{n:02}"), source));
    }
}

/// Invokes the function with a Delete of our own making, and returns the answer to it.
pub async fn forged_delete(house: &House, stack_id: &str, physical_id: &str, request_id: &str) -> Value {
    let key = format!("{stack_id}|Clone|{request_id}");
    house.sim.with(|world| {
        let event = json!({
            "RequestType": "Delete",
            "ServiceToken": function_arn(&world.config),
            "ResponseURL": ResponseBucket::url_for(&world.config, world.now(), &key),
            "StackId": stack_id,
            "RequestId": request_id,
            "LogicalResourceId": "Clone",
            "PhysicalResourceId": physical_id,
            "ResourceType": "Custom::AuroraClone",
            "ResourceProperties": { "SourceClusterId": "prod" },
        });
        world.settle(|services, cx| services.functions.invoke_async(cx, FUNCTION, event));
    });
    for _ in 0..600 {
        house.sim.sleep(Duration::seconds(1)).await;
        let answer = house.look(|world| {
            let mut answers = world.bucket.answers.iter();
            answers
                .find(|answer| answer.key == key)
                .map(|answer| serde_json::from_slice(&answer.body).unwrap())
        });
        if let Some(answer) = answer {
            return answer;
        }
    }
    panic!("no answer to the deletion of {physical_id:?}");
}

/// A file of the repository.
pub fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// Every Rust source below a folder of the repository, with its path.
pub fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut open, mut found) = (vec![root.join(folder)], Vec::new());
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.display().to_string(), std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

//! The sweep end to end: leases that are over, and what no stack owns any more.

mod forged;
mod leases;
mod orphans;
mod words;

use aurora_clone_sim::rds::Cluster;
use aurora_clone_sim::{Fault, FaultKind, Target};
use aurora_clone_tests::House;
use aurora_clone_tests::pools::{Pools, wants};
use chrono::Duration;
use serde_json::json;

/// An account whose pool wants nothing, so that only the sweep has something to do.
pub fn quiet_pools() -> Pools {
    Pools::open(&wants(0, json!({})), |_| {})
}

pub const RICH: &str = "SourceClusterId: prod\nForceCreateKmsKey: true";

/// A stack whose clone was made.
pub async fn created(house: &House, stack: &str, properties: &str) -> Cluster {
    house.create(stack, properties);
    assert_eq!(house.settled(stack).await, "CREATE_COMPLETE", "{}", house.story(stack));
    clone_of(house, stack)
}

pub fn clone_of(house: &House, stack: &str) -> Cluster {
    house.look(|world| {
        let data = &world.cloudformation.resource(stack, "Clone").unwrap().data;
        world.rds.cluster(data["ClusterId"].as_str().unwrap()).unwrap().clone()
    })
}

/// Waits until nothing of a stack is in progress, whatever it left behind.
pub async fn rests(house: &House, stack: &str) -> String {
    for _ in 0..20_000 {
        house.sim.sleep(Duration::seconds(1)).await;
        if house.look(|world| world.cloudformation.is_settled(stack)) {
            return house.status(stack);
        }
    }
    panic!("{stack} does not settle: {}", house.story(stack));
}

pub fn exists(house: &House, id: &str) -> bool {
    house.look(|world| world.rds.cluster(id).is_some())
}

/// How many secrets and keys there are that were made for clones and can be used.
pub fn kept(house: &House) -> (usize, usize) {
    house.look(|world| {
        let keys = world.kms.keys().filter(|key| !key.is_managed && key.deletion_date.is_none());
        (world.secrets.iter().filter(|secret| secret.deleted_at.is_none()).count(), keys.count())
    })
}

pub fn faults(house: &House, faults: Vec<Fault>) {
    house.sim.with(|world| world.set_faults(faults));
}

pub fn every(operation: &'static str, kind: FaultKind) -> Vec<Fault> {
    vec![Fault { target: Target::Every(operation), kind }]
}

/// Everything that the plan of a sweep says, as one text.
pub async fn findings(pools: &Pools) -> String {
    let plan = pools.ask(json!({ "plan": true })).await.unwrap();
    plan["sweep"].to_string()
}

pub fn tag(house: &House, id: &str, key: &str, value: &str) {
    house.sim.with(|world| world.rds.set_tags(id, [(key.to_owned(), value.to_owned())]));
}

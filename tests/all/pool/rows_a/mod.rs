//! Rows D1 to D10 of the failure modes: what may never go, what may never be made twice, and what keeps a run from doing anything.

mod bounds;
mod clocks;
mod configurations;
mod listings;
mod plans;
mod races;
mod runs;

use aurora_clone_core::names::tag;
use aurora_clone_sim::faults::{Fault, FaultKind, Target};
use aurora_clone_sim::rds::SeedCluster;
use aurora_clone_sim::{Config, World};
use aurora_clone_tests::pools::Pools;
use aurora_clone_tests::{copy, strangers_clone};
use chrono::{DateTime, Duration, Utc};

/// An RDS in which everything is quick, and takes as long each time.
pub fn quick() -> Config {
    let mut config = Config::default();
    config.rds.clone_seconds = 60..=60;
    config.rds.full_copy_seconds = 600..=600;
    config.rds.create_instance_seconds = 90..=90;
    config.rds.delete_instance_seconds = 60..=60;
    config.rds.delete_cluster_seconds = 60..=60;
    config.rds.snapshot_seconds = 90..=90;
    config
}

/// A copy that was ready once, made so long ago.
pub fn made(world: &mut World, id: &str, root: &str, ago: Duration) {
    let mut seed: SeedCluster = copy(id, root, world.now() - ago);
    seed.tags.insert(tag::READY.to_owned(), time(world.now() - ago));
    world.rds.seed_cluster(seed);
}

/// The same, marked so long ago.
pub fn marked(world: &mut World, id: &str, root: &str, ago: Duration, marked: Duration) {
    let mut seed: SeedCluster = copy(id, root, world.now() - ago);
    seed.tags.insert(tag::READY.to_owned(), time(world.now() - ago));
    seed.tags.insert(tag::RETIRING.to_owned(), time(world.now() - marked));
    world.rds.seed_cluster(seed);
}

/// As tags have it.
pub fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Clones of people, so that a root has that much less room.
pub fn strangers(world: &mut World, root: &str, count: usize) {
    for n in 0..count {
        world.rds.seed_cluster(strangers_clone(&format!("{root}-by-hand-{n}"), root));
    }
}

/// Something goes wrong with every call of an operation from now on.
pub fn always(pools: &Pools, operation: &'static str, kind: FaultKind) {
    pools.sim.with(|world| world.set_faults(vec![Fault { target: Target::Every(operation), kind }]));
}

/// Nothing goes wrong any more.
pub fn fine(pools: &Pools) {
    pools.sim.with(|world| world.set_faults(Vec::new()));
}

/// How many copies the product ever asked for and got.
pub fn ever_made(pools: &Pools) -> usize {
    let began = |operation: &str| {
        ["RestoreDBClusterToPointInTime", "RestoreDBClusterFromSnapshot"].contains(&operation)
    };
    let calls = pools.rds_calls();
    let copies = calls.iter().filter(|call| call.executed && call.status == 200 && began(&call.operation));
    copies.filter(|call| call.parameters.values().any(|value| value == "copy")).count()
}

/// What the invocations of the maintainer that failed said, in order.
pub fn failures(pools: &Pools) -> Vec<String> {
    let failed = |record: aurora_clone_sim::functions::Record| match record.result {
        Some(Err(error)) => Some(format!("{}: {}", error.error_type, error.message)),
        _ => None,
    };
    pools.invocations().into_iter().filter_map(failed).collect()
}

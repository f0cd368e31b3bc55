//! The others in the account: clusters that are nobody's clone, clones by hand of our sources, and another manager's.

use std::collections::BTreeMap;

use aurora_clone_core::names::tag;
use aurora_clone_sim::World;
use aurora_clone_sim::rds::{CopyKind, SeedCluster};

use super::members;
use crate::{prod, strangers_clone};

/// Seeds the six sources, and so many others.
pub fn furnish(world: &mut World, others: usize) {
    for member in members() {
        world.rds.seed_cluster(prod(member.id));
    }
    for number in 0..others {
        world.rds.seed_cluster(bystander(number));
    }
}

fn bystander(number: usize) -> SeedCluster {
    let (own, sources) = (format!("team-{number}"), members());
    match number % 10 {
        // The first of each ten is cloned by the second.
        1 => others_clone(&format!("other-{number}"), &format!("team-{}", number - 1)),
        2 => strangers_clone(&format!("old-{number}"), sources[number / 10 % sources.len()].id),
        _ => SeedCluster { id: own, instances: 1 + number % 2, ..SeedCluster::default() },
    }
}

/// A clone that another manager of the same kind made.
fn others_clone(id: &str, root: &str) -> SeedCluster {
    let tags = [
        (tag::MANAGER, "another"),
        (tag::ROLE, "clone"),
        (tag::CLUSTER, id),
        (tag::ROOT, root),
        (tag::SOURCE, root),
        (tag::RESTORE_TYPE, "copy-on-write"),
        (tag::DATA_TIME, "2026-06-01T00:00:00Z"),
    ];
    let tags: BTreeMap<String, String> =
        tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let parent = Some((root.to_owned(), CopyKind::CopyOnWrite));
    SeedCluster { id: id.to_owned(), parent, tags, ..SeedCluster::default() }
}

//! What the World knows of the pools, which is counted without the product's code: its arithmetic may be what is wrong.

use aurora_clone_sim::World;
use aurora_clone_sim::rds::Cluster;
use chrono::{DateTime, Duration, Utc};

use crate::MANAGER_KEY;

/// Clones per volume that the product may make: Aurora's 15, less the operator's margin.
const SLOTS: usize = 14;

/// Whether the product made it as a copy of a root, and what for is still written on it.
pub fn is_copy_of(cluster: &Cluster, root: &str) -> bool {
    cluster.truth.created_by == MANAGER_KEY
        && tag(cluster, "role") == Some("copy")
        && tag(cluster, "root") == Some(root)
        && tag(cluster, "cluster") == Some(&cluster.id)
}

/// Whether the product made it as a clone, and what for is still written on it.
pub fn is_clone(cluster: &Cluster) -> bool {
    cluster.truth.created_by == MANAGER_KEY
        && tag(cluster, "role") == Some("clone")
        && tag(cluster, "cluster") == Some(&cluster.id)
}

/// A tag of the product's.
pub fn tag<'c>(cluster: &'c Cluster, key: &str) -> Option<&'c str> {
    cluster.tags.get(&format!("aurora-clone:{key}")).map(String::as_str)
}

/// Slots of a root's family that a Create could take at this moment.
pub fn free_slots(world: &World, root: &str, oldest: Duration) -> usize {
    let family = world.rds.clusters().filter(|c| c.id == root || is_copy_of(c, root));
    let usable = family.filter(|cluster| serves(world, cluster, root, oldest));
    usable.map(|c| SLOTS.saturating_sub(world.rds.living_clones_of_volume(&c.truth.volume))).sum()
}

fn serves(world: &World, cluster: &Cluster, root: &str, oldest: Duration) -> bool {
    let works = cluster.status == "available" && world.rds.instances_of(&cluster.id).next().is_some();
    let data = || tag(cluster, "data-time")?.parse::<DateTime<Utc>>().ok();
    let young = || data().is_some_and(|time| world.now() - time <= oldest);
    works && (cluster.id == root || (tag(cluster, "retiring").is_none() && young()))
}

//! What the simulated account knows of a pool, counted from its own knowledge and not by the manager's arithmetic.

use aurora_clone_core::names::tag;
use aurora_clone_core::pool::config::SourceConfig;
use aurora_clone_core::pool::standing::{max_age, slots_per_source};
use aurora_clone_core::settings::Settings;
use aurora_clone_sim::World;
use aurora_clone_sim::rds::Cluster;
use chrono::{DateTime, Duration, Utc};

use super::figures::Sample;
use crate::account::MANAGER_KEY;

/// What a Create goes by.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    slots: usize,
    oldest: Duration,
}

impl Rules {
    /// Those of a source.
    pub fn new(policy: Option<&SourceConfig>, settings: &Settings) -> Self {
        match policy {
            Some(policy) => {
                Self { slots: slots_per_source(policy, settings) as usize, oldest: max_age(policy, settings) }
            }
            None => {
                let slots = settings.limit.saturating_sub(settings.margin) as usize;
                Self { slots, oldest: settings.max_copy_age }
            }
        }
    }
}

/// A source as it is now.
pub fn sample(world: &World, root: &str, rules: &Rules) -> Sample {
    let mut sample = Sample { time: world.now(), free: 0, used: 0, copies: 0, clones: 0, full_copies: 0 };
    for cluster in world.rds.clusters() {
        let role = role_of(cluster, root);
        if cluster.id == root || role == Some("copy") {
            let taken = world.rds.living_clones_of_volume(&cluster.truth.volume);
            sample.used += taken;
            if serves(world, cluster, root, rules.oldest) {
                sample.free += rules.slots.saturating_sub(taken);
            }
        }
        match role {
            Some("copy") => sample.copies += 1,
            Some("clone") => {
                sample.clones += 1;
                sample.full_copies += usize::from(!cluster.truth.copy_on_write);
            }
            _ => {}
        }
    }
    sample
}

/// What the manager made it for, if it made it for this root.
fn role_of<'c>(cluster: &'c Cluster, root: &str) -> Option<&'c str> {
    let ours = cluster.truth.created_by == MANAGER_KEY
        && tag(cluster, tag::ROOT) == Some(root)
        && tag(cluster, tag::CLUSTER) == Some(&cluster.id);
    if ours { tag(cluster, tag::ROLE) } else { None }
}

fn tag<'c>(cluster: &'c Cluster, key: &str) -> Option<&'c str> {
    cluster.tags.get(key).map(String::as_str)
}

fn serves(world: &World, cluster: &Cluster, root: &str, oldest: Duration) -> bool {
    let works = cluster.status == "available"
        && world.rds.instances_of(&cluster.id).any(|instance| instance.status == "available");
    let young = || {
        let time = tag(cluster, tag::DATA_TIME).and_then(|text| text.parse::<DateTime<Utc>>().ok());
        time.is_some_and(|time| world.now() - time <= oldest)
    };
    works && (cluster.id == root || (tag(cluster, tag::RETIRING).is_none() && young()))
}

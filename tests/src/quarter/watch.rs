//! What is looked at every hour: what may never happen, and the figures of the table and the plot.

use std::collections::{BTreeMap, BTreeSet};

use aurora_clone_core::pool::config::SourceConfig;
use aurora_clone_sim::World;
use aurora_clone_sim::functions::Counts;
use aurora_clone_sim::rds::Life;
use chrono::{DateTime, Utc};

use super::{Asked, Outcome, Story, Teller, members, people, truth};
use crate::MANAGER_KEY;
use crate::pools::{MAINTAINER, Pools};

/// One source at one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Slots that a Create could take.
    pub free: usize,
    /// Slots that the configuration asked for.
    pub wanted: u32,
    /// Copies, in any status.
    pub copies: usize,
}

/// What came of a story.
#[derive(Debug)]
pub struct Told {
    /// The story.
    pub story: Story,
    /// When it began and when it ended.
    pub time: (DateTime<Utc>, DateTime<Utc>),
    /// The sources, as they were configured at last.
    pub sources: Vec<SourceConfig>,
    /// Every source at every hour.
    pub samples: Vec<[Sample; 6]>,
    /// Every clone that was asked for.
    pub asked: Vec<Asked>,
    /// Every cluster that the product made.
    pub lives: Vec<Life>,
    /// Resource ids of clones that people deleted or renamed.
    pub lost_to_people: BTreeSet<String>,
    /// Resource ids of what no stack owned.
    pub debris: Vec<String>,
    /// What people did by hand.
    pub people: people::Count,
    /// Calls of the product, and how many of them changed something, by service.
    pub calls: BTreeMap<&'static str, (u64, u64)>,
    /// The maintainer's invocations.
    pub maintainer: Counts,
    /// How the executions of its state machine ended.
    pub executions: BTreeMap<String, usize>,
    /// Events that were put on the bus.
    pub events: BTreeMap<String, u64>,
}

/// What a cluster that is not the product's was like.
#[derive(Debug, PartialEq)]
struct Print {
    id: String,
    tags: BTreeMap<String, String>,
    settings: (bool, u32, String, Vec<String>, String),
    instances: Vec<(String, String)>,
}

/// What was seen so far.
pub struct Watch {
    strangers: BTreeMap<String, Print>,
    samples: Vec<[Sample; 6]>,
    /// How many of all clusters that ever lived were looked at.
    seen: usize,
}

impl Watch {
    pub(super) fn begin(pools: &Pools) -> Self {
        let strangers = pools.look(prints);
        Self { strangers, samples: Vec::new(), seen: 0 }
    }
}

/// Everything that neither the product nor people in the story made.
fn prints(world: &World) -> BTreeMap<String, Print> {
    let of_others = world.rds.clusters().filter(|c| c.truth.created_by == "AKIASTRANGER");
    let print = |c: &aurora_clone_sim::rds::Cluster| Print {
        id: c.id.clone(),
        tags: c.tags.clone(),
        settings: (
            c.deletion_protection,
            c.backup_retention,
            c.password.clone(),
            c.security_groups.clone(),
            c.parameter_group.clone(),
        ),
        instances: world.rds.instances_of(&c.id).map(|i| (i.id.clone(), i.class.clone())).collect(),
    };
    of_others.map(|cluster| (cluster.resource_id.clone(), print(cluster))).collect()
}

impl Teller {
    pub(super) fn hour(&mut self) {
        self.hear_of_stacks();
        self.pools.forget_metrics();
        let now = self.now();
        self.pools.look(|world| {
            assert!(world.violations.is_empty(), "{now}: {:#?}", world.violations);
            let found = prints(world);
            for (resource_id, print) in &self.watch.strangers {
                assert_eq!(found.get(resource_id), Some(print), "{now}: not the product's to touch");
            }
            for of_person in &self.by_people {
                let there = world.rds.cluster_by_resource_id(of_person).is_some();
                assert!(there, "{now}: somebody's own clone {of_person} is gone");
            }
            for life in &world.rds.history()[self.watch.seen..] {
                let ours = life.truth.created_by == MANAGER_KEY;
                assert!(!ours || !life.truth.became_full_copy, "{now}: {} is a full copy", life.id);
            }
        });
        self.watch.seen = self.pools.look(|world| world.rds.history().len());
        let sample = std::array::from_fn(|member| self.sample(member));
        self.watch.samples.push(sample);
    }

    fn sample(&self, member: usize) -> Sample {
        let source = &self.sources[member];
        let copies =
            |world: &World| world.rds.clusters().filter(|c| truth::is_copy_of(c, &source.source)).count();
        Sample { free: self.free(member), wanted: source.target, copies: self.pools.look(copies) }
    }

    /// One line about now.
    pub(super) fn line(&self) -> String {
        let last = self.watch.samples.last();
        let parts = last.into_iter().flatten().zip(members()).map(|(sample, member)| {
            format!("{} {}/{} ({})", member.id, sample.free, sample.wanted, sample.copies)
        });
        let made = self.asked.iter().filter(|asked| asked.outcome == Outcome::Made).count();
        let clusters = self.pools.look(|world| world.rds.clusters().count());
        let parts = parts.collect::<Vec<_>>().join(", ");
        format!("{made} of {} clones made, {clusters} clusters; {parts}", self.asked.len())
    }

    pub(super) fn end(mut self) -> Told {
        self.hear_of_stacks();
        self.pools.look(|world| {
            assert!(world.violations.is_empty(), "{:#?}", world.violations);
            let ours = |life: &&Life| life.truth.created_by == MANAGER_KEY;
            let mut calls: BTreeMap<&'static str, (u64, u64)> = BTreeMap::new();
            for (tally, count) in world.tally.iter().filter(|(t, _)| t.principal == MANAGER_KEY) {
                let of_service = calls.entry(tally.service).or_default();
                of_service.0 += count;
                of_service.1 += if tally.mutates { *count } else { 0 };
            }
            let mut executions = BTreeMap::new();
            for execution in world.states.executions() {
                if execution.state_machine == self.pools.machine {
                    *executions.entry(format!("{:?}", execution.status)).or_default() += 1;
                }
            }
            Told {
                story: self.story,
                time: (self.begin, world.now()),
                sources: self.sources.clone(),
                samples: self.watch.samples.clone(),
                asked: self.asked.clone(),
                lives: world.rds.history().iter().filter(ours).cloned().collect(),
                lost_to_people: self.lost_to_people.clone(),
                debris: self.debris.clone(),
                people: self.people.clone(),
                calls,
                maintainer: world.functions.counts(MAINTAINER),
                executions,
                events: world.events.tally.clone(),
            }
        })
    }
}

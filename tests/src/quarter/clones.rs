//! Clones that templates ask for: when, of what, for how long, and what came of it.

use aurora_clone_core::names::tag;
use aurora_clone_sim::World;
use aurora_clone_sim::rds::SeedCluster;
use chrono::{DateTime, Duration, Utc};

use super::{Deed, Teller, cast, members, truth};
use crate::{MANAGER, MANAGER_KEY, strangers_clone};

/// Teams that ask.
const TEAMS: u64 = 6;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// CloudFormation still waits.
    Open,
    /// There is a clone.
    Made,
    /// There is none, because of this.
    Failed(&'static str),
}

/// One clone that was asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which source it is of.
    pub member: usize,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether a slot was free then.
    pub free: bool,
    /// Whether it has a lease.
    pub leased: bool,
    /// What came of it.
    pub outcome: Outcome,
    /// Its resource id, once it is made.
    pub resource_id: Option<String>,
    /// When its stack began to go.
    pub ended: Option<DateTime<Utc>>,
    pub(super) stack: String,
    properties: String,
}

impl Teller {
    pub(super) fn ask(&mut self) {
        let (now, number) = (self.now(), self.asked.len());
        let member = self.popular();
        let (shortest, longest) = members()[member].lives;
        let life = self.hours(shortest, longest);
        let team = self.rng.between(1, TEAMS);
        let mut properties =
            format!("SourceClusterId: {}\nTags: {{ {}: team-{team} }}", members()[member].id, cast::OWNER);
        let mut end = now + life;
        let leased = self.rng.between(1, 100) <= 30;
        if leased {
            properties += &format!("\nExpiresAfter: PT{}H", life.num_hours().max(2));
            // Half of those who take a lease leave it to the lease.
            if self.rng.between(1, 2) == 1 {
                end += life + Duration::hours(12);
            }
        }
        let stack = format!("s-{number}");
        self.pools.create(&stack, &properties);
        let free = self.free(member) > 0;
        if self.rng.between(1, 100) <= 10 {
            self.add(now + life / 2, Deed::Update(number));
        }
        self.add(end, Deed::End(number));
        let outcome = Outcome::Open;
        let (resource_id, ended) = (None, None);
        let at = now;
        self.asked.push(Asked { member, at, free, leased, outcome, resource_id, ended, stack, properties });
    }

    /// A source by chance, as often as it is asked for.
    fn popular(&mut self) -> usize {
        let mut drawn = self.rng.between(1, 100);
        let shares = members().map(|member| member.share);
        for (number, share) in shares.into_iter().enumerate() {
            if drawn <= share {
                return number;
            }
            drawn -= share;
        }
        0
    }

    pub(super) fn free(&self, member: usize) -> usize {
        let source = &self.sources[member];
        self.pools.look(|world| truth::free_slots(world, &source.source, source.max_copy_age))
    }

    pub(super) fn update(&mut self, number: usize) {
        let asked = &self.asked[number];
        if asked.ended.is_none() && self.pools.status(&asked.stack).ends_with("E_COMPLETE") {
            let properties = format!("{}\nDescription: another one", asked.properties);
            self.pools.update(&asked.stack, &properties);
        }
    }

    pub(super) fn end_stack(&mut self, number: usize) {
        let (now, stack) = (self.now(), self.asked[number].stack.clone());
        let status = self.pools.status(&stack);
        if status == "DELETE_COMPLETE" || status == "DELETE_IN_PROGRESS" {
            return;
        }
        // Who is told that it can't be deleted now tries again later.
        if status.starts_with("UPDATE_") && status.ends_with("_IN_PROGRESS") {
            self.add(now + Duration::minutes(20), Deed::End(number));
            return;
        }
        self.pools.delete(&stack);
        self.asked[number].ended.get_or_insert(now);
        self.add(now + Duration::hours(3), Deed::End(number));
    }

    /// Looks at what CloudFormation has settled by now.
    pub(super) fn hear_of_stacks(&mut self) {
        let mut over = Vec::new();
        for (number, asked) in self.asked.iter_mut().enumerate().filter(|(_, a)| a.outcome == Outcome::Open) {
            (asked.outcome, asked.resource_id) = self.pools.look(|world| heard(world, &asked.stack));
            if matches!(asked.outcome, Outcome::Failed(_)) {
                over.push(number);
            }
        }
        for number in over {
            self.end_stack(number);
        }
    }

    /// A database of a stack that is gone, as if an earlier version of the product had left it.
    pub(super) fn leave_debris(&mut self) {
        let gone = |asked: &&super::Asked| {
            self.pools.status(&asked.stack) == "DELETE_COMPLETE" && asked.outcome == Outcome::Made
        };
        let Some(asked) = self.asked.iter().rev().find(gone) else { return };
        let (stack, root) = (asked.stack.clone(), members()[asked.member].id);
        let id = format!("clone-left-{}", self.debris.len());
        let resource_id = self.pools.sim.with(|world| {
            let stack_id = world.cloudformation.stack(&stack).unwrap().id.clone();
            let now = world.now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
            let tags = [
                (tag::MANAGER, MANAGER),
                (tag::ROLE, "clone"),
                (tag::CLUSTER, &id),
                (tag::ROOT, root),
                (tag::SOURCE, root),
                (tag::RESTORE_TYPE, "copy-on-write"),
                (tag::DATA_TIME, &now),
                (tag::STACK_ID, &stack_id),
                (tag::LOGICAL_ID, "Clone"),
                (tag::GENERATION, "left"),
                (tag::PASSWORD, "source"),
            ];
            let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            let created_by = MANAGER_KEY.to_owned();
            world.rds.seed_cluster(SeedCluster { tags, created_by, ..strangers_clone(&id, root) })
        });
        self.debris.push(resource_id);
    }
}

fn heard(world: &World, name: &str) -> (Outcome, Option<String>) {
    let Some(stack) = world.cloudformation.stack(name) else { return (Outcome::Open, None) };
    let arn = stack.resources.get("Clone").and_then(|resource| resource.physical_id.as_ref());
    match stack.status.as_str() {
        "CREATE_COMPLETE" => {
            let cluster = world.rds.clusters().find(|cluster| Some(&cluster.arn) == arn);
            (Outcome::Made, cluster.map(|cluster| cluster.resource_id.clone()))
        }
        "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" => {
            let failed =
                |event: &&aurora_clone_sim::cloudformation::StackEvent| event.status == "CREATE_FAILED";
            let reason = stack.events.iter().find(failed).and_then(|event| event.reason.clone());
            (Outcome::Failed(kind_of(&reason.unwrap_or_default())), None)
        }
        _ => (Outcome::Open, None),
    }
}

/// What a reason says, in a word or two.
fn kind_of(reason: &str) -> &'static str {
    let lower = reason.to_lowercase();
    if lower.contains("no source has a free slot") {
        "no free slot"
    } else if lower.contains("no source can be cloned") {
        "no source can be cloned"
    } else if lower.contains("the owner") {
        "the owner's quota"
    } else if lower.contains("is gone") || lower.contains("deleted") {
        "somebody deleted it"
    } else {
        "another reason"
    }
}

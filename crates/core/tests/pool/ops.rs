//! What happens in a world made by chance: runs of the maintainer with faults, Creates, Deletes, people and time.

use std::collections::BTreeSet;

use aurora_clone_core::arn::Place;
use aurora_clone_core::create::{self, Time};
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::Action;
use aurora_clone_core::pool::plan::{Next, Plan, Seen};
use aurora_clone_core::properties::Properties;
use aurora_clone_core::request::{Request, Wanted};
use aurora_clone_core::rules::Rules;
use aurora_clone_core::snapshot::Status;
use aurora_clone_core::tags::{RestoreType, Tags};
use chrono::Duration;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::room::{STACK, lineage, text};
use crate::world::{Change, Maker, World};

/// What may go wrong in one step of the maintainer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fault {
    /// The process ends after so many steps.
    pub crash: Option<usize>,
    /// AWS refuses this step, and the rest is not tried.
    pub refused: Option<usize>,
}

#[derive(Debug, Clone)]
pub enum Op {
    /// A new run begins.
    Run,
    /// A step of it.
    Step(Fault),
    Pass(i64),
    Create(bool),
    /// The stack of a clone is deleted.
    Unmake(usize),
    Person(usize, Deed),
}

/// What people do to some cluster of the family.
#[derive(Debug, Clone)]
pub enum Deed {
    Clone(bool),
    Delete,
    DeleteInstance,
    Rename,
    Protect(bool),
    Stop,
    Start,
    Status(&'static str),
    InstanceStatus(&'static str),
    Mark(i64),
    Tag(&'static str, &'static str),
    Untag(&'static str),
    /// The root is busy or stopped for a while.
    Root(&'static str),
    /// A marked snapshot or one in the making is deleted.
    DropSnapshot,
}

pub fn any_fault() -> impl Strategy<Value = Fault> {
    let some = || prop::option::weighted(0.15, 0..4_usize);
    (some(), some()).prop_map(|(crash, refused)| Fault { crash, refused })
}

/// Deeds that leave alone what clones are counted by.
pub fn honest_deed() -> BoxedStrategy<Deed> {
    prop_oneof![
        Just(Deed::Delete),
        Just(Deed::DeleteInstance),
        any::<bool>().prop_map(Deed::Protect),
        Just(Deed::Stop),
        Just(Deed::Start),
        select(&["failed", "backing-up", "available", "levitating"][..]).prop_map(Deed::Status),
        select(&["failed", "available", "stopped"][..]).prop_map(Deed::InstanceStatus),
        (-30..200_i64).prop_map(Deed::Mark),
        select(&["x", ""][..]).prop_map(|value| Deed::Tag(tag::RETIRING, value)),
        Just(Deed::Tag(tag::KEEP, "")),
        select(&[tag::RETIRING, tag::KEEP, tag::READY][..]).prop_map(Deed::Untag),
        select(&["available", "backing-up", "stopped"][..]).prop_map(Deed::Root),
        Just(Deed::DropSnapshot),
        Just(Deed::Clone(true)),
    ]
    .boxed()
}

pub fn any_deed() -> BoxedStrategy<Deed> {
    let keys =
        [tag::MANAGER, tag::ROLE, tag::CLUSTER, tag::ROOT, tag::SOURCE, tag::RESTORE_TYPE, tag::DATA_TIME];
    let values = [
        "manager",
        "another",
        "copy",
        "clone",
        "prod",
        "clone-x",
        "full-copy",
        "copy-on-write",
        "2026-06-20",
        "",
    ];
    prop_oneof![
        3 => honest_deed(),
        1 => Just(Deed::Rename),
        1 => Just(Deed::Clone(false)),
        1 => (select(keys.to_vec()), select(values.to_vec())).prop_map(|(key, value)| Deed::Tag(key, value)),
        1 => select(keys.to_vec()).prop_map(Deed::Untag),
    ]
    .boxed()
}

pub fn any_op(deed: BoxedStrategy<Deed>) -> impl Strategy<Value = Op> {
    prop_oneof![
        1 => Just(Op::Run),
        6 => any_fault().prop_map(Op::Step),
        5 => select(&[5, 80, 300, 1_440, 3_000][..]).prop_map(Op::Pass),
        3 => any::<bool>().prop_map(Op::Create),
        1 => any::<usize>().prop_map(Op::Unmake),
        3 => (any::<usize>(), deed).prop_map(|(of, deed)| Op::Person(of, deed)),
    ]
}

/// A run: what it carries along, and what it took away.
#[derive(Debug, Clone, Default)]
pub struct Run {
    pub seen: Seen,
    pub purged: BTreeSet<String>,
    /// The most that it might take away.
    pub cap: usize,
}

impl World {
    /// One step: look, plan, have it checked, carry it out. `None`: the pool can't be planned.
    pub fn step(&mut self, run: &mut Run, fault: Fault) -> Option<Plan> {
        self.room.seen = run.seen.clone();
        let plan = self.room.try_plan().ok()?;
        self.room.memory.short = plan.short.is_some();
        run.seen = plan.seen.clone();
        let pool = self
            .room
            .clusters
            .iter()
            .filter(|c| c.own_lineage().is_some() && c.tag(tag::ROLE) == Some("copy"));
        run.cap = run.cap.max((pool.count() / 4).max(2));
        for (n, step) in plan.steps.iter().enumerate() {
            if fault.crash == Some(n) || fault.refused == Some(n) {
                break;
            }
            let done = self.carry_out(&step.action);
            if let (Ok(()), aurora_clone_core::pool::action::Action::DeleteCopy { copy }) =
                (&done, &step.action)
            {
                run.purged.insert(copy.resource_id().to_owned());
            }
            if done.is_err() {
                break;
            }
        }
        assert!(run.purged.len() <= run.cap, "{run:?}");
        Some(plan)
    }

    /// A whole run without faults; how it ended, or `None` where it was given up after 26 hours.
    pub fn run(&mut self) -> Option<Plan> {
        let (mut run, start) = (Run::default(), self.room.now);
        while self.room.now - start < Duration::hours(26) {
            let plan = self.step(&mut run, Fault::default())?;
            match &plan.next {
                Next::Settled => {
                    assert!(plan.steps.is_empty());
                    return Some(plan);
                }
                // Nothing happens between two looks at something that takes hours.
                Next::Wait(seconds, _) => {
                    let next = self.due.iter().map(|(at, _)| *at - self.room.now).min();
                    let least = Duration::seconds(i64::from(*seconds));
                    self.pass(next.filter(|_| *seconds <= 300).map_or(least, |next| next.max(least)));
                }
            }
        }
        None
    }

    pub fn obey(&mut self, op: &Op, run: &mut Run) {
        match op {
            Op::Run => *run = Run::default(),
            Op::Step(fault) => drop(self.step(run, *fault)),
            Op::Pass(minutes) => self.pass(Duration::minutes(*minutes)),
            Op::Create(purge) => self.create(*purge),
            Op::Unmake(n) => {
                let clones: Vec<String> = (self.room.clusters.iter())
                    .filter(|c| self.truth[&c.resource_id].maker == Maker::Create)
                    .map(|c| c.identifier.clone())
                    .collect();
                if !clones.is_empty() {
                    self.remove(&clones[n % clones.len()]);
                }
            }
            Op::Person(n, deed) => self.person(*n, deed),
        }
    }

    fn remove(&mut self, id: &str) {
        let of = self.room.instances.iter().filter(|i| i.cluster.as_deref() == Some(id));
        let of: Vec<String> = of.map(|i| i.identifier.clone()).collect();
        of.iter().for_each(|instance| drop(self.delete_instance(instance)));
        drop(self.delete(id));
    }

    /// A Create, under the root's lease: what it makes is seen in the listing before the lease is given back.
    fn create(&mut self, purge: bool) {
        let properties = json!({ "SourceClusterId": "prod", "PurgeObsoleteCopies": purge.to_string(), "OnNoSlot": "Fail" });
        let place = Place::of_stack(STACK).unwrap();
        let logical_id = format!("Clone{}", self.made);
        let request = Request {
            kind: None,
            stack_id: STACK.to_owned(),
            request_id: "r".to_owned(),
            logical_id,
            physical_id: None,
            properties: properties.clone(),
            old_properties: Value::Null,
        };
        let read = Properties::parse(&properties, &place, &self.room.settings).unwrap();
        let wanted = Wanted::created(&request, 0, place, read, &self.room.settings);
        let time = Time { now: self.room.now, deadline: self.room.now + Duration::hours(1) };
        let choice =
            create::choose(&wanted, &self.room.clusters, &[], &self.room.settings, &Rules::default(), time);
        for action in choice.plan.actions {
            match action {
                Action::Restore(new) => {
                    drop(self.restore(
                        &new.identifier,
                        &new.source,
                        new.restore_type,
                        Some(new.tags),
                        Maker::Create,
                    ));
                }
                Action::MarkRetiring { copy, since } => {
                    let found = self.room.get(copy.identifier());
                    found.tags.insert(tag::RETIRING.to_owned(), text(since));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn person(&mut self, n: usize, deed: &Deed) {
        self.honest &= match deed {
            Deed::Clone(inherits) => *inherits,
            Deed::Rename => false,
            Deed::Tag(key, _) | Deed::Untag(key) => [tag::RETIRING, tag::KEEP, tag::READY].contains(key),
            _ => true,
        };
        if let Deed::Root(status) = deed {
            self.room.get("prod").status = Status((*status).to_owned());
            return;
        }
        if let Deed::DropSnapshot = deed {
            self.room.snapshots.pop();
            return;
        }
        let n = n % self.room.clusters.len();
        let cluster = &self.room.clusters[n];
        let (id, is_root, status) = (cluster.identifier.clone(), n == 0, cluster.status.0.clone());
        match deed {
            Deed::Clone(inherits) => {
                let name = format!("by-hand-{}", self.made);
                let mine = Tags::from([("mine".to_owned(), String::new())]);
                let tags = (!inherits).then_some(mine);
                // By hand the root is cloned, or a copy; tags that nobody gives are inherited.
                drop(self.restore(&name, &id, RestoreType::CopyOnWrite, tags, Maker::Person));
            }
            _ if is_root => {}
            Deed::Delete => self.remove(&id),
            Deed::DeleteInstance => {
                let of = self.room.instances.iter().find(|i| i.cluster.as_deref() == Some(&id));
                let of = of.map(|i| i.identifier.clone());
                of.iter().for_each(|instance| drop(self.delete_instance(instance)));
            }
            Deed::Rename => {
                let new = format!("renamed-{}", self.made);
                if status != "creating" && self.find(&new).is_none() {
                    self.room.clusters[n].identifier = new.clone();
                    let of = self.room.instances.iter_mut().filter(|i| i.cluster.as_deref() == Some(&id));
                    of.for_each(|i| i.cluster = Some(new.clone()));
                }
            }
            Deed::Protect(on) => self.room.clusters[n].settings.deletion_protection = *on,
            Deed::Stop if status == "available" => self.room.clusters[n].status.0 = "stopped".to_owned(),
            Deed::Start if status == "stopped" => self.room.clusters[n].status.0 = "available".to_owned(),
            Deed::Status(new) if !["creating", "deleting"].contains(&status.as_str()) => {
                (*new).clone_into(&mut self.room.clusters[n].status.0);
                self.later(30, Change::Passed(self.room.clusters[n].resource_id.clone()));
            }
            Deed::InstanceStatus(new) => {
                let of = self.room.instances.iter_mut().find(|i| i.cluster.as_deref() == Some(&id));
                let of = of.filter(|i| !["creating", "deleting"].contains(&i.status.0.as_str()));
                of.into_iter().for_each(|i| (*new).clone_into(&mut i.status.0));
            }
            Deed::Mark(minutes) => {
                let at = text(self.room.now - Duration::minutes(*minutes));
                self.room.clusters[n].tags.insert(tag::RETIRING.to_owned(), at);
            }
            Deed::Tag(key, value) => {
                // A whole lineage of somebody's making now and then.
                if value.is_empty() && *key != tag::KEEP && *key != tag::RETIRING {
                    let tags = lineage(&id, "prod", "copy", "full-copy");
                    self.room.clusters[n].tags.extend(tags);
                }
                self.room.clusters[n].tags.insert((*key).to_owned(), (*value).to_owned());
            }
            Deed::Untag(key) => drop(self.room.clusters[n].tags.remove(*key)),
            Deed::Stop | Deed::Start | Deed::Status(_) | Deed::Root(_) | Deed::DropSnapshot => {}
        }
    }
}

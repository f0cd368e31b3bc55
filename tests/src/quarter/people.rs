//! People at work, by hand: what they do to clones and copies without asking anybody.

use std::collections::BTreeMap;

use aurora_clone_sim::rds::Cluster;
use chrono::{DateTime, Utc};

use super::{Deed, Teller, truth};
use crate::PERSON_KEY;

/// How many things people do on a day, on average.
pub const A_DAY: f64 = 3.0;
const KEEP: &str = "aurora-clone:keep";
const RETIRING: &str = "aurora-clone:retiring";

/// What they did, and how often AWS let them.
pub type Count = BTreeMap<&'static str, u64>;

/// What follows later on what they did, about a cluster by its resource id.
#[derive(Debug, Clone)]
pub enum Later {
    /// They delete it.
    Delete(String),
    /// They take a tag off.
    Untag(String, &'static str),
    /// They end its protection.
    Unprotect(String),
    /// They start it.
    Start(String),
}

impl Teller {
    pub(super) fn by_hand(&mut self) {
        match self.rng.between(1, 100) {
            1..=20 => self.clone_by_hand(),
            21..=35 => self.delete_a_clone(),
            36..=43 => self.rename_a_clone(),
            44..=60 => self.keep_something(),
            61..=75 => self.protect_something(),
            76..=82 => self.mark_a_copy(),
            83..=92 => self.take_an_instance(),
            _ => self.stop_a_copy(),
        }
    }

    /// One of the clusters that fit, by chance.
    fn some(&mut self, fits: impl Fn(&Cluster) -> bool) -> Option<Cluster> {
        let found: Vec<Cluster> =
            self.pools.look(|world| world.rds.clusters().filter(|c| fits(c)).cloned().collect());
        let last = found.len().checked_sub(1)?;
        found.into_iter().nth(self.rng.between(0, last as u64) as usize)
    }

    fn a_clone(&mut self) -> Option<Cluster> {
        self.some(|c| truth::is_clone(c) && c.status == "available" && !c.deletion_protection)
    }

    fn a_copy(&mut self) -> Option<Cluster> {
        let roots: Vec<String> = self.sources.iter().map(|source| source.source.clone()).collect();
        self.some(|c| c.status == "available" && roots.iter().any(|root| truth::is_copy_of(c, root)))
    }

    fn done(&mut self, what: &'static str) {
        *self.people.entry(what).or_default() += 1;
    }

    fn call(&self, operation: &str, parameters: &[(&str, &str)]) -> bool {
        self.pools.sim.with(|world| world.call_as(PERSON_KEY, operation, parameters).status == 200)
    }

    fn later(&mut self, from: u64, to: u64, later: Later) {
        let at = self.now() + self.hours(from, to);
        self.add(at, Deed::Later(later));
    }

    /// A clone of a copy or, where there is none, nothing; with tags of their own or with those that Aurora hands on.
    fn clone_by_hand(&mut self) {
        let Some(copy) = self.a_copy() else { return };
        let id = format!("by-hand-{}", self.deeds);
        let mut parameters = vec![
            ("DBClusterIdentifier", id.as_str()),
            ("SourceDBClusterIdentifier", copy.id.as_str()),
            ("RestoreType", "copy-on-write"),
            ("UseLatestRestorableTime", "true"),
            // As AWS asks of everybody, where the source has a group of its own.
            ("DBClusterParameterGroupName", copy.parameter_group.as_str()),
        ];
        if self.rng.between(1, 2) == 1 {
            parameters.extend([("Tags.Tag.1.Key", "made"), ("Tags.Tag.1.Value", "by-hand")]);
        }
        if self.call("RestoreDBClusterToPointInTime", &parameters) {
            self.done("clones of copies");
            let made = self.pools.look(|world| world.rds.cluster(&id).unwrap().resource_id.clone());
            self.by_people.insert(made.clone());
            self.later(6, 48, Later::Delete(made));
        }
    }

    fn delete_a_clone(&mut self) {
        if let Some(clone) = self.a_clone()
            && self.delete_by_hand(&clone.resource_id)
        {
            self.done("clones deleted");
            self.lost_to_people.insert(clone.resource_id);
        }
    }

    fn rename_a_clone(&mut self) {
        let Some(clone) = self.a_clone() else { return };
        let new = format!("renamed-{}", self.deeds);
        let parameters = [
            ("DBClusterIdentifier", clone.id.as_str()),
            ("NewDBClusterIdentifier", new.as_str()),
            ("ApplyImmediately", "true"),
        ];
        if self.call("ModifyDBCluster", &parameters) {
            self.done("clones renamed");
            self.lost_to_people.insert(clone.resource_id.clone());
            self.later(24, 96, Later::Delete(clone.resource_id));
        }
    }

    fn keep_something(&mut self) {
        let copy = self.rng.between(1, 3) == 1;
        let Some(cluster) = (if copy { self.a_copy() } else { self.a_clone() }) else { return };
        self.tag(&cluster.id, KEEP, "please");
        self.done(if copy { "keep tags on copies" } else { "keep tags on clones" });
        self.later(12, 60, Later::Untag(cluster.resource_id, KEEP));
    }

    fn protect_something(&mut self) {
        let copy = self.rng.between(1, 2) == 1;
        let Some(cluster) = (if copy { self.a_copy() } else { self.a_clone() }) else { return };
        self.pools.sim.with(|world| world.rds.protect(&cluster.id, true));
        self.done(if copy { "copies protected" } else { "clones protected" });
        self.later(6, 36, Later::Unprotect(cluster.resource_id));
    }

    /// Somebody wants a copy to go, or to be left alone for some hours.
    fn mark_a_copy(&mut self) {
        let Some(copy) = self.a_copy().filter(|copy| !copy.tags.contains_key(RETIRING)) else { return };
        self.tag(&copy.id, RETIRING, &stamp(self.now()));
        self.done("copies marked");
        if self.rng.between(1, 3) > 1 {
            self.later(1, 6, Later::Untag(copy.resource_id, RETIRING));
        }
    }

    fn take_an_instance(&mut self) {
        let Some(copy) = self.a_copy() else { return };
        let member = self.pools.look(|world| world.rds.instances_of(&copy.id).next().map(|i| i.id.clone()));
        if member.is_some_and(|id| self.call("DeleteDBInstance", &[("DBInstanceIdentifier", &id)])) {
            self.done("instances of copies deleted");
        }
    }

    fn stop_a_copy(&mut self) {
        let Some(copy) = self.a_copy() else { return };
        self.pools.sim.with(|world| world.rds.stop(&copy.id));
        self.done("copies stopped");
        self.later(3, 14, Later::Start(copy.resource_id));
    }

    fn tag(&self, id: &str, key: &str, value: &str) {
        self.pools.sim.with(|world| world.rds.set_tags(id, [(key.to_owned(), value.to_owned())]));
    }

    fn delete_by_hand(&mut self, resource_id: &str) -> bool {
        let found = self.pools.look(|world| {
            let cluster = world.rds.cluster_by_resource_id(resource_id)?;
            let members = world.rds.instances_of(&cluster.id).map(|instance| instance.id.clone());
            Some((cluster.id.clone(), members.collect::<Vec<_>>()))
        });
        let Some((id, members)) = found else { return false };
        for member in members {
            self.call("DeleteDBInstance", &[("DBInstanceIdentifier", &member)]);
        }
        self.call("DeleteDBCluster", &[("DBClusterIdentifier", &id), ("SkipFinalSnapshot", "true")])
    }

    pub(super) fn later_on(&mut self, later: Later) {
        let id = |teller: &Self, resource_id: &str| {
            let look = |world: &aurora_clone_sim::World| {
                world.rds.cluster_by_resource_id(resource_id).map(|cluster| cluster.id.clone())
            };
            teller.pools.look(look)
        };
        match later {
            Later::Delete(of) => {
                if self.delete_by_hand(&of) {
                    self.by_people.remove(&of);
                } else if id(self, &of).is_some() {
                    self.later(1, 2, Later::Delete(of));
                }
            }
            Later::Untag(of, key) => {
                let Some(id) = id(self, &of) else { return };
                self.pools.sim.with(|world| world.rds.change(&id, |c| drop(c.tags.remove(key))));
            }
            Later::Unprotect(of) => {
                let Some(id) = id(self, &of) else { return };
                self.pools.sim.with(|world| world.rds.protect(&id, false));
            }
            Later::Start(of) => {
                let Some(id) = id(self, &of) else { return };
                self.pools.sim.with(|world| world.rds.start(&id));
            }
        }
    }
}

fn stamp(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

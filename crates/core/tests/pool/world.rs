//! An AWS in which time passes: it does what it is told or refuses, and remembers who made what.

use std::collections::BTreeMap;

use aurora_clone_core::guard::OwnedCopy;
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::Restore;
use aurora_clone_core::pool::action::Action;
use aurora_clone_core::pool::config::SourceConfig;
use aurora_clone_core::snapshot::{Cluster, ClusterSnapshot, Phase, Status};
use aurora_clone_core::tags::{RestoreType, Tags};
use chrono::{DateTime, Duration, Utc};

use crate::room::{Room, cluster, hours, instance, settings};

/// Who made a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    Maintainer,
    Create,
    Person,
}

/// What nobody can change about a cluster.
#[derive(Debug, Clone)]
pub struct Truth {
    pub maker: Maker,
    /// The resource id of the cluster whose volume it shares.
    pub shares: Option<String>,
}

/// What happens by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Ready(String),
    /// Something that passes is over.
    Passed(String),
    Gone(String),
    InstanceReady(String),
    InstanceGone(String),
    SnapshotReady(String),
}

#[derive(Debug, Clone)]
pub struct World {
    /// What can be observed, and what is wanted.
    pub room: Room,
    /// By resource id.
    pub truth: BTreeMap<String, Truth>,
    pub due: Vec<(DateTime<Utc>, Change)>,
    pub made: u32,
    /// Whether nobody hid from which volume a cluster is: by other tags, or by another name.
    pub honest: bool,
    /// The most clusters that AWS allows.
    pub quota: usize,
    /// Full copies that were begun, ever.
    pub copies: u32,
}

impl World {
    /// The root alone. A source takes two clones.
    pub fn new(config: SourceConfig) -> Self {
        let mut room = Room::new(0);
        room.settings = settings(3, 1);
        room.config = SourceConfig { limit: 3, margin: 1, ..config };
        let root = Truth { maker: Maker::Person, shares: None };
        let truth = BTreeMap::from([("cluster-PROD".to_owned(), root)]);
        Self { room, truth, due: Vec::new(), made: 0, honest: true, quota: 40, copies: 0 }
    }

    pub fn find(&self, id: &str) -> Option<&Cluster> {
        self.room.clusters.iter().find(|cluster| cluster.identifier == id)
    }

    pub fn later(&mut self, minutes: i64, change: Change) {
        self.due.push((self.room.now + Duration::minutes(minutes), change));
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        let end = self.room.now + time;
        loop {
            let next = (0..self.due.len()).min_by_key(|n| self.due[*n].0).filter(|n| self.due[*n].0 <= end);
            let Some(next) = next else { break };
            let (at, change) = self.due.remove(next);
            self.room.now = self.room.now.max(at);
            self.happen(change);
        }
        self.room.now = end;
    }

    fn happen(&mut self, change: Change) {
        let (clusters, instances) = (&mut self.room.clusters, &mut self.room.instances);
        match change {
            Change::Ready(id) => {
                let creating = clusters.iter_mut().find(|c| c.resource_id == id && c.status.0 == "creating");
                creating.into_iter().for_each(|c| c.status = Status("available".to_owned()));
            }
            Change::Passed(id) => {
                let busy = clusters.iter_mut().find(|c| c.resource_id == id && c.status.0 == "backing-up");
                busy.into_iter().for_each(|c| c.status = Status("available".to_owned()));
            }
            Change::InstanceReady(id) => {
                let creating = instances.iter_mut().find(|i| i.identifier == id && i.status.0 == "creating");
                creating.into_iter().for_each(|i| i.status = Status("available".to_owned()));
            }
            Change::Gone(id) => {
                clusters.retain(|c| c.resource_id != id);
                self.truth.remove(&id);
            }
            Change::InstanceGone(id) => {
                instances.retain(|i| i.identifier != id);
                clusters.iter_mut().for_each(|c| c.members.retain(|member| *member != id));
            }
            Change::SnapshotReady(id) => {
                let snapshots = self.room.snapshots.iter_mut();
                let creating = snapshots.filter(|s| s.identifier == id && s.status.0 == "creating");
                creating.for_each(|s| s.status = Status("available".to_owned()));
            }
        }
    }

    /// A restore, as AWS does it; tags that are not given are the source's.
    pub fn restore(
        &mut self,
        id: &str,
        source: &str,
        kind: RestoreType,
        tags: Option<Tags>,
        maker: Maker,
    ) -> Result<(), String> {
        if self.find(id).is_some() {
            return Err("AlreadyExists".to_owned());
        }
        if self.room.clusters.len() >= self.quota {
            return Err("QuotaExceeded".to_owned());
        }
        let Some(of) = self.find(source).filter(|of| of.status.is_ready()).cloned() else {
            return Err("InvalidDBClusterState".to_owned());
        };
        let cow = kind == RestoreType::CopyOnWrite;
        if cow && of.members.is_empty() {
            return Err("InvalidDBClusterState".to_owned());
        }
        let group = of.clone_group.clone().unwrap_or_else(|| format!("g-{}", of.resource_id));
        self.room.get(source).clone_group = Some(group.clone());
        self.add(id, Some(group), tags.unwrap_or(of.tags), maker, cow.then_some(of.resource_id));
        Ok(())
    }

    fn add(&mut self, id: &str, group: Option<String>, tags: Tags, maker: Maker, shares: Option<String>) {
        self.made += 1;
        let resource_id = format!("cluster-{}", self.made);
        let new = Cluster {
            resource_id: resource_id.clone(),
            status: Status("creating".to_owned()),
            clone_group: group,
            members: Vec::new(),
            tags,
            created_at: Some(self.room.now),
            ..cluster(id)
        };
        self.room.clusters.push(new);
        if maker == Maker::Maintainer {
            self.copies += 1;
        }
        self.later(if shares.is_some() { 15 } else { 240 }, Change::Ready(resource_id.clone()));
        self.truth.insert(resource_id, Truth { maker, shares });
    }

    pub fn add_instance(&mut self, id: &str, of: &str) -> Result<(), String> {
        let taken = self.room.instances.iter().any(|i| i.identifier == id);
        if taken || !self.find(of).is_some_and(|cluster| cluster.status.is_ready()) {
            return Err("InstanceAlreadyExists or InvalidDBClusterState".to_owned());
        }
        let mut new = instance(id, of);
        new.status = Status("creating".to_owned());
        self.room.instances.push(new);
        self.room.get(of).members.push(id.to_owned());
        self.later(10, Change::InstanceReady(id.to_owned()));
        Ok(())
    }

    pub fn delete_instance(&mut self, id: &str) -> Result<(), String> {
        let found = self.room.instances.iter_mut().find(|i| i.identifier == id);
        let Some(found) = found.filter(|i| i.status.phase() != Phase::Deleting) else {
            return Err("InvalidDBInstanceState".to_owned());
        };
        found.status = Status("deleting".to_owned());
        self.later(5, Change::InstanceGone(id.to_owned()));
        Ok(())
    }

    pub fn delete(&mut self, id: &str) -> Result<(), String> {
        let living = |i: &aurora_clone_core::snapshot::Instance| {
            i.cluster.as_deref() == Some(id) && i.status.phase() != Phase::Deleting
        };
        let Some(found) = self.find(id) else { return Err("NotFound".to_owned()) };
        let busy =
            ["creating", "stopped", "stopping", "starting", "deleting"].contains(&found.status.0.as_str());
        if busy || found.settings.deletion_protection || self.room.instances.iter().any(living) {
            return Err("InvalidDBClusterState".to_owned());
        }
        let id = found.resource_id.clone();
        let found = self.room.clusters.iter_mut().find(|cluster| cluster.resource_id == id).unwrap();
        found.status = Status("deleting".to_owned());
        self.later(12, Change::Gone(id));
        Ok(())
    }

    fn put_tag(&mut self, copy: &OwnedCopy, key: &str, value: DateTime<Utc>) -> Result<(), String> {
        let found = self.room.clusters.iter_mut().find(|cluster| cluster.resource_id == copy.resource_id());
        let found = found.ok_or("NotFound")?;
        found.tags.insert(key.to_owned(), crate::room::text(value));
        Ok(())
    }

    /// What the maintainer asks for.
    pub fn carry_out(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Copy(new) => {
                let Restore { identifier, source, tags, .. } = &**new;
                self.restore(identifier, source, RestoreType::FullCopy, Some(tags.clone()), Maker::Maintainer)
            }
            Action::TakeSnapshot(new) => {
                let taken = self.room.snapshots.iter().any(|s| s.identifier == new.identifier);
                if taken || !self.find(&new.source).is_some_and(|root| root.status.is_ready()) {
                    return Err("SnapshotAlreadyExists or InvalidDBClusterState".to_owned());
                }
                self.room.snapshots.push(ClusterSnapshot {
                    identifier: new.identifier.clone(),
                    arn: format!("arn:{}", new.identifier),
                    cluster: Some(new.source.clone()),
                    status: Status("creating".to_owned()),
                    created_at: Some(self.room.now),
                    tags: new.tags.clone(),
                });
                self.later(20, Change::SnapshotReady(new.identifier.clone()));
                Ok(())
            }
            Action::CopyFromSnapshot(new) => {
                let ready =
                    self.room.snapshots.iter().any(|s| s.identifier == new.snapshot && s.status.is_ready());
                let id = &new.restore.identifier;
                if !ready || self.find(id).is_some() || self.room.clusters.len() >= self.quota {
                    return Err("InvalidDBClusterSnapshotState, AlreadyExists or QuotaExceeded".to_owned());
                }
                self.add(id, None, new.restore.tags.clone(), Maker::Maintainer, None);
                Ok(())
            }
            Action::DeleteSnapshot(snapshot) => {
                let before = self.room.snapshots.len();
                self.room.snapshots.retain(|s| !snapshot.is(s) || s.status.0 == "creating");
                (self.room.snapshots.len() < before).then_some(()).ok_or_else(|| "NotFound".to_owned())
            }
            Action::AddInstance(new) => self.add_instance(&new.identifier, new.copy.identifier()),
            Action::NoteReady { copy, at } => self.put_tag(copy, tag::READY, *at),
            Action::Mark { copy, since } => self.put_tag(copy, tag::RETIRING, *since),
            Action::DeleteInstance { copy, instance } => {
                self.may_go(copy);
                self.delete_instance(instance)
            }
            Action::DeleteCopy { copy } => {
                self.may_go(copy);
                self.delete(copy.identifier())
            }
        }
    }

    /// S14, by the truth: nothing else may ever be taken away.
    fn may_go(&self, copy: &OwnedCopy) {
        let found = self.room.clusters.iter().find(|c| c.resource_id == copy.resource_id()).unwrap();
        let (room, truth) = (&self.room, &self.truth[copy.resource_id()]);
        assert_eq!((truth.maker, &truth.shares), (Maker::Maintainer, &None), "{found:?} is no copy of ours");
        assert!(
            found.tag(tag::KEEP).is_none() && !found.settings.deletion_protection,
            "{found:?} is to stay"
        );
        assert!(!room.protect.admit(&found.identifier) && !room.config.protect.admit(&found.identifier));
        let marked = aurora_clone_core::duration::parse_time(found.tag(tag::RETIRING).unwrap()).unwrap();
        assert!(room.now - marked >= Duration::minutes(75), "{found:?} was marked just now");
        let clones = || {
            room.clusters
                .iter()
                .filter(|c| self.truth[&c.resource_id].shares.as_deref() == Some(copy.resource_id()))
        };
        let by_create = |c: &&Cluster| self.truth[&c.resource_id].maker == Maker::Create;
        assert!(!clones().filter(by_create).any(|c| c.status.0 == "creating"), "{found:?} is being cloned");
        let own_tags = |c: &&Cluster| by_create(c) && c.tag(tag::SOURCE) == Some(&found.identifier);
        assert!(room.config.purge_with_clones || clones().find(own_tags).is_none(), "{found:?} has clones");
        let going = room
            .instances
            .iter()
            .any(|i| i.cluster.as_deref() == Some(&found.identifier) && i.status.0 == "deleting");
        let gives = found.status.phase() != Phase::Stuck
            && found
                .own_lineage()
                .unwrap()
                .data_time
                .is_some_and(|time| room.now - time <= room.settings.max_copy_age);
        assert!(
            !self.honest || going || !gives || self.usable() >= room.config.target,
            "{found:?} leaves too few slots"
        );
    }

    /// Hours until a restore of the whole volume is done, and a little more.
    pub fn making() -> Duration {
        hours(5)
    }
}

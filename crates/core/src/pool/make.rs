//! What a pool lacks: copies to begin, from the root or from a snapshot of it, and what copies need to be cloned.

use chrono::{DateTime, Utc};

use super::action::{Action, CopyInstance, NewSnapshot, Step};
use super::config::{CopyMethod, SourceConfig};
use super::plan::View;
use super::standing::{Standing, State};
use crate::converge::MOST_INSTANCES;
use crate::duration::format_time;
use crate::engine;
use crate::events;
use crate::guard::{self, OwnedCopy, OwnedSnapshot};
use crate::identifier;
use crate::names::tag;
use crate::plan::{FromSnapshot, Restore};
use crate::settings::Settings;
use crate::snapshot::{Cluster, ClusterSettings, ClusterSnapshot, Instance, InstanceSettings, Phase};
use crate::tags::{self, RestoreType, Tags};

/// The storage of copies: what is rarely read is cheapest there, and a clone has its own storage type.
const STORAGE: &str = "aurora";
/// Days of backups: one is free, and a copy needs none.
const BACKUP_RETENTION: i32 = 1;

/// Who makes copies of one root.
pub struct Maker<'m> {
    /// What is known.
    pub view: View<'m>,
    /// The root.
    pub root: &'m Cluster,
    /// What is wanted.
    pub config: &'m SourceConfig,
    /// The operator's settings.
    pub settings: &'m Settings,
    /// Now.
    pub now: DateTime<Utc>,
}

/// A snapshot of the root from which a copy is made, and that copy's name.
#[derive(Debug, Clone)]
pub struct Begun<'m> {
    /// The snapshot.
    pub snapshot: &'m ClusterSnapshot,
    /// The proof that it is ours.
    pub owned: OwnedSnapshot,
    /// The copy's identifier.
    pub copy: String,
}

impl<'m> Maker<'m> {
    /// Snapshots of ours, with the copies that they are for.
    pub fn begun(&self) -> Vec<Begun<'m>> {
        let begun = |snapshot: &'m ClusterSnapshot| {
            let owned = guard::prove_snapshot(snapshot, self.settings)?;
            (snapshot.tags.get(tag::ROOT) == Some(&self.root.identifier)).then_some(())?;
            let copy = snapshot.tags.get(tag::CLUSTER)?.clone();
            Some(Begun { snapshot, owned, copy })
        };
        self.view.snapshots.iter().filter_map(begun).collect()
    }

    /// Snapshots whose copy does not exist yet: copies to come.
    pub fn pending(&self) -> Vec<Begun<'m>> {
        let exists = |copy: &str| self.view.clusters.iter().any(|c| c.identifier == copy);
        let fine = |begun: &Begun<'_>| !exists(&begun.copy) && !self.is_over(begun);
        self.begun().into_iter().filter(fine).collect()
    }

    /// Snapshots that nothing comes of, and that can't be deleted.
    pub fn stuck(&self) -> Vec<String> {
        let is_stuck = |begun: &Begun<'_>| begun.snapshot.status.0 == "creating" && self.is_over(begun);
        self.begun().iter().filter(|begun| is_stuck(begun)).map(|b| b.snapshot.identifier.clone()).collect()
    }

    /// Whether nothing comes of a snapshot any more: it failed, or is too old to begin with.
    fn is_over(&self, begun: &Begun<'_>) -> bool {
        let ready_or_busy = matches!(begun.snapshot.status.0.as_str(), "available" | "creating");
        let age = begun.snapshot.created_at.map(|at| self.now - at);
        !ready_or_busy || age.is_some_and(|age| age > self.config.copy_timeout)
    }

    /// Begins so many copies, under names that nothing bears or refers to.
    pub fn begin(&self, count: u32) -> Vec<Step> {
        let taken = self.taken();
        let name = |n: &u32| {
            identifier::copy(&self.settings.name_prefix, &self.root.identifier, &self.settings.manager, *n)
        };
        let names = (1..).map(|n| name(&n)).filter(|name| !taken.contains(name));
        names.take(count as usize).map(|name| self.begin_one(name)).collect()
    }

    fn begin_one(&self, name: String) -> Step {
        let root = &self.root.identifier;
        match self.config.copy_method {
            CopyMethod::PointInTime => {
                let why = format!("{name} is begun as a full copy of {root}");
                Step::new(Action::Copy(Box::new(self.restore(name, self.now))), why)
            }
            CopyMethod::Snapshot => {
                let why = format!("a snapshot of {root} is taken for {name}");
                let tags = self.tags(&name, self.now);
                let identifier = guard::snapshot_for(&name);
                Step::new(Action::TakeSnapshot(NewSnapshot { identifier, source: root.clone(), tags }), why)
            }
        }
    }

    /// Every name that must not be given again: a number that is used twice would make the clones of one copy those of another.
    fn taken(&self) -> Vec<String> {
        let mut taken = Vec::new();
        // By each tag alone: a lineage of which somebody removed a part still names it.
        for cluster in self.view.clusters {
            taken.push(cluster.identifier.clone());
            taken
                .extend([tag::CLUSTER, tag::SOURCE].iter().filter_map(|key| cluster.tags.get(*key).cloned()));
        }
        for snapshot in self.view.snapshots {
            taken.extend(snapshot.tags.get(tag::CLUSTER).cloned());
            taken.extend(guard::copy_of_snapshot(&snapshot.identifier).map(str::to_owned));
        }
        taken
    }

    /// Goes on with snapshots that are ready, and deletes those that are not needed any more.
    pub fn follow_snapshots(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for begun in self.begun() {
            let name = &begun.snapshot.identifier;
            let copy = self.view.clusters.iter().find(|c| c.identifier == begun.copy);
            // Whether AWS takes the deletion of a snapshot that is being restored is not documented.
            let restored = copy.is_some_and(|copy| copy.status.0 != "creating");
            if restored || (copy.is_none() && self.is_over(&begun)) {
                let why = match restored {
                    true => format!("the snapshot {name} is not needed any more"),
                    false => {
                        format!("nothing comes of the snapshot {name}, which is {}", begun.snapshot.status)
                    }
                };
                // One that is being taken can't be deleted, and one that is going is gone soon.
                if !matches!(begun.snapshot.status.0.as_str(), "creating" | "deleting") {
                    steps.push(Step::new(Action::DeleteSnapshot(begun.owned), why));
                }
            } else if copy.is_none() && begun.snapshot.status.is_ready() {
                let data_time = begun.snapshot.created_at.unwrap_or(self.now);
                let restore = self.restore(begun.copy.clone(), data_time);
                let why = format!("{} is begun from the snapshot {name}", begun.copy);
                let (snapshot, engine) = (name.clone(), self.root.engine.clone());
                steps.push(Step::new(
                    Action::CopyFromSnapshot(Box::new(FromSnapshot { restore, snapshot, engine })),
                    why,
                ));
            }
        }
        steps
    }

    fn tags(&self, name: &str, data_time: DateTime<Utc>) -> Tags {
        let root = &self.root.identifier;
        let tags = [
            (tag::MANAGER, self.settings.manager.clone()),
            (tag::ROLE, "copy".to_owned()),
            (tag::CLUSTER, name.to_owned()),
            (tag::ROOT, root.clone()),
            (tag::SOURCE, root.clone()),
            (tag::RESTORE_TYPE, RestoreType::FullCopy.as_str().to_owned()),
            (tag::DATA_TIME, format_time(data_time)),
        ];
        tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// The call that makes a copy. What the root needs to start is the root's; what costs or lets in is not.
    fn restore(&self, name: String, data_time: DateTime<Utc>) -> Restore {
        let of_root = &self.root.settings;
        let settings = ClusterSettings {
            subnet_group: of_root.subnet_group.clone(),
            security_groups: self
                .config
                .security_groups
                .clone()
                .unwrap_or_else(|| of_root.security_groups.clone()),
            parameter_group: of_root.parameter_group.clone(),
            port: of_root.port,
            storage_type: Some(STORAGE.to_owned()),
            network_type: of_root.network_type.clone(),
            engine_lifecycle_support: of_root.engine_lifecycle_support.clone(),
            backup_retention: Some(BACKUP_RETENTION),
            // A serverless instance can be added later only where it is set, and it costs nothing.
            capacity: Some(engine::capacity(self.root)),
            ..ClusterSettings::default()
        };
        Restore {
            tags: self.tags(&name, data_time),
            identifier: name,
            source: self.root.identifier.clone(),
            restore_type: RestoreType::FullCopy,
            settings,
        }
    }

    fn class(&self) -> &str {
        self.config.instance_class.as_deref().unwrap_or_else(|| engine::auto_class(self.root))
    }

    /// What a copy needs: an instance, or the note that it is ready.
    pub fn tend(&self, standing: &Standing<'_>) -> Option<Step> {
        let copy = standing.owned.clone()?;
        let cluster = standing.cluster;
        let name = &cluster.identifier;
        match standing.state {
            State::NoInstance => {
                let identifier = self.free_instance_name(cluster)?;
                let why = format!("{name} gets an instance, without which it can't be cloned");
                Some(Step::new(Action::AddInstance(self.instance(copy, cluster, identifier)), why))
            }
            State::Usable if cluster.status.is_ready() && cluster.tag(tag::READY).is_none() => {
                let event = events::copy_ready(&self.settings.manager, cluster, &self.root.identifier);
                let why = format!("{name} can be cloned");
                Some(Step::new(Action::NoteReady { copy, at: self.now }, why).telling(event))
            }
            _ => None,
        }
    }

    fn instance(&self, copy: OwnedCopy, cluster: &Cluster, identifier: String) -> CopyInstance {
        let mut tags = tags::ours_and_users(&cluster.tags);
        tags.remove(tag::READY);
        CopyInstance {
            copy,
            identifier,
            engine: cluster.engine.clone(),
            settings: InstanceSettings { class: self.class().to_owned(), ..InstanceSettings::default() },
            tags,
        }
    }

    /// The first name of an instance that no instance of the copy has, not even one that is being deleted.
    fn free_instance_name(&self, cluster: &Cluster) -> Option<String> {
        let taken = |name: &String| {
            self.view.instances.iter().any(|i| i.identifier == *name) || cluster.members.contains(name)
        };
        (1..=MOST_INSTANCES).map(|n| identifier::instance(&cluster.identifier, n)).find(|name| !taken(name))
    }
}

/// The members of a copy that are not going away.
pub fn living<'a>(instances: &'a [Instance], cluster: &Cluster) -> Vec<&'a Instance> {
    let of = instances.iter().filter(|i| i.cluster.as_deref() == Some(&cluster.identifier));
    of.filter(|i| i.status.phase() != Phase::Deleting).collect()
}

/// The family's root, if it may have a pool.
pub fn root<'a>(
    config: &SourceConfig,
    clusters: &'a [Cluster],
    settings: &Settings,
) -> Result<&'a Cluster, String> {
    let name = &config.source;
    let Some(root) = clusters.iter().find(|cluster| cluster.identifier == *name) else {
        return Err(format!(
            "cluster-id is {name:?}: there is no such Aurora cluster in this account and region"
        ));
    };
    settings.limits.source(name).map_err(|refused| format!("cluster-id is {name:?}: {refused}"))?;
    match tags::lineage(&root.tags) {
        None => Ok(root),
        Some(lineage) => Err(format!(
            "cluster-id is {name:?}, which is no root: its tags are those of {:?}, of the family of {:?}. Name that root, or \
             take the tags that begin with {:?} off a cluster that is none of that family any more",
            lineage.cluster,
            lineage.root,
            tag::PREFIX
        )),
    }
}

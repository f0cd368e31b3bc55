//! Clusters and instances, and what becomes of them as time passes.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::managed_password::ManagedSecret;
use super::roles::Role;
use super::shelf::{Before, Shelf, Shelved};
use super::snapshots::Snapshot;

/// How a cluster came from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyKind {
    /// It shares its parent's volume.
    CopyOnWrite,
    /// It has a volume of its own.
    Full,
}

/// The call that made a cluster out of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restore {
    /// `RestoreDBClusterToPointInTime`, copy-on-write: what was asked for, not what AWS made of it.
    Clone,
    /// `RestoreDBClusterToPointInTime`, a full copy.
    FullCopy,
    /// `RestoreDBClusterFromSnapshot`, from the snapshot of this identifier.
    Snapshot(String),
}

/// The cluster that another one was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// Its identifier at that time.
    pub id: String,
    /// Its immutable resource id.
    pub resource_id: String,
}

/// What no API shows: the World's own knowledge of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Truth {
    /// The access key id that made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// What it was made from.
    pub parent: Option<Parent>,
    /// By which call it was made from that.
    pub restored: Option<Restore>,
    /// The volume it lives on: the resource id of the cluster for which that volume was filled.
    pub volume: String,
    /// It shares its volume with its parent.
    pub copy_on_write: bool,
    /// A copy-on-write clone was asked for, and AWS silently made a full copy: the sixteenth.
    pub became_full_copy: bool,
    /// The master password that it began with: a copy's is its source's.
    pub birth_password: String,
    /// How much data it has, in bytes; a clone shares it with its source.
    pub data_bytes: u64,
}

/// How a cluster's storage is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all: clusters from before 2026, and their clones.
    None,
    /// With a key that AWS owns; `StorageEncrypted` is `false` all the same.
    #[default]
    AwsOwned,
    /// With a KMS key.
    Kms,
}

/// Serverless v2 capacity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    /// `MinCapacity`.
    pub min: f64,
    /// `MaxCapacity`.
    pub max: f64,
    /// `SecondsUntilAutoPause`, when `min` is zero.
    pub pause_after: Option<u32>,
}

/// One cluster.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the fields are named as in the RDS API")]
pub struct Cluster {
    pub id: String,
    pub arn: String,
    pub resource_id: String,
    pub status: String,
    /// What no API shows.
    pub truth: Truth,
    pub engine: String,
    pub engine_version: String,
    pub port: u32,
    pub database_name: Option<String>,
    pub master_username: String,
    /// The password that works now.
    pub password: String,
    /// The password that a change under way will set.
    pub pending_password: Option<String>,
    /// The secret that RDS keeps the password in, while it manages the password.
    pub managed_secret: Option<ManagedSecret>,
    /// A source's secret that a restored cluster shows without having it.
    pub inherited_secret: Option<ManagedSecret>,
    pub parameter_group: String,
    pub subnet_group: String,
    pub security_groups: Vec<String>,
    pub tags: BTreeMap<String, String>,
    pub backup_retention: u32,
    pub backup_window: String,
    pub maintenance_window: String,
    pub iam_auth: bool,
    pub deletion_protection: bool,
    pub copy_tags_to_snapshot: bool,
    pub storage_type: String,
    pub encryption: Encryption,
    pub kms_key: Option<String>,
    pub backtrack_window: u32,
    pub log_exports: Vec<String>,
    /// The log exports that a change under way will leave.
    pub pending_log_exports: Option<Vec<String>>,
    pub roles: Vec<Role>,
    /// `IPV4` or `DUAL`.
    pub network_type: String,
    pub scaling: Option<Scaling>,
    pub clone_group: Option<String>,
    pub lifecycle_support: String,
    /// What happens by itself, in order of time.
    pub(super) ahead: VecDeque<(DateTime<Utc>, Step)>,
}

/// One instance.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the fields are named as in the RDS API")]
pub struct Instance {
    pub id: String,
    pub arn: String,
    pub resource_id: String,
    /// The identifier of its cluster.
    pub cluster: String,
    pub status: String,
    /// The access key id that made it.
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub class: String,
    /// The class that a change under way will set.
    pub pending_class: Option<String>,
    pub writer: bool,
    pub promotion_tier: u32,
    pub publicly_accessible: bool,
    pub parameter_group: String,
    /// `applying`, `pending-reboot`, …; `None` for `in-sync`.
    pub parameter_apply_status: Option<String>,
    pub zone: String,
    pub maintenance_window: String,
    pub auto_minor_version_upgrade: bool,
    pub monitoring_interval: u32,
    pub monitoring_role: Option<String>,
    pub performance_insights: bool,
    pub performance_insights_retention: Option<u32>,
    /// An ARN. It stays when Performance Insights is turned off.
    pub performance_insights_key: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// What happens by itself, in order of time.
    pub(super) ahead: VecDeque<(DateTime<Utc>, Step)>,
}

/// What happens by itself to a cluster or an instance.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Its status changes.
    Status(Cow<'static, str>),
    /// The pending password becomes the password.
    Password(String),
    /// The secret of this ARN has been made.
    Secret(String),
    /// The role of this ARN may be used.
    Role(String),
    /// The pending log exports become the log exports.
    LogExports(Vec<String>),
    /// An instance gets its new class.
    Class(String),
    /// What an instance's new parameter group says about static parameters waits for a reboot.
    GroupApplied,
    /// A cluster gets its new name.
    Rename(String),
    /// It is no more.
    Gone,
}

impl Step {
    /// A change of status.
    pub(super) fn status(status: &'static str) -> Self {
        Self::Status(Cow::Borrowed(status))
    }

    /// Whether it goes on however the status is changed by hand.
    pub(super) fn outlives_status(&self) -> bool {
        matches!(self, Step::Secret(_) | Step::Role(_))
    }
}

/// Adds steps to come and keeps all of them in order.
fn plan(ahead: &mut VecDeque<(DateTime<Utc>, Step)>, steps: impl IntoIterator<Item = (DateTime<Utc>, Step)>) {
    ahead.extend(steps);
    ahead.make_contiguous().sort_by_key(|(at, _)| *at);
}

/// When the first of these steps is due.
fn next(ahead: &VecDeque<(DateTime<Utc>, Step)>) -> Option<DateTime<Utc>> {
    ahead.front().map(|(at, _)| *at)
}

fn is_due(ahead: &VecDeque<(DateTime<Utc>, Step)>, now: DateTime<Utc>) -> bool {
    next(ahead).is_some_and(|at| at <= now)
}

/// The names of what is due by then.
fn due<T>(shelf: &Shelf<T>, now: DateTime<Utc>, next: impl Fn(&T) -> Option<DateTime<Utc>>) -> Vec<String> {
    let due = shelf.iter().filter(|(_, item)| next(item).is_some_and(|at| at <= now));
    due.map(|(name, _)| name.clone()).collect()
}

/// A change that waited is done, unless a later one has replaced it.
fn land<T: PartialEq>(field: &mut T, pending: &mut Option<T>, value: T) {
    if pending.take_if(|pending| *pending == value).is_some() {
        *field = value;
    }
}

/// Everything that an API call can see.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) clusters: Shelf<Cluster>,
    pub(super) instances: Shelf<Instance>,
    pub(super) snapshots: Shelf<Snapshot>,
}

/// What was there before the changes of one moment.
#[derive(Debug, Default)]
pub(super) struct Change {
    clusters: Before<Cluster>,
    instances: Before<Instance>,
    snapshots: Before<Snapshot>,
}

impl Change {
    /// Whether nothing changed.
    pub(super) fn is_empty(&self) -> bool {
        self.clusters.is_empty() && self.instances.is_empty() && self.snapshots.is_empty()
    }

    /// Takes in a later change of the same moment.
    pub(super) fn merge(&mut self, later: Change) {
        fn merge<T>(earlier: &mut Before<T>, later: Before<T>) {
            for (name, old) in later {
                earlier.entry(name).or_insert(old);
            }
        }
        merge(&mut self.clusters, later.clusters);
        merge(&mut self.instances, later.instances);
        merge(&mut self.snapshots, later.snapshots);
    }
}

impl Shelved for Cluster {
    fn group(&self) -> &str {
        ""
    }
}

impl Shelved for Instance {
    fn group(&self) -> &str {
        &self.cluster
    }
}

impl Instance {
    /// Adds steps to come and keeps all of them in order.
    pub(super) fn plan(&mut self, steps: impl IntoIterator<Item = (DateTime<Utc>, Step)>) {
        plan(&mut self.ahead, steps);
    }
}

impl Cluster {
    /// Adds steps to come and keeps all of them in order.
    pub(super) fn plan(&mut self, steps: impl IntoIterator<Item = (DateTime<Utc>, Step)>) {
        plan(&mut self.ahead, steps);
    }

    /// When it leaves `creating` by itself.
    pub(super) fn ready_at(&self) -> Option<DateTime<Utc>> {
        let mut changes = self.ahead.iter().filter(|(_, step)| matches!(step, Step::Status(_)));
        changes.next().filter(|_| self.status == "creating").map(|(at, _)| *at)
    }
}

impl State {
    /// The instances of a cluster, in order of their names.
    pub(super) fn members<'a>(&'a self, cluster: &'a str) -> impl Iterator<Item = &'a Instance> {
        self.instances.in_group(cluster)
    }

    /// What was there before the changes since the last call.
    pub(super) fn take_change(&mut self) -> Change {
        Change {
            clusters: self.clusters.take_before(),
            instances: self.instances.take_before(),
            snapshots: self.snapshots.take_before(),
        }
    }

    /// Lets everything be as it was before a change.
    pub(super) fn rewind(&mut self, change: &Change) {
        self.clusters.rewind(&change.clusters);
        self.instances.rewind(&change.instances);
        self.snapshots.rewind(&change.snapshots);
    }

    pub(super) fn cluster_mut(&mut self, id: &str) -> Option<&mut Cluster> {
        self.clusters.change(id)
    }

    pub(super) fn instance_mut(&mut self, id: &str) -> Option<&mut Instance> {
        self.instances.change(id)
    }

    /// When something happens next by itself.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        let clusters = self.clusters.values().filter_map(|cluster| next(&cluster.ahead));
        let instances = self.instances.values().filter_map(|instance| next(&instance.ahead));
        let snapshots = self.snapshots.values().filter_map(|snapshot| snapshot.due());
        clusters.chain(instances).chain(snapshots).min()
    }

    /// Lets everything happen that is due, and returns the clusters that are gone, with the time.
    pub(super) fn settle(&mut self, now: DateTime<Utc>) -> Vec<(DateTime<Utc>, Arc<Cluster>)> {
        let mut gone = Vec::new();
        for id in due(&self.instances, now, |instance| next(&instance.ahead)) {
            self.settle_instance(&id, now);
        }
        for id in due(&self.clusters, now, |cluster| next(&cluster.ahead)) {
            self.settle_cluster(id, now, &mut gone);
        }
        for id in due(&self.snapshots, now, Snapshot::due) {
            if let Some(snapshot) = self.snapshots.change(&id) {
                snapshot.finish();
            }
        }
        gone
    }

    fn settle_instance(&mut self, id: &str, now: DateTime<Utc>) {
        while self.instances.get(id).is_some_and(|instance| is_due(&instance.ahead, now)) {
            let Some(instance) = self.instances.change(id) else { return };
            match instance.ahead.pop_front() {
                Some((at, Step::Status(status))) => {
                    instance.status = status.into_owned();
                    let cluster = instance.cluster.clone();
                    self.wake_secret(&cluster, at);
                }
                Some((_, Step::Class(class))) => {
                    land(&mut instance.class, &mut instance.pending_class, class);
                }
                Some((_, Step::GroupApplied)) => {
                    instance.parameter_apply_status = Some("pending-reboot".to_owned());
                }
                Some((_, Step::Gone)) => {
                    let cluster = instance.cluster.clone();
                    self.instances.remove(id);
                    self.elect_writer(&cluster);
                }
                _ => {}
            }
        }
    }

    fn settle_cluster(
        &mut self,
        mut id: String,
        now: DateTime<Utc>,
        gone: &mut Vec<(DateTime<Utc>, Arc<Cluster>)>,
    ) {
        while self.clusters.get(&id).is_some_and(|cluster| is_due(&cluster.ahead, now)) {
            let Some(cluster) = self.clusters.change(&id) else { return };
            let Some((at, step)) = cluster.ahead.pop_front() else { return };
            match step {
                Step::Status(status) => cluster.status = status.into_owned(),
                Step::Secret(arn) => {
                    if let Some(secret) = cluster.managed_secret.as_mut().filter(|secret| secret.arn == arn) {
                        secret.finish();
                    }
                }
                Step::Role(arn) => {
                    for role in cluster.roles.iter_mut().filter(|role| role.arn == arn) {
                        "ACTIVE".clone_into(&mut role.status);
                    }
                }
                Step::LogExports(logs) => {
                    land(&mut cluster.log_exports, &mut cluster.pending_log_exports, logs);
                }
                // Of instances.
                Step::Class(_) | Step::GroupApplied => {}
                Step::Password(password) => {
                    land(&mut cluster.password, &mut cluster.pending_password, password);
                }
                Step::Rename(new) => {
                    self.rename(&id, &new);
                    id = new;
                }
                Step::Gone => {
                    self.remove_members(&id);
                    gone.extend(self.clusters.remove(&id).map(|cluster| (at, cluster)));
                }
            }
        }
    }

    /// Lets the making of a secret begin to end: it does so once the cluster has an instance that works.
    pub(super) fn wake_secret(&mut self, id: &str, at: DateTime<Utc>) {
        let waits = |cluster: &Arc<Cluster>| {
            cluster.managed_secret.as_ref().is_some_and(ManagedSecret::waits_for_an_instance)
        };
        let has_instance = self.members(id).any(|instance| instance.status == "available");
        if !has_instance || !self.clusters.get(id).is_some_and(waits) {
            return;
        }
        if let Some(cluster) = self.cluster_mut(id)
            && let Some(secret) = &mut cluster.managed_secret
        {
            let step = (secret.begin(at), Step::Secret(secret.arn.clone()));
            cluster.plan([step]);
        }
    }

    /// Gives a cluster another name, and its ARN with it.
    pub(super) fn rename(&mut self, id: &str, new: &str) {
        let Some(mut cluster) = self.clusters.remove(id) else { return };
        let renamed = Arc::make_mut(&mut cluster);
        renamed.arn = renamed.arn.strip_suffix(id).unwrap_or_default().to_owned() + new;
        new.clone_into(&mut renamed.id);
        self.clusters.insert(new.to_owned(), cluster);
        for member in self.member_names(id) {
            if let Some(mut instance) = self.instances.remove(&member) {
                new.clone_into(&mut Arc::make_mut(&mut instance).cluster);
                self.instances.insert(member, instance);
            }
        }
    }

    /// Takes all instances of a cluster away.
    pub(super) fn remove_members(&mut self, cluster: &str) {
        for member in self.member_names(cluster) {
            self.instances.remove(&member);
        }
    }

    fn member_names(&self, cluster: &str) -> Vec<String> {
        self.members(cluster).map(|instance| instance.id.clone()).collect()
    }

    /// Makes the member with the best promotion tier the writer, unless there is a writer that stays.
    pub(super) fn elect_writer(&mut self, cluster: &str) {
        let stays = |instance: &Instance| instance.status != "deleting";
        if self.members(cluster).any(|instance| instance.writer && stays(instance)) {
            return;
        }
        let best = self
            .members(cluster)
            .filter(|instance| stays(instance))
            .min_by_key(|instance| (instance.status != "available", instance.promotion_tier))
            .map(|instance| instance.id.clone());
        let Some(best) = best else { return };
        for id in self.member_names(cluster) {
            let is_best = id == best;
            if let Some(instance) = self.instance_mut(&id) {
                instance.writer = is_best;
            }
        }
    }
}

//! Accounts made by hand, for tests and the demo: no wire, no time, no quota.
//!
//! What is seeded counts as always having been there: a stale read shows it too. What is changed by hand later
//! (`by_hand`) happens at the World's time.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::managed_password::{ManagedSecret, random};
use super::options::{DEFAULT_SECURITY_GROUP, EXTENDED_SUPPORT, IPV4};
use super::roles::Role;
use super::state::{Cluster, CopyKind, Encryption, Instance, Parent, Restore, Scaling, Truth};
use super::{Rds, groups, identifiers};

/// Performance Insights of an instance that has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insights {
    /// Days.
    pub retention: u32,
    /// An ARN; `None` for the key that AWS manages for RDS.
    pub kms_key: Option<String>,
}

impl Default for Insights {
    fn default() -> Self {
        Self { retention: 7, kms_key: None }
    }
}

/// A cluster to seed. Only `id` is needed.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of a Cluster")]
pub struct SeedCluster {
    pub id: String,
    pub engine: String,
    pub engine_version: String,
    pub status: String,
    pub tags: BTreeMap<String, String>,
    /// `None` for the default group; a custom one comes to exist, with the right family.
    pub parameter_group: Option<String>,
    /// Comes to exist.
    pub subnet_group: String,
    pub security_groups: Vec<String>,
    /// How many available instances it has: `<id>-1`, which is the writer, and so on.
    pub instances: usize,
    pub instance_class: String,
    /// Of all of its instances; `None` for the default group, a custom one comes to exist.
    pub instance_parameter_group: Option<String>,
    /// Of all of its instances; `None` for off.
    pub performance_insights: Option<Insights>,
    /// Enhanced monitoring of all of its instances: the interval in seconds, and the role's ARN.
    pub monitoring: Option<(u32, String)>,
    /// `None` for the World's time.
    pub created_at: Option<DateTime<Utc>>,
    pub created_by: String,
    /// What it was made from: a living cluster, and how. A copy-on-write one shares its volume.
    pub parent: Option<(String, CopyKind)>,
    /// `None` for the parent's, or `password-of-<id>`.
    pub password: Option<String>,
    /// RDS keeps the password in a secret, which is `active`.
    pub managed_password: bool,
    pub encryption: Encryption,
    pub kms_key: Option<String>,
    pub scaling: Option<Scaling>,
    pub backup_retention: u32,
    pub deletion_protection: bool,
    pub iam_auth: bool,
    pub copy_tags_to_snapshot: bool,
    pub associated_roles: Vec<Role>,
    pub log_exports: Vec<String>,
    /// `IPV4` or `DUAL`; with `DUAL`, the subnet group comes to support it.
    pub network_type: String,
    pub lifecycle_support: String,
    /// `None` for the engine's.
    pub port: Option<u32>,
    /// Seconds; for Aurora MySQL only.
    pub backtrack_window: u32,
    pub storage_type: String,
    /// `None` for what the parent implies.
    pub clone_group: Option<String>,
    /// How much data it has; `None` for as much as its parent, or 100 GiB.
    pub data_gib: Option<u32>,
}

impl Default for SeedCluster {
    fn default() -> Self {
        Self {
            id: String::new(),
            engine: "aurora-postgresql".to_owned(),
            engine_version: "16.4".to_owned(),
            status: "available".to_owned(),
            tags: BTreeMap::new(),
            parameter_group: None,
            subnet_group: "default".to_owned(),
            security_groups: vec![DEFAULT_SECURITY_GROUP.to_owned()],
            instances: 1,
            instance_class: "db.r6g.large".to_owned(),
            instance_parameter_group: None,
            performance_insights: None,
            monitoring: None,
            created_at: None,
            created_by: "AKIASTRANGER".to_owned(),
            parent: None,
            password: None,
            managed_password: false,
            encryption: Encryption::AwsOwned,
            kms_key: None,
            scaling: None,
            backup_retention: 1,
            deletion_protection: false,
            iam_auth: false,
            copy_tags_to_snapshot: false,
            associated_roles: Vec::new(),
            log_exports: Vec::new(),
            network_type: IPV4.to_owned(),
            lifecycle_support: EXTENDED_SUPPORT.to_owned(),
            port: None,
            backtrack_window: 0,
            storage_type: "aurora".to_owned(),
            clone_group: None,
            data_gib: None,
        }
    }
}

/// An instance to add by hand. `id` and `cluster` are needed.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of an Instance")]
pub struct SeedInstance {
    pub id: String,
    pub cluster: String,
    pub class: String,
    pub status: String,
    pub created_by: String,
    pub promotion_tier: u32,
    pub publicly_accessible: bool,
    /// `None` for the default group; a custom one comes to exist.
    pub parameter_group: Option<String>,
    pub performance_insights: Option<Insights>,
    /// Enhanced monitoring: the interval in seconds, and the role's ARN.
    pub monitoring: Option<(u32, String)>,
    pub tags: BTreeMap<String, String>,
}

impl Default for SeedInstance {
    fn default() -> Self {
        Self {
            id: String::new(),
            cluster: String::new(),
            class: "db.r6g.large".to_owned(),
            status: "available".to_owned(),
            created_by: "AKIASTRANGER".to_owned(),
            promotion_tier: 1,
            publicly_accessible: false,
            parameter_group: None,
            performance_insights: None,
            monitoring: None,
            tags: BTreeMap::new(),
        }
    }
}

/// How much data a cluster has of which nothing is said.
const DATA_GIB: u32 = 100;

/// What follows from a seed's parent.
struct Lineage {
    truth: Truth,
    resource_id: String,
    clone_group: Option<String>,
    password: Option<String>,
}

impl Rds {
    /// Lets a subnet group exist.
    pub fn seed_subnet_group(&mut self, name: &str) {
        self.groups.subnet.insert(name.to_lowercase());
    }

    /// Announces maintenance of a cluster, such as `system-update`.
    pub fn seed_maintenance(&mut self, cluster: &str, action: &str) {
        self.maintenance.push((cluster.to_owned(), action.to_owned()));
    }

    /// Lets a subnet group exist that supports the network type `DUAL`.
    pub fn seed_dual_subnet_group(&mut self, name: &str) {
        self.seed_subnet_group(name);
        self.groups.dual.insert(name.to_lowercase());
    }

    /// Lets a subnet group exist whose subnets are in these zones, such as `eu-west-1a`.
    pub fn seed_subnet_group_in(&mut self, name: &str, zones: &[&str]) {
        self.seed_subnet_group(name);
        let zones = zones.iter().map(|zone| (*zone).to_owned()).collect();
        self.groups.zones.insert(name.to_lowercase(), zones);
    }

    /// Lets a custom cluster parameter group exist, e.g. of the family `aurora-postgresql16`.
    pub fn seed_parameter_group(&mut self, name: &str, family: &str) {
        self.groups.cluster.insert(name.to_lowercase(), family.to_owned());
    }

    /// Lets a custom instance parameter group exist.
    pub fn seed_instance_parameter_group(&mut self, name: &str, family: &str) {
        self.groups.instance.insert(name.to_lowercase(), family.to_owned());
    }

    /// Makes a KMS key (id or ARN) unusable: `KMSKeyNotAccessibleFault`.
    pub fn break_key(&mut self, key: &str) {
        if let Ok(key) = self.place.key(key) {
            self.broken_keys.insert(key);
        }
    }

    /// Makes a cluster with its instances, and returns its resource id.
    pub fn seed_cluster(&mut self, seed: SeedCluster) -> String {
        let lineage = self.seed_lineage(&seed);
        let family = groups::family(&seed.engine, &seed.engine_version);
        let default_group = groups::default_group(&seed.engine, &seed.engine_version);
        if let Some(name) = &seed.parameter_group {
            self.seed_parameter_group(name, &family);
        }
        self.seed_subnet_group(&seed.subnet_group);
        if seed.network_type == "DUAL" {
            self.seed_dual_subnet_group(&seed.subnet_group);
        }
        let password =
            seed.password.or(lineage.password).unwrap_or_else(|| format!("password-of-{}", seed.id));
        let managed_secret = seed.managed_password.then(|| self.seed_secret(&password));
        let mut truth = lineage.truth;
        if truth.parent.is_none() {
            truth.birth_password.clone_from(&password);
        }
        let cluster = Cluster {
            arn: self.place.arn("cluster", &seed.id),
            resource_id: lineage.resource_id,
            truth,
            status: seed.status,
            port: seed.port.unwrap_or(if seed.engine == "aurora-mysql" { 3306 } else { 5432 }),
            master_username: "dba".to_owned(),
            password,
            managed_secret,
            parameter_group: seed.parameter_group.unwrap_or(default_group),
            subnet_group: seed.subnet_group,
            security_groups: seed.security_groups,
            tags: seed.tags,
            backup_retention: seed.backup_retention,
            backup_window: "02:00-02:30".to_owned(),
            maintenance_window: "sun:03:00-sun:03:30".to_owned(),
            iam_auth: seed.iam_auth,
            deletion_protection: seed.deletion_protection,
            copy_tags_to_snapshot: seed.copy_tags_to_snapshot,
            roles: seed.associated_roles,
            log_exports: seed.log_exports,
            network_type: seed.network_type,
            backtrack_window: seed.backtrack_window,
            storage_type: seed.storage_type,
            encryption: if seed.kms_key.is_some() { Encryption::Kms } else { seed.encryption },
            kms_key: seed.kms_key,
            scaling: seed.scaling,
            clone_group: seed.clone_group.or(lineage.clone_group),
            lifecycle_support: seed.lifecycle_support,
            engine: seed.engine,
            engine_version: seed.engine_version,
            id: seed.id,
            ..Cluster::default()
        };
        let (id, resource_id) = (cluster.id.clone(), cluster.resource_id.clone());
        let created_by = cluster.truth.created_by.clone();
        let instance_tags = cluster.tags.clone();
        self.admit(cluster);
        for number in 1..=seed.instances {
            self.seed_instance(SeedInstance {
                id: format!("{id}-{number}"),
                cluster: id.clone(),
                class: seed.instance_class.clone(),
                created_by: created_by.clone(),
                parameter_group: seed.instance_parameter_group.clone(),
                performance_insights: seed.performance_insights.clone(),
                monitoring: seed.monitoring.clone(),
                // Who tags a cluster tags its instances; IAM looks at those of an instance alone.
                tags: instance_tags.clone(),
                ..SeedInstance::default()
            });
        }
        self.always_was();
        resource_id
    }

    /// What was seeded is no change.
    pub(super) fn always_was(&mut self) {
        self.state.take_change();
        self.quiet_until = None;
    }

    fn seed_secret(&mut self, password: &str) -> ManagedSecret {
        let arn = self.place.secret(&self.ids.uuid(), &random(&mut self.ids, 6));
        ManagedSecret::active(arn, self.place.default_key("secretsmanager"), password.to_owned())
    }

    fn seed_lineage(&mut self, seed: &SeedCluster) -> Lineage {
        let resource_id = identifiers::resource_id(&mut self.ids, "cluster");
        let mut truth = Truth {
            created_by: seed.created_by.clone(),
            created_at: seed.created_at.unwrap_or(self.now),
            volume: resource_id.clone(),
            data_bytes: u64::from(seed.data_gib.unwrap_or(DATA_GIB)) << 30,
            ..Truth::default()
        };
        let fresh_group = self.ids.uuid();
        let parent = seed.parent.as_ref().and_then(|(id, kind)| Some((self.state.cluster_mut(id)?, *kind)));
        let Some((parent, kind)) = parent else {
            return Lineage { truth, resource_id, clone_group: None, password: None };
        };
        if kind == CopyKind::CopyOnWrite {
            truth.copy_on_write = true;
            truth.volume.clone_from(&parent.truth.volume);
            parent.clone_group.get_or_insert(fresh_group);
        }
        truth.restored = Some(match kind {
            CopyKind::CopyOnWrite => Restore::Clone,
            CopyKind::Full => Restore::FullCopy,
        });
        truth.birth_password.clone_from(&parent.password);
        if seed.data_gib.is_none() {
            truth.data_bytes = parent.truth.data_bytes;
        }
        truth.parent = Some(Parent { id: parent.id.clone(), resource_id: parent.resource_id.clone() });
        Lineage {
            truth,
            resource_id,
            clone_group: parent.clone_group.clone(),
            password: Some(parent.password.clone()),
        }
    }

    /// Makes an instance. The first one that stays is the writer.
    pub fn seed_instance(&mut self, seed: SeedInstance) {
        self.make_instance(seed);
        self.always_was();
    }

    /// Makes an instance at the World's time.
    pub(super) fn make_instance(&mut self, seed: SeedInstance) {
        let Some(cluster) = self.state.clusters.get(&seed.cluster).cloned() else { return };
        if let Some(name) = &seed.parameter_group {
            self.seed_instance_parameter_group(
                name,
                &groups::family(&cluster.engine, &cluster.engine_version),
            );
        }
        let default_group = groups::default_group(&cluster.engine, &cluster.engine_version);
        let insights = seed.performance_insights;
        let (interval, role) = seed.monitoring.map_or((0, None), |(seconds, role)| (seconds, Some(role)));
        let instance = Instance {
            arn: self.place.arn("db", &seed.id),
            parameter_group: seed.parameter_group.unwrap_or(default_group),
            performance_insights: insights.is_some(),
            performance_insights_retention: insights.as_ref().map(|insights| insights.retention),
            performance_insights_key: insights
                .map(|insights| insights.kms_key.unwrap_or_else(|| self.place.default_key("rds"))),
            monitoring_interval: interval,
            monitoring_role: role,
            maintenance_window: cluster.maintenance_window.clone(),
            created_at: cluster.truth.created_at,
            zone: self.place.zones()[0].clone(),
            resource_id: identifiers::resource_id(&mut self.ids, "db"),
            cluster: seed.cluster.clone(),
            status: seed.status,
            created_by: seed.created_by,
            class: seed.class,
            promotion_tier: seed.promotion_tier,
            publicly_accessible: seed.publicly_accessible,
            tags: seed.tags,
            id: seed.id,
            ..Instance::default()
        };
        self.state.instances.insert(instance.id.clone(), Arc::new(instance));
        self.state.elect_writer(&seed.cluster);
        self.state.wake_secret(&seed.cluster, self.now);
    }
}

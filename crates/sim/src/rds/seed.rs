//! Accounts made by hand, for tests and the demo: no wire, no time, no quota.
//!
//! What is seeded counts as always having been there: a stale read shows it too. What is changed by hand later
//! ([`Rds::set_status`] and the like) happens at the World's time.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::options::{DEFAULT_SECURITY_GROUP, EXTENDED_SUPPORT};
use super::state::{Cluster, CopyKind, Encryption, Instance, Parent, Scaling, Truth};
use super::{Rds, groups, identifiers};

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
    /// `None` for the World's time.
    pub created_at: Option<DateTime<Utc>>,
    pub created_by: String,
    /// What it was made from: a living cluster, and how. A copy-on-write one shares its volume.
    pub parent: Option<(String, CopyKind)>,
    /// `None` for the parent's, or `password-of-<id>`.
    pub password: Option<String>,
    pub encryption: Encryption,
    pub kms_key: Option<String>,
    pub scaling: Option<Scaling>,
    pub backup_retention: u32,
    pub deletion_protection: bool,
    pub iam_auth: bool,
    pub storage_type: String,
    /// `None` for what the parent implies.
    pub clone_group: Option<String>,
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
            created_at: None,
            created_by: "AKIASTRANGER".to_owned(),
            parent: None,
            password: None,
            encryption: Encryption::AwsOwned,
            kms_key: None,
            scaling: None,
            backup_retention: 1,
            deletion_protection: false,
            iam_auth: false,
            storage_type: "aurora".to_owned(),
            clone_group: None,
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
            tags: BTreeMap::new(),
        }
    }
}

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
        let cluster = Cluster {
            arn: self.place.arn("cluster", &seed.id),
            resource_id: lineage.resource_id,
            truth: lineage.truth,
            status: seed.status,
            port: if seed.engine == "aurora-mysql" { 3306 } else { 5432 },
            master_username: "dba".to_owned(),
            password: seed
                .password
                .or(lineage.password)
                .unwrap_or_else(|| format!("password-of-{}", seed.id)),
            parameter_group: seed.parameter_group.unwrap_or(default_group),
            subnet_group: seed.subnet_group,
            security_groups: seed.security_groups,
            tags: seed.tags,
            backup_retention: seed.backup_retention,
            backup_window: "02:00-02:30".to_owned(),
            maintenance_window: "sun:03:00-sun:03:30".to_owned(),
            iam_auth: seed.iam_auth,
            deletion_protection: seed.deletion_protection,
            storage_type: seed.storage_type,
            encryption: if seed.kms_key.is_some() { Encryption::Kms } else { seed.encryption },
            kms_key: seed.kms_key,
            scaling: seed.scaling,
            clone_group: seed.clone_group.or(lineage.clone_group),
            lifecycle_support: EXTENDED_SUPPORT.to_owned(),
            engine: seed.engine,
            engine_version: seed.engine_version,
            id: seed.id,
            ..Cluster::default()
        };
        let (id, resource_id) = (cluster.id.clone(), cluster.resource_id.clone());
        let created_by = cluster.truth.created_by.clone();
        self.admit(cluster);
        for number in 1..=seed.instances {
            self.seed_instance(SeedInstance {
                id: format!("{id}-{number}"),
                cluster: id.clone(),
                class: seed.instance_class.clone(),
                created_by: created_by.clone(),
                ..SeedInstance::default()
            });
        }
        resource_id
    }

    fn seed_lineage(&mut self, seed: &SeedCluster) -> Lineage {
        let resource_id = identifiers::resource_id(&mut self.ids, "cluster");
        let mut truth = Truth {
            created_by: seed.created_by.clone(),
            created_at: seed.created_at.unwrap_or(self.now),
            volume: resource_id.clone(),
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
        let Some(cluster) = self.cluster(&seed.cluster) else { return };
        let instance = Instance {
            arn: self.place.arn("db", &seed.id),
            parameter_group: groups::default_group(&cluster.engine, &cluster.engine_version),
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
    }

    /// Gives a cluster a status; whatever was under way is forgotten.
    pub fn set_status(&mut self, id: &str, status: &str) {
        self.change(id, |cluster| {
            status.clone_into(&mut cluster.status);
            cluster.ahead.clear();
        });
    }

    /// Gives an instance a status; whatever was under way is forgotten.
    pub fn set_instance_status(&mut self, id: &str, status: &str) {
        self.remember(self.state.clone());
        if let Some(instance) = self.state.instance_mut(id) {
            status.clone_into(&mut instance.status);
            instance.ahead.clear();
        }
    }

    /// Stops a cluster with its instances, at once.
    pub fn stop(&mut self, id: &str) {
        self.set_status(id, "stopped");
        let members: Vec<String> = self.instances_of(id).map(|instance| instance.id.clone()).collect();
        for member in members {
            self.set_instance_status(&member, "stopped");
        }
    }

    /// Starts a stopped cluster with its instances, at once.
    pub fn start(&mut self, id: &str) {
        self.set_status(id, "available");
        let members: Vec<String> = self.instances_of(id).map(|instance| instance.id.clone()).collect();
        for member in members {
            self.set_instance_status(&member, "available");
        }
    }

    /// Gives a cluster another name, at once.
    pub fn rename(&mut self, id: &str, new: &str) {
        self.remember(self.state.clone());
        self.state.rename(id, new);
    }

    /// Sets tags, as somebody else would.
    pub fn set_tags(&mut self, id: &str, tags: impl IntoIterator<Item = (String, String)>) {
        self.change(id, |cluster| cluster.tags.extend(tags));
    }

    /// Changes anything about a cluster; its identifier must stay.
    pub fn change(&mut self, id: &str, change: impl FnOnce(&mut Cluster)) {
        self.remember(self.state.clone());
        if let Some(cluster) = self.state.cluster_mut(id) {
            change(cluster);
        }
    }

    /// Makes a cluster and its instances disappear, at once.
    pub fn vanish(&mut self, id: &str) {
        self.remember(self.state.clone());
        self.state.instances.retain(|_, instance| instance.cluster != id);
        if let Some(cluster) = self.state.clusters.remove(id) {
            self.bury(&cluster, self.now);
        }
    }
}

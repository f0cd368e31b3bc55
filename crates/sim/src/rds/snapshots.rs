//! Cluster snapshots: what they are, how they begin, and how they are described.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::describe::{cut, filters, is_named, page};
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::settings::draw;
use super::shelf::Shelved;
use super::state::{Cluster, Encryption, State};
use super::{Answer, Rds, identifiers, render};
use crate::query::Xml;
use crate::world::Context;

/// A snapshot of a cluster.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its identifier.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// `manual` or `automated`.
    pub kind: String,
    /// `creating`, `available`, ….
    pub status: String,
    /// The access key id that asked for it; empty for one made by hand, unless its seed says otherwise.
    pub created_by: String,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The cluster as it was then, its password too.
    pub cluster: Arc<Cluster>,
    ready_at: Option<DateTime<Utc>>,
}

impl Snapshot {
    /// When it will be ready, if it is not.
    pub(super) fn due(&self) -> Option<DateTime<Utc>> {
        self.ready_at
    }

    /// It is ready.
    pub(super) fn finish(&mut self) {
        "available".clone_into(&mut self.status);
        self.ready_at = None;
    }
}

impl Shelved for Snapshot {
    fn group(&self) -> &str {
        ""
    }
}

/// A snapshot to seed. `id` and `cluster`, a living one, are needed.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of a Snapshot")]
pub struct SeedSnapshot {
    pub id: String,
    pub cluster: String,
    pub kind: String,
    pub status: String,
    pub created_by: String,
    /// `None` for the World's time.
    pub created_at: Option<DateTime<Utc>>,
    pub tags: BTreeMap<String, String>,
}

impl Default for SeedSnapshot {
    fn default() -> Self {
        Self {
            id: String::new(),
            cluster: String::new(),
            kind: "manual".to_owned(),
            status: "available".to_owned(),
            created_by: String::new(),
            created_at: None,
            tags: BTreeMap::new(),
        }
    }
}

impl Rds {
    /// The snapshots, in order of their names, in every status.
    pub fn snapshots(&self) -> impl Iterator<Item = &Snapshot> {
        self.state.snapshots.values().map(Arc::as_ref)
    }

    pub(super) fn change_snapshot(&mut self, id: &str, status: &str) {
        if let Some(snapshot) = self.state.snapshots.get(id) {
            let mut snapshot = Snapshot::clone(snapshot);
            status.clone_into(&mut snapshot.status);
            snapshot.ready_at = None;
            self.state.snapshots.insert(snapshot.id.clone(), snapshot.into());
        }
    }

    /// Makes a snapshot by hand.
    pub fn seed_snapshot(&mut self, seed: SeedSnapshot) {
        let Some(cluster) = self.state.clusters.get(&seed.cluster).cloned() else { return };
        let snapshot = Snapshot {
            arn: self.place.arn("cluster-snapshot", &seed.id),
            id: seed.id,
            kind: seed.kind,
            status: seed.status,
            created_by: seed.created_by,
            created_at: seed.created_at.unwrap_or(self.now),
            tags: seed.tags,
            cluster,
            ready_at: None,
        };
        self.state.snapshots.insert(snapshot.id.clone(), snapshot.into());
        self.always_was();
    }

    /// Checks the name and the quota of a snapshot to come.
    pub(super) fn check_snapshot(&self, quota: usize, id: &str) -> Result<(), Refusal> {
        if self.state.snapshots.contains_key(id) {
            return Err(Refusal::fault(
                "DBClusterSnapshotAlreadyExistsFault",
                format!(
                    "Cannot create the cluster snapshot because one with the identifier {id} already exists."
                ),
            ));
        }
        if self.snapshots().filter(|snapshot| snapshot.kind == "manual").count() >= quota {
            return Err(Refusal::fault(
                "SnapshotQuotaExceeded",
                format!("Cannot create more than {quota} manual snapshots"),
            ));
        }
        Ok(())
    }

    /// Begins a manual snapshot with these tags (and the cluster's, if that copies its own); returns when it will be
    /// ready.
    pub(super) fn begin_snapshot(
        &mut self,
        cx: &mut Context<'_>,
        id: &str,
        cluster: &Cluster,
        given: BTreeMap<String, String>,
    ) -> DateTime<Utc> {
        let mut tags = if cluster.copy_tags_to_snapshot { cluster.tags.clone() } else { BTreeMap::new() };
        tags.extend(given);
        let ready = cx.now + draw(cx.rng, &cx.config.rds.snapshot_seconds);
        let snapshot = Snapshot {
            id: id.to_owned(),
            arn: self.place.arn("cluster-snapshot", id),
            kind: "manual".to_owned(),
            status: "creating".to_owned(),
            created_by: cx.principal.to_owned(),
            created_at: cx.now,
            tags,
            cluster: Arc::new(cluster.clone()),
            ready_at: Some(ready),
        };
        self.state.snapshots.insert(snapshot.id.clone(), snapshot.into());
        ready
    }

    pub(super) fn describe_snapshots(&self, state: &State, mut parameters: Parameters) -> Answer {
        let id = parameters.take("DBClusterSnapshotIdentifier");
        let cluster = parameters.take("DBClusterIdentifier");
        let resource_id = parameters.take("DbClusterResourceId");
        let kind =
            parameters.word("SnapshotType", &["automated", "manual", "shared", "public", "awsbackup"])?;
        // Nobody shares anything here.
        parameters.boolean("IncludeShared")?;
        parameters.boolean("IncludePublic")?;
        let filters = filters(
            &mut parameters,
            &["db-cluster-id", "db-cluster-snapshot-id", "snapshot-type", "engine"],
        )?;
        let page = page(&mut parameters)?;
        parameters.finish("DescribeDBClusterSnapshots", &[])?;
        if id.is_some() && cluster.is_some() {
            return Err(Refusal::combination(
                "DBClusterSnapshotIdentifier and DBClusterIdentifier can't be specified together",
            ));
        }
        let named = |kind: &str, text: &str, id: &str| is_named(&self.place, kind, text, id);
        let of_cluster = |text: &str, snapshot: &Snapshot| named("cluster", text, &snapshot.cluster.id);
        let mut found: Vec<&Snapshot> = state.snapshots.values().map(AsRef::as_ref).collect();
        found.retain(|snapshot| {
            kind.as_ref().is_none_or(|kind| snapshot.kind == *kind)
                && cluster.as_ref().is_none_or(|name| of_cluster(name, snapshot))
                && resource_id.as_ref().is_none_or(|resource| snapshot.cluster.resource_id == *resource)
        });
        if let Some(id) = id {
            found.retain(|snapshot| named("cluster-snapshot", &id, &snapshot.id));
            if found.is_empty() {
                return Err(Refusal::no_snapshot(&id));
            }
        }
        found.retain(|snapshot| {
            filters.iter().all(|filter| {
                filter.values.iter().any(|value| match filter.name.as_str() {
                    "db-cluster-id" => of_cluster(value, snapshot),
                    "db-cluster-snapshot-id" => named("cluster-snapshot", value, &snapshot.id),
                    "snapshot-type" => snapshot.kind == *value,
                    _ => snapshot.cluster.engine == *value,
                })
            })
        });
        let marker = cut(&mut found, &page, |snapshot| &snapshot.id);
        let mut xml = Xml::default();
        xml.optional("Marker", marker).element("DBClusterSnapshots", |xml| {
            for snapshot in found {
                xml.element("DBClusterSnapshot", |xml| self.render_snapshot(xml, snapshot));
            }
        });
        Ok(Some(xml))
    }

    pub(super) fn render_snapshot(&self, xml: &mut Xml, snapshot: &Snapshot) {
        let cluster = snapshot.cluster.as_ref();
        xml.element("AvailabilityZones", |xml| {
            for zone in self.place.zones() {
                xml.text("AvailabilityZone", zone);
            }
        })
        .text("DBClusterSnapshotIdentifier", &snapshot.id)
        .text("DBClusterIdentifier", &cluster.id)
        .text("SnapshotCreateTime", render::time(snapshot.created_at))
        .text("Engine", &cluster.engine)
        .text("EngineMode", "provisioned")
        .text("AllocatedStorage", 1)
        .text("Status", &snapshot.status)
        .text("Port", cluster.port)
        .text("VpcId", "vpc-00000000")
        .text("ClusterCreateTime", render::time(cluster.truth.created_at))
        .text("MasterUsername", &cluster.master_username)
        .text("EngineVersion", &cluster.engine_version)
        .text("LicenseModel", render::license(cluster))
        .text("SnapshotType", &snapshot.kind)
        .text("PercentProgress", if snapshot.status == "creating" { 0 } else { 100 })
        .text("StorageEncrypted", cluster.encryption == Encryption::Kms)
        .text("StorageEncryptionType", render::encryption_type(cluster))
        .text("BackupRetentionPeriod", cluster.backup_retention)
        .text("PreferredBackupWindow", &cluster.backup_window)
        .optional("KmsKeyId", cluster.kms_key.as_ref())
        .text("DBClusterSnapshotArn", &snapshot.arn)
        .text("IAMDatabaseAuthenticationEnabled", cluster.iam_auth);
        render::tags(xml, &snapshot.tags);
        xml.optional("StorageType", Some(&cluster.storage_type).filter(|kind| *kind != "aurora"))
            .text("DbClusterResourceId", &cluster.resource_id);
    }
}

/// Checks the name of a new snapshot and brings it to lower case.
pub(super) fn new_name(parameter: &str, text: &str) -> Result<String, Refusal> {
    identifiers::new_identifier_of(parameter, text, 255)
}

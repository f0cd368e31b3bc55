//! What the shell observed of AWS: plain data, complete or not there at all.
//!
//! A snapshot is made from every page of a listing; a listing that failed half way is an error, never a shorter list.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::engine::Capacity;
use crate::tags::{self, Lineage, Tags};

/// The status of a cluster or an instance, as RDS spells it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status(pub String);

/// What a status means for waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Usable now.
    Ready,
    /// On its way; look again.
    Busy,
    /// It does not work on; somebody has to act. Stopped databases are here too.
    Stuck,
    /// Going away.
    Deleting,
    /// A status that we do not know: neither ready nor stuck.
    Unknown,
}

impl Status {
    /// What the status means. The names are from "Viewing DB cluster status" and "Viewing DB instance status" in the
    /// Aurora User Guide, and from the native CloudFormation handler.
    pub fn phase(&self) -> Phase {
        match self.0.as_str() {
            "available" => Phase::Ready,
            "deleting" | "delete-precheck" => Phase::Deleting,
            "cloning-failed"
            | "failed"
            | "inaccessible-encryption-credentials"
            | "incompatible-create"
            | "incompatible-network"
            | "incompatible-option-group"
            | "incompatible-parameters"
            | "incompatible-restore"
            | "insufficient-capacity"
            | "migration-failed"
            | "restore-error"
            | "restore-failed"
            | "stopped"
            | "stopping"
            | "storage-full"
            | "upgrade_failed"
            | "upgrade-failed" => Phase::Stuck,
            "backing-up"
            | "backtracking"
            | "creating"
            | "failing-over"
            | "inaccessible-encryption-credentials-recoverable"
            | "maintenance"
            | "migrating"
            | "modifying"
            | "moving-to-vpc"
            | "preparing-data-migration"
            | "promoting"
            | "rebooting"
            | "renaming"
            | "resetting-master-credentials"
            | "scaling-compute"
            | "scaling-storage"
            | "starting"
            | "storage-config-upgrade"
            | "storage-initialization"
            | "storage-optimization"
            | "update-iam-db-auth"
            | "upgrading" => Phase::Busy,
            other if other.starts_with("configuring-") => Phase::Busy,
            _ => Phase::Unknown,
        }
    }

    /// Whether it is usable now.
    pub fn is_ready(&self) -> bool {
        self.phase() == Phase::Ready
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One Aurora cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Its identifier; it can be renamed.
    pub identifier: String,
    /// Its ARN; changes with the identifier.
    pub arn: String,
    /// Its immutable resource id.
    pub resource_id: String,
    /// Its status.
    pub status: Status,
    /// `aurora-mysql` or `aurora-postgresql`.
    pub engine: String,
    /// The engine's version.
    pub engine_version: String,
    /// What it shares with its clones, once it has been cloned. Full copies by point in time inherit it.
    pub clone_group: Option<String>,
    /// Identifiers of its instances, whatever their status.
    pub members: Vec<String>,
    /// The identifier of the instance that writes.
    pub writer: Option<String>,
    /// All its tags.
    pub tags: Tags,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// Whether a change of it is still to come.
    pub pending_changes: bool,
    /// The writer's endpoint.
    pub endpoint: Option<String>,
    /// The readers' endpoint.
    pub reader_endpoint: Option<String>,
    /// The master user's name.
    pub master_username: Option<String>,
    /// The database that was made with it.
    pub database_name: Option<String>,
    /// The secret that RDS keeps for the master user, if it does.
    pub managed_secret: Option<ManagedSecret>,
    /// How it is set up.
    pub settings: ClusterSettings,
}

/// The secret that RDS itself keeps for the master user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedSecret {
    /// Its ARN.
    pub arn: String,
    /// `creating`, `active`, `rotating` or `impaired`.
    pub status: String,
    /// The KMS key that encrypts it.
    pub key: Option<String>,
}

/// A role that a cluster may take on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AssociatedRole {
    /// The role's ARN.
    pub role: String,
    /// What the cluster does with it, such as `s3Export`; Aurora MySQL needs none.
    pub feature: Option<String>,
}

/// How a cluster is set up: what a clone must be given explicitly, because the restore call's own defaults are others, and what
/// can be changed later. Lists are in order, so that two of them can be compared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterSettings {
    /// The DB subnet group.
    pub subnet_group: Option<String>,
    /// The VPC security groups.
    pub security_groups: Vec<String>,
    /// The cluster parameter group.
    pub parameter_group: Option<String>,
    /// The port.
    pub port: Option<i32>,
    /// `aurora` or `aurora-iopt1`.
    pub storage_type: Option<String>,
    /// Whether IAM authentication is on.
    pub iam_authentication: bool,
    /// `IPV4` or `DUAL`.
    pub network_type: Option<String>,
    /// `open-source-rds-extended-support` or `open-source-rds-extended-support-disabled`.
    pub engine_lifecycle_support: Option<String>,
    /// Log types that go to CloudWatch.
    pub log_exports: Vec<String>,
    /// Whether snapshots get the cluster's tags.
    pub copy_tags_to_snapshot: bool,
    /// Roles that the cluster may take on.
    pub roles: Vec<AssociatedRole>,
    /// Whether AWS refuses to delete it.
    pub deletion_protection: bool,
    /// For how many days automated backups are kept, 1 to 35.
    pub backup_retention: Option<i32>,
    /// The capacity of its Serverless v2 instances.
    pub capacity: Option<Capacity>,
}

impl Cluster {
    /// Lineage tags that are about this very cluster.
    pub fn own_lineage(&self) -> Option<Lineage<'_>> {
        tags::lineage(&self.tags).filter(|lineage| lineage.cluster == self.identifier)
    }

    /// The value of one tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.get(key).map(String::as_str)
    }
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its identifier.
    pub identifier: String,
    /// The cluster that it belongs to.
    pub cluster: Option<String>,
    /// Its status.
    pub status: Status,
    /// Whether it is the writer, if the cluster says so.
    pub writer: bool,
    /// Whether a change of it is still to come.
    pub pending_changes: bool,
    /// Its ARN.
    pub arn: String,
    /// All its tags.
    pub tags: Tags,
    /// How it is set up.
    pub settings: InstanceSettings,
}

/// How an instance is set up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSettings {
    /// Its class.
    pub class: String,
    /// Its DB parameter group.
    pub parameter_group: Option<String>,
    /// Whether Performance Insights is on.
    pub performance_insights: bool,
    /// For how many days Performance Insights keeps its data.
    pub performance_insights_retention: Option<i32>,
    /// The KMS key of Performance Insights.
    pub performance_insights_key: Option<String>,
    /// Seconds between two points of enhanced monitoring; 0 is off.
    pub monitoring_interval: i32,
    /// The role with which RDS writes enhanced monitoring.
    pub monitoring_role: Option<String>,
}

/// One manual snapshot of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSnapshot {
    /// Its identifier.
    pub identifier: String,
    /// Its ARN.
    pub arn: String,
    /// The identifier of the cluster that it was taken of, as it was then.
    pub cluster: Option<String>,
    /// Its status.
    pub status: Status,
    /// When it was taken.
    pub created_at: Option<DateTime<Utc>>,
    /// All its tags.
    pub tags: Tags,
}

/// What is known of a secret that we keep. Never its value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretState {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The KMS key that encrypts it; `None` is the account's `aws/secretsmanager`.
    pub key: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// Its resource policy, as it is written; `None` where it has none.
    pub policy: Option<String>,
    /// Whether it is going to be deleted.
    pub deleting: bool,
}

/// What is known of a KMS key that was made for a clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyState {
    /// Its ARN.
    pub arn: String,
    /// Its tags.
    pub tags: Tags,
    /// Its policy, as it is written.
    pub policy: Option<String>,
    /// Whether it is going to be deleted.
    pub deleting: bool,
}

#[cfg(test)]
mod tests {
    use super::{Phase, Status};

    #[test]
    fn statuses() {
        let phase = |text: &str| Status(text.to_owned()).phase();
        assert_eq!(phase("available"), Phase::Ready);
        assert_eq!(phase("deleting"), Phase::Deleting);
        for text in
            ["cloning-failed", "incompatible-network", "stopped", "inaccessible-encryption-credentials"]
        {
            assert_eq!(phase(text), Phase::Stuck, "{text}");
        }
        for text in
            ["creating", "backing-up", "configuring-iam-database-auth", "resetting-master-credentials"]
        {
            assert_eq!(phase(text), Phase::Busy, "{text}");
        }
        for text in ["", "Available", "levitating"] {
            assert_eq!(phase(text), Phase::Unknown, "{text}");
        }
    }
}

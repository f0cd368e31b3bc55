//! What the shell observed of AWS: plain data, complete or not there at all.
//!
//! A snapshot is made from every page of a listing; a listing that failed half way is an error, never a shorter list.

use chrono::{DateTime, Utc};

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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Whether AWS refuses to delete it.
    pub deletion_protection: bool,
    /// Whether a change of it is still to come.
    pub pending_changes: bool,
    /// The writer's endpoint.
    pub endpoint: Option<String>,
    /// The readers' endpoint.
    pub reader_endpoint: Option<String>,
    /// The port.
    pub port: Option<i32>,
    /// The master user's name.
    pub master_username: Option<String>,
    /// The database that was made with it.
    pub database_name: Option<String>,
    /// What a restore drops unless it is told.
    pub settings: ClusterSettings,
}

/// What a clone must be given explicitly to be like its source: the restore call's own defaults are others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterSettings {
    /// The DB subnet group.
    pub subnet_group: Option<String>,
    /// The VPC security groups.
    pub security_groups: Vec<String>,
    /// The cluster parameter group.
    pub parameter_group: Option<String>,
    /// `aurora` or `aurora-iopt1`.
    pub storage_type: Option<String>,
    /// Whether IAM authentication is on.
    pub iam_authentication: bool,
    /// `IPV4` or `DUAL`.
    pub network_type: Option<String>,
    /// Extended support or not.
    pub engine_lifecycle_support: Option<String>,
    /// Log types that go to CloudWatch.
    pub log_exports: Vec<String>,
    /// Whether snapshots get the cluster's tags.
    pub copy_tags_to_snapshot: bool,
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
    /// Its class.
    pub class: String,
    /// Whether it is the writer, if the cluster says so.
    pub writer: bool,
    /// Whether a change of it is still to come.
    pub pending_changes: bool,
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

//! What is going to be done next, and why. A plan leaves no choice to whoever carries it out.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::engine::Capacity;
use crate::events::Event;
use crate::guard::{Owned, OwnedCopy, OwnedKey, OwnedSecret};
use crate::password::Connection;
use crate::slots::Verdict;
use crate::snapshot::{AssociatedRole, ClusterSettings, InstanceSettings};
use crate::tags::{RestoreType, Tags};

/// One step of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What to do now, in this order; often nothing.
    pub actions: Vec<Action>,
    /// What follows.
    pub next: Next,
    /// What was found out about every source, where one was chosen.
    pub verdicts: Vec<Verdict>,
    /// What the next step needs to know of this one.
    pub seen: Seen,
}

impl Plan {
    /// A plan that does nothing but decide.
    pub fn decide(decision: Decision) -> Self {
        Self {
            actions: Vec::new(),
            next: Next::Decide(decision),
            verdicts: Vec::new(),
            seen: Seen::default(),
        }
    }

    /// A plan that does nothing but wait.
    pub fn wait(seconds: u32, because: impl Into<String>, seen: Seen) -> Self {
        Self::act(Vec::new(), seconds, because, seen)
    }

    /// A plan that does something and then waits.
    pub fn act(actions: Vec<Action>, seconds: u32, because: impl Into<String>, seen: Seen) -> Self {
        Self { actions, next: Next::Wait { seconds, because: because.into() }, verdicts: Vec::new(), seen }
    }
}

/// A change to AWS. Whatever hits something that exists needs the proof that it is ours.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Restore a cluster from a source.
    Restore(Box<Restore>),
    /// Add an instance to our cluster.
    CreateInstance(NewInstance),
    /// Change settings of our cluster.
    ModifyCluster {
        /// The cluster.
        cluster: Owned,
        /// What changes.
        change: Box<ClusterChange>,
    },
    /// Let our cluster take on a role.
    AddRole {
        /// The cluster.
        cluster: Owned,
        /// The role.
        role: AssociatedRole,
    },
    /// Take a role away from our cluster.
    RemoveRole {
        /// The cluster.
        cluster: Owned,
        /// The role.
        role: AssociatedRole,
    },
    /// Change settings of an instance of our cluster.
    ModifyInstance {
        /// The cluster.
        cluster: Owned,
        /// The instance's identifier.
        instance: String,
        /// What changes.
        change: Box<InstanceChange>,
    },
    /// Change tags of our cluster or of one of its instances.
    Tag {
        /// The cluster.
        cluster: Owned,
        /// The ARN of the cluster or of its instance.
        arn: String,
        /// Tags to put.
        set: Tags,
        /// Keys of tags to take away.
        remove: Vec<String>,
    },
    /// Make a KMS key for our cluster's secret, and the alias that it is found by.
    CreateKey(NewKey),
    /// Replace the policy of such a key.
    PutKeyPolicy {
        /// The key.
        key: OwnedKey,
        /// Its new policy.
        policy: String,
    },
    /// Make the secret of our cluster, with a new random password in it.
    CreateSecret(Box<NewSecret>),
    /// Replace or delete the resource policy of our cluster's secret.
    PutSecretPolicy {
        /// The secret.
        secret: OwnedSecret,
        /// Its new policy; `None` deletes it.
        policy: Option<String>,
    },
    /// Set the master password of our cluster to the one in its secret, and note on the secret that this was accepted.
    SetPassword {
        /// The cluster.
        cluster: Owned,
        /// The secret.
        secret: OwnedSecret,
    },
    /// Delete an instance of our cluster.
    DeleteInstance {
        /// The cluster.
        cluster: Owned,
        /// The instance's identifier.
        instance: String,
    },
    /// Delete our cluster.
    DeleteCluster {
        /// The cluster.
        cluster: Owned,
        /// The identifier of the snapshot to take first; `None` takes none.
        final_snapshot: Option<String>,
    },
    /// Delete the secret of a cluster of ours, for good: its name is free again soon.
    DeleteSecret {
        /// The secret.
        secret: OwnedSecret,
    },
    /// Have the key of such a secret deleted, after the least time that KMS waits (7 days), and delete its alias.
    DeleteKey {
        /// The key.
        key: OwnedKey,
    },
    /// Mark a copy of the pool: nobody clones it any more, and the maintainer purges it.
    MarkRetiring {
        /// The copy.
        copy: OwnedCopy,
        /// The tag's value: since when.
        since: DateTime<Utc>,
    },
}

/// The call that makes a clone or a copy. Everything is given explicitly: the call's defaults are the default security
/// group, the default parameter group and the default port, and it falls back to a full copy.
#[derive(Debug, Clone, PartialEq)]
pub struct Restore {
    /// The new cluster's identifier.
    pub identifier: String,
    /// The source's identifier.
    pub source: String,
    /// Copy-on-write or full copy.
    pub restore_type: RestoreType,
    /// All tags, ours and the user's.
    pub tags: Tags,
    /// How the new cluster is set up. Deletion protection comes last, when the clone is usable: what fails must go.
    pub settings: ClusterSettings,
}

/// The call that makes a copy from a snapshot instead of its source's present volume.
#[derive(Debug, Clone, PartialEq)]
pub struct FromSnapshot {
    /// The new cluster; its restore type is a full copy, which is what every restore from a snapshot is.
    pub restore: Restore,
    /// The snapshot's identifier.
    pub snapshot: String,
    /// The engine, which this call does not find out by itself.
    pub engine: String,
}

/// The call that adds an instance. It is never public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInstance {
    /// The cluster, proved to be ours.
    pub cluster: Owned,
    /// The instance's identifier.
    pub identifier: String,
    /// Its engine: the cluster's.
    pub engine: String,
    /// How it is set up.
    pub settings: InstanceSettings,
    /// Its tags: the cluster's.
    pub tags: Tags,
}

/// What changes about a cluster; `None` stays. Always applied at once, never in the maintenance window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClusterChange {
    /// The VPC security groups, all of them.
    pub security_groups: Option<Vec<String>>,
    /// The cluster parameter group.
    pub parameter_group: Option<String>,
    /// `aurora` or `aurora-iopt1`.
    pub storage_type: Option<String>,
    /// IAM authentication.
    pub iam_authentication: Option<bool>,
    /// Log types to send to CloudWatch from now on.
    pub enable_logs: Vec<String>,
    /// Log types to send no longer.
    pub disable_logs: Vec<String>,
    /// Deletion protection.
    pub deletion_protection: Option<bool>,
    /// Days of automated backups.
    pub backup_retention: Option<i32>,
    /// Extended support.
    pub engine_lifecycle_support: Option<String>,
    /// Serverless v2 capacity.
    pub capacity: Option<Capacity>,
    /// Whether snapshots get the cluster's tags.
    pub copy_tags_to_snapshot: Option<bool>,
    /// RDS makes a password and keeps it in a secret of its own, encrypted with this key, or with `aws/secretsmanager`.
    pub manage_password: Option<Option<String>>,
}

/// What changes about an instance; `None` stays. Always applied at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstanceChange {
    /// The class.
    pub class: Option<String>,
    /// The DB parameter group.
    pub parameter_group: Option<String>,
    /// Performance Insights: on or off, for how many days, with which key.
    pub performance_insights: Option<PerformanceInsights>,
    /// Enhanced monitoring: the interval in seconds (0 is off), and the role.
    pub monitoring: Option<(i32, Option<String>)>,
}

/// Performance Insights of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerformanceInsights {
    /// On or off.
    pub enabled: bool,
    /// For how many days its data is kept.
    pub retention: Option<i32>,
    /// Its KMS key.
    pub key: Option<String>,
}

/// The call that makes a KMS key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// The cluster that it is for.
    pub cluster: Owned,
    /// The alias that it is found by, with `alias/`.
    pub alias: String,
    /// Its policy.
    pub policy: String,
    /// Its tags.
    pub tags: Tags,
}

/// The call that makes a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// The cluster that it is for.
    pub cluster: Owned,
    /// Its name.
    pub name: String,
    /// The KMS key; `None` is the account's `aws/secretsmanager`.
    pub key: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// What stands in it beside the password.
    pub connection: Connection,
}

/// What follows a plan's actions.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Look again in so many seconds.
    Wait {
        /// How long.
        seconds: u32,
        /// What is being waited for.
        because: String,
    },
    /// Answer CloudFormation.
    Decide(Decision),
}

/// What earlier steps saw. It travels through the state machine and holds no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// The immutable id of our cluster, once it has been seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Since when everything was ready at every look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_since: Option<DateTime<Utc>>,
    /// Since when it was absent at every look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_since: Option<DateTime<Utc>>,
    /// Why the request fails, while what it made is being taken down again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// SUCCESS or FAILED.
    pub success: bool,
    /// What CloudFormation shall call the resource.
    pub physical_id: String,
    /// What happened, what was left, what to do. Needed for FAILED.
    pub reason: String,
    /// The outputs; empty for FAILED and for Delete.
    pub data: Map<String, Value>,
    /// What EventBridge is told.
    pub events: Vec<Event>,
}

impl Decision {
    /// SUCCESS with outputs.
    pub fn success(
        physical_id: impl Into<String>,
        reason: impl Into<String>,
        data: Map<String, Value>,
    ) -> Self {
        Self {
            success: true,
            physical_id: physical_id.into(),
            reason: reason.into(),
            data,
            events: Vec::new(),
        }
    }

    /// FAILED.
    pub fn failed(physical_id: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            success: false,
            physical_id: physical_id.into(),
            reason: reason.into(),
            data: Map::new(),
            events: Vec::new(),
        }
    }

    /// The same decision, with what EventBridge is told about it.
    #[must_use]
    pub fn telling(self, events: Vec<Event>) -> Self {
        Self { events, ..self }
    }
}

//! What is going to be done next, and why. A plan leaves no choice to whoever carries it out.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::engine::Capacity;
use crate::guard::Owned;
use crate::slots::Verdict;
use crate::snapshot::ClusterSettings;
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

/// A change to AWS. Those that delete need the proof that the cluster is ours.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Restore a cluster from a source.
    Restore(Box<Restore>),
    /// Add an instance to our cluster.
    CreateInstance(NewInstance),
    /// Delete an instance of our cluster.
    DeleteInstance {
        /// The cluster.
        cluster: Owned,
        /// The instance's identifier.
        instance: String,
    },
    /// Delete our cluster, without a final snapshot.
    DeleteCluster {
        /// The cluster.
        cluster: Owned,
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
    /// What the new cluster takes over from the family's root.
    pub settings: ClusterSettings,
    /// The root's port.
    pub port: Option<i32>,
    /// Serverless v2 capacity, where the clone is to have such an instance.
    pub capacity: Option<Capacity>,
}

/// The call that adds an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInstance {
    /// The cluster, proved to be ours.
    pub cluster: Owned,
    /// The instance's identifier.
    pub identifier: String,
    /// Its class.
    pub class: String,
    /// Its engine: the cluster's.
    pub engine: String,
    /// Its tags: the cluster's.
    pub tags: Tags,
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
}

impl Decision {
    /// SUCCESS with outputs.
    pub fn success(
        physical_id: impl Into<String>,
        reason: impl Into<String>,
        data: Map<String, Value>,
    ) -> Self {
        Self { success: true, physical_id: physical_id.into(), reason: reason.into(), data }
    }

    /// FAILED.
    pub fn failed(physical_id: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { success: false, physical_id: physical_id.into(), reason: reason.into(), data: Map::new() }
    }
}

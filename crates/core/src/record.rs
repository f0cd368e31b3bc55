//! What is kept of each incarnation of a resource beside its tags: what was to be made, so that all of it can be taken away
//! again, and how the source was set up, so that a setting that a template no longer names goes back to what it was.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::snapshot::{Cluster, ClusterSettings, Instance, InstanceSettings};

/// How the family's root was set up when the clone was made: what a setting that nobody gives is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// The root's settings.
    pub cluster: ClusterSettings,
    /// The settings of the root's writer.
    pub instance: InstanceSettings,
}

impl Baseline {
    /// How a cluster and its writer are set up now.
    pub fn of(cluster: &Cluster, instances: &[Instance]) -> Self {
        let members = instances.iter().filter(|i| i.cluster.as_deref() == Some(&cluster.identifier));
        let writer = members.max_by_key(|instance| instance.writer);
        let instance = writer.map(|instance| instance.settings.clone()).unwrap_or_default();
        Self { cluster: cluster.settings.clone(), instance }
    }
}

/// One incarnation of a resource. It is written before the cluster is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incarnation {
    /// Which one.
    pub generation: String,
    /// The cluster's identifier.
    pub identifier: String,
    /// When it was asked for: where its lease begins.
    pub since: DateTime<Utc>,
    /// The name of its secret, where it has one of ours.
    pub secret: Option<String>,
    /// The alias of the key that is made for it, where one is.
    pub key: Option<String>,
    /// What settings are that nobody gives.
    pub baseline: Baseline,
    /// The secret that RDS kept for what it was cloned from, if it did.
    #[serde(default)]
    pub sources_secret: Option<String>,
    /// Whether it was ever reported to be usable. One that was not is debris as soon as its request is over.
    #[serde(default)]
    pub made: bool,
}

/// A cluster as it is by itself: RDS may show a restored cluster with the secret that it keeps for the source, whose password the
/// clone has only at first.
pub fn by_itself(mut cluster: Cluster, record: Option<&Incarnation>) -> Cluster {
    let sources = record.and_then(|record| record.sources_secret.as_ref());
    if sources.is_some() && cluster.managed_secret.as_ref().map(|secret| &secret.arn) == sources {
        cluster.managed_secret = None;
    }
    cluster
}

//! How a clone goes away: found by who asked for it, proved ours, members first, absent at two looks.
//!
//! The PhysicalResourceId alone proves nothing: when a Create is cancelled CloudFormation invents one.

use chrono::{DateTime, Duration, Utc};
use serde_json::Map;

use crate::arn;
use crate::guard::{self, Owned};
use crate::plan::{Action, Decision, Plan, Seen};
use crate::request::{Owner, fence_of};
use crate::settings::Settings;
use crate::snapshot::{Cluster, Instance, Phase};

/// Seconds between two looks.
const POLL: u32 = 30;
/// The most deletions in one step.
const MOST_AT_ONCE: usize = 40;
/// Absent means: at two looks at least this far apart, since listings lag behind.
const ABSENT_FOR: Duration = Duration::seconds(30);

/// What a Delete is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwanted {
    /// Who asked for it.
    pub owner: Owner,
    /// What CloudFormation calls it.
    pub physical_id: String,
    /// When the Delete came. What was asked for after that bears the same name, perhaps, and is not meant.
    pub fence: u64,
}

impl Unwanted {
    /// The clusters to delete. A PhysicalResourceId that is a cluster's ARN names one incarnation of the resource, and
    /// others (one that replaced it, say) stay; any other text is CloudFormation's invention, and everything of
    /// this resource goes.
    pub fn targets<'a>(&self, clusters: &'a [Cluster], settings: &Settings) -> Vec<(&'a Cluster, Owned)> {
        let named = arn::cluster(&self.physical_id).map(|_| self.physical_id.as_str());
        clusters
            .iter()
            .filter(|cluster| named.is_none_or(|arn| arn == cluster.arn))
            .filter_map(|cluster| {
                let owned = guard::prove(cluster, &self.owner, &settings.name_prefix).ok()?;
                (fence_of(owned.generation()) < self.fence).then_some((cluster, owned))
            })
            .collect()
    }
}

/// Decides the next step of a Delete. `instances` are those of all targets.
pub fn plan(
    unwanted: &Unwanted,
    clusters: &[Cluster],
    instances: &[Instance],
    seen: &Seen,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Plan {
    let targets = unwanted.targets(clusters, settings);
    if targets.is_empty() {
        return absent(unwanted, clusters, seen, settings, now);
    }
    let protected = targets
        .iter()
        .find(|(cluster, _)| cluster.deletion_protection && cluster.status.phase() != Phase::Deleting);
    if let Some((cluster, _)) = protected {
        return Plan::decide(Decision::failed(
            &unwanted.physical_id,
            format!(
                "The cluster {} has deletion protection, which is respected. Turn it off and delete again.",
                cluster.identifier
            ),
        ));
    }
    if let Some((cluster, _)) = targets.iter().find(|(cluster, _)| cluster.status.0 == "stopped") {
        return Plan::decide(Decision::failed(
            &unwanted.physical_id,
            format!(
                "The cluster {} is stopped, and AWS deletes no stopped cluster. Start it and delete again.",
                cluster.identifier
            ),
        ));
    }
    let mut actions = Vec::new();
    for (cluster, owned) in &targets {
        actions.extend(next_deletions(cluster, owned, instances));
    }
    // What is left over follows at the next look; members come before their cluster, wherever the list is cut.
    actions.truncate(MOST_AT_ONCE);
    let names: Vec<&str> = targets.iter().map(|(cluster, _)| cluster.identifier.as_str()).collect();
    Plan::act(actions, POLL, format!("{} is being deleted", names.join(", ")), Seen::default())
}

/// Readers first, the writer last, then the cluster: AWS refuses to delete a cluster with an instance that is not
/// `deleting`, and fails over when the writer goes first.
fn next_deletions(cluster: &Cluster, owned: &Owned, instances: &[Instance]) -> Vec<Action> {
    // AWS has taken it, so it has taken the members before.
    if cluster.status.phase() == Phase::Deleting {
        return Vec::new();
    }
    let mut living: Vec<&Instance> = instances
        .iter()
        .filter(|i| i.cluster.as_deref() == Some(cluster.identifier.as_str()))
        .filter(|i| i.status.phase() != Phase::Deleting)
        .collect();
    living.sort_by_key(|instance| (instance.writer, instance.identifier.clone()));
    let mut actions: Vec<Action> = living
        .iter()
        .map(|instance| Action::DeleteInstance {
            cluster: owned.clone(),
            instance: instance.identifier.clone(),
        })
        .collect();
    actions.push(Action::DeleteCluster { cluster: owned.clone() });
    actions
}

fn absent(
    unwanted: &Unwanted,
    clusters: &[Cluster],
    seen: &Seen,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Plan {
    let since = seen.absent_since.unwrap_or(now);
    if now - since < ABSENT_FOR {
        let seen = Seen { absent_since: Some(since), ..Seen::default() };
        return Plan::wait(POLL, "nothing is left; a second look confirms it", seen);
    }
    let stranger = clusters.iter().find(|cluster| cluster.arn == unwanted.physical_id);
    let reason = match stranger.map(|cluster| guard::prove(cluster, &unwanted.owner, &settings.name_prefix)) {
        Some(Err(not_ours)) => format!("Nothing of this resource is left; {not_ours}, and was not touched."),
        _ => "Nothing of this resource is left.".to_owned(),
    };
    Plan::decide(Decision::success(&unwanted.physical_id, reason, Map::new()))
}

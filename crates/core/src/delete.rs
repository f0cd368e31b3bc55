//! How a clone goes away: found by who asked for it, proved ours, members first, then its secret and key, absent at two looks.
//!
//! The PhysicalResourceId alone proves nothing: when a Create is cancelled CloudFormation invents one.

use chrono::{DateTime, Duration, Utc};
use serde_json::Map;

use crate::arn::{self, Place};
use crate::events;
use crate::guard::{self, NotOurs, Owned};
use crate::names::tag;
use crate::plan::{Action, Decision, Plan, Seen};
use crate::record::Incarnation;
use crate::request::{Owner, fence_of, snapshot_identifier};
use crate::settings::Settings;
use crate::snapshot::{Cluster, Instance, KeyState, Phase, SecretState};

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
    /// Where.
    pub place: Place,
    /// What CloudFormation calls it.
    pub physical_id: String,
    /// When the Delete came. What was asked for after that bears the same name, perhaps, and is not meant.
    pub fence: u64,
    /// Whether a snapshot is taken of a clone that was usable.
    pub final_snapshot: bool,
    /// Whether the whole stack goes, and not only an incarnation of the resource that another one has replaced.
    pub whole: bool,
}

/// What there is beside the cluster of an incarnation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remains {
    /// Which incarnation.
    pub generation: String,
    /// Its secret.
    pub secret: Option<SecretState>,
    /// The key that was made for it, and its alias.
    pub key: Option<(String, KeyState)>,
}

/// A cluster that goes.
#[derive(Debug)]
pub struct Target<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The proof that it is ours.
    pub owned: Owned,
    /// Whether it was ever usable.
    made: bool,
}

impl Unwanted {
    /// Whether an incarnation goes: the one that the PhysicalResourceId names, if it is a cluster's ARN, and what never became
    /// usable; others (one that replaced it, say) stay, unless the whole stack goes: then CloudFormation has forgotten them.
    /// Any other text is CloudFormation's invention, and everything of this resource goes.
    fn names(&self, arn: &str, generation: &str, made: bool) -> bool {
        let everything = self.whole || arn::cluster(&self.physical_id).is_none();
        fence_of(generation) < self.fence && (everything || !made || arn == self.physical_id)
    }

    /// The recorded incarnations that go.
    pub fn records<'a>(&self, records: &'a [Incarnation]) -> Vec<&'a Incarnation> {
        let goes = |record: &&Incarnation| {
            self.names(&self.place.cluster_arn(&record.identifier), &record.generation, record.made)
        };
        records.iter().filter(goes).collect()
    }

    /// The identifier of the snapshot to take of a target before it goes; of one that goes already it was taken.
    pub fn snapshot_of(&self, target: &Target<'_>) -> Option<String> {
        let wanted = self.final_snapshot && target.made && target.cluster.status.phase() != Phase::Deleting;
        wanted.then(|| snapshot_identifier(&target.cluster.identifier, target.owned.generation()))
    }

    /// The clusters to delete.
    pub fn targets<'a>(
        &self,
        clusters: &'a [Cluster],
        records: &[Incarnation],
        settings: &Settings,
    ) -> Vec<Target<'a>> {
        let target = |cluster: &'a Cluster| {
            let owned = guard::prove(cluster, &self.owner, &settings.name_prefix).ok()?;
            let record = records.iter().find(|record| record.generation == owned.generation());
            let made = record.is_none_or(|record| record.made);
            self.names(&cluster.arn, owned.generation(), made).then_some(Target { cluster, owned, made })
        };
        clusters.iter().filter_map(target).collect()
    }

    /// Clusters that go with the resource by everything but their names, which begin with an earlier prefix: IAM lets nobody of ours
    /// delete them. As long as they are there, their secrets and keys are needed.
    fn out_of_reach<'a>(
        &self,
        clusters: &'a [Cluster],
        records: &[Incarnation],
        settings: &Settings,
    ) -> Vec<&'a Cluster> {
        let is = |cluster: &&Cluster| {
            let proof = guard::prove(cluster, &self.owner, &settings.name_prefix);
            let generation = cluster.tag(tag::GENERATION).unwrap_or_default();
            let made = records.iter().find(|record| record.generation == generation);
            matches!(proof, Err(NotOurs::Prefix(..)))
                && self.names(&cluster.arn, generation, made.is_none_or(|record| record.made))
        };
        clusters.iter().filter(is).collect()
    }
}

/// Everything that is known when a step of a Delete is decided.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// All clusters.
    pub clusters: &'a [Cluster],
    /// The instances of all targets.
    pub instances: &'a [Instance],
    /// What is recorded of the resource.
    pub records: &'a [Incarnation],
    /// Secrets and keys of the recorded incarnations that go.
    pub remains: &'a [Remains],
    /// Identifiers of the snapshots that exist already, of those that are to be taken.
    pub taken: &'a [String],
}

/// Decides the next step of a Delete.
pub fn plan(
    unwanted: &Unwanted,
    view: View<'_>,
    seen: &Seen,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Plan {
    let targets = unwanted.targets(view.clusters, view.records, settings);
    let out_of_reach = unwanted.out_of_reach(view.clusters, view.records, settings);
    let reason = hindrance(&targets)
        .or_else(|| other_prefix(&out_of_reach, settings))
        .or_else(|| taken_name(unwanted, &targets, view));
    if let Some(reason) = reason {
        return Plan::decide(Decision::failed(&unwanted.physical_id, reason));
    }
    if !targets.is_empty() {
        let mut actions = Vec::new();
        for target in &targets {
            let snapshot = unwanted.snapshot_of(target);
            actions.extend(next_deletions(target.cluster, &target.owned, view.instances, snapshot));
        }
        // What is left over follows at the next look; members come before their cluster, wherever the list is cut.
        actions.truncate(MOST_AT_ONCE);
        let names: Vec<&str> = targets.iter().map(|target| target.cluster.identifier.as_str()).collect();
        return Plan::act(actions, POLL, format!("{} is being deleted", names.join(", ")), Seen::default());
    }
    if let Some(cluster) = out_of_reach.first() {
        let because = format!("{} is being deleted by somebody else", cluster.identifier);
        return Plan::wait(POLL, because, Seen::default());
    }
    let actions = remaining(&unwanted.owner, view.remains);
    let since = seen.absent_since.unwrap_or(now);
    // One listing that does not have the cluster may be stale, and a password that is gone does not come back.
    if !actions.is_empty() && now - since >= ABSENT_FOR {
        let seen = Seen { absent_since: Some(since), ..Seen::default() };
        return Plan::act(actions, 2, "secrets and keys are being deleted", seen);
    }
    absent(unwanted, view, seen, settings, now)
}

/// What AWS would refuse, and what has to be done about it by a person.
fn hindrance(targets: &[Target<'_>]) -> Option<String> {
    let going = |cluster: &Cluster| cluster.status.phase() == Phase::Deleting;
    let protected = |c: &&Cluster| c.settings.deletion_protection && !going(c);
    let clusters = || targets.iter().map(|target| target.cluster);
    if let Some(cluster) = clusters().find(protected) {
        return Some(format!(
            "The cluster {} has deletion protection, which is respected. Turn it off and delete again.",
            cluster.identifier
        ));
    }
    let stopped = clusters().find(|cluster| cluster.status.0 == "stopped")?;
    Some(format!(
        "The cluster {} is stopped, and AWS deletes no stopped cluster. Start it and delete again.",
        stopped.identifier
    ))
}

/// What only a person can delete, since the operator has changed the prefix.
fn other_prefix(out_of_reach: &[&Cluster], settings: &Settings) -> Option<String> {
    let cluster = out_of_reach.iter().find(|cluster| cluster.status.phase() != Phase::Deleting)?;
    Some(format!(
        "The cluster {} was made under another NamePrefix, and the manager may delete only what begins with {:?}. Nothing was \
         deleted: its secret and its key are needed as long as it is there. Set NamePrefix back, or delete the cluster by hand, and \
         delete again.",
        cluster.identifier, settings.name_prefix
    ))
}

/// A last snapshot that can't be taken, because its name is: found out before the instances go, since AWS says so only after.
///
/// Once the instances go it is this Delete's own, whatever the cluster's status is while AWS takes it.
fn taken_name(unwanted: &Unwanted, targets: &[Target<'_>], view: View<'_>) -> Option<String> {
    let untouched = |target: &&Target<'_>| {
        let mut members =
            view.instances.iter().filter(|i| i.cluster.as_ref() == Some(&target.cluster.identifier));
        members.any(|instance| instance.status.phase() != Phase::Deleting)
    };
    let snapshots =
        targets.iter().filter(untouched).filter_map(|target| Some((target, unwanted.snapshot_of(target)?)));
    let (target, snapshot) = snapshots.into_iter().find(|(_, snapshot)| view.taken.contains(snapshot))?;
    Some(format!(
        "FinalSnapshot: there is a cluster snapshot {snapshot} already, and the cluster {} was left alone. Delete that snapshot, or \
         turn FinalSnapshot off, and delete again.",
        target.cluster.identifier
    ))
}

/// Readers first, the writer last, then the cluster: AWS refuses to delete a cluster with an instance that is not
/// `deleting`, and fails over when the writer goes first.
fn next_deletions(
    cluster: &Cluster,
    owned: &Owned,
    instances: &[Instance],
    final_snapshot: Option<String>,
) -> Vec<Action> {
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
    actions.push(Action::DeleteCluster { cluster: owned.clone(), final_snapshot });
    actions
}

/// The deletions of secrets and keys that are not going away yet.
fn remaining(owner: &Owner, remains: &[Remains]) -> Vec<Action> {
    let mut actions = Vec::new();
    for Remains { generation, secret, key } in remains {
        let secret = secret.as_ref().filter(|secret| !secret.deleting);
        let secret = secret.and_then(|secret| guard::prove_secret(secret, owner, generation));
        actions.extend(secret.map(|secret| Action::DeleteSecret { secret }));
        // A key that goes still has its alias when that deletion failed half way, so it is deleted again.
        let key = key.as_ref().and_then(|(alias, key)| guard::prove_key(alias, key, owner, generation));
        actions.extend(key.map(|key| Action::DeleteKey { key }));
    }
    actions.truncate(MOST_AT_ONCE);
    actions
}

/// What is still to be done to take down what a failed request made; nothing when AWS has accepted all of it.
pub fn take_down(
    owner: &Owner,
    cluster: Option<(&Cluster, &Owned)>,
    instances: &[Instance],
    remains: &[Remains],
) -> Vec<Action> {
    let actions =
        cluster.map(|(cluster, owned)| next_deletions(cluster, owned, instances, None)).unwrap_or_default();
    if actions.is_empty() { remaining(owner, remains) } else { actions }
}

fn absent(unwanted: &Unwanted, view: View<'_>, seen: &Seen, settings: &Settings, now: DateTime<Utc>) -> Plan {
    let since = seen.absent_since.unwrap_or(now);
    if now - since < ABSENT_FOR {
        let seen = Seen { absent_since: Some(since), ..Seen::default() };
        return Plan::wait(POLL, "nothing is left; a second look confirms it", seen);
    }
    let id = &unwanted.physical_id;
    let stranger = view.clusters.iter().find(|cluster| cluster.arn == *id);
    let reason = match stranger.map(|cluster| guard::prove(cluster, &unwanted.owner, &settings.name_prefix)) {
        Some(Err(not_ours)) => format!("Nothing of this resource is left; {not_ours}, and was not touched."),
        _ => "Nothing of this resource is left.".to_owned(),
    };
    let gone: Vec<String> =
        unwanted.records(view.records).into_iter().map(|record| record.identifier.clone()).collect();
    let events = if gone.is_empty() { Vec::new() } else { events::deleted(&unwanted.owner, id, &gone) };
    Plan::decide(Decision::success(id, reason, Map::new()).telling(events))
}

//! How a clone comes to be: choose a source, restore, add an instance, wait until both are usable.
//!
//! Nothing here remembers: whatever happened before (a crash, a lost reply, a duplicate) is seen in AWS.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value, json};

use crate::duration::format_time;
use crate::engine;
use crate::family::Family;
use crate::guard::{self, Owned};
use crate::identifier;
use crate::names::tag;
use crate::plan::{Action, Decision, NewInstance, Next, Plan, Restore, Seen};
use crate::properties::OnNoSlot;
use crate::request::Wanted;
use crate::settings::Settings;
use crate::slots::{self, Reason, Verdict};
use crate::snapshot::{Cluster, Instance, Phase};
use crate::tags::{self, RestoreType, Role, Tags};

/// Seconds between two looks at something that takes minutes.
const POLL: u32 = 30;
/// Seconds until a cluster that was just restored is looked at.
const SOON: u32 = 10;
/// Ready means: at two looks at least this far apart.
const READY_FOR: Duration = Duration::seconds(25);
/// How long a cluster that was seen may be missing from listings before we believe that somebody deleted it.
const MISSING_FOR: Duration = Duration::minutes(5);

/// The root of the family that a source belongs to, by the source's own tags.
pub fn root_identifier(source: &Cluster) -> &str {
    match source.own_lineage() {
        Some(lineage) if lineage.role == Role::Copy => lineage.root,
        _ => &source.identifier,
    }
}

/// Chooses a source for a clone that does not exist yet. To be called, and carried out, under the root's lock.
pub fn choose(wanted: &Wanted, clusters: &[Cluster], settings: &Settings, now: DateTime<Utc>) -> Plan {
    let failed = |reason: String| Plan::decide(Decision::failed(wanted.arn(), reason));
    let asked = &wanted.properties.source;
    let find = |identifier: &str| clusters.iter().find(|cluster| cluster.identifier == identifier);
    let Some(source) = find(asked) else {
        return failed(format!(
            "SourceClusterId is {asked:?}: there is no such Aurora cluster in {} of account {}.",
            wanted.place.region, wanted.place.account
        ));
    };
    if let Some(lineage) = source.own_lineage().filter(|lineage| lineage.role == Role::Clone) {
        return failed(format!(
            "SourceClusterId is {asked:?}, which is itself a clone that {} made. Name its root, {:?}.",
            lineage.manager, lineage.root
        ));
    }
    let Some(root) = find(root_identifier(source)) else {
        return failed(format!(
            "SourceClusterId is {asked:?}, a copy whose root {:?} is gone. Name a cluster that exists.",
            root_identifier(source)
        ));
    };
    if let Some(lineage) = tags::lineage(&root.tags) {
        return failed(format!(
            "SourceClusterId is {asked:?}: {:?} is no root, its tags are those of {:?}, of the family of {:?}. Name that \
             family's root, or take the tags that begin with {:?} off a cluster that is none of it any more.",
            root.identifier,
            lineage.cluster,
            lineage.root,
            tag::PREFIX
        ));
    }
    // The look that found nothing was stale. Whatever made the cluster is over, or it would hold the lease.
    if find(&wanted.identifier).is_some() {
        return Plan::wait(1, format!("{} is listed by now", wanted.identifier), Seen::default());
    }
    let family = Family::of(root, clusters);
    let verdicts = slots::judge(&family, &wanted.properties.freshness, settings, now);
    let mut plan = pick(wanted, root, &verdicts, settings, now);
    plan.verdicts = verdicts;
    plan
}

fn pick(
    wanted: &Wanted,
    root: &Cluster,
    verdicts: &[Verdict],
    settings: &Settings,
    now: DateTime<Utc>,
) -> Plan {
    if let Some(verdict) = verdicts.iter().find(|verdict| verdict.reason == Reason::Usable) {
        let because = format!("{} is being cloned", verdict.source);
        let restore = restore(wanted, root, verdict, RestoreType::CopyOnWrite, settings, now);
        return Plan::act(vec![Action::Restore(Box::new(restore))], SOON, because, Seen::default());
    }
    let report = slots::report(verdicts);
    if verdicts.iter().any(|verdict| matches!(verdict.reason, Reason::Busy(_))) {
        return Plan::wait(POLL, format!("a source is busy: {report}"), Seen::default());
    }
    match wanted.properties.on_no_slot {
        // Waiting is for slots; a source that is stopped, say, stays so.
        OnNoSlot::Wait if verdicts.iter().any(|verdict| verdict.reason == Reason::NoFreeSlot) => {
            Plan::wait(60, format!("no source has a free slot: {report}"), Seen::default())
        }
        OnNoSlot::Copy if root.status.is_ready() && root.tag(tag::RETIRING).is_none() => {
            let verdict = Verdict {
                source: root.identifier.clone(),
                is_root: true,
                data_time: Some(now),
                used: 0,
                free: 0,
                reason: Reason::NoFreeSlot,
            };
            let restore = restore(wanted, root, &verdict, RestoreType::FullCopy, settings, now);
            let because = format!(
                "no source has a free slot ({report}), so this is a full copy of {}",
                root.identifier
            );
            Plan::act(vec![Action::Restore(Box::new(restore))], 60, because, Seen::default())
        }
        OnNoSlot::Copy | OnNoSlot::Wait | OnNoSlot::Fail => Plan::decide(Decision::failed(
            wanted.arn(),
            format!(
                "No source can be cloned: {report}. Nothing was made. Delete a clone, add a copy to the pool, or set \
                 OnNoSlot to Wait."
            ),
        )),
    }
}

fn restore(
    wanted: &Wanted,
    root: &Cluster,
    verdict: &Verdict,
    restore_type: RestoreType,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Restore {
    let mut tags: Tags = wanted.properties.tags.clone();
    let ours = [
        (tag::MANAGER, settings.manager.clone()),
        (tag::ROLE, "clone".to_owned()),
        (tag::CLUSTER, wanted.identifier.clone()),
        (tag::ROOT, root.identifier.clone()),
        (tag::SOURCE, verdict.source.clone()),
        (tag::RESTORE_TYPE, restore_type.as_str().to_owned()),
        (tag::DATA_TIME, format_time(verdict.data_time.unwrap_or(now))),
        (tag::STACK_ID, wanted.owner.stack_id.clone()),
        (tag::LOGICAL_ID, wanted.owner.logical_id.clone()),
        (tag::GENERATION, wanted.generation.clone()),
        (tag::PROPERTIES, wanted.properties.fingerprint()),
    ];
    tags.extend(ours.into_iter().map(|(key, value)| (key.to_owned(), value)));
    Restore {
        identifier: wanted.identifier.clone(),
        source: verdict.source.clone(),
        restore_type,
        tags,
        settings: root.settings.clone(),
        port: root.port,
        capacity: (class(wanted, root) == engine::SERVERLESS).then(|| engine::capacity(root)),
    }
}

fn class(wanted: &Wanted, cluster: &Cluster) -> String {
    wanted.properties.instance_class.clone().unwrap_or_else(|| engine::auto_class(cluster).to_owned())
}

/// Follows a clone that exists, or did. `cluster` is the one with the wanted identifier, `instances` are its
/// instances.
pub fn follow(
    wanted: &Wanted,
    cluster: Option<&Cluster>,
    instances: &[Instance],
    seen: &Seen,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Plan {
    let failed = |reason: String| Plan::decide(Decision::failed(wanted.arn(), reason));
    let Some(cluster) = cluster else {
        let since = seen.absent_since.unwrap_or(now);
        if now - since >= MISSING_FOR {
            return failed(format!(
                "The cluster {} was made, and then somebody deleted it.",
                wanted.identifier
            ));
        }
        let seen = Seen { absent_since: Some(since), ready_since: None, ..seen.clone() };
        return Plan::wait(POLL, "the new cluster is not listed at the moment", seen);
    };
    let owned = match prove_ours(wanted, cluster, seen, settings) {
        Ok(owned) => owned,
        Err(reason) => return failed(reason),
    };
    let seen = Seen { cluster: Some(cluster.resource_id.clone()), absent_since: None, ..seen.clone() };
    if let Some(reason) = dead_end(cluster, instances) {
        return failed(reason);
    }
    let waiting = |because: String| Plan::wait(POLL, because, Seen { ready_since: None, ..seen.clone() });
    let own_instance = identifier::instance(&wanted.identifier, 1);
    if !instances.iter().any(|instance| instance.identifier == own_instance) {
        return add_instance(wanted, cluster, owned, own_instance, Seen { ready_since: None, ..seen });
    }
    if !cluster.status.is_ready() || cluster.pending_changes {
        return waiting(format!("the cluster {} is {}", cluster.identifier, cluster.status));
    }
    if let Some(instance) = instances.iter().find(|i| !i.status.is_ready() || i.pending_changes) {
        return waiting(format!("the instance {} is {}", instance.identifier, instance.status));
    }
    match seen.ready_since {
        Some(since) if now - since >= READY_FOR => {
            let reason = format!("{} is ready.", cluster.identifier);
            Plan::decide(Decision::success(wanted.arn(), reason, outputs(cluster, instances, wanted)))
        }
        since => {
            let seen = Seen { ready_since: Some(since.unwrap_or(now)), ..seen };
            Plan::wait(POLL, "everything is ready; a second look confirms it", seen)
        }
    }
}

/// The cluster is the one that this very request made, or a sentence that says what it is.
fn prove_ours(wanted: &Wanted, cluster: &Cluster, seen: &Seen, settings: &Settings) -> Result<Owned, String> {
    let owned = guard::prove(cluster, &wanted.owner, &settings.name_prefix).map_err(|not_ours| {
        format!(
            "The name {} is taken: {not_ours}. It was left alone. Choose another ClusterId.",
            wanted.identifier
        )
    })?;
    if owned.generation() != wanted.generation {
        return Err(format!(
            "The cluster {} is left over from an earlier attempt of this resource (generation {}). Delete it, or \
             choose another ClusterId.",
            wanted.identifier,
            owned.generation()
        ));
    }
    match &seen.cluster {
        Some(resource_id) if *resource_id != cluster.resource_id => Err(format!(
            "The cluster {} was replaced by another one while it was being made: it was {resource_id} and is {}.",
            wanted.identifier, cluster.resource_id
        )),
        _ => Ok(owned),
    }
}

/// A status that does not lead to a usable database.
fn dead_end(cluster: &Cluster, instances: &[Instance]) -> Option<String> {
    let stuck = |phase: Phase| matches!(phase, Phase::Stuck | Phase::Deleting);
    if stuck(cluster.status.phase()) {
        return Some(format!("The cluster {} is {}.", cluster.identifier, cluster.status));
    }
    let instance = instances.iter().find(|instance| stuck(instance.status.phase()))?;
    Some(format!("The instance {} of {} is {}.", instance.identifier, cluster.identifier, instance.status))
}

/// RDS documents that an instance can be added once the cluster is available; it often takes one earlier, and the shell takes a
/// refusal for "not yet". A full copy takes hours, so there it is not tried before.
fn add_instance(wanted: &Wanted, cluster: &Cluster, owned: Owned, identifier: String, seen: Seen) -> Plan {
    let full_copy = cluster.own_lineage().is_none_or(|l| l.restore_type == RestoreType::FullCopy);
    if full_copy && !cluster.status.is_ready() {
        return Plan::wait(60, format!("the full copy {} is {}", cluster.identifier, cluster.status), seen);
    }
    let action = Action::CreateInstance(NewInstance {
        cluster: owned,
        identifier,
        class: class(wanted, cluster),
        engine: cluster.engine.clone(),
        tags: tags::ours_and_users(&cluster.tags),
    });
    Plan::act(vec![action], POLL, format!("the instance of {} is being created", cluster.identifier), seen)
}

/// What the resource's outputs are: all texts, never a password.
pub fn outputs(cluster: &Cluster, instances: &[Instance], wanted: &Wanted) -> Map<String, Value> {
    let tag = |key: &str| cluster.tag(key).unwrap_or_default().to_owned();
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let arn_of = |key: &str| wanted.place.cluster_arn(&tag(key));
    let ids: Vec<&str> = instances.iter().map(|instance| instance.identifier.as_str()).collect();
    let port = cluster.port.map(|port| port.to_string()).unwrap_or_default();
    [
        ("Arn", cluster.arn.clone()),
        ("ClusterId", cluster.identifier.clone()),
        ("Endpoint", text(&cluster.endpoint)),
        ("ReaderEndpoint", text(&cluster.reader_endpoint)),
        ("Port", port),
        ("MasterUsername", text(&cluster.master_username)),
        ("DatabaseName", text(&cluster.database_name)),
        ("Engine", cluster.engine.clone()),
        ("EngineVersion", cluster.engine_version.clone()),
        ("InstanceIds", ids.join(",")),
        ("ResourceId", cluster.resource_id.clone()),
        ("SourceArn", arn_of(tag::SOURCE)),
        ("RootArn", arn_of(tag::ROOT)),
        ("DataTimestamp", tag(tag::DATA_TIME)),
        ("RestoreType", tag(tag::RESTORE_TYPE)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), json!(value)))
    .collect()
}

/// The decision that a Create ends with when its time is over: what there is, and what to do.
pub fn out_of_time(wanted: &Wanted, waiting_for: &str) -> Decision {
    Decision::failed(
        wanted.arn(),
        format!(
            "Not ready in the time that CloudFormation gives: {waiting_for}. What was made of {} is deleted with this \
             resource. Raise ServiceTimeout (at most 3600), or pre-create copies if this was a full copy.",
            wanted.identifier
        ),
    )
}

/// What a plan waits for, for a decision that has to be made without it.
pub fn waiting_for(plan: &Plan) -> &str {
    match &plan.next {
        Next::Wait { because, .. } => because,
        Next::Decide(_) => "nothing",
    }
}

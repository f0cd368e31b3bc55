//! How a clone comes to be: choose a source, restore, and bring the new cluster to what is desired until it is usable. A
//! replacement is made in the same way.
//!
//! Nothing here remembers: whatever happened before (a crash, a lost reply, a duplicate) is seen in AWS.

use chrono::{DateTime, Duration, Utc};

use crate::converge::{Progress, Subject};
use crate::desired::{Desired, Keeping};
use crate::duration::{for_people, format_time};
use crate::events;
use crate::family::Family;
use crate::guard::{self, Owned};
use crate::names::{env, tag};
use crate::outputs::outputs;
use crate::plan::{Action, Decision, Next, Plan, Restore, Seen};
use crate::properties::OnNoSlot;
use crate::record::{Baseline, Incarnation};
use crate::request::Wanted;
use crate::rules::Rules;
use crate::settings::Settings;
use crate::slots::{self, Reason, Verdict};
use crate::snapshot::{Cluster, Instance, KeyState, Phase, SecretState};
use crate::sweep;
use crate::tags::{self, RestoreType, Role, Tags};

/// Seconds between two looks at something that takes minutes.
const POLL: u32 = 30;
/// Seconds until a cluster that was just restored is looked at.
const SOON: u32 = 10;
/// Ready means: at two looks at least this far apart.
const READY_FOR: Duration = Duration::seconds(25);
/// How long a cluster that was seen may be missing from listings before we believe that somebody deleted it.
const MISSING_FOR: Duration = Duration::minutes(5);
/// The most copies that one request marks for purging; the next one goes on.
const MOST_MARKED: usize = 20;
/// How far apart two clocks may be.
const CLOCKS_DIFFER: Duration = Duration::minutes(10);

/// The root of the family that a source belongs to, by the source's own tags.
pub fn root_identifier(source: &Cluster) -> &str {
    match source.own_lineage() {
        Some(lineage) if lineage.role == Role::Copy => lineage.root,
        _ => &source.identifier,
    }
}

/// When a choice is made, and until when its clone has to be ready.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    /// Now.
    pub now: DateTime<Utc>,
    /// The end of what CloudFormation waits for.
    pub deadline: DateTime<Utc>,
}

/// A choice: what to do, and what is to be noted before it is done.
#[derive(Debug)]
pub struct Choice {
    /// What to do.
    pub plan: Plan,
    /// The incarnation that comes to be, where one does.
    pub record: Option<Incarnation>,
}

impl From<Plan> for Choice {
    fn from(plan: Plan) -> Self {
        Self { plan, record: None }
    }
}

/// Chooses a source for a clone that does not exist yet. To be called, and carried out, under the root's lock. `instances` are
/// those of the root, and `rules` are published for it.
pub fn choose(
    wanted: &Wanted,
    clusters: &[Cluster],
    instances: &[Instance],
    settings: &Settings,
    rules: &Rules,
    time: Time,
) -> Choice {
    let settings = &rules.apply(settings);
    let failed = |reason: String| Plan::decide(failure(wanted, reason)).into();
    let find = |identifier: &str| clusters.iter().find(|cluster| cluster.identifier == identifier);
    let root = match root(wanted, clusters, settings) {
        Ok(root) => root,
        Err(reason) => return failed(reason),
    };
    if let Some(since) = wanted.properties.freshness.created_since.filter(|s| *s > time.now + CLOCKS_DIFFER) {
        let since = format_time(since);
        return failed(format!(
            "CopyCreatedSince is {since}: it is in the future, and no data is from there."
        ));
    }
    // The look that found nothing was stale. Whatever made the cluster is over, or it would hold the lease.
    if find(&wanted.identifier).is_some() {
        return Plan::wait(1, format!("{} is listed by now", wanted.identifier), Seen::default()).into();
    }
    let family = Family::of(root, clusters);
    if let Some(quota) = &rules.quota
        && let Err(reason) = quota.admits(wanted, &family, clusters, &settings.manager)
    {
        return failed(reason);
    }
    let mut record = record(wanted, root, instances, settings, time.now);
    let desired = desired(wanted, root, &record, settings);
    if let Err(refused) = within_limits(&desired, settings) {
        return failed(format!("{refused}. Nothing was made."));
    }
    let verdicts = slots::judge(&family, &wanted.properties.freshness, settings, time.now);
    let chooser = Chooser { wanted, root, desired: &desired, settings, time };
    let mut plan = chooser.pick(&verdicts);
    if wanted.properties.purge_obsolete_copies && !matches!(plan.next, Next::Decide(_)) {
        plan.actions.extend(obsolete(&family, settings, time.now));
    }
    let restored = plan.actions.iter().find_map(|action| match action {
        Action::Restore(restore) => Some(restore.source.as_str()),
        _ => None,
    });
    let secret = restored.and_then(find).and_then(|source| source.managed_secret.as_ref());
    record.sources_secret = secret.map(|secret| secret.arn.clone());
    let restores = restored.is_some();
    plan.verdicts = verdicts;
    Choice { plan, record: restores.then_some(record) }
}

fn failure(wanted: &Wanted, reason: String) -> Decision {
    let kind = if wanted.failed_id == wanted.arn() { "Create" } else { "Update" };
    let events = events::failed(&wanted.owner, &wanted.failed_id, kind, &reason);
    Decision::failed(&wanted.failed_id, reason).telling(events)
}

/// The root of the family that the template names, if it may be cloned.
fn root<'a>(wanted: &Wanted, clusters: &'a [Cluster], settings: &Settings) -> Result<&'a Cluster, String> {
    let asked = &wanted.properties.source;
    let find = |identifier: &str| clusters.iter().find(|cluster| cluster.identifier == identifier);
    let Some(source) = find(asked) else {
        return Err(format!(
            "SourceClusterId is {asked:?}: there is no such Aurora cluster in {} of account {}.",
            wanted.place.region, wanted.place.account
        ));
    };
    if let Some(lineage) = source.own_lineage().filter(|lineage| lineage.role == Role::Clone) {
        return Err(format!(
            "SourceClusterId is {asked:?}, which is itself a clone that {} made. Name its root, {:?}.",
            lineage.manager, lineage.root
        ));
    }
    let Some(root) = find(root_identifier(source)) else {
        return Err(format!(
            "SourceClusterId is {asked:?}, a copy whose root {:?} is gone. Name a cluster that exists.",
            root_identifier(source)
        ));
    };
    if let Some(lineage) = tags::lineage(&root.tags) {
        return Err(format!(
            "SourceClusterId is {asked:?}: {:?} is no root, its tags are those of {:?}, of the family of {:?}. Name that \
             family's root, or take the tags that begin with {:?} off a cluster that is none of it any more.",
            root.identifier,
            lineage.cluster,
            lineage.root,
            tag::PREFIX
        ));
    }
    // A copy stands for its root, which has to be allowed itself.
    settings
        .limits
        .source(&root.identifier)
        .map_err(|refused| format!("SourceClusterId is {asked:?}: {refused}. Nothing was made."))?;
    Ok(root)
}

fn record(
    wanted: &Wanted,
    root: &Cluster,
    instances: &[Instance],
    settings: &Settings,
    now: DateTime<Utc>,
) -> Incarnation {
    let keeping =
        Keeping::of_new(&wanted.properties.password, &wanted.identifier, &wanted.generation, settings);
    let (secret, key) = match keeping {
        Keeping::Own { secret, key, .. } => (Some(secret), key.alias()),
        Keeping::Managed(_) | Keeping::Source => (None, None),
    };
    Incarnation {
        generation: wanted.generation.clone(),
        identifier: wanted.identifier.clone(),
        since: now,
        secret,
        key,
        baseline: Baseline::of(root, instances),
        sources_secret: None,
        made: false,
    }
}

fn desired(wanted: &Wanted, root: &Cluster, record: &Incarnation, settings: &Settings) -> Desired {
    let keeping =
        Keeping::of_new(&wanted.properties.password, &wanted.identifier, &wanted.generation, settings);
    Desired::new(&wanted.properties, &record.baseline, root, keeping, record.since, settings)
}

/// What is taken over from the source is held against the operator's limits as well as what is given.
pub fn within_limits(desired: &Desired, settings: &Settings) -> Result<(), String> {
    let limits = &settings.limits;
    let wanted = &desired.cluster;
    wanted
        .subnet_group
        .iter()
        .try_for_each(|name| limits.subnet_group(name))
        .map_err(|refused| format!("DBSubnetGroupName: {refused}"))?;
    wanted
        .security_groups
        .iter()
        .try_for_each(|id| limits.security_group(id))
        .map_err(|refused| format!("VpcSecurityGroupIds: {refused}"))?;
    limits.instance_class(&desired.instance.class).map_err(|refused| format!("InstanceClass: {refused}"))
}

struct Chooser<'a> {
    wanted: &'a Wanted,
    root: &'a Cluster,
    desired: &'a Desired,
    settings: &'a Settings,
    time: Time,
}

impl Chooser<'_> {
    fn pick(&self, verdicts: &[Verdict]) -> Plan {
        if let Some(verdict) = verdicts.iter().find(|verdict| verdict.reason == Reason::Usable) {
            let because = format!("{} is being cloned", verdict.source);
            let data_time = verdict.data_time.unwrap_or(self.time.now);
            let restore = self.restore(&verdict.source, RestoreType::CopyOnWrite, data_time);
            return Plan::act(vec![Action::Restore(Box::new(restore))], SOON, because, Seen::default());
        }
        let report = slots::report(verdicts);
        if verdicts.iter().any(|verdict| matches!(verdict.reason, Reason::Busy(_))) {
            return Plan::wait(POLL, format!("a source is busy: {report}"), Seen::default());
        }
        let failed = |reason: String| Plan::decide(failure(self.wanted, reason));
        // A status that passes is no reason to fail.
        let may_be_copied = self.root.tag(tag::RETIRING).is_none()
            && !matches!(self.root.status.phase(), Phase::Stuck | Phase::Deleting);
        match self.wanted.properties.on_no_slot {
            // Waiting is for slots; a source that is stopped, say, stays so.
            OnNoSlot::Wait if verdicts.iter().any(|verdict| verdict.reason == Reason::NoFreeSlot) => {
                Plan::wait(60, format!("no source has a free slot: {report}"), Seen::default())
            }
            OnNoSlot::Copy if may_be_copied => self.copy(&report),
            OnNoSlot::Copy | OnNoSlot::Wait | OnNoSlot::Fail => failed(format!(
                "No source can be cloned: {report}. Nothing was made. Delete a clone, add a copy to the pool, or set \
                 OnNoSlot to Wait."
            )),
        }
    }

    /// A full copy, if it can be finished in the time that is left; a database that is deleted again half way helps nobody.
    fn copy(&self, report: &str) -> Plan {
        let (left, needed) = (self.time.deadline - self.time.now, self.settings.full_copy_time);
        if needed > left {
            return Plan::decide(failure(
                self.wanted,
                format!(
                    "No source has a free slot ({report}), and a full copy takes about {}, by the operator's {}, while \
                     CloudFormation waits for {} more. Nothing was made. Pre-create copies: raise target-clone-slots of {} in \
                     the maintenance configuration, so that the pool has room before it is needed.",
                    for_people(needed),
                    env::FULL_COPY_TIME,
                    for_people(left),
                    self.root.identifier
                ),
            ));
        }
        let root = &self.root.identifier;
        if !self.root.status.is_ready() {
            let because = format!("{root} is to be copied and is {}: {report}", self.root.status);
            return Plan::wait(POLL, because, Seen::default());
        }
        let restore = self.restore(root, RestoreType::FullCopy, self.time.now);
        let because = format!("no source has a free slot ({report}), so this is a full copy of {root}");
        Plan::act(vec![Action::Restore(Box::new(restore))], 60, because, Seen::default())
    }

    fn restore(&self, source: &str, restore_type: RestoreType, data_time: DateTime<Utc>) -> Restore {
        let wanted = self.wanted;
        let mut tags: Tags = self.desired.tags.clone();
        let mut ours = vec![
            (tag::MANAGER, self.settings.manager.clone()),
            (tag::ROLE, "clone".to_owned()),
            (tag::CLUSTER, wanted.identifier.clone()),
            (tag::ROOT, self.root.identifier.clone()),
            (tag::SOURCE, source.to_owned()),
            (tag::RESTORE_TYPE, restore_type.as_str().to_owned()),
            (tag::DATA_TIME, format_time(data_time)),
            (tag::STACK_ID, wanted.owner.stack_id.clone()),
            (tag::LOGICAL_ID, wanted.owner.logical_id.clone()),
            (tag::GENERATION, wanted.generation.clone()),
            (tag::PASSWORD, self.desired.password.as_tag().to_owned()),
        ];
        match &self.desired.password {
            Keeping::Own { secret, key, .. } => {
                ours.push((tag::SECRET, secret.clone()));
                ours.push((tag::KEY, key.as_tag().to_owned()));
            }
            Keeping::Managed(key) => ours.push((tag::KEY, key.clone().unwrap_or_else(|| "aws".to_owned()))),
            Keeping::Source => {}
        }
        tags.extend(ours.into_iter().map(|(key, value)| (key.to_owned(), value)));
        let mut settings = self.desired.cluster.clone();
        settings.deletion_protection = false;
        Restore {
            identifier: wanted.identifier.clone(),
            source: source.to_owned(),
            restore_type,
            tags,
            settings,
        }
    }
}

/// Copies whose data no Create may use any more, by the operator's own age limit: marked, so that the maintainer purges them, the
/// oldest first. A copy that is young enough for anybody stays out of it, whatever this template's `MaxCopyAge` is. Where more are
/// marked than the maintainer purges at once it purges none, so no more are.
fn obsolete(family: &Family<'_>, settings: &Settings, now: DateTime<Utc>) -> Vec<Action> {
    let data_time = |copy: &Cluster| copy.own_lineage().and_then(|lineage| lineage.data_time);
    let ours: Vec<&Cluster> =
        family.copies().filter(|copy| guard::prove_copy(copy, settings).is_some()).collect();
    let (marked, mut rest): (Vec<&Cluster>, Vec<&Cluster>) =
        ours.iter().copied().partition(|copy| copy.tag(tag::RETIRING).is_some());
    rest.retain(|copy| data_time(copy).is_some_and(|time| now - time > settings.max_copy_age));
    rest.sort_by_key(|copy| data_time(copy));
    let room = sweep::cap(ours.len(), None).saturating_sub(marked.len()).min(MOST_MARKED);
    let proved = rest.into_iter().take(room).filter_map(|copy| guard::prove_copy(copy, settings));
    proved.map(|copy| Action::MarkRetiring { copy, since: now }).collect()
}

/// What is known of a clone that exists, or did.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The cluster with the wanted identifier.
    pub cluster: Option<&'a Cluster>,
    /// Its instances.
    pub instances: &'a [Instance],
    /// Its secret.
    pub secret: Option<&'a SecretState>,
    /// The key that was made for it.
    pub key: Option<&'a KeyState>,
    /// What was noted when it was made.
    pub record: Option<&'a Incarnation>,
}

/// What a clone that is being made is to be like. How its password is kept is never read off the cluster: whoever may change its tags
/// could have it handed over with production's.
pub fn desired_of(
    wanted: &Wanted,
    cluster: &Cluster,
    instances: &[Instance],
    record: Option<&Incarnation>,
    settings: &Settings,
) -> Desired {
    let wish = &wanted.properties.password;
    let keeping = Keeping::of_new(wish, &wanted.identifier, &wanted.generation, settings);
    let as_it_is = || Baseline::of(cluster, instances);
    let baseline = record.map_or_else(as_it_is, |record| record.baseline.clone());
    let since = record.map(|record| record.since).or(cluster.created_at).unwrap_or_default();
    Desired::new(&wanted.properties, &baseline, cluster, keeping, since, settings)
}

/// Follows a clone that exists, or did.
pub fn follow(wanted: &Wanted, view: View<'_>, seen: &Seen, settings: &Settings, now: DateTime<Utc>) -> Plan {
    let Some(cluster) = view.cluster else {
        let since = seen.absent_since.unwrap_or(now);
        if now - since >= MISSING_FOR {
            let reason = format!("The cluster {} was made, and then somebody deleted it.", wanted.identifier);
            return Plan::decide(failure(wanted, reason));
        }
        let seen = Seen { absent_since: Some(since), ready_since: None, ..seen.clone() };
        return Plan::wait(POLL, "the new cluster is not listed at the moment", seen);
    };
    let owned = match prove_ours(wanted, cluster, seen, settings) {
        Ok(owned) => owned,
        Err(reason) => return Plan::decide(failure(wanted, reason)),
    };
    let seen = Seen { cluster: Some(cluster.resource_id.clone()), absent_since: None, ..seen.clone() };
    let desired = desired_of(wanted, cluster, view.instances, view.record, settings);
    let subject = Subject { cluster, owned, instances: view.instances, secret: view.secret, key: view.key };
    let busy = Seen { ready_since: None, ..seen.clone() };
    match subject.next(&desired, &wanted.owner) {
        Progress::Act(actions, because) => {
            let seconds = pace(&actions);
            Plan::act(actions, seconds, because, busy)
        }
        Progress::Wait(because) => Plan::wait(POLL, because, busy),
        Progress::Dead(reason) => abandon(reason, busy),
        Progress::Settled => match seen.ready_since {
            Some(since) if now - since >= READY_FOR => Plan::decide(success(wanted, &subject)),
            since => {
                let seen = Seen { ready_since: Some(since.unwrap_or(now)), ..seen };
                Plan::wait(POLL, "everything is ready; a second look confirms it", seen)
            }
        },
    }
}

/// Seconds until the next look: a secret is there at once, an instance is not.
pub fn pace(actions: &[Action]) -> u32 {
    let quick = |action: &Action| {
        matches!(
            action,
            Action::CreateKey(_)
                | Action::CreateSecret(_)
                | Action::PutKeyPolicy { .. }
                | Action::PutSecretPolicy { .. }
                | Action::Tag { .. }
                | Action::DeleteSecret { .. }
                | Action::DeleteKey { .. }
        )
    };
    if actions.iter().all(quick) { 2 } else { POLL }
}

/// A plan that begins to take down what was made: it never becomes usable, and nobody may find it with its source's password.
pub fn abandon(reason: String, seen: Seen) -> Plan {
    let reason: String = reason.chars().take(MOST_OF_A_REASON).collect();
    let because = format!("what was made is taken down: {reason}");
    Plan::wait(1, because, Seen { failed: Some(reason), ..seen })
}

/// How much of a reason travels through the state machine, in characters.
const MOST_OF_A_REASON: usize = 1_500;

/// The decision about a usable clone.
pub fn success(wanted: &Wanted, subject: &Subject<'_>) -> Decision {
    let cluster = subject.cluster;
    let data = outputs(subject, &wanted.place);
    let ids = subject.instances.iter().map(|instance| (instance.identifier.clone(), instance.arn.clone()));
    let events = events::ready(&wanted.owner, &cluster.arn, &data, &ids.collect::<Vec<_>>());
    let reason = format!("{} is ready.", cluster.identifier);
    Decision::success(cluster.arn.clone(), reason, data).telling(events)
}

/// The cluster is the one that this very request made, or a sentence that says what it is.
fn prove_ours(wanted: &Wanted, cluster: &Cluster, seen: &Seen, settings: &Settings) -> Result<Owned, String> {
    let owned = guard::prove(cluster, &wanted.owner, &settings.name_prefix).map_err(|not_ours| {
        format!(
            "The name {} is taken: {not_ours}. It was left alone. Choose another ClusterId, or set \
             NoFailOnExistingCluster.",
            wanted.identifier
        )
    })?;
    if owned.generation() != wanted.generation {
        return Err(format!(
            "The cluster {} is left over from an earlier attempt of this resource (generation {}). Delete it, choose \
             another ClusterId, or set NoFailOnExistingCluster.",
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

/// Whether a cluster is the one that this very request made.
pub fn is_ours(wanted: &Wanted, cluster: &Cluster, settings: &Settings) -> bool {
    prove_ours(wanted, cluster, &Seen::default(), settings).is_ok()
}

/// Why a request fails whose time is over: what there is, and what to do.
pub fn out_of_time(waiting_for: &str) -> String {
    format!(
        "Not ready in the time that CloudFormation gives: {waiting_for}. Raise ServiceTimeout (at most 3600), or \
         pre-create copies if this was a full copy."
    )
}

/// The decision of a request that failed after something was made. `left` says what is still there.
pub fn taken_down(wanted: &Wanted, reason: &str, left: Option<&str>) -> Decision {
    let what = &wanted.identifier;
    let rest = match left {
        None => format!("What was made of {what} is being deleted."),
        Some(why) => {
            format!("What was made of {what} could not be deleted yet ({why}); it goes with this resource.")
        }
    };
    failure(wanted, format!("{reason} {rest}"))
}

/// The decision of a request that failed before anything was made.
pub fn refused(wanted: &Wanted, reason: &str) -> Decision {
    failure(wanted, reason.to_owned())
}

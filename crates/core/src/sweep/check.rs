//! The checker of sweeps: separate code that looks over a plan before it is carried out. It asks the tags themselves whether
//! what goes may go, and believes nothing that the planners worked out.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use crate::check::{self, Violation, ensure};
use crate::duration::parse_time;
use crate::hash;
use crate::names::tag;
use crate::plan::{self, Action, Seen};
use crate::request::resource_key;
use crate::settings::Settings;
use crate::snapshot::Cluster;

use super::{Heard, Plan, Removing, Rules, View, Why, Word};

/// Nothing is followed for as long as this.
const MOST_FOLLOWED: Duration = Duration::hours(28);

/// Checks a run's plan against what was observed and heard.
pub fn check(
    plan: &Plan,
    view: &View<'_>,
    heard: &Heard,
    settings: &Settings,
    rules: &Rules<'_>,
    now: DateTime<Utc>,
) -> Result<(), Violation> {
    check_actions(&plan.actions, view, settings)?;
    let mut told = BTreeSet::new();
    for removing in &plan.removing {
        if let Some(cluster) = cluster_of(removing, view) {
            check_stays(cluster, rules)?;
            told.insert(cluster.identifier.as_str());
        }
        match removing.why {
            Why::Lease => check_lease(removing, view, now)?,
            Why::Orphan => check_orphan(removing, heard, now)?,
        }
    }
    for action in &plan.actions {
        match action {
            Action::DeleteInstance { cluster, .. } | Action::DeleteCluster { cluster, .. } => {
                ensure(told.contains(cluster.identifier()), || {
                    format!("{} goes for no reason", cluster.identifier())
                })?;
            }
            Action::DeleteSecret { secret } => {
                let is = |removing: &Removing| removing.secret.as_deref() == Some(secret.name());
                ensure(plan.removing.iter().any(is), || format!("{} goes for no reason", secret.name()))?;
            }
            Action::DeleteKey { key } => {
                let is = |removing: &Removing| removing.key.as_deref() == Some(key.alias());
                ensure(plan.removing.iter().any(is), || format!("{} goes for no reason", key.alias()))?;
            }
            Action::Tag { cluster, set, remove, .. } => {
                let may = |key: &String| key == tag::EXPIRES || key == tag::WARNED;
                ensure(set.keys().chain(remove).all(may), || {
                    format!("a sweep would change the tags of {}", cluster.identifier())
                })?;
                let found = view.clusters.iter().find(|c| c.resource_id == cluster.resource_id());
                found.map_or(Ok(()), |cluster| check_stays(cluster, rules))?;
            }
            other => return Err(Violation(format!("no sweep does this: {other:?}"))),
        }
    }
    let ours = |cluster: &&Cluster| {
        cluster.tag(tag::MANAGER) == Some(&settings.manager)
            && cluster.tag(tag::CLUSTER) == Some(&cluster.identifier)
            && cluster.tag(tag::ROLE) == Some("clone")
    };
    let clones = view.clusters.iter().filter(ours).count();
    let most = rules.max_deletions.map_or(2.max(clones as u64 / 4), u64::from);
    for why in [Why::Lease, Why::Orphan] {
        let gone = plan.removing.iter().filter(|removing| removing.why == why).count() as u64;
        ensure(gone <= most, || format!("{gone} of {clones} clones would go in one run"))?;
    }
    Ok(())
}

/// Checks the changes of a later step: nothing goes but what a run began to take away, within the time that it may be followed.
pub fn check_followed(
    actions: &[Action],
    removing: &Removing,
    begun: Option<DateTime<Utc>>,
    view: &View<'_>,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<(), Violation> {
    check_actions(actions, view, settings)?;
    ensure(begun.is_some_and(|begun| now < begun + MOST_FOLLOWED), || {
        format!("no run has begun to take {} away", removing.name())
    })?;
    for action in actions {
        let (goes, name) = match action {
            Action::DeleteInstance { cluster, .. } | Action::DeleteCluster { cluster, .. } => {
                (removing.resource_id.as_deref() == Some(cluster.resource_id()), cluster.identifier())
            }
            Action::DeleteSecret { secret } => {
                (removing.secret.as_deref() == Some(secret.name()), secret.name())
            }
            Action::DeleteKey { key } => (removing.key.as_deref() == Some(key.alias()), key.alias()),
            other => return Err(Violation(format!("no sweep goes on like this: {other:?}"))),
        };
        ensure(goes, || format!("{name} goes for no reason"))?;
    }
    Ok(())
}

/// Checks changes by the rules of every plan.
pub fn check_actions(actions: &[Action], view: &View<'_>, settings: &Settings) -> Result<(), Violation> {
    let plan = plan::Plan::act(actions.to_vec(), 1, "a sweep", Seen::default());
    check::check(&plan, view.clusters, view.instances, settings)
}

fn cluster_of<'a>(removing: &Removing, view: &View<'a>) -> Option<&'a Cluster> {
    view.clusters.iter().find(|cluster| Some(&cluster.resource_id) == removing.resource_id.as_ref())
}

fn check_stays(cluster: &Cluster, rules: &Rules<'_>) -> Result<(), Violation> {
    let id = &cluster.identifier;
    ensure(!cluster.tags.contains_key(tag::KEEP), || format!("{id} is kept"))?;
    ensure(!cluster.settings.deletion_protection, || format!("{id} has deletion protection"))?;
    let listed = rules
        .of_root
        .iter()
        .any(|(root, protect, _)| cluster.tag(tag::ROOT) == Some(*root) && protect.admit(id));
    ensure(!listed && !rules.protect.admit(id), || format!("{id} is protected"))
}

fn check_lease(removing: &Removing, view: &View<'_>, now: DateTime<Utc>) -> Result<(), Violation> {
    let Some(cluster) = cluster_of(removing, view) else {
        return Err(Violation(format!("{:?} was not observed", removing.identifier)));
    };
    let id = &cluster.identifier;
    let end = cluster.tag(tag::EXPIRES).and_then(|text| parse_time(text).ok());
    ensure(end.is_some_and(|end| end <= now), || format!("the lease of {id} is not over"))?;
    let warned = cluster.tag(tag::WARNED).and_then(|text| text.split_once('@'));
    let warned = warned.and_then(|(about, when)| Some((parse_time(about).ok()?, parse_time(when).ok()?)));
    let about_this = |(about, when): (DateTime<Utc>, DateTime<Utc>)| {
        Some(about.timestamp()) == end.map(|end| end.timestamp()) && now - when >= Duration::minutes(60)
    };
    ensure(warned.is_some_and(about_this), || format!("nobody was told in time of the end of {id}"))
}

fn check_orphan(removing: &Removing, heard: &Heard, now: DateTime<Utc>) -> Result<(), Violation> {
    let Removing { stack_id, logical_id, generation, .. } = removing;
    let shown = || format!("the incarnation {generation} of {logical_id} in {stack_id}");
    let named = !stack_id.is_empty() && !logical_id.is_empty() && !generation.is_empty();
    ensure(named, || format!("{} has no stack", shown()))?;
    let word = heard.words.get(&resource_key(stack_id, logical_id));
    let unwanted = match word {
        Some(Word::Gone(_)) => true,
        Some(Word::Owns(id)) => {
            removing.identifier.as_ref().is_none_or(|own| !id.ends_with(&format!(":{own}")))
        }
        _ => false,
    };
    ensure(unwanted, || format!("CloudFormation does not say that {} is unwanted", shown()))?;
    let since = heard.since.get(&hash::short(&[stack_id, logical_id, generation], 40));
    ensure(since.is_some_and(|since| now - *since >= Duration::days(1)), || {
        format!("CloudFormation has not said for a day that {} is unwanted", shown())
    })
}

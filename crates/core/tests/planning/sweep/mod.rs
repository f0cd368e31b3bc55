//! Sweeps: what goes by its lease, what goes as an orphan, and everything that does not.

mod chance;
mod checked;
mod following;
mod leases;
mod orphans;
mod words;

use aurora_clone_core::limits::Patterns;
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::Action;
use aurora_clone_core::snapshot::{Cluster, Instance, KeyState, SecretState};
use aurora_clone_core::sweep::check::check;
use aurora_clone_core::sweep::{self, Heard, Plan, Rules, View};
use aurora_clone_core::tags::Tags;
use chrono::{DateTime, Duration, Utc};

use crate::room::{self, clone_of, instance, now, settings, with};

pub fn nobody() -> Patterns {
    Patterns::default()
}

/// Rules with a warning of a day.
pub fn rules(protect: &Patterns) -> Rules<'_> {
    Rules { protect, of_root: Vec::new(), lease_warning: Duration::days(1), max_deletions: None }
}

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Our clone with these tags beside its own, made a month ago.
pub fn clone(id: &str, tags: &[(&str, &str)]) -> Cluster {
    let made = Some(now() - Duration::days(30));
    with(Cluster { created_at: made, ..clone_of(id, "prod", "prod") }, tags)
}

/// A clone whose lease was over an hour ago, which people were told of a day ago.
pub fn over(id: &str) -> Cluster {
    clone(
        id,
        &[(tag::EXPIRES, "2026-06-20T23:00:00Z"), (tag::WARNED, "2026-06-20T23:00:00Z@2026-06-20T00:00:00Z")],
    )
}

pub fn identity(cluster: &Cluster) -> Tags {
    let keys = [tag::MANAGER, tag::CLUSTER, tag::ROOT, tag::STACK_ID, tag::LOGICAL_ID, tag::GENERATION];
    let with = |key: &&str| Some(((*key).to_owned(), cluster.tag(key)?.to_owned()));
    keys.iter().filter_map(with).collect()
}

pub fn secret_of(cluster: &Cluster) -> SecretState {
    let name = format!("/aurora-clone-manager/{}", cluster.identifier);
    SecretState { arn: format!("arn:{name}"), name, tags: identity(cluster), ..SecretState::default() }
}

pub fn key_of(cluster: &Cluster) -> (String, KeyState) {
    let alias = format!("alias/aurora-clone/{}", cluster.identifier);
    let arn = format!("arn:{alias}");
    (alias, KeyState { arn, tags: identity(cluster), ..KeyState::default() })
}

pub fn instances(clusters: &[Cluster]) -> Vec<Instance> {
    clusters.iter().flat_map(|c| c.members.iter().map(|id| instance(id, &c.identifier))).collect()
}

/// A run, which the checker passes.
pub fn run(view: &View<'_>, heard: &Heard, rules: &Rules<'_>, now: DateTime<Utc>) -> Plan {
    let plan = sweep::plan(view, heard, &settings(15, 1), rules, now);
    assert_eq!(check(&plan, view, heard, &settings(15, 1), rules, now), Ok(()), "{plan:#?}");
    plan
}

/// A run over these clusters, whose stacks live.
pub fn look(clusters: &[Cluster], rules: &Rules<'_>) -> Plan {
    let instances = instances(clusters);
    let living =
        clusters.iter().filter_map(|cluster| cluster.tag(tag::STACK_ID)).map(str::to_owned).collect();
    let view = View { clusters, instances: &instances, secrets: &[], keys: &[], living: Some(&living) };
    run(&view, &Heard::default(), rules, now())
}

/// What is done, in words.
pub fn done(actions: &[Action]) -> Vec<String> {
    let word = |action: &Action| match action {
        Action::DeleteInstance { instance, .. } => format!("- {instance}"),
        Action::DeleteCluster { cluster, final_snapshot: None } => format!("- {}", cluster.identifier()),
        Action::DeleteSecret { secret } => format!("- {}", secret.name()),
        Action::DeleteKey { key } => format!("- {}", key.alias()),
        Action::Tag { cluster, arn, set, remove } if remove.is_empty() => {
            assert_eq!(*arn, room::place().cluster_arn(cluster.identifier()));
            let set: Vec<String> = set.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("{} {}", cluster.identifier(), set.join(" "))
        }
        other => panic!("{other:?}"),
    };
    actions.iter().map(word).collect()
}

pub fn found<'a>(plan: &'a Plan, name: &str) -> Vec<&'a str> {
    plan.findings.iter().filter(|finding| finding.name == name).map(|finding| finding.why.as_str()).collect()
}

//! The sweep: what goes without being asked for, because its lease is over ([`lease`]) or because CloudFormation no longer wants
//! it ([`orphan`]). `docs/pool.md` is its contract.
//!
//! A run plans from what is there now, CloudFormation's [`word`] about it, and what earlier runs remember of that word. Whoever carries
//! a plan out sends its events first, then remembers and forgets, then acts: who dies in between has told something twice, and
//! nothing goes untold. What outlasts a run is followed by [`follow`], one step after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use crate::events::Event;
use crate::guard;
use crate::limits::Patterns;
use crate::names::tag;
use crate::plan::Action;
use crate::settings::Settings;
use crate::snapshot::{Cluster, Instance, KeyState, Phase, SecretState};

pub mod check;
pub mod follow;
pub mod lease;
pub mod orphan;
pub mod word;

pub use follow::{Removing, Why};
pub use word::Word;

/// The most changes of one run: fewer than the checker admits. What is left over waits for the next run.
const MOST_ACTIONS: usize = 40;

/// How many of `of` things may go in one run: what the operator says, or two, or a quarter if that is more.
pub fn cap(of: usize, max: Option<u32>) -> usize {
    max.map_or_else(|| (of / 4).max(2), |max| usize::try_from(max).unwrap_or(usize::MAX))
}

/// What the operator says about sweeping.
#[derive(Debug, Clone)]
pub struct Rules<'a> {
    /// Identifiers that are never touched.
    pub protect: &'a Patterns,
    /// For some roots: identifiers in the root's family that are never touched, and how long a clone may live at all.
    pub of_root: Vec<(&'a str, &'a Patterns, Option<Duration>)>,
    /// How long before a lease is over people are told.
    pub lease_warning: Duration,
    /// How many may go in one run; `None`: two, or a quarter if that is more.
    pub max_deletions: Option<u32>,
}

impl Rules<'_> {
    /// The longest life of a clone of this root.
    fn max_lifetime(&self, root: &str) -> Option<Duration> {
        self.of_root.iter().filter(|(of, ..)| *of == root).filter_map(|(_, _, most)| *most).min()
    }

    /// Whether a `protect` list names an identifier.
    fn protects(&self, identifier: &str, root: Option<&str>) -> bool {
        let of_root =
            |(of, patterns, _): &(&str, &Patterns, _)| Some(*of) == root && patterns.admit(identifier);
        self.protect.admit(identifier) || self.of_root.iter().any(of_root)
    }

    /// Why a cluster is never touched.
    fn untouchable(&self, cluster: &Cluster) -> Option<&'static str> {
        if cluster.tag(tag::KEEP).is_some() {
            return Some("it has the tag aurora-clone:keep");
        }
        if self.protects(&cluster.identifier, cluster.tag(tag::ROOT)) {
            return Some("a protect list of the maintenance configuration names it");
        }
        cluster.settings.deletion_protection.then_some("it has deletion protection")
    }

    /// Why a cluster can't go now.
    fn hindrance(&self, cluster: &Cluster) -> Option<&'static str> {
        let stopped = matches!(cluster.status.0.as_str(), "stopped" | "stopping");
        let stopped = stopped.then_some("it is stopped, and AWS deletes no stopped cluster: start it");
        self.untouchable(cluster).or(stopped)
    }
}

/// What was observed for a run.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// All clusters.
    pub clusters: &'a [Cluster],
    /// The instances of all [`clones`].
    pub instances: &'a [Instance],
    /// All secrets with this manager's tag.
    pub secrets: &'a [SecretState],
    /// All keys with an alias of ours, and that alias.
    pub keys: &'a [(String, KeyState)],
    /// The ids of the stacks that CloudFormation lists, if only what belongs to none of them is suspect.
    pub living: Option<&'a BTreeSet<String>>,
}

/// What was said about the suspects, now and before.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// CloudFormation's word now, by [`orphan::Suspect::key`].
    pub words: BTreeMap<String, Word>,
    /// Since when an incarnation is an orphan by its word, by [`orphan::Part::key`].
    pub since: BTreeMap<String, DateTime<Utc>>,
}

/// An orphan to remember until the next word about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// Which, as [`orphan::Part::key`] says.
    pub key: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// CloudFormation's word.
    pub reason: String,
}

/// What kind of thing a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A cluster.
    Cluster,
    /// A secret.
    Secret,
    /// A KMS key, by its alias.
    Key,
}

/// Something that people should know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What kind of thing it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The stack and the resource that asked for it, where its tags name them.
    pub owner: Option<(String, String)>,
    /// In two words.
    pub what: &'static str,
    /// In a sentence.
    pub why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.name, self.what, self.why)
    }
}

/// What a run does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Changes of AWS, in this order.
    pub actions: Vec<Action>,
    /// Orphans to remember.
    pub remember: Vec<Memory>,
    /// Orphans that are none any more, by key.
    pub forget: Vec<String>,
    /// What EventBridge is told.
    pub events: Vec<Event>,
    /// What people should know of.
    pub findings: Vec<Finding>,
    /// What the run must fail with, when all of this is done.
    pub troubles: Vec<String>,
    /// What begins to go now, and has to be followed.
    pub removing: Vec<Removing>,
}

impl Plan {
    /// Whether this many more changes fit into the run. The first ones always do: they are of one clone.
    fn has_room_for(&self, more: usize) -> bool {
        self.actions.is_empty() || self.actions.len() + more <= MOST_ACTIONS
    }
}

/// The clones of this manager, by their own tags.
pub fn clones<'a>(clusters: &'a [Cluster], settings: &Settings) -> Vec<&'a Cluster> {
    clusters.iter().filter(|cluster| guard::prove_own(cluster, settings).is_ok()).collect()
}

/// Decides what a run does.
pub fn plan(
    view: &View<'_>,
    heard: &Heard,
    settings: &Settings,
    rules: &Rules<'_>,
    now: DateTime<Utc>,
) -> Plan {
    let mut plan = Plan::default();
    lease::sweep(&mut plan, view, settings, rules, now);
    orphan::sweep(&mut plan, view, heard, settings, rules, now);
    plan.findings.extend(clones_with_other_names(view.clusters, settings));
    plan
}

/// Clusters that carry the tags of another one. Nothing tells a clone of ours that was renamed by hand from a stranger's clone to which
/// Aurora copied the tags, so none of them is touched.
fn clones_with_other_names(clusters: &[Cluster], settings: &Settings) -> Vec<Finding> {
    let carried = |cluster: &Cluster| {
        let about = cluster.tag(tag::CLUSTER).filter(|about| *about != cluster.identifier)?;
        let ours = cluster.tag(tag::MANAGER) == Some(&settings.manager);
        let going = cluster.status.phase() == Phase::Deleting;
        (ours && !going).then(|| Finding {
            kind: Kind::Cluster,
            name: cluster.identifier.clone(),
            owner: owner_of(cluster),
            what: "another's tags",
            why: format!(
                "{} carries the tags of {about}: either somebody renamed {about}, which stays until its tag aurora-clone:cluster \
                 is set to the new name, or somebody cloned {about} and this is theirs. It is not touched.",
                cluster.identifier
            ),
        })
    };
    clusters.iter().filter_map(carried).collect()
}

/// The stack and the resource in a cluster's tags.
fn owner_of(cluster: &Cluster) -> Option<(String, String)> {
    let get = |key: &str| cluster.tag(key).filter(|value| !value.is_empty()).map(str::to_owned);
    Some((get(tag::STACK_ID)?, get(tag::LOGICAL_ID)?))
}

fn finding(cluster: &Cluster, what: &'static str, why: String) -> Finding {
    Finding { kind: Kind::Cluster, name: cluster.identifier.clone(), owner: owner_of(cluster), what, why }
}

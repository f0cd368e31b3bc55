//! What an overview consists of: plain data, which people read as a tree and scripts as JSON.

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use crate::duration::format_time;
use crate::prices::Cost;

/// Everything that there is, at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// The manager.
    pub manager: String,
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
    /// When it was so.
    #[serde(serialize_with = "time")]
    pub at: DateTime<Utc>,
    /// The currency of all costs.
    pub currency: &'static str,
    /// Families, in the order of their roots' identifiers.
    pub families: Vec<Family>,
    /// What this manager made, or was cloned from what it made, and whose root is gone; in the order of their identifiers.
    pub without_root: Vec<Member>,
    /// Clusters of no family that is shown, in the order of their identifiers; only where all clusters were asked for.
    pub elsewhere: Vec<Member>,
    /// Sources of the maintenance configuration that don't exist.
    pub missing_sources: Vec<String>,
    /// Sums; a cluster that is in two families counts once.
    pub totals: Totals,
}

/// A root, with all that hangs off it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Family {
    /// The root's identifier.
    pub root: String,
    /// Its engine and version.
    pub engine: String,
    /// What the maintenance configuration wants of its pool; `None` where it says nothing of it.
    pub pool: Option<Pool>,
    /// The root, then its copies as a Create prefers them: the freshest first.
    pub sources: Vec<Source>,
    /// What takes no slot of any of them: full copies that somebody asked for, and clones whose copy is gone.
    pub apart: Vec<Member>,
    /// Sums.
    pub totals: Totals,
}

/// What the maintenance configuration wants of a pool.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// Free slots wanted.
    pub target: u32,
    /// Copies at most.
    pub max_copies: u32,
    /// Whether plans are only shown.
    pub dry_run: bool,
}

/// What can be cloned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// The family's root.
    Root,
    /// A full copy of it in the pool.
    Copy,
}

/// A source: the root, or a copy of it in the pool.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Its identifier.
    pub identifier: String,
    /// What it is.
    pub kind: SourceKind,
    /// Its status, as RDS spells it.
    pub status: String,
    /// Its slots.
    pub slots: Slots,
    /// In a word, whether a Create takes it, or what is the matter with it.
    pub condition: Condition,
    /// Why it is in that condition; `None` where it can be cloned.
    pub reason: Option<String>,
    /// The moment that its data is from; the root's is from now.
    #[serde(serialize_with = "maybe_time")]
    pub data_time: Option<DateTime<Utc>>,
    /// How old its data is, in seconds.
    pub data_age: Option<i64>,
    /// When it was made.
    #[serde(serialize_with = "maybe_time")]
    pub created_at: Option<DateTime<Utc>>,
    /// The manager whose copy it is; `None` for a root.
    pub manager: Option<String>,
    /// Since when it is marked to be purged, as its tag says.
    pub retiring: Option<String>,
    /// A reason for which the maintainer never takes it away.
    pub kept: Option<String>,
    /// Its instances, the writer first.
    pub instances: Vec<Instance>,
    /// Its estimated cost in a month.
    pub monthly_cost: Cost,
    /// What takes its slots, in the order of their identifiers.
    pub members: Vec<Member>,
    /// Whether it was named by who asked.
    pub named: bool,
}

/// The slots of one source, or of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Slots {
    /// Clones that hang off it, in any status.
    pub used: u32,
    /// Clones that it still takes, whether or not it can be cloned at all now.
    pub free: u32,
    /// Clones that a Create can make of it now.
    pub usable: u32,
    /// Clones that it takes at most: the limit without the margin.
    pub limit: u32,
}

/// What is the matter with a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// A Create takes it.
    Usable,
    /// Every slot is taken.
    Full,
    /// It is busy with something that passes.
    Busy,
    /// It is being made.
    Coming,
    /// It has no instance, and such a cluster can't be cloned.
    NoInstance,
    /// It is going to be purged, and no Create takes it.
    Retiring,
    /// Its data is too old, or of an age that nobody knows.
    TooOld,
    /// Somebody has to look at it.
    Broken,
    /// It is being deleted.
    Going,
    /// It is another manager's.
    NotOurs,
}

/// What a cluster that is no source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberKind {
    /// A clone of this manager.
    Clone,
    /// A database that somebody asked this manager for and that is a full copy: it takes no slot.
    FullCopy,
    /// A copy of the pool; only where its root is gone.
    Copy,
    /// Somebody else's, or another manager's.
    Stranger,
}

/// A cluster that is no source.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Its identifier.
    pub identifier: String,
    /// What it is.
    pub kind: MemberKind,
    /// Its status, as RDS spells it.
    pub status: String,
    /// The root that its tags name.
    pub root: Option<String>,
    /// What it was restored from, as its tags say.
    pub source: Option<String>,
    /// The source whose slot it takes.
    pub takes_slot_of: Option<String>,
    /// `copy-on-write` or `full-copy`, as its own tags say.
    pub restore_type: Option<&'static str>,
    /// The manager in its own tags.
    pub manager: Option<String>,
    /// The cluster whose tags it carries: it was cloned from that one by somebody, or was renamed.
    pub carries_tags_of: Option<String>,
    /// The moment that its data is from.
    #[serde(serialize_with = "maybe_time")]
    pub data_time: Option<DateTime<Utc>>,
    /// How old its data is, in seconds.
    pub data_age: Option<i64>,
    /// When it was made.
    #[serde(serialize_with = "maybe_time")]
    pub created_at: Option<DateTime<Utc>>,
    /// Who asked for it.
    pub owner: Owner,
    /// Whose it is by the configuration's `owner-tag`, which quotas count by.
    pub quota_owner: Option<String>,
    /// What its author says about it.
    pub description: Option<String>,
    /// Its lease.
    pub lease: Option<Lease>,
    /// A reason for which the maintainer never takes it away.
    pub kept: Option<String>,
    /// Its instances, the writer first.
    pub instances: Vec<Instance>,
    /// Its estimated cost in a month.
    pub monthly_cost: Cost,
    /// Whether it was named by who asked.
    pub named: bool,
}

/// Who asked for a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Owner {
    /// A stack.
    Stack {
        /// The stack's name.
        name: String,
        /// The stack's id.
        id: String,
        /// The resource in it.
        logical_id: String,
    },
    /// Somebody, with the command line.
    CommandLine {
        /// The clone's name there.
        name: String,
    },
    /// Somebody who gave it our tags: no stack asked for it.
    ByHand,
    /// Nobody knows: it is not ours.
    Unknown,
}

/// Until when a clone is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// Its end; `None` where the tag can't be read.
    #[serde(serialize_with = "maybe_time")]
    pub end: Option<DateTime<Utc>>,
    /// The tag, as it is.
    pub text: String,
    /// Seconds that are left; below 0 once it is over.
    pub left: Option<i64>,
    /// When people were warned of this end.
    #[serde(serialize_with = "maybe_time")]
    pub warned_at: Option<DateTime<Utc>>,
}

impl Lease {
    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.left.is_some_and(|left| left <= 0)
    }
}

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Its identifier.
    pub identifier: String,
    /// Its class.
    pub class: String,
    /// Its status.
    pub status: String,
    /// Whether it is the writer.
    pub writer: bool,
}

/// Sums over a family, or over all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Clusters of all kinds.
    pub clusters: u32,
    /// Roots.
    pub roots: u32,
    /// Copies of the pool.
    pub copies: u32,
    /// Clones of this manager, those that are full copies among them.
    pub clones: u32,
    /// Clusters of others.
    pub strangers: u32,
    /// Slots of all sources.
    pub slots: Slots,
    /// Leases that are over.
    pub expired: u32,
    /// The estimated cost in a month.
    pub monthly_cost: Cost,
}

fn time<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_time(*time))
}

fn maybe_time<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(format_time).serialize(serializer)
}

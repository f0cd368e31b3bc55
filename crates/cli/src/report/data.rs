//! What a report shows, as plain data: the page is made of nothing else, and `--json` prints it.
//!
//! Where it comes from, an account or a simulation, is over once it is here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The member that tells this document from others.
pub const KIND: &str = "aurora-clone-report";

/// A report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    /// Which document this is: [`KIND`].
    pub kind: String,
    /// The manager, or what was simulated.
    pub manager: String,
    /// The account; `None` of a simulation.
    pub account: Option<String>,
    /// The region; `None` of a simulation.
    pub region: Option<String>,
    /// Whether nothing of this ever was.
    pub simulated: bool,
    /// When the report is from.
    pub at: DateTime<Utc>,
    /// When the period begins.
    pub from: DateTime<Utc>,
    /// When the period ends.
    pub to: DateTime<Utc>,
    /// How many seconds one point of a plot stands for.
    pub point: i64,
    /// The currency of all costs, if it has a name.
    pub currency: Option<String>,
    /// The pools.
    pub sources: Vec<Source>,
    /// Clusters of this manager whose root is gone.
    pub without_root: Vec<Row>,
    /// What somebody has to look at.
    pub troubles: Vec<Trouble>,
    /// What the maintainer did and why, the latest first.
    pub told: Vec<Told>,
    /// Since when `told` is complete, if what is older was left out.
    pub told_since: Option<DateTime<Utc>>,
    /// What could not be had, and why.
    pub missing: Vec<Missing>,
}

/// A pool: a root with its copies and what was cloned of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The root.
    pub name: String,
    /// Its engine and version.
    pub engine: Option<String>,
    /// Free slots wanted.
    pub wanted: Option<u32>,
    /// Free slots.
    pub free: Option<u32>,
    /// Slots that are taken.
    pub used: Option<u32>,
    /// Copies in the pool.
    pub copies: Option<u32>,
    /// Clones of this manager.
    pub clones: Option<u32>,
    /// Clusters of others.
    pub strangers: Option<u32>,
    /// Seconds; the age of the data of the oldest copy.
    pub oldest: Option<i64>,
    /// Seconds; the age at which a copy goes.
    pub max_copy_age: Option<i64>,
    /// What all of it costs in a month.
    pub cost: Option<Cost>,
    /// Measures over time.
    pub series: BTreeMap<Measure, Vec<Point>>,
    /// Its clusters as a tree, depth first.
    pub rows: Vec<Row>,
    /// Figures that belong to this source alone, such as how long people waited.
    pub figures: Vec<Figure>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Measure {
    /// Free slots that a Create can take.
    FreeSlots,
    /// Free slots wanted.
    WantedSlots,
    /// Slots that are being made.
    ComingSlots,
    /// Clones of this manager.
    Clones,
    /// Clones of others.
    StrangersClones,
    /// Copies that can be cloned.
    CopiesUsable,
    /// Copies that are being made.
    CopiesComing,
    /// Copies that are too old.
    CopiesTooOld,
    /// Copies on their way out.
    CopiesLeaving,
    /// Copies that somebody has to look at.
    CopiesBroken,
    /// Seconds; the age of the oldest copy's data.
    OldestCopyAge,
    /// Copies begun.
    CopiesBegun,
    /// Copies purged.
    Deletions,
    /// What the copies cost in a month.
    MonthlyCost,
}

/// How the values of one stretch of time become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// The least, where little is bad.
    Minimum,
    /// The most.
    Maximum,
    /// All together.
    Sum,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::FreeSlots,
        Self::WantedSlots,
        Self::ComingSlots,
        Self::Clones,
        Self::StrangersClones,
        Self::CopiesUsable,
        Self::CopiesComing,
        Self::CopiesTooOld,
        Self::CopiesLeaving,
        Self::CopiesBroken,
        Self::OldestCopyAge,
        Self::CopiesBegun,
        Self::Deletions,
        Self::MonthlyCost,
    ];

    /// The metric's name.
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// What one point says of the time that it stands for: the worst of it.
    pub fn statistic(self) -> Statistic {
        match self {
            Self::FreeSlots => Statistic::Minimum,
            Self::CopiesBegun | Self::Deletions => Statistic::Sum,
            _ => Statistic::Maximum,
        }
    }
}

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// When the stretch begins that it stands for.
    pub at: DateTime<Utc>,
    /// The value.
    pub value: f64,
}

/// An estimate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// In a month.
    pub monthly: f64,
    /// Whether something is left out whose price or size nobody knows.
    pub at_least: bool,
}

/// A cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// How far below the root it hangs.
    pub depth: u8,
    /// Its identifier.
    pub cluster: String,
    /// `root`, `copy`, `clone`, `full copy` or `stranger`.
    pub kind: String,
    /// Its status, and what is the matter with it.
    pub status: String,
    /// Its slots: taken and all.
    pub slots: Option<(u32, u32)>,
    /// Seconds; how old its data is.
    pub data_age: Option<i64>,
    /// Whose it is.
    pub owner: Option<String>,
    /// What its owner says of it.
    pub description: Option<String>,
    /// When its lease is over.
    pub lease: Option<DateTime<Utc>>,
    /// What it costs.
    pub cost: Option<Cost>,
}

/// What somebody has to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The source or cluster.
    pub about: String,
    /// What is the matter.
    pub what: String,
}

/// What the maintainer did, found or said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When, last.
    pub at: DateTime<Utc>,
    /// When, first, where it was said more than once.
    pub first: DateTime<Utc>,
    /// How often.
    pub times: u32,
    /// What sort of thing it is.
    pub sort: Sort,
    /// The source, if it is about one.
    pub source: String,
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// What sort of thing the maintainer told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    /// It did something.
    Did,
    /// It found something that people should know of.
    Found,
    /// It waits for something.
    Waits,
    /// Somebody has to look.
    Trouble,
    /// It failed.
    Error,
}

/// A figure with its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// The value, for people.
    pub value: String,
    /// What it is out of, or how it is meant.
    pub note: String,
}

/// What could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The part of the page.
    pub part: Part,
    /// Why, and what to do.
    pub why: String,
}

/// A part of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// What is wanted of the pools.
    Configuration,
    /// Limits of single sources, which the maintainer publishes.
    Rules,
    /// The plots.
    Metrics,
    /// What the maintainer did.
    Log,
}

impl Data {
    /// An empty report.
    pub fn new(manager: impl Into<String>, from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        Self {
            kind: KIND.to_owned(),
            manager: manager.into(),
            account: None,
            region: None,
            simulated: false,
            at: to,
            from,
            to,
            point: 0,
            currency: None,
            sources: Vec::new(),
            without_root: Vec::new(),
            troubles: Vec::new(),
            told: Vec::new(),
            told_since: None,
            missing: Vec::new(),
        }
    }

    /// Why a part could not be had.
    pub fn why_missing(&self, part: Part) -> Option<&str> {
        self.missing.iter().find(|missing| missing.part == part).map(|missing| missing.why.as_str())
    }
}

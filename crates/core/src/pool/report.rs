//! What was found in a pool, what was decided about every cluster of the family, and why: for people, for logs, for metrics.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::action::{Action, Step};
use super::plan::{Need, Policy};
use super::retire::Fate;
use super::standing::{Standing, State};
use crate::arn::is_command_line;
use crate::duration::for_people;
use crate::family::Family;
use crate::names::tag;
use crate::snapshot::Cluster;
use crate::tags::{self, RestoreType, Role};

/// One cluster of the family.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Its identifier.
    pub cluster: String,
    /// `root`, `copy`, `clone` or `stranger`.
    pub kind: &'static str,
    /// Its status.
    pub status: String,
    /// How old its data is, in seconds; `None` where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_age: Option<i64>,
    /// Its slots; only of sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<Slots>,
    /// The source whose slot it takes; only of what takes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takes_slot_of: Option<String>,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When its lease is over, as its tag says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// What was decided about it, and why.
    pub decision: String,
}

/// The slots of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Slots {
    /// What hangs off it.
    pub taken: u32,
    /// What a Create can take now: none where it can't be cloned.
    pub free: u32,
}

/// How many copies are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Copies {
    /// They can be cloned.
    pub usable: u32,
    /// They are being made.
    pub coming: u32,
    /// They are too old to count.
    pub old: u32,
    /// They are marked, or are being deleted.
    pub leaving: u32,
    /// Somebody has to look at them.
    pub broken: u32,
}

impl Copies {
    /// All of them.
    pub fn all(&self) -> u32 {
        self.usable + self.coming + self.old + self.leaving + self.broken
    }
}

/// What was found and decided about one pool.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The root.
    pub source: String,
    /// Free slots wanted.
    pub wanted: u32,
    /// Free slots that a Create can take now.
    pub free: u32,
    /// Slots that are being made.
    pub coming: u32,
    /// The copies of this manager.
    pub copies: Copies,
    /// How old the data of the oldest copy is, in seconds.
    pub oldest: Option<i64>,
    /// This manager's clones, by owner.
    pub owners: BTreeMap<String, u32>,
    /// Clones of others.
    pub strangers: u32,
    /// What the copies cost in a month, where the configuration says how big they are.
    pub monthly_cost: Option<f64>,
    /// Copies that are begun by this plan.
    pub begun: u32,
    /// Copies that are marked by this plan.
    pub marked: u32,
    /// Copies that are purged by this plan.
    pub purged: u32,
    /// Every cluster.
    pub lines: Vec<Line>,
    /// What is done, and why, in order.
    pub steps: Vec<String>,
    /// What somebody has to look at.
    pub troubles: Vec<String>,
}

/// What a report is made of.
pub struct Decided<'d> {
    /// What is wanted.
    pub policy: &'d Policy<'d>,
    /// The family.
    pub family: &'d Family<'d>,
    /// Its sources.
    pub standings: &'d [Standing<'d>],
    /// What becomes of each of them.
    pub fates: &'d [Fate],
    /// What is missing.
    pub need: &'d Need,
    /// What is done.
    pub steps: &'d [Step],
    /// What somebody has to look at.
    pub troubles: &'d [String],
    /// The manager's name.
    pub manager: &'d str,
    /// Now.
    pub now: DateTime<Utc>,
}

impl Report {
    /// Puts it together.
    pub fn new(decided: &Decided<'_>) -> Self {
        let config = decided.policy.source;
        let count = |of: fn(&Action) -> bool| {
            u32::try_from(decided.steps.iter().filter(|step| of(&step.action)).count()).unwrap_or(u32::MAX)
        };
        let copies = copies(decided.standings);
        let ages = decided.standings.iter().filter(|s| s.ours);
        let (owners, strangers) = decided.clones();
        Self {
            source: config.source.clone(),
            wanted: config.target,
            free: decided.need.free,
            coming: decided.need.coming,
            copies,
            oldest: ages.filter_map(|standing| standing.age).max().map(|age| age.num_seconds()),
            owners,
            strangers,
            monthly_cost: config.prices.of_copy().map(|one| one * f64::from(copies.all())),
            begun: count(|action| matches!(action, Action::Copy(_) | Action::TakeSnapshot(_))),
            marked: count(|action| matches!(action, Action::Mark { .. })),
            purged: count(|action| matches!(action, Action::DeleteCopy { .. })),
            lines: decided.lines(),
            steps: decided.steps.iter().map(|step| step.why.clone()).collect(),
            troubles: decided.troubles.to_vec(),
        }
    }
}

impl Report {
    /// What is measured of a plan that nobody carries out: what is there, and nothing done.
    #[must_use]
    pub fn only_looked(&self) -> Self {
        Self { begun: 0, marked: 0, purged: 0, ..self.clone() }
    }
}

fn copies(standings: &[Standing<'_>]) -> Copies {
    let mut copies = Copies::default();
    for standing in standings.iter().filter(|standing| standing.ours) {
        let number = match standing.state {
            State::Usable => &mut copies.usable,
            State::Coming(_) | State::NoInstance => &mut copies.coming,
            State::TooOld => &mut copies.old,
            State::Retiring(_) | State::Going => &mut copies.leaving,
            State::Broken(_) | State::Unusable(_) | State::NotOurs => &mut copies.broken,
        };
        *number += 1;
    }
    copies
}

impl Decided<'_> {
    /// Every cluster of the family: each source with what hangs off it, then databases that became full copies.
    fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (standing, fate) in self.standings.iter().zip(self.fates) {
            lines.push(self.source_line(standing, fate));
            lines.extend(standing.clones.iter().map(|clone| self.clone_line(clone, Some(standing.cluster))));
        }
        lines.extend(self.full_copies().map(|clone| self.clone_line(clone, None)));
        lines
    }

    /// Databases that somebody asked for and that are full copies: they take no slot.
    fn full_copies(&self) -> impl Iterator<Item = &Cluster> {
        let root = &self.family.root().identifier;
        self.family.clusters().filter(move |cluster| {
            cluster.own_lineage().is_some_and(|lineage| {
                lineage.role == Role::Clone
                    && lineage.restore_type == RestoreType::FullCopy
                    && lineage.root == root
            })
        })
    }

    fn source_line(&self, standing: &Standing<'_>, fate: &Fate) -> Line {
        let cluster = standing.cluster;
        let state = match &standing.state {
            State::Usable => "can be cloned".to_owned(),
            State::Coming(why) => format!("is being made: {why}"),
            State::NoInstance => "gets an instance, and can be cloned then".to_owned(),
            State::Retiring(_) => "is marked".to_owned(),
            State::TooOld => "is too old to count".to_owned(),
            State::Broken(why) | State::Unusable(why) => format!("gives no slots: {why}"),
            State::Going => "is being deleted".to_owned(),
            State::NotOurs => "is not ours".to_owned(),
        };
        // Said once is enough.
        let fine = matches!(standing.state, State::Usable | State::Coming(_) | State::NoInstance);
        let broken = matches!(standing.state, State::Broken(_));
        let fate = match fate {
            Fate::Stays(_) if standing.is_root || fine => String::new(),
            Fate::Going(_) if standing.state == State::Going => String::new(),
            Fate::Marked(_) if broken => "is marked now".to_owned(),
            Fate::Stays(why) => format!("stays: {why}"),
            Fate::Marked(why) => format!("is marked now: {why}"),
            Fate::Waits(due) => format!("is purged after {}", crate::duration::format_time(*due)),
            Fate::Purged(why) => format!("is purged now: {why}"),
            Fate::Going(why) => format!("goes: {why}"),
            Fate::Held(why) => format!("stays for now: {why}"),
        };
        let used = u32::try_from(standing.clones.len()).unwrap_or(u32::MAX);
        Line {
            cluster: cluster.identifier.clone(),
            kind: if standing.is_root { "root" } else { "copy" },
            status: cluster.status.to_string(),
            data_age: standing.age.map(|age| age.num_seconds()),
            slots: Some(Slots { taken: used, free: standing.usable() }),
            takes_slot_of: None,
            owner: None,
            expires: None,
            decision: if fate.is_empty() { state } else { format!("{state}; {fate}") },
        }
    }

    fn clone_line(&self, cluster: &Cluster, host: Option<&Cluster>) -> Line {
        let ours = self.is_ours(cluster);
        let age = cluster.own_lineage().and_then(|lineage| lineage.data_time).map(|time| self.now - time);
        Line {
            cluster: cluster.identifier.clone(),
            kind: if ours { "clone" } else { "stranger" },
            status: cluster.status.to_string(),
            data_age: age.map(|age| age.num_seconds()),
            slots: None,
            takes_slot_of: host.map(|host| host.identifier.clone()),
            owner: ours.then(|| self.owner(cluster)).filter(|owner| !owner.is_empty()),
            expires: cluster.tag(tag::EXPIRES).filter(|_| ours).map(str::to_owned),
            decision: match (ours, host) {
                (true, Some(_)) => "takes a slot; leases and orphans are the sweep's".to_owned(),
                (true, None) => "is a full copy and takes no slot".to_owned(),
                (false, _) => self.stranger(cluster),
            },
        }
    }

    /// Why something counts that is not this manager's.
    fn stranger(&self, cluster: &Cluster) -> String {
        match tags::lineage(&cluster.tags) {
            Some(lineage) if lineage.cluster != cluster.identifier => format!(
                "takes a slot; it carries the tags of {}: somebody cloned that one, or renamed it, and it is never touched",
                lineage.cluster
            ),
            Some(lineage) => {
                format!("takes a slot; it is of the manager {:?}, and never touched", lineage.manager)
            }
            None => "takes a slot by its clone group; it is somebody's, and never touched".to_owned(),
        }
    }

    fn is_ours(&self, cluster: &Cluster) -> bool {
        cluster.own_lineage().is_some_and(|lineage| lineage.manager == self.manager)
    }

    /// Whose a clone is: as the configuration's `owner-tag` says, or the name of its stack, or the command line.
    fn owner(&self, cluster: &Cluster) -> String {
        if let Some(quota) = &self.policy.source.quota {
            return cluster.tag(&quota.tag).unwrap_or_default().to_owned();
        }
        let asked = cluster.tag(tag::STACK_ID);
        if asked.is_some_and(is_command_line) {
            return "command-line".to_owned();
        }
        let stack = asked.and_then(|id| id.split('/').nth(1));
        stack.unwrap_or_default().to_owned()
    }

    fn clones(&self) -> (BTreeMap<String, u32>, u32) {
        let (mut owners, mut strangers) = (BTreeMap::new(), 0);
        let hanging = self.standings.iter().flat_map(|standing| standing.clones.iter().copied());
        for clone in hanging.chain(self.full_copies()) {
            if self.is_ours(clone) {
                *owners.entry(self.owner(clone)).or_default() += 1;
            } else {
                strangers += 1;
            }
        }
        (owners, strangers)
    }
}

/// One line: the summary of a source.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Copies { usable, coming, old, leaving, broken } = self.copies;
        write!(f, "{}: {} slots wanted, {} free", self.source, self.wanted, self.free)?;
        if self.coming > 0 {
            write!(f, ", {} coming", self.coming)?;
        }
        let number = |n: u32, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
        write!(f, "; {}", number(self.copies.all(), "copy", "copies"))?;
        let states = [
            (usable, "usable"),
            (coming, "coming"),
            (old, "too old"),
            (leaving, "leaving"),
            (broken, "broken"),
        ];
        let states: Vec<String> =
            states.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if !states.is_empty() {
            write!(f, " ({})", states.join(", "))?;
        }
        if let Some(oldest) = self.oldest {
            write!(f, ", the oldest {} old", for_people(chrono::Duration::seconds(oldest)))?;
        }
        if let Some(cost) = self.monthly_cost {
            write!(f, ", {cost:.2} a month")?;
        }
        let clones = number(self.owners.values().sum(), "clone", "clones");
        write!(f, "; {clones} of this manager, {} of others", self.strangers)?;
        let done = [(self.begun, "begun"), (self.marked, "marked"), (self.purged, "purged")];
        let done: Vec<String> =
            done.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if !done.is_empty() {
            write!(f, "; now {}", done.join(", "))?;
        }
        for trouble in &self.troubles {
            write!(f, "; TROUBLE: {trouble}")?;
        }
        Ok(())
    }
}

//! One step of a pool: what is there, what is missing, what goes, and what has to be looked at again.
//!
//! A function of what was observed. It remembers nothing but what [`Memory`] and [`Seen`] carry, and neither is needed for a copy to
//! be counted, made or kept.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::action::Step;
use super::config::SourceConfig;
use super::make::{Begun, Maker, root};
use super::report::{Decided, Report};
use super::retire::{Fate, Retirer};
use super::standing::{self, Standing, State};
use crate::events::{self, Event};
use crate::family::Family;
use crate::limits::Patterns;
use crate::settings::Settings;
use crate::snapshot::{Cluster, ClusterSnapshot, Instance, Phase};
use crate::sweep::cap;

/// Seconds until something that takes minutes is looked at again.
const SOON: u32 = 60;
/// Seconds until something that takes hours is looked at again.
const LATER: u32 = 300;
/// The longest wait: the world is looked at now and then, whatever is known to come.
const LONGEST: u32 = 3_600;

/// The most changes of one step; the next one goes on.
const MOST_STEPS: usize = 100;

/// What is wanted of one pool.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// The source's part of the configuration.
    pub source: &'a SourceConfig,
    /// Identifiers that are never touched.
    pub protect: &'a Patterns,
    /// The operator's own limit of deletions in one run.
    pub max_deletions: Option<u32>,
}

/// What is known of a pool.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// All clusters.
    pub clusters: &'a [Cluster],
    /// The instances of the root and of its copies.
    pub instances: &'a [Instance],
    /// The snapshots of the root that were taken by hand or by us.
    pub snapshots: &'a [ClusterSnapshot],
}

/// What is kept of a pool between two runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Whether `pool-short` was told, and nothing has changed since.
    pub short: bool,
}

/// What earlier steps of the same run did. It travels through the state machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// How many copies this run has begun to delete.
    #[serde(default)]
    pub purged: usize,
    /// What AWS refused, by [`Action::key`](super::action::Action::key), in its words: it is tried again by the next run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, String>,
}

/// What follows a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Look again in so many seconds.
    Wait(u32, String),
    /// Nothing is under way.
    Settled,
}

/// A step of a pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What is done, in this order.
    pub steps: Vec<Step>,
    /// What follows.
    pub next: Next,
    /// What the next step of this run needs to know.
    pub seen: Seen,
    /// What was found, decided and why.
    pub report: Report,
    /// What somebody has to look at. An alarm is raised for it.
    pub troubles: Vec<String>,
    /// Why the pool is short, if it is and nothing that is under way will change that.
    pub short: Option<String>,
    /// What EventBridge is told beside the events of the steps.
    pub events: Vec<Event>,
}

/// Decides the next step of a pool; an error is a configuration that does not fit the account.
pub fn plan(
    policy: &Policy<'_>,
    view: View<'_>,
    memory: &Memory,
    seen: &Seen,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<Plan, String> {
    let config = policy.source;
    let root = root(config, view.clusters, settings)?;
    let family = Family::of(root, view.clusters);
    let standings = standing::look(&family, view.instances, config, settings, now);
    let maker = Maker { view, root, config, settings, now };
    let copies = standings.iter().filter(|s| s.owned.is_some()).count();
    let cap = cap(copies, policy.max_deletions);
    let begun = seen.purged;
    let retirer = Retirer { view, policy, settings, root: &root.identifier, now, cap, begun };
    let retirement = retirer.decide(&standings);

    let mut steps = maker.follow_snapshots();
    steps.extend(standings.iter().filter_map(|standing| maker.tend(standing)));
    let restores = |begun: &&Begun<'_>| !seen.refused.contains_key(&format!("restore {}", begun.copy));
    let mut pending = maker.pending();
    pending.retain(|begun| restores(&begun));
    let mut need = Need::of(&standings, pending.len(), policy, root, settings, now);
    let made = maker.begin(need.begin);
    let mut waits = waits(&standings, &retirement.fates, &pending, now);
    if let (0, Some(why)) = (need.begin, &need.passing) {
        waits.push((SOON, why.clone()));
    }
    steps.extend(made);
    steps.extend(retirement.steps);
    // Whoever asked again every minute would hear the same until the run is given up.
    let refusal = steps.iter().filter(|step| step.action.begins());
    let refusal = refusal.filter_map(|step| seen.refused.get(&step.action.key())).next();
    need.refused(refusal, policy, &root.identifier);
    steps.retain(|step| !seen.refused.contains_key(&step.action.key()));
    steps.truncate(MOST_STEPS);
    if let Some(step) = steps.first() {
        waits.push((SOON, step.why.clone()));
    }
    let troubles: Vec<String> = retirement
        .trouble
        .into_iter()
        .chain(standings.iter().filter_map(trouble))
        .chain(maker.stuck().iter().map(|name| format!("the snapshot {name} is not done after copy-timeout")))
        .chain(seen.refused.values().map(|why| format!("AWS refuses: {why}")))
        .chain(need.short.clone())
        .collect();
    let events = match &need.short {
        Some(why) if !memory.short => {
            let (wanted, free, coming) = (config.target, need.free, need.coming);
            vec![events::pool_short(&settings.manager, root, wanted, free, coming, why)]
        }
        _ => Vec::new(),
    };
    let seen = Seen { purged: begun.saturating_add(retirement.purged), refused: seen.refused.clone() };
    let report = Report::new(&Decided {
        policy,
        family: &family,
        standings: &standings,
        fates: &retirement.fates,
        need: &need,
        steps: &steps,
        troubles: &troubles,
        manager: &settings.manager,
        now,
    });
    let next = soonest(&waits);
    Ok(Plan { steps, next, seen, report, troubles, short: need.short, events })
}

/// How much is missing, and what keeps it from being made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Need {
    /// Slots that Creates can take now.
    pub free: u32,
    /// Slots that are being made.
    pub coming: u32,
    /// How many copies are begun.
    pub begin: u32,
    /// Why fewer are begun than are missing, where that does not pass by itself.
    pub short: Option<String>,
    /// The same, where it passes.
    pub passing: Option<String>,
}

impl Need {
    fn of(
        standings: &[Standing<'_>],
        pending: usize,
        policy: &Policy<'_>,
        root: &Cluster,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Self {
        let config = policy.source;
        let of_copy = standing::slots_per_source(config, settings);
        let pending = u32::try_from(pending).unwrap_or(u32::MAX);
        let of_pending = pending.saturating_mul(of_copy);
        let free: u32 = standings.iter().map(Standing::usable).sum();
        let coming = standings.iter().map(Standing::coming).sum::<u32>().saturating_add(of_pending);
        let lasting = standings.iter().map(Standing::lasting).sum::<u32>().saturating_add(of_pending);
        let need = Self { free, coming, ..Self::default() };
        let missing = config.target.saturating_sub(lasting).div_ceil(of_copy);
        if missing == 0 {
            return need;
        }
        // Every copy of this manager counts, on its way in or out: each is paid for.
        let copies = standings.iter().filter(|s| s.ours).count();
        let copies = u32::try_from(copies).unwrap_or(u32::MAX).saturating_add(pending);
        let (room, bound) = room(config, copies);
        let begin = missing.min(room);
        let lacking = missing - begin;
        // A replacement that can't be begun in time is no lack yet.
        let enough = |begun: u32| {
            free.saturating_add(coming).saturating_add(begun.saturating_mul(of_copy)) >= config.target
        };
        let lack = |because: &str| {
            format!(
                "{} has {free} free slots and {coming} coming, {} are wanted, and {because}",
                root.identifier, config.target
            )
        };
        let short = (lacking > 0 && !enough(begin)).then(|| lack(&bound));
        if begin == 0 {
            return Self { short, ..need };
        }
        if let Some(window) = config.window.as_ref().filter(|window| !window.contains(now)) {
            let opens = crate::duration::format_time(window.opens_next(now));
            // It is left to the run that finds the window open.
            let short = (!enough(0)).then(|| lack(&format!("the window opens at {opens}")));
            return Self { short, ..need };
        }
        match root.status.phase() {
            Phase::Ready => Self { begin, short, ..need },
            Phase::Busy => {
                let why = format!("{} is {}, so no copy of it is begun yet", root.identifier, root.status);
                Self { short, passing: Some(why), ..need }
            }
            Phase::Stuck | Phase::Deleting | Phase::Unknown => {
                let why = format!("no copy of it can be made while it is {}", root.status);
                Self { short: (!enough(0)).then(|| lack(&why)), ..need }
            }
        }
    }
}

impl Need {
    /// AWS refused to begin a copy in this run.
    fn refused(&mut self, why: Option<&String>, policy: &Policy<'_>, root: &str) {
        let Some(why) = why else { return };
        let target = policy.source.target;
        self.begin = 0;
        if self.short.is_none() && self.free.saturating_add(self.coming) < target {
            let (free, coming) = (self.free, self.coming);
            self.short = Some(format!(
                "{root} has {free} free slots and {coming} coming, {target} are wanted, and AWS refuses: {why}"
            ));
        }
    }
}

/// How many more copies there may be, and what bounds them.
fn room(config: &SourceConfig, copies: u32) -> (u32, String) {
    let by_number = config.max_copies.saturating_sub(copies);
    let pays = |more: &u32| {
        config.budget.as_ref().is_none_or(|budget| budget.pays_for(copies + more, &config.prices))
    };
    let by_cost = (1..=by_number).take_while(pays).last().unwrap_or(0);
    let bound = if by_cost < by_number {
        format!("max-monthly-cost pays for no more than {} copies", copies + by_cost)
    } else {
        format!("max-copies is {} and there are {copies}", config.max_copies)
    };
    (by_cost, bound)
}

fn soonest(waits: &[(u32, String)]) -> Next {
    let next = waits.iter().min_by_key(|(seconds, _)| *seconds);
    next.map_or(Next::Settled, |(seconds, why)| Next::Wait((*seconds).min(LONGEST), why.clone()))
}

/// What is under way, and when to look at it again.
fn waits(
    standings: &[Standing<'_>],
    fates: &[Fate],
    pending: &[Begun<'_>],
    now: DateTime<Utc>,
) -> Vec<(u32, String)> {
    let mut waits = Vec::new();
    for (standing, fate) in standings.iter().zip(fates) {
        let name = &standing.cluster.identifier;
        match (&standing.state, fate) {
            (_, Fate::Going(why)) if standing.owned.is_some() => waits.push((SOON, format!("{name}: {why}"))),
            (_, Fate::Waits(due)) => {
                let left = (*due - now).max(Duration::zero()).num_seconds() + 1;
                let left = u32::try_from(left).unwrap_or(LONGEST);
                waits.push((left, format!("{name} was marked, and is purged later")));
            }
            (State::Coming(why), _) => {
                let seconds = if standing.cluster.status.0 == "creating" { LATER } else { SOON };
                waits.push((seconds, format!("{name}: {why}")));
            }
            _ => {}
        }
    }
    if let Some(begun) = pending.first() {
        waits.push((
            LATER,
            format!("the snapshot {} is {}", begun.snapshot.identifier, begun.snapshot.status),
        ));
    }
    waits
}

/// What is the matter with a source.
fn trouble(standing: &Standing<'_>) -> Option<String> {
    let name = &standing.cluster.identifier;
    match &standing.state {
        State::Unusable(why) | State::Broken(why) => {
            let what = if standing.is_root { "the root" } else { "the copy" };
            Some(format!("{what} {name} gives no slots: {why}"))
        }
        State::Retiring(None) => {
            Some(format!("the time in the mark of the copy {name} can't be read or is still to come"))
        }
        _ => None,
    }
}

//! How copies go: marked, left alone for longer than any Create takes, looked at again, purged.
//!
//! The numbers are on the side of the database: whatever is not sure keeps a copy.

use chrono::{DateTime, Duration, Utc};

use super::action::{Action, Step};
use super::config::SourceConfig;
use super::make::living;
use super::plan::{Policy, View};
use super::standing::{Standing, State, max_age};
use crate::duration::for_people;
use crate::events;
use crate::guard::OwnedCopy;
use crate::names::tag;
use crate::settings::Settings;
use crate::snapshot::{Cluster, Phase};

/// Between the mark and the purge: longer than any Create can take. CloudFormation waits for an hour at most, and the state machine
/// of a request runs for less.
pub const GRACE: Duration = Duration::minutes(75);

/// What becomes of one copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Nothing is to be done about it.
    Stays(String),
    /// It is marked now.
    Marked(String),
    /// It was marked, and goes at that moment.
    Waits(DateTime<Utc>),
    /// It is purged now.
    Purged(String),
    /// It was purged, and AWS is at it.
    Going(String),
    /// It would go, but for this.
    Held(String),
}

/// Who decides about removals in one pool.
pub struct Retirer<'r> {
    /// What is known.
    pub view: View<'r>,
    /// What is wanted.
    pub policy: &'r Policy<'r>,
    /// The operator's settings.
    pub settings: &'r Settings,
    /// The root's identifier.
    pub root: &'r str,
    /// Now.
    pub now: DateTime<Utc>,
    /// The most deletions in one run.
    pub cap: usize,
    /// Deletions that this run has begun already.
    pub begun: usize,
}

/// What is decided about all copies of a pool.
#[derive(Debug, Default)]
pub struct Retirement {
    /// One fate for each standing, in the same order.
    pub fates: Vec<Fate>,
    /// What is done.
    pub steps: Vec<Step>,
    /// What somebody has to look at.
    pub trouble: Option<String>,
    /// How many copies begin to be deleted.
    pub purged: usize,
}

impl Retirer<'_> {
    fn config(&self) -> &SourceConfig {
        self.policy.source
    }

    /// Decides. `standings` are all sources of the family.
    pub fn decide(&self, standings: &[Standing<'_>]) -> Retirement {
        let enough = standings.iter().map(Standing::usable).sum::<u32>() >= self.config().target;
        let mut fates: Vec<Fate> = standings.iter().map(|copy| self.fate(copy, enough)).collect();
        self.bound_marks(standings, &mut fates);
        let trouble = self.bound_purges(standings, &mut fates);
        let mut retirement = Retirement { trouble, ..Retirement::default() };
        for (copy, fate) in standings.iter().zip(&fates) {
            let Some(owned) = &copy.owned else { continue };
            match fate {
                Fate::Marked(why) => {
                    let action = Action::Mark { copy: owned.clone(), since: self.now };
                    let why = format!("{} is marked: {why}", copy.cluster.identifier);
                    retirement.steps.push(Step::new(action, why));
                }
                Fate::Purged(why) => {
                    retirement.purged += 1;
                    retirement.steps.extend(self.removal(copy, owned, why));
                }
                // AWS has the instances but not the cluster yet.
                Fate::Going(why) if copy.state != State::Going => {
                    retirement.purged += 1;
                    retirement.steps.extend(self.removal(copy, owned, why));
                }
                _ => {}
            }
        }
        retirement.fates = fates;
        retirement
    }

    fn fate(&self, copy: &Standing<'_>, enough: bool) -> Fate {
        let stays = |why: &str| Fate::Stays(why.to_owned());
        match &copy.state {
            _ if copy.is_root => stays("it is the root"),
            State::NotOurs => stays("it is another manager's, or a stack's"),
            State::Going => Fate::Going("it is being deleted".to_owned()),
            _ if copy.owned.is_none() => {
                let prefix = &self.settings.name_prefix;
                Fate::Stays(format!("its name does not begin with {prefix}, so nothing may be done to it"))
            }
            State::Retiring(since) => self.fate_of_marked(copy, *since, enough),
            state => match self.reason(copy, state) {
                Some(why) => self.fate_of_unwanted(copy, why, enough),
                None => stays(match state {
                    State::Unusable(_) => "somebody has to look at it",
                    State::TooOld => "AWS made it later than its data says",
                    _ => "it is wanted",
                }),
            },
        }
    }

    /// Why a copy is not wanted any more.
    fn reason(&self, copy: &Standing<'_>, state: &State) -> Option<String> {
        match state {
            State::Broken(why) => Some(why.clone()),
            // While it is being made its age says nothing, and what is stuck in that is for a person.
            State::Coming(_) => None,
            State::Unusable(_) if copy.cluster.status.0 == "creating" => None,
            _ if copy.obsolete => {
                let most = for_people(max_age(self.config(), self.settings));
                let age = copy.age.map(for_people);
                let age = age.unwrap_or_else(|| "unknown".to_owned());
                Some(format!("the age of its data is {age}, max-copy-age is {most}"))
            }
            _ => None,
        }
    }

    /// What speaks against taking an unmarked copy away.
    fn fate_of_unwanted(&self, copy: &Standing<'_>, why: String, enough: bool) -> Fate {
        let held = |by: String| Fate::Held(format!("{why}, but {by}"));
        if !self.config().purge {
            return held("purge-obsolete-copies is false".to_owned());
        }
        if let Some(by) = self.hindrance(copy).or_else(|| self.closed()) {
            return held(by);
        }
        // What no Create takes anyway gives nothing.
        let serves = copy.serves && !matches!(copy.state, State::Broken(_));
        if serves && !enough {
            return held("fewer slots are free than are wanted".to_owned());
        }
        Fate::Marked(why)
    }

    fn hindrance(&self, copy: &Standing<'_>) -> Option<String> {
        if let Some(kept) = copy.kept(self.policy) {
            return Some(kept);
        }
        // Also what counts elsewhere, because its tags were changed.
        let name = &copy.cluster.identifier;
        let names_it = |other: &Cluster| {
            other.identifier != *name
                && [tag::SOURCE, tag::CLUSTER].iter().any(|key| other.tag(key) == Some(name))
        };
        let others = self.view.clusters.iter().filter(|other| names_it(other));
        let clones = copy.clones.len().max(others.clone().count());
        if clones > 0 && !self.config().purge_with_clones {
            return Some(format!("it has {clones} clone(s), to which its bytes would move"));
        }
        if copy.clones.iter().copied().chain(others).any(|clone| clone.status.0 == "creating") {
            return Some("a clone of it is being made".to_owned());
        }
        None
    }

    /// Whether the window speaks against beginning something.
    fn closed(&self) -> Option<String> {
        let closed = self.config().window.as_ref().filter(|window| !window.contains(self.now));
        closed.map(|_| "the window is closed".to_owned())
    }

    fn fate_of_marked(&self, copy: &Standing<'_>, since: Option<DateTime<Utc>>, enough: bool) -> Fate {
        let Some(since) = since else {
            return Fate::Held("the time in its mark can't be read or is still to come".to_owned());
        };
        let going = self.view.instances.iter().any(|instance| {
            instance.cluster.as_deref() == Some(&copy.cluster.identifier)
                && instance.status.phase() == Phase::Deleting
        });
        let why = format!("it was marked {} ago", for_people(self.now - since));
        if let Some(by) = copy.kept(self.policy) {
            return Fate::Held(by);
        }
        let due = since + GRACE;
        if self.now < due {
            return Fate::Waits(due);
        }
        if let Some(by) = self.hindrance(copy) {
            return Fate::Held(by);
        }
        // A deletion that has begun is finished.
        if going && living(self.view.instances, copy.cluster).is_empty() {
            return Fate::Going(why);
        }
        if let Some(by) = self.closed() {
            return Fate::Held(by);
        }
        let status = &copy.cluster.status;
        if matches!(status.phase(), Phase::Unknown | Phase::Busy) {
            return Fate::Held(format!("it is {status}"));
        }
        let broken = status.phase() == Phase::Stuck;
        if !enough && copy.serves && !broken {
            return Fate::Held("fewer slots are free than are wanted".to_owned());
        }
        Fate::Purged(why)
    }

    /// No more marks than may be purged: the oldest first, and first of all what is broken.
    fn bound_marks(&self, standings: &[Standing<'_>], fates: &mut [Fate]) {
        // What may not go anyway is in nobody's way, however long it stays marked.
        let marked = standings
            .iter()
            .filter(|copy| matches!(copy.state, State::Retiring(Some(_))) && self.hindrance(copy).is_none());
        let marked = marked.count();
        let mut room = self.cap.saturating_sub(marked).saturating_sub(self.begun);
        let mut order: Vec<usize> =
            (0..fates.len()).filter(|n| matches!(fates[*n], Fate::Marked(_))).collect();
        order.sort_by_key(|n| {
            let copy = &standings[*n];
            (
                !matches!(copy.state, State::Broken(_)),
                std::cmp::Reverse(copy.age),
                copy.cluster.identifier.clone(),
            )
        });
        for n in order {
            if room == 0 {
                let cap = self.cap;
                fates[n] =
                    Fate::Held(format!("a run takes away {cap} copies at most, and the next one goes on"));
            } else {
                room -= 1;
            }
        }
    }

    /// None goes if more are due than may go.
    fn bound_purges(&self, standings: &[Standing<'_>], fates: &mut [Fate]) -> Option<String> {
        // Those whose instances are going already, whoever deleted them, are due as well, and come first.
        let is_going = |n: &usize| matches!(fates[*n], Fate::Going(_)) && standings[*n].state != State::Going;
        let is_purged = |n: &usize| matches!(fates[*n], Fate::Purged(_));
        let all = 0..fates.len();
        let due: Vec<usize> = all.clone().filter(is_going).chain(all.filter(is_purged)).collect();
        let cap = self.cap;
        if due.len() > cap {
            for n in &due {
                fates[*n] =
                    Fate::Held(format!("{} copies are due to be purged, and {cap} may go", due.len()));
            }
            let names: Vec<&str> = due.iter().map(|n| standings[*n].cluster.identifier.as_str()).collect();
            return Some(format!(
                "{} copies of {} are marked and due to be purged, more than the {cap} that a run may take away, so none goes: {}. \
                 Take the mark off those that are to stay, or raise max-deletions-per-run.",
                due.len(),
                self.root,
                names.join(", ")
            ));
        }
        for n in due.into_iter().skip(cap.saturating_sub(self.begun)) {
            fates[n] = Fate::Held(format!("a run takes away {cap} copies at most, and the next one goes on"));
        }
        None
    }

    /// Instances first: AWS refuses to delete a cluster with one that is not `deleting`.
    fn removal(&self, copy: &Standing<'_>, owned: &OwnedCopy, why: &str) -> Vec<Step> {
        let cluster = copy.cluster;
        let why = format!("{} is purged: {why}", cluster.identifier);
        let mut members = living(self.view.instances, cluster);
        members.sort_by_key(|instance| (instance.writer, instance.identifier.clone()));
        let instances = members.into_iter().map(|instance| {
            let instance = instance.identifier.clone();
            let why = format!("the instance {instance} is deleted first: {why}");
            Step::new(Action::DeleteInstance { copy: owned.clone(), instance }, why)
        });
        let event = events::copy_purged(&self.settings.manager, cluster, self.root, &why);
        let last = Step::new(Action::DeleteCopy { copy: owned.clone() }, why.clone()).telling(event);
        instances.chain([last]).collect()
    }
}

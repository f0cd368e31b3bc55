//! Carries the maintainer's plan out from here: the same steps under the same leases as the state machine makes, one after the
//! other, with the waits between them, until nothing is under way.

use std::collections::{BTreeMap, BTreeSet};

use aurora_clone_aws::maintain::run::Run;
use aurora_clone_aws::maintain::{Follows, MaintainError, roots, sweep};
use aurora_clone_aws::observe;
use aurora_clone_core::pool::config::{Maintenance, SourceConfig};
use aurora_clone_core::pool::plan::Seen;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::session::Session;
use crate::surroundings::{Soon, Surroundings};

/// How often a step that AWS did not let us make is made again.
const ATTEMPTS: u32 = 3;
/// Seconds before it is.
const PAUSE: u32 = 30;

/// What there is to do, and with what.
pub struct Work<'a> {
    session: &'a Session,
    maintenance: &'a Maintenance,
    sources: Vec<&'a SourceConfig>,
    /// Whether leases and orphans are looked at as well.
    whole: bool,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nothing is under way any more.
    Settled,
    /// A signal came.
    Interrupted(u8),
}

/// What was done.
#[derive(Debug)]
pub struct Done {
    /// How it ended.
    pub ended: Ended,
    /// What was done, in order: when, for what, what.
    pub steps: Vec<(DateTime<Utc>, String, String)>,
    /// What somebody has to look at, by the last look at each.
    pub troubles: Vec<String>,
    /// What could not be done.
    pub errors: Vec<String>,
}

impl Done {
    /// As scripts read it.
    pub fn json(&self) -> Value {
        let ended = match self.ended {
            Ended::Settled => "settled",
            Ended::Interrupted(_) => "interrupted",
        };
        let steps = self.steps.iter().map(|(at, of, what)| {
            json!({ "at": aurora_clone_core::duration::format_time(*at), "of": of, "step": what })
        });
        json!({
            "ended": ended,
            "steps": steps.collect::<Vec<_>>(),
            "troubles": self.troubles,
            "errors": self.errors,
        })
    }
}

/// One pool, or the sweep, and where it stands.
enum Subject<'a> {
    Pool(&'a SourceConfig, Seen),
    /// The seen of a sweep that has begun; `None` before that.
    Sweep(Option<sweep::Seen>),
}

impl Subject<'_> {
    fn name(&self) -> String {
        match self {
            Self::Pool(source, _) => source.source.clone(),
            Self::Sweep(_) => "leases and orphans".to_owned(),
        }
    }
}

struct Item<'a> {
    subject: Subject<'a>,
    due: DateTime<Utc>,
    /// Steps that failed, one after the other.
    failed: u32,
    /// What was said last, so that nothing is said twice.
    said: String,
}

/// What a step came to.
struct Step {
    follows: Follows,
    steps: Vec<String>,
    troubles: Vec<String>,
}

impl<'a> Work<'a> {
    /// All of the configuration, or one source of it; what the configuration only wants to be shown is left out.
    pub fn new(session: &'a Session, maintenance: &'a Maintenance, only: Option<&str>) -> Self {
        let asked =
            maintenance.sources.iter().filter(|s| !s.dry_run && only.is_none_or(|only| s.source == only));
        Self { session, maintenance, sources: asked.collect(), whole: only.is_none() }
    }

    /// Makes one step after the other.
    pub async fn follow(&self, around: &mut Surroundings) -> Result<Done, Failure> {
        let mut stop = (around.stop)();
        let random = (around.random)();
        let hex: String = random.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        // A run like any other, so that its leases say who holds them.
        let id = format!("command-line-{hex}");
        let now = around.now();
        let item = |subject| Item { subject, due: now, failed: 0, said: String::new() };
        let pools = self.sources.iter().map(|source| item(Subject::Pool(source, Seen::default())));
        let mut open: Vec<Item<'a>> = pools.collect();
        if self.whole {
            open.push(item(Subject::Sweep(None)));
        }
        let (mut steps, mut errors) = (Vec::new(), Vec::new());
        let mut troubles: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut interrupted = None;
        while let Some(next) = (0..open.len()).min_by_key(|index| open[*index].due) {
            if interrupted.is_none() {
                interrupted = wait_until(open[next].due, around, &mut stop).await;
            }
            if interrupted.is_some() {
                break;
            }
            let mut item = open.remove(next);
            let name = item.subject.name();
            // A step that is at work is ended: half a step is what nobody can explain.
            let mut step = Box::pin(self.step(&mut item.subject, &id, self.session.cloud.now()));
            let made = tokio::select! {
                biased;
                made = &mut step => made,
                signal = &mut stop => {
                    interrupted = Some(signal);
                    (&mut step).await
                }
            };
            drop(step);
            match made {
                Ok(step) => {
                    item.failed = 0;
                    for what in step.steps {
                        around.printer.note(&format!("{name}: {what}"))?;
                        steps.push((around.now(), name.clone(), what));
                    }
                    troubles.insert(name.clone(), step.troubles);
                    match step.follows {
                        Follows::Settled => {}
                        Follows::Wait(seconds, why) => {
                            if item.said != why {
                                around.printer.note(&format!("{name}: waiting: {why}"))?;
                                item.said = why;
                            }
                            item.due = around.now() + Duration::seconds(i64::from(seconds));
                            open.insert(next, item);
                        }
                    }
                }
                Err(MaintainError::Call(error)) if error.is_passing() && item.failed + 1 < ATTEMPTS => {
                    item.failed += 1;
                    around.printer.note(&format!("{name}: {error}; it is tried again"))?;
                    item.due = around.now() + Duration::seconds(i64::from(PAUSE));
                    open.insert(next, item);
                }
                Err(error) => {
                    around.printer.note(&format!("{name}: {error}"))?;
                    errors.push(format!("{name}: {error}"));
                }
            }
        }
        let ended = interrupted.map_or(Ended::Settled, Ended::Interrupted);
        if ended == Ended::Settled && self.whole && errors.is_empty() {
            let configured: BTreeSet<String> =
                self.maintenance.sources.iter().map(|source| source.source.clone()).collect();
            if let Err(error) = roots::release_others(&self.session.cloud, &configured).await {
                errors.push(format!("rules: {error}"));
            }
        }
        let troubles = troubles
            .into_iter()
            .flat_map(|(name, of_it)| of_it.into_iter().map(move |trouble| format!("{name}: {trouble}")));
        Ok(Done { ended, steps, troubles: troubles.collect(), errors })
    }

    async fn step(
        &self,
        subject: &mut Subject<'_>,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<Step, MaintainError> {
        let cloud = &self.session.cloud;
        let run = Run { id, now, maintenance: self.maintenance, settings: &self.session.settings };
        let clusters = observe::clusters(cloud).await?;
        Ok(match subject {
            Subject::Pool(source, seen) => {
                let step = run.pool(source, seen.clone());
                let went = Box::pin(step.make(cloud, run.relatives(clusters))).await?;
                *seen = went.seen;
                Step { follows: went.follows, steps: went.report.steps, troubles: went.report.troubles }
            }
            Subject::Sweep(seen) => {
                let went = match seen.clone() {
                    None => {
                        let sweep = run.sweep(true, sweep::Seen::default());
                        Box::pin(sweep.make(cloud, run.relatives(clusters))).await?
                    }
                    // All clusters: what a follow-up does not find is taken for gone.
                    Some(seen) => Box::pin(run.sweep(false, seen).follow(cloud, clusters)).await?,
                };
                *seen = Some(went.seen);
                Step { follows: went.follows, steps: went.shown.steps, troubles: went.shown.troubles }
            }
        })
    }
}

/// Waits, unless a signal comes.
async fn wait_until(due: DateTime<Utc>, around: &Surroundings, stop: &mut Soon<u8>) -> Option<u8> {
    let left = (due - around.now()).to_std().unwrap_or_default();
    tokio::select! {
        biased;
        signal = stop => Some(signal),
        () = tokio::time::sleep(left) => None,
    }
}

//! One step of the sweep: leases that are over and what no stack owns any more.

use std::collections::BTreeMap;

use aurora_clone_core::events::Event;
use aurora_clone_core::plan::Action;
use aurora_clone_core::pool::config::Maintenance;
use aurora_clone_core::settings::Settings;
use aurora_clone_core::snapshot::{Cluster, Instance, KeyState, SecretState};
use aurora_clone_core::sweep::check::{check, check_actions, check_followed};
use aurora_clone_core::sweep::follow::{Followed, Sight, follow};
use aurora_clone_core::sweep::{
    self, Finding, Heard, Kind, Plan, Removing, Rules, View, Why, Word, lease, orphan,
};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::{Follows, MaintainError, trust_time};
use crate::cloud::{CallError, Cloud};
use crate::execute::{self, Outcome};
use crate::lock::Lock;
use crate::{cloudformation, events, incarnations, keys, observe, orphans, removals, secrets};

/// The lease of the sweep. No root can be called that.
const LEASE: &str = "maintenance/sweep";
/// Seconds between two looks at a deletion.
const SOON: u32 = 30;
/// Seconds until the lease of another sweep is tried again.
const LOCKED: u32 = 15;

/// What a sweep is about.
#[derive(Debug, Clone)]
pub struct Sweep<'a> {
    /// The configuration.
    pub maintenance: &'a Maintenance,
    /// The operator's settings.
    pub settings: &'a Settings,
    /// Who holds the lease: the run.
    pub run: &'a str,
    /// Now.
    pub now: DateTime<Utc>,
    /// Whether CloudFormation is asked about every resource, and not only about those whose stack it does not list.
    pub whole: bool,
    /// What earlier steps of the run began.
    pub seen: Seen,
}

/// What earlier steps of a run began. It travels through the state machine and holds no secret, and proves nothing: the table does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// What goes, and has to be followed.
    #[serde(default)]
    pub removing: Vec<Removing>,
}

/// What people are told of a sweep.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// What was found.
    pub findings: Vec<Finding>,
    /// What somebody has to look at.
    pub troubles: Vec<String>,
    /// What is done, one line each.
    pub steps: Vec<String>,
    /// How many databases began to go.
    pub deletions: usize,
    /// How many orphans are known.
    pub orphans: usize,
}

/// What came of a step.
#[derive(Debug, Clone)]
pub struct Went {
    /// What people are told.
    pub shown: Shown,
    /// What follows.
    pub follows: Follows,
    /// What the next step needs to know.
    pub seen: Seen,
}

/// What was observed for a sweep, and heard from CloudFormation.
struct Observed {
    clusters: Vec<Cluster>,
    instances: Vec<Instance>,
    secrets: Vec<SecretState>,
    keys: Vec<(String, KeyState)>,
    living: Option<std::collections::BTreeSet<String>>,
}

impl Observed {
    fn view(&self) -> View<'_> {
        View {
            clusters: &self.clusters,
            instances: &self.instances,
            secrets: &self.secrets,
            keys: &self.keys,
            living: self.living.as_ref(),
        }
    }
}

impl<'a> Sweep<'a> {
    fn rules(&self) -> Rules<'a> {
        let of_root = self.maintenance.sources.iter();
        Rules {
            protect: &self.maintenance.protect,
            of_root: of_root.map(|s| (s.source.as_str(), &s.protect, s.max_lifetime)).collect(),
            lease_warning: self.maintenance.lease_warning,
            max_deletions: self.maintenance.max_deletions,
        }
    }

    /// Plans without doing anything; `clusters` are all of the account. Never needs clients that can write.
    pub async fn look(&self, cloud: &Cloud, clusters: Vec<Cluster>) -> Result<Shown, MaintainError> {
        let (_, _, plan) = self.plan(cloud, clusters).await?;
        Ok(shown(&plan))
    }

    /// Makes the first step. `clusters` are all of the account, as they were read just now.
    pub async fn make(&self, cloud: &Cloud, clusters: Vec<Cluster>) -> Result<Went, MaintainError> {
        let (_, _, plan) = self.plan(cloud, clusters).await?;
        let nothing = plan.actions.is_empty() && plan.remember.is_empty() && plan.forget.is_empty();
        if nothing && plan.events.is_empty() && plan.removing.is_empty() {
            return Ok(Went { shown: shown(&plan), follows: Follows::Settled, seen: Seen::default() });
        }
        // Two sweeps at once would each take as much as one may.
        let Some(lock) = Lock::acquire(cloud, LEASE, self.run).await? else {
            info!("another sweep is at work, and this one leaves it to that");
            return Ok(Went { shown: shown(&plan), follows: Follows::Settled, seen: Seen::default() });
        };
        let result = Box::pin(self.make_under_lock(cloud, &lock)).await;
        if let Err(error) = lock.release(cloud).await {
            warn!(%error, "the lease could not be given back");
        }
        result
    }

    async fn make_under_lock(&self, cloud: &Cloud, lock: &Lock) -> Result<Went, MaintainError> {
        let (observed, heard, plan) = self.plan(cloud, observe::clusters(cloud).await?).await?;
        check(&plan, &observed.view(), &heard, self.settings, &self.rules(), self.now)?;
        // In this order: who dies in between has told something twice, and nothing goes untold. A warning that did not arrive is none.
        events::put(cloud, &plan.events).await?;
        for memory in &plan.remember {
            orphans::remember(cloud, memory).await?;
        }
        for key in &plan.forget {
            orphans::forget(cloud, key).await?;
        }
        for removing in &plan.removing {
            removals::begin(cloud, removing, self.now).await?;
        }
        let mut shown = shown(&plan);
        shown.troubles.extend(self.execute(cloud, lock, &plan.actions).await?);
        let seen = Seen { removing: plan.removing };
        Ok(Went { shown, follows: follows(&seen), seen })
    }

    /// Makes a later step: what goes already, until AWS has taken all of it.
    pub async fn follow(&self, cloud: &Cloud, clusters: Vec<Cluster>) -> Result<Went, MaintainError> {
        trust_time(cloud, self.now)?;
        let Some(lock) = Lock::acquire(cloud, LEASE, self.run).await? else {
            let follows = Follows::Wait(LOCKED, "another sweep is at work".to_owned());
            return Ok(Went { shown: Shown::default(), follows, seen: self.seen.clone() });
        };
        let result = Box::pin(self.follow_under_lock(cloud, &lock, clusters)).await;
        if let Err(error) = lock.release(cloud).await {
            warn!(%error, "the lease could not be given back");
        }
        result
    }

    async fn follow_under_lock(
        &self,
        cloud: &Cloud,
        lock: &Lock,
        clusters: Vec<Cluster>,
    ) -> Result<Went, MaintainError> {
        let (mut shown, mut seen) = (Shown::default(), Seen::default());
        for removing in &self.seen.removing {
            let begun = removals::begun(cloud, removing).await?;
            // By its immutable id: a clone that somebody renamed meanwhile keeps its password.
            let is_it = |cluster: &&Cluster| Some(&cluster.resource_id) == removing.resource_id.as_ref();
            let cluster = clusters.iter().find(is_it);
            let instances = match cluster {
                Some(cluster) => observe::instances(cloud, &[cluster]).await?,
                None => Vec::new(),
            };
            let secret = match &removing.secret {
                Some(name) => secrets::observe(cloud, name).await?,
                None => None,
            };
            let key = match &removing.key {
                Some(alias) => keys::observe(cloud, alias).await?,
                None => None,
            };
            let (secret_seen, key_seen) = (secret.as_ref(), key.as_ref());
            let sight = Sight { begun, cluster, instances: &instances, secret: secret_seen, key: key_seen };
            match follow(removing, sight, self.settings, &self.rules(), self.now) {
                Followed::Done => {
                    self.forget(cloud, removing).await?;
                    removals::end(cloud, removing).await?;
                    info!(cluster = removing.name(), "AWS has taken all of it");
                }
                Followed::Stopped(why) => {
                    if begun.is_some() {
                        removals::end(cloud, removing).await?;
                    }
                    shown.findings.push(Finding {
                        kind: Kind::Cluster,
                        name: removing.name().to_owned(),
                        owner: None,
                        what: "goes no longer",
                        why,
                    });
                }
                Followed::Again(actions, next) => {
                    let of_it = secret.into_iter().collect::<Vec<_>>();
                    let key = removing.key.clone().zip(key).into_iter().collect::<Vec<_>>();
                    let view = View {
                        clusters: &clusters,
                        instances: &instances,
                        secrets: &of_it,
                        keys: &key,
                        living: None,
                    };
                    check_followed(&actions, removing, begun, &view, self.settings, self.now)?;
                    shown.troubles.extend(self.execute(cloud, lock, &actions).await?);
                    seen.removing.push(*next);
                }
            }
        }
        Ok(Went { shown, follows: follows(&seen), seen })
    }

    /// What is recorded of an orphan is of no use any more. That of a clone whose lease was over is its stack's, whose Delete looks
    /// for what is left.
    async fn forget(&self, cloud: &Cloud, removing: &Removing) -> Result<(), CallError> {
        if removing.why != Why::Orphan {
            return Ok(());
        }
        let resource = removing.resource_key();
        let records = incarnations::load(cloud, &resource).await?;
        let last = records.iter().all(|record| record.generation == removing.generation);
        let of_it = records.into_iter().map(|record| record.generation);
        let of_it: Vec<String> = of_it.filter(|generation| *generation == removing.generation).collect();
        incarnations::forget(cloud, &resource, &of_it, last).await
    }

    /// Gives a clone a later end; the inner error says why it can't have one.
    pub async fn renew(
        &self,
        cloud: &Cloud,
        identifier: &str,
        lasting: Duration,
    ) -> Result<Result<DateTime<Utc>, String>, MaintainError> {
        let found = observe::cluster(cloud, identifier).await?;
        trust_time(cloud, self.now)?;
        let Some(cluster) = found else {
            return Ok(Err(format!("there is no Aurora cluster {identifier:?} in this account and region")));
        };
        let renewed = lease::renew(&cluster, lasting, self.settings, &self.rules(), self.now);
        let (action, end) = match renewed {
            Ok(renewed) => renewed,
            Err(why) => return Ok(Err(why)),
        };
        let clusters = [cluster];
        let view = View { clusters: &clusters, instances: &[], secrets: &[], keys: &[], living: None };
        check_actions(std::slice::from_ref(&action), &view, self.settings)?;
        Ok(match Box::pin(execute::run(cloud, &action)).await? {
            Outcome::Done => Ok(end),
            Outcome::NotYet(why) | Outcome::Refused(why) => Err(format!("AWS does not take it: {why}")),
        })
    }

    /// Does one thing after the other. What AWS refuses is returned, and keeps nothing else from being done.
    async fn execute(
        &self,
        cloud: &Cloud,
        lock: &Lock,
        actions: &[Action],
    ) -> Result<Vec<String>, MaintainError> {
        let mut refused = Vec::new();
        for action in actions {
            if !lock.outlasts_a_call(cloud.now()) {
                info!("the lease is nearly over, and the next step goes on");
                break;
            }
            let outcome = Box::pin(execute::run(cloud, action)).await?;
            info!(?action, ?outcome, "executed");
            if let Outcome::Refused(why) = outcome {
                refused.push(format!("AWS refuses: {why}"));
            }
        }
        Ok(refused)
    }

    async fn plan(
        &self,
        cloud: &Cloud,
        clusters: Vec<Cluster>,
    ) -> Result<(Observed, Heard, Plan), MaintainError> {
        trust_time(cloud, self.now)?;
        let clones: Vec<&Cluster> = sweep::clones(&clusters, self.settings);
        let instances = observe::instances(cloud, &clones).await?;
        let observed = Observed {
            secrets: secrets::list(cloud, &self.settings.secret_prefix, &self.settings.manager).await?,
            keys: keys::list(cloud).await?,
            living: match self.whole {
                true => None,
                false => Some(cloudformation::living_stacks(cloud).await?),
            },
            instances,
            clusters,
        };
        let heard = self.hear(cloud, &observed.view()).await?;
        let plan = sweep::plan(&observed.view(), &heard, self.settings, &self.rules(), self.now);
        Ok((observed, heard, plan))
    }

    /// CloudFormation's word about every suspect, and what is remembered of earlier words. That it has none is a word as well.
    async fn hear(&self, cloud: &Cloud, view: &View<'_>) -> Result<Heard, CallError> {
        let (mut words, mut since) = (BTreeMap::new(), BTreeMap::new());
        for suspect in orphan::suspects(view, self.settings) {
            let word =
                cloudformation::word(cloud, suspect.stack_id, suspect.logical_id, &suspect.exposed()).await;
            let word = word.unwrap_or_else(|error| Word::Unknown(error.to_string()));
            words.insert(suspect.key(), word);
            for key in suspect.memories() {
                if let Some(first) = orphans::first_seen(cloud, &key).await? {
                    since.insert(key, first);
                }
            }
        }
        Ok(Heard { words, since })
    }
}

fn follows(seen: &Seen) -> Follows {
    match seen.removing.len() {
        0 => Follows::Settled,
        number => Follows::Wait(SOON, format!("{number} databases are being taken away")),
    }
}

/// What begins to go, and why.
fn goes(removing: &Removing) -> String {
    let why = match removing.why {
        Why::Lease => "its lease is over",
        Why::Orphan => "no stack owns it any more",
    };
    format!("{} is taken away: {why}", removing.name())
}

fn told(event: &Event) -> String {
    format!("{} is told of {}", event.detail_type, event.resources.join(", "))
}

fn shown(plan: &Plan) -> Shown {
    Shown {
        findings: plan.findings.clone(),
        troubles: plan.troubles.clone(),
        steps: plan.removing.iter().map(goes).chain(plan.events.iter().map(told)).collect(),
        deletions: plan.removing.len(),
        orphans: plan.findings.iter().filter(|finding| finding.what.contains("orphan")).count(),
    }
}

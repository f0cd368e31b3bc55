//! One step of one pool.

use std::collections::HashMap;

use aurora_clone_core::events::Event;
use aurora_clone_core::family::Family;
use aurora_clone_core::pool::action::{Action, Step as PlannedStep};
use aurora_clone_core::pool::check::check;
use aurora_clone_core::pool::plan::{self, Memory, Next, Plan, Policy, Seen, View};
use aurora_clone_core::pool::report::Report;
use aurora_clone_core::relatives::relatives;
use aurora_clone_core::rules::Rules;
use aurora_clone_core::settings::Settings;
use aurora_clone_core::snapshot::{Cluster, ClusterSnapshot, Instance};
use chrono::{DateTime, Utc};
use tracing::{info, warn};

use super::{Follows, MaintainError, roots, trust_time};
use crate::cloud::{CallError, Cloud};
use crate::execute::{self, Outcome};
use crate::lock::Lock;
use crate::table::{get, key, read, text};
use crate::{events, observe, rules};

/// Seconds until a lease that a Create holds is tried again.
const LOCKED: u32 = 15;

/// The most characters of AWS's words that travel from step to step.
const MOST_WORDS: usize = 600;

/// What a step of a pool is about.
#[derive(Debug, Clone)]
pub struct Step<'a> {
    /// What is wanted.
    pub policy: Policy<'a>,
    /// The operator's settings.
    pub settings: &'a Settings,
    /// Who holds the lease: the run.
    pub run: &'a str,
    /// Now.
    pub now: DateTime<Utc>,
    /// What earlier steps of the run did.
    pub seen: Seen,
}

/// What came of a step.
#[derive(Debug, Clone)]
pub struct Went {
    /// What was found and decided. Of two plans the later one's.
    pub report: Report,
    /// What follows.
    pub follows: Follows,
    /// What the next step needs to know.
    pub seen: Seen,
    /// What AWS refused. It is among the report's troubles as well.
    pub refused: Vec<String>,
}

/// What was observed of a pool.
struct Observed {
    clusters: Vec<Cluster>,
    instances: Vec<Instance>,
    snapshots: Vec<ClusterSnapshot>,
    memory: Memory,
}

impl Observed {
    fn view(&self) -> View<'_> {
        View { clusters: &self.clusters, instances: &self.instances, snapshots: &self.snapshots }
    }
}

impl Observed {
    /// Whether what AWS does not take yet it will hardly take later: the deletion of a snapshot that is no good one.
    fn is_hopeless(&self, action: &Action) -> bool {
        let Action::DeleteSnapshot(owned) = action else { return false };
        let is_it = |snapshot: &&ClusterSnapshot| snapshot.identifier == owned.identifier();
        self.snapshots.iter().find(is_it).is_some_and(|snapshot| !snapshot.status.is_ready())
    }
}

impl Went {
    /// AWS refuses a step: the run tells it, and does not ask again.
    fn refuse(&mut self, step: &PlannedStep, why: &str) {
        let words: String = format!("{why} ({})", step.why).chars().take(MOST_WORDS).collect();
        let told = format!("AWS refuses: {words}");
        self.report.troubles.push(told.clone());
        self.refused.push(told);
        self.seen.refused.insert(step.action.key(), words);
    }
}

impl Step<'_> {
    fn root(&self) -> &str {
        &self.policy.source.source
    }

    /// Plans without doing anything; `clusters` are all of the account. Never needs clients that can write.
    pub async fn look(&self, cloud: &Cloud, clusters: Vec<Cluster>) -> Result<Plan, MaintainError> {
        let observed = self.observe(cloud, clusters).await?;
        self.plan(&observed)
    }

    /// Makes the step. `clusters` are all of the account, as they were read just now.
    pub async fn make(&self, cloud: &Cloud, clusters: Vec<Cluster>) -> Result<Went, MaintainError> {
        let observed = self.observe(cloud, clusters).await?;
        let plan = self.plan(&observed)?;
        let new_rules = !self.are_published(cloud).await;
        if plan.steps.is_empty() && plan.short.is_some() == observed.memory.short && !new_rules {
            return Ok(self.went(plan));
        }
        let Some(lock) = Lock::acquire(cloud, self.root(), self.run).await? else {
            let follows = Follows::Wait(LOCKED, "somebody else has the lease of the root".to_owned());
            return Ok(Went { report: plan.report, follows, seen: self.seen.clone(), refused: Vec::new() });
        };
        let result = Box::pin(self.make_under_lock(cloud, &lock)).await;
        // A lease that can't be given back ends by itself, and what was done was done.
        if let Err(error) = lock.release(cloud).await {
            warn!(%error, "the lease could not be given back");
        }
        result
    }

    /// The world as it is now, since the lease is held: nobody chooses, deletes or purges in this family meanwhile.
    async fn make_under_lock(&self, cloud: &Cloud, lock: &Lock) -> Result<Went, MaintainError> {
        let clusters = relatives(observe::clusters(cloud).await?, &[self.root()], self.settings);
        let observed = self.observe(cloud, clusters).await?;
        let plan = self.plan(&observed)?;
        check(&plan, &self.policy, observed.view(), self.settings, self.now)?;
        if !self.are_published(cloud).await {
            roots::note(cloud, self.root()).await?;
            rules::publish(cloud, self.root(), &self.rules()).await?;
        }
        let mut went = self.went(plan.clone());
        let mut refused = false;
        for step in &plan.steps {
            if !lock.outlasts_a_call(cloud.now()) {
                went.follows = Follows::Wait(1, "the lease is nearly over".to_owned());
                return Ok(went);
            }
            let outcome = Box::pin(execute::pool::run(cloud, &step.action)).await?;
            info!(source = self.root(), action = ?step.action, why = step.why, ?outcome, "executed");
            match outcome {
                Outcome::Done => {
                    if let Some(event) = &step.tell {
                        tell(cloud, std::slice::from_ref(event)).await;
                    }
                }
                Outcome::NotYet(why) if observed.is_hopeless(&step.action) => went.refuse(step, &why),
                Outcome::NotYet(why) => went.follows = sooner(went.follows, 30, why),
                // One copy's trouble keeps no other copy waiting.
                Outcome::Refused(why) => {
                    refused |= step.action.begins();
                    went.refuse(step, &why);
                }
            }
        }
        // Whether the pool is short by a refusal is the next step's to say.
        if plan.short.is_some() != observed.memory.short && !refused {
            // What did not arrive is told by the next step.
            if tell(cloud, &plan.events).await {
                remember(cloud, self.root(), &Memory { short: plan.short.is_some() }).await?;
            }
        }
        Ok(went)
    }

    fn went(&self, plan: Plan) -> Went {
        Went { report: plan.report, follows: follows(plan.next), seen: plan.seen, refused: Vec::new() }
    }

    fn plan(&self, observed: &Observed) -> Result<Plan, MaintainError> {
        let view = observed.view();
        plan::plan(&self.policy, view, &observed.memory, &self.seen, self.settings, self.now)
            .map_err(MaintainError::Unfit)
    }

    /// Also where nothing would be done: a clock that is behind hides what is due, and nobody would hear of it.
    async fn observe(&self, cloud: &Cloud, clusters: Vec<Cluster>) -> Result<Observed, MaintainError> {
        trust_time(cloud, self.now)?;
        let root = clusters.iter().find(|cluster| cluster.identifier == self.root());
        let (mut instances, mut snapshots, mut memory) = (Vec::new(), Vec::new(), Memory::default());
        if let Some(root) = root {
            let sources: Vec<&Cluster> = Family::of(root, &clusters).sources().collect();
            instances = observe::instances(cloud, &sources).await?;
            snapshots = observe::cluster_snapshots(cloud, self.root()).await?;
            memory = recall(cloud, self.root()).await?;
        }
        Ok(Observed { clusters, instances, snapshots, memory })
    }

    /// What Creates have to know of the configuration.
    fn rules(&self) -> Rules {
        Rules::of(self.policy.source, self.settings)
    }

    /// Whether Creates know the rules already. Where that can't be read, publishing them says what is wrong.
    async fn are_published(&self, cloud: &Cloud) -> bool {
        rules::load(cloud, self.root()).await.is_ok_and(|rules| rules == self.rules())
    }
}

fn follows(next: Next) -> Follows {
    match next {
        Next::Wait(seconds, why) => Follows::Wait(seconds, why),
        Next::Settled => Follows::Settled,
    }
}

/// The nearer of two looks.
fn sooner(follows: Follows, seconds: u32, why: String) -> Follows {
    match follows {
        Follows::Wait(other, because) if other <= seconds => Follows::Wait(other, because),
        Follows::Wait(..) | Follows::Settled => Follows::Wait(seconds, why),
    }
}

/// An event that is lost stops nothing; it is in the log as well. Returns whether it arrived.
async fn tell(cloud: &Cloud, told: &[Event]) -> bool {
    let result = events::put(cloud, told).await;
    result.inspect_err(|error| warn!(%error, ?told, "EventBridge could not be told")).is_ok()
}

fn id(root: &str) -> String {
    format!("pool#{root}")
}

async fn recall(cloud: &Cloud, root: &str) -> Result<Memory, CallError> {
    let item = read(cloud, &id(root)).await?;
    Ok(Memory { short: item.is_some_and(|item| get(&item, "short") == Some("true")) })
}

async fn remember(cloud: &Cloud, root: &str, memory: &Memory) -> Result<(), CallError> {
    let item: HashMap<_, _> = key(&id(root));
    let call = cloud.dynamodb.put_item().table_name(&cloud.table).set_item(Some(item));
    let call = call.item("short", text(memory.short.to_string()));
    call.send().await.map(drop).map_err(|error| CallError::new("PutItem", error))
}

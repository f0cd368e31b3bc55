//! One step of a request: observe, plan, check, execute, and say what follows.
//!
//! It is level-triggered: it looks at what exists now and does the next thing. A crash, a lost reply, a retry or a
//! duplicate is only another observation.

use aurora_clone_core::arn::{self, Place};
use aurora_clone_core::check::{self, Violation};
use aurora_clone_core::create;
use aurora_clone_core::delete::{self, Unwanted};
use aurora_clone_core::duration::for_people;
use aurora_clone_core::event::RequestType;
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::{Decision, Next, Plan, Seen};
use aurora_clone_core::properties::{Properties, describe, service_timeout, source_leniently};
use aurora_clone_core::request::{Request, Wanted};
use aurora_clone_core::settings::Settings;
use aurora_clone_core::slots;
use aurora_clone_core::snapshot::{Cluster, Instance};
use aurora_clone_core::update;
use chrono::{DateTime, Duration, Utc};
use thiserror::Error;
use tracing::info;

use crate::cloud::{CallError, Cloud};
use crate::cloudformation::{self, Word};
use crate::execute::{self, Outcome};
use crate::lock::{self, Lock};
use crate::observe;
use crate::requests::{self, Stored};

/// What is kept of CloudFormation's patience for answering, and for answering again.
const RESERVE: Duration = Duration::seconds(120);
/// Seconds until a lease that another request holds is tried again.
const LOCKED: u32 = 5;

/// A step that could not be made. It changes nothing to make it again.
#[derive(Debug, Error)]
pub enum StepError {
    /// AWS did not let us.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The plan was not carried out.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// Nobody knows the request.
    #[error("the request {0} is not in the table")]
    UnknownRequest(String),
}

/// When a step is made, and what earlier ones saw.
#[derive(Debug, Clone)]
pub struct Moment {
    /// Now, by the state machine's clock.
    pub now: DateTime<Utc>,
    /// When the state machine started.
    pub started: DateTime<Utc>,
    /// What earlier steps saw.
    pub seen: Seen,
}

/// What a step leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Advance {
    /// Look again in so many seconds.
    Wait(u32, Seen),
    /// There is a decision.
    Decide(Decision),
}

/// Makes one step of a request that is not decided yet.
pub async fn advance(
    cloud: &Cloud,
    settings: &Settings,
    key: &str,
    stored: &Stored,
    moment: &Moment,
) -> Result<Advance, StepError> {
    let request = &stored.request;
    let place = Place::of_stack(&request.stack_id)
        .map_err(|error| CallError::nonsense("GetItem", error.to_string()))?;
    let step = Step { cloud, settings, key, stored, moment, deadline: deadline(stored, moment) };
    match request.kind {
        Some(RequestType::Create) => match step.wanted(place) {
            Ok(wanted) => step.create(&wanted).await,
            Err(decision) => Ok(Advance::Decide(*decision)),
        },
        Some(RequestType::Update) => match step.wanted(place) {
            Ok(wanted) => step.update(&wanted).await,
            Err(decision) => Ok(Advance::Decide(*decision)),
        },
        Some(RequestType::Delete) => step.delete().await,
        None => {
            Ok(Advance::Decide(Decision::failed(request.rejected_id(), "The request has no known type.")))
        }
    }
}

/// When the decision must be made, from the moment that CloudFormation began to wait.
fn deadline(stored: &Stored, moment: &Moment) -> DateTime<Utc> {
    let hour = Duration::hours(1);
    let issued =
        stored.response_url.issued_at().filter(|at| (moment.started - hour..moment.started).contains(at));
    let patience = service_timeout(&stored.request.properties);
    // A Delete may have to live with less patience than a Create is given: with a ServiceTimeout for which that one was
    // refused.
    issued.unwrap_or(moment.started) + patience - RESERVE.min(patience / 2)
}

struct Step<'a> {
    cloud: &'a Cloud,
    settings: &'a Settings,
    key: &'a str,
    stored: &'a Stored,
    moment: &'a Moment,
    deadline: DateTime<Utc>,
}

impl Step<'_> {
    fn request(&self) -> &Request {
        &self.stored.request
    }

    fn wanted(&self, place: Place) -> Result<Wanted, Box<Decision>> {
        let request = self.request();
        match Properties::parse(&request.properties, &place, self.settings) {
            Ok(properties) => Ok(Wanted::new(request, self.stored.fence, place, properties, self.settings)),
            Err(problems) => {
                let id = request.physical_id.clone().unwrap_or_else(|| request.rejected_id());
                Err(Box::new(Decision::failed(id, describe(&problems))))
            }
        }
    }

    async fn create(&self, wanted: &Wanted) -> Result<Advance, StepError> {
        let own = observe::cluster(self.cloud, &wanted.identifier).await?;
        if own.is_none() && self.moment.seen.cluster.is_none() {
            return self.choose(wanted).await;
        }
        let mut instances = Vec::new();
        if let Some(cluster) = &own {
            // A step that died after the restore may have left the lease behind; the restore is seen, so it is over.
            if let Some(root) = cluster.tag(tag::ROOT).filter(|_| self.moment.seen.cluster.is_none()) {
                lock::release_if_held(self.cloud, root, self.key).await?;
            }
            instances = observe::instances(self.cloud, &[cluster]).await?;
        }
        let (seen, now) = (&self.moment.seen, self.moment.now);
        let plan = create::follow(wanted, own.as_ref(), &instances, seen, self.settings, now);
        if !plan.actions.is_empty()
            && let Some(cancelled) = self.cancelled(wanted).await?
        {
            return Ok(Advance::Decide(cancelled));
        }
        self.carry_out(plan, &own.into_iter().collect::<Vec<_>>(), &instances, Some(wanted)).await
    }

    /// Chooses a source and restores from it, under the root's lease, which is kept until the new cluster is seen.
    async fn choose(&self, wanted: &Wanted) -> Result<Advance, StepError> {
        let source = observe::cluster(self.cloud, &wanted.properties.source).await?;
        let root = source.as_ref().map_or(wanted.properties.source.as_str(), create::root_identifier);
        let Some(lock) = Lock::acquire(self.cloud, root, self.key).await? else {
            let plan = Plan::wait(LOCKED, "another request is choosing a slot", self.moment.seen.clone());
            return self.carry_out(plan, &[], &[], Some(wanted)).await;
        };
        if let Some(cancelled) = self.cancelled(wanted).await? {
            lock.release(self.cloud).await?;
            return Ok(Advance::Decide(cancelled));
        }
        let clusters = observe::clusters(self.cloud).await?;
        let source = clusters.iter().find(|cluster| cluster.identifier == wanted.properties.source);
        if source.is_some_and(|source| create::root_identifier(source) != root) {
            // The listing knows more than the first look did: this is not the lease of the family's root.
            lock.release(self.cloud).await?;
            let plan =
                Plan::wait(1, "the source is of another family than it seemed", self.moment.seen.clone());
            return self.carry_out(plan, &[], &[], Some(wanted)).await;
        }
        let plan = create::choose(wanted, &clusters, self.settings, self.moment.now);
        info!(request = self.key, verdicts = slots::report(&plan.verdicts), "slots");
        let restores = !plan.actions.is_empty();
        if restores && !lock.outlasts_a_call(self.cloud.now()) {
            let plan = Plan::wait(1, "the lease is nearly over", self.moment.seen.clone());
            return self.carry_out(plan, &[], &[], Some(wanted)).await;
        }
        let advance = self.carry_out(plan, &clusters, &[], Some(wanted)).await?;
        let in_flight = restores && matches!(advance, Advance::Wait(..));
        if !in_flight || observe::cluster(self.cloud, &wanted.identifier).await?.is_some() {
            lock.release(self.cloud).await?;
        }
        Ok(advance)
    }

    /// The decision if the Create is not wanted any more: a Delete came, or CloudFormation says so.
    async fn cancelled(&self, wanted: &Wanted) -> Result<Option<Decision>, StepError> {
        let request = self.request();
        let latest_delete = requests::fence(self.cloud, request).await?;
        let reason = if latest_delete > self.stored.fence {
            "a Delete of this resource came".to_owned()
        } else {
            match cloudformation::ask(self.cloud, &request.stack_id, &request.logical_id).await? {
                Word::Wanted => return Ok(None),
                Word::NotWanted(reason) => reason,
            }
        };
        Ok(Some(Decision::failed(wanted.arn(), format!("The creation was cancelled: {reason}."))))
    }

    async fn update(&self, wanted: &Wanted) -> Result<Advance, StepError> {
        let physical_id = self.physical_id();
        let cluster = match arn::cluster(&physical_id) {
            Some((_, identifier)) => observe::cluster(self.cloud, identifier).await?,
            None => None,
        };
        let instances = match &cluster {
            Some(cluster) => observe::instances(self.cloud, &[cluster]).await?,
            None => Vec::new(),
        };
        let plan = update::plan(wanted, &physical_id, cluster.as_ref(), &instances, self.settings);
        self.carry_out(plan, &[], &[], None).await
    }

    async fn delete(&self) -> Result<Advance, StepError> {
        let request = self.request();
        // From here on no Create of this resource begins anything new.
        let fence = requests::raise_fence(self.cloud, self.key, request).await?;
        // One that has begun holds the lease of its root; having had the lease once means that it is over, or seen.
        let source = match source_leniently(&request.properties) {
            Some(identifier) => observe::cluster(self.cloud, &identifier).await?,
            None => None,
        };
        let lock = match &source {
            Some(source) => {
                let root = create::root_identifier(source);
                let Some(lock) = Lock::acquire(self.cloud, root, self.key).await? else {
                    let plan =
                        Plan::wait(LOCKED, "another request is choosing a slot", self.moment.seen.clone());
                    return self.carry_out(plan, &[], &[], None).await;
                };
                Some(lock)
            }
            None => None,
        };
        let clusters = observe::clusters(self.cloud).await?;
        let unwanted =
            Unwanted { owner: request.owner(self.settings), physical_id: self.physical_id(), fence };
        let targets = unwanted.targets(&clusters, self.settings);
        let targets: Vec<&Cluster> = targets.iter().map(|(cluster, _)| *cluster).collect();
        let instances =
            if targets.is_empty() { Vec::new() } else { observe::instances(self.cloud, &targets).await? };
        let (seen, now) = (&self.moment.seen, self.moment.now);
        let plan = delete::plan(&unwanted, &clusters, &instances, seen, self.settings, now);
        let advance = self.carry_out(plan, &clusters, &instances, None).await?;
        if let Some(lock) = lock {
            lock.release(self.cloud).await?;
        }
        Ok(advance)
    }

    fn physical_id(&self) -> String {
        let request = self.request();
        request.physical_id.clone().unwrap_or_else(|| request.rejected_id())
    }

    /// Checks a plan and carries it out; past the deadline, decides instead.
    async fn carry_out(
        &self,
        plan: Plan,
        clusters: &[Cluster],
        instances: &[Instance],
        wanted: Option<&Wanted>,
    ) -> Result<Advance, StepError> {
        let (seconds, because) = match &plan.next {
            Next::Decide(decision) => return Ok(Advance::Decide(decision.clone())),
            Next::Wait { seconds, because } => (*seconds, because.clone()),
        };
        if self.moment.now >= self.deadline {
            return Ok(Advance::Decide(self.out_of_time(&because, wanted)));
        }
        check::check(&plan, clusters, instances, self.settings)?;
        for action in &plan.actions {
            let outcome = execute::run(self.cloud, action).await?;
            info!(request = self.key, ?action, ?outcome, "executed");
            match outcome {
                Outcome::Done => {}
                Outcome::NotYet(why) => {
                    info!(request = self.key, why, "not yet");
                    break;
                }
                Outcome::Refused(why) => {
                    let id = wanted.map_or_else(|| self.physical_id(), Wanted::arn);
                    return Ok(Advance::Decide(Decision::failed(id, format!("AWS refuses: {why}."))));
                }
            }
        }
        // The decision of a request whose time is over is due at that moment, and not at the next look.
        let left = u32::try_from((self.deadline - self.moment.now).num_seconds() + 1).unwrap_or(1);
        let seconds = seconds.min(left);
        info!(request = self.key, seconds, because, "waiting");
        Ok(Advance::Wait(seconds, plan.seen))
    }

    fn out_of_time(&self, because: &str, wanted: Option<&Wanted>) -> Decision {
        match wanted {
            Some(wanted) => create::out_of_time(wanted, because),
            None => Decision::failed(
                self.physical_id(),
                format!(
                    "Not finished within {}: {because}. Deleting again goes on from here.",
                    for_people(service_timeout(&self.request().properties))
                ),
            ),
        }
    }
}

/// The decision of a request whose steps fail for good.
pub fn give_up(settings: &Settings, key: &str, stored: &Stored, error: &str) -> Decision {
    let request = &stored.request;
    let place = Place::of_stack(&request.stack_id).ok();
    let wanted = place.and_then(|place| {
        let properties = Properties::parse(&request.properties, &place, settings).ok()?;
        Some(Wanted::new(request, stored.fence, place, properties, settings))
    });
    let id = match (&request.physical_id, wanted) {
        (Some(id), _) => id.clone(),
        (None, Some(wanted)) => wanted.arn(),
        (None, None) => request.rejected_id(),
    };
    Decision::failed(
        id,
        format!(
            "The manager could not finish: {error}. Whatever was made carries this resource's tags and is deleted with it; \
             the logs of the request {key} say more."
        ),
    )
}

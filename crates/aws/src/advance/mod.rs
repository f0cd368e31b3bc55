//! One step of a request: observe, plan, check, execute, and say what follows.
//!
//! It is level-triggered: it looks at what exists now and does the next thing. A crash, a lost reply, a retry or a
//! duplicate is only another observation.

mod make;
mod remove;
mod update;

use aurora_clone_core::arn::Place;
use aurora_clone_core::check::{self, Violation};
use aurora_clone_core::create;
use aurora_clone_core::event::RequestType;
use aurora_clone_core::events;
use aurora_clone_core::plan::{Action, Decision, Next, Plan, Seen};
use aurora_clone_core::properties::{Properties, describe, service_timeout};
use aurora_clone_core::request::{Request, Wanted, resource_key};
use aurora_clone_core::response_url::ResponseUrl;
use aurora_clone_core::settings::Settings;
use aurora_clone_core::snapshot::{Cluster, Instance};
use chrono::{DateTime, Duration, Utc};
use thiserror::Error;
use tracing::{info, warn};

use crate::cloud::{CallError, Cloud};
use crate::execute::{self, Outcome};
use crate::lock::Lock;
use crate::requests::{self, Stored};

/// What is kept of CloudFormation's patience for answering, and for answering again.
const RESERVE: Duration = Duration::seconds(120);
/// What is kept before that for taking down what does not become ready.
const TAKEDOWN: Duration = Duration::seconds(60);
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
    /// Look again in so many seconds, for this reason.
    Wait(u32, Seen, String),
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
    let place = Place::of_owner(&request.stack_id)
        .map_err(|error| CallError::nonsense("GetItem", error.to_string()))?;
    let resource = resource_key(&request.stack_id, &request.logical_id);
    let deadline = deadline(stored, moment);
    let step = Step { cloud, settings, key, stored, moment, place, resource, deadline };
    match request.kind {
        Some(RequestType::Create) => match step.properties() {
            Ok(properties) => Box::pin(step.create(properties)).await,
            Err(decision) => Ok(Advance::Decide(*decision)),
        },
        Some(RequestType::Update) => match step.properties() {
            Ok(properties) => Box::pin(step.update(properties)).await,
            Err(decision) => Ok(Advance::Decide(*decision)),
        },
        Some(RequestType::Delete) => Box::pin(step.delete()).await,
        None => {
            Ok(Advance::Decide(Decision::failed(request.rejected_id(), "The request has no known type.")))
        }
    }
}

/// When the decision must be made, from the moment that CloudFormation began to wait.
fn deadline(stored: &Stored, moment: &Moment) -> DateTime<Utc> {
    let hour = Duration::hours(1);
    let issued = stored
        .response_url
        .as_ref()
        .and_then(ResponseUrl::issued_at)
        .filter(|at| (moment.started - hour..moment.started).contains(at));
    let patience = service_timeout(&stored.request.properties);
    // A Delete may have to live with less patience than a Create is given: with a ServiceTimeout for which that one was
    // refused.
    issued.unwrap_or(moment.started) + patience - RESERVE.min(patience / 2)
}

/// One step, and everything that it is about.
struct Step<'a> {
    cloud: &'a Cloud,
    settings: &'a Settings,
    key: &'a str,
    stored: &'a Stored,
    moment: &'a Moment,
    place: Place,
    /// The key of what is kept of the resource.
    resource: String,
    deadline: DateTime<Utc>,
}

/// What a plan is checked against.
struct Observed<'a> {
    clusters: &'a [Cluster],
    instances: &'a [Instance],
}

/// How a plan went.
enum Went {
    /// On to the next look, which is waited for for this reason.
    On(u32, Seen, String),
    /// On to the next look, which does what AWS does not take yet.
    NotYet(u32, Seen, String),
    /// It was the plan's own decision.
    Decided(Decision),
    /// AWS's last word is no.
    Refused(String),
}

/// How far the actions of a plan went.
enum Executed {
    /// All of them were taken.
    All,
    /// One is not possible yet.
    Until(String),
    /// AWS's last word about one is no.
    Refused(String),
}

impl Step<'_> {
    fn request(&self) -> &Request {
        &self.stored.request
    }

    fn physical_id(&self) -> String {
        let request = self.request();
        request.physical_id.clone().unwrap_or_else(|| request.rejected_id())
    }

    /// What the template asks for, or the decision that it can't be read.
    fn properties(&self) -> Result<Properties, Box<Decision>> {
        let request = self.request();
        Properties::parse(&request.properties, &self.place, self.settings).map_err(|problems| {
            let reason = describe(&problems);
            let kind = if request.kind == Some(RequestType::Update) { "Update" } else { "Create" };
            let owner = request.owner(self.settings);
            let id = self.physical_id();
            let events = events::failed(&owner, &id, kind, &reason);
            Box::new(Decision::failed(id, reason).telling(events))
        })
    }

    /// Checks a plan and carries it out.
    async fn carry_out(&self, plan: Plan, observed: &Observed<'_>) -> Result<Went, StepError> {
        let (seconds, because) = match plan.next {
            Next::Decide(decision) => return Ok(Went::Decided(decision)),
            Next::Wait { seconds, ref because } => (seconds, because.clone()),
        };
        check::check(&plan, observed.clusters, observed.instances, self.settings)?;
        let not_yet = match self.execute(&plan.actions).await? {
            Executed::All => None,
            Executed::Until(why) => Some(why),
            Executed::Refused(why) => return Ok(Went::Refused(format!("AWS refuses: {why}."))),
        };
        let seconds = seconds.min(self.seconds_until(self.deadline));
        info!(seconds, because, "waiting");
        Ok(match not_yet {
            None => Went::On(seconds, plan.seen, because),
            Some(why) => Went::NotYet(seconds, plan.seen, why),
        })
    }

    /// Seconds until the look after a moment: a decision that is due then is not put off to the next look.
    fn seconds_until(&self, moment: DateTime<Utc>) -> u32 {
        u32::try_from((moment - self.moment.now).num_seconds() + 1).unwrap_or(1)
    }

    /// Does one thing after the other, until one is not yet possible, or never.
    async fn execute(&self, actions: &[Action]) -> Result<Executed, StepError> {
        for action in actions {
            // KMS makes a key for every call, so whoever looks for one and makes it has to be alone.
            let alone = match action {
                Action::CreateKey(new) => {
                    let Some(lock) =
                        Lock::acquire(self.cloud, &format!("key/{}", new.alias), self.key).await?
                    else {
                        return Ok(Executed::Until("another request is making the key".to_owned()));
                    };
                    Some(lock)
                }
                _ => None,
            };
            // Boxed, like the steps themselves: each action is a deep future of its own, and the stack would hold them all.
            let outcome = Box::pin(execute::run(self.cloud, action)).await?;
            info!(?action, ?outcome, "executed");
            if let Some(lock) = alone {
                lock.release(self.cloud).await?;
            }
            match outcome {
                Outcome::Done => {}
                Outcome::NotYet(why) => {
                    info!(why, "not yet");
                    return Ok(Executed::Until(why));
                }
                // The clone does not depend on it, and the maintainer marks old copies as well.
                Outcome::Refused(why) if matches!(action, Action::MarkRetiring { .. }) => {
                    warn!(why, "an obsolete copy could not be marked");
                }
                Outcome::Refused(why) => return Ok(Executed::Refused(why)),
            }
        }
        Ok(Executed::All)
    }
}

/// Begins to take down what a Create or an Update made that fails for good: it may have its source's password, and its stack may
/// have been told to keep what failed. Errors are only logged.
pub async fn clear_away(cloud: &Cloud, settings: &Settings, key: &str, stored: &Stored) {
    let request = &stored.request;
    let Ok(place) = Place::of_owner(&request.stack_id) else { return };
    let Ok(properties) = Properties::parse(&request.properties, &place, settings) else { return };
    let resource = resource_key(&request.stack_id, &request.logical_id);
    let now = cloud.now();
    let moment = Moment { now, started: now, seen: Seen::default() };
    let deadline = now + RESERVE;
    let step =
        Step { cloud, settings, key, stored, moment: &moment, place: place.clone(), resource, deadline };
    let made = match request.kind {
        Some(RequestType::Create) => {
            let wanted = Wanted::created(request, stored.fence, place, properties, settings);
            vec![wanted.renamed(), wanted]
        }
        Some(RequestType::Update) => match requests::raise_fence(cloud, key, request).await {
            Ok(fence) => vec![Wanted::replacing(request, fence, place, properties, settings)],
            Err(error) => {
                warn!(%error, "what was made could not be looked for");
                Vec::new()
            }
        },
        Some(RequestType::Delete) | None => Vec::new(),
    };
    for wanted in &made {
        if let Err(error) =
            Box::pin(step.clear_away(&wanted.owner, &wanted.identifier, &wanted.generation)).await
        {
            warn!(%error, cluster = wanted.identifier, "what was made could not be taken down");
        }
    }
}

/// The decision of a request whose steps fail for good.
pub fn give_up(settings: &Settings, key: &str, stored: &Stored, error: &str) -> Decision {
    let request = &stored.request;
    let wanted = Place::of_owner(&request.stack_id).ok().and_then(|place| {
        let properties = Properties::parse(&request.properties, &place, settings).ok()?;
        Some(Wanted::created(request, stored.fence, place, properties, settings))
    });
    let reason = format!(
        "The manager could not finish: {error}. Whatever was made carries this resource's tags and is deleted with it; \
         the logs of the request {key} say more."
    );
    match (&request.physical_id, wanted) {
        (None, Some(wanted)) => create::refused(&wanted, &reason),
        (id, _) => {
            let id = id.clone().unwrap_or_else(|| request.rejected_id());
            let owner = request.owner(settings);
            let events = match request.kind {
                Some(RequestType::Update) => events::failed(&owner, &id, "Update", &reason),
                _ => Vec::new(),
            };
            Decision::failed(id, reason).telling(events)
        }
    }
}

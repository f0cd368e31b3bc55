//! `clone-handler`: takes CloudFormation's events and makes the steps of the state machine.
//!
//! From the moment that an event's envelope is read, every way out of here leads to an answer: the state machine's, one that is
//! sent at once, or the one of the last resort, which EventBridge asks for when an execution failed.

use aurora_clone_aws::advance::{self, Advance, Moment, StepError};
use aurora_clone_aws::answer::{self, NotAnswered};
use aurora_clone_aws::cloud::{CallError, Cloud};
use aurora_clone_aws::events as tell;
use aurora_clone_aws::requests::{self, Stored};
use aurora_clone_core::answer::body;
use aurora_clone_core::arn::Place;
use aurora_clone_core::event::{self, Envelope, RequestType, Unanswerable};
use aurora_clone_core::events::{self, Event};
use aurora_clone_core::names::step;
use aurora_clone_core::plan::{Decision, Seen};
use aurora_clone_core::properties::{Properties, describe};
use aurora_clone_core::request::{self, Request};
use aurora_clone_core::response_url::LoopbackOrigin;
use aurora_clone_core::settings::Settings;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;
use tracing::{Instrument as _, Span, error, info, info_span, warn};

/// Why a request is answered that has no decision.
const UNDECIDED: &str = "no step came to a decision that could be kept";

/// How long an answer waits for what was made to be taken down.
const CLEARING: std::time::Duration = std::time::Duration::from_secs(20);

/// The function.
pub struct CloneHandler {
    /// Everything that reaches AWS.
    pub cloud: Cloud,
    /// The operator's settings.
    pub settings: Settings,
    /// The account and region that the function runs in.
    pub home: Place,
    /// An origin on this machine that response URLs may have besides CloudFormation's own.
    pub response_origin: Option<LoopbackOrigin>,
}

/// An invocation that failed. None of the texts has a response URL.
#[derive(Debug, Error)]
pub enum HandlerError {
    /// Nothing can be answered.
    #[error(transparent)]
    Unanswerable(#[from] Unanswerable),
    /// The event is none of ours.
    #[error("the event is neither CloudFormation's, nor the state machine's, nor EventBridge's: {0}")]
    UnknownEvent(String),
    /// A step failed.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The answer did not arrive.
    #[error(transparent)]
    NotAnswered(#[from] NotAnswered),
}

impl From<CallError> for HandlerError {
    fn from(error: CallError) -> Self {
        Self::Step(error.into())
    }
}

impl HandlerError {
    /// The error's name, which the state machine's `Retry` goes by.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unanswerable(_) => "Unanswerable",
            Self::UnknownEvent(_) => "UnknownEvent",
            Self::Step(StepError::Call(_)) => "CallFailed",
            Self::Step(StepError::Violation(_)) => "BrokenRule",
            Self::Step(StepError::UnknownRequest(_)) => "UnknownRequest",
            Self::NotAnswered(NotAnswered::Refused(_)) => "ResponseUrlRefused",
            Self::NotAnswered(NotAnswered::Failed(_)) => "NotAnswered",
        }
    }
}

/// What the state machine sends.
#[derive(Debug, Deserialize)]
struct StepEvent {
    step: String,
    request: String,
    #[serde(default)]
    seen: Seen,
    now: Option<DateTime<Utc>>,
    started: Option<DateTime<Utc>>,
    error: Option<StepFailure>,
}

/// What the state machine caught.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StepFailure {
    #[serde(default)]
    error: String,
    #[serde(default)]
    cause: String,
}

impl CloneHandler {
    /// Handles one invocation.
    pub async fn handle(&self, event: Value) -> Result<Value, HandlerError> {
        if event.get("step").is_some() {
            let event: StepEvent = logged(
                serde_json::from_value(event).map_err(|error| HandlerError::UnknownEvent(error.to_string())),
            )?;
            let stored = logged(self.load(&event.request).await)?;
            let span = span(&event.request, &stored.request);
            async { logged(Box::pin(self.step(&stored, event)).await) }.instrument(span).await
        } else if event.get("detail-type").is_some() {
            let (key, why) = logged(ended(&event))?;
            let stored = logged(self.load(&key).await)?;
            let span = span(&key, &stored.request);
            async { logged(Box::pin(self.last_resort(&key, &stored, &why)).await) }.instrument(span).await
        } else {
            let envelope = logged(
                Envelope::read(&event, &self.home.region, self.response_origin.as_ref())
                    .map_err(HandlerError::from),
            )?;
            let key = request::key(&envelope);
            let request = Request::new(&envelope, event::request_type(&event).ok(), &event);
            let span = span(&key, &request);
            async { logged(Box::pin(self.receive(&event, &envelope, &key, request)).await) }
                .instrument(span)
                .await
        }
    }

    /// An event of CloudFormation: check it, keep it, start the state machine.
    async fn receive(
        &self,
        event: &Value,
        envelope: &Envelope,
        key: &str,
        request: Request,
    ) -> Result<Value, HandlerError> {
        let kind = event::request_type(event);
        info!(?kind, "received");
        let problem = match &kind {
            Err(error) => Some(format!("{error}.")),
            Ok(RequestType::Delete) => None,
            Ok(_) => self.problem(event, envelope),
        };
        if let Some(problem) = problem {
            return self.refuse(key, &request, envelope, problem).await;
        }
        if let Err(error) = self.start(key, &request, envelope).await {
            // A reply may have been lost: an execution that began after all finds this decision, and what it made before
            // that carries the resource's tags.
            let problem = format!(
                "The manager could not begin: {error}. If anything was begun after all, it goes with this resource."
            );
            return self.refuse(key, &request, envelope, problem).await;
        }
        Ok(json!({ "request": key }))
    }

    /// What is wrong with a Create or Update.
    fn problem(&self, event: &Value, envelope: &Envelope) -> Option<String> {
        if envelope.place != self.home {
            let (theirs, home) = (&envelope.place, &self.home);
            return Some(format!(
                "StackId is in the account {} ({}); this function serves the account {} ({}). Nothing was made or changed.",
                theirs.account, theirs.partition, home.account, home.partition
            ));
        }
        if let Err(error) = event::check_resource_type(event, &self.settings.resource_type) {
            return Some(format!("{error}."));
        }
        let properties = event.get("ResourceProperties").unwrap_or(&Value::Null);
        let problems = Properties::parse(properties, &envelope.place, &self.settings).err()?;
        Some(format!("{}. Nothing was made or changed.", describe(&problems)))
    }

    /// Keeps the request and starts the execution that carries its name. A duplicate event finds both.
    async fn start(&self, key: &str, request: &Request, envelope: &Envelope) -> Result<(), CallError> {
        requests::record(&self.cloud, key, request, Some(&envelope.response_url)).await?;
        let result = self
            .cloud
            .states
            .start_execution()
            .state_machine_arn(&self.cloud.state_machine)
            .name(key)
            .input(json!({ "request": key, "seen": {} }).to_string())
            .send()
            .await;
        match result.map_err(|error| CallError::new("StartExecution", error)) {
            Ok(_) => Ok(()),
            Err(error) if error.is("ExecutionAlreadyExists") => {
                info!("a duplicate event");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Answers FAILED at once. What is decided is a function of the event, so a duplicate sends the same bytes; it is kept
    /// where that is possible, since an execution may have begun after all.
    async fn refuse(
        &self,
        key: &str,
        request: &Request,
        envelope: &Envelope,
        problem: String,
    ) -> Result<Value, HandlerError> {
        let id = request.physical_id.clone().unwrap_or_else(|| request.rejected_id());
        let told = match &request.kind {
            Some(RequestType::Delete) | None => Vec::new(),
            Some(kind) => events::failed(&request.owner(&self.settings), &id, &format!("{kind:?}"), &problem),
        };
        let mut text = body(request, &Decision::failed(id, problem));
        let kept = async {
            requests::record(&self.cloud, key, request, Some(&envelope.response_url)).await?;
            requests::decide(&self.cloud, key, &text, &told).await
        };
        match kept.await {
            Ok(decided) => text = decided,
            Err(error) => warn!(%error, "the refusal could not be kept"),
        }
        self.put(key, &envelope.response_url, &text).await?;
        self.tell_if_possible(&told).await;
        Ok(json!({ "request": key, "refused": true }))
    }

    /// A step of the state machine.
    async fn step(&self, stored: &Stored, event: StepEvent) -> Result<Value, HandlerError> {
        let key = event.request.clone();
        match event.step.as_str() {
            step::ADVANCE => Box::pin(self.advance(&key, stored, event)).await,
            step::GIVE_UP => {
                let failure = event.error.unwrap_or_default();
                let error = failure_text(&failure);
                let decision = advance::give_up(&self.settings, &key, stored, &error);
                let decided = self.decide(&key, stored, decision).await?;
                self.clear_away(&key, stored, &decided).await;
                Ok(json!({ "request": key }))
            }
            step::ANSWER => {
                let answered = self.answer(&key, stored, UNDECIDED).await?;
                // Where nobody could decide, nobody has taken anything down either.
                self.clear_away(&key, stored, &answered).await;
                Ok(json!({ "request": key }))
            }
            step::TELL => {
                tell::put(&self.cloud, &stored.events).await?;
                Ok(json!({ "request": key }))
            }
            other => Err(HandlerError::UnknownEvent(format!("the step {other:?}"))),
        }
    }

    /// Begins to take down what a request made whose decision was made without another step, for as long as the answer may wait
    /// for it. Not if a step that was late has decided otherwise.
    async fn clear_away(&self, key: &str, stored: &Stored, decided: &str) {
        let decided: Value = serde_json::from_str(decided).unwrap_or_default();
        if stored.decision.is_none() && decided["Status"] == "FAILED" {
            let work = Box::pin(advance::clear_away(&self.cloud, &self.settings, key, stored));
            if tokio::time::timeout(CLEARING, work).await.is_err() {
                warn!("what was made could not be taken down in time");
            }
        }
    }

    /// Tells EventBridge where no state machine repeats it.
    async fn tell_if_possible(&self, told: &[Event]) {
        if let Err(error) = tell::put(&self.cloud, told).await {
            warn!(%error, "EventBridge could not be told");
        }
    }

    async fn advance(&self, key: &str, stored: &Stored, event: StepEvent) -> Result<Value, HandlerError> {
        let decided = json!({ "request": key, "seen": {}, "next": "answer", "seconds": 0 });
        if stored.decision.is_some() {
            return Ok(decided);
        }
        let now = event.now.unwrap_or_else(|| self.cloud.now());
        let moment = Moment { now, started: event.started.unwrap_or(now), seen: event.seen };
        match advance::advance(&self.cloud, &self.settings, key, stored, &moment).await? {
            Advance::Wait(seconds, seen, _) => {
                Ok(json!({ "request": key, "seen": seen, "next": "wait", "seconds": seconds }))
            }
            Advance::Decide(decision) => {
                self.decide(key, stored, decision).await?;
                Ok(decided)
            }
        }
    }

    /// EventBridge says that an execution failed, timed out or was aborted: whatever it left undone, CloudFormation is answered.
    async fn last_resort(&self, key: &str, stored: &Stored, why: &str) -> Result<Value, HandlerError> {
        if stored.answered {
            return Ok(json!({ "request": key }));
        }
        let answered = self.answer(key, stored, why).await?;
        self.clear_away(key, stored, &answered).await;
        // What was decided just now is in the table only.
        self.tell_if_possible(&self.load(key).await?.events).await;
        Ok(json!({ "request": key }))
    }

    /// Sends the decision, and makes one if there is none. Every PUT of a request sends the same bytes. Where not even
    /// the decision can be kept, it is sent all the same: nobody else decides any more, and whoever tries again comes to the
    /// same text.
    async fn answer(&self, key: &str, stored: &Stored, why_none: &str) -> Result<String, HandlerError> {
        if let (true, Some(text)) = (stored.answered, &stored.decision) {
            return Ok(text.clone());
        }
        let text = match &stored.decision {
            Some(text) => text.clone(),
            None => {
                let decision = advance::give_up(&self.settings, key, stored, why_none);
                let unkept = body(&stored.request, &decision);
                self.decide(key, stored, decision).await.unwrap_or_else(|error| {
                    warn!(%error, "the decision could not be kept");
                    unkept
                })
            }
        };
        if let Some(url) = &stored.response_url {
            self.put(key, url, &text).await?;
        }
        Ok(text)
    }

    async fn put(
        &self,
        key: &str,
        url: &aurora_clone_core::response_url::ResponseUrl,
        text: &str,
    ) -> Result<(), HandlerError> {
        answer::put(&self.cloud.http, url, text).await?;
        info!(answer = text, "answered");
        // Only spares a repeated PUT of the same bytes.
        if let Err(error) = requests::mark_answered(&self.cloud, key).await {
            warn!(%error, "the answer could not be noted");
        }
        Ok(())
    }

    /// Stores a decision; returns the body that counts, which is an earlier one if there was one.
    async fn decide(&self, key: &str, stored: &Stored, decision: Decision) -> Result<String, HandlerError> {
        let text = body(&stored.request, &decision);
        let decided = requests::decide(&self.cloud, key, &text, &decision.events).await?;
        info!(success = decision.success, reason = decision.reason, "decided");
        Ok(decided)
    }

    async fn load(&self, key: &str) -> Result<Stored, HandlerError> {
        // What a person asked for at the command line is nobody's here: there is nobody to answer.
        let stored = requests::load(&self.cloud, key).await?.filter(|stored| stored.response_url.is_some());
        stored.ok_or_else(|| StepError::UnknownRequest(key.to_owned()).into())
    }
}

/// The span of a request: its fields stand in every log line about it.
fn span(key: &str, request: &Request) -> Span {
    let cluster = request.physical_id.as_deref().unwrap_or_default();
    info_span!("request", request = key, stack = request.stack_id, resource = request.logical_id, cluster)
}

/// Writes an error into the log, once, where it becomes the invocation's.
fn logged<T>(result: Result<T, HandlerError>) -> Result<T, HandlerError> {
    result.inspect_err(|error| error!(kind = error.name(), %error, "the invocation failed"))
}

/// The request whose execution ended, as EventBridge tells it, and why it has no answer.
fn ended(event: &Value) -> Result<(String, String), HandlerError> {
    // The execution carries the request's key as its name; EventBridge leaves a long input out.
    let unknown = || HandlerError::UnknownEvent("an event without detail.name".to_owned());
    let detail = event.get("detail").ok_or_else(unknown)?;
    let key = detail.get("name").and_then(Value::as_str).ok_or_else(unknown)?;
    let why = match detail.get("status").and_then(Value::as_str) {
        // The step `answer` was made then, and may have sent this text.
        Some("FAILED") | None => UNDECIDED.to_owned(),
        Some(status) => format!("its execution is {status}"),
    };
    Ok((key.to_owned(), why))
}

/// The state machine's error as a sentence: Lambda puts the function's own message into the cause, as JSON.
fn failure_text(failure: &StepFailure) -> String {
    let cause: Option<Value> = serde_json::from_str(&failure.cause).ok();
    let message = cause.as_ref().and_then(|cause| cause.get("errorMessage")).and_then(Value::as_str);
    match message {
        Some(message) => format!("{} ({})", message, failure.error),
        None if failure.error.is_empty() => "a step failed".to_owned(),
        None => failure.error.clone(),
    }
}

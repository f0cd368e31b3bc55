//! What goes into and comes out of Lambda.

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

/// How an invocation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// The error's type, e.g. `Lambda.Unknown`, `Sandbox.Timedout`, or what the function reported.
    pub error_type: String,
    /// What it says.
    pub message: String,
}

impl FunctionError {
    /// An error of this type.
    pub fn new(error_type: impl Into<String>, message: impl Into<String>) -> Self {
        Self { error_type: error_type.into(), message: message.into() }
    }

    /// The process ended in the middle of an invocation.
    pub fn exited(id: u64) -> Self {
        let message =
            format!("RequestId: {} Error: Runtime exited with error: exit status 1", request_id(id));
        Self::new("Runtime.ExitError", message)
    }

    /// Lambda ended the invocation.
    pub fn timed_out(id: u64, timeout: Duration) -> Self {
        let seconds = timeout.as_seconds_f64();
        let message =
            format!("RequestId: {} Error: Task timed out after {seconds:.2} seconds", request_id(id));
        Self::new("Sandbox.Timedout", message)
    }
}

/// Who waits for an invocation's outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyTo {
    /// An asynchronous (event) invocation: Lambda queues it, and retries it twice when it fails.
    Nobody,
    /// A task of a state machine.
    Task {
        /// The execution's ARN.
        execution: String,
        /// Which visit of a state waits.
        visit: u64,
    },
}

/// One invocation, handed to a sandbox.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Its number; every attempt has its own.
    pub id: u64,
    /// The function's name.
    pub function: String,
    /// The event.
    pub payload: Value,
    /// When Lambda ends it.
    pub deadline: DateTime<Utc>,
}

/// What a test may change about Lambda.
#[derive(Debug, Clone)]
pub struct Knobs {
    /// Every asynchronous event is delivered a second time, so long after the first.
    pub duplicate: Option<Duration>,
    /// How long an asynchronous event stays in the queue before its first delivery.
    pub delay: Duration,
    /// The pause before each retry of an asynchronous event that failed; there are as many retries as pauses.
    pub retry_delays: Vec<Duration>,
    /// How old an asynchronous event may become; then it is dropped.
    pub max_event_age: Duration,
    /// How many invocations of one function may run at once. Asynchronous events wait; a task of a state machine
    /// fails with `Lambda.TooManyRequestsException`.
    pub concurrency: Option<usize>,
    /// Report a timeout to a task as `Lambda.Unknown`, as the best-practices page of Step Functions says, instead
    /// of `Sandbox.Timedout`, as is seen.
    pub timeout_is_unknown: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            duplicate: None,
            delay: Duration::zero(),
            retry_delays: vec![Duration::seconds(60), Duration::seconds(120)],
            max_event_age: Duration::hours(6),
            concurrency: None,
            timeout_is_unknown: false,
        }
    }
}

/// One invocation that began, as the log keeps it.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its number.
    pub id: u64,
    /// The event's number: what the attempts and duplicates of one event share.
    pub event: u64,
    /// Which attempt of its delivery it is, from 1.
    pub attempt: usize,
    /// The function's name.
    pub function: String,
    /// The event.
    pub payload: Value,
    /// Who waits for the outcome.
    pub reply_to: ReplyTo,
    /// When the event came.
    pub queued_at: DateTime<Utc>,
    /// When the invocation began.
    pub started_at: DateTime<Utc>,
    /// When Lambda ends it.
    pub deadline: DateTime<Utc>,
    /// When it ended, if it has.
    pub ended_at: Option<DateTime<Utc>>,
    /// What came of it, if it has ended.
    pub result: Option<Result<Value, FunctionError>>,
}

/// An asynchronous event that Lambda gave up.
#[derive(Debug, Clone)]
pub struct Dropped {
    /// The event's number; 0 when there was no such function.
    pub event: u64,
    /// The function, as the caller named it.
    pub function: String,
    /// The event.
    pub payload: Value,
    /// When.
    pub at: DateTime<Utc>,
    /// Why, in words.
    pub reason: String,
}

/// How many invocations a function has, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Queued, for now or for a retry.
    pub queued: usize,
    /// Running now.
    pub running: usize,
    /// Ended well.
    pub succeeded: usize,
    /// Ended with an error.
    pub failed: usize,
}

const REQUEST_ID_PREFIX: &str = "00000000-0000-4000-8000-";

/// The request id of an invocation, in the shape of a UUID.
pub fn request_id(id: u64) -> String {
    format!("{REQUEST_ID_PREFIX}{id:012x}")
}

/// The invocation with this request id, if it can be one of ours.
pub fn invocation_id(request_id: &str) -> Option<u64> {
    u64::from_str_radix(request_id.strip_prefix(REQUEST_ID_PREFIX)?, 16).ok()
}

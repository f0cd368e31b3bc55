//! Lambda: functions, their queues, and the invocations that run.

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

use crate::world::Context;

/// How an invocation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// The error's type, e.g. `Lambda.Unknown`, `Sandbox.Timedout`, or what the function reported.
    pub error_type: String,
    /// What it says.
    pub message: String,
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

/// The functions of the account.
#[derive(Debug, Default)]
pub struct Functions {}

impl Functions {
    /// Adds a function.
    pub fn register(&mut self, _name: &str, _timeout: Duration) {}

    /// Queues an invocation.
    pub fn invoke(&mut self, _cx: &mut Context<'_>, _function: &str, _payload: Value, _reply_to: ReplyTo) {}

    /// The next invocation that waits for a sandbox of this function; it starts now.
    pub fn take(&mut self, _now: DateTime<Utc>, _function: &str) -> Option<Invocation> {
        None
    }

    /// An invocation ended. One that is over already (timed out) is ignored.
    pub fn finish(&mut self, _cx: &mut Context<'_>, _id: u64, _result: Result<Value, FunctionError>) {}

    /// Whether an invocation still runs.
    pub fn is_running(&self, _id: u64) -> bool {
        false
    }

    /// When something happens next by itself.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        None
    }

    /// Lets everything happen that is due now.
    pub fn tick(&mut self, _cx: &mut Context<'_>) {}
}

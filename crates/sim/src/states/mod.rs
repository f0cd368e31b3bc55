//! Step Functions: standard workflows in the Amazon States Language.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::functions::FunctionError;
use crate::http::{Request, Response};
use crate::world::Context;

/// The state machines of the account and their executions.
#[derive(Debug, Default)]
pub struct StepFunctions {}

impl StepFunctions {
    /// Handles a call.
    pub fn handle(&mut self, _cx: &mut Context<'_>, _request: &Request) -> Response {
        Response::new(501, "text/plain", "not built yet")
    }

    /// A function that a task waits for ended.
    pub fn task_ended(
        &mut self,
        _cx: &mut Context<'_>,
        _execution: &str,
        _visit: u64,
        _result: Result<Value, FunctionError>,
    ) {
    }

    /// When something happens next by itself.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        None
    }

    /// Lets everything happen that is due now.
    pub fn tick(&mut self, _cx: &mut Context<'_>) {}
}

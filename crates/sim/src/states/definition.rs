//! A state machine after parsing: what the engine walks over.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::choice::Rule;
use super::path::Path;
use super::template::Template;

/// A parsed and checked definition, with the names that the context object tells.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) role_arn: String,
    pub(super) start_at: String,
    /// Seconds until an execution is TIMED_OUT.
    pub(super) timeout: Option<u64>,
    pub(super) states: BTreeMap<String, State>,
}

/// One state.
#[derive(Debug)]
pub(super) struct State {
    pub(super) input_path: Selection,
    pub(super) output_path: Selection,
    pub(super) kind: Kind,
    /// Where it leads; `None` for `End` and for kinds that choose themselves.
    pub(super) next: Option<String>,
}

/// `InputPath` and `OutputPath`.
#[derive(Debug)]
pub(super) enum Selection {
    /// `null`: an empty object.
    Nothing,
    /// What is at the path.
    At(Path),
}

/// `ResultPath`: where the result goes in the state's input.
#[derive(Debug)]
pub(super) enum ResultPath {
    /// `null`: nowhere.
    Discard,
    /// At the path; `$` replaces the whole input.
    At(Path),
}

/// What a state does.
#[derive(Debug)]
pub(super) enum Kind {
    Task(Task),
    Choice { rules: Vec<(Rule, String)>, default: Option<String> },
    Wait(WaitFor),
    Pass { result: Option<Value>, parameters: Option<Template>, result_path: ResultPath },
    Succeed,
    Fail { error: String, cause: String },
}

impl Kind {
    /// The names of the history events at its beginning and its end.
    pub(super) fn events(&self) -> (&'static str, &'static str) {
        match self {
            Self::Task(_) => ("TaskStateEntered", "TaskStateExited"),
            Self::Choice { .. } => ("ChoiceStateEntered", "ChoiceStateExited"),
            Self::Wait(_) => ("WaitStateEntered", "WaitStateExited"),
            Self::Pass { .. } => ("PassStateEntered", "PassStateExited"),
            Self::Succeed => ("SucceedStateEntered", "SucceedStateExited"),
            Self::Fail { .. } => ("FailStateEntered", "FailStateExited"),
        }
    }
}

/// A task that invokes a function.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) parameters: Template,
    pub(super) selector: Option<Template>,
    pub(super) result_path: ResultPath,
    pub(super) timeout: Option<u64>,
    pub(super) retry: Vec<Retrier>,
    pub(super) catch: Vec<Catcher>,
}

/// How long a Wait state waits.
#[derive(Debug)]
pub(super) enum WaitFor {
    Seconds(u64),
    SecondsPath(Path),
    Until(DateTime<Utc>),
    UntilPath(Path),
}

/// One entry of `Retry`.
#[derive(Debug)]
pub(super) struct Retrier {
    pub(super) errors: Vec<String>,
    pub(super) interval: u64,
    pub(super) max_attempts: u64,
    pub(super) backoff: f64,
    pub(super) max_delay: Option<u64>,
    pub(super) jitter: bool,
}

/// One entry of `Catch`.
#[derive(Debug)]
pub(super) struct Catcher {
    pub(super) errors: Vec<String>,
    pub(super) result_path: ResultPath,
    pub(super) next: String,
}

/// Whether a list of error names covers an error. `States.Runtime` always ends the execution;
/// `States.DataLimitExceeded` has to be named, no wildcard covers it.
pub(super) fn covers(errors: &[String], error: &str) -> bool {
    error != "States.Runtime"
        && errors.iter().any(|name| match name.as_str() {
            "States.ALL" => error != "States.DataLimitExceeded",
            "States.TaskFailed" => !matches!(error, "States.DataLimitExceeded" | "States.Timeout"),
            name => name == error,
        })
}

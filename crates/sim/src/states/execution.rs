//! One execution: what it is, how it stands, and what happened in it.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::definition::Machine;
use crate::world::Config;

/// The state of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It goes on.
    Running,
    /// It reached an end.
    Succeeded,
    /// An error that nothing caught, or a Fail state.
    Failed,
    /// The state machine's own timeout.
    TimedOut,
    /// Stopped from outside.
    Aborted,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Running, Self::Succeeded, Self::Failed, Self::TimedOut, Self::Aborted];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }
}

/// One event of an execution's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEvent {
    /// Its number, from 1.
    pub id: usize,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The type that AWS gives it, e.g. `TaskStateEntered`.
    pub kind: &'static str,
    /// The state that it belongs to.
    pub state: Option<String>,
    /// The input, output, parameters or error, as JSON text: what a person with the console can read.
    pub detail: String,
}

/// One stay in a state, retries included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// The state's name.
    pub state: String,
    /// When it was entered.
    pub entered_at: DateTime<Utc>,
    /// When it was left; `None` while it lasts, and for the state in which the execution ended by an error.
    pub left_at: Option<DateTime<Utc>>,
}

/// One execution of a state machine.
#[derive(Debug)]
pub struct Execution {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The ARN of the state machine.
    pub state_machine: String,
    /// How it stands.
    pub status: Status,
    /// When it was started.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub stopped: Option<DateTime<Utc>>,
    /// The input, as it was given.
    pub input: String,
    /// The output of one that succeeded.
    pub output: Option<String>,
    /// The error of one that did not.
    pub error: Option<String>,
    /// What the error says.
    pub cause: Option<String>,
    /// Everything that happened.
    pub history: Vec<HistoryEvent>,
    pub(super) machine: Arc<Machine>,
    pub(super) parsed_input: Value,
    pub(super) deadline: Option<DateTime<Utc>>,
    pub(super) position: Option<Position>,
}

/// Where a running execution stands.
#[derive(Debug)]
pub(super) struct Position {
    pub(super) state: String,
    pub(super) entered_at: DateTime<Utc>,
    pub(super) entered_event: usize,
    pub(super) input: Value,
    /// How often each retrier of the state was used in this stay.
    pub(super) used: Vec<u64>,
    pub(super) waiting: Waiting,
}

/// What a running execution waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Nothing: it is being worked on.
    Nothing,
    /// A function, until the task's timeout.
    Task { visit: u64, timeout: Option<DateTime<Utc>> },
    /// The end of a Wait state.
    Wait(DateTime<Utc>),
    /// The next attempt of a task.
    Retry(DateTime<Utc>),
}

impl Execution {
    /// Whether it still goes on.
    pub fn is_running(&self) -> bool {
        self.status == Status::Running
    }

    /// The state that it is in.
    pub fn current_state(&self) -> Option<&str> {
        self.position.as_ref().map(|position| position.state.as_str())
    }

    /// The states that it was in, in order.
    pub fn path(&self) -> Vec<Stay> {
        let mut stays: Vec<Stay> = Vec::new();
        for event in &self.history {
            if event.kind.ends_with("StateEntered") {
                let state = event.state.clone().unwrap_or_default();
                stays.push(Stay { state, entered_at: event.at, left_at: None });
            } else if event.kind.ends_with("StateExited")
                && let Some(stay) = stays.last_mut()
            {
                stay.left_at = Some(event.at);
            }
        }
        stays
    }

    /// When something happens next in it by itself.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        let position = self.position.as_ref()?;
        let timer = match position.waiting {
            Waiting::Nothing => None,
            Waiting::Task { timeout, .. } => timeout,
            Waiting::Wait(at) | Waiting::Retry(at) => Some(at),
        };
        [timer, self.deadline].into_iter().flatten().min()
    }

    /// The context object, `$$`.
    pub(super) fn context(&self) -> Value {
        let state = self.position.as_ref().map(|position| {
            json!({
                "EnteredTime": moment(position.entered_at),
                "Name": position.state,
                "RetryCount": position.used.iter().sum::<u64>(),
            })
        });
        json!({
            "Execution": {
                "Id": self.arn,
                "Input": self.parsed_input,
                "Name": self.name,
                "RoleArn": self.machine.role_arn,
                "StartTime": moment(self.started),
            },
            "State": state,
            "StateMachine": { "Id": self.machine.arn, "Name": self.machine.name },
        })
    }

    /// The event that EventBridge delivers about the present status.
    pub(super) fn event(&self, config: &Config, id: &str, now: DateTime<Utc>) -> Value {
        // The whole must fit into an event: a big input is left out, and the event says so.
        let included = serde_json::to_string(&self.input).is_ok_and(|escaped| escaped.len() <= 248 * 1024);
        json!({
            "version": "0",
            "id": id,
            "detail-type": "Step Functions Execution Status Change",
            "source": "aws.states",
            "account": config.account,
            "time": now.to_rfc3339_opts(SecondsFormat::Secs, true),
            "region": config.region,
            "resources": [self.arn],
            "detail": {
                "executionArn": self.arn,
                "stateMachineArn": self.state_machine,
                "name": self.name,
                "status": self.status.name(),
                "startDate": self.started.timestamp_millis(),
                "stopDate": self.stopped.map(|stopped| stopped.timestamp_millis()),
                "input": included.then_some(&self.input),
                "output": self.output,
                "inputDetails": { "included": included },
                "outputDetails": null,
                "stateMachineVersionArn": null,
                "stateMachineAliasArn": null,
                "redriveCount": 0,
                "redriveDate": null,
                "redriveStatus": "REDRIVABLE",
                "redriveStatusReason": null,
                "error": self.error,
                "cause": self.cause,
            },
        })
    }
}

/// A moment as the context object writes it.
fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

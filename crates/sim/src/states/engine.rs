//! Walking: one execution from where it stands to where it has to wait, or to its end.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use super::definition::{Kind, Machine, State, Task, WaitFor, covers};
use super::execution::{Execution, HistoryEvent, Position, Status, Waiting};
use super::parse::timestamp;
use crate::functions::{FunctionError, ReplyTo};
use crate::world::{Context, Effect};

const HISTORY_LIMIT: usize = 25_000;
const CAUSE_LIMIT: usize = 32_768;

/// An error with a name.
pub(super) struct Failure {
    pub(super) error: String,
    pub(super) cause: String,
}

impl Failure {
    pub(super) fn new(error: &str, cause: impl Into<String>) -> Self {
        Self { error: error.to_owned(), cause: cause.into() }
    }
}

/// How it goes on.
enum Step {
    Enter(String, Value),
    Pause(Waiting),
    End(Value),
}

/// One execution with all that it takes to move it.
pub(super) struct Engine<'e, 'w> {
    pub(super) execution: &'e mut Execution,
    pub(super) cx: &'e mut Context<'w>,
    /// The number of the latest attempt of any task.
    pub(super) visits: &'e mut u64,
    /// See [`super::StepFunctions::parameter_path_failure`].
    pub(super) parameter_path_failure: bool,
}

impl Engine<'_, '_> {
    /// The first steps of an execution.
    pub(super) fn start(&mut self) {
        let input = self.execution.parsed_input.clone();
        let first = self.execution.machine.start_at.clone();
        let outcome = self
            .record("ExecutionStarted", None, self.execution.input.clone())
            .map(|()| Step::Enter(first, input));
        self.drive(outcome);
    }

    /// The earliest thing that is due in this execution happens.
    pub(super) fn fire(&mut self) {
        let now = self.cx.now;
        if self.execution.deadline.is_some_and(|deadline| deadline <= now) {
            self.end(Status::TimedOut, Some("States.Timeout".to_owned()), None);
            return;
        }
        let Some(position) = self.execution.position.as_mut() else { return };
        let waiting = std::mem::replace(&mut position.waiting, Waiting::Nothing);
        let outcome = match waiting {
            Waiting::Wait(at) if at <= now => self.pass_on(),
            Waiting::Retry(at) if at <= now => self.attempt(),
            Waiting::Task { timeout: Some(at), .. } if at <= now => {
                let state = self.state_name();
                self.record("TaskTimedOut", state, json!({"error": "States.Timeout"}).to_string())
                    .and_then(|()| Err(Failure::new("States.Timeout", "")))
            }
            waiting => {
                position.waiting = waiting;
                return;
            }
        };
        self.drive(outcome);
    }

    /// A function ended. Whoever is not waited for any more is ignored.
    pub(super) fn task_ended(&mut self, visit: u64, result: Result<Value, FunctionError>) {
        let Some(position) = self.execution.position.as_mut() else { return };
        match position.waiting {
            Waiting::Task { visit: expected, .. } if expected == visit => position.waiting = Waiting::Nothing,
            _ => return,
        }
        let outcome = self.result(result);
        self.drive(outcome);
    }

    /// Stops the execution from outside.
    pub(super) fn abort(&mut self, error: Option<String>, cause: Option<String>) {
        self.end(Status::Aborted, error, cause);
    }

    fn drive(&mut self, mut outcome: Result<Step, Failure>) {
        loop {
            outcome = match outcome {
                Ok(Step::Pause(waiting)) => {
                    if let Some(position) = self.execution.position.as_mut() {
                        position.waiting = waiting;
                    }
                    return;
                }
                Ok(Step::Enter(state, input)) => self.enter(state, input),
                Ok(Step::End(output)) => {
                    self.execution.output = Some(output.to_string());
                    self.end(Status::Succeeded, None, None);
                    return;
                }
                Err(failure) => match self.recover(failure) {
                    Ok(step) => Ok(step),
                    Err(failure) => {
                        self.end(Status::Failed, Some(failure.error), Some(failure.cause));
                        return;
                    }
                },
            };
        }
    }

    fn enter(&mut self, name: String, input: Value) -> Result<Step, Failure> {
        let machine = Arc::clone(&self.execution.machine);
        let state = find(&machine, &name)?;
        let detail = input.to_string();
        let used = match &state.kind {
            Kind::Task(task) => vec![0; task.retry.len()],
            _ => Vec::new(),
        };
        self.execution.position = Some(Position {
            state: name.clone(),
            entered_at: self.cx.now,
            entered_event: self.execution.history.len() + 1,
            input,
            used,
            waiting: Waiting::Nothing,
        });
        self.record(state.kind.events().0, Some(name), detail)?;
        match &state.kind {
            Kind::Task(_) => self.attempt(),
            Kind::Wait(wait) => self.wait(state, wait),
            Kind::Succeed => self.pass_on(),
            Kind::Fail { error, cause } => Err(Failure::new(error, cause.clone())),
            Kind::Pass { result, parameters, result_path } => {
                let mut effective = self.effective_input(state)?;
                if let Some(parameters) = parameters {
                    effective = self.render(parameters, &effective)?;
                }
                let result = result.clone().unwrap_or(effective);
                let output = self.place(result_path, result)?;
                self.leave(state, output, state.next.clone())
            }
            Kind::Choice { rules, default } => {
                let effective = self.effective_input(state)?;
                let context = self.execution.context();
                let mut next = default.as_ref();
                for (rule, target) in rules {
                    let holds = rule.holds(&effective, &context).map_err(|path| {
                        self.runtime(&format!("Invalid path '{path}': the choice state's condition path references an invalid value"))
                    })?;
                    if holds {
                        next = Some(target);
                        break;
                    }
                }
                match next {
                    Some(next) => self.leave(state, effective, Some(next.clone())),
                    None => Err(Failure::new(
                        "States.NoChoiceMatched",
                        "no rule matched, and there is no Default",
                    )),
                }
            }
        }
    }

    /// Leaves a state that hands on its input: Wait and Succeed.
    fn pass_on(&mut self) -> Result<Step, Failure> {
        let (machine, name) = self.here();
        let state = find(&machine, &name)?;
        let effective = self.effective_input(state)?;
        self.leave(state, effective, state.next.clone())
    }

    fn wait(&mut self, state: &State, wait: &WaitFor) -> Result<Step, Failure> {
        let effective = self.effective_input(state)?;
        let context = self.execution.context();
        let found = |path: &super::path::Path| {
            path.get(&effective, &context).cloned().ok_or_else(|| {
                self.runtime(&format!("The path '{}' does not reference a value", path.text()))
            })
        };
        let seconds = |seconds: u64| Ok(self.cx.now + Duration::seconds(i64::try_from(seconds).unwrap_or(0)));
        let until = match wait {
            WaitFor::Seconds(number) => seconds(*number)?,
            WaitFor::Until(at) => *at,
            WaitFor::SecondsPath(path) => {
                let value = found(path)?;
                match value.as_u64().filter(|number| *number <= 99_999_999) {
                    Some(number) => seconds(number)?,
                    None => {
                        return Err(self.runtime(&format!(
                            "The SecondsPath parameter does not reference an integer value: {} == {value}",
                            path.text()
                        )));
                    }
                }
            }
            WaitFor::UntilPath(path) => {
                let value = found(path)?;
                match value.as_str().and_then(timestamp) {
                    Some(at) => at,
                    None => return Err(self.runtime(&format!("The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: {} == {value}", path.text()))),
                }
            }
        };
        Ok(Step::Pause(Waiting::Wait(until.max(self.cx.now))))
    }

    /// Invokes the function of the task in which the execution stands.
    fn attempt(&mut self) -> Result<Step, Failure> {
        let (machine, name) = self.here();
        let (state, task) = find_task(&machine, &name)?;
        let effective = self.effective_input(state)?;
        let mut parameters = self.render(&task.parameters, &effective)?;
        self.limit("input", &parameters)?;
        self.record("TaskScheduled", Some(name.clone()), parameters.to_string())?;
        self.record("TaskStarted", Some(name), String::new())?;
        let Some(function) = parameters["FunctionName"].as_str().map(str::to_owned) else {
            return Err(self.runtime("FunctionName is no string"));
        };
        *self.visits += 1;
        let visit = *self.visits;
        let execution = self.execution.arn.clone();
        self.cx.effects.push(Effect::Invoke {
            function,
            payload: parameters["Payload"].take(),
            reply_to: ReplyTo::Task { execution, visit },
        });
        let timeout = task.timeout.map(|seconds| later(self.cx.now, seconds as f64));
        Ok(Step::Pause(Waiting::Task { visit, timeout }))
    }

    /// What a task's function answered.
    fn result(&mut self, result: Result<Value, FunctionError>) -> Result<Step, Failure> {
        let (machine, name) = self.here();
        let (state, task) = find_task(&machine, &name)?;
        let payload = match result {
            Ok(payload) => payload,
            Err(FunctionError { error_type, message }) => {
                let cause = json!({"errorType": error_type, "errorMessage": message}).to_string();
                let detail = json!({"error": error_type, "cause": cause}).to_string();
                self.record("TaskFailed", Some(name), detail)?;
                return Err(Failure::new(&error_type, cause));
            }
        };
        let mut output = json!({"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200});
        self.limit("output", &output)?;
        self.record("TaskSucceeded", Some(name), output.to_string())?;
        if let Some(selector) = &task.selector {
            output = self.render(selector, &output)?;
        }
        let output = self.place(&task.result_path, output)?;
        self.leave(state, output, state.next.clone())
    }

    /// Ends a stay: `OutputPath`, and on to the next state.
    fn leave(&mut self, state: &State, output: Value, next: Option<String>) -> Result<Step, Failure> {
        let output = self.select(&state.output_path, &output, "OutputPath")?;
        self.exit(state, &output)?;
        Ok(match next {
            Some(next) => Step::Enter(next, output),
            None => Step::End(output),
        })
    }

    fn exit(&mut self, state: &State, output: &Value) -> Result<(), Failure> {
        self.limit("output", output)?;
        let name = self.state_name();
        self.record(state.kind.events().1, name, output.to_string())
    }

    /// `Retry`, then `Catch`, of the state in which the failure arose.
    fn recover(&mut self, failure: Failure) -> Result<Step, Failure> {
        let (machine, name) = self.here();
        let Ok((state, task)) = find_task(&machine, &name) else { return Err(failure) };
        if let Some(at) = self.retry_at(task, &failure.error) {
            return Ok(Step::Pause(Waiting::Retry(at)));
        }
        let Some(catcher) = task.catch.iter().find(|catcher| covers(&catcher.errors, &failure.error)) else {
            return Err(failure);
        };
        let output =
            self.place(&catcher.result_path, json!({"Error": failure.error, "Cause": failure.cause}))?;
        self.exit(state, &output)?;
        Ok(Step::Enter(catcher.next.clone(), output))
    }

    /// When the task is tried again. The first retrier that covers the error decides, even when it is used up.
    fn retry_at(&mut self, task: &Task, error: &str) -> Option<DateTime<Utc>> {
        let number = task.retry.iter().position(|retrier| covers(&retrier.errors, error))?;
        let retrier = &task.retry[number];
        let position = self.execution.position.as_mut()?;
        let used = position.used.get_mut(number).filter(|used| **used < retrier.max_attempts)?;
        let exponent = i32::try_from(*used).unwrap_or(i32::MAX);
        let mut delay = retrier.interval as f64 * retrier.backoff.powi(exponent);
        if let Some(most) = retrier.max_delay {
            delay = delay.min(most as f64);
        }
        if retrier.jitter {
            delay *= self.cx.rng.between(0, 1000) as f64 / 1000.0;
        }
        *used += 1;
        Some(later(self.cx.now, delay))
    }

    /// The machine, and the name of the state in which the execution stands.
    fn here(&self) -> (Arc<Machine>, String) {
        (Arc::clone(&self.execution.machine), self.state_name().unwrap_or_default())
    }

    pub(super) fn state_name(&self) -> Option<String> {
        self.execution.current_state().map(str::to_owned)
    }

    /// Adds an event, and leaves room for the one that ends the execution.
    fn record(&mut self, kind: &'static str, state: Option<String>, detail: String) -> Result<(), Failure> {
        if self.execution.history.len() + 1 >= HISTORY_LIMIT {
            let cause =
                format!("The execution reached the maximum number of history events ({HISTORY_LIMIT}).");
            return Err(Failure::new("States.Runtime", cause));
        }
        self.push(kind, state, detail);
        Ok(())
    }

    fn push(&mut self, kind: &'static str, state: Option<String>, detail: String) {
        let id = self.execution.history.len() + 1;
        self.execution.history.push(HistoryEvent { id, at: self.cx.now, kind, state, detail });
    }

    /// The end: the last event of the history, and the news of it when it is a bad one.
    fn end(&mut self, status: Status, error: Option<String>, cause: Option<String>) {
        let execution = &mut *self.execution;
        execution.status = status;
        execution.stopped = Some(self.cx.now);
        execution.position = None;
        execution.deadline = None;
        execution.error = error.filter(|error| !error.is_empty());
        execution.cause = cause.filter(|cause| !cause.is_empty());
        if let Some(cause) = &mut execution.cause {
            cause.truncate(cause.floor_char_boundary(CAUSE_LIMIT));
        }
        let bad = json!({"error": execution.error, "cause": execution.cause}).to_string();
        let (kind, detail) = match status {
            Status::Running => return,
            Status::Succeeded => ("ExecutionSucceeded", execution.output.clone().unwrap_or_default()),
            Status::Failed => ("ExecutionFailed", bad),
            Status::TimedOut => ("ExecutionTimedOut", bad),
            Status::Aborted => ("ExecutionAborted", bad),
        };
        self.push(kind, None, detail);
        if status != Status::Succeeded {
            let id = self.cx.rng.uuid();
            let event = self.execution.event(self.cx.config, &id, self.cx.now);
            self.cx.effects.push(Effect::ExecutionEnded(event));
        }
    }
}

fn later(now: DateTime<Utc>, seconds: f64) -> DateTime<Utc> {
    now + Duration::milliseconds((seconds.min(99_999_999.0) * 1000.0) as i64)
}

fn find<'m>(machine: &'m Machine, name: &str) -> Result<&'m State, Failure> {
    machine.states.get(name).ok_or_else(|| Failure::new("States.Runtime", format!("no state {name:?}")))
}

fn find_task<'m>(machine: &'m Machine, name: &str) -> Result<(&'m State, &'m Task), Failure> {
    let state = find(machine, name)?;
    match &state.kind {
        Kind::Task(task) => Ok((state, task)),
        _ => Err(Failure::new("States.Runtime", format!("state {name:?} is no task"))),
    }
}

//! Step Functions: standard workflows in the Amazon States Language.
//!
//! What runs here is the definition that the template ships. So the reader is strict: a field, a state type or a
//! path that this interpreter does not know is refused when the machine is created, never skipped.

mod api;
mod choice;
mod data;
mod definition;
mod engine;
mod execution;
mod fields;
mod parse;
mod path;
mod template;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

use crate::functions::FunctionError;
use crate::http::{Request, Response};
use crate::world::{Config, Context};

use definition::Machine;
use engine::Engine;
pub use execution::{Execution, HistoryEvent, Status, Stay};

/// The state machines of the account and their executions.
#[derive(Debug, Default)]
pub struct StepFunctions {
    /// How a path in `Parameters` or `ResultSelector` that matches nothing is reported. `false`: as
    /// `States.Runtime`, which ends the execution, as AWS is seen to do. `true`: as
    /// `States.ParameterPathFailure`, the name in AWS's documents, which `States.ALL` covers.
    pub parameter_path_failure: bool,
    machines: BTreeMap<String, Arc<Machine>>,
    executions: Vec<Execution>,
    /// The latest execution of each ARN: a name can be used again after 90 days.
    by_arn: BTreeMap<String, usize>,
    running: BTreeSet<usize>,
    visits: u64,
}

impl StepFunctions {
    /// Creates a state machine, as CloudFormation does from a `DefinitionString` with its substitutions.
    ///
    /// # Errors
    ///
    /// What is wrong with the definition, or what of it is not simulated.
    pub fn create(
        &mut self,
        config: &Config,
        name: &str,
        definition: &str,
        substitutions: &[(&str, &str)],
    ) -> Result<String, String> {
        let Config { partition, region, account, .. } = config;
        if !api::is_name(name) {
            return Err(format!("{name:?} is no name for a state machine"));
        }
        let arn = format!("arn:{partition}:states:{region}:{account}:stateMachine:{name}");
        if self.machines.contains_key(&arn) {
            return Err(format!("the state machine {name:?} exists"));
        }
        let identity = parse::Identity {
            partition,
            arn: arn.clone(),
            name: name.to_owned(),
            role_arn: format!("arn:{partition}:iam::{account}:role/{name}"),
        };
        let machine = parse::machine(identity, &parse::substitute(definition, substitutions)?)?;
        self.machines.insert(arn.clone(), Arc::new(machine));
        Ok(arn)
    }

    /// Handles a call.
    pub fn handle(&mut self, cx: &mut Context<'_>, request: &Request) -> Response {
        api::handle(self, cx, request)
    }

    /// A function that a task waits for ended.
    pub fn task_ended(
        &mut self,
        cx: &mut Context<'_>,
        execution: &str,
        visit: u64,
        result: Result<Value, FunctionError>,
    ) {
        if let Some(number) = self.by_arn.get(execution).copied() {
            self.with(cx, number, |engine| engine.task_ended(visit, result));
        }
    }

    /// When something happens next by itself.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.next_timer().map(|(due, _)| due)
    }

    /// Lets everything happen that is due now.
    pub fn tick(&mut self, cx: &mut Context<'_>) {
        while let Some((_, number)) = self.next_timer().filter(|(due, _)| *due <= cx.now) {
            self.with(cx, number, |engine| engine.fire());
        }
    }

    /// All executions, oldest first. In a forgetful World those that are over have no history.
    pub fn executions(&self) -> &[Execution] {
        &self.executions
    }

    /// The latest execution with this ARN or name.
    pub fn execution(&self, arn_or_name: &str) -> Option<&Execution> {
        let matches = |execution: &&Execution| execution.arn == arn_or_name || execution.name == arn_or_name;
        self.executions.iter().rev().find(matches)
    }

    /// How many executions go on.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    fn next_timer(&self) -> Option<(DateTime<Utc>, usize)> {
        self.running
            .iter()
            .filter_map(|number| Some((self.executions.get(*number)?.next_due()?, *number)))
            .min()
    }

    /// Starts an execution that may be started.
    fn start(
        &mut self,
        cx: &mut Context<'_>,
        machine: Arc<Machine>,
        arn: String,
        name: String,
        input: (String, Value),
    ) {
        let number = self.executions.len();
        self.executions.push(Execution {
            arn: arn.clone(),
            name,
            state_machine: machine.arn.clone(),
            status: Status::Running,
            started: cx.now,
            stopped: None,
            input: input.0,
            output: None,
            error: None,
            cause: None,
            history: Vec::new(),
            deadline: machine
                .timeout
                .and_then(|seconds| i64::try_from(seconds).ok())
                .map(|seconds| cx.now + Duration::seconds(seconds)),
            machine,
            parsed_input: input.1,
            position: None,
        });
        self.by_arn.insert(arn, number);
        self.running.insert(number);
        self.with(cx, number, |engine| engine.start());
    }

    fn with(&mut self, cx: &mut Context<'_>, number: usize, act: impl FnOnce(&mut Engine<'_, '_>)) {
        let forgetful = cx.config.forgetful;
        let Some(execution) = self.executions.get_mut(number) else { return };
        act(&mut Engine {
            execution,
            cx,
            visits: &mut self.visits,
            parameter_path_failure: self.parameter_path_failure,
        });
        if !execution.is_running() {
            self.running.remove(&number);
            if forgetful {
                execution.history = Vec::new();
                execution.parsed_input = Value::Null;
            }
        }
    }
}

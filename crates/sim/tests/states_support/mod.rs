//! Drives Step Functions alone: a context of its own, and the effects kept for the test to look at.

#![allow(dead_code, reason = "not every test binary uses all of it")]

use std::collections::VecDeque;

use aurora_clone_sim::Config;
use aurora_clone_sim::functions::{FunctionError, ReplyTo};
use aurora_clone_sim::http::Request;
use aurora_clone_sim::rng::Rng;
use aurora_clone_sim::states::{Execution, StepFunctions};
use aurora_clone_sim::world::{Context, Effect};
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

/// A task that waits for its function.
#[derive(Debug, Clone)]
pub struct Invoked {
    pub function: String,
    pub payload: Value,
    pub execution: String,
    pub visit: u64,
}

/// Step Functions with a clock.
pub struct Harness {
    pub config: Config,
    pub states: StepFunctions,
    pub now: DateTime<Utc>,
    pub invoked: VecDeque<Invoked>,
    pub events: Vec<Value>,
    rng: Rng,
}

impl Harness {
    pub fn new() -> Self {
        let config = Config::default();
        Self {
            states: StepFunctions::default(),
            now: config.start,
            invoked: VecDeque::new(),
            events: Vec::new(),
            rng: Rng::new(7),
            config,
        }
    }

    /// With one machine, called `machine`.
    pub fn with(definition: &Value) -> Self {
        let mut harness = Self::new();
        harness.states.create(&harness.config, "machine", &definition.to_string(), &[]).expect("valid");
        harness
    }

    pub fn machine_arn(&self) -> String {
        "arn:aws:states:eu-west-1:123456789012:stateMachine:machine".to_owned()
    }

    pub fn arn(&self, name: &str) -> String {
        format!("arn:aws:states:eu-west-1:123456789012:execution:machine:{name}")
    }

    fn run<R>(&mut self, act: impl FnOnce(&mut StepFunctions, &mut Context<'_>) -> R) -> R {
        let (mut effects, mut violations) = (Vec::new(), Vec::new());
        let mut cx = Context {
            now: self.now,
            config: &self.config,
            principal: "",
            rng: &mut self.rng,
            effects: &mut effects,
            violations: &mut violations,
        };
        let result = act(&mut self.states, &mut cx);
        assert_eq!(violations, Vec::<String>::new());
        for effect in effects {
            match effect {
                Effect::Invoke { function, payload, reply_to: ReplyTo::Task { execution, visit } } => {
                    self.invoked.push_back(Invoked { function, payload, execution, visit });
                }
                Effect::ExecutionEnded(event) => self.events.push(event),
                other => panic!("{other:?}"),
            }
        }
        result
    }

    /// One API call: the body, or the error's code and message.
    pub fn call(&mut self, operation: &str, body: Value) -> Result<Value, (String, String)> {
        let request = Request {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            headers: vec![("x-amz-target".to_owned(), format!("AWSStepFunctions.{operation}"))],
            body: body.to_string().into_bytes(),
            ..Request::default()
        };
        let response = self.run(|states, cx| states.handle(cx, &request));
        let body: Value = serde_json::from_slice(&response.body).expect("JSON");
        if response.status == 200 {
            return Ok(body);
        }
        let text = |name: &str| body[name].as_str().expect("text").to_owned();
        Err((text("__type"), text("message")))
    }

    /// The code of the error of a call.
    pub fn refused(&mut self, operation: &str, body: Value) -> String {
        self.call(operation, body).expect_err("an error").0
    }

    /// Starts an execution of the one machine.
    pub fn start(&mut self, name: &str, input: &Value) -> String {
        let machine = self.machine_arn();
        let body = json!({"stateMachineArn": machine, "name": name, "input": input.to_string()});
        let answer = self.call("StartExecution", body).expect("started");
        answer["executionArn"].as_str().expect("an ARN").to_owned()
    }

    /// Time passes; what is due happens on the way, at its time.
    pub fn advance(&mut self, seconds: i64) {
        let to = self.now + Duration::seconds(seconds);
        while let Some(due) = self.states.next_due().filter(|due| *due <= to) {
            assert!(due >= self.now, "due in the past");
            self.now = due;
            self.run(|states, cx| states.tick(cx));
        }
        self.now = to;
    }

    /// The function that is invoked next.
    pub fn take(&mut self) -> Invoked {
        self.invoked.pop_front().expect("an invocation")
    }

    pub fn reply(&mut self, to: &Invoked, result: Result<Value, FunctionError>) {
        self.run(|states, cx| states.task_ended(cx, &to.execution, to.visit, result));
    }

    /// The next invocation ends well.
    pub fn succeed(&mut self, answer: Value) -> Invoked {
        let invoked = self.take();
        self.reply(&invoked, Ok(answer));
        invoked
    }

    /// The next invocation fails.
    pub fn fail(&mut self, error_type: &str) -> Invoked {
        let invoked = self.take();
        let (error_type, message) = (error_type.to_owned(), "it broke".to_owned());
        self.reply(&invoked, Err(FunctionError { error_type, message }));
        invoked
    }

    pub fn execution(&self, name: &str) -> &Execution {
        self.states.execution(name).expect("an execution")
    }

    /// The status of an execution, and its error if it has one.
    pub fn end(&self, name: &str) -> (&'static str, Option<&str>) {
        let execution = self.execution(name);
        (execution.status.name(), execution.error.as_deref())
    }

    pub fn output(&self, name: &str) -> Value {
        let output = self.execution(name).output.as_deref().expect("an output");
        serde_json::from_str(output).expect("JSON")
    }

    /// The names of the states of an execution.
    pub fn path(&self, name: &str) -> Vec<String> {
        self.execution(name).path().into_iter().map(|stay| stay.state).collect()
    }
}

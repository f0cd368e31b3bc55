//! The World: one account in one region, its clock, and the routing between its services.
//!
//! The World is synchronous and has no clock of its own: whoever drives it ([`Sim`](crate::Sim)) moves its time
//! forward and hands it requests. Its state is a function of the time and of the calls so far.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value};

use crate::bucket::ResponseBucket;
use crate::cloudformation::CloudFormation;
use crate::cloudwatch::CloudWatch;
use crate::dynamodb::DynamoDb;
use crate::events::EventBridge;
use crate::faults::{Fault, FaultKind, Target};
use crate::functions::{Functions, ReplyTo};
use crate::http::{Request, Response};
use crate::iam::Iam;
use crate::json;
use crate::kms::Kms;
use crate::logs::Logs;
use crate::query;
use crate::rds::Rds;
use crate::rng::Rng;
use crate::scheduler::Scheduler;
use crate::secrets::SecretsManager;
use crate::ssm::Ssm;
use crate::states::StepFunctions;
use crate::wire;

pub use crate::calls::{Call, Tally};

/// What is fixed for the life of a World.
#[derive(Debug, Clone)]
pub struct Config {
    /// The partition of every ARN, e.g. `aws`.
    pub partition: String,
    /// The region, e.g. `eu-west-1`.
    pub region: String,
    /// The account, 12 digits.
    pub account: String,
    /// The seed of all chance in this World.
    pub seed: u64,
    /// The time at which the World begins.
    pub start: DateTime<Utc>,
    /// Where the response URLs of CloudFormation point: an origin such as `http://127.0.0.1:4700` when the World
    /// is served, `None` for the real host names.
    pub origin: Option<String>,
    /// Access key ids of the product under test. The World's own truth about "who made this" rests on these, and
    /// a mutation by one of them on something that none of them made is recorded in [`World::violations`].
    pub manager_keys: Vec<String>,
    /// The rules and durations of RDS.
    pub rds: crate::rds::Settings,
    /// The rules of CloudFormation.
    pub cloudformation: crate::cloudformation::Settings,
    /// For simulations of months: what is over is not kept. Calls, invocations and events are counted only; the histories
    /// of executions, old answers, response URLs and stacks that nobody can ask for any more are dropped. Clusters,
    /// secrets and keys keep their histories, and `rds.memory` says how long their past can be read.
    pub forgetful: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            partition: "aws".to_owned(),
            region: "eu-west-1".to_owned(),
            account: "123456789012".to_owned(),
            seed: 1,
            start: DateTime::from_timestamp(1_782_000_000, 0).unwrap_or_default(),
            origin: None,
            manager_keys: vec!["AKIAMANAGER".to_owned()],
            rds: crate::rds::Settings::default(),
            cloudformation: crate::cloudformation::Settings::default(),
            forgetful: false,
        }
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The invocation of a function that makes the call, if the driver knows it.
    pub invocation: Option<u64>,
    /// Whether the fault list applies to this call.
    pub faultable: bool,
}

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The reply arrives after so long.
    Reply(Response, Duration),
    /// The connection breaks; whether the call was executed is for the World to know.
    Lost,
    /// The call was executed and the calling process died.
    Crashed,
}

/// What a service may use while it handles a call or a timer.
pub struct Context<'w> {
    /// The World's time.
    pub now: DateTime<Utc>,
    /// The World's configuration.
    pub config: &'w Config,
    /// Who is calling: an access key id, or empty. Empty for timers too.
    pub principal: &'w str,
    /// The World's chance.
    pub rng: &'w mut Rng,
    /// What should happen in other services because of this.
    pub effects: &'w mut Vec<Effect>,
    /// Broken rules of the product, found by the World's own knowledge.
    pub violations: &'w mut Vec<String>,
}

impl Context<'_> {
    /// Whether the caller is the product under test.
    pub fn by_manager(&self) -> bool {
        self.config.manager_keys.iter().any(|key| key == self.principal)
    }
}

/// What one service asks of another.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Invoke a function; the outcome goes to `reply_to`.
    Invoke {
        /// The function's name or ARN.
        function: String,
        /// The event.
        payload: Value,
        /// Who waits for the outcome.
        reply_to: ReplyTo,
    },
    /// A function's invocation ended, and `Task` of Step Functions waits for it.
    TaskEnded {
        /// The execution's ARN.
        execution: String,
        /// Which visit of a state it belongs to (a late reply to an earlier visit is ignored).
        visit: u64,
        /// The function's answer, or its error.
        result: Result<Value, crate::functions::FunctionError>,
    },
    /// An execution of a state machine ended, as EventBridge would tell it (the whole event).
    ExecutionEnded(Value),
    /// An answer arrived in the response bucket.
    Answered {
        /// The key of the response URL: what identifies the attempt.
        key: String,
        /// The body, as it came.
        body: Vec<u8>,
    },
}

/// One account in one region. See the module's text.
pub struct World {
    /// What is fixed.
    pub config: Config,
    /// RDS.
    pub rds: Rds,
    /// DynamoDB.
    pub dynamodb: DynamoDb,
    /// Step Functions.
    pub states: StepFunctions,
    /// CloudFormation.
    pub cloudformation: CloudFormation,
    /// Lambda: functions, their queues, and what runs.
    pub functions: Functions,
    /// The bucket that CloudFormation's response URLs point at.
    pub bucket: ResponseBucket,
    /// Secrets Manager.
    pub secrets: SecretsManager,
    /// KMS.
    pub kms: Kms,
    /// EventBridge.
    pub events: EventBridge,
    /// SSM Parameter Store.
    pub ssm: Ssm,
    /// EventBridge Scheduler.
    pub scheduler: Scheduler,
    /// CloudWatch.
    pub cloudwatch: CloudWatch,
    /// CloudWatch Logs.
    pub logs: Logs,
    /// The roles of the functions. Every call of one that has a role is judged before it is executed; a denial that the flow did not
    /// [inject](FaultKind::Deny) is one of the [violations](World::violations).
    pub iam: Iam,
    /// Every call, in order, while [`World::keep_log`] is set.
    pub log: Vec<Call>,
    /// Whether calls are kept in [`World::log`], with their whole bodies. At first: unless the World is
    /// [forgetful](Config::forgetful).
    pub keep_log: bool,
    /// How many calls there were, kept or not.
    pub tally: BTreeMap<Tally, u64>,
    /// How far the product's own clock is to be from the World's. Nothing here looks at it, every time that AWS tells
    /// is the World's: it is for who drives the product, and gives it a clock.
    pub aws_clock_offset: Duration,
    /// Rules that the product broke, found by the World's own knowledge. A test ends with this empty.
    pub violations: Vec<String>,
    /// The functions that EventBridge invokes when an execution failed, timed out or was aborted, by the ARN of the state machine.
    pub on_execution_failure: BTreeMap<String, String>,
    now: DateTime<Utc>,
    rng: Rng,
    /// Request ids that no service draws: a fault must not change what chance decides elsewhere.
    request_ids: Rng,
    faults: Vec<Fault>,
    counted: usize,
    counted_by_operation: BTreeMap<String, usize>,
}

impl World {
    /// A World with nothing in it.
    pub fn new(config: Config) -> Self {
        Self {
            rds: Rds::new(&config),
            dynamodb: DynamoDb::default(),
            states: StepFunctions::default(),
            cloudformation: CloudFormation::default(),
            functions: Functions::default(),
            bucket: ResponseBucket::default(),
            secrets: SecretsManager::default(),
            kms: Kms::default(),
            events: EventBridge::default(),
            ssm: Ssm::new(&config),
            scheduler: Scheduler::default(),
            cloudwatch: CloudWatch::default(),
            logs: Logs::default(),
            iam: Iam::default(),
            log: Vec::new(),
            keep_log: !config.forgetful,
            tally: BTreeMap::new(),
            aws_clock_offset: Duration::zero(),
            violations: Vec::new(),
            on_execution_failure: BTreeMap::new(),
            now: config.start,
            rng: Rng::new(config.seed),
            request_ids: Rng::new(config.seed ^ 0x6661_756c_745f_6964),
            faults: Vec::new(),
            counted: 0,
            counted_by_operation: BTreeMap::new(),
            config,
        }
    }

    /// The World's time.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Installs the faults to come and starts counting calls anew.
    pub fn set_faults(&mut self, faults: Vec<Fault>) {
        self.faults = faults;
        self.counted = 0;
        self.counted_by_operation.clear();
    }

    /// How many faultable calls there were since [`World::set_faults`].
    pub fn counted_calls(&self) -> usize {
        self.counted
    }

    /// When something happens next by itself, if anything does.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        let due = [
            self.states.next_due(),
            self.functions.next_due(),
            self.cloudformation.next_due(),
            self.scheduler.next_due(),
        ];
        due.into_iter().flatten().min()
    }

    /// Moves time forward, and lets everything happen that is due on the way, in order.
    pub fn advance_to(&mut self, to: DateTime<Utc>) {
        while let Some(due) = self.next_due().filter(|due| *due <= to) {
            self.now = self.now.max(due);
            self.settle(|world, cx| {
                world.rds.settle(cx.now);
                world.secrets.settle(cx.now);
                world.kms.settle(cx.now);
                world.ssm.settle(cx.now);
                world.scheduler.tick(cx);
                world.states.tick(cx);
                world.functions.tick(cx);
                world.cloudformation.tick(cx);
            });
        }
        self.now = self.now.max(to);
        self.rds.settle(self.now);
        self.secrets.settle(self.now);
        self.kms.settle(self.now);
        self.ssm.settle(self.now);
    }

    /// Invokes a function at `first` and then after each `every` (once if that is not above zero), asynchronously, as
    /// EventBridge Scheduler does. The event is `payload`, an object (anything else counts as an empty one), with the
    /// time that it was scheduled for as `time`.
    pub fn schedule(&mut self, function: &str, first: DateTime<Utc>, every: Duration, payload: Value) {
        let payload = match payload {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        self.scheduler.add(function, first, every, payload);
    }

    /// Handles one request: faults, routing, log.
    pub fn handle(&mut self, request: &Request, origin: &Origin) -> Outcome {
        let (service, operation) = wire::route(request);
        let fault = if origin.faultable { self.next_fault(&operation) } else { None };
        let refused = fault.as_ref().and_then(|fault| self.refused_by(service, fault));
        let executed = refused.is_none() && fault != Some(FaultKind::LostRequest);
        let response = match refused {
            Some(response) => response.with_header("date", &self.date()),
            None if executed => {
                let stale = match &fault {
                    Some(FaultKind::StaleRead(age)) => Some(*age),
                    _ => None,
                };
                let response = match self.denial(service, &operation, request, origin.invocation) {
                    Some(message) => wire::denied(service, &message, &self.request_ids.uuid()),
                    None => self.execute(service, request, stale),
                };
                response.with_header("date", &self.date())
            }
            None => Response::default(),
        };
        self.note(request, origin, Noted { service, operation, executed, fault: fault.as_ref() }, &response);
        match fault {
            Some(FaultKind::LostRequest | FaultKind::LostReply) => Outcome::Lost,
            Some(FaultKind::Crash) => Outcome::Crashed,
            Some(FaultKind::Delay(delay)) => Outcome::Reply(response, delay),
            _ => Outcome::Reply(response, Duration::zero()),
        }
    }

    /// The World's time, as the header `Date` of HTTP has it.
    fn date(&self) -> String {
        self.now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// Counts a call, and keeps it if calls are kept.
    fn note(&mut self, request: &Request, origin: &Origin, noted: Noted<'_>, response: &Response) {
        let Noted { service, operation, executed, fault } = noted;
        let principal = request.access_key().unwrap_or_default();
        *self.tally.entry(Tally::new(service, &operation, principal)).or_default() += 1;
        if !self.keep_log {
            return;
        }
        self.log.push(Call {
            at: self.now,
            service,
            operation,
            principal: principal.to_owned(),
            invocation: origin.invocation,
            executed,
            status: response.status,
            error: wire::error_code(response),
            fault: fault.cloned(),
            parameters: if matches!(service, "rds" | "cloudformation") {
                query::parameters(&request.body)
            } else {
                BTreeMap::new()
            },
            request: request.body.clone(),
            response: response.body.clone(),
        });
    }

    /// A call that somebody outside the product makes: never hit by a fault. `key` is the access key id.
    pub fn call_as(&mut self, key: &str, operation: &str, parameters: &[(&str, &str)]) -> Response {
        let request = query::request(&self.config, key, operation, parameters);
        match self.handle(&request, &Origin::default()) {
            Outcome::Reply(response, _) => response,
            Outcome::Lost | Outcome::Crashed => Response::default(),
        }
    }

    /// The same for a JSON service; `target` is what the header says, e.g. `secretsmanager.CreateSecret`.
    pub fn call_json_as(&mut self, key: &str, target: &str, body: &Value) -> Response {
        match self.handle(&json::request(&self.config, key, target, body), &Origin::default()) {
            Outcome::Reply(response, _) => response,
            Outcome::Lost | Outcome::Crashed => Response::default(),
        }
    }

    /// Runs `act` on the World, then everything that it causes in other services.
    pub fn settle<R>(&mut self, act: impl FnOnce(&mut Services<'_>, &mut Context<'_>) -> R) -> R {
        self.settle_as("", act)
    }

    fn settle_as<R>(
        &mut self,
        principal: &str,
        act: impl FnOnce(&mut Services<'_>, &mut Context<'_>) -> R,
    ) -> R {
        let mut effects = Vec::new();
        let mut services = Services {
            rds: &mut self.rds,
            dynamodb: &mut self.dynamodb,
            states: &mut self.states,
            cloudformation: &mut self.cloudformation,
            functions: &mut self.functions,
            bucket: &mut self.bucket,
            secrets: &mut self.secrets,
            kms: &mut self.kms,
            events: &mut self.events,
            ssm: &mut self.ssm,
            scheduler: &mut self.scheduler,
            cloudwatch: &mut self.cloudwatch,
            logs: &mut self.logs,
        };
        let mut cx = Context {
            now: self.now,
            config: &self.config,
            principal,
            rng: &mut self.rng,
            effects: &mut effects,
            violations: &mut self.violations,
        };
        let result = act(&mut services, &mut cx);
        loop {
            let batch = std::mem::take(cx.effects);
            if batch.is_empty() {
                return result;
            }
            for effect in batch {
                match effect {
                    Effect::Invoke { function, payload, reply_to } => {
                        services.functions.invoke(&mut cx, &function, payload, reply_to);
                    }
                    Effect::TaskEnded { execution, visit, result } => {
                        services.states.task_ended(&mut cx, &execution, visit, result);
                    }
                    Effect::ExecutionEnded(event) => {
                        let machine = event["detail"]["stateMachineArn"].as_str().unwrap_or_default();
                        if let Some(function) = self.on_execution_failure.get(machine) {
                            let payload = event.clone();
                            services.functions.invoke(&mut cx, function, payload, ReplyTo::Nobody);
                        }
                    }
                    Effect::Answered { key, body } => {
                        services.cloudformation.answered(&mut cx, &key, &body);
                    }
                }
            }
        }
    }

    fn execute(&mut self, service: &'static str, request: &Request, stale: Option<Duration>) -> Response {
        let principal = request.access_key().unwrap_or_default().to_owned();
        if matches!(service, "sts" | "iam") {
            return self.iam.handle(&self.config, service, request, &self.request_ids.uuid());
        }
        let response = self.settle_as(&principal, |world, cx| match service {
            "rds" => world.rds.handle(cx, request, stale),
            "dynamodb" => world.dynamodb.handle(cx, request),
            "states" => world.states.handle(cx, request),
            "cloudformation" => world.cloudformation.handle(cx, request),
            "s3" => world.bucket.handle(cx, request),
            "secretsmanager" => world.secrets.handle(cx, world.kms, request),
            "kms" => world.kms.handle(cx, request),
            "events" => world.events.handle(cx, request),
            "ssm" => world.ssm.handle(cx, request),
            "cloudwatch" => {
                world.cloudwatch.follow(world.logs);
                world.cloudwatch.handle(cx, world.rds, request)
            }
            "logs" => world.logs.handle(request),
            _ => Response::new(
                404,
                "text/plain",
                format!("the fake AWS has nothing at {} {}{}\n", request.method, request.host, request.path),
            ),
        });
        if wire::is_json(service) {
            return response.with_header("x-amzn-requestid", &self.request_ids.uuid());
        }
        response
    }

    fn refused_by(&mut self, service: &'static str, fault: &FaultKind) -> Option<Response> {
        wire::refused_by(service, fault, &self.request_ids.uuid())
    }

    fn next_fault(&mut self, operation: &str) -> Option<FaultKind> {
        self.counted += 1;
        let nth = self.counted_by_operation.entry(operation.to_owned()).or_default();
        *nth += 1;
        let (nth, overall) = (*nth, self.counted);
        self.faults
            .iter()
            .find(|fault| match fault.target {
                Target::Operation(name, number) => name == operation && number == nth,
                Target::Call(number) => number == overall,
                Target::Every(name) => name == operation,
            })
            .map(|fault| fault.kind.clone())
    }
}

/// The services of a World, borrowed side by side.
pub struct Services<'w> {
    /// RDS.
    pub rds: &'w mut Rds,
    /// DynamoDB.
    pub dynamodb: &'w mut DynamoDb,
    /// Step Functions.
    pub states: &'w mut StepFunctions,
    /// CloudFormation.
    pub cloudformation: &'w mut CloudFormation,
    /// Lambda.
    pub functions: &'w mut Functions,
    /// The response bucket.
    pub bucket: &'w mut ResponseBucket,
    /// Secrets Manager.
    pub secrets: &'w mut SecretsManager,
    /// KMS.
    pub kms: &'w mut Kms,
    /// EventBridge.
    pub events: &'w mut EventBridge,
    /// SSM Parameter Store.
    pub ssm: &'w mut Ssm,
    /// EventBridge Scheduler.
    pub scheduler: &'w mut Scheduler,
    /// CloudWatch.
    pub cloudwatch: &'w mut CloudWatch,
    /// CloudWatch Logs.
    pub logs: &'w mut Logs,
}

/// What a call's line in the log says beside the request and the response.
struct Noted<'a> {
    service: &'static str,
    operation: String,
    executed: bool,
    fault: Option<&'a FaultKind>,
}

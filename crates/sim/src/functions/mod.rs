//! Lambda: functions, their queues, and the invocations that run.
//!
//! Lambda itself runs nothing here. A driver ([`Sim::run_function`](crate::Sim::run_function), or a real process
//! behind [`serve_runtime_api`](crate::serve::serve_runtime_api)) takes invocations and says how they ended;
//! what nobody finishes in time, [`Functions::tick`] ends.

mod types;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

pub use self::types::{
    Counts, Dropped, FunctionError, Invocation, Knobs, Record, ReplyTo, invocation_id, request_id,
};
use crate::world::{Context, Effect};

/// How many invocations a forgetful World forgets at once: one by one would move the whole log each time.
const FORGOTTEN_AT_ONCE: usize = 64;

/// The functions of the account.
#[derive(Debug, Default)]
pub struct Functions {
    /// What a test may change.
    pub knobs: Knobs,
    timeouts: BTreeMap<String, Duration>,
    on_failure: BTreeMap<String, String>,
    queue: Vec<Queued>,
    running: BTreeMap<u64, DateTime<Utc>>,
    log: Vec<Record>,
    /// How many records before the log a forgetful World has forgotten.
    forgotten: u64,
    /// What became of those, by function: how many ended well, and how many did not.
    forgotten_ends: BTreeMap<String, (usize, usize)>,
    dropped: Vec<Dropped>,
    events: u64,
}

/// An event on its way to a sandbox.
#[derive(Debug, Clone)]
struct Queued {
    event: u64,
    attempt: usize,
    function: String,
    payload: Value,
    reply_to: ReplyTo,
    queued_at: DateTime<Utc>,
    due: DateTime<Utc>,
    /// Set by the clock: a due time that has been noticed is no longer something that happens next.
    ready: bool,
}

impl Functions {
    /// Adds a function, or changes its timeout.
    pub fn register(&mut self, name: &str, timeout: Duration) {
        self.timeouts.insert(name.to_owned(), timeout);
    }

    /// Where the asynchronous events go that a function could not take: the `OnFailure` destination of its
    /// `EventInvokeConfig`, another function.
    pub fn send_failures(&mut self, function: &str, destination: &str) {
        self.on_failure.insert(function.to_owned(), destination.to_owned());
    }

    /// The names of all functions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.timeouts.keys().map(String::as_str)
    }

    /// Whether there is a function with this name or ARN.
    pub fn exists(&self, function: &str) -> bool {
        self.timeouts.contains_key(name_of(function))
    }

    /// Queues an invocation. `function` is a name or an ARN.
    pub fn invoke(&mut self, cx: &mut Context<'_>, function: &str, payload: Value, reply_to: ReplyTo) {
        let name = name_of(function);
        if !self.timeouts.contains_key(name) {
            return self.refuse_unknown(cx, function, payload, reply_to);
        }
        let full = self.knobs.concurrency.is_some_and(|limit| self.in_use(name) >= limit);
        if full && reply_to != ReplyTo::Nobody {
            let error = FunctionError::new("Lambda.TooManyRequestsException", "Rate Exceeded.");
            return tell(cx, &reply_to, Err(error));
        }
        self.events += 1;
        let asynchronous = reply_to == ReplyTo::Nobody;
        let delay = if asynchronous { self.knobs.delay } else { Duration::zero() };
        let first = Queued {
            event: self.events,
            attempt: 1,
            function: name.to_owned(),
            payload,
            reply_to,
            queued_at: cx.now,
            due: cx.now + delay,
            ready: false,
        };
        let duplicate = self.knobs.duplicate.filter(|_| asynchronous).map(|later| {
            let mut copy = first.clone();
            copy.due += later;
            copy
        });
        self.enqueue(cx.now, first);
        if let Some(copy) = duplicate {
            self.enqueue(cx.now, copy);
        }
    }

    /// Queues an asynchronous invocation, as CloudFormation and EventBridge do.
    pub fn invoke_async(&mut self, cx: &mut Context<'_>, function: &str, payload: Value) {
        self.invoke(cx, function, payload, ReplyTo::Nobody);
    }

    /// The next invocation that waits for a sandbox of this function; it starts now.
    pub fn take(&mut self, now: DateTime<Utc>, function: &str) -> Option<Invocation> {
        let timeout = *self.timeouts.get(function)?;
        let full = self.knobs.concurrency.is_some_and(|limit| self.in_use(function) >= limit);
        let (position, _) = self
            .queue
            .iter()
            .enumerate()
            .filter(|(_, queued)| queued.function == function && queued.ready)
            // A task of a state machine was counted when it was invoked.
            .filter(|(_, queued)| !full || queued.reply_to != ReplyTo::Nobody)
            .min_by_key(|(_, queued)| (queued.due, queued.event))?;
        let queued = self.queue.remove(position);
        let id = self.forgotten + self.log.len() as u64 + 1;
        let deadline = now + timeout;
        self.running.insert(id, deadline);
        self.log.push(Record {
            id,
            event: queued.event,
            attempt: queued.attempt,
            function: queued.function.clone(),
            payload: queued.payload.clone(),
            reply_to: queued.reply_to,
            queued_at: queued.queued_at,
            started_at: now,
            deadline,
            ended_at: None,
            result: None,
        });
        Some(Invocation { id, function: queued.function, payload: queued.payload, deadline })
    }

    /// An invocation ended. One that is over already (timed out) is ignored.
    pub fn finish(&mut self, cx: &mut Context<'_>, id: u64, result: Result<Value, FunctionError>) {
        if self.running.remove(&id).is_none() {
            return;
        }
        let forgotten = self.forgotten;
        let record = id.checked_sub(forgotten + 1).and_then(|number| self.log.get_mut(number as usize));
        let Some(record) = record else { return };
        record.ended_at = Some(cx.now);
        record.result = Some(result.clone());
        match (&record.reply_to, result) {
            (ReplyTo::Nobody, Ok(_)) => {}
            (ReplyTo::Nobody, Err(error)) => {
                let again = Queued {
                    event: record.event,
                    attempt: record.attempt + 1,
                    function: record.function.clone(),
                    payload: record.payload.clone(),
                    reply_to: ReplyTo::Nobody,
                    queued_at: record.queued_at,
                    due: cx.now,
                    ready: false,
                };
                self.retry(cx, again, &error);
            }
            (task, result) => {
                let unknown = self.knobs.timeout_is_unknown;
                tell(cx, task, result.map_err(|error| as_task_error(error, unknown)));
            }
        }
        if cx.config.forgetful {
            self.forget();
        }
    }

    /// Forgets the invocations that are over, up to the oldest that is not.
    fn forget(&mut self) {
        let over = self.log.iter().take_while(|record| record.ended_at.is_some()).count();
        if over < FORGOTTEN_AT_ONCE {
            return;
        }
        for record in self.log.drain(..over) {
            let (well, badly) = self.forgotten_ends.entry(record.function).or_default();
            match record.result {
                Some(Ok(_)) => *well += 1,
                _ => *badly += 1,
            }
        }
        self.forgotten += over as u64;
    }

    /// Whether no invocation runs and none waits for a sandbox. What waits for its time (a retry, say) is idle.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && !self.queue.iter().any(|queued| queued.ready)
    }

    /// Whether an invocation still runs.
    pub fn is_running(&self, id: u64) -> bool {
        self.running.contains_key(&id)
    }

    /// Whether an invocation ran and is over.
    pub fn is_over(&self, id: u64) -> bool {
        (1..=self.forgotten).contains(&id) || self.record(id).is_some_and(|record| record.ended_at.is_some())
    }

    /// Every invocation that began, in order; in a forgetful World the latest ones.
    pub fn log(&self) -> &[Record] {
        &self.log
    }

    /// One invocation that began, unless it is forgotten.
    pub fn record(&self, id: u64) -> Option<&Record> {
        self.log.get(usize::try_from(id.checked_sub(self.forgotten + 1)?).ok()?)
    }

    /// The asynchronous events that were given up.
    pub fn dropped(&self) -> &[Dropped] {
        &self.dropped
    }

    /// How many invocations a function has.
    pub fn counts(&self, function: &str) -> Counts {
        let mut counts = Counts {
            queued: self.queue.iter().filter(|queued| queued.function == function).count(),
            ..Counts::default()
        };
        if let Some((well, badly)) = self.forgotten_ends.get(function) {
            counts.succeeded = *well;
            counts.failed = *badly;
        }
        for record in self.log.iter().filter(|record| record.function == function) {
            match &record.result {
                None => counts.running += 1,
                Some(Ok(_)) => counts.succeeded += 1,
                Some(Err(_)) => counts.failed += 1,
            }
        }
        counts
    }

    /// When something happens next by itself.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        let queued = self.queue.iter().filter_map(|queued| {
            let due = (!queued.ready).then_some(queued.due);
            [due, self.expires(queued)].into_iter().flatten().min()
        });
        queued.chain(self.running.values().copied()).min()
    }

    /// Lets everything happen that is due now.
    pub fn tick(&mut self, cx: &mut Context<'_>) {
        let late: Vec<u64> =
            self.running.iter().filter(|(_, deadline)| **deadline <= cx.now).map(|(id, _)| *id).collect();
        for id in late {
            let Some(record) = self.record(id) else { continue };
            let error = FunctionError::timed_out(id, record.deadline - record.started_at);
            self.finish(cx, id, Err(error));
        }
        let (expired, waiting) = std::mem::take(&mut self.queue)
            .into_iter()
            .partition(|queued| self.expires(queued).is_some_and(|at| at <= cx.now));
        self.queue = waiting;
        for queued in expired {
            self.give_up(cx, queued, "older than the maximum event age".to_owned(), None);
        }
        for queued in self.queue.iter_mut().filter(|queued| queued.due <= cx.now) {
            queued.ready = true;
        }
    }

    fn enqueue(&mut self, now: DateTime<Utc>, mut queued: Queued) {
        queued.ready = queued.due <= now;
        self.queue.push(queued);
    }

    fn retry(&mut self, cx: &mut Context<'_>, mut again: Queued, error: &FunctionError) {
        match self.knobs.retry_delays.get(again.attempt - 2) {
            Some(pause) => {
                again.due = cx.now + *pause;
                self.enqueue(cx.now, again);
            }
            None => {
                let reason = format!("failed {} times, last: {}", again.attempt - 1, error.error_type);
                self.give_up(cx, again, reason, Some(error));
            }
        }
    }

    /// An asynchronous event has failed for good: it goes to the function's destination, if there is one.
    fn give_up(
        &mut self,
        cx: &mut Context<'_>,
        queued: Queued,
        reason: String,
        last: Option<&FunctionError>,
    ) {
        if let Some(destination) = self.on_failure.get(&queued.function).cloned() {
            let record = invocation_record(cx, &queued, last);
            self.invoke_async(cx, &destination, record);
        }
        let Queued { event, function, payload, .. } = queued;
        self.dropped.push(Dropped { event, function, payload, at: cx.now, reason });
    }

    fn refuse_unknown(&mut self, cx: &mut Context<'_>, function: &str, payload: Value, reply_to: ReplyTo) {
        let message = format!("Function not found: {function}");
        if reply_to == ReplyTo::Nobody {
            let function = function.to_owned();
            self.dropped.push(Dropped { event: 0, function, payload, at: cx.now, reason: message });
        } else {
            let error = FunctionError::new("Lambda.ResourceNotFoundException", message);
            tell(cx, &reply_to, Err(error));
        }
    }

    /// What counts against the concurrency limit: what runs, and tasks that were let in and wait for a sandbox.
    fn in_use(&self, function: &str) -> usize {
        let running = self.running.keys().filter_map(|id| self.record(*id));
        let tasks = self.queue.iter().filter(|queued| queued.reply_to != ReplyTo::Nobody);
        running.filter(|record| record.function == function).count()
            + tasks.filter(|queued| queued.function == function).count()
    }

    fn expires(&self, queued: &Queued) -> Option<DateTime<Utc>> {
        (queued.reply_to == ReplyTo::Nobody).then(|| queued.queued_at + self.knobs.max_event_age)
    }
}

/// What a destination gets, as Lambda's guide shows it ("Retaining records of asynchronous invocations").
fn invocation_record(cx: &Context<'_>, queued: &Queued, last: Option<&FunctionError>) -> Value {
    let crate::Config { partition, region, account, .. } = cx.config;
    let attempts = queued.attempt - 1;
    let mut record = json!({
        "version": "1.0",
        "timestamp": cx.now.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "requestContext": {
            "requestId": request_id(queued.event),
            "functionArn": format!("arn:{partition}:lambda:{region}:{account}:function:{}:$LATEST", queued.function),
            "condition": if last.is_some() { "RetriesExhausted" } else { "EventAgeExceeded" },
            "approximateInvokeCount": attempts,
        },
        "requestPayload": queued.payload,
    });
    if let Some(error) = last {
        let function_error = if error.error_type.starts_with("Runtime.") { "Unhandled" } else { "Handled" };
        record["responseContext"] =
            json!({ "statusCode": 200, "executedVersion": "$LATEST", "functionError": function_error });
        record["responsePayload"] = json!({ "errorType": error.error_type, "errorMessage": error.message });
    }
    record
}

/// The name in `NAME`, `NAME:alias` or `arn:…:function:NAME[:alias]`.
fn name_of(function: &str) -> &str {
    let mut parts = function.split(':');
    let part = if function.starts_with("arn:") { parts.nth(6) } else { parts.next() };
    part.unwrap_or(function)
}

/// Step Functions names what the runtime itself reports (a process that died) `Lambda.Unknown`.
fn as_task_error(mut error: FunctionError, timeout_is_unknown: bool) -> FunctionError {
    if error.error_type.starts_with("Runtime.")
        || (timeout_is_unknown && error.error_type == "Sandbox.Timedout")
    {
        error.error_type = "Lambda.Unknown".to_owned();
    }
    error
}

fn tell(cx: &mut Context<'_>, reply_to: &ReplyTo, result: Result<Value, FunctionError>) {
    if let ReplyTo::Task { execution, visit } = reply_to {
        cx.effects.push(Effect::TaskEnded { execution: execution.clone(), visit: *visit, result });
    }
}

//! Lambda: queues, retries, duplicates, timeouts, limits, and processes that die.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aurora_clone_sim::functions::{Counts, FunctionError, ReplyTo};
use aurora_clone_sim::http::Request;
use aurora_clone_sim::sim::{CallError, INVOCATION};
use aurora_clone_sim::world::Effect;
use aurora_clone_sim::{Config, Fault, FaultKind, Origin, Sim, Target, World};
use chrono::Duration;
use serde_json::{Value, json};

fn world() -> World {
    let mut world = World::new(Config::default());
    world.functions.register("f", Duration::seconds(60));
    world
}

fn task() -> ReplyTo {
    ReplyTo::Task { execution: "arn:execution".to_owned(), visit: 7 }
}

fn failed() -> Result<Value, FunctionError> {
    Err(FunctionError::new("Boom", "no"))
}

fn invoke(world: &mut World, function: &str, payload: Value, reply_to: ReplyTo) -> Vec<Effect> {
    world.settle(|services, cx| {
        services.functions.invoke(cx, function, payload, reply_to);
        std::mem::take(cx.effects)
    })
}

fn finish(world: &mut World, id: u64, result: Result<Value, FunctionError>) -> Vec<Effect> {
    world.settle(|services, cx| {
        services.functions.finish(cx, id, result);
        std::mem::take(cx.effects)
    })
}

fn take(world: &mut World) -> Option<aurora_clone_sim::functions::Invocation> {
    let now = world.now();
    world.functions.take(now, "f")
}

fn task_error(effects: &[Effect]) -> &FunctionError {
    match effects {
        [Effect::TaskEnded { execution, visit: 7, result: Err(error) }] if execution == "arn:execution" => {
            error
        }
        other => panic!("no single failed task: {other:?}"),
    }
}

#[test]
fn an_asynchronous_event_is_retried_after_one_and_two_minutes_then_dropped() {
    let mut world = world();
    let start = world.now();
    invoke(&mut world, "f", json!({"n": 1}), ReplyTo::Nobody);
    let mut began = Vec::new();
    for _ in 0..3 {
        let invocation = take(&mut world).expect("an attempt");
        began.push(world.now() - start);
        assert!(finish(&mut world, invocation.id, failed()).is_empty());
        assert!(take(&mut world).is_none());
        if let Some(due) = world.next_due() {
            world.advance_to(due - Duration::milliseconds(1));
            assert!(take(&mut world).is_none(), "early");
            world.advance_to(due);
        }
    }
    assert_eq!(began, [Duration::zero(), Duration::seconds(60), Duration::seconds(180)]);
    assert_eq!(world.next_due(), None);
    let [dropped] = world.functions.dropped() else { panic!("{:?}", world.functions.dropped()) };
    assert_eq!((dropped.event, &dropped.payload), (1, &json!({"n": 1})));
    assert_eq!(dropped.reason, "failed 3 times, last: Boom");
    let attempts: Vec<_> =
        world.functions.log().iter().map(|record| (record.id, record.event, record.attempt)).collect();
    assert_eq!(attempts, [(1, 1, 1), (2, 1, 2), (3, 1, 3)]);
    assert_eq!(world.functions.counts("f"), Counts { failed: 3, ..Counts::default() });
}

/// The function `g` as the destination of what `f` could not take.
fn with_destination() -> World {
    let mut world = world();
    world.functions.register("g", Duration::seconds(10));
    world.functions.send_failures("f", "g");
    world
}

/// What the destination got.
fn sent(world: &mut World) -> Value {
    let now = world.now();
    let record = world.functions.take(now, "g").expect("a record").payload;
    assert!(world.functions.take(now, "g").is_none(), "a second record");
    record
}

#[test]
fn what_fails_three_times_goes_to_the_destination_with_the_last_error() {
    let mut world = with_destination();
    invoke(&mut world, "f", json!({"n": 1}), ReplyTo::Nobody);
    for pause in [60, 120, 0] {
        let now = world.now();
        assert!(world.functions.take(now, "g").is_none(), "early");
        let invocation = take(&mut world).expect("an attempt");
        finish(&mut world, invocation.id, failed());
        world.advance_to(now + Duration::seconds(pause));
    }
    let record = sent(&mut world);
    assert_eq!(record["requestPayload"], json!({"n": 1}));
    assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 3);
    assert_eq!(record["responsePayload"]["errorType"], "Boom");
    assert_eq!(world.functions.dropped().len(), 1);
}

#[test]
fn what_grows_too_old_goes_there_without_one_and_a_failed_task_does_not() {
    let mut world = with_destination();
    invoke(&mut world, "f", json!({"n": 1}), ReplyTo::Nobody);
    world.advance_to(world.now() + Duration::hours(6));
    let record = sent(&mut world);
    assert_eq!(record["requestContext"]["condition"], "EventAgeExceeded");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 0);
    assert!(record.get("responsePayload").is_none());
    invoke(&mut world, "f", json!(2), task());
    let invocation = take(&mut world).expect("the task");
    finish(&mut world, invocation.id, failed());
    let now = world.now();
    assert!(world.functions.take(now, "g").is_none(), "a task has somebody who hears of it");
}

#[test]
fn a_retry_that_works_is_the_end() {
    let mut world = world();
    invoke(&mut world, "f", json!(1), ReplyTo::Nobody);
    let first = take(&mut world).expect("the first attempt").id;
    finish(&mut world, first, failed());
    world.advance_to(world.now() + Duration::minutes(5));
    let second = take(&mut world).expect("the second attempt").id;
    finish(&mut world, second, Ok(json!("done")));
    world.advance_to(world.now() + Duration::hours(7));
    assert!(take(&mut world).is_none());
    assert!(world.functions.dropped().is_empty());
    let record = world.functions.record(second).expect("a record");
    assert_eq!(record.result, Some(Ok(json!("done"))));
    assert_eq!((record.queued_at, record.ended_at), (world.config.start, Some(record.started_at)));
    assert!(world.functions.record(0).is_none() && world.functions.record(3).is_none());
}

#[test]
fn duplicates_come_when_the_knob_says() {
    let mut world = world();
    world.functions.knobs.duplicate = Some(Duration::minutes(4));
    world.functions.knobs.delay = Duration::minutes(1);
    invoke(&mut world, "f", json!(1), ReplyTo::Nobody);
    invoke(&mut world, "f", json!(2), task());
    assert_eq!(take(&mut world).expect("tasks don't queue").payload, json!(2));
    assert!(take(&mut world).is_none());
    world.advance_to(world.now() + Duration::minutes(1));
    let first = take(&mut world).expect("the event");
    finish(&mut world, first.id, Ok(Value::Null));
    assert!(take(&mut world).is_none());
    world.advance_to(world.now() + Duration::minutes(4));
    let second = take(&mut world).expect("its duplicate");
    assert_eq!((first.payload, second.payload), (json!(1), json!(1)));
    assert_ne!(first.id, second.id);
    assert_eq!(world.functions.record(first.id).map(|record| record.event), Some(1));
    assert_eq!(world.functions.record(second.id).map(|record| record.event), Some(1));
}

#[test]
fn an_event_that_nobody_takes_is_dropped_when_it_is_too_old() {
    let mut world = world();
    invoke(&mut world, "f", json!(1), ReplyTo::Nobody);
    invoke(&mut world, "f", json!(2), task());
    world.advance_to(world.now() + Duration::hours(6) - Duration::seconds(1));
    assert!(world.functions.dropped().is_empty());
    world.advance_to(world.now() + Duration::seconds(1));
    assert_eq!(world.functions.dropped().len(), 1);
    assert_eq!(take(&mut world).expect("the task still waits").payload, json!(2));
    assert!(take(&mut world).is_none());
}

#[test]
fn an_invocation_ends_at_its_deadline_and_what_comes_later_is_ignored() {
    let mut world = world();
    invoke(&mut world, "f", json!(1), ReplyTo::Nobody);
    let id = take(&mut world).expect("an attempt").id;
    world.advance_to(world.now() + Duration::milliseconds(59_999));
    assert!(world.functions.is_running(id) && !world.functions.is_over(id));
    world.advance_to(world.now() + Duration::milliseconds(1));
    assert!(!world.functions.is_running(id) && world.functions.is_over(id));
    finish(&mut world, id, Ok(json!("too late")));
    let record = world.functions.record(id).expect("a record");
    let Some(Err(error)) = &record.result else { panic!("{record:?}") };
    assert_eq!(error.error_type, "Sandbox.Timedout");
    assert!(error.message.ends_with("Task timed out after 60.00 seconds"), "{}", error.message);
    assert_eq!(world.functions.counts("f"), Counts { queued: 1, failed: 1, ..Counts::default() });
}

#[test]
fn a_task_hears_of_every_end_once() {
    let mut world = world();
    for name in ["f", "f:live", "arn:aws:lambda:eu-west-1:123456789012:function:f:live"] {
        assert!(invoke(&mut world, name, json!(1), task()).is_empty());
        let id = take(&mut world).expect("the task").id;
        let effects = finish(&mut world, id, Ok(json!(2)));
        let [Effect::TaskEnded { visit: 7, result: Ok(value), .. }] = effects.as_slice() else {
            panic!("{effects:?}")
        };
        assert_eq!(value, &json!(2));
        assert!(finish(&mut world, id, Ok(json!(3))).is_empty());
    }
    invoke(&mut world, "f", json!(1), task());
    let id = take(&mut world).expect("the task").id;
    assert_eq!(task_error(&finish(&mut world, id, failed())).error_type, "Boom");
    assert_eq!(world.next_due(), None, "tasks are not retried by Lambda");
    invoke(&mut world, "f", json!(1), task());
    let id = take(&mut world).expect("the task").id;
    let effects = finish(&mut world, id, Err(FunctionError::exited(id)));
    assert_eq!(task_error(&effects).error_type, "Lambda.Unknown");
}

#[test]
fn a_task_hears_of_a_timeout_by_either_name() {
    for (timeout_is_unknown, expected) in [(false, "Sandbox.Timedout"), (true, "Lambda.Unknown")] {
        let mut world = world();
        world.functions.knobs.timeout_is_unknown = timeout_is_unknown;
        invoke(&mut world, "f", json!(1), task());
        let past = world.now() - Duration::seconds(60);
        world.functions.take(past, "f").expect("the task");
        let effects = world.settle(|services, cx| {
            services.functions.tick(cx);
            std::mem::take(cx.effects)
        });
        assert_eq!(task_error(&effects).error_type, expected);
    }
}

#[test]
fn an_unknown_function_is_an_error_for_a_task_and_a_line_for_the_rest() {
    let mut world = world();
    let error = task_error(&invoke(&mut world, "g", json!(1), task())).clone();
    assert_eq!(error.error_type, "Lambda.ResourceNotFoundException");
    assert!(invoke(&mut world, "g", json!(1), ReplyTo::Nobody).is_empty());
    assert_eq!(world.functions.dropped()[0].reason, "Function not found: g");
    assert!(!world.functions.exists("g") && world.functions.exists("f:live"));
}

#[test]
fn the_concurrency_limit_holds_events_back_and_refuses_tasks() {
    let mut world = world();
    world.functions.knobs.concurrency = Some(1);
    invoke(&mut world, "f", json!(1), ReplyTo::Nobody);
    invoke(&mut world, "f", json!(2), ReplyTo::Nobody);
    let first = take(&mut world).expect("the first").id;
    assert!(take(&mut world).is_none());
    let refused = invoke(&mut world, "f", json!(3), task());
    assert_eq!(task_error(&refused).error_type, "Lambda.TooManyRequestsException");
    finish(&mut world, first, Ok(Value::Null));
    let second = take(&mut world).expect("the second").id;
    finish(&mut world, second, Ok(Value::Null));
    assert!(invoke(&mut world, "f", json!(4), task()).is_empty());
    assert_eq!(take(&mut world).expect("the task").payload, json!(4));
}

async fn put(sim: &Sim) -> Result<u16, CallError> {
    let origin = Origin { invocation: INVOCATION.try_get().ok(), faultable: true };
    let request = Request { method: "PUT".to_owned(), path: "/x".to_owned(), ..Request::default() };
    sim.call(request, origin).await.map(|response| response.status)
}

fn run<F, Fut>(sim: &Sim, handler: F)
where
    F: Fn(Sim, Value) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, FunctionError>> + Send + 'static,
{
    let (driver, runner, inner) = (sim.clone(), sim.clone(), sim.clone());
    tokio::spawn(async move { driver.drive().await });
    tokio::spawn(async move {
        runner.run_function("f", move |payload, _deadline| handler(inner.clone(), payload)).await;
    });
}

/// Lets the World live for a day, and says when each invocation began and how it ended.
async fn outcomes(sim: &Sim) -> Vec<(i64, i64, String)> {
    sim.sleep(Duration::days(1)).await;
    sim.with(|world| {
        let start = world.config.start;
        let log = world.functions.log().iter();
        log.map(|record| {
            let ended = record.ended_at.map_or(-1, |at| (at - record.started_at).num_seconds());
            let result = match &record.result {
                Some(Ok(value)) => value.to_string(),
                Some(Err(error)) => error.error_type.clone(),
                None => "running".to_owned(),
            };
            ((record.started_at - start).num_seconds(), ended, result)
        })
        .collect()
    })
}

#[tokio::test(start_paused = true)]
async fn invocations_run_side_by_side() {
    let sim = Sim::in_virtual_time(world());
    run(&sim, |sim, payload| async move {
        sim.sleep(Duration::seconds(10)).await;
        Ok(payload)
    });
    for n in 0..3 {
        sim.with(|world| invoke(world, "f", json!(n), ReplyTo::Nobody));
    }
    let expected = ["0", "1", "2"].map(|result| (0, 10, result.to_owned()));
    assert_eq!(outcomes(&sim).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_is_dropped_at_its_deadline() {
    struct Guard(Arc<AtomicUsize>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let sim = Sim::in_virtual_time(world());
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dropped);
    run(&sim, move |_sim, _payload| {
        let guard = Guard(Arc::clone(&count));
        async move {
            let _guard = guard;
            std::future::pending().await
        }
    });
    sim.with(|world| invoke(world, "f", json!(1), ReplyTo::Nobody));
    let timeout = "Sandbox.Timedout".to_owned();
    let expected = [0, 120, 300].map(|start| (start, 60, timeout.clone()));
    assert_eq!(outcomes(&sim).await, expected);
    assert_eq!(dropped.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_crash_ends_the_process_at_that_call_and_lambda_tries_again() {
    let sim = Sim::in_virtual_time(world());
    sim.with(|world| {
        world.set_faults(vec![Fault { target: Target::Operation("PutObject", 2), kind: FaultKind::Crash }]);
    });
    run(&sim, |sim, _payload| async move {
        let first = put(&sim).await;
        // A process that swallows the error is dead all the same: its further calls reach nothing.
        let _ = put(&sim).await;
        sim.sleep(Duration::seconds(1)).await;
        let third = put(&sim).await;
        Ok(json!([first.ok(), third.ok()]))
    });
    sim.with(|world| invoke(world, "f", json!(1), ReplyTo::Nobody));
    let ended = outcomes(&sim).await;
    assert_eq!(ended[0], (0, 0, "Runtime.ExitError".to_owned()));
    assert_eq!((ended.len(), &ended[1].0, &ended[1].1), (2, &60, &1));
    let calls = sim.with(|world| world.log.iter().map(|call| call.invocation).collect::<Vec<_>>());
    assert_eq!(calls, [Some(1), Some(1), Some(2), Some(2), Some(2)]);
}

#[tokio::test(start_paused = true)]
async fn the_dead_make_no_calls() {
    let sim = Sim::in_virtual_time(world());
    sim.with(|world| {
        world.set_faults(vec![Fault { target: Target::Call(1), kind: FaultKind::Crash }]);
        invoke(world, "f", json!(1), ReplyTo::Nobody);
    });
    let id = sim.next_invocation("f").await.id;
    let origin = Origin { invocation: Some(id), faultable: true };
    let request = Request { method: "PUT".to_owned(), ..Request::default() };
    assert_eq!(sim.call(request.clone(), origin.clone()).await.err(), Some(CallError::Crashed));
    assert_eq!(sim.call(request, origin).await.err(), Some(CallError::Crashed));
    assert_eq!(sim.with(|world| world.log.len()), 1);
    assert!(sim.with(|world| world.functions.is_over(id)));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_process_that_died() {
    let sim = Sim::in_virtual_time(world());
    run(&sim, |_sim, payload| async move {
        assert!(payload != json!("panic"), "this panic belongs to the test");
        Ok(payload)
    });
    sim.with(|world| invoke(world, "f", json!("panic"), ReplyTo::Nobody));
    sim.with(|world| invoke(world, "f", json!(1), ReplyTo::Nobody));
    let exit = || "Runtime.ExitError".to_owned();
    let expected = [(0, 0, exit()), (0, 0, "1".to_owned()), (60, 0, exit()), (180, 0, exit())];
    assert_eq!(outcomes(&sim).await, expected);
}

//! What holds for the whole World: the Date header, the tally of calls, schedules, and forgetting.

use aurora_clone_sim::http::{Request, Response};
use aurora_clone_sim::scheduler::Mishap;
use aurora_clone_sim::world::{Outcome, Tally};
use aurora_clone_sim::{Config, Fault, FaultKind, Origin, Target, World};
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

const MANAGER: &str = "AKIAMANAGER";

fn header<'r>(response: &'r Response, name: &str) -> Vec<&'r str> {
    response.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
}

#[test]
fn every_answer_bears_the_worlds_time() {
    let mut world = World::new(Config::default());
    world.aws_clock_offset = Duration::hours(3);
    let to = world.now() + Duration::days(10) + Duration::seconds(7);
    world.advance_to(to);
    let expected = ["Wed, 01 Jul 2026 00:00:07 GMT"];
    assert_eq!(to.to_rfc3339(), "2026-07-01T00:00:07+00:00");
    assert_eq!(header(&world.call_as(MANAGER, "DescribeDBClusters", &[]), "date"), expected);
    assert_eq!(header(&world.call_as(MANAGER, "DeleteDBCluster", &[]), "date"), expected, "an error");
    assert_eq!(header(&world.call_as(MANAGER, "DescribeStacks", &[]), "date"), expected);
    for target in [
        "DynamoDB_20120810.GetItem",
        "AWSStepFunctions.StartExecution",
        "secretsmanager.ListSecrets",
        "TrentService.ListKeys",
        "AWSEvents.PutEvents",
        "AmazonSSM.GetParameter",
        "Nothing.AtAll",
    ] {
        assert_eq!(header(&world.call_json_as(MANAGER, target, &json!({})), "date"), expected, "{target}");
    }
    let put = Request { method: "PUT".to_owned(), path: "/x".to_owned(), ..Request::default() };
    world.set_faults(vec![Fault { target: Target::Call(2), kind: FaultKind::Throttle }]);
    for _ in 0..2 {
        let faultable = Origin { faultable: true, ..Origin::default() };
        let Outcome::Reply(response, _) = world.handle(&put, &faultable) else { panic!("a reply") };
        assert_eq!(header(&response, "date"), expected);
    }
}

#[test]
fn calls_are_counted_whether_or_not_they_are_kept() {
    let mut world = World::new(Config { forgetful: true, ..Config::default() });
    assert!(!world.keep_log);
    for _ in 0..3 {
        world.call_as(MANAGER, "DescribeDBClusters", &[]);
        world.call_json_as("", "TrentService.CreateKey", &json!({}));
    }
    world.keep_log = true;
    world.call_as(MANAGER, "DescribeDBClusters", &[]);
    assert_eq!(world.log.len(), 1);
    let tally = |service, operation: &str, principal: &str, mutates| Tally {
        service,
        operation: operation.to_owned(),
        principal: principal.to_owned(),
        mutates,
    };
    assert_eq!(
        world.tally.into_iter().collect::<Vec<_>>(),
        [(tally("kms", "CreateKey", "", true), 3), (tally("rds", "DescribeDBClusters", MANAGER, false), 4),]
    );
    assert!(World::new(Config::default()).keep_log);
}

/// What came to the function `f`, in order: when, and the event.
fn delivered(world: &mut World, until: DateTime<Utc>) -> Vec<(DateTime<Utc>, Value)> {
    let mut found = Vec::new();
    while let Some(due) = world.next_due().filter(|due| *due <= until) {
        world.advance_to(due);
        while let Some(invocation) = world.functions.take(due, "f") {
            found.push((world.now(), invocation.payload));
            world.settle(|services, cx| services.functions.finish(cx, invocation.id, Ok(Value::Null)));
        }
    }
    found
}

#[test]
fn a_schedule_invokes_its_function_at_its_times() {
    let mut world = World::new(Config::default());
    world.functions.register("f", Duration::minutes(1));
    let first = world.now() + Duration::hours(2);
    world.schedule("f", first, Duration::days(1), json!({"sweep": true}));
    world.schedule("f", first + Duration::hours(1), Duration::zero(), Value::Null);
    assert_eq!(world.next_due(), Some(first));
    let until = first + Duration::days(2);
    let found = delivered(&mut world, until);
    let expected: Vec<(DateTime<Utc>, Value)> = vec![
        (first, json!({"sweep": true, "time": "2026-06-21T02:00:00Z"})),
        (first + Duration::hours(1), json!({"time": "2026-06-21T03:00:00Z"})),
        (first + Duration::days(1), json!({"sweep": true, "time": "2026-06-22T02:00:00Z"})),
        (until, json!({"sweep": true, "time": "2026-06-23T02:00:00Z"})),
    ];
    assert_eq!(found, expected);
    assert_eq!(world.next_due(), Some(first + Duration::days(3)));
}

#[test]
fn a_schedule_fires_twice_or_not_at_all_if_told() {
    let mut world = World::new(Config::default());
    world.functions.register("f", Duration::minutes(1));
    let first = world.now() + Duration::hours(1);
    world.schedule("f", first, Duration::hours(1), json!({}));
    for (mishap, count) in [(Mishap::Twice, 2), (Mishap::Never, 0), (Mishap::None, 1)] {
        world.scheduler.mishap = mishap;
        let until = world.now() + Duration::hours(1);
        let found = delivered(&mut world, until);
        assert_eq!(found.len(), count, "{mishap:?}");
        world.advance_to(until);
    }
}

#[test]
fn a_failed_event_of_a_schedule_is_retried_as_every_asynchronous_one() {
    let mut world = World::new(Config::default());
    world.functions.register("f", Duration::minutes(1));
    let first = world.now() + Duration::hours(1);
    world.schedule("f", first, Duration::zero(), json!({}));
    world.advance_to(first);
    assert!(world.functions.take(first, "f").is_some());
    // Nobody finishes it: it times out.
    world.advance_to(first + Duration::minutes(2));
    let again = world.functions.take(world.now(), "f").expect("a retry");
    assert_eq!(again.payload, json!({"time": "2026-06-21T01:00:00Z"}));
}

#[test]
fn a_forgetful_world_counts_what_it_does_not_keep() {
    let mut forgetful = World::new(Config { forgetful: true, ..Config::default() });
    let mut other = World::new(Config::default());
    for world in [&mut forgetful, &mut other] {
        world.functions.register("f", Duration::minutes(1));
        let entry = json!({"Source": "s", "DetailType": "clone-expiring", "Detail": "{}"});
        for number in 0..200 {
            world.settle(|services, cx| services.functions.invoke_async(cx, "f", json!(number)));
            let now = world.now();
            let id = world.functions.take(now, "f").expect("queued").id;
            assert_eq!(id, number + 1);
            assert!(world.functions.is_running(id) && !world.functions.is_over(id));
            world.settle(|services, cx| services.functions.finish(cx, id, Ok(Value::Null)));
            assert!(world.functions.is_over(id));
            world.call_json_as(MANAGER, "AWSEvents.PutEvents", &json!({"Entries": [entry]}));
        }
        assert!(world.functions.is_over(1) && !world.functions.is_over(0) && !world.functions.is_over(201));
        assert_eq!(world.functions.counts("f").succeeded, 200);
        assert_eq!(world.events.tally, [("clone-expiring".to_owned(), 200)].into());
        assert_eq!(world.tally.values().sum::<u64>(), 200);
    }
    assert_eq!((forgetful.log.len(), forgetful.events.taken.len()), (0, 0));
    assert!(forgetful.functions.log().len() < 100);
    assert_eq!((other.log.len(), other.events.taken.len(), other.functions.log().len()), (200, 200, 200));
}

#[test]
fn a_forgetful_world_keeps_answers_while_their_urls_live() {
    let mut world = World::new(Config { forgetful: true, ..Config::default() });
    let put = |world: &mut World, key: &str| {
        let url = world.settle(|services, cx| services.bucket.issue(cx, key));
        let url = url::Url::parse(&url).expect("a URL");
        let request = Request {
            method: "PUT".to_owned(),
            host: url.host_str().unwrap_or_default().to_owned(),
            path: url.path().to_owned(),
            query: url.query().unwrap_or_default().to_owned(),
            body: b"{}".to_vec(),
            ..Request::default()
        };
        let Outcome::Reply(response, _) = world.handle(&request, &Origin::default()) else {
            panic!("a reply")
        };
        assert_eq!(response.status, 200);
    };
    put(&mut world, "a");
    let to = world.now() + Duration::hours(2);
    world.advance_to(to);
    put(&mut world, "b");
    assert_eq!(world.bucket.answers.len(), 2);
    world.advance_to(to + Duration::minutes(1));
    put(&mut world, "c");
    let keys: Vec<&str> = world.bucket.answers.iter().map(|answer| answer.key.as_str()).collect();
    assert_eq!((keys, world.bucket.issued.len()), (vec!["b", "c"], 0));
}

#[test]
fn a_forgetful_world_drops_the_history_of_what_is_over() {
    let machine = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#;
    for (forgetful, kept) in [(true, false), (false, true)] {
        let mut world = World::new(Config { forgetful, ..Config::default() });
        let config = world.config.clone();
        let arn = world.states.create(&config, "m", machine, &[]).expect("a machine");
        let start = json!({"stateMachineArn": arn, "name": "x", "input": "{}"});
        for status in [200, 400] {
            let response = world.call_json_as(MANAGER, "AWSStepFunctions.StartExecution", &start);
            assert_eq!(response.status, status, "its name is taken");
        }
        let execution = world.states.execution("x").expect("there");
        assert_eq!((execution.output.as_deref(), execution.history.is_empty()), (Some("{}"), !kept));
    }
}

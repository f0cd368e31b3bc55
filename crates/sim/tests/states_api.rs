//! The API of the fake Step Functions.

mod states_support;

use aurora_clone_sim::http::Request;
use aurora_clone_sim::world::Outcome;
use aurora_clone_sim::{Config, Origin, World};
use chrono::Duration;
use serde_json::{Value, json};
use states_support::Harness;

/// One task, then the end.
fn one_task() -> Harness {
    Harness::with(&json!({
        "StartAt": "Work",
        "TimeoutSeconds": 100,
        "States": {"Work": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
            "Parameters": {"FunctionName": "f", "Payload.$": "$"}, "OutputPath": "$.Payload",
        }},
    }))
}

fn start(harness: &Harness, name: &str, input: &str) -> Value {
    json!({"stateMachineArn": harness.machine_arn(), "name": name, "input": input})
}

#[test]
fn a_duplicate_start_depends_on_how_the_first_one_stands() {
    let mut harness = one_task();
    let (same, other) = (start(&harness, "one", "{\"a\":1}"), start(&harness, "one", "{\"a\":2}"));
    let first = harness.call("StartExecution", same.clone()).expect("started");
    assert_eq!(first["startDate"], json!(1_782_000_000.0));
    harness.advance(10);
    assert_eq!(harness.call("StartExecution", same.clone()), Ok(first), "running, same input");
    assert_eq!(harness.refused("StartExecution", other.clone()), "ExecutionAlreadyExists");
    assert_eq!(harness.invoked.len(), 1, "nothing was started twice");
    harness.succeed(json!("done"));
    for body in [&same, &other] {
        assert_eq!(harness.refused("StartExecution", body.clone()), "ExecutionAlreadyExists", "closed");
    }
    harness.advance(90 * 86_400 - 1);
    assert_eq!(harness.refused("StartExecution", same.clone()), "ExecutionAlreadyExists");
    harness.advance(1);
    harness.call("StartExecution", same).expect("forgotten after 90 days");
    assert_eq!(harness.states.executions().len(), 2);
    assert_eq!(harness.execution("one").input, "{\"a\":1}");
}

#[test]
fn a_name_is_taken_by_every_way_to_end() {
    for way in ["FAILED", "TIMED_OUT", "ABORTED"] {
        let mut harness = one_task();
        let arn = harness.start("one", &json!({}));
        match way {
            "FAILED" => drop(harness.fail("E")),
            "TIMED_OUT" => harness.advance(100),
            _ => drop(harness.call("StopExecution", json!({"executionArn": arn}))),
        }
        assert_eq!(harness.end("one").0, way);
        assert_eq!(harness.events.len(), 1, "{way}");
        assert_eq!(harness.events[0]["detail"]["status"], way);
        let again = start(&harness, "one", "{}");
        assert_eq!(harness.refused("StartExecution", again), "ExecutionAlreadyExists", "{way}");
    }
}

#[test]
fn what_cannot_be_started() {
    let mut harness = one_task();
    let long = "n".repeat(81);
    for name in ["", &long, "a b", "a/b", "a:b", "a$b", "tab\t", "a\u{7f}", "a\u{85}", "{x}"] {
        let body = start(&harness, name, "{}");
        assert_eq!(harness.refused("StartExecution", body), "InvalidName", "{name:?}");
    }
    for name in [&long[..80], "a-b_c.d=e+f@g!(h)'i'", "ü"] {
        let body = start(&harness, name, "{}");
        assert!(harness.call("StartExecution", body).is_ok(), "{name:?}");
    }
    for (body, code) in [
        (start(&harness, "x", "{"), "InvalidExecutionInput"),
        (start(&harness, "x", &format!("\"{}\"", "x".repeat(262_143))), "ValidationException"),
        (json!({"stateMachineArn": format!("{}2", harness.machine_arn())}), "StateMachineDoesNotExist"),
        (json!({"stateMachineArn": "machine"}), "InvalidArn"),
        (json!({"name": "x"}), "ValidationException"),
        (json!({"stateMachineArn": harness.machine_arn(), "traceHeader": "t"}), "ValidationException"),
        (json!({"stateMachineArn": harness.machine_arn(), "name": 7}), "SerializationException"),
    ] {
        assert_eq!(harness.refused("StartExecution", body.clone()), code, "{:.80}", body.to_string());
    }
    assert_eq!(harness.refused("StartSyncExecution", json!({})), "UnknownOperationException");
    let nameless = json!({"stateMachineArn": harness.machine_arn(), "name": null});
    let arn = harness.call("StartExecution", nameless).expect("started")["executionArn"].clone();
    assert_eq!(arn.as_str().and_then(|arn| arn.rsplit(':').next()).map(str::len), Some(36), "{arn}");
    assert_eq!(harness.execution(arn.as_str().unwrap_or_default()).input, "{}");
}

#[test]
fn describe_tells_how_it_stands() {
    let mut harness = one_task();
    let arn = harness.start("one", &json!({"a": 1}));
    let running = harness.call("DescribeExecution", json!({"executionArn": arn})).expect("described");
    assert_eq!(running["status"], "RUNNING");
    assert_eq!(running["input"], "{\"a\":1}");
    assert!(running.get("stopDate").is_none() && running.get("output").is_none());
    harness.advance(2);
    harness.succeed(json!({"b": 2}));
    let done = harness.call("DescribeExecution", json!({"executionArn": arn})).expect("described");
    assert_eq!((&done["status"], &done["output"]), (&json!("SUCCEEDED"), &json!("{\"b\":2}")));
    assert_eq!(done["stopDate"], json!(1_782_000_002.0));
    harness.start("two", &json!({}));
    harness.fail("E");
    let failed = harness.arn("two");
    let failed = harness.call("DescribeExecution", json!({"executionArn": failed})).expect("described");
    assert_eq!((&failed["status"], &failed["error"]), (&json!("FAILED"), &json!("E")));
    assert_eq!(failed["cause"], "{\"errorType\":\"E\",\"errorMessage\":\"it broke\"}");
    let nobody = harness.arn("nobody");
    let refused = harness.call("DescribeExecution", json!({"executionArn": nobody})).expect_err("nobody");
    assert_eq!(
        refused,
        ("ExecutionDoesNotExist".to_owned(), format!("Execution Does Not Exist: '{nobody}'"))
    );
    let extra = json!({"executionArn": arn, "includedData": "METADATA_ONLY"});
    assert_eq!(harness.refused("DescribeExecution", extra), "ValidationException");
}

#[test]
fn stopping_aborts_once_and_the_function_is_not_heard_any_more() {
    let mut harness = one_task();
    let arn = harness.start("one", &json!({"a": 1}));
    let waiting = harness.take();
    harness.advance(5);
    let body = json!({"executionArn": arn, "error": "Cancelled", "cause": "a Delete came"});
    let stopped = harness.call("StopExecution", body.clone()).expect("stopped");
    assert_eq!(stopped["stopDate"], json!(1_782_000_005.0));
    assert_eq!(harness.end("one"), ("ABORTED", Some("Cancelled")));
    harness.reply(&waiting, Ok(json!("late")));
    harness.advance(1000);
    assert_eq!(harness.end("one"), ("ABORTED", Some("Cancelled")));
    let again = json!({"executionArn": arn, "error": "Other"});
    assert_eq!(harness.call("StopExecution", again), Ok(stopped), "idempotent, the first reason stays");
    let [event] = &harness.events[..] else { panic!("{:?}", harness.events) };
    let detail = &event["detail"];
    assert_eq!((&detail["status"], &detail["input"]), (&json!("ABORTED"), &json!("{\"a\":1}")));
    assert_eq!((&detail["error"], &detail["cause"]), (&json!("Cancelled"), &json!("a Delete came")));
    assert_eq!(detail["stopDate"], 1_782_000_005_000_i64);
    let long = json!({"executionArn": arn, "error": "e".repeat(257)});
    assert_eq!(harness.refused("StopExecution", long), "ValidationException");
    let nobody = json!({"executionArn": harness.arn("nobody")});
    assert_eq!(harness.refused("StopExecution", nobody), "ExecutionDoesNotExist");
}

#[test]
fn the_list_is_newest_first_filtered_and_paged() {
    let mut harness = one_task();
    for number in 0..7 {
        harness.start(&format!("e{number}"), &json!({}));
        harness.advance(1);
    }
    for _ in 0..3 {
        harness.succeed(json!({}));
    }
    let names = |answer: &Value| -> Vec<String> {
        let listed = answer["executions"].as_array().expect("a list");
        listed.iter().map(|item| item["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let mut body = json!({"stateMachineArn": harness.machine_arn(), "maxResults": 3});
    let first = harness.call("ListExecutions", body.clone()).expect("listed");
    assert_eq!(names(&first), ["e6", "e5", "e4"]);
    harness.start("e7", &json!({}));
    let mut pages = vec![names(&first)];
    let mut token = first["nextToken"].clone();
    while !token.is_null() {
        body["nextToken"] = token;
        let page = harness.call("ListExecutions", body.clone()).expect("listed");
        pages.push(names(&page));
        token = page["nextToken"].clone();
    }
    assert_eq!(pages[1..], [vec!["e3", "e2", "e1"], vec!["e0"]], "what came meanwhile moves nothing");
    let body = json!({"stateMachineArn": harness.machine_arn(), "statusFilter": "SUCCEEDED"});
    assert_eq!(names(&harness.call("ListExecutions", body).expect("listed")), ["e2", "e1", "e0"]);
    for (name, value, code) in [
        ("statusFilter", json!("DONE"), "ValidationException"),
        ("maxResults", json!(1001), "ValidationException"),
        ("nextToken", json!("x"), "InvalidToken"),
        ("redriveFilter", json!("REDRIVEN"), "ValidationException"),
        ("stateMachineArn", json!("arn:aws:states:a:b:stateMachine:nobody"), "StateMachineDoesNotExist"),
    ] {
        let mut body = json!({"stateMachineArn": harness.machine_arn()});
        body[name] = value;
        assert_eq!(harness.refused("ListExecutions", body), code, "{name}");
    }
}

#[test]
fn a_big_input_is_left_out_of_the_event() {
    let mut harness = one_task();
    harness.start("big", &json!({"text": "\"".repeat(100_000)}));
    harness.fail("E");
    assert_eq!(harness.events[0]["detail"]["input"], Value::Null);
    assert_eq!(harness.events[0]["detail"]["inputDetails"], json!({"included": false}));
}

#[test]
fn in_the_world_time_moves_executions() {
    let mut world = World::new(Config::default());
    let definition = json!({
        "StartAt": "Nap",
        "States": {"Nap": {"Type": "Wait", "Seconds": 30, "End": true}},
    });
    let arn = world.states.create(&world.config, "nap", &definition.to_string(), &[]).expect("created");
    let request = Request {
        method: "POST".to_owned(),
        headers: vec![("x-amz-target".to_owned(), "AWSStepFunctions.StartExecution".to_owned())],
        body: json!({"stateMachineArn": arn, "name": "n"}).to_string().into_bytes(),
        ..Request::default()
    };
    let Outcome::Reply(response, _) = world.handle(&request, &Origin::default()) else { panic!("a reply") };
    assert_eq!(response.status, 200);
    assert_eq!(world.next_due(), Some(world.now() + Duration::seconds(30)));
    assert_eq!(world.states.running(), 1);
    world.advance_to(world.now() + Duration::seconds(100));
    let execution = world.states.execution("n").expect("there");
    assert_eq!(execution.status.name(), "SUCCEEDED");
    assert_eq!(execution.stopped, Some(execution.started + Duration::seconds(30)));
    assert!(world.states.create(&world.config, "nap", &definition.to_string(), &[]).is_err(), "twice");
}

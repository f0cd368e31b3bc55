//! The state machine that the template ships, run by the fake Step Functions.

mod states_support;

use serde_json::{Value, json};
use states_support::Harness;

const DEFINITION: &str = include_str!("../../../template/state-machine.asl.json");
const HANDLER: &str = "arn:aws:lambda:eu-west-1:123456789012:function:clone-handler";
const SUBSTITUTIONS: [(&str, &str); 2] = [("Partition", "aws"), ("CloneHandlerArn", HANDLER)];

fn shipped() -> Harness {
    let mut harness = Harness::new();
    let arn = harness.states.create(&harness.config, "machine", DEFINITION, &SUBSTITUTIONS);
    assert_eq!(arn, Ok(harness.machine_arn()));
    harness
}

fn input() -> Value {
    json!({"request": "r-1", "seen": 0})
}

/// What follows every answer.
fn told(harness: &mut Harness) {
    let tell = harness.succeed(json!({"request": "lies"}));
    assert_eq!(tell.payload, json!({"step": "tell", "request": "r-1"}));
}

#[test]
fn the_happy_path() {
    let mut harness = shipped();
    harness.start("one", &input());
    let first = harness.succeed(json!({"next": "wait", "seconds": 20, "request": "r-1", "seen": 1}));
    assert_eq!(first.function, HANDLER);
    assert_eq!(
        first.payload,
        json!({"step": "advance", "request": "r-1", "seen": 0,
            "started": "2026-06-21T00:00:00.000Z", "now": "2026-06-21T00:00:00.000Z"})
    );
    assert_eq!(harness.execution("one").current_state(), Some("Wait"));
    harness.advance(19);
    assert!(harness.invoked.is_empty());
    harness.advance(1);
    let second = harness.succeed(json!({"next": "answer", "request": "r-1", "seen": 2}));
    assert_eq!(second.payload["started"], "2026-06-21T00:00:00.000Z");
    assert_eq!(second.payload["now"], "2026-06-21T00:00:20.000Z");
    assert_eq!(second.payload["seen"], 1);
    let answer = harness.succeed(json!(null));
    assert_eq!(answer.payload, json!({"step": "answer", "request": "r-1"}));
    told(&mut harness);
    assert_eq!(harness.end("one"), ("SUCCEEDED", None));
    assert_eq!(harness.output("one"), json!({"next": "answer", "request": "r-1", "seen": 2}));
    assert_eq!(
        harness.path("one"),
        ["Advance", "IsDecided", "Wait", "Advance", "IsDecided", "Answer", "Tell"].map(str::to_owned)
    );
    let stays = harness.execution("one").path();
    let wait = &stays[2];
    assert_eq!(wait.left_at.map(|left| (left - wait.entered_at).num_seconds()), Some(20));
    assert!(harness.events.is_empty(), "success is no news");
    assert_eq!((harness.states.running(), harness.states.next_due()), (0, None));
}

#[test]
fn an_attempt_is_repeated_with_back_off_and_then_given_up() {
    let mut harness = shipped();
    harness.start("one", &input());
    let start = harness.now;
    // 2, 4, 8, 16, then MaxDelaySeconds.
    for delay in [2, 4, 8, 16, 30, 30] {
        let failed = harness.fail("Sandbox.Timedout");
        assert_eq!(failed.payload["now"], "2026-06-21T00:00:00.000Z", "EnteredTime stays");
        harness.advance(delay - 1);
        assert!(harness.invoked.is_empty());
        harness.advance(1);
        assert_eq!(harness.invoked.len(), 1);
    }
    assert_eq!((harness.now - start).num_seconds(), 90);
    harness.fail("Sandbox.Timedout");
    let give_up = harness.succeed(json!({"request": "lies"}));
    assert_eq!(
        give_up.payload,
        json!({"step": "give-up", "request": "r-1", "error": {
            "Error": "Sandbox.Timedout",
            "Cause": "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"it broke\"}"}})
    );
    let answer = harness.succeed(json!({}));
    assert_eq!(answer.payload, json!({"step": "answer", "request": "r-1"}));
    told(&mut harness);
    assert_eq!(harness.end("one"), ("SUCCEEDED", None));
    assert_eq!(harness.output("one")["error"]["Error"], "Sandbox.Timedout");
    assert_eq!(harness.path("one"), ["Advance", "GiveUp", "Answer", "Tell"].map(str::to_owned));
}

#[test]
fn a_success_starts_the_count_of_retries_anew() {
    let mut harness = shipped();
    harness.start("one", &input());
    for _ in 0..3 {
        for delay in [2, 4, 8, 16, 30, 30] {
            harness.fail("E");
            harness.advance(delay);
        }
        harness.succeed(json!({"next": "wait", "seconds": 0, "request": "r-1", "seen": 0}));
        harness.advance(0);
    }
    assert_eq!(harness.invoked.len(), 1);
    assert_eq!(harness.execution("one").current_state(), Some("Advance"));
}

#[test]
fn a_give_up_that_fails_too_still_leads_to_the_answer() {
    let mut harness = shipped();
    harness.start("one", &input());
    for _ in 0..7 {
        harness.fail("E");
        harness.advance(30);
    }
    for _ in 0..3 {
        assert_eq!(harness.fail("E").payload["step"], "give-up");
        harness.advance(30);
    }
    assert_eq!(harness.succeed(json!({})).payload, json!({"step": "answer", "request": "r-1"}));
    told(&mut harness);
    assert_eq!(harness.end("one"), ("SUCCEEDED", None));
}

#[test]
fn an_event_that_is_lost_fails_no_request_that_is_answered() {
    for (error, attempts) in [("NotTold", 7), ("UnknownRequest", 1)] {
        let mut harness = shipped();
        harness.start("one", &input());
        harness.succeed(json!({"next": "answer", "request": "r-1", "seen": 1}));
        assert_eq!(harness.succeed(json!(null)).payload["step"], "answer");
        let answered = harness.now;
        for _ in 0..attempts {
            assert_eq!(harness.fail(error).payload, json!({"step": "tell", "request": "r-1"}));
            harness.advance(30);
        }
        assert!(harness.invoked.is_empty(), "{error}");
        assert_eq!(harness.end("one"), ("SUCCEEDED", None));
        assert_eq!(harness.path("one").last().map(String::as_str), Some("Untold"));
        assert_eq!(harness.output("one")["untold"]["Error"], error);
        assert!(harness.events.is_empty(), "success is no news");
        let stopped = harness.execution("one").stopped.expect("stopped");
        assert!((stopped - answered).num_seconds() <= 6 * 30, "{error}");
    }
}

#[test]
fn an_answer_that_cannot_be_given_fails_the_execution_with_an_event() {
    let mut harness = shipped();
    let arn = harness.start("one", &input());
    let start = harness.now;
    harness.succeed(json!({"next": "answer", "request": "r-1", "seen": 1}));
    // What passes is tried again, what does not is not.
    for _ in 0..100 {
        assert_eq!(harness.fail("NotAnswered").payload["step"], "answer");
        harness.advance(30);
    }
    assert_eq!(harness.fail("ResponseUrlRefused").payload["step"], "answer");
    assert_eq!(harness.end("one"), ("FAILED", Some("Unanswered")));
    assert_eq!(harness.path("one").last().map(String::as_str), Some("Unanswered"));
    let [event] = &harness.events[..] else { panic!("one event: {:?}", harness.events) };
    assert_eq!(event["source"], "aws.states");
    assert_eq!(event["detail-type"], "Step Functions Execution Status Change");
    assert_eq!(event["account"], "123456789012");
    assert_eq!(event["region"], "eu-west-1");
    assert_eq!(event["resources"], json!([arn]));
    let detail = &event["detail"];
    assert_eq!(detail["executionArn"], arn);
    assert_eq!(detail["stateMachineArn"], harness.machine_arn());
    assert_eq!((&detail["name"], &detail["status"]), (&json!("one"), &json!("FAILED")));
    assert_eq!(detail["startDate"], start.timestamp_millis());
    assert_eq!(detail["input"], input().to_string());
    assert_eq!(detail["inputDetails"], json!({"included": true}));
    assert_eq!(detail["output"], Value::Null);
    assert_eq!(detail["error"], "Unanswered");
    assert!(detail["cause"].as_str().is_some_and(|cause| cause.starts_with("CloudFormation could not")));
}

#[test]
fn the_whole_has_a_time_limit_that_nothing_catches() {
    let mut harness = shipped();
    harness.start("one", &input());
    while harness.execution("one").is_running() {
        if harness.invoked.is_empty() {
            harness.advance(60);
        } else {
            harness.succeed(json!({"next": "wait", "seconds": 60, "request": "r-1", "seen": 0}));
        }
    }
    let execution = harness.execution("one");
    let stopped = execution.stopped.expect("stopped");
    assert_eq!((stopped - execution.started).num_seconds(), 3510);
    assert_eq!(harness.end("one"), ("TIMED_OUT", Some("States.Timeout")));
    assert_eq!(harness.events.len(), 1);
    assert_eq!(harness.events[0]["detail"]["status"], "TIMED_OUT");
    assert_eq!(harness.events[0]["detail"]["stopDate"], stopped.timestamp_millis());
    assert_eq!(execution.history.last().map(|event| event.kind), Some("ExecutionTimedOut"));
}

#[test]
fn a_stuck_function_is_tried_again_and_its_late_reply_is_ignored() {
    let mut harness = shipped();
    harness.start("one", &input());
    let stuck = harness.take();
    harness.advance(90);
    assert!(harness.invoked.is_empty(), "two seconds until the next attempt");
    harness.reply(&stuck, Ok(json!({"next": "answer", "request": "late", "seen": 1})));
    harness.advance(2);
    let second = harness.take();
    assert_ne!(second.visit, stuck.visit);
    harness.reply(&stuck, Ok(json!({"next": "answer", "request": "late", "seen": 1})));
    assert_eq!(harness.execution("one").current_state(), Some("Advance"));
    harness.reply(&second, Ok(json!({"next": "answer", "request": "r-1", "seen": 1})));
    harness.reply(&second, Ok(json!({"next": "wait", "seconds": 5, "request": "twice", "seen": 1})));
    assert_eq!(harness.succeed(json!({})).payload["request"], "r-1");
    told(&mut harness);
    assert_eq!(harness.end("one"), ("SUCCEEDED", None));
    let kinds: Vec<_> = harness.execution("one").history.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds[..6],
        [
            "ExecutionStarted",
            "TaskStateEntered",
            "TaskScheduled",
            "TaskStarted",
            "TaskTimedOut",
            "TaskScheduled"
        ]
    );
}

#[test]
fn an_incomplete_decision_ends_the_execution_without_the_catch() {
    // `next` is there, what the following states need is not: States.Runtime, and only the event rule is left.
    for answer in [
        json!({"seconds": 5}),
        json!({"next": "wait"}),
        json!({"next": "wait", "seconds": "5"}),
        json!({"next": "wait", "seconds": -5}),
        json!({"next": "answer"}),
        json!(null),
    ] {
        let mut harness = shipped();
        harness.start("one", &input());
        harness.succeed(answer.clone());
        assert_eq!(harness.end("one"), ("FAILED", Some("States.Runtime")), "{answer}");
        assert!(harness.invoked.is_empty(), "{answer}");
        assert_eq!(harness.events.len(), 1, "{answer}");
    }
}

#[test]
fn an_input_without_the_request_ends_at_once() {
    let mut harness = shipped();
    harness.start("one", &json!({"seen": 0}));
    assert_eq!(harness.end("one"), ("FAILED", Some("States.Runtime")));
    let cause = harness.execution("one").cause.clone().expect("a cause");
    assert_eq!(
        cause,
        "An error occurred while executing the state 'Advance' (entered at the event id #2). The JSONPath \
         '$.request' specified for the field 'request.$' could not be found in the input '{\"seen\":0}'"
    );
    // As AWS's documents name it, which the Catch covers; then the same path is missing in GiveUp and Answer.
    let mut harness = shipped();
    harness.states.parameter_path_failure = true;
    harness.start("one", &json!({"seen": 0}));
    harness.advance(1000);
    assert_eq!(harness.end("one"), ("FAILED", Some("Unanswered")));
    assert_eq!(harness.path("one"), ["Advance", "GiveUp", "Answer", "Unanswered"].map(str::to_owned));
}

#[test]
fn without_its_substitutions_it_does_not_load() {
    let harness = &mut Harness::new();
    let problem = harness.states.create(&harness.config, "machine", DEFINITION, &SUBSTITUTIONS[..1]);
    assert_eq!(problem, Err("no substitution for ${CloneHandlerArn}".to_owned()));
    let wrong = [("Partition", "aws-cn"), SUBSTITUTIONS[1]];
    let problem = harness.states.create(&harness.config, "machine", DEFINITION, &wrong);
    assert!(problem.is_err_and(|problem| problem.contains("not simulated")));
}

//! The Amazon States Language, rule by rule.

mod states_support;

use serde_json::{Value, json};
use states_support::Harness;

fn task(more: &Value) -> Value {
    let mut task = json!({
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "f", "Payload": {"fixed": [1, {"x.$": "$.a"}], "all.$": "$"}},
    });
    for (name, value) in more.as_object().expect("an object") {
        task[name] = value.clone();
    }
    task
}

/// A machine that begins in `Start`.
fn machine(states: Value) -> Value {
    json!({"StartAt": "Start", "States": states})
}

/// Runs a single task that ends, and gives what came out.
fn through(more: &Value, input: &Value, answer: &Value) -> Result<Value, String> {
    let mut state = task(more);
    state["End"] = json!(true);
    let mut harness = Harness::with(&machine(json!({"Start": state})));
    harness.start("e", input);
    if !harness.invoked.is_empty() {
        harness.succeed(answer.clone());
    }
    match harness.execution("e").error.clone() {
        None => Ok(harness.output("e")),
        Some(error) => Err(error),
    }
}

#[test]
fn input_and_output_processing() {
    let input = json!({"a": {"b": 1}, "keep": 2});
    let whole = json!({"ExecutedVersion": "$LATEST", "Payload": {"p": 3}, "StatusCode": 200});
    for (more, expected) in [
        (json!({}), Ok(whole.clone())),
        (json!({"OutputPath": "$.Payload"}), Ok(json!({"p": 3}))),
        (json!({"OutputPath": null}), Ok(json!({}))),
        (json!({"OutputPath": "$.nothing"}), Err("States.Runtime")),
        (json!({"OutputPath": "$$.State.Name"}), Ok(json!("Start"))),
        (json!({"ResultPath": null}), Ok(input.clone())),
        (json!({"ResultPath": null, "OutputPath": "$.a"}), Ok(json!({"b": 1}))),
        (json!({"ResultPath": "$.keep", "OutputPath": "$.keep.Payload.p"}), Ok(json!(3))),
        (
            json!({"ResultPath": "$.a.new.deep", "ResultSelector": {"p.$": "$.Payload.p", "c": 1}}),
            Ok(json!({"a": {"b": 1, "new": {"deep": {"p": 3, "c": 1}}}, "keep": 2})),
        ),
        (json!({"ResultPath": "$.keep.x"}), Err("States.ResultPathMatchFailure")),
        (json!({"ResultSelector": {"x.$": "$.Payload.q"}}), Err("States.Runtime")),
        (json!({"InputPath": "$.none"}), Err("States.Runtime")),
        (json!({"InputPath": null}), Err("States.Runtime")), // `$.a` is gone with it
        (json!({"InputPath": "$$.Execution.Input", "ResultPath": null}), Ok(input.clone())),
    ] {
        let found = through(&more, &input, &json!({"p": 3}));
        assert_eq!(found, expected.map_err(str::to_owned), "{more}");
    }
}

#[test]
fn parameters_and_the_context_object() {
    let parameters = json!({"FunctionName.$": "$.f", "Payload": {
        "list": [{"v.$": "$['b'][1]"}, "$.b"], "id.$": "$$.Execution.Id", "name.$": "$$.Execution.Name",
        "start.$": "$$.Execution.StartTime", "input.$": "$$.Execution.Input.b[0]", "role.$": "$$.Execution.RoleArn",
        "state.$": "$$.State.Name", "entered.$": "$$.State.EnteredTime", "retries.$": "$$.State.RetryCount",
        "machine.$": "$$.StateMachine.Id", "called.$": "$$.StateMachine.Name"}});
    let retry = json!([{"ErrorEquals": ["E"], "IntervalSeconds": 5}]);
    let state = task(&json!({"Parameters": parameters, "End": true, "Retry": retry}));
    let mut harness = Harness::with(&machine(json!({
        "Start": {"Type": "Wait", "Seconds": 1, "Next": "Work"}, "Work": state,
    })));
    harness.start("e", &json!({"f": "function", "b": [10, 20]}));
    harness.advance(1);
    let first = harness.fail("E");
    assert_eq!(first.function, "function");
    let mut expected = json!({
        "list": [{"v": 20}, "$.b"], "id": harness.arn("e"), "name": "e", "start": "2026-06-21T00:00:00.000Z",
        "input": 10, "role": "arn:aws:iam::123456789012:role/machine", "state": "Work",
        "entered": "2026-06-21T00:00:01.000Z", "retries": 0, "machine": harness.machine_arn(),
        "called": "machine"});
    assert_eq!(first.payload, expected);
    harness.advance(5);
    expected["retries"] = json!(1);
    assert_eq!(harness.take().payload, expected);
}

#[test]
fn choices() {
    let when = |rule: Value, input: Value| -> String {
        let mut rule = rule;
        rule["Next"] = json!("Yes");
        let mut harness = Harness::with(&machine(json!({
            "Start": {"Type": "Choice", "Choices": [rule], "Default": "No"},
            "Yes": {"Type": "Succeed"}, "No": {"Type": "Succeed"},
        })));
        harness.start("e", &input);
        harness.execution("e").error.clone().unwrap_or_else(|| harness.path("e")[1].clone())
    };
    let is = |path: &str| json!({"Variable": path, "IsPresent": true});
    for (rule, input, expected) in [
        (json!({"Variable": "$.x", "StringEquals": "a"}), json!({"x": "a"}), "Yes"),
        (json!({"Variable": "$.x", "StringEquals": "a"}), json!({"x": "A"}), "No"),
        (json!({"Variable": "$.x", "StringEquals": "1"}), json!({"x": 1}), "No"),
        (json!({"Variable": "$.x", "StringEquals": "a"}), json!({}), "States.Runtime"),
        (json!({"Variable": "$.x", "BooleanEquals": false}), json!({"x": false}), "Yes"),
        (json!({"Variable": "$.x", "BooleanEquals": false}), json!({"x": "false"}), "No"),
        (json!({"Variable": "$.x", "NumericEquals": 1}), json!({"x": 1.0}), "Yes"),
        (json!({"Variable": "$.x", "NumericLessThan": 2}), json!({"x": 1.5}), "Yes"),
        (json!({"Variable": "$.x", "NumericLessThan": 2}), json!({"x": 2}), "No"),
        (json!({"Variable": "$.x", "NumericLessThanEquals": 2}), json!({"x": 2}), "Yes"),
        (json!({"Variable": "$.x", "NumericGreaterThan": 2}), json!({"x": 2}), "No"),
        (json!({"Variable": "$.x", "NumericGreaterThanEquals": 2}), json!({"x": 2}), "Yes"),
        (json!({"Variable": "$.x", "NumericGreaterThan": 2}), json!({"x": "3"}), "No"),
        (is("$.x"), json!({"x": null}), "Yes"),
        (is("$.x.y"), json!({"x": null}), "No"),
        (json!({"Variable": "$.x", "IsPresent": false}), json!({}), "Yes"),
        (json!({"And": [is("$.x"), {"Variable": "$.x", "StringEquals": "a"}]}), json!({}), "No"),
        (json!({"And": [is("$.x"), is("$.y")]}), json!({"x": 1, "y": 1}), "Yes"),
        (json!({"Or": [is("$.x"), is("$.y")]}), json!({"y": 1}), "Yes"),
        (json!({"Or": [is("$.x"), {"Not": is("$.y")}]}), json!({"y": 1}), "No"),
        (json!({"Variable": "$$.Execution.Name", "StringEquals": "e"}), json!({}), "Yes"),
    ] {
        assert_eq!(when(rule.clone(), input.clone()), expected, "{rule} {input}");
    }
    let mut harness = Harness::with(&machine(json!({
        "Start": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsPresent": true, "Next": "End"}]},
        "End": {"Type": "Succeed"},
    })));
    harness.start("e", &json!({}));
    assert_eq!(harness.end("e"), ("FAILED", Some("States.NoChoiceMatched")));
}

#[test]
fn waits() {
    for (wait, seconds) in [
        (json!({"Seconds": 7}), Ok(7)),
        (json!({"Seconds": 0}), Ok(0)),
        (json!({"SecondsPath": "$.n"}), Ok(40)),
        (json!({"Timestamp": "2026-06-21T00:01:00Z"}), Ok(60)),
        (json!({"Timestamp": "2026-06-21T02:00:30.5+02:00"}), Ok(30)),
        (json!({"Timestamp": "2001-01-01T00:00:00Z"}), Ok(0)),
        (json!({"TimestampPath": "$.at"}), Ok(3600)),
        (json!({"SecondsPath": "$.text"}), Err(())),
        (json!({"SecondsPath": "$.float"}), Err(())),
        (json!({"SecondsPath": "$.none"}), Err(())),
        (json!({"TimestampPath": "$.text"}), Err(())),
    ] {
        let mut state = wait.clone();
        state["Type"] = json!("Wait");
        state["End"] = json!(true);
        let mut harness = Harness::with(&machine(json!({"Start": state})));
        let input = json!({"n": 40, "at": "2026-06-21T01:00:00Z", "text": "5", "float": 1.5});
        harness.start("e", &input);
        harness.advance(100_000);
        let execution = harness.execution("e");
        let waited = execution.stopped.map(|stopped| (stopped - execution.started).num_seconds());
        match seconds {
            Ok(seconds) => {
                assert_eq!(waited, Some(seconds), "{wait}");
                assert_eq!(harness.output("e"), input, "{wait}");
            }
            Err(()) => assert_eq!(harness.end("e"), ("FAILED", Some("States.Runtime")), "{wait}"),
        }
    }
}

#[test]
fn pass_succeed_and_fail() {
    let mut harness = Harness::with(&machine(json!({
        "Start": {"Type": "Pass", "Result": {"r": 1}, "ResultPath": "$.result", "Next": "Second"},
        "Second": {"Type": "Pass", "Parameters": {"all.$": "$", "n": 2}, "Next": "Third"},
        "Third": {"Type": "Pass", "InputPath": "$.all", "Next": "End"},
        "End": {"Type": "Succeed", "OutputPath": "$.result"},
    })));
    harness.start("e", &json!({"i": 0}));
    assert_eq!(harness.output("e"), json!({"r": 1}));
    let mut harness = Harness::with(&machine(json!({"Start": {"Type": "Fail"}})));
    harness.start("e", &json!({}));
    assert_eq!(harness.end("e"), ("FAILED", None));
    assert_eq!(harness.events[0]["detail"]["error"], Value::Null);
}

/// What becomes of a task that fails with `error` each time, in the eyes of one retrier and one catcher.
fn caught(error: &str, names: &Value) -> bool {
    let mut harness = Harness::with(&machine(json!({
        "Start": task(&json!({"Next": "Good", "TimeoutSeconds": 10,
            "Catch": [{"ErrorEquals": names, "Next": "Caught"}]})),
        "Good": {"Type": "Succeed"}, "Caught": {"Type": "Succeed"},
    })));
    harness.start("e", &json!({"a": 1}));
    match error {
        "States.Timeout" => harness.advance(10),
        "States.DataLimitExceeded" => drop(harness.succeed(json!("x".repeat(262_144)))),
        error => drop(harness.fail(error)),
    }
    if !harness.path("e").contains(&"Caught".to_owned()) {
        assert_eq!(harness.end("e"), ("FAILED", Some(error)));
        return false;
    }
    assert_eq!(harness.output("e")["Error"], error, "the default ResultPath replaces the input");
    true
}

#[test]
fn which_errors_are_caught() {
    for (error, name, expected) in [
        ("Custom", "Custom", true),
        ("Custom", "custom", false),
        ("Custom", "States.TaskFailed", true),
        ("Custom", "States.ALL", true),
        ("Custom", "States.Timeout", false),
        ("States.Timeout", "States.Timeout", true),
        ("States.Timeout", "States.ALL", true),
        ("States.Timeout", "States.TaskFailed", false),
        ("States.DataLimitExceeded", "States.ALL", false),
        ("States.DataLimitExceeded", "States.TaskFailed", false),
        ("States.DataLimitExceeded", "States.DataLimitExceeded", true),
        ("States.Runtime", "States.ALL", false),
        ("States.Runtime", "States.TaskFailed", false),
        ("States.Runtime", "States.Runtime", false),
    ] {
        assert_eq!(caught(error, &json!([name])), expected, "{error} by {name}");
    }
}

#[test]
fn retriers_count_each_for_themselves() {
    // The example of AWS's guide: A, B, C, B.
    let mut harness = Harness::with(&machine(json!({
        "Start": task(&json!({"Next": "Good",
            "Retry": [
                {"ErrorEquals": ["A", "B"], "IntervalSeconds": 1, "BackoffRate": 2.0, "MaxAttempts": 2},
                {"ErrorEquals": ["C"], "IntervalSeconds": 5},
            ],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]})),
        "Good": {"Type": "Succeed"}, "Caught": {"Type": "Succeed"},
    })));
    harness.start("e", &json!({"a": 1}));
    for (error, delay) in [("A", 1), ("B", 2), ("C", 5)] {
        harness.fail(error);
        assert_eq!(
            harness.states.next_due(),
            Some(harness.now + chrono::Duration::seconds(delay)),
            "{error}"
        );
        harness.advance(delay);
    }
    harness.fail("B");
    assert_eq!(harness.path("e"), ["Start", "Caught"].map(str::to_owned));
}

#[test]
fn retry_defaults_zero_attempts_and_jitter() {
    let delays = |retrier: Value| {
        let mut harness = Harness::with(&machine(json!({
            "Start": task(&json!({"End": true, "Retry": [retrier]})),
        })));
        harness.start("e", &json!({"a": 1}));
        let mut delays = Vec::new();
        loop {
            harness.fail("E");
            let Some(due) = harness.states.next_due() else { return delays };
            let delay = (due - harness.now).num_milliseconds();
            delays.push(delay);
            harness.advance(delay / 1000 + 1);
        }
    };
    assert_eq!(delays(json!({"ErrorEquals": ["States.ALL"]})), [1000, 2000, 4000]);
    assert_eq!(delays(json!({"ErrorEquals": ["E"], "MaxAttempts": 0})), [0; 0]);
    let capped = json!({"ErrorEquals": ["E"], "IntervalSeconds": 3, "BackoffRate": 1.5, "MaxAttempts": 4,
        "MaxDelaySeconds": 6});
    assert_eq!(delays(capped), [3000, 4500, 6000, 6000]);
    let jitter = json!({"ErrorEquals": ["E"], "IntervalSeconds": 100, "BackoffRate": 1, "MaxAttempts": 20,
        "JitterStrategy": "FULL"});
    let delays = delays(jitter);
    assert!(delays.iter().all(|delay| (0..=100_000).contains(delay)), "{delays:?}");
    assert!(delays.iter().any(|delay| *delay < 40_000) && delays.iter().any(|delay| *delay > 60_000));
}

#[test]
fn a_catch_can_keep_add_or_drop_the_input() {
    for (path, expected) in [
        (json!(null), json!({"a": 1})),
        (
            json!("$.e"),
            json!({"a": 1, "e": {"Error": "E", "Cause": "{\"errorType\":\"E\",\"errorMessage\":\"it broke\"}"}}),
        ),
    ] {
        let mut harness = Harness::with(&machine(json!({
            "Start": task(&json!({"End": true, "InputPath": "$",
                "Catch": [{"ErrorEquals": ["E"], "ResultPath": path, "Next": "Caught"}]})),
            "Caught": {"Type": "Pass", "End": true},
        })));
        harness.start("e", &json!({"a": 1}));
        harness.fail("E");
        assert_eq!(harness.output("e"), expected);
    }
}

#[test]
fn limits_of_payload_and_history() {
    let grow = json!({"Type": "Pass", "Parameters": {"a.$": "$.a", "b.$": "$.a"}, "End": true});
    let mut harness = Harness::with(&machine(json!({"Start": grow})));
    harness.start("fits", &json!({"a": "x".repeat(131_000)}));
    harness.start("big", &json!({"a": "x".repeat(131_072)}));
    assert_eq!(harness.end("fits"), ("SUCCEEDED", None));
    assert_eq!(harness.end("big"), ("FAILED", Some("States.DataLimitExceeded")));
    // Parameters make the task's input too big: the function is not invoked.
    let big = through(&json!({}), &json!({"a": "x".repeat(131_072)}), &json!({}));
    assert_eq!(big, Err("States.DataLimitExceeded".to_owned()));
    let mut harness = Harness::with(&machine(json!({
        "Start": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsPresent": true, "Next": "End"}],
            "Default": "Around"},
        "Around": {"Type": "Pass", "Next": "Start"},
        "End": {"Type": "Succeed"},
    })));
    harness.start("e", &json!({}));
    assert_eq!(harness.end("e"), ("FAILED", Some("States.Runtime")));
    let history = &harness.execution("e").history;
    assert_eq!((history.len(), history.last().map(|event| event.id)), (25_000, Some(25_000)));
    assert_eq!(history.last().map(|event| event.kind), Some("ExecutionFailed"));
}

#[test]
fn what_is_not_understood_does_not_load() {
    let end = json!({"Type": "Succeed"});
    let with_task = |more: Value| machine(json!({"Start": task(&more)}));
    let with_retry = |retry: Value| with_task(json!({"End": true, "Retry": retry}));
    let with_choice =
        |rule: Value| machine(json!({"Start": {"Type": "Choice", "Choices": [rule]}, "End": end}));
    let all = json!({"ErrorEquals": ["States.ALL"]});
    let cases: Vec<(&str, Value)> = vec![
        ("must be an object", json!([])),
        ("StartAt: is missing", json!({"States": {"A": end}})),
        ("which does not exist", json!({"StartAt": "Nowhere", "States": {"A": end}})),
        ("must be an object with states", json!({"StartAt": "A", "States": {}})),
        ("field \"Extra\"", json!({"StartAt": "A", "States": {"A": end}, "Extra": 1})),
        ("QueryLanguage", json!({"StartAt": "A", "States": {"A": end}, "QueryLanguage": "JSONata"})),
        ("TimeoutSeconds", json!({"StartAt": "A", "States": {"A": end}, "TimeoutSeconds": 0})),
        ("not reachable", machine(json!({"Start": end, "Island": end}))),
        ("which does not exist", machine(json!({"Start": {"Type": "Pass", "Next": "Nowhere"}}))),
        ("either Next or End", machine(json!({"Start": {"Type": "Pass"}}))),
        ("either Next or End", machine(json!({"Start": {"Type": "Pass", "End": true, "Next": "Start"}}))),
        ("either Next or End", machine(json!({"Start": {"Type": "Pass", "End": false}}))),
        ("Type \"Map\"", machine(json!({"Start": {"Type": "Map", "End": true}}))),
        ("Type \"Parallel\"", machine(json!({"Start": {"Type": "Parallel", "End": true}}))),
        ("field \"End\"", machine(json!({"Start": {"Type": "Succeed", "End": true}}))),
        ("field \"Next\"", machine(json!({"Start": {"Type": "Fail", "Next": "Start"}}))),
        ("field \"ErrorPath\"", machine(json!({"Start": {"Type": "Fail", "ErrorPath": "$.e"}}))),
        ("field \"HeartbeatSeconds\"", with_task(json!({"End": true, "HeartbeatSeconds": 1}))),
        ("field \"Result\"", with_task(json!({"End": true, "Result": 1}))),
        ("Resource", with_task(json!({"End": true, "Resource": "arn:aws:states:::sqs:sendMessage"}))),
        ("Resource", with_task(json!({"End": true, "Resource": "arn:aws:lambda:eu-west-1:1:function:f"}))),
        ("Parameters other", with_task(json!({"End": true, "Parameters": {"FunctionName": "f"}}))),
        (
            "must be a path",
            with_task(json!({"End": true, "Parameters": {"FunctionName": "f", "Payload.$": 1}})),
        ),
        (
            "intrinsic",
            with_task(
                json!({"End": true, "Parameters": {"FunctionName": "f", "Payload.$": "States.UUID()"}}),
            ),
        ),
        ("there twice", with_task(json!({"End": true, "ResultSelector": {"a": 1, "a.$": "$"}}))),
        ("OutputPath", with_task(json!({"End": true, "OutputPath": "$.a[*]"}))),
        ("read-only", with_task(json!({"End": true, "ResultPath": "$$.State"}))),
        ("TimeoutSeconds", with_task(json!({"End": true, "TimeoutSeconds": "90"}))),
        ("alone", with_retry(json!([{"ErrorEquals": ["States.ALL", "E"]}]))),
        ("last entry", with_retry(json!([all, {"ErrorEquals": ["E"]}]))),
        ("error name", with_retry(json!([{"ErrorEquals": ["States.All"]}]))),
        ("list of names", with_retry(json!([{"ErrorEquals": []}]))),
        ("list of names", with_retry(json!([{}]))),
        ("BackoffRate", with_retry(json!([{"ErrorEquals": ["E"], "BackoffRate": 0.5}]))),
        ("IntervalSeconds", with_retry(json!([{"ErrorEquals": ["E"], "IntervalSeconds": 0}]))),
        ("MaxAttempts", with_retry(json!([{"ErrorEquals": ["E"], "MaxAttempts": -1}]))),
        (
            "MaxDelaySeconds",
            with_retry(json!([{"ErrorEquals": ["E"], "IntervalSeconds": 5, "MaxDelaySeconds": 5}])),
        ),
        ("JitterStrategy", with_retry(json!([{"ErrorEquals": ["E"], "JitterStrategy": "SOME"}]))),
        ("Next: is missing", with_task(json!({"End": true, "Catch": [all]}))),
        (
            "field \"Output\"",
            with_task(json!({"End": true, "Catch": [{"ErrorEquals": ["E"], "Next": "Start", "Output": 1}]})),
        ),
        ("exactly one", machine(json!({"Start": {"Type": "Wait", "End": true}}))),
        (
            "exactly one",
            machine(json!({"Start": {"Type": "Wait", "End": true, "Seconds": 1, "SecondsPath": "$.s"}})),
        ),
        (
            "timestamp",
            machine(json!({"Start": {"Type": "Wait", "End": true, "Timestamp": "2026-06-21 00:00:00Z"}})),
        ),
        ("Choices", machine(json!({"Start": {"Type": "Choice", "Choices": []}}))),
        ("Next: is missing", with_choice(json!({"Variable": "$.x", "IsPresent": true}))),
        ("Variable: is missing", with_choice(json!({"IsPresent": true, "Next": "End"}))),
        ("no comparison", with_choice(json!({"Variable": "$.x", "StringMatches": "a*", "Next": "End"}))),
        (
            "field \"NumericEquals\"",
            with_choice(json!({"Variable": "$.x", "IsPresent": true, "NumericEquals": 1, "Next": "End"})),
        ),
        (
            "field \"Next\"",
            with_choice(json!({"Not": {"Variable": "$.x", "IsPresent": true, "Next": "End"}, "Next": "End"})),
        ),
        ("list of rules", with_choice(json!({"And": [], "Next": "End"}))),
    ];
    for (expected, definition) in cases {
        let mut harness = Harness::new();
        let result = harness.states.create(&harness.config, "machine", &definition.to_string(), &[]);
        let problem = result.expect_err(&definition.to_string());
        assert!(problem.contains(expected), "{expected:?} is not in {problem:?} for {definition}");
    }
    let mut harness = Harness::new();
    assert!(harness.states.create(&harness.config, "machine", "{", &[]).is_err());
    assert!(
        harness
            .states
            .create(&harness.config, "a b", &machine(json!({"Start": end})).to_string(), &[])
            .is_err()
    );
}

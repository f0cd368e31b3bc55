//! What counts as an answer.

use serde_json::json;

use crate::lab::{Lab, key, template};

/// Answers a Create with a body, and returns what the resource fails with.
fn failure(change: &serde_json::Value) -> (String, String) {
    let mut lab = Lab::new();
    lab.create(&template(&[("A", "")]));
    let event = lab.take("Create A");
    lab.answer(&event, change);
    outcome(&mut lab)
}

fn outcome(lab: &mut Lab) -> (String, String) {
    let failed = lab.cfn.events("s").iter().find(|e| e.status == "CREATE_FAILED").expect("failed");
    let reason = failed.reason.clone().unwrap_or_default();
    let delete = lab.take("Delete A");
    (reason, delete["PhysicalResourceId"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn malformed_answers_fail_and_lose_the_real_reason() {
    let long = "x".repeat(1025);
    for id in [json!(""), json!(null), json!(7), json!(long)] {
        let (reason, deleted) =
            failure(&json!({"PhysicalResourceId": id, "Status": "FAILED", "Reason": "the real one"}));
        assert_eq!(reason, "Invalid PhysicalResourceId");
        assert!(deleted.starts_with("s-A-"), "{deleted}");
    }
    let (reason, deleted) = failure(&json!({"PhysicalResourceId": "x".repeat(1024), "Status": "MAYBE"}));
    assert!(reason.contains("Status must be SUCCESS or FAILED"), "{reason}");
    assert_eq!(deleted.len(), 1024);
    for name in ["StackId", "RequestId", "LogicalResourceId"] {
        let (reason, _) = failure(&json!({ name: "another" }));
        assert!(reason.contains(name), "{reason}");
    }
    assert!(failure(&json!({"Data": "text"})).0.contains("Data"));
}

#[test]
fn four_kilobytes_and_not_one_byte_more() {
    for (length, complete) in [(4096, true), (4097, false)] {
        let mut lab = Lab::new();
        lab.create(&template(&[("A", "")]));
        let event = lab.take("Create A");
        let mut body = json!({"Status": "SUCCESS", "StackId": event["StackId"], "RequestId": event["RequestId"],
            "LogicalResourceId": "A", "PhysicalResourceId": "a", "Reason": ""});
        let missing = length - body.to_string().len();
        body["Reason"] = json!("r".repeat(missing));
        lab.put(&event, body.to_string().as_bytes());
        if complete {
            assert_eq!(lab.status(), "CREATE_COMPLETE");
        } else {
            let (reason, deleted) = outcome(&mut lab);
            assert_eq!(reason, "Response object is too long.");
            assert!(deleted.starts_with("s-A-"));
        }
    }
    let mut lab = Lab::new();
    lab.create(&template(&[("A", "")]));
    let event = lab.take("Create A");
    lab.put(&event, b"{not json");
    assert_eq!(outcome(&mut lab).0, "Response is not valid JSON");
}

#[test]
fn only_the_first_answer_of_an_open_request_counts() {
    let mut lab = Lab::new();
    lab.create(&template(&[("A", "")]));
    let event = lab.take("Create A");
    lab.act(|cfn, cx| cfn.answered(cx, "", b"{}"));
    lab.act(|cfn, cx| cfn.answered(cx, "arn:aws:cloudformation:eu-west-1:1:stack/x/y|A|z", b"{}"));
    assert_eq!(lab.status(), "CREATE_IN_PROGRESS");
    lab.answer(&event, &json!({"PhysicalResourceId": "first"}));
    lab.answer(&event, &json!({"PhysicalResourceId": "second", "Status": "FAILED"}));
    assert_eq!(lab.status(), "CREATE_COMPLETE");
    let received = lab.cfn.resource("s", "A").and_then(|a| a.received.clone()).expect("received");
    assert_eq!(received.key, key(&event));
    assert!(String::from_utf8_lossy(&received.body).contains("first"));
    assert_eq!(lab.cfn.received().len(), 4);
}

#[test]
fn attributes_are_strings_and_a_missing_one_fails_who_needs_it() {
    let mut lab = Lab::new();
    let text = template(&[
        ("A", ""),
        ("B", "Port: !GetAtt A.Port, Deep: !GetAtt A.Map.Inner, Dotted: !GetAtt A.x.y"),
    ]);
    lab.create(&text);
    let a = lab.take("Create A");
    lab.answer(&a, &json!({"Data": {"Port": 3306, "Map": {"Inner": true}, "x.y": "z"}}));
    let b = lab.take("Create B");
    assert_eq!(
        (&b["ResourceProperties"]["Port"], &b["ResourceProperties"]["Deep"]),
        (&json!("3306"), &json!("true"))
    );
    assert_eq!(b["ResourceProperties"]["Dotted"], "z");

    let mut lab = Lab::new();
    lab.create(&text);
    let a = lab.succeed("Create A", "a");
    let failed = lab.cfn.events("s").iter().find(|e| e.status == "CREATE_FAILED").expect("failed");
    assert_eq!(failed.logical_id, "B");
    let expected = format!(
        "CustomResource attribute error: Vendor response doesn't contain Port attribute in object {}",
        key(&a)
    );
    assert_eq!(failed.reason.as_deref(), Some(expected.as_str()));
    assert_eq!(lab.waiting(), ["Delete A"]);

    let mut lab = Lab::new();
    lab.create(&(template(&[("A", "")]) + "Outputs: {Port: {Value: !GetAtt A.Port}}\n"));
    lab.succeed("Create A", "a");
    assert_eq!(lab.status(), "ROLLBACK_IN_PROGRESS");
    let reason = lab.cfn.stack("s").and_then(|s| s.reason.clone()).expect("reason");
    assert!(
        reason.contains("doesn't contain Port attribute") && reason.ends_with("Rollback requested by user."),
        "{reason}"
    );
    lab.succeed("Delete A", "a");
    assert_eq!(lab.status(), "ROLLBACK_COMPLETE");
}

#[test]
fn no_echo_hides_attributes_in_events_but_not_in_outputs() {
    let mut lab = Lab::new();
    let text = template(&[("A", ""), ("B", "Secret: !GetAtt A.Secret")])
        + "Outputs: {Secret: {Value: !GetAtt A.Secret}}\n";
    lab.create(&text);
    let a = lab.take("Create A");
    lab.answer(&a, &json!({"NoEcho": true, "Data": {"Secret": "hunter2"}}));
    assert_eq!(lab.inbox[0]["ResourceProperties"]["Secret"], "hunter2");
    lab.succeed("Create B", "b");
    let (_, events) = lab.call("DescribeStackEvents", &[("StackName", "s")]);
    assert!(events.contains("****") && !events.contains("hunter2"), "{events}");
    assert_eq!(lab.cfn.output("s", "Secret"), Some("hunter2"));
}

//! Creation, and its rollback.

use aurora_clone_sim::cloudformation::{Given, OnFailure, StackOptions};
use serde_json::json;

use crate::lab::{Lab, TOKEN, and_fail, key, template};

#[test]
fn the_event_is_aws_s() {
    let mut lab = Lab::new();
    let text = template(&[(
        "A",
        "Flag: true, Count: 14, Ratio: 1.5, Text: 'x', List: [1, false, {Deep: 2}], Map: {Yes: true}, ServiceTimeout: 600",
    )]);
    let id = lab.try_create("s", &text, &[]).expect("created");
    assert_eq!(lab.status(), "CREATE_IN_PROGRESS");
    lab.pass(2);
    let event = lab.take("Create A");
    let fields: Vec<&str> = event.as_object().expect("object").keys().map(String::as_str).collect();
    let expected = [
        "RequestType",
        "ServiceToken",
        "ResponseURL",
        "StackId",
        "RequestId",
        "LogicalResourceId",
        "ResourceType",
        "ResourceProperties",
    ];
    assert_eq!(fields, expected);
    assert_eq!(event["ResourceType"], "Custom::AuroraClone");
    assert_eq!(event["StackId"], json!(id));
    assert_eq!(
        event["ResourceProperties"],
        json!({"ServiceToken": TOKEN, "Flag": "true", "Count": "14", "Ratio": "1.5", "Text": "x",
               "List": ["1", "false", {"Deep": "2"}], "Map": {"Yes": "true"}, "ServiceTimeout": "600"})
    );
    let request_id = event["RequestId"].as_str().expect("a request id");
    assert_eq!(request_id.len(), 36);
    assert_eq!(key(&event), format!("{id}|A|{request_id}"));
    lab.answer(&event, &json!({"PhysicalResourceId": "clone-1", "Data": {"Endpoint": "e"}}));
    assert_eq!(lab.status(), "CREATE_COMPLETE");
    let resource = lab.cfn.resource("s", "A").expect("A");
    assert_eq!((resource.physical_id.as_deref(), &resource.data["Endpoint"]), (Some("clone-1"), &json!("e")));
    assert_eq!(
        lab.history(0),
        [
            "s CREATE_IN_PROGRESS",
            "A CREATE_IN_PROGRESS",
            "A CREATE_IN_PROGRESS",
            "A CREATE_COMPLETE",
            "s CREATE_COMPLETE"
        ]
    );
}

#[test]
fn response_urls_are_presigned_and_point_where_they_should() {
    let mut lab = Lab::new();
    lab.create(&template(&[("A", "")]));
    let event = lab.take("Create A");
    let url = event["ResponseURL"].as_str().expect("URL");
    let start = "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/arn%3Aaws%3Acloudformation%3Aeu-west-1%3A123456789012%3Astack/s/";
    assert!(url.starts_with(start), "{url}");
    let query = url.split_once('?').expect("query").1;
    for part in ["X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-SignedHeaders=host", "X-Amz-Expires=7200"] {
        assert!(query.split('&').any(|given| given == part), "{query}");
    }
    assert_eq!(query.rsplit_once("X-Amz-Signature=").expect("signature").1.len(), 64);

    let mut lab = Lab::new();
    lab.config.origin = Some("http://127.0.0.1:4700".to_owned());
    lab.create(&template(&[("A", "")]));
    let event = lab.take("Create A");
    let start = "http://127.0.0.1:4700/cloudformation-custom-resource-response-euwest1/arn%3Aaws";
    assert!(event["ResponseURL"].as_str().expect("URL").starts_with(start));
}

#[test]
fn independent_resources_run_in_parallel_and_dependent_ones_wait() {
    let mut lab = Lab::new();
    lab.create(&template(&[
        ("A", ""),
        ("B", ""),
        ("C", "From: !GetAtt A.Endpoint"),
        ("D", "|DependsOn: [B, C]"),
        ("E", "Text: !Sub '${B}-x'"),
    ]));
    assert_eq!(lab.waiting(), ["Create A", "Create B"]);
    let a = lab.take("Create A");
    lab.answer(&a, &json!({"Data": {"Endpoint": "host:3306", "Port": 3306}}));
    assert_eq!(lab.waiting(), ["Create B", "Create C"]);
    assert_eq!(lab.inbox[1]["ResourceProperties"]["From"], "host:3306");
    lab.succeed("Create B", "b-1");
    assert_eq!(lab.waiting(), ["Create C", "Create E"]);
    assert_eq!(lab.inbox[1]["ResourceProperties"]["Text"], "b-1-x");
    lab.succeed("Create E", "e");
    lab.succeed("Create C", "c");
    lab.succeed("Create D", "d");
    assert_eq!(lab.status(), "CREATE_COMPLETE");
    lab.delete("s");
    assert_eq!(lab.waiting(), ["Delete D", "Delete E"]);
    lab.succeed("Delete D", "d");
    assert_eq!(lab.waiting(), ["Delete E", "Delete C"]);
    lab.succeed("Delete C", "c");
    assert_eq!(lab.waiting(), ["Delete E", "Delete A"]);
    lab.succeed("Delete E", "e");
    lab.succeed("Delete A", "id");
    lab.succeed("Delete B", "b-1");
    assert_eq!(lab.status(), "DELETE_COMPLETE");
}

#[test]
fn a_failed_create_is_rolled_back_by_the_id_of_its_answer() {
    let mut lab = Lab::new();
    lab.create(&template(&[("A", ""), ("B", "|DependsOn: A")]));
    lab.succeed("Create A", "a-1");
    let event = lab.fail("Create B", "b-failed");
    assert_eq!(
        lab.cfn.events("s").iter().find(|e| e.status == "CREATE_FAILED").and_then(|e| e.reason.clone()),
        Some(format!(
            "Received response status [FAILED] from custom resource. Message returned: no luck (RequestId: {})",
            event["RequestId"].as_str().expect("id")
        ))
    );
    assert_eq!(lab.status(), "ROLLBACK_IN_PROGRESS");
    let reason = lab.cfn.stack("s").and_then(|stack| stack.reason.clone());
    assert_eq!(
        reason.as_deref(),
        Some("The following resource(s) failed to create: [B]. Rollback requested by user.")
    );
    assert_eq!(lab.waiting(), ["Delete B"]);
    let delete = lab.succeed("Delete B", "b-failed");
    assert_eq!(delete["PhysicalResourceId"], "b-failed");
    assert_ne!(delete["RequestId"], event["RequestId"]);
    assert!(delete.get("OldResourceProperties").is_none());
    assert_eq!(lab.succeed("Delete A", "a-1")["PhysicalResourceId"], "a-1");
    assert_eq!(lab.status(), "ROLLBACK_COMPLETE");
    assert_eq!(lab.resource_status("B"), "DELETE_COMPLETE");
}

#[test]
fn a_cancelled_create_gets_a_delete_with_an_invented_id_and_its_late_answer_counts_for_nothing() {
    let mut lab = Lab::new();
    lab.create(&and_fail(&template(&[("A", "")]), 60, ""));
    let create = lab.take("Create A");
    lab.pass(50);
    assert_eq!(lab.status(), "CREATE_IN_PROGRESS");
    lab.pass(15);
    assert_eq!(lab.status(), "ROLLBACK_IN_PROGRESS");
    let cancelled = lab.cfn.events("s").iter().find(|e| e.logical_id == "A" && e.status == "CREATE_FAILED");
    assert_eq!(cancelled.and_then(|e| e.reason.as_deref()), Some("Resource creation cancelled"));
    let delete = lab.take("Delete A");
    let invented = delete["PhysicalResourceId"].as_str().expect("an id").to_owned();
    assert!(invented.starts_with("s-A-") && invented.len() == 16, "{invented}");

    lab.answer(&create, &json!({"PhysicalResourceId": "too-late"}));
    assert_eq!(lab.resource_status("A"), "DELETE_IN_PROGRESS");
    assert_eq!(lab.cfn.resource("s", "A").and_then(|a| a.physical_id.clone()), Some(invented.clone()));
    assert!(!lab.cfn.received()[0].counted);

    lab.answer(&delete, &json!({}));
    assert_eq!(lab.status(), "ROLLBACK_COMPLETE");
    lab.answer(&delete, &json!({"Status": "FAILED", "Reason": "twice"}));
    lab.answer(&create, &json!({}));
    assert_eq!(lab.status(), "ROLLBACK_COMPLETE");
    let bad: Vec<String> = lab.history(0).into_iter().filter(|line| line.starts_with("Bad")).collect();
    assert_eq!(bad, ["Bad CREATE_IN_PROGRESS", "Bad CREATE_FAILED", "Bad DELETE_COMPLETE"]);
}

#[test]
fn without_invented_ids_the_engine_waits_for_the_running_create() {
    let mut lab = Lab::with(|settings| settings.invented_id_on_cancel = false);
    lab.create(&and_fail(&template(&[("A", ""), ("B", "|DependsOn: A")]), 10, ""));
    lab.pass(20);
    assert_eq!(
        (lab.status(), lab.waiting().as_slice()),
        ("CREATE_IN_PROGRESS", &["Create A".to_owned()][..])
    );
    lab.succeed("Create A", "a-1");
    assert_eq!(lab.status(), "ROLLBACK_IN_PROGRESS");
    assert_eq!(lab.waiting(), ["Delete A"]);
    assert_eq!(lab.succeed("Delete A", "a-1")["PhysicalResourceId"], "a-1");
    assert_eq!(lab.status(), "ROLLBACK_COMPLETE");
}

#[test]
fn a_create_without_an_answer_fails_at_its_service_timeout() {
    let mut lab = Lab::new();
    lab.create(&template(&[("A", "ServiceTimeout: 120")]));
    let create = lab.take("Create A");
    let sent = lab.cfn.events("s")[1].at;
    lab.pass(125);
    let failed = lab.cfn.events("s").iter().find(|e| e.status == "CREATE_FAILED").expect("failed");
    assert_eq!((failed.at - sent).num_seconds(), 120);
    let reason = failed.reason.clone().expect("a reason");
    let expected = format!(
        "CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId [{}].",
        create["RequestId"].as_str().expect("id")
    );
    assert!(reason.starts_with(&expected), "{reason}");
    let delete = lab.take("Delete A");
    assert!(delete["PhysicalResourceId"].as_str().expect("id").starts_with("s-A-"));
    lab.answer(&create, &json!({}));
    assert_eq!(lab.status(), "ROLLBACK_IN_PROGRESS");
    lab.pass(300);
    assert_eq!(lab.status(), "ROLLBACK_FAILED");
    assert_eq!(lab.resource_status("A"), "DELETE_FAILED");
}

#[test]
fn the_default_timeout_is_an_hour_and_its_limits_hold() {
    let mut lab = Lab::new();
    lab.create(&template(&[("A", "")]));
    let sent = lab.cfn.events("s")[1].at;
    lab.pass(3590);
    assert_eq!(lab.resource_status("A"), "CREATE_IN_PROGRESS");
    lab.pass(20);
    let failed = lab.cfn.events("s").iter().find(|e| e.status == "CREATE_FAILED").expect("failed");
    assert_eq!((failed.at - sent).num_seconds(), 3600);
    for bad in ["0", "3601", "x", "-1", "1.5"] {
        let mut lab = Lab::new();
        lab.create(&template(&[("A", &format!("ServiceTimeout: {bad}"))]));
        lab.pass(5);
        assert_eq!((lab.status(), lab.waiting().len()), ("ROLLBACK_COMPLETE", 0), "{bad}");
    }
}

#[test]
fn a_wrong_service_token_fails_without_a_request() {
    for token in ["arn:aws:lambda:us-east-1:123456789012:function:f", "f", "arn:aws:s3:::bucket"] {
        let mut lab = Lab::new();
        lab.create(&format!(
            "Resources: {{A: {{Type: 'Custom::X', Properties: {{ServiceToken: '{token}'}}}}}}"
        ));
        lab.pass(5);
        let failed = lab.cfn.events("s").iter().find(|e| e.status == "CREATE_FAILED").expect("failed");
        assert_eq!(failed.reason.as_deref(), Some("Invalid service token."));
        assert_eq!((lab.status(), lab.waiting().len()), ("ROLLBACK_COMPLETE", 0));
    }
}

#[test]
fn disable_rollback_leaves_everything_and_on_failure_delete_takes_the_stack_away() {
    let text = and_fail(&template(&[("A", "")]), 5, ", DependsOn: A");
    let mut lab = Lab::new();
    lab.act(|cfn, cx| cfn.create_stack(cx, "s", &text, &Given::new(), &StackOptions::disable_rollback()))
        .expect("created");
    lab.pass(2);
    lab.succeed("Create A", "a");
    lab.pass(10);
    assert_eq!((lab.status(), lab.waiting().len()), ("CREATE_FAILED", 0));
    assert_eq!(
        (lab.resource_status("A"), lab.resource_status("Bad")),
        ("CREATE_COMPLETE".into(), "CREATE_FAILED".into())
    );
    lab.delete("s");
    lab.succeed("Delete A", "a");
    assert_eq!(lab.status(), "DELETE_COMPLETE");

    let mut lab = Lab::new();
    let options = StackOptions { on_failure: OnFailure::Delete, ..StackOptions::default() };
    lab.act(|cfn, cx| cfn.create_stack(cx, "s", &text, &Given::new(), &options)).expect("created");
    lab.pass(2);
    lab.succeed("Create A", "a");
    lab.pass(10);
    assert_eq!(lab.status(), "DELETE_IN_PROGRESS");
    lab.succeed("Delete A", "a");
    assert_eq!(lab.status(), "DELETE_COMPLETE");
}

#[test]
fn a_redelivered_event_has_the_same_request_and_a_new_url() {
    let mut lab = Lab::new();
    lab.create(&template(&[("A", "")]));
    let first = lab.take("Create A");
    lab.pass(60);
    assert!(lab.act(|cfn, cx| cfn.redeliver(cx, "s", "A")));
    assert!(!lab.act(|cfn, cx| cfn.redeliver(cx, "s", "Nobody")));
    let second = lab.take("Create A");
    assert_eq!(first["RequestId"], second["RequestId"]);
    assert_ne!(first["ResponseURL"], second["ResponseURL"]);
    lab.answer(&second, &json!({"PhysicalResourceId": "one"}));
    lab.answer(&first, &json!({"PhysicalResourceId": "two"}));
    assert_eq!(lab.cfn.resource("s", "A").and_then(|a| a.physical_id.as_deref()), Some("one"));
    assert_eq!(lab.cfn.received().iter().map(|r| r.counted).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn steps_can_be_instant() {
    let mut lab = Lab::with(|settings| settings.resource_delay = chrono::Duration::zero());
    lab.try_create("s", &template(&[("A", "")]), &[]).expect("created");
    assert_eq!(lab.waiting(), ["Create A"]);
    lab.succeed("Create A", "a");
    assert!(lab.cfn.is_settled("s"));
}

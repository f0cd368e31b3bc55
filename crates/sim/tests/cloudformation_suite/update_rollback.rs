//! Updates that fail.

use aurora_clone_sim::cloudformation::Settings;
use serde_json::json;

use crate::lab::{Lab, TOKEN, and_fail, template};

fn one(set: impl FnOnce(&mut Settings)) -> Lab {
    let mut lab = Lab::with(set);
    lab.create(&template(&[("A", "P: 1")]));
    lab.succeed("Create A", "a");
    lab
}

fn properties(event: &serde_json::Value) -> (&str, &str, &str) {
    let text = |value: &serde_json::Value| value.as_str().map(str::len).unwrap_or_default();
    assert!(text(&event["PhysicalResourceId"]) > 0);
    (
        event["PhysicalResourceId"].as_str().unwrap_or_default(),
        event["OldResourceProperties"]["P"].as_str().unwrap_or_default(),
        event["ResourceProperties"]["P"].as_str().unwrap_or_default(),
    )
}

#[test]
fn a_failed_update_is_reversed() {
    let mut lab = one(|_| {});
    lab.update(&template(&[("A", "P: 2")]));
    lab.fail("Update A", "a");
    assert_eq!(lab.status(), "UPDATE_ROLLBACK_IN_PROGRESS");
    let reason = lab.cfn.stack("s").and_then(|s| s.reason.clone());
    assert_eq!(reason.as_deref(), Some("The following resource(s) failed to update: [A]. "));
    let reverse = lab.succeed("Update A", "a");
    assert_eq!(properties(&reverse), ("a", "2", "1"));
    assert_eq!((lab.status(), lab.waiting().len()), ("UPDATE_ROLLBACK_COMPLETE", 0));
    assert!(lab.try_update("s", &template(&[("A", "P: 1")])).is_err());
    lab.update(&template(&[("A", "P: 2")]));
    assert_eq!(properties(&lab.take("Update A")), ("a", "1", "2"));
}

#[test]
fn a_replacement_is_reversed_and_removed_in_the_cleanup() {
    let mut lab = one(|_| {});
    lab.update(&and_fail(&template(&[("A", "P: 2")]), 1, ", DependsOn: A"));
    lab.succeed("Update A", "a-2");
    lab.pass(5);
    let reverse = lab.succeed("Update A", "a");
    assert_eq!(properties(&reverse), ("a-2", "2", "1"));
    assert_eq!(lab.status(), "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS");
    let delete = lab.take("Delete A");
    assert_eq!(
        (&delete["PhysicalResourceId"], &delete["ResourceProperties"]["P"]),
        (&json!("a-2"), &json!("2"))
    );
    lab.answer(&delete, &json!({}));
    assert_eq!((lab.status(), lab.waiting().len()), ("UPDATE_ROLLBACK_COMPLETE", 0));
    assert_eq!(lab.cfn.resource("s", "A").and_then(|a| a.physical_id.as_deref()), Some("a"));
    assert!(lab.cfn.resource("s", "Bad").is_none());
}

#[test]
fn a_reverse_update_that_makes_a_third_leaves_two_to_delete() {
    let mut lab = one(|_| {});
    lab.update(&and_fail(&template(&[("A", "P: 2")]), 1, ", DependsOn: A"));
    lab.succeed("Update A", "a-2");
    lab.pass(5);
    lab.succeed("Update A", "a-3");
    let first = lab.take("Delete A");
    let second = lab.take("Delete A");
    assert_eq!((&first["PhysicalResourceId"], &second["PhysicalResourceId"]), (&json!("a"), &json!("a-2")));
}

#[test]
fn a_replacement_can_also_be_taken_back_without_asking() {
    let mut lab = one(|settings| settings.reverse_update_after_replacement = false);
    lab.update(&and_fail(&template(&[("A", "P: 2")]), 1, ", DependsOn: A"));
    lab.succeed("Update A", "a-2");
    lab.pass(5);
    assert_eq!(lab.waiting(), ["Delete A"]);
    assert_eq!(lab.succeed("Delete A", "a-2")["PhysicalResourceId"], "a-2");
    assert_eq!(lab.status(), "UPDATE_ROLLBACK_COMPLETE");
    let resource = lab.cfn.resource("s", "A").expect("A");
    assert_eq!((resource.physical_id.as_deref(), &resource.properties["P"]), (Some("a"), &json!("1")));
    // An update in place is reversed all the same.
    lab.update(&and_fail(&template(&[("A", "P: 3")]), 1, ", DependsOn: A"));
    lab.succeed("Update A", "a");
    lab.pass(5);
    assert_eq!(properties(&lab.succeed("Update A", "a")), ("a", "3", "1"));
}

#[test]
fn a_failed_update_with_another_id_keeps_or_changes_it() {
    let mut lab = one(|_| {});
    lab.update(&template(&[("A", "P: 2")]));
    lab.fail("Update A", "a-2");
    assert_eq!(properties(&lab.succeed("Update A", "a")), ("a", "2", "1"));
    assert_eq!((lab.status(), lab.waiting().len()), ("UPDATE_ROLLBACK_COMPLETE", 0));

    let mut lab = one(|settings| settings.failed_update_changes_id = true);
    lab.update(&template(&[("A", "P: 2")]));
    lab.fail("Update A", "a-2");
    assert_eq!(properties(&lab.succeed("Update A", "a")), ("a-2", "2", "1"));
    assert_eq!(lab.succeed("Delete A", "a-2")["PhysicalResourceId"], "a-2");
    assert_eq!(lab.status(), "UPDATE_ROLLBACK_COMPLETE");
}

#[test]
fn an_update_in_progress_is_cancelled_and_reversed_and_its_late_answer_ignored() {
    let mut lab = one(|_| {});
    lab.update(&and_fail(&template(&[("A", "P: 2"), ("New", "")]), 5, ""));
    assert_eq!(lab.waiting(), ["Update A", "Create New"]);
    let (update, create) = (lab.take("Update A"), lab.take("Create New"));
    lab.pass(10);
    let cancelled =
        lab.cfn.events("s").iter().filter_map(|e| e.reason.as_deref()).filter(|r| r.ends_with("cancelled"));
    assert_eq!(cancelled.collect::<Vec<_>>(), ["Resource update cancelled", "Resource creation cancelled"]);
    lab.answer(&update, &json!({"PhysicalResourceId": "a-2"}));
    lab.answer(&create, &json!({"PhysicalResourceId": "new"}));
    assert_eq!(properties(&lab.succeed("Update A", "a")), ("a", "2", "1"));
    let delete = lab.take("Delete New");
    assert!(delete["PhysicalResourceId"].as_str().expect("id").starts_with("s-New-"));
    assert_eq!(lab.status(), "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS");
    lab.answer(&delete, &json!({}));
    assert_eq!((lab.status(), lab.waiting().len()), ("UPDATE_ROLLBACK_COMPLETE", 0));
}

#[test]
fn what_the_update_would_have_removed_was_never_touched() {
    let mut lab = one(|_| {});
    lab.update(&and_fail(&template(&[("C", "")]), 1, ", DependsOn: C"));
    lab.succeed("Create C", "c");
    lab.pass(5);
    assert_eq!(lab.waiting(), ["Delete C"]);
    lab.succeed("Delete C", "c");
    assert_eq!(
        (lab.status(), lab.resource_status("A").as_str()),
        ("UPDATE_ROLLBACK_COMPLETE", "CREATE_COMPLETE")
    );
}

#[test]
fn a_reverse_update_that_fails_ends_in_update_rollback_failed_and_the_stack_can_be_deleted() {
    let mut lab = one(|_| {});
    lab.update(&and_fail(&template(&[("A", "P: 2")]), 1, ", DependsOn: A"));
    lab.succeed("Update A", "a-2");
    lab.pass(5);
    lab.fail("Update A", "a-2");
    assert_eq!(lab.status(), "UPDATE_ROLLBACK_FAILED");
    assert!(lab.try_update("s", &template(&[("A", "P: 3")])).is_err());
    lab.delete("s");
    let ids: Vec<String> = (0..2)
        .map(|_| {
            let event = lab.take("Delete A");
            lab.answer(&event, &json!({}));
            event["PhysicalResourceId"].as_str().unwrap_or_default().to_owned()
        })
        .collect();
    assert_eq!((lab.status(), ids.as_slice()), ("DELETE_COMPLETE", &["a-2".to_owned(), "a".to_owned()][..]));
}

#[test]
fn a_changed_service_token_is_refused_without_a_request() {
    let mut lab = one(|_| {});
    lab.update(&template(&[("A", "P: 2")]).replace(TOKEN, &format!("{TOKEN}:live")));
    lab.pass(5);
    assert_eq!((lab.status(), lab.waiting().len()), ("UPDATE_ROLLBACK_COMPLETE", 0));
    let failed = lab.cfn.events("s").iter().find(|e| e.status == "UPDATE_FAILED").expect("failed");
    assert_eq!(failed.reason.as_deref(), Some("Modifying service token is not allowed."));
    assert_eq!(lab.resource_status("A"), "UPDATE_COMPLETE");
}

#[test]
fn an_update_times_out_and_a_retry_can_have_the_same_request_id() {
    for same in [true, false] {
        let mut lab = Lab::with(|settings| settings.same_request_id_on_retry = same);
        lab.create(&template(&[("A", "P: 1, ServiceTimeout: 30")]));
        lab.succeed("Create A", "a");
        lab.update(&template(&[("A", "P: 2, ServiceTimeout: 30")]));
        let first = lab.take("Update A");
        lab.pass(40);
        let reverse = lab.succeed("Update A", "a");
        assert_eq!(lab.status(), "UPDATE_ROLLBACK_COMPLETE");
        assert_ne!(first["RequestId"], reverse["RequestId"]);
        lab.update(&template(&[("A", "P: 2, ServiceTimeout: 30")]));
        let second = lab.take("Update A");
        assert_eq!(first["RequestId"] == second["RequestId"], same);
        assert_ne!(first["ResponseURL"], second["ResponseURL"]);
    }
}

//! Updates that succeed.

use serde_json::json;

use crate::lab::{Lab, and_fail, template};

/// A stack with A (id `a`) and B (id `b`).
fn two() -> Lab {
    let mut lab = Lab::new();
    lab.create(&template(&[("A", "P: 1"), ("B", "P: 1")]));
    lab.succeed("Create A", "a");
    lab.succeed("Create B", "b");
    lab
}

#[test]
fn only_what_changed_is_updated_in_place() {
    let mut lab = two();
    lab.update(&template(&[("A", "P: 2"), ("B", "P: 1")]));
    assert_eq!(
        (lab.status(), lab.waiting().as_slice()),
        ("UPDATE_IN_PROGRESS", &["Update A".to_owned()][..])
    );
    let event = lab.succeed("Update A", "a");
    assert_eq!(event["PhysicalResourceId"], "a");
    assert_eq!(
        (&event["ResourceProperties"]["P"], &event["OldResourceProperties"]["P"]),
        (&json!("2"), &json!("1"))
    );
    assert_eq!((lab.status(), lab.waiting().len()), ("UPDATE_COMPLETE", 0));
    assert_eq!(
        lab.history(8),
        [
            "s UPDATE_IN_PROGRESS",
            "A UPDATE_IN_PROGRESS",
            "A UPDATE_COMPLETE",
            "s UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            "s UPDATE_COMPLETE"
        ]
    );
}

#[test]
fn nothing_to_do_is_an_error_and_so_is_a_busy_stack() {
    let mut lab = two();
    let refused = lab.try_update("s", &template(&[("A", "P: '1'"), ("B", "P: 1")])).expect_err("the same");
    assert_eq!(
        (refused.code, refused.message.as_str()),
        ("ValidationError", "No updates are to be performed.")
    );
    assert_eq!(
        lab.try_update("x", &template(&[("A", "")])).expect_err("unknown").message,
        "Stack [x] does not exist"
    );
    lab.update(&template(&[("A", "P: 2"), ("B", "P: 1")]));
    let refused = lab.try_update("s", &template(&[("A", "P: 3")])).expect_err("busy");
    assert!(refused.message.ends_with("is in UPDATE_IN_PROGRESS state and can not be updated."));
    let refused = lab.act(|cfn, cx| cfn.delete_stack(cx, "s")).expect_err("busy");
    assert_eq!(refused.message, "Stack [s] cannot be deleted while in status UPDATE_IN_PROGRESS");
    lab.succeed("Update A", "a");
    let retyped =
        template(&[("A", "P: 2"), ("B", "P: 1")]).replacen("Custom::AuroraClone", "Custom::Other", 1);
    assert!(lab.try_update("s", &retyped).expect_err("retyped").message.contains("following resources: [A]"));
}

#[test]
fn a_replacement_is_cleaned_up_only_after_everything_succeeded() {
    let mut lab = two();
    lab.update(&template(&[("A", "P: 2"), ("B", "P: 2|DependsOn: A")]));
    lab.succeed("Update A", "a-2");
    assert_eq!(lab.waiting(), ["Update B"]);
    lab.succeed("Update B", "b");
    assert_eq!(lab.status(), "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS");
    let delete = lab.take("Delete A");
    assert_eq!(
        (&delete["PhysicalResourceId"], &delete["ResourceProperties"]["P"]),
        (&json!("a"), &json!("1"))
    );
    assert_eq!(lab.resource_status("A"), "UPDATE_COMPLETE");
    lab.answer(&delete, &json!({}));
    assert_eq!((lab.status(), lab.waiting().len()), ("UPDATE_COMPLETE", 0));
    assert_eq!(lab.cfn.resource("s", "A").and_then(|a| a.physical_id.as_deref()), Some("a-2"));
    lab.delete("s");
    lab.succeed("Delete B", "b");
    assert_eq!(lab.succeed("Delete A", "a-2")["PhysicalResourceId"], "a-2");
    assert_eq!(lab.status(), "DELETE_COMPLETE");
}

#[test]
fn a_failed_delete_in_the_cleanup_is_abandoned() {
    let mut lab = two();
    lab.update(&template(&[("A", "P: 2")]));
    lab.succeed("Update A", "a-2");
    assert_eq!(lab.waiting(), ["Delete A", "Delete B"]);
    lab.fail("Delete A", "a");
    lab.fail("Delete B", "b");
    assert_eq!(lab.status(), "UPDATE_COMPLETE");
    assert_eq!(lab.resource_status("A"), "UPDATE_COMPLETE");
    assert!(lab.cfn.resource("s", "B").is_none());
    lab.delete("s");
    assert_eq!(lab.waiting(), ["Delete A"]);
    lab.succeed("Delete A", "a-2");
    assert_eq!(lab.status(), "DELETE_COMPLETE");
}

#[test]
fn resources_come_and_go() {
    for forgets in [true, false] {
        let mut lab = Lab::with(|settings| settings.forgets_removed_resources = forgets);
        lab.create(&template(&[("A", ""), ("B", "|DependsOn: A")]));
        lab.succeed("Create A", "a");
        lab.succeed("Create B", "b");
        lab.update(&template(&[("C", "")]));
        lab.succeed("Create C", "c");
        assert_eq!(
            (lab.status(), lab.waiting().as_slice()),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", &["Delete B".to_owned()][..])
        );
        lab.succeed("Delete B", "b");
        lab.succeed("Delete A", "a");
        assert_eq!(lab.status(), "UPDATE_COMPLETE");
        let (status, body) =
            lab.call("DescribeStackResource", &[("StackName", "s"), ("LogicalResourceId", "A")]);
        if forgets {
            assert_eq!(status, 400);
            assert!(body.contains("Resource A does not exist for stack s"));
        } else {
            assert!(body.contains("<ResourceStatus>DELETE_COMPLETE<"));
        }
        lab.update(&template(&[("C", ""), ("A", "")]));
        lab.succeed("Create A", "a-2");
        assert_eq!((lab.status(), lab.waiting().len()), ("UPDATE_COMPLETE", 0));
    }
}

#[test]
fn a_changed_attribute_updates_who_uses_it() {
    let mut lab = Lab::new();
    let text = |p: u32| {
        template(&[("A", &format!("P: {p}")), ("B", "From: !GetAtt A.V")])
            + "Outputs: {V: {Value: !GetAtt A.V}}\n"
    };
    lab.create(&text(1));
    let a = lab.take("Create A");
    lab.answer(&a, &json!({"Data": {"V": "one"}}));
    lab.succeed("Create B", "b");
    lab.update(&text(2));
    let a = lab.take("Update A");
    lab.answer(&a, &json!({"Data": {"V": "two"}}));
    let b = lab.succeed("Update B", "b");
    assert_eq!(
        (&b["ResourceProperties"]["From"], &b["OldResourceProperties"]["From"]),
        (&json!("two"), &json!("one"))
    );
    assert_eq!((lab.status(), lab.cfn.output("s", "V")), ("UPDATE_COMPLETE", Some("two")));
    assert!(lab.try_update("s", &(text(2) + "Description: other\n")).is_err());
    lab.try_update("s", &and_fail(&template(&[("A", "P: 2")]), 1, "")).expect("updating");
}

#[test]
fn a_retained_replacement_is_not_deleted() {
    let mut lab = Lab::new();
    lab.create(&template(&[("A", "P: 1")]));
    lab.succeed("Create A", "a");
    lab.update(&template(&[("A", "P: 2|UpdateReplacePolicy: Retain")]));
    lab.succeed("Update A", "a-2");
    assert_eq!((lab.status(), lab.waiting().len()), ("UPDATE_COMPLETE", 0));
}

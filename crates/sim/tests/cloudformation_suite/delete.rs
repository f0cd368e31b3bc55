//! Deletion.

use serde_json::json;

use crate::lab::{Lab, template};

#[test]
fn a_failed_delete_stays_and_deleting_again_retries_it_alone() {
    let mut lab = Lab::new();
    lab.create(&template(&[("A", ""), ("B", "|DependsOn: A"), ("C", "")]));
    for (name, id) in [("A", "a"), ("C", "c"), ("B", "b")] {
        lab.succeed(&format!("Create {name}"), id);
    }
    lab.delete("s");
    assert_eq!(lab.waiting(), ["Delete B", "Delete C"]);
    lab.fail("Delete B", "b");
    assert_eq!(lab.status(), "DELETE_IN_PROGRESS");
    lab.succeed("Delete C", "c");
    assert_eq!((lab.status(), lab.waiting().len()), ("DELETE_FAILED", 0));
    assert!(lab.reason("B").contains("no luck"));
    assert_eq!(lab.resource_status("A"), "CREATE_COMPLETE");
    let reason = lab.cfn.stack("s").and_then(|s| s.reason.clone());
    assert_eq!(reason.as_deref(), Some("The following resource(s) failed to delete: [B]. "));
    lab.delete("s");
    assert_eq!(lab.waiting(), ["Delete B"]);
    lab.succeed("Delete B", "b");
    lab.succeed("Delete A", "a");
    assert_eq!(lab.status(), "DELETE_COMPLETE");
}

#[test]
fn a_delete_without_an_answer_fails_at_its_timeout() {
    let mut lab = Lab::new();
    lab.create(&template(&[("A", "ServiceTimeout: 60")]));
    lab.succeed("Create A", "a");
    lab.delete("s");
    lab.pass(70);
    assert_eq!((lab.status(), lab.resource_status("A").as_str()), ("DELETE_FAILED", "DELETE_FAILED"));
    assert!(lab.reason("A").starts_with("CloudFormation did not receive a response"));
}

#[test]
fn a_stack_can_be_deleted_while_it_is_created() {
    let mut lab = Lab::new();
    lab.create(&template(&[("A", ""), ("B", "|DependsOn: A")]));
    let create = lab.take("Create A");
    lab.delete("s");
    assert_eq!(lab.status(), "DELETE_IN_PROGRESS");
    let delete = lab.take("Delete A");
    assert!(delete["PhysicalResourceId"].as_str().expect("id").starts_with("s-A-"));
    lab.answer(&create, &json!({"PhysicalResourceId": "late"}));
    lab.delete("s");
    assert!(lab.waiting().is_empty());
    lab.answer(&delete, &json!({}));
    assert_eq!(lab.status(), "DELETE_COMPLETE");

    let mut lab = Lab::with(|settings| settings.invented_id_on_cancel = false);
    lab.create(&template(&[("A", ""), ("B", "|DependsOn: A")]));
    lab.delete("s");
    lab.delete("s");
    assert_eq!(lab.waiting(), ["Create A"]);
    lab.succeed("Create A", "real");
    assert_eq!(lab.succeed("Delete A", "real")["PhysicalResourceId"], "real");
    assert_eq!(lab.status(), "DELETE_COMPLETE");
}

#[test]
fn a_delete_during_a_rollback_goes_on_with_it() {
    let mut lab = Lab::new();
    lab.create(&template(&[("A", ""), ("B", "|DependsOn: A")]));
    lab.succeed("Create A", "a");
    lab.fail("Create B", "b");
    lab.delete("s");
    assert_eq!(
        (lab.status(), lab.waiting().as_slice()),
        ("DELETE_IN_PROGRESS", &["Delete B".to_owned()][..])
    );
    lab.succeed("Delete B", "b");
    lab.succeed("Delete A", "a");
    assert_eq!(lab.status(), "DELETE_COMPLETE");
}

#[test]
fn what_is_retained_is_skipped() {
    let mut lab = Lab::new();
    lab.create(&template(&[("A", "|DeletionPolicy: Retain"), ("B", "|DependsOn: A")]));
    lab.succeed("Create A", "a");
    lab.succeed("Create B", "b");
    lab.delete("s");
    lab.succeed("Delete B", "b");
    assert_eq!((lab.status(), lab.waiting().len()), ("DELETE_COMPLETE", 0));
    assert_eq!(lab.resource_status("A"), "DELETE_SKIPPED");
}

#[test]
fn exports_in_use_refuse_deletion_and_change() {
    let mut lab = Lab::new();
    let exporting = |value: &str| {
        template(&[("A", &format!("V: '{value}'"))])
            + "Outputs: {E: {Value: !GetAtt A.V, Export: {Name: !Sub '${AWS::StackName}-v'}}}\n"
    };
    lab.create(&exporting("1"));
    let a = lab.take("Create A");
    lab.answer(&a, &json!({"Data": {"V": "one"}}));
    lab.try_create("user", &template(&[("B", "In: !ImportValue s-v")]), &[]).expect("created");
    lab.pass(2);
    assert_eq!(lab.inbox[0]["ResourceProperties"]["In"], "one");
    lab.succeed("Create B", "b");
    let refused = lab.act(|cfn, cx| cfn.delete_stack(cx, "s")).expect_err("in use");
    assert_eq!(refused.message, "Export s-v cannot be deleted as it is in use by user");

    lab.update(&exporting("2"));
    let a = lab.take("Update A");
    lab.answer(&a, &json!({"Data": {"V": "two"}}));
    assert_eq!(lab.status(), "UPDATE_ROLLBACK_IN_PROGRESS");
    let reason = lab.cfn.stack("s").and_then(|s| s.reason.clone()).expect("reason");
    assert!(reason.starts_with("Export s-v cannot be updated as it is in use by user"), "{reason}");
    let a = lab.take("Update A");
    lab.answer(&a, &json!({"Data": {"V": "one"}}));
    assert_eq!(lab.status(), "UPDATE_ROLLBACK_COMPLETE");

    lab.try_create("twin", &exporting("1").replace("${AWS::StackName}-v", "s-v"), &[]).expect("created");
    lab.pass(2);
    let a = lab.take("Create A");
    lab.answer(&a, &json!({"Data": {"V": "x"}}));
    let reason = lab.cfn.stack("twin").and_then(|s| s.reason.clone()).expect("reason");
    assert!(reason.starts_with("Export with name s-v is already exported by stack s."), "{reason}");
    lab.succeed("Delete A", "id");

    lab.delete("user");
    lab.succeed("Delete B", "b");
    lab.delete("s");
    lab.succeed("Delete A", "id");
    assert_eq!(lab.status(), "DELETE_COMPLETE");

    lab.try_create("user2", &template(&[("B", "In: !ImportValue s-v")]), &[]).expect("created");
    lab.pass(5);
    let failed = lab.cfn.events("user2").iter().find(|e| e.status == "CREATE_FAILED").expect("failed");
    assert_eq!(failed.reason.as_deref(), Some("No export named s-v found"));
}

#[test]
fn deleted_stacks_are_remembered_for_ninety_days_by_id() {
    let mut lab = Lab::new();
    let id = lab.try_create("s", &template(&[("A", "")]), &[]).expect("created");
    lab.pass(2);
    assert_eq!(
        lab.try_create("s", &template(&[("A", "")]), &[]).expect_err("twice").code,
        "AlreadyExistsException"
    );
    lab.succeed("Create A", "a");
    lab.delete("s");
    lab.succeed("Delete A", "a");
    lab.act(|cfn, cx| cfn.delete_stack(cx, "s")).expect("deleting nothing");
    lab.act(|cfn, cx| cfn.delete_stack(cx, &id)).expect("deleting nothing");
    assert_eq!(lab.call("DescribeStacks", &[("StackName", "s")]).0, 400);
    assert!(lab.call("DescribeStacks", &[("StackName", &id)]).1.contains("<StackStatus>DELETE_COMPLETE<"));
    assert!(!lab.call("DescribeStacks", &[]).1.contains("<member>"));
    let resource = [("StackName", id.as_str()), ("LogicalResourceId", "A")];
    assert!(lab.call("DescribeStackResource", &resource).1.contains("<ResourceStatus>DELETE_COMPLETE<"));
    lab.pass(89 * 86_400);
    assert_eq!(lab.call("DescribeStacks", &[("StackName", &id)]).0, 200);
    lab.pass(2 * 86_400);
    let (status, body) = lab.call("DescribeStacks", &[("StackName", &id)]);
    assert_eq!(status, 400);
    assert!(body.contains(&format!(
        "<Code>ValidationError</Code><Message>Stack with id {id} does not exist</Message>"
    )));
    let second = lab.try_create("s", &template(&[("A", "")]), &[]).expect("again");
    assert_ne!(id, second);
}

#[test]
fn what_was_retained_is_told_by_the_stack_s_id_for_ninety_days() {
    let mut lab = Lab::new();
    let id = lab.try_create("s", &template(&[("A", "|DeletionPolicy: Retain")]), &[]).expect("created");
    lab.pass(2);
    lab.succeed("Create A", "a");
    lab.delete("s");
    let twin = lab.try_create("s", &template(&[("A", "")]), &[]).expect("another one of this name");
    lab.pass(2);
    for (stack, status) in [(id.as_str(), "DELETE_SKIPPED"), (twin.as_str(), "CREATE_IN_PROGRESS")] {
        let resource = [("StackName", stack), ("LogicalResourceId", "A")];
        let (code, body) = lab.call("DescribeStackResource", &resource);
        assert_eq!(code, 200);
        assert!(body.contains(&format!("<ResourceStatus>{status}<")), "{body}");
    }
    lab.pass(91 * 86_400);
    let (code, body) =
        lab.call("DescribeStackResource", &[("StackName", id.as_str()), ("LogicalResourceId", "A")]);
    assert_eq!(code, 400);
    assert!(body.contains(&format!("Stack '{id}' does not exist")), "{body}");
}

#[test]
fn what_an_update_removes_and_a_policy_keeps_is_skipped_or_forgotten() {
    for (forgets, expected) in [(true, ""), (false, "DELETE_SKIPPED")] {
        let mut lab = Lab::with(|settings| settings.forgets_removed_resources = forgets);
        let both = template(&[("A", "|DeletionPolicy: Retain"), ("B", "")]);
        lab.create(&both);
        lab.succeed("Create A", "a");
        lab.succeed("Create B", "b");
        lab.update(&template(&[("B", "")]));
        assert_eq!((lab.status(), lab.waiting().len()), ("UPDATE_COMPLETE", 0));
        assert_eq!(lab.resource_status("A"), expected);
        // Another update leaves it alone, and one that wants it again makes it anew.
        lab.update(&template(&[("B", "P: 1")]));
        lab.succeed("Update B", "b");
        assert_eq!(lab.resource_status("A"), expected);
        lab.update(&both.replace("B: ", "C: "));
        lab.succeed("Create A", "a2");
        lab.succeed("Create C", "c");
        lab.succeed("Delete B", "b");
        assert_eq!(lab.resource_status("A"), "CREATE_COMPLETE");
    }
}

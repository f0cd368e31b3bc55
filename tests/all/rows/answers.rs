//! Table A: delivery and protocol.

use aurora_clone_core::arn::Place;
use aurora_clone_core::properties::{OnNoSlot, Properties};
use aurora_clone_sim::cloudformation::StackOptions;
use aurora_clone_sim::rds::Outcome;
use aurora_clone_tests::{House, clone_template, function_arn, prod, settings};
use chrono::Duration;
use serde_json::json;

use crate::predecessor::{PLAIN, clone_of, created, expect, file, house, quick};

/// Updates a stack to these properties, beside a sibling that fails after so many seconds.
fn update_beside_a_failure(house: &House, stack: &str, properties: &str, after: i64) {
    let sibling =
        format!("  Sibling:\n    Type: Test::Fail\n    Properties:\n      After: '{after}'\nOutputs:");
    let template = clone_template(properties).replacen("Outputs:", &sibling, 1);
    house.sim.with(|world| {
        let parameters = [("Manager".to_owned(), function_arn(&world.config))].into_iter().collect();
        let options = StackOptions::default();
        world.settle(|services, cx| {
            services.cloudformation.update_stack(cx, stack, &template, &parameters, &options).unwrap()
        });
    });
}

/// Waits for the end of a rollback, and until a cancelled update has taken back what it had begun; then the stack is held against the account.
async fn rolled_back(house: &House) {
    for _ in 0..15_000 {
        house.sim.sleep(Duration::seconds(1)).await;
        if house.look(|world| world.cloudformation.is_settled("web")) {
            break;
        }
    }
    house.sim.sleep(Duration::minutes(5)).await;
    expect(house, "web", "UPDATE_ROLLBACK_COMPLETE").await;
}

/// A8. The clone that was there before is the one that is there after a rollback, and its replacement is gone.
#[tokio::test(start_paused = true)]
async fn a08_a_rolled_back_replacement_ends_where_it_began() {
    for reverse in [false, true] {
        for after in [1, 20, 60, 150, 400] {
            let mut config = quick();
            config.cloudformation.reverse_update_after_replacement = reverse;
            let house = House::with(config, 0, |world| drop(world.rds.seed_cluster(prod("prod-2"))));
            let before = created(&house, "web", PLAIN).await;
            update_beside_a_failure(&house, "web", "SourceClusterId: prod-2", after);
            rolled_back(&house).await;
            assert_eq!(clone_of(&house, "web").resource_id, before.resource_id, "{reverse} {after}");
            assert_eq!(house.ours(), [before.id.as_str()], "{reverse} {after}");
            house.delete("web");
            expect(&house, "web", "DELETE_COMPLETE").await;
            house.close().await;
        }
    }
}

/// A9. What AWS sends after a FAILED Update is open; whichever id counts, the old clone lives and what was begun goes.
#[tokio::test(start_paused = true)]
async fn a09_an_update_that_fails_after_its_replacement_was_made_keeps_the_old_clone() {
    for changes_id in [false, true] {
        let mut config = quick();
        config.cloudformation.failed_update_changes_id = changes_id;
        let house = House::with(config, 0, |world| drop(world.rds.seed_cluster(prod("prod-2"))));
        let before = created(&house, "web", PLAIN).await;
        house.sim.with(|world| world.config.rds.password_reset = Outcome::RefusedAlways);
        house.update("web", "SourceClusterId: prod-2");
        rolled_back(&house).await;
        assert_eq!(house.ever_made(), 2, "the replacement was begun");
        assert_eq!(house.ours(), [before.id.as_str()]);
        assert_eq!(clone_of(&house, "web").resource_id, before.resource_id);
        house.delete("web");
        expect(&house, "web", "DELETE_COMPLETE").await;
        house.close().await;
        assert!(house.ours().is_empty());
    }
}

/// A11. Templates of the predecessor are read as they are; what none of its properties means any more is none.
#[test]
fn a11_the_predecessors_properties_are_read_as_they_were_written() {
    let place = Place::of_stack("arn:aws:cloudformation:eu-west-1:123456789012:stack/web/1").unwrap();
    let properties = json!({
        "ServiceToken": "arn:aws:lambda:eu-west-1:123456789012:function:aurora-clone-manager",
        "SourceClusterId": "arn:aws:rds:eu-west-1:123456789012:cluster:prod",
        "ClusterId": "clone-mine",
        "CopyOk": "true",
        "PurgeObsoleteCopies": "true",
        "InstanceClass": "db.r4.large",
        "CopyCreatedSince": "2019-03-01T00:00:00Z",
        "SetPassword": "true",
        "AccessPrincipalArns": ["arn:aws:iam::123456789012:role/app"],
        "ForceCreateKmsKey": "false",
        "KmsKeyId": "alias/clones",
        "SecretpPrefix": "/aurora-clone-manager/team/",
        "NoFailOnExistingCluster": "true",
        "Tags": [{ "Key": "team", "Value": "a" }],
    });
    let read = Properties::parse(&properties, &place, &settings(&[])).unwrap();
    assert_eq!((read.source.as_str(), read.cluster_id.as_deref()), ("prod", Some("clone-mine")));
    assert_eq!(read.on_no_slot, OnNoSlot::Copy);
    assert!(read.purge_obsolete_copies && read.no_fail_on_existing);
    assert_eq!(read.instances.class.as_deref(), Some("db.r4.large"));
    assert_eq!((read.password.set, read.password.make_key), (Some(true), Some(false)));
    assert_eq!(read.password.prefix.as_deref(), Some("/aurora-clone-manager/team/"));
    assert_eq!(read.tags.get("team").map(String::as_str), Some("a"));
}

/// A21, A24. Nothing waits in Lambda's queue for longer than anybody listens, and a failed execution is heard of.
#[test]
fn a24_the_template_bounds_the_queue_and_has_a_last_resort() {
    let template = file("template/template.yaml");
    // What is older could not become a database in CloudFormation's hour, and is answered by the last resort.
    let queue = template.split("  CloneHandlerEvents:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    assert!(queue.contains("MaximumEventAgeInSeconds: 2700\n"));
    assert!(queue.contains("OnFailure: { Destination: !GetAtt LastResort.Arn }"));
    assert!(!template.contains("ReservedConcurrentExecutions"));
    assert!(template.contains("status: [FAILED, TIMED_OUT, ABORTED]"));
    let permission = template.split("  UnansweredRulePermission:\n").nth(1).unwrap();
    assert!(permission.contains("SourceArn: !GetAtt UnansweredRule.Arn"));
    // Nobody else is let in by the template: every permission names its source.
    assert_eq!(template.matches("AWS::Lambda::Permission").count(), 1);
}

/// A27. CloudFormation deletes no stack whose exports others use, and a template that names us by `ImportValue` uses one.
#[tokio::test(start_paused = true)]
async fn a27_the_managers_stack_stays_while_stacks_import_its_function() {
    assert!(
        file("template/template.yaml").contains("Export: { Name: !Sub \"${AWS::StackName}-LambdaArn\" }")
    );
    assert!(file("example/template.yaml").contains("Fn::ImportValue: !Sub \"${ManagerStack}-LambdaArn\""));
    let house = house();
    let manager = "Parameters:\n  Manager:\n    Type: String\nResources:\n  Clone:\n    Type: Custom::AuroraClone\n    Properties:\n      \
                   ServiceToken: !Ref Manager\n      SourceClusterId: prod\nOutputs:\n  LambdaArn:\n    Value: !Ref Manager\n    Export:\n      \
                   Name: manager-LambdaArn\n";
    house.create_stack("manager", manager);
    expect(&house, "manager", "CREATE_COMPLETE").await;
    let importing = clone_template(PLAIN)
        .replace("ServiceToken: !Ref Manager", "ServiceToken: !ImportValue manager-LambdaArn");
    house.create_stack("web", &importing);
    expect(&house, "web", "CREATE_COMPLETE").await;
    let refused = house.sim.with(|world| {
        world.settle(|services, cx| services.cloudformation.delete_stack(cx, "manager").unwrap_err())
    });
    assert!(refused.message.contains("in use by web"), "{}", refused.message);
    for stack in ["web", "manager"] {
        house.delete(stack);
        expect(&house, stack, "DELETE_COMPLETE").await;
    }
    house.close().await;
}

//! How requests come: twice, late, cancelled, forged, or for something that is gone; and how one that nobody follows any more
//! is answered.

use std::collections::BTreeMap;

use aurora_clone_core::names::tag;
use aurora_clone_sim::bucket::ResponseBucket;
use aurora_clone_sim::cloudformation::StackOptions;
use aurora_clone_sim::http::Request;
use aurora_clone_sim::rds::SeedInstance;
use aurora_clone_sim::{Config, Fault, FaultKind, Origin, Target, World};
use aurora_clone_tests::{FUNCTION, House, PERSON_KEY, QUICK_COPIES, clone_template, function_arn};
use chrono::Duration;
use serde_json::{Value, json};

const PLAIN: &str = "SourceClusterId: prod";

/// An account in which everything goes fast, so that a flow has few polls.
fn quick() -> Config {
    let mut config = Config::default();
    config.rds.clone_seconds = 35..=35;
    config.rds.create_instance_seconds = 40..=40;
    config.rds.delete_instance_seconds = 25..=25;
    config.rds.delete_cluster_seconds = 25..=25;
    config
}

fn house() -> House {
    House::with(quick(), 0, |_| {})
}

async fn expect(house: &House, stack: &str, status: &str) {
    assert_eq!(house.settled(stack).await, status, "{}", house.story(stack));
}

/// The template of one clone, with a sibling that fails after so many seconds.
fn with_failing_sibling(properties: &str, after: i64) -> String {
    let sibling =
        format!("  Sibling:\n    Type: Test::Fail\n    Properties:\n      After: '{after}'\nOutputs:");
    clone_template(properties).replacen("Outputs:", &sibling, 1)
}

/// The mutating calls of the product to RDS that were let in.
fn mutations(house: &House) -> usize {
    house.rds_calls().iter().filter(|call| call.mutates() && call.executed).count()
}

fn stack_id(house: &House, stack: &str) -> String {
    house.look(|world| world.cloudformation.stack(stack).unwrap().id.clone())
}

fn the_clone(house: &House) -> String {
    let ours = house.ours();
    assert_eq!(ours.len(), 1, "{ours:?}");
    ours[0].clone()
}

/// The bodies of all answers to requests about a stack, by the key of their URL.
fn answers(house: &House, stack_id: &str) -> BTreeMap<String, Value> {
    house.look(|world| {
        let about = world.bucket.answers.iter().filter(|answer| answer.key.starts_with(stack_id));
        about.map(|answer| (answer.key.clone(), serde_json::from_slice(&answer.body).unwrap())).collect()
    })
}

/// A call that a person makes to RDS; it must be let in.
fn by_hand(house: &House, operation: &str, parameters: &[(&str, &str)]) {
    let response = house.sim.with(|world| world.call_as(PERSON_KEY, operation, parameters));
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_twice_counts_once() {
    let mut flows = 0;
    for later in [0, 1, 15, 30, 600, 3 * 3_600] {
        for pause in [0, 3_000] {
            let house = house();
            house.sim.with(|world| world.functions.knobs.duplicate = Some(Duration::seconds(later)));
            house.create("web", PLAIN);
            expect(&house, "web", "CREATE_COMPLETE").await;
            house.sim.sleep(Duration::seconds(pause)).await;
            house.delete("web");
            expect(&house, "web", "DELETE_COMPLETE").await;
            house.close().await;
            assert_eq!((house.ever_made(), house.ours().len()), (1, 0), "{later} {pause}");
            assert_eq!(house.look(|world| world.states.executions().len()), 2);
            flows += 1;
        }
    }
    println!("duplicates: {flows} flows");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_creation_whose_event_comes_twice_is_not_resurrected() {
    let mut flows = 0;
    for later in [0, 1, 30, 60, 120, 600, 3 * 3_600] {
        for after in [0, 5, 12, 60] {
            let house = house();
            house.sim.with(|world| world.functions.knobs.duplicate = Some(Duration::seconds(later)));
            house.create_stack("web", &with_failing_sibling(PLAIN, after));
            expect(&house, "web", "ROLLBACK_COMPLETE").await;
            house.close().await;
            assert!(house.ours().is_empty(), "{later} {after}");
            assert!(house.ever_made() <= 1);
            flows += 1;
        }
    }
    println!("duplicates of cancelled creations: {flows} flows");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_waits_in_the_queue_is_handled_in_the_time_that_is_left() {
    for minutes in [1, 10, 50, 70, 200] {
        let house = house();
        house.sim.with(|world| world.functions.knobs.delay = Duration::minutes(minutes));
        house.create("web", PLAIN);
        let status = house.settled("web").await;
        if minutes <= 50 {
            assert_eq!(status, "CREATE_COMPLETE", "{}", house.story("web"));
        } else {
            assert!(status.starts_with("ROLLBACK_"), "{}", house.story("web"));
        }
        house.sim.with(|world| world.functions.knobs.delay = Duration::zero());
        house.delete("web");
        expect(&house, "web", "DELETE_COMPLETE").await;
        house.close().await;
        assert!(house.ours().is_empty(), "{minutes}");
        assert_eq!(house.ever_made(), usize::from(minutes <= 50), "{minutes}");
    }
}

/// A sibling fails at every moment of the creation, and CloudFormation deletes the clone by a name that nobody gave it.
#[tokio::test(start_paused = true)]
async fn a_creation_that_is_cancelled_at_any_moment_leaves_nothing() {
    let mut flows = 0;
    for seed in [1, 2, 3] {
        for slow in [false, true] {
            for after in (0..=150).step_by(7) {
                let house = House::with(Config { seed, ..quick() }, 0, |_| {});
                if slow {
                    house.sim.with(|world| world.set_faults(late_replies(3)));
                }
                house.create_stack("web", &with_failing_sibling(PLAIN, after));
                expect(&house, "web", "ROLLBACK_COMPLETE").await;
                house.close().await;
                assert!(house.ours().is_empty(), "{after}");
                assert!(house.ever_made() <= 1, "{after}");
                flows += 1;
            }
        }
    }
    println!("cancelled creations: {flows} flows");
}

/// Every reply takes a while, so that steps of several requests overlap.
fn late_replies(seconds: i64) -> Vec<Fault> {
    let late =
        |name| Fault { target: Target::Every(name), kind: FaultKind::Delay(Duration::seconds(seconds)) };
    [
        "DescribeDBClusters",
        "RestoreDBClusterToPointInTime",
        "CreateDBInstance",
        "DescribeStackResource",
        "GetItem",
    ]
    .map(late)
    .to_vec()
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_is_deleted_while_it_is_created_leaves_nothing() {
    let mut flows = 0;
    for waits_for_answers in [false, true] {
        for after in [0, 1, 2, 5, 11, 30, 60, 100, 120] {
            let mut config = quick();
            config.cloudformation.invented_id_on_cancel = !waits_for_answers;
            let house = House::with(config, 0, |_| {});
            house.create("web", PLAIN);
            house.sim.sleep(Duration::seconds(after)).await;
            house.delete("web");
            expect(&house, "web", "DELETE_COMPLETE").await;
            house.close().await;
            assert!(house.ours().is_empty(), "{after}");
            flows += 1;
        }
    }
    println!("deletions of stacks in creation: {flows} flows");
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_somebody_removed_is_deleted_already() {
    for removed_while in ["idle", "deleting"] {
        let house = house();
        house.create("web", PLAIN);
        expect(&house, "web", "CREATE_COMPLETE").await;
        let before = mutations(&house);
        if removed_while == "deleting" {
            house.delete("web");
            house.sim.sleep(Duration::seconds(10)).await;
        }
        let clone = the_clone(&house);
        house.sim.with(|world| world.rds.vanish(&clone));
        house.delete("web");
        expect(&house, "web", "DELETE_COMPLETE").await;
        if removed_while == "idle" {
            assert_eq!(mutations(&house), before);
        }
        house.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_somebody_removes_while_it_is_made_is_a_failure() {
    let house = house();
    house.create("web", PLAIN);
    house.sim.sleep(Duration::seconds(50)).await;
    let clone = the_clone(&house);
    house.sim.with(|world| world.rds.vanish(&clone));
    expect(&house, "web", "ROLLBACK_COMPLETE").await;
    assert!(house.story("web").contains("somebody deleted it"), "{}", house.story("web"));
    assert_eq!(house.ever_made(), 1);
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_never_was_is_deleted_without_a_change() {
    for properties in
        ["SourceClusterId: nothing", "SourceClusterId: prod\nInstanceClass: huge", "Colour: red"]
    {
        let house = house();
        house.create("web", properties);
        expect(&house, "web", "ROLLBACK_COMPLETE").await;
        house.close().await;
        assert_eq!(mutations(&house), 0, "{properties}");
    }
}

/// Delete events that CloudFormation never sent, or sent with an id that is not ours.
#[tokio::test(start_paused = true)]
async fn a_forged_deletion_touches_nothing() {
    let mut ids: Vec<String> = [
        "2026/11/20/[$LATEST]0123456789abcdef0123456789abcdef",
        "5f2b9c1e-0000-4000-8000-000000000000",
        "web-Clone-ABCDEFGHIJKL",
        "arn:aws:rds:eu-west-1:123456789012:cluster:prod",
        "arn:aws:rds:us-east-1:123456789012:cluster:prod",
        "arn:aws:rds:eu-west-1:999999999999:cluster:prod",
        "arn:aws:rds:eu-west-1:123456789012:db:prod-1",
        "arn:aws:rds:eu-west-1:123456789012:cluster:",
        "arn:aws:s3:::bucket",
        "prod",
        "*",
        "\u{1f600} \"; DROP",
    ]
    .map(str::to_owned)
    .to_vec();
    let house = house();
    house.create("web", PLAIN);
    expect(&house, "web", "CREATE_COMPLETE").await;
    let clone = the_clone(&house);
    let arn = house.look(|world| world.rds.cluster(&clone).unwrap().arn.clone());
    ids.push(clone.clone());
    ids.push(arn.clone());
    ids.push(arn.replace("eu-west-1", "us-east-1"));
    ids.push("x".repeat(1_024));
    let (made, flows) = (mutations(&house), ids.len());
    for (number, physical_id) in ids.iter().enumerate() {
        let other = format!("arn:aws:cloudformation:eu-west-1:123456789012:stack/other/{number}");
        let answer = forged_delete(&house, &other, physical_id, &format!("request-{number}")).await;
        assert_eq!(answer["Status"], "SUCCESS", "{answer}");
        assert_eq!(answer["PhysicalResourceId"], json!(physical_id));
    }
    // In the name of the clone's own stack, of which CloudFormation deletes nothing; with its very ARN as well.
    let own = stack_id(&house, "web");
    assert!(ids.contains(&arn));
    let mut refused = 0;
    for (number, physical_id) in ids.iter().enumerate() {
        let answer = forged_delete(&house, &own, physical_id, &format!("own-{number}")).await;
        // Nothing of this resource has the ARN of another cluster; a name that CloudFormation might have invented is about all of it.
        if physical_id.contains(":cluster:") && !physical_id.ends_with(':') && *physical_id != arn {
            assert_eq!(answer["Status"], "SUCCESS", "{answer}");
        } else {
            assert_eq!(answer["Status"], "FAILED", "{answer}");
            let reason = answer["Reason"].as_str().unwrap();
            assert!(reason.starts_with("The stack is CREATE_COMPLETE: "), "{reason}");
            refused += 1;
        }
    }
    assert!(refused > 5, "{refused}");
    assert_eq!(mutations(&house), made);
    assert_eq!(the_clone(&house), clone);
    assert!(house.look(|world| world.rds.cluster("prod").is_some()));
    house.delete("web");
    expect(&house, "web", "DELETE_COMPLETE").await;
    house.close().await;
    println!("forged deletions: {flows} ids");
}

/// Invokes the function with a Delete of our own making, and returns the answer to it.
async fn forged_delete(house: &House, stack_id: &str, physical_id: &str, request_id: &str) -> Value {
    let key = format!("{stack_id}|Clone|{request_id}");
    house.sim.with(|world| {
        let event = json!({
            "RequestType": "Delete",
            "ServiceToken": function_arn(&world.config),
            "ResponseURL": ResponseBucket::url_for(&world.config, world.now(), &key),
            "StackId": stack_id,
            "RequestId": request_id,
            "LogicalResourceId": "Clone",
            "PhysicalResourceId": physical_id,
            "ResourceType": "Custom::AuroraClone",
            "ResourceProperties": { "SourceClusterId": "prod" },
        });
        world.settle(|services, cx| services.functions.invoke_async(cx, FUNCTION, event));
    });
    for _ in 0..600 {
        house.sim.sleep(Duration::seconds(1)).await;
        if let Some(answer) = answers(house, stack_id).remove(&key) {
            return answer;
        }
    }
    panic!("no answer to the deletion of {physical_id:?}");
}

#[tokio::test(start_paused = true)]
async fn instances_that_somebody_adds_are_deleted_with_the_clone() {
    for after in [0, 5, 29, 31, 45] {
        let mut config = quick();
        config.rds.delete_instance_seconds = 60..=60;
        let house = House::with(config, 0, |_| {});
        house.create("web", PLAIN);
        expect(&house, "web", "CREATE_COMPLETE").await;
        let clone = the_clone(&house);
        let add = |id: &str| {
            let seed = SeedInstance { id: id.to_owned(), cluster: clone.clone(), ..SeedInstance::default() };
            house.sim.with(|world| world.rds.seed_instance(seed));
        };
        add("reader-before");
        house.delete("web");
        house.sim.sleep(Duration::seconds(after)).await;
        add("reader-during");
        expect(&house, "web", "DELETE_COMPLETE").await;
        house.close().await;
        house.look(|world| {
            assert!(
                world.rds.instance("reader-before").is_none()
                    && world.rds.instance("reader-during").is_none()
            );
        });
    }
}

#[tokio::test(start_paused = true)]
async fn deletion_protection_is_respected() {
    let house = house();
    house.create("web", PLAIN);
    expect(&house, "web", "CREATE_COMPLETE").await;
    let (clone, made) = (the_clone(&house), mutations(&house));
    let protect = |on: &str| {
        let parameters = [
            ("DBClusterIdentifier", clone.as_str()),
            ("DeletionProtection", on),
            ("ApplyImmediately", "true"),
        ];
        by_hand(&house, "ModifyDBCluster", &parameters);
    };
    protect("true");
    house.sim.sleep(Duration::minutes(5)).await;
    house.delete("web");
    expect(&house, "web", "DELETE_FAILED").await;
    assert!(
        house.story("web").contains("has deletion protection, which is respected"),
        "{}",
        house.story("web")
    );
    assert_eq!(mutations(&house), made);
    assert_eq!(house.look(|world| world.rds.instances_of(&clone).count()), 1);
    protect("false");
    house.sim.sleep(Duration::minutes(5)).await;
    house.delete("web");
    expect(&house, "web", "DELETE_COMPLETE").await;
    house.close().await;
}

/// CloudFormation sends the same request once more, with a new URL: both are followed, and come to the same database.
#[tokio::test(start_paused = true)]
async fn a_request_that_comes_again_with_a_new_url_finds_what_the_first_one_made() {
    let mut flows = 0;
    for after in [0, 1, 2, 5, 12, 40, 90, 300] {
        let house = house();
        house.create("web", PLAIN);
        house.sim.sleep(Duration::seconds(after)).await;
        let again = || {
            house.sim.with(|world| {
                world.settle(|services, cx| services.cloudformation.redeliver(cx, "web", "Clone"))
            })
        };
        let sent = again();
        expect(&house, "web", "CREATE_COMPLETE").await;
        house.sim.sleep(Duration::minutes(10)).await;
        // Within the same second the URL is the same, and so is the request.
        let requests = if sent && after > 1 { 2 } else { 1 };
        assert_eq!(house.look(|world| world.states.executions().len()), requests, "{after}");
        assert_eq!(house.ever_made(), 1);
        house.delete("web");
        house.sim.sleep(Duration::seconds(after.max(2))).await;
        again();
        expect(&house, "web", "DELETE_COMPLETE").await;
        house.close().await;
        flows += 1;
    }
    println!("requests that came again: {flows} flows");
}

/// A deployment that is tried again may carry the old RequestId; it is a new request all the same.
#[tokio::test(start_paused = true)]
async fn a_retried_deployment_with_the_same_request_id_is_a_new_request() {
    let mut config = quick();
    config.cloudformation.same_request_id_on_retry = true;
    let house = House::with(config, 0, |_| {});
    house.create("web", PLAIN);
    expect(&house, "web", "CREATE_COMPLETE").await;
    for _ in 0..2 {
        house.update("web", "SourceClusterId: gone");
        expect(&house, "web", "UPDATE_ROLLBACK_COMPLETE").await;
    }
    house.delete("web");
    expect(&house, "web", "DELETE_COMPLETE").await;
    house.close().await;
    assert_eq!(house.ever_made(), 1);
}

/// A request comes twice, the first execution makes the clone, and the second is stopped: it may not take away what the first one
/// has reported.
#[tokio::test(start_paused = true)]
async fn an_execution_that_is_stopped_leaves_alone_what_another_one_has_reported() {
    let mut stopped = 0;
    for after in [2, 5, 12, 25] {
        let house = house();
        house.create("web", PLAIN);
        house.sim.sleep(Duration::seconds(after)).await;
        house
            .sim
            .with(|world| world.settle(|services, cx| services.cloudformation.redeliver(cx, "web", "Clone")));
        expect(&house, "web", "CREATE_COMPLETE").await;
        stopped += stop_executions(&house);
        house.sim.sleep(Duration::minutes(30)).await;
        let clone = the_clone(&house);
        house.look(|world| assert_eq!(world.rds.cluster(&clone).unwrap().status, "available", "{after}"));
        // No `close`: the stopped one has answered FAILED to the URL of its own, and CloudFormation hears the first answer only.
        house.delete("web");
        expect(&house, "web", "DELETE_COMPLETE").await;
    }
    assert!(stopped > 0, "no second execution was at work");
}

/// Stops every execution that runs, as a person would.
fn stop_executions(house: &House) -> usize {
    house.sim.with(|world| {
        let running: Vec<String> =
            world.states.executions().iter().filter(|e| e.is_running()).map(|e| e.arn.clone()).collect();
        for arn in &running {
            let response =
                as_person(world, "AWSStepFunctions.StopExecution", &json!({ "executionArn": arn }));
            assert_eq!(response, 200);
        }
        running.len()
    })
}

fn as_person(world: &mut World, target: &str, body: &Value) -> u16 {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={PERSON_KEY}/20260101/eu-west-1/states/aws4_request, SignedHeaders=host, Signature=0"
    );
    let request = Request {
        method: "POST".to_owned(),
        host: "states.eu-west-1.amazonaws.com".to_owned(),
        path: "/".to_owned(),
        query: String::new(),
        headers: vec![
            ("x-amz-target".to_owned(), target.to_owned()),
            ("content-type".to_owned(), "application/x-amz-json-1.0".to_owned()),
            ("authorization".to_owned(), authorization),
        ],
        body: body.to_string().into_bytes(),
    };
    match world.handle(&request, &Origin::default()) {
        aurora_clone_sim::world::Outcome::Reply(response, _) => response.status,
        _ => 0,
    }
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_somebody_stops_is_answered_once() {
    let mut flows = 0;
    for slow in [false, true] {
        for after in [7, 12, 20, 45, 75, 100] {
            let house = house();
            if slow {
                house.sim.with(|world| world.set_faults(late_replies(4)));
            }
            house.create("web", PLAIN);
            house.sim.sleep(Duration::seconds(after)).await;
            assert_eq!(stop_executions(&house), 1, "{after}");
            expect(&house, "web", "ROLLBACK_COMPLETE").await;
            assert!(house.story("web").contains("its execution is ABORTED"), "{}", house.story("web"));
            house.close().await;
            assert!(house.ours().is_empty(), "{after}");
            flows += 1;
        }
    }
    // A deletion too: FAILED, and the next one goes on.
    let house = house();
    house.create("web", PLAIN);
    expect(&house, "web", "CREATE_COMPLETE").await;
    house.delete("web");
    house.sim.sleep(Duration::seconds(40)).await;
    assert_eq!(stop_executions(&house), 1);
    expect(&house, "web", "DELETE_FAILED").await;
    house.delete("web");
    expect(&house, "web", "DELETE_COMPLETE").await;
    house.close().await;
    println!("stopped executions: {} flows", flows + 1);
}

/// The machine's own time ends while its answer does not get through; the last resort's does.
#[tokio::test(start_paused = true)]
async fn a_state_machine_that_times_out_is_answered_for() {
    let house = house();
    house.sim.with(|world| {
        world.set_faults(vec![Fault { target: Target::Every("PutObject"), kind: FaultKind::ServerError }])
    });
    house.create("web", PLAIN);
    house.sim.sleep(Duration::seconds(3_505)).await;
    assert_eq!(house.look(|world| world.states.running()), 1);
    house.sim.sleep(Duration::seconds(12)).await;
    assert_eq!(house.look(|world| world.states.running()), 0);
    house.sim.with(|world| world.set_faults(Vec::new()));
    expect(&house, "web", "CREATE_COMPLETE").await;
    house.delete("web");
    expect(&house, "web", "DELETE_COMPLETE").await;
    house.close().await;
}

/// The time that the template gives is over before the clone is ready.
#[tokio::test(start_paused = true)]
async fn a_creation_that_takes_too_long_is_answered_before_cloudformation_gives_up() {
    let mut flows = 0;
    for timeout in [300, 301, 400, 599, 900, 3_600] {
        for properties in [
            "SourceClusterId: prod",
            "SourceClusterId: prod\nOnNoSlot: Wait",
            "SourceClusterId: prod\nOnNoSlot: Copy",
        ] {
            let mut config = quick();
            config.rds.clone_seconds = 4_000..=4_000;
            config.rds.full_copy_seconds = 10_800..=10_800;
            let full = properties != PLAIN;
            let house = House::operated(config, QUICK_COPIES, |world| {
                for n in 1..=if full { 15 } else { 0 } {
                    world
                        .rds
                        .seed_cluster(aurora_clone_tests::strangers_clone(&format!("by-hand-{n}"), "prod"));
                }
            });
            house.create("web", &format!("{properties}\nServiceTimeout: {timeout}"));
            let begun = house.sim.now();
            while house.status("web") == "CREATE_IN_PROGRESS" {
                house.sim.sleep(Duration::seconds(1)).await;
            }
            let took = house.sim.now() - begun;
            assert!(took <= Duration::seconds(timeout - 60), "{timeout}: {took}");
            assert!(house.story("web").contains("Not ready in the time"), "{}", house.story("web"));
            expect(&house, "web", "ROLLBACK_COMPLETE").await;
            house.close().await;
            assert!(house.ours().is_empty());
            flows += 1;
        }
    }
    println!("creations that take too long: {flows} flows");
}

/// A deletion that takes longer than the template gives fails in time, and the next one goes on.
#[tokio::test(start_paused = true)]
async fn a_deletion_that_takes_too_long_is_answered_and_goes_on_later() {
    let mut config = quick();
    config.rds.delete_instance_seconds = 250..=250;
    let house = House::with(config, 0, |_| {});
    house.create("web", PLAIN);
    expect(&house, "web", "CREATE_COMPLETE").await;
    house.update("web", "SourceClusterId: prod\nServiceTimeout: 300");
    expect(&house, "web", "UPDATE_COMPLETE").await;
    house.delete("web");
    expect(&house, "web", "DELETE_FAILED").await;
    assert!(house.story("web").contains("Deleting again goes on from here"), "{}", house.story("web"));
    house.delete("web");
    expect(&house, "web", "DELETE_COMPLETE").await;
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_update_without_effect_changes_nothing() {
    let house = house();
    house.create("web", PLAIN);
    expect(&house, "web", "CREATE_COMPLETE").await;
    let made = mutations(&house);
    let look =
        |house: &House| house.look(|world| world.cloudformation.resource("web", "Clone").unwrap().clone());
    let before = look(&house);
    for properties in
        ["OnNoSlot: Wait", "OnNoSlot: Copy", "CopyOk: 'true'", "ServiceTimeout: 900", "MaxCopyAge: PT1H"]
    {
        house.update("web", &format!("SourceClusterId: prod\n{properties}"));
        expect(&house, "web", "UPDATE_COMPLETE").await;
        let after = look(&house);
        assert_eq!((&after.physical_id, &after.data), (&before.physical_id, &before.data), "{properties}");
    }
    assert_eq!(mutations(&house), made);
    house.delete("web");
    expect(&house, "web", "DELETE_COMPLETE").await;
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_update_that_fails_changes_nothing() {
    for reverse in [false, true] {
        let mut config = quick();
        config.cloudformation.failed_update_changes_id = reverse;
        let house = House::with(config, 0, |world| {
            world.rds.seed_cluster(aurora_clone_tests::prod("prod-2"));
        });
        house.create("web", PLAIN);
        expect(&house, "web", "CREATE_COMPLETE").await;
        let (clone, made) = (the_clone(&house), mutations(&house));
        let before = house.look(|world| format!("{:?}", world.rds.cluster(&clone)));
        for (properties, says) in [
            ("SourceClusterId: gone", "there is no such Aurora cluster"),
            ("SourceClusterId: prod\nClusterId: other", "name prefix"),
            ("SourceClusterId: prod\nCopyCreatedSince: '2099-01-01'", "in the future"),
            ("SourceClusterId: prod\nVpcSecurityGroupIds: []", "VpcSecurityGroupIds"),
            ("SourceClusterId: prod\nColour: red", "Colour"),
        ] {
            house.update("web", properties);
            expect(&house, "web", "UPDATE_ROLLBACK_COMPLETE").await;
            assert!(house.story("web").contains(says), "{}", house.story("web"));
        }
        assert_eq!(mutations(&house), made);
        assert_eq!(house.look(|world| format!("{:?}", world.rds.cluster(&clone))), before);
        house.delete("web");
        expect(&house, "web", "DELETE_COMPLETE").await;
        house.close().await;
        assert_eq!(house.ever_made(), 1);
    }
}

/// Two resources of one stack are two clones, and one that a template drops is deleted alone.
#[tokio::test(start_paused = true)]
async fn a_resource_that_an_update_drops_is_deleted_alone() {
    let house = house();
    let second = "  Other:\n    Type: Custom::AuroraClone\n    Properties:\n      ServiceToken: !Ref Manager\n      SourceClusterId: prod\nOutputs:";
    house.create_stack("web", &clone_template(PLAIN).replacen("Outputs:", second, 1));
    expect(&house, "web", "CREATE_COMPLETE").await;
    assert_eq!(house.ours().len(), 2);
    house.sim.with(|world| {
        let parameters = [("Manager".to_owned(), function_arn(&world.config))].into_iter().collect();
        let (template, options) = (clone_template(PLAIN), StackOptions::default());
        world.settle(|services, cx| {
            services.cloudformation.update_stack(cx, "web", &template, &parameters, &options).unwrap()
        });
    });
    expect(&house, "web", "UPDATE_COMPLETE").await;
    let clone = the_clone(&house);
    assert_eq!(house.look(|world| world.rds.cluster(&clone).unwrap().tags[tag::LOGICAL_ID].clone()), "Clone");
    house.delete("web");
    expect(&house, "web", "DELETE_COMPLETE").await;
    house.close().await;
}

/// Two deletions of a resource run beside each other. When the first is done the resource is wanted again, and the second one,
/// which still looks whether anything is left, does not cancel that.
#[tokio::test(start_paused = true)]
async fn a_deletion_that_is_not_over_does_not_cancel_the_next_creation() {
    let house = house();
    let first = "ServiceToken: !Ref Manager\n      SourceClusterId: prod";
    let both = format!("  Other:\n    Type: Custom::AuroraClone\n    Properties:\n      {first}\nOutputs:");
    let both = clone_template(PLAIN).replacen("Outputs:", &both, 1);
    let update = |template: &str| {
        house.sim.with(|world| {
            let parameters = [("Manager".to_owned(), function_arn(&world.config))].into_iter().collect();
            let options = StackOptions::default();
            world.settle(|services, cx| {
                services.cloudformation.update_stack(cx, "web", template, &parameters, &options).unwrap()
            });
        });
    };
    house.create_stack("web", &both);
    expect(&house, "web", "CREATE_COMPLETE").await;
    update(&clone_template(PLAIN));
    house.sim.sleep(Duration::seconds(20)).await;
    assert!(
        house
            .sim
            .with(|world| world.settle(|services, cx| services.cloudformation.redeliver(cx, "web", "Other")))
    );
    expect(&house, "web", "UPDATE_COMPLETE").await;
    assert_eq!(house.look(|world| world.states.running()), 1);
    update(&both);
    expect(&house, "web", "UPDATE_COMPLETE").await;
    house.delete("web");
    expect(&house, "web", "DELETE_COMPLETE").await;
    house.close().await;
}

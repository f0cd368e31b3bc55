//! How a request is answered, how often, and what is written down about it.

use aurora_clone_sim::{Fault, FaultKind, Target};
use aurora_clone_tests::log::Log;
use aurora_clone_tests::{FUNCTION, House};
use chrono::Duration;
use serde_json::{Value, json};

use super::{PLAIN, calls_to, changes, created, every, expect, fails, file, house, quick, set_faults};

/// The predecessor logged every event with its response URL, and raised an error with the URL in it.
#[tokio::test(start_paused = true)]
async fn p22_response_urls_are_not_logged_and_an_answer_is_tried_again() {
    nothing_is_logged_that_opens_a_request().await;
    answers_are_sent_again().await;
}

#[tokio::test(start_paused = true)]
async fn defect_15_neither_event_nor_response_url_is_logged() {
    nothing_is_logged_that_opens_a_request().await;
}

async fn nothing_is_logged_that_opens_a_request() {
    let (log, _guard) = Log::start("trace");
    let house = house();
    let fault =
        |number| Fault { target: Target::Operation("PutObject", number), kind: FaultKind::ServerError };
    set_faults(&house, (1..=6).map(fault).collect());
    created(&house, "web", &format!("{PLAIN}\nDescription: a text that only the event has")).await;
    fails(&house, "bad", "SourceClusterId: prod\nCopyOk: perhaps", &["CopyOk"]).await;
    house.delete("web");
    expect(&house, "web", "DELETE_COMPLETE").await;
    let text = log.text();
    assert!(text.contains("\"message\":\"answered\""), "something is logged");
    for word in ["X-Amz-", "ResponseURL", "cloudformation-custom-resource-response", "ResourceProperties"] {
        assert!(!text.contains(word), "{word} is in the log");
    }
    house.close().await;
}

/// The predecessor did not send a lost answer again; Lambda ran the whole event once more instead.
async fn answers_are_sent_again() {
    for kind in [FaultKind::ServerError, FaultKind::Throttle, FaultKind::LostRequest, FaultKind::LostReply] {
        for failures in [1, 5, 12] {
            let house = house();
            let fault = |number| Fault { target: Target::Operation("PutObject", number), kind: kind.clone() };
            set_faults(&house, (1..=failures).map(fault).collect());
            created(&house, "web", PLAIN).await;
            house.close().await;
            assert_eq!(house.ever_made(), 1, "{kind:?} {failures}");
            house.look(|world| assert_eq!(world.states.executions().len(), 1, "one event, one execution"));
        }
    }
}

/// The predecessor ran one request at a time, because it could not do more, and the rest waited in Lambda's queue.
#[tokio::test(start_paused = true)]
async fn p22_requests_run_beside_each_other() {
    let house = house();
    for n in 1..=8 {
        house.create(&format!("web-{n}"), PLAIN);
    }
    let begun = house.sim.now();
    for n in 1..=8 {
        expect(&house, &format!("web-{n}"), "CREATE_COMPLETE").await;
    }
    assert!(house.sim.now() - begun < Duration::minutes(12), "{}", house.sim.now() - begun);
    assert!(!file("template/template.yaml").contains("ReservedConcurrentExecutions"));
    house.close().await;
    assert_eq!(house.ever_made(), 8);
}

/// Neither a second delivery of an event nor one beside the first makes a second database.
#[tokio::test(start_paused = true)]
async fn defect_13_an_event_that_lambda_repeats_makes_one_clone() {
    for later in [0, 2, 60] {
        let house = house();
        house.sim.with(|world| world.functions.knobs.duplicate = Some(Duration::seconds(later)));
        for stack in ["a", "b", "c"] {
            house.create(stack, PLAIN);
        }
        for stack in ["a", "b", "c"] {
            expect(&house, stack, "CREATE_COMPLETE").await;
        }
        house.close().await;
        assert_eq!(
            (house.ever_made(), house.look(|world| world.states.executions().len())),
            (3, 3),
            "{later}"
        );
    }
}

/// The predecessor had five minutes and then said nothing; its stack hung for an hour.
#[tokio::test(start_paused = true)]
async fn defect_14_what_takes_too_long_is_answered_in_time_and_in_few_words() {
    let mut config = quick();
    config.rds.clone_seconds = 8_000..=8_000;
    let house = House::with(config, 0, |_| {});
    for (stack, timeout) in [("short", 300), ("long", 3_600)] {
        let begun = house.sim.now();
        fails(&house, stack, &format!("{PLAIN}\nServiceTimeout: {timeout}"), &["Not ready in the time"])
            .await;
        let answered = house.look(|world| {
            let answers = world.bucket.answers.iter();
            answers.filter(|answer| answer.at >= begun).map(|answer| answer.at).min().unwrap()
        });
        assert!(answered - begun < Duration::seconds(timeout), "{stack}: {}", answered - begun);
    }
    house.close().await;
    // Whatever a reason quotes, the answer stays below CloudFormation's 4,096 bytes and whole.
    let house = super::house();
    let long = "\u{1f4a5}\\\"".repeat(1_500);
    fails(
        &house,
        "web",
        &format!("{PLAIN}\nColour: '{}'\nDescription: '{long}'", "x".repeat(3_000)),
        &["Colour"],
    )
    .await;
    house.look(|world| {
        for answer in &world.bucket.answers {
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            assert!(answer.body.len() <= 4_096 && body["Reason"].is_string());
        }
    });
    answers_are_sent_again().await;
}

/// The predecessor swallowed what it could not read, did nothing, and said that all was well.
#[tokio::test(start_paused = true)]
async fn p16_what_cannot_be_read_is_an_error_by_its_name() {
    for (operation, properties) in [
        ("DescribeDBClusters", ""),
        ("DescribeDBInstances", ""),
        ("DescribeStackResource", ""),
        ("GetItem", ""),
        ("DescribeSecret", ""),
        ("DescribeKey", "ForceCreateKmsKey: true"),
    ] {
        for kind in [FaultKind::Deny, FaultKind::Throttle] {
            let house = house();
            set_faults(&house, every(operation, kind.clone()));
            house.create("web", &format!("{PLAIN}\nServiceTimeout: 900\n{properties}"));
            while house.status("web") == "CREATE_IN_PROGRESS" {
                house.sim.sleep(Duration::seconds(1)).await;
            }
            let story = house.story("web");
            assert!(story.contains("[FAILED]") && story.contains(&format!("{operation} failed")), "{story}");
            assert!(!story.contains("no such Aurora cluster"), "{story}");
            set_faults(&house, Vec::new());
            house.settled("web").await;
            house.delete("web");
            expect(&house, "web", "DELETE_COMPLETE").await;
            house.close().await;
            assert!(house.ours().is_empty(), "{operation} {kind:?}");
        }
    }
}

/// The predecessor listened to every instance of the account, and changed passwords on what it heard.
#[tokio::test(start_paused = true)]
async fn defect_19_an_event_about_any_instance_changes_nothing() {
    let house = house();
    let clone = created(&house, "web", PLAIN).await;
    let before = (changes(&house).len(), calls_to(&house, "rds").len());
    for instance in ["prod-1", &format!("{}-1", clone.id)] {
        for event in [
            json!({
                "detail-type": "RDS DB Instance Event", "source": "aws.rds",
                "detail": { "EventID": "RDS-EVENT-0005", "SourceIdentifier": instance, "EventCategories": ["creation"] },
            }),
            json!({ "Records": [{ "EventSource": "aws:sns", "Sns": { "Message": format!("{{\"Source ID\":\"{instance}\"}}") } }] }),
        ] {
            house.sim.with(|world| {
                world.settle(|services, cx| services.functions.invoke_async(cx, FUNCTION, event))
            });
        }
    }
    house.sim.sleep(Duration::minutes(20)).await;
    assert_eq!((changes(&house).len(), calls_to(&house, "rds").len()), before);
    // The only events that the template sends are those of its own state machine.
    let template = file("template/template.yaml");
    assert_eq!(template.matches("AWS::Events::Rule").count(), 1);
    assert!(
        template.contains("source: [aws.states]")
            && template.contains("stateMachineArn: [!Ref StateMachine]")
    );
    assert!(!template.contains("AWS::RDS::EventSubscription") && !template.contains("AWS::SNS::"));
    house.close().await;
}

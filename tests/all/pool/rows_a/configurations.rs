//! D4 and D5: a configuration that can't be had, that is wrong, or that does not fit the account.

use aurora_clone_core::names::{maintain, tag};
use aurora_clone_sim::faults::{Fault, FaultKind, Target};
use aurora_clone_tests::pools::{PARAMETER, Pools, wants};
use aurora_clone_tests::{copy, prod};
use chrono::Duration;
use serde_json::{Value, json};

use super::{always, ever_made, failures, fine, made, marked, quick, strangers};

/// An account in which everything is to be done: copies are missing, one is due to go, one is to be marked.
fn busy(configuration: &Value) -> Pools {
    Pools::with(quick(), &[("SLOT_MARGIN", "0")], configuration, |world| {
        marked(world, "clone-due", "prod", Duration::days(5), Duration::days(1));
        made(world, "clone-old", "prod", Duration::days(4));
    })
}

/// The ways in which there is no configuration, and what the error has to say.
fn wrong() -> Vec<(Option<String>, Option<FaultKind>, Vec<&'static str>)> {
    let text = |value: Value| Some(value.to_string());
    let source = |more: Value| text(wants(20, more));
    vec![
        (None, None, vec!["ConfigurationUnreadable", "there is no SSM parameter", PARAMETER]),
        (Some(String::new()), None, vec!["ConfigurationInvalid", PARAMETER]),
        (Some("  \n".to_owned()), None, vec!["ConfigurationInvalid", PARAMETER]),
        (Some("{\"clusters\": [".to_owned()), None, vec!["ConfigurationInvalid", PARAMETER]),
        (Some("{:clusters []}".to_owned()), None, vec!["ConfigurationInvalid"]),
        (Some("null".to_owned()), None, vec!["ConfigurationInvalid"]),
        (Some("[]".to_owned()), None, vec!["ConfigurationInvalid"]),
        (text(json!({})), None, vec!["ConfigurationInvalid", "clusters"]),
        (text(json!({ "clusters": null })), None, vec!["ConfigurationInvalid", "clusters"]),
        (text(json!({ "clusters": [], "protects": ["*"] })), None, vec!["ConfigurationInvalid", "protects"]),
        (source(json!({ "purge": false })), None, vec!["clusters[0]", "purge"]),
        (source(json!({ "max-copy-age": 7 })), None, vec!["clusters[0].max-copy-age"]),
        (
            source(json!({ "max-copy-age": "PT1M", "target-clone-slots": -1 })),
            None,
            vec!["clusters[0].max-copy-age", "clusters[0].target-clone-slots"],
        ),
        (source(json!({ "window": { "from": "22:00" } })), None, vec!["clusters[0].window"]),
        (source(json!({ "cluster-id": "Not A Name" })), None, vec!["clusters[0].cluster-id"]),
        (
            source(json!({})),
            Some(FaultKind::Deny),
            vec!["ConfigurationUnreadable", "GetParameter failed: AccessDenied"],
        ),
        (
            source(json!({})),
            Some(FaultKind::Throttle),
            vec!["ConfigurationUnreadable", "GetParameter failed: Throttling"],
        ),
        (
            source(json!({})),
            Some(FaultKind::ServerError),
            vec!["ConfigurationUnreadable", "GetParameter failed"],
        ),
        (
            source(json!({})),
            Some(FaultKind::LostRequest),
            vec!["ConfigurationUnreadable", "GetParameter failed"],
        ),
        (
            source(json!({})),
            Some(FaultKind::Delay(Duration::minutes(2))),
            vec!["ConfigurationUnreadable", "GetParameter failed"],
        ),
    ]
}

fn put(pools: &Pools, text: Option<&String>, fault: Option<&FaultKind>) {
    pools.sim.with(|world| match text {
        Some(text) => world.ssm.put(PARAMETER, text),
        None => drop(world.ssm.remove(PARAMETER)),
    });
    if let Some(kind) = fault {
        always(pools, "GetParameter", kind.clone());
    }
}

/// How often a metric of a run was above zero.
fn counted(pools: &Pools, name: &str) -> usize {
    pools.metrics().iter().filter(|line| line[name].as_f64().is_some_and(|value| value > 0.0)).count()
}

#[tokio::test(start_paused = true)]
async fn d04_without_a_configuration_nothing_is_changed_and_the_run_fails_and_says_why() {
    for (text, fault, words) in wrong() {
        let pools = busy(&wants(60, json!({})));
        let when = format!("{text:?} {fault:?}");
        put(&pools, text.as_ref(), fault.as_ref());
        let calls = pools.calls();
        for schedule in [maintain::MAINTAIN, maintain::SWEEP] {
            let records = pools.send(pools.event(schedule)).await;
            assert!(
                records.iter().all(|record| matches!(record.result, Some(Err(_)))),
                "{when}: {records:?}"
            );
        }
        let said = failures(&pools);
        // Each event is tried three times.
        assert_eq!(
            (said.len(), counted(&pools, "Errors"), counted(&pools, "Heartbeat")),
            (6, 6, 0),
            "{when}"
        );
        for word in &words {
            assert!(said.iter().all(|text| text.contains(word)), "{when}: no {word:?} in {said:#?}");
        }
        for event in [json!({ "plan": true }), json!({ "renew": { "cluster": "clone-x", "for": "P2D" } })] {
            assert!(pools.ask(event).await.is_err(), "{when}");
        }
        assert_eq!(pools.changes_since(calls), Vec::<String>::new(), "{when}");
        pools.close().await;
    }
}

/// The execution that follows a copy gives up; the copy stays, and counts as soon as there is a configuration again.
#[tokio::test(start_paused = true)]
async fn d04_a_configuration_that_becomes_wrong_stops_what_follows_a_copy() {
    for (text, fault, words) in wrong() {
        let (pools, when) = (busy(&wants(20, json!({}))), format!("{text:?} {fault:?}"));
        pools.begin(pools.event(maintain::MAINTAIN));
        pools.sim.sleep(Duration::minutes(3)).await;
        let (made, calls) = (ever_made(&pools), pools.calls());
        assert_eq!(made, 1, "{when}");
        put(&pools, text.as_ref(), fault.as_ref());
        pools.quiet().await;
        assert_eq!(pools.changes_since(calls), Vec::<String>::new(), "{when}");
        assert!(pools.executions().iter().any(|(_, status)| status == "Failed"), "{when}");
        assert_eq!(counted(&pools, "GivenUp"), 1, "{when}");
        let said = failures(&pools);
        for word in words {
            assert!(said.iter().all(|text| text.contains(word)), "{when}: no {word:?} in {said:#?}");
        }
        fine(&pools);
        pools.configure(&wants(20, json!({})));
        pools.night().await;
        assert_eq!((ever_made(&pools), pools.metric("prod", "FreeSlots")), (1, Some(30.0)), "{when}");
        pools.close().await;
    }
}

/// What is wrong for a moment only is not noticed by what follows a copy.
#[tokio::test(start_paused = true)]
async fn d04_a_configuration_that_is_wrong_for_a_minute_stops_nothing() {
    let pools = busy(&wants(20, json!({})));
    pools.begin(pools.event(maintain::MAINTAIN));
    pools.sim.sleep(Duration::minutes(3)).await;
    put(&pools, Some(&"{".to_owned()), None);
    pools.sim.sleep(Duration::minutes(6)).await;
    assert!(!failures(&pools).is_empty());
    pools.configure(&wants(20, json!({})));
    pools.quiet().await;
    assert!(pools.executions().iter().all(|(_, status)| status == "Succeeded"), "{:?}", pools.executions());
    assert_eq!(pools.metric("prod", "FreeSlots"), Some(30.0));
    pools.close().await;
}

/// `prod` lacks a copy, and so does each of the others, if it had any business here.
fn with_sources(names: &[&str], seed: impl FnOnce(&mut aurora_clone_sim::World)) -> Pools {
    let of = |name: &&str| json!({ "cluster-id": name, "target-clone-slots": 20 });
    let configuration = json!({ "clusters": names.iter().map(of).collect::<Vec<_>>() });
    Pools::with(quick(), &[("SLOT_MARGIN", "0"), ("ALLOWED_SOURCES", "*")], &configuration, seed)
}

#[tokio::test(start_paused = true)]
async fn d05_a_source_that_is_no_root_fails_visibly_and_the_others_are_maintained() {
    let names = ["nowhere", "clone-copy", "theirs", "a-clone", "prod", "zz-gone"];
    let pools = with_sources(&names, |world| {
        made(world, "clone-copy", "elsewhere", Duration::days(1));
        let mut theirs = copy("theirs", "elsewhere", world.now());
        theirs.tags.insert(tag::MANAGER.to_owned(), "another".to_owned());
        world.rds.seed_cluster(theirs);
        let mut clone = copy("a-clone", "elsewhere", world.now());
        clone.tags.insert(tag::ROLE.to_owned(), "clone".to_owned());
        clone.tags.insert(tag::RESTORE_TYPE.to_owned(), "copy-on-write".to_owned());
        world.rds.seed_cluster(clone);
    });
    pools.send(pools.event(maintain::MAINTAIN)).await;
    let said = failures(&pools);
    assert_eq!(said.len(), 3, "{said:#?}");
    for text in &said {
        assert!(
            text.starts_with("MaintenanceFailed: 5 of the run failed: nowhere: cluster-id is \"nowhere\""),
            "{text}"
        );
        for name in names.iter().filter(|name| **name != "prod") {
            assert!(text.contains(&format!("{name}: cluster-id is {name:?}")), "{name}: {text}");
        }
        assert!(!text.contains("prod"), "{text}");
    }
    assert_eq!((ever_made(&pools), pools.copies("prod").len()), (1, 1));
    assert_eq!(counted(&pools, "Heartbeat"), 0);
    assert_eq!(pools.metric("prod", "FreeSlots"), Some(30.0));
    pools.close().await;
}

/// The second of three sources: its first call is denied, one call under its lease is, or its plan breaks a rule.
#[tokio::test(start_paused = true)]
async fn d05_a_source_that_cannot_be_maintained_keeps_no_other_from_its_turn() {
    let denied =
        |operation, nth| vec![Fault { target: Target::Operation(operation, nth), kind: FaultKind::Deny }];
    let cases = [
        // Each source is looked at, and then again under its lease.
        (denied("DescribeDBInstances", 3), false, "DescribeDBInstances failed: AccessDenied"),
        (denied("DescribeDBClusterSnapshots", 4), false, "DescribeDBClusterSnapshots failed: AccessDenied"),
        (
            denied("RestoreDBClusterToPointInTime", 2),
            false,
            "RestoreDBClusterToPointInTime failed: AccessDenied",
        ),
        // The SDK tries this one again.
        (
            (2..=4).flat_map(|nth| denied("StartExecution", nth)).collect(),
            false,
            "StartExecution failed: AccessDenied",
        ),
        (Vec::new(), true, "default security group"),
    ];
    for (faults, open_group, says) in cases {
        let pools = with_sources(&["orders", "prod", "users"], |world| {
            for root in ["orders", "users"] {
                world.rds.seed_cluster(prod(root));
            }
            if open_group {
                world.rds.change("prod", |root| root.security_groups.clear());
            }
        });
        pools.sim.with(|world| world.set_faults(faults));
        pools.begin(pools.event(maintain::MAINTAIN));
        pools.sim.sleep(Duration::seconds(30)).await;
        let said = failures(&pools);
        assert_eq!(said.len(), 1, "{says}: {said:#?}");
        assert!(said[0].contains("1 of the run failed: prod: ") && said[0].contains(says), "{said:#?}");
        for root in ["orders", "users"] {
            assert_eq!(pools.copies(root).len(), 1, "{says}: {root}");
        }
        pools.sim.sleep(Duration::minutes(3)).await;
        pools.quiet().await;
        // The next attempt of the same event finds that nothing is in the way any more.
        assert_eq!(ever_made(&pools), if open_group { 2 } else { 3 }, "{says}");
        pools.close().await;
    }
}

/// Also a family that is full counts as one that is looked at: every source has its own sum.
#[tokio::test(start_paused = true)]
async fn d05_a_full_source_beside_an_unfit_one_gets_what_it_lacks() {
    let pools = with_sources(&["prod", "nowhere"], |world| strangers(world, "prod", 15));
    pools.send(pools.event(maintain::MAINTAIN)).await;
    assert_eq!((ever_made(&pools), pools.metric("prod", "FreeSlots")), (2, Some(30.0)));
    pools.close().await;
}

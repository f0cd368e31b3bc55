//! Metrics are lines that CloudWatch takes ("Specification: Embedded metric format").

use aurora_clone_core::pool::metrics::{Metrics, values};
use aurora_clone_core::pool::plan::Plan;
use serde_json::{Value, json};

use crate::report::family;
use crate::room::{Room, name, now};

fn lines(plan: &Plan) -> Vec<Value> {
    Metrics { manager: "manager", now: now() }.of_pool(&plan.report)
}

/// What CloudWatch asks of a line, or it drops it without a word.
fn valid(line: &Value) {
    let about = &line["_aws"];
    assert!(about["Timestamp"].as_i64().unwrap() > 1_000_000_000_000, "milliseconds");
    let [directive] = about["CloudWatchMetrics"].as_array().unwrap().as_slice() else { panic!("{line}") };
    assert_eq!(directive["Namespace"], "AuroraCloneManager");
    let metrics = directive["Metrics"].as_array().unwrap();
    assert!((1..=100).contains(&metrics.len()));
    for metric in metrics {
        assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
        assert!(["Count", "Seconds", "None"].contains(&metric["Unit"].as_str().unwrap()), "{metric}");
    }
    let [dimensions] = directive["Dimensions"].as_array().unwrap().as_slice() else { panic!("{line}") };
    let dimensions = dimensions.as_array().unwrap();
    assert!((1..=30).contains(&dimensions.len()));
    for dimension in dimensions {
        let value = line[dimension.as_str().unwrap()].as_str().unwrap();
        assert!(
            (1..=1_024).contains(&value.len())
                && value.chars().all(|c| c.is_ascii() && !c.is_ascii_control()),
            "{value:?}"
        );
        assert!(!value.trim().is_empty() && !value.starts_with(':'), "{value:?}");
    }
    assert_eq!(values(line).len(), metrics.len());
}

#[test]
fn of_a_pool_and_of_each_owner() {
    let plan = family().plan();
    let lines = lines(&plan);
    lines.iter().for_each(valid);
    assert_eq!(lines.len(), 1 + plan.report.owners.len());
    let pool = values(&lines[0]);
    assert_eq!(
        (pool["FreeSlots"], pool["WantedSlots"], pool["CopiesBroken"]),
        (plan.report.free.into(), 40.0, 4.0)
    );
    let of_room = |room: &Room| values(&self::lines(&room.plan())[0]);
    assert_eq!(of_room(&Room::new(28).copy(1, 30))["OldestCopyAge"], 108_000.0);
    assert!(!of_room(&Room::new(28)).contains_key("MonthlyCost"));
}

#[test]
fn whatever_an_owner_is_called() {
    let long = "x".repeat(256);
    for owner in ["", " ", "Datenbänke", ":team", "a\tb", long.as_str()] {
        let mut room = Room::new(0).clones("prod", 1).tag("clone-1", "team", owner);
        let quota = aurora_clone_core::pool::config::Quota {
            tag: "team".to_owned(),
            everybody: None,
            owners: [].into(),
        };
        room.config.quota = Some(quota);
        lines(&room.plan()).iter().for_each(valid);
    }
}

#[test]
fn a_price_that_is_no_number_is_no_metric() {
    let mut room = Room::new(0).copy(1, 1);
    room.config.prices.volume_gib = Some(f64::MAX);
    room.config.prices.gib_month = 10.0;
    lines(&room.plan()).iter().for_each(valid);
    assert!(room.decision(&name(1)).contains("can be cloned"));
}

#[test]
fn of_a_run() {
    let metrics = Metrics { manager: "manager", now: now() };
    valid(&metrics.of_run("pools", &[("Errors", "Count", json!(0)), ("Sources", "Count", json!(3))]));
}

#[test]
fn troubles_are_also_counted_without_their_source_for_an_alarm() {
    let line = Metrics { manager: "manager", now: now() }.of_troubles(2);
    valid(&line);
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["Manager"]]));
    assert_eq!(values(&line)["Troubles"], 2.0);
}

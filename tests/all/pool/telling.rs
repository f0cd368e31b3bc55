//! What people are told of a pool: the plan with a decision about every cluster, the summary, the metrics, the events.

use std::collections::BTreeSet;

use aurora_clone_sim::World;
use aurora_clone_sim::rds::SeedCluster;
use aurora_clone_tests::pools::{Pools, wants};
use aurora_clone_tests::{copy, strangers_clone};
use chrono::Duration;
use serde_json::{Value, json};

fn a_family(world: &mut World) {
    let aged = |world: &World, hours| world.now() - Duration::hours(hours);
    world.rds.seed_cluster(copy("clone-young", "prod", aged(world, 5)));
    world.rds.seed_cluster(copy("clone-old", "prod", aged(world, 200)));
    let failed = copy("clone-failed", "prod", aged(world, 5));
    world.rds.seed_cluster(SeedCluster { status: "failed".to_owned(), ..failed });
    world.rds.seed_cluster(strangers_clone("by-hand", "prod"));
}

#[tokio::test(start_paused = true)]
async fn a_plan_names_every_cluster_with_a_decision_and_changes_nothing() {
    let pools = Pools::open(&wants(40, json!({ "volume-gib": 100 })), a_family);
    pools.create("web", "SourceClusterId: prod\nExpiresAfter: P2D");
    assert_eq!(pools.settled("web").await, "CREATE_COMPLETE");
    let calls = pools.calls();
    let plan = pools.ask(json!({ "plan": true })).await.unwrap();
    assert_eq!(pools.changes_since(calls), Vec::<String>::new());
    let report = &plan["sources"][0]["report"];
    let lines = report["lines"].as_array().unwrap();
    assert!(lines.iter().all(|line| !line["decision"].as_str().unwrap().is_empty()), "{plan:#}");
    let named: BTreeSet<String> = lines.iter().map(|l| l["cluster"].as_str().unwrap().to_owned()).collect();
    let there: BTreeSet<String> = pools.look(|world| world.rds.clusters().map(|c| c.id.clone()).collect());
    assert_eq!(named, there);
    let summary = plan["sources"][0]["summary"].as_str().unwrap();
    for words in [
        "prod: 40 slots wanted, 28 free",
        "3 copies",
        "1 broken",
        "30.00 a month",
        "1 clone of this manager, 1 of others",
        "1 begun",
    ] {
        assert!(summary.contains(words), "no {words:?} in {summary}");
    }
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_metrics_say_what_the_account_is_like() {
    let pools = Pools::open(&wants(15, json!({ "volume-gib": 100, "dry-run": true })), a_family);
    pools.create("web", "SourceClusterId: prod");
    assert_eq!(pools.settled("web").await, "CREATE_COMPLETE");
    pools.night().await;
    for (name, value) in [
        ("FreeSlots", 28.0),
        ("WantedSlots", 15.0),
        ("ComingSlots", 0.0),
        ("CopiesUsable", 1.0),
        ("CopiesTooOld", 1.0),
        ("CopiesBroken", 1.0),
        ("CopiesLeaving", 0.0),
        ("Clones", 1.0),
        ("StrangersClones", 1.0),
        ("MonthlyCost", 30.0),
        ("ClonesByOwner", 1.0),
    ] {
        assert_eq!(pools.metric("prod", name), Some(value), "{name}");
    }
    let oldest = pools.metric("prod", "OldestCopyAge").unwrap();
    assert!((720_000.0..725_000.0).contains(&oldest), "{oldest}");
    assert_eq!(
        (pools.metric("maintain", "Errors"), pools.metric("maintain", "Heartbeat")),
        (Some(0.0), Some(1.0))
    );
    assert_eq!(pools.metric("sweep", "Deletions"), Some(0.0));
    assert!(pools.metrics().iter().any(|line| line["Owner"] == "web"));
    pools.close().await;
}

fn keys(detail: &Value) -> Vec<String> {
    detail.as_object().unwrap().iter().map(|(key, value)| format!("{key} {}", value.is_number())).collect()
}

#[tokio::test(start_paused = true)]
async fn the_page_shows_what_a_pool_tells() {
    let pools = Pools::open(&wants(40, json!({ "max-copies": 2 })), a_family);
    for _ in 0..3 {
        pools.night().await;
        pools.sim.sleep(Duration::days(1)).await;
    }
    let page = include_str!("../../../docs/events.md");
    for name in ["copy-ready", "copy-purged", "pool-short"] {
        let section = page.split(&format!("## `{name}`")).nth(1).unwrap_or_else(|| panic!("no {name}"));
        let example = section.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
        let example: Value = serde_json::from_str(example).unwrap();
        assert_eq!(example["detail-type"], name);
        let told = pools.told(name);
        assert!(!told.is_empty(), "no {name}");
        assert_eq!(keys(&example["detail"]), keys(&told[0]), "{name}");
    }
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_sweep_only_looks_at_is_not_counted_as_done() {
    let pools = Pools::open(&wants(30, json!({ "max-copies": 3 })), |_| {});
    let begun = |pools: &Pools| {
        let lines = pools.metrics();
        lines.iter().filter_map(|line| line["CopiesBegun"].as_f64()).map(|n| n as u64).sum::<u64>()
    };
    for _ in 0..3 {
        pools.sweep().await;
    }
    assert_eq!(begun(&pools), 0);
    pools.night().await;
    let made = pools.look(|world| {
        world
            .rds
            .clusters()
            .filter(|cluster| {
                cluster.id.contains("-pool-")
                    || cluster.tags.get("aurora-clone:role").is_some_and(|role| role == "copy")
            })
            .count()
    });
    assert!(made > 0);
    assert_eq!(begun(&pools), made as u64);
    pools.close().await;
}

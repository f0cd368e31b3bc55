//! D6: a dry run writes nothing anywhere, and says what a real run then does.

use aurora_clone_core::names::maintain;
use aurora_clone_sim::rds::Scaling;
use aurora_clone_tests::log::Log;
use aurora_clone_tests::pools::{Pools, wants};
use chrono::Duration;
use serde_json::{Value, json};

use super::{ever_made, made, marked, quick, strangers};

/// Copies are missing, one is due to be purged, one is to be marked, one lacks its instance; and a clone's lease is over soon.
async fn busy(configuration: &Value) -> Pools {
    let pools = Pools::with(quick(), &[("SLOT_MARGIN", "0")], configuration, |world| {
        strangers(world, "prod", 3);
        marked(world, "clone-due", "prod", Duration::days(5), Duration::days(1));
        made(world, "clone-old", "prod", Duration::days(4));
        made(world, "clone-bare", "prod", Duration::hours(1));
        // As the copies are that the maintainer makes: an instance that pauses can be added.
        let pauses = Scaling { min: 0.0, max: 2.0, pause_after: Some(300) };
        world.rds.change("clone-bare", |copy| copy.scaling = Some(pauses));
        world.rds.remove_instance("clone-bare-1");
    });
    pools.create("web", "SourceClusterId: prod\nExpiresAfter: PT6H");
    assert_eq!(pools.settled("web").await, "CREATE_COMPLETE", "{}", pools.story("web"));
    // Its warning is due.
    pools.sim.sleep(Duration::hours(5)).await;
    pools
}

fn more(dry: bool) -> Value {
    json!({ "dry-run": dry, "max-copies": 20 })
}

/// What a plan says that it would do.
fn planned(plan: &Value) -> Vec<String> {
    let steps = plan["sources"][0]["report"]["steps"].as_array().unwrap();
    steps.iter().map(|step| step.as_str().unwrap().to_owned()).collect()
}

/// What the log says that was done, in order.
fn executed(log: &Log) -> Vec<String> {
    let text = log.text();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let done = lines.filter(|line| line["message"] == "executed" && line["source"] == "prod");
    done.map(|line| line["why"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn d06_no_dry_run_writes_anything_anywhere() {
    let mut whole = wants(60, more(false));
    whole["dry-run"] = json!(true);
    for (configuration, what) in
        [(wants(60, more(false)), "asked"), (whole, "all"), (wants(60, more(true)), "source")]
    {
        let pools = busy(&configuration).await;
        if what == "source" {
            // The rest of the account is swept for real.
            pools.sweep().await;
        }
        let calls = pools.calls();
        if what == "asked" {
            let plan = pools.ask(json!({ "plan": true })).await.unwrap();
            assert!(planned(&plan).len() >= 4, "{plan:#}");
        } else {
            pools.night().await;
            pools.sweep().await;
            assert!(pools.metric("prod", "CopiesBegun").unwrap() > 0.0, "{what}");
        }
        assert_eq!(pools.changes_since(calls), Vec::<String>::new(), "{what}");
        assert_eq!(ever_made(&pools), 0, "{what}");
        pools.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn d06_a_plan_says_what_the_run_then_does() {
    for method in ["point-in-time", "snapshot"] {
        let pools = busy(&wants(60, json!({ "max-copies": 20, "copy-method": method }))).await;
        let plan = pools.ask(json!({ "plan": true })).await.unwrap();
        let (log, guard) = Log::start("info");
        pools.begin(pools.event(maintain::MAINTAIN));
        pools.sim.sleep(Duration::seconds(20)).await;
        drop(guard);
        let (planned, executed) = (planned(&plan), executed(&log));
        assert_eq!(planned, executed, "{method}");
        for what in ["clone-due is purged", "clone-bare gets an instance", "-copy-"] {
            assert!(planned.iter().any(|why| why.contains(what)), "{method}: no {what:?} in {planned:#?}");
        }
        // The sweep's part of it as well: the warning.
        let sweep = plan["sweep"]["steps"].to_string();
        assert!(sweep.contains("clone-expiring is told of"), "{:#}", plan["sweep"]);
        assert_eq!(pools.told("clone-expiring").len(), 1);
        pools.quiet().await;
        pools.close().await;
    }
}

/// Switched on while an execution follows a copy, it ends what follows.
#[tokio::test(start_paused = true)]
async fn d06_a_dry_run_that_begins_half_way_changes_nothing_more() {
    for (key, of_source) in [("dry-run", false), ("dry-run", true)] {
        let pools = busy(&wants(60, more(false))).await;
        pools.begin(pools.event(maintain::MAINTAIN));
        pools.sim.sleep(Duration::minutes(2)).await;
        assert!(ever_made(&pools) > 0);
        let mut configuration = wants(60, json!({ "dry-run": of_source, "max-copies": 20 }));
        configuration[key] = json!(!of_source);
        let calls = pools.calls();
        pools.configure(&configuration);
        pools.quiet().await;
        let changes = pools.changes_since(calls);
        // A sweep goes on where only the source is not to be touched.
        let of_pool: Vec<_> = changes.iter().filter(|call| call.starts_with("rds")).collect();
        assert!(of_pool.is_empty(), "{changes:?}");
        assert!(
            pools.executions().iter().all(|(_, status)| status == "Succeeded"),
            "{:?}",
            pools.executions()
        );
        pools.close().await;
    }
}

//! What bounds a pool: AWS's quotas, the operator's numbers, the window, the root's state; and several sources beside each other.

use aurora_clone_sim::{Config, Fault, FaultKind, Target, World};
use aurora_clone_tests::pools::{Pools, wants};
use aurora_clone_tests::{copy, prod, strangers_clone};
use chrono::{Duration, TimeZone as _, Utc};
use serde_json::{Value, json};

const MARGIN: aurora_clone_tests::Operator<'static> = &[("SLOT_MARGIN", "0")];

async fn report(pools: &Pools) -> Value {
    pools.ask(json!({ "plan": true })).await.unwrap()["sources"][0]["report"].clone()
}

/// How often a call was tried since call number `since`.
fn tried(pools: &Pools, since: usize, operation: &str) -> usize {
    pools.look(|world| world.log[since..].iter().filter(|call| call.operation == operation).count())
}

/// AWS refuses the call that begins a copy: told once, tried again at the next run and not every minute, told again after
/// it was well in between.
async fn refused_by_a_quota(config: Config, method: &str, operation: &str, code: &str) {
    let pools = Pools::with(config, MARGIN, &wants(20, json!({ "copy-method": method })), |world| {
        for n in 0..2 {
            world.rds.seed_cluster(prod(&format!("other-{n}")));
        }
    });
    for night in 1..=2 {
        let calls = pools.calls();
        pools.refused_night().await;
        let told = pools.told("pool-short");
        assert_eq!(told.len(), 1, "night {night}: {told:?}");
        assert!(told[0]["reason"].as_str().unwrap().contains(code), "{told:?}");
        let tried = tried(&pools, calls, operation);
        assert!((1..=12).contains(&tried), "{operation} was tried {tried} times in one night");
        assert!(pools.metric("prod", "Troubles").unwrap() >= 1.0);
        pools.sim.sleep(Duration::hours(20)).await;
    }
    // Somebody has AWS raise the quota.
    pools.sim.with(|world| {
        world.config.rds.cluster_quota = 40;
        world.config.rds.snapshot_quota = 100;
    });
    pools.night().await;
    assert_eq!(pools.copies("prod").len(), 1, "{:?}", pools.executions());
    assert_eq!(pools.told("pool-short").len(), 1);
    // Another episode.
    pools.sim.with(|world| {
        world.config.rds.cluster_quota = 4;
        world.config.rds.snapshot_quota = 0;
        let copy = world.rds.clusters().find(|c| c.id.contains("-copy-")).unwrap().id.clone();
        world.rds.vanish(&copy);
        world.rds.seed_cluster(prod("other-2"));
    });
    pools.refused_night().await;
    assert_eq!(pools.told("pool-short").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_quota_of_clusters_that_aws_refuses_is_told_once_an_episode() {
    let mut config = Config::default();
    config.rds.cluster_quota = 3;
    refused_by_a_quota(
        config,
        "point-in-time",
        "RestoreDBClusterToPointInTime",
        "DBClusterQuotaExceededFault",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_quota_of_snapshots_that_aws_refuses_is_told_once_an_episode() {
    let mut config = Config::default();
    config.rds.snapshot_quota = 0;
    refused_by_a_quota(config, "snapshot", "CreateDBClusterSnapshot", "SnapshotQuotaExceeded").await;
}

#[tokio::test(start_paused = true)]
async fn what_aws_does_not_allow_is_tried_once_a_run_and_told() {
    let pools = Pools::open(&wants(20, json!({})), |_| {});
    let denied = Fault { target: Target::Every("RestoreDBClusterToPointInTime"), kind: FaultKind::Deny };
    pools.sim.with(|world| world.set_faults(vec![denied]));
    let (calls, began) = (pools.calls(), pools.look(World::now));
    pools.refused_night().await;
    assert!(tried(&pools, calls, "RestoreDBClusterToPointInTime") <= 12);
    assert!(
        pools.look(World::now) - began < Duration::hours(26),
        "somebody hears of it before the next night"
    );
    assert_eq!(pools.told("pool-short").len(), 1);
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn pool_short_is_told_once_an_episode() {
    let pools = Pools::open(&wants(30, json!({ "max-copies": 1 })), |world| {
        for n in 0..10 {
            world.rds.seed_cluster(strangers_clone(&format!("by-hand-{n}"), "prod"));
        }
    });
    for _ in 0..3 {
        pools.night().await;
    }
    let told = pools.told("pool-short");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0]["reason"].as_str().unwrap().contains("max-copies is 1"), "{told:?}");
    assert_eq!(pools.copies("prod").len(), 1);
    pools.configure(&wants(15, json!({ "max-copies": 1 })));
    pools.night().await;
    assert_eq!(pools.told("pool-short").len(), 1);
    pools.configure(&wants(30, json!({ "max-copies": 1 })));
    pools.night().await;
    pools.night().await;
    assert_eq!(pools.told("pool-short").len(), 2);
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn max_monthly_cost_pays_for_so_many_copies_and_no_more() {
    let money = json!({ "max-monthly-cost": 25, "volume-gib": 100 });
    let pools = Pools::open(&wants(60, money), |_| {});
    pools.night().await;
    assert_eq!(pools.copies("prod").len(), 2, "10.00 each");
    assert_eq!(pools.metric("prod", "MonthlyCost"), Some(20.0));
    let told = pools.told("pool-short");
    assert!(told[0]["reason"].as_str().unwrap().contains("max-monthly-cost"), "{told:?}");
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_while_the_window_is_closed() {
    let window = json!({ "window": { "from": "22:00", "to": "23:30" } });
    let config = Config { start: Utc.with_ymd_and_hms(2026, 6, 1, 12, 0, 0).unwrap(), ..Config::default() };
    let pools = Pools::with(config, MARGIN, &wants(20, window), |world| {
        world.rds.seed_cluster(copy("clone-old", "prod", world.now() - Duration::days(30)));
    });
    let calls = pools.calls();
    pools.night().await;
    let changes = pools.changes_since(calls);
    assert!(changes.iter().all(|call| !call.starts_with("rds")), "{changes:?}");
    let told = pools.told("pool-short");
    assert!(told[0]["reason"].as_str().unwrap().contains("2026-06-01T22:00:00Z"), "{told:?}");
    pools.sim.sleep_until(Utc.with_ymd_and_hms(2026, 6, 1, 22, 5, 0).unwrap()).await;
    pools.night().await;
    // What was begun in the window is finished outside of it; what was marked in it waits for another one.
    let names: Vec<String> = pools.copies("prod").into_iter().map(|copy| copy.id).collect();
    assert!(names.iter().any(|id| id.contains("-copy-")), "{names:?}");
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn no_copy_is_begun_of_a_root_that_is_not_available() {
    let pools = Pools::open(&wants(20, json!({})), |world| world.rds.stop("prod"));
    let calls = pools.calls();
    pools.night().await;
    assert!(pools.changes_since(calls).iter().all(|call| !call.starts_with("rds")));
    assert_eq!(pools.told("pool-short").len(), 1);
    pools.sim.with(|world| world.rds.start("prod"));
    pools.night().await;
    assert_eq!(pools.copies("prod").len(), 1);
    pools.close().await;
}

fn three_sources() -> Value {
    json!({ "clusters": [
        { "cluster-id": "prod", "target-clone-slots": 20 },
        { "cluster-id": "vanished", "target-clone-slots": 20 },
        { "cluster-id": "sales", "target-clone-slots": 40, "copy-method": "snapshot", "instance-class": "db.t4g.medium" },
        { "cluster-id": "hr", "target-clone-slots": 20, "dry-run": true },
    ] })
}

#[tokio::test(start_paused = true)]
async fn each_source_has_its_own_configuration_and_its_own_luck() {
    let pools = Pools::open(&three_sources(), |world| {
        world.rds.seed_cluster(prod("sales"));
        world.rds.seed_cluster(prod("hr"));
        for n in 0..5 {
            world.rds.seed_cluster(strangers_clone(&format!("by-hand-{n}"), "hr"));
        }
    });
    let records = pools.send(json!({ "schedule": "maintain" })).await;
    let first = records[0].result.clone().unwrap().unwrap_err();
    assert!(first.message.contains("vanished") && !first.message.contains("sales"), "{first:?}");
    assert_eq!(
        (pools.copies("prod").len(), pools.copies("sales").len(), pools.copies("hr").len()),
        (1, 2, 0)
    );
    let (of_sales, of_prod) = (pools.copies("sales"), pools.copies("prod").remove(0));
    pools.look(|world| {
        for copy in &of_sales {
            let member = world.rds.instances_of(&copy.id).next().unwrap();
            assert_eq!(member.class, "db.t4g.medium");
        }
        assert_eq!(world.rds.instances_of(&of_prod.id).next().unwrap().class, "db.serverless");
    });
    // What is only shown is shown all the same.
    assert_eq!(
        (pools.metric("hr", "FreeSlots"), pools.metric("hr", "StrangersClones")),
        (Some(10.0), Some(5.0))
    );
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_may_not_read_one_thing_says_which() {
    let pools = Pools::open(&wants(20, json!({ "copy-method": "snapshot" })), |_| {});
    let denied = Fault { target: Target::Every("DescribeDBClusterSnapshots"), kind: FaultKind::Deny };
    pools.sim.with(|world| world.set_faults(vec![denied]));
    let error = pools.ask(json!({ "schedule": "maintain" })).await.unwrap_err();
    assert!(error.to_string().contains("DescribeDBClusterSnapshots"), "{error}");
    assert_eq!(pools.metric("maintain", "Heartbeat"), None);
    assert_eq!(report(&pools).await, Value::Null);
    pools.close().await;
}

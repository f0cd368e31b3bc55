//! D2 and D3: runs beside each other, and a run after which nothing is left to do.

use aurora_clone_core::names::{maintain, tag};
use aurora_clone_sim::faults::{Fault, FaultKind, Target};
use aurora_clone_sim::rds::SeedCluster;
use aurora_clone_sim::scheduler::Mishap;
use aurora_clone_tests::pools::{Pools, wants};
use aurora_clone_tests::{copy, strangers_clone};
use chrono::Duration;
use serde_json::json;

use super::{ever_made, failures, made, marked, quick, strangers};

/// Three copies are missing.
fn short() -> Pools {
    Pools::with(quick(), &[("SLOT_MARGIN", "0")], &wants(60, json!({})), |_| {})
}

async fn three_were_made(pools: &Pools, when: &str) {
    pools.quiet().await;
    assert_eq!((ever_made(pools), pools.copies("prod").len()), (3, 3), "{when}: {:?}", failures(pools));
    let calls = pools.calls();
    pools.night().await;
    assert_eq!(pools.changes_since(calls), Vec::<String>::new(), "{when}");
    assert_eq!(pools.metric("prod", "FreeSlots"), Some(60.0), "{when}");
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn d02_a_schedule_that_fires_twice_makes_no_more_copies_than_are_missing() {
    let pools = short();
    pools.sim.with(|world| world.scheduler.mishap = Mishap::Twice);
    pools.sim.with(|world| {
        let soon = world.now() + Duration::minutes(1);
        let event = json!({ "schedule": maintain::MAINTAIN });
        world.schedule(aurora_clone_tests::pools::MAINTAINER, soon, Duration::zero(), event);
    });
    pools.sim.sleep(Duration::minutes(2)).await;
    assert_eq!(pools.executions().len(), 1, "{:?}", pools.executions());
    three_were_made(&pools, "twice").await;
}

/// Another run begins at every moment of the first one and of what follows it; and what it sees is late, or not.
#[tokio::test(start_paused = true)]
async fn d02_two_runs_beside_each_other_make_no_more_copies_than_are_missing() {
    let moments = [0, 40, 80, 120, 160, 200, 250, 300, 400, 500, 700, 1_000, 1_400, 2_000];
    let later = [60_000, 61_000, 599_000, 601_000, 660_000, 700_000, 760_000, 800_000];
    for after in moments.into_iter().chain(later) {
        for stale in [None, Some(Duration::seconds(90)), Some(Duration::minutes(5))] {
            let (pools, when) = (short(), format!("after {after} ms, {stale:?}"));
            pools.begin(json!({ "schedule": maintain::MAINTAIN, "time": "2026-06-21T00:00:00Z" }));
            pools.sim.sleep(Duration::milliseconds(after)).await;
            if let Some(age) = stale {
                let fault = |nth| Fault {
                    target: Target::Operation("DescribeDBClusters", nth),
                    kind: FaultKind::StaleRead(age),
                };
                pools.sim.with(|world| world.set_faults((1..=8).map(fault).collect()));
            }
            pools.begin(json!({ "schedule": maintain::MAINTAIN, "time": "2026-06-21T00:01:00Z" }));
            pools.quiet().await;
            pools.sim.with(|world| world.set_faults(Vec::new()));
            three_were_made(&pools, &when).await;
        }
    }
}

/// A week of nights, and every event comes twice.
#[tokio::test(start_paused = true)]
async fn d02_a_week_of_events_that_come_twice_is_a_week() {
    let pools = Pools::with(quick(), &[("SLOT_MARGIN", "0")], &wants(20, json!({})), |_| {});
    pools.sim.with(|world| world.scheduler.mishap = Mishap::Twice);
    pools.schedules();
    for _ in 0..7 {
        pools.sim.sleep(Duration::days(1)).await;
        assert!(pools.copies("prod").len() <= 2, "{:?}", pools.copies("prod"));
    }
    // Sweeps and nights go on for ever otherwise.
    pools.sim.with(|world| world.scheduler.mishap = Mishap::Never);
    pools.quiet().await;
    assert_eq!(failures(&pools), Vec::<String>::new());
    assert!((3..=6).contains(&ever_made(&pools)), "{}", ever_made(&pools));
    assert!(pools.metric("prod", "FreeSlots").unwrap() >= 20.0);
    pools.close().await;
}

/// Of everything that a run looks at there is something, and some of it is broken for good.
fn rich(method: &str) -> Pools {
    let prod = json!({ "cluster-id": "prod", "target-clone-slots": 40, "copy-method": method, "max-copy-age": "P2D" });
    let orders = json!({ "cluster-id": "orders", "target-clone-slots": 10, "protect": ["clone-protected"] });
    let full =
        json!({ "cluster-id": "full", "target-clone-slots": 2, "max-copies": 0, "max-clones-per-source": 2 });
    let configuration = json!({ "clusters": [prod, orders, full] });
    let mut config = quick();
    config.rds.cluster_quota = 200;
    config.rds.instance_quota = 200;
    Pools::with(config, &[("SLOT_MARGIN", "0")], &configuration, |world| {
        for root in ["orders", "full"] {
            world.rds.seed_cluster(aurora_clone_tests::prod(root));
        }
        strangers(world, "prod", 7);
        strangers(world, "full", 2);
        let days = Duration::days;
        made(world, "clone-kept", "prod", days(4));
        world.rds.set_tags("clone-kept", [(tag::KEEP.to_owned(), String::new())]);
        made(world, "clone-in-use", "prod", days(4));
        // Aurora hands the copy's tags on.
        let tags = world.rds.cluster("clone-in-use").unwrap().tags.clone();
        world.rds.seed_cluster(SeedCluster { tags, ..strangers_clone("of-copy", "clone-in-use") });
        made(world, "clone-stopped", "prod", days(1));
        world.rds.set_status("clone-stopped", "stopped");
        made(world, "clone-strange", "prod", days(1));
        world.rds.set_status("clone-strange", "levitating");
        marked(world, "clone-due", "prod", days(5), days(1));
        made(world, "clone-nonsense", "prod", days(1));
        world.rds.set_tags("clone-nonsense", [(tag::RETIRING.to_owned(), "soon".to_owned())]);
        made(world, "clone-protected", "orders", days(6));
        made(world, "clone-locked", "orders", days(6));
        world.rds.protect("clone-locked", true);
        made(world, "old-prefix-copy", "orders", days(1));
        let mut theirs: SeedCluster = copy("clone-theirs", "orders", world.now() - days(9));
        theirs.tags.insert(tag::MANAGER.to_owned(), "another".to_owned());
        theirs.created_by = "AKIAANOTHER".to_owned();
        world.rds.seed_cluster(theirs);
    })
}

#[tokio::test(start_paused = true)]
async fn d03_a_second_run_in_an_unchanged_world_changes_nothing() {
    for method in ["point-in-time", "snapshot"] {
        let pools = rich(method);
        pools.create("web", "SourceClusterId: prod\nExpiresAfter: P2D");
        assert_eq!(pools.settled("web").await, "CREATE_COMPLETE", "{}", pools.story("web"));
        pools.night().await;
        assert!(ever_made(&pools) > 0 && pools.look(|world| world.rds.cluster("clone-due").is_none()));
        for _ in 0..2 {
            let calls = pools.calls();
            pools.night().await;
            pools.sweep().await;
            assert_eq!(pools.changes_since(calls), Vec::<String>::new(), "{method}");
        }
        pools.close().await;
    }
}

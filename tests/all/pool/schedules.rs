//! D20: a schedule that fires twice, or never. Every good run leaves a heartbeat, and its absence is what an alarm sees.

use aurora_clone_sim::scheduler::Mishap;
use aurora_clone_sim::{Fault, FaultKind, Target};
use aurora_clone_tests::copy;
use aurora_clone_tests::pools::{Pools, wants};
use chrono::Duration;
use serde_json::{Value, json};

fn heartbeats(pools: &Pools, of: &str) -> usize {
    pools.metrics().iter().filter(|line| line["Run"] == of && line["Heartbeat"] == 1).count()
}

/// Ends the schedules, so that the account can come to rest.
fn end_schedules(pools: &Pools) {
    pools.sim.with(|world| world.scheduler.mishap = Mishap::Never);
}

async fn history_of(mishap: Mishap) -> (Pools, Vec<String>) {
    let pools = Pools::open(&wants(20, json!({})), |world| {
        world.rds.seed_cluster(copy("clone-old", "prod", world.now() - Duration::days(10)));
    });
    pools.sim.with(|world| world.scheduler.mishap = mishap);
    pools.schedules();
    pools.sim.sleep(Duration::days(6)).await;
    end_schedules(&pools);
    pools.quiet().await;
    let made = |life: &&aurora_clone_sim::rds::Life| life.truth.created_by == aurora_clone_tests::MANAGER_KEY;
    let lives = pools.look(|world| {
        world.rds.history().iter().filter(made).map(|life| life.id.clone()).collect::<Vec<_>>()
    });
    (pools, lives)
}

#[tokio::test(start_paused = true)]
async fn d20_a_schedule_that_fires_twice_makes_and_deletes_no_more_than_one_that_fires_once() {
    let (once, lives) = history_of(Mishap::None).await;
    let (twice, doubled) = history_of(Mishap::Twice).await;
    assert!(lives.len() >= 3, "{lives:?}");
    assert_eq!(lives, doubled);
    let purged = |pools: &Pools| {
        let mut names: Vec<Value> =
            pools.told("copy-purged").iter().map(|e| e["clusterId"].clone()).collect();
        names.dedup();
        names
    };
    assert_eq!(purged(&once), purged(&twice));
    assert!(twice.copies("prod").len() <= 2, "{:?}", twice.copies("prod"));
    once.close().await;
    twice.close().await;
}

#[tokio::test(start_paused = true)]
async fn d20_every_good_run_leaves_a_heartbeat_and_a_schedule_that_never_fires_leaves_none() {
    let pools = Pools::open(&wants(20, json!({})), |_| {});
    pools.sim.with(|world| world.scheduler.mishap = Mishap::Never);
    pools.schedules();
    pools.sim.sleep(Duration::days(2)).await;
    assert_eq!((heartbeats(&pools, "maintain"), heartbeats(&pools, "sweep")), (0, 0));
    pools.sim.with(|world| world.scheduler.mishap = Mishap::None);
    pools.sim.sleep(Duration::days(2)).await;
    assert_eq!(heartbeats(&pools, "maintain"), 2);
    assert!((190..=193).contains(&heartbeats(&pools, "sweep")), "{}", heartbeats(&pools, "sweep"));
    end_schedules(&pools);
    pools.quiet().await;
    assert_eq!(pools.copies("prod").len(), 1, "what was not done in time is done then");
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn d20_a_run_that_fails_leaves_no_heartbeat() {
    let pools = Pools::open(&wants(20, json!({})), |_| {});
    for operation in ["DescribeDBClusters", "GetParameter", "ListSecrets", "ListAliases"] {
        let denied = Fault { target: Target::Every(operation), kind: FaultKind::Deny };
        pools.sim.with(|world| world.set_faults(vec![denied]));
        for schedule in ["maintain", "sweep"] {
            assert!(pools.ask(json!({ "schedule": schedule })).await.is_err(), "{operation} {schedule}");
            assert_eq!(heartbeats(&pools, schedule), 0, "{operation} {schedule}");
            assert!(pools.metric(schedule, "Errors").unwrap() >= 1.0, "{operation} {schedule}");
        }
    }
    pools.sim.with(|world| world.set_faults(Vec::new()));
    pools.sweep().await;
    assert_eq!((heartbeats(&pools, "sweep"), pools.metric("sweep", "Errors")), (1, Some(0.0)));
    pools.quiet().await;
    pools.close().await;
}

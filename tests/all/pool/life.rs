//! The life of a pool: made, cloned, replaced before it is too old, purged.

use aurora_clone_core::names::tag;
use aurora_clone_tests::pools::{Pools, wants};
use aurora_clone_tests::strangers_clone;
use chrono::Duration;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_made_and_a_second_run_changes_nothing() {
    let pools = Pools::open(&wants(20, json!({})), |_| {});
    pools.night().await;
    let copies = pools.copies("prod");
    assert_eq!(copies.len(), 1, "{:?}", pools.executions());
    assert_eq!(copies[0].status, "available");
    assert!(copies[0].tags.contains_key(tag::READY), "{:?}", copies[0].tags);
    assert_eq!(
        (pools.metric("prod", "FreeSlots"), pools.metric("prod", "ComingSlots")),
        (Some(30.0), Some(0.0))
    );
    assert_eq!(pools.told("copy-ready").len(), 1);
    let calls = pools.calls();
    pools.night().await;
    pools.sweep().await;
    assert_eq!(pools.changes_since(calls), Vec::<String>::new());
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_sixteenth_clone_is_made_of_the_copy() {
    let pools = Pools::open(&wants(10, json!({})), |world| {
        for n in 0..15 {
            world.rds.seed_cluster(strangers_clone(&format!("by-hand-{n}"), "prod"));
        }
    });
    pools.night().await;
    pools.create("web", "SourceClusterId: prod");
    assert_eq!(pools.settled("web").await, "CREATE_COMPLETE", "{}", pools.story("web"));
    let copy = pools.copies("prod").remove(0);
    let clone = pools.look(|world| {
        let is =
            |c: &&aurora_clone_sim::rds::Cluster| c.tags.get(tag::ROLE).is_some_and(|role| role == "clone");
        world.rds.clusters().find(is).cloned().unwrap()
    });
    assert_eq!(clone.tags[tag::SOURCE], copy.id);
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_replaced_before_it_is_too_old_and_then_purged() {
    let pools = Pools::open(&wants(20, json!({})), |_| {});
    let mut names = Vec::new();
    let mut fewest = f64::INFINITY;
    for day in 0..9 {
        pools.night().await;
        names.push(pools.copies("prod").into_iter().map(|copy| copy.id).collect::<Vec<_>>());
        if day > 0 {
            fewest = fewest.min(pools.metric("prod", "FreeSlots").unwrap());
        }
        pools.sim.sleep(Duration::days(1)).await;
    }
    assert!(fewest >= 20.0, "{fewest} free slots: {names:?}");
    assert!(names.iter().all(|copies| copies.len() <= 2), "{names:?}");
    let purged = pools.told("copy-purged");
    assert!(purged.len() >= 2, "{purged:?} {names:?}");
    pools.close().await;
}

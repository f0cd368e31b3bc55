//! The two ways to make a copy, from the first call to the last: a restore to a point in time, and a snapshot that is restored.

use aurora_clone_core::names::tag;
use aurora_clone_sim::{Fault, FaultKind, Target};
use aurora_clone_tests::pools::{Pools, wants};
use chrono::Duration;
use serde_json::json;

/// The mutating calls to RDS, without the instance's and the tags'.
fn made_of(pools: &Pools) -> Vec<String> {
    let calls = pools.rds_calls();
    let makes = [
        "RestoreDBClusterToPointInTime",
        "RestoreDBClusterFromSnapshot",
        "CreateDBClusterSnapshot",
        "DeleteDBClusterSnapshot",
    ];
    calls
        .into_iter()
        .filter(|c| c.executed && makes.contains(&c.operation.as_str()))
        .map(|c| c.operation)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_copy_to_a_point_in_time_is_one_restore_and_takes_no_slot() {
    let pools = Pools::open(&wants(20, json!({ "copy-method": "point-in-time" })), |_| {});
    pools.night().await;
    let copy = pools.copies("prod").remove(0);
    assert_eq!(made_of(&pools), ["RestoreDBClusterToPointInTime"]);
    pools.look(|world| {
        assert!(world.rds.snapshots().next().is_none());
        assert_eq!(world.rds.instances_of(&copy.id).count(), 1);
    });
    assert_eq!((copy.backup_retention, copy.deletion_protection), (1, false));
    assert_eq!(pools.metric("prod", "FreeSlots"), Some(30.0));
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_from_a_snapshot_comes_to_be_and_the_snapshot_goes() {
    let pools = Pools::open(&wants(20, json!({ "copy-method": "snapshot" })), |_| {});
    let began = pools.look(aurora_clone_sim::World::now);
    pools.night().await;
    let copies = pools.copies("prod");
    assert_eq!(copies.len(), 1, "{copies:?}");
    let copy = &copies[0];
    assert_eq!(
        made_of(&pools),
        ["CreateDBClusterSnapshot", "RestoreDBClusterFromSnapshot", "DeleteDBClusterSnapshot"]
    );
    pools.look(|world| {
        assert_eq!(world.rds.snapshots().count(), 0, "the snapshot is left");
        assert_eq!(world.rds.instances_of(&copy.id).count(), 1);
    });
    // Its data is the snapshot's, which is older than the cluster.
    let data_time: chrono::DateTime<chrono::Utc> = copy.tags[tag::DATA_TIME].parse().unwrap();
    assert!(data_time >= began - Duration::minutes(1) && data_time < copy.truth.created_at, "{data_time}");
    assert_eq!(pools.metric("prod", "FreeSlots"), Some(30.0));
    let calls = pools.calls();
    pools.night().await;
    assert_eq!(pools.changes_since(calls), Vec::<String>::new());
    // Replaced, marked and purged like any other.
    for _ in 0..6 {
        pools.sim.sleep(Duration::days(1)).await;
        pools.night().await;
    }
    assert!(
        pools.look(|world| world.rds.cluster_by_resource_id(&copy.resource_id).is_none()),
        "{:?}",
        pools.copies("prod")
    );
    pools.close().await;
    pools.look(|world| assert_eq!(world.rds.snapshots().count(), 0));
}

/// A clone by a stranger off such a copy counts for the copy, and not for the root.
#[tokio::test(start_paused = true)]
async fn what_strangers_clone_off_a_copy_from_a_snapshot_is_counted_there() {
    let pools = Pools::open(&wants(20, json!({ "copy-method": "snapshot" })), |_| {});
    pools.night().await;
    let copy = pools.copies("prod").remove(0);
    let tags = [("team".to_owned(), "data".to_owned())].into_iter().collect();
    let seed = aurora_clone_sim::rds::SeedCluster {
        tags,
        ..aurora_clone_tests::strangers_clone("by-hand", &copy.id)
    };
    pools.sim.with(|world| world.rds.seed_cluster(seed));
    let plan = pools.ask(json!({ "plan": true })).await.unwrap();
    let lines = plan["sources"][0]["report"]["lines"].as_array().unwrap();
    let line = lines.iter().find(|line| line["cluster"] == "by-hand").unwrap();
    assert_eq!(line["takesSlotOf"], copy.id.as_str(), "{line}");
    pools.close().await;
}

/// The whole life again with each call of it failing once in each way: there is one copy and no snapshot in the end.
#[tokio::test(start_paused = true)]
async fn a_copy_from_a_snapshot_comes_to_be_whatever_gets_lost() {
    for operation in [
        "CreateDBClusterSnapshot",
        "RestoreDBClusterFromSnapshot",
        "DeleteDBClusterSnapshot",
        "DescribeDBClusterSnapshots",
    ] {
        for kind in [FaultKind::LostReply, FaultKind::Crash, FaultKind::Throttle, FaultKind::ServerError] {
            let pools = Pools::open(&wants(20, json!({ "copy-method": "snapshot" })), |_| {});
            let fault = Fault { target: Target::Operation(operation, 1), kind: kind.clone() };
            pools.sim.with(|world| world.set_faults(vec![fault]));
            pools.send(json!({ "schedule": "maintain" })).await;
            pools.send(json!({ "schedule": "maintain" })).await;
            assert_eq!(pools.copies("prod").len(), 1, "{operation} {kind:?}");
            assert_eq!(pools.look(|world| world.rds.snapshots().count()), 0, "{operation} {kind:?}");
            let ever = pools
                .rds_calls()
                .iter()
                .filter(|c| c.executed && c.status == 200 && c.operation.starts_with("RestoreDB"))
                .count();
            assert_eq!(ever, 1, "{operation} {kind:?}");
            pools.close().await;
        }
    }
}

/// Another copy is made under another name.
#[tokio::test(start_paused = true)]
async fn a_snapshot_that_failed_is_made_up_for_and_reported_where_aws_does_not_delete_it() {
    let pools = Pools::open(&wants(20, json!({ "copy-method": "snapshot" })), |_| {});
    pools.sim.with(|world| {
        let event = json!({ "schedule": "maintain" });
        world.settle(|services, cx| services.functions.invoke_async(cx, "pool-maintainer", event));
    });
    pools.sim.sleep(Duration::seconds(30)).await;
    let name = pools.look(|world| world.rds.snapshots().next().unwrap().id.clone());
    pools.sim.with(|world| world.rds.set_snapshot_status(&name, "failed"));
    let began = pools.look(aurora_clone_sim::World::now);
    pools.quiet().await;
    assert_eq!(pools.copies("prod").len(), 1);
    // AWS says that only what is available can be deleted, so a person has to look; nobody asks for it all night.
    let asked = pools.rds_calls().iter().filter(|c| c.operation == "DeleteDBClusterSnapshot").count();
    assert_eq!(asked, 2, "of the failed one and of the other one");
    assert!(pools.look(aurora_clone_sim::World::now) - began < Duration::hours(12));
    assert!(pools.executions().iter().all(|(_, status)| status == "Failed"), "{:?}", pools.executions());
    assert_eq!(pools.look(|world| world.rds.snapshots().map(|s| s.id.clone()).collect::<Vec<_>>()), [name]);
    pools.close().await;
}

//! Orphans as they come in life, with CloudFormation's own engine.

use aurora_clone_core::names::tag as tags;
use aurora_clone_sim::World;
use aurora_clone_sim::rds::Cluster;
use aurora_clone_tests::pools::Pools;
use aurora_clone_tests::{clone_template, nothing_is_left};
use chrono::Duration;

use super::{RICH, clone_of, created, exists, findings, kept, quiet_pools, rests, tag};

/// A replacement whose old clone could not be deleted while CloudFormation cleaned up: abandoned, and protected no longer.
pub async fn abandoned(pools: &Pools, stack: &str) -> Cluster {
    let old = created(pools, stack, RICH).await;
    pools.sim.with(|world| world.rds.protect(&old.id, true));
    pools.update(stack, &format!("{RICH}\nPort: 5499"));
    assert_eq!(rests(pools, stack).await, "UPDATE_COMPLETE", "{}", pools.story(stack));
    assert!(exists(pools, &old.id) && clone_of(pools, stack).id != old.id);
    pools.sim.with(|world| world.rds.protect(&old.id, false));
    old
}

/// A clone that was called something else while its stack was deleted.
pub async fn overlooked(pools: &Pools, stack: &str) -> Cluster {
    let clone = created(pools, stack, RICH).await;
    pools.sim.with(|world| world.rds.rename(&clone.id, "somewhere-else"));
    pools.delete(stack);
    assert_eq!(rests(pools, stack).await, "DELETE_COMPLETE", "{}", pools.story(stack));
    pools.sim.with(|world| world.rds.rename("somewhere-else", &clone.id));
    clone
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_replacement_is_told_of_and_gone_a_day_later_with_secret_and_key() {
    let pools = quiet_pools();
    let old = abandoned(&pools, "web").await;
    let new = clone_of(&pools, "web");
    assert_eq!(kept(&pools), (2, 2));
    pools.night().await;
    let told = pools.told("orphan-found");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["clusterId"], old.id.as_str());
    pools.sim.sleep(Duration::hours(23)).await;
    pools.night().await;
    assert!(exists(&pools, &old.id), "a day had not passed");
    pools.sim.sleep(Duration::hours(2)).await;
    pools.night().await;
    pools.sim.sleep(Duration::hours(1)).await;
    assert!(!exists(&pools, &old.id) && exists(&pools, &new.id));
    assert_eq!(kept(&pools), (1, 1));
    assert_eq!(pools.told("orphan-found").len(), 1, "told once");
    // The living one keeps its record, and its stack can be deleted.
    pools.delete("web");
    assert_eq!(pools.settled("web").await, "DELETE_COMPLETE", "{}", pools.story("web"));
    pools.sim.sleep(Duration::hours(1)).await;
    nothing_is_left(&pools);
    pools.close().await;
}

/// L3: whatever a deleted stack left is gone two days later by the quarter-hourly sweep alone.
#[tokio::test(start_paused = true)]
async fn what_a_deleted_stack_left_is_gone_within_two_days_with_its_record() {
    let pools = quiet_pools();
    let clone = overlooked(&pools, "web").await;
    let began = pools.look(World::now);
    pools.sweep().await;
    assert_eq!(pools.told("orphan-found").len(), 1);
    while pools.look(World::now) - began < Duration::hours(48) && exists(&pools, &clone.id) {
        pools.sim.sleep(Duration::minutes(60)).await;
        pools.sweep().await;
    }
    assert!(!exists(&pools, &clone.id));
    let gone =
        pools.look(|world| world.rds.history().iter().find(|l| l.id == clone.id).unwrap().gone_at.unwrap());
    assert!(gone - began >= Duration::days(1), "{}", gone - began);
    nothing_is_left(&pools);
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_deletion_policy_retains_is_reported_and_stays() {
    let pools = quiet_pools();
    let retains =
        clone_template(RICH).replace("    Properties:", "    DeletionPolicy: Retain\n    Properties:");
    pools.create_stack("web", &retains);
    assert_eq!(pools.settled("web").await, "CREATE_COMPLETE");
    let clone = clone_of(&pools, "web");
    pools.delete("web");
    assert_eq!(rests(&pools, "web").await, "DELETE_COMPLETE");
    for _ in 0..4 {
        pools.night().await;
        pools.sweep().await;
        pools.sim.sleep(Duration::days(1)).await;
    }
    assert!(exists(&pools, &clone.id));
    assert_eq!(kept(&pools), (1, 1));
    assert!(findings(&pools).await.contains("Retain"));
    assert_eq!(pools.told("orphan-found").len(), 0);
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_an_update_replace_policy_retains_is_reported_and_stays() {
    let pools = quiet_pools();
    let retains = |properties: &str| {
        clone_template(properties)
            .replace("    Properties:", "    UpdateReplacePolicy: Retain\n    Properties:")
    };
    pools.create_stack("web", &retains(RICH));
    assert_eq!(pools.settled("web").await, "CREATE_COMPLETE");
    let old = clone_of(&pools, "web");
    pools.update_stack("web", &retains(&format!("{RICH}\nPort: 5499")));
    assert_eq!(rests(&pools, "web").await, "UPDATE_COMPLETE", "{}", pools.story("web"));
    for _ in 0..4 {
        pools.night().await;
        pools.sim.sleep(Duration::days(1)).await;
    }
    assert!(exists(&pools, &old.id));
    assert!(findings(&pools).await.contains("Retain"));
    assert_eq!(kept(&pools), (2, 2));
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn d15_a_clone_without_a_stack_is_reported_and_stays() {
    let pools = quiet_pools();
    let clone = overlooked(&pools, "web").await;
    pools.sim.with(|world| world.rds.change(&clone.id, |c| drop(c.tags.remove(tags::STACK_ID))));
    for _ in 0..4 {
        pools.night().await;
        pools.sim.sleep(Duration::days(1)).await;
    }
    assert!(exists(&pools, &clone.id));
    assert!(findings(&pools).await.contains("no stack"), "{}", findings(&pools).await);
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn more_orphans_than_the_cap_all_stay_and_raise_an_alarm() {
    let pools = quiet_pools();
    let mut left = Vec::new();
    for n in 0..3 {
        left.push(overlooked(&pools, &format!("web-{n}")).await);
    }
    for _ in 0..3 {
        pools.sweep().await;
        pools.sim.sleep(Duration::hours(25)).await;
    }
    assert!(left.iter().all(|clone| exists(&pools, &clone.id)));
    assert!(pools.metric("sweep", "Troubles").unwrap() >= 1.0);
    assert!(findings(&pools).await.contains("3 orphans are due and a run may remove 2"));
    // One that a person keeps is none of them, and then the others go.
    tag(&pools, &left[0].id, tags::KEEP, "");
    pools.sweep().await;
    pools.sim.sleep(Duration::hours(1)).await;
    assert_eq!(left.iter().map(|c| exists(&pools, &c.id)).collect::<Vec<_>>(), [true, false, false]);
    pools.close().await;
}

//! D14: what CloudFormation does not say, says late, or says while it changes a stack, is no reason for anything to go.

use aurora_clone_sim::FaultKind;
use aurora_clone_tests::pools::Pools;
use chrono::Duration;
use serde_json::json;

use super::orphans::{abandoned, overlooked};
use super::{RICH, created, every, exists, faults, findings, kept, quiet_pools, rests};

async fn nights(pools: &Pools, count: usize) {
    for _ in 0..count {
        pools.send(json!({ "schedule": "maintain" })).await;
        pools.send(json!({ "schedule": "sweep" })).await;
        pools.sim.sleep(Duration::hours(25)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn d14_nothing_goes_while_cloudformation_cannot_be_asked() {
    for operation in ["DescribeStacks", "DescribeStackResource", "DescribeStackEvents"] {
        for kind in [FaultKind::Deny, FaultKind::Throttle, FaultKind::ServerError, FaultKind::LostReply] {
            let pools = quiet_pools();
            let old = abandoned(&pools, "web").await;
            faults(&pools, every(operation, kind.clone()));
            nights(&pools, 3).await;
            assert!(exists(&pools, &old.id), "{operation} {kind:?}");
            assert_eq!(kept(&pools), (2, 2), "{operation} {kind:?}");
            // It was said on one day, and on the next one nobody could be asked.
            faults(&pools, Vec::new());
            pools.night().await;
            assert_eq!(pools.told("orphan-found").len(), 1);
            pools.close().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn d14_living_stacks_stay_whole_whatever_is_denied() {
    for operation in ["DescribeStacks", "DescribeStackResource", "DescribeStackEvents"] {
        let pools = quiet_pools();
        let clone = created(&pools, "web", RICH).await;
        faults(&pools, every(operation, FaultKind::Deny));
        nights(&pools, 3).await;
        assert!(exists(&pools, &clone.id), "{operation}");
        assert_eq!(kept(&pools), (1, 1));
        pools.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn d14_a_stack_that_cloudformation_has_forgotten_says_nothing() {
    let pools = quiet_pools();
    let clone = overlooked(&pools, "web").await;
    pools.sim.sleep(Duration::days(91)).await;
    nights(&pools, 3).await;
    assert!(exists(&pools, &clone.id));
    assert_eq!(pools.told("orphan-found").len(), 0);
    assert!(findings(&pools).await.contains(&clone.id));
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn d14_a_stack_that_failed_to_be_deleted_says_nothing() {
    let pools = quiet_pools();
    let clone = created(&pools, "web", RICH).await;
    pools.sim.with(|world| world.rds.protect(&clone.id, true));
    pools.delete("web");
    assert_eq!(rests(&pools, "web").await, "DELETE_FAILED");
    pools.sim.with(|world| world.rds.protect(&clone.id, false));
    nights(&pools, 3).await;
    assert!(exists(&pools, &clone.id));
    assert!(findings(&pools).await.contains(&clone.id), "L3: it is reported");
    pools.delete("web");
    assert_eq!(pools.settled("web").await, "DELETE_COMPLETE");
    pools.close().await;
}

/// More stacks than a page of CloudFormation's listing holds: the clone of the oldest one is no orphan.
#[tokio::test(start_paused = true)]
async fn stacks_beyond_the_first_page_live_as_well() {
    let pools = quiet_pools();
    let clone = created(&pools, "web", RICH).await;
    let empty = "Resources:\n  Handle:\n    Type: AWS::CloudFormation::WaitConditionHandle\n";
    for n in 0..230 {
        pools.create_stack(
            &format!("other-{n}"),
            &format!("Parameters:\n  Manager:\n    Type: String\n{empty}"),
        );
    }
    pools.sim.sleep(Duration::minutes(5)).await;
    let living = aurora_clone_aws::cloudformation::living_stacks(&pools.cloud()).await.unwrap();
    assert_eq!(living.len(), 231);
    nights(&pools, 2).await;
    assert!(exists(&pools, &clone.id));
    assert_eq!(pools.told("orphan-found").len(), 0);
    pools.close().await;
}

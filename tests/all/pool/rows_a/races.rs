//! D1: between a copy that goes and a Create that is about to clone it.
//!
//! The root is full and one copy has room; it is too old for the pool and young enough for a Create. So a Create takes it until it is
//! marked, and nothing else.

use aurora_clone_core::names::{maintain, tag};
use aurora_clone_sim::faults::{Fault, FaultKind, Target};
use aurora_clone_sim::{Config, World};
use aurora_clone_tests::PERSON_KEY;
use aurora_clone_tests::pools::{Pools, wants};
use chrono::Duration;
use serde_json::json;

use super::{ever_made, made, marked, quick, strangers};

const OLD: &str = "clone-old";

fn opened(config: Config, marked_for: Option<Duration>) -> Pools {
    let operator = [("SLOT_MARGIN", "0")];
    Pools::with(config, &operator, &wants(0, json!({ "max-copy-age": "P1D" })), |world| {
        strangers(world, "prod", 15);
        match marked_for {
            Some(ago) => marked(world, OLD, "prod", Duration::days(2), ago),
            None => made(world, OLD, "prod", Duration::days(2)),
        }
    })
}

fn open(config: Config) -> Pools {
    opened(config, None)
}

fn exists(pools: &Pools) -> bool {
    pools.look(|world| world.rds.cluster(OLD).is_some())
}

fn is_marked(pools: &Pools) -> bool {
    pools.look(|world| world.rds.cluster(OLD).is_none_or(|copy| copy.tags.contains_key(tag::RETIRING)))
}

/// The Create begins so long after the run, or before it.
async fn create_and_run(pools: &Pools, after: Duration) -> String {
    let event = pools.event(maintain::MAINTAIN);
    if after < Duration::zero() {
        pools.create("web", "SourceClusterId: prod");
        pools.sim.sleep(-after).await;
        pools.begin(event);
    } else {
        pools.begin(event);
        pools.sim.sleep(after).await;
        pools.create("web", "SourceClusterId: prod");
    }
    let status = pools.settled("web").await;
    pools.quiet().await;
    status
}

/// Either there is a clone, and then the copy outlived its making; or nothing was ever asked of AWS.
fn check(pools: &Pools, status: &str, when: &str) -> bool {
    let story = pools.story("web");
    let refused: Vec<_> = pools
        .rds_calls()
        .into_iter()
        .filter(|call| {
            call.operation == "RestoreDBClusterToPointInTime" && call.executed && call.status != 200
        })
        .filter_map(|call| call.error)
        // A call that is sent again because its reply was late.
        .filter(|error| error != "DBClusterAlreadyExistsFault")
        .collect();
    assert!(refused.is_empty(), "{when}: AWS refused {refused:?}");
    if status == "CREATE_COMPLETE" {
        assert!(exists(pools), "{when}: the copy is gone, and has a clone");
        return true;
    }
    assert_eq!(status, "ROLLBACK_COMPLETE", "{when}: {story}");
    assert!(story.contains("No source can be cloned"), "{when}: {story}");
    assert_eq!(
        pools.look(|world| world.rds.history().iter().filter(|l| l.role() == Some("clone")).count()),
        0
    );
    false
}

/// Afterwards nothing keeps the copy, and the next run takes it away.
async fn goes_in_the_end(pools: &Pools, when: &str) {
    pools.delete("web");
    assert_eq!(pools.settled("web").await, "DELETE_COMPLETE", "{when}");
    pools.night().await;
    assert!(!exists(pools), "{when}: the copy stays for ever: {:?}", pools.executions());
    pools.close().await;
    assert_eq!(ever_made(pools), 0);
}

#[tokio::test(start_paused = true)]
async fn d01_a_purge_never_takes_the_copy_that_a_create_is_about_to_clone() {
    let mut cloned = 0;
    let seconds =
        [-3_000_000, -90_000, -20_000, -3_000, -1_500, -900, -500, -300, -100, 0, 50, 100, 150, 200, 250];
    let later =
        [300, 400, 500, 700, 1_000, 2_000, 60_000, 1_800_000, 4_380_000, 4_480_000, 4_500_000, 4_501_000];
    for after in seconds.into_iter().chain(later) {
        let (pools, when) = (open(quick()), format!("the Create begins {after} ms after the run"));
        let status = create_and_run(&pools, Duration::milliseconds(after)).await;
        cloned += usize::from(check(&pools, &status, &when));
        goes_in_the_end(&pools, &when).await;
    }
    // Otherwise the moments are not around the mark.
    assert!((5..25).contains(&cloned), "{cloned} of them got a clone");
}

/// As slow as CloudFormation lets a Create be: its clone is in the making when the grace is over.
#[tokio::test(start_paused = true)]
async fn d01_a_create_that_is_slow_keeps_its_copy() {
    for (after, clone, instance) in [(-5_000, 3_000, 300), (-3_000_000, 60, 300), (-600_000, 2_400, 600)] {
        let mut config = quick();
        config.rds.clone_seconds = clone..=clone;
        config.rds.create_instance_seconds = instance..=instance;
        let (pools, when) = (open(config), format!("{after} {clone} {instance}"));
        let status = create_and_run(&pools, Duration::milliseconds(after)).await;
        assert!(check(&pools, &status, &when), "{when}: {}", pools.story("web"));
        goes_in_the_end(&pools, &when).await;
    }
}

/// What the Create sees, or says, is late: it clones what was marked meanwhile.
#[tokio::test(start_paused = true)]
async fn d01_a_create_that_sees_or_speaks_late_keeps_its_copy() {
    let stale = FaultKind::StaleRead(Duration::minutes(5));
    let late = FaultKind::Delay(Duration::seconds(40));
    let faults = [
        ("DescribeDBClusters", stale.clone(), 60_000),
        ("DescribeDBClusters", stale, 240_000),
        ("RestoreDBClusterToPointInTime", late.clone(), -1_200),
        ("RestoreDBClusterToPointInTime", late.clone(), -2_000),
        ("RestoreDBClusterToPointInTime", late, -30_000),
    ];
    for (operation, kind, after) in faults {
        let (pools, when) = (open(quick()), format!("{operation} {kind:?} {after}"));
        let all = (1..=6).map(|nth| Fault { target: Target::Operation(operation, nth), kind: kind.clone() });
        let faults: Vec<Fault> = all.collect();
        let event = pools.event(maintain::MAINTAIN);
        if after > 0 {
            pools.begin(event);
            pools.sim.sleep(Duration::milliseconds(after)).await;
            pools.sim.with(|world| world.set_faults(faults));
            pools.create("web", "SourceClusterId: prod");
        } else {
            pools.sim.with(|world| world.set_faults(faults));
            pools.create("web", "SourceClusterId: prod");
            pools.sim.sleep(Duration::milliseconds(-after)).await;
            pools.begin(event);
        }
        let status = pools.settled("web").await;
        pools.quiet().await;
        check(&pools, &status, &when);
        pools.sim.with(|world| world.set_faults(Vec::new()));
        goes_in_the_end(&pools, &when).await;
    }
}

/// A person asks nobody and reads no mark: with the copy's tags, which AWS hands on, or with tags of one's own that name it.
#[tokio::test(start_paused = true)]
async fn d01_a_clone_by_hand_keeps_its_copy_whenever_it_was_begun() {
    for minutes in [-60, -1, 1, 30, 70, 74] {
        let (pools, when) = (open(quick()), format!("cloned by hand {minutes} minutes after the run"));
        let by_hand = |world: &mut World| {
            let parameters = [
                ("DBClusterIdentifier", "mine"),
                ("SourceDBClusterIdentifier", OLD),
                ("RestoreType", "copy-on-write"),
                ("UseLatestRestorableTime", "true"),
            ];
            let made = world.call_as(PERSON_KEY, "RestoreDBClusterToPointInTime", &parameters);
            assert_eq!(made.status, 200, "{:?}", String::from_utf8_lossy(&made.body));
        };
        if minutes < 0 {
            pools.sim.with(by_hand);
            pools.sim.sleep(Duration::minutes(-minutes)).await;
            pools.begin(pools.event(maintain::MAINTAIN));
        } else {
            pools.begin(pools.event(maintain::MAINTAIN));
            pools.sim.sleep(Duration::minutes(minutes)).await;
            assert!(is_marked(&pools), "{when}");
            pools.sim.with(by_hand);
        }
        pools.quiet().await;
        pools.night().await;
        assert!(exists(&pools), "{when}: the copy is gone");
        pools.sim.with(|world| world.rds.vanish("mine"));
        pools.night().await;
        assert!(!exists(&pools), "{when}: the copy stays: {:?}", pools.executions());
        pools.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn d01_nothing_is_purged_before_the_longest_create_is_over() {
    let pools = opened(quick(), Some(Duration::minutes(74)));
    pools.begin(pools.event(maintain::MAINTAIN));
    pools.sim.sleep(Duration::seconds(50)).await;
    assert!(exists(&pools) && pools.look(|world| world.rds.cluster(OLD).unwrap().status == "available"));
    pools.quiet().await;
    assert!(!exists(&pools));
    pools.close().await;
}

//! Many who want the last slot in the same moment: as many clones as there are slots, and never one more.

use aurora_clone_sim::{Config, Fault, FaultKind, Target, World};
use aurora_clone_tests::{House, MANAGER_KEY, PERSON_KEY, copy, strangers_clone};
use chrono::Duration;

const FAIL: &str = "SourceClusterId: prod\nOnNoSlot: Fail";
const WAIT: &str = "SourceClusterId: prod\nOnNoSlot: Wait\nServiceTimeout: 3000";

/// Room for many clones, and short durations.
fn config(seed: u64) -> Config {
    let mut config = Config { seed, ..Config::default() };
    config.rds.cluster_quota = 100;
    config.rds.instance_quota = 100;
    config.rds.clone_seconds = 35..=60;
    config.rds.create_instance_seconds = 40..=70;
    config.rds.delete_instance_seconds = 25..=40;
    config.rds.delete_cluster_seconds = 25..=40;
    config
}

fn strangers(world: &mut World, count: usize) {
    for n in 1..=count {
        world.rds.seed_cluster(strangers_clone(&format!("by-hand-{n}"), "prod"));
    }
}

/// Every reply takes so long: without that all calls of a step happen in one moment, and nothing overlaps.
fn latency(milliseconds: i64) -> Vec<Fault> {
    let late = |name| Fault {
        target: Target::Every(name),
        kind: FaultKind::Delay(Duration::milliseconds(milliseconds)),
    };
    [
        "DescribeDBClusters",
        "DescribeDBInstances",
        "RestoreDBClusterToPointInTime",
        "DescribeStackResource",
        "PutItem",
        "GetItem",
        "DeleteItem",
    ]
    .map(late)
    .to_vec()
}

fn names(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("web-{n}")).collect()
}

fn create_all(house: &House, stacks: &[String], properties: &str) {
    for stack in stacks {
        house.create(stack, properties);
    }
}

/// The statuses that all stacks come to: those that were created, and the others.
async fn outcome(house: &House, stacks: &[String]) -> (Vec<String>, Vec<String>) {
    let (mut created, mut others) = (Vec::new(), Vec::new());
    for stack in stacks {
        match house.settled(stack).await.as_str() {
            "CREATE_COMPLETE" => created.push(stack.clone()),
            "ROLLBACK_COMPLETE" => others.push(stack.clone()),
            other => panic!("{stack} is {other}: {}", house.story(stack)),
        }
    }
    (created, others)
}

/// No volume has more than its fifteen clones, and none was asked for one too many.
fn never_a_sixteenth(house: &House) {
    house.look(|world| {
        assert!(world.violations.is_empty(), "{:#?}", world.violations);
        for cluster in world.rds.clusters() {
            assert!(!cluster.truth.became_full_copy, "{} is the sixteenth", cluster.id);
            assert!(world.rds.living_clones_of_volume(&cluster.truth.volume) <= 15);
        }
    });
}

async fn delete_all(house: &House, stacks: &[String]) {
    for stack in stacks {
        house.delete(stack);
    }
    for stack in stacks {
        assert_eq!(house.settled(stack).await, "DELETE_COMPLETE", "{}", house.story(stack));
    }
    house.close().await;
    never_a_sixteenth(house);
}

#[tokio::test(start_paused = true)]
async fn one_of_many_gets_the_last_slot_and_the_others_hear_why() {
    let mut flows = 0;
    for (count, milliseconds) in [(2, 0), (2, 300), (2, 2_000), (20, 300)] {
        for seed in 0..if count == 2 { 3 } else { 1 } {
            let house = House::with(config(seed), 0, |world| strangers(world, 14));
            house.sim.with(|world| world.set_faults(latency(milliseconds)));
            let stacks = names(count);
            create_all(&house, &stacks, FAIL);
            let (created, others) = outcome(&house, &stacks).await;
            assert_eq!(created.len(), 1, "{count} {milliseconds} {seed}");
            for stack in &others {
                let story = house.story(stack);
                assert!(story.contains("prod (15 used, 0 free): no free slot"), "{story}");
            }
            never_a_sixteenth(&house);
            assert_eq!(house.ever_made(), 1);
            delete_all(&house, &stacks).await;
            flows += count;
        }
    }
    println!("the last slot, or a failure: {flows} stacks");
}

#[tokio::test(start_paused = true)]
async fn who_waits_gets_the_slot_that_becomes_free() {
    let mut flows = 0;
    for (count, milliseconds) in [(2, 700), (20, 300)] {
        let house = House::with(config(1), 0, |world| strangers(world, 14));
        house.sim.with(|world| world.set_faults(latency(milliseconds)));
        let stacks = names(count);
        create_all(&house, &stacks, WAIT);
        house.sim.sleep(Duration::minutes(15)).await;
        let with_status = |status: &str| -> Vec<String> {
            stacks.iter().filter(|stack| house.status(stack) == status).cloned().collect()
        };
        let first = with_status("CREATE_COMPLETE");
        assert_eq!(first.len(), 1, "{count}");
        house.delete(&first[0]);
        house.sim.sleep(Duration::minutes(20)).await;
        assert_eq!(with_status("DELETE_COMPLETE"), first);
        let second = with_status("CREATE_COMPLETE");
        assert_eq!(second.len(), 1, "{count}");
        assert_eq!(with_status("CREATE_IN_PROGRESS").len(), count - 2, "{}", house.story(&stacks[5 % count]));
        never_a_sixteenth(&house);
        let (created, others) =
            outcome(&house, &stacks[..].iter().filter(|s| !first.contains(s)).cloned().collect::<Vec<_>>())
                .await;
        assert_eq!((created, others.len()), (second, count - 2));
        assert_eq!(house.ever_made(), 2);
        delete_all(&house, &stacks).await;
        flows += count;
    }
    println!("the last slot, or waiting for one: {flows} stacks");
}

#[tokio::test(start_paused = true)]
async fn twenty_share_the_last_slot_and_a_copy() {
    for milliseconds in [200] {
        let house = House::with(config(7), 0, |world| {
            strangers(world, 14);
            let yesterday = world.now() - Duration::days(1);
            world.rds.seed_cluster(copy("clone-pool-1", "prod", yesterday));
        });
        house.sim.with(|world| world.set_faults(latency(milliseconds)));
        let stacks = names(20);
        create_all(&house, &stacks, FAIL);
        let (created, others) = outcome(&house, &stacks).await;
        assert_eq!((created.len(), others.len()), (16, 4), "{milliseconds}");
        for stack in &others {
            let story = house.story(stack);
            assert!(story.contains("prod (15 used, 0 free)"), "{story}");
            assert!(story.contains("clone-pool-1 (15 used, 0 free)"), "{story}");
        }
        never_a_sixteenth(&house);
        house.look(|world| {
            for source in ["prod", "clone-pool-1"] {
                let volume = world.rds.cluster(source).unwrap().truth.volume.clone();
                assert_eq!(world.rds.living_clones_of_volume(&volume), 15, "{source}");
            }
        });
        delete_all(&house, &stacks).await;
    }
    println!("the last slot and a copy: 20 stacks");
}

/// A person does not take the lease. One slot of margin is what keeps room for a clone by hand at the very moment of a restore.
#[tokio::test(start_paused = true)]
async fn a_person_who_clones_at_the_same_moment_finds_the_margin() {
    let mut flows = 0;
    for milliseconds in [400, 3_000] {
        for tenths in 0..10 {
            let house = House::with(config(tenths), 1, |world| strangers(world, 13));
            house.sim.with(|world| world.set_faults(latency(milliseconds)));
            let stacks = names(2);
            create_all(&house, &stacks, FAIL);
            house
                .sim
                .sleep(Duration::milliseconds(1_000 + i64::try_from(tenths).unwrap() * milliseconds / 2))
                .await;
            let parameters = [
                ("SourceDBClusterIdentifier", "prod"),
                ("DBClusterIdentifier", "a-persons-own"),
                ("RestoreType", "copy-on-write"),
                ("UseLatestRestorableTime", "true"),
                ("DBSubnetGroupName", "data"),
                ("DBClusterParameterGroupName", "prod-params"),
            ];
            let response = house
                .sim
                .with(|world| world.call_as(PERSON_KEY, "RestoreDBClusterToPointInTime", &parameters));
            assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
            let (created, _) = outcome(&house, &stacks).await;
            assert!(created.len() <= 1, "{milliseconds} {tenths}");
            never_a_sixteenth(&house);
            delete_all(&house, &stacks).await;
            flows += 1;
        }
    }
    println!("a person at the same moment: {flows} flows");
}

/// Whoever holds the lease dies after each of its calls in turn, while another waits: the lease runs out, the dead one's request
/// is taken up again, and there is still one clone.
#[tokio::test(start_paused = true)]
async fn the_holder_of_the_lease_dies_after_any_call() {
    let mut flows = 0;
    for (kind, properties, step) in [
        (FaultKind::Crash, FAIL, 1),
        (FaultKind::LostReply, FAIL, 5),
        (FaultKind::Delay(Duration::seconds(40)), FAIL, 5),
    ] {
        // As many calls as two requests make until the second one knows that there is no slot.
        for call in (1..=40).step_by(step) {
            let house = House::with(config(call as u64 % 5), 0, |world| strangers(world, 14));
            // The one call that goes wrong comes first: the first fault that fits is the one that happens.
            let mut faults = vec![Fault { target: Target::Call(call), kind: kind.clone() }];
            faults.extend(latency(150));
            house.sim.with(|world| world.set_faults(faults));
            let stacks = names(2);
            create_all(&house, &stacks, properties);
            let (created, others) = outcome(&house, &stacks).await;
            assert_eq!((created.len(), others.len()), (1, 1), "{kind:?} {call}");
            never_a_sixteenth(&house);
            assert_eq!(house.ever_made(), 1);
            house.close().await;
            flows += 1;
        }
    }
    println!("the lease's holder dies: {flows} flows");
}

/// One deletes while another creates: the slot is free only when the deleted clone is gone.
#[tokio::test(start_paused = true)]
async fn a_clone_that_is_being_deleted_keeps_its_slot() {
    let mut flows = 0;
    for after in (0..120).step_by(30) {
        let house = House::with(config(3), 0, |world| strangers(world, 14));
        house.create("web-1", WAIT);
        assert_eq!(house.settled("web-1").await, "CREATE_COMPLETE", "{}", house.story("web-1"));
        house.sim.with(|world| world.set_faults(latency(500)));
        house.delete("web-1");
        house.sim.sleep(Duration::seconds(after)).await;
        house.create("web-2", WAIT);
        assert_eq!(house.settled("web-2").await, "CREATE_COMPLETE", "{}", house.story("web-2"));
        never_a_sixteenth(&house);
        delete_all(&house, &names(2)).await;
        let by_us = |call: &&aurora_clone_sim::Call| call.principal == MANAGER_KEY && call.executed;
        let restores = house.look(|world| {
            world
                .log
                .iter()
                .filter(by_us)
                .filter(|call| call.operation == "RestoreDBClusterToPointInTime")
                .count()
        });
        assert_eq!(restores, 2, "{after}");
        flows += 1;
    }
    println!("deletions beside creations: {flows} flows");
}

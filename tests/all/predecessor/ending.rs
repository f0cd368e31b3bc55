//! How a clone goes, and what is left of one that never came to be.

use aurora_clone_core::names::tag;
use aurora_clone_sim::rds::Outcome;
use aurora_clone_sim::{Fault, FaultKind, Target};
use aurora_clone_tests::House;
use chrono::Duration;
use serde_json::Value;

use super::{PLAIN, changes, created, every, expect, fails, house, quick, set_faults};

/// The predecessor's failed Create was called by a random UUID, and the Delete that followed did nothing for such an id.
#[tokio::test(start_paused = true)]
async fn p05_a_cluster_whose_instance_was_refused_is_not_left_behind() {
    failed_creations_leave_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn defect_06_a_failed_create_leaves_neither_cluster_nor_secret() {
    failed_creations_leave_nothing().await;
}

async fn failed_creations_leave_nothing() {
    let refused = |operation, kind| (every(operation, kind), operation);
    for (faults, word) in [
        refused("CreateDBInstance", FaultKind::Deny),
        refused("CreateSecret", FaultKind::Deny),
        refused("GetSecretValue", FaultKind::Deny),
        refused("CreateDBInstance", FaultKind::LostRequest),
    ] {
        let house = house();
        set_faults(&house, faults);
        fails(&house, "web", PLAIN, &[word]).await;
        what_is_left_is_nothing(&house).await;
    }
    // The secret is there already when AWS refuses the password.
    let mut config = quick();
    config.rds.password_reset = Outcome::RefusedAlways;
    let house = House::with(config, 0, |_| {});
    fails(&house, "web", &format!("{PLAIN}\nForceCreateKmsKey: true"), &["ModifyDBCluster"]).await;
    assert_eq!(house.look(|world| world.secrets.history().len()), 1);
    what_is_left_is_nothing(&house).await;
}

async fn what_is_left_is_nothing(house: &House) {
    house.look(|world| {
        let first: Value = serde_json::from_slice(&world.bucket.answers[0].body).unwrap();
        assert_eq!(first["Status"], "FAILED");
        // The name of the clone, so that the Delete that follows is about it.
        let id = first["PhysicalResourceId"].as_str().unwrap();
        assert!(id.starts_with("arn:aws:rds:") && id.contains(":cluster:clone-"), "{id}");
    });
    house.close().await;
    assert_eq!((house.ever_made(), house.ours().len()), (1, 0));
    house.look(|world| {
        assert_eq!(world.rds.clusters().count(), 1, "prod and nothing else");
        assert!(world.secrets.iter().all(|secret| secret.deleted_at.is_some()));
        assert!(world.kms.keys().all(|key| key.is_managed || key.deletion_date.is_some()));
    });
}

/// The predecessor's Delete of a clone that somebody had removed failed, and the stack could not be deleted any more.
#[tokio::test(start_paused = true)]
async fn p06_a_clone_that_is_gone_already_is_deleted() {
    clones_that_are_gone_are_deleted().await;
}

/// It did not wait for the deletion either.
#[tokio::test(start_paused = true)]
async fn defect_05_a_delete_takes_a_clone_that_has_gone_and_waits_for_one_that_goes() {
    clones_that_are_gone_are_deleted().await;
    let house = house();
    let clone = created(&house, "web", PLAIN).await;
    house.delete("web");
    expect(&house, "web", "DELETE_COMPLETE").await;
    house.look(|world| {
        let life = world.rds.history().iter().find(|life| life.resource_id == clone.resource_id).unwrap();
        let answered = world.bucket.answers.last().unwrap().at;
        assert!(life.gone_at.unwrap() <= answered, "gone at {:?}, answered at {answered}", life.gone_at);
    });
    house.close().await;
}

async fn clones_that_are_gone_are_deleted() {
    for times in 1..=2 {
        let house = house();
        let clone = created(&house, "web", PLAIN).await;
        let before = changes(&house);
        house.sim.with(|world| world.rds.vanish(&clone.id));
        if times == 2 {
            // Somebody else has the name by now.
            let theirs = aurora_clone_tests::prod(&clone.id);
            house.sim.with(|world| world.rds.seed_cluster(theirs));
        }
        house.delete("web");
        expect(&house, "web", "DELETE_COMPLETE").await;
        let after = changes(&house);
        assert_eq!(after[before.len()..], ["DeleteSecret"], "only what was ours, and is left");
        assert_eq!(house.look(|world| world.rds.cluster(&clone.id).is_some()), times == 2);
        house.close().await;
    }
}

/// The predecessor's Delete threw at a member that was going away, and never came to the cluster.
#[tokio::test(start_paused = true)]
async fn p07_a_deletion_that_has_begun_goes_on() {
    let lost = |operation| Fault { target: Target::Operation(operation, 1), kind: FaultKind::LostReply };
    let crash = |operation| Fault { target: Target::Operation(operation, 1), kind: FaultKind::Crash };
    for (faults, by_hand) in [
        (vec![], true),
        (vec![lost("DeleteDBInstance")], false),
        (vec![crash("DeleteDBInstance")], false),
        (vec![lost("DeleteDBInstance"), lost("DeleteDBCluster")], true),
        (vec![crash("DeleteDBCluster")], true),
    ] {
        let house = house();
        let clone = created(&house, "web", &format!("{PLAIN}\nInstanceCount: 2")).await;
        set_faults(&house, faults);
        if by_hand {
            let member = format!("{}-2", clone.id);
            let parameters = [("DBInstanceIdentifier", member.as_str())];
            let response = house
                .sim
                .with(|world| world.call_as(aurora_clone_tests::PERSON_KEY, "DeleteDBInstance", &parameters));
            assert_eq!(response.status, 200);
        }
        house.delete("web");
        expect(&house, "web", "DELETE_COMPLETE").await;
        house.close().await;
        assert!(house.ours().is_empty());
    }
}

/// Deleting again, and again, is progress and no error.
#[tokio::test(start_paused = true)]
async fn p07_deletions_of_one_clone_that_overlap_both_succeed() {
    let house = house();
    let clone = created(&house, "web", PLAIN).await;
    house.delete("web");
    house.sim.sleep(Duration::seconds(20)).await;
    let sent = house
        .sim
        .with(|world| world.settle(|services, cx| services.cloudformation.redeliver(cx, "web", "Clone")));
    assert!(sent);
    expect(&house, "web", "DELETE_COMPLETE").await;
    house.close().await;
    house.look(|world| {
        let deletions = world.bucket.answers.iter().filter_map(|answer| {
            let body: Value = serde_json::from_slice(&answer.body).ok()?;
            (body["PhysicalResourceId"] == clone.arn.as_str()).then(|| body["Status"].clone())
        });
        assert!(deletions.into_iter().all(|status| status == "SUCCESS"));
        assert!(!clone.tags[tag::GENERATION].is_empty());
    });
}

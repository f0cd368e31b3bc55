//! Table C: passwords, secrets and keys.

use aurora_clone_core::names::tag;
use aurora_clone_sim::rds::{Outcome, SeedCluster};
use aurora_clone_sim::{Fault, FaultKind, Target};
use aurora_clone_tests::{House, MANAGER_KEY, prod};
use chrono::Duration;

use crate::predecessor::{PLAIN, calls_to, created, expect, fails, house, quick, set_faults};

/// The passwords that were sent to RDS, in order.
fn passwords(house: &House) -> Vec<String> {
    let calls = calls_to(house, "rds");
    calls.iter().filter_map(|call| call.parameters.get("MasterUserPassword").cloned()).collect()
}

/// C1. RDS refuses or loses a password of a cluster that is not there yet; so it comes last, and alone.
#[tokio::test(start_paused = true)]
async fn c01_the_password_is_set_when_cluster_and_instance_are_there() {
    let house = house();
    house.create("web", PLAIN);
    let mut ready = None;
    while house.status("web") == "CREATE_IN_PROGRESS" {
        house.sim.sleep(Duration::seconds(1)).await;
        let is_ready = house.look(|world| {
            let ours = world.rds.clusters().find(|cluster| cluster.truth.created_by == MANAGER_KEY);
            ours.is_some_and(|cluster| {
                cluster.status == "available"
                    && world.rds.instances_of(&cluster.id).any(|i| i.status == "available")
            })
        });
        if is_ready && ready.is_none() {
            ready = Some(house.sim.now());
        }
        assert!(ready.is_some() || passwords(&house).is_empty(), "too early");
    }
    assert_eq!(passwords(&house).len(), 1);
    expect(&house, "web", "CREATE_COMPLETE").await;
    house.close().await;
}

/// C2, C3. A crash or a lost reply on the way of a password makes neither a second secret nor a second password.
#[tokio::test(start_paused = true)]
async fn c02_c03_one_secret_and_one_password_whatever_gets_lost() {
    for kind in [FaultKind::Crash, FaultKind::LostReply, FaultKind::LostRequest, FaultKind::ServerError] {
        for operation in ["CreateSecret", "GetSecretValue", "ModifyDBCluster", "TagResource"] {
            for times in [1, 4] {
                let house = house();
                let fault =
                    |number| Fault { target: Target::Operation(operation, number), kind: kind.clone() };
                set_faults(&house, (1..=times).map(fault).collect());
                let clone = created(&house, "web", PLAIN).await;
                house.look(|world| {
                    assert_eq!(world.secrets.history().len(), 1, "{operation} {kind:?}");
                    assert_eq!(world.secrets.history()[0].name, clone.tags[tag::SECRET]);
                });
                let mut sent = passwords(&house);
                sent.dedup();
                assert_eq!(sent.len(), 1, "{operation} {kind:?}");
                house.close().await;
            }
        }
    }
}

/// C4. A clone that keeps production's password is not handed over.
#[tokio::test(start_paused = true)]
async fn c04_a_clone_whose_password_cannot_be_set_is_taken_away() {
    for outcome in [Outcome::RefusedAlways, Outcome::Lost] {
        let mut config = quick();
        config.rds.password_reset = outcome;
        let house = House::with(config, 0, |_| {});
        for (stack, more) in [("own", ""), ("managed", "ManageMasterUserPassword: true")] {
            if stack == "managed" && outcome == Outcome::Lost {
                continue;
            }
            fails(&house, stack, &format!("{PLAIN}\nServiceTimeout: 1200\n{more}"), &["is being deleted"])
                .await;
        }
        house.close().await;
        assert!(house.ours().is_empty());
    }
}

/// C7. The name of a deleted secret stays taken for a while; the next clone of the same name does not need it.
#[tokio::test(start_paused = true)]
async fn c07_a_clone_of_the_same_name_does_not_wait_for_the_last_ones_secret() {
    let house = house();
    house.sim.with(|world| world.secrets.force_delete_seconds = (5_000, 5_000));
    let mut names = Vec::new();
    for _ in 0..3 {
        let clone = created(&house, "web", &format!("{PLAIN}\nClusterId: clone-mine")).await;
        assert_eq!(clone.id, "clone-mine");
        names.push(clone.tags[tag::SECRET].clone());
        house.delete("web");
        expect(&house, "web", "DELETE_COMPLETE").await;
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 3);
    house.close().await;
}

/// C10. Whether RDS keeps the source's password says nothing about the clone's.
#[tokio::test(start_paused = true)]
async fn c10_the_clone_of_a_source_with_a_managed_password_has_one_of_its_own() {
    for shows in [false, true] {
        let mut config = quick();
        config.rds.restore_shows_sources_secret = shows;
        let seed = |world: &mut aurora_clone_sim::World| {
            world.rds.seed_cluster(SeedCluster { managed_password: true, ..prod("kept") });
        };
        let house = House::with(config.clone(), 0, seed);
        for (stack, more) in [("own", ""), ("managed", "ManageMasterUserPassword: true")] {
            let clone = created(&house, stack, &format!("SourceClusterId: kept\n{more}")).await;
            house.look(|world| {
                assert!(!world.rds.shares_password_with_source(&clone.id), "{stack} {shows}");
                let sources = world.rds.managed_secret_of("kept").unwrap().arn.clone();
                if stack == "managed" {
                    let managed = world.rds.managed_secret_of(&clone.id).unwrap();
                    assert!(managed.status == "active" && managed.arn != sources);
                }
                let told =
                    world.cloudformation.resource(stack, "Clone").unwrap().data["PasswordSecret"].clone();
                assert!(told.as_str().is_some_and(|arn| !arn.is_empty() && arn != sources), "{told} {shows}");
            });
            house.update(stack, &format!("SourceClusterId: kept\n{more}\nTags:\n  team: a"));
            expect(&house, stack, "UPDATE_COMPLETE").await;
        }
        house.close().await;
    }
    let mut config = quick();
    config.rds.managed_secret_status = "impaired";
    let house = House::with(config, 0, |_| {});
    fails(&house, "web", &format!("{PLAIN}\nManageMasterUserPassword: true"), &["impaired"]).await;
    house.close().await;
}

/// C11. A password is in its secret, in the call that sets it, and nowhere else.
#[tokio::test(start_paused = true)]
async fn c11_a_password_is_in_no_answer_execution_event_or_tag() {
    let house = house();
    created(&house, "web", PLAIN).await;
    house.update("web", &format!("{PLAIN}\nTags:\n  team: a"));
    expect(&house, "web", "UPDATE_COMPLETE").await;
    let sent = passwords(&house);
    assert_eq!(sent.len(), 1);
    let password = sent[0].as_str();
    house.look(|world| {
        let bodies =
            world.bucket.answers.iter().map(|answer| String::from_utf8_lossy(&answer.body).into_owned());
        let executions = world.states.executions().iter().map(|execution| format!("{execution:?}"));
        let results =
            world.functions.log().iter().map(|record| format!("{:?} {:?}", record.payload, record.result));
        let tags = world.rds.clusters().map(|cluster| format!("{:?}", cluster.tags));
        let seen = bodies.chain(executions).chain(results).chain(tags).chain([format!("{:?}", world.events)]);
        for text in seen {
            assert!(!text.contains(password), "{text}");
        }
        for call in &world.log {
            let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(password);
            match call.operation.as_str() {
                "CreateSecret" | "ModifyDBCluster" => assert!(!has(&call.response), "{}", call.operation),
                "GetSecretValue" => assert!(!has(&call.request)),
                other => assert!(!has(&call.request) && !has(&call.response), "{other}"),
            }
        }
    });
    house.close().await;
}

//! When a clone is called ready, and what its password is.

use aurora_clone_core::names::tag;
use aurora_clone_sim::rds::{Outcome, SeedCluster};
use aurora_clone_tests::{House, prod};
use chrono::Duration;
use serde_json::Value;

use super::{PLAIN, calls_to, created, expect, fails, quick};

/// The predecessor said SUCCESS when AWS had taken the calls: cluster `creating`, and production's password on it.
#[tokio::test(start_paused = true)]
async fn p20_success_is_said_when_the_clone_is_usable_and_has_its_own_password() {
    success_is_true().await;
}

#[tokio::test(start_paused = true)]
async fn defect_04_success_comes_after_cluster_instance_and_password() {
    success_is_true().await;
}

async fn success_is_true() {
    for (lag, takes) in [(0, 30), (120, 30), (5, 900)] {
        let mut config = quick();
        config.rds.clone_seconds = 300..=300;
        config.rds.create_instance_seconds = 400..=400;
        config.rds.modify_lag_seconds = lag..=lag;
        config.rds.modify_seconds = takes..=takes;
        let house = House::with(config, 0, |_| {});
        house.create("web", PLAIN);
        let mut answered = false;
        for _ in 0..3_600 {
            house.sim.sleep(Duration::seconds(1)).await;
            answered = house.look(|world| !world.bucket.answers.is_empty());
            if answered {
                break;
            }
        }
        assert!(answered);
        house.look(|world| {
            let body: Value = serde_json::from_slice(&world.bucket.answers[0].body).unwrap();
            assert_eq!(body["Status"], "SUCCESS", "{body}");
            let id = body["Data"]["ClusterId"].as_str().unwrap();
            let cluster = world.rds.cluster(id).unwrap();
            assert_eq!((cluster.status.as_str(), &cluster.pending_password), ("available", &None));
            assert!(world.rds.instances_of(id).all(|member| member.status == "available"));
            assert_eq!(world.rds.instances_of(id).count(), 1);
            assert!(!world.rds.shares_password_with_source(id), "production's password opens {id}");
        });
        expect(&house, "web", "CREATE_COMPLETE").await;
        house.close().await;
    }
    // A password that never changes is no success, and production's must not open what is left.
    let mut config = quick();
    config.rds.password_reset = Outcome::Lost;
    let house = House::with(config, 0, |_| {});
    fails(&house, "web", PLAIN, &["Not ready in the time", "is being deleted"]).await;
    house.close().await;
    assert!(house.ours().is_empty());
}

/// The predecessor's passwords had 64 characters, where ModifyDBCluster documents 8 to 41.
#[tokio::test(start_paused = true)]
async fn p21_passwords_are_short_enough_for_both_engines() {
    let mut seen = Vec::new();
    for (engine, version) in [("aurora-postgresql", "16.4"), ("aurora-mysql", "8.0.mysql_aurora.3.08.0")] {
        let house = House::with(quick(), 0, |world| {
            let seed = prod("db");
            world.rds.seed_cluster(SeedCluster {
                engine: engine.to_owned(),
                engine_version: version.to_owned(),
                parameter_group: None,
                ..seed
            });
        });
        created(&house, "web", "SourceClusterId: db").await;
        let sent: Vec<String> = calls_to(&house, "rds")
            .iter()
            .filter_map(|call| call.parameters.get("MasterUserPassword").cloned())
            .collect();
        assert!(!sent.is_empty());
        for password in sent {
            assert!((30..=41).contains(&password.len()), "{engine}: {} characters", password.len());
            assert!(password.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{engine}");
            seen.push(password);
        }
        house.close().await;
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 2, "every clone has another one");
}

/// The predecessor's secret was the bare password, which no driver and no rotation function reads.
#[tokio::test(start_paused = true)]
async fn defect_17_the_secret_has_the_shape_of_rds() {
    let house = House::with(quick(), 0, |_| {});
    let clone = created(&house, "web", PLAIN).await;
    house.look(|world| {
        let secret = world.secrets.secret(&clone.tags[tag::SECRET]).unwrap();
        let text: Value = serde_json::from_str(secret.value().unwrap()).unwrap();
        let shape = text.as_object().unwrap();
        for name in ["engine", "host", "port", "username", "password", "dbClusterIdentifier"] {
            assert!(shape.contains_key(name), "no {name}");
        }
        assert_eq!(text["engine"], "aurora-postgresql");
        assert_eq!((&text["port"], &text["username"]), (&clone.port.into(), &"dba".into()));
        assert!(text["host"].as_str().unwrap().starts_with(&clone.id));
        assert_eq!(text["password"].as_str(), world.rds.password_of(&clone.id));
    });
    house.close().await;
}

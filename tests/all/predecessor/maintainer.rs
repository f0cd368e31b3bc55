//! The predecessor's nightly maintenance, and what the maintainer does instead.

use aurora_clone_sim::rds::SeedCluster;
use aurora_clone_sim::{Fault, FaultKind, Target};
use aurora_clone_tests::pools::{Pools, wants};
use aurora_clone_tests::{copy, strangers_clone};
use chrono::Duration;
use serde_json::{Value, json};

/// The predecessor subtracted the clones of full sources from the slots of the others, and made a copy every night.
#[tokio::test(start_paused = true)]
async fn p12_a_full_source_costs_no_copy_a_night() {
    let pools = Pools::open(&wants(10, json!({})), |world| {
        for n in 0..15 {
            world.rds.seed_cluster(strangers_clone(&format!("by-hand-{n}"), "prod"));
        }
    });
    for _ in 0..2 {
        pools.night().await;
        assert_eq!(pools.copies("prod").len(), 1);
    }
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn p14_a_dry_run_reads_and_nothing_else() {
    let pools = Pools::open(&wants(40, json!({ "dry-run": true })), |world| {
        world.rds.seed_cluster(copy("clone-old", "prod", world.now() - Duration::days(30)));
    });
    let calls = pools.calls();
    pools.night().await;
    let plan = pools.ask(json!({ "plan": true })).await.unwrap();
    assert!(plan["sources"][0]["report"]["begun"].as_u64().unwrap() >= 1, "{plan:#}");
    assert_eq!(pools.changes_since(calls), Vec::<String>::new());
    pools.close().await;
}

fn wrong() -> [Value; 5] {
    [
        json!({}),
        json!({ "clusters": [{ "cluster-id": "prod" }] }),
        wants(20, json!({ "max-copy-age": "P30D" })),
        wants(20, json!({ "purge": true })),
        wants(20, json!({ "max-copies": 99 })),
    ]
}

async fn what_is_wrong_stops_everything(configuration: &Value) {
    let pools = Pools::open(configuration, |world| {
        world.rds.seed_cluster(copy("clone-old", "prod", world.now() - Duration::days(30)));
    });
    let calls = pools.calls();
    for event in [json!({ "schedule": "maintain" }), json!({ "schedule": "sweep" })] {
        let error = pools.ask(event).await.unwrap_err();
        assert_eq!(error.name(), "ConfigurationInvalid", "{configuration}");
        assert!(error.to_string().contains("clusters"), "{error}");
    }
    assert_eq!(pools.changes_since(calls), Vec::<String>::new());
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn p15_a_wrong_configuration_stops_the_maintainer() {
    for configuration in wrong() {
        what_is_wrong_stops_everything(&configuration).await;
    }
}

#[tokio::test(start_paused = true)]
async fn defect_22_a_wrong_maintenance_configuration_is_refused() {
    for configuration in wrong() {
        what_is_wrong_stops_everything(&configuration).await;
    }
}

#[tokio::test(start_paused = true)]
async fn p16_a_configuration_that_cannot_be_read_is_no_empty_one() {
    for kind in [FaultKind::Deny, FaultKind::LostReply] {
        let pools = Pools::open(&wants(20, json!({})), |_| {});
        let fault = Fault { target: Target::Every("GetParameter"), kind };
        pools.sim.with(|world| world.set_faults(vec![fault]));
        let calls = pools.calls();
        let error = pools.ask(json!({ "schedule": "maintain" })).await.unwrap_err();
        assert_eq!(error.name(), "ConfigurationUnreadable");
        assert_eq!(pools.changes_since(calls), Vec::<String>::new());
        pools.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn defect_11_the_maintainer_spares_a_copy_in_use() {
    let pools = Pools::open(&wants(0, json!({})), |world| {
        let old = copy("clone-old", "prod", world.now() - Duration::days(30));
        let tags = old.tags.clone();
        world.rds.seed_cluster(old);
        world.rds.seed_cluster(SeedCluster { tags, ..strangers_clone("in-use", "clone-old") });
    });
    pools.night().await;
    assert!(pools.look(|world| world.rds.cluster("clone-old").is_some()));
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn defect_20_a_copy_costs_little_while_nobody_clones_it() {
    let pools = Pools::open(&wants(20, json!({})), |_| {});
    pools.night().await;
    let copy = pools.copies("prod").remove(0);
    pools.look(|world| {
        let classes: Vec<_> = world.rds.instances_of(&copy.id).map(|i| i.class.clone()).collect();
        assert_eq!(classes, ["db.serverless"]);
        assert!(copy.scaling.as_ref().is_some_and(|scaling| scaling.min < 0.1));
    });
    pools.close().await;
}

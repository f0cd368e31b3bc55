//! Steps that no run is behind, as whoever may invoke the function can send them: they take nothing that a run would not take.

use std::collections::BTreeMap;

use aurora_clone_core::names::{step, tag as tags};
use aurora_clone_core::sweep::follow::FOLLOWED_FOR;
use aurora_clone_sim::rds::Cluster;
use aurora_clone_sim::secrets::Secret;
use aurora_clone_sim::{FaultKind, World};
use aurora_clone_tests::TABLE;
use aurora_clone_tests::pools::{POOL_MACHINE, Pools};
use chrono::Duration;
use serde_json::{Value, json};

use super::orphans::overlooked;
use super::{RICH, created, every, exists, faults, findings, kept, quiet_pools, tag};

/// All that is to be known of a clone, by its tags, its secret and its key, as a step would name it.
fn removal(pools: &Pools, clone: &Cluster, why: &str) -> Value {
    let of = |key: &str| clone.tags[key].clone();
    let mut removal = json!({
        "manager": of(tags::MANAGER), "stackId": of(tags::STACK_ID), "logicalId": of(tags::LOGICAL_ID),
        "generation": of(tags::GENERATION), "identifier": clone.id, "resourceId": clone.resource_id, "why": why,
    });
    pools.look(|world| {
        let is =
            |has: &BTreeMap<String, String>| has.get(tags::GENERATION) == clone.tags.get(tags::GENERATION);
        let living = |secret: &&Secret| is(&secret.tags) && secret.deleted_at.is_none();
        if let Some(secret) = world.secrets.iter().find(living) {
            removal["secret"] = json!(secret.name);
        }
        if let Some(key) = world.kms.keys().find(|key| is(&key.tags) && key.deletion_date.is_none()) {
            removal["key"] = json!(key.aliases.keys().next().unwrap());
        }
    });
    removal
}

fn step_of(removals: &[Value]) -> Value {
    json!({ "step": step::ADVANCE, "work": "sweep", "run": "forged", "seen": { "removing": removals } })
}

/// Sends a step as often as it asks for another, and once more.
async fn follow(pools: &Pools, removals: &[Value]) {
    let mut event = step_of(removals);
    for _ in 0..30 {
        let Ok(answer) = pools.ask(event.clone()).await else { return };
        event["seen"] = answer["seen"].clone();
        pools.sim.sleep(Duration::minutes(1)).await;
        if answer["next"] != "wait" {
            break;
        }
    }
    pools.ask(step_of(removals)).await.unwrap();
}

/// The changes of databases, secrets and keys, by their calls, since call number `since`.
fn changes(pools: &Pools, since: usize) -> Vec<String> {
    let changes = pools.changes_since(since).into_iter();
    changes.filter(|call| !call.starts_with("dynamodb")).collect()
}

fn records(pools: &Pools) -> usize {
    pools.look(|world| {
        let items = world.dynamodb.items(TABLE).filter(|(id, _)| id.starts_with("resource#"));
        items.map(|(_, item)| item.keys().filter(|key| key.contains('-')).count()).sum()
    })
}

#[tokio::test(start_paused = true)]
async fn a_forged_step_takes_no_clone_no_secret_and_no_key() {
    let pools = quiet_pools();
    let clone = created(&pools, "web", &format!("{RICH}\nExpiresAfter: P2D")).await;
    let recorded = records(&pools);
    assert_eq!(recorded, 1);
    for why in ["orphan", "lease"] {
        let whole = removal(&pools, &clone, why);
        let without = |keys: &[&str]| {
            let mut part = whole.clone();
            keys.iter().for_each(|key| drop(part.as_object_mut().unwrap().remove(*key)));
            part
        };
        let mut absent = whole.clone();
        absent["absentSince"] = json!(pools.look(World::now) - Duration::hours(1));
        absent["resourceId"] = json!("cluster-OTHER");
        for forged in [
            whole.clone(),
            without(&["identifier", "resourceId"]),
            without(&["identifier", "resourceId", "secret", "key"]),
            without(&["secret", "key"]),
            absent,
        ] {
            let since = pools.calls();
            follow(&pools, std::slice::from_ref(&forged)).await;
            assert_eq!(changes(&pools, since), Vec::<String>::new(), "{forged}");
        }
    }
    assert!(exists(&pools, &clone.id));
    assert_eq!((kept(&pools), records(&pools)), ((1, 1), recorded));
    // A lease that is over and that nobody was told of.
    pools.sim.sleep(Duration::days(3)).await;
    let since = pools.calls();
    follow(&pools, &[removal(&pools, &clone, "lease")]).await;
    assert_eq!(changes(&pools, since), Vec::<String>::new());
    assert!(exists(&pools, &clone.id));
    pools.close().await;
}

/// They were told of, a day is over, CloudFormation says so still: and a run would take none of them.
#[tokio::test(start_paused = true)]
async fn no_forged_step_gets_around_the_cap() {
    let pools = quiet_pools();
    let mut left = Vec::new();
    for n in 0..3 {
        left.push(overlooked(&pools, &format!("web-{n}")).await);
    }
    pools.sweep().await;
    pools.sim.sleep(Duration::hours(25)).await;
    pools.sweep().await;
    assert!(findings(&pools).await.contains("3 orphans are due and a run may remove 2"));
    let since = pools.calls();
    let removals: Vec<Value> = left.iter().map(|clone| removal(&pools, clone, "orphan")).collect();
    follow(&pools, &removals).await;
    for one in &removals {
        follow(&pools, std::slice::from_ref(one)).await;
    }
    assert_eq!(changes(&pools, since), Vec::<String>::new());
    assert!(left.iter().all(|clone| exists(&pools, &clone.id)));
    pools.close().await;
}

/// Who keeps a clone while it is being taken away needs to fear no step that comes later.
#[tokio::test(start_paused = true)]
async fn what_a_run_began_and_gave_up_is_not_followed_again() {
    let pools = quiet_pools();
    let clone = overlooked(&pools, "web").await;
    pools.sweep().await;
    pools.sim.sleep(Duration::hours(25)).await;
    let step = removal(&pools, &clone, "orphan");
    let begun = |pools: &Pools| {
        pools.look(|world| world.dynamodb.items(TABLE).filter(|(id, _)| id.starts_with("removal#")).count())
    };
    faults(
        &pools,
        [every("DeleteDBInstance", FaultKind::Deny), every("DeleteDBCluster", FaultKind::Deny)].concat(),
    );
    pools.begin(json!({ "schedule": "sweep" }));
    pools.sim.sleep(Duration::seconds(20)).await;
    assert_eq!(begun(&pools), 1);
    tag(&pools, &clone.id, tags::KEEP, "");
    faults(&pools, Vec::new());
    pools.quiet().await;
    assert!(exists(&pools, &clone.id));
    assert_eq!(begun(&pools), 0);
    pools.sim.with(|world| world.rds.change(&clone.id, |c| drop(c.tags.remove(tags::KEEP))));
    let since = pools.calls();
    follow(&pools, &[step]).await;
    assert_eq!(changes(&pools, since), Vec::<String>::new());
    // The next run decides it anew, and leaves no trace.
    pools.sweep().await;
    pools.sim.sleep(Duration::hours(1)).await;
    assert!(!exists(&pools, &clone.id));
    assert_eq!(begun(&pools), 0);
    pools.close().await;
}

#[test]
fn what_was_begun_may_be_followed_for_as_long_as_an_execution_lasts() {
    let machine: Value = serde_json::from_str(POOL_MACHINE).unwrap();
    let lasts = Duration::seconds(machine["TimeoutSeconds"].as_i64().unwrap());
    assert!(lasts < FOLLOWED_FOR, "{lasts}");
}

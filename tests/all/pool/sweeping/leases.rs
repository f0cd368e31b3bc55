//! Leases, from the template's `ExpiresAfter` to the end of the clone.

use aurora_clone_core::names::{env, tag as tags};
use aurora_clone_sim::{Config, Fault, FaultKind, Target, World};
use aurora_clone_tests::pools::{Pools, wants};
use aurora_clone_tests::{copy, nothing_is_left};
use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use super::{RICH, clone_of, created, exists, faults, findings, kept, quiet_pools, tag};

fn leased(lease: &str) -> String {
    format!("{RICH}\nExpiresAfter: {lease}")
}

fn expires(pools: &Pools, id: &str) -> DateTime<Utc> {
    pools.look(|world| world.rds.cluster(id).unwrap().tags[tags::EXPIRES].parse().unwrap())
}

/// Sweeps every quarter of an hour for a while, and returns when the cluster was first seen gone.
async fn sweep_for(pools: &Pools, span: Duration, id: &str) -> Option<DateTime<Utc>> {
    let until = pools.look(World::now) + span;
    while pools.look(World::now) < until {
        pools.sweep().await;
        if !exists(pools, id) {
            return pools.look(|world| {
                world.rds.history().iter().find(|life| life.id == id).and_then(|life| life.gone_at)
            });
        }
        pools.sim.sleep(Duration::minutes(15)).await;
    }
    None
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_told_of_and_over_and_the_stack_can_be_deleted() {
    let pools = quiet_pools();
    let clone = created(&pools, "web", &leased("P2D")).await;
    let end = expires(&pools, &clone.id);
    let gone = sweep_for(&pools, Duration::days(4), &clone.id).await.expect("it stayed");
    let told = pools.look(|world| {
        let of = |event: &&aurora_clone_sim::events::Event| event.detail_type == "clone-expiring";
        world.events.taken.iter().filter(of).map(|event| event.at).collect::<Vec<_>>()
    });
    assert_eq!(told.len(), 1);
    // A quarter of two days is less than a day.
    let before = end - told[0];
    assert!(before <= Duration::hours(12) && before > Duration::hours(11), "told {before} before");
    assert!(gone >= end && gone < end + Duration::hours(1), "gone at {gone}, over at {end}");
    assert_eq!(kept(&pools), (0, 0));
    // Its stack does not notice, and is deleted later.
    assert_eq!(pools.status("web"), "CREATE_COMPLETE");
    pools.delete("web");
    assert_eq!(pools.settled("web").await, "DELETE_COMPLETE", "{}", pools.story("web"));
    nothing_is_left(&pools);
    pools.close().await;
}

/// A warning that nobody could hear is none.
#[tokio::test(start_paused = true)]
async fn no_clone_goes_while_nobody_can_be_told() {
    let pools = quiet_pools();
    let clone = created(&pools, "web", &leased("PT4H")).await;
    let deaf = Fault { target: Target::Every("PutEvents"), kind: FaultKind::Deny };
    pools.sim.with(|world| world.set_faults(vec![deaf]));
    for _ in 0..8 {
        pools.sim.sleep(Duration::hours(1)).await;
        pools.send(json!({ "schedule": "sweep" })).await;
    }
    assert!(exists(&pools, &clone.id), "it went without a warning");
    assert!(!pools.look(|world| world.rds.cluster(&clone.id).unwrap().tags.contains_key(tags::WARNED)));
    let heard = pools.look(World::now);
    pools.sim.with(|world| world.set_faults(Vec::new()));
    let gone = sweep_for(&pools, Duration::hours(3), &clone.id).await.expect("it stayed");
    assert!(gone - heard >= Duration::hours(1) && pools.told("clone-expiring").len() == 1);
    pools.close().await;
}

/// However late the warning comes, an hour is left.
#[tokio::test(start_paused = true)]
async fn a_clone_goes_an_hour_after_the_warning_at_the_earliest() {
    let pools = quiet_pools();
    let clone = created(&pools, "web", &leased("PT2H")).await;
    pools.sim.sleep(Duration::hours(30)).await;
    pools.sweep().await;
    let told = pools.look(|world| world.events.taken.last().unwrap().at);
    assert_eq!(pools.told("clone-expiring").len(), 1);
    assert!(findings(&pools).await.contains("an hour after the warning"));
    let gone = sweep_for(&pools, Duration::hours(3), &clone.id).await.unwrap();
    assert!(gone - told >= Duration::hours(1), "{}", gone - told);
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_by_its_tag_and_told_of_anew() {
    let pools = quiet_pools();
    let clone = created(&pools, "web", &leased("PT8H")).await;
    let end = expires(&pools, &clone.id);
    pools.sim.sleep(end - Duration::hours(1) - pools.look(World::now)).await;
    pools.sweep().await;
    assert_eq!(pools.told("clone-expiring").len(), 1);
    let later = end + Duration::days(1);
    tag(&pools, &clone.id, tags::EXPIRES, &later.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    assert_eq!(sweep_for(&pools, Duration::hours(12), &clone.id).await, None);
    let gone = sweep_for(&pools, Duration::hours(20), &clone.id).await.expect("it stayed");
    assert!(gone >= later);
    assert_eq!(pools.told("clone-expiring").len(), 2, "the new end is told of as well");
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_by_asking_for_it_and_cut_where_it_would_be_too_long() {
    let operator = &[(env::SLOT_MARGIN, "0"), (env::MAX_LEASE, "P3D")];
    let pools = Pools::with(Config::default(), operator, &wants(0, json!({})), |_| {});
    let clone = created(&pools, "web", &leased("PT8H")).await;
    let free = created(&pools, "free", RICH).await;
    let ask = |cluster: &str, length: &str| json!({ "renew": { "cluster": cluster, "for": length } });
    for (cluster, length, words) in [
        ("nobodys", "P1D", "no Aurora cluster"),
        ("prod", "P1D", "prod"),
        (clone.id.as_str(), "PT0S", "for: "),
        (clone.id.as_str(), "soon", "for: "),
        (clone.id.as_str(), "PT1H", "no later"),
    ] {
        let error = pools.ask(ask(cluster, length)).await.unwrap_err();
        assert!(error.to_string().contains(words), "{cluster} {length}: {error}");
        assert_eq!(error.name(), "Refused");
    }
    // By the operator's cap a clone without a lease of its own may have one by now; else it is refused.
    if !pools.look(|world| world.rds.cluster(&free.id).unwrap().tags.contains_key(tags::EXPIRES)) {
        let error = pools.ask(ask(&free.id, "P1D")).await.unwrap_err();
        assert!(error.to_string().contains("no lease"), "{error}");
    }
    let now = pools.look(World::now);
    let answer = pools.ask(ask(&clone.id, "P1D")).await.unwrap();
    let end = expires(&pools, &clone.id);
    assert_eq!(answer["expires"], end.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    assert!((end - now - Duration::days(1)).abs() < Duration::minutes(2));
    let now = pools.look(World::now);
    pools.ask(ask(&clone.id, "P30D")).await.unwrap();
    let end = expires(&pools, &clone.id);
    assert!((end - now - Duration::days(3)).abs() < Duration::minutes(2), "{end} is beyond the cap");
    // So is what somebody writes into the tag.
    tag(&pools, &clone.id, tags::EXPIRES, "2099-01-01T00:00:00Z");
    let now = pools.look(World::now);
    pools.sweep().await;
    assert!((expires(&pools, &clone.id) - now - Duration::days(3)).abs() < Duration::minutes(2));
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_clone_has_no_longer_life_than_max_lifetime_however_often_it_is_renewed() {
    let pools = Pools::open(&wants(0, json!({ "max-lifetime": "P2D" })), |_| {});
    let clone = created(&pools, "web", &leased("PT8H")).await;
    let free = created(&pools, "free", RICH).await;
    let made = pools.look(|world| world.rds.cluster(&clone.id).unwrap().truth.created_at);
    let mut renewals = 0;
    for _ in 0..9 {
        let renewal = json!({ "renew": { "cluster": clone.id, "for": "PT20H" } });
        renewals += usize::from(pools.ask(renewal).await.is_ok());
        sweep_for(&pools, Duration::hours(6), &clone.id).await;
    }
    assert!(renewals >= 2, "{renewals}");
    pools.sim.sleep(Duration::hours(1)).await;
    for id in [&clone.id, &free.id] {
        assert!(!exists(&pools, id), "{id} lives for longer");
    }
    let gone =
        pools.look(|world| world.rds.history().iter().find(|l| l.id == clone.id).unwrap().gone_at.unwrap());
    assert!(gone - made >= Duration::days(2) && gone - made < Duration::hours(50), "{}", gone - made);
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_is_kept_protected_or_listed_outlives_its_lease_and_is_reported() {
    let pools = Pools::open(&json!({ "clusters": [], "protect": ["clone-listed*"] }), |_| {});
    let kept_one = created(&pools, "kept", &leased("PT2H")).await;
    let protected = created(&pools, "protected", &leased("PT2H")).await;
    let listed = created(&pools, "listed", &format!("{}\nClusterId: clone-listed-1", leased("PT2H"))).await;
    tag(&pools, &kept_one.id, tags::KEEP, "");
    pools.sim.with(|world| world.rds.protect(&protected.id, true));
    for _ in 0..12 {
        pools.sweep().await;
        pools.sim.sleep(Duration::hours(1)).await;
    }
    let shown = findings(&pools).await;
    for (id, why) in [
        (&kept_one.id, "aurora-clone:keep"),
        (&protected.id, "deletion protection"),
        (&listed.id, "protect list"),
    ] {
        assert!(exists(&pools, id), "{id}");
        assert!(
            shown.contains(&format!("The lease of {id} is over, and it stays")) && shown.contains(why),
            "{shown}"
        );
    }
    assert_eq!(kept(&pools), (3, 3));
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn more_leases_than_a_run_may_end_are_ended_by_the_next_runs_the_oldest_first() {
    let pools = quiet_pools();
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(created(&pools, &format!("web-{n}"), &leased("PT2H")).await.id);
    }
    pools.sim.sleep(Duration::days(1)).await;
    pools.sweep().await;
    pools.sim.sleep(Duration::minutes(61)).await;
    let mut left = Vec::new();
    for _ in 0..3 {
        pools.sweep().await;
        let stays = |id: &&String| pools.look(|w| w.rds.cluster(id).is_some_and(|c| c.status != "deleting"));
        left.push(ids.iter().filter(stays).cloned().collect::<Vec<_>>());
    }
    assert_eq!(left, [ids[2..].to_vec(), ids[4..].to_vec(), Vec::new()]);
    assert_eq!(kept(&pools), (0, 0));
    pools.close().await;
}

/// A clone that nobody's stack asked for: the tags of a clone, and no owner.
#[tokio::test(start_paused = true)]
async fn a_clone_without_a_stack_goes_by_its_lease() {
    let pools = Pools::open(&wants(0, json!({})), |world| {
        let mut seed = copy("clone-by-hand", "prod", world.now());
        seed.parent = Some(("prod".to_owned(), aurora_clone_sim::rds::CopyKind::CopyOnWrite));
        let end = world.now() + Duration::hours(5);
        for (key, value) in [
            (tags::ROLE, "clone".to_owned()),
            (tags::RESTORE_TYPE, "copy-on-write".to_owned()),
            (tags::EXPIRES, end.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ] {
            seed.tags.insert(key.to_owned(), value);
        }
        world.rds.seed_cluster(seed);
    });
    let gone = sweep_for(&pools, Duration::hours(9), "clone-by-hand").await;
    assert!(gone.is_some(), "{}", findings(&pools).await);
    let told = pools.told("clone-expiring");
    assert_eq!(told.len(), 1);
    assert!(told[0].get("stackId").is_none(), "{told:?}");
    pools.close().await;
}

/// The function dies after each call in turn: what is told may be told twice, and all of it goes.
#[tokio::test(start_paused = true)]
async fn a_lease_ends_whenever_the_function_dies() {
    for operation in [
        "PutEvents",
        "AddTagsToResource",
        "DeleteDBInstance",
        "DeleteDBCluster",
        "DeleteSecret",
        "ScheduleKeyDeletion",
        "DeleteAlias",
        "StartExecution",
    ] {
        let pools = quiet_pools();
        let clone = created(&pools, "web", &leased("PT2H")).await;
        let crash = Fault { target: Target::Operation(operation, 1), kind: FaultKind::Crash };
        faults(&pools, vec![crash]);
        pools.sim.sleep(Duration::hours(2)).await;
        for _ in 0..8 {
            // As EventBridge Scheduler sends it, and Lambda again.
            let time = pools.look(World::now).format("%Y-%m-%dT%H:%M:%SZ").to_string();
            pools.send(json!({ "schedule": "sweep", "time": time })).await;
            pools.sim.sleep(Duration::minutes(20)).await;
        }
        assert!(!exists(&pools, &clone.id), "{operation}");
        assert_eq!(kept(&pools), (0, 0), "{operation}");
        assert!((1..=2).contains(&pools.told("clone-expiring").len()), "{operation}");
        pools.delete("web");
        assert_eq!(pools.settled("web").await, "DELETE_COMPLETE", "{operation}");
        nothing_is_left(&pools);
        pools.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_renewed_while_its_clone_is_to_go_saves_what_is_left() {
    let pools = quiet_pools();
    let clone = created(&pools, "web", &leased("PT2H")).await;
    pools.sim.sleep(Duration::hours(3)).await;
    pools.sweep().await;
    pools.sim.sleep(Duration::minutes(61)).await;
    // Between the look and the deletion of the instance, as late as can be.
    faults(
        &pools,
        vec![Fault { target: Target::Operation("DeleteDBInstance", 1), kind: FaultKind::LostRequest }],
    );
    pools.sim.with(|world| {
        world.rds.set_tags(&clone.id, [(tags::EXPIRES.to_owned(), "2026-12-31T00:00:00Z".to_owned())]);
    });
    pools.sweep().await;
    assert!(exists(&pools, &clone.id));
    assert_eq!(clone_of(&pools, "web").id, clone.id);
    pools.close().await;
}

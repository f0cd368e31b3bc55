//! Rows D11 to D18 of `docs/failure-modes.md`, as flows: what becomes of copies that are stuck, broken, stopped, kept, taken over
//! or in use.

use aurora_clone_core::names::tag;
use aurora_clone_sim::World;
use aurora_clone_sim::rds::{Cluster, SeedCluster};
use aurora_clone_tests::pools::{Pools, wants};
use aurora_clone_tests::{House, MANAGER, copy, strangers_clone};
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

/// A run that may end in trouble; every invocation of it must succeed.
async fn night(pools: &Pools) {
    pools.night().await;
}

fn ids(copies: &[Cluster]) -> Vec<String> {
    copies.iter().map(|copy| copy.id.clone()).collect()
}

fn of_age(world: &World, id: &str, hours: i64) -> SeedCluster {
    copy(id, "prod", world.now() - Duration::hours(hours))
}

fn exists(house: &House, id: &str) -> bool {
    house.look(|world| world.rds.cluster(id).is_some())
}

fn has_tag(house: &House, id: &str, key: &str) -> bool {
    house.look(|world| world.rds.cluster(id).unwrap().tags.contains_key(key))
}

/// What the plan says about a cluster.
async fn decision(pools: &Pools, id: &str) -> String {
    let plan = pools.ask(json!({ "plan": true })).await.unwrap();
    let lines = plan["sources"][0]["report"]["lines"].as_array().unwrap();
    let line = lines.iter().find(|line| line["cluster"] == id);
    line.unwrap_or_else(|| panic!("{id} is not in {plan:#}"))["decision"].as_str().unwrap().to_owned()
}

async fn troubles(pools: &Pools) -> String {
    let plan = pools.ask(json!({ "plan": true })).await.unwrap();
    plan["sources"][0]["report"]["troubles"].to_string()
}

fn retag(pools: &Pools, id: &str, change: impl FnOnce(&mut std::collections::BTreeMap<String, String>)) {
    pools.sim.with(|world| world.rds.change(id, |cluster| change(&mut cluster.tags)));
}

#[tokio::test(start_paused = true)]
async fn d11_a_copy_that_is_made_for_too_long_does_not_count_and_another_is_made() {
    let pools = Pools::open(&wants(20, json!({ "copy-timeout": "PT6H" })), |world| {
        let stuck =
            SeedCluster { status: "creating".to_owned(), instances: 0, ..of_age(world, "clone-stuck", 5) };
        world.rds.seed_cluster(stuck);
    });
    let began = pools.look(World::now);
    night(&pools).await;
    // Before copy-timeout it was counted as coming.
    let copies = pools.copies("prod");
    assert_eq!(copies.len(), 2, "{:?}", ids(&copies));
    let other = copies.iter().find(|copy| copy.id != "clone-stuck").unwrap();
    assert_eq!(other.status, "available");
    assert!(other.truth.created_at >= began + Duration::hours(1), "made while the first one was coming");
    // It is there for somebody to look at: an alarm, and no mark.
    assert!(pools.executions().iter().any(|(_, status)| status == "Failed"), "{:?}", pools.executions());
    assert!(troubles(&pools).await.contains("creating for longer than copy-timeout"));
    assert!(!has_tag(&pools, "clone-stuck", tag::RETIRING));
    for _ in 0..3 {
        pools.sim.sleep(Duration::hours(6)).await;
        night(&pools).await;
    }
    assert_eq!(pools.copies("prod").len(), 2, "one more was made for a want that is met");
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn d11_a_follower_gives_up_before_the_next_night_is_over() {
    let pools = Pools::open(&wants(20, json!({ "copy-timeout": "PT25H" })), |world| {
        let stuck =
            SeedCluster { status: "creating".to_owned(), instances: 0, ..of_age(world, "clone-stuck", 0) };
        world.rds.seed_cluster(stuck);
    });
    let began = pools.look(World::now);
    night(&pools).await;
    let took = pools.look(World::now) - began;
    assert!(took <= Duration::hours(26) + Duration::minutes(1), "followed for {took}");
    assert!(took >= Duration::hours(25), "given up after {took}");
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn d11_copies_from_whose_status_no_way_leads_back_are_marked_waited_for_and_purged() {
    for status in ["failed", "incompatible-restore", "incompatible-parameters", "restore-error"] {
        let pools = Pools::open(&wants(20, json!({})), |world| {
            world.rds.seed_cluster(of_age(world, "clone-broken", 2));
            world.rds.set_status("clone-broken", status);
        });
        let began = pools.look(World::now);
        night(&pools).await;
        if exists(&pools, "clone-broken") {
            // A status that nobody knows is a person's.
            assert!(troubles(&pools).await.contains("clone-broken"), "{status}");
            assert!(!has_tag(&pools, "clone-broken", tag::RETIRING), "{status}");
            assert_eq!(status, "restore-error");
        } else {
            let gone = pools.look(|world| {
                world.rds.history().iter().find(|life| life.id == "clone-broken").unwrap().gone_at.unwrap()
            });
            assert!(gone - began >= Duration::minutes(75), "{status}: after {}", gone - began);
        }
        let usable: Vec<String> =
            pools.copies("prod").iter().filter(|c| c.status == "available").map(|c| c.id.clone()).collect();
        assert_eq!(usable.len(), 1, "{status}: it counted, or another one was not made");
        pools.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn d12_a_copy_whose_instances_somebody_deleted_gets_one() {
    let pools = Pools::open(&wants(20, json!({})), |_| {});
    night(&pools).await;
    let copy = pools.copies("prod").remove(0);
    let member = pools.look(|world| world.rds.instances_of(&copy.id).next().unwrap().id.clone());
    pools.sim.with(|world| world.rds.remove_instance(&member));
    night(&pools).await;
    assert_eq!(ids(&pools.copies("prod")), [copy.id.as_str()], "another copy was made for an instance");
    pools.look(|world| {
        let members: Vec<_> = world.rds.instances_of(&copy.id).collect();
        assert_eq!(members.len(), 1);
        assert_eq!((members[0].status.as_str(), members[0].publicly_accessible), ("available", false));
    });
    assert_eq!(pools.metric("prod", "FreeSlots"), Some(30.0));
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn d12_a_copy_that_a_cost_saver_stopped_is_reported_and_made_up_for() {
    let pools = Pools::open(&wants(20, json!({})), |_| {});
    night(&pools).await;
    let copy = pools.copies("prod").remove(0);
    pools.sim.with(|world| world.rds.stop(&copy.id));
    let plan = pools.ask(json!({ "plan": true })).await.unwrap();
    assert_eq!(plan["sources"][0]["report"]["free"], 15, "{plan:#}");
    assert!(troubles(&pools).await.contains("stopped"));
    night(&pools).await;
    assert_eq!(pools.copies("prod").len(), 2);
    assert_eq!(pools.metric("prod", "FreeSlots"), Some(30.0));
    assert!(pools.metric("prod", "Troubles").unwrap() >= 1.0);
    // Nobody deletes what is stopped, however old it becomes.
    for _ in 0..8 {
        pools.sim.sleep(Duration::days(1)).await;
        night(&pools).await;
    }
    assert!(exists(&pools, &copy.id));
    pools.close().await;
}

/// The fewest free slots that a Create would have found at any moment until it is over.
async fn fewest_usable(pools: &Pools, hours: i64) -> usize {
    let mut fewest = usize::MAX;
    for _ in 0..hours * 6 {
        pools.sim.sleep(Duration::minutes(10)).await;
        let now = pools.look(|world| {
            let serves = |cluster: &&Cluster| {
                let young =
                    cluster.tags.get(tag::DATA_TIME).and_then(|text| text.parse::<DateTime<Utc>>().ok());
                cluster.status == "available"
                    && !cluster.tags.contains_key(tag::RETIRING)
                    && young.is_some_and(|time| world.now() - time <= Duration::days(3))
                    && world.rds.instances_of(&cluster.id).any(|instance| instance.status == "available")
            };
            let copies = pools_copies(world);
            copies.iter().filter(serves).count()
        });
        fewest = fewest.min(now);
    }
    fewest
}

fn pools_copies(world: &World) -> Vec<Cluster> {
    let is = |cluster: &&Cluster| {
        cluster.tags.get(tag::ROLE).map(String::as_str) == Some("copy")
            && cluster.tags.get(tag::CLUSTER) == Some(&cluster.id)
    };
    world.rds.clusters().filter(is).cloned().collect()
}

#[tokio::test(start_paused = true)]
async fn d13_the_last_usable_copy_goes_only_when_another_one_can_be_cloned() {
    let config = wants(15, json!({ "max-copies": 2 }));
    let pools = Pools::open(&config, |world| {
        for n in 0..15 {
            world.rds.seed_cluster(strangers_clone(&format!("by-hand-{n}"), "prod"));
        }
        world.rds.seed_cluster(of_age(world, "clone-only", 30));
    });
    pools.schedules();
    let fewest = fewest_usable(&pools, 24 * 12).await;
    assert!(fewest >= 1, "there was no copy to clone");
    assert!(!exists(&pools, "clone-only"), "nothing was replaced");
    pools.sim.with(|world| world.scheduler.mishap = aurora_clone_sim::scheduler::Mishap::Never);
    pools.quiet().await;
    pools.close().await;
}

/// Nothing takes the place of the only copy, so it stays beyond its age.
#[tokio::test(start_paused = true)]
async fn d13_a_copy_that_cannot_be_replaced_is_not_marked() {
    let pools = Pools::open(&wants(15, json!({ "max-copies": 1, "max-copy-age": "PT48H" })), |world| {
        for n in 0..15 {
            world.rds.seed_cluster(strangers_clone(&format!("by-hand-{n}"), "prod"));
        }
        world.rds.seed_cluster(of_age(world, "clone-only", 60));
    });
    night(&pools).await;
    assert!(!has_tag(&pools, "clone-only", tag::RETIRING), "Creates could still take it");
    assert_eq!(pools.told("pool-short").len(), 1);
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn d16_a_copy_that_a_person_keeps_is_kept() {
    let pools = Pools::open(&wants(0, json!({})), |world| {
        world.rds.seed_cluster(of_age(world, "clone-kept", 200));
        world.rds.seed_cluster(of_age(world, "clone-late", 200));
    });
    retag(&pools, "clone-kept", |tags| drop(tags.insert(tag::KEEP.to_owned(), "false".to_owned())));
    // The other one is kept in the middle, when it is marked.
    pools.sim.with(|world| {
        let event = json!({ "schedule": "maintain" });
        world.settle(|services, cx| services.functions.invoke_async(cx, "pool-maintainer", event));
    });
    pools.sim.sleep(Duration::minutes(30)).await;
    assert!(has_tag(&pools, "clone-late", tag::RETIRING) && !has_tag(&pools, "clone-kept", tag::RETIRING));
    retag(&pools, "clone-late", |tags| drop(tags.insert(tag::KEEP.to_owned(), "until friday".to_owned())));
    pools.quiet().await;
    night(&pools).await;
    assert!(exists(&pools, "clone-kept") && exists(&pools, "clone-late"));
    assert!(decision(&pools, "clone-kept").await.contains(tag::KEEP));
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn d16_a_copy_without_our_tags_or_with_changed_ones_is_nobodys_to_delete() {
    for key in
        [tag::MANAGER, tag::ROLE, tag::CLUSTER, tag::ROOT, tag::SOURCE, tag::RESTORE_TYPE, tag::DATA_TIME]
    {
        for value in [None, Some("another"), Some("")] {
            let pools = Pools::open(&wants(0, json!({})), |world| {
                world.rds.seed_cluster(of_age(world, "clone-old", 200));
            });
            retag(&pools, "clone-old", |tags| match value {
                None => drop(tags.remove(key)),
                Some(value) => drop(tags.insert(key.to_owned(), value.to_owned())),
            });
            let calls = pools.calls();
            night(&pools).await;
            pools.sweep().await;
            let harmless = [tag::SOURCE].contains(&key);
            let changes: Vec<String> =
                pools.changes_since(calls).into_iter().filter(|call| call.starts_with("rds")).collect();
            if !harmless {
                assert_eq!(changes, Vec::<String>::new(), "{key} {value:?}");
                assert!(exists(&pools, "clone-old"), "{key} {value:?}");
            }
            pools.close().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn d17_clones_are_made_of_the_root_and_then_of_the_youngest_copy() {
    let pools = Pools::open(&wants(0, json!({})), |world| {
        for (id, hours) in [("clone-a-old", 40), ("clone-b-young", 3), ("clone-c-middle", 20)] {
            world.rds.seed_cluster(of_age(world, id, hours));
        }
        for n in 0..14 {
            world.rds.seed_cluster(strangers_clone(&format!("by-hand-{n}"), "prod"));
        }
    });
    let mut sources = Vec::new();
    for stack in ["one", "two"] {
        pools.create(stack, "SourceClusterId: prod");
        assert_eq!(pools.settled(stack).await, "CREATE_COMPLETE", "{}", pools.story(stack));
        sources.push(pools.look(|world| {
            let is =
                |c: &&Cluster| c.tags.get(tag::STACK_ID).is_some_and(|id| id.contains(&format!("/{stack}/")));
            world.rds.clusters().find(is).unwrap().tags[tag::SOURCE].clone()
        }));
    }
    assert_eq!(sources, ["prod", "clone-b-young"]);
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn d17_a_copy_with_living_clones_goes_only_if_the_operator_says_so() {
    for purged in [false, true] {
        let config = wants(0, json!({ "purge-copies-with-clones": purged }));
        let pools = Pools::open(&config, |world| {
            let old = of_age(world, "clone-old", 200);
            let inherited = old.tags.clone();
            world.rds.seed_cluster(old);
            world.rds.seed_cluster(SeedCluster { tags: inherited, ..strangers_clone("in-use", "clone-old") });
        });
        night(&pools).await;
        assert_eq!(exists(&pools, "clone-old"), !purged);
        assert!(exists(&pools, "in-use"), "what was cloned off a copy outlives it");
        if !purged {
            assert!(decision(&pools, "clone-old").await.contains("1 clone(s)"));
        }
        // What outlives its source is still reported as somebody's, and never touched.
        night(&pools).await;
        assert!(exists(&pools, "in-use"));
        pools.close().await;
    }
}

/// Another manager's copies and clones, by tags of its own name, beside ours: the same ages, the same root.
fn neighbours(world: &mut World) {
    let theirs = |seed: SeedCluster| {
        let mut seed = seed;
        seed.tags.insert(tag::MANAGER.to_owned(), "neighbour".to_owned());
        seed.created_by = "AKIANEIGHBOUR".to_owned();
        seed
    };
    world.rds.seed_cluster(theirs(of_age(world, "clone-theirs-old", 200)));
    world.rds.seed_cluster(theirs(of_age(world, "clone-theirs-young", 2)));
    let broken = theirs(of_age(world, "clone-theirs-broken", 2));
    world.rds.seed_cluster(SeedCluster { status: "failed".to_owned(), ..broken });
    let bare = theirs(of_age(world, "clone-theirs-bare", 2));
    world.rds.seed_cluster(SeedCluster { instances: 0, ..bare });
    let mut clone = theirs(of_age(world, "clone-theirs-clone", 50));
    clone.parent = Some(("prod".to_owned(), aurora_clone_sim::rds::CopyKind::CopyOnWrite));
    for (key, value) in [
        (tag::ROLE, "clone"),
        (tag::RESTORE_TYPE, "copy-on-write"),
        (tag::EXPIRES, "2020-01-01T00:00:00Z"),
        (tag::WARNED, "2020-01-01T00:00:00Z@2019-12-31T00:00:00Z"),
        (tag::STACK_ID, "arn:aws:cloudformation:eu-west-1:123456789012:stack/gone/1"),
        (tag::LOGICAL_ID, "Clone"),
        (tag::GENERATION, "1"),
    ] {
        clone.tags.insert(key.to_owned(), value.to_owned());
    }
    world.rds.seed_cluster(clone);
}

#[tokio::test(start_paused = true)]
async fn d18_what_bears_another_managers_name_is_neither_touched_nor_counted_as_ours() {
    let pools = Pools::open(&wants(20, json!({})), neighbours);
    let before = pools.look(|world| {
        world.rds.clusters().map(|c| (c.id.clone(), c.tags.clone(), c.status.clone())).collect::<Vec<_>>()
    });
    night(&pools).await;
    pools.sweep().await;
    // Our own copy was made, although theirs is young: no Create of ours takes it.
    assert_eq!(pools.metric("prod", "CopiesUsable"), Some(1.0));
    assert_eq!(pools.metric("prod", "Clones"), Some(0.0));
    pools.sim.sleep(Duration::days(2)).await;
    night(&pools).await;
    pools.sweep().await;
    pools.look(|world| {
        for (id, tags, status) in &before {
            let now = world.rds.cluster(id).unwrap_or_else(|| panic!("{id} is gone"));
            assert_eq!((&now.tags, &now.status), (tags, status), "{id}");
        }
        let theirs = |id: &str| world.rds.instances_of(id).count();
        assert_eq!(theirs("clone-theirs-bare"), 0, "an instance was added to theirs");
    });
    // Their clone takes a slot of the root all the same.
    let plan = pools.ask(json!({ "plan": true })).await.unwrap();
    let root = plan["sources"][0]["report"]["lines"][0].clone();
    assert!(root["slots"]["taken"].as_u64().unwrap() >= 1, "{root}");
    pools.close().await;
}

/// Two managers keep a pool of the same root, each with a function, a table and a name of its own.
#[tokio::test(start_paused = true)]
async fn d18_two_managers_of_one_root_leave_each_other_alone() {
    let mut ours = Pools::open(&wants(20, json!({})), |_| {});
    ours.neighbour("neighbour", &wants(20, json!({})));
    ours.schedules();
    ours.sim.with(|world| {
        let first = world.now() + Duration::minutes(62);
        world.schedule("neighbour", first, Duration::days(1), json!({ "schedule": "maintain" }));
    });
    ours.sim.sleep(Duration::days(9)).await;
    let managers: Vec<String> =
        ours.look(|world| pools_copies(world).iter().map(|copy| copy.tags[tag::MANAGER].clone()).collect());
    for manager in [MANAGER, "neighbour"] {
        let count = managers.iter().filter(|of| *of == manager).count();
        assert!((1..=2).contains(&count), "{manager} has {count} of {managers:?}");
    }
    let purged: Vec<Value> = ours.told("copy-purged");
    assert!(purged.iter().any(|event| event["manager"] == MANAGER), "{purged:?}");
    assert!(purged.iter().any(|event| event["manager"] == "neighbour"), "{purged:?}");
    // Each took away its own, as the names say that the managers gave.
    for event in &purged {
        let id = event["clusterId"].as_str().unwrap();
        let manager = ours.look(|world| {
            world.rds.history().iter().find(|life| life.id == id).unwrap().tags[tag::MANAGER].clone()
        });
        assert_eq!(event["manager"], manager.as_str());
    }
    ours.close().await;
}

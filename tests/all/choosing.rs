//! Which source is cloned, what is done when there is none, and how a creation ends that can't end well.

use aurora_clone_core::names::tag;
use aurora_clone_sim::rds::{Choice, SeedCluster};
use aurora_clone_sim::{Config, Fault, FaultKind, Target, World};
use aurora_clone_tests::{House, MANAGER_KEY, QUICK_COPIES, copy, prod, strangers_clone};
use chrono::Duration;

/// Takes all slots of `prod`.
fn fill(world: &mut World) {
    for n in 1..=15 {
        world.rds.seed_cluster(strangers_clone(&format!("by-hand-{n}"), "prod"));
    }
}

/// A copy of `prod` whose data is so many hours old.
fn copy_aged(world: &World, id: &str, hours: i64) -> SeedCluster {
    copy(id, "prod", world.now() - Duration::hours(hours))
}

fn config(change: impl FnOnce(&mut aurora_clone_sim::rds::Settings)) -> Config {
    let mut config = Config::default();
    change(&mut config.rds);
    config
}

/// Creates a stack that must come to be; returns the source of its clone and how it was restored.
async fn created(house: &House, stack: &str, properties: &str) -> (String, String) {
    house.create(stack, properties);
    assert_eq!(house.settled(stack).await, "CREATE_COMPLETE", "{}", house.story(stack));
    house.look(|world| {
        let data = &world.cloudformation.resource(stack, "Clone").unwrap().data;
        let text = |name: &str| data[name].as_str().unwrap().to_owned();
        (text("SourceArn").rsplit(':').next().unwrap().to_owned(), text("RestoreType"))
    })
}

/// Creates a stack that must fail for a reason with these words, and leave nothing.
async fn fails(house: &House, stack: &str, properties: &str, words: &[&str]) {
    house.create(stack, properties);
    assert_eq!(house.settled(stack).await, "ROLLBACK_COMPLETE", "{}", house.story(stack));
    let story = house.story(stack);
    for word in words {
        assert!(story.contains(word), "no {word:?} in\n{story}");
    }
}

fn restores(house: &House) -> usize {
    house.rds_calls().iter().filter(|call| call.operation == "RestoreDBClusterToPointInTime").count()
}

#[tokio::test(start_paused = true)]
async fn the_freshest_copy_that_can_be_cloned_is_taken() {
    let house = House::with(Config::default(), 0, |world| {
        fill(world);
        let mut retiring = copy_aged(world, "clone-pool-a", 3);
        retiring.tags.insert(tag::RETIRING.to_owned(), "soon".to_owned());
        let empty = SeedCluster { instances: 0, ..copy_aged(world, "clone-pool-b", 4) };
        let stopped = SeedCluster { status: "stopped".to_owned(), ..copy_aged(world, "clone-pool-c", 5) };
        let mut theirs = copy_aged(world, "clone-pool-d", 6);
        theirs.tags.insert(tag::MANAGER.to_owned(), "another".to_owned());
        let mut ageless = copy_aged(world, "clone-pool-e", 7);
        ageless.tags.remove(tag::DATA_TIME);
        for seed in [retiring, empty, stopped, theirs, ageless] {
            world.rds.seed_cluster(seed);
        }
        world.rds.seed_cluster(copy_aged(world, "clone-pool-f", 30));
        world.rds.seed_cluster(copy_aged(world, "clone-pool-g", 20));
    });
    assert_eq!(created(&house, "a", "SourceClusterId: prod").await.0, "clone-pool-g");
    house.sim.with(|world| world.rds.stop("clone-pool-g"));
    assert_eq!(created(&house, "b", "SourceClusterId: prod").await.0, "clone-pool-f");
    house.sim.with(|world| world.rds.stop("clone-pool-f"));
    let words = [
        "prod (15 used, 0 free): no free slot",
        "clone-pool-a (0 used, 15 free): is going to be purged",
        "clone-pool-b (0 used, 15 free): has no instance",
        "clone-pool-c (0 used, 15 free): is stopped",
        "clone-pool-d (0 used, 15 free): belongs to another manager",
        "clone-pool-e (0 used, 15 free): the age of its data is unknown",
        "clone-pool-f (1 used, 14 free): is stopped",
        "Nothing was made",
    ];
    fails(&house, "c", "SourceClusterId: prod", &words).await;
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn authors_and_operators_ask_for_fresh_data() {
    let house = House::with(Config::default(), 0, |world| {
        fill(world);
        world.rds.seed_cluster(copy_aged(world, "clone-pool-1", 60));
        world.rds.seed_cluster(copy_aged(world, "clone-pool-2", 96));
    });
    let ask = |more: &str| format!("SourceClusterId: prod\n{more}");
    let old = ["clone-pool-1 (0 used, 15 free): data is too old", "clone-pool-2"];
    fails(&house, "a", &ask("MaxCopyAge: PT48H"), &[old[0], old[1], "MaxCopyAge is 2 d"]).await;
    let since = "CopyCreatedSince: '2026-06-19T00:00:00Z'";
    fails(&house, "b", &ask(since), &[old[0], old[1], "CopyCreatedSince asks for 2026-06-19T00:00:00Z"])
        .await;
    for (stack, more) in [("c", "MaxCopyAge: P30D"), ("d", "CopyCreatedSince: '2026-06-18'"), ("e", "")] {
        assert_eq!(created(&house, stack, &ask(more)).await.0, "clone-pool-1", "{more}");
    }
    // The operator's limit is three days, whatever an author asks for; and the root is always fresh.
    house.sim.with(|world| world.rds.vanish("clone-pool-1"));
    fails(&house, "f", &ask("MaxCopyAge: P30D"), &["MaxCopyAge is 3 d"]).await;
    house.sim.with(|world| world.rds.vanish("by-hand-1"));
    assert_eq!(created(&house, "g", &ask(since)).await.0, "prod");
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_busy_source_is_waited_for() {
    for status in ["backing-up", "levitating"] {
        let house = House::with(config(|rds| rds.restore_from_busy = Choice::Refuse), 0, |world| {
            world.rds.set_status("prod", status);
        });
        house.create("web", "SourceClusterId: prod");
        house.sim.sleep(Duration::minutes(5)).await;
        assert_eq!((house.status("web").as_str(), restores(&house)), ("CREATE_IN_PROGRESS", 0), "{status}");
        house.sim.with(|world| world.rds.set_status("prod", "available"));
        assert_eq!(house.settled("web").await, "CREATE_COMPLETE", "{}", house.story("web"));
        house.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_be_cloned_is_named() {
    let house = House::with(Config::default(), 0, |world| {
        world.rds.seed_cluster(copy_aged(world, "clone-pool-1", 5));
        world.rds.seed_cluster(copy_aged(world, "clone-pool-2", 4));
        // Somebody's clone of a copy has the copy's tags.
        let tags = copy_aged(world, "clone-pool-1", 5).tags;
        world.rds.seed_cluster(SeedCluster { tags, ..strangers_clone("by-hand", "clone-pool-1") });
        world.rds.seed_cluster(SeedCluster { instances: 0, ..prod("empty") });
        world.rds.seed_cluster(prod("stopped"));
        world.rds.stop("stopped");
        world.rds.seed_cluster(SeedCluster {
            engine: "neptune".to_owned(),
            ..SeedCluster { id: "graph".to_owned(), ..SeedCluster::default() }
        });
        let orphan = copy("clone-pool-3", "long-gone", world.now());
        world.rds.seed_cluster(orphan);
    });
    assert_eq!(created(&house, "web", "SourceClusterId: prod").await.0, "prod");
    let clone = house.ours().into_iter().find(|id| !id.starts_with("clone-pool")).unwrap();
    let gone = ["SourceClusterId is \"gone\"", "no such Aurora cluster in eu-west-1 of account 123456789012"];
    fails(&house, "a", "SourceClusterId: gone", &gone).await;
    fails(&house, "b", "SourceClusterId: graph", &["SourceClusterId is \"graph\"", "no such Aurora"]).await;
    let itself = format!("SourceClusterId is \"{clone}\", which is itself a clone");
    fails(&house, "c", &format!("SourceClusterId: {clone}"), &[&itself, "Name its root, \"prod\""]).await;
    fails(&house, "d", "SourceClusterId: by-hand", &["\"by-hand\"", "\"clone-pool-1\"", "\"prod\""]).await;
    fails(&house, "e", "SourceClusterId: empty", &["empty (0 used, 15 free): has no instance"]).await;
    fails(&house, "f", "SourceClusterId: stopped", &["stopped (0 used, 15 free): is stopped"]).await;
    fails(&house, "g", "SourceClusterId: clone-pool-3", &["a copy whose root \"long-gone\" is gone"]).await;
    // Waiting for a slot is no use there.
    let begun = house.sim.now();
    fails(
        &house,
        "f2",
        "SourceClusterId: stopped\nOnNoSlot: Wait",
        &["stopped (0 used, 15 free): is stopped"],
    )
    .await;
    assert!(house.sim.now() - begun < Duration::minutes(3));
    // A copy stands for its root's family.
    assert_eq!(created(&house, "h", "SourceClusterId: clone-pool-1").await.0, "prod");
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_margin_stays_free() {
    let house = House::with(Config::default(), 1, |world| {
        for n in 1..=13 {
            world.rds.seed_cluster(strangers_clone(&format!("by-hand-{n}"), "prod"));
        }
    });
    assert_eq!(created(&house, "a", "SourceClusterId: prod").await.0, "prod");
    fails(&house, "b", "SourceClusterId: prod", &["prod (14 used, 0 free): no free slot"]).await;
    house.close().await;
    assert_eq!(house.ever_made(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_slot_it_fails_waits_or_copies_as_the_author_says() {
    let open = |seconds: u64| {
        let config = config(|rds| rds.full_copy_seconds = seconds..=seconds);
        let house = House::operated(config, QUICK_COPIES, fill);
        house.sim.with(|world| world.config.rds.delete_while_creating = Choice::Accept);
        house
    };
    let house = open(1_200);
    for (stack, more) in [("a", ""), ("b", "\nOnNoSlot: Fail"), ("c", "\nCopyOk: false")] {
        fails(&house, stack, &format!("SourceClusterId: prod{more}"), &["no free slot", "OnNoSlot to Wait"])
            .await;
    }
    assert_eq!(restores(&house), 0);
    // Nobody leaves: FAILED, in time.
    fails(
        &house,
        "d",
        "SourceClusterId: prod\nOnNoSlot: Wait",
        &["in the time", "no source has a free slot"],
    )
    .await;
    assert_eq!(restores(&house), 0);
    house.create("e", "SourceClusterId: prod\nOnNoSlot: Wait");
    house.sim.sleep(Duration::minutes(15)).await;
    assert_eq!(house.status("e"), "CREATE_IN_PROGRESS");
    house.sim.with(|world| world.rds.vanish("by-hand-7"));
    assert_eq!(house.settled("e").await, "CREATE_COMPLETE", "{}", house.story("e"));
    // A full copy of the root, that says so.
    for (stack, more) in [("f", "OnNoSlot: Copy"), ("g", "CopyOk: true")] {
        let expected = ("prod".to_owned(), "full-copy".to_owned());
        assert_eq!(created(&house, stack, &format!("SourceClusterId: prod\n{more}")).await, expected);
    }
    // Full copies take no slot: with one given back, the next is a clone again.
    house.sim.with(|world| world.rds.vanish("by-hand-8"));
    assert_eq!(created(&house, "h", "SourceClusterId: prod\nOnNoSlot: Copy").await.1, "copy-on-write");
    house.close().await;
    let house = open(10_800);
    fails(
        &house,
        "a",
        "SourceClusterId: prod\nOnNoSlot: Copy",
        &["Not ready in the time", "the full copy", "ServiceTimeout"],
    )
    .await;
    house.close().await;
    assert_eq!((restores(&house), house.ever_made()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_full_copy_that_cannot_be_deleted_yet_is_named_and_deleted_later() {
    let hours = config(|rds| {
        rds.full_copy_seconds = 10_800..=10_800;
        rds.delete_while_creating = Choice::Refuse;
    });
    let house = House::operated(hours, QUICK_COPIES, fill);
    house.create("web", "SourceClusterId: prod\nOnNoSlot: Copy");
    assert_eq!(house.settled("web").await, "ROLLBACK_FAILED", "{}", house.story("web"));
    let id = house.ours().remove(0);
    let story = house.story("web");
    assert!(
        story.contains("Not finished within 1 h") && story.contains(&format!("{id} is being deleted")),
        "{story}"
    );
    house.sim.sleep(Duration::hours(2)).await;
    house.delete("web");
    assert_eq!(house.settled("web").await, "DELETE_COMPLETE", "{}", house.story("web"));
    house.close().await;
    assert!(house.ours().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_aws_refuses_is_said_in_its_words_and_nothing_is_left() {
    type Furnish = fn(&mut World);
    let cases: [(Config, Furnish, &[&str]); 5] = [
        (config(|rds| rds.cluster_quota = 1), |_| {}, &["DBClusterQuotaExceededFault"]),
        (
            config(|rds| rds.instance_quota = 2),
            |_| {},
            &["InstanceQuotaExceeded", "more than 2 DB instances"],
        ),
        (
            Config::default(),
            |world| world.rds.change("prod", |prod| prod.subnet_group = "lost-group".to_owned()),
            &["DBSubnetGroupNotFoundFault", "lost-group"],
        ),
        (
            Config::default(),
            |world| world.rds.change("prod", |prod| prod.parameter_group = "lost-params".to_owned()),
            &["DBClusterParameterGroupNotFound", "lost-params"],
        ),
        (
            Config::default(),
            |world| {
                world.rds.seed_cluster(SeedCluster {
                    kms_key: Some("arn:aws:kms:eu-west-1:123456789012:key/broken".to_owned()),
                    ..prod("prod")
                });
                world.rds.break_key("broken");
            },
            &["KMSKeyNotAccessibleFault"],
        ),
    ];
    for (config, furnish, words) in cases {
        let house = House::with(config, 0, furnish);
        let mut all = vec!["AWS refuses"];
        all.extend_from_slice(words);
        fails(&house, "web", "SourceClusterId: prod", &all).await;
        house.close().await;
        assert!(house.ours().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_added_as_soon_as_aws_takes_it() {
    for choice in [Choice::Accept, Choice::Refuse] {
        let house = House::with(config(|rds| rds.instance_while_creating = choice), 0, |_| {});
        created(&house, "web", "SourceClusterId: prod").await;
        house.delete("web");
        assert_eq!(house.settled("web").await, "DELETE_COMPLETE", "{}", house.story("web"));
        house.close().await;
    }
}

/// Starts a stack and waits until its cluster, and its instance where that is asked for, is there.
async fn begun(house: &House, with_instance: bool) -> String {
    house.create("web", "SourceClusterId: prod");
    for _ in 0..1_800 {
        house.sim.sleep(Duration::seconds(1)).await;
        if let Some(id) = house.ours().first() {
            let instances = house.look(|world| world.rds.instances_of(id).count());
            if !with_instance || instances > 0 {
                return id.clone();
            }
        }
    }
    panic!("nothing was made: {}", house.story("web"));
}

#[tokio::test(start_paused = true)]
async fn a_status_that_leads_nowhere_fails_at_once_by_its_name() {
    for (status, of_instance) in [
        ("incompatible-network", false),
        ("cloning-failed", false),
        ("inaccessible-encryption-credentials", false),
        ("incompatible-network", true),
        ("insufficient-capacity", true),
    ] {
        let house = House::open();
        let id = begun(&house, of_instance).await;
        let begun = house.sim.now();
        house.sim.with(|world| match of_instance {
            true => world.rds.set_instance_status(&format!("{id}-1"), status),
            false => world.rds.set_status(&id, status),
        });
        assert_eq!(house.settled("web").await, "ROLLBACK_COMPLETE", "{}", house.story("web"));
        let story = house.story("web");
        let what = if of_instance { "The instance" } else { "The cluster" };
        assert!(story.contains(what) && story.contains(&format!("is {status}.")), "{story}");
        let failed_at = house.look(|world| world.bucket.answers[0].at);
        assert!(failed_at - begun < Duration::minutes(2), "{status} after {}", failed_at - begun);
        house.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_status_is_neither_ready_nor_the_end() {
    for of_instance in [false, true] {
        let house = House::open();
        let id = begun(&house, true).await;
        let set = |status: &str| {
            house.sim.with(|world| match of_instance {
                true => world.rds.set_instance_status(&format!("{id}-1"), status),
                false => world.rds.set_status(&id, status),
            });
        };
        set("levitating");
        house.sim.sleep(Duration::minutes(30)).await;
        assert_eq!(house.status("web"), "CREATE_IN_PROGRESS", "{}", house.story("web"));
        set("available");
        assert_eq!(house.settled("web").await, "CREATE_COMPLETE", "{}", house.story("web"));
        house.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn ready_is_what_stays_ready() {
    let house = House::with(Config::default(), 0, |_| {});
    let id = begun(&house, true).await;
    let instance = format!("{id}-1");
    // Until its password is set.
    while house.look(|world| {
        let cluster = world.rds.cluster(&id).unwrap();
        world.rds.shares_password_with_source(&id) || cluster.status != "available"
    }) {
        house.sim.sleep(Duration::seconds(5)).await;
    }
    // By now it is ready; from here on it flaps, faster than it is looked at and slower.
    for (seconds, cluster, member) in [
        (15, "backing-up", "available"),
        (10, "available", "available"),
        (20, "available", "rebooting"),
        (15, "available", "configuring-enhanced-monitoring"),
        (35, "modifying", "available"),
        (20, "upgrading", "modifying"),
    ] {
        if house.status("web") == "CREATE_COMPLETE" {
            break;
        }
        house.sim.with(|world| {
            world.rds.set_status(&id, cluster);
            world.rds.set_instance_status(&instance, member);
        });
        house.sim.sleep(Duration::seconds(seconds)).await;
        let ready = (cluster, member) == ("available", "available");
        assert!(
            ready || house.status("web") == "CREATE_IN_PROGRESS",
            "complete while {cluster} and {member}"
        );
    }
    house.sim.with(|world| {
        world.rds.set_status(&id, "available");
        world.rds.set_instance_status(&instance, "available");
    });
    assert_eq!(house.settled("web").await, "CREATE_COMPLETE", "{}", house.story("web"));
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn tags_that_aws_adds_do_not_go_to_the_instance() {
    let house = House::with(config(|rds| rds.instance_while_creating = Choice::Refuse), 0, |_| {});
    let id = begun(&house, false).await;
    let backup = ("aws:backup:source-resource".to_owned(), "x".to_owned());
    house.sim.with(|world| world.rds.set_tags(&id, [backup]));
    assert_eq!(house.settled("web").await, "CREATE_COMPLETE", "{}", house.story("web"));
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_author_may_name_the_clone_and_takes_no_name_from_anybody() {
    let house = House::with(Config::default(), 0, |world| {
        world.rds.seed_cluster(SeedCluster { id: "clone-of-a-person".to_owned(), ..SeedCluster::default() });
    });
    created(&house, "a", "SourceClusterId: prod\nClusterId: clone-mine").await;
    assert_eq!(house.ours(), ["clone-mine"]);
    let before = house.look(|world| format!("{:?}", world.rds.clusters().collect::<Vec<_>>()));
    let taken = ["The name clone-mine is taken", "belongs to the resource Clone", "left alone", "ClusterId"];
    fails(&house, "b", "SourceClusterId: prod\nClusterId: clone-mine", &taken).await;
    let persons = ["The name clone-of-a-person is taken", "was not made by this manager", "left alone"];
    fails(&house, "c", "SourceClusterId: prod\nClusterId: clone-of-a-person", &persons).await;
    assert_eq!(house.look(|world| format!("{:?}", world.rds.clusters().collect::<Vec<_>>())), before);
    assert_eq!(restores(&house), 1);
    // The one that owns it deletes it, and then the name is free.
    house.delete("a");
    assert_eq!(house.settled("a").await, "DELETE_COMPLETE", "{}", house.story("a"));
    created(&house, "d", "SourceClusterId: prod\nClusterId: clone-mine").await;
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_lags_behind_a_crash_does_not_fail_the_creation() {
    let house = House::open();
    let operation = |name, number, kind| Fault { target: Target::Operation(name, number), kind };
    house.sim.with(|world| {
        world.set_faults(vec![
            // The step dies when the clone is made; the next one looks for the clone and does not see it yet.
            operation("RestoreDBClusterToPointInTime", 1, FaultKind::Crash),
            operation("DescribeDBClusters", 4, FaultKind::StaleRead(Duration::minutes(1))),
        ]);
    });
    house.create("web", "SourceClusterId: prod");
    assert_eq!(house.settled("web").await, "CREATE_COMPLETE", "{}", house.story("web"));
    house.close().await;
    assert_eq!(house.ever_made(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_restored_under_the_lease_of_another_family() {
    let house = House::with(Config::default(), 0, |world| {
        world.rds.seed_cluster(copy_aged(world, "clone-pool-new", 1));
    });
    house.sim.sleep(Duration::minutes(30)).await;
    house.sim.with(|world| {
        world.rds.rename("clone-pool-new", "clone-pool-1");
        world.rds.set_tags("clone-pool-1", [(tag::CLUSTER.to_owned(), "clone-pool-1".to_owned())]);
        // The look at the source does not see it, so its root is not known; the listing does.
        let target = Target::Operation("DescribeDBClusters", 2);
        world.set_faults(vec![Fault { target, kind: FaultKind::StaleRead(Duration::minutes(10)) }]);
    });
    created(&house, "web", "SourceClusterId: clone-pool-1").await;
    house.look(|world| {
        let ours = || world.log.iter().filter(|call| call.principal == MANAGER_KEY);
        let restore = ours().position(|call| call.operation == "RestoreDBClusterToPointInTime").unwrap();
        let leased = ours().position(|call| {
            call.operation == "PutItem" && String::from_utf8_lossy(&call.request).contains("lock#prod")
        });
        assert!(leased.is_some_and(|leased| leased < restore), "{leased:?} {restore}");
    });
    house.close().await;
}

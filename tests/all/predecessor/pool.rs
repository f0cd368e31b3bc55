//! What a Create does to copies of the pool; `maintainer.rs` has what the pool's maintainer does.

use aurora_clone_core::names::tag;
use aurora_clone_sim::World;
use aurora_clone_sim::rds::SeedCluster;
use aurora_clone_tests::{House, copy, strangers_clone};
use chrono::Duration;

use super::{PLAIN, by_hand_clones, calls_to, changes, created, fails, quick, sources};

/// A root with room, a copy that is too old for anybody and has a living clone, and one that is young.
fn a_pool(world: &mut World) {
    let aged = |world: &World, hours| world.now() - Duration::hours(hours);
    let old = copy("clone-pool-old", "prod", aged(world, 100));
    let inherited = old.tags.clone();
    world.rds.seed_cluster(old);
    world.rds.seed_cluster(copy("clone-pool-young", "prod", aged(world, 5)));
    let clone = strangers_clone("in-use", "clone-pool-old");
    world.rds.seed_cluster(SeedCluster { tags: inherited, ..clone });
}

/// The predecessor purged copies from within the Create, in a background thread that froze when the handler returned.
#[tokio::test(start_paused = true)]
async fn p13_a_create_deletes_no_copy_and_leaves_nothing_for_later() {
    obsolete_copies_are_marked_and_not_deleted().await;
}

#[tokio::test(start_paused = true)]
async fn defect_10_marking_obsolete_copies_is_over_before_the_answer() {
    obsolete_copies_are_marked_and_not_deleted().await;
}

/// The predecessor's purge did not look whether a copy was in use.
#[tokio::test(start_paused = true)]
async fn defect_11_a_copy_with_living_clones_stays() {
    obsolete_copies_are_marked_and_not_deleted().await;
}

async fn obsolete_copies_are_marked_and_not_deleted() {
    let house = House::with(quick(), 0, a_pool);
    created(&house, "web", &format!("{PLAIN}\nPurgeObsoleteCopies: true")).await;
    let calls = calls_to(&house, "rds");
    assert!(calls.iter().all(|call| !call.operation.starts_with("Delete")));
    let is_mark = |call: &&aurora_clone_sim::Call| {
        call.operation == "AddTagsToResource" && String::from_utf8_lossy(&call.request).contains("retiring")
    };
    let marks: Vec<_> = calls.iter().filter(is_mark).collect();
    assert_eq!(marks.len(), 1);
    assert!(marks[0].at <= house.look(|world| world.bucket.answers[0].at));
    house.look(|world| {
        let retiring = |id: &str| world.rds.cluster(id).unwrap().tags.contains_key(tag::RETIRING);
        assert!(retiring("clone-pool-old") && !retiring("clone-pool-young"));
    });
    house.close().await;
    house.look(|world| {
        for id in ["clone-pool-old", "clone-pool-young", "in-use", "prod"] {
            assert!(world.rds.cluster(id).is_some(), "{id}");
        }
    });
}

/// Nothing outlives an invocation: what is not awaited freezes with the sandbox.
#[test]
fn p13_nothing_runs_in_the_background() {
    for crate_ in ["core", "aws", "lambda"] {
        for (path, text) in sources(&format!("crates/{crate_}/src")) {
            for word in ["spawn(", "spawn_blocking", "spawn_local", "thread::", "JoinSet", "FuturesUnordered"]
            {
                assert!(!text.contains(word), "{path} has {word}");
            }
        }
    }
}

/// The predecessor's `dry-run?` made secrets and keys all the same. Here a request that makes no clone makes nothing.
#[tokio::test(start_paused = true)]
async fn p14_what_makes_no_clone_writes_nothing() {
    let house = House::with(quick(), 0, |world| by_hand_clones(world, "prod", 15));
    let wishes = "SetPassword: true\nForceCreateKmsKey: true\nOnNoSlot: Fail\nInstanceCount: 3";
    fails(&house, "full", &format!("{PLAIN}\n{wishes}"), &["no free slot"]).await;
    for name in ["DryRun", "dry-run?"] {
        let more = format!("{PLAIN}\n'{name}': true");
        fails(&house, &format!("dry-{}", name.len()), &more, &[name, "is not a property"]).await;
    }
    assert_eq!(changes(&house), Vec::<String>::new());
    house.close().await;
    assert_eq!(changes(&house), Vec::<String>::new());
    // Whoever wants to look without writing gets no flag that each writer would have to heed: the maintainer's `dry-run` chooses clients
    // that can't write, before anything is read. The overview shows people that it is set, and nothing else.
    let chooses = |path: &str| {
        let reads = ["/core/src/pool/config", "/core/src/overview/"];
        reads.iter().any(|part| path.contains(part)) || path.ends_with("/pool_maintainer.rs")
    };
    let mut seen = 0;
    for crate_ in ["core", "aws", "lambda"] {
        for (path, text) in sources(&format!("crates/{crate_}/src")) {
            let flagged = text.contains("dry_run") || text.contains("dry-run");
            assert!(!flagged || chooses(&path), "{path}");
            seen += usize::from(flagged);
        }
    }
    assert!(seen > 1, "the exceptions are not seen");
}

//! What takes a slot, and what an AWS that does not answer is taken for.

use aurora_clone_core::names::tag;
use aurora_clone_sim::rds::SeedCluster;
use aurora_clone_sim::{Fault, FaultKind, Target, World};
use aurora_clone_tests::{House, copy, prod, strangers_clone};
use chrono::Duration;

use super::{
    PLAIN, by_hand_clones, calls_to, created, every, expect, fails, house, output, quick, set_faults,
};

const FULL: &[&str] = &["prod (15 used, 0 free): no free slot"];

/// The predecessor read one page of a hundred clusters.
#[tokio::test(start_paused = true)]
async fn p08_clones_beyond_the_first_page_count() {
    clones_beyond_the_first_page().await;
}

/// And asked for the tags of each cluster one by one, until AWS throttled it.
#[tokio::test(start_paused = true)]
async fn defect_07_every_page_is_read_and_no_cluster_is_asked_for_by_itself() {
    clones_beyond_the_first_page().await;
}

async fn clones_beyond_the_first_page() {
    let house = House::with(quick(), 0, |world| {
        for n in 0..220 {
            let id = format!("a-other-{n:03}");
            world.rds.seed_cluster(SeedCluster { id, instances: 0, ..SeedCluster::default() });
        }
        for n in 1..=15 {
            world.rds.seed_cluster(strangers_clone(&format!("z-by-hand-{n:02}"), "prod"));
        }
    });
    fails(&house, "a", PLAIN, FULL).await;
    let calls = calls_to(&house, "rds");
    assert!(calls.iter().all(|call| call.operation != "ListTagsForResource"));
    // A few looks, each of a few pages: nothing that grows with the number of clusters.
    assert!(calls.len() < 30, "{} calls", calls.len());
    house.sim.with(|world| world.rds.vanish("z-by-hand-15"));
    created(&house, "b", PLAIN).await;
    house.close().await;
}

/// The predecessor's "does it exist?" took every error for "no".
#[tokio::test(start_paused = true)]
async fn p09_a_call_that_fails_does_not_mean_that_nothing_is_there() {
    let named = format!("{PLAIN}\nClusterId: clone-mine\nNoFailOnExistingCluster: true");
    for kind in [FaultKind::Throttle, FaultKind::ServerError, FaultKind::Deny] {
        // While the clone is made: it keeps its name, and there is one.
        for first in [1, 3, 6, 9] {
            let house = house();
            let fault = |number| Fault {
                target: Target::Operation("DescribeDBClusters", number),
                kind: kind.clone(),
            };
            set_faults(&house, (first..first + 4).map(fault).collect());
            assert_eq!(created(&house, "web", &named).await.id, "clone-mine");
            house.close().await;
            assert_eq!(house.ever_made(), 1);
        }
        // While it is deleted: who can't look does not say that it is gone.
        let house = house();
        let clone = created(&house, "web", PLAIN).await;
        set_faults(&house, every("DescribeDBClusters", kind.clone()));
        house.delete("web");
        expect(&house, "web", "DELETE_FAILED").await;
        assert!(house.look(|world| world.rds.cluster(&clone.id).is_some()));
        set_faults(&house, Vec::new());
        house.delete("web");
        expect(&house, "web", "DELETE_COMPLETE").await;
        house.close().await;
    }
}

/// The predecessor counted what was `available` or `creating`.
#[tokio::test(start_paused = true)]
async fn p10_clones_count_in_every_status() {
    let statuses = [
        "modifying",
        "backing-up",
        "upgrading",
        "deleting",
        "creating",
        "stopped",
        "starting",
        "renaming",
        "maintenance",
        "failing-over",
        "resetting-master-credentials",
        "incompatible-parameters",
        "inaccessible-encryption-credentials",
        "failed",
        "a-status-of-tomorrow",
    ];
    let house = House::with(quick(), 0, |world| {
        for (n, status) in statuses.into_iter().enumerate() {
            let clone = strangers_clone(&format!("by-hand-{n}"), "prod");
            world.rds.seed_cluster(SeedCluster { status: status.to_owned(), ..clone });
        }
    });
    fails(&house, "web", PLAIN, FULL).await;
    house.close().await;
    assert_eq!(house.ever_made(), 0);
}

/// What hangs off `prod` without a tag of this manager: by hand, of another manager, and clones of clones.
fn clones_of_others(world: &mut World) {
    by_hand_clones(world, "prod", 5);
    for n in 1..=5 {
        let parent = format!("by-hand-of-prod-{n:02}");
        world.rds.seed_cluster(strangers_clone(&format!("of-a-clone-{n}"), &parent));
        let id = format!("clone-of-another-{n}");
        let tags = [
            (tag::MANAGER, "another"),
            (tag::ROLE, "clone"),
            (tag::CLUSTER, id.as_str()),
            (tag::ROOT, "prod"),
            (tag::SOURCE, "prod"),
            (tag::RESTORE_TYPE, "copy-on-write"),
        ];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
        world.rds.seed_cluster(SeedCluster { tags, ..strangers_clone(&id, "prod") });
    }
}

/// The predecessor counted what had its own tags.
#[tokio::test(start_paused = true)]
async fn p11_clones_of_others_and_clones_of_clones_count() {
    strangers_count().await;
}

#[tokio::test(start_paused = true)]
async fn defect_08_foreign_clones_and_busy_ones_count_so_none_becomes_a_full_copy() {
    strangers_count().await;
}

async fn strangers_count() {
    let house = House::with(quick(), 0, |world| {
        clones_of_others(world);
        world.rds.set_status("of-a-clone-1", "modifying");
        world.rds.set_status("clone-of-another-1", "backing-up");
    });
    fails(&house, "a", PLAIN, FULL).await;
    house.sim.with(|world| world.rds.vanish("of-a-clone-5"));
    let clone = created(&house, "b", PLAIN).await;
    assert!(clone.truth.copy_on_write && !clone.truth.became_full_copy);
    house.close().await;
}

/// The predecessor knew nothing of clone groups: what the group says counts where no tag and no name does.
#[tokio::test(start_paused = true)]
async fn defect_09_the_clone_group_tells_whose_clones_are_whose() {
    let house = House::with(quick(), 0, |world| {
        by_hand_clones(world, "prod", 15);
        world.rds.seed_cluster(prod("other"));
        by_hand_clones(world, "other", 15);
        world.rds.rename("prod", "production");
    });
    fails(&house, "a", "SourceClusterId: production", &["production (15 used, 0 free)"]).await;
    // Clones of another family take no slot here.
    house.sim.with(|world| world.rds.vanish("by-hand-of-prod-15"));
    created(&house, "b", "SourceClusterId: production").await;
    fails(&house, "c", "SourceClusterId: other", &["other (15 used, 0 free)"]).await;
    house.close().await;
}

/// The predecessor took clones on full sources off the slots of the others once more, and thought the pool was short.
#[tokio::test(start_paused = true)]
async fn p12_a_full_source_takes_nothing_from_the_slots_of_the_others() {
    let house = House::with(quick(), 0, |world| {
        by_hand_clones(world, "prod", 15);
        let day = world.now() - Duration::days(1);
        let (full, roomy) = (copy("clone-pool-full", "prod", day), copy("clone-pool-roomy", "prod", day));
        let tags = full.tags.clone();
        world.rds.seed_cluster(full);
        world.rds.seed_cluster(roomy);
        for n in 1..=15 {
            let clone = strangers_clone(&format!("by-hand-of-copy-{n}"), "clone-pool-full");
            world.rds.seed_cluster(SeedCluster { tags: tags.clone(), ..clone });
        }
    });
    for n in 1..=15 {
        let stack = format!("web-{n}");
        created(&house, &stack, PLAIN).await;
        assert!(output(&house, &stack, "SourceArn").ends_with(":clone-pool-roomy"), "{n}");
    }
    let words =
        ["prod (15 used, 0 free)", "clone-pool-full (15 used, 0 free)", "clone-pool-roomy (15 used, 0 free)"];
    fails(&house, "one-too-many", PLAIN, &words).await;
    house.close().await;
    assert_eq!(house.ever_made(), 17, "two copies that were there, and fifteen clones; no full copy");
}

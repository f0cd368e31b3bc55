//! What the product may not do when it takes a copy of the pool away (S14).

use aurora_clone_sim::rds::{CopyKind, SeedCluster};
use chrono::Duration;

use crate::room::{MANAGER, Room, STRANGER, seed};

const SKIP: (&str, &str) = ("SkipFinalSnapshot", "true");
const COPY: (&str, &str) = ("DBClusterIdentifier", "copy");
const COPYS_ARN: (&str, &str) = ("ResourceName", "arn:aws:rds:eu-west-1:123456789012:cluster:copy");
const MARK: [(&str, &str); 2] =
    [("Tags.Tag.1.Key", "aurora-clone:retiring"), ("Tags.Tag.1.Value", "2026-06-21T00:00:00Z")];
const UNMARK: (&str, &str) = ("TagKeys.member.1", "aurora-clone:retiring");

fn of_role(role: &str, id: &str, instances: usize) -> SeedCluster {
    SeedCluster {
        created_by: MANAGER.into(),
        parent: Some(("prod".into(), CopyKind::Full)),
        tags: [("aurora-clone:role".to_owned(), role.to_owned())].into(),
        instances,
        ..seed(id)
    }
}

/// A room with the source `prod` and the manager's `copy` of it.
fn room(instances: usize) -> Room {
    let mut room = Room::with_prod();
    room.world.rds.seed_cluster(of_role("copy", "copy", instances));
    room
}

fn delete(room: &mut Room) -> Vec<String> {
    room.ok("DeleteDBCluster", &[COPY, SKIP]);
    std::mem::take(&mut room.world.violations)
}

fn mark(room: &mut Room) {
    room.ok("AddTagsToResource", &[&[COPYS_ARN][..], &MARK].concat());
}

#[test]
fn a_copy_goes_only_when_it_was_marked_for_an_hour() {
    for (minutes, flaw) in [
        (None, Some("was not marked")),
        (Some(0), Some("was marked only 0 s ago")),
        (Some(59), Some("was marked only 3540 s ago")),
        (Some(60), None),
    ] {
        let mut room = room(0);
        if let Some(minutes) = minutes {
            mark(&mut room);
            room.wait(Duration::minutes(minutes));
        }
        let flaw = flaw.map(|flaw| format!("S14 the manager deleted the copy copy, which {flaw}"));
        assert_eq!(delete(&mut room), flaw.into_iter().collect::<Vec<_>>(), "{minutes:?}");
    }
}

#[test]
fn a_mark_counts_from_when_it_was_put_last() {
    let mut room = room(0);
    mark(&mut room);
    room.wait(Duration::minutes(50));
    // Another value is the same mark.
    mark(&mut room);
    room.wait(Duration::minutes(20));
    assert!(delete(&mut room).is_empty());

    let mut room = self::room(0);
    mark(&mut room);
    room.wait(Duration::minutes(70));
    room.ok("RemoveTagsFromResource", &[COPYS_ARN, UNMARK]);
    mark(&mut room);
    room.wait(Duration::minutes(10));
    assert_eq!(delete(&mut room).len(), 1);

    // Marked by hand, and not removed by what removes other tags.
    let mut room = self::room(0);
    room.world.rds.set_tags("copy", [("aurora-clone:retiring".to_owned(), String::new())]);
    room.wait(Duration::minutes(70));
    room.ok("RemoveTagsFromResource", &[COPYS_ARN, ("TagKeys.member.1", "aurora-clone:role")]);
    assert!(delete(&mut room).is_empty(), "what it was at its birth counts, and the mark is there");
}

#[test]
fn what_the_manager_did_not_do_and_what_was_no_copy_is_not_told() {
    let mut room = room(0);
    room.ok_as(STRANGER, "DeleteDBCluster", &[COPY, SKIP]);
    room.world.rds.seed_cluster(of_role("clone", "kid", 0));
    room.ok("DeleteDBCluster", &[("DBClusterIdentifier", "kid"), SKIP]);
    assert!(room.world.violations.is_empty());
}

#[test]
fn a_copy_that_is_being_cloned_stays() {
    for maker in [MANAGER, STRANGER] {
        let mut room = room(1);
        mark(&mut room);
        room.wait(Duration::minutes(75));
        room.clone_of(maker, "kid", "copy");
        room.ok("DeleteDBInstance", &[("DBInstanceIdentifier", "copy-1"), SKIP]);
        let told = |operation: &str| {
            format!("S14 {operation} by the manager hit copy, while its clone kid is creating")
        };
        assert_eq!(std::mem::take(&mut room.world.violations), [told("DeleteDBInstance")]);
        assert_eq!(delete(&mut room), [told("DeleteDBCluster")]);
    }
    let mut room = room(2);
    mark(&mut room);
    room.wait(Duration::minutes(75));
    room.clone_of(MANAGER, "kid", "copy");
    room.ok("DeleteDBInstance", &[("DBInstanceIdentifier", "copy-1"), SKIP]);
    assert!(room.world.violations.is_empty(), "there is another instance");
    room.wait(Duration::minutes(4));
    assert_eq!(room.status("kid"), "available");
    room.ok("DeleteDBInstance", &[("DBInstanceIdentifier", "copy-2"), SKIP]);
    assert!(delete(&mut room).is_empty());
}

#[test]
fn a_strangers_clone_of_a_clone_does_not_hold_it() {
    for (maker, count) in [(STRANGER, 0), (MANAGER, 2)] {
        let mut room = Room::with_prod();
        room.world.rds.seed_cluster(of_role("clone", "copy", 1));
        room.clone_of(maker, "kid", "copy");
        room.ok("DeleteDBInstance", &[("DBInstanceIdentifier", "copy-1"), SKIP]);
        room.ok("DeleteDBCluster", &[COPY, SKIP]);
        assert_eq!(room.world.violations.len(), count, "{:?}", room.world.violations);
    }
}

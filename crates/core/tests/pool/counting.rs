//! "How slots are counted".

use aurora_clone_core::names::tag;
use chrono::Duration;

use crate::room::{Room, hours, name, now, text};

/// Free and coming slots.
fn slots(room: &Room) -> (u32, u32) {
    let report = room.plan().report;
    (report.free, report.coming)
}

#[test]
fn free_is_limit_less_margin_less_what_hangs_off_in_any_status() {
    assert_eq!(slots(&Room::new(0)), (14, 0));
    assert_eq!(slots(&Room::new(0).clones("prod", 3)), (11, 0));
    for status in ["creating", "deleting", "stopped", "failed", "levitating"] {
        let room = Room::new(0).clones("prod", 1).status("clone-1", status);
        assert_eq!(slots(&room), (13, 0), "{status}");
    }
    assert_eq!(slots(&Room::new(0).clones("prod", 20)), (0, 0));
}

#[test]
fn every_sources_free_slots_are_its_own() {
    let room = Room::new(0).copy(1, 1).clones("prod", 20).clones(&name(1), 4);
    assert_eq!(slots(&room), (10, 0));
}

/// A Create counts by the operator's own limit, which no configuration of a pool changes.
#[test]
fn no_more_counts_than_a_create_would_take() {
    let mut room = Room::new(0).copy(1, 1).configured(|config| config.margin = 0);
    assert_eq!(slots(&room), (28, 0));
    room.config.margin = 4;
    assert_eq!(slots(&room), (22, 0));
}

#[test]
fn of_the_root_and_of_copies_that_are_ready_or_busy_with_something_that_passes() {
    for (status, free) in [
        ("available", 28),
        ("backing-up", 28),
        ("modifying", 28),
        ("starting", 28),
        ("stopped", 14),
        ("stopping", 14),
        ("failed", 14),
        ("cloning-failed", 14),
        ("inaccessible-encryption-credentials", 14),
        ("deleting", 14),
        ("levitating", 14),
    ] {
        assert_eq!(slots(&Room::new(0).copy(1, 1).status(&name(1), status)).0, free, "{status}");
        assert_eq!(slots(&Room::new(0).copy(1, 1).status("prod", status)).0, free, "the root {status}");
    }
}

#[test]
fn only_with_an_instance_that_works() {
    for (status, free) in
        [("available", 28), ("backing-up", 28), ("failed", 14), ("stopped", 14), ("deleting", 14), ("", 14)]
    {
        assert_eq!(slots(&Room::new(0).copy(1, 1).instance(&name(1), status)).0, free, "{status}");
        assert_eq!(slots(&Room::new(0).copy(1, 1).instance("prod", status)).0, free, "the root's {status}");
    }
}

#[test]
fn only_of_copies_of_this_manager() {
    let room = Room::new(0).copy(1, 1).tag(&name(1), tag::MANAGER, "another");
    assert_eq!(slots(&room), (14, 0));
    assert_eq!(room.plan().report.copies.all(), 0);
    assert!(room.decision(&name(1)).contains("another manager"), "{}", room.decision(&name(1)));
}

/// The operator gave the manager another prefix: Creates still clone what it made before, and nothing is done to it.
#[test]
fn copies_with_an_earlier_name_prefix_count_and_are_left_alone() {
    let mut room = Room::new(28).copy(1, 1).configured(|config| config.max_copies = 1);
    room.settings.name_prefix = "c2-".to_owned();
    assert_eq!((slots(&room), room.steps()), ((28, 0), vec![]));
    let room = room.configured(|config| config.target = 29);
    assert!(room.plan().short.unwrap().contains("max-copies is 1 and there are 1"));
    let mut old = Room::new(14).copy(1, 100).instance(&name(1), "");
    old.settings.name_prefix = "c2-".to_owned();
    assert_eq!(old.steps(), [""; 0]);
    assert!(old.decision(&name(1)).contains("c2-"), "{}", old.decision(&name(1)));
}

#[test]
fn only_of_copies_that_are_not_marked() {
    for mark in [text(now()), "soon".to_owned(), String::new()] {
        assert_eq!(slots(&Room::new(0).copy(1, 1).tag(&name(1), tag::RETIRING, &mark)).0, 14, "{mark}");
    }
    assert_eq!(
        slots(&Room::new(0).copy(1, 1).tag("prod", tag::RETIRING, "x")).0,
        14,
        "no Create takes that root"
    );
}

#[test]
fn only_of_copies_that_are_young_enough() {
    assert_eq!(slots(&Room::new(0).copy(1, 72)).0, 28);
    assert_eq!(slots(&Room::new(0).copy(1, 73)).0, 14);
    let stricter = |room: Room| room.configured(|config| config.max_copy_age = Duration::days(1));
    assert_eq!(slots(&stricter(Room::new(0).copy(1, 25))).0, 14);
    // What the configuration allows and no Create may take.
    let laxer = |room: Room| room.configured(|config| config.max_copy_age = Duration::days(30));
    assert_eq!(slots(&laxer(Room::new(0).copy(1, 73))).0, 14);
    assert_eq!(slots(&laxer(Room::new(0).copy(1, 73))).1, 0);
}

#[test]
fn the_age_of_data_that_is_unknown_or_from_the_future_counts_for_nothing() {
    for time in ["", "yesterday", &text(now() + hours(1)), "+262142-12-31T23:59:59Z"] {
        let room = Room::new(0).copy(1, 1).tag(&name(1), tag::DATA_TIME, time);
        assert_eq!(slots(&room), (14, 0), "{time}");
        assert!(room.plan().troubles[0].contains("age of its data is unknown"), "{time}");
    }
    let clocks_differ =
        Room::new(0).copy(1, 1).tag(&name(1), tag::DATA_TIME, &text(now() + Duration::minutes(9)));
    assert_eq!(slots(&clocks_differ), (28, 0));
}

#[test]
fn a_copy_that_is_being_made_counts_with_all_its_slots_until_copy_timeout() {
    assert_eq!(slots(&Room::new(0).creating(1, 11)), (14, 14));
    let late = Room::new(0).creating(1, 13);
    assert_eq!(slots(&late), (14, 0));
    assert!(late.plan().troubles[0].contains("copy-timeout"), "{:?}", late.plan().troubles);
}

#[test]
fn the_making_ends_with_its_first_instance() {
    let new = |age| Room::new(0).copy(1, age).untag(&name(1), tag::READY);
    assert_eq!(slots(&new(1).instance(&name(1), "")), (14, 14));
    assert_eq!(slots(&new(1).instance(&name(1), "creating")), (14, 14));
    assert_eq!(slots(&new(13).instance(&name(1), "")), (14, 0), "late");
    assert_eq!(slots(&new(13).instance(&name(1), "creating")), (14, 0), "late");
    assert_eq!(new(13).instance(&name(1), "").steps(), ["instance 1"], "it is repaired");
}

#[test]
fn a_copy_that_lost_its_instance_is_repaired_and_no_other_is_made() {
    let room = Room::new(28).copy(1, 30).instance(&name(1), "");
    assert_eq!((slots(&room), room.steps()), ((14, 14), vec!["instance 1".to_owned()]));
    let room = Room::new(28).copy(1, 30).instance(&name(1), "creating");
    assert_eq!((slots(&room), room.steps()), ((14, 14), vec![]));
}

/// Listings of clusters and of instances are not from the same moment.
#[test]
fn an_instance_that_only_the_cluster_names_is_no_reason_for_another() {
    let mut room = Room::new(28).copy(1, 1);
    room.instances.truncate(1);
    assert_eq!((slots(&room), room.steps()), ((14, 14), vec![]));
}

#[test]
fn a_copy_that_is_too_old_gets_no_instance() {
    let room = Room::new(0).copy(1, 73).instance(&name(1), "");
    assert_eq!((slots(&room), room.steps()), ((14, 0), vec!["mark 1".to_owned()]));
}

#[test]
fn what_does_not_pass_is_reported() {
    for status in ["stopped", "stopping", "levitating", "inaccessible-encryption-credentials"] {
        let plan = Room::new(28).copy(1, 1).status(&name(1), status).plan();
        assert!(
            plan.troubles.iter().any(|trouble| trouble.contains(status)),
            "{status}: {:?}",
            plan.troubles
        );
        assert_eq!(plan.report.copies.broken, 1, "{status}");
    }
    let plan = Room::new(28).copy(1, 1).instance(&name(1), "failed").plan();
    assert!(plan.troubles[0].contains("is failed"), "{:?}", plan.troubles);
}

#[test]
fn strangers_take_slots_where_the_clone_group_or_inherited_tags_say() {
    let mut room = Room::new(0).copy(1, 1);
    room.clusters.push(crate::room::cluster("by-hand"));
    assert_eq!(slots(&room).0, 27, "of the root, by its clone group");
    let tags = room.get(&name(1)).tags.clone();
    let room = room.edit("by-hand", |cluster| cluster.tags = tags);
    assert_eq!(slots(&room).0, 27, "of the copy, by inherited tags");
    assert_eq!(room.plan().report.strangers, 1);
    let line = room.plan().report.lines.into_iter().find(|line| line.cluster == "by-hand").unwrap();
    assert_eq!(line.takes_slot_of, Some(name(1)));
}

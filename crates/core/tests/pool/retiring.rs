//! "What is taken away": mark, wait, look again, purge.

use aurora_clone_core::names::tag;
use aurora_clone_core::pool::action::Action;
use aurora_clone_core::pool::plan::Next;
use chrono::Duration;

use crate::room::{Room, hours, instance, name, now, text};

fn nothing() -> Vec<String> {
    Vec::new()
}

#[test]
fn marked_is_what_is_older_than_max_copy_age_by_its_data_and_by_awss_own_time() {
    let old = || Room::new(14).copy(1, 73);
    assert_eq!(old().steps(), ["mark 1"]);
    assert_eq!(Room::new(14).copy(1, 72).steps(), nothing());
    let younger = now() - hours(71);
    assert_eq!(old().edit(&name(1), |c| c.created_at = Some(younger)).steps(), nothing());
    assert_eq!(old().tag(&name(1), tag::DATA_TIME, &text(younger)).steps(), nothing());
    assert_eq!(old().edit(&name(1), |c| c.created_at = None).steps(), nothing(), "nobody knows");
    for (status, what) in [("available", "with"), ("", "without")] {
        let room = old().untag(&name(1), tag::DATA_TIME).instance(&name(1), status);
        assert_eq!(room.steps(), nothing(), "{what} an instance");
    }
}

#[test]
fn the_mark_is_the_time() {
    let plan = Room::new(14).copy(1, 73).plan();
    let Action::Mark { since, .. } = &plan.steps[0].action else { panic!() };
    assert_eq!(*since, now());
    assert_eq!(
        plan.report.steps,
        [format!("{} is marked: the age of its data is 3 d 1 h, max-copy-age is 3 d", name(1))]
    );
}

#[test]
fn marked_is_what_is_in_a_status_from_which_there_is_no_way_back() {
    for status in ["failed", "cloning-failed", "incompatible-restore", "storage-full"] {
        let room = Room::new(28).copy(1, 1).status(&name(1), status);
        assert_eq!(room.steps(), ["copy 2", "mark 1"], "{status}");
    }
    // Somebody can do something about these.
    for status in ["stopped", "stopping", "inaccessible-encryption-credentials", "levitating", "creating"] {
        assert_eq!(Room::new(14).copy(1, 1).status(&name(1), status).steps(), nothing(), "{status}");
    }
}

/// Its instance never came up; it gives no slots, but its age is known.
#[test]
fn marked_is_what_is_too_old_whatever_its_instance_is_like() {
    for status in ["available", "failed", "creating", "stopped", "deleting", ""] {
        assert_eq!(Room::new(14).copy(1, 73).instance(&name(1), status).steps(), ["mark 1"], "{status}");
    }
}

#[test]
fn marked_is_only_what_leaves_as_many_free_slots_as_are_wanted() {
    // Creates may use data of three days, and the configuration asks for a day.
    let room = |target| Room::new(target).copy(1, 30).configured(|c| c.max_copy_age = Duration::days(1));
    assert_eq!(room(14).steps(), ["mark 1"]);
    assert_eq!(room(15).steps(), ["copy 2"]);
    assert!(room(15).decision(&name(1)).contains("fewer slots are free than are wanted"));
    // What no Create takes gives nothing.
    let room = Room::new(28).copy(1, 73).creating(2, 1);
    assert_eq!(room.steps(), ["mark 1"]);
}

#[test]
fn no_more_are_marked_than_may_be_purged_and_the_oldest_go_first() {
    let room = || Room::new(14).copy(1, 80).copy(2, 90).copy(3, 85);
    assert_eq!(room().steps(), ["mark 2", "mark 3"]);
    assert_eq!(room().marked(2, 5).steps(), ["mark 3"]);
    assert_eq!(room().marked(2, 5).marked(3, 5).steps(), nothing());
    assert_eq!(room().status(&name(1), "failed").steps(), ["mark 1", "mark 2"], "what is broken goes first");
    let mut most = room();
    most.max_deletions = Some(0);
    assert_eq!(most.steps(), nothing());
}

/// Marks of Creates and of people on copies that can't go would keep every other copy for ever.
#[test]
fn a_mark_that_leads_to_nothing_is_in_no_other_copys_way() {
    let room = || Room::new(14).copy(1, 80).copy(2, 80).copy(3, 80).marked(1, 100).marked(2, 100);
    let kept = room().tag(&name(1), tag::KEEP, "").edit(&name(2), |c| c.settings.deletion_protection = true);
    assert_eq!(kept.steps(), ["mark 3"]);
    assert_eq!(room().clones(&name(1), 1).clones(&name(2), 1).steps(), ["mark 3"]);
    let unreadable = room().tag(&name(1), tag::RETIRING, "x").tag(&name(2), tag::RETIRING, "y");
    assert_eq!(unreadable.steps(), ["mark 3"]);
}

#[test]
fn purged_is_what_was_marked_75_minutes_ago() {
    let room = |minutes| Room::new(14).copy(1, 73).marked(1, minutes);
    assert_eq!(room(75).steps(), ["delete-instance 1", "delete 1"]);
    let waits = room(74).plan();
    assert_eq!(
        (waits.steps, waits.next),
        (vec![], Next::Wait(61, format!("{} was marked, and is purged later", name(1))))
    );
    assert!(room(74).decision(&name(1)).contains("is purged after 2026-06-21T02:01:00Z"));
}

#[test]
fn a_purge_deletes_readers_then_the_writer_then_the_cluster_and_tells() {
    let mut room = Room::new(14).copy(1, 73).marked(1, 75);
    room.instances.push(instance(&format!("{}-2", name(1)), &name(1)));
    let plan = room.plan();
    let Action::DeleteInstance { instance, .. } = &plan.steps[0].action else { panic!() };
    assert!(instance.ends_with("-2"), "{instance}");
    assert_eq!(plan.steps.len(), 3);
    assert_eq!(plan.steps[2].tell.as_ref().unwrap().detail_type, "copy-purged");
}

#[test]
fn the_mark_may_be_anybodys_and_counts_from_when_it_says() {
    let young = Room::new(14).copy(1, 1).marked(1, 80);
    assert_eq!(young.steps(), ["delete-instance 1", "delete 1"]);
}

#[test]
fn a_mark_that_cannot_be_read_keeps_the_copy_and_is_reported() {
    for mark in ["", "true", "soon", &text(now() + hours(24)), "+262142-12-31T23:59:59"] {
        let plan = Room::new(14).copy(1, 100).tag(&name(1), tag::RETIRING, mark).plan();
        assert!(plan.steps.is_empty(), "{mark}");
        assert_eq!(plan.next, Next::Settled, "{mark}");
        assert!(plan.troubles[0].contains("mark"), "{mark}: {:?}", plan.troubles);
    }
    let clocks_differ = Room::new(14).copy(1, 100).marked(1, -9).plan();
    assert!(matches!(clocks_differ.next, Next::Wait(..)) && clocks_differ.troubles.is_empty());
}

#[test]
fn a_mark_that_somebody_removed_is_as_if_it_had_never_been() {
    assert_eq!(Room::new(28).copy(1, 1).marked(1, 80).untag(&name(1), tag::RETIRING).steps(), nothing());
}

#[test]
fn purged_is_only_what_leaves_as_many_free_slots_as_are_wanted() {
    let room = Room::new(28).copy(1, 1).marked(1, 80).creating(2, 1);
    assert_eq!(room.steps(), nothing());
    assert!(room.decision(&name(1)).contains("fewer slots are free than are wanted"));
    assert_eq!(
        room.status(&name(2), "available").instance(&name(1), "available").steps().len(),
        1,
        "an instance"
    );
    let broken = Room::new(28).copy(1, 1).marked(1, 80).creating(2, 1).status(&name(1), "failed");
    assert_eq!(broken.steps(), ["delete-instance 1", "delete 1"], "it gives none");
    let old = Room::new(28).copy(1, 80).marked(1, 80).creating(2, 1);
    assert_eq!(old.steps(), ["delete-instance 1", "delete 1"], "it gives none");
}

#[test]
fn a_run_purges_two_or_a_quarter_of_the_copies() {
    let pool = |copies: u32, due: u32| {
        let room = (1..=copies).fold(Room::new(14), |room, n| room.copy(n, 1));
        (1..=due).fold(room, |room, n| room.marked(n, 80))
    };
    assert_eq!(pool(3, 2).plan().report.purged, 2);
    assert_eq!(pool(12, 3).plan().report.purged, 3);
    for room in [pool(3, 3), pool(12, 4)] {
        let plan = room.plan();
        assert!(plan.steps.is_empty());
        assert!(plan.troubles[0].contains("so none goes"), "{:?}", plan.troubles);
    }
    let mut room = pool(3, 3);
    room.max_deletions = Some(3);
    assert_eq!(room.plan().report.purged, 3);
    room.max_deletions = Some(0);
    assert!(room.plan().steps.is_empty() && room.plan().troubles.len() == 1);
}

#[test]
fn a_run_includes_its_follow_ups() {
    let mut room = Room::new(14).copy(1, 1).copy(2, 1).copy(3, 1).marked(2, 80).marked(3, 80);
    room.seen.purged = 1;
    assert_eq!((room.plan().report.purged, room.plan().seen.purged), (1, 2));
    room.seen.purged = 2;
    let plan = room.plan();
    assert_eq!((plan.report.purged, plan.next), (0, Next::Settled));
    assert!(room.decision(&name(3)).contains("the next one goes on"));
}

#[test]
fn a_deletion_that_has_begun_is_finished() {
    let half = Room::new(14).copy(1, 1).marked(1, 80).instance(&name(1), "deleting");
    assert_eq!(half.steps(), ["delete 1"]);
    let mut again = half.clone();
    again.seen.purged = 2;
    assert_eq!(again.steps(), nothing(), "by the next run");
    let going = half.status(&name(1), "deleting").plan();
    assert!(going.steps.is_empty() && matches!(going.next, Next::Wait(60, _)));
}

/// Somebody marked five copies and deleted their instances.
#[test]
fn deletions_that_others_began_are_bounded_as_well() {
    let room =
        (1..=5).fold(Room::new(14), |room, n| room.copy(n, 1).marked(n, 80).instance(&name(n), "deleting"));
    let plan = room.plan();
    assert!(plan.steps.is_empty() && plan.troubles[0].contains("so none goes"), "{:?}", plan.troubles);
}

#[test]
fn everything_is_done_in_the_window() {
    use aurora_clone_core::pool::config::Window;
    use chrono::{NaiveTime, Weekday};
    let closed = |room: Room| {
        let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        room.configured(|config| config.window = Window::new(hour(3), hour(4), vec![Weekday::Sun])).steps()
    };
    assert_eq!(closed(Room::new(14).copy(1, 73)), nothing());
    assert_eq!(closed(Room::new(14).copy(1, 73).marked(1, 80)), nothing());
    assert_eq!(closed(Room::new(14).copy(1, 73).marked(1, 80).instance(&name(1), "deleting")), ["delete 1"]);
}

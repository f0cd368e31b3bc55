//! "What is made".

use aurora_clone_core::limits::Patterns;
use aurora_clone_core::names::tag;
use aurora_clone_core::pool::action::Action;
use aurora_clone_core::pool::config::{Budget, CopyMethod, Prices, Window};
use aurora_clone_core::pool::plan::Next;
use aurora_clone_core::snapshot::Status;
use aurora_clone_core::tags::Tags;
use chrono::{Duration, NaiveTime, Weekday};

use crate::room::{Room, cluster, lineage, name};

fn nothing() -> Vec<String> {
    Vec::new()
}

#[test]
fn what_is_missing_is_made_in_whole_copies() {
    assert_eq!(Room::new(14).steps(), nothing());
    assert_eq!(Room::new(15).steps(), ["copy 1"]);
    assert_eq!(Room::new(28).steps(), ["copy 1"]);
    assert_eq!(Room::new(29).steps(), ["copy 1", "copy 2"]);
    assert_eq!(Room::new(29).copy(1, 1).steps(), ["copy 2"]);
    assert_eq!(Room::new(29).copy(1, 1).creating(2, 1).steps(), nothing());
    assert_eq!(Room::new(28).creating(1, 13).steps(), ["copy 2"], "one that is stuck does not count");
}

/// With the defaults 45 hours: 3 days less a day less 3 hours.
#[test]
fn replacements_begin_before_copies_age_out() {
    assert_eq!(Room::new(28).copy(1, 44).steps(), nothing());
    assert_eq!(Room::new(28).copy(1, 45).steps(), ["copy 2"]);
    assert_eq!(Room::new(28).copy(1, 45).creating(2, 1).steps(), nothing());
    let given = |age| Room::new(28).copy(1, age).configured(|c| c.replace_after = Some(Duration::hours(10)));
    assert_eq!((given(9).steps(), given(10).steps()), (nothing(), vec!["copy 2".to_owned()]));
}

/// What is being made is not replaced, however long that takes: its replacement would be as old when it is ready.
#[test]
fn a_copy_that_is_being_made_is_not_replaced() {
    let room = Room::new(28).creating(1, 11).configured(|config| {
        config.max_copy_age = Duration::hours(12);
        config.replace_after = Some(Duration::hours(6));
    });
    assert_eq!(room.steps(), nothing());
}

#[test]
fn max_copies_bounds_and_what_it_keeps_from_being_made_is_reported() {
    let room = Room::new(100).copy(1, 1).configured(|config| config.max_copies = 3);
    let plan = room.plan();
    assert_eq!(room.steps(), ["copy 2", "copy 3"]);
    let why = plan.short.unwrap();
    assert_eq!(
        why,
        "prod has 28 free slots and 0 coming, 100 are wanted, and max-copies is 3 and there are 1"
    );
    assert_eq!(plan.events[0].detail_type, "pool-short");
    assert!(plan.troubles.contains(&why));
}

#[test]
fn pool_short_is_told_once() {
    let mut room = Room::new(100).configured(|config| config.max_copies = 0);
    assert_eq!(room.plan().events.len(), 1);
    room.memory.short = true;
    assert!(room.plan().events.is_empty() && room.plan().short.is_some());
}

#[test]
fn copies_in_any_state_count_for_max_copies() {
    for status in ["available", "creating", "deleting", "failed", "stopped"] {
        let room =
            Room::new(100).copy(1, 1).status(&name(1), status).configured(|config| config.max_copies = 1);
        assert!(!room.steps().iter().any(|step| step.starts_with("copy")), "{status}");
    }
    let room = Room::new(100).snapshot(1, "creating", 1).configured(|config| config.max_copies = 1);
    assert_eq!(room.steps(), nothing(), "a snapshot becomes a copy");
}

#[test]
fn a_replacement_that_finds_no_room_is_no_lack_while_the_old_copy_lasts() {
    let room = |age| Room::new(28).copy(1, age).configured(|config| config.max_copies = 1);
    assert_eq!((room(50).steps(), room(50).plan().short), (nothing(), None));
    assert_eq!(room(73).steps(), ["mark 1"], "it gives no slots any more, and goes first");
    assert!(room(73).plan().short.is_some());
}

#[test]
fn max_monthly_cost_bounds() {
    let mut room = Room::new(100).copy(1, 1);
    room.config.budget = Some(Budget { monthly: 250.0 });
    room.config.prices = Prices { volume_gib: Some(1_000.0), ..Prices::default() };
    assert_eq!(room.steps(), ["copy 2"]);
    assert!(room.plan().short.unwrap().contains("max-monthly-cost pays for no more than 2 copies"));
    assert_eq!(room.plan().report.monthly_cost, Some(100.0));
    room.config.prices = Prices::default();
    assert_eq!(room.steps(), nothing(), "what has no price can't be paid");
}

fn window(from: u32, to: u32) -> Option<Window> {
    let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    Window::new(hour(from), hour(to), vec![Weekday::Sun])
}

/// It is Sunday, two o'clock.
#[test]
fn copies_are_begun_while_the_window_is_open() {
    let room = |from, to| Room::new(28).configured(|config| config.window = window(from, to));
    assert_eq!(room(1, 3).steps(), ["copy 1"]);
    let closed = room(3, 4).plan();
    assert!(closed.steps.is_empty());
    assert_eq!(closed.next, Next::Settled, "it is left to the run that finds the window open");
    assert!(closed.short.unwrap().contains("the window opens at 2026-06-21T03:00:00Z"));
}

#[test]
fn a_closed_window_is_no_lack_while_the_old_copies_last() {
    let room = Room::new(28).copy(1, 50).configured(|config| config.window = window(3, 4));
    assert_eq!((room.steps(), room.plan().short), (nothing(), None));
}

#[test]
fn what_has_begun_goes_on_while_the_window_is_closed() {
    let room =
        Room::new(28).copy(1, 1).instance(&name(1), "").configured(|config| config.window = window(3, 4));
    assert_eq!(room.steps(), ["instance 1"]);
    let room = Room::new(28).snapshot(1, "available", 1).configured(|config| config.window = window(3, 4));
    assert_eq!(room.steps(), ["restore 1"]);
}

#[test]
fn no_name_is_used_again_while_anything_names_it() {
    let copy = || lineage(&name(1), "prod", "copy", "full-copy");
    let named = |tags: Tags| {
        let mut room = Room::new(28);
        room.clusters.push(aurora_clone_core::snapshot::Cluster { tags, clone_group: None, ..cluster("x") });
        room.steps()
    };
    assert_eq!(named(copy()), ["copy 2"], "inherited or renamed");
    assert_eq!(named(lineage("x", &name(1), "clone", "copy-on-write")), ["copy 2"], "a clone of it");
    for key in copy().keys() {
        let mut tags = copy();
        tags.remove(key);
        tags.insert("x".to_owned(), String::new());
        let expected = if key == tag::CLUSTER { "copy 1" } else { "copy 2" };
        assert_eq!(named(tags), [expected], "without {key}");
    }
    let mut taken = Room::new(28);
    taken.clusters.push(aurora_clone_core::snapshot::Cluster { clone_group: None, ..cluster(&name(1)) });
    assert_eq!(taken.steps(), ["copy 2"], "a stranger's");
    let mut snapshot = Room::new(28).snapshot(1, "available", 100);
    snapshot.snapshots[0].tags.clear();
    assert_eq!(snapshot.steps(), ["copy 2"], "a snapshot that is not known to be ours");
    assert_eq!(Room::new(28).copy(1, 1).status(&name(1), "deleting").steps(), ["copy 2"]);
}

#[test]
fn two_managers_use_different_names() {
    let mut room = Room::new(28);
    room.settings.manager = "another".to_owned();
    let Action::Copy(restore) = &room.plan().steps[0].action else { panic!() };
    assert_ne!(restore.identifier, name(1));
}

#[test]
fn another_managers_copies_are_neither_capacity_nor_in_the_way() {
    let room = Room::new(28).copy(1, 100).tag(&name(1), tag::MANAGER, "another");
    let room = room.configured(|config| config.max_copies = 1);
    assert_eq!(room.steps(), ["copy 2"]);
}

#[test]
fn a_copy_is_cheap_and_lets_nobody_in() {
    let room = Room::new(28);
    let Action::Copy(restore) = &room.plan().steps[0].action else { panic!() };
    assert_eq!((restore.source.as_str(), restore.restore_type.as_str()), ("prod", "full-copy"));
    let (new, root) = (&restore.settings, &room.clusters[0].settings);
    assert_eq!(new.security_groups, root.security_groups);
    assert_eq!(
        (&new.subnet_group, &new.parameter_group, new.port),
        (&root.subnet_group, &root.parameter_group, root.port)
    );
    assert_eq!((new.backup_retention, new.storage_type.as_deref()), (Some(1), Some("aurora")));
    assert!(!new.deletion_protection && !new.iam_authentication && new.roles.is_empty());
    assert_eq!(restore.tags[tag::DATA_TIME], "2026-06-21T02:00:00Z");
    let given = room.configured(|config| config.security_groups = Some(vec!["sg-9".to_owned()]));
    let Action::Copy(restore) = &given.plan().steps[0].action else { panic!() };
    assert_eq!(restore.settings.security_groups, ["sg-9"]);
}

#[test]
fn its_one_instance_scales_to_zero_where_it_can() {
    let class = |version: &str, given: Option<&str>| {
        let mut room = Room::new(28).copy(1, 1).instance(&name(1), "");
        room.config.instance_class = given.map(str::to_owned);
        room.clusters.iter_mut().for_each(|c| c.engine_version = version.to_owned());
        let plan = room.plan();
        let Action::AddInstance(new) = &plan.steps[0].action else { panic!() };
        assert!(!new.tags.contains_key(tag::READY) && new.tags[tag::CLUSTER] == name(1));
        new.settings.class.clone()
    };
    assert_eq!(class("16.4", None), "db.serverless");
    assert_eq!(class("16.1", None), "db.t4g.medium");
    assert_eq!(class("16.4", Some("db.r6g.large")), "db.r6g.large");
}

#[test]
fn a_copy_that_can_be_cloned_is_told_once() {
    let room = Room::new(28).copy(1, 1).untag(&name(1), tag::READY);
    assert_eq!(room.steps(), ["ready 1"]);
    assert_eq!(room.plan().steps[0].tell.as_ref().unwrap().detail_type, "copy-ready");
    assert_eq!(room.tag(&name(1), tag::READY, "x").steps(), nothing());
}

#[test]
fn by_snapshot_from_the_first_step_to_the_deleted_snapshot() {
    let room = || Room::new(28).configured(|config| config.copy_method = CopyMethod::Snapshot);
    assert_eq!(room().steps(), ["snapshot 1"]);
    let taking = room().snapshot(1, "creating", 1);
    assert_eq!((taking.steps(), taking.plan().report.coming), (nothing(), 14));
    assert!(matches!(taking.plan().next, Next::Wait(..)));
    let taken = room().snapshot(1, "available", 2).plan();
    let Action::CopyFromSnapshot(from) = &taken.steps[0].action else { panic!() };
    assert_eq!(
        (from.snapshot.as_str(), from.restore.identifier.as_str()),
        (&*format!("{}-source", name(1)), &*name(1))
    );
    assert_eq!(from.restore.tags[tag::DATA_TIME], "2026-06-21T00:00:00Z", "when the snapshot was taken");
    let copying = room().snapshot(1, "available", 2).creating(1, 1);
    assert_eq!((copying.steps(), copying.plan().report.coming), (nothing(), 14));
    let made =
        room().snapshot(1, "available", 4).copy(1, 4).instance(&name(1), "").untag(&name(1), tag::READY);
    assert_eq!(made.steps(), ["delete-snapshot 1", "instance 1"]);
    let going = room().snapshot(1, "deleting", 4).copy(1, 4);
    assert_eq!((going.steps(), going.plan().next), (nothing(), Next::Settled));
}

#[test]
fn nothing_comes_of_a_snapshot_that_failed_or_is_too_old() {
    for (status, age, steps) in [
        ("failed", 1, vec!["delete-snapshot 1", "copy 2"]),
        ("available", 13, vec!["delete-snapshot 1", "copy 2"]),
        ("creating", 13, vec!["copy 2"]),
        ("deleting", 1, vec!["copy 2"]),
    ] {
        let room = Room::new(28).snapshot(1, status, age);
        assert_eq!(room.steps(), steps, "{status}, {age}");
    }
    let stuck = Room::new(14).snapshot(1, "creating", 13);
    assert_eq!(stuck.plan().next, Next::Settled);
    assert!(stuck.plan().troubles[0].contains("snapshot"), "{:?}", stuck.plan().troubles);
}

#[test]
fn snapshots_of_another_root_are_not_its() {
    let mut room = Room::new(28).snapshot(1, "available", 1);
    room.snapshots[0].tags.insert(tag::ROOT.to_owned(), "other".to_owned());
    assert_eq!(room.steps(), ["copy 2"]);
}

#[test]
fn a_root_that_is_busy_is_copied_later_and_one_that_is_stopped_is_reported() {
    let busy = Room::new(28).status("prod", "backing-up").plan();
    assert!(busy.steps.is_empty() && busy.short.is_none());
    assert!(matches!(busy.next, Next::Wait(60, _)));
    for status in ["stopped", "levitating", "deleting"] {
        let plan = Room::new(28).status("prod", status).plan();
        assert!(plan.steps.is_empty() && plan.short.unwrap().contains(status), "{status}");
        assert_eq!(plan.next, Next::Settled, "{status}");
    }
    // It is the root that is to be looked at, and nobody lacks a slot.
    let enough = Room::new(14).copy(1, 50).status("prod", "stopped").plan();
    assert_eq!((enough.short, enough.troubles.len()), (None, 1));
}

#[test]
fn what_is_no_root_has_no_pool() {
    let error = |room: &Room| room.try_plan().unwrap_err();
    let mut room = Room::new(28);
    room.config.source = "missing".to_owned();
    assert!(error(&room).contains("there is no such Aurora cluster"));
    let mut room = Room::new(28).copy(1, 1).clones("prod", 1);
    for source in [name(1), "clone-2".to_owned()] {
        room.config.source = source;
        assert!(error(&room).contains("Name that root"), "{}", error(&room));
    }
    let mut room = Room::new(28);
    room.settings.limits.sources = Patterns::parse("other");
    assert!(error(&room).contains("ALLOWED_SOURCES"), "{}", error(&room));
}

#[test]
fn no_step_is_larger_than_the_checker_takes() {
    let mut room = Room::new(3_000).configured(|config| config.max_copies = 1_000);
    assert_eq!(room.plan().steps.len(), 100);
    room.get("prod").status = Status("backing-up".to_owned());
    assert_eq!(room.steps(), nothing());
}

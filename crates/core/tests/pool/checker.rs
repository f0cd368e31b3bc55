//! The checker: every rule of it has a plan that only this rule refuses.

use aurora_clone_core::guard::{self, OwnedCopy};
use aurora_clone_core::limits::Patterns;
use aurora_clone_core::names::tag;
use aurora_clone_core::pool::action::{Action, Step};
use aurora_clone_core::pool::check::check;
use aurora_clone_core::pool::config::{Budget, CopyMethod, Prices, Window};
use aurora_clone_core::pool::plan::Plan;
use aurora_clone_core::tags::RestoreType;
use chrono::{Duration, NaiveTime, Weekday};

use crate::room::{Room, name, now, short};

/// What the checker says about the plan of one room in another.
fn verdict(plan: &Plan, room: &Room) -> String {
    let verdict = check(plan, &room.policy(), room.view(), &room.settings, room.now);
    verdict.err().map(|violation| violation.to_string()).unwrap_or_default()
}

/// The plan of a room after somebody changed it, which is refused for this reason.
fn refused(room: &Room, change: impl Fn(&mut Plan), why: &str) {
    let mut plan = room.plan();
    assert_eq!(verdict(&plan, room), "");
    change(&mut plan);
    assert!(
        verdict(&plan, room).contains(why),
        "{why}: {:?}, {:?}",
        verdict(&plan, room),
        short(&plan.steps)
    );
}

/// The plan of a room, held against a room that has changed since.
fn outdated(room: &Room, change: impl Fn(Room) -> Room, why: &str) {
    let (plan, changed) = (room.plan(), change(room.clone()));
    assert!(verdict(&plan, &changed).contains(why), "{why}: {:?}", verdict(&plan, &changed));
}

fn copy(plan: &mut Plan) -> &mut aurora_clone_core::plan::Restore {
    match &mut plan.steps[0].action {
        Action::Copy(restore) => restore,
        Action::CopyFromSnapshot(new) => &mut new.restore,
        other => panic!("{other:?}"),
    }
}

fn owned(room: &Room, id: &str) -> OwnedCopy {
    let cluster = room.clusters.iter().find(|cluster| cluster.identifier == id).unwrap();
    guard::prove_copy(cluster, &room.settings).unwrap()
}

fn closed(room: Room) -> Room {
    let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    room.configured(|config| config.window = Window::new(hour(3), hour(4), vec![Weekday::Sun]))
}

#[test]
fn what_is_begun() {
    let room = Room::new(28).clones("prod", 0);
    refused(&room, |plan| copy(plan).source = "other".to_owned(), "other is not the root of this pool");
    outdated(
        &room,
        |room| room.edit("prod", |c| c.tags = crate::room::lineage("prod", "x", "clone", "copy-on-write")),
        "prod is no root",
    );
    refused(&room, |plan| copy(plan).identifier = "a--b".to_owned(), "is not a name");
    refused(&room, |plan| copy(plan).identifier = "prod-copy-1".to_owned(), "is not a name of ours");
    for key in [tag::MANAGER, tag::ROLE, tag::CLUSTER, tag::ROOT, tag::SOURCE] {
        refused(&room, |plan| drop(copy(plan).tags.remove(key)), "would lack a tag");
        refused(&room, |plan| drop(copy(plan).tags.insert(key.to_owned(), "x".to_owned())), key);
    }
    refused(&room, |plan| copy(plan).restore_type = RestoreType::CopyOnWrite, "would be no full copy");
    outdated(&room, |room| room.copy(1, 1), "exists already");
    refused(&room, |plan| copy(plan).settings.deletion_protection = true, "could not be purged");
    refused(&room, |plan| copy(plan).settings.security_groups.clear(), "default security group");
    outdated(
        &room,
        |room| room.configured(|config| config.max_copies = 0),
        "1 copies would be begun beside 0, and 0 may be",
    );
    outdated(&room, closed, "the window is closed");
    let poor = |room: Room| {
        room.configured(|config| {
            config.budget = Some(Budget { monthly: 99.0 });
            config.prices = Prices { volume_gib: Some(1_000.0), ..Prices::default() };
        })
    };
    outdated(&room, poor, "max-monthly-cost");
    let many = |plan: &mut Plan| plan.steps = vec![plan.steps[0].clone(); 101];
    refused(&room, many, "101 changes in one step");
}

#[test]
fn snapshots() {
    let room = Room::new(28).configured(|config| config.copy_method = CopyMethod::Snapshot);
    let taking = |change: fn(&mut aurora_clone_core::pool::action::NewSnapshot)| {
        move |plan: &mut Plan| match &mut plan.steps[0].action {
            Action::TakeSnapshot(new) => change(new),
            other => panic!("{other:?}"),
        }
    };
    refused(&room, taking(|new| new.source = "other".to_owned()), "not the root");
    refused(&room, taking(|new| new.identifier = "prod-source".to_owned()), "not a name of ours");
    refused(&room, taking(|new| drop(new.tags.remove(tag::MANAGER))), "would lack a tag");
    refused(&room, taking(|new| new.identifier.push('x')), "would lack a tag");
    outdated(&room, |room| room.configured(|config| config.max_copies = 0), "and 0 may be");
    outdated(&room, closed, "the window is closed");
    let taken = room.clone().snapshot(1, "available", 1);
    let theirs = |mut room: Room| {
        room.snapshots[0].tags.insert(tag::MANAGER.to_owned(), "another".to_owned());
        room
    };
    outdated(&taken, theirs, "is not that of");
    outdated(&taken, |room| Room { snapshots: Vec::new(), ..room }, "is not that of");
    refused(&taken, |plan| copy(plan).settings.security_groups.clear(), "default security group");
    let done = room.snapshot(1, "available", 4).copy(1, 4);
    outdated(&done, theirs, "is not ours");
    outdated(&done, |room| Room { snapshots: Vec::new(), ..room }, "is not ours");
}

#[test]
fn instances() {
    let room = Room::new(28).copy(1, 1).instance(&name(1), "");
    let adding = |change: fn(&mut aurora_clone_core::pool::action::CopyInstance)| {
        move |plan: &mut Plan| match &mut plan.steps[0].action {
            Action::AddInstance(new) => change(new),
            other => panic!("{other:?}"),
        }
    };
    refused(&room, adding(|new| new.identifier = "prod-2".to_owned()), "not a name of ours");
    refused(&room, adding(|new| new.settings.class.clear()), "has no class");
    refused(&room, adding(|new| new.engine = "mysql".to_owned()), "another engine");
    outdated(&room, |room| room.untag(&name(1), tag::MANAGER), "is not a copy of ours");
    let ready = Room::new(28).copy(1, 1).untag(&name(1), tag::READY);
    outdated(&ready, |room| room.untag(&name(1), tag::ROLE), "is not a copy of ours");
}

#[test]
fn whatever_is_touched_is_a_copy_of_ours() {
    let marking = Room::new(14).copy(1, 80);
    let purging = Room::new(14).copy(1, 80).marked(1, 80);
    for room in [marking, purging] {
        for key in [tag::MANAGER, tag::ROLE, tag::RESTORE_TYPE, tag::CLUSTER, tag::ROOT] {
            outdated(&room, |room| room.tag(&name(1), key, "x"), "is not a copy of ours");
        }
        outdated(
            &room,
            |room| room.edit(&name(1), |c| c.identifier = "prod2".to_owned()),
            "was not observed",
        );
        outdated(
            &room,
            |room| room.edit(&name(1), |c| c.resource_id = "another".to_owned()),
            "was not observed",
        );
        outdated(
            &room,
            |mut room| {
                room.settings.name_prefix = "x-".to_owned();
                room
            },
            "is not a copy of ours",
        );
        outdated(&room, |room| room.tag(&name(1), tag::STACK_ID, "x"), "is not a copy of ours");
        outdated(&room, |room| room.tag(&name(1), tag::KEEP, ""), "is to stay");
        outdated(&room, |room| room.edit(&name(1), |c| c.settings.deletion_protection = true), "is to stay");
        outdated(&room, |room| room.configured(|config| config.protect = Patterns::parse("*")), "is to stay");
        outdated(&room, |room| Room { protect: Patterns::parse("*"), ..room }, "is to stay");
    }
}

#[test]
fn marks() {
    let room = Room::new(14).copy(1, 80);
    let future = |plan: &mut Plan| match &mut plan.steps[0].action {
        Action::Mark { since, .. } => *since = now() + Duration::seconds(1),
        other => panic!("{other:?}"),
    };
    refused(&room, future, "in the future");
    outdated(&room, closed, "the window is closed");
}

#[test]
fn purges() {
    let room = Room::new(14).copy(1, 80).copy(2, 1).marked(1, 80);
    outdated(&room, |room| room.untag(&name(1), tag::RETIRING), "was not marked long enough ago");
    outdated(&room, |room| room.marked(1, 74), "was not marked long enough ago");
    outdated(&room, |room| room.clones(&name(1), 1), "has clones");
    let with = |room: Room| room.configured(|config| config.purge_with_clones = true);
    outdated(
        &with(room.clone()),
        |room| room.clones(&name(1), 1).status("clone-3", "creating"),
        "is being cloned",
    );
    outdated(&with(room.clone()), |room| room.clones(&name(1), 1), "");
    refused(&room, |plan| drop(plan.steps.remove(0)), "is deleted before its instances");
    refused(&room, |plan| plan.steps.reverse(), "is deleted before its instances");
    let others = |plan: &mut Plan| match &mut plan.steps[0].action {
        Action::DeleteInstance { instance, .. } => *instance = format!("{}-1", name(2)),
        other => panic!("{other:?}"),
    };
    refused(&room, others, "is not an instance of");
    let another = owned(&room, &name(2));
    let unmarked =
        |plan: &mut Plan| plan.steps.push(Step::new(Action::DeleteCopy { copy: another.clone() }, ""));
    refused(&room, unmarked, "was not marked long enough ago");
}

#[test]
fn one_deletion_more_than_may_be() {
    let room = |n: u32| {
        (1..=n).fold(Room::new(14), |room, n| room.copy(n, 1).marked(n, 80).instance(&name(n), "deleting"))
    };
    let all = |room: &Room, n: u32| {
        let all = (1..=n).map(|n| Step::new(Action::DeleteCopy { copy: owned(room, &name(n)) }, ""));
        let plan = Plan { steps: all.collect(), ..room.plan() };
        verdict(&plan, room)
    };
    assert_eq!(all(&room(3), 2), "");
    assert!(all(&room(3), 3).contains("3 copies would be purged at once, and 2 may be"));
    assert_eq!(all(&room(12), 3), "");
    assert!(all(&room(12), 4).contains("and 3 may be"));
    assert!(all(&Room { max_deletions: Some(0), ..room(3) }, 1).contains("and 0 may be"));
}

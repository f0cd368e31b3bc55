//! "What is taken away": what is never touched, and what stays for now.

use aurora_clone_core::limits::Patterns;
use aurora_clone_core::names::tag;

use crate::room::{Room, lineage, name};

/// Nothing is done, for a reason that the report names.
fn stays(room: &Room, why: &str) {
    assert_eq!(room.steps(), [""; 0], "{why}");
    assert!(room.decision(&name(1)).contains(why), "{why}: {}", room.decision(&name(1)));
}

/// One that is to be marked and one that is to be purged.
fn both() -> [Room; 2] {
    [Room::new(14).copy(1, 80), Room::new(14).copy(1, 80).marked(1, 80)]
}

#[test]
fn kept_whatever_the_value() {
    for room in both() {
        for value in ["", "false", "true"] {
            stays(&room.clone().tag(&name(1), tag::KEEP, value), "aurora-clone:keep");
        }
    }
}

#[test]
fn named_by_a_protect_list() {
    for mut room in both() {
        room.protect = Patterns::parse("other, clone-prod-copy-*");
        stays(&room, "protect list");
    }
    for room in both() {
        stays(&room.configured(|config| config.protect = Patterns::parse("*")), "protect list");
    }
}

#[test]
fn with_deletion_protection() {
    for room in both() {
        stays(&room.edit(&name(1), |c| c.settings.deletion_protection = true), "deletion protection");
    }
}

/// A list that is to keep a family from being deleted is no reason to leave a copy without the instance that makes it useful.
#[test]
fn what_is_protected_is_tended() {
    let room = Room::new(28).copy(1, 1).instance(&name(1), "").tag(&name(1), tag::KEEP, "");
    assert_eq!(room.configured(|config| config.protect = Patterns::parse("*")).steps(), ["instance 1"]);
}

#[test]
fn in_a_status_in_which_aws_deletes_nothing() {
    for status in ["stopped", "stopping", "starting", "levitating", "creating", "modifying", "backing-up"] {
        for room in both() {
            let steps = room.status(&name(1), status).steps();
            assert!(!steps.iter().any(|step| step.starts_with("delete")), "{status}: {steps:?}");
        }
    }
}

#[test]
fn where_purge_obsolete_copies_is_false_nothing_is_marked() {
    let [unmarked, marked] = both();
    stays(&unmarked.configured(|config| config.purge = false), "purge-obsolete-copies is false");
    // A mark is a person's word, or a Create's.
    assert_eq!(marked.configured(|config| config.purge = false).steps(), ["delete-instance 1", "delete 1"]);
}

#[test]
fn with_clones() {
    for room in both() {
        stays(&room.clone().clones(&name(1), 1), "1 clone(s)");
        let with = room.clones(&name(1), 1).configured(|config| config.purge_with_clones = true);
        assert_eq!(with.steps().len(), room_steps(&with), "they keep its bytes");
        stays(&with.status("clone-2", "creating"), "being made");
    }
}

fn room_steps(room: &Room) -> usize {
    if room.clusters[1].tag(tag::RETIRING).is_some() { 2 } else { 1 }
}

#[test]
fn with_strangers_clones_and_clones_of_clones() {
    for room in both() {
        let tags = room.clusters[1].tags.clone();
        let stranger = room.clone().clones("prod", 1).edit("clone-2", |c| c.tags = tags);
        stays(&stranger, "1 clone(s)");
        stays(&room.clone().clones(&name(1), 1).clones("clone-2", 1), "2 clone(s)");
        // Somebody took a tag off it, so that it counts for the root.
        let room = room.configured(|config| config.target = 0).clones(&name(1), 1);
        stays(&room.untag("clone-2", tag::MANAGER), "1 clone(s)");
    }
}

/// Whatever a cluster is by its other tags, it may be a clone of the copy.
#[test]
fn while_anything_that_names_it_is_being_made() {
    let counted =
        |room: Room| room.configured(|config| (config.target, config.purge_with_clones) = (0, true));
    for room in both() {
        let mut room = counted(room);
        let mut odd = crate::room::cluster("odd");
        odd.tags = lineage("odd", &name(1), "clone", "full-copy");
        odd.status.0 = "creating".to_owned();
        room.clusters.push(odd);
        stays(&room, "being made");
        room.get("odd").tags = lineage(&name(1), "prod", "copy", "copy-on-write");
        stays(&room, "being made");
        room.get("odd").tags.remove(tag::ROLE);
        stays(&room, "being made");
    }
}

#[test]
fn what_is_not_this_managers_by_its_own_tags() {
    for room in both().map(|room| room.configured(|config| config.target = 0)) {
        for (key, value) in [
            (tag::MANAGER, "another"),
            (tag::ROLE, "clone"),
            (tag::CLUSTER, "another"),
            (tag::ROOT, "another"),
            (tag::RESTORE_TYPE, "copy-on-write"),
        ] {
            assert_eq!(room.clone().tag(&name(1), key, value).steps(), [""; 0], "{key}");
            assert_eq!(room.clone().untag(&name(1), key).steps(), [""; 0], "{key}");
        }
        // Somebody made a copy of a database by its tags.
        assert_eq!(room.clone().tag(&name(1), tag::STACK_ID, crate::room::STACK).steps(), [""; 0]);
        let renamed = room.edit(&name(1), |c| c.identifier = "clone-x".to_owned());
        assert_eq!(renamed.steps(), [""; 0]);
    }
}

#[test]
fn roots_whatever_they_carry() {
    let room = Room::new(0).tag("prod", tag::RETIRING, "2020-01-01").status("prod", "failed");
    assert_eq!(room.steps(), [""; 0]);
    let tagged = lineage("prod", "prod", "copy", "full-copy");
    let room = Room::new(0).edit("prod", |c| c.tags = tagged);
    assert!(room.try_plan().is_err());
}

//! The checker: every kind of bad plan, made by hand.

use aurora_clone_core::check::check;
use aurora_clone_core::guard::{self, Owned};
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::{Action, NewInstance, Plan, Restore, Seen};
use aurora_clone_core::request::Owner;
use aurora_clone_core::settings::Settings;
use aurora_clone_core::snapshot::{Cluster, Instance, Status};
use aurora_clone_core::tags::RestoreType;

use crate::room::{carrying, choose, clone_of, cluster, copy_of, instance, settings, wanted, with};

fn plan(actions: Vec<Action>) -> Plan {
    Plan::act(actions, 1, "a test", Seen::default())
}

/// A restore as the planner makes it.
fn restore() -> Restore {
    let plan = choose(&wanted("prod"), &[cluster("prod")], &settings(15, 1));
    match plan.actions.into_iter().next() {
        Some(Action::Restore(restore)) => *restore,
        other => panic!("{other:?}"),
    }
}

fn verdict(actions: Vec<Action>, clusters: &[Cluster], instances: &[Instance]) -> Result<(), String> {
    check(&plan(actions), clusters, instances, &settings(15, 1)).map_err(|violation| violation.to_string())
}

#[track_caller]
fn bad_restore(change: impl FnOnce(&mut Restore), clusters: &[Cluster], words: &str) {
    let mut restore = restore();
    change(&mut restore);
    let verdict = verdict(vec![Action::Restore(Box::new(restore))], clusters, &[]);
    let violation = verdict.expect_err(words);
    assert!(violation.contains(words), "{violation:?} has no {words:?}");
}

#[test]
fn the_planners_own_restore_passes() {
    let fine = vec![Action::Restore(Box::new(restore()))];
    assert_eq!(verdict(fine, &[cluster("prod")], &[]), Ok(()));
}

#[test]
fn a_restore_onto_what_is_not_ours_to_name() {
    let prod = [cluster("prod")];
    bad_restore(|r| r.identifier = "prod-2".into(), &prod, "not a name of ours");
    bad_restore(|r| r.identifier = "clone--x".into(), &prod, "not a name of ours");
    bad_restore(|_| {}, &[cluster("prod"), cluster("clone-new")], "exists already");
}

#[test]
fn a_restore_with_tags_that_do_not_tell_the_truth() {
    let prod = [cluster("prod")];
    let set = |key: &'static str, value: &'static str| {
        move |r: &mut Restore| drop(r.tags.insert(key.to_owned(), value.to_owned()))
    };
    bad_restore(set(tag::CLUSTER, "clone-other"), &prod, "do not name it");
    bad_restore(set(tag::MANAGER, "another"), &prod, "its manager");
    bad_restore(set(tag::SOURCE, "other"), &prod, "another source");
    bad_restore(set(tag::RESTORE_TYPE, "full-copy"), &prod, "another restore type");
    for key in [tag::ROLE, tag::ROOT, tag::DATA_TIME, tag::STACK_ID, tag::LOGICAL_ID, tag::GENERATION] {
        bad_restore(set(key, ""), &prod, "lacks the tag");
        bad_restore(|r| drop(r.tags.remove(key)), &prod, "lacks the tag");
    }
    let many = |r: &mut Restore| r.tags.extend((0..50).map(|n| (n.to_string(), String::new())));
    bad_restore(many, &prod, "more tags");
}

#[test]
fn a_restore_into_the_default_network() {
    let prod = [cluster("prod")];
    bad_restore(|r| r.settings.security_groups.clear(), &prod, "default security group");
    bad_restore(|r| r.settings.subnet_group = None, &prod, "default subnet group");
}

#[test]
fn a_restore_from_a_source_that_does_not_do() {
    bad_restore(|_| {}, &[], "does not exist");
    let neptune = Cluster { engine: "neptune".into(), ..cluster("prod") };
    bad_restore(|_| {}, &[neptune], "not Aurora");
    bad_restore(|_| {}, &[with(cluster("prod"), &[(tag::RETIRING, "x")])], "purged");
    bad_restore(|_| {}, &[Cluster { members: Vec::new(), ..cluster("prod") }], "can't be cloned");
    for status in ["creating", "stopped", "deleting", "levitating"] {
        let busy = Cluster { status: Status(status.into()), ..cluster("prod") };
        bad_restore(|_| {}, &[busy], "can't be cloned");
    }
}

#[test]
fn a_restore_from_a_full_source() {
    let fill = |source: &str| {
        let mut all = vec![cluster("prod"), copy_of("clone-pool-1", "prod")];
        all.extend((0..15).map(|n| clone_of(&format!("clone-{n}"), source, "prod")));
        all
    };
    bad_restore(|_| {}, &fill("prod"), "15 clones already");
    let mut strangers = vec![cluster("prod")];
    strangers.extend((0..15).map(|n| cluster(&format!("by-hand-{n}"))));
    bad_restore(|_| {}, &strangers, "15 clones already");
    let from_copy = |r: &mut Restore| {
        r.source = "clone-pool-1".into();
        r.tags.insert(tag::SOURCE.to_owned(), "clone-pool-1".to_owned());
    };
    bad_restore(from_copy, &fill("clone-pool-1"), "15 clones already");
    // Clones of the copy that people made, and of our clone of it.
    let copy = copy_of("clone-pool-1", "prod");
    let ours = clone_of("clone-a", "clone-pool-1", "prod");
    let mut mixed = vec![cluster("prod")];
    mixed.extend((0..8).map(|n| carrying(&format!("of-copy-{n}"), &copy)));
    mixed.extend((0..6).map(|n| carrying(&format!("of-clone-{n}"), &ours)));
    mixed.extend([copy, ours]);
    bad_restore(from_copy, &mixed, "15 clones already");
    // A full copy takes no slot.
    let full = |r: &mut Restore| {
        r.restore_type = RestoreType::FullCopy;
        r.tags.insert(tag::RESTORE_TYPE.to_owned(), "full-copy".to_owned());
    };
    let mut restore = restore();
    full(&mut restore);
    assert_eq!(verdict(vec![Action::Restore(Box::new(restore))], &fill("prod"), &[]), Ok(()));
}

/// The proof for a cluster as its owner would get it, whatever became of the cluster since.
fn proof(cluster: &Cluster) -> Owned {
    let get = |key: &str| cluster.tag(key).unwrap_or_default().to_owned();
    let owner =
        Owner { manager: get(tag::MANAGER), stack_id: get(tag::STACK_ID), logical_id: get(tag::LOGICAL_ID) };
    guard::prove(cluster, &owner, "").unwrap()
}

fn deletion(cluster: &Cluster) -> Vec<Action> {
    vec![Action::DeleteCluster { cluster: proof(cluster), final_snapshot: None }]
}

#[track_caller]
fn bad(actions: Vec<Action>, clusters: &[Cluster], instances: &[Instance], words: &str) {
    let violation = verdict(actions, clusters, instances).expect_err(words);
    assert!(violation.contains(words), "{violation:?} has no {words:?}");
}

#[test]
fn a_deletion_of_what_is_not_our_clone() {
    let clone = || clone_of("clone-a", "prod", "prod");
    assert_eq!(verdict(deletion(&clone()), &[clone()], &[]), Ok(()));
    // The proof is of a moment ago; what is observed now is something else.
    bad(deletion(&clone()), &[cluster("prod")], &[], "not observed");
    bad(deletion(&clone()), &[Cluster { resource_id: "cluster-NEW".into(), ..clone() }], &[], "not observed");
    bad(deletion(&clone()), &[cluster("clone-a")], &[], "not ours");
    bad(deletion(&clone()), &[with(clone(), &[(tag::MANAGER, "another")])], &[], "not ours");
    bad(deletion(&clone()), &[with(clone(), &[(tag::CLUSTER, "clone-b")])], &[], "not ours");
    let theirs = with(clone(), &[(tag::MANAGER, "another")]);
    bad(deletion(&theirs), std::slice::from_ref(&theirs), &[], "not ours");
    let elsewhere = clone_of("prod-2", "prod", "prod");
    bad(deletion(&elsewhere), std::slice::from_ref(&elsewhere), &[], "not ours");
    bad(deletion(&clone()), &[with(clone(), &[(tag::ROLE, "copy")])], &[], "not a clone");
    bad(deletion(&clone()), &[with(clone(), &[(tag::ROOT, "clone-a")])], &[], "is a root");
    let mut protected = clone();
    protected.settings.deletion_protection = true;
    bad(deletion(&clone()), &[protected], &[], "deletion protection");
}

#[test]
fn a_deletion_in_the_wrong_order_or_of_a_foreign_instance() {
    let clone = clone_of("clone-a", "prod", "prod");
    let clusters = [clone.clone(), cluster("prod")];
    let instances =
        [instance("clone-a-1", "clone-a"), instance("clone-a-2", "clone-a"), instance("prod-1", "prod")];
    let one = |id: &str| Action::DeleteInstance { cluster: proof(&clone), instance: id.to_owned() };
    let whole = || Action::DeleteCluster { cluster: proof(&clone), final_snapshot: None };
    assert_eq!(verdict(vec![one("clone-a-2"), one("clone-a-1"), whole()], &clusters, &instances), Ok(()));
    bad(vec![whole()], &clusters, &instances, "before its instances");
    bad(vec![one("clone-a-1"), whole()], &clusters, &instances, "before its instances");
    bad(vec![one("clone-a-1"), whole(), one("clone-a-2")], &clusters, &instances, "before its instances");
    bad(vec![one("prod-1")], &clusters, &instances, "not an instance of");
    bad(vec![one("nobody")], &clusters, &instances, "not an instance of");
    let going = Instance { status: Status("deleting".into()), ..instance("clone-a-1", "clone-a") };
    assert_eq!(verdict(vec![whole()], &clusters, &[going]), Ok(()));
}

#[test]
fn an_instance_where_it_does_not_belong() {
    let clone = clone_of("clone-a", "prod", "prod");
    let new = |id: &str, engine: &str| {
        vec![Action::CreateInstance(NewInstance {
            cluster: proof(&clone),
            identifier: id.to_owned(),
            settings: instance(id, "clone-a").settings,
            engine: engine.to_owned(),
            tags: clone.tags.clone(),
        })]
    };
    let clusters = [clone.clone()];
    assert_eq!(verdict(new("clone-a-1", "aurora-postgresql"), &clusters, &[]), Ok(()));
    bad(new("prod-3", "aurora-postgresql"), &clusters, &[], "not a name of ours");
    bad(new("clone--1", "aurora-postgresql"), &clusters, &[], "not a name");
    bad(new("clone-a-1", "aurora-mysql"), &clusters, &[], "another engine");
    bad(new("clone-a-1", "aurora-postgresql"), &[cluster("clone-a")], &[], "not ours");
    bad(new("clone-a-1", "aurora-postgresql"), &[], &[], "not observed");
}

#[test]
fn too_much_at_once() {
    let clone = clone_of("clone-a", "prod", "prod");
    let instances: Vec<_> = (0..51).map(|n| instance(&format!("clone-a-{n}"), "clone-a")).collect();
    let all = |count: usize| {
        let of =
            |i: &Instance| Action::DeleteInstance { cluster: proof(&clone), instance: i.identifier.clone() };
        instances.iter().take(count).map(of).collect::<Vec<_>>()
    };
    let settings: Settings = settings(15, 1);
    assert!(check(&plan(all(50)), std::slice::from_ref(&clone), &instances, &settings).is_ok());
    assert!(check(&plan(all(51)), std::slice::from_ref(&clone), &instances, &settings).is_err());
}

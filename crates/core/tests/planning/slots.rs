//! Which cluster takes whose slot, and which source is taken.

use std::collections::BTreeMap;

use aurora_clone_core::family::Family;
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::{Action, Next, Plan};
use aurora_clone_core::slots::{self, Freshness, Reason};
use aurora_clone_core::snapshot::{Cluster, Status};
use chrono::Duration;

use crate::room::{self, carrying, clone_of, cluster, copy_of, now, settings, wanted, with};

/// How many slots of each source of the family of `root` are taken.
fn used(root: &str, clusters: &[Cluster]) -> BTreeMap<String, u32> {
    let root = clusters.iter().find(|c| c.identifier == root).unwrap();
    let family = Family::of(root, clusters);
    slots::used(&family).into_iter().map(|(source, used)| (source.to_owned(), used)).collect()
}

fn counts(pairs: &[(&str, u32)]) -> BTreeMap<String, u32> {
    pairs.iter().map(|(source, used)| ((*source).to_owned(), *used)).collect()
}

fn in_group(mut cluster: Cluster, group: Option<&str>) -> Cluster {
    cluster.clone_group = group.map(str::to_owned);
    cluster
}

#[track_caller]
fn check(clusters: &[Cluster], expected: &[(&str, u32)]) {
    assert_eq!(used("prod", clusters), counts(expected));
}

#[test]
fn strangers_without_tags_count_against_the_root() {
    check(&[cluster("prod"), cluster("by-hand-1"), cluster("by-hand-2")], &[("prod", 2)]);
    check(&[cluster("prod"), in_group(cluster("other"), Some("h"))], &[("prod", 0)]);
    check(&[in_group(cluster("prod"), None), in_group(cluster("other"), None)], &[("prod", 0)]);
    // Also while there is a copy that they might hang off.
    let copy = copy_of("clone-pool-1", "prod");
    check(&[cluster("prod"), copy, cluster("by-hand")], &[("prod", 1), ("clone-pool-1", 0)]);
}

#[test]
fn a_copy_with_a_clone_group_of_its_own_has_its_own_strangers() {
    let copy = in_group(copy_of("clone-pool-1", "prod"), Some("h"));
    let stranger = in_group(cluster("by-hand"), Some("h"));
    check(&[cluster("prod"), copy, stranger], &[("prod", 0), ("clone-pool-1", 1)]);
}

#[test]
fn our_clones_count_where_their_tags_say() {
    let (a, b) = (clone_of("clone-a", "prod", "prod"), clone_of("clone-b", "clone-pool-1", "prod"));
    let copy = copy_of("clone-pool-1", "prod");
    check(&[cluster("prod"), copy, a, b], &[("prod", 1), ("clone-pool-1", 1)]);
}

#[test]
fn clones_of_clones_count_at_the_source_they_hang_off() {
    let (a, b) = (clone_of("clone-a", "prod", "prod"), clone_of("clone-b", "clone-pool-1", "prod"));
    let copy = copy_of("clone-pool-1", "prod");
    let of_a = carrying("of-a", &a);
    let of_b = carrying("of-b", &b);
    // A clone of `of-b` inherits the same tags once more.
    let of_of_b = carrying("of-of-b", &of_b);
    let of_copy = carrying("of-copy", &copy);
    let all = [cluster("prod"), copy.clone(), a, b, of_a.clone(), of_b.clone(), of_of_b, of_copy.clone()];
    check(&all, &[("prod", 2), ("clone-pool-1", 4)]);
    // The ones in between may be gone.
    check(&[cluster("prod"), copy.clone(), of_a, of_b], &[("prod", 1), ("clone-pool-1", 1)]);
    // Of a stranger's clone of the root, which has no tags to inherit.
    check(&[cluster("prod"), cluster("by-hand"), cluster("of-by-hand")], &[("prod", 2)]);
    // Of a copy that is purged: no slot of the living.
    check(&[cluster("prod"), of_copy], &[("prod", 0)]);
}

#[test]
fn inherited_tags_outlive_the_name_that_they_give() {
    // Somebody cloned `clone-a` when it hung off the root; then it was deleted, and a new `clone-a` hangs off the copy.
    let before = clone_of("clone-a", "prod", "prod");
    let by_hand = carrying("by-hand", &before);
    let after = clone_of("clone-a", "clone-pool-1", "prod");
    let all = [cluster("prod"), copy_of("clone-pool-1", "prod"), after, by_hand];
    check(&all, &[("prod", 1), ("clone-pool-1", 1)]);
}

#[test]
fn copies_and_full_copies_take_no_slot() {
    let full = with(clone_of("clone-full", "prod", "prod"), &[(tag::RESTORE_TYPE, "full-copy")]);
    let of_full = carrying("of-full", &full);
    let copy = copy_of("clone-pool-1", "prod");
    check(&[cluster("prod"), copy, full, of_full.clone()], &[("prod", 0), ("clone-pool-1", 0)]);
    check(&[cluster("prod"), of_full], &[("prod", 0)]);
    // What calls itself a copy and shares its source's pages is a clone.
    let false_copy = with(copy_of("clone-pool-2", "prod"), &[(tag::RESTORE_TYPE, "copy-on-write")]);
    check(&[cluster("prod"), false_copy], &[("prod", 1)]);
}

#[test]
fn a_renamed_root_keeps_its_clones() {
    let all = [cluster("prod-2"), clone_of("clone-a", "prod", "prod"), cluster("by-hand")];
    assert_eq!(used("prod-2", &all), counts(&[("prod-2", 2)]));
    // And so it does where another cluster has got the old name.
    let all =
        [cluster("prod-2"), clone_of("clone-a", "prod", "prod"), in_group(cluster("prod"), Some("other"))];
    assert_eq!(used("prod-2", &all), counts(&[("prod-2", 1)]));
}

#[test]
fn what_hangs_off_a_purged_copy_takes_no_slot_of_the_living() {
    let a = clone_of("clone-a", "clone-pool-0", "prod");
    let of_a = carrying("by-hand", &a);
    check(&[cluster("prod"), copy_of("clone-pool-1", "prod"), a, of_a], &[("prod", 0), ("clone-pool-1", 0)]);
}

#[test]
fn other_managers_clones_and_copies_count_as_well() {
    let theirs = [(tag::MANAGER, "another")];
    let copy = with(copy_of("clone-pool-x", "prod"), &theirs);
    let (a, b) = (clone_of("their-a", "prod", "prod"), clone_of("their-b", "clone-pool-x", "prod"));
    let all = [cluster("prod"), copy, with(a, &theirs), with(b, &theirs)];
    check(&all, &[("prod", 1), ("clone-pool-x", 1)]);
}

#[test]
fn every_status_counts() {
    for status in ["available", "creating", "deleting", "stopped", "failed", "levitating", ""] {
        let ours = Cluster { status: Status(status.to_owned()), ..clone_of("clone-a", "prod", "prod") };
        let stranger = Cluster { status: Status(status.to_owned()), ..cluster("by-hand") };
        check(&[cluster("prod"), ours, stranger], &[("prod", 2)]);
    }
}

#[test]
fn loops_and_broken_tags_end_at_the_root() {
    let a = clone_of("clone-a", "clone-b", "prod");
    let b = clone_of("clone-b", "clone-a", "prod");
    let own = clone_of("clone-c", "clone-c", "prod");
    check(&[cluster("prod"), a, b, own], &[("prod", 3)]);
    for key in [tag::MANAGER, tag::ROLE, tag::CLUSTER, tag::ROOT, tag::SOURCE, tag::RESTORE_TYPE] {
        let mut broken = clone_of("clone-a", "clone-pool-1", "prod");
        broken.tags.insert(key.to_owned(), String::new());
        let copy = copy_of("clone-pool-1", "prod");
        check(&[cluster("prod"), copy, broken], &[("prod", 1), ("clone-pool-1", 0)]);
    }
    let garbage =
        with(clone_of("clone-a", "prod", "prod"), &[(tag::ROLE, "chief"), (tag::RESTORE_TYPE, "?")]);
    check(&[cluster("prod"), garbage], &[("prod", 1)]);
}

/// Why the copy in the family of `prod` is or is not taken.
fn verdict(copy: Cluster, others: &[Cluster], fresh: &Freshness, limit: u32, margin: u32) -> Reason {
    let mut all = vec![cluster("prod"), copy];
    all.extend_from_slice(others);
    let verdicts = slots::judge(&Family::of(&all[0], &all), fresh, &settings(limit, margin), now());
    assert!(verdicts[0].is_root, "the root comes first");
    verdicts[1].reason.clone()
}

#[test]
fn a_copy_is_judged_by_its_own_tags() {
    let judge = |copy: Cluster| verdict(copy, &[], &Freshness::default(), 15, 1);
    let copy = || copy_of("clone-pool-1", "prod");
    assert_eq!(judge(copy()), Reason::Usable);
    assert_eq!(judge(with(copy(), &[(tag::MANAGER, "another")])), Reason::NotOurs);
    assert_eq!(judge(with(copy(), &[(tag::RETIRING, "2026-06-20T23:00:00Z")])), Reason::Retiring);
    // The age of data is known, or the copy is not used; and nothing is from tomorrow.
    for time in ["", "yesterday", "2026-06-22T00:00:00Z"] {
        assert_eq!(judge(with(copy(), &[(tag::DATA_TIME, time)])), Reason::AgeUnknown, "{time:?}");
    }
    assert_eq!(judge(with(copy(), &[(tag::DATA_TIME, "2026-06-21T00:05:00Z")])), Reason::Usable);
    assert_eq!(judge(Cluster { members: Vec::new(), ..copy() }), Reason::NoInstance);
    for (status, reason) in [
        ("backing-up", Reason::Busy("backing-up".to_owned())),
        ("levitating", Reason::Busy("levitating".to_owned())),
        ("stopped", Reason::NotAvailable("stopped".to_owned())),
        ("deleting", Reason::NotAvailable("deleting".to_owned())),
        (
            "inaccessible-encryption-credentials",
            Reason::NotAvailable("inaccessible-encryption-credentials".into()),
        ),
    ] {
        assert_eq!(judge(Cluster { status: Status(status.to_owned()), ..copy() }), reason);
    }
}

#[test]
fn freshness_is_asked_of_copies_to_the_second() {
    let copy = || copy_of("clone-pool-1", "prod");
    let since = |ago: Duration| Freshness { created_since: Some(now() - ago), max_age: None };
    let age = |age: Duration| Freshness { created_since: None, max_age: Some(age) };
    let (day, second) = (Duration::days(1), Duration::seconds(1));
    assert_eq!(verdict(copy(), &[], &since(day), 15, 0), Reason::Usable);
    assert!(matches!(verdict(copy(), &[], &since(day - second), 15, 0), Reason::TooOld(_)));
    assert_eq!(verdict(copy(), &[], &age(day), 15, 0), Reason::Usable);
    assert!(matches!(verdict(copy(), &[], &age(day - second), 15, 0), Reason::TooOld(_)));
}

#[test]
fn limit_and_margin_are_kept() {
    let clones: Vec<_> = (0..3).map(|n| clone_of(&format!("clone-{n}"), "clone-pool-1", "prod")).collect();
    let copy = || copy_of("clone-pool-1", "prod");
    let judge = |limit, margin| verdict(copy(), &clones, &Freshness::default(), limit, margin);
    assert_eq!(judge(4, 0), Reason::Usable);
    assert_eq!(judge(4, 1), Reason::NoFreeSlot);
    assert_eq!(judge(5, 1), Reason::Usable);
    assert_eq!(judge(3, 0), Reason::NoFreeSlot);
    assert_eq!(judge(2, 1), Reason::NoFreeSlot);
}

fn choose(source: &str, clusters: &[Cluster]) -> Plan {
    room::choose(&wanted(source), clusters, &settings(15, 0))
}

#[track_caller]
fn refused(source: &str, clusters: &[Cluster], words: &[&str]) {
    let plan = choose(source, clusters);
    let Next::Decide(decision) = &plan.next else { panic!("{plan:?}") };
    assert!(plan.actions.is_empty() && !decision.success);
    for word in words {
        assert!(decision.reason.contains(word), "{:?} has no {word:?}", decision.reason);
    }
}

fn restored_from(plan: &Plan) -> &str {
    match plan.actions.as_slice() {
        [Action::Restore(restore)] => &restore.source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_root_comes_first_then_the_freshest_copy() {
    let fresh = with(copy_of("clone-pool-2", "prod"), &[(tag::DATA_TIME, "2026-06-20T12:00:00Z")]);
    let copies = [copy_of("clone-pool-1", "prod"), fresh, copy_of("clone-pool-3", "prod")];
    let mut all = vec![cluster("prod")];
    all.extend(copies);
    assert_eq!(restored_from(&choose("prod", &all)), "prod");
    // Naming a copy is naming its root.
    assert_eq!(restored_from(&choose("clone-pool-1", &all)), "prod");
    all[0].members.clear();
    assert_eq!(restored_from(&choose("prod", &all)), "clone-pool-2");
    all[2].tags.insert(tag::RETIRING.to_owned(), "yes".to_owned());
    assert_eq!(restored_from(&choose("prod", &all)), "clone-pool-1");
}

#[test]
fn what_is_no_root_is_not_cloned() {
    let copy = || copy_of("clone-pool-1", "prod");
    refused("gone", &[cluster("prod")], &["\"gone\"", "no such Aurora cluster"]);
    refused("clone-a", &[cluster("prod"), clone_of("clone-a", "prod", "prod")], &["\"clone-a\"", "\"prod\""]);
    refused("clone-pool-1", &[copy()], &["root \"prod\" is gone"]);
    // Somebody's clone of a copy: the copy's fourteen others are not seen from there.
    let mut all = vec![cluster("prod"), copy(), carrying("by-hand", &copy())];
    all.extend((0..14).map(|n| clone_of(&format!("clone-{n}"), "clone-pool-1", "prod")));
    refused("by-hand", &all, &["by-hand", "\"clone-pool-1\"", "\"prod\"", "aurora-clone:"]);
    // A copy whose root is itself a clone or a copy.
    let chain = with(copy_of("clone-pool-2", "clone-pool-1"), &[]);
    refused("clone-pool-2", &[cluster("prod"), copy(), chain], &["clone-pool-1", "\"prod\""]);
    // A root that somebody marked is not cloned either, and is not copied instead.
    let marked = with(cluster("prod"), &[(tag::RETIRING, "yes")]);
    refused("prod", &[marked], &["prod", "going to be purged"]);
}

#[test]
fn a_clone_that_is_there_already_is_followed_and_not_made_again() {
    let plan = choose("prod", &[cluster("prod"), clone_of("clone-new", "prod", "prod")]);
    assert!(plan.actions.is_empty() && matches!(plan.next, Next::Wait { .. }), "{plan:?}");
}

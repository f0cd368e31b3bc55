//! The guard: every reason for which a cluster is not ours.

use aurora_clone_core::guard::{NotOurs, prove, prove_copy};
use aurora_clone_core::names::tag;

use crate::room::{STACK, carrying, clone_of, cluster, copy_of, owner, settings, with};

#[test]
fn ours_is_proved_by_everything_together() {
    let clone = clone_of("clone-a", "prod", "prod");
    let owned = prove(&clone, &owner(), "clone-").unwrap();
    assert_eq!(owned.identifier(), "clone-a");
    assert_eq!(owned.resource_id(), clone.resource_id);
    assert_eq!(owned.generation(), "g1");
    assert!(prove(&clone, &owner(), "").is_ok());
}

#[test]
fn a_missing_or_empty_tag_proves_nothing() {
    assert_eq!(prove(&cluster("clone-a"), &owner(), "clone-"), Err(NotOurs::Untagged("clone-a".into())));
    for key in [tag::MANAGER, tag::CLUSTER, tag::STACK_ID, tag::LOGICAL_ID, tag::GENERATION] {
        let mut missing = clone_of("clone-a", "prod", "prod");
        missing.tags.remove(key);
        assert_eq!(prove(&missing, &owner(), "clone-"), Err(NotOurs::Untagged("clone-a".into())), "{key}");
        let empty = with(clone_of("clone-a", "prod", "prod"), &[(key, "")]);
        assert_eq!(prove(&empty, &owner(), "clone-"), Err(NotOurs::Untagged("clone-a".into())), "{key}");
    }
}

#[test]
fn every_other_reason() {
    let clone = || clone_of("clone-a", "prod", "prod");
    let (id, other) = (|| "clone-a".to_owned(), "other");
    let prove = |cluster| prove(&cluster, &owner(), "clone-").unwrap_err();
    assert_eq!(prove(carrying("clone-x", &clone())), NotOurs::Inherited("clone-x".into(), id()));
    assert_eq!(prove(with(clone(), &[(tag::MANAGER, other)])), NotOurs::OtherManager(id(), other.into()));
    assert_eq!(
        prove(with(clone(), &[(tag::STACK_ID, other)])),
        NotOurs::OtherOwner(id(), "Clone".into(), other.into())
    );
    assert_eq!(
        prove(with(clone(), &[(tag::LOGICAL_ID, other)])),
        NotOurs::OtherOwner(id(), other.into(), STACK.into())
    );
    assert_eq!(prove(clone_of("prod-2", "prod", "prod")), NotOurs::Prefix("prod-2".into(), "clone-".into()));
    // A copy, something unheard of, or its own root: whatever else the tags say, no clone.
    let copy = with(copy_of("clone-a", "prod"), &[(tag::STACK_ID, STACK)]);
    assert_eq!(prove(copy), NotOurs::NotAClone(id()));
    assert_eq!(prove(with(clone(), &[(tag::ROLE, "chief")])), NotOurs::NotAClone(id()));
    assert_eq!(prove(with(clone(), &[(tag::ROLE, "")])), NotOurs::NotAClone(id()));
    assert_eq!(prove(with(clone(), &[(tag::ROOT, "clone-a")])), NotOurs::NotAClone(id()));
}

#[test]
fn every_reason_names_the_cluster() {
    let clone = || clone_of("clone-a", "prod", "prod");
    for cluster in [
        cluster("clone-a"),
        carrying("clone-a", &clone_of("clone-b", "prod", "prod")),
        with(clone(), &[(tag::MANAGER, "x")]),
        with(clone(), &[(tag::STACK_ID, "x")]),
        copy_of("clone-a", "prod"),
    ] {
        assert!(prove(&cluster, &owner(), "clone-").unwrap_err().to_string().contains("clone-a"));
    }
    assert!(prove(&clone(), &owner(), "z-").unwrap_err().to_string().contains("\"z-\""));
}

#[test]
fn a_copy_is_proved_by_its_own_tags() {
    let copy = || copy_of("clone-pool", "prod");
    let settings = settings(15, 1);
    let owned = prove_copy(&copy(), &settings).unwrap();
    assert_eq!((owned.identifier(), owned.arn()), ("clone-pool", copy().arn.as_str()));
    assert_eq!(owned.resource_id(), copy().resource_id);
    for (key, value) in [
        (tag::MANAGER, "another"),
        (tag::ROLE, "clone"),
        (tag::CLUSTER, "clone-x"),
        (tag::ROOT, "clone-pool"),
        (tag::RESTORE_TYPE, "copy-on-write"),
    ] {
        assert_eq!(prove_copy(&with(copy(), &[(key, value)]), &settings), None, "{key}");
    }
    assert_eq!(prove_copy(&cluster("clone-pool"), &settings), None);
    assert_eq!(prove_copy(&copy_of("pool", "prod"), &settings), None, "without the prefix");
}

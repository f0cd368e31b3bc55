//! The guard: every reason for which a cluster is not ours.

use aurora_clone_core::guard::{
    NotOurs, Owned, prove, prove_copy, prove_leased, prove_own, prove_snapshot, snapshot_for,
};
use aurora_clone_core::names::tag;
use aurora_clone_core::snapshot::{Cluster, ClusterSnapshot, Status};

use crate::room::{STACK, carrying, clone_of, cluster, copy_of, now, owner, settings, with};

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

#[test]
fn a_snapshot_is_proved_by_its_tags_and_its_name() {
    let settings = settings(15, 1);
    let snapshot = |id: &str, tags: &[(&str, &str)]| ClusterSnapshot {
        identifier: id.to_owned(),
        arn: String::new(),
        cluster: Some("prod".to_owned()),
        status: Status("available".to_owned()),
        created_at: Some(now()),
        tags: with(copy_of("clone-pool", "prod"), tags).tags,
    };
    let name = snapshot_for("clone-pool");
    let ours = snapshot(&name, &[]);
    let owned = prove_snapshot(&ours, &settings).unwrap();
    assert_eq!((owned.identifier(), owned.is(&ours)), ("clone-pool-source", true));
    for (key, value) in
        [(tag::MANAGER, "another"), (tag::ROLE, "clone"), (tag::CLUSTER, "clone-x"), (tag::CLUSTER, "")]
    {
        assert_eq!(prove_snapshot(&snapshot(&name, &[(key, value)]), &settings), None, "{key}={value:?}");
    }
    assert_eq!(prove_snapshot(&snapshot("clone-pool", &[]), &settings), None, "another name");
    let elsewhere = snapshot("pool-source", &[(tag::CLUSTER, "pool")]);
    assert_eq!(prove_snapshot(&elsewhere, &settings), None, "without the prefix");
    let untagged = ClusterSnapshot { tags: Default::default(), ..ours.clone() };
    assert_eq!(prove_snapshot(&untagged, &settings), None);
    // What a fresh look finds under the name is another one.
    let later = ClusterSnapshot { created_at: Some(now() + chrono::Duration::seconds(1)), ..ours.clone() };
    for other in [later, untagged, snapshot("clone-pool-2-source", &[])] {
        assert!(!owned.is(&other), "{other:?}");
    }
}

#[test]
fn a_clone_is_proved_by_its_own_tags_and_by_a_lease_that_is_over() {
    let clone = || with(clone_of("clone-a", "prod", "prod"), &[(tag::EXPIRES, "2026-06-21T00:00:00Z")]);
    let id = || "clone-a".to_owned();
    let mut lone = clone();
    for key in [tag::STACK_ID, tag::LOGICAL_ID, tag::GENERATION] {
        lone.tags.remove(key);
    }
    let leased = |cluster: &Cluster| prove_leased(cluster, &settings(15, 1), now());
    for (cluster, generation) in [(clone(), "g1"), (lone, "")] {
        let owned = leased(&cluster).unwrap();
        assert_eq!((owned.identifier(), owned.resource_id()), ("clone-a", cluster.resource_id.as_str()));
        assert_eq!(owned.generation(), generation);
        assert!(owned.is_still(&cluster));
    }
    for (cluster, why) in [
        (cluster("clone-a"), NotOurs::Untagged(id())),
        (carrying("clone-x", &clone()), NotOurs::Inherited("clone-x".into(), id())),
        (with(clone(), &[(tag::MANAGER, "other")]), NotOurs::OtherManager(id(), "other".into())),
        (with(clone(), &[(tag::ROLE, "copy")]), NotOurs::NotAClone(id())),
        (with(clone(), &[(tag::ROOT, "clone-a")]), NotOurs::NotAClone(id())),
        (clone_of("prod-a", "prod", "prod"), NotOurs::Prefix("prod-a".into(), "clone-".into())),
    ] {
        assert_eq!(prove_own(&cluster, &settings(15, 1)), Err(why.clone()));
        assert_eq!(leased(&cluster), Err(why));
    }
    for text in ["2026-06-21T00:00:01Z", "soon", ""] {
        let living = with(clone(), &[(tag::EXPIRES, text)]);
        assert!(prove_own(&living, &settings(15, 1)).is_ok());
        assert_eq!(leased(&living), Err(NotOurs::NotExpired(id(), text.to_owned())));
    }
}

#[test]
fn a_proof_is_about_what_was_proved() {
    let clone = with(clone_of("clone-a", "prod", "prod"), &[(tag::EXPIRES, "2026-06-20")]);
    let proofs: [Owned; 3] = [
        prove(&clone, &owner(), "clone-").unwrap(),
        prove_own(&clone, &settings(15, 1)).unwrap(),
        prove_leased(&clone, &settings(15, 1), now()).unwrap(),
    ];
    let mut nameless = clone.clone();
    nameless.tags.remove(tag::GENERATION);
    for proof in &proofs {
        assert!(proof.is_still(&clone));
        for other in [
            Cluster { resource_id: "cluster-NEW".into(), ..clone.clone() },
            Cluster { identifier: "clone-x".into(), ..clone.clone() },
            with(clone.clone(), &[(tag::CLUSTER, "clone-x")]),
            with(clone.clone(), &[(tag::GENERATION, "g2")]),
            nameless.clone(),
        ] {
            assert!(!proof.is_still(&other), "{other:?}");
        }
    }
    // A lease that was renewed in between, and a clone that somebody keeps.
    let changes = [with(clone.clone(), &[(tag::EXPIRES, "2026-06-30")]), with(clone, &[(tag::KEEP, "")])];
    for changed in changes {
        assert_eq!(proofs.clone().map(|proof| proof.is_still(&changed)), [true, true, false]);
    }
}

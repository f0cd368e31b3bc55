//! What follows when something goes: proved again at every step, until AWS has taken all of it.

use aurora_clone_core::limits::Patterns;
use aurora_clone_core::names::tag;
use aurora_clone_core::snapshot::{Cluster, Instance, KeyState, SecretState, Status};
use aurora_clone_core::sweep::follow::{FOLLOWED_FOR, Followed, Sight, follow};
use aurora_clone_core::sweep::{Removing, View, Why};
use chrono::{DateTime, Duration, Utc};

use super::{clone, done, instances, key_of, nobody, over, rules, run, secret_of};
use crate::room::{carrying, now, settings, with};

/// What goes when the lease of this clone is over.
fn removing(cluster: &Cluster) -> Removing {
    let (clusters, instances) = ([cluster.clone()], instances(std::slice::from_ref(cluster)));
    let (secrets, keys) = ([secret_of(cluster)], [key_of(cluster)]);
    let view =
        View { clusters: &clusters, instances: &instances, secrets: &secrets, keys: &keys, living: None };
    let mut plan = run(&view, &Default::default(), &rules(&nobody()), now());
    let removing = plan.removing.remove(0);
    let text = serde_json::to_string(&removing).unwrap();
    assert_eq!(serde_json::from_str::<Removing>(&text).unwrap(), removing);
    removing
}

fn orphan(cluster: &Cluster) -> Removing {
    Removing { why: Why::Orphan, ..removing(cluster) }
}

fn step(removing: &Removing, cluster: Option<&Cluster>, instances: &[Instance]) -> Followed {
    step_of(Some(now()), removing, cluster, instances)
}

/// A step of what a run began at that moment, or what none began.
fn step_of(
    begun: Option<DateTime<Utc>>,
    removing: &Removing,
    cluster: Option<&Cluster>,
    instances: &[Instance],
) -> Followed {
    let (a, nobody) = (over("clone-a"), nobody());
    let (secret, key) = (secret_of(&a), key_of(&a).1);
    let sight = Sight { begun, cluster, instances, secret: Some(&secret), key: Some(&key) };
    follow(removing, sight, &settings(15, 1), &rules(&nobody), now())
}

fn again(followed: Followed) -> (Vec<String>, Removing) {
    match followed {
        Followed::Again(actions, removing) => (done(&actions), *removing),
        other => panic!("{other:?}"),
    }
}

const REST: [&str; 2] = ["- /aurora-clone-manager/clone-a", "- alias/aurora-clone/clone-a"];

#[test]
fn instances_then_the_cluster_then_what_is_left() {
    let a = over("clone-a");
    let instances = instances(std::slice::from_ref(&a));
    let going = [Instance { status: Status("deleting".into()), ..instances[0].clone() }];
    for removing in [removing(&a), orphan(&a)] {
        assert_eq!(again(step(&removing, Some(&a), &instances)).0, ["- clone-a-1", "- clone-a"]);
        assert_eq!(again(step(&removing, Some(&a), &going)).0, ["- clone-a"]);
        let taken = Cluster { status: Status("deleting".into()), ..a.clone() };
        let (actions, next) = again(step(&removing, Some(&taken), &going));
        assert_eq!((actions, next.absent_since), (REST.map(str::to_owned).to_vec(), None));
    }
    let nothing = Sight { begun: Some(now()), cluster: None, instances: &[], secret: None, key: None };
    let since = Some(now() - Duration::minutes(1));
    let gone = Removing { absent_since: since, ..removing(&a) };
    assert_eq!(follow(&gone, nothing, &settings(15, 1), &rules(&nobody()), now()), Followed::Done);
}

#[test]
fn one_look_that_does_not_find_it_takes_no_password() {
    let a = over("clone-a");
    let (actions, next) = again(step(&removing(&a), None, &[]));
    assert_eq!((actions.len(), next.absent_since), (0, Some(now())));
    let before =
        |seconds| Removing { absent_since: Some(now() - Duration::seconds(seconds)), ..removing(&a) };
    assert!(again(step(&before(29), None, &[])).0.is_empty());
    assert_eq!(again(step(&before(30), None, &[])).0, REST);
    // It was there after all.
    assert_eq!(again(step(&before(99), Some(&a), &[])).1.absent_since, None);
    // Another one of its name is not it.
    let other = Cluster { resource_id: "cluster-NEW".into(), ..a.clone() };
    assert!(again(step(&removing(&a), Some(&other), &[])).0.is_empty());
    // What never had a cluster has none to wait for.
    let alone = Removing { identifier: None, resource_id: None, ..orphan(&a) };
    assert_eq!(again(step(&alone, None, &[])).0, REST);
}

#[test]
fn what_is_wanted_again_stays() {
    let a = over("clone-a");
    let stopped = |removing: &Removing, cluster: &Cluster| {
        let followed = step(removing, Some(cluster), &[]);
        assert!(matches!(followed, Followed::Stopped(_)), "{followed:?} for {cluster:?}");
    };
    stopped(&removing(&a), &with(a.clone(), &[(tag::EXPIRES, "2026-06-21T00:00:01Z")]));
    stopped(&removing(&a), &with(a.clone(), &[(tag::EXPIRES, "soon")]));
    stopped(&orphan(&a), &with(a.clone(), &[(tag::LOGICAL_ID, "Other")]));
    let mut protected = a.clone();
    protected.settings.deletion_protection = true;
    for removing in [removing(&a), orphan(&a)] {
        for cluster in [
            protected.clone(),
            with(a.clone(), &[(tag::KEEP, "")]),
            with(a.clone(), &[(tag::GENERATION, "g2")]),
            with(a.clone(), &[(tag::MANAGER, "another")]),
            Cluster { resource_id: a.resource_id.clone(), ..carrying("clone-x", &a) },
            Cluster { status: Status("stopped".into()), ..a.clone() },
        ] {
            stopped(&removing, &cluster);
        }
        let everybody = Patterns::everything();
        let sight = Sight { begun: Some(now()), cluster: Some(&a), instances: &[], secret: None, key: None };
        let followed = follow(&removing, sight, &settings(15, 1), &rules(&everybody), now());
        assert!(matches!(followed, Followed::Stopped(_)), "{followed:?}");
    }
}

#[test]
fn the_secret_of_another_incarnation_stays() {
    let a = over("clone-a");
    let gone = Removing { absent_since: Some(now() - Duration::minutes(1)), ..removing(&a) };
    let nobody = nobody();
    for other in [
        clone("clone-a", &[(tag::GENERATION, "g2")]),
        clone("clone-a", &[(tag::STACK_ID, "another")]),
        clone("clone-a", &[(tag::MANAGER, "another")]),
    ] {
        let (mut secret, mut key) = (secret_of(&other), key_of(&other).1);
        let look = |secret: &SecretState, key: &KeyState| {
            let sight = Sight {
                begun: Some(now()),
                cluster: None,
                instances: &[],
                secret: Some(secret),
                key: Some(key),
            };
            follow(&gone, sight, &settings(15, 1), &rules(&nobody), now())
        };
        assert_eq!(look(&secret, &key), Followed::Done);
        (secret.tags, key.tags) = (super::identity(&a), super::identity(&a));
        secret.tags.insert(tag::KEEP.to_owned(), String::new());
        key.tags.insert(tag::KEEP.to_owned(), String::new());
        assert_eq!(look(&secret, &key), Followed::Done);
    }
}

/// Whoever may invoke the function may send it any step.
#[test]
fn what_no_run_has_begun_is_not_followed() {
    let a = over("clone-a");
    let instances = instances(std::slice::from_ref(&a));
    let long_ago = Some(now() - Duration::minutes(5));
    let (lease, orphan) = (removing(&a), orphan(&a));
    let alone = Removing { identifier: None, resource_id: None, ..orphan.clone() };
    let gone = Removing { absent_since: long_ago, ..lease.clone() };
    let taken = Cluster { status: Status("deleting".into()), ..a.clone() };
    for (removing, cluster) in [
        (&lease, Some(&a)),
        (&orphan, Some(&a)),
        (&orphan, Some(&taken)),
        (&alone, Some(&a)),
        (&alone, None),
        (&gone, None),
    ] {
        for begun in [None, Some(now() - FOLLOWED_FOR - Duration::seconds(1))] {
            let followed = step_of(begun, removing, cluster, &instances);
            assert!(matches!(followed, Followed::Stopped(_)), "{followed:?} for {removing:?}");
        }
        let begun = Some(now() - FOLLOWED_FOR);
        assert!(!again(step_of(begun, removing, cluster, &instances)).0.is_empty(), "{removing:?}");
    }
    // Also where nothing is left: what is recorded of a living clone would be forgotten.
    let nothing = Sight { begun: None, cluster: None, instances: &[], secret: None, key: None };
    let followed = follow(&alone, nothing, &settings(15, 1), &rules(&nobody()), now());
    assert!(matches!(followed, Followed::Stopped(_)), "{followed:?}");
}

#[test]
fn what_was_begun_is_exactly_that() {
    let a = removing(&over("clone-a"));
    assert_eq!(Removing { absent_since: Some(now()), ..a.clone() }.key(), a.key());
    let text = |of: &str| Some(of.to_owned());
    let others = [
        Removing { manager: "another".to_owned(), ..a.clone() },
        Removing { stack_id: "another".to_owned(), ..a.clone() },
        Removing { logical_id: "another".to_owned(), ..a.clone() },
        Removing { generation: "another".to_owned(), ..a.clone() },
        Removing { identifier: None, ..a.clone() },
        Removing { identifier: text(""), ..a.clone() },
        Removing { resource_id: text("another"), ..a.clone() },
        Removing { secret: text("another"), ..a.clone() },
        Removing { secret: None, ..a.clone() },
        Removing { key: text("another"), ..a.clone() },
        Removing { why: Why::Orphan, ..a.clone() },
        // The name of one thing in the place of another.
        Removing { secret: a.key.clone(), key: a.secret.clone(), ..a.clone() },
    ];
    let keys: std::collections::BTreeSet<String> = others.iter().chain([&a]).map(Removing::key).collect();
    assert_eq!(keys.len(), others.len() + 1, "{keys:?}");
}

//! The checker: every kind of bad plan, made by hand.

use aurora_clone_core::check::check;
use aurora_clone_core::guard::{self, Owned, OwnedKey, OwnedSecret, prove_key, prove_secret};
use aurora_clone_core::names::tag;
use aurora_clone_core::password::Connection;
use aurora_clone_core::plan::{Action, ClusterChange, NewInstance, NewKey, NewSecret, Plan, Restore, Seen};
use aurora_clone_core::request::Owner;
use aurora_clone_core::settings::Settings;
use aurora_clone_core::snapshot::{AssociatedRole, Cluster, Instance, KeyState, SecretState, Status};
use aurora_clone_core::tags::{RestoreType, Tags};

use crate::room::{
    carrying, choose, clone_of, cluster, copy_of, instance, now, owner, settings, wanted, with,
};

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
    // Fifteen of another group, or of none beside a root of none, hang off something else.
    for (root, theirs) in [(Some("g"), Some("other")), (Some("g"), None), (None, None)] {
        let group = |group: Option<&str>| group.map(str::to_owned);
        let mut apart = strangers.clone();
        apart.iter_mut().for_each(|c| c.clone_group = group(theirs));
        apart[0].clone_group = group(root);
        assert_eq!(verdict(vec![Action::Restore(Box::new(restore()))], &apart, &[]), Ok(()), "{root:?}");
    }
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

/// A secret and a key of our clone, proved under this name and this alias.
fn kept(clone: &Cluster, name: &str, alias: &str) -> (OwnedSecret, OwnedKey) {
    let secret = SecretState { name: name.to_owned(), tags: clone.tags.clone(), ..SecretState::default() };
    let key = KeyState { tags: clone.tags.clone(), ..KeyState::default() };
    let proofs = (prove_secret(&secret, &owner(), "g1"), prove_key(alias, &key, &owner(), "g1"));
    (proofs.0.unwrap(), proofs.1.unwrap())
}

const SECRET: &str = "/aurora-clone-manager/clone-a/x";
const ALIAS: &str = "alias/aurora-clone/clone-a-x";
const PUBLIC: &str = r#"{"Statement":{"Effect":"Allow","Principal":"*"}}"#;
const PRIVATE: &str =
    r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/a"}}}"#;

fn new_secret(clone: &Cluster, name: &str, tags: &Tags) -> Vec<Action> {
    let connection = Connection {
        engine: clone.engine.clone(),
        host: String::new(),
        port: 5432,
        username: String::new(),
        database: None,
        cluster: clone.identifier.clone(),
    };
    let new =
        NewSecret { cluster: proof(clone), name: name.to_owned(), key: None, tags: tags.clone(), connection };
    vec![Action::CreateSecret(Box::new(new))]
}

/// One change of every kind to our clone, all of them fine.
fn every_change(clone: &Cluster) -> Vec<Action> {
    let owned = || proof(clone);
    let role = || AssociatedRole { role: "arn".to_owned(), feature: None };
    let (secret, key) = kept(clone, SECRET, ALIAS);
    let arn = clone.arn.clone();
    let policy = || PRIVATE.to_owned();
    let mut all = vec![
        Action::ModifyCluster { cluster: owned(), change: Box::default() },
        Action::AddRole { cluster: owned(), role: role() },
        Action::RemoveRole { cluster: owned(), role: role() },
        Action::ModifyInstance { cluster: owned(), instance: "clone-a-1".to_owned(), change: Box::default() },
        Action::Tag { cluster: owned(), arn, set: Tags::new(), remove: vec!["x".to_owned()] },
        Action::CreateKey(NewKey {
            cluster: owned(),
            alias: ALIAS.to_owned(),
            policy: policy(),
            tags: Tags::new(),
        }),
        Action::SetPassword { cluster: owned(), secret: secret.clone() },
        Action::DeleteInstance { cluster: owned(), instance: "clone-a-1".to_owned() },
        // Those below have a proof of their own.
        Action::PutKeyPolicy { key: key.clone(), policy: policy() },
        Action::PutSecretPolicy { secret: secret.clone(), policy: Some(policy()) },
        Action::PutSecretPolicy { secret: secret.clone(), policy: None },
        Action::DeleteSecret { secret },
        Action::DeleteKey { key },
    ];
    all.splice(0..0, new_secret(clone, SECRET, &clone.tags));
    all
}

#[test]
fn changes_are_of_clusters_that_are_seen_and_ours() {
    let clone = clone_of("clone-a", "prod", "prod");
    let instances = [instance("clone-a-1", "clone-a")];
    let all = every_change(&clone);
    assert_eq!(verdict(all.clone(), std::slice::from_ref(&clone), &instances), Ok(()));
    let of_a_cluster = all.len() - 5;
    for action in all.into_iter().take(of_a_cluster) {
        let bad = |cluster: Cluster, words: &str| bad(vec![action.clone()], &[cluster], &instances, words);
        bad(cluster("prod"), "not observed");
        bad(Cluster { resource_id: "cluster-NEW".into(), ..clone.clone() }, "not observed");
        bad(cluster("clone-a"), "not ours");
        bad(with(clone.clone(), &[(tag::MANAGER, "another")]), "not ours");
        bad(with(clone.clone(), &[(tag::CLUSTER, "clone-b")]), "not ours");
    }
}

#[test]
fn a_change_that_takes_away_what_protects() {
    let clone = clone_of("clone-a", "prod", "prod");
    let clusters = [clone.clone()];
    let change = ClusterChange { security_groups: Some(Vec::new()), ..ClusterChange::default() };
    let change = Action::ModifyCluster { cluster: proof(&clone), change: Box::new(change) };
    bad(vec![change], &clusters, &[], "would lose its security groups");
    let (secret, key) = kept(&clone, SECRET, ALIAS);
    let policy = || PUBLIC.to_owned();
    let (alias, tags) = (ALIAS.to_owned(), Tags::new());
    for action in [
        Action::CreateKey(NewKey { cluster: proof(&clone), alias, policy: policy(), tags }),
        Action::PutKeyPolicy { key, policy: policy() },
        Action::PutSecretPolicy { secret, policy: Some(policy()) },
    ] {
        bad(vec![action], &clusters, &[], "let everybody in");
    }
}

#[test]
fn a_tag_that_says_whose_it_is() {
    let clone = clone_of("clone-a", "prod", "prod");
    let clusters = [clone.clone(), cluster("prod")];
    let instances = [instance("clone-a-1", "clone-a"), instance("prod-1", "prod")];
    let tagging = |arn: &str, set: &[&str], remove: &[&str]| {
        let set = set.iter().map(|key| ((*key).to_owned(), String::new())).collect();
        let remove = remove.iter().map(|key| (*key).to_owned()).collect();
        vec![Action::Tag { cluster: proof(&clone), arn: arn.to_owned(), set, remove }]
    };
    let (arn, member) = (clone.arn.as_str(), instances[0].arn.as_str());
    let free = [tag::EXPIRES, tag::LEASE, tag::DESCRIPTION, tag::PROPERTIES, "team"];
    for arn in [arn, member] {
        assert_eq!(verdict(tagging(arn, &free, &free), &clusters, &instances), Ok(()));
    }
    for key in [
        tag::MANAGER,
        tag::ROLE,
        tag::CLUSTER,
        tag::ROOT,
        tag::SOURCE,
        tag::RESTORE_TYPE,
        tag::DATA_TIME,
        tag::STACK_ID,
        tag::LOGICAL_ID,
        tag::GENERATION,
        tag::PASSWORD,
        tag::SECRET,
        tag::KEY,
    ] {
        bad(tagging(arn, &["team", key], &[]), &clusters, &instances, "says whose it is");
        bad(tagging(member, &[], &[key]), &clusters, &instances, "says whose it is");
    }
    let (prod, of_prod) = (clusters[1].arn.clone(), instances[1].arn.clone());
    for arn in [prod.as_str(), of_prod.as_str(), "", "arn:aws:rds:eu-west-1:123456789012:db:nobody"] {
        bad(tagging(arn, &["team"], &[]), &clusters, &instances, "not an instance of clone-a");
    }
    let change = |name: &str| {
        let instance = name.to_owned();
        vec![Action::ModifyInstance { cluster: proof(&clone), instance, change: Box::default() }]
    };
    bad(change("prod-1"), &clusters, &instances, "not an instance of clone-a");
    bad(change("nobody"), &clusters, &instances, "not an instance of clone-a");
}

#[test]
fn a_secret_or_a_key_with_a_foreign_name() {
    let clone = clone_of("clone-a", "prod", "prod");
    let clusters = [clone.clone()];
    let (secret, key) = kept(&clone, "prod/master", "alias/prod");
    for action in [
        Action::PutSecretPolicy { secret: secret.clone(), policy: None },
        Action::SetPassword { cluster: proof(&clone), secret: secret.clone() },
        Action::DeleteSecret { secret },
    ] {
        bad(vec![action], &clusters, &[], "not a secret of ours");
    }
    bad(new_secret(&clone, "prod/master", &clone.tags), &clusters, &[], "not a secret of ours");
    for tags in [Tags::new(), clone_of("clone-b", "prod", "prod").tags] {
        bad(new_secret(&clone, SECRET, &tags), &clusters, &[], "do not name its cluster");
    }
    bad(vec![Action::DeleteKey { key: key.clone() }], &clusters, &[], "not an alias of ours");
    let policy = PRIVATE.to_owned();
    bad(vec![Action::PutKeyPolicy { key, policy }], &clusters, &[], "not an alias of ours");
    let (cluster, alias, policy) = (proof(&clone), "alias/prod".to_owned(), PRIVATE.to_owned());
    let new = NewKey { cluster, alias, policy, tags: Tags::new() };
    bad(vec![Action::CreateKey(new)], &clusters, &[], "not an alias of ours");
}

#[test]
fn a_restore_with_protection_and_a_snapshot_with_a_foreign_name() {
    bad_restore(|r| r.settings.deletion_protection = true, &[cluster("prod")], "could not be taken down");
    let clone = clone_of("clone-a", "prod", "prod");
    let with_snapshot = |name: &str| {
        vec![Action::DeleteCluster { cluster: proof(&clone), final_snapshot: Some(name.to_owned()) }]
    };
    let clusters = [clone.clone()];
    assert_eq!(verdict(with_snapshot("clone-a-final-x"), &clusters, &[]), Ok(()));
    bad(with_snapshot("prod-final"), &clusters, &[], "no name of ours");
    // A reader goes from a clone that is protected, the clone itself does not.
    let mut protected = clone.clone();
    protected.settings.deletion_protection = true;
    let instances = [instance("clone-a-2", "clone-a")];
    let reader = Action::DeleteInstance { cluster: proof(&clone), instance: "clone-a-2".to_owned() };
    assert_eq!(verdict(vec![reader], std::slice::from_ref(&protected), &instances), Ok(()));
}

#[test]
fn a_mark_on_what_is_no_copy_of_ours() {
    let copy = copy_of("clone-pool-1", "prod");
    let owned = guard::prove_copy(&copy, &settings(15, 1)).unwrap();
    let mark = vec![Action::MarkRetiring { copy: owned, since: now() }];
    assert_eq!(verdict(mark.clone(), std::slice::from_ref(&copy), &[]), Ok(()));
    for now in [
        Cluster { resource_id: "cluster-NEW".into(), ..copy.clone() },
        with(copy.clone(), &[(tag::ROLE, "clone")]),
        with(copy.clone(), &[(tag::MANAGER, "another")]),
        Cluster { identifier: "prod".into(), ..copy.clone() },
        Cluster { tags: Tags::new(), ..copy.clone() },
    ] {
        bad(mark.clone(), &[now], &[], "not a copy of ours");
    }
    bad(mark, &[], &[], "not a copy of ours");
}

//! The last stages of a clone: its tags, its password, and its protection.

use aurora_clone_core::converge::Progress;
use aurora_clone_core::desired::{Desired, Keeping};
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::{Action, ClusterChange};
use aurora_clone_core::snapshot::{KeyState, ManagedSecret};
use aurora_clone_core::tags::Tags;
use serde_json::{Value, json};

use crate::converge::{acts, dies, settled, waits};
use crate::model::Model;
use crate::room::{instance, role};

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

/// The tags that are put and taken away, by ARN, in order.
fn tagged(actions: &[Action]) -> Vec<(&str, Tags, Vec<String>)> {
    fn one(action: &Action) -> (&str, Tags, Vec<String>) {
        let Action::Tag { arn, set, remove, .. } = action else { panic!("{action:?}") };
        (arn, set.clone(), remove.clone())
    }
    actions.iter().map(one).collect()
}

#[test]
fn tags_are_put_and_taken_away_on_instances_first() {
    let (mut model, mut desired) = settled(json!({ "Tags": { "team": "a", "cost": "1" } }));
    desired.tags.extend([pair("team", "b"), pair("new", "")]);
    desired.tags.remove("cost");
    desired.without.extend(["cost".to_owned(), "never-there".to_owned()]);
    model.instances.push(instance("by-hand", &model.cluster.identifier));
    let set = Tags::from([pair("team", "b"), pair("new", "")]);
    let (member, cluster) = (model.instances[0].arn.clone(), model.cluster.arn.clone());
    let away = || vec!["cost".to_owned()];
    let expected = [(member.as_str(), set.clone(), away()), (cluster.as_str(), set, away())];
    assert_eq!(tagged(&acts(&model, &desired)), expected);
    // Only what differs is touched: tags that people put there stay.
    model.instances[0].tags.extend([pair("team", "b"), pair("new", ""), pair("by-hand", "x")]);
    model.instances[0].tags.remove("cost");
    assert_eq!(tagged(&acts(&model, &desired)), expected[1..]);
    assert_eq!(model.settle(&desired).len(), 1);
}

#[test]
fn a_lease_that_was_renewed_stays_unless_another_one_is_asked_for() {
    let (mut model, desired) = settled(json!({ "ExpiresAfter": "P1D" }));
    assert_eq!(model.cluster.tag(tag::EXPIRES), Some("2026-06-22T00:00:00Z"));
    let renewed = pair(tag::EXPIRES, "2026-07-01T00:00:00Z");
    model.cluster.tags.extend([renewed.clone()]);
    assert_eq!(model.next(&desired), Progress::Settled);
    let mut longer = desired.clone();
    longer.tags.extend([pair(tag::LEASE, "P2D"), pair(tag::EXPIRES, "2026-06-23T00:00:00Z")]);
    model.settle(&longer);
    assert_eq!(model.cluster.tag(tag::EXPIRES), Some("2026-06-23T00:00:00Z"));
    // One that somebody took away altogether comes back.
    model.cluster.tags.remove(tag::EXPIRES);
    model.settle(&longer);
    assert_eq!(model.cluster.tag(tag::EXPIRES), Some("2026-06-23T00:00:00Z"));
    // Nobody asks for a lease any more.
    let (_, without) = settled(json!({}));
    model.settle(&without);
    assert_eq!((model.cluster.tag(tag::EXPIRES), model.cluster.tag(tag::LEASE)), (None, None));
}

#[test]
fn no_tag_that_says_whose_it_is_ever_changes() {
    for properties in [json!({}), json!({ "ExpiresAfter": "P1D", "Description": "x", "Tags": { "a": "b" } })]
    {
        let (_, desired) = settled(properties);
        let ours = [tag::PROPERTIES, tag::DESCRIPTION, tag::LEASE, tag::EXPIRES];
        for key in desired.tags.keys().chain(&desired.without) {
            assert!(!key.starts_with(tag::PREFIX) || ours.contains(&key.as_str()), "{key}");
        }
    }
}

/// A clone with a key of its own, and a secret that one principal may read: neither made yet.
fn without_secret() -> (Model, Desired) {
    let (model, desired) =
        settled(json!({ "ForceCreateKmsKey": "true", "AccessPrincipalArns": [role("app")] }));
    (Model { secret: None, key: None, ..model }, desired)
}

#[test]
fn a_password_of_its_own_needs_a_key_then_a_secret_then_is_set() {
    let (mut model, desired) = without_secret();
    let done = model.settle(&desired);
    let [
        Action::CreateKey(key),
        Action::CreateSecret(secret),
        Action::PutSecretPolicy { policy: Some(policy), .. },
        Action::SetPassword { .. },
    ] = done.as_slice()
    else {
        panic!("{done:?}")
    };
    assert!(key.policy.contains(&role("app")) && policy.contains(&role("app")));
    assert_eq!(secret.key.as_ref(), model.key.as_ref().map(|key| &key.arn));
    for tags in [&key.tags, &secret.tags] {
        for name in [tag::MANAGER, tag::CLUSTER, tag::ROOT, tag::STACK_ID, tag::LOGICAL_ID, tag::GENERATION] {
            assert_eq!(tags.get(name), model.cluster.tags.get(name), "{name}");
        }
    }
    let connection = &secret.connection;
    assert_eq!((connection.port, connection.cluster.as_str()), (5432, model.cluster.identifier.as_str()));
    // Somebody changed a policy, and a restore gave the cluster another password: each is put right, and only that.
    let once = |change: fn(&mut Model)| {
        let mut model = model.clone();
        change(&mut model);
        let done = model.settle(&desired);
        <[Action; 1]>::try_from(done).unwrap_or_else(|done| panic!("{done:?}"))
    };
    let [action] = once(|m| m.key.as_mut().unwrap().policy = None);
    assert!(matches!(action, Action::PutKeyPolicy { .. }), "{action:?}");
    let [action] = once(|m| m.secret.as_mut().unwrap().policy = None);
    assert!(matches!(action, Action::PutSecretPolicy { policy: Some(_), .. }), "{action:?}");
    let [action] =
        once(|m| drop(m.secret.as_mut().unwrap().tags.insert(tag::SET_ON.into(), "cluster-X".into())));
    assert!(matches!(action, Action::SetPassword { .. }), "{action:?}");
}

#[test]
fn a_key_that_is_named_is_taken_and_nobody_is_let_in_who_is_not_named() {
    for (properties, key) in [(json!({}), None), (json!({ "KmsKeyId": "alias/mine" }), Some("alias/mine"))] {
        let (model, desired) = settled(properties);
        let mut model = Model { secret: None, ..model };
        let done = model.settle(&desired);
        let [Action::CreateSecret(secret), Action::SetPassword { .. }] = done.as_slice() else {
            panic!("{done:?}")
        };
        assert_eq!(secret.key.as_deref(), key);
        // A policy that nobody asks for goes.
        model.secret.as_mut().unwrap().policy = Some("{}".to_owned());
        let done = model.settle(&desired);
        assert!(matches!(done.as_slice(), [Action::PutSecretPolicy { policy: None, .. }]), "{done:?}");
    }
}

#[test]
fn what_somebody_else_made_is_left_alone() {
    let (mut whole, desired) = without_secret();
    whole.settle(&desired);
    for name in [tag::MANAGER, tag::STACK_ID, tag::LOGICAL_ID, tag::GENERATION] {
        let (mut secret, mut key) = (whole.clone(), whole.clone());
        secret.secret.as_mut().unwrap().tags.extend([pair(name, "another")]);
        dies(&secret, &desired, &["The secret", "did not make it"]);
        key.key.as_mut().unwrap().tags.remove(name);
        dies(&key, &desired, &["The key alias/", "did not make it"]);
        // Also one that goes, whose name is taken.
        secret.secret.as_mut().unwrap().deleting = true;
        dies(&secret, &desired, &["did not make it"]);
    }
    let mut going = whole.clone();
    going.secret.as_mut().unwrap().deleting = true;
    waits(&going, &desired, "is being deleted");
    let key = whole.key.clone().map(|key| KeyState { deleting: true, ..key });
    dies(&Model { key, ..whole }, &desired, &["The key", "is going to be deleted"]);
}

#[test]
fn a_password_that_rds_keeps_is_asked_for_once() {
    for (key, mut properties) in
        [(None, json!({})), (Some("alias/mine"), json!({ "KmsKeyId": "alias/mine" }))]
    {
        properties["ManageMasterUserPassword"] = Value::from("true");
        let (mut model, desired) = settled(properties);
        let whole = model.cluster.managed_secret.take();
        let actions = acts(&model, &desired);
        let [Action::ModifyCluster { change, .. }] = actions.as_slice() else { panic!("{actions:?}") };
        let manage_password = Some(key.map(str::to_owned));
        assert_eq!(**change, ClusterChange { manage_password, ..ClusterChange::default() });
        let mut with = |status: &str| {
            model.cluster.managed_secret =
                whole.clone().map(|secret| ManagedSecret { status: status.to_owned(), ..secret });
            model.clone()
        };
        waits(&with("creating"), &desired, "is creating");
        waits(&with("rotating"), &desired, "is rotating");
        waits(&with(""), &desired, "the secret that RDS keeps");
        dies(&with("impaired"), &desired, &["impaired"]);
        assert_eq!(with("active").next(&desired), Progress::Settled);
    }
}

#[test]
fn a_password_of_the_source_needs_nothing() {
    let (model, desired) = settled(json!({ "SetPassword": "false" }));
    assert_eq!((desired.password, model.secret, model.key), (Keeping::Source, None, None));
}

#[test]
fn protection_comes_last_and_goes_last() {
    let (model, desired) = settled(json!({ "DeletionProtection": "true" }));
    let mut bare = Model { instances: Vec::new(), secret: None, ..model.clone() };
    bare.cluster.settings.deletion_protection = false;
    bare.cluster.tags.remove(tag::PROPERTIES);
    bare.cluster.settings.backup_retention = Some(9);
    let done = bare.settle(&desired);
    let last = |actions: &[Action]| match actions.last() {
        Some(Action::ModifyCluster { change, .. }) => change.clone(),
        other => panic!("{other:?}"),
    };
    let only = |wanted| ClusterChange { deletion_protection: Some(wanted), ..ClusterChange::default() };
    assert_eq!((*last(&done), done.len() > 4), (only(true), true));
    let (_, open) = settled(json!({ "BackupRetentionPeriod": "5" }));
    let done = model.clone().settle(&open);
    assert_eq!((*last(&done), done.len() > 1), (only(false), true));
}

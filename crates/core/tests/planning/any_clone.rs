//! Whatever state a clone of ours is in, looking and obeying brings it to what is desired, and there it stays.

use aurora_clone_core::converge::Progress;
use aurora_clone_core::engine::Capacity;
use aurora_clone_core::names::tag;
use aurora_clone_core::snapshot::{AssociatedRole, Instance, InstanceSettings, SecretState, Status};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::model::{Model, made};
use crate::room::{instance, role};
use crate::wishes::any_map;

const STATUSES: [&str; 6] =
    ["available", "available", "creating", "modifying", "backing-up", "configuring-x"];

fn busy() -> impl Strategy<Value = (Status, bool)> {
    (select(&STATUSES[..]).prop_map(|text| Status(text.to_owned())), weighted(0.1, Just(())))
        .prop_map(|(status, pending)| (status, pending.is_some()))
}

fn any_instance() -> impl Strategy<Value = InstanceSettings> {
    let class = select(&["db.serverless", "db.r6g.large", "db.t4g.medium"][..]);
    let key = select(&[None, Some("arn:aws:kms:eu-west-1:123456789012:key/x")][..]);
    (class, any::<bool>(), key, select(&[0, 60][..]), select(&["prod-instance", "x"][..])).prop_map(
        |(class, insights, key, interval, group)| InstanceSettings {
            class: class.to_owned(),
            parameter_group: Some(group.to_owned()),
            performance_insights: insights,
            performance_insights_retention: insights.then_some(93),
            performance_insights_key: key.filter(|_| insights).map(str::to_owned),
            monitoring_interval: interval,
            monitoring_role: (interval > 0).then(|| role("other")),
        },
    )
}

/// An instance of `cluster`, which may be on its way out.
fn any_member(cluster: &str, suffix: &str) -> impl Strategy<Value = Instance> + use<> {
    let whole = instance(&format!("{cluster}{suffix}"), cluster);
    (busy(), weighted(0.1, Just(())), any_instance()).prop_map(move |((status, pending), going, settings)| {
        Instance {
            status: if going.is_some() { Status("deleting".to_owned()) } else { status },
            pending_changes: pending,
            writer: false,
            settings,
            ..whole.clone()
        }
    })
}

/// Instances with our names, and one of somebody's.
fn any_instances(cluster: &str) -> impl Strategy<Value = Vec<Instance>> + use<> {
    let cluster = cluster.to_owned();
    let names = subsequence(vec!["-1", "-2", "-3", "-4", "-5", "-16", "-by-hand"], 0..=7);
    let members = names.prop_flat_map(move |names| {
        names.into_iter().map(|name| any_member(&cluster, name)).collect::<Vec<_>>()
    });
    (members, any::<prop::sample::Index>()).prop_map(|(mut members, writer)| {
        if !members.is_empty() {
            let writer = writer.index(members.len());
            members[writer].writer = true;
        }
        members
    })
}

fn any_secret(secret: SecretState) -> impl Strategy<Value = Option<SecretState>> {
    let policy = select(vec![None, secret.policy.clone(), Some(r#"{"Statement":[]}"#.to_owned())]);
    let set_on = select(&[None, Some("cluster-OLD"), Some("same")][..]);
    let state = (policy, set_on, weighted(0.2, Just(()))).prop_map(move |(policy, set_on, going)| {
        let mut secret = SecretState { policy, deleting: going.is_some(), ..secret.clone() };
        match set_on {
            Some("same") => {}
            Some(other) => drop(secret.tags.insert(tag::SET_ON.to_owned(), other.to_owned())),
            None => drop(secret.tags.remove(tag::SET_ON)),
        }
        secret
    });
    weighted(0.7, state)
}

/// The clone after somebody was at it.
fn tampered(model: Model) -> impl Strategy<Value = Model> {
    let secret = match model.secret.clone() {
        Some(secret) => any_secret(secret).boxed(),
        None => Just(None).boxed(),
    };
    let settings = (any::<bool>(), any::<bool>(), 1..35_i32, any::<bool>(), any::<bool>(), any::<bool>());
    let tags = (any::<bool>(), any::<bool>(), any::<bool>());
    let instances = any_instances(&model.cluster.identifier);
    (Just(model), busy(), settings, tags, instances, (secret, any::<bool>())).prop_map(
        |(mut model, (status, pending), settings, tags, instances, (secret, keyless))| {
            (model.cluster.status, model.cluster.pending_changes) = (status, pending);
            let has = &mut model.cluster.settings;
            let (iam, logs, days, protected, roles, range) = settings;
            (has.iam_authentication, has.deletion_protection) = (iam, protected);
            has.backup_retention = Some(days);
            has.log_exports = if logs { vec!["audit".to_owned(), "x".to_owned()] } else { Vec::new() };
            has.capacity = range.then_some(Capacity { min: 3.0, max: 9.0, pause_after: None });
            if roles {
                has.roles = vec![AssociatedRole { role: role("theirs"), feature: None }];
            }
            let (hash, lease, more) = tags;
            if hash {
                model.cluster.tags.remove(tag::PROPERTIES);
            }
            if lease {
                model.cluster.tags.insert(tag::EXPIRES.to_owned(), "2030-01-01T00:00:00Z".to_owned());
            }
            if more {
                model.cluster.tags.insert("by-hand".to_owned(), String::new());
            }
            (model.instances, model.secret) = (instances, secret);
            model.key = model.key.filter(|_| !keyless);
            model.cluster.managed_secret = model.cluster.managed_secret.filter(|_| !keyless);
            model
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// The model itself makes sure that nothing is done to what is not ours, and the checker looks at every step.
    #[test]
    fn every_clone_ends_as_desired_and_stays_so(
        (model, desired) in any_map().prop_flat_map(|properties| {
            let (model, _, desired) = made(&properties);
            (tampered(model), Just(desired))
        }),
    ) {
        let by_hand = |model: &Model| {
            let name = format!("{}-by-hand", model.cluster.identifier);
            model.instances.iter().find(|i| i.identifier == name).map(|i| (i.settings.clone(), i.tags.clone()))
        };
        let (theirs, mut model) = (by_hand(&model), model);
        model.settle(&desired);
        prop_assert_eq!(model.next(&desired), Progress::Settled);
        let settled = model.clone();
        prop_assert!(model.settle(&desired).is_empty());
        prop_assert_eq!(&model, &settled);
        prop_assert!(theirs.is_none() || by_hand(&model).is_none() || by_hand(&model) == theirs);
        for key in [tag::MANAGER, tag::CLUSTER, tag::ROOT, tag::STACK_ID, tag::GENERATION, tag::PASSWORD] {
            prop_assert!(model.cluster.tag(key).is_some());
        }
        prop_assert_eq!(model.cluster.settings.deletion_protection, desired.cluster.deletion_protection);
    }
}

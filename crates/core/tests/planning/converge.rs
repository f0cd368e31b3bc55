//! Bringing a clone to what is desired: every stage by itself, and any clone at all.

use aurora_clone_core::converge::Progress;
use aurora_clone_core::desired::Desired;
use aurora_clone_core::engine::Capacity;
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::{Action, ClusterChange, InstanceChange, PerformanceInsights};
use aurora_clone_core::snapshot::{AssociatedRole, Instance, Status};
use serde_json::{Value, json};

use crate::model::{Model, choice, made};
use crate::room::{instance, role};

/// A clone of `prod` with these other properties, as it was made.
pub fn settled(others: Value) -> (Model, Desired) {
    let mut properties = others;
    properties["SourceClusterId"] = json!("prod");
    let (model, _, desired) = made(&properties);
    assert_eq!(model.next(&desired), Progress::Settled);
    (model, desired)
}

#[track_caller]
pub fn acts(model: &Model, desired: &Desired) -> Vec<Action> {
    match model.next(desired) {
        Progress::Act(actions, because) => {
            assert!(because.contains(&model.cluster.identifier) || because.contains("alias/"), "{because}");
            actions
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
pub fn waits(model: &Model, desired: &Desired, words: &str) {
    let Progress::Wait(because) = model.next(desired) else { panic!("{:?}", model.next(desired)) };
    assert!(because.contains(words), "{because:?} has no {words:?}");
}

#[track_caller]
pub fn dies(model: &Model, desired: &Desired, words: &[&str]) {
    let Progress::Dead(reason) = model.next(desired) else { panic!("{:?}", model.next(desired)) };
    words.iter().for_each(|word| assert!(reason.contains(word), "{reason:?} has no {word:?}"));
}

fn status(text: &str) -> Status {
    Status(text.to_owned())
}

/// The nth instance of a clone.
fn nth(model: &Model, n: usize) -> Instance {
    instance(&format!("{}-{n}", model.cluster.identifier), &model.cluster.identifier)
}

/// Which instances are created, changed or deleted, by their numbers.
fn numbers(actions: &[Action]) -> Vec<&str> {
    let name = |action: &Action| match action {
        Action::CreateInstance(new) => new.identifier.clone(),
        Action::ModifyInstance { instance, .. } | Action::DeleteInstance { instance, .. } => instance.clone(),
        other => panic!("{other:?}"),
    };
    let last =
        |name: String| ["1", "2", "3", "4", "5"].into_iter().find(|n| name.ends_with(&format!("-{n}")));
    actions.iter().map(|action| last(name(action)).unwrap()).collect()
}

#[test]
fn missing_instances_come_first_and_early() {
    let (_, desired) = settled(json!({ "InstanceCount": "3" }));
    let (_, choice) = choice(&json!({ "SourceClusterId": "prod" }));
    let [Action::Restore(restore)] = choice.plan.actions.as_slice() else { panic!() };
    let mut model = Model::restored(restore);
    let actions = acts(&model, &desired);
    assert_eq!(numbers(&actions), ["1", "2", "3"], "while the cluster is still creating");
    for action in &actions {
        let Action::CreateInstance(new) = action else { panic!("{action:?}") };
        assert_eq!((&new.settings, &new.tags), (&desired.instance, &model.cluster.tags));
    }
    // A full copy takes hours: there it is not tried before.
    model.cluster.tags.insert(tag::RESTORE_TYPE.to_owned(), "full-copy".to_owned());
    waits(&model, &desired, "is creating");
    model.cluster.status = status("available");
    assert_eq!(numbers(&acts(&model, &desired)), ["1", "2", "3"]);
    // Names that are taken are passed over, those of instances that go as well.
    model.instances = vec![nth(&model, 1), Instance { status: status("deleting"), ..nth(&model, 2) }];
    assert_eq!(numbers(&acts(&model, &desired)), ["3", "4"]);
    let desired = Desired { count: 16, ..desired };
    model.instances = (1..=16).map(|n| Instance { status: status("deleting"), ..nth(&model, n) }).collect();
    waits(&model, &desired, "being deleted");
}

#[test]
fn a_cluster_without_a_range_gets_one_before_serverless_instances() {
    let (mut model, desired) = settled(json!({}));
    (model.instances, model.cluster.settings.capacity) = (Vec::new(), None);
    let change = ClusterChange { capacity: desired.cluster.capacity, ..ClusterChange::default() };
    assert_eq!(cluster_changes(&acts(&model, &desired)), [&change]);
    model.cluster.pending_changes = true;
    waits(&model, &desired, "pending");
    model.cluster.pending_changes = false;
    model.cluster.status = status("creating");
    waits(&model, &desired, "is creating");
}

#[test]
fn what_is_busy_is_waited_for() {
    let (model, desired) = settled(json!({ "InstanceCount": "2" }));
    // There is something to do: it has to wait.
    let desired = Desired { count: 1, ..desired };
    let broken = |change: fn(&mut Model)| {
        let mut model = model.clone();
        model.cluster.settings.backup_retention = Some(9);
        change(&mut model);
        model
    };
    waits(&broken(|m| m.cluster.status = status("backing-up")), &desired, "is backing-up");
    waits(&broken(|m| m.cluster.status = status("levitating")), &desired, "is levitating");
    waits(&broken(|m| m.cluster.pending_changes = true), &desired, "is pending");
    waits(&broken(|m| m.instances[1].status = status("modifying")), &desired, "-2 is modifying");
    waits(&broken(|m| m.instances[1].status = status("levitating")), &desired, "-2 is levitating");
    waits(&broken(|m| m.instances[0].pending_changes = true), &desired, "waiting for a change");
}

#[test]
fn every_status_that_leads_nowhere_is_the_end() {
    let (model, desired) = settled(json!({}));
    let stuck = [
        "cloning-failed",
        "failed",
        "inaccessible-encryption-credentials",
        "incompatible-create",
        "incompatible-network",
        "incompatible-option-group",
        "incompatible-parameters",
        "incompatible-restore",
        "insufficient-capacity",
        "migration-failed",
        "restore-error",
        "restore-failed",
        "stopped",
        "stopping",
        "storage-full",
        "upgrade_failed",
        "upgrade-failed",
    ];
    for name in stuck {
        let (mut cluster, mut member) = (model.clone(), model.clone());
        cluster.cluster.status = status(name);
        dies(&cluster, &desired, &[name, &model.cluster.identifier]);
        member.instances[0].status = status(name);
        dies(&member, &desired, &[name, &model.instances[0].identifier]);
    }
    for name in ["deleting", "delete-precheck"] {
        let mut going = model.clone();
        going.cluster.status = status(name);
        dies(&going, &desired, &[name]);
        // An instance that goes is another matter: one takes its place.
        let mut member = model.clone();
        member.instances[0].status = status(name);
        assert_eq!(numbers(&acts(&member, &desired)), ["2"]);
    }
}

fn cluster_changes(actions: &[Action]) -> Vec<&ClusterChange> {
    fn change(action: &Action) -> &ClusterChange {
        let Action::ModifyCluster { change, .. } = action else { panic!("{action:?}") };
        change
    }
    actions.iter().map(change).collect()
}

#[test]
fn a_setting_of_the_cluster_changes_alone() {
    type Row = (fn(&mut Desired), ClusterChange);
    let none = ClusterChange::default;
    let some = |text: &str| Some(text.to_owned());
    let list = |text: &str| vec![text.to_owned()];
    let range = Capacity { min: 2.0, max: 4.0, pause_after: None };
    let table: [Row; 10] = [
        (
            |d| d.cluster.security_groups = vec!["sg-9".into()],
            ClusterChange { security_groups: Some(list("sg-9")), ..none() },
        ),
        (
            |d| d.cluster.parameter_group = Some("mine".into()),
            ClusterChange { parameter_group: some("mine"), ..none() },
        ),
        (
            |d| d.cluster.storage_type = Some("aurora-iopt1".into()),
            ClusterChange { storage_type: some("aurora-iopt1"), ..none() },
        ),
        (
            |d| d.cluster.iam_authentication = false,
            ClusterChange { iam_authentication: Some(false), ..none() },
        ),
        (
            |d| d.cluster.log_exports.push("upgrade".into()),
            ClusterChange { enable_logs: list("upgrade"), ..none() },
        ),
        (|d| d.cluster.log_exports.clear(), ClusterChange { disable_logs: list("postgresql"), ..none() }),
        (|d| d.cluster.backup_retention = Some(9), ClusterChange { backup_retention: Some(9), ..none() }),
        (
            |d| d.cluster.engine_lifecycle_support = Some("x".into()),
            ClusterChange { engine_lifecycle_support: some("x"), ..none() },
        ),
        (
            |d| d.cluster.capacity = Some(Capacity { min: 2.0, max: 4.0, pause_after: None }),
            ClusterChange { capacity: Some(range), ..none() },
        ),
        (
            |d| d.cluster.copy_tags_to_snapshot = false,
            ClusterChange { copy_tags_to_snapshot: Some(false), ..none() },
        ),
    ];
    let (model, desired) = settled(json!({}));
    for (change, expected) in table {
        let mut desired = desired.clone();
        change(&mut desired);
        assert_eq!(cluster_changes(&acts(&model, &desired)), [&expected]);
        let done = model.clone().settle(&desired);
        assert_eq!(cluster_changes(&done), [&expected], "once, and nothing else");
    }
    // What can't change where it is, or is nobody's wish, is left alone.
    let left: [fn(&mut Desired); 6] = [
        |d| d.cluster.subnet_group = Some("apps".into()),
        |d| d.cluster.port = Some(9_999),
        |d| d.cluster.network_type = Some("DUAL".into()),
        |d| d.cluster.security_groups.clear(),
        |d| d.cluster.parameter_group = None,
        |d| d.cluster.capacity = None,
    ];
    for change in left {
        let mut desired = desired.clone();
        change(&mut desired);
        assert_eq!(model.next(&desired), Progress::Settled);
    }
}

#[test]
fn roles_go_before_others_come() {
    let (model, mut desired) = settled(json!({}));
    let other = AssociatedRole { role: role("import"), feature: Some("s3Import".to_owned()) };
    desired.cluster.roles = vec![other.clone()];
    let actions = acts(&model, &desired);
    let [Action::RemoveRole { role: away, .. }, Action::AddRole { role: came, .. }] = actions.as_slice()
    else {
        panic!("{actions:?}")
    };
    assert_eq!((away, came), (&model.cluster.settings.roles[0], &other));
}

#[test]
fn readers_change_before_the_writer() {
    let (model, mut desired) = settled(json!({ "InstanceCount": "3", "InstanceClass": "db.r6g.large" }));
    desired.instance.class = "db.r6g.xlarge".to_owned();
    let actions = acts(&model, &desired);
    assert_eq!(numbers(&actions), ["2", "3"]);
    let expected = InstanceChange { class: Some("db.r6g.xlarge".to_owned()), ..InstanceChange::default() };
    for action in &actions {
        let Action::ModifyInstance { change, .. } = action else { panic!("{action:?}") };
        assert_eq!(**change, expected);
    }
    assert_eq!(numbers(&model.clone().settle(&desired)), ["2", "3", "1"]);
}

#[test]
fn a_setting_of_an_instance_changes_alone() {
    type Row = (fn(&mut Desired), InstanceChange);
    let none = InstanceChange::default;
    let insights = |enabled, days| {
        let insights = PerformanceInsights { enabled, retention: days, key: None };
        InstanceChange { performance_insights: Some(insights), ..none() }
    };
    let monitoring =
        |interval, role| InstanceChange { monitoring: Some((interval, role)), ..InstanceChange::default() };
    let off = |d: &mut Desired| {
        d.instance.performance_insights = false;
        d.instance.performance_insights_retention = None;
    };
    let table: [Row; 6] = [
        (
            |d| d.instance.parameter_group = Some("mine".into()),
            InstanceChange { parameter_group: Some("mine".into()), ..none() },
        ),
        (off, insights(false, None)),
        (|d| d.instance.performance_insights_retention = Some(731), insights(true, Some(731))),
        (|d| d.instance.monitoring_interval = 5, monitoring(5, Some(role("monitor")))),
        (|d| d.instance.monitoring_role = Some("watch".into()), monitoring(60, Some("watch".into()))),
        (|d| (d.instance.monitoring_interval, d.instance.monitoring_role) = (0, None), monitoring(0, None)),
    ];
    let (model, desired) = settled(json!({}));
    for (change, expected) in table {
        let mut desired = desired.clone();
        change(&mut desired);
        let actions = acts(&model, &desired);
        let [Action::ModifyInstance { change, .. }] = actions.as_slice() else { panic!("{actions:?}") };
        assert_eq!(**change, expected);
        assert_eq!(model.clone().settle(&desired).len(), 1);
    }
}

/// RDS answers with the ARN of the key, whatever it was told, and it never changes while Performance Insights is on.
#[test]
fn the_key_of_performance_insights_is_not_asked_for_again() {
    let (id, arn) = (
        "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f",
        "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f",
    );
    for key in [id, arn] {
        let (mut model, desired) = settled(json!({ "PerformanceInsightsKMSKeyId": key }));
        model.instances[0].settings.performance_insights_key = Some(arn.to_owned());
        assert_eq!(model.next(&desired), Progress::Settled, "{key}");
    }
}

#[test]
fn a_clone_gets_smaller_from_above_and_keeps_its_writer() {
    let (mut model, desired) = settled(json!({ "InstanceCount": "4" }));
    let to = |count: u32| Desired { count, ..desired.clone() };
    assert_eq!(numbers(&acts(&model, &to(2))), ["4", "3"]);
    // After a failover the writer has another number, and somebody's own instance is not counted.
    for instance in &mut model.instances {
        instance.writer = instance.identifier.ends_with("-3");
    }
    model.instances.push(Instance { writer: false, ..instance("by-hand", &model.cluster.identifier) });
    assert_eq!(numbers(&acts(&model, &to(2))), ["4", "2"]);
    assert_eq!(numbers(&acts(&model, &to(1))), ["4", "2", "1"]);
    model.settle(&to(1));
    let left: Vec<&str> = model.instances.iter().map(|i| i.identifier.as_str()).collect();
    assert!(matches!(left[..], [three, "by-hand"] if three.ends_with("-3")), "{left:?}");
}

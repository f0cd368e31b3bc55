//! Updates: what a change of each property does, and that going back goes back.

use aurora_clone_core::create;
use aurora_clone_core::desired::Desired;
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::{Action, Decision, Next, Plan, Seen};
use aurora_clone_core::properties::Properties;
use aurora_clone_core::properties::table::{Class, TABLE};
use aurora_clone_core::record::Incarnation;
use aurora_clone_core::request::Request;
use aurora_clone_core::settings::Settings;
use aurora_clone_core::snapshot::{Cluster, ClusterSettings, Instance, Status};
use aurora_clone_core::update::Change;
use chrono::Duration;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::model::{Model, made};
use crate::room::{cluster, generous, now, owner, place, read, request};
use crate::wishes::{any_map, pairs, with_companions};

/// An Update from the old properties to the new ones.
struct Update {
    request: Request,
    properties: Properties,
    settings: Settings,
}

impl Update {
    fn new(old: &Value, new: &Value) -> Self {
        Self { request: request(new, old), properties: read(new), settings: generous() }
    }

    /// Does something with the change that it is.
    fn with<T>(&self, act: impl FnOnce(&Change<'_>) -> T) -> T {
        let (owner, place) = (owner(), place());
        act(&Change {
            request: &self.request,
            properties: &self.properties,
            owner: &owner,
            place: &place,
            settings: &self.settings,
        })
    }

    fn replaces(&self, cluster: &Cluster) -> Vec<(&'static str, Class)> {
        self.with(|change| change.replaces(cluster, Some(&self.properties.source)))
    }

    fn desired(&self, cluster: &Cluster, record: Option<&Incarnation>) -> Desired {
        self.with(|change| change.desired(cluster, &[], record))
    }

    /// The next step in place.
    fn plan(&self, model: &Model, record: Option<&Incarnation>, seen: &Seen) -> Plan {
        let view = create::View {
            cluster: Some(&model.cluster),
            instances: &model.instances,
            secret: model.secret.as_ref(),
            key: model.key.as_ref(),
            record,
        };
        self.with(|change| change.in_place(view, seen, now()))
    }
}

/// A template with this property, and whether its clone can be made now.
fn template(name: &str, value: &Value) -> (Value, bool) {
    let later = name == "CopyCreatedSince" && value.as_str() > Some("2026-06-21T00:00:00Z");
    (with_companions(name, value), !later)
}

#[test]
fn the_classes_of_all_properties_are_what_they_were() {
    let classes: Vec<_> = pairs().into_iter().map(|(name, class, ..)| (name, class)).collect();
    assert_eq!(classes, TABLE);
}

#[test]
fn a_change_does_what_its_class_says_and_the_way_back_replaces_nothing() {
    for (name, class, a, b) in pairs() {
        for (old, new) in [(&a, &b), (&b, &a)] {
            let ((old, can_be_made), (new, _)) = (template(name, old), template(name, new));
            if !can_be_made {
                continue;
            }
            let (model, record, _) = made(&old);
            let update = Update::new(&old, &new);
            let replaced = matches!(class, Class::Replace | Class::Refresh).then_some((name, class));
            assert_eq!(update.replaces(&model.cluster), Vec::from_iter(replaced), "{old} to {new}");
            let plan = update.plan(&model, Some(&record), &Seen::default());
            if class == Class::NoChange {
                assert!(plan.actions.is_empty(), "{old} to {new}: {plan:?}");
            } else if name == "PerformanceInsightsKMSKeyId" {
                // What is on keeps its key: RDS changes none, so the update says that and does nothing.
                let says_so = |d: &Decision| !d.success && d.reason.contains("while it is on");
                assert!(matches!(&plan.next, Next::Decide(d) if says_so(d)), "{plan:?}");
            } else if class == Class::InPlace {
                assert!(!plan.actions.is_empty(), "{old} to {new}: {plan:?}");
            }
            let back = Update::new(&new, &old);
            assert_eq!(back.replaces(&model.cluster), [], "back from {new} to {old}");
            assert_eq!(back.plan(&model, Some(&record), &Seen::default()).actions, [], "back to {old}");
        }
    }
}

#[test]
fn a_property_that_comes_may_replace_and_one_that_goes_never_does() {
    let bare = json!({ "SourceClusterId": "prod" });
    let (plain, ..) = made(&bare);
    for (name, class, a, b) in pairs().into_iter().filter(|pair| pair.0 != "SourceClusterId") {
        for value in [a, b] {
            let (with, can_be_made) = template(name, &value);
            let found = Update::new(&bare, &with).replaces(&plain.cluster);
            assert!(found.is_empty() || found == [(name, class)], "{name}: {found:?}");
            if can_be_made {
                let (model, ..) = made(&with);
                assert_eq!(Update::new(&with, &bare).replaces(&model.cluster), [], "without {name}");
            }
        }
    }
}

#[test]
fn what_the_clone_has_already_replaces_nothing() {
    let bare = json!({ "SourceClusterId": "prod" });
    let (mut model, ..) = made(&bare);
    for (name, value) in [
        ("DBSubnetGroupName", json!("data")),
        ("Port", json!("5432")),
        ("NetworkType", json!("IPV4")),
        ("SetPassword", json!("true")),
        ("ManageMasterUserPassword", json!("false")),
        ("ForceCreateKmsKey", json!("false")),
        ("SecretPrefix", json!("/aurora-clone-manager/")),
        ("ClusterId", json!(model.cluster.identifier)),
    ] {
        let found = Update::new(&bare, &with_companions(name, &value)).replaces(&model.cluster);
        assert_eq!(found, [], "{name}");
    }
    // Another source of the same family, by its root; and one that is not there is another one.
    let copy = Update::new(&bare, &json!({ "SourceClusterId": "clone-pool-1" }));
    let of_root = |root| copy.with(|change| change.replaces(&model.cluster, root));
    assert_eq!(of_root(Some("prod")), []);
    assert_eq!(of_root(None), [("SourceClusterId", Class::Replace)]);
    // The old name of a property is the property.
    let prefix = json!("/aurora-clone-manager/a/");
    let (old, new) = (with_companions("SecretpPrefix", &prefix), with_companions("SecretPrefix", &prefix));
    model = made(&old).0;
    assert_eq!(Update::new(&old, &new).replaces(&model.cluster), []);
    // So is a name with the part of an incarnation.
    let (old, new) = (bare, json!({ "SourceClusterId": "prod", "ClusterId": "clone-x" }));
    let generation = model.cluster.tag(tag::GENERATION).unwrap().to_owned();
    model.cluster.identifier = aurora_clone_core::identifier::of_generation("clone-x", &generation);
    assert_eq!(Update::new(&old, &new).replaces(&model.cluster), []);
}

#[test]
fn a_refresh_is_for_older_data_only() {
    let since = |time: &str| with_companions("CopyCreatedSince", &json!(time));
    let (mut model, ..) = made(&json!({ "SourceClusterId": "prod" }));
    let refreshes = |model: &Model, time: &str| {
        let found = Update::new(&since("2026-06-01"), &since(time)).replaces(&model.cluster);
        assert!(found.is_empty() || found == [("CopyCreatedSince", Class::Refresh)], "{found:?}");
        !found.is_empty()
    };
    assert!(!refreshes(&model, "2026-06-20") && !refreshes(&model, "2026-06-21T00:00:00Z"));
    assert!(refreshes(&model, "2026-06-21T00:00:01Z"));
    for time in [None, Some("yesterday")] {
        model.cluster.tags.remove(tag::DATA_TIME);
        model.cluster.tags.extend(time.map(|time| (tag::DATA_TIME.to_owned(), time.to_owned())));
        assert!(refreshes(&model, "2026-06-20"), "data of unknown age is too old");
    }
}

#[test]
fn a_rollback_goes_to_a_living_incarnation_of_the_same_properties() {
    let (old, new) =
        (json!({ "SourceClusterId": "prod" }), json!({ "SourceClusterId": "prod", "Port": "5433" }));
    let back = Update::new(&new, &old);
    let (model, record, _) = made(&old);
    let named = |id: &str| {
        let mut incarnation = Cluster { identifier: id.to_owned(), ..model.cluster.clone() };
        incarnation.tags.insert(tag::CLUSTER.to_owned(), id.to_owned());
        incarnation
    };
    let (earlier, current) = (named("clone-earlier"), named("clone-current"));
    let found = |earlier: Cluster, records: &[Incarnation]| {
        let clusters = [current.clone(), cluster("prod"), earlier];
        back.with(|change| change.earlier(&current, &clusters, records).map(|c| c.identifier.clone()))
    };
    let made = [record.clone()];
    assert_eq!(found(earlier.clone(), &made).as_deref(), Some("clone-earlier"));
    assert_eq!(
        found(earlier.clone(), &[]).as_deref(),
        Some("clone-earlier"),
        "from before records were kept"
    );
    let debris = [Incarnation { made: false, ..record }];
    assert_eq!(found(earlier.clone(), &debris), None);
    for (name, value) in [
        (tag::PROPERTIES, "x"),
        (tag::LOGICAL_ID, "Other"),
        (tag::STACK_ID, "x"),
        (tag::MANAGER, "x"),
        (tag::CLUSTER, "clone-current"),
    ] {
        let mut other = earlier.clone();
        other.tags.insert(name.to_owned(), value.to_owned());
        assert_eq!(found(other, &made), None, "{name}");
    }
    for status in ["deleting", "stopped", "failed"] {
        let going = Cluster { status: Status(status.to_owned()), ..earlier.clone() };
        assert_eq!(found(going, &made), None, "{status}");
    }
    // The youngest of several.
    let younger = Cluster { created_at: Some(now() + Duration::hours(1)), ..named("clone-younger") };
    let all = [younger, earlier, current.clone()];
    let picked = back.with(|change| change.earlier(&current, &all, &made).map(|c| c.identifier.clone()));
    assert_eq!(picked.as_deref(), Some("clone-younger"));
}

#[test]
fn an_update_ends_when_everything_was_so_at_two_looks() {
    let properties = json!({ "SourceClusterId": "prod" });
    let (model, record, _) = made(&properties);
    let update = Update::new(&properties, &properties);
    let looked = |seconds| Seen { ready_since: Some(now() - Duration::seconds(seconds)), ..Seen::default() };
    assert!(matches!(update.plan(&model, Some(&record), &Seen::default()).next, Next::Wait { .. }));
    assert!(matches!(update.plan(&model, Some(&record), &looked(24)).next, Next::Wait { .. }));
    let Next::Decide(decision) = update.plan(&model, Some(&record), &looked(25)).next else { panic!() };
    assert_eq!((decision.success, &decision.physical_id), (true, &model.cluster.arn));
    let theirs = Model {
        cluster: Cluster { identifier: "clone-theirs".to_owned(), ..model.cluster.clone() },
        ..model
    };
    let Next::Decide(decision) = update.plan(&theirs, None, &looked(25)).next else { panic!() };
    assert!(!decision.success && decision.reason.contains("somebody cloned"), "{}", decision.reason);
}

/// What an operator does not admit does not come in by the back door of a default.
#[test]
fn an_update_stays_within_the_operators_limits() {
    let given = json!({
        "SourceClusterId": "prod", "VpcSecurityGroupIds": ["sg-2"], "InstanceClass": "db.r6g.large"
    });
    let (model, record, _) = made(&given);
    let refused = |new: &Value, narrow: fn(&mut Settings)| {
        let mut update = Update::new(&given, new);
        narrow(&mut update.settings);
        match update.plan(&model, Some(&record), &Seen::default()) {
            Plan { next: Next::Decide(decision), actions, .. } if actions.is_empty() => Some(decision.reason),
            _ => None,
        }
    };
    let without = |name: &str| {
        let mut new = given.clone();
        new.as_object_mut().unwrap().remove(name);
        new
    };
    let groups: fn(&mut Settings) = |s| s.limits.security_groups = patterns("sg-2");
    let classes: fn(&mut Settings) = |s| s.limits.instance_classes = patterns("db.r6g.*");
    for (name, limit, narrow) in [
        ("VpcSecurityGroupIds", "ALLOWED_SECURITY_GROUPS", groups),
        ("InstanceClass", "ALLOWED_INSTANCE_CLASSES", classes),
    ] {
        let reason = refused(&without(name), narrow).unwrap_or_else(|| panic!("{name} was admitted"));
        assert!(reason.contains(name) && reason.contains(limit), "{reason}");
        assert_eq!(refused(&given, narrow), None, "what it has already stays");
    }
}

fn patterns(text: &str) -> aurora_clone_core::limits::Patterns {
    aurora_clone_core::limits::Patterns::parse(text)
}

/// The template that failed may have had anything in it; going back takes away no tag of ours.
#[test]
fn the_way_back_from_tags_that_were_refused_takes_nothing_of_ours_away() {
    let fine = json!({ "SourceClusterId": "prod", "Tags": { "team": "a" } });
    let (mut model, record, _) = made(&fine);
    let mut keys: Vec<String> = model.cluster.tags.keys().cloned().collect();
    keys.push("aws:cloudformation:stack-name".to_owned());
    model.cluster.tags.insert("aws:cloudformation:stack-name".to_owned(), "x".to_owned());
    let tags = Value::from_iter(keys.into_iter().map(|key| (key, "x")));
    let refused = json!({ "SourceClusterId": "prod", "Tags": tags });
    let plan = Update::new(&refused, &fine).plan(&model, Some(&record), &Seen::default());
    assert_eq!(plan.actions, []);
}

/// One with only the settings of the cluster, where no record says what its instances were like.
#[test]
fn a_clone_without_a_record_keeps_what_nobody_gives() {
    let (model, ..) = made(&json!({ "SourceClusterId": "prod", "Port": "5433" }));
    let bare = json!({ "SourceClusterId": "prod" });
    let desired = Update::new(&bare, &bare).desired(&model.cluster, None);
    assert_eq!(desired.cluster, model.cluster.settings);
}

/// How a clone is set up, without what nothing takes away again: a range of capacity, which costs nothing by itself, and the key
/// that Performance Insights began with.
fn plain(model: &Model) -> (ClusterSettings, Vec<Instance>) {
    let mut model = model.clone();
    model.cluster.settings.capacity = None;
    for instance in &mut model.instances {
        instance.settings.performance_insights_key = None;
    }
    (model.cluster.settings, model.instances)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn there_and_back_is_where_it_was(old in any_map(), new in any_map()) {
        let (mut model, record, first) = made(&old);
        let before = model.clone();
        let (there, back) = (Update::new(&old, &new), Update::new(&new, &old));
        if there.replaces(&model.cluster).is_empty() {
            model.settle(&there.desired(&model.cluster, Some(&record)));
        }
        prop_assert_eq!(back.replaces(&model.cluster), []);
        let desired = back.desired(&model.cluster, Some(&record));
        // All of it but what is to be taken away, which is what the other template had.
        prop_assert_eq!(&Desired { without: first.without.clone(), ..desired.clone() }, &first);
        prop_assert!(desired.without.iter().all(|key| !desired.tags.contains_key(key)));
        model.settle(&desired);
        prop_assert_eq!(&model.cluster.tags, &before.cluster.tags);
        prop_assert_eq!(plain(&model), plain(&before));
        prop_assert_eq!(model.secret.map(|s| s.policy), before.secret.map(|s| s.policy));
    }
}

#[test]
fn a_failed_update_keeps_the_name() {
    let properties = json!({ "SourceClusterId": "prod" });
    let mut update = Update::new(&properties, &properties);
    let (model, ..) = made(&properties);
    update.request.physical_id = Some(model.cluster.arn.clone());
    let decision = update.with(|change| change.failed("Because."));
    assert_eq!((decision.success, decision.physical_id), (false, model.cluster.arn));
    assert!(matches!(decision.events.as_slice(), [event] if event.detail["requestType"] == "Update"));
    // Nothing is done to what is gone.
    let view = create::View { cluster: None, instances: &[], secret: None, key: None, record: None };
    let plan = update.with(|change| change.in_place(view, &Seen::default(), now()));
    let none: [Action; 0] = [];
    assert_eq!(plan.actions, none);
    assert!(matches!(plan.next, Next::Decide(decision) if decision.reason.contains("gone")));
}

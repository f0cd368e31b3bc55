//! Whatever is observed, what the planners want passes the checker, and a deletion is of ours.

use aurora_clone_core::check::check;
use aurora_clone_core::create::{self, View};
use aurora_clone_core::family::Family;
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::{Action, Next, Plan, Seen};
use aurora_clone_core::properties::OnNoSlot;
use aurora_clone_core::request::Wanted;
use aurora_clone_core::slots::{self, Freshness};
use aurora_clone_core::snapshot::{Cluster, Instance, Status};
use aurora_clone_core::tags::RestoreType;
use chrono::Duration;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::room::{STACK, choose, cluster, delete, instance, now, settings, unwanted, wanted};

const NAMES: [&str; 10] = [
    "prod",
    "other",
    "by-hand",
    "clone-a",
    "clone-b",
    "clone-c",
    "clone-new",
    "clone-pool-1",
    "clone-pool-2",
    "gone",
];
const STATUSES: [&str; 8] =
    ["available", "available", "available", "creating", "deleting", "stopped", "levitating", "failed"];

/// Tags that make sense, tags of others, and tags that make none.
fn tags() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let name = || select(&NAMES[..]).prop_map(str::to_owned);
    let text = |values: &'static [&'static str]| select(values).prop_map(str::to_owned);
    (
        weighted(0.95, text(&["manager", "manager", "manager", "another", ""])),
        weighted(0.95, text(&["clone", "clone", "copy", "copy", "chief"])),
        // `None` is the carrier's own name.
        weighted(0.3, name()),
        weighted(0.98, prop_oneof![4 => Just("prod".to_owned()), 1 => name()]),
        weighted(0.98, name()),
        weighted(0.98, text(&["copy-on-write", "copy-on-write", "full-copy", "?"])),
        weighted(0.9, text(&["2026-06-20T00:00:00Z", "2026-06-01T00:00:00Z", "2027-01-01T00:00:00Z", "x"])),
        weighted(0.9, text(&[STACK, STACK, "another"])),
        weighted(0.9, text(&["Clone", "Clone", "Other"])),
        weighted(0.9, text(&["g1", "4-g", "5-g", "g2"])),
        weighted(0.1, Just("soon".to_owned())),
    )
        .prop_map(
            |(manager, role, about, root, source, kind, time, stack, logical, generation, retiring)| {
                [
                    (tag::MANAGER, manager),
                    (tag::ROLE, role),
                    (tag::CLUSTER, Some(about.unwrap_or_default())),
                    (tag::ROOT, root),
                    (tag::SOURCE, source),
                    (tag::RESTORE_TYPE, kind),
                    (tag::DATA_TIME, time),
                    (tag::STACK_ID, stack),
                    (tag::LOGICAL_ID, logical),
                    (tag::GENERATION, generation),
                    (tag::RETIRING, retiring),
                ]
                .into_iter()
                .filter_map(|(key, value)| Some((key, value?)))
                .collect()
            },
        )
}

fn any_cluster(id: &'static str) -> impl Strategy<Value = Cluster> {
    let tagged = if id.starts_with("clone") { 0.9 } else { 0.1 };
    (
        weighted(tagged, tags()),
        select(&STATUSES[..]),
        0..3_usize,
        select(&[None, Some("g"), Some("h")][..]),
        weighted(0.1, Just(())),
    )
        .prop_map(move |(tags, status, members, group, protected)| {
            let mut cluster = Cluster {
                status: Status(status.to_owned()),
                members: (1..=members).map(|n| format!("{id}-{n}")).collect(),
                clone_group: group.map(str::to_owned),
                ..cluster(id)
            };
            cluster.settings.deletion_protection = protected.is_some();
            for (key, value) in tags.unwrap_or_default() {
                let value = if key == tag::CLUSTER && value.is_empty() { id.to_owned() } else { value };
                cluster.tags.insert(key.to_owned(), value);
            }
            cluster
        })
}

fn snapshot() -> impl Strategy<Value = (Vec<Cluster>, Vec<Instance>)> {
    subsequence(&NAMES[..9], 1..=9)
        .prop_flat_map(|names| names.into_iter().map(any_cluster).collect::<Vec<_>>())
        .prop_flat_map(|clusters| {
            let members: Vec<(String, String)> = clusters
                .iter()
                .flat_map(|c| c.members.iter().map(|id| (id.clone(), c.identifier.clone())))
                .collect();
            let statuses = proptest::collection::vec(select(&STATUSES[..]), members.len());
            (Just(clusters), statuses).prop_map(move |(clusters, statuses)| {
                let instances = members
                    .iter()
                    .zip(statuses)
                    .map(|((id, of), status)| Instance { status: Status(status.into()), ..instance(id, of) })
                    .collect();
                (clusters, instances)
            })
        })
}

fn any_wanted() -> impl Strategy<Value = Wanted> {
    let freshness =
        (weighted(0.2, 0..100_i64), weighted(0.5, 1..100_i64)).prop_map(|(since, age)| Freshness {
            created_since: since.map(|hours| now() - Duration::hours(hours)),
            max_age: age.map(Duration::hours),
        });
    let names = select(&["clone-new", "clone-new", "clone-a", "clone-b"][..]);
    let policies = select(&[OnNoSlot::Copy, OnNoSlot::Wait, OnNoSlot::Fail][..]);
    (prop_oneof![3 => Just("prod"), 1 => select(&NAMES[..])], names, freshness, policies).prop_map(
        |(source, identifier, freshness, on_no_slot)| {
            let mut wanted = wanted(source);
            identifier.clone_into(&mut wanted.identifier);
            wanted.properties.freshness = freshness;
            wanted.properties.on_no_slot = on_no_slot;
            wanted
        },
    )
}

/// Whether a Delete that came at 5 may delete it, by the tags alone and without the guard.
fn is_ours(cluster: &Cluster) -> bool {
    let tag = |key: &str| cluster.tag(key);
    tag(tag::MANAGER) == Some("manager")
        && tag(tag::ROLE) == Some("clone")
        && tag(tag::CLUSTER) == Some(&cluster.identifier)
        && tag(tag::STACK_ID) == Some(STACK)
        && tag(tag::LOGICAL_ID) == Some("Clone")
        && tag(tag::GENERATION).is_some_and(|generation| generation != "5-g")
        && cluster.identifier.starts_with("clone-")
}

fn deleted(plan: &Plan) -> Vec<&str> {
    plan.actions
        .iter()
        .map(|action| match action {
            Action::DeleteInstance { cluster, .. } | Action::DeleteCluster { cluster, .. } => {
                cluster.identifier()
            }
            other => panic!("{other:?} in a Delete"),
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn what_create_plans_passes_the_checker(
        (clusters, instances) in snapshot(), wanted in any_wanted(), limit in 1..4_u32, margin in 0..2_u32,
    ) {
        let settings = settings(limit, margin.min(limit - 1));
        let plan = choose(&wanted, &clusters, &settings);
        prop_assert_eq!(check(&plan, &clusters, &instances, &settings), Ok(()));
        if let [Action::Restore(restore)] = plan.actions.as_slice()
            && restore.restore_type == RestoreType::CopyOnWrite
        {
            let root = clusters.iter().find(|c| c.identifier == restore.tags[tag::ROOT]).unwrap();
            let used = slots::used(&Family::of(root, &clusters))[restore.source.as_str()];
            prop_assert!(used < settings.limit - settings.margin);
        }
        let own = clusters.iter().find(|c| c.identifier == wanted.identifier);
        let of_own = |i: &&Instance| i.cluster.as_deref() == Some(&wanted.identifier);
        let of_own: Vec<Instance> = instances.iter().filter(of_own).cloned().collect();
        let view = View { cluster: own, instances: &of_own, secret: None, key: None, record: None };
        let plan = create::follow(&wanted, view, &Seen::default(), &settings, now());
        prop_assert_eq!(check(&plan, &clusters, &instances, &settings), Ok(()));
    }

    #[test]
    fn what_delete_plans_passes_the_checker_and_is_of_ours(
        (clusters, instances) in snapshot(),
        physical_id in prop_oneof![
            3 => "\\PC{0,40}",
            3 => select(&NAMES[..]).prop_map(|name| crate::room::place().cluster_arn(name)),
            1 => select(&NAMES[..]).prop_map(str::to_owned),
            1 => select(&NAMES[..]).prop_map(|name| format!("arn:aws:rds:us-east-1:999999999999:cluster:{name}")),
        ],
    ) {
        let settings = settings(15, 1);
        let plan = delete(&unwanted(&physical_id, 5), &clusters, &instances);
        prop_assert_eq!(check(&plan, &clusters, &instances, &settings), Ok(()));
        for identifier in deleted(&plan) {
            let target = clusters.iter().find(|c| c.identifier == identifier).unwrap();
            prop_assert!(is_ours(target), "{:?} for {:?}", target, physical_id);
            prop_assert!(!physical_id.starts_with("arn:aws:rds:") || physical_id == target.arn);
        }
    }

    #[test]
    fn every_cluster_takes_one_slot_at_most((clusters, _) in snapshot()) {
        for root in &clusters {
            let family = Family::of(root, &clusters);
            let used: u32 = slots::used(&family).values().sum();
            prop_assert!(used as usize + family.sources().count() <= clusters.len());
        }
    }
}

#[test]
fn what_is_too_much_for_one_step_is_done_in_several() {
    let clusters: Vec<Cluster> =
        (0..5).map(|n| crate::room::clone_of(&format!("clone-{n}"), "prod", "prod")).collect();
    let instances: Vec<Instance> = clusters
        .iter()
        .flat_map(|c| (1..=15).map(|n| instance(&format!("{}-{n}", c.identifier), &c.identifier)))
        .collect();
    let plan = delete(&unwanted("web-Clone-ABC", 1), &clusters, &instances);
    assert!(plan.actions.len() >= 16);
    assert_eq!(check(&plan, &clusters, &instances, &settings(15, 1)), Ok(()));
}

#[test]
fn a_cluster_that_is_being_deleted_is_left_to_it() {
    let mut going = crate::room::clone_of("clone-a", "prod", "prod");
    going.status = Status("deleting".to_owned());
    going.settings.deletion_protection = true;
    let instances = [instance("clone-a-1", "clone-a")];
    let plan = delete(&unwanted(&going.arn, 1), std::slice::from_ref(&going), &instances);
    assert!(plan.actions.is_empty() && matches!(plan.next, Next::Wait { .. }), "{plan:?}");
}

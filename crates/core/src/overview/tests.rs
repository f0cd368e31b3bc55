//! Overviews of small accounts, and of any account.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::arn::Place;
use crate::duration::{format_time, parse_time};
use crate::family;
use crate::names::{env, tag};
use crate::pool::config::Maintenance;
use crate::prices::PriceList;
use crate::rules::Rules;
use crate::settings::Settings;
use crate::slots::{self, Freshness, Reason};
use crate::snapshot::{self, Cluster, ClusterSettings, InstanceSettings, Status};

fn now() -> DateTime<Utc> {
    parse_time("2026-11-24T12:00:00Z").expect("a time")
}

fn settings() -> Settings {
    Settings::read(|name| (name == env::MANAGER).then(|| "manager".to_owned())).expect("settings")
}

fn place() -> Place {
    Place { partition: "aws".to_owned(), region: "eu-west-1".to_owned(), account: "123456789012".to_owned() }
}

fn cluster(id: &str) -> Cluster {
    Cluster {
        identifier: id.to_owned(),
        arn: place().cluster_arn(id),
        resource_id: format!("cluster-{id}"),
        status: Status("available".to_owned()),
        engine: "aurora-postgresql".to_owned(),
        engine_version: "16.4".to_owned(),
        clone_group: None,
        members: vec![format!("{id}-1")],
        writer: Some(format!("{id}-1")),
        tags: BTreeMap::new(),
        created_at: Some(now() - Duration::days(2)),
        pending_changes: false,
        endpoint: None,
        reader_endpoint: None,
        master_username: None,
        database_name: None,
        managed_secret: None,
        settings: ClusterSettings::default(),
    }
}

/// With lineage tags: its role, its root, its source and how it was restored.
fn made(id: &str, role: &str, root: &str, source: &str, restore_type: &str) -> Cluster {
    let mut cluster = cluster(id);
    let data = format_time(now() - Duration::days(1));
    for (key, value) in [
        (tag::MANAGER, "manager"),
        (tag::CLUSTER, id),
        (tag::ROLE, role),
        (tag::ROOT, root),
        (tag::SOURCE, source),
        (tag::RESTORE_TYPE, restore_type),
        (tag::DATA_TIME, &data),
    ] {
        cluster.tags.insert(key.to_owned(), value.to_owned());
    }
    cluster
}

fn clone(id: &str, root: &str, source: &str) -> Cluster {
    made(id, "clone", root, source, "copy-on-write")
}

fn copy(id: &str, root: &str) -> Cluster {
    made(id, "copy", root, root, "full-copy")
}

fn tagged(mut cluster: Cluster, tags: &[(&str, &str)]) -> Cluster {
    cluster.tags.extend(tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    cluster
}

fn instance(cluster: &Cluster, class: &str) -> snapshot::Instance {
    snapshot::Instance {
        identifier: format!("{}-1", cluster.identifier),
        cluster: Some(cluster.identifier.clone()),
        status: Status("available".to_owned()),
        writer: true,
        pending_changes: false,
        arn: String::new(),
        tags: BTreeMap::new(),
        settings: InstanceSettings { class: class.to_owned(), ..InstanceSettings::default() },
    }
}

fn overview(
    clusters: &[Cluster],
    maintenance: Option<&Maintenance>,
    rules: &BTreeMap<String, Rules>,
    wanted: Wanted<'_>,
) -> Result<Overview, NoSuchCluster> {
    let settings = settings();
    let chosen = choose(clusters, &settings, maintenance, wanted)?;
    let instances: Vec<_> =
        chosen.clusters().into_iter().map(|cluster| instance(cluster, "db.r6g.large")).collect();
    let view = View {
        instances: &instances,
        settings: &settings,
        maintenance,
        rules,
        prices: &PriceList::default(),
        volume_gib: &BTreeMap::new(),
        place: &place(),
        now: now(),
    };
    Ok(chosen.describe(&view))
}

fn all(clusters: &[Cluster]) -> Overview {
    overview(clusters, None, &BTreeMap::new(), Wanted::default()).expect("an overview")
}

fn of(clusters: &[Cluster], source: &str) -> Result<Overview, NoSuchCluster> {
    overview(clusters, None, &BTreeMap::new(), Wanted { source: Some(source), all: false })
}

fn maintenance(text: &str) -> Maintenance {
    Maintenance::parse(text, &settings()).expect("a configuration")
}

/// `root: source[member…]… | apart…`, for each family.
fn shape(overview: &Overview) -> Vec<String> {
    let ids = |members: &[Member]| {
        members.iter().map(|member| member.identifier.as_str()).collect::<Vec<_>>().join(" ")
    };
    let family = |family: &Family| {
        let source = |source: &Source| format!("{}[{}]", source.identifier, ids(&source.members));
        let sources: Vec<String> = family.sources.iter().map(source).collect();
        format!("{} | {}", sources.join(" "), ids(&family.apart))
    };
    overview.families.iter().map(family).collect()
}

fn household() -> Vec<Cluster> {
    let stack = "arn:aws:cloudformation:eu-west-1:123456789012:stack/web/0a1b";
    let mut stranger = cluster("by-hand");
    stranger.clone_group = Some("group".to_owned());
    let mut prod = cluster("prod");
    prod.clone_group = Some("group".to_owned());
    prod.created_at = Some(now() - Duration::days(900));
    vec![
        tagged(clone("clone-a", "prod", "prod"), &[(tag::STACK_ID, stack), (tag::LOGICAL_ID, "Db")]),
        tagged(
            clone("clone-b", "prod", "clone-pool-1"),
            &[
                (tag::STACK_ID, "command-line/aws/eu-west-1/123456789012"),
                (tag::LOGICAL_ID, "mine"),
                (tag::EXPIRES, "2026-11-24T11:00:00Z"),
                (tag::WARNED, "2026-11-24T11:00:00Z@2026-11-23T11:00:00Z"),
                (tag::DESCRIPTION, "to look at"),
            ],
        ),
        made("clone-full", "clone", "prod", "prod", "full-copy"),
        clone("clone-late", "prod", "clone-pool-0"),
        copy("clone-pool-1", "prod"),
        tagged(copy("clone-pool-2", "prod"), &[(tag::RETIRING, "2026-11-24T10:00:00Z")]),
        prod,
        stranger,
        cluster("unrelated"),
        clone("clone-lost", "gone", "gone"),
    ]
}

#[test]
fn a_family_is_a_tree_and_what_takes_no_slot_is_apart() {
    let overview = all(&household());
    assert_eq!(
        shape(&overview),
        ["prod[by-hand clone-a] clone-pool-1[clone-b] clone-pool-2[] | clone-full clone-late"]
    );
    let lost: Vec<&str> = overview.without_root.iter().map(|member| member.identifier.as_str()).collect();
    assert_eq!((lost, overview.elsewhere.len()), (vec!["clone-lost"], 0));
    let totals = overview.totals;
    let kinds = (totals.clusters, totals.roots, totals.copies, totals.clones, totals.strangers);
    assert_eq!((kinds, totals.expired), ((9, 1, 2, 5, 1), 1));
    // 14 slots each: two, one and none are taken; the copy that goes gives none.
    assert_eq!(totals.slots, Slots { used: 3, free: 12 + 13 + 14, usable: 12 + 13, limit: 42 });
}

#[test]
fn every_owner_is_named() {
    let overview = all(&household());
    let family = &overview.families[0];
    let owner = |source: usize, member: usize| &family.sources[source].members[member].owner;
    assert_eq!(owner(0, 0), &Owner::Unknown);
    let Owner::Stack { name, logical_id, .. } = owner(0, 1) else { panic!("{:?}", owner(0, 1)) };
    assert_eq!((name.as_str(), logical_id.as_str()), ("web", "Db"));
    assert_eq!(owner(1, 0), &Owner::CommandLine { name: "mine".to_owned() });
    assert_eq!(family.apart[0].owner, Owner::ByHand);
    let mine = &family.sources[1].members[0];
    let lease = mine.lease.as_ref().expect("a lease");
    assert!(lease.is_over() && lease.left == Some(-3_600) && lease.warned_at.is_some());
    assert_eq!(mine.description.as_deref(), Some("to look at"));
}

#[test]
fn a_source_says_why_it_is_not_cloned() {
    let mut clusters = household();
    clusters[4].status = Status("creating".to_owned());
    clusters.push(tagged(copy("clone-pool-3", "prod"), &[(tag::DATA_TIME, "2026-11-01")]));
    clusters.push(tagged(copy("clone-pool-4", "prod"), &[(tag::MANAGER, "another")]));
    let overview = all(&clusters);
    let said: Vec<_> = overview.families[0]
        .sources
        .iter()
        .map(|one| (one.identifier.as_str(), one.condition, one.slots.usable))
        .collect();
    assert_eq!(
        said,
        [
            ("prod", Condition::Usable, 12),
            ("clone-pool-1", Condition::Coming, 0),
            ("clone-pool-2", Condition::Retiring, 0),
            ("clone-pool-4", Condition::NotOurs, 0),
            ("clone-pool-3", Condition::TooOld, 0),
        ]
    );
    let reason = overview.families[0].sources[4].reason.as_deref().expect("a reason");
    assert!(reason.contains("23 d 12 h old"), "{reason}");
}

#[test]
fn any_cluster_of_a_family_leads_to_it() {
    let clusters = household();
    for name in ["prod", "clone-pool-1", "clone-b", "by-hand", "clone-full"] {
        let overview = of(&clusters, name).expect(name);
        assert_eq!(shape(&overview).len(), 1, "{name}");
        assert!(overview.without_root.is_empty());
        let family = &overview.families[0];
        let members = family.sources.iter().flat_map(|source| &source.members).chain(&family.apart);
        let named = members.filter(|member| member.named).map(|member| &member.identifier);
        let named = named.chain(family.sources.iter().filter(|one| one.named).map(|one| &one.identifier));
        assert_eq!(named.collect::<Vec<_>>(), [name]);
    }
    assert_eq!(shape(&of(&clusters, "unrelated").expect("itself")), ["unrelated[] | "]);
    let lost = of(&clusters, "clone-lost").expect("without a root");
    assert!(lost.families.is_empty() && lost.without_root.len() == 1 && lost.without_root[0].named);
}

#[test]
fn a_name_that_is_nearly_right_is_suggested() {
    let error = of(&household(), "clone-pol-1").expect_err("no such cluster");
    assert_eq!(error.similar.as_deref(), Some("clone-pool-1"));
    assert_eq!(of(&household(), "x").expect_err("no such cluster").similar, None);
}

#[test]
fn a_renamed_root_is_found_by_its_clone_group() {
    let mut clusters = household();
    clusters[0].clone_group = Some("group".to_owned());
    clusters[6].identifier = "prod-old".to_owned();
    let overview = all(&clusters);
    assert_eq!(shape(&overview), ["prod-old[by-hand clone-a] | "]);
    let lost: Vec<&str> = overview.without_root.iter().map(|member| member.identifier.as_str()).collect();
    assert_eq!(lost, ["clone-b", "clone-full", "clone-late", "clone-lost", "clone-pool-1", "clone-pool-2"]);
}

#[test]
fn the_configuration_adds_sources_targets_rules_and_prices() {
    let text = r#"{"protect": ["clone-a"], "clusters": [
        {"cluster-id": "prod", "target-clone-slots": 20, "max-clones-per-source": 5, "slot-margin": 2,
         "volume-gib": 1000, "gib-month-price": 0.2, "instance-hour-price": 0.5, "owner-tag": "team", "owner-quota": 3},
        {"cluster-id": "unrelated", "target-clone-slots": 1},
        {"cluster-id": "nowhere", "target-clone-slots": 1}]}"#;
    let maintenance = maintenance(text);
    let rules =
        maintenance.sources.iter().map(|source| (source.source.clone(), Rules::of(source, &settings())));
    let mut clusters = household();
    clusters[0].tags.insert("team".to_owned(), "red".to_owned());
    let overview =
        overview(&clusters, Some(&maintenance), &rules.collect(), Wanted::default()).expect("an overview");
    assert_eq!(shape(&overview)[1], "unrelated[] | ");
    assert_eq!(overview.missing_sources, ["nowhere"]);
    let prod = &overview.families[0];
    assert_eq!(prod.pool.as_ref().map(|pool| pool.target), Some(20));
    assert_eq!(prod.sources[0].slots, Slots { used: 2, free: 1, usable: 1, limit: 3 });
    let clone = &prod.sources[0].members[1];
    assert_eq!(clone.quota_owner.as_deref(), Some("red"));
    assert!(clone.kept.as_deref().is_some_and(|why| why.contains("protect")));
    // The root by its class, the copy by the configuration, the clone without storage, the full copy with it.
    let totals = |cost: crate::prices::Cost| (cost.total().round() as i64, cost.at_least);
    assert_eq!(totals(prod.sources[0].monthly_cost), (189 + 200, false));
    assert_eq!(totals(prod.sources[1].monthly_cost), (365 + 200, false));
    assert_eq!(totals(clone.monthly_cost), (189, false));
    assert_eq!(totals(prod.apart[0].monthly_cost), (189 + 200, false));
    // What hung off a copy that is gone has pages that nobody has counted.
    assert_eq!(totals(prod.apart[1].monthly_cost), (189, true));
    assert!(overview.totals.monthly_cost.at_least);
}

#[test]
fn the_rest_is_shown_where_everything_is_wanted() {
    let wanted = Wanted { source: None, all: true };
    let overview = overview(&household(), None, &BTreeMap::new(), wanted).expect("an overview");
    let rest: Vec<&str> = overview.elsewhere.iter().map(|member| member.identifier.as_str()).collect();
    assert_eq!(rest, ["unrelated"]);
    assert_eq!(overview.totals.clusters, 10);
    assert_eq!(shape(&all(&[])), Vec::<String>::new());
}

/// Any cluster of a few names, groups and tags.
fn any_cluster(id: String) -> impl Strategy<Value = Cluster> {
    let names = ["c0", "c1", "c2", "c3", "c4", "c5", "gone"];
    let lineage = (
        select(vec!["clone", "copy"]),
        select(names.to_vec()),
        select(names.to_vec()),
        select(vec!["copy-on-write", "full-copy"]),
        prop_oneof![4 => Just(None), 1 => select(names.to_vec()).prop_map(Some)],
        select(vec!["manager", "manager", "another"]),
    );
    let group = select(vec![None, Some("g1"), Some("g2")]);
    let status = select(vec!["available", "available", "creating", "deleting", "failed"]);
    (proptest::option::weighted(0.7, lineage), group, status, any::<bool>()).prop_map(
        move |(lineage, group, status, retiring)| {
            let mut cluster = match lineage {
                None => cluster(&id),
                Some((role, root, source, restore_type, about, manager)) => tagged(
                    made(&id, role, root, source, restore_type),
                    &[(tag::MANAGER, manager), (tag::CLUSTER, about.unwrap_or(&id))],
                ),
            };
            if retiring {
                cluster.tags.insert(tag::RETIRING.to_owned(), String::new());
            }
            cluster.clone_group = group.map(str::to_owned);
            cluster.status = Status(status.to_owned());
            cluster
        },
    )
}

fn any_account() -> impl Strategy<Value = Vec<Cluster>> {
    (0..8_usize).prop_flat_map(|number| (0..number).map(|n| any_cluster(format!("c{n}"))).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn every_cluster_is_shown_and_in_each_family_once(clusters in any_account()) {
        let wanted = Wanted { source: None, all: true };
        let overview = overview(&clusters, None, &BTreeMap::new(), wanted).expect("an overview");
        let mut shown = BTreeSet::new();
        for family in &overview.families {
            let sources = family.sources.iter().map(|source| source.identifier.as_str());
            let members = family.sources.iter().flat_map(|source| &source.members).chain(&family.apart);
            let here: Vec<&str> = sources.chain(members.map(|member| member.identifier.as_str())).collect();
            let once: BTreeSet<&str> = here.iter().copied().collect();
            prop_assert_eq!(once.len(), here.len(), "{:?}", here);
            prop_assert_eq!(family.totals.clusters as usize, here.len());
            shown.extend(once);
        }
        for member in overview.without_root.iter().chain(&overview.elsewhere) {
            prop_assert!(shown.insert(&member.identifier), "{} is shown twice", member.identifier);
        }
        prop_assert_eq!(shown.len(), clusters.len());
        prop_assert_eq!(overview.totals.clusters as usize, clusters.len());
    }

    #[test]
    fn slots_are_those_that_a_create_goes_by(clusters in any_account()) {
        let overview = all(&clusters);
        let settings = settings();
        let fresh = Freshness { created_since: None, max_age: Some(settings.max_copy_age) };
        for shown in &overview.families {
            let root = clusters.iter().find(|cluster| cluster.identifier == shown.root).expect("the root");
            let family = family::Family::of(root, &clusters);
            let verdicts = slots::judge(&family, &fresh, &settings, now());
            prop_assert_eq!(verdicts.len(), shown.sources.len());
            for (verdict, source) in verdicts.iter().zip(&shown.sources) {
                prop_assert_eq!(&verdict.source, &source.identifier);
                prop_assert_eq!((verdict.used, verdict.free), (source.slots.used, source.slots.free));
                prop_assert_eq!(source.slots.used as usize, source.members.len());
                let usable = if verdict.reason == Reason::Usable { verdict.free } else { 0 };
                prop_assert_eq!(source.slots.usable, usable);
                prop_assert_eq!(source.condition == Condition::Usable, verdict.reason == Reason::Usable);
            }
        }
    }

    #[test]
    fn every_cluster_can_be_asked_for(clusters in any_account()) {
        for cluster in &clusters {
            let overview = of(&clusters, &cluster.identifier).expect("it is there");
            let json = serde_json::to_value(&overview).expect("JSON").to_string();
            prop_assert!(json.contains(r#""named":true"#), "{}", cluster.identifier);
        }
    }
}

//! Slots are counted right whatever people and managers did to a family, and whatever page of the listing it is on.

use aurora_clone_aws::cloud::{Cloud, Parts};
use aurora_clone_aws::observe;
use aurora_clone_core::arn::Place;
use aurora_clone_core::create::{self, Time};
use aurora_clone_core::family::Family;
use aurora_clone_core::names::{env, tag};
use aurora_clone_core::plan::Action;
use aurora_clone_core::properties::Properties;
use aurora_clone_core::request::{Owner, Wanted};
use aurora_clone_core::rules::Rules;
use aurora_clone_core::settings::Settings;
use aurora_clone_core::slots::{self, Freshness};
use aurora_clone_core::snapshot::Cluster;
use aurora_clone_core::tags::{RestoreType, lineage};
use aurora_clone_sim::connector::SimHttpClient;
use aurora_clone_sim::rds::{SeedCluster, SeedInstance};
use aurora_clone_sim::{Config, Fault, FaultKind, Sim, Target, World};
use aurora_clone_tests::{House, MANAGER, MANAGER_KEY, PERSON_KEY, TABLE, copy, prod, strangers_clone};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use chrono::{DateTime, Duration, Utc};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

const STACK: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/web/1";

/// Something that happens in a family.
#[derive(Debug, Clone)]
enum Deed {
    /// A manager clones the root or a copy, under a name that it uses again later.
    Clone { manager: &'static str, source: Index, name: usize, kind: RestoreType },
    /// A manager adds a copy to the pool.
    Copy { manager: &'static str },
    /// A person clones anything.
    ByHand { source: Index, own_tags: bool, kind: RestoreType },
    /// Anything but the root goes.
    Gone { victim: Index },
    /// Anything gets a status.
    Status { of: Index, status: &'static str },
    /// The root gets another name.
    RenameRoot,
}

const STATUSES: [&str; 8] =
    ["available", "available", "backing-up", "deleting", "stopped", "failed", "levitating", "creating"];

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let manager = || select(&[MANAGER, MANAGER, "another"][..]);
    let kind =
        |full: u32| prop_oneof![20 => Just(RestoreType::CopyOnWrite), full => Just(RestoreType::FullCopy)];
    let deed = prop_oneof![
        8 => (manager(), any::<Index>(), 0..5_usize, kind(3)).prop_map(|(manager, source, name, kind)| Deed::Clone { manager, source, name, kind }),
        2 => manager().prop_map(|manager| Deed::Copy { manager }),
        6 => (any::<Index>(), proptest::bool::weighted(0.2), kind(1)).prop_map(|(source, own_tags, kind)| Deed::ByHand { source, own_tags, kind }),
        4 => any::<Index>().prop_map(|victim| Deed::Gone { victim }),
        2 => (any::<Index>(), select(&STATUSES[..])).prop_map(|(of, status)| Deed::Status { of, status }),
        1 => proptest::bool::weighted(0.2).prop_map(|rename| if rename { Deed::RenameRoot } else { Deed::Copy { manager: MANAGER } }),
    ];
    proptest::collection::vec(deed, 1..24)
}

/// A World in which deeds are done, and what makes its families hard to read from tags.
struct Stage {
    world: World,
    root: String,
    made: usize,
    /// A person hid which volume a clone hangs off: it has none of our tags, and it is not on the root's.
    ambiguous: bool,
    /// Something may be counted that takes no slot.
    pessimistic: bool,
}

impl Stage {
    fn new() -> Self {
        let mut config = Config::default();
        config.rds.clone_seconds = 0..=0;
        config.rds.full_copy_seconds = 0..=0;
        let mut world = World::new(config);
        world.rds.seed_subnet_group("data");
        world.rds.seed_cluster(prod("prod"));
        Self { world, root: "prod".to_owned(), made: 0, ambiguous: false, pessimistic: false }
    }

    fn names(&self) -> Vec<String> {
        self.world.rds.clusters().map(|cluster| cluster.id.clone()).collect()
    }

    fn do_(&mut self, deed: &Deed) {
        self.made += 1;
        match deed {
            Deed::Clone { manager, source, name, kind } => {
                let sources: Vec<String> = self
                    .world
                    .rds
                    .clusters()
                    .filter(|c| c.id == self.root || c.tags.get(tag::ROLE).is_some_and(|role| role == "copy"))
                    .filter(|c| c.id == self.root || c.tags.get(tag::CLUSTER) == Some(&c.id))
                    .map(|c| c.id.clone())
                    .collect();
                let source = source.get(&sources).clone();
                let id = format!("clone-{manager}-{name}");
                self.restore(manager, &id, &source, *kind, "clone");
            }
            Deed::Copy { manager } => {
                let (id, root) = (format!("clone-pool-{}", self.made), self.root.clone());
                self.restore(manager, &id, &root, RestoreType::FullCopy, "copy");
            }
            Deed::ByHand { source, own_tags, kind } => {
                let source = source.get(&self.names()).clone();
                let id = format!("by-hand-{}", self.made);
                let tags = [("team", "a")];
                let done = self.call(PERSON_KEY, &id, &source, *kind, if *own_tags { &tags } else { &[] });
                if done {
                    self.note(&id, *kind);
                }
            }
            Deed::Gone { victim } => {
                let victims: Vec<String> =
                    self.names().into_iter().filter(|name| *name != self.root).collect();
                if !victims.is_empty() {
                    self.world.rds.vanish(victim.get(&victims).as_str());
                }
            }
            Deed::Status { of, status } => {
                let name = of.get(&self.names()).clone();
                self.world.rds.set_status(&name, status);
            }
            Deed::RenameRoot => {
                let new = format!("prod-{}", self.made);
                self.world.rds.rename(&self.root, &new);
                self.root = new;
                // Copies that name the old root are no sources any more, and what hung off a purged one can't be told.
                self.pessimistic = true;
            }
        }
    }

    fn note(&mut self, id: &str, kind: RestoreType) {
        let cluster = self.world.rds.cluster(id).unwrap();
        let root = self.world.rds.cluster(&self.root).unwrap();
        self.pessimistic |= kind == RestoreType::FullCopy;
        self.ambiguous |= lineage(&cluster.tags).is_none() && cluster.truth.volume != root.truth.volume;
    }

    fn restore(&mut self, manager: &str, id: &str, source: &str, kind: RestoreType, role: &str) {
        let made = self.made.to_string();
        let tags = [
            (tag::MANAGER, manager),
            (tag::ROLE, role),
            (tag::CLUSTER, id),
            (tag::ROOT, &self.root.clone()),
            (tag::SOURCE, source),
            (tag::RESTORE_TYPE, kind.as_str()),
            (tag::DATA_TIME, "2026-06-20T00:00:00Z"),
            (tag::STACK_ID, STACK),
            (tag::LOGICAL_ID, "Other"),
            (tag::GENERATION, &made),
        ];
        // The product never issues the sixteenth; neither does this one.
        let volume = self.world.rds.cluster(source).map(|c| c.truth.volume.clone()).unwrap_or_default();
        if self.world.rds.living_clones_of_volume(&volume) < 15 {
            self.call(MANAGER_KEY, id, source, kind, &tags);
        }
    }

    fn call(&mut self, key: &str, id: &str, source: &str, kind: RestoreType, tags: &[(&str, &str)]) -> bool {
        let mut parameters = vec![
            ("DBClusterIdentifier".to_owned(), id.to_owned()),
            ("SourceDBClusterIdentifier".to_owned(), source.to_owned()),
            ("RestoreType".to_owned(), kind.as_str().to_owned()),
            ("UseLatestRestorableTime".to_owned(), "true".to_owned()),
            ("DBSubnetGroupName".to_owned(), "data".to_owned()),
            ("DBClusterParameterGroupName".to_owned(), "prod-params".to_owned()),
            ("VpcSecurityGroupIds.VpcSecurityGroupId.1".to_owned(), "sg-1".to_owned()),
        ];
        for (number, (key, value)) in tags.iter().enumerate() {
            parameters.push((format!("Tags.Tag.{}.Key", number + 1), (*key).to_owned()));
            parameters.push((format!("Tags.Tag.{}.Value", number + 1), (*value).to_owned()));
        }
        let parameters: Vec<(&str, &str)> =
            parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let response = self.world.call_as(key, "RestoreDBClusterToPointInTime", &parameters);
        if response.status == 200 {
            let instance =
                SeedInstance { id: format!("{id}-1"), cluster: id.to_owned(), ..SeedInstance::default() };
            self.world.rds.seed_instance(instance);
        }
        response.status == 200
    }

    /// How many clones hang off the volume of every source that the family has.
    fn truth(&self, family: &Family<'_>) -> BTreeMap<String, u32> {
        family
            .sources()
            .map(|source| {
                let cluster = self.world.rds.cluster(&source.identifier).unwrap();
                let clones = self.world.rds.living_clones_of_volume(&cluster.truth.volume);
                (source.identifier.clone(), u32::try_from(clones).unwrap())
            })
            .collect()
    }
}

/// Observes a World as the product does.
fn observed(world: World) -> (Vec<Cluster>, World) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    // The World is needed afterwards; the Sim keeps its own.
    runtime.block_on(async {
        let config = world.config.clone();
        let sim = Sim::in_virtual_time(world);
        let clock = sim.clone();
        let cloud = Cloud::new(Parts {
            region: config.region.clone(),
            credentials: Credentials::new(MANAGER_KEY, "secret", None, None, "test"),
            http: SharedHttpConnector::new(SimHttpClient::new(sim.clone())),
            table: TABLE.to_owned(),
            state_machine: String::new(),
            clock: Arc::new(move || clock.now()),
            endpoint: Box::new(|_| None),
        });
        let clusters = observe::clusters(&cloud).await.unwrap();
        let world = sim.with(|world| std::mem::replace(world, World::new(Config::default())));
        (clusters, world)
    })
}

fn wanted(source: &str, now: DateTime<Utc>) -> (Wanted, Time) {
    let place = Place::of_stack(STACK).unwrap();
    // The stage's copies are as old as chance makes them: their age is not the question here.
    let asked = json!({ "SourceClusterId": source, "ClusterId": "clone-new" });
    let mut properties = Properties::parse(&asked, &place, &limits(15, 0)).unwrap();
    properties.freshness = Freshness::default();
    let wanted = Wanted {
        owner: Owner { manager: MANAGER.into(), stack_id: STACK.into(), logical_id: "Clone".into() },
        failed_id: place.cluster_arn("clone-new"),
        place,
        generation: "g".into(),
        identifier: "clone-new".into(),
        properties,
    };
    (wanted, Time { now, deadline: now + Duration::minutes(55) })
}

fn limits(limit: u32, margin: u32) -> Settings {
    Settings::read(|name| match name {
        env::MANAGER => Some(MANAGER.to_owned()),
        env::MAX_CLONES_PER_SOURCE => Some(limit.to_string()),
        env::SLOT_MARGIN => Some(margin.to_string()),
        _ => None,
    })
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_counted_is_at_least_the_truth(deeds in deeds(), limit in 1..6_u32, margin in 0..2_u32, named in any::<Index>()) {
        let mut stage = Stage::new();
        for deed in &deeds {
            stage.do_(deed);
        }
        let (clusters, world) = observed(std::mem::replace(&mut stage.world, World::new(Config::default())));
        stage.world = world;
        prop_assert_eq!(clusters.len(), stage.world.rds.clusters().count());
        let root = clusters.iter().find(|cluster| cluster.identifier == stage.root).unwrap();
        let family = Family::of(root, &clusters);
        let used: BTreeMap<String, u32> =
            slots::used(&family).into_iter().map(|(source, used)| (source.to_owned(), used)).collect();
        let truth = stage.truth(&family);
        let sum = |counts: &BTreeMap<String, u32>| counts.values().sum::<u32>();
        prop_assert!(used[&stage.root] >= truth[&stage.root], "{used:?} {truth:?}");
        prop_assert!(sum(&used) >= sum(&truth), "{:?} {:?}", used, truth);
        if !stage.ambiguous {
            prop_assert!(truth.iter().all(|(source, clones)| used[source] >= *clones), "{used:?} {truth:?}");
            if !stage.pessimistic {
                prop_assert_eq!(&used, &truth);
            }
        }
        // Whatever cluster a template names.
        let settings = limits(limit, margin.min(limit - 1));
        let named = &named.get(&clusters).identifier;
        for source in [named, &stage.root] {
            let (wanted, time) = wanted(source, stage.world.now());
            let choice = create::choose(&wanted, &clusters, &[], &settings, &Rules::default(), time);
            for action in &choice.plan.actions {
                let Action::Restore(restore) = action else { panic!("{action:?}") };
                let cluster = stage.world.rds.cluster(&restore.source).unwrap();
                let clones = stage.world.rds.living_clones_of_volume(&cluster.truth.volume);
                let on_root = cluster.truth.volume == stage.world.rds.cluster(&stage.root).unwrap().truth.volume;
                if !stage.ambiguous || on_root {
                    prop_assert!(
                        clones < (settings.limit - settings.margin) as usize,
                        "{} has {} of {:?}", restore.source, clones, settings
                    );
                }
            }
        }
    }
}

/// An account of three pages, in which the family of `prod` is on every page; so many of its clones are people's.
fn big(world: &mut World, strangers: usize) {
    for n in 0..80 {
        for page in ["b", "n", "y"] {
            world.rds.seed_cluster(SeedCluster { id: format!("{page}-{n:03}"), ..SeedCluster::default() });
        }
    }
    for n in 0..20 {
        let engine = if n % 2 == 0 { "neptune" } else { "docdb" }.to_owned();
        world.rds.seed_cluster(SeedCluster { id: format!("graph-{n}"), engine, ..SeedCluster::default() });
    }
    // The last one is alone on the third page, behind everything else.
    for n in 0..strangers {
        let page = if n + 1 == strangers { "z" } else { ["a", "o"][n % 2] };
        world.rds.seed_cluster(strangers_clone(&format!("{page}-by-hand-{n:02}"), "prod"));
    }
}

fn big_house(strangers: usize) -> House {
    let mut config = Config::default();
    config.rds.cluster_quota = 1_000;
    config.rds.instance_quota = 1_000;
    House::with(config, 0, |world| big(world, strangers))
}

#[tokio::test(start_paused = true)]
async fn the_fifteenth_clone_on_the_third_page_counts() {
    let house = big_house(15);
    house.create("a", "SourceClusterId: prod");
    assert_eq!(house.settled("a").await, "ROLLBACK_COMPLETE", "{}", house.story("a"));
    assert!(house.story("a").contains("prod (15 used, 0 free)"), "{}", house.story("a"));
    house.sim.with(|world| world.rds.vanish("z-by-hand-14"));
    house.create("b", "SourceClusterId: prod");
    assert_eq!(house.settled("b").await, "CREATE_COMPLETE", "{}", house.story("b"));
    house.close().await;
    assert_eq!(house.ever_made(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_copy_on_another_page_is_found() {
    let house = big_house(15);
    house.sim.with(|world| {
        let yesterday = world.now() - Duration::days(1);
        world.rds.seed_cluster(copy("clone-pool-1", "prod", yesterday));
    });
    house.create("a", "SourceClusterId: prod");
    assert_eq!(house.settled("a").await, "CREATE_COMPLETE", "{}", house.story("a"));
    let source =
        house.look(|world| world.cloudformation.resource("a", "Clone").unwrap().data["SourceArn"].clone());
    assert!(source.as_str().unwrap().ends_with(":clone-pool-1"));
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_breaks_on_any_page_changes_nothing() {
    // The looks at the clone and at its source come first; then pages one to three.
    for (page, number) in [(1, 3), (2, 4), (3, 5)] {
        let house = big_house(14);
        let target = Target::Operation("DescribeDBClusters", number);
        house.sim.with(|world| world.set_faults(vec![Fault { target, kind: FaultKind::Deny }]));
        house.create("a", "SourceClusterId: prod");
        assert_eq!(house.settled("a").await, "CREATE_COMPLETE", "{}", house.story("a"));
        let calls = house.rds_calls();
        let broken = calls.iter().find(|call| call.fault.is_some()).unwrap();
        assert_eq!(broken.parameters.contains_key("Marker"), page > 1);
        let same_step = |call: &&aurora_clone_sim::Call| call.invocation == broken.invocation;
        assert!(calls.iter().filter(same_step).all(|call| !call.mutates()));
        house.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_stays_broken_fails_the_creation_and_nothing_was_made() {
    for page in [2, 3] {
        let house = big_house(14);
        // Every attempt of the step makes so many looks before it breaks.
        let faults = (1..=7).map(|attempt| Fault {
            target: Target::Operation("DescribeDBClusters", attempt * (page + 2)),
            kind: FaultKind::Deny,
        });
        house.sim.with(|world| world.set_faults(faults.collect()));
        house.create("a", "SourceClusterId: prod");
        assert_eq!(house.settled("a").await, "ROLLBACK_COMPLETE", "{}", house.story("a"));
        assert!(house.story("a").contains("DescribeDBClusters failed: AccessDenied"), "{}", house.story("a"));
        assert!(house.rds_calls().iter().all(|call| !call.mutates()));
        house.close().await;
    }
}

//! A crowded account: some sources with settled pools among thousands of clusters of others. What a look at it costs is asked here.

use std::collections::BTreeMap;

use aurora_clone_core::names::{env, tag};
use aurora_clone_sim::rds::{CopyKind, SeedCluster};
use aurora_clone_sim::{Config, World};
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use crate::pools::Pools;
use crate::{MANAGER, MANAGER_KEY, Operator, copy, prod, strangers_clone};

/// Sources with a pool.
pub const SOURCES: usize = 6;
/// What the operator set.
pub const OPERATOR: Operator<'static> = &[(env::SLOT_MARGIN, "1")];
/// Copies of each source, clones of ours of each source and of each copy, and clones of each source that strangers made.
const COPIES: usize = 2;
const CLONES: usize = 5;
const STRANGERS: usize = 3;

fn source(number: usize) -> String {
    format!("source-{number}")
}

/// The configuration; nothing is missing and nothing is to go.
pub fn configuration() -> Value {
    let sources =
        (0..SOURCES).map(|number| json!({ "cluster-id": source(number), "target-clone-slots": 20 }));
    json!({ "clusters": sources.collect::<Vec<_>>() })
}

/// An account with so many clusters.
pub fn open(clusters: usize) -> Pools {
    let mut config = Config::default();
    config.rds.cluster_quota = clusters;
    config.rds.instance_quota = clusters * 2;
    Pools::with(config, OPERATOR, &configuration(), |world| furnish(world, clusters))
}

fn furnish(world: &mut World, clusters: usize) {
    for number in 0..SOURCES {
        family(world, &source(number));
    }
    let there = world.rds.clusters().count();
    assert!(there <= clusters, "{there} clusters are needed");
    for number in 0..clusters - there {
        world.rds.seed_cluster(stranger(number));
    }
}

fn family(world: &mut World, root: &str) {
    world.rds.seed_cluster(prod(root));
    let made = world.now() - Duration::hours(1);
    let mut hosts = vec![root.to_owned()];
    for number in 1..=COPIES {
        let mut copy = copy(&format!("clone-{root}-copy-0-{number}"), root, made);
        copy.tags.insert(tag::READY.to_owned(), stamp(made));
        hosts.push(copy.id.clone());
        world.rds.seed_cluster(copy);
    }
    for host in &hosts {
        for number in 0..CLONES {
            world.rds.seed_cluster(clone(&format!("clone-of-{host}-{number}"), root, host, made));
        }
    }
    for number in 0..STRANGERS {
        world.rds.seed_cluster(strangers_clone(&format!("hand-{root}-{number}"), root));
    }
}

fn stamp(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn clone(id: &str, root: &str, host: &str, made: DateTime<Utc>) -> SeedCluster {
    let mut tags = lineage(MANAGER, id, root, host, made);
    let stack = format!("arn:aws:cloudformation:eu-west-1:123456789012:stack/{id}/0");
    let of_stack = [(tag::STACK_ID, stack.as_str()), (tag::LOGICAL_ID, "Clone"), (tag::GENERATION, "1")];
    tags.extend(of_stack.map(|(key, value)| (key.to_owned(), value.to_owned())));
    SeedCluster { tags, created_by: MANAGER_KEY.to_owned(), ..strangers_clone(id, host) }
}

fn lineage(manager: &str, id: &str, root: &str, host: &str, made: DateTime<Utc>) -> BTreeMap<String, String> {
    let time = stamp(made);
    let tags = [
        (tag::MANAGER, manager),
        (tag::ROLE, "clone"),
        (tag::CLUSTER, id),
        (tag::ROOT, root),
        (tag::SOURCE, host),
        (tag::RESTORE_TYPE, "copy-on-write"),
        (tag::DATA_TIME, &time),
    ];
    tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Of each ten one is cloned by two others, one of which another manager made; all have a tag or two.
fn stranger(number: usize) -> SeedCluster {
    let id = format!("stranger-{number}");
    let of = format!("stranger-{}", number / 10 * 10);
    let mut tags: BTreeMap<String, String> =
        [("team".to_owned(), format!("team-{}", number % 7)), ("stage".to_owned(), "test".to_owned())].into();
    let parent = matches!(number % 10, 1 | 2).then(|| (of.clone(), CopyKind::CopyOnWrite));
    if number % 10 == 1 {
        tags.extend(lineage("another", &id, &of, &of, DateTime::UNIX_EPOCH));
    }
    SeedCluster { id, parent, tags, ..SeedCluster::default() }
}

/// The markers with which the product asked for pages of the whole listing of clusters, since call number `since`; the first page
/// has none.
pub fn pages(world: &World, since: usize) -> Vec<Option<String>> {
    let whole = |call: &&aurora_clone_sim::Call| {
        call.operation == "DescribeDBClusters"
            && call.principal == MANAGER_KEY
            && call.parameters.get("Filters.Filter.1.Name").is_some_and(|name| name == "engine")
    };
    world.log[since..].iter().filter(whole).map(|call| call.parameters.get("Marker").cloned()).collect()
}

/// Whether each of so many pages was read once, in order.
pub fn each_once(pages: &[Option<String>], number: usize) -> bool {
    let mut sorted = pages.to_vec();
    sorted.sort();
    sorted.dedup();
    pages.len() == number && sorted.len() == number && pages.first() == Some(&None)
}

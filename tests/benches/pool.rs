//! What a tick of the maintainer costs in an account with 10,000 clusters: each page is read once, and planning is next to nothing
//! beside reading.
//!
//! `cargo bench -p aurora-clone-tests --bench pool`. Both are taken in the same run, on the same account. Reading is what a tick waits
//! for: the simulator makes a page, the SDK and our reader take it apart. What is left of that without the simulator's part is shown
//! as well.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

use aurora_clone_aws::observe;
use aurora_clone_core::family::Family;
use aurora_clone_core::pool::config::Maintenance;
use aurora_clone_core::pool::plan::{self, Memory, Policy, Seen};
use aurora_clone_core::relatives::matter;
use aurora_clone_core::settings::Settings;
use aurora_clone_core::snapshot::{Cluster, Instance};
use aurora_clone_core::sweep;
use aurora_clone_tests::crowd::{self, OPERATOR, SOURCES};
use aurora_clone_tests::pools::Pools;
use aurora_clone_tests::{PERSON_KEY, settings};
use chrono::{DateTime, Utc};

/// Clusters, and rounds. `cargo test` runs this too, without `--bench`: to see that it runs.
const FULL: (usize, usize) = (10_000, 15);
const TRIAL: (usize, usize) = (250, 1);
/// The most that planning may take of what reading takes.
const MOST: f64 = 0.01;

/// What planning looks at.
struct Looked {
    clusters: Vec<Cluster>,
    instances: Vec<Vec<Instance>>,
    of_clones: Vec<Instance>,
}

fn timed<R>(work: impl FnOnce() -> R) -> (Duration, R) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

/// The pages as the simulator makes them for anybody, without the SDK.
fn pages_of_the_simulator(pools: &Pools) {
    let mut marker = String::new();
    loop {
        let parameters = [
            ("MaxRecords", "100"),
            ("Filters.Filter.1.Name", "engine"),
            ("Filters.Filter.1.Values.Value.1", "aurora-mysql"),
            ("Filters.Filter.1.Values.Value.2", "aurora-postgresql"),
            ("Marker", marker.as_str()),
        ];
        let given = parameters.len() - usize::from(marker.is_empty());
        let answer =
            pools.sim.with(|world| world.call_as(PERSON_KEY, "DescribeDBClusters", &parameters[..given]));
        assert_eq!(answer.status, 200);
        let text = String::from_utf8_lossy(&answer.body);
        let Some((_, rest)) = text.split_once("<Marker>") else { return };
        rest.split_once("</Marker>").unwrap().0.clone_into(&mut marker);
    }
}

/// Everything that a tick plans: the pools of all sources, and the sweep.
fn plan_all(seen: &Looked, maintenance: &Maintenance, settings: &Settings, now: DateTime<Utc>) -> usize {
    let mut steps = 0;
    for (source, instances) in maintenance.sources.iter().zip(&seen.instances) {
        let policy =
            Policy { source, protect: &maintenance.protect, max_deletions: maintenance.max_deletions };
        let view = plan::View { clusters: &seen.clusters, instances, snapshots: &[] };
        let plan = plan::plan(&policy, view, &Memory::default(), &Seen::default(), settings, now).unwrap();
        steps += plan.steps.len();
    }
    let living = std::collections::BTreeSet::new();
    let (secrets, keys) = (&[], &[]);
    let view = sweep::View {
        clusters: &seen.clusters,
        instances: &seen.of_clones,
        secrets,
        keys,
        living: Some(&living),
    };
    let rules = sweep::Rules {
        protect: &maintenance.protect,
        of_root: maintenance
            .sources
            .iter()
            .map(|s| (s.source.as_str(), &s.protect, s.max_lifetime))
            .collect(),
        lease_warning: maintenance.lease_warning,
        max_deletions: maintenance.max_deletions,
    };
    steps + sweep::plan(&view, &sweep::Heard::default(), settings, &rules, now).actions.len()
}

async fn look(pools: &Pools, clusters: Vec<Cluster>, settings: &Settings) -> Looked {
    let cloud = pools.cloud();
    let mut instances = Vec::new();
    for number in 0..SOURCES {
        let root = clusters.iter().find(|c| c.identifier == format!("source-{number}")).unwrap();
        let sources: Vec<&Cluster> = Family::of(root, &clusters).sources().collect();
        instances.push(observe::instances(&cloud, &sources).await.unwrap());
    }
    let of_clones = observe::instances(&cloud, &sweep::clones(&clusters, settings)).await.unwrap();
    Looked { clusters, instances, of_clones }
}

async fn rounds(clusters: usize, rounds: usize) -> Vec<(f64, f64, f64)> {
    let pools = crowd::open(clusters);
    let settings = settings(OPERATOR);
    let maintenance = Maintenance::parse(&crowd::configuration().to_string(), &settings).unwrap();
    // The first run publishes the rules; from then on the world is settled.
    pools.night().await;
    let since = pools.calls();
    pools.night().await;
    let pages = pools.look(|world| crowd::pages(world, since));
    assert!(crowd::each_once(&pages, clusters.div_ceil(100)), "{} pages are read", pages.len());
    assert_eq!(pools.changes_since(since), Vec::<String>::new());
    println!(
        "one tick over {clusters} clusters and {SOURCES} sources: {} pages, each read once",
        pages.len()
    );
    // What is measured is not kept.
    pools.sim.with(|world| world.keep_log = false);
    let cloud = pools.cloud();
    let now = pools.sim.now();
    let mut rows = Vec::new();
    for _ in 0..rounds {
        let (simulating, ()) = timed(|| pages_of_the_simulator(&pools));
        let start = Instant::now();
        let found = observe::clusters(&cloud).await.unwrap();
        let reading = start.elapsed();
        assert_eq!(found.len(), clusters);
        // Who matters is a part of planning: it goes through all of them.
        let roots: Vec<String> = maintenance.sources.iter().map(|source| source.source.clone()).collect();
        let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
        let (choosing, kept) = timed(|| matter(&found, &roots, &settings));
        let found =
            found.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(cluster, _)| cluster).collect();
        let seen = look(&pools, found, &settings).await;
        let (planning, steps) = timed(|| plan_all(&seen, &maintenance, &settings, now));
        if rows.is_empty() {
            println!("choosing {choosing:?}, planning {planning:?} over {} clusters", seen.clusters.len());
        }
        let planning = choosing + planning;
        assert_eq!(steps, 0, "the world is not settled");
        let whole = reading.as_secs_f64();
        rows.push((whole, whole - simulating.as_secs_f64(), planning.as_secs_f64()));
    }
    rows
}

fn main() {
    let full = std::env::args().any(|arg| arg == "--bench");
    let (clusters, number) = if full { FULL } else { TRIAL };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let rows = runtime.block_on(rounds(clusters, number));
    let median = |of: &dyn Fn(&(f64, f64, f64)) -> f64| {
        let mut values: Vec<f64> = rows.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        (values[number / 2], values[0], values[number - 1])
    };
    let milliseconds = |seconds: f64| seconds * 1_000.0;
    println!("reading, with the simulator's work: {:.1} ms", milliseconds(median(&|row| row.0).0));
    println!("reading, without it: {:.1} ms", milliseconds(median(&|row| row.1).0));
    println!("planning all pools and the sweep: {:.2} ms", milliseconds(median(&|row| row.2).0));
    let (ratio, least, most) = median(&|row| row.2 / row.0);
    let percent = |ratio: f64| format!("{:.3} %", ratio * 100.0);
    println!(
        "planning against reading: {} (median of {number} rounds; {} to {})",
        percent(ratio),
        percent(least),
        percent(most)
    );
    let (strict, least, most) = median(&|row| row.2 / row.1);
    println!(
        "the same without the simulator's part: {} ({} to {})",
        percent(strict),
        percent(least),
        percent(most)
    );
    if full {
        assert!(ratio < MOST, "planning takes more than {} % of reading", MOST * 100.0);
    }
}

//! How long the fake RDS takes beside rendering: 200 clusters, 100,000 calls that change something, and an account with
//! 10,000 clusters that is listed page by page. Run it with `--release` (or `--profile bench`).

#![allow(clippy::print_stdout, reason = "an example prints what it measured")]

use std::time::Instant;

use aurora_clone_sim::rds::{CopyKind, SeedCluster, Settings};
use aurora_clone_sim::{Config, World};
use chrono::Duration;

const CALLS: u32 = 100_000;

fn world(clusters: usize) -> World {
    let rds = Settings { cluster_quota: usize::MAX, ..Settings::default() };
    let mut world = World::new(Config { rds, forgetful: true, ..Config::default() });
    world.rds.seed_cluster(SeedCluster { id: "prod".to_owned(), ..SeedCluster::default() });
    for number in 1..clusters {
        world.rds.seed_cluster(SeedCluster {
            id: format!("c{number:05}"),
            parent: Some(("prod".to_owned(), CopyKind::CopyOnWrite)),
            created_by: "AKIAMANAGER".to_owned(),
            ..SeedCluster::default()
        });
    }
    world
}

fn main() {
    let mut world200 = world(200);
    let started = Instant::now();
    for call in 0..CALLS {
        // A quarter of a day in all.
        if call % 10 == 0 {
            let to = world200.now() + Duration::seconds(2);
            world200.advance_to(to);
        }
        let arn = format!("arn:aws:rds:eu-west-1:123456789012:cluster:c{:05}", 1 + call % 199);
        let value = call.to_string();
        let tag =
            [("ResourceName", arn.as_str()), ("Tags.Tag.1.Key", "n"), ("Tags.Tag.1.Value", value.as_str())];
        let response = world200.call_as("AKIAMANAGER", "AddTagsToResource", &tag);
        assert_eq!(response.status, 200);
    }
    println!(
        "200 clusters: {:.1} us per changing call",
        started.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
    );

    let started = Instant::now();
    let mut world10k = world(10_000);
    println!("10,000 clusters seeded in {:.2} s", started.elapsed().as_secs_f64());
    let started = Instant::now();
    let (mut marker, mut pages) = (String::new(), 0);
    loop {
        let parameters = [("Marker", marker.as_str())];
        let given = if pages == 0 { &[][..] } else { &parameters[..] };
        let response = world10k.call_as("AKIAMANAGER", "DescribeDBClusters", given);
        let body = String::from_utf8_lossy(&response.body).into_owned();
        pages += 1;
        match body.split_once("<Marker>").and_then(|(_, rest)| rest.split_once("</Marker>")) {
            Some((next, _)) => marker = next.to_owned(),
            None => break,
        }
    }
    println!("{pages} pages listed in {:.2} s", started.elapsed().as_secs_f64());
    let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = memory.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown");
    println!("{peak}");
}

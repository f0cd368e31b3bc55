//! `plan`: what people read, what scripts read, and that nothing is written.

use aurora_clone_tests::pools::wants;
use aurora_clone_tests::{copy, prod, strangers_clone};
use chrono::{Duration, TimeZone as _, Utc};
use insta::assert_snapshot;
use serde_json::json;

use super::desk::Desk;

const STACK: [&str; 2] = ["--stack", "manager"];

fn words<'w>(words: &[&'w str]) -> Vec<&'w str> {
    words.iter().copied().chain(STACK).collect()
}

/// Clones of strangers, as many as are asked for.
fn crowd(world: &mut aurora_clone_sim::World, source: &str, number: usize) {
    for n in 1..=number {
        world.rds.seed_cluster(strangers_clone(&format!("by-hand-{source}-{n:02}"), source));
    }
}

#[tokio::test(start_paused = true)]
async fn the_plan_of_the_maintainer() {
    let desk = Desk::open(&wants(8, json!({})), |world| {
        crowd(world, "prod", 13);
        let (day, now) = (Duration::days(1), world.now());
        world.rds.seed_cluster(copy("clone-prod-pool-1", "prod", now - day));
        world.rds.seed_cluster(copy("clone-prod-pool-2", "prod", now - day * 4));
    });
    let ran = desk.run(&words(&["plan", "maintain"])).await;
    assert_snapshot!("maintain", ran.text());
    let ran = desk.run(&words(&["plan", "maintain", "--json"])).await;
    assert_snapshot!("maintain_json", ran.text());
    let ran = desk.run(&words(&["plan", "maintain", "staging"])).await;
    assert_snapshot!("maintain_of_nothing", ran.text());
}

//! How many whole flows a minute the simulated account runs under the real SDK, and what one costs in plain calls.
//!
//! `cargo bench -p aurora-clone-tests`. Absolute figures are the machine's; the ratio, taken in the same run, is ours.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

use aurora_clone_aws::observe;
use aurora_clone_tests::{House, MANAGER_KEY, handler};

/// Rounds, and flows in each. `cargo test` runs this too, without `--bench`: once each, to see that it runs.
const FULL: (usize, usize) = (7, 20);
const TRIAL: (usize, usize) = (1, 1);

/// One stack with one clone, created and deleted. Returns the number of the product's calls.
async fn flow() -> usize {
    let house = House::open();
    house.create("web", "SourceClusterId: prod");
    assert_eq!(house.settled("web").await, "CREATE_COMPLETE");
    house.delete("web");
    assert_eq!(house.settled("web").await, "DELETE_COMPLETE");
    house.look(|world| world.log.iter().filter(|call| call.principal == MANAGER_KEY).count())
}

/// Plain calls of the SDK: one page of clusters each.
async fn calls(count: usize) {
    let house = House::open();
    let config = house.look(|world| world.config.clone());
    let state_machine =
        format!("arn:{}:states:{}:{}:stateMachine:clone", config.partition, config.region, config.account);
    let handler = handler(&house.sim, &config, state_machine, &[]);
    for _ in 0..count {
        assert_eq!(observe::clusters(&handler.cloud).await.unwrap().len(), 1);
    }
}

fn timed<F: Future>(work: impl FnOnce() -> F) -> (Duration, F::Output) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let start = Instant::now();
    let output = runtime.block_on(work());
    (start.elapsed(), output)
}

fn main() {
    let (rounds, flows_per_round) = if std::env::args().any(|arg| arg == "--bench") { FULL } else { TRIAL };
    let (_, per_flow) = timed(flow);
    let mut rows: Vec<(f64, f64)> = (0..rounds)
        .map(|_| {
            let flows: Duration = (0..flows_per_round).map(|_| timed(flow).0).sum();
            let (plain, ()) = timed(|| calls(flows_per_round * per_flow));
            (flows.as_secs_f64(), flows.as_secs_f64() / plain.as_secs_f64())
        })
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (seconds, _) = rows[rounds / 2];
    rows.sort_by(|a, b| a.1.total_cmp(&b.1));
    println!("one flow: create and delete a stack with one clone, {per_flow} calls of the SDK");
    println!(
        "flows per minute (median of {rounds} rounds of {flows_per_round}): {:.0}",
        flows_per_round as f64 * 60.0 / seconds
    );
    println!(
        "a flow against as many plain calls: {:.2} (median; {:.2} to {:.2})",
        rows[rounds / 2].1,
        rows[0].1,
        rows[rounds - 1].1
    );
}

//! Tells the quarter of a year and writes `docs/quarter.md` and `docs/quarter.svg`.
//!
//! With a number of days as its argument it tells as many and writes into `target`: to see how long the whole takes.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use aurora_clone_tests::quarter::{Story, plot, table, tell};

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let days = std::env::args().nth(1).map(|days| days.parse().unwrap());
    let story = Story { days: days.unwrap_or(Story::QUARTER.days), ..Story::QUARTER };
    let begun = Instant::now();
    let told = tell(&story, |line| println!("{:>6.1} s, {line}", begun.elapsed().as_secs_f64())).await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let docs = root.join(if days.is_some() { "target" } else { "docs" });
    std::fs::write(docs.join("quarter.md"), table::page(&told)).unwrap();
    std::fs::write(docs.join("quarter.svg"), plot::draw(&told)).unwrap();
}

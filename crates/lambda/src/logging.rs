//! Log lines in JSON, of our own crates only.
//!
//! What lies below (the HTTP client at its trace level, say) would write response URLs; so whatever the level, other crates are
//! heard only when they warn.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Our crates.
const OURS: &str = "aurora_clone";

/// Starts logging to standard output; an unknown level is `info`.
pub fn start(level: Option<&str>) {
    let level = level.and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let filter = Targets::new().with_default(LevelFilter::WARN.min(level)).with_target(OURS, level);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stdout);
    // A second start (in a test) keeps the first.
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}

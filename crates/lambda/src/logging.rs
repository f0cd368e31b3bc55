//! Log lines in JSON, of our own crates only.
//!
//! What lies below (the HTTP client at its trace level, say) would write response URLs; so whatever the level, other crates are
//! heard only when they warn.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Our crates.
const OURS: &str = "aurora_clone";

/// Starts logging to standard output; an unknown level is `info`.
pub fn start(level: Option<&str>) {
    // A second start keeps the first.
    let _ = subscriber(level, std::io::stdout).try_init();
}

/// What writes the log lines of a level to a writer.
pub fn subscriber<W>(level: Option<&str>, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let level = level.and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let filter = Targets::new().with_default(LevelFilter::WARN.min(level)).with_target(OURS, level);
    let lines =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(writer);
    tracing_subscriber::registry().with(lines).with(filter)
}

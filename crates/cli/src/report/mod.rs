//! `aurora-clone report`: one page about the pools, for people who have no access to the account, and for later.
//!
//! [`live`] or [`file`] gather plain [`data`], and [`page`] makes the page of nothing else.

mod axis;
mod data;
mod file;
mod live;
mod log;
mod markup;
mod metrics;
mod page;
mod plot;
mod plots;
mod present;
mod tables;
mod thin;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use aurora_clone_core::duration::parse_duration;
use chrono::Duration;
use clap::Args;

use crate::failure::Failure;
use crate::session::{Aws, Session};
use crate::surroundings::Surroundings;

/// How much of a file is looked at to tell whether it is a report.
const BEGINNING: u64 = 4_096;
/// CloudWatch keeps points of an hour for so many days.
const MOST_DAYS: i64 = 455;

/// What `report` may be told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aurora-clone report                              the last two weeks, in aurora-clone-report.html
  aurora-clone report --since P90D -o quarter.html
  aurora-clone report --json | jq '.sources[].free'
  aurora-clone sim run quarter.json --json > run.json && aurora-clone report --from run.json")]
pub struct Arguments {
    /// How long ago the plots begin, as an ISO 8601 duration.
    #[arg(long, value_name = "DURATION", default_value = "P14D", value_parser = since)]
    since: Duration,
    /// A report on what `aurora-clone sim run --json` or `aurora-clone report --json` has written to this file instead of an account.
    #[arg(long, value_name = "FILE", conflicts_with = "since")]
    from: Option<PathBuf>,
    /// Where the page is written to; `-` is standard output.
    #[arg(short, long, value_name = "FILE", default_value = "aurora-clone-report.html")]
    output: PathBuf,
    /// Overwrites the file even if it is no report.
    #[arg(long)]
    force: bool,
    /// Prints what the page is made of as one JSON document, and writes no page.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    aws: Aws,
}

/// Makes the report.
pub async fn run(arguments: &Arguments, around: &mut Surroundings) -> Result<(), Failure> {
    let to_stdout = arguments.output == Path::new("-");
    if !arguments.json && !to_stdout {
        may_write(&arguments.output, arguments.force)?;
    }
    let data = match &arguments.from {
        Some(path) => file::read(path)?,
        None => {
            let session = Session::open(&arguments.aws, around).await?;
            live::gather(&session, arguments.since, around.now()).await?
        }
    };
    if arguments.json {
        let text = serde_json::to_string_pretty(&data)
            .map_err(|error| Failure::new(format!("the report can't be written as JSON: {error}")))?;
        return Ok(around.printer.line(&text)?);
    }
    for missing in &data.missing {
        around.printer.note(&format!("warning: a part of the report is missing: {}", missing.why))?;
    }
    let page = page::page(&data);
    if to_stdout {
        return Ok(around.printer.raw(&page)?);
    }
    std::fs::write(&arguments.output, page).map_err(|error| {
        Failure::new(format!("{} can't be written: {error}", arguments.output.display()))
            .hint("--output names another file, or - for standard output")
    })?;
    Ok(around.printer.line(&arguments.output.display().to_string())?)
}

/// A report may take the place of an older one, and of nothing else: that is somebody's file. Asked before AWS is.
fn may_write(path: &Path, force: bool) -> Result<(), Failure> {
    let shown = path.display();
    if path.is_dir() {
        return Err(Failure::usage(format!("{shown} is a folder")).hint("--output takes the name of a file"));
    }
    if force {
        return Ok(());
    }
    let Ok(file) = std::fs::File::open(path) else { return Ok(()) };
    let mut beginning = Vec::new();
    file.take(BEGINNING).read_to_end(&mut beginning)?;
    if beginning.is_empty() || String::from_utf8_lossy(&beginning).contains(page::MARK) {
        return Ok(());
    }
    Err(Failure::new(format!("{shown} is there and is no report, so it is not overwritten"))
        .hint("name another file with --output, or give --force"))
}

fn since(text: &str) -> Result<Duration, String> {
    let length = parse_duration(text).map_err(|error| error.to_string())?;
    if length < Duration::hours(1) || length > Duration::days(MOST_DAYS) {
        return Err(format!("it takes PT1H to P{MOST_DAYS}D, which is as long as CloudWatch keeps metrics"));
    }
    Ok(length)
}

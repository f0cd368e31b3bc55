//! `aurora-clone status`: what is there, whose it is, how many slots are left, what it costs.

mod advice;
pub(crate) mod look;
mod rows;
mod table;
mod text;
mod watch;

use clap::Args;

use crate::failure::Failure;
use crate::session::{Aws, Session};
use crate::surroundings::Surroundings;

/// The options of `status`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The family to show, by the identifier of its root, of one of its copies or of one of its clones; all of them where none is
    /// given.
    #[arg(value_name = "SOURCE")]
    source: Option<String>,
    /// The clusters that belong to no family as well.
    #[arg(long, conflicts_with = "source")]
    all: bool,
    /// One JSON document instead of the tree; with --watch one line for each look.
    #[arg(long)]
    json: bool,
    /// Looks again, every 30 seconds where nothing else is given, until Ctrl-C.
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "30",
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    watch: Option<u64>,
    /// Prices in US dollars instead of AWS's list prices: a JSON file such as {"db.r6g.large": 0.26, "acu-hour": 0.12, "gib-month":
    /// 0.10}.
    #[arg(long, value_name = "FILE")]
    prices: Option<std::path::PathBuf>,
    #[command(flatten)]
    aws: Aws,
}

const EXAMPLES: &str = "\
Examples:
  aurora-clone status                     all families of this manager
  aurora-clone status prod                the family of one source
  aurora-clone status clone-prod-4vbb2b   the family that a clone is in
  aurora-clone status --watch=10          looks again every 10 seconds
  aurora-clone status --json | jq '.families[] | {root, usable: .totals.slots.usable}'

SLOTS/OWNER of a source is `used/limit used, free`: clones that hang off it, of those that may, and those that a
Create can still make now. Of a clone it is who asked for it: STACK/RESOURCE, the command line, or somebody by hand.

COST is an estimate in US dollars a month: instances by the hour, Serverless v2 at its minimum, and storage where its
size is known (`volume-gib` of the maintenance configuration). Copy-on-write clones pay only for pages that change,
which nobody can see from outside, so only their instances count. `>=` is a sum in which something is unknown.";

/// Runs it.
pub async fn run(arguments: &Arguments, around: &mut Surroundings) -> Result<(), Failure> {
    let prices = look::prices(arguments.prices.as_deref())?;
    let session = Session::open(&arguments.aws, around).await?;
    let wish = look::Wish { source: arguments.source.as_deref(), all: arguments.all, prices };
    if let Some(seconds) = arguments.watch {
        return watch::run(&session, &wish, arguments.json, seconds, around).await;
    }
    let seen = look::look(&session, &wish).await?;
    if arguments.json {
        around.printer.line(&seen.json(true)?)?;
    } else {
        for line in text::lines(&seen, around.printer.width(), &around.printer) {
            around.printer.line(&line)?;
        }
    }
    for note in &seen.notes {
        around.printer.note(&format!("note: {note}"))?;
    }
    for hint in advice::hints(&seen.overview) {
        around.printer.note(&format!("hint: {hint}"))?;
    }
    Ok(())
}

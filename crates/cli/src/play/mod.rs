//! `aurora-clone sim run`: plays a described quarter with the real handler and the real maintainer over the simulated AWS, in virtual
//! time, so that an operator can see what a policy does before production does.

mod demand;
mod document;
mod figures;
mod manager;
mod player;
mod plot;
mod scenario;
mod text;
mod truth;
mod vary;
mod workers;

use std::path::{Path, PathBuf};

use aurora_clone_core::pool::config::Problem;
use clap::Args;
use serde_json::Value;

use self::figures::Told;
use self::plot::Panel;
use self::scenario::Scenario;
use self::vary::Variation;
use crate::failure::Failure;
use crate::surroundings::Surroundings;

const EXAMPLES: &str = "\
Examples:
  # A scenario to begin with; change it to what your pool is like.
  aurora-clone sim run --example >quarter.json

  # What comes of it, as text and as a picture.
  aurora-clone sim run quarter.json --plot quarter.svg

  # How many free slots to ask for: the same demand with each of these values.
  aurora-clone sim run quarter.json --sweep prod:target-clone-slots=10,20,30,40

  # Something else about the pool, and a shorter time.
  aurora-clone sim run quarter.json --days 14 --set prod:max-copy-age=P1D --json";

/// What `sim run` may be told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The file with the scenario, in JSON; `docs/command-line.md` describes it. `-` reads standard input.
    #[arg(required_unless_present = "example")]
    scenario: Option<PathBuf>,
    /// Prints a scenario to begin with.
    #[arg(long, conflicts_with_all = ["scenario", "set", "sweep", "plot", "json", "days", "seed"])]
    example: bool,
    /// Another value in the maintenance configuration of a source; may be given more than once.
    #[arg(long, value_name = "SOURCE:KEY=VALUE", value_parser = Variation::one)]
    set: Vec<Variation>,
    /// Plays the scenario once with each of these values in the maintenance configuration of a source, and compares them.
    #[arg(long, value_name = "SOURCE:KEY=VALUE,…", value_parser = Variation::several)]
    sweep: Option<Variation>,
    /// So many days instead of the scenario's.
    #[arg(long)]
    days: Option<u32>,
    /// This seed of all chance instead of the scenario's.
    #[arg(long)]
    seed: Option<u32>,
    /// Draws free slots and copies over time into this file, as SVG.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Prints one JSON document: all figures, a sample for every hour, and what the maintainer did and why.
    #[arg(long)]
    json: bool,
}

/// Plays.
pub async fn run(arguments: &Arguments, around: &mut Surroundings) -> Result<(), Failure> {
    let Some(path) = arguments.scenario.as_ref().filter(|_| !arguments.example) else {
        let example = serde_json::to_string_pretty(&scenario::example());
        return Ok(around.printer.line(&example.unwrap_or_default())?);
    };
    let document = changed(arguments, file(path)?)?;
    let values: Vec<Option<&Value>> = match &arguments.sweep {
        Some(variation) => variation.values.iter().map(Some).collect(),
        None => vec![None],
    };
    let mut scenarios: Vec<Scenario> = Vec::new();
    for value in &values {
        let document = match (&arguments.sweep, value) {
            (Some(variation), Some(value)) => variation.apply(&document, value)?,
            _ => document.clone(),
        };
        scenarios.push(scenario::read(&document).map_err(|problems| wrong(path, &problems))?);
    }
    let told = workers::play_all(scenarios, around).await?;
    if let Some(file) = &arguments.plot {
        let svg = picture(arguments.sweep.as_ref(), &told).map_err(Failure::new)?;
        std::fs::write(file, svg)
            .map_err(|error| Failure::new(format!("{} can't be written: {error}", file.display())))?;
    }
    say(arguments, told, around)
}

fn say(arguments: &Arguments, told: Vec<Told>, around: &mut Surroundings) -> Result<(), Failure> {
    let runs = |variation: &Variation| variation.values.iter().cloned().zip(told.clone()).collect::<Vec<_>>();
    if arguments.json {
        let document = match (&arguments.sweep, told.first()) {
            (Some(variation), _) => document::several(variation, &runs(variation)),
            (None, Some(told)) => document::one(told),
            (None, None) => Value::Null,
        };
        return Ok(around.printer.line(&document.to_string())?);
    }
    let lines = match (&arguments.sweep, told.first()) {
        (Some(variation), _) => text::several(variation, &runs(variation)),
        (None, Some(told)) => text::one(told, around.printer.width()),
        (None, None) => Vec::new(),
    };
    for line in lines {
        around.printer.line(line.trim_end())?;
    }
    Ok(())
}

fn picture(sweep: Option<&Variation>, told: &[Told]) -> Result<String, String> {
    let mut panels = Vec::new();
    for (number, told) in told.iter().enumerate() {
        for course in &told.courses {
            let title = match sweep {
                None => course.source.clone(),
                Some(variation) if variation.source != course.source => continue,
                Some(variation) => {
                    format!("{}, {}", course.source, variation.title(&variation.values[number]))
                }
            };
            panels.push(Panel { title, course });
        }
    }
    let days = told.first().map_or(0, |told| (told.time.1 - told.time.0).num_days());
    let noun = if days == 1 { "day" } else { "days" };
    plot::draw(&format!("{days} simulated {noun}"), &panels)
}

/// The document of a file.
fn file(path: &Path) -> Result<Value, Failure> {
    let text = match path.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(path),
    };
    let text = text.map_err(|error| {
        Failure::new(format!("the scenario {} can't be read: {error}", path.display()))
            .hint("`aurora-clone sim run --example` prints a scenario to begin with")
    })?;
    scenario::json(&text).map_err(|problems| wrong(path, &problems))
}

/// The document with what the command line says.
fn changed(arguments: &Arguments, mut document: Value) -> Result<Value, Failure> {
    if let Some(members) = document.as_object_mut() {
        let given = [("days", arguments.days), ("seed", arguments.seed)];
        for (name, value) in given.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            members.insert(name.to_owned(), value.into());
        }
    }
    for variation in &arguments.set {
        for value in &variation.values {
            document = variation.apply(&document, value)?;
        }
    }
    Ok(document)
}

fn wrong(path: &Path, problems: &[Problem]) -> Failure {
    let mut text = format!("the scenario {} is wrong:", path.display());
    for problem in problems {
        let at = if problem.path.is_empty() { "the document" } else { &problem.path };
        text += &format!("\n  {at}: {}", problem.message);
    }
    Failure::usage(text).hint(
        "docs/command-line.md describes a scenario, docs/pool.md its maintenance; `aurora-clone sim run --example` prints one",
    )
}

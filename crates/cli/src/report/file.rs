//! A report on a file instead of an account.

use std::path::Path;

use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::data::{Cost, Data, Figure, KIND, Measure, Point, Sort, Source, Told};
use super::{log, markup, thin};
use crate::failure::Failure;

/// What `sim run --json` prints, as far as it is shown.
#[derive(Deserialize)]
struct Played {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    sources: Vec<Course>,
    #[serde(default)]
    events: Vec<Happening>,
}

/// What became of one source.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Course {
    cluster_id: String,
    wanted: Option<u32>,
    #[serde(default)]
    figures: Figures,
    samples: Vec<Sample>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Figures {
    asked: u64,
    usable: u64,
    waited: u64,
    refused: u64,
    failed: u64,
    until_usable: Option<Times>,
    monthly_cost: Option<f64>,
}

#[derive(Deserialize)]
struct Times {
    p50: i64,
    p95: i64,
    max: i64,
}

/// One look at a source.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sample {
    time: DateTime<Utc>,
    free: f64,
    #[serde(default)]
    used: f64,
    copies: f64,
    clones: f64,
    monthly_cost: Option<f64>,
}

/// Something that the manager told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Happening {
    time: DateTime<Utc>,
    kind: String,
    cluster_id: Option<String>,
    copy_id: Option<String>,
    why: String,
}

/// Reads what `report --json` or `sim run --json` has written.
pub fn read(path: &Path) -> Result<Data, Failure> {
    let shown = path.display();
    let bad = |what: String| {
        Failure::new(format!("{shown} {what}"))
            .hint("--from takes what `aurora-clone sim run --json` or `aurora-clone report --json` prints")
    };
    let text = std::fs::read_to_string(path).map_err(|error| bad(format!("can't be read: {error}")))?;
    let document: Value = serde_json::from_str(&text).map_err(|error| bad(format!("is no JSON: {error}")))?;
    match document["kind"].as_str() {
        Some(KIND) => serde_json::from_value(document).map_err(|error| bad(format!("is no report: {error}"))),
        _ if document["runs"].is_array() => {
            Err(bad("holds several simulations, and a report is on one: run it without --sweep".to_owned()))
        }
        _ if document["sources"].is_array() && document["start"].is_string() => {
            played(document).map_err(|error| bad(format!("is no simulation: {error}")))
        }
        _ => Err(bad("is neither a report nor a simulation".to_owned())),
    }
}

/// The report on a simulation.
fn played(document: Value) -> Result<Data, serde_json::Error> {
    let played: Played = serde_json::from_value(document)?;
    let mut data = Data::new("a maintenance policy", played.start, played.end);
    data.simulated = true;
    let period: Duration = played.end - played.start;
    data.point = thin::length(period, Duration::zero(), played.sources.len());
    data.told = log::gather(played.events.into_iter().map(told));
    data.sources = played.sources.into_iter().map(|course| source(course, data.point)).collect();
    Ok(data)
}

fn source(course: Course, length: i64) -> Source {
    let mut source = Source { name: course.cluster_id, wanted: course.wanted, ..Source::default() };
    let mut add = |measure: Measure, of: &dyn Fn(&Sample) -> Option<f64>| {
        let points: Vec<Point> = course
            .samples
            .iter()
            .filter_map(|sample| Some(Point { at: sample.time, value: of(sample)? }))
            .collect();
        if !points.is_empty() {
            source.series.insert(measure, thin::thin(measure, &points, length));
        }
    };
    add(Measure::FreeSlots, &|sample| Some(sample.free));
    add(Measure::WantedSlots, &|_| course.wanted.map(f64::from));
    add(Measure::Clones, &|sample| Some(sample.clones));
    add(Measure::CopiesUsable, &|sample| Some(sample.copies));
    add(Measure::MonthlyCost, &|sample| sample.monthly_cost);
    if let Some(last) = course.samples.last() {
        source.free = whole(last.free);
        source.used = whole(last.used);
        source.copies = whole(last.copies);
        source.clones = whole(last.clones);
    }
    let figures = course.figures;
    source.cost = figures.monthly_cost.map(|monthly| Cost { monthly, at_least: false });
    source.figures = told_in_figures(&figures);
    source
}

fn told_in_figures(figures: &Figures) -> Vec<Figure> {
    let mut told = vec![Figure {
        name: "clones asked for".to_owned(),
        value: figures.asked.to_string(),
        note: format!("{} usable, {} after a wait", figures.usable, figures.waited),
    }];
    if figures.refused + figures.failed > 0 {
        let note = format!("{} refused, {} failed", figures.refused, figures.failed);
        let value = (figures.refused + figures.failed).to_string();
        told.push(Figure { name: "not had".to_owned(), value, note });
    }
    if let Some(times) = &figures.until_usable {
        let note =
            format!("one in 20 after {} or more, at most {}", markup::age(times.p95), markup::age(times.max));
        told.push(Figure { name: "usable after".to_owned(), value: markup::age(times.p50), note });
    }
    told
}

/// An event in words: its kind reads like one.
fn told(happening: Happening) -> Told {
    let sort = match happening.kind.as_str() {
        kind if kind.contains("failed") => Sort::Error,
        kind if kind.contains("short") => Sort::Trouble,
        kind if kind.contains("expiring") || kind.contains("orphan") => Sort::Found,
        _ => Sort::Did,
    };
    let kind = happening.kind.replace('-', " ");
    let mut letters = kind.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let about = happening.copy_id.map(|copy| format!(": {copy}")).unwrap_or_default();
    Told {
        at: happening.time,
        first: happening.time,
        times: 1,
        sort,
        source: happening.cluster_id.unwrap_or_default(),
        what: format!("{first}{}{about}", letters.as_str()),
        why: happening.why,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of an account's clusters"
)]
fn whole(value: f64) -> Option<u32> {
    (value >= 0.0).then_some(value as u32)
}

//! What came of a scenario, as JSON: for scripts, and for `report --from`.

use aurora_clone_core::duration::format_time;
use serde_json::{Value, json};

use super::figures::{Course, Told};
use super::manager::Happening;
use super::vary::Variation;

/// The document of one run.
pub fn one(told: &Told) -> Value {
    let (start, end) = told.time;
    json!({
        "start": format_time(start),
        "end": format_time(end),
        "sources": told.courses.iter().map(course).collect::<Vec<_>>(),
        "events": told.happenings.iter().map(happening).collect::<Vec<_>>(),
    })
}

/// The document of several runs.
pub fn several(variation: &Variation, runs: &[(Value, Told)]) -> Value {
    let run = |(value, told): &(Value, Told)| {
        let mut document = json!({ "value": value });
        if let (Some(document), Value::Object(one)) = (document.as_object_mut(), one(told)) {
            document.extend(one);
        }
        document
    };
    json!({ "sweep": variation.json(), "runs": runs.iter().map(run).collect::<Vec<_>>() })
}

fn course(course: &Course) -> Value {
    let figures = course.figures();
    let seconds = figures.until_usable.map(|times| times.map(|time| time.num_seconds()));
    let samples = course.samples.iter().map(|sample| {
        json!({
            "time": format_time(sample.time),
            "free": sample.free,
            "used": sample.used,
            "copies": sample.copies,
            "clones": sample.clones,
            "monthlyCost": course.monthly_cost(sample.copies as f64, sample.full_copies as f64),
        })
    });
    json!({
        "clusterId": course.source,
        "wanted": course.policy.as_ref().map(|policy| policy.target),
        "figures": {
            "asked": figures.asked,
            "usable": figures.usable,
            "waited": figures.waited,
            "fullCopies": figures.full_copies,
            "refused": figures.refused,
            "failed": figures.failed,
            "open": figures.open,
            "untilUsable": seconds.map(|[p50, p95, max]| json!({ "p50": p50, "p95": p95, "max": max })),
            "freeMin": figures.free_min,
            "freeMean": rounded(figures.free_mean),
            "copiesMean": rounded(figures.copies_mean),
            "copiesMax": figures.copies_max,
            "copiesBegun": figures.begun,
            "copiesPurged": figures.purged,
            "monthlyCost": figures.monthly_cost.map(rounded),
        },
        "samples": samples.collect::<Vec<_>>(),
    })
}

fn happening(happening: &Happening) -> Value {
    json!({
        "time": format_time(happening.time),
        "kind": happening.kind,
        "clusterId": happening.source,
        "copyId": happening.cluster,
        "why": happening.why,
    })
}

/// To two places: more would only look exact.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

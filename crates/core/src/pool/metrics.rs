//! Metrics in CloudWatch's embedded format: a log line that CloudWatch reads as metrics, so the function needs no right to put any
//! (CloudWatch User Guide, "Embedding metrics within logs").

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::report::Report;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "AuroraCloneManager";

/// The metrics of one run or step, one line each.
pub struct Metrics<'m> {
    /// The manager's name.
    pub manager: &'m str,
    /// Now.
    pub now: DateTime<Utc>,
}

impl Metrics<'_> {
    /// Those of one pool, and of each owner of clones.
    pub fn of_pool(&self, report: &Report) -> Vec<Value> {
        let copies = &report.copies;
        let mut values = vec![
            ("FreeSlots", "Count", json!(report.free)),
            ("WantedSlots", "Count", json!(report.wanted)),
            ("ComingSlots", "Count", json!(report.coming)),
            ("CopiesUsable", "Count", json!(copies.usable)),
            ("CopiesComing", "Count", json!(copies.coming)),
            ("CopiesTooOld", "Count", json!(copies.old)),
            ("CopiesLeaving", "Count", json!(copies.leaving)),
            ("CopiesBroken", "Count", json!(copies.broken)),
            ("OldestCopyAge", "Seconds", json!(report.oldest.unwrap_or(0))),
            ("Clones", "Count", json!(report.owners.values().sum::<u32>())),
            ("StrangersClones", "Count", json!(report.strangers)),
            ("CopiesBegun", "Count", json!(report.begun)),
            ("Deletions", "Count", json!(report.purged)),
            ("Troubles", "Count", json!(report.troubles.len())),
        ];
        if let Some(cost) = report.monthly_cost.filter(|cost| cost.is_finite()) {
            values.push(("MonthlyCost", "None", json!(cost)));
        }
        let pool = self.line(&[("Source", &report.source)], &values);
        let owners = report.owners.iter().map(|(owner, clones)| {
            self.line(
                &[("Source", &report.source), ("Owner", &dimension(owner))],
                &[("ClonesByOwner", "Count", json!(clones))],
            )
        });
        std::iter::once(pool).chain(owners).collect()
    }

    /// Numbers of the whole run, such as errors.
    pub fn of_run(&self, kind: &str, values: &[(&str, &str, Value)]) -> Value {
        self.line(&[("Run", kind)], values)
    }

    /// What somebody has to look at, without saying where: an alarm can't add up what differs by its dimensions, and the log says it.
    pub fn of_troubles(&self, troubles: usize) -> Value {
        self.line(&[], &[("Troubles", "Count", json!(troubles))])
    }

    fn line(&self, dimensions: &[(&str, &str)], values: &[(&str, &str, Value)]) -> Value {
        let mut names = vec!["Manager"];
        names.extend(dimensions.iter().map(|(name, _)| *name));
        let units: Vec<Value> =
            values.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
        let mut line = json!({
            "_aws": {
                "Timestamp": self.now.timestamp_millis(),
                "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [names], "Metrics": units }],
            },
            "Manager": self.manager,
        });
        for (name, value) in dimensions {
            line[*name] = json!(value);
        }
        for (name, _, value) in values {
            line[*name] = value.clone();
        }
        line
    }
}

/// A tag's value as CloudWatch takes it for a dimension, or it drops the whole line: printable ASCII, no colon first, not empty.
fn dimension(value: &str) -> String {
    let ascii: String =
        value.chars().map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { '?' }).collect();
    let ascii = ascii.trim_start_matches(':').trim();
    if ascii.is_empty() { "none".to_owned() } else { ascii.to_owned() }
}

/// The members of a line that CloudWatch takes for metrics, by name; for tests and for people.
pub fn values(line: &Value) -> BTreeMap<String, f64> {
    let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array();
    let names = metrics.into_iter().flatten().filter_map(|metric| metric["Name"].as_str());
    names.filter_map(|name| Some((name.to_owned(), line[name].as_f64()?))).collect()
}

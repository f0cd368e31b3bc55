//! CloudWatch: what functions write into their logs in its embedded format, the sizes of volumes, and the statistics that are asked for.
//!
//! `api` reads the wire, in the three protocols that clients speak; `cbor` is that of today's SDKs.

mod api;
mod cbor;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::http::{Request, Response};
use crate::logs::Logs;
use crate::rds::Rds;
use crate::world::Context;

pub(crate) use self::api::{SERVICE, operation_of_path, refusal};

/// The metrics of the account.
#[derive(Debug, Default)]
pub struct CloudWatch {
    series: BTreeMap<Metric, Vec<(DateTime<Utc>, f64)>>,
    /// How many lines of each log group were looked through.
    seen: BTreeMap<String, usize>,
}

/// What identifies a metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// E.g. `AWS/RDS`.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its dimensions.
    pub dimensions: BTreeMap<String, String>,
}

impl CloudWatch {
    /// Handles a call.
    pub fn handle(&mut self, cx: &mut Context<'_>, rds: &Rds, request: &Request) -> Response {
        api::handle(self, cx, rds, request)
    }

    /// Takes the metrics of what the logs have new.
    pub fn follow(&mut self, logs: &Logs) {
        for group in logs.groups() {
            let seen = self.seen.get(&group).copied().unwrap_or_default();
            let lines = logs.lines_from(&group, seen);
            self.seen.insert(group, seen + lines.len());
            // What is no JSON is no metric either.
            let metrics = lines.iter().filter_map(|line| serde_json::from_str(&line.message).ok());
            metrics.for_each(|line| self.embed(&line));
        }
    }

    /// Takes the metrics of a log line in the embedded format; a line that is none has no effect.
    ///
    /// CloudWatch takes a line as a whole or not at all, and says nothing about it.
    pub fn embed(&mut self, line: &Value) {
        let Some(found) = embedded(line) else { return };
        for (metric, at, value) in found {
            let points = self.series.entry(metric).or_default();
            // Lines come in order as a rule.
            let place = points.partition_point(|(other, _)| *other <= at);
            points.insert(place, (at, value));
        }
    }

    /// Every metric that there ever was a value of.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.series.keys()
    }

    /// The values of a metric, oldest first.
    pub fn points(&self, metric: &Metric) -> &[(DateTime<Utc>, f64)] {
        self.series.get(metric).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The metrics in a line of the embedded format (CloudWatch User Guide, "Embedded metric format specification").
fn embedded(line: &Value) -> Option<Vec<(Metric, DateTime<Utc>, f64)>> {
    let about = line.get("_aws")?;
    let at = DateTime::from_timestamp_millis(about.get("Timestamp")?.as_i64()?)?;
    let mut found = Vec::new();
    for directive in about.get("CloudWatchMetrics")?.as_array()? {
        let namespace = directive.get("Namespace")?.as_str()?;
        for names in directive.get("Dimensions")?.as_array()? {
            let mut dimensions = BTreeMap::new();
            for name in names.as_array()? {
                let name = name.as_str()?;
                dimensions.insert(name.to_owned(), line.get(name)?.as_str()?.to_owned());
            }
            for metric in directive.get("Metrics")?.as_array()? {
                let name = metric.get("Name")?.as_str()?;
                let metric = Metric {
                    namespace: namespace.to_owned(),
                    name: name.to_owned(),
                    dimensions: dimensions.clone(),
                };
                match line.get(name)? {
                    Value::Array(values) => {
                        for value in values {
                            found.push((metric.clone(), at, value.as_f64()?));
                        }
                    }
                    value => found.push((metric, at, value.as_f64()?)),
                }
            }
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_taken_as_a_whole_or_not_at_all() {
        let line = json!({
            "_aws": {"Timestamp": 1_782_000_000_000_i64, "CloudWatchMetrics": [{
                "Namespace": "N", "Dimensions": [["A", "B"], []], "Metrics": [{"Name": "X", "Unit": "Count"}, {"Name": "Y"}],
            }]},
            "A": "a", "B": "b", "X": 3, "Y": [1.5, 2],
        });
        let mut room = CloudWatch::default();
        room.embed(&line);
        let of = |name: &str, dimensions: &[(&str, &str)]| Metric {
            namespace: "N".to_owned(),
            name: name.to_owned(),
            dimensions: dimensions.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        };
        let values =
            |metric: &Metric| room.points(metric).iter().map(|(_, value)| *value).collect::<Vec<_>>();
        assert_eq!(values(&of("X", &[("A", "a"), ("B", "b")])), [3.0]);
        assert_eq!(values(&of("Y", &[])), [1.5, 2.0]);
        assert_eq!(values(&of("X", &[("A", "a")])), [0.0; 0]);
        assert_eq!(room.metrics().count(), 4);
        for (member, value) in [("B", json!(7)), ("X", json!("3")), ("Y", json!(null))] {
            let mut broken = line.clone();
            broken[member] = value;
            let mut room = CloudWatch::default();
            room.embed(&broken);
            assert_eq!(room.metrics().count(), 0, "{member}");
        }
        let mut room = CloudWatch::default();
        room.embed(&json!({"message": "a log line"}));
        assert_eq!(room.metrics().count(), 0);
    }
}

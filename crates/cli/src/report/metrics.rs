//! The maintainer's metrics over time, from CloudWatch.

use std::collections::BTreeMap;

use aurora_clone_aws::cloud::CallError;
use aurora_clone_core::pool::metrics::NAMESPACE;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime as AwsTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, ScanBy};
use chrono::{DateTime, Utc};

use super::data::{Data, Measure, Point, Statistic};
use super::thin;

/// How many queries CloudWatch takes at once.
const QUERIES: usize = 500;

/// Every measure of every source of a report, in its period.
pub async fn read(client: &Client, data: &mut Data) -> Result<(), CallError> {
    const OPERATION: &str = "GetMetricData";
    let asked: Vec<(usize, Measure)> =
        (0..data.sources.len()).flat_map(|at| Measure::ALL.map(|measure| (at, measure))).collect();
    let period = i32::try_from(data.point).unwrap_or(i32::MAX);
    let from = AwsTime::from_secs(thin::floor(data.from, data.point).timestamp());
    let to = AwsTime::from_secs(data.to.timestamp());
    for asked in asked.chunks(QUERIES) {
        let queries: Vec<MetricDataQuery> = asked
            .iter()
            .enumerate()
            .map(|(number, (at, measure))| {
                query(&data.manager, &data.sources[*at].name, *measure, period, number)
            })
            .collect();
        let mut found: BTreeMap<String, Vec<Point>> = BTreeMap::new();
        let mut token = None;
        loop {
            let call = client.get_metric_data().set_metric_data_queries(Some(queries.clone()));
            let call = call.start_time(from).end_time(to).scan_by(ScanBy::TimestampAscending);
            let output = call.set_next_token(token.take()).send().await;
            let output = output.map_err(|error| CallError::new(OPERATION, error))?;
            for result in output.metric_data_results() {
                let points = result.timestamps().iter().zip(result.values());
                let points = points.filter_map(|(at, value)| {
                    let at = DateTime::<Utc>::from_timestamp(at.secs(), 0)?;
                    Some(Point { at, value: *value }).filter(|point| point.value.is_finite())
                });
                found.entry(result.id().unwrap_or_default().to_owned()).or_default().extend(points);
            }
            match output.next_token() {
                Some(next) if !next.is_empty() => token = Some(next.to_owned()),
                _ => break,
            }
        }
        for (number, (at, measure)) in asked.iter().enumerate() {
            let Some(mut points) = found.remove(&id(number)).filter(|points| !points.is_empty()) else {
                continue;
            };
            points.sort_by_key(|point| point.at);
            data.sources[*at].series.insert(*measure, thin::thin(*measure, &points, data.point));
        }
    }
    Ok(())
}

fn id(number: usize) -> String {
    format!("m{number}")
}

fn query(manager: &str, source: &str, measure: Measure, period: i32, number: usize) -> MetricDataQuery {
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let metric = Metric::builder()
        .namespace(NAMESPACE)
        .metric_name(measure.name())
        .dimensions(dimension("Manager", manager))
        .dimensions(dimension("Source", source))
        .build();
    let statistic = match measure.statistic() {
        Statistic::Minimum => "Minimum",
        Statistic::Maximum => "Maximum",
        Statistic::Sum => "Sum",
    };
    let stat = MetricStat::builder().metric(metric).period(period).stat(statistic).build();
    MetricDataQuery::builder().id(id(number)).metric_stat(stat).build()
}

#[cfg(test)]
mod tests {
    use aurora_clone_core::pool::metrics;
    use aurora_clone_core::pool::report::{Copies, Report};
    use serde_json::Value;

    use super::super::data::Measure;

    #[test]
    fn what_is_asked_for_is_what_the_maintainer_emits() {
        let report = Report {
            source: "prod".to_owned(),
            wanted: 15,
            free: 9,
            coming: 0,
            copies: Copies::default(),
            oldest: None,
            owners: Default::default(),
            strangers: 0,
            monthly_cost: Some(80.0),
            begun: 0,
            marked: 0,
            purged: 0,
            lines: Vec::new(),
            steps: Vec::new(),
            troubles: Vec::new(),
        };
        let emitter = metrics::Metrics { manager: "m", now: "2026-06-21T00:00:00Z".parse().unwrap() };
        let lines: Vec<Value> = emitter.of_pool(&report);
        let emitted = metrics::values(&lines[0]);
        for measure in Measure::ALL {
            assert!(emitted.contains_key(&measure.name()), "{measure:?} is not among {emitted:?}");
        }
        assert_eq!(
            lines[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0],
            serde_json::json!(["Manager", "Source"])
        );
    }
}

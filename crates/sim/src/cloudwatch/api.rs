//! CloudWatch's API: RPC v2 with CBOR, as today's SDKs speak it, and JSON 1.0, as those of yesterday do.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{CloudWatch, Metric, cbor};
use crate::http::{Request, Response};
use crate::query;
use crate::rds::{Life, Rds};
use crate::world::Context;

/// What the path of an RPC request begins with, and the target of a JSON one.
pub(crate) const SERVICE: &str = "GraniteServiceVersion20100801";
const NAMESPACE: &str = "http://monitoring.amazonaws.com/doc/2010-08-01/";
/// The most queries of one call.
const QUERIES: usize = 500;
/// The most values of one answer.
const POINTS: usize = 100_800;
/// The most metrics on a page of a list.
const PAGE: usize = 500;
/// How often RDS tells the size of a volume, in seconds.
const VOLUME_EVERY: i64 = 300;

/// A refusal: its code and a sentence.
type Refusal = (&'static str, String);
type Answer = Result<Value, Refusal>;

/// The operation in the path of an RPC request.
pub(crate) fn operation_of_path(path: &str) -> Option<&str> {
    path.strip_prefix("/service/")?.strip_prefix(SERVICE)?.strip_prefix("/operation/")
}

pub(super) fn handle(room: &CloudWatch, cx: &mut Context<'_>, rds: &Rds, request: &Request) -> Response {
    if let Some(operation) = operation_of_path(&request.path) {
        let body = if request.body.is_empty() { Some(json!({})) } else { cbor::read(&request.body) };
        let answer = match body {
            Some(body) => dispatch(room, cx, rds, operation, &body),
            None => Err(("SerializationException", "the body is no CBOR".to_owned())),
        };
        let (status, body) = spoken(answer);
        let response = Response::new(status, "application/cbor", cbor::write(&body));
        return with_error(response, &body).with_header("smithy-protocol", "rpc-v2-cbor");
    }
    if let Some(target) = request.header("x-amz-target") {
        let operation = target.rsplit('.').next().unwrap_or_default();
        let answer = match serde_json::from_slice(&request.body) {
            Ok(body) => dispatch(room, cx, rds, operation, &body),
            Err(error) => Err(("SerializationException", format!("the body is no JSON: {error}"))),
        };
        let (status, body) = spoken(answer);
        return with_error(Response::new(status, "application/x-amz-json-1.0", body.to_string()), &body);
    }
    let message = "not simulated: CloudWatch by the query protocol; newer SDKs speak CBOR or JSON";
    query::error(NAMESPACE, 400, "InvalidAction", message, &cx.rng.uuid())
}

/// What a call is told that is not executed, in CBOR.
pub(crate) fn refusal(status: u16, code: &str, message: &str) -> Response {
    let body = json!({ "__type": code, "message": message });
    let response = Response::new(status, "application/cbor", cbor::write(&body));
    with_error(response, &body).with_header("smithy-protocol", "rpc-v2-cbor")
}

fn spoken(answer: Answer) -> (u16, Value) {
    match answer {
        Ok(body) => (200, body),
        Err((code, message)) => (400, json!({ "__type": code, "message": message })),
    }
}

/// The service was one of the query protocol: its clients find the old code in a header.
fn with_error(response: Response, body: &Value) -> Response {
    match body["__type"].as_str() {
        Some(code) => response.with_header("x-amzn-query-error", &format!("{code};Sender")),
        None => response,
    }
}

fn dispatch(room: &CloudWatch, cx: &Context<'_>, rds: &Rds, operation: &str, body: &Value) -> Answer {
    match operation {
        "GetMetricData" => data(room, cx.now, rds, body),
        "ListMetrics" => list(room, rds, body),
        other => {
            Err(("UnknownOperationException", format!("not simulated: operation {other:?} of CloudWatch")))
        }
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    ("ValidationError", message.into())
}

/// Members that are not simulated are refused by their names.
fn only(value: &Value, what: &str, known: &[&str]) -> Result<(), Refusal> {
    let members = value.as_object().ok_or_else(|| invalid(format!("{what} must be a structure")))?;
    match members.iter().find(|(name, value)| !value.is_null() && !known.contains(&name.as_str())) {
        Some((name, _)) => Err(invalid(format!("not simulated: {name} of {what}"))),
        None => Ok(()),
    }
}

fn text<'v>(value: &'v Value, name: &str) -> Result<&'v str, Refusal> {
    value[name].as_str().ok_or_else(|| invalid(format!("The parameter {name} is required.")))
}

/// A time, in seconds since 1970.
fn time(value: &Value, name: &str) -> Result<i64, Refusal> {
    let seconds = value[name].as_f64().filter(|seconds| seconds.abs() < 1e13);
    #[allow(clippy::cast_possible_truncation)]
    seconds.map(|seconds| seconds as i64).ok_or_else(|| invalid(format!("The parameter {name} is required.")))
}

/// What one query asks for.
struct Query {
    id: String,
    label: String,
    metric: Metric,
    period: i64,
    statistic: String,
    returned: bool,
}

impl Query {
    fn read(value: &Value) -> Result<Self, Refusal> {
        only(value, "MetricDataQuery", &["Id", "MetricStat", "Label", "ReturnData"])?;
        let stat = &value["MetricStat"];
        only(stat, "MetricStat", &["Metric", "Period", "Stat"])?;
        let metric = metric(&stat["Metric"])?;
        let period = stat["Period"].as_i64().unwrap_or_default();
        if ![1, 5, 10, 20, 30].contains(&period) && (period <= 0 || period % 60 != 0) {
            return Err(invalid(format!(
                "The period {period} is neither 1, 5, 10, 20, 30 nor a multiple of 60."
            )));
        }
        let statistic = text(stat, "Stat")?.to_owned();
        if !["Average", "Sum", "Minimum", "Maximum", "SampleCount"].contains(&statistic.as_str()) {
            return Err(invalid(format!("not simulated: the statistic {statistic}")));
        }
        let id = text(value, "Id")?.to_owned();
        if !id.starts_with(|first: char| first.is_ascii_lowercase()) {
            return Err(invalid(format!("The Id {id:?} does not begin with a small letter.")));
        }
        let label = value["Label"].as_str().unwrap_or(&metric.name).to_owned();
        let returned = value["ReturnData"].as_bool().unwrap_or(true);
        Ok(Self { id, label, metric, period, statistic, returned })
    }

    /// One value for every period in which there is any, oldest first.
    fn values(&self, points: &[(i64, f64)], from: i64, to: i64) -> Vec<(i64, f64)> {
        let from = from.div_euclid(self.period) * self.period;
        let mut periods: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for (at, value) in points.iter().filter(|(at, _)| (from..to).contains(at)) {
            periods.entry(at.div_euclid(self.period) * self.period).or_default().push(*value);
        }
        #[allow(clippy::cast_precision_loss)]
        let of = |values: &[f64]| match self.statistic.as_str() {
            "Sum" => values.iter().sum(),
            "SampleCount" => values.len() as f64,
            "Minimum" => values.iter().copied().fold(f64::INFINITY, f64::min),
            "Maximum" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            _ => values.iter().sum::<f64>() / values.len() as f64,
        };
        periods.into_iter().map(|(at, values)| (at, of(&values))).collect()
    }
}

fn metric(value: &Value) -> Result<Metric, Refusal> {
    only(value, "Metric", &["Namespace", "MetricName", "Dimensions"])?;
    let mut dimensions = BTreeMap::new();
    for dimension in value["Dimensions"].as_array().into_iter().flatten() {
        only(dimension, "Dimension", &["Name", "Value"])?;
        dimensions.insert(text(dimension, "Name")?.to_owned(), text(dimension, "Value")?.to_owned());
    }
    let (namespace, name) = (text(value, "Namespace")?, text(value, "MetricName")?);
    Ok(Metric { namespace: namespace.to_owned(), name: name.to_owned(), dimensions })
}

fn data(room: &CloudWatch, now: DateTime<Utc>, rds: &Rds, body: &Value) -> Answer {
    only(
        body,
        "the request",
        &["MetricDataQueries", "StartTime", "EndTime", "ScanBy", "MaxDatapoints", "NextToken"],
    )?;
    let queries = body["MetricDataQueries"].as_array().map(Vec::as_slice).unwrap_or_default();
    if queries.is_empty() || queries.len() > QUERIES {
        return Err(invalid(format!("There must be 1 to {QUERIES} MetricDataQueries.")));
    }
    let queries = queries.iter().map(Query::read).collect::<Result<Vec<_>, _>>()?;
    let (from, to) = (time(body, "StartTime")?, time(body, "EndTime")?);
    if from >= to {
        return Err(invalid("The parameter StartTime must be less than the parameter EndTime."));
    }
    let newest_first = match body["ScanBy"].as_str() {
        None | Some("TimestampDescending") => true,
        Some("TimestampAscending") => false,
        Some(other) => return Err(invalid(format!("ScanBy can't be {other}."))),
    };
    let most = match body["MaxDatapoints"].as_u64() {
        None => POINTS,
        Some(most) => usize::try_from(most).unwrap_or(POINTS).clamp(1, POINTS),
    };
    let skipped = position(body)?;
    let (mut before, mut given, mut results) = (0, 0, Vec::new());
    let mut more = false;
    for query in queries.iter().filter(|query| query.returned) {
        let mut values = query.values(&points(room, now, rds, &query.metric), from, to);
        if newest_first {
            values.reverse();
        }
        let count = values.len();
        let rest: Vec<_> = values.into_iter().skip(skipped.saturating_sub(before)).collect();
        before += count;
        let shown: Vec<_> = rest.iter().take(most - given).collect();
        let complete = shown.len() == rest.len();
        more |= !complete;
        given += shown.len();
        results.push(json!({
            "Id": query.id,
            "Label": query.label,
            "Timestamps": shown.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
            "Values": shown.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
            "StatusCode": if complete { "Complete" } else { "PartialData" },
        }));
    }
    let mut answer = json!({ "MetricDataResults": results, "Messages": [] });
    if more {
        answer["NextToken"] = json!((skipped + given).to_string());
    }
    Ok(answer)
}

/// How many items were told on the pages before.
fn position(body: &Value) -> Result<usize, Refusal> {
    match body["NextToken"].as_str() {
        None => Ok(0),
        Some(token) => token.parse().map_err(|_| ("InvalidNextToken", format!("Invalid NextToken: {token}"))),
    }
}

/// The values of a metric: those that were emitted, or the sizes of a cluster's volume.
fn points(room: &CloudWatch, now: DateTime<Utc>, rds: &Rds, metric: &Metric) -> Vec<(i64, f64)> {
    let only_dimension = (metric.dimensions.len() == 1).then(|| metric.dimensions.get("DBClusterIdentifier"));
    let (Some(Some(cluster)), "AWS/RDS", "VolumeBytesUsed") =
        (only_dimension, metric.namespace.as_str(), metric.name.as_str())
    else {
        return room.points(metric).iter().map(|(at, value)| (at.timestamp(), *value)).collect();
    };
    let mut points = Vec::new();
    for life in rds.history().iter().filter(|life| life.id == *cluster) {
        let born = life.truth.created_at.timestamp();
        let gone = life.gone_at.unwrap_or(now).min(now).timestamp();
        let first = born.div_euclid(VOLUME_EVERY) * VOLUME_EVERY + VOLUME_EVERY;
        let step = usize::try_from(VOLUME_EVERY).unwrap_or(1);
        #[allow(clippy::cast_precision_loss)]
        points.extend((first..=gone).step_by(step).map(|at| (at, own_bytes(life) as f64)));
    }
    points
}

/// What a cluster's volume takes beside what it shares: a clone's nothing, since nobody writes here.
fn own_bytes(life: &Life) -> u64 {
    if life.truth.copy_on_write { 0 } else { life.truth.data_bytes }
}

fn list(room: &CloudWatch, rds: &Rds, body: &Value) -> Answer {
    only(body, "the request", &["Namespace", "MetricName", "Dimensions", "NextToken"])?;
    let volumes = rds.clusters().map(|cluster| Metric {
        namespace: "AWS/RDS".to_owned(),
        name: "VolumeBytesUsed".to_owned(),
        dimensions: BTreeMap::from([("DBClusterIdentifier".to_owned(), cluster.id.clone())]),
    });
    let mut filters = Vec::new();
    for filter in body["Dimensions"].as_array().into_iter().flatten() {
        only(filter, "DimensionFilter", &["Name", "Value"])?;
        filters.push((text(filter, "Name")?, filter["Value"].as_str()));
    }
    let fits = |metric: &Metric| {
        body["Namespace"].as_str().is_none_or(|namespace| metric.namespace == namespace)
            && body["MetricName"].as_str().is_none_or(|name| metric.name == name)
            && filters.iter().all(|(name, value)| {
                metric.dimensions.get(*name).is_some_and(|found| value.is_none_or(|value| found == value))
            })
    };
    let found: Vec<Metric> = room.metrics().cloned().chain(volumes).filter(fits).collect();
    let skipped = position(body)?;
    let shown = found.iter().skip(skipped).take(PAGE).map(|metric| {
        let dimensions: Vec<Value> =
            metric.dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
        json!({ "Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions })
    });
    let mut answer = json!({ "Metrics": shown.collect::<Vec<_>>() });
    if found.len() > skipped + PAGE {
        answer["NextToken"] = json!((skipped + PAGE).to_string());
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::cbor, SERVICE};
    use crate::http::Request;
    use crate::rds::{CopyKind, SeedCluster};
    use crate::world::{Origin, Outcome};
    use crate::{Config, World};

    fn world() -> World {
        let mut world = World::new(Config::default());
        world.rds.seed_cluster(SeedCluster { id: "prod".to_owned(), ..SeedCluster::default() });
        for (minute, free) in [(0_i64, 5), (15, 3), (30, 4), (70, 9)] {
            world.cloudwatch.embed(&json!({
                "_aws": {"Timestamp": (1_782_000_000 + minute * 60) * 1000, "CloudWatchMetrics": [
                    {"Namespace": "M", "Dimensions": [["Source"]], "Metrics": [{"Name": "Free"}]},
                ]},
                "Source": "prod", "Free": free,
            }));
        }
        world
    }

    fn asked(statistic: &str, more: Value) -> Value {
        let metric = json!({"Namespace": "M", "MetricName": "Free", "Dimensions": [{"Name": "Source", "Value": "prod"}]});
        let query = json!({"Id": "q", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": statistic}});
        let mut body = json!({"MetricDataQueries": [query], "StartTime": 1_782_000_000, "EndTime": 1_782_007_200.0, "ScanBy": "TimestampAscending"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    }

    fn json(world: &mut World, operation: &str, body: &Value) -> Value {
        let response = world.call_json_as("AKIAADA", &format!("{SERVICE}.{operation}"), body);
        serde_json::from_slice(&response.body).unwrap()
    }

    #[test]
    fn statistics_are_of_periods() {
        let mut world = world();
        for (statistic, values) in [
            ("Minimum", [3.0, 9.0]),
            ("Maximum", [5.0, 9.0]),
            ("Average", [4.0, 9.0]),
            ("Sum", [12.0, 9.0]),
            ("SampleCount", [3.0, 1.0]),
        ] {
            let answer = json(&mut world, "GetMetricData", &asked(statistic, json!({})));
            let result = &answer["MetricDataResults"][0];
            assert_eq!(result["Values"], json!(values), "{statistic}");
            assert_eq!(result["Timestamps"], json!([1_782_000_000, 1_782_003_600]));
            assert_eq!((&result["StatusCode"], &result["Label"]), (&json!("Complete"), &json!("Free")));
        }
        let newest = json(&mut world, "GetMetricData", &asked("Sum", json!({"ScanBy": null})));
        assert_eq!(newest["MetricDataResults"][0]["Values"], json!([9.0, 12.0]));
    }

    #[test]
    fn long_answers_come_in_pages() {
        let mut world = world();
        let first = json(&mut world, "GetMetricData", &asked("Sum", json!({"MaxDatapoints": 1})));
        assert_eq!(first["MetricDataResults"][0]["Values"], json!([12.0]));
        assert_eq!(first["MetricDataResults"][0]["StatusCode"], "PartialData");
        let token = &first["NextToken"];
        let second =
            json(&mut world, "GetMetricData", &asked("Sum", json!({"MaxDatapoints": 1, "NextToken": token})));
        assert_eq!(second["MetricDataResults"][0]["Values"], json!([9.0]));
        assert_eq!(second.get("NextToken"), None);
    }

    #[test]
    fn what_is_not_simulated_is_refused() {
        let mut world = world();
        let mut query = asked("Sum", json!({}))["MetricDataQueries"][0].clone();
        query["Expression"] = json!("SEARCH('x', 'Sum', 60)");
        for (statistic, more, says) in [
            ("p90", json!({}), "not simulated: the statistic p90"),
            ("Sum", json!({"LabelOptions": {}}), "not simulated: LabelOptions"),
            ("Sum", json!({"EndTime": 1_782_000_000}), "StartTime must be less"),
            ("Sum", json!({"MetricDataQueries": []}), "1 to 500"),
            ("Sum", json!({"MetricDataQueries": [query]}), "not simulated: Expression"),
        ] {
            let answer = json(&mut world, "GetMetricData", &asked(statistic, more));
            assert!(answer["message"].as_str().unwrap().contains(says), "{says}: {answer}");
        }
        assert_eq!(json(&mut world, "PutMetricData", &json!({}))["__type"], "UnknownOperationException");
    }

    #[test]
    fn volumes_have_sizes_and_a_clone_has_none_of_its_own() {
        let mut world = world();
        for (id, kind) in [("copy", CopyKind::Full), ("clone", CopyKind::CopyOnWrite)] {
            let parent = Some(("prod".to_owned(), kind));
            world.rds.seed_cluster(SeedCluster { id: id.to_owned(), parent, ..SeedCluster::default() });
        }
        world.advance_to(world.now() + chrono::Duration::hours(2));
        let gib = f64::from(1 << 30);
        for (id, gibs) in [("prod", 100.0), ("copy", 100.0), ("clone", 0.0)] {
            let metric = json!({"Namespace": "AWS/RDS", "MetricName": "VolumeBytesUsed",
                "Dimensions": [{"Name": "DBClusterIdentifier", "Value": id}]});
            let query =
                json!({"Id": "q", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Average"}});
            let answer =
                json(&mut world, "GetMetricData", &asked("Sum", json!({"MetricDataQueries": [query]})));
            assert_eq!(answer["MetricDataResults"][0]["Values"], json!([gibs * gib, gibs * gib]), "{id}");
        }
        let listed = json(&mut world, "ListMetrics", &json!({"Namespace": "AWS/RDS"}));
        assert_eq!(listed["Metrics"].as_array().unwrap().len(), 3, "{listed}");
        let filter = json!({"Dimensions": [{"Name": "Source", "Value": "prod"}]});
        assert_eq!(json(&mut world, "ListMetrics", &filter)["Metrics"][0]["MetricName"], "Free");
    }

    #[test]
    fn todays_sdks_speak_cbor() {
        let mut world = world();
        let mut call = |operation: &str, body: Vec<u8>| {
            let request = Request {
                method: "POST".to_owned(),
                path: format!("/service/{SERVICE}/operation/{operation}"),
                headers: vec![("smithy-protocol".to_owned(), "rpc-v2-cbor".to_owned())],
                body,
                ..Request::default()
            };
            match world.handle(&request, &Origin::default()) {
                Outcome::Reply(response, _) => response,
                other => panic!("{other:?}"),
            }
        };
        let answer = call("GetMetricData", cbor::write(&asked("Sum", json!({}))));
        assert_eq!(answer.status, 200);
        assert!(answer.headers.contains(&("smithy-protocol".to_owned(), "rpc-v2-cbor".to_owned())));
        let read = cbor::read(&answer.body).unwrap();
        assert_eq!(read["MetricDataResults"][0]["Values"], json!([12.0, 9.0]));
        // Both timestamps are tagged as times.
        assert_eq!(answer.body.windows(2).filter(|pair| *pair == [0xc1, 0x1a]).count(), 2);
        assert_eq!(call("GetMetricData", vec![0xff]).status, 400);
    }
}

//! A report on an account: what is there now, what CloudWatch measured, what the maintainer logged.
//!
//! Who may not read one of them gets a page with the others, on which it says what was missing and why.

use aurora_clone_aws::cloud::CallError;
use aurora_clone_core::prices::PriceList;
use aws_sdk_cloudwatchlogs::Client as Logs;
use chrono::{DateTime, Duration, Utc};

use super::data::{Data, Missing, Part, Sort, Told, Trouble};
use super::{log, markup, metrics, present, thin};
use crate::failure::Failure;
use crate::session::Session;
use crate::status::look::{self, Wish};

/// How many lines of the log are read: what is older is left out.
const MOST_LINES: usize = 20_000;
/// Hours in which every schedule of the maintainer has run: what was last said before them is over.
const RECENT: i64 = 25;

/// Gathers it, of the time since `since`.
pub async fn gather(session: &Session, since: Duration, now: DateTime<Utc>) -> Result<Data, Failure> {
    let mut data = Data::new(session.manager.name.clone(), now - since, now);
    let maintenance = match session.maintenance().await {
        Ok(maintenance) => Some(maintenance),
        Err(failure) => {
            data.missing.push(Missing { part: Part::Configuration, why: failure.to_string() });
            None
        }
    };
    let (wish, mut notes) = (Wish { source: None, all: false, prices: PriceList::default() }, Vec::new());
    let overview = look::overview(session, maintenance.as_ref(), &wish, now, &mut notes).await?;
    data.missing.extend(notes.into_iter().map(|why| Missing { part: Part::Rules, why }));
    present::put(&mut data, &overview, maintenance.as_ref());
    data.point = thin::length(since, since, data.sources.len());
    let client = aws_sdk_cloudwatch::Client::new(&session.config);
    if let Err(error) = metrics::read(&client, &mut data).await {
        data.missing.push(missing(Part::Metrics, &error, "cloudwatch:GetMetricData"));
    }
    match read_log(session, &mut data).await {
        Ok(()) => recent_troubles(&mut data),
        Err(error) => data.missing.push(missing(Part::Log, &error, "logs:FilterLogEvents")),
    }
    Ok(data)
}

fn missing(part: Part, error: &CallError, action: &str) -> Missing {
    let refused = matches!(
        error.code.as_deref(),
        Some("AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation")
    );
    let remedy = if refused { format!(" Whoever makes the report needs {action}.") } else { String::new() };
    Missing { part, why: format!("{error}.{remedy}") }
}

/// Reads the log a day at a time, the latest first: if there is more than anybody reads, the oldest is left out.
async fn read_log(session: &Session, data: &mut Data) -> Result<(), CallError> {
    const OPERATION: &str = "FilterLogEvents";
    let group = session.manager.resource(&session.cloud, "PoolMaintainerLogs").await;
    let group = group.map_err(|failure| CallError::nonsense("DescribeStackResource", failure.to_string()))?;
    let client = Logs::new(&session.config);
    let (mut lines, mut read, mut end) = (Vec::<Told>::new(), 0, data.to);
    while end > data.from {
        if read >= MOST_LINES {
            data.told_since = Some(end);
            break;
        }
        let start = (end - Duration::days(1)).max(data.from);
        let mut token = None;
        loop {
            let call = client.filter_log_events().log_group_name(&group).filter_pattern(log::PATTERN);
            // Both ends are included.
            let call = call.start_time(start.timestamp_millis()).end_time(end.timestamp_millis() - 1);
            let last = token.take();
            let output = call.set_next_token(last.clone()).send().await;
            let output = output.map_err(|error| CallError::new(OPERATION, error))?;
            read += output.events().len();
            lines.extend(output.events().iter().filter_map(|event| log::line(event.message()?)));
            match output.next_token() {
                Some(next) if Some(next) == last.as_deref() => {
                    return Err(CallError::nonsense(OPERATION, "the listing does not end"));
                }
                Some(next) if !next.is_empty() => token = Some(next.to_owned()),
                _ => break,
            }
        }
        end = start;
    }
    data.told = log::gather(lines);
    Ok(())
}

/// What the maintainer said lately that somebody has to look at.
fn recent_troubles(data: &mut Data) {
    let since = data.to - Duration::hours(RECENT);
    let recent =
        data.told.iter().filter(|told| told.at >= since && matches!(told.sort, Sort::Trouble | Sort::Error));
    let troubles: Vec<Trouble> = recent
        .map(|told| {
            let why = if told.why.is_empty() { String::new() } else { format!(": {}", told.why) };
            let what = format!("{}{why} (said on {} UTC)", told.what, markup::time(told.at));
            Trouble { about: told.source.clone(), what }
        })
        .collect();
    data.troubles.extend(troubles);
}

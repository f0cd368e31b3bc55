//! ISO 8601 durations and timestamps, as people write them in templates.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, Utc};
use thiserror::Error;

/// A duration or a time that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadTime {
    /// Not a duration of days, hours, minutes and seconds.
    #[error(
        "{0:?} is not an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as P3D or PT36H"
    )]
    Duration(String),
    /// Not a point in time.
    #[error("{0:?} is not an ISO 8601 time such as 2026-07-20T00:30:00Z (UTC where no zone is given)")]
    Time(String),
}

/// A positive duration of at most ten years. Years and months are refused: they have no fixed length.
pub fn parse_duration(text: &str) -> Result<Duration, BadTime> {
    duration(text).ok_or_else(|| BadTime::Duration(text.chars().take(64).collect()))
}

fn duration(text: &str) -> Option<Duration> {
    let body = text.strip_prefix('P')?;
    let (days, time) = match body.split_once('T') {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None => (body, ""),
    };
    let days = fields(days, &[('W', 604_800), ('D', 86_400)])?;
    let time = fields(time, &[('H', 3_600), ('M', 60), ('S', 1)])?;
    let seconds = days.checked_add(time)?;
    (1..=10 * 366 * 86_400).contains(&seconds).then(|| Duration::seconds(seconds))
}

/// The sum of `<number><unit>` fields that appear in the order of `units`, each at most once.
fn fields(mut text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut sum = 0_i64;
    for (unit, seconds) in units {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 || !text[digits..].starts_with(*unit) {
            continue;
        }
        let number: i64 = text[..digits].parse().ok()?;
        sum = sum.checked_add(number.checked_mul(*seconds)?)?;
        text = &text[digits + 1..];
    }
    text.is_empty().then_some(sum)
}

/// A point in time; one without a zone is UTC, a date alone is its midnight.
pub fn parse_time(text: &str) -> Result<DateTime<Utc>, BadTime> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.with_timezone(&Utc));
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(time.and_utc());
        }
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .and_then(|date| date.and_hms_opt(0, 0, 0))
        .map(|time| time.and_utc())
        .ok_or_else(|| BadTime::Time(text.chars().take(64).collect()))
}

/// A time as we write it: whole seconds, UTC.
pub fn format_time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A duration as we write it: the same for every way to write the same length.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.num_seconds().max(0);
    let field = |number: i64, unit: char| if number == 0 { String::new() } else { format!("{number}{unit}") };
    let days = field(seconds / 86_400, 'D');
    let time = [(seconds / 3_600 % 24, 'H'), (seconds / 60 % 60, 'M'), (seconds % 60, 'S')];
    let time: String = time.into_iter().map(|(number, unit)| field(number, unit)).collect();
    match (days.is_empty(), time.is_empty()) {
        (true, true) => "PT0S".to_owned(),
        (false, true) => format!("P{days}"),
        (_, false) => format!("P{days}T{time}"),
    }
}

/// A duration as people read it, e.g. `2 d 3 h`, `14 min`, `30 s`.
pub fn for_people(duration: Duration) -> String {
    let seconds = duration.num_seconds().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in
            [("P3D", 259_200), ("PT36H", 129_600), ("P1DT6H30M", 109_800), ("P2W", 1_209_600), ("PT1S", 1)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::seconds(seconds)), "{text}");
        }
        for text in [
            "", "P", "PT", "3", "3D", "P3", "P1Y", "P1M", "PT1D", "P1DT", "P-1D", "P1D1D", "PT0S", "P99999D",
            "p3d",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_written_in_one_way() {
        for (text, canonical) in
            [("P1W", "P7D"), ("PT36H", "P1DT12H"), ("PT60S", "PT1M"), ("P1DT6H30M", "P1DT6H30M")]
        {
            let duration = parse_duration(text).expect(text);
            assert_eq!(format_duration(duration), canonical);
            assert_eq!(parse_duration(canonical), Ok(duration));
        }
        assert_eq!(format_duration(Duration::zero()), "PT0S");
    }

    #[test]
    fn times() {
        let utc = |text: &str| parse_time(text).map(format_time);
        assert_eq!(utc("2018-07-20T00:30:00").as_deref(), Ok("2018-07-20T00:30:00Z"));
        assert_eq!(utc("2018-07-20T00:30:00+02:00").as_deref(), Ok("2018-07-19T22:30:00Z"));
        assert_eq!(utc("2018-07-20").as_deref(), Ok("2018-07-20T00:00:00Z"));
        for text in ["", "yesterday", "2018-13-01", "20-07-2018", "2018-07-20T25:00:00"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn people() {
        for (seconds, text) in
            [(30, "30 s"), (840, "14 min"), (7_200, "2 h"), (90_000, "1 d 1 h"), (-5, "0 s")]
        {
            assert_eq!(for_people(Duration::seconds(seconds)), text);
        }
    }
}

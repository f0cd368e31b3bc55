//! Where an axis has its marks: at numbers and dates that people would choose.

use chrono::{DateTime, Duration, Utc};

use super::markup;

/// What the numbers of an axis are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit<'a> {
    /// Whole things.
    Count,
    /// Seconds.
    Age,
    /// Money.
    Money(Option<&'a str>),
}

impl Unit<'_> {
    /// A value for people.
    pub fn text(self, value: f64) -> String {
        match self {
            Unit::Count => markup::number(value),
            #[expect(clippy::cast_possible_truncation, reason = "an age in seconds fits")]
            Unit::Age => match value as i64 {
                0 => "0".to_owned(),
                seconds => markup::age(seconds),
            },
            Unit::Money(currency) => markup::money(value, currency),
        }
    }

    /// The distance of two marks, so that there are at most five up to `most`.
    fn step(self, most: f64) -> f64 {
        let rough = most / 4.0;
        if self == Unit::Age {
            const HOURS: [f64; 11] = [1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 48.0, 120.0, 240.0, 720.0, 2_400.0];
            let fits = HOURS.iter().map(|hours| hours * 3_600.0).find(|step| *step >= rough);
            return fits.unwrap_or(rough);
        }
        let ten = 10_f64.powf(rough.max(0.01).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * ten).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        if self == Unit::Count { step.max(1.0).round() } else { step }
    }
}

/// The marks from 0 up, the last of which is at or above `most`.
pub fn marks(unit: Unit<'_>, most: f64) -> Vec<f64> {
    let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
    let step = unit.step(most);
    let mut marks = vec![0.0];
    while marks.last().is_some_and(|last| *last < most * 0.999) && marks.len() < 8 {
        marks.push(step * marks.len() as f64);
    }
    marks
}

/// Times with their labels, at most eight.
pub fn dates(from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<(DateTime<Utc>, String)> {
    const HOURS: [i64; 12] = [1, 3, 6, 12, 24, 48, 96, 168, 336, 672, 1_344, 2_688];
    let hours = (to - from).num_hours().max(1);
    let step = HOURS.into_iter().find(|step| hours / step <= 7).unwrap_or(hours);
    // Days are counted from the first midnight, and not from that of 1970.
    let anchor = super::thin::floor(from + Duration::seconds(86_399), 86_400).timestamp() / 3_600;
    let first = (from.timestamp() + 3_599) / 3_600;
    let first = first + (anchor - first).rem_euclid(step);
    let times = (0..).map(|n| first + n * step).filter_map(|hour| DateTime::from_timestamp(hour * 3_600, 0));
    let label = |time: DateTime<Utc>| {
        let midnight = time.timestamp().rem_euclid(86_400) == 0;
        time.format(if midnight { "%-d %b" } else { "%H:%M" }).to_string()
    };
    times.take_while(|time| *time <= to).map(|time| (time, label(time))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(unit: Unit<'_>, most: f64) -> Vec<String> {
        marks(unit, most).into_iter().map(|mark| unit.text(mark)).collect()
    }

    #[test]
    fn numbers_are_round() {
        assert_eq!(texts(Unit::Count, 0.0), ["0", "1"]);
        assert_eq!(texts(Unit::Count, 3.0), ["0", "1", "2", "3"]);
        assert_eq!(texts(Unit::Count, 17.0), ["0", "5", "10", "15", "20"]);
        assert_eq!(texts(Unit::Count, 2_000.0), ["0", "500", "1,000", "1,500", "2,000"]);
        assert_eq!(texts(Unit::Age, 200_000.0), ["0", "1 d", "2 d", "3 d"]);
        assert_eq!(texts(Unit::Age, 20_000.0), ["0", "2 h", "4 h", "6 h"]);
        assert_eq!(texts(Unit::Money(Some("USD")), 930.0), ["$0", "$500", "$1,000"]);
        assert_eq!(marks(Unit::Count, f64::NAN), [0.0, 1.0]);
    }

    #[test]
    fn dates_are_midnights_or_round_hours() {
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let labels = |from: &str, to: &str| -> Vec<String> {
            dates(time(from), time(to)).into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(
            labels("2026-11-10T19:40:00Z", "2026-11-24T19:40:00Z"),
            ["11 Nov", "13 Nov", "15 Nov", "17 Nov", "19 Nov", "21 Nov", "23 Nov"]
        );
        assert_eq!(
            labels("2026-11-23T19:40:00Z", "2026-11-24T19:40:00Z"),
            ["24 Nov", "06:00", "12:00", "18:00"]
        );
        assert!(labels("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z").len() <= 8);
        assert!(labels("2024-01-01T00:00:00Z", "2026-04-01T00:00:00Z").len() <= 8);
    }
}

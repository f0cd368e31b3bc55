//! Few points for many: a page with a quarter of samples has to open on a phone.

use chrono::{DateTime, Duration, Utc};

use super::data::{Measure, Point, Statistic};

/// The most points of one line of a page with few sources.
const MOST: i64 = 180;
/// The fewest, however many sources there are.
const LEAST: i64 = 40;
/// Points of one line on the whole page, all sources together.
const OF_ALL: i64 = 2_400;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// What a point may stand for: lengths that people can think in, and that CloudWatch keeps.
const LENGTHS: [i64; 12] = [
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    28 * DAY,
];

/// How many seconds a point stands for in plots of this period. `age` is how long ago the period begins: CloudWatch keeps
/// points of 5 minutes for 63 days, and then those of an hour.
pub fn length(period: Duration, age: Duration, sources: usize) -> i64 {
    let sources = i64::try_from(sources.max(1)).unwrap_or(i64::MAX);
    let most = (OF_ALL / sources).clamp(LEAST, MOST);
    let kept = if age > Duration::days(62) { HOUR } else { 5 * MINUTE };
    let fits = |length: &&i64| **length >= kept && period.num_seconds() <= most.saturating_mul(**length);
    LENGTHS.iter().find(fits).copied().unwrap_or(28 * DAY)
}

/// Many points as few: of each stretch of time the worst value. The stretches begin at multiples of their length, so two reports of
/// one period show the same.
pub fn thin(measure: Measure, points: &[Point], length: i64) -> Vec<Point> {
    let mut thin: Vec<Point> = Vec::new();
    for point in points {
        let at = floor(point.at, length);
        match thin.last_mut().filter(|last| last.at == at) {
            None => thin.push(Point { at, value: point.value }),
            Some(last) => {
                last.value = match measure.statistic() {
                    Statistic::Minimum => last.value.min(point.value),
                    Statistic::Maximum => last.value.max(point.value),
                    Statistic::Sum => last.value + point.value,
                }
            }
        }
    }
    thin
}

/// The beginning of the stretch that a time is in.
pub fn floor(time: DateTime<Utc>, length: i64) -> DateTime<Utc> {
    let seconds = time.timestamp();
    DateTime::from_timestamp(seconds - seconds.rem_euclid(length.max(1)), 0).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[f64]) -> Vec<Point> {
        let at = |n: usize| DateTime::from_timestamp(1_800_000_000 + n as i64 * 900, 0).unwrap();
        values.iter().enumerate().map(|(n, value)| Point { at: at(n), value: *value }).collect()
    }

    #[test]
    fn a_point_is_the_worst_of_its_time() {
        let points = points(&[9.0, 3.0, 5.0, 7.0, 8.0]);
        let values =
            |measure| -> Vec<f64> { thin(measure, &points, HOUR).iter().map(|point| point.value).collect() };
        assert_eq!(values(Measure::FreeSlots), [3.0, 8.0]);
        assert_eq!(values(Measure::OldestCopyAge), [9.0, 8.0]);
        assert_eq!(values(Measure::Deletions), [24.0, 8.0]);
    }

    #[test]
    fn no_line_has_more_points_than_fit() {
        for (days, sources, expected) in [
            (1, 1, 15 * MINUTE),
            (14, 1, 2 * HOUR),
            (14, 50, 12 * HOUR),
            (90, 6, 12 * HOUR),
            (400, 1, 7 * DAY),
        ] {
            let period = Duration::days(days);
            let length = length(period, period, sources);
            assert_eq!(length, expected, "{days} days of {sources} sources");
            assert!(period.num_seconds() / length <= MOST);
        }
        assert_eq!(length(Duration::hours(6), Duration::days(100), 1), HOUR, "no shorter ones are kept");
    }
}

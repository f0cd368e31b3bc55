//! The hours in which a pool may be worked on, in UTC. A window may go over midnight and belongs to the day it begins on.

use chrono::{DateTime, Datelike, Days, Duration, NaiveTime, Utc, Weekday};

/// From one time of the day to another, not including it, on some days of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    from: NaiveTime,
    to: NaiveTime,
    days: Vec<Weekday>,
}

impl Window {
    /// A window that begins at `from` on the given days of the week. `None` where it would never be open, or could be meant
    /// either way: without days, or with the same time twice.
    pub fn new(from: NaiveTime, to: NaiveTime, days: Vec<Weekday>) -> Option<Self> {
        (from != to && !days.is_empty()).then_some(Self { from, to, days })
    }

    /// When it begins.
    pub fn from(&self) -> NaiveTime {
        self.from
    }

    /// When it ends; before `from` it is on the next day.
    pub fn to(&self) -> NaiveTime {
        self.to
    }

    /// The days on which it begins, Monday first.
    pub fn days(&self) -> &[Weekday] {
        &self.days
    }

    /// Whether it is open.
    pub fn contains(&self, now: DateTime<Utc>) -> bool {
        // What is open now began today or yesterday: it is shorter than a day.
        [0, 1].into_iter().filter_map(|back| self.begins(now, -back)).any(|begin| {
            let open = now - begin;
            open >= Duration::zero() && open < self.length()
        })
    }

    /// When it opens next, after `now`, also where it is open now.
    pub fn opens_next(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        // Seven days from now it is the same day of the week, whose window may have begun already today.
        let next = (0..=7).filter_map(|ahead| self.begins(now, ahead)).find(|begin| *begin > now);
        next.unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// When it begins on the day that is so many days from `now`, if it begins on that day at all.
    fn begins(&self, now: DateTime<Utc>, days: i64) -> Option<DateTime<Utc>> {
        let today = now.date_naive();
        let distance = Days::new(days.unsigned_abs());
        let day = if days < 0 { today.checked_sub_days(distance) } else { today.checked_add_days(distance) }?;
        self.days.contains(&day.weekday()).then(|| day.and_time(self.from).and_utc())
    }

    fn length(&self) -> Duration {
        let length = self.to - self.from;
        if length > Duration::zero() { length } else { length + Duration::days(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duration::{format_time, parse_time};
    use Weekday::*;

    const WEEK: [Weekday; 7] = [Mon, Tue, Wed, Thu, Fri, Sat, Sun];

    fn window(from: u32, to: u32, days: &[Weekday]) -> Window {
        let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("an hour");
        Window::new(hour(from), hour(to), days.to_vec()).expect("a window")
    }

    fn at(text: &str) -> DateTime<Utc> {
        parse_time(text).expect(text)
    }

    #[test]
    fn within_one_day() {
        let window = window(1, 5, &WEEK);
        for (time, open) in [
            ("00:59:59", false),
            ("01:00:00", true),
            ("04:59:59", true),
            ("05:00:00", false),
            ("23:00:00", false),
        ] {
            assert_eq!(window.contains(at(&format!("2026-07-20T{time}Z"))), open, "{time}");
        }
    }

    #[test]
    fn over_midnight_it_belongs_to_the_day_it_begins_on() {
        // 2026-07-24 is a Friday.
        let window = window(22, 6, &[Fri]);
        for (time, open) in [
            ("2026-07-24T05:00:00Z", false),
            ("2026-07-24T21:59:59Z", false),
            ("2026-07-24T22:00:00Z", true),
            ("2026-07-25T05:59:59Z", true),
            ("2026-07-25T06:00:00Z", false),
            ("2026-07-25T22:00:00Z", false),
        ] {
            assert_eq!(window.contains(at(time)), open, "{time}");
        }
    }

    #[test]
    fn the_next_opening_is_after_now() {
        let next = |window: &Window, time: &str| format_time(window.opens_next(at(time)));
        let daily = window(22, 6, &WEEK);
        assert_eq!(next(&daily, "2026-07-20T00:30:00Z"), "2026-07-20T22:00:00Z");
        assert_eq!(next(&daily, "2026-07-20T22:00:00Z"), "2026-07-21T22:00:00Z");
        let weekly = window(0, 1, &[Fri]);
        assert_eq!(next(&weekly, "2026-07-24T00:00:00Z"), "2026-07-31T00:00:00Z");
        assert_eq!(next(&weekly, "2026-07-30T23:59:59Z"), "2026-07-31T00:00:00Z");
    }

    #[test]
    fn what_could_be_meant_either_way_is_no_window() {
        let noon = NaiveTime::from_hms_opt(12, 0, 0).expect("noon");
        assert_eq!(Window::new(noon, noon, WEEK.to_vec()), None);
        assert_eq!(Window::new(noon, NaiveTime::MIN, Vec::new()), None);
    }
}

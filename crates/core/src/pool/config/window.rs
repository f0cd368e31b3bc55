//! The hours in which a pool may be worked on, in UTC. A window may go over midnight and belongs to the day it begins on.

use chrono::{DateTime, Datelike, Days, Duration, NaiveTime, Utc, Weekday};
use serde_json::Value;

use super::fields::{Fields, Refused};
use super::keys;
use super::problem::Problem;

const WEEK: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

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

/// Reads a `window`.
pub(super) fn read(value: &Value, path: String, problems: &mut Vec<Problem>) -> Result<Window, Refused> {
    const TIME: &str = "takes a time of the day in UTC such as 22:00";
    let mut fields = Fields::of(value, path, &keys::WINDOW, problems)?;
    let time = |value: &Value| {
        // Five characters: the format alone would take 6:00, and the schema does not.
        let text = value.as_str().filter(|text| text.len() == 5);
        let time = text.and_then(|text| NaiveTime::parse_from_str(text, "%H:%M").ok());
        time.ok_or_else(|| TIME.to_owned())
    };
    let (from, to) = (fields.read("from", time), fields.read("to", time));
    let (from, to) = (fields.needed("from", from, TIME), fields.needed("to", to, TIME));
    let days = fields.texts("days", 1..=7, |text| match WEEK.iter().any(|(name, _)| *name == text) {
        true => Ok(()),
        false => Err(format!("takes one of {}", WEEK.map(|(name, _)| name).join(", "))),
    });
    let days = days?.map(|names| {
        WEEK.iter().filter(|(name, _)| names.iter().any(|one| one == name)).map(|(_, day)| *day).collect()
    });
    let days = days.unwrap_or_else(|| WEEK.map(|(_, day)| day).to_vec());
    Window::new(from?, to?, days).ok_or_else(|| {
        fields.refuse("to", "must be another time than from; leave the window out to have it open always");
        Refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duration::{format_time, parse_time};
    use Weekday::*;
    use proptest::prelude::*;
    use proptest::sample::subsequence;

    const DAILY: [Weekday; 7] = [Mon, Tue, Wed, Thu, Fri, Sat, Sun];

    fn window(from: u32, to: u32, days: &[Weekday]) -> Window {
        let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("an hour");
        Window::new(hour(from), hour(to), days.to_vec()).expect("a window")
    }

    fn at(text: &str) -> DateTime<Utc> {
        parse_time(text).expect(text)
    }

    #[test]
    fn within_one_day() {
        let window = window(1, 5, &DAILY);
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
        let daily = window(22, 6, &DAILY);
        assert_eq!(next(&daily, "2026-07-20T00:30:00Z"), "2026-07-20T22:00:00Z");
        assert_eq!(next(&daily, "2026-07-20T22:00:00Z"), "2026-07-21T22:00:00Z");
        let weekly = window(0, 1, &[Fri]);
        assert_eq!(next(&weekly, "2026-07-24T00:00:00Z"), "2026-07-31T00:00:00Z");
        assert_eq!(next(&weekly, "2026-07-30T23:59:59Z"), "2026-07-31T00:00:00Z");
    }

    #[test]
    fn what_could_be_meant_either_way_is_no_window() {
        let noon = NaiveTime::from_hms_opt(12, 0, 0).expect("noon");
        assert_eq!(Window::new(noon, noon, DAILY.to_vec()), None);
        assert_eq!(Window::new(noon, NaiveTime::MIN, Vec::new()), None);
    }

    proptest! {
        /// Against a week that is painted minute by minute.
        #[test]
        fn a_painted_week_says_the_same(
            from in 0..1_440_u32,
            length in 1..1_440_u32,
            days in subsequence(&DAILY[..], 1..=7),
            minute in 0..10_080_u32,
        ) {
            let time = |minute: u32| NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).expect("a time");
            let starts: Vec<u32> = days.iter().map(|day| day.num_days_from_monday() * 1_440 + from).collect();
            let window = Window::new(time(from), time((from + length) % 1_440), days).expect("a window");
            // 2026-07-20 is a Monday.
            let now = at("2026-07-20") + Duration::minutes(minute.into());
            let since = |start: &u32| (minute + 10_080 - start) % 10_080;
            prop_assert_eq!(window.contains(now), starts.iter().any(|start| since(start) < length));
            let ahead = starts.iter().map(|start| 10_080 - since(start)).min().expect("a start");
            prop_assert_eq!(window.opens_next(now), now + Duration::minutes(ahead.into()));
        }
    }
}

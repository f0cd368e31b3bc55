//! Reads properties one by one, and keeps everything that is wrong with them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value};

use super::{BadProperty, table};
use crate::arn::Place;
use crate::duration::{parse_duration, parse_time};
use crate::event::shown;
use crate::settings::Settings;

/// How many wrong items of one list are reported, and how many unknown names: an answer has no room for more.
const REPORTED_ITEMS: usize = 5;
const REPORTED_NAMES: usize = 20;

/// The properties as they came, what they are read against, and what is wrong with them so far.
pub(super) struct Reader<'a> {
    map: &'a Map<String, Value>,
    /// Where the stack is.
    pub place: &'a Place,
    /// What the operator decided.
    pub settings: &'a Settings,
    /// Properties that are given, but nobody knows yet as what.
    open: BTreeSet<&'a str>,
    /// Whether everything is reported, however much it is.
    all: bool,
    problems: Vec<BadProperty>,
}

/// The text that CloudFormation makes of a text, a boolean or a number.
pub(super) fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(_) | Value::Number(_) => Some(Cow::Owned(value.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A whole number as CloudFormation writes it: without a sign, zeros in front, or spaces.
pub(super) fn whole(text: &str) -> Option<i32> {
    text.parse::<i32>().ok().filter(|number| number.to_string() == text)
}

impl<'a> Reader<'a> {
    pub fn new(map: &'a Map<String, Value>, place: &'a Place, settings: &'a Settings) -> Self {
        Self { map, place, settings, open: BTreeSet::new(), all: false, problems: Vec::new() }
    }

    /// A reader that reports everything, but nothing that depends on what the properties named `open` will be.
    pub fn with_open(mut self, open: BTreeSet<&'a str>) -> Self {
        (self.open, self.all) = (open, true);
        self
    }

    /// Whether a property is given, but not known yet.
    pub fn is_open(&self, name: &str) -> bool {
        self.open.contains(name)
    }

    pub fn into_problems(self) -> Vec<BadProperty> {
        self.problems
    }

    /// A property as it came.
    pub fn raw(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name)
    }

    /// Whether a property says anything; an empty list does not.
    pub fn says(&self, name: &str) -> bool {
        self.is_open(name)
            || self.map.get(name).is_some_and(|value| value.as_array().is_none_or(|list| !list.is_empty()))
    }

    /// Refuses what nobody knows.
    pub fn unknown_names(&mut self) {
        let names = self.map.keys().map(String::as_str).chain(self.open.iter().copied());
        let most = if self.all { usize::MAX } else { REPORTED_NAMES };
        for name in names.filter(|name| !table::is_known(name)).take(most) {
            let shown = name.chars().take(80).collect();
            self.problems.push(BadProperty::Unknown(shown, table::nearest(name)));
        }
    }

    /// Refuses a property's value.
    pub fn wrong(&mut self, name: &'static str, wanted: impl Into<String>) {
        if self.is_open(name) {
            return;
        }
        let value = shown(self.map.get(name));
        self.problems.push(BadProperty::Value { name, value, wanted: wanted.into() });
    }

    /// Refuses two properties that contradict each other.
    pub fn contradiction(&mut self, one: &'static str, other: &'static str, why: &'static str) {
        if self.is_open(one) || self.is_open(other) {
            return;
        }
        let [one_value, other_value] = [one, other].map(|name| shown(self.map.get(name)));
        self.problems.push(BadProperty::Contradiction { one, one_value, other, other_value, why });
    }

    /// A property that is a text; `None` when it is absent, or wrong and reported.
    pub fn text<T>(&mut self, name: &'static str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let result = match scalar(self.map.get(name)?).as_deref() {
            Some("") => Err("it is empty; leave it out, or give it a value".to_owned()),
            Some(text) => read(text),
            None => Err("it takes a text".to_owned()),
        };
        result.map_err(|wanted| self.wrong(name, wanted)).ok()
    }

    /// A text of which only a few are right.
    pub fn one_of(&mut self, name: &'static str, right: &[&str]) -> Option<String> {
        self.text(name, |text| match right.contains(&text) {
            true => Ok(text.to_owned()),
            false => Err(format!("it takes {}", right.join(" or "))),
        })
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, name: &'static str) -> Option<bool> {
        self.text(name, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("it takes true or false".to_owned()),
        })
    }

    /// A whole number that fits.
    pub fn number(&mut self, name: &'static str, fits: impl Fn(i32) -> bool, wanted: &str) -> Option<i32> {
        self.text(name, |text| whole(text).filter(|number| fits(*number)).ok_or_else(|| wanted.to_owned()))
    }

    /// A whole number within bounds, of `unit` (which may be empty).
    pub fn between(&mut self, name: &'static str, bounds: RangeInclusive<i32>, unit: &str) -> Option<i32> {
        let space = if unit.is_empty() { "" } else { " " };
        let wanted =
            format!("it takes a whole number from {} to {}{space}{unit}", bounds.start(), bounds.end());
        self.number(name, |number| bounds.contains(&number), &wanted)
    }

    /// An ISO 8601 duration.
    pub fn duration(&mut self, name: &'static str) -> Option<Duration> {
        self.text(name, |text| parse_duration(text).map_err(|error| error.to_string()))
    }

    /// An ISO 8601 time.
    pub fn time(&mut self, name: &'static str) -> Option<DateTime<Utc>> {
        self.text(name, |text| parse_time(text).map_err(|error| error.to_string()))
    }

    /// A list of texts, or one text with commas, each read by `read`; in order, each once.
    pub fn texts(
        &mut self,
        name: &'static str,
        read: impl Fn(&str) -> Result<String, String>,
    ) -> Option<Vec<String>> {
        let value = self.map.get(name)?;
        let split: Vec<Value>;
        let items = match value {
            Value::Array(list) => list,
            Value::String(text) if !text.is_empty() => {
                split = text.split(',').map(|item| Value::from(item.trim())).collect();
                &split
            }
            _ => {
                self.wrong(name, "it takes a list of texts, or one text with commas between them");
                return None;
            }
        };
        self.items(name, items, |item| match scalar(item).as_deref() {
            Some("") => Err("an item is empty".to_owned()),
            Some(text) => read(text),
            None => Err("each item is a text".to_owned()),
        })
    }

    /// The items of a list, in order, each once; the first few that are wrong are reported one by one.
    pub fn items<T: Ord>(
        &mut self,
        name: &'static str,
        items: &[Value],
        read: impl Fn(&Value) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let (mut right, mut wrong) = (Vec::new(), 0);
        for item in items {
            match read(item) {
                Ok(item) => right.push(item),
                Err(wanted) => {
                    wrong += 1;
                    if self.all || wrong <= REPORTED_ITEMS {
                        let value = shown(Some(item));
                        self.problems.push(BadProperty::Value { name, value, wanted });
                    }
                }
            }
        }
        right.sort();
        right.dedup();
        (wrong == 0).then_some(right)
    }
}

//! Reads the members of one object by their names, and keeps everything that is wrong with them.

use std::ops::RangeInclusive;

use chrono::Duration;
use serde_json::{Map, Value};

use super::json::{item, member};
use super::keys::{Key, nearest};
use super::problem::Problem;
use crate::duration::{format_duration, parse_duration};
use crate::event::shown;
use crate::limits::Patterns;

/// How many patterns one list of them takes.
const MAX_PATTERNS: usize = 100;

/// A value was refused, and that was reported.
#[derive(Debug, Clone, Copy)]
pub struct Refused;

/// A value that may be absent, or was refused. What depends on a refused value is not looked at, so that one mistake is
/// reported once.
pub type Given<T> = Result<Option<T>, Refused>;

/// The members of one object.
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
    keys: &'static [Key],
    problems: &'a mut Vec<Problem>,
}

impl<'a> Fields<'a> {
    /// The members of the object at `path`. Keys that nobody knows, and keys in both spellings, are reported at once.
    pub fn of(
        value: &'a Value,
        path: String,
        keys: &'static [Key],
        problems: &'a mut Vec<Problem>,
    ) -> Result<Self, Refused> {
        let Some(map) = value.as_object() else {
            problems.push(Problem::new(path, format!("it is {} and takes an object", shown(Some(value)))));
            return Err(Refused);
        };
        let mut fields = Self { map, path, keys, problems };
        for name in map.keys() {
            let known = |key: &&Key| key.name == name || key.predecessor == Some(name);
            match keys.iter().find(known) {
                None => {
                    let nearest = nearest(keys, name);
                    fields.report(name, format!("nobody knows this key; the nearest is {nearest}"));
                }
                Some(key) if key.name != name && map.contains_key(key.name) => {
                    fields.report(name, format!("it is another spelling of {}; give one of them", key.name));
                }
                Some(_) => {}
            }
        }
        Ok(fields)
    }

    /// What was found so far, for what has to be held against several members.
    pub fn problems(&mut self) -> &mut Vec<Problem> {
        self.problems
    }

    /// Reports what is wrong with a member.
    pub fn report(&mut self, name: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(member(&self.path, name), message));
    }

    /// Refuses a member that was read, under the name that it has in the document.
    pub fn refuse(&mut self, name: &'static str, wanted: &str) {
        let (spelled, value) = self.find(name);
        let value = shown(value);
        self.report(spelled, format!("it is {value} and {wanted}"));
    }

    /// What is needed and was not given is wrong.
    pub fn needed<T>(&mut self, name: &'static str, given: Given<T>, wanted: &str) -> Result<T, Refused> {
        given?.ok_or_else(|| {
            self.refuse(name, wanted);
            Refused
        })
    }

    fn find(&self, name: &'static str) -> (&'static str, Option<&'a Value>) {
        let key = self.keys.iter().find(|key| key.name == name);
        let predecessor = key.and_then(|key| key.predecessor);
        let present = [Some(name), predecessor].into_iter().flatten().find(|one| self.map.contains_key(*one));
        (present.unwrap_or(name), present.and_then(|one| self.map.get(one)))
    }

    /// A member that `read` makes something of, or says what it takes.
    pub fn read<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Given<T> {
        let Some(value) = self.find(name).1 else { return Ok(None) };
        read(value).map(Some).map_err(|wanted| {
            self.refuse(name, &wanted);
            Refused
        })
    }

    /// A member that is read in parts, each with a path of its own.
    pub fn parts<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Value, String, &mut Vec<Problem>) -> Result<T, Refused>,
    ) -> Given<T> {
        let (spelled, value) = self.find(name);
        let Some(value) = value else { return Ok(None) };
        read(value, member(&self.path, spelled), self.problems).map(Some)
    }

    /// A text.
    pub fn text(
        &mut self,
        name: &'static str,
        fits: impl FnOnce(&str) -> bool,
        wanted: &str,
    ) -> Given<String> {
        self.read(name, |value| {
            let text = value.as_str().filter(|text| fits(text));
            text.map(str::to_owned).ok_or_else(|| wanted.to_owned())
        })
    }

    /// `true` or `false`, also as a text: that is what a template makes of a parameter.
    pub fn boolean(&mut self, name: &'static str) -> Given<bool> {
        self.read(name, |value| match (value, value.as_str()) {
            (Value::Bool(value), _) => Ok(*value),
            (_, Some("true")) => Ok(true),
            (_, Some("false")) => Ok(false),
            _ => Err("takes true or false".to_owned()),
        })
    }

    /// A whole number.
    pub fn whole(&mut self, name: &'static str, range: RangeInclusive<u32>) -> Given<u32> {
        self.read(name, |value| whole(value, &range))
    }

    /// A number above 0, or from 0, up to `most`.
    pub fn number(&mut self, name: &'static str, zero: bool, most: f64) -> Given<f64> {
        self.read(name, |value| {
            let fits = |number: &f64| *number <= most && (*number > 0.0 || (zero && *number == 0.0));
            let from = if zero { "from" } else { "above" };
            number(value).filter(fits).ok_or_else(|| format!("takes a number {from} 0 and at most {most}"))
        })
    }

    /// An ISO 8601 duration within bounds.
    pub fn duration(
        &mut self,
        name: &'static str,
        least: Duration,
        most: Option<Duration>,
    ) -> Given<Duration> {
        self.read(name, |value| {
            let duration = value.as_str().and_then(|text| parse_duration(text).ok());
            let fits = |duration: &Duration| *duration >= least && most.is_none_or(|most| *duration <= most);
            duration.filter(fits).ok_or_else(|| {
                let most = most.map(|most| format!(" and at most {}", format_duration(most)));
                format!(
                    "takes an ISO 8601 duration such as P3D or PT36H, of at least {}{}",
                    format_duration(least),
                    most.unwrap_or_default()
                )
            })
        })
    }

    /// A list of `least` to `most` texts; every item that does not fit is reported.
    pub fn texts(
        &mut self,
        name: &'static str,
        length: RangeInclusive<usize>,
        fits: impl Fn(&str) -> Result<(), String>,
    ) -> Given<Vec<String>> {
        self.parts(name, |value, path, problems| {
            let Some(list) = value.as_array().filter(|list| length.contains(&list.len())) else {
                let (least, most) = (length.start(), length.end());
                let message =
                    format!("it is {} and takes a list of {least} to {most} texts", shown(Some(value)));
                problems.push(Problem::new(path, message));
                return Err(Refused);
            };
            let before = problems.len();
            let mut texts = Vec::new();
            for (index, one) in list.iter().enumerate() {
                match one
                    .as_str()
                    .ok_or_else(|| "takes a text".to_owned())
                    .and_then(|text| fits(text).map(|()| text))
                {
                    Ok(text) => texts.push(text.to_owned()),
                    Err(wanted) => {
                        let message = format!("it is {} and {wanted}", shown(Some(one)));
                        problems.push(Problem::new(item(&path, index), message));
                    }
                }
            }
            if problems.len() == before { Ok(texts) } else { Err(Refused) }
        })
    }

    /// Patterns of identifiers. One that can match no identifier would protect nothing, so it is refused.
    pub fn patterns(&mut self, name: &'static str) -> Given<Patterns> {
        let list = self.texts(name, 0..=MAX_PATTERNS, |text| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '*';
            match (1..=63).contains(&text.len()) && text.chars().all(plain) {
                true => Ok(()),
                false => {
                    Err("takes 1 to 63 lower-case letters, digits, hyphens, and * for any text".to_owned())
                }
            }
        })?;
        Ok(list.map(|list| Patterns::parse(&list.join(","))))
    }
}

/// A whole number, also as a text of at most nine digits.
pub fn whole(value: &Value, range: &RangeInclusive<u32>) -> Result<u32, String> {
    let pointed = value.as_str().is_some_and(|text| text.contains('.'));
    let number = number(value).filter(|number| number.fract() == 0.0 && !pointed);
    let fits = |number: &f64| (f64::from(*range.start())..=f64::from(*range.end())).contains(number);
    let number = number.filter(fits).map(|number| number as u32);
    number.ok_or_else(|| format!("takes a whole number from {} to {}", range.start(), range.end()))
}

/// A number, also as a text of digits with a point between two of them.
fn number(value: &Value) -> Option<f64> {
    let Some(text) = value.as_str() else { return value.as_f64() };
    let digits = |text: &str| (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    (digits(whole) && digits(part)).then(|| text.parse().ok()).flatten()
}

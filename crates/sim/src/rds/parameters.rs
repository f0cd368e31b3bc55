//! The parameters of one call. An operation takes out what it knows; whatever is left then is refused by name.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::refusal::Refusal;
use crate::query;

/// What is left of a request's parameters.
#[derive(Debug)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    pub(super) fn of(body: &[u8]) -> Self {
        let mut parameters = query::parameters(body);
        parameters.remove("Version");
        Self(parameters)
    }

    /// A scalar.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// A scalar that must be there.
    pub(super) fn required(&mut self, name: &str) -> Result<String, Refusal> {
        self.take(name).ok_or_else(|| {
            Refusal::fault("MissingParameter", format!("The request must contain the parameter {name}."))
        })
    }

    pub(super) fn boolean(&mut self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(text) => Err(Refusal::value(format!("Invalid boolean value {text} for {name}"))),
        }
    }

    pub(super) fn number<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, Refusal> {
        let Some(text) = self.take(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Refusal::value(format!("Invalid number {text} for {name}"))),
        }
    }

    /// A whole number within bounds.
    pub(super) fn bounded(&mut self, name: &str, low: u32, high: u32) -> Result<Option<u32>, Refusal> {
        match self.number::<i64>(name)? {
            None => Ok(None),
            Some(number) => match u32::try_from(number) {
                Ok(number) if (low..=high).contains(&number) => Ok(Some(number)),
                _ => Err(Refusal::value(format!(
                    "Invalid value {number} for {name}. Must be between {low} and {high}"
                ))),
            },
        }
    }

    /// One of a few words.
    pub(super) fn word(&mut self, name: &str, words: &[&str]) -> Result<Option<String>, Refusal> {
        match self.take(name) {
            Some(text) if !words.contains(&text.as_str()) => Err(Refusal::value(format!(
                "Invalid value {text} for {name}. Valid values: {}",
                words.join(", ")
            ))),
            other => Ok(other),
        }
    }

    /// A list of scalars, `name.item.1`, in order; `None` when there is none.
    pub(super) fn list(&mut self, name: &str, item: &str) -> Result<Option<Vec<String>>, Refusal> {
        let Some(items) = self.structures(name, item)? else { return Ok(None) };
        let mut list = Vec::new();
        for mut fields in items {
            let value = fields.remove("").unwrap_or_default();
            if let Some(field) = fields.keys().next() {
                return Err(Refusal::combination(format!("Unknown parameter {name}.{item}.N.{field}")));
            }
            list.push(value);
        }
        Ok(Some(list))
    }

    /// A list of structures, `name.item.1.Field`: the fields of each, in order; `None` when there is none.
    pub(super) fn structures(
        &mut self,
        name: &str,
        item: &str,
    ) -> Result<Option<Vec<BTreeMap<String, String>>>, Refusal> {
        let empty = self.0.get(name).is_some_and(String::is_empty);
        if empty {
            // This is how the protocol writes a list without items.
            self.0.remove(name);
        }
        let prefix = format!("{name}.{item}.");
        let names: Vec<String> = self.0.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
        let mut items: BTreeMap<u32, BTreeMap<String, String>> = BTreeMap::new();
        for key in names {
            let rest = key.strip_prefix(&prefix).unwrap_or_default();
            let (index, field) = rest.split_once('.').unwrap_or((rest, ""));
            let index: u32 =
                index.parse().map_err(|_| Refusal::combination(format!("Unknown parameter {key}")))?;
            let value = self.0.remove(&key).unwrap_or_default();
            items.entry(index).or_default().insert(field.to_owned(), value);
        }
        if items.is_empty() && !empty { Ok(None) } else { Ok(Some(items.into_values().collect())) }
    }

    /// Refuses what is left. `modelled` are the parameters that AWS has and this simulator does not.
    pub(super) fn finish(&self, operation: &str, modelled: &[&str]) -> Result<(), Refusal> {
        let Some(name) = self.0.keys().next() else { return Ok(()) };
        let member = name.split('.').next().unwrap_or(name);
        if modelled.contains(&member) {
            return Err(Refusal::not_simulated(&format!("{operation} with {name}")));
        }
        Err(Refusal::combination(format!("Unknown parameter {name} of {operation}")))
    }
}

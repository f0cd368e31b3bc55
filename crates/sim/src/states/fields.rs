//! Taking an object apart field by field, so that a field that nobody took is noticed.

use serde_json::{Map, Value};

use super::definition::{ResultPath, Selection};
use super::path::Path;
use super::template::Template;

const MAX_SECONDS: u64 = 99_999_999;

/// The fields of an object that have not been read yet, and where the object stands.
pub(super) struct Fields {
    place: String,
    left: Map<String, Value>,
}

impl Fields {
    /// The fields of `value`, which must be an object.
    pub(super) fn new(place: String, value: &Value) -> Result<Self, String> {
        match value {
            Value::Object(left) => Ok(Self { place, left: left.clone() }),
            _ => Err(format!("{place} must be an object")),
        }
    }

    /// Where the object stands.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// An error about a field.
    pub(super) fn wrong(&self, name: &str, problem: &str) -> String {
        format!("{}: {name}: {problem}", self.place)
    }

    /// Takes a field.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.left.shift_remove(name)
    }

    /// Everything must have been taken.
    pub(super) fn finish(self) -> Result<(), String> {
        match self.left.keys().next() {
            Some(name) => Err(format!("not simulated: {}: field {name:?}", self.place)),
            None => Ok(()),
        }
    }

    /// Takes a text.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "must be a string")),
        }
    }

    /// Takes a boolean.
    pub(super) fn boolean(&mut self, name: &str) -> Result<Option<bool>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(boolean)) => Ok(Some(boolean)),
            Some(_) => Err(self.wrong(name, "must be true or false")),
        }
    }

    /// Takes a text that must be there.
    pub(super) fn required(&mut self, name: &str) -> Result<String, String> {
        self.text(name)?.ok_or_else(|| self.wrong(name, "is missing"))
    }

    /// Takes an integer from `low` to the largest number of seconds.
    pub(super) fn seconds(&mut self, name: &str, low: u64) -> Result<Option<u64>, String> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match value.as_u64().filter(|number| (low..=MAX_SECONDS).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(name, &format!("must be an integer from {low} to {MAX_SECONDS}"))),
        }
    }

    /// Takes a path.
    pub(super) fn path(&mut self, name: &str) -> Result<Option<Path>, String> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        Path::parse(&text).map(Some).map_err(|problem| self.wrong(name, &problem))
    }

    /// Takes `InputPath` or `OutputPath`.
    pub(super) fn selection(&mut self, name: &str) -> Result<Selection, String> {
        if self.left.get(name).is_some_and(Value::is_null) {
            self.take(name);
            return Ok(Selection::Nothing);
        }
        Ok(Selection::At(self.path(name)?.map_or_else(|| Path::parse("$"), Ok)?))
    }

    /// Takes `ResultPath`.
    pub(super) fn result_path(&mut self) -> Result<ResultPath, String> {
        if self.left.get("ResultPath").is_some_and(Value::is_null) {
            self.take("ResultPath");
            return Ok(ResultPath::Discard);
        }
        let text = self.text("ResultPath")?.unwrap_or_else(|| "$".to_owned());
        Path::parse_writable(&text).map(ResultPath::At).map_err(|problem| self.wrong("ResultPath", &problem))
    }

    /// Takes a payload template.
    pub(super) fn template(&mut self, name: &str) -> Result<Option<Template>, String> {
        let Some(value) = self.take(name) else { return Ok(None) };
        Template::parse(&value).map(Some).map_err(|problem| self.wrong(name, &problem))
    }

    /// `Next` or `End`, of which there must be one.
    pub(super) fn transition(&mut self) -> Result<Option<String>, String> {
        match (self.text("Next")?, self.boolean("End")?) {
            (Some(next), None | Some(false)) => Ok(Some(next)),
            (None, Some(true)) => Ok(None),
            _ => Err(self.wrong("Next", "either Next or End is needed")),
        }
    }

    /// Takes a list of objects; `parse` also hears whether it is the last of them.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&mut Self, bool) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let items = match self.take(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(self.wrong(name, "must be a list")),
        };
        let mut parsed = Vec::new();
        for (number, item) in items.iter().enumerate() {
            let mut fields = Self::new(format!("{}, {name}[{number}]", self.place), item)?;
            parsed.push(parse(&mut fields, number + 1 == items.len())?);
            fields.finish()?;
        }
        Ok(parsed)
    }
}

//! Other values for the pool's configuration than a scenario has: one, or several that are compared.

use serde_json::{Value, json};

use crate::failure::Failure;

/// The most values of one comparison.
const MAX_VALUES: usize = 20;

/// A key of a source's maintenance configuration, and the values that it is to have.
#[derive(Debug, Clone, PartialEq)]
pub struct Variation {
    /// The source.
    pub source: String,
    /// The key.
    pub key: String,
    /// The values.
    pub values: Vec<Value>,
}

impl Variation {
    /// Reads `SOURCE.KEY=VALUE`.
    pub fn one(text: &str) -> Result<Self, String> {
        let (mut variation, value) = split(text)?;
        variation.values.push(self::value(value));
        Ok(variation)
    }

    /// Reads `SOURCE:KEY=VALUE,VALUE`.
    pub fn several(text: &str) -> Result<Self, String> {
        let (mut variation, values) = split(text)?;
        variation.values.extend(values.split(',').map(value));
        if variation.values.len() < 2 || variation.values.len() > MAX_VALUES {
            return Err(format!("it takes 2 to {MAX_VALUES} values with commas between them"));
        }
        Ok(variation)
    }

    /// The scenario with one of the values.
    pub fn apply(&self, scenario: &Value, value: &Value) -> Result<Value, Failure> {
        let mut changed = scenario.clone();
        let clusters = changed["maintenance"]["clusters"].as_array_mut();
        let mut known = Vec::new();
        for cluster in clusters.into_iter().flatten() {
            let name = cluster["cluster-id"].as_str().unwrap_or_default().to_owned();
            if let Some(members) = cluster.as_object_mut()
                && name == self.source
            {
                members.insert(self.key.clone(), value.clone());
                return Ok(changed);
            }
            known.push(name);
        }
        Err(Failure::usage(format!("the scenario maintains no pool of {:?}", self.source))
            .hint(format!("maintenance.clusters has {}", known.join(", "))))
    }

    /// Which value of what.
    pub fn title(&self, value: &Value) -> String {
        format!("{} {}", self.key, shown(value))
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        json!({ "clusterId": self.source, "key": self.key, "values": self.values })
    }
}

/// A value as it was given.
pub fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn split(text: &str) -> Result<(Variation, &str), String> {
    let wrong = || "it takes SOURCE:KEY=VALUE such as prod:target-clone-slots=30".to_owned();
    let (path, values) = text.split_once('=').ok_or_else(wrong)?;
    let (source, key) = path.split_once([':', '.']).ok_or_else(wrong)?;
    if source.is_empty() || key.is_empty() || values.is_empty() {
        return Err(wrong());
    }
    Ok((Variation { source: source.to_owned(), key: key.to_owned(), values: Vec::new() }, values))
}

/// What is JSON by itself, as numbers are, or a text.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

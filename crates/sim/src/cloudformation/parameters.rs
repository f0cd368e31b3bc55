//! A template's parameters: what is declared, and the values that a stack gets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::ApiError;
use super::pattern::Pattern;

/// One declared parameter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Declaration {
    list: bool,
    number: bool,
    default: Option<String>,
    /// Whether descriptions show `****` instead of the value.
    pub(super) no_echo: bool,
    allowed_values: Option<Vec<String>>,
    allowed_pattern: Option<String>,
    lengths: (Option<f64>, Option<f64>),
    range: (Option<f64>, Option<f64>),
    constraint: Option<String>,
}

/// Values by name, as they were given.
pub type Given = BTreeMap<String, String>;

impl Declaration {
    /// Reads one entry of `Parameters`.
    pub(super) fn read(name: &str, value: &Value) -> Result<Self, ApiError> {
        let map = value.as_object().ok_or_else(|| {
            ApiError::validation(format!(
                "Template format error: Every Parameters object must contain a Type member: {name}"
            ))
        })?;
        known_keys(name, map)?;
        let text = |key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);
        let kind = text("Type").ok_or_else(|| {
            ApiError::validation("Template format error: Every Parameters object must contain a Type member.")
        })?;
        let (list, number) = match kind.as_str() {
            "String" => (false, false),
            "Number" => (false, true),
            "CommaDelimitedList" => (true, false),
            other => {
                return Err(ApiError::validation(format!("not simulated: parameter type {other} of {name}")));
            }
        };
        let limit = |key: &str| match text(key) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                ApiError::validation(format!(
                    "Template format error: {key} of parameter {name} must be a number"
                ))
            }),
        };
        let allowed_pattern = text("AllowedPattern");
        if let Some(pattern) = &allowed_pattern {
            Pattern::new(pattern)
                .map_err(|error| ApiError::validation(format!("{error} (parameter {name})")))?;
        }
        Ok(Self {
            list,
            number,
            default: text("Default"),
            no_echo: text("NoEcho").as_deref() == Some("true"),
            allowed_values: map
                .get("AllowedValues")
                .and_then(Value::as_array)
                .map(|values| values.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            allowed_pattern,
            lengths: (limit("MinLength")?, limit("MaxLength")?),
            range: (limit("MinValue")?, limit("MaxValue")?),
            constraint: text("ConstraintDescription"),
        })
    }

    /// What `Ref` of this parameter yields.
    pub(super) fn value(&self, text: &str) -> Value {
        if !self.list {
            return Value::String(text.to_owned());
        }
        let items = text.split(',').map(str::trim).filter(|_| !text.is_empty());
        Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
    }

    fn check(&self, name: &str, text: &str) -> Result<(), ApiError> {
        let refuse = |default: String| {
            Err(ApiError::validation(match &self.constraint {
                Some(constraint) => format!("Parameter '{name}' failed to satisfy constraint: {constraint}"),
                None => default,
            }))
        };
        let items: Vec<&str> = if self.list { text.split(',').map(str::trim).collect() } else { vec![text] };
        for item in items {
            if self.number && item.parse::<f64>().is_err() {
                return Err(ApiError::validation(format!("Parameter '{name}' must be a number.")));
            }
            if self.allowed_values.as_ref().is_some_and(|allowed| !allowed.iter().any(|value| value == item))
            {
                return refuse(format!("Parameter '{name}' must be one of AllowedValues"));
            }
            if let Some(pattern) = &self.allowed_pattern {
                let compiled = Pattern::new(pattern).map_err(ApiError::validation)?;
                if !compiled.matches(item) {
                    return refuse(format!("Parameter '{name}' must match pattern {pattern}"));
                }
            }
            #[allow(clippy::cast_precision_loss)]
            let length = item.chars().count() as f64;
            if self.lengths.0.is_some_and(|least| length < least) {
                return refuse(format!(
                    "Parameter '{name}' must contain at least {} characters",
                    self.lengths.0.unwrap_or_default()
                ));
            }
            if self.lengths.1.is_some_and(|most| length > most) {
                return refuse(format!(
                    "Parameter '{name}' must contain at most {} characters",
                    self.lengths.1.unwrap_or_default()
                ));
            }
            let amount = item.parse::<f64>().unwrap_or_default();
            if self.range.0.is_some_and(|least| amount < least) {
                return refuse(format!(
                    "Parameter '{name}' must be a number not less than {}",
                    self.range.0.unwrap_or_default()
                ));
            }
            if self.range.1.is_some_and(|most| amount > most) {
                return refuse(format!(
                    "Parameter '{name}' must be a number not greater than {}",
                    self.range.1.unwrap_or_default()
                ));
            }
        }
        Ok(())
    }
}

/// The values of a stack's parameters: what was given, else the default.
pub(super) fn values(declared: &[(String, Declaration)], given: &Given) -> Result<Given, ApiError> {
    let names: BTreeSet<&str> = declared.iter().map(|(name, _)| name.as_str()).collect();
    let unknown: Vec<&str> = given.keys().map(String::as_str).filter(|name| !names.contains(name)).collect();
    if !unknown.is_empty() {
        return Err(ApiError::validation(format!(
            "Parameters: [{}] do not exist in the template",
            unknown.join(", ")
        )));
    }
    let mut values = Given::new();
    let mut missing = Vec::new();
    for (name, declaration) in declared {
        match given.get(name).or(declaration.default.as_ref()) {
            Some(value) => {
                declaration.check(name, value)?;
                values.insert(name.clone(), value.clone());
            }
            None => missing.push(name.as_str()),
        }
    }
    if missing.is_empty() {
        return Ok(values);
    }
    Err(ApiError::validation(format!("Parameters: [{}] must have values", missing.join(", "))))
}

fn known_keys(name: &str, map: &Map<String, Value>) -> Result<(), ApiError> {
    const KNOWN: [&str; 11] = [
        "Type",
        "Default",
        "Description",
        "NoEcho",
        "AllowedValues",
        "AllowedPattern",
        "ConstraintDescription",
        "MinLength",
        "MaxLength",
        "MinValue",
        "MaxValue",
    ];
    match map.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        Some(key) => {
            Err(ApiError::validation(format!("Invalid template parameter property '{key}' ({name})")))
        }
        None => Ok(()),
    }
}

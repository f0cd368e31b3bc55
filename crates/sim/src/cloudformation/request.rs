//! Reading the parameters of a query: every name must be known, or the call is refused.

use std::collections::{BTreeMap, BTreeSet};

use super::parameters::Given;
use super::stack::OnFailure;
use super::{ApiError, StackOptions};

/// The longest template that a call can carry.
const LONGEST_TEMPLATE: usize = 51_200;

/// The parameters of one call.
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Takes the parameters of a call, of which these names (or lists) are known.
    pub(super) fn new(mut all: BTreeMap<String, String>, known: &[&str]) -> Result<Self, ApiError> {
        all.remove("Action");
        all.remove("Version");
        let unknown =
            |name: &&String| !known.iter().any(|known| name.as_str() == *known || is_item(name, known));
        match all.keys().find(unknown) {
            Some(name) => Err(ApiError::validation(format!("not simulated: parameter {name}"))),
            None => Ok(Self(all)),
        }
    }

    /// A parameter's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let member = name.chars().take(1).flat_map(char::to_lowercase).chain(name.chars().skip(1)).collect::<String>();
            ApiError::validation(format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }

    /// `TemplateBody`, within AWS's limit.
    pub(super) fn template(&self) -> Result<&str, ApiError> {
        let body = self.required("TemplateBody")?;
        if body.len() > LONGEST_TEMPLATE {
            return Err(ApiError::validation(format!(
                "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to {LONGEST_TEMPLATE}"
            )));
        }
        Ok(body)
    }

    /// A flag.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(ApiError::validation(format!("{name} must be true or false, not {other}"))),
        }
    }

    /// The members of a list of structures, each as member name -> value.
    fn structures(&self, list: &str, fields: &[&str]) -> Result<Vec<BTreeMap<&str, &str>>, ApiError> {
        let prefix = format!("{list}.member.");
        let mut found: BTreeMap<u32, BTreeMap<&str, &str>> = BTreeMap::new();
        for (name, value) in &self.0 {
            let Some(rest) = name.strip_prefix(&prefix) else { continue };
            match rest.split_once('.').map(|(number, field)| (number.parse(), field)) {
                Some((Ok(number), field)) if fields.contains(&field) => {
                    found.entry(number).or_default().insert(field, value);
                }
                _ => return Err(ApiError::validation(format!("not simulated: parameter {name}"))),
            }
        }
        Ok(found.into_values().collect())
    }

    /// `Parameters.member.N`: the given values; `UsePreviousValue` takes them from `previous`.
    pub(super) fn given(&self, previous: Option<&Given>) -> Result<Given, ApiError> {
        let mut given = Given::new();
        for member in
            self.structures("Parameters", &["ParameterKey", "ParameterValue", "UsePreviousValue"])?
        {
            let key = *member.get("ParameterKey").unwrap_or(&"");
            let uses_previous = member.get("UsePreviousValue") == Some(&"true");
            let value = match (uses_previous, member.get("ParameterValue")) {
                (false, Some(value)) => (*value).to_owned(),
                (true, None) => match previous.and_then(|previous| previous.get(key)) {
                    Some(value) => value.clone(),
                    None => {
                        return Err(ApiError::validation(format!(
                            "Invalid input for parameter key {key}. Cannot specify usePreviousValue as true for a parameter key not in the previous template"
                        )));
                    }
                },
                (true, Some(_)) => {
                    return Err(ApiError::validation(format!(
                        "Invalid input for parameter key {key}. Cannot specify usePreviousValue as true and parameter value at the same time"
                    )));
                }
                (false, None) => {
                    return Err(ApiError::validation(format!(
                        "Parameter {key} should either have usePreviousValue or a value"
                    )));
                }
            };
            if given.insert(key.to_owned(), value).is_some() {
                return Err(ApiError::validation(format!("Parameter {key} is given twice")));
            }
        }
        Ok(given)
    }

    /// What a stack is created or updated with.
    pub(super) fn options(&self) -> Result<StackOptions, ApiError> {
        let on_failure = match (self.get("OnFailure"), self.get("DisableRollback")) {
            (Some(_), Some(_)) => {
                return Err(ApiError::validation("You can not specify both DisableRollback and OnFailure."));
            }
            (Some("DO_NOTHING"), None) => OnFailure::DoNothing,
            (Some("DELETE"), None) => OnFailure::Delete,
            (Some("ROLLBACK") | None, None) => OnFailure::Rollback,
            (Some(other), None) => {
                return Err(ApiError::validation(format!(
                    "Value '{other}' at 'onFailure' failed to satisfy constraint"
                )));
            }
            (None, Some(_)) if self.flag("DisableRollback")? => OnFailure::DoNothing,
            (None, Some(_)) => OnFailure::Rollback,
        };
        let mut tags = BTreeMap::new();
        for member in self.structures("Tags", &["Key", "Value"])? {
            let (key, value) = (member.get("Key").unwrap_or(&""), member.get("Value").unwrap_or(&""));
            tags.insert((*key).to_owned(), (*value).to_owned());
        }
        let mut capabilities = BTreeSet::new();
        for (name, value) in &self.0 {
            if is_item(name, "Capabilities") {
                if !["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
                    .contains(&value.as_str())
                {
                    return Err(ApiError::validation(format!(
                        "Value '[{value}]' at 'capabilities' failed to satisfy constraint"
                    )));
                }
                capabilities.insert(value.clone());
            }
        }
        Ok(StackOptions { on_failure, tags, capabilities: capabilities.into_iter().collect() })
    }
}

fn is_item(name: &str, list: &str) -> bool {
    name.strip_prefix(list).is_some_and(|rest| rest.starts_with(".member."))
}

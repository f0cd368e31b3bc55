//! Conditions: decided once, from parameters alone, before anything else of a template is looked at.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::ApiError;
use super::intrinsics::{self, Scope, function};

/// The conditions of a template, decided on demand.
pub(super) struct Conditions<'t> {
    declared: &'t Map<String, Value>,
    known: &'t Map<String, Value>,
    decided: BTreeMap<String, Option<bool>>,
}

/// Nothing but parameters and pseudo parameters.
struct Known<'t>(&'t Map<String, Value>);

impl Scope for Known<'_> {
    fn reference(&self, name: &str) -> Result<Value, String> {
        self.0.get(name).cloned().ok_or_else(|| {
            format!("Template format error: Unresolved dependencies [{name}]. Cannot reference resources in the Conditions block of the template")
        })
    }

    fn attribute(&self, resource: &str, _attribute: &str) -> Result<Value, String> {
        self.reference(resource)
    }

    fn import(&self, name: &str) -> Result<Value, String> {
        Err(format!("Template error: Cannot use Fn::ImportValue in Conditions ({name})"))
    }
}

impl<'t> Conditions<'t> {
    /// Conditions over known values.
    pub(super) fn new(declared: &'t Map<String, Value>, known: &'t Map<String, Value>) -> Self {
        Self { declared, known, decided: BTreeMap::new() }
    }

    /// Decides every condition, so that a broken one is found even where nothing uses it.
    pub(super) fn decide_all(&mut self) -> Result<(), ApiError> {
        for name in self.declared.keys() {
            self.named(name)?;
        }
        Ok(())
    }

    /// Whether a resource or output with this `Condition` is there.
    pub(super) fn holds(&mut self, name: Option<&str>) -> Result<bool, ApiError> {
        name.map_or(Ok(true), |name| self.named(name))
    }

    fn named(&mut self, name: &str) -> Result<bool, ApiError> {
        let Some(declared) = self.declared.get(name) else {
            return Err(ApiError::validation(format!(
                "Template format error: Unresolved condition dependency {name} in the template"
            )));
        };
        match self.decided.get(name) {
            Some(Some(decided)) => return Ok(*decided),
            Some(None) => {
                return Err(ApiError::validation(format!(
                    "Circular dependency between conditions: [{name}]"
                )));
            }
            None => {}
        }
        self.decided.insert(name.to_owned(), None);
        let decided = self.decide(declared)?;
        self.decided.insert(name.to_owned(), Some(decided));
        Ok(decided)
    }

    fn decide(&mut self, value: &Value) -> Result<bool, ApiError> {
        let Some((name, argument)) = function(value) else {
            return Err(ApiError::validation(
                "Template format error: Conditions can only be boolean operations on parameters and other conditions",
            ));
        };
        let list = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match (name, list) {
            ("Condition", _) => self.named(argument.as_str().unwrap_or_default()),
            ("Fn::Equals", [left, right]) => {
                let known = Known(self.known);
                let left = intrinsics::resolve(left, &known).map_err(ApiError::validation)?;
                let right = intrinsics::resolve(right, &known).map_err(ApiError::validation)?;
                Ok(left == right)
            }
            ("Fn::Not", [one]) => Ok(!self.decide(one)?),
            ("Fn::And" | "Fn::Or", [_, _, ..]) => {
                // All parts are decided, so that a broken one is found.
                let parts = list.iter().map(|part| self.decide(part)).collect::<Result<Vec<_>, _>>()?;
                Ok(if name == "Fn::And" { parts.iter().all(|part| *part) } else { parts.contains(&true) })
            }
            _ => Err(ApiError::validation(format!("Template error: a condition cannot be {value}"))),
        }
    }

    /// Decides every `Fn::If`, and takes `AWS::NoValue` away; `None` when nothing is left of the value itself.
    pub(super) fn prune(&mut self, value: &Value) -> Result<Option<Value>, ApiError> {
        if let Some((name, argument)) = function(value) {
            match (name, argument) {
                ("Ref", Value::String(target)) if target == "AWS::NoValue" => return Ok(None),
                ("Fn::If", Value::Array(list)) => {
                    let [Value::String(condition), yes, no] = list.as_slice() else {
                        return Err(ApiError::validation(
                            "Template error: Fn::If requires a list argument with three elements",
                        ));
                    };
                    let taken = if self.named(condition)? { yes } else { no };
                    return self.prune(taken);
                }
                _ => {}
            }
        }
        Ok(Some(match value {
            Value::Array(items) => {
                let mut pruned = Vec::new();
                for item in items {
                    pruned.extend(self.prune(item)?);
                }
                Value::Array(pruned)
            }
            Value::Object(map) => {
                let mut pruned = Map::new();
                for (key, item) in map {
                    if let Some(item) = self.prune(item)? {
                        pruned.insert(key.clone(), item);
                    }
                }
                Value::Object(pruned)
            }
            scalar => scalar.clone(),
        }))
    }
}

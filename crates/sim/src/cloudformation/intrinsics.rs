//! Intrinsic functions: which names a value refers to, and what it is once they have values.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::ApiError;

/// What a value may refer to.
pub(super) trait Scope {
    /// `Ref`.
    fn reference(&self, name: &str) -> Result<Value, String>;
    /// `Fn::GetAtt`.
    fn attribute(&self, resource: &str, attribute: &str) -> Result<Value, String>;
    /// `Fn::ImportValue`.
    fn import(&self, name: &str) -> Result<Value, String>;
}

/// The function that a value is, if it is one.
pub(super) fn function(value: &Value) -> Option<(&str, &Value)> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    let (name, argument) = map.iter().next()?;
    (name == "Ref" || name == "Condition" || name.starts_with("Fn::")).then_some((name.as_str(), argument))
}

/// The names that a value refers to by `Ref`, `Fn::GetAtt` and `Fn::Sub`; unknown functions are refused.
pub(super) fn references(value: &Value) -> Result<BTreeSet<String>, ApiError> {
    let mut names = BTreeSet::new();
    collect(value, &mut names).map_err(ApiError::validation)?;
    Ok(names)
}

fn collect(value: &Value, names: &mut BTreeSet<String>) -> Result<(), String> {
    match function(value) {
        // A property that happens to be called Condition.
        Some(("Condition", _)) | None => {}
        Some(("Ref", argument)) => {
            let name = argument.as_str().ok_or("Template format error: Ref values must be strings")?;
            names.insert(name.to_owned());
            return Ok(());
        }
        Some(("Fn::GetAtt", argument)) => {
            names.insert(get_att(argument)?.0.to_owned());
            return Ok(());
        }
        Some(("Fn::Sub", argument)) => {
            let (text, own) = sub(argument)?;
            for part in sub_parts(text)? {
                if let Part::Name(name) = part
                    && !own.is_some_and(|own| own.contains_key(name))
                {
                    names.insert(name.split('.').next().unwrap_or(name).to_owned());
                }
            }
            return own.map_or(Ok(()), |own| own.values().try_for_each(|value| collect(value, names)));
        }
        Some(("Fn::Join" | "Fn::Select" | "Fn::Split" | "Fn::ImportValue", argument)) => {
            return collect(argument, names);
        }
        Some((other, _)) => return Err(format!("not simulated: function {other}")),
    }
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| collect(item, names)),
        Value::Object(map) => map.values().try_for_each(|item| collect(item, names)),
        _ => Ok(()),
    }
}

/// The value, with every function done.
pub(super) fn resolve(value: &Value, scope: &dyn Scope) -> Result<Value, String> {
    match function(value) {
        Some(("Condition", _)) | None => {}
        Some((name, argument)) => return call(name, argument, scope),
    }
    Ok(match value {
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| resolve(item, scope)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let mut resolved = Map::new();
            for (key, item) in map {
                resolved.insert(key.clone(), resolve(item, scope)?);
            }
            Value::Object(resolved)
        }
        scalar => scalar.clone(),
    })
}

fn call(name: &str, argument: &Value, scope: &dyn Scope) -> Result<Value, String> {
    match name {
        "Ref" => scope.reference(argument.as_str().unwrap_or_default()),
        "Fn::GetAtt" => {
            let (resource, attribute) = get_att(argument)?;
            let attribute = resolve(attribute, scope)?;
            scope.attribute(resource, &text(&attribute, name)?)
        }
        "Fn::Sub" => {
            let (template, own) = sub(argument)?;
            let mut filled = String::new();
            for part in sub_parts(template)? {
                match part {
                    Part::Text(literal) => filled.push_str(literal),
                    Part::Name(variable) => {
                        let value = match (own.and_then(|own| own.get(variable)), variable.split_once('.')) {
                            (Some(value), _) => resolve(value, scope)?,
                            (None, Some((resource, attribute))) => scope.attribute(resource, attribute)?,
                            (None, None) => scope.reference(variable)?,
                        };
                        filled.push_str(&text(&value, name)?);
                    }
                }
            }
            Ok(Value::String(filled))
        }
        "Fn::ImportValue" => scope.import(&text(&resolve(argument, scope)?, name)?),
        "Fn::Join" => {
            let [separator, items] = pair(argument, name)?;
            let items = list(&resolve(items, scope)?, name)?;
            let items = items.iter().map(|item| text(item, name)).collect::<Result<Vec<_>, _>>()?;
            Ok(Value::String(items.join(&text(separator, name)?)))
        }
        "Fn::Split" => {
            let [separator, whole] = pair(argument, name)?;
            let whole = text(&resolve(whole, scope)?, name)?;
            let separator = text(separator, name)?;
            Ok(Value::Array(
                whole.split(separator.as_str()).map(|part| Value::String(part.to_owned())).collect(),
            ))
        }
        "Fn::Select" => {
            let [index, items] = pair(argument, name)?;
            let index = text(&resolve(index, scope)?, name)?;
            let items = list(&resolve(items, scope)?, name)?;
            let chosen = index.parse::<usize>().ok().and_then(|index| items.get(index).cloned());
            chosen.ok_or_else(|| {
                format!("Template error: Fn::Select cannot select nonexistent value at index {index}")
            })
        }
        other => Err(format!("not simulated: function {other}")),
    }
}

/// The names that a value imports.
pub(super) fn imports(value: &Value, scope: &dyn Scope, names: &mut BTreeSet<String>) -> Result<(), String> {
    if let Some(("Fn::ImportValue", argument)) = function(value) {
        names.insert(text(&resolve(argument, scope)?, "Fn::ImportValue")?);
    }
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| imports(item, scope, names)),
        Value::Object(map) => map.values().try_for_each(|item| imports(item, scope, names)),
        _ => Ok(()),
    }
}

fn get_att(argument: &Value) -> Result<(&str, &Value), String> {
    match argument.as_array().map(Vec::as_slice) {
        Some([Value::String(resource), attribute]) => Ok((resource, attribute)),
        _ => Err("Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute".to_owned()),
    }
}

/// The text of a `Fn::Sub`, and its own variables.
type Sub<'v> = (&'v str, Option<&'v Map<String, Value>>);

fn sub(argument: &Value) -> Result<Sub<'_>, String> {
    match argument {
        Value::String(text) => Ok((text, None)),
        Value::Array(list) => match list.as_slice() {
            [Value::String(text), Value::Object(own)] => Ok((text, Some(own))),
            _ => Err("Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string".to_owned()),
        },
        _ => Err("Template error: Fn::Sub needs a string or a list".to_owned()),
    }
}

enum Part<'t> {
    Text(&'t str),
    Name(&'t str),
}

fn sub_parts(text: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, next) =
            after.split_once('}').ok_or("Template error: variable in Fn::Sub expression does not end")?;
        parts.push(Part::Text(before));
        if let Some(literal) = name.strip_prefix('!') {
            parts.extend([Part::Text("${"), Part::Text(literal), Part::Text("}")]);
        } else {
            parts.push(Part::Name(name.trim()));
        }
        rest = next;
    }
    parts.push(Part::Text(rest));
    Ok(parts)
}

fn pair<'v>(argument: &'v Value, name: &str) -> Result<[&'v Value; 2], String> {
    match argument.as_array().map(Vec::as_slice) {
        Some([first, second]) => Ok([first, second]),
        _ => Err(format!("Template error: every {name} object requires two parameters")),
    }
}

fn text(value: &Value, name: &str) -> Result<String, String> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("Template error: {name} needs a string, and there is {value}"))
}

fn list(value: &Value, name: &str) -> Result<Vec<Value>, String> {
    value
        .as_array()
        .cloned()
        .ok_or_else(|| format!("Template error: {name} needs a list, and there is {value}"))
}

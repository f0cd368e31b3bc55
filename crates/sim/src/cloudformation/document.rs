//! A template's text as one kind of value: JSON as it is, YAML with its short intrinsics made long.
//!
//! Every scalar becomes a string here: that is how CloudFormation hands properties to a custom resource, and
//! nothing behind this door needs to know that `true` was once a boolean.

use saphyr::{LoadableYamlNode as _, Scalar, Tag, Yaml};
use serde_json::{Map, Value};

use super::ApiError;

/// Reads a template body.
pub(super) fn load(text: &str) -> Result<Value, ApiError> {
    if text.trim_start().starts_with('{') {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            ApiError::validation(format!("Template format error: JSON not well-formed. ({error})"))
        })?;
        return strings(value, "");
    }
    let documents = Yaml::load_from_str(text).map_err(|error| {
        ApiError::validation(format!("Template format error: YAML not well-formed. ({error})"))
    })?;
    match documents.as_slice() {
        [document] => from_yaml(document, ""),
        _ => Err(ApiError::validation("Template format error: unsupported structure.")),
    }
}

fn strings(value: Value, path: &str) -> Result<Value, ApiError> {
    Ok(match value {
        Value::Null => return Err(null_at(path)),
        Value::Bool(flag) => Value::String(flag.to_string()),
        Value::Number(number) => Value::String(number.to_string()),
        Value::String(text) => Value::String(text),
        Value::Array(items) => Value::Array(
            items
                .into_iter()
                .enumerate()
                .map(|(index, item)| strings(item, &format!("{path}/{index}")))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(key, item)| {
                    let item = strings(item, &format!("{path}/{key}"))?;
                    Ok((key, item))
                })
                .collect::<Result<_, ApiError>>()?,
        ),
    })
}

fn from_yaml(node: &Yaml<'_>, path: &str) -> Result<Value, ApiError> {
    Ok(match node {
        Yaml::Value(scalar) => Value::String(scalar_text(scalar).ok_or_else(|| null_at(path))?),
        Yaml::Sequence(items) => Value::Array(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| from_yaml(item, &format!("{path}/{index}")))
                .collect::<Result<_, _>>()?,
        ),
        Yaml::Mapping(mapping) => {
            let mut map = Map::new();
            for (key, item) in mapping {
                let Yaml::Value(scalar) = key else {
                    return Err(ApiError::validation(format!(
                        "Template format error: [{path}] map keys must be strings"
                    )));
                };
                let key = scalar_text(scalar).ok_or_else(|| null_at(path))?;
                let item = from_yaml(item, &format!("{path}/{key}"))?;
                map.insert(key, item);
            }
            Value::Object(map)
        }
        Yaml::Tagged(tag, inner) => {
            let value = from_yaml(inner, path)?;
            tagged(tag, value)?
        }
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => {
            return Err(ApiError::validation(format!(
                "Template format error: [{path}] not a usable YAML value"
            )));
        }
    })
}

fn scalar_text(scalar: &Scalar<'_>) -> Option<String> {
    match scalar {
        Scalar::Null => None,
        Scalar::Boolean(flag) => Some(flag.to_string()),
        Scalar::Integer(number) => Some(number.to_string()),
        Scalar::FloatingPoint(number) => Some(number.to_string()),
        Scalar::String(text) => Some(text.to_string()),
    }
}

/// `!GetAtt A.B` is `{"Fn::GetAtt": ["A", "B"]}`, and so on.
fn tagged(tag: &Tag, value: Value) -> Result<Value, ApiError> {
    if tag.handle != "!" {
        return Err(ApiError::validation(format!("not simulated: YAML tag {}{}", tag.handle, tag.suffix)));
    }
    let (name, value) = match tag.suffix.as_str() {
        "Ref" => ("Ref".to_owned(), value),
        "Condition" => ("Condition".to_owned(), value),
        "GetAtt" => {
            let value = match value {
                Value::String(text) => {
                    let Some((resource, attribute)) = text.split_once('.') else {
                        return Err(ApiError::validation(format!(
                            "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute: {text}"
                        )));
                    };
                    serde_json::json!([resource, attribute])
                }
                list => list,
            };
            ("Fn::GetAtt".to_owned(), value)
        }
        other => (format!("Fn::{other}"), value),
    };
    Ok(Value::Object(Map::from_iter([(name, value)])))
}

fn null_at(path: &str) -> ApiError {
    let path = if path.is_empty() { "/" } else { path };
    ApiError::validation(format!("[{path}] 'null' values are not allowed in templates"))
}

#[cfg(test)]
mod tests {
    use super::load;
    use serde_json::json;

    #[test]
    fn short_and_long_forms_are_the_same() {
        let yaml = load(
            "A: !Ref X\nB: !GetAtt R.Out.Put\nC: !GetAtt [R, Out]\nD: !Sub 'a${X}'\nE: !If [C, yes, !Ref 'AWS::NoValue']\nF: !Join [',', [1, true]]\n",
        )
        .expect("YAML");
        let json = load(
            r#"{"A":{"Ref":"X"},"B":{"Fn::GetAtt":["R","Out.Put"]},"C":{"Fn::GetAtt":["R","Out"]},"D":{"Fn::Sub":"a${X}"},
                "E":{"Fn::If":["C","yes",{"Ref":"AWS::NoValue"}]},"F":{"Fn::Join":[",",[1,true]]}}"#,
        )
        .expect("JSON");
        assert_eq!(yaml, json);
        assert_eq!(yaml["F"], json!({"Fn::Join": [",", ["1", "true"]]}));
    }

    #[test]
    fn nulls_duplicates_and_nonsense_are_refused() {
        assert_eq!(
            load("A:\n  B: ~\n").expect_err("null").message,
            "[/A/B] 'null' values are not allowed in templates"
        );
        assert!(load("A: 1\nA: 2\n").expect_err("duplicate").message.contains("not well-formed"));
        assert!(load("{\"A\":").expect_err("broken").message.contains("JSON not well-formed"));
        assert!(load("A: !GetAtt B\n").is_err());
    }
}

//! Payload templates: `Parameters` and `ResultSelector`, in which a field whose name ends in `.$` is a path.

use serde_json::{Map, Value};

use super::path::Path;

/// A parsed payload template.
#[derive(Debug, Clone)]
pub(super) enum Template {
    /// A value that stands for itself.
    Literal(Value),
    /// The value at a path; the field's name (with its `.$`) is for error messages.
    Path(String, Path),
    /// An object with templates in it.
    Object(Vec<(String, Template)>),
    /// A list with templates in it.
    List(Vec<Template>),
}

/// A path of a template that matches nothing.
#[derive(Debug)]
pub(super) struct Missing {
    /// The field's name, with its `.$`.
    pub(super) field: String,
    /// The path.
    pub(super) path: String,
}

impl Template {
    /// Parses a template.
    pub(super) fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::Object(fields) => {
                let mut parsed: Vec<(String, Self)> = Vec::new();
                for (field, value) in fields {
                    let (name, template) = match field.strip_suffix(".$") {
                        Some(name) => (name, Self::parse_path(field, value)?),
                        None => (field.as_str(), Self::parse(value)?),
                    };
                    if parsed.iter().any(|(other, _)| other == name) {
                        return Err(format!("the field {name:?} is there twice, with and without .$"));
                    }
                    parsed.push((name.to_owned(), template));
                }
                Ok(Self::Object(parsed))
            }
            Value::Array(items) => Ok(Self::List(items.iter().map(Self::parse).collect::<Result<_, _>>()?)),
            other => Ok(Self::Literal(other.clone())),
        }
    }

    fn parse_path(field: &str, value: &Value) -> Result<Self, String> {
        let text = value.as_str().ok_or_else(|| format!("the value of {field:?} must be a path"))?;
        Ok(Self::Path(field.to_owned(), Path::parse(text)?))
    }

    /// The value for an input and a context object.
    pub(super) fn render(&self, input: &Value, context: &Value) -> Result<Value, Missing> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Path(field, path) => path
                .get(input, context)
                .cloned()
                .ok_or_else(|| Missing { field: field.clone(), path: path.text().to_owned() }),
            Self::Object(fields) => {
                let mut object = Map::new();
                for (name, template) in fields {
                    object.insert(name.clone(), template.render(input, context)?);
                }
                Ok(Value::Object(object))
            }
            Self::List(items) => items
                .iter()
                .map(|item| item.render(input, context))
                .collect::<Result<_, _>>()
                .map(Value::Array),
        }
    }
}

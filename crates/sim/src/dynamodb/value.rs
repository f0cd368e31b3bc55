//! Attribute values and items.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::number::Number;

/// An item: its attributes by name.
pub type Item = BTreeMap<String, Attribute>;

/// The deepest nesting of lists and maps.
const DEPTH: usize = 32;

/// The value of an attribute. Sets and binary values are not simulated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// A string.
    S(String),
    /// A number.
    N(Number),
    /// A boolean.
    Bool(bool),
    /// Nothing, explicitly.
    Null,
    /// A map.
    M(Item),
    /// A list.
    L(Vec<Attribute>),
}

impl Attribute {
    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::S(text) => Some(text),
            _ => None,
        }
    }

    /// The number of a number.
    pub fn number(&self) -> Option<&Number> {
        match self {
            Self::N(number) => Some(number),
            _ => None,
        }
    }

    /// Reads `{"S": "…"}` and its kin. The error is DynamoDB's message.
    pub(super) fn parse(value: &Value) -> Result<Self, String> {
        Self::parse_at(value, 0)
    }

    fn parse_at(value: &Value, depth: usize) -> Result<Self, String> {
        if depth > DEPTH {
            return Err("Nesting Levels have exceeded supported limits".to_owned());
        }
        let object = value.as_object().ok_or("an attribute value must be an object")?;
        let mut types = object.iter().filter(|(_, value)| !value.is_null());
        let Some((name, value)) = types.next() else {
            return Err(
                "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
                    .to_owned(),
            );
        };
        if types.next().is_some() {
            return Err("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes".to_owned());
        }
        match (name.as_str(), value) {
            ("S", Value::String(text)) => Ok(Self::S(text.clone())),
            ("N", Value::String(text)) => Number::parse(text).map(Self::N),
            ("BOOL", Value::Bool(boolean)) => Ok(Self::Bool(*boolean)),
            ("NULL", Value::Bool(true)) => Ok(Self::Null),
            ("NULL", Value::Bool(false)) => {
                Err("One or more parameter values were invalid: Null attribute value types must have the value of true".to_owned())
            }
            ("M", Value::Object(fields)) => parse_fields(fields, depth + 1).map(Self::M),
            ("L", Value::Array(items)) => {
                items.iter().map(|item| Self::parse_at(item, depth + 1)).collect::<Result<_, _>>().map(Self::L)
            }
            ("S" | "N" | "BOOL" | "NULL" | "M" | "L", _) => Err(format!("{name} with a value of a wrong JSON type")),
            _ => Err(format!("not simulated: attribute type {name}")),
        }
    }

    /// As the wire carries it.
    pub fn to_json(&self) -> Value {
        match self {
            Self::S(text) => json!({"S": text}),
            Self::N(number) => json!({"N": number.to_string()}),
            Self::Bool(boolean) => json!({"BOOL": boolean}),
            Self::Null => json!({"NULL": true}),
            Self::M(fields) => json!({"M": item_to_json(fields)}),
            Self::L(items) => json!({"L": items.iter().map(Self::to_json).collect::<Vec<_>>()}),
        }
    }

    /// The name of its type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::M(_) => "M",
            Self::L(_) => "L",
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number.size(),
            Self::Bool(_) | Self::Null => 1,
            Self::M(fields) => 3 + fields.len() + item_size(fields),
            Self::L(items) => 3 + items.iter().map(|item| 1 + item.size()).sum::<usize>(),
        }
    }
}

/// The attributes of a JSON object.
pub(super) fn parse_fields(fields: &Map<String, Value>, depth: usize) -> Result<Item, String> {
    fields.iter().map(|(name, value)| Ok((name.clone(), Attribute::parse_at(value, depth)?))).collect()
}

/// An item as the wire carries it.
pub fn item_to_json(item: &Item) -> Value {
    Value::Object(item.iter().map(|(name, value)| (name.clone(), value.to_json())).collect())
}

/// The size of an item: names and values.
pub(super) fn item_size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value.size()).sum()
}

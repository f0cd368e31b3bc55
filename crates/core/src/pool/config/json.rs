//! Reads JSON, and notices a key that an object has twice: of those the usual reader silently keeps the last, and nobody
//! can say which of the two was meant.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::Problem;

/// Reads one JSON document. Of a key that is there twice the first is kept, so that what else is wrong can be told too.
pub fn read(text: &str, problems: &mut Vec<Problem>) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict { path: String::new(), problems }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// The path of a member: `.name`, or `["name"]` with escapes where it is no plain name.
pub fn member(path: &str, key: &str) -> String {
    let plain = (1..=80).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_?".contains(&byte));
    match (plain, path) {
        (true, "") => key.to_owned(),
        (true, path) => format!("{path}.{key}"),
        (false, path) => format!("{path}[{:?}]", key.chars().take(80).collect::<String>()),
    }
}

/// The path of an item of a list.
pub fn item(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// A value at a path.
struct Strict<'a> {
    path: String,
    problems: &'a mut Vec<Problem>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let path = item(&self.path, items.len());
            match access.next_element_seed(Strict { path, problems: &mut *self.problems })? {
                Some(item) => items.push(item),
                None => return Ok(items.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let path = member(&self.path, &key);
            if map.contains_key(&key) {
                self.problems.push(Problem::new(path.clone(), "the key is there twice"));
            }
            let value = access.next_value_seed(Strict { path, problems: &mut *self.problems })?;
            map.entry(key).or_insert(value);
        }
        Ok(map.into())
    }
}

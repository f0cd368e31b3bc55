//! Reference paths (`$.a['b'][0]`, `$$.State.Name`): the part of JSONPath that names exactly one place.

use serde_json::{Map, Value};

/// A reference path into a state's input or, with `$$`, into the context object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    text: String,
    context: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    /// Parses a path. What names more than one place (wildcards, filters, slices) and intrinsic functions are
    /// refused.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with("States.") {
            return Err(format!("not simulated: intrinsic function {text:?}"));
        }
        let (context, mut rest) = if let Some(rest) = text.strip_prefix("$$") {
            (true, rest)
        } else if let Some(rest) = text.strip_prefix('$') {
            (false, rest)
        } else {
            return Err(format!("{text:?} is no path: it does not begin with $"));
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = step(rest)
                .ok_or_else(|| format!("not simulated: {text:?} is no plain reference path (at {rest:?})"))?;
            steps.push(step);
            rest = after;
        }
        Ok(Self { text: text.to_owned(), context, steps })
    }

    /// A path that may be written to: `ResultPath`.
    pub(super) fn parse_writable(text: &str) -> Result<Self, String> {
        let path = Self::parse(text)?;
        if path.context {
            return Err(format!("{text:?} is in the context object, which is read-only"));
        }
        Ok(path)
    }

    /// The path as it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What the path names, if it is there.
    pub(super) fn get<'v>(&self, input: &'v Value, context: &'v Value) -> Option<&'v Value> {
        let root = if self.context { context } else { input };
        self.steps.iter().try_fold(root, |value, step| match step {
            Step::Key(key) => value.as_object()?.get(key),
            Step::Index(index) => value.as_array()?.get(*index),
        })
    }

    /// `target` with `value` put where the path points; objects on the way come into being. `None` when something
    /// that is no object stands in the way.
    pub(super) fn put(&self, mut target: Value, value: Value) -> Option<Value> {
        let mut place = &mut target;
        for (number, step) in self.steps.iter().enumerate() {
            place = match step {
                Step::Key(key) => {
                    if number > 0 && place.is_null() {
                        *place = Value::Object(Map::new());
                    }
                    place.as_object_mut()?.entry(key.clone()).or_insert(Value::Null)
                }
                Step::Index(index) => place.as_array_mut()?.get_mut(*index)?,
            };
        }
        *place = value;
        Some(target)
    }
}

/// The first step of `rest`, and what follows it.
fn step(rest: &str) -> Option<(Step, &str)> {
    if let Some(rest) = rest.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        return (!key.is_empty() && key.chars().all(plain)).then(|| (Step::Key(key.to_owned()), after));
    }
    let rest = rest.strip_prefix('[')?;
    for quote in ['\'', '"'] {
        if let Some(quoted) = rest.strip_prefix(quote) {
            let (key, after) = quoted.split_once(quote)?;
            let after = after.strip_prefix(']')?;
            return (!key.is_empty() && !key.contains('\\')).then(|| (Step::Key(key.to_owned()), after));
        }
    }
    let (index, after) = rest.split_once(']')?;
    let digits = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| index.parse().ok()).flatten().map(|index| (Step::Index(index), after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_names_one_place() {
        let input = json!({"a": {"b-c": [10, {"d": null}], "x.y": 1}});
        for (path, expected) in [
            ("$", Some(input.clone())),
            ("$.a.b-c[0]", Some(json!(10))),
            ("$['a'][\"b-c\"][1].d", Some(Value::Null)),
            ("$.a['x.y']", Some(json!(1))),
            ("$.a.b-c[2]", None),
            ("$.a.b-c.d", None),
            ("$.nothing", None),
            ("$$.State.Name", Some(json!("Here"))),
        ] {
            let parsed = Path::parse(path).expect(path);
            let context = json!({"State": {"Name": "Here"}});
            assert_eq!(parsed.get(&input, &context).cloned(), expected, "{path}");
        }
    }

    #[test]
    fn whatever_names_more_than_one_place_is_refused() {
        for path in [
            "a",
            "",
            "$a",
            "$.",
            "$..a",
            "$.*",
            "$.a[*]",
            "$.a[-1]",
            "$.a[0:2]",
            "$.a[?(@.b)]",
            "$.a[",
            "$.a['b]",
            "$.a b",
            "States.Format('x')",
        ] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
        assert!(Path::parse_writable("$$.State.Name").is_err());
    }

    #[test]
    fn putting_makes_objects_but_replaces_nothing_else() {
        let put = |path: &str, target: Value| Path::parse(path).expect(path).put(target, json!(7));
        assert_eq!(put("$", json!({"a": 1})), Some(json!(7)));
        assert_eq!(put("$.b.c", json!({"a": 1})), Some(json!({"a": 1, "b": {"c": 7}})));
        assert_eq!(put("$.a[1]", json!({"a": [1, 2]})), Some(json!({"a": [1, 7]})));
        assert_eq!(put("$.a.b", json!({"a": "text"})), None);
        assert_eq!(put("$.a[2]", json!({"a": [1, 2]})), None);
        assert_eq!(put("$.a", json!("text")), None);
        assert_eq!(put("$.a", Value::Null), None);
    }
}

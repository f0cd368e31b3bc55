//! Filter patterns, as far as searches here use them: words and quoted phrases of which all must be there (`-word`: must not;
//! `?word`: one of those), and comparisons of JSON members, `{ $.level = "WARN" && $.count != 2 }`, with `*` for any text, and choices between
//! them, `{ ($.a = 1) || ($.b = 2) }`. Anything else is refused loudly.

use serde_json::Value;

use crate::policy::is_like;

/// What a line must be like.
#[derive(Debug, Default)]
pub(super) struct Pattern {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
    /// Comparisons, of which all of one list must hold.
    members: Vec<Vec<Member>>,
}

/// A comparison.
#[derive(Debug)]
struct Member {
    path: Vec<String>,
    equal: bool,
    value: String,
}

impl Pattern {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let mut pattern = Self::default();
        if let Some(inside) = text.strip_prefix('{') {
            let inside = inside.strip_suffix('}').ok_or_else(|| format!("Invalid filter pattern: {text}"))?;
            for choice in inside.split("||") {
                // Each choice may stand in parentheses; deeper ones are refused.
                let choice = choice.trim();
                let plain = choice.strip_prefix('(').and_then(|inside| inside.strip_suffix(')'));
                let parts = plain.unwrap_or(choice).split("&&").map(|part| member(part.trim()));
                pattern.members.push(parts.collect::<Result<_, _>>()?);
            }
            return Ok(pattern);
        }
        for (mark, term) in terms(text)? {
            match mark {
                Some('?') => pattern.any.push(term),
                Some('-') => pattern.none.push(term),
                _ => pattern.all.push(term),
            }
        }
        Ok(pattern)
    }

    pub(super) fn fits(&self, message: &str) -> bool {
        if !self.members.is_empty() {
            let Ok(value) = serde_json::from_str::<Value>(message) else { return false };
            return self.members.iter().any(|choice| choice.iter().all(|member| member.fits(&value)));
        }
        self.all.iter().all(|term| message.contains(term.as_str()))
            && (self.any.is_empty() || self.any.iter().any(|term| message.contains(term.as_str())))
            && !self.none.iter().any(|term| message.contains(term.as_str()))
    }
}

impl Member {
    /// What has no such member fits nothing, as AWS has it.
    fn fits(&self, value: &Value) -> bool {
        let found = self.path.iter().try_fold(value, |value, name| value.get(name));
        let found = match found {
            Some(Value::String(text)) => text.clone(),
            Some(scalar @ (Value::Number(_) | Value::Bool(_))) => scalar.to_string(),
            _ => return false,
        };
        is_like(&self.value, &found, false) == self.equal
    }
}

fn member(text: &str) -> Result<Member, String> {
    let refused = || format!("Invalid filter pattern, or not simulated: {{ {text} }}");
    let (left, right, equal) = match text.split_once("!=") {
        Some((left, right)) => (left, right, false),
        None => text.split_once('=').map(|(left, right)| (left, right, true)).ok_or_else(refused)?,
    };
    let path = left.trim().strip_prefix("$.").ok_or_else(refused)?;
    let named =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    let path: Vec<String> = path.split('.').map(str::to_owned).collect();
    let right = right.trim();
    let value = right.strip_prefix('"').and_then(|right| right.strip_suffix('"')).unwrap_or(right);
    let simple = !value.is_empty() && !value.contains(['"', '(', ')', '|', '<', '>']);
    if !path.iter().all(|name| named(name)) || !simple || (right == value && value.contains(' ')) {
        return Err(refused());
    }
    Ok(Member { path, equal, value: value.to_owned() })
}

/// The terms of an unstructured pattern, with the mark before each.
fn terms(text: &str) -> Result<Vec<(Option<char>, String)>, String> {
    let (mut terms, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let mark = Some(first).filter(|first| matches!(first, '?' | '-'));
        rest = if mark.is_some() { &rest[1..] } else { rest };
        let (term, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                quoted.split_once('"').ok_or_else(|| format!("Invalid filter pattern: {text}"))?
            }
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        if term.is_empty() || term.starts_with(['[', '%']) {
            return Err(format!("Invalid filter pattern, or not simulated: {text}"));
        }
        terms.push((mark, term.to_owned()));
        rest = after.trim_start();
    }
    Ok(terms)
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn words_phrases_and_members() {
        let line = r#"{"level":"WARN","fields":{"count":2,"ok":true},"message":"a b c"}"#;
        for (pattern, fits) in [
            ("", true),
            ("WARN message", true),
            ("warn", false),
            (r#""a b""#, true),
            (r#""b a""#, false),
            ("?nothing ?WARN", true),
            ("?nothing ?else", false),
            ("WARN -message", false),
            (r#""\"level\":\"WARN""#, false),
            (r#"{ $.level = "WARN" }"#, true),
            (r#"{ $.level = WARN && $.fields.count = 2 }"#, true),
            (r#"{ $.level = "W*" && $.fields.ok = true }"#, true),
            (r#"{ ($.level = "ERROR") || ($.fields.count = 2) }"#, true),
            (r#"{ ($.level = "ERROR") || ($.fields.count = 3) }"#, false),
            (r#"{ $.level != "WARN" }"#, false),
            (r#"{ $.none != "WARN" }"#, false),
            (r#"{ $.message = "a b c" }"#, true),
        ] {
            match Pattern::read(pattern) {
                Ok(read) => assert_eq!(read.fits(line), fits, "{pattern}"),
                Err(error) => assert!(!fits, "{error}"),
            }
        }
        assert!(!Pattern::read("{ $.a = 1 }").unwrap().fits("no JSON"));
    }

    #[test]
    fn anything_else_is_refused() {
        for pattern in [r#""open"#, "[a, b]", "%x%", "{ $.a }", "{ a = 1 }", "{ $.a > 1 }", "{ $.a = "] {
            assert!(Pattern::read(pattern).is_err(), "{pattern}");
        }
    }
}

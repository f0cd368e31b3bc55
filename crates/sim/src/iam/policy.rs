//! The identity policies of a role, read and judged by as IAM does it: an Allow that fits, and no Deny.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Ask;
use super::condition::Condition;
use crate::policy::is_like;

/// A role and the statements of all of its policies.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its statements, in the order in which they were given.
    pub statements: Vec<Statement>,
}

/// One statement.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Its `Sid`, or its place among the role's statements: `#3`.
    pub sid: String,
    /// Whether it allows; otherwise it denies.
    pub allows: bool,
    /// The patterns of `Action` (or `NotAction`), as they were given.
    pub actions: Patterns,
    /// The patterns of `Resource` (or `NotResource`).
    pub resources: Patterns,
    conditions: Vec<Condition>,
}

/// Patterns of which one must fit, or none.
#[derive(Debug, Clone)]
pub struct Patterns {
    /// What they are.
    pub patterns: Vec<String>,
    /// They stand in `NotAction` or `NotResource`: none may fit.
    pub inverted: bool,
}

/// What let a call through: which statement, which of its actions, and which of its resources, each by its place. Of a `NotAction` or
/// `NotResource` the place is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The statement's place.
    pub statement: usize,
    /// The action's place in the statement.
    pub action: usize,
    /// The resource's place in the statement.
    pub resource: usize,
}

/// What becomes of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'r> {
    /// It is allowed, by everything of this.
    Allowed(Vec<Grant>),
    /// It is denied: by the statement with this `Sid`, or because nothing allows it.
    Denied(Option<&'r str>),
}

impl Role {
    /// Reads the policy documents of a role.
    ///
    /// # Errors
    ///
    /// What is wrong with one, or not simulated: a rule that is overlooked would judge wrongly.
    pub fn parse(name: &str, documents: &[Value]) -> Result<Self, String> {
        let mut statements = Vec::new();
        for document in documents {
            let members = document.as_object().ok_or("a policy that is no object")?;
            only(members, &["Version", "Id", "Statement"])?;
            if members.get("Version").and_then(Value::as_str) != Some("2012-10-17") {
                return Err(format!("Version {:?}, not 2012-10-17", members.get("Version")));
            }
            let list = match members.get("Statement") {
                Some(Value::Array(list)) => list.as_slice(),
                Some(one @ Value::Object(_)) => std::slice::from_ref(one),
                _ => return Err("no Statement".to_owned()),
            };
            for value in list {
                let place = statements.len();
                statements.push(Statement::parse(value, place).map_err(|error| format!("{value}: {error}"))?);
            }
        }
        Ok(Self { name: name.to_owned(), statements })
    }

    /// What becomes of a question.
    pub fn judge(&self, ask: &Ask) -> Verdict<'_> {
        let mut grants = Vec::new();
        for (place, statement) in self.statements.iter().enumerate() {
            let Some(action) = statement.actions.fit(&ask.action, true) else { continue };
            let Some(resource) = statement.resources.fit(&ask.resource, false) else { continue };
            if !statement.conditions.iter().all(|condition| condition.is_met(&ask.context)) {
                continue;
            }
            if !statement.allows {
                return Verdict::Denied(Some(&statement.sid));
            }
            grants.push(Grant { statement: place, action, resource });
        }
        if grants.is_empty() { Verdict::Denied(None) } else { Verdict::Allowed(grants) }
    }

    /// The condition keys that statements about this action and resource look at and the question says nothing of.
    pub fn missing(&self, ask: &Ask) -> BTreeSet<&str> {
        let about = self.statements.iter().filter(|statement| {
            statement.actions.fit(&ask.action, true).is_some()
                && statement.resources.fit(&ask.resource, false).is_some()
        });
        let keys = about.flat_map(|statement| &statement.conditions).map(Condition::key);
        keys.filter(|key| ask.context.get(key).is_none()).collect()
    }

    /// Whether a question is allowed.
    pub fn allows(&self, ask: &Ask) -> bool {
        matches!(self.judge(ask), Verdict::Allowed(_))
    }
}

impl Statement {
    fn parse(value: &Value, place: usize) -> Result<Self, String> {
        let members = value.as_object().ok_or("a Statement that is no object")?;
        only(members, &["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"])?;
        let allows = match members.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            other => return Err(format!("Effect {other:?}, not Allow or Deny")),
        };
        let mut conditions = Vec::new();
        if let Some(given) = members.get("Condition") {
            for (operator, keys) in given.as_object().ok_or("a Condition that is no object")? {
                for (key, values) in keys.as_object().ok_or("a Condition that holds no object")? {
                    conditions.push(Condition::parse(operator, key, texts(values)?)?);
                }
            }
        }
        let sid = members.get("Sid").and_then(Value::as_str);
        Ok(Self {
            sid: sid.map_or_else(|| format!("#{place}"), str::to_owned),
            allows,
            actions: Patterns::parse(members, "Action", "NotAction")?,
            resources: Patterns::parse(members, "Resource", "NotResource")?,
            conditions,
        })
    }
}

impl Patterns {
    fn parse(members: &Map<String, Value>, name: &str, inverted: &str) -> Result<Self, String> {
        let (value, inverted) = match (members.get(name), members.get(inverted)) {
            (Some(value), None) => (value, false),
            (None, Some(value)) => (value, true),
            _ => return Err(format!("it must have either {name} or {inverted}")),
        };
        let patterns = texts(value)?;
        if patterns.is_empty() {
            return Err(format!("{name} is empty"));
        }
        Ok(Self { patterns, inverted })
    }

    /// The place of the first pattern that fits.
    fn fit(&self, text: &str, ignore_case: bool) -> Option<usize> {
        let place = self.patterns.iter().position(|pattern| is_like(pattern, text, ignore_case));
        if self.inverted { place.is_none().then_some(0) } else { place }
    }
}

fn only(members: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("not simulated: the member {name}")),
        None => Ok(()),
    }
}

/// One text or a list of them.
fn texts(value: &Value) -> Result<Vec<String>, String> {
    let one = |value: &Value| match value {
        Value::String(text) if text.contains("${") => Err(format!("not simulated: a variable in {text:?}")),
        Value::String(text) => Ok(text.clone()),
        Value::Bool(truth) => Ok(truth.to_string()),
        _ => Err(format!("{value} where a text belongs")),
    };
    match value {
        Value::Array(list) => list.iter().map(one).collect(),
        one_value => Ok(vec![one(one_value)?]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Context;
    use super::*;

    fn role(statements: Value) -> Role {
        Role::parse("r", &[json!({"Version": "2012-10-17", "Statement": statements})]).expect("a policy")
    }

    fn ask(action: &'static str, resource: &str) -> Ask {
        Ask::new(action, resource, Context::default())
    }

    #[test]
    fn nothing_is_allowed_until_something_allows_it_and_a_deny_wins() {
        let role = role(json!([
            {"Sid": "All", "Effect": "Allow", "Action": ["s:Get*", "S:PUT"], "Resource": "arn:x/*"},
            {"Sid": "No", "Effect": "Deny", "Action": "s:*", "Resource": "arn:x/secret"},
        ]));
        let granted = |action| Verdict::Allowed(vec![Grant { statement: 0, action, resource: 0 }]);
        assert_eq!(role.judge(&ask("s:GetThing", "arn:x/a")), granted(0));
        assert_eq!(role.judge(&ask("s:Put", "arn:x/a")), granted(1), "actions have no case");
        assert_eq!(role.judge(&ask("s:Put", "arn:X/a")), Verdict::Denied(None), "resources have");
        assert_eq!(role.judge(&ask("s:Delete", "arn:x/a")), Verdict::Denied(None));
        assert_eq!(role.judge(&ask("s:GetThing", "arn:x/secret")), Verdict::Denied(Some("No")));
        assert!(!role.allows(&ask("s:GetThing", "arn:x")));
    }

    #[test]
    fn what_stands_behind_not_is_spared() {
        let role = role(json!([
            {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "s:Delete*", "NotResource": ["arn:x/ours-*", "arn:y"]},
        ]));
        assert!(role.allows(&ask("s:DeleteThing", "arn:x/ours-1")) && role.allows(&ask("s:Get", "arn:z")));
        assert!(!role.allows(&ask("IAM:PassRole", "arn:y")));
        assert_eq!(role.judge(&ask("s:DeleteThing", "arn:z")), Verdict::Denied(Some("#1")));
    }

    #[test]
    fn all_conditions_of_a_statement_must_hold() {
        let role = role(json!({
            "Effect": "Allow", "Action": "s:Get", "Resource": "*",
            "Condition": {"StringEquals": {"a:One": "1", "a:Two": ["2", "3"]}, "Bool": {"a:Safe": true}},
        }));
        let context = Context::default().with("A:one", "1").with("a:two", "3").with("a:safe", "true");
        assert!(role.allows(&Ask::new("s:Get", "*", context.clone())));
        for wrong in [("a:one", "2"), ("a:two", "1"), ("a:safe", "false")] {
            assert!(
                !role.allows(&Ask::new("s:Get", "*", context.clone().with(wrong.0, wrong.1))),
                "{wrong:?}"
            );
        }
        assert!(!role.allows(&ask("s:Get", "*")));
    }

    #[test]
    fn documents_that_iam_or_this_does_not_know_are_refused() {
        let allow = json!({"Effect": "Allow", "Action": "s:Get", "Resource": "*"});
        let changed = |name: &str, value: Value| {
            let mut statement = allow.clone();
            statement[name] = value;
            json!({"Version": "2012-10-17", "Statement": [statement]})
        };
        assert!(Role::parse("r", &[changed("Effect", json!("Allow"))]).is_ok());
        for document in [
            json!([]),
            json!({"Version": "2008-10-17", "Statement": [allow]}),
            json!({"Statement": [allow]}),
            json!({"Version": "2012-10-17"}),
            changed("Effect", json!("allow")),
            changed("Principal", json!("*")),
            changed("NotAction", json!("*")),
            changed("Action", json!([])),
            changed("Resource", json!(7)),
            changed("Resource", json!("arn:x/${aws:username}")),
            changed("Condition", json!({"StringIs": {"a": "b"}})),
            changed("Condition", json!("a")),
        ] {
            assert!(Role::parse("r", std::slice::from_ref(&document)).is_err(), "{document}");
        }
    }
}

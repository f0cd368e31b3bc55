//! Policy documents of secrets and keys: enough of IAM's language to tell whom one lets in by itself.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// A policy document of a resource. What the roles of functions allow by themselves is for [`iam`](crate::iam).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    statements: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Statement {
    allows: bool,
    /// Kind (`AWS`, `Service`, …) and value.
    principals: Vec<(String, String)>,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    operator: String,
    key: String,
    values: Vec<String>,
}

/// Who wants to do what.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// The ARN of a user or role, or the name of a service.
    pub principal: &'a str,
    /// E.g. `secretsmanager:GetSecretValue`.
    pub action: &'a str,
    /// The ARN of what the policy is on.
    pub resource: &'a str,
}

impl Policy {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// What is wrong with it; it begins with `not simulated` where AWS may take it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let document = document.as_object().ok_or("no JSON object")?;
        known(document, &["Version", "Id", "Statement"])?;
        if let Some(version) = document.get("Version")
            && version != "2012-10-17"
            && version != "2008-10-17"
        {
            return Err(format!("Version {version}"));
        }
        let statements = match document.get("Statement") {
            Some(Value::Array(list)) if !list.is_empty() => list.iter().map(statement).collect(),
            Some(one @ Value::Object(_)) => statement(one).map(|one| vec![one]),
            _ => Err("no Statement".to_owned()),
        };
        Ok(Self { statements: statements? })
    }

    /// Whether the document itself lets this happen: a statement that allows it and none that denies it. A condition
    /// that is not simulated never allows, and always denies.
    pub fn allows(&self, access: Access<'_>) -> bool {
        let meets = |statement: &&Statement| statement.meets(access);
        let (allowing, denying): (Vec<_>, Vec<_>) =
            self.statements.iter().filter(meets).partition(|statement| statement.allows);
        let known = |statement: &&Statement| statement.unknown_condition().is_none();
        allowing.iter().any(|s| known(s) && s.conditions_hold(access))
            && !denying.iter().any(|s| !known(s) || s.conditions_hold(access))
    }

    /// Whether everybody is let in: a statement that allows something to the principal `*`, without a condition.
    pub fn is_public(&self) -> bool {
        self.statements.iter().any(|statement| {
            statement.allows
                && statement.conditions.is_empty()
                && statement.principals.iter().any(|(kind, value)| kind == "AWS" && value == "*")
        })
    }

    /// The principals of the kind `AWS`.
    pub fn principals(&self) -> BTreeSet<&str> {
        let all = self.statements.iter().flat_map(|statement| &statement.principals);
        all.filter(|(kind, _)| kind == "AWS").map(|(_, value)| value.as_str()).collect()
    }

    /// A condition, by operator and key, that is not simulated.
    pub fn unknown_condition(&self) -> Option<String> {
        self.statements.iter().find_map(Statement::unknown_condition)
    }

    /// Whether an unconditional statement allows the action to somebody of this account, or to everybody.
    pub(crate) fn lets_account(&self, account: &str, action: &str) -> bool {
        self.statements.iter().any(|statement| {
            let ours = |value: &str| value == "*" || value == account || account_of(value) == Some(account);
            statement.allows
                && statement.conditions.is_empty()
                && statement.actions.iter().any(|pattern| is_like(pattern, action, true))
                && !statement.resources.is_empty()
                && statement.principals.iter().any(|(kind, value)| kind == "AWS" && ours(value))
        })
    }
}

impl Statement {
    /// Whether the statement is about this, conditions aside.
    fn meets(&self, access: Access<'_>) -> bool {
        self.actions.iter().any(|pattern| is_like(pattern, access.action, true))
            && self.resources.iter().any(|pattern| is_like(pattern, access.resource, false))
            && self.principals.iter().any(|(_, value)| self.names(value, access.principal))
    }

    /// To allow an account means to leave it to the account's own policies; to deny it means everybody in it.
    fn names(&self, value: &str, principal: &str) -> bool {
        if value == "*" || value == principal {
            return true;
        }
        let is_account = value.ends_with(":root") || is_account(value);
        let account = account_of(value).unwrap_or(value);
        is_account && account_of(principal) == Some(account) && (!self.allows || principal.ends_with(":root"))
    }

    fn unknown_condition(&self) -> Option<String> {
        let unknown = |condition: &&Condition| {
            let operators =
                ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "ArnEquals", "ArnLike"];
            !operators.contains(&condition.operator.as_str()) || value_of(&condition.key, "").is_none()
        };
        let condition = self.conditions.iter().find(unknown)?;
        Some(format!("{} {}", condition.operator, condition.key))
    }

    fn conditions_hold(&self, access: Access<'_>) -> bool {
        self.conditions.iter().all(|condition| {
            let Some(actual) = value_of(&condition.key, access.principal) else { return false };
            let is = |pattern: &String| match condition.operator.as_str() {
                "StringEquals" | "StringNotEquals" => pattern == actual,
                _ => is_like(pattern, actual, false),
            };
            condition.values.iter().any(is) != condition.operator.contains("Not")
        })
    }
}

/// What a condition's key stands for in a request by this principal for the current version.
fn value_of<'p>(key: &str, principal: &'p str) -> Option<&'p str> {
    match key.to_ascii_lowercase().as_str() {
        "aws:principalarn" => Some(principal),
        "aws:principalaccount" => Some(account_of(principal).unwrap_or_default()),
        "secretsmanager:versionstage" => Some("AWSCURRENT"),
        _ => None,
    }
}

fn account_of(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(3)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn known(members: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) if name.starts_with("Not") => Err(format!("not simulated: {name}")),
        Some(name) => Err(format!("unknown member {name}")),
        None => Ok(()),
    }
}

fn statement(value: &Value) -> Result<Statement, String> {
    let members = value.as_object().ok_or("a Statement that is no object")?;
    known(members, &["Sid", "Effect", "Principal", "Action", "Resource", "Condition"])?;
    let allows = match members.get("Effect").and_then(Value::as_str) {
        Some("Allow") => true,
        Some("Deny") => false,
        _ => return Err("Effect must be Allow or Deny".to_owned()),
    };
    let principals = match members.get("Principal") {
        Some(Value::String(all)) if all == "*" => vec![("AWS".to_owned(), "*".to_owned())],
        Some(Value::Object(kinds)) if !kinds.is_empty() => {
            let mut principals = Vec::new();
            for (kind, values) in kinds {
                if !["AWS", "Service", "Federated", "CanonicalUser"].contains(&kind.as_str()) {
                    return Err(format!("Principal of kind {kind}"));
                }
                principals.extend(texts(values)?.into_iter().map(|value| (kind.clone(), value)));
            }
            principals
        }
        _ => return Err("no Principal".to_owned()),
    };
    let list = |name: &str| members.get(name).map(texts).transpose().map(Option::unwrap_or_default);
    let mut conditions = Vec::new();
    if let Some(given) = members.get("Condition") {
        for (operator, keys) in given.as_object().ok_or("Condition must be an object")? {
            for (key, values) in keys.as_object().ok_or("Condition must hold objects")? {
                let values = texts(values)?;
                conditions.push(Condition { operator: operator.clone(), key: key.clone(), values });
            }
        }
    }
    Ok(Statement { allows, principals, actions: list("Action")?, resources: list("Resource")?, conditions })
}

/// One text or a list of them; conditions have booleans and numbers too.
fn texts(value: &Value) -> Result<Vec<String>, String> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => Err(format!("{value} where a text belongs")),
    };
    match value {
        Value::Array(list) => list.iter().map(one).collect(),
        one_value => Ok(vec![one(one_value)?]),
    }
}

/// Whether a text fits a pattern with `*` and `?`.
pub(crate) fn is_like(pattern: &str, text: &str, ignore_case: bool) -> bool {
    let same = |a: char, b: char| a == b || (ignore_case && a.eq_ignore_ascii_case(&b));
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // What follows the latest star, and the text that the star has not swallowed yet.
    let mut star = None;
    loop {
        let left = text.clone();
        match (pattern.next(), text.next()) {
            (Some('*'), _) => {
                star = Some((pattern.clone(), left.clone()));
                text = left;
            }
            (None, None) => return true,
            (Some(p), Some(t)) if p == '?' || same(p, t) => {}
            _ => {
                let Some((after, swallowed)) = &mut star else { return false };
                if swallowed.next().is_none() {
                    return false;
                }
                (pattern, text) = (after.clone(), swallowed.clone());
            }
        }
    }
}

/// Who is named in a policy but is not known to exist. Whole accounts, services and `*` are taken as known.
pub(crate) fn stranger<'p>(policy: &'p Policy, known: Option<&BTreeSet<String>>) -> Option<&'p str> {
    let known = known?;
    let named = |value: &&str| value.contains(":role/") || value.contains(":user/");
    policy.principals().into_iter().filter(named).find(|value| !known.contains(*value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/app";
    const ROOT: &str = "arn:aws:iam::123456789012:root";

    fn allows(statements: &str, principal: &str) -> bool {
        let policy = Policy::parse(&format!("{{\"Statement\": {statements}}}")).expect("a policy");
        policy.allows(Access { principal, action: "s:Get", resource: "arn:x" })
    }

    #[test]
    fn a_deny_wins_and_an_account_is_no_principal_of_its_own() {
        let to = |effect: &str, principal: &str| {
            format!(
                r#"{{"Effect": "{effect}", "Principal": {{"AWS": "{principal}"}}, "Action": "S:G*", "Resource": "*"}}"#
            )
        };
        assert!(allows(&to("Allow", ROLE), ROLE));
        assert!(!allows(&to("Allow", ROLE), "arn:aws:iam::123456789012:role/other"));
        assert!(!allows(&to("Allow", ROOT), ROLE), "left to the account's own policies");
        assert!(allows(&to("Allow", "123456789012"), ROOT));
        let both = format!("[{}, {}]", to("Allow", "*"), to("Deny", ROOT));
        assert!(!allows(&both, ROLE));
        assert!(allows(&both, "arn:aws:iam::000000000000:role/app"));
    }

    #[test]
    fn conditions_hold_or_do_not() {
        let with = |effect: &str, condition: &str| {
            format!(
                r#"[{{"Effect": "Allow", "Principal": "*", "Action": "s:Get", "Resource": "arn:x"}},
                   {{"Effect": "{effect}", "Principal": "*", "Action": "*", "Resource": "arn:?", "Condition": {condition}}}]"#
            )
        };
        let not_app = r#"{"ArnLike": {"aws:PrincipalArn": "*role/app"}}"#;
        assert!(!allows(&with("Deny", not_app), ROLE));
        assert!(allows(&with("Deny", not_app), ROOT));
        let but_app = r#"{"StringNotEquals": {"aws:principalarn": ["arn:aws:iam::123456789012:role/app"]}}"#;
        assert!(allows(&with("Deny", but_app), ROLE));
        assert!(!allows(&with("Deny", but_app), ROOT));
        let unknown = r#"{"Bool": {"aws:SecureTransport": false}}"#;
        assert!(!allows(&with("Deny", unknown), ROLE), "what is not simulated denies");
        let policy = format!("{{\"Statement\": {}}}", with("Deny", unknown));
        let policy = Policy::parse(&policy).expect("a policy");
        assert_eq!(policy.unknown_condition().as_deref(), Some("Bool aws:SecureTransport"));
    }

    #[test]
    fn broken_documents_are_refused() {
        for text in [
            "{",
            "[]",
            "{}",
            r#"{"Statement": []}"#,
            r#"{"Version": "2020-01-01", "Statement": [{"Effect": "Allow", "Principal": "*"}]}"#,
            r#"{"Statement": [{"Effect": "allow", "Principal": "*"}]}"#,
            r#"{"Statement": [{"Effect": "Allow"}]}"#,
            r#"{"Statement": [{"Effect": "Allow", "Principal": {"Aws": "*"}}]}"#,
            r#"{"Statement": [{"Effect": "Allow", "Principal": "*", "Actions": "*"}]}"#,
            r#"{"Statement": [{"Effect": "Allow", "NotPrincipal": "*"}]}"#,
        ] {
            assert!(Policy::parse(text).is_err(), "{text}");
        }
        assert!(is_like("a*b?c*", "aXXbYcZ", false) && !is_like("a*b?c", "aXXbc", false));
    }
}

//! The rules of a Choice state.

use std::cmp::Ordering;

use serde_json::Value;

use super::fields::Fields;
use super::path::Path;

/// One rule, without the state that it leads to.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    /// All of them hold.
    And(Vec<Rule>),
    /// One of them holds.
    Or(Vec<Rule>),
    /// It does not hold.
    Not(Box<Rule>),
    /// A comparison of what stands at a path.
    Compare(Path, Test),
}

/// A comparison. A value of another type is not an error: the comparison is false.
#[derive(Debug, Clone)]
pub(super) enum Test {
    /// `StringEquals`
    Text(String),
    /// `BooleanEquals`
    Boolean(bool),
    /// `NumericEquals` and its kin: the orderings that hold, and the number.
    Number(&'static [Ordering], f64),
    /// `IsPresent`
    Present(bool),
}

const NUMERIC: [(&str, &[Ordering]); 5] = [
    ("NumericEquals", &[Ordering::Equal]),
    ("NumericLessThan", &[Ordering::Less]),
    ("NumericGreaterThan", &[Ordering::Greater]),
    ("NumericLessThanEquals", &[Ordering::Less, Ordering::Equal]),
    ("NumericGreaterThanEquals", &[Ordering::Greater, Ordering::Equal]),
];

impl Rule {
    /// Takes a rule's fields; `Next` is taken before, and only at the top.
    pub(super) fn parse(fields: &mut Fields) -> Result<Self, String> {
        for (name, make) in [("And", Self::And as fn(Vec<Self>) -> Self), ("Or", Self::Or)] {
            if let Some(rules) = fields.take(name) {
                let rules = rules.as_array().filter(|rules| !rules.is_empty());
                let rules = rules.ok_or_else(|| fields.wrong(name, "must be a list of rules"))?;
                return Ok(make(
                    rules.iter().map(|rule| Self::nested(fields, name, rule)).collect::<Result<_, _>>()?,
                ));
            }
        }
        if let Some(rule) = fields.take("Not") {
            return Ok(Self::Not(Box::new(Self::nested(fields, "Not", &rule)?)));
        }
        let variable = fields.text("Variable")?;
        let variable = variable.ok_or_else(|| fields.wrong("Variable", "is missing"))?;
        let path = Path::parse(&variable).map_err(|problem| fields.wrong("Variable", &problem))?;
        Ok(Self::Compare(path, Test::parse(fields)?))
    }

    fn nested(parent: &Fields, name: &str, rule: &Value) -> Result<Self, String> {
        let mut fields = Fields::new(format!("{}, {name}", parent.place()), rule)?;
        let rule = Self::parse(&mut fields)?;
        fields.finish()?;
        Ok(rule)
    }

    /// Whether the rule holds. A path that matches nothing is an error (the path), except for `IsPresent`.
    pub(super) fn holds(&self, input: &Value, context: &Value) -> Result<bool, String> {
        match self {
            Self::And(rules) => {
                for rule in rules {
                    if !rule.holds(input, context)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(rules) => {
                for rule in rules {
                    if rule.holds(input, context)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(rule) => Ok(!rule.holds(input, context)?),
            Self::Compare(path, test) => match (path.get(input, context), test) {
                (found, Test::Present(expected)) => Ok(found.is_some() == *expected),
                (Some(value), test) => Ok(test.holds(value)),
                (None, _) => Err(path.text().to_owned()),
            },
        }
    }
}

impl Test {
    fn parse(fields: &mut Fields) -> Result<Self, String> {
        if let Some(text) = fields.text("StringEquals")? {
            return Ok(Self::Text(text));
        }
        if let Some(boolean) = fields.boolean("BooleanEquals")? {
            return Ok(Self::Boolean(boolean));
        }
        if let Some(present) = fields.boolean("IsPresent")? {
            return Ok(Self::Present(present));
        }
        for (name, orderings) in NUMERIC {
            if let Some(value) = fields.take(name) {
                let number = value.as_f64().ok_or_else(|| fields.wrong(name, "must be a number"))?;
                return Ok(Self::Number(orderings, number));
            }
        }
        Err(format!("not simulated: {}: no comparison that is known here", fields.place()))
    }

    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Text(expected) => value.as_str() == Some(expected),
            Self::Boolean(expected) => value.as_bool() == Some(*expected),
            Self::Number(orderings, number) => value
                .as_f64()
                .and_then(|value| value.partial_cmp(number))
                .is_some_and(|ordering| orderings.contains(&ordering)),
            Self::Present(expected) => *expected,
        }
    }
}

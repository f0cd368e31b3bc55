//! The conditions of a statement: an operator, a key, and the values that it is held against.

use super::Context;
use crate::policy::is_like;

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    test: Test,
    /// How several values of the request's count.
    set: Set,
    /// A request without the key passes.
    if_exists: bool,
    /// In small letters.
    key: String,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    /// The request is expected to have one value.
    One,
    /// At least one value passes; a request without the key does not.
    Any,
    /// Every value passes; a request without the key does.
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    /// Whether the request has the key at all.
    Null,
    /// Whether a value is (or is not) like one of the policy's.
    Match(Likeness, Negated),
}

type Negated = bool;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    Equal,
    EqualIgnoringCase,
    Like,
    Arn,
}

impl Condition {
    /// The key that it looks at, in small letters.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Reads a condition.
    ///
    /// # Errors
    ///
    /// An operator that is not simulated, or a value that the operator does not take.
    pub(super) fn parse(operator: &str, key: &str, values: Vec<String>) -> Result<Self, String> {
        let unknown = || format!("not simulated: the condition operator {operator}");
        let (set, rest) = match operator.split_once(':') {
            None => (Set::One, operator),
            Some(("ForAnyValue", rest)) => (Set::Any, rest),
            Some(("ForAllValues", rest)) => (Set::All, rest),
            Some(_) => return Err(unknown()),
        };
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let test = match name {
            "Null" if set == Set::One && !if_exists => Test::Null,
            "StringEquals" => Test::Match(Likeness::Equal, false),
            "StringNotEquals" => Test::Match(Likeness::Equal, true),
            "StringEqualsIgnoreCase" | "Bool" => Test::Match(Likeness::EqualIgnoringCase, false),
            "StringNotEqualsIgnoreCase" => Test::Match(Likeness::EqualIgnoringCase, true),
            "StringLike" => Test::Match(Likeness::Like, false),
            "StringNotLike" => Test::Match(Likeness::Like, true),
            "ArnEquals" | "ArnLike" => Test::Match(Likeness::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => Test::Match(Likeness::Arn, true),
            _ => return Err(unknown()),
        };
        let boolean = |value: &String| value == "true" || value == "false";
        if matches!(name, "Null" | "Bool") && !values.iter().all(boolean) {
            return Err(format!("{operator} of {key} takes true or false, not {values:?}"));
        }
        if values.is_empty() || (test == Test::Null && values.len() > 1) {
            return Err(format!("{operator} of {key} has {} values", values.len()));
        }
        Ok(Self { test, set, if_exists, key: key.to_ascii_lowercase(), values })
    }

    /// Whether a request meets it.
    pub(super) fn is_met(&self, context: &Context) -> bool {
        let given = context.get(&self.key);
        let Test::Match(likeness, negated) = self.test else {
            return (self.values == ["true"]) == given.is_none();
        };
        let Some(given) = given else {
            return self.if_exists
                || match self.set {
                    Set::One => negated,
                    Set::Any => false,
                    Set::All => true,
                };
        };
        let fits = |value: &String| self.values.iter().any(|pattern| likeness.holds(pattern, value));
        match self.set {
            Set::One => given.iter().any(fits) != negated,
            Set::Any => given.iter().any(|value| fits(value) != negated),
            Set::All => given.iter().all(|value| fits(value) != negated),
        }
    }
}

impl Likeness {
    fn holds(self, pattern: &str, value: &str) -> bool {
        match self {
            Self::Equal => pattern == value,
            Self::EqualIgnoringCase => pattern.eq_ignore_ascii_case(value),
            Self::Like => is_like(pattern, value, false),
            // A wildcard does not reach over a colon, but in the last part.
            Self::Arn => {
                let (patterns, values) = (pattern.splitn(6, ':'), value.splitn(6, ':'));
                patterns.clone().count() == values.clone().count()
                    && patterns.zip(values).all(|(pattern, value)| is_like(pattern, value, false))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(operator: &str, values: &[&str], given: &[&str]) -> bool {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let condition = Condition::parse(operator, "s:Key", values).expect(operator);
        let given = given.iter().map(|value| (*value).to_owned());
        condition.is_met(&Context::default().with_all("S:kEY", given))
    }

    #[test]
    fn a_request_without_the_key_meets_what_iam_says_that_it_meets() {
        for (operator, expected) in [
            ("StringEquals", false),
            ("StringNotEquals", true),
            ("StringLike", false),
            ("StringNotLike", true),
            ("ArnLike", false),
            ("ArnNotLike", true),
            ("StringEqualsIfExists", true),
            ("StringNotEqualsIfExists", true),
            ("ForAllValues:StringEquals", true),
            ("ForAllValues:StringNotEquals", true),
            ("ForAnyValue:StringEquals", false),
            ("ForAnyValue:StringNotLike", false),
            ("ForAnyValue:StringEqualsIfExists", true),
        ] {
            assert_eq!(met(operator, &["a"], &[]), expected, "{operator}");
        }
        assert!(!met("Bool", &["true"], &[]) && !met("Bool", &["false"], &[]));
        assert!(met("Null", &["true"], &[]) && !met("Null", &["false"], &[]));
        assert!(!met("Null", &["true"], &["a"]) && met("Null", &["false"], &["a"]));
    }

    #[test]
    fn a_value_is_held_against_every_value_of_the_policy() {
        assert!(met("StringEquals", &["a", "b"], &["b"]) && !met("StringEquals", &["a", "b"], &["B"]));
        assert!(!met("StringNotEquals", &["a", "b"], &["b"]) && met("StringNotEquals", &["a", "b"], &["c"]));
        assert!(met("StringEqualsIgnoreCase", &["Ab"], &["aB"]));
        assert!(!met("StringNotEqualsIgnoreCase", &["Ab"], &["aB"]));
        assert!(met("StringLike", &["a*c?"], &["abbcd"]) && !met("StringLike", &["a*c?"], &["abbc"]));
        assert!(!met("StringEquals", &["a*"], &["ab"]), "no wildcard in StringEquals");
        assert!(met("Bool", &["true"], &["true"]) && !met("Bool", &["true"], &["false"]));
        assert!(met("ArnLike", &["arn:aws:iam::*:role/*"], &["arn:aws:iam::1:role/a:b"]));
        assert!(!met("ArnLike", &["arn:*:role/x"], &["arn:aws:iam::1:role/x"]), "over a colon");
        assert!(met("StringLike", &["arn:*:role/x"], &["arn:aws:iam::1:role/x"]));
    }

    #[test]
    fn several_values_count_as_the_set_operator_says() {
        assert!(met("ForAllValues:StringEquals", &["a", "b"], &["a", "b"]));
        assert!(!met("ForAllValues:StringEquals", &["a", "b"], &["a", "c"]));
        assert!(met("ForAnyValue:StringEquals", &["a", "b"], &["c", "a"]));
        assert!(!met("ForAnyValue:StringEquals", &["a", "b"], &["c"]));
        // One that is unlike all of them.
        assert!(met("ForAnyValue:StringNotLike", &["a*", "b*"], &["ab", "c"]));
        assert!(!met("ForAnyValue:StringNotLike", &["a*", "b*"], &["ab", "bc"]));
        assert!(met("ForAllValues:StringNotEquals", &["a"], &["b", "c"]));
        assert!(!met("ForAllValues:StringNotEquals", &["a"], &["b", "a"]));
        assert!(met("ForAnyValue:StringEqualsIgnoreCase", &["A"], &["b", "a"]));
    }

    #[test]
    fn what_is_not_simulated_is_refused() {
        for (operator, values) in [
            ("NumericLessThan", vec!["1"]),
            ("ForSomeValues:StringEquals", vec!["a"]),
            ("stringequals", vec!["a"]),
            ("ForAnyValue:Null", vec!["true"]),
            ("NullIfExists", vec!["true"]),
            ("Null", vec!["yes"]),
            ("Null", vec!["true", "false"]),
            ("Bool", vec!["1"]),
            ("StringEquals", vec![]),
        ] {
            let values = values.into_iter().map(str::to_owned).collect();
            assert!(Condition::parse(operator, "k", values).is_err(), "{operator}");
        }
    }
}

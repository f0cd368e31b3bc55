//! The operator's limits: what a template may ask for at all. They come from the function's environment, and a request outside
//! them fails with the limit's name.

use crate::arn::Place;
use crate::names::env;

/// A list of patterns in which `*` stands for any text. An empty list admits nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patterns(Vec<String>);

impl Patterns {
    /// Reads patterns that are separated by commas; spaces around them don't count.
    pub fn parse(text: &str) -> Self {
        Self(text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect())
    }

    /// Patterns that admit everything.
    pub fn everything() -> Self {
        Self(vec!["*".to_owned()])
    }

    /// Whether one of the patterns matches the whole text.
    pub fn admit(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| matches(pattern.as_bytes(), text.as_bytes()))
    }
}

impl std::fmt::Display for Patterns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// Matches with one place to go back to, so a pattern with many stars takes no more than length times length steps.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut back) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p + 1, t));
                p += 1;
            }
            Some(byte) if *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match back {
                Some((after_star, at)) => {
                    back = Some((after_star, at + 1));
                    (p, t) = (after_star, at + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// What templates may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Identifiers of the clusters that may be cloned.
    pub sources: Patterns,
    /// ARNs of the principals that may be given access to passwords; `None`: those of the own account.
    pub principals: Option<Patterns>,
    /// DB subnet groups that clones may be in, given or taken over.
    pub subnet_groups: Patterns,
    /// VPC security groups that clones may have, given or taken over.
    pub security_groups: Patterns,
    /// Instance classes that clones may have, given or chosen.
    pub instance_classes: Patterns,
    /// Whether a clone may keep its source's password.
    pub source_password: bool,
}

impl Default for Limits {
    /// Everything, but principals of the own account only, and no clone with its source's password.
    fn default() -> Self {
        Self {
            sources: Patterns::everything(),
            principals: None,
            subnet_groups: Patterns::everything(),
            security_groups: Patterns::everything(),
            instance_classes: Patterns::everything(),
            source_password: false,
        }
    }
}

impl Limits {
    /// Refuses a source that may not be cloned.
    pub fn source(&self, identifier: &str) -> Result<(), String> {
        admit(&self.sources, env::ALLOWED_SOURCES, identifier)
    }

    /// Refuses a DB subnet group.
    pub fn subnet_group(&self, name: &str) -> Result<(), String> {
        admit(&self.subnet_groups, env::ALLOWED_SUBNET_GROUPS, name)
    }

    /// Refuses a VPC security group.
    pub fn security_group(&self, id: &str) -> Result<(), String> {
        admit(&self.security_groups, env::ALLOWED_SECURITY_GROUPS, id)
    }

    /// Refuses an instance class.
    pub fn instance_class(&self, class: &str) -> Result<(), String> {
        admit(&self.instance_classes, env::ALLOWED_INSTANCE_CLASSES, class)
    }

    /// Refuses a principal. Its ARN has no wildcard, so it can't be wider than the pattern that admits it.
    pub fn principal(&self, arn: &str, place: &Place) -> Result<(), String> {
        match &self.principals {
            Some(patterns) => admit(patterns, env::ALLOWED_PRINCIPALS, arn),
            None => {
                let own = ["iam", "sts"]
                    .map(|service| format!("arn:{}:{service}::{}:*", place.partition, place.account));
                admit(&Patterns(own.to_vec()), env::ALLOWED_PRINCIPALS, arn)
            }
        }
    }
}

fn admit(patterns: &Patterns, limit: &str, value: &str) -> Result<(), String> {
    if patterns.admit(value) {
        return Ok(());
    }
    let shown: String = value.chars().take(120).collect();
    Err(format!("{shown:?} is outside the operator's limit {limit}, which admits {patterns}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns() {
        let admits = |patterns: &str, text: &str| Patterns::parse(patterns).admit(text);
        assert!(
            admits("*", "") && admits("*", "prod") && admits("prod", "prod") && admits("a, prod*", "prod-eu")
        );
        assert!(
            admits("*-eu-*", "a-eu-eu-b") && admits("a*b*c", "aXbXbc") && admits("db.t4g.*", "db.t4g.medium")
        );
        assert!(
            !admits("", "") && !admits("prod", "prod2") && !admits("prod", "Prod") && !admits("a*b", "ab-")
        );
        assert!(!admits("db.t4g.*", "dbXt4g.medium"), "a dot is a dot");
    }

    #[test]
    fn principals_are_of_the_own_account_unless_the_operator_says_otherwise() {
        let place =
            Place::of_stack("arn:aws:cloudformation:eu-west-1:123456789012:stack/web/1").expect("a stack");
        let limits = Limits::default();
        for arn in ["arn:aws:iam::123456789012:role/app", "arn:aws:sts::123456789012:assumed-role/app/me"] {
            assert_eq!(limits.principal(arn, &place), Ok(()), "{arn}");
        }
        for arn in ["arn:aws:iam::999999999999:role/app", "arn:aws-cn:iam::123456789012:role/app", "*", ""] {
            let refused = limits.principal(arn, &place).expect_err(arn);
            assert!(refused.contains("ALLOWED_PRINCIPALS"), "{refused}");
        }
        let limits = Limits { principals: Some(Patterns::parse("arn:aws:iam::*:role/readers/*")), ..limits };
        assert_eq!(limits.principal("arn:aws:iam::999999999999:role/readers/x", &place), Ok(()));
        assert!(limits.principal("arn:aws:iam::123456789012:role/app", &place).is_err());
    }

    proptest! {
        #[test]
        fn a_star_matches_whatever_stands_there(before in "[a-c]{0,6}", middle in "[a-c*]{0,6}", after in "[a-c]{0,6}") {
            let text = format!("{before}{}{after}", middle.replace('*', "b"));
            let pattern = format!("{before}*{after}");
            prop_assert!(Patterns::parse(&pattern).admit(&text));
            prop_assert!(Patterns::parse("*").admit(&text));
            let longer = format!("{text}x");
            prop_assert!(!Patterns(vec![text]).admit(&longer));
        }
    }
}

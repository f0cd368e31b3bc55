//! Amazon Resource Names, as far as we read and write them.

use thiserror::Error;

/// Where something lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// The region, e.g. `eu-west-1`.
    pub region: String,
    /// The account, 12 digits.
    pub account: String,
}

/// An ARN that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not an ARN of the form arn:PARTITION:{1}:REGION:ACCOUNT:…")]
pub struct BadArn(String, &'static str);

impl Place {
    /// The place that an ARN of `service` names, and what follows the account.
    pub fn of<'a>(arn: &'a str, service: &'static str) -> Result<(Self, &'a str), BadArn> {
        let bad = || BadArn(arn.chars().take(120).collect(), service);
        let mut parts = arn.splitn(6, ':');
        let mut next = || parts.next().unwrap_or_default();
        let (head, partition, named, region, account, rest) =
            (next(), next(), next(), next(), next(), next());
        let plain = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        if head != "arn" || !plain(partition) || named != service || !plain(region) || rest.is_empty() {
            return Err(bad());
        }
        if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let place =
            Self { partition: partition.to_owned(), region: region.to_owned(), account: account.to_owned() };
        Ok((place, rest))
    }

    /// The place that a stack's id names.
    pub fn of_stack(stack_id: &str) -> Result<Self, BadArn> {
        let (place, rest) = Self::of(stack_id, "cloudformation")?;
        match rest.strip_prefix("stack/") {
            Some(stack) if stack.contains('/') => Ok(place),
            _ => Err(BadArn(stack_id.chars().take(120).collect(), "cloudformation")),
        }
    }

    /// The ARN of a cluster in this place.
    pub fn cluster_arn(&self, identifier: &str) -> String {
        format!("arn:{}:rds:{}:{}:cluster:{identifier}", self.partition, self.region, self.account)
    }
}

/// The place and the identifier in a cluster's ARN, or `None` if `text` is no such ARN.
pub fn cluster(text: &str) -> Option<(Place, &str)> {
    let (place, rest) = Place::of(text, "rds").ok()?;
    let identifier = rest.strip_prefix("cluster:")?;
    (!identifier.is_empty()).then_some((place, identifier))
}

#[cfg(test)]
mod tests {
    use super::{Place, cluster};

    #[test]
    fn reads_what_it_writes_in_every_partition() {
        for partition in ["aws", "aws-cn", "aws-us-gov"] {
            let stack = format!("arn:{partition}:cloudformation:eu-west-1:123456789012:stack/web/0a1b");
            let place = Place::of_stack(&stack).expect("a stack id");
            let arn = place.cluster_arn("clone-x");
            assert_eq!(cluster(&arn), Some((place, "clone-x")));
        }
    }

    #[test]
    fn refuses_what_is_no_arn() {
        for text in [
            "",
            "web",
            "arn:aws:s3:::bucket",
            "arn:aws:cloudformation:eu-west-1:123:stack/web/1",
            "arn:aws:cloudformation:eu-west-1:123456789012:stack/web",
            "arn:aws:cloudformation::123456789012:stack/web/1",
            "arn:AWS:cloudformation:eu-west-1:123456789012:stack/web/1",
        ] {
            assert!(Place::of_stack(text).is_err(), "{text}");
        }
        assert_eq!(cluster("arn:aws:rds:eu-west-1:123456789012:db:x"), None);
        assert_eq!(cluster("arn:aws:rds:eu-west-1:123456789012:cluster:"), None);
    }
}

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

/// What the owner of a clone begins with that a person asked for at the command line.
const COMMAND_LINE: &str = "command-line/";

/// Whether an owner is no stack that CloudFormation could be asked about, but people at the command line.
pub fn is_command_line(owner: &str) -> bool {
    owner.starts_with(COMMAND_LINE)
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

    /// What stands in place of a StackId where a person asks at the command line. It is no ARN, so no event of CloudFormation can be
    /// about what was asked for there.
    pub fn command_line(&self) -> String {
        format!("{COMMAND_LINE}{}/{}/{}", self.partition, self.region, self.account)
    }

    /// The place that an owner names: a stack by its id, or the command line.
    pub fn of_owner(id: &str) -> Result<Self, BadArn> {
        let Some(rest) = id.strip_prefix(COMMAND_LINE) else { return Self::of_stack(id) };
        let bad = || BadArn(id.chars().take(120).collect(), "cloudformation");
        let parts: Vec<&str> = rest.split('/').collect();
        let [partition, region, account] = parts.as_slice() else { return Err(bad()) };
        let arn = format!("arn:{partition}:rds:{region}:{account}:-");
        let place = Self::of(&arn, "rds").map(|(place, _)| place);
        place.map_err(|_| bad())
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
    use super::{Place, cluster, is_command_line};

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
    fn the_command_line_is_an_owner_and_no_stack() {
        let stack = "arn:aws-cn:cloudformation:cn-north-1:123456789012:stack/web/0a1b";
        let place = Place::of_stack(stack).expect("a stack id");
        assert_eq!(Place::of_owner(stack).as_ref(), Ok(&place));
        let owner = place.command_line();
        assert_eq!(owner, "command-line/aws-cn/cn-north-1/123456789012");
        assert_eq!(Place::of_owner(&owner), Ok(place));
        assert!(is_command_line(&owner) && !is_command_line(stack));
        assert!(Place::of_stack(&owner).is_err());
        for bad in [
            "command-line/",
            "command-line/aws/eu-west-1",
            "command-line/aws/eu-west-1/12",
            "command-line/a/b/c/d",
        ] {
            assert!(Place::of_owner(bad).is_err(), "{bad}");
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

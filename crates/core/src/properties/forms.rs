//! Forms of values that more than one property has: ARNs, KMS keys, names.

use crate::arn::Place;

/// How long the name of a key may be: a clone names the key of its secret in a tag.
const MAX_KEY: usize = 256;

/// A name of `what` that RDS keeps in lower case: 1 to 255 letters, digits and . _ -, and what `more` has.
pub(super) fn rds_name(text: &str, what: &str, more: &str) -> Result<String, String> {
    let fine = text.len() <= 255
        && text.trim() == text
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c) || more.contains(c));
    let spaces = if more.contains(' ') { ", spaces inside" } else { "" };
    match fine {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(format!("it takes the name of {what}: 1 to 255 letters, digits and . _ -{spaces}")),
    }
}

/// The ARN of an IAM role of the stack's own account.
pub(super) fn own_role(arn: &str, place: &Place) -> Result<String, String> {
    let Place { partition, account, .. } = place;
    let path = arn.strip_prefix(&format!("arn:{partition}:iam::{account}:role/"));
    match path.is_some_and(is_path) {
        true => Ok(arn.to_owned()),
        false => Err(format!(
            "it takes the ARN of a role in the stack's own account, arn:{partition}:iam::{account}:role/NAME"
        )),
    }
}

/// The full ARN of somebody who may be given access: a role, a user, a session of a role, or a whole account. No wildcards:
/// whoever is let in is named.
pub(super) fn principal(arn: &str, place: &Place) -> Result<String, String> {
    let partition = &place.partition;
    let known = || {
        let (service, rest) = arn.strip_prefix(&format!("arn:{partition}:"))?.split_once("::")?;
        let (account, resource) = rest.split_once(':')?;
        let numbered = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        let (kind, path) = resource.split_once('/').unwrap_or((resource, ""));
        let fine = match (service, kind) {
            ("iam", "root") => resource == "root",
            ("iam", "role" | "user") => is_path(path),
            ("sts", "assumed-role") => is_path(path) && path.split('/').count() == 2,
            _ => false,
        };
        (numbered && fine).then(|| arn.to_owned())
    };
    known().ok_or_else(|| {
        format!(
            "each is a full ARN without wildcards: arn:{partition}:iam::ACCOUNT:role/NAME, …:user/NAME, …:root, or \
             arn:{partition}:sts::ACCOUNT:assumed-role/ROLE/SESSION"
        )
    })
}

/// A KMS key: its id, its ARN, an alias or the alias's ARN. Not one of AWS's own aliases, whose keys can't be shared.
pub(super) fn kms_key(text: &str, place: &Place) -> Result<String, String> {
    let named = match Place::of(text, "kms") {
        Err(_) => (!text.starts_with("arn:")).then_some(text),
        Ok((of_key, _)) if (&of_key.partition, &of_key.region) != (&place.partition, &place.region) => {
            return Err(format!("the key must be in the stack's own region, {}", place.region));
        }
        Ok((_, rest)) => {
            rest.strip_prefix("key/").filter(|id| is_key_id(id)).or(Some(rest).filter(|rest| is_alias(rest)))
        }
    };
    if text.len() > MAX_KEY {
        return Err(format!(
            "it takes at most {MAX_KEY} characters, as many as a tag has; the key's own ARN is short"
        ));
    }
    match named {
        Some(name) if name.starts_with("alias/aws/") => {
            Err("it takes a key of your own; those of alias/aws/ belong to AWS".to_owned())
        }
        Some(name) if is_key_id(name) || is_alias(name) => Ok(text.to_owned()),
        _ => Err("it takes the id of a KMS key, its ARN, alias/NAME or the ARN of an alias".to_owned()),
    }
}

/// A UUID, or `mrk-` and 32 hexadecimal digits.
fn is_key_id(text: &str) -> bool {
    let hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let parts: Vec<&str> = text.split('-').collect();
    match parts[..] {
        ["mrk", digits] => hex(digits, 32),
        [a, b, c, d, e] => hex(a, 8) && [b, c, d].into_iter().all(|part| hex(part, 4)) && hex(e, 12),
        _ => false,
    }
}

fn is_alias(text: &str) -> bool {
    text.strip_prefix("alias/").is_some_and(|name| {
        (1..=250).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "/_-".contains(c))
    })
}

/// The path and the name of something in IAM.
fn is_path(text: &str) -> bool {
    text.len() <= 576
        && text.split('/').all(|part| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
        })
}

/// `db.` and two or three plain parts. Which classes a region has is for RDS to say.
pub fn is_instance_class(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    text == crate::engine::SERVERLESS
        || text.strip_prefix("db.").is_some_and(|rest| {
            let parts: Vec<&str> = rest.split('.').collect();
            (2..=3).contains(&parts.len()) && parts.into_iter().all(part) && rest.len() <= 60
        })
}

/// The id of a VPC security group. Whether there is such a group is for RDS to say.
pub(crate) fn is_security_group(text: &str) -> bool {
    text.strip_prefix("sg-").is_some_and(|id| {
        (1..=60).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

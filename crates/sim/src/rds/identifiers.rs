//! Identifiers, ARNs, and the rules for names and passwords.

use super::refusal::Refusal;
use crate::rng::Rng;
use crate::world::Config;

/// The account and region that every ARN names.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    partition: String,
    region: String,
    account: String,
}

/// What an identifier parameter or a filter value names, in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A plain identifier, or the ARN of something of the wanted kind here.
    Here(String),
    /// An ARN of another account, region, partition or kind.
    Elsewhere,
}

impl Place {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            partition: config.partition.clone(),
            region: config.region.clone(),
            account: config.account.clone(),
        }
    }

    /// The ARN of a `cluster`, `db`, `subgrp`, ….
    pub(super) fn arn(&self, kind: &str, name: &str) -> String {
        format!("arn:{}:rds:{}:{}:{kind}:{name}", self.partition, self.region, self.account)
    }

    /// Reads an identifier or ARN.
    pub(super) fn named(&self, kind: &str, text: &str) -> Named {
        let text = text.to_ascii_lowercase();
        if !text.starts_with("arn:") {
            return Named::Here(text);
        }
        match text.strip_prefix(self.arn(kind, "").as_str()) {
            Some(id) => Named::Here(id.to_owned()),
            None => Named::Elsewhere,
        }
    }

    /// The name that an endpoint resolves by. `part` is `cluster-`, `cluster-ro-` or nothing.
    pub(super) fn endpoint(&self, id: &str, part: &str) -> String {
        format!("{id}.{part}c{}.{}.rds.amazonaws.com", self.account, self.region)
    }

    /// The first three zones.
    pub(super) fn zones(&self) -> [String; 3] {
        ["a", "b", "c"].map(|zone| format!("{}{zone}", self.region))
    }

    /// A KMS key as RDS reports it: an ARN.
    pub(super) fn key(&self, key: &str) -> Result<String, Refusal> {
        if key.contains("alias/") {
            return Err(Refusal::not_simulated("KmsKeyId as an alias"));
        }
        if key.is_empty() {
            return Err(Refusal::value("KmsKeyId must not be blank"));
        }
        if key.starts_with("arn:") {
            return Ok(key.to_owned());
        }
        Ok(self.key_arn(key))
    }

    fn key_arn(&self, key: &str) -> String {
        format!("arn:{}:kms:{}:{}:key/{key}", self.partition, self.region, self.account)
    }

    /// The key that AWS manages for a service here (`aws/rds`, `aws/secretsmanager`), as an ARN.
    pub(super) fn default_key(&self, service: &str) -> String {
        self.key_arn(match service {
            "rds" => "00000000-0000-4000-8000-000000000001",
            _ => "00000000-0000-4000-8000-000000000002",
        })
    }

    /// The ARN of a secret that RDS makes for a cluster.
    pub(super) fn secret(&self, uuid: &str, suffix: &str) -> String {
        let (partition, region, account) = (&self.partition, &self.region, &self.account);
        format!("arn:{partition}:secretsmanager:{region}:{account}:secret:rds!cluster-{uuid}-{suffix}")
    }
}

/// Checks a new identifier and brings it to lower case.
pub(super) fn new_identifier(parameter: &str, text: &str) -> Result<String, Refusal> {
    new_identifier_of(parameter, text, 63)
}

/// The same for an identifier of another length.
pub(super) fn new_identifier_of(parameter: &str, text: &str, most: usize) -> Result<String, Refusal> {
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic());
    let charset = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if text.len() > most || !starts || !charset || text.ends_with('-') || text.contains("--") {
        return Err(Refusal::value(format!(
            "The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; must not end with a hyphen or contain two consecutive hyphens; and must have at most {most} characters."
        )));
    }
    Ok(text.to_ascii_lowercase())
}

/// Checks a master password.
pub(super) fn check_password(password: &str) -> Result<(), Refusal> {
    if !(8..=41).contains(&password.len()) {
        return Err(Refusal::value(
            "The parameter MasterUserPassword is not a valid password because it is shorter than 8 or longer than 41 characters.",
        ));
    }
    if !password.bytes().all(|byte| (b' '..=b'~').contains(&byte) && !b"/\"@".contains(&byte)) {
        return Err(Refusal::value(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', '\"' may be used.",
        ));
    }
    Ok(())
}

/// An immutable resource id such as `cluster-` and 26 upper-case letters and digits.
pub(super) fn resource_id(rng: &mut Rng, kind: &str) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters: String = (0..26).map(|_| char::from(ALPHABET[(rng.next_u64() >> 59) as usize])).collect();
    format!("{kind}-{letters}")
}

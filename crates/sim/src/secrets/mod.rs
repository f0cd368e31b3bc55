//! Secrets Manager: secrets, their versions, resource policies and tags, and how a name stays blocked after a deletion.
//!
//! `api` reads the wire, `write`, `read`, `delete` and `policies` are its operations, `filter` is that of ListSecrets,
//! `audit` holds the product to the World's truth.

mod api;
mod audit;
mod delete;
mod filter;
mod policies;
mod read;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};

use crate::http::{Request, Response};
use crate::kms::Kms;
use crate::policy::{Access, Policy};
use crate::world::Context;

/// The secrets of the account.
#[derive(Debug)]
pub struct SecretsManager {
    /// How many seconds a name stays blocked after a deletion without recovery: drawn between these.
    pub force_delete_seconds: (u64, u64),
    /// How old the answer of ListSecrets is: what was made since is missing, what was deleted since is there.
    /// `None`: it is fresh by luck.
    pub stale_lists: Option<Duration>,
    /// The users and roles that exist, by ARN: a resource policy that names another is refused. `None`: all exist.
    pub known_principals: Option<BTreeSet<String>>,
    /// Every secret that ever was, in the order of creation.
    lives: Vec<Secret>,
    /// Nothing goes before that.
    quiet_until: Option<DateTime<Utc>>,
}

/// One secret, as it is or as it was in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its description.
    pub description: Option<String>,
    /// The key that it is to be encrypted with, as the caller named it; `None`: AWS's own.
    pub kms_key_id: Option<String>,
    /// Its resource policy, as it was given.
    pub policy: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its versions, oldest first.
    pub versions: Vec<Version>,
    /// The access key id of who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub changed_at: DateTime<Utc>,
    /// When its deletion was asked for.
    pub deleted_at: Option<DateTime<Utc>>,
    /// The deletion's date as AWS tells it: the end of the recovery window.
    pub deletion_date: Option<DateTime<Utc>>,
    /// When it was gone for good, and its name free again.
    pub gone_at: Option<DateTime<Utc>>,
    /// When it will be gone.
    gone_due: Option<DateTime<Utc>>,
}

/// One version of a secret's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its id: the token of the request that made it.
    pub id: String,
    /// The value.
    pub value: String,
    /// `AWSCURRENT`, `AWSPREVIOUS` or none.
    pub stage: Option<&'static str>,
    /// The ARN of the key that it is encrypted with.
    pub key: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Secret {
    /// The current value.
    pub fn value(&self) -> Option<&str> {
        self.staged("AWSCURRENT").map(|version| version.value.as_str())
    }

    fn staged(&self, stage: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.stage == Some(stage))
    }

    /// Makes a version the current one.
    fn push(&mut self, now: DateTime<Utc>, id: &str, value: &str, key: String) {
        for version in &mut self.versions {
            version.stage = (version.stage == Some("AWSCURRENT")).then_some("AWSPREVIOUS");
        }
        self.versions.push(Version {
            id: id.to_owned(),
            value: value.to_owned(),
            stage: Some("AWSCURRENT"),
            key,
            created_at: now,
        });
        self.changed_at = now;
    }
}

impl Default for SecretsManager {
    fn default() -> Self {
        Self {
            force_delete_seconds: (5, 30),
            stale_lists: None,
            known_principals: None,
            lives: Vec::new(),
            quiet_until: None,
        }
    }
}

impl SecretsManager {
    /// Handles a call.
    pub fn handle(&mut self, cx: &mut Context<'_>, kms: &mut Kms, request: &Request) -> Response {
        api::handle(self, cx, kms, request)
    }

    /// Lets everything happen that is due. Nobody else needs to be told, so it is no timer of the World's.
    pub fn settle(&mut self, now: DateTime<Utc>) {
        if self.quiet_until.is_none_or(|until| now < until) {
            return;
        }
        for secret in self.lives.iter_mut().filter(|secret| secret.gone_at.is_none()) {
            secret.gone_at = secret.gone_due.filter(|due| *due <= now);
        }
        self.quiet_until = self.iter().filter_map(|secret| secret.gone_due).min();
    }

    /// The secrets whose names are taken, in the order of creation; those that wait for their deletion too.
    pub fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.lives.iter().filter(|secret| secret.gone_at.is_none())
    }

    /// A secret whose name is taken, by name or ARN.
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        self.iter().find(|secret| secret.name == name || secret.arn == name)
    }

    /// Every secret that was ever made, in order.
    pub fn history(&self) -> &[Secret] {
        &self.lives
    }

    /// Whether a secret's resource policy by itself lets a principal read its current value. What it leaves to the
    /// account's own policies does not count, and a secret that waits for its deletion can't be read by anybody.
    pub fn may_read(&self, principal_arn: &str, name: &str) -> bool {
        let Some(secret) = self.secret(name).filter(|secret| secret.deleted_at.is_none()) else {
            return false;
        };
        let Some(policy) = secret.policy.as_deref().and_then(|text| Policy::parse(text).ok()) else {
            return false;
        };
        let action = "secretsmanager:GetSecretValue";
        policy.allows(Access { principal: principal_arn, action, resource: &secret.arn })
    }
}

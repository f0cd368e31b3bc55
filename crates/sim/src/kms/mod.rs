//! KMS: keys, their aliases, policies and tags, and how they go. Nothing is encrypted here.
//!
//! `api` reads the wire, `keys` and `aliases` are its operations, `find` knows the four ways to name a key, `audit`
//! holds the product to the World's truth.

mod aliases;
mod api;
mod audit;
mod find;
mod keys;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::http::{Request, Response};
use crate::policy::{Access, Policy};
use crate::world::Context;

pub(crate) use find::Unusable;

/// The aliases of AWS managed keys that every account has; the keys come with their first use.
pub const MANAGED_ALIASES: [&str; 2] = ["alias/aws/rds", "alias/aws/secretsmanager"];

/// The keys of the account.
#[derive(Debug, Default)]
pub struct Kms {
    /// The users and roles that exist, by ARN: a key policy that names another is refused. `None`: all exist.
    pub known_principals: Option<BTreeSet<String>>,
    /// Every key that ever was, in the order of creation.
    lives: Vec<Key>,
    /// Nothing goes before that.
    quiet_until: Option<DateTime<Utc>>,
}

/// The state of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It can be used.
    Enabled,
    /// It can't be used until it is enabled.
    Disabled,
    /// It can't be used, and will be gone.
    PendingDeletion,
}

impl KeyState {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::PendingDeletion => "PendingDeletion",
        }
    }
}

/// One key, as it is or as it was in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its description.
    pub description: String,
    /// Its state.
    pub state: KeyState,
    /// Its policy, as it was given.
    pub policy: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its aliases (`alias/…`) and when each was made.
    pub aliases: BTreeMap<String, DateTime<Utc>>,
    /// Whether AWS manages it.
    pub is_managed: bool,
    /// The access key id of who made it; empty for an AWS managed key.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it will be deleted, or was, if that is scheduled.
    pub deletion_date: Option<DateTime<Utc>>,
    /// When it was gone for good.
    pub gone_at: Option<DateTime<Utc>>,
}

impl Kms {
    /// Handles a call.
    pub fn handle(&mut self, cx: &mut Context<'_>, request: &Request) -> Response {
        api::handle(self, cx, request)
    }

    /// Lets everything happen that is due. Nobody else needs to be told, so it is no timer of the World's.
    pub fn settle(&mut self, now: DateTime<Utc>) {
        if self.quiet_until.is_none_or(|until| now < until) {
            return;
        }
        for key in self.lives.iter_mut().filter(|key| key.gone_at.is_none()) {
            key.gone_at = key.deletion_date.filter(|date| *date <= now);
        }
        self.quiet_until = self.keys().filter_map(|key| key.deletion_date).min();
    }

    /// The keys that exist, in the order of creation; those that wait for their deletion too.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.lives.iter().filter(|key| key.gone_at.is_none())
    }

    /// A key that exists, by id, ARN or alias (`alias/…`).
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys().find(|key| key.id == name || key.arn == name || key.aliases.contains_key(name))
    }

    /// Every key that was ever made, in order.
    pub fn history(&self) -> &[Key] {
        &self.lives
    }

    /// Whether a key's policy by itself lets a principal do something, e.g. `kms:Decrypt`, with it. What the policy
    /// leaves to the account's own policies does not count.
    pub fn may(&self, principal: &str, action: &str, key: &str) -> bool {
        let Some(key) = self.key(key) else { return false };
        Policy::parse(&key.policy)
            .is_ok_and(|policy| policy.allows(Access { principal, action, resource: &key.arn }))
    }
}

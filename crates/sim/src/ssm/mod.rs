//! SSM Parameter Store: what an operator writes a configuration into, and the product reads it from.
//!
//! `api` reads the wire. Parameters have no history here: only the latest version can be asked for.

mod api;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::http::{Request, Response};
use crate::world::{Config, Context};

/// The most bytes that a value of the standard tier may have.
const STANDARD_LIMIT: usize = 4096;
/// The same of the advanced tier.
const ADVANCED_LIMIT: usize = 8192;

/// The parameters of the account.
#[derive(Debug, Default)]
pub struct Ssm {
    now: DateTime<Utc>,
    parameters: BTreeMap<String, Parameter>,
}

/// One parameter in its latest version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, with the leading slash if it is in a hierarchy.
    pub name: String,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// Its value.
    pub value: String,
    /// Which version it is, from 1.
    pub version: u64,
    /// `Standard` or `Advanced`.
    pub tier: String,
    /// When this version was made.
    pub modified_at: DateTime<Utc>,
    /// The access key id of who made the first version; empty for one made by hand.
    pub created_by: String,
}

impl Ssm {
    /// An account without parameters.
    pub fn new(config: &Config) -> Self {
        Self { now: config.start, parameters: BTreeMap::new() }
    }

    /// Handles a call.
    pub fn handle(&mut self, cx: &mut Context<'_>, request: &Request) -> Response {
        api::handle(self, cx, request)
    }

    /// Takes note of the time: what is put by hand later was put then.
    pub fn settle(&mut self, now: DateTime<Utc>) {
        self.now = self.now.max(now);
    }

    /// Puts a text, as an operator would: a new parameter, or a new version of one. No limit applies.
    pub fn put(&mut self, name: &str, value: &str) {
        let tier = if value.len() > STANDARD_LIMIT { "Advanced" } else { "Standard" };
        self.store("", name, "String", value, tier);
    }

    /// Takes a parameter away; one of the same name begins with version 1 again. Whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.parameters.remove(name).is_some()
    }

    /// A parameter, by its name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.get(name)
    }

    /// All parameters, in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.values()
    }

    /// Keeps a new version, and returns it.
    fn store(&mut self, principal: &str, name: &str, kind: &str, value: &str, tier: &str) -> &Parameter {
        let now = self.now;
        let parameter = self.parameters.entry(name.to_owned()).or_insert_with(|| Parameter {
            name: name.to_owned(),
            kind: String::new(),
            value: String::new(),
            version: 0,
            tier: String::new(),
            modified_at: now,
            created_by: principal.to_owned(),
        });
        kind.clone_into(&mut parameter.kind);
        value.clone_into(&mut parameter.value);
        tier.clone_into(&mut parameter.tier);
        parameter.version += 1;
        parameter.modified_at = now;
        parameter
    }
}

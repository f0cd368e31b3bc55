//! The four ways to name a key: its id, its ARN, an alias, and the alias's ARN.

use std::collections::BTreeMap;

use super::{Key, KeyState, Kms, MANAGED_ALIASES};
use crate::http::Response;
use crate::json::{Members, error};
use crate::world::{Config, Context};

/// Why another service can't use a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    Unknown,
    Disabled,
    PendingDeletion,
}

impl Unusable {
    /// What KMS calls it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Unknown => "NotFoundException",
            Self::Disabled => "DisabledException",
            Self::PendingDeletion => "KMSInvalidStateException",
        }
    }
}

impl Kms {
    /// The ARN of a key that another service wants to encrypt or decrypt with; an AWS managed key comes into being.
    pub(crate) fn usable(&mut self, cx: &mut Context<'_>, name: &str) -> Result<String, Unusable> {
        let number = self.any(cx, name).map_err(|_| Unusable::Unknown)?;
        let key = self.lives.get(number).ok_or(Unusable::Unknown)?;
        match key.state {
            KeyState::Enabled => Ok(key.arn.clone()),
            KeyState::Disabled => Err(Unusable::Disabled),
            KeyState::PendingDeletion => Err(Unusable::PendingDeletion),
        }
    }

    /// The key that the member `KeyId` means, named in any way.
    pub(super) fn described(&mut self, cx: &mut Context<'_>, members: &Members) -> Result<&Key, Response> {
        let name = members.required("KeyId", 1, 2048)?;
        let number = self.any(cx, name)?;
        self.lives.get(number).ok_or_else(|| no_key(cx.config, name))
    }

    /// The key that a member means where no alias will do.
    pub(super) fn named(&self, config: &Config, name: &str) -> Result<&Key, Response> {
        let number = self.plain(config, name)?;
        self.lives.get(number).ok_or_else(|| no_key(config, name))
    }

    /// The key that the member `KeyId` means, to change it: no alias will do, and AWS's own keys are AWS's.
    pub(super) fn owned(
        &mut self,
        config: &Config,
        members: &Members,
        name: &str,
    ) -> Result<&mut Key, Response> {
        let name = members.required(name, 1, 2048)?;
        let number = self.plain(config, name)?;
        let key = self.lives.get_mut(number).ok_or_else(|| no_key(config, name))?;
        if key.is_managed {
            return Err(error(
                "AccessDeniedException",
                &format!("the policy of {}, an AWS managed key, allows nobody to do this", key.arn),
            ));
        }
        Ok(key)
    }

    fn any(&mut self, cx: &mut Context<'_>, name: &str) -> Result<usize, Response> {
        let alias = match name.strip_prefix(&alias_arn(cx.config, "")) {
            Some(rest) if name.starts_with("arn:") => rest,
            _ => name,
        };
        if !alias.starts_with("alias/") {
            return self.plain(cx.config, name);
        }
        if let Some(number) = self.position(|key| key.aliases.contains_key(alias)) {
            return Ok(number);
        }
        if MANAGED_ALIASES.contains(&alias) {
            return Ok(self.manage(cx, alias));
        }
        Err(error("NotFoundException", &format!("Alias {} is not found.", alias_arn(cx.config, alias))))
    }

    fn plain(&self, config: &Config, name: &str) -> Result<usize, Response> {
        let id = match name.strip_prefix("arn:") {
            None => name,
            Some(_) => name
                .split_once(":key/")
                .map(|(_, id)| id)
                .ok_or_else(|| error("InvalidArnException", &format!("Invalid arn {name}")))?,
        };
        if id == name && !is_id(id) {
            return Err(error("NotFoundException", &format!("Invalid keyId '{id}'")));
        }
        let found = self.position(|key| key.id == id && (id == name || key.arn == name));
        found.ok_or_else(|| no_key(config, name))
    }

    fn position(&self, is_it: impl Fn(&Key) -> bool) -> Option<usize> {
        self.lives.iter().position(|key| key.gone_at.is_none() && is_it(key))
    }

    /// Makes the AWS managed key behind an alias.
    fn manage(&mut self, cx: &mut Context<'_>, alias: &str) -> usize {
        let id = cx.rng.uuid();
        let service = alias.rsplit('/').next().unwrap_or_default();
        self.lives.push(Key {
            arn: key_arn(cx.config, &id),
            id,
            description: format!("Default key that protects my data of {service}"),
            state: KeyState::Enabled,
            policy: default_policy(cx.config),
            tags: BTreeMap::new(),
            aliases: BTreeMap::from([(alias.to_owned(), cx.now)]),
            is_managed: true,
            created_by: String::new(),
            created_at: cx.now,
            deletion_date: None,
            gone_at: None,
        });
        self.lives.len() - 1
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn no_key(config: &Config, name: &str) -> Response {
    let arn = if name.starts_with("arn:") { name.to_owned() } else { key_arn(config, name) };
    error("NotFoundException", &format!("Key '{arn}' does not exist"))
}

pub(super) fn key_arn(config: &Config, id: &str) -> String {
    let Config { partition, region, account, .. } = config;
    format!("arn:{partition}:kms:{region}:{account}:key/{id}")
}

/// The ARN of an alias, whose name begins with `alias/`.
pub(super) fn alias_arn(config: &Config, alias: &str) -> String {
    let Config { partition, region, account, .. } = config;
    format!("arn:{partition}:kms:{region}:{account}:{alias}")
}

/// The policy of a key that was made without one: it leaves everything to the account's own policies.
pub(super) fn default_policy(config: &Config) -> String {
    let Config { partition, account, .. } = config;
    let root = format!("arn:{partition}:iam::{account}:root");
    format!(
        r#"{{"Version":"2012-10-17","Id":"key-default-1","Statement":[{{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{{"AWS":"{root}"}},"Action":"kms:*","Resource":"*"}}]}}"#
    )
}

//! The operator's settings, which no template author can change.

use chrono::Duration;
use thiserror::Error;

use crate::duration::parse_duration;
use crate::limits::{Limits, Patterns};
use crate::names::env;

/// The documented limit of copy-on-write clones per source volume (Aurora User Guide, "Cloning a volume").
pub const CLONE_LIMIT: u32 = 15;

/// What the operator decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The manager's name; clusters of other managers are strangers.
    pub manager: String,
    /// What our identifiers begin with.
    pub name_prefix: String,
    /// Copy-on-write clones per source volume.
    pub limit: u32,
    /// Slots per source that stay free: cluster exports, blue/green deployments and major upgrades of Aurora
    /// PostgreSQL clone as well.
    pub margin: u32,
    /// The oldest data that a copy may have to be cloned.
    pub max_copy_age: Duration,
    /// The resource type that templates use.
    pub resource_type: String,
    /// How long a full copy takes: one is begun for a Create only if that much of its time is left.
    pub full_copy_time: Duration,
    /// The longest lease, and the lease of clones that ask for none; `None`: no limit, and no lease.
    pub max_lease: Option<Duration>,
    /// What the names of secrets begin with.
    pub secret_prefix: String,
    /// The KMS key of secrets whose template names none; `None`: the account's `aws/secretsmanager`.
    pub default_key: Option<String>,
    /// What templates may ask for.
    pub limits: Limits,
}

/// A setting that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the environment variable {name} is {value:?}: {wanted}")]
pub struct BadSetting {
    name: &'static str,
    value: String,
    wanted: &'static str,
}

impl Settings {
    /// Reads the settings through `variable`, which looks up an environment variable; empty is as good as absent, except
    /// for the prefix.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, BadSetting> {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let number = |name: &'static str, default: u32, low: u32, wanted: &'static str| match given(name) {
            None => Ok(default),
            Some(value) => match value.parse::<u32>() {
                Ok(number) if (low..=CLONE_LIMIT).contains(&number) => Ok(number),
                _ => Err(BadSetting { name, value, wanted }),
            },
        };
        let manager = given(env::MANAGER).unwrap_or_default();
        if manager.is_empty()
            || manager.len() > 128
            || !manager.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        {
            let wanted = "it takes 1 to 128 letters, digits and hyphens: the name of the manager's stack";
            return Err(BadSetting { name: env::MANAGER, value: manager, wanted });
        }
        let name_prefix = variable(env::NAME_PREFIX).unwrap_or_else(|| "clone-".to_owned());
        let fine = name_prefix.is_empty()
            || (name_prefix.len() <= 30
                && name_prefix.starts_with(|c: char| c.is_ascii_lowercase())
                && name_prefix.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                && !name_prefix.contains("--"));
        if !fine {
            let wanted = "it takes at most 30 lower-case letters, digits and single hyphens, a letter first";
            return Err(BadSetting { name: env::NAME_PREFIX, value: name_prefix, wanted });
        }
        let limit = number(env::MAX_CLONES_PER_SOURCE, CLONE_LIMIT, 1, "it takes a number from 1 to 15")?;
        let margin =
            number(env::SLOT_MARGIN, 1, 0, "it takes a number from 0 to one below MAX_CLONES_PER_SOURCE")?;
        if margin >= limit {
            let wanted = "it takes a number from 0 to one below MAX_CLONES_PER_SOURCE";
            return Err(BadSetting { name: env::SLOT_MARGIN, value: margin.to_string(), wanted });
        }
        let duration = |name: &'static str, value: String| {
            let wanted = "it takes an ISO 8601 duration such as P3D or PT20M";
            parse_duration(&value).map_err(|_| BadSetting { name, value, wanted })
        };
        let or = |name: &str, default: &str| given(name).unwrap_or_else(|| default.to_owned());
        let max_copy_age = duration(env::MAX_COPY_AGE, or(env::MAX_COPY_AGE, "P3D"))?;
        let full_copy_time = duration(env::FULL_COPY_TIME, or(env::FULL_COPY_TIME, "PT3H"))?;
        let max_lease = given(env::MAX_LEASE).map(|value| duration(env::MAX_LEASE, value)).transpose()?;
        let secret_prefix = or(env::DEFAULT_SECRET_PREFIX, "/aurora-clone-manager/");
        if !is_secret_name(&secret_prefix) || secret_prefix.len() > MAX_SECRET_PREFIX {
            let wanted = "it takes at most 180 letters, digits and / _ + = . @ -";
            return Err(BadSetting { name: env::DEFAULT_SECRET_PREFIX, value: secret_prefix, wanted });
        }
        let patterns = |name: &str| given(name).map(|text| Patterns::parse(&text));
        let everything = |name: &str| patterns(name).unwrap_or_else(Patterns::everything);
        let source_password = match or(env::ALLOW_SOURCE_PASSWORD, "false").as_str() {
            "true" => true,
            "false" => false,
            other => {
                let (name, wanted) = (env::ALLOW_SOURCE_PASSWORD, "it takes true or false");
                return Err(BadSetting { name, value: other.to_owned(), wanted });
            }
        };
        let limits = Limits {
            sources: everything(env::ALLOWED_SOURCES),
            principals: patterns(env::ALLOWED_PRINCIPALS),
            subnet_groups: everything(env::ALLOWED_SUBNET_GROUPS),
            security_groups: everything(env::ALLOWED_SECURITY_GROUPS),
            instance_classes: everything(env::ALLOWED_INSTANCE_CLASSES),
            source_password,
        };
        let resource_type =
            given(env::CUSTOM_RESOURCE_TYPE).unwrap_or_else(|| "Custom::AuroraClone".to_owned());
        let default_key = given(env::DEFAULT_PASSWORD_SECRET_KMS_KEY_ID);
        Ok(Self {
            manager,
            name_prefix,
            limit,
            margin,
            max_copy_age,
            resource_type,
            full_copy_time,
            max_lease,
            secret_prefix,
            default_key,
            limits,
        })
    }
}

/// The longest prefix of a secret's name: its clone names it in a tag, which takes 256 characters, and its own part needs 76, an
/// identifier and a hash.
pub const MAX_SECRET_PREFIX: usize = 180;

/// Whether Secrets Manager takes a text in a secret's name (API reference, CreateSecret).
pub fn is_secret_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, BadSetting> {
        Settings::read(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn defaults() {
        let settings = read(&[(env::MANAGER, "manager")]).expect("defaults");
        assert_eq!((settings.limit, settings.margin, settings.name_prefix.as_str()), (15, 1, "clone-"));
        assert_eq!(settings.max_copy_age, Duration::days(3));
        assert_eq!(settings.resource_type, "Custom::AuroraClone");
        assert_eq!((settings.full_copy_time, settings.max_lease), (Duration::hours(3), None));
        assert_eq!(settings.secret_prefix, "/aurora-clone-manager/");
        assert_eq!((settings.default_key, settings.limits), (None, Limits::default()));
    }

    #[test]
    fn every_bad_setting_is_named() {
        for (name, value) in [
            (env::MANAGER, ""),
            (env::MANAGER, "a b"),
            (env::NAME_PREFIX, "Clone-"),
            (env::NAME_PREFIX, "1-"),
            (env::NAME_PREFIX, "a--"),
            (env::MAX_CLONES_PER_SOURCE, "0"),
            (env::MAX_CLONES_PER_SOURCE, "16"),
            (env::MAX_CLONES_PER_SOURCE, "many"),
            (env::SLOT_MARGIN, "15"),
            (env::SLOT_MARGIN, "-1"),
            (env::MAX_COPY_AGE, "3"),
            (env::FULL_COPY_TIME, "soon"),
            (env::MAX_LEASE, "P"),
            (env::DEFAULT_SECRET_PREFIX, "a b"),
            (env::ALLOW_SOURCE_PASSWORD, "True"),
        ] {
            let mut pairs = vec![(name, value)];
            if name != env::MANAGER {
                pairs.push((env::MANAGER, "manager"));
            }
            let error = read(&pairs).expect_err(value).to_string();
            assert!(error.contains(name), "{error}");
        }
        assert_eq!(
            read(&[(env::MANAGER, "m"), (env::NAME_PREFIX, "")]).map(|s| s.name_prefix),
            Ok(String::new())
        );
    }
}

//! The operator's settings, which no template author can change.

use chrono::Duration;
use thiserror::Error;

use crate::duration::parse_duration;
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
        let age = given(env::MAX_COPY_AGE).unwrap_or_else(|| "P3D".to_owned());
        let max_copy_age = parse_duration(&age).map_err(|_| BadSetting {
            name: env::MAX_COPY_AGE,
            value: age.clone(),
            wanted: "it takes an ISO 8601 duration such as P3D",
        })?;
        let resource_type =
            given(env::CUSTOM_RESOURCE_TYPE).unwrap_or_else(|| "Custom::AuroraClone".to_owned());
        Ok(Self { manager, name_prefix, limit, margin, max_copy_age, resource_type })
    }
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

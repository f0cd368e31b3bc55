//! Properties of the clone as such: what it is made from, what it is called, how long it lives, and how the request is handled.

use chrono::Duration;
use serde_json::Value;

use super::read::{Reader, scalar};
use super::{OnNoSlot, SERVICE_TIMEOUT, seconds};
use crate::arn;
use crate::duration::for_people;
use crate::identifier;
use crate::names::env;
use crate::slots::Freshness;
use crate::tags::{self, Tags};

/// The least `ServiceTimeout` that a clone can be made in, in seconds.
const MIN_SERVICE_TIMEOUT: i64 = 300;

/// The shortest lease: less is over before anybody has used the clone.
const MIN_LEASE: Duration = Duration::hours(1);

impl Reader<'_> {
    pub fn source(&mut self) -> Option<String> {
        const NAME: &str = "SourceClusterId";
        if self.raw(NAME).is_none() {
            self.wrong(NAME, "it is needed: the identifier or the ARN of the cluster to clone");
            return None;
        }
        let (place, limits) = (self.place, &self.settings.limits);
        self.text(NAME, |text| {
            let identifier = match arn::cluster(text) {
                None if text.starts_with("arn:") => return Err("it is not the ARN of a cluster".to_owned()),
                None => text,
                Some((other, identifier)) if other == *place => identifier,
                Some(_) => {
                    return Err(format!(
                        "the cluster to clone must be in the stack's own account and region, {} in {}",
                        place.account, place.region
                    ));
                }
            };
            let identifier = identifier.to_ascii_lowercase();
            identifier::validate(&identifier).map_err(|error| error.to_string())?;
            limits.source(&identifier)?;
            Ok(identifier)
        })
    }

    pub fn cluster_id(&mut self) -> Option<String> {
        let prefix = self.settings.name_prefix.as_str();
        self.text("ClusterId", |text| {
            identifier::validate(text).map_err(|error| error.to_string())?;
            if !text.starts_with(prefix) {
                return Err(format!(
                    "it must begin with {prefix:?}, the operator's name prefix {}: the manager may touch nothing else",
                    env::NAME_PREFIX
                ));
            }
            Ok(text.to_owned())
        })
    }

    pub fn on_no_slot(&mut self) -> OnNoSlot {
        let old = self.text("CopyOk", |text| match text {
            "true" => Ok(OnNoSlot::Copy),
            "false" => Ok(OnNoSlot::Fail),
            _ => Err("it takes true (make a full copy) or false (fail)".to_owned()),
        });
        let new = self.text("OnNoSlot", |text| match text {
            "Copy" => Ok(OnNoSlot::Copy),
            "Wait" => Ok(OnNoSlot::Wait),
            "Fail" => Ok(OnNoSlot::Fail),
            _ => Err("it takes Copy, Wait or Fail".to_owned()),
        });
        if old.is_some() && new.is_some() && old != new {
            let why = "CopyOk is the old name of OnNoSlot, give one of them";
            self.contradiction("CopyOk", "OnNoSlot", why);
        }
        new.or(old).unwrap_or(OnNoSlot::Fail)
    }

    pub fn freshness(&mut self) -> Freshness {
        let limit = self.settings.max_copy_age;
        let created_since = self.time("CopyCreatedSince");
        let age = self.duration("MaxCopyAge").unwrap_or(limit);
        Freshness { created_since, max_age: Some(age.min(limit)) }
    }

    pub fn lease(&mut self) -> Option<Duration> {
        const NAME: &str = "ExpiresAfter";
        let lease = self.duration(NAME)?;
        if lease < MIN_LEASE {
            self.wrong(NAME, "it takes at least an hour, PT1H");
        }
        if let Some(limit) = self.settings.max_lease.filter(|limit| lease > *limit) {
            let limit = for_people(limit);
            self.wrong(
                NAME,
                format!("it is longer than the operator's limit {}, which is {limit}", env::MAX_LEASE),
            );
        }
        Some(lease)
    }

    pub fn description(&mut self) -> Option<String> {
        const NAME: &str = "Description";
        self.text(NAME, |text| match tags::validate_value(NAME, text) {
            Ok(()) => Ok(text.to_owned()),
            Err(problem) => Err(problem.to_string()),
        })
    }

    pub fn tags(&mut self) -> Tags {
        const NAME: &str = "Tags";
        let mut tags = Tags::new();
        let mut add = |key: Option<&str>, value: Option<&Value>| match (key, value.and_then(scalar)) {
            (Some(key), Some(value)) => tags.insert(key.to_owned(), value.into_owned()).is_none(),
            _ => false,
        };
        let fine = match self.raw(NAME) {
            None => true,
            Some(Value::Object(map)) => map.iter().all(|(key, value)| add(Some(key), Some(value))),
            Some(Value::Array(list)) => list.iter().all(|item| {
                let key = item.get("Key").and_then(scalar);
                item.as_object().is_some_and(|o| o.len() == 2) && add(key.as_deref(), item.get("Value"))
            }),
            Some(_) => false,
        };
        if !fine {
            self.wrong(NAME, "it takes a map of texts, or a list of {Key, Value}, each key once");
        } else if let Err(problem) = tags::validate(&tags) {
            self.wrong(NAME, problem.to_string());
        }
        tags
    }

    /// Checks what is about the request and not about the clone; a Delete reads it again, leniently.
    pub fn of_the_request(&mut self) {
        self.boolean("FinalSnapshot");
        if let Some(value) = self.raw("ServiceTimeout")
            && !seconds(value).is_some_and(|s| (MIN_SERVICE_TIMEOUT..=SERVICE_TIMEOUT).contains(&s))
        {
            self.wrong("ServiceTimeout", "it takes 300 to 3600 seconds: a clone takes minutes");
        }
    }
}

//! The properties of a `Custom::AuroraClone`, from the strings that CloudFormation makes of everything.
//!
//! CloudFormation turns `true` into "true" and 14 into "14" before a custom resource sees them. Everything that is wrong
//! is reported at once, each with the property's name, its value and what would be right.

use chrono::Duration;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::arn::{self, Place};
use crate::duration::{format_time, parse_duration, parse_time};
use crate::event::shown;
use crate::hash;
use crate::identifier;
use crate::settings::Settings;
use crate::slots::Freshness;
use crate::tags::{self, Tags};

/// How long CloudFormation waits for an answer when the template does not say, and at most, in seconds.
pub const SERVICE_TIMEOUT: i64 = 3_600;

/// What to do when no source has a free slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnNoSlot {
    /// Make the database itself a full copy: hours and full price.
    Copy,
    /// Wait for a slot as long as CloudFormation waits.
    Wait,
    /// Say so at once.
    Fail,
}

/// What a stack asks for. What it does not ask for is `None` (or empty), and is decided when the source is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Properties {
    /// The identifier of the cluster to clone.
    pub source: String,
    /// The identifier that the clone must have, if the author wants a certain one.
    pub cluster_id: Option<String>,
    /// Whether another identifier is made of that one where it is taken.
    pub no_fail_on_existing: bool,
    /// What to do when there is no slot.
    pub on_no_slot: OnNoSlot,
    /// What a copy's data must be like. Its age limit is the template's or the operator's, whichever is less.
    pub freshness: Freshness,
    /// Whether copies that are too old for the operator are marked for the maintainer to purge.
    pub purge_obsolete_copies: bool,
    /// The author's tags.
    pub tags: Tags,
    /// What its author says about the clone.
    pub description: Option<String>,
    /// How long it may live; at most the operator's `MAX_LEASE`.
    pub lease: Option<Duration>,
    /// How its password is kept.
    pub password: PasswordWish,
    /// How the cluster is to be set up.
    pub cluster: ClusterWish,
    /// How the instances are to be set up.
    pub instances: InstanceWish,
    /// A hash of all properties as they came, but for those of the request.
    pub hash: String,
}

/// How a clone's password is to be kept. `SetPassword` and `ManageMasterUserPassword` exclude each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PasswordWish {
    /// `SetPassword`: a password of its own in a secret of ours; `None` is the default, which is to have one unless RDS
    /// manages it.
    pub set: Option<bool>,
    /// `ManageMasterUserPassword`: RDS keeps the password in a secret of its own.
    pub managed: Option<bool>,
    /// `KmsKeyId`: the key of the secret, ours or RDS's.
    pub key: Option<String>,
    /// `ForceCreateKmsKey`: a key is made for this clone.
    pub make_key: Option<bool>,
    /// `SecretPrefix`, or the predecessor's `SecretpPrefix`.
    pub prefix: Option<String>,
    /// `AccessPrincipalArns`, in order, each once.
    pub principals: Vec<String>,
}

/// How a cluster is to be set up; lists in order, each item once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClusterWish {
    /// `DBSubnetGroupName`
    pub subnet_group: Option<String>,
    /// `Port`, 1150 to 65535.
    pub port: Option<i32>,
    /// `NetworkType`: `IPV4` or `DUAL`.
    pub network_type: Option<String>,
    /// `VpcSecurityGroupIds`, at least one.
    pub security_groups: Option<Vec<String>>,
    /// `DBClusterParameterGroupName`
    pub parameter_group: Option<String>,
    /// `StorageType`: `aurora` or `aurora-iopt1`.
    pub storage_type: Option<String>,
    /// `EnableIAMDatabaseAuthentication`
    pub iam_authentication: Option<bool>,
    /// `EnableCloudwatchLogsExports`; an empty list is none.
    pub log_exports: Option<Vec<String>>,
    /// `DeletionProtection`
    pub deletion_protection: Option<bool>,
    /// `BackupRetentionPeriod`, 1 to 35 days.
    pub backup_retention: Option<i32>,
    /// `AssociatedRoles`; an empty list is none.
    pub roles: Option<Vec<AssociatedRole>>,
    /// `EngineLifecycleSupport`
    pub engine_lifecycle_support: Option<String>,
    /// `ServerlessV2ScalingConfiguration`
    pub capacity: Option<Capacity>,
}

/// How instances are to be set up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstanceWish {
    /// `InstanceClass`; `None` is `auto`.
    pub class: Option<String>,
    /// `InstanceCount`, 1 to 16.
    pub count: Option<u32>,
    /// `DBParameterGroupName`
    pub parameter_group: Option<String>,
    /// `EnablePerformanceInsights`
    pub performance_insights: Option<bool>,
    /// `PerformanceInsightsRetentionPeriod`, in days: 7, a multiple of 31 up to 713, or 731.
    pub performance_insights_retention: Option<i32>,
    /// `PerformanceInsightsKMSKeyId`
    pub performance_insights_key: Option<String>,
    /// `MonitoringInterval`, in seconds: 0, 1, 5, 10, 15, 30 or 60.
    pub monitoring_interval: Option<i32>,
    /// `MonitoringRoleArn`
    pub monitoring_role: Option<String>,
}

/// One thing that is wrong with the properties.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadProperty {
    /// A value that can't be used.
    #[error("{name} is {value}: {wanted}")]
    Value {
        /// The property.
        name: &'static str,
        /// What it is, as it came.
        value: String,
        /// What would be right.
        wanted: String,
    },
    /// A property that nobody knows.
    #[error("{0:?} is not a property of this resource; the nearest is {1}")]
    Unknown(String, &'static str),
    /// Two properties that contradict each other.
    #[error(
        "CopyOk is {copy_ok} and OnNoSlot is {on_no_slot}: CopyOk is the old name of OnNoSlot, give one of them"
    )]
    Contradiction {
        /// `CopyOk`, as it came.
        copy_ok: String,
        /// `OnNoSlot`, as it came.
        on_no_slot: String,
    },
}

/// Everything that is wrong with the properties, in one text.
pub fn describe(problems: &[BadProperty]) -> String {
    problems.iter().map(BadProperty::to_string).collect::<Vec<_>>().join("; ")
}

impl Properties {
    /// Reads the `ResourceProperties` of a Create or Update.
    pub fn parse(value: &Value, place: &Place, settings: &Settings) -> Result<Self, Vec<BadProperty>> {
        let empty = Map::new();
        let Some(map) = value.as_object().or_else(|| value.is_null().then_some(&empty)) else {
            let (name, wanted) = ("ResourceProperties", "it takes a map of properties".to_owned());
            return Err(vec![BadProperty::Value { name, value: shown(Some(value)), wanted }]);
        };
        let mut reader = Reader { map, problems: Vec::new() };
        for name in map.keys().filter(|name| !KNOWN.contains(&name.as_str())) {
            reader.problems.push(BadProperty::Unknown(name.chars().take(80).collect(), nearest(name)));
        }
        let source = reader.source(place);
        let cluster_id = reader.cluster_id(&settings.name_prefix);
        let instance_class = reader.instance_class();
        let on_no_slot = reader.on_no_slot();
        let created_since =
            reader.text("CopyCreatedSince", |text| parse_time(text).map_err(|e| e.to_string()));
        let age = reader.text("MaxCopyAge", |text| parse_duration(text).map_err(|e| e.to_string()));
        let tags = reader.tags();
        reader.service_timeout();
        match (source, reader.problems.is_empty()) {
            (Some(source), true) => Ok(Self {
                source,
                cluster_id,
                instance_class: instance_class.flatten(),
                on_no_slot,
                freshness: Freshness {
                    created_since,
                    max_age: Some(age.unwrap_or(settings.max_copy_age).min(settings.max_copy_age)),
                },
                tags,
            }),
            _ => Err(reader.problems),
        }
    }

    /// A hash of everything that says what the finished database is; how a slot was found is not part of it.
    pub fn fingerprint(&self) -> String {
        let class = self.instance_class.as_deref().unwrap_or("auto");
        let since = self.freshness.created_since.map(format_time).unwrap_or_default();
        let mut parts =
            vec![self.source.as_str(), self.cluster_id.as_deref().unwrap_or_default(), class, &since];
        parts.extend(self.tags.iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]));
        hash::short(&parts, 20)
    }
}

/// How long CloudFormation waits for the answer to this event; the default where the property can't be read.
pub fn service_timeout(properties: &Value) -> Duration {
    let given = properties.get("ServiceTimeout").and_then(seconds);
    Duration::seconds(given.filter(|s| (1..=SERVICE_TIMEOUT).contains(s)).unwrap_or(SERVICE_TIMEOUT))
}

/// The source's identifier in the properties of a Delete, which are read as far as they can be.
pub fn source_leniently(properties: &Value) -> Option<String> {
    let text = properties.get("SourceClusterId")?.as_str()?;
    let identifier = arn::cluster(text).map_or(text, |(_, identifier)| identifier).to_ascii_lowercase();
    identifier::validate(&identifier).ok()?;
    Some(identifier)
}

fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn nearest(name: &str) -> &'static str {
    let distance = |known: &str| {
        strsim::damerau_levenshtein(
            &name.chars().take(80).collect::<String>().to_lowercase(),
            &known.to_lowercase(),
        )
    };
    KNOWN.into_iter().min_by_key(|known| distance(known)).unwrap_or(KNOWN[0])
}

struct Reader<'a> {
    map: &'a Map<String, Value>,
    problems: Vec<BadProperty>,
}

impl Reader<'_> {
    fn wrong(&mut self, name: &'static str, wanted: impl Into<String>) {
        let value = shown(self.map.get(name));
        self.problems.push(BadProperty::Value { name, value, wanted: wanted.into() });
    }

    /// A property that is a text; `None` when it is absent, or wrong and reported.
    fn text<T>(&mut self, name: &'static str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let value = self.map.get(name)?;
        let result = match value.as_str() {
            Some("") => Err("it is empty; leave it out, or give it a value".to_owned()),
            Some(text) => read(text),
            None => Err("it takes a text".to_owned()),
        };
        match result {
            Ok(value) => Some(value),
            Err(wanted) => {
                self.wrong(name, wanted);
                None
            }
        }
    }

    fn source(&mut self, place: &Place) -> Option<String> {
        const NAME: &str = "SourceClusterId";
        if !self.map.contains_key(NAME) {
            self.wrong(NAME, "it is needed: the identifier or the ARN of the cluster to clone");
            return None;
        }
        let place = place.clone();
        self.text(NAME, move |text| {
            let identifier = match arn::cluster(text) {
                None if text.starts_with("arn:") => return Err("it is not the ARN of a cluster".to_owned()),
                None => text,
                Some((other, identifier)) if other == place => identifier,
                Some(_) => {
                    return Err(format!(
                        "the cluster to clone must be in the stack's own account and region, {} in {}",
                        place.account, place.region
                    ));
                }
            };
            let identifier = identifier.to_ascii_lowercase();
            identifier::validate(&identifier).map_err(|error| error.to_string())?;
            Ok(identifier)
        })
    }

    fn cluster_id(&mut self, prefix: &str) -> Option<String> {
        self.text("ClusterId", |text| {
            identifier::validate(text).map_err(|error| error.to_string())?;
            if !text.starts_with(prefix) {
                return Err(format!(
                    "it must begin with {prefix:?}, the operator's name prefix: the manager may touch nothing else"
                ));
            }
            Ok(text.to_owned())
        })
    }

    fn instance_class(&mut self) -> Option<Option<String>> {
        self.text("InstanceClass", |text| match text {
            "auto" => Ok(None),
            class if is_instance_class(class) => Ok(Some(class.to_owned())),
            _ => Err("it takes auto, db.serverless, or a class such as db.r6g.large".to_owned()),
        })
    }

    fn on_no_slot(&mut self) -> OnNoSlot {
        let copy_ok = self.text("CopyOk", |text| match text {
            "true" => Ok(OnNoSlot::Copy),
            "false" => Ok(OnNoSlot::Fail),
            _ => Err("it takes true (make a full copy) or false (fail)".to_owned()),
        });
        let on_no_slot = self.text("OnNoSlot", |text| match text {
            "Copy" => Ok(OnNoSlot::Copy),
            "Wait" => Ok(OnNoSlot::Wait),
            "Fail" => Ok(OnNoSlot::Fail),
            _ => Err("it takes Copy, Wait or Fail".to_owned()),
        });
        if let (Some(old), Some(new)) = (copy_ok, on_no_slot)
            && old != new
        {
            let (copy_ok, on_no_slot) = (shown(self.map.get("CopyOk")), shown(self.map.get("OnNoSlot")));
            self.problems.push(BadProperty::Contradiction { copy_ok, on_no_slot });
        }
        on_no_slot.or(copy_ok).unwrap_or(OnNoSlot::Fail)
    }

    fn service_timeout(&mut self) {
        if let Some(value) = self.map.get("ServiceTimeout")
            && !seconds(value).is_some_and(|s| (MIN_SERVICE_TIMEOUT..=SERVICE_TIMEOUT).contains(&s))
        {
            self.wrong("ServiceTimeout", "it takes 300 to 3600 seconds: a clone takes minutes");
        }
    }

    fn tags(&mut self) -> Tags {
        let wanted = "it takes a map of texts, or a list of {Key, Value}";
        let mut tags = Tags::new();
        let mut add = |key: Option<&str>, value: Option<&str>| match (key, value) {
            (Some(key), Some(value)) => tags.insert(key.to_owned(), value.to_owned()).is_none(),
            _ => false,
        };
        let fine = match self.map.get("Tags") {
            None => true,
            Some(Value::Object(map)) => map.iter().all(|(key, value)| add(Some(key), value.as_str())),
            Some(Value::Array(list)) => list.iter().all(|item| {
                let field = |name: &str| item.get(name).and_then(Value::as_str);
                item.as_object().is_some_and(|o| o.len() == 2) && add(field("Key"), field("Value"))
            }),
            Some(_) => false,
        };
        if !fine {
            self.wrong("Tags", format!("{wanted}, each key once"));
        } else if let Err(problem) = tags::validate(&tags) {
            self.wrong("Tags", problem.to_string());
        }
        tags
    }
}

/// The least `ServiceTimeout` that a clone can be made in, in seconds.
const MIN_SERVICE_TIMEOUT: i64 = 300;

/// `db.` and two or three plain parts. Which classes a region has is for RDS to say.
fn is_instance_class(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    text == crate::engine::SERVERLESS
        || text.strip_prefix("db.").is_some_and(|rest| {
            let parts: Vec<&str> = rest.split('.').collect();
            (2..=3).contains(&parts.len()) && parts.into_iter().all(part) && rest.len() <= 60
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(value: Value) -> Result<Properties, String> {
        let place =
            Place::of_stack("arn:aws:cloudformation:eu-west-1:123456789012:stack/web/1").expect("a stack");
        let settings =
            Settings::read(|name| (name == "MANAGER").then(|| "manager".to_owned())).expect("settings");
        Properties::parse(&value, &place, &settings).map_err(|problems| describe(&problems))
    }

    fn with(name: &str, value: Value) -> Result<Properties, String> {
        let mut map = json!({"ServiceToken": "arn", "SourceClusterId": "prod"});
        map[name] = value;
        parse(map)
    }

    #[test]
    fn defaults() {
        let properties = parse(json!({"ServiceToken": "arn", "SourceClusterId": "Prod"})).expect("fine");
        assert_eq!(properties.source, "prod");
        assert_eq!(properties.on_no_slot, OnNoSlot::Fail);
        assert_eq!(properties.instance_class, None);
        assert_eq!(properties.freshness.max_age, Some(Duration::days(3)));
    }

    #[test]
    fn every_property_is_read() {
        let arn = "arn:aws:rds:eu-west-1:123456789012:cluster:prod";
        assert_eq!(with("SourceClusterId", json!(arn)).map(|p| p.source), Ok("prod".into()));
        assert_eq!(with("ClusterId", json!("clone-x")).map(|p| p.cluster_id), Ok(Some("clone-x".into())));
        assert_eq!(with("InstanceClass", json!("auto")).map(|p| p.instance_class), Ok(None));
        assert_eq!(
            with("InstanceClass", json!("db.r6g.large")).map(|p| p.instance_class),
            Ok(Some("db.r6g.large".into()))
        );
        for (value, meant) in [("true", OnNoSlot::Copy), ("false", OnNoSlot::Fail)] {
            assert_eq!(with("CopyOk", json!(value)).map(|p| p.on_no_slot), Ok(meant));
        }
        assert_eq!(with("OnNoSlot", json!("Wait")).map(|p| p.on_no_slot), Ok(OnNoSlot::Wait));
        assert_eq!(
            with("MaxCopyAge", json!("PT1H")).map(|p| p.freshness.max_age),
            Ok(Some(Duration::hours(1)))
        );
        assert_eq!(
            with("MaxCopyAge", json!("P30D")).map(|p| p.freshness.max_age),
            Ok(Some(Duration::days(3))),
            "the operator's limit"
        );
        let since =
            with("CopyCreatedSince", json!("2018-07-20T00:30:00")).expect("fine").freshness.created_since;
        assert_eq!(since.map(format_time).as_deref(), Some("2018-07-20T00:30:00Z"));
        let tags = Tags::from([("team".into(), "a".into())]);
        assert_eq!(with("Tags", json!({"team": "a"})).map(|p| p.tags), Ok(tags.clone()));
        assert_eq!(with("Tags", json!([{"Key": "team", "Value": "a"}])).map(|p| p.tags), Ok(tags));
        assert!(with("ServiceTimeout", json!("900")).is_ok());
    }

    #[test]
    fn every_bad_property_is_named_with_its_value() {
        for (name, value, hint) in [
            ("SourceClusterId", json!(""), "empty"),
            ("SourceClusterId", json!(["prod"]), "text"),
            ("SourceClusterId", json!("prod--1"), "hyphens"),
            ("SourceClusterId", json!("arn:aws:rds:us-east-1:123456789012:cluster:prod"), "eu-west-1"),
            ("SourceClusterId", json!("arn:aws:rds:eu-west-1:999999999999:cluster:prod"), "123456789012"),
            (
                "SourceClusterId",
                json!("arn:aws:rds:eu-west-1:123456789012:db:prod"),
                "not the ARN of a cluster",
            ),
            ("ClusterId", json!("prod-2"), "clone-"),
            ("ClusterId", json!("Clone-2"), "lower-case"),
            ("InstanceClass", json!("r4.large"), "db.r6g.large"),
            ("InstanceClass", json!("db.;.x"), "db.r6g.large"),
            ("CopyOk", json!("yes"), "true"),
            ("CopyOk", json!("True"), "true"),
            ("OnNoSlot", json!("wait"), "Wait"),
            ("CopyCreatedSince", json!("yesterday"), "ISO 8601"),
            ("MaxCopyAge", json!("3"), "P3D"),
            ("Tags", json!("team=a"), "Key"),
            ("Tags", json!([{"Key": "a"}]), "Key"),
            ("Tags", json!([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]), "once"),
            ("Tags", json!({"aurora-clone:manager": "me"}), "reserved"),
            ("ServiceTimeout", json!("3601"), "3600"),
            ("ServiceTimeout", json!("60"), "300"),
        ] {
            let error = with(name, value.clone()).expect_err(&format!("{name} {value}"));
            assert!(error.starts_with(name) && error.contains(hint), "{error}");
        }
        let missing = parse(json!({})).expect_err("missing");
        assert!(missing.contains("SourceClusterId is missing"), "{missing}");
    }

    #[test]
    fn unknown_properties_name_the_nearest() {
        for (name, nearest) in [
            ("SourceClusterID", "SourceClusterId"),
            ("OnNoSlots", "OnNoSlot"),
            ("CopyOK", "CopyOk"),
            ("Tag", "Tags"),
        ] {
            let error = with(name, json!("x")).expect_err(name);
            assert!(error.contains(&format!("the nearest is {nearest}")), "{error}");
        }
    }

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let error = parse(json!({"CopyOk": "maybe", "Nonsense": "1"})).expect_err("wrong");
        for name in ["SourceClusterId", "CopyOk", "Nonsense"] {
            assert!(error.contains(name), "{error}");
        }
        let both = json!({"SourceClusterId": "prod", "CopyOk": "true", "OnNoSlot": "Fail"});
        assert!(parse(both).expect_err("contradiction").contains("give one of them"));
    }

    #[test]
    fn the_fingerprint_is_of_the_database_not_of_the_search() {
        let print = |name: &str, value: &str| with(name, json!(value)).expect("fine").fingerprint();
        let plain = print("SourceClusterId", "prod");
        for (name, value) in [
            ("OnNoSlot", "Wait"),
            ("MaxCopyAge", "PT1H"),
            ("InstanceClass", "auto"),
            ("ServiceTimeout", "900"),
        ] {
            assert_eq!(print(name, value), plain, "{name}");
        }
        for (name, value) in [
            ("SourceClusterId", "b"),
            ("ClusterId", "clone-x"),
            ("InstanceClass", "db.serverless"),
            ("CopyCreatedSince", "2026-01-01"),
        ] {
            assert_ne!(print(name, value), plain, "{name}");
        }
    }
}

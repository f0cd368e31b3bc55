//! The properties of a `Custom::AuroraClone`, from the strings that CloudFormation makes of everything.
//!
//! CloudFormation turns `true` into "true" and 14 into "14" before a custom resource sees them. Everything that is wrong
//! is reported at once, each with the property's name, its value and what would be right.

use chrono::Duration;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::arn::{self, Place};
use crate::engine::Capacity;
use crate::event::shown;
use crate::identifier;
use crate::settings::Settings;
use crate::slots::Freshness;
use crate::snapshot::AssociatedRole;
use crate::tags::Tags;

mod clone;
mod cluster;
mod forms;
mod password;
mod read;
pub mod table;
#[cfg(test)]
mod tests;

pub use forms::is_instance_class;
pub(crate) use forms::is_security_group;
use read::Reader;

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
    /// A hash of the properties that say what the clone is, as they came: the same texts have the same hash.
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
    #[error("{one} is {one_value} and {other} is {other_value}: {why}")]
    Contradiction {
        /// One of them.
        one: &'static str,
        /// What it is, as it came.
        one_value: String,
        /// The other.
        other: &'static str,
        /// What that is, as it came.
        other_value: String,
        /// Why they can't both be had.
        why: &'static str,
    },
}

/// How long the text of what is wrong may be, in bytes: an answer takes 4096.
const DESCRIBED: usize = 16_000;

/// Everything that is wrong with the properties, in one text, which ends early where no answer has room for more.
pub fn describe(problems: &[BadProperty]) -> String {
    let mut text = String::new();
    for (told, problem) in problems.iter().enumerate() {
        if text.len() > DESCRIBED {
            return format!("{text}; and {} more", problems.len() - told);
        }
        let separator = if told == 0 { "" } else { "; " };
        text.push_str(&format!("{separator}{problem}"));
    }
    text
}

impl Properties {
    /// Reads the `ResourceProperties` of a Create or Update.
    pub fn parse(value: &Value, place: &Place, settings: &Settings) -> Result<Self, Vec<BadProperty>> {
        let empty = Map::new();
        let Some(map) = value.as_object().or_else(|| value.is_null().then_some(&empty)) else {
            let (name, wanted) = ("ResourceProperties", "it takes a map of properties".to_owned());
            return Err(vec![BadProperty::Value { name, value: shown(Some(value)), wanted }]);
        };
        let mut reader = Reader::new(map, place, settings);
        let read = Self::read(&mut reader, map);
        match (read, reader.into_problems()) {
            (Some(read), problems) if problems.is_empty() => Ok(read),
            (_, problems) => Err(problems),
        }
    }

    /// All that is wrong with properties of which those named `open` are given, but not known yet. What depends on their values is
    /// not judged.
    pub fn problems<'a>(
        known: &'a Map<String, Value>,
        open: impl IntoIterator<Item = &'a str>,
        place: &'a Place,
        settings: &'a Settings,
    ) -> Vec<BadProperty> {
        let mut reader = Reader::new(known, place, settings).with_open(open.into_iter().collect());
        Self::read(&mut reader, known);
        reader.into_problems()
    }

    /// Reads everything; what it says counts only where the reader found nothing wrong.
    fn read(reader: &mut Reader<'_>, map: &Map<String, Value>) -> Option<Self> {
        reader.unknown_names();
        let source = reader.source();
        let cluster_id = reader.cluster_id();
        let no_fail_on_existing = reader.boolean("NoFailOnExistingCluster").unwrap_or(false);
        let on_no_slot = reader.on_no_slot();
        let freshness = reader.freshness();
        let purge_obsolete_copies = reader.boolean("PurgeObsoleteCopies").unwrap_or(false);
        let password = reader.password();
        let cluster = reader.cluster();
        let instances = reader.instances();
        let lease = reader.lease();
        let description = reader.description();
        let tags = reader.tags();
        reader.of_the_request();
        Some(Self {
            source: source?,
            cluster_id,
            no_fail_on_existing,
            on_no_slot,
            freshness,
            purge_obsolete_copies,
            tags,
            description,
            lease,
            password,
            cluster,
            instances,
            hash: table::hash_of(map),
        })
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

/// The clone's identifier in the properties of a Delete, where they give one that can be.
pub fn cluster_id_leniently(properties: &Value) -> Option<String> {
    let text = properties.get("ClusterId")?.as_str()?;
    identifier::validate(text).ok()?;
    Some(text.to_owned())
}

/// The prefix of the secret's name in the properties of a Delete, where they give one.
pub fn secret_prefix_leniently(properties: &Value) -> Option<String> {
    let given = ["SecretPrefix", "SecretpPrefix"].iter().find_map(|name| properties.get(*name)?.as_str());
    given.filter(|prefix| !prefix.is_empty()).map(str::to_owned)
}

/// Whether the properties of a Delete ask for a final snapshot. Whatever is not `true` does not.
pub fn final_snapshot_leniently(properties: &Value) -> bool {
    match properties.get("FinalSnapshot") {
        Some(Value::Bool(wanted)) => *wanted,
        Some(Value::String(text)) => text == "true",
        _ => false,
    }
}

fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

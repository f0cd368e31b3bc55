//! The table of all properties: what a change of each does to a clone that exists. The README prints it, and a test compares the
//! two.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::hash;

/// What an Update that changes a property does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nothing: the property is about how a clone is made or deleted, not about what it is.
    NoChange,
    /// The clone is changed where it is.
    InPlace,
    /// A clone with newer data takes its place, if its data is older than asked for.
    Refresh,
    /// Another clone takes its place.
    Replace,
}

impl Class {
    /// As the table in the README calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoChange => "no change",
            Self::InPlace => "in place",
            Self::Refresh => "refresh",
            Self::Replace => "replace",
        }
    }
}

/// Every property, with its class. Removing a property never replaces a clone.
pub const TABLE: [(&str, Class); 39] = [
    ("SourceClusterId", Class::Replace),
    ("ClusterId", Class::Replace),
    ("NoFailOnExistingCluster", Class::NoChange),
    ("OnNoSlot", Class::NoChange),
    ("CopyOk", Class::NoChange),
    ("CopyCreatedSince", Class::Refresh),
    ("MaxCopyAge", Class::NoChange),
    ("PurgeObsoleteCopies", Class::NoChange),
    ("SetPassword", Class::Replace),
    ("ManageMasterUserPassword", Class::Replace),
    ("SecretPrefix", Class::Replace),
    ("SecretpPrefix", Class::Replace),
    ("KmsKeyId", Class::Replace),
    ("ForceCreateKmsKey", Class::Replace),
    ("AccessPrincipalArns", Class::InPlace),
    ("DBSubnetGroupName", Class::Replace),
    ("Port", Class::Replace),
    ("NetworkType", Class::Replace),
    ("VpcSecurityGroupIds", Class::InPlace),
    ("DBClusterParameterGroupName", Class::InPlace),
    ("StorageType", Class::InPlace),
    ("EnableIAMDatabaseAuthentication", Class::InPlace),
    ("EnableCloudwatchLogsExports", Class::InPlace),
    ("DeletionProtection", Class::InPlace),
    ("BackupRetentionPeriod", Class::InPlace),
    ("AssociatedRoles", Class::InPlace),
    ("EngineLifecycleSupport", Class::InPlace),
    ("ServerlessV2ScalingConfiguration", Class::InPlace),
    ("InstanceClass", Class::InPlace),
    ("InstanceCount", Class::InPlace),
    ("DBParameterGroupName", Class::InPlace),
    ("EnablePerformanceInsights", Class::InPlace),
    ("PerformanceInsightsRetentionPeriod", Class::InPlace),
    ("PerformanceInsightsKMSKeyId", Class::InPlace),
    ("MonitoringInterval", Class::InPlace),
    ("MonitoringRoleArn", Class::InPlace),
    ("ExpiresAfter", Class::InPlace),
    ("Description", Class::InPlace),
    ("Tags", Class::InPlace),
];

/// Properties that are about the request and not about the clone.
pub const OF_THE_REQUEST: [&str; 3] = ["FinalSnapshot", "ServiceToken", "ServiceTimeout"];

/// Whether a template may use a property.
pub fn is_known(name: &str) -> bool {
    names().any(|known| known == name)
}

/// The names of all properties.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(name, _)| *name).chain(OF_THE_REQUEST)
}

/// The known name that is most like a name that nobody knows.
pub fn nearest(name: &str) -> &'static str {
    let name = name.chars().take(80).collect::<String>().to_lowercase();
    let distance = |known: &&str| strsim::damerau_levenshtein(&name, &known.to_lowercase());
    names().min_by_key(distance).unwrap_or(TABLE[0].0)
}

/// A hash of all properties that say what the clone is: those that an Update has to look at. Neither the order of properties
/// nor that of a map's members counts, nor whether CloudFormation made texts of booleans and numbers.
pub(super) fn hash_of(properties: &Map<String, Value>) -> String {
    let mut counted: BTreeMap<&str, String> = BTreeMap::new();
    for (name, class) in TABLE {
        if let Some(value) = properties.get(name).filter(|_| class != Class::NoChange) {
            let name = if name == "SecretpPrefix" { "SecretPrefix" } else { name };
            counted.insert(name, canonical(value).to_string());
        }
    }
    let parts: Vec<&str> = counted.iter().flat_map(|(name, value)| [*name, value.as_str()]).collect();
    hash::short(&parts, 20)
}

fn canonical(value: &Value) -> Value {
    match value {
        Value::Null | Value::String(_) => value.clone(),
        Value::Bool(_) | Value::Number(_) => Value::String(value.to_string()),
        Value::Array(list) => list.iter().map(canonical).collect(),
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            sorted.into_iter().map(|(key, value)| (key.clone(), canonical(value))).collect()
        }
    }
}

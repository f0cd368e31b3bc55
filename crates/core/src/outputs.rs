//! What `Fn::GetAtt` gives: all texts, all always there, and never a password.

use serde_json::{Map, Value, json};

use crate::arn::Place;
use crate::converge::Subject;
use crate::names::tag;
use crate::snapshot::Instance;

/// The key of secrets whose key nobody names.
const AWS_KEY: &str = "alias/aws/secretsmanager";

/// The names of all outputs.
pub const NAMES: [&str; 19] = [
    "Arn",
    "ClusterId",
    "Endpoint",
    "ReaderEndpoint",
    "Port",
    "MasterUsername",
    "DatabaseName",
    "PasswordSecret",
    "KmsKeyId",
    "Engine",
    "EngineVersion",
    "InstanceClass",
    "InstanceIds",
    "ResourceId",
    "SourceArn",
    "RootArn",
    "DataTimestamp",
    "RestoreType",
    "ExpiresAt",
];

/// The output whose name is most like one that nobody knows.
pub fn nearest(name: &str) -> &'static str {
    let name = name.chars().take(80).collect::<String>().to_lowercase();
    let distance = |known: &&str| strsim::damerau_levenshtein(&name, &known.to_lowercase());
    NAMES.into_iter().min_by_key(distance).unwrap_or(NAMES[0])
}

/// The outputs of a usable clone. What it does not have is an empty text, since `Fn::GetAtt` of an output that is missing fails the
/// stack.
pub fn outputs(subject: &Subject<'_>, place: &Place) -> Map<String, Value> {
    let cluster = subject.cluster;
    let tag = |key: &str| cluster.tag(key).unwrap_or_default().to_owned();
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let arn_of = |key: &str| place.cluster_arn(&tag(key));
    let mut instances: Vec<&Instance> = subject.instances.iter().collect();
    instances.sort_by_key(|instance| (!instance.writer, instance.identifier.clone()));
    let ids: Vec<&str> = instances.iter().map(|instance| instance.identifier.as_str()).collect();
    let class = instances.first().map(|instance| instance.settings.class.clone()).unwrap_or_default();
    let (secret, key) = match (&cluster.managed_secret, subject.secret) {
        (Some(managed), _) => {
            (managed.arn.clone(), managed.key.clone().unwrap_or_else(|| AWS_KEY.to_owned()))
        }
        (None, Some(own)) => (own.arn.clone(), own.key.clone().unwrap_or_else(|| AWS_KEY.to_owned())),
        (None, None) => (String::new(), String::new()),
    };
    [
        ("Arn", cluster.arn.clone()),
        ("ClusterId", cluster.identifier.clone()),
        ("Endpoint", text(&cluster.endpoint)),
        ("ReaderEndpoint", text(&cluster.reader_endpoint)),
        ("Port", cluster.settings.port.map(|port| port.to_string()).unwrap_or_default()),
        ("MasterUsername", text(&cluster.master_username)),
        ("DatabaseName", text(&cluster.database_name)),
        ("PasswordSecret", secret),
        ("KmsKeyId", key),
        ("Engine", cluster.engine.clone()),
        ("EngineVersion", cluster.engine_version.clone()),
        ("InstanceClass", class),
        ("InstanceIds", ids.join(",")),
        ("ResourceId", cluster.resource_id.clone()),
        ("SourceArn", arn_of(tag::SOURCE)),
        ("RootArn", arn_of(tag::ROOT)),
        ("DataTimestamp", tag(tag::DATA_TIME)),
        ("RestoreType", tag(tag::RESTORE_TYPE)),
        ("ExpiresAt", tag(tag::EXPIRES)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), json!(value)))
    .collect()
}

//! What EventBridge is told: on the default bus, from the source `aurora-clone-manager`. Every event may come twice, and none
//! ever holds a password.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::names::{event, tag};
use crate::request::Owner;
use crate::snapshot::Cluster;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What happened.
    pub detail_type: String,
    /// About what.
    pub detail: Value,
    /// ARNs of what it is about.
    pub resources: Vec<String>,
}

/// A clone is usable: the predecessor's event for each instance, with its keys, and one for the clone, with the outputs.
pub fn ready(
    owner: &Owner,
    arn: &str,
    data: &Map<String, Value>,
    instances: &[(String, String)],
) -> Vec<Event> {
    let output = |name: &str| data.get(name).cloned().unwrap_or(Value::Null);
    let of_instances = instances.iter().map(|(identifier, instance_arn)| Event {
        detail_type: event::INSTANCE_READY.to_owned(),
        detail: json!({
            "instanceId": identifier,
            "clusterId": output("ClusterId"),
            "host": output("Endpoint"),
            "port": output("Port").as_str().and_then(|port| port.parse::<u32>().ok()),
            "user": output("MasterUsername"),
            "passwordSecret": output("PasswordSecret"),
            "database": output("DatabaseName"),
        }),
        resources: vec![instance_arn.clone()],
    });
    let mut detail = about(owner);
    detail.insert("outputs".to_owned(), Value::Object(data.clone()));
    let of_clone = Event {
        detail_type: event::CLONE_READY.to_owned(),
        detail: Value::Object(detail),
        resources: vec![arn.to_owned()],
    };
    of_instances.chain([of_clone]).collect()
}

/// A Create or an Update failed.
pub fn failed(owner: &Owner, physical_id: &str, request_type: &str, reason: &str) -> Vec<Event> {
    let mut detail = about(owner);
    detail.insert("requestType".to_owned(), json!(request_type));
    detail.insert("reason".to_owned(), json!(reason));
    vec![Event {
        detail_type: event::CLONE_FAILED.to_owned(),
        detail: Value::Object(detail),
        resources: vec![physical_id.to_owned()],
    }]
}

/// A clone is gone.
pub fn deleted(owner: &Owner, physical_id: &str, clusters: &[String]) -> Vec<Event> {
    let mut detail = about(owner);
    detail.insert("clusterIds".to_owned(), json!(clusters));
    vec![Event {
        detail_type: event::CLONE_DELETED.to_owned(),
        detail: Value::Object(detail),
        resources: vec![physical_id.to_owned()],
    }]
}

/// A copy of the pool can be cloned.
pub fn copy_ready(manager: &str, copy: &Cluster, root: &str) -> Event {
    let data_time = copy.tag(tag::DATA_TIME);
    of_copy(event::COPY_READY, manager, copy, root, ("dataTime", json!(data_time)))
}

/// A copy of the pool is being deleted, and why.
pub fn copy_purged(manager: &str, copy: &Cluster, root: &str, why: &str) -> Event {
    of_copy(event::COPY_PURGED, manager, copy, root, ("reason", json!(why)))
}

fn of_copy(kind: &str, manager: &str, copy: &Cluster, root: &str, more: (&str, Value)) -> Event {
    let mut detail = Map::new();
    detail.insert("manager".to_owned(), json!(manager));
    detail.insert("sourceClusterId".to_owned(), json!(root));
    detail.insert("clusterId".to_owned(), json!(copy.identifier));
    detail.insert(more.0.to_owned(), more.1);
    Event { detail_type: kind.to_owned(), detail: Value::Object(detail), resources: vec![copy.arn.clone()] }
}

/// The pool of a root has fewer free slots than are wanted, for a reason that does not pass by itself.
pub fn pool_short(manager: &str, root: &Cluster, wanted: u32, free: u32, coming: u32, why: &str) -> Event {
    Event {
        detail_type: event::POOL_SHORT.to_owned(),
        detail: json!({
            "manager": manager,
            "sourceClusterId": root.identifier,
            "wantedSlots": wanted,
            "freeSlots": free,
            "comingSlots": coming,
            "reason": why,
        }),
        resources: vec![root.arn.clone()],
    }
}

/// What an event of the maintainer is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The manager.
    pub manager: &'a str,
    /// The stack and the resource that asked for it, where one did.
    pub owner: Option<(&'a str, &'a str)>,
    /// The clone's identifier.
    pub cluster: &'a str,
}

impl Subject<'_> {
    fn detail(self) -> Map<String, Value> {
        let mut detail = Map::from_iter([("manager".to_owned(), json!(self.manager))]);
        if let Some((stack_id, logical_id)) = self.owner {
            detail.insert("stackId".to_owned(), json!(stack_id));
            detail.insert("logicalResourceId".to_owned(), json!(logical_id));
        }
        detail.insert("clusterId".to_owned(), json!(self.cluster));
        detail
    }
}

/// A clone's lease is nearly over, and how to renew it.
pub fn expiring(subject: Subject<'_>, arn: &str, expires: &str, renew: &str) -> Event {
    let mut detail = subject.detail();
    detail.insert("expires".to_owned(), json!(expires));
    detail.insert("renew".to_owned(), json!(renew));
    Event {
        detail_type: event::CLONE_EXPIRING.to_owned(),
        detail: Value::Object(detail),
        resources: vec![arn.to_owned()],
    }
}

/// CloudFormation no longer wants something that was made for it, for the first time by its word.
pub fn orphan_found(subject: Subject<'_>, arns: Vec<String>, reason: &str) -> Event {
    let mut detail = subject.detail();
    detail.insert("reason".to_owned(), json!(reason));
    Event { detail_type: event::ORPHAN_FOUND.to_owned(), detail: Value::Object(detail), resources: arns }
}

fn about(owner: &Owner) -> Map<String, Value> {
    let fields =
        [("manager", &owner.manager), ("stackId", &owner.stack_id), ("logicalResourceId", &owner.logical_id)];
    fields.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

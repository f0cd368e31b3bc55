//! One request of CloudFormation: who asks, what for, and what its database is called.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::arn::Place;
use crate::event::{Envelope, RequestType};
use crate::hash;
use crate::identifier::{self, Parts};
use crate::properties::Properties;
use crate::settings::Settings;

/// Who a cluster is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The manager's name.
    pub manager: String,
    /// The stack.
    pub stack_id: String,
    /// The resource in it.
    pub logical_id: String,
}

/// A request as it is kept in the table. The response URL is kept beside it and is not part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// What CloudFormation wants; `None` where it asked for something unknown.
    pub kind: Option<RequestType>,
    /// The stack.
    pub stack_id: String,
    /// CloudFormation's id of the request.
    pub request_id: String,
    /// The resource.
    pub logical_id: String,
    /// What we called it before.
    pub physical_id: Option<String>,
    /// The properties as they came.
    pub properties: Value,
}

impl Request {
    /// The request in an event.
    pub fn new(envelope: &Envelope, kind: Option<RequestType>, event: &Value) -> Self {
        Self {
            kind,
            stack_id: envelope.stack_id.clone(),
            request_id: envelope.request_id.clone(),
            logical_id: envelope.logical_id.clone(),
            physical_id: envelope.physical_id.clone(),
            properties: event.get("ResourceProperties").cloned().unwrap_or(Value::Null),
        }
    }

    /// Who asks.
    pub fn owner(&self, settings: &Settings) -> Owner {
        Owner {
            manager: settings.manager.clone(),
            stack_id: self.stack_id.clone(),
            logical_id: self.logical_id.clone(),
        }
    }

    /// What the answer calls a resource that never became one: no ARN, and the same whenever it is asked.
    pub fn rejected_id(&self) -> String {
        format!("rejected-{}", hash::short(&[&self.stack_id, &self.logical_id, &self.request_id], 20))
    }
}

/// The key of a request: a hash of (StackId, LogicalResourceId, RequestId, ResponseURL), which tells a duplicate event (same key) from
/// a retried deployment that reuses the RequestId (another URL). It is the name of the state machine's
/// execution, so it begins with something that people can read.
pub fn key(envelope: &Envelope) -> String {
    let readable: String = envelope.logical_id.chars().filter(char::is_ascii_alphanumeric).take(24).collect();
    let url = envelope.response_url.expose();
    let hash = hash::short(&[&envelope.stack_id, &envelope.logical_id, &envelope.request_id, url], 40);
    format!("{readable}-{hash}")
}

/// What the key of a resource's fence and locks is made of.
pub fn resource_key(stack_id: &str, logical_id: &str) -> String {
    hash::short(&[stack_id, logical_id], 40)
}

/// When the latest Delete of the resource had come when this incarnation was asked for; 0 where it does not say.
pub fn fence_of(generation: &str) -> u64 {
    generation.split_once('-').and_then(|(fence, _)| fence.parse().ok()).unwrap_or(0)
}

/// A clone that is wanted: everything that is known before AWS is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Who for.
    pub owner: Owner,
    /// Where.
    pub place: Place,
    /// Which incarnation: when the latest Delete of the resource had come, and a hash of CloudFormation's request. A request
    /// that is sent again, with another URL, is about the same one; one that is repeated after a Delete is not; and a
    /// Delete leaves alone what was asked for after it.
    pub generation: String,
    /// Its identifier.
    pub identifier: String,
    /// What it is to be like.
    pub properties: Properties,
}

impl Wanted {
    /// The clone that a request wants. `fence` is when the latest Delete of its resource had come, as the request found it.
    pub fn new(
        request: &Request,
        fence: u64,
        place: Place,
        properties: Properties,
        settings: &Settings,
    ) -> Self {
        let identifier = properties.cluster_id.clone().unwrap_or_else(|| {
            identifier::derive(&Parts {
                prefix: &settings.name_prefix,
                readable: &properties.source,
                manager: &settings.manager,
                stack_id: &request.stack_id,
                logical_id: &request.logical_id,
            })
        });
        let asked = [&request.stack_id, &request.logical_id, &request.request_id].map(String::as_str);
        let generation = format!("{fence}-{}", hash::short(&asked, 16));
        Self { owner: request.owner(settings), place, generation, identifier, properties }
    }

    /// The cluster's ARN, known before the cluster exists: the PhysicalResourceId.
    pub fn arn(&self) -> String {
        self.place.cluster_arn(&self.identifier)
    }
}

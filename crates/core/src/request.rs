//! One request of CloudFormation: who asks, what for, and what its database is called.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::arn::{Place, is_command_line};
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
    /// The stack, or the command line ([`crate::arn::Place::command_line`]).
    pub stack_id: String,
    /// The resource in it, or the name that a person gave the clone.
    pub logical_id: String,
}

/// A request as it is kept in the table. The response URL is kept beside it and is not part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// What CloudFormation wants; `None` where it asked for something unknown.
    pub kind: Option<RequestType>,
    /// The stack, or the command line.
    pub stack_id: String,
    /// CloudFormation's id of the request, or the command line's.
    pub request_id: String,
    /// The resource.
    pub logical_id: String,
    /// What we called it before.
    pub physical_id: Option<String>,
    /// The properties as they came.
    pub properties: Value,
    /// Those before an Update, as they came.
    #[serde(default)]
    pub old_properties: Value,
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
            old_properties: event.get("OldResourceProperties").cloned().unwrap_or(Value::Null),
        }
    }

    /// Whether a person asks at the command line, so that CloudFormation has no word in it.
    pub fn is_command_line(&self) -> bool {
        is_command_line(&self.stack_id)
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
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// Who for.
    pub owner: Owner,
    /// Where.
    pub place: Place,
    /// Which incarnation: when the latest Delete or Update of the resource had come, and a hash of CloudFormation's request. A
    /// request that is sent again, with another URL, is about the same one; one that is repeated after a Delete is not; and a
    /// Delete leaves alone what was asked for after it.
    pub generation: String,
    /// Its identifier.
    pub identifier: String,
    /// What it is to be like.
    pub properties: Properties,
    /// What a FAILED answer calls the resource: the clone itself for a Create, and for an Update what it was called before.
    pub failed_id: String,
}

impl Wanted {
    /// The clone that a Create wants. `fence` is when the latest Delete of its resource had come, as the request found it.
    pub fn created(
        request: &Request,
        fence: u64,
        place: Place,
        properties: Properties,
        settings: &Settings,
    ) -> Self {
        let identifier = plain_identifier(request, &properties, settings);
        let failed_id = place.cluster_arn(&identifier);
        let generation = generation(request, fence);
        Self { owner: request.owner(settings), place, generation, identifier, properties, failed_id }
    }

    /// The clone that is to replace another one. `fence` is when this Update came. Both exist for a while, so its identifier has
    /// a part of its own.
    pub fn replacing(
        request: &Request,
        fence: u64,
        place: Place,
        properties: Properties,
        settings: &Settings,
    ) -> Self {
        let generation = generation(request, fence);
        let identifier =
            identifier::of_generation(&plain_identifier(request, &properties, settings), &generation);
        let failed_id = request.physical_id.clone().unwrap_or_else(|| request.rejected_id());
        Self { owner: request.owner(settings), place, generation, identifier, properties, failed_id }
    }

    /// The same clone under another name, for where the one that the template gives is taken.
    #[must_use]
    pub fn renamed(&self) -> Self {
        let identifier = identifier::of_generation(&self.identifier, &self.generation);
        let failed_id = self.place.cluster_arn(&identifier);
        Self { identifier, failed_id, ..self.clone() }
    }

    /// The cluster's ARN, known before the cluster exists: the PhysicalResourceId.
    pub fn arn(&self) -> String {
        self.place.cluster_arn(&self.identifier)
    }
}

fn generation(request: &Request, fence: u64) -> String {
    let asked = [&request.stack_id, &request.logical_id, &request.request_id].map(String::as_str);
    format!("{fence}-{}", hash::short(&asked, 16))
}

/// The identifier of the first incarnation: what the template gives, or the source's name and a hash of who asked.
fn plain_identifier(request: &Request, properties: &Properties, settings: &Settings) -> String {
    properties.cluster_id.clone().unwrap_or_else(|| {
        identifier::derive(&Parts {
            prefix: &settings.name_prefix,
            readable: &properties.source,
            manager: &settings.manager,
            stack_id: &request.stack_id,
            logical_id: &request.logical_id,
        })
    })
}

/// The name of an incarnation's secret. It has a part of the generation, since the name of a deleted secret stays taken for a while.
pub fn secret_name(prefix: &str, identifier: &str, generation: &str) -> String {
    format!("{prefix}{identifier}/{}", hash::short(&[generation], 12))
}

/// The alias of a key that is made for an incarnation's secret.
pub fn key_alias(identifier: &str, generation: &str) -> String {
    format!("alias/aurora-clone/{identifier}-{}", hash::short(&[generation], 12))
}

/// The identifier of the snapshot that is taken of an incarnation before it is deleted.
pub fn snapshot_identifier(identifier: &str, generation: &str) -> String {
    format!("{identifier}-final-{}", hash::short(&[generation], 8))
}

//! The event that CloudFormation sends: an envelope that is read leniently, since whoever can be answered must be.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::arn::Place;
use crate::response_url::{BadResponseUrl, LoopbackOrigin, ResponseUrl};

/// What CloudFormation wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum RequestType {
    /// Make it.
    Create,
    /// Change it.
    Update,
    /// Take it away.
    Delete,
}

/// The part of an event that is needed to answer it.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Where the answer goes.
    pub response_url: ResponseUrl,
    /// The stack.
    pub stack_id: String,
    /// Where the stack lives.
    pub place: Place,
    /// CloudFormation's id of this request. A retried deployment may reuse it.
    pub request_id: String,
    /// The resource's name in the template.
    pub logical_id: String,
    /// What we called it before, in an Update or Delete.
    pub physical_id: Option<String>,
}

/// An event that can't be answered, and so is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unanswerable {
    /// Not a JSON object.
    #[error("the event is not a JSON object")]
    NoObject,
    /// A field that the answer needs is missing or is no string.
    #[error("the event has no {0}")]
    Missing(&'static str),
    /// A field is too long to be CloudFormation's.
    #[error("the event's {0} is longer than {1} bytes")]
    TooLong(&'static str, usize),
    /// A field has a character that CloudFormation's never have, and that the answer would have no room for.
    #[error("the event's {0} has a quote, a backslash or a control character")]
    Character(&'static str),
    /// The stack's id is none.
    #[error("the event's StackId is refused: {0}")]
    StackId(#[from] crate::arn::BadArn),
    /// The stack lives elsewhere.
    #[error("the event's StackId is in {0}, this function is in {1}")]
    Region(String, String),
    /// The response URL is hostile or broken.
    #[error(transparent)]
    ResponseUrl(#[from] BadResponseUrl),
}

impl Envelope {
    /// Reads the envelope of an event for a function that runs in `region`.
    pub fn read(event: &Value, region: &str, extra: Option<&LoopbackOrigin>) -> Result<Self, Unanswerable> {
        let event = event.as_object().ok_or(Unanswerable::NoObject)?;
        let stack_id = text(event, "StackId", 1024)?;
        let place = Place::of_stack(&stack_id)?;
        if place.region != region {
            return Err(Unanswerable::Region(place.region, region.to_owned()));
        }
        let response_url = ResponseUrl::parse(&text(event, "ResponseURL", 8192)?, &place, extra)?;
        Ok(Self {
            response_url,
            place,
            stack_id,
            request_id: text(event, "RequestId", 256)?,
            logical_id: text(event, "LogicalResourceId", 255)?,
            physical_id: event
                .get("PhysicalResourceId")
                .and_then(Value::as_str)
                .filter(|id| !id.is_empty() && id.len() <= 1024 && in_json(id) <= MAX_ID_IN_JSON)
                .map(str::to_owned),
        })
    }
}

/// The longest PhysicalResourceId as JSON, in bytes: with it the rest of the answer still fits. A longer one is none of ours.
const MAX_ID_IN_JSON: usize = 2_048;

/// What a text takes in JSON.
fn in_json(text: &str) -> usize {
    Value::from(text).to_string().len()
}

/// Whether a character stands for itself in JSON.
fn plain(c: char) -> bool {
    !c.is_control() && c != '"' && c != '\\'
}

fn text(event: &Map<String, Value>, name: &'static str, longest: usize) -> Result<String, Unanswerable> {
    match event.get(name).and_then(Value::as_str) {
        None | Some("") => Err(Unanswerable::Missing(name)),
        Some(value) if value.len() > longest => Err(Unanswerable::TooLong(name, longest)),
        Some(value) if !value.chars().all(plain) => Err(Unanswerable::Character(name)),
        Some(value) => Ok(value.to_owned()),
    }
}

/// A request type or resource type that we do not know.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnknownType {
    /// Neither Create, Update nor Delete.
    #[error("RequestType is {0}; it takes Create, Update or Delete")]
    Request(String),
    /// Not ours.
    #[error("ResourceType is {0}; this function makes {1:?}")]
    Resource(String, String),
}

/// What the event asks for.
pub fn request_type(event: &Value) -> Result<RequestType, UnknownType> {
    match event.get("RequestType").and_then(Value::as_str) {
        Some("Create") => Ok(RequestType::Create),
        Some("Update") => Ok(RequestType::Update),
        Some("Delete") => Ok(RequestType::Delete),
        _ => Err(UnknownType::Request(shown(event.get("RequestType")))),
    }
}

/// Checks the resource's type.
pub fn check_resource_type(event: &Value, wanted: &str) -> Result<(), UnknownType> {
    match event.get("ResourceType").and_then(Value::as_str) {
        Some(name) if name == wanted || name == "AWS::CloudFormation::CustomResource" => Ok(()),
        _ => Err(UnknownType::Resource(shown(event.get("ResourceType")), wanted.to_owned())),
    }
}

/// A value of the event as an error shows it: short.
pub fn shown(value: Option<&Value>) -> String {
    match value {
        None => "missing".to_owned(),
        Some(Value::String(text)) => format!("{:?}", text.chars().take(80).collect::<String>()),
        Some(value) => value.to_string().chars().take(80).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event() -> Value {
        json!({
            "RequestType": "Create",
            "ResponseURL": "https://cloudformation-custom-resource-response-euwest1.s3.amazonaws.com/x",
            "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/web/1",
            "RequestId": "r", "LogicalResourceId": "Clone", "ResourceType": "Custom::AuroraClone"
        })
    }

    #[test]
    fn whoever_can_be_answered_is_read() {
        let envelope = Envelope::read(&event(), "eu-west-1", None).expect("an envelope");
        assert_eq!((envelope.logical_id.as_str(), envelope.physical_id), ("Clone", None));
        let mut odd = event();
        odd["RequestType"] = json!(7);
        odd["ResourceProperties"] = json!("none");
        assert!(Envelope::read(&odd, "eu-west-1", None).is_ok());
        assert_eq!(request_type(&odd), Err(UnknownType::Request("7".into())));
    }

    #[test]
    fn malformed_events() {
        // An envelope holds the response URL and can't be shown, so only the error is.
        let read = |event: &Value| Envelope::read(event, "eu-west-1", None).map(|_| ());
        assert_eq!(read(&json!([])), Err(Unanswerable::NoObject));
        for name in ["ResponseURL", "StackId", "RequestId", "LogicalResourceId"] {
            for broken in [Value::Null, json!(""), json!(3)] {
                let mut event = event();
                event[name] = broken;
                assert_eq!(read(&event), Err(Unanswerable::Missing(name)));
            }
        }
        let error = Envelope::read(&event(), "us-east-1", None);
        assert!(matches!(error, Err(Unanswerable::Region(_, _))));
    }
}

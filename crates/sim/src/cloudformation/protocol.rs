//! The custom resource protocol: the event that a function gets, the URL that it answers at, and what counts as
//! an answer.

use serde_json::{Map, Value, json};

use super::stack::{RequestType, Resource};
use crate::bucket::ResponseBucket;
use crate::rng::Rng;
use crate::world::Context;

/// The longest answer that CloudFormation reads.
pub const LONGEST_ANSWER: usize = 4096;
const LONGEST_PHYSICAL_ID: usize = 1024;
const LONGEST_TIMEOUT: i64 = 3600;

/// An answer that CloudFormation accepts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    /// The physical id.
    pub(super) physical_id: String,
    /// `Data`.
    pub(super) data: Map<String, Value>,
    /// `NoEcho`.
    pub(super) no_echo: bool,
}

/// How a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The reason that the stack's events show.
    pub(super) reason: String,
    /// The physical id of a FAILED answer.
    pub(super) physical_id: Option<String>,
}

impl Failure {
    /// A failure without an answer that names a physical id.
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), physical_id: None }
    }
}

/// Who an answer must be from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) stack_id: &'a str,
    pub(super) logical_id: &'a str,
    pub(super) request_id: &'a str,
}

/// The key of a response URL, which identifies the request.
pub fn response_key(stack_id: &str, logical_id: &str, request_id: &str) -> String {
    format!("{stack_id}|{logical_id}|{request_id}")
}

/// A presigned response URL for a key.
pub fn response_url(cx: &Context<'_>, key: &str) -> String {
    ResponseBucket::url_for(cx.config, cx.now, key)
}

/// A physical id of CloudFormation's own making.
pub(super) fn invented_id(cx: &mut Context<'_>, stack: &str, logical_id: &str) -> String {
    invented_name(cx.rng, stack, logical_id)
}

/// A name as CloudFormation makes it.
pub(super) fn invented_name(rng: &mut Rng, stack: &str, logical_id: &str) -> String {
    const LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let random: String = (0..12)
        .filter_map(|_| usize::try_from(rng.between(0, 35)).ok().and_then(|index| LETTERS.get(index)))
        .map(|byte| char::from(*byte))
        .collect();
    format!("{stack}-{logical_id}-{random}")
}

/// The event of one request, without its response URL.
pub(super) fn event(
    request: RequestType,
    stack_id: &str,
    request_id: &str,
    resource: &Resource,
    physical_id: Option<&str>,
    properties: &Value,
    old_properties: Option<&Value>,
) -> Map<String, Value> {
    let mut event = Map::new();
    event.insert("RequestType".to_owned(), json!(request.as_str()));
    event.insert("ServiceToken".to_owned(), properties.get("ServiceToken").cloned().unwrap_or_default());
    event.insert("ResponseURL".to_owned(), Value::Null);
    event.insert("StackId".to_owned(), json!(stack_id));
    event.insert("RequestId".to_owned(), json!(request_id));
    event.insert("LogicalResourceId".to_owned(), json!(resource.logical_id));
    if let Some(physical_id) = physical_id {
        event.insert("PhysicalResourceId".to_owned(), json!(physical_id));
    }
    event.insert("ResourceType".to_owned(), json!(resource.kind));
    event.insert("ResourceProperties".to_owned(), properties.clone());
    if let Some(old) = old_properties {
        event.insert("OldResourceProperties".to_owned(), old.clone());
    }
    event
}

/// The seconds that CloudFormation waits for an answer, or why these properties can't be sent at all.
pub(super) fn service_timeout(cx: &Context<'_>, properties: &Value) -> Result<i64, String> {
    let token = properties.get("ServiceToken").and_then(Value::as_str).unwrap_or_default();
    let parts: Vec<&str> = token.split(':').collect();
    let in_region =
        matches!(parts.as_slice(), ["arn", _, "lambda", region, ..] if *region == cx.config.region);
    if !in_region {
        return Err("Invalid service token.".to_owned());
    }
    let Some(given) = properties.get("ServiceTimeout") else { return Ok(LONGEST_TIMEOUT) };
    let seconds = given.as_str().and_then(|text| text.parse::<i64>().ok());
    seconds.filter(|seconds| (1..=LONGEST_TIMEOUT).contains(seconds)).ok_or_else(|| {
        format!("Invalid ServiceTimeout: {given} must be an integer from 1 to {LONGEST_TIMEOUT}")
    })
}

/// The reason for a request that nobody answered in time.
pub(super) fn no_answer(request_id: &str) -> String {
    format!(
        "CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId [{request_id}]. If you are using the Python cfn-response module, you may need to update your Lambda function code so that CloudFormation can attach the updated version."
    )
}

/// Reads an answer as CloudFormation does: form first, status last, so that a malformed FAILED loses its reason.
pub(super) fn read_answer(body: &[u8], expected: Expected<'_>) -> Result<Answer, Failure> {
    if body.len() > LONGEST_ANSWER {
        return Err(Failure::new("Response object is too long."));
    }
    let Ok(Value::Object(answer)) = serde_json::from_slice::<Value>(body) else {
        return Err(Failure::new("Response is not valid JSON"));
    };
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
    let wanted = [
        ("StackId", expected.stack_id),
        ("RequestId", expected.request_id),
        ("LogicalResourceId", expected.logical_id),
    ];
    for (name, value) in wanted {
        if text(name) != value {
            return Err(Failure::new(format!(
                "Invalid Response object: Value of {name} does not match the request"
            )));
        }
    }
    let physical_id = text("PhysicalResourceId");
    if physical_id.is_empty() || physical_id.len() > LONGEST_PHYSICAL_ID {
        return Err(Failure::new("Invalid PhysicalResourceId"));
    }
    let data = match answer.get("Data") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(data)) => data.clone(),
        Some(_) => {
            return Err(Failure {
                reason: "Invalid Response object: Data must be an object".to_owned(),
                physical_id: Some(physical_id.to_owned()),
            });
        }
    };
    let reason = match text("Status") {
        "SUCCESS" => {
            let no_echo =
                answer.get("NoEcho").is_some_and(|flag| *flag == Value::Bool(true) || flag == "true");
            return Ok(Answer { physical_id: physical_id.to_owned(), data, no_echo });
        }
        "FAILED" => format!(
            "Received response status [FAILED] from custom resource. Message returned: {} (RequestId: {})",
            text("Reason"),
            expected.request_id
        ),
        other => format!("Invalid Response object: Status must be SUCCESS or FAILED, not [{other}]"),
    };
    Err(Failure { reason, physical_id: Some(physical_id.to_owned()) })
}

/// An attribute of a resource's `Data`: by its whole name, else down into nested objects.
pub(super) fn attribute(data: &Map<String, Value>, name: &str) -> Option<Value> {
    let found = data.get(name).cloned().or_else(|| {
        let (first, rest) = name.split_once('.')?;
        attribute(data.get(first)?.as_object()?, rest)
    })?;
    Some(stringified(found))
}

fn stringified(value: Value) -> Value {
    match value {
        Value::Null => Value::String(String::new()),
        Value::Bool(flag) => Value::String(flag.to_string()),
        Value::Number(number) => Value::String(number.to_string()),
        Value::Array(items) => Value::Array(items.into_iter().map(stringified).collect()),
        other => other,
    }
}

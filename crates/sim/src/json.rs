//! What the rooms of the JSON 1.1 protocol share: members of a request, pages, errors.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::http::{Request, Response};
use crate::world::Config;

/// What an operation answers: a body, or the whole refusal.
pub(crate) type Answer = Result<Value, Response>;

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// A request as an SDK would send it, unsigned but for the access key id.
pub(crate) fn request(config: &Config, key: &str, target: &str, body: &Value) -> Request {
    let (region, date) = (&config.region, config.start.format("%Y%m%d"));
    let authorization = format!("AWS4-HMAC-SHA256 Credential={key}/{date}/{region}/simulated/aws4_request");
    let headers =
        [("x-amz-target", target), ("content-type", CONTENT_TYPE), ("authorization", &authorization)];
    Request {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        body: body.to_string().into_bytes(),
        ..Request::default()
    }
}

/// An error of a JSON 1.1 service, with the message in the member of this name.
pub(crate) fn error_in(member: &str, status: u16, code: &str, message: &str) -> Response {
    let body = json!({ "__type": code, member: message }).to_string();
    Response::new(status, CONTENT_TYPE, body).with_header("x-amzn-errortype", code)
}

/// An error that the caller made.
pub(crate) fn error(code: &str, message: &str) -> Response {
    error_in("message", 400, code, message)
}

/// What breaks a bound of the model, or is not simulated.
pub(crate) fn invalid(message: &str) -> Response {
    error("ValidationException", message)
}

/// A constraint of the model that does not hold, in AWS's words.
pub(crate) fn constraint(name: &str, constraint: &str) -> Response {
    invalid(&format!(
        "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must {constraint}"
    ))
}

/// The operation that a request names.
pub(crate) fn operation(request: &Request) -> &str {
    request.header("x-amz-target").unwrap_or_default().rsplit('.').next().unwrap_or_default()
}

/// The refusal of an operation that is not simulated.
pub(crate) fn unknown(operation: &str, service: &str) -> Response {
    error("UnknownOperationException", &format!("not simulated: operation {operation:?} of {service}"))
}

/// The response that carries an answer. `null` stands for no body, as of operations without output.
pub(crate) fn respond(answer: Answer) -> Response {
    match answer {
        Ok(Value::Null) => Response::new(200, CONTENT_TYPE, ""),
        Ok(body) => Response::new(200, CONTENT_TYPE, body.to_string()),
        Err(response) => response,
    }
}

/// A time, as the protocol has it.
pub(crate) fn seconds(at: DateTime<Utc>) -> Value {
    json!(at.timestamp_millis() as f64 / 1000.0)
}

/// The members of a request; `null` counts as absent.
pub(crate) struct Members(pub(crate) Map<String, Value>);

impl Members {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Response> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(mut members)) => {
                members.retain(|_, value| !value.is_null());
                Ok(Self(members))
            }
            _ => Err(error("SerializationException", "the body is no JSON object")),
        }
    }

    /// The members of one element of a list.
    pub(crate) fn of(value: &Value, name: &str) -> Result<Self, Response> {
        let Value::Object(members) = value else {
            return Err(error("SerializationException", &format!("{name} must hold structures")));
        };
        let mut members = members.clone();
        members.retain(|_, value| !value.is_null());
        Ok(Self(members))
    }

    /// Members that are not simulated are refused, whether AWS knows them or not.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Response> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(invalid(&format!("not simulated: request member {name:?}"))),
            None => Ok(()),
        }
    }

    /// A text with as many characters as the model allows.
    pub(crate) fn text(&self, name: &str, least: usize, most: usize) -> Result<Option<&str>, Response> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => bounded(name, text, least, most).map(Some),
            Some(_) => Err(error("SerializationException", &format!("{name} must be a string"))),
        }
    }

    pub(crate) fn required(&self, name: &str, least: usize, most: usize) -> Result<&str, Response> {
        self.text(name, least, most)?.ok_or_else(|| constraint(name, "not be null"))
    }

    pub(crate) fn boolean(&self, name: &str) -> Result<bool, Response> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Value::Bool(boolean)) => Ok(*boolean),
            Some(_) => Err(error("SerializationException", &format!("{name} must be a boolean"))),
        }
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Response> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => value
                .as_i64()
                .map(Some)
                .ok_or_else(|| error("SerializationException", &format!("{name} must be an integer"))),
        }
    }

    /// How many a page holds.
    pub(crate) fn page_size(&self, name: &str, default: usize, most: usize) -> Result<usize, Response> {
        let Some(number) = self.integer(name)? else { return Ok(default) };
        match usize::try_from(number) {
            Ok(number) if (1..=most).contains(&number) => Ok(number),
            Ok(0) | Err(_) => Err(constraint(name, "have value greater than or equal to 1")),
            Ok(_) => Err(constraint(name, &format!("have value less than or equal to {most}"))),
        }
    }

    pub(crate) fn list(&self, name: &str) -> Result<Option<&[Value]>, Response> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(_) => Err(error("SerializationException", &format!("{name} must be a list"))),
        }
    }

    /// A list of texts; empty when it is absent.
    pub(crate) fn texts(&self, name: &str, least: usize, most: usize) -> Result<Vec<&str>, Response> {
        let list = self.list(name)?.unwrap_or_default();
        list.iter()
            .map(|value| match value {
                Value::String(text) => bounded(name, text, least, most),
                _ => Err(error("SerializationException", &format!("{name} must hold strings"))),
            })
            .collect()
    }

    /// Only the value that is simulated; absent means the same.
    pub(crate) fn fixed(&self, name: &str, value: &str) -> Result<(), Response> {
        match self.text(name, 0, usize::MAX)? {
            Some(other) if other != value => Err(invalid(&format!("not simulated: {name} {other:?}"))),
            _ => Ok(()),
        }
    }
}

fn bounded<'t>(name: &str, text: &'t str, least: usize, most: usize) -> Result<&'t str, Response> {
    let length = text.chars().count();
    if length < least {
        return Err(constraint(name, &format!("have length greater than or equal to {least}")));
    }
    if length > most {
        return Err(constraint(name, &format!("have length less than or equal to {most}")));
    }
    Ok(text)
}

/// One page of what there is, and whether more follows.
pub(crate) fn page<T>(mut all: impl Iterator<Item = T>, most: usize) -> (Vec<T>, bool) {
    let page = all.by_ref().take(most).collect();
    (page, all.next().is_some())
}

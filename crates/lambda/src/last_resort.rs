//! `last-resort`: answers CloudFormation where the clone handler could not take an event at all.
//!
//! Lambda sends an asynchronous event three times, and then to the function's destination, which is this function. Whatever keeps the
//! handler from starting (a setting that it refuses, a role that lost its rights, a package that breaks, an hour without
//! concurrency) would otherwise leave a stack waiting until CloudFormation gives up. So this function needs none of that: no
//! settings, no table, no rights; it can do nothing but say FAILED to a response URL that CloudFormation made.

use aurora_clone_aws::answer::{self, NotAnswered};
use aurora_clone_core::answer::body;
use aurora_clone_core::event::{self, Envelope, Unanswerable};
use aurora_clone_core::plan::Decision;
use aurora_clone_core::request::{self, Request};
use aurora_clone_core::response_url::LoopbackOrigin;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use serde_json::{Value, json};
use thiserror::Error;
use tracing::{error, info};

/// The function.
pub struct LastResort {
    /// The connection over which it answers.
    pub http: SharedHttpConnector,
    /// The region that it runs in.
    pub region: String,
    /// An origin on this machine that response URLs may have besides CloudFormation's own.
    pub response_origin: Option<LoopbackOrigin>,
}

/// An event that nobody can answer any more. No text has a response URL.
#[derive(Debug, Error)]
pub enum LastResortError {
    /// Not what Lambda sends to a destination, as its guide shows it ("Retaining records of asynchronous invocations").
    #[error("the event is no invocation record: it has no requestPayload")]
    NoRecord,
    /// The event that failed has no response URL of CloudFormation: EventBridge's word about an execution, say.
    #[error("the event that failed can't be answered: {0}")]
    Unanswerable(#[from] Unanswerable),
    /// The answer did not arrive.
    #[error(transparent)]
    NotAnswered(#[from] NotAnswered),
}

impl LastResortError {
    /// The error's name, as Lambda reports it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoRecord => "NoRecord",
            Self::Unanswerable(_) => "Unanswerable",
            Self::NotAnswered(_) => "NotAnswered",
        }
    }
}

impl LastResort {
    /// Answers the event in an invocation record. What it says is a function of the record, so a second time says the same.
    pub async fn handle(&self, record: Value) -> Result<Value, LastResortError> {
        let answered = self.answer(&record).await;
        answered.inspect_err(|error| error!(kind = error.name(), %error, "the last resort failed"))
    }

    async fn answer(&self, record: &Value) -> Result<Value, LastResortError> {
        let event = record.get("requestPayload").ok_or(LastResortError::NoRecord)?;
        let envelope = Envelope::read(event, &self.region, self.response_origin.as_ref())?;
        let request = Request::new(&envelope, event::request_type(event).ok(), event);
        let key = request::key(&envelope);
        let id = request.physical_id.clone().unwrap_or_else(|| request.rejected_id());
        let reason = format!(
            "The manager could not take this request ({}). If anything was begun after all, it carries this resource's tags and \
             is deleted with it; the logs of the manager's functions say more.",
            why(record)
        );
        let text = body(&request, &Decision::failed(id, reason));
        answer::put(&self.http, &envelope.response_url, &text).await?;
        info!(
            request = key,
            stack = request.stack_id,
            resource = request.logical_id,
            answer = text,
            "answered"
        );
        Ok(json!({ "request": key }))
    }
}

/// Why Lambda gave the event up, in words. The function's own message stays out: it may be anything that a broken program says.
fn why(record: &Value) -> String {
    let context = &record["requestContext"];
    let condition = match context["condition"].as_str() {
        Some("RetriesExhausted") => "its function failed each time",
        Some("EventAgeExceeded") => "its function could not be run for too long",
        _ => "its function did not take it",
    };
    match record["responsePayload"]["errorType"].as_str() {
        Some(kind) if !kind.is_empty() && kind.len() <= 100 && kind.chars().all(is_of_a_name) => {
            format!("{condition}, last with {kind}")
        }
        _ => condition.to_owned(),
    }
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_lambda_says_and_nothing_that_a_program_says() {
        let record = json!({
            "requestContext": { "condition": "RetriesExhausted" },
            "responsePayload": { "errorType": "Runtime.ExitError", "errorMessage": "https://a.url/" },
        });
        assert_eq!(why(&record), "its function failed each time, last with Runtime.ExitError");
        let record = json!({
            "requestContext": { "condition": "EventAgeExceeded" },
            "responsePayload": { "errorType": "see https://a.url/?X-Amz-Signature=1" },
        });
        assert_eq!(why(&record), "its function could not be run for too long");
        assert_eq!(why(&json!({})), "its function did not take it");
    }
}

//! Answering CloudFormation: one PUT to the presigned URL, whose status is looked at.

use std::time::Duration;

use aurora_clone_core::response_url::ResponseUrl;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use thiserror::Error;

/// How often the PUT is tried in one step; the state machine repeats the step.
const ATTEMPTS: u32 = 3;

/// An answer that did not arrive. Neither text has the URL.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotAnswered {
    /// S3 refuses the URL: it is too old, or somebody changed it. Trying again is no use.
    #[error("the response URL is refused with HTTP status {0}; it is valid for two hours")]
    Refused(u16),
    /// It may arrive yet.
    #[error("the answer did not arrive: {0}")]
    Failed(String),
}

/// Puts the body at the URL. Only a 2xx status is an answer that arrived.
pub async fn put(http: &SharedHttpConnector, url: &ResponseUrl, body: &str) -> Result<(), NotAnswered> {
    let mut problem = NotAnswered::Failed("it was not tried".to_owned());
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(Duration::from_secs(1 << attempt)).await;
        }
        match attempt_put(http, url, body).await {
            Err(NotAnswered::Failed(why)) => problem = NotAnswered::Failed(why),
            settled => return settled,
        }
    }
    Err(problem)
}

async fn attempt_put(http: &SharedHttpConnector, url: &ResponseUrl, body: &str) -> Result<(), NotAnswered> {
    // No content type: CloudFormation signs the URL for an empty one.
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("PUT").map_err(|_| NotAnswered::Failed("PUT is no method".to_owned()))?;
    request
        .set_uri(url.expose())
        .map_err(|_| NotAnswered::Failed("the response URL is no URI".to_owned()))?;
    request.headers_mut().insert("content-length", body.len().to_string());
    let response = http.call(request).await;
    // The connector's error is not shown: it might name the URL.
    let status = match response {
        Ok(response) => response.status().as_u16(),
        Err(error) if error.is_timeout() => return Err(NotAnswered::Failed("the time is over".to_owned())),
        Err(_) => return Err(NotAnswered::Failed("the connection broke".to_owned())),
    };
    verdict(status)
}

/// What S3's status says about the answer.
fn verdict(status: u16) -> Result<(), NotAnswered> {
    match status {
        200..=299 => Ok(()),
        // 400 is, among others, S3's RequestTimeout, and 409 a conflict that passes.
        400 | 408 | 409 | 429 | 500..=599 => {
            Err(NotAnswered::Failed(format!("S3 answered with HTTP status {status}")))
        }
        _ => Err(NotAnswered::Refused(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_success_is_one_and_only_a_refusal_is_final() {
        for status in [200, 204] {
            assert_eq!(verdict(status), Ok(()), "{status}");
        }
        for status in [400, 408, 409, 429, 500, 503] {
            assert!(matches!(verdict(status), Err(NotAnswered::Failed(_))), "{status}");
        }
        for status in [301, 307, 403, 404, 405] {
            assert_eq!(verdict(status), Err(NotAnswered::Refused(status)));
        }
    }
}

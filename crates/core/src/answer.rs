//! The body of the answer to CloudFormation: at most 4096 bytes, or the real reason is lost.

use serde_json::{Map, Value, json};

use crate::plan::Decision;
use crate::request::Request;

/// The longest body that CloudFormation reads, in bytes.
pub const MAX_BYTES: usize = 4_096;

/// The body of an answer. A reason that is too long is cut between characters; outputs are never cut: where they do
/// not fit, the answer is FAILED and says so.
pub fn body(request: &Request, decision: &Decision) -> String {
    if let Some(body) = fitting(request, decision, &decision.reason) {
        return body;
    }
    let reason =
        "The outputs do not fit into the 4096 bytes that CloudFormation reads. Use shorter identifiers.";
    let failed = Decision::failed(&decision.physical_id, reason);
    fitting(request, &failed, reason).unwrap_or_else(|| render(request, &failed, ""))
}

/// The body with as much of the reason as fits; `None` if it does not fit without one.
fn fitting(request: &Request, decision: &Decision, reason: &str) -> Option<String> {
    let whole = render(request, decision, reason);
    if whole.len() <= MAX_BYTES {
        return Some(whole);
    }
    let empty = render(request, decision, "");
    let mut room = MAX_BYTES.checked_sub(empty.len() + '…'.len_utf8())?;
    let mut kept = String::new();
    for c in reason.chars() {
        // What the character takes in JSON: quotes, backslashes and control characters take more than themselves.
        let size = Value::String(c.to_string()).to_string().len() - 2;
        if size > room {
            break;
        }
        room -= size;
        kept.push(c);
    }
    kept.push('…');
    Some(render(request, decision, &kept))
}

fn render(request: &Request, decision: &Decision, reason: &str) -> String {
    let mut body = Map::new();
    body.insert("Status".into(), json!(if decision.success { "SUCCESS" } else { "FAILED" }));
    body.insert("Reason".into(), json!(reason));
    body.insert("PhysicalResourceId".into(), json!(decision.physical_id));
    body.insert("StackId".into(), json!(request.stack_id));
    body.insert("RequestId".into(), json!(request.request_id));
    body.insert("LogicalResourceId".into(), json!(request.logical_id));
    if !decision.data.is_empty() {
        body.insert("Data".into(), Value::Object(decision.data.clone()));
    }
    Value::Object(body).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RequestType;
    use proptest::prelude::*;

    fn request() -> Request {
        Request {
            kind: Some(RequestType::Create),
            stack_id: "arn:aws:cloudformation:eu-west-1:123456789012:stack/web/1".into(),
            request_id: "r".into(),
            logical_id: "Clone".into(),
            physical_id: None,
            properties: Value::Null,
            old_properties: Value::Null,
        }
    }

    proptest! {
        #[test]
        fn always_fits_and_always_parses(reason in "(\\PC|[\"\\\\\n\t\u{1}😀ß]){0,6000}", size in 0_usize..6_000) {
            let data = Map::from_iter([("Endpoint".to_owned(), json!("e".repeat(size)))]);
            let decision = Decision::success("id", reason.clone(), data);
            let body = body(&request(), &decision);
            prop_assert!(body.len() <= MAX_BYTES);
            let parsed: Value = serde_json::from_str(&body).expect("JSON");
            prop_assert_eq!(&parsed["PhysicalResourceId"], "id");
            match parsed["Status"].as_str() {
                Some("SUCCESS") => prop_assert_eq!(parsed["Data"]["Endpoint"].as_str().map(str::len), Some(size)),
                _ => prop_assert!(size > 3_000),
            }
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let decision = Decision::failed("id", "ß\"😀".repeat(3_000));
        let body = body(&request(), &decision);
        assert!(body.len() <= MAX_BYTES && body.len() > MAX_BYTES - 12, "{}", body.len());
        assert!(body.contains('…'));
    }
}

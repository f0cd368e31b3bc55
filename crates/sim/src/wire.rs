//! Which service a request is for, and how each service says that it did not execute a call.

use serde_json::Value;

use crate::cloudwatch;
use crate::faults::FaultKind;
use crate::http::{Request, Response};
use crate::json::error_in;
use crate::query;

/// Which service and operation a request is for.
pub(crate) fn route(request: &Request) -> (&'static str, String) {
    if let Some(target) = request.header("x-amz-target") {
        let (prefix, operation) = target.split_once('.').unwrap_or(("", target));
        let service = match prefix {
            "DynamoDB_20120810" => "dynamodb",
            "AWSStepFunctions" => "states",
            "secretsmanager" => "secretsmanager",
            "TrentService" => "kms",
            "AWSEvents" => "events",
            "AmazonSSM" => "ssm",
            cloudwatch::SERVICE => "cloudwatch",
            "Logs_20140328" => "logs",
            _ => "unknown",
        };
        return (service, operation.to_owned());
    }
    if let Some(operation) = cloudwatch::operation_of_path(&request.path) {
        return ("cloudwatch", operation.to_owned());
    }
    if request.method == "PUT" {
        return ("s3", "PutObject".to_owned());
    }
    let parameters = query::parameters(&request.body);
    let operation = parameters.get("Action").cloned().unwrap_or_default();
    let service = match parameters.get("Version").map(String::as_str) {
        Some("2014-10-31") => "rds",
        Some("2010-05-15") => "cloudformation",
        Some("2010-08-01") => "cloudwatch",
        Some("2011-06-15") => "sts",
        Some("2010-05-08") => "iam",
        _ => "unknown",
    };
    (service, operation)
}

/// Whether the id of a request stands in a header only, which the World adds.
pub(crate) fn is_json(service: &str) -> bool {
    matches!(
        service,
        "dynamodb" | "states" | "secretsmanager" | "kms" | "events" | "ssm" | "cloudwatch" | "logs"
    )
}

/// What a service answers instead of executing a call that a fault hits; `None` if the call reaches it.
pub(crate) fn refused_by(service: &str, fault: &FaultKind, request_id: &str) -> Option<Response> {
    let (status, code, message) = match fault {
        FaultKind::Throttle => match service {
            "s3" => (503, "SlowDown", "Please reduce your request rate."),
            "secretsmanager" | "kms" | "events" | "ssm" | "logs" => {
                (400, "ThrottlingException", "Rate exceeded")
            }
            _ => (400, "Throttling", "Rate exceeded"),
        },
        FaultKind::Deny => {
            let message = "not authorized to perform this operation (simulated)";
            return Some(denied(service, message, request_id));
        }
        FaultKind::ServerError => {
            let code = match service {
                "secretsmanager" => "InternalServiceError",
                "kms" => "KMSInternalException",
                "events" => "InternalException",
                "ssm" => "InternalServerError",
                _ => "InternalFailure",
            };
            (500, code, "internal error (simulated)")
        }
        _ => return None,
    };
    Some(refusal(service, status, code, message, request_id))
}

/// What a service answers to a call that IAM does not let through.
pub(crate) fn denied(service: &str, message: &str, request_id: &str) -> Response {
    let (status, code) = match service {
        "rds" | "cloudformation" | "sts" | "iam" => (403, "AccessDenied"),
        "secretsmanager" | "kms" | "events" | "ssm" | "logs" => (400, "AccessDeniedException"),
        _ => (403, "AccessDeniedException"),
    };
    refusal(service, status, code, message, request_id)
}

/// An error in the protocol of the service, for a call that is not executed.
fn refusal(service: &str, status: u16, code: &str, message: &str, request_id: &str) -> Response {
    let namespace = match service {
        "rds" => query::RDS_NAMESPACE,
        "cloudformation" => query::CLOUDFORMATION_NAMESPACE,
        "sts" => query::STS_NAMESPACE,
        "iam" => query::IAM_NAMESPACE,
        "cloudwatch" => {
            return cloudwatch::refusal(status, code, message).with_header("x-amzn-requestid", request_id);
        }
        "s3" => {
            let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
            return Response::new(status, "application/xml", body);
        }
        "secretsmanager" | "kms" | "events" | "ssm" | "logs" => {
            let member = if service == "secretsmanager" { "Message" } else { "message" };
            return error_in(member, status, code, message).with_header("x-amzn-requestid", request_id);
        }
        _ => return json_error(status, code, message).with_header("x-amzn-requestid", request_id),
    };
    query::error(namespace, status, code, message, request_id)
}

/// An error of a JSON 1.0 service.
pub(crate) fn json_error(status: u16, code: &str, message: &str) -> Response {
    let body = serde_json::json!({ "__type": code, "message": message }).to_string();
    Response::new(status, "application/x-amz-json-1.0", body).with_header("x-amzn-errortype", code)
}

/// The error code in a response of any of the protocols.
pub(crate) fn error_code(response: &Response) -> Option<String> {
    if response.status < 300 {
        return None;
    }
    // CBOR has the code in a header as well.
    if let Some((_, error)) = response.headers.iter().find(|(name, _)| name == "x-amzn-query-error") {
        return Some(error.split(';').next().unwrap_or_default().to_owned());
    }
    let body = String::from_utf8_lossy(&response.body);
    if let Some(code) = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")) {
        return Some(code.0.to_owned());
    }
    let json: Value = serde_json::from_str(&body).ok()?;
    let code = json.get("__type")?.as_str()?;
    Some(code.rsplit('#').next().unwrap_or(code).to_owned())
}

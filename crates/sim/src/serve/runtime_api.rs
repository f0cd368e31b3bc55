//! Lambda's runtime API, as one function's process sees it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::functions::{FunctionError, Invocation, invocation_id, request_id};
use crate::http::{Request, Response};
use crate::sim::Sim;

const BASE: &str = "/2018-06-01/runtime/";

pub(super) async fn handle(sim: &Sim, function: &str, request: &Request) -> Response {
    let path = request.path.strip_prefix(BASE).unwrap_or_default();
    let path: Vec<&str> = path.split('/').collect();
    match (request.method.as_str(), path.as_slice()) {
        ("GET", ["invocation", "next"]) => {
            let invocation = sim.next_invocation(function).await;
            hand_over(sim, &invocation)
        }
        ("POST", ["invocation", id, "response"]) => finish(sim, function, id, answer(request)),
        ("POST", ["invocation", id, "error"]) => finish(sim, function, id, Err(error(request))),
        ("POST", ["init", "error"]) => init_failed(sim, function, error(request)),
        _ => refusal(404, "NotFound", &format!("no {} {} in the runtime API", request.method, request.path)),
    }
}

fn hand_over(sim: &Sim, invocation: &Invocation) -> Response {
    let id = invocation.id;
    let (arn, timeout) = sim.with(|world| {
        let config = &world.config;
        let arn = format!(
            "arn:{}:lambda:{}:{}:function:{}",
            config.partition, config.region, config.account, invocation.function
        );
        let record = world.functions.record(id);
        (arn, record.map(|record| record.deadline - record.started_at).unwrap_or_default())
    });
    Response::new(200, "application/json", invocation.payload.to_string())
        .with_header("lambda-runtime-aws-request-id", &request_id(id))
        .with_header("lambda-runtime-deadline-ms", &real_deadline(timeout.to_std().unwrap_or_default()))
        .with_header("lambda-runtime-invoked-function-arn", &arn)
        .with_header(
            "lambda-runtime-trace-id",
            &format!("Root=1-{id:08x}-{id:024x};Parent={id:016x};Sampled=0"),
        )
}

/// The process lives in real time. It is given the whole timeout there, however fast the World's clock runs.
fn real_deadline(timeout: Duration) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now + timeout).as_millis().to_string()
}

fn answer(request: &Request) -> Result<Value, FunctionError> {
    if request.body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&request.body).map_err(|error| {
        FunctionError::new("Runtime.InvalidResponse", format!("the function's answer is not JSON: {error}"))
    })
}

fn error(request: &Request) -> FunctionError {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let field = |name: &str| body.get(name).and_then(Value::as_str);
    let header = request.header("lambda-runtime-function-error-type");
    FunctionError::new(
        field("errorType").or(header).unwrap_or("Runtime.Unknown"),
        field("errorMessage").unwrap_or_default(),
    )
}

fn finish(sim: &Sim, function: &str, id: &str, result: Result<Value, FunctionError>) -> Response {
    let accepted = sim.with(|world| {
        let id = invocation_id(id)?;
        let ours = world.functions.record(id).is_some_and(|record| record.function == function);
        if !ours || !world.functions.is_running(id) {
            return None;
        }
        world.settle(|services, cx| services.functions.finish(cx, id, result));
        Some(())
    });
    match accepted {
        Some(()) => accepted_response(),
        None => refusal(400, "InvalidRequestID", "no such invocation runs (it may have timed out)"),
    }
}

/// A process that can't start fails the invocation that it was started for.
fn init_failed(sim: &Sim, function: &str, error: FunctionError) -> Response {
    sim.with(|world| {
        let now = world.now();
        if let Some(invocation) = world.functions.take(now, function) {
            world.settle(|services, cx| services.functions.finish(cx, invocation.id, Err(error)));
        }
    });
    accepted_response()
}

fn accepted_response() -> Response {
    Response::new(202, "application/json", r#"{"status":"OK"}"#)
}

fn refusal(status: u16, kind: &str, message: &str) -> Response {
    let body = json!({ "errorType": kind, "errorMessage": message }).to_string();
    Response::new(status, "application/json", body)
}

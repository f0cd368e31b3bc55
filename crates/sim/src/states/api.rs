//! The API of Step Functions, as the wire carries it.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value, json};

use super::StepFunctions;
use super::data::PAYLOAD_LIMIT;
use super::execution::{Execution, Status};
use crate::http::{Request, Response};
use crate::wire::json_error;
use crate::world::Context;

type Answer = Result<Value, Response>;

/// How long a closed execution is remembered.
const RETENTION_DAYS: i64 = 90;

pub(super) fn handle(states: &mut StepFunctions, cx: &mut Context<'_>, request: &Request) -> Response {
    let target = request.header("x-amz-target").unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    let answer = Members::parse(&request.body).and_then(|members| match operation {
        "StartExecution" => start_execution(states, cx, &members),
        "DescribeExecution" => describe_execution(states, cx, &members),
        "StopExecution" => stop_execution(states, cx, &members),
        "ListExecutions" => list_executions(states, cx, &members),
        other => {
            Err(error("UnknownOperationException", &format!("not simulated: operation {other:?} of states")))
        }
    });
    match answer {
        Ok(body) => Response::new(200, "application/x-amz-json-1.0", body.to_string()),
        Err(response) => response,
    }
}

fn start_execution(states: &mut StepFunctions, cx: &mut Context<'_>, members: &Members) -> Answer {
    members.only(&["stateMachineArn", "name", "input"])?;
    let machine_arn = members.arn("stateMachineArn")?;
    let machine = states.machines.get(machine_arn).map(Arc::clone).ok_or_else(|| {
        error("StateMachineDoesNotExist", &format!("State Machine Does Not Exist: '{machine_arn}'"))
    })?;
    let name = match members.text("name")? {
        Some(name) if is_name(name) => name.to_owned(),
        Some(name) => return Err(error("InvalidName", &format!("Invalid Name: '{name}'"))),
        None => cx.rng.uuid(),
    };
    let input = members.text("input")?.unwrap_or("{}");
    if input.len() > PAYLOAD_LIMIT {
        return Err(invalid(
            "Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144",
        ));
    }
    let parsed: Value = serde_json::from_str(input).map_err(|problem| {
        error("InvalidExecutionInput", &format!("Invalid State Machine Execution Input: '{problem}'"))
    })?;
    let arn = format!("{}:{name}", machine_arn.replacen(":stateMachine:", ":execution:", 1));
    if let Some(existing) = remembered(states, &arn, cx.now) {
        if existing.is_running() && existing.input == input {
            return Ok(json!({"executionArn": arn, "startDate": seconds(existing.started)}));
        }
        return Err(error("ExecutionAlreadyExists", &format!("Execution Already Exists: '{arn}'")));
    }
    states.start(cx, machine, arn.clone(), name, (input.to_owned(), parsed));
    Ok(json!({"executionArn": arn, "startDate": seconds(cx.now)}))
}

fn describe_execution(states: &StepFunctions, cx: &Context<'_>, members: &Members) -> Answer {
    members.only(&["executionArn", "includedData"])?;
    if members.text("includedData")?.is_some_and(|data| data != "ALL_DATA") {
        return Err(invalid("not simulated: includedData other than ALL_DATA"));
    }
    let arn = members.arn("executionArn")?;
    let execution = remembered(states, arn, cx.now).ok_or_else(|| no_execution(arn))?;
    let mut body = listed(execution);
    body.insert("input".to_owned(), json!(execution.input));
    body.insert("inputDetails".to_owned(), json!({"included": true}));
    if let Some(output) = &execution.output {
        body.insert("output".to_owned(), json!(output));
        body.insert("outputDetails".to_owned(), json!({"included": true}));
    }
    for (name, text) in [("error", &execution.error), ("cause", &execution.cause)] {
        if let Some(text) = text {
            body.insert(name.to_owned(), json!(text));
        }
    }
    let redrivable = !matches!(execution.status, Status::Running | Status::Succeeded);
    body.insert("redriveStatus".to_owned(), json!(if redrivable { "REDRIVABLE" } else { "NOT_REDRIVABLE" }));
    if !redrivable {
        let reason = format!("Execution is {} and cannot be redriven", execution.status.name());
        body.insert("redriveStatusReason".to_owned(), json!(reason));
    }
    Ok(Value::Object(body))
}

fn stop_execution(states: &mut StepFunctions, cx: &mut Context<'_>, members: &Members) -> Answer {
    members.only(&["executionArn", "error", "cause"])?;
    let arn = members.arn("executionArn")?.to_owned();
    let (reason, cause) = (members.text("error")?, members.text("cause")?);
    for (name, value, limit) in [("error", reason, 256), ("cause", cause, 32_768)] {
        if value.is_some_and(|value| value.chars().count() > limit) {
            return Err(invalid(&format!(
                "Value at '{name}' failed to satisfy constraint: Member must have length less than or equal to {limit}"
            )));
        }
    }
    let execution = remembered(states, &arn, cx.now).ok_or_else(|| no_execution(&arn))?;
    if let Some(stopped) = execution.stopped {
        return Ok(json!({"stopDate": seconds(stopped)}));
    }
    let number = states.by_arn[&arn];
    let (reason, cause) = (reason.map(str::to_owned), cause.map(str::to_owned));
    states.with(cx, number, |engine| engine.abort(reason, cause));
    Ok(json!({"stopDate": seconds(cx.now)}))
}

fn list_executions(states: &StepFunctions, cx: &Context<'_>, members: &Members) -> Answer {
    members.only(&["stateMachineArn", "statusFilter", "maxResults", "nextToken"])?;
    let machine_arn = members.arn("stateMachineArn")?;
    if !states.machines.contains_key(machine_arn) {
        return Err(error(
            "StateMachineDoesNotExist",
            &format!("State Machine Does Not Exist: '{machine_arn}'"),
        ));
    }
    let status = match members.text("statusFilter")? {
        None => None,
        Some(name) => match Status::ALL.into_iter().find(|status| status.name() == name) {
            Some(status) => Some(status),
            None => return Err(invalid(&format!("not simulated: statusFilter {name:?}"))),
        },
    };
    let most = match members.0.get("maxResults") {
        None => 100,
        Some(value) => match value.as_u64().filter(|number| *number <= 1000) {
            Some(0) => 100,
            Some(number) => usize::try_from(number).unwrap_or(100),
            None => return Err(invalid("Value at 'maxResults' must be between 0 and 1000")),
        },
    };
    let below = match members.text("nextToken")? {
        None => usize::MAX,
        Some(token) => token
            .strip_prefix("before-")
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| error("InvalidToken", &format!("Invalid Token: '{token}'")))?,
    };
    let mut matching = states.executions.iter().enumerate().rev().filter(|(number, execution)| {
        *number < below
            && execution.state_machine == machine_arn
            && !forgotten(execution, cx.now)
            && status.is_none_or(|status| execution.status == status)
    });
    let page: Vec<(usize, &Execution)> = matching.by_ref().take(most).collect();
    let executions = page.iter().map(|(_, execution)| Value::Object(listed(execution)));
    let mut body = json!({"executions": executions.collect::<Vec<_>>()});
    if let (Some((last, _)), Some(_)) = (page.last(), matching.next()) {
        body["nextToken"] = json!(format!("before-{last}"));
    }
    Ok(body)
}

/// What ListExecutions tells about an execution.
fn listed(execution: &Execution) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("executionArn".to_owned(), json!(execution.arn));
    body.insert("stateMachineArn".to_owned(), json!(execution.state_machine));
    body.insert("name".to_owned(), json!(execution.name));
    body.insert("status".to_owned(), json!(execution.status.name()));
    body.insert("startDate".to_owned(), seconds(execution.started));
    if let Some(stopped) = execution.stopped {
        body.insert("stopDate".to_owned(), seconds(stopped));
    }
    body.insert("redriveCount".to_owned(), json!(0));
    body
}

fn remembered<'s>(states: &'s StepFunctions, arn: &str, now: DateTime<Utc>) -> Option<&'s Execution> {
    let execution = states.executions.get(*states.by_arn.get(arn)?)?;
    Some(execution).filter(|execution| !forgotten(execution, now))
}

fn forgotten(execution: &Execution, now: DateTime<Utc>) -> bool {
    execution.stopped.is_some_and(|stopped| now - stopped >= Duration::days(RETENTION_DAYS))
}

/// Whether AWS takes it as the name of an execution or a state machine.
pub(super) fn is_name(name: &str) -> bool {
    let forbidden = |c: char| {
        c.is_whitespace() || c.is_control() || "<>{}[]?*\"#%\\^|~`$&,;:/\u{fffe}\u{ffff}".contains(c)
    };
    !name.is_empty() && name.chars().count() <= 80 && !name.contains(forbidden)
}

fn seconds(at: DateTime<Utc>) -> Value {
    json!(at.timestamp_millis() as f64 / 1000.0)
}

fn error(code: &str, message: &str) -> Response {
    json_error(400, code, message)
}

fn invalid(message: &str) -> Response {
    error("ValidationException", message)
}

fn no_execution(arn: &str) -> Response {
    error("ExecutionDoesNotExist", &format!("Execution Does Not Exist: '{arn}'"))
}

/// The members of a request; `null` counts as absent.
struct Members(Map<String, Value>);

impl Members {
    fn parse(body: &[u8]) -> Result<Self, Response> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(mut members)) => {
                members.retain(|_, value| !value.is_null());
                Ok(Self(members))
            }
            _ => Err(error("SerializationException", "the body is no JSON object")),
        }
    }

    /// Members that are not simulated are refused, whether AWS knows them or not.
    fn only(&self, known: &[&str]) -> Result<(), Response> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(invalid(&format!("not simulated: request member {name:?}"))),
            None => Ok(()),
        }
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Response> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(error("SerializationException", &format!("{name} must be a string"))),
        }
    }

    fn arn(&self, name: &str) -> Result<&str, Response> {
        let text = self.text(name)?.ok_or_else(|| {
            invalid(&format!("Value null at '{name}' failed to satisfy constraint: Member must not be null"))
        })?;
        if text.len() > 256 || text.split(':').count() < 7 || !text.starts_with("arn:") {
            return Err(error("InvalidArn", &format!("Invalid Arn: 'Invalid ARN prefix or format: {text}'")));
        }
        Ok(text)
    }
}

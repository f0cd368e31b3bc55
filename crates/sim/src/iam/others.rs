//! What IAM asks about a call of DynamoDB, Step Functions, CloudFormation, EventBridge or SSM: one resource each, but for events,
//! which are asked about one by one, and for the listing of all stacks.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Ask, Context};
use crate::http::Request;
use crate::query;
use crate::world::World;

pub(super) fn asks(world: &World, service: &str, operation: &str, request: &Request) -> Vec<Ask> {
    let action = format!("{service}:{operation}");
    let one = |resource: String| vec![Ask::new(action.clone(), resource, Context::default())];
    let here = |service: &str, rest: &str| arn(world, service, rest);
    match (service, operation) {
        ("cloudformation", _) => stacks(world, operation, request),
        ("dynamodb", _) => {
            let body = body(request);
            match text(&body, "TableName") {
                table if table.starts_with("arn:") => one(table.to_owned()),
                table => one(here("dynamodb", &format!("table/{table}"))),
            }
        }
        ("states", "StartExecution" | "ListExecutions") => {
            one(text(&body(request), "stateMachineArn").to_owned())
        }
        ("states", _) => one(text(&body(request), "executionArn").to_owned()),
        ("ssm", _) => {
            let body = body(request);
            one(here("ssm", &format!("parameter/{}", text(&body, "Name").trim_start_matches('/'))))
        }
        // The principal whose policies are tried.
        ("iam", "SimulatePrincipalPolicy") => {
            one(query::parameters(&request.body).remove("PolicySourceArn").unwrap_or_default())
        }
        ("events", _) => events(world, &action, &body(request)),
        _ => one("*".to_owned()),
    }
}

fn arn(world: &World, service: &str, rest: &str) -> String {
    let config = &world.config;
    format!("arn:{}:{service}:{}:{}:{rest}", config.partition, config.region, config.account)
}

/// The listing of all stacks takes the right to list as well, and both on everything.
fn stacks(world: &World, operation: &str, request: &Request) -> Vec<Ask> {
    let parameters = query::parameters(&request.body);
    let action = format!("cloudformation:{operation}");
    let nothing = Context::default;
    match parameters.get("StackName") {
        Some(name) if name.starts_with("arn:") => vec![Ask::new(action, name.clone(), nothing())],
        Some(name) => {
            let known = world.cloudformation.stack(name).map(|stack| stack.id.clone());
            let id = known.unwrap_or_else(|| arn(world, "cloudformation", &format!("stack/{name}/0")));
            vec![Ask::new(action, id, nothing())]
        }
        None if operation == "DescribeStacks" => {
            vec![Ask::new(action, "*", nothing()), Ask::new("cloudformation:ListStacks", "*", nothing())]
        }
        None => vec![Ask::new(action, "*", nothing())],
    }
}

fn events(world: &World, action: &str, body: &Value) -> Vec<Ask> {
    let entries = body.get("Entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let asks = entries.iter().map(|entry| {
        let bus = match text(entry, "EventBusName") {
            "" => "default",
            bus => bus,
        };
        let bus = if bus.starts_with("arn:") {
            bus.to_owned()
        } else {
            arn(world, "events", &format!("event-bus/{bus}"))
        };
        let context = Context::default()
            .with("events:source", text(entry, "Source"))
            .with("events:detail-type", text(entry, "DetailType"));
        Ask::new(action.to_owned(), bus, context)
    });
    asks.collect()
}

/// The body of a JSON request; `null` if it is none.
pub(super) fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The tags in the member `Tags`.
pub(super) fn tags_in(body: &Value, key: &str, value: &str) -> BTreeMap<String, String> {
    let tags = body.get("Tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    tags.iter().map(|tag| (text(tag, key).to_owned(), text(tag, value).to_owned())).collect()
}

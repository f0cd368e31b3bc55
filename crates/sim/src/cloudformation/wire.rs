//! CloudFormation's query API.

use chrono::{DateTime, Utc};

use super::changes;
use super::request::Parameters;
use super::stack::{OnFailure, Resource, Stack, StackEvent};
use super::{ApiError, CloudFormation};
use crate::http::{Request, Response};
use crate::query::{self, CLOUDFORMATION_NAMESPACE, Xml};
use crate::world::Context;

const PAGE: usize = 100;

const CHANGE: [&str; 6] = ["StackName", "TemplateBody", "Parameters", "Capabilities", "RoleARN", "Tags"];

/// Handles a call.
pub(super) fn handle(service: &mut CloudFormation, cx: &mut Context<'_>, request: &Request) -> Response {
    let parameters = query::parameters(&request.body);
    let operation = parameters.get("Action").cloned().unwrap_or_default();
    let request_id = cx.rng.uuid();
    let answered = match operation.as_str() {
        "CreateStack" => create(service, cx, parameters),
        "UpdateStack" => update(service, cx, parameters),
        "DeleteStack" => delete(service, cx, parameters),
        "DescribeStacks" => stacks(service, cx, parameters),
        "DescribeStackResource" => resource(service, cx, parameters),
        "DescribeStackResources" => resources(service, cx, parameters),
        "DescribeStackEvents" => events(service, cx, parameters),
        "ListExports" => exports(service, parameters),
        "CreateChangeSet" => changes::create(service, cx, parameters),
        "DescribeChangeSet" => changes::describe(service, parameters),
        "ExecuteChangeSet" => changes::execute(service, cx, parameters),
        "GetTemplateSummary" => changes::summary(service, cx, parameters),
        other => {
            Err(ApiError { code: "InvalidAction", message: format!("not simulated: operation {other}") })
        }
    };
    match answered {
        Ok(Some(write)) => query::answer(CLOUDFORMATION_NAMESPACE, &operation, &request_id, write),
        Ok(None) => query::empty_answer(CLOUDFORMATION_NAMESPACE, &operation, &request_id),
        Err(error) => query::error(CLOUDFORMATION_NAMESPACE, 400, error.code, &error.message, &request_id),
    }
}

type Given = std::collections::BTreeMap<String, String>;
pub(super) type Answered = Result<Option<Box<dyn FnOnce(&mut Xml)>>, ApiError>;

pub(super) fn write(write: impl FnOnce(&mut Xml) + 'static) -> Answered {
    Ok(Some(Box::new(write)))
}

fn create(service: &mut CloudFormation, cx: &mut Context<'_>, given: Given) -> Answered {
    let parameters = Parameters::new(given, &[&CHANGE[..], &["DisableRollback", "OnFailure"]].concat())?;
    let (name, body) = (parameters.required("StackName")?, parameters.template()?);
    let id = service.create_stack(cx, name, body, &parameters.given(None)?, &parameters.options()?)?;
    write(move |xml| {
        xml.text("StackId", id);
    })
}

fn update(service: &mut CloudFormation, cx: &mut Context<'_>, given: Given) -> Answered {
    let parameters = Parameters::new(given, &CHANGE)?;
    let (name, body) = (parameters.required("StackName")?, parameters.template()?);
    let previous = service.position(cx.now, name).and_then(|at| service.stacks.get(at));
    let values = parameters.given(previous.map(|stack| &stack.plan.values))?;
    let mut options = parameters.options()?;
    if options.tags.is_empty()
        && let Some(stack) = previous
    {
        options.tags.clone_from(&stack.tags);
    }
    let id = service.update_stack(cx, name, body, &values, &options)?;
    write(move |xml| {
        xml.text("StackId", id);
    })
}

fn delete(service: &mut CloudFormation, cx: &mut Context<'_>, given: Given) -> Answered {
    let parameters = Parameters::new(given, &["StackName", "RoleARN"])?;
    service.delete_stack(cx, parameters.required("StackName")?)?;
    Ok(None)
}

fn stacks(service: &CloudFormation, cx: &Context<'_>, given: Given) -> Answered {
    let parameters = Parameters::new(given, &["StackName", "NextToken"])?;
    let chosen: Vec<&Stack> = match parameters.get("StackName") {
        Some(name) => vec![find(service, cx, name, &format!("Stack with id {name} does not exist"))?],
        None => service.stacks.iter().rev().filter(|stack| !stack.is_deleted()).collect(),
    };
    let (chosen, next) = page(chosen, parameters.get("NextToken"))?;
    let chosen: Vec<Stack> = chosen.into_iter().cloned().collect();
    write(move |xml| {
        xml.element("Stacks", |xml| {
            for stack in &chosen {
                xml.element("member", |xml| write_stack(xml, stack));
            }
        });
        xml.optional("NextToken", next);
    })
}

fn resource(service: &CloudFormation, cx: &Context<'_>, given: Given) -> Answered {
    let parameters = Parameters::new(given, &["StackName", "LogicalResourceId"])?;
    let (name, logical) = (parameters.required("StackName")?, parameters.required("LogicalResourceId")?);
    let stack = find(service, cx, name, &format!("Stack '{name}' does not exist"))?;
    let found = stack.resources.get(logical).ok_or_else(|| {
        ApiError::validation(format!("Resource {logical} does not exist for stack {}", stack.name))
    })?;
    let (stack, found) = (stack.clone(), found.clone());
    write(move |xml| {
        xml.element("StackResourceDetail", |xml| {
            write_resource(xml, &stack, &found, "LastUpdatedTimestamp");
            xml.text("Metadata", "{}");
        });
    })
}

fn resources(service: &CloudFormation, cx: &Context<'_>, given: Given) -> Answered {
    let parameters = Parameters::new(given, &["StackName", "LogicalResourceId"])?;
    let name = parameters.required("StackName")?;
    let stack = find(service, cx, name, &format!("Stack with id {name} does not exist"))?.clone();
    let logical = parameters.get("LogicalResourceId").map(str::to_owned);
    if let Some(logical) = &logical
        && !stack.resources.contains_key(logical)
    {
        return Err(ApiError::validation(format!(
            "Resource {logical} does not exist for stack {}",
            stack.name
        )));
    }
    write(move |xml| {
        xml.element("StackResources", |xml| {
            for resource in stack.resources.values() {
                if logical.as_ref().is_none_or(|wanted| *wanted == resource.logical_id) {
                    xml.element("member", |xml| write_resource(xml, &stack, resource, "Timestamp"));
                }
            }
        });
    })
}

fn events(service: &CloudFormation, cx: &Context<'_>, given: Given) -> Answered {
    let parameters = Parameters::new(given, &["StackName", "NextToken"])?;
    let name = parameters.required("StackName")?;
    let stack = find(service, cx, name, &format!("Stack [{name}] does not exist"))?;
    let newest_first = stack.events.iter().rev().cloned().collect();
    let (chosen, next) = page(newest_first, parameters.get("NextToken"))?;
    let (id, name) = (stack.id.clone(), stack.name.clone());
    write(move |xml| {
        xml.element("StackEvents", |xml| {
            for event in &chosen {
                xml.element("member", |xml| write_event(xml, &id, &name, event));
            }
        });
        xml.optional("NextToken", next);
    })
}

fn exports(service: &CloudFormation, given: Given) -> Answered {
    let parameters = Parameters::new(given, &["NextToken"])?;
    let exports = service.neighbours().exports.into_iter().collect();
    let (chosen, next) = page(exports, parameters.get("NextToken"))?;
    write(move |xml| {
        xml.element("Exports", |xml| {
            for (export, (value, stack, _)) in &chosen {
                xml.element("member", |xml| {
                    xml.text("ExportingStackId", stack).text("Name", export).text("Value", value);
                });
            }
        });
        xml.optional("NextToken", next);
    })
}

pub(super) fn find<'s>(
    service: &'s CloudFormation,
    cx: &Context<'_>,
    name: &str,
    unknown: &str,
) -> Result<&'s Stack, ApiError> {
    let found = service.position(cx.now, name).and_then(|at| service.stacks.get(at));
    found.ok_or_else(|| ApiError::validation(unknown))
}

/// One page, and the token of the next: the number of items before it.
fn page<T>(all: Vec<T>, token: Option<&str>) -> Result<(Vec<T>, Option<usize>), ApiError> {
    let skipped = match token {
        None => 0,
        Some(token) => token.parse().map_err(|_| ApiError::validation("The NextToken is invalid"))?,
    };
    let next = skipped + PAGE;
    let more = all.len() > next;
    Ok((all.into_iter().skip(skipped).take(PAGE).collect(), more.then_some(next)))
}

fn write_stack(xml: &mut Xml, stack: &Stack) {
    xml.text("StackId", &stack.id).text("StackName", &stack.name);
    xml.optional("Description", stack.plan.description.as_ref());
    xml.element("Parameters", |xml| {
        for (name, declaration) in &stack.plan.parameters {
            let value = stack.plan.values.get(name).map(String::as_str).unwrap_or_default();
            xml.element("member", |xml| {
                xml.text("ParameterKey", name)
                    .text("ParameterValue", if declaration.no_echo { "****" } else { value });
            });
        }
    });
    xml.text("CreationTime", time(stack.created));
    xml.optional("LastUpdatedTime", stack.updated.map(time));
    xml.optional("DeletionTime", stack.deleted.map(time));
    xml.element("RollbackConfiguration", |_| {});
    xml.text("StackStatus", &stack.status).optional("StackStatusReason", stack.reason.as_ref());
    xml.text("DisableRollback", stack.on_failure == OnFailure::DoNothing);
    xml.element("NotificationARNs", |_| {});
    xml.element("Capabilities", |xml| {
        for capability in &stack.capabilities {
            xml.text("member", capability);
        }
    });
    xml.element("Outputs", |xml| {
        for (key, output) in &stack.outputs {
            xml.element("member", |xml| {
                xml.text("OutputKey", key).text("OutputValue", &output.value);
                xml.optional("Description", output.description.as_ref());
                xml.optional("ExportName", output.export.as_ref());
            });
        }
    });
    xml.element("Tags", |xml| {
        for (key, value) in &stack.tags {
            xml.element("member", |xml| {
                xml.text("Key", key).text("Value", value);
            });
        }
    });
    xml.text("EnableTerminationProtection", false);
    xml.element("DriftInformation", |xml| {
        xml.text("StackDriftStatus", "NOT_CHECKED");
    });
}

fn write_resource(xml: &mut Xml, stack: &Stack, resource: &Resource, timestamp: &str) {
    xml.text("StackName", &stack.name).text("StackId", &stack.id);
    xml.text("LogicalResourceId", &resource.logical_id);
    xml.optional("PhysicalResourceId", resource.physical_id.as_ref());
    xml.text("ResourceType", &resource.kind).text(timestamp, time(resource.updated));
    xml.text("ResourceStatus", &resource.status).optional("ResourceStatusReason", resource.reason.as_ref());
    xml.element("DriftInformation", |xml| {
        xml.text("StackResourceDriftStatus", "NOT_CHECKED");
    });
}

fn write_event(xml: &mut Xml, stack_id: &str, stack_name: &str, event: &StackEvent) {
    xml.text("StackId", stack_id).text("EventId", &event.id).text("StackName", stack_name);
    xml.text("LogicalResourceId", &event.logical_id).text("PhysicalResourceId", &event.physical_id);
    xml.text("ResourceType", &event.kind).text("Timestamp", time(event.at));
    xml.text("ResourceStatus", &event.status).optional("ResourceStatusReason", event.reason.as_ref());
    xml.optional("ResourceProperties", event.properties.as_ref());
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

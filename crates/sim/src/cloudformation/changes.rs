//! Change sets, as `aws cloudformation deploy` uses them: a template and its parameters that wait to be carried out.
//!
//! Not simulated: the list of changes, and the stack in `REVIEW_IN_PROGRESS` that AWS makes for a change set of a new stack.

use super::parameters::{Declaration, Given};
use super::request::Parameters;
use super::template::Template;
use super::wire::{self, Answered};
use super::{ApiError, CloudFormation, StackOptions, pseudo_parameters};
use crate::query::Xml;
use crate::world::Context;

/// One change set.
#[derive(Debug, Clone)]
pub(super) struct ChangeSet {
    id: String,
    name: String,
    stack: String,
    creates: bool,
    template: String,
    given: Given,
    options: StackOptions,
    /// Why there is nothing to carry out.
    failed: Option<&'static str>,
    executed: bool,
}

const CREATE: [&str; 8] = [
    "ChangeSetName",
    "ChangeSetType",
    "StackName",
    "TemplateBody",
    "Parameters",
    "Capabilities",
    "Description",
    "Tags",
];

pub(super) fn create(service: &mut CloudFormation, cx: &mut Context<'_>, given: Given) -> Answered {
    let parameters = Parameters::new(given, &CREATE)?;
    let (name, stack) = (parameters.required("ChangeSetName")?, parameters.required("StackName")?);
    let creates = match parameters.get("ChangeSetType") {
        Some("CREATE") => true,
        None | Some("UPDATE") => false,
        Some(other) => return Err(ApiError::validation(format!("not simulated: ChangeSetType {other}"))),
    };
    let previous =
        service.position(cx.now, stack).and_then(|at| service.stacks.get(at)).filter(|s| !s.is_deleted());
    match (creates, previous) {
        (true, Some(_)) => {
            let message = format!(
                "Stack [{stack}] already exists and cannot be created again with the changeSet [{name}]."
            );
            return Err(ApiError::validation(message));
        }
        (false, None) => return Err(ApiError::validation(format!("Stack [{stack}] does not exist"))),
        _ => {}
    }
    let template = parameters.template()?.to_owned();
    let values = parameters.given(previous.map(|stack| &stack.plan.values))?;
    let mut options = parameters.options()?;
    let read = Template::read(&template)?;
    let failed = match previous {
        None => {
            read.plan(&values, &pseudo_parameters(cx, stack, "arn:of-a-stack-to-come"))?;
            None
        }
        Some(previous) => {
            if options.tags.is_empty() {
                options.tags.clone_from(&previous.tags);
            }
            let plan = read.plan(&values, &previous.pseudo)?;
            let same = previous.is_as_planned(&plan) && options.tags == previous.tags;
            same.then_some(
                "The submitted information didn't contain changes. Submit different information to create a change set.",
            )
        }
    };
    let config = cx.config;
    let id = format!(
        "arn:{}:cloudformation:{}:{}:changeSet/{name}/{}",
        config.partition,
        config.region,
        config.account,
        cx.rng.uuid()
    );
    let stack_id = previous.map_or_else(|| stack.to_owned(), |stack| stack.id.clone());
    let (name, stack) = (name.to_owned(), stack.to_owned());
    service.change_sets.retain(|set| set.name != name || set.stack != stack);
    let set = ChangeSet {
        id: id.clone(),
        name,
        stack,
        creates,
        template,
        given: values,
        options,
        failed,
        executed: false,
    };
    service.change_sets.push(set);
    wire::write(move |xml| {
        xml.text("Id", id).text("StackId", stack_id);
    })
}

/// Where the change set is that a call names, by its id, or by its name and its stack's.
fn find(service: &CloudFormation, parameters: &Parameters) -> Result<usize, ApiError> {
    let (name, stack) = (parameters.required("ChangeSetName")?, parameters.get("StackName"));
    let is = |set: &ChangeSet| set.id == name || (set.name == name && stack == Some(set.stack.as_str()));
    service.change_sets.iter().position(is).ok_or_else(|| ApiError {
        code: "ChangeSetNotFound",
        message: format!("ChangeSet [{name}] does not exist"),
    })
}

pub(super) fn describe(service: &CloudFormation, given: Given) -> Answered {
    let parameters = Parameters::new(given, &["ChangeSetName", "StackName"])?;
    let set = service.change_sets[find(service, &parameters)?].clone();
    let stack_id = service.live(&set.stack).map_or_else(|| set.stack.clone(), |stack| stack.id.clone());
    wire::write(move |xml| {
        xml.text("ChangeSetName", &set.name).text("ChangeSetId", &set.id);
        xml.text("StackId", stack_id).text("StackName", &set.stack);
        let execution = match (set.executed, set.failed) {
            (true, _) => "EXECUTE_COMPLETE",
            (false, Some(_)) => "UNAVAILABLE",
            (false, None) => "AVAILABLE",
        };
        xml.text("ExecutionStatus", execution);
        xml.text("Status", if set.failed.is_some() { "FAILED" } else { "CREATE_COMPLETE" });
        xml.optional("StatusReason", set.failed);
        xml.element("Changes", |_| {});
    })
}

pub(super) fn execute(service: &mut CloudFormation, cx: &mut Context<'_>, given: Given) -> Answered {
    let parameters = Parameters::new(given, &["ChangeSetName", "StackName", "DisableRollback"])?;
    let at = find(service, &parameters)?;
    let set = service.change_sets[at].clone();
    if set.failed.is_some() || set.executed {
        return Err(ApiError {
            code: "InvalidChangeSetStatus",
            message: format!("ChangeSet [{}] cannot be executed in its current status", set.id),
        });
    }
    let mut options = set.options;
    if parameters.flag("DisableRollback")? {
        options.on_failure = super::OnFailure::DoNothing;
    }
    if set.creates {
        service.create_stack(cx, &set.stack, &set.template, &set.given, &options)?;
    } else {
        service.update_stack(cx, &set.stack, &set.template, &set.given, &options)?;
    }
    service.change_sets[at].executed = true;
    wire::write(|_| {})
}

/// What a stack's template declares, as far as its parameters go.
pub(super) fn summary(service: &CloudFormation, cx: &Context<'_>, given: Given) -> Answered {
    let parameters = Parameters::new(given, &["StackName"])?;
    let name = parameters.required("StackName")?;
    let stack = wire::find(service, cx, name, &format!("Stack with id {name} does not exist"))?;
    let (description, declared) = (stack.plan.description.clone(), stack.plan.parameters.clone());
    wire::write(move |xml| {
        xml.element("Parameters", |xml| {
            for (name, declaration) in &declared {
                xml.element("member", |xml| write_declaration(xml, name, declaration));
            }
        });
        xml.optional("Description", description);
    })
}

fn write_declaration(xml: &mut Xml, name: &str, declaration: &Declaration) {
    xml.text("ParameterKey", name).text("NoEcho", declaration.no_echo);
}

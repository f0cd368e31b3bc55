//! CloudFormation: stacks with custom resources, and the calls that ask about them.
//!
//! The engine is AWS's as far as documents and reports of its users tell: requests go out asynchronously, only the
//! first answer of an open request counts, a failure cancels what is in progress, and a Create that was cancelled
//! gets a Delete with a physical id that nobody ever answered. Where documents are silent, [`Settings`] has a knob
//! or `assumptions.md` a line.

mod apply;
mod changes;
mod conditions;
mod document;
mod engine;
mod intrinsics;
mod parameters;
mod pattern;
mod protocol;
mod remove;
mod render;
mod request;
mod stack;
mod stand_in;
mod template;
mod view;
mod wire;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value, json};

use crate::http::{Request, Response};
use crate::world::Context;
use engine::{Engine, Neighbours};
use template::Template;

pub use parameters::Given;
pub use protocol::{LONGEST_ANSWER, response_key, response_url};
pub use render::{OfResource, render};
pub use stack::{OnFailure, Output, Received, RequestType, Resource, Stack, StackEvent};

/// A template's text as JSON, intrinsics in their long form and every scalar a text; for whoever looks at a template.
///
/// # Errors
///
/// What is wrong with it.
pub fn read_template(text: &str) -> Result<Value, ApiError> {
    document::load(text)
}

/// How long a deleted stack can be asked for by its id.
const REMEMBERED: Duration = Duration::days(90);

/// The rules of CloudFormation that documents leave open.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A failure cancels what is in progress at once, and a Create without an answer so far is followed by a Delete
    /// with an invented physical id. Off: the engine waits for the answers, and deletes by their ids.
    pub invented_id_on_cancel: bool,
    /// A request that failed is repeated later (in another update of the same stack) with the same `RequestId`.
    pub same_request_id_on_retry: bool,
    /// A FAILED answer to an Update that names another physical id changes the resource's physical id.
    pub failed_update_changes_id: bool,
    /// A rollback sends a reverse Update to a resource that was replaced. Off: it takes the old physical id back
    /// without asking, and only deletes the replacement.
    pub reverse_update_after_replacement: bool,
    /// A resource that an update removed is unknown to `DescribeStackResource`. Off: it is `DELETE_COMPLETE`, or
    /// `DELETE_SKIPPED` if a policy kept it.
    pub forgets_removed_resources: bool,
    /// The time between two steps of a stack.
    pub resource_delay: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            invented_id_on_cancel: true,
            same_request_id_on_retry: false,
            failed_update_changes_id: false,
            reverse_update_after_replacement: true,
            forgets_removed_resources: true,
            resource_delay: Duration::seconds(1),
        }
    }
}

/// A refusal, as the API says it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// The error's code, e.g. `ValidationError`.
    pub code: &'static str,
    /// What it says.
    pub message: String,
}

impl ApiError {
    /// A `ValidationError`.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self { code: "ValidationError", message: message.into() }
    }
}

/// What a stack may be created or updated with, beside template and parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackOptions {
    /// What to do when the creation fails.
    pub on_failure: OnFailure,
    /// The stack's tags.
    pub tags: BTreeMap<String, String>,
    /// Acknowledged capabilities.
    pub capabilities: Vec<String>,
}

impl StackOptions {
    /// The option `DisableRollback`.
    pub fn disable_rollback() -> Self {
        Self { on_failure: OnFailure::DoNothing, ..Self::default() }
    }
}

/// The stacks of the account.
#[derive(Debug, Default)]
pub struct CloudFormation {
    stacks: Vec<Stack>,
    received: Vec<Received>,
    change_sets: Vec<changes::ChangeSet>,
    /// Names of resources to come, by their stack's name and their logical id.
    foretold: BTreeMap<(String, String), String>,
}

impl CloudFormation {
    /// Handles a call.
    pub fn handle(&mut self, cx: &mut Context<'_>, request: &Request) -> Response {
        wire::handle(self, cx, request)
    }

    /// Says what a resource of a stack to come is called: what stands behind it is made by hand, under this name. It counts for
    /// resources that nothing of CloudFormation's own stands behind.
    pub fn foretell(&mut self, stack: &str, logical_id: &str, name: &str) {
        self.foretold.insert((stack.to_owned(), logical_id.to_owned()), name.to_owned());
    }

    /// Creates a stack; the answer is its id.
    pub fn create_stack(
        &mut self,
        cx: &mut Context<'_>,
        name: &str,
        template: &str,
        parameters: &Given,
        options: &StackOptions,
    ) -> Result<String, ApiError> {
        let legal = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.len() <= 128
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !legal {
            return Err(ApiError::validation(format!(
                "1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
            )));
        }
        if self.live(name).is_some() {
            return Err(ApiError {
                code: "AlreadyExistsException",
                message: format!("Stack [{name}] already exists"),
            });
        }
        let template = Template::read(template)?;
        let config = cx.config;
        let id = format!(
            "arn:{}:cloudformation:{}:{}:stack/{name}/{}",
            config.partition,
            config.region,
            config.account,
            cx.rng.uuid()
        );
        let pseudo = pseudo_parameters(cx, name, &id);
        if cx.config.forgetful {
            // No call can find these any more.
            let known = |stack: &Stack| stack.deleted.is_none_or(|deleted| cx.now - deleted <= REMEMBERED);
            self.stacks.retain(known);
        }
        let plan = template.plan(parameters, &pseudo)?;
        self.stacks.push(Stack {
            name: name.to_owned(),
            id: id.clone(),
            status: String::new(),
            reason: None,
            created: cx.now,
            updated: None,
            deleted: None,
            events: Vec::new(),
            resources: BTreeMap::new(),
            outputs: BTreeMap::new(),
            imports: Default::default(),
            on_failure: options.on_failure,
            tags: options.tags.clone(),
            capabilities: options.capabilities.clone(),
            plan,
            previous: None,
            pseudo,
            work: stack::Work::Create,
            applied: Default::default(),
            failures: Vec::new(),
            stack_failure: None,
            removals: Vec::new(),
            attempts: Vec::new(),
            failed_requests: BTreeMap::new(),
            wake: None,
        });
        let at = self.stacks.len() - 1;
        self.with(cx, at, |engine| {
            engine.stack_status("CREATE_IN_PROGRESS", Some("User Initiated".to_owned()));
            engine.touch();
        });
        Ok(id)
    }

    /// Updates a stack; the answer is its id. Parameters that are not given get their defaults.
    pub fn update_stack(
        &mut self,
        cx: &mut Context<'_>,
        name: &str,
        template: &str,
        parameters: &Given,
        options: &StackOptions,
    ) -> Result<String, ApiError> {
        let at = self.position(cx.now, name).filter(|at| !self.stacks[*at].is_deleted());
        let Some(at) = at else {
            return Err(ApiError::validation(format!("Stack [{name}] does not exist")));
        };
        let stack = &mut self.stacks[at];
        if !matches!(
            stack.status.as_str(),
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE"
        ) {
            let message = format!("Stack:{} is in {} state and can not be updated.", stack.id, stack.status);
            return Err(ApiError::validation(message));
        }
        let plan = Template::read(template)?.plan(parameters, &stack.pseudo)?;
        let retyped: Vec<&str> = plan
            .resources
            .iter()
            .filter(|new| {
                stack
                    .plan
                    .resources
                    .iter()
                    .any(|old| old.logical_id == new.logical_id && old.kind != new.kind)
            })
            .map(|definition| definition.logical_id.as_str())
            .collect();
        if !retyped.is_empty() {
            return Err(ApiError::validation(format!(
                "Update of resource type is not permitted. The new template modifies resource type of the following resources: [{}]",
                retyped.join(", ")
            )));
        }
        if stack.is_as_planned(&plan) && options.tags == stack.tags {
            return Err(ApiError::validation("No updates are to be performed."));
        }
        stack.previous = Some(std::mem::replace(&mut stack.plan, plan));
        stack.tags.clone_from(&options.tags);
        stack.capabilities.clone_from(&options.capabilities);
        stack.updated = Some(cx.now);
        stack.work = stack::Work::Update;
        stack.applied.clear();
        let id = stack.id.clone();
        self.with(cx, at, |engine| {
            engine.remember();
            engine.stack_status("UPDATE_IN_PROGRESS", Some("User Initiated".to_owned()));
            engine.touch();
        });
        Ok(id)
    }

    /// Deletes a stack. One that does not exist is deleted already.
    pub fn delete_stack(&mut self, cx: &mut Context<'_>, name: &str) -> Result<(), ApiError> {
        let Some(at) = self.position(cx.now, name).filter(|at| !self.stacks[*at].is_deleted()) else {
            return Ok(());
        };
        let stack = &self.stacks[at];
        if stack.status.starts_with("UPDATE_") && !stack.is_settled() {
            return Err(ApiError::validation(format!(
                "Stack [{}] cannot be deleted while in status {}",
                stack.name, stack.status
            )));
        }
        let importers = self.neighbours().importers;
        for output in stack.outputs.values() {
            if let Some(export) = &output.export
                && let Some(others) = importers.get(export)
            {
                return Err(ApiError::validation(format!(
                    "Export {export} cannot be deleted as it is in use by {}",
                    others.join(", ")
                )));
            }
        }
        self.with(cx, at, |engine| engine.delete());
        Ok(())
    }

    /// Sends the last event of a resource once more: the same `RequestId`, a new response URL. Whether there was
    /// one to send.
    pub fn redeliver(&mut self, cx: &mut Context<'_>, name: &str, logical_id: &str) -> bool {
        let Some(at) = self.position(cx.now, name) else { return false };
        self.with(cx, at, |engine| engine.redeliver(logical_id))
    }

    /// An answer arrived at the response URL with this key.
    pub fn answered(&mut self, cx: &mut Context<'_>, key: &str, body: &[u8]) {
        let open = |stack: &Stack| !key.is_empty() && stack.attempts.iter().any(|attempt| attempt.key == key);
        let at = self.stacks.iter().position(open);
        let received =
            Received { at: cx.now, key: key.to_owned(), body: body.to_vec(), counted: at.is_some() };
        if !cx.config.forgetful {
            self.received.push(received.clone());
        }
        if let Some(at) = at {
            self.with(cx, at, |engine| engine.answered(received));
        }
    }

    /// When something happens next by itself.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.stacks.iter().filter_map(Stack::next_due).min()
    }

    /// Lets everything happen that is due now.
    pub fn tick(&mut self, cx: &mut Context<'_>) {
        for at in 0..self.stacks.len() {
            if self.stacks[at].next_due().is_some_and(|due| due <= cx.now) {
                self.with(cx, at, |engine| engine.expire());
            }
        }
    }

    /// Runs `act` on a stack, then everything of it that is due now.
    fn with<R>(&mut self, cx: &mut Context<'_>, at: usize, act: impl FnOnce(&mut Engine<'_, '_>) -> R) -> R {
        let neighbours = self.neighbours();
        let mut engine = Engine { stack: &mut self.stacks[at], cx, neighbours: &neighbours };
        let result = act(&mut engine);
        while engine.stack.wake.is_some_and(|wake| wake <= engine.cx.now) {
            engine.run();
        }
        result
    }

    fn neighbours(&self) -> Neighbours {
        let mut neighbours = Neighbours { foretold: self.foretold.clone(), ..Neighbours::default() };
        for stack in self.stacks.iter().filter(|stack| !stack.is_deleted()) {
            for output in stack.outputs.values() {
                if let Some(export) = &output.export {
                    let exported = (output.value.clone(), stack.id.clone(), stack.name.clone());
                    neighbours.exports.insert(export.clone(), exported);
                }
            }
            for import in &stack.imports {
                neighbours.importers.entry(import.clone()).or_default().push(stack.name.clone());
            }
        }
        neighbours
    }
}

fn pseudo_parameters(cx: &Context<'_>, name: &str, id: &str) -> Map<String, Value> {
    let suffix = if cx.config.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    Map::from_iter([
        ("AWS::Region".to_owned(), json!(cx.config.region)),
        ("AWS::AccountId".to_owned(), json!(cx.config.account)),
        ("AWS::Partition".to_owned(), json!(cx.config.partition)),
        ("AWS::StackName".to_owned(), json!(name)),
        ("AWS::StackId".to_owned(), json!(id)),
        ("AWS::URLSuffix".to_owned(), json!(suffix)),
    ])
}

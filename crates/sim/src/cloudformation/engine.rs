//! The engine of one stack: it wakes, does everything that can be done now, and sleeps until an answer or a
//! deadline wakes it again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use serde_json::Value;

use super::intrinsics::Scope;
use super::protocol::{self, Answer, Expected, Failure};
use super::stack::{
    Applying, Attempt, Next, Received, RemovalState, RequestType, Resource, Stack, StackEvent, Work,
};
use crate::functions::ReplyTo;
use crate::world::{Context, Effect};

/// What a stack finds in its account: what the others export and import, and what is there already under a certain name.
#[derive(Debug, Clone, Default)]
pub(super) struct Neighbours {
    /// Export name -> (value, the exporting stack's id, its name).
    pub(super) exports: BTreeMap<String, (String, String, String)>,
    /// Export name -> the stacks that import it.
    pub(super) importers: BTreeMap<String, Vec<String>>,
    /// Names of resources to come, by their stack's name and their logical id.
    pub(super) foretold: BTreeMap<(String, String), String>,
}

/// A stack at work.
pub(super) struct Engine<'a, 'w> {
    pub(super) stack: &'a mut Stack,
    pub(super) cx: &'a mut Context<'w>,
    pub(super) neighbours: &'a Neighbours,
}

impl Engine<'_, '_> {
    /// Does what can be done now.
    pub(super) fn run(&mut self) {
        self.stack.wake = None;
        match self.stack.work {
            Work::Idle => {}
            Work::Create => self.apply(Applying::Create),
            Work::Update => self.apply(Applying::Update),
            Work::Revert => self.apply(Applying::Revert),
            Work::Rollback | Work::Delete | Work::Cleanup | Work::RevertCleanup => self.remove(),
            Work::Drain(next) if self.stack.attempts.is_empty() => match next {
                Next::Fail(applying) => self.fail(applying),
                Next::Delete => self.remove_everything(Work::Delete),
            },
            Work::Drain(_) => {}
        }
    }

    /// Wakes the stack one step later.
    pub(super) fn touch(&mut self) {
        let at = self.cx.now + self.cx.config.cloudformation.resource_delay;
        self.stack.wake = Some(self.stack.wake.map_or(at, |wake| wake.min(at)));
    }

    /// A new status of the stack.
    pub(super) fn stack_status(&mut self, status: &str, reason: Option<String>) {
        self.stack.status = status.to_owned();
        self.stack.reason.clone_from(&reason);
        let event = StackEvent {
            id: self.cx.rng.uuid(),
            at: self.cx.now,
            logical_id: self.stack.name.clone(),
            physical_id: self.stack.id.clone(),
            kind: "AWS::CloudFormation::Stack".to_owned(),
            status: status.to_owned(),
            reason,
            properties: None,
        };
        self.stack.events.push(event);
    }

    /// A new status of a resource.
    pub(super) fn status(&mut self, logical_id: &str, status: &str, reason: Option<String>) {
        let now = self.cx.now;
        if let Some(resource) = self.stack.resources.get_mut(logical_id) {
            resource.status = status.to_owned();
            resource.reason.clone_from(&reason);
            resource.updated = now;
        }
        self.note(logical_id, None, status, reason);
    }

    /// An event of a resource that leaves its status alone; about another physical id, perhaps.
    pub(super) fn note(
        &mut self,
        logical_id: &str,
        physical_id: Option<&str>,
        status: &str,
        reason: Option<String>,
    ) {
        let Some(resource) = self.stack.resources.get(logical_id) else { return };
        let current = resource.physical_id.as_deref().unwrap_or_default();
        let event = StackEvent {
            id: format!("{logical_id}-{}-{}", status, self.cx.rng.uuid()),
            at: self.cx.now,
            logical_id: logical_id.to_owned(),
            physical_id: physical_id.unwrap_or(current).to_owned(),
            kind: resource.kind.clone(),
            status: status.to_owned(),
            reason,
            properties: Some(resource.masked.clone()),
        };
        self.stack.events.push(event);
    }

    /// Sends a request to the function of a custom resource.
    pub(super) fn send(
        &mut self,
        logical_id: &str,
        request: RequestType,
        properties: &Value,
        old_properties: Option<&Value>,
        removal: Option<(usize, &str)>,
    ) {
        let Some(resource) = self.stack.resources.get(logical_id) else { return };
        let physical_id = match (request, removal) {
            (RequestType::Create, _) => None,
            (_, Some((_, physical_id))) => Some(physical_id.to_owned()),
            (_, None) => resource.physical_id.clone(),
        };
        let again = self.stack.failed_requests.get(&(logical_id.to_owned(), request)).cloned();
        // A reverse update is no retry.
        let repeats =
            self.cx.config.cloudformation.same_request_id_on_retry && self.stack.work != Work::Revert;
        let request_id = match again.filter(|_| repeats) {
            Some(request_id) => request_id,
            None => self.cx.rng.uuid(),
        };
        let key = protocol::response_key(&self.stack.id, logical_id, &request_id);
        let mut event = protocol::event(
            request,
            &self.stack.id,
            &request_id,
            resource,
            physical_id.as_deref(),
            properties,
            old_properties,
        );
        event.insert("ResponseURL".to_owned(), Value::String(protocol::response_url(self.cx, &key)));
        let event = Value::Object(event);
        let seconds = protocol::service_timeout(self.cx, properties).unwrap_or(3600);
        self.invoke(logical_id, event);
        self.stack.attempts.push(Attempt {
            key,
            request,
            at_deadline: protocol::no_answer(&request_id),
            request_id,
            logical_id: logical_id.to_owned(),
            physical_id,
            old_properties: old_properties.cloned().unwrap_or_default(),
            removal: removal.map(|(index, _)| index),
            deadline: self.cx.now + Duration::seconds(seconds),
        });
    }

    fn invoke(&mut self, logical_id: &str, event: Value) {
        let function = event.get("ServiceToken").and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(resource) = self.stack.resources.get_mut(logical_id) {
            resource.requested = true;
            resource.last_event = Some(event.clone());
        }
        self.cx.effects.push(Effect::Invoke { function, payload: event, reply_to: ReplyTo::Nobody });
    }

    /// Sends the last event of a resource once more: the same request, a new response URL.
    pub(super) fn redeliver(&mut self, logical_id: &str) -> bool {
        let last = self.stack.resources.get(logical_id).and_then(|resource| resource.last_event.clone());
        let Some(Value::Object(mut event)) = last else { return false };
        let request_id = event.get("RequestId").and_then(Value::as_str).unwrap_or_default();
        let key = protocol::response_key(&self.stack.id, logical_id, request_id);
        event.insert("ResponseURL".to_owned(), Value::String(protocol::response_url(self.cx, &key)));
        self.invoke(logical_id, Value::Object(event));
        true
    }

    /// An answer arrived for an open request.
    pub(super) fn answered(&mut self, received: Received) {
        let Some(at) = self.stack.attempts.iter().position(|attempt| attempt.key == received.key) else {
            return;
        };
        let attempt = self.stack.attempts.remove(at);
        let result = protocol::read_answer(
            &received.body,
            Expected {
                stack_id: &self.stack.id,
                logical_id: &attempt.logical_id,
                request_id: &attempt.request_id,
            },
        );
        if let Some(resource) = self.stack.resources.get_mut(&attempt.logical_id) {
            resource.received = Some(received);
        }
        self.ended(attempt, result);
    }

    /// Ends the requests whose deadline is over.
    pub(super) fn expire(&mut self) {
        let now = self.cx.now;
        while let Some(at) = self.stack.attempts.iter().position(|attempt| attempt.deadline <= now) {
            let attempt = self.stack.attempts.remove(at);
            let failure = Failure::new(attempt.at_deadline.clone());
            self.ended(attempt, Err(failure));
        }
    }

    fn ended(&mut self, attempt: Attempt, result: Result<Answer, Failure>) {
        let asked = (attempt.logical_id.clone(), attempt.request);
        match &result {
            _ if self.stack.work == Work::Revert => None,
            Ok(_) => self.stack.failed_requests.remove(&asked),
            Err(_) => self.stack.failed_requests.insert(asked.clone(), attempt.request_id.clone()),
        };
        match (attempt.request, result) {
            (RequestType::Delete, result) => self.removal_ended(&attempt, result.err()),
            (RequestType::Create, Ok(answer)) => {
                self.adopt(&attempt.logical_id, answer);
                self.status(
                    &attempt.logical_id,
                    "CREATE_IN_PROGRESS",
                    Some("Resource creation Initiated".to_owned()),
                );
                self.status(&attempt.logical_id, "CREATE_COMPLETE", None);
                self.stack.applied.insert(attempt.logical_id);
            }
            (RequestType::Update, Ok(answer)) => {
                if attempt.physical_id.as_ref() != Some(&answer.physical_id) {
                    self.retire(&attempt);
                    self.adopt(&attempt.logical_id, answer);
                    let reason = "Requested update required the creation of a new physical resource; hence creating one.";
                    self.status(&attempt.logical_id, "UPDATE_IN_PROGRESS", Some(reason.to_owned()));
                } else {
                    self.adopt(&attempt.logical_id, answer);
                }
                self.status(&attempt.logical_id, "UPDATE_COMPLETE", None);
                self.stack.applied.insert(attempt.logical_id);
            }
            (request, Err(failure)) => {
                let adopts = self.cx.config.cloudformation.failed_update_changes_id;
                let changed = failure.physical_id.is_some() && failure.physical_id != attempt.physical_id;
                if request == RequestType::Update && adopts && changed {
                    self.retire(&attempt);
                }
                if let Some(resource) = self.stack.resources.get_mut(&attempt.logical_id)
                    && changed
                    && (request == RequestType::Create || adopts)
                {
                    resource.physical_id = failure.physical_id;
                }
                self.status(&attempt.logical_id, &request.status("FAILED"), Some(failure.reason));
                self.stack.failures.push(asked);
            }
        }
        self.touch();
    }

    fn adopt(&mut self, logical_id: &str, answer: Answer) {
        if let Some(resource) = self.stack.resources.get_mut(logical_id) {
            resource.retired.retain(|(physical_id, _)| *physical_id != answer.physical_id);
            resource.physical_id = Some(answer.physical_id);
            resource.data = answer.data;
            resource.no_echo = answer.no_echo;
        }
    }

    fn retire(&mut self, attempt: &Attempt) {
        if let Some(resource) = self.stack.resources.get_mut(&attempt.logical_id)
            && let Some(physical_id) = attempt.physical_id.clone()
        {
            resource.retired.push((physical_id, attempt.old_properties.clone()));
        }
    }

    fn removal_ended(&mut self, attempt: &Attempt, failure: Option<Failure>) {
        let Some(removal) = attempt.removal.and_then(|index| self.stack.removals.get_mut(index)) else {
            return;
        };
        removal.state = if failure.is_some() { RemovalState::Failed } else { RemovalState::Done };
        let retired = removal.retired.is_some();
        let (status, reason) = match failure {
            None => ("DELETE_COMPLETE", None),
            Some(failure) => ("DELETE_FAILED", Some(failure.reason)),
        };
        if retired {
            self.note(&attempt.logical_id, attempt.physical_id.as_deref(), status, reason);
        } else {
            self.status(&attempt.logical_id, status, reason);
        }
    }

    /// Gives up what is in progress: late answers will count for nothing.
    pub(super) fn cancel(&mut self) {
        for attempt in std::mem::take(&mut self.stack.attempts) {
            let what = if attempt.request == RequestType::Create { "creation" } else { "update" };
            let status = attempt.request.status("FAILED");
            self.status(&attempt.logical_id, &status, Some(format!("Resource {what} cancelled")));
            self.stack
                .failed_requests
                .insert((attempt.logical_id.clone(), attempt.request), attempt.request_id);
            self.stack.failures.push((attempt.logical_id, attempt.request));
        }
    }

    /// The names of resources for a reason.
    pub(super) fn names(names: &BTreeSet<&str>) -> String {
        names.iter().copied().collect::<Vec<_>>().join(", ")
    }

    /// The values that a template's functions refer to.
    pub(super) fn names_in_scope(&self, masked: bool) -> Names<'_> {
        Names { stack: self.stack, neighbours: self.neighbours, masked }
    }
}

/// What `Ref`, `Fn::GetAtt` and `Fn::ImportValue` mean in a stack.
pub(super) struct Names<'a> {
    stack: &'a Stack,
    neighbours: &'a Neighbours,
    masked: bool,
}

impl Names<'_> {
    fn resource(&self, name: &str) -> Result<&Resource, String> {
        self.stack.resources.get(name).ok_or_else(|| {
            format!("Template format error: Unresolved resource dependencies [{name}] in the Resources block of the template")
        })
    }
}

impl Scope for Names<'_> {
    fn reference(&self, name: &str) -> Result<Value, String> {
        if let Some(value) = self.stack.pseudo.get(name) {
            return Ok(value.clone());
        }
        let plan = &self.stack.plan;
        if let Some((_, declaration)) = plan.parameters.iter().find(|(parameter, _)| parameter == name) {
            let value = plan.values.get(name).map(String::as_str).unwrap_or_default();
            let masked = self.masked && declaration.no_echo;
            return Ok(if masked { Value::String("****".to_owned()) } else { declaration.value(value) });
        }
        Ok(Value::String(self.resource(name)?.physical_id.clone().unwrap_or_default()))
    }

    fn attribute(&self, resource: &str, attribute: &str) -> Result<Value, String> {
        let resource = self.resource(resource)?;
        if self.masked && resource.no_echo {
            return Ok(Value::String("****".to_owned()));
        }
        protocol::attribute(&resource.data, attribute).ok_or_else(|| {
            let key = resource.received.as_ref().map(|received| received.key.as_str()).unwrap_or_default();
            format!("CustomResource attribute error: Vendor response doesn't contain {attribute} attribute in object {key}")
        })
    }

    fn import(&self, name: &str) -> Result<Value, String> {
        let export = self.neighbours.exports.get(name);
        export
            .map(|(value, ..)| Value::String(value.clone()))
            .ok_or_else(|| format!("No export named {name} found"))
    }
}

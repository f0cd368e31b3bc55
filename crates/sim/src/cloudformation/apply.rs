//! Bringing about a plan: creations and updates in dependency order, everything independent in parallel.

use std::collections::BTreeSet;

use chrono::Duration;
use serde_json::Value;

use super::engine::Engine;
use super::intrinsics;
use super::protocol;
use super::stack::{Applying, Attempt, Before, Next, OnFailure, Output, RequestType, Resource, Work};
use super::stand_in;
use super::template::Definition;

impl Engine<'_, '_> {
    /// Starts what can start; ends the phase when all is done or something failed.
    pub(super) fn apply(&mut self, applying: Applying) {
        while self.stack.failures.is_empty() {
            let stack = &*self.stack;
            let ready = stack.plan.resources.iter().find(|definition| {
                !stack.applied.contains(&definition.logical_id)
                    && !stack.attempts.iter().any(|attempt| attempt.logical_id == definition.logical_id)
                    && definition.depends.is_subset(&stack.applied)
            });
            let Some(definition) = ready.cloned() else { break };
            if let Err((request, reason)) = self.begin(&definition, applying) {
                self.status(&definition.logical_id, &request.status("FAILED"), Some(reason));
                self.stack.failures.push((definition.logical_id, request));
            }
        }
        let all = self.stack.applied.len() == self.stack.plan.resources.len();
        if self.stack.failures.is_empty() && all {
            match self.outputs() {
                Ok(()) => return self.applied(applying),
                Err(reason) => self.stack.stack_failure = Some(reason),
            }
        }
        if self.stack.failures.is_empty() && self.stack.stack_failure.is_none() {
            return;
        }
        if self.cx.config.cloudformation.invented_id_on_cancel {
            self.cancel();
        }
        if self.stack.attempts.is_empty() {
            self.fail(applying);
        } else {
            self.stack.work = Work::Drain(Next::Fail(applying));
        }
    }

    /// Starts one resource. The error says which request could not even be sent, and why.
    fn begin(&mut self, definition: &Definition, applying: Applying) -> Result<(), (RequestType, String)> {
        let name = &definition.logical_id;
        let exists = self.stack.resources.get(name).is_some_and(|resource| !resource.is_gone());
        let request = if exists { RequestType::Update } else { RequestType::Create };
        if !exists {
            self.stack.resources.insert(name.clone(), new_resource(definition, self.cx.now));
        }
        let properties = intrinsics::resolve(&definition.properties, &self.names_in_scope(false))
            .map_err(|reason| (request, reason))?;
        let masked = intrinsics::resolve(&definition.properties, &self.names_in_scope(true))
            .map_err(|reason| (request, reason))?;
        let mut imports = BTreeSet::new();
        intrinsics::imports(&definition.properties, &self.names_in_scope(false), &mut imports)
            .map_err(|reason| (request, reason))?;
        self.stack.imports.extend(imports);
        let restores = self.restore(name, applying);
        let Some(resource) = self.stack.resources.get_mut(name) else { return Ok(()) };
        resource.masked = masked.to_string();
        resource.depends.clone_from(&definition.depends);
        resource.keep = definition.keep;
        if !exists {
            return self.begin_create(definition, properties).map_err(|reason| (request, reason));
        }
        if resource.properties == properties {
            // A refused or restored update leaves a status to put right.
            if restores || (applying == Applying::Revert && resource.status == "UPDATE_FAILED") {
                self.status(name, "UPDATE_COMPLETE", None);
            }
            self.stack.applied.insert(name.clone());
            return Ok(());
        }
        if resource.properties.get("ServiceToken") != properties.get("ServiceToken") {
            return Err((request, "Modifying service token is not allowed.".to_owned()));
        }
        if definition.kind == "AWS::CloudFormation::WaitConditionHandle" {
            resource.properties = properties;
            self.stack.applied.insert(name.clone());
            return Ok(());
        }
        if stand_in::is_one(&definition.kind) {
            resource.properties = properties;
            self.status(name, "UPDATE_IN_PROGRESS", None);
            self.status(name, "UPDATE_COMPLETE", None);
            self.stack.applied.insert(name.clone());
            return Ok(());
        }
        protocol::service_timeout(self.cx, &properties).map_err(|reason| (request, reason))?;
        let old = std::mem::replace(&mut resource.properties, properties.clone());
        self.status(name, "UPDATE_IN_PROGRESS", None);
        self.send(name, RequestType::Update, &properties, Some(&old), None);
        Ok(())
    }

    fn begin_create(&mut self, definition: &Definition, properties: Value) -> Result<(), String> {
        let name = &definition.logical_id;
        if let Some(resource) = self.stack.resources.get_mut(name) {
            resource.properties = properties.clone();
        }
        self.status(name, "CREATE_IN_PROGRESS", None);
        match definition.kind.as_str() {
            "AWS::CloudFormation::WaitConditionHandle" => {
                let url = protocol::response_url(self.cx, &format!("{}/{name}", self.stack.id));
                if let Some(resource) = self.stack.resources.get_mut(name) {
                    resource.physical_id = Some(url);
                }
                self.status(name, "CREATE_COMPLETE", None);
                self.stack.applied.insert(name.clone());
            }
            kind if stand_in::is_one(kind) => {
                let foretold = self.neighbours.foretold.get(&(self.stack.name.clone(), name.clone()));
                let new = stand_in::New {
                    kind,
                    stack: &self.stack.name,
                    logical_id: name,
                    properties: &properties,
                    foretold: foretold.map(String::as_str),
                };
                let (physical_id, data) = stand_in::make(self.cx, &new);
                if let Some(resource) = self.stack.resources.get_mut(name) {
                    resource.physical_id = Some(physical_id);
                    resource.data = data;
                }
                self.status(name, "CREATE_COMPLETE", None);
                self.stack.applied.insert(name.clone());
            }
            "Test::Fail" => {
                let text = |key: &str| properties.get(key).and_then(Value::as_str);
                let after = text("After")
                    .unwrap_or("0")
                    .parse::<i64>()
                    .map_err(|_| "After must be seconds".to_owned())?;
                self.stack.attempts.push(Attempt {
                    key: String::new(),
                    request: RequestType::Create,
                    request_id: String::new(),
                    logical_id: name.clone(),
                    physical_id: None,
                    old_properties: Value::Null,
                    removal: None,
                    deadline: self.cx.now + Duration::seconds(after),
                    at_deadline: text("Reason").unwrap_or("Test::Fail").to_owned(),
                });
            }
            _ => {
                protocol::service_timeout(self.cx, &properties)?;
                self.send(name, RequestType::Create, &properties, None, None);
            }
        }
        Ok(())
    }

    /// Where a rollback needs no reverse update for a replacement: takes the old one back as it was.
    fn restore(&mut self, name: &str, applying: Applying) -> bool {
        if applying != Applying::Revert || self.cx.config.cloudformation.reverse_update_after_replacement {
            return false;
        }
        let Some(resource) = self.stack.resources.get_mut(name) else { return false };
        let Some(before) = resource.before.take().filter(|before| before.physical_id != resource.physical_id)
        else {
            return false;
        };
        if let Some(replacement) = resource.physical_id.take() {
            resource.retired.push((replacement, resource.properties.clone()));
        }
        resource.retired.retain(|(physical_id, _)| Some(physical_id) != before.physical_id.as_ref());
        resource.physical_id = before.physical_id;
        resource.data = before.data;
        resource.no_echo = before.no_echo;
        resource.properties = before.properties;
        true
    }

    /// Remembers every resource as it is before an update.
    pub(super) fn remember(&mut self) {
        for resource in self.stack.resources.values_mut() {
            resource.before = Some(Box::new(Before {
                physical_id: resource.physical_id.clone(),
                data: resource.data.clone(),
                no_echo: resource.no_echo,
                properties: resource.properties.clone(),
            }));
        }
    }

    /// Works out the outputs and exports.
    fn outputs(&mut self) -> Result<(), String> {
        let scope = self.names_in_scope(false);
        let mut outputs = std::collections::BTreeMap::new();
        for planned in &self.stack.plan.outputs {
            let text = |value: &Value| match intrinsics::resolve(value, &scope)? {
                Value::String(text) => Ok(text),
                _ => Err(format!(
                    "Template format error: The Value field of every Outputs member must evaluate to a String ({}).",
                    planned.key
                )),
            };
            let export = planned.export.as_ref().map(text).transpose()?;
            let output =
                Output { value: text(&planned.value)?, description: planned.description.clone(), export };
            outputs.insert(planned.key.clone(), output);
        }
        let mut exported = BTreeSet::new();
        for output in outputs.values() {
            let Some(name) = output.export.as_deref() else { continue };
            if !exported.insert(name) {
                return Err(format!("Template error: Export name {name} is used twice"));
            }
            if let Some((_, id, other)) = self.neighbours.exports.get(name)
                && *id != self.stack.id
            {
                return Err(format!("Export with name {name} is already exported by stack {other}."));
            }
        }
        for old in self.stack.outputs.values() {
            let Some(name) = old.export.as_deref() else { continue };
            let Some(importers) = self.neighbours.importers.get(name) else { continue };
            let new = outputs.values().find(|output| output.export.as_deref() == Some(name));
            let verb = match new {
                None => "deleted",
                Some(new) if new.value != old.value => "updated",
                Some(_) => continue,
            };
            return Err(format!(
                "Export {name} cannot be {verb} as it is in use by {}",
                importers.join(", ")
            ));
        }
        let mut imports = BTreeSet::new();
        let properties = self.stack.plan.resources.iter().map(|definition| &definition.properties);
        for value in properties.chain(self.stack.plan.outputs.iter().map(|output| &output.value)) {
            intrinsics::imports(value, &scope, &mut imports)?;
        }
        self.stack.outputs = outputs;
        self.stack.imports = imports;
        Ok(())
    }

    /// Everything is as planned.
    fn applied(&mut self, applying: Applying) {
        match applying {
            Applying::Create => {
                self.stack.work = Work::Idle;
                self.stack_status("CREATE_COMPLETE", None);
            }
            Applying::Update => self.begin_cleanup(Work::Cleanup, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
            Applying::Revert => {
                self.begin_cleanup(Work::RevertCleanup, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
            }
        }
    }

    /// Something failed, and nothing is in progress any more.
    pub(super) fn fail(&mut self, applying: Applying) {
        let mut reason =
            self.stack.stack_failure.take().map(|reason| format!("{reason}. ")).unwrap_or_default();
        let failures = std::mem::take(&mut self.stack.failures);
        for (request, verb) in [(RequestType::Create, "create"), (RequestType::Update, "update")] {
            let names: BTreeSet<&str> = failures
                .iter()
                .filter(|(_, failed)| *failed == request)
                .map(|(name, _)| name.as_str())
                .collect();
            if !names.is_empty() {
                reason.push_str(&format!(
                    "The following resource(s) failed to {verb}: [{}]. ",
                    Self::names(&names)
                ));
            }
        }
        match (applying, self.stack.on_failure) {
            (Applying::Create, OnFailure::Rollback) => {
                self.begin_removal(
                    Work::Rollback,
                    "ROLLBACK_IN_PROGRESS",
                    Some(reason + "Rollback requested by user."),
                );
            }
            (Applying::Create, OnFailure::Delete) => {
                self.begin_removal(
                    Work::Delete,
                    "DELETE_IN_PROGRESS",
                    Some(reason + "Delete requested by user."),
                );
            }
            (Applying::Create, OnFailure::DoNothing) => {
                self.stack.work = Work::Idle;
                self.stack_status("CREATE_FAILED", Some(reason));
            }
            (Applying::Update, _) => {
                self.stack_status("UPDATE_ROLLBACK_IN_PROGRESS", Some(reason));
                if let Some(previous) = self.stack.previous.take() {
                    self.stack.plan = previous;
                }
                self.stack.applied.clear();
                self.stack.work = Work::Revert;
                self.touch();
            }
            (Applying::Revert, _) => {
                self.stack.work = Work::Idle;
                self.stack_status("UPDATE_ROLLBACK_FAILED", Some(reason));
            }
        }
    }
}

fn new_resource(definition: &Definition, now: chrono::DateTime<chrono::Utc>) -> Resource {
    Resource {
        logical_id: definition.logical_id.clone(),
        kind: definition.kind.clone(),
        status: String::new(),
        reason: None,
        updated: now,
        physical_id: None,
        data: serde_json::Map::new(),
        no_echo: false,
        properties: Value::Null,
        last_event: None,
        received: None,
        masked: "{}".to_owned(),
        depends: definition.depends.clone(),
        keep: definition.keep,
        requested: false,
        retired: Vec::new(),
        before: None,
    }
}

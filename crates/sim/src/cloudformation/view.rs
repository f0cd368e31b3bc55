//! Looking at stacks without the API: for tests, and for a demo.

use chrono::{DateTime, Utc};

use super::stack::{Output, Received, Resource, Stack, StackEvent};
use super::{CloudFormation, REMEMBERED};

impl CloudFormation {
    /// All stacks, oldest first, deleted ones too; in a forgetful World those of the last 90 days.
    pub fn stacks(&self) -> &[Stack] {
        &self.stacks
    }

    /// A stack by its id or name; of stacks with the same name the latest.
    pub fn stack(&self, name: &str) -> Option<&Stack> {
        self.stacks.iter().rev().find(|stack| stack.id == name || stack.name == name)
    }

    /// A stack's events, oldest first.
    pub fn events(&self, name: &str) -> &[StackEvent] {
        self.stack(name).map(|stack| stack.events.as_slice()).unwrap_or_default()
    }

    /// An output's value.
    pub fn output(&self, name: &str, key: &str) -> Option<&str> {
        self.stack(name)?.outputs.get(key).map(|output| output.value.as_str())
    }

    /// A stack's outputs.
    pub fn outputs(&self, name: &str) -> impl Iterator<Item = (&str, &Output)> {
        self.stack(name)
            .into_iter()
            .flat_map(|stack| stack.outputs.iter().map(|(key, output)| (key.as_str(), output)))
    }

    /// A resource of a stack.
    pub fn resource(&self, name: &str, logical_id: &str) -> Option<&Resource> {
        self.stack(name)?.resources.get(logical_id)
    }

    /// Whether nothing is going on in a stack. A stack that does not exist is settled.
    pub fn is_settled(&self, name: &str) -> bool {
        self.stack(name).is_none_or(Stack::is_settled)
    }

    /// Every answer that arrived, in order, whether or not it counted; a forgetful World keeps none.
    pub fn received(&self) -> &[Received] {
        &self.received
    }

    /// The stack of this name that is not deleted.
    pub(super) fn live(&self, name: &str) -> Option<&Stack> {
        self.stacks.iter().find(|stack| stack.name == name && !stack.is_deleted())
    }

    /// What the API finds: a live stack by name, and any stack of the last 90 days by id.
    pub(super) fn position(&self, now: DateTime<Utc>, name: &str) -> Option<usize> {
        self.stacks.iter().position(|stack| match stack.deleted {
            None => stack.name == name || stack.id == name,
            Some(deleted) => stack.id == name && now - deleted <= REMEMBERED,
        })
    }
}

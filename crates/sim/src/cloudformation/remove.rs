//! Taking things away: rollbacks, deletions, and the cleanup after an update; dependents go first.

use std::collections::BTreeSet;

use super::engine::Engine;
use super::protocol;
use super::stack::{Next, Removal, RemovalState, RequestType, Work};

impl Engine<'_, '_> {
    /// Takes away everything that exists.
    pub(super) fn begin_removal(&mut self, work: Work, status: &str, reason: Option<String>) {
        self.stack_status(status, reason);
        self.remove_everything(work);
    }

    /// Goes on with a deletion that had to wait for requests in progress.
    pub(super) fn remove_everything(&mut self, work: Work) {
        let mut removals = Vec::new();
        for (name, resource) in &self.stack.resources {
            if !resource.is_gone() {
                removals.push(removal(name, None));
                removals.extend(resource.retired.iter().map(|retired| removal(name, Some(retired.clone()))));
            }
        }
        self.stack.failures.clear();
        self.stack.removals = removals;
        self.stack.work = work;
        self.touch();
    }

    /// Takes away what the plan that was brought about does not want: replaced physical ids, dropped resources.
    pub(super) fn begin_cleanup(&mut self, work: Work, status: &str) {
        let wanted: BTreeSet<&str> =
            self.stack.plan.resources.iter().map(|definition| definition.logical_id.as_str()).collect();
        let mut removals = Vec::new();
        for (name, resource) in &self.stack.resources {
            if !wanted.contains(name.as_str()) && !resource.is_gone() {
                removals.push(removal(name, None));
            }
            removals.extend(resource.retired.iter().map(|retired| removal(name, Some(retired.clone()))));
        }
        self.stack.removals = removals;
        self.stack.work = work;
        self.stack_status(status, None);
        self.touch();
    }

    /// Somebody asked for the stack's deletion.
    pub(super) fn delete(&mut self) {
        let reason = Some("User Initiated".to_owned());
        match self.stack.work {
            Work::Delete | Work::Drain(Next::Delete) => {}
            Work::Rollback => {
                self.stack.work = Work::Delete;
                self.stack_status("DELETE_IN_PROGRESS", reason);
            }
            Work::Idle => self.begin_removal(Work::Delete, "DELETE_IN_PROGRESS", reason),
            // A creation in progress; the caller refused updates.
            _ => {
                self.stack_status("DELETE_IN_PROGRESS", reason);
                if self.cx.config.cloudformation.invented_id_on_cancel {
                    self.cancel();
                }
                self.stack.work = Work::Drain(Next::Delete);
                self.touch();
            }
        }
    }

    /// Starts every removal that nothing blocks; ends the phase when nothing more can be done.
    pub(super) fn remove(&mut self) {
        let abandons = matches!(self.stack.work, Work::Cleanup | Work::RevertCleanup);
        while let Some(index) = self.next_removal(abandons) {
            self.start_removal(index);
        }
        if self.stack.removals.iter().any(|removal| removal.state == RemovalState::Running) {
            return;
        }
        let removals = std::mem::take(&mut self.stack.removals);
        if abandons {
            self.cleaned(&removals);
        } else {
            self.removed(&removals);
        }
    }

    /// A removal that waits, and whose dependents are gone.
    fn next_removal(&self, abandons: bool) -> Option<usize> {
        let stack = &*self.stack;
        let over = |state| state == RemovalState::Done || (abandons && state == RemovalState::Failed);
        let blocked = |name: &str| {
            stack.removals.iter().any(|other| {
                !over(other.state)
                    && stack
                        .resources
                        .get(&other.logical_id)
                        .is_some_and(|resource| resource.depends.contains(name))
            })
        };
        stack
            .removals
            .iter()
            .position(|removal| removal.state == RemovalState::Waiting && !blocked(&removal.logical_id))
    }

    fn start_removal(&mut self, index: usize) {
        let Some(removal) = self.stack.removals.get(index).cloned() else { return };
        let name = removal.logical_id.as_str();
        let Some(resource) = self.stack.resources.get(name).cloned() else { return };
        let keep = if removal.retired.is_some() { resource.keep.on_replace } else { resource.keep.on_delete };
        let rolled_back = self.stack.work == Work::Rollback && resource.keep.but_not_on_rollback;
        let never_made = self.stack.work != Work::Delete && resource.status == "CREATE_FAILED" || rolled_back;
        if keep && !never_made {
            self.set(index, RemovalState::Done);
            match &removal.retired {
                Some((physical_id, _)) => self.note(name, Some(physical_id), "DELETE_SKIPPED", None),
                None => self.status(name, "DELETE_SKIPPED", None),
            }
            return;
        }
        if let Some((physical_id, properties)) = &removal.retired {
            self.set(index, RemovalState::Running);
            self.note(name, Some(physical_id), "DELETE_IN_PROGRESS", None);
            self.send(name, RequestType::Delete, properties, None, Some((index, physical_id)));
            return;
        }
        if !resource.requested {
            self.set(index, RemovalState::Done);
            self.status(name, "DELETE_COMPLETE", None);
            return;
        }
        let physical_id = match resource.physical_id {
            Some(physical_id) => physical_id,
            None => protocol::invented_id(self.cx, &self.stack.name, name),
        };
        if let Some(resource) = self.stack.resources.get_mut(name) {
            resource.physical_id = Some(physical_id.clone());
        }
        self.set(index, RemovalState::Running);
        self.status(name, "DELETE_IN_PROGRESS", None);
        self.send(name, RequestType::Delete, &resource.properties, None, Some((index, &physical_id)));
    }

    fn set(&mut self, index: usize, state: RemovalState) {
        if let Some(removal) = self.stack.removals.get_mut(index) {
            removal.state = state;
        }
    }

    /// A cleanup is over, whatever became of it.
    fn cleaned(&mut self, removals: &[Removal]) {
        for removal in removals {
            match &removal.retired {
                Some((physical_id, _)) => {
                    if let Some(resource) = self.stack.resources.get_mut(&removal.logical_id) {
                        resource.retired.retain(|(retired, _)| retired != physical_id);
                    }
                }
                None => {
                    let abandoned = removal.state == RemovalState::Failed;
                    if abandoned || self.cx.config.cloudformation.forgets_removed_resources {
                        self.stack.resources.remove(&removal.logical_id);
                    }
                }
            }
        }
        let status =
            if self.stack.work == Work::Cleanup { "UPDATE_COMPLETE" } else { "UPDATE_ROLLBACK_COMPLETE" };
        for resource in self.stack.resources.values_mut() {
            resource.before = None;
        }
        self.stack.previous = None;
        self.stack.work = Work::Idle;
        self.stack_status(status, None);
    }

    /// A rollback or a deletion is over.
    fn removed(&mut self, removals: &[Removal]) {
        let rollback = self.stack.work == Work::Rollback;
        self.stack.work = Work::Idle;
        for removal in removals.iter().filter(|removal| removal.state == RemovalState::Done) {
            if let (Some((physical_id, _)), Some(resource)) =
                (&removal.retired, self.stack.resources.get_mut(&removal.logical_id))
            {
                resource.retired.retain(|(retired, _)| retired != physical_id);
            }
        }
        let failed: BTreeSet<&str> = removals
            .iter()
            .filter(|removal| removal.state == RemovalState::Failed)
            .map(|removal| removal.logical_id.as_str())
            .collect();
        if !failed.is_empty() {
            let reason = format!("The following resource(s) failed to delete: [{}]. ", Self::names(&failed));
            self.stack_status(if rollback { "ROLLBACK_FAILED" } else { "DELETE_FAILED" }, Some(reason));
        } else if rollback {
            self.stack_status("ROLLBACK_COMPLETE", None);
        } else {
            self.stack_status("DELETE_COMPLETE", None);
            self.stack.deleted = Some(self.cx.now);
            self.stack.outputs.clear();
            self.stack.imports.clear();
        }
    }
}

fn removal(name: &str, retired: Option<(String, serde_json::Value)>) -> Removal {
    Removal { logical_id: name.to_owned(), retired, state: RemovalState::Waiting }
}

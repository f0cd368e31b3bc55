//! What a stack is: its status, resources, events, and the work in progress.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::template::{Keep, Plan};

/// One line of a stack's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackEvent {
    /// The event's own id.
    pub id: String,
    /// When it happened, in the World's time.
    pub at: DateTime<Utc>,
    /// The resource's name in the template; the stack's name for the stack itself.
    pub logical_id: String,
    /// The physical id; the stack's id for the stack itself; empty while there is none.
    pub physical_id: String,
    /// The resource's type.
    pub kind: String,
    /// Its new status.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
    /// The resource's properties as `DescribeStackEvents` shows them: JSON, with `****` for what is not echoed.
    pub properties: Option<String>,
}

/// What CloudFormation asks of a custom resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestType {
    /// Make it.
    Create,
    /// Change it.
    Update,
    /// Take it away.
    Delete,
}

impl RequestType {
    /// As the event says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Delete => "Delete",
        }
    }

    /// The status of a resource, e.g. `CREATE_FAILED`.
    pub(super) fn status(self, what: &str) -> String {
        format!("{}_{what}", self.as_str().to_ascii_uppercase())
    }
}

/// An answer as it arrived, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// The key of the response URL.
    pub key: String,
    /// The body.
    pub body: Vec<u8>,
    /// Whether a request was still waiting for it.
    pub counted: bool,
}

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Its name in the template.
    pub logical_id: String,
    /// Its type.
    pub kind: String,
    /// Its status.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
    /// When the status changed.
    pub updated: DateTime<Utc>,
    /// The physical id, once it is known.
    pub physical_id: Option<String>,
    /// The `Data` of the last successful answer.
    pub data: Map<String, Value>,
    /// Whether the last successful answer said `NoEcho`.
    pub no_echo: bool,
    /// The properties of the last request, or of the state that a rollback returned to.
    pub properties: Value,
    /// The last event that was sent for it.
    pub last_event: Option<Value>,
    /// The last answer that counted.
    pub received: Option<Received>,
    pub(super) masked: String,
    pub(super) depends: BTreeSet<String>,
    pub(super) keep: Keep,
    /// Whether a function was ever asked to create it.
    pub(super) requested: bool,
    /// Physical ids that an update replaced.
    pub(super) retired: Vec<(String, Value)>,
    /// What it was when the running update began.
    pub(super) before: Option<Box<Before>>,
}

impl Resource {
    /// Whether nothing of it is the stack's any more: it was deleted, or a policy kept it.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.status.as_str(), "DELETE_COMPLETE" | "DELETE_SKIPPED")
    }
}

/// A resource before an update.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Before {
    pub(super) physical_id: Option<String>,
    pub(super) data: Map<String, Value>,
    pub(super) no_echo: bool,
    pub(super) properties: Value,
}

/// An output of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its value.
    pub value: String,
    /// Its description.
    pub description: Option<String>,
    /// The name under which it is exported.
    pub export: Option<String>,
}

/// What a stack does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Work {
    #[default]
    Idle,
    /// Bring about the plan of a new stack.
    Create,
    /// Bring about the plan of an update.
    Update,
    /// Bring about the plan before the update.
    Revert,
    /// Take away what a failed creation left.
    Rollback,
    /// Take everything away.
    Delete,
    /// After an update: take away what it replaced or dropped.
    Cleanup,
    /// After a rolled back update: take away what it made.
    RevertCleanup,
    /// Wait until no request is open, then go on.
    Drain(Next),
}

/// What follows when something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The failure path of the creation, the update or the rollback of an update.
    Fail(Applying),
    /// A deletion that was asked for meanwhile.
    Delete,
}

/// Which plan is brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applying {
    Create,
    Update,
    Revert,
}

/// A request without an answer so far.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) key: String,
    pub(super) request: RequestType,
    pub(super) request_id: String,
    pub(super) logical_id: String,
    pub(super) physical_id: Option<String>,
    /// The properties that an update comes from.
    pub(super) old_properties: Value,
    /// Which removal it belongs to.
    pub(super) removal: Option<usize>,
    pub(super) deadline: DateTime<Utc>,
    /// What the resource fails with at the deadline.
    pub(super) at_deadline: String,
}

/// One physical resource that goes.
#[derive(Debug, Clone)]
pub(super) struct Removal {
    pub(super) logical_id: String,
    /// `None` for the resource itself; a replaced physical id and its properties otherwise.
    pub(super) retired: Option<(String, Value)>,
    pub(super) state: RemovalState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RemovalState {
    Waiting,
    Running,
    Done,
    Failed,
}

/// What to do when a creation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// Delete what was made, keep the stack.
    #[default]
    Rollback,
    /// Leave everything.
    DoNothing,
    /// Delete the stack.
    Delete,
}

/// One stack.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// Its id: an ARN.
    pub id: String,
    /// Its status.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
    /// When it was created.
    pub created: DateTime<Utc>,
    /// When its last update began.
    pub updated: Option<DateTime<Utc>>,
    /// When it was deleted.
    pub deleted: Option<DateTime<Utc>>,
    /// What happened to it, oldest first.
    pub events: Vec<StackEvent>,
    /// Its resources, deleted ones too.
    pub resources: BTreeMap<String, Resource>,
    /// Its outputs.
    pub outputs: BTreeMap<String, Output>,
    /// The exports that it imports.
    pub imports: BTreeSet<String>,
    /// What to do when its creation fails.
    pub on_failure: OnFailure,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The capabilities that its caller acknowledged.
    pub capabilities: Vec<String>,
    pub(super) plan: Plan,
    pub(super) previous: Option<Plan>,
    pub(super) pseudo: Map<String, Value>,
    pub(super) work: Work,
    pub(super) applied: BTreeSet<String>,
    pub(super) failures: Vec<(String, RequestType)>,
    pub(super) stack_failure: Option<String>,
    pub(super) removals: Vec<Removal>,
    pub(super) attempts: Vec<Attempt>,
    /// Requests that failed, for accounts where a retry has the same RequestId.
    pub(super) failed_requests: BTreeMap<(String, RequestType), String>,
    pub(super) wake: Option<DateTime<Utc>>,
}

impl Stack {
    /// Whether nothing is going on.
    pub fn is_settled(&self) -> bool {
        !self.status.ends_with("_IN_PROGRESS")
    }

    /// Whether a plan asks for nothing else than what was planned before.
    pub(super) fn is_as_planned(&self, plan: &Plan) -> bool {
        plan.resources == self.plan.resources
            && plan.outputs == self.plan.outputs
            && plan.values == self.plan.values
    }

    /// Whether it is deleted.
    pub fn is_deleted(&self) -> bool {
        self.deleted.is_some()
    }

    /// When something happens next by itself.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.attempts.iter().map(|attempt| attempt.deadline).chain(self.wake).min()
    }
}

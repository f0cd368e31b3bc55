//! CloudFormation's word about a resource: what it still has, what it gave up, and what is no word at all.
//!
//! Only a stack that is at rest says anything: while it changes, and after a failed change that may still be rolled back, it may come
//! back to a database that it does not name. And what a `Retain` policy kept is nobody's to delete, though the resource is gone.

use chrono::{DateTime, Utc};

/// What CloudFormation says about a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// The stack has it, and this is its PhysicalResourceId.
    Owns(String),
    /// The stack is changing; it says something else soon.
    InProgress,
    /// The resource was deleted, or is absent from a stack that CloudFormation describes. How CloudFormation says so.
    Gone(String),
    /// A `DeletionPolicy` or an `UpdateReplacePolicy` kept something of it.
    Retained,
    /// No word: the stack is not known any more, access is denied, no answer. Why.
    Unknown(String),
}

/// A resource as CloudFormation describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Described<'a> {
    /// Its status.
    pub status: &'a str,
    /// What CloudFormation calls it.
    pub physical_id: Option<&'a str>,
}

/// The word in a stack's status and in what the stack says about the resource; `None` where it has no such resource.
pub fn word(stack: &str, resource: Option<Described<'_>>) -> Word {
    // A stack that failed to change may still go back: `UPDATE_FAILED`, `UPDATE_ROLLBACK_FAILED` and the like are no rest.
    let lives = matches!(
        stack,
        "CREATE_COMPLETE"
            | "UPDATE_COMPLETE"
            | "UPDATE_ROLLBACK_COMPLETE"
            | "IMPORT_COMPLETE"
            | "IMPORT_ROLLBACK_COMPLETE"
    );
    let is_over = matches!(stack, "DELETE_COMPLETE" | "ROLLBACK_COMPLETE");
    let status = resource.map_or("absent", |resource| resource.status);
    if stack.ends_with("_IN_PROGRESS") || status.ends_with("_IN_PROGRESS") {
        return Word::InProgress;
    }
    match (status, resource.and_then(|resource| resource.physical_id)) {
        ("DELETE_SKIPPED", _) => Word::Retained,
        ("DELETE_COMPLETE", _) if lives || is_over || stack == "DELETE_FAILED" => {
            Word::Gone(format!("the resource is DELETE_COMPLETE in a stack that is {stack}"))
        }
        ("absent", _) if lives || is_over => {
            Word::Gone(format!("a stack that is {stack} has no such resource any more"))
        }
        (
            "CREATE_COMPLETE"
            | "UPDATE_COMPLETE"
            | "UPDATE_ROLLBACK_COMPLETE"
            | "ROLLBACK_COMPLETE"
            | "IMPORT_COMPLETE"
            | "IMPORT_ROLLBACK_COMPLETE",
            Some(id),
        ) if lives && !id.is_empty() => Word::Owns(id.to_owned()),
        _ => Word::Unknown(format!("the resource is {status} in a stack that is {stack}")),
    }
}

/// What a stack's events say: which physical ids of the resource were kept when they would have been deleted, and how far back
/// they reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The physical ids with the status `DELETE_SKIPPED`.
    pub kept: Vec<String>,
    /// The time of the oldest event that was read.
    pub since: Option<DateTime<Utc>>,
}

/// A cluster that a word may be the end of: its ARN, and when it was made.
pub type Exposed<'a> = (&'a str, Option<DateTime<Utc>>);

/// The clusters that would go by this word, and about which the stack's events have to be read.
pub fn exposed<'a>(word: &Word, clusters: &[Exposed<'a>]) -> Vec<Exposed<'a>> {
    match word {
        Word::Gone(_) => clusters.to_vec(),
        Word::Owns(id) => clusters.iter().filter(|(arn, _)| arn != id).copied().collect(),
        _ => Vec::new(),
    }
}

impl Word {
    /// The word in the light of the stack's events. They are kept for 90 days: where they do not reach back to the making of a cluster,
    /// a `Retain` may be forgotten, and the word is none.
    #[must_use]
    pub fn with(self, history: &History, clusters: &[Exposed<'_>]) -> Self {
        let exposed = exposed(&self, clusters);
        if exposed.iter().any(|(arn, _)| history.kept.iter().any(|kept| kept == arn)) {
            return Self::Retained;
        }
        let reaches =
            |made: Option<DateTime<Utc>>| made.zip(history.since).is_some_and(|(made, since)| since <= made);
        match exposed.iter().find(|(_, made)| !reaches(*made)) {
            None => self,
            Some((arn, _)) => Self::Unknown(format!(
                "the stack's events no longer reach back to the making of {arn}, so it may have been retained"
            )),
        }
    }
}

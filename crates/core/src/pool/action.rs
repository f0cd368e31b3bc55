//! What the maintainer may do to a pool. Nothing here can name a root other than as the source of a restore or a snapshot.

use chrono::{DateTime, Utc};

use crate::events::Event;
use crate::guard::{OwnedCopy, OwnedSnapshot};
use crate::plan::{FromSnapshot, Restore};
use crate::snapshot::InstanceSettings;
use crate::tags::Tags;

/// A change to AWS.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Begin a full copy of the root's volume as it is now.
    Copy(Box<Restore>),
    /// Take a snapshot of the root, of which a copy is then made.
    TakeSnapshot(NewSnapshot),
    /// Begin a copy from such a snapshot.
    CopyFromSnapshot(Box<FromSnapshot>),
    /// Delete such a snapshot.
    DeleteSnapshot(OwnedSnapshot),
    /// Add an instance to a copy: without one it can't be cloned.
    AddInstance(CopyInstance),
    /// Note on a copy that it was seen ready.
    NoteReady {
        /// The copy.
        copy: OwnedCopy,
        /// The tag's value.
        at: DateTime<Utc>,
    },
    /// Mark a copy: no Create takes it any more.
    Mark {
        /// The copy.
        copy: OwnedCopy,
        /// The tag's value: since when.
        since: DateTime<Utc>,
    },
    /// Delete an instance of a copy that is purged.
    DeleteInstance {
        /// The copy.
        copy: OwnedCopy,
        /// The instance's identifier.
        instance: String,
    },
    /// Delete a copy, without a snapshot: its data is the root's of another day.
    DeleteCopy {
        /// The copy.
        copy: OwnedCopy,
    },
}

impl Action {
    /// What an attempt is known by within a run, when AWS refused it. The deletion of a copy is one attempt, with its instances.
    pub fn key(&self) -> String {
        match self {
            Self::Copy(restore) => format!("copy {}", restore.identifier),
            Self::TakeSnapshot(snapshot) => format!("take {}", snapshot.identifier),
            Self::CopyFromSnapshot(new) => format!("restore {}", new.restore.identifier),
            Self::DeleteSnapshot(snapshot) => format!("drop {}", snapshot.identifier()),
            Self::AddInstance(new) => format!("add {}", new.identifier),
            Self::NoteReady { copy, .. } => format!("note {}", copy.identifier()),
            Self::Mark { copy, .. } => format!("mark {}", copy.identifier()),
            Self::DeleteInstance { copy, .. } | Self::DeleteCopy { copy } => {
                format!("delete {}", copy.identifier())
            }
        }
    }

    /// Whether a copy begins by it.
    pub fn begins(&self) -> bool {
        matches!(self, Self::Copy(_) | Self::TakeSnapshot(_) | Self::CopyFromSnapshot(_))
    }
}

/// The call that takes a snapshot of the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSnapshot {
    /// The snapshot's identifier, which follows from that of the copy.
    pub identifier: String,
    /// The root.
    pub source: String,
    /// The copy's tags, as far as they are known by now.
    pub tags: Tags,
}

/// The call that adds an instance to a copy. It is never public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyInstance {
    /// The copy.
    pub copy: OwnedCopy,
    /// The instance's identifier.
    pub identifier: String,
    /// Its engine: the copy's.
    pub engine: String,
    /// How it is set up.
    pub settings: InstanceSettings,
    /// Its tags: the copy's.
    pub tags: Tags,
}

/// One thing to do, why, and what EventBridge is told when AWS has accepted it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What.
    pub action: Action,
    /// Why, for people.
    pub why: String,
    /// The event.
    pub tell: Option<Event>,
}

impl Step {
    /// A step without an event.
    pub fn new(action: Action, why: impl Into<String>) -> Self {
        Self { action, why: why.into(), tell: None }
    }

    /// The same step with its event.
    #[must_use]
    pub fn telling(self, event: Event) -> Self {
        Self { tell: Some(event), ..self }
    }
}

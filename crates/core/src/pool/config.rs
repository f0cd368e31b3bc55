//! What the operator wants of the maintainer: one JSON document, which is taken as a whole or not at all.
//!
//! A configuration that is half understood would delete what the other half protects, so whatever is wrong anywhere in it
//! is a reason to change nothing. Everything that is wrong is reported at once, each with its path.

use chrono::Duration;

use crate::limits::Patterns;

mod cost;
pub mod fields;
pub mod json;
pub mod keys;
mod problem;
mod quota;
mod read;
mod source;
mod window;

pub use cost::{Budget, Prices};
pub use problem::{Problem, describe};
pub use quota::Quota;
pub use read::{MAX_BYTES, MAX_CLUSTERS};
pub use window::Window;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Maintenance {
    /// `dry-run`: every plan is shown and none is carried out.
    pub dry_run: bool,
    /// `protect`: identifiers that are never touched.
    pub protect: Patterns,
    /// `lease-warning`: how long before the end of a lease it is told.
    pub lease_warning: Duration,
    /// `max-deletions-per-run`: beside the share that a run may delete.
    pub max_deletions: Option<u32>,
    /// `clusters`: the sources that have a pool, in the order of the document, each once.
    pub sources: Vec<SourceConfig>,
}

/// What is wanted of one source's pool.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceConfig {
    /// `cluster-id`: the identifier of the root.
    pub source: String,
    /// `target-clone-slots`: free slots wanted, of the root and its copies.
    pub target: u32,
    /// `dry-run`: this source's plan is shown and not carried out.
    pub dry_run: bool,
    /// `max-copy-age`: a copy whose data is older goes. At most the manager's own, beyond which no Create takes it.
    pub max_copy_age: Duration,
    /// `replace-copies-after`: the age at which a copy's replacement is begun, below `max_copy_age`.
    pub replace_after: Option<Duration>,
    /// `max-clones-per-source`: copy-on-write clones per volume.
    pub limit: u32,
    /// `slot-margin`: slots per volume that stay free, below `limit`.
    pub margin: u32,
    /// `purge-obsolete-copies`: whether copies that are too old are taken away.
    pub purge: bool,
    /// `purge-copies-with-clones`: whether one that has clones may be purged.
    pub purge_with_clones: bool,
    /// `instance-class` of copies; `None` is `auto`.
    pub instance_class: Option<String>,
    /// `copy-method`
    pub copy_method: CopyMethod,
    /// `security-groups` of copies, in order, each once; `None`: the source's.
    pub security_groups: Option<Vec<String>>,
    /// `max-copies`: every copy counts, also those on their way out. One that is to be replaced is there until its
    /// replacement is ready, so this should be at least one above what the target takes: otherwise the old copy goes first.
    pub max_copies: u32,
    /// `max-monthly-cost`
    pub budget: Option<Budget>,
    /// `volume-gib`, `gib-month-price`, `instance-hour-price`
    pub prices: Prices,
    /// `copy-timeout`: how long a copy may be in the making before it no longer counts.
    pub copy_timeout: Duration,
    /// `owner-tag`, `owner-quota`, `owner-quotas`
    pub quota: Option<Quota>,
    /// `window`: when copies may be made and purged; `None`: always.
    pub window: Option<Window>,
    /// `protect`: identifiers in this source's family that are never touched, beside those for all.
    pub protect: Patterns,
    /// `max-lifetime` of clones, however often their leases are renewed.
    pub max_lifetime: Option<Duration>,
}

/// How a full copy is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CopyMethod {
    /// The root's volume as it is now; the copy shares the root's clone group.
    #[default]
    PointInTime,
    /// A cluster snapshot that is restored; the copy has a clone group of its own.
    Snapshot,
}

impl CopyMethod {
    /// As the configuration writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PointInTime => "point-in-time",
            Self::Snapshot => "snapshot",
        }
    }
}

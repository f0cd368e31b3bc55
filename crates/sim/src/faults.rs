//! What goes wrong on the way between a client and AWS, addressed by operation and number of the call.

use chrono::Duration;

/// Which call a fault hits. Counting starts at 1 when the fault list is installed, and counts calls of
/// [faultable](crate::Origin::faultable) origins only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The nth call of one operation, e.g. `RestoreDBClusterToPointInTime`.
    Operation(&'static str, usize),
    /// The nth call of any operation.
    Call(usize),
    /// Every call of one operation.
    Every(&'static str),
}

/// What happens to the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// Not executed; AWS answers `Throttling` or `ThrottlingException` (400), S3 `SlowDown` (503).
    Throttle,
    /// Not executed; AWS answers `AccessDenied` or `AccessDeniedException` (403; 400 where JSON 1.1 is spoken).
    Deny,
    /// Not executed; AWS answers 500.
    ServerError,
    /// Not executed; the connection breaks.
    LostRequest,
    /// **Executed**; the connection breaks before the reply arrives.
    LostReply,
    /// Executed; the reply arrives so much later.
    Delay(Duration),
    /// A read is answered from the state of so long ago; for a mutation nothing changes.
    StaleRead(Duration),
    /// Executed; then the calling process dies.
    Crash,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which call.
    pub target: Target,
    /// What happens to it.
    pub kind: FaultKind,
}

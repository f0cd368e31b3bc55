//! Why RDS refuses a call: the wire code, the HTTP status and a sentence.

/// An error answer in the making.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        // Messages repeat what a request said, and XML has no control characters.
        let message = message.into().replace(char::is_control, "?");
        Self { status, code, message }
    }

    /// A modelled error with HTTP 400.
    pub(super) fn fault(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// A modelled error with HTTP 403.
    pub(super) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(403, code, message)
    }

    /// A modelled error with HTTP 404.
    pub(super) fn missing(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(404, code, message)
    }

    /// `InvalidParameterValue`.
    pub(super) fn value(message: impl Into<String>) -> Self {
        Self::fault("InvalidParameterValue", message)
    }

    /// `InvalidParameterCombination`.
    pub(super) fn combination(message: impl Into<String>) -> Self {
        Self::fault("InvalidParameterCombination", message)
    }

    /// AWS has it and this simulator does not: said loudly, never ignored.
    pub(super) fn not_simulated(what: &str) -> Self {
        Self::combination(format!("{what} is not simulated"))
    }

    /// `InvalidDBClusterStateFault`.
    pub(super) fn cluster_state(message: impl Into<String>) -> Self {
        Self::fault("InvalidDBClusterStateFault", message)
    }

    /// `DBClusterNotFoundFault`.
    pub(super) fn no_cluster(id: &str) -> Self {
        Self::missing("DBClusterNotFoundFault", format!("DBCluster {id} not found."))
    }

    /// `DBSnapshotNotFound`: the calls about tags know no other word for a snapshot that is not there, a cluster's included.
    pub(super) fn no_tagged_snapshot(id: &str) -> Self {
        Self::missing("DBSnapshotNotFound", format!("DBClusterSnapshot {id} not found."))
    }

    /// `DBClusterSnapshotNotFoundFault`.
    pub(super) fn no_snapshot(id: &str) -> Self {
        Self::missing("DBClusterSnapshotNotFoundFault", format!("DBClusterSnapshot {id} not found."))
    }

    /// `InvalidDBClusterSnapshotStateFault`.
    pub(super) fn snapshot_state(message: impl Into<String>) -> Self {
        Self::fault("InvalidDBClusterSnapshotStateFault", message)
    }

    /// `DBInstanceNotFound`.
    pub(super) fn no_instance(id: &str) -> Self {
        Self::missing("DBInstanceNotFound", format!("DBInstance {id} not found."))
    }
}

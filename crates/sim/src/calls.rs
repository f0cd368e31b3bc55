//! What was called: every call with its bodies, and how many of each kind.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::faults::FaultKind;

/// One line of the call log.
#[derive(Debug, Clone)]
pub struct Call {
    /// When it was handled.
    pub at: DateTime<Utc>,
    /// `rds`, `dynamodb`, `states`, `cloudformation`, `secretsmanager`, `kms`, `events`, `ssm`, `cloudwatch`, `logs`, `sts`, `iam` or `s3`.
    pub service: &'static str,
    /// The operation's name, e.g. `DescribeDBClusters`; `PutObject` for the response bucket.
    pub operation: String,
    /// The caller's access key id; empty for an unsigned request.
    pub principal: String,
    /// The invocation of a function that made the call, if known.
    pub invocation: Option<u64>,
    /// Whether the call reached the service.
    pub executed: bool,
    /// The HTTP status that the service (or the fault) answered.
    pub status: u16,
    /// The error code in the answer, if it is an error.
    pub error: Option<String>,
    /// The fault that hit the call, if any.
    pub fault: Option<FaultKind>,
    /// The parameters of a query-protocol request, by name; empty for other protocols.
    pub parameters: BTreeMap<String, String>,
    /// The request's body, for tests that look for secrets.
    pub request: Vec<u8>,
    /// The response's body.
    pub response: Vec<u8>,
}

impl Call {
    /// Whether the operation changes something (it is no Describe, List, Get, Simulate or Filter).
    pub fn mutates(&self) -> bool {
        mutates(&self.operation)
    }
}

/// What calls are counted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tally {
    /// The service, as in [`Call::service`].
    pub service: &'static str,
    /// The operation's name.
    pub operation: String,
    /// The caller's access key id; empty for an unsigned request.
    pub principal: String,
    /// Whether the operation changes something.
    pub mutates: bool,
}

impl Tally {
    pub(crate) fn new(service: &'static str, operation: &str, principal: &str) -> Self {
        Self {
            service,
            operation: operation.to_owned(),
            principal: principal.to_owned(),
            mutates: mutates(operation),
        }
    }
}

fn mutates(operation: &str) -> bool {
    !["Describe", "List", "Get", "Simulate", "Filter"].iter().any(|prefix| operation.starts_with(prefix))
}

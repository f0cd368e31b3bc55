//! RDS, as far as Aurora clusters go.

use chrono::Duration;

use crate::http::{Request, Response};
use crate::world::{Config, Context};

/// The rules and durations of RDS.
#[derive(Debug, Clone, Default)]
pub struct Settings {}

/// The clusters and instances of the account.
#[derive(Debug, Default)]
pub struct Rds {}

impl Rds {
    /// An account without clusters.
    pub fn new(_config: &Config) -> Self {
        Self {}
    }

    /// Handles a call. With `stale`, a read is answered from the state of so long ago.
    pub fn handle(
        &mut self,
        _cx: &mut Context<'_>,
        _request: &Request,
        _stale: Option<Duration>,
    ) -> Response {
        Response::new(501, "text/plain", "not built yet")
    }
}

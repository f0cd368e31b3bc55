//! CloudFormation: stacks with custom resources, and the calls that ask about them.

use chrono::{DateTime, Utc};

use crate::http::{Request, Response};
use crate::world::Context;

/// The rules of CloudFormation that documents leave open.
#[derive(Debug, Clone, Default)]
pub struct Settings {}

/// The stacks of the account.
#[derive(Debug, Default)]
pub struct CloudFormation {}

impl CloudFormation {
    /// Handles a call.
    pub fn handle(&mut self, _cx: &mut Context<'_>, _request: &Request) -> Response {
        Response::new(501, "text/plain", "not built yet")
    }

    /// An answer arrived at the response URL with this key.
    pub fn answered(&mut self, _cx: &mut Context<'_>, _key: &str, _body: &[u8]) {}

    /// When something happens next by itself.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        None
    }

    /// Lets everything happen that is due now.
    pub fn tick(&mut self, _cx: &mut Context<'_>) {}
}

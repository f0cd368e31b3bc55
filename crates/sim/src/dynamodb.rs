//! DynamoDB: the few calls that the product makes, with their conditions.

use crate::http::{Request, Response};
use crate::world::Context;

/// The tables of the account.
#[derive(Debug, Default)]
pub struct DynamoDb {}

impl DynamoDb {
    /// Handles a call.
    pub fn handle(&mut self, _cx: &mut Context<'_>, _request: &Request) -> Response {
        Response::new(501, "text/plain", "not built yet")
    }
}

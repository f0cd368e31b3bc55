//! The bucket that CloudFormation's presigned response URLs point at.

use crate::http::{Request, Response};
use crate::world::Context;

/// Takes the answers that functions PUT.
#[derive(Debug, Default)]
pub struct ResponseBucket {}

impl ResponseBucket {
    /// Handles a PUT.
    pub fn handle(&mut self, _cx: &mut Context<'_>, _request: &Request) -> Response {
        Response::new(501, "text/plain", "not built yet")
    }
}

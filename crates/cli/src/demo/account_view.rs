//! What the demo tells of the account, gathered from the World.

use aurora_clone_sim::World;
use aurora_clone_sim::functions::Record;
use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

/// An answer as CloudFormation received it.
pub struct Answer {
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// How long after the request.
    pub after: Duration,
    /// `Create` or `Delete`.
    pub request: String,
    /// Whether the request was still open.
    pub counted: bool,
    /// How long the body is.
    pub bytes: usize,
    /// The body.
    pub body: Value,
}

impl Answer {
    /// A field of the body that is a text.
    pub fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    /// An output.
    pub fn data(&self, name: &str) -> &str {
        self.body["Data"][name].as_str().unwrap_or_default()
    }
}

/// The answers to a stack's requests of one kind, in the order of their arrival.
pub fn answers(world: &World, stack: &str, kind: &str) -> Vec<Answer> {
    let Some(stack) = world.cloudformation.stack(stack) else { return Vec::new() };
    let of_stack =
        world.cloudformation.received().iter().filter(|received| {
            received.key.strip_prefix(&stack.id).is_some_and(|rest| rest.starts_with('|'))
        });
    of_stack
        .map(|received| {
            let body: Value = serde_json::from_slice(&received.body).unwrap_or_default();
            let request = request(world, body["RequestId"].as_str().unwrap_or_default());
            let asked = request.map_or(received.at, |record| record.queued_at);
            let request =
                request.and_then(|record| record.payload["RequestType"].as_str()).unwrap_or_default();
            Answer {
                at: received.at,
                after: received.at - asked,
                request: request.to_owned(),
                counted: received.counted,
                bytes: received.body.len(),
                body,
            }
        })
        .filter(|answer| answer.request == kind)
        .collect()
}

/// The invocation that brought a request.
fn request<'w>(world: &'w World, id: &str) -> Option<&'w Record> {
    world.functions.log().iter().find(|record| record.payload["RequestId"] == id)
}

/// When the manager first made a call about a cluster that RDS accepted.
pub fn call(world: &World, operation: &str, cluster: &str) -> Option<DateTime<Utc>> {
    let found = world.log.iter().find(|call| {
        let named = call.parameters.get("DBClusterIdentifier").is_some_and(|id| id == cluster);
        call.operation == operation && call.status == 200 && named
    });
    found.map(|call| call.at)
}

/// The time of day.
pub fn clock(at: DateTime<Utc>) -> String {
    at.format("%H:%M:%S").to_string()
}

/// A duration in its two largest units.
pub fn span(duration: Duration) -> String {
    let seconds = duration.num_seconds().max(0);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

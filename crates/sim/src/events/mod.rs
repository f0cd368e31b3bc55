//! EventBridge: what `PutEvents` takes. Rules are not simulated: nothing follows from an event yet.

mod api;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::http::{Request, Response};
use crate::world::Context;

/// The event buses of the account.
#[derive(Debug)]
pub struct EventBridge {
    /// The events that a bus took, in order; a forgetful World keeps none.
    pub taken: Vec<Event>,
    /// The events for a bus that does not exist: they are answered with an id like the others, and go nowhere.
    /// A forgetful World keeps none.
    pub lost: Vec<Event>,
    /// How many events a bus took, kept or not, by detail type.
    pub tally: BTreeMap<String, u64>,
    /// The names of the buses there are.
    pub buses: BTreeSet<String>,
    /// The most bytes that the entries of one request may have. AWS's documents say 256 KB, later ones 1 MB.
    pub size_limit: usize,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The id in the answer.
    pub id: String,
    /// When it was put.
    pub at: DateTime<Utc>,
    /// The time that it bears: the one in its entry, or that of the call.
    pub time: DateTime<Utc>,
    /// Its source.
    pub source: String,
    /// Its detail type.
    pub detail_type: String,
    /// Its detail, always an object.
    pub detail: Value,
    /// Its resources.
    pub resources: Vec<String>,
    /// The name of the bus.
    pub bus: String,
    /// The access key id of who put it.
    pub principal: String,
}

impl Default for EventBridge {
    fn default() -> Self {
        Self {
            taken: Vec::new(),
            lost: Vec::new(),
            tally: BTreeMap::new(),
            buses: BTreeSet::from(["default".to_owned()]),
            size_limit: 256 * 1024,
        }
    }
}

impl EventBridge {
    /// Handles a call.
    pub fn handle(&mut self, cx: &mut Context<'_>, request: &Request) -> Response {
        api::handle(self, cx, request)
    }

    /// Hands an event to its bus. Rules will be matched here.
    fn take(&mut self, event: Event, forgetful: bool) {
        let is_taken = self.buses.contains(&event.bus);
        if is_taken {
            *self.tally.entry(event.detail_type.clone()).or_default() += 1;
        }
        match (forgetful, is_taken) {
            (true, _) => {}
            (false, true) => self.taken.push(event),
            (false, false) => self.lost.push(event),
        }
    }
}

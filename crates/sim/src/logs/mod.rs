//! CloudWatch Logs: the lines that functions wrote, and the search through them.
//!
//! Whoever runs functions puts their lines into a [`Sink`], which needs nothing of the World, so that a line may be written at any
//! moment. `api` reads the wire, `pattern` what a search asks for.

mod api;
mod pattern;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::http::{Request, Response};

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was written.
    pub at: DateTime<Utc>,
    /// The stream, e.g. the sandbox of a function.
    pub stream: String,
    /// What it says, without the line's end.
    pub message: String,
}

/// The log groups of the account.
#[derive(Debug, Default)]
pub struct Logs {
    sink: Sink,
}

/// Where lines go.
#[derive(Debug, Clone, Default)]
pub struct Sink(Arc<Mutex<BTreeMap<String, Vec<Line>>>>);

impl Sink {
    /// Lets a log group exist.
    pub fn create_group(&self, group: &str) {
        self.groups().entry(group.to_owned()).or_default();
    }

    /// Writes a line into a group, which comes to exist.
    pub fn put(&self, group: &str, line: Line) {
        self.groups().entry(group.to_owned()).or_default().push(line);
    }

    fn groups(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Line>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Logs {
    /// Handles a call.
    pub fn handle(&mut self, request: &Request) -> Response {
        api::handle(self, request)
    }

    /// Where lines go.
    pub fn sink(&self) -> Sink {
        self.sink.clone()
    }

    /// The lines of a group, in the order in which they were written; `None` if there is no such group.
    pub fn lines(&self, group: &str) -> Option<Vec<Line>> {
        self.sink.groups().get(group).cloned()
    }

    /// The lines of a group after the first so many.
    pub(crate) fn lines_from(&self, group: &str, seen: usize) -> Vec<Line> {
        let groups = self.sink.groups();
        groups.get(group).and_then(|lines| lines.get(seen..)).map(<[Line]>::to_vec).unwrap_or_default()
    }

    /// The names of all groups.
    pub fn groups(&self) -> Vec<String> {
        self.sink.groups().keys().cloned().collect()
    }
}

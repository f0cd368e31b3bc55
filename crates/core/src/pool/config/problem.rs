//! What is wrong with a configuration.

use std::fmt;

/// How many problems one text tells.
const SHOWN: usize = 20;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, e.g. `clusters[1].max-copy-age`; empty for the document as a whole.
    pub path: String,
    /// What it is, and what would be right.
    pub message: String,
}

impl Problem {
    /// Something that is wrong at a path.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the configuration" } else { &self.path };
        write!(f, "{path}: {}", self.message)
    }
}

impl std::error::Error for Problem {}

/// The problems in one text; of very many the first ones, and how many more there are.
pub fn describe(problems: &[Problem]) -> String {
    let shown: Vec<String> = problems.iter().take(SHOWN).map(Problem::to_string).collect();
    let more = problems.len() - shown.len();
    let end = if more == 0 { String::new() } else { format!("; and {more} more") };
    shown.join("; ") + &end
}

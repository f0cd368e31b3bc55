//! A report on a file instead of an account.

use std::path::Path;

use serde_json::Value;

use super::data::{Data, KIND};
use crate::failure::Failure;

/// Reads what `report --json` or `sim run --json` has written.
pub fn read(path: &Path) -> Result<Data, Failure> {
    let shown = path.display();
    let bad = |what: String| {
        Failure::new(format!("{shown} {what}"))
            .hint("--from takes what `aurora-clone sim run --json` or `aurora-clone report --json` prints")
    };
    let text = std::fs::read_to_string(path).map_err(|error| bad(format!("can't be read: {error}")))?;
    let document: Value = serde_json::from_str(&text).map_err(|error| bad(format!("is no JSON: {error}")))?;
    match document["kind"].as_str() {
        Some(KIND) => serde_json::from_value(document).map_err(|error| bad(format!("is no report: {error}"))),
        _ => Err(bad("is neither a report nor a simulation".to_owned())),
    }
}

//! Reads the document: its frame here, each source in [`super::source`].

use std::collections::BTreeMap;

use chrono::Duration;
use serde_json::Value;

use super::fields::{Fields, Refused};
use super::json::{self, item, member};
use super::keys;
use super::problem::Problem;
use super::source;
use super::{Maintenance, SourceConfig};
use crate::event::shown;
use crate::settings::Settings;

/// The longest document, in bytes; an SSM parameter takes less.
pub const MAX_BYTES: usize = 65_536;
/// The most sources.
pub const MAX_CLUSTERS: usize = 100;
const MAX_DELETIONS: u32 = 1_000;
const EXAMPLE: &str = r#"{"clusters": [{"cluster-id": "production", "target-clone-slots": 10}]}"#;

impl Maintenance {
    /// Reads the document against the operator's settings, and reports all that is wrong with it at once.
    pub fn parse(text: &str, settings: &Settings) -> Result<Self, Vec<Problem>> {
        let whole = |message: String| Err(vec![Problem::new("", message)]);
        if text.len() > MAX_BYTES {
            return whole(format!("it has {} bytes and takes at most {MAX_BYTES}", text.len()));
        }
        if is_edn(text) {
            return whole(format!("it is EDN, which is not read here; write JSON: {EXAMPLE}"));
        }
        let mut problems = Vec::new();
        match json::read(text, &mut problems) {
            Err(error) => whole(format!("it is not JSON: {error}")),
            Ok(value) => match document(&value, settings, &mut problems) {
                Ok(maintenance) if problems.is_empty() => Ok(maintenance),
                _ => Err(problems),
            },
        }
    }
}

/// A map of the predecessor's other form, whose keys begin with colons.
fn is_edn(text: &str) -> bool {
    let inside = text.trim_start().strip_prefix('{');
    inside.is_some_and(|inside| {
        inside.trim_start_matches(|c: char| c.is_whitespace() || c == ',').starts_with(':')
    })
}

fn document(value: &Value, settings: &Settings, problems: &mut Vec<Problem>) -> Result<Maintenance, Refused> {
    let mut fields = Fields::of(value, String::new(), &keys::DOCUMENT, problems)?;
    let dry_run = fields.boolean("dry-run");
    let protect = fields.patterns("protect");
    let lease_warning = fields.duration("lease-warning", Duration::minutes(1), None);
    let max_deletions = fields.whole("max-deletions-per-run", 0..=MAX_DELETIONS);
    let sources = fields.parts("clusters", |value, path, problems| sources(value, &path, settings, problems));
    let sources = fields.needed("clusters", sources, "needed, with a list of sources, which may be empty");
    Ok(Maintenance {
        dry_run: dry_run?.unwrap_or(false),
        protect: protect?.unwrap_or_default(),
        lease_warning: lease_warning?.unwrap_or(Duration::hours(24)),
        max_deletions: max_deletions?,
        sources: sources?,
    })
}

fn sources(
    value: &Value,
    path: &str,
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Result<Vec<SourceConfig>, Refused> {
    let list = value.as_array().ok_or_else(|| format!("it is {} and takes a list", shown(Some(value))));
    let list = list.and_then(|list| match list.len() {
        0..=MAX_CLUSTERS => Ok(list),
        length => Err(format!("it has {length} items and takes at most {MAX_CLUSTERS}")),
    });
    let list = match list {
        Ok(list) => list,
        Err(message) => {
            problems.push(Problem::new(path, message));
            return Err(Refused);
        }
    };
    let read: Vec<Result<SourceConfig, Refused>> = list
        .iter()
        .enumerate()
        .map(|(index, value)| source::read(value, item(path, index), settings, problems))
        .collect();
    // By what the document says, not by what could be read: a source may be named twice and have other mistakes.
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, value) in list.iter().enumerate() {
        let Some(name) = value.get("cluster-id").and_then(Value::as_str) else { continue };
        match first.get(name) {
            None => {
                first.insert(name, index);
            }
            Some(before) => {
                let message = format!("it is {}, as in {}", shown(Some(&name.into())), item(path, *before));
                problems.push(Problem::new(member(&item(path, index), "cluster-id"), message));
            }
        }
    }
    read.into_iter().collect()
}

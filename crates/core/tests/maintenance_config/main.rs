//! The maintenance configuration: the parser against the cases, the documents and chance.

#![allow(clippy::unwrap_used, missing_docs)]

mod any;
mod cases;
mod corrupted;
mod documents;
mod print;
mod values;

use std::path::Path;

use aurora_clone_core::names::env;
use aurora_clone_core::pool::config::Maintenance;
use aurora_clone_core::settings::Settings;
use serde_json::Value;

/// An operator who admits some sources and some security groups, and decided nothing else.
pub fn settings() -> Settings {
    Settings::read(|name| match name {
        env::MANAGER => Some("manager".to_owned()),
        env::ALLOWED_SOURCES => Some("production*, staging".to_owned()),
        env::ALLOWED_SECURITY_GROUPS => Some("sg-0*".to_owned()),
        _ => None,
    })
    .unwrap()
}

/// The paths of all that is wrong, in order.
pub fn paths(text: &str) -> Vec<String> {
    let problems = Maintenance::parse(text, &settings()).err().unwrap_or_default();
    let mut paths: Vec<String> = problems.into_iter().map(|problem| problem.path).collect();
    paths.sort();
    paths
}

/// A file of the repository.
pub fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

/// The cases that the schema is held to as well.
pub fn all_cases() -> Vec<Value> {
    serde_json::from_str(&file("tests/maintenance-config/cases.json")).unwrap()
}

/// The case in which every key is given.
pub fn full() -> Value {
    all_cases().into_iter().find(|case| case["name"] == "every key").unwrap()["config"].clone()
}

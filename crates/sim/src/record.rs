//! Writes answers to files, so that they can be checked against AWS's own models of the query protocol.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use crate::world::{Call, World};

/// Writes one answer per distinct (operation, error code) of the World's log into `dir`, as `<operation>.<n>.xml`
/// with the HTTP status in a comment before the document. Answers of RDS and of CloudFormation are recorded.
/// Existing files stay; several tests may write at once.
pub fn record_responses(world: &World, dir: impl AsRef<Path>) -> io::Result<()> {
    let mut seen = BTreeSet::new();
    record(world, dir.as_ref(), |call| seen.insert((&call.operation, &call.error)))
}

/// Writes every answer, as [`record_responses`] does.
pub fn record_all_responses(world: &World, dir: impl AsRef<Path>) -> io::Result<()> {
    record(world, dir.as_ref(), |_| true)
}

fn record<'w>(world: &'w World, dir: &Path, mut wanted: impl FnMut(&'w Call) -> bool) -> io::Result<()> {
    // Even a World without answers leaves the folder, so that its emptiness is seen.
    fs::create_dir_all(dir)?;
    let answers = world.log.iter().filter(|call| {
        matches!(call.service, "rds" | "cloudformation")
            && call.status != 0
            // An answer to an operation that is not in the model can't be checked against the model.
            && call.error.as_deref() != Some("InvalidAction")
    });
    for call in answers {
        if wanted(call) {
            write_response(dir, &call.operation, call.status, &call.response)?;
        }
    }
    Ok(())
}

/// Writes one answer of an operation into a new file.
pub fn write_response(dir: &Path, operation: &str, status: u16, body: &[u8]) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let mut number = 1;
    let mut file = loop {
        let path = dir.join(format!("{operation}.{number}.xml"));
        match OpenOptions::new().write(true).create_new(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            other => break other?,
        }
    };
    writeln!(file, "<!-- status {status} -->")?;
    file.write_all(body)
}

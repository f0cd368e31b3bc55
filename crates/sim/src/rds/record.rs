//! Writes answers to files, so that they can be checked against AWS's own model of the protocol.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use crate::world::World;

/// Writes one RDS answer per distinct (operation, error code) of the World's log into `dir`, as `<operation>.<n>.xml`
/// with the HTTP status in a comment before the document. Existing files stay; several tests may write at once.
pub fn record_responses(world: &World, dir: impl AsRef<Path>) -> io::Result<()> {
    let dir = dir.as_ref();
    fs::create_dir_all(dir)?;
    let mut seen = BTreeSet::new();
    for call in world.log.iter().filter(|call| call.service == "rds" && call.status != 0) {
        // An answer to an operation that is not in the model can't be checked against the model.
        if call.error.as_deref() == Some("InvalidAction") || !seen.insert((&call.operation, &call.error)) {
            continue;
        }
        let mut number = 1;
        let mut file = loop {
            let path = dir.join(format!("{}.{number}.xml", call.operation));
            match OpenOptions::new().write(true).create_new(true).open(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                other => break other?,
            }
        };
        writeln!(file, "<!-- status {} -->", call.status)?;
        file.write_all(&call.response)?;
    }
    Ok(())
}

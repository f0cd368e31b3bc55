//! Writes answers to files, so that they can be checked against AWS's own models of the query protocol.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::world::{Call, World};

/// Writes every answer of the World's log that differs in shape from those that `dir` has already: in its elements, in
/// the kind of their texts, or in a status. Names, times and ids may differ. Answers of RDS and of CloudFormation are
/// recorded, as `<operation>.<shape>.xml` with the HTTP status in a comment before the document; several tests may
/// write at once.
pub fn record_responses(world: &World, dir: impl AsRef<Path>) -> io::Result<()> {
    let dir = dir.as_ref();
    for call in answers(world, dir)? {
        let path = dir.join(format!("{}.{}.xml", call.operation, shape(call)));
        match OpenOptions::new().write(true).create_new(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(mut file) => write(&mut file, call.status, &call.response)?,
        }
    }
    Ok(())
}

/// A hash of what an answer is like.
fn shape(call: &Call) -> String {
    let body = String::from_utf8_lossy(&call.response);
    let mut elements = BTreeSet::new();
    for part in body.split('<').filter(|part| !part.starts_with(['/', '?', '!'])) {
        let Some((tag, text)) = part.split_once('>') else { continue };
        let told = tag.ends_with("Status") || tag == "Code" || matches!(text, "true" | "false");
        elements.insert((tag.to_owned(), if told { text.to_owned() } else { kind(text) }));
    }
    let mut hasher = Sha256::new();
    hasher.update(format!("{} {elements:?}", call.status));
    hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A text with its runs of letters and digits folded: `2026-06-21T00:00:02Z` is `x-x-x:x:x`.
fn kind(text: &str) -> String {
    let mut kind = String::new();
    for c in text.chars() {
        let c = if c.is_alphanumeric() { 'x' } else { c };
        if !(c == 'x' && kind.ends_with('x')) {
            kind.push(c);
        }
    }
    kind
}

/// Writes every answer, in the same form.
pub fn record_all_responses(world: &World, dir: impl AsRef<Path>) -> io::Result<()> {
    let dir = dir.as_ref();
    for call in answers(world, dir)? {
        write_response(dir, &call.operation, call.status, &call.response)?;
    }
    Ok(())
}

fn answers<'w>(world: &'w World, dir: &Path) -> io::Result<impl Iterator<Item = &'w Call>> {
    // Even a World without answers leaves the folder, so that its emptiness is seen.
    fs::create_dir_all(dir)?;
    Ok(world.log.iter().filter(|call| {
        matches!(call.service, "rds" | "cloudformation")
            && call.status != 0
            // An answer to an operation that is not in the model can't be checked against the model.
            && call.error.as_deref() != Some("InvalidAction")
    }))
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
    write(&mut file, status, body)
}

fn write(file: &mut fs::File, status: u16, body: &[u8]) -> io::Result<()> {
    writeln!(file, "<!-- status {status} -->")?;
    file.write_all(body)
}

//! Reads templates, as far as they are any.

use std::fs::{self, File};
use std::io::{self, Read};

use super::Position;
use crate::failure::Failure;

/// What CloudFormation takes at most, from S3.
const MAX_BYTES: u64 = 1_048_576;

/// What was read.
pub(super) enum Input {
    /// A text.
    Text(String),
    /// Bytes that are no text, and where that begins.
    Garbled(Position, String),
}

/// Reads a file, or `stdin` where its name is `-`.
pub(super) fn read(name: &str, stdin: &mut dyn Read) -> Result<Input, Failure> {
    let bytes = if name == "-" {
        some(stdin).map_err(|error| Failure::new(format!("standard input can't be read: {error}")))?
    } else {
        let failed = |error: io::Error| Failure::new(format!("{name:?} can't be read: {error}"));
        if fs::metadata(name).map_err(failed)?.is_dir() {
            return Err(Failure::new(format!("{name:?} is a directory")).hint(format!(
                "name the templates in it, for instance {}/*.yaml",
                name.trim_end_matches('/')
            )));
        }
        some(&mut File::open(name).map_err(failed)?).map_err(failed)?
    };
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::new(format!("{name:?} is larger than 1 MB"))
            .hint("CloudFormation takes no larger templates: divide it into nested stacks"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Input::Text(text)),
        Err(error) => {
            let fine = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
            let line = fine.matches('\n').count() + 1;
            let column = fine.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            Ok(Input::Garbled(
                Position { line, column },
                "not UTF-8, which templates are written in".to_owned(),
            ))
        }
    }
}

/// All bytes, or one more than is allowed.
fn some(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

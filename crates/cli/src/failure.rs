//! How a command ends that did not do what was asked for.

use std::io;

use thiserror::Error;

/// A command that failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// The output could not be written.
    #[error("the output can't be written: {0}")]
    Output(#[from] io::Error),
    /// What went wrong, in words.
    #[error("{0}")]
    Failed(String),
    /// A signal, by its number, ended the command.
    #[error("ended by signal {0}")]
    Signal(u8),
}

impl Failure {
    /// What went wrong, in words.
    pub fn new(what: impl Into<String>) -> Self {
        Self::Failed(what.into())
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Output(_) | Self::Failed(_) => 1,
            Self::Signal(number) => 128 + number,
        }
    }

    /// Whether the reader of the output went away, as `head` does: no reason to complain.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

//! How a command ends that did not do what was asked for.

use std::io;

use aurora_clone_aws::cloud::CallError;
use thiserror::Error;

/// A command that failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// The output could not be written.
    #[error("the output can't be written: {0}")]
    Output(#[from] io::Error),
    /// What went wrong, in words.
    #[error("{what}")]
    Failed {
        /// What went wrong.
        what: String,
        /// What to do next.
        hint: Option<String>,
    },
    /// The command line makes no sense.
    #[error("{what}")]
    Usage {
        /// What is wrong with it.
        what: String,
        /// What would be right.
        hint: Option<String>,
    },
    /// Everything was said already, and the answer is no.
    #[error("the answer is no")]
    Said,
    /// A signal, by its number, ended the command.
    #[error("ended by signal {0}")]
    Signal(u8),
}

impl Failure {
    /// What went wrong, in words.
    pub fn new(what: impl Into<String>) -> Self {
        Self::Failed { what: what.into(), hint: None }
    }

    /// A command line that makes no sense.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::Usage { what: what.into(), hint: None }
    }

    /// The same, with what to do next.
    #[must_use]
    pub fn hint(mut self, next: impl Into<String>) -> Self {
        if let Self::Failed { hint, .. } | Self::Usage { hint, .. } = &mut self {
            *hint = Some(next.into());
        }
        self
    }

    /// What to do next.
    pub fn next(&self) -> Option<&str> {
        match self {
            Self::Failed { hint, .. } | Self::Usage { hint, .. } => hint.as_deref(),
            Self::Output(_) | Self::Said | Self::Signal(_) => None,
        }
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Output(_) | Self::Failed { .. } | Self::Said => 1,
            Self::Usage { .. } => 2,
            Self::Signal(number) => 128 + number,
        }
    }

    /// Whether there is nothing to say about it: the reader of the output went away, as `head` does, somebody ended the command, or
    /// it was said already.
    pub fn is_silent(&self) -> bool {
        match self {
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Self::Said | Self::Signal(_) => true,
            Self::Failed { .. } | Self::Usage { .. } => false,
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let hint = match error.code.as_deref() {
            Some("AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation") => Some(
                "`aurora-clone doctor` lists the permissions that are needed, and which of them are missing",
            ),
            Some("ExpiredToken" | "ExpiredTokenException" | "RequestExpired") => {
                Some("the credentials are over: get new ones, for instance with `aws sso login`")
            }
            Some("InvalidClientTokenId" | "UnrecognizedClientException" | "SignatureDoesNotMatch") => Some(
                "AWS does not know these credentials: see which are used with `aws sts get-caller-identity`",
            ),
            None => Some("nothing answered: see --region, --endpoint-url, AWS_CA_BUNDLE and the network"),
            Some(_) => None,
        };
        let failure = Self::new(error.to_string());
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

//! What a command finds around it: where it writes, how AWS is reached, what time it is, who may interrupt it.
//!
//! Gathered here so that a whole command can run over a simulated AWS in virtual time, in another process's test.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use aurora_clone_aws::cloud::Clock;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use aws_types::SdkConfig;
use chrono::{DateTime, Utc};

use crate::printer::Printer;
use crate::stop;

/// How AWS is reached.
pub enum Reach {
    /// As the AWS CLI does: options, environment, the files in `~/.aws`, what runs the machine.
    Environment,
    /// By this configuration, over this connection.
    Given(Box<SdkConfig>, SharedHttpConnector),
}

/// A future of nothing in particular.
pub type Soon<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What is around a command.
pub struct Surroundings {
    /// Where it writes.
    pub printer: Printer,
    /// How AWS is reached.
    pub reach: Reach,
    /// What time it is.
    pub clock: Clock,
    /// Waits for a signal that asks the command to end, and gives its number.
    pub stop: Box<dyn Fn() -> Soon<u8> + Send + Sync>,
    /// Bytes that nobody has drawn before, to tell one request from another.
    pub random: Box<dyn Fn() -> [u8; 16] + Send + Sync>,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self {
            printer: Printer::new(),
            reach: Reach::Environment,
            clock: Arc::new(|| -> DateTime<Utc> { DateTime::from(std::time::SystemTime::now()) }),
            stop: Box::new(|| Box::pin(stop::asked())),
            random: Box::new(random),
        }
    }

    /// Now.
    pub fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }
}

/// Hashes with keys that the standard library draws from the operating system. What they are for must be unique, not secret.
fn random() -> [u8; 16] {
    use std::hash::{BuildHasher as _, RandomState};
    let half = || RandomState::new().hash_one(std::time::SystemTime::now()).to_le_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half());
    bytes[8..].copy_from_slice(&half());
    bytes
}

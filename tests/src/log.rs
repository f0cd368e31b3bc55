//! The product's log lines, as a test sees them.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use aurora_clone_lambda::logging;
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Subscriber};

/// The log of a test.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Lets a subscriber have what this thread logs from now on, until the guard is dropped.
pub fn on_this_thread(subscriber: impl Subscriber + Send + Sync + 'static) -> DefaultGuard {
    // While there is one subscriber only, a thread without any that comes first to a line of the log turns it off for
    // everybody.
    static SECOND: OnceLock<Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| Dispatch::new(logging::subscriber(Some("trace"), std::io::sink)));
    tracing::subscriber::set_default(subscriber)
}

impl Log {
    /// Starts logging of this thread at the level, through the product's own filter.
    pub fn start(level: &'static str) -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        (log, on_this_thread(logging::subscriber(Some(level), move || writer.clone())))
    }

    /// What was logged so far.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

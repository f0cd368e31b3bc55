//! Log lines of functions that run in this process, in the simulated CloudWatch Logs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use aurora_clone_lambda::logging;
use aurora_clone_sim::Sim;
use aurora_clone_sim::logs::{Line, Sink};
use aurora_clone_sim::sim::current_function;
use tracing::Subscriber;

/// What writes the log lines of functions into their log groups, by the functions' names. What no function logs goes nowhere.
pub fn lines(sim: &Sim, groups: BTreeMap<String, String>) -> impl Subscriber + Send + Sync {
    let sink = sim.with(|world| world.logs.sink());
    for group in groups.values() {
        sink.create_group(group);
    }
    let writer = Writer { sim: sim.clone(), sink, groups };
    logging::subscriber(Some("info"), move || writer.clone())
}

#[derive(Clone)]
struct Writer {
    sim: Sim,
    sink: Sink,
    groups: BTreeMap<String, String>,
}

/// A line comes in one piece.
impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some((function, group)) = current_function().and_then(|f| self.groups.get_key_value(&f)) {
            let message = String::from_utf8_lossy(bytes).trim_end().to_owned();
            self.sink.put(group, Line { at: self.sim.now(), stream: stream(function), message });
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The stream of a function that never gets a second sandbox.
pub(super) fn stream(function: &str) -> String {
    format!("{function}/[$LATEST]simulated")
}

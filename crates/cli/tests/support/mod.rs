//! Running the binary with a time limit.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A nested build may have to compile the SDK once more.
const LIMIT: Duration = Duration::from_secs(900);

/// How a process ended, and what it wrote.
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// The binary.
pub fn aurora_clone() -> Command {
    Command::new(env!("CARGO_BIN_EXE_aurora-clone"))
}

/// Runs a command to its end.
pub fn run(mut command: Command) -> Ended {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command.spawn().expect("a process"))
}

/// Waits for the end of a process whose output is piped; one that takes too long is killed.
pub fn finish(mut child: Child) -> Ended {
    let out = child.stdout.take().map(reader);
    let err = child.stderr.take().map(reader);
    let began = Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().expect("a status") {
            break status.code();
        }
        if began.elapsed() > LIMIT {
            child.kill().expect("killed");
        }
        thread::sleep(Duration::from_millis(20));
    };
    let text = |reader: Option<JoinHandle<String>>| {
        reader.map(|reader| reader.join().expect("a reader")).unwrap_or_default()
    };
    Ended { code, out: text(out), err: text(err) }
}

fn reader(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).expect("text");
        text
    })
}

//! Processes of the function, as Lambda would have them: a clean environment, and the runtime API to ask for work.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use aurora_clone_core::names::env;
use aurora_clone_sim::Config;
use tokio::process::{Child, Command};

use crate::account::{FUNCTION, MANAGER, MANAGER_KEY, TABLE};
use crate::failure::Failure;

/// How many processes run.
pub const COUNT: usize = 4;

/// How many lines of the log a failure shows.
const TAIL: usize = 30;

/// What the processes are told.
pub struct Setting<'a> {
    /// The function's executable.
    pub executable: &'a Path,
    /// Where they get their work from.
    pub runtime_api: SocketAddr,
    /// Where AWS is.
    pub aws: SocketAddr,
    /// The account.
    pub config: &'a Config,
    /// The manager's state machine.
    pub state_machine: &'a str,
    /// `SLOT_MARGIN`.
    pub margin: u32,
}

/// The processes. Dropping them kills them.
pub struct Sandboxes {
    children: Vec<Child>,
}

/// What the processes write.
#[derive(Debug, Clone)]
pub struct Log {
    path: PathBuf,
    shown: usize,
}

impl Log {
    /// An empty log in a new directory.
    pub fn create() -> Result<Self, Failure> {
        let name = format!("aurora-clone-demo-{}", std::process::id());
        let mut directory = std::env::temp_dir().join(&name);
        // Process ids come again.
        for number in 2.. {
            match fs::create_dir(&directory) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists && number < 1000 => {
                    directory.set_file_name(format!("{name}-{number}"));
                }
                made => {
                    made?;
                    break;
                }
            }
        }
        let path = directory.join("clone-handler.log");
        File::create_new(&path)?;
        Ok(Self { path, shown: 0 })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What has come since the last call.
    pub fn fresh(&mut self) -> String {
        let log = fs::read(&self.path).unwrap_or_default();
        let fresh = String::from_utf8_lossy(log.get(self.shown..).unwrap_or_default()).into_owned();
        self.shown = log.len();
        fresh
    }

    /// All of it.
    pub fn whole(&self) -> Result<String, Failure> {
        Ok(String::from_utf8_lossy(&fs::read(&self.path)?).into_owned())
    }

    /// The last lines.
    pub fn tail(&self) -> String {
        let log = fs::read(&self.path).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

impl Sandboxes {
    /// Starts the processes; all of them write into the log.
    pub fn start(setting: &Setting<'_>, log: &Log) -> Result<Self, Failure> {
        let mut sandboxes = Self { children: Vec::new() };
        for _ in 0..COUNT {
            let output = OpenOptions::new().append(true).open(log.path())?;
            let mut command = command(setting);
            command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).kill_on_drop(true);
            let path = setting.executable.display();
            let child =
                command.spawn().map_err(|error| Failure::new(format!("{path} does not start: {error}")))?;
            sandboxes.children.push(child);
        }
        Ok(sandboxes)
    }

    /// Waits until one of the processes ends by itself, which none should, and says so.
    pub async fn failed(&mut self) -> Failure {
        loop {
            for child in &mut self.children {
                match child.try_wait() {
                    Ok(None) => {}
                    Ok(Some(status)) => {
                        return Failure::new(format!("a process of {FUNCTION} ended: {status}"));
                    }
                    Err(error) => return error.into(),
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends the processes and waits until they have ended.
    pub async fn stop(mut self) {
        for child in &mut self.children {
            // One that has ended already can't be killed, and need not be.
            let _ = child.kill().await;
        }
    }
}

fn command(setting: &Setting<'_>) -> Command {
    let mut command = Command::new(setting.executable);
    let origin = format!("http://{}", setting.aws);
    // Nothing of ours: no proxy, no credentials, no other endpoint.
    command.env_clear();
    command.envs([
        ("AWS_LAMBDA_RUNTIME_API", setting.runtime_api.to_string().as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", FUNCTION),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("_HANDLER", "clone-handler"),
        ("AWS_REGION", &setting.config.region),
        ("AWS_ACCESS_KEY_ID", MANAGER_KEY),
        ("AWS_SECRET_ACCESS_KEY", "simulated"),
        ("AWS_ENDPOINT_URL", &origin),
        (env::RESPONSE_ORIGIN, &origin),
        (env::TABLE_NAME, TABLE),
        (env::STATE_MACHINE_ARN, setting.state_machine),
        (env::MANAGER, MANAGER),
        (env::SLOT_MARGIN, &setting.margin.to_string()),
        (env::LOG_LEVEL, "info"),
    ]);
    command
}

//! The command line over a simulated account with a manager in it: what every command's tests run on.

mod clones;
mod doctor;
mod fixture;
mod plan;
mod play;
mod report;
mod status;
mod tour;
mod validate;

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use aurora_clone::account::{MADE, ManagerStack, lines};
use aurora_clone::printer::Printer;
use aurora_clone::surroundings::{Reach, Soon, Surroundings};
use aurora_clone_core::names::env;
use aurora_clone_sim::iam::Person;
use aurora_clone_sim::{Config, World};
use aurora_clone_tests::log;
use aurora_clone_tests::pools::{MAINTAINER, Pools, log_group, wants};
use aurora_clone_tests::{FUNCTION, LAST_RESORT, MANAGER, PERSON_KEY, connection};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use serde_json::{Value, json};
use tracing::subscriber::DefaultGuard;

/// The name of the person at the command line.
pub const PERSON: &str = "ada";

/// The functions, with the logical ids of their log groups.
const LOGS: [(&str, &str); 3] =
    [(FUNCTION, "CloneHandlerLogs"), (LAST_RESORT, "LastResortLogs"), (MAINTAINER, "PoolMaintainerLogs")];

/// An account with the cluster `prod` and the manager's stack, whose functions run; and a person at a command line.
///
/// The World takes the person's key for one of the product's: whatever a command changes that the product did not make is a violation.
pub struct Fixture {
    pools: Pools,
    drawn: Arc<AtomicU64>,
    /// What the functions log goes into the account.
    _logging: DefaultGuard,
}

impl Deref for Fixture {
    type Target = Pools;

    fn deref(&self) -> &Pools {
        &self.pools
    }
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The exit code.
    pub code: u8,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

/// As a terminal would show it, for snapshots.
impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.out)?;
        if !self.err.is_empty() {
            write!(f, "--- stderr\n{}", self.err)?;
        }
        write!(f, "--- exit code {}", self.code)
    }
}

/// What is around one command beside the account.
#[derive(Debug, Clone, Copy, Default)]
pub struct Around<'a> {
    /// Standard output is a terminal of so many columns.
    pub columns: Option<usize>,
    /// Somebody answers questions with these lines.
    pub answers: Option<&'a str>,
    /// Somebody presses Ctrl-C after so long, in the account's time.
    pub stopped_after: Option<Duration>,
}

impl Fixture {
    /// An account whose operator left everything as it is by default, with an empty maintenance configuration.
    pub fn open(seed: impl FnOnce(&mut World)) -> Self {
        Self::with(&[], &json!({ "clusters": [] }), seed)
    }

    /// The same, whose operator wants so many free slots of `prod`.
    pub fn wanting(slots: u32, seed: impl FnOnce(&mut World)) -> Self {
        Self::with(&[], &wants(slots, json!({})), seed)
    }

    /// An account whose stack has some parameters of the template, and the manager a configuration.
    pub fn with(parameters: &[(&str, &str)], configuration: &Value, seed: impl FnOnce(&mut World)) -> Self {
        Self::within(Config::default(), parameters, configuration, seed)
    }

    /// The same in an account with other rules.
    pub fn within(
        config: Config,
        parameters: &[(&str, &str)],
        configuration: &Value,
        seed: impl FnOnce(&mut World),
    ) -> Self {
        let groups: Vec<(&str, String)> =
            LOGS.iter().map(|(function, id)| (*id, log_group(function))).collect();
        let groups = groups.iter().map(|(id, group)| (*id, group.as_str()));
        let made: Vec<(&str, &str)> = MADE.into_iter().chain(groups).collect();
        let stack = ManagerStack { name: MANAGER, parameters, made: &made };
        let mut environment = stack.environment().unwrap();
        let operator: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut key = None;
        let pools = Pools::with(config, &operator, configuration, |world| {
            world.config.manager_keys.push(PERSON_KEY.to_owned());
            world.iam.introduce(PERSON_KEY, Person { name: PERSON.to_owned(), policies: None });
            key = stack.deploy(world).unwrap();
            seed(world);
        });
        if let Some(key) = key {
            environment.retain(|(name, _)| name != env::DEFAULT_PASSWORD_SECRET_KMS_KEY_ID);
            environment.push((env::DEFAULT_PASSWORD_SECRET_KMS_KEY_ID.to_owned(), key));
            let operator: Vec<(&str, &str)> =
                environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            pools.operate(&operator);
        }
        let groups = LOGS.iter().map(|(function, _)| ((*function).to_owned(), log_group(function)));
        let logging = log::on_this_thread(lines(&pools.sim, groups.collect()));
        Self { pools, drawn: Arc::default(), _logging: logging }
    }

    /// Runs a command whose output is piped and who nobody answers.
    pub async fn run(&self, words: &[&str]) -> Ran {
        self.run_in(words, Around::default()).await
    }

    /// Runs a command on a terminal of so many columns.
    pub async fn run_on_terminal(&self, columns: usize, words: &[&str]) -> Ran {
        self.run_in(words, Around { columns: Some(columns), ..Around::default() }).await
    }

    /// Runs a command whose questions somebody answers with these lines.
    pub async fn run_answering(&self, answers: &str, words: &[&str]) -> Ran {
        self.run_in(words, Around { answers: Some(answers), ..Around::default() }).await
    }

    /// Runs a command that somebody interrupts after so long.
    pub async fn run_stopped_after(&self, after: Duration, words: &[&str]) -> Ran {
        self.run_in(words, Around { stopped_after: Some(after), ..Around::default() }).await
    }

    /// Runs a command, whose first word is not the program's name.
    pub async fn run_in(&self, words: &[&str], around: Around<'_>) -> Ran {
        let (mut printer, out, err) = Printer::captured();
        if let Some(columns) = around.columns {
            printer = printer.on_terminal(columns);
        }
        if let Some(answers) = around.answers {
            printer = printer.answering(answers);
        }
        let mut surroundings = self.surroundings(printer, around.stopped_after);
        let words = std::iter::once("aurora-clone").chain(words.iter().copied());
        let words: Vec<_> = words.map(std::ffi::OsString::from).collect();
        let code = Box::pin(aurora_clone::run(words, &mut surroundings)).await;
        Ran { code, out: out.text(), err: err.text() }
    }

    /// What is around a command of the person's: the account, its time, and chance that is the same each time.
    fn surroundings(&self, printer: Printer, stopped_after: Option<Duration>) -> Surroundings {
        let region = self.look(|world| world.config.region.clone());
        let credentials = Credentials::new(PERSON_KEY, "secret", None, None, "test");
        let config = SdkConfig::builder()
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let (clock, drawn) = (self.sim.clone(), Arc::clone(&self.drawn));
        let pressed_at = stopped_after.map(|after| tokio::time::Instant::now() + after);
        let pressed = Arc::new(AtomicBool::new(false));
        Surroundings {
            printer,
            reach: Reach::Given(Box::new(config), connection(&self.sim)),
            clock: Arc::new(move || clock.now()),
            stop: Box::new(move || -> Soon<u8> {
                let pressed = Arc::clone(&pressed);
                Box::pin(async move {
                    match pressed_at {
                        // Once: whoever waits for another one waits for ever.
                        Some(at) if !pressed.load(Ordering::Relaxed) => tokio::time::sleep_until(at).await,
                        _ => std::future::pending().await,
                    }
                    pressed.store(true, Ordering::Relaxed);
                    SIGINT
                })
            }),
            random: Box::new(move || {
                let number = drawn.fetch_add(1, Ordering::Relaxed) + 1;
                u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes()
            }),
        }
    }
}

/// The number of the signal that Ctrl-C sends.
const SIGINT: u8 = 2;

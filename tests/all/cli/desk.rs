//! An operator's desk: an account with pools and the manager's own stack, in which whole commands are run in virtual time.

use std::sync::{Arc, Mutex};

use aurora_clone::printer::{Captured, Printer};
use aurora_clone::surroundings::{Reach, Surroundings};
use aurora_clone_core::names::env;
use aurora_clone_sim::cloudformation::StackOptions;
use aurora_clone_sim::{Config, Sim, World};
use aurora_clone_tests::pools::Pools;
use aurora_clone_tests::{FUNCTION, LAST_RESORT, MANAGER, Operator, TABLE, connection};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use serde_json::Value;

/// The access key of the person at the desk.
pub const KEY: &str = "AKIAADA";

/// The account and what is in it.
pub struct Desk {
    pools: Pools,
}

impl std::ops::Deref for Desk {
    type Target = Pools;

    fn deref(&self) -> &Pools {
        &self.pools
    }
}

/// What a command came to.
pub struct Ran {
    pub code: u8,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// All of it, as a snapshot holds it.
    pub fn text(&self) -> String {
        let mut text = self.out.clone();
        if !self.err.is_empty() {
            text.push_str("--- stderr ---\n");
            text.push_str(&self.err);
        }
        format!("{text}--- exit code {} ---\n", self.code)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

impl Desk {
    /// An account with `prod`, this configuration, and what `seed` puts there.
    pub fn open(configuration: &Value, seed: impl FnOnce(&mut World)) -> Self {
        Self::operated(&[], configuration, seed)
    }

    /// The same with what an operator set; parameters of the stack, by their names.
    pub fn operated(
        parameters: &[(&str, &str)],
        configuration: &Value,
        seed: impl FnOnce(&mut World),
    ) -> Self {
        let variable = |name: &str| {
            let mut text = String::new();
            for (at, letter) in name.char_indices() {
                if letter.is_ascii_uppercase() && at > 0 {
                    text.push('_');
                }
                text.push(letter.to_ascii_uppercase());
            }
            text
        };
        let mut operator: Vec<(String, String)> = vec![(env::SLOT_MARGIN.to_owned(), "0".to_owned())];
        operator.extend(parameters.iter().map(|(name, value)| (variable(name), (*value).to_owned())));
        let operator: Vec<(&str, &str)> = operator.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let operator: Operator<'_> = &operator;
        let pools = Pools::with(Config::default(), operator, configuration, |world| {
            deploy(world, parameters);
            seed(world);
        });
        Self { pools }
    }

    /// Runs a command; nobody is there to answer.
    pub async fn run(&self, words: &[&str]) -> Ran {
        self.run_with(words, |printer| printer, |_| Box::pin(std::future::pending())).await
    }

    /// Runs a command, with somebody who answers.
    pub async fn answer(&self, answers: &'static str, words: &[&str]) -> Ran {
        self.run_with(words, |printer| printer.answering(answers), |_| Box::pin(std::future::pending())).await
    }

    /// Runs a command, with its own printer, and `stop` that says when somebody interrupts it.
    pub async fn run_with(
        &self,
        words: &[&str],
        printer: impl FnOnce(Printer) -> Printer,
        stop: impl Fn(Sim) -> aurora_clone::surroundings::Soon<u8> + Send + Sync + 'static,
    ) -> Ran {
        let (captured, out, err): (Printer, Captured, Captured) = Printer::captured();
        let (sim, stopped) = (self.pools.sim.clone(), self.pools.sim.clone());
        let clock = sim.clone();
        let config = sim.with(|world| world.config.clone());
        let credentials = Credentials::new(KEY, "secret", None, None, "test");
        let aws = SdkConfig::builder()
            .region(Region::new(config.region))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let drawn = Arc::new(Mutex::new(0_u8));
        let mut around = Surroundings {
            printer: printer(captured),
            reach: Reach::Given(Box::new(aws), connection(&sim)),
            clock: Arc::new(move || clock.now()),
            stop: Box::new(move || stop(stopped.clone())),
            random: Box::new(move || {
                let mut drawn = drawn.lock().unwrap();
                *drawn += 1;
                [*drawn; 16]
            }),
        };
        let words = ["aurora-clone"].iter().chain(words).map(Into::into);
        let words: Vec<std::ffi::OsString> = words.collect();
        let code = Box::pin(aurora_clone::run(words, &mut around)).await;
        Ran { code, out: out.text(), err: err.text() }
    }

    /// The calls that change something since a moment of the log, by the person at the desk.
    pub fn written_since(&self, since: usize) -> Vec<String> {
        self.look(|world| {
            let calls = world.log[since..].iter();
            let reads = aurora_clone_aws::read_only::READS;
            calls.map(|call| call.operation.clone()).filter(|name| !reads.contains(&name.as_str())).collect()
        })
    }
}

/// The manager's own stack, from the template, over what was made by hand.
fn deploy(world: &mut World, parameters: &[(&str, &str)]) {
    const TEMPLATE: &str = include_str!("../../../template/template.yaml");
    for (logical_id, name) in [
        ("Table", TABLE),
        ("CloneHandler", FUNCTION),
        ("LastResort", LAST_RESORT),
        ("PoolMaintainer", "pool-maintainer"),
        ("CloneHandlerRole", "CloneHandlerRole"),
    ] {
        world.cloudformation.foretell(MANAGER, logical_id, name);
    }
    let mut given = std::collections::BTreeMap::from([("SlotMargin".to_owned(), "0".to_owned())]);
    given.extend(parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    world
        .settle(|services, cx| {
            services.cloudformation.create_stack(cx, MANAGER, TEMPLATE, &given, &StackOptions::default())
        })
        .unwrap();
    while let Some(due) = world.next_due().filter(|_| !world.cloudformation.is_settled(MANAGER)) {
        world.advance_to(due);
    }
    let status = world.cloudformation.stack(MANAGER).map(|stack| stack.status.clone()).unwrap();
    assert_eq!(status.as_str(), "CREATE_COMPLETE");
}

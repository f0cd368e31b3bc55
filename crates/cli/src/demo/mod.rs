//! `aurora-clone demo`: the manager at work, on one machine.
//!
//! What runs is what would be deployed: processes of the real `clone-handler`, on the real AWS SDK, asked by the state
//! machine that the template ships, for the stack in `example/`. Only AWS is simulated, and it says so.

mod account_view;
mod bootstrap;
mod clones;
mod sandboxes;
mod story;
mod tree;

use std::path::Path;
use std::time::{Duration, Instant};

use aurora_clone_core::settings::CLONE_LIMIT;
use aurora_clone_sim::Sim;
use aurora_clone_sim::serve::{serve, serve_runtime_api};
use clap::{Args, value_parser};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use self::sandboxes::{Log, Sandboxes, Setting};
use self::story::Story;
use crate::account::{Account, FUNCTION, Furniture};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::stop;

/// The production cluster.
const SOURCE: &str = "prod";

/// How long the demo may take, after the function is built.
const LIMIT: Duration = Duration::from_secs(120);

/// What `demo` may be told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aurora-clone demo
  aurora-clone demo --seed 7")]
pub struct Arguments {
    /// How many slots of each source the manager keeps free, at most 9: the copy has to have enough for the demo. The
    /// product's default is 1; with 0 the fifteenth slot shows.
    #[arg(long, default_value_t = 0, value_parser = value_parser!(u32).range(0..=9))]
    margin: u32,
    /// The seed of all chance in the simulation.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Shows what the function logs, and the answers in full.
    #[arg(long, short)]
    verbose: bool,
}

/// Shows the manager at work, and fails if anything is not as it is told.
pub async fn run(arguments: &Arguments, printer: &mut Printer) -> Result<(), Failure> {
    printer.note("Building the function (the first time takes minutes) …")?;
    let executable = tokio::select! {
        executable = bootstrap::executable() => executable?,
        signal = stop::asked() => return Err(Failure::Signal(signal)),
    };
    let log = Log::create()?;
    let shown = perform(arguments, printer, &executable, &log).await;
    if let Err(Failure::Failed { .. }) = &shown {
        printer.note(&format!("\nThe last lines of {}:\n{}\n", log.path().display(), log.tail()))?;
    }
    shown
}

async fn perform(
    arguments: &Arguments,
    printer: &mut Printer,
    executable: &Path,
    log: &Log,
) -> Result<(), Failure> {
    let began = Instant::now();
    let (aws, runtime) = (loopback().await?, loopback().await?);
    let (aws_address, runtime_address) = (aws.local_addr()?, runtime.local_addr()?);
    let account = Account::open(&Furniture {
        seed: arguments.seed,
        clusters: vec![SOURCE.to_owned()],
        clones: CLONE_LIMIT - 1,
        copies: 1,
        origin: format!("http://{aws_address}"),
        parameters: Vec::new(),
    })?;
    let config = account.world.config.clone();
    let sim = Sim::skipping(account.world);
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(sim.clone(), aws));
    tasks.spawn({
        let sim = sim.clone();
        async move { serve_runtime_api(sim, runtime, FUNCTION).await }
    });
    tasks.spawn({
        let sim = sim.clone();
        async move { sim.drive().await }
    });
    let setting = Setting {
        executable,
        runtime_api: runtime_address,
        aws: aws_address,
        config: &config,
        state_machine: &account.state_machine,
        margin: arguments.margin,
    };
    let mut sandboxes = Sandboxes::start(&setting, log)?;
    let mut story = Story::new(sim, printer, arguments, log.clone(), began);
    let shown = tokio::select! {
        told = story.tell(aws_address) => told,
        failure = sandboxes.failed() => Err(failure),
        Some(_) = tasks.join_next() => Err(Failure::new("the simulated AWS came to an end")),
        signal = stop::asked() => Err(Failure::Signal(signal)),
        () = tokio::time::sleep(LIMIT) => {
            Err(Failure::new(format!("it takes longer than {} seconds", LIMIT.as_secs())))
        }
    };
    sandboxes.stop().await;
    shown
}

async fn loopback() -> Result<TcpListener, Failure> {
    Ok(TcpListener::bind(("127.0.0.1", 0)).await?)
}

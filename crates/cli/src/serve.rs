//! `aurora-clone sim serve`: the simulated AWS on loopback, for clients that are not ours.

use std::time::Duration;

use aurora_clone_core::identifier;
use aurora_clone_sim::serve::serve;
use aurora_clone_sim::{Config, Sim, rds};
use chrono::{DateTime, Utc};
use clap::{Args, value_parser};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::account::{Account, Furniture, MANAGER, Manager, run_functions};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::stop;

/// What the AWS CLI may be asked to begin with.
const EXAMPLES: [&str; 3] = [
    "rds describe-db-clusters",
    "secretsmanager create-secret --name test/one --secret-string hush",
    "cloudformation describe-stacks --stack-name aurora-clone-manager",
];

/// What of the AWS CLI shows the manager at work.
const MANAGED: [&str; 2] = [
    "cloudformation deploy --stack-name web --template-file YOUR-TEMPLATE.yaml",
    r#"ssm put-parameter --overwrite --name /aurora-clone-manager/maintenance-config --value '{"clusters": [{"cluster-id": "prod", "target-clone-slots": 5}]}'"#,
];

/// What `aurora-clone` itself may be asked.
const OURS: [&str; 2] = ["status", "create try --source-cluster-id prod"];

/// What `sim serve` may be told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aurora-clone sim serve --port 4700
  aurora-clone sim serve --clones 14 --copies 1 --speed 600
  aurora-clone sim serve --speed 1 --pace 0.05 --start now      # for clients with a clock of their own")]
pub struct Arguments {
    /// The port on 127.0.0.1; 0 for any that is free.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// How many simulated seconds pass in a real one.
    #[arg(long, default_value_t = 60.0, value_parser = speed)]
    speed: f64,
    /// When simulated time begins: an ISO 8601 time with its zone, or `now`, which with `--speed 1` is what a client with a clock of
    /// its own needs. [default: 2026-06-21T00:00:00Z]
    #[arg(long, value_name = "TIME", value_parser = start)]
    start: Option<DateTime<Utc>>,
    /// How long RDS's work takes, as a part of what it takes at AWS: 0.01 makes a clone in 2 seconds instead of 3 minutes. Every
    /// duration is rounded up to whole seconds.
    #[arg(long, default_value_t = 1.0, value_parser = pace)]
    pace: f64,
    /// How many clusters the account may have, and how many instances.
    #[arg(long, default_value_t = 40)]
    quota: usize,
    /// The access key id of a manager under test, beside the simulation's own. A change that it makes to what no manager made is
    /// listed in `/_sim/state` as a violation.
    #[arg(long, value_name = "ID")]
    manager_key: Option<String>,
    /// Whether the manager's functions run: clones for stacks, the pools, leases and orphans. [default: included, and none with
    /// --manager-key]
    #[arg(long, value_enum, value_name = "WHICH")]
    manager: Option<Manager>,
    /// A parameter of the manager's stack that is not to be at its default; repeat it for several.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// The seed of all chance in the simulation.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The production clusters, with commas between them.
    #[arg(long, default_value = "prod", value_delimiter = ',', value_parser = cluster)]
    clusters: Vec<String>,
    /// How many copy-on-write clones of the first cluster others have made.
    #[arg(long, default_value_t = 0, value_parser = value_parser!(u32).range(0..=15))]
    clones: u32,
    /// How many copies of the first cluster are in the pool.
    #[arg(long, default_value_t = 0, value_parser = value_parser!(u32).range(0..=15))]
    copies: u32,
    /// Ends by itself after so many real seconds.
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
}

/// Serves until somebody ends it.
pub async fn run(arguments: &Arguments, printer: &mut Printer) -> Result<(), Failure> {
    let listener = TcpListener::bind(("127.0.0.1", arguments.port))
        .await
        .map_err(|error| Failure::new(format!("port {} can't be had: {error}", arguments.port)))?;
    let origin = format!("http://{}", listener.local_addr()?);
    let furniture = Furniture {
        seed: arguments.seed,
        clusters: arguments.clusters.clone(),
        clones: arguments.clones,
        copies: arguments.copies,
        origin: origin.clone(),
        parameters: arguments.parameters.clone(),
    };
    let account = Account::open_with(&furniture, config(arguments))?;
    let (region, speed) = (account.world.config.region.clone(), arguments.speed);
    let sim = Sim::scaled(account.world, speed);
    let default = if arguments.manager_key.is_some() { Manager::None } else { Manager::Included };
    let included = arguments.manager.unwrap_or(default) == Manager::Included;
    let mut functions = if included { run_functions(&sim)? } else { JoinSet::new() };
    printer.line(&origin)?;
    hints(printer, &origin, &region, speed, included)?;
    let over = async {
        match arguments.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    // Being ended is what this command is for, so it is no failure.
    tokio::select! {
        () = serve(sim.clone(), listener) => {}
        () = sim.drive() => {}
        () = over => {}
        Some(_) = functions.join_next() => return Err(Failure::new("a function of the manager came to an end")),
        _ = stop::asked() => {}
    }
    Ok(())
}

/// What can be tried.
fn hints(
    printer: &mut Printer,
    origin: &str,
    region: &str,
    speed: f64,
    included: bool,
) -> Result<(), Failure> {
    printer.note(&format!(
        "SIMULATED AWS on loopback; nothing here touches a real account. {speed} simulated seconds pass in a real one."
    ))?;
    let options = format!("--region {region} --endpoint-url {origin}");
    printer.note("Use it with any credentials, for instance:")?;
    for command in EXAMPLES {
        printer.note(&format!("  aws {command} {options}"))?;
    }
    if included {
        printer.note(&format!(
            "The manager is there as its template makes it, as the stack {MANAGER}; its functions run. Try:"
        ))?;
        for command in MANAGED {
            printer.note(&format!("  aws {command} {options}"))?;
        }
    }
    printer.note("The command line reaches it in the same way:")?;
    for command in OURS {
        printer.note(&format!("  aurora-clone {command} {options}"))?;
    }
    printer.note(&format!("How the simulated world is: curl {origin}/_sim/state"))?;
    Ok(())
}

/// The rules of the simulated world.
fn config(arguments: &Arguments) -> Config {
    let usual = Config::default();
    let quotas = rds::Settings {
        cluster_quota: arguments.quota,
        instance_quota: arguments.quota,
        ..rds::Settings::default()
    };
    let rds = quotas.paced(arguments.pace);
    let manager_keys = arguments.manager_key.iter().cloned().collect();
    Config { start: arguments.start.unwrap_or(usual.start), rds, manager_keys, ..usual }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or("it takes NAME=VALUE, such as SlotMargin=0")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

fn start(text: &str) -> Result<DateTime<Utc>, String> {
    if text == "now" {
        return Ok(DateTime::from(std::time::SystemTime::now()));
    }
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(time.to_utc()),
        Err(_) => Err("it takes `now` or a time such as 2026-06-21T00:00:00Z".to_owned()),
    }
}

fn pace(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(pace) if (0.001..=1000.0).contains(&pace) => Ok(pace),
        _ => Err("it takes a number from 0.001 to 1000".to_owned()),
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.001..=100_000.0).contains(&speed) => Ok(speed),
        _ => Err("it takes a number from 0.001 to 100000".to_owned()),
    }
}

fn cluster(text: &str) -> Result<String, String> {
    identifier::validate(text).map(|()| text.to_owned()).map_err(|error| error.to_string())
}

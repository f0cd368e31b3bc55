//! The fake AWS on loopback, for the AWS CLI and boto3: `tests/clients` uses it.
//!
//! ```text
//! serve [--port 0] [--speed 1] [--clones 0] [--copies 0] [--clusters 0] [--for SECONDS] [--stop-with-stdin]
//!       [--record DIR]
//! ```
//!
//! The first line on standard output is the address. The account has a cluster `prod` with one instance, `--clones`
//! copy-on-write clones and `--copies` full copies of it, and `--clusters` others; the table `requests`; the state
//! machine `pause`, which waits `$.seconds`; and the function `echo`, which answers a custom resource with its own
//! properties, or with FAILED where `Fail` is set. [`BROKEN_KEY`] is a KMS key that nobody may use.

#![allow(clippy::print_stderr, reason = "that is how a program says what is wrong")]

use std::collections::BTreeMap;
use std::error::Error;
use std::future::pending;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use aurora_clone_sim::functions::FunctionError;
use aurora_clone_sim::http::Request;
use aurora_clone_sim::rds::{Choice, CopyKind, SeedCluster, Settings};
use aurora_clone_sim::record::record_all_responses;
use aurora_clone_sim::serve::serve;
use aurora_clone_sim::{Config, Origin, Sim, World};
use chrono::Duration;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A key that is disabled.
const BROKEN_KEY: &str = "00000000-0000-0000-0000-00000000dead";
const PAUSE: &str =
    r#"{"StartAt": "Pause", "States": {"Pause": {"Type": "Wait", "SecondsPath": "$.seconds", "End": true}}}"#;

struct Options {
    port: u16,
    speed: f64,
    clones: usize,
    copies: usize,
    clusters: usize,
    seconds: Option<f64>,
    stop_with_stdin: bool,
    record: Option<PathBuf>,
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        port: 0,
        speed: 1.0,
        clones: 0,
        copies: 0,
        clusters: 0,
        seconds: None,
        stop_with_stdin: false,
        record: None,
    };
    while let Some(name) = arguments.next() {
        if name == "--stop-with-stdin" {
            options.stop_with_stdin = true;
            continue;
        }
        let value = arguments.next().ok_or_else(|| format!("unknown option or no value: {name}"))?;
        let wrong = |error: &dyn Error| format!("{name} {value}: {error}");
        match name.as_str() {
            "--port" => options.port = value.parse().map_err(|error| wrong(&error))?,
            "--speed" => options.speed = value.parse().map_err(|error| wrong(&error))?,
            "--clones" => options.clones = value.parse().map_err(|error| wrong(&error))?,
            "--copies" => options.copies = value.parse().map_err(|error| wrong(&error))?,
            "--clusters" => options.clusters = value.parse().map_err(|error| wrong(&error))?,
            "--for" => options.seconds = Some(value.parse().map_err(|error| wrong(&error))?),
            "--record" => options.record = Some(value.into()),
            _ => return Err(format!("unknown option: {name}").into()),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let run = || -> Result<(), Box<dyn Error>> {
        let options = options(std::env::args().skip(1))?;
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(options))
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("serve: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let sim = Sim::scaled(account(&options, &origin)?, options.speed);
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{origin}")?;
    stdout.flush()?;

    let echo = sim.clone();
    tokio::select! {
        () = serve(sim.clone(), listener) => {}
        () = sim.drive() => {}
        () = sim.run_function("echo", move |event, _| answer(echo.clone(), event)) => {}
        () = time_is_over(options.seconds) => {}
        () = stdin_is_closed(options.stop_with_stdin) => {}
    }
    match options.record {
        Some(dir) => Ok(sim.with(|world| record_all_responses(world, dir))?),
        None => Ok(()),
    }
}

fn account(options: &Options, origin: &str) -> Result<World, Box<dyn Error>> {
    let rds = Settings {
        instance_while_creating: Choice::Accept,
        delete_while_creating: Choice::Accept,
        restore_from_busy: Choice::Accept,
        clone_of_stopped: Choice::Accept,
        ..Settings::default()
    };
    let config = Config { origin: Some(origin.to_owned()), rds, ..Config::default() };
    let mut world = World::new(config.clone());
    world.rds.break_key(BROKEN_KEY);
    world.rds.seed_subnet_group("data");
    world.rds.seed_parameter_group("prod-params", "aurora-postgresql16");
    world.rds.seed_cluster(SeedCluster {
        subnet_group: "data".to_owned(),
        tags: BTreeMap::from([("team".to_owned(), "shop".to_owned())]),
        ..seed("prod".to_owned())
    });
    for number in 1..=options.clones {
        let parent = Some(("prod".to_owned(), CopyKind::CopyOnWrite));
        world.rds.seed_cluster(SeedCluster { parent, ..seed(format!("clone-{number}")) });
    }
    for number in 1..=options.copies {
        let parent = Some(("prod".to_owned(), CopyKind::Full));
        world.rds.seed_cluster(SeedCluster { parent, ..seed(format!("copy-{number}")) });
    }
    for number in 1..=options.clusters {
        world.rds.seed_cluster(seed(format!("other-{number:03}")));
    }
    world.dynamodb.create_table("requests", "id");
    world.states.create(&config, "pause", PAUSE, &[])?;
    world.functions.register("echo", Duration::seconds(60));
    Ok(world)
}

fn seed(id: String) -> SeedCluster {
    SeedCluster { id, ..SeedCluster::default() }
}

/// The function `echo`.
async fn answer(sim: Sim, event: Value) -> Result<Value, FunctionError> {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let url = url::Url::parse(&text("ResponseURL"))
        .map_err(|error| FunctionError::new("ResponseURL", error.to_string()))?;
    let fails = event.pointer("/ResourceProperties/Fail").is_some();
    let answer = json!({
        "Status": if fails && text("RequestType") == "Create" { "FAILED" } else { "SUCCESS" },
        "Reason": "Fail is set",
        "PhysicalResourceId": format!("echo-{}", text("LogicalResourceId")),
        "StackId": text("StackId"),
        "RequestId": text("RequestId"),
        "LogicalResourceId": text("LogicalResourceId"),
        "Data": event.get("ResourceProperties"),
    });
    let request = Request {
        method: "PUT".to_owned(),
        host: url.host_str().unwrap_or_default().to_owned(),
        path: url.path().to_owned(),
        query: url.query().unwrap_or_default().to_owned(),
        headers: Vec::new(),
        body: answer.to_string().into_bytes(),
    };
    match sim.call(request, Origin::default()).await {
        Ok(response) if response.status == 200 => Ok(Value::Null),
        other => Err(FunctionError::new("PUT", format!("{other:?}"))),
    }
}

async fn time_is_over(seconds: Option<f64>) {
    match seconds.map(std::time::Duration::try_from_secs_f64) {
        Some(Ok(span)) => tokio::time::sleep(span).await,
        _ => pending().await,
    }
}

/// Whoever started this and then died leaves no server behind.
async fn stdin_is_closed(matters: bool) {
    if !matters {
        pending::<()>().await;
    }
    let (closed, is_closed) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(closed);
    });
    let _ = is_closed.await;
}

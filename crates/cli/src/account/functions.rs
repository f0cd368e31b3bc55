//! The manager's functions in this process, over the simulated account: the real ones, with the rights and settings of the stack.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use aurora_clone_aws::cloud::{Cloud, Parts};
use aurora_clone_core::arn::Place;
use aurora_clone_core::names::env;
use aurora_clone_core::response_url::LoopbackOrigin;
use aurora_clone_core::settings::Settings;
use aurora_clone_lambda::clone_handler::CloneHandler;
use aurora_clone_lambda::last_resort::LastResort;
use aurora_clone_lambda::pool_maintainer::PoolMaintainer;
use aurora_clone_sim::connector::SimHttpClient;
use aurora_clone_sim::functions::FunctionError;
use aurora_clone_sim::logs::Line;
use aurora_clone_sim::{Config, Sim, World};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use serde_json::Value;
use tokio::task::JoinSet;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber as _;

use super::log::{lines, stream};
use super::{FUNCTION, LAST_RESORT, MAINTAINER, MANAGER, MANAGER_KEY, manager_stack};
use crate::failure::Failure;

/// How long one request may take altogether, as with the real connection.
const READ_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(15);

/// Whether the manager's functions run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Manager {
    /// They run in this process.
    Included,
    /// A client brings its own.
    None,
}

/// Runs the functions for as long as what is returned lives, and begins the template's schedules.
pub(crate) fn run_functions(sim: &Sim) -> Result<JoinSet<()>, Failure> {
    let stack = manager_stack(&[]);
    let (config, handlers, maintainers, groups) = sim.with(|world| {
        stack.grant(world)?;
        stack.schedule(world)?;
        world.functions.send_failures(FUNCTION, LAST_RESORT);
        let variables = |function: &str| stack.variables(world, function);
        let config = world.config.clone();
        Ok::<_, Failure>((config, variables("CloneHandler"), variables("PoolMaintainer"), groups(world)))
    })?;
    let log = Dispatch::new(lines(sim, groups.clone()));
    let origin = config.origin.as_deref().map(LoopbackOrigin::parse).transpose();
    let origin = origin.map_err(|error| Failure::new(error.to_string()))?;
    let (of_handler, home) = cloud(sim, &config, &handlers)?;
    let handler = Arc::new(CloneHandler {
        cloud: of_handler,
        settings: settings(&handlers)?,
        home,
        response_origin: origin.clone(),
    });
    let last_resort = Arc::new(LastResort {
        http: connection(sim),
        region: config.region.clone(),
        response_origin: origin,
    });
    let (of_maintainer, _) = cloud(sim, &config, &maintainers)?;
    let emitted = (sim.clone(), sim.with(|world| world.logs.sink()), groups.get(MAINTAINER).cloned());
    let maintainer = Arc::new(PoolMaintainer {
        cloud: of_maintainer,
        settings: settings(&maintainers)?,
        parameter: maintainers.get(env::MAINTENANCE_CONFIG).cloned().unwrap_or_default(),
        emit: Arc::new(move |line| {
            let (sim, sink, group) = &emitted;
            if let Some(group) = group {
                let line = Line { at: sim.now(), stream: stream(MAINTAINER), message: line.to_string() };
                sink.put(group, line);
            }
        }),
    });
    let mut tasks = JoinSet::new();
    run(&mut tasks, sim, FUNCTION, &log, move |event| {
        let handler = Arc::clone(&handler);
        async move {
            let result = Box::pin(handler.handle(event)).await;
            result.map_err(|error| FunctionError::new(error.name(), error.to_string()))
        }
    });
    run(&mut tasks, sim, LAST_RESORT, &log, move |event| {
        let last_resort = Arc::clone(&last_resort);
        async move {
            let result = last_resort.handle(event).await;
            result.map_err(|error| FunctionError::new(error.name(), error.to_string()))
        }
    });
    run(&mut tasks, sim, MAINTAINER, &log, move |event| {
        let maintainer = Arc::clone(&maintainer);
        async move {
            let result = Box::pin(maintainer.handle(event)).await;
            result.map_err(|error| FunctionError::new(error.name(), error.to_string()))
        }
    });
    Ok(tasks)
}

fn run<F, Fut>(tasks: &mut JoinSet<()>, sim: &Sim, name: &'static str, log: &Dispatch, handle: F)
where
    F: Fn(Value) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, FunctionError>> + Send + 'static,
{
    let (sim, log) = (sim.clone(), log.clone());
    tasks.spawn(async move {
        sim.run_function(name, move |event, _deadline| handle(event).with_subscriber(log.clone())).await;
    });
}

/// The log groups that the template gives the functions, by the functions' names.
fn groups(world: &World) -> BTreeMap<String, String> {
    let named =
        [(FUNCTION, "CloneHandlerLogs"), (LAST_RESORT, "LastResortLogs"), (MAINTAINER, "PoolMaintainerLogs")];
    let group = |id: &str| world.cloudformation.resource(MANAGER, id)?.physical_id.clone();
    named.into_iter().filter_map(|(function, id)| Some((function.to_owned(), group(id)?))).collect()
}

fn connection(sim: &Sim) -> SharedHttpConnector {
    SharedHttpConnector::new(SimHttpClient::new(sim.clone()).with_read_timeout(READ_TIMEOUT))
}

fn settings(variables: &BTreeMap<String, String>) -> Result<Settings, Failure> {
    Settings::read(|name| variables.get(name).cloned()).map_err(|error| Failure::new(error.to_string()))
}

/// The clients of a function, and where it is.
fn cloud(
    sim: &Sim,
    config: &Config,
    variables: &BTreeMap<String, String>,
) -> Result<(Cloud, Place), Failure> {
    let variable = |name: &str| variables.get(name).cloned().unwrap_or_default();
    let state_machine = variable(env::STATE_MACHINE_ARN);
    let (home, _) = Place::of(&state_machine, "states").map_err(|error| Failure::new(error.to_string()))?;
    let clock = sim.clone();
    let cloud = Cloud::new(Parts {
        region: config.region.clone(),
        credentials: Credentials::new(MANAGER_KEY, "simulated", None, None, "simulated"),
        http: connection(sim),
        table: variable(env::TABLE_NAME),
        state_machine,
        clock: Arc::new(move || clock.now()),
        endpoint: Box::new(|_| None),
    });
    Ok((cloud, home))
}

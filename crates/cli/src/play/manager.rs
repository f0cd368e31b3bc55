//! The manager in this process, over a simulated account in virtual time: the real handler and the real maintainer on the real SDK.

use std::sync::{Arc, Mutex, PoisonError};

use aurora_clone_aws::cloud::{Cloud, Parts};
use aurora_clone_core::arn::Place;
use aurora_clone_core::names::{event, maintain};
use aurora_clone_core::pool::metrics::values;
use aurora_clone_lambda::clone_handler::CloneHandler;
use aurora_clone_lambda::pool_maintainer::PoolMaintainer;
use aurora_clone_sim::connector::SimHttpClient;
use aurora_clone_sim::functions::FunctionError;
use aurora_clone_sim::rds::{CopyKind, SeedCluster};
use aurora_clone_sim::{Config, Sim, World};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::scenario::Scenario;
use crate::account::{FUNCTION, MANAGER, MANAGER_KEY, OTHERS_KEY, TABLE};

const MAINTAINER: &str = "pool-maintainer";
const CLONE_MACHINE: &str = include_str!("../../../../template/state-machine.asl.json");
const POOL_MACHINE: &str = include_str!("../../../../template/pool-machine.asl.json");
/// The kind of what is planned and may not be done.
const PLAN: &str = "plan";
/// As long as the real connector lets one request take.
const READ_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(15);

/// Something that the maintainer did, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub time: DateTime<Utc>,
    /// What: the detail type of an event of the manager, `copy-begun` or `run-failed`.
    pub kind: String,
    /// The source that it is about, if it is about one.
    pub source: Option<String>,
    /// The cluster that it is about, if it is about one.
    pub cluster: Option<String>,
    /// Why.
    pub why: String,
}

/// What the maintainer said so far.
pub type Heard = Arc<Mutex<Vec<Happening>>>;

/// The manager in a simulated account.
pub struct Manager {
    /// The account.
    pub sim: Sim,
    /// The handler's ARN.
    pub function: String,
    /// What the maintainer did.
    pub heard: Heard,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Manager {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Manager {
    /// Furnishes an account for a scenario and begins to work in it. `begin` is the World's first moment. To be called in a runtime
    /// whose time is paused.
    pub fn open(scenario: &Scenario, begin: DateTime<Utc>) -> Result<Self, String> {
        let mut world = World::new(config(scenario, begin));
        world.config.manager_keys = vec![MANAGER_KEY.to_owned()];
        furnish(&mut world, scenario);
        let config = world.config.clone();
        let arn = |name: &str| {
            format!("arn:{}:lambda:{}:{}:function:{name}", config.partition, config.region, config.account)
        };
        let function = arn(FUNCTION);
        world.dynamodb.create_table(TABLE, "id");
        world.dynamodb.set_time_to_live(TABLE, "ttl");
        world.functions.register(FUNCTION, Duration::seconds(60));
        world.functions.register(MAINTAINER, Duration::seconds(300));
        let mut machine = |name: &str, definition: &str, key: &str, function: &str| {
            let substitutions = [("Partition", config.partition.as_str()), (key, function)];
            let name = format!("{MANAGER}-{name}");
            let made = world.states.create(&config, &name, definition, &substitutions);
            made.map_err(|error| format!("the state machine {name} is refused: {error}"))
        };
        let clones = machine("clone", CLONE_MACHINE, "CloneHandlerArn", &function)?;
        let pools = machine("pool", POOL_MACHINE, "PoolMaintainerArn", &arn(MAINTAINER))?;
        world.on_execution_failure.insert(clones.clone(), FUNCTION.to_owned());
        let parameter = format!("/{MANAGER}/maintenance-config");
        world.ssm.put(&parameter, &scenario.document.to_string());
        schedule(&mut world, scenario, begin);
        let (home, _) = Place::of(&clones, "states").map_err(|error| error.to_string())?;

        let sim = Sim::in_virtual_time(world);
        let heard = Heard::default();
        let http = SharedHttpConnector::new(SimHttpClient::new(sim.clone()).with_read_timeout(READ_TIMEOUT));
        let handler = Arc::new(CloneHandler {
            cloud: cloud(&sim, http.clone(), clones),
            settings: scenario.settings.clone(),
            home,
            response_origin: None,
        });
        let listening = Listening { inner: http, sim: sim.clone(), heard: Arc::clone(&heard) };
        let maintainer = Arc::new(PoolMaintainer {
            cloud: cloud(&sim, SharedHttpConnector::new(listening), pools),
            settings: scenario.settings.clone(),
            parameter,
            emit: emit(&sim, &heard),
        });
        let tasks = vec![drive(&sim), serve(&sim, handler), maintain(&sim, maintainer, &heard)];
        Ok(Self { sim, function, heard, tasks })
    }
}

fn note(heard: &Heard, happening: Happening) {
    heard.lock().unwrap_or_else(PoisonError::into_inner).push(happening);
}

/// An account whose quotas were raised: a scenario is about slots.
fn config(scenario: &Scenario, begin: DateTime<Utc>) -> Config {
    let mut config = Config { seed: scenario.seed, start: begin, forgetful: true, ..Config::default() };
    config.rds.cluster_quota = 2_000;
    config.rds.instance_quota = 4_000;
    let copy = u64::try_from(scenario.settings.full_copy_time.num_seconds()).unwrap_or(1);
    config.rds.full_copy_seconds = copy..=copy;
    config
}

fn furnish(world: &mut World, scenario: &Scenario) {
    for source in &scenario.sources {
        world.rds.seed_cluster(SeedCluster {
            id: source.id.clone(),
            deletion_protection: true,
            backup_retention: 7,
            instances: 2,
            created_by: OTHERS_KEY.to_owned(),
            ..SeedCluster::default()
        });
        for number in 1..=source.clones_of_others {
            world.rds.seed_cluster(SeedCluster {
                id: format!("by-hand-{}-{number}", source.id.chars().take(48).collect::<String>()),
                parent: Some((source.id.clone(), CopyKind::CopyOnWrite)),
                created_by: OTHERS_KEY.to_owned(),
                ..SeedCluster::default()
            });
        }
    }
}

/// The schedules of the template.
fn schedule(world: &mut World, scenario: &Scenario, begin: DateTime<Utc>) {
    let day = Duration::days(1);
    for time in &scenario.maintain_at {
        let at = begin.date_naive().and_time(*time).and_utc();
        let first = if at > begin { at } else { at + day };
        world.schedule(MAINTAINER, first, day, json!({ "schedule": maintain::MAINTAIN }));
    }
    let often = Duration::minutes(15);
    world.schedule(MAINTAINER, begin + often, often, json!({ "schedule": maintain::SWEEP }));
}

fn cloud(sim: &Sim, http: SharedHttpConnector, state_machine: String) -> Cloud {
    let clock = sim.clone();
    Cloud::new(Parts {
        region: sim.with(|world| world.config.region.clone()),
        credentials: Credentials::new(MANAGER_KEY, "secret", None, None, "simulated"),
        http,
        table: TABLE.to_owned(),
        state_machine,
        clock: Arc::new(move || clock.now()),
        endpoint: Box::new(|_| None),
    })
}

fn drive(sim: &Sim) -> JoinHandle<()> {
    let sim = sim.clone();
    tokio::spawn(async move { sim.drive().await })
}

fn serve(sim: &Sim, handler: Arc<CloneHandler>) -> JoinHandle<()> {
    let sim = sim.clone();
    tokio::spawn(async move {
        let handle = move |event: Value, _deadline: DateTime<Utc>| {
            let handler = Arc::clone(&handler);
            async move {
                let result = Box::pin(handler.handle(event)).await;
                result.map_err(|error| FunctionError::new(error.name(), error.to_string()))
            }
        };
        sim.run_function(FUNCTION, handle).await;
    })
}

fn maintain(sim: &Sim, maintainer: Arc<PoolMaintainer>, heard: &Heard) -> JoinHandle<()> {
    let (sim, heard) = (sim.clone(), Arc::clone(heard));
    let clock = sim.clone();
    tokio::spawn(async move {
        let handle = move |event: Value, _deadline: DateTime<Utc>| {
            let (maintainer, heard, clock) = (Arc::clone(&maintainer), Arc::clone(&heard), clock.clone());
            async move {
                let result = Box::pin(maintainer.handle(event)).await;
                result.map_err(|error| {
                    let why = error.to_string();
                    let (time, kind) = (clock.now(), "run-failed".to_owned());
                    note(&heard, Happening { time, kind, source: None, cluster: None, why: why.clone() });
                    FunctionError::new(error.name(), why)
                })
            }
        };
        sim.run_function(MAINTAINER, handle).await;
    })
}

/// What the maintainer's metrics say of plans that begin copies. Not each of them is carried out: a sweep only looks at a pool.
fn emit(sim: &Sim, heard: &Heard) -> Arc<dyn Fn(&Value) + Send + Sync> {
    let (clock, heard) = (sim.clone(), Arc::clone(heard));
    Arc::new(move |line| {
        let values = values(line);
        let value = |name: &str| values.get(name).copied().unwrap_or(0.0);
        if value("CopiesBegun") == 0.0 {
            return;
        }
        let (wanted, free, coming) = (value("WantedSlots"), value("FreeSlots"), value("ComingSlots"));
        let why = format!("{wanted} slots are wanted, {free} are free and {coming} are coming");
        let source = line["Source"].as_str().map(str::to_owned);
        note(&heard, Happening { time: clock.now(), kind: PLAN.to_owned(), source, cluster: None, why });
    })
}

/// What the maintainer did, with the copies that it really begun: no event tells of those, and why is in the plan before.
pub fn happenings(heard: &Heard, world: &World) -> Vec<Happening> {
    let all = heard.lock().unwrap_or_else(PoisonError::into_inner);
    let (plans, told): (Vec<&Happening>, Vec<&Happening>) =
        all.iter().partition(|happening| happening.kind == PLAN);
    let copies = world.rds.history().iter().filter(|life| life.role() == Some("copy"));
    let begun = copies.map(|life| {
        let plan = plans
            .iter()
            .rev()
            .find(|plan| plan.time <= life.born_at() && plan.source.as_deref() == life.root());
        Happening {
            time: life.born_at(),
            kind: "copy-begun".to_owned(),
            source: life.root().map(str::to_owned),
            cluster: Some(life.id.clone()),
            why: plan.map(|plan| plan.why.clone()).unwrap_or_default(),
        }
    });
    let mut happenings: Vec<Happening> = told.into_iter().cloned().chain(begun).collect();
    happenings.sort_by_key(|happening| happening.time);
    happenings
}

/// A connection that listens to what is told to EventBridge. A World of months keeps no events.
#[derive(Debug)]
struct Listening {
    inner: SharedHttpConnector,
    sim: Sim,
    heard: Heard,
}

impl HttpConnector for Listening {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.headers().get("x-amz-target") == Some("AWSEvents.PutEvents") {
            let body = request.body().bytes().and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
            let entries = body.as_ref().and_then(|body| body["Entries"].as_array());
            for happening in
                entries.into_iter().flatten().filter_map(|entry| happening(self.sim.now(), entry))
            {
                note(&self.heard, happening);
            }
        }
        self.inner.call(request)
    }
}

fn happening(time: DateTime<Utc>, entry: &Value) -> Option<Happening> {
    let detail: Value = serde_json::from_str(entry["Detail"].as_str()?).ok()?;
    let text = |name: &str| detail[name].as_str().map(str::to_owned);
    let kind = entry["DetailType"].as_str()?.to_owned();
    let why = match kind.as_str() {
        event::COPY_READY => "it can be cloned from now on".to_owned(),
        _ => text("reason").unwrap_or_default(),
    };
    let cluster = text("clusterId").or_else(|| text("clusterIdentifier"));
    Some(Happening { time, kind, source: text("sourceClusterId"), cluster, why })
}

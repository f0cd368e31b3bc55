//! A simulated account with the real `pool-maintainer` in it, beside the handler.

use std::ops::Deref;
use std::sync::{Arc, Mutex};

use aurora_clone_core::names::{env, maintain};
use aurora_clone_core::pool::metrics::values;
use aurora_clone_lambda::pool_maintainer::{MaintainerError, PoolMaintainer};
use aurora_clone_sim::functions::{FunctionError, Record};
use aurora_clone_sim::logs::Line;
use aurora_clone_sim::rds::Cluster;
use aurora_clone_sim::{Config, Sim, World};
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    FUNCTION, House, MANAGER, Operator, cloud, cloud_over, connection, purges, rights, secrecy, settings,
};

/// The function's name.
pub const MAINTAINER: &str = "pool-maintainer";
/// The SSM parameter's name.
pub const PARAMETER: &str = "/aurora-clone-manager/maintenance-config";
/// The state machine of the template.
pub const POOL_MACHINE: &str = include_str!("../../template/pool-machine.asl.json");
/// How long the function may run, as the template says.
const TIMEOUT: Duration = Duration::seconds(300);

/// An account whose pools are maintained.
pub struct Pools {
    house: House,
    maintainer: Arc<PoolMaintainer>,
    metrics: Arc<Mutex<Vec<Value>>>,
    /// The ARN of the maintainer's state machine.
    pub machine: String,
}

impl Deref for Pools {
    type Target = House;

    fn deref(&self) -> &House {
        &self.house
    }
}

/// The log group of a function.
pub fn log_group(function: &str) -> String {
    format!("{MANAGER}-{function}")
}

/// The configuration of one source, `prod`, with free slots wanted and what `more` says.
pub fn wants(slots: u32, more: Value) -> Value {
    let mut source = json!({ "cluster-id": "prod", "target-clone-slots": slots });
    for (key, value) in more.as_object().unwrap() {
        source[key] = value.clone();
    }
    json!({ "clusters": [source] })
}

/// Runs the function for as long as the account is there.
fn run(sim: &Sim, name: &'static str, maintainer: Arc<PoolMaintainer>) -> JoinHandle<()> {
    let runner = sim.clone();
    tokio::spawn(async move {
        let handle = move |event: Value, _deadline: DateTime<Utc>| {
            let maintainer = Arc::clone(&maintainer);
            async move {
                let result = Box::pin(maintainer.handle(event)).await;
                result.map_err(|error| FunctionError::new(error.name(), error.to_string()))
            }
        };
        runner.run_function(name, handle).await;
    })
}

impl Pools {
    /// An account with a production cluster called `prod`; the margin is 0, and `seed` furnishes it.
    pub fn open(configuration: &Value, seed: impl FnOnce(&mut World)) -> Self {
        Self::with(Config::default(), &[(env::SLOT_MARGIN, "0")], configuration, seed)
    }

    /// An account whose operator has set something.
    pub fn with(
        config: Config,
        operator: Operator<'_>,
        configuration: &Value,
        seed: impl FnOnce(&mut World),
    ) -> Self {
        Self::over(config, operator, configuration, seed, |_, http| http)
    }

    /// The same, whose maintainer has another connection to AWS: one that tells lies, say.
    pub fn over(
        config: Config,
        operator: Operator<'_>,
        configuration: &Value,
        seed: impl FnOnce(&mut World),
        connect: impl FnOnce(&Sim, SharedHttpConnector) -> SharedHttpConnector,
    ) -> Self {
        let (mut machine, mut parameter) = (String::new(), String::new());
        let house = House::operated(config, operator, |world| {
            let config = world.config.clone();
            let arn = format!(
                "arn:{}:lambda:{}:{}:function:{MAINTAINER}",
                config.partition, config.region, config.account
            );
            world.functions.register(MAINTAINER, TIMEOUT);
            let substitutions =
                [("Partition", config.partition.as_str()), ("PoolMaintainerArn", arn.as_str())];
            let names = rights::Names::new(&config, operator);
            parameter = format!("/{}/maintenance-config", names.manager());
            let name = format!("{}-pool", names.manager());
            machine = world.states.create(&config, &name, POOL_MACHINE, &substitutions).unwrap();
            world.ssm.put(&parameter, &configuration.to_string());
            world.iam.assume(MAINTAINER, rights::role(rights::MAINTAINER_ROLE, &names));
            seed(world);
        });
        let config = house.look(|world| world.config.clone());
        let metrics: Arc<Mutex<Vec<Value>>> = Arc::default();
        let sink = Arc::clone(&metrics);
        // CloudWatch reads the metrics out of the log; a forgetful World keeps neither.
        let log = (!config.forgetful).then(|| (house.sim.clone(), house.sim.with(|world| world.logs.sink())));
        let group = log_group(MAINTAINER);
        let maintainer = Arc::new(PoolMaintainer {
            cloud: cloud_over(
                connect(&house.sim, connection(&house.sim)),
                &house.sim,
                &config,
                machine.clone(),
            ),
            settings: settings(operator),
            parameter,
            emit: Arc::new(move |line| {
                sink.lock().unwrap().push(line.clone());
                if let Some((sim, log)) = &log {
                    let line =
                        Line { at: sim.now(), stream: MAINTAINER.to_owned(), message: line.to_string() };
                    log.put(&group, line);
                }
            }),
        });
        let mut pools = Self { house, maintainer, metrics, machine };
        let task = run(&pools.sim, MAINTAINER, Arc::clone(&pools.maintainer));
        pools.house.tasks.push(task);
        pools
    }

    /// Another manager in the account, with a function, a table, a configuration and a state machine of its own.
    pub fn neighbour(&mut self, name: &'static str, configuration: &Value) -> Arc<PoolMaintainer> {
        let config = self.look(|world| world.config.clone());
        let arn =
            format!("arn:{}:lambda:{}:{}:function:{name}", config.partition, config.region, config.account);
        let parameter = format!("/{name}/maintenance-config");
        let machine = self.sim.with(|world| {
            world.functions.register(name, TIMEOUT);
            world.dynamodb.create_table(name, "id");
            world.ssm.put(&parameter, &configuration.to_string());
            let substitutions =
                [("Partition", config.partition.as_str()), ("PoolMaintainerArn", arn.as_str())];
            let names = rights::Names::new(&config, &[]).of_manager(name, name);
            world.iam.assume(name, rights::role(rights::MAINTAINER_ROLE, &names));
            world.states.create(&config, &format!("{name}-pool"), POOL_MACHINE, &substitutions).unwrap()
        });
        let mut cloud = cloud(&self.sim, &config, machine);
        name.clone_into(&mut cloud.table);
        let maintainer = Arc::new(PoolMaintainer {
            cloud,
            settings: settings(&[(env::MANAGER, name), (env::SLOT_MARGIN, "0")]),
            parameter,
            emit: Arc::new(|_| {}),
        });
        let task = run(&self.sim, name, Arc::clone(&maintainer));
        self.house.tasks.push(task);
        maintainer
    }

    /// The manager's name in the maintainer's settings.
    pub fn manager(&self) -> &str {
        MANAGER
    }

    /// Puts another configuration.
    pub fn configure(&self, configuration: &Value) {
        self.sim.with(|world| world.ssm.put(PARAMETER, &configuration.to_string()));
    }

    /// Begins the schedules of the template: a run a day, from the first hour on, and a sweep every quarter of an hour.
    pub fn schedules(&self) {
        self.sim.with(|world| {
            let first = world.now() + Duration::hours(1);
            world.schedule(MAINTAINER, first, Duration::days(1), json!({ "schedule": maintain::MAINTAIN }));
            let (soon, often) = (world.now() + Duration::minutes(15), Duration::minutes(15));
            world.schedule(MAINTAINER, soon, often, json!({ "schedule": maintain::SWEEP }));
        });
    }

    /// What a person gets who invokes the function.
    pub async fn ask(&self, event: Value) -> Result<Value, MaintainerError> {
        Box::pin(self.maintainer.handle(event)).await
    }

    /// Sends the function an event through Lambda, as a schedule does, and waits until nothing of the maintainer is under way.
    /// Returns the results of its invocations from then on.
    pub async fn send(&self, event: Value) -> Vec<Record> {
        let before = self.invocations().len();
        self.begin(event);
        self.quiet().await;
        self.invocations().split_off(before)
    }

    /// A whole run, until it is settled. Panics if an invocation failed.
    pub async fn night(&self) {
        let records = self.send(json!({ "schedule": maintain::MAINTAIN })).await;
        for record in &records {
            assert!(matches!(record.result, Some(Ok(_))), "{:?}: {:?}", record.payload, record.result);
        }
    }

    /// A whole run, of which AWS refuses something: it fails and says so, and is followed until it is settled.
    pub async fn refused_night(&self) {
        let records = self.send(json!({ "schedule": maintain::MAINTAIN })).await;
        let says = |record: &Record| matches!(&record.result, Some(Err(error)) if error.message.contains("AWS refuses"));
        assert!(records.iter().any(says), "{records:?}");
        for record in records.iter().filter(|record| !says(record)) {
            assert!(matches!(record.result, Some(Ok(_))), "{:?}: {:?}", record.payload, record.result);
        }
    }

    /// A sweep, until it is settled. Panics if an invocation failed.
    pub async fn sweep(&self) {
        let records = self.send(json!({ "schedule": maintain::SWEEP })).await;
        for record in &records {
            assert!(matches!(record.result, Some(Ok(_))), "{:?}: {:?}", record.payload, record.result);
        }
    }

    /// Waits until the maintainer neither runs nor is followed.
    pub async fn quiet(&self) {
        for _ in 0..200_000 {
            self.sim.sleep(Duration::seconds(5)).await;
            let busy = self.look(|world| {
                let counts = world.functions.counts(MAINTAINER);
                counts.queued + counts.running > 0 || self.following(world) > 0
            });
            if !busy {
                return;
            }
        }
        panic!("the maintainer does not come to rest");
    }

    /// How many executions of the maintainer's state machine run.
    fn following(&self, world: &World) -> usize {
        let of_machine =
            world.states.executions().iter().filter(|execution| execution.state_machine == self.machine);
        of_machine.filter(|execution| execution.stopped.is_none()).count()
    }

    /// The names and statuses of the executions of the maintainer's state machine.
    pub fn executions(&self) -> Vec<(String, String)> {
        self.look(|world| {
            let of_machine = world.states.executions().iter().filter(|e| e.state_machine == self.machine);
            of_machine.map(|e| (e.name.clone(), format!("{:?}", e.status))).collect()
        })
    }

    /// The invocations of the maintainer, in order.
    pub fn invocations(&self) -> Vec<Record> {
        self.look(|world| {
            world.functions.log().iter().filter(|record| record.function == MAINTAINER).cloned().collect()
        })
    }

    /// The copies of a root, by their names.
    pub fn copies(&self, root: &str) -> Vec<Cluster> {
        use aurora_clone_core::names::tag;
        self.look(|world| {
            let is = |cluster: &&Cluster| {
                cluster.tags.get(tag::ROLE).map(String::as_str) == Some("copy")
                    && cluster.tags.get(tag::CLUSTER) == Some(&cluster.id)
                    && cluster.tags.get(tag::ROOT).map(String::as_str) == Some(root)
            };
            world.rds.clusters().filter(is).cloned().collect()
        })
    }

    /// The latest value of a metric of a source, or of a run where that is its name.
    pub fn metric(&self, of: &str, name: &str) -> Option<f64> {
        let lines = self.metrics.lock().unwrap();
        let of_it = |line: &&Value| line["Source"] == *of || line["Run"] == *of;
        lines.iter().rev().filter(of_it).find_map(|line| values(line).get(name).copied())
    }

    /// Every line of metrics so far.
    pub fn metrics(&self) -> Vec<Value> {
        self.metrics.lock().unwrap().clone()
    }

    /// Drops the lines of metrics so far: months of them would not fit into memory.
    pub fn forget_metrics(&self) {
        self.metrics.lock().unwrap().clear();
    }

    /// The events of a detail type that EventBridge took, in order.
    pub fn told(&self, detail_type: &str) -> Vec<Value> {
        self.look(|world| {
            let of = world.events.taken.iter().filter(|event| event.detail_type == detail_type);
            of.map(|event| event.detail.clone()).collect()
        })
    }

    /// How many calls of the product changed something since call number `since`, but for the handler's own.
    pub fn changes_since(&self, since: usize) -> Vec<String> {
        self.look(|world| {
            let of_handler: Vec<u64> = world
                .functions
                .log()
                .iter()
                .filter(|record| record.function == FUNCTION)
                .map(|record| record.id)
                .collect();
            let calls = world.log[since..].iter().filter(|call| call.principal == crate::MANAGER_KEY);
            let calls = calls
                .filter(|call| call.mutates() && !call.invocation.is_some_and(|id| of_handler.contains(&id)));
            calls.map(|call| format!("{} {}", call.service, call.operation)).collect()
        })
    }

    /// The end of a flow: what holds for every one of them, and what holds for every purge.
    pub async fn close(&self) {
        self.house.close().await;
        self.look(|world| {
            purges::check(world);
            let passwords = secrecy::passwords(world);
            for line in self.metrics() {
                secrecy::check_text("a metric", &line.to_string(), &passwords);
            }
        });
    }

    /// Begins an invocation by Lambda and waits for nothing.
    pub fn begin(&self, event: Value) {
        self.sim.with(|world| {
            world.settle(|services, cx| services.functions.invoke_async(cx, MAINTAINER, event));
        });
    }

    /// The event of a schedule that was due now.
    pub fn event(&self, schedule: &str) -> Value {
        json!({ "schedule": schedule, "time": self.sim.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true) })
    }

    /// The number of calls so far.
    pub fn calls(&self) -> usize {
        self.look(|world| world.log.len())
    }
}

//! A simulated account with the real `clone-handler` in it: what the flows run on.
//!
//! The handler runs in this process, on the real AWS SDK, whose connector ends in the World. Time is tokio's, paused: hours pass
//! in milliseconds, and nothing waits.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, clippy::print_stderr, clippy::print_stdout)]

pub mod budget;
pub mod crowd;
pub mod log;
pub mod pools;
pub mod purges;
pub mod quarter;
pub mod rights;
pub mod secrecy;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aurora_clone_aws::cloud::{Cloud, Parts};
use aurora_clone_core::arn::Place;
use aurora_clone_core::names::{env, tag};
use aurora_clone_core::settings::Settings;
use aurora_clone_lambda::clone_handler::CloneHandler;
use aurora_clone_lambda::last_resort::LastResort;
use aurora_clone_sim::bucket::ResponseBucket;
use aurora_clone_sim::cloudformation::StackOptions;
use aurora_clone_sim::connector::SimHttpClient;
use aurora_clone_sim::functions::FunctionError;
use aurora_clone_sim::rds::{CopyKind, SeedCluster};
use aurora_clone_sim::{Call, Config, Sim, World};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

/// The access key of the product.
pub const MANAGER_KEY: &str = "AKIAMANAGER";
/// The access key of people.
pub const PERSON_KEY: &str = "AKIAPERSON";
/// The manager's name, which is that of its stack.
pub const MANAGER: &str = "aurora-clone-manager";
/// The function's name.
pub const FUNCTION: &str = "clone-handler";
/// The name of the function that answers where the other can't.
pub const LAST_RESORT: &str = "last-resort";
/// The table's name.
pub const TABLE: &str = "requests";
/// The state machine of the template.
pub const STATE_MACHINE: &str = include_str!("../../template/state-machine.asl.json");

/// How long one request may take altogether.
const READ_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(15);

/// A simulated account with the product in it.
pub struct House {
    /// The account.
    pub sim: Sim,
    broken: Arc<AtomicBool>,
    settings: Arc<Mutex<Settings>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Drop for House {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// What an operator set, by the names of the function's environment; the margin is 0 unless a flow is about it.
pub type Operator<'a> = &'a [(&'a str, &'a str)];

/// Settings of the product, with what the operator changed.
pub fn settings(operator: Operator<'_>) -> Settings {
    Settings::read(|name| {
        let given = operator.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        given.or_else(|| match name {
            env::MANAGER => Some(MANAGER.to_owned()),
            env::SLOT_MARGIN => Some("0".to_owned()),
            _ => None,
        })
    })
    .unwrap()
}

/// Who expects full copies to be quick: a Create begins one.
pub const QUICK_COPIES: Operator<'static> = &[(env::FULL_COPY_TIME, "PT1M")];

/// Whether who made something is the product: its functions, or somebody who acts through its command line.
fn is_ours(world: &World, created_by: &str) -> bool {
    world.config.manager_keys.iter().any(|key| key == created_by)
}

/// The ARN of the function.
pub fn function_arn(config: &Config) -> String {
    format!("arn:{}:lambda:{}:{}:function:{FUNCTION}", config.partition, config.region, config.account)
}

impl House {
    /// An account with a production cluster called `prod`, and the product.
    pub fn open() -> Self {
        Self::with(Config::default(), 0, |_| {})
    }

    /// An account that `seed` has furnished, beside `prod`.
    pub fn with(config: Config, margin: u32, seed: impl FnOnce(&mut World)) -> Self {
        Self::operated(config, &[(env::SLOT_MARGIN, &margin.to_string())], seed)
    }

    /// An account whose operator has set something.
    pub fn operated(config: Config, operator: Operator<'_>, seed: impl FnOnce(&mut World)) -> Self {
        let (world, state_machine) = furnished(config, operator, seed);
        Self::over(Sim::in_virtual_time(world), state_machine, operator)
    }

    /// The product in an account that is [`furnished`], whose time is somebody else's matter.
    pub fn over(sim: Sim, state_machine: String, operator: Operator<'_>) -> Self {
        let config = sim.with(|world| world.config.clone());
        let handler = Arc::new(handler(&sim, &config, state_machine, operator));
        let settings = Arc::new(Mutex::new(settings(operator)));
        let present = Arc::clone(&settings);
        let last_resort = Arc::new(LastResort {
            http: connection(&sim),
            region: config.region.clone(),
            response_origin: None,
        });
        let broken = Arc::new(AtomicBool::new(false));
        let breaks = Arc::clone(&broken);
        let (driver, runner, answerer) = (sim.clone(), sim.clone(), sim.clone());
        let tasks = vec![
            tokio::spawn(async move { driver.drive().await }),
            tokio::spawn(async move {
                let handle = move |event: Value, _deadline: DateTime<Utc>| {
                    let handler = CloneHandler {
                        cloud: handler.cloud.clone(),
                        settings: present.lock().unwrap().clone(),
                        home: handler.home.clone(),
                        response_origin: None,
                    };
                    let broken = breaks.load(Ordering::Relaxed);
                    async move {
                        if broken {
                            return Err(FunctionError::new("Runtime.ExitError", "exit status 1"));
                        }
                        let result = handler.handle(event).await;
                        result.map_err(|error| FunctionError::new(error.name(), error.to_string()))
                    }
                };
                runner.run_function(FUNCTION, handle).await;
            }),
            tokio::spawn(async move {
                let handle = move |event: Value, _deadline: DateTime<Utc>| {
                    let last_resort = Arc::clone(&last_resort);
                    async move {
                        let result = last_resort.handle(event).await;
                        result.map_err(|error| FunctionError::new(error.name(), error.to_string()))
                    }
                };
                answerer.run_function(LAST_RESORT, handle).await;
            }),
        ];
        Self { sim, broken, settings, tasks }
    }

    /// From now on the function's process ends in each of its invocations, as with a setting that it refuses; or no more.
    pub fn break_handler(&self, broken: bool) {
        self.broken.store(broken, Ordering::Relaxed);
    }

    /// From now on the function has other settings, as after an update of the manager's stack.
    pub fn operate(&self, operator: Operator<'_>) {
        *self.settings.lock().unwrap() = settings(operator);
    }

    /// The product's clients, for what another function than the handler does. No state machine is theirs.
    pub fn cloud(&self) -> Cloud {
        cloud(&self.sim, &self.look(|world| world.config.clone()), String::new())
    }

    /// Looks at the account.
    pub fn look<R>(&self, look: impl FnOnce(&World) -> R) -> R {
        self.sim.with(|world| look(world))
    }

    /// Creates a stack with one clone; `properties` are lines of YAML.
    pub fn create(&self, stack: &str, properties: &str) {
        self.create_stack(stack, &clone_template(properties));
    }

    /// Creates a stack from a template with the parameter `Manager`.
    pub fn create_stack(&self, stack: &str, template: &str) {
        self.sim.with(|world| {
            let parameters = [("Manager".to_owned(), function_arn(&world.config))].into_iter().collect();
            world.settle(|services, cx| {
                services
                    .cloudformation
                    .create_stack(cx, stack, template, &parameters, &StackOptions::default())
                    .unwrap()
            })
        });
    }

    /// Updates a stack with one clone.
    pub fn update(&self, stack: &str, properties: &str) {
        self.update_stack(stack, &clone_template(properties));
    }

    /// Updates a stack to a template with the parameter `Manager`.
    pub fn update_stack(&self, stack: &str, template: &str) {
        self.sim.with(|world| {
            let parameters = [("Manager".to_owned(), function_arn(&world.config))].into_iter().collect();
            world.settle(|services, cx| {
                services
                    .cloudformation
                    .update_stack(cx, stack, template, &parameters, &StackOptions::default())
                    .unwrap()
            })
        });
    }

    /// Deletes a stack.
    pub fn delete(&self, stack: &str) {
        self.sim.with(|world| {
            world.settle(|services, cx| services.cloudformation.delete_stack(cx, stack).unwrap());
        });
    }

    /// Sends the function an event about the resource of a stack that CloudFormation never sent; its answer counts for nothing.
    pub fn forge(&self, kind: &str, stack: &str, request_id: &str, physical_id: &str, properties: &str) {
        self.sim.with(|world| {
            let stack_id = world.cloudformation.stack(stack).unwrap().id.clone();
            let key = format!("{stack_id}|Clone|{request_id}");
            let properties: Value = serde_json::from_str(properties).unwrap();
            let event = serde_json::json!({
                "RequestType": kind,
                "ServiceToken": function_arn(&world.config),
                "ResponseURL": ResponseBucket::url_for(&world.config, world.now(), &key),
                "StackId": stack_id,
                "RequestId": request_id,
                "LogicalResourceId": "Clone",
                "PhysicalResourceId": physical_id,
                "ResourceType": "Custom::AuroraClone",
                "ResourceProperties": properties,
            });
            world.settle(|services, cx| services.functions.invoke_async(cx, FUNCTION, event));
        });
    }

    /// Waits until nothing of a stack is in progress, and returns its status. What the stack says is held against the
    /// account at that moment.
    pub async fn settled(&self, stack: &str) -> String {
        for _ in 0..20_000 {
            self.sim.sleep(Duration::seconds(1)).await;
            if self.look(|world| world.cloudformation.is_settled(stack)) {
                self.check_truth(stack);
                return self.status(stack);
            }
        }
        panic!("{stack} does not settle: {}", self.story(stack));
    }

    /// A stack's status.
    pub fn status(&self, stack: &str) -> String {
        self.look(|world| world.cloudformation.stack(stack).map(|s| s.status.clone()).unwrap_or_default())
    }

    /// Every reason that a stack's events give, in order.
    pub fn story(&self, stack: &str) -> String {
        self.look(|world| {
            let events = world.cloudformation.events(stack);
            events
                .iter()
                .map(|e| {
                    format!(
                        "{} {} {} {}",
                        e.at.format("%H:%M:%S"),
                        e.logical_id,
                        e.status,
                        e.reason.clone().unwrap_or_default()
                    )
                })
                .collect::<Vec<_>>()
                .join("\n")
        })
    }

    /// Identifiers of the clusters that the product made and that exist.
    pub fn ours(&self) -> Vec<String> {
        self.look(|world| {
            let ours = world.rds.clusters().filter(|c| is_ours(world, &c.truth.created_by));
            ours.map(|c| c.id.clone()).collect()
        })
    }

    /// How many clusters the product ever made.
    pub fn ever_made(&self) -> usize {
        self.look(|world| {
            world.rds.history().iter().filter(|life| is_ours(world, &life.truth.created_by)).count()
        })
    }

    /// The calls of the product to RDS.
    pub fn rds_calls(&self) -> Vec<Call> {
        self.look(|world| {
            let ours = |call: &&Call| call.service == "rds" && call.principal == MANAGER_KEY;
            world.log.iter().filter(ours).cloned().collect()
        })
    }

    /// SUCCESS is true (S5, S6): held against what the World knows.
    fn check_truth(&self, stack: &str) {
        self.look(|world| {
            let Some(found) = world.cloudformation.stack(stack) else { return };
            let owned = |tags: &BTreeMap<String, String>| tags.get(tag::STACK_ID) == Some(&found.id);
            let mine =
                |c: &&aurora_clone_sim::rds::Cluster| is_ours(world, &c.truth.created_by) && owned(&c.tags);
            match found.status.as_str() {
                "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE" => {
                    let named = |c: &&aurora_clone_sim::rds::Cluster| {
                        found.resources.values().any(|r| r.physical_id.as_ref() == Some(&c.arn))
                    };
                    // What a failed or cancelled replacement made is on its way out.
                    for cluster in world.rds.clusters().filter(mine).filter(named) {
                        check_password(world, cluster);
                        assert_eq!(cluster.status, "available", "{} in {stack}", cluster.id);
                        assert!(!cluster.truth.became_full_copy, "{} is the sixteenth", cluster.id);
                        let members: Vec<_> = world.rds.instances_of(&cluster.id).collect();
                        assert!(!members.is_empty(), "{} has no instance", cluster.id);
                        for member in members {
                            assert_eq!(member.status, "available", "{}", member.id);
                            assert!(!member.publicly_accessible, "{}", member.id);
                        }
                    }
                }
                "DELETE_COMPLETE" | "ROLLBACK_COMPLETE" => {
                    let left: Vec<_> = world.rds.clusters().filter(mine).map(|c| c.id.clone()).collect();
                    assert!(left.is_empty(), "{stack} is {} and left {left:?}", found.status);
                    let secrets = world.secrets.iter().filter(|s| owned(&s.tags) && s.deleted_at.is_none());
                    let secrets: Vec<_> = secrets.map(|secret| secret.name.clone()).collect();
                    assert!(secrets.is_empty(), "{stack} is {} and left {secrets:?}", found.status);
                    let keys = world.kms.keys().filter(|k| owned(&k.tags) && k.deletion_date.is_none());
                    let keys: Vec<_> = keys.map(|key| key.id.clone()).collect();
                    assert!(keys.is_empty(), "{stack} is {} and left {keys:?}", found.status);
                }
                _ => {}
            }
        });
    }

    /// The end of a flow: hours later nothing has come back, no rule was broken, every request has one answer.
    pub async fn close(&self) {
        self.sim.sleep(Duration::hours(8)).await;
        self.look(|world| {
            let bodies = || world.bucket.answers.iter().map(|answer| String::from_utf8_lossy(&answer.body));
            assert!(
                world.violations.is_empty(),
                "{:#?}\n{:#?}",
                world.violations,
                bodies().collect::<Vec<_>>()
            );
            assert_eq!(world.states.running(), 0, "an execution runs for ever");
            let mut bodies: BTreeMap<&str, &[u8]> = BTreeMap::new();
            for answer in &world.bucket.answers {
                let first = bodies.entry(&answer.key).or_insert(&answer.body);
                assert_eq!(*first, answer.body.as_slice(), "two answers for {}", answer.key);
                assert!(answer.body.len() <= 4_096);
            }
            let mut lives: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
            // Copies of the pool have no stack.
            let asked_for = |life: &&aurora_clone_sim::rds::Life| {
                is_ours(world, &life.truth.created_by) && life.tags.contains_key(tag::STACK_ID)
            };
            for life in world.rds.history().iter().filter(asked_for) {
                let get = |key: &str| life.tags.get(key).map(String::as_str).unwrap_or_default();
                *lives
                    .entry((get(tag::STACK_ID), get(tag::LOGICAL_ID), get(tag::GENERATION)))
                    .or_default() += 1;
                assert!(!life.truth.became_full_copy, "{} is the sixteenth", life.id);
            }
            assert!(
                lives.values().all(|count| *count == 1),
                "more than one cluster for a request: {lives:?}"
            );
            secrecy::check_world(world);
            budget::check(world);
            if let Some(dir) = std::env::var_os("SIM_RECORD_DIR") {
                aurora_clone_sim::rds::record_responses(world, dir).unwrap();
            }
        });
    }
}

/// An account with everything that the manager's stack has, and the cluster `prod`; and the ARN of the state machine.
pub fn furnished(config: Config, operator: Operator<'_>, seed: impl FnOnce(&mut World)) -> (World, String) {
    let mut world = World::new(config);
    world.config.manager_keys = vec![MANAGER_KEY.to_owned()];
    let config = world.config.clone();
    let arn = function_arn(&config);
    world.dynamodb.create_table(TABLE, "id");
    world.dynamodb.set_time_to_live(TABLE, "ttl");
    world.functions.register(FUNCTION, Duration::seconds(60));
    world.functions.register(LAST_RESORT, Duration::seconds(60));
    world.functions.send_failures(FUNCTION, LAST_RESORT);
    let substitutions = [("Partition", config.partition.as_str()), ("CloneHandlerArn", arn.as_str())];
    let names = rights::Names::new(&config, operator);
    let machine = format!("{}-clone", names.manager());
    let state_machine = world.states.create(&config, &machine, STATE_MACHINE, &substitutions).unwrap();
    world.iam.assume(FUNCTION, rights::role(rights::HANDLER_ROLE, &names));
    world.iam.assume(LAST_RESORT, rights::role(rights::LAST_RESORT_ROLE, &names));
    world.on_execution_failure.insert(state_machine.clone(), FUNCTION.to_owned());
    world.rds.seed_subnet_group("data");
    world.rds.seed_parameter_group("prod-params", "aurora-postgresql16");
    world.rds.seed_cluster(prod("prod"));
    seed(&mut world);
    (world, state_machine)
}

/// No secret, no key that can be used, and no record of any incarnation.
pub fn nothing_is_left(house: &House) {
    house.look(|world| {
        let secrets: Vec<_> = world.secrets.iter().map(|secret| secret.name.clone()).collect();
        assert!(secrets.is_empty(), "secrets are left: {secrets:?}");
        let ours = world.kms.keys().filter(|key| !key.is_managed && key.deletion_date.is_none());
        let keys: Vec<_> = ours.map(|key| key.description.clone()).collect();
        assert!(keys.is_empty(), "keys are left: {keys:?}");
        let aliases: Vec<_> =
            world.kms.keys().filter(|key| !key.is_managed).flat_map(|k| k.aliases.keys()).collect();
        assert!(aliases.is_empty(), "aliases are left: {aliases:?}");
        for (id, item) in world.dynamodb.items(TABLE).filter(|(id, _)| id.starts_with("resource#")) {
            // Not even the empty item stays for ever.
            assert_eq!(item.keys().collect::<Vec<_>>(), ["id", "ttl"], "{id} records what is gone");
        }
    });
}

/// S3 for what is made beside the clusters.
pub fn one_of_each_per_generation(house: &House) {
    house.look(|world| {
        let generation = |tags: &BTreeMap<String, String>| {
            [tag::STACK_ID, tag::LOGICAL_ID, tag::GENERATION]
                .map(|key| tags.get(key).cloned().unwrap_or_default())
        };
        let mut counts: BTreeMap<(&str, [String; 3]), usize> = BTreeMap::new();
        for secret in world.secrets.history() {
            *counts.entry(("secret", generation(&secret.tags))).or_default() += 1;
        }
        for key in world.kms.history().iter().filter(|key| !key.is_managed) {
            *counts.entry(("key", generation(&key.tags))).or_default() += 1;
        }
        assert!(counts.values().all(|count| *count == 1), "more than one for a generation: {counts:?}");
    });
}

/// S23: production's password does not open a clone, and what does stands in its secret.
fn check_password(world: &World, cluster: &aurora_clone_sim::rds::Cluster) {
    let id = &cluster.id;
    let kept = cluster.tags.get(tag::PASSWORD).map(String::as_str);
    if kept == Some("source") {
        return;
    }
    assert!(!world.rds.shares_password_with_source(id), "{id} has its source's password");
    assert_eq!(cluster.pending_password, None, "{id} waits for its password");
    if kept == Some("own") {
        let secret = world.secrets.secret(&cluster.tags[tag::SECRET]).unwrap();
        let value: Value = serde_json::from_str(secret.value().unwrap()).unwrap();
        assert_eq!(value["password"].as_str(), world.rds.password_of(id), "{id}");
        assert!((30..=41).contains(&value["password"].as_str().unwrap().len()));
    } else {
        assert_eq!(world.rds.managed_secret_of(id).unwrap().status, "active", "{id}");
    }
}

/// The product's handler over a simulated account.
pub fn handler(sim: &Sim, config: &Config, state_machine: String, operator: Operator<'_>) -> CloneHandler {
    let (home, _) = Place::of(&state_machine, "states").unwrap();
    let cloud = cloud(sim, config, state_machine);
    CloneHandler { cloud, settings: settings(operator), home, response_origin: None }
}

/// The product's clients over a simulated account.
pub fn cloud(sim: &Sim, config: &Config, state_machine: String) -> Cloud {
    cloud_over(connection(sim), sim, config, state_machine)
}

/// The product's connection to a simulated account.
pub fn connection(sim: &Sim) -> SharedHttpConnector {
    // As long as the real connector lets one request take.
    SharedHttpConnector::new(SimHttpClient::new(sim.clone()).with_read_timeout(READ_TIMEOUT))
}

/// The product's clients over another connection, which ends in a simulated account.
pub fn cloud_over(http: SharedHttpConnector, sim: &Sim, config: &Config, state_machine: String) -> Cloud {
    let clock = sim.clone();
    Cloud::new(Parts {
        region: config.region.clone(),
        credentials: Credentials::new(MANAGER_KEY, "secret", None, None, "test"),
        http,
        table: TABLE.to_owned(),
        state_machine,
        clock: Arc::new(move || clock.now() + clock.with(|world| world.aws_clock_offset)),
        endpoint: Box::new(|_| None),
    })
}

/// A production cluster with everything that a restore drops unless it is told.
pub fn prod(id: &str) -> SeedCluster {
    SeedCluster {
        id: id.to_owned(),
        subnet_group: "data".to_owned(),
        security_groups: vec!["sg-0123456789abcdef0".to_owned()],
        parameter_group: Some("prod-params".to_owned()),
        iam_auth: true,
        deletion_protection: true,
        instances: 2,
        ..SeedCluster::default()
    }
}

/// A clone of `source` that somebody made by hand.
pub fn strangers_clone(id: &str, source: &str) -> SeedCluster {
    SeedCluster {
        id: id.to_owned(),
        parent: Some((source.to_owned(), CopyKind::CopyOnWrite)),
        ..SeedCluster::default()
    }
}

/// A pool copy of `root` whose data is from `data_time`.
pub fn copy(id: &str, root: &str, data_time: DateTime<Utc>) -> SeedCluster {
    let tags = [
        (tag::MANAGER, MANAGER),
        (tag::ROLE, "copy"),
        (tag::CLUSTER, id),
        (tag::ROOT, root),
        (tag::SOURCE, root),
        (tag::RESTORE_TYPE, "full-copy"),
        (tag::DATA_TIME, &data_time.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
    ];
    SeedCluster {
        id: id.to_owned(),
        parent: Some((root.to_owned(), CopyKind::Full)),
        tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        created_at: Some(data_time),
        created_by: MANAGER_KEY.to_owned(),
        ..SeedCluster::default()
    }
}

/// A template with one clone, called `Clone`.
pub fn clone_template(properties: &str) -> String {
    let lines: String = properties.lines().map(|line| format!("      {}\n", line.trim_end())).collect();
    format!(
        "Parameters:\n  Manager:\n    Type: String\nResources:\n  Clone:\n    Type: Custom::AuroraClone\n    Properties:\n      \
         ServiceToken: !Ref Manager\n{lines}Outputs:\n  Endpoint:\n    Value: !GetAtt Clone.Endpoint\n"
    )
}

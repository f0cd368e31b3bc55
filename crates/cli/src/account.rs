//! Simulated accounts: production clusters, clones that others made, copies of the pool, and what the manager's stack
//! would have deployed.

mod functions;
mod log;
mod stack;

use std::collections::BTreeMap;

use aurora_clone_core::duration::format_time;
use aurora_clone_core::names::tag;
use aurora_clone_sim::cloudformation::StackOptions;
use aurora_clone_sim::rds::{CopyKind, SeedCluster};
use aurora_clone_sim::{Config, World};
use chrono::{DateTime, Duration, Utc};

pub(crate) use self::functions::{Manager, run_functions};
pub use self::log::lines;
pub use self::stack::{ManagerStack, TEMPLATE};
use crate::failure::Failure;

/// The access key id of the manager.
pub const MANAGER_KEY: &str = "AKIAMANAGER";
/// The access key id of everybody else.
pub const OTHERS_KEY: &str = "AKIAOTHERS";
/// The manager's name: that of its stack.
pub const MANAGER: &str = "aurora-clone-manager";
/// The function's name.
pub const FUNCTION: &str = "clone-handler";
/// The table's name.
pub const TABLE: &str = "requests";
/// What the prefix of a lease's key in the table is.
pub const LEASE: &str = "lock#";

/// The name of the function that answers where the other can't.
pub const LAST_RESORT: &str = "last-resort";
/// The maintainer's name.
pub const MAINTAINER: &str = "pool-maintainer";

/// The state machines that the manager's template ships.
const STATE_MACHINE: &str = include_str!("../../../template/state-machine.asl.json");
const POOL_MACHINE: &str = include_str!("../../../template/pool-machine.asl.json");

/// What stands behind the resources of the manager's stack.
pub const MADE: [(&str, &str); 7] = [
    ("CloneHandler", FUNCTION),
    ("LastResort", LAST_RESORT),
    ("PoolMaintainer", MAINTAINER),
    ("CloneHandlerRole", "CloneHandlerRole"),
    ("PoolMaintainerRole", "PoolMaintainerRole"),
    ("LastResortRole", "LastResortRole"),
    ("Table", TABLE),
];

/// What an account holds.
#[derive(Debug, Clone)]
pub struct Furniture {
    /// The seed of all chance.
    pub seed: u64,
    /// Production clusters, each with two instances.
    pub clusters: Vec<String>,
    /// Copy-on-write clones of the first one that others made.
    pub clones: u32,
    /// Pool copies of the first one, a day old.
    pub copies: u32,
    /// Where the response URLs of CloudFormation point.
    pub origin: String,
    /// Parameters of the manager's stack that are not at their defaults.
    pub parameters: Vec<(String, String)>,
}

/// A furnished account.
pub struct Account {
    /// The account.
    pub world: World,
    /// The ARN of the manager's state machine.
    pub state_machine: String,
}

impl Account {
    /// Furnishes an account.
    pub fn open(furniture: &Furniture) -> Result<Self, Failure> {
        Self::open_with(furniture, Config::default())
    }

    /// Furnishes an account in a world with its own rules.
    pub fn open_with(furniture: &Furniture, config: Config) -> Result<Self, Failure> {
        let config = Config { seed: furniture.seed, origin: Some(furniture.origin.clone()), ..config };
        let mut world = World::new(config);
        world.config.manager_keys.push(MANAGER_KEY.to_owned());
        for cluster in &furniture.clusters {
            world.rds.seed_cluster(production(cluster));
        }
        if let Some(source) = furniture.clusters.first() {
            for number in 1..=furniture.clones {
                world.rds.seed_cluster(clone_of_others(source, number));
            }
            for number in 1..=furniture.copies {
                let copy = pool_copy(source, number, world.now() - Duration::days(1));
                world.rds.seed_cluster(copy);
            }
        }
        let state_machine = deploy(&mut world, &furniture.parameters)?;
        Ok(Self { world, state_machine })
    }
}

/// What the manager's stack deploys; nothing runs the functions yet.
fn deploy(world: &mut World, parameters: &[(String, String)]) -> Result<String, Failure> {
    let config = world.config.clone();
    world.dynamodb.create_table(TABLE, "id");
    world.dynamodb.set_time_to_live(TABLE, "ttl");
    let machine = |world: &mut World, name: &str, definition: &str, function: (&str, &str)| {
        let Config { partition, region, account, .. } = &config;
        let arn = format!("arn:{partition}:lambda:{region}:{account}:function:{}", function.1);
        let substitutions = [("Partition", partition.as_str()), (function.0, arn.as_str())];
        let name = format!("{MANAGER}-{name}");
        let made = world.states.create(&config, &name, definition, &substitutions);
        made.map_err(|error| Failure::new(format!("the state machine {name} is refused: {error}")))
    };
    let state_machine = machine(world, "clone", STATE_MACHINE, ("CloneHandlerArn", FUNCTION))?;
    machine(world, "pool", POOL_MACHINE, ("PoolMaintainerArn", MAINTAINER))?;
    for (function, seconds) in [(FUNCTION, 60), (LAST_RESORT, 60), (MAINTAINER, 300)] {
        world.functions.register(function, Duration::seconds(seconds));
    }
    world.on_execution_failure.insert(state_machine.clone(), FUNCTION.to_owned());
    let parameters: Vec<(&str, &str)> =
        parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    manager_stack(&parameters).deploy(world)?;
    Ok(state_machine)
}

/// The stack of the one manager that there is.
fn manager_stack<'a>(parameters: &'a [(&'a str, &'a str)]) -> ManagerStack<'a> {
    ManagerStack { name: MANAGER, parameters, made: &MADE }
}

/// Creates a stack, as a person would.
pub fn create_stack(
    world: &mut World,
    name: &str,
    template: &str,
    parameters: &[(&str, &str)],
) -> Result<(), Failure> {
    let created = world.settle(|services, cx| {
        let (given, options) = (given(parameters), StackOptions::default());
        services.cloudformation.create_stack(cx, name, template, &given, &options)
    });
    created.map(drop).map_err(|error| Failure::new(format!("the stack {name} is refused: {error}")))
}

/// Updates a stack, as a person would.
pub fn update_stack(
    world: &mut World,
    name: &str,
    template: &str,
    parameters: &[(&str, &str)],
) -> Result<(), Failure> {
    let updated = world.settle(|services, cx| {
        let (given, options) = (given(parameters), StackOptions::default());
        services.cloudformation.update_stack(cx, name, template, &given, &options)
    });
    updated.map(drop).map_err(|error| Failure::new(format!("the update of {name} is refused: {error}")))
}

fn given(parameters: &[(&str, &str)]) -> BTreeMap<String, String> {
    parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn production(id: &str) -> SeedCluster {
    SeedCluster {
        id: id.to_owned(),
        subnet_group: "data".to_owned(),
        security_groups: vec!["sg-0123456789abcdef0".to_owned()],
        parameter_group: Some("prod-params".to_owned()),
        iam_auth: true,
        deletion_protection: true,
        backup_retention: 7,
        instances: 2,
        created_by: OTHERS_KEY.to_owned(),
        ..SeedCluster::default()
    }
}

fn clone_of_others(source: &str, number: u32) -> SeedCluster {
    SeedCluster {
        id: format!("by-hand-{number:02}"),
        parent: Some((source.to_owned(), CopyKind::CopyOnWrite)),
        created_by: OTHERS_KEY.to_owned(),
        ..SeedCluster::default()
    }
}

/// A copy as the pool makes them: ours, and tagged with where its data is from.
pub fn pool_copy(source: &str, number: u32, made: DateTime<Utc>) -> SeedCluster {
    let id = format!("clone-{source}-pool-{number}");
    let tags = [
        (tag::MANAGER, MANAGER),
        (tag::ROLE, "copy"),
        (tag::CLUSTER, &id),
        (tag::ROOT, source),
        (tag::SOURCE, source),
        (tag::RESTORE_TYPE, "full-copy"),
        (tag::DATA_TIME, &format_time(made)),
    ];
    let tags: BTreeMap<String, String> =
        tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    SeedCluster {
        parent: Some((source.to_owned(), CopyKind::Full)),
        created_at: Some(made),
        created_by: MANAGER_KEY.to_owned(),
        tags,
        id,
        ..SeedCluster::default()
    }
}

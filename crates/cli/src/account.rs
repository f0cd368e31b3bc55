//! Simulated accounts: production clusters, clones that others made, copies of the pool, and what the manager's stack
//! would have deployed.

mod stack;

use std::collections::BTreeMap;

use aurora_clone_core::duration::format_time;
use aurora_clone_core::names::tag;
use aurora_clone_sim::cloudformation::StackOptions;
use aurora_clone_sim::rds::{CopyKind, SeedCluster};
use aurora_clone_sim::{Config, World};
use chrono::{DateTime, Duration, Utc};

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

/// The state machine that the manager's template ships.
const STATE_MACHINE: &str = include_str!("../../../template/state-machine.asl.json");

/// Stands in for the manager's stack, whose resources the simulation makes by hand.
const MANAGER_STACK: &str = "\
Description: Stands in for the manager's stack in the simulation
Parameters:
  Function:
    Type: String
Resources:
  Nothing:
    Type: AWS::CloudFormation::WaitConditionHandle
Outputs:
  LambdaArn:
    Value: !Ref Function
    Export:
      Name: !Sub ${AWS::StackName}-LambdaArn
";

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
        let state_machine = deploy(&mut world)?;
        Ok(Self { world, state_machine })
    }
}

/// What the manager's stack deploys.
fn deploy(world: &mut World) -> Result<String, Failure> {
    let config = world.config.clone();
    let Config { partition, region, account, .. } = &config;
    let function = format!("arn:{partition}:lambda:{region}:{account}:function:{FUNCTION}");
    world.dynamodb.create_table(TABLE, "id");
    world.dynamodb.set_time_to_live(TABLE, "ttl");
    world.functions.register(FUNCTION, Duration::seconds(60));
    let substitutions = [("Partition", partition.as_str()), ("CloneHandlerArn", function.as_str())];
    let state_machine = world
        .states
        .create(&config, "clone", STATE_MACHINE, &substitutions)
        .map_err(|error| Failure::new(format!("the state machine is refused: {error}")))?;
    world.on_execution_failure.insert(state_machine.clone(), FUNCTION.to_owned());
    create_stack(world, MANAGER, MANAGER_STACK, &[("Function", &function)])?;
    // Nothing can be imported from a stack before it is complete.
    while let Some(due) = world.next_due().filter(|_| !world.cloudformation.is_settled(MANAGER)) {
        world.advance_to(due);
    }
    match world.cloudformation.stack(MANAGER).map(|stack| stack.status.as_str()) {
        Some("CREATE_COMPLETE") => Ok(state_machine),
        status => Err(Failure::new(format!("the stack {MANAGER} is {status:?}"))),
    }
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

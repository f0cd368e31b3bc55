//! The account that the page's sentences are shown in: a source of which nothing is a default, and views of what became of it.

use aurora_clone_core::names::{env, tag};
use aurora_clone_sim::cloudformation::{Resource, StackOptions};
use aurora_clone_sim::rds::{Cluster, Insights, Role, SeedCluster};
use aurora_clone_sim::{Call, Config, World};
use aurora_clone_tests::{
    House, MANAGER_KEY, Operator, PERSON_KEY, clone_template, copy, function_arn, prod, strangers_clone,
};
use chrono::Duration;
use serde_json::{Value, json};

/// The operator of most flows: no margin, and nothing is forbidden that a property is there for.
pub const OPERATOR: Operator<'static> =
    &[(env::SLOT_MARGIN, "0"), (env::ALLOW_SOURCE_PASSWORD, "true"), (env::FULL_COPY_TIME, "PT1M")];

/// KMS keys of the source, which RDS takes as they are.
pub const STORAGE_KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/0000aaaa-0000-0000-0000-000000000001";
pub const INSIGHTS_KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/0000aaaa-0000-0000-0000-000000000002";
pub const OTHER_INSIGHTS_KEY: &str =
    "arn:aws:kms:eu-west-1:123456789012:key/0000aaaa-0000-0000-0000-000000000003";
/// Somebody who is to read the password, and somebody who is not.
pub const READER: &str = "arn:aws:iam::123456789012:role/reader";
pub const OUTSIDER: &str = "arn:aws:iam::123456789012:role/outsider";

/// A source of which nothing is a default.
pub fn main_cluster() -> SeedCluster {
    SeedCluster {
        id: "main".to_owned(),
        subnet_group: "main-subnets".to_owned(),
        security_groups: vec!["sg-0aaaaaaaaaaaaaaaa".to_owned(), "sg-0bbbbbbbbbbbbbbbb".to_owned()],
        parameter_group: Some("main-params".to_owned()),
        instances: 2,
        instance_parameter_group: Some("main-instance".to_owned()),
        performance_insights: Some(Insights { retention: 31, kms_key: Some(INSIGHTS_KEY.to_owned()) }),
        monitoring: Some((30, "arn:aws:iam::123456789012:role/monitor".to_owned())),
        kms_key: Some(STORAGE_KEY.to_owned()),
        backup_retention: 14,
        deletion_protection: true,
        iam_auth: true,
        copy_tags_to_snapshot: true,
        associated_roles: vec![Role::active("arn:aws:iam::123456789012:role/exporter", Some("s3Export"))],
        log_exports: vec!["postgresql".to_owned()],
        network_type: "DUAL".to_owned(),
        lifecycle_support: "open-source-rds-extended-support-disabled".to_owned(),
        port: Some(5_544),
        storage_type: "aurora-iopt1".to_owned(),
        ..SeedCluster::default()
    }
}

/// An account, and what is special about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scene {
    /// The sources `main` and `other`, and other groups and keys to choose.
    Rich,
    /// As well, a stranger's cluster has the name `clone-taken`.
    Taken,
    /// All slots of `main` are used, and there is no copy.
    Full,
    /// All slots of `main` are used; one copy is a day old, and one is older than the operator lets anybody use.
    Copies,
    /// A clone takes ten minutes.
    Slow,
}

impl Scene {
    pub fn open(self) -> House {
        self.operated(OPERATOR, |_| {})
    }

    pub fn operated(self, operator: Operator<'_>, change: impl FnOnce(&mut Config)) -> House {
        let mut config = Config::default();
        config.rds.full_copy_seconds = 60..=60;
        if self == Self::Slow {
            config.rds.clone_seconds = 600..=600;
        }
        change(&mut config);
        House::operated(config, operator, |world| self.seed(world))
    }

    fn seed(self, world: &mut World) {
        world.rds.seed_cluster(main_cluster());
        world.rds.seed_cluster(prod("other"));
        world.rds.seed_dual_subnet_group("second-subnets");
        world.rds.seed_parameter_group("second-params", "aurora-postgresql16");
        world.rds.seed_instance_parameter_group("second-instance", "aurora-postgresql16");
        make_key(world, "alias/team");
        match self {
            Self::Rich | Self::Slow => {}
            Self::Taken => {
                world
                    .rds
                    .seed_cluster(SeedCluster { id: "clone-taken".to_owned(), ..SeedCluster::default() });
            }
            Self::Full | Self::Copies => {
                for n in 1..=15 {
                    world.rds.seed_cluster(strangers_clone(&format!("by-hand-{n}"), "main"));
                }
            }
        }
        if self == Self::Copies {
            for (id, days) in [("clone-pool-1", 1), ("clone-pool-2", 5)] {
                let data_time = world.now() - Duration::days(days);
                let copied = copy(id, "main", data_time);
                world.rds.seed_cluster(SeedCluster { kms_key: Some(STORAGE_KEY.to_owned()), ..copied });
            }
        }
    }
}

/// A person's KMS key with an alias; its ARN.
pub fn make_key(world: &mut World, alias: &str) -> String {
    let made = world.call_json_as(PERSON_KEY, "TrentService.CreateKey", &json!({}));
    let made: Value = serde_json::from_slice(&made.body).unwrap();
    let id = made["KeyMetadata"]["KeyId"].as_str().unwrap();
    let body = json!({"AliasName": alias, "TargetKeyId": id});
    assert_eq!(world.call_json_as(PERSON_KEY, "TrentService.CreateAlias", &body).status, 200);
    made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

/// Lines of properties over `SourceClusterId: main`; the last of several that name the same property counts.
pub fn lines(parts: &[&str]) -> String {
    let mut lines: Vec<&str> = vec!["SourceClusterId: main"];
    for line in parts.iter().flat_map(|part| part.lines()).filter(|line| !line.is_empty()) {
        let name = line.split(':').next();
        lines.retain(|other| other.split(':').next() != name);
        lines.push(line);
    }
    lines.join("\n")
}

/// A template with one clone, called `Clone`, and something beside it.
pub fn template_with(properties: &str, beside: &str) -> String {
    let outputs = "Outputs:\n  Endpoint";
    clone_template(properties).replace(outputs, &format!("{beside}{outputs}"))
}

/// A resource that fails when the clone is there.
pub const FAILS_AFTERWARDS: &str =
    "  Broken:\n    Type: Test::Fail\n    DependsOn: Clone\n    Properties:\n      Reason: bad luck\n";

/// A resource that fails after so many seconds, whatever the clone does meanwhile.
pub fn fails_after(seconds: u32) -> String {
    format!(
        "  Broken:\n    Type: Test::Fail\n    Properties:\n      After: '{seconds}'\n      Reason: bad luck\n"
    )
}

pub fn create_with(house: &House, stack: &str, template: &str, options: &StackOptions) {
    house.sim.with(|world| {
        let given = [("Manager".to_owned(), function_arn(&world.config))].into_iter().collect();
        world.settle(|services, cx| {
            services.cloudformation.create_stack(cx, stack, template, &given, options).unwrap()
        })
    });
}

pub fn update_with(house: &House, stack: &str, template: &str) {
    house.sim.with(|world| {
        let given = [("Manager".to_owned(), function_arn(&world.config))].into_iter().collect();
        world.settle(|services, cx| {
            let options = StackOptions::default();
            services.cloudformation.update_stack(cx, stack, template, &given, &options).unwrap()
        })
    });
}

/// Creates the stack `web`, which must come to be.
pub async fn created(house: &House, properties: &str) -> Clone {
    house.create("web", properties);
    assert_eq!(house.settled("web").await, "CREATE_COMPLETE", "{properties}\n{}", house.story("web"));
    Clone::of(house)
}

/// Updates the stack `web`, which must succeed.
pub async fn updated(house: &House, properties: &str) -> Clone {
    house.update("web", properties);
    assert_eq!(house.settled("web").await, "UPDATE_COMPLETE", "{properties}\n{}", house.story("web"));
    Clone::of(house)
}

/// Creates the stack `web`, which must fail for a reason with these words and leave nothing; returns all that was said.
pub async fn refused(house: &House, properties: &str, words: &[&str]) -> String {
    house.create("web", properties);
    assert_eq!(house.settled("web").await, "ROLLBACK_COMPLETE", "{properties}\n{}", house.story("web"));
    let story = house.story("web");
    for word in words {
        assert!(story.contains(word), "{properties}: no {word:?} in\n{story}");
    }
    story
}

/// Deletes the stack `web` with everything, and lets hours pass.
pub async fn deleted(house: &House) {
    house.delete("web");
    assert_eq!(house.settled("web").await, "DELETE_COMPLETE", "{}", house.story("web"));
    house.close().await;
}

/// The resource of the stack `web`.
pub fn resource(house: &House) -> Resource {
    house.look(|world| world.cloudformation.resource("web", "Clone").unwrap().clone())
}

pub fn output(house: &House, name: &str) -> String {
    resource(house).data[name].as_str().unwrap().to_owned()
}

/// The clone of the stack `web`: what CloudFormation calls it, and all that there is of it.
#[derive(Debug, PartialEq)]
pub struct Clone {
    pub physical_id: String,
    pub id: String,
    pub resource_id: String,
    pub password: String,
    /// The cluster, its instances and its secret, field by field.
    pub state: String,
}

impl Clone {
    pub fn of(house: &House) -> Self {
        let physical_id = resource(house).physical_id.unwrap();
        house.look(|world| {
            let cluster = world.rds.clusters().find(|cluster| cluster.arn == physical_id);
            let cluster = cluster.unwrap_or_else(|| panic!("{physical_id} does not exist"));
            Self {
                id: cluster.id.clone(),
                resource_id: cluster.resource_id.clone(),
                password: cluster.password.clone(),
                state: state(world, cluster),
                physical_id,
            }
        })
    }

    pub fn shows(&self, text: &str) -> bool {
        self.state.contains(text)
    }

    /// Asserts that it is the same database, untouched.
    #[track_caller]
    pub fn is_still(&self, other: &Self, why: &str) {
        assert_eq!(self, other, "{why}");
    }
}

/// Everything about a cluster that a user can see. What RDS keeps of a thing that is off, and when a secret was last written, is
/// left out; so is that a parameter group waits for a reboot.
fn state(world: &World, cluster: &Cluster) -> String {
    let instances = world.rds.instances_of(&cluster.id).cloned().map(|mut instance| {
        instance.parameter_apply_status = None;
        if !instance.performance_insights {
            instance.performance_insights_key = None;
        }
        if instance.monitoring_interval == 0 {
            instance.monitoring_role = None;
        }
        instance
    });
    let secret = cluster.tags.get(tag::SECRET).and_then(|name| world.secrets.secret(name)).cloned();
    let secret = secret.map(|mut secret| {
        secret.changed_at = secret.created_at;
        secret
    });
    format!("{cluster:?} {:?} {secret:?}", instances.collect::<Vec<_>>())
}

/// The product's calls that change a database, a secret or a key.
pub fn changes(house: &House) -> Vec<Call> {
    house.look(|world| {
        let changes = |call: &&Call| {
            call.principal == MANAGER_KEY
                && call.mutates()
                && ["rds", "secretsmanager", "kms"].contains(&call.service)
        };
        world.log.iter().filter(changes).cloned().collect()
    })
}

/// Every call so far, in order.
pub fn log(house: &House) -> Vec<Call> {
    house.look(|world| world.log.clone())
}

/// Where in the log the first call of an operation stands whose body has a text; bodies of RDS are forms.
pub fn first(log: &[Call], operation: &str, text: &str) -> Option<usize> {
    let has = |call: &Call| String::from_utf8_lossy(&call.request).contains(text);
    log.iter().position(|call| call.operation == operation && call.error.is_none() && has(call))
}

/// The answers that CloudFormation got, in order.
pub fn answers(house: &House) -> Vec<Value> {
    house.look(|world| {
        let received = world.cloudformation.received().iter();
        received.map(|received| serde_json::from_slice(&received.body).unwrap()).collect()
    })
}

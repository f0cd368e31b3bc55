//! What IAM asks about a call of RDS: every resource that the call names or makes, the tags that it gives, the roles that it passes,
//! and, in the caller's name, the keys and secrets that RDS itself touches for it.
//!
//! The resources of each action are those of the service authorization reference (its tables of RDS, Secrets Manager and KMS).

use std::collections::BTreeMap;

use super::keys;
use super::{Ask, Context};
use crate::http::Request;
use crate::query;
use crate::rds::{Cluster, default_group};
use crate::world::{Config, World};

/// What IAM is asked about one call, as it is put together.
struct Asking<'w> {
    world: &'w World,
    operation: &'w str,
    parameters: BTreeMap<String, String>,
    /// What the request itself says: its tags.
    request: Context,
    asks: Vec<Ask>,
}

pub(super) fn asks(world: &World, operation: &str, request: &Request) -> Vec<Ask> {
    let parameters = query::parameters(&request.body);
    let tags = tags(&parameters);
    let mut request = Context::default().with_request_tags(&tags);
    if operation == "RemoveTagsFromResource" {
        request = request.with_all("aws:TagKeys", items(&parameters, "TagKeys.member."));
    }
    let mut asking = Asking { world, operation, parameters, request, asks: Vec::new() };
    asking.call(!tags.is_empty());
    asking.asks
}

/// The tags that a request gives.
fn tags(parameters: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let keys = parameters.iter().filter_map(|(name, key)| {
        let number = name.strip_prefix("Tags.Tag.")?.strip_suffix(".Key")?;
        let value = parameters.get(&format!("Tags.Tag.{number}.Value")).cloned().unwrap_or_default();
        Some((key.clone(), value))
    });
    keys.collect()
}

fn items(parameters: &BTreeMap<String, String>, prefix: &str) -> Vec<String> {
    let of_list = parameters.iter().filter(|(name, _)| name.starts_with(prefix));
    of_list.map(|(_, value)| value.clone()).collect()
}

fn arn(config: &Config, kind: &str, name: &str) -> String {
    format!("arn:{}:rds:{}:{}:{kind}:{name}", config.partition, config.region, config.account)
}

/// The identifier in an identifier or an ARN.
fn id_of(text: &str) -> String {
    text.rsplit(':').next().unwrap_or(text).to_ascii_lowercase()
}

impl Asking<'_> {
    fn call(&mut self, tagged: bool) {
        match self.operation {
            "DescribeDBClusters" => self.look("cluster", "DBClusterIdentifier"),
            "DescribeDBInstances" => self.look("db", "DBInstanceIdentifier"),
            "DescribeDBClusterSnapshots" => self.look("cluster-snapshot", "DBClusterSnapshotIdentifier"),
            "RestoreDBClusterToPointInTime" => self.restore(tagged),
            "RestoreDBClusterFromSnapshot" => self.restore_snapshot(tagged),
            "CreateDBClusterSnapshot" => {
                self.own("cluster", "DBClusterIdentifier");
                self.made("cluster-snapshot", "DBClusterSnapshotIdentifier", tagged);
            }
            "DeleteDBClusterSnapshot" => self.own("cluster-snapshot", "DBClusterSnapshotIdentifier"),
            "CreateDBInstance" => self.create_instance(tagged),
            "ModifyDBCluster" => self.modify_cluster(),
            "ModifyDBInstance" => self.modify_instance(),
            "DeleteDBInstance" => self.own("db", "DBInstanceIdentifier"),
            "DeleteDBCluster" => self.delete_cluster(),
            "AddRoleToDBCluster" | "RemoveRoleFromDBCluster" => {
                self.own("cluster", "DBClusterIdentifier");
                self.pass("RoleArn", "rds.amazonaws.com");
            }
            "AddTagsToResource" | "RemoveTagsFromResource" | "ListTagsForResource" => {
                let name = self.named("ResourceName");
                let parts: Vec<&str> = name.splitn(7, ':').collect();
                let kind = parts.get(5).copied().unwrap_or_default();
                self.on(kind, &id_of(&name));
            }
            // What this does not know is asked about on everything: only a role that may do it everywhere may do it.
            _ => self.ask(self.operation, "*".to_owned(), self.request.clone()),
        }
    }

    fn named(&self, parameter: &str) -> String {
        self.parameters.get(parameter).cloned().unwrap_or_default()
    }

    fn says(&self, parameter: &str) -> bool {
        self.parameters.get(parameter).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    fn ask(&mut self, action: &str, resource: String, context: Context) {
        self.asks.push(Ask::new(format!("rds:{action}"), resource, context));
    }

    /// The action of the call, on one resource and with its tags as they are now.
    fn on(&mut self, kind: &str, id: &str) {
        self.ask_about(self.operation, kind, id);
    }

    fn ask_about(&mut self, action: &str, kind: &str, id: &str) {
        let context = match self.tags_of(kind, id) {
            Some(tags) => self.request.clone().with_resource_tags(tags),
            None => self.request.clone(),
        };
        self.ask(action, arn(&self.world.config, kind, id), context);
    }

    fn tags_of(&self, kind: &str, id: &str) -> Option<&BTreeMap<String, String>> {
        let rds = &self.world.rds;
        match kind {
            "cluster" => rds.cluster(id).map(|cluster| &cluster.tags),
            "db" => rds.instance(id).map(|instance| &instance.tags),
            "cluster-snapshot" => rds.snapshot(id).map(|snapshot| &snapshot.tags),
            _ => None,
        }
    }

    /// The resource that a parameter names.
    fn own(&mut self, kind: &str, parameter: &str) {
        self.on(kind, &id_of(&self.named(parameter)));
    }

    /// One resource that a parameter names, or all of its kind.
    fn look(&mut self, kind: &str, parameter: &str) {
        let id = self.parameters.get(parameter).map_or_else(|| "*".to_owned(), |name| id_of(name));
        self.on(kind, &id);
    }

    /// What a call makes; the tags that it gives are `AddTagsToResource` on that.
    fn made(&mut self, kind: &str, parameter: &str, tagged: bool) {
        let id = id_of(&self.named(parameter));
        self.on(kind, &id);
        if tagged {
            self.ask_about("AddTagsToResource", kind, &id);
        }
    }

    /// A group that the call names, or the one that it gets then.
    fn group(&mut self, kind: &str, parameter: &str, default: &str) {
        let name = self.parameters.get(parameter).map_or(default, String::as_str).to_ascii_lowercase();
        self.on(kind, &name);
    }

    fn restore(&mut self, tagged: bool) {
        self.own("cluster", "SourceDBClusterIdentifier");
        let source = self.world.rds.cluster(&id_of(&self.named("SourceDBClusterIdentifier")));
        self.restored(tagged, source);
    }

    fn restore_snapshot(&mut self, tagged: bool) {
        self.own("cluster-snapshot", "SnapshotIdentifier");
        let snapshot = self.world.rds.snapshot(&id_of(&self.named("SnapshotIdentifier")));
        self.restored(tagged, snapshot.map(|snapshot| snapshot.cluster.as_ref()));
    }

    /// What both ways to restore a cluster ask.
    fn restored(&mut self, tagged: bool, source: Option<&Cluster>) {
        let (engine, version) =
            source.map_or(("", ""), |source| (source.engine.as_str(), source.engine_version.as_str()));
        let default = default_group(engine, version);
        self.made("cluster", "DBClusterIdentifier", tagged);
        self.group("cluster-pg", "DBClusterParameterGroupName", &default);
        self.group("subgrp", "DBSubnetGroupName", "default");
        self.on("og", &default.replacen("default.", "default:", 1));
        let key = self.parameters.get("KmsKeyId").cloned();
        if let Some(key) = key.or_else(|| source?.kms_key.clone()) {
            self.volume_key(&key);
        }
        for number in 1..=self.world.config.rds.role_quota {
            self.pass(&format!("AssociatedRoles.DBClusterRole.{number}.RoleArn"), "rds.amazonaws.com");
        }
    }

    fn create_instance(&mut self, tagged: bool) {
        let id = id_of(&self.named("DBClusterIdentifier"));
        self.made("db", "DBInstanceIdentifier", tagged);
        self.on("cluster", &id);
        let cluster = self.world.rds.cluster(&id);
        let default = cluster.map_or_else(String::new, |c| default_group(&c.engine, &c.engine_version));
        let subnets = cluster.map_or("default", |cluster| cluster.subnet_group.as_str());
        self.group("pg", "DBParameterGroupName", &default);
        self.group("subgrp", "DBSubnetGroupName", subnets);
        self.on("og", &default.replacen("default.", "default:", 1));
        if let Some(key) = cluster.and_then(|cluster| cluster.kms_key.as_deref()) {
            self.volume_key(key);
        }
        self.insights_key();
        self.pass("MonitoringRoleArn", "monitoring.rds.amazonaws.com");
    }

    fn modify_instance(&mut self) {
        self.own("db", "DBInstanceIdentifier");
        if self.parameters.contains_key("DBParameterGroupName") {
            self.group("pg", "DBParameterGroupName", "");
        }
        self.insights_key();
        self.pass("MonitoringRoleArn", "monitoring.rds.amazonaws.com");
    }

    fn modify_cluster(&mut self) {
        self.own("cluster", "DBClusterIdentifier");
        if self.parameters.contains_key("DBClusterParameterGroupName") {
            self.group("cluster-pg", "DBClusterParameterGroupName", "");
        }
        let managed = self.world.rds.managed_secret_of(&id_of(&self.named("DBClusterIdentifier"))).is_some();
        if self.says("ManageMasterUserPassword") && !managed {
            self.managed_secret();
        }
    }

    /// RDS makes its own secret with the caller's rights.
    fn managed_secret(&mut self) {
        let Config { partition, region, account, .. } = &self.world.config;
        let secret = format!("arn:{partition}:secretsmanager:{region}:{account}:secret:rds!cluster-0-000000");
        let context = Context::default().with("aws:ViaAWSService", "true");
        for action in ["secretsmanager:CreateSecret", "secretsmanager:TagResource"] {
            self.asks.push(Ask::new(action, secret.clone(), context.clone()));
        }
        if let Some(key) = self.parameters.get("MasterUserSecretKmsKeyId").cloned() {
            keys::through(self.world, &mut self.asks, "rds", &key, &["kms:DescribeKey", "kms:CreateGrant"]);
            let values = ["kms:Decrypt", "kms:GenerateDataKey"];
            keys::through(self.world, &mut self.asks, "secretsmanager", &key, &values);
        }
    }

    fn delete_cluster(&mut self) {
        let id = id_of(&self.named("DBClusterIdentifier"));
        self.on("cluster", &id);
        let Some(last) = self.parameters.get("FinalDBSnapshotIdentifier").map(|name| id_of(name)) else {
            // The reference requires a snapshot; which one is meant where none is taken, nothing says (I2).
            self.on("cluster-snapshot", &id);
            return;
        };
        self.on("cluster-snapshot", &last);
        self.ask_about("CreateDBClusterSnapshot", "cluster", &id);
        self.ask_about("CreateDBClusterSnapshot", "cluster-snapshot", &last);
        let copies = |cluster: &Cluster| cluster.copy_tags_to_snapshot && !cluster.tags.is_empty();
        if self.world.rds.cluster(&id).is_some_and(copies) {
            self.ask_about("AddTagsToResource", "cluster-snapshot", &last);
        }
    }

    /// The key of a volume: RDS looks at it, takes a grant, and uses it for its caller.
    fn volume_key(&mut self, key: &str) {
        let actions = ["kms:DescribeKey", "kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey"];
        keys::through(self.world, &mut self.asks, "rds", key, &actions);
    }

    fn insights_key(&mut self) {
        if let Some(key) = self.parameters.get("PerformanceInsightsKMSKeyId").cloned() {
            self.volume_key(&key);
        }
    }

    /// A role that the call gives to a service.
    fn pass(&mut self, parameter: &str, service: &str) {
        if let Some(role) = self.parameters.get(parameter) {
            let context = Context::default().with("iam:PassedToService", service);
            self.asks.push(Ask::new("iam:PassRole", role.clone(), context));
        }
    }
}

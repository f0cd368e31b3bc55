//! What the two ways of making a cluster (create, restore) have in common: the options, their checks and defaults.

use std::collections::BTreeMap;

use super::parameters::Parameters;
use super::refusal::Refusal;
use super::state::{Cluster, Encryption, Scaling};
use super::{Rds, groups, tags};

/// The value of `EngineLifecycleSupport` when a request names none.
pub(super) const EXTENDED_SUPPORT: &str = "open-source-rds-extended-support";
/// The security group of the default VPC.
pub(super) const DEFAULT_SECURITY_GROUP: &str = "sg-00000000default";

/// The network type of a cluster whose request names none.
pub(super) const IPV4: &str = "IPV4";

/// The statuses in which a cluster works and is about to be `available` again.
pub(super) const BUSY: [&str; 7] = [
    "backing-up",
    "maintenance",
    "modifying",
    "resetting-master-credentials",
    "storage-optimization",
    "update-iam-db-auth",
    "upgrading",
];

/// The options of a new cluster, as requested.
#[derive(Debug)]
pub(super) struct ClusterOptions {
    pub(super) port: Option<u32>,
    pub(super) subnet_group: Option<String>,
    pub(super) security_groups: Option<Vec<String>>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) kms_key: Option<String>,
    pub(super) iam_auth: bool,
    pub(super) backtrack_window: u32,
    pub(super) log_exports: Vec<String>,
    pub(super) parameter_group: Option<String>,
    pub(super) deletion_protection: bool,
    pub(super) copy_tags_to_snapshot: bool,
    pub(super) storage_type: String,
    pub(super) scaling: Option<Scaling>,
    pub(super) backup_retention: Option<u32>,
    pub(super) backup_window: Option<String>,
    pub(super) lifecycle_support: String,
    pub(super) network_type: String,
}

impl ClusterOptions {
    pub(super) fn take(parameters: &mut Parameters) -> Result<Self, Refusal> {
        if parameters.word("EngineMode", &["provisioned", "serverless"])?.as_deref() == Some("serverless") {
            return Err(Refusal::not_simulated("EngineMode serverless"));
        }
        Ok(Self {
            port: parameters.bounded("Port", 1150, 65_535)?,
            subnet_group: parameters.take("DBSubnetGroupName"),
            security_groups: security_groups(parameters)?,
            tags: tags::take(parameters)?,
            kms_key: parameters.take("KmsKeyId"),
            iam_auth: parameters.boolean("EnableIAMDatabaseAuthentication")?.unwrap_or_default(),
            backtrack_window: parameters.bounded("BacktrackWindow", 0, 259_200)?.unwrap_or_default(),
            log_exports: parameters.list("EnableCloudwatchLogsExports", "member")?.unwrap_or_default(),
            parameter_group: parameters.take("DBClusterParameterGroupName"),
            deletion_protection: parameters.boolean("DeletionProtection")?.unwrap_or_default(),
            copy_tags_to_snapshot: parameters.boolean("CopyTagsToSnapshot")?.unwrap_or_default(),
            storage_type: storage_type(parameters)?.unwrap_or_else(|| "aurora".to_owned()),
            scaling: scaling(parameters)?,
            backup_retention: parameters.bounded("BackupRetentionPeriod", 1, 35)?,
            backup_window: parameters.take("PreferredBackupWindow"),
            lifecycle_support: lifecycle_support(parameters)?.unwrap_or_else(|| EXTENDED_SUPPORT.to_owned()),
            network_type: parameters.word("NetworkType", &[IPV4, "DUAL"])?.unwrap_or_else(|| IPV4.to_owned()),
        })
    }
}

impl Rds {
    /// A new cluster of these options. The caller fills in what remains: data, owner, encryption, status and truth.
    pub(super) fn new_cluster(
        &mut self,
        id: &str,
        engine: &str,
        engine_version: &str,
        options: ClusterOptions,
    ) -> Result<Cluster, Refusal> {
        if engine != "aurora-mysql" && options.backtrack_window > 0 {
            return Err(Refusal::combination("Backtrack is available for Aurora MySQL only"));
        }
        check_logs(engine, &options.log_exports)?;
        let default_group = groups::default_group(engine, engine_version);
        let parameter_group = options.parameter_group.unwrap_or(default_group);
        let subnet_group = self.groups.check_subnet(options.subnet_group.as_deref().unwrap_or("default"))?;
        self.groups.check_network(&options.network_type, &subnet_group)?;
        Ok(Cluster {
            id: id.to_owned(),
            arn: self.place.arn("cluster", id),
            resource_id: super::identifiers::resource_id(&mut self.ids, "cluster"),
            engine: engine.to_owned(),
            engine_version: engine_version.to_owned(),
            port: options.port.unwrap_or(if engine == "aurora-mysql" { 3306 } else { 5432 }),
            parameter_group: self.groups.check_cluster(&parameter_group, engine, engine_version)?,
            subnet_group,
            network_type: options.network_type,
            security_groups: options
                .security_groups
                .unwrap_or_else(|| vec![DEFAULT_SECURITY_GROUP.to_owned()]),
            tags: options.tags,
            backup_retention: options.backup_retention.unwrap_or(1),
            backup_window: options.backup_window.unwrap_or_else(|| "02:00-02:30".to_owned()),
            maintenance_window: "sun:03:00-sun:03:30".to_owned(),
            iam_auth: options.iam_auth,
            deletion_protection: options.deletion_protection,
            copy_tags_to_snapshot: options.copy_tags_to_snapshot,
            storage_type: options.storage_type,
            encryption: if options.kms_key.is_some() { Encryption::Kms } else { Encryption::AwsOwned },
            kms_key: options.kms_key.map(|key| self.usable_key(&key)).transpose()?,
            backtrack_window: options.backtrack_window,
            log_exports: options.log_exports,
            scaling: options.scaling,
            lifecycle_support: options.lifecycle_support,
            ..Cluster::default()
        })
    }

    /// A KMS key that RDS may use, as an ARN.
    pub(super) fn usable_key(&self, key: &str) -> Result<String, Refusal> {
        let key = self.place.key(key)?;
        if self.broken_keys.contains(&key) {
            return Err(Refusal::fault(
                "KMSKeyNotAccessibleFault",
                format!(
                    "The specified KMS key {key} does not exist, is not enabled or you do not have permissions to access it."
                ),
            ));
        }
        Ok(key)
    }

    /// Refuses an identifier that a cluster has or is about to get.
    pub(super) fn check_free(&self, id: &str) -> Result<(), Refusal> {
        let takes = |cluster: &Cluster| {
            cluster.ahead.iter().any(|(_, step)| matches!(step, super::state::Step::Rename(new) if new == id))
        };
        if self.state.clusters.contains_key(id) || self.clusters().any(takes) {
            return Err(Refusal::fault(
                "DBClusterAlreadyExistsFault",
                format!("DB Cluster already exists: {id}"),
            ));
        }
        Ok(())
    }

    pub(super) fn check_cluster_quota(&self, quota: usize) -> Result<(), Refusal> {
        if self.state.clusters.len() >= quota {
            return Err(Refusal::forbidden(
                "DBClusterQuotaExceededFault",
                format!("Cannot create more than {quota} DB clusters in this account and Region"),
            ));
        }
        Ok(())
    }

    /// An existing cluster that a mutation names. `ModifyDBCluster` and the like take no ARN.
    pub(super) fn target_cluster(&self, id: &str) -> Result<Cluster, Refusal> {
        if id.contains(':') {
            return Err(Refusal::value("The parameter DBClusterIdentifier is not a valid identifier."));
        }
        self.cluster(&id.to_ascii_lowercase()).cloned().ok_or_else(|| Refusal::no_cluster(id))
    }
}

/// `ServerlessV2ScalingConfiguration`.
pub(super) fn scaling(parameters: &mut Parameters) -> Result<Option<Scaling>, Refusal> {
    const NAME: &str = "ServerlessV2ScalingConfiguration";
    let min: Option<f64> = parameters.number(&format!("{NAME}.MinCapacity"))?;
    let max: Option<f64> = parameters.number(&format!("{NAME}.MaxCapacity"))?;
    let pause_after = parameters.bounded(&format!("{NAME}.SecondsUntilAutoPause"), 300, 86_400)?;
    let (min, max) = match (min, max) {
        (Some(min), Some(max)) => (min, max),
        (None, None) if pause_after.is_none() => return Ok(None),
        _ => {
            return Err(Refusal::combination(format!("{NAME} must have both MinCapacity and MaxCapacity")));
        }
    };
    let step = |capacity: f64| capacity * 2.0 == (capacity * 2.0).round();
    if !step(min) || !step(max) || !(1.0..=256.0).contains(&max) || !(0.0..=max).contains(&min) {
        return Err(Refusal::value(format!(
            "{NAME}: capacities are multiples of 0.5, the minimum from 0, the maximum from 1 to 256"
        )));
    }
    if pause_after.is_some() && min > 0.0 {
        return Err(Refusal::combination(format!("{NAME}: SecondsUntilAutoPause needs a MinCapacity of 0")));
    }
    let pause_after = if min == 0.0 { pause_after.or(Some(300)) } else { None };
    Ok(Some(Scaling { min, max, pause_after }))
}

/// `EngineLifecycleSupport`.
pub(super) fn lifecycle_support(parameters: &mut Parameters) -> Result<Option<String>, Refusal> {
    let words = [EXTENDED_SUPPORT, "open-source-rds-extended-support-disabled"];
    parameters.word("EngineLifecycleSupport", &words)
}

/// `VpcSecurityGroupIds`.
pub(super) fn security_groups(parameters: &mut Parameters) -> Result<Option<Vec<String>>, Refusal> {
    let Some(groups) = parameters.list("VpcSecurityGroupIds", "VpcSecurityGroupId")? else {
        return Ok(None);
    };
    let looks_right = |group: &String| {
        group.strip_prefix("sg-").is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    };
    if let Some(bad) = groups.iter().find(|group| !looks_right(group)) {
        return Err(Refusal::value(format!("Invalid security group , groupId= {bad}, groupName=.")));
    }
    Ok(Some(groups).filter(|groups| !groups.is_empty()))
}

/// `StorageType`.
pub(super) fn storage_type(parameters: &mut Parameters) -> Result<Option<String>, Refusal> {
    match parameters.take("StorageType") {
        Some(other) if other != "aurora" && other != "aurora-iopt1" => Err(Refusal::fault(
            "StorageTypeNotSupported",
            format!("The storage type {other} can't be used for Aurora"),
        )),
        given => Ok(given),
    }
}

/// Whether an engine has these log types.
pub(super) fn check_logs(engine: &str, logs: &[String]) -> Result<(), Refusal> {
    let known: &[&str] = match engine {
        "aurora-mysql" => &["audit", "error", "general", "instance", "slowquery", "iam-db-auth-error"],
        _ => &["instance", "postgresql", "iam-db-auth-error"],
    };
    match logs.iter().find(|log| !known.contains(&log.as_str())) {
        Some(log) => Err(Refusal::combination(format!(
            "You cannot use the log type '{log}' with engine version {engine}."
        ))),
        None => Ok(()),
    }
}

//! `CreateDBInstance`, for members of Aurora clusters.

use std::sync::Arc;

use super::identifiers;
use super::options::BUSY;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::settings::draw;
use super::state::{Cluster, Instance, Step};
use super::{Answer, Insights, Rds, groups, render, tags};
use crate::world::Context;

const OPERATION: &str = "CreateDBInstance";
/// What the cluster decides for all of its members.
const OF_THE_CLUSTER: &[&str] = &[
    "AllocatedStorage",
    "BackupRetentionPeriod",
    "CharacterSetName",
    "DBName",
    "EnableIAMDatabaseAuthentication",
    "KmsKeyId",
    "ManageMasterUserPassword",
    "MasterUserPassword",
    "MasterUsername",
    "Port",
    "PreferredBackupWindow",
    "StorageEncrypted",
    "StorageType",
    "VpcSecurityGroupIds.VpcSecurityGroupId.1",
];
const NOT_SIMULATED: &[&str] = &[
    "AdditionalStorageVolumes",
    "BackupTarget",
    "CACertificateIdentifier",
    "CustomIamInstanceProfile",
    "DBCapacityReservationIdentifier",
    "DBSecurityGroups",
    "DBSystemId",
    "DatabaseInsightsMode",
    "DedicatedLogVolume",
    "Domain",
    "DomainAuthSecretArn",
    "DomainDnsIps",
    "DomainFqdn",
    "DomainIAMRoleName",
    "DomainOu",
    "EnableCloudwatchLogsExports",
    "EnableCustomerOwnedIp",
    "EngineLifecycleSupport",
    "Iops",
    "LicenseModel",
    "MasterUserAuthenticationType",
    "MasterUserSecretKmsKeyId",
    "MaxAllocatedStorage",
    "MultiAZ",
    "MultiTenant",
    "NcharCharacterSetName",
    "NetworkType",
    "OptionGroupName",
    "ProcessorFeatures",
    "StorageThroughput",
    "TagSpecifications",
    "TdeCredentialArn",
    "TdeCredentialPassword",
    "Timezone",
];

/// What both creating and changing an instance take.
#[derive(Debug)]
pub(super) struct InstanceOptions {
    pub(super) publicly_accessible: Option<bool>,
    pub(super) promotion_tier: Option<u32>,
    pub(super) parameter_group: Option<String>,
    pub(super) maintenance_window: Option<String>,
    pub(super) auto_minor_version_upgrade: Option<bool>,
    pub(super) monitoring_interval: Option<u32>,
    pub(super) monitoring_role: Option<String>,
    pub(super) performance_insights: Option<bool>,
    pub(super) performance_insights_retention: Option<u32>,
    pub(super) performance_insights_key: Option<String>,
}

impl InstanceOptions {
    pub(super) fn take(parameters: &mut Parameters) -> Result<Self, Refusal> {
        if parameters.boolean("DeletionProtection")?.is_some() {
            return Err(Refusal::combination(
                "Deletion Protection can only be applied on the Cluster level, not for individual instances",
            ));
        }
        // AWS takes it and does nothing for Aurora.
        parameters.boolean("CopyTagsToSnapshot")?;
        let options = Self {
            publicly_accessible: parameters.boolean("PubliclyAccessible")?,
            promotion_tier: parameters.bounded("PromotionTier", 0, 15)?,
            parameter_group: parameters.take("DBParameterGroupName"),
            maintenance_window: parameters.take("PreferredMaintenanceWindow"),
            auto_minor_version_upgrade: parameters.boolean("AutoMinorVersionUpgrade")?,
            monitoring_interval: parameters.bounded("MonitoringInterval", 0, 60)?,
            monitoring_role: parameters.take("MonitoringRoleArn"),
            performance_insights: parameters.boolean("EnablePerformanceInsights")?,
            performance_insights_retention: parameters.number("PerformanceInsightsRetentionPeriod")?,
            performance_insights_key: parameters.take("PerformanceInsightsKMSKeyId"),
        };
        // A week, months of 31 days, or two years.
        let is_period = |days: u32| {
            days == 7 || days == 731 || (days.is_multiple_of(31) && (1..=23).contains(&(days / 31)))
        };
        if let Some(days) = options.performance_insights_retention.filter(|days| !is_period(*days)) {
            return Err(Refusal::value(format!(
                "Invalid value {days} for PerformanceInsightsRetentionPeriod"
            )));
        }
        match options.monitoring_interval {
            Some(seconds) if ![0, 1, 5, 10, 15, 30, 60].contains(&seconds) => {
                Err(Refusal::value(format!("Invalid value {seconds} for MonitoringInterval")))
            }
            Some(1..) if options.monitoring_role.is_none() => Err(Refusal::combination(
                "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.",
            )),
            _ => Ok(options),
        }
    }
}

struct Input {
    id: String,
    class: String,
    engine: String,
    cluster: String,
    version: Option<String>,
    zone: Option<String>,
    subnet_group: Option<String>,
    tags: std::collections::BTreeMap<String, String>,
    options: InstanceOptions,
}

impl Input {
    fn parse(mut parameters: Parameters) -> Result<Self, Refusal> {
        let id = parameters.required("DBInstanceIdentifier")?;
        let class = parameters.required("DBInstanceClass")?;
        let engine = parameters.required("Engine")?;
        let Some(cluster) = parameters.take("DBClusterIdentifier") else {
            return Err(Refusal::not_simulated("CreateDBInstance without DBClusterIdentifier"));
        };
        if let Some(name) = OF_THE_CLUSTER.iter().find(|name| parameters.take(name).is_some()) {
            return Err(Refusal::combination(format!(
                "The requested DB Instance will be a member of a DB Cluster. Set {name} for the DB Cluster."
            )));
        }
        let input = Self {
            id: identifiers::new_identifier("DBInstanceIdentifier", &id)?,
            class,
            engine,
            cluster: cluster.to_ascii_lowercase(),
            version: parameters.take("EngineVersion"),
            zone: parameters.take("AvailabilityZone"),
            subnet_group: parameters.take("DBSubnetGroupName"),
            tags: tags::take(&mut parameters)?,
            options: InstanceOptions::take(&mut parameters)?,
        };
        parameters.finish(OPERATION, NOT_SIMULATED)?;
        check_class(&input.class)?;
        Ok(input)
    }
}

/// Whether a class looks like one that Aurora has.
pub(super) fn check_class(class: &str) -> Result<(), Refusal> {
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let fits = match class.split('.').collect::<Vec<_>>()[..] {
        ["db", "serverless"] => true,
        ["db", kind, size] => word(kind) && word(size),
        _ => false,
    };
    if fits { Ok(()) } else { Err(Refusal::value(format!("Invalid DB Instance class: {class}"))) }
}

/// Serverless instances need a capacity range on their cluster.
pub(super) fn check_scaling(class: &str, cluster: &Cluster) -> Result<(), Refusal> {
    if class == "db.serverless" && cluster.scaling.is_none() {
        return Err(Refusal::cluster_state(
            "Set the Serverless v2 scaling configuration on the parent DB cluster before creating a Serverless v2 DB instance.",
        ));
    }
    Ok(())
}

impl Rds {
    pub(super) fn create_instance(&mut self, cx: &mut Context<'_>, parameters: Parameters) -> Answer {
        let input = Input::parse(parameters)?;
        if self.state.instances.contains_key(&input.id) {
            return Err(Refusal::fault("DBInstanceAlreadyExists", "DB Instance already exists"));
        }
        let cluster = self.target_cluster(&input.cluster)?;
        check_cluster(cx, &cluster)?;
        check_fit(&input, &cluster)?;
        let quota = cx.config.rds.instance_quota;
        if self.state.instances.len() >= quota {
            return Err(Refusal::fault(
                "InstanceQuotaExceeded",
                format!("Cannot create more than {quota} DB instances in this account and Region"),
            ));
        }
        let instance = self.new_instance(cx, input, &cluster)?;
        self.audit(cx, OPERATION, &cluster);
        self.audit_public(cx, OPERATION, &instance);
        let answer = render::one_instance(&self.place, &cluster, &instance);
        self.state.instances.insert(instance.id.clone(), Arc::new(instance));
        self.state.elect_writer(&cluster.id);
        Ok(Some(answer))
    }

    fn new_instance(
        &mut self,
        cx: &mut Context<'_>,
        input: Input,
        cluster: &Cluster,
    ) -> Result<Instance, Refusal> {
        let (engine, version, mut options) = (&cluster.engine, &cluster.engine_version, input.options);
        let insights = self.insights(&Instance::default(), &mut options)?;
        let group = options.parameter_group.unwrap_or_else(|| groups::default_group(engine, version));
        let zones = self.place.zones();
        if let Some(zone) = input.zone.as_ref().filter(|zone| !zones.contains(zone)) {
            return Err(Refusal::value(format!("Invalid availability zone: {zone}")));
        }
        let turn = self.state.members(&cluster.id).count() % zones.len();
        // AWS: false for Aurora, except that naming the subnet group `default` makes it true.
        let public = options.publicly_accessible.unwrap_or(input.subnet_group.as_deref() == Some("default"));
        let from = cluster.ready_at().unwrap_or(cx.now).max(cx.now);
        let ready = from + draw(cx.rng, &cx.config.rds.create_instance_seconds);
        Ok(Instance {
            arn: self.place.arn("db", &input.id),
            id: input.id,
            resource_id: identifiers::resource_id(&mut self.ids, "db"),
            cluster: cluster.id.clone(),
            status: "creating".to_owned(),
            created_by: cx.principal.to_owned(),
            created_at: cx.now,
            class: input.class,
            writer: false,
            promotion_tier: options.promotion_tier.unwrap_or(1),
            publicly_accessible: public,
            parameter_group: self.groups.check_instance(&group, engine, version)?,
            zone: input.zone.unwrap_or_else(|| zones[turn].clone()),
            maintenance_window: options
                .maintenance_window
                .unwrap_or_else(|| cluster.maintenance_window.clone()),
            auto_minor_version_upgrade: options.auto_minor_version_upgrade.unwrap_or(true),
            monitoring_interval: options.monitoring_interval.unwrap_or_default(),
            monitoring_role: options.monitoring_role,
            performance_insights: insights.is_some(),
            performance_insights_retention: insights.as_ref().map(|insights| insights.retention),
            performance_insights_key: insights.and_then(|insights| insights.kms_key),
            tags: input.tags,
            ahead: [(ready, Step::status("available"))].into(),
            ..Instance::default()
        })
    }

    /// Performance Insights as a request leaves it on an instance; `None` for off.
    pub(super) fn insights(
        &self,
        instance: &Instance,
        options: &mut InstanceOptions,
    ) -> Result<Option<Insights>, Refusal> {
        let (key, retention) =
            (options.performance_insights_key.take(), options.performance_insights_retention.take());
        if !options.performance_insights.take().unwrap_or(instance.performance_insights) {
            if key.is_some() || retention.is_some() {
                return Err(Refusal::combination(
                    "A Performance Insights KMS key or retention period needs Performance Insights to be enabled.",
                ));
            }
            return Ok(None);
        }
        let key = match (key, &instance.performance_insights_key) {
            (None, Some(old)) => old.clone(),
            (None, None) => self.place.default_key("rds"),
            (Some(new), old) => {
                let new = self.usable_key(&new)?;
                if old.as_ref().is_some_and(|old| *old != new) {
                    return Err(Refusal::combination(
                        "The Performance Insights KMS key of a DB instance can't be changed.",
                    ));
                }
                new
            }
        };
        let retention = retention.or(instance.performance_insights_retention).unwrap_or(7);
        Ok(Some(Insights { retention, kms_key: Some(key) }))
    }
}

fn check_cluster(cx: &Context<'_>, cluster: &Cluster) -> Result<(), Refusal> {
    let accepted = match cluster.status.as_str() {
        "available" => true,
        "creating" => {
            cx.config.rds.instance_while_creating.accepts(cx.config.seed, "instance while creating")
        }
        status => BUSY.contains(&status),
    };
    if accepted {
        return Ok(());
    }
    Err(Refusal::cluster_state(format!(
        "DB cluster {} is not in a state in which an instance can be added: {}",
        cluster.id, cluster.status
    )))
}

fn check_fit(input: &Input, cluster: &Cluster) -> Result<(), Refusal> {
    if input.engine != cluster.engine {
        return Err(Refusal::combination(format!(
            "The engine name requested for your DB instance ({}) doesn't match the engine name of your DB cluster ({}).",
            input.engine, cluster.engine
        )));
    }
    if input.version.as_ref().is_some_and(|version| *version != cluster.engine_version) {
        return Err(Refusal::combination(format!(
            "The engine version that you requested for your DB instance does not match the engine version of your DB cluster ({}).",
            cluster.engine_version
        )));
    }
    if input.subnet_group.as_ref().is_some_and(|group| !group.eq_ignore_ascii_case(&cluster.subnet_group)) {
        return Err(Refusal::combination(format!(
            "The DB subnet group must be that of the DB cluster ({})",
            cluster.subnet_group
        )));
    }
    check_scaling(&input.class, cluster)
}

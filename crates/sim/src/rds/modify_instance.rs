//! `ModifyDBInstance`, for members of Aurora clusters.

use super::create_instance::{self, InstanceOptions};
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::settings::draw;
use super::state::{Cluster, Instance, Step};
use super::{Answer, Rds, render};
use crate::world::Context;

const OPERATION: &str = "ModifyDBInstance";
const NOT_SIMULATED: &[&str] = &[
    "AdditionalStorageVolumes",
    "AllocatedStorage",
    "AllowMajorVersionUpgrade",
    "AutomationMode",
    "AwsBackupRecoveryPointArn",
    "BackupRetentionPeriod",
    "CACertificateIdentifier",
    "CertificateRotationRestart",
    "CloudwatchLogsExportConfiguration",
    "DBCapacityReservationIdentifier",
    "DBPortNumber",
    "DBSecurityGroups",
    "DBSubnetGroupName",
    "DatabaseInsightsMode",
    "DedicatedLogVolume",
    "DisableDomain",
    "Domain",
    "DomainAuthSecretArn",
    "DomainDnsIps",
    "DomainFqdn",
    "DomainIAMRoleName",
    "DomainOu",
    "EnableCustomerOwnedIp",
    "EnableIAMDatabaseAuthentication",
    "Engine",
    "EngineLifecycleSupport",
    "EngineVersion",
    "Iops",
    "LicenseModel",
    "ManageMasterUserPassword",
    "MasterUserAuthenticationType",
    "MasterUserPassword",
    "MasterUserSecretKmsKeyId",
    "MaxAllocatedStorage",
    "MultiAZ",
    "MultiTenant",
    "NetworkType",
    "NewDBInstanceIdentifier",
    "OptionGroupName",
    "PreferredBackupWindow",
    "ProcessorFeatures",
    "ReplicaMode",
    "ResumeFullAutomationModeMinutes",
    "RotateMasterUserPassword",
    "StorageThroughput",
    "StorageType",
    "TagSpecifications",
    "TdeCredentialArn",
    "TdeCredentialPassword",
    "UseDefaultProcessorFeatures",
    "VpcSecurityGroupIds",
];

impl Rds {
    /// The instance that a mutation names, and its cluster.
    pub(super) fn target_instance(&self, id: &str) -> Result<(Instance, Cluster), Refusal> {
        let missing = || Refusal::no_instance(id);
        let instance = self.instance(&id.to_ascii_lowercase()).ok_or_else(missing)?;
        let cluster = self.cluster(&instance.cluster).ok_or_else(missing)?;
        Ok((instance.clone(), cluster.clone()))
    }

    pub(super) fn modify_instance(&mut self, cx: &mut Context<'_>, mut parameters: Parameters) -> Answer {
        let id = parameters.required("DBInstanceIdentifier")?;
        let at_once = parameters.boolean("ApplyImmediately")?.unwrap_or_default();
        let class = parameters.take("DBInstanceClass");
        let mut options = InstanceOptions::take(&mut parameters)?;
        parameters.finish(OPERATION, NOT_SIMULATED)?;
        let (mut instance, cluster) = self.target_instance(&id)?;
        if cluster.status == "stopped" {
            return Err(Refusal::cluster_state(format!("DB cluster {} is stopped", cluster.id)));
        }
        if instance.status != "available" {
            return Err(Refusal::fault(
                "InvalidDBInstanceState",
                format!("Database instance {} is not in available state.", instance.id),
            ));
        }
        if class.is_some() && !at_once {
            return Err(Refusal::not_simulated(
                "ModifyDBInstance with DBInstanceClass without ApplyImmediately=true",
            ));
        }
        if let Some(class) = class {
            create_instance::check_class(&class)?;
            create_instance::check_scaling(&class, &cluster)?;
            instance.pending_class = Some(class).filter(|class| *class != instance.class);
        }
        let mut group_changes = false;
        if let Some(group) = &options.parameter_group {
            let group = self.groups.check_instance(group, &cluster.engine, &cluster.engine_version)?;
            group_changes = group != instance.parameter_group;
            instance.parameter_group = group;
        }
        let insights = self.insights(&instance, &mut options)?;
        instance.performance_insights = insights.is_some();
        instance.performance_insights_retention = insights.as_ref().map(|insights| insights.retention);
        if let Some(insights) = insights {
            instance.performance_insights_key = insights.kms_key;
        }
        let made_public = options.publicly_accessible == Some(true);
        apply(&mut instance, options);
        plan(cx, &mut instance, group_changes);
        self.audit(cx, OPERATION, &cluster);
        if made_public {
            self.audit_public(cx, OPERATION, &instance);
        }
        let answer = render::one_instance(&self.place, &cluster, &instance);
        self.state.instances.insert(instance.id.clone(), instance.into());
        Ok(Some(answer))
    }
}

fn apply(instance: &mut Instance, options: InstanceOptions) {
    fn set<T>(field: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *field = value;
        }
    }
    set(&mut instance.publicly_accessible, options.publicly_accessible);
    set(&mut instance.promotion_tier, options.promotion_tier);
    set(&mut instance.maintenance_window, options.maintenance_window);
    set(&mut instance.auto_minor_version_upgrade, options.auto_minor_version_upgrade);
    set(&mut instance.monitoring_interval, options.monitoring_interval);
    instance.monitoring_role = options.monitoring_role.or(instance.monitoring_role.take());
}

/// What happens later: a short lag in `available`, then `modifying`, then `available` again, with the new class.
fn plan(cx: &mut Context<'_>, instance: &mut Instance, group_changes: bool) {
    let settings = &cx.config.rds;
    let starts = cx.now + draw(cx.rng, &settings.modify_lag_seconds);
    let ends = starts + draw(cx.rng, &settings.modify_seconds);
    if starts > cx.now {
        instance.plan([(starts, Step::status("modifying"))]);
    } else {
        "modifying".clone_into(&mut instance.status);
    }
    if group_changes {
        instance.parameter_apply_status = Some("applying".to_owned());
        instance.plan([(ends, Step::GroupApplied)]);
    }
    if let Some(class) = instance.pending_class.clone() {
        instance.plan([(ends, Step::Class(class))]);
    }
    instance.plan([(ends, Step::status("available"))]);
}

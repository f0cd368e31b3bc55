//! `ModifyDBCluster`: the password, the name, and the few settings that a clone needs.

use super::identifiers;
use super::managed_password::PasswordChange;
use super::options;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::settings::{Outcome, draw};
use super::state::{Cluster, Scaling, Step};
use super::{Answer, Rds, render};
use crate::world::Context;

const OPERATION: &str = "ModifyDBCluster";
const NOT_SIMULATED: &[&str] = &[
    "AllocatedStorage",
    "AllowEngineModeChange",
    "AllowMajorVersionUpgrade",
    "AutoMinorVersionUpgrade",
    "AwsBackupRecoveryPointArn",
    "BacktrackWindow",
    "CACertificateIdentifier",
    "DBClusterInstanceClass",
    "DBInstanceParameterGroupName",
    "DatabaseInsightsMode",
    "Domain",
    "DomainIAMRoleName",
    "EnableGlobalWriteForwarding",
    "EnableHttpEndpoint",
    "EnableLimitlessDatabase",
    "EnableLocalWriteForwarding",
    "EnablePerformanceInsights",
    "EngineMode",
    "EngineVersion",
    "Iops",
    "MasterUserAuthenticationType",
    "MonitoringInterval",
    "MonitoringRoleArn",
    "NetworkType",
    "OptionGroupName",
    "PerformanceInsightsKMSKeyId",
    "PerformanceInsightsRetentionPeriod",
    "Port",
    "RotateMasterUserPassword",
    "ScalingConfiguration",
];

struct Input {
    id: String,
    new_id: Option<String>,
    password: PasswordChange,
    deletion_protection: Option<bool>,
    copy_tags_to_snapshot: Option<bool>,
    backup_retention: Option<u32>,
    backup_window: Option<String>,
    maintenance_window: Option<String>,
    parameter_group: Option<String>,
    security_groups: Option<Vec<String>>,
    iam_auth: Option<bool>,
    storage_type: Option<String>,
    scaling: Option<Scaling>,
    logs: LogChange,
    lifecycle_support: Option<String>,
}

/// `CloudwatchLogsExportConfiguration`.
struct LogChange {
    enable: Vec<String>,
    disable: Vec<String>,
}

impl Input {
    fn parse(mut parameters: Parameters) -> Result<Self, Refusal> {
        let at_once = parameters.boolean("ApplyImmediately")?.unwrap_or_default();
        let input = Self {
            id: parameters.required("DBClusterIdentifier")?,
            new_id: parameters.take("NewDBClusterIdentifier"),
            password: PasswordChange::take(&mut parameters)?,
            deletion_protection: parameters.boolean("DeletionProtection")?,
            copy_tags_to_snapshot: parameters.boolean("CopyTagsToSnapshot")?,
            backup_retention: parameters.bounded("BackupRetentionPeriod", 1, 35)?,
            backup_window: parameters.take("PreferredBackupWindow"),
            maintenance_window: parameters.take("PreferredMaintenanceWindow"),
            parameter_group: parameters.take("DBClusterParameterGroupName"),
            security_groups: options::security_groups(&mut parameters)?,
            iam_auth: parameters.boolean("EnableIAMDatabaseAuthentication")?,
            storage_type: options::storage_type(&mut parameters)?,
            scaling: options::scaling(&mut parameters)?,
            logs: LogChange::take(&mut parameters)?,
            lifecycle_support: options::lifecycle_support(&mut parameters)?,
        };
        parameters.finish(OPERATION, NOT_SIMULATED)?;
        let waits = input.new_id.is_some()
            || input.parameter_group.is_some()
            || input.security_groups.is_some()
            || input.iam_auth.is_some()
            || input.storage_type.is_some()
            || input.scaling.is_some();
        if waits && !at_once {
            return Err(Refusal::not_simulated(
                "ModifyDBCluster without ApplyImmediately=true (a change that waits for the maintenance window)",
            ));
        }
        Ok(input)
    }

    /// Whether the change takes a while; the rest is done at once.
    fn takes_a_while(&self) -> bool {
        self.backup_retention.is_some()
            || self.parameter_group.is_some()
            || self.security_groups.is_some()
            || self.iam_auth.is_some()
            || self.storage_type.is_some()
            || self.scaling.is_some()
            || self.logs.changes()
    }
}

impl LogChange {
    fn take(parameters: &mut Parameters) -> Result<Self, Refusal> {
        let mut list = |which| {
            let name = format!("CloudwatchLogsExportConfiguration.{which}");
            parameters.list(&name, "member").map(Option::unwrap_or_default)
        };
        let change = Self { enable: list("EnableLogTypes")?, disable: list("DisableLogTypes")? };
        if let Some(log) = change.enable.iter().find(|log| change.disable.contains(log)) {
            return Err(Refusal::combination(format!(
                "The log type {log} can't be enabled and disabled in the same request"
            )));
        }
        Ok(change)
    }

    fn changes(&self) -> bool {
        !self.enable.is_empty() || !self.disable.is_empty()
    }

    /// The log exports that a cluster has afterwards.
    fn applied_to(&self, cluster: &Cluster) -> Result<Option<Vec<String>>, Refusal> {
        options::check_logs(&cluster.engine, &self.enable)?;
        options::check_logs(&cluster.engine, &self.disable)?;
        if !self.changes() {
            return Ok(None);
        }
        // A change in the lag of another one goes on from what that one will leave.
        let mut logs = cluster.pending_log_exports.as_ref().unwrap_or(&cluster.log_exports).clone();
        logs.retain(|log| !self.disable.contains(log));
        for log in &self.enable {
            if !logs.contains(log) {
                logs.push(log.clone());
            }
        }
        Ok(Some(logs))
    }
}

impl Rds {
    pub(super) fn modify_cluster(&mut self, cx: &mut Context<'_>, parameters: Parameters) -> Answer {
        let mut input = Input::parse(parameters)?;
        let mut cluster = self.target_cluster(&input.id)?;
        if cluster.status != "available" {
            return Err(Refusal::cluster_state(format!(
                "DB Cluster {} is not currently in the available state but in {}.",
                cluster.id, cluster.status
            )));
        }
        if let Some(new) = &input.new_id {
            let new = identifiers::new_identifier("NewDBClusterIdentifier", new)?;
            self.check_free(&new)?;
            input.new_id = Some(new);
        }
        if let Some(group) = &input.parameter_group {
            cluster.parameter_group =
                self.groups.check_cluster(group, &cluster.engine, &cluster.engine_version)?;
        }
        let logs = input.logs.applied_to(&cluster)?;
        let change = std::mem::take(&mut input.password);
        let password = self.change_password(cx, &mut cluster, change)?;
        let groups_given = input.security_groups.is_some();
        self.audit(cx, OPERATION, &cluster);
        plan(cx, &mut cluster, &input, password, logs);
        apply(&mut cluster, input);
        if groups_given {
            self.audit_groups(cx, OPERATION, &cluster);
        }
        let answer = render::one_cluster(&self.place, &self.state, &cluster, cx.now);
        let id = cluster.id.clone();
        self.state.clusters.insert(id.clone(), cluster.into());
        self.state.wake_secret(&id, cx.now);
        Ok(Some(answer))
    }
}

/// What is visible at once.
fn apply(cluster: &mut Cluster, input: Input) {
    fn set<T>(field: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *field = value;
        }
    }
    set(&mut cluster.deletion_protection, input.deletion_protection);
    set(&mut cluster.copy_tags_to_snapshot, input.copy_tags_to_snapshot);
    set(&mut cluster.backup_retention, input.backup_retention);
    set(&mut cluster.backup_window, input.backup_window);
    set(&mut cluster.maintenance_window, input.maintenance_window);
    set(&mut cluster.security_groups, input.security_groups);
    set(&mut cluster.iam_auth, input.iam_auth);
    set(&mut cluster.storage_type, input.storage_type);
    if input.scaling.is_some() {
        cluster.scaling = input.scaling;
    }
    set(&mut cluster.lifecycle_support, input.lifecycle_support);
}

/// What happens later: a short lag in `available`, then the busy status, then the change and `available` again.
fn plan(
    cx: &mut Context<'_>,
    cluster: &mut Cluster,
    input: &Input,
    password: Option<String>,
    logs: Option<Vec<String>>,
) {
    let status = match (&input.new_id, &password) {
        (Some(_), _) => "renaming",
        (None, Some(_)) => "resetting-master-credentials",
        (None, None) if input.takes_a_while() => "modifying",
        (None, None) => return,
    };
    let settings = &cx.config.rds;
    let starts = cx.now + draw(cx.rng, &settings.modify_lag_seconds);
    let ends = starts + draw(cx.rng, &settings.modify_seconds);
    if starts > cx.now {
        cluster.plan([(starts, Step::status(status))]);
    } else {
        status.clone_into(&mut cluster.status);
    }
    if let Some(password) = password {
        cluster.pending_password = Some(password.clone());
        if settings.password_reset != Outcome::Lost {
            cluster.plan([(ends, Step::Password(password))]);
        }
    }
    if let Some(logs) = logs {
        cluster.pending_log_exports = Some(logs.clone());
        cluster.plan([(ends, Step::LogExports(logs))]);
    }
    cluster.plan([(ends, Step::status("available"))]);
    if let Some(new) = &input.new_id {
        cluster.plan([(ends, Step::Rename(new.clone()))]);
    }
}

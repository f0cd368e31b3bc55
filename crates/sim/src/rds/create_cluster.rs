//! `CreateDBCluster`: a new, empty cluster; sources are made this way.

use super::identifiers;
use super::options::ClusterOptions;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::settings::draw;
use super::state::{Step, Truth};
use super::{Answer, Rds, render};
use crate::world::Context;

const OPERATION: &str = "CreateDBCluster";
const NOT_SIMULATED: &[&str] = &[
    "AvailabilityZones",
    "CharacterSetName",
    "OptionGroupName",
    "ReplicationSourceIdentifier",
    "PreSignedUrl",
    "ScalingConfiguration",
    "RdsCustomClusterConfiguration",
    "DBClusterInstanceClass",
    "AllocatedStorage",
    "Iops",
    "PubliclyAccessible",
    "AutoMinorVersionUpgrade",
    "GlobalClusterIdentifier",
    "EnableHttpEndpoint",
    "Domain",
    "DomainIAMRoleName",
    "EnableGlobalWriteForwarding",
    "MonitoringInterval",
    "MonitoringRoleArn",
    "DatabaseInsightsMode",
    "EnablePerformanceInsights",
    "PerformanceInsightsKMSKeyId",
    "PerformanceInsightsRetentionPeriod",
    "EnableLimitlessDatabase",
    "ClusterScalabilityType",
    "DBSystemId",
    "ManageMasterUserPassword",
    "EnableLocalWriteForwarding",
    "MasterUserSecretKmsKeyId",
    "CACertificateIdentifier",
    "TagSpecifications",
    "MasterUserAuthenticationType",
    "WithExpressConfiguration",
    "AssociatedRoles",
];

impl Rds {
    pub(super) fn create_cluster(&mut self, cx: &mut Context<'_>, mut parameters: Parameters) -> Answer {
        let id = parameters.required("DBClusterIdentifier")?;
        let engine = parameters.required("Engine")?;
        let version = parameters.take("EngineVersion");
        let database_name = parameters.take("DatabaseName");
        let username = parameters.take("MasterUsername");
        let password = parameters.take("MasterUserPassword");
        let maintenance_window = parameters.take("PreferredMaintenanceWindow");
        let encrypted = parameters.boolean("StorageEncrypted")?;
        let options = ClusterOptions::take(&mut parameters)?;
        parameters.finish(OPERATION, NOT_SIMULATED)?;

        let id = identifiers::new_identifier("DBClusterIdentifier", &id)?;
        let version = match (default_version(&engine), version) {
            (Some(default), version) => version.unwrap_or_else(|| default.to_owned()),
            (None, _) if matches!(engine.as_str(), "mysql" | "postgres" | "neptune") => {
                return Err(Refusal::not_simulated(&format!("Engine {engine}")));
            }
            (None, _) => return Err(Refusal::value(format!("Invalid DB engine: {engine}"))),
        };
        if encrypted == Some(false) {
            return Err(Refusal::not_simulated("StorageEncrypted=false"));
        }
        let blank =
            |name| Refusal::value(format!("The parameter {name} must be provided and must not be blank."));
        let username = username.filter(|name| !name.is_empty()).ok_or_else(|| blank("MasterUsername"))?;
        let password = password.ok_or_else(|| blank("MasterUserPassword"))?;
        identifiers::check_password(&password)?;
        self.check_free(&id)?;
        let mut cluster = self.new_cluster(&id, &engine, &version, options)?;
        self.check_cluster_quota(cx.config.rds.cluster_quota)?;

        cluster.database_name = database_name;
        cluster.master_username = username;
        cluster.password.clone_from(&password);
        if let Some(window) = maintenance_window {
            cluster.maintenance_window = window;
        }
        "creating".clone_into(&mut cluster.status);
        let ready = cx.now + draw(cx.rng, &cx.config.rds.create_cluster_seconds);
        cluster.plan([(ready, Step::status("available"))]);
        cluster.truth = Truth {
            created_by: cx.principal.to_owned(),
            created_at: cx.now,
            volume: cluster.resource_id.clone(),
            birth_password: password,
            data_bytes: EMPTY_VOLUME,
            ..Truth::default()
        };
        let answer = render::one_cluster(&self.place, &self.state, &cluster, cx.now);
        self.admit(cluster);
        Ok(Some(answer))
    }
}

/// How much an empty cluster's volume holds, in bytes.
const EMPTY_VOLUME: u64 = 64 << 20;

/// The version of an engine that a request gets which names none.
pub(super) fn default_version(engine: &str) -> Option<&'static str> {
    match engine {
        "aurora-postgresql" => Some("16.4"),
        "aurora-mysql" => Some("8.0.mysql_aurora.3.08.0"),
        _ => None,
    }
}

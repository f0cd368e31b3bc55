//! The IAM roles of a cluster: given with a restore, or added and removed one by one.

use super::parameters::Parameters;
use super::refusal::Refusal;
use super::settings::draw;
use super::state::{Cluster, Step};
use super::{Answer, Rds};
use crate::world::Context;

/// An IAM role that a cluster may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `RoleArn`.
    pub arn: String,
    /// `FeatureName`, e.g. `s3Import`.
    pub feature: Option<String>,
    /// `PENDING`, `ACTIVE` or `INVALID`.
    pub status: String,
}

impl Role {
    /// A role that works.
    pub fn active(arn: &str, feature: Option<&str>) -> Self {
        Self { arn: arn.to_owned(), feature: feature.map(str::to_owned), status: "ACTIVE".to_owned() }
    }

    fn requested(arn: Option<String>, feature: Option<String>) -> Result<Self, Refusal> {
        let arn = arn.ok_or_else(|| {
            Refusal::fault("MissingParameter", "The request must contain the parameter RoleArn.")
        })?;
        check_arn(&arn)?;
        let feature = feature.filter(|feature| !feature.is_empty());
        Ok(Self { arn, feature, status: "PENDING".to_owned() })
    }
}

/// The model: 20 to 2048 characters of `arn:aws[a-z-]*:iam::[0-9]*:role/.*`.
fn check_arn(arn: &str) -> Result<(), Refusal> {
    let fits = match arn.splitn(6, ':').collect::<Vec<_>>()[..] {
        ["arn", partition, "iam", "", account, role] => {
            let rest = partition.strip_prefix("aws");
            rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && role.starts_with("role/")
        }
        _ => false,
    };
    if fits && (20..=2048).contains(&arn.len()) {
        return Ok(());
    }
    Err(Refusal::value(format!("Invalid role ARN {arn} for RoleArn")))
}

/// Takes and checks the `AssociatedRoles` of a restore.
pub(super) fn take(parameters: &mut Parameters) -> Result<Vec<Role>, Refusal> {
    const ITEM: &str = "DBClusterAssociatedRole";
    let mut roles: Vec<Role> = Vec::new();
    for mut fields in parameters.structures("AssociatedRoles", ITEM)?.unwrap_or_default() {
        let role = Role::requested(fields.remove("RoleArn"), fields.remove("FeatureName"))?;
        if let Some(field) = fields.keys().next() {
            return Err(Refusal::combination(format!("Unknown parameter AssociatedRoles.{ITEM}.N.{field}")));
        }
        if roles.iter().any(|other| other.arn == role.arn) {
            return Err(Refusal::value(format!("The role {} comes twice in AssociatedRoles", role.arn)));
        }
        roles.push(role);
    }
    Ok(roles)
}

/// Refuses more roles than a cluster may have.
pub(super) fn check_quota(quota: usize, roles: usize) -> Result<(), Refusal> {
    if roles > quota {
        return Err(Refusal::fault(
            "DBClusterRoleQuotaExceeded",
            format!("A DB cluster can't have more than {quota} IAM roles"),
        ));
    }
    Ok(())
}

/// PostgreSQL has a role per feature; MySQL finds its roles by cluster parameters.
fn check_feature(engine: &str, role: &Role) -> Result<(), Refusal> {
    if engine == "aurora-postgresql" && role.feature.is_none() {
        return Err(Refusal::value(
            "The feature-name parameter must be provided with the current operation for the Aurora (PostgreSQL) engine.",
        ));
    }
    Ok(())
}

impl Rds {
    pub(super) fn add_role(&mut self, cx: &mut Context<'_>, parameters: Parameters) -> Answer {
        const OPERATION: &str = "AddRoleToDBCluster";
        let (mut cluster, role) = self.role_request(OPERATION, parameters)?;
        check_feature(&cluster.engine, &role)?;
        if cluster.roles.iter().any(|other| other.arn == role.arn) {
            return Err(Refusal::fault(
                "DBClusterRoleAlreadyExists",
                format!("Role ARN {} is already associated with DB Cluster {}.", role.arn, cluster.id),
            ));
        }
        check_quota(cx.config.rds.role_quota, cluster.roles.len() + 1)?;
        self.audit(cx, OPERATION, &cluster);
        let usable = cx.now + draw(cx.rng, &cx.config.rds.role_seconds);
        cluster.plan([(usable, Step::Role(role.arn.clone()))]);
        cluster.roles.push(role);
        self.state.clusters.insert(cluster.id.clone(), cluster.into());
        Ok(None)
    }

    pub(super) fn remove_role(&mut self, cx: &mut Context<'_>, parameters: Parameters) -> Answer {
        const OPERATION: &str = "RemoveRoleFromDBCluster";
        let (mut cluster, role) = self.role_request(OPERATION, parameters)?;
        check_feature(&cluster.engine, &role)?;
        let before = cluster.roles.len();
        cluster.roles.retain(|other| (&other.arn, &other.feature) != (&role.arn, &role.feature));
        if cluster.roles.len() == before {
            return Err(Refusal::missing(
                "DBClusterRoleNotFound",
                format!("Role ARN {} is not associated with DB Cluster {}.", role.arn, cluster.id),
            ));
        }
        // Otherwise a role that is added again would be usable too early.
        cluster.ahead.retain(|(_, step)| !matches!(step, Step::Role(arn) if *arn == role.arn));
        self.audit(cx, OPERATION, &cluster);
        self.state.clusters.insert(cluster.id.clone(), cluster.into());
        Ok(None)
    }

    /// What both calls take: an available cluster, and a role.
    fn role_request(&self, operation: &str, mut parameters: Parameters) -> Result<(Cluster, Role), Refusal> {
        let id = parameters.required("DBClusterIdentifier")?;
        let role = Role::requested(parameters.take("RoleArn"), parameters.take("FeatureName"))?;
        parameters.finish(operation, &[])?;
        let cluster = self.target_cluster(&id)?;
        if cluster.status != "available" {
            return Err(Refusal::cluster_state(format!(
                "DB Cluster {} is not currently in the available state but in {}.",
                cluster.id, cluster.status
            )));
        }
        Ok((cluster, role))
    }
}

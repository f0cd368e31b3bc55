//! Whether one source can be cloned, and its clones can be where they are wanted.

use std::collections::BTreeSet;

use aurora_clone_aws::cloud::CallError;
use aurora_clone_aws::observe;
use aurora_clone_core::engine;
use aurora_clone_core::pool::config::Maintenance;
use aurora_clone_core::snapshot::{Cluster, Phase};
use aws_sdk_rds::types::DbCluster;

use super::finding::Findings;
use super::manager::Found;
use super::{Reader, find, refused};

/// A clone's subnets must be in this many of the three zones of its source's storage (Aurora User Guide, "Cross-VPC cloning").
const ZONES: usize = 2;

/// Checks one source.
pub async fn check(
    reader: &Reader,
    found: &Found,
    maintenance: Option<&Maintenance>,
    name: &str,
    clusters: &[Cluster],
    findings: &mut Findings,
) {
    let Some(cluster) = find(clusters, name) else {
        let like = clusters.iter().map(|cluster| cluster.identifier.as_str());
        let like: Vec<&str> =
            like.filter(|other| other.contains(name) || name.contains(other)).take(3).collect();
        let remedy = match like.is_empty() {
            true => "correct the name: `aws rds describe-db-clusters` lists what is there".to_owned(),
            false => format!("correct the name; there is {}", like.join(", ")),
        };
        let says = "there is no Aurora cluster of that name in this account and region";
        // Neptune and DocumentDB are listed by the same call, and are no sources.
        match raw(reader, name).await {
            Ok(other) if other.engine().is_some() => findings.error(
                name,
                format!(
                    "its engine is {}, which is not Aurora MySQL or PostgreSQL",
                    other.engine().unwrap_or_default()
                ),
                "only aurora-mysql and aurora-postgresql can be cloned",
            ),
            _ => findings.error(name, says, remedy),
        }
        return;
    };
    if let Err(refused) = found.settings.limits.source(name) {
        findings.error(
            name,
            refused,
            "widen the parameter AllowedSources of the manager's stack, or take it out of the configuration",
        );
    }
    if let Some(lineage) = cluster.own_lineage() {
        findings.error(
            name,
            format!("it is a {:?} that {} made, and no root", lineage.role, lineage.manager).to_lowercase(),
            format!("name its root, {}", lineage.root),
        );
        return;
    }
    state(cluster, findings);
    instances(reader, cluster, findings).await;
    if cluster.settings.deletion_protection {
        findings.ok(name, "has deletion protection");
    } else {
        findings.warning(
            name,
            "has no deletion protection",
            format!("aws rds modify-db-cluster --db-cluster-identifier {name} --deletion-protection"),
        );
    }
    match raw(reader, name).await {
        Ok(raw) => {
            key(reader, name, &raw, findings).await;
            network(reader, found, name, cluster, &raw, findings).await;
            pending(reader, name, &raw, findings).await;
        }
        Err(error) => {
            let (says, remedy) = refused(&error);
            findings.error(name, says, remedy);
        }
    }
    parameters(reader, cluster, findings).await;
    if let Some(source) = maintenance.and_then(|m| m.sources.iter().find(|source| source.source == name)) {
        reach(source, name, findings);
    }
}

/// The cluster as RDS describes it: what the snapshot of the core leaves out.
async fn raw(reader: &Reader, name: &str) -> Result<DbCluster, CallError> {
    const OPERATION: &str = "DescribeDBClusters";
    let call = reader.cloud.rds.describe_db_clusters().db_cluster_identifier(name).send().await;
    let found = call.map_err(|error| CallError::new(OPERATION, error))?;
    let cluster = found.db_clusters().first().cloned();
    cluster.ok_or_else(|| CallError::nonsense(OPERATION, format!("{name} was not described")))
}

fn state(cluster: &Cluster, findings: &mut Findings) {
    let name = &cluster.identifier;
    let says = format!("{} {}, {}", cluster.engine, cluster.engine_version, cluster.status);
    if !engine::ENGINES.contains(&cluster.engine.as_str()) {
        findings.error(name, says, "only aurora-mysql and aurora-postgresql can be cloned");
        return;
    }
    match cluster.status.phase() {
        Phase::Ready => findings.ok(name, says),
        Phase::Busy | Phase::Unknown => {
            findings.warning(
                name,
                format!("{says}: a Create waits until it is available"),
                "wait, and ask again",
            );
        }
        Phase::Stuck if cluster.status.0 == "stopped" => findings.error(
            name,
            format!("{says}: a stopped cluster can't be cloned"),
            format!("aws rds start-db-cluster --db-cluster-identifier {name}"),
        ),
        Phase::Stuck | Phase::Deleting => {
            findings.error(
                name,
                says,
                "it does not become usable by itself: see its events in the RDS console",
            );
        }
    }
}

async fn instances(reader: &Reader, cluster: &Cluster, findings: &mut Findings) {
    let name = &cluster.identifier;
    if cluster.members.is_empty() {
        findings.error(
            name,
            "has no instance, and such a cluster can't be cloned",
            "add one: aws rds create-db-instance --db-cluster-identifier …; db.serverless costs least",
        );
        return;
    }
    match observe::instances(&reader.cloud, &[cluster]).await {
        Ok(instances) => {
            let ready = instances.iter().filter(|instance| instance.status.is_ready()).count();
            let says = format!("{ready} of {} instances are available", instances.len());
            match ready {
                // Of a cluster that is stopped, that was said.
                0 if cluster.status.phase() == Phase::Stuck => {}
                0 => {
                    findings.warning(name, says, "a clone can be made, but see what is wrong with the source")
                }
                _ => findings.ok(name, says),
            }
        }
        Err(error) => {
            let (says, remedy) = refused(&error);
            findings.error(name, says, remedy);
        }
    }
}

/// A clone is encrypted with its source's key, so RDS must be able to use it.
async fn key(reader: &Reader, name: &str, raw: &DbCluster, findings: &mut Findings) {
    if raw.storage_encryption_type().is_some_and(|kind| kind.as_str() == "sse-rds") {
        findings.ok(name, "is encrypted with a key that AWS owns");
        return;
    }
    if raw.storage_encrypted() != Some(true) {
        findings.warning(
            name,
            "its storage is not encrypted, and neither are its clones",
            "a snapshot that is copied with a key can be restored encrypted",
        );
        return;
    }
    let Some(id) = raw.kms_key_id() else {
        findings.skipped(name, "RDS does not say with which key its storage is encrypted");
        return;
    };
    let call = reader.cloud.kms.describe_key().key_id(id).send().await;
    match call.map_err(|error| CallError::new("DescribeKey", error)) {
        Ok(found) => {
            let metadata = found.key_metadata();
            let state = metadata.and_then(|key| key.key_state()).map(|state| state.as_str());
            let manager = metadata.and_then(|key| key.key_manager()).map(|manager| manager.as_str());
            let by_aws = manager == Some("AWS");
            let whose =
                if by_aws { "the key aws/rds, which can't be shared with other accounts" } else { id };
            match state {
                Some("Enabled") => findings.ok(name, format!("is encrypted with {whose}")),
                other => {
                    let is = other.unwrap_or("in no known state");
                    findings.error(
                        name,
                        format!("its KMS key {id} is {is}, so nothing can be cloned"),
                        "enable the key, or cancel its deletion: aws kms cancel-key-deletion, then aws kms enable-key",
                    );
                }
            }
        }
        Err(error) => {
            let (says, _) = refused(&error);
            findings.warning(
                name,
                says,
                "allow kms:DescribeKey on the key, or see to it that RDS may use it",
            );
        }
    }
}

/// Whether clones can be in the subnet groups that they may have.
async fn network(
    reader: &Reader,
    found: &Found,
    name: &str,
    cluster: &Cluster,
    raw: &DbCluster,
    findings: &mut Findings,
) {
    let storage: BTreeSet<&str> = raw.availability_zones().iter().map(String::as_str).collect();
    let own = cluster.settings.subnet_group.clone();
    let allowed = found.manager.parameters.get("AllowedSubnetGroups").map(String::as_str).unwrap_or_default();
    let named = allowed.split(',').map(str::trim).filter(|group| !group.is_empty() && !group.contains('*'));
    let mut groups: Vec<String> = own.iter().cloned().collect();
    groups.extend(named.map(str::to_owned).filter(|group| Some(group) != own.as_ref()));
    if let Some(own) = &own
        && let Err(refused) = found.settings.limits.subnet_group(own)
    {
        findings.warning(
            name,
            format!("its subnet group: {refused}"),
            "clones must name DBSubnetGroupName, or the operator admits this one",
        );
    }
    for group in groups {
        let call = reader.cloud.rds.describe_db_subnet_groups().db_subnet_group_name(&group).send().await;
        let described = match call.map_err(|error| CallError::new("DescribeDBSubnetGroups", error)) {
            Ok(described) => described,
            Err(error) if error.is("DBSubnetGroupNotFoundFault") => {
                findings.error(
                    name,
                    format!("there is no subnet group {group}"),
                    "correct AllowedSubnetGroups of the manager's stack",
                );
                continue;
            }
            Err(error) => {
                let (says, remedy) = refused(&error);
                findings.warning(name, says, remedy);
                continue;
            }
        };
        let subnets = described.db_subnet_groups().iter().flat_map(|group| group.subnets());
        let zones: BTreeSet<&str> = subnets
            .filter_map(|subnet| subnet.subnet_availability_zone())
            .filter_map(|zone| zone.name())
            .collect();
        let shared: Vec<&str> = zones.intersection(&storage).copied().collect();
        if storage.is_empty() {
            findings.skipped(name, format!("RDS does not say in which zones its storage is, for {group}"));
        } else if shared.len() >= ZONES {
            findings.ok(name, format!("clones can be in {group}: it shares {}", shared.join(", ")));
        } else {
            let storage: Vec<&str> = storage.iter().copied().collect();
            findings.error(
                name,
                format!(
                    "clones can't be in {group}: its storage is in {}, and the group has {} of these zones",
                    storage.join(", "),
                    shared.len()
                ),
                format!("add subnets to {group} in at least {ZONES} of these zones"),
            );
        }
    }
}

/// Parameter groups that the clones take over.
async fn parameters(reader: &Reader, cluster: &Cluster, findings: &mut Findings) {
    let name = &cluster.identifier;
    let Some(group) = &cluster.settings.parameter_group else {
        findings.skipped(name, "RDS does not name its cluster parameter group");
        return;
    };
    let call = reader.cloud.rds.describe_db_cluster_parameter_groups();
    let call = call.db_cluster_parameter_group_name(group).send().await;
    match call.map_err(|error| CallError::new("DescribeDBClusterParameterGroups", error)) {
        Ok(_) => findings.ok(name, format!("its cluster parameter group {group} is there")),
        Err(error) if error.is("DBParameterGroupNotFound") => findings.error(
            name,
            format!("its cluster parameter group {group} is not there, so a clone with it is refused"),
            "give DBClusterParameterGroupName, or make the group",
        ),
        Err(error) => {
            let (says, remedy) = refused(&error);
            findings.warning(name, says, remedy);
        }
    }
    let instances = match observe::instances(&reader.cloud, &[cluster]).await {
        Ok(instances) => instances,
        Err(error) => {
            let (says, remedy) = refused(&error);
            findings.warning(name, says, remedy);
            return;
        }
    };
    let writer = instances.iter().find(|instance| instance.writer).or(instances.first());
    let Some(group) = writer.and_then(|instance| instance.settings.parameter_group.as_ref()) else { return };
    let call = reader.cloud.rds.describe_db_parameter_groups().db_parameter_group_name(group).send().await;
    match call.map_err(|error| CallError::new("DescribeDBParameterGroups", error)) {
        Ok(_) => findings.ok(name, format!("its writer's parameter group {group} is there")),
        Err(error) if error.is("DBParameterGroupNotFound") => findings.error(
            name,
            format!("its writer's parameter group {group} is not there, so a clone with it is refused"),
            "give DBParameterGroupName, or make the group",
        ),
        Err(error) => {
            let (says, remedy) = refused(&error);
            findings.warning(name, says, remedy);
        }
    }
}

/// Maintenance that RDS has announced: it makes the source busy in its window.
async fn pending(reader: &Reader, name: &str, raw: &DbCluster, findings: &mut Findings) {
    let Some(arn) = raw.db_cluster_arn() else { return };
    let call = reader.cloud.rds.describe_pending_maintenance_actions().resource_identifier(arn).send().await;
    match call.map_err(|error| CallError::new("DescribePendingMaintenanceActions", error)) {
        Ok(found) => {
            let actions = found.pending_maintenance_actions().iter();
            let actions: Vec<&str> = actions
                .flat_map(|resource| resource.pending_maintenance_action_details())
                .filter_map(|action| action.action())
                .collect();
            match actions.is_empty() {
                true => findings.ok(name, "no maintenance of AWS is pending"),
                false => findings.warning(
                    name,
                    format!("maintenance of AWS is pending: {}", actions.join(", ")),
                    "clones wait while the source is being maintained; choose the time with apply-pending-maintenance-action",
                ),
            }
        }
        // Some endpoints do not have it, and nothing depends on it.
        Err(error) => findings.skipped(name, error.to_string()),
    }
}

/// Whether the number of slots that is wanted can be had at all. Of `max-copies` and slots the configuration's own reader sees to it.
fn reach(source: &aurora_clone_core::pool::config::SourceConfig, name: &str, findings: &mut Findings) {
    let each = source.limit - source.margin;
    let copies = source.target.saturating_sub(each).div_ceil(each.max(1));
    let cost = source.prices.of_copy().map(|one| one * f64::from(copies));
    match (&source.budget, cost) {
        (Some(budget), Some(cost)) if cost > budget.monthly => findings.warning(
            name,
            format!(
                "{} free slots take up to {copies} copies, about {cost:.0} a month, and max-monthly-cost is {:.0}",
                source.target, budget.monthly
            ),
            "raise max-monthly-cost, or lower target-clone-slots",
        ),
        _ if copies + 1 > source.max_copies && source.target > 0 && copies > 0 => findings.warning(
            name,
            format!(
                "{} free slots take up to {copies} copies, and max-copies is {}: an old copy goes before its replacement is there",
                source.target, source.max_copies
            ),
            "raise max-copies by one, or lower target-clone-slots",
        ),
        _ => findings.ok(name, format!("{} free slots can be had", source.target)),
    }
}

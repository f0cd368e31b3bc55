//! Changing what exists: clusters, instances, roles, tags. Right before every change a fresh look tells whether the cluster is still
//! the one that was proved ours.

use aurora_clone_core::duration::format_time;
use aurora_clone_core::guard::{Owned, OwnedCopy};
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::{ClusterChange, InstanceChange};
use aurora_clone_core::snapshot::AssociatedRole;
use aurora_clone_core::tags::Tags;
use aws_sdk_rds::types::{CloudwatchLogsExportConfiguration, DbClusterAssociatedRole, Tag};
use chrono::{DateTime, Utc};

use super::{Outcome, capacity, changed, judge, tags};
use crate::cloud::{CallError, Cloud};
use crate::observe;

/// States that pass.
pub(super) const BUSY: [&str; 2] = ["InvalidDBClusterStateFault", "InvalidDBInstanceState"];

/// Changes settings of a cluster, at once.
pub(super) async fn cluster(
    cloud: &Cloud,
    owned: &Owned,
    change: &ClusterChange,
) -> Result<Outcome, CallError> {
    if let Some(outcome) = changed(cloud, owned).await? {
        return Ok(outcome);
    }
    let list = |types: &[String]| (!types.is_empty()).then(|| types.to_vec());
    let logs = !(change.enable_logs.is_empty() && change.disable_logs.is_empty());
    let logs = logs.then(|| {
        CloudwatchLogsExportConfiguration::builder()
            .set_enable_log_types(list(&change.enable_logs))
            .set_disable_log_types(list(&change.disable_logs))
            .build()
    });
    let call = cloud
        .rds
        .modify_db_cluster()
        .db_cluster_identifier(owned.identifier())
        .set_vpc_security_group_ids(change.security_groups.clone())
        .set_db_cluster_parameter_group_name(change.parameter_group.clone())
        .set_storage_type(change.storage_type.clone())
        .set_enable_iam_database_authentication(change.iam_authentication)
        .set_cloudwatch_logs_export_configuration(logs)
        .set_deletion_protection(change.deletion_protection)
        .set_backup_retention_period(change.backup_retention)
        .set_engine_lifecycle_support(change.engine_lifecycle_support.clone())
        .set_serverless_v2_scaling_configuration(change.capacity.map(capacity))
        .set_copy_tags_to_snapshot(change.copy_tags_to_snapshot)
        .set_manage_master_user_password(change.manage_password.is_some().then_some(true))
        .set_master_user_secret_kms_key_id(change.manage_password.clone().flatten())
        // Never in the maintenance window, which may be days away.
        .apply_immediately(true);
    match call.send().await.map_err(|error| CallError::new("ModifyDBCluster", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) => judge(error, &BUSY),
    }
}

/// Lets a cluster take on a role.
pub(super) async fn add_role(
    cloud: &Cloud,
    owned: &Owned,
    role: &AssociatedRole,
) -> Result<Outcome, CallError> {
    if let Some(outcome) = changed(cloud, owned).await? {
        return Ok(outcome);
    }
    let call = cloud
        .rds
        .add_role_to_db_cluster()
        .db_cluster_identifier(owned.identifier())
        .role_arn(&role.role)
        .set_feature_name(role.feature.clone());
    match call.send().await.map_err(|error| CallError::new("AddRoleToDBCluster", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) if error.is("DBClusterRoleAlreadyExists") => Ok(Outcome::Done),
        Err(error) => judge(error, &BUSY),
    }
}

/// Takes a role away from a cluster.
pub(super) async fn remove_role(
    cloud: &Cloud,
    owned: &Owned,
    role: &AssociatedRole,
) -> Result<Outcome, CallError> {
    if let Some(outcome) = changed(cloud, owned).await? {
        return Ok(outcome);
    }
    let call = cloud
        .rds
        .remove_role_from_db_cluster()
        .db_cluster_identifier(owned.identifier())
        .role_arn(&role.role)
        .set_feature_name(role.feature.clone());
    match call.send().await.map_err(|error| CallError::new("RemoveRoleFromDBCluster", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) if error.is("DBClusterRoleNotFound") => Ok(Outcome::Done),
        Err(error) => judge(error, &BUSY),
    }
}

/// Roles as the restore call takes them; `None` where there are none.
pub(super) fn associated_roles(
    roles: &[AssociatedRole],
) -> Result<Option<Vec<DbClusterAssociatedRole>>, CallError> {
    let role = |role: &AssociatedRole| {
        let role =
            DbClusterAssociatedRole::builder().role_arn(&role.role).set_feature_name(role.feature.clone());
        role.build().map_err(|error| CallError::nonsense("RestoreDBClusterToPointInTime", error.to_string()))
    };
    let roles = roles.iter().map(role).collect::<Result<Vec<_>, _>>()?;
    Ok((!roles.is_empty()).then_some(roles))
}

/// Changes settings of an instance, at once.
pub(super) async fn instance(
    cloud: &Cloud,
    owned: &Owned,
    instance: &str,
    change: &InstanceChange,
) -> Result<Outcome, CallError> {
    if let Some(outcome) = changed(cloud, owned).await? {
        return Ok(outcome);
    }
    let mut call = cloud
        .rds
        .modify_db_instance()
        .db_instance_identifier(instance)
        .set_db_instance_class(change.class.clone())
        .set_db_parameter_group_name(change.parameter_group.clone())
        .apply_immediately(true);
    if let Some(insights) = &change.performance_insights {
        call = call
            .enable_performance_insights(insights.enabled)
            .set_performance_insights_retention_period(insights.retention)
            .set_performance_insights_kms_key_id(insights.key.clone());
    }
    if let Some((interval, role)) = &change.monitoring {
        call = call.monitoring_interval(*interval).set_monitoring_role_arn(role.clone());
    }
    match call.send().await.map_err(|error| CallError::new("ModifyDBInstance", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) => judge(error, &BUSY),
    }
}

/// Changes tags of a cluster or of one of its instances.
pub(super) async fn tag(
    cloud: &Cloud,
    owned: &Owned,
    arn: &str,
    set: &Tags,
    remove: &[String],
) -> Result<Outcome, CallError> {
    if let Some(outcome) = changed(cloud, owned).await? {
        return Ok(outcome);
    }
    if !remove.is_empty() {
        let call = cloud.rds.remove_tags_from_resource().resource_name(arn);
        let call = call.set_tag_keys(Some(remove.to_vec()));
        if let Err(error) = call.send().await.map_err(|e| CallError::new("RemoveTagsFromResource", e)) {
            return judge(error, &BUSY);
        }
    }
    if set.is_empty() {
        return Ok(Outcome::Done);
    }
    let call = cloud.rds.add_tags_to_resource().resource_name(arn).set_tags(Some(tags(set)));
    match call.send().await.map_err(|error| CallError::new("AddTagsToResource", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) => judge(error, &BUSY),
    }
}

/// Marks a copy of the pool: nobody clones it any more, and the maintainer purges it.
pub(super) async fn mark_retiring(
    cloud: &Cloud,
    copy: &OwnedCopy,
    since: DateTime<Utc>,
) -> Result<Outcome, CallError> {
    let same = observe::cluster(cloud, copy.identifier()).await?.is_some_and(|cluster| {
        cluster.resource_id == copy.resource_id() && cluster.tag(tag::CLUSTER) == Some(copy.identifier())
    });
    if !same {
        return Ok(Outcome::NotYet(format!("{} is another cluster than a moment ago", copy.identifier())));
    }
    let mark = Tag::builder().key(tag::RETIRING).value(format_time(since)).build();
    let call = cloud.rds.add_tags_to_resource().resource_name(copy.arn()).tags(mark);
    match call.send().await.map_err(|error| CallError::new("AddTagsToResource", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) => judge(error, &BUSY),
    }
}

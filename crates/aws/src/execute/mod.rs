//! Carrying a plan out, one action at a time.

use aurora_clone_core::engine::Capacity;
use aurora_clone_core::guard::Owned;
use aurora_clone_core::plan::{Action, NewInstance, Restore};
use aurora_clone_core::snapshot::InstanceSettings;
use aurora_clone_core::tags::Tags;
use aws_sdk_rds::operation::create_db_instance::builders::CreateDBInstanceFluentBuilder;
use aws_sdk_rds::types::{ServerlessV2ScalingConfiguration, Tag};

use crate::cloud::{CallError, Cloud};
use crate::observe::{self, Host};
use crate::{keys, secrets};

mod modify;
pub mod pool;
pub mod snapshots;

/// What became of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// AWS accepted it, or it was done already.
    Done,
    /// AWS does not take it in the present state; look again later.
    NotYet(String),
    /// AWS's last word is no.
    Refused(String),
}

/// Does one thing. An error means that nobody knows whether it was done: the next look at AWS tells.
pub async fn run(cloud: &Cloud, action: &Action) -> Result<Outcome, CallError> {
    match action {
        Action::Restore(new) => Box::pin(restore(cloud, new)).await,
        Action::CreateInstance(new) => Box::pin(create_instance(cloud, new)).await,
        Action::ModifyCluster { cluster, change } => Box::pin(modify::cluster(cloud, cluster, change)).await,
        Action::AddRole { cluster, role } => Box::pin(modify::add_role(cloud, cluster, role)).await,
        Action::RemoveRole { cluster, role } => Box::pin(modify::remove_role(cloud, cluster, role)).await,
        Action::ModifyInstance { cluster, instance, change } => {
            modify::instance(cloud, cluster, instance, change).await
        }
        Action::Tag { cluster, arn, set, remove } => {
            Box::pin(modify::tag(cloud, cluster, arn, set, remove)).await
        }
        Action::MarkRetiring { copy, since } => Box::pin(modify::mark_retiring(cloud, copy, *since)).await,
        Action::CreateKey(new) => Box::pin(keys::create(cloud, new)).await,
        Action::PutKeyPolicy { key, policy } => Box::pin(keys::put_policy(cloud, key, policy)).await,
        Action::CreateSecret(new) => Box::pin(secrets::create(cloud, new)).await,
        Action::PutSecretPolicy { secret, policy } => {
            secrets::put_policy(cloud, secret, policy.as_deref()).await
        }
        Action::SetPassword { cluster, secret } => {
            Box::pin(secrets::set_password(cloud, cluster, secret)).await
        }
        Action::DeleteSecret { secret } => Box::pin(secrets::delete(cloud, secret)).await,
        Action::DeleteKey { key } => Box::pin(keys::delete(cloud, key)).await,
        Action::DeleteInstance { cluster, instance } => {
            if let Some(outcome) = changed(cloud, cluster).await? {
                return Ok(outcome);
            }
            delete_instance(cloud, instance).await
        }
        Action::DeleteCluster { cluster, final_snapshot } => {
            if let Some(outcome) = changed(cloud, cluster).await? {
                return Ok(outcome);
            }
            delete_cluster(cloud, cluster, final_snapshot.as_deref()).await
        }
    }
}

async fn restore(cloud: &Cloud, new: &Restore) -> Result<Outcome, CallError> {
    let settings = &new.settings;
    let call = cloud
        .rds
        .restore_db_cluster_to_point_in_time()
        .db_cluster_identifier(&new.identifier)
        .source_db_cluster_identifier(&new.source)
        // Never left out: without it AWS makes a full copy.
        .restore_type(new.restore_type.as_str())
        .use_latest_restorable_time(true)
        .set_tags(Some(tags(&new.tags)))
        .set_db_subnet_group_name(settings.subnet_group.clone())
        .set_vpc_security_group_ids(Some(settings.security_groups.clone()))
        .set_db_cluster_parameter_group_name(settings.parameter_group.clone())
        .set_port(settings.port)
        .set_storage_type(settings.storage_type.clone())
        .set_network_type(settings.network_type.clone())
        .set_engine_lifecycle_support(settings.engine_lifecycle_support.clone())
        .enable_iam_database_authentication(settings.iam_authentication)
        .set_enable_cloudwatch_logs_exports(
            (!settings.log_exports.is_empty()).then(|| settings.log_exports.clone()),
        )
        .copy_tags_to_snapshot(settings.copy_tags_to_snapshot)
        .deletion_protection(settings.deletion_protection)
        .set_backup_retention_period(settings.backup_retention)
        .set_associated_roles(modify::associated_roles(&settings.roles)?)
        .set_serverless_v2_scaling_configuration(settings.capacity.map(capacity));
    match call.send().await.map_err(|error| CallError::new("RestoreDBClusterToPointInTime", error)) {
        Ok(_) => Ok(Outcome::Done),
        // Ours from an earlier attempt, or somebody else's: the next look tells.
        Err(error) if error.is("DBClusterAlreadyExistsFault") => Ok(Outcome::Done),
        Err(error) => judge(error, &["InvalidDBClusterStateFault"]),
    }
}

async fn create_instance(cloud: &Cloud, new: &NewInstance) -> Result<Outcome, CallError> {
    let cluster = new.cluster.identifier();
    let call = new_instance(cloud, &new.identifier, cluster, &new.engine, &new.settings, &new.tags);
    match call.send().await.map_err(|error| CallError::new("CreateDBInstance", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) if error.is("DBInstanceAlreadyExists") => {
            taken(cloud, &new.identifier, cluster, error).await
        }
        Err(error) => judge(error, &["InvalidDBClusterStateFault"]),
    }
}

/// The call that adds an instance to a cluster.
fn new_instance(
    cloud: &Cloud,
    identifier: &str,
    cluster: &str,
    engine: &str,
    settings: &InstanceSettings,
    given: &Tags,
) -> CreateDBInstanceFluentBuilder {
    cloud
        .rds
        .create_db_instance()
        .db_instance_identifier(identifier)
        .db_cluster_identifier(cluster)
        .db_instance_class(&settings.class)
        .engine(engine)
        .publicly_accessible(false)
        .set_db_parameter_group_name(settings.parameter_group.clone())
        .enable_performance_insights(settings.performance_insights)
        .set_performance_insights_retention_period(settings.performance_insights_retention)
        .set_performance_insights_kms_key_id(settings.performance_insights_key.clone())
        .monitoring_interval(settings.monitoring_interval)
        .set_monitoring_role_arn(settings.monitoring_role.clone())
        .set_tags(Some(tags(given)))
}

/// Instance identifiers are per account and region: one that exists is ours only as a member of our cluster.
async fn taken(
    cloud: &Cloud,
    identifier: &str,
    cluster: &str,
    error: CallError,
) -> Result<Outcome, CallError> {
    match observe::host_of_instance(cloud, identifier).await? {
        Some(Host::Cluster(host)) if host == cluster => Ok(Outcome::Done),
        Some(host) => {
            let whose = match host {
                Host::Cluster(host) => format!("an instance of the cluster {host:?}"),
                Host::Nothing => "an instance that is no cluster's".to_owned(),
            };
            Ok(Outcome::Refused(format!(
                "the name {identifier} is taken by {whose}; choose another ClusterId"
            )))
        }
        // A listing may lag behind.
        None => Ok(Outcome::NotYet(error.message)),
    }
}

/// What stands in the way of a change, by a fresh look: the proof is as old as the step, and a name can be given to another cluster.
pub(crate) async fn changed(cloud: &Cloud, owned: &Owned) -> Result<Option<Outcome>, CallError> {
    let Some(cluster) = observe::cluster(cloud, owned.identifier()).await? else {
        return Ok(Some(Outcome::NotYet(format!("{} is not listed at the moment", owned.identifier()))));
    };
    if owned.is_still(&cluster) {
        return Ok(None);
    }
    Ok(Some(Outcome::NotYet(format!("{} is another cluster than a moment ago", owned.identifier()))))
}

async fn delete_instance(cloud: &Cloud, identifier: &str) -> Result<Outcome, CallError> {
    // No word of final snapshots: for an Aurora member they are the cluster's affair, and the parameters are refused.
    let call = cloud.rds.delete_db_instance().db_instance_identifier(identifier);
    match call.send().await.map_err(|error| CallError::new("DeleteDBInstance", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) if error.is("DBInstanceNotFound") => Ok(Outcome::Done),
        // What is gone has no tag that gives the right to delete it, so a repeated deletion may be a denial.
        Err(error)
            if error.is("AccessDenied") && observe::host_of_instance(cloud, identifier).await?.is_none() =>
        {
            Ok(Outcome::Done)
        }
        Err(error) => judge(error, &["InvalidDBInstanceState", "InvalidDBClusterStateFault"]),
    }
}

async fn delete_cluster(
    cloud: &Cloud,
    owned: &Owned,
    final_snapshot: Option<&str>,
) -> Result<Outcome, CallError> {
    let call = cloud
        .rds
        .delete_db_cluster()
        .db_cluster_identifier(owned.identifier())
        .skip_final_snapshot(final_snapshot.is_none())
        .set_final_db_snapshot_identifier(final_snapshot.map(str::to_owned));
    match call.send().await.map_err(|error| CallError::new("DeleteDBCluster", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) if error.is("DBClusterNotFoundFault") => Ok(Outcome::Done),
        // As with an instance that is gone.
        Err(error)
            if error.is("AccessDenied") && observe::cluster(cloud, owned.identifier()).await?.is_none() =>
        {
            Ok(Outcome::Done)
        }
        Err(error) => judge(error, &["InvalidDBClusterStateFault"]),
    }
}

/// A refusal that passes is worth waiting for, no answer is worth another step, and the rest is final.
pub(crate) fn judge(error: CallError, not_yet: &[&str]) -> Result<Outcome, CallError> {
    if not_yet.iter().any(|code| error.is(code)) {
        return Ok(Outcome::NotYet(error.message));
    }
    if error.is_passing() {
        return Err(error);
    }
    Ok(Outcome::Refused(error.to_string()))
}

fn tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

fn capacity(capacity: Capacity) -> ServerlessV2ScalingConfiguration {
    ServerlessV2ScalingConfiguration::builder()
        .min_capacity(capacity.min)
        .max_capacity(capacity.max)
        .set_seconds_until_auto_pause(capacity.pause_after)
        .build()
}

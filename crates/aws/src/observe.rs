//! Observing RDS: whole listings, or an error.

use aurora_clone_core::engine::{Capacity, ENGINES};
use aurora_clone_core::snapshot::{
    AssociatedRole, Cluster, ClusterSettings, Instance, InstanceSettings, ManagedSecret, Status,
};
use aurora_clone_core::tags::Tags;
use aws_sdk_rds::types::{DbCluster, DbInstance, Filter, Tag};
use chrono::{DateTime, Utc};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::cloud::{CallError, Cloud};

mod snapshots;

pub use snapshots::{cluster_snapshot, cluster_snapshots};

/// The most that RDS lists on one page.
const PAGE: i32 = 100;
/// The most pages that are read; far more than an account can have.
const MAX_PAGES: usize = 1_000;
/// The most values that RDS takes in one filter.
const FILTER_VALUES: usize = 100;

/// Every Aurora cluster of the account and region.
pub async fn clusters(cloud: &Cloud) -> Result<Vec<Cluster>, CallError> {
    let filter = filter("engine", ENGINES.iter().map(|engine| (*engine).to_owned()));
    list_clusters(cloud, filter).await
}

/// One cluster by its identifier.
pub async fn cluster(cloud: &Cloud, identifier: &str) -> Result<Option<Cluster>, CallError> {
    let found = list_clusters(cloud, filter("db-cluster-id", [identifier.to_owned()])).await?;
    // A listing that answers with another cluster than was asked for is as good as none.
    Ok(found.into_iter().find(|cluster| cluster.identifier == identifier))
}

/// The instances of some clusters.
pub async fn instances(cloud: &Cloud, clusters: &[&Cluster]) -> Result<Vec<Instance>, CallError> {
    let mut instances = BTreeMap::new();
    for chunk in clusters.chunks(FILTER_VALUES) {
        let filter = filter("db-cluster-id", chunk.iter().map(|cluster| cluster.identifier.clone()));
        let mut pages = Pages::new("DescribeDBInstances");
        loop {
            let page = cloud
                .rds
                .describe_db_instances()
                .filters(filter.clone())
                .max_records(PAGE)
                .set_marker(pages.marker.clone())
                .send()
                .await
                .map_err(|error| CallError::new("DescribeDBInstances", error))?;
            for instance in page.db_instances() {
                let instance = read_instance(instance, clusters)?;
                instances.insert(instance.identifier.clone(), instance);
            }
            if !pages.next(page.marker())? {
                break;
            }
        }
    }
    Ok(instances.into_values().collect())
}

/// What an instance is a member of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// This cluster.
    Cluster(String),
    /// None: it is no Aurora instance.
    Nothing,
}

/// What the instance of a name is a member of, whosever it is; `None` if there is none.
pub async fn host_of_instance(cloud: &Cloud, identifier: &str) -> Result<Option<Host>, CallError> {
    let call = cloud.rds.describe_db_instances().db_instance_identifier(identifier);
    let found = match call.send().await.map_err(|error| CallError::new("DescribeDBInstances", error)) {
        Ok(found) => found,
        Err(error) if error.is("DBInstanceNotFound") => return Ok(None),
        Err(error) => return Err(error),
    };
    let host = |name: Option<&str>| name.map_or(Host::Nothing, |name| Host::Cluster(name.to_owned()));
    Ok(found.db_instances().first().map(|instance| host(instance.db_cluster_identifier())))
}

async fn list_clusters(cloud: &Cloud, filter: Filter) -> Result<Vec<Cluster>, CallError> {
    // By resource id: a cluster that is listed twice, because others came or went between two pages, counts once.
    // In the order of the listing, in which they lie in memory as well.
    let (mut clusters, mut places) = (Vec::new(), HashMap::new());
    let mut pages = Pages::new("DescribeDBClusters");
    loop {
        let page = cloud
            .rds
            .describe_db_clusters()
            .filters(filter.clone())
            .max_records(PAGE)
            .set_marker(pages.marker.clone())
            .send()
            .await
            .map_err(|error| CallError::new("DescribeDBClusters", error))?;
        for cluster in page.db_clusters() {
            let cluster = read_cluster(cluster)?;
            match places.entry(cluster.resource_id.clone()) {
                Entry::Occupied(place) => clusters[*place.get()] = cluster,
                Entry::Vacant(place) => {
                    place.insert(clusters.len());
                    clusters.push(cluster);
                }
            }
        }
        if !pages.next(page.marker())? {
            return Ok(clusters);
        }
    }
}

/// Where a listing is: it ends, or it is an error.
struct Pages {
    operation: &'static str,
    marker: Option<String>,
    /// Every marker so far: a listing can go round in a circle of any length.
    seen: BTreeSet<String>,
}

impl Pages {
    fn new(operation: &'static str) -> Self {
        Self { operation, marker: None, seen: BTreeSet::new() }
    }

    fn next(&mut self, marker: Option<&str>) -> Result<bool, CallError> {
        let Some(marker) = marker.filter(|marker| !marker.is_empty()) else { return Ok(false) };
        if !self.seen.insert(marker.to_owned()) || self.seen.len() >= MAX_PAGES {
            let page = self.seen.len();
            return Err(CallError::nonsense(
                self.operation,
                format!("the listing does not end (page {page})"),
            ));
        }
        self.marker = Some(marker.to_owned());
        Ok(true)
    }
}

fn filter(name: &str, values: impl IntoIterator<Item = String>) -> Filter {
    Filter::builder().name(name).set_values(Some(values.into_iter().collect())).build()
}

fn read_cluster(cluster: &DbCluster) -> Result<Cluster, CallError> {
    let missing = |what: &str| {
        CallError::nonsense("DescribeDBClusters", format!("a cluster without {what} was listed"))
    };
    let owned = |value: Option<&str>| value.map(str::to_owned);
    Ok(Cluster {
        identifier: owned(cluster.db_cluster_identifier()).ok_or_else(|| missing("DBClusterIdentifier"))?,
        arn: owned(cluster.db_cluster_arn()).ok_or_else(|| missing("DBClusterArn"))?,
        resource_id: owned(cluster.db_cluster_resource_id()).ok_or_else(|| missing("DbClusterResourceId"))?,
        status: Status(owned(cluster.status()).unwrap_or_default()),
        engine: owned(cluster.engine()).unwrap_or_default(),
        engine_version: owned(cluster.engine_version()).unwrap_or_default(),
        clone_group: owned(cluster.clone_group_id()).filter(|group| !group.is_empty()),
        members: cluster
            .db_cluster_members()
            .iter()
            .filter_map(|member| owned(member.db_instance_identifier()))
            .collect(),
        writer: cluster
            .db_cluster_members()
            .iter()
            .find(|member| member.is_cluster_writer() == Some(true))
            .and_then(|member| owned(member.db_instance_identifier())),
        tags: read_tags(cluster.tag_list()),
        created_at: cluster.cluster_create_time().and_then(read_time),
        pending_changes: cluster.pending_modified_values().is_some_and(|pending| {
            *pending != aws_sdk_rds::types::ClusterPendingModifiedValues::builder().build()
        }),
        endpoint: owned(cluster.endpoint()),
        reader_endpoint: owned(cluster.reader_endpoint()),
        master_username: owned(cluster.master_username()),
        database_name: owned(cluster.database_name()),
        managed_secret: cluster.master_user_secret().and_then(|secret| {
            Some(ManagedSecret {
                arn: owned(secret.secret_arn())?,
                status: owned(secret.secret_status()).unwrap_or_default(),
                key: owned(secret.kms_key_id()),
            })
        }),
        settings: read_settings(cluster),
    })
}

fn read_settings(cluster: &DbCluster) -> ClusterSettings {
    let owned = |value: Option<&str>| value.filter(|text| !text.is_empty()).map(str::to_owned);
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    let groups = cluster.vpc_security_groups().iter();
    let mut roles: Vec<AssociatedRole> = cluster
        .associated_roles()
        .iter()
        .filter_map(|role| {
            Some(AssociatedRole { role: owned(role.role_arn())?, feature: owned(role.feature_name()) })
        })
        .collect();
    roles.sort();
    ClusterSettings {
        subnet_group: owned(cluster.db_subnet_group()),
        security_groups: sorted(groups.filter_map(|group| owned(group.vpc_security_group_id())).collect()),
        parameter_group: owned(cluster.db_cluster_parameter_group()),
        port: cluster.port(),
        // The standard storage is what a cluster has that names none.
        storage_type: owned(cluster.storage_type()).or_else(|| Some("aurora".to_owned())),
        iam_authentication: cluster.iam_database_authentication_enabled().unwrap_or(false),
        network_type: owned(cluster.network_type()),
        engine_lifecycle_support: owned(cluster.engine_lifecycle_support()),
        log_exports: sorted(cluster.enabled_cloudwatch_logs_exports().to_vec()),
        copy_tags_to_snapshot: cluster.copy_tags_to_snapshot().unwrap_or(false),
        roles,
        deletion_protection: cluster.deletion_protection().unwrap_or(false),
        backup_retention: cluster.backup_retention_period(),
        capacity: cluster.serverless_v2_scaling_configuration().and_then(|range| {
            let min = range.min_capacity()?;
            // It means nothing above zero, and RDS may name it all the same.
            let pause_after = range.seconds_until_auto_pause().filter(|_| min == 0.0);
            Some(Capacity { min, max: range.max_capacity()?, pause_after })
        }),
    }
}

fn read_tags(tags: &[Tag]) -> Tags {
    let pair = |tag: &Tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()));
    tags.iter().filter_map(pair).collect()
}

fn read_instance(instance: &DbInstance, clusters: &[&Cluster]) -> Result<Instance, CallError> {
    let identifier = instance.db_instance_identifier().ok_or_else(|| {
        CallError::nonsense("DescribeDBInstances", "an instance without DBInstanceIdentifier was listed")
    })?;
    let cluster = instance.db_cluster_identifier().map(str::to_owned);
    let of = clusters.iter().find(|known| Some(&known.identifier) == cluster.as_ref());
    Ok(Instance {
        identifier: identifier.to_owned(),
        status: Status(instance.db_instance_status().unwrap_or_default().to_owned()),
        writer: of.is_some_and(|known| known.writer.as_deref() == Some(identifier)),
        pending_changes: instance
            .pending_modified_values()
            .is_some_and(|pending| *pending != aws_sdk_rds::types::PendingModifiedValues::builder().build()),
        arn: instance.db_instance_arn().unwrap_or_default().to_owned(),
        tags: read_tags(instance.tag_list()),
        settings: read_instance_settings(instance),
        cluster,
    })
}

fn read_instance_settings(instance: &DbInstance) -> InstanceSettings {
    let owned = |value: Option<&str>| value.filter(|text| !text.is_empty()).map(str::to_owned);
    let insights = instance.performance_insights_enabled().unwrap_or(false);
    let group = instance.db_parameter_groups().first();
    InstanceSettings {
        class: instance.db_instance_class().unwrap_or_default().to_owned(),
        parameter_group: group.and_then(|group| owned(group.db_parameter_group_name())),
        performance_insights: insights,
        performance_insights_retention: instance.performance_insights_retention_period().filter(|_| insights),
        performance_insights_key: owned(instance.performance_insights_kms_key_id()).filter(|_| insights),
        monitoring_interval: instance.monitoring_interval().unwrap_or(0),
        monitoring_role: owned(instance.monitoring_role_arn()),
    }
}

fn read_time(time: &aws_sdk_rds::primitives::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.secs(), time.subsec_nanos())
}

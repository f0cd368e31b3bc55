//! Clusters and instances as XML, with the names of AWS's model.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::identifiers::Place;
use super::restore::latest_restorable;
use super::state::{Cluster, Encryption, Instance, State};
use crate::query::Xml;

const HOSTED_ZONE: &str = "Z29XKXDKYMONMX";

/// The answer of an operation that returns one cluster.
pub(super) fn one_cluster(place: &Place, state: &State, shown: &Cluster, now: DateTime<Utc>) -> Xml {
    let mut xml = Xml::default();
    xml.element("DBCluster", |xml| cluster(xml, place, state, shown, now));
    xml
}

/// The answer of an operation that returns one instance.
pub(super) fn one_instance(place: &Place, of: &Cluster, shown: &Instance) -> Xml {
    let mut xml = Xml::default();
    xml.element("DBInstance", |xml| instance(xml, place, of, shown));
    xml
}

/// `TagList`.
pub(super) fn tags(xml: &mut Xml, tags: &BTreeMap<String, String>) {
    xml.element("TagList", |xml| {
        for (key, value) in tags {
            xml.element("Tag", |xml| {
                xml.text("Key", key).text("Value", value);
            });
        }
    });
}

pub(super) fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// What stands inside `<DBCluster>`.
pub(super) fn cluster(xml: &mut Xml, place: &Place, state: &State, cluster: &Cluster, now: DateTime<Utc>) {
    let id = cluster.id.as_str();
    xml.text("AllocatedStorage", 1)
        .element("AvailabilityZones", |xml| {
            for zone in place.zones() {
                xml.text("AvailabilityZone", zone);
            }
        })
        .text("BackupRetentionPeriod", cluster.backup_retention)
        .optional("DatabaseName", cluster.database_name.as_ref())
        .text("DBClusterIdentifier", id)
        .text("DBClusterParameterGroup", &cluster.parameter_group)
        .text("DBSubnetGroup", &cluster.subnet_group)
        .text("Status", &cluster.status)
        .text("EarliestRestorableTime", time(cluster.truth.created_at))
        .text("LatestRestorableTime", time(latest_restorable(cluster, now)))
        .text("Endpoint", place.endpoint(id, "cluster-"))
        .text("ReaderEndpoint", place.endpoint(id, "cluster-ro-"))
        .text("MultiAZ", state.members(id).count() > 1)
        .text("Engine", &cluster.engine)
        .text("EngineVersion", &cluster.engine_version)
        .text("Port", cluster.port)
        .text("MasterUsername", &cluster.master_username)
        .text("PreferredBackupWindow", &cluster.backup_window)
        .text("PreferredMaintenanceWindow", &cluster.maintenance_window)
        .element("ReadReplicaIdentifiers", |_| {})
        .element("DBClusterMembers", |xml| {
            for member in state.members(id) {
                xml.element("DBClusterMember", |xml| {
                    xml.text("DBInstanceIdentifier", &member.id)
                        .text("IsClusterWriter", member.writer)
                        .text("DBClusterParameterGroupStatus", "in-sync")
                        .text("PromotionTier", member.promotion_tier);
                });
            }
        });
    security_groups(xml, cluster);
    xml.text("HostedZoneId", HOSTED_ZONE)
        .text("StorageEncrypted", cluster.encryption == Encryption::Kms)
        .text("StorageEncryptionType", encryption_type(cluster))
        .optional("KmsKeyId", cluster.kms_key.as_ref())
        .text("DbClusterResourceId", &cluster.resource_id)
        .text("DBClusterArn", &cluster.arn)
        .element("AssociatedRoles", |xml| {
            for role in &cluster.roles {
                xml.element("DBClusterRole", |xml| {
                    xml.text("RoleArn", &role.arn)
                        .text("Status", &role.status)
                        .optional("FeatureName", role.feature.as_ref());
                });
            }
        })
        .text("IAMDatabaseAuthenticationEnabled", cluster.iam_auth)
        .optional("CloneGroupId", cluster.clone_group.as_ref())
        .text("ClusterCreateTime", time(cluster.truth.created_at));
    if cluster.engine == "aurora-mysql" {
        xml.text("BacktrackWindow", cluster.backtrack_window);
    }
    logs(xml, &cluster.log_exports);
    pending(xml, cluster);
    xml.text("EngineMode", "provisioned");
    // AWS leaves it out for Standard storage.
    xml.optional("StorageType", Some(&cluster.storage_type).filter(|kind| *kind != "aurora"))
        .text("AutoMinorVersionUpgrade", true)
        .text("DeletionProtection", cluster.deletion_protection)
        .text("HttpEndpointEnabled", false)
        .text("ActivityStreamStatus", "stopped")
        .text("CopyTagsToSnapshot", cluster.copy_tags_to_snapshot)
        .text("CrossAccountClone", false)
        .element("DomainMemberships", |_| {});
    tags(xml, &cluster.tags);
    xml.text("NetworkType", &cluster.network_type);
    if let Some(scaling) = &cluster.scaling {
        xml.element("ServerlessV2ScalingConfiguration", |xml| {
            xml.text("MinCapacity", format!("{:.1}", scaling.min))
                .text("MaxCapacity", format!("{:.1}", scaling.max))
                .optional("SecondsUntilAutoPause", scaling.pause_after);
        });
    }
    xml.text("DatabaseInsightsMode", "standard");
    if let Some(secret) = cluster.managed_secret.as_ref().or(cluster.inherited_secret.as_ref()) {
        xml.element("MasterUserSecret", |xml| {
            xml.text("SecretArn", &secret.arn)
                .text("SecretStatus", &secret.status)
                .text("KmsKeyId", &secret.kms_key);
        });
    }
    xml.text("LocalWriteForwardingStatus", "disabled")
        .text("EngineLifecycleSupport", &cluster.lifecycle_support);
}

/// `PendingModifiedValues` of a cluster, if a change waits.
fn pending(xml: &mut Xml, cluster: &Cluster) {
    if cluster.pending_password.is_none() && cluster.pending_log_exports.is_none() {
        return;
    }
    xml.element("PendingModifiedValues", |xml| {
        if let Some(then) = &cluster.pending_log_exports {
            let now = &cluster.log_exports;
            xml.element("PendingCloudwatchLogsExports", |xml| {
                log_types(xml, "LogTypesToEnable", then.iter().filter(|log| !now.contains(log)));
                log_types(xml, "LogTypesToDisable", now.iter().filter(|log| !then.contains(log)));
            });
        }
        xml.optional("MasterUserPassword", cluster.pending_password.as_ref().map(|_| "****"));
    });
}

/// What stands inside `<DBInstance>`.
pub(super) fn instance(xml: &mut Xml, place: &Place, cluster: &Cluster, instance: &Instance) {
    xml.text("DBInstanceIdentifier", &instance.id)
        .text("DBInstanceClass", &instance.class)
        .text("Engine", &cluster.engine)
        .text("DBInstanceStatus", &instance.status)
        .text("MasterUsername", &cluster.master_username)
        .optional("DBName", cluster.database_name.as_ref());
    if instance.status != "creating" {
        xml.element("Endpoint", |xml| {
            xml.text("Address", place.endpoint(&instance.id, ""))
                .text("Port", cluster.port)
                .text("HostedZoneId", HOSTED_ZONE);
        });
    }
    xml.text("AllocatedStorage", 1)
        .text("InstanceCreateTime", time(instance.created_at))
        .text("PreferredBackupWindow", &cluster.backup_window)
        .text("BackupRetentionPeriod", cluster.backup_retention)
        .element("DBSecurityGroups", |_| {});
    security_groups(xml, cluster);
    xml.element("DBParameterGroups", |xml| {
        xml.element("DBParameterGroup", |xml| {
            xml.text("DBParameterGroupName", &instance.parameter_group).text(
                "ParameterApplyStatus",
                instance.parameter_apply_status.as_deref().unwrap_or("in-sync"),
            );
        });
    })
    .text("AvailabilityZone", &instance.zone)
    .element("DBSubnetGroup", |xml| subnet_group(xml, place, &cluster.subnet_group, &place.zones()))
    .text("PreferredMaintenanceWindow", &instance.maintenance_window)
    .element("PendingModifiedValues", |xml| {
        xml.optional("DBInstanceClass", instance.pending_class.as_ref());
    })
    .text("MultiAZ", false)
    .text("EngineVersion", &cluster.engine_version)
    .text("AutoMinorVersionUpgrade", instance.auto_minor_version_upgrade)
    .element("ReadReplicaDBInstanceIdentifiers", |_| {})
    .text("LicenseModel", license(cluster))
    .text("PubliclyAccessible", instance.publicly_accessible)
    .text("StorageType", &cluster.storage_type)
    .text("StorageEncryptionType", encryption_type(cluster))
    .text("DbInstancePort", 0)
    .text("DBClusterIdentifier", &cluster.id)
    .text("StorageEncrypted", cluster.encryption == Encryption::Kms)
    .optional("KmsKeyId", cluster.kms_key.as_ref())
    .text("DbiResourceId", &instance.resource_id)
    .text("CACertificateIdentifier", "rds-ca-rsa2048-g1")
    .element("DomainMemberships", |_| {})
    .text("CopyTagsToSnapshot", false)
    .text("MonitoringInterval", instance.monitoring_interval)
    .optional("MonitoringRoleArn", instance.monitoring_role.as_ref())
    .text("PromotionTier", instance.promotion_tier)
    .text("DBInstanceArn", &instance.arn)
    .text("IAMDatabaseAuthenticationEnabled", cluster.iam_auth)
    .text("PerformanceInsightsEnabled", instance.performance_insights);
    if instance.performance_insights {
        xml.optional("PerformanceInsightsKMSKeyId", instance.performance_insights_key.as_ref())
            .optional("PerformanceInsightsRetentionPeriod", instance.performance_insights_retention);
    }
    logs(xml, &cluster.log_exports);
    xml.text("DeletionProtection", false).element("AssociatedRoles", |_| {});
    tags(xml, &instance.tags);
    xml.text("NetworkType", &cluster.network_type)
        .text("BackupTarget", "region")
        .text("EngineLifecycleSupport", &cluster.lifecycle_support);
}

fn security_groups(xml: &mut Xml, cluster: &Cluster) {
    xml.element("VpcSecurityGroups", |xml| {
        for group in &cluster.security_groups {
            xml.element("VpcSecurityGroupMembership", |xml| {
                xml.text("VpcSecurityGroupId", group).text("Status", "active");
            });
        }
    });
}

/// A subnet group with a subnet in each of these zones.
pub(super) fn subnet_group(xml: &mut Xml, place: &Place, name: &str, zones: &[String]) {
    xml.text("DBSubnetGroupName", name)
        .text("DBSubnetGroupDescription", name)
        .text("VpcId", "vpc-00000000")
        .text("SubnetGroupStatus", "Complete")
        .element("Subnets", |xml| {
            for zone in zones {
                xml.element("Subnet", |xml| {
                    xml.text("SubnetIdentifier", format!("subnet-{zone}"))
                        .element("SubnetAvailabilityZone", |xml| {
                            xml.text("Name", zone);
                        })
                        .text("SubnetStatus", "Active");
                });
            }
        })
        .text("DBSubnetGroupArn", place.arn("subgrp", name));
}

fn logs(xml: &mut Xml, logs: &[String]) {
    log_types(xml, "EnabledCloudwatchLogsExports", logs.iter());
}

/// A list of log types, unless it is empty.
fn log_types<'a>(xml: &mut Xml, name: &str, logs: impl Iterator<Item = &'a String>) {
    let mut logs = logs.peekable();
    if logs.peek().is_none() {
        return;
    }
    xml.element(name, |xml| {
        for log in logs {
            xml.text("member", log);
        }
    });
}

/// `LicenseModel`.
pub(super) fn license(cluster: &Cluster) -> &'static str {
    if cluster.engine == "aurora-mysql" { "general-public-license" } else { "postgresql-license" }
}

pub(super) fn encryption_type(cluster: &Cluster) -> &'static str {
    match cluster.encryption {
        Encryption::None => "none",
        Encryption::AwsOwned => "sse-rds",
        Encryption::Kms => "sse-kms",
    }
}

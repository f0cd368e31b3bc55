//! Snapshots of clusters: taken of a root, restored as a copy of the pool, and deleted when the copy is there.

use aurora_clone_core::guard::OwnedSnapshot;
use aurora_clone_core::plan::FromSnapshot;
use aurora_clone_core::tags::Tags;

use super::{Outcome, capacity, judge, modify, tags};
use crate::cloud::{CallError, Cloud};
use crate::observe;

/// States that pass.
const BUSY: [&str; 3] =
    ["InvalidDBClusterStateFault", "InvalidDBClusterSnapshotStateFault", "InvalidDBSnapshotState"];

/// Takes a snapshot of a cluster.
pub async fn create(
    cloud: &Cloud,
    identifier: &str,
    cluster: &str,
    given: &Tags,
) -> Result<Outcome, CallError> {
    let call = cloud
        .rds
        .create_db_cluster_snapshot()
        .db_cluster_snapshot_identifier(identifier)
        .db_cluster_identifier(cluster)
        .set_tags(Some(tags(given)));
    match call.send().await.map_err(|error| CallError::new("CreateDBClusterSnapshot", error)) {
        Ok(_) => Ok(Outcome::Done),
        // Ours from an earlier attempt, or somebody else's: the next look tells.
        Err(error) if error.is("DBClusterSnapshotAlreadyExistsFault") => Ok(Outcome::Done),
        Err(error) => judge(error, &BUSY),
    }
}

/// Restores a snapshot as a new cluster, which has a volume and, once it is cloned, a clone group of its own.
pub async fn restore(cloud: &Cloud, new: &FromSnapshot) -> Result<Outcome, CallError> {
    let settings = &new.restore.settings;
    let call = cloud
        .rds
        .restore_db_cluster_from_snapshot()
        .db_cluster_identifier(&new.restore.identifier)
        .snapshot_identifier(&new.snapshot)
        .engine(&new.engine)
        .set_tags(Some(tags(&new.restore.tags)))
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
    match call.send().await.map_err(|error| CallError::new("RestoreDBClusterFromSnapshot", error)) {
        Ok(_) => Ok(Outcome::Done),
        // Ours from an earlier attempt, or somebody else's: the next look tells.
        Err(error) if error.is("DBClusterAlreadyExistsFault") => Ok(Outcome::Done),
        Err(error) => judge(error, &BUSY),
    }
}

/// Deletes a snapshot, if a fresh look finds the one that was proved ours.
pub async fn delete(cloud: &Cloud, owned: &OwnedSnapshot) -> Result<Outcome, CallError> {
    match observe::cluster_snapshot(cloud, owned.identifier()).await? {
        None => return Ok(Outcome::Done),
        Some(found) if owned.is(&found) => {}
        Some(_) => {
            let why = format!("{} is another snapshot than a moment ago", owned.identifier());
            return Ok(Outcome::NotYet(why));
        }
    }
    let call = cloud.rds.delete_db_cluster_snapshot().db_cluster_snapshot_identifier(owned.identifier());
    match call.send().await.map_err(|error| CallError::new("DeleteDBClusterSnapshot", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) if error.is("DBClusterSnapshotNotFoundFault") => Ok(Outcome::Done),
        // What is gone has no tag that gives the right to delete it, so a repeated deletion may be a denial.
        Err(error)
            if error.is("AccessDenied")
                && observe::cluster_snapshot(cloud, owned.identifier()).await?.is_none() =>
        {
            Ok(Outcome::Done)
        }
        Err(error) => judge(error, &BUSY),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aurora_clone_core::guard::prove_snapshot;
    use aurora_clone_core::names::{env, tag};
    use aurora_clone_core::plan::Restore;
    use aurora_clone_core::settings::Settings;
    use aurora_clone_core::snapshot::{AssociatedRole, ClusterSettings};
    use aurora_clone_core::tags::RestoreType;

    use super::*;
    use crate::fake;

    const CREATED: &str =
        "<CreateDBClusterSnapshotResponse><CreateDBClusterSnapshotResult/></CreateDBClusterSnapshotResponse>";
    const RESTORED: &str = "<RestoreDBClusterFromSnapshotResponse><RestoreDBClusterFromSnapshotResult/></RestoreDBClusterFromSnapshotResponse>";
    const DELETED: &str =
        "<DeleteDBClusterSnapshotResponse><DeleteDBClusterSnapshotResult/></DeleteDBClusterSnapshotResponse>";

    fn ours() -> Tags {
        let tags = [(tag::MANAGER, "manager"), (tag::ROLE, "copy"), (tag::CLUSTER, "clone-pool-1")];
        tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[tokio::test]
    async fn a_snapshot_is_taken_with_its_tags() {
        let (cloud, wire) = fake::cloud();
        let tags = ours();
        let take = || create(&cloud, "clone-pool-1-source", "prod", &tags);
        wire.answer(200, CREATED);
        assert_eq!(take().await, Ok(Outcome::Done));
        let sent = wire.sent();
        for words in [
            "Action=CreateDBClusterSnapshot&",
            "DBClusterSnapshotIdentifier=clone-pool-1-source",
            "DBClusterIdentifier=prod",
            "Tags.Tag.2.Key=aurora-clone%3Amanager&Tags.Tag.2.Value=manager",
        ] {
            assert!(sent[0].contains(words), "{words} in {sent:?}");
        }
        wire.refuse("DBClusterSnapshotAlreadyExistsFault");
        assert_eq!(take().await, Ok(Outcome::Done));
        for code in BUSY {
            wire.refuse(code);
            assert!(matches!(take().await, Ok(Outcome::NotYet(_))), "{code}");
        }
        for code in ["SnapshotQuotaExceeded", "DBClusterNotFoundFault"] {
            wire.refuse(code);
            assert!(matches!(take().await, Ok(Outcome::Refused(why)) if why.contains(code)), "{code}");
        }
    }

    #[tokio::test]
    async fn a_snapshot_is_restored_with_everything_given() {
        let (cloud, wire) = fake::cloud();
        let text = |text: &str| Some(text.to_owned());
        let new = FromSnapshot {
            restore: Restore {
                identifier: "clone-pool-1".to_owned(),
                source: "prod".to_owned(),
                restore_type: RestoreType::FullCopy,
                tags: ours(),
                settings: ClusterSettings {
                    subnet_group: text("data"),
                    security_groups: vec!["sg-1".to_owned()],
                    parameter_group: text("params"),
                    port: Some(5433),
                    storage_type: text("aurora"),
                    iam_authentication: true,
                    network_type: text("IPV4"),
                    log_exports: vec!["postgresql".to_owned()],
                    roles: vec![AssociatedRole { role: "arn:role".to_owned(), feature: None }],
                    backup_retention: Some(1),
                    ..ClusterSettings::default()
                },
            },
            snapshot: "clone-pool-1-source".to_owned(),
            engine: "aurora-postgresql".to_owned(),
        };
        wire.answer(200, RESTORED);
        assert_eq!(restore(&cloud, &new).await, Ok(Outcome::Done));
        let sent = wire.sent();
        let given: BTreeMap<&str, &str> =
            sent[0].split('&').filter_map(|pair| pair.split_once('=')).collect();
        for (name, value) in [
            ("Action", "RestoreDBClusterFromSnapshot"),
            ("DBClusterIdentifier", "clone-pool-1"),
            ("SnapshotIdentifier", "clone-pool-1-source"),
            ("Engine", "aurora-postgresql"),
            ("DBSubnetGroupName", "data"),
            ("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-1"),
            ("DBClusterParameterGroupName", "params"),
            ("Port", "5433"),
            ("StorageType", "aurora"),
            ("EnableIAMDatabaseAuthentication", "true"),
            ("NetworkType", "IPV4"),
            ("EnableCloudwatchLogsExports.member.1", "postgresql"),
            ("DeletionProtection", "false"),
            ("CopyTagsToSnapshot", "false"),
            ("BackupRetentionPeriod", "1"),
            ("Tags.Tag.1.Key", "aurora-clone%3Acluster"),
        ] {
            assert_eq!(given.get(name), Some(&value), "{name} in {sent:?}");
        }
        assert!(sent[0].contains("arn%3Arole") && !given.contains_key("RestoreType"));
        wire.refuse("DBClusterAlreadyExistsFault");
        assert_eq!(restore(&cloud, &new).await, Ok(Outcome::Done));
        for code in BUSY {
            wire.refuse(code);
            assert!(matches!(restore(&cloud, &new).await, Ok(Outcome::NotYet(_))), "{code}");
        }
        wire.refuse("DBClusterQuotaExceededFault");
        assert!(matches!(restore(&cloud, &new).await, Ok(Outcome::Refused(_))));
    }

    #[tokio::test]
    async fn only_the_snapshot_that_was_proved_is_deleted() {
        let (cloud, wire) = fake::cloud();
        let listed = |at: &str, about: &str| {
            let tags = ours().into_iter().map(|(key, value)| {
                let value = if key == tag::CLUSTER { about } else { value.as_str() }.to_owned();
                format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>")
            });
            format!(
                "<DescribeDBClusterSnapshotsResponse><DescribeDBClusterSnapshotsResult><DBClusterSnapshots>\
                 <DBClusterSnapshot><DBClusterSnapshotIdentifier>clone-pool-1-source</DBClusterSnapshotIdentifier>\
                 <DBClusterSnapshotArn>arn</DBClusterSnapshotArn><SnapshotCreateTime>{at}</SnapshotCreateTime>\
                 <TagList>{}</TagList></DBClusterSnapshot></DBClusterSnapshots></DescribeDBClusterSnapshotsResult>\
                 </DescribeDBClusterSnapshotsResponse>",
                tags.collect::<String>()
            )
        };
        let (then, later) = ("2026-06-20T00:00:00Z", "2026-06-20T01:00:00Z");
        let settings = Settings::read(|name| (name == env::MANAGER).then(|| "manager".to_owned()));
        let settings = settings.expect("settings");
        wire.answer(200, &listed(then, "clone-pool-1"));
        let found = observe::cluster_snapshot(&cloud, "clone-pool-1-source").await.expect("a look");
        let owned = prove_snapshot(&found.expect("a snapshot"), &settings).expect("ours");
        wire.sent();

        wire.answer(200, &listed(then, "clone-pool-1"));
        wire.answer(200, DELETED);
        assert_eq!(delete(&cloud, &owned).await, Ok(Outcome::Done));
        let sent = wire.sent();
        let words = "Action=DeleteDBClusterSnapshot&Version=2014-10-31&DBClusterSnapshotIdentifier=clone-pool-1-source";
        assert_eq!((sent.len(), sent[1].as_str()), (2, words));
        for another in [listed(later, "clone-pool-1"), listed(then, "clone-pool-2")] {
            wire.answer(200, &another);
            assert!(matches!(delete(&cloud, &owned).await, Ok(Outcome::NotYet(_))));
            assert_eq!(wire.sent().len(), 1);
        }
        wire.refuse("DBClusterSnapshotNotFoundFault");
        assert_eq!(delete(&cloud, &owned).await, Ok(Outcome::Done));
        wire.answer(200, &listed(then, "clone-pool-1"));
        wire.refuse("DBClusterSnapshotNotFoundFault");
        assert_eq!(delete(&cloud, &owned).await, Ok(Outcome::Done));
        wire.answer(200, &listed(then, "clone-pool-1"));
        wire.refuse("InvalidDBClusterSnapshotStateFault");
        assert!(matches!(delete(&cloud, &owned).await, Ok(Outcome::NotYet(_))));
        wire.refuse("AccessDenied");
        assert!(delete(&cloud, &owned).await.is_err());
    }
}

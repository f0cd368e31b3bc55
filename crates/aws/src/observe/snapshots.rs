//! Snapshots of clusters: those that the pool's copies are restored from, and those that a deletion leaves.

use aurora_clone_core::snapshot::{ClusterSnapshot, Status};
use aws_sdk_rds::types::DbClusterSnapshot;
use std::collections::BTreeMap;

use super::{PAGE, Pages, read_tags, read_time};
use crate::cloud::{CallError, Cloud};

/// Every manual snapshot of one cluster, in the order of their identifiers.
pub async fn cluster_snapshots(cloud: &Cloud, cluster: &str) -> Result<Vec<ClusterSnapshot>, CallError> {
    let mut snapshots = BTreeMap::new();
    let mut pages = Pages::new("DescribeDBClusterSnapshots");
    loop {
        let page = cloud
            .rds
            .describe_db_cluster_snapshots()
            .db_cluster_identifier(cluster)
            .snapshot_type("manual")
            .max_records(PAGE)
            .set_marker(pages.marker.clone())
            .send()
            .await
            .map_err(|error| CallError::new("DescribeDBClusterSnapshots", error))?;
        for snapshot in page.db_cluster_snapshots() {
            let snapshot = read_snapshot(snapshot)?;
            snapshots.insert(snapshot.identifier.clone(), snapshot);
        }
        if !pages.next(page.marker())? {
            return Ok(snapshots.into_values().collect());
        }
    }
}

/// One snapshot by its identifier.
pub async fn cluster_snapshot(cloud: &Cloud, identifier: &str) -> Result<Option<ClusterSnapshot>, CallError> {
    let call = cloud.rds.describe_db_cluster_snapshots().db_cluster_snapshot_identifier(identifier);
    match call.send().await.map_err(|error| CallError::new("DescribeDBClusterSnapshots", error)) {
        Ok(found) => found.db_cluster_snapshots().first().map(read_snapshot).transpose(),
        Err(error) if error.is("DBClusterSnapshotNotFoundFault") => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_snapshot(snapshot: &DbClusterSnapshot) -> Result<ClusterSnapshot, CallError> {
    let missing = |what: &str| {
        CallError::nonsense("DescribeDBClusterSnapshots", format!("a snapshot without {what} was listed"))
    };
    let owned = |value: Option<&str>| value.map(str::to_owned);
    Ok(ClusterSnapshot {
        identifier: owned(snapshot.db_cluster_snapshot_identifier())
            .ok_or_else(|| missing("DBClusterSnapshotIdentifier"))?,
        arn: owned(snapshot.db_cluster_snapshot_arn()).ok_or_else(|| missing("DBClusterSnapshotArn"))?,
        cluster: owned(snapshot.db_cluster_identifier()),
        status: Status(owned(snapshot.status()).unwrap_or_default()),
        created_at: snapshot.snapshot_create_time().and_then(read_time),
        tags: read_tags(snapshot.tag_list()),
    })
}

#[cfg(test)]
mod tests {
    use super::{cluster_snapshot, cluster_snapshots};
    use crate::fake;

    fn snapshot(id: &str) -> String {
        format!(
            "<DBClusterSnapshot><DBClusterSnapshotIdentifier>{id}</DBClusterSnapshotIdentifier>\
             <DBClusterSnapshotArn>arn:{id}</DBClusterSnapshotArn><Status>available</Status>\
             <DBClusterIdentifier>prod</DBClusterIdentifier>\
             <SnapshotCreateTime>2026-06-20T00:00:00Z</SnapshotCreateTime>\
             <TagList><Tag><Key>k</Key><Value>v</Value></Tag></TagList></DBClusterSnapshot>"
        )
    }

    fn page(marker: &str, snapshots: &[&str]) -> String {
        format!(
            "<R><DescribeDBClusterSnapshotsResult><Marker>{marker}</Marker><DBClusterSnapshots>{}</DBClusterSnapshots>\
             </DescribeDBClusterSnapshotsResult></R>",
            snapshots.iter().map(|id| snapshot(id)).collect::<String>()
        )
        .replace("R>", "DescribeDBClusterSnapshotsResponse>")
    }

    #[tokio::test]
    async fn all_pages_or_an_error() {
        let (cloud, wire) = fake::cloud();
        wire.answer(200, &page("more", &["b", "c"]));
        wire.answer(200, &page("", &["a", "b"]));
        let found = cluster_snapshots(&cloud, "prod").await.expect("two pages");
        assert_eq!(found.iter().map(|s| s.identifier.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        let first = &found[0];
        assert_eq!((first.arn.as_str(), first.cluster.as_deref()), ("arn:a", Some("prod")));
        assert!(first.status.is_ready() && first.tags["k"] == "v");
        assert_eq!(first.created_at.map(|at| at.to_rfc3339()).as_deref(), Some("2026-06-20T00:00:00+00:00"));
        let sent = wire.sent();
        for words in ["DBClusterIdentifier=prod", "SnapshotType=manual"] {
            assert!(sent.iter().all(|body| body.contains(words)), "{sent:?}");
        }
        assert!(!sent[0].contains("Marker=") && sent[1].contains("Marker=more"));
        wire.answer(200, &page("more", &["a"]));
        wire.answer(200, &page("more", &["a"]));
        assert!(
            cluster_snapshots(&cloud, "prod").await.expect_err("endless").message.contains("does not end")
        );
        wire.answer(200, &page("more", &["a"]));
        wire.refuse("AccessDenied");
        assert!(cluster_snapshots(&cloud, "prod").await.expect_err("denied").is("AccessDenied"));
    }

    #[tokio::test]
    async fn one_snapshot_or_none() {
        let (cloud, wire) = fake::cloud();
        wire.answer(200, &page("", &["a"]));
        assert!(cluster_snapshot(&cloud, "a").await.expect("a look").is_some());
        wire.refuse("DBClusterSnapshotNotFoundFault");
        assert_eq!(cluster_snapshot(&cloud, "a").await, Ok(None));
        wire.refuse("AccessDenied");
        assert!(cluster_snapshot(&cloud, "a").await.is_err());
    }
}

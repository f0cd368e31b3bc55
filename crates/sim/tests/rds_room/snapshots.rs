use aurora_clone_sim::rds::{SeedCluster, SeedSnapshot, Settings};
use chrono::Duration;

use crate::room::{MANAGER, Room, STRANGER, element, elements, seed, settings};

const DELETE: &str = "DeleteDBCluster";
const DESCRIBE: &str = "DescribeDBClusterSnapshots";
const ID: (&str, &str) = ("DBClusterIdentifier", "prod");
const NAME: (&str, &str) = ("FinalDBSnapshotIdentifier", "Last-Of-Prod");
const BY_NAME: (&str, &str) = ("DBClusterSnapshotIdentifier", "last-of-prod");
const ARN: &str = "arn:aws:rds:eu-west-1:123456789012:cluster-snapshot:last-of-prod";

fn empty(id: &str) -> SeedCluster {
    let tags = [("team".to_owned(), "shop".to_owned())];
    SeedCluster { instances: 0, tags: tags.into(), ..seed(id) }
}

fn seeded(room: &mut Room, id: &str, cluster: &str, kind: &str) {
    room.world.rds.seed_snapshot(SeedSnapshot {
        id: id.into(),
        cluster: cluster.into(),
        kind: kind.into(),
        ..SeedSnapshot::default()
    });
}

#[test]
fn a_final_snapshot_is_made_and_stays() {
    for copies_tags in [false, true] {
        let mut room = Room::new();
        room.world.rds.seed_cluster(SeedCluster { copy_tags_to_snapshot: copies_tags, ..empty("prod") });
        room.ok_as(STRANGER, DELETE, &[ID, NAME]);
        let shown = room.ok(DESCRIBE, &[BY_NAME]);
        for (name, value) in [
            ("DBClusterSnapshotIdentifier", "last-of-prod"),
            ("DBClusterSnapshotArn", ARN),
            ("DBClusterIdentifier", "prod"),
            ("Status", "creating"),
            ("SnapshotType", "manual"),
            ("PercentProgress", "0"),
            ("Key", if copies_tags { "team" } else { "" }),
        ] {
            assert_eq!(element(&shown, name), value, "{name}");
        }
        room.wait(Duration::seconds(59));
        assert_eq!(room.world.rds.snapshots().next().unwrap().status, "creating");
        // The cluster is not gone before its snapshot is there.
        while room.status("prod") != "gone" {
            room.wait(Duration::seconds(1));
        }
        let shown = room.ok(DESCRIBE, &[("DBClusterSnapshotIdentifier", ARN)]);
        assert_eq!(
            (element(&shown, "Status"), element(&shown, "PercentProgress")),
            ("available".into(), "100".into())
        );
        assert_eq!(elements(&room.ok(DESCRIBE, &[ID]), "DBClusterSnapshotArn"), [ARN]);
    }
}

#[test]
fn a_final_snapshots_name_is_free_and_within_the_quota() {
    let mut room = Room::with(Settings { snapshot_quota: 1, ..settings() });
    room.world.rds.seed_cluster(empty("prod"));
    seeded(&mut room, "auto", "prod", "automated");
    seeded(&mut room, "last-of-prod", "prod", "manual");
    room.refused(400, "DBClusterSnapshotAlreadyExistsFault", DELETE, &[ID, NAME]);
    room.refused(400, "SnapshotQuotaExceeded", DELETE, &[ID, ("FinalDBSnapshotIdentifier", "another")]);
    let long = "x".repeat(256);
    for bad in ["", "1st", "a--b", "end-", long.as_str()] {
        room.refused(400, "InvalidParameterValue", DELETE, &[ID, ("FinalDBSnapshotIdentifier", bad)]);
    }
    assert_eq!(room.status("prod"), "available");
    assert_eq!(Settings::default().snapshot_quota, 100);
    let mut room = Room::new();
    room.world.rds.seed_cluster(empty("prod"));
    room.ok_as(STRANGER, DELETE, &[ID, ("FinalDBSnapshotIdentifier", &long[1..])]);
}

#[test]
fn snapshots_are_found() {
    let mut room = Room::new();
    for id in ["prod", "shop"] {
        room.world.rds.seed_cluster(empty(id));
        seeded(&mut room, &format!("{id}-auto"), id, "automated");
        seeded(&mut room, &format!("{id}-manual"), id, "manual");
    }
    let resource = room.world.rds.cluster("shop").unwrap().resource_id.clone();
    let filter =
        |name, value| vec![("Filters.Filter.1.Name", name), ("Filters.Filter.1.Values.Value.1", value)];
    for (parameters, found) in [
        (vec![], vec!["prod-auto", "prod-manual", "shop-auto", "shop-manual"]),
        (vec![("SnapshotType", "manual")], vec!["prod-manual", "shop-manual"]),
        (vec![("SnapshotType", "shared"), ("IncludeShared", "true")], vec![]),
        (vec![ID], vec!["prod-auto", "prod-manual"]),
        (vec![ID, ("SnapshotType", "automated")], vec!["prod-auto"]),
        (vec![("DBClusterIdentifier", "nothing")], vec![]),
        (vec![("DBClusterSnapshotIdentifier", "SHOP-MANUAL")], vec!["shop-manual"]),
        (vec![("DbClusterResourceId", resource.as_str())], vec!["shop-auto", "shop-manual"]),
        (filter("db-cluster-id", "shop"), vec!["shop-auto", "shop-manual"]),
        (filter("db-cluster-snapshot-id", "shop-auto"), vec!["shop-auto"]),
        (filter("snapshot-type", "automated"), vec!["prod-auto", "shop-auto"]),
        (filter("engine", "aurora-mysql"), vec![]),
    ] {
        let shown = room.ok(DESCRIBE, &parameters);
        assert_eq!(elements(&shown, "DBClusterSnapshotIdentifier"), found, "{parameters:?}");
    }
    for (status, code, parameters) in [
        (404, "DBClusterSnapshotNotFoundFault", vec![BY_NAME]),
        (
            404,
            "DBClusterSnapshotNotFoundFault",
            vec![("DBClusterSnapshotIdentifier", "shop-auto"), ("SnapshotType", "manual")],
        ),
        (400, "InvalidParameterCombination", vec![ID, BY_NAME]),
        (400, "InvalidParameterCombination", vec![("Wheels", "4")]),
        (400, "InvalidParameterValue", vec![("SnapshotType", "final")]),
        (400, "InvalidParameterValue", vec![("MaxRecords", "19")]),
        (400, "InvalidParameterValue", filter("domain", "x")),
    ] {
        room.refused(status, code, DESCRIBE, &parameters);
    }
    for number in 0..30 {
        seeded(&mut room, &format!("z{number:02}"), "prod", "manual");
    }
    let page = room.ok(DESCRIBE, &[("MaxRecords", "20")]);
    assert_eq!(elements(&page, "SnapshotType").len(), 20);
    let rest = room.ok(DESCRIBE, &[("MaxRecords", "20"), ("Marker", &element(&page, "Marker"))]);
    assert_eq!((elements(&rest, "SnapshotType").len(), element(&rest, "Marker")), (14, String::new()));
}

#[test]
fn a_stale_read_misses_a_new_snapshot() {
    let mut room = Room::new();
    room.world.rds.seed_cluster(SeedCluster { created_by: MANAGER.into(), ..empty("prod") });
    room.wait(Duration::minutes(1));
    room.ok(DELETE, &[ID, NAME]);
    let old = room.stale(Duration::seconds(30), DESCRIBE, &[BY_NAME]);
    assert_eq!(old.status, 404);
    assert!(room.world.violations.is_empty());
    assert_eq!(room.world.rds.snapshots().next().unwrap().created_by, MANAGER);
}

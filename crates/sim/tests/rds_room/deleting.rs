use aurora_clone_sim::rds::{Choice, SeedCluster, Settings};
use chrono::Duration;

use crate::room::{Room, STRANGER, element, elements, seed, settings};

const CLUSTER: &str = "DeleteDBCluster";
const INSTANCE: &str = "DeleteDBInstance";
const ID: (&str, &str) = ("DBClusterIdentifier", "prod");
const SKIP: (&str, &str) = ("SkipFinalSnapshot", "true");
const MEMBER: (&str, &str) = ("DBInstanceIdentifier", "prod-1");

#[test]
fn instances_go_first_and_the_cluster_waits_for_them() {
    let mut room = Room::with_prod();
    let message = room.refused(400, "InvalidDBClusterStateFault", CLUSTER, &[ID, SKIP]);
    assert_eq!(message, "Cluster cannot be deleted, it still contains DB instances in non-deleting state.");
    let made = room.ok_as(STRANGER, INSTANCE, &[MEMBER, SKIP]);
    assert_eq!(element(&made, "DBInstanceStatus"), "deleting");
    let made = room.ok_as(STRANGER, CLUSTER, &[ID, SKIP]);
    assert_eq!(element(&made, "Status"), "deleting");
    assert_eq!(elements(&made, "DBClusterMember").len(), 1);
    room.wait(Duration::seconds(119));
    assert_eq!((room.instance_status("prod-1"), room.status("prod")), ("deleting", "deleting"));
    let mut times = (None, None);
    for second in 120..=400 {
        room.wait(Duration::seconds(1));
        if room.instance_status("prod-1") == "gone" {
            times.0.get_or_insert(second);
        }
        if room.status("prod") == "gone" {
            times.1.get_or_insert(second);
        }
    }
    let (instance, cluster) = (times.0.unwrap(), times.1.unwrap());
    assert!(instance <= 240 && (60..=120).contains(&(cluster - instance)), "{instance} {cluster}");
    room.refused(404, "DBClusterNotFoundFault", CLUSTER, &[ID, SKIP]);
    room.refused(404, "DBInstanceNotFound", INSTANCE, &[MEMBER]);
}

#[test]
fn deleting_twice_is_refused() {
    let mut room = Room::with_prod();
    room.ok_as(STRANGER, INSTANCE, &[MEMBER, SKIP]);
    room.refused(400, "InvalidDBInstanceState", INSTANCE, &[MEMBER, SKIP]);
    room.ok_as(STRANGER, CLUSTER, &[ID, SKIP]);
    room.refused(400, "InvalidDBClusterStateFault", CLUSTER, &[ID, SKIP]);
}

#[test]
fn the_final_snapshot_must_be_named_or_skipped() {
    let mut room = Room::new();
    room.world.rds.seed_cluster(SeedCluster { instances: 0, ..seed("prod") });
    let name = ("FinalDBSnapshotIdentifier", "last");
    for (code, parameters) in [
        ("InvalidParameterCombination", vec![ID]),
        ("InvalidParameterCombination", vec![ID, SKIP, name]),
        ("InvalidParameterValue", vec![ID, ("FinalDBSnapshotIdentifier", "a--b")]),
        ("InvalidParameterCombination", vec![ID, SKIP, ("Wheels", "4")]),
        ("MissingParameter", vec![SKIP]),
    ] {
        room.refused(400, code, CLUSTER, &parameters);
    }
    room.world.rds.set_status("prod", "backing-up");
    room.refused(400, "InvalidDBClusterStateFault", CLUSTER, &[ID, name]);
    room.world.rds.set_status("prod", "available");
    room.ok_as(STRANGER, CLUSTER, &[ID, name, ("DeleteAutomatedBackups", "true")]);
}

#[test]
fn a_member_takes_no_final_snapshot() {
    let mut room = Room::with_prod();
    let name = ("FinalDBSnapshotIdentifier", "last");
    room.refused(400, "InvalidParameterCombination", INSTANCE, &[MEMBER, name]);
    room.refused(400, "InvalidParameterCombination", INSTANCE, &[MEMBER, ("Wheels", "4")]);
    room.refused(400, "MissingParameter", INSTANCE, &[SKIP]);
    room.ok_as(STRANGER, INSTANCE, &[MEMBER]);
}

#[test]
fn protection_and_a_stop_keep_a_cluster() {
    let mut room = Room::new();
    room.world.rds.seed_cluster(SeedCluster { deletion_protection: true, ..seed("prod") });
    let message = room.refused(400, "InvalidParameterCombination", CLUSTER, &[ID, SKIP]);
    assert!(message.contains("disable deletion protection"), "{message}");
    room.ok_as(STRANGER, "ModifyDBCluster", &[ID, ("DeletionProtection", "false")]);
    room.world.rds.stop("prod");
    room.refused(400, "InvalidDBClusterStateFault", CLUSTER, &[ID, SKIP]);
    room.refused(400, "InvalidDBClusterStateFault", INSTANCE, &[MEMBER, SKIP]);
    room.world.rds.start("prod");
    room.ok_as(STRANGER, INSTANCE, &[MEMBER, SKIP]);
    room.ok_as(STRANGER, CLUSTER, &[ID, SKIP]);
}

#[test]
fn deleting_what_is_being_created_is_an_open_question() {
    for choice in [Choice::Accept, Choice::Refuse] {
        let mut room = Room::with(Settings { delete_while_creating: choice, ..settings() });
        room.world.rds.seed_cluster(seed("prod"));
        room.clone_of(STRANGER, "kid", "prod");
        room.add_instance(STRANGER, "kid-1", "kid");
        let (member, kid) =
            ([("DBInstanceIdentifier", "kid-1"), SKIP], [("DBClusterIdentifier", "kid"), SKIP]);
        if choice == Choice::Accept {
            room.ok_as(STRANGER, INSTANCE, &member);
            room.ok_as(STRANGER, CLUSTER, &kid);
            room.wait(Duration::minutes(6));
            assert_eq!((room.instance_status("kid-1"), room.status("kid")), ("gone", "gone"));
        } else {
            room.refused(400, "InvalidDBInstanceState", INSTANCE, &member);
            room.refused(400, "InvalidDBClusterStateFault", CLUSTER, &kid);
        }
    }
}

#[test]
fn a_failed_cluster_can_be_deleted() {
    let mut room = Room::new();
    for status in ["cloning-failed", "incompatible-restore", "inaccessible-encryption-credentials"] {
        room.world.rds.seed_cluster(SeedCluster { status: status.into(), instances: 0, ..seed("prod") });
        room.ok_as(STRANGER, CLUSTER, &[ID, SKIP]);
        room.wait(Duration::minutes(2));
        assert_eq!(room.status("prod"), "gone");
    }
}

#[test]
fn the_next_member_writes_when_the_writer_goes() {
    let mut room = Room::new();
    room.world.rds.seed_cluster(SeedCluster { instances: 3, ..seed("prod") });
    let modify = [("DBInstanceIdentifier", "prod-3"), ("PromotionTier", "0")];
    room.ok_as(STRANGER, "ModifyDBInstance", &modify);
    room.wait(Duration::minutes(1));
    room.ok_as(STRANGER, INSTANCE, &[MEMBER, SKIP]);
    let shown = room.ok("DescribeDBClusters", &[ID]);
    assert_eq!(elements(&shown, "IsClusterWriter"), ["false", "false", "true"]);
}

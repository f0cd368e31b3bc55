//! Snapshots on request, what is restored from them, and how they go.

use aurora_clone_sim::rds::{
    Choice, CopyKind, Encryption, Restore, Role, SeedCluster, SeedSnapshot, Settings,
};
use chrono::Duration;

use crate::room::{MANAGER, Room, STRANGER, element, elements, seed, settings, with};

const CREATE: &str = "CreateDBClusterSnapshot";
const DELETE: &str = "DeleteDBClusterSnapshot";
const RESTORE: &str = "RestoreDBClusterFromSnapshot";
const SNAP: (&str, &str) = ("DBClusterSnapshotIdentifier", "snap");
const OF_PROD: (&str, &str) = ("DBClusterIdentifier", "prod");
const ARN: &str = "arn:aws:rds:eu-west-1:123456789012:cluster-snapshot:snap";
const RESTORED: [(&str, &str); 3] =
    [("DBClusterIdentifier", "copy"), ("SnapshotIdentifier", "snap"), ("Engine", "aurora-postgresql")];
const TAG: [(&str, &str); 2] = [("Tags.Tag.1.Key", "maker"), ("Tags.Tag.1.Value", "me")];

/// A room with a snapshot of `prod` that the manager made, and that is ready.
fn with_snapshot(rds: Settings, prod: SeedCluster) -> Room {
    let mut room = Room::with(rds);
    room.world.rds.seed_cluster(SeedCluster { id: "prod".into(), ..prod });
    room.ok(CREATE, &[&[SNAP, OF_PROD][..], &TAG].concat());
    room.wait(Duration::minutes(6));
    room
}

fn room() -> Room {
    with_snapshot(settings(), seed("prod"))
}

#[test]
fn a_snapshot_is_made_on_request() {
    let mut room = Room::with_prod();
    room.world.rds.change("prod", |prod| {
        prod.copy_tags_to_snapshot = true;
        prod.tags = [("team", "shop"), ("maker", "them")].map(|(k, v)| (k.into(), v.into())).into();
    });
    let shown = room.ok(CREATE, &[&[("DBClusterSnapshotIdentifier", "Snap"), OF_PROD][..], &TAG].concat());
    for (name, value) in [
        ("DBClusterSnapshotIdentifier", "snap"),
        ("DBClusterSnapshotArn", ARN),
        ("DBClusterIdentifier", "prod"),
        ("Status", "creating"),
        ("SnapshotType", "manual"),
    ] {
        assert_eq!(element(&shown, name), value, "{name}");
    }
    assert_eq!(elements(&shown, "Key"), ["maker", "team"]);
    assert_eq!(elements(&shown, "Value"), ["me", "shop"], "the request's tags win");
    assert_eq!(room.status("prod"), "available");
    assert_eq!(room.world.rds.snapshots().next().unwrap().created_by, MANAGER);
    assert!(room.world.violations.is_empty(), "a snapshot of a source does it no harm");
    room.wait(Duration::seconds(59));
    assert_eq!(room.world.rds.snapshots().next().unwrap().status, "creating");
    room.wait(Duration::seconds(241));
    assert_eq!(room.world.rds.snapshots().next().unwrap().status, "available");
}

#[test]
fn a_snapshot_is_refused_with_the_documented_codes() {
    let mut room = Room::with(Settings { snapshot_quota: 1, ..settings() });
    room.world.rds.seed_cluster(seed("prod"));
    let nothing = ("DBClusterIdentifier", "nothing");
    room.refused(404, "DBClusterNotFoundFault", CREATE, &[SNAP, nothing]);
    room.refused(400, "MissingParameter", CREATE, &[SNAP]);
    room.refused(400, "InvalidParameterCombination", CREATE, &[SNAP, OF_PROD, ("Wheels", "4")]);
    room.refused(400, "InvalidParameterValue", CREATE, &[("DBClusterSnapshotIdentifier", "1st"), OF_PROD]);
    room.world.rds.set_status("prod", "modifying");
    room.refused(400, "InvalidDBClusterStateFault", CREATE, &[SNAP, OF_PROD]);
    room.world.rds.set_status("prod", "available");
    room.ok_as(STRANGER, CREATE, &[SNAP, OF_PROD]);
    room.refused(400, "DBClusterSnapshotAlreadyExistsFault", CREATE, &[SNAP, OF_PROD]);
    let other = ("DBClusterSnapshotIdentifier", "other");
    room.refused(400, "SnapshotQuotaExceeded", CREATE, &[other, OF_PROD]);
}

#[test]
fn a_cluster_may_be_backing_up_meanwhile() {
    let mut room = Room::with(Settings { snapshot_shows_backing_up: Choice::Accept, ..settings() });
    room.world.rds.seed_cluster(seed("prod"));
    room.ok(CREATE, &[SNAP, OF_PROD]);
    assert_eq!(room.status("prod"), "backing-up");
    room.wait(Duration::minutes(5));
    assert_eq!(room.status("prod"), "available");
}

#[test]
fn a_restored_cluster_has_a_volume_of_its_own_and_no_clone_group() {
    let mut room = room();
    room.clone_of(STRANGER, "kid", "prod");
    let prod = room.world.rds.cluster("prod").unwrap().clone();
    room.world.rds.vanish("prod");
    let start = room.world.now();
    let shown = room.ok(RESTORE, &RESTORED);
    assert_eq!((element(&shown, "Status"), element(&shown, "CloneGroupId")), ("creating".into(), "".into()));
    let copy = room.world.rds.cluster("copy").unwrap().clone();
    assert_eq!((copy.truth.volume.as_str(), copy.truth.copy_on_write), (copy.resource_id.as_str(), false));
    assert_eq!(copy.truth.restored, Some(Restore::Snapshot("snap".into())));
    assert_eq!(copy.truth.parent.unwrap().resource_id, prod.resource_id);
    assert!(copy.tags.is_empty(), "tags are not inherited");
    assert!(room.world.rds.shares_password_with_source("copy"));
    room.wait(Duration::seconds(10_799));
    assert_eq!(room.status("copy"), "creating");
    room.wait(Duration::seconds(1));
    assert_eq!(room.status("copy"), "available");
    room.add_instance(MANAGER, "copy-1", "copy");
    room.wait(Duration::minutes(8));
    let clone = room.clone_of(MANAGER, "kid2", "copy");
    let group = element(&clone, "CloneGroupId");
    assert!(!group.is_empty() && Some(&group) != prod.clone_group.as_ref());
    assert_eq!(room.world.rds.cluster("copy").unwrap().clone_group, Some(group));
    let life = room.world.rds.history().iter().find(|life| life.id == "copy").unwrap();
    assert_eq!((life.born_at(), life.lived_at(start), life.gone_at), (start, true, None));
    assert!(room.world.violations.is_empty(), "{:?}", room.world.violations);
}

#[test]
fn what_is_not_given_has_its_default() {
    let mut room = with_snapshot(
        settings(),
        SeedCluster {
            port: Some(6000),
            subnet_group: "inner".into(),
            security_groups: vec!["sg-app".into()],
            parameter_group: Some("tuned".into()),
            deletion_protection: true,
            iam_auth: true,
            backup_retention: 9,
            associated_roles: vec![Role::active("arn:aws:iam::123456789012:role/x", Some("s3Import"))],
            log_exports: vec!["postgresql".into()],
            tags: [("team".to_owned(), "shop".to_owned())].into(),
            engine_version: "16.6".into(),
            ..seed("prod")
        },
    );
    room.ok_as(STRANGER, RESTORE, &RESTORED);
    let copy = room.world.rds.cluster("copy").unwrap();
    assert_eq!((copy.port, copy.backup_retention, copy.engine_version.as_str()), (6000, 9, "16.6"));
    assert_eq!(
        (copy.subnet_group.as_str(), copy.parameter_group.as_str()),
        ("default", "default.aurora-postgresql16")
    );
    assert_eq!(copy.security_groups, ["sg-00000000default"]);
    assert!(!copy.deletion_protection && !copy.iam_auth);
    assert!(copy.roles.is_empty() && copy.log_exports.is_empty() && copy.tags.is_empty());

    let given = [
        ("DBClusterIdentifier", "copy2"),
        ("SnapshotIdentifier", ARN),
        ("Port", "6001"),
        ("EngineVersion", "16.6"),
        ("DatabaseName", "other"),
        ("DBSubnetGroupName", "inner"),
        ("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-other"),
        ("DBClusterParameterGroupName", "tuned"),
        ("DeletionProtection", "true"),
        ("BackupRetentionPeriod", "1"),
        ("AssociatedRoles.DBClusterAssociatedRole.1.RoleArn", "arn:aws:iam::123456789012:role/y"),
        ("ServerlessV2ScalingConfiguration.MinCapacity", "0"),
        ("ServerlessV2ScalingConfiguration.MaxCapacity", "4"),
        TAG[0],
        TAG[1],
    ];
    room.ok_as(STRANGER, RESTORE, &with(&RESTORED, &given));
    let copy = room.world.rds.cluster("copy2").unwrap();
    assert_eq!((copy.port, copy.backup_retention, copy.subnet_group.as_str()), (6001, 1, "inner"));
    assert_eq!(
        (copy.parameter_group.as_str(), copy.security_groups.as_slice()),
        ("tuned", &["sg-other".to_owned()][..])
    );
    assert_eq!((copy.database_name.as_deref(), copy.tags.len(), copy.roles.len()), (Some("other"), 1, 1));
    assert!(copy.deletion_protection && copy.scaling.is_some());
}

#[test]
fn the_engine_version_may_become_the_default() {
    let rds = Settings { snapshot_keeps_version: Choice::Refuse, ..settings() };
    let mut room = with_snapshot(rds, SeedCluster { engine_version: "15.4".into(), ..seed("prod") });
    room.ok(RESTORE, &RESTORED);
    assert_eq!(room.world.rds.cluster("copy").unwrap().engine_version, "16.4");
}

#[test]
fn the_password_and_the_encryption_are_those_of_the_snapshot() {
    let key = "arn:aws:kms:eu-west-1:123456789012:key/1";
    for (encryption, kms_key, given, expected) in [
        (Encryption::None, None, None, (Encryption::AwsOwned, None)),
        (Encryption::None, None, Some(key), (Encryption::Kms, Some(key))),
        (Encryption::Kms, Some(key), None, (Encryption::Kms, Some(key))),
    ] {
        let kms_key = kms_key.map(str::to_owned);
        let mut room = with_snapshot(settings(), SeedCluster { encryption, kms_key, ..seed("prod") });
        room.world.rds.change("prod", |prod| prod.password = "changed-since".into());
        let more: Vec<_> = given.map(|key| ("KmsKeyId", key)).into_iter().collect();
        room.ok(RESTORE, &with(&RESTORED, &more));
        let copy = room.world.rds.cluster("copy").unwrap();
        assert_eq!((copy.encryption, copy.kms_key.as_deref()), expected);
        assert_eq!(copy.password, "password-of-prod");
        assert!(room.world.violations.is_empty());
    }
}

#[test]
fn a_restore_is_refused_with_the_documented_codes() {
    let mut room = room();
    let other = |name, value| with(&RESTORED, &[(name, value)]);
    for (status, code, parameters) in [
        (404, "DBClusterSnapshotNotFoundFault", other("SnapshotIdentifier", "nothing")),
        (
            404,
            "DBClusterSnapshotNotFoundFault",
            other("SnapshotIdentifier", "arn:aws:rds:eu-west-1:123456789012:snapshot:snap"),
        ),
        (400, "DBClusterAlreadyExistsFault", other("DBClusterIdentifier", "prod")),
        (400, "MissingParameter", other("Engine", "")),
        (400, "InvalidParameterCombination", other("Engine", "aurora-mysql")),
        (400, "InvalidParameterCombination", other("EngineVersion", "15.4")),
        (400, "InvalidParameterCombination", other("RestoreType", "full-copy")),
        (400, "InvalidParameterCombination", other("AvailabilityZones.AvailabilityZone.1", "eu-west-1a")),
        (400, "InvalidParameterCombination", other("EnablePerformanceInsights", "true")),
        (404, "DBSubnetGroupNotFoundFault", other("DBSubnetGroupName", "nowhere")),
        (400, "InvalidParameterValue", other("DBClusterIdentifier", "a--b")),
    ] {
        room.refused(status, code, RESTORE, &parameters);
    }
    room.ok_as(STRANGER, CREATE, &[("DBClusterSnapshotIdentifier", "young"), OF_PROD]);
    let young = other("SnapshotIdentifier", "young");
    room.refused(400, "InvalidDBClusterSnapshotStateFault", RESTORE, &young);
    room.world.config.rds.cluster_quota = 1;
    room.refused(403, "DBClusterQuotaExceededFault", RESTORE, &RESTORED);
}

#[test]
fn a_snapshot_goes_at_once() {
    let mut room = room();
    let shown = room.ok(DELETE, &[("DBClusterSnapshotIdentifier", "SNAP")]);
    assert_eq!(
        (element(&shown, "DBClusterSnapshotIdentifier"), element(&shown, "Status")),
        ("snap".into(), "deleted".into())
    );
    assert_eq!(room.world.rds.snapshots().count(), 0);
    room.refused(404, "DBClusterSnapshotNotFoundFault", DELETE, &[SNAP]);
    room.refused(400, "InvalidParameterValue", DELETE, &[("DBClusterSnapshotIdentifier", ARN)]);
    room.refused(400, "InvalidParameterCombination", DELETE, &[SNAP, ("Wheels", "4")]);
    room.ok(CREATE, &[SNAP, OF_PROD]);
    room.refused(400, "InvalidDBClusterSnapshotStateFault", DELETE, &[SNAP]);
    room.world.rds.seed_snapshot(SeedSnapshot {
        id: "auto".into(),
        cluster: "prod".into(),
        kind: "automated".into(),
        ..SeedSnapshot::default()
    });
    room.refused(
        400,
        "InvalidDBClusterSnapshotStateFault",
        DELETE,
        &[("DBClusterSnapshotIdentifier", "auto")],
    );
    assert!(room.world.violations.is_empty());
}

#[test]
fn a_snapshot_in_use_may_be_held() {
    for (choice, held) in [(Choice::Accept, false), (Choice::Refuse, true)] {
        let mut room = with_snapshot(Settings { delete_snapshot_in_use: choice, ..settings() }, seed("prod"));
        room.ok(RESTORE, &RESTORED);
        if held {
            room.refused(400, "InvalidDBClusterSnapshotStateFault", DELETE, &[SNAP]);
            room.wait(Duration::hours(3));
        }
        room.ok(DELETE, &[SNAP]);
        assert_eq!(room.world.rds.snapshots().count(), 0);
    }
}

#[test]
fn a_snapshot_of_somebody_else_is_not_the_managers_to_delete() {
    let mut room = Room::with_prod();
    room.ok_as(STRANGER, CREATE, &[SNAP, OF_PROD]);
    room.wait(Duration::minutes(6));
    let theirs =
        "S1 DeleteDBClusterSnapshot by the manager hit the snapshot snap, which \"AKIASTRANGER\" made";
    room.ok("AddTagsToResource", &[&[("ResourceName", ARN)][..], &TAG].concat());
    assert_eq!(
        room.world.violations.pop().unwrap(),
        theirs.replace("DeleteDBClusterSnapshot", "AddTagsToResource")
    );
    assert_eq!(elements(&room.ok("ListTagsForResource", &[("ResourceName", ARN)]), "Value"), ["me"]);
    room.ok(DELETE, &[SNAP]);
    assert_eq!(room.world.violations, [theirs]);
    room.refused(404, "DBSnapshotNotFound", "ListTagsForResource", &[("ResourceName", ARN)]);
}

#[test]
fn every_life_tells_how_it_came_to_be() {
    let mut room = room();
    let tags = [
        ("Tags.Tag.1.Key", "aurora-clone:role"),
        ("Tags.Tag.1.Value", "copy"),
        ("Tags.Tag.2.Key", "aurora-clone:root"),
        ("Tags.Tag.2.Value", "prod"),
    ];
    room.ok(RESTORE, &[&RESTORED[..], &tags].concat());
    room.restore(MANAGER, "full", "prod", "full-copy", &tags);
    room.clone_of(MANAGER, "kid", "prod");
    room.world.rds.seed_cluster(SeedCluster { parent: Some(("prod".into(), CopyKind::Full)), ..seed("old") });
    let told: Vec<_> = room
        .world
        .rds
        .history()
        .iter()
        .map(|life| {
            (
                life.id.as_str(),
                life.role(),
                life.root(),
                life.truth.restored.clone(),
                life.truth.copy_on_write,
            )
        })
        .collect();
    let copy = (Some("copy"), Some("prod"));
    assert_eq!(
        told,
        [
            ("prod", None, None, None, false),
            ("copy", copy.0, copy.1, Some(Restore::Snapshot("snap".into())), false),
            ("full", copy.0, copy.1, Some(Restore::FullCopy), false),
            ("kid", None, None, Some(Restore::Clone), true),
            ("old", None, None, Some(Restore::FullCopy), false),
        ]
    );
}

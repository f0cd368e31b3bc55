use aurora_clone_sim::rds::{Role, SeedCluster, Settings};
use chrono::Duration;

use crate::room::{MANAGER, Room, STRANGER, element, elements, restore_parameters, seed, settings, with};

const ADD: &str = "AddRoleToDBCluster";
const REMOVE: &str = "RemoveRoleFromDBCluster";
const RESTORE: &str = "RestoreDBClusterToPointInTime";
const ID: (&str, &str) = ("DBClusterIdentifier", "prod");
const ARN: (&str, &str) = ("RoleArn", "arn:aws:iam::123456789012:role/import");
const OTHER: (&str, &str) = ("RoleArn", "arn:aws:iam::123456789012:role/path/export");
const IMPORT: (&str, &str) = ("FeatureName", "s3Import");
const EXPORT: (&str, &str) = ("FeatureName", "s3Export");
const FIRST: (&str, &str) = ("AssociatedRoles.DBClusterAssociatedRole.1.RoleArn", ARN.1);

fn refused(room: &mut Room, code: &str, more: &[(&str, &str)]) -> String {
    room.refused(400, code, RESTORE, &with(&restore_parameters("kid", "prod", "copy-on-write"), more))
}

#[test]
fn a_restore_takes_roles_and_never_the_sources() {
    let mut room = Room::new();
    room.world.rds.seed_cluster(SeedCluster {
        associated_roles: vec![Role::active(ARN.1, Some("s3Import"))],
        ..seed("prod")
    });
    assert_eq!(elements(&room.ok("DescribeDBClusters", &[ID]), "RoleArn"), [ARN.1]);
    let made = room.clone_of(MANAGER, "bare", "prod");
    assert_eq!(element(&made, "AssociatedRoles"), "");

    let more = [
        FIRST,
        ("AssociatedRoles.DBClusterAssociatedRole.1.FeatureName", "s3Import"),
        ("AssociatedRoles.DBClusterAssociatedRole.2.RoleArn", OTHER.1),
    ];
    let made = room.restore(MANAGER, "kid", "prod", "copy-on-write", &more);
    assert_eq!(elements(&made, "RoleArn"), [ARN.1, OTHER.1]);
    assert_eq!(elements(&made, "FeatureName"), ["s3Import"]);
    while room.status("kid") == "creating" {
        assert!(room.world.rds.cluster("kid").unwrap().roles.iter().all(|role| role.status == "PENDING"));
        // An instance waits for the cluster, not for its roles.
        room.wait(Duration::seconds(1));
    }
    room.wait(Duration::seconds(61));
    assert_eq!(room.world.rds.cluster("kid").unwrap().roles[1], Role::active(OTHER.1, None));
    assert!(room.world.violations.is_empty());
}

#[test]
fn a_restores_roles_are_checked() {
    let mut room = Room::with_prod();
    for (code, more) in [
        ("InvalidParameterValue", vec![(FIRST.0, "role/import-and-something")]),
        ("InvalidParameterValue", vec![(FIRST.0, "arn:aws:iam::123456789012:user/import")]),
        ("InvalidParameterValue", vec![(FIRST.0, "arn:aws:iam:::role/")]),
        ("InvalidParameterValue", vec![FIRST, ("AssociatedRoles.DBClusterAssociatedRole.2.RoleArn", ARN.1)]),
        ("MissingParameter", vec![("AssociatedRoles.DBClusterAssociatedRole.1.FeatureName", "s3Import")]),
        (
            "InvalidParameterCombination",
            vec![FIRST, ("AssociatedRoles.DBClusterAssociatedRole.1.Status", "ACTIVE")],
        ),
        ("InvalidParameterCombination", vec![("AssociatedRoles.member.1.RoleArn", ARN.1)]),
    ] {
        refused(&mut room, code, &more);
    }
    let many: Vec<(String, String)> = (1..=6)
        .map(|number| {
            (
                format!("AssociatedRoles.DBClusterAssociatedRole.{number}.RoleArn"),
                format!("{}-{number}", ARN.1),
            )
        })
        .collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    refused(&mut room, "DBClusterRoleQuotaExceeded", &many);
    room.restore(MANAGER, "kid", "prod", "copy-on-write", &many[..5]);
}

#[test]
fn roles_are_added_and_removed_one_by_one() {
    let mut room = Room::with_prod();
    room.ok_as(STRANGER, ADD, &[ID, ARN, IMPORT]);
    let status = |room: &mut Room| elements(&room.ok("DescribeDBClusters", &[ID]), "Status")[1..].to_vec();
    assert_eq!(element(&room.ok("DescribeDBClusters", &[ID]), "FeatureName"), "s3Import");
    assert!(element(&room.ok("DescribeDBClusters", &[ID]), "AssociatedRoles").contains("PENDING"));
    room.refused(400, "DBClusterRoleAlreadyExists", ADD, &[ID, ARN, IMPORT]);
    room.refused(400, "DBClusterRoleAlreadyExists", ADD, &[ID, ARN, EXPORT]);
    // A change of the status by hand does not keep the role from becoming active.
    room.world.rds.set_status("prod", "levitating");
    room.refused(400, "InvalidDBClusterStateFault", ADD, &[ID, OTHER, EXPORT]);
    room.refused(400, "InvalidDBClusterStateFault", REMOVE, &[ID, ARN, IMPORT]);
    room.wait(Duration::minutes(1));
    assert!(status(&mut room).contains(&"ACTIVE".to_owned()));
    room.world.rds.set_status("prod", "available");

    room.refused(404, "DBClusterRoleNotFound", REMOVE, &[ID, OTHER, EXPORT]);
    room.refused(404, "DBClusterRoleNotFound", REMOVE, &[ID, ARN, EXPORT]);
    room.ok_as(STRANGER, REMOVE, &[ID, ARN, IMPORT]);
    assert_eq!(element(&room.ok("DescribeDBClusters", &[ID]), "AssociatedRoles"), "");
    room.refused(404, "DBClusterRoleNotFound", REMOVE, &[ID, ARN, IMPORT]);
}

#[test]
fn what_the_requests_must_and_must_not_say() {
    let mut room = Room::with_prod();
    for operation in [ADD, REMOVE] {
        for (status, code, parameters) in [
            (400, "MissingParameter", vec![ARN, IMPORT]),
            (400, "MissingParameter", vec![ID, IMPORT]),
            (400, "InvalidParameterValue", vec![ID, ("RoleArn", "import"), IMPORT]),
            (400, "InvalidParameterValue", vec![ID, ARN]),
            (400, "InvalidParameterCombination", vec![ID, ARN, IMPORT, ("Wheels", "4")]),
            (404, "DBClusterNotFoundFault", vec![("DBClusterIdentifier", "nothing"), ARN, IMPORT]),
        ] {
            room.refused(status, code, operation, &parameters);
        }
    }
    let mysql = SeedCluster {
        engine: "aurora-mysql".into(),
        engine_version: "8.0.mysql_aurora.3.08.0".into(),
        ..seed("shop")
    };
    room.world.rds.seed_cluster(mysql);
    let shop = ("DBClusterIdentifier", "shop");
    room.ok_as(STRANGER, ADD, &[shop, ARN]);
    room.ok_as(STRANGER, REMOVE, &[shop, ARN]);

    let mut room = Room::with(Settings { role_quota: 1, ..settings() });
    room.world.rds.seed_cluster(seed("prod"));
    room.ok_as(STRANGER, ADD, &[ID, ARN, IMPORT]);
    room.refused(400, "DBClusterRoleQuotaExceeded", ADD, &[ID, OTHER, EXPORT]);
}

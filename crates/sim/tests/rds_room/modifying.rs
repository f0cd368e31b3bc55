use aurora_clone_sim::rds::{SeedCluster, Settings};
use chrono::Duration;

use crate::room::{Room, STRANGER, element, elements, seed, settings};

const MODIFY: &str = "ModifyDBCluster";
const ID: (&str, &str) = ("DBClusterIdentifier", "prod");
const NOW: (&str, &str) = ("ApplyImmediately", "true");

#[test]
fn a_password_is_reset_asynchronously() {
    let mut room = Room::with_prod();
    assert_eq!(room.world.rds.password_of("prod"), Some("password-of-prod"));
    let made = room.ok_as(STRANGER, MODIFY, &[ID, NOW, ("MasterUserPassword", "brand-new")]);
    assert_eq!(element(&made, "Status"), "resetting-master-credentials");
    assert_eq!(element(&made, "MasterUserPassword"), "****");
    room.refused(400, "InvalidDBClusterStateFault", MODIFY, &[ID, ("MasterUserPassword", "brand-new-2")]);
    room.wait(Duration::seconds(29));
    assert_eq!(room.world.rds.password_of("prod"), Some("password-of-prod"));
    // A clone begins with the password that its source has now.
    room.clone_of(STRANGER, "kid", "prod");
    room.wait(Duration::seconds(31));
    let shown = room.ok("DescribeDBClusters", &[ID]);
    assert_eq!(
        (element(&shown, "Status").as_str(), elements(&shown, "PendingModifiedValues").len()),
        ("available", 0)
    );
    assert_eq!(room.world.rds.password_of("prod"), Some("brand-new"));
    assert_eq!(room.world.rds.password_of("kid"), Some("password-of-prod"));
}

#[test]
fn a_change_may_begin_a_little_later() {
    let mut room = Room::with(Settings { modify_lag_seconds: 5..=5, ..settings() });
    room.world.rds.seed_cluster(seed("prod"));
    let made = room.ok_as(STRANGER, MODIFY, &[ID, ("MasterUserPassword", "brand-new")]);
    assert_eq!(element(&made, "Status"), "available");
    assert_eq!(element(&made, "MasterUserPassword"), "****");
    room.wait(Duration::seconds(5));
    assert_eq!(room.status("prod"), "resetting-master-credentials");
    room.wait(Duration::seconds(60));
    assert_eq!((room.status("prod"), room.world.rds.password_of("prod")), ("available", Some("brand-new")));
}

#[test]
fn passwords_have_rules() {
    let mut room = Room::with_prod();
    let long = "x".repeat(42);
    for bad in ["1234567", &long, "with/slash", "with\"quote", "with@sign", "with\nbreak", "umläut-ä"] {
        room.refused(400, "InvalidParameterValue", MODIFY, &[ID, ("MasterUserPassword", bad)]);
    }
    room.ok_as(STRANGER, MODIFY, &[ID, ("MasterUserPassword", &"x".repeat(41))]);
}

#[test]
fn what_the_request_must_and_must_not_say() {
    let mut room = Room::with_prod();
    for (status, code, more) in [
        (400, "MissingParameter", vec![NOW]),
        (404, "DBClusterNotFoundFault", vec![("DBClusterIdentifier", "nothing")]),
        (
            400,
            "InvalidParameterValue",
            vec![("DBClusterIdentifier", "arn:aws:rds:eu-west-1:123456789012:cluster:prod")],
        ),
        (400, "InvalidParameterCombination", vec![ID, ("EngineVersion", "17")]),
        (400, "InvalidParameterCombination", vec![ID, ("RotateMasterUserPassword", "true")]),
        (400, "InvalidParameterCombination", vec![ID, NOW, ("NetworkType", "DUAL")]),
        (400, "InvalidParameterCombination", vec![ID, ("Wheels", "4")]),
        (400, "InvalidParameterCombination", vec![ID, ("EnableIAMDatabaseAuthentication", "true")]),
        (400, "InvalidParameterValue", vec![ID, ("BackupRetentionPeriod", "0")]),
        (404, "DBClusterParameterGroupNotFound", vec![ID, NOW, ("DBClusterParameterGroupName", "tuned")]),
        (400, "StorageTypeNotSupported", vec![ID, NOW, ("StorageType", "gp3")]),
        (400, "InvalidParameterValue", vec![ID, NOW, ("NewDBClusterIdentifier", "a--b")]),
        (400, "DBClusterAlreadyExistsFault", vec![ID, NOW, ("NewDBClusterIdentifier", "prod")]),
    ] {
        room.refused(status, code, MODIFY, &more);
    }
    for status in ["creating", "backing-up", "stopped", "deleting"] {
        room.world.rds.set_status("prod", status);
        room.refused(400, "InvalidDBClusterStateFault", MODIFY, &[ID, ("DeletionProtection", "true")]);
    }
}

#[test]
fn some_changes_are_done_at_once_and_others_take_a_while() {
    let mut room = Room::with_prod();
    let made =
        room.ok_as(STRANGER, MODIFY, &[ID, ("DeletionProtection", "true"), ("CopyTagsToSnapshot", "true")]);
    assert_eq!(
        (element(&made, "Status").as_str(), element(&made, "DeletionProtection").as_str()),
        ("available", "true")
    );
    let made = room.ok_as(
        STRANGER,
        MODIFY,
        &[
            ID,
            NOW,
            ("BackupRetentionPeriod", "7"),
            ("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-new"),
            ("ServerlessV2ScalingConfiguration.MinCapacity", "0.5"),
            ("ServerlessV2ScalingConfiguration.MaxCapacity", "16"),
            ("EnableIAMDatabaseAuthentication", "true"),
        ],
    );
    for (name, value) in [
        ("Status", "modifying"),
        ("BackupRetentionPeriod", "7"),
        ("VpcSecurityGroupId", "sg-new"),
        ("MinCapacity", "0.5"),
        ("SecondsUntilAutoPause", ""),
        ("IAMDatabaseAuthenticationEnabled", "true"),
    ] {
        assert_eq!(element(&made, name), value, "{name}");
    }
    room.wait(Duration::seconds(60));
    assert_eq!(room.status("prod"), "available");
}

#[test]
fn a_renamed_cluster_keeps_its_resource_id_and_its_members() {
    let mut room = Room::with_prod();
    let resource = room.world.rds.cluster("prod").unwrap().resource_id.clone();
    let made = room.ok_as(STRANGER, MODIFY, &[ID, NOW, ("NewDBClusterIdentifier", "Old-Prod")]);
    assert_eq!(element(&made, "Status"), "renaming");
    room.world.rds.seed_cluster(seed("other"));
    let taken = [("DBClusterIdentifier", "other"), NOW, ("NewDBClusterIdentifier", "old-prod")];
    room.refused(400, "DBClusterAlreadyExistsFault", MODIFY, &taken);
    room.wait(Duration::seconds(60));
    room.refused(404, "DBClusterNotFoundFault", "DescribeDBClusters", &[ID]);
    let found = room.ok("DescribeDBClusters", &[("DBClusterIdentifier", "old-prod")]);
    assert_eq!(element(&found, "DbClusterResourceId"), resource);
    assert_eq!(element(&found, "Status"), "available");
    assert!(element(&found, "DBClusterArn").ends_with(":cluster:old-prod"));
    assert_eq!(elements(&found, "DBInstanceIdentifier"), ["prod-1"]);
}

#[test]
fn log_exports_change_after_a_while() {
    let mut room = Room::new();
    room.world.rds.seed_cluster(SeedCluster { log_exports: vec!["postgresql".into()], ..seed("prod") });
    let enable = ("CloudwatchLogsExportConfiguration.EnableLogTypes.member.1", "instance");
    let disable = ("CloudwatchLogsExportConfiguration.DisableLogTypes.member.1", "postgresql");
    for (code, more) in [
        ("InvalidParameterCombination", (enable.0, "slowquery")),
        ("InvalidParameterCombination", (disable.0, "slowquery")),
        ("InvalidParameterCombination", (disable.0, "instance")),
        ("InvalidParameterCombination", ("CloudwatchLogsExportConfiguration.EnableLogTypes.Value.1", "x")),
        ("InvalidParameterCombination", ("CloudwatchLogsExportConfiguration.Types.member.1", "x")),
    ] {
        room.refused(400, code, MODIFY, &[ID, enable, more]);
    }
    let made = room.ok_as(STRANGER, MODIFY, &[ID, enable, disable]);
    assert_eq!(element(&made, "Status"), "modifying");
    assert_eq!(element(&made, "EnabledCloudwatchLogsExports"), "<member>postgresql</member>");
    assert_eq!(element(&made, "LogTypesToEnable"), "<member>instance</member>");
    assert_eq!(element(&made, "LogTypesToDisable"), "<member>postgresql</member>");
    room.wait(Duration::minutes(1));
    let shown = room.ok("DescribeDBClusters", &[ID]);
    assert_eq!(element(&shown, "EnabledCloudwatchLogsExports"), "<member>instance</member>");
    assert!(!shown.contains("PendingModifiedValues"));
    // What is as asked already is no error.
    room.ok_as(STRANGER, MODIFY, &[ID, enable]);
    room.wait(Duration::minutes(1));
    assert_eq!(room.world.rds.cluster("prod").unwrap().log_exports, ["instance"]);
}

#[test]
fn two_changes_of_log_exports_in_the_lag_add_up() {
    let mut room = Room::with(Settings { modify_lag_seconds: 5..=5, ..settings() });
    room.world.rds.seed_cluster(seed("prod"));
    for log in ["instance", "postgresql"] {
        let enable = ("CloudwatchLogsExportConfiguration.EnableLogTypes.member.1", log);
        assert_eq!(element(&room.ok_as(STRANGER, MODIFY, &[ID, enable]), "Status"), "available");
    }
    room.wait(Duration::minutes(2));
    assert_eq!(room.world.rds.cluster("prod").unwrap().log_exports, ["instance", "postgresql"]);
}

#[test]
fn the_lifecycle_is_changed_at_once() {
    let mut room = Room::with_prod();
    let name = "EngineLifecycleSupport";
    room.refused(400, "InvalidParameterValue", MODIFY, &[ID, (name, "none")]);
    let off = "open-source-rds-extended-support-disabled";
    let made = room.ok_as(STRANGER, MODIFY, &[ID, (name, off)]);
    assert_eq!((element(&made, name).as_str(), element(&made, "Status").as_str()), (off, "available"));
}

#[test]
fn the_last_of_two_passwords_wins() {
    for number in 0..20 {
        let mut room = Room::with(Settings { modify_lag_seconds: 5..=5, ..settings() });
        room.world.rds.seed_cluster(seed("prod"));
        // Other seeds, so that either change may be the one that ends first.
        (0..number).for_each(|_| drop(room.ok("DescribeDBClusters", &[ID])));
        for password in ["first-password", "second-password"] {
            room.ok_as(STRANGER, MODIFY, &[ID, ("MasterUserPassword", password)]);
        }
        room.wait(Duration::minutes(2));
        assert_eq!(room.world.rds.password_of("prod"), Some("second-password"));
        assert!(!room.ok("DescribeDBClusters", &[ID]).contains("PendingModifiedValues"));
    }
}

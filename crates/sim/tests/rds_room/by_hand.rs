use aurora_clone_sim::rds::{Insights, Role, SeedCluster, SeedInstance};
use chrono::Duration;

use crate::room::{Room, STRANGER, element, elements, seed, text};

const ID: (&str, &str) = ("DBClusterIdentifier", "prod");
const SKIP: (&str, &str) = ("SkipFinalSnapshot", "true");
const MEMBER: (&str, &str) = ("DBInstanceIdentifier", "prod-1");

#[test]
fn any_status_holds() {
    let mut room = Room::with_prod();
    for status in ["incompatible-network", "cloning-failed", "levitating", "storage-full", "available"] {
        // Whatever was on its way to another status is forgotten.
        room.world.rds.set_status("prod", "available");
        room.world.rds.set_instance_status("prod-1", "available");
        room.ok_as(STRANGER, "ModifyDBCluster", &[ID, ("MasterUserPassword", "brand-new")]);
        room.ok_as(STRANGER, "ModifyDBInstance", &[MEMBER, ("PromotionTier", "2")]);
        room.world.rds.set_status("prod", status);
        room.world.rds.set_instance_status("prod-1", status);
        room.wait(Duration::days(1));
        assert_eq!(element(&room.ok("DescribeDBClusters", &[ID]), "Status"), status);
        assert_eq!(element(&room.ok("DescribeDBInstances", &[MEMBER]), "DBInstanceStatus"), status);
    }
}

#[test]
fn a_plan_of_statuses_comes_true() {
    let mut room = Room::with_prod();
    let minutes = Duration::minutes;
    room.world.rds.plan_status("prod", vec![(minutes(10), "available"), (minutes(5), "backing-up")]);
    room.world.rds.plan_instance_status("prod-1", [(minutes(5), "rebooting"), (minutes(6), "available")]);
    let mut seen = Vec::new();
    for _ in 0..12 {
        seen.push(format!("{} {}", room.status("prod"), room.instance_status("prod-1")));
        room.wait(minutes(1));
    }
    seen.dedup();
    let expected =
        ["available available", "backing-up rebooting", "backing-up available", "available available"];
    assert_eq!(seen, expected);
    let old = room.stale(minutes(5), "DescribeDBClusters", &[ID]);
    assert_eq!(element(&text(&old), "Status"), "backing-up");

    room.world.rds.plan_status("prod", [(Duration::zero(), "backing-up"), (minutes(1), "available")]);
    assert_eq!(room.status("prod"), "backing-up");
    room.world.rds.set_status("prod", "failing-over");
    room.wait(minutes(2));
    assert_eq!(room.status("prod"), "failing-over", "a status by hand ends the plan");
}

#[test]
fn people_come_and_go() {
    let mut room = Room::with_prod();
    room.wait(Duration::minutes(5));
    room.world.rds.add_instance(SeedInstance {
        id: "x".into(),
        cluster: "prod".into(),
        ..SeedInstance::default()
    });
    room.world.rds.protect("prod", true);
    let shown = room.ok("DescribeDBClusters", &[ID]);
    assert_eq!(elements(&shown, "IsClusterWriter"), ["true", "false"]);
    assert_eq!(element(&shown, "DeletionProtection"), "true");
    let old = text(&room.stale(Duration::minutes(1), "DescribeDBClusters", &[ID]));
    assert_eq!(elements(&old, "IsClusterWriter"), ["true"]);

    room.world.rds.remove_instance("prod-1");
    assert_eq!(elements(&room.ok("DescribeDBClusters", &[ID]), "IsClusterWriter"), ["true"]);
    room.refused(404, "DBInstanceNotFound", "DeleteDBInstance", &[MEMBER, SKIP]);
    room.world.rds.change_instance("x", |instance| instance.publicly_accessible = true);
    assert_eq!(element(&room.ok("DescribeDBInstances", &[]), "PubliclyAccessible"), "true");
    room.world.rds.remove_instance("x");
    room.refused(400, "InvalidParameterCombination", "DeleteDBCluster", &[ID, SKIP]);
    room.world.rds.protect("prod", false);
    room.world.rds.rename("prod", "old");
    room.world.rds.stop("old");
    let old = ("DBClusterIdentifier", "old");
    room.refused(400, "InvalidDBClusterStateFault", "DeleteDBCluster", &[old, SKIP]);
    room.world.rds.start("old");
    room.ok_as(STRANGER, "DeleteDBCluster", &[old, SKIP]);
}

#[test]
fn what_is_seeded_is_shown() {
    let mut room = Room::new();
    let role = "arn:aws:iam::123456789012:role/monitoring";
    room.world.rds.seed_cluster(SeedCluster {
        engine: "aurora-mysql".into(),
        engine_version: "8.0.mysql_aurora.3.08.0".into(),
        associated_roles: vec![Role::active("arn:aws:iam::123456789012:role/load", None)],
        log_exports: vec!["audit".into(), "error".into()],
        subnet_group: "six".into(),
        network_type: "DUAL".into(),
        lifecycle_support: "open-source-rds-extended-support-disabled".into(),
        port: Some(4000),
        backtrack_window: 3600,
        managed_password: true,
        copy_tags_to_snapshot: true,
        performance_insights: Some(Insights { retention: 93, kms_key: None }),
        monitoring: Some((15, role.into())),
        instance_parameter_group: Some("tuned".into()),
        ..seed("prod")
    });
    let shown = room.ok("DescribeDBClusters", &[]);
    for (name, value) in [
        ("NetworkType", "DUAL"),
        ("EngineLifecycleSupport", "open-source-rds-extended-support-disabled"),
        ("Port", "4000"),
        ("BacktrackWindow", "3600"),
        ("SecretStatus", "active"),
        ("CopyTagsToSnapshot", "true"),
        ("EnabledCloudwatchLogsExports", "<member>audit</member><member>error</member>"),
        ("RoleArn", "arn:aws:iam::123456789012:role/load"),
    ] {
        assert_eq!(element(&shown, name), value, "{name}");
    }
    let shown = room.ok("DescribeDBInstances", &[]);
    for (name, value) in [
        ("DBParameterGroupName", "tuned"),
        ("ParameterApplyStatus", "in-sync"),
        ("PerformanceInsightsEnabled", "true"),
        ("PerformanceInsightsRetentionPeriod", "93"),
        ("MonitoringInterval", "15"),
        ("MonitoringRoleArn", role),
        ("NetworkType", "DUAL"),
    ] {
        assert_eq!(element(&shown, name), value, "{name}");
    }
    assert!(element(&shown, "PerformanceInsightsKMSKeyId").starts_with("arn:aws:kms:"));
}

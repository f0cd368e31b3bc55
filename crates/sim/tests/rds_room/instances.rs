use aurora_clone_sim::rds::{Choice, Scaling, SeedCluster, SeedInstance, Settings};
use chrono::Duration;

use crate::room::{MANAGER, Room, STRANGER, element, seed, settings, text, with};

const CREATE: &str = "CreateDBInstance";
const MODIFY: &str = "ModifyDBInstance";

fn base() -> Vec<(&'static str, &'static str)> {
    vec![
        ("DBInstanceIdentifier", "prod-2"),
        ("DBClusterIdentifier", "prod"),
        ("DBInstanceClass", "db.r6g.large"),
        ("Engine", "aurora-postgresql"),
    ]
}

#[test]
fn what_the_request_must_and_must_not_say() {
    let mut room = Room::with_prod();
    room.world.rds.seed_instance_parameter_group("mysql", "aurora-mysql8.0");
    for (status, code, more) in [
        (400, "MissingParameter", ("DBInstanceIdentifier", "")),
        (400, "MissingParameter", ("DBInstanceClass", "")),
        (400, "MissingParameter", ("Engine", "")),
        (400, "InvalidParameterCombination", ("DBClusterIdentifier", "")),
        (400, "InvalidParameterValue", ("DBInstanceIdentifier", "2prod")),
        (400, "DBInstanceAlreadyExists", ("DBInstanceIdentifier", "PROD-1")),
        (404, "DBClusterNotFoundFault", ("DBClusterIdentifier", "nothing")),
        (400, "InvalidParameterValue", ("DBInstanceClass", "r6g.large")),
        (400, "InvalidParameterValue", ("DBInstanceClass", "db.R6G.large")),
        (400, "InvalidDBClusterStateFault", ("DBInstanceClass", "db.serverless")),
        (400, "InvalidParameterCombination", ("Engine", "aurora-mysql")),
        (400, "InvalidParameterCombination", ("EngineVersion", "15.2")),
        (400, "InvalidParameterCombination", ("DBSubnetGroupName", "private")),
        (404, "DBParameterGroupNotFound", ("DBParameterGroupName", "tuned")),
        (400, "InvalidParameterCombination", ("DBParameterGroupName", "mysql")),
        (400, "InvalidParameterValue", ("PromotionTier", "16")),
        (400, "InvalidParameterValue", ("AvailabilityZone", "us-east-1a")),
        (400, "InvalidParameterValue", ("MonitoringInterval", "7")),
        (400, "InvalidParameterCombination", ("MonitoringInterval", "60")),
        (400, "InvalidParameterCombination", ("DeletionProtection", "true")),
        (400, "InvalidParameterCombination", ("MasterUserPassword", "long-enough")),
        (400, "InvalidParameterCombination", ("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-1")),
        (400, "InvalidParameterCombination", ("MultiAZ", "true")),
        (400, "InvalidParameterCombination", ("Wheels", "4")),
    ] {
        let message = room.refused(status, code, CREATE, &with(&base(), &[more]));
        if more.0 == "MultiAZ" {
            assert!(message.contains("MultiAZ is not simulated"), "{message}");
        }
    }
    assert_eq!(room.world.rds.instances_of("prod").count(), 1);
}

#[test]
fn an_instance_takes_minutes_and_the_first_one_writes() {
    let mut room = Room::new();
    room.world.rds.seed_cluster(SeedCluster { instances: 0, ..seed("prod") });
    let made = room.ok(CREATE, &with(&base(), &[("EngineVersion", "16.4"), ("PromotionTier", "0")]));
    assert_eq!(
        (element(&made, "DBInstanceStatus").as_str(), element(&made, "Address").as_str()),
        ("creating", "")
    );
    room.wait(Duration::seconds(239));
    assert_eq!(room.instance_status("prod-2"), "creating");
    room.wait(Duration::seconds(181));
    assert_eq!(room.instance_status("prod-2"), "available");
    room.add_instance(MANAGER, "prod-3", "prod");
    let writers: Vec<_> = room.world.rds.instances_of("prod").map(|instance| instance.writer).collect();
    assert_eq!(writers, [true, false]);
}

#[test]
fn an_instance_of_a_creating_cluster_is_refused_or_waits_for_it() {
    let mut room = Room::with(Settings { instance_while_creating: Choice::Refuse, ..settings() });
    room.world.rds.seed_cluster(seed("prod"));
    room.clone_of(MANAGER, "kid", "prod");
    let parameters = with(&base(), &[("DBClusterIdentifier", "kid")]);
    room.refused(400, "InvalidDBClusterStateFault", CREATE, &parameters);
    room.wait(Duration::minutes(4));
    room.ok(CREATE, &parameters);

    let mut room = Room::with_prod();
    room.restore(MANAGER, "copy", "prod", "full-copy", &[]);
    room.add_instance(MANAGER, "copy-1", "copy");
    room.wait(Duration::minutes(180));
    assert_eq!((room.status("copy"), room.instance_status("copy-1")), ("available", "creating"));
    room.wait(Duration::minutes(7));
    assert_eq!(room.instance_status("copy-1"), "available");
}

#[test]
fn an_instance_is_refused_by_a_cluster_that_is_stopped_or_goes() {
    let mut room = Room::with_prod();
    for status in ["deleting", "stopped", "cloning-failed", "brand-new-status"] {
        room.world.rds.set_status("prod", status);
        room.refused(400, "InvalidDBClusterStateFault", CREATE, &base());
    }
    room.world.rds.set_status("prod", "backing-up");
    room.ok(CREATE, &base());
}

#[test]
fn serverless_needs_a_capacity_range() {
    let mut room = Room::new();
    let scaling = Some(Scaling { min: 0.0, max: 4.0, pause_after: Some(300) });
    room.world.rds.seed_cluster(SeedCluster { scaling, ..seed("prod") });
    room.ok(CREATE, &with(&base(), &[("DBInstanceClass", "db.serverless")]));
}

#[test]
fn the_quota_counts_all_instances() {
    let mut room = Room::with(Settings { instance_quota: 2, ..settings() });
    room.world.rds.seed_cluster(seed("prod"));
    room.world.rds.seed_instance(SeedInstance {
        id: "by-hand".into(),
        cluster: "prod".into(),
        ..SeedInstance::default()
    });
    room.refused(400, "InstanceQuotaExceeded", CREATE, &base());
}

#[test]
fn naming_the_default_subnet_group_makes_an_instance_public() {
    let mut room = Room::with_prod();
    let public = |xml: &str| element(xml, "PubliclyAccessible");
    assert_eq!(public(&room.add_instance(MANAGER, "a", "prod")), "false");
    let named = [("DBInstanceIdentifier", "b"), ("DBSubnetGroupName", "default")];
    assert_eq!(public(&room.ok(CREATE, &with(&base(), &named))), "true");
    let named =
        [("DBInstanceIdentifier", "c"), ("DBSubnetGroupName", "default"), ("PubliclyAccessible", "false")];
    assert_eq!(public(&room.ok(CREATE, &with(&base(), &named))), "false");
}

#[test]
fn an_instance_is_modified_when_it_is_available() {
    let mut room = Room::with_prod();
    let id = ("DBInstanceIdentifier", "prod-1");
    for (status, code, more) in [
        (400, "MissingParameter", vec![]),
        (404, "DBInstanceNotFound", vec![("DBInstanceIdentifier", "nothing")]),
        (400, "InvalidParameterCombination", vec![id, ("DBInstanceClass", "db.r6g.xlarge")]),
        (400, "InvalidParameterValue", vec![id, ("DBInstanceClass", "big"), ("ApplyImmediately", "true")]),
        (400, "InvalidParameterCombination", vec![id, ("NewDBInstanceIdentifier", "x")]),
        (400, "InvalidParameterCombination", vec![id, ("DeletionProtection", "true")]),
        (400, "InvalidParameterCombination", vec![id, ("Wheels", "4")]),
        (404, "DBParameterGroupNotFound", vec![id, ("DBParameterGroupName", "tuned")]),
    ] {
        room.refused(status, code, MODIFY, &more);
    }
    let serverless = [id, ("DBInstanceClass", "db.serverless"), ("ApplyImmediately", "true")];
    room.refused(400, "InvalidDBClusterStateFault", MODIFY, &serverless);
    let bigger =
        [id, ("DBInstanceClass", "db.r6g.xlarge"), ("ApplyImmediately", "true"), ("PromotionTier", "3")];
    let made = room.ok_as("AKIASTRANGER", MODIFY, &bigger);
    assert_eq!(element(&made, "DBInstanceStatus"), "modifying");
    assert_eq!(element(&made, "PromotionTier"), "3");
    room.refused(400, "InvalidDBInstanceState", MODIFY, &bigger);
    room.wait(Duration::seconds(60));
    assert_eq!(room.instance_status("prod-1"), "available");
    room.world.rds.stop("prod");
    room.refused(400, "InvalidDBClusterStateFault", MODIFY, &bigger);
}

#[test]
fn a_new_class_waits_and_is_shown_as_pending() {
    let mut room = Room::with(Settings { modify_lag_seconds: 5..=5, ..settings() });
    room.world.rds.seed_cluster(seed("prod"));
    let id = ("DBInstanceIdentifier", "prod-1");
    let bigger = [id, ("DBInstanceClass", "db.r6g.xlarge"), ("ApplyImmediately", "true")];
    let made = room.ok_as(STRANGER, MODIFY, &bigger);
    let pending = "<DBInstanceClass>db.r6g.xlarge</DBInstanceClass>";
    assert_eq!(
        (element(&made, "DBInstanceStatus"), element(&made, "PendingModifiedValues")),
        ("available".into(), pending.into())
    );
    assert_eq!(element(&made, "DBInstanceClass"), "db.r6g.large");
    room.wait(Duration::seconds(5));
    assert_eq!(room.instance_status("prod-1"), "modifying");
    assert_eq!(room.world.rds.instance("prod-1").unwrap().class, "db.r6g.large");
    room.wait(Duration::seconds(60));
    let shown = room.ok("DescribeDBInstances", &[id]);
    assert_eq!(
        (element(&shown, "DBInstanceStatus"), element(&shown, "DBInstanceClass")),
        ("available".into(), "db.r6g.xlarge".into())
    );
    assert_eq!(element(&shown, "PendingModifiedValues"), "");
    // The class that it has is no change.
    assert_eq!(element(&room.ok_as(STRANGER, MODIFY, &bigger), "PendingModifiedValues"), "");
}

#[test]
fn a_new_parameter_group_waits_for_a_reboot() {
    let mut room = Room::with_prod();
    room.world.rds.seed_instance_parameter_group("tuned", "aurora-postgresql16");
    let id = ("DBInstanceIdentifier", "prod-1");
    let made = room.ok_as(STRANGER, MODIFY, &[id, ("DBParameterGroupName", "tuned")]);
    let status = |xml: &str| element(xml, "ParameterApplyStatus");
    assert_eq!((element(&made, "DBParameterGroupName"), status(&made)), ("tuned".into(), "applying".into()));
    room.wait(Duration::minutes(1));
    assert_eq!(status(&room.ok("DescribeDBInstances", &[id])), "pending-reboot");
}

#[test]
fn performance_insights_have_a_key_that_stays() {
    let mut room = Room::with_prod();
    let on = ("EnablePerformanceInsights", "true");
    let key = ("PerformanceInsightsKMSKeyId", "1");
    let days = |days| ("PerformanceInsightsRetentionPeriod", days);
    for bad in ["0", "8", "94", "744"] {
        room.refused(400, "InvalidParameterValue", CREATE, &with(&base(), &[on, days(bad)]));
    }
    room.world.rds.break_key("3");
    let broken = ("PerformanceInsightsKMSKeyId", "3");
    room.refused(400, "KMSKeyNotAccessibleFault", CREATE, &with(&base(), &[on, broken]));
    for without in [vec![key], vec![days("7")], vec![("EnablePerformanceInsights", "false"), key]] {
        room.refused(400, "InvalidParameterCombination", CREATE, &with(&base(), &without));
    }
    let shown = |xml: &str| {
        ["Enabled", "KMSKeyId", "RetentionPeriod"]
            .map(|name| element(xml, &format!("PerformanceInsights{name}")))
    };
    let arn = "arn:aws:kms:eu-west-1:123456789012:key/1";
    let made = room.ok_as(STRANGER, CREATE, &with(&base(), &[on, key, days("31")]));
    assert_eq!(shown(&made), ["true", arn, "31"]);

    let id = ("DBInstanceIdentifier", "prod-1");
    let arn_of_rds = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-4000-8000-000000000001";
    let mut modify = |more: &[(&str, &str)]| {
        room.wait(Duration::minutes(1));
        let made = room.call(STRANGER, MODIFY, &[&[id], more].concat());
        (made.status, shown(&text(&made)))
    };
    assert_eq!(modify(&[on]), (200, ["true", arn_of_rds, "7"].map(str::to_owned)));
    assert_eq!(modify(&[days("731")]), (200, ["true", arn_of_rds, "731"].map(str::to_owned)));
    assert_eq!(modify(&[key]).0, 400);
    let off = ("EnablePerformanceInsights", "false");
    assert_eq!(modify(&[off]), (200, ["false", "", ""].map(str::to_owned)));
    assert_eq!(modify(&[on, key]).0, 400);
    assert_eq!(modify(&[on]), (200, ["true", arn_of_rds, "7"].map(str::to_owned)));
}

#[test]
fn monitoring_is_changed() {
    let mut room = Room::with_prod();
    let id = ("DBInstanceIdentifier", "prod-1");
    let role = "arn:aws:iam::123456789012:role/monitoring";
    room.refused(400, "InvalidParameterCombination", MODIFY, &[id, ("MonitoringInterval", "60")]);
    room.ok_as(STRANGER, MODIFY, &[id, ("MonitoringInterval", "60"), ("MonitoringRoleArn", role)]);
    let shown = room.ok("DescribeDBInstances", &[id]);
    assert_eq!(
        (element(&shown, "MonitoringInterval"), element(&shown, "MonitoringRoleArn")),
        ("60".into(), role.into())
    );
}

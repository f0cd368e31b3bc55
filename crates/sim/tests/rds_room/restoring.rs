use aurora_clone_sim::rds::{Choice, CopyKind, Encryption, SeedCluster, Settings};
use chrono::Duration;

use crate::room::{MANAGER, Room, STRANGER, element, elements, restore_parameters, seed, settings, with};

const RESTORE: &str = "RestoreDBClusterToPointInTime";
const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1";

fn refused(room: &mut Room, status: u16, code: &str, more: &[(&str, &str)]) -> String {
    let parameters = with(&restore_parameters("kid", "prod", "copy-on-write"), more);
    let message = room.refused(status, code, RESTORE, &parameters);
    assert!(room.world.rds.cluster("kid").is_none());
    message
}

#[test]
fn what_the_request_must_and_must_not_say() {
    let mut room = Room::with_prod();
    let combination = "InvalidParameterCombination";
    let value = "InvalidParameterValue";
    for (code, more) in [
        ("MissingParameter", vec![("DBClusterIdentifier", "")]),
        (combination, vec![("SourceDBClusterIdentifier", "")]),
        (combination, vec![("UseLatestRestorableTime", "")]),
        (combination, vec![("UseLatestRestorableTime", "false")]),
        (combination, vec![("UseLatestRestorableTime", ""), ("RestoreToTime", "2026-06-21T00:00:00Z")]),
        (combination, vec![("RestoreToTime", "2026-06-21T00:00:00Z")]),
        (combination, vec![("RestoreType", "full-copy"), ("RestoreToTime", "2026-06-21T00:00:00Z")]),
        (value, vec![("RestoreType", "copy_on_write")]),
        (value, vec![("UseLatestRestorableTime", "yes")]),
        (value, vec![("Port", "1")]),
        (value, vec![("BackupRetentionPeriod", "36")]),
        (value, vec![("BackupRetentionPeriod", "0")]),
        (value, vec![("EngineLifecycleSupport", "none")]),
        (value, vec![("VpcSecurityGroupIds.VpcSecurityGroupId.1", "default")]),
        (combination, vec![("VpcSecurityGroupIds.member.1", "sg-1")]),
        (combination, vec![("BacktrackWindow", "3600")]),
        (combination, vec![("EnableCloudwatchLogsExports.member.1", "slowquery")]),
        (combination, vec![("ServerlessV2ScalingConfiguration.MinCapacity", "1")]),
        (
            value,
            vec![
                ("ServerlessV2ScalingConfiguration.MinCapacity", "0.3"),
                ("ServerlessV2ScalingConfiguration.MaxCapacity", "1"),
            ],
        ),
        ("NetworkTypeNotSupported", vec![("NetworkType", "DUAL")]),
        ("StorageTypeNotSupported", vec![("StorageType", "gp3")]),
    ] {
        refused(&mut room, 400, code, &more);
    }
}

#[test]
fn unsupported_parameters_are_named() {
    let mut room = Room::with_prod();
    for (name, says) in [
        ("MonitoringInterval", "Limitless"),
        ("EnablePerformanceInsights", "Limitless"),
        ("ScalingConfiguration.MinCapacity", "not simulated"),
        ("SourceDbClusterResourceId", "not simulated"),
        ("OptionGroupName", "not simulated"),
        ("AssociatedRoles.DBClusterRole.1.RoleArn", "Unknown parameter AssociatedRoles.DBClusterRole"),
        ("MasterUserPassword", "MasterUserPassword"),
        ("EngineVersion", "EngineVersion"),
    ] {
        let message = refused(&mut room, 400, "InvalidParameterCombination", &[(name, "1")]);
        assert!(message.contains(says), "{name}: {message}");
    }
}

#[test]
fn identifiers_are_checked_and_lower_cased() {
    let mut room = Room::with_prod();
    let long = "a".repeat(64);
    for bad in ["1kid", "kid-", "k--id", "k_id", "-kid", long.as_str()] {
        refused(&mut room, 400, "InvalidParameterValue", &[("DBClusterIdentifier", bad)]);
    }
    let longest = "A".repeat(63);
    let made = room.clone_of(MANAGER, &longest, "prod");
    assert_eq!(element(&made, "DBClusterIdentifier"), "a".repeat(63));
    refused(&mut room, 400, "DBClusterAlreadyExistsFault", &[("DBClusterIdentifier", &longest)]);
    refused(&mut room, 400, "DBClusterAlreadyExistsFault", &[("DBClusterIdentifier", "PROD")]);
}

#[test]
fn the_source_must_be_there_and_fit() {
    let mut room = Room::with_prod();
    for bad in [
        "nothing",
        "arn:aws:rds:eu-west-1:999999999999:cluster:prod",
        "arn:aws:rds:eu-west-1:123456789012:db:prod",
    ] {
        refused(&mut room, 404, "DBClusterNotFoundFault", &[("SourceDBClusterIdentifier", bad)]);
    }
    for status in ["creating", "deleting", "failing-over", "cloning-failed", "brand-new-status"] {
        room.world.rds.set_status("prod", status);
        refused(&mut room, 400, "InvalidDBClusterStateFault", &[]);
    }
    room.world.rds.set_status("prod", "available");
    room.world.rds.seed_cluster(SeedCluster { instances: 0, ..seed("bare") });
    let message =
        refused(&mut room, 400, "InvalidDBClusterStateFault", &[("SourceDBClusterIdentifier", "bare")]);
    assert!(message.contains("no DB instances"), "{message}");
    room.world.rds.set_instance_status("prod-1", "deleting");
    refused(&mut room, 400, "InvalidDBClusterStateFault", &[]);
    room.world.rds.set_instance_status("prod-1", "creating");
    room.restore(MANAGER, "copy", "bare", "full-copy", &[]);
    room.clone_of(MANAGER, "kid", "arn:aws:rds:eu-west-1:123456789012:cluster:prod");
}

#[test]
fn open_questions_are_answered_both_ways() {
    for choice in [Choice::Accept, Choice::Refuse] {
        let mut room =
            Room::with(Settings { restore_from_busy: choice, clone_of_stopped: choice, ..settings() });
        for (id, status) in [("busy", "backing-up"), ("idle", "stopped")] {
            room.world.rds.seed_cluster(SeedCluster { status: status.into(), ..seed(id) });
            let kid = format!("{id}-kid");
            let parameters = restore_parameters(&kid, id, "copy-on-write");
            if choice == Choice::Accept {
                room.ok(RESTORE, &parameters);
            } else {
                room.refused(400, "InvalidDBClusterStateFault", RESTORE, &parameters);
            }
        }
        room.restore(MANAGER, "full", "idle", "full-copy", &[]);
    }
    let decided = |seed| Choice::BySeed.accepts(seed, "instance while creating");
    assert!((0..64).any(decided) && !(0..64).all(decided));
}

#[test]
fn groups_must_exist_and_a_custom_group_must_be_named() {
    let mut room = Room::with_prod();
    refused(&mut room, 404, "DBSubnetGroupNotFoundFault", &[("DBSubnetGroupName", "private")]);
    refused(&mut room, 404, "DBClusterParameterGroupNotFound", &[("DBClusterParameterGroupName", "tuned")]);
    let wrong = [("DBClusterParameterGroupName", "default.aurora-mysql8.0")];
    refused(&mut room, 400, "InvalidParameterCombination", &wrong);

    room.world.rds.seed_cluster(SeedCluster { parameter_group: Some("tuned".into()), ..seed("custom") });
    let message =
        refused(&mut room, 400, "InvalidParameterCombination", &[("SourceDBClusterIdentifier", "custom")]);
    assert_eq!(
        message,
        "The cluster parameter group name is required when the source cluster uses a custom parameter group."
    );
    room.world.rds.seed_subnet_group("private");
    let made = room.restore(
        MANAGER,
        "kid",
        "custom",
        "copy-on-write",
        &[("DBClusterParameterGroupName", "Tuned"), ("DBSubnetGroupName", "private")],
    );
    assert_eq!(element(&made, "DBClusterParameterGroup"), "tuned");
    assert_eq!(element(&made, "DBSubnetGroup"), "private");
}

#[test]
fn what_is_left_out_gets_a_default_and_not_the_sources_value() {
    let mut room = Room::new();
    room.world.rds.seed_cluster(SeedCluster {
        security_groups: vec!["sg-app".into()],
        subnet_group: "private".into(),
        deletion_protection: true,
        iam_auth: true,
        storage_type: "aurora-iopt1".into(),
        backup_retention: 35,
        ..seed("prod")
    });
    room.world.rds.change("prod", |prod| {
        prod.port = 6000;
        prod.copy_tags_to_snapshot = true;
    });
    let made = room.clone_of(MANAGER, "kid", "prod");
    for (name, value) in [
        ("VpcSecurityGroupId", "sg-00000000default"),
        ("DBSubnetGroup", "default"),
        ("DeletionProtection", "false"),
        ("IAMDatabaseAuthenticationEnabled", "false"),
        ("CopyTagsToSnapshot", "false"),
        ("StorageType", ""),
        ("Port", "5432"),
        ("BackupRetentionPeriod", "35"),
        ("DBClusterParameterGroup", "default.aurora-postgresql16"),
        ("EngineLifecycleSupport", "open-source-rds-extended-support"),
        ("MasterUsername", "dba"),
    ] {
        assert_eq!(element(&made, name), value, "{name}");
    }
    let made = room.restore(
        MANAGER,
        "kid2",
        "prod",
        "copy-on-write",
        &[
            ("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-a"),
            ("VpcSecurityGroupIds.VpcSecurityGroupId.2", "sg-b"),
            ("DeletionProtection", "true"),
            ("EnableIAMDatabaseAuthentication", "true"),
            ("CopyTagsToSnapshot", "true"),
            ("StorageType", "aurora-iopt1"),
            ("Port", "6000"),
            ("BackupRetentionPeriod", "1"),
            ("EnableCloudwatchLogsExports.member.1", "postgresql"),
            ("ServerlessV2ScalingConfiguration.MinCapacity", "0"),
            ("ServerlessV2ScalingConfiguration.MaxCapacity", "2"),
            ("EngineMode", "provisioned"),
            ("NetworkType", "IPV4"),
        ],
    );
    assert_eq!(elements(&made, "VpcSecurityGroupId"), ["sg-a", "sg-b"]);
    for (name, value) in [
        ("StorageType", "aurora-iopt1"),
        ("MinCapacity", "0.0"),
        ("SecondsUntilAutoPause", "300"),
        ("DeletionProtection", "true"),
        ("BackupRetentionPeriod", "1"),
    ] {
        assert_eq!(element(&made, name), value, "{name}");
    }
}

#[test]
fn encryption_follows_the_source() {
    let mut room = Room::with_prod();
    room.world.rds.seed_cluster(SeedCluster { kms_key: Some(KEY.into()), ..seed("keyed") });
    room.world.rds.seed_cluster(SeedCluster { encryption: Encryption::None, ..seed("plain") });
    let kind = |xml: &str| (element(xml, "StorageEncrypted"), element(xml, "StorageEncryptionType"));

    let made = room.clone_of(MANAGER, "k1", "keyed");
    assert_eq!(
        (element(&made, "KmsKeyId").as_str(), element(&made, "StorageEncrypted").as_str()),
        (KEY, "true")
    );
    let made = room.restore(MANAGER, "k2", "keyed", "copy-on-write", &[("KmsKeyId", "2")]);
    assert_eq!(element(&made, "KmsKeyId"), KEY.replace("/1", "/2"));
    let made = room.clone_of(MANAGER, "p1", "plain");
    assert_eq!(kind(&made), ("false".into(), "none".into()));
    let made = room.restore(MANAGER, "p2", "plain", "full-copy", &[]);
    assert_eq!(kind(&made), ("false".into(), "sse-rds".into()));

    let source = ("SourceDBClusterIdentifier", "plain");
    refused(&mut room, 400, "InvalidParameterCombination", &[source, ("KmsKeyId", KEY)]);
    room.world.rds.break_key("3");
    let source = ("SourceDBClusterIdentifier", "keyed");
    refused(&mut room, 400, "KMSKeyNotAccessibleFault", &[source, ("KmsKeyId", "3")]);
    // The source's own key, which the copy would have.
    room.world.rds.break_key(KEY);
    refused(&mut room, 400, "KMSKeyNotAccessibleFault", &[source]);
    let message = refused(&mut room, 400, "InvalidParameterCombination", &[source, ("KmsKeyId", "alias/x")]);
    assert!(message.contains("not simulated"), "{message}");
}

#[test]
fn the_quota_counts_clusters_in_every_status() {
    let mut room = Room::with_prod();
    for number in 1..40 {
        room.world.rds.seed_cluster(SeedCluster { status: "deleting".into(), ..seed(&format!("c{number}")) });
    }
    refused(&mut room, 403, "DBClusterQuotaExceededFault", &[]);
    room.world.rds.vanish("c1");
    room.clone_of(MANAGER, "kid", "prod");
}

#[test]
fn a_clone_takes_minutes_and_a_full_copy_hours() {
    let mut room = Room::with_prod();
    room.clone_of(MANAGER, "kid", "prod");
    room.restore(MANAGER, "copy", "prod", "full-copy", &[]);
    room.wait(Duration::seconds(119));
    assert_eq!(room.status("kid"), "creating");
    room.wait(Duration::seconds(121));
    assert_eq!((room.status("kid"), room.status("copy")), ("available", "creating"));
    room.wait(Duration::hours(3));
    assert_eq!(room.status("copy"), "available");
}

#[test]
fn an_omitted_restore_type_is_a_full_copy() {
    let mut room = Room::with_prod();
    let parameters = with(&restore_parameters("kid", "prod", ""), &[("RestoreType", "")]);
    room.ok(RESTORE, &parameters);
    let kid = room.world.rds.cluster("kid").unwrap();
    assert!(!kid.truth.copy_on_write && !kid.truth.became_full_copy);
    assert_eq!(kid.truth.volume, kid.resource_id);
}

#[test]
fn a_point_in_time_lies_within_the_backups() {
    let mut room = Room::with_prod();
    let latest = ("UseLatestRestorableTime", "");
    let full = ("RestoreType", "full-copy");
    for bad in ["yesterday", "2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"] {
        refused(&mut room, 400, "InvalidParameterValue", &[full, latest, ("RestoreToTime", bad)]);
    }
    room.wait(Duration::hours(1));
    let time = (room.world.now() - Duration::minutes(30)).to_rfc3339();
    let parameters =
        with(&restore_parameters("kid", "prod", "full-copy"), &[latest, ("RestoreToTime", &time)]);
    room.ok(RESTORE, &parameters);
}

#[test]
fn the_clone_group_is_made_by_the_first_clone_and_stays() {
    let mut room = Room::with_prod();
    let group = |room: &Room, id: &str| room.world.rds.cluster(id).unwrap().clone_group.clone();
    room.restore(MANAGER, "early", "prod", "full-copy", &[]);
    assert_eq!((group(&room, "prod"), group(&room, "early")), (None, None));
    let made = room.clone_of(MANAGER, "kid", "prod");
    let first = group(&room, "prod");
    assert_eq!(Some(element(&made, "CloneGroupId")), first);
    room.clone_of(MANAGER, "kid2", "prod");
    room.restore(MANAGER, "late", "prod", "full-copy", &[]);
    assert!(["kid2", "late"].iter().all(|id| group(&room, id) == first));
    room.world.rds.vanish("kid");
    room.world.rds.vanish("kid2");
    assert_eq!(group(&room, "prod"), first);
}

#[test]
fn tags_are_inherited_only_by_a_request_without_tags() {
    let mut room = Room::new();
    let tags = [("aurora-clone:self".to_owned(), "prod".to_owned()), ("aws:system".into(), "x".into())];
    room.world.rds.seed_cluster(SeedCluster { tags: tags.into(), ..seed("prod") });
    room.clone_of(STRANGER, "kid", "prod");
    let kid = room.world.rds.cluster("kid").unwrap();
    assert_eq!(kid.tags.iter().collect::<Vec<_>>(), [(&"aurora-clone:self".to_owned(), &"prod".to_owned())]);
    let own = [("Tags.Tag.1.Key", "mine"), ("Tags.Tag.1.Value", "yes")];
    room.restore(STRANGER, "kid2", "prod", "copy-on-write", &own);
    assert_eq!(room.world.rds.cluster("kid2").unwrap().tags.len(), 1);
    // An empty list is no list.
    let parameters = restore_parameters("kid3", "prod", "copy-on-write");
    let parameters = [&parameters[..], &[("Tags", "")]].concat();
    room.ok_as(STRANGER, RESTORE, &parameters);
    assert!(room.world.rds.cluster("kid3").unwrap().tags.contains_key("aurora-clone:self"));
}

#[test]
fn the_sixteenth_clone_succeeds_and_is_silently_a_full_copy() {
    let mut room = Room::with_prod();
    room.world
        .rds
        .seed_cluster(SeedCluster { parent: Some(("prod".into(), CopyKind::CopyOnWrite)), ..seed("k1") });
    // A clone of a clone hangs off the same volume.
    room.clone_of(STRANGER, "k2", "k1");
    for number in 3..=15 {
        room.clone_of(STRANGER, &format!("k{number}"), "prod");
    }
    let volume = room.world.rds.cluster("prod").unwrap().truth.volume.clone();
    assert_eq!(room.world.rds.living_clones_of_volume(&volume), 15);

    let made = room.clone_of(STRANGER, "k16", "prod");
    assert_eq!(
        element(&made, "CloneGroupId"),
        room.world.rds.cluster("prod").unwrap().clone_group.clone().unwrap()
    );
    let sixteenth = room.world.rds.cluster("k16").unwrap();
    assert!(sixteenth.truth.became_full_copy && !sixteenth.truth.copy_on_write);
    assert_eq!(sixteenth.truth.volume, sixteenth.resource_id);
    room.wait(Duration::minutes(30));
    assert_eq!((room.status("k15"), room.status("k16")), ("available", "creating"));

    // A clone that is being deleted holds its slot until it is gone.
    room.ok_as(STRANGER, "DeleteDBCluster", &[("DBClusterIdentifier", "k15"), ("SkipFinalSnapshot", "true")]);
    room.clone_of(STRANGER, "k17", "prod");
    assert!(room.world.rds.cluster("k17").unwrap().truth.became_full_copy);
    room.wait(Duration::minutes(3));
    assert_eq!(room.status("k15"), "gone");
    room.clone_of(STRANGER, "k18", "prod");
    assert!(room.world.rds.cluster("k18").unwrap().truth.copy_on_write);

    // The full copy has fifteen slots of its own.
    room.wait(Duration::hours(3));
    room.add_instance(STRANGER, "k16-1", "k16");
    room.clone_of(STRANGER, "k19", "k16");
    assert_eq!(
        room.world.rds.cluster("k19").unwrap().truth.volume,
        room.world.rds.cluster("k16").unwrap().resource_id
    );
    assert!(room.world.violations.is_empty(), "strangers may do that");
}

#[test]
fn a_new_cluster_is_its_own_volume() {
    let mut room = Room::new();
    let base = [
        ("DBClusterIdentifier", "New"),
        ("Engine", "aurora-mysql"),
        ("MasterUsername", "dba"),
        ("MasterUserPassword", "long-enough"),
    ];
    for (code, more) in [
        ("MissingParameter", ("Engine", "")),
        ("MissingParameter", ("DBClusterIdentifier", "")),
        ("InvalidParameterValue", ("Engine", "aurora-oracle")),
        ("InvalidParameterCombination", ("Engine", "neptune")),
        ("InvalidParameterValue", ("MasterUsername", "")),
        ("InvalidParameterValue", ("MasterUserPassword", "")),
        ("InvalidParameterValue", ("MasterUserPassword", "short")),
        ("InvalidParameterValue", ("DBClusterIdentifier", "n--o")),
        ("InvalidParameterCombination", ("ManageMasterUserPassword", "true")),
        ("InvalidParameterCombination", ("StorageEncrypted", "false")),
        ("InvalidParameterCombination", ("Wheels", "4")),
        ("InvalidParameterCombination", ("EngineMode", "serverless")),
    ] {
        room.refused(400, code, "CreateDBCluster", &with(&base, &[more]));
    }
    room.refused(
        404,
        "DBSubnetGroupNotFoundFault",
        "CreateDBCluster",
        &with(&base, &[("DBSubnetGroupName", "x")]),
    );
    let made =
        room.ok("CreateDBCluster", &with(&base, &[("BacktrackWindow", "3600"), ("DatabaseName", "shop")]));
    assert_eq!(element(&made, "Port"), "3306");
    assert_eq!(element(&made, "BacktrackWindow"), "3600");
    room.refused(400, "DBClusterAlreadyExistsFault", "CreateDBCluster", &base);
    room.wait(Duration::minutes(2));
    assert_eq!(room.status("new"), "available");
    assert_eq!(room.world.rds.password_of("new"), Some("long-enough"));
    let full = Settings { cluster_quota: 0, ..settings() };
    Room::with(full).refused(403, "DBClusterQuotaExceededFault", "CreateDBCluster", &base);
}

#[test]
fn the_network_type_rests_on_the_subnet_group() {
    let mut room = Room::new();
    room.world.rds.seed_cluster(SeedCluster {
        subnet_group: "six".into(),
        network_type: "DUAL".into(),
        ..seed("prod")
    });
    let (dual, six) = (("NetworkType", "DUAL"), ("DBSubnetGroupName", "six"));
    refused(&mut room, 400, "NetworkTypeNotSupported", &[dual]);
    refused(&mut room, 400, "InvalidParameterValue", &[six, ("NetworkType", "IPV6")]);
    let made = room.restore(MANAGER, "kid", "prod", "copy-on-write", &[six, dual]);
    assert_eq!(element(&made, "NetworkType"), "DUAL");
    let made = room.restore(MANAGER, "kid2", "prod", "copy-on-write", &[six]);
    assert_eq!(element(&made, "NetworkType"), "IPV4", "not the source's");
    room.world.rds.seed_dual_subnet_group("Another");
    let another = [dual, ("DBSubnetGroupName", "another")];
    room.restore(MANAGER, "kid3", "prod", "copy-on-write", &another);
}

#[test]
fn backtracking_is_off_unless_asked_for() {
    let mut room = Room::new();
    room.world.rds.seed_cluster(SeedCluster {
        engine: "aurora-mysql".into(),
        engine_version: "8.0.mysql_aurora.3.08.0".into(),
        backtrack_window: 7200,
        log_exports: vec!["audit".into()],
        ..seed("prod")
    });
    refused(&mut room, 400, "InvalidParameterValue", &[("BacktrackWindow", "259201")]);
    let made = room.clone_of(MANAGER, "kid", "prod");
    assert_eq!((element(&made, "BacktrackWindow"), made.contains("CloudwatchLogs")), ("0".into(), false));
    let made = room.restore(MANAGER, "kid2", "prod", "copy-on-write", &[("BacktrackWindow", "3600")]);
    assert_eq!(element(&made, "BacktrackWindow"), "3600");
}

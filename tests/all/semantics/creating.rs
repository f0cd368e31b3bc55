//! What a new clone is, and when it is said to be there.

use aurora_clone_core::names::tag;
use aurora_clone_sim::World;
use aurora_clone_sim::cloudformation::StackOptions;
use aurora_clone_sim::rds::{CopyKind, Encryption, SeedCluster};
use aurora_clone_tests::{House, clone_template, copy, prod};
use chrono::Duration;

use super::cases::Wire;
use super::scene::{
    Clone, OPERATOR, STORAGE_KEY, Scene, answers, changes, create_with, created, deleted, fails_after, first,
    lines, log, main_cluster, output, refused, template_with,
};

const RESTORE: &str = "RestoreDBClusterToPointInTime";

#[tokio::test(start_paused = true)]
async fn success_means_that_everything_is_usable() {
    let house = Scene::Rich.open();
    house.create("web", &lines(&["InstanceCount: 3"]));
    // Looks at the very moment at which CloudFormation hears of it.
    let clone = house
        .sim
        .watch(|world| {
            let heard = !world.cloudformation.received().is_empty();
            heard.then(|| {
                let cluster = world.rds.clusters().find(|c| c.tags.contains_key(tag::STACK_ID)).unwrap();
                let members = world.rds.instances_of(&cluster.id).map(|member| member.status.clone());
                (cluster.clone(), members.collect::<Vec<_>>())
            })
        })
        .await;
    assert_eq!((clone.0.status.as_str(), clone.1), ("available", vec!["available".to_owned(); 3]));
    assert_ne!(clone.0.password, clone.0.truth.birth_password);
    assert_eq!((clone.0.pending_password, clone.0.pending_log_exports), (None, None));
    assert_eq!(house.settled("web").await, "CREATE_COMPLETE");
    deleted(&house).await;
}

#[tokio::test(start_paused = true)]
async fn what_looks_ready_only_once_is_not_ready() {
    let house = Scene::Rich.open();
    house.create("web", &lines(&["ClusterId: clone-mine"]));
    let instance = |world: &World| world.rds.instance("clone-mine-1").map(|instance| instance.status.clone());
    house.sim.watch(|world| (instance(world).as_deref() == Some("available")).then_some(())).await;
    // It is backed up as soon as it is there.
    house.sim.with(|world| {
        let minutes = Duration::minutes;
        world
            .rds
            .plan_instance_status("clone-mine-1", [(minutes(3), "backing-up"), (minutes(9), "available")]);
    });
    assert_eq!(house.settled("web").await, "CREATE_COMPLETE", "{}", house.story("web"));
    deleted(&house).await;
}

#[tokio::test(start_paused = true)]
async fn each_request_has_one_answer() {
    let house = Scene::Rich.open();
    created(&house, &lines(&[])).await;
    super::scene::updated(&house, &lines(&["Description: x"])).await;
    deleted(&house).await;
    assert_eq!(answers(&house).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_name_is_the_sources_and_a_hash_or_the_given_one() {
    let house = Scene::Rich.open();
    let clone = created(&house, &lines(&[])).await;
    assert!(clone.id.starts_with("clone-main-"), "{}", clone.id);
    assert_eq!(clone.physical_id, format!("arn:aws:rds:eu-west-1:123456789012:cluster:{}", clone.id));
    house.create("api", &lines(&[]));
    assert_eq!(house.settled("api").await, "CREATE_COMPLETE", "another stack has another clone");
    assert_eq!(house.ours().len(), 2);
    let house = Scene::Rich.open();
    assert_eq!(created(&house, &lines(&["ClusterId: clone-mine"])).await.id, "clone-mine");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_fails_or_becomes_another() {
    let given = "ClusterId: clone-taken";
    let house = Scene::Taken.open();
    refused(&house, &lines(&[given]), &["The name clone-taken is taken", "NoFailOnExistingCluster"]).await;
    assert!(changes(&house).is_empty());
    assert!(house.look(|world| world.rds.cluster("clone-taken").is_some()));
    let house = Scene::Taken.open();
    let clone = created(&house, &lines(&[given, "NoFailOnExistingCluster: true"])).await;
    assert!(clone.id.starts_with("clone-taken-"), "{}", clone.id);
    deleted(&house).await;
    assert!(house.look(|world| world.rds.cluster("clone-taken").is_some()));
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_is_cancelled_leaves_nothing() {
    for seconds in (2..700).step_by(75) {
        let house = Scene::Rich.open();
        let template = template_with(&lines(&["ForceCreateKmsKey: true"]), &fails_after(seconds));
        create_with(&house, "web", &template, &StackOptions::default());
        let status = house.settled("web").await;
        assert_eq!(status, "ROLLBACK_COMPLETE", "after {seconds} s: {}", house.story("web"));
        assert!(house.ours().is_empty(), "after {seconds} s");
        house.close().await;
        assert!(house.ours().is_empty(), "after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ready_in_time_is_taken_down() {
    let house = Scene::Slow.open();
    let template = clone_template(&lines(&["ServiceTimeout: 300"]));
    create_with(&house, "web", &template, &StackOptions::disable_rollback());
    assert_eq!(house.settled("web").await, "CREATE_FAILED");
    let reason = answers(&house)[0]["Reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("Not ready in the time") && reason.contains("ServiceTimeout"), "{reason}");
    house.sim.sleep(Duration::hours(1)).await;
    // AWS may not take the deletion of a cluster that is being made; then it goes with the resource.
    deleted(&house).await;
    assert!(house.ours().is_empty());
}

/// What RDS's restore call would silently set to a default: the parameter, its value, and how the clone shows it.
const TAKEN_OVER: [(&str, &str, &str); 13] = [
    ("DBSubnetGroupName", "main-subnets", r#"subnet_group: "main-subnets""#),
    (
        "VpcSecurityGroupIds.VpcSecurityGroupId.1",
        "sg-0aaaaaaaaaaaaaaaa",
        r#"security_groups: ["sg-0aaaaaaaaaaaaaaaa", "sg-0bbbbbbbbbbbbbbbb"]"#,
    ),
    ("VpcSecurityGroupIds.VpcSecurityGroupId.2", "sg-0bbbbbbbbbbbbbbbb", ""),
    ("DBClusterParameterGroupName", "main-params", r#"parameter_group: "main-params""#),
    ("Port", "5544", "port: 5544"),
    ("StorageType", "aurora-iopt1", r#"storage_type: "aurora-iopt1""#),
    ("NetworkType", "DUAL", r#"network_type: "DUAL""#),
    ("EnableIAMDatabaseAuthentication", "true", "iam_auth: true"),
    ("EnableCloudwatchLogsExports.member.1", "postgresql", r#"log_exports: ["postgresql"]"#),
    (
        "EngineLifecycleSupport",
        "open-source-rds-extended-support-disabled",
        r#"lifecycle_support: "open-source-rds-extended-support-disabled""#,
    ),
    ("CopyTagsToSnapshot", "true", "copy_tags_to_snapshot: true"),
    (
        "AssociatedRoles.DBClusterAssociatedRole.1.RoleArn",
        "arn:aws:iam::123456789012:role/exporter",
        r#"Role { arn: "arn:aws:iam::123456789012:role/exporter", feature: Some("s3Export")"#,
    ),
    ("RestoreType", "copy-on-write", "copy_on_write: true"),
];

#[tokio::test(start_paused = true)]
async fn what_is_not_given_is_taken_over_from_the_source() {
    let house = Scene::Rich.open();
    let clone = created(&house, &lines(&[])).await;
    for (parameter, value, shows) in TAKEN_OVER {
        assert!(Wire::Has(RESTORE, parameter, value).seen(&log(&house)), "{parameter} is not in the call");
        assert!(clone.shows(shows), "{parameter}: no {shows} in {}", clone.state);
    }
    let of_instances = [
        ("DBParameterGroupName", "main-instance", r#"parameter_group: "main-instance""#),
        ("EnablePerformanceInsights", "true", "performance_insights: true"),
        ("PerformanceInsightsRetentionPeriod", "31", "performance_insights_retention: Some(31)"),
        ("PerformanceInsightsKMSKeyId", super::scene::INSIGHTS_KEY, super::scene::INSIGHTS_KEY),
        ("MonitoringInterval", "30", "monitoring_interval: 30"),
        ("MonitoringRoleArn", "arn:aws:iam::123456789012:role/monitor", "role/monitor\""),
    ];
    for (parameter, value, shows) in of_instances {
        assert!(Wire::Has("CreateDBInstance", parameter, value).seen(&log(&house)), "{parameter}");
        assert!(clone.shows(shows), "{parameter}: no {shows} in {}", clone.state);
    }
    deleted(&house).await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_the_pool_hands_on_what_the_root_is_like() {
    let house = Scene::Copies.open();
    let clone = created(&house, &lines(&[])).await;
    assert!(output(&house, "SourceArn").ends_with(":clone-pool-1"));
    for (parameter, _, shows) in TAKEN_OVER {
        assert!(clone.shows(shows), "{parameter}: no {shows} in {}", clone.state);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clone_is_disposable_and_never_public() {
    let house = Scene::Rich.open();
    let clone = created(&house, &lines(&["InstanceCount: 2"])).await;
    assert!(clone.shows("deletion_protection: false") && clone.shows("backup_retention: 1,"));
    assert!(clone.shows("backtrack_window: 0") && !clone.shows("publicly_accessible: true"));
    let log = log(&house);
    assert!(Wire::Has("CreateDBInstance", "PubliclyAccessible", "false").seen(&log));
    assert!(!Wire::Has("CreateDBInstance", "PubliclyAccessible", "true").seen(&log));
    deleted(&house).await;
}

#[tokio::test(start_paused = true)]
async fn encryption_is_the_sources() {
    for (encryption, kms_key) in [
        (Encryption::None, None),
        (Encryption::AwsOwned, None),
        (Encryption::Kms, Some(STORAGE_KEY.to_owned())),
    ] {
        let house = House::operated(aurora_clone_sim::Config::default(), OPERATOR, |world| {
            world.rds.seed_cluster(SeedCluster { encryption, kms_key: kms_key.clone(), ..main_cluster() });
        });
        let clone = created(&house, &lines(&[])).await;
        assert!(clone.shows(&format!("encryption: {encryption:?}, kms_key: {kms_key:?}")), "{}", clone.state);
        assert_eq!(first(&log(&house), RESTORE, "KmsKeyId"), None, "no key is asked for");
    }
}

#[tokio::test(start_paused = true)]
async fn auto_is_serverless_to_zero_where_the_version_can() {
    for (engine, version, class, scaling) in [
        (
            "aurora-postgresql",
            "16.4",
            "db.serverless",
            "Scaling { min: 0.0, max: 16.0, pause_after: Some(300) }",
        ),
        ("aurora-postgresql", "13.15", "db.serverless", "Scaling { min: 0.0"),
        ("aurora-postgresql", "16.2", "db.t4g.medium", "scaling: None"),
        ("aurora-mysql", "8.0.mysql_aurora.3.08.0", "db.serverless", "Scaling { min: 0.0"),
        ("aurora-mysql", "8.0.mysql_aurora.3.05.2", "db.t4g.medium", "scaling: None"),
    ] {
        for given in ["", "InstanceClass: auto"] {
            let house = House::operated(aurora_clone_sim::Config::default(), OPERATOR, |world| {
                let (engine, engine_version) = (engine.to_owned(), version.to_owned());
                let seed = SeedCluster { engine, engine_version, parameter_group: None, ..prod("main") };
                world.rds.seed_cluster(seed);
            });
            let clone = created(&house, &lines(&[given])).await;
            assert_eq!(output(&house, "InstanceClass"), class, "{engine} {version}");
            assert!(
                clone.shows(&format!("class: {class:?}")) && clone.shows(scaling),
                "{version} {}",
                clone.state
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_root_is_cloned_before_a_copy_and_the_freshest_copy_before_others() {
    let at = |world: &World, days| world.now() - Duration::days(days);
    let house = House::operated(aurora_clone_sim::Config::default(), OPERATOR, |world| {
        world.rds.seed_cluster(prod("main"));
        for n in 1..=14 {
            let parent = Some(("main".to_owned(), CopyKind::CopyOnWrite));
            world.rds.seed_cluster(SeedCluster {
                id: format!("by-hand-{n}"),
                parent,
                ..SeedCluster::default()
            });
        }
        world.rds.seed_cluster(copy("clone-pool-1", "main", at(world, 2)));
        world.rds.seed_cluster(copy("clone-pool-2", "main", at(world, 1)));
    });
    for (stack, source) in [("a", "main"), ("b", "clone-pool-2"), ("c", "clone-pool-2")] {
        house.create(stack, &lines(&[]));
        assert_eq!(house.settled(stack).await, "CREATE_COMPLETE");
        let taken = house
            .look(|world| world.cloudformation.resource(stack, "Clone").unwrap().data["SourceArn"].clone());
        assert!(taken.as_str().unwrap().ends_with(&format!(":{source}")), "{stack}: {taken}");
    }
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_slot_it_fails_waits_or_copies() {
    let house = Scene::Full.open();
    refused(&house, &lines(&[]), &["main (15 used, 0 free): no free slot", "Nothing was made"]).await;
    assert!(changes(&house).is_empty());
    let house = Scene::Full.open();
    house.create("web", &lines(&["OnNoSlot: Wait"]));
    house.sim.sleep(Duration::minutes(20)).await;
    assert_eq!((house.status("web").as_str(), house.ever_made()), ("CREATE_IN_PROGRESS", 0));
    house.sim.with(|world| world.rds.vanish("by-hand-7"));
    assert_eq!(house.settled("web").await, "CREATE_COMPLETE", "{}", house.story("web"));
    assert_eq!(output(&house, "RestoreType"), "copy-on-write");
    let house = Scene::Full.open();
    let clone: Clone = created(&house, &lines(&["OnNoSlot: Copy"])).await;
    assert_eq!(output(&house, "RestoreType"), "full-copy");
    assert!(clone.shows("copy_on_write: false"));
}

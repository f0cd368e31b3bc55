//! Table B: clusters and instances.

use aurora_clone_core::names::tag;
use aurora_clone_core::request::snapshot_identifier;
use aurora_clone_sim::rds::{Role, SeedCluster, SeedInstance, SeedSnapshot};
use aurora_clone_sim::{FaultKind, World};
use aurora_clone_tests::{House, prod, strangers_clone};
use chrono::Duration;

use crate::predecessor::{PLAIN, calls_to, created, every, expect, fails, house, quick, set_faults};

type Turn = fn(&mut World);

/// What can become of a source while it is cloned.
const TURNS: [(&str, Turn); 7] = [
    ("vanishes", |world| world.rds.vanish("prod")),
    ("is stopped", |world| world.rds.stop("prod")),
    ("is renamed", |world| world.rds.rename("prod", "production")),
    ("fails over", |world| world.rds.set_status("prod", "failing-over")),
    ("is upgraded", |world| world.rds.set_status("prod", "upgrading")),
    ("loses its key", |world| world.rds.set_status("prod", "inaccessible-encryption-credentials")),
    ("loses its instances", |world| {
        world.rds.remove_instance("prod-1");
        world.rds.remove_instance("prod-2");
    }),
];

/// B15. Before the restore that is a failure that says so, or a reason to wait; after it the clone needs its source no more.
#[tokio::test(start_paused = true)]
async fn b15_whatever_becomes_of_the_source_there_is_a_clone_or_nothing() {
    let (mut made, mut failed) = (0, 0);
    for (name, turn) in TURNS {
        for tenths in [0, 5, 15, 25, 35, 60, 300, 600, 1_200] {
            let house = house();
            // So that the steps take a while, and the source changes between two calls of one.
            let late = |operation| every(operation, FaultKind::Delay(Duration::milliseconds(700)));
            let slow =
                ["DescribeDBClusters", "DescribeDBInstances", "RestoreDBClusterToPointInTime", "PutItem"];
            set_faults(&house, slow.into_iter().flat_map(late).collect());
            house.create("web", PLAIN);
            house.sim.sleep(Duration::milliseconds(tenths * 100)).await;
            let restored = house.ever_made() == 1;
            house.sim.with(turn);
            if name == "fails over" || name == "is upgraded" {
                house.sim.sleep(Duration::minutes(6)).await;
                house.sim.with(|world| world.rds.set_status("prod", "available"));
            }
            let status = house.settled("web").await;
            let story = house.story("web");
            if restored || name == "fails over" || name == "is upgraded" {
                assert_eq!(status, "CREATE_COMPLETE", "{name} {tenths}\n{story}");
            }
            if status == "CREATE_COMPLETE" {
                made += 1;
            } else {
                assert_eq!(status, "ROLLBACK_COMPLETE", "{name} {tenths}\n{story}");
                assert!(story.contains("prod"), "{name} {tenths}\n{story}");
                failed += 1;
            }
            house.delete("web");
            expect(&house, "web", "DELETE_COMPLETE").await;
            house.close().await;
            assert!(house.ours().is_empty() && house.ever_made() <= 1, "{name} {tenths}");
        }
    }
    assert!(made >= 20 && failed >= 5, "both ends were met: {made} {failed}");
}

/// B18, B28, C5. What AWS would take for something else when it is left out is never left out, and the other way round.
#[tokio::test(start_paused = true)]
async fn b18_every_call_says_what_must_be_said() {
    let mut config = quick();
    config.rds.full_copy_seconds = 60..=60;
    let house = House::operated(config, aurora_clone_tests::QUICK_COPIES, |_| {});
    created(&house, "web", &format!("{PLAIN}\nInstanceCount: 2")).await;
    let more =
        "InstanceCount: 2\nInstanceClass: db.t4g.medium\nBackupRetentionPeriod: 3\nDeletionProtection: true";
    house.update("web", &format!("{PLAIN}\n{more}"));
    expect(&house, "web", "UPDATE_COMPLETE").await;
    for n in 2..=15 {
        house.sim.with(|world| world.rds.seed_cluster(strangers_clone(&format!("by-hand-{n}"), "prod")));
    }
    created(&house, "copy", &format!("{PLAIN}\nOnNoSlot: Copy")).await;
    let mut told = std::collections::BTreeMap::new();
    for call in calls_to(&house, "rds").iter().filter(|call| call.mutates() && call.status == 200) {
        let get = |name: &str| call.parameters.get(name).map(String::as_str);
        *told.entry(call.operation.clone()).or_insert(0) += 1;
        match call.operation.as_str() {
            "RestoreDBClusterToPointInTime" => {
                let kinds = [Some("copy-on-write"), Some("full-copy")];
                assert!(kinds.contains(&get("RestoreType")), "{:?}", call.parameters);
                assert_eq!(get("UseLatestRestorableTime"), Some("true"));
                for name in
                    ["DBSubnetGroupName", "VpcSecurityGroupIds.VpcSecurityGroupId.1", "Tags.Tag.1.Key"]
                {
                    assert!(get(name).is_some(), "{name}");
                }
            }
            "CreateDBInstance" => {
                assert_eq!(get("PubliclyAccessible"), Some("false"));
                for name in ["EngineVersion", "DBSubnetGroupName", "MasterUserPassword"] {
                    assert_eq!(get(name), None, "{name}");
                }
            }
            "ModifyDBCluster" | "ModifyDBInstance" => assert_eq!(get("ApplyImmediately"), Some("true")),
            _ => {}
        }
    }
    assert_eq!((told["RestoreDBClusterToPointInTime"], told["CreateDBInstance"]), (2, 3));
    assert!(told["ModifyDBCluster"] >= 4 && told["ModifyDBInstance"] >= 2, "{told:?}");
    house.close().await;
}

/// B20. An instance's name may be taken by anybody's instance: it is not touched, and nothing of ours is left.
#[tokio::test(start_paused = true)]
async fn b20_an_instance_name_that_somebody_has_is_left_to_them() {
    let house = House::with(quick(), 0, |world| {
        world.rds.seed_cluster(SeedCluster { id: "theirs".to_owned(), ..SeedCluster::default() });
        let id = "clone-mine-1".to_owned();
        world.rds.seed_instance(SeedInstance { id, cluster: "theirs".to_owned(), ..SeedInstance::default() });
    });
    let before = house.look(|world| format!("{:?}", world.rds.instance("clone-mine-1")));
    let wishes = format!("{PLAIN}\nClusterId: clone-mine\nServiceTimeout: 900");
    fails(&house, "web", &wishes, &["clone-mine-1", "\"theirs\""]).await;
    assert_eq!(house.look(|world| format!("{:?}", world.rds.instance("clone-mine-1"))), before);
    house.close().await;
    assert!(house.ours().is_empty());
}

/// B24. A final snapshot is made under a name of its own; where that is taken, the cluster and its data are kept.
#[tokio::test(start_paused = true)]
async fn b24_a_final_snapshot_is_made_or_the_cluster_is_kept() {
    for taken in [false, true] {
        let house = house();
        let clone = created(&house, "web", &format!("{PLAIN}\nFinalSnapshot: true")).await;
        let name = snapshot_identifier(&clone.id, &clone.tags[tag::GENERATION]);
        if taken {
            let seed =
                SeedSnapshot { id: name.clone(), cluster: "prod".to_owned(), ..SeedSnapshot::default() };
            house.sim.with(|world| world.rds.seed_snapshot(seed));
        }
        house.delete("web");
        expect(&house, "web", if taken { "DELETE_FAILED" } else { "DELETE_COMPLETE" }).await;
        house.look(|world| {
            assert_eq!(world.rds.cluster(&clone.id).is_some(), taken);
            let usable = world.rds.instances_of(&clone.id).filter(|i| i.status == "available").count();
            assert_eq!(usable, usize::from(taken), "it is found out before an instance goes");
            let snapshot = world.rds.snapshots().find(|snapshot| snapshot.id == name).unwrap();
            assert_eq!(snapshot.cluster.id == clone.id, !taken);
        });
        assert!(!taken || house.story("web").contains(&name), "{}", house.story("web"));
        house.close().await;
    }
    // What was never usable is not worth a snapshot.
    let house = house();
    set_faults(&house, every("CreateDBInstance", FaultKind::Deny));
    fails(&house, "web", &format!("{PLAIN}\nFinalSnapshot: true"), &["CreateDBInstance"]).await;
    assert_eq!(house.look(|world| world.rds.snapshots().count()), 0);
    house.close().await;
}

/// B27. Between the look and the deletion the name goes to another cluster, which even has the tags. It is not that cluster.
#[tokio::test(start_paused = true)]
async fn b27_a_cluster_that_took_over_the_name_is_not_deleted() {
    let house = house();
    let clone = created(&house, "web", PLAIN).await;
    // The step has listed the clusters and now waits for the instances.
    set_faults(&house, every("DescribeDBInstances", FaultKind::Delay(Duration::seconds(8))));
    let before = calls_to(&house, "rds").len();
    house.delete("web");
    let looks = |house: &House| {
        calls_to(house, "rds").into_iter().skip(before).any(|call| call.operation == "DescribeDBInstances")
    };
    for _ in 0..600 {
        house.sim.sleep(Duration::milliseconds(500)).await;
        if looks(&house) {
            break;
        }
    }
    assert!(looks(&house) && house.ours().len() == 1);
    let heir = SeedCluster { tags: clone.tags.clone(), ..prod(&clone.id) };
    let heir_id = house.sim.with(|world| {
        world.rds.vanish(&clone.id);
        world.rds.seed_cluster(SeedCluster { deletion_protection: false, ..heir })
    });
    house.sim.sleep(Duration::seconds(12)).await;
    house.look(|world| {
        let heir = world.rds.cluster(&clone.id).expect("it lives");
        assert_eq!((heir.resource_id.as_str(), heir.status.as_str()), (heir_id.as_str(), "available"));
        assert!(world.rds.instances_of(&clone.id).all(|member| member.status == "available"));
    });
    // By the next look its tags are its own owner's.
    house.sim.with(|world| {
        world.rds.change(&clone.id, |heir| heir.tags.clear());
        world.set_faults(Vec::new());
    });
    expect(&house, "web", "DELETE_COMPLETE").await;
    assert!(house.look(|world| world.rds.cluster_by_resource_id(&heir_id).is_some()));
    house.close().await;
}

/// B29. A template can force the parameter group that turns production's jobs off, and leave production's roles behind.
#[tokio::test(start_paused = true)]
async fn b29_a_clone_can_be_given_a_quiet_parameter_group_and_no_roles() {
    let house = House::with(quick(), 0, |world| {
        let lambda = Role::active("arn:aws:iam::123456789012:role/calls-lambda", Some("Lambda"));
        world.rds.change("prod", |prod| prod.roles = vec![lambda]);
        world.rds.seed_parameter_group("quiet", "aurora-postgresql16");
    });
    let quiet = "DBClusterParameterGroupName: quiet\nAssociatedRoles: []";
    let clone = created(&house, "web", &format!("{PLAIN}\n{quiet}")).await;
    assert_eq!((clone.parameter_group.as_str(), clone.roles.len()), ("quiet", 0));
    house.close().await;
}

use aurora_clone_sim::rds::{CopyKind, Role, SeedCluster};
use aurora_clone_sim::{Config, World};
use chrono::Duration;

use crate::room::{MANAGER, Room, STRANGER, seed, settings, text};

const SKIP: (&str, &str) = ("SkipFinalSnapshot", "true");

/// What the violations begin with.
fn broken(room: &mut Room) -> Vec<String> {
    let lines = std::mem::take(&mut room.world.violations);
    lines.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn every_accepted_mutation_of_what_is_not_the_managers_is_seen() {
    let prod = ("DBClusterIdentifier", "prod");
    let member = ("DBInstanceIdentifier", "prod-1");
    let arn = ("ResourceName", "arn:aws:rds:eu-west-1:123456789012:cluster:prod");
    let instance_arn = ("ResourceName", "arn:aws:rds:eu-west-1:123456789012:db:prod-1");
    let tag = ("Tags.Tag.1.Key", "a");
    for (operation, parameters) in [
        ("ModifyDBCluster", vec![prod, ("DeletionProtection", "false")]),
        ("ModifyDBInstance", vec![member, ("PromotionTier", "2")]),
        ("AddTagsToResource", vec![arn, tag]),
        ("AddTagsToResource", vec![instance_arn, tag]),
        ("RemoveTagsFromResource", vec![arn, ("TagKeys.member.1", "a")]),
        (
            "AddRoleToDBCluster",
            vec![prod, ("RoleArn", "arn:aws:iam::123456789012:role/x"), ("FeatureName", "s3Import")],
        ),
        (
            "RemoveRoleFromDBCluster",
            vec![prod, ("RoleArn", "arn:aws:iam::123456789012:role/old"), ("FeatureName", "s3Export")],
        ),
        ("ModifyDBCluster", vec![prod, ("ManageMasterUserPassword", "true")]),
        (
            "ModifyDBCluster",
            vec![prod, ("CloudwatchLogsExportConfiguration.EnableLogTypes.member.1", "instance")],
        ),
        ("DeleteDBInstance", vec![member, SKIP]),
        (
            "CreateDBInstance",
            vec![
                prod,
                ("DBInstanceIdentifier", "x"),
                ("DBInstanceClass", "db.r6g.large"),
                ("Engine", "aurora-postgresql"),
            ],
        ),
    ] {
        let room_with_role = || {
            let mut room = Room::with_prod();
            let role = Role::active("arn:aws:iam::123456789012:role/old", Some("s3Export"));
            room.world.rds.change("prod", |prod| prod.roles.push(role));
            room
        };
        let mut room = room_with_role();
        room.ok_as(STRANGER, operation, &parameters);
        assert!(room.world.violations.is_empty());
        let mut room = room_with_role();
        room.ok(operation, &parameters);
        assert_eq!(broken(&mut room), ["S1", "S2"], "{operation}");
    }
    let mut room = Room::new();
    room.world.rds.seed_cluster(SeedCluster { instances: 0, ..seed("prod") });
    room.ok("DeleteDBCluster", &[prod, SKIP]);
    assert_eq!(broken(&mut room), ["S1", "S2"]);
}

#[test]
fn reads_refusals_and_restores_harm_nobody() {
    let mut room = Room::with_prod();
    room.ok("DescribeDBClusters", &[]);
    room.call(MANAGER, "DeleteDBCluster", &[("DBClusterIdentifier", "prod"), SKIP]);
    room.clone_of(MANAGER, "kid", "prod");
    room.restore(MANAGER, "copy", "prod", "full-copy", &[]);
    assert!(room.world.violations.is_empty());
}

#[test]
fn truth_does_not_rest_on_tags_or_names() {
    let mut room = Room::with_prod();
    // The manager's own clone, with a member that a stranger added: the manager may delete both.
    room.clone_of(MANAGER, "kid", "prod");
    room.add_instance(STRANGER, "kid-x", "kid");
    room.ok("DeleteDBInstance", &[("DBInstanceIdentifier", "kid-x"), SKIP]);
    room.ok("DeleteDBCluster", &[("DBClusterIdentifier", "kid"), SKIP]);
    assert!(room.world.violations.is_empty());
    // A stranger's clone of the manager's copy carries the manager's tags, and is a stranger's.
    room.world.rds.seed_cluster(SeedCluster {
        created_by: MANAGER.into(),
        parent: Some(("prod".into(), CopyKind::Full)),
        tags: [("manager".to_owned(), "yes".to_owned())].into(),
        ..seed("copy")
    });
    room.clone_of(STRANGER, "theirs", "copy");
    assert!(room.world.rds.cluster("theirs").unwrap().tags.contains_key("manager"));
    room.ok("DeleteDBCluster", &[("DBClusterIdentifier", "theirs"), SKIP]);
    assert_eq!(broken(&mut room), ["S1"]);
    // Under another name it is the same cluster.
    room.world.rds.rename("prod", "copy-2");
    room.ok("ModifyDBCluster", &[("DBClusterIdentifier", "copy-2"), ("DeletionProtection", "false")]);
    assert_eq!(broken(&mut room), ["S1", "S2"]);
}

#[test]
fn the_managers_sixteenth_clone_is_seen() {
    let mut room = Room::with_prod();
    for number in 1..=15 {
        let parent = Some(("prod".to_owned(), CopyKind::CopyOnWrite));
        room.world.rds.seed_cluster(SeedCluster { parent, ..seed(&format!("k{number}")) });
    }
    room.restore(MANAGER, "meant", "prod", "full-copy", &[]);
    assert!(room.world.violations.is_empty());
    room.clone_of(MANAGER, "sixteenth", "prod");
    assert_eq!(broken(&mut room), ["S12"]);
}

#[test]
fn every_life_is_remembered() {
    let mut room = Room::with_prod();
    let start = room.world.now();
    let tags = [("Tags.Tag.1.Key", "logical"), ("Tags.Tag.1.Value", "Database")];
    for _ in 0..2 {
        room.restore(MANAGER, "kid", "prod", "copy-on-write", &tags);
        room.ok("DeleteDBCluster", &[("DBClusterIdentifier", "kid"), SKIP]);
        room.wait(Duration::minutes(5));
    }
    let lives: Vec<_> = room.world.rds.history().iter().filter(|life| life.id == "kid").collect();
    assert_eq!(lives.len(), 2);
    assert_ne!(lives[0].resource_id, lives[1].resource_id);
    assert_eq!(lives[0].truth.created_by, MANAGER);
    assert_eq!(lives[0].truth.created_at, start);
    assert_eq!(lives[0].tags["logical"], "Database");
    let gone = lives[0].gone_at.unwrap() - start;
    assert!((60..=120).contains(&gone.num_seconds()), "{gone}");
    assert!(room.world.rds.history()[0].gone_at.is_none());
}

#[test]
fn the_family_tree_keeps_a_branch_whose_parent_is_gone() {
    let mut room = Room::with_prod();
    let child =
        |id: &str, parent: &str, kind| SeedCluster { parent: Some((parent.into(), kind)), ..seed(id) };
    room.world.rds.seed_cluster(child("copy", "prod", CopyKind::Full));
    room.world.rds.seed_cluster(child("kid", "copy", CopyKind::CopyOnWrite));
    room.world.rds.seed_cluster(child("grandkid", "kid", CopyKind::CopyOnWrite));
    let tree = |room: &Room| -> Vec<(String, usize)> {
        room.world.rds.family("prod").into_iter().map(|member| (member.id, member.depth)).collect()
    };
    let line = |id: &str, depth| (id.to_owned(), depth);
    assert_eq!(tree(&room), [line("prod", 0), line("copy", 1), line("kid", 2), line("grandkid", 3)]);
    room.world.rds.vanish("kid");
    assert_eq!(tree(&room), [line("prod", 0), line("copy", 1), line("grandkid", 2)]);
    let (parent, kind) = room.world.rds.family("prod")[2].parent.clone().unwrap();
    assert_eq!((parent.id.as_str(), kind), ("kid", CopyKind::CopyOnWrite));
    let copy = room.world.rds.cluster("copy").unwrap().resource_id.clone();
    assert_eq!(room.world.rds.living_clones_of_volume(&copy), 1);
}

#[test]
fn a_refused_call_changes_nothing_and_the_same_seed_gives_the_same_world() {
    let run = |seed_number| {
        let config = Config { seed: seed_number, rds: settings(), ..Config::default() };
        let mut room = Room { world: World::new(config) };
        room.world.rds.seed_cluster(seed("prod"));
        room.clone_of(MANAGER, "kid", "prod");
        room.call(MANAGER, "DeleteDBCluster", &[("DBClusterIdentifier", "prod"), SKIP]);
        room.wait(Duration::minutes(3));
        text(&room.call(MANAGER, "DescribeDBClusters", &[]))
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn a_public_instance_of_the_managers_is_seen() {
    let instance = [
        ("DBInstanceIdentifier", "kid-1"),
        ("DBClusterIdentifier", "kid"),
        ("DBInstanceClass", "db.r6g.large"),
        ("Engine", "aurora-postgresql"),
    ];
    let public = ("PubliclyAccessible", "true");
    let mut room = Room::with_prod();
    room.clone_of(MANAGER, "kid", "prod");
    room.ok("CreateDBInstance", &[&instance[..], &[public]].concat());
    assert_eq!(broken(&mut room), ["S22"]);
    // The name of the default subnet group makes it public, too.
    let mut room = Room::with_prod();
    room.clone_of(MANAGER, "kid", "prod");
    room.ok("CreateDBInstance", &[&instance[..], &[("DBSubnetGroupName", "default")]].concat());
    assert_eq!(broken(&mut room), ["S22"]);

    let mut room = Room::with_prod();
    room.clone_of(MANAGER, "kid", "prod");
    room.add_instance(MANAGER, "kid-1", "kid");
    room.wait(Duration::minutes(12));
    let id = ("DBInstanceIdentifier", "kid-1");
    room.ok("ModifyDBInstance", &[id, public]);
    assert_eq!(broken(&mut room), ["S22"]);
    // What somebody else made public is not the manager's doing.
    room.wait(Duration::minutes(1));
    room.ok("ModifyDBInstance", &[id, ("PromotionTier", "2")]);
    assert!(room.world.violations.is_empty());
}

#[test]
fn lost_security_groups_are_seen() {
    let mut room = Room::new();
    room.world.rds.seed_cluster(SeedCluster { security_groups: vec!["sg-app".into()], ..seed("prod") });
    let group = |name| ("VpcSecurityGroupIds.VpcSecurityGroupId.1", name);
    room.clone_of(STRANGER, "theirs", "prod");
    assert!(room.world.violations.is_empty());
    room.clone_of(MANAGER, "kid", "prod");
    assert_eq!(broken(&mut room), ["S22"]);
    room.restore(MANAGER, "kid2", "prod", "copy-on-write", &[group("sg-other")]);
    assert!(room.world.violations.is_empty());
    room.wait(Duration::minutes(4));
    let modify = [("DBClusterIdentifier", "kid2"), ("ApplyImmediately", "true"), group("sg-00000000default")];
    room.ok("ModifyDBCluster", &modify);
    assert_eq!(broken(&mut room), ["S22"]);
    room.ok("ModifyDBCluster", &[("DBClusterIdentifier", "kid"), ("DeletionProtection", "false")]);
    assert!(room.world.violations.is_empty(), "said once");
}

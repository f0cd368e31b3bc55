//! Whole calls, which ask about several resources at once: what one statement lets through, another has to hold.

use aurora_clone_core::names::tag;
use aurora_clone_sim::iam::{Verdict, asks};
use aurora_clone_sim::{Config, World, query};
use aurora_clone_tests::rights::{HANDLER_ROLE, MAINTAINER_ROLE};
use aurora_clone_tests::{MANAGER, MANAGER_KEY, copy, prod};

use super::roles;

fn world() -> World {
    let mut world = World::new(Config::default());
    world.rds.seed_subnet_group("data");
    world.rds.seed_parameter_group("prod-params", "aurora-postgresql16");
    world.rds.seed_cluster(prod("prod"));
    world.rds.seed_cluster(copy("clone-ours", "prod", world.now()));
    world
}

/// What a call is denied, by the first question that is: `action kind:name`; nothing if it is let through.
fn denied(role: &str, operation: &str, parameters: &[(&str, &str)]) -> Option<String> {
    let world = world();
    let request = query::request(&world.config, MANAGER_KEY, operation, parameters);
    let asked = asks(&world, "rds", operation, &request);
    assert!(!asked.is_empty(), "{operation}");
    let roles = roles();
    let denied = asked.iter().find(|ask| matches!(roles[role].judge(ask), Verdict::Denied(_)))?;
    let parts: Vec<&str> = denied.resource.splitn(6, ':').collect();
    Some(format!("{} {}", denied.action, parts.last().unwrap()))
}

const OURS: [(&str, &str); 2] = [("Tags.Tag.1.Key", tag::MANAGER), ("Tags.Tag.1.Value", MANAGER)];

fn restore<'a>(id: &'a str, tags: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut parameters = vec![
        ("DBClusterIdentifier", id),
        ("SourceDBClusterIdentifier", "prod"),
        ("DBSubnetGroupName", "data"),
        ("DBClusterParameterGroupName", "prod-params"),
        ("RestoreType", "copy-on-write"),
    ];
    parameters.extend(tags);
    parameters
}

/// Source and target of a copy are both clusters: the target's fences are the tag in the request and who may be tagged.
#[test]
fn a_copy_gets_our_prefix_and_our_tag_or_is_not_made() {
    const RESTORE: &str = "RestoreDBClusterToPointInTime";
    for role in [HANDLER_ROLE, MAINTAINER_ROLE] {
        assert_eq!(denied(role, RESTORE, &restore("clone-new", &OURS)), None, "{role}");
        let foreign = denied(role, RESTORE, &restore("copy-of-prod", &OURS));
        assert_eq!(foreign.as_deref(), Some("rds:AddTagsToResource cluster:copy-of-prod"), "{role}");
        let denial = denied(role, RESTORE, &restore("clone-new", &[]));
        assert_eq!(denial.as_deref(), Some("rds:RestoreDBClusterToPointInTime cluster:prod"), "{role}");
        let theirs = [("Tags.Tag.1.Key", tag::MANAGER), ("Tags.Tag.1.Value", "other")];
        assert!(denied(role, RESTORE, &restore("clone-new", &theirs)).is_some(), "{role}");
    }
}

#[test]
fn an_instance_is_added_to_a_cluster_of_ours_alone() {
    let create = |id, cluster| {
        let mut parameters = vec![("DBInstanceIdentifier", id), ("DBClusterIdentifier", cluster)];
        parameters.extend(OURS);
        denied(HANDLER_ROLE, "CreateDBInstance", &parameters)
    };
    assert_eq!(create("clone-ours-1", "clone-ours"), None);
    assert_eq!(create("clone-ours-1", "prod").as_deref(), Some("rds:CreateDBInstance cluster:prod"));
    assert_eq!(create("reader", "clone-ours").as_deref(), Some("rds:CreateDBInstance db:reader"));
}

#[test]
fn a_last_snapshot_has_our_prefix() {
    let delete = |id, snapshot: &[(&str, &str)]| {
        let mut parameters = vec![("DBClusterIdentifier", id)];
        parameters.extend(snapshot);
        denied(HANDLER_ROLE, "DeleteDBCluster", &parameters)
    };
    assert_eq!(delete("clone-ours", &[("SkipFinalSnapshot", "true")]), None);
    assert_eq!(delete("clone-ours", &[("FinalDBSnapshotIdentifier", "clone-ours-final")]), None);
    let foreign = delete("clone-ours", &[("FinalDBSnapshotIdentifier", "nightly")]);
    assert_eq!(foreign.as_deref(), Some("rds:DeleteDBCluster cluster-snapshot:nightly"));
    let production = delete("prod", &[("SkipFinalSnapshot", "true")]);
    assert_eq!(production.as_deref(), Some("rds:DeleteDBCluster cluster:prod"));
}

#[test]
fn a_role_is_passed_to_rds_for_a_cluster_of_ours() {
    let add = |cluster, role| {
        denied(HANDLER_ROLE, "AddRoleToDBCluster", &[("DBClusterIdentifier", cluster), ("RoleArn", role)])
    };
    let (ours, foreign) = ("arn:aws:iam::123456789012:role/loader", "arn:aws:iam::000000000000:role/loader");
    assert_eq!(add("clone-ours", ours), None);
    assert_eq!(add("prod", ours).as_deref(), Some("rds:AddRoleToDBCluster cluster:prod"));
    assert_eq!(add("clone-ours", foreign).as_deref(), Some("iam:PassRole role/loader"));
}

/// A call that the judge does not know asks about everything: a flow that begins to make it fails until the judge knows it.
#[test]
fn a_call_that_is_not_known_is_denied() {
    assert_eq!(denied(HANDLER_ROLE, "StopDBCluster", &[]).as_deref(), Some("rds:StopDBCluster *"));
}

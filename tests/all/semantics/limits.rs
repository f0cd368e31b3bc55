//! Whatever an operator limits is refused before anything is changed.

use aurora_clone_core::names::env;
use aurora_clone_tests::Operator;

use super::scene::{Clone, OPERATOR, Scene, changes, created, lines, refused};

const FOREIGNER: &str = "AccessPrincipalArns: ['arn:aws:iam::999999999999:role/reader']";
const READER: &str = "AccessPrincipalArns: ['arn:aws:iam::123456789012:role/reader']";

/// The limit, its value, what a template gives, and the words of the refusal beside the limit's name.
const REFUSED: &[(&str, &str, &str, &str)] = &[
    (env::ALLOWED_SOURCES, "other, prod-*", "", "SourceClusterId is"),
    (env::ALLOWED_PRINCIPALS, "", FOREIGNER, "AccessPrincipalArns is"),
    (env::ALLOWED_PRINCIPALS, "arn:aws:iam::123456789012:role/app-*", READER, "AccessPrincipalArns is"),
    (env::ALLOWED_SUBNET_GROUPS, "main-*", "DBSubnetGroupName: second-subnets", "DBSubnetGroupName is"),
    (env::ALLOWED_SUBNET_GROUPS, "second-*", "", "DBSubnetGroupName: \"main-subnets\""),
    (
        env::ALLOWED_SECURITY_GROUPS,
        "sg-0a*,sg-0b*",
        "VpcSecurityGroupIds: [sg-0c0c]",
        "VpcSecurityGroupIds is",
    ),
    (
        env::ALLOWED_SECURITY_GROUPS,
        "sg-0aaaaaaaaaaaaaaaa",
        "",
        "VpcSecurityGroupIds: \"sg-0bbbbbbbbbbbbbbbb\"",
    ),
    (env::ALLOWED_INSTANCE_CLASSES, "db.serverless", "InstanceClass: db.r6g.16xlarge", "InstanceClass is"),
    (env::ALLOWED_INSTANCE_CLASSES, "db.t4g.*", "", "InstanceClass: \"db.serverless\""),
    (env::NAME_PREFIX, "team-", "ClusterId: clone-mine", "it must begin with \"team-\""),
    (env::MAX_LEASE, "PT12H", "ExpiresAfter: P2D", "ExpiresAfter is"),
    (env::DEFAULT_SECRET_PREFIX, "/team/", "SecretPrefix: /other/", "it must begin with"),
    (env::ALLOW_SOURCE_PASSWORD, "false", "SetPassword: false", "SetPassword is"),
];

fn operator<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let others = OPERATOR.iter().filter(|(other, _)| *other != name).copied();
    others.chain([(name, value)]).collect()
}

#[tokio::test(start_paused = true)]
async fn each_limit_refuses_with_its_name_and_changes_nothing() {
    for (limit, value, given, words) in REFUSED {
        let house = Scene::Rich.operated(&operator(limit, value), |_| {});
        refused(&house, &lines(&[given]), &[limit, words]).await;
        assert_eq!(changes(&house).len(), 0, "{limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_is_held_against_the_limits_too() {
    for (limit, value, given, words) in REFUSED.iter().filter(|row| !row.2.is_empty()) {
        let mut open = operator(limit, value);
        if *limit == env::NAME_PREFIX {
            open.retain(|(name, _)| name != limit);
        }
        let house = Scene::Rich.operated(&open, |_| {});
        let before = created(&house, &lines(&[])).await;
        let calls = changes(&house).len();
        let wrong = if *limit == env::NAME_PREFIX { "ClusterId: team-mine" } else { given };
        house.update("web", &lines(&[wrong]));
        assert_eq!(house.settled("web").await, "UPDATE_ROLLBACK_COMPLETE", "{limit}");
        let story = house.story("web");
        assert!(story.contains(limit) && (*limit == env::NAME_PREFIX || story.contains(words)), "{story}");
        Clone::of(&house).is_still(&before, limit);
        assert_eq!(changes(&house).len(), calls, "{limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn slots_are_kept_free_for_others() {
    let cases: [(Operator<'_>, &str); 3] = [
        (&[(env::MAX_CLONES_PER_SOURCE, "15"), (env::SLOT_MARGIN, "0")], "CREATE_COMPLETE"),
        (&[(env::MAX_CLONES_PER_SOURCE, "2"), (env::SLOT_MARGIN, "0")], "ROLLBACK_COMPLETE"),
        (&[(env::MAX_CLONES_PER_SOURCE, "3"), (env::SLOT_MARGIN, "1")], "ROLLBACK_COMPLETE"),
    ];
    for (operator, status) in cases {
        let house = Scene::Rich.operated(operator, |_| {});
        for stack in ["a", "b"] {
            house.create(stack, &lines(&[]));
            assert_eq!(house.settled(stack).await, "CREATE_COMPLETE");
        }
        let calls = changes(&house).len();
        house.create("web", &lines(&[]));
        assert_eq!(house.settled("web").await, status, "{operator:?}");
        if status == "ROLLBACK_COMPLETE" {
            assert!(house.story("web").contains("main (2 used, 0 free): no free slot"));
            assert_eq!(changes(&house).len(), calls);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_copy_is_begun_only_if_there_is_time_for_it() {
    let house = Scene::Full.operated(&operator(env::FULL_COPY_TIME, "PT3H"), |_| {});
    refused(&house, &lines(&["OnNoSlot: Copy"]), &[env::FULL_COPY_TIME, "Nothing was made"]).await;
    assert!(changes(&house).is_empty());
}

#[tokio::test(start_paused = true)]
async fn copies_that_are_too_old_for_the_operator_are_too_old_for_everybody() {
    let house = Scene::Copies.operated(&operator(env::MAX_COPY_AGE, "PT6H"), |_| {});
    refused(&house, &lines(&["MaxCopyAge: P9D"]), &["clone-pool-1", "MaxCopyAge is 6 h"]).await;
    assert!(changes(&house).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_removed_property_falls_back_to_is_held_against_the_limits() {
    for (limit, value, given, fails) in [
        (env::ALLOWED_INSTANCE_CLASSES, "db.t4g.*", "InstanceClass: db.t4g.large", "db.serverless"),
        (
            env::ALLOWED_SECURITY_GROUPS,
            "sg-0c*",
            "VpcSecurityGroupIds: [sg-0cccccccccccccccc]",
            "sg-0aaaaaaaaaaaaaaaa",
        ),
    ] {
        let house = Scene::Rich.operated(&operator(limit, value), |_| {});
        let before = created(&house, &lines(&[given])).await;
        let calls = changes(&house).len();
        house.update("web", &lines(&[]));
        assert_eq!(house.settled("web").await, "UPDATE_ROLLBACK_COMPLETE", "{limit}");
        let story = house.story("web");
        assert!(story.contains(limit) && story.contains(fails), "{story}");
        Clone::of(&house).is_still(&before, limit);
        assert_eq!(changes(&house).len(), calls, "{limit}");
    }
}

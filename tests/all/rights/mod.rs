//! What the maintainer's role allows, against what the maintainer calls and against what must never be allowed.

mod policy;

use std::collections::BTreeSet;

use aurora_clone_core::names::tag;
use aurora_clone_sim::Call;
use aurora_clone_tests::MANAGER_KEY;
use aurora_clone_tests::pools::{Pools, wants};
use chrono::Duration;
use serde_json::{Value, json};

use policy::{allowed, resolved, statements, template};

const ROLE: &str = "PoolMaintainerRole";
const OURS: (&str, &[&str]) = ("aws:resourcetag/aurora-clone:manager", &["manager"]);
const THEIRS: (&str, &[&str]) = ("aws:resourcetag/aurora-clone:manager", &["other"]);
const NEW: (&str, &[&str]) = ("aws:requesttag/aurora-clone:manager", &["manager"]);

fn rds(kind: &str, name: &str) -> String {
    format!("arn:aws:rds:eu-west-1:123456789012:{kind}:{name}")
}

/// The rights that one call takes.
fn rights(call: &Call) -> Vec<String> {
    let mut rights = vec![format!("{}:{}", call.service, call.operation)];
    let says = |text: &str| call.parameters.keys().any(|name| name.starts_with(text));
    // RDS checks the tags of a call that makes something as AddTagsToResource on what is made.
    if call.service == "rds" && says("Tags.") {
        rights.push("rds:AddTagsToResource".to_owned());
    }
    if call.operation == "DescribeStacks" && !says("StackName") {
        rights.push("cloudformation:ListStacks".to_owned());
    }
    rights
}

/// What the maintainer itself called: the handler's calls and those of people are left out.
fn called(pools: &Pools) -> BTreeSet<String> {
    let own: BTreeSet<u64> = pools.invocations().iter().map(|record| record.id).collect();
    pools.look(|world| {
        let of_it = world.log.iter().filter(|call| {
            call.principal == MANAGER_KEY
                && call.invocation.is_some_and(|id| own.contains(&id))
                && call.service != "s3"
        });
        of_it.flat_map(rights).collect()
    })
}

/// Flows that take every way through the maintainer: copies made of the volume and of snapshots, replaced and purged; a lease that is
/// renewed and then over, with a secret and a key; and a clone that CloudFormation forgot because it could not be deleted in time.
async fn all_ways() -> BTreeSet<String> {
    let pools = Pools::open(&wants(20, json!({})), |_| {});
    pools.night().await;
    pools.create("web", "SourceClusterId: prod\nExpiresAfter: P1D\nForceCreateKmsKey: true");
    assert_eq!(pools.settled("web").await, "CREATE_COMPLETE", "{}", pools.story("web"));
    pools.create("old", "SourceClusterId: prod\nClusterId: clone-old");
    assert_eq!(pools.settled("old").await, "CREATE_COMPLETE", "{}", pools.story("old"));
    pools.sim.with(|world| world.rds.protect("clone-old", true));
    pools.update("old", "SourceClusterId: prod\nClusterId: clone-new");
    assert_eq!(pools.settled("old").await, "UPDATE_COMPLETE", "{}", pools.story("old"));
    pools.sim.with(|world| world.rds.protect("clone-old", false));
    let web = pools.look(|world| {
        let is = |c: &&aurora_clone_sim::rds::Cluster| c.tags.contains_key(tag::LEASE);
        world.rds.clusters().find(is).map(|cluster| cluster.id.clone()).unwrap()
    });
    pools.send(json!({ "renew": { "cluster": web, "for": "P1D" } })).await;
    pools.send(json!({ "plan": true })).await;
    for night in 0..10 {
        if night == 2 {
            pools.configure(&wants(35, json!({ "copy-method": "snapshot" })));
        }
        if night == 5 {
            pools.configure(&wants(0, json!({})));
        }
        pools.night().await;
        for _ in 0..4 {
            pools.sim.sleep(Duration::hours(6)).await;
            pools.sweep().await;
        }
    }
    let gone = |name: &str| pools.look(|world| world.rds.cluster(name).is_none());
    let sweep = pools.ask(json!({ "plan": true })).await.unwrap()["sweep"].take();
    assert!(gone(&web) && gone("clone-old"), "{sweep}");
    let called = called(&pools);
    pools.close().await;
    called
}

/// Rights that no call of ours names: the log's, and those with which RDS itself uses the key of a volume for its caller; and what IAM
/// may ask about a deletion.
const OF_OTHERS: [&str; 5] =
    ["logs:CreateLogStream", "logs:PutLogEvents", "kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant"];

#[tokio::test(start_paused = true)]
async fn the_maintainer_may_do_what_it_calls_and_nothing_else() {
    let statements = statements(&template(), ROLE);
    let allowing = statements.iter().filter(|statement| statement.allows);
    let granted: BTreeSet<String> = allowing.flat_map(|statement| statement.actions.clone()).collect();
    let called = all_ways().await;
    let missing: Vec<_> = called.difference(&granted).collect();
    assert!(missing.is_empty(), "called and not allowed: {missing:?}");
    let superfluous: Vec<_> =
        granted.difference(&called).filter(|right| !OF_OTHERS.contains(&right.as_str())).collect();
    assert!(superfluous.is_empty(), "allowed and never called: {superfluous:?}");
    // The rarest of them, or the flows do not go far enough to say anything.
    for rare in [
        "cloudformation:DescribeStackEvents",
        "cloudformation:ListStacks",
        "dynamodb:UpdateItem",
        "kms:ScheduleKeyDeletion",
    ] {
        assert!(called.contains(rare), "{rare} in {called:?}");
    }
}

#[test]
fn the_maintainer_deletes_what_has_our_prefix_and_our_tag() {
    let of_it = statements(&template(), ROLE);
    for (action, kind) in [
        ("rds:DeleteDBCluster", "cluster"),
        ("rds:DeleteDBInstance", "db"),
        ("rds:DeleteDBClusterSnapshot", "cluster-snapshot"),
    ] {
        assert!(allowed(&of_it, action, &rds(kind, "clone-x"), &[OURS]), "{action}");
        for (name, context) in
            [("prod", vec![OURS]), ("clone-x", vec![THEIRS]), ("clone-x", vec![]), ("clone-x", vec![NEW])]
        {
            assert!(!allowed(&of_it, action, &rds(kind, name), &context), "{action} {name} {context:?}");
        }
    }
    let secret = |name: &str| format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-AbCdEf");
    let delete = "secretsmanager:DeleteSecret";
    assert!(allowed(&of_it, delete, &secret("/aurora-clone-manager/clone-x/1"), &[OURS]));
    assert!(!allowed(&of_it, delete, &secret("/aurora-clone-manager/clone-x/1"), &[THEIRS]));
    assert!(!allowed(&of_it, delete, &secret("prod/master"), &[OURS]));
    let (key, end) = ("arn:aws:kms:eu-west-1:123456789012:key/1", "kms:ScheduleKeyDeletion");
    let alias = |name: &'static [&'static str]| ("kms:resourcealiases", name);
    assert!(allowed(&of_it, end, key, &[OURS, alias(&["alias/aurora-clone/clone-x"])]));
    assert!(!allowed(&of_it, end, key, &[OURS, alias(&["alias/aurora-clone/clone-x", "alias/payments"])]));
    assert!(!allowed(&of_it, end, key, &[alias(&["alias/aurora-clone/clone-x"])]));
}

#[test]
fn the_maintainer_modifies_nothing_shares_nothing_and_reads_no_password() {
    let of_it = statements(&template(), ROLE);
    for action in [
        "rds:ModifyDBCluster",
        "rds:ModifyDBInstance",
        "rds:ModifyDBClusterSnapshotAttribute",
        "rds:AddRoleToDBCluster",
        "rds:RemoveTagsFromResource",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutResourcePolicy",
        "kms:PutKeyPolicy",
        "iam:PassRole",
    ] {
        let denied = of_it.iter().any(|s| !s.allows && s.actions.iter().any(|a| a.starts_with("rds:Modify")));
        assert!(denied, "a careless Allow would change databases");
        for kind in ["cluster", "db", "cluster-snapshot"] {
            assert!(!allowed(&of_it, action, &rds(kind, "clone-x"), &[OURS, NEW]), "{action}");
        }
        assert!(of_it.iter().all(|s| !s.allows || !s.actions.iter().any(|a| a == action)), "{action}");
    }
}

#[test]
fn a_snapshot_is_taken_restored_and_tagged_as_ours_alone() {
    let of_it = statements(&template(), ROLE);
    let (take, restore, put) =
        ("rds:CreateDBClusterSnapshot", "rds:RestoreDBClusterFromSnapshot", "rds:AddTagsToResource");
    let snapshot = |name: &str| rds("cluster-snapshot", name);
    let keys: (&str, &[&str]) = ("aws:tagkeys", &["aurora-clone:manager", "aurora-clone:cluster"]);
    for (expected, action, arn, context) in [
        (true, take, rds("cluster", "prod"), vec![NEW]),
        (true, take, snapshot("clone-x"), vec![NEW]),
        (false, take, snapshot("clone-x"), vec![]),
        (false, take, snapshot("nightly"), vec![NEW]),
        (true, restore, snapshot("clone-x"), vec![OURS, NEW]),
        (false, restore, snapshot("clone-x"), vec![NEW]),
        (false, restore, snapshot("nightly"), vec![OURS, NEW]),
        (true, restore, rds("cluster", "clone-x"), vec![NEW]),
        (false, restore, rds("cluster", "copy-of-prod"), vec![NEW]),
        (true, put, snapshot("clone-x"), vec![NEW, keys]),
        // What another manager made does not become ours.
        (false, put, snapshot("clone-x"), vec![NEW, THEIRS, keys]),
        (false, put, snapshot("nightly"), vec![NEW, keys]),
    ] {
        assert_eq!(allowed(&of_it, action, &arn, &context), expected, "{action} {arn} {context:?}");
    }
}

#[test]
fn tags_are_put_on_what_is_ours_or_new_and_say_once_whose_it_is() {
    for role in [ROLE, "CloneHandlerRole"] {
        let of_it = statements(&template(), role);
        let keys = |keys: &'static [&'static str]| ("aws:tagkeys", keys);
        let (whose, other) = (keys(&["Aurora-Clone:Manager"]), keys(&["aurora-clone:retiring"]));
        for kind in ["cluster", "db"] {
            for (expected, name, context) in [
                (true, "clone-x", vec![NEW, whose]),
                (true, "clone-x", vec![OURS, other]),
                (false, "clone-x", vec![OURS, whose]),
                (false, "clone-x", vec![other]),
                (false, "clone-x", vec![THEIRS, NEW, whose]),
                (false, "prod", vec![OURS, other]),
                (false, "prod", vec![NEW, whose]),
            ] {
                let arn = rds(kind, name);
                let is = allowed(&of_it, "rds:AddTagsToResource", &arn, &context);
                assert_eq!(is, expected, "{role} {arn} {context:?}");
            }
        }
        let may = allowed(&of_it, "rds:RemoveTagsFromResource", &rds("cluster", "clone-x"), &[OURS, other]);
        assert_eq!(may, role == "CloneHandlerRole", "only an update takes a tag away");
    }
}

/// The handler's part is the clone; snapshots and what ends without being asked for are the maintainer's.
#[test]
fn the_handler_neither_copies_from_snapshots_nor_deletes_them() {
    let of_it = statements(&template(), "CloneHandlerRole");
    for action in ["rds:RestoreDBClusterFromSnapshot", "rds:DeleteDBClusterSnapshot", "ssm:GetParameter"] {
        assert!(of_it.iter().all(|s| !s.allows || !s.actions.iter().any(|a| a == action)), "{action}");
    }
}

/// IAM counts a document without its white space; long names of the operator's must fit as well.
#[test]
fn the_policies_fit_into_what_iam_takes() {
    let long = [
        ("AWS::Partition", "aws-us-gov"),
        ("AWS::Region", "ap-southeast-1"),
        ("AWS::AccountId", "123456789012"),
        ("AWS::URLSuffix", "amazonaws.com"),
        ("AWS::StackName", "aurora-clone-manager-of-a-department"),
        ("NamePrefix", "clone-of-a-depart-"),
        ("DefaultSecretPrefix", "/aurora-clone-manager/department/"),
    ];
    let size = |document: &Value| resolved(document, &long).to_string().len();
    let template = template();
    let mut seen = 0;
    for (name, resource) in template["Resources"].as_object().unwrap() {
        let properties = &resource["Properties"];
        if resource["Type"] == "AWS::IAM::ManagedPolicy" {
            let size = size(&properties["PolicyDocument"]);
            assert!(size <= 6_144, "{name} has {size} characters");
            seen += 1;
        } else if resource["Type"] == "AWS::IAM::Role" {
            let inline = properties["Policies"].as_array().unwrap().iter();
            let size: usize = inline.map(|policy| size(&policy["PolicyDocument"])).sum();
            assert!(size <= 10_240, "{name} has {size} characters");
            seen += 1;
        }
    }
    assert_eq!(seen, 4 + 6, "managed policies and roles");
}

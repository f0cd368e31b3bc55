//! What the roles grant is what flows use: every call of every flow of this suite is judged by the template's policies, and here what
//! nothing ever used is found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aurora_clone_core::names::{env, tag};
use aurora_clone_sim::iam::{Grant, Role};
use aurora_clone_sim::rds::{Cluster, SeedCluster};
use aurora_clone_sim::{Config, Fault, FaultKind, Target, World};
use aurora_clone_tests::pools::{MAINTAINER, Pools, wants};
use aurora_clone_tests::rights::{HANDLER_ROLE, MAINTAINER_ROLE};
use aurora_clone_tests::{FUNCTION, QUICK_COPIES, prod};
use chrono::Duration;
use serde_json::json;

use super::roles;

/// What no call of a function can show, and why.
const UNSEEN: [(&str, &str); 3] = [
    ("logs:CreateLogStream", "Lambda writes the log with the function's rights"),
    ("logs:PutLogEvents", "Lambda writes the log with the function's rights"),
    ("lambda:InvokeFunction", "Lambda hands over what failed with the function's rights"),
];

/// What the roles of both functions let through.
type Used = BTreeMap<&'static str, BTreeSet<Grant>>;

const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-4333-8444-555555555555";

/// An account whose production is encrypted with a key of the operator's.
fn open(method: &str) -> Pools {
    let operator = [(env::SLOT_MARGIN, "0"), (env::ALLOW_SOURCE_PASSWORD, "true"), QUICK_COPIES[0]];
    let configuration = wants(20, json!({ "copy-method": method }));
    Pools::with(Config::default(), &operator, &configuration, |world: &mut World| {
        world.rds.seed_parameter_group("tuned", "aurora-postgresql16");
        world.rds.seed_instance_parameter_group("tuned", "aurora-postgresql16");
        world.rds.seed_cluster(SeedCluster {
            kms_key: Some(KEY.to_owned()),
            copy_tags_to_snapshot: true,
            ..prod("vault")
        });
    })
}

fn collect(pools: &Pools, used: &mut Used) {
    pools.look(|world| {
        for (role, function) in [(HANDLER_ROLE, FUNCTION), (MAINTAINER_ROLE, MAINTAINER)] {
            used.entry(role).or_default().extend(world.iam.used(function));
        }
    });
}

async fn settled(pools: &Pools, stack: &str, status: &str) {
    assert_eq!(pools.settled(stack).await, status, "{}", pools.story(stack));
}

/// Everything that a template can ask of the handler and that takes a right of its own.
async fn all_of_the_handler(used: &mut Used) {
    const ROLE: &str = "arn:aws:iam::123456789012:role/loader";
    let pools = open("point-in-time");
    // A key whose maker dies before it is named is looked for among all.
    let dies = Fault { target: Target::Operation("CreateKey", 1), kind: FaultKind::Crash };
    pools.sim.with(|world| world.set_faults(vec![dies]));
    let own = "SourceClusterId: prod\nForceCreateKmsKey: true\nAccessPrincipalArns: [\"arn:aws:iam::123456789012:role/app\"]";
    pools.create("own", own);
    settled(&pools, "own", "CREATE_COMPLETE").await;
    let other = "SourceClusterId: prod\nForceCreateKmsKey: true\nAccessPrincipalArns: [\"arn:aws:iam::123456789012:role/web\"]\nTags: [{Key: team, Value: a}]";
    pools.update("own", other);
    settled(&pools, "own", "UPDATE_COMPLETE").await;
    pools.update("own", "SourceClusterId: prod\nForceCreateKmsKey: true");
    settled(&pools, "own", "UPDATE_COMPLETE").await;
    pools.delete("own");
    settled(&pools, "own", "DELETE_COMPLETE").await;
    pools.create("rds", "SourceClusterId: vault\nManageMasterUserPassword: true");
    settled(&pools, "rds", "CREATE_COMPLETE").await;
    let roles = format!(
        "SourceClusterId: vault\nManageMasterUserPassword: true\nAssociatedRoles: [{{RoleArn: \"{ROLE}\", FeatureName: s3Import}}]\n\
         MonitoringInterval: 60\nMonitoringRoleArn: \"{ROLE}\"\nDBClusterParameterGroupName: tuned\nDBParameterGroupName: tuned"
    );
    pools.update("rds", &roles);
    settled(&pools, "rds", "UPDATE_COMPLETE").await;
    pools.update("rds", "SourceClusterId: vault\nManageMasterUserPassword: true\nFinalSnapshot: true");
    settled(&pools, "rds", "UPDATE_COMPLETE").await;
    pools.delete("rds");
    settled(&pools, "rds", "DELETE_COMPLETE").await;
    collect(&pools, used);
    pools.close().await;
}

/// Every way through the maintainer: copies made of the volume and of snapshots, replaced and purged; a lease that is renewed and then
/// over, with a secret and a key; and a clone that CloudFormation forgot because it could not be deleted in time.
async fn all_of_the_maintainer(used: &mut Used) {
    let pools = open("point-in-time");
    pools.night().await;
    pools.create("web", "SourceClusterId: prod\nExpiresAfter: P1D\nForceCreateKmsKey: true");
    settled(&pools, "web", "CREATE_COMPLETE").await;
    pools.create("old", "SourceClusterId: prod\nClusterId: clone-old");
    settled(&pools, "old", "CREATE_COMPLETE").await;
    pools.sim.with(|world| world.rds.protect("clone-old", true));
    pools.update("old", "SourceClusterId: prod\nClusterId: clone-new");
    settled(&pools, "old", "UPDATE_COMPLETE").await;
    pools.sim.with(|world| world.rds.protect("clone-old", false));
    let web = pools.look(|world| {
        let is = |cluster: &&Cluster| cluster.tags.contains_key(tag::LEASE);
        world.rds.clusters().find(is).map(|cluster| cluster.id.clone()).unwrap()
    });
    pools.send(json!({ "renew": { "cluster": web, "for": "P1D" } })).await;
    pools.send(json!({ "plan": true })).await;
    for night in 0..10 {
        if night == 2 {
            let of = |name: &str| json!({ "cluster-id": name, "target-clone-slots": 35, "copy-method": "snapshot" });
            pools.configure(&json!({ "clusters": [of("prod"), of("vault")] }));
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
    collect(&pools, used);
    pools.close().await;
}

/// What a role grants and nothing used: actions, and resources of a statement.
fn idle(role: &Arc<Role>, used: &BTreeSet<Grant>) -> Vec<String> {
    let mut idle = Vec::new();
    for (place, statement) in role.statements.iter().enumerate().filter(|(_, s)| s.allows) {
        assert!(!statement.actions.inverted && !statement.resources.inverted, "{}", statement.sid);
        for (number, action) in statement.actions.patterns.iter().enumerate() {
            let unseen = UNSEEN.iter().any(|(name, _)| name == action);
            if !unseen && !used.iter().any(|grant| (grant.statement, grant.action) == (place, number)) {
                idle.push(format!("{} {action}", statement.sid));
            }
        }
        let all_unseen = statement.actions.patterns.iter().all(|a| UNSEEN.iter().any(|(name, _)| name == a));
        for (number, resource) in statement.resources.patterns.iter().enumerate() {
            if !all_unseen && !used.iter().any(|grant| (grant.statement, grant.resource) == (place, number)) {
                idle.push(format!("{} {resource}", statement.sid));
            }
        }
    }
    idle
}

#[tokio::test(start_paused = true)]
async fn what_a_role_grants_is_used() {
    let mut used = Used::new();
    all_of_the_handler(&mut used).await;
    all_of_the_maintainer(&mut used).await;
    let roles = roles();
    let mut found = Vec::new();
    for name in [HANDLER_ROLE, MAINTAINER_ROLE] {
        found.extend(idle(&roles[name], &used[name]).into_iter().map(|what| format!("{name}: {what}")));
    }
    assert!(found.is_empty(), "granted and never used: {found:#?}");
}

/// The judge of the flows really judges: a right taken away is missed at once, and said.
#[tokio::test(start_paused = true)]
async fn a_right_that_is_missing_fails_the_flow_that_needs_it() {
    for (function, role, action) in [
        (FUNCTION, HANDLER_ROLE, "rds:CreateDBInstance"),
        (FUNCTION, HANDLER_ROLE, "secretsmanager:CreateSecret"),
        (FUNCTION, HANDLER_ROLE, "rds:AddTagsToResource"),
        (FUNCTION, HANDLER_ROLE, "states:StartExecution"),
    ] {
        let pools = open("point-in-time");
        let mut less = Role::clone(&roles()[role]);
        for statement in less.statements.iter_mut().filter(|statement| statement.allows) {
            for pattern in statement.actions.patterns.iter_mut().filter(|pattern| *pattern == action) {
                "none:None".clone_into(pattern);
            }
        }
        pools.sim.with(|world| world.iam.assume(function, Arc::new(less)));
        pools.create("web", "SourceClusterId: prod");
        let status = pools.settled("web").await;
        assert!(status.starts_with("ROLLBACK_"), "{action}: {status}");
        let said = pools.look(|world| world.violations.clone());
        let expected =
            format!("{function} ({role}) is not authorized to perform: {action} on resource: arn:aws:");
        assert!(said.iter().any(|violation| violation.starts_with(&expected)), "{action}: {said:?}");
    }
}

//! What each role may do and what it may not: one line for each question, with what it is about. Clusters that begin with `clone-` have
//! our prefix; `manager` is our manager.

use std::collections::BTreeSet;

use aurora_clone_sim::iam::{Ask, Context, Role, Verdict};
use aurora_clone_tests::rights::{HANDLER_ROLE as H, MAINTAINER_ROLE as M};

use super::roles;

/// What is expected: an Allow; that nothing allows it; or a Deny, of the statement with this name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expected {
    Allow,
    Nothing,
    Deny(&'static str),
}

use Expected::{Allow, Deny, Nothing};

type Key = (&'static str, &'static str);

/// Expected, role, action, resource, context, and what it is about.
pub type Case = (Expected, &'static str, &'static str, &'static str, &'static [Key], &'static str);

const OURS: Key = ("aws:ResourceTag/aurora-clone:manager", "aurora-clone-manager");
const THEIRS: Key = ("aws:ResourceTag/aurora-clone:manager", "other");
const GIVES_OURS: Key = ("aws:RequestTag/aurora-clone:manager", "aurora-clone-manager");
const GIVES_THEIRS: Key = ("aws:RequestTag/aurora-clone:manager", "other");
const IDENTITY: Key = ("aws:TagKeys", "aurora-clone:manager,aurora-clone:cluster");
const SPELT: Key = ("aws:TagKeys", "Aurora-Clone:Root");
const NOTE: Key = ("aws:TagKeys", "aurora-clone:retiring");
const SET_ON: Key = ("aws:TagKeys", "aurora-clone:set-on");
const VIA_RDS: Key = ("kms:ViaService", "rds.eu-west-1.amazonaws.com");
const VIA_SECRETS: Key = ("kms:ViaService", "secretsmanager.eu-west-1.amazonaws.com");
const VIA_S3: Key = ("kms:ViaService", "s3.eu-west-1.amazonaws.com");
const VIA_AWS: Key = ("aws:ViaAWSService", "true");
const FOR_AWS: Key = ("kms:GrantIsForAWSResource", "true");
const FOR_SOMEBODY: Key = ("kms:GrantIsForAWSResource", "false");
const OUR_ALIAS: Key = ("kms:ResourceAliases", "alias/aurora-clone/clone-x");
const TWO_ALIASES: Key = ("kms:ResourceAliases", "alias/aurora-clone/clone-x,alias/payments");
const BYPASS: Key = ("kms:BypassPolicyLockoutSafetyCheck", "true");
const BLOCKS: Key = ("secretsmanager:BlockPublicPolicy", "true");
const OPENS: Key = ("secretsmanager:BlockPublicPolicy", "false");
const TO_RDS: Key = ("iam:PassedToService", "rds.amazonaws.com");
const TO_EC2: Key = ("iam:PassedToService", "ec2.amazonaws.com");
const OUR_EVENTS: Key = ("events:source", "aurora-clone-manager");
const THEIR_EVENTS: Key = ("events:source", "payments");

const CLONE: &str = "rds:cluster:clone-x";
const PROD: &str = "rds:cluster:prod";
const MEMBER: &str = "rds:db:clone-x-1";
const SNAPSHOT: &str = "rds:cluster-snapshot:clone-x";
const SECRET: &str = "secretsmanager:secret:/aurora-clone-manager/clone-x/1-AbCdEf";
const OTHER_SECRET: &str = "secretsmanager:secret:prod/master-AbCdEf";
const KEY: &str = "kms:key/1";

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    // Deleting: the prefix and the tag, never one of them.
    (Allow, H, "rds:DeleteDBCluster", CLONE, &[OURS], "our clone"),
    (Allow, H, "rds:DeleteDBInstance", MEMBER, &[OURS], "its instance"),
    (Deny("NothingElse"), H, "rds:DeleteDBCluster", PROD, &[], "production"),
    (Deny("NothingElse"), H, "rds:DeleteDBCluster", PROD, &[OURS], "production with our tag"),
    (Deny("NothingElse"), H, "rds:DeleteDBInstance", "rds:db:prod-1", &[OURS], "production's instance with our tag"),
    (Nothing, H, "rds:DeleteDBCluster", CLONE, &[], "our prefix without the tag"),
    (Nothing, H, "rds:DeleteDBCluster", CLONE, &[THEIRS], "another manager's clone"),
    (Nothing, H, "rds:DeleteDBCluster", CLONE, &[GIVES_OURS], "the request's tag is not the resource's"),
    (Nothing, H, "rds:DeleteDBInstance", MEMBER, &[], "an instance that somebody added under our prefix"),
    (Nothing, H, "rds:DeleteDBClusterSnapshot", SNAPSHOT, &[OURS], "snapshots are the maintainer's"),
    (Deny("NothingElse"), H, "rds:DeleteDBClusterSnapshot", "rds:cluster-snapshot:nightly", &[OURS], "somebody's backup"),
    (Deny("NothingElse"), H, "rds:DeleteDBSubnetGroup", "rds:subgrp:data", &[OURS], "other things of RDS"),
    (Deny("NothingElse"), H, "rds:DeleteGlobalCluster", "rds:global-cluster:all", &[], "a global cluster"),
    (Allow, M, "rds:DeleteDBCluster", CLONE, &[OURS], "our copy"),
    (Allow, M, "rds:DeleteDBInstance", MEMBER, &[OURS], "its instance"),
    (Allow, M, "rds:DeleteDBClusterSnapshot", SNAPSHOT, &[OURS], "our snapshot"),
    (Deny("NothingElse"), M, "rds:DeleteDBCluster", PROD, &[OURS], "production with our tag"),
    (Deny("NothingElse"), M, "rds:DeleteDBClusterSnapshot", "rds:cluster-snapshot:nightly", &[OURS], "somebody's backup"),
    (Nothing, M, "rds:DeleteDBCluster", CLONE, &[THEIRS], "another manager's copy"),
    (Nothing, M, "rds:DeleteDBClusterSnapshot", SNAPSHOT, &[], "our prefix without the tag"),
    (Nothing, M, "rds:DeleteDBClusterSnapshot", SNAPSHOT, &[THEIRS], "another manager's snapshot"),
    // Changing.
    (Allow, H, "rds:ModifyDBCluster", CLONE, &[OURS], "our clone's password"),
    (Allow, H, "rds:ModifyDBInstance", MEMBER, &[OURS], "its instance's class"),
    (Allow, H, "rds:ModifyDBCluster", "rds:cluster-pg:tuned", &[], "the group that a change names"),
    (Deny("NothingElse"), H, "rds:ModifyDBCluster", PROD, &[OURS], "production's password, with our tag"),
    (Nothing, H, "rds:ModifyDBCluster", CLONE, &[THEIRS], "another manager's clone"),
    (Nothing, H, "rds:ModifyDBCluster", CLONE, &[], "our prefix without the tag"),
    (Nothing, H, "rds:ModifyDBClusterParameterGroup", "rds:cluster-pg:tuned", &[], "what is in a group"),
    (Deny("ChangeNothing"), M, "rds:ModifyDBCluster", CLONE, &[OURS], "a copy is not changed"),
    (Deny("ChangeNothing"), M, "rds:ModifyDBInstance", MEMBER, &[OURS], "nor its instance"),
    (Deny("ChangeNothing"), M, "rds:AddRoleToDBCluster", CLONE, &[OURS], "no role for a copy"),
    (Allow, H, "rds:AddRoleToDBCluster", CLONE, &[OURS], "a role for our clone"),
    (Deny("NothingElse"), H, "rds:AddRoleToDBCluster", PROD, &[OURS], "a role for production"),
    (Nothing, H, "rds:StopDBCluster", PROD, &[OURS], "stopping production"),
    (Nothing, H, "rds:RebootDBInstance", "rds:db:prod-1", &[], "rebooting production"),
    (Nothing, H, "rds:FailoverDBCluster", CLONE, &[OURS], "a failover"),
    // Copying.
    (Allow, H, "rds:RestoreDBClusterToPointInTime", CLONE, &[GIVES_OURS, IDENTITY], "a clone under our prefix"),
    (Allow, H, "rds:RestoreDBClusterToPointInTime", PROD, &[GIVES_OURS, IDENTITY], "of production"),
    (Allow, H, "rds:RestoreDBClusterToPointInTime", "rds:subgrp:data", &[GIVES_OURS], "in its subnets"),
    (Deny("NoCopyWithoutOurTag"), H, "rds:RestoreDBClusterToPointInTime", CLONE, &[], "a clone without tags"),
    (Deny("NoCopyWithoutOurTag"), H, "rds:RestoreDBClusterToPointInTime", CLONE, &[GIVES_THEIRS], "in another's name"),
    (Deny("NoCopyWithoutOurTag"), M, "rds:RestoreDBClusterToPointInTime", PROD, &[], "a copy without tags"),
    (Nothing, H, "rds:RestoreDBClusterFromSnapshot", SNAPSHOT, &[OURS, GIVES_OURS], "snapshots are the maintainer's"),
    (Allow, M, "rds:RestoreDBClusterFromSnapshot", SNAPSHOT, &[OURS, GIVES_OURS], "our snapshot"),
    (Nothing, M, "rds:RestoreDBClusterFromSnapshot", SNAPSHOT, &[GIVES_OURS], "somebody's snapshot under our prefix"),
    (Nothing, M, "rds:RestoreDBClusterFromSnapshot", "rds:cluster-snapshot:nightly", &[OURS, GIVES_OURS], "somebody's backup"),
    (Nothing, M, "rds:RestoreDBClusterFromSnapshot", "rds:cluster:copy-of-prod", &[GIVES_OURS], "into a foreign name"),
    (Allow, M, "rds:CreateDBClusterSnapshot", PROD, &[GIVES_OURS], "a snapshot of production"),
    (Allow, M, "rds:CreateDBClusterSnapshot", SNAPSHOT, &[GIVES_OURS], "under our prefix"),
    (Nothing, M, "rds:CreateDBClusterSnapshot", SNAPSHOT, &[], "without our tag"),
    (Nothing, M, "rds:CreateDBClusterSnapshot", "rds:cluster-snapshot:nightly", &[GIVES_OURS], "under a foreign name"),
    (Allow, H, "rds:CreateDBClusterSnapshot", CLONE, &[OURS], "the last snapshot of our clone"),
    (Nothing, H, "rds:CreateDBClusterSnapshot", PROD, &[], "a snapshot of production"),
    (Nothing, H, "rds:CopyDBClusterSnapshot", SNAPSHOT, &[OURS], "a copy of a snapshot"),
    (Allow, H, "rds:CreateDBInstance", CLONE, &[OURS, GIVES_OURS], "an instance of our clone"),
    (Nothing, H, "rds:CreateDBInstance", PROD, &[GIVES_OURS], "an instance of production"),
    (Nothing, H, "rds:CreateDBInstance", CLONE, &[THEIRS, GIVES_OURS], "an instance of another manager's clone"),
    (Nothing, H, "rds:CreateDBInstance", "rds:db:reader", &[GIVES_OURS], "an instance under a foreign name"),
    (Nothing, H, "rds:CreateDBInstance", MEMBER, &[], "an instance without our tag"),
    (Nothing, M, "rds:CreateDBInstance", PROD, &[GIVES_OURS], "an instance of production"),
    (Nothing, H, "rds:CreateDBCluster", CLONE, &[GIVES_OURS], "an empty cluster"),
    // Tagging.
    (Allow, H, "rds:AddTagsToResource", CLONE, &[GIVES_OURS, IDENTITY], "in the call that makes it"),
    (Allow, H, "rds:AddTagsToResource", CLONE, &[OURS, NOTE], "a note on ours"),
    (Deny("KeepIdentity"), H, "rds:AddTagsToResource", CLONE, &[OURS, IDENTITY], "another identity for ours"),
    (Deny("KeepIdentity"), H, "rds:AddTagsToResource", CLONE, &[OURS, SPELT], "the same in other letters"),
    (Deny("KeepIdentity"), H, "rds:AddTagsToResource", CLONE, &[GIVES_THEIRS, IDENTITY], "in another's name"),
    (Deny("TagNoOtherManagers"), H, "rds:AddTagsToResource", CLONE, &[THEIRS, GIVES_OURS, IDENTITY], "another's made ours"),
    (Nothing, H, "rds:AddTagsToResource", PROD, &[GIVES_OURS, IDENTITY], "our tag on production"),
    (Nothing, H, "rds:AddTagsToResource", PROD, &[OURS, NOTE], "a note on production"),
    (Nothing, H, "rds:AddTagsToResource", CLONE, &[NOTE], "a note on nobody's"),
    (Nothing, M, "rds:AddTagsToResource", PROD, &[GIVES_OURS, IDENTITY], "our tag on production"),
    (Deny("TagNoOtherManagers"), M, "rds:AddTagsToResource", SNAPSHOT, &[THEIRS, GIVES_OURS], "another's snapshot made ours"),
    (Allow, M, "rds:AddTagsToResource", SNAPSHOT, &[GIVES_OURS, IDENTITY], "in the call that takes it"),
    (Nothing, M, "rds:AddTagsToResource", SNAPSHOT, &[NOTE], "a snapshot's tags later"),
    (Allow, H, "rds:RemoveTagsFromResource", CLONE, &[OURS, NOTE], "a note taken back"),
    (Deny("KeepIdentityTags"), H, "rds:RemoveTagsFromResource", CLONE, &[OURS, IDENTITY], "the identity taken away"),
    (Deny("TagNoOtherManagers"), H, "rds:RemoveTagsFromResource", CLONE, &[THEIRS, NOTE], "another's note"),
    (Nothing, M, "rds:RemoveTagsFromResource", CLONE, &[OURS, NOTE], "only an update takes a tag away"),
    // Sharing.
    (Deny("NothingElse"), H, "rds:ModifyDBClusterSnapshotAttribute", "rds:cluster-snapshot:nightly", &[], "a backup for others"),
    (Deny("ShareNothing"), H, "rds:ModifyDBClusterSnapshotAttribute", SNAPSHOT, &[OURS], "our snapshot for others"),
    (Deny("ShareNothing"), M, "rds:StartExportTask", SNAPSHOT, &[OURS], "our snapshot in a bucket"),
    (Deny("ShareNothing"), H, "lambda:AddPermission", "lambda:function:clone-handler", &[], "callers of the function"),
    (Nothing, H, "ram:CreateResourceShare", "*", &[], "a cluster for other accounts"),
    // Secrets.
    (Allow, H, "secretsmanager:CreateSecret", SECRET, &[GIVES_OURS, IDENTITY], "a clone's secret"),
    (Nothing, H, "secretsmanager:CreateSecret", SECRET, &[], "one without our tag"),
    (Nothing, H, "secretsmanager:CreateSecret", OTHER_SECRET, &[GIVES_OURS], "outside the prefix"),
    (Allow, H, "secretsmanager:GetSecretValue", SECRET, &[OURS], "our clone's password"),
    (Nothing, H, "secretsmanager:GetSecretValue", SECRET, &[], "one under our prefix that is not ours"),
    (Nothing, H, "secretsmanager:GetSecretValue", SECRET, &[THEIRS], "another manager's"),
    (Deny("NoOtherSecrets"), H, "secretsmanager:GetSecretValue", OTHER_SECRET, &[OURS], "production's password"),
    (Deny("NoOtherSecrets"), M, "secretsmanager:DeleteSecret", OTHER_SECRET, &[OURS], "production's secret"),
    (Nothing, M, "secretsmanager:GetSecretValue", SECRET, &[OURS], "the maintainer reads no password"),
    (Nothing, M, "secretsmanager:PutResourcePolicy", SECRET, &[OURS, BLOCKS], "nor shares any"),
    (Allow, M, "secretsmanager:DeleteSecret", SECRET, &[OURS], "what is left of a clone"),
    (Nothing, M, "secretsmanager:DeleteSecret", SECRET, &[THEIRS], "another manager's"),
    (Allow, H, "secretsmanager:PutResourcePolicy", SECRET, &[OURS, BLOCKS], "a clone's users"),
    (Deny("NoPublicSecrets"), H, "secretsmanager:PutResourcePolicy", SECRET, &[OURS, OPENS], "everybody"),
    (Deny("NoPublicSecrets"), H, "secretsmanager:PutResourcePolicy", SECRET, &[OURS], "perhaps everybody"),
    (Nothing, H, "secretsmanager:PutResourcePolicy", SECRET, &[THEIRS, BLOCKS], "another manager's"),
    (Allow, H, "secretsmanager:TagResource", SECRET, &[OURS, SET_ON], "on which cluster it was set"),
    (Nothing, H, "secretsmanager:TagResource", SECRET, &[OURS, NOTE], "another tag"),
    (Deny("TagNoOtherManagersSecrets"), H, "secretsmanager:TagResource", SECRET, &[THEIRS, GIVES_OURS], "another's made ours"),
    (Allow, H, "secretsmanager:CreateSecret", "secretsmanager:secret:rds!cluster-1-AbCdEf", &[VIA_AWS], "RDS's own, by RDS"),
    (Nothing, H, "secretsmanager:CreateSecret", "secretsmanager:secret:rds!cluster-1-AbCdEf", &[], "RDS's own, by us"),
    (Nothing, H, "secretsmanager:PutSecretValue", SECRET, &[OURS], "another password"),
    (Nothing, H, "secretsmanager:ListSecrets", "*", &[], "the handler knows the names"),
    // Keys.
    (Allow, H, "kms:CreateKey", "*", &[GIVES_OURS, IDENTITY], "a clone's key"),
    (Nothing, H, "kms:CreateKey", "*", &[], "one without our tag"),
    (Deny("KeepKeysOurs"), H, "kms:CreateKey", "*", &[GIVES_OURS, BYPASS], "one that we could not manage"),
    (Allow, H, "kms:PutKeyPolicy", KEY, &[OURS, OUR_ALIAS], "a clone's users"),
    (Deny("KeepKeysOurs"), H, "kms:PutKeyPolicy", KEY, &[OURS, OUR_ALIAS, BYPASS], "a policy that locks us out"),
    (Nothing, H, "kms:PutKeyPolicy", KEY, &[], "somebody's key"),
    (Deny("NoNamedKeys"), H, "kms:PutKeyPolicy", KEY, &[OURS, TWO_ALIASES], "one with somebody's alias"),
    (Deny("NoOtherManagersKeys"), H, "kms:TagResource", KEY, &[THEIRS, GIVES_OURS], "another manager's made ours"),
    (Deny("NoNamedKeys"), H, "kms:TagResource", KEY, &[GIVES_OURS, TWO_ALIASES], "somebody's made ours"),
    (Allow, H, "kms:ScheduleKeyDeletion", KEY, &[OURS, OUR_ALIAS], "our clone's key"),
    (Nothing, H, "kms:ScheduleKeyDeletion", KEY, &[OUR_ALIAS], "our alias without the tag"),
    (Nothing, H, "kms:DisableKey", KEY, &[OURS, OUR_ALIAS], "switching a key off"),
    (Allow, M, "kms:ScheduleKeyDeletion", KEY, &[OURS, OUR_ALIAS], "what is left of a clone"),
    (Deny("NoNamedKeys"), M, "kms:ScheduleKeyDeletion", KEY, &[OURS, TWO_ALIASES], "one with somebody's alias"),
    (Nothing, M, "kms:PutKeyPolicy", KEY, &[OURS, OUR_ALIAS], "the maintainer shares no key"),
    (Nothing, M, "kms:CreateKey", "*", &[GIVES_OURS], "and makes none"),
    (Allow, H, "kms:CreateAlias", "kms:alias/aurora-clone/clone-x", &[], "our alias"),
    (Nothing, H, "kms:CreateAlias", "kms:alias/payments", &[], "somebody's alias"),
    (Nothing, M, "kms:DeleteAlias", "kms:alias/payments", &[], "somebody's alias"),
    (Allow, H, "kms:Decrypt", KEY, &[VIA_SECRETS], "through Secrets Manager"),
    (Nothing, H, "kms:Decrypt", KEY, &[], "directly"),
    (Nothing, H, "kms:Decrypt", KEY, &[VIA_S3], "through S3"),
    (Nothing, M, "kms:Decrypt", KEY, &[VIA_SECRETS], "the maintainer reads no secret"),
    (Nothing, M, "kms:Decrypt", KEY, &[], "directly"),
    (Allow, H, "kms:CreateGrant", KEY, &[VIA_RDS, FOR_AWS], "for RDS"),
    (Deny("NoGrantsToOthers"), H, "kms:CreateGrant", KEY, &[VIA_RDS, FOR_SOMEBODY], "for somebody"),
    (Deny("NoGrantsToOthers"), M, "kms:CreateGrant", KEY, &[], "for nobody knows whom"),
    (Nothing, H, "kms:CreateGrant", KEY, &[VIA_S3, FOR_AWS], "for another service"),
    // Roles.
    (Allow, H, "iam:PassRole", "iam:role/loader", &[TO_RDS], "a role for a clone"),
    (Nothing, H, "iam:PassRole", "iam:role/admin", &[TO_EC2], "a role for a machine"),
    (Nothing, H, "iam:PassRole", "arn:aws:iam::000000000000:role/x", &[TO_RDS], "a role of another account"),
    (Nothing, M, "iam:PassRole", "iam:role/loader", &[TO_RDS], "copies have no roles"),
    (Nothing, H, "iam:CreateRole", "iam:role/x", &[], "a role of its own"),
    (Nothing, H, "iam:AttachRolePolicy", "iam:role/x", &[], "more rights"),
    (Nothing, H, "sts:AssumeRole", "iam:role/admin", &[], "another role"),
    (Nothing, M, "sts:AssumeRole", "iam:role/admin", &[], "another role"),
    // The house's own.
    (Allow, H, "dynamodb:PutItem", "dynamodb:table/requests", &[], "our table"),
    (Nothing, H, "dynamodb:GetItem", "dynamodb:table/payments", &[], "somebody's table"),
    (Nothing, H, "dynamodb:Scan", "dynamodb:table/requests", &[], "all response URLs at once"),
    (Nothing, M, "dynamodb:DeleteTable", "dynamodb:table/requests", &[], "the whole table"),
    (Allow, H, "states:StartExecution", "states:stateMachine:aurora-clone-manager-clone", &[], "our machine"),
    (Nothing, H, "states:StartExecution", "states:stateMachine:aurora-clone-manager-pool", &[], "the maintainer's machine"),
    (Nothing, M, "states:StartExecution", "states:stateMachine:aurora-clone-manager-clone", &[], "the handler's machine"),
    (Nothing, M, "states:StartExecution", "states:stateMachine:payments", &[], "somebody's machine"),
    (Allow, M, "ssm:GetParameter", "ssm:parameter/aurora-clone-manager/maintenance-config", &[], "the configuration"),
    (Nothing, M, "ssm:GetParameter", "ssm:parameter/prod/password", &[], "another parameter"),
    (Nothing, M, "ssm:PutParameter", "ssm:parameter/aurora-clone-manager/maintenance-config", &[], "its own orders"),
    (Nothing, H, "ssm:GetParameter", "ssm:parameter/aurora-clone-manager/maintenance-config", &[], "the maintainer's orders"),
    (Allow, H, "events:PutEvents", "events:event-bus/default", &[OUR_EVENTS], "our events"),
    (Nothing, H, "events:PutEvents", "events:event-bus/default", &[THEIR_EVENTS], "events in another's name"),
    (Nothing, M, "events:PutEvents", "events:event-bus/payments", &[OUR_EVENTS], "another bus"),
    (Nothing, H, "cloudformation:DeleteStack", "cloudformation:stack/web/1", &[], "a stack"),
    (Nothing, M, "cloudformation:UpdateStack", "cloudformation:stack/web/1", &[], "a stack"),
    (Nothing, H, "cloudformation:ListStacks", "*", &[], "the handler looks at one stack"),
    (Nothing, H, "lambda:UpdateFunctionCode", "lambda:function:clone-handler", &[], "its own code"),
    (Nothing, H, "lambda:InvokeFunction", "lambda:function:pool-maintainer", &[], "the maintainer"),
    (Nothing, H, "s3:GetObject", "arn:aws:s3:::backups/x", &[], "files"),
    (Nothing, M, "ec2:AuthorizeSecurityGroupIngress", "ec2:security-group/sg-1", &[], "a way in"),
];

/// `service:rest` is an ARN of this account; `*` and whole ARNs are themselves.
pub fn ask_of((_, _, action, resource, context, _): &Case) -> Ask {
    let resource = match resource.split_once(':') {
        Some(("iam", rest)) => format!("arn:aws:iam::123456789012:{rest}"),
        Some((service, rest)) if service != "arn" => {
            format!("arn:aws:{service}:eu-west-1:123456789012:{rest}")
        }
        _ => (*resource).to_owned(),
    };
    let context = context.iter().fold(Context::default(), |context, (key, values)| {
        context.with_all(key, values.split(',').map(str::to_owned))
    });
    Ask::new(*action, resource, context)
}

fn is_as_expected(expected: Expected, verdict: &Verdict<'_>) -> bool {
    match (expected, verdict) {
        (Allow, Verdict::Allowed(_)) | (Nothing, Verdict::Denied(None)) => true,
        (Deny(expected), Verdict::Denied(Some(by))) => expected == *by,
        _ => false,
    }
}

#[test]
fn each_role_may_do_what_it_is_for_and_nothing_that_a_bug_or_an_author_could_try() {
    let roles = roles();
    let mut wrong = Vec::new();
    for case in CASES {
        let verdict = roles[case.1].judge(&ask_of(case));
        if !is_as_expected(case.0, &verdict) {
            wrong.push(format!("{case:?}: {verdict:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let allowed = CASES.iter().filter(|case| case.0 == Allow).count();
    assert!(allowed >= 30 && CASES.len() - allowed >= 60, "{allowed} of {}", CASES.len());
}

/// A Deny that no case runs into may as well not be there.
#[test]
fn every_explicit_deny_decides_a_case() {
    let deciding: BTreeSet<&str> = CASES
        .iter()
        .filter_map(|case| match case.0 {
            Deny(sid) => Some(sid),
            Allow | Nothing => None,
        })
        .collect();
    for (name, role) in roles() {
        let idle = role.statements.iter().filter(|s| !s.allows && !deciding.contains(s.sid.as_str()));
        assert_eq!(idle.map(|s| &s.sid).collect::<Vec<_>>(), Vec::<&String>::new(), "{name}");
    }
}

/// The same question to the handler and the maintainer: what only one of them may do.
#[test]
fn the_roles_are_apart() {
    let roles = roles();
    let granted = |role: &Role| -> Vec<String> {
        let allowing = role.statements.iter().filter(|statement| statement.allows);
        allowing.flat_map(|statement| statement.actions.patterns.clone()).collect()
    };
    let (handler, maintainer) = (granted(&roles[H]), granted(&roles[M]));
    for action in ["rds:ModifyDBCluster", "secretsmanager:GetSecretValue", "kms:PutKeyPolicy", "iam:PassRole"]
    {
        assert!(handler.iter().any(|a| a == action) && !maintainer.iter().any(|a| a == action), "{action}");
    }
    for action in ["rds:DeleteDBClusterSnapshot", "rds:RestoreDBClusterFromSnapshot", "ssm:GetParameter"] {
        assert!(maintainer.iter().any(|a| a == action) && !handler.iter().any(|a| a == action), "{action}");
    }
}

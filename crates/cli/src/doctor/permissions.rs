//! What the caller and the functions' role may do, by IAM's own simulation: it denies nothing and changes nothing.

use std::collections::BTreeMap;

use aurora_clone_aws::cloud::CallError;
use aurora_clone_core::snapshot::Cluster;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};

use super::finding::Findings;
use super::manager::Found;
use super::needs::{For, Names, RIGHTS, Right};
use super::{Caller, Reader};
use crate::session::role_of;

/// The name that stands for a clone, a secret or a role where a pattern is asked about.
const EXAMPLE: &str = "example";

/// Checks the caller's permissions, then the role's.
pub async fn check(
    reader: &Reader,
    found: &Found,
    caller: &Caller,
    clusters: &[Cluster],
    findings: &mut Findings,
) {
    let names = Names {
        place: found.place.clone(),
        manager: found.manager.name.clone(),
        table: found.table.clone(),
        prefix: found.settings.name_prefix.clone(),
        secrets: found.settings.secret_prefix.clone(),
    };
    let who = role_of(&caller.arn);
    if who.ends_with(":root") {
        findings.warning(
            "you",
            "the account's root user may do everything",
            "use a role: docs/command-line.md, \"Permissions\"",
        );
    } else {
        for (of, called, commands) in [
            (For::Looking, "looking", "status, plan, doctor and report"),
            (For::Clones, "clones", "create, update, delete, renew and protect"),
            (For::Pool, "pools", "plan maintain --apply"),
        ] {
            match denied(reader, &who, of, &names).await {
                Ok(denied) if denied.is_empty() => {
                    findings.ok(called, format!("you may do what {commands} do"))
                }
                Ok(denied) => {
                    let says = lacking(&denied);
                    let remedy =
                        format!("for {commands}: attach the policy in docs/command-line.md, \"Permissions\"");
                    // Whoever only looks needs no more.
                    match of {
                        For::Looking => findings.error(called, says, remedy),
                        For::Clones | For::Pool => findings.warning(called, says, remedy),
                    }
                }
                Err(error) => {
                    let says =
                        format!("{error}; what was read above may be read, and what writes is not proved");
                    findings.skipped("you", says);
                    break;
                }
            }
        }
    }
    functions(reader, found, &names, clusters, findings).await;
}

/// How many denials are named in full; the policy has the rest.
const NAMED: usize = 3;

fn lacking(denied: &[String]) -> String {
    let named = denied[..denied.len().min(NAMED)].join(", ");
    match denied.len().saturating_sub(NAMED) {
        0 => format!("you may not {named}"),
        more => format!("you may not {named} (and {more} more)"),
    }
}

/// What of one kind of work IAM would deny.
async fn denied(reader: &Reader, who: &str, of: For, names: &Names) -> Result<Vec<String>, CallError> {
    let mut denied = Vec::new();
    for right in RIGHTS.iter().filter(|right| right.of == of) {
        // AWS alone can say that a call comes from one of its services.
        if right.conditions.iter().any(|(_, key, _)| *key == "aws:ViaAWSService") {
            continue;
        }
        for resource in right.resources {
            let actions = right.actions.iter().filter(|action| takes(action, resource));
            let actions: Vec<&str> = actions.copied().collect();
            if actions.is_empty() {
                continue;
            }
            let resource = names.resolve(resource).replace('*', EXAMPLE);
            let resource = if resource == EXAMPLE { "*".to_owned() } else { resource };
            for (action, allowed) in
                simulate(reader, who, &actions, &resource, &context(right, names)).await?
            {
                if !allowed {
                    denied.push(format!("{action} on {resource}"));
                }
            }
        }
    }
    denied.sort();
    denied.dedup();
    Ok(denied)
}

/// Whether an action is asked about this kind of thing at all: a statement puts several together.
fn takes(action: &str, resource: &str) -> bool {
    let kind = |kinds: &[&str]| {
        kinds.iter().any(|kind| {
            resource.contains(&format!("}}:{kind}:")) || resource.contains(&format!("}}:{kind}/"))
        })
    };
    match action {
        "rds:RestoreDBClusterToPointInTime" => kind(&["cluster", "cluster-pg", "subgrp", "og"]),
        "rds:RestoreDBClusterFromSnapshot" => {
            kind(&["cluster", "cluster-snapshot", "cluster-pg", "subgrp", "og"])
        }
        "rds:CreateDBInstance" => kind(&["db", "cluster", "pg", "subgrp", "og"]),
        "rds:ModifyDBCluster" => kind(&["cluster", "cluster-pg"]),
        "rds:ModifyDBInstance" => kind(&["db", "pg"]),
        "rds:DeleteDBInstance" => kind(&["db"]),
        "rds:DeleteDBCluster" | "rds:CreateDBClusterSnapshot" => kind(&["cluster", "cluster-snapshot"]),
        "rds:AddRoleToDBCluster" | "rds:RemoveRoleFromDBCluster" => kind(&["cluster"]),
        _ => true,
    }
}

/// What a call would say about itself, so that the conditions of sensible policies hold.
fn context(right: &Right, names: &Names) -> BTreeMap<String, String> {
    let mut context = BTreeMap::new();
    for (_, key, value) in right.conditions {
        let value = names.resolve(value);
        // A pattern stands for one of the services.
        let value = match *key {
            "kms:ViaService" => format!("rds.{}.amazonaws.com", names.place.region),
            "iam:PassedToService" => "rds.amazonaws.com".to_owned(),
            _ => value,
        };
        context.insert((*key).to_owned(), value);
    }
    context
}

async fn simulate(
    reader: &Reader,
    who: &str,
    actions: &[&str],
    resource: &str,
    context: &BTreeMap<String, String>,
) -> Result<Vec<(String, bool)>, CallError> {
    let mut call = reader.iam.simulate_principal_policy().policy_source_arn(who).resource_arns(resource);
    for action in actions {
        call = call.action_names(*action);
    }
    for (key, value) in context {
        let kind = if value == "true" { ContextKeyTypeEnum::Boolean } else { ContextKeyTypeEnum::String };
        let entry =
            ContextEntry::builder().context_key_name(key).context_key_values(value).context_key_type(kind);
        call = call.context_entries(entry.build());
    }
    const OPERATION: &str = "SimulatePrincipalPolicy";
    let answer = call.send().await.map_err(|error| CallError::new(OPERATION, error))?;
    // A page takes 100 results, and no statement has as many actions. Of what is not answered nobody may say that it is allowed.
    let decided = |action: &str| {
        let mut results = answer.evaluation_results().iter();
        let result = results.find(|result| result.eval_action_name() == action);
        result.map(|result| *result.eval_decision() == PolicyEvaluationDecisionType::Allowed)
    };
    let unanswered = |action: &str| CallError::nonsense(OPERATION, format!("no word about {action}"));
    let answered =
        |action: &&str| Ok(((*action).to_owned(), decided(action).ok_or_else(|| unanswered(action))?));
    actions.iter().map(answered).collect()
}

/// A spot check of the handler's role: that it may make and delete clones, and that it may delete nothing else.
async fn functions(
    reader: &Reader,
    found: &Found,
    names: &Names,
    clusters: &[Cluster],
    findings: &mut Findings,
) {
    const CHECK: &str = "the functions' role";
    let Some(role) = found.manager.outputs.get("RoleArn") else {
        findings.skipped(CHECK, "the stack has no output RoleArn");
        return;
    };
    let manager = names.manager.clone();
    let made = BTreeMap::from([("aws:RequestTag/aurora-clone:manager".to_owned(), manager.clone())]);
    let ours = BTreeMap::from([("aws:ResourceTag/aurora-clone:manager".to_owned(), manager)]);
    let clone = names.resolve("{rds}:cluster:{prefix}") + EXAMPLE;
    let mut missing = Vec::new();
    for (action, context) in [("rds:RestoreDBClusterToPointInTime", &made), ("rds:DeleteDBCluster", &ours)] {
        match simulate(reader, role, &[action], &clone, context).await {
            Ok(results) if results.iter().all(|(_, allowed)| *allowed) => {}
            Ok(_) => missing.push(format!("{action} on {clone}")),
            Err(error) => {
                findings.skipped(CHECK, error.to_string());
                return;
            }
        }
    }
    if missing.is_empty() {
        findings.ok(CHECK, "it may make clones and delete them");
    } else {
        findings.error(
            CHECK,
            format!("it may not {}", missing.join(", ")),
            "see what denies it: a permissions boundary, a service control policy, or another template than this version's",
        );
    }
    let stranger = clusters.iter().find(|cluster| !cluster.identifier.starts_with(&names.prefix));
    let Some(stranger) = stranger.filter(|_| !names.prefix.is_empty()) else { return };
    match simulate(reader, role, &["rds:DeleteDBCluster"], &stranger.arn, &BTreeMap::new()).await {
        Ok(results) if results.iter().all(|(_, allowed)| !allowed) => {
            findings.ok(CHECK, format!("it may not delete {}", stranger.identifier));
        }
        Ok(_) => findings.error(
            CHECK,
            format!("it may delete {}, which is not ours", stranger.identifier),
            "take away what was attached to it beside the template's policies",
        ),
        Err(error) => findings.skipped(CHECK, error.to_string()),
    }
}

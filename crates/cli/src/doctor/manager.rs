//! The manager's stack, what it deployed, and the maintenance configuration.

use std::collections::BTreeSet;

use aurora_clone_aws::cloud::CallError;
use aurora_clone_aws::parameter;
use aurora_clone_core::arn::Place;
use aurora_clone_core::pool::config::Maintenance;
use aurora_clone_core::settings::Settings;

use super::finding::Findings;
use super::{ALLOW, Caller, Reader, place_of, refused};
use crate::session::Manager;

/// What the manager's stack can't do without, by logical id.
const RESOURCES: [&str; 8] = [
    "CloneHandler",
    "PoolMaintainer",
    "LastResort",
    "StateMachine",
    "PoolMachine",
    "Table",
    "Maintenance",
    "Sweep",
];
/// The outputs that stacks and people go by.
const OUTPUTS: [&str; 5] = ["LambdaArn", "LambdaName", "MaintainerName", "RoleArn", "DefaultSecretPrefix"];

/// The manager, as far as it is understood.
pub struct Found {
    /// Its stack.
    pub manager: Manager,
    /// The operator's settings.
    pub settings: Settings,
    /// Where it is.
    pub place: Place,
    /// Its table; empty where it was not found.
    pub table: String,
}

/// Checks the stack.
pub async fn check(reader: &Reader, stack: &str, caller: &Caller, findings: &mut Findings) -> Option<Found> {
    let manager = match Manager::find(&reader.cloud, stack).await {
        Ok(manager) => manager,
        Err(failure) => {
            let says = failure.to_string();
            let remedy = match says.contains("AccessDenied") {
                true => ALLOW,
                false => failure.next().unwrap_or("see `aws cloudformation describe-stacks`"),
            };
            findings.error("stack", &says, remedy);
            return None;
        }
    };
    status(&manager, findings);
    let place = place_of(&manager.stack_id)?;
    if place.account == caller.account && place.region == reader.region {
        findings
            .ok("place", format!("account {} and region {} are the manager's", place.account, place.region));
    } else {
        findings.error(
            "place",
            format!(
                "the manager is in {} of account {}, the caller in {} of account {}",
                place.region, place.account, reader.region, caller.account
            ),
            "use a profile of the manager's account, and its region",
        );
    }
    let missing: Vec<&str> =
        OUTPUTS.into_iter().filter(|name| !manager.outputs.contains_key(*name)).collect();
    match missing.is_empty() {
        true => {
            let revision = manager
                .outputs
                .get("Revision")
                .map(String::as_str)
                .filter(|text| !["", "unknown"].contains(text));
            let revision = revision.map_or_else(String::new, |revision| format!("; revision {revision}"));
            findings.ok("outputs", format!("stacks find the function by them{revision}"));
        }
        false => findings.warning(
            "outputs",
            format!("the stack has no {}", missing.join(", ")),
            "update the stack with this version's template",
        ),
    }
    let table = resources(reader, &manager, findings).await;
    match manager.settings() {
        Ok(settings) => {
            findings.ok("settings", "the operator's settings are understood");
            Some(Found { manager, settings, place, table })
        }
        Err(failure) => {
            findings.error("settings", failure.to_string(), "update the stack with a right value");
            None
        }
    }
}

fn status(manager: &Manager, findings: &mut Findings) {
    let says = format!("{} is {}", manager.name, manager.status);
    match manager.status.as_str() {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => findings.ok("stack", says),
        "UPDATE_ROLLBACK_COMPLETE" => findings.warning(
            "stack",
            format!("{says}: its latest update failed, and the version before it is at work"),
            format!("see why: aws cloudformation describe-stack-events --stack-name {}", manager.name),
        ),
        status if status.ends_with("_IN_PROGRESS") => {
            findings.warning("stack", says, "wait until it is complete, and ask again");
        }
        _ => findings.error(
            "stack",
            says,
            format!("see why: aws cloudformation describe-stack-events --stack-name {}", manager.name),
        ),
    }
}

async fn resources(reader: &Reader, manager: &Manager, findings: &mut Findings) -> String {
    let call = reader.cloud.cloudformation.describe_stack_resources().stack_name(&manager.stack_id).send();
    let found = match call.await.map_err(|error| CallError::new("DescribeStackResources", error)) {
        Ok(found) => found,
        Err(error) => {
            let (says, remedy) = refused(&error);
            findings.error("resources", says, remedy);
            return String::new();
        }
    };
    let there: BTreeSet<&str> = found
        .stack_resources()
        .iter()
        .filter(|resource| {
            let status = resource.resource_status().map(|status| status.as_str()).unwrap_or_default();
            resource.physical_resource_id().is_some() && !status.starts_with("DELETE")
        })
        .filter_map(|resource| resource.logical_resource_id())
        .collect();
    let missing: Vec<&str> = RESOURCES.into_iter().filter(|name| !there.contains(name)).collect();
    match missing.is_empty() {
        true => findings.ok("resources", "functions, state machines, table and schedules are there"),
        false => findings.error(
            "resources",
            format!("the stack has no {}", missing.join(", ")),
            "update the stack with this version's template",
        ),
    }
    let table = found.stack_resources().iter().find(|r| r.logical_resource_id() == Some("Table"));
    table.and_then(|table| table.physical_resource_id()).unwrap_or_default().to_owned()
}

/// Reads the maintenance configuration, and says all that is wrong with it.
pub async fn configuration(reader: &Reader, found: &Found, findings: &mut Findings) -> Option<Maintenance> {
    let name = found.manager.parameter();
    let text = match parameter::read(&reader.cloud, &name).await {
        Ok(text) => text,
        Err(error) => {
            let (says, remedy) = refused(&error);
            let remedy = match error.is("ParameterNotFound") {
                true => "put one there: docs/pool.md; until then nothing is maintained".to_owned(),
                false => remedy,
            };
            findings.error("configuration", says, remedy);
            return None;
        }
    };
    match Maintenance::parse(&text, &found.settings) {
        Ok(maintenance) => {
            let number = maintenance.sources.len();
            let sources = if number == 1 { "1 source".to_owned() } else { format!("{number} sources") };
            let dry: Vec<&str> =
                maintenance.sources.iter().filter(|s| s.dry_run).map(|s| s.source.as_str()).collect();
            if maintenance.dry_run || !dry.is_empty() {
                let which = if maintenance.dry_run { "all of it".to_owned() } else { dry.join(", ") };
                findings.warning(
                    "configuration",
                    format!("{sources}; dry-run is on for {which}: nothing is made or purged there"),
                    format!(
                        "take dry-run out of the SSM parameter {name} when the plans are as you like them"
                    ),
                );
            } else {
                findings.ok("configuration", format!("{name} is understood: {sources}"));
            }
            Some(maintenance)
        }
        Err(problems) => {
            for problem in problems {
                findings.error(
                    "configuration",
                    problem.to_string(),
                    format!("correct the SSM parameter {name} (docs/pool.md); nothing is maintained while it is wrong"),
                );
            }
            None
        }
    }
}

//! `aurora-clone doctor`: whether everything is there that clones and pools need, and what to do where it is not. It asks with
//! clients that can't write, each check as far as the ones before it came.

mod finding;
mod manager;
pub mod needs;
mod permissions;
mod quotas;
mod sources;

use std::sync::Arc;

use aurora_clone_aws::cloud::{CallError, Cloud, Own, over};
use aurora_clone_aws::observe;
use aurora_clone_core::arn::Place;
use aurora_clone_core::duration::for_people;
use aurora_clone_core::snapshot::Cluster;
use chrono::Duration;
use clap::Args;

use self::finding::{Findings, Status};
use crate::failure::Failure;
use crate::session::{Aws, reach};
use crate::surroundings::Surroundings;

/// What the checks are to be about.
#[derive(Debug, Args)]
#[command(after_help = "\
The exit code is 1 if there is an error, with --strict also if there is a warning, and 0 otherwise.

Examples:
  aurora-clone doctor
  aurora-clone doctor --stack clones-of-team-a --region eu-west-1
  aurora-clone doctor prod staging       Checks these sources, whatever is configured
  aurora-clone doctor --strict --json | jq -r '.findings[] | select(.status == \"error\") | .remedy'")]
pub struct Arguments {
    /// Sources to check beside those of the maintenance configuration.
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Fails on warnings as well.
    #[arg(long)]
    strict: bool,
    /// One JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    aws: Aws,
}

/// What to do about a call that is denied.
const ALLOW: &str = "allow it: docs/command-line.md, \"Permissions\"";

/// The clients of the checks; none of them can write.
struct Reader {
    cloud: Cloud,
    sts: aws_sdk_sts::Client,
    iam: aws_sdk_iam::Client,
    region: String,
}

/// Who calls.
struct Caller {
    /// As STS says.
    arn: String,
    account: String,
}

/// Makes all checks.
pub async fn run(arguments: &Arguments, around: &mut Surroundings) -> Result<(), Failure> {
    let (config, connector) = reach(&arguments.aws, around).await?;
    let own = Own { table: String::new(), state_machine: String::new(), clock: Arc::clone(&around.clock) };
    let cloud = Cloud::with_config(&config, connector, own).read_only();
    let config = over(&config, &cloud.http);
    let reader = Reader {
        sts: aws_sdk_sts::Client::new(&config),
        iam: aws_sdk_iam::Client::new(&config),
        region: config.region().map(ToString::to_string).unwrap_or_default(),
        cloud,
    };
    let mut findings = Findings::default();
    Box::pin(check(&reader, arguments, &mut findings)).await;
    if arguments.json {
        around.printer.line(&format!("{:#}", findings.json()))?;
    } else {
        findings.show(&mut around.printer)?;
    }
    let (errors, warnings) = (findings.count(Status::Error), findings.count(Status::Warning));
    if errors > 0 || (arguments.strict && warnings > 0) { Err(Failure::Said) } else { Ok(()) }
}

async fn check(reader: &Reader, arguments: &Arguments, findings: &mut Findings) {
    findings.group("Credentials");
    let Some(caller) = credentials(reader, findings).await else { return };
    skew(reader, findings);
    findings.group("Manager");
    let Some(manager) = manager::check(reader, &arguments.aws.stack, &caller, findings).await else { return };
    let maintenance = manager::configuration(reader, &manager, findings).await;
    let clusters = match observe::clusters(&reader.cloud).await {
        Ok(clusters) => clusters,
        Err(error) => {
            findings.group("Sources");
            let (says, remedy) = refused(&error);
            findings.error("clusters", says, remedy);
            return;
        }
    };
    findings.group("Quotas");
    quotas::check(reader, &manager, maintenance.as_ref(), &clusters, findings).await;
    findings.group("Sources");
    let names = sources_of(arguments, maintenance.as_ref(), findings);
    for name in &names {
        sources::check(reader, &manager, maintenance.as_ref(), name, &clusters, findings).await;
    }
    findings.group("Permissions");
    permissions::check(reader, &manager, &caller, &clusters, findings).await;
}

async fn credentials(reader: &Reader, findings: &mut Findings) -> Option<Caller> {
    let identity = reader.sts.get_caller_identity().send().await;
    match identity.map_err(|error| CallError::new("GetCallerIdentity", error)) {
        Ok(identity) => {
            let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
            let caller = Caller { arn: text(identity.arn()), account: text(identity.account()) };
            findings.ok("caller", format!("{} in {}", caller.arn, reader.region));
            Some(caller)
        }
        Err(error) => {
            let (says, remedy) = refused(&error);
            findings.error("caller", says, remedy);
            None
        }
    }
}

/// The answer of STS was dated.
fn skew(reader: &Reader, findings: &mut Findings) {
    let Some(skew) = reader.cloud.skew() else {
        findings.skipped("clock", "AWS's answers had no date");
        return;
    };
    let off = for_people(skew.abs());
    match skew.abs() {
        off if off <= Duration::seconds(30) => findings.ok("clock", "this computer's clock is AWS's"),
        by if by <= Duration::minutes(5) => findings.warning(
            "clock",
            format!("this computer's clock is {off} from AWS's"),
            "let it be set by NTP: from 5 minutes on AWS refuses signatures",
        ),
        _ => findings.error(
            "clock",
            format!("this computer's clock is {off} from AWS's, which refuses signatures of another time"),
            "let it be set by NTP",
        ),
    }
}

/// Which sources are looked at: those that are named, else those that are configured.
fn sources_of(
    arguments: &Arguments,
    maintenance: Option<&aurora_clone_core::pool::config::Maintenance>,
    findings: &mut Findings,
) -> Vec<String> {
    let configured = maintenance.into_iter().flat_map(|maintenance| &maintenance.sources);
    let mut names: Vec<String> = configured.map(|source| source.source.clone()).collect();
    names.extend(arguments.sources.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
    if names.is_empty() {
        findings.skipped("sources", "none is configured or named: `aurora-clone doctor SOURCE` checks one");
    }
    names
}

/// What a call that failed means, and what to do.
fn refused(error: &CallError) -> (String, String) {
    let failure = Failure::from(error.clone());
    let remedy = failure.next().unwrap_or("see what AWS says, and try again").to_owned();
    match error.code.as_deref() {
        Some("AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation") => {
            (failure.to_string(), ALLOW.to_owned())
        }
        _ => (failure.to_string(), remedy),
    }
}

/// A cluster by its identifier.
fn find<'c>(clusters: &'c [Cluster], identifier: &str) -> Option<&'c Cluster> {
    clusters.iter().find(|cluster| cluster.identifier == identifier)
}

/// Where the manager is, by its stack's id.
fn place_of(stack_id: &str) -> Option<Place> {
    Place::of_stack(stack_id).ok()
}

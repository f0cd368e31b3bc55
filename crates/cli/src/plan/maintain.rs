//! `plan maintain`: the maintainer's plan, and with `--apply` the maintainer's work, done from here.

use aurora_clone_aws::maintain::run::{Looked, Run};
use aurora_clone_core::duration::for_people;
use aurora_clone_core::pool::config::Maintenance;
use aurora_clone_core::pool::plan::{Next, Plan};
use aurora_clone_core::pool::report::Line;
use chrono::Duration;
use clap::Args;
use serde_json::{Value, json};

use super::columns::table;
use super::follow::{self, Ended};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::session::{Aws, Session};
use crate::surroundings::Surroundings;

/// The maintainer's plan.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aurora-clone plan maintain                 What the next scheduled run would do
  aurora-clone plan maintain prod            The pool of one source, without the sweep
  aurora-clone plan maintain --apply         Shows it, asks, does it, and waits until all is settled
  aurora-clone plan maintain --json | jq '.sources[].report.steps'")]
pub struct Arguments {
    /// The source's identifier, as the maintenance configuration has it; all sources and the sweep if it is not given.
    #[arg(value_name = "SOURCE")]
    source: Option<String>,
    /// Does what the plan says, under the same leases as the maintainer, and follows it until nothing is under way.
    #[arg(long)]
    apply: bool,
    /// Asks nothing before it is applied.
    #[arg(long, requires = "apply")]
    yes: bool,
    /// One JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    aws: Aws,
}

/// Shows the plan, and applies it if that is asked for.
pub async fn run(arguments: &Arguments, around: &mut Surroundings) -> Result<(), Failure> {
    if arguments.apply && arguments.json && !arguments.yes {
        return Err(Failure::usage(
            "--apply asks before it changes anything, and with --json nobody sees what",
        )
        .hint("look at the plan with --json alone, then give --yes"));
    }
    let session = Session::open(&arguments.aws, around).await?;
    let maintenance = session.maintenance().await?;
    let only = arguments.source.as_deref();
    if let Some(name) = only.filter(|name| maintenance.sources.iter().all(|s| s.source != **name)) {
        let names: Vec<&str> = maintenance.sources.iter().map(|s| s.source.as_str()).collect();
        let configured = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(Failure::new(format!("the source {name:?} is not in the maintenance configuration"))
            .hint(format!("configured are: {configured}")));
    }
    let run = Run::looking(&maintenance, &session.settings, session.cloud.now());
    let looked = run.look(&session.cloud, only).await?;
    let dry = DryRun::of(&maintenance, only);
    let mut document = looked.json();
    document["dryRun"] = json!(dry.everywhere);
    if !arguments.json {
        show(&looked, &dry, &mut around.printer)?;
    }
    let mut result = Ok(());
    if arguments.apply {
        result =
            Box::pin(apply(arguments, &session, &maintenance, &looked, &dry, &mut document, around)).await;
    }
    if arguments.json {
        around.printer.line(&format!("{document:#}"))?;
    }
    result?;
    let errors = looked.errors();
    match errors.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(errors.join("; "))
            .hint("`aurora-clone doctor` checks the configuration, the sources and the permissions")),
    }
}

/// What the configuration says is only to be looked at.
struct DryRun {
    /// All that was asked for.
    everywhere: bool,
    /// These sources.
    sources: Vec<String>,
}

impl DryRun {
    fn of(maintenance: &Maintenance, only: Option<&str>) -> Self {
        let asked = || maintenance.sources.iter().filter(|s| only.is_none_or(|only| s.source == only));
        let sources: Vec<String> = asked().filter(|s| s.dry_run).map(|s| s.source.clone()).collect();
        // The sweep is nobody's dry run but the whole configuration's.
        let all_of_them = only.is_some() && sources.len() == asked().count();
        Self { everywhere: maintenance.dry_run || all_of_them, sources }
    }
}

async fn apply(
    arguments: &Arguments,
    session: &Session,
    maintenance: &Maintenance,
    looked: &Looked,
    dry: &DryRun,
    document: &mut Value,
    around: &mut Surroundings,
) -> Result<(), Failure> {
    if dry.everywhere {
        document["applied"] = json!({ "ended": "dry-run" });
        return Err(Failure::new("the maintenance configuration says dry-run, so nothing was changed").hint(
            format!("take \"dry-run\" out of the SSM parameter {} first", session.manager.parameter()),
        ));
    }
    if !looked.has_work() {
        document["applied"] = json!({ "ended": "nothing to do" });
        around.printer.note("Nothing to do.")?;
        return Ok(());
    }
    if !arguments.yes {
        match around.printer.ask("Do this now? [y/N]")? {
            Some(answer) if matches!(answer.to_lowercase().as_str(), "y" | "yes") => {}
            Some(_) => return Err(Failure::new("not confirmed, so nothing was changed")),
            None => {
                return Err(Failure::usage("nobody is there to confirm it, so nothing was changed")
                    .hint("give --yes to apply without a question"));
            }
        }
    }
    let work = follow::Work::new(session, maintenance, arguments.source.as_deref());
    let done = Box::pin(work.follow(around)).await?;
    document["applied"] = done.json();
    let schedule = session.manager.parameters.get("MaintenanceSchedule").map(String::as_str);
    let next = schedule.map_or_else(String::new, |schedule| format!(" ({schedule})"));
    match done.ended {
        Ended::Interrupted(signal) => {
            around.printer.note(&format!(
                "Interrupted. What AWS has begun goes on by itself; the next scheduled run{next} or the same command goes on from \
                 there."
            ))?;
            Err(Failure::Signal(signal))
        }
        Ended::Settled if done.troubles.is_empty() && done.errors.is_empty() => {
            around.printer.note("Settled.")?;
            Ok(())
        }
        Ended::Settled => {
            let all: Vec<String> = done.errors.iter().chain(&done.troubles).cloned().collect();
            Err(Failure::new(format!("settled in trouble: {}", all.join("; "))).hint(format!(
                "docs/operations.md says what each means; the next scheduled run{next} tries again"
            )))
        }
    }
}

/// The plan as people read it.
fn show(looked: &Looked, dry: &DryRun, printer: &mut Printer) -> Result<(), Failure> {
    if looked.sources.is_empty() && looked.sweep.is_none() {
        printer.line("The maintenance configuration names no source.")?;
    }
    for (source, plan) in &looked.sources {
        match plan {
            Ok(plan) => show_source(source, plan, dry, printer)?,
            Err(error) => {
                let line = format!("{}: {}", printer.bold(source), printer.red(&error.to_string()));
                printer.line(&line)?;
            }
        }
        printer.line("")?;
    }
    let Some(sweep) = &looked.sweep else { return Ok(()) };
    let title = printer.bold("Leases and orphans");
    match sweep {
        Err(error) => {
            let line = format!("{title}: {}", printer.red(&error.to_string()));
            printer.line(&line)?;
        }
        Ok(shown) if shown.findings.is_empty() && shown.steps.is_empty() && shown.troubles.is_empty() => {
            printer.line(&format!("{title}: nothing was found."))?;
        }
        Ok(shown) => {
            printer.line(&format!("{title}:"))?;
            let rows: Vec<Vec<String>> = shown
                .findings
                .iter()
                .map(|finding| vec![finding.name.clone(), finding.what.to_owned(), finding.why.clone()])
                .collect();
            if !rows.is_empty() {
                for line in table(printer, &["NAME", "FINDING", "WHY"], &rows) {
                    printer.line(&line)?;
                }
            }
            steps(&shown.steps, printer)?;
            troubles(&shown.troubles, printer)?;
        }
    }
    Ok(())
}

fn show_source(source: &str, plan: &Plan, dry: &DryRun, printer: &mut Printer) -> Result<(), Failure> {
    let summary = plan.report.to_string();
    // Troubles have lines of their own below.
    let summary = summary.split("; TROUBLE: ").next().unwrap_or_default();
    let rest = summary.strip_prefix(source).unwrap_or(summary);
    let line = format!("{}{rest}", printer.bold(source));
    printer.line(&line)?;
    let rows = rows(&plan.report.lines);
    for line in table(printer, &["CLUSTER", "KIND", "STATUS", "DATA AGE", "SLOTS", "DECISION"], &rows) {
        printer.line(&line)?;
    }
    steps(&plan.report.steps, printer)?;
    troubles(&plan.report.troubles, printer)?;
    if let Next::Wait(seconds, why) = &plan.next {
        let after = for_people(Duration::seconds(i64::from(*seconds)));
        printer.line(&format!("Then: looks again after {after}: {why}"))?;
    }
    if dry.everywhere || dry.sources.iter().any(|name| name == source) {
        let line = printer.yellow("The configuration says dry-run: the maintainer does none of this.");
        printer.line(&line)?;
    }
    Ok(())
}

/// How many clones of others with one decision are shown one by one.
const FEW: usize = 4;

/// A row for each cluster, but one for many clones of others about which there is only one thing to say.
fn rows(lines: &[Line]) -> Vec<Vec<String>> {
    let same = |a: &Line, b: &Line| {
        a.kind == "stranger" && (a.kind, &a.status, &a.decision) == (b.kind, &b.status, &b.decision)
    };
    let mut rows = Vec::new();
    for alike in lines.chunk_by(same) {
        if alike.len() <= FEW {
            rows.extend(alike.iter().map(row));
            continue;
        }
        let mut one = row(&alike[0]);
        one[0] = format!("{} and {} more", alike[0].cluster, alike.len() - 1);
        rows.push(one);
    }
    rows
}

fn row(line: &Line) -> Vec<String> {
    let age = line.data_age.filter(|_| line.kind != "root");
    let age = age.map_or_else(|| "-".to_owned(), |age| for_people(Duration::seconds(age)));
    let slots = line.slots.map_or_else(|| "-".to_owned(), |s| format!("{} used, {} free", s.taken, s.free));
    vec![line.cluster.clone(), line.kind.to_owned(), line.status.clone(), age, slots, line.decision.clone()]
}

fn steps(steps: &[String], printer: &mut Printer) -> Result<(), Failure> {
    if steps.is_empty() {
        printer.line("Steps: none.")?;
        return Ok(());
    }
    printer.line("Steps:")?;
    for (number, step) in (1..).zip(steps) {
        printer.line(&format!("  {number}. {step}"))?;
    }
    Ok(())
}

fn troubles(troubles: &[String], printer: &mut Printer) -> Result<(), Failure> {
    for trouble in troubles {
        let line = format!("{} {trouble}", printer.red("Trouble:"));
        printer.line(&line)?;
    }
    Ok(())
}

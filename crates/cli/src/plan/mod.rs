//! `aurora-clone plan`: what would be done, and why, without doing it. Everything here looks through clients that can't write, but
//! `maintain --apply`, which says so.

pub mod columns;
mod create;
mod delete;
mod follow;
mod maintain;
mod update;

use clap::Subcommand;
use serde::Serialize;

use crate::clone;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::session::{Aws, Session};
use crate::surroundings::Surroundings;

/// Shows what would be done, and why; nothing is written.
#[derive(Debug, Subcommand)]
pub enum Plan {
    /// What `create` would do: for every source why it is or is not taken, and what the clone would be like. Exits with 1 where it
    /// would fail.
    Create(Box<clone::Create>),
    /// What `update` would do: property by property. Exits with 1 where it would be refused.
    Update(Box<clone::Update>),
    /// What `delete` would do: the proof, and everything that would go. Exits with 1 where something stands in the way.
    Delete(clone::Delete),
    /// What the pool's maintainer would do now: for every source each of its clusters, the steps and what somebody has to look at,
    /// then leases that are over and what no stack owns any more.
    Maintain(maintain::Arguments),
}

/// Shows a plan.
pub async fn run(plan: &Plan, around: &mut Surroundings) -> Result<(), Failure> {
    match plan {
        Plan::Create(arguments) => Box::pin(create::run(arguments, around)).await,
        Plan::Update(arguments) => Box::pin(update::run(arguments, around)).await,
        Plan::Delete(arguments) => Box::pin(delete::run(arguments, around)).await,
        Plan::Maintain(arguments) => Box::pin(maintain::run(arguments, around)).await,
    }
}

/// A session that can't write.
async fn ask(aws: &Aws, around: &Surroundings) -> Result<Session, Failure> {
    let mut session = Session::open(aws, around).await?;
    session.cloud = session.cloud.read_only();
    Ok(session)
}

/// A plan as one JSON document, or as people read it.
fn say<T: Serialize>(
    plan: &T,
    json: bool,
    around: &mut Surroundings,
    show: fn(&T, &mut Printer) -> std::io::Result<()>,
) -> Result<(), Failure> {
    if !json {
        return Ok(show(plan, &mut around.printer)?);
    }
    let text = serde_json::to_string_pretty(plan).map_err(|error| Failure::new(error.to_string()))?;
    Ok(around.printer.line(&text)?)
}

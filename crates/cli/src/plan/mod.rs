//! `aurora-clone plan`: what would be done, and why, without doing it. Everything here looks through clients that can't write, but
//! `maintain --apply`, which says so.

pub mod columns;
mod follow;
mod maintain;

use clap::Subcommand;

use crate::failure::Failure;
use crate::surroundings::Surroundings;

/// Shows what would be done, and why; nothing is written.
#[derive(Debug, Subcommand)]
pub enum Plan {
    /// What the pool's maintainer would do now: for every source each of its clusters, the steps and what somebody has to look at,
    /// then leases that are over and what no stack owns any more.
    Maintain(maintain::Arguments),
}

/// Shows a plan.
pub async fn run(plan: &Plan, around: &mut Surroundings) -> Result<(), Failure> {
    match plan {
        Plan::Maintain(arguments) => Box::pin(maintain::run(arguments, around)).await,
    }
}

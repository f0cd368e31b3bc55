//! One step of the maintainer: of one pool, or of the sweep. Like a step of a request it looks, plans, checks, does, and says what
//! follows.
//!
//! A plan that changes nothing takes no lease and writes nothing, so that a look costs reads and nobody waits for it.

pub mod pool;
pub mod roots;
pub mod run;
pub mod sweep;

use aurora_clone_core::check::Violation;
use aurora_clone_core::duration::{for_people, format_time};
use chrono::{DateTime, Duration, Utc};
use thiserror::Error;

use crate::cloud::{CallError, Cloud};

/// How far this process's time may be from AWS's.
const MOST_SKEW: Duration = Duration::minutes(10);

/// A step of the maintainer that could not be made. It changes nothing to make it again.
#[derive(Debug, Error)]
pub enum MaintainError {
    /// AWS did not let us.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The plan was not carried out.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// AWS refused some of the step; the rest was done.
    #[error("{}", .0.join("; "))]
    Refused(Vec<String>),
    /// The configuration does not fit the account.
    #[error("{0}")]
    Unfit(String),
    /// This step's time, or this process's clock, is not AWS's.
    #[error(
        "what is {now} here is {by} from AWS's time: nothing is changed, since ages and leases would be wrong",
        now = format_time(*.now), by = for_people(*.off)
    )]
    Skew {
        /// What the step, or the process, takes for now.
        now: DateTime<Utc>,
        /// How far that is from AWS's time.
        off: Duration,
    },
}

/// What follows a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Follows {
    /// Look again in so many seconds.
    Wait(u32, String),
    /// Nothing is under way.
    Settled,
}

/// Refuses a time that is not AWS's, as the latest answer was dated. The process's own clock counts as well as the step's: the lease
/// goes by it, and one that is ahead would take the lease of a Create that is at work.
fn trust_time(cloud: &Cloud, now: DateTime<Utc>) -> Result<(), MaintainError> {
    let Some(skew) = cloud.skew() else { return Ok(()) };
    let here = cloud.now();
    for time in [here, now] {
        let off = (here + skew - time).abs();
        if off > MOST_SKEW {
            return Err(MaintainError::Skew { now: time, off });
        }
    }
    Ok(())
}

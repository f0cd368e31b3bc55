//! One step of the maintainer: of one pool, or of the sweep. Like a step of a request it looks, plans, checks, does, and says what
//! follows.
//!
//! A plan that changes nothing takes no lease and writes nothing, so that a look costs reads and nobody waits for it.

pub mod pool;
pub mod roots;
pub mod sweep;

use aurora_clone_core::check::Violation;
use aurora_clone_core::duration::for_people;
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
    /// The configuration does not fit the account.
    #[error("{0}")]
    Unfit(String),
    /// This step's time is not AWS's.
    #[error(
        "the time of this step, {now}, is {by} from AWS's: nothing is changed, since ages and leases would be wrong",
        by = for_people(*.off)
    )]
    Skew {
        /// What the step takes for now.
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

/// Refuses a time that is not AWS's, as the latest answer was dated.
fn trust_time(cloud: &Cloud, now: DateTime<Utc>) -> Result<(), MaintainError> {
    let Some(skew) = cloud.skew() else { return Ok(()) };
    let off = (cloud.now() + skew - now).abs();
    if off > MOST_SKEW { Err(MaintainError::Skew { now, off }) } else { Ok(()) }
}

//! The shell around the pure core: it observes AWS, carries plans out, keeps requests, and answers CloudFormation.
//!
//! Policy is not here: what to do is decided in `aurora-clone-core`.

pub mod advance;
pub mod answer;
pub mod cloud;
pub mod cloudformation;
pub mod commands;
pub mod events;
pub mod execute;
#[cfg(test)]
mod fake;
pub mod http;
pub mod incarnations;
pub mod keys;
pub mod lock;
pub mod maintain;
pub mod observe;
pub mod orphans;
pub mod parameter;
pub mod read_only;
pub mod removals;
pub mod requests;
pub mod rules;
pub mod secrets;
mod skew;
mod table;

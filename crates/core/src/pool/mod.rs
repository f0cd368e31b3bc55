//! The pool of full copies, and the rest of what the maintainer decides. `docs/pool.md` is the contract.

pub mod action;
pub mod check;
pub mod config;
pub mod make;
pub mod metrics;
pub mod plan;
pub mod report;
pub mod retire;
pub mod room;
pub mod standing;

//! The pool's planner: every sentence of `docs/pool.md` about slots, copies and removals, and properties of worlds made by chance.

#![allow(clippy::unwrap_used, missing_docs)]

mod any_world;
mod checker;
mod counting;
mod held;
mod making;
mod metrics;
mod ops;
mod relatives;
mod report;
mod retiring;
mod room;
mod truth;
mod world;

//! The planners, the slots they count, the guard and the checker, over snapshots made by hand and by chance.

#![allow(clippy::unwrap_used, missing_docs)]

mod chance;
mod checker;
mod input;
mod proof;
mod room;
mod slots;

//! The planners, the slots they count, the guard and the checker, over snapshots made by hand and by chance.

#![allow(clippy::unwrap_used, missing_docs)]

mod any_clone;
mod chance;
mod checker;
mod choosing;
mod converge;
mod deletes;
mod input;
mod keeping;
mod model;
mod proof;
mod room;
mod rules;
mod slots;
mod sweep;
mod updates;
mod wishes;

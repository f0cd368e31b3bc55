//! Rows of the catalogue of failure modes that no other test shows; `docs/failure-modes.md` has all of them.

mod answers;
mod databases;
mod secrets;

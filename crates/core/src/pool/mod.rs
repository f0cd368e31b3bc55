//! The pool of full copies, and the rest of what the maintainer decides. `docs/pool.md` is the contract.

pub mod config;

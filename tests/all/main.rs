//! Whole flows over the simulated AWS under the real SDK, and the rules of the house.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::print_stdout, missing_docs)]

mod bad_input;
mod choosing;
mod cli;
mod contention;
mod delivery;
mod deployed;
mod documents;
mod examples;
mod faults;
mod house;
mod last_resort;
mod lifecycle;
mod maintainer;
mod operations_page;
mod pool;
mod predecessor;
mod rights;
mod rows;
mod secrecy;
mod security_page;
mod semantics;
mod slots;
mod updating;

//! The functions of Aurora Clone Manager, as libraries: a thin binary runs them under Lambda, tests run them in a
//! simulated world.

pub mod clone_handler;
pub mod environment;
pub mod last_resort;
pub mod logging;
pub mod pool_maintainer;

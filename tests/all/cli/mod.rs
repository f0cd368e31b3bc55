//! The command line, whole commands over the simulated AWS.

mod desk;
mod doctor;
mod plan;

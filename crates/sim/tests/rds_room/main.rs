//! The RDS room, through its wire: every rule with its error code and status.

#![allow(clippy::unwrap_used)]

mod deleting;
mod describing;
mod instances;
mod modifying;
mod restoring;
mod room;
mod tagging;
mod truth;

//! The RDS room, through its wire: every rule with its error code and status.

#![allow(clippy::unwrap_used)]

mod by_hand;
mod deleting;
mod describing;
mod instances;
mod managing;
mod modifying;
mod purging;
mod restoring;
mod roles;
mod room;
mod snapshot_restores;
mod snapshots;
mod tagging;
mod truth;

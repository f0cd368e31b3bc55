//! The pure part of Aurora Clone Manager: it decides, and does nothing.
//!
//! Everything here is a function of its arguments: no clock, no environment, no network, no randomness. The shell
//! (`aurora-clone-aws`) observes AWS into a [`snapshot`], asks a planner what to do ([`create`], [`update`],
//! [`delete`], [`sweep`]), has the plan looked over by separate code ([`check`]), and carries it out.

pub mod answer;
pub mod arn;
pub mod check;
pub mod converge;
pub mod create;
pub mod delete;
pub mod desired;
pub mod duration;
pub mod engine;
pub mod event;
pub mod events;
pub mod family;
pub mod guard;
pub mod hash;
pub mod identifier;
pub mod limits;
pub mod names;
pub mod outputs;
pub mod overview;
pub mod password;
pub mod plan;
pub mod policies;
pub mod pool;
pub mod prices;
pub mod properties;
pub mod record;
pub mod relatives;
pub mod request;
pub mod response_url;
pub mod rules;
pub mod settings;
pub mod slots;
pub mod snapshot;
pub mod sweep;
pub mod tags;
pub mod update;

//! The overview: what there is, whose it is, how many slots are left and what it costs.
//!
//! For people and scripts, who ask these things of everything at once. It decides nothing: slots are counted and sources judged by
//! the very code that Creates go by, so an overview can't promise what a Create then refuses.
//!
//! [`choose`] says which clusters matter, so that only their instances need be asked for; [`Chosen::describe`] does the rest.

mod choose;
mod describe;
mod model;

#[cfg(test)]
mod tests;

pub use choose::{Chosen, NoSuchCluster, Wanted, choose};
pub use describe::View;
pub use model::{
    Condition, Family, Instance, Lease, Member, MemberKind, Overview, Owner, Pool, Slots, Source, SourceKind,
    Totals,
};

//! The pool and its maintainer.

mod bounds;
mod faults;
mod life;
mod methods;
mod pages;
mod quarter;
mod quota;
mod read_only;
mod rows_a;
mod rows_b;
mod rules;
mod schedules;
mod secrecy;
mod sweeping;
mod telling;

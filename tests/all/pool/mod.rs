//! The pool and its maintainer.

mod faults;
mod life;
mod pages;
mod quarter;
mod quota;
mod read_only;
mod rows_a;
mod rules;

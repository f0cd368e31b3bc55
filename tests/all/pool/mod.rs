//! The pool and its maintainer.

mod faults;
mod life;
mod quota;
mod read_only;
mod rows_a;
mod secrecy;

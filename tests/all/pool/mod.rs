//! The pool and its maintainer.

mod life;
mod quarter;
mod quota;
mod read_only;

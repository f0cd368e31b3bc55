//! The pool and its maintainer.

mod life;
mod pages;
mod quarter;
mod quota;
mod read_only;

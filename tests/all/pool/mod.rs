//! The pool and its maintainer.

mod life;
mod quota;
mod read_only;
mod rules;

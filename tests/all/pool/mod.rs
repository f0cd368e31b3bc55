//! The pool and its maintainer.

mod quota;
mod read_only;

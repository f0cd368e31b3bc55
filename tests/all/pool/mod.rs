//! The pool and its maintainer.

mod bounds;
mod life;
mod methods;
mod quota;
mod read_only;
mod rows_b;
mod schedules;
mod sweeping;
mod telling;

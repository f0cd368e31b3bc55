//! The command line's commands, run as a whole.

mod validate;

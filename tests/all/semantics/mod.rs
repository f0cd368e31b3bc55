//! What `docs/semantics.md` promises: every sentence there names the test here that shows it.

mod cases;
mod passwords;
mod properties;
mod rollbacks;
mod scene;
mod updates;

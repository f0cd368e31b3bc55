//! What `docs/semantics.md` promises: every sentence there names the test here that shows it. `docs/pool.md` names tests of its own.

mod cases;
mod creating;
mod deletes;
mod events;
mod leases;
mod limits;
mod outputs;
mod page;
mod passwords;
mod properties;
mod rollbacks;
mod scene;
mod secrecy;
mod updates;

#[test]
fn every_sentence_is_a_test() {
    page::check();
}

#[test]
fn the_page_about_the_pool_is_held_as_well() {
    page::check_pool();
}

//! A few days of the quarter of a year, with all that it checks at every hour; and the page that tells of the whole.

use std::path::Path;

use aurora_clone_tests::quarter::{Outcome, Story, members, plot, table, tell};

/// The source whose budget is too small on purpose.
const BOUNDED: &str = "crm";

#[tokio::test(start_paused = true)]
async fn a_few_days_of_it() {
    let told = tell(&Story::FEW_DAYS, |line| println!("{line}")).await;
    println!("{}", table::page(&told));
    for (number, member) in members().iter().enumerate() {
        let figures = told.figures(number);
        if member.id != BOUNDED {
            assert_eq!(figures.full, 0, "{}: {figures:?}", member.id);
            assert!(figures.copies > 0, "{}: {figures:?}", member.id);
        }
    }
    let sum = told.sum();
    assert!(sum.made > 20 && sum.purged > 0, "{sum:?}");
    let unknown = |outcome: &Outcome| *outcome == Outcome::Failed("another reason");
    assert!(!told.asked.iter().any(|asked| unknown(&asked.outcome)), "{sum:?}");
    // What people try is not in vain.
    assert!(told.people.contains_key("clones of copies") && told.people.len() > 5, "{:?}", told.people);
    assert_eq!(told.maintainer.failed, 0);
    assert!(plot::draw(&told).contains("free slots"));
}

#[test]
fn the_page_is_made_by_what_it_says() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs");
    let page = std::fs::read_to_string(docs.join("quarter.md")).unwrap();
    assert!(page.starts_with(&table::made_by(&Story::QUARTER)), "write it anew: {}", table::COMMAND);
    assert!(page.contains(table::COMMAND) && docs.join("quarter.svg").is_file());
}

//! The tour in the README is what the commands print: it is played here, over the simulated account, and compared.
//!
//! `UPDATE_TOUR=1 cargo test -p aurora-clone-tests --test all cli::tour` writes it anew.

use std::path::Path;

use aurora_clone_tests::{copy, strangers_clone};
use serde_json::json;

use super::Fixture;

const BEGIN: &str = "<!-- The tour: tests/all/cli/tour.rs -->\n";
const END: &str = "<!-- The end of the tour -->\n";

/// What is said before each command.
const STOPS: [(&str, &[&str]); 6] = [
    ("What is there, whose is it, and how much room is left?", &["status"]),
    (
        "Why that source, and what would be made? Nothing is written:",
        &["plan", "create", "my-test", "--source-cluster-id", "prod", "--expires-after", "P1D"],
    ),
    (
        "A database of one's own, usable when the command ends. Ctrl-C loses nothing: the same command goes on.",
        &["create", "my-test", "--source-cluster-id", "prod", "--expires-after", "P1D"],
    ),
    ("It is needed for longer:", &["renew", "my-test", "--for", "P2D"]),
    ("What would the maintainer do?", &["plan", "maintain"]),
    ("Gone, with its password:", &["delete", "my-test", "--yes"]),
];

fn readme() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("README.md")
}

/// The tour as it is played now.
async fn played() -> String {
    let configuration = json!({ "clusters": [{ "cluster-id": "prod", "target-clone-slots": 16, "max-copies": 2, "volume-gib": 1000 }] });
    let fixture = Fixture::with(&[], &configuration, |world| {
        let made = world.now() - chrono::Duration::hours(20);
        world.rds.seed_cluster(copy("clone-prod-pool-1", "prod", made));
        for name in ["load-test", "anna", "reporting"] {
            world.rds.seed_cluster(strangers_clone(name, "prod"));
        }
    });
    fixture.create("review-1234", "SourceClusterId: prod\nClusterId: clone-review-1234\nExpiresAfter: P3D");
    assert_eq!(fixture.settled("review-1234").await, "CREATE_COMPLETE");
    let mut tour = String::new();
    for (why, words) in STOPS {
        let ran = fixture.run_on_terminal(120, words).await;
        assert_eq!(ran.code, 0, "{ran}");
        // Progress is no part of the answer, and without a terminal it has a line for every change.
        let plain: String = strip(&ran.out);
        let plain: String = plain.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        tour.push_str(&format!("{why}\n\n```\n$ aurora-clone {}\n{plain}```\n\n", words.join(" ")));
    }
    fixture.delete("review-1234");
    fixture.settled("review-1234").await;
    fixture.close().await;
    tour
}

/// Text without colours.
fn strip(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

#[tokio::test(start_paused = true)]
async fn the_readme_shows_what_the_commands_print() {
    let tour = played().await;
    let text = std::fs::read_to_string(readme()).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the tour begins");
    let (shown, after) = rest.split_once(END).expect("the tour ends");
    if std::env::var_os("UPDATE_TOUR").is_some() {
        std::fs::write(readme(), format!("{before}{BEGIN}\n{tour}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(shown.trim(), tour.trim(), "UPDATE_TOUR=1 writes it anew");
}

//! `doctor`: every finding with its remedy, and that nothing is written.

use aurora_clone_tests::pools::wants;
use insta::assert_snapshot;
use serde_json::json;

use super::desk::Desk;

#[tokio::test(start_paused = true)]
async fn all_is_well() {
    let desk = Desk::open(&wants(8, json!({})), |_| {});
    let before = desk.calls();
    let ran = desk.run(&["doctor", "--stack", "manager"]).await;
    assert_snapshot!("well", ran.text());
    assert_eq!(desk.written_since(before), Vec::<String>::new());
}

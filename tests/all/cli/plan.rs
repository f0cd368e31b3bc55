//! `plan`: what people read, what scripts read, and that nothing is written but by `--apply`.

use std::time::Duration as Span;

use aurora_clone_aws::read_only::READS;
use aurora_clone_sim::World;
use aurora_clone_tests::pools::wants;
use aurora_clone_tests::{PERSON_KEY, copy, strangers_clone};
use chrono::Duration;
use insta::assert_snapshot;
use serde_json::json;

use super::{Fixture, Ran};

/// Clones of strangers, as many as are asked for.
fn crowd(world: &mut World, source: &str, number: usize) {
    for n in 1..=number {
        world.rds.seed_cluster(strangers_clone(&format!("by-hand-{source}-{n:02}"), source));
    }
}

/// A copy of `prod` that is so many days old.
fn old_copy(world: &mut World, id: &str, days: i64) {
    let made = world.now() - Duration::days(days);
    world.rds.seed_cluster(copy(id, "prod", made));
}

async fn plan(fixture: &Fixture, words: &[&str]) -> Ran {
    fixture.run(&words_of(words)).await
}

fn words_of<'w>(words: &[&'w str]) -> Vec<&'w str> {
    ["plan"].into_iter().chain(words.iter().copied()).collect()
}

/// The calls of the person that are no reads, since a moment of the log.
pub fn written(fixture: &Fixture, since: usize) -> Vec<String> {
    fixture.look(|world| {
        let theirs = world.log[since..].iter().filter(|call| call.principal == PERSON_KEY);
        let names = theirs.map(|call| call.operation.clone());
        names.filter(|name| !READS.contains(&name.as_str())).collect()
    })
}

#[tokio::test(start_paused = true)]
async fn the_plan_of_the_maintainer() {
    let fixture = Fixture::wanting(8, |world| {
        crowd(world, "prod", 13);
        old_copy(world, "clone-prod-pool-1", 1);
        old_copy(world, "clone-prod-pool-2", 4);
    });
    let before = fixture.calls();
    assert_snapshot!("maintain", plan(&fixture, &["maintain"]).await);
    assert_snapshot!("maintain_json", plan(&fixture, &["maintain", "prod", "--json"]).await);
    assert_snapshot!("maintain_of_nothing", plan(&fixture, &["maintain", "staging"]).await);
    let narrow = fixture.run_on_terminal(100, &words_of(&["maintain", "prod", "--color", "never"])).await;
    assert_snapshot!("maintain_on_a_terminal", narrow);
    assert_eq!(written(&fixture, before), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_applied_without_a_yes_or_against_a_dry_run() {
    let fixture = Fixture::wanting(20, |_| {});
    let before = fixture.calls();
    assert_snapshot!("apply_unanswered", plan(&fixture, &["maintain", "prod", "--apply"]).await);
    let no = fixture.run_answering("no\n", &words_of(&["maintain", "prod", "--apply"])).await;
    assert_eq!(no.code, 1);
    assert!(no.err.contains("not confirmed, so nothing was changed"), "{no}");
    let json = plan(&fixture, &["maintain", "--apply", "--json"]).await;
    assert_eq!(json.code, 2, "{json}");
    fixture.configure(&wants(20, json!({ "dry-run": true })));
    assert_snapshot!("apply_dry_run", plan(&fixture, &["maintain", "prod", "--apply", "--yes"]).await);
    fixture.configure(&json!({ "clusters": [{ "cluster-id": "prod", "target-clone-slots": 9999, "max-copy-agee": "P1D" }] }));
    assert_snapshot!("maintain_wrong_configuration", plan(&fixture, &["maintain"]).await);
    assert_eq!(written(&fixture, before), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_is_applied_settles_and_is_followed_here() {
    let fixture = Fixture::wanting(20, |_| {});
    let ran = fixture.run_answering("yes\n", &words_of(&["maintain", "--apply"])).await;
    assert_snapshot!("apply", ran);
    assert_eq!(fixture.copies("prod").len(), 1);
    assert_eq!(fixture.executions(), Vec::new(), "nothing is handed over to the state machine");
    let again = plan(&fixture, &["maintain", "--apply", "--yes", "--json"]).await;
    assert_eq!((again.code, again.json()["applied"]["ended"].as_str()), (0, Some("nothing to do")));
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn who_interrupts_it_can_go_on() {
    let fixture = Fixture::wanting(20, |_| {});
    let words = words_of(&["maintain", "prod", "--apply", "--yes"]);
    let ran = fixture.run_stopped_after(Span::from_secs(90), &words).await;
    assert_snapshot!("apply_interrupted", ran);
    assert_eq!(fixture.copies("prod").len(), 1);
    let ran = fixture.run(&words).await;
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(fixture.copies("prod").len(), 1, "the same copy, not another one");
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_create_would_decide() {
    let fixture = Fixture::open(|world| {
        crowd(world, "prod", 3);
        old_copy(world, "clone-prod-pool-1", 1);
    });
    let before = fixture.calls();
    let words = [
        "create",
        "test",
        "--source-cluster-id",
        "prod",
        "--tags",
        "Key=team,Value=web",
        "--expires-after",
        "P1D",
    ];
    assert_snapshot!("create", plan(&fixture, &words).await);
    assert_snapshot!("create_json", plan(&fixture, &[&words[..], &["--json"]].concat()).await);
    let wrong = ["create", "test", "--source-cluster-id", "prod", "--instance-count", "99", "--port", "1"];
    assert_snapshot!("create_wrong", plan(&fixture, &wrong).await);
    let none = plan(&fixture, &["create", "test", "--source-cluster-id", "staging"]).await;
    assert_snapshot!("create_of_nothing", none);
    assert_eq!(written(&fixture, before), Vec::<String>::new());
    assert_eq!(fixture.ours(), ["clone-prod-pool-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_create_without_a_slot() {
    let fixture = Fixture::open(|world| {
        crowd(world, "prod", 14);
        old_copy(world, "clone-prod-pool-1", 4);
    });
    let words = ["create", "test", "--source-cluster-id", "prod"];
    assert_snapshot!("create_no_slot", plan(&fixture, &words).await);
    let copied = plan(&fixture, &[&words[..], &["--on-no-slot", "Copy"]].concat()).await;
    assert_snapshot!("create_copy_takes_too_long", copied);
    let waits = plan(&fixture, &[&words[..], &["--on-no-slot", "Wait", "--json"]].concat()).await;
    assert_eq!((waits.code, waits.json()["outcome"].as_str()), (0, Some("wait")), "{waits}");
    let fixture = Fixture::with(&[("FullCopyTime", "PT10M")], &json!({ "clusters": [] }), |world| {
        crowd(world, "prod", 14);
    });
    let copied = plan(&fixture, &[&words[..], &["--on-no-slot", "Copy"]].concat()).await;
    assert_snapshot!("create_full_copy", copied);
}

#[tokio::test(start_paused = true)]
async fn an_update_and_a_delete() {
    let fixture = Fixture::open(|_| {});
    let made = fixture.run(&["create", "test", "--source-cluster-id", "prod"]).await;
    assert_eq!(made.code, 0, "{made}");
    let before = fixture.calls();
    assert_snapshot!("update_in_place", plan(&fixture, &["update", "test", "--instance-count", "2"]).await);
    assert_snapshot!("update_replaces", plan(&fixture, &["update", "test", "--port", "5433"]).await);
    let same = plan(&fixture, &["update", "test", "--source-cluster-id", "prod", "--json"]).await;
    assert_eq!((same.code, same.json()["outcome"].as_str()), (0, Some("nothing")), "{same}");
    assert_snapshot!(
        "create_taken",
        plan(&fixture, &["create", "test", "--source-cluster-id", "prod"]).await
    );
    assert_snapshot!("delete", plan(&fixture, &["delete", "test"]).await);
    assert_snapshot!("delete_json", plan(&fixture, &["delete", "test", "--final-snapshot", "--json"]).await);
    assert_snapshot!("delete_prod", plan(&fixture, &["delete", "prod"]).await);
    fixture.sim.with(|world| world.rds.protect("clone-test", true));
    assert_snapshot!("delete_protected", plan(&fixture, &["delete", "test"]).await);
    assert_eq!(written(&fixture, before), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_stacks_clone_is_the_stacks() {
    let fixture = Fixture::open(|_| {});
    fixture.create("web", "SourceClusterId: prod\nClusterId: clone-web");
    assert_eq!(fixture.settled("web").await, "CREATE_COMPLETE", "{}", fixture.story("web"));
    assert_snapshot!("delete_stacks", plan(&fixture, &["delete", "web"]).await);
    let taken = plan(&fixture, &["create", "web", "--source-cluster-id", "prod"]).await;
    assert_eq!(taken.code, 1, "{taken}");
    assert!(taken.out.contains("The name clone-web is taken"), "{taken}");
}

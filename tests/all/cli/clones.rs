//! `create`, `update`, `delete`, `renew` and `protect`, as a person types them.

use std::time::Duration;

use aurora_clone_core::names::tag;
use aurora_clone_sim::rds::Cluster;
use aurora_clone_tests::{MANAGER, PERSON_KEY, TABLE, copy, strangers_clone};
use insta::assert_snapshot;
use serde_json::json;

use super::{Fixture, Ran};

const CREATE: [&str; 6] =
    ["create", "my-test", "--source-cluster-id", "prod", "--description", "for the tests"];

fn with<'a>(words: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [words, more].concat()
}

/// What the command line made and is there.
fn made(fixture: &Fixture) -> Vec<Cluster> {
    fixture.look(|world| {
        let made = |cluster: &&Cluster| cluster.truth.created_by == PERSON_KEY;
        world.rds.clusters().filter(made).cloned().collect()
    })
}

/// How many clusters the command line ever made.
fn ever_made(fixture: &Fixture) -> usize {
    fixture
        .look(|world| world.rds.history().iter().filter(|life| life.truth.created_by == PERSON_KEY).count())
}

/// No cluster, secret, key or record that a person's clone had.
fn nothing_is_left(fixture: &Fixture) {
    assert_eq!(made(fixture).len(), 0);
    fixture.look(|world| {
        let secrets: Vec<_> = world.secrets.iter().filter(|s| s.deleted_at.is_none()).collect();
        assert!(secrets.is_empty(), "{secrets:?}");
    });
}

#[tokio::test(start_paused = true)]
async fn a_clone_is_made_shown_and_gone_again() {
    let fixture = Fixture::open(|_| {});
    let ran = fixture.run(&CREATE).await;
    assert_snapshot!("create", ran.to_string());
    let clones = made(&fixture);
    assert_eq!(clones.len(), 1);
    let tags = &clones[0].tags;
    assert_eq!(tags[tag::STACK_ID], "command-line/aws/eu-west-1/123456789012");
    assert_eq!((tags[tag::LOGICAL_ID].as_str(), tags[tag::MANAGER].as_str()), ("clone-my-test", MANAGER));
    fixture.look(|world| assert!(!world.rds.shares_password_with_source("clone-my-test")));

    let again = fixture.run(&CREATE).await;
    assert_snapshot!("create_again", again.to_string());

    let unanswered = fixture.run(&["delete", "my-test"]).await;
    assert_snapshot!("delete_unanswered", unanswered.to_string());
    let refused = fixture.run_answering("n\n", &["delete", "my-test"]).await;
    assert_eq!((refused.code, made(&fixture).len()), (1, 1), "{refused}");
    let deleted = fixture.run_answering("y\n", &["delete", "my-test"]).await;
    assert_snapshot!("delete", deleted.to_string());
    nothing_is_left(&fixture);

    let gone = fixture.run(&["delete", "my-test", "--yes"]).await;
    assert_snapshot!("delete_what_is_gone", gone.to_string());
    let ignored = fixture.run(&["delete", "my-test", "--yes", "--ignore-not-found"]).await;
    assert_eq!(ignored.code, 0, "{ignored}");
    let anew = fixture.run(&CREATE).await;
    assert_eq!((anew.code, ever_made(&fixture)), (0, 2), "{anew}");
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn scripts_get_json() {
    let fixture = Fixture::open(|_| {});
    let ran = fixture.run(&with(&CREATE, &["--json"])).await;
    assert_snapshot!("create_json", ran.out);
    let ran = fixture.run(&["renew", "my-test", "--for", "P1D", "--json"]).await;
    assert_eq!(ran.code, 1, "{ran}");
    let ran = fixture.run(&["protect", "my-test", "--json"]).await;
    assert_eq!(ran.json(), json!({ "cluster": "clone-my-test", "protected": true, "reason": "yes" }));
    let ran = fixture.run(&["delete", "my-test", "--yes", "--json"]).await;
    assert_snapshot!("delete_json", ran.out);
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn wherever_it_is_interrupted_the_same_command_goes_on() {
    let fixture = Fixture::open(|_| {});
    let mut interrupted = 0;
    for seconds in [0, 2, 70, 190, 330, 550, 575, 620] {
        let after = Duration::from_millis(seconds * 1_000 + 300);
        let before = ever_made(&fixture);
        let stopped = fixture.run_stopped_after(after, &CREATE).await;
        if stopped.code == 130 {
            interrupted += 1;
            assert!(stopped.err.contains("Nothing is lost"), "{stopped}");
            let ran = fixture.run(&CREATE).await;
            assert_eq!(ran.code, 0, "after {seconds} s: {ran}");
        } else {
            assert_eq!(stopped.code, 0, "{stopped}");
        }
        assert_eq!(ever_made(&fixture) - before, 1, "one clone, however often it was asked for");
        let stopped = fixture.run_stopped_after(after, &["delete", "my-test", "--yes"]).await;
        if stopped.code == 130 {
            let ran = fixture.run(&["delete", "my-test", "--yes", "--ignore-not-found"]).await;
            assert_eq!(ran.code, 0, "after {seconds} s: {ran}");
        }
        nothing_is_left(&fixture);
    }
    assert!(interrupted >= 6, "{interrupted}");
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_create_says_how_it_goes_on() {
    let fixture = Fixture::open(|_| {});
    let stopped = fixture.run_stopped_after(Duration::from_secs(195), &CREATE).await;
    assert_snapshot!("create_interrupted", stopped.to_string());
    let other = fixture.run(&["create", "my-test", "--source-cluster-id", "prod"]).await;
    assert_snapshot!("create_while_another_is_open", other.to_string());
    let resumed = fixture.run(&CREATE).await;
    assert_snapshot!("create_resumed", resumed.to_string());
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_create_can_be_ended_by_a_delete() {
    let fixture = Fixture::open(|_| {});
    let stopped = fixture.run_stopped_after(Duration::from_secs(195), &CREATE).await;
    assert_eq!(stopped.code, 130, "{stopped}");
    let deleted = fixture.run(&["delete", "my-test", "--yes"]).await;
    assert_eq!(deleted.code, 0, "{deleted}");
    nothing_is_left(&fixture);
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_is_made_where_the_clone_is() {
    let fixture = Fixture::open(|_| {});
    assert_eq!(fixture.run(&CREATE).await.code, 0);
    let before = made(&fixture)[0].arn.clone();
    let ran = fixture.run(&["update", "my-test", "--instance-class", "db.r6g.xlarge"]).await;
    assert_snapshot!("update_in_place", ran.to_string());
    let ran = fixture.run(&["update", "my-test", "--deletion-protection"]).await;
    assert_eq!(ran.code, 0, "{ran}");
    let clone = &made(&fixture)[0];
    assert_eq!((clone.arn.as_str(), clone.deletion_protection), (before.as_str(), true));
    // What was given before is still what it is to be like.
    assert!(ran.out.contains("db.r6g.xlarge"), "{ran}");
    let ran = fixture.run(&["delete", "my-test", "--yes"]).await;
    assert_snapshot!("delete_protected", ran.to_string());
    let ran = fixture.run(&["update", "my-test", "--no-deletion-protection"]).await;
    assert_eq!(ran.code, 0, "{ran}");
    let ran = fixture.run(&["update", "my-test"]).await;
    assert_snapshot!("update_of_nothing", ran.to_string());
    assert_eq!(fixture.run(&["delete", "my-test", "--yes"]).await.code, 0);
    nothing_is_left(&fixture);
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_replacement_is_asked_about_and_the_earlier_database_goes() {
    let fixture = Fixture::open(|world| world.rds.seed_subnet_group("other"));
    assert_eq!(fixture.run(&CREATE).await.code, 0);
    let update = ["update", "my-test", "--db-subnet-group-name", "other"];
    let ran = fixture.run(&update).await;
    assert_snapshot!("update_that_replaces_unanswered", ran.to_string());
    assert_eq!(ever_made(&fixture), 1);
    let ran = fixture.run_answering("yes\n", &update).await;
    assert_snapshot!("update_that_replaces", ran.to_string());
    let clones = made(&fixture);
    assert_eq!((clones.len(), ever_made(&fixture)), (1, 2));
    assert_eq!(clones[0].subnet_group, "other");
    // It is still found by the name that it was given.
    let ran = fixture.run(&["protect", "my-test"]).await;
    assert!(ran.out.contains(&clones[0].id), "{ran}");
    assert_eq!(fixture.run(&["delete", "my-test", "--yes"]).await.code, 0);
    nothing_is_left(&fixture);
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn wherever_a_replacement_is_interrupted_the_same_command_goes_on() {
    let fixture = Fixture::open(|world| world.rds.seed_subnet_group("other"));
    for seconds in [1, 40, 420, 620, 700, 860] {
        assert_eq!(fixture.run(&CREATE).await.code, 0);
        let update = ["update", "my-test", "--db-subnet-group-name", "other", "--yes"];
        let stopped = fixture.run_stopped_after(Duration::from_secs(seconds), &update).await;
        if stopped.code == 130 {
            let ran = fixture.run(&update).await;
            assert_eq!(ran.code, 0, "after {seconds} s: {ran}");
        } else {
            assert_eq!(stopped.code, 0, "{stopped}");
        }
        let clones = made(&fixture);
        let groups: Vec<_> = clones.iter().map(|clone| clone.subnet_group.as_str()).collect();
        assert_eq!(groups, ["other"], "after {seconds} s");
        assert_eq!(fixture.run(&["delete", "my-test", "--yes"]).await.code, 0);
        nothing_is_left(&fixture);
    }
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn where_the_earlier_database_can_not_go_the_later_one_is_the_clone() {
    let fixture = Fixture::open(|world| world.rds.seed_subnet_group("other"));
    assert_eq!(fixture.run(&CREATE).await.code, 0);
    assert_eq!(fixture.run(&["update", "my-test", "--deletion-protection"]).await.code, 0);
    let ran = fixture.run(&["update", "my-test", "--db-subnet-group-name", "other", "--yes"]).await;
    assert_eq!(ran.code, 1, "{ran}");
    assert!(
        ran.err.contains("clone-my-test is not gone") && ran.err.contains("deletion protection"),
        "{ran}"
    );
    let later: Vec<Cluster> = made(&fixture).into_iter().filter(|c| c.subnet_group == "other").collect();
    assert_eq!((later.len(), ever_made(&fixture)), (1, 2));
    // The name alone is the earlier one's, which nobody means any more.
    let ran = fixture.run(&["update", "my-test", "--instance-class", "db.r6g.xlarge"]).await;
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.out.contains(&later[0].id), "{ran}");
    let left: Vec<String> = made(&fixture).into_iter().map(|clone| clone.id).collect();
    assert!(left.contains(&later[0].id) && left.len() == 2 && ever_made(&fixture) == 2, "{left:?}");
    for id in &left {
        fixture.sim.with(|world| {
            let off = [
                ("DBClusterIdentifier", id.as_str()),
                ("DeletionProtection", "false"),
                ("ApplyImmediately", "true"),
            ];
            assert_eq!(world.call_as(PERSON_KEY, "ModifyDBCluster", &off).status, 200);
        });
    }
    fixture.sim.sleep(chrono::Duration::minutes(5)).await;
    let ran = fixture.run(&["delete", "my-test", "--yes"]).await;
    assert_eq!(ran.code, 0, "{ran}");
    nothing_is_left(&fixture);
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_somebody_elses_is_refused() {
    let fixture = Fixture::open(|world| {
        let made = world.now();
        world.rds.seed_cluster(copy("clone-prod-pool-1", "prod", made));
        world.rds.seed_cluster(strangers_clone("by-hand", "prod"));
        world.rds.seed_cluster(strangers_clone("clone-taken", "prod"));
    });
    fixture.create("web", "SourceClusterId: prod\nClusterId: clone-web");
    assert_eq!(fixture.settled("web").await, "CREATE_COMPLETE");
    let mut told = String::new();
    for words in [
        vec!["delete", "prod", "--yes"],
        vec!["delete", "by-hand", "--yes"],
        vec!["delete", "clone-prod-pool-1", "--yes"],
        vec!["delete", "clone-web", "--yes"],
        vec!["update", "clone-web", "--instance-count", "2"],
        vec!["delete", "clone-wen", "--yes"],
        vec!["create", "taken", "--source-cluster-id", "prod"],
        vec!["protect", "prod"],
        vec!["renew", "prod", "--for", "P1D"],
    ] {
        let ran = fixture.run(&words).await;
        told.push_str(&format!("$ aurora-clone {}\n{ran}\n\n", words.join(" ")));
    }
    assert_snapshot!("somebody_elses", told);
    assert_eq!(ever_made(&fixture), 0);
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn mistakes_are_named_with_what_would_be_right() {
    let fixture = Fixture::open(|_| {});
    let mut told = String::new();
    for words in [
        vec!["create"],
        vec!["create", "my-test"],
        vec!["create", "My_Test", "--source-cluster-id", "prod"],
        vec!["create", "my-test", "--source-cluster-id", "prod", "--port", "80", "--instance-class", "r6g"],
        vec!["create", "my-test", "--source-cluster-id", "prod", "--instance-klass", "x"],
        vec!["create", "my-test", "--source-cluster-id", "prdo"],
        vec!["create", "my-test", "-f", "/nowhere/properties.yaml"],
        vec!["create", "my-test", "--source-cluster-id", "prod", "--stack", "web"],
        vec!["update", "my-test", "--instance-count", "2"],
        vec!["renew", "my-test", "--for", "2 days"],
        vec!["protect", "my-test", "--reason", "{}"],
    ] {
        let ran = fixture.run(&words).await;
        assert!(ran.code == 1 || ran.code == 2, "{ran}");
        told.push_str(&format!("$ aurora-clone {}\n{ran}\n\n", words.join(" ")));
    }
    assert_snapshot!("mistakes", told);
    assert_eq!(ever_made(&fixture), 0);
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_slot_every_source_and_its_reason_is_told() {
    let fixture = Fixture::open(|world| {
        for number in 0..14 {
            world.rds.seed_cluster(strangers_clone(&format!("by-hand-{number}"), "prod"));
        }
    });
    let ran = fixture.run(&CREATE).await;
    assert_snapshot!("create_without_a_slot", ran.to_string());
    assert_eq!(ever_made(&fixture), 0);
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_file_has_the_properties_and_flags_count_more() {
    let fixture = Fixture::open(|_| {});
    let dir = std::env::temp_dir().join(format!("aurora-clone-cli-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("properties.yaml");
    std::fs::write(
        &path,
        "SourceClusterId: prod\nClusterId: clone-of-file\nInstanceCount: 2\nInstanceClass: db.r6g.large\n",
    )
    .unwrap();
    let path = path.to_str().unwrap();
    let ran = fixture.run(&["create", "-f", path, "--instance-count", "1"]).await;
    assert_eq!(ran.code, 0, "{ran}");
    let clone = &made(&fixture)[0];
    let members =
        fixture.look(|world| world.rds.instances_of(&clone.id).map(|i| i.class.clone()).collect::<Vec<_>>());
    assert_eq!((clone.id.as_str(), members), ("clone-of-file", vec!["db.r6g.large".to_owned()]));
    let ran = fixture.run(&["create", "other", "-f", path]).await;
    assert_eq!(ran.code, 2, "{ran}");
    std::fs::remove_dir_all(dir).unwrap();
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_maintainer_keeps_its_hands_off_but_ends_a_lease() {
    let fixture = Fixture::wanting(1, |_| {});
    fixture.schedules();
    assert_eq!(fixture.run(&with(&CREATE, &["--expires-after", "P2D"])).await.code, 0);
    assert_eq!(fixture.run(&["create", "for-ever", "--source-cluster-id", "prod"]).await.code, 0);
    let ran = fixture.run(&["renew", "my-test", "--for", "P3D"]).await;
    assert_snapshot!("renew", ran.to_string());
    let ran = fixture.run(&["protect", "my-test", "--reason", "looked into"]).await;
    assert_eq!(ran.code, 0, "{ran}");
    fixture.sim.sleep(chrono::Duration::days(5)).await;
    assert_eq!(made(&fixture).len(), 2, "it is protected, and what has no stack is no orphan");
    assert_eq!(fixture.run(&["protect", "my-test", "--remove"]).await.code, 0);
    fixture.sim.sleep(chrono::Duration::days(1)).await;
    let left: Vec<String> = made(&fixture).into_iter().map(|clone| clone.id).collect();
    assert_eq!(left, ["clone-for-ever"]);
    // The name is free again, and nothing of the earlier one is in the way.
    let anew = fixture.run(&CREATE).await;
    assert_eq!(anew.code, 0, "{anew}");
    for name in ["my-test", "for-ever"] {
        let ran = fixture.run(&["delete", name, "--yes"]).await;
        assert_eq!(ran.code, 0, "{ran}");
    }
    nothing_is_left(&fixture);
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn two_people_at_once_make_one_clone() {
    let fixture = Fixture::open(|_| {});
    let (one, other): (Ran, Ran) = tokio::join!(fixture.run(&CREATE), fixture.run(&CREATE));
    let codes = [one.code, other.code];
    assert!(codes.contains(&0), "{one}\n{other}");
    assert_eq!((made(&fixture).len(), ever_made(&fixture)), (1, 1));
    assert_eq!(fixture.run(&["delete", "my-test", "--yes"]).await.code, 0);
    nothing_is_left(&fixture);
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_carries_a_persons_request_out_with_the_functions_rights() {
    let fixture = Fixture::open(|_| {});
    let stopped = fixture.run_stopped_after(Duration::from_secs(195), &CREATE).await;
    assert_eq!(stopped.code, 130, "{stopped}");
    let keys = fixture.look(|world| {
        let items = world.dynamodb.items(TABLE);
        items.filter_map(|(id, _)| id.strip_prefix("request#").map(str::to_owned)).collect::<Vec<_>>()
    });
    assert_eq!(keys.len(), 1, "{keys:?}");
    let config = fixture.look(|world| world.config.clone());
    let machine = format!("arn:aws:states:{}:{}:stateMachine:any", config.region, config.account);
    let handler = aurora_clone_tests::handler(&fixture.sim, &config, machine, &[]);
    let event = json!({ "step": "advance", "request": keys[0], "seen": {} });
    let error = handler.handle(event).await.unwrap_err();
    assert_eq!(error.name(), "UnknownRequest");
    assert_eq!(fixture.run(&["delete", "my-test", "--yes"]).await.code, 0);
    fixture.close().await;
}

//! `doctor`: every finding with its remedy, and that nothing is written. And the policies of docs/command-line.md, which allow what
//! the commands do and no more than that is said to be needed.

use std::sync::Arc;

use aurora_clone::doctor::needs::{For, Names};
use aurora_clone_core::arn::Place;
use aurora_clone_sim::Config;
use aurora_clone_sim::iam::{Person, Role};
use aurora_clone_tests::pools::wants;
use aurora_clone_tests::{MANAGER, PERSON_KEY, TABLE, prod};
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::plan::written;
use super::{Fixture, PERSON, Ran};

async fn doctor(fixture: &Fixture, words: &[&str]) -> Ran {
    let words: Vec<&str> = ["doctor"].into_iter().chain(words.iter().copied()).collect();
    let before = fixture.calls();
    let ran = fixture.run(&words).await;
    assert_eq!(written(fixture, before), Vec::<String>::new());
    ran
}

/// The findings that are not well.
fn unwell(ran: &Ran) -> String {
    let mut text = String::new();
    for finding in ran.json()["findings"].as_array().unwrap().iter().filter(|f| f["status"] != "ok") {
        let get = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let lines = [get("status"), get("group"), get("check"), get("says")].join(" | ");
        text.push_str(&format!("{lines}\n    {}\n", get("remedy")));
    }
    format!("{text}exit code {}", ran.code)
}

#[tokio::test(start_paused = true)]
async fn all_is_well() {
    let fixture = Fixture::wanting(8, |_| {});
    assert_snapshot!("well", doctor(&fixture, &[]).await);
    let ran = doctor(&fixture, &["--json", "--strict"]).await;
    assert_eq!((ran.code, ran.json()["errors"].as_u64()), (0, Some(0)), "{ran}");
    let narrow = fixture.run_on_terminal(72, &["doctor", "--color", "never"]).await;
    assert_snapshot!("well_on_a_terminal", narrow);
}

#[tokio::test(start_paused = true)]
async fn there_is_no_manager() {
    let fixture = Fixture::wanting(8, |_| {});
    assert_snapshot!("no_manager", fixture.run(&["doctor", "--stack", "nobody"]).await);
}

#[tokio::test(start_paused = true)]
async fn the_configuration_is_wrong() {
    let fixture = Fixture::wanting(8, |_| {});
    fixture.configure(
        &json!({ "clusters": [{ "cluster-id": "Prod", "target-clone-slots": 9999 }], "dry-runn": true }),
    );
    assert_snapshot!("wrong_configuration", unwell(&doctor(&fixture, &["--json"]).await));
    fixture.configure(&wants(8, json!({ "dry-run": true })));
    let ran = doctor(&fixture, &["--json"]).await;
    assert_snapshot!("dry_run", unwell(&ran));
    assert_eq!(doctor(&fixture, &["--strict"]).await.code, 1);
}

#[tokio::test(start_paused = true)]
async fn quotas_are_short() {
    let mut config = Config::default();
    config.rds.cluster_quota = 6;
    config.rds.instance_quota = 2;
    let fixture = Fixture::within(config, &[], &wants(20, json!({})), |_| {});
    assert_snapshot!("short_quotas", unwell(&doctor(&fixture, &["--json"]).await));
}

#[tokio::test(start_paused = true)]
async fn sources_that_can_not_be_cloned() {
    let clusters =
        ["stopped", "empty", "open", "gone"].map(|id| json!({ "cluster-id": id, "target-clone-slots": 1 }));
    let parameters = [("AllowedSubnetGroups", "data, narrow, none")];
    let fixture = Fixture::with(&parameters, &json!({ "clusters": clusters }), |world| {
        for (id, instances, deletion_protection) in
            [("stopped", 1, true), ("empty", 0, true), ("open", 1, false)]
        {
            let seed = prod(id);
            world.rds.seed_cluster(aurora_clone_sim::rds::SeedCluster {
                instances,
                deletion_protection,
                ..seed
            });
        }
        world.rds.stop("stopped");
        world.rds.seed_maintenance("open", "system-update");
        world.rds.seed_subnet_group_in("narrow", &["eu-west-1a"]);
    });
    let ran = doctor(&fixture, &["--json"]).await;
    assert_snapshot!("bad_sources", unwell(&ran));
}

/// The names of the simulated account.
fn names(fixture: &Fixture) -> Names {
    let config = fixture.look(|world| world.config.clone());
    Names {
        place: Place { partition: config.partition, region: config.region, account: config.account },
        manager: MANAGER.to_owned(),
        table: TABLE.to_owned(),
        prefix: "clone-".to_owned(),
        secrets: "/aurora-clone-manager/".to_owned(),
    }
}

/// Gives the person these policies and nothing else.
fn allow(fixture: &Fixture, policies: &[Value]) {
    let role = Arc::new(Role::parse(PERSON, policies).unwrap());
    fixture.sim.with(|world| {
        world.iam.introduce(PERSON_KEY, Person { name: PERSON.to_owned(), policies: Some(role) });
    });
}

#[tokio::test(start_paused = true)]
async fn rights_are_missing() {
    let fixture = Fixture::wanting(8, |_| {});
    let looking = names(&fixture).policy(For::Looking);
    allow(&fixture, std::slice::from_ref(&looking));
    assert_snapshot!("only_looks", unwell(&doctor(&fixture, &["--json"]).await));
    let mut less = looking;
    less["Statement"].as_array_mut().unwrap().retain(|statement| statement["Sid"] != "WhatIsAllowed");
    allow(&fixture, std::slice::from_ref(&less));
    assert_snapshot!("may_not_simulate", unwell(&doctor(&fixture, &["--json"]).await));
    allow(&fixture, &[json!({ "Version": "2012-10-17", "Statement": [] })]);
    assert_snapshot!("no_rights", doctor(&fixture, &[]).await);
}

#[tokio::test(start_paused = true)]
async fn the_policies_let_every_command_through() {
    let fixture = Fixture::wanting(20, |_| {});
    let names = names(&fixture);
    allow(&fixture, &[For::Looking, For::Clones, For::Pool].map(|of| names.policy(of)));
    let ran = doctor(&fixture, &["--strict", "--json"]).await;
    assert_eq!((ran.code, ran.json()["skipped"].as_u64()), (0, Some(0)), "{ran}");
    for words in [
        &["plan", "maintain", "--apply", "--yes"][..],
        &["create", "test", "--source-cluster-id", "prod", "--force-create-kms-key"],
        &["plan", "update", "test", "--instance-count", "2"],
        &["status"],
        &["update", "test", "--instance-count", "2", "--description", "mine"],
        &["delete", "test", "--final-snapshot", "--yes"],
    ] {
        let words: Vec<&str> = words.to_vec();
        let ran = fixture.run(&words).await;
        assert_eq!(ran.code, 0, "{words:?}: {ran}");
    }
}

#[test]
fn the_page_prints_the_policies() {
    let page = include_str!("../../../docs/command-line.md");
    let names = Names {
        place: Place {
            partition: "aws".to_owned(),
            region: "REGION".to_owned(),
            account: "ACCOUNT".to_owned(),
        },
        manager: "aurora-clone-manager".to_owned(),
        table: "TABLE".to_owned(),
        prefix: "clone-".to_owned(),
        secrets: "/aurora-clone-manager/".to_owned(),
    };
    for of in [For::Looking, For::Clones, For::Pool] {
        let policy = serde_json::to_string_pretty(&names.policy(of)).unwrap();
        assert!(page.contains(&format!("```json\n{policy}\n```")), "docs/command-line.md lacks\n{policy}");
    }
}

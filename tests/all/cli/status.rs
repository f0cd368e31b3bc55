//! `aurora-clone status`, as its users see it.

use std::collections::BTreeMap;
use std::time::Duration;

use aurora_clone_core::names::tag;
use aurora_clone_sim::faults::{Fault, FaultKind, Target};
use aurora_clone_sim::rds::{CopyKind, SeedCluster};
use aurora_clone_sim::{Config, World};
use aurora_clone_tests::{MANAGER, MANAGER_KEY, PERSON_KEY, copy, prod, strangers_clone};
use insta::assert_snapshot;
use serde_json::json;

use super::{Around, Fixture, Ran};

fn hours_ago(world: &World, hours: i64) -> chrono::DateTime<chrono::Utc> {
    world.now() - chrono::Duration::hours(hours)
}

/// A clone of the manager, made of `source` some hours ago, with tags beside those of its lineage.
fn clone(
    world: &World,
    id: &str,
    (root, source): (&str, &str),
    hours: i64,
    more: &[(&str, &str)],
) -> SeedCluster {
    let made = hours_ago(world, hours);
    let stamp = made.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let tags = [
        (tag::MANAGER, MANAGER),
        (tag::ROLE, "clone"),
        (tag::CLUSTER, id),
        (tag::ROOT, root),
        (tag::SOURCE, source),
        (tag::RESTORE_TYPE, "copy-on-write"),
        (tag::DATA_TIME, &stamp),
    ];
    let tags = tags.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    SeedCluster {
        id: id.to_owned(),
        parent: Some((source.to_owned(), CopyKind::CopyOnWrite)),
        tags: tags.collect::<BTreeMap<_, _>>(),
        created_at: Some(made),
        created_by: MANAGER_KEY.to_owned(),
        ..SeedCluster::default()
    }
}

fn stack(name: &str) -> String {
    format!("arn:aws:cloudformation:eu-west-1:123456789012:stack/{name}/0a1b2c3d")
}

/// A family with one of everything: owners, leases, copies in all conditions, a full copy, a stranger; and what has no root any more.
fn one_of_everything(world: &mut World) {
    let in_hours = |hours: i64| hours_ago(world, -hours).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let (soon, over) = (in_hours(50), in_hours(-3));
    let (web, nightly) = (stack("web-review-1234"), stack("nightly"));
    let place = "command-line/aws/eu-west-1/123456789012";
    let mut retiring = copy("clone-prod-pool-2", "prod", hours_ago(world, 60));
    retiring.tags.insert(tag::RETIRING.to_owned(), in_hours(-1));
    let old = copy("clone-prod-pool-3", "prod", hours_ago(world, 24 * 9));
    let fresh = copy("clone-prod-pool-1", "prod", hours_ago(world, 20));
    for source in [fresh, retiring, old] {
        world.rds.seed_cluster(source);
    }
    let of_prod = ("prod", "prod");
    let of_copy = ("prod", "clone-prod-pool-1");
    let clones = [
        clone(
            world,
            "clone-prod-4vbb2bkmzic6hldm",
            of_prod,
            5,
            &[(tag::STACK_ID, web.as_str()), (tag::LOGICAL_ID, "Database"), (tag::EXPIRES, soon.as_str())],
        ),
        clone(
            world,
            "clone-ada",
            of_prod,
            30,
            &[
                (tag::STACK_ID, place),
                (tag::LOGICAL_ID, "ada"),
                (tag::EXPIRES, over.as_str()),
                (tag::DESCRIPTION, "why the report is slow"),
            ],
        ),
        clone(
            world,
            "clone-prod-f2mo6debtfhnn4yr",
            of_copy,
            26,
            &[(tag::STACK_ID, nightly.as_str()), (tag::LOGICAL_ID, "Database"), (tag::KEEP, "yes")],
        ),
    ];
    for one in clones {
        world.rds.seed_cluster(one);
    }
    let mut full = clone(world, "clone-full", of_prod, 90, &[]);
    full.tags.insert(tag::RESTORE_TYPE.to_owned(), "full-copy".to_owned());
    full.parent = Some(("prod".to_owned(), CopyKind::Full));
    let mut broken = strangers_clone("by-hand", "prod");
    broken.status = "stopped".to_owned();
    let mut lost = clone(world, "clone-lost", ("gone", "gone"), 400, &[(tag::STACK_ID, nightly.as_str())]);
    lost.parent = None;
    for one in [full, broken, lost] {
        world.rds.seed_cluster(one);
    }
}

fn household() -> Fixture {
    let prices = json!({ "clusters": [{
        "cluster-id": "prod", "target-clone-slots": 40, "max-copy-age": "P3D", "volume-gib": 800,
    }] });
    Fixture::with(&[], &prices, one_of_everything)
}

#[tokio::test(start_paused = true)]
async fn nothing_was_cloned() {
    let fixture = Fixture::open(|_| {});
    assert_snapshot!(fixture.run(&["status"]).await);
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn one_cluster() {
    let fixture = Fixture::open(|_| {});
    assert_snapshot!(fixture.run(&["status", "prod"]).await);
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_family_on_terminals_of_many_widths() {
    let fixture = household();
    assert_snapshot!("piped", fixture.run(&["status"]).await);
    for columns in [200, 100, 80, 40] {
        let ran = fixture.run_on_terminal(columns, &["--color", "never", "status"]).await;
        let widest = ran.out.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= columns, "{widest} of {columns}");
        assert_snapshot!(format!("columns_{columns}"), ran);
    }
    assert_snapshot!("coloured", fixture.run_on_terminal(100, &["status"]).await);
    assert_snapshot!("a_clone_is_named", fixture.run(&["status", "clone-ada"]).await);
    assert_snapshot!("a_cluster_without_a_root", fixture.run(&["status", "clone-lost"]).await);
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn no_slot_is_left() {
    let fixture = Fixture::open(|world| {
        for number in 0..14 {
            world.rds.seed_cluster(strangers_clone(&format!("by-hand-{number:02}"), "prod"));
        }
    });
    let ran = fixture.run_on_terminal(100, &["status", "prod"]).await;
    assert!(ran.out.contains("\u{1b}[31m14/14 used, 0 free\u{1b}[0m"), "{ran}");
    assert!(ran.err.contains("hint: nothing can be cloned from prod now"), "{ran}");
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_family_as_json() {
    let fixture = household();
    let ran = fixture.run(&["status", "--json"]).await;
    let json = ran.json();
    assert_eq!(
        json["families"][0]["sources"][0]["slots"],
        json!({ "used": 3, "free": 11, "usable": 11, "limit": 14 })
    );
    assert_snapshot!(ran);
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn prices_from_a_file() {
    let fixture = Fixture::open(|_| {});
    let file = std::env::temp_dir().join(format!("prices-{}.json", std::process::id()));
    let name = file.to_str().unwrap();
    std::fs::write(&file, r#"{"db.r6g.large": 1}"#).unwrap();
    let ran = fixture.run(&["status", "prod", "--prices", name, "--json"]).await;
    // Two instances, 730 hours each.
    assert_eq!(ran.json()["totals"]["monthlyCost"]["instances"], json!(1460.0));
    std::fs::write(&file, r#"{"gb-month": 1}"#).unwrap();
    let ran = fixture.run(&["status", "--prices", name]).await;
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("\"gb-month\" has no price") && ran.err.contains("hint: such as"), "{ran}");
    std::fs::remove_file(&file).unwrap();
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_says_what_to_do() {
    let fixture = household();
    assert_snapshot!("no_such_source", fixture.run(&["status", "pord"]).await);
    assert_snapshot!("no_stack", fixture.run(&["status", "--stack", "nope"]).await);
    assert_snapshot!("no_sense", fixture.run(&["status", "prod", "--all"]).await);
    let deny = |operation| Fault { target: Target::Every(operation), kind: FaultKind::Deny };
    fixture.sim.with(|world| world.set_faults(vec![deny("DescribeDBClusters")]));
    assert_snapshot!("denied", fixture.run(&["status"]).await);
    fixture.sim.with(|world| world.set_faults(vec![deny("GetItem"), deny("GetParameter")]));
    let mut ran = fixture.run(&["status", "prod"]).await;
    // How long the SDK tries again before it gives up is left to chance, and the last line tells the time.
    let time = ran.out.trim_end().rsplit_once(' ').unwrap().1.to_owned();
    ran.out = ran.out.replace(&time, "(then)");
    assert_snapshot!("denied_in_part", ran);
    fixture.sim.with(|world| world.set_faults(Vec::new()));
    fixture.configure(&json!({ "clusters": [{ "cluster-id": "prod", "target": 3 }] }));
    let ran = fixture.run(&["status"]).await;
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("note: the maintenance configuration") && ran.err.contains("target"), "{ran}");
    fixture.configure(&json!({ "clusters": [{ "cluster-id": "nowhere", "target-clone-slots": 3 }] }));
    let ran = fixture.run(&["status"]).await;
    assert!(ran.err.contains("hint: the maintenance configuration names nowhere"), "{ran}");
    fixture.close().await;
}

/// Ten families with as many clusters each as there must be.
fn crowd(clusters: usize) -> Fixture {
    let mut config = Config::default();
    config.rds.cluster_quota = clusters;
    config.rds.instance_quota = clusters * 2;
    Fixture::within(config, &[], &json!({ "clusters": [] }), |world| {
        let number_there = world.rds.clusters().count();
        for number in 0..clusters - number_there {
            // Each root has three copies, and each of these four has nine clones and strangers.
            let (family, place) = (number / 40, number % 40);
            let root = format!("source-{family:02}");
            let seed = match (place, place % 10) {
                (0, _) => prod(&root),
                (_, 0) => copy(&format!("clone-{root}-pool-{}", place / 10), &root, hours_ago(world, 12)),
                (_, rest) => {
                    let host = match place / 10 {
                        0 => root.clone(),
                        copy => format!("clone-{root}-pool-{copy}"),
                    };
                    let id = format!("clone-{family:02}-{place:02}");
                    let stack = stack(&format!("app-{number}"));
                    let of_stack = [(tag::STACK_ID, stack.as_str()), (tag::LOGICAL_ID, "Database")];
                    match rest {
                        9 => strangers_clone(&format!("hand-{family:02}-{place:02}"), &host),
                        _ => clone(world, &id, (&root, &host), 3, &of_stack),
                    }
                }
            };
            world.rds.seed_cluster(seed);
        }
    })
}

/// The calls of the person at the command line so far, by operation.
fn calls(fixture: &Fixture) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    fixture.look(|world| {
        for call in world.log.iter().filter(|call| call.principal == PERSON_KEY) {
            *calls.entry(call.operation.clone()).or_default() += 1;
        }
    });
    calls
}

#[tokio::test(start_paused = true)]
async fn forty_clusters() {
    let fixture = crowd(41);
    let ran = fixture.run_on_terminal(120, &["--color", "never", "status"]).await;
    assert_eq!(ran.table_lines(), 40);
    assert_snapshot!(ran);
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn two_thousand_clusters() {
    let fixture = crowd(2_001);
    let ran = fixture.run_on_terminal(120, &["--color", "never", "status"]).await;
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(ran.table_lines(), 2_000);
    let ends = [&lines[..6], &["…"][..], &lines[lines.len() - 6..]].concat().join("\n");
    assert_snapshot!(format!("{ends}\n--- stderr\n{}--- exit code {}", ran.err, ran.code));
    // 21 pages of clusters, 20 filters of a hundred clusters of which 50 roots have two instances, and a handful of single items.
    let calls = calls(&fixture);
    assert_eq!(calls["DescribeDBClusters"], 21, "{calls:?}");
    assert!(calls["DescribeDBInstances"] <= 40, "{calls:?}");
    assert!(calls.values().sum::<usize>() <= 70, "{calls:?}");
    fixture.close().await;
}

impl Ran {
    /// How many lines the table has, without its header and what follows it.
    fn table_lines(&self) -> usize {
        self.out.lines().skip(1).take_while(|line| !line.is_empty()).count()
    }
}

#[tokio::test(start_paused = true)]
async fn watching_until_ctrl_c() {
    let fixture = Fixture::open(|_| {});
    let after = Duration::from_secs(45);
    let ran = fixture.run_stopped_after(after, &["status", "prod", "--watch"]).await;
    assert_eq!((ran.code, ran.out.matches("--- 2026").count()), (130, 2), "{ran}");
    assert_snapshot!("watch_piped", ran);
    let ran = fixture.run_stopped_after(after, &["status", "prod", "--watch=20", "--json"]).await;
    let documents: Vec<serde_json::Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((ran.code, documents.len()), (130, 3), "{ran}");
    assert!(documents.iter().all(|seen| seen["families"][0]["root"] == "prod"));
    let around = Around { columns: Some(100), stopped_after: Some(after), ..Around::default() };
    assert_snapshot!("watch_on_a_terminal", fixture.run_in(&["status", "prod", "--watch"], around).await);
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn watching_goes_on_after_a_failed_look() {
    let fixture = Fixture::open(|_| {});
    let deny = Fault { target: Target::Operation("DescribeDBClusters", 2), kind: FaultKind::Deny };
    fixture.sim.with(|world| world.set_faults(vec![deny.clone()]));
    let after = Duration::from_secs(25);
    let ran = fixture.run_stopped_after(after, &["status", "prod", "--watch=10", "--json"]).await;
    assert_eq!((ran.code, ran.out.lines().count()), (130, 2), "{ran}");
    assert!(ran.err.contains("error: DescribeDBClusters failed"), "{ran}");
    fixture.sim.with(|world| world.set_faults(vec![deny]));
    let around = Around { columns: Some(100), stopped_after: Some(after), ..Around::default() };
    let ran = fixture.run_in(&["status", "prod", "--watch=10"], around).await;
    let frames: Vec<&str> = ran.out.split("\u{1b}[H").skip(1).collect();
    assert_eq!(frames.len(), 3, "{ran}");
    assert!(frames[1].contains("error: DescribeDBClusters failed") && frames[1].contains("prod"), "{ran}");
    assert!(!frames[2].contains("error:"), "{ran}");
    fixture.close().await;
}

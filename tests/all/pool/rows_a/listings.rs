//! D7 and D8: listings that break, lie, or change while they are read.

use std::fmt;
use std::sync::Arc;

use aurora_clone_core::names::maintain;
use aurora_clone_sim::faults::{Fault, FaultKind, Target};
use aurora_clone_sim::rds::SeedCluster;
use aurora_clone_sim::{Call, Config, Sim, World};
use aurora_clone_tests::pools::{MAINTAINER, Pools, wants};
use aurora_clone_tests::{MANAGER_KEY, PERSON_KEY, strangers_clone};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use chrono::Duration;
use serde_json::{Value, json};

use super::{ever_made, failures, made, marked, quick, strangers};

const SLOTS: u32 = 75;

fn config() -> Config {
    let mut config = quick();
    config.rds.cluster_quota = 1_000;
    config.rds.instance_quota = 1_000;
    config.rds.snapshot_quota = 1_000;
    config
}

fn wanted() -> Value {
    wants(SLOTS, json!({ "max-copies": 20 }))
}

/// Three pages of clusters, two of instances, two of snapshots; a copy is missing and one is due to go.
fn big(world: &mut World) {
    for n in 0..75 {
        for page in ["b", "n", "y"] {
            world.rds.seed_cluster(SeedCluster { id: format!("{page}-{n:03}"), ..SeedCluster::default() });
        }
    }
    strangers(world, "prod", 5);
    world.rds.seed_cluster(strangers_clone("z-by-hand", "prod"));
    for n in 1..=4 {
        made(world, &format!("clone-{n}"), "prod", Duration::hours(5));
        for m in 2..=30 {
            let seed = aurora_clone_sim::rds::SeedInstance {
                id: format!("clone-{n}-{m:02}"),
                cluster: format!("clone-{n}"),
                ..Default::default()
            };
            world.rds.seed_instance(seed);
        }
    }
    marked(world, "clone-due", "prod", Duration::days(6), Duration::days(1));
    for n in 0..120 {
        let name = format!("by-hand-{n:03}");
        let parameters = [("DBClusterSnapshotIdentifier", name.as_str()), ("DBClusterIdentifier", "prod")];
        assert_eq!(world.call_as(PERSON_KEY, "CreateDBClusterSnapshot", &parameters).status, 200);
    }
}

/// What invocations of the maintainer call, but for the lease.
fn changes(calls: &[Call]) -> Vec<String> {
    let lease = |call: &Call| {
        call.service == "dynamodb" && String::from_utf8_lossy(&call.request).contains("\"lock#")
    };
    calls
        .iter()
        .filter(|c| c.mutates() && !lease(c))
        .map(|c| format!("{} {}", c.service, c.operation))
        .collect()
}

/// What was missing is there, and what was due is gone.
async fn is_in_order(pools: &Pools, when: &str) {
    pools.night().await;
    assert_eq!((ever_made(pools), pools.metric("prod", "FreeSlots")), (1, Some(84.0)), "{when}");
    assert!(pools.look(|world| world.rds.cluster("clone-due").is_none()), "{when}");
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn d07_a_listing_that_breaks_on_any_page_decides_nothing() {
    let open = || Pools::with(config(), &[("SLOT_MARGIN", "0")], &wanted(), big);
    let operations = ["DescribeDBClusters", "DescribeDBInstances", "DescribeDBClusterSnapshots"];
    // One look without the lease, one with it, and the copy that is deleted is read once more.
    let pools = open();
    pools.begin(pools.event(maintain::MAINTAIN));
    pools.sim.sleep(Duration::seconds(40)).await;
    let first = pools.invocations()[0].id;
    let count = |operation: &str| {
        pools.look(|world| {
            let of = world.log.iter().filter(|c| c.invocation == Some(first) && c.operation == operation);
            of.count()
        })
    };
    let counts = operations.map(count);
    assert!(counts[0] >= 6 && counts[1] >= 4 && counts[2] >= 4, "{counts:?}");
    pools.quiet().await;
    drop(pools);
    // Beyond that it is the sweep that looks, and the pool has decided already.
    let of_pool = [6, 4, 4];
    for (operation, pages) in operations.into_iter().zip(of_pool) {
        for page in 1..=pages {
            let (pools, when) = (open(), format!("{operation} {page}"));
            let fault = Fault { target: Target::Operation(operation, page), kind: FaultKind::Deny };
            pools.sim.with(|world| world.set_faults(vec![fault]));
            pools.begin(pools.event(maintain::MAINTAIN));
            pools.sim.sleep(Duration::seconds(40)).await;
            let calls = pools.look(|world| {
                let broken = world.log.iter().find(|call| call.fault.is_some()).unwrap();
                let of = world.log.iter().filter(|call| call.invocation == broken.invocation);
                of.cloned().collect::<Vec<_>>()
            });
            assert_eq!(changes(&calls), Vec::<String>::new(), "{when}");
            let said = failures(&pools);
            assert!(said[0].contains(&format!("{operation} failed: AccessDenied")), "{when}: {said:?}");
            pools.quiet().await;
            is_in_order(&pools, &when).await;
        }
    }
}

/// Lies of a listing: what it was asked, and what AWS said.
type Lie = Arc<dyn Fn(&Sim, &str, String) -> String + Send + Sync>;

/// A connection that tells lies about the clusters.
struct Lying {
    sim: Sim,
    http: SharedHttpConnector,
    lie: Lie,
}

impl fmt::Debug for Lying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lying")
    }
}

impl HttpConnector for Lying {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let asked = request.body().bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let asked =
            asked.filter(|text| text.contains("Action=DescribeDBClusters&") && text.contains("engine"));
        let (sim, lie, call) = (self.sim.clone(), Arc::clone(&self.lie), self.http.call(request));
        HttpConnectorFuture::new(async move {
            let response = call.await?;
            let Some(asked) = asked else { return Ok(response) };
            let text = response.body().bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            let text = lie(&sim, &asked, text.unwrap());
            Ok(response.map(|_| text.clone().into()))
        })
    }
}

fn lied_to(lie: Lie) -> Pools {
    Pools::over(config(), &[("SLOT_MARGIN", "0")], &wanted(), big, |sim, http| {
        SharedHttpConnector::new(Lying { sim: sim.clone(), http, lie })
    })
}

/// A marker as the simulator writes it.
fn marker(id: &str) -> String {
    id.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn with_marker(text: &str, marker: &str) -> String {
    let element = format!("<Marker>{marker}</Marker>");
    match text.split_once("<Marker>").and_then(|(head, rest)| Some((head, rest.split_once("</Marker>")?.1))) {
        Some((head, tail)) => format!("{head}{element}{tail}"),
        None => text.replacen("<DBClusters>", &format!("{element}<DBClusters>"), 1),
    }
}

#[tokio::test(start_paused = true)]
async fn d08_a_listing_that_goes_round_in_a_circle_decides_nothing() {
    // The third page leads back to itself, to the second one, to the first one.
    for back in ["z", "n-050", "\u{1}"] {
        let back = marker(back);
        let pools = lied_to(Arc::new(move |_, asked, text| match asked.contains("Marker=") {
            true if !text.contains("<Marker>") => with_marker(&text, &back),
            _ => text,
        }));
        let calls = pools.calls();
        pools.send(pools.event(maintain::MAINTAIN)).await;
        assert_eq!(pools.changes_since(calls), Vec::<String>::new());
        let said = failures(&pools);
        assert!(said.len() == 3 && said.iter().all(|text| text.contains("does not end")), "{said:?}");
        let looks = pools.rds_calls().iter().filter(|call| call.operation == "DescribeDBClusters").count();
        assert!(looks < 30, "{looks} pages were read");
        pools.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn d08_an_empty_page_and_clusters_that_are_listed_twice_change_nothing() {
    let empty: Lie = Arc::new(|_, asked, text| match asked.contains("Marker=") {
        false => {
            let (head, rest) = text.split_once("<DBClusters>").unwrap();
            let tail = rest.rsplit_once("</DBClusters>").unwrap().1;
            with_marker(&format!("{head}<DBClusters></DBClusters>{tail}"), &marker("\u{1}"))
        }
        true => text,
    });
    let twice: Lie = Arc::new(|_, asked, text| match asked.contains("Marker=") {
        // The second page begins long before the first one ended.
        false => with_marker(&text, &marker("clone-2")),
        true => text,
    });
    for (lie, when) in [(empty, "an empty page"), (twice, "listed twice")] {
        is_in_order(&lied_to(lie), when).await;
    }
}

/// People's clones come and go behind and before the place up to which a listing was read.
#[tokio::test(start_paused = true)]
async fn d08_a_family_that_changes_between_two_pages_is_counted_at_the_next_look() {
    let pools = lied_to(Arc::new(|sim, asked, text| {
        if !asked.contains("Marker=") {
            sim.with(|world| {
                let n = world.log.len();
                world.rds.vanish("prod-by-hand-0");
                world.rds.vanish("z-by-hand");
                for name in ["a-new", "z-new"] {
                    world.rds.vanish(name);
                    world.rds.seed_cluster(SeedCluster {
                        created_at: Some(world.now()),
                        ..strangers_clone(name, "prod")
                    });
                }
                assert!(n > 0);
            });
        }
        text
    }));
    pools.night().await;
    assert_eq!(ever_made(&pools), 1);
    assert!(pools.look(|world| world.rds.cluster("clone-due").is_none()));
    let calls = pools.calls();
    pools.night().await;
    assert_eq!(pools.changes_since(calls), Vec::<String>::new());
    pools.close().await;
}

/// The copy goes, or is kept, while the listing is read that says it is due.
#[tokio::test(start_paused = true)]
async fn d08_a_copy_is_read_once_more_right_before_it_goes() {
    for keep in [true, false] {
        let pools = lied_to(Arc::new(move |sim, asked, text| {
            if asked.contains("Marker=") && !text.contains("<Marker>") {
                sim.with(|world| match keep {
                    true => {
                        world.rds.set_tags("clone-due", [("aurora-clone:keep".to_owned(), String::new())])
                    }
                    false => world.rds.vanish("clone-due"),
                });
            }
            text
        }));
        pools.night().await;
        let deleted = pools.look(|world| {
            let of = |call: &&Call| call.principal == MANAGER_KEY && call.operation.starts_with("DeleteDB");
            world.log.iter().filter(of).map(|call| call.parameters.clone()).collect::<Vec<_>>()
        });
        assert!(deleted.is_empty(), "{keep}: {deleted:?}");
        assert_eq!(pools.look(|world| world.rds.cluster("clone-due").is_some()), keep);
        assert!(pools.invocations().iter().all(|record| record.function == MAINTAINER));
        pools.close().await;
    }
}

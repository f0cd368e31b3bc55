//! D19: the function dies, or a call goes wrong, at every call in turn of a run and of what follows it.
//!
//! In the run a copy is made and gets its instance, an old one is marked and one that is due is purged. Whatever happens, a copy is made
//! once, what should stay stays, and the next run finds the target reached or reaches it.

use std::future::Future;
use std::time::Instant;

use aurora_clone_core::names::{maintain, tag};
use aurora_clone_sim::World;
use aurora_clone_sim::faults::{Fault, FaultKind, Target};
use aurora_clone_tests::pools::{Pools, wants};
use chrono::Duration;
use serde_json::json;

use super::rows_a::{ever_made, failures, made, marked, quick, strangers};

const LATE: FaultKind = FaultKind::Delay(Duration::seconds(40));
const STALE: FaultKind = FaultKind::StaleRead(Duration::minutes(5));

/// Which way copies are made.
#[derive(Clone, Copy)]
struct Scene {
    method: &'static str,
    /// Whether the run finds something due already; otherwise it marks, waits, and purges itself.
    due: bool,
}

const POINT_IN_TIME: Scene = Scene { method: "point-in-time", due: true };
const SNAPSHOT: Scene = Scene { method: "snapshot", ..POINT_IN_TIME };
const WAITS: Scene = Scene { due: false, ..POINT_IN_TIME };

impl Scene {
    fn open(self) -> Pools {
        let configuration = wants(20, json!({ "copy-method": self.method, "max-copy-age": "P2D" }));
        Pools::with(quick(), &[("SLOT_MARGIN", "0")], &configuration, |world| {
            strangers(world, "prod", 2);
            made(world, "clone-kept", "prod", Duration::days(3));
            world.rds.set_tags("clone-kept", [(tag::KEEP.to_owned(), "yes".to_owned())]);
            match self.due {
                true => marked(world, "clone-old", "prod", Duration::days(4), Duration::hours(3)),
                false => made(world, "clone-old", "prod", Duration::days(4)),
            }
        })
    }

    /// A run among faults, then one without. Returns how many calls the first one and its followers made.
    async fn run(self, faults: Vec<Fault>) -> usize {
        let pools = self.open();
        pools.sim.with(|world| world.set_faults(faults));
        pools.send(pools.event(maintain::MAINTAIN)).await;
        let calls = pools.look(World::counted_calls);
        pools.sim.with(|world| world.set_faults(Vec::new()));
        pools.night().await;
        let copies = pools.copies("prod").into_iter().map(|copy| (copy.id, copy.status));
        let copies: Vec<(String, String)> = copies.collect();
        assert_eq!(ever_made(&pools), 1, "{copies:?}");
        assert_eq!(copies.len(), 2, "{copies:?} {:?}", pools.executions());
        assert!(copies.iter().all(|(id, status)| id != "clone-old" && status == "available"), "{copies:?}");
        assert_eq!(pools.metric("prod", "FreeSlots"), Some(28.0));
        assert_eq!(pools.look(|world| world.rds.snapshots().count()), 0, "snapshots are left");
        for copy in pools.copies("prod") {
            let instances = pools.look(|world| world.rds.instances_of(&copy.id).count());
            assert_eq!(instances, 1, "instances of {}", copy.id);
        }
        let before = pools.calls();
        pools.night().await;
        assert_eq!(pools.changes_since(before), Vec::<String>::new());
        pools.close().await;
        calls
    }

    async fn each_call(self, step: usize, kinds: &[FaultKind]) {
        let calls = self.run(Vec::new()).await;
        let mut runs =
            Runs::new(format!("{} {}: {calls} calls, every {step}, {kinds:?}", self.method, self.due));
        for (number, kind) in kinds.iter().enumerate() {
            for call in (1 + number % step..=calls).step_by(step) {
                let fault = Fault { target: Target::Call(call), kind: kind.clone() };
                runs.run(format!("{fault:?}"), self.run(vec![fault])).await;
            }
        }
        runs.end();
    }
}

/// Flows that are run one after the other; the names of all that failed are what is reported.
struct Runs {
    title: String,
    begun: Instant,
    count: usize,
    failed: Vec<String>,
}

impl Runs {
    fn new(title: String) -> Self {
        Self { title, begun: Instant::now(), count: 0, failed: Vec::new() }
    }

    async fn run(&mut self, name: String, flow: impl Future<Output = usize> + Send + 'static) {
        self.count += 1;
        if tokio::spawn(flow).await.is_err() {
            self.failed.push(name);
        }
    }

    fn end(self) {
        let Self { title, begun, count, failed } = self;
        println!("{title}: {count} flows in {:.1} s", begun.elapsed().as_secs_f64());
        let failures = failed.join("\n");
        assert!(failed.is_empty(), "{title}: {} of {count} flows failed:\n{failures}", failed.len());
    }
}

#[tokio::test(start_paused = true)]
async fn d19_a_run_that_dies_after_any_call_is_finished_by_what_comes_next() {
    POINT_IN_TIME.each_call(1, &[FaultKind::Crash]).await;
}

#[tokio::test(start_paused = true)]
async fn d19_a_lost_reply_of_any_call_makes_nothing_twice() {
    POINT_IN_TIME.each_call(2, &[FaultKind::LostReply]).await;
}

#[tokio::test(start_paused = true)]
async fn d19_a_call_that_is_refused_broken_lost_or_late_stops_nothing_for_good() {
    let kinds =
        [FaultKind::Throttle, FaultKind::ServerError, FaultKind::Deny, FaultKind::LostRequest, LATE, STALE];
    POINT_IN_TIME.each_call(7, &kinds).await;
}

#[tokio::test(start_paused = true)]
async fn d19_copies_from_snapshots_and_the_wait_for_a_purge_withstand_faults() {
    SNAPSHOT.each_call(5, &[FaultKind::Crash, FaultKind::LostReply, STALE]).await;
    WAITS.each_call(9, &[FaultKind::Crash, FaultKind::LostReply, STALE]).await;
}

/// A call that is refused for as long as the run lasts: nothing else is done instead, the run ends and says so, and the next run does it.
#[tokio::test(start_paused = true)]
async fn d19_what_is_refused_for_a_whole_run_is_left_to_the_next_one() {
    let operations = [
        "RestoreDBClusterToPointInTime",
        "CreateDBInstance",
        "AddTagsToResource",
        "DeleteDBInstance",
        "DeleteDBCluster",
        "StartExecution",
        "PutEvents",
        "PutItem",
        "DeleteItem",
        "GetItem",
    ];
    let mut runs = Runs::new("calls that fail for a whole run".to_owned());
    for operation in operations {
        for kind in [FaultKind::Deny, FaultKind::Throttle, FaultKind::LostReply] {
            let fault = Fault { target: Target::Every(operation), kind };
            runs.run(format!("{fault:?}"), POINT_IN_TIME.run(vec![fault])).await;
        }
    }
    runs.end();
}

/// Nobody asks AWS for the same every minute of a day.
#[tokio::test(start_paused = true)]
async fn d19_a_refusal_ends_the_run_and_is_told() {
    for operation in ["RestoreDBClusterToPointInTime", "CreateDBInstance", "DeleteDBInstance"] {
        let pools = POINT_IN_TIME.open();
        let fault = Fault { target: Target::Every(operation), kind: FaultKind::Deny };
        pools.sim.with(|world| world.set_faults(vec![fault]));
        let begun = pools.sim.now();
        pools.send(pools.event(maintain::MAINTAIN)).await;
        assert!(pools.sim.now() - begun < Duration::hours(3), "{operation}: {}", pools.sim.now() - begun);
        let asked = pools.rds_calls().iter().filter(|call| call.operation == operation).count();
        assert!((1..40).contains(&asked), "{operation} was asked for {asked} times");
        let told = pools.metrics().iter().any(|line| line["Troubles"].as_f64() > Some(0.0));
        let failed = pools.executions().iter().any(|(_, status)| status == "Failed");
        let said = failures(&pools).iter().any(|text| text.contains("AWS refuses"));
        assert!(told && (failed || said), "{operation}: {:?}", pools.executions());
        pools.sim.with(|world| world.set_faults(Vec::new()));
        pools.night().await;
        assert_eq!(ever_made(&pools), 1, "{operation}");
        pools.close().await;
    }
}

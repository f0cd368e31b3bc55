//! What goes wrong between the product and AWS, at every call in turn: one fault never fails a stack, two leave nothing behind,
//! and a fault that stays is answered in time.
//!
//! The flow is one clone, created and deleted. Its durations are short, so that every phase has a few polls and not dozens of
//! the same: each call of the flow is hit by each fault.

mod flows;

use std::future::Future;
use std::time::Instant;

use aurora_clone_core::names::tag;
use aurora_clone_sim::faults::{Fault, FaultKind, Target};
use aurora_clone_sim::rds::Choice;
use aurora_clone_sim::rng::Rng;
use aurora_clone_sim::{Config, World};
use aurora_clone_tests::{House, QUICK_COPIES, copy, strangers_clone};
use chrono::Duration;

/// The account that a flow begins in, and what its stack asks for.
#[derive(Clone, Copy)]
struct Scene {
    name: &'static str,
    seed: fn(&mut World),
    properties: &'static str,
    /// Whether RDS takes an instance, or a deletion, while its target is `creating`.
    while_creating: Choice,
    /// Whether everything takes several polls.
    slow: bool,
}

const PLAIN: Scene = Scene {
    name: "plain",
    seed: |_| {},
    properties: "SourceClusterId: prod",
    while_creating: Choice::Accept,
    slow: false,
};
/// The least time that a template can give.
const HURRIED: Scene =
    Scene { name: "hurried", properties: "SourceClusterId: prod\nServiceTimeout: 300", ..PLAIN };
const SLOW: Scene = Scene { name: "slow", slow: true, ..PLAIN };
const STRICT: Scene = Scene { name: "strict", while_creating: Choice::Refuse, ..PLAIN };
const LAST_SLOT: Scene = Scene { name: "last slot", seed: |world| strangers(world, 14), ..PLAIN };
const POOL: Scene = Scene { name: "pool copy", seed: full_root_and_a_copy, ..PLAIN };
const FULL_COPY: Scene = Scene {
    name: "full copy",
    seed: |world| strangers(world, 15),
    properties: "SourceClusterId: prod\nOnNoSlot: Copy",
    ..PLAIN
};
const WAIT: Scene = Scene {
    name: "wait",
    seed: |world| strangers(world, 15),
    properties: "SourceClusterId: prod\nOnNoSlot: Wait",
    ..PLAIN
};

fn strangers(world: &mut World, count: usize) {
    for n in 1..=count {
        world.rds.seed_cluster(strangers_clone(&format!("by-hand-{n}"), "prod"));
    }
}

fn full_root_and_a_copy(world: &mut World) {
    strangers(world, 15);
    let yesterday = world.now() - Duration::days(1);
    world.rds.seed_cluster(copy("clone-pool-1", "prod", yesterday));
}

impl Scene {
    fn open(&self) -> House {
        let mut config = Config::default();
        let slow = if self.slow { 3 } else { 1 };
        let seconds = |seconds: u64| seconds * slow..=seconds * slow;
        config.rds.clone_seconds = seconds(18);
        config.rds.full_copy_seconds = seconds(70);
        config.rds.create_instance_seconds = seconds(25);
        config.rds.delete_instance_seconds = seconds(12);
        config.rds.delete_cluster_seconds = seconds(12);
        config.rds.instance_while_creating = self.while_creating;
        config.rds.delete_while_creating = self.while_creating;
        House::operated(config, QUICK_COPIES, self.seed)
    }

    /// Creates and deletes the stack among faults; the house is checked up to its end. Returns the status that the creation
    /// led to, and how many calls were counted.
    async fn run(self, faults: Vec<Fault>) -> (String, usize) {
        let house = self.open();
        house.sim.with(|world| world.set_faults(faults));
        house.create("web", self.properties);
        if self.name == WAIT.name {
            house.sim.sleep(Duration::seconds(90)).await;
            house.sim.with(|world| world.rds.vanish("by-hand-3"));
        }
        let created = house.settled("web").await;
        house.delete("web");
        let deleted = house.settled("web").await;
        assert_eq!(deleted, "DELETE_COMPLETE", "{}", house.story("web"));
        let calls = house.look(World::counted_calls);
        house.close().await;
        one_answer_per_request(&house);
        assert_eq!(left(&house), Vec::<String>::new());
        assert!(made(&house) <= 1, "{} clusters", made(&house));
        if created == "CREATE_COMPLETE" {
            assert_eq!(made(&house), 1);
        } else {
            assert_eq!(created, "ROLLBACK_COMPLETE", "{}", house.story("web"));
        }
        (created, calls)
    }

    /// The same, where the fault must not be noticed.
    async fn succeeds(self, faults: Vec<Fault>) {
        let (created, _) = self.run(faults).await;
        assert_eq!(created, "CREATE_COMPLETE");
    }

    /// How many calls the flow has without a fault, and which of them read and which change something.
    async fn reference(self) -> usize {
        let (created, calls) = self.run(Vec::new()).await;
        assert_eq!(created, "CREATE_COMPLETE");
        calls
    }
}

/// Every request that CloudFormation waited for has one answer, of the same bytes however often it was sent.
fn one_answer_per_request(house: &House) {
    house.look(|world| {
        let counted = world.cloudformation.received().iter().filter(|answer| answer.counted).count();
        let asked = world.functions.log().iter().filter_map(|record| record.payload["RequestId"].as_str());
        let asked: std::collections::BTreeSet<_> = asked.collect();
        assert_eq!(counted, asked.len(), "not every request was answered");
    });
}

/// Clusters that were ever made for a stack.
fn made(house: &House) -> usize {
    house
        .look(|world| world.rds.history().iter().filter(|life| life.tags.contains_key(tag::STACK_ID)).count())
}

/// Clusters of any stack that exist.
fn left(house: &House) -> Vec<String> {
    house.look(|world| {
        let mine = world.rds.clusters().filter(|cluster| cluster.tags.contains_key(tag::STACK_ID));
        mine.map(|cluster| cluster.id.clone()).collect()
    })
}

/// Flows that are run one after the other; the names of those that failed, all of them, are what is reported.
struct Runs {
    title: String,
    begun: Instant,
    count: usize,
    failed: Vec<String>,
}

impl Runs {
    fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), begun: Instant::now(), count: 0, failed: Vec::new() }
    }

    async fn run<T: Send + 'static>(
        &mut self,
        name: String,
        flow: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.count += 1;
        match tokio::spawn(flow).await {
            Ok(result) => Some(result),
            Err(_) => {
                self.failed.push(name);
                None
            }
        }
    }

    fn end(self) {
        let Self { title, begun, count, failed } = self;
        println!("{title}: {count} flows in {:.1} s", begun.elapsed().as_secs_f64());
        assert!(
            failed.is_empty(),
            "{title}: {} of {count} flows failed:\n{}",
            failed.len(),
            failed.join("\n")
        );
    }
}

fn at(call: usize, kind: FaultKind) -> Fault {
    Fault { target: Target::Call(call), kind }
}

/// Hits every `step`-th call of a flow with each kind of fault; which ones differs from kind to kind.
async fn each_call(scene: Scene, step: usize, kinds: &[FaultKind]) {
    let calls = scene.reference().await;
    let mut runs = Runs::new(format!("{}: {calls} calls, every {step}, {kinds:?}", scene.name));
    for (number, kind) in kinds.iter().enumerate() {
        for call in (1 + number % step..=calls).step_by(step) {
            let fault = at(call, kind.clone());
            runs.run(format!("{fault:?}"), scene.succeeds(vec![fault])).await;
        }
    }
    runs.end();
}

const STALE: FaultKind = FaultKind::StaleRead(Duration::seconds(60));
const LATE: FaultKind = FaultKind::Delay(Duration::seconds(40));

#[tokio::test(start_paused = true)]
async fn a_lost_reply_of_any_call_is_not_noticed() {
    each_call(PLAIN, 1, &[FaultKind::LostReply]).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_any_call_is_not_noticed() {
    each_call(PLAIN, 1, &[FaultKind::Crash]).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_lost_throttled_or_broken_is_not_noticed() {
    each_call(PLAIN, 1, &[FaultKind::LostRequest, FaultKind::Throttle, FaultKind::ServerError]).await;
}

#[tokio::test(start_paused = true)]
async fn a_late_reply_or_a_stale_read_anywhere_is_not_noticed() {
    each_call(PLAIN, 1, &[LATE, STALE]).await;
}

#[tokio::test(start_paused = true)]
async fn faults_of_other_flows_are_not_noticed() {
    each_call(SLOW, 4, &[FaultKind::Crash, FaultKind::LostReply, STALE]).await;
    each_call(STRICT, 4, &[FaultKind::LostReply, FaultKind::Crash]).await;
    each_call(LAST_SLOT, 4, &[FaultKind::Crash, STALE]).await;
    each_call(POOL, 4, &[FaultKind::Crash]).await;
    each_call(FULL_COPY, 5, &[FaultKind::Crash, STALE]).await;
    each_call(WAIT, 4, &[FaultKind::Crash]).await;
}

/// With two faults the creation may fail, and then everything is taken back.
#[tokio::test(start_paused = true)]
async fn two_faults_leave_nothing_behind() {
    const PAIRS: usize = 150;
    let kinds = [
        FaultKind::Crash,
        FaultKind::LostReply,
        STALE,
        LATE,
        FaultKind::LostRequest,
        FaultKind::StaleRead(Duration::seconds(300)),
    ];
    let calls = PLAIN.reference().await;
    let mut runs = Runs::new("pairs of faults");
    let mut rng = Rng::new(20);
    let mut draw = |from: usize, to: usize| rng.between(from as u64, to as u64) as usize;
    let mut failed_creations = 0;
    for _ in 0..PAIRS {
        let first = draw(1, calls - 1);
        // The next few calls are where the second fault meets what the first one left.
        let second = first + draw(1, 12);
        let faults = vec![
            at(first, kinds[draw(0, kinds.len() - 1)].clone()),
            at(second, kinds[draw(0, kinds.len() - 1)].clone()),
        ];
        let flow = PLAIN.run(faults.clone());
        if let Some((created, _)) = runs.run(format!("{faults:?}"), flow).await {
            failed_creations += usize::from(created != "CREATE_COMPLETE");
        }
    }
    println!("pairs of faults: {failed_creations} creations failed and were taken back");
    runs.end();
}

/// A fault that stays until the creation is answered, or until the whole rollback is.
async fn permanent(
    scene: Scene,
    operation: &'static str,
    kind: FaultKind,
    says: &'static str,
    lift_early: bool,
) {
    let house = scene.open();
    let begun = house.sim.now();
    house.sim.with(|world| world.set_faults(vec![Fault { target: Target::Every(operation), kind }]));
    house.create("web", scene.properties);
    while house.status("web") == "CREATE_IN_PROGRESS" {
        house.sim.sleep(Duration::milliseconds(200)).await;
    }
    let (took, patience) = (house.sim.now() - begun, if scene.name == HURRIED.name { 300 } else { 3_600 });
    assert!(took <= Duration::seconds(patience - 60), "answered after {took}");
    assert!(house.story("web").contains(says), "{}", house.story("web"));
    assert!(house.story("web").contains("Received response status [FAILED]"), "{}", house.story("web"));
    if lift_early {
        house.sim.with(|world| world.set_faults(Vec::new()));
        assert_eq!(house.settled("web").await, "ROLLBACK_COMPLETE", "{}", house.story("web"));
    } else {
        let status = house.settled("web").await;
        assert!(status.starts_with("ROLLBACK_"), "{}", house.story("web"));
        house.sim.with(|world| world.set_faults(Vec::new()));
        house.delete("web");
        assert_eq!(house.settled("web").await, "DELETE_COMPLETE", "{}", house.story("web"));
    }
    assert!(!house.story("web").contains("did not receive a response"), "{}", house.story("web"));
    assert_eq!(left(&house), Vec::<String>::new());
    house.close().await;
    one_answer_per_request(&house);
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_stays_is_answered_in_time_and_says_so() {
    let mut runs = Runs::new("faults that stay");
    for (operation, kind, says) in [
        ("DescribeDBClusters", FaultKind::Deny, "DescribeDBClusters failed: AccessDenied"),
        ("DescribeDBClusters", FaultKind::LostReply, "DescribeDBClusters failed"),
        ("DescribeDBInstances", FaultKind::Deny, "DescribeDBInstances failed: AccessDenied"),
        (
            "RestoreDBClusterToPointInTime",
            FaultKind::Deny,
            "RestoreDBClusterToPointInTime failed: AccessDenied",
        ),
        (
            "RestoreDBClusterToPointInTime",
            FaultKind::Throttle,
            "RestoreDBClusterToPointInTime failed: Throttling",
        ),
        ("RestoreDBClusterToPointInTime", FaultKind::LostRequest, "RestoreDBClusterToPointInTime failed"),
        ("CreateDBInstance", FaultKind::Deny, "CreateDBInstance failed: AccessDenied"),
        ("CreateDBInstance", FaultKind::Throttle, "CreateDBInstance failed: Throttling"),
        ("DescribeStackResource", FaultKind::Deny, "DescribeStackResource failed: AccessDenied"),
        ("StartExecution", FaultKind::Deny, "StartExecution failed: AccessDeniedException"),
        ("StartExecution", FaultKind::ServerError, "StartExecution failed"),
        ("PutItem", FaultKind::Deny, "PutItem failed: AccessDeniedException"),
        ("PutItem", FaultKind::ServerError, "PutItem failed"),
        // The handler has the event, and with it the URL: before a request is kept, it answers without the table.
        ("GetItem", FaultKind::Deny, "GetItem failed: AccessDeniedException"),
        // No decision can be kept, so one is sent that is not.
        ("UpdateItem", FaultKind::Deny, "no step came to a decision that could be kept"),
        ("UpdateItem", FaultKind::LostRequest, "no step came to a decision that could be kept"),
    ] {
        for lift_early in [true, false] {
            let name = format!("{operation} {kind:?} {lift_early}");
            runs.run(name, permanent(PLAIN, operation, kind.clone(), says, lift_early)).await;
        }
        let name = format!("{operation} {kind:?} in a hurry");
        runs.run(name, permanent(HURRIED, operation, kind.clone(), says, true)).await;
    }
    runs.end();
}

/// Every reply of RDS comes too late, from the beginning: no call ends before its time is over.
#[tokio::test(start_paused = true)]
async fn an_rds_that_never_answers_in_time_is_answered_for() {
    permanent(PLAIN, "DescribeDBClusters", LATE, "DescribeDBClusters failed", true).await;
    // Here the restore is made, and only nobody hears of it.
    let late = Fault { target: Target::Every("RestoreDBClusterToPointInTime"), kind: LATE };
    PLAIN.succeeds(vec![late]).await;
}

/// The bucket, or the table, is away for a while, from before a request until after its decision: the answer arrives as soon as
/// that is over. While it lasts no answer is possible: there is nowhere to send it, or nobody knows where to.
#[tokio::test(start_paused = true)]
async fn an_outage_is_outlasted() {
    let mut runs = Runs::new("outages");
    for (operation, kind) in [
        ("PutObject", FaultKind::ServerError),
        ("PutObject", FaultKind::Throttle),
        ("PutObject", FaultKind::LostReply),
        ("PutObject", FaultKind::LostRequest),
        ("GetItem", FaultKind::ServerError),
        ("GetItem", FaultKind::Deny),
    ] {
        for minutes in [1, 5, 20, 40] {
            let kind = kind.clone();
            let name = format!("{operation} {kind:?} {minutes} min");
            runs.run(name, outage(operation, kind, Duration::minutes(minutes))).await;
        }
    }
    runs.end();
}

async fn outage(operation: &'static str, kind: FaultKind, length: Duration) {
    let house = PLAIN.open();
    house.create("web", "SourceClusterId: prod");
    house.sim.sleep(Duration::seconds(15)).await;
    house.sim.with(|world| world.set_faults(vec![Fault { target: Target::Every(operation), kind }]));
    house.sim.sleep(length).await;
    house.sim.with(|world| world.set_faults(Vec::new()));
    let over = house.sim.now();
    let status = house.settled("web").await;
    assert!(["CREATE_COMPLETE", "ROLLBACK_COMPLETE"].contains(&status.as_str()), "{status}");
    assert!(house.sim.now() - over < Duration::minutes(10), "{}", house.story("web"));
    assert!(!house.story("web").contains("did not receive a response"), "{}", house.story("web"));
    if operation == "PutObject" {
        assert_eq!(status, "CREATE_COMPLETE", "{}", house.story("web"));
    }
    house.delete("web");
    assert_eq!(house.settled("web").await, "DELETE_COMPLETE", "{}", house.story("web"));
    house.close().await;
    one_answer_per_request(&house);
}

/// What is permanent only for the deletion: FAILED in time, and the next deletion goes on from there.
#[tokio::test(start_paused = true)]
async fn a_deletion_that_is_denied_is_answered_and_goes_on_later() {
    let mut runs = Runs::new("denied deletions");
    for operation in
        ["DescribeDBClusters", "DeleteDBInstance", "DeleteDBCluster", "DeleteItem", "PutItem", "UpdateItem"]
    {
        for kind in [FaultKind::Deny, FaultKind::LostRequest] {
            runs.run(format!("{operation} {kind:?}"), denied_deletion(operation, kind)).await;
        }
    }
    runs.end();
}

async fn denied_deletion(operation: &'static str, kind: FaultKind) {
    let house = PLAIN.open();
    house.create("web", "SourceClusterId: prod");
    assert_eq!(house.settled("web").await, "CREATE_COMPLETE", "{}", house.story("web"));
    house.sim.with(|world| world.set_faults(vec![Fault { target: Target::Every(operation), kind }]));
    house.delete("web");
    assert_eq!(house.settled("web").await, "DELETE_FAILED", "{}", house.story("web"));
    assert!(house.story("web").contains("Received response status [FAILED]"), "{}", house.story("web"));
    house.sim.with(|world| world.set_faults(Vec::new()));
    house.delete("web");
    assert_eq!(house.settled("web").await, "DELETE_COMPLETE", "{}", house.story("web"));
    house.close().await;
    one_answer_per_request(&house);
}

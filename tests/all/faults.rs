//! What goes wrong between the product and AWS, at every call in turn: one fault never fails a stack, two leave nothing behind,
//! and a fault that stays is answered in time.
//!
//! The flow is one clone, created and deleted. Its durations are short, so that every phase has a few polls and not dozens of
//! the same: each call of the flow is hit by each fault.

use std::future::Future;
use std::time::Instant;

use aurora_clone_core::names::tag;
use aurora_clone_sim::faults::{Fault, FaultKind, Target};
use aurora_clone_sim::rds::Choice;
use aurora_clone_sim::{Config, World};
use aurora_clone_tests::{House, copy, strangers_clone};
use chrono::Duration;

/// The account that a flow begins in, and what its stack asks for.
#[derive(Clone, Copy)]
struct Scene {
    name: &'static str,
    seed: fn(&mut World),
    properties: &'static str,
    /// Whether RDS takes an instance, or a deletion, while its target is `creating`.
    while_creating: Choice,
}

const PLAIN: Scene = Scene {
    name: "plain",
    seed: |_| {},
    properties: "SourceClusterId: prod",
    while_creating: Choice::Accept,
};
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
        config.rds.clone_seconds = 35..=35;
        config.rds.full_copy_seconds = 70..=70;
        config.rds.create_instance_seconds = 40..=40;
        config.rds.delete_instance_seconds = 25..=25;
        config.rds.delete_cluster_seconds = 25..=25;
        config.rds.instance_while_creating = self.while_creating;
        config.rds.delete_while_creating = self.while_creating;
        House::with(config, 0, self.seed)
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
    house.look(|world| {
        world.rds.history().iter().filter(|life| life.tags.contains_key(tag::STACK_ID)).count()
    })
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
        assert!(failed.is_empty(), "{title}: {} of {count} flows failed:\n{}", failed.len(), failed.join("\n"));
    }
}

fn at(call: usize, kind: FaultKind) -> Fault {
    Fault { target: Target::Call(call), kind }
}

async fn each_call(scene: Scene, kinds: &[FaultKind]) {
    let calls = scene.reference().await;
    let mut runs = Runs::new(format!("{} x {calls} calls x {kinds:?}", scene.name));
    for kind in kinds {
        for call in 1..=calls {
            let fault = at(call, kind.clone());
            runs.run(format!("{fault:?}"), scene.succeeds(vec![fault])).await;
        }
    }
    runs.end();
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_of_any_call_is_not_noticed() {
    each_call(PLAIN, &[FaultKind::LostReply]).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_any_call_is_not_noticed() {
    each_call(PLAIN, &[FaultKind::Crash]).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_lost_throttled_or_broken_is_not_noticed() {
    each_call(PLAIN, &[FaultKind::LostRequest, FaultKind::Throttle, FaultKind::ServerError]).await;
}

#[tokio::test(start_paused = true)]
async fn a_late_reply_of_any_call_is_not_noticed() {
    each_call(PLAIN, &[FaultKind::Delay(Duration::seconds(40))]).await;
}

#[tokio::test(start_paused = true)]
async fn a_stale_read_anywhere_is_not_noticed() {
    each_call(PLAIN, &[FaultKind::StaleRead(Duration::seconds(60))]).await;
}

#[tokio::test(start_paused = true)]
async fn crashes_and_stale_reads_around_the_last_slot_are_not_noticed() {
    each_call(LAST_SLOT, &[FaultKind::Crash, FaultKind::StaleRead(Duration::seconds(60))]).await;
}

#[tokio::test(start_paused = true)]
async fn faults_of_a_strict_rds_are_not_noticed() {
    each_call(STRICT, &[FaultKind::LostReply, FaultKind::Crash]).await;
}

#[tokio::test(start_paused = true)]
async fn faults_while_a_copy_is_cloned_are_not_noticed() {
    each_call(POOL, &[FaultKind::Crash]).await;
}

#[tokio::test(start_paused = true)]
async fn faults_of_a_full_copy_are_not_noticed() {
    each_call(FULL_COPY, &[FaultKind::Crash, FaultKind::StaleRead(Duration::seconds(60))]).await;
}

#[tokio::test(start_paused = true)]
async fn faults_while_a_slot_is_waited_for_are_not_noticed() {
    each_call(WAIT, &[FaultKind::Crash]).await;
}

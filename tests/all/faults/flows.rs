//! Faults in flows that do more than make and take away: passwords with a key of their own, updates in place, replacements that
//! succeed, fail and are taken back, final snapshots. The fault-free run of a flow says how every stack of it ends.

use aurora_clone_core::names::tag;
use aurora_clone_sim::faults::{Fault, FaultKind};
use aurora_clone_sim::rds::Choice;
use aurora_clone_sim::{Call, Config, World};
use aurora_clone_tests::{House, clone_template, nothing_is_left, one_of_each_per_generation};

use super::{LATE, Runs, STALE, at, left, one_answer_per_request};

/// What a stack goes through.
#[derive(Clone, Copy)]
enum Act {
    Create(&'static str),
    Update(&'static str),
    /// An update in which a sibling fails as soon as the clone is updated.
    UpdateAndFail(&'static str),
    Delete,
}

/// A flow: acts without faults, then acts among them, and at the end the stack is deleted if it is not yet.
#[derive(Clone, Copy)]
struct Flow {
    name: &'static str,
    before: &'static [Act],
    among_faults: &'static [Act],
    /// How many clusters there are over all.
    clusters: usize,
    /// How many snapshots are left.
    snapshots: usize,
    /// Whether RDS takes an instance, or a deletion, while its target is `creating`.
    while_creating: Choice,
}

const OWN_KEY: &str = "SourceClusterId: prod\nForceCreateKmsKey: 'true'\nAccessPrincipalArns:\n  \
                       - arn:aws:iam::123456789012:role/app";
const OWN_KEY_FLOW: Flow = Flow {
    name: "secret and key",
    before: &[],
    among_faults: &[Act::Create(OWN_KEY), Act::Delete],
    clusters: 1,
    snapshots: 0,
    while_creating: Choice::Accept,
};
const MANAGED: Flow = Flow {
    name: "managed password",
    among_faults: &[Act::Create("SourceClusterId: prod\nManageMasterUserPassword: 'true'"), Act::Delete],
    ..OWN_KEY_FLOW
};
const PROTECTED: &str =
    "SourceClusterId: prod\nDeletionProtection: 'true'\nTags:\n  team: a\n  old: x\nInstanceCount: '3'";
const CHANGED: &str = "SourceClusterId: prod\nDeletionProtection: 'false'\nTags:\n  team: b\nInstanceCount: '2'\nInstanceClass: \
                       db.r6g.large\nVpcSecurityGroupIds:\n  - sg-00000000000000001\nAssociatedRoles:\n  - RoleArn: \
                       arn:aws:iam::123456789012:role/import\n    FeatureName: s3Import\nAccessPrincipalArns:\n  - \
                       arn:aws:iam::123456789012:role/app";
const IN_PLACE: Flow = Flow {
    name: "in place",
    before: &[Act::Create(PROTECTED)],
    among_faults: &[Act::Update(CHANGED)],
    ..OWN_KEY_FLOW
};
const REPLACED: Flow = Flow {
    name: "replacement",
    before: &[Act::Create("SourceClusterId: prod")],
    among_faults: &[Act::Update("SourceClusterId: prod\nPort: '5999'\nForceCreateKmsKey: 'true'")],
    clusters: 2,
    ..OWN_KEY_FLOW
};
const NAMED: Flow = Flow {
    name: "replacement by name",
    among_faults: &[Act::Update("SourceClusterId: prod\nClusterId: clone-of-my-own")],
    ..REPLACED
};
/// The parameter group does not exist, which RDS says when the instance is created.
const FAILING: Flow = Flow {
    name: "failing replacement",
    among_faults: &[Act::Update("SourceClusterId: prod\nPort: '5999'\nDBParameterGroupName: nobodys")],
    ..REPLACED
};
const STRICT_FAILING: Flow =
    Flow { name: "failing replacement, strict", while_creating: Choice::Refuse, ..FAILING };
const TAKEN_BACK: Flow = Flow {
    name: "replacement taken back",
    among_faults: &[Act::UpdateAndFail("SourceClusterId: prod\nPort: '5999'")],
    ..REPLACED
};
const REMOVED: Flow = Flow {
    name: "final snapshot",
    before: &[Act::Create(
        "SourceClusterId: prod\nForceCreateKmsKey: 'true'\nFinalSnapshot: 'true'\nInstanceCount: '2'",
    )],
    among_faults: &[Act::Delete],
    snapshots: 1,
    ..OWN_KEY_FLOW
};

impl Flow {
    fn open(&self) -> House {
        let mut config = Config::default();
        config.rds.clone_seconds = 18..=18;
        config.rds.create_instance_seconds = 25..=25;
        config.rds.delete_instance_seconds = 12..=12;
        config.rds.delete_cluster_seconds = 12..=12;
        config.rds.modify_seconds = 12..=12;
        config.rds.managed_secret_seconds = 20..=20;
        config.rds.role_seconds = 12..=12;
        config.rds.snapshot_seconds = 12..=12;
        config.rds.instance_while_creating = self.while_creating;
        config.rds.delete_while_creating = self.while_creating;
        House::with(config, 0, |_| {})
    }

    /// Goes through the flow.
    async fn run(self, faults: Vec<Fault>) -> Played {
        let house = self.open();
        let mut ends = Vec::new();
        for act in self.before {
            ends.push(act.play(&house).await);
        }
        let begun = house.look(|world| world.log.len());
        house.sim.with(|world| world.set_faults(faults));
        for act in self.among_faults {
            ends.push(act.play(&house).await);
        }
        let calls: Vec<bool> = house.look(|world| {
            let calls = world.log[begun..].iter().filter(|call| call.invocation.is_some());
            calls.map(Call::mutates).collect()
        });
        assert_eq!(calls.len(), house.look(World::counted_calls));
        house.sim.with(|world| world.set_faults(Vec::new()));
        if house.status("web") != "DELETE_COMPLETE" {
            ends.push(Act::Delete.play(&house).await);
        }
        house.close().await;
        one_answer_per_request(&house);
        self.check(&house);
        Played { ends, calls }
    }

    /// What holds at the end, whatever went wrong on the way.
    fn check(&self, house: &House) {
        assert_eq!(left(house), Vec::<String>::new());
        nothing_is_left(house);
        one_of_each_per_generation(house);
        house.look(|world| {
            assert_eq!(world.rds.snapshots().count(), self.snapshots, "snapshots");
            let made = world.rds.history().iter().filter(|life| life.tags.contains_key(tag::STACK_ID));
            assert_eq!(made.count(), self.clusters, "clusters");
        });
    }

    /// The same, which ends as without a fault.
    async fn ends_like(self, ends: Vec<String>, faults: Vec<Fault>) {
        assert_eq!(self.run(faults).await.ends, ends);
    }

    /// Hits every change, and every `step`-th call that only reads, with each kind of fault; which ones differs from kind to
    /// kind. A crash after a read is one before the next call, so not all of them say something new.
    async fn each_call(self, step: usize, kinds: &[FaultKind]) {
        let Played { ends, calls } = self.run(Vec::new()).await;
        let mut runs = Runs::new(format!(
            "{}: {ends:?}, {} calls, reads every {step}, {kinds:?}",
            self.name,
            calls.len()
        ));
        for (number, kind) in kinds.iter().enumerate() {
            for (call, mutates) in calls.iter().enumerate() {
                if *mutates || call % step == number % step {
                    let fault = at(call + 1, kind.clone());
                    runs.run(format!("{fault:?}"), self.ends_like(ends.clone(), vec![fault])).await;
                }
            }
        }
        runs.end();
    }

    /// Hits every `step`-th call with each kind of fault.
    async fn some_calls(self, step: usize, kinds: &[FaultKind]) {
        let Played { ends, calls } = self.run(Vec::new()).await;
        let mut runs =
            Runs::new(format!("{}: {ends:?}, {} calls, every {step}, {kinds:?}", self.name, calls.len()));
        for (number, kind) in kinds.iter().enumerate() {
            for call in (1 + number % step..=calls.len()).step_by(step) {
                let fault = at(call, kind.clone());
                runs.run(format!("{fault:?}"), self.ends_like(ends.clone(), vec![fault])).await;
            }
        }
        runs.end();
    }
}

/// How a flow went.
struct Played {
    /// The status that each act led to.
    ends: Vec<String>,
    /// The calls among faults: whether each changes something.
    calls: Vec<bool>,
}

impl Act {
    async fn play(self, house: &House) -> String {
        match self {
            Self::Create(properties) => house.create("web", properties),
            Self::Update(properties) => house.update("web", properties),
            Self::UpdateAndFail(properties) => {
                let sibling = "  Sibling:\n    Type: Test::Fail\n    DependsOn: Clone\nOutputs:";
                house.update_stack("web", &clone_template(properties).replacen("Outputs:", sibling, 1));
            }
            Self::Delete => house.delete("web"),
        }
        let status = house.settled("web").await;
        if !["CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"].contains(&status.as_str()) {
            assert!(!house.story("web").contains("did not receive a response"), "{}", house.story("web"));
        }
        status
    }
}

const BEFORE_EXECUTION: [FaultKind; 3] =
    [FaultKind::Throttle, FaultKind::ServerError, FaultKind::LostRequest];

#[tokio::test(start_paused = true)]
async fn a_clone_with_a_secret_and_a_key_withstands_a_lost_reply_anywhere() {
    OWN_KEY_FLOW.each_call(4, &[FaultKind::LostReply]).await;
}

#[tokio::test(start_paused = true)]
async fn a_clone_with_a_secret_and_a_key_withstands_a_crash_anywhere() {
    OWN_KEY_FLOW.each_call(3, &[FaultKind::Crash]).await;
}

#[tokio::test(start_paused = true)]
async fn a_replacement_withstands_a_lost_reply_anywhere() {
    REPLACED.each_call(4, &[FaultKind::LostReply]).await;
}

#[tokio::test(start_paused = true)]
async fn a_replacement_withstands_a_crash_anywhere() {
    REPLACED.each_call(3, &[FaultKind::Crash]).await;
}

#[tokio::test(start_paused = true)]
async fn other_faults_of_passwords_and_updates_are_not_noticed() {
    for flow in [OWN_KEY_FLOW, REPLACED] {
        flow.some_calls(19, &BEFORE_EXECUTION).await;
        flow.some_calls(9, &[LATE, STALE]).await;
    }
    MANAGED.some_calls(8, &[FaultKind::LostReply, FaultKind::Crash, STALE]).await;
    NAMED.some_calls(19, &[FaultKind::LostReply, FaultKind::Crash, STALE]).await;
}

#[tokio::test(start_paused = true)]
async fn an_update_in_place_withstands_faults() {
    IN_PLACE.some_calls(4, &[FaultKind::LostReply, FaultKind::Crash]).await;
    IN_PLACE.some_calls(19, &[STALE, LATE]).await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_replacement_is_taken_down_among_faults() {
    FAILING.some_calls(4, &[FaultKind::LostReply, FaultKind::Crash]).await;
    FAILING.some_calls(12, &[STALE, LATE]).await;
    STRICT_FAILING.some_calls(12, &[FaultKind::LostReply, FaultKind::Crash]).await;
}

#[tokio::test(start_paused = true)]
async fn a_replacement_is_taken_back_among_faults() {
    TAKEN_BACK.some_calls(7, &[FaultKind::LostReply, FaultKind::Crash, STALE]).await;
}

#[tokio::test(start_paused = true)]
async fn a_deletion_with_a_final_snapshot_withstands_faults() {
    REMOVED.some_calls(3, &[FaultKind::LostReply, FaultKind::Crash]).await;
}

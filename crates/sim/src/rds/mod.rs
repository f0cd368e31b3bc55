//! RDS, as far as Aurora clusters go: a fake that keeps AWS's rules, its delays and its silence.
//!
//! The room speaks the query protocol only ([`Rds::handle`]). What a call may see and change is in `state`; every
//! operation has a file of its own and refuses, by name, whatever it does not simulate. Beside the state the room keeps
//! what no API shows ([`Truth`]): who made a cluster, which volume it lives on, and whether a clone silently became a
//! full copy. `view` shows that to tests, `audit` holds the product to it, `seed` builds accounts without the wire.

mod account;
mod audit;
mod by_hand;
mod create_cluster;
mod create_instance;
mod delete;
mod describe;
mod groups;
mod identifiers;
mod managed_password;
mod modify_cluster;
mod modify_instance;
mod options;
mod parameters;
mod refusal;
mod render;
mod restore;
mod restore_snapshot;
mod roles;
mod seed;
mod settings;
mod shelf;
mod snapshot_calls;
mod snapshots;
mod state;
mod tags;
mod view;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use self::groups::Groups;
use self::identifiers::Place;
use self::parameters::Parameters;
use self::refusal::Refusal;
use self::state::{Change, State};
use crate::http::{Request, Response};
use crate::query::{self, RDS_NAMESPACE, Xml};
use crate::rng::Rng;
use crate::world::{Config, Context};

pub(crate) use self::groups::default_group;
pub use self::managed_password::ManagedSecret;
pub use self::roles::Role;
pub use self::seed::{Insights, SeedCluster, SeedInstance};
pub use self::settings::{Choice, Outcome, Settings};
pub use self::snapshots::{SeedSnapshot, Snapshot};
pub use self::state::{Cluster, CopyKind, Encryption, Instance, Parent, Restore, Scaling, Truth};
pub use self::view::{FamilyMember, Life};
pub use crate::record::record_responses;

/// The result of an operation: what stands inside `<OperationResult>`, if it has one.
type Answer = Result<Option<Xml>, Refusal>;

/// The clusters and instances of the account.
///
/// It is settled, i.e. everything that was due has happened, after every call and after [`Rds::settle`], which
/// `World::advance_to` calls; so the views take no time.
#[derive(Debug)]
pub struct Rds {
    place: Place,
    now: DateTime<Utc>,
    state: State,
    /// When something happens next by itself, as far as is known: nothing does before.
    quiet_until: Option<DateTime<Utc>>,
    /// What was there before each moment of a change, oldest first.
    past: VecDeque<(DateTime<Utc>, Change)>,
    memory: Duration,
    lives: Vec<Life>,
    /// Since when a cluster, by its resource id, has borne the tag that announces its end, without a break.
    marked: BTreeMap<String, DateTime<Utc>>,
    groups: Groups,
    broken_keys: BTreeSet<String>,
    /// What is pending for which cluster.
    maintenance: Vec<(String, String)>,
    ids: Rng,
}

impl Rds {
    /// An account without clusters.
    pub fn new(config: &Config) -> Self {
        Self {
            place: Place::new(config),
            now: config.start,
            state: State::default(),
            quiet_until: None,
            past: VecDeque::new(),
            memory: config.rds.memory,
            lives: Vec::new(),
            marked: BTreeMap::new(),
            groups: Groups::default(),
            broken_keys: BTreeSet::new(),
            maintenance: Vec::new(),
            ids: Rng::new(config.seed ^ 0x7264_735f_6964_7321),
        }
    }

    /// Lets everything happen that is due by then.
    pub fn settle(&mut self, now: DateTime<Utc>) {
        self.now = self.now.max(now);
        if self.quiet_until.is_some_and(|until| now < until) {
            return;
        }
        for (at, cluster) in self.state.settle(now) {
            self.bury(&cluster, at);
        }
        self.remember();
        self.quiet_until = Some(self.state.next_due().unwrap_or(DateTime::<Utc>::MAX_UTC));
    }

    /// Handles a call. With `stale`, a read is answered from the state of so long ago.
    pub fn handle(&mut self, cx: &mut Context<'_>, request: &Request, stale: Option<Duration>) -> Response {
        self.settle(cx.now);
        let request_id = cx.rng.uuid();
        let mut parameters = Parameters::of(&request.body);
        let operation = parameters.take("Action").unwrap_or_default();
        let at = cx.now - stale.unwrap_or_else(Duration::zero);
        let answer = match operation.as_str() {
            "DescribeDBClusters" => self.describe_clusters(&self.state_at(at), at, parameters),
            "DescribeDBInstances" => self.describe_instances(&self.state_at(at), parameters),
            "DescribeDBClusterSnapshots" => self.describe_snapshots(&self.state_at(at), parameters),
            "DescribeAccountAttributes" => self.describe_quotas(cx.config, &self.state_at(at), parameters),
            "DescribeDBClusterParameterGroups" => {
                self.describe_parameter_groups(&self.state_at(at), parameters)
            }
            "DescribeDBParameterGroups" => {
                self.describe_instance_parameter_groups(&self.state_at(at), parameters)
            }
            "DescribePendingMaintenanceActions" => self.describe_pending_maintenance(parameters),
            "DescribeDBSubnetGroups" => self.describe_subnet_groups(parameters),
            "ListTagsForResource" => self.list_tags(&self.state_at(at), parameters),
            _ => {
                let answer = self.mutate(cx, &operation, parameters);
                if answer.is_ok() {
                    self.remember();
                } else {
                    let change = self.state.take_change();
                    self.state.rewind(&change);
                }
                answer
            }
        };
        match answer {
            Ok(Some(result)) => query::answer(RDS_NAMESPACE, &operation, &request_id, |xml| {
                xml.append(&result);
            }),
            Ok(None) => query::empty_answer(RDS_NAMESPACE, &operation, &request_id),
            Err(refusal) => {
                query::error(RDS_NAMESPACE, refusal.status, refusal.code, &refusal.message, &request_id)
            }
        }
    }

    fn mutate(&mut self, cx: &mut Context<'_>, operation: &str, parameters: Parameters) -> Answer {
        match operation {
            "RestoreDBClusterToPointInTime" => self.restore(cx, parameters),
            "RestoreDBClusterFromSnapshot" => self.restore_snapshot(cx, parameters),
            "CreateDBClusterSnapshot" => self.create_snapshot(cx, parameters),
            "DeleteDBClusterSnapshot" => self.delete_snapshot(cx, parameters),
            "CreateDBCluster" => self.create_cluster(cx, parameters),
            "CreateDBInstance" => self.create_instance(cx, parameters),
            "ModifyDBCluster" => self.modify_cluster(cx, parameters),
            "ModifyDBInstance" => self.modify_instance(cx, parameters),
            "DeleteDBInstance" => self.delete_instance(cx, parameters),
            "DeleteDBCluster" => self.delete_cluster(cx, parameters),
            "AddRoleToDBCluster" => self.add_role(cx, parameters),
            "RemoveRoleFromDBCluster" => self.remove_role(cx, parameters),
            "AddTagsToResource" => self.add_tags(cx, parameters),
            "RemoveTagsFromResource" => self.remove_tags(cx, parameters),
            _ => Err(Refusal::fault(
                "InvalidAction",
                format!(
                    "Could not find operation {operation} for version 2014-10-31 (or it is not simulated)"
                ),
            )),
        }
    }

    /// The state as it was then.
    fn state_at(&self, at: DateTime<Utc>) -> Cow<'_, State> {
        if self.past.back().is_none_or(|(when, _)| *when <= at) {
            return Cow::Borrowed(&self.state);
        }
        let mut state = self.state.clone();
        for (_, change) in self.past.iter().rev().take_while(|(when, _)| *when > at) {
            state.rewind(change);
        }
        state.settle(at);
        Cow::Owned(state)
    }

    /// Keeps what was there before the changes of now.
    fn remember(&mut self) {
        let change = self.state.take_change();
        if change.is_empty() {
            return;
        }
        self.quiet_until = None;
        let oldest = self.now - self.memory;
        while self.past.front().is_some_and(|(when, _)| *when < oldest) {
            self.past.pop_front();
        }
        match self.past.back_mut() {
            Some((when, earlier)) if *when == self.now => earlier.merge(change),
            _ => self.past.push_back((self.now, change)),
        }
    }

    /// Begins the record of a new cluster's life and lets it in.
    fn admit(&mut self, cluster: Cluster) {
        self.lives.push(Life::begin(&cluster));
        let (id, born) = (cluster.id.clone(), cluster.truth.created_at);
        self.state.clusters.insert(id.clone(), Arc::new(cluster));
        self.note_mark_of(&id, born);
    }

    fn bury(&mut self, cluster: &Cluster, at: DateTime<Utc>) {
        if let Some(life) = self.lives.iter_mut().rev().find(|life| life.resource_id == cluster.resource_id) {
            life.gone_at = Some(at);
        }
        self.marked.remove(&cluster.resource_id);
    }
}

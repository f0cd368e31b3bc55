//! Bringing a cluster of ours to what is desired, one step at a time: instances, settings, roles, tags, password, and protection
//! last. A new clone and one that is updated go the same way.
//!
//! Nothing here remembers: every step compares what is observed with what is desired.

use crate::desired::{Desired, Keeping, Key};
use crate::engine;
use crate::guard::{self, Owned};
use crate::identifier;
use crate::names::tag;
use crate::password::Connection;
use crate::plan::{
    Action, ClusterChange, InstanceChange, NewInstance, NewKey, NewSecret, PerformanceInsights,
};
use crate::policies;
use crate::request::Owner;
use crate::snapshot::{Cluster, Instance, InstanceSettings, KeyState, Phase, SecretState};
use crate::tags::{self, RestoreType, Tags};

/// The most instances that a cluster has: a writer and 15 readers (Aurora User Guide, "Quotas").
pub const MOST_INSTANCES: u32 = 16;

/// What was observed of a clone.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The proof that it is ours.
    pub owned: Owned,
    /// All its instances.
    pub instances: &'a [Instance],
    /// Its secret, where it is to have one of ours and is far enough.
    pub secret: Option<&'a SecretState>,
    /// The key that was made for it, where one is to be.
    pub key: Option<&'a KeyState>,
}

/// How far a clone is.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// Do this, and look again.
    Act(Vec<Action>, String),
    /// Look again: something is under way.
    Wait(String),
    /// It is what is desired, and usable.
    Settled,
    /// It never will be.
    Dead(String),
}

impl Subject<'_> {
    /// Whether its cluster and its instances are ready: only then its password is of interest.
    pub fn is_up(&self) -> bool {
        let instance = |i: &Instance| i.status.is_ready() && !i.pending_changes;
        self.cluster.status.is_ready()
            && !self.cluster.pending_changes
            && !self.instances.is_empty()
            && self.instances.iter().all(instance)
    }

    /// The next thing to do.
    pub fn next(&self, desired: &Desired, owner: &Owner) -> Progress {
        if let Some(reason) = dead_end(self.cluster, self.instances) {
            return Progress::Dead(reason);
        }
        let steps: [&dyn Fn() -> Option<Progress>; 8] = [
            &|| self.missing_instances(desired),
            &|| self.busy(),
            &|| self.cluster_change(desired),
            &|| self.roles(desired),
            &|| self.instance_changes(desired),
            &|| self.surplus_instances(desired),
            &|| self.tags(desired),
            &|| self.password(desired, owner),
        ];
        steps.iter().find_map(|step| step()).or_else(|| self.protection(desired)).unwrap_or(Progress::Settled)
    }

    fn id(&self) -> &str {
        &self.cluster.identifier
    }

    /// The instances that we made, by their derived names, which are not going away.
    fn own_instances(&self) -> Vec<(u32, &Instance)> {
        let named = |n| self.instances.iter().find(|i| i.identifier == identifier::instance(self.id(), n));
        let living = (1..=MOST_INSTANCES).filter_map(|n| Some((n, named(n)?)));
        living.filter(|(_, instance)| instance.status.phase() != Phase::Deleting).collect()
    }

    /// RDS documents that an instance can be added once the cluster is available; it often takes one earlier, and the shell takes a
    /// refusal for "not yet". A full copy takes hours, so there it is not tried before.
    fn missing_instances(&self, desired: &Desired) -> Option<Progress> {
        let own = self.own_instances();
        let missing = usize::try_from(desired.count).unwrap_or(usize::MAX).saturating_sub(own.len());
        if missing == 0 {
            return None;
        }
        let full_copy = self.cluster.own_lineage().is_none_or(|l| l.restore_type == RestoreType::FullCopy);
        if full_copy && !self.cluster.status.is_ready() {
            return Some(Progress::Wait(format!("the full copy {} is {}", self.id(), self.cluster.status)));
        }
        // A class without a fixed size needs a range on the cluster; a new cluster has it from its restore.
        let unscaled =
            desired.instance.class == engine::SERVERLESS && self.cluster.settings.capacity.is_none();
        if unscaled && let Some(progress) = self.cluster_change(desired) {
            return Some(self.busy().unwrap_or(progress));
        }
        let taken =
            |n: &u32| self.instances.iter().any(|i| i.identifier == identifier::instance(self.id(), *n));
        let actions = (1..=MOST_INSTANCES).filter(|n| !taken(n)).take(missing).map(|n| {
            Action::CreateInstance(NewInstance {
                cluster: self.owned.clone(),
                identifier: identifier::instance(self.id(), n),
                engine: self.cluster.engine.clone(),
                settings: desired.instance.clone(),
                tags: tags::ours_and_users(&self.cluster.tags),
            })
        });
        let actions: Vec<Action> = actions.collect();
        if actions.is_empty() {
            return Some(Progress::Wait(format!("instances of {} are being deleted", self.id())));
        }
        Some(Progress::Act(actions, format!("{missing} instance(s) of {} are being created", self.id())))
    }

    fn busy(&self) -> Option<Progress> {
        if !self.cluster.status.is_ready() {
            return Some(Progress::Wait(format!("the cluster {} is {}", self.id(), self.cluster.status)));
        }
        if self.cluster.pending_changes {
            return Some(Progress::Wait(format!("a change of the cluster {} is pending", self.id())));
        }
        let busy = self.instances.iter().find(|i| !i.status.is_ready() || i.pending_changes)?;
        let what = if busy.status.is_ready() { "is waiting for a change" } else { &busy.status.0 };
        Some(Progress::Wait(format!("the instance {} is {what}", busy.identifier)))
    }

    fn cluster_change(&self, desired: &Desired) -> Option<Progress> {
        let change = cluster_change(self.cluster, desired);
        if change == ClusterChange::default() {
            return None;
        }
        let what = changed_names(&change).join(", ");
        let action = Action::ModifyCluster { cluster: self.owned.clone(), change: Box::new(change) };
        Some(Progress::Act(vec![action], format!("{} is being changed: {what}", self.id())))
    }

    fn roles(&self, desired: &Desired) -> Option<Progress> {
        let (has, wants) = (&self.cluster.settings.roles, &desired.cluster.roles);
        let cluster = || self.owned.clone();
        // Away first: a cluster takes five.
        let away = has.iter().filter(|role| !wants.contains(role));
        let away = away.map(|role| Action::RemoveRole { cluster: cluster(), role: role.clone() });
        let add = wants.iter().filter(|role| !has.contains(role));
        let add = add.map(|role| Action::AddRole { cluster: cluster(), role: role.clone() });
        let actions: Vec<Action> = away.chain(add).collect();
        (!actions.is_empty()).then(|| Progress::Act(actions, format!("the roles of {} change", self.id())))
    }

    /// Readers first, the writer when they are ready again: a clone with several instances stays usable.
    fn instance_changes(&self, desired: &Desired) -> Option<Progress> {
        let own = self.own_instances();
        let differ: Vec<(&Instance, InstanceChange)> = own
            .iter()
            .map(|(_, instance)| (*instance, instance_change(&instance.settings, &desired.instance)))
            .filter(|(_, change)| *change != InstanceChange::default())
            .collect();
        let readers = differ.iter().any(|(instance, _)| !instance.writer);
        let now = differ.into_iter().filter(|(instance, _)| !(readers && instance.writer));
        let actions: Vec<Action> = now
            .map(|(instance, change)| Action::ModifyInstance {
                cluster: self.owned.clone(),
                instance: instance.identifier.clone(),
                change: Box::new(change),
            })
            .collect();
        (!actions.is_empty()).then(|| Progress::Act(actions, format!("instances of {} change", self.id())))
    }

    /// The readers with the highest numbers go; the writer never does.
    fn surplus_instances(&self, desired: &Desired) -> Option<Progress> {
        let own = self.own_instances();
        let surplus = own.len().saturating_sub(usize::try_from(desired.count).unwrap_or(usize::MAX));
        let readers = own.iter().rev().filter(|(_, instance)| !instance.writer).take(surplus);
        let actions: Vec<Action> = readers
            .map(|(_, instance)| Action::DeleteInstance {
                cluster: self.owned.clone(),
                instance: instance.identifier.clone(),
            })
            .collect();
        (!actions.is_empty()).then(|| Progress::Act(actions, format!("{} gets smaller", self.id())))
    }

    fn tags(&self, desired: &Desired) -> Option<Progress> {
        let mut wanted = desired.tags.clone();
        // A lease that was renewed since stays so, as long as nobody asks for another one.
        let lease = |tags: &Tags| tags.get(tag::LEASE).cloned();
        if lease(&self.cluster.tags) == lease(&wanted) && self.cluster.tag(tag::EXPIRES).is_some() {
            wanted.remove(tag::EXPIRES);
        }
        // Nor does an end that a person gave to a clone without a lease go away.
        let by_hand = self.cluster.tag(tag::LEASE).is_none();
        let without: Vec<String> =
            desired.without.iter().filter(|key| !(by_hand && *key == tag::EXPIRES)).cloned().collect();
        let of_cluster = self.tag(&self.cluster.arn, &self.cluster.tags, &wanted, &without);
        let of_instances = self
            .own_instances()
            .into_iter()
            .filter_map(|(_, instance)| self.tag(&instance.arn, &instance.tags, &wanted, &without));
        // The cluster last: its tags say that all of this was done.
        let actions: Vec<Action> = of_instances.chain(of_cluster).collect();
        (!actions.is_empty()).then(|| Progress::Act(actions, format!("the tags of {} change", self.id())))
    }

    fn tag(&self, arn: &str, has: &Tags, wants: &Tags, without: &[String]) -> Option<Action> {
        let set = wants.iter().filter(|(key, value)| has.get(*key) != Some(value));
        let set: Tags = set.map(|(key, value)| (key.clone(), value.clone())).collect();
        let remove: Vec<String> = without.iter().filter(|key| has.contains_key(*key)).cloned().collect();
        let changes = !set.is_empty() || !remove.is_empty();
        changes.then(|| Action::Tag { cluster: self.owned.clone(), arn: arn.to_owned(), set, remove })
    }

    fn password(&self, desired: &Desired, owner: &Owner) -> Option<Progress> {
        match &desired.password {
            Keeping::Source => None,
            Keeping::Managed(key) => self.managed_password(key.as_ref()),
            Keeping::Own { secret, key, principals } => self.own_password(secret, key, principals, owner),
        }
    }

    fn managed_password(&self, key: Option<&String>) -> Option<Progress> {
        let Some(secret) = &self.cluster.managed_secret else {
            let change = ClusterChange { manage_password: Some(key.cloned()), ..ClusterChange::default() };
            let action = Action::ModifyCluster { cluster: self.owned.clone(), change: Box::new(change) };
            return Some(Progress::Act(vec![action], format!("RDS makes a password for {}", self.id())));
        };
        match secret.status.as_str() {
            "active" => None,
            "impaired" => {
                let id = self.id();
                Some(Progress::Dead(format!("The secret that RDS keeps for {id} is impaired.")))
            }
            status => {
                Some(Progress::Wait(format!("the secret that RDS keeps for {} is {status}", self.id())))
            }
        }
    }

    fn own_password(&self, name: &str, key: &Key, principals: &[String], owner: &Owner) -> Option<Progress> {
        let encryption = match key {
            Key::Aws => None,
            Key::Named(key) => Some(key.clone()),
            Key::Made(alias) => match self.made_key(alias, principals, owner) {
                Ok(arn) => Some(arn),
                Err(progress) => return Some(progress),
            },
        };
        let Some(secret) = self.secret else {
            let action = Action::CreateSecret(Box::new(NewSecret {
                cluster: self.owned.clone(),
                name: name.to_owned(),
                key: encryption,
                tags: self.identity(),
                connection: self.connection(),
            }));
            return Some(Progress::Act(vec![action], format!("the secret {name} is being made")));
        };
        let Some(proof) = guard::prove_secret(secret, owner, self.owned.generation()) else {
            return Some(Progress::Dead(format!(
                "The secret {name} exists, and this manager did not make it."
            )));
        };
        if secret.deleting {
            return Some(Progress::Wait(format!("the secret {name} is being deleted")));
        }
        let policy = policies::secret(principals);
        if !policies::same(secret.policy.as_deref(), policy.as_deref()) {
            let action = Action::PutSecretPolicy { secret: proof, policy };
            return Some(Progress::Act(vec![action], format!("the access to {name} changes")));
        }
        if secret.tags.get(tag::SET_ON) != Some(&self.cluster.resource_id) {
            let action = Action::SetPassword { cluster: self.owned.clone(), secret: proof };
            return Some(Progress::Act(vec![action], format!("the password of {} is being set", self.id())));
        }
        None
    }

    /// The ARN of the key that was made for this clone, or what there is to do about it.
    fn made_key(&self, alias: &str, principals: &[String], owner: &Owner) -> Result<String, Progress> {
        let place = crate::arn::cluster(&self.cluster.arn).map(|(place, _)| place);
        let Some(place) = place else {
            return Err(Progress::Dead(format!("{} is not the ARN of a cluster.", self.cluster.arn)));
        };
        let policy = policies::key(&place, principals);
        let Some(key) = self.key else {
            let new = NewKey {
                cluster: self.owned.clone(),
                alias: alias.to_owned(),
                policy,
                tags: self.identity(),
            };
            return Err(Progress::Act(
                vec![Action::CreateKey(new)],
                format!("the key {alias} is being made"),
            ));
        };
        let Some(proof) = guard::prove_key(alias, key, owner, self.owned.generation()) else {
            return Err(Progress::Dead(format!("The key {alias} exists, and this manager did not make it.")));
        };
        if key.deleting {
            return Err(Progress::Dead(format!("The key {alias} is going to be deleted.")));
        }
        if !policies::same(key.policy.as_deref(), Some(&policy)) {
            let action = Action::PutKeyPolicy { key: proof, policy };
            return Err(Progress::Act(vec![action], format!("the access to {alias} changes")));
        }
        Ok(key.arn.clone())
    }

    /// What tells of a secret or a key whose it is.
    fn identity(&self) -> Tags {
        let keys = [tag::MANAGER, tag::CLUSTER, tag::ROOT, tag::STACK_ID, tag::LOGICAL_ID, tag::GENERATION];
        let with = |key: &&str| Some(((*key).to_owned(), self.cluster.tag(key)?.to_owned()));
        keys.iter().filter_map(with).collect()
    }

    fn connection(&self) -> Connection {
        let default = if self.cluster.engine == "aurora-mysql" { 3306 } else { 5432 };
        Connection {
            engine: self.cluster.engine.clone(),
            host: self.cluster.endpoint.clone().unwrap_or_default(),
            port: self.cluster.settings.port.unwrap_or(default),
            username: self.cluster.master_username.clone().unwrap_or_default(),
            database: self.cluster.database_name.clone().filter(|name| !name.is_empty()),
            cluster: self.cluster.identifier.clone(),
        }
    }

    /// Last, when everything else is as it should be: what fails before that can be taken down.
    fn protection(&self, desired: &Desired) -> Option<Progress> {
        let wanted = desired.cluster.deletion_protection;
        if self.cluster.settings.deletion_protection == wanted {
            return None;
        }
        let change = ClusterChange { deletion_protection: Some(wanted), ..ClusterChange::default() };
        let action = Action::ModifyCluster { cluster: self.owned.clone(), change: Box::new(change) };
        Some(Progress::Act(vec![action], format!("the deletion protection of {} changes", self.id())))
    }
}

/// A status that does not lead to a usable database.
fn dead_end(cluster: &Cluster, instances: &[Instance]) -> Option<String> {
    if matches!(cluster.status.phase(), Phase::Stuck | Phase::Deleting) {
        return Some(format!("The cluster {} is {}.", cluster.identifier, cluster.status));
    }
    let instance = instances.iter().find(|instance| instance.status.phase() == Phase::Stuck)?;
    Some(format!("The instance {} of {} is {}.", instance.identifier, cluster.identifier, instance.status))
}

/// What about a cluster is not as desired, except its protection and its password.
fn cluster_change(cluster: &Cluster, desired: &Desired) -> ClusterChange {
    fn differs<T: PartialEq + Clone>(has: &Option<T>, wants: &Option<T>) -> Option<T> {
        wants.clone().filter(|wants| has.as_ref() != Some(wants))
    }
    let (has, wants) = (&cluster.settings, &desired.cluster);
    let groups = !wants.security_groups.is_empty() && has.security_groups != wants.security_groups;
    let not_in = |a: &[String], b: &[String]| a.iter().filter(|one| !b.contains(one)).cloned().collect();
    ClusterChange {
        security_groups: groups.then(|| wants.security_groups.clone()),
        parameter_group: differs(&has.parameter_group, &wants.parameter_group),
        storage_type: differs(&has.storage_type, &wants.storage_type),
        iam_authentication: (has.iam_authentication != wants.iam_authentication)
            .then_some(wants.iam_authentication),
        enable_logs: not_in(&wants.log_exports, &has.log_exports),
        disable_logs: not_in(&has.log_exports, &wants.log_exports),
        deletion_protection: None,
        backup_retention: differs(&has.backup_retention, &wants.backup_retention),
        engine_lifecycle_support: differs(&has.engine_lifecycle_support, &wants.engine_lifecycle_support),
        capacity: differs(&has.capacity, &wants.capacity),
        copy_tags_to_snapshot: (has.copy_tags_to_snapshot != wants.copy_tags_to_snapshot)
            .then_some(wants.copy_tags_to_snapshot),
        manage_password: None,
    }
}

fn changed_names(change: &ClusterChange) -> Vec<&'static str> {
    [
        ("security groups", change.security_groups.is_some()),
        ("parameter group", change.parameter_group.is_some()),
        ("storage type", change.storage_type.is_some()),
        ("IAM authentication", change.iam_authentication.is_some()),
        ("log exports", !(change.enable_logs.is_empty() && change.disable_logs.is_empty())),
        ("backup retention", change.backup_retention.is_some()),
        ("extended support", change.engine_lifecycle_support.is_some()),
        ("serverless capacity", change.capacity.is_some()),
        ("tags of snapshots", change.copy_tags_to_snapshot.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, changes)| changes.then_some(name))
    .collect()
}

/// What about an instance is not as desired.
fn instance_change(has: &InstanceSettings, wants: &InstanceSettings) -> InstanceChange {
    let group = wants.parameter_group.clone().filter(|group| has.parameter_group.as_ref() != Some(group));
    let given = |wants: bool, differs: bool| wants && differs;
    let retention = has.performance_insights_retention != wants.performance_insights_retention;
    let insights = has.performance_insights != wants.performance_insights
        || given(wants.performance_insights, retention);
    let monitoring = has.monitoring_interval != wants.monitoring_interval
        || given(wants.monitoring_interval > 0, has.monitoring_role != wants.monitoring_role);
    InstanceChange {
        class: (has.class != wants.class).then(|| wants.class.clone()),
        parameter_group: group,
        performance_insights: insights.then(|| PerformanceInsights {
            enabled: wants.performance_insights,
            retention: wants.performance_insights_retention,
            // RDS never changes the key of what is on, and an update that asks for that has failed before.
            key: wants.performance_insights_key.clone().filter(|_| !has.performance_insights),
        }),
        monitoring: monitoring.then(|| (wants.monitoring_interval, wants.monitoring_role.clone())),
    }
}

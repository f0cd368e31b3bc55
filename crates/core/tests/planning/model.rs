//! A clone in an AWS that does what it is told and nothing else, and is never told anything about what is not ours.

use aurora_clone_core::check::check;
use aurora_clone_core::converge::{MOST_INSTANCES, Progress, Subject};
use aurora_clone_core::create::{self, Choice};
use aurora_clone_core::desired::Desired;
use aurora_clone_core::guard::{self, Owned, OwnedSecret};
use aurora_clone_core::identifier;
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::{Action, ClusterChange, InstanceChange, NewInstance, Plan, Restore, Seen};
use aurora_clone_core::record::Incarnation;
use aurora_clone_core::request::Wanted;
use aurora_clone_core::rules::Rules;
use aurora_clone_core::snapshot::{
    Cluster, ClusterSettings, Instance, InstanceSettings, KeyState, ManagedSecret, Phase, SecretState, Status,
};
use serde_json::Value;

use crate::room::{self, cluster, generous, instance, owner, place, read, request, root, time, writer};

/// More looks than any way to what is desired takes.
const MOST_LOOKS: usize = 40;

#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub cluster: Cluster,
    pub instances: Vec<Instance>,
    pub secret: Option<SecretState>,
    pub key: Option<KeyState>,
}

/// The choice of a source for a clone with these properties, in the family of [`root`].
pub fn choice(properties: &Value) -> (Wanted, Choice) {
    let request = request(properties, &Value::Null);
    let wanted = Wanted::created(&request, 0, place(), read(properties), &generous());
    let clusters = [root(), Cluster { clone_group: None, ..cluster("other") }];
    let choice = create::choose(&wanted, &clusters, &[writer()], &generous(), &Rules::default(), time());
    (wanted, choice)
}

/// A clone with these properties as it was made, what was noted of it, and what it is to be like.
pub fn made(properties: &Value) -> (Model, Incarnation, Desired) {
    let (wanted, choice) = choice(properties);
    let [Action::Restore(restore)] = choice.plan.actions.as_slice() else { panic!("{:?}", choice.plan) };
    let mut model = Model::restored(restore);
    let record = Incarnation { made: true, ..choice.record.unwrap() };
    let desired = create::desired_of(&wanted, &model.cluster, &[], Some(&record), &generous());
    model.settle(&desired);
    (model, record, desired)
}

impl Model {
    /// A cluster as the restore makes it, without an instance.
    pub fn restored(restore: &Restore) -> Self {
        let cluster = Cluster {
            status: Status("creating".to_owned()),
            members: Vec::new(),
            writer: None,
            tags: restore.tags.clone(),
            settings: restore.settings.clone(),
            created_at: Some(room::now()),
            ..cluster(&restore.identifier)
        };
        Self { cluster, instances: Vec::new(), secret: None, key: None }
    }

    /// What is to be done next.
    pub fn next(&self, desired: &Desired) -> Progress {
        let owned = guard::prove(&self.cluster, &owner(), "clone-").unwrap();
        let (secret, key) = (self.secret.as_ref(), self.key.as_ref());
        let subject = Subject { cluster: &self.cluster, owned, instances: &self.instances, secret, key };
        subject.next(desired, &owner())
    }

    /// Looks and obeys until there is nothing left to do; what was done.
    pub fn settle(&mut self, desired: &Desired) -> Vec<Action> {
        let mut done = Vec::new();
        for _ in 0..MOST_LOOKS {
            match self.next(desired) {
                Progress::Settled => return done,
                Progress::Dead(reason) => panic!("{reason}"),
                Progress::Wait(_) => self.pass(),
                Progress::Act(actions, because) => {
                    assert!(!actions.is_empty(), "{because}, and nothing is done");
                    let plan = Plan::act(actions, 1, because, Seen::default());
                    let clusters = std::slice::from_ref(&self.cluster);
                    check(&plan, clusters, &self.instances, &generous()).unwrap();
                    plan.actions.iter().for_each(|action| self.obey(action));
                    done.extend(plan.actions);
                }
            }
        }
        panic!("not settled: {:?} after {done:#?}", self.next(desired))
    }

    /// Time passes: what is busy gets ready, what goes is gone.
    fn pass(&mut self) {
        let ready = || Status("available".to_owned());
        (self.cluster.status, self.cluster.pending_changes) = (ready(), false);
        self.instances.retain(|instance| instance.status.phase() != Phase::Deleting);
        for instance in &mut self.instances {
            (instance.status, instance.pending_changes) = (ready(), false);
        }
        let written = self.instances.iter().any(|instance| instance.writer);
        if let Some(first) = self.instances.first_mut().filter(|_| !written) {
            first.writer = true;
        }
        self.secret = self.secret.take().filter(|secret| !secret.deleting);
        if let Some(managed) = &mut self.cluster.managed_secret {
            "active".clone_into(&mut managed.status);
        }
    }

    /// Does one thing, if it is about this clone.
    fn obey(&mut self, action: &Action) {
        match action {
            Action::CreateInstance(new) => self.create_instance(new),
            Action::ModifyCluster { cluster, change } => self.modify_cluster(cluster, change),
            Action::AddRole { cluster, role } => {
                self.is_about(cluster);
                self.cluster.settings.roles.push(role.clone());
                self.cluster.settings.roles.sort();
            }
            Action::RemoveRole { cluster, role } => {
                self.is_about(cluster);
                self.cluster.settings.roles.retain(|has| has != role);
            }
            Action::ModifyInstance { cluster, instance, change } => {
                self.is_about(cluster);
                let instance = self.own_instance(instance);
                instance.status = Status("modifying".to_owned());
                modify_instance(&mut instance.settings, change);
            }
            Action::DeleteInstance { cluster, instance } => {
                self.is_about(cluster);
                let instance = self.own_instance(instance);
                assert!(!instance.writer, "the writer would go");
                instance.status = Status("deleting".to_owned());
            }
            Action::Tag { cluster, arn, set, remove } => {
                self.is_about(cluster);
                let name = arn.strip_prefix("arn:aws:rds:eu-west-1:123456789012:db:");
                let tags = match name {
                    Some(name) => &mut self.own_instance(name).tags,
                    None => &mut self.cluster.tags,
                };
                remove.iter().for_each(|key| drop(tags.remove(key)));
                tags.extend(set.clone());
            }
            _ => self.keep_password(action),
        }
    }

    fn keep_password(&mut self, action: &Action) {
        match action {
            Action::CreateKey(new) => {
                self.is_about(&new.cluster);
                assert_eq!(self.key, None);
                let (arn, policy) = (format!("arn:{}", new.alias), Some(new.policy.clone()));
                self.key = Some(KeyState { arn, tags: new.tags.clone(), policy, deleting: false });
            }
            Action::PutKeyPolicy { key, policy } => {
                let own = self.key.as_mut().filter(|own| own.arn == key.arn()).unwrap();
                own.policy = Some(policy.clone());
            }
            Action::CreateSecret(new) => {
                self.is_about(&new.cluster);
                assert_eq!(self.secret, None);
                let (name, arn, tags) = (new.name.clone(), format!("arn:{}", new.name), new.tags.clone());
                let key = new.key.clone();
                self.secret = Some(SecretState { name, arn, key, tags, policy: None, deleting: false });
            }
            Action::PutSecretPolicy { secret, policy } => self.own_secret(secret).policy = policy.clone(),
            Action::SetPassword { cluster, secret } => {
                self.is_about(cluster);
                let set_on = self.cluster.resource_id.clone();
                self.own_secret(secret).tags.insert(tag::SET_ON.to_owned(), set_on);
                self.cluster.status = Status("resetting-master-credentials".to_owned());
            }
            other => panic!("{other:?} on the way to what is desired"),
        }
    }

    fn is_about(&self, cluster: &Owned) {
        assert_eq!(cluster.resource_id(), self.cluster.resource_id);
    }

    fn own_instance(&mut self, name: &str) -> &mut Instance {
        let of = |n| identifier::instance(&self.cluster.identifier, n) == name;
        assert!((1..=MOST_INSTANCES).any(of), "{name} is not ours");
        self.instances.iter_mut().find(|instance| instance.identifier == name).unwrap()
    }

    fn own_secret(&mut self, secret: &OwnedSecret) -> &mut SecretState {
        self.secret.as_mut().filter(|own| own.arn == secret.arn() && !own.deleting).unwrap()
    }

    fn create_instance(&mut self, new: &NewInstance) {
        self.is_about(&new.cluster);
        assert!(self.instances.iter().all(|instance| instance.identifier != new.identifier));
        self.instances.push(Instance {
            status: Status("creating".to_owned()),
            writer: self.instances.is_empty(),
            tags: new.tags.clone(),
            settings: new.settings.clone(),
            ..instance(&new.identifier, &self.cluster.identifier)
        });
    }

    fn modify_cluster(&mut self, cluster: &Owned, change: &ClusterChange) {
        self.is_about(cluster);
        assert_ne!(*change, ClusterChange::default());
        self.cluster.status = Status("modifying".to_owned());
        if let Some(key) = &change.manage_password {
            let (arn, status) = ("arn:managed".to_owned(), "creating".to_owned());
            self.cluster.managed_secret = Some(ManagedSecret { arn, status, key: key.clone() });
        }
        modify(&mut self.cluster.settings, change.clone());
    }
}

fn modify(settings: &mut ClusterSettings, change: ClusterChange) {
    let set = |has: &mut Option<String>, wants: Option<String>| *has = wants.or(has.take());
    set(&mut settings.parameter_group, change.parameter_group);
    set(&mut settings.storage_type, change.storage_type);
    set(&mut settings.engine_lifecycle_support, change.engine_lifecycle_support);
    settings.security_groups = change.security_groups.unwrap_or(settings.security_groups.clone());
    settings.iam_authentication = change.iam_authentication.unwrap_or(settings.iam_authentication);
    settings.deletion_protection = change.deletion_protection.unwrap_or(settings.deletion_protection);
    settings.backup_retention = change.backup_retention.or(settings.backup_retention);
    settings.capacity = change.capacity.or(settings.capacity);
    settings.copy_tags_to_snapshot = change.copy_tags_to_snapshot.unwrap_or(settings.copy_tags_to_snapshot);
    settings.log_exports.retain(|log| !change.disable_logs.contains(log));
    settings.log_exports.extend(change.enable_logs);
    settings.log_exports.sort();
}

fn modify_instance(settings: &mut InstanceSettings, change: &InstanceChange) {
    assert_ne!(*change, InstanceChange::default());
    settings.class = change.class.clone().unwrap_or(settings.class.clone());
    settings.parameter_group = change.parameter_group.clone().or(settings.parameter_group.take());
    if let Some(insights) = &change.performance_insights {
        settings.performance_insights = insights.enabled;
        settings.performance_insights_retention = insights.retention.filter(|_| insights.enabled);
        // The key is that of the beginning: RDS takes no other while it is on.
        let key = settings.performance_insights_key.take().or(insights.key.clone());
        settings.performance_insights_key = key.filter(|_| insights.enabled);
    }
    if let Some((interval, role)) = &change.monitoring {
        (settings.monitoring_interval, settings.monitoring_role) = (*interval, role.clone());
    }
}

//! What tests change by hand, as another person or AWS itself would: at the World's time, without a call.

use chrono::{DateTime, Duration, Utc};

use super::state::{Cluster, Instance, Step};
use super::{Rds, SeedInstance};

fn steps<'a>(
    now: DateTime<Utc>,
    statuses: impl IntoIterator<Item = (Duration, &'a str)>,
) -> impl Iterator<Item = (DateTime<Utc>, Step)> {
    statuses.into_iter().map(move |(after, status)| (now + after, Step::Status(status.to_owned().into())))
}

impl Rds {
    /// Gives a cluster a status, any word, and it holds; whatever was under way is forgotten.
    pub fn set_status(&mut self, id: &str, status: &str) {
        self.change(id, |cluster| {
            status.clone_into(&mut cluster.status);
            cluster.ahead.retain(|(_, step)| step.outlives_status());
        });
    }

    /// Gives an instance a status, any word, and it holds; whatever was under way is forgotten.
    pub fn set_instance_status(&mut self, id: &str, status: &str) {
        if let Some(instance) = self.state.instance_mut(id) {
            status.clone_into(&mut instance.status);
            instance.ahead.clear();
            let cluster = instance.cluster.clone();
            self.state.wake_secret(&cluster, self.now);
        }
        self.remember();
    }

    /// Gives a snapshot a status, any word, and it holds.
    pub fn set_snapshot_status(&mut self, id: &str, status: &str) {
        self.change_snapshot(id, status);
        self.remember();
    }

    /// Lets a cluster have these statuses, each so long from now. They add to what is under way; a status that is set
    /// by hand ends them.
    pub fn plan_status<'a>(&mut self, id: &str, statuses: impl IntoIterator<Item = (Duration, &'a str)>) {
        let now = self.now;
        self.change(id, |cluster| cluster.plan(steps(now, statuses)));
        self.settle(now);
    }

    /// The same for an instance.
    pub fn plan_instance_status<'a>(
        &mut self,
        id: &str,
        statuses: impl IntoIterator<Item = (Duration, &'a str)>,
    ) {
        let now = self.now;
        self.change_instance(id, |instance| instance.plan(steps(now, statuses)));
        self.settle(now);
    }

    /// Protects a cluster from deletion, or ends that.
    pub fn protect(&mut self, id: &str, protected: bool) {
        self.change(id, |cluster| cluster.deletion_protection = protected);
    }

    /// Stops a cluster with its instances, at once.
    pub fn stop(&mut self, id: &str) {
        self.set_status(id, "stopped");
        let members: Vec<String> = self.instances_of(id).map(|instance| instance.id.clone()).collect();
        for member in members {
            self.set_instance_status(&member, "stopped");
        }
    }

    /// Starts a stopped cluster with its instances, at once.
    pub fn start(&mut self, id: &str) {
        self.set_status(id, "available");
        let members: Vec<String> = self.instances_of(id).map(|instance| instance.id.clone()).collect();
        for member in members {
            self.set_instance_status(&member, "available");
        }
    }

    /// Gives a cluster another name, at once.
    pub fn rename(&mut self, id: &str, new: &str) {
        self.state.rename(id, new);
        self.remember();
    }

    /// Sets tags, as somebody else would.
    pub fn set_tags(&mut self, id: &str, tags: impl IntoIterator<Item = (String, String)>) {
        self.change(id, |cluster| cluster.tags.extend(tags));
    }

    /// Changes anything about a cluster; its identifier must stay.
    pub fn change(&mut self, id: &str, change: impl FnOnce(&mut Cluster)) {
        if let Some(cluster) = self.state.cluster_mut(id) {
            change(cluster);
        }
        self.note_mark(id);
        self.remember();
    }

    /// Changes anything about an instance; its identifier and its cluster must stay.
    pub fn change_instance(&mut self, id: &str, change: impl FnOnce(&mut Instance)) {
        if let Some(instance) = self.state.instance_mut(id) {
            change(instance);
        }
        self.remember();
    }

    /// Adds an instance that was not there before; [`Rds::seed_instance`] makes one that always was.
    pub fn add_instance(&mut self, instance: SeedInstance) {
        self.make_instance(instance);
        self.remember();
    }

    /// Makes an instance disappear, at once.
    pub fn remove_instance(&mut self, id: &str) {
        if let Some(instance) = self.state.instances.remove(id) {
            self.state.elect_writer(&instance.cluster);
        }
        self.remember();
    }

    /// Makes a cluster and its instances disappear, at once.
    pub fn vanish(&mut self, id: &str) {
        self.state.remove_members(id);
        if let Some(cluster) = self.state.clusters.remove(id) {
            self.bury(&cluster, self.now);
        }
        self.remember();
    }
}

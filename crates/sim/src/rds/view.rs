//! What tests and the demo may know of the account: its truth, not only what the API shows.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::state::{Cluster, CopyKind, Instance, Parent};
use super::{ManagedSecret, Rds, Snapshot, Truth};

/// One cluster that was ever made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// Its identifier when it was made.
    pub id: String,
    /// Its immutable resource id.
    pub resource_id: String,
    /// Its tags when it was made.
    pub tags: BTreeMap<String, String>,
    /// Who made it, when, and from what.
    pub truth: Truth,
    /// When it was gone, if it is.
    pub gone_at: Option<DateTime<Utc>>,
}

impl Life {
    pub(super) fn begin(cluster: &Cluster) -> Self {
        Self {
            id: cluster.id.clone(),
            resource_id: cluster.resource_id.clone(),
            tags: cluster.tags.clone(),
            truth: cluster.truth.clone(),
            gone_at: None,
        }
    }

    /// What the product made it for, by the tag that it was made with: `clone` or `copy`.
    pub fn role(&self) -> Option<&str> {
        self.tags.get("aurora-clone:role").map(String::as_str)
    }

    /// The root that it was made for, by the tag that it was made with.
    pub fn root(&self) -> Option<&str> {
        self.tags.get("aurora-clone:root").map(String::as_str)
    }

    /// When it was made.
    pub fn born_at(&self) -> DateTime<Utc> {
        self.truth.created_at
    }

    /// Whether it was there at that time.
    pub fn lived_at(&self, at: DateTime<Utc>) -> bool {
        self.born_at() <= at && self.gone_at.is_none_or(|gone| gone > at)
    }
}

/// One line of a family tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyMember {
    /// The cluster's identifier.
    pub id: String,
    /// What it was made from, under the name that it had then, and how; `None` for a root.
    pub parent: Option<(Parent, CopyKind)>,
    /// How far below the asked cluster it is.
    pub depth: usize,
}

impl Rds {
    /// The living clusters, in order of their names, in every status.
    pub fn clusters(&self) -> impl Iterator<Item = &Cluster> {
        self.state.clusters.values().map(Arc::as_ref)
    }

    /// One living cluster.
    pub fn cluster(&self, id: &str) -> Option<&Cluster> {
        self.state.clusters.get(id).map(Arc::as_ref)
    }

    /// The living cluster with an immutable resource id.
    pub fn cluster_by_resource_id(&self, resource_id: &str) -> Option<&Cluster> {
        self.clusters().find(|cluster| cluster.resource_id == resource_id)
    }

    /// One snapshot, in every status.
    pub fn snapshot(&self, id: &str) -> Option<&Snapshot> {
        self.state.snapshots.get(id).map(Arc::as_ref)
    }

    /// Whether it is the ARN of a key that AWS manages: what is encrypted where no key is named.
    pub(crate) fn is_default_key(&self, key: &str) -> bool {
        ["rds", "secretsmanager"].iter().any(|service| self.place.default_key(service) == key)
    }

    /// The instances of a cluster, in every status.
    pub fn instances_of<'a>(&'a self, cluster: &'a str) -> impl Iterator<Item = &'a Instance> {
        self.state.members(cluster)
    }

    /// One living instance.
    pub fn instance(&self, id: &str) -> Option<&Instance> {
        self.state.instances.get(id).map(Arc::as_ref)
    }

    /// How many living copy-on-write members hang off a volume ([`Truth::volume`]), in every status.
    pub fn living_clones_of_volume(&self, volume: &str) -> usize {
        self.clusters()
            .filter(|cluster| cluster.truth.copy_on_write && cluster.truth.volume == volume)
            .count()
    }

    /// The password that works now.
    pub fn password_of(&self, id: &str) -> Option<&str> {
        self.cluster(id).map(|cluster| cluster.password.as_str())
    }

    /// The secret that RDS keeps the password in, while it manages the password.
    pub fn managed_secret_of(&self, id: &str) -> Option<&ManagedSecret> {
        self.cluster(id).and_then(|cluster| cluster.managed_secret.as_ref())
    }

    /// Whether the password that works now is still the one that a copy was made with: its source's.
    pub fn shares_password_with_source(&self, id: &str) -> bool {
        self.cluster(id).is_some_and(|cluster| {
            cluster.truth.parent.is_some() && cluster.password == cluster.truth.birth_password
        })
    }

    /// Every cluster that was ever made, the seeded ones too, in order.
    pub fn history(&self) -> &[Life] {
        &self.lives
    }

    /// The living descendants of a cluster with the cluster first, depth first. A branch under a cluster that is gone
    /// hangs off its nearest living ancestor.
    pub fn family(&self, root: &str) -> Vec<FamilyMember> {
        let mut members = Vec::new();
        if let Some(cluster) = self.cluster(root) {
            self.collect_family(&cluster.id, &cluster.resource_id, 0, &mut members);
        }
        members
    }

    fn collect_family(&self, id: &str, resource_id: &str, depth: usize, members: &mut Vec<FamilyMember>) {
        let alive = self.cluster_by_resource_id(resource_id);
        if let Some(cluster) = alive {
            let kind = if cluster.truth.copy_on_write { CopyKind::CopyOnWrite } else { CopyKind::Full };
            let parent = cluster.truth.parent.clone().map(|parent| (parent, kind));
            members.push(FamilyMember { id: id.to_owned(), parent, depth });
        }
        let below = if alive.is_some() { depth + 1 } else { depth };
        let is_child =
            |life: &&Life| life.truth.parent.as_ref().is_some_and(|parent| parent.resource_id == resource_id);
        for child in self.lives.iter().filter(is_child) {
            let id = self.cluster_by_resource_id(&child.resource_id).map_or(&child.id, |now| &now.id);
            self.collect_family(id, &child.resource_id, below, members);
        }
    }
}

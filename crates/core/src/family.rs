//! A family: a root cluster, its full copies, and everything cloned from any of them.
//!
//! RDS does not say what a cluster was cloned from. Two things are known: the clone group, which a root shares with all its
//! clones *and* with its full copies, and our own tags. Aurora copies tags to a clone whose maker gives none, so tags
//! that name another cluster than their carrier mean: a stranger cloned that one.

use std::collections::{BTreeMap, BTreeSet};

use crate::snapshot::Cluster;
use crate::tags::{self, Lineage, RestoreType, Role};

/// How deep a chain of clones of clones is followed; beyond, the cluster counts against the root.
const MAX_DEPTH: usize = 32;

/// A root and everything that hangs off it, in one snapshot.
#[derive(Debug)]
pub struct Family<'a> {
    root: &'a Cluster,
    by_identifier: BTreeMap<&'a str, &'a Cluster>,
    copies: BTreeSet<&'a str>,
    hosts: BTreeMap<&'a str, &'a str>,
}

impl<'a> Family<'a> {
    /// The family of `root` among all the clusters of the account.
    pub fn of(root: &'a Cluster, clusters: &'a [Cluster]) -> Self {
        let by_identifier: BTreeMap<_, _> = clusters.iter().map(|c| (c.identifier.as_str(), c)).collect();
        let copies = clusters
            .iter()
            .filter(|c| {
                c.own_lineage().is_some_and(|l| {
                    l.role == Role::Copy
                        && l.restore_type == RestoreType::FullCopy
                        && l.root == root.identifier
                }) && c.identifier != root.identifier
            })
            .map(|c| c.identifier.as_str())
            .collect();
        let mut family = Self { root, by_identifier, copies, hosts: BTreeMap::new() };
        family.hosts = clusters
            .iter()
            .filter(|c| c.identifier != root.identifier && !family.copies.contains(c.identifier.as_str()))
            .filter_map(|c| Some((c.identifier.as_str(), family.host(c)?)))
            .collect();
        family
    }

    /// The root.
    pub fn root(&self) -> &'a Cluster {
        self.root
    }

    /// The full copies of the pool, in the order of their identifiers.
    pub fn copies(&self) -> impl Iterator<Item = &'a Cluster> + '_ {
        self.copies.iter().filter_map(|identifier| self.by_identifier.get(identifier).copied())
    }

    /// Every cluster that was observed, of this family or not.
    pub fn clusters(&self) -> impl Iterator<Item = &'a Cluster> + '_ {
        self.by_identifier.values().copied()
    }

    /// Root and copies: what can be cloned.
    pub fn sources(&self) -> impl Iterator<Item = &'a Cluster> + '_ {
        std::iter::once(self.root).chain(self.copies())
    }

    /// Every cluster that takes a slot, with the source whose slot it takes.
    pub fn clones(&self) -> impl Iterator<Item = (&'a Cluster, &'a Cluster)> + '_ {
        self.hosts.iter().filter_map(|(clone, host)| {
            Some((*self.by_identifier.get(clone)?, *self.by_identifier.get(host)?))
        })
    }

    /// The source whose slot a cluster takes; `None` if it takes none in this family.
    fn host(&self, cluster: &'a Cluster) -> Option<&'a str> {
        match self.volume(cluster, MAX_DEPTH) {
            Volume::Source(source) => Some(source),
            Volume::Own | Volume::Elsewhere => None,
            Volume::Unknown => self.host_by_group(cluster),
        }
    }

    /// The source that a cluster's volume hangs off, by its tags.
    fn volume(&self, cluster: &'a Cluster, depth: usize) -> Volume<'a> {
        let Some(lineage) = tags::lineage(&cluster.tags) else { return Volume::Unknown };
        // Inherited tags tell as much: the carrier was cloned from `lineage.cluster`, or was that one before somebody
        // renamed it. Only the tags are asked, never a cluster of that name: a name can be given to another one.
        match lineage.restore_type {
            RestoreType::CopyOnWrite => self.volume_of(lineage.source, &lineage, depth),
            RestoreType::FullCopy if lineage.cluster == cluster.identifier => Volume::Own,
            RestoreType::FullCopy if lineage.cluster == self.root.identifier => {
                Volume::Source(&self.root.identifier)
            }
            // Of a full copy that is gone, or is no source, the volume lives on and takes no slot.
            RestoreType::FullCopy => {
                self.copies.get(lineage.cluster).map_or(Volume::Elsewhere, |copy| Volume::Source(copy))
            }
        }
    }

    /// The source that the volume of the cluster called `identifier` hangs off.
    fn volume_of(&self, identifier: &'a str, lineage: &Lineage<'a>, depth: usize) -> Volume<'a> {
        if identifier == self.root.identifier {
            return Volume::Source(&self.root.identifier);
        }
        if let Some(copy) = self.copies.get(identifier) {
            return Volume::Source(copy);
        }
        match self.by_identifier.get(identifier) {
            Some(next) if depth > 0 => match self.volume(next, depth - 1) {
                Volume::Unknown => self.host_by_group(next).map_or(Volume::Unknown, Volume::Source),
                known => known,
            },
            Some(_) => Volume::Unknown,
            // Sources are roots and copies. One of this very root that is gone was a copy, and what hangs off a copy's
            // volume takes no slot of the living. Of another root's name: perhaps ours, renamed; the group decides.
            None if lineage.root == self.root.identifier => Volume::Elsewhere,
            None => Volume::Unknown,
        }
    }

    /// Where tags do not say: the clone group decides, and what nothing tells from the root's clones counts as one.
    fn host_by_group(&self, cluster: &Cluster) -> Option<&'a str> {
        let group = cluster.clone_group.as_ref();
        let root = &self.root.identifier;
        let led_here = tags::lineage(&cluster.tags).is_some_and(|lineage| lineage.root == root);
        if led_here || (group.is_some() && group == self.root.clone_group.as_ref()) {
            return Some(root);
        }
        let copy = self.copies().find(|copy| group.is_some() && group == copy.clone_group.as_ref())?;
        Some(&copy.identifier)
    }
}

/// Where a cluster's pages live.
enum Volume<'a> {
    /// On the volume of this source.
    Source(&'a str),
    /// On its own.
    Own,
    /// In another family.
    Elsewhere,
    /// Tags do not say.
    Unknown,
}

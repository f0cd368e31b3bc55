//! Which families an overview is of, and which clusters belong to none of them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use thiserror::Error;

use crate::family::Family;
use crate::pool::config::Maintenance;
use crate::settings::Settings;
use crate::snapshot::Cluster;
use crate::tags::{self, RestoreType, Role};

/// What somebody wants to see.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// The family of this cluster, which may be a root, a copy or a clone; `None`: all families.
    pub source: Option<&'a str>,
    /// The clusters without a family as well.
    pub all: bool,
}

/// There is no such cluster.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no Aurora cluster {name:?} in this account and region")]
pub struct NoSuchCluster {
    /// The name.
    pub name: String,
    /// One of a similar name.
    pub similar: Option<String>,
}

/// The families that an overview is of.
#[derive(Debug)]
pub struct Chosen<'a> {
    pub(super) families: Vec<Family<'a>>,
    pub(super) without_root: Vec<&'a Cluster>,
    pub(super) elsewhere: Vec<&'a Cluster>,
    pub(super) missing_sources: Vec<String>,
    pub(super) named: Option<&'a str>,
}

impl Chosen<'_> {
    /// Every cluster that is shown, once: those whose instances have to be known.
    pub fn clusters(&self) -> Vec<&Cluster> {
        let of_families = self.families.iter().flat_map(members);
        let all = of_families.chain(self.without_root.iter().copied()).chain(self.elsewhere.iter().copied());
        let unique: BTreeMap<&str, &Cluster> =
            all.map(|cluster| (cluster.identifier.as_str(), cluster)).collect();
        unique.into_values().collect()
    }

    /// The roots that are shown.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        self.families.iter().map(|family| family.root().identifier.as_str())
    }
}

/// Everything in a family: its sources, what takes their slots, and what takes none.
fn members<'f, 'a>(family: &'f Family<'a>) -> impl Iterator<Item = &'a Cluster> + 'f {
    family.sources().chain(family.clones().map(|(clone, _)| clone)).chain(apart(family))
}

/// What the tags count to a family and takes no slot of any of its sources: full copies that somebody asked for, and what was cloned
/// from a copy that is gone.
pub(super) fn apart<'a>(family: &Family<'a>) -> Vec<&'a Cluster> {
    let root = &family.root().identifier;
    let hosted: HashSet<&str> = family.clones().map(|(clone, _)| clone.identifier.as_str()).collect();
    let sources: HashSet<&str> = family.sources().map(|source| source.identifier.as_str()).collect();
    let counts = |cluster: &&Cluster| {
        let id = cluster.identifier.as_str();
        !hosted.contains(id)
            && !sources.contains(id)
            && tags::lineage(&cluster.tags).is_some_and(|lineage| lineage.root == root)
    };
    family.clusters().filter(counts).collect()
}

/// Chooses what is shown of an account.
pub fn choose<'a>(
    clusters: &'a [Cluster],
    settings: &Settings,
    maintenance: Option<&Maintenance>,
    wanted: Wanted<'_>,
) -> Result<Chosen<'a>, NoSuchCluster> {
    let account = Account::of(clusters);
    let configured = maintenance.map(|maintenance| maintenance.sources.as_slice()).unwrap_or_default();
    let configured = configured.iter().map(|source| source.source.as_str());
    let ours = |cluster: &&Cluster| {
        tags::lineage(&cluster.tags).is_some_and(|lineage| lineage.manager == settings.manager)
    };
    let known = configured.clone().filter_map(|name| account.get(name));
    let roots = known.chain(clusters.iter().filter(ours).filter_map(|cluster| account.root_of(cluster)));
    let roots: BTreeMap<&str, &Cluster> = roots.map(|root| (root.identifier.as_str(), root)).collect();
    let mut families: Vec<Family<'a>> = roots.into_values().map(|root| Family::of(root, clusters)).collect();

    let mut named = None;
    if let Some(name) = wanted.source {
        let cluster = account.get(name).ok_or_else(|| account.no_such(name))?;
        named = Some(cluster.identifier.as_str());
        families.retain(|family| members(family).any(|member| member.identifier == cluster.identifier));
        // A root may look like a clone of another one of its clone group; asked for by its name it is itself.
        if let Some(own) = families.iter().position(|family| family.root().identifier == cluster.identifier) {
            families = vec![families.swap_remove(own)];
        }
        if families.is_empty() && !ours(&cluster) {
            let root = account.root_of(cluster).unwrap_or(cluster);
            families.push(Family::of(root, clusters));
        }
    }
    let shown: HashSet<&str> =
        families.iter().flat_map(members).map(|cluster| cluster.identifier.as_str()).collect();
    let mut rest: Vec<&Cluster> =
        clusters.iter().filter(|cluster| !shown.contains(cluster.identifier.as_str())).collect();
    rest.sort_by_key(|cluster| cluster.identifier.as_str());
    let (mut without_root, mut elsewhere): (Vec<_>, Vec<_>) = rest.into_iter().partition(ours);
    if let Some(cluster) = wanted.source.and_then(|name| account.get(name)) {
        let lost = families.is_empty().then(|| tags::lineage(&cluster.tags)).flatten();
        without_root.retain(|other| {
            lost.as_ref().zip(tags::lineage(&other.tags)).is_some_and(|(lost, other)| lost.root == other.root)
        });
    }
    if !wanted.all {
        elsewhere.clear();
    }
    let missing: BTreeSet<&str> = configured.filter(|name| account.get(name).is_none()).collect();
    let missing_sources = match wanted.source {
        None => missing.into_iter().map(str::to_owned).collect(),
        Some(_) => Vec::new(),
    };
    Ok(Chosen { families, without_root, elsewhere, missing_sources, named })
}

/// All clusters, by what they are looked up by.
struct Account<'a> {
    by_identifier: HashMap<&'a str, &'a Cluster>,
    by_group: HashMap<&'a str, Vec<&'a Cluster>>,
}

impl<'a> Account<'a> {
    fn of(clusters: &'a [Cluster]) -> Self {
        let by_identifier = clusters.iter().map(|cluster| (cluster.identifier.as_str(), cluster)).collect();
        let mut by_group: HashMap<&str, Vec<&Cluster>> = HashMap::new();
        for cluster in clusters {
            if let Some(group) = &cluster.clone_group {
                by_group.entry(group).or_default().push(cluster);
            }
        }
        Self { by_identifier, by_group }
    }

    fn get(&self, name: &str) -> Option<&'a Cluster> {
        self.by_identifier.get(name).copied()
    }

    /// The root that a cluster's tags name. Where it is gone, it may have been renamed: then the clone group leads to it, as the
    /// oldest cluster there about which no tags say that it is a clone itself.
    fn root_of(&self, cluster: &'a Cluster) -> Option<&'a Cluster> {
        let lineage = tags::lineage(&cluster.tags)?;
        if let Some(root) = self.get(lineage.root) {
            return Some(root);
        }
        if lineage.role != Role::Clone || lineage.restore_type != RestoreType::CopyOnWrite {
            return None;
        }
        // A clone of a copy that is gone is in the copy's clone group or in none, and its root is gone all the same.
        if lineage.source != lineage.root {
            return None;
        }
        let group = self.by_group.get(cluster.clone_group.as_deref()?)?;
        let untagged = group.iter().filter(|other| tags::lineage(&other.tags).is_none());
        untagged.min_by_key(|other| (other.created_at, &other.identifier)).copied()
    }

    fn no_such(&self, name: &str) -> NoSuchCluster {
        let distance = |known: &str| strsim::damerau_levenshtein(name, known);
        let names = self.by_identifier.keys().map(|known| (distance(known), *known));
        // Beyond a third of the name it is another name.
        let nearest = names.filter(|(distance, _)| *distance <= name.chars().count().div_ceil(3)).min();
        NoSuchCluster { name: name.to_owned(), similar: nearest.map(|(_, known)| known.to_owned()) }
    }
}

//! Which clusters of an account a plan has to look at. In a large account nearly all of them are others', and every source's plan and
//! the sweep would go through all of them again.
//!
//! What is left out changes no plan: it shares no name, no clone group and no stack with anything that is kept, and says nothing about
//! us. What is doubtful is kept.

use std::collections::HashSet;
use std::ops::Bound;

use crate::names::tag;
use crate::settings::Settings;
use crate::snapshot::Cluster;

/// Those of `clusters`, in their order, that may matter to the families of `roots`, to this manager's clones, and to the names that it
/// may give.
pub fn relatives(clusters: Vec<Cluster>, roots: &[&str], settings: &Settings) -> Vec<Cluster> {
    let kept = matter(&clusters, roots, settings);
    clusters.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(cluster, _)| cluster).collect()
}

/// Which of `clusters` those are.
pub fn matter(clusters: &[Cluster], roots: &[&str], settings: &Settings) -> Vec<bool> {
    let mut kept = vec![false; clusters.len()];
    let (mut known, mut named): (HashSet<&str>, HashSet<&str>) = Default::default();
    // Small on purpose: fresh memory for what is said on thousands of clusters would cost more than all the rest.
    let mut open: Vec<(u32, bool, Option<Box<Said<'_>>>)> = Vec::new();
    for (number, cluster) in (0..).zip(clusters) {
        let said = Said::by(cluster);
        let id = cluster.identifier.as_str();
        let ours = said.as_ref().is_some_and(|said| said.may_be_about_us(settings));
        if ours || id.starts_with(&settings.name_prefix) || roots.contains(&id) {
            open.push((number, true, said.map(Box::new)));
        } else if said.is_some() || cluster.clone_group.is_some() {
            open.push((number, false, said.map(Box::new)));
        }
    }
    loop {
        let before = open.len();
        open.retain(|(number, sure, said)| {
            let cluster = &clusters[*number as usize];
            let own = [Some(cluster.identifier.as_str()), cluster.clone_group.as_deref()];
            let stack = said.as_ref().and_then(|said| said.stack);
            let of_clusters = said.as_ref().map(|said| said.clusters()).unwrap_or_default();
            let names = || own.into_iter().chain([stack]).chain(of_clusters).flatten();
            if !sure && !names().any(|name| known.contains(name)) {
                return true;
            }
            kept[*number as usize] = true;
            known.extend(names());
            named.extend(of_clusters.into_iter().flatten());
            false
        });
        if open.len() == before {
            break;
        }
    }
    // What has neither our tags nor a clone group may still be named by one that has; as a rule everything that is named is kept.
    let bearers: HashSet<&str> = clusters
        .iter()
        .zip(&kept)
        .filter(|(_, kept)| **kept)
        .map(|(cluster, _)| cluster.identifier.as_str())
        .collect();
    let strays: HashSet<&str> = named.difference(&bearers).copied().collect();
    if !strays.is_empty() {
        for (kept, cluster) in kept.iter_mut().zip(clusters) {
            *kept = *kept || strays.contains(cluster.identifier.as_str());
        }
    }
    kept
}

/// What our kind of tags says on a cluster, read in one go: there are thousands of them.
struct Said<'a> {
    manager: Option<&'a str>,
    cluster: Option<&'a str>,
    source: Option<&'a str>,
    root: Option<&'a str>,
    stack: Option<&'a str>,
    about_itself: bool,
}

impl<'a> Said<'a> {
    /// `None` where there is no such tag at all.
    fn by(carrier: &'a Cluster) -> Option<Self> {
        let from = (Bound::Included(tag::PREFIX), Bound::Unbounded);
        let tags = carrier.tags.range::<str, _>(from);
        let mut tags = tags.take_while(|(key, _)| key.starts_with(tag::PREFIX)).peekable();
        tags.peek()?;
        let mut said =
            Self { manager: None, cluster: None, source: None, root: None, stack: None, about_itself: false };
        for (key, value) in tags {
            let place = match key.as_str() {
                tag::MANAGER => &mut said.manager,
                tag::CLUSTER => &mut said.cluster,
                tag::SOURCE => &mut said.source,
                tag::ROOT => &mut said.root,
                tag::STACK_ID => &mut said.stack,
                _ => continue,
            };
            *place = Some(value);
        }
        said.about_itself = said.cluster == Some(&carrier.identifier);
        Some(said)
    }

    /// The clusters that it names.
    fn clusters(&self) -> [Option<&'a str>; 3] {
        [self.cluster, self.source, self.root]
    }

    /// Whether it may be about us: all but what another manager says about its own cluster that no stack asked for.
    fn may_be_about_us(&self, settings: &Settings) -> bool {
        let others = self.manager.is_some_and(|manager| manager != settings.manager);
        // A name that a tag gives is never given again.
        let gives = [self.cluster, self.source].into_iter().flatten();
        let gives = gives.into_iter().any(|name| name.starts_with(&settings.name_prefix));
        !others || !self.about_itself || gives || self.stack.is_some()
    }
}

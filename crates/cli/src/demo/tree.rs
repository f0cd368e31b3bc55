//! The family of a cluster as a tree, from the World's own truth: tags and API answers are what the manager goes by.

use std::collections::BTreeMap;

use aurora_clone_core::names::tag;
use aurora_clone_sim::World;
use aurora_clone_sim::rds::{Cluster, CopyKind};

use crate::account::MANAGER_KEY;

/// A line of the tree, and what hangs off it.
#[derive(Debug, Default)]
struct Node {
    name: String,
    status: String,
    remark: String,
    children: Vec<Node>,
}

/// Slots of one volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots {
    /// Copy-on-write clones that live on it.
    pub used: usize,
    /// What the manager may still take.
    pub free: usize,
}

/// The slots of a cluster that has a volume of its own.
pub fn slots(world: &World, source: &Cluster, margin: u32) -> Slots {
    let used = world.rds.living_clones_of_volume(&source.truth.volume);
    let margin = usize::try_from(margin).unwrap_or_default();
    Slots { used, free: world.config.rds.clone_limit.saturating_sub(margin + used) }
}

/// The lines of the tree of a root and everything that came from it.
pub fn family(world: &World, root: &str, margin: u32) -> Vec<String> {
    let mut below: BTreeMap<Option<String>, Vec<&Cluster>> = BTreeMap::new();
    for member in world.rds.family(root) {
        let parent = member.parent.as_ref().map(|(parent, _)| parent.resource_id.clone());
        if let Some(cluster) = world.rds.cluster(&member.id) {
            below.entry(parent).or_default().push(cluster);
        }
    }
    let Some(cluster) = world.rds.cluster(root) else { return Vec::new() };
    let tree = node(world, cluster, &below, margin);
    let mut rows = Vec::new();
    flatten(&tree, "", "", &mut rows);
    let width = |of: fn(&(String, &Node)) -> usize| rows.iter().map(of).max().unwrap_or_default();
    let names = width(|(name, _)| name.chars().count());
    let statuses = width(|(_, node)| node.status.chars().count());
    rows.iter()
        .map(|(name, node)| {
            format!("{name:names$}  {:statuses$}  {}", node.status, node.remark).trim_end().to_owned()
        })
        .collect()
}

fn node(
    world: &World,
    cluster: &Cluster,
    below: &BTreeMap<Option<String>, Vec<&Cluster>>,
    margin: u32,
) -> Node {
    let children = below.get(&Some(cluster.resource_id.clone())).map(Vec::as_slice).unwrap_or_default();
    // What others made is counted; it is told one by one only where something hangs off it.
    let folded =
        |child: &&&Cluster| is_others(child) && !below.contains_key(&Some(child.resource_id.clone()));
    let strangers: Vec<&Cluster> = children.iter().filter(folded).copied().collect();
    let mut nodes = Vec::new();
    if let [first, ..] = strangers.as_slice() {
        let same = strangers.iter().all(|other| other.status == first.status);
        nodes.push(Node {
            name: format!("{} clones made by others", strangers.len()),
            status: if same { first.status.clone() } else { "various".to_owned() },
            ..Node::default()
        });
    }
    let (clones, copies): (Vec<&Cluster>, Vec<&Cluster>) =
        children.iter().filter(|child| !folded(child)).partition(|child| child.truth.copy_on_write);
    for child in clones.into_iter().chain(copies) {
        nodes.push(node(world, child, below, margin));
    }
    Node {
        name: cluster.id.clone(),
        status: status(world, cluster),
        remark: remark(world, cluster, margin),
        children: nodes,
    }
}

fn is_others(cluster: &Cluster) -> bool {
    cluster.truth.created_by != MANAGER_KEY
}

/// A database is as far as its cluster and its instances are.
fn status(world: &World, cluster: &Cluster) -> String {
    let mut instances = world.rds.instances_of(&cluster.id).peekable();
    if cluster.status == "available" && instances.peek().is_none() {
        return "no instance yet".to_owned();
    }
    match instances.find(|instance| instance.status != "available") {
        Some(instance) if cluster.status == "available" => format!("instance {}", instance.status),
        _ => cluster.status.clone(),
    }
}

fn remark(world: &World, cluster: &Cluster, margin: u32) -> String {
    if cluster.truth.copy_on_write {
        return match cluster.tags.get(tag::LOGICAL_ID) {
            Some(resource) => format!("clone, for {resource}"),
            None => "clone".to_owned(),
        };
    }
    let Slots { used, free } = slots(world, cluster, margin);
    let limit = world.config.rds.clone_limit;
    let kept = if margin > 0 { format!(", {margin} kept") } else { String::new() };
    let what = if cluster.truth.parent.is_some() { "copy" } else { "source" };
    format!("{what}: {used} of {limit} slots used, {free} free{kept}")
}

fn flatten<'n>(node: &'n Node, here: &str, further: &str, rows: &mut Vec<(String, &'n Node)>) {
    rows.push((format!("{here}{}", node.name), node));
    let last = node.children.len().saturating_sub(1);
    for (index, child) in node.children.iter().enumerate() {
        let (branch, line) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        flatten(child, &format!("{further}{branch}"), &format!("{further}{line}"), rows);
    }
}

/// The identifiers of what the manager made beside the pool, in order.
pub fn clones(world: &World) -> Vec<&Cluster> {
    let is_clone = |cluster: &&Cluster| {
        !is_others(cluster) && cluster.tags.get(tag::ROLE).is_none_or(|role| role != "copy")
    };
    world.rds.clusters().filter(is_clone).collect()
}

/// What a cluster was made from, and whether it shares that one's volume.
pub fn source(cluster: &Cluster) -> Option<(&str, CopyKind)> {
    let kind = if cluster.truth.copy_on_write { CopyKind::CopyOnWrite } else { CopyKind::Full };
    cluster.truth.parent.as_ref().map(|parent| (parent.id.as_str(), kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Account, Furniture};

    #[test]
    fn a_family_is_a_tree_with_its_slots() {
        let account = Account::open(&Furniture {
            seed: 1,
            clusters: vec!["prod".to_owned()],
            clones: 14,
            copies: 2,
            origin: "http://127.0.0.1:1".to_owned(),
            parameters: Vec::new(),
        });
        let world = account.expect("an account").world;
        assert_eq!(
            family(&world, "prod", 1),
            [
                "prod                         available  source: 14 of 15 slots used, 0 free, 1 kept",
                "├─ 14 clones made by others  available",
                "├─ clone-prod-pool-1         available  copy: 0 of 15 slots used, 14 free, 1 kept",
                "└─ clone-prod-pool-2         available  copy: 0 of 15 slots used, 14 free, 1 kept",
            ]
        );
        assert!(family(&world, "nobody", 0).is_empty());
        assert!(clones(&world).is_empty());
    }
}

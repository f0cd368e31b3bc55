//! Tags: AWS's rules for them, and the three calls that list and change them.

use std::collections::BTreeMap;

use super::identifiers::Named;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::state::{Cluster, State};
use super::{Answer, Rds, render};
use crate::world::Context;

const MOST: usize = 50;

/// Takes and checks the `Tags` of a request.
pub(super) fn take(parameters: &mut Parameters) -> Result<BTreeMap<String, String>, Refusal> {
    let mut tags = BTreeMap::new();
    for mut fields in parameters.structures("Tags", "Tag")?.unwrap_or_default() {
        let key = fields.remove("Key").unwrap_or_default();
        let value = fields.remove("Value").unwrap_or_default();
        if let Some(field) = fields.keys().next() {
            return Err(Refusal::combination(format!("Unknown parameter Tags.Tag.N.{field}")));
        }
        check(&key, &value)?;
        if tags.insert(key.clone(), value).is_some() {
            return Err(Refusal::value(format!("Duplicate tag key {key}")));
        }
    }
    check_count(&tags)?;
    Ok(tags)
}

fn check(key: &str, value: &str) -> Result<(), Refusal> {
    let (in_key, in_value) = (key.chars().count(), value.chars().count());
    if !(1..=128).contains(&in_key) || in_value > 256 {
        return Err(Refusal::value(format!(
            "Tag key or value has a wrong length: key {in_key} of 1 to 128, value {in_value} of at most 256"
        )));
    }
    let reserved = |text: &str| {
        let text = text.to_lowercase();
        text.starts_with("aws:") || text.starts_with("rds:")
    };
    if reserved(key) || reserved(value) {
        return Err(Refusal::value(format!("The prefixes aws: and rds: are reserved; tag {key}")));
    }
    // [\p{L}\p{Z}\p{N}_.:/=+\-@]
    let allowed = |char: char| {
        char.is_alphanumeric() || (char.is_whitespace() && !char.is_control()) || "_.:/=+-@".contains(char)
    };
    if !key.chars().chain(value.chars()).all(allowed) {
        return Err(Refusal::value(format!(
            "Tag {key} has a character other than letters, spaces, digits and _ . : / = + - @"
        )));
    }
    Ok(())
}

fn check_count(tags: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if tags.len() > MOST {
        return Err(Refusal::value(format!("A resource can have at most {MOST} tags")));
    }
    Ok(())
}

/// What carries tags.
enum Carrier {
    Cluster(String),
    Instance(String),
    Snapshot(String),
}

impl Rds {
    pub(super) fn list_tags(&self, state: &State, mut parameters: Parameters) -> Answer {
        let name = parameters.required("ResourceName")?;
        parameters.finish("ListTagsForResource", &["Filters"])?;
        let tags = match self.carrier(state, &name)? {
            Carrier::Cluster(id) => state.clusters.get(&id).map(|cluster| &cluster.tags),
            Carrier::Instance(id) => state.instances.get(&id).map(|instance| &instance.tags),
            Carrier::Snapshot(id) => state.snapshots.get(&id).map(|snapshot| &snapshot.tags),
        };
        let mut xml = crate::query::Xml::default();
        render::tags(&mut xml, tags.unwrap_or(&BTreeMap::new()));
        Ok(Some(xml))
    }

    pub(super) fn add_tags(&mut self, cx: &mut Context<'_>, mut parameters: Parameters) -> Answer {
        let name = parameters.required("ResourceName")?;
        let tags = take(&mut parameters)?;
        parameters.finish("AddTagsToResource", &[])?;
        if tags.is_empty() {
            return Err(Refusal::fault("MissingParameter", "The request must contain the parameter Tags."));
        }
        self.change_tags(cx, "AddTagsToResource", &name, |current| {
            current.extend(tags);
            check_count(current)
        })
    }

    pub(super) fn remove_tags(&mut self, cx: &mut Context<'_>, mut parameters: Parameters) -> Answer {
        let name = parameters.required("ResourceName")?;
        let keys = parameters.list("TagKeys", "member")?;
        parameters.finish("RemoveTagsFromResource", &[])?;
        let keys = keys.ok_or_else(|| {
            Refusal::fault("MissingParameter", "The request must contain the parameter TagKeys.")
        })?;
        self.change_tags(cx, "RemoveTagsFromResource", &name, |current| {
            current.retain(|key, _| !keys.contains(key));
            Ok(())
        })
    }

    fn change_tags(
        &mut self,
        cx: &mut Context<'_>,
        operation: &str,
        name: &str,
        change: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), Refusal>,
    ) -> Answer {
        let cluster: Option<Cluster> = match self.carrier(&self.state, name)? {
            Carrier::Cluster(id) => {
                let cluster = self.state.cluster_mut(&id).ok_or_else(|| Refusal::no_cluster(&id))?;
                change(&mut cluster.tags)?;
                let cluster = cluster.clone();
                self.note_mark(&cluster.id);
                Some(cluster)
            }
            Carrier::Instance(id) => {
                let instance = self.state.instance_mut(&id).ok_or_else(|| Refusal::no_instance(&id))?;
                change(&mut instance.tags)?;
                let cluster = instance.cluster.clone();
                self.cluster(&cluster).cloned()
            }
            Carrier::Snapshot(id) => {
                let snapshot =
                    self.state.snapshots.change(&id).ok_or_else(|| Refusal::no_tagged_snapshot(&id))?;
                change(&mut snapshot.tags)?;
                let snapshot = snapshot.clone();
                self.audit_snapshot(cx, operation, &snapshot);
                None
            }
        };
        if let Some(cluster) = cluster {
            self.audit(cx, operation, &cluster);
        }
        Ok(None)
    }

    /// The cluster, instance or snapshot that an ARN names.
    fn carrier(&self, state: &State, arn: &str) -> Result<Carrier, Refusal> {
        let parts: Vec<&str> = arn.splitn(7, ':').collect();
        let ["arn", _, "rds", _, _, kind, id] = parts[..] else {
            return Err(Refusal::value(format!("Invalid resource name: {arn}")));
        };
        let here = |kind| match self.place.named(kind, arn) {
            Named::Here(id) => Some(id),
            Named::Elsewhere => None,
        };
        match kind {
            "cluster" => here("cluster")
                .filter(|id| state.clusters.contains_key(id))
                .map(Carrier::Cluster)
                .ok_or_else(|| Refusal::no_cluster(id)),
            "db" => here("db")
                .filter(|id| state.instances.contains_key(id))
                .map(Carrier::Instance)
                .ok_or_else(|| Refusal::no_instance(id)),
            "cluster-snapshot" => here("cluster-snapshot")
                .filter(|id| state.snapshots.contains_key(id))
                .map(Carrier::Snapshot)
                .ok_or_else(|| Refusal::no_tagged_snapshot(id)),
            _ => Err(Refusal::not_simulated(&format!("Tags on a resource of the kind {kind}"))),
        }
    }
}

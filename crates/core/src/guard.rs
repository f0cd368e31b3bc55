//! The proof that a cluster is ours. Nothing can be deleted or changed without one.

use thiserror::Error;

use crate::names::tag;
use crate::request::Owner;
use crate::snapshot::Cluster;

/// A cluster that was proved to belong to one owner. Only [`prove`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    identifier: String,
    resource_id: String,
    generation: String,
}

impl Owned {
    /// The cluster's identifier.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The immutable resource id; compared again right before anything is done.
    pub fn resource_id(&self) -> &str {
        &self.resource_id
    }

    /// Which incarnation of the resource it is.
    pub fn generation(&self) -> &str {
        &self.generation
    }
}

/// Why a cluster is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotOurs {
    /// It has none of our tags.
    #[error("the cluster {0} was not made by this manager")]
    Untagged(String),
    /// Its tags are about another cluster: somebody cloned one of ours and Aurora copied the tags.
    #[error("the cluster {0} carries the tags of {1}: somebody cloned that one, and this is theirs")]
    Inherited(String, String),
    /// Another manager made it.
    #[error("the cluster {0} belongs to the manager {1:?}")]
    OtherManager(String, String),
    /// Another stack or resource asked for it.
    #[error("the cluster {0} belongs to the resource {1} of {2}")]
    OtherOwner(String, String, String),
    /// Its tags make it something else than a clone of another cluster.
    #[error("the cluster {0} is not a clone by its tags")]
    NotAClone(String),
    /// It lacks the name prefix that all our clusters have.
    #[error("the cluster {0} does not begin with the name prefix {1:?}")]
    Prefix(String, String),
}

/// Proves by the cluster's own tags, its identifier and its name that `owner` asked this manager for it.
pub fn prove(cluster: &Cluster, owner: &Owner, name_prefix: &str) -> Result<Owned, NotOurs> {
    let identifier = || cluster.identifier.clone();
    let get = |key: &str| cluster.tag(key).filter(|value| !value.is_empty());
    let (Some(manager), Some(about), Some(stack), Some(logical), Some(generation)) = (
        get(tag::MANAGER),
        get(tag::CLUSTER),
        get(tag::STACK_ID),
        get(tag::LOGICAL_ID),
        get(tag::GENERATION),
    ) else {
        return Err(NotOurs::Untagged(identifier()));
    };
    if about != cluster.identifier {
        return Err(NotOurs::Inherited(identifier(), about.to_owned()));
    }
    if manager != owner.manager {
        return Err(NotOurs::OtherManager(identifier(), manager.to_owned()));
    }
    if stack != owner.stack_id || logical != owner.logical_id {
        return Err(NotOurs::OtherOwner(identifier(), logical.to_owned(), stack.to_owned()));
    }
    if get(tag::ROLE) != Some("clone") || get(tag::ROOT) == Some(&cluster.identifier) {
        return Err(NotOurs::NotAClone(identifier()));
    }
    if !cluster.identifier.starts_with(name_prefix) {
        return Err(NotOurs::Prefix(identifier(), name_prefix.to_owned()));
    }
    Ok(Owned {
        identifier: identifier(),
        resource_id: cluster.resource_id.clone(),
        generation: generation.to_owned(),
    })
}

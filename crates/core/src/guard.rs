//! The proof that a cluster is ours. Nothing can be deleted or changed without one.

use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::duration::parse_time;
use crate::names::tag;
use crate::request::Owner;
use crate::settings::Settings;
use crate::snapshot::{Cluster, ClusterSnapshot, KeyState, SecretState};
use crate::tags::{self, RestoreType, Role, Tags};

/// A cluster that was proved to belong to one owner, or to be this manager's clone. Only [`prove`], [`prove_own`] and
/// [`prove_leased`] make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    identifier: String,
    resource_id: String,
    generation: String,
    /// The end of the lease that the proof rests on.
    expired: Option<String>,
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

    /// Which incarnation of the resource it is; empty where nothing says so, as of a clone without a stack.
    pub fn generation(&self) -> &str {
        &self.generation
    }

    /// Whether a cluster is still what was proved. A proof by an expired lease ends when the lease is renewed or somebody keeps
    /// the clone.
    pub fn is_still(&self, cluster: &Cluster) -> bool {
        let lease = self.expired.as_ref().is_none_or(|expired| {
            cluster.tag(tag::EXPIRES) == Some(expired) && cluster.tag(tag::KEEP).is_none()
        });
        lease
            && cluster.identifier == self.identifier
            && cluster.resource_id == self.resource_id
            && cluster.tag(tag::CLUSTER) == Some(&self.identifier)
            && cluster.tag(tag::GENERATION).unwrap_or_default() == self.generation
    }
}

/// A secret that was proved to be that of a cluster of ours. Only [`prove_secret`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedSecret {
    name: String,
    arn: String,
}

impl OwnedSecret {
    /// The secret's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The secret's ARN. It ends in random characters, so it names this very secret and not a later one of the name.
    pub fn arn(&self) -> &str {
        &self.arn
    }
}

/// A KMS key that was proved to have been made for a cluster of ours. Only [`prove_key`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedKey {
    alias: String,
    arn: String,
}

impl OwnedKey {
    /// The alias that it is found by.
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// The key's ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }
}

/// A copy of the pool that was proved to be this manager's. Only [`prove_copy`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedCopy {
    identifier: String,
    arn: String,
    resource_id: String,
}

impl OwnedCopy {
    /// The copy's identifier.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The copy's ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The immutable resource id; compared again right before anything is done.
    pub fn resource_id(&self) -> &str {
        &self.resource_id
    }
}

/// A cluster snapshot that was proved to have been taken by this manager, for a copy of its pool. Only [`prove_snapshot`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedSnapshot {
    identifier: String,
    created_at: Option<DateTime<Utc>>,
}

impl OwnedSnapshot {
    /// The snapshot's identifier.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// Whether a snapshot is the one that was proved, and nobody has made it another's since. It has no id but its name, which can
    /// be given again; two of one name were not taken in the same moment.
    pub fn is(&self, snapshot: &ClusterSnapshot) -> bool {
        let copy = snapshot.tags.get(tag::CLUSTER);
        self.identifier == snapshot.identifier
            && self.created_at == snapshot.created_at
            && copy.is_some_and(|copy| snapshot_for(copy) == self.identifier)
    }
}

/// Proves that a secret or a key with these tags was made by `owner`'s manager, for this resource and this incarnation of it.
fn made_for(tags: &Tags, owner: &Owner, generation: &str) -> bool {
    let is = |key: &str, value: &str| tags.get(key).map(String::as_str) == Some(value);
    is(tag::MANAGER, &owner.manager)
        && is(tag::STACK_ID, &owner.stack_id)
        && is(tag::LOGICAL_ID, &owner.logical_id)
        && is(tag::GENERATION, generation)
}

/// Proves a secret that was found by its derived name; `None` if somebody else made it.
pub fn prove_secret(secret: &SecretState, owner: &Owner, generation: &str) -> Option<OwnedSecret> {
    let ours = made_for(&secret.tags, owner, generation);
    ours.then(|| OwnedSecret { name: secret.name.clone(), arn: secret.arn.clone() })
}

/// Proves a key that was found by its derived alias; `None` if somebody else made it.
pub fn prove_key(alias: &str, key: &KeyState, owner: &Owner, generation: &str) -> Option<OwnedKey> {
    let ours = made_for(&key.tags, owner, generation);
    ours.then(|| OwnedKey { alias: alias.to_owned(), arn: key.arn.clone() })
}

/// Proves a copy of the pool by its own tags; `None` if it is none of this manager's. What a stack asked for is no copy, whatever
/// somebody made of its other tags.
pub fn prove_copy(cluster: &Cluster, settings: &Settings) -> Option<OwnedCopy> {
    let lineage = cluster.own_lineage()?;
    let ours = lineage.manager == settings.manager
        && lineage.role == Role::Copy
        && lineage.restore_type == RestoreType::FullCopy
        && lineage.root != cluster.identifier
        && cluster.tag(tag::STACK_ID).is_none()
        && cluster.identifier.starts_with(&settings.name_prefix);
    ours.then(|| OwnedCopy {
        identifier: cluster.identifier.clone(),
        arn: cluster.arn.clone(),
        resource_id: cluster.resource_id.clone(),
    })
}

/// The identifier of the snapshot that a copy of the pool is restored from.
pub fn snapshot_for(copy: &str) -> String {
    format!("{copy}-source")
}

/// The copy that a snapshot's name says it is for.
pub fn copy_of_snapshot(snapshot: &str) -> Option<&str> {
    snapshot.strip_suffix("-source")
}

/// Proves a snapshot by its own tags and its name; `None` if this manager did not take it for a copy of its pool. The root's tags,
/// which RDS may give its snapshots, name another cluster.
pub fn prove_snapshot(snapshot: &ClusterSnapshot, settings: &Settings) -> Option<OwnedSnapshot> {
    let get = |key: &str| snapshot.tags.get(key).map(String::as_str);
    let copy = get(tag::CLUSTER).filter(|copy| !copy.is_empty())?;
    let ours = get(tag::MANAGER) == Some(&settings.manager)
        && get(tag::ROLE) == Some("copy")
        && snapshot.identifier == snapshot_for(copy)
        && copy.starts_with(&settings.name_prefix);
    ours.then(|| OwnedSnapshot { identifier: snapshot.identifier.clone(), created_at: snapshot.created_at })
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
    /// Its lease is not over, or it has none that can be read.
    #[error("the cluster {0} has no lease that is over, its tag aurora-clone:expires is {1:?}")]
    NotExpired(String, String),
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
        expired: None,
    })
}

/// Proves by the cluster's own tags and its name that it is a clone of this manager, whoever asked for it.
pub fn prove_own(cluster: &Cluster, settings: &Settings) -> Result<Owned, NotOurs> {
    let identifier = || cluster.identifier.clone();
    let Some(lineage) = tags::lineage(&cluster.tags) else { return Err(NotOurs::Untagged(identifier())) };
    if lineage.cluster != cluster.identifier {
        return Err(NotOurs::Inherited(identifier(), lineage.cluster.to_owned()));
    }
    if lineage.manager != settings.manager {
        return Err(NotOurs::OtherManager(identifier(), lineage.manager.to_owned()));
    }
    if lineage.role != Role::Clone || lineage.root == cluster.identifier {
        return Err(NotOurs::NotAClone(identifier()));
    }
    if !cluster.identifier.starts_with(&settings.name_prefix) {
        return Err(NotOurs::Prefix(identifier(), settings.name_prefix.clone()));
    }
    Ok(Owned {
        identifier: identifier(),
        resource_id: cluster.resource_id.clone(),
        generation: cluster.tag(tag::GENERATION).unwrap_or_default().to_owned(),
        expired: None,
    })
}

/// Proves what [`prove_own`] does, and that the clone's lease is over.
pub fn prove_leased(cluster: &Cluster, settings: &Settings, now: DateTime<Utc>) -> Result<Owned, NotOurs> {
    let owned = prove_own(cluster, settings)?;
    let text = cluster.tag(tag::EXPIRES).unwrap_or_default();
    match parse_time(text) {
        Ok(end) if end <= now => Ok(Owned { expired: Some(text.to_owned()), ..owned }),
        _ => Err(NotOurs::NotExpired(cluster.identifier.clone(), text.to_owned())),
    }
}

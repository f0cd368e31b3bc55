//! What follows when something begins to go: its instances, its cluster, and, as soon as AWS has taken that, its secret and its key.
//!
//! A later step is told by its input what goes, and whoever may invoke the function can write such an input. So it proves nothing: what a
//! run has begun to take away is in the table, and nothing else is followed. And every step proves again what it deletes: a lease that was
//! renewed, or a clone that somebody keeps, is left alone in the middle.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::delete::{self, Remains};
use crate::guard;
use crate::hash;
use crate::names::tag;
use crate::plan::Action;
use crate::request::{Owner, resource_key};
use crate::settings::Settings;
use crate::snapshot::{Cluster, Instance, KeyState, Phase, SecretState};
use crate::tags::Tags;

use super::orphan::{Part, Suspect};
use super::{Rules, View};

/// Absent means: at two looks at least this far apart, since listings lag behind.
const ABSENT_FOR: Duration = Duration::seconds(30);

/// How long what a run began may be followed: longer than any execution of the state machine lasts. What is left by then is decided anew.
pub const FOLLOWED_FOR: Duration = Duration::hours(27);

/// Why something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// Its lease is over.
    Lease,
    /// It is an orphan.
    Orphan,
}

/// An incarnation that goes, as it travels from step to step. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Removing {
    /// The manager.
    pub manager: String,
    /// The stack that asked for it; empty for a clone without one.
    pub stack_id: String,
    /// The resource in it; empty for a clone without one.
    pub logical_id: String,
    /// Which incarnation; empty where its tags do not say.
    pub generation: String,
    /// The cluster's identifier, if there is a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// The cluster's immutable id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// The name of its secret, if it has one of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The alias of its key, if one was made for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Why it goes.
    pub why: Why,
    /// Since when the cluster was absent at every look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_since: Option<DateTime<Utc>>,
}

impl Removing {
    /// A clone whose lease is over, with the secret and the key of its incarnation.
    pub(super) fn of_lease(cluster: &Cluster, view: &View<'_>, settings: &Settings) -> Self {
        let text = |key: &str| cluster.tag(key).unwrap_or_default().to_owned();
        let mut removing = Self {
            manager: settings.manager.clone(),
            stack_id: text(tag::STACK_ID),
            logical_id: text(tag::LOGICAL_ID),
            generation: text(tag::GENERATION),
            identifier: Some(cluster.identifier.clone()),
            resource_id: Some(cluster.resource_id.clone()),
            secret: None,
            key: None,
            why: Why::Lease,
            absent_since: None,
        };
        removing.secret = view.secrets.iter().find(|s| removing.takes(&s.tags)).map(|s| s.name.clone());
        removing.key =
            view.keys.iter().find(|(_, k)| removing.takes(&k.tags)).map(|(alias, _)| alias.clone());
        removing
    }

    /// An incarnation that is an orphan.
    pub(super) fn of_orphan(suspect: &Suspect<'_>, part: &Part<'_>, settings: &Settings) -> Self {
        let cluster = part.clusters.first();
        let mut removing = Self {
            manager: settings.manager.clone(),
            stack_id: suspect.stack_id.to_owned(),
            logical_id: suspect.logical_id.to_owned(),
            generation: part.generation.to_owned(),
            identifier: cluster.map(|cluster| cluster.identifier.clone()),
            resource_id: cluster.map(|cluster| cluster.resource_id.clone()),
            secret: None,
            key: None,
            why: Why::Orphan,
            absent_since: None,
        };
        removing.secret = part.secrets.iter().find(|s| removing.takes(&s.tags)).map(|s| s.name.clone());
        removing.key =
            part.keys.iter().find(|(_, k)| removing.takes(&k.tags)).map(|(alias, _)| alias.clone());
        removing
    }

    /// Whether a secret or a key with these tags goes as well: it is of this very incarnation, and nobody keeps it.
    fn takes(&self, tags: &Tags) -> bool {
        let is = |key: &str, value: &str| tags.get(key).is_some_and(|has| has == value);
        let named =
            [&self.stack_id, &self.logical_id, &self.generation].into_iter().all(|part| !part.is_empty());
        named
            && is(tag::MANAGER, &self.manager)
            && is(tag::STACK_ID, &self.stack_id)
            && is(tag::LOGICAL_ID, &self.logical_id)
            && is(tag::GENERATION, &self.generation)
            && !tags.contains_key(tag::KEEP)
    }

    /// What the table knows it by: the same for exactly the same things that go for the same reason.
    pub fn key(&self) -> String {
        let Self { manager, stack_id, logical_id, generation, identifier, resource_id, .. } = self;
        let Self { secret, key, why, absent_since: _, .. } = self;
        let mut parts = vec![manager.clone(), stack_id.clone(), logical_id.clone(), generation.clone()];
        parts.extend([identifier, resource_id, secret, key].map(|part| format!("{part:?}")));
        parts.push(format!("{why:?}"));
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        hash::short(&parts, 40)
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        let name = self.identifier.as_deref().or(self.secret.as_deref()).or(self.key.as_deref());
        name.unwrap_or("what is left of a clone")
    }

    /// Whose it was.
    pub fn owner(&self) -> Owner {
        Owner {
            manager: self.manager.clone(),
            stack_id: self.stack_id.clone(),
            logical_id: self.logical_id.clone(),
        }
    }

    /// The key of what is recorded of its resource.
    pub fn resource_key(&self) -> String {
        resource_key(&self.stack_id, &self.logical_id)
    }

    /// Its secret and its key among those that were observed.
    pub(super) fn remains(&self, secrets: &[SecretState], keys: &[(String, KeyState)]) -> Vec<Remains> {
        let secret = secrets.iter().find(|s| Some(&s.name) == self.secret.as_ref() && self.takes(&s.tags));
        let key = keys.iter().find(|(alias, k)| Some(alias) == self.key.as_ref() && self.takes(&k.tags));
        if secret.is_none() && key.is_none() {
            return Vec::new();
        }
        vec![Remains { generation: self.generation.clone(), secret: secret.cloned(), key: key.cloned() }]
    }
}

/// What a later step observes of something that goes.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// When a run decided that exactly this goes, as the table remembers.
    pub begun: Option<DateTime<Utc>>,
    /// The cluster of that resource id, whatever it is called by now: one that was renamed by hand still needs its password.
    pub cluster: Option<&'a Cluster>,
    /// Its instances.
    pub instances: &'a [Instance],
    /// The secret of that name.
    pub secret: Option<&'a SecretState>,
    /// The key of that alias.
    pub key: Option<&'a KeyState>,
}

/// What follows a look at something that goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Followed {
    /// Do this, and look again in a while.
    Again(Vec<Action>, Box<Removing>),
    /// AWS has taken all of it.
    Done,
    /// It is to go no longer, and what is left of it stays.
    Stopped(String),
}

/// The next step of something that goes.
pub fn follow(
    removing: &Removing,
    sight: Sight<'_>,
    settings: &Settings,
    rules: &Rules<'_>,
    now: DateTime<Utc>,
) -> Followed {
    if sight.begun.is_none_or(|begun| now - begun > FOLLOWED_FOR) {
        let why = "no run has begun to take it away, or all of that is over";
        return Followed::Stopped(format!("{} is left alone: {why}", removing.name()));
    }
    // Another cluster may bear the name by now.
    let same = |cluster: &&Cluster| Some(&cluster.resource_id) == removing.resource_id.as_ref();
    let mut next = Removing { absent_since: None, ..removing.clone() };
    let owned = match sight.cluster.filter(same) {
        Some(cluster) => {
            let proof = match removing.why {
                Why::Lease => guard::prove_leased(cluster, settings, now),
                Why::Orphan => guard::prove(cluster, &removing.owner(), &settings.name_prefix),
            };
            let owned = match proof {
                Ok(owned) if owned.generation() == removing.generation => owned,
                Ok(_) => return Followed::Stopped(format!("{} is another incarnation", cluster.identifier)),
                Err(reason) => return Followed::Stopped(reason.to_string()),
            };
            // AWS turns no deletion around, so what is being deleted needs no reason to stay.
            let going = cluster.status.phase() == Phase::Deleting;
            if let Some(why) = rules.hindrance(cluster).filter(|_| !going) {
                return Followed::Stopped(format!("{} stays: {why}", cluster.identifier));
            }
            Some((cluster, owned))
        }
        None => {
            let since = removing.absent_since.unwrap_or(now);
            next.absent_since = Some(since);
            if removing.identifier.is_some() && now - since < ABSENT_FOR {
                return Followed::Again(Vec::new(), Box::new(next));
            }
            None
        }
    };
    let secrets: Vec<SecretState> = sight.secret.into_iter().cloned().collect();
    let keys: Vec<(String, KeyState)> = removing.key.clone().zip(sight.key.cloned()).into_iter().collect();
    let remains = removing.remains(&secrets, &keys);
    let cluster = owned.as_ref().map(|(cluster, owned)| (*cluster, owned));
    let actions = delete::take_down(&removing.owner(), cluster, sight.instances, &remains);
    if actions.is_empty() { Followed::Done } else { Followed::Again(actions, Box::new(next)) }
}

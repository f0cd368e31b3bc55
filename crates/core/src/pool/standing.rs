//! Where each source of a family stands: how many slots it gives, whether it will go on doing so, and what is the matter with it.
//!
//! Slots that count here are those that a Create could take. Whatever is not surely usable does not count, and says why.

use chrono::{DateTime, Duration, Utc};

use super::config::SourceConfig;
use super::plan::Policy;
use crate::duration::{for_people, parse_time};
use crate::family::Family;
use crate::guard::{self, OwnedCopy};
use crate::names::tag;
use crate::settings::Settings;
use crate::snapshot::{Cluster, Instance, Phase};

/// How far apart two clocks may be: data from later than that is from a broken tag.
const CLOCKS_DIFFER: Duration = Duration::minutes(10);

/// The state of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It can be cloned now, or is busy with something that passes.
    Usable,
    /// It is being made, and time is left for that.
    Coming(String),
    /// It is available without an instance: one is added.
    NoInstance,
    /// No Create takes it any more, since then; `None` where the mark can't be read or is from the future.
    Retiring(Option<DateTime<Utc>>),
    /// Its data is older than the configuration allows.
    TooOld,
    /// There is no way back from its status, or it was never finished.
    Broken(String),
    /// It gives no slots for a reason that somebody has to look at.
    Unusable(String),
    /// It is being deleted.
    Going,
    /// It is another manager's, or a stack's.
    NotOurs,
}

/// One source.
#[derive(Debug, Clone)]
pub struct Standing<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Whether it is the root.
    pub is_root: bool,
    /// Whether its own tags say that it is this manager's copy: Creates clone it, and it is paid for.
    pub ours: bool,
    /// The proof that something may be done to it. One of ours has none if it was made under another name prefix.
    pub owned: Option<OwnedCopy>,
    /// How old its data is.
    pub age: Option<Duration>,
    /// What hangs off it, in any status.
    pub clones: Vec<&'a Cluster>,
    /// Slots that are not taken, whether or not they can be used.
    pub free: u32,
    /// Its state.
    pub state: State,
    /// Whether it was ready once, or time is left for making it: then an instance that it lacks will be there soon.
    pub in_time: bool,
    /// Whether it gives slots until a replacement that is begun at the next run is ready.
    pub lasts: bool,
    /// Whether a Create takes it as it is, whatever the configuration says.
    pub serves: bool,
    /// Whether its age calls for its removal, by its data and by AWS's own time.
    pub obsolete: bool,
}

impl Standing<'_> {
    /// Slots that a Create can take now.
    pub fn usable(&self) -> u32 {
        if self.state == State::Usable { self.free } else { 0 }
    }

    /// Slots that are being made.
    pub fn coming(&self) -> u32 {
        match self.state {
            State::Coming(_) => self.free,
            // Another copy would be made in vain.
            State::NoInstance if self.in_time => self.free,
            _ => 0,
        }
    }

    /// Slots that count when it is asked whether more copies are needed. What is being made is not replaced: begun now, its
    /// replacement would need one as soon.
    pub fn lasting(&self) -> u32 {
        let usable = if self.lasts { self.usable() } else { 0 };
        usable + self.coming()
    }

    /// A reason for which nobody but a person may take it away.
    pub fn kept(&self, policy: &Policy<'_>) -> Option<String> {
        let cluster = self.cluster;
        if cluster.tag(tag::KEEP).is_some() {
            return Some(format!("it has the tag {}", tag::KEEP));
        }
        if [policy.protect, &policy.source.protect].iter().any(|list| list.admit(&cluster.identifier)) {
            return Some("a protect list of the configuration names it".to_owned());
        }
        if cluster.settings.deletion_protection {
            return Some("it has deletion protection".to_owned());
        }
        let status = &cluster.status;
        is_held(cluster).then(|| format!("it is {status}, and AWS deletes no such cluster"))
    }
}

/// Whether somebody stopped it, or starts it again.
fn is_held(cluster: &Cluster) -> bool {
    ["stopped", "stopping", "starting"].contains(&cluster.status.0.as_str())
}

/// How many clones hang off one source at most: a Create goes by the operator's own numbers, whatever the configuration says.
pub fn slots_per_source(config: &SourceConfig, settings: &Settings) -> u32 {
    let configured = config.limit.saturating_sub(config.margin);
    configured.min(settings.limit.saturating_sub(settings.margin)).max(1)
}

/// The age beyond which a copy is of no use: the configuration's, and at most the operator's, beyond which no Create takes it.
pub fn max_age(config: &SourceConfig, settings: &Settings) -> Duration {
    config.max_copy_age.min(settings.max_copy_age)
}

/// The age at which a copy's replacement is begun: so that it is ready when the copy ages out, even if it is only begun at the next
/// run a day later. Never before half of its life: a copy that needed its replacement at once would need one for ever.
pub fn replace_after(config: &SourceConfig, settings: &Settings) -> Duration {
    config.replace_after.unwrap_or_else(|| {
        let most = max_age(config, settings);
        (most - Duration::days(1) - settings.full_copy_time).max(most / 2)
    })
}

/// Looks at every source: the root, then the copies in the order of their names.
pub fn look<'a>(
    family: &Family<'a>,
    instances: &'a [Instance],
    config: &SourceConfig,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Vec<Standing<'a>> {
    let looker = Looker { family, instances, config, settings, now };
    family.sources().map(|source| looker.look(source)).collect()
}

struct Looker<'l, 'a> {
    family: &'l Family<'a>,
    instances: &'a [Instance],
    config: &'l SourceConfig,
    settings: &'l Settings,
    now: DateTime<Utc>,
}

impl<'a> Looker<'_, 'a> {
    fn look(&self, cluster: &'a Cluster) -> Standing<'a> {
        let (config, now) = (self.config, self.now);
        let is_root = cluster.identifier == self.family.root().identifier;
        let clones: Vec<&Cluster> = self
            .family
            .clones()
            .filter(|(_, host)| host.identifier == cluster.identifier)
            .map(|(clone, _)| clone)
            .collect();
        let used = u32::try_from(clones.len()).unwrap_or(u32::MAX);
        let free = slots_per_source(config, self.settings).saturating_sub(used);
        let data_time = cluster.own_lineage().and_then(|lineage| lineage.data_time);
        let data_time = data_time.filter(|time| *time - now <= CLOCKS_DIFFER);
        let age = if is_root { Some(Duration::zero()) } else { data_time.map(|time| now - time) };
        let serves = is_root || age.is_some_and(|age| age <= self.settings.max_copy_age);
        let lasts = is_root || age.is_some_and(|age| age < replace_after(config, self.settings));
        // By both: a tag can be changed, and so can a clock.
        let most = max_age(config, self.settings);
        let is_old = |time: Option<DateTime<Utc>>| time.is_some_and(|time| now - time > most);
        let obsolete = !is_root && is_old(data_time) && is_old(cluster.created_at);
        let ours = !is_root
            && cluster.own_lineage().is_some_and(|lineage| lineage.manager == self.settings.manager)
            && cluster.tag(tag::STACK_ID).is_none();
        let owned = guard::prove_copy(cluster, self.settings).filter(|_| ours);
        let in_time = cluster.tag(tag::READY).is_some() || !self.is_late(cluster);
        let state = match self.state(cluster, is_root || ours, is_root, age) {
            State::NoInstance if owned.is_none() => {
                let prefix = &self.settings.name_prefix;
                State::Unusable(format!("it has no instance, and its name does not begin with {prefix}"))
            }
            state => state,
        };
        Standing { cluster, is_root, ours, owned, age, clones, free, state, in_time, lasts, serves, obsolete }
    }

    fn state(&self, cluster: &Cluster, counts: bool, is_root: bool, age: Option<Duration>) -> State {
        if !counts {
            return State::NotOurs;
        }
        let phase = cluster.status.phase();
        if phase == Phase::Deleting {
            return State::Going;
        }
        if let Some(since) = cluster.tag(tag::RETIRING).filter(|_| !is_root) {
            let since = parse_time(since).ok().filter(|since| *since - self.now <= CLOCKS_DIFFER);
            return State::Retiring(since);
        }
        let status = &cluster.status;
        let held = is_held(cluster);
        let waits_for_key = status.0.starts_with("inaccessible-encryption-credentials");
        match phase {
            Phase::Stuck if is_root || held || waits_for_key => {
                return State::Unusable(format!("it is {status}"));
            }
            Phase::Stuck => return State::Broken(format!("it is {status}")),
            Phase::Unknown => return State::Unusable(format!("its status is {status}, which is unknown")),
            _ if cluster.tag(tag::RETIRING).is_some() => {
                return State::Unusable(format!("it has the tag {}", tag::RETIRING));
            }
            _ => {}
        }
        let making = status.0 == "creating" && !is_root;
        if making && self.is_late(cluster) {
            let timeout = for_people(self.config.copy_timeout);
            return State::Unusable(format!("it is {status} for longer than copy-timeout, {timeout}"));
        }
        if making {
            return State::Coming(format!("it is {status}"));
        }
        // Before its instances: what is of no use needs none.
        match age {
            None => State::Unusable("the age of its data is unknown".to_owned()),
            Some(age) if age > max_age(self.config, self.settings) => State::TooOld,
            Some(_) => self.state_of_instances(cluster, is_root),
        }
    }

    /// Whether more time has passed since it was asked for than making one may take.
    fn is_late(&self, cluster: &Cluster) -> bool {
        let since =
            cluster.created_at.or_else(|| cluster.own_lineage().and_then(|lineage| lineage.data_time));
        since.is_none_or(|since| self.now - since > self.config.copy_timeout)
    }

    fn state_of_instances(&self, cluster: &Cluster, is_root: bool) -> State {
        let members: Vec<&Instance> = self
            .instances
            .iter()
            .filter(|i| i.cluster.as_deref() == Some(&cluster.identifier))
            .filter(|i| i.status.phase() != Phase::Deleting)
            .collect();
        // Listings of clusters and of instances are not from the same moment.
        let listed = |name: &String| self.instances.iter().any(|i| i.identifier == *name);
        let unlisted = cluster.members.iter().find(|name| !is_root && !listed(name));
        if let Some(name) = unlisted.filter(|_| members.is_empty()) {
            return self.on_its_way(cluster, format!("its instance {name} is not listed yet"));
        }
        if members.is_empty() {
            let why = "it has no instance, and such a cluster can't be cloned".to_owned();
            return if is_root { State::Unusable(why) } else { State::NoInstance };
        }
        let is_new = |i: &&Instance| i.status.0 == "creating";
        let works = |i: &Instance| matches!(i.status.phase(), Phase::Ready | Phase::Busy) && !is_new(&i);
        if members.iter().any(|i| works(i)) {
            return State::Usable;
        }
        if let Some(new) = members.iter().copied().find(is_new) {
            return self.on_its_way(cluster, format!("its instance {} is {}", new.identifier, new.status));
        }
        State::Unusable(format!("its instance {} is {}", members[0].identifier, members[0].status))
    }

    /// One that was ready once gets its instance back in minutes; another copy would be made in vain.
    fn on_its_way(&self, cluster: &Cluster, text: String) -> State {
        let late = cluster.tag(tag::READY).is_none() && self.is_late(cluster);
        if late { State::Unusable(text) } else { State::Coming(text) }
    }
}

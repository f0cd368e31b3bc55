//! Slots: how many copy-on-write clones each source still takes, and which source to clone.
//!
//! Aurora takes 15 clones per source volume, clones of clones included, and makes the next one a full copy without a word.
//! So clones in every status count, also those that are being deleted; restores in flight are covered by the
//! lock under which this is asked.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Duration, Utc};

use crate::duration::{for_people, format_time};
use crate::family::Family;
use crate::names::tag;
use crate::settings::Settings;
use crate::snapshot::{Cluster, Phase};

/// How far apart two clocks may be: data from later than that is from a broken tag.
const CLOCKS_DIFFER: Duration = Duration::minutes(10);

/// How many clones each source of a family has, by the source's identifier.
pub fn used<'a>(family: &Family<'a>) -> BTreeMap<&'a str, u32> {
    let mut used: BTreeMap<&str, u32> =
        family.sources().map(|source| (source.identifier.as_str(), 0)).collect();
    for (_, source) in family.clones() {
        *used.entry(&source.identifier).or_default() += 1;
    }
    used
}

/// What the data of a source must be like to be cloned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Freshness {
    /// Not older than this moment.
    pub created_since: Option<DateTime<Utc>>,
    /// Not older than this, now.
    pub max_age: Option<Duration>,
}

/// Why a source was or was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It qualifies.
    Usable,
    /// Every slot is taken.
    NoFreeSlot,
    /// Its status passes; look again.
    Busy(String),
    /// Its status does not pass by itself.
    NotAvailable(String),
    /// A cluster without an instance can't be cloned.
    NoInstance,
    /// Its data is older than asked for.
    TooOld(String),
    /// The tag that says how old its data is, is missing.
    AgeUnknown,
    /// It is going to be purged.
    Retiring,
    /// It belongs to another manager.
    NotOurs,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usable => f.write_str("usable"),
            Self::NoFreeSlot => f.write_str("no free slot"),
            Self::Busy(status) => write!(f, "is {status}, wait"),
            Self::NotAvailable(status) => write!(f, "is {status}"),
            Self::NoInstance => f.write_str("has no instance, and such a cluster can't be cloned"),
            Self::TooOld(text) => write!(f, "data is too old: {text}"),
            Self::AgeUnknown => f.write_str("the age of its data is unknown"),
            Self::Retiring => f.write_str("is going to be purged"),
            Self::NotOurs => f.write_str("belongs to another manager"),
        }
    }
}

/// What was found out about one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The source's identifier.
    pub source: String,
    /// Whether it is the root.
    pub is_root: bool,
    /// The moment that its data is from; the root's is from now.
    pub data_time: Option<DateTime<Utc>>,
    /// Clones that it has.
    pub used: u32,
    /// Clones that it still takes.
    pub free: u32,
    /// Why it was or was not taken.
    pub reason: Reason,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} used, {} free): {}", self.source, self.used, self.free, self.reason)
    }
}

/// Looks at every source, in the order in which they are preferred: the root first (a clone that outlives its source
/// pays for its pages), then the freshest copy.
pub fn judge(
    family: &Family<'_>,
    fresh: &Freshness,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Vec<Verdict> {
    let used = used(family);
    let mut verdicts: Vec<Verdict> = family
        .sources()
        .map(|source| {
            let is_root = source.identifier == family.root().identifier;
            let data_time =
                if is_root { Some(now) } else { source.own_lineage().and_then(|lineage| lineage.data_time) };
            let used = used.get(source.identifier.as_str()).copied().unwrap_or_default();
            let free = settings.limit.saturating_sub(settings.margin).saturating_sub(used);
            let reason = reason(source, is_root, data_time, free, fresh, settings, now);
            Verdict { source: source.identifier.clone(), is_root, data_time, used, free, reason }
        })
        .collect();
    verdicts.sort_by_key(|v| (!v.is_root, std::cmp::Reverse(v.data_time), v.source.clone()));
    verdicts
}

fn reason(
    source: &Cluster,
    is_root: bool,
    data_time: Option<DateTime<Utc>>,
    free: u32,
    fresh: &Freshness,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Reason {
    if source.tag(tag::RETIRING).is_some() {
        return Reason::Retiring;
    }
    if !is_root {
        if source.own_lineage().is_none_or(|lineage| lineage.manager != settings.manager) {
            return Reason::NotOurs;
        }
        match data_time {
            None => return Reason::AgeUnknown,
            Some(time) if time - now > CLOCKS_DIFFER => return Reason::AgeUnknown,
            Some(time) => {
                if let Some(since) = fresh.created_since.filter(|since| time < *since) {
                    let (time, since) = (format_time(time), format_time(since));
                    return Reason::TooOld(format!("it is from {time}, CopyCreatedSince asks for {since}"));
                }
                if let Some(age) = fresh.max_age.filter(|age| now - time > *age) {
                    let is = for_people(now - time);
                    return Reason::TooOld(format!("it is {is} old, MaxCopyAge is {}", for_people(age)));
                }
            }
        }
    }
    // What does not pass by itself comes before what does, and both before the question of slots: a source that
    // is only busy is worth waiting for only if it has a slot.
    match source.status.phase() {
        Phase::Stuck | Phase::Deleting => return Reason::NotAvailable(source.status.to_string()),
        _ if source.members.is_empty() => return Reason::NoInstance,
        _ if free == 0 => return Reason::NoFreeSlot,
        Phase::Ready => {}
        Phase::Busy | Phase::Unknown => return Reason::Busy(source.status.to_string()),
    }
    Reason::Usable
}

/// The verdicts as one text: why every source was or was not taken.
pub fn report(verdicts: &[Verdict]) -> String {
    verdicts.iter().map(Verdict::to_string).collect::<Vec<_>>().join("; ")
}

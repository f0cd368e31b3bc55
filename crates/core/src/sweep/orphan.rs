//! Orphans: what was made for CloudFormation and is not wanted by it any more.
//!
//! Everything that an incarnation of a resource consists of is judged together, and goes together: its cluster, its secret, its key.
//! Whatever is not positively an orphan is reported or left alone.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use crate::arn;
use crate::delete;
use crate::duration::format_time;
use crate::events::{self, Subject};
use crate::guard;
use crate::hash;
use crate::names::tag;
use crate::request::resource_key;
use crate::settings::Settings;
use crate::snapshot::{Cluster, KeyState, Phase, SecretState};
use crate::tags::Tags;

use super::follow::Removing;
use super::word::{Exposed, Word};
use super::{Finding, Heard, Kind, Memory, Plan, Rules, View, cap, clones, finding};

/// How far apart two words of CloudFormation are, at least.
pub const APART: Duration = Duration::hours(24);

/// A resource of a stack, with everything that was made for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspect<'a> {
    /// The stack.
    pub stack_id: &'a str,
    /// The resource in it.
    pub logical_id: &'a str,
    /// Its incarnations.
    pub parts: Vec<Part<'a>>,
}

/// One incarnation of a resource: of each kind one thing, or none, unless somebody copied tags.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part<'a> {
    /// Which one.
    pub generation: &'a str,
    /// Its cluster.
    pub clusters: Vec<&'a Cluster>,
    /// Its secret.
    pub secrets: Vec<&'a SecretState>,
    /// Its key, and the key's alias.
    pub keys: Vec<&'a (String, KeyState)>,
}

impl Suspect<'_> {
    /// The key of CloudFormation's word about it.
    pub fn key(&self) -> String {
        resource_key(self.stack_id, self.logical_id)
    }

    /// The keys of what is remembered of its incarnations.
    pub fn memories(&self) -> Vec<String> {
        self.parts.iter().map(|part| part.key(self)).collect()
    }

    /// Its clusters, as a word about them is asked for.
    pub fn exposed(&self) -> Vec<Exposed<'_>> {
        let clusters = self.parts.iter().flat_map(|part| &part.clusters);
        clusters.map(|cluster| (cluster.arn.as_str(), cluster.created_at)).collect()
    }
}

impl Part<'_> {
    /// The key of what is remembered of it.
    pub fn key(&self, of: &Suspect<'_>) -> String {
        hash::short(&[of.stack_id, of.logical_id, self.generation], 40)
    }

    /// What is known of one of its clones, secrets or keys, most telling first.
    fn tag(&self, key: &str) -> Option<&str> {
        let tags = self.clusters.iter().map(|cluster| &cluster.tags);
        let tags = tags.chain(self.secrets.iter().map(|secret| &secret.tags));
        let mut tags = tags.chain(self.keys.iter().map(|(_, key)| &key.tags));
        tags.find_map(|tags| tags.get(key)).map(String::as_str)
    }

    fn arns(&self) -> Vec<String> {
        let clusters = self.clusters.iter().map(|cluster| cluster.arn.clone());
        let secrets = self.secrets.iter().map(|secret| secret.arn.clone());
        clusters.chain(secrets).chain(self.keys.iter().map(|(_, key)| key.arn.clone())).collect()
    }

    fn findings(&self, of: &Suspect<'_>, what: &'static str, why: &str) -> Vec<Finding> {
        let clusters = self.clusters.iter().map(|cluster| (Kind::Cluster, &cluster.identifier));
        let secrets = self.secrets.iter().map(|secret| (Kind::Secret, &secret.name));
        let things = clusters.chain(secrets).chain(self.keys.iter().map(|(alias, _)| (Kind::Key, alias)));
        let owner = || Some((of.stack_id.to_owned(), of.logical_id.to_owned()));
        let found = |(kind, name): (Kind, &String)| {
            let why = format!("{name}: {why}.");
            Finding { kind, name: name.clone(), owner: owner(), what, why }
        };
        things.map(found).collect()
    }
}

/// The resources about which CloudFormation has to be asked: of stacks that it does not list, or all of them.
pub fn suspects<'a>(view: &View<'a>, settings: &Settings) -> Vec<Suspect<'a>> {
    type Parts<'a> = BTreeMap<&'a str, Part<'a>>;
    let mut found: BTreeMap<(&'a str, &'a str), Parts<'a>> = BTreeMap::new();
    let mut part = |tags: &'a Tags, put: &dyn Fn(&mut Part<'a>)| {
        let get = |key: &str| tags.get(key).map(String::as_str).filter(|value| !value.is_empty());
        let names = (get(tag::STACK_ID), get(tag::LOGICAL_ID), get(tag::GENERATION));
        let (Some(stack), Some(logical), Some(generation)) = names else { return };
        if arn::is_command_line(stack) {
            return;
        }
        let is_living = view.living.is_some_and(|living| living.contains(stack));
        if get(tag::MANAGER) == Some(&settings.manager) && !is_living {
            let parts = found.entry((stack, logical)).or_default();
            put(parts.entry(generation).or_insert_with(|| Part { generation, ..Part::default() }));
        }
    };
    for cluster in clones(view.clusters, settings) {
        part(&cluster.tags, &|part| part.clusters.push(cluster));
    }
    for secret in view.secrets.iter().filter(|secret| !secret.deleting) {
        part(&secret.tags, &|part| part.secrets.push(secret));
    }
    for key in view.keys {
        part(&key.1.tags, &|part| part.keys.push(key));
    }
    let suspect = |((stack_id, logical_id), parts): (_, Parts<'a>)| Suspect {
        stack_id,
        logical_id,
        parts: parts.into_values().collect(),
    };
    found.into_iter().map(suspect).collect()
}

/// What an incarnation is by CloudFormation's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is wanted, or may be in a moment.
    Wanted,
    /// It is no orphan by this word, and people should know of it.
    Reported(String),
    /// There is no word.
    Unheard(String),
    /// It is an orphan, for this reason.
    Orphan(String),
}

/// What one incarnation of a suspect is by CloudFormation's word about the resource.
pub fn judge(suspect: &Suspect<'_>, part: &Part<'_>, word: Option<&Word>) -> Verdict {
    let is = |id: &str, cluster: &&Cluster| cluster.arn == id;
    match word {
        None => Verdict::Unheard("CloudFormation was not asked about it".to_owned()),
        Some(Word::Unknown(why)) => Verdict::Unheard(format!("CloudFormation has no word about it: {why}")),
        Some(Word::InProgress) => Verdict::Wanted,
        Some(Word::Retained) => {
            let why = "CloudFormation let it stay when its resource went or was replaced (Retain)";
            Verdict::Reported(why.to_owned())
        }
        Some(Word::Gone(reason)) => Verdict::Orphan(reason.clone()),
        Some(Word::Owns(id)) if part.clusters.iter().any(|cluster| is(id, cluster)) => Verdict::Wanted,
        Some(Word::Owns(id)) => {
            let mut clusters = suspect.parts.iter().flat_map(|part| &part.clusters);
            // Without the database that the stack has, nothing tells which incarnation is the present one.
            if arn::cluster(id).is_some() && clusters.any(|cluster| is(id, cluster)) {
                Verdict::Orphan(format!("the resource is {id} by now"))
            } else {
                Verdict::Reported(format!(
                    "its stack lives and names {id}, which is not there under that name"
                ))
            }
        }
    }
}

/// Why an incarnation can't go now.
fn hindrance(
    suspect: &Suspect<'_>,
    part: &Part<'_>,
    clusters: &[Cluster],
    rules: &Rules<'_>,
) -> Option<&'static str> {
    let carries = |cluster: &Cluster| {
        [
            (tag::STACK_ID, suspect.stack_id),
            (tag::LOGICAL_ID, suspect.logical_id),
            (tag::GENERATION, part.generation),
        ]
        .into_iter()
        .all(|(key, value)| cluster.tag(key) == Some(value))
    };
    if part.clusters.is_empty() && clusters.iter().any(carries) {
        return Some("a cluster carries the same tags under another name, and may need it");
    }
    if part.clusters.len() > 1 {
        return Some("several clusters say that they are this one");
    }
    let about = part.tag(tag::CLUSTER).unwrap_or_default();
    let listed = rules.protects(about, part.tag(tag::ROOT));
    let listed = listed.then_some("a protect list of the maintenance configuration names its cluster");
    let mut things = part.secrets.iter().map(|secret| &secret.tags);
    let mut keys = part.keys.iter().map(|(_, key)| &key.tags);
    let kept =
        things.any(|tags| tags.contains_key(tag::KEEP)) || keys.any(|tags| tags.contains_key(tag::KEEP));
    let kept = kept.then_some("it has the tag aurora-clone:keep");
    part.clusters.iter().find_map(|cluster| rules.hindrance(cluster)).or(listed).or(kept)
}

/// Adds to a plan what CloudFormation's words ask for: what is remembered and forgotten, and the end of what is due.
pub(super) fn sweep(
    plan: &mut Plan,
    view: &View<'_>,
    heard: &Heard,
    settings: &Settings,
    rules: &Rules<'_>,
    now: DateTime<Utc>,
) {
    let clones = clones(view.clusters, settings);
    let suspects = suspects(view, settings);
    let mut due = Vec::new();
    for (suspect, part) in
        suspects.iter().flat_map(|suspect| suspect.parts.iter().map(move |part| (suspect, part)))
    {
        let key = part.key(suspect);
        let since = heard.since.get(&key).copied();
        let reason = match judge(suspect, part, heard.words.get(&suspect.key())) {
            Verdict::Wanted => {
                plan.forget.extend(since.map(|_| key));
                continue;
            }
            Verdict::Reported(why) => {
                plan.forget.extend(since.map(|_| key));
                plan.findings.extend(part.findings(suspect, "not wanted, perhaps", &why));
                continue;
            }
            Verdict::Unheard(why) => {
                plan.findings.extend(part.findings(suspect, "not wanted, perhaps", &why));
                continue;
            }
            Verdict::Orphan(reason) => reason,
        };
        if let Some(why) = hindrance(suspect, part, view.clusters, rules) {
            plan.findings.extend(part.findings(suspect, "orphan", &format!("{reason}, and it stays: {why}")));
            continue;
        }
        match since.filter(|since| *since <= now) {
            Some(since) if now - since >= APART => due.push((suspect, part, reason)),
            Some(since) => {
                let why =
                    format!("{reason}; it goes when that is still so after {}", format_time(since + APART));
                plan.findings.extend(part.findings(suspect, "orphan", &why));
            }
            // A time that is still to come was never heard: some clock was wrong.
            None => {
                plan.findings.extend(part.findings(
                    suspect,
                    "orphan",
                    &format!("{reason}; it goes in a day or later"),
                ));
                plan.events.push(event(suspect, part, settings, &reason));
                plan.remember.push(Memory { key, since: now, reason });
            }
        }
    }
    due.retain(|(_, part, _)| !is_going(part, plan));
    let most = cap(clones.len(), rules.max_deletions);
    plan.findings.extend(clones.into_iter().filter_map(without_a_stack));
    if due.len() > most {
        plan.troubles.push(format!(
            "{} orphans are due and a run may remove {most}, so none of them goes: see whether CloudFormation is right, then raise \
             max-deletions-per-run or remove some of them by hand.",
            due.len()
        ));
        for (suspect, part, reason) in due {
            plan.findings.extend(part.findings(suspect, "orphan", &format!("{reason}; too many are due")));
        }
        return;
    }
    for (suspect, part, reason) in due {
        if let Err(why) = end(plan, suspect, part, view, settings) {
            plan.findings.extend(part.findings(suspect, "orphan", &format!("{reason}; {why}")));
        }
    }
}

/// Whether an incarnation goes already, by its lease or by an earlier run.
fn is_going(part: &Part<'_>, plan: &Plan) -> bool {
    let by_lease = |cluster: &&Cluster| {
        plan.removing.iter().any(|removing| removing.resource_id.as_ref() == Some(&cluster.resource_id))
    };
    part.clusters.iter().any(by_lease)
}

/// Begins to take an orphan away, or says why it does not go in this run.
fn end(
    plan: &mut Plan,
    suspect: &Suspect<'_>,
    part: &Part<'_>,
    view: &View<'_>,
    settings: &Settings,
) -> Result<(), String> {
    let removing = Removing::of_orphan(suspect, part, settings);
    let owned = match part.clusters.first() {
        None => None,
        Some(cluster) => {
            let owned = guard::prove(cluster, &removing.owner(), &settings.name_prefix);
            Some((*cluster, owned.map_err(|not_ours| not_ours.to_string())?))
        }
    };
    let remains = removing.remains(view.secrets, view.keys);
    let cluster = owned.as_ref().map(|(cluster, owned)| (*cluster, owned));
    let actions = delete::take_down(&removing.owner(), cluster, view.instances, &remains);
    if actions.is_empty() {
        // AWS has taken all of it.
        return Ok(());
    }
    if !plan.has_room_for(actions.len()) {
        return Err("it waits for the next run, which has room for it".to_owned());
    }
    plan.actions.extend(actions);
    plan.removing.push(removing);
    Ok(())
}

fn event(suspect: &Suspect<'_>, part: &Part<'_>, settings: &Settings, reason: &str) -> events::Event {
    let subject = Subject {
        manager: &settings.manager,
        owner: Some((suspect.stack_id, suspect.logical_id)),
        cluster: part.tag(tag::CLUSTER).unwrap_or_default(),
    };
    events::orphan_found(subject, part.arns(), reason)
}

/// A clone of which nobody can say whether it is wanted.
fn without_a_stack(cluster: &Cluster) -> Option<Finding> {
    let has = |key: &str| cluster.tag(key).is_some_and(|value| !value.is_empty());
    let by_stack = !cluster.tag(tag::STACK_ID).is_some_and(arn::is_command_line);
    let named = by_stack && [tag::STACK_ID, tag::LOGICAL_ID, tag::GENERATION].into_iter().all(has);
    let going = cluster.status.phase() == Phase::Deleting;
    let why = || {
        format!(
            "{} has no stack that CloudFormation could be asked about, by its tags, and goes only when its lease is over.",
            cluster.identifier
        )
    };
    (!named && !going).then(|| finding(cluster, "no stack", why()))
}

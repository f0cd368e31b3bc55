//! Leases: when a clone goes because its time is over, and how people hear of it before.

use chrono::{DateTime, Duration, Utc};

use crate::delete;
use crate::duration::{for_people, format_time, parse_duration, parse_time};
use crate::events::{self, Event, Subject};
use crate::guard::{self, Owned};
use crate::names::tag;
use crate::plan::Action;
use crate::settings::Settings;
use crate::snapshot::{Cluster, Phase};
use crate::tags::Tags;

use super::{Plan, Rules, View, cap, clones, finding, follow, owner_of};

/// How long before it goes a clone is warned about at least, however late the warning comes.
pub const NOTICE: Duration = Duration::hours(1);

/// What is to be done about a clone's lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It has none.
    NoLease,
    /// It goes already.
    Going,
    /// Its end is far away, or people know of it.
    NotYet,
    /// People are to be told of its end.
    Warn(DateTime<Utc>),
    /// It is over, and the warning is not old enough.
    Noticed(DateTime<Utc>),
    /// Its end is later than it may be, which is then.
    Cut(DateTime<Utc>),
    /// Its tag can't be read.
    Unreadable(String),
    /// It is over, and the clone stays for this reason.
    Stays(&'static str),
    /// It is over, since then, and the clone goes.
    Over(DateTime<Utc>),
}

/// What is to be done about the lease of a clone of ours.
pub fn judge(cluster: &Cluster, settings: &Settings, rules: &Rules<'_>, now: DateTime<Utc>) -> Verdict {
    if cluster.status.phase() == Phase::Deleting {
        return Verdict::Going;
    }
    let latest = latest_end(cluster, settings, rules, now);
    let text = cluster.tag(tag::EXPIRES).unwrap_or_default();
    let end = if text.is_empty() { None } else { Some(parse_time(text)) };
    let end = match (end, &latest) {
        (None, Latest { life: None, .. }) => return Verdict::NoLease,
        // A clone without a lease still has a longest life.
        (None, Latest { life: Some(life), .. }) if rules.untouchable(cluster).is_none() => {
            return Verdict::Cut(*life);
        }
        (None, _) => return Verdict::NoLease,
        (Some(Err(error)), _) => return Verdict::Unreadable(error.to_string()),
        (Some(Ok(end)), _) => end,
    };
    if let Some(why) = rules.untouchable(cluster) {
        return if end <= now { Verdict::Stays(why) } else { Verdict::NotYet };
    }
    if let Some(latest) = latest.end().filter(|latest| *latest < end) {
        return Verdict::Cut(latest);
    }
    let told = warned(cluster, end).filter(|when| *when <= now);
    match told {
        None if now < warn_at(cluster, end, rules) => Verdict::NotYet,
        None => Verdict::Warn(end),
        Some(_) if now < end => Verdict::NotYet,
        Some(when) if now - when < NOTICE => Verdict::Noticed(when + NOTICE),
        Some(_) => rules.hindrance(cluster).map_or(Verdict::Over(end), Verdict::Stays),
    }
}

/// The latest ends that a clone's lease may have, in whole seconds as the tag holds them.
struct Latest {
    /// By the operator's longest lease.
    lease: Option<DateTime<Utc>>,
    /// By the longest life of a clone.
    life: Option<DateTime<Utc>>,
}

impl Latest {
    fn end(&self) -> Option<DateTime<Utc>> {
        self.lease.into_iter().chain(self.life).min()
    }
}

fn latest_end(cluster: &Cluster, settings: &Settings, rules: &Rules<'_>, now: DateTime<Utc>) -> Latest {
    let whole = |time: DateTime<Utc>| parse_time(&format_time(time)).unwrap_or(time);
    let after = |time: DateTime<Utc>, span| time.checked_add_signed(span).map(whole);
    let life = cluster.tag(tag::ROOT).and_then(|root| rules.max_lifetime(root)).zip(cluster.created_at);
    Latest {
        lease: settings.max_lease.and_then(|span| after(now, span)),
        life: life.and_then(|(span, made)| after(made, span)),
    }
}

/// When people are told: a while before the end, but not in the first three quarters of the lease.
fn warn_at(cluster: &Cluster, end: DateTime<Utc>, rules: &Rules<'_>) -> DateTime<Utc> {
    let given = cluster.tag(tag::LEASE).and_then(|text| parse_duration(text).ok());
    let lease = given.or_else(|| Some(end.signed_duration_since(cluster.created_at?)));
    let quarter = lease.map_or(rules.lease_warning, |lease| lease / 4);
    let before = rules.lease_warning.min(quarter).max(Duration::zero());
    end.checked_sub_signed(before).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// When people were told of this very end.
fn warned(cluster: &Cluster, end: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (about, when) = cluster.tag(tag::WARNED)?.split_once('@')?;
    if about == format_time(end) { parse_time(when).ok() } else { None }
}

/// What the tag says of a warning. Seconds are cut off, so it is never of a later time than it was written at.
fn warning(end: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{}@{}", format_time(end), format_time(now))
}

/// Adds to a plan what leases ask for: warnings and cuts, and the end of those that are over, the oldest first.
pub(super) fn sweep(
    plan: &mut Plan,
    view: &View<'_>,
    settings: &Settings,
    rules: &Rules<'_>,
    now: DateTime<Utc>,
) {
    let clones = clones(view.clusters, settings);
    let (mut over, mut tagging) = (Vec::new(), Vec::new());
    let most = cap(clones.len(), rules.max_deletions);
    // Who began it may have died before anybody followed it, and then its secret and key would stay.
    let going = clones.iter().copied().filter(|c| c.status.phase() == Phase::Deleting);
    for cluster in going.filter(|c| guard::prove_leased(c, settings, now).is_ok()).take(most) {
        let end = cluster.tag(tag::EXPIRES).and_then(|text| parse_time(text).ok());
        let told = end.and_then(|end| warned(cluster, end)).is_some_and(|when| now - when >= NOTICE);
        let removing = follow::Removing::of_lease(cluster, view, settings);
        if told
            && rules.untouchable(cluster).is_none()
            && !removing.remains(view.secrets, view.keys).is_empty()
        {
            plan.removing.push(removing);
        }
    }
    for cluster in &clones {
        let id = &cluster.identifier;
        match judge(cluster, settings, rules, now) {
            Verdict::NoLease | Verdict::Going | Verdict::NotYet => {}
            Verdict::Noticed(until) => {
                let why = format!(
                    "The lease of {id} is over; it goes after {}, an hour after the warning.",
                    format_time(until)
                );
                plan.findings.push(finding(cluster, "lease over", why));
            }
            Verdict::Warn(end) => tagging.push((*cluster, tag::WARNED, warning(end, now), Some(end))),
            Verdict::Cut(end) => {
                let why = format!(
                    "The lease of {id} is cut back to {}: no clone of {} may live longer.",
                    format_time(end),
                    cluster.tag(tag::ROOT).unwrap_or_default()
                );
                plan.findings.push(finding(cluster, "lease cut", why));
                tagging.push((*cluster, tag::EXPIRES, format_time(end), None));
            }
            Verdict::Unreadable(error) => {
                let why = format!("The lease of {id} can't be read, so it does not end: {error}.");
                plan.findings.push(finding(cluster, "lease unreadable", why));
            }
            Verdict::Stays(why) => {
                let why = format!("The lease of {id} is over, and it stays: {why}.");
                plan.findings.push(finding(cluster, "lease over", why));
            }
            Verdict::Over(end) => over.push((end, *cluster)),
        }
    }
    over.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.identifier.cmp(&y.identifier)));
    let resumed = plan.removing.len();
    for (begun, (_, cluster)) in over.into_iter().enumerate() {
        if resumed + begun >= most || !end(plan, cluster, view, settings, now) {
            let why = format!(
                "The lease of {} is over; it waits for a later run, since one run ends at most {most}.",
                cluster.identifier
            );
            plan.findings.push(finding(cluster, "lease over", why));
        }
    }
    for (cluster, key, value, expiring) in tagging {
        let Ok(owned) = guard::prove_own(cluster, settings) else { continue };
        if plan.has_room_for(1) {
            plan.actions.push(tagged(owned, cluster, key, value));
            plan.events.extend(expiring.map(|end| event(cluster, settings, end, now)));
        }
    }
}

/// Begins to take a clone away; `false` if it does not fit into this run.
fn end(plan: &mut Plan, cluster: &Cluster, view: &View<'_>, settings: &Settings, now: DateTime<Utc>) -> bool {
    let Ok(owned) = guard::prove_leased(cluster, settings, now) else { return false };
    let removing = follow::Removing::of_lease(cluster, view, settings);
    let remains = removing.remains(view.secrets, view.keys);
    let actions = delete::take_down(&removing.owner(), Some((cluster, &owned)), view.instances, &remains);
    if !plan.has_room_for(actions.len()) {
        return false;
    }
    plan.actions.extend(actions);
    plan.removing.push(removing);
    true
}

fn tagged(owned: Owned, cluster: &Cluster, key: &str, value: String) -> Action {
    Action::Tag {
        cluster: owned,
        arn: cluster.arn.clone(),
        set: Tags::from([(key.to_owned(), value)]),
        remove: Vec::new(),
    }
}

fn event(cluster: &Cluster, settings: &Settings, end: DateTime<Utc>, now: DateTime<Utc>) -> Event {
    let owner = owner_of(cluster);
    let subject = Subject {
        manager: &settings.manager,
        owner: owner.as_ref().map(|(stack, logical)| (stack.as_str(), logical.as_str())),
        cluster: &cluster.identifier,
    };
    let renew = format!(
        "{} is deleted with its secret after {}. To keep it for longer, set its tag {} to a later time, or invoke the maintainer \
         with {{\"renew\": {{\"cluster\": \"{0}\", \"for\": \"P2D\"}}}}.",
        cluster.identifier,
        format_time(end.max(now + NOTICE)),
        tag::EXPIRES,
    );
    events::expiring(subject, &cluster.arn, &format_time(end), &renew)
}

/// Renews the lease of a clone: it ends `lasting` from now, or as late as it may. The tag that says so, and the new end.
pub fn renew(
    cluster: &Cluster,
    lasting: Duration,
    settings: &Settings,
    rules: &Rules<'_>,
    now: DateTime<Utc>,
) -> Result<(Action, DateTime<Utc>), String> {
    let id = &cluster.identifier;
    let owned = guard::prove_own(cluster, settings).map_err(|not_ours| not_ours.to_string())?;
    if cluster.status.phase() == Phase::Deleting {
        return Err(format!("{id} is being deleted already"));
    }
    if let Some(why) = rules.untouchable(cluster) {
        return Err(format!("{id} is never touched, and does not go by its lease: {why}"));
    }
    let text = cluster.tag(tag::EXPIRES).unwrap_or_default();
    if text.is_empty() {
        return Err(format!("{id} has no lease that could be renewed"));
    }
    if lasting <= Duration::zero() {
        return Err(format!(
            "a lease of {} s is none: name a positive duration such as P2D",
            lasting.num_seconds()
        ));
    }
    let wanted = now.checked_add_signed(lasting).ok_or_else(|| "the duration is too long".to_owned())?;
    let end = latest_end(cluster, settings, rules, now).end().map_or(wanted, |latest| latest.min(wanted));
    if end <= now {
        return Err(format!(
            "{id} can't be renewed: no clone of {} may live longer than until {}",
            cluster.tag(tag::ROOT).unwrap_or_default(),
            format_time(end)
        ));
    }
    if parse_time(text).is_ok_and(|has| has >= end) {
        return Err(format!(
            "the lease of {id} ends at {text}, and {} from now would be no later",
            for_people(end - now)
        ));
    }
    Ok((tagged(owned, cluster, tag::EXPIRES, format_time(end)), end))
}

//! What a scenario says: who asks for clones of what, how often and for how long, and by which policy the pools are kept.
//!
//! Read as strictly as the maintenance configuration, and by the same reader: a policy that is chosen by a scenario that was half
//! understood is chosen by chance.

use aurora_clone_core::duration::{format_duration, parse_duration, parse_time};
use aurora_clone_core::event::shown;
use aurora_clone_core::identifier;
use aurora_clone_core::names::env;
use aurora_clone_core::pool::config::fields::{Fields, Given, Refused};
use aurora_clone_core::pool::config::json::{self, item};
use aurora_clone_core::pool::config::keys::Key;
use aurora_clone_core::pool::config::{Maintenance, Problem};
use aurora_clone_core::properties::is_instance_class;
use aurora_clone_core::settings::Settings;
use chrono::{DateTime, Duration, NaiveTime, Utc};
use serde_json::{Value, json};

use super::demand::{Lifetime, Profile};
use crate::account::MANAGER;

const fn key(name: &'static str) -> Key {
    Key { name, predecessor: None }
}

/// Keys of the document.
pub const DOCUMENT: [Key; 11] = [
    key("days"),
    key("seed"),
    key("start"),
    key("max-clones-per-source"),
    key("slot-margin"),
    key("max-copy-age"),
    key("full-copy-time"),
    key("max-lease"),
    key("maintain-at"),
    key("sources"),
    key("maintenance"),
];

/// Keys of each item of `sources`.
pub const SOURCE: [Key; 9] = [
    key("cluster-id"),
    key("clones-per-day"),
    key("profile"),
    key("lifetime"),
    key("clones-of-others"),
    key("volume-gib"),
    key("instance-class"),
    key("on-no-slot"),
    key("lease"),
];

/// Keys of a `lifetime`.
pub const LIFETIME: [Key; 3] = [key("from"), key("to"), key("mean")];

const MAX_DAYS: u32 = 400;
const MAX_SOURCES: usize = 20;
/// So many that a volume's slots turn over every few minutes; more would only take time to play.
const MAX_CLONES_PER_DAY: f64 = 500.0;
/// A Monday, so that weeks are whole.
const START: &str = "2026-06-22T00:00:00Z";

/// A scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// How long it is.
    pub days: u32,
    /// The seed of all chance.
    pub seed: u64,
    /// When the first clones are asked for.
    pub start: DateTime<Utc>,
    /// What the operator set.
    pub settings: Settings,
    /// When the pools are maintained, by the time of the day in UTC.
    pub maintain_at: Vec<NaiveTime>,
    /// The sources.
    pub sources: Vec<Source>,
    /// The maintenance configuration, as it is written.
    pub document: Value,
    /// The same as the maintainer reads it.
    pub maintenance: Maintenance,
}

/// A source, and what is asked of it.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its identifier.
    pub id: String,
    /// Clones that are asked for on a day, on average.
    pub clones_per_day: f64,
    /// When in the week.
    pub profile: Profile,
    /// How long a clone is needed, from when it is usable.
    pub lifetime: Lifetime,
    /// Slots that others have taken.
    pub clones_of_others: u32,
    /// The size of its volume, where the maintenance configuration does not say it.
    pub volume_gib: Option<f64>,
    /// `InstanceClass` of the clones.
    pub instance_class: Option<String>,
    /// `OnNoSlot` of the clones.
    pub on_no_slot: OnNoSlot,
    /// `ExpiresAfter` of the clones.
    pub lease: Option<Duration>,
}

/// What a clone is to do that finds no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnNoSlot {
    /// `Fail`
    Fail,
    /// `Wait`
    Wait,
    /// `Copy`
    Copy,
}

impl OnNoSlot {
    const ALL: [Self; 3] = [Self::Fail, Self::Wait, Self::Copy];

    /// As a template writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "Fail",
            Self::Wait => "Wait",
            Self::Copy => "Copy",
        }
    }
}

/// A scenario to begin with.
pub fn example() -> Value {
    json!({
        "days": 90,
        "seed": 1,
        "sources": [{
            "cluster-id": "prod",
            "clones-per-day": 20,
            "profile": "working-hours",
            "lifetime": { "from": "PT2H", "to": "P2D" },
            "clones-of-others": 3,
            "on-no-slot": "Wait"
        }],
        "maintenance": {
            "clusters": [{
                "cluster-id": "prod",
                "target-clone-slots": 30,
                "max-copies": 8,
                "volume-gib": 800
            }]
        }
    })
}

/// Reads a file's text as JSON, and notes keys that are there twice.
pub fn json(text: &str) -> Result<Value, Vec<Problem>> {
    let mut problems = Vec::new();
    match json::read(text, &mut problems) {
        Ok(value) if problems.is_empty() => Ok(value),
        Ok(_) => Err(problems),
        Err(error) => Err(vec![Problem::new("", format!("it is not JSON: {error}"))]),
    }
}

/// Reads a scenario, and reports all that is wrong with it at once.
pub fn read(value: &Value) -> Result<Scenario, Vec<Problem>> {
    let mut problems = Vec::new();
    match document(value, &mut problems) {
        Ok(scenario) if problems.is_empty() => Ok(scenario),
        _ => Err(problems),
    }
}

fn document(value: &Value, problems: &mut Vec<Problem>) -> Result<Scenario, Refused> {
    let settings = settings(value, problems);
    let mut fields = Fields::of(value, String::new(), &DOCUMENT, problems)?;
    let days = fields.whole("days", 1..=MAX_DAYS);
    let seed = fields.whole("seed", 0..=u32::MAX);
    let start = fields.read("start", |value| {
        let time = value.as_str().and_then(|text| parse_time(text).ok());
        time.ok_or_else(|| "takes a time such as 2026-06-22T00:00:00Z".to_owned())
    });
    let maintain_at = fields.texts("maintain-at", 1..=24, |text| time_of_day(text).map(drop));
    let sources = fields
        .parts("sources", |value, path, problems| sources(value, &path, settings.as_ref().ok(), problems));
    let sources = fields.needed("sources", sources, "needed, with a list of the sources that are cloned");
    let written = fields.parts("maintenance", |value, _, _| Ok(value.clone()));
    let written =
        fields.needed("maintenance", written, "needed, with a maintenance configuration: docs/pool.md");
    let settings = settings?;
    let (maintenance, written, sources) = (written.as_ref().ok(), &written, sources?);
    let maintenance = match maintenance {
        Some(written) => maintenance_of(written, &sources, &settings, fields.problems()),
        None => Err(Refused),
    };
    let times = maintain_at?.unwrap_or_else(|| vec!["02:00".to_owned()]);
    Ok(Scenario {
        days: days?.unwrap_or(90),
        seed: u64::from(seed?.unwrap_or(1)),
        start: start?.or_else(|| parse_time(START).ok()).unwrap_or_default(),
        settings,
        maintain_at: times.iter().filter_map(|text| time_of_day(text).ok()).collect(),
        sources,
        maintenance: maintenance?,
        document: written.clone().unwrap_or_default(),
    })
}

/// The operator's settings, each by the name that it has in the maintenance configuration or, in kebab-case, in the template.
fn settings(value: &Value, problems: &mut Vec<Problem>) -> Result<Settings, Refused> {
    let names = [
        (env::MAX_CLONES_PER_SOURCE, "max-clones-per-source"),
        (env::SLOT_MARGIN, "slot-margin"),
        (env::MAX_COPY_AGE, "max-copy-age"),
        (env::FULL_COPY_TIME, "full-copy-time"),
        (env::MAX_LEASE, "max-lease"),
    ];
    let given = |name: &str| match value.get(name)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let settings = Settings::read(|variable| match variable {
        env::MANAGER => Some(MANAGER.to_owned()),
        _ => names.iter().find(|(name, _)| *name == variable).and_then(|(_, key)| given(key)),
    });
    settings.map_err(|error| {
        let text = error.to_string();
        // The setting's own words, under the scenario's name for it.
        let name = names.iter().find(|(name, _)| text.contains(&format!(" {name} ")));
        let said = text.split_once(" is ").map_or(text.as_str(), |(_, said)| said);
        let said = names.iter().fold(said.to_owned(), |said, (name, key)| said.replace(name, key));
        problems.push(Problem::new(name.map_or("", |(_, key)| key), format!("it is {said}")));
        Refused
    })
}

fn time_of_day(text: &str) -> Result<NaiveTime, String> {
    let time = Some(text).filter(|text| text.len() == 5);
    let time = time.and_then(|text| NaiveTime::parse_from_str(text, "%H:%M").ok());
    time.ok_or_else(|| "takes a time of the day in UTC such as 02:00".to_owned())
}

fn maintenance_of(
    written: &Value,
    sources: &[Source],
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Result<Maintenance, Refused> {
    let under =
        |path: &str| if path.is_empty() { "maintenance".to_owned() } else { format!("maintenance.{path}") };
    let maintenance = Maintenance::parse(&written.to_string(), settings).map_err(|found| {
        problems.extend(found.into_iter().map(|problem| Problem::new(under(&problem.path), problem.message)));
        Refused
    })?;
    let before = problems.len();
    for (index, wanted) in maintenance.sources.iter().enumerate() {
        if !sources.iter().any(|source| source.id == wanted.source) {
            let path = format!("{}.cluster-id", item(&under("clusters"), index));
            let message = format!("it is {:?} and takes the cluster-id of one of sources", wanted.source);
            problems.push(Problem::new(path, message));
        }
    }
    if problems.len() == before { Ok(maintenance) } else { Err(Refused) }
}

fn sources(
    value: &Value,
    path: &str,
    settings: Option<&Settings>,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Source>, Refused> {
    let list = value.as_array().filter(|list| (1..=MAX_SOURCES).contains(&list.len()));
    let Some(list) = list else {
        let message = format!("it is {} and takes a list of 1 to {MAX_SOURCES} sources", shown(Some(value)));
        problems.push(Problem::new(path, message));
        return Err(Refused);
    };
    let read: Vec<_> = list
        .iter()
        .enumerate()
        .map(|(index, value)| source(value, item(path, index), settings, problems))
        .collect();
    let read: Vec<Source> = read.into_iter().collect::<Result<_, _>>()?;
    for (index, source) in read.iter().enumerate() {
        if read.iter().take(index).any(|earlier| earlier.id == source.id) {
            let path = format!("{}.cluster-id", item(path, index));
            problems.push(Problem::new(path, format!("it is {:?}, as an earlier one", source.id)));
        }
    }
    Ok(read)
}

fn source(
    value: &Value,
    path: String,
    settings: Option<&Settings>,
    problems: &mut Vec<Problem>,
) -> Result<Source, Refused> {
    const ID: &str = "takes a cluster's identifier: 1 to 63 lower-case letters, digits and single hyphens, a letter first \
                      and no hyphen last";
    const LIFE: &str = "takes an ISO 8601 duration such as PT8H, {\"from\": …, \"to\": …} or {\"mean\": …}";
    const RATE: &str = "needed: how many clones are asked for on a day";
    let mut fields = Fields::of(value, path, &SOURCE, problems)?;
    let id = fields.text("cluster-id", |text| identifier::validate(text).is_ok(), ID);
    let id = fields.needed("cluster-id", id, ID);
    let rate = fields.number("clones-per-day", true, MAX_CLONES_PER_DAY);
    let rate = fields.needed("clones-per-day", rate, RATE);
    let profile = fields.read("profile", |value| {
        let known = Profile::ALL.into_iter().find(|profile| value.as_str() == Some(profile.as_str()));
        known.ok_or_else(|| format!("takes one of {}", Profile::ALL.map(Profile::as_str).join(", ")))
    });
    let lifetime = fields.parts("lifetime", lifetime);
    let lifetime = fields.needed("lifetime", lifetime, LIFE);
    let others = fields.whole("clones-of-others", 0..=15);
    let volume = fields.number("volume-gib", false, 262_144.0);
    let class = fields.text(
        "instance-class",
        |class| class == "auto" || is_instance_class(class),
        "takes auto, db.serverless, or a class such as db.r6g.large",
    );
    let on_no_slot = fields.read("on-no-slot", |value| {
        let known = OnNoSlot::ALL.into_iter().find(|one| value.as_str() == Some(one.as_str()));
        known.ok_or_else(|| "takes Fail, Wait or Copy".to_owned())
    });
    let longest = settings.and_then(|settings| settings.max_lease);
    let lease = fields.duration("lease", Duration::hours(1), longest);
    Ok(Source {
        id: id?,
        clones_per_day: rate?,
        profile: profile?.unwrap_or(Profile::Even),
        lifetime: lifetime?,
        clones_of_others: others?.unwrap_or(0),
        volume_gib: volume?,
        instance_class: class?,
        on_no_slot: on_no_slot?.unwrap_or(OnNoSlot::Fail),
        lease: lease?,
    })
}

fn lifetime(value: &Value, path: String, problems: &mut Vec<Problem>) -> Result<Lifetime, Refused> {
    const LEAST: i64 = 1;
    if let Some(text) = value.as_str() {
        let fixed = parse_duration(text).ok().filter(|span| span.num_minutes() >= LEAST);
        return fixed.map(|span| Lifetime::Between(span, span)).ok_or_else(|| {
            let message = format!(
                "it is {} and takes an ISO 8601 duration such as PT8H, of at least a minute",
                shown(Some(value))
            );
            problems.push(Problem::new(path, message));
            Refused
        });
    }
    let mut fields = Fields::of(value, path, &LIFETIME, problems)?;
    let least = Duration::minutes(LEAST);
    let mut read = |name| -> Given<Duration> { fields.duration(name, least, None) };
    let (from, to, mean) = (read("from")?, read("to")?, read("mean")?);
    match (from, to, mean) {
        (Some(from), Some(to), None) if from <= to => Ok(Lifetime::Between(from, to)),
        (None, None, Some(mean)) => Ok(Lifetime::Mean(mean)),
        (Some(from), Some(_), None) => {
            fields.refuse("to", &format!("must be at least from, which is {}", format_duration(from)));
            Err(Refused)
        }
        (_, _, Some(_)) => {
            fields.refuse("mean", "goes without from and to");
            Err(Refused)
        }
        (from, _, None) => {
            let name = if from.is_none() { "from" } else { "to" };
            fields.refuse(name, "is needed: a lifetime has from and to, or mean");
            Err(Refused)
        }
    }
}

//! A quarter of a year of an account, told from a seed: six sources, people who clone, delete, rename and tag by hand, and thirty
//! clones a day. The handler and the maintainer are the real ones; nobody waits, time is tokio's.
//!
//! It exists because a pool's faults show in weeks, not in flows: slots that run out on a busy day, copies that pile up, what people
//! do in between. What came of it is `docs/quarter.md`, and a few days of it are a test.

mod bystanders;
mod cast;
mod clones;
mod figures;
mod people;
pub mod plot;
pub mod table;
mod truth;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

use aurora_clone_core::names::{env, maintain};
use aurora_clone_core::pool::config::SourceConfig;
use aurora_clone_sim::Config;
use aurora_clone_sim::rng::Rng;
use chrono::{DateTime, Duration, Utc};
use serde_json::json;

pub use self::cast::{Member, OPERATOR, members};
pub use self::clones::{Asked, Outcome};
pub use self::figures::Figures;
pub use self::watch::{Sample, Told};
use crate::pools::{MAINTAINER, Pools};

/// What a telling is made by: the same story is the same run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Story {
    /// How long it is.
    pub days: i64,
    /// Clusters of others.
    pub bystanders: usize,
    /// Clones that are asked for on a day, on average.
    pub clones_a_day: f64,
    /// How often people do something by hand, against the usual.
    pub hands: f64,
    /// `max-copy-age` of every source.
    pub max_copy_age: &'static str,
    /// The seed of all chance.
    pub seed: u64,
}

impl Story {
    /// The whole.
    pub const QUARTER: Self = Self {
        days: 90,
        bystanders: 194,
        clones_a_day: 30.0,
        hands: 1.0,
        max_copy_age: "P3D",
        seed: 20_260_621,
    };
    /// As much of it as a test can wait for: copies age in half a day, so that they are replaced and purged.
    pub const FEW_DAYS: Self = Self {
        days: 2,
        bystanders: 14,
        clones_a_day: 16.0,
        hands: 5.0,
        max_copy_age: "PT12H",
        ..Self::QUARTER
    };
}

/// What happens at a certain time because the story says so.
#[derive(Debug, Clone)]
enum Deed {
    /// Somebody asks for a clone.
    Ask,
    /// A stack is updated.
    Update(usize),
    /// A stack is not needed any more.
    End(usize),
    /// People at work.
    ByHand,
    /// People take back what they did, or go on with it.
    Later(people::Later),
    /// Something is left that no stack owns.
    Debris,
    /// The operator wants more or fewer free slots of the first source.
    Target(u32),
    /// What has to hold at every hour is looked at.
    Hour,
}

/// Who tells it.
struct Teller {
    story: Story,
    begin: DateTime<Utc>,
    pools: Pools,
    /// The configuration as it is now.
    sources: Vec<SourceConfig>,
    rng: Rng,
    agenda: BTreeMap<(DateTime<Utc>, u64), Deed>,
    deeds: u64,
    asked: Vec<Asked>,
    /// Resource ids of clusters that people made, while nobody of them has deleted them.
    by_people: BTreeSet<String>,
    /// Resource ids of the product's clones that people deleted or renamed.
    lost_to_people: BTreeSet<String>,
    debris: Vec<String>,
    people: people::Count,
    watch: watch::Watch,
}

/// Tells the story and says what came of it; panics where something happened that never may. `progress` hears of every day.
pub async fn tell(story: &Story, progress: impl Fn(&str)) -> Told {
    let config = Config { forgetful: true, seed: story.seed, ..Config::default() };
    let config = cast::roomy(config);
    let begin = config.start;
    let configuration = cast::configuration(story, None);
    let pools =
        Pools::with(config, OPERATOR, &configuration, |world| bystanders::furnish(world, story.bystanders));
    schedule(&pools, begin);
    let watch = watch::Watch::begin(&pools);
    let mut teller = Teller {
        story: *story,
        begin,
        pools,
        sources: cast::parse(&configuration),
        rng: Rng::new(story.seed),
        agenda: BTreeMap::new(),
        deeds: 0,
        asked: Vec::new(),
        by_people: BTreeSet::new(),
        lost_to_people: BTreeSet::new(),
        debris: Vec::new(),
        people: people::Count::default(),
        watch,
    };
    teller.begin();
    let end = begin + Duration::days(story.days);
    let mut day = 0;
    while let Some(((at, _), deed)) = teller.agenda.pop_first() {
        if at > end {
            break;
        }
        teller.pools.sim.sleep_until(at).await;
        teller.act(deed);
        if (at - begin).num_days() > day {
            day = (at - begin).num_days();
            progress(&format!("day {day}: {}", teller.line()));
        }
    }
    teller.end()
}

/// The schedules of the template: a run at two in the morning, and a sweep every quarter of an hour.
fn schedule(pools: &Pools, begin: DateTime<Utc>) {
    pools.sim.with(|world| {
        let night = begin + Duration::hours(2);
        world.schedule(MAINTAINER, night, Duration::days(1), json!({ "schedule": maintain::MAINTAIN }));
        let often = Duration::minutes(15);
        world.schedule(MAINTAINER, begin + often, often, json!({ "schedule": maintain::SWEEP }));
    });
}

impl Teller {
    fn begin(&mut self) {
        let hour = Duration::hours(1);
        self.add(self.begin + hour, Deed::Hour);
        self.add(self.begin + hour, Deed::Ask);
        self.add(self.begin + hour * 12, Deed::ByHand);
        self.add(self.begin + hour * 30, Deed::Debris);
        let third = Duration::days(self.story.days) / 3;
        let usual = self.sources[0].target;
        self.add(self.begin + third, Deed::Target(usual + 14));
        self.add(self.begin + third * 2, Deed::Target(usual));
    }

    fn add(&mut self, at: DateTime<Utc>, deed: Deed) {
        self.deeds += 1;
        self.agenda.insert((at, self.deeds), deed);
    }

    fn now(&self) -> DateTime<Utc> {
        self.pools.sim.now()
    }

    /// The time until something happens that happens so often on a day, by chance.
    fn gap(&mut self, a_day: f64) -> Duration {
        let chance = (self.rng.between(1, 1_000_000) as f64) / 1_000_000.0;
        let seconds = -chance.ln() * 86_400.0 / a_day;
        Duration::seconds(1 + seconds as i64)
    }

    fn hours(&mut self, from: u64, to: u64) -> Duration {
        Duration::minutes(self.rng.between(from * 60, to * 60) as i64)
    }

    fn act(&mut self, deed: Deed) {
        let now = self.now();
        match deed {
            Deed::Ask => {
                self.ask();
                let next = now + self.gap(self.story.clones_a_day);
                self.add(next, Deed::Ask);
            }
            Deed::Update(number) => self.update(number),
            Deed::End(number) => self.end_stack(number),
            Deed::ByHand => {
                self.by_hand();
                let next = now + self.gap(people::A_DAY * self.story.hands);
                self.add(next, Deed::ByHand);
            }
            Deed::Later(later) => self.later_on(later),
            Deed::Debris => {
                self.leave_debris();
                self.add(now + Duration::hours(24 * 12 + 5), Deed::Debris);
            }
            Deed::Target(slots) => {
                let configuration = cast::configuration(&self.story, Some(slots));
                self.pools.configure(&configuration);
                self.sources = cast::parse(&configuration);
            }
            Deed::Hour => {
                self.hour();
                self.add(now + Duration::hours(1), Deed::Hour);
            }
        }
    }
}

/// The margin that the operator keeps: other people clone as well.
const MARGIN: (&str, &str) = (env::SLOT_MARGIN, "1");

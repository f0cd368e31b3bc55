//! When clones are asked for, and for how long they are needed: by chance, from a seed, and whatever the pool is like. Two policies
//! are compared by the very same demand.

use aurora_clone_sim::rng::Rng;
use chrono::{DateTime, Datelike as _, Duration, Timelike as _, Utc, Weekday};

use super::scenario::Scenario;

/// When in the week clones are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// At any time.
    Even,
    /// Nearly all of them from Monday to Friday, 08:00 to 18:00 UTC.
    WorkingHours,
    /// Nearly all of them from 20:00 to 06:00 UTC, as tests that run in the night.
    Nights,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Even, Self::WorkingHours, Self::Nights];

    /// As a scenario writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Even => "even",
            Self::WorkingHours => "working-hours",
            Self::Nights => "nights",
        }
    }

    /// How busy an hour is, from 0 to 1.
    fn weight(self, day: Weekday, hour: u32) -> f64 {
        const QUIET: f64 = 0.04;
        let busy = match self {
            Self::Even => true,
            Self::WorkingHours => day.num_days_from_monday() < 5 && (8..18).contains(&hour),
            Self::Nights => !(6..20).contains(&hour),
        };
        if busy { 1.0 } else { QUIET }
    }

    /// The mean of a week.
    fn mean(self) -> f64 {
        let days = [
            Weekday::Mon,
            Weekday::Tue,
            Weekday::Wed,
            Weekday::Thu,
            Weekday::Fri,
            Weekday::Sat,
            Weekday::Sun,
        ];
        let hours = days.into_iter().flat_map(|day| (0..24).map(move |hour| self.weight(day, hour)));
        hours.sum::<f64>() / (7.0 * 24.0)
    }
}

/// How long a clone is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Anything between the two.
    Between(Duration, Duration),
    /// Many short ones and a few long ones, so long on average.
    Mean(Duration),
}

impl Lifetime {
    fn draw(self, rng: &mut Rng) -> Duration {
        let seconds = |span: Duration| u64::try_from(span.num_seconds()).unwrap_or(0);
        match self {
            Self::Between(from, to) => Duration::seconds(
                rng.between(seconds(from), seconds(to)).try_into().unwrap_or(i64::MAX / 1_000),
            ),
            Self::Mean(mean) => {
                let seconds = exponential(rng) * mean.num_seconds() as f64;
                Duration::seconds((seconds as i64).max(60))
            }
        }
    }
}

/// A clone that will be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// When.
    pub at: DateTime<Utc>,
    /// How long it is needed, once it is usable.
    pub life: Duration,
}

/// What is asked of the source of this number, in order of time.
pub fn wishes(scenario: &Scenario, number: usize) -> Vec<Wish> {
    let source = &scenario.sources[number];
    let mut wishes = Vec::new();
    if source.clones_per_day <= 0.0 {
        return wishes;
    }
    // A generator of its own for each source, so that one more source changes nothing of the others.
    let mut rng = Rng::new(scenario.seed.wrapping_mul(1_000_003).wrapping_add(number as u64 + 1));
    let end = scenario.start + Duration::days(i64::from(scenario.days));
    let busiest = source.clones_per_day / source.profile.mean();
    let mut at = scenario.start;
    loop {
        let seconds = exponential(&mut rng) * 86_400.0 / busiest;
        at += Duration::seconds(1 + seconds as i64);
        if at >= end {
            return wishes;
        }
        // In quiet hours only some of those remain that would be asked for in busy ones.
        if chance(&mut rng) <= source.profile.weight(at.weekday(), at.hour()) {
            wishes.push(Wish { at, life: source.lifetime.draw(&mut rng) });
        }
    }
}

/// Above 0 and at most 1.
fn chance(rng: &mut Rng) -> f64 {
    rng.between(1, 1_000_000) as f64 / 1_000_000.0
}

/// By the exponential distribution of mean 1, which is what independent arrivals are apart.
fn exponential(rng: &mut Rng) -> f64 {
    -chance(rng).ln()
}

#[cfg(test)]
mod tests {
    use super::{Profile, wishes};
    use crate::play::scenario::{example, read};
    use chrono::{Datelike as _, Duration, Timelike as _};

    #[test]
    fn as_many_are_asked_for_as_the_scenario_says_and_when_it_says() {
        for profile in Profile::ALL {
            let mut value = example();
            value["sources"][0]["profile"] = profile.as_str().into();
            let scenario = read(&value).unwrap();
            let wishes = wishes(&scenario, 0);
            let a_day = wishes.len() as f64 / 90.0;
            assert!((18.0..22.0).contains(&a_day), "{profile:?}: {a_day}");
            assert!(wishes.windows(2).all(|pair| pair[0].at <= pair[1].at));
            let lives = || wishes.iter().map(|wish| wish.life);
            assert!(lives().all(|life| life >= Duration::hours(2) && life <= Duration::days(2)));
            let in_hours = |wish: &&super::Wish| {
                wish.at.weekday().num_days_from_monday() < 5 && (8..18).contains(&wish.at.hour())
            };
            let share = wishes.iter().filter(in_hours).count() as f64 / wishes.len() as f64;
            let expected = match profile {
                Profile::Even => 0.27..0.33,
                Profile::WorkingHours => 0.88..0.95,
                Profile::Nights => 0.0..0.05,
            };
            assert!(expected.contains(&share), "{profile:?}: {share}");
        }
    }
}

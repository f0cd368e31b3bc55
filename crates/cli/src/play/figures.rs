//! What came of a scenario, in figures.

use aurora_clone_core::pool::config::{Prices, SourceConfig};
use chrono::{DateTime, Duration, Utc};

use super::manager::Happening;

/// A database that is begun so long after it was asked for has waited for a slot.
const WAITED: Duration = Duration::minutes(2);

/// What became of a clone that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// CloudFormation still waits.
    Open,
    /// It is usable.
    Usable {
        /// When its database was begun.
        begun: DateTime<Utc>,
        /// When CloudFormation had the answer.
        usable: DateTime<Utc>,
        /// It is a full copy, since there was no slot.
        full_copy: bool,
    },
    /// There was no slot for it.
    Refused,
    /// It failed for another reason.
    Failed(String),
}

/// A clone that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// When.
    pub at: DateTime<Utc>,
    /// What became of it.
    pub outcome: Outcome,
}

/// A source at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub time: DateTime<Utc>,
    /// Slots that a Create could take.
    pub free: usize,
    /// Slots that are taken, by anybody.
    pub used: usize,
    /// Copies, in any status.
    pub copies: usize,
    /// The manager's clones.
    pub clones: usize,
    /// Those of them that are full copies.
    pub full_copies: usize,
}

/// What came of one source.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Its identifier.
    pub source: String,
    /// Its pool as it is configured; `None` where it has none.
    pub policy: Option<SourceConfig>,
    /// What its copies cost.
    pub prices: Prices,
    /// Every clone that was asked for, in order of time.
    pub asked: Vec<Asked>,
    /// One for every hour.
    pub samples: Vec<Sample>,
    /// Copies that were begun.
    pub begun: usize,
    /// Copies that are gone.
    pub purged: usize,
}

/// What came of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// When the first clones were asked for, and the end.
    pub time: (DateTime<Utc>, DateTime<Utc>),
    /// Each source, in the scenario's order.
    pub courses: Vec<Course>,
    /// What the maintainer did, in order of time.
    pub happenings: Vec<Happening>,
}

/// The figures of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Clones that were asked for.
    pub asked: usize,
    /// Those that became usable.
    pub usable: usize,
    /// Those of them that had to wait for a slot.
    pub waited: usize,
    /// Those of them that are full copies, since there was no slot.
    pub full_copies: usize,
    /// Those for which there was no slot.
    pub refused: usize,
    /// Those that failed for another reason.
    pub failed: usize,
    /// Those that were in the making at the end.
    pub open: usize,
    /// The time from the request until the clone is usable: of half of them, of 95 % of them, and the longest.
    pub until_usable: Option<[Duration; 3]>,
    /// The fewest free slots at any hour.
    pub free_min: usize,
    /// Free slots on average.
    pub free_mean: f64,
    /// Copies on average.
    pub copies_mean: f64,
    /// The most copies at any hour.
    pub copies_max: usize,
    /// Copies that were begun.
    pub begun: usize,
    /// Copies that are gone.
    pub purged: usize,
    /// What copies, and clones that are full copies, cost in a month on average; `None` while the volume's size is not known.
    pub monthly_cost: Option<f64>,
}

impl Figures {
    /// Whether every clone got a slot at once, as far as it is known.
    pub fn is_smooth(&self) -> bool {
        self.waited + self.refused + self.failed + self.full_copies == 0
    }
}

impl Course {
    /// What the copies at one time cost in a month.
    pub fn monthly_cost(&self, copies: f64, full_copies: f64) -> Option<f64> {
        let volume = self.prices.volume_gib? * self.prices.gib_month;
        // The instances of clones are theirs, whatever the pool is like; a full copy's volume is not.
        Some(self.prices.of_copy()? * copies + volume * full_copies)
    }

    /// The figures.
    pub fn figures(&self) -> Figures {
        let count = |is: fn(&Outcome) -> bool| self.asked.iter().filter(|asked| is(&asked.outcome)).count();
        let mut times = Vec::new();
        let mut waited = 0;
        for asked in &self.asked {
            if let Outcome::Usable { begun, usable, .. } = asked.outcome {
                times.push(usable - asked.at);
                waited += usize::from(begun - asked.at > WAITED);
            }
        }
        times.sort();
        let mean = |value: fn(&Sample) -> usize| {
            let sum: usize = self.samples.iter().map(value).sum();
            sum as f64 / self.samples.len().max(1) as f64
        };
        let copies_mean = mean(|sample| sample.copies);
        Figures {
            asked: self.asked.len(),
            usable: times.len(),
            waited,
            full_copies: count(|outcome| matches!(outcome, Outcome::Usable { full_copy: true, .. })),
            refused: count(|outcome| *outcome == Outcome::Refused),
            failed: count(|outcome| matches!(outcome, Outcome::Failed(_))),
            open: count(|outcome| *outcome == Outcome::Open),
            until_usable: longest(&times),
            free_min: self.samples.iter().map(|sample| sample.free).min().unwrap_or(0),
            free_mean: mean(|sample| sample.free),
            copies_mean,
            copies_max: self.samples.iter().map(|sample| sample.copies).max().unwrap_or(0),
            begun: self.begun,
            purged: self.purged,
            monthly_cost: self.monthly_cost(copies_mean, mean(|sample| sample.full_copies)),
        }
    }

    /// The fewest free slots of each day.
    pub fn by_day(&self) -> Vec<usize> {
        let days = self.samples.chunks(24);
        days.filter_map(|hours| hours.iter().map(|sample| sample.free).min()).collect()
    }
}

/// Of times in order: the median, the 95th percentile (the least that so many do not exceed) and the longest.
fn longest(times: &[Duration]) -> Option<[Duration; 3]> {
    let last = *times.last()?;
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1];
    Some([at(50), at(95), last])
}

#[cfg(test)]
mod tests {
    use super::longest;
    use chrono::Duration;

    #[test]
    fn percentiles_are_times_that_were_there() {
        let minutes = |list: &[i64]| list.iter().map(|m| Duration::minutes(*m)).collect::<Vec<_>>();
        let of = |list: &[i64]| longest(&minutes(list)).map(|times| times.map(|time| time.num_minutes()));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[7]), Some([7, 7, 7]));
        assert_eq!(of(&[1, 2]), Some([1, 2, 2]));
        assert_eq!(of(&(1..=100).collect::<Vec<_>>()), Some([50, 95, 100]));
        assert_eq!(of(&(1..=20).collect::<Vec<_>>()), Some([10, 19, 20]));
    }
}

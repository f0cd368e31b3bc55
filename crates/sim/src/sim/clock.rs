//! The clocks: tokio's for tests, the real one for who watches, and one that skips what nobody works in.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Instant;

use chrono::{DateTime, Duration, Utc};

use super::lock;

/// What time it is in the World.
pub(super) enum Clock {
    /// Tokio's clock, which a test pauses.
    Virtual { base: DateTime<Utc>, start: tokio::time::Instant },
    /// The real clock, times a factor.
    Scaled { base: DateTime<Utc>, start: Instant, factor: f64 },
    /// The real clock, and the time that was skipped.
    Skipping { base: DateTime<Utc>, start: Instant, skipped: Mutex<Duration>, sleepers: Mutex<Sleepers> },
}

impl Clock {
    pub(super) fn in_virtual_time(base: DateTime<Utc>) -> Self {
        Self::Virtual { base, start: tokio::time::Instant::now() }
    }

    /// A factor that is not above zero counts as 1.
    pub(super) fn scaled(base: DateTime<Utc>, factor: f64) -> Self {
        let factor = if factor.is_finite() && factor > 0.0 { factor } else { 1.0 };
        Self::Scaled { base, start: Instant::now(), factor }
    }

    pub(super) fn skipping(base: DateTime<Utc>) -> Self {
        Self::Skipping {
            base,
            start: Instant::now(),
            skipped: Mutex::new(Duration::zero()),
            sleepers: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        match self {
            Self::Virtual { base, start } => *base + to_chrono(start.elapsed()),
            Self::Scaled { base, start, factor } => *base + to_chrono(scale(start.elapsed(), *factor)),
            Self::Skipping { base, start, skipped, .. } => {
                *base + to_chrono(start.elapsed()) + *lock(skipped)
            }
        }
    }

    /// How long to sleep on tokio's clock for so long in the World, if nothing is skipped.
    pub(super) fn real(&self, span: Duration) -> std::time::Duration {
        let span = span.to_std().unwrap_or_default();
        match self {
            Self::Virtual { .. } | Self::Skipping { .. } => span,
            Self::Scaled { factor, .. } => scale(span, factor.recip()),
        }
    }

    pub(super) fn skips(&self) -> bool {
        matches!(self, Self::Skipping { .. })
    }

    /// Moves a clock that skips forward to a moment. The others stay as they are.
    pub(super) fn skip_to(&self, moment: DateTime<Utc>) {
        if let Self::Skipping { skipped, .. } = self {
            let ahead = moment - self.now();
            if ahead > Duration::zero() {
                *lock(skipped) += ahead;
            }
        }
    }

    /// Says that somebody sleeps until a moment; dropping the answer takes it back.
    pub(super) fn announce(&self, until: DateTime<Utc>) -> Option<Announced<'_>> {
        let Self::Skipping { sleepers, .. } = self else { return None };
        let entry = lock(sleepers).add(until);
        Some(Announced { sleepers, entry })
    }

    /// When the next sleeper wakes of those that announced themselves. Who should be awake by now is no longer waited for.
    pub(super) fn next_sleeper(&self) -> Option<DateTime<Utc>> {
        let Self::Skipping { sleepers, .. } = self else { return None };
        let now = self.now();
        lock(sleepers).entries.iter().map(|(until, _)| *until).find(|until| *until > now)
    }
}

/// Who sleeps in the World's time, and until when.
#[derive(Debug, Default)]
pub(super) struct Sleepers {
    entries: BTreeSet<(DateTime<Utc>, u64)>,
    ever: u64,
}

impl Sleepers {
    fn add(&mut self, until: DateTime<Utc>) -> (DateTime<Utc>, u64) {
        self.ever += 1;
        self.entries.insert((until, self.ever));
        (until, self.ever)
    }
}

/// A sleeper that announced itself.
pub(super) struct Announced<'a> {
    sleepers: &'a Mutex<Sleepers>,
    entry: (DateTime<Utc>, u64),
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        lock(self.sleepers).entries.remove(&self.entry);
    }
}

fn to_chrono(span: std::time::Duration) -> Duration {
    Duration::from_std(span).unwrap_or(Duration::MAX)
}

/// `span × factor`, at most some thousand years.
fn scale(span: std::time::Duration, factor: f64) -> std::time::Duration {
    std::time::Duration::from_secs_f64((span.as_secs_f64() * factor).min(1e11))
}

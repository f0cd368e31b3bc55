//! What of the account's quotas a pool takes beside what is there: the copies that are missing, and a clone for every free slot that
//! is wanted, each a cluster with an instance.

use super::config::{CopyMethod, SourceConfig};
use super::report::Report;

/// What is needed beside what is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Copies to be made.
    pub copies: u32,
    /// Clones, if every slot that is wanted is taken.
    pub clones: u32,
    /// Snapshots at the same time, where copies are made of them.
    pub snapshots: u32,
}

impl Room {
    /// What one source needs, as it stands.
    pub fn of(config: &SourceConfig, report: &Report) -> Self {
        let each = config.limit.saturating_sub(config.margin).max(1);
        let missing = config.target.saturating_sub(report.free + report.coming);
        let copies = missing.div_ceil(each).min(config.max_copies.saturating_sub(report.copies.all()));
        let snapshots = if config.copy_method == CopyMethod::Snapshot { copies } else { 0 };
        Self { copies, clones: config.target, snapshots }
    }

    /// Clusters; and as many instances, since each of them has one.
    pub fn clusters(&self) -> u32 {
        self.copies + self.clones
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            copies: self.copies + other.copies,
            clones: self.clones + other.clones,
            snapshots: self.snapshots + other.snapshots,
        }
    }
}

/// How a quota fits what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// There is room for all of it.
    All,
    /// The copies fit, but not a clone for every slot that is wanted.
    OnlyCopies,
    /// Not even the copies that are missing fit.
    Nothing,
}

/// Whether `copies` and `clones` more fit into a quota.
pub fn fit(used: i64, max: i64, copies: u32, clones: u32) -> Fit {
    let left = max - used;
    match left {
        left if left < i64::from(copies) => Fit::Nothing,
        left if left < i64::from(copies + clones) => Fit::OnlyCopies,
        _ => Fit::All,
    }
}

#[cfg(test)]
mod tests {
    use super::{Fit, fit};

    #[test]
    fn copies_come_before_clones() {
        for (used, copies, clones, fits) in [
            (30, 4, 6, Fit::All),
            (31, 4, 6, Fit::OnlyCopies),
            (36, 4, 6, Fit::OnlyCopies),
            (37, 4, 6, Fit::Nothing),
            (41, 0, 0, Fit::Nothing),
            (40, 0, 0, Fit::All),
        ] {
            assert_eq!(fit(used, 40, copies, clones), fits, "{used} used, {copies} and {clones}");
        }
    }
}

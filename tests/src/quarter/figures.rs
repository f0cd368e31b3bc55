//! The figures of the table, per source, out of what came of a story.

use std::collections::{BTreeMap, BTreeSet};

use aurora_clone_sim::rds::Life;

use super::{Asked, Outcome, Told, members};

/// Hours in a month, as prices count.
const MONTH: f64 = 730.0;

/// What became of one source, or of all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Clones that were asked for.
    pub asked: usize,
    /// Clones that were made.
    pub made: usize,
    /// Those that could not be, by reason.
    pub failed: BTreeMap<&'static str, usize>,
    /// Those that were still being made at the end.
    pub open: usize,
    /// The fewest free slots at any hour after the first night.
    pub fewest: usize,
    /// Hours with fewer free slots than were wanted.
    pub below: usize,
    /// Creates that were asked for when no slot was free.
    pub full: usize,
    /// Copies that were made.
    pub copies: usize,
    /// Copies that were purged.
    pub purged: usize,
    /// The most copies at any hour.
    pub most: usize,
    /// Hours of copies.
    pub copy_hours: f64,
    /// What they cost.
    pub cost: f64,
    /// Clones that went because their lease was over.
    pub by_lease: usize,
    /// What no stack owned, and went.
    pub orphans: usize,
    /// Clones that people deleted or renamed.
    pub by_people: usize,
}

impl Told {
    /// Those of a source.
    pub fn figures(&self, member: usize) -> Figures {
        let root = members()[member].id;
        let asked = || self.asked.iter().filter(move |asked| asked.member == member);
        let mut failed = BTreeMap::new();
        for asked in asked() {
            if let Outcome::Failed(why) = asked.outcome {
                *failed.entry(why).or_default() += 1;
            }
        }
        let lives: Vec<&Life> = self.lives.iter().filter(|life| life.root() == Some(root)).collect();
        let gone: BTreeSet<&str> = lives
            .iter()
            .filter(|life| life.gone_at.is_some())
            .map(|life| life.resource_id.as_str())
            .collect();
        let copies = || lives.iter().filter(|life| life.role() == Some("copy"));
        let lived =
            |life: &&&Life| (life.gone_at.unwrap_or(self.time.1) - life.born_at()).num_seconds() as f64;
        let copy_hours = copies().map(|life| lived(&life) / 3_600.0).sum::<f64>();
        let of_copy = self.sources[member].prices.of_copy().unwrap_or(0.0);
        let samples = || self.settled_hours().map(move |hour| hour[member]);
        Figures {
            asked: asked().count(),
            made: asked().filter(|asked| asked.outcome == Outcome::Made).count(),
            failed,
            open: asked().filter(|asked| asked.outcome == Outcome::Open).count(),
            fewest: samples().map(|sample| sample.free).min().unwrap_or(0),
            below: samples().filter(|sample| sample.free < sample.wanted as usize).count(),
            full: asked().filter(|asked| !asked.free).count(),
            copies: copies().count(),
            purged: copies().filter(|life| life.gone_at.is_some()).count(),
            most: self.samples.iter().map(|hour| hour[member].copies).max().unwrap_or(0),
            copy_hours,
            cost: copy_hours * of_copy / MONTH,
            by_lease: asked().filter(|asked| self.went_by_lease(asked)).count(),
            orphans: self.debris.iter().filter(|id| gone.contains(id.as_str())).count(),
            by_people: asked().filter(|asked| self.is_lost(asked)).count(),
        }
    }

    /// The hours from which on a pool can be what it is to be: before the first copies are ready there is nothing to judge.
    fn settled_hours(&self) -> impl Iterator<Item = &[super::Sample; 6]> {
        self.samples.iter().skip(6)
    }

    fn is_lost(&self, asked: &Asked) -> bool {
        asked.resource_id.as_ref().is_some_and(|id| self.lost_to_people.contains(id))
    }

    fn went_by_lease(&self, asked: &Asked) -> bool {
        let life = self.lives.iter().find(|life| Some(&life.resource_id) == asked.resource_id.as_ref());
        let gone = life.and_then(|life| life.gone_at);
        asked.leased
            && !self.is_lost(asked)
            && gone.is_some_and(|gone| asked.ended.is_none_or(|ended| gone < ended))
    }

    /// Those of all sources.
    pub fn sum(&self) -> Figures {
        let mut sum = Figures { fewest: usize::MAX, ..Figures::default() };
        for figures in (0..members().len()).map(|member| self.figures(member)) {
            sum.asked += figures.asked;
            sum.made += figures.made;
            for (why, count) in figures.failed {
                *sum.failed.entry(why).or_default() += count;
            }
            sum.open += figures.open;
            sum.fewest = sum.fewest.min(figures.fewest);
            sum.below += figures.below;
            sum.full += figures.full;
            sum.copies += figures.copies;
            sum.purged += figures.purged;
            sum.copy_hours += figures.copy_hours;
            sum.cost += figures.cost;
            sum.by_lease += figures.by_lease;
            sum.orphans += figures.orphans;
            sum.by_people += figures.by_people;
        }
        let together = |hour: &[super::Sample; 6]| hour.iter().map(|sample| sample.copies).sum();
        sum.most = self.samples.iter().map(together).max().unwrap_or(0);
        sum
    }
}

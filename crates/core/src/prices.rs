//! What clusters cost in a month, as an estimate: nobody asks AWS for prices.
//!
//! Instances by their class, Serverless v2 at its minimum, storage where its size is known. Of a copy-on-write clone only its instances
//! count: AWS bills the pages that it or its source changed, which nothing but the bill knows. I/O, backups and traffic are left out.

use std::iter::Sum;
use std::ops::AddAssign;

use serde::Serialize;

/// An estimated cost in a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// US dollars for instances.
    pub instances: f64,
    /// US dollars for storage.
    pub storage: f64,
    /// Whether something is left out because its price or its size isn't known.
    pub at_least: bool,
}

impl Cost {
    /// All of it, in US dollars.
    pub fn total(&self) -> f64 {
        self.instances + self.storage
    }

    /// Whether nothing at all is known of it.
    pub fn is_unknown(&self) -> bool {
        self.at_least && self.total() == 0.0
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.instances += other.instances;
        self.storage += other.storage;
        self.at_least |= other.at_least;
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        let mut sum = Self::default();
        costs.for_each(|cost| sum += cost);
        sum
    }
}

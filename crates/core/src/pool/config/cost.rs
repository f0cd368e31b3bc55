//! What a copy costs in a month, as far as the operator's own numbers say: nobody asks AWS for prices.

/// Hours in a month, as AWS's own price calculator counts.
const HOURS: f64 = 730.0;

/// What a copy's parts cost; any currency, as long as it is the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    /// `volume-gib`: the size of the source's volume, and so of each copy.
    pub volume_gib: Option<f64>,
    /// `gib-month-price`
    pub gib_month: f64,
    /// `instance-hour-price`: 0 for Serverless v2 that pauses.
    pub instance_hour: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Self { volume_gib: None, gib_month: 0.10, instance_hour: 0.0 }
    }
}

impl Prices {
    /// What one copy costs in a month; `None` while the volume's size isn't given.
    pub fn of_copy(&self) -> Option<f64> {
        self.volume_gib.map(|gib| gib * self.gib_month + HOURS * self.instance_hour)
    }
}

/// What a source's copies may cost in a month, all together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// `max-monthly-cost`, above 0.
    pub monthly: f64,
}

impl Budget {
    /// Whether it pays for so many copies; it pays for none whose price isn't known.
    pub fn pays_for(&self, copies: u32, prices: &Prices) -> bool {
        copies == 0 || prices.of_copy().is_some_and(|one| one * f64::from(copies) <= self.monthly)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_costs_its_volume_and_its_instance() {
        let prices = Prices { volume_gib: Some(1_000.0), ..Prices::default() };
        assert_eq!(prices.of_copy(), Some(100.0));
        assert_eq!(Prices { instance_hour: 0.1, ..prices }.of_copy(), Some(173.0));
        assert_eq!(Prices::default().of_copy(), None);
    }

    #[test]
    fn a_budget_pays_for_whole_copies() {
        let prices = Prices { volume_gib: Some(1_000.0), ..Prices::default() };
        let budget = Budget { monthly: 299.0 };
        assert!(budget.pays_for(2, &prices) && !budget.pays_for(3, &prices));
        assert!(Budget { monthly: 300.0 }.pays_for(3, &prices), "what it costs exactly is paid");
        assert!(budget.pays_for(0, &Prices::default()) && !budget.pays_for(1, &Prices::default()));
    }
}

//! What clusters cost in a month, as an estimate in US dollars: nobody asks AWS for prices.
//!
//! Instances by their class, Serverless v2 at its minimum, storage where its size is known. Of a copy-on-write clone only its instances
//! count: AWS bills the pages that it or its source changed, which nothing but the bill knows. I/O, backups and traffic are left out.
//!
//! The built-in prices are AWS's on-demand list prices for Aurora in us-east-1, MySQL and PostgreSQL alike, as
//! `commitment_pricing_analyzer.py` of AWS's own repository `aws/agent-toolkit-for-aws` listed them in November 2026. Other regions cost up to
//! twice as much, so an operator can give prices of his own. The classes of Intel's sixth and seventh generation (`db.r6i`,
//! `db.r7i`) are not in that list, and so they have no price here.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::AddAssign;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::engine::{Capacity, SERVERLESS};
use crate::pool::config::Prices as Configured;
use crate::snapshot::{Cluster, Instance};

/// The currency of all estimates.
pub const CURRENCY: &str = "USD";

/// Hours in a month, as AWS's own price calculator counts.
const HOURS: f64 = 730.0;

/// What the `.large` of a family costs in an hour. AWS's list is linear in the size, so this is the largest size's price divided.
const LARGE: [(&str, f64); 6] = [
    ("db.t3", 0.164),
    ("db.t4g", 0.146),
    ("db.r5", 0.290),
    ("db.r6g", 0.2595),
    ("db.r7g", 0.276_375),
    ("db.r8g", 0.276),
];
/// An Aurora capacity unit in an hour.
const ACU_HOUR: f64 = 0.12;
/// A GiB in a month.
const GIB_MONTH: f64 = 0.10;
/// What instances of an I/O-Optimized cluster cost more.
const OPTIMIZED: f64 = 1.3;
/// A GiB of an I/O-Optimized cluster in a month.
const GIB_MONTH_OPTIMIZED: f64 = 0.225;

/// An estimated cost in a month.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
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

impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let cents = |amount: f64| (amount * 100.0).round() / 100.0;
        let mut cost = serializer.serialize_struct("Cost", 4)?;
        cost.serialize_field("total", &cents(self.total()))?;
        cost.serialize_field("instances", &cents(self.instances))?;
        cost.serialize_field("storage", &cents(self.storage))?;
        cost.serialize_field("atLeast", &self.at_least)?;
        cost.end()
    }
}

/// Whose pages a cluster's are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Volume {
    /// Its own, of so many GiB where that is known.
    Own(Option<f64>),
    /// Its source's; it pays only for what changed.
    Shared,
    /// Nobody knows.
    Unknown,
}

/// Prices: what the operator gives, and where he gives none, AWS's list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PriceList {
    /// An hour of an instance, by class.
    classes: BTreeMap<String, f64>,
    /// `acu-hour`
    acu_hour: Option<f64>,
    /// `gib-month`
    gib_month: Option<f64>,
}

impl PriceList {
    /// Reads a JSON object such as `{"db.r6g.large": 0.26, "acu-hour": 0.12, "gib-month": 0.10}`, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
        let Value::Object(fields) = value else {
            return Err("it takes a JSON object such as {\"db.r6g.large\": 0.26}".to_owned());
        };
        let mut list = Self::default();
        for (key, value) in &fields {
            let Some(price) = value.as_f64().filter(|price| *price >= 0.0) else {
                return Err(format!("{key:?} is {value}: it takes a number of US dollars, 0 or more"));
            };
            match key.as_str() {
                "acu-hour" => list.acu_hour = Some(price),
                "gib-month" => list.gib_month = Some(price),
                class if class.starts_with("db.") && class != SERVERLESS => {
                    list.classes.insert(class.to_owned(), price);
                }
                _ => {
                    return Err(format!(
                        "{key:?} has no price: it takes instance classes such as db.r6g.large, acu-hour and gib-month"
                    ));
                }
            }
        }
        Ok(list)
    }

    /// What an instance costs in an hour; `None` where nobody says. Serverless v2 at the least that its cluster's capacity lets it
    /// be, which is nothing where it can pause.
    fn instance_hour(&self, class: &str, optimized: bool, capacity: Option<&Capacity>) -> Option<f64> {
        let factor = if optimized { OPTIMIZED } else { 1.0 };
        if class == SERVERLESS {
            let acu = self.acu_hour.unwrap_or(ACU_HOUR * factor);
            return capacity.map(|capacity| capacity.min * acu);
        }
        if let Some(price) = self.classes.get(class) {
            return Some(*price);
        }
        let (family, size) = class.rsplit_once('.')?;
        let (_, large) = LARGE.iter().find(|(known, _)| *known == family)?;
        Some(large * larges(size)? * factor)
    }

    /// What a cluster costs in a month. `configured` is what the maintenance configuration says of its family, and `is_copy` whether
    /// that family's `instance-hour-price` is about it.
    pub fn of(
        &self,
        cluster: &Cluster,
        instances: &[&Instance],
        volume: Volume,
        configured: Option<&Configured>,
        is_copy: bool,
    ) -> Cost {
        let optimized = cluster.settings.storage_type.as_deref() == Some("aurora-iopt1");
        let capacity = cluster.settings.capacity.as_ref();
        // 0 is what it is where nobody gives it, and then the class says more.
        let configured_hour =
            configured.map(|prices| prices.instance_hour).filter(|hour| is_copy && *hour > 0.0);
        let mut cost = Cost::default();
        // A cluster is stopped as a whole, and its instances cost nothing until it is started.
        let stopped = |instance: &&&Instance| instance.status.0 == "stopped" || cluster.status.0 == "stopped";
        for instance in instances.iter().filter(|instance| !stopped(instance)) {
            let class = &instance.settings.class;
            let by_class = || self.instance_hour(class, optimized, capacity);
            match self.classes.get(class).copied().or(configured_hour).or_else(by_class) {
                Some(hour) => cost.instances += hour * HOURS,
                None => cost.at_least = true,
            }
        }
        let unlisted = |name: &String| !instances.iter().any(|instance| instance.identifier == *name);
        cost.at_least |= cluster.members.iter().any(unlisted);
        match volume {
            Volume::Own(Some(gib)) => {
                let usual = if optimized { GIB_MONTH_OPTIMIZED } else { GIB_MONTH };
                let configured =
                    configured.map(|prices| prices.gib_month).filter(|price| *price != GIB_MONTH);
                cost.storage = gib * self.gib_month.or(configured).unwrap_or(usual);
            }
            Volume::Own(None) | Volume::Unknown => cost.at_least = true,
            Volume::Shared => {}
        }
        cost
    }
}

/// How many `large` a size is: `xlarge` is 2, `4xlarge` is 8.
fn larges(size: &str) -> Option<f64> {
    match size {
        "small" => Some(0.25),
        "medium" => Some(0.5),
        "large" => Some(1.0),
        "xlarge" => Some(2.0),
        _ => size
            .strip_suffix("xlarge")?
            .parse::<u8>()
            .ok()
            .filter(|number| *number > 0)
            .map(|number| f64::from(number) * 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_cost_what_the_list_says() {
        let list = PriceList::default();
        for (class, hour) in [
            ("db.t3.medium", 0.082),
            ("db.t4g.medium", 0.073),
            ("db.r5.24xlarge", 13.920),
            ("db.r6g.large", 0.260),
            ("db.r6g.16xlarge", 8.304),
            ("db.r7g.xlarge", 0.553),
            ("db.r7g.12xlarge", 6.633),
            ("db.r8g.48xlarge", 26.496),
        ] {
            let price = list.instance_hour(class, false, None).expect(class);
            assert!((price - hour).abs() < 0.000_6, "{class} costs {price}");
        }
        for class in ["db.r6i.large", "db.r6g.huge", "db.r6g", "", "db.r6g.-1xlarge"] {
            assert_eq!(list.instance_hour(class, false, None), None, "{class}");
        }
    }

    #[test]
    fn serverless_costs_its_minimum() {
        let capacity = |min| Some(Capacity { min, max: 16.0, pause_after: None });
        let list = PriceList::default();
        let hour = |min, optimized| list.instance_hour(SERVERLESS, optimized, capacity(min).as_ref());
        assert_eq!((hour(0.0, false), hour(0.5, false)), (Some(0.0), Some(0.06)));
        assert!((hour(1.0, true).expect("a price") - 0.156).abs() < 1e-9);
        assert_eq!(list.instance_hour(SERVERLESS, false, None), None);
    }

    #[test]
    fn an_operators_prices_are_read_and_mistakes_are_named() {
        let list =
            PriceList::parse(r#"{"db.r6i.large": 0.3, "acu-hour": 0.2, "gib-month": 0}"#).expect("prices");
        assert_eq!(list.instance_hour("db.r6i.large", true, None), Some(0.3));
        assert_eq!((list.acu_hour, list.gib_month), (Some(0.2), Some(0.0)));
        for (text, word) in [
            ("", "JSON"),
            ("[]", "object"),
            (r#"{"db.r6g.large": "0.3"}"#, "db.r6g.large"),
            (r#"{"db.r6g.large": -1}"#, "0 or more"),
            (r#"{"acu_hour": 1}"#, "acu-hour"),
            (r#"{"db.serverless": 1}"#, "acu-hour"),
        ] {
            let error = PriceList::parse(text).expect_err(text);
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_sum_with_something_unknown_is_at_least_so_much() {
        let known = Cost { instances: 10.004, storage: 5.0, at_least: false };
        let unknown = Cost { at_least: true, ..Cost::default() };
        let sum: Cost = [known, unknown].into_iter().sum();
        assert!(sum.at_least && !sum.is_unknown() && unknown.is_unknown() && !Cost::default().is_unknown());
        let json = serde_json::to_string(&sum).expect("JSON");
        assert_eq!(json, r#"{"total":15.0,"instances":10.0,"storage":5.0,"atLeast":true}"#);
    }
}

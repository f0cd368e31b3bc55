//! The properties of one clone in one world, held against what the handler holds them against, and each problem put where it is.

use std::collections::BTreeSet;

use aurora_clone_core::arn::Place;
use aurora_clone_core::event::shown;
use aurora_clone_core::properties::{BadProperty, Properties};
use aurora_clone_core::settings::Settings;
use serde_json::{Map, Value};

use super::evaluate::{Known, What};
use super::finding::Position;

/// A property of a clone: its name, where that is, and its value.
#[derive(Debug)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) at: Position,
    pub(super) value: Known,
    /// What its value depends on.
    pub(super) uses: BTreeSet<String>,
}

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) at: Position,
    pub(super) property: String,
    pub(super) message: String,
    /// What it depends on.
    pub(super) uses: BTreeSet<String>,
}

/// Judges a clone's properties. `also_open` are names that a macro may give. What is missing is missing `at`.
pub(super) fn judge(
    properties: &[Property],
    also_open: &[&str],
    at: Position,
    place: &Place,
    settings: &Settings,
) -> Vec<Problem> {
    let mut known = Map::new();
    let mut open: BTreeSet<&str> = also_open.iter().copied().collect();
    for property in properties {
        match wire(&property.value, place) {
            Wire::Known(value) => {
                known.insert(property.name.clone(), value);
            }
            Wire::Open => {
                open.insert(&property.name);
            }
            Wire::Absent => {}
        }
    }
    let problems = Properties::problems(&known, open, place, settings);
    problems.into_iter().filter_map(|problem| told(problem, properties, at, place)).collect()
}

/// A value as it arrives.
enum Wire {
    Known(Value),
    Open,
    Absent,
}

/// What arrives, as far as it is known: of a list the items that are known, of a map all, with stand-ins.
fn wire(value: &Known, place: &Place) -> Wire {
    match &value.what {
        What::Absent => Wire::Absent,
        What::Open => Wire::Open,
        What::List(items) => {
            let known: Vec<Value> = items.iter().filter_map(|item| item_on_wire(item, place)).collect();
            if known.is_empty() && !items.is_empty() { Wire::Open } else { Wire::Known(Value::from(known)) }
        }
        What::Text(_) | What::Map(_) => Wire::Known(filled(value, "", place)),
    }
}

/// An item of a list; `None` where nothing of it is known, or what it is about is not.
fn item_on_wire(item: &Known, place: &Place) -> Option<Value> {
    match &item.what {
        What::Open | What::Absent => None,
        What::Map(members) => {
            let key_is_open = members.iter().any(|(name, value)| name == "Key" && !value.is_whole());
            (!key_is_open).then(|| filled(item, "", place))
        }
        What::Text(_) | What::List(_) => Some(filled(item, "", place)),
    }
}

/// A value in which something right stands for what is open.
fn filled(value: &Known, name: &str, place: &Place) -> Value {
    match &value.what {
        What::Text(text) => Value::from(text.as_str()),
        What::List(items) => items.iter().map(|item| filled(item, "", place)).collect(),
        What::Map(members) => {
            members.iter().map(|(name, value)| (name.clone(), filled(value, name, place))).collect()
        }
        What::Open | What::Absent => Value::from(match name {
            "RoleArn" => {
                let Place { partition, account, .. } = place;
                format!("arn:{partition}:iam::{account}:role/known-at-deployment")
            }
            "FeatureName" => "s3Export".to_owned(),
            "MinCapacity" => "0".to_owned(),
            "MaxCapacity" => "256".to_owned(),
            "SecondsUntilAutoPause" => "300".to_owned(),
            _ => "known-at-deployment".to_owned(),
        }),
    }
}

/// Puts a problem where it is; `None` where it may be none, once everything is known.
fn told(problem: BadProperty, properties: &[Property], at: Position, place: &Place) -> Option<Problem> {
    let find = |name: &str| properties.iter().find(|property| property.name == name);
    let uses = |names: &[&str]| {
        names.iter().filter_map(|name| find(name)).flat_map(|property| property.uses.clone()).collect()
    };
    Some(match problem {
        BadProperty::Unknown(name, nearest) => {
            let property = properties.iter().find(|property| property.name.starts_with(&name));
            let message = format!("not a property of this resource; the nearest is {nearest}");
            let at = property.map_or(at, |property| property.at);
            Problem { at, property: name, message, uses: BTreeSet::new() }
        }
        BadProperty::Contradiction { one, one_value, other, other_value, why } => {
            let message = format!("{one_value}, and {other} is {other_value}: {why}");
            let at = find(one).map_or(at, |property| property.at);
            Problem { at, property: one.to_owned(), message, uses: uses(&[one, other]) }
        }
        BadProperty::Value { name, value, wanted } => {
            let Some(property) = find(name) else {
                return Some(Problem {
                    at,
                    property: name.to_owned(),
                    message: wanted,
                    uses: BTreeSet::new(),
                });
            };
            let at = match &property.value.what {
                What::List(items) => {
                    let shows = |item: &&Known| {
                        item_on_wire(item, place).is_some_and(|item| shown(Some(&item)) == value)
                    };
                    match items.iter().find(shows) {
                        Some(item) => within(item, &wanted).unwrap_or(item.at),
                        // It is about the whole list, of which not all is known.
                        None if !property.value.is_whole() => return None,
                        None => property.at,
                    }
                }
                _ => within(&property.value, &wanted).unwrap_or(property.at),
            };
            // Some say themselves what the value is.
            let message = if wanted.starts_with(&value) { wanted } else { format!("{value}: {wanted}") };
            Problem { at, property: name.to_owned(), message, uses: uses(&[name]) }
        }
    })
}

/// Where in a map the entry is that a problem speaks of.
fn within(value: &Known, wanted: &str) -> Option<Position> {
    let What::Map(members) = &value.what else { return None };
    let quoted = members.iter().find(|(name, _)| wanted.contains(&format!("{name:?}")));
    let first = || members.iter().find(|(name, _)| wanted.starts_with(&format!("{name} ")));
    quoted.or_else(first).map(|(_, value)| value.at)
}

//! How many clones each owner may have, so that one team does not take all slots.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use serde_json::Value;

use super::fields::{Fields, Given, Refused, whole};
use super::json::member;
use super::problem::Problem;
use crate::event::shown;
use crate::tags;

const MAX_QUOTA: u32 = 1_000;

/// How many clones of a source one owner may have. A clone's owner is the value of its tag `tag`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// `owner-tag`: the key of the tag that names the owner.
    pub tag: String,
    /// `owner-quota`: for everybody who is not in `owners`; `None`: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub everybody: Option<u32>,
    /// `owner-quotas`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub owners: BTreeMap<String, u32>,
}

impl Quota {
    /// How many clones an owner may have; `None`: as many as there are slots.
    pub fn of(&self, owner: &str) -> Option<u32> {
        self.owners.get(owner).copied().or(self.everybody)
    }
}

/// Reads the three keys, which belong together.
pub(super) fn read(fields: &mut Fields<'_>) -> Given<Quota> {
    const TAG: &str = "takes the key of a tag, at most 128 letters, digits, spaces and . : / = + - @ _, not one of AWS's \
                       or the manager's";
    let valid_key = |key: &str| tags::validate(&[(key.to_owned(), String::new())].into()).is_ok();
    let tag = fields.text("owner-tag", valid_key, TAG);
    let everybody = fields.whole("owner-quota", 0..=MAX_QUOTA);
    let owners = fields.parts("owner-quotas", owners);
    let (tag, everybody, owners) = (tag?, everybody?, owners?);
    match (tag, everybody, owners) {
        (None, None, None) => Ok(None),
        (Some(_), None, None) => {
            fields.refuse("owner-tag", "says nothing without owner-quota or owner-quotas");
            Err(Refused)
        }
        (None, ..) => {
            fields.refuse("owner-tag", "needed with owner-quota and owner-quotas");
            Err(Refused)
        }
        (Some(tag), everybody, owners) => {
            Ok(Some(Quota { tag, everybody, owners: owners.unwrap_or_default() }))
        }
    }
}

fn owners(
    value: &Value,
    path: String,
    problems: &mut Vec<Problem>,
) -> Result<BTreeMap<String, u32>, Refused> {
    let Some(map) = value.as_object() else {
        let message = format!("it is {} and takes an object of owners and their numbers", shown(Some(value)));
        problems.push(Problem::new(path, message));
        return Err(Refused);
    };
    let before = problems.len();
    let mut owners = BTreeMap::new();
    for (owner, value) in map {
        if owner.is_empty() || tags::validate_value(owner, owner).is_err() {
            let message = "no tag can have this value; it takes at most 256 letters, digits, spaces and . : / = + - @ _";
            problems.push(Problem::new(member(&path, owner), message));
        }
        match whole(value, &(0..=MAX_QUOTA)) {
            Ok(quota) => {
                owners.insert(owner.clone(), quota);
            }
            Err(wanted) => {
                let message = format!("it is {} and {wanted}", shown(Some(value)));
                problems.push(Problem::new(member(&path, owner), message));
            }
        }
    }
    if problems.len() == before { Ok(owners) } else { Err(Refused) }
}

//! Tags: what ours say, and what users may add.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use thiserror::Error;

use crate::duration::parse_time;
use crate::names::tag;

/// The tags of one resource.
pub type Tags = BTreeMap<String, String>;

/// How many tags RDS takes on one resource.
pub const MAX_TAGS: usize = 50;

/// What a cluster is to its manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A database that somebody asked for.
    Clone,
    /// A full copy in the pool, which is itself cloned.
    Copy,
}

/// How a cluster was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RestoreType {
    /// Shares its source's volume; minutes; takes a slot.
    CopyOnWrite,
    /// Has a volume of its own; hours; full price.
    FullCopy,
}

impl RestoreType {
    /// The value that RDS takes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CopyOnWrite => "copy-on-write",
            Self::FullCopy => "full-copy",
        }
    }

    /// Reads [`RestoreType::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::CopyOnWrite, Self::FullCopy].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What a cluster's lineage tags say about the cluster named in [`Lineage::cluster`], which need not be the carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage<'a> {
    /// The manager that wrote them.
    pub manager: &'a str,
    /// The cluster that they are about.
    pub cluster: &'a str,
    /// What it is.
    pub role: Role,
    /// Its family's root.
    pub root: &'a str,
    /// What it was restored from.
    pub source: &'a str,
    /// How it was restored.
    pub restore_type: RestoreType,
    /// The moment that its data is from.
    pub data_time: Option<DateTime<Utc>>,
}

/// Reads lineage tags; `None` when one that is needed is missing or says something unknown.
pub fn lineage(tags: &Tags) -> Option<Lineage<'_>> {
    let get = |key: &str| tags.get(key).map(String::as_str).filter(|value| !value.is_empty());
    let role = match get(tag::ROLE)? {
        "clone" => Role::Clone,
        "copy" => Role::Copy,
        _ => return None,
    };
    Some(Lineage {
        manager: get(tag::MANAGER)?,
        cluster: get(tag::CLUSTER)?,
        role,
        root: get(tag::ROOT)?,
        source: get(tag::SOURCE)?,
        restore_type: RestoreType::parse(get(tag::RESTORE_TYPE)?)?,
        data_time: get(tag::DATA_TIME).and_then(|text| parse_time(text).ok()),
    })
}

/// A user's tag that can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadTag {
    /// The key is empty or over 128 characters.
    #[error("the key {0:?} is not 1 to 128 characters long")]
    KeyLength(String),
    /// The value is over 256 characters.
    #[error("the value of {0:?} is longer than 256 characters")]
    ValueLength(String),
    /// A character that RDS does not take.
    #[error(
        "{0:?} has a character that RDS does not take; it takes letters, digits, spaces and . : / = + - @ _"
    )]
    Character(String),
    /// A prefix that belongs to AWS or to the manager.
    #[error("the key {0:?} is reserved: keys may not begin with aws:, rds: or aurora-clone:")]
    Reserved(String),
    /// A value with a prefix that belongs to AWS.
    #[error("the value of {0:?} is reserved: values may not begin with aws: or rds:")]
    ReservedValue(String),
    /// Too many of them.
    #[error("{0} tags are too many: RDS takes 50 on a cluster and the manager needs {1} of them")]
    TooMany(usize, usize),
}

/// How many tags the manager keeps for its own.
pub const RESERVED_TAGS: usize = 20;

/// Checks a user's tags against RDS's rules and the manager's reserved prefix.
pub fn validate(tags: &Tags) -> Result<(), BadTag> {
    for (key, value) in tags {
        let shown = || key.chars().take(140).collect::<String>();
        if key.is_empty() || key.chars().count() > 128 {
            return Err(BadTag::KeyLength(shown()));
        }
        if !key.chars().all(allowed) {
            return Err(BadTag::Character(shown()));
        }
        if is_reserved(key) {
            return Err(BadTag::Reserved(shown()));
        }
        validate_value(key, value)?;
    }
    if tags.len() > MAX_TAGS - RESERVED_TAGS {
        return Err(BadTag::TooMany(tags.len(), RESERVED_TAGS));
    }
    Ok(())
}

/// The `Tags` of properties that need not be right, as far as they can be read: a map, or a list of `Key` and `Value`. Without
/// those that nobody may give: properties that were refused are read as well, and those tags are not the author's.
pub fn leniently(properties: &Value) -> Tags {
    let pair = |key: &str, value: &Value| Some((key.to_owned(), value.as_str()?.to_owned()));
    let mut tags: Tags = match properties.get("Tags") {
        Some(Value::Object(map)) => map.iter().filter_map(|(key, value)| pair(key, value)).collect(),
        Some(Value::Array(list)) => {
            list.iter().filter_map(|item| pair(item.get("Key")?.as_str()?, item.get("Value")?)).collect()
        }
        _ => Tags::new(),
    };
    tags.retain(|key, _| !is_reserved(key));
    tags
}

/// Checks the value of a tag against RDS's rules.
pub(crate) fn validate_value(key: &str, value: &str) -> Result<(), BadTag> {
    let shown = || key.chars().take(140).collect::<String>();
    if value.chars().count() > 256 {
        return Err(BadTag::ValueLength(shown()));
    }
    if !value.chars().all(allowed) {
        return Err(BadTag::Character(value.chars().take(140).collect()));
    }
    if belongs_to_aws(value) {
        return Err(BadTag::ReservedValue(shown()));
    }
    Ok(())
}

/// The tags of a cluster that its instances get as well: all but those that AWS itself puts there, which nobody may give.
pub fn ours_and_users(tags: &Tags) -> Tags {
    let given = tags.iter().filter(|(key, value)| !belongs_to_aws(key) && !belongs_to_aws(value));
    given.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Whether a key is AWS's or the manager's own.
fn is_reserved(key: &str) -> bool {
    belongs_to_aws(key) || key.to_ascii_lowercase().starts_with(tag::PREFIX)
}

/// Whether a key or a value begins as only AWS's own do.
fn belongs_to_aws(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["aws:", "rds:"].iter().any(|prefix| lower.starts_with(prefix))
}

fn allowed(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: &str, value: &str) -> Result<(), BadTag> {
        validate(&Tags::from([(key.to_owned(), value.to_owned())]))
    }

    #[test]
    fn what_a_clone_carries_of_ours_fits_into_what_is_kept_for_it() {
        let ours = [
            tag::MANAGER,
            tag::ROLE,
            tag::CLUSTER,
            tag::ROOT,
            tag::SOURCE,
            tag::RESTORE_TYPE,
            tag::DATA_TIME,
            tag::STACK_ID,
            tag::LOGICAL_ID,
            tag::GENERATION,
            tag::PROPERTIES,
            tag::PASSWORD,
            tag::SECRET,
            tag::KEY,
            tag::EXPIRES,
            tag::LEASE,
            tag::DESCRIPTION,
            tag::KEEP,
            tag::WARNED,
        ];
        assert!(ours.len() <= RESERVED_TAGS && ours.iter().all(|key| is_reserved(key)));
    }

    #[test]
    fn users_tags() {
        assert_eq!(one("team", "Datenbänke & Co".replace('&', "+").as_str()), Ok(()));
        assert!(matches!(one("", "x"), Err(BadTag::KeyLength(_))));
        assert!(matches!(one(&"k".repeat(129), "x"), Err(BadTag::KeyLength(_))));
        assert!(matches!(one("k", &"v".repeat(257)), Err(BadTag::ValueLength(_))));
        assert!(matches!(one("k", "{\"a\"}"), Err(BadTag::Character(_))));
        for key in ["aws:x", "RDS:x", "aurora-clone:manager", "Aurora-Clone:Role"] {
            assert!(matches!(one(key, "x"), Err(BadTag::Reserved(_))), "{key}");
        }
        assert!(matches!(one("k", "aws:x"), Err(BadTag::ReservedValue(_))));
        let many = (0..31).map(|n| (format!("k{n}"), String::new())).collect();
        assert_eq!(validate(&many), Err(BadTag::TooMany(31, RESERVED_TAGS)));
    }
}

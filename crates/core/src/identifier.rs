//! Cluster and instance identifiers: functions of who asked, never of clock or chance.
//!
//! The call that makes a clone has no client token, so the identifier is what makes it idempotent.
//! Rules (RDS API reference): 1 to 63 letters, digits or hyphens; a letter first; no two hyphens in a row and none at
//! the end; stored in lower case; unique per account and region.

use thiserror::Error;

use crate::hash;

/// The longest identifier that RDS takes.
pub const MAX_LENGTH: usize = 63;

/// An identifier that RDS would refuse.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not a valid identifier: it takes 1 to 63 lower-case letters, digits and single hyphens, begins with a \
     letter and does not end with a hyphen"
)]
pub struct BadIdentifier(pub String);

/// Checks a cluster or instance identifier; upper case is refused, since RDS would silently store another name.
pub fn validate(text: &str) -> Result<(), BadIdentifier> {
    let fine = !text.is_empty()
        && text.len() <= MAX_LENGTH
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !text.contains("--")
        && !text.ends_with('-');
    if fine { Ok(()) } else { Err(BadIdentifier(text.chars().take(80).collect())) }
}

/// What an identifier is derived from.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// What all our identifiers begin with; may be empty.
    pub prefix: &'a str,
    /// A readable part: the source's identifier.
    pub readable: &'a str,
    /// The manager's name.
    pub manager: &'a str,
    /// The stack that asks.
    pub stack_id: &'a str,
    /// The resource in it.
    pub logical_id: &'a str,
}

/// The identifier of a clone whose `ClusterId` is not given: prefix, readable part, hash of who asked. The readable part is
/// shortened, never the hash.
pub fn derive(parts: &Parts<'_>) -> String {
    let hash = hash::short(&[parts.manager, parts.stack_id, parts.logical_id], 16);
    join(&format!("{}{}", parts.prefix, parts.readable), &hash)
}

/// The identifier of the nth (from 1) instance of a cluster.
pub fn instance(cluster: &str, number: u32) -> String {
    let plain = format!("{cluster}-{number}");
    if plain.len() <= MAX_LENGTH {
        return plain;
    }
    join(cluster, &format!("{}-{number}", hash::short(&[cluster], 8)))
}

/// The identifier of an incarnation that lives beside an earlier one, or whose plain name is taken.
pub fn of_generation(identifier: &str, generation: &str) -> String {
    join(identifier, &hash::short(&[generation], 10))
}

/// The identifier of the nth copy in the pool of a root. The hash keeps two managers in one account apart. Short enough for the
/// snapshot that it may be made from, which is called after it.
pub fn copy(prefix: &str, root: &str, manager: &str, number: u32) -> String {
    let tail = format!("copy-{}-{number}", hash::short(&[manager, root], 6));
    join_within(MAX_LENGTH - "-source".len(), &format!("{prefix}{root}"), &tail)
}

/// `head-tail` with as much of the head as fits; always valid if the tail is.
fn join(head: &str, tail: &str) -> String {
    join_within(MAX_LENGTH, head, tail)
}

fn join_within(most: usize, head: &str, tail: &str) -> String {
    let mut name = String::new();
    for c in head.to_ascii_lowercase().chars() {
        let c = if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
        if c != '-' || !(name.is_empty() || name.ends_with('-')) {
            name.push(c);
        }
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.insert_str(0, "c-");
    }
    name.truncate(most - 1 - tail.len());
    format!("{}-{tail}", name.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rules() {
        for text in ["a", "clone-x1", "a".repeat(63).as_str()] {
            assert_eq!(validate(text), Ok(()), "{text}");
        }
        for text in ["", "1a", "-a", "a-", "a--b", "A", "a_b", "a.b", "ä", "a".repeat(64).as_str()] {
            assert!(validate(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn derived_identifiers_are_valid_and_differ_by_owner(
            prefix in "([a-z][a-z0-9-]{0,20})?", readable in ".{0,80}", stack in ".{0,40}", logical in "[A-Za-z0-9]{1,40}"
        ) {
            let parts = Parts { prefix: &prefix, readable: &readable, manager: "m", stack_id: &stack, logical_id: &logical };
            let identifier = derive(&parts);
            prop_assert_eq!(validate(&identifier), Ok(()));
            prop_assert!(identifier.starts_with(prefix.trim_end_matches('-').split("--").next().unwrap_or_default()));
            let other = derive(&Parts { logical_id: &format!("{logical}x"), ..parts });
            prop_assert_ne!(&identifier, &other);
            prop_assert_eq!(validate(&instance(&identifier, 12)), Ok(()));
            let copy = copy(&prefix, &readable, "m", 4_000_000_000);
            prop_assert_eq!(validate(&format!("{copy}-source")), Ok(()));
        }
    }
}

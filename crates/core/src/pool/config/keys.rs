//! The keys of the configuration. `docs/pool.md` and the schema list them too, and a test compares the three.

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// As we write it.
    pub name: &'static str,
    /// As the predecessor wrote it, where it had it; taken as well.
    pub predecessor: Option<&'static str>,
}

const fn ours(name: &'static str) -> Key {
    Key { name, predecessor: None }
}

const fn both(name: &'static str) -> Key {
    Key { name, predecessor: Some(name) }
}

const fn spelled(name: &'static str, predecessor: &'static str) -> Key {
    Key { name, predecessor: Some(predecessor) }
}

/// Keys of the document.
pub const DOCUMENT: [Key; 5] = [
    both("clusters"),
    ours("dry-run"),
    ours("protect"),
    ours("lease-warning"),
    ours("max-deletions-per-run"),
];

/// Keys of each item of `clusters`.
pub const SOURCE: [Key; 24] = [
    both("cluster-id"),
    both("target-clone-slots"),
    spelled("dry-run", "dry-run?"),
    both("max-copy-age"),
    ours("replace-copies-after"),
    both("max-clones-per-source"),
    ours("slot-margin"),
    spelled("purge-obsolete-copies", "purge-obsolete-copies?"),
    ours("purge-copies-with-clones"),
    both("instance-class"),
    ours("copy-method"),
    ours("security-groups"),
    ours("max-copies"),
    ours("max-monthly-cost"),
    ours("volume-gib"),
    ours("gib-month-price"),
    ours("instance-hour-price"),
    ours("copy-timeout"),
    ours("owner-tag"),
    ours("owner-quota"),
    ours("owner-quotas"),
    ours("window"),
    ours("protect"),
    ours("max-lifetime"),
];

/// Keys of a `window`.
pub const WINDOW: [Key; 3] = [ours("from"), ours("to"), ours("days")];

/// Every key with the path that it has in the document, `clusters[].window.from` for one.
pub fn all() -> Vec<(String, Key)> {
    let under = |path: &str, keys: &[Key]| -> Vec<(String, Key)> {
        keys.iter().map(|key| (format!("{path}{}", key.name), *key)).collect()
    };
    [under("", &DOCUMENT), under("clusters[].", &SOURCE), under("clusters[].window.", &WINDOW)].concat()
}

/// The known name that is most like one that nobody knows.
pub(super) fn nearest(keys: &[Key], name: &str) -> &'static str {
    let name = name.chars().take(80).collect::<String>().to_lowercase();
    let distance = |key: &&Key| strsim::damerau_levenshtein(&name, key.name);
    keys.iter().min_by_key(distance).map_or("", |key| key.name)
}

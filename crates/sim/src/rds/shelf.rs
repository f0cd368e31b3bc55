//! Clusters, instances or snapshots by name, and what was there before the changes of one moment.
//!
//! A whole state per change would be simpler, and with hundreds of clusters most of the time and memory of a long
//! simulation would go into it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

/// What stands on a shelf.
pub(super) trait Shelved: Clone {
    /// What it can be looked up by beside its name; empty for nothing.
    fn group(&self) -> &str;
}

/// What was there under a name; `None` if nothing was.
pub(super) type Before<T> = BTreeMap<String, Option<Arc<T>>>;

/// Things by name. Reading goes by way of the map; every change notes what was there.
#[derive(Debug, Clone)]
pub(super) struct Shelf<T> {
    items: BTreeMap<String, Arc<T>>,
    groups: BTreeMap<String, BTreeSet<String>>,
    before: Before<T>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), groups: BTreeMap::new(), before: BTreeMap::new() }
    }
}

impl<T> Deref for Shelf<T> {
    type Target = BTreeMap<String, Arc<T>>;

    fn deref(&self) -> &Self::Target {
        &self.items
    }
}

impl<T: Shelved> Shelf<T> {
    /// What belongs to a group, in order of the names.
    pub(super) fn in_group<'a>(&'a self, group: &str) -> impl Iterator<Item = &'a T> {
        let names = self.groups.get(group).into_iter().flatten();
        names.filter_map(|name| self.items.get(name)).map(Arc::as_ref)
    }

    pub(super) fn insert(&mut self, name: String, item: Arc<T>) {
        let old = self.put(&name, Some(item));
        self.before.entry(name).or_insert(old);
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Arc<T>> {
        let old = self.put(name, None)?;
        self.before.entry(name.to_owned()).or_insert_with(|| Some(Arc::clone(&old)));
        Some(old)
    }

    /// To change something in place; its group must stay.
    pub(super) fn change(&mut self, name: &str) -> Option<&mut T> {
        let item = self.items.get_mut(name)?;
        if !self.before.contains_key(name) {
            self.before.insert(name.to_owned(), Some(Arc::clone(item)));
        }
        Some(Arc::make_mut(item))
    }

    /// What was there before the changes since the last call.
    pub(super) fn take_before(&mut self) -> Before<T> {
        std::mem::take(&mut self.before)
    }

    /// Lets it be as it was.
    pub(super) fn rewind(&mut self, before: &Before<T>) {
        for (name, old) in before {
            self.put(name, old.clone());
        }
    }

    /// Puts or takes away, without a note; returns what was there.
    fn put(&mut self, name: &str, item: Option<Arc<T>>) -> Option<Arc<T>> {
        let group = item.as_ref().map(|item| item.group().to_owned()).filter(|group| !group.is_empty());
        let old = match item {
            Some(item) => self.items.insert(name.to_owned(), item),
            None => self.items.remove(name),
        };
        if let Some(old) = &old
            && let Some(names) = self.groups.get_mut(old.group())
        {
            names.remove(name);
            if names.is_empty() {
                self.groups.remove(old.group());
            }
        }
        if let Some(group) = group {
            self.groups.entry(group).or_default().insert(name.to_owned());
        }
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Thing(&'static str, u32);

    impl Shelved for Thing {
        fn group(&self) -> &str {
            self.0
        }
    }

    fn all(shelf: &Shelf<Thing>) -> Vec<(String, Thing)> {
        shelf.iter().map(|(name, thing)| (name.clone(), thing.as_ref().clone())).collect()
    }

    fn group(shelf: &Shelf<Thing>, group: &str) -> Vec<u32> {
        shelf.in_group(group).map(|thing| thing.1).collect()
    }

    #[test]
    fn what_changed_is_taken_back_with_its_groups() {
        let mut shelf = Shelf::default();
        shelf.insert("a".to_owned(), Thing("x", 1).into());
        shelf.insert("b".to_owned(), Thing("x", 2).into());
        shelf.take_before();
        let then = all(&shelf);

        shelf.change("a").expect("there").1 = 3;
        shelf.change("a").expect("there").1 = 4;
        shelf.insert("b".to_owned(), Thing("y", 5).into());
        shelf.insert("c".to_owned(), Thing("", 6).into());
        shelf.remove("a");
        shelf.insert("a".to_owned(), Thing("x", 7).into());
        assert_eq!(shelf.remove("nothing"), None);
        assert_eq!((group(&shelf, "x"), group(&shelf, "y"), group(&shelf, "")), (vec![7], vec![5], vec![]));

        let before = shelf.take_before();
        assert_eq!(before.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
        shelf.rewind(&before);
        assert_eq!(all(&shelf), then);
        assert_eq!((group(&shelf, "x"), group(&shelf, "y")), (vec![1, 2], vec![]));
        assert!(shelf.take_before().is_empty(), "taking back is no change");
    }
}

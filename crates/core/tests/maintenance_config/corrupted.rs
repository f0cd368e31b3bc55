//! One value of a good configuration is made bad: it is refused, by that value's path.

use aurora_clone_core::pool::config::keys;
use serde_json::{Value, json};

use crate::{full, paths};

/// Values that no key takes.
fn bad() -> [Value; 6] {
    [Value::Null, json!(-1), json!("\u{1}"), json!([[]]), json!({"?": {}}), json!(1e300)]
}

/// Where a key of [`keys::all`] is in the full configuration: its pointer, and its path in a problem.
fn place(path: &str) -> (String, String) {
    let path = path.replace("[]", "[0]");
    (format!("/{}", path.replace("[0]", "/0").replace('.', "/")), path)
}

#[test]
fn the_full_configuration_has_every_key() {
    for (path, _) in keys::all() {
        assert!(full().pointer(&place(&path).0).is_some(), "{path}");
    }
}

#[test]
fn every_corrupted_value_is_refused_by_its_path() {
    for (path, _) in keys::all() {
        let (pointer, path) = place(&path);
        for bad in bad() {
            let mut config = full();
            *config.pointer_mut(&pointer).unwrap() = bad.clone();
            let found = paths(&config.to_string());
            assert!(!found.is_empty(), "{path} takes {bad}");
            let here = |found: &String| {
                found.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            assert!(found.iter().all(here), "{path} is {bad}: {found:?}");
        }
    }
}

#[test]
fn every_key_with_another_letter_is_refused_by_its_path() {
    for (path, key) in keys::all() {
        let (pointer, path) = place(&path);
        let mut config = full();
        let parent =
            config.pointer_mut(pointer.rsplit_once('/').unwrap().0).unwrap().as_object_mut().unwrap();
        let value = parent.remove(key.name).unwrap();
        parent.insert(format!("{}x", key.name), value);
        assert!(paths(&config.to_string()).contains(&format!("{path}x")), "{path}");
    }
}

#[test]
fn every_key_that_is_there_twice_is_refused_by_its_path() {
    for (path, key) in keys::all() {
        let (pointer, path) = place(&path);
        let mut config = full();
        let value = config.pointer(&pointer).unwrap().clone();
        let parent =
            config.pointer_mut(pointer.rsplit_once('/').unwrap().0).unwrap().as_object_mut().unwrap();
        // The reader has to see the key twice, so it is put in under a name that the text then loses.
        parent.insert("again".to_owned(), value);
        let text = config.to_string().replace("\"again\"", &format!("\"{}\"", key.name));
        assert_eq!(paths(&text), [path]);
    }
}

//! The documents say which test shows what; here it is held against the tests.
//!
//! In `docs/`, whatever stands in backticks as `module::name`, in small letters, is the name of a test: `choosing::x` is in
//! `tests/all/choosing.rs`, or in a file of a folder of that name; `core/planning/slots::x` is in the crate's
//! `tests/planning/slots.rs`, and `core/src/limits::x` in its `src/limits.rs`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every document, with its name.
fn documents() -> Vec<(String, String)> {
    let entries = std::fs::read_dir(root().join("docs")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let pages = paths.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap())).collect()
}

/// The tests that a text names, as module and name. Blocks of code are none of it.
fn names(text: &str) -> Vec<(&str, &str)> {
    let inline = text.split("```").step_by(2).flat_map(|part| part.lines());
    let quoted = inline.flat_map(|line| line.split('`').skip(1).step_by(2));
    let plain = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_/".contains(&b))
    };
    quoted
        .filter_map(|text| text.split_once("::"))
        .filter(|(module, name)| *module != "module" && plain(module) && plain(name))
        .collect()
}

/// The texts of all files that a module can be.
fn module(path: &str) -> Vec<String> {
    let root = root();
    let folders = match path.split_once('/') {
        Some((name, rest)) if root.join("crates").join(name).is_dir() => {
            let of_crate = root.join("crates").join(name);
            vec![of_crate.join("tests").join(rest), of_crate.join(rest)]
        }
        _ => vec![root.join("tests/all").join(path)],
    };
    let mut texts = Vec::new();
    for folder in folders {
        let mut files = vec![folder.with_extension("rs")];
        if let Ok(entries) = std::fs::read_dir(&folder) {
            files.extend(entries.map(|entry| entry.unwrap().path()));
        }
        texts.extend(files.into_iter().filter_map(|file| std::fs::read_to_string(file).ok()));
    }
    texts
}

/// Whether a source has a test of this name: a function with the attribute within the few lines above it.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().collect();
    lines.iter().enumerate().any(|(at, line)| {
        let function = line.trim_start().trim_start_matches("async ");
        let named = function.strip_prefix("fn ").and_then(|rest| rest.strip_prefix(name));
        named.is_some_and(|rest| rest.starts_with('('))
            && lines[at.saturating_sub(4)..at].iter().rev().take_while(|above| above.trim() != "}").any(
                |above| {
                    above.trim_start().starts_with("#[test]")
                        || above.trim_start().starts_with("#[tokio::test")
                },
            )
    })
}

pub fn exists(path: &str, name: &str) -> bool {
    module(path).iter().any(|source| has_test(source, name))
}

#[test]
fn every_test_that_a_document_names_exists() {
    let mut count = 0;
    let mut missing = Vec::new();
    for (document, text) in documents() {
        for (module, name) in names(&text) {
            count += 1;
            if !exists(module, name) {
                missing.push(format!("{document}: {module}::{name}"));
            }
        }
    }
    assert!(missing.is_empty(), "no such test:\n{}", missing.join("\n"));
    assert!(count > 100, "only {count} names were found");
}

#[test]
fn the_check_of_names_fails_where_it_should() {
    assert!(exists("documents", "the_check_of_names_fails_where_it_should"));
    assert!(exists("predecessor", "p19_false_is_false") && exists("core/src/identifier", "rules"));
    for (module, name) in [
        // No test, a part of a name, another module, no module.
        ("documents", "has_test"),
        ("documents", "the_check_of_names"),
        ("choosing", "p19_false_is_false"),
        ("nowhere", "p19_false_is_false"),
        ("core/nowhere", "rules"),
    ] {
        assert!(!exists(module, name), "{module}::{name}");
    }
    let text = "`a::b`, `Custom::AuroraClone`, `x/y::z_1` and a::b\n```\n`c::d`\n```\n`e`";
    assert_eq!(names(text), [("a", "b"), ("x/y", "z_1")]);
}

/// The cells of every row of a table, by the first one.
fn rows(text: &str) -> BTreeMap<&str, Vec<Vec<&str>>> {
    let mut rows: BTreeMap<&str, Vec<Vec<&str>>> = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        rows.entry(cells[0]).or_default().push(cells);
    }
    rows
}

#[test]
fn every_row_of_the_catalogue_is_in_the_table() {
    let text = std::fs::read_to_string(root().join("docs/failure-modes.md")).unwrap();
    let rows = rows(&text);
    let mut expected = Vec::new();
    for (list, count) in [("A", 27), ("B", 29), ("C", 13), ("P", 22), ("defect ", 24)] {
        expected.extend((1..=count).map(|number| format!("{list}{number}")));
    }
    expected.extend((1..=20).map(|number| format!("D{number}")));
    for id in &expected {
        let found = rows.get(id.as_str()).map_or(0, Vec::len);
        assert_eq!(found, 1, "{id} is there {found} times");
        let cells = &rows[id.as_str()][0];
        assert_eq!(cells.len(), 4, "{id}: {cells:?}");
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{id}: {cells:?}");
        let reason =
            cells[3].strip_prefix("No test: ").filter(|reason| reason.len() > 40 && reason.ends_with('.'));
        assert!(!names(cells[3]).is_empty() || reason.is_some(), "{id} has neither a test nor a reason");
    }
    let others: Vec<_> =
        rows.keys().filter(|id| **id != "id" && !expected.iter().any(|e| e == *id)).collect();
    assert!(others.is_empty(), "rows of no list: {others:?}");
}

/// Each of the predecessor's defects has a test that bears its number, and each such test is in its row.
#[test]
fn every_defect_of_the_predecessor_has_a_test_of_its_name() {
    let text = std::fs::read_to_string(root().join("docs/failure-modes.md")).unwrap();
    let rows = rows(&text);
    for (list, short, count) in [("P", "p", 22), ("defect ", "defect_", 24)] {
        for number in 1..=count {
            let id = format!("{list}{number}");
            let prefix = format!("{short}{number:02}_");
            let named = names(rows[id.as_str()][0][3]);
            let own =
                named.iter().any(|(module, name)| *module == "predecessor" && name.starts_with(&prefix));
            assert!(own, "{id} names no test that begins with {prefix}");
        }
    }
}

//! The same keys in the parser, in the schema and in `docs/pool.md`.

use std::collections::{BTreeMap, BTreeSet};

use aurora_clone_core::pool::config::keys::{self, Key};
use serde_json::Value;

use crate::file;

#[test]
fn the_table_in_the_document_has_the_parsers_keys() {
    let text = file("docs/pool.md");
    let section = text.split_once("\n## All keys\n").unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    let cell = |cell: &str| cell.trim().trim_matches('`').to_owned();
    let mut rows: Vec<(String, Option<String>)> = section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<String> = line.split('|').map(cell).collect();
            assert_eq!(cells.len(), 6, "{line}");
            (cells[1].clone(), Some(cells[2].clone()).filter(|name| !name.is_empty()))
        })
        .collect();
    let mut known: Vec<(String, Option<String>)> =
        keys::all().into_iter().map(|(path, key)| (path, key.predecessor.map(str::to_owned))).collect();
    rows.sort();
    known.sort();
    assert_eq!(rows, known);
}

fn spellings(keys: &[Key]) -> BTreeSet<&str> {
    keys.iter().flat_map(|key| [Some(key.name), key.predecessor]).flatten().collect()
}

#[test]
fn the_schema_has_the_parsers_keys() {
    let schema: Value = serde_json::from_str(&file("docs/maintenance-config.schema.json")).unwrap();
    let source = &schema["$defs"]["source"];
    for (object, known) in [
        (&schema, &keys::DOCUMENT[..]),
        (source, &keys::SOURCE[..]),
        (&source["properties"]["window"], &keys::WINDOW[..]),
    ] {
        let properties: BTreeSet<&str> =
            object["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(properties, spellings(known));
    }
}

#[test]
fn the_defaults_in_the_schema_are_those_in_the_document() {
    let schema: Value = serde_json::from_str(&file("docs/maintenance-config.schema.json")).unwrap();
    let text = file("docs/pool.md");
    let written: BTreeMap<&str, &str> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`')).collect::<Vec<_>>())
        .map(|cells| (cells[1], cells[3]))
        .collect();
    for (object, prefix) in [(&schema, ""), (&schema["$defs"]["source"], "clusters[].")] {
        for (name, property) in object["properties"].as_object().unwrap() {
            let Some(default) = property.get("default").filter(|_| !name.ends_with('?')) else { continue };
            let written = written[format!("{prefix}{name}").as_str()];
            let same = match default.as_f64() {
                Some(number) => written.parse() == Ok(number),
                None => written == default.to_string().trim_matches('"'),
            };
            assert!(same, "{prefix}{name}: {written} and {default}");
        }
    }
}

//! Whoever operates this looks for what they see in `docs/operations.md`: texts that the product says, and alarms that there are.
//!
//! In the table of symptoms what stands in backticks in the first column is what the product says; `…` stands for what differs.

use std::path::Path;

use aurora_clone_sim::cloudformation::read_template;

const PAGE: &str = include_str!("../../docs/operations.md");

/// What the product is made of, as it says it: without the escapes and broken lines of string literals.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folders = ["crates/core/src", "crates/aws/src", "crates/lambda/src", "template"];
    let (mut open, mut text): (Vec<_>, _) = (folders.map(|folder| root.join(folder)).into(), String::new());
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    text.replace("\\\"", "\"").replace('\\', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The cells of the tables under a heading.
fn rows<'p>(page: &'p str, heading: &str) -> Vec<Vec<&'p str>> {
    let section = page.split(&format!("\n## {heading}\n")).nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let lines = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("|---"));
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// The texts of the first column that no source has.
fn unknown(page: &str, sources: &str) -> Vec<String> {
    let said = rows(page, "Troubleshooting by symptom");
    let said = said.iter().flat_map(|cells| cells[0].split('`').skip(1).step_by(2));
    let parts = said.flat_map(|text| text.split('…').map(str::trim));
    parts.filter(|part| !part.is_empty() && !sources.contains(part)).map(str::to_owned).collect()
}

#[test]
fn every_symptom_is_what_the_product_says() {
    let unknown = unknown(PAGE, &sources());
    assert!(unknown.is_empty(), "nothing in the sources says:\n{}", unknown.join("\n"));
    let said = rows(PAGE, "Troubleshooting by symptom");
    assert!(said.len() > 25 && said.iter().all(|cells| cells.len() == 4), "{said:?}");
}

#[test]
fn the_check_of_symptoms_fails_where_it_should() {
    let page = "\n## Troubleshooting by symptom\n\n| a | b |\n|---|---|\n| `it … said` | x |\n\n## Next\n\n| `other` | y |\n";
    assert_eq!(unknown(page, "it was never said"), Vec::<String>::new());
    assert_eq!(unknown(page, "it was never told"), ["said"]);
}

#[test]
fn every_alarm_has_a_row() {
    let text = include_str!("../../template/template.yaml");
    let template = read_template(text).unwrap();
    let resources = template["Resources"].as_object().unwrap();
    let alarms = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    let mut alarms: Vec<String> = alarms.map(|(name, _)| format!("`{name}`")).collect();
    let rows = rows(PAGE, "Alarms, and what to do");
    let mut written: Vec<&str> =
        rows.iter().map(|cells| cells[0]).filter(|cell| cell.starts_with('`')).collect();
    alarms.sort();
    written.sort_unstable();
    assert_eq!(written, alarms, "docs/operations.md has a row for each alarm, and for no other");
}

//! Whoever reviews the security of this reads the table of permissions in `docs/security.md`: it is what the template grants, and
//! all of it.
//!
//! A row is ``| `Resource` | `Sid` | Allow `a:B`, `a:C` | …``; a statement without a Sid has `-` there.

use aurora_clone_sim::cloudformation::read_template;
use serde_json::Value;

const PAGE: &str = include_str!("../../docs/security.md");
const TEMPLATE: &str = include_str!("../../template/template.yaml");

/// The beginning of the row that a statement has.
fn row(resource: &str, sid: &str, effect: &str, mut actions: Vec<String>) -> String {
    actions.sort();
    format!("| `{resource}` | `{sid}` | {effect} `{}` |", actions.join("`, `"))
}

/// Adds a row for every statement in a policy, wherever it stands: an `Fn::If` holds some.
fn collect(resource: &str, value: &Value, rows: &mut Vec<String>) {
    let texts = |value: &Value| match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        one => vec![one.as_str().unwrap_or("no Action, which this check can't read").to_owned()],
    };
    match value {
        Value::Object(map) if map.contains_key("Effect") => {
            let sid = map.get("Sid").and_then(Value::as_str).unwrap_or("-");
            let effect = map["Effect"].as_str().unwrap();
            rows.push(row(resource, sid, effect, texts(&value["Action"])));
        }
        Value::Object(map) => map.values().for_each(|value| collect(resource, value, rows)),
        Value::Array(items) => items.iter().for_each(|value| collect(resource, value, rows)),
        _ => {}
    }
}

/// The rows that the template asks for.
fn wanted(template: &Value) -> Vec<String> {
    let mut rows = Vec::new();
    for (name, resource) in template["Resources"].as_object().unwrap() {
        let properties = &resource["Properties"];
        match resource["Type"].as_str().unwrap() {
            "AWS::IAM::Role" => collect(name, &properties["Policies"], &mut rows),
            "AWS::IAM::ManagedPolicy" | "AWS::IAM::Policy" => {
                collect(name, &properties["PolicyDocument"], &mut rows);
            }
            _ => {}
        }
    }
    rows
}

/// What stands in backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The rows that the page has, and those of them that lack a reason.
fn written(page: &str) -> (Vec<String>, Vec<String>) {
    let section = page.split("\n## Each permission").nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let (mut rows, mut bare) = (Vec::new(), Vec::new());
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let (resource, sid) = (quoted(cells[0]).concat(), quoted(cells[1]).concat());
        let effect = cells[2].split(' ').next().unwrap_or_default();
        rows.push(row(&resource, &sid, effect, quoted(cells[2])));
        if cells.len() != 6 || cells[..5].iter().any(|cell| cell.is_empty()) {
            bare.push(format!("six cells are wanted, only the last of which may be empty: {line}"));
        }
    }
    (rows, bare)
}

/// What the page and the template say differently, as rows to add or to take away.
fn differences(template: &Value, page: &str) -> Vec<String> {
    let wanted = wanted(template);
    let (mut stale, mut differ) = written(page);
    for row in wanted {
        match stale.iter().position(|written| *written == row) {
            Some(at) => drop(stale.remove(at)),
            None => {
                differ.push(format!("the template grants it and docs/security.md has no such row: {row}"))
            }
        }
    }
    differ
        .extend(stale.iter().map(|row| format!("docs/security.md has it and the template does not: {row}")));
    differ
}

#[test]
fn every_permission_is_on_the_page_and_nothing_else() {
    let differ = differences(&read_template(TEMPLATE).unwrap(), PAGE);
    assert!(differ.is_empty(), "\n{}", differ.join("\n"));
    assert!(written(PAGE).0.len() > 60);
}

#[test]
fn the_check_of_permissions_fails_where_it_should() {
    let template = |text: &str| {
        let changed = TEMPLATE.replacen("Action: kms:ListKeys", text, 1);
        assert_ne!(changed, TEMPLATE);
        read_template(&changed).unwrap()
    };
    let more = differences(&template("Action: [kms:ListKeys, kms:Decrypt]"), PAGE);
    assert_eq!(more.len(), 2, "{more:?}");
    assert!(more[0].ends_with("| `CloneHandlerRole` | `ListKeys` | Allow `kms:Decrypt`, `kms:ListKeys` |"));
    let line = PAGE.lines().find(|line| line.starts_with("| `PoolPolicy` | `NothingElse` |")).unwrap();
    let template = read_template(TEMPLATE).unwrap();
    assert_eq!(differences(&template, &PAGE.replace(line, "")).len(), 1, "a statement within an Fn::If");
    assert_eq!(
        differences(&template, &PAGE.replace(line, &format!("{line}\n{line}"))).len(),
        1,
        "a row too many"
    );
    let short = line.rsplit_once(" | ").unwrap().0;
    assert_eq!(differences(&template, &PAGE.replace(line, short)).len(), 1, "a cell too few");
}

//! The rules of the house: who may use whom, what may not be linked, names that must agree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use aurora_clone_core::names;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What each of our crates links, by name, directly and through others; test-only dependencies are left out.
type Graph = BTreeMap<String, BTreeSet<String>>;

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    // Only what this machine links: packages of other platforms have not been downloaded.
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let rustc = String::from_utf8(rustc.stdout).unwrap();
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn graph(metadata: &Value) -> Graph {
    let list = |value: &Value| value.as_array().unwrap().clone();
    let names: BTreeMap<String, String> = list(&metadata["packages"])
        .iter()
        .map(|p| (p["id"].as_str().unwrap().to_owned(), p["name"].as_str().unwrap().to_owned()))
        .collect();
    let mut direct: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let linked = list(&node["deps"])
            .iter()
            .filter(|dep| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev"))
            .map(|dep| dep["pkg"].as_str().unwrap().to_owned())
            .collect();
        direct.insert(node["id"].as_str().unwrap().to_owned(), linked);
    }
    let members = list(&metadata["workspace_members"]);
    let members = members.iter().map(|id| id.as_str().unwrap());
    members
        .map(|member| {
            let (mut found, mut open) = (BTreeSet::new(), direct[member].clone());
            while let Some(id) = open.pop() {
                if found.insert(names[&id].clone()) {
                    open.extend(direct[&id].iter().cloned());
                }
            }
            (names[member].clone(), found)
        })
        .collect()
}

/// Every dependency that breaks a rule of the architecture page.
fn broken_rules(graph: &Graph) -> Vec<String> {
    let ours = |name: &str| name.starts_with("aurora-clone");
    let allowed: [(&str, &[&str]); 4] = [
        ("aurora-clone-core", &[]),
        ("aurora-clone-sim", &[]),
        ("aurora-clone-aws", &["aurora-clone-core"]),
        ("aurora-clone-lambda", &["aurora-clone-core", "aurora-clone-aws"]),
    ];
    let mut broken = Vec::new();
    for (user, used) in allowed {
        for name in graph[user].iter().filter(|name| ours(name) && !used.contains(&name.as_str())) {
            broken.push(format!("{user} uses {name}"));
        }
    }
    let impure = |name: &str| {
        ["aws-", "tokio", "hyper", "reqwest", "rustls", "lambda_runtime", "rand", "getrandom", "tracing"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
    };
    broken.extend(graph["aurora-clone-core"].iter().filter(|n| impure(n)).map(|n| format!("core uses {n}")));
    broken
}

#[test]
fn crates_use_only_whom_they_may() {
    assert_eq!(broken_rules(&graph(&metadata())), Vec::<String>::new());
}

#[test]
fn the_check_of_the_rules_fails_when_one_is_broken() {
    for (user, used) in [
        ("aurora-clone-core", "tokio"),
        ("aurora-clone-core", "aws-types"),
        ("aurora-clone-core", "aurora-clone-aws"),
        ("aurora-clone-sim", "aurora-clone-core"),
        ("aurora-clone-aws", "aurora-clone-sim"),
        ("aurora-clone-lambda", "aurora-clone-sim"),
    ] {
        let mut graph = graph(&metadata());
        graph.get_mut(user).unwrap().insert(used.to_owned());
        assert_eq!(broken_rules(&graph).len(), 1, "{user} uses {used}");
    }
}

#[test]
fn the_core_asks_nobody_for_time_chance_or_environment() {
    for (path, text) in sources("crates/core/src") {
        for word in [
            "SystemTime",
            "Instant::now",
            "Utc::now",
            "Local::now",
            "std::env",
            "std::fs",
            "std::net",
            "thread",
        ] {
            assert!(!text.contains(word), "{path:?} has {word}");
        }
    }
}

/// The entropy source of aws-lc-rs draws its first random number for 420 million instructions, in the first call of a
/// function that has a fraction of a processor. Nothing that brings it back, or a second HTTP and TLS stack, may be linked.
#[test]
fn the_cost_of_entropy_does_not_come_back() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let versions = |name: &str| -> Vec<&str> {
        packages.iter().filter(|p| p["name"] == name).map(|p| p["version"].as_str().unwrap()).collect()
    };
    for name in ["aws-lc-rs", "aws-lc-sys", "aws-lc-fips-sys", "native-tls", "openssl-sys", "h2"] {
        assert_eq!(versions(name), Vec::<&str>::new(), "{name} is linked");
        let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name} is in the lock file");
    }
    // What finds a person's credentials is nothing for a function, whose package it would make larger.
    let graph = graph(&metadata);
    for name in ["aws-config", "aws-sdk-sts", "aws-sdk-iam", "aws-sdk-cloudwatch", "clap", "indicatif"] {
        assert!(!graph["aurora-clone-lambda"].contains(name), "the functions link {name}");
        assert!(graph["aurora-clone"].contains(name), "{name} is not the command line's");
    }
    for (name, wanted) in [("hyper", "1."), ("rustls", "0.23."), ("ring", "0.17."), ("reqwest", "0.13.")] {
        assert!(
            matches!(versions(name).as_slice(), [one] if one.starts_with(wanted)),
            "{name}: {:?}",
            versions(name)
        );
    }
    let features = |name: &str| -> Vec<String> {
        let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
        let node = nodes
            .iter()
            .find(|n| {
                n["id"].as_str().unwrap().contains(&format!("/{name}@"))
                    || n["id"].as_str().unwrap().contains(&format!("#{name}@"))
            })
            .unwrap();
        node["features"].as_array().unwrap().iter().map(|f| f.as_str().unwrap().to_owned()).collect()
    };
    assert!(features("rustls").contains(&"ring".to_owned()));
    // lambda_runtime turns tokio's threads on; the functions run on one all the same.
    let main = std::fs::read_to_string(root().join("crates/lambda/src/main.rs")).unwrap();
    assert!(main.contains(r#"#[tokio::main(flavor = "current_thread")]"#));
    for sdk in [
        "aws-sdk-rds",
        "aws-sdk-cloudformation",
        "aws-sdk-dynamodb",
        "aws-sdk-eventbridge",
        "aws-sdk-kms",
        "aws-sdk-secretsmanager",
        "aws-sdk-sfn",
    ] {
        assert_eq!(features(sdk), ["rt-tokio"], "{sdk}");
    }
}

#[test]
fn files_stay_readable() {
    for folder in ["crates", "tests"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
            assert!(lines <= 800, "{path:?} has {lines} lines");
        }
    }
}

#[test]
fn the_template_sets_what_the_functions_read() {
    let template = std::fs::read_to_string(root().join("template/template.yaml")).unwrap();
    for name in names::env::TEMPLATE {
        assert!(template.contains(&format!("\n          {name}: ")), "the template does not set {name}");
    }
    // Which function is given what is held by `maintainer.rs`.
    for block in template.split("        Variables:\n").skip(1) {
        let set = block.lines().take_while(|line| line.starts_with("          "));
        for name in set
            .filter(|line| !line.trim_start().starts_with('#'))
            .map(|line| line.trim().split(':').next().unwrap())
        {
            assert!(names::env::TEMPLATE.contains(&name), "nobody reads {name}");
        }
    }
    assert!(template.contains(&format!("aws:RequestTag/{}", names::tag::MANAGER)));
    assert!(template.contains(&format!("aws:ResourceTag/{}", names::tag::MANAGER)));
}

/// The cells of the rows of a table in the README whose first cell is a name in backticks.
fn rows(columns: usize) -> Vec<Vec<String>> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
        inner.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let rows = readme.lines().filter(|line| line.starts_with("| `")).map(cells);
    rows.filter(|row| row.len() == columns).collect()
}

#[test]
fn the_readme_has_the_table_of_all_properties_and_their_updates() {
    use aurora_clone_core::properties::table::{Class, OF_THE_REQUEST, TABLE};
    // ServiceToken is CloudFormation's own, and its engine refuses to change it.
    let of_the_request = OF_THE_REQUEST.iter().filter(|name| **name != "ServiceToken");
    let known: BTreeMap<String, &str> = TABLE
        .iter()
        .map(|(name, class)| (format!("`{name}`"), class.as_str()))
        .chain(of_the_request.map(|name| (format!("`{name}`"), Class::NoChange.as_str())))
        .collect();
    let classes = ["no change", "in place", "refresh", "replace"];
    let written: Vec<(String, String)> = rows(4)
        .into_iter()
        .filter(|row| classes.contains(&row[3].as_str()))
        .map(|row| (row[0].clone(), row[3].clone()))
        .collect();
    let written: BTreeMap<String, &str> =
        written.iter().map(|(name, class)| (name.clone(), class.as_str())).collect();
    assert_eq!(written, known);
}

#[test]
fn the_readme_names_every_setting_of_the_operator() {
    let written: BTreeSet<String> =
        rows(4).into_iter().map(|row| row[1].trim_matches('`').to_owned()).collect();
    // These are not the operator's: the template computes them.
    let computed = [
        names::env::MANAGER,
        names::env::TABLE_NAME,
        names::env::STATE_MACHINE_ARN,
        names::env::MAINTENANCE_CONFIG,
    ];
    for name in names::env::TEMPLATE.iter().filter(|name| !computed.contains(name)) {
        assert!(written.contains(*name), "the README does not name {name}");
    }
    let parameters: BTreeSet<String> = rows(4)
        .iter()
        .flat_map(|row| {
            row[0].split(',').map(|name| name.trim().trim_matches('`').to_owned()).collect::<Vec<_>>()
        })
        .collect();
    let template = std::fs::read_to_string(root().join("template/template.yaml")).unwrap();
    let block = template.split("\nParameters:\n").nth(1).unwrap().split("\nConditions:\n").next().unwrap();
    let given: Vec<&str> =
        block.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")).collect();
    assert!(given.len() > 20, "{given:?}");
    for name in given {
        let name = name.trim().trim_end_matches(':');
        assert!(parameters.contains(name), "the README does not name the parameter {name}");
    }
}

#[test]
fn the_state_machine_sends_the_steps_that_the_handler_knows() {
    let machine: Value = serde_json::from_str(aurora_clone_tests::STATE_MACHINE).unwrap();
    let states = machine["States"].as_object().unwrap();
    let mut steps = BTreeSet::new();
    for (name, state) in states.iter().filter(|(_, state)| state["Type"] == "Task") {
        assert!(state["Catch"].is_array() && state["Retry"].is_array(), "{name} needs a Catch and a Retry");
        assert!(state["TimeoutSeconds"].is_number(), "{name} needs a timeout");
        steps.insert(state["Parameters"]["Payload"]["step"].as_str().unwrap());
    }
    let known = [names::step::ADVANCE, names::step::GIVE_UP, names::step::ANSWER, names::step::TELL];
    assert_eq!(steps, BTreeSet::from(known));
    assert!(machine["TimeoutSeconds"].as_i64().unwrap() < aurora_clone_core::properties::SERVICE_TIMEOUT);
}

/// Every Rust file below a folder, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let (mut open, mut found) = (vec![root().join(folder)], Vec::new());
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

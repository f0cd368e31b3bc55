//! The names that the maintainer's part of the template shares with the code: variables, steps, schedules, alarms.

use std::collections::{BTreeMap, BTreeSet};

use aurora_clone_core::names::{env, maintain, step};
use aurora_clone_core::pool::config::Maintenance;
use aurora_clone_sim::cloudformation::read_template;
use aurora_clone_tests::pools::{PARAMETER, POOL_MACHINE, Pools, wants};
use aurora_clone_tests::settings;
use chrono::Duration;
use serde_json::{Value, json};

fn file(path: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// The resources of the template, intrinsics in their long form.
fn resources() -> Value {
    read_template(&file("template/template.yaml")).unwrap()["Resources"].take()
}

fn variables(function: &str) -> BTreeMap<String, Value> {
    let resources = resources();
    let set = resources[function]["Properties"]["Environment"]["Variables"].as_object().unwrap();
    set.clone().into_iter().collect()
}

#[test]
fn each_function_is_given_what_it_reads_and_no_more() {
    let names = |function: &str| -> BTreeSet<String> { variables(function).into_keys().collect() };
    let set = |names: &mut dyn Iterator<Item = &&str>| -> BTreeSet<String> {
        names.map(ToString::to_string).collect()
    };
    let handlers = set(&mut env::TEMPLATE.iter().filter(|name| **name != env::MAINTENANCE_CONFIG));
    assert_eq!(names("CloneHandler"), handlers);
    assert_eq!(names("PoolMaintainer"), set(&mut env::MAINTAINER.iter()));
    assert!(env::MAINTAINER.iter().all(|name| env::TEMPLATE.contains(name)));
}

/// What the maintainer is not given it would read as a default, without a word.
#[test]
fn the_maintainer_reads_no_setting_that_it_is_not_given() {
    let mut sources = String::new();
    let mut open: Vec<std::path::PathBuf> =
        ["core/src/pool", "core/src/sweep", "aws/src/maintain", "aws/src/execute"]
            .iter()
            .map(|folder| {
                std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("crates").join(folder)
            })
            .collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            sources.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    sources.push_str(&file("crates/core/src/pool/config.rs"));
    sources.push_str(&file("crates/lambda/src/pool_maintainer.rs"));
    let sources: String = sources.split_whitespace().collect();
    for (word, name) in [
        ("settings.resource_type", env::CUSTOM_RESOURCE_TYPE),
        ("settings.default_key", env::DEFAULT_PASSWORD_SECRET_KMS_KEY_ID),
        ("limits.principal", env::ALLOWED_PRINCIPALS),
        ("limits.subnet_group", env::ALLOWED_SUBNET_GROUPS),
        ("limits.instance_class", env::ALLOWED_INSTANCE_CLASSES),
        ("limits.source_password", env::ALLOW_SOURCE_PASSWORD),
    ] {
        assert!(!env::MAINTAINER.contains(&name) && !sources.contains(word), "{name}");
    }
    // The words are those that the sources have.
    assert!(sources.contains("settings.max_lease") && sources.contains("limits.source("));
}

/// Both functions hear of a setting from the same parameter, or Creates and the pool would count differently.
#[test]
fn both_functions_are_given_the_same_values() {
    let (handlers, maintainers) = (variables("CloneHandler"), variables("PoolMaintainer"));
    for (name, value) in maintainers.iter().filter(|(name, _)| *name != env::STATE_MACHINE_ARN) {
        assert!(handlers.get(name).is_none_or(|other| other == value), "{name}");
    }
    let of_machine = |variables: &BTreeMap<String, Value>, name: &str| {
        variables[env::STATE_MACHINE_ARN]["Fn::Sub"]
            .as_str()
            .unwrap()
            .ends_with(&format!(":${{AWS::StackName}}-{name}"))
    };
    assert!(of_machine(&handlers, "clone") && of_machine(&maintainers, "pool"));
    let resources = resources();
    for (machine, name) in [("StateMachine", "clone"), ("PoolMachine", "pool")] {
        let given = &resources[machine]["Properties"]["StateMachineName"]["Fn::Sub"];
        assert_eq!(*given, format!("${{AWS::StackName}}-{name}"));
    }
    let parameter = &resources["MaintenanceConfig"]["Properties"]["Name"];
    assert_eq!(*parameter, maintainers[env::MAINTENANCE_CONFIG]);
}

#[test]
fn every_handler_of_the_template_is_one_that_the_package_has() {
    let main = file("crates/lambda/src/main.rs");
    let resources = resources();
    let functions = resources.as_object().unwrap().values().filter(|r| r["Type"] == "AWS::Lambda::Function");
    let handlers: Vec<String> =
        functions.map(|function| function["Properties"]["Handler"].as_str().unwrap().to_owned()).collect();
    assert_eq!(handlers.len(), 3);
    for handler in handlers {
        assert!(main.contains(&format!("\"{handler}\" => ")), "{handler}");
    }
}

#[test]
fn the_pool_machine_sends_the_steps_and_hears_the_words_of_the_maintainer() {
    let machine: Value = serde_json::from_str(POOL_MACHINE).unwrap();
    let states = machine["States"].as_object().unwrap();
    let mut steps = BTreeSet::new();
    for (name, state) in states.iter().filter(|(_, state)| state["Type"] == "Task") {
        assert!(state["Catch"].is_array() && state["Retry"].is_array(), "{name} needs a Catch and a Retry");
        assert!(state["TimeoutSeconds"].is_number(), "{name} needs a timeout");
        steps.insert(state["Parameters"]["Payload"]["step"].as_str().unwrap());
    }
    assert_eq!(steps, BTreeSet::from([step::ADVANCE, step::GIVE_UP]));
    let choices = states["IsSettled"]["Choices"].as_array().unwrap();
    let heard: Vec<(&str, &str)> = choices
        .iter()
        .map(|choice| (choice["StringEquals"].as_str().unwrap(), choice["Next"].as_str().unwrap()))
        .collect();
    assert_eq!(heard, [(maintain::WAIT, "Wait"), (maintain::SETTLED, "Settled")]);
    // Whatever is neither is trouble, a word that nobody knows as well.
    assert_eq!(states["IsSettled"]["Default"], "Troubled");
    assert_eq!(maintain::TROUBLED, "troubled");
    for (name, kind) in [("Settled", "Succeed"), ("Troubled", "Fail"), ("GivenUp", "Fail")] {
        assert_eq!(states[name]["Type"], kind, "{name}");
    }
    // A copy may be in the making for 25 hours; an execution goes on a little longer, and ends.
    let most = machine["TimeoutSeconds"].as_i64().unwrap();
    assert!(most > 25 * 3_600 && most <= 26 * 3_600, "{most}");
    // A step may take as long as the function.
    let function =
        resources()["PoolMaintainer"]["Properties"]["Timeout"].as_str().unwrap().parse::<i64>().unwrap();
    assert!(states["Advance"]["TimeoutSeconds"].as_i64().unwrap() > function);
    // Errors that no repetition mends are those that the function names.
    let source = file("crates/lambda/src/pool_maintainer.rs");
    let first = &states["Advance"]["Retry"][0];
    assert_eq!(first["MaxAttempts"], 0);
    for name in first["ErrorEquals"].as_array().unwrap() {
        assert!(source.contains(&format!("=> {name}")), "{name}");
    }
}

/// The template's own texts, with the placeholder that the scheduler replaces, sent to the real function.
#[tokio::test(start_paused = true)]
async fn the_inputs_of_the_schedules_are_what_the_maintainer_reads() {
    let pools = Pools::open(&wants(10, json!({})), |_| {});
    for (schedule, word) in [("Maintenance", maintain::MAINTAIN), ("Sweep", maintain::SWEEP)] {
        let input = resources()[schedule]["Properties"]["Target"]["Input"].as_str().unwrap().to_owned();
        let placeholder = "<aws.scheduler.scheduled-time>";
        assert!(input.contains(placeholder), "{input}");
        let event: Value = serde_json::from_str(&input.replace(placeholder, "2026-06-21T02:00:00Z")).unwrap();
        let answer = pools.ask(event).await.unwrap();
        assert_eq!(
            answer["run"],
            format!("{word}-20260621T020000Z"),
            "the time that was scheduled names the run"
        );
    }
    pools.quiet().await;
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_parameter_that_the_template_makes_is_valid_and_asks_for_nothing() {
    let text = resources()["MaintenanceConfig"]["Properties"]["Value"].as_str().unwrap().to_owned();
    let maintenance = Maintenance::parse(&text, &settings(&[])).unwrap();
    assert!(maintenance.sources.is_empty() && !maintenance.dry_run);
    let pools = Pools::open(&serde_json::from_str(&text).unwrap(), |_| {});
    pools.night().await;
    assert_eq!(pools.metric(maintain::MAINTAIN, "Errors"), Some(0.0));
    pools.close().await;
}

/// A metric: its namespace, its name, its dimensions.
type Metric = (String, String, BTreeSet<(String, String)>);

/// The namespace, name and dimensions of each metric that the maintainer emits.
fn emitted(lines: &[Value]) -> BTreeSet<Metric> {
    let mut found = BTreeSet::new();
    for line in lines {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        let dimensions = directive["Dimensions"][0].as_array().unwrap().iter().map(|name| {
            let name = name.as_str().unwrap();
            (name.to_owned(), line[name].as_str().unwrap().to_owned())
        });
        let dimensions: BTreeSet<_> = dimensions.collect();
        for metric in directive["Metrics"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            found.insert((text(&directive["Namespace"]), text(&metric["Name"]), dimensions.clone()));
        }
    }
    found
}

/// An alarm on a metric that nobody emits is silent for ever, or never.
#[tokio::test(start_paused = true)]
async fn every_alarm_watches_a_metric_that_the_maintainer_emits() {
    let pools = Pools::open(&wants(100, json!({ "max-copies": 8 })), |_| {});
    pools.configure(&wants(100, json!({ "max-copies": 10, "window": { "from": "03:00", "to": "03:01" } })));
    pools.night().await;
    pools.sweep().await;
    let (lines, manager) = (pools.metrics(), pools.manager().to_owned());
    let emitted = emitted(&lines);
    let mut own = 0;
    for (name, alarm) in
        resources().as_object().unwrap().iter().filter(|(_, r)| r["Type"] == "AWS::CloudWatch::Alarm")
    {
        let alarm = &alarm["Properties"];
        // CloudWatch takes no SEARCH in an alarm ("Using search expressions in graphs": "You can't create an alarm based on the SEARCH
        // expression"), so each names one metric with all of its dimensions.
        assert!(alarm.get("Metrics").is_none() && !alarm.to_string().contains("SEARCH"), "{name}");
        if alarm["Namespace"] != "AuroraCloneManager" {
            assert!(
                ["AWS/Events", "AWS/Lambda", "AWS/States"].contains(&alarm["Namespace"].as_str().unwrap()),
                "{name}"
            );
            continue;
        }
        let dimensions = alarm["Dimensions"].as_array().unwrap().iter().map(|dimension| {
            let value = &dimension["Value"];
            let value = if value["Ref"] == "AWS::StackName" {
                manager.clone()
            } else {
                value.as_str().unwrap().to_owned()
            };
            (dimension["Name"].as_str().unwrap().to_owned(), value)
        });
        let text = |key: &str| alarm[key].as_str().unwrap().to_owned();
        let wanted = (text("Namespace"), text("MetricName"), dimensions.collect());
        assert!(emitted.contains(&wanted), "{name}: {wanted:?}");
        own += 1;
    }
    assert_eq!(own, 2);
    // The pool is short here, and the number that the alarm sees says so.
    let troubles = lines.iter().filter(|line| line.get("Source").is_none() && line.get("Run").is_none());
    let most = troubles.filter_map(|line| line["Troubles"].as_f64()).fold(0.0, f64::max);
    assert!(most >= 1.0, "{lines:?}");
    pools.close().await;
}

/// The JSON of the README's commands, and its configuration, through the real function.
#[tokio::test(start_paused = true)]
async fn what_the_readme_says_about_the_pool_works() {
    let readme = file("README.md");
    let section = readme.split("\n## The pool\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let configuration = section.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let configuration: Value = serde_json::from_str(configuration).unwrap();
    assert_eq!(configuration["dry-run"], true, "the first configuration changes nothing");
    let pools = Pools::open(&configuration, |_| {});
    pools.create("web", "SourceClusterId: prod\nClusterId: clone-x\nExpiresAfter: P1D");
    assert_eq!(pools.settled("web").await, "CREATE_COMPLETE", "{}", pools.story("web"));
    let calls = pools.calls();
    pools.night().await;
    assert_eq!(pools.changes_since(calls), Vec::<String>::new());
    let payloads: Vec<Value> = section
        .split("--payload '")
        .skip(1)
        .map(|rest| serde_json::from_str(rest.split('\'').next().unwrap()).unwrap())
        .collect();
    let [plan, renew] = payloads.as_slice() else { panic!("{payloads:?}") };
    let plan = pools.ask(plan.clone()).await.unwrap();
    assert!(plan["sources"][0]["summary"].as_str().unwrap().contains("prod"), "{plan}");
    assert_eq!(pools.changes_since(calls), Vec::<String>::new());
    let renewed = pools.ask(renew.clone()).await.unwrap();
    assert_eq!(renewed["cluster"], "clone-x");
    let expires =
        pools.look(|world| world.rds.cluster("clone-x").unwrap().tags["aurora-clone:expires"].clone());
    assert_eq!(renewed["expires"], expires.as_str());
    // Without the dry run the same configuration makes what is wanted.
    let mut real = configuration.clone();
    real.as_object_mut().unwrap().remove("dry-run");
    pools.configure(&real);
    pools.night().await;
    let copies = pools.copies("prod");
    assert!(!copies.is_empty() && copies.iter().all(|c| c.security_groups == ["sg-0123456789abcdef0"]));
    pools.close().await;
}

/// The table of how many copies are needed is what its formula says.
#[test]
fn the_readmes_table_of_copies_is_what_its_formula_says() {
    let readme = file("README.md");
    let section = readme.split("\n## The pool\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut rows = 0;
    for line in section.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<u32> = line
            .split('|')
            .filter_map(|cell| cell.trim().trim_end_matches(" days").trim_end_matches(" day").parse().ok())
            .collect();
        let [a_day, lives, at_once, copies, most] = cells.as_slice() else { continue };
        assert_eq!(
            (*at_once, *copies),
            (a_day * lives, (a_day * lives).saturating_sub(14).div_ceil(14)),
            "{line}"
        );
        assert_eq!(*most, copies + 1, "{line}");
        rows += 1;
    }
    assert_eq!(rows, 4);
}

#[tokio::test(start_paused = true)]
async fn while_the_configuration_is_absent_or_wrong_nothing_is_changed() {
    let pools = Pools::open(&wants(100, json!({})), |_| {});
    for (configuration, told) in [
        (json!({ "clusters": [{ "cluster-id": "prod" }] }), "target-clone-slots"),
        (wants(20, json!({ "max-copy-age": "soon" })), "max-copy-age"),
        (wants(20, json!({ "max-copys": 3 })), "max-copys"),
        (Value::Null, ""),
    ] {
        if configuration.is_null() {
            pools.sim.with(|world| world.ssm.remove(PARAMETER));
        } else {
            pools.configure(&configuration);
        }
        let calls = pools.calls();
        for schedule in [maintain::MAINTAIN, maintain::SWEEP] {
            let error = pools.ask(json!({ "schedule": schedule })).await.unwrap_err().to_string();
            assert!(error.contains(told) && error.contains("nothing was changed"), "{error}");
            assert_eq!(pools.metric(schedule, "Errors"), Some(1.0));
            assert_eq!(pools.metric(schedule, "Heartbeat"), None);
        }
        assert_eq!(pools.changes_since(calls), Vec::<String>::new());
    }
    pools.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_stack_whose_clone_is_gone_is_deleted_all_the_same() {
    let pools = Pools::open(&json!({ "clusters": [] }), |_| {});
    pools.create("web", "SourceClusterId: prod\nClusterId: clone-x\nExpiresAfter: P1D");
    assert_eq!(pools.settled("web").await, "CREATE_COMPLETE", "{}", pools.story("web"));
    for _ in 0..3 {
        pools.sim.sleep(Duration::hours(12)).await;
        pools.sweep().await;
    }
    // AWS takes a few minutes for what it was told.
    pools.sim.sleep(Duration::hours(1)).await;
    let plan = pools.ask(json!({ "plan": true })).await.unwrap();
    pools.look(|world| {
        let clone = world.rds.cluster("clone-x").map(|cluster| &cluster.status);
        assert!(clone.is_none(), "{clone:?} {plan}");
        let left: Vec<_> = world.secrets.iter().map(|secret| (&secret.name, secret.deleted_at)).collect();
        assert!(left.iter().all(|(_, deleted)| deleted.is_some()), "{left:?}");
    });
    assert_eq!(pools.told("clone-expiring").len(), 1);
    assert_eq!(pools.status("web"), "CREATE_COMPLETE", "the stack does not notice");
    pools.delete("web");
    assert_eq!(pools.settled("web").await, "DELETE_COMPLETE", "{}", pools.story("web"));
    pools.close().await;
}

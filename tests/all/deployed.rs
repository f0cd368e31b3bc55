//! What the manager's stack becomes: every parameter has an effect, every export its value, and nothing depends on the partition.

use std::collections::{BTreeMap, BTreeSet};

use aurora_clone_sim::Config;
use aurora_clone_sim::cloudformation::{read_template, render};
use serde_json::Value;

const TEMPLATE: &str = include_str!("../../template/template.yaml");

/// The stack `manager` with these parameters, in a partition.
fn rendered_in(partition: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
    let given: BTreeMap<String, String> =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let config = Config { partition: partition.to_owned(), ..Config::default() };
    let of_resource = |name: &str, attribute: Option<&str>| match attribute {
        Some(attribute) => format!("<{name}.{attribute}>"),
        None => format!("<{name}>"),
    };
    render(TEMPLATE, "manager", &given, &config, &of_resource).map_err(|error| format!("{error:?}"))
}

fn rendered(parameters: &[(&str, &str)]) -> Value {
    rendered_in("aws", parameters).unwrap()
}

/// Every scalar of a value, by its path.
fn leaves(value: &Value, path: &str, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, item)| leaves(item, &format!("{path}/{key}"), into)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| leaves(item, &format!("{path}/{at}"), into));
        }
        scalar => {
            into.insert(path.to_owned(), scalar.as_str().map_or_else(|| scalar.to_string(), str::to_owned));
        }
    }
}

fn all_leaves(value: &Value) -> BTreeMap<String, String> {
    let mut into = BTreeMap::new();
    leaves(value, "", &mut into);
    into
}

/// A parameter, a value that is not its default, and where that value arrives. What an environment variable does then is held by
/// `semantics::limits`, `house` and the tests of the settings.
const EFFECTS: [(&str, &str, &[&str]); 27] = [
    (
        "NamePrefix",
        "db-",
        &["/CloneHandler/", "/PoolMaintainer/", "/ClonesPolicy/", "/TagsPolicy/", "/PoolPolicy/"],
    ),
    ("MaxClonesPerSource", "7", &["/CloneHandler/", "/PoolMaintainer/"]),
    ("SlotMargin", "3", &["/CloneHandler/", "/PoolMaintainer/"]),
    ("MaxCopyAge", "P9D", &["/CloneHandler/", "/PoolMaintainer/"]),
    ("FullCopyTime", "PT9H", &["/CloneHandler/", "/PoolMaintainer/"]),
    ("MaxLease", "P9D", &["/CloneHandler/", "/PoolMaintainer/"]),
    ("CustomResourceType", "Custom::Clone", &["/CloneHandler/"]),
    (
        "DefaultSecretPrefix",
        "/other/",
        &[
            "/CloneHandler/",
            "/PoolMaintainer/",
            "/CloneHandlerRole/",
            "/PoolMaintainerRole/",
            "/TagsPolicy/",
            "/DefaultAccessKey/",
            "/DefaultAccessPolicy/",
            "/Outputs/DefaultSecretPrefix/",
        ],
    ),
    (
        "DefaultPasswordSecretKmsKeyId",
        "alias/ours",
        &["/CloneHandler/", "/Outputs/DefaultPasswordSecretKmsKeyId/"],
    ),
    ("SetupDefaultAccess", "false", &["/CloneHandler/"]),
    ("DefaultAccessGroups", "testers", &["/DefaultAccessPolicy/Properties/Groups/"]),
    ("DefaultAccessRoles", "reports,nightly", &["/DefaultAccessPolicy/Properties/Roles/"]),
    ("AllowSourcePassword", "true", &["/CloneHandler/"]),
    ("AllowedPrincipals", "arn:aws:iam::123456789012:role/a*", &["/CloneHandler/"]),
    ("AllowedSources", "prod-*", &["/CloneHandler/", "/PoolMaintainer/"]),
    ("AllowedSubnetGroups", "test-*", &["/CloneHandler/"]),
    ("AllowedSecurityGroups", "sg-1", &["/CloneHandler/", "/PoolMaintainer/"]),
    ("AllowedInstanceClasses", "db.t4g.*", &["/CloneHandler/"]),
    ("AllowedRoleArns", "arn:aws:iam::123456789012:role/load", &["/ClonesPolicy/"]),
    ("MaintenanceSchedule", "cron(0 4 * * ? *)", &["/Resources/Maintenance/Properties/ScheduleExpression"]),
    ("SweepSchedule", "rate(5 minutes)", &["/Resources/Sweep/Properties/ScheduleExpression"]),
    (
        "ScheduleTimezone",
        "Europe/Vienna",
        &[
            "/Resources/Maintenance/Properties/ScheduleExpressionTimezone",
            "/Resources/Sweep/Properties/ScheduleExpressionTimezone",
        ],
    ),
    (
        "AlarmTopicArn",
        "arn:aws:sns:eu-west-1:123456789012:alarms",
        &[
            "/RequestsLost/",
            "/RequestsUnanswered/",
            "/MaintenanceFailed/",
            "/MaintenanceTroubled/",
            "/MaintenanceTimedOut/",
            "/PoolTroubled/",
            "/MaintenanceSilent/",
        ],
    ),
    ("LogLevel", "debug", &["/CloneHandler/", "/PoolMaintainer/", "/LastResort/"]),
    ("LogRetentionInDays", "7", &["/CloneHandlerLogs/", "/PoolMaintainerLogs/", "/LastResortLogs/"]),
    ("Architecture", "arm64", &["/CloneHandler/", "/PoolMaintainer/", "/LastResort/"]),
    (
        "Revision",
        "0a1b2c3-dirty",
        &["/CloneHandler/", "/PoolMaintainer/", "/LastResort/", "/Outputs/Revision/"],
    ),
];

#[test]
fn every_parameter_arrives_where_it_should_and_there_alone() {
    let declared: BTreeSet<String> =
        read_template(TEMPLATE).unwrap()["Parameters"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(declared, EFFECTS.iter().map(|(name, _, _)| (*name).to_owned()).collect());
    let before = all_leaves(&rendered(&[]));
    for (name, value, places) in EFFECTS {
        let after = all_leaves(&rendered(&[(name, value)]));
        let changed: Vec<&String> =
            after.keys().chain(before.keys()).filter(|path| after.get(*path) != before.get(*path)).collect();
        for place in places {
            assert!(
                changed.iter().any(|path| path.contains(place)),
                "{name} changes {changed:?}, not {place}"
            );
        }
        // Those two decide what there is.
        if !["SetupDefaultAccess", "DefaultPasswordSecretKmsKeyId"].contains(&name) {
            for path in changed {
                assert!(places.iter().any(|place| path.contains(place)), "{name} changes {path}");
            }
        }
    }
}

/// Properties whose change makes CloudFormation replace a resource (its resource reference, "Update requires: Replacement"), of those
/// whose replacement would cost something: the function that live stacks name, requests under way, the key of living secrets.
const REPLACING: [(&str, &[&str]); 5] = [
    ("AWS::Lambda::Function", &["FunctionName", "PackageType", "DurableConfig", "TenancyConfig"]),
    (
        "AWS::DynamoDB::Table",
        &["TableName", "KeySchema", "AttributeDefinitions", "ImportSourceSpecification"],
    ),
    ("AWS::StepFunctions::StateMachine", &["StateMachineName", "StateMachineType"]),
    ("AWS::SSM::Parameter", &["Name"]),
    ("AWS::KMS::Key", &["KeySpec", "KeyUsage", "MultiRegion"]),
];

/// The ARN of the function stays the same as long as its stack does, so an upgrade breaks no stack that names it.
#[test]
fn no_parameter_and_no_revision_replaces_what_live_stacks_need() {
    let guarded = |rendered: &Value| -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (name, resource) in rendered["Resources"].as_object().unwrap() {
            let kind = REPLACING.iter().find(|(kind, _)| resource["Type"] == *kind);
            for property in kind.iter().flat_map(|(_, properties)| *properties) {
                if let Some(value) = resource["Properties"].get(*property) {
                    found.insert(format!("{name}.{property}"), value.to_string());
                }
            }
        }
        found
    };
    let before = guarded(&rendered(&[]));
    assert!(before.contains_key("StateMachine.StateMachineName") && before.contains_key("Table.KeySchema"));
    // CloudFormation makes the names of functions and of the table, and makes new ones only for a replacement.
    assert!(!before.keys().any(|name| name.ends_with("FunctionName") || name.ends_with("TableName")));
    for (name, value, _) in EFFECTS {
        for (property, now) in guarded(&rendered(&[(name, value)])) {
            assert_eq!(before.get(&property), Some(&now), "{name} replaces what has {property}");
        }
    }
}

/// What is refused before anything is made, with the value that comes nearest to it and is taken.
#[test]
fn values_that_no_function_could_start_with_are_refused_by_cloudformation() {
    for (name, wrong, right) in [
        ("NamePrefix", "Clone-", "clone-"),
        ("NamePrefix", "clone--", ""),
        ("MaxClonesPerSource", "16", "15"),
        ("SlotMargin", "15", "14"),
        ("MaxCopyAge", "3", "P3D"),
        ("MaxCopyAge", "P", "PT36H"),
        ("FullCopyTime", "3 hours", "PT3H"),
        ("MaxLease", "P1M", "P1W"),
        ("CustomResourceType", "AuroraClone", "Custom::AuroraClone"),
        ("SetupDefaultAccess", "yes", "true"),
        ("AlarmTopicArn", "alarms", "arn:aws-us-gov:sns:us-gov-west-1:123456789012:alarms"),
        ("AllowedRoleArns", "load", "arn:aws-cn:iam::123456789012:role/load"),
        ("MaintenanceSchedule", "every day", "rate(1 day)"),
        ("LogLevel", "verbose", "trace"),
        ("LogRetentionInDays", "10", "14"),
        ("Architecture", "x86", "x86_64"),
        ("Revision", "two words", "v1.2+3"),
    ] {
        let refused = rendered_in("aws", &[(name, wrong)]).unwrap_err();
        assert!(refused.contains(name), "{refused}");
        rendered(&[(name, right)]);
    }
}

/// The predecessor's exports, under their names, and ours.
#[test]
fn every_export_has_its_name_and_value() {
    let exports = |parameters: &[(&str, &str)]| -> BTreeMap<String, String> {
        let rendered = rendered(parameters);
        let outputs = rendered["Outputs"].as_object().unwrap().values();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        outputs
            .filter(|output| output.get("Export").is_some())
            .map(|output| (text(&output["Export"]["Name"]), text(&output["Value"])))
            .collect()
    };
    let expected = |more: &[(&str, &str)]| -> BTreeMap<String, String> {
        let always = [
            ("manager-LambdaArn", "<CloneHandler.Arn>"),
            ("manager-LambdaName", "<CloneHandler>"),
            ("manager-MaintainerName", "<PoolMaintainer>"),
            ("manager-RoleArn", "<CloneHandlerRole.Arn>"),
            ("manager-DefaultSecretPrefix", "/aurora-clone-manager/"),
        ];
        always.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let (key, policy) = ("manager-DefaultPasswordSecretKmsKeyId", "manager-DefaultAccessPolicyArn");
    assert_eq!(exports(&[]), expected(&[(key, "<DefaultAccessKey>"), (policy, "<DefaultAccessPolicy>")]));
    assert_eq!(exports(&[("SetupDefaultAccess", "false")]), expected(&[]));
    let own = ("DefaultPasswordSecretKmsKeyId", "alias/ours");
    assert_eq!(exports(&[own]), expected(&[(key, "alias/ours"), (policy, "<DefaultAccessPolicy>")]));
    assert_eq!(exports(&[own, ("SetupDefaultAccess", "false")]), expected(&[(key, "alias/ours")]));
}

/// Whose key passwords are encrypted with, and who may read them, in all four ways to set that up.
#[test]
fn default_access_is_what_was_asked_for() {
    let variable = "DEFAULT_PASSWORD_SECRET_KMS_KEY_ID";
    for (parameters, key, made, holders) in [
        (&[][..], "<DefaultAccessKey.Arn>", true, (None, None)),
        (&[("SetupDefaultAccess", "false")][..], "", false, (None, None)),
        (&[("DefaultPasswordSecretKmsKeyId", "alias/ours")][..], "alias/ours", false, (None, None)),
        (
            &[("DefaultAccessGroups", "testers"), ("DefaultAccessRoles", "reports,nightly")][..],
            "<DefaultAccessKey.Arn>",
            true,
            (Some(r#"["testers"]"#), Some(r#"["reports","nightly"]"#)),
        ),
    ] {
        let resources = &rendered(parameters)["Resources"];
        let environment = &resources["CloneHandler"]["Properties"]["Environment"]["Variables"];
        assert_eq!(environment[variable], key, "{parameters:?}");
        assert_eq!(resources.get("DefaultAccessKey").is_some(), made, "{parameters:?}");
        if made {
            // It decrypts what Secrets Manager lets somebody read, whoever that is; nothing else, and for no other account.
            let statement = &resources["DefaultAccessKey"]["Properties"]["KeyPolicy"]["Statement"][1];
            let condition = &statement["Condition"]["StringEquals"];
            assert_eq!(
                (&statement["Principal"]["AWS"], &statement["Action"]),
                (&"*".into(), &"kms:Decrypt".into())
            );
            assert_eq!(condition["kms:CallerAccount"], "123456789012");
            assert_eq!(condition["kms:ViaService"], "secretsmanager.eu-west-1.amazonaws.com");
            // What secrets are encrypted with is not taken away with the stack.
            assert_eq!(resources["DefaultAccessKey"]["DeletionPolicy"], "RetainExceptOnCreate");
        }
        let Some(policy) = resources.get("DefaultAccessPolicy") else {
            assert_eq!(parameters, &[("SetupDefaultAccess", "false")]);
            continue;
        };
        let of = |kind: &str| policy["Properties"].get(kind).map(Value::to_string);
        assert_eq!((of("Groups").as_deref(), of("Roles").as_deref()), holders, "{parameters:?}");
    }
}

#[test]
fn the_template_names_no_partition() {
    let chinese = all_leaves(&rendered_in("aws-cn", &[]).unwrap());
    for (path, value) in &chinese {
        assert!(!value.contains("arn:aws:"), "{path} is {value}");
        // The principals of services are called that in every partition.
        let service = path.ends_with("/Service") || path.contains("/iam:PassedToService/");
        let permission = path.ends_with("/UnansweredRulePermission/Properties/Principal");
        if !service && !permission {
            assert!(!value.replace("amazonaws.com.cn", "").contains("amazonaws.com"), "{path} is {value}");
        }
    }
}

/// The dashboard is JSON, and what it names is there.
#[test]
fn the_dashboard_shows_every_alarm_and_metrics_that_are_emitted() {
    let rendered = rendered(&[]);
    let resources = rendered["Resources"].as_object().unwrap();
    let body = resources["Dashboard"]["Properties"]["DashboardBody"].as_str().unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let widgets = body["widgets"].as_array().unwrap();
    let shown: BTreeSet<&str> = widgets[0]["properties"]["alarms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|arn| arn.as_str().unwrap())
        .collect();
    let alarms = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    let alarms: Vec<String> = alarms.map(|(name, _)| format!("<{name}.Arn>")).collect();
    assert_eq!(shown, alarms.iter().map(String::as_str).collect());
    let metrics = include_str!("../../crates/core/src/pool/metrics.rs");
    let mut searched = 0;
    for widget in widgets {
        let text = widget.to_string();
        for name in text.split("MetricName=\\\"").skip(1).map(|rest| rest.split('\\').next().unwrap()) {
            assert!(metrics.contains(&format!("(\"{name}\", ")), "nobody emits {name}");
            assert!(text.contains("Manager=\\\"manager\\\""), "{text}");
            searched += 1;
        }
        // Widgets stay on the dashboard's grid of 24 columns.
        assert!(widget["x"].as_i64().unwrap() + widget["width"].as_i64().unwrap() <= 24, "{text}");
    }
    assert_eq!(searched, 6);
}

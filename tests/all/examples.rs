//! The stacks of `example/`, as they are: deployed beside the product, with what their outputs, policies and rules say held
//! against the account. What is no clone in them is a stand-in; `tests/clients/test_examples.py` runs their functions' code.

use std::collections::BTreeMap;

use aurora_clone_core::names::{env, tag};
use aurora_clone_sim::Config;
use aurora_clone_sim::cloudformation::{Resource, StackOptions};
use aurora_clone_sim::rds::Cluster;
use aurora_clone_tests::{House, function_arn};
use chrono::Duration;
use serde_json::{Value, json};

const ONE: &str = include_str!("../../example/template.yaml");
const SEVERAL: &str = include_str!("../../example/several-clones.yaml");
const PULL_REQUEST: &str = include_str!("../../example/pull-request.yaml");
const ON_INSTANCE_READY: &str = include_str!("../../example/on-instance-ready.yaml");

/// The manager's stack, as far as others import from it.
const MANAGER_STACK: &str = "Parameters:\n  Function:\n    Type: String\nResources:\n  Nothing:\n    Type: \
                             AWS::CloudFormation::WaitConditionHandle\nOutputs:\n  LambdaArn:\n    Value: !Ref Function\n    \
                             Export: { Name: !Sub \"${AWS::StackName}-LambdaArn\" }\n";

/// An account in which the manager's stack has the name that the examples look for.
async fn house() -> House {
    let operator = [(env::MANAGER, "aurora-clone-manager"), (env::SLOT_MARGIN, "0")];
    let house = House::operated(Config::default(), &operator, |_| {});
    let function = house.look(|world| function_arn(&world.config));
    deploy(&house, "aurora-clone-manager", MANAGER_STACK, &[("Function", &function)]).await;
    house
}

/// Creates or updates a stack, which must succeed.
async fn deploy(house: &House, stack: &str, template: &str, parameters: &[(&str, &str)]) {
    let given = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    house.sim.with(|world| {
        let exists = world.cloudformation.stack(stack).is_some();
        world.settle(|services, cx| {
            let (service, options) = (&mut services.cloudformation, StackOptions::default());
            match exists {
                false => service.create_stack(cx, stack, template, &given, &options),
                true => service.update_stack(cx, stack, template, &given, &options),
            }
            .unwrap()
        })
    });
    let status = house.settled(stack).await;
    assert!(["CREATE_COMPLETE", "UPDATE_COMPLETE"].contains(&status.as_str()), "{}", house.story(stack));
}

async fn take_down(house: &House, stack: &str) {
    house.delete(stack);
    assert_eq!(house.settled(stack).await, "DELETE_COMPLETE");
}

fn outputs(house: &House, stack: &str) -> BTreeMap<String, String> {
    house.look(|world| {
        let outputs = world.cloudformation.outputs(stack);
        outputs.map(|(key, output)| (key.to_owned(), output.value.clone())).collect()
    })
}

fn resource(house: &House, stack: &str, name: &str) -> Resource {
    house.look(|world| world.cloudformation.resource(stack, name).unwrap().clone())
}

fn cluster(house: &House, id: &str) -> Cluster {
    house.look(|world| world.rds.cluster(id).unwrap().clone())
}

fn secret_arn(house: &House, cluster: &Cluster) -> String {
    house.look(|world| world.secrets.secret(&cluster.tags[tag::SECRET]).unwrap().arn.clone())
}

/// Every output that the predecessor's example had, under its name, and that each is what it says.
#[tokio::test(start_paused = true)]
async fn the_template_makes_one_clone_and_tells_everything_about_it() {
    let house = house().await;
    let reader = "arn:aws:iam::123456789012:role/reader";
    let begin: &[(&str, &str)] = &[("SourceClusterId", "prod")];
    deploy(&house, "my-clone", ONE, begin).await;
    let told = outputs(&house, "my-clone");
    let clone = cluster(&house, &told["CloneClusterId"]);
    assert_eq!(house.ours(), [clone.id.as_str()]);
    let secret = secret_arn(&house, &clone);
    let expected = [
        ("CloneClusterArn", clone.arn.clone()),
        ("CloneClusterId", clone.id.clone()),
        ("CloneClusterEndpoint", told["CloneClusterEndpoint"].clone()),
        ("CloneClusterReaderEndpoint", told["CloneClusterReaderEndpoint"].clone()),
        ("ClonePasswordSecret", secret.clone()),
        ("ClonePasswordKmsKeyId", "alias/aws/secretsmanager".to_owned()),
        ("ClonePort", "5432".to_owned()),
        ("CloneSourceArn", cluster(&house, "prod").arn),
        ("CloneDataTimestamp", clone.tags[tag::DATA_TIME].clone()),
    ];
    assert_eq!(told, expected.map(|(key, value)| (key.to_owned(), value)).into());
    let starts = |key: &str, kind: &str| told[key].starts_with(&format!("{}.{kind}", clone.id));
    assert!(
        starts("CloneClusterEndpoint", "cluster-") && starts("CloneClusterReaderEndpoint", "cluster-ro-")
    );
    let may_read = |house: &House| house.look(|world| world.secrets.may_read(reader, &secret));
    assert!(!may_read(&house));
    // A change of who may read it is one in place.
    deploy(&house, "my-clone", ONE, &[begin[0], ("AccessPrincipalArns", reader)]).await;
    assert!(may_read(&house));
    assert_eq!(outputs(&house, "my-clone"), told);
    // Newer data than it has: another clone.
    house.sim.sleep(Duration::hours(2)).await;
    let since =
        house.look(|world| (world.now() - Duration::hours(1)).format("%Y-%m-%dT%H:%M:%SZ").to_string());
    deploy(&house, "my-clone", ONE, &[begin[0], ("CopyCreatedSince", &since)]).await;
    let later = outputs(&house, "my-clone");
    assert!(later["CloneDataTimestamp"] > since && later["CloneClusterId"] != told["CloneClusterId"]);
    take_down(&house, "my-clone").await;
    house.close().await;
}

/// The function is told the secret of its clone, and may read exactly that one.
#[tokio::test(start_paused = true)]
async fn the_application_may_read_the_secret_of_its_clone_and_no_other() {
    let house = house().await;
    deploy(&house, "my-clones", SEVERAL, &[("SourceClusterId", "prod")]).await;
    assert_eq!(house.ours().len(), 3);
    let told = outputs(&house, "my-clones");
    let secret = secret_arn(&house, &cluster(&house, &told["ReportClusterId"]));
    assert_eq!(told["ReportPasswordSecret"], secret);
    let function = resource(&house, "my-clones", "ReportReader");
    assert_eq!(told["ReportReader"], function.physical_id.clone().unwrap());
    assert_eq!(function.properties["Environment"], json!({ "Variables": { "SECRET_ARN": secret } }));
    let role = resource(&house, "my-clones", "ReaderRole");
    assert_eq!(function.properties["Role"], role.data["Arn"]);
    let statements = statements(&role);
    let resources = |sid: &str| &statements[sid]["Resource"];
    assert_eq!(statements.len(), 3);
    assert_eq!(resources("ReadThePassword"), &json!(secret));
    let only = json!({ "StringEquals": {
        "kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com", "kms:EncryptionContext:SecretARN": secret,
    } });
    assert_eq!(statements["DecryptThePassword"]["Condition"], only);
    assert_eq!(resources("Log"), &resource(&house, "my-clones", "ReaderLogs").data["Arn"]);
    take_down(&house, "my-clones").await;
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_pull_request_has_a_database_of_its_name_with_a_lease() {
    let house = house().await;
    let given = |number| [("SourceClusterId", "prod"), ("Project", "shop"), ("PullRequest", number)];
    deploy(&house, "shop-pr-17", PULL_REQUEST, &given("17")).await;
    deploy(&house, "shop-pr-18", PULL_REQUEST, &given("18")).await;
    let told = outputs(&house, "shop-pr-17");
    let clone = cluster(&house, "clone-shop-pr-17");
    assert_eq!(
        (told["ClusterId"].as_str(), outputs(&house, "shop-pr-18")["ClusterId"].as_str()),
        ("clone-shop-pr-17", "clone-shop-pr-18")
    );
    assert_eq!(told["PasswordSecret"], secret_arn(&house, &clone));
    assert_eq!((&told["ExpiresAt"], told["ExpiresAt"].len()), (&clone.tags[tag::EXPIRES], 20));
    assert_eq!((clone.tags["project"].as_str(), clone.tags["pull-request"].as_str()), ("shop", "17"));
    // The next push changes the lease of the same database.
    let longer = [given("17").as_slice(), &[("ExpiresAfter", "P5D")]].concat();
    deploy(&house, "shop-pr-17", PULL_REQUEST, &longer).await;
    let renewed = outputs(&house, "shop-pr-17");
    assert!(renewed["ExpiresAt"] > told["ExpiresAt"]);
    assert_eq!((&renewed["ClusterId"], house.ever_made()), (&told["ClusterId"], 2));
    for stack in ["shop-pr-17", "shop-pr-18"] {
        take_down(&house, stack).await;
    }
    house.close().await;
}

/// The rule that is deployed hears what the product says of its clones, and nothing else.
#[tokio::test(start_paused = true)]
async fn the_rule_hears_of_new_instances_and_the_function_may_read_their_secrets() {
    let house = house().await;
    deploy(&house, "prepare-clones", ON_INSTANCE_READY, &[]).await;
    let (rule, role) = (
        resource(&house, "prepare-clones", "InstanceReady"),
        resource(&house, "prepare-clones", "PrepareRole"),
    );
    let queue = resource(&house, "prepare-clones", "Unprepared");
    let target = &rule.properties["Targets"][0];
    assert_eq!(target["Arn"], resource(&house, "prepare-clones", "Prepare").data["Arn"]);
    assert_eq!(target["DeadLetterConfig"]["Arn"], queue.data["Arn"]);
    let permission = resource(&house, "prepare-clones", "MayInvoke");
    assert_eq!(permission.properties["SourceArn"], rule.data["Arn"]);
    let letters = resource(&house, "prepare-clones", "MayTellOfFailures");
    assert_eq!(letters.properties["Queues"], json!([queue.physical_id]));
    assert_eq!(
        letters.properties["PolicyDocument"]["Statement"][0]["Condition"],
        json!({ "ArnEquals": { "aws:SourceArn": rule.data["Arn"] } })
    );

    deploy(&house, "my-clone", ONE, &[("SourceClusterId", "prod")]).await;
    let told = outputs(&house, "my-clone");
    take_down(&house, "my-clone").await;
    let events = house.look(|world| world.events.taken.clone());
    let pattern = &rule.properties["EventPattern"];
    let heard: Vec<_> = events.iter().filter(|event| matches(pattern, &as_rules_see(event))).collect();
    assert_eq!(heard.len(), 1, "{:?}", events.iter().map(|event| &event.detail_type).collect::<Vec<_>>());
    assert!(events.len() >= 3, "a clone is also said to be ready, and gone");
    assert_eq!(heard[0].detail["clusterId"], json!(told["CloneClusterId"]));
    // The fields that the function reads, and the secret that its role may read.
    for field in ["instanceId", "host", "port", "user", "database"] {
        assert!(!heard[0].detail[field].is_null(), "{field}");
    }
    let secret = heard[0].detail["passwordSecret"].as_str().unwrap();
    assert_eq!(secret, told["ClonePasswordSecret"]);
    let may_read = &statements(&role)["ReadPasswordsOfClones"];
    assert!(
        secret.starts_with(may_read["Resource"].as_str().unwrap().strip_suffix('*').unwrap()),
        "{secret}"
    );
    let tagged =
        json!({ "StringEquals": { "aws:ResourceTag/aurora-clone:manager": "aurora-clone-manager" } });
    assert_eq!(may_read["Condition"], tagged);
    take_down(&house, "prepare-clones").await;
    house.close().await;
}

/// The statements of a role's only policy, by their Sids.
fn statements(role: &Resource) -> BTreeMap<String, Value> {
    let policies = role.properties["Policies"].as_array().unwrap();
    assert_eq!(policies.len(), 1);
    let statements = policies[0]["PolicyDocument"]["Statement"].as_array().unwrap();
    for statement in statements {
        let text = statement["Action"].to_string();
        assert!(
            statement["Effect"] == "Allow" && !text.contains('*') && statement["Resource"] != "*",
            "{statement}"
        );
    }
    statements.iter().map(|found| (found["Sid"].as_str().unwrap().to_owned(), found.clone())).collect()
}

fn as_rules_see(event: &aurora_clone_sim::events::Event) -> Value {
    json!({ "source": event.source, "detail-type": event.detail_type, "detail": event.detail, "resources": event.resources })
}

/// EventBridge's rule: each field that a pattern names must be there, and be one of the values or have one of the prefixes
/// that it lists. Of the other operators none is used here.
fn matches(pattern: &Value, event: &Value) -> bool {
    pattern.as_object().unwrap().iter().all(|(field, wanted)| match (wanted, event.get(field)) {
        (_, None) => false,
        (Value::Object(_), Some(found)) => found.is_object() && matches(wanted, found),
        (Value::Array(choices), Some(found)) => choices.iter().any(|choice| match choice.as_object() {
            None => choice == found,
            Some(operator) => {
                assert_eq!(operator.keys().collect::<Vec<_>>(), ["prefix"], "{operator:?}");
                let text = found.as_str().unwrap_or_default();
                text.starts_with(operator["prefix"].as_str().unwrap())
            }
        }),
        (other, _) => panic!("{other} is no pattern"),
    })
}

#[test]
fn the_matcher_of_events_matches_as_eventbridge_does() {
    let pattern = json!({ "source": ["a", "b"], "detail": { "id": [{ "prefix": "clone-" }] } });
    let event = |source: &str, detail: Value| json!({ "source": source, "detail": detail, "more": 1 });
    assert!(matches(&pattern, &event("b", json!({ "id": "clone-x", "more": [] }))));
    for (source, detail) in [
        ("c", json!({ "id": "clone-x" })),
        ("a", json!({ "id": "prod" })),
        ("a", json!({ "name": "clone-x" })),
        ("a", json!("clone-x")),
    ] {
        assert!(!matches(&pattern, &event(source, detail.clone())), "{source} {detail}");
    }
    assert!(!matches(&pattern, &json!({ "detail": { "id": "clone-x" } })));
}

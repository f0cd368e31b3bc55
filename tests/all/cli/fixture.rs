//! The fixture itself: the stack is the template's, and the functions and the command line have the same settings.

use aurora_clone::account::TEMPLATE;
use aurora_clone_core::names::tag;
use aurora_clone_sim::cloudformation::read_template;
use aurora_clone_tests::{MANAGER, PERSON_KEY, TABLE, strangers_clone};
use serde_json::json;

use super::Fixture;

#[tokio::test(start_paused = true)]
async fn the_stack_is_what_the_template_says() {
    let fixture = Fixture::with(&[("SlotMargin", "3")], &json!({ "clusters": [] }), |_| {});
    let template = read_template(TEMPLATE).unwrap();
    fixture.look(|world| {
        let stack = world.cloudformation.stack(MANAGER).unwrap();
        assert_eq!(stack.status, "CREATE_COMPLETE");
        let outputs = template["Outputs"].as_object().unwrap();
        assert_eq!(stack.outputs.keys().collect::<Vec<_>>(), {
            let mut names: Vec<_> = outputs.keys().collect();
            names.sort();
            names
        });
        assert_eq!(stack.resources["Table"].physical_id.as_deref(), Some(TABLE));
        let output = |name: &str| stack.outputs[name].value.as_str();
        assert!(world.functions.exists(output("LambdaArn")), "{}", output("LambdaArn"));
        assert!(world.functions.exists(output("MaintainerName")), "{}", output("MaintainerName"));
        let machine = stack.resources["PoolMachine"].physical_id.clone().unwrap();
        assert_eq!(machine, fixture.machine);
        assert!(world.kms.key(output("DefaultPasswordSecretKmsKeyId")).is_some());
        let parameter = stack.resources["MaintenanceConfig"].physical_id.clone().unwrap();
        assert!(world.ssm.parameter(&parameter).is_some(), "{parameter}");
    });
    let shown = fixture.sim.with(|world| {
        let shown = world.call_as(PERSON_KEY, "DescribeStacks", &[("StackName", MANAGER)]);
        String::from_utf8(shown.body).unwrap()
    });
    for name in template["Parameters"].as_object().unwrap().keys() {
        assert!(shown.contains(&format!("<ParameterKey>{name}</ParameterKey>")), "{name}");
    }
    assert!(shown.contains("<ParameterKey>SlotMargin</ParameterKey><ParameterValue>3</ParameterValue>"));
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_stack_gets_a_clone_and_the_margin_of_the_parameters_counts() {
    let fixture = Fixture::with(&[("SlotMargin", "14")], &json!({ "clusters": [] }), |world| {
        world.rds.seed_cluster(strangers_clone("theirs", "prod"));
    });
    fixture.create("web", "SourceClusterId: prod");
    assert_eq!(fixture.settled("web").await, "ROLLBACK_COMPLETE", "{}", fixture.story("web"));
    let fixture = Fixture::open(|_| {});
    fixture.create("web", "SourceClusterId: prod");
    assert_eq!(fixture.settled("web").await, "CREATE_COMPLETE", "{}", fixture.story("web"));
    fixture.look(|world| {
        let secret = world.secrets.iter().next().unwrap();
        let key = world.cloudformation.output(MANAGER, "DefaultPasswordSecretKmsKeyId").unwrap();
        assert!(secret.kms_key_id.as_deref().is_some_and(|id| id.ends_with(key)), "{:?}", secret.kms_key_id);
        assert!(world.rds.clusters().any(|c| c.tags.get(tag::MANAGER).map(String::as_str) == Some(MANAGER)));
    });
    fixture.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_person_does_to_what_is_not_ours_is_a_violation() {
    let fixture = Fixture::open(|_| {});
    fixture.sim.with(|world| {
        let prod =
            [("DBClusterIdentifier", "prod"), ("DeletionProtection", "false"), ("ApplyImmediately", "true")];
        let answer = world.call_as(PERSON_KEY, "ModifyDBCluster", &prod);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        assert_eq!(world.violations.len(), 2, "{:?}", world.violations);
    });
}

#[tokio::test(start_paused = true)]
async fn a_command_line_that_makes_no_sense_is_told_so() {
    let fixture = Fixture::open(|_| {});
    let ran = fixture.run(&["no-such-command"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("no-such-command"), "{ran}");
    assert_eq!(fixture.run_on_terminal(40, &["--version"]).await.out, ran_version());
    assert_eq!(fixture.run_answering("y\n", &["--version"]).await.out, ran_version());
    let ran = fixture.run_stopped_after(std::time::Duration::from_secs(1), &["--version"]).await;
    assert_eq!((ran.code, ran.out), (0, ran_version()));
}

fn ran_version() -> String {
    format!("aurora-clone {}\n", env!("CARGO_PKG_VERSION"))
}

#[tokio::test(start_paused = true)]
async fn what_the_functions_log_and_measure_is_in_the_account() {
    let fixture = Fixture::wanting(5, |_| {});
    fixture.night().await;
    fixture.sim.with(|world| {
        let group = world.cloudformation.resource(MANAGER, "PoolMaintainerLogs").unwrap();
        let lines = world.logs.lines(group.physical_id.as_deref().unwrap()).unwrap();
        assert!(lines.iter().any(|line| line.message.contains(r#""message":"pool""#)), "{lines:?}");
        let dimensions = json!([{"Name": "Manager", "Value": MANAGER}, {"Name": "Source", "Value": "prod"}]);
        let metric =
            json!({"Namespace": "AuroraCloneManager", "MetricName": "FreeSlots", "Dimensions": dimensions});
        let query =
            json!({"Id": "free", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Minimum"}});
        let body = json!({
            "MetricDataQueries": [query],
            "StartTime": world.config.start.timestamp(),
            "EndTime": world.now().timestamp() + 1,
        });
        let answer = world.call_json_as(PERSON_KEY, "GraniteServiceVersion20100801.GetMetricData", &body);
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer["MetricDataResults"][0]["Values"][0], 14.0, "{answer}");
    });
    fixture.close().await;
}

//! `aurora-clone validate`: what it prints, and that it says what the handler says.

use std::collections::BTreeSet;
use std::sync::Arc;

use aurora_clone::printer::Printer;
use aurora_clone::surroundings::{Reach, Surroundings};
use aurora_clone_core::arn::Place;
use aurora_clone_core::names::env;
use aurora_clone_core::properties::{BadProperty, Properties};
use aurora_clone_core::settings::Settings;
use proptest::prelude::*;
use serde_json::{Value, json};

const WRONG: &str = include_str!("templates/wrong.yaml");

/// Runs the command with this on standard input: the exit code, standard output, standard error.
async fn run(words: &[&str], input: &str) -> (u8, String, String) {
    let (printer, out, err) = Printer::captured();
    let mut around = Surroundings {
        printer: printer.answering(input),
        reach: Reach::Environment,
        clock: Arc::new(|| unreachable!("templates have no time")),
        stop: Box::new(|| Box::pin(std::future::pending())),
        random: Box::new(|| [0; 16]),
    };
    let words = ["aurora-clone", "validate"].iter().chain(words).map(|word| (*word).into());
    let code = aurora_clone::run(words.collect::<Vec<_>>(), &mut around).await;
    (code, out.text(), err.text())
}

async fn shown(words: &[&str], input: &str) -> String {
    let (code, out, err) = run(words, input).await;
    format!("exit {code}\n--- standard output\n{out}--- standard error\n{err}")
}

#[tokio::test]
async fn text() {
    insta::assert_snapshot!(shown(&["all/cli/templates/wrong.yaml"], "").await);
}

#[tokio::test]
async fn json_is_one_array() {
    let text = shown(&["-", "--json", "--parameter", "Env=dev", "--parameter", "Evn=dev"], WRONG).await;
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn github() {
    insta::assert_snapshot!(shown(&["--format", "github", "all/cli/templates/wrong.yaml"], "").await);
}

#[tokio::test]
async fn what_can_not_be_read() {
    let words = ["all/cli/templates", "all/cli/templates/none.yaml", "-"];
    insta::assert_snapshot!(shown(&words, "Resources:\n  A: [\n").await);
    for words in [&["-", "--name-prefix", "A--"][..], &["-", "--parameter", "x"], &[]] {
        assert_eq!(run(words, "").await.0, 2, "{words:?}");
    }
    let large = "# much\n".repeat(160_000);
    let (code, _, err) = run(&["-"], &large).await;
    assert!(code == 2 && err.contains("larger than 1 MB"), "{err}");
    let garbled = std::env::temp_dir().join(format!("aurora-clone-validate-{}.yaml", std::process::id()));
    std::fs::write(&garbled, b"A: b\nC: \xff\n").unwrap();
    let (code, out, _) = run(&[garbled.to_str().unwrap()], "").await;
    std::fs::remove_file(&garbled).unwrap();
    assert!(code == 1 && out.contains(".yaml:2:4: error: not UTF-8"), "{out}");
}

#[tokio::test]
async fn warnings_fail_only_when_strict_and_other_templates_are_none_of_its_business() {
    let kept = "Resources: {C: {Type: Custom::AuroraClone, DeletionPolicy: Retain, Properties: \
                {ServiceToken: !ImportValue x, SourceClusterId: prod}}}";
    assert_eq!(run(&["-"], kept).await.0, 0);
    assert_eq!(run(&["-", "--strict"], kept).await.0, 1);
    let (code, out, err) = run(&["-", "--strict", "--resource-type", "Custom::Other"], kept).await;
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.contains("note: stdin has no resource of the type Custom::Other"), "{err}");
    let named = kept.replace("SourceClusterId", "ClusterId: mine-a, SourceClusterId");
    assert_eq!(run(&["-"], &named).await.0, 1);
    assert_eq!(run(&["-", "--name-prefix", "mine-"], &named).await.0, 0);
}

#[tokio::test]
async fn every_example_is_valid() {
    let files = std::fs::read_dir("../example").unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .map(|path| path.to_str().unwrap().to_owned())
        .collect();
    assert!(files.len() > 3);
    let mut words: Vec<&str> = files.iter().map(String::as_str).collect();
    words.push("--strict");
    let (code, out, err) = run(&words, "").await;
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
}

/// What the handler says of properties, as a property and what would be right.
fn by_the_handler(properties: &Value) -> BTreeSet<(String, String)> {
    let read = |name: &str| (name == env::MANAGER).then(|| "aurora-clone-manager".to_owned());
    let settings = Settings::read(read).unwrap();
    let place = Place {
        partition: "aws".to_owned(),
        region: "us-east-1".to_owned(),
        account: "123456789012".to_owned(),
    };
    let problems = Properties::parse(properties, &place, &settings).err().unwrap_or_default();
    let said = |problem| match problem {
        BadProperty::Value { name, wanted, .. } => (name.to_owned(), wanted),
        BadProperty::Unknown(name, nearest) => (name, format!("the nearest is {nearest}")),
        BadProperty::Contradiction { one, why, .. } => (one.to_owned(), why.to_owned()),
    };
    problems.into_iter().map(said).collect()
}

#[tokio::test]
async fn it_says_what_the_handler_says() {
    let role = "arn:aws:iam::123456789012:role/app";
    let mut refused = 0;
    for given in [
        json!({}),
        json!({"SourceClusterId": ""}),
        json!({"SourceClusterId": "a--b", "ClusterId": "prod", "Port": "80", "Prot": "1"}),
        json!({"SourceClusterId": "prod", "CopyOk": "true", "OnNoSlot": "Fail"}),
        json!({"SourceClusterId": "prod", "OnNoSlot": "wait", "MaxCopyAge": "3", "ExpiresAfter": "PT1M"}),
        json!({"SourceClusterId": "prod", "SetPassword": "false", "KmsKeyId": "alias/a"}),
        json!({"SourceClusterId": "prod", "ManageMasterUserPassword": "true", "AccessPrincipalArns": [role]}),
        json!({"SourceClusterId": "prod", "AccessPrincipalArns": [role, "*", ""], "VpcSecurityGroupIds": []}),
        json!({"SourceClusterId": "prod", "MonitoringInterval": "60", "ServiceTimeout": "9"}),
        json!({"SourceClusterId": "prod", "MonitoringInterval": "2", "MonitoringRoleArn": "x"}),
        json!({"SourceClusterId": "prod", "Tags": [{"Key": "a"}], "Description": "a;b"}),
        json!({"SourceClusterId": "prod", "Tags": {"aws:x": "b"}, "InstanceClass": "large"}),
        json!({"SourceClusterId": "prod", "ServerlessV2ScalingConfiguration": {"MinCapacity": "4", "MaxCapacity": "2"}}),
        json!({"SourceClusterId": "prod", "AssociatedRoles": [{"RoleArn": role, "FeatureName": "a b"}, {"X": "y"}]}),
        json!({"SourceClusterId": ["prod"], "EnablePerformanceInsights": "false", "PerformanceInsightsRetentionPeriod": "8"}),
        json!({"SourceClusterId": "prod", "EnableCloudwatchLogsExports": "error,Slow", "Tags": "x", "Port": {"a": "b"}}),
        json!({"SourceClusterId": "prod", "Port": "5433", "Tags": {"a": "b"}, "MonitoringInterval": "0"}),
    ] {
        let mut properties = given;
        properties["ServiceToken"] = json!("arn:aws:lambda:us-east-1:123456789012:function:x");
        let expected = by_the_handler(&properties);
        refused += expected.len();
        let template = json!({"Resources": {"C": {"Type": "Custom::AuroraClone", "Properties": properties}}});
        let (code, out, _) = run(&["-", "--json"], &template.to_string()).await;
        let found: Vec<Value> = serde_json::from_str(&out).unwrap();
        let said: BTreeSet<(String, String)> = found
            .iter()
            .map(|finding| {
                let text = |name: &str| finding[name].as_str().unwrap().to_owned();
                (text("property"), text("message"))
            })
            .collect();
        assert_eq!(code, u8::from(!expected.is_empty()));
        assert_eq!(said.len(), expected.len(), "{properties}: {said:?} {expected:?}");
        for (property, wanted) in &expected {
            let same = |(name, message): &&(String, String)| name == property && message.ends_with(wanted);
            assert!(said.iter().any(|one| same(&one)), "{property}: {wanted}: {said:?}");
        }
    }
    assert!(refused > 25, "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_input_makes_it_panic(
        cuts in proptest::collection::vec((0..WRONG.len(), 0..40_usize, "[ -~\n]{0,6}|!If|!Sub|&a|\\*a|<<:|[{}\\[\\]]|: |\t|é"), 0..8),
        json in any::<bool>(),
    ) {
        let mut text: Vec<char> = WRONG.chars().collect();
        for (at, length, put) in cuts {
            let from = at.min(text.len());
            let to = (from + length).min(text.len());
            text.splice(from..to, put.chars());
        }
        let text: String = text.into_iter().collect();
        let text = if json { format!("{{\"Resources\": {}", text.replace('\n', " ")) } else { text };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (code, out, err) = runtime.block_on(run(&["-", "--json"], &text));
        prop_assert!(code < 2, "{err}");
        prop_assert!(serde_json::from_str::<Vec<Value>>(&out).is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn the_operators_limits_count_where_the_managers_stack_is_named() {
    let fixture =
        super::Fixture::with(&[("AllowedSources", "staging-*")], &json!({ "clusters": [] }), |_| {});
    let path = std::env::temp_dir().join(format!("aurora-clone-validate-{}.yaml", std::process::id()));
    let template = "Resources:\n  Clone:\n    Type: Custom::AuroraClone\n    Properties:\n      \
                    ServiceToken: !ImportValue aurora-clone-manager-LambdaArn\n      SourceClusterId: prod\n";
    std::fs::write(&path, template).unwrap();
    let file = path.to_str().unwrap();
    let without = fixture.run(&["validate", file]).await;
    assert_eq!(without.code, 0, "{without}");
    let with = fixture.run(&["validate", file, "--stack", aurora_clone_tests::MANAGER]).await;
    assert_eq!(with.code, 1, "{with}");
    assert!(with.out.contains(":6:") && with.out.contains("SourceClusterId"), "{with}");
    std::fs::remove_file(path).unwrap();
}

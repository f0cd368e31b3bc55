//! What `Fn::GetAtt` gives, and `Ref`.

use std::collections::{BTreeMap, BTreeSet};

use aurora_clone_sim::cloudformation::StackOptions;
use aurora_clone_tests::clone_template;

use super::page;
use super::scene::{Scene, create_with, created, lines, resource};

/// The names that the page lists under "Outputs".
fn documented() -> Vec<String> {
    let lines = page::sentences().into_iter().filter(|sentence| sentence.heading == "Outputs");
    let name = |text: String| text.strip_prefix("- `")?.split_once('`').map(|(name, _)| name.to_owned());
    lines.filter_map(|sentence| name(sentence.text)).collect()
}

#[tokio::test(start_paused = true)]
async fn the_outputs_are_those_that_the_page_lists_and_all_are_texts() {
    for given in [
        "",
        "ExpiresAfter: P2D\nForceCreateKmsKey: true",
        "ManageMasterUserPassword: true",
        "SetPassword: false",
    ] {
        let house = Scene::Rich.open();
        let clone = created(&house, &lines(&[given])).await;
        let data = resource(&house).data;
        let names: BTreeSet<&str> = data.keys().map(String::as_str).collect();
        let documented = documented();
        assert_eq!(names, documented.iter().map(String::as_str).collect(), "{given}");
        assert_eq!(names.len(), documented.len());
        assert_eq!(
            documented,
            aurora_clone_core::outputs::NAMES,
            "the list that templates are checked against"
        );
        assert!(
            data.values().all(|value| value.as_str().is_some_and(|text| !text.contains(&clone.password)))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_output_can_be_got_and_says_what_there_is() {
    let house = Scene::Rich.open();
    let get = |name: &String| format!("  {name}:\n    Value: !GetAtt Clone.{name}\n");
    let outputs: String = documented().iter().map(get).collect();
    let given = lines(&["ClusterId: clone-mine\nExpiresAfter: P2D\nKmsKeyId: alias/team\nInstanceCount: 2"]);
    let template =
        clone_template(&given).replace("  Endpoint:\n    Value: !GetAtt Clone.Endpoint\n", &outputs);
    create_with(&house, "web", &(template + "  Self:\n    Value: !Ref Clone\n"), &StackOptions::default());
    assert_eq!(house.settled("web").await, "CREATE_COMPLETE", "{}", house.story("web"));
    house.look(|world| {
        let got: BTreeMap<&str, &str> =
            world.cloudformation.outputs("web").map(|(name, output)| (name, output.value.as_str())).collect();
        let (clone, root) = (world.rds.cluster("clone-mine").unwrap(), world.rds.cluster("main").unwrap());
        let secret = world.secrets.iter().next().unwrap();
        let host = "clone-mine.cluster-";
        for (name, value) in [
            ("Self", clone.arn.as_str()),
            ("Arn", clone.arn.as_str()),
            ("ClusterId", "clone-mine"),
            ("Port", "5544"),
            ("MasterUsername", "dba"),
            ("DatabaseName", ""),
            ("PasswordSecret", secret.arn.as_str()),
            ("KmsKeyId", "alias/team"),
            ("Engine", "aurora-postgresql"),
            ("EngineVersion", "16.4"),
            ("InstanceClass", "db.serverless"),
            ("InstanceIds", "clone-mine-1,clone-mine-2"),
            ("ResourceId", clone.resource_id.as_str()),
            ("SourceArn", root.arn.as_str()),
            ("RootArn", root.arn.as_str()),
            ("RestoreType", "copy-on-write"),
        ] {
            assert_eq!(got[name], value, "{name}");
        }
        assert!(
            got["Endpoint"].starts_with(host) && got["ReaderEndpoint"].starts_with("clone-mine.cluster-ro-")
        );
        let since =
            |name: &str| got[name].parse::<chrono::DateTime<chrono::Utc>>().unwrap() - clone.truth.created_at;
        assert!(since("DataTimestamp").num_seconds().abs() <= 2);
        assert!((since("ExpiresAt").num_seconds() - 2 * 86_400).abs() <= 2);
        assert_eq!(got.len(), documented().len() + 1);
    });
}

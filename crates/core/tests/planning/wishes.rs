//! Properties with values to choose from.

use aurora_clone_core::properties::Properties;
use aurora_clone_core::properties::table::Class;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::room::{generous, place, role};

/// Two values of every property, and its class once more, so that nobody changes it by chance.
pub fn pairs() -> Vec<(&'static str, Class, Value, Value)> {
    use Class::{InPlace, NoChange, Refresh, Replace};
    let key = |n: u32| json!(format!("alias/key-{n}"));
    // Performance Insights takes no alias.
    let key_arn = |n: u32| {
        json!(format!("arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0a1b-0a1b-0a1b-00000000000{n}"))
    };
    let range = |min: &str| json!({ "MinCapacity": min, "MaxCapacity": "8" });
    let export = |name: &str| json!([{ "RoleArn": role(name), "FeatureName": "s3Export" }]);
    let (yes, no) = (|| json!("true"), || json!("false"));
    vec![
        ("SourceClusterId", Replace, json!("prod"), json!("other")),
        ("ClusterId", Replace, json!("clone-x"), json!("clone-y")),
        ("NoFailOnExistingCluster", NoChange, yes(), no()),
        ("OnNoSlot", NoChange, json!("Wait"), json!("Fail")),
        ("CopyOk", NoChange, yes(), no()),
        ("CopyCreatedSince", Refresh, json!("2026-06-20T00:00:00Z"), json!("2026-06-21T01:00:00Z")),
        ("MaxCopyAge", NoChange, json!("P1D"), json!("P2D")),
        ("PurgeObsoleteCopies", NoChange, yes(), no()),
        ("SetPassword", Replace, yes(), no()),
        ("ManageMasterUserPassword", Replace, yes(), no()),
        ("SecretPrefix", Replace, json!("/aurora-clone-manager/a/"), json!("/aurora-clone-manager/b/")),
        ("SecretpPrefix", Replace, json!("/aurora-clone-manager/a/"), json!("/aurora-clone-manager/b/")),
        ("KmsKeyId", Replace, key(1), key(2)),
        ("ForceCreateKmsKey", Replace, yes(), no()),
        ("AccessPrincipalArns", InPlace, json!([role("a")]), json!([role("a"), role("b")])),
        ("DBSubnetGroupName", Replace, json!("data"), json!("apps")),
        ("Port", Replace, json!("5432"), json!("5433")),
        ("NetworkType", Replace, json!("IPV4"), json!("DUAL")),
        ("VpcSecurityGroupIds", InPlace, json!(["sg-1"]), json!(["sg-1", "sg-2"])),
        ("DBClusterParameterGroupName", InPlace, json!("prod-cluster"), json!("mine")),
        ("StorageType", InPlace, json!("aurora"), json!("aurora-iopt1")),
        ("EnableIAMDatabaseAuthentication", InPlace, yes(), no()),
        ("EnableCloudwatchLogsExports", InPlace, json!(["postgresql"]), json!(["audit"])),
        ("DeletionProtection", InPlace, yes(), no()),
        ("BackupRetentionPeriod", InPlace, json!("1"), json!("7")),
        ("AssociatedRoles", InPlace, export("a"), export("b")),
        (
            "EngineLifecycleSupport",
            InPlace,
            json!("open-source-rds-extended-support"),
            json!("open-source-rds-extended-support-disabled"),
        ),
        ("ServerlessV2ScalingConfiguration", InPlace, range("0"), range("1")),
        ("InstanceClass", InPlace, json!("auto"), json!("db.r6g.large")),
        ("InstanceCount", InPlace, json!("1"), json!("3")),
        ("DBParameterGroupName", InPlace, json!("prod-instance"), json!("mine")),
        ("EnablePerformanceInsights", InPlace, yes(), no()),
        ("PerformanceInsightsRetentionPeriod", InPlace, json!("7"), json!("31")),
        ("PerformanceInsightsKMSKeyId", InPlace, key_arn(1), key_arn(2)),
        ("MonitoringInterval", InPlace, json!("15"), json!("60")),
        ("MonitoringRoleArn", InPlace, json!(role("monitor")), json!(role("watch"))),
        ("ExpiresAfter", InPlace, json!("P1D"), json!("P2D")),
        ("Description", InPlace, json!("for tests"), json!("for everybody")),
        ("Tags", InPlace, json!({ "team": "a", "cost": "1" }), json!({ "team": "b" })),
    ]
}

/// What a property can't be given without.
pub fn with_companions(name: &str, value: &Value) -> Value {
    let mut properties = json!({ "SourceClusterId": "prod" });
    if name == "MonitoringInterval" {
        properties["MonitoringRoleArn"] = json!(role("monitor"));
    }
    properties[name] = value.clone();
    properties
}

/// Properties that can be read, about a clone of `prod` that is made at once.
pub fn any_map() -> impl Strategy<Value = Value> {
    let given = |(name, _, a, b): (&'static str, Class, Value, Value)| {
        let value = prop_oneof![2 => Just(None), 1 => select(vec![Some(a), Some(b)])];
        value.prop_map(move |value| (name, value))
    };
    let made_again = |name: &str| ["SourceClusterId", "CopyCreatedSince", "ClusterId"].contains(&name);
    let all = pairs().into_iter().filter(|pair| !made_again(pair.0)).map(given).collect::<Vec<_>>();
    all.prop_shuffle().prop_map(|given| {
        let mut map = Map::from_iter([("SourceClusterId".to_owned(), json!("prod"))]);
        // What contradicts an earlier one stays out.
        for (name, value) in given.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            let mut more = map.clone();
            more.insert(name.to_owned(), value);
            if Properties::parse(&Value::Object(more.clone()), &place(), &generous()).is_ok() {
                map = more;
            }
        }
        Value::Object(map)
    })
}

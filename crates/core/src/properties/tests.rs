//! What is read, and how.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::table::{Class, OF_THE_REQUEST, TABLE, names};
use super::*;
use crate::names::env;

mod refused;

const ROLE: &str = "arn:aws:iam::123456789012:role/app";
const KEY: &str = "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f";

fn parse_under(operator: &[(&str, &str)], value: &Value) -> Result<Properties, String> {
    let place =
        Place::of_stack("arn:aws:cloudformation:eu-west-1:123456789012:stack/web/1").expect("a stack");
    let variable =
        |name: &str| operator.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let settings =
        Settings::read(|name| variable(name).or((name == env::MANAGER).then(|| "manager".to_owned())));
    Properties::parse(value, &place, &settings.expect("settings")).map_err(|problems| describe(&problems))
}

fn parse(value: Value) -> Result<Properties, String> {
    parse_under(&[], &value)
}

/// Properties beside those that are needed.
fn all(given: Value) -> Value {
    let mut map = json!({"ServiceToken": "arn", "SourceClusterId": "prod"});
    for (name, value) in given.as_object().expect("a map") {
        map[name] = value.clone();
    }
    map
}

fn with(name: &str, value: Value) -> Result<Properties, String> {
    parse(all(json!({name: value})))
}

/// A value of every property, as CloudFormation sends it, that is not the default.
fn samples() -> Value {
    let mut samples = json!({
        "SourceClusterId": "other",
        "ClusterId": "clone-x",
        "NoFailOnExistingCluster": "true",
        "OnNoSlot": "Wait",
        "CopyOk": "true",
        "CopyCreatedSince": "2018-07-20T00:30:00",
        "MaxCopyAge": "PT1H",
        "PurgeObsoleteCopies": "true",
        "SetPassword": "true",
        "ManageMasterUserPassword": "true",
        "SecretPrefix": "/aurora-clone-manager/team/",
        "SecretpPrefix": "/aurora-clone-manager/team/",
        "KmsKeyId": "alias/mine",
        "ForceCreateKmsKey": "true",
        "AccessPrincipalArns": [ROLE],
        "DBSubnetGroupName": "Data Subnets",
    });
    let more = json!({
        "Port": "5433",
        "NetworkType": "DUAL",
        "VpcSecurityGroupIds": ["sg-2", "sg-1", "sg-2"],
        "DBClusterParameterGroupName": "Default.Aurora-PostgreSQL16",
        "StorageType": "aurora-iopt1",
        "EnableIAMDatabaseAuthentication": "true",
        "EnableCloudwatchLogsExports": ["postgresql"],
        "DeletionProtection": "true",
        "BackupRetentionPeriod": "14",
        "AssociatedRoles": [{"RoleArn": ROLE, "FeatureName": "s3Export"}],
        "EngineLifecycleSupport": "open-source-rds-extended-support-disabled",
        "ServerlessV2ScalingConfiguration": {
            "MinCapacity": "0", "MaxCapacity": "1.5", "SecondsUntilAutoPause": "600"
        },
        "InstanceClass": "db.r6g.large",
        "InstanceCount": "2",
        "DBParameterGroupName": "mine",
        "EnablePerformanceInsights": "true",
        "PerformanceInsightsRetentionPeriod": "31",
        "PerformanceInsightsKMSKeyId": KEY,
        "MonitoringInterval": "0",
        "MonitoringRoleArn": ROLE,
        "ExpiresAfter": "P2D",
        "Description": "Nightly report: all",
        "Tags": [{"Key": "team", "Value": "true"}],
        "FinalSnapshot": "true",
        "ServiceToken": "arn:aws:lambda",
        "ServiceTimeout": "900"
    });
    if let (Some(samples), Value::Object(more)) = (samples.as_object_mut(), more) {
        samples.extend(more);
    }
    samples
}

#[test]
fn defaults() {
    let properties = parse(json!({"ServiceToken": "arn", "SourceClusterId": "Prod"})).expect("fine");
    let expected = Properties {
        source: "prod".to_owned(),
        cluster_id: None,
        no_fail_on_existing: false,
        on_no_slot: OnNoSlot::Fail,
        freshness: Freshness { created_since: None, max_age: Some(Duration::days(3)) },
        purge_obsolete_copies: false,
        tags: Tags::new(),
        description: None,
        lease: None,
        password: PasswordWish::default(),
        cluster: ClusterWish::default(),
        instances: InstanceWish::default(),
        hash: properties.hash.clone(),
    };
    assert_eq!(properties, expected);
    assert_eq!(properties.hash.len(), 20);
}

/// The booleans and numbers that direct invokes send and CloudFormation does not.
fn typed(value: &Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(text)
            .ok()
            .filter(|value: &Value| value.is_boolean() || value.is_number())
            .unwrap_or(value.clone()),
        Value::Array(list) => list.iter().map(typed).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), typed(value))).collect(),
        other => other.clone(),
    }
}

#[test]
fn every_property_changes_what_is_read_and_the_hash_says_what_an_update_looks_at() {
    let (samples, plain) = (samples(), parse(all(json!({}))).expect("fine"));
    assert_eq!(samples.as_object().map(Map::len), Some(names().count()));
    for name in names() {
        let sample = samples.get(name).unwrap_or_else(|| panic!("{name} has no sample"));
        let read = with(name, sample.clone()).expect(name);
        assert_eq!(with(name, typed(sample)).as_ref(), Ok(&read), "{name}, typed");
        let class = TABLE.iter().find(|(known, _)| *known == name).map(|(_, class)| *class);
        let counts = class.is_some_and(|class| class != Class::NoChange);
        assert_eq!(read.hash != plain.hash, counts, "{name}");
        let seen = Properties { hash: plain.hash.clone(), ..read } != plain;
        assert_eq!(seen, !OF_THE_REQUEST.contains(&name), "{name}");
    }
}

#[test]
fn values_mean_what_they_say() {
    let arn = "arn:aws:rds:eu-west-1:123456789012:cluster:prod";
    assert_eq!(with("SourceClusterId", json!(arn)).map(|p| p.source), Ok("prod".into()));
    assert_eq!(with("ClusterId", json!("clone-x")).map(|p| p.cluster_id), Ok(Some("clone-x".into())));
    assert_eq!(with("CopyOk", json!("true")).map(|p| p.on_no_slot), Ok(OnNoSlot::Copy));
    assert_eq!(with("CopyOk", json!(false)).map(|p| p.on_no_slot), Ok(OnNoSlot::Fail));
    let age = |text: &str| with("MaxCopyAge", json!(text)).expect("fine").freshness.max_age;
    assert_eq!(age("PT1H"), Some(Duration::hours(1)));
    assert_eq!(age("P30D"), Some(Duration::days(3)), "the operator's limit");
    let since = with("CopyCreatedSince", json!("2018-07-20T00:30:00")).expect("fine").freshness.created_since;
    assert_eq!(since.map(|time| time.timestamp()), Some(1_532_046_600));
    let tags = Tags::from([("team".into(), "7".into())]);
    for value in [json!({"team": "7"}), json!({"team": 7}), json!([{"Key": "team", "Value": "7"}])] {
        assert_eq!(with("Tags", value).map(|p| p.tags), Ok(tags.clone()));
    }
    assert_eq!(with("ExpiresAfter", json!("P2D")).map(|p| p.lease), Ok(Some(Duration::days(2))));
    for name in ["SecretPrefix", "SecretpPrefix"] {
        let prefix = "/aurora-clone-manager/a";
        assert_eq!(with(name, json!(prefix)).map(|p| p.password.prefix), Ok(Some(prefix.into())));
    }
    let class = |text: &str| with("InstanceClass", json!(text)).expect("fine").instances.class;
    assert_eq!((class("auto"), class("db.serverless")), (None, Some("db.serverless".into())));
    let own = "arn:aws:sts::123456789012:assumed-role/app/me";
    let given = json!(format!("{ROLE}, {own},{ROLE}"));
    let principals = with("AccessPrincipalArns", given).expect("fine").password.principals;
    assert_eq!(principals, [ROLE, own]);
    let keys = [KEY, "mrk-0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d", "alias/a/b", &key_arn("eu-west-1", "alias/a")];
    for key in keys.into_iter().chain([key_arn("eu-west-1", &format!("key/{KEY}")).as_str()]) {
        assert_eq!(with("KmsKeyId", json!(key)).map(|p| p.password.key), Ok(Some(key.into())));
    }
    for days in [7, 31, 62, 713, 731] {
        let read = with("PerformanceInsightsRetentionPeriod", json!(days)).expect("fine");
        assert_eq!(read.instances.performance_insights_retention, Some(days));
    }
    let metrics = json!({"MonitoringInterval": "60", "MonitoringRoleArn": ROLE});
    assert_eq!(parse(all(metrics)).map(|p| p.instances.monitoring_interval), Ok(Some(60)));
}

fn key_arn(region: &str, rest: &str) -> String {
    format!("arn:aws:kms:{region}:123456789012:{rest}")
}

#[test]
fn what_a_cluster_is_set_up_with_is_in_order() {
    let read = |name: &str, value: Value| with(name, value).expect(name).cluster;
    let groups = read("VpcSecurityGroupIds", json!("sg-2,sg-1, sg-2")).security_groups;
    assert_eq!(groups, Some(vec!["sg-1".to_owned(), "sg-2".to_owned()]));
    assert_eq!(
        read("DBSubnetGroupName", json!("Data Subnets")).subnet_group.as_deref(),
        Some("data subnets")
    );
    assert_eq!(read("EnableCloudwatchLogsExports", json!([])).log_exports, Some(vec![]));
    assert_eq!(read("AssociatedRoles", json!([])).roles, Some(vec![]));
    let role = |role: &str| AssociatedRole { role: role.to_owned(), feature: None };
    let roles = json!([{"RoleArn": format!("{ROLE}2")}, {"RoleArn": ROLE}, {"RoleArn": ROLE}]);
    let expected = vec![role(ROLE), role(&format!("{ROLE}2"))];
    assert_eq!(read("AssociatedRoles", roles).roles, Some(expected));
    let capacity = json!({"MinCapacity": "0.5", "MaxCapacity": 256});
    let expected = Capacity { min: 0.5, max: 256.0, pause_after: None };
    assert_eq!(read("ServerlessV2ScalingConfiguration", capacity).capacity, Some(expected));
}

#[test]
fn the_hash_is_of_the_meaning_of_the_texts() {
    let hash = |given: Value| parse(all(given)).expect("fine").hash;
    let one = json!({"Port": "5433", "Tags": {"a": "1", "b": "true"}, "DeletionProtection": "true"});
    let other =
        json!({"DeletionProtection": true, "Tags": {"b": true, "a": 1}, "Port": 5433, "OnNoSlot": "Wait"});
    assert_eq!(hash(one), hash(other));
    let prefix = "/aurora-clone-manager/a/";
    let old = hash(json!({"SecretpPrefix": prefix}));
    assert_eq!(old, hash(json!({"SecretPrefix": prefix})));
    assert_eq!(old, hash(json!({"SecretPrefix": prefix, "SecretpPrefix": prefix})));
    assert_ne!(hash(json!({"Tags": {"a": "b"}})), hash(json!({"Tags": {"b": "a"}})));
    assert_ne!(hash(json!({"KmsKeyId": KEY})), hash(json!({"PerformanceInsightsKMSKeyId": KEY})));
    assert_ne!(hash(json!({"AssociatedRoles": []})), hash(json!({})), "no roles is not the source's");
}

#[test]
fn a_delete_reads_what_it_can() {
    for (value, wanted) in
        [(json!(true), true), (json!("true"), true), (json!("True"), false), (json!(1), false)]
    {
        assert_eq!(final_snapshot_leniently(&json!({"FinalSnapshot": value})), wanted, "{value}");
    }
    for garbage in [
        json!(null),
        json!("x"),
        json!([]),
        json!({}),
        json!({"FinalSnapshot": {}, "ClusterId": [], "SourceClusterId": 7}),
    ] {
        assert!(!final_snapshot_leniently(&garbage), "{garbage}");
        assert_eq!((source_leniently(&garbage), cluster_id_leniently(&garbage)), (None, None), "{garbage}");
        assert_eq!(service_timeout(&garbage), Duration::seconds(SERVICE_TIMEOUT), "{garbage}");
    }
    let given =
        json!({"ClusterId": "clone-x", "SourceClusterId": "PROD", "Nonsense": 1, "ServiceTimeout": "900"});
    assert_eq!(cluster_id_leniently(&given).as_deref(), Some("clone-x"));
    assert_eq!(source_leniently(&given).as_deref(), Some("prod"));
    assert_eq!(service_timeout(&given), Duration::seconds(900));
    assert_eq!(cluster_id_leniently(&json!({"ClusterId": "Clone--x"})), None);
}

fn any_json() -> impl Strategy<Value = Value> {
    let texts =
        ["prod", "true", "P3D", "900", "0.5", "auto", "", "arn:aws:iam::", ROLE, KEY, "alias/", "sg-1,,"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,300}".prop_map(Value::from),
        select(texts.to_vec()).prop_map(Value::from),
    ];
    let key = prop_oneof![
        ".{0,12}",
        select(
            &[
                "RoleArn",
                "FeatureName",
                "MinCapacity",
                "MaxCapacity",
                "SecondsUntilAutoPause",
                "Key",
                "Value"
            ][..]
        )
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 20, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..40).prop_map(Value::from),
            proptest::collection::hash_map(key.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_of_any_property_is_read_or_refused(
        given in proptest::collection::hash_map(select(names().collect::<Vec<_>>()), any_json(), 0..12),
    ) {
        let map: Map<String, Value> = given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let value = Value::Object(map);
        if let Err(text) = parse(value.clone()) {
            prop_assert!(!text.is_empty() && text.len() < 20_000);
        }
        let _ = (source_leniently(&value), cluster_id_leniently(&value), final_snapshot_leniently(&value));
        prop_assert!((1..=SERVICE_TIMEOUT).contains(&service_timeout(&value).num_seconds()));
    }
}

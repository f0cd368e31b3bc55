//! What is refused, and how it is told.

use super::*;

#[test]
fn every_bad_property_is_named_with_its_value() {
    let long = |length: usize| "x".repeat(length);
    let account = "arn:aws:iam::123456789012";
    let many: Vec<String> = (0..31).map(|n| format!("{ROLE}{n}")).collect();
    let roles: Vec<Value> = (0..6).map(|n| json!({"RoleArn": format!("{ROLE}{n}")})).collect();
    let table = [
        (
            "SourceClusterId",
            vec![
                (json!(""), "empty"),
                (json!(["prod"]), "text"),
                (json!(null), "text"),
                (json!("prod--1"), "hyphens"),
                (json!("arn:aws:rds:us-east-1:123456789012:cluster:prod"), "eu-west-1"),
                (json!("arn:aws:rds:eu-west-1:999999999999:cluster:prod"), "123456789012"),
                (json!("arn:aws:rds:eu-west-1:123456789012:db:prod"), "not the ARN of a cluster"),
            ],
        ),
        ("ClusterId", vec![(json!("prod-2"), "clone-"), (json!("Clone-2"), "lower-case")]),
        ("InstanceClass", vec![(json!("r4.large"), "db.r6g.large"), (json!("db.;.x"), "db.r6g.large")]),
        ("CopyOk", vec![(json!("yes"), "true"), (json!("True"), "true"), (json!(1), "true")]),
        ("OnNoSlot", vec![(json!("wait"), "Wait")]),
        ("CopyCreatedSince", vec![(json!("yesterday"), "ISO 8601"), (json!(2018), "ISO 8601")]),
        ("MaxCopyAge", vec![(json!("3"), "P3D"), (json!(3), "P3D")]),
        ("ExpiresAfter", vec![(json!("7"), "P3D"), (json!("PT59M"), "PT1H")]),
        (
            "Description",
            vec![(json!(long(257)), "256"), (json!("a;b"), "takes"), (json!("aws:x"), "reserved")],
        ),
        (
            "Tags",
            vec![
                (json!("team=a"), "Key"),
                (json!({"team": ["a"]}), "Key"),
                (json!([{"Key": "a"}]), "Key"),
                (json!([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]), "once"),
                (json!({"aurora-clone:manager": "me"}), "reserved"),
            ],
        ),
        ("ServiceTimeout", vec![(json!("3601"), "3600"), (json!("60"), "300")]),
        (
            "SecretPrefix",
            vec![
                (json!("/other/"), "DEFAULT_SECRET_PREFIX"),
                (json!("/aurora-clone-manager/*"), "180"),
                (json!(format!("/aurora-clone-manager/{}", long(180))), "180"),
            ],
        ),
        ("SecretpPrefix", vec![(json!("/other/"), "DEFAULT_SECRET_PREFIX")]),
        (
            "KmsKeyId",
            vec![
                (json!("mine"), "alias/NAME"),
                (json!("alias/aws/secretsmanager"), "of your own"),
                (json!(key_arn("eu-west-1", "alias/aws/rds")), "of your own"),
                (json!(key_arn("us-east-1", &format!("key/{KEY}"))), "region, eu-west-1"),
                (json!(key_arn("eu-west-1", "key/*")), "alias/NAME"),
                (json!(key_arn("eu-west-1", KEY)), "alias/NAME"),
                (json!("mrk-0A1B"), "alias/NAME"),
                (json!("arn:aws:s3:::bucket"), "alias/NAME"),
            ],
        ),
        (
            "PerformanceInsightsKMSKeyId",
            vec![
                (json!("alias/aws/rds"), "of your own"),
                (json!("x y"), "KMS key"),
                (json!("alias/mine"), "no alias"),
                (json!(key_arn("eu-west-1", "alias/mine")), "no alias"),
            ],
        ),
        (
            "AccessPrincipalArns",
            vec![
                (json!("123456789012"), "full ARN"),
                (json!("*"), "full ARN"),
                (json!(format!("{account}:role/*")), "full ARN"),
                (json!(format!("{account}:role/")), "full ARN"),
                (json!(format!("{account}:root/x")), "full ARN"),
                (json!(format!("{account}:group/x")), "full ARN"),
                (json!("arn:aws:iam::123:root"), "full ARN"),
                (json!("arn:aws-cn:iam::123456789012:root"), "full ARN"),
                (json!("arn:aws:sts::123456789012:assumed-role/app"), "full ARN"),
                (json!("arn:aws:iam::999999999999:root"), "ALLOWED_PRINCIPALS"),
                (json!(format!("{ROLE},")), "empty"),
                (json!([[ROLE]]), "text"),
                (json!({"arn": ROLE}), "list"),
                (json!(many), "at most 30"),
            ],
        ),
        ("DBSubnetGroupName", vec![(json!("a/b"), "subnet group"), (json!(" a"), "spaces inside")]),
        ("DBClusterParameterGroupName", vec![(json!("a b"), "cluster parameter"), (json!(long(256)), "255")]),
        ("DBParameterGroupName", vec![(json!("ä"), "DB parameter group")]),
        (
            "Port",
            vec![
                (json!("1149"), "1150 to 65535"),
                (json!("65536"), "1150 to 65535"),
                (json!("+5432"), "whole number"),
                (json!("05432"), "whole number"),
                (json!(5432.5), "whole number"),
                (json!("99999999999"), "whole number"),
            ],
        ),
        ("NetworkType", vec![(json!("ipv4"), "IPV4 or DUAL")]),
        (
            "VpcSecurityGroupIds",
            vec![
                (json!([]), "at least one"),
                (json!(""), "list"),
                (json!("default"), "sg-"),
                (json!("sg-*"), "sg-"),
            ],
        ),
        ("StorageType", vec![(json!("gp3"), "aurora or aurora-iopt1")]),
        (
            "EnableCloudwatchLogsExports",
            vec![(json!("Error"), "log"), (json!([""]), "empty"), (json!(true), "list")],
        ),
        ("BackupRetentionPeriod", vec![(json!("0"), "1 to 35 days"), (json!(36), "1 to 35 days")]),
        (
            "AssociatedRoles",
            vec![
                (json!(ROLE), "RoleArn"),
                (json!([ROLE]), "RoleArn"),
                (json!([{"FeatureName": "s3Export"}]), "RoleArn"),
                (json!([{"RoleArn": ROLE, "Feature": "x"}]), "\"Feature\""),
                (json!([{"RoleArn": ROLE, "FeatureName": "a b"}]), "s3Export"),
                (json!([{"RoleArn": "arn:aws:iam::999999999999:role/app"}]), "own account"),
                (json!([{"RoleArn": format!("{account}:user/app")}]), ":role/NAME"),
                (json!(roles), "at most 5"),
            ],
        ),
        ("EngineLifecycleSupport", vec![(json!("none"), "open-source-rds-extended-support-disabled")]),
        (
            "ServerlessV2ScalingConfiguration",
            vec![
                (json!("0.5"), "map"),
                (json!({"MinCapacity": "1"}), "MaxCapacity"),
                (json!({"MinCapacity": "1", "MaxCapacity": "2", "Max": "2"}), "\"Max\""),
                (json!({"MinCapacity": "0.3", "MaxCapacity": "2"}), "MinCapacity takes 0 to 256"),
                (json!({"MinCapacity": "-1", "MaxCapacity": "2"}), "MinCapacity takes"),
                (json!({"MinCapacity": "0", "MaxCapacity": "0.5"}), "MaxCapacity takes 1 to 256"),
                (json!({"MinCapacity": "0", "MaxCapacity": "inf"}), "MaxCapacity takes"),
                (json!({"MinCapacity": "4", "MaxCapacity": "2"}), "more than"),
                (
                    json!({"MinCapacity": "0", "MaxCapacity": "2", "SecondsUntilAutoPause": "299"}),
                    "300 to 86400",
                ),
                (json!({"MinCapacity": "1", "MaxCapacity": "2", "SecondsUntilAutoPause": "300"}), "of 0"),
            ],
        ),
        ("InstanceCount", vec![(json!("0"), "1 to 16 instances"), (json!(17), "1 to 16 instances")]),
        (
            "PerformanceInsightsRetentionPeriod",
            vec![(json!("8"), "days"), (json!("744"), "731"), (json!(0), "31")],
        ),
        ("MonitoringInterval", vec![(json!("2"), "seconds"), (json!("60"), "MonitoringRoleArn")]),
        ("MonitoringRoleArn", vec![(json!("app"), "own account")]),
    ];
    for (name, bad) in table {
        for (value, hint) in bad {
            let error = with(name, value.clone()).expect_err(&format!("{name} {value}"));
            assert!(error.starts_with(name) && error.contains(hint), "{error}");
        }
    }
    let booleans = samples().as_object().expect("a map").clone().into_iter().filter(|(_, v)| v == "true");
    for (name, _) in booleans {
        let error = with(&name, json!("yes")).expect_err(&name);
        assert!(error.contains(&format!("{name} is \"yes\": it takes true")), "{error}");
    }
    let missing = parse(json!({})).expect_err("missing");
    assert!(missing.contains("SourceClusterId is missing"), "{missing}");
    assert!(parse(json!([])).expect_err("a list").starts_with("ResourceProperties"));
}

#[test]
fn the_operator_limits_what_is_given() {
    for (name, value, limit, allowed) in [
        ("SourceClusterId", "prod", env::ALLOWED_SOURCES, "staging-*"),
        ("DBSubnetGroupName", "Public", env::ALLOWED_SUBNET_GROUPS, "private*"),
        ("VpcSecurityGroupIds", "sg-1,sg-2", env::ALLOWED_SECURITY_GROUPS, "sg-1"),
        ("InstanceClass", "db.serverless", env::ALLOWED_INSTANCE_CLASSES, "db.t4g.*"),
        ("AccessPrincipalArns", ROLE, env::ALLOWED_PRINCIPALS, "arn:aws:iam::123456789012:role/readers/*"),
        ("ExpiresAfter", "P2D", env::MAX_LEASE, "P1D"),
        ("SecretPrefix", "/aurora-clone-manager/", env::DEFAULT_SECRET_PREFIX, "/mine/"),
        ("SetPassword", "false", env::ALLOW_SOURCE_PASSWORD, "false"),
    ] {
        let error = parse_under(&[(limit, allowed)], &all(json!({name: value}))).expect_err(name);
        assert!(error.starts_with(name) && error.contains(limit), "{error}");
    }
    let error = with("SetPassword", json!("false")).expect_err("refused");
    assert!(error.contains("production's password"), "{error}");
    let source = parse_under(&[(env::ALLOW_SOURCE_PASSWORD, "true")], &all(json!({"SetPassword": "false"})));
    assert_eq!(source.map(|p| p.password.set), Ok(Some(false)));
    let managed = json!({"SetPassword": "false", "ManageMasterUserPassword": "true", "KmsKeyId": KEY});
    assert!(parse(all(managed)).is_ok());
    let lease = parse_under(&[(env::MAX_LEASE, "P2D")], &all(json!({"ExpiresAfter": "P2D"})));
    assert!(lease.is_ok(), "{lease:?}");
}

#[test]
fn contradictions_name_both() {
    let prefix = "/aurora-clone-manager/a/";
    for (one, other) in [
        (("CopyOk", json!("true")), ("OnNoSlot", json!("Fail"))),
        (("SetPassword", json!("true")), ("ManageMasterUserPassword", json!("true"))),
        (("KmsKeyId", json!(KEY)), ("ForceCreateKmsKey", json!("true"))),
        (("ManageMasterUserPassword", json!("true")), ("AccessPrincipalArns", json!([ROLE]))),
        (("ManageMasterUserPassword", json!("true")), ("SecretPrefix", json!(prefix))),
        (("ManageMasterUserPassword", json!("true")), ("SecretpPrefix", json!(prefix))),
        (("ManageMasterUserPassword", json!("true")), ("ForceCreateKmsKey", json!("true"))),
        (("SetPassword", json!("false")), ("AccessPrincipalArns", json!(ROLE))),
        (("SetPassword", json!("false")), ("KmsKeyId", json!(KEY))),
        (("SetPassword", json!("false")), ("ForceCreateKmsKey", json!("true"))),
        (("SetPassword", json!("false")), ("SecretPrefix", json!(prefix))),
        (("SecretPrefix", json!(prefix)), ("SecretpPrefix", json!("/aurora-clone-manager/b/"))),
        (("EnablePerformanceInsights", json!("false")), ("PerformanceInsightsRetentionPeriod", json!("7"))),
        (("EnablePerformanceInsights", json!("false")), ("PerformanceInsightsKMSKeyId", json!(KEY))),
    ] {
        let operator = [(env::ALLOW_SOURCE_PASSWORD, "true")];
        let map = all(json!({one.0: one.1, other.0: other.1}));
        let error = parse_under(&operator, &map).expect_err("contradiction");
        assert!(error.starts_with(&format!("{} is ", one.0)), "{error}");
        assert!(error.contains(&format!(" and {} is ", other.0)), "{error}");
        assert!(!error.contains(';'), "once: {error}");
    }
    for fine in [
        json!({"CopyOk": "true", "OnNoSlot": "Copy"}),
        json!({"SecretPrefix": prefix, "SecretpPrefix": prefix}),
        json!({"ManageMasterUserPassword": "true", "KmsKeyId": KEY, "AccessPrincipalArns": []}),
        json!({"KmsKeyId": KEY, "ForceCreateKmsKey": "false"}),
        json!({"SetPassword": "true", "ManageMasterUserPassword": "false"}),
        json!({"NoFailOnExistingCluster": "true"}),
    ] {
        assert!(parse(all(fine.clone())).is_ok(), "{fine}");
    }
}

#[test]
fn unknown_properties_name_the_nearest() {
    for (name, nearest) in [
        ("SourceClusterID", "SourceClusterId"),
        ("OnNoSlots", "OnNoSlot"),
        ("CopyOK", "CopyOk"),
        ("Tag", "Tags"),
        ("VPCSecurityGroupIds", "VpcSecurityGroupIds"),
    ] {
        let error = with(name, json!("x")).expect_err(name);
        assert!(error.contains(&format!("the nearest is {nearest}")), "{error}");
    }
}

#[test]
fn everything_wrong_is_reported_at_once() {
    let mut given: Map<String, Value> = names().map(|name| (name.to_owned(), json!({"a;": "b"}))).collect();
    given.insert("Nonsense".to_owned(), json!("1"));
    let error = parse(Value::Object(given)).expect_err("wrong");
    for name in names().filter(|name| *name != "ServiceToken").chain(["Nonsense"]) {
        assert!(error.contains(name), "{name}: {error}");
    }
    let items = with("AccessPrincipalArns", json!(["a", ROLE, "b"])).expect_err("two are wrong");
    assert!(items.contains("is \"a\"") && items.contains("is \"b\""), "{items}");
}

#[test]
fn the_longest_message_is_bounded() {
    let wide = "\u{10ffff}".repeat(400);
    let mut given: Map<String, Value> = names()
        .map(|name| (name.to_owned(), json!([wide.as_str(), wide.as_str(), {"a": wide.as_str()}])))
        .collect();
    given.extend((0..3_000).map(|n| (format!("{n}{wide}"), Value::Null)));
    let error = parse(Value::Object(given)).expect_err("wrong");
    assert!(error.len() < 20_000 && error.contains(" more"), "{}", error.len());
}

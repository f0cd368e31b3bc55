//! What authors, CloudFormation and others send that can't be used: one clear answer, or none at all, and never a call to RDS.

use aurora_clone_sim::cloudformation::{StackOptions, response_url};
use aurora_clone_sim::{Config, World};
use aurora_clone_tests::{FUNCTION, House, LAST_RESORT, clone_template, function_arn};
use chrono::Duration;
use serde_json::{Value, json};

const STACK: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/web/0a1b";
const BUCKET: &str = "cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com";

/// Creates a stack that is left alone when its creation fails, so that nothing else speaks to the account.
fn create_without_rollback(house: &House, stack: &str, properties: &str) {
    house.sim.with(|world| {
        let parameters = [("Manager".to_owned(), function_arn(&world.config))].into_iter().collect();
        let template = clone_template(properties);
        world.settle(|services, cx| {
            let options = StackOptions::disable_rollback();
            services.cloudformation.create_stack(cx, stack, &template, &parameters, &options).unwrap()
        })
    });
}

/// A good Create, as the function gets it.
fn event(world: &mut World, request: &str) -> Value {
    let url = world.settle(|_, cx| response_url(cx, &format!("{STACK}|Clone|{request}")));
    json!({
        "RequestType": "Create", "ResponseURL": url, "StackId": STACK, "RequestId": request,
        "LogicalResourceId": "Clone", "ResourceType": "Custom::AuroraClone",
        "ResourceProperties": {"ServiceToken": "arn", "SourceClusterId": "prod"}
    })
}

/// Invokes the function as CloudFormation does, and lets Lambda try as often as it wants.
async fn send(house: &House, payloads: impl IntoIterator<Item = Value>) {
    house.sim.with(|world| {
        for payload in payloads {
            world.settle(|services, cx| services.functions.invoke_async(cx, FUNCTION, payload));
        }
    });
    house.sim.sleep(Duration::minutes(20)).await;
}

/// Nothing was asked of RDS, and no execution was started.
#[track_caller]
fn check_untouched(house: &House) {
    assert!(house.rds_calls().is_empty(), "{:#?}", house.rds_calls());
    house.look(|world| assert!(world.states.executions().is_empty()));
}

/// The answers so far, in order.
fn answers(house: &House) -> Vec<Value> {
    house.look(|world| {
        world.bucket.answers.iter().map(|answer| serde_json::from_slice(&answer.body).unwrap()).collect()
    })
}

#[tokio::test(start_paused = true)]
async fn every_bad_property_is_refused_by_name_and_the_stack_can_be_deleted() {
    let good = "SourceClusterId: prod\n";
    let cases: Vec<(String, &[&str])> = vec![
        (String::new(), &["SourceClusterId is missing"]),
        ("SourceClusterId: ''".into(), &["SourceClusterId", "empty"]),
        ("SourceClusterId: [prod]".into(), &["SourceClusterId", "prod", "takes a text"]),
        ("SourceClusterId: prod_1".into(), &["SourceClusterId", "prod_1", "hyphens"]),
        (
            "SourceClusterId: arn:aws:rds:us-east-1:123456789012:cluster:prod".into(),
            &["SourceClusterId", "us-east-1", "eu-west-1"],
        ),
        (
            "SourceClusterId: arn:aws:rds:eu-west-1:210987654321:cluster:prod".into(),
            &["SourceClusterId", "210987654321", "account"],
        ),
        (
            "SourceClusterId: arn:aws:rds:eu-west-1:123456789012:db:prod-1".into(),
            &["SourceClusterId", "not the ARN of a cluster"],
        ),
        (format!("{good}ClusterId: prod-2"), &["ClusterId", "prod-2", "clone-"]),
        (format!("{good}ClusterId: clone-X"), &["ClusterId", "clone-X", "lower-case"]),
        (format!("{good}ClusterId: clone-{}", "x".repeat(58)), &["ClusterId", "63"]),
        (format!("{good}InstanceClass: large"), &["InstanceClass", "large", "db.r6g.large"]),
        (format!("{good}CopyOk: 'yes'"), &["CopyOk", "yes", "true"]),
        (format!("{good}OnNoSlot: wait"), &["OnNoSlot", "wait", "Copy, Wait or Fail"]),
        (format!("{good}CopyOk: true\nOnNoSlot: Fail"), &["CopyOk", "OnNoSlot", "give one of them"]),
        (format!("{good}CopyCreatedSince: yesterday"), &["CopyCreatedSince", "yesterday", "ISO 8601"]),
        (format!("{good}MaxCopyAge: 3 days"), &["MaxCopyAge", "3 days", "P3D"]),
        (format!("{good}Tags: a=b"), &["Tags", "a=b", "Key, Value"]),
        (format!("{good}Tags:\n  aurora-clone:manager: me"), &["Tags", "reserved", "aurora-clone:"]),
        (format!("{good}Tags:\n  team: aws:x"), &["Tags", "team", "reserved"]),
        (format!("{good}Tags:\n  team: '{{\"a\"}}'"), &["Tags", "letters"]),
        (format!("{good}ServiceTimeout: 60"), &["ServiceTimeout", "60", "300 to 3600"]),
        (format!("{good}InstanceClas: auto"), &["\"InstanceClas\"", "the nearest is InstanceClass"]),
        (format!("{good}Sources: x"), &["\"Sources\" is not a property"]),
        ("Clusterid: x\nCopyOk: maybe".into(), &["SourceClusterId", "CopyOk", "nearest is ClusterId"]),
    ];
    let house = House::open();
    for (number, (properties, _)) in cases.iter().enumerate() {
        create_without_rollback(&house, &format!("bad-{number}"), properties);
    }
    for (number, (properties, words)) in cases.iter().enumerate() {
        let stack = format!("bad-{number}");
        assert_eq!(house.settled(&stack).await, "CREATE_FAILED", "{properties}");
        let story = house.story(&stack);
        for word in *words {
            assert!(story.contains(word), "{properties:?}: no {word:?} in\n{story}");
        }
    }
    assert_eq!(answers(&house).len(), cases.len(), "one answer each");
    assert!(answers(&house).iter().all(|answer| answer["Status"] == "FAILED"));
    check_untouched(&house);
    // What was refused can be deleted, whatever its properties are.
    for number in 0..cases.len() {
        house.delete(&format!("bad-{number}"));
    }
    for number in 0..cases.len() {
        let stack = format!("bad-{number}");
        assert_eq!(house.settled(&stack).await, "DELETE_COMPLETE", "{}", house.story(&stack));
    }
    assert!(house.rds_calls().iter().all(|call| !call.mutates()));
    house.close().await;
    assert_eq!(house.ever_made(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_create_rolls_back() {
    let house = House::open();
    house.create("web", "SourceClusterId: prod\nCopyOk: maybe");
    assert_eq!(house.settled("web").await, "ROLLBACK_COMPLETE", "{}", house.story("web"));
    assert!(house.story("web").contains("CopyOk is \"maybe\""), "{}", house.story("web"));
    house.close().await;
    assert_eq!(house.ever_made(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_bad_update_fails_with_the_incoming_id_and_changes_nothing() {
    let house = House::open();
    house.create("web", "SourceClusterId: prod");
    assert_eq!(house.settled("web").await, "CREATE_COMPLETE");
    let calls = house.rds_calls().iter().filter(|call| call.mutates()).count();
    let ours = house.ours();
    let arn = house.look(|world| world.rds.cluster(&ours[0]).unwrap().arn.clone());
    for properties in ["SourceClusterId: prod\nOnNoSlot: perhaps", "SourceClusterId: ''", "Source: prod"] {
        house.update("web", properties);
        assert_eq!(house.settled("web").await, "UPDATE_ROLLBACK_COMPLETE", "{}", house.story("web"));
    }
    let failed: Vec<Value> =
        answers(&house).into_iter().filter(|answer| answer["Status"] == "FAILED").collect();
    assert_eq!(failed.len(), 3);
    assert!(failed.iter().all(|answer| answer["PhysicalResourceId"] == arn.as_str()), "{failed:#?}");
    assert_eq!(house.rds_calls().iter().filter(|call| call.mutates()).count(), calls);
    assert_eq!(house.ours(), ours);
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_can_be_answered_is_answered_once() {
    let house = House::open();
    let long = "ß\"".repeat(4_000);
    let cases: Vec<(&str, Value, &[&str])> = vec![
        ("RequestType", Value::Null, &["RequestType", "Create, Update or Delete"]),
        ("RequestType", json!("Frobnicate"), &["RequestType", "Frobnicate"]),
        ("RequestType", json!(["Create"]), &["RequestType"]),
        ("ResourceType", json!("Custom::Other"), &["ResourceType", "Custom::Other", "Custom::AuroraClone"]),
        ("ResourceType", Value::Null, &["ResourceType"]),
        ("ResourceProperties", Value::Null, &["SourceClusterId is missing"]),
        ("ResourceProperties", json!("prod"), &["ResourceProperties", "prod", "map"]),
        ("ResourceProperties", json!([]), &["ResourceProperties", "map"]),
        ("ResourceProperties", json!({"SourceClusterId": long}), &["SourceClusterId"]),
        ("ResourceProperties", json!({"SourceClusterId": "prod", long.as_str(): "x"}), &["not a property"]),
        (
            "StackId",
            json!("arn:aws:cloudformation:eu-west-1:210987654321:stack/web/0a1b"),
            &["StackId", "210987654321", "123456789012"],
        ),
        (
            "StackId",
            json!("arn:aws-cn:cloudformation:eu-west-1:123456789012:stack/web/0a1b"),
            &["StackId", "aws-cn"],
        ),
        ("PhysicalResourceId", json!("id\"\\\u{1}".repeat(200)), &[]),
        ("PhysicalResourceId", json!(7), &[]),
    ];
    for (number, (name, value, words)) in cases.into_iter().enumerate() {
        let mut event = house.sim.with(|world| event(world, &format!("request-{number}")));
        if name == "PhysicalResourceId" {
            event["RequestType"] = json!("Nonsense");
        }
        event[name] = value.clone();
        send(&house, [event]).await;
        let answers = answers(&house);
        assert_eq!(answers.len(), number + 1, "{name} {value}");
        let answer = &answers[number];
        assert_eq!(
            (&answer["Status"], &answer["RequestId"]),
            (&json!("FAILED"), &json!(format!("request-{number}")))
        );
        assert!(
            answer["PhysicalResourceId"].as_str().is_some_and(|id| id.starts_with("rejected-")),
            "{answer}"
        );
        let reason = answer["Reason"].as_str().unwrap();
        for word in words {
            assert!(reason.contains(word), "{name}: {reason}");
        }
    }
    check_untouched(&house);
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_answered_is_refused_without_a_word() {
    let house = House::open();
    let mut payloads = vec![Value::Null, json!([]), json!("Create"), json!(3), json!({}), json!(true)];
    let with = |name: &str, value: Value| {
        let mut event = house.sim.with(|world| event(world, "request"));
        event[name] = value;
        event
    };
    for name in ["ResponseURL", "StackId", "RequestId", "LogicalResourceId"] {
        for value in [Value::Null, json!(""), json!(7), json!(["x"]), json!({"x": 1}), json!("a\"b\u{1}")] {
            payloads.push(with(name, value));
        }
        payloads.push(with(name, json!("x".repeat(10_000))));
    }
    for stack in [
        "web",
        "arn:aws:cloudformation:us-east-1:123456789012:stack/web/0a1b",
        "arn:aws:cloudformation:eu-west-1:12345:stack/web/0a1b",
        "arn:aws:s3:eu-west-1:123456789012:stack/web/0a1b",
        "arn:aws:cloudformation:eu-west-1:123456789012:changeSet/web/0a1b",
    ] {
        payloads.push(with("StackId", json!(stack)));
    }
    send(&house, payloads).await;
    house.look(|world| {
        assert!(world.log.is_empty(), "{:#?}", world.log);
        let over = world.functions.log();
        assert!(over.iter().all(|record| matches!(&record.result, Some(Err(_)))));
    });
    house.close().await;
}

/// Response URLs that are not CloudFormation's, or that two readers would read in two ways.
fn hostile_urls() -> Vec<String> {
    let texts = [
        "http://BUCKET/x?X-Amz-Signature=1",
        "ftp://BUCKET/x",
        "https:BUCKET/x",
        "https:/BUCKET/x",
        "https:///BUCKET/x",
        "//BUCKET/x",
        "https://BUCKET",
        "https://BUCKET:8443/x",
        "https://BUCKET:80/x",
        "https://user@BUCKET/x",
        "https://user:password@BUCKET/x",
        "https://@evil.example/x",
        "https://BUCKET@evil.example/x",
        "https://evil.example/BUCKET",
        "https://evil.example#@BUCKET/x",
        "https://evil.example\\@BUCKET/x",
        "https://BUCKET\\@evil.example/x",
        "https:\\\\BUCKET\\x",
        "https://BUCKET/x#y",
        "https://BUCKET/x y",
        " https://BUCKET/x",
        "https://BUCKET/x\n",
        "https://BUCKET/\tx",
        "https://BU\nCKET/x",
        "https://BUCKET.evil.example/x",
        "https://BUCKET./x",
        "https://evil.BUCKET/x",
        "https://evil-BUCKET/x",
        "https://cloudformation-custom-resource-response-euwest1%2es3.eu-west-1.amazonaws.com/x",
        "https://CLOUDFORMATION-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-euwest1.s3.eu\u{ad}-west-1.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-euwest1。s3.eu-west-1.amazonaws.com/x",
        "https://ｃloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-euwest1.s3.us-east-1.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-useast1.s3.us-east-1.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com.cn/x",
        "https://cloudformation-custom-resource-response-euwest1.s3-website.eu-west-1.amazonaws.com/x",
        "https://cloudformation-custom-resource-response-euwest12.s3.eu-west-1.amazonaws.com/x",
        "https://xcloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/x",
        "https://s3.eu-west-1.amazonaws.com/cloudformation-custom-resource-response-euwest1/x",
        "https://169.254.169.254/latest/meta-data/iam",
        "https://2852039166/latest",
        "https://0xA9FEA9FE/latest",
        "https://[::ffff:169.254.169.254]/x",
        "https://127.0.0.1/x",
        "https://localhost/x",
        "http://127.0.0.1:4700/x",
        "file:///etc/passwd",
        "data:text/plain,x",
    ];
    texts.into_iter().map(|text| text.replace("BUCKET", BUCKET)).collect()
}

#[tokio::test(start_paused = true)]
async fn hostile_response_urls_are_not_answered() {
    let house = House::open();
    let urls = hostile_urls();
    let events: Vec<Value> = urls
        .iter()
        .map(|url| {
            let mut event = house.sim.with(|world| event(world, "request"));
            event["ResponseURL"] = json!(url);
            event
        })
        .collect();
    send(&house, events).await;
    house.look(|world| {
        assert!(world.log.is_empty(), "{:#?}", world.log);
        for record in world.functions.log() {
            // The last resort is sent what the handler did not take, and takes it no more.
            let event = record.payload.get("requestPayload").unwrap_or(&record.payload);
            let url = event["ResponseURL"].as_str().unwrap();
            let Some(Err(error)) = &record.result else { panic!("{url} was taken") };
            assert_eq!(error.error_type, "Unanswerable", "{url}");
            // The text does not show it.
            assert!(
                !error.message.contains("evil") && !error.message.contains("amazonaws"),
                "{}",
                error.message
            );
        }
        for function in [FUNCTION, LAST_RESORT] {
            let of_it = world.functions.log().iter().filter(|record| record.function == function);
            assert_eq!(of_it.count(), urls.len() * 3, "Lambda tries {function} three times");
        }
    });
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_delete_is_taken_whatever_its_properties_are() {
    let house = House::with(Config::default(), 0, |_| {});
    let properties = [
        Value::Null,
        json!("none"),
        json!({"SourceClusterId": ["prod"], "Unknown": 1}),
        json!({"SourceClusterId": "no such thing", "ServiceTimeout": "soon"}),
        json!({"SourceClusterId": "prod", "Tags": 7}),
    ];
    let count = properties.len();
    for (number, properties) in properties.into_iter().enumerate() {
        let mut event = house.sim.with(|world| event(world, &format!("request-{number}")));
        event["RequestType"] = json!("Delete");
        event["ResourceType"] = json!("Custom::Renamed");
        event["PhysicalResourceId"] = json!(format!("web-Clone-{number}"));
        event["ResourceProperties"] = properties;
        send(&house, [event]).await;
    }
    let answers = answers(&house);
    assert_eq!(answers.len(), count);
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(answer["Status"], "SUCCESS", "{answer}");
        assert_eq!(answer["PhysicalResourceId"], format!("web-Clone-{number}"));
    }
    assert!(house.rds_calls().iter().all(|call| !call.mutates()));
    house.close().await;
}

//! The API of the fake DynamoDB.

mod dynamodb_support;

use aurora_clone_sim::World;
use aurora_clone_sim::dynamodb::{Attribute, item_to_json};
use chrono::Duration;
use dynamodb_support::{call, get, outcome, put, raw, world};
use serde_json::{Value, json};

fn key() -> Value {
    json!({"id": {"S": "k"}})
}

fn pass(world: &mut World, seconds: i64) {
    world.advance_to(world.now() + Duration::seconds(seconds));
}

#[test]
fn what_is_put_is_got() {
    let mut world = world();
    assert_eq!(call(&mut world, "GetItem", json!({"Key": key(), "ConsistentRead": true})), Ok(json!({})));
    let item = json!({"s": {"S": "ü"}, "n": {"N": "-1.50"}, "b": {"BOOL": false}, "z": {"NULL": true},
        "m": {"M": {"l": {"L": [{"S": ""}]}}}});
    put(&mut world, item.clone());
    let mut expected = item;
    expected["n"] = json!({"N": "-1.5"});
    assert_eq!(get(&mut world), expected);
    let seen = world.dynamodb.item("locks", "k").expect("there");
    assert_eq!(seen["s"].text(), Some("ü"));
    assert_eq!(seen["n"].number().map(ToString::to_string), Some("-1.5".to_owned()));
    assert_eq!(seen["b"], Attribute::Bool(false));
    expected["id"] = json!({"S": "k"});
    assert_eq!(item_to_json(seen), expected);
    assert_eq!(world.dynamodb.items("locks").map(|(key, _)| key).collect::<Vec<_>>(), ["k"]);
    assert_eq!(world.dynamodb.items("elsewhere").count(), 0);
}

#[test]
fn what_the_writes_return() {
    let mut world = world();
    let with = |n: i64| json!({"id": {"S": "k"}, "n": {"N": n.to_string()}});
    let returning = |n: i64| json!({"Item": with(n), "ReturnValues": "ALL_OLD"});
    assert_eq!(call(&mut world, "PutItem", returning(1)), Ok(json!({})));
    assert_eq!(call(&mut world, "PutItem", returning(2)), Ok(json!({"Attributes": with(1)})));
    assert_eq!(call(&mut world, "PutItem", json!({"Item": with(3)})), Ok(json!({})));
    let update = |returned: &str| {
        json!({"Key": key(), "UpdateExpression": "SET n = n + :v", "ReturnValues": returned,
            "ExpressionAttributeValues": {":v": {"N": "1"}}})
    };
    assert_eq!(call(&mut world, "UpdateItem", update("NONE")), Ok(json!({})));
    assert_eq!(call(&mut world, "UpdateItem", update("ALL_OLD")), Ok(json!({"Attributes": with(4)})));
    assert_eq!(call(&mut world, "UpdateItem", update("ALL_NEW")), Ok(json!({"Attributes": with(6)})));
    assert_eq!(outcome(&mut world, "UpdateItem", update("UPDATED_NEW")), "Validation");
    let delete = json!({"Key": key(), "ReturnValues": "ALL_OLD"});
    assert_eq!(call(&mut world, "DeleteItem", delete.clone()), Ok(json!({"Attributes": with(6)})));
    assert_eq!(call(&mut world, "DeleteItem", delete), Ok(json!({})), "deleting nothing is no error");
    let wrong = json!({"Item": with(1), "ReturnValues": "ALL_NEW"});
    assert_eq!(outcome(&mut world, "PutItem", wrong), "Validation");
    let history = world.dynamodb.history("locks", "k");
    assert_eq!(history.len(), 7, "three puts, three updates, one delete that found something");
    assert_eq!(history.last().map(|image| image.item.is_none()), Some(true));
}

#[test]
fn a_failed_condition_tells_what_is_there_when_asked() {
    let mut world = world();
    put(&mut world, json!({"owner_id": {"S": "me"}}));
    let mut body = json!({"Item": {"id": {"S": "k"}}, "ConditionExpression": "attribute_not_exists(id)"});
    let error = call(&mut world, "PutItem", body.clone()).expect_err("it is there");
    assert_eq!(
        error,
        json!({"__type": "ConditionalCheckFailedException", "message": "The conditional request failed"})
    );
    body["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
    let error = call(&mut world, "PutItem", body.clone()).expect_err("it is there");
    assert_eq!(error["Item"], json!({"id": {"S": "k"}, "owner_id": {"S": "me"}}));
    body["TableName"] = json!("locks");
    let response = raw(&mut world, "PutItem", &body);
    assert_eq!(response.status, 400);
    let kind = response.headers.iter().find(|(name, _)| name == "x-amzn-errortype");
    assert_eq!(kind.map(|(_, value)| value.as_str()), Some("ConditionalCheckFailedException"));
    let log = world.log.last().expect("logged");
    assert_eq!((log.service, log.error.as_deref()), ("dynamodb", Some("ConditionalCheckFailedException")));
}

#[test]
fn a_lock_has_one_holder() {
    let mut world = world();
    let take = |world: &mut World, who: &str| {
        let now = world.now().timestamp();
        let body = json!({
            "Item": {"id": {"S": "k"}, "holder": {"S": who}, "until_s": {"N": (now + 60).to_string()}},
            "ConditionExpression": "attribute_not_exists(id) OR until_s < :now",
            "ExpressionAttributeValues": {":now": {"N": now.to_string()}},
        });
        outcome(world, "PutItem", body) == "Ok"
    };
    let release = |world: &mut World, who: &str| {
        let body = json!({"Key": key(), "ConditionExpression": "holder = :who",
            "ExpressionAttributeValues": {":who": {"S": who}}});
        outcome(world, "DeleteItem", body) == "Ok"
    };
    let winners: Vec<_> = ["a", "b", "c"].into_iter().filter(|who| take(&mut world, who)).collect();
    assert_eq!(winners, ["a"], "they race, the first wins");
    assert!(!release(&mut world, "b"), "nobody releases another's lock");
    assert!(release(&mut world, "a"));
    assert!(!release(&mut world, "a"), "it is not there twice");
    assert!(take(&mut world, "b"));
    pass(&mut world, 60);
    assert!(!take(&mut world, "c"), "it lasts to its last second");
    pass(&mut world, 1);
    assert!(take(&mut world, "c"), "a lease that is over can be taken");
    assert!(!release(&mut world, "b"), "and the old holder cannot release it");
    assert_eq!(world.dynamodb.item("locks", "k").and_then(|item| item["holder"].text()), Some("c"));
}

#[test]
fn an_eventual_read_may_be_old_and_a_condition_never_is() {
    let mut world = world();
    world.dynamodb.stale_reads = Some(Duration::seconds(10));
    let read = |world: &mut World, consistent: Value| {
        let answer = call(world, "GetItem", json!({"Key": key(), "ConsistentRead": consistent}));
        answer.expect("got")["Item"]["n"]["N"].clone()
    };
    put(&mut world, json!({"n": {"N": "1"}}));
    assert_eq!(read(&mut world, json!(true)), "1");
    assert_eq!(read(&mut world, json!(false)), Value::Null, "not yet");
    pass(&mut world, 10);
    assert_eq!(read(&mut world, json!(null)), "1");
    put(&mut world, json!({"n": {"N": "2"}}));
    pass(&mut world, 9);
    assert_eq!((read(&mut world, json!(false)), read(&mut world, json!(true))), (json!("1"), json!("2")));
    let update = json!({"Key": key(), "UpdateExpression": "SET n = n + :v", "ConditionExpression": "n = :v",
        "ExpressionAttributeValues": {":v": {"N": "2"}}});
    assert_eq!(outcome(&mut world, "UpdateItem", update), "Ok");
    call(&mut world, "DeleteItem", json!({"Key": key()})).expect("deleted");
    pass(&mut world, 1);
    assert_eq!((read(&mut world, json!(false)), read(&mut world, json!(true))), (json!("2"), Value::Null));
    pass(&mut world, 9);
    assert_eq!(read(&mut world, json!(false)), Value::Null);
    assert_eq!(call(&mut world, "Scan", json!({})).expect("scanned")["Count"], 0);
}

#[test]
fn an_expired_item_stays_until_the_knob_says_otherwise() {
    let mut world = world();
    world.dynamodb.set_time_to_live("locks", "expires");
    let expiry = (world.now() + Duration::seconds(60)).timestamp();
    put(&mut world, json!({"expires": {"N": expiry.to_string()}}));
    let create = json!({"Item": {"id": {"S": "k"}}, "ConditionExpression": "attribute_not_exists(id)"});
    pass(&mut world, 61);
    assert!(!get(&mut world).is_null(), "AWS takes its time");
    assert_eq!(outcome(&mut world, "PutItem", create.clone()), "ConditionalCheckFailed");
    world.dynamodb.hide_expired = true;
    assert!(get(&mut world).is_null());
    assert_eq!(call(&mut world, "Scan", json!({})).expect("scanned")["Count"], 0);
    assert_eq!(outcome(&mut world, "PutItem", create), "Ok");
    assert!(!get(&mut world).is_null(), "the new one has no expiry");
    put(&mut world, json!({"expires": {"S": "0"}}));
    assert!(!get(&mut world).is_null(), "a text is no time to live");
}

#[test]
fn a_scan_is_paged() {
    let mut world = world();
    for number in 0..5 {
        let item = json!({"id": {"S": format!("k{number}")}});
        call(&mut world, "PutItem", json!({"Item": item})).expect("put");
    }
    let mut body = json!({"Limit": 2});
    let mut pages = Vec::new();
    loop {
        let page = call(&mut world, "Scan", body.clone()).expect("scanned");
        pages.push(page["Items"].as_array().map_or(0, Vec::len));
        assert_eq!(page["Count"], page["ScannedCount"]);
        let Some(last) = page.get("LastEvaluatedKey") else { break };
        body["ExclusiveStartKey"] = last.clone();
    }
    assert_eq!(pages, [2, 2, 1]);
    for number in 0..4 {
        let item = json!({"id": {"S": format!("big{number}")}, "x": {"S": "x".repeat(400_000)}});
        call(&mut world, "PutItem", json!({"Item": item})).expect("put");
    }
    let page = call(&mut world, "Scan", json!({})).expect("scanned");
    assert_eq!((&page["Count"], &page["LastEvaluatedKey"]), (&json!(3), &json!({"id": {"S": "big2"}})));
    assert_eq!(outcome(&mut world, "Scan", json!({"Limit": 0})), "Validation");
    assert_eq!(outcome(&mut world, "Scan", json!({"FilterExpression": "a = :b"})), "Validation");
}

#[test]
fn what_is_refused() {
    let item = json!({"id": {"S": "k"}});
    let cases = [
        ("PutItem", json!({"Item": item, "TableName": "nowhere"}), "ResourceNotFound"),
        ("GetItem", json!({"Key": item, "TableName": "nowhere"}), "ResourceNotFound"),
        ("PutItem", json!({}), "Validation"),
        ("PutItem", json!({"Item": {"x": {"S": "k"}}}), "Validation"),
        ("PutItem", json!({"Item": {"id": {"N": "1"}}}), "Validation"),
        ("PutItem", json!({"Item": {"id": {"S": ""}}}), "Validation"),
        ("PutItem", json!({"Item": {"id": {"S": "k".repeat(2049)}}}), "Validation"),
        ("PutItem", json!({"Item": {"id": {"S": "k".repeat(2048)}}}), "Ok"),
        ("PutItem", json!({"Item": {"id": {"S": "k"}, "x": {"S": "x".repeat(409_596)}}}), "Ok"),
        ("PutItem", json!({"Item": {"id": {"S": "k"}, "x": {"S": "x".repeat(409_597)}}}), "Validation"),
        ("PutItem", json!({"Item": {"id": {"S": "k"}, "x": {"N": "1".repeat(39)}}}), "Validation"),
        ("PutItem", json!({"Item": {"id": {"S": "k"}, "x": {"NULL": false}}}), "Validation"),
        ("PutItem", json!({"Item": {"id": {"S": "k"}, "x": "plain"}}), "Validation"),
        ("PutItem", json!({"Item": item, "Expected": {}}), "Validation"),
        ("PutItem", json!({"Item": item, "ReturnConsumedCapacity": "TOTAL"}), "Validation"),
        ("PutItem", json!({"Item": item, "UpdateExpression": "SET a = a"}), "Validation"),
        ("PutItem", json!({"Item": item, "Surprise": 1}), "Validation"),
        ("PutItem", json!({"Item": item, "ConditionExpression": 1}), "Serialization"),
        ("PutItem", json!({"Item": []}), "Serialization"),
        ("GetItem", json!({"Key": {"id": {"S": "k"}, "x": {"S": "k"}}}), "Validation"),
        ("GetItem", json!({"Key": {"x": {"S": "k"}}}), "Validation"),
        ("GetItem", json!({"Key": {"id": {"N": "1"}}}), "Validation"),
        ("GetItem", json!({"Key": {"id": {"S": ""}}}), "Validation"),
        ("GetItem", json!({"Key": item, "ConsistentRead": "true"}), "Serialization"),
        ("GetItem", json!({"Key": item, "ProjectionExpression": "a"}), "Validation"),
        ("DeleteItem", json!({"Key": item, "ReturnValuesOnConditionCheckFailure": "SOME"}), "Validation"),
        ("DeleteItem", json!({"Key": item, "ConditionExpression": "a = :b".repeat(700)}), "Validation"),
        ("Query", json!({"KeyConditionExpression": "id = :k"}), "UnknownOperation"),
        ("TransactWriteItems", json!({}), "UnknownOperation"),
        ("BatchGetItem", json!({}), "UnknownOperation"),
    ];
    for (operation, body, expected) in cases {
        let shown = format!("{operation} {body:.120}", body = body.to_string());
        assert_eq!(outcome(&mut world(), operation, body), expected, "{shown}");
    }
    let mut deep = json!({"S": "x"});
    for _ in 0..33 {
        deep = json!({"L": [deep]});
    }
    let body = json!({"Item": {"id": {"S": "k"}, "deep": deep}});
    assert_eq!(outcome(&mut world(), "PutItem", body), "Validation");
    let mut world = world();
    put(&mut world, json!({"x": {"S": "x".repeat(409_000)}}));
    let body = json!({"Key": key(), "UpdateExpression": "SET y = :y",
        "ExpressionAttributeValues": {":y": {"S": "y".repeat(1000)}}});
    assert_eq!(outcome(&mut world, "UpdateItem", body), "Validation", "an update must not outgrow the limit");
}

//! Calls DynamoDB in a World, over the wire's JSON.

#![allow(dead_code, reason = "not every test binary uses all of it")]

use aurora_clone_sim::http::{Request, Response};
use aurora_clone_sim::world::Outcome;
use aurora_clone_sim::{Config, Origin, World};
use serde_json::{Value, json};

/// A World with the table `locks`, whose key is `id`.
pub fn world() -> World {
    let mut world = World::new(Config::default());
    world.dynamodb.create_table("locks", "id");
    world
}

/// One call, as it comes back.
pub fn raw(world: &mut World, operation: &str, body: &Value) -> Response {
    let request = Request {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        headers: vec![("x-amz-target".to_owned(), format!("DynamoDB_20120810.{operation}"))],
        body: body.to_string().into_bytes(),
        ..Request::default()
    };
    match world.handle(&request, &Origin::default()) {
        Outcome::Reply(response, _) => response,
        other => panic!("{other:?}"),
    }
}

/// One call on the table: the body, or the whole error.
pub fn call(world: &mut World, operation: &str, mut body: Value) -> Result<Value, Value> {
    if body.get("TableName").is_none() {
        body["TableName"] = json!("locks");
    }
    let response = raw(world, operation, &body);
    let body: Value = serde_json::from_slice(&response.body).expect("JSON");
    if response.status == 200 { Ok(body) } else { Err(body) }
}

/// `Ok`, or the error's code without its `Exception`.
pub fn outcome(world: &mut World, operation: &str, body: Value) -> String {
    match call(world, operation, body) {
        Ok(_) => "Ok".to_owned(),
        Err(error) => {
            let code = error["__type"].as_str().expect("a code");
            code.trim_end_matches("Exception").to_owned()
        }
    }
}

/// Puts an item whose attributes are given, with the key `k`.
pub fn put(world: &mut World, mut item: Value) {
    item["id"] = json!({"S": "k"});
    call(world, "PutItem", json!({"Item": item})).expect("put");
}

/// The item with the key `k`, without its key.
pub fn get(world: &mut World) -> Value {
    let body = json!({"Key": {"id": {"S": "k"}}, "ConsistentRead": true});
    let mut item = call(world, "GetItem", body).expect("got")["Item"].take();
    if let Some(item) = item.as_object_mut() {
        item.remove("id");
    }
    item
}

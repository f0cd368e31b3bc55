//! Calls a World's JSON 1.1 services.

use aurora_clone_sim::http::{Request, Response};
use aurora_clone_sim::world::Outcome;
use aurora_clone_sim::{Config, Origin, World};
use chrono::Duration;
use serde_json::{Value, json};

pub const MANAGER: &str = "AKIAMANAGER";
pub const PERSON: &str = "AKIAPERSON";
pub const ROLE: &str = "arn:aws:iam::123456789012:role/app";
/// A client request token.
pub const TOKEN: &str = "00000000-0000-4000-8000-000000000001";

pub struct Room {
    pub world: World,
    /// The access key id of who calls.
    pub caller: &'static str,
}

impl Room {
    pub fn new() -> Self {
        Self { world: World::new(Config::default()), caller: PERSON }
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        change(&mut config);
        Self { world: World::new(config), caller: PERSON }
    }

    /// One call, as it comes back; `target` is `secretsmanager.CreateSecret` and the like.
    pub fn outcome(&mut self, target: &str, body: &Value, faultable: bool) -> Outcome {
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={}/20260621/eu-west-1/x/aws4_request", self.caller);
        let request = Request {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            headers: vec![
                ("x-amz-target".to_owned(), target.to_owned()),
                ("authorization".to_owned(), authorization),
            ],
            body: body.to_string().into_bytes(),
            ..Request::default()
        };
        self.world.handle(&request, &Origin { faultable, ..Origin::default() })
    }

    pub fn raw(&mut self, target: &str, body: &Value) -> Response {
        self.world.call_json_as(self.caller, target, body)
    }

    /// The body, or the error's code and message.
    pub fn call(&mut self, target: &str, body: Value) -> Result<Value, (String, String)> {
        let response = self.raw(target, &body);
        assert_eq!(response.headers[0].1, "application/x-amz-json-1.1");
        assert!(response.headers.iter().any(|(name, _)| name == "x-amzn-requestid"));
        if response.status == 200 && response.body.is_empty() {
            return Ok(Value::Null);
        }
        let body: Value = serde_json::from_slice(&response.body).expect("JSON");
        if response.status == 200 {
            return Ok(body);
        }
        let message = body.get("message").or(body.get("Message")).and_then(Value::as_str).expect("a message");
        Err((body["__type"].as_str().expect("a code").to_owned(), message.to_owned()))
    }

    pub fn secrets(&mut self, operation: &str, body: Value) -> Result<Value, (String, String)> {
        self.call(&format!("secretsmanager.{operation}"), body)
    }

    pub fn kms(&mut self, operation: &str, body: Value) -> Result<Value, (String, String)> {
        self.call(&format!("TrentService.{operation}"), body)
    }

    pub fn put_events(&mut self, entries: Value) -> Result<Value, (String, String)> {
        self.call("AWSEvents.PutEvents", json!({ "Entries": entries }))
    }

    /// The code of the error of a call.
    pub fn refused(&mut self, target: &str, body: Value) -> String {
        self.call(target, body).expect_err("an error").0
    }

    /// A secret with a value; its ARN.
    pub fn secret(&mut self, name: &str, value: &str) -> String {
        let body = json!({"Name": name, "SecretString": value, "ClientRequestToken": TOKEN});
        let answer = self.secrets("CreateSecret", body).expect("created");
        answer["ARN"].as_str().expect("an ARN").to_owned()
    }

    /// A key; its id.
    pub fn key(&mut self) -> String {
        let answer = self.kms("CreateKey", json!({})).expect("created");
        answer["KeyMetadata"]["KeyId"].as_str().expect("an id").to_owned()
    }

    pub fn pass(&mut self, time: Duration) {
        let to = self.world.now() + time;
        self.world.advance_to(to);
    }
}

/// A policy with one statement that allows this to that.
pub fn allowing(principal: Value, action: &str) -> String {
    let statement = json!({"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*"});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

//! A CloudFormation alone in the world: its invocations land in an inbox, and the test answers them.

use aurora_clone_sim::Config;
use aurora_clone_sim::cloudformation::{ApiError, CloudFormation, Given, Settings, StackOptions};
use aurora_clone_sim::functions::ReplyTo;
use aurora_clone_sim::query;
use aurora_clone_sim::record::write_response;
use aurora_clone_sim::rng::Rng;
use aurora_clone_sim::world::{Context, Effect};
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

pub const TOKEN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:clone-handler";

pub struct Lab {
    pub cfn: CloudFormation,
    pub config: Config,
    pub now: DateTime<Utc>,
    rng: Rng,
    pub inbox: Vec<Value>,
}

/// Records what the wire says of the stack `s` in the end, if `SIM_RECORD_DIR` says where.
impl Drop for Lab {
    fn drop(&mut self) {
        if std::env::var_os("SIM_RECORD_DIR").is_some() && !std::thread::panicking() {
            for operation in ["DescribeStacks", "DescribeStackResources", "DescribeStackEvents"] {
                self.call(operation, &[("StackName", "s")]);
            }
        }
    }
}

impl Lab {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(set: impl FnOnce(&mut Settings)) -> Self {
        let mut config = Config::default();
        set(&mut config.cloudformation);
        let now = config.start;
        Self { cfn: CloudFormation::default(), config, now, rng: Rng::new(7), inbox: Vec::new() }
    }

    pub fn act<R>(&mut self, act: impl FnOnce(&mut CloudFormation, &mut Context<'_>) -> R) -> R {
        let (mut effects, mut violations) = (Vec::new(), Vec::new());
        let mut cx = Context {
            now: self.now,
            config: &self.config,
            principal: "",
            rng: &mut self.rng,
            effects: &mut effects,
            violations: &mut violations,
        };
        let result = act(&mut self.cfn, &mut cx);
        for effect in effects {
            let Effect::Invoke { function, payload, reply_to } = effect else { panic!("{effect:?}") };
            assert_eq!(reply_to, ReplyTo::Nobody);
            assert_eq!(payload["ServiceToken"], json!(function));
            self.inbox.push(payload);
        }
        result
    }

    /// Moves time forward by so many seconds.
    pub fn pass(&mut self, seconds: i64) {
        let to = self.now + Duration::seconds(seconds);
        while let Some(due) = self.cfn.next_due().filter(|due| *due <= to) {
            self.now = self.now.max(due);
            self.act(|cfn, cx| cfn.tick(cx));
        }
        self.now = to;
    }

    pub fn try_create(
        &mut self,
        name: &str,
        template: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, ApiError> {
        let given = given(parameters);
        self.act(|cfn, cx| cfn.create_stack(cx, name, template, &given, &StackOptions::default()))
    }

    /// Creates a stack and lets it start.
    pub fn create(&mut self, template: &str) {
        self.try_create("s", template, &[]).expect("created");
        self.pass(2);
    }

    pub fn try_update(&mut self, name: &str, template: &str) -> Result<String, ApiError> {
        self.act(|cfn, cx| cfn.update_stack(cx, name, template, &Given::new(), &StackOptions::default()))
    }

    /// Updates the stack and lets that start.
    pub fn update(&mut self, template: &str) {
        self.try_update("s", template).expect("updating");
        self.pass(2);
    }

    pub fn delete(&mut self, name: &str) {
        self.act(|cfn, cx| cfn.delete_stack(cx, name)).expect("deleting");
        self.pass(2);
    }

    /// The requests that wait for the test, e.g. `["Create A"]`.
    pub fn waiting(&self) -> Vec<String> {
        let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
        self.inbox
            .iter()
            .map(|e| format!("{} {}", text(e, "RequestType"), text(e, "LogicalResourceId")))
            .collect()
    }

    /// Takes the first request, which must be this one.
    pub fn take(&mut self, what: &str) -> Value {
        let at = self.waiting().iter().position(|waiting| waiting == what);
        self.inbox.remove(at.unwrap_or_else(|| panic!("no {what} in {:?}", self.waiting())))
    }

    pub fn put(&mut self, event: &Value, body: &[u8]) {
        let key = key(event);
        self.act(|cfn, cx| cfn.answered(cx, &key, body));
        self.pass(2);
    }

    pub fn answer(&mut self, event: &Value, changes: &Value) {
        let mut body = json!({
            "Status": "SUCCESS",
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            "PhysicalResourceId": event.get("PhysicalResourceId").cloned().unwrap_or(json!("id")),
        });
        for (name, value) in changes.as_object().expect("an object") {
            body[name] = value.clone();
        }
        self.put(event, body.to_string().as_bytes());
    }

    /// Takes a request and answers SUCCESS with an id.
    pub fn succeed(&mut self, what: &str, id: &str) -> Value {
        let event = self.take(what);
        self.answer(&event, &json!({ "PhysicalResourceId": id }));
        event
    }

    /// Takes a request and answers FAILED with an id.
    pub fn fail(&mut self, what: &str, id: &str) -> Value {
        let event = self.take(what);
        self.answer(&event, &json!({ "Status": "FAILED", "Reason": "no luck", "PhysicalResourceId": id }));
        event
    }

    pub fn status(&self) -> &str {
        self.cfn.stack("s").map(|stack| stack.status.as_str()).unwrap_or_default()
    }

    pub fn resource_status(&self, logical: &str) -> String {
        self.cfn.resource("s", logical).map(|r| r.status.clone()).unwrap_or_default()
    }

    pub fn reason(&self, logical: &str) -> String {
        self.cfn.resource("s", logical).and_then(|r| r.reason.clone()).unwrap_or_default()
    }

    /// The history, as `logical status`, without what happened before `skip` events.
    pub fn history(&self, skip: usize) -> Vec<String> {
        self.cfn.events("s").iter().skip(skip).map(|e| format!("{} {}", e.logical_id, e.status)).collect()
    }

    pub fn call(&mut self, operation: &str, parameters: &[(&str, &str)]) -> (u16, String) {
        let request = query::request(&self.config, "AKIA", operation, parameters);
        let response = self.act(|cfn, cx| cfn.handle(cx, &request));
        if let Some(dir) = std::env::var_os("SIM_RECORD_DIR")
            && !String::from_utf8_lossy(&response.body).contains("<Code>InvalidAction<")
        {
            write_response(dir.as_ref(), operation, response.status, &response.body).expect("a recording");
        }
        (response.status, String::from_utf8(response.body).expect("UTF-8"))
    }
}

pub fn given(parameters: &[(&str, &str)]) -> Given {
    parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The key in an event's response URL, percent-decoded, as the bucket would find it.
pub fn key(event: &Value) -> String {
    let url = url::Url::parse(event["ResponseURL"].as_str().expect("ResponseURL")).expect("a URL");
    let encoded = url.path().trim_start_matches('/').replace('+', "%2B");
    url::form_urlencoded::parse(format!("k={encoded}").as_bytes()).next().expect("a key").1.into_owned()
}

/// A template of custom resources: `A: {P: 1}` lines, each with its extra YAML.
pub fn template(resources: &[(&str, &str)]) -> String {
    let mut text = "Resources:\n".to_owned();
    for (name, properties) in resources {
        let (properties, rest) = properties.split_once('|').unwrap_or((properties, ""));
        let rest = if rest.is_empty() { String::new() } else { format!(", {rest}") };
        let comma = if properties.is_empty() { "" } else { ", " };
        text.push_str(&format!(
            "  {name}: {{Type: 'Custom::AuroraClone', Properties: {{ServiceToken: '{TOKEN}'{comma}{properties}}}{rest}}}\n"
        ));
    }
    text
}

/// Adds a resource that fails after so many seconds.
pub fn and_fail(template: &str, after: u32, rest: &str) -> String {
    format!(
        "{template}  Bad: {{Type: 'Test::Fail', Properties: {{After: {after}, Reason: 'bad luck'}}{rest}}}\n"
    )
}

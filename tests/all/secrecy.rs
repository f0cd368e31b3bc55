//! Whoever sees a response URL can complete the resource: none is in a log line, in an execution, in an error or in an answer.

use std::io::Write;
use std::sync::{Arc, Mutex};

use aurora_clone_aws::cloud::{Cloud, Parts};
use aurora_clone_core::arn::Place;
use aurora_clone_lambda::clone_handler::CloneHandler;
use aurora_clone_lambda::logging;
use aurora_clone_sim::cloudformation::response_url;
use aurora_clone_sim::connector::SimHttpClient;
use aurora_clone_sim::{Config, Fault, FaultKind, Target};
use aurora_clone_tests::{FUNCTION, House, MANAGER_KEY, TABLE, settings};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use chrono::Duration;
use serde_json::json;
use tracing::subscriber::DefaultGuard;

/// What no sink may hold: parts of a response URL, and the password that every clone begins with.
const CANARIES: [&str; 3] = ["X-Amz-Signature", "X-Amz-Credential", "password-of-prod"];

/// The log of a test.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Starts logging at the level, through the product's own filter.
    fn start(level: &'static str) -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = logging::subscriber(Some(level), move || writer.clone());
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[track_caller]
fn check_clean(what: &str, text: &str) {
    for canary in CANARIES {
        if let Some(at) = text.find(canary) {
            let from = text[..at].char_indices().rev().nth(300).map_or(0, |(index, _)| index);
            panic!("{canary} in {what}: {}", &text[from..at + canary.len()]);
        }
    }
}

/// Looks into everything that outlives a flow.
fn check_house(house: &House, log: &Log) {
    check_clean("the log", &log.text());
    house.look(|world| {
        for execution in world.states.executions() {
            check_clean("an execution", &format!("{execution:?}"));
        }
        for answer in &world.bucket.answers {
            check_clean("an answer", &String::from_utf8_lossy(&answer.body));
        }
        for record in world.functions.log() {
            check_clean("the result of a function", &format!("{:?}", record.result));
        }
    });
}

fn fault(operation: &'static str, number: usize, kind: FaultKind) -> Fault {
    Fault { target: Target::Operation(operation, number), kind }
}

#[tokio::test(start_paused = true)]
async fn no_flow_shows_a_response_url_at_any_level() {
    for level in ["trace", "info"] {
        let (log, _guard) = Log::start(level);
        let house = House::open();
        house.create("web", "SourceClusterId: prod\nTags:\n  team: a");
        assert_eq!(house.settled("web").await, "CREATE_COMPLETE");
        house.update("web", "SourceClusterId: prod\nTags:\n  team: b");
        assert_eq!(house.settled("web").await, "UPDATE_COMPLETE");
        house.create("bad", "SourceClusterId: prod\nCopyOk: perhaps");
        house.create("gone", "SourceClusterId: gone");
        for stack in ["bad", "gone"] {
            assert_eq!(house.settled(stack).await, "ROLLBACK_COMPLETE");
        }
        house.delete("web");
        assert_eq!(house.settled("web").await, "DELETE_COMPLETE");
        check_house(&house, &log);
        assert!(log.text().contains("\"message\":\"answered\""), "something was logged at all");
        assert!(log.text().contains("\"slots\""));
        house.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_failure_shows_a_response_url() {
    let (log, _guard) = Log::start("trace");
    let kinds = [
        FaultKind::Deny,
        FaultKind::ServerError,
        FaultKind::LostReply,
        FaultKind::LostRequest,
        FaultKind::Crash,
    ];
    for operation in ["PutItem", "GetItem", "UpdateItem", "StartExecution", "PutObject", "DeleteItem"] {
        for kind in &kinds {
            let house = House::open();
            // More in a row than the SDK tries.
            let faults = (1..=4).map(|number| fault(operation, number, kind.clone())).collect();
            house.sim.with(|world| world.set_faults(faults));
            house.create("web", "SourceClusterId: prod\nServiceTimeout: 1800");
            house.settled("web").await;
            check_house(&house, &log);
        }
    }
    assert!(log.text().contains("the invocation failed"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_event_is_not_shown() {
    let (log, _guard) = Log::start("trace");
    let house = House::open();
    house.sim.with(|world| {
        let url = world.settle(|_, cx| response_url(cx, "key"));
        let stack = "arn:aws:cloudformation:eu-west-1:123456789012:stack/web/1";
        for payload in [
            json!({"ResponseURL": url}),
            json!({"ResponseURL": format!("{url}#x"), "StackId": stack}),
            json!({"ResponseURL": url.replace("https", "http"), "StackId": stack, "RequestId": "r"}),
            json!({"ResponseURL": url, "StackId": url, "RequestId": "r", "LogicalResourceId": "Clone"}),
            json!({"step": "advance", "request": 7, "ResponseURL": url}),
            json!({"step": "unheard", "request": "x", "ResponseURL": url}),
            json!({"detail-type": "x", "ResponseURL": url}),
        ] {
            world.settle(|services, cx| services.functions.invoke_async(cx, FUNCTION, payload));
        }
    });
    house.sim.sleep(Duration::minutes(10)).await;
    check_house(&house, &log);
    house.look(|world| assert_eq!(world.functions.counts(FUNCTION).succeeded, 0));
}

/// A wire on which answers of one operation lose their end.
#[derive(Debug)]
struct Torn {
    inner: SimHttpClient,
    operation: &'static str,
}

impl HttpConnector for Torn {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let torn =
            request.headers().get("x-amz-target").is_some_and(|target| target.ends_with(self.operation));
        let reply = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let mut response = reply.await?;
            if torn {
                let body = response.body().bytes().unwrap_or_default().to_vec();
                *response.body_mut() = SdkBody::from(&body[..body.len().saturating_sub(2)]);
            }
            Ok(response)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_torn_answer_of_the_table_is_not_shown() {
    let (log, _guard) = Log::start("trace");
    let house = House::open();
    house.create("web", "SourceClusterId: prod");
    assert_eq!(house.settled("web").await, "CREATE_COMPLETE");
    let key = house.look(|world| world.states.executions()[0].name.clone());
    let config = Config::default();
    for operation in ["GetItem", "UpdateItem"] {
        let state_machine = format!("arn:aws:states:{}:{}:stateMachine:clone", config.region, config.account);
        let clock = house.sim.clone();
        let cloud = Cloud::new(Parts {
            region: config.region.clone(),
            credentials: Credentials::new(MANAGER_KEY, "secret", None, None, "test"),
            http: SharedHttpConnector::new(Torn { inner: SimHttpClient::new(house.sim.clone()), operation }),
            table: TABLE.to_owned(),
            state_machine: state_machine.clone(),
            clock: Arc::new(move || clock.now()),
            endpoint: Box::new(|_| None),
        });
        let (home, _) = Place::of(&state_machine, "states").unwrap();
        let handler = CloneHandler { cloud, settings: settings(&[]), home, response_origin: None };
        let step = if operation == "GetItem" { "advance" } else { "give-up" };
        let event = json!({"step": step, "request": key, "seen": {}});
        let error = handler.handle(event).await.expect_err("a torn answer is none");
        assert!(error.to_string().contains(operation), "{error}");
        check_clean("an error", &format!("{error} {error:?}"));
    }
    check_house(&house, &log);
}

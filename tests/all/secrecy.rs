//! Whoever sees a response URL can complete the resource, and whoever sees a password can read the database: none is in a log line,
//! in an execution, in an error or in an answer. The end of every flow looks for them too; here are the log, and texts of errors.

use std::sync::Arc;

use aurora_clone_aws::cloud::{Cloud, Parts};
use aurora_clone_core::arn::Place;
use aurora_clone_lambda::clone_handler::CloneHandler;
use aurora_clone_sim::cloudformation::response_url;
use aurora_clone_sim::connector::SimHttpClient;
use aurora_clone_sim::{Config, Fault, FaultKind, Target};
use aurora_clone_tests::log::Log;
use aurora_clone_tests::secrecy::{check_text, check_world, passwords};
use aurora_clone_tests::{FUNCTION, House, MANAGER_KEY, TABLE, settings};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use chrono::Duration;
use serde_json::json;

/// Looks into everything that outlives a flow.
#[track_caller]
fn check_house(house: &House, log: &Log) {
    house.look(|world| {
        check_text("the log", &log.text(), &passwords(world));
        check_world(world);
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
        check_text("an error", &format!("{error} {error:?}"), &[]);
    }
    check_house(&house, &log);
}

/// A handler on a wire that loses the end of one operation's answers.
fn torn(house: &House, operation: &'static str) -> CloneHandler {
    let config = Config::default();
    let state_machine = format!("arn:aws:states:{}:{}:stateMachine:clone", config.region, config.account);
    let clock = house.sim.clone();
    let cloud = Cloud::new(Parts {
        region: config.region,
        credentials: Credentials::new(MANAGER_KEY, "secret", None, None, "test"),
        http: SharedHttpConnector::new(Torn { inner: SimHttpClient::new(house.sim.clone()), operation }),
        table: TABLE.to_owned(),
        state_machine: state_machine.clone(),
        clock: Arc::new(move || clock.now()),
        endpoint: Box::new(|_| None),
    });
    let (home, _) = Place::of(&state_machine, "states").unwrap();
    CloneHandler { cloud, settings: settings(&[]), home, response_origin: None }
}

/// The steps of a Create are made by hand, on a wire on which the answers of one operation lose their end.
#[tokio::test(start_paused = true)]
async fn a_torn_answer_about_a_secret_is_not_shown() {
    for operation in ["GetSecretValue", "CreateSecret", "DescribeSecret"] {
        let (log, _guard) = Log::start("trace");
        let mut config = Config::default();
        (config.rds.clone_seconds, config.rds.create_instance_seconds) = (18..=18, 25..=25);
        let house = House::with(config, 0, |_| {});
        house.create("web", "SourceClusterId: prod");
        house.sim.sleep(Duration::seconds(45)).await;
        // From here on nobody but us makes a step; the instance is there, and the secret is not.
        house.sim.with(|world| world.functions.knobs.concurrency = Some(0));
        house.sim.sleep(Duration::seconds(30)).await;
        let (key, now) = house.look(|world| (world.states.executions()[0].name.clone(), world.now()));
        let handler = torn(&house, operation);
        let mut errors = 0;
        for minute in 0..6 {
            let now = now + Duration::minutes(minute);
            let event = json!({"step": "advance", "request": key, "seen": {}, "now": now, "started": now});
            if let Err(error) = handler.handle(event).await {
                let text = format!("{error} {error:?}");
                house.look(|world| check_text("an error", &text, &passwords(world)));
                errors += usize::from(text.contains(operation));
            }
            house.sim.sleep(Duration::minutes(1)).await;
        }
        assert!(errors > 0, "{operation} was torn");
        assert!(house.look(|world| !passwords(world).is_empty()) || operation == "DescribeSecret");
        check_house(&house, &log);
    }
}

/// What RDS says about a password that it refuses, and a process that dies with one in its hands.
#[tokio::test(start_paused = true)]
async fn no_failure_shows_a_password() {
    let (log, _guard) = Log::start("trace");
    let kinds = [
        FaultKind::Deny,
        FaultKind::ServerError,
        FaultKind::LostReply,
        FaultKind::Crash,
        FaultKind::LostRequest,
    ];
    for operation in
        ["ModifyDBCluster", "GetSecretValue", "CreateSecret", "TagResource", "PutResourcePolicy", "CreateKey"]
    {
        for kind in &kinds {
            let house = House::open();
            let faults = (1..=4).map(|number| fault(operation, number, kind.clone())).collect();
            house.sim.with(|world| world.set_faults(faults));
            house.create(
                "web",
                "SourceClusterId: prod\nForceCreateKmsKey: 'true'\nAccessPrincipalArns:\n  - \
                 arn:aws:iam::123456789012:role/app",
            );
            house.settled("web").await;
            check_house(&house, &log);
        }
    }
    assert!(log.text().contains("executed"));
}

/// The secret holds what RDS refuses, and what is no password at all; neither is shown.
#[tokio::test(start_paused = true)]
async fn a_secret_that_somebody_changed_is_not_shown() {
    for value in [
        "the-text-of-the-secret",
        "{\"password\":\"the-text-of-the-secret with a space\"}",
        "{\"password\":\"the-text-of-the-secret-is-long-enough\"}",
    ] {
        let (log, _guard) = Log::start("trace");
        let house = House::open();
        house.sim.with(|world| world.set_faults(vec![fault("GetSecretValue", 1, FaultKind::Crash)]));
        house.create("web", "SourceClusterId: prod");
        let name = loop {
            house.sim.sleep(Duration::milliseconds(200)).await;
            if let Some(name) =
                house.look(|world| world.secrets.iter().next().map(|secret| secret.name.clone()))
            {
                break name;
            }
        };
        house.sim.with(|world| {
            let body = json!({"SecretId": name, "SecretString": value, "ClientRequestToken": "x".repeat(32)});
            let answer =
                world.call_json_as(aurora_clone_tests::PERSON_KEY, "secretsmanager.PutSecretValue", &body);
            assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        });
        house.settled("web").await;
        let canary = ["the-text-of-the-secret".to_owned()];
        check_text("the log", &log.text(), &canary);
        check_text("the stack's events", &house.story("web"), &canary);
        house.look(|world| {
            for answer in &world.bucket.answers {
                check_text("an answer", &String::from_utf8_lossy(&answer.body), &canary);
            }
            for execution in world.states.executions() {
                check_text("an execution", &format!("{execution:?}"), &canary);
            }
        });
    }
}

/// Every line is JSON and says whose it is: the request, its stack, its resource and its cluster.
#[tokio::test(start_paused = true)]
async fn every_line_of_the_log_says_what_it_is_about() {
    let (log, _guard) = Log::start("info");
    let house = House::open();
    house.create("web", "SourceClusterId: prod\nForceCreateKmsKey: 'true'");
    assert_eq!(house.settled("web").await, "CREATE_COMPLETE");
    house.update("web", "SourceClusterId: prod\nForceCreateKmsKey: 'true'\nPort: '5999'");
    assert_eq!(house.settled("web").await, "UPDATE_COMPLETE");
    house.delete("web");
    assert_eq!(house.settled("web").await, "DELETE_COMPLETE");
    let stack = house.look(|world| world.cloudformation.stack("web").map(|stack| stack.id.clone()));
    let text = log.text();
    assert!(text.lines().count() > 50);
    for line in text.lines() {
        let parsed: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        let span = &parsed["span"];
        let filled = |name: &str| span[name].as_str().is_some_and(|text| !text.is_empty());
        assert!(filled("request"), "{line}");
        assert_eq!(
            (span["stack"].as_str(), span["resource"].as_str()),
            (stack.as_deref(), Some("Clone")),
            "{line}"
        );
        assert!(span["cluster"].is_string(), "{line}");
        // What is done is done to a cluster. A Create has none before its first look.
        assert!(parsed["message"] != "executed" || filled("cluster"), "{line}");
    }
}

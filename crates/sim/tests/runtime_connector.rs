//! The fake wire under the SDK: what a client sees of each fault, and what the World knows of it.

use std::time::Duration as Std;

use aurora_clone_sim::connector::SimHttpClient;
use aurora_clone_sim::functions::ReplyTo;
use aurora_clone_sim::{Config, Fault, FaultKind, Sim, Target, World};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use chrono::Duration;
use serde_json::json;

fn sim(kind: Option<FaultKind>) -> (Sim, String) {
    let mut world = World::new(Config::default());
    let url = world.settle(|services, cx| services.bucket.issue(cx, "key"));
    let faults = kind.map(|kind| Fault { target: Target::Call(1), kind });
    world.set_faults(faults.into_iter().collect());
    (Sim::in_virtual_time(world), url)
}

fn put(url: &str) -> HttpRequest {
    let body = json!({
        "Status": "SUCCESS", "PhysicalResourceId": "p", "StackId": "s", "RequestId": "r",
        "LogicalResourceId": "l",
    });
    let mut request = HttpRequest::new(SdkBody::from(body.to_string()));
    request.set_method("PUT").expect("a method");
    request.set_uri(url).expect("a URI");
    request
}

async fn send(sim: &Sim, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let client = SimHttpClient::new(sim.clone()).with_read_timeout(Std::from_secs(10));
    client.call(request).await
}

fn stored(sim: &Sim) -> usize {
    sim.with(|world| world.bucket.answers.len())
}

#[tokio::test(start_paused = true)]
async fn a_request_goes_round() {
    let (sim, url) = sim(None);
    let response = send(&sim, put(&url)).await.expect("a response");
    assert_eq!(response.status().as_u16(), 200);
    assert!(response.headers().get("etag").is_some());
    let mut typed = put(&url);
    typed.headers_mut().insert("Content-Type", "text/plain");
    typed
        .headers_mut()
        .insert("Authorization", "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/x, Signature=0");
    let response = send(&sim, typed).await.expect("a response");
    assert_eq!(response.status().as_u16(), 403);
    let body = response.body().bytes().map(String::from_utf8_lossy).expect("a body in memory");
    assert!(body.contains("SignatureDoesNotMatch"), "{body}");
    sim.with(|world| {
        assert_eq!(world.log.len(), 2);
        let call = &world.log[1];
        assert_eq!(
            (call.service, call.operation.as_str(), call.principal.as_str()),
            ("s3", "PutObject", "AKIATEST")
        );
        assert_eq!((call.status, call.error.as_deref()), (403, Some("SignatureDoesNotMatch")));
        assert_eq!(call.invocation, None);
    });
}

#[tokio::test(start_paused = true)]
async fn a_streamed_body_arrives_whole() {
    let (sim, url) = sim(None);
    let streamed = put(&url).map(|body| {
        let bytes = body.bytes().expect("a body in memory").to_vec();
        SdkBody::from_body_1_x(http_body_util::Full::new(bytes::Bytes::from(bytes)))
    });
    assert!(streamed.body().bytes().is_none());
    assert_eq!(send(&sim, streamed).await.expect("a response").status().as_u16(), 200);
    assert!(sim.with(|world| world.violations.clone()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_and_a_lost_reply_look_the_same_to_the_client() {
    for (kind, executed) in [(FaultKind::LostRequest, false), (FaultKind::LostReply, true)] {
        let (sim, url) = sim(Some(kind));
        let error = send(&sim, put(&url)).await.expect_err("a broken connection");
        assert!(error.is_io(), "{error:?}");
        assert_eq!(stored(&sim), usize::from(executed));
        assert_eq!(sim.with(|world| world.log[0].executed), executed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_takes_its_time_up_to_the_read_timeout() {
    for (delay, times_out) in [(9, false), (10, false), (11, true), (3600, true)] {
        let (sim, url) = sim(Some(FaultKind::Delay(Duration::seconds(delay))));
        let start = sim.now();
        let result = send(&sim, put(&url)).await;
        let took = (sim.now() - start).num_seconds();
        match result {
            Ok(response) => assert_eq!((response.status().as_u16(), took, times_out), (200, delay, false)),
            Err(error) => assert_eq!((error.is_timeout(), took, times_out), (true, 10, true)),
        }
        assert_eq!(stored(&sim), 1, "executed all the same");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_ordinary_answer() {
    // S3 throttles with `503 SlowDown`.
    for (kind, status) in [(FaultKind::Throttle, 503), (FaultKind::Deny, 403), (FaultKind::ServerError, 500)]
    {
        let (sim, url) = sim(Some(kind));
        assert_eq!(send(&sim, put(&url)).await.expect("a response").status().as_u16(), status);
        assert_eq!(stored(&sim), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_outside_a_function_is_an_error_that_is_not_retried() {
    let (sim, url) = sim(Some(FaultKind::Crash));
    let error = send(&sim, put(&url)).await.expect_err("a crash");
    assert!(error.is_other() && error.as_other().is_none(), "{error:?}");
    assert_eq!(stored(&sim), 1);
}

#[tokio::test(start_paused = true)]
async fn a_crash_inside_a_function_ends_the_invocation_there() {
    let (sim, url) = sim(Some(FaultKind::Crash));
    sim.with(|world| world.functions.register("f", Duration::seconds(60)));
    let (driver, runner, inner) = (sim.clone(), sim.clone(), sim.clone());
    tokio::spawn(async move { driver.drive().await });
    tokio::spawn(async move {
        let handler = move |_payload, _deadline| {
            let (sim, url) = (inner.clone(), url.clone());
            async move {
                let status = send(&sim, put(&url)).await.map(|response| response.status().as_u16());
                Ok(json!(status.ok()))
            }
        };
        runner.run_function("f", handler).await;
    });
    sim.with(|world| {
        world.settle(|services, cx| services.functions.invoke(cx, "f", json!({}), ReplyTo::Nobody));
    });
    sim.sleep(Duration::minutes(5)).await;
    sim.with(|world| {
        let [first, second] = world.functions.log() else { panic!("{:?}", world.functions.log()) };
        let error = first.result.clone().expect("an end").expect_err("a crash");
        assert_eq!(error.error_type, "Runtime.ExitError");
        assert_eq!(first.ended_at, Some(first.started_at));
        assert_eq!(second.result, Some(Ok(json!(200))));
        assert_eq!(world.log.iter().map(|call| call.invocation).collect::<Vec<_>>(), [Some(1), Some(2)]);
        assert_eq!(world.bucket.answers.len(), 2, "the crashed call was executed");
    });
}

//! The fake AWS over real sockets on loopback, with a client of a few lines.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration as Std, SystemTime, UNIX_EPOCH};

use aurora_clone_sim::functions::{Counts, request_id};
use aurora_clone_sim::serve::{LONGEST_BODY, serve, serve_runtime_api};
use aurora_clone_sim::{Config, Fault, FaultKind, Sim, Target, World};
use chrono::Duration;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

const NEXT: &str = "/2018-06-01/runtime/invocation/next";

struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).expect(name)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// One request on a connection of its own. `None` when the connection was closed without an answer.
async fn ask(to: SocketAddr, method: &str, path: &str, body: &str) -> Option<Reply> {
    ask_with(to, method, path, "", body).await
}

/// The same with further headers, each with its line's end.
async fn ask_with(to: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Option<Reply> {
    let stream = TcpStream::connect(to).await.expect("a connection");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    // The server may refuse before it has read everything, or go away: what has arrived is what counts.
    let _ = write_all(&stream, request.as_bytes()).await;
    let text = String::from_utf8(read_to_end(&stream).await).expect("text");
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().expect("a status");
    Some(Reply { status, head: head.to_owned(), body: body.to_owned() })
}

async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn read_to_end(stream: &TcpStream) -> Vec<u8> {
    let (mut all, mut part) = (Vec::new(), [0; 4096]);
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut part) {
            Ok(0) => break,
            Ok(read) => all.extend_from_slice(&part[..read]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    all
}

async fn reply(to: SocketAddr, method: &str, path: &str, body: &str) -> Reply {
    let asked = tokio::time::timeout(Std::from_secs(20), ask(to, method, path, body));
    asked.await.expect("an end").expect("an answer")
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// A served World, its endpoint and the runtime API of its function `f`.
async fn served() -> (Sim, SocketAddr, SocketAddr) {
    let (front, front_address) = listener().await;
    let (runtime, runtime_address) = listener().await;
    let origin = Some(format!("http://{front_address}"));
    let mut world = World::new(Config { origin, ..Config::default() });
    world.functions.register("f", Duration::seconds(60));
    let sim = Sim::scaled(world, 1.0);
    tokio::spawn(serve(sim.clone(), front));
    let (api, driver) = (sim.clone(), sim.clone());
    tokio::spawn(async move { serve_runtime_api(api, runtime, "f").await });
    tokio::spawn(async move { driver.drive().await });
    (sim, front_address, runtime_address)
}

fn invoke(sim: &Sim, payload: Value) {
    sim.with(|world| world.settle(|services, cx| services.functions.invoke_async(cx, "f", payload)));
}

#[tokio::test]
async fn the_runtime_api_hands_out_an_invocation_and_takes_its_answer() {
    let (sim, _, api) = served().await;
    invoke(&sim, json!({"a": 1}));
    let next = reply(api, "GET", NEXT, "").await;
    assert_eq!((next.status, next.json()), (200, json!({"a": 1})));
    let id = next.header("lambda-runtime-aws-request-id").to_owned();
    assert_eq!(id, request_id(1));
    assert_eq!(
        next.header("lambda-runtime-invoked-function-arn"),
        "arn:aws:lambda:eu-west-1:123456789012:function:f"
    );
    assert!(next.header("lambda-runtime-trace-id").starts_with("Root=1-"));
    let deadline: u128 = next.header("lambda-runtime-deadline-ms").parse().expect("milliseconds");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("now").as_millis();
    assert!(deadline > now + 30_000 && deadline <= now + 60_000, "{deadline} at {now}");

    let path = format!("/2018-06-01/runtime/invocation/{id}/response");
    assert_eq!(reply(api, "POST", &path, r#"{"b":2}"#).await.status, 202);
    let record = sim.with(|world| world.functions.log()[0].clone());
    assert_eq!(record.result, Some(Ok(json!({"b": 2}))));
    let again = reply(api, "POST", &path, "{}").await;
    assert_eq!((again.status, again.json()["errorType"].clone()), (400, json!("InvalidRequestID")));
}

#[tokio::test]
async fn the_runtime_api_takes_errors() {
    let (sim, front, api) = served().await;
    invoke(&sim, json!(1));
    let id = reply(api, "GET", NEXT, "").await.header("lambda-runtime-aws-request-id").to_owned();
    let path = format!("/2018-06-01/runtime/invocation/{id}/error");
    let body = r#"{"errorType":"Boom","errorMessage":"no","stackTrace":[]}"#;
    assert_eq!(reply(api, "POST", &path, body).await.status, 202);

    invoke(&sim, json!(2));
    let body = r#"{"errorType":"NoConfig","errorMessage":"nothing set"}"#;
    assert_eq!(reply(api, "POST", "/2018-06-01/runtime/init/error", body).await.status, 202);
    assert_eq!(reply(api, "POST", "/2018-06-01/runtime/init/error", "").await.status, 202);

    let errors = sim.with(|world| {
        let results = world.functions.log().iter().map(|record| record.result.clone());
        results.map(|result| result.expect("an end").expect_err("an error").error_type).collect::<Vec<_>>()
    });
    assert_eq!(errors, ["Boom", "NoConfig"]);
    let expected = Counts { queued: 2, failed: 2, ..Counts::default() };
    assert_eq!(sim.with(|world| world.functions.counts("f")), expected, "both wait for a retry");
    for path in ["/", "/2018-06-01/runtime/nothing", "/2018-06-01/runtime/invocation/junk/response"] {
        assert!([400, 404].contains(&reply(api, "POST", path, "{}").await.status), "{path}");
    }
    let state = reply(front, "GET", "/_sim/state", "").await.json();
    assert_eq!((&state["simulation"], &state["functions"]["f"]["failed"]), (&json!(true), &json!(2)));
    assert!(state["now"].is_string());
    for name in ["secrets", "keys", "events", "parameters"] {
        assert_eq!(state[name], 0, "{name}");
    }
}

#[tokio::test]
async fn two_long_polls_share_the_work() {
    let (sim, _, api) = served().await;
    let polls = [1, 2].map(|_| tokio::spawn(async move { reply(api, "GET", NEXT, "").await.json() }));
    tokio::time::sleep(Std::from_millis(30)).await;
    invoke(&sim, json!(1));
    invoke(&sim, json!(2));
    let mut got = Vec::new();
    for poll in polls {
        got.push(poll.await.expect("a poll").to_string());
    }
    got.sort();
    assert_eq!(got, ["1", "2"]);
    assert_eq!(sim.with(|world| world.functions.counts("f").running), 2);
}

#[tokio::test]
async fn a_poll_that_hung_up_takes_nothing() {
    let (sim, _, api) = served().await;
    let poll = tokio::spawn(async move { ask(api, "GET", NEXT, "").await });
    tokio::time::sleep(Std::from_millis(50)).await;
    poll.abort();
    tokio::time::sleep(Std::from_millis(50)).await;
    invoke(&sim, json!(1));
    assert_eq!(reply(api, "GET", NEXT, "").await.json(), json!(1));
    assert_eq!(sim.with(|world| world.functions.log().len()), 1);
}

#[tokio::test]
async fn the_front_door_says_what_it_is_and_takes_answers() {
    let (sim, front, _) = served().await;
    let hello = reply(front, "GET", "/", "").await;
    assert!(hello.status == 200 && hello.body.contains("simulation"), "{}", hello.body);
    assert_eq!(reply(front, "GET", "/nothing", "").await.status, 404);

    let url = sim.with(|world| world.settle(|services, cx| services.bucket.issue(cx, "stack/a|b|c")));
    let path = url.strip_prefix(&format!("http://{front}")).expect("our origin").to_owned();
    let body = json!({
        "Status": "FAILED", "Reason": "because", "PhysicalResourceId": "p", "StackId": "s",
        "RequestId": "r", "LogicalResourceId": "l",
    });
    assert_eq!(reply(front, "PUT", &path, &body.to_string()).await.status, 200);
    let answers = sim.with(|world| world.bucket.answers.clone());
    assert_eq!((answers.len(), answers[0].key.as_str()), (1, "stack/a|b|c"));
    assert!(sim.with(|world| world.violations.clone()).is_empty());
}

#[tokio::test]
async fn a_parameter_is_read_with_the_worlds_date() {
    let (sim, front, _) = served().await;
    sim.with(|world| world.ssm.put("/config", "{}"));
    let target = "x-amz-target: AmazonSSM.GetParameter\r\n";
    let read = ask_with(front, "POST", "/", target, r#"{"Name": "/config"}"#).await.expect("an answer");
    assert_eq!((read.status, read.json()["Parameter"]["Value"].clone()), (200, json!("{}")));
    let dates: Vec<&str> =
        read.head.lines().filter(|line| line.to_ascii_lowercase().starts_with("date: ")).collect();
    assert_eq!(dates.len(), 1, "{}", read.head);
    assert!(read.header("date").starts_with("Sun, 21 Jun 2026 00:0"), "{dates:?}");
    assert_eq!(reply(front, "GET", "/_sim/state", "").await.json()["parameters"], 1);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_and_faults_stay_away() {
    let (sim, front, _) = served().await;
    let long = "x".repeat(LONGEST_BODY + 1);
    assert_eq!(reply(front, "PUT", "/a/b", &long).await.status, 413);
    assert!(sim.with(|world| world.log.is_empty()));
    sim.with(|world| {
        world.set_faults(vec![Fault { target: Target::Every("PutObject"), kind: FaultKind::LostReply }]);
    });
    // A served World is for demonstrations: the fault list is for calls under the SDK.
    assert_eq!(reply(front, "PUT", "/a/b", "x").await.status, 404);
}

#[tokio::test]
async fn dropping_the_server_stops_it() {
    let (listener, address) = listener().await;
    let sim = Sim::scaled(World::new(Config::default()), 1.0);
    sim.with(|world| world.functions.register("f", Duration::seconds(60)));
    let server = tokio::spawn(async move { serve_runtime_api(sim, listener, "f").await });
    let poll = tokio::spawn(async move { ask(address, "GET", NEXT, "").await });
    tokio::time::sleep(Std::from_millis(50)).await;
    server.abort();
    let polled = tokio::time::timeout(Std::from_secs(20), poll).await.expect("an end");
    assert!(polled.expect("a poll").is_none());
    assert!(TcpStream::connect(address).await.is_err());
}

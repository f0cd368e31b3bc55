//! The response bucket: who may PUT what, until when, and what stays visible.

use aurora_clone_sim::bucket::ResponseBucket;
use aurora_clone_sim::http::{Request, Response};
use aurora_clone_sim::world::Outcome;
use aurora_clone_sim::{Config, Origin, World};
use chrono::Duration;
use serde_json::{Value, json};

const KEY: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/1-2-3|Database|req-1";

fn issue(world: &mut World, key: &str) -> String {
    world.settle(|services, cx| services.bucket.issue(cx, key))
}

fn request(url: &str, body: &[u8]) -> Request {
    let url = url::Url::parse(url).expect("a URL");
    Request {
        method: "PUT".to_owned(),
        host: url.host_str().expect("a host").to_owned(),
        path: url.path().to_owned(),
        query: url.query().unwrap_or_default().to_owned(),
        headers: Vec::new(),
        body: body.to_vec(),
    }
}

fn send(world: &mut World, request: &Request) -> Response {
    match world.handle(request, &Origin::default()) {
        Outcome::Reply(response, _) => response,
        other => panic!("{other:?}"),
    }
}

fn code(response: &Response) -> (u16, String) {
    let body = String::from_utf8_lossy(&response.body).into_owned();
    let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    (response.status, code.map(|(code, _)| code.to_owned()).unwrap_or_default())
}

fn refused(code: &str) -> (u16, String) {
    (403, code.to_owned())
}

fn answer() -> Value {
    json!({
        "Status": "SUCCESS", "PhysicalResourceId": "p", "StackId": "s", "RequestId": "r",
        "LogicalResourceId": "l",
    })
}

fn body() -> Vec<u8> {
    answer().to_string().into_bytes()
}

#[test]
fn a_url_looks_as_the_real_ones_do() {
    let mut world = World::new(Config::default());
    let url = issue(&mut world, KEY);
    assert!(
        url.starts_with("https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/arn%3Aaws%3Acloudformation%3Aeu-west-1%3A123456789012%3Astack/shop/1-2-3%7CDatabase%7Creq-1?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date="),
        "{url}"
    );
    assert!(url.contains("&X-Amz-SignedHeaders=host&X-Amz-Expires=7200&X-Amz-Credential=AKIA"), "{url}");
    assert_eq!(url.rsplit_once("&X-Amz-Signature=").map(|(_, signature)| signature.len()), Some(64));
    assert_eq!(url, ResponseBucket::url_for(&world.config, world.now(), KEY));
    assert_eq!(world.bucket.issued[0].url, url);
}

#[test]
fn an_answer_is_stored_as_it_came_and_repeats_stay_visible() {
    let mut world = World::new(Config::default());
    let url = issue(&mut world, KEY);
    for _ in 0..2 {
        assert_eq!(send(&mut world, &request(&url, &body())).status, 200);
    }
    let mut with_empty_type = request(&url, &body());
    with_empty_type.headers.push(("content-type".to_owned(), String::new()));
    assert_eq!(send(&mut world, &with_empty_type).status, 200);
    assert_eq!(world.bucket.answers.len(), 3);
    assert!(world.bucket.answers.iter().all(|answer| answer.key == KEY && answer.body == body()));
    assert!(world.violations.is_empty(), "{:?}", world.violations);
}

#[test]
fn the_served_form_works_only_where_the_world_is_served() {
    let origin = Some("http://127.0.0.1:4700".to_owned());
    let mut served = World::new(Config { origin, ..Config::default() });
    let url = issue(&mut served, KEY);
    assert!(url.starts_with(
        "http://127.0.0.1:4700/cloudformation-custom-resource-response-euwest1/arn%3Aaws%3Acloudformation"
    ));
    assert_eq!(send(&mut served, &request(&url, &body())).status, 200);
    assert_eq!(served.bucket.answers[0].key, KEY);

    let mut plain = World::new(Config::default());
    assert_eq!(code(&send(&mut plain, &request(&url, &body()))), (404, "NoSuchBucket".to_owned()));
    let elsewhere = issue(&mut plain, KEY).replace("eu-west-1", "us-east-1").replace("euwest1", "useast1");
    assert_eq!(code(&send(&mut plain, &request(&elsewhere, &body()))).0, 404);
}

#[test]
fn only_the_url_that_was_issued_opens_the_bucket() {
    let mut world = World::new(Config::default());
    let url = issue(&mut world, KEY);
    let mismatch = refused("SignatureDoesNotMatch");
    let tampered = [
        url.replace("Database", "Other"),
        url.replace("X-Amz-Expires=7200", "X-Amz-Expires=604800"),
        url.replace("X-Amz-Date=2026", "X-Amz-Date=2027"),
        format!("{}0", &url[..url.len() - 1]),
        format!("{}1", &url[..url.len() - 1]),
    ];
    let refusals: Vec<_> = tampered
        .iter()
        .filter(|tampered| **tampered != url)
        .map(|tampered| code(&send(&mut world, &request(tampered, &body()))))
        .collect();
    assert!(refusals.len() >= 4 && refusals.iter().all(|refusal| *refusal == mismatch), "{refusals:?}");
    let bare = url.split_once('?').expect("a query").0;
    assert_eq!(code(&send(&mut world, &request(bare, &body()))), refused("AccessDenied"));
    let mut typed = request(&url, &body());
    typed.headers.push(("content-type".to_owned(), "application/json".to_owned()));
    assert_eq!(code(&send(&mut world, &typed)), mismatch);
    let mut stranger = World::new(Config { seed: 2, ..Config::default() });
    assert_eq!(code(&send(&mut stranger, &request(&url, &body()))), mismatch);
    assert!(world.bucket.answers.is_empty() && world.violations.is_empty());
}

#[test]
fn a_url_lives_for_two_hours() {
    let mut world = World::new(Config::default());
    let url = issue(&mut world, KEY);
    world.advance_to(world.now() + Duration::hours(2));
    assert_eq!(send(&mut world, &request(&url, &body())).status, 200);
    world.advance_to(world.now() + Duration::seconds(1));
    let response = send(&mut world, &request(&url, &body()));
    assert_eq!(code(&response), refused("AccessDenied"));
    assert!(String::from_utf8_lossy(&response.body).contains("Request has expired"));
    let fresh = issue(&mut world, KEY);
    assert_eq!(send(&mut world, &request(&fresh, &body())).status, 200);
}

#[test]
fn what_breaks_the_rules_of_an_answer_is_noted() {
    let long = json!({ "Reason": "x".repeat(4096) });
    let cases: [(Vec<u8>, &str); 8] = [
        (b"nonsense".to_vec(), "not a JSON object"),
        (b"[1]".to_vec(), "not a JSON object"),
        (long.to_string().into_bytes(), "more than 4096"),
        (with("StackId", json!(null)), "no StackId"),
        (with("Status", json!("DONE")), "Status DONE"),
        (with("Status", json!("FAILED")), "FAILED without a Reason"),
        (with("PhysicalResourceId", json!("p".repeat(1025))), "longer than 1024"),
        (with("PhysicalResourceId", json!("")), "no PhysicalResourceId"),
    ];
    for (body, expected) in cases {
        let mut world = World::new(Config::default());
        let url = issue(&mut world, KEY);
        assert_eq!(send(&mut world, &request(&url, &body)).status, 200);
        let [line] = world.violations.as_slice() else { panic!("{:?}", world.violations) };
        assert!(line.starts_with("S8 ") && line.contains(expected), "{line}");
    }
}

#[test]
fn two_different_answers_to_one_request_are_noted() {
    let mut world = World::new(Config::default());
    let (one, other) = (issue(&mut world, KEY), issue(&mut world, "another"));
    send(&mut world, &request(&one, &body()));
    send(&mut world, &request(&other, &with("RequestId", json!("r2"))));
    assert!(world.violations.is_empty());
    send(&mut world, &request(&one, &with("PhysicalResourceId", json!("q"))));
    assert_eq!(world.violations, [format!("S8 answers for {KEY} differ")]);
}

fn with(field: &str, value: Value) -> Vec<u8> {
    let mut answer = answer();
    answer[field] = value;
    answer.to_string().into_bytes()
}

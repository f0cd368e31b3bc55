//! `aurora-clone sim serve`, as the AWS CLI and the SDKs find it.

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{Ended, aurora_clone, finish, run};

/// Starts a server, and reads its address.
fn start(arguments: &[&str]) -> (Child, String) {
    let mut command = aurora_clone();
    command.args(["sim", "serve"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a process");
    let mut first = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("an output"));
    out.read_line(&mut first).expect("a line");
    let address = first.trim_end().strip_prefix("http://").expect("an address").to_owned();
    (child, address)
}

fn ask(address: &str, head: &str, body: &str) -> String {
    ask_with(address, head, "accept: */*", body)
}

fn ask_with(address: &str, head: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let length = body.len();
    write!(
        stream,
        "{head} HTTP/1.1\r\nhost: {address}\r\n{headers}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn it_serves_a_furnished_account_and_ends_by_itself() {
    let began = Instant::now();
    let (child, address) =
        start(&["--clusters", "prod,billing", "--clones", "14", "--copies", "1", "--for", "2"]);
    let hello = ask(&address, "GET /", "");
    assert!(hello.starts_with("HTTP/1.1 200") && hello.contains("simulation"), "{hello}");
    let described = ask(&address, "POST /", "Action=DescribeDBClusters&Version=2014-10-31");
    let count = described.matches("<DBClusterIdentifier>").count();
    assert_eq!(count, 17, "{described}");
    for id in ["prod", "billing", "by-hand-14", "clone-prod-pool-1"] {
        assert!(described.contains(&format!("<DBClusterIdentifier>{id}</DBClusterIdentifier>")), "{id}");
    }
    let exports = ask(&address, "POST /", "Action=ListExports&Version=2010-05-15");
    assert!(exports.contains("aurora-clone-manager-LambdaArn"), "{exports}");
    let Ended { code, err, .. } = finish(child);
    assert_eq!(code, Some(0), "{err}");
    assert!(
        err.contains("SIMULATED AWS") && err.contains(&format!("--endpoint-url http://{address}")),
        "{err}"
    );
    assert!(began.elapsed() >= Duration::from_secs(2));
}

/// As the AWS CLI sends what stands in the hints.
#[test]
fn secrets_keys_and_events_are_served_too() {
    let (child, address) = start(&["--for", "3"]);
    let call = |target: &str, body: &str| {
        let head = "content-type: application/x-amz-json-1.1\r\nauthorization: AWS4-HMAC-SHA256 \
                    Credential=AKIATEST/20260621/eu-west-1/test/aws4_request";
        let answer = ask_with(&address, "POST /", &format!("{head}\r\nx-amz-target: {target}"), body);
        assert!(answer.starts_with("HTTP/1.1 200"), "{target}: {answer}");
        answer
    };
    let token = "0f0f0f0f-0f0f-4f0f-8f0f-0f0f0f0f0f0f";
    let secret = format!(r#"{{"Name":"test/one","SecretString":"hush","ClientRequestToken":"{token}"}}"#);
    call("secretsmanager.CreateSecret", &secret);
    let value = call("secretsmanager.GetSecretValue", r#"{"SecretId":"test/one"}"#);
    assert!(value.contains("hush"), "{value}");
    let key = call("TrentService.CreateKey", "{}");
    assert!(key.contains("\"KeyState\":\"Enabled\""), "{key}");
    let entry = r#"{"Source":"test","DetailType":"one","Detail":"{}"}"#;
    let put = call("AWSEvents.PutEvents", &format!(r#"{{"Entries":[{entry}]}}"#));
    assert!(put.contains("\"FailedEntryCount\":0"), "{put}");
    let state = ask(&address, "GET /_sim/state", "");
    // One key is made for the account's secrets, as AWS does, and one by the manager's stack.
    for line in ["\"secrets\": 1", "\"keys\": 3", "\"events\": 1", "\"violations\": []"] {
        assert!(state.contains(line), "{line}: {state}");
    }
    let Ended { code, err, .. } = finish(child);
    assert_eq!(code, Some(0), "{err}");
    for service in ["rds", "secretsmanager", "cloudformation", "ssm"] {
        assert!(err.contains(&format!("aws {service} ")), "{err}");
    }
}

#[test]
fn simulated_time_runs_as_fast_as_it_is_told() {
    let (child, address) = start(&["--speed", "3600", "--for", "2"]);
    let now = || {
        let state = ask(&address, "GET /_sim/state", "");
        let (_, rest) = state.split_once("\"now\": \"").expect("a time");
        rest[..19].to_owned()
    };
    let (before, after) = (now(), {
        std::thread::sleep(Duration::from_millis(1100));
        now()
    });
    // An hour and more later.
    assert_ne!(before[..13], after[..13], "{before} {after}");
    assert_eq!(finish(child).code, Some(0));
}

/// What is as long ago as AWS says is as long ago for a client with a clock of its own.
#[test]
fn a_client_with_a_clock_of_its_own_sees_work_that_does_not_take_long() {
    let quick = [
        "--start",
        "now",
        "--speed",
        "1",
        "--pace",
        "0.001",
        "--manager-key",
        "AKIATEST",
        "--quota",
        "2",
        "--for",
        "20",
    ];
    let (child, address) = start(&quick);
    let now = || chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let state = || -> serde_json::Value {
        let answer = ask(&address, "GET /_sim/state", "");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).expect("JSON")
    };
    let ask_rds = |parameters: &str| {
        let signed = "content-type: application/x-www-form-urlencoded\r\nauthorization: AWS4-HMAC-SHA256 \
                      Credential=AKIATEST/20260621/eu-west-1/rds/aws4_request";
        ask_with(&address, "POST /", signed, &format!("{parameters}&Version=2014-10-31"))
    };
    let told: chrono::DateTime<chrono::Utc> =
        state()["now"].as_str().expect("a time").parse().expect("a time");
    assert!((now() - told).num_seconds().abs() < 60, "{told}");

    let made = ask_rds(
        "Action=RestoreDBClusterToPointInTime&SourceDBClusterIdentifier=prod&DBClusterIdentifier=mine\
         &RestoreType=copy-on-write&UseLatestRestorableTime=true&DBClusterParameterGroupName=prod-params\
         &VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-0123456789abcdef0",
    );
    assert!(made.starts_with("HTTP/1.1 200"), "{made}");
    let mine =
        || state()["clusters"].as_array().expect("a list").iter().find(|one| one["id"] == "mine").cloned();
    // It takes minutes at AWS.
    let began = Instant::now();
    while mine().expect("made")["status"] != "available" {
        assert!(began.elapsed() < Duration::from_secs(15));
        std::thread::sleep(Duration::from_millis(50));
    }
    let mine = mine().expect("made");
    for (name, value) in [("copy_on_write", true), ("became_full_copy", false), ("sources_password", true)] {
        assert_eq!(mine[name], value, "{mine}");
    }
    assert_eq!(mine["made_by"], "AKIATEST");
    assert_eq!(state()["violations"], serde_json::json!([]));
    let third = ask_rds(
        "Action=RestoreDBClusterToPointInTime&SourceDBClusterIdentifier=prod&DBClusterIdentifier=third\
         &RestoreType=copy-on-write&UseLatestRestorableTime=true&DBClusterParameterGroupName=prod-params\
         &VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-0123456789abcdef0",
    );
    assert!(third.contains("DBClusterQuotaExceededFault"), "{third}");
    // Production is none of the manager's.
    ask_rds("Action=ModifyDBCluster&DBClusterIdentifier=prod&BackupRetentionPeriod=1&ApplyImmediately=true");
    let violations = state()["violations"].to_string();
    assert!(violations.contains("prod"), "{violations}");

    let login = |body: &str| ask(&address, "POST /_sim/login", body);
    assert!(login(r#"{"cluster":"mine","password":"guessed"}"#).contains("\"opens\": false"));
    assert!(login(r#"{"cluster":"none","password":"guessed"}"#).starts_with("HTTP/1.1 404"));
    assert!(login("mine").starts_with("HTTP/1.1 400"));
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(killed.expect("kill").success());
    assert_eq!(finish(child).code, Some(0));
}

#[cfg(unix)]
#[test]
fn being_ended_is_no_failure() {
    let (child, address) = start(&[]);
    assert!(ask(&address, "GET /", "").contains("200"));
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(killed.expect("kill").success());
    assert_eq!(finish(child).code, Some(0));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for wrong in [
        ["sim", "serve", "--speed", "0"],
        ["sim", "serve", "--clusters", "Prod--"],
        ["sim", "serve", "--clones", "16"],
        ["sim", "serve", "--start", "yesterday"],
        ["sim", "serve", "--pace", "0"],
        ["demo", "--margin", "10", "--verbose"],
    ] {
        let mut command = aurora_clone();
        command.args(wrong);
        let Ended { code, out, err } = run(command);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{wrong:?}");
        assert!(err.contains("error"), "{err}");
    }
    let (child, address) = start(&["--for", "2"]);
    let port = address.rsplit(':').next().expect("a port").to_owned();
    let mut command = aurora_clone();
    command.args(["sim", "serve", "--port", &port]);
    let Ended { code, err, .. } = run(command);
    assert_eq!(code, Some(1));
    assert!(err.contains(&port), "{err}");
    assert_eq!(finish(child).code, Some(0));
}

//! What is the same in the answers of all services: request ids, text that XML can't carry, and their recordings.

use aurora_clone_sim::http::{Request, Response};
use aurora_clone_sim::rds::SeedCluster;
use aurora_clone_sim::record::{record_all_responses, record_responses};
use aurora_clone_sim::world::Outcome;
use aurora_clone_sim::{Config, Fault, FaultKind, Origin, Target, World, query};

fn world() -> World {
    let mut world = World::new(Config::default());
    world.rds.seed_cluster(SeedCluster { id: "prod".into(), ..SeedCluster::default() });
    world.dynamodb.create_table("requests", "id");
    world
}

fn query(world: &World, operation: &str) -> Request {
    query::request(&world.config, "AKIA", operation, &[])
}

fn json(target: &str, body: &str) -> Request {
    let headers = vec![("x-amz-target".to_owned(), target.to_owned())];
    Request {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        headers,
        body: body.into(),
        ..Request::default()
    }
}

fn ask(world: &mut World, request: &Request) -> Response {
    match world.handle(request, &Origin { invocation: None, faultable: true }) {
        Outcome::Reply(response, _) => response,
        other => panic!("{other:?}"),
    }
}

fn request_id(response: &Response) -> String {
    let (_, id) = response.headers.iter().find(|(name, _)| name == "x-amzn-requestid").expect("a request id");
    let lengths: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
    assert!(id.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()), "{id}");
    id.clone()
}

#[test]
fn every_answer_has_a_request_id_of_its_own() {
    let mut world = world();
    let requests = [
        query(&world, "DescribeDBClusters"),
        query(&world, "DescribeStacks"),
        json("DynamoDB_20120810.Scan", r#"{"TableName":"requests"}"#),
        json("DynamoDB_20120810.Scan", r#"{"TableName":"nothing"}"#),
        json("AWSStepFunctions.DescribeExecution", "{}"),
    ];
    let mut ids = Vec::new();
    for kind in [None, Some(FaultKind::Throttle), Some(FaultKind::Deny), Some(FaultKind::ServerError)] {
        for (number, request) in requests.iter().enumerate() {
            world.set_faults(
                kind.iter().map(|kind| Fault { target: Target::Call(1), kind: kind.clone() }).collect(),
            );
            let response = ask(&mut world, request);
            let id = request_id(&response);
            if number < 2 {
                let body = String::from_utf8(response.body).expect("UTF-8");
                assert!(body.contains(&format!("<RequestId>{id}</RequestId>")), "{body}");
            }
            ids.push(id);
        }
    }
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((all, ids.len()), (20, 20));
}

#[test]
fn a_refused_call_leaves_chance_alone() {
    let clone = [
        ("DBClusterIdentifier", "kid"),
        ("SourceDBClusterIdentifier", "prod"),
        ("RestoreType", "copy-on-write"),
        ("UseLatestRestorableTime", "true"),
    ];
    let (mut calm, mut stormy) = (world(), world());
    stormy.set_faults(vec![Fault { target: Target::Call(1), kind: FaultKind::Throttle }]);
    let request = query(&stormy, "DescribeDBClusters");
    assert_eq!(ask(&mut stormy, &request).status, 400);
    let restore = "RestoreDBClusterToPointInTime";
    assert_eq!(calm.call_as("AKIA", restore, &clone).body, stormy.call_as("AKIA", restore, &clone).body);
}

#[test]
fn what_xml_cannot_carry_becomes_a_question_mark() {
    let mut world = world();
    let parameters = [
        ("DBClusterIdentifier", "new"),
        ("Engine", "aurora-postgresql"),
        ("MasterUsername", "dba"),
        ("MasterUserPassword", "correct horse"),
        ("DatabaseName", "a\u{0}\u{1f}\u{ffff}\r\n\t<&>\"é"),
    ];
    let response = world.call_as("AKIA", "CreateDBCluster", &parameters);
    let body = String::from_utf8(response.body).expect("UTF-8");
    assert!(body.contains("<DatabaseName>a???&#13;\n\t&lt;&amp;&gt;&quot;é</DatabaseName>"), "{body}");
}

#[test]
fn answers_are_recorded_by_kind_or_all_of_them() {
    let mut world = world();
    for _ in 0..3 {
        world.call_as("AKIA", "DescribeDBClusters", &[]);
        world.call_as("AKIA", "DescribeDBClusters", &[("DBClusterIdentifier", "nowhere")]);
        world.call_as("AKIA", "DescribeStacks", &[]);
        world.call_as("AKIA", "PaintDBCluster", &[]);
    }
    let dir = std::env::temp_dir().join(format!("recorded-{}", std::process::id()));
    let names = || {
        let files = std::fs::read_dir(&dir).expect("a folder");
        let mut names: Vec<_> =
            files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    };
    record_responses(&world, &dir).expect("recorded");
    // Twice: what has been recorded by another World is not recorded again.
    record_responses(&world, &dir).expect("recorded");
    let operations: Vec<_> = names().iter().map(|name| name.split('.').next().map(str::to_owned)).collect();
    assert_eq!(
        operations,
        ["DescribeDBClusters", "DescribeDBClusters", "DescribeStacks"].map(|n| Some(n.to_owned()))
    );
    let texts: Vec<_> =
        names().iter().map(|name| std::fs::read_to_string(dir.join(name)).expect("a recording")).collect();
    assert!(texts.iter().any(|text| text.starts_with("<!-- status 404 -->\n<ErrorResponse ")), "{texts:?}");
    record_all_responses(&world, &dir).expect("recorded");
    assert_eq!(names().len(), 3 + 9);
    std::fs::remove_dir_all(&dir).expect("removed");
}

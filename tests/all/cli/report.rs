//! `aurora-clone report`, as its users see it.

use std::path::PathBuf;
use std::sync::Arc;

use aurora_clone_sim::iam::{Person, Role};
use aurora_clone_tests::PERSON_KEY;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{Fixture, PERSON, Ran};

/// A folder of one test's own.
fn folder(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("aurora-clone-report-{}-{test}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn fixture() -> Fixture {
    Fixture::wanting(20, |_| {})
}

/// A report on two days of two sources, one of which lacks slots.
fn document() -> Value {
    let at = |hour: i64| {
        (chrono::DateTime::from_timestamp(1_782_000_000, 0).unwrap() + chrono::Duration::hours(hour))
            .format("%Y-%m-%dT%H:%M:%SZ")
            .to_string()
    };
    let line = |of: fn(i64) -> f64| -> Value {
        (0..48).map(|hour| json!({ "at": at(hour), "value": of(hour) })).collect()
    };
    let source = |name: &str, free: u32| {
        json!({
            "name": name, "engine": "aurora-postgresql 16.6", "wanted": 15, "free": free, "used": 4, "copies": 1,
            "clones": 3, "strangers": 1, "oldest": 90_000, "maxCopyAge": 259_200,
            "cost": { "monthly": 412.5, "atLeast": true },
            "series": {
                "FreeSlots": line(|hour| 20.0 - hour as f64 % 7.0), "WantedSlots": line(|_| 15.0),
                "Clones": line(|hour| hour as f64 % 7.0), "CopiesUsable": line(|_| 1.0),
                "OldestCopyAge": line(|hour| hour as f64 * 3_600.0), "Deletions": line(|hour| f64::from(u8::from(hour == 9))),
            },
            "rows": [
                { "depth": 0, "cluster": name, "kind": "root", "status": "available", "slots": [1, 15], "dataAge": 0 },
                { "depth": 1, "cluster": "clone-a", "kind": "clone", "status": "available", "owner": "review-1",
                  "description": "for the load test", "lease": at(60), "cost": { "monthly": 52.5, "atLeast": false } },
                { "depth": 1, "cluster": "clone-copy-1", "kind": "copy", "status": "available", "slots": [2, 15], "dataAge": 90_000 },
                { "depth": 2, "cluster": "clone-b", "kind": "clone", "status": "creating", "owner": "review-2", "lease": at(1) },
            ],
            "figures": [{ "name": "usable after", "value": "11 min", "note": "at most 1 h" }],
        })
    };
    let told = |hour: i64, times: u32, sort: &str, what: &str, why: &str| json!({ "at": at(hour), "first": at(hour - 2), "times": times, "sort": sort, "source": "shop", "what": what, "why": why });
    json!({
        "kind": "aurora-clone-report", "manager": "aurora-clone-manager", "account": "123456789012", "region": "eu-west-1",
        "simulated": false, "at": at(48), "from": at(0), "to": at(48), "point": 3_600, "currency": "USD",
        "sources": [source("shop", 9), source("billing", 26)],
        "withoutRoot": [{ "depth": 0, "cluster": "clone-lost", "kind": "clone", "status": "available", "owner": "nightly" }],
        "troubles": [{ "about": "shop", "what": "max-copies keeps more from being made" }],
        "told": [
            told(47, 9, "trouble", "15 free slots are wanted", "and 9 are free"),
            told(9, 1, "did", "Deletes the copy clone-copy-0", "its data is older than P3D"),
        ],
        "toldSince": at(5),
        "missing": [{ "part": "configuration", "why": "it could not be read" }],
    })
}

/// The page of a document.
async fn page(test: &str, document: &Value) -> String {
    let file = folder(test).join("report.json");
    std::fs::write(&file, document.to_string()).unwrap();
    let ran = fixture().run(&["report", "--from", file.to_str().unwrap(), "--output", "-"]).await;
    assert_eq!(
        (ran.code, ran.err.lines().count()),
        (0, document["missing"].as_array().unwrap().len()),
        "{ran}"
    );
    ran.out
}

/// The texts of a page, an element a line; every element that is opened is closed in its turn.
fn texts(page: &str) -> Vec<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut texts = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        let text = rest[..at].trim();
        let hidden = open.iter().any(|tag| ["style", "svg"].contains(tag)) && !open.ends_with(&["title"]);
        if !text.is_empty() && !hidden && !open.contains(&"g") {
            texts.push(format!("{}: {text}", open.last().unwrap()));
        }
        let end = at + rest[at..].find('>').unwrap();
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "{tag} closes another element");
        } else if !tag.ends_with('/') && !tag.starts_with('!') {
            open.push(tag.split_whitespace().next().unwrap());
        }
    }
    assert_eq!(open, Vec::<&str>::new(), "every element is closed");
    texts
}

#[tokio::test(start_paused = true)]
async fn a_page_says_all_of_it() {
    assert_snapshot!(texts(&page("all", &document()).await).join("\n"));
}

#[tokio::test(start_paused = true)]
async fn no_text_of_others_is_markup() {
    const EVIL: &str =
        "</title></style><script>alert(1)</script><img src=x onerror='alert(2)'>\"onload=\"x\u{0}";
    fn spoil(value: &mut Value, name: &str) {
        match value {
            Value::String(text)
                if !["kind", "sort", "part"].contains(&name)
                    && text.parse::<chrono::DateTime<chrono::Utc>>().is_err() =>
            {
                *text = EVIL.to_owned();
            }
            Value::Array(items) => items.iter_mut().for_each(|item| spoil(item, name)),
            Value::Object(fields) => fields.iter_mut().for_each(|(name, field)| spoil(field, name)),
            _ => {}
        }
    }
    let (plain, mut document) = (page("plain", &document()).await, document());
    spoil(&mut document, "");
    document["sources"][0]["rows"][1]["kind"] = json!(EVIL);
    let page = page("evil", &document).await;
    let tags = |page: &str, tag: &str| page.matches(&format!("<{tag}")).count();
    for tag in ["script", "img", "style", "title", "svg", "path", "table", "caption", "h2", "li", "time"] {
        assert_eq!(tags(&page, tag), tags(&plain, tag), "<{tag}");
    }
    assert!(!page.contains("onerror='") && !page.contains("\"onload=\"") && !page.contains('\u{0}'));
    texts(&page);
}

#[tokio::test(start_paused = true)]
async fn a_page_asks_nobody_for_anything() {
    let page = page("asks", &document()).await;
    assert!(page.contains("default-src 'none'"));
    for word in ["http:", "https:", "src=", "url(", "@import", "<script", "<link"] {
        assert!(!page.contains(word), "{word}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_read_is_said_on_the_page() {
    let file = folder("live").join("report.html");
    let fixture = fixture();
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": ["cloudwatch:*", "logs:*"], "Resource": "*" },
    ] });
    let policies = Some(Arc::new(Role::parse("NoMetrics", &[policy]).unwrap()));
    fixture.sim.with(|world| world.iam.introduce(PERSON_KEY, Person { name: PERSON.to_owned(), policies }));
    let ran = fixture.run(&["report", "--output", file.to_str().unwrap()]).await;
    assert_eq!((ran.code, ran.out.trim()), (0, file.to_str().unwrap()), "{ran}");
    let page = std::fs::read_to_string(&file).unwrap();
    let texts = texts(&page);
    for text in [
        "h2: prod",
        "th: prod",
        "p: There are no plots: GetMetricData failed",
        "p: Its log could not be read: FilterLogEvents",
    ] {
        assert!(texts.iter().any(|line| line.starts_with(text)), "{text}: {texts:#?}");
    }
    assert_eq!(ran.err.matches("warning: a part of the report is missing: ").count(), 2, "{ran}");
    let json = fixture.run(&["report", "--json"]).await.json();
    assert_eq!(
        (&json["sources"][0]["wanted"], &json["sources"][0]["free"]),
        (&json!(20), &json!(14)),
        "{json}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_report_takes_the_place_of_a_report_and_of_nothing_else() {
    let folder = folder("overwrites");
    let (document_file, file) = (folder.join("in.json"), folder.join("out.html"));
    std::fs::write(&document_file, document().to_string()).unwrap();
    let fixture = fixture();
    let write = async |more: &[&str]| -> Ran {
        let words = ["report", "--from", document_file.to_str().unwrap(), "--output", file.to_str().unwrap()];
        fixture.run(&[&words, more].concat()).await
    };
    std::fs::write(&file, "somebody's page").unwrap();
    let refused = write(&[]).await;
    assert_eq!(refused.code, 1, "{refused}");
    assert!(refused.err.contains("is there and is no report") && refused.err.contains("hint: "), "{refused}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "somebody's page");
    for more in [&["--force"][..], &[]] {
        assert_eq!(write(more).await.code, 0, "{more:?}");
        assert!(std::fs::read_to_string(&file).unwrap().starts_with("<!DOCTYPE html>"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_simulation_is_shown_as_an_account_is() {
    let sample = |hour: u32| json!({ "time": format!("2026-06-21T{hour:02}:00:00Z"), "free": 15 - hour % 4, "used": hour % 4, "copies": 1, "clones": hour % 4, "monthlyCost": 80.0 });
    let document = json!({
        "start": "2026-06-21T00:00:00Z", "end": "2026-06-22T00:00:00Z",
        "sources": [{
            "clusterId": "prod", "wanted": 12,
            "figures": { "asked": 9, "usable": 8, "waited": 1, "refused": 1, "failed": 0, "untilUsable": { "p50": 700, "p95": 900, "max": 7_000 }, "monthlyCost": 80.0 },
            "samples": (0..24).map(sample).collect::<Vec<_>>(),
        }],
        "events": [{ "time": "2026-06-21T02:00:00Z", "kind": "copies-begun", "clusterId": "prod", "copyId": null, "why": "1 copy is begun" }],
        "missing": [],
    });
    assert_snapshot!(texts(&page("simulation", &document).await).join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_no_report_is_named() {
    let file = folder("bad").join("x.json");
    for (text, says) in
        [("{", "is no JSON"), ("{}", "is neither a report nor a simulation"), (r#"{"runs": []}"#, "several")]
    {
        std::fs::write(&file, text).unwrap();
        let ran = fixture().run(&["report", "--from", file.to_str().unwrap()]).await;
        assert_eq!(ran.code, 1, "{ran}");
        assert!(ran.err.contains(says) && ran.err.contains("hint: --from takes"), "{ran}");
    }
}

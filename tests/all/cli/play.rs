//! `sim run`: scenarios that are wrong, a small one as text, JSON and picture, and policies that are compared.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use aurora_clone::printer::Printer;
use aurora_clone::surroundings::{Soon, Surroundings};
use serde_json::{Value, json};

/// What a command said, and how it ended.
struct Said {
    code: u8,
    out: String,
    err: String,
}

async fn run(words: &[&str]) -> Said {
    let (printer, out, err) = Printer::captured();
    let stop = || -> Soon<u8> { Box::pin(std::future::pending()) };
    let mut around = Surroundings { printer, stop: Box::new(stop), ..Surroundings::of_process() };
    let words = ["aurora-clone", "sim", "run"].iter().chain(words).map(OsString::from);
    let code = aurora_clone::run(words, &mut around).await;
    Said { code, out: out.text(), err: err.text() }
}

/// A file of a test's own, which goes with it.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("play-{name}"));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// More clones than the root alone has slots for, of which others have taken most.
fn small() -> Value {
    json!({
        "days": 1,
        "sources": [{
            "cluster-id": "prod",
            "clones-per-day": 20,
            "lifetime": { "from": "PT8H", "to": "PT12H" },
            "clones-of-others": 11
        }],
        "maintenance": {
            "clusters": [
                { "cluster-id": "prod", "target-clone-slots": 20, "volume-gib": 800 }
            ]
        }
    })
}

#[tokio::test]
async fn the_example_is_a_scenario() {
    let example = run(&["--example"]).await;
    assert_eq!((example.code, example.err.as_str()), (0, ""));
    let file = File::new("example.json", &example.out);
    let played = run(&[file.path(), "--days", "1", "--json"]).await;
    assert_eq!((played.code, played.err.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&played.out).unwrap();
    assert_eq!(document["sources"][0]["clusterId"], "prod");
    assert_eq!(document["sources"][0]["samples"].as_array().unwrap().len(), 24);
}

#[tokio::test]
async fn whatever_is_wrong_is_named() {
    let whole = small();
    for (path, value, wanted) in [
        ("/days", json!(0), "days: it is 0 and takes a whole number from 1 to 400"),
        ("/dayz", json!(3), "dayz: nobody knows this key; the nearest is days"),
        ("/start", json!("soon"), "start: it is \"soon\" and takes a time"),
        (
            "/slot-margin",
            json!(15),
            "slot-margin: it is \"15\": it takes a number from 0 to one below max-clones-per-source",
        ),
        ("/full-copy-time", json!("long"), "full-copy-time: it is \"long\": it takes an ISO 8601 duration"),
        ("/maintain-at", json!(["2:00"]), "maintain-at[0]: it is \"2:00\" and takes a time of the day"),
        ("/sources", json!([]), "sources: it is [] and takes a list of 1 to 20 sources"),
        (
            "/sources/0/cluster-id",
            json!("Prod"),
            "sources[0].cluster-id: it is \"Prod\" and takes a cluster's identifier",
        ),
        (
            "/sources/0/clones-per-day",
            json!(-1),
            "sources[0].clones-per-day: it is -1 and takes a number from 0",
        ),
        (
            "/sources/0/profile",
            json!("office"),
            "sources[0].profile: it is \"office\" and takes one of even, working-hours, nights",
        ),
        (
            "/sources/0/lifetime",
            json!("8 h"),
            "sources[0].lifetime: it is \"8 h\" and takes an ISO 8601 duration",
        ),
        (
            "/sources/0/lifetime/to",
            json!("PT1H"),
            "sources[0].lifetime.to: it is \"PT1H\" and must be at least from, which is PT8H",
        ),
        (
            "/sources/0/lifetime/mean",
            json!("PT1H"),
            "sources[0].lifetime.mean: it is \"PT1H\" and goes without from and to",
        ),
        ("/sources/0/clones-of-others", json!(16), "sources[0].clones-of-others: it is 16"),
        (
            "/sources/0/on-no-slot",
            json!("wait"),
            "sources[0].on-no-slot: it is \"wait\" and takes Fail, Wait or Copy",
        ),
        ("/sources/0/instance-class", json!("big"), "sources[0].instance-class: it is \"big\""),
        (
            "/sources/0/lease",
            json!("PT5M"),
            "sources[0].lease: it is \"PT5M\" and takes an ISO 8601 duration",
        ),
        (
            "/maintenance/clusters/0/target-clone-slot",
            json!(3),
            "maintenance.clusters[0].target-clone-slot: nobody knows this key; the nearest is target-clone-slots",
        ),
        (
            "/maintenance/clusters/0/cluster-id",
            json!("other"),
            "maintenance.clusters[0].cluster-id: it is \"other\" and takes the cluster-id of one of sources",
        ),
    ] {
        let mut scenario = whole.clone();
        let (parent, name) = path.rsplit_once('/').unwrap();
        scenario.pointer_mut(parent).unwrap()[name] = value;
        let file = File::new(&format!("wrong{}.json", path.replace('/', "-")), &scenario.to_string());
        let said = run(&[file.path()]).await;
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{path}");
        assert!(said.err.contains(&format!("\n  {wanted}")), "{path}: {}", said.err);
        assert!(said.err.contains("\nhint: "), "{}", said.err);
    }
}

#[tokio::test]
async fn what_can_not_be_played_is_said() {
    let file = File::new("said.json", &small().to_string());
    let twice = File::new("twice.json", r#"{"days": 1, "days": 2}"#);
    for (words, code, wanted) in [
        (vec!["/nowhere/at-all.json"], 1, "can't be read"),
        (vec![twice.path()], 2, "days: the key is there twice"),
        (vec![], 2, "SCENARIO"),
        (vec![file.path(), "--sweep", "prod:target-clone-slots=10"], 2, "it takes 2 to 20 values"),
        (vec![file.path(), "--set", "prod"], 2, "it takes SOURCE:KEY=VALUE"),
        (vec![file.path(), "--set", "other:max-copies=3"], 2, "maintains no pool of \"other\""),
        (
            vec![file.path(), "--set", "prod:max-copies=many"],
            2,
            "maintenance.clusters[0].max-copies: it is \"many\"",
        ),
    ] {
        let said = run(&words).await;
        assert_eq!(said.code, code, "{words:?}: {}", said.err);
        assert!(said.err.contains(wanted), "{words:?}: {}", said.err);
    }
}

#[tokio::test]
async fn the_same_scenario_is_the_same_text_the_same_document_and_the_same_picture() {
    let file = File::new("same.json", &small().to_string());
    let (one, two) = (File::new("one.svg", ""), File::new("two.svg", ""));
    let text = run(&[file.path(), "--plot", one.path()]).await;
    assert_eq!((text.code, text.err.as_str()), (0, ""));
    insta::assert_snapshot!(text.out);
    let first = run(&[file.path(), "--json", "--plot", two.path()]).await;
    let picture = std::fs::read_to_string(&one.0).unwrap();
    assert_eq!(picture, std::fs::read_to_string(&two.0).unwrap());

    let document: Value = serde_json::from_str(&first.out).unwrap();
    let source = &document["sources"][0];
    let samples = source["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 24);
    insta::assert_snapshot!(format!(
        "{}\n{}\n{}",
        serde_json::to_string_pretty(&source["figures"]).unwrap(),
        samples[0],
        document["events"].as_array().unwrap().iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
    ));
    // The picture is XML, names what it shows, and its curves have as many steps as the samples have changes.
    assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"), "{picture}");
    for text in ["prod: free slots", "prod: copies", "target-clone-slots", "days", "1 simulated day"] {
        assert!(picture.contains(text), "{text}");
    }
    let changes = |name: &str| samples.windows(2).filter(|pair| pair[0][name] != pair[1][name]).count();
    let points: Vec<usize> = picture
        .split("<polyline ")
        .filter(|line| line.contains("stroke-width=\"2\""))
        .filter_map(|line| {
            Some(line.split("points=\"").nth(1)?.split('"').next()?.split_whitespace().count())
        })
        .collect();
    assert_eq!(points, [changes("free") * 2 + 2, 2, changes("copies") * 2 + 2]);
}

#[tokio::test]
async fn no_copies_refuse_clones_and_enough_of_them_refuse_none() {
    let mut scenario = small();
    let file = File::new("sweep.json", &scenario.to_string());
    let sweep = ["--sweep", "prod:target-clone-slots=0,24"];
    let said = run(&[file.path(), sweep[0], sweep[1], "--json"]).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&said.out).unwrap();
    let figure = |run: usize, name: &str| {
        document["runs"][run]["sources"][0]["figures"][name].as_u64().unwrap_or_default()
    };
    assert_eq!(figure(0, "asked"), figure(1, "asked"), "the demand is the same");
    assert!(
        figure(0, "refused") > 0 && figure(1, "refused") == 0,
        "{}",
        document["runs"][0]["sources"][0]["figures"]
    );
    assert_eq!((figure(0, "failed"), figure(1, "failed")), (0, 0));
    assert!(figure(0, "copiesMax") == 0 && figure(1, "copiesMax") >= 2);

    scenario["sources"][0]["on-no-slot"] = json!("Wait");
    let file = File::new("sweep-wait.json", &scenario.to_string());
    let said = run(&[file.path(), sweep[0], sweep[1]]).await;
    insta::assert_snapshot!(said.out);
    let row = |value: &str| -> Vec<String> {
        let row = said.out.lines().find(|line| line.split_whitespace().next() == Some(value)).unwrap();
        row.split_whitespace().map(str::to_owned).collect()
    };
    let head = row("TARGET-CLONE-SLOTS");
    let waited = head.iter().position(|name| name == "WAITED").unwrap();
    assert_eq!(row("24")[waited], "0");
}

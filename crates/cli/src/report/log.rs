//! What the maintainer did and why, out of the lines that it logs.
//!
//! Its runs say every quarter of an hour what is still so; here the same words about the same thing are one entry with a number.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::data::{Sort, Told};

/// The lines that matter, for CloudWatch, which then sends no others. Whoever sends all the same is heard no differently.
pub const PATTERN: &str = r#"{ ($.message = "executed") || ($.message = "sweep") || ($.message = "renewed") || ($.message = "the state machine goes on") || ($.level = "WARN") || ($.level = "ERROR") }"#;

/// The longest text of an entry: AWS's own words may be long.
const LONGEST: usize = 400;

/// One line of the log, if it says something that people want to know.
pub fn line(text: &str) -> Option<Told> {
    let line: Value = serde_json::from_str(text.trim()).ok()?;
    let get = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
    let at: DateTime<Utc> = get("timestamp").parse().ok()?;
    let span =
        |name: &str| line.pointer(&format!("/span/{name}")).and_then(Value::as_str).unwrap_or_default();
    let source = [get("source"), span("source")].into_iter().find(|source| !source.is_empty());
    let (sort, what, why) = match (get("message"), get("level")) {
        ("executed", _) => {
            let what = action(get("action"));
            match get("outcome") {
                "Done" => (Sort::Did, what, get("why").to_owned()),
                outcome => (Sort::Waits, what, not_done(outcome, get("why"))),
            }
        }
        ("sweep", _) if !get("finding").is_empty() => finding(get("finding"), get("cluster")),
        ("sweep", _) => (Sort::Did, get("step").to_owned(), String::new()),
        ("renewed", _) => (
            Sort::Did,
            format!("Renewed the lease of {}", get("cluster")),
            format!("until {}", get("expires")),
        ),
        ("the state machine goes on", _) => (Sort::Waits, "Waits".to_owned(), get("why").to_owned()),
        ("somebody has to look", _) => (Sort::Trouble, get("trouble").to_owned(), String::new()),
        (message, "WARN") => (Sort::Trouble, capital(message), get("error").to_owned()),
        (message, "ERROR") => (Sort::Error, capital(message), get("error").to_owned()),
        _ => return None,
    };
    let (what, why) = (cut(&what), cut(&why));
    let source = source.unwrap_or_default().to_owned();
    (!what.is_empty()).then_some(Told { at, first: at, times: 1, sort, source, what, why })
}

/// One entry for what was said several times, the latest first.
pub fn gather(lines: impl IntoIterator<Item = Told>) -> Vec<Told> {
    let mut entries: BTreeMap<(Sort, String, String, String), Told> = BTreeMap::new();
    for told in lines {
        let key = (told.sort, told.source.clone(), told.what.clone(), told.why.clone());
        // What is done twice was done twice.
        let key = match told.sort {
            Sort::Did => (key.0, key.1, key.2, format!("{}{}", key.3, told.at)),
            _ => key,
        };
        match entries.get_mut(&key) {
            None => {
                entries.insert(key, told);
            }
            Some(entry) => {
                entry.times += told.times;
                entry.first = entry.first.min(told.first);
                entry.at = entry.at.max(told.at);
            }
        }
    }
    let mut entries: Vec<Told> = entries.into_values().collect();
    entries.sort_by(|a, b| {
        b.at.cmp(&a.at).then(b.sort.cmp(&a.sort)).then((&a.source, &a.what).cmp(&(&b.source, &b.what)))
    });
    entries
}

/// An action as it is logged, in words. Of one that is new here its own name is shown.
fn action(text: &str) -> String {
    let name = text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let words = match name {
        "Copy" => "Began the full copy",
        "TakeSnapshot" => "Took the snapshot",
        "CopyFromSnapshot" => "Began the full copy",
        "DeleteSnapshot" => "Deleted the snapshot",
        "AddInstance" => "Added the instance",
        "NoteReady" => "Noted as ready",
        "Mark" => "Marked",
        "DeleteInstance" => "Deletes the instance",
        "DeleteCopy" => "Deletes the copy",
        "DeleteCluster" => "Deletes the clone",
        "DeleteSecret" => "Deletes the secret",
        "DeleteKey" | "ScheduleKeyDeletion" => "Has the key deleted",
        "Tag" => "Changed tags of",
        other => other,
    };
    // The thing itself comes first or is called `instance`; an owner's proof is about the cluster.
    let field = |field: &str| {
        let rest = text.split_once(&format!("{field}: \""))?.1;
        Some(rest.split('"').next().unwrap_or_default())
    };
    let thing = match name {
        "DeleteInstance" => field(" instance").or_else(|| field("identifier")),
        // The copy's own identifier comes before that of the new instance.
        "AddInstance" => text.split_once("}").and_then(|(_, rest)| {
            let rest = rest.split_once("identifier: \"")?.1;
            rest.split('"').next()
        }),
        "DeleteSecret" => field("name"),
        _ => field("identifier").or_else(|| field("alias")).or_else(|| field("name")),
    };
    match thing {
        Some(thing) => format!("{words} {thing}"),
        None => words.to_owned(),
    }
}

/// Why something was not done.
fn not_done(outcome: &str, why: &str) -> String {
    let (kind, rest) = outcome.split_once('(').unwrap_or((outcome, ""));
    let said = rest.strip_prefix('"').and_then(|rest| rest.strip_suffix("\")")).unwrap_or(rest);
    let said = said.replace("\\\"", "\"");
    let kind = if kind == "Refused" { "AWS refuses" } else { "Not yet" };
    match why.is_empty() {
        true => format!("{kind}: {said}"),
        false => format!("{kind}: {said} ({why})"),
    }
}

/// A finding is written as `name (what): why`.
fn finding(text: &str, cluster: &str) -> (Sort, String, String) {
    let rest = text.strip_prefix(cluster).and_then(|rest| rest.strip_prefix(" ("));
    match rest.and_then(|rest| rest.split_once("): ")) {
        Some((what, why)) => (Sort::Found, format!("{cluster}: {what}"), why.to_owned()),
        None => (Sort::Found, text.to_owned(), String::new()),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use aurora_clone_core::pool::action::NewSnapshot;
    use serde_json::json;

    use super::*;

    fn told(fields: Value) -> Option<Told> {
        let mut line = json!({
            "timestamp": "2026-06-21T02:00:00.123456Z", "level": "INFO",
            "span": { "run": "maintain-1", "source": "prod", "name": "maintenance" },
        });
        for (name, value) in fields.as_object().unwrap() {
            line[name] = value.clone();
        }
        super::line(&line.to_string())
    }

    fn words(fields: Value) -> (Sort, String, String) {
        let told = told(fields).unwrap();
        (told.sort, told.what, told.why)
    }

    #[test]
    fn what_was_done_is_told_with_its_reason() {
        let action = format!(
            "{:?}",
            aurora_clone_core::pool::action::Action::TakeSnapshot(NewSnapshot {
                identifier: "clone-prod-copy-1".to_owned(),
                source: "prod".to_owned(),
                tags: Default::default(),
            })
        );
        let line = json!({ "message": "executed", "source": "prod", "action": action, "why": "2 slots are missing", "outcome": "Done" });
        let expected =
            (Sort::Did, "Took the snapshot clone-prod-copy-1".to_owned(), "2 slots are missing".to_owned());
        assert_eq!(words(line.clone()), expected);
        let mut refused = line;
        refused["outcome"] = json!("NotYet(\"the cluster is \\\"modifying\\\"\")");
        let (sort, _, why) = words(refused);
        assert_eq!(
            (sort, why.as_str()),
            (Sort::Waits, "Not yet: the cluster is \"modifying\" (2 slots are missing)")
        );
        let add = "AddInstance(CopyInstance { copy: OwnedCopy { identifier: \"c\", arn: \"a\" }, identifier: \"c-1\", engine: \"e\" })";
        let delete =
            "DeleteInstance { copy: OwnedCopy { identifier: \"c\", arn: \"a\" }, instance: \"c-2\" }";
        for (action, expected) in [(add, "Added the instance c-1"), (delete, "Deletes the instance c-2")] {
            assert_eq!(
                words(json!({ "message": "executed", "action": action, "outcome": "Done" })).1,
                expected
            );
        }
    }

    #[test]
    fn what_was_found_and_what_went_wrong_is_told() {
        let line = json!({ "message": "sweep", "cluster": "clone-a", "finding": "clone-a (lease over): it stays: it is protected" });
        assert_eq!(
            words(line),
            (Sort::Found, "clone-a: lease over".to_owned(), "it stays: it is protected".to_owned())
        );
        let line =
            json!({ "message": "somebody has to look", "level": "WARN", "trouble": "prod-copy-1 is broken" });
        assert_eq!(words(line).0, Sort::Trouble);
        let line = json!({ "message": "the sweep failed", "level": "ERROR", "error": "AccessDenied" });
        assert_eq!(words(line), (Sort::Error, "The sweep failed".to_owned(), "AccessDenied".to_owned()));
        assert_eq!(told(json!({ "message": "pool", "summary": "prod: …" })), None);
        assert_eq!(super::line("START RequestId: 1"), None);
        assert_eq!(super::line(r#"{"message":"executed"}"#), None, "without a time it is no line of ours");
    }

    #[test]
    fn the_same_words_are_one_entry_and_the_same_deed_is_two() {
        let at = |minutes: i64| {
            "2026-06-21T02:00:00Z".parse::<DateTime<Utc>>().unwrap() + chrono::Duration::minutes(minutes)
        };
        let entry = |sort, minutes| Told {
            at: at(minutes),
            first: at(minutes),
            times: 1,
            sort,
            source: "prod".to_owned(),
            what: "x".to_owned(),
            why: String::new(),
        };
        let gathered =
            gather([entry(Sort::Found, 0), entry(Sort::Did, 1), entry(Sort::Found, 15), entry(Sort::Did, 2)]);
        let shown: Vec<(Sort, i64, u32)> =
            gathered.iter().map(|told| (told.sort, (told.at - at(0)).num_minutes(), told.times)).collect();
        assert_eq!(shown, [(Sort::Found, 15, 2), (Sort::Did, 2, 1), (Sort::Did, 1, 1)]);
        assert_eq!(gathered[0].first, at(0));
    }
}

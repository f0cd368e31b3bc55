//! The demo, as somebody runs it who has just cloned the repository: the binary itself, its output piped.

mod support;

use std::path::Path;

use support::{Ended, aurora_clone, run};

fn demo(arguments: &[&str]) -> Ended {
    let mut command = aurora_clone();
    command.arg("demo").args(arguments).env("TMPDIR", env!("CARGO_TARGET_TMPDIR"));
    run(command)
}

/// The part of a text between two section headings.
fn section<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("{from:?} in {text}"));
    rest.split_once(to).unwrap_or_else(|| panic!("{to:?} in {rest}")).0
}

/// Sorted: which resource gets which source is for the lease to say.
fn sources(out: &str) -> Vec<&str> {
    let answers = section(out, "\n3  The answers", "\n4  After");
    let mut sources: Vec<&str> = answers
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Data.SourceArn"))
        .filter_map(|arn| arn.trim().strip_prefix("arn:aws:rds:eu-west-1:123456789012:cluster:"))
        .collect();
    sources.sort_unstable();
    sources
}

/// The lines of a table or a list that begin with a word, as words.
fn rows<'t>(text: &'t str, first: &str) -> Vec<Vec<&'t str>> {
    let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.filter(|words| words.first() == Some(&first)).collect()
}

/// What a text says, however its lines are broken.
fn said(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const RESOURCES: [&str; 3] = ["LoadTestClone", "ReportClone", "ReviewClone"];

#[test]
fn the_demo_shows_clones_from_their_making_to_their_end() {
    let Ended { code, out, err } = demo(&[]);
    assert_eq!(code, Some(0), "{out}\n{err}");
    assert!(out.starts_with("SIMULATED AWS on 127.0.0.1:"), "{out}");
    assert!(!out.contains('\u{1b}'), "colour in a pipe");
    // But the path of the log, which is the machine's.
    for line in out.lines().filter(|line| !line.starts_with("Log of the function")) {
        assert!(line.chars().count() <= 100, "{line}");
    }

    let before = section(&out, "\n1  Before", "\n2  Creating");
    assert!(before.contains("source: 14 of 15 slots used, 1 free"), "{before}");
    assert!(before.contains("├─ 14 clones made by others"), "{before}");
    assert_eq!(sources(&out), ["clone-prod-pool-1", "clone-prod-pool-1", "prod"], "{out}");
    assert_eq!(section(&out, "\n3  The answers", "\n4  After").matches("SUCCESS").count(), 3, "{out}");
    let after = section(&out, "\n4  After", "\n5  Passwords");
    assert!(after.contains("source: 15 of 15 slots used, 0 free"), "{after}");
    assert!(after.contains("copy: 2 of 15 slots used, 13 free"), "{after}");
    for resource in RESOURCES {
        assert!(after.contains(&format!("clone, for {resource}")), "{after}");
    }
    passwords(section(&out, "\n5  Passwords", "\n6  A wrong property"));
    wrong_property(section(&out, "\n6  A wrong property", "\n7  An update in place"));
    in_place(section(&out, "\n7  An update in place", "\n8  A refresh"));
    refresh(section(&out, "\n8  A refresh", "\n9  An update that is rolled back"), 2);
    rolled_back(section(&out, "\n9  An update that is rolled back", "\n10  Deleting"));

    let deleting = section(&out, "\n10  Deleting", "\n11  What EventBridge");
    assert_eq!(deleting.matches("SUCCESS").count(), 3, "{deleting}");
    assert!(deleting.contains("DELETE_COMPLETE"), "{deleting}");
    events(section(&out, "\n11  What EventBridge", "\n12  Nothing left"), 6);

    let left = section(&out, "\n12  Nothing left", "\nFigures");
    let tree = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains("available")).map(|line| line[10..].to_owned()).collect()
    };
    assert_eq!(tree(left).len(), 4, "{left}");
    assert_eq!(tree(left)[..2], tree(before)[..2], "production and what others made");
    assert_eq!(left.matches("copy: 0 of 15 slots used, 15 free").count(), 2, "{left}");
    assert!(said(left).contains("no instance, no secret and no alias"), "{left}");
    figures(section(&out, "\nFigures", "checks "));
    assert!(out.contains("all of them held"), "{out}");

    let log = section(&out, "Log of the function: ", "\n");
    let log = std::fs::read_to_string(Path::new(log)).expect("the log");
    assert!(log.contains("\"answered\""), "{log}");
    assert!(!log.contains("X-Amz-Signature"), "a response URL in the log");
    for text in [&out, &log] {
        assert!(!text.contains("password-of-prod"), "production's password");
    }
}

fn passwords(text: &str) {
    for resource in RESOURCES {
        let [row] = &rows(text, resource)[..] else { panic!("{text}") };
        assert!(row[1].starts_with("/aurora-clone-manager/clone-prod-"), "{row:?}");
        assert_eq!(row[2..], ["opens", "refused"], "its own password, and production's");
    }
    assert!(text.contains("\"username\":\"dba\"") && text.contains("\"password\":\"****\""), "{text}");
    assert!(said(text).contains("Nobody is named in its policy"), "{text}");
}

fn wrong_property(text: &str) {
    assert!(text.contains("LoadTestClone  FAILED"), "{text}");
    let reason = r#""InstanceClas" is not a property of this resource; the nearest is InstanceClass."#;
    assert!(said(text).contains(reason), "{text}");
    assert!(text.contains("ROLLBACK_COMPLETE"), "{text}");
}

fn in_place(text: &str) {
    assert!(text.contains("my-clones      UPDATE_COMPLETE"), "{text}");
    assert!(!text.contains("ReviewClone    UPDATE"), "nobody is asked about what stays: {text}");
    let table = section(text, "  took\n", "\n\n");
    let what: Vec<_> = rows(table, "ReportClone").iter().map(|row| row[1..row.len() - 2].join(" ")).collect();
    let expected = ["AccessPrincipalArns - role/reports", "tags team=reporting project=q3 team=reporting"];
    assert_eq!(what, expected, "{text}");
    let [row] = &rows(table, "LoadTestClone")[..] else { panic!("{text}") };
    assert_eq!(row[1..8].join(" "), "instances 1 of db.r6g.large 2 of db.r6g.xlarge", "{text}");
    assert!(table.contains(" min "), "how long it takes: {text}");
    let text = said(text);
    assert!(text.contains("the same three databases") && text.contains("none was made for it"), "{text}");
    assert!(text.contains("lets role/reports read it, and nobody else"), "{text}");
}

/// Who is too old gets newer data: first the new clone is there, then the old one goes.
fn refresh(text: &str, too_old: usize) {
    let tree: Vec<&str> = text.lines().filter(|line| line.contains("clone, for ")).collect();
    assert_eq!(tree.len(), 3 + too_old, "side by side: {text}");
    assert_eq!(tree.iter().filter(|line| line.contains("creating")).count(), too_old, "{text}");
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let mut refreshed = 0;
    for pair in lines.windows(2).filter(|pair| pair[1].len() == 3 && pair[1][0].starts_with("clone-prod-")) {
        let ([_, old, old_data, _, gone], [new, new_data, usable]) = (&pair[0][..], &pair[1][..]) else {
            panic!("{pair:?}")
        };
        assert!(old != new && old_data < new_data && usable < gone, "{pair:?}");
        assert!(old_data.starts_with("2026-06-20T") && new_data.starts_with("2026-06-21T06:"), "{pair:?}");
        refreshed += 1;
    }
    assert_eq!(refreshed, too_old, "{text}");
    assert_eq!(text.matches("it stays").count(), 3 - too_old, "{text}");
    assert!(text.contains("my-clones      UPDATE_COMPLETE"), "{text}");
}

fn rolled_back(text: &str) {
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what:?} in {text}"));
    assert!(place("Broken         CREATE_FAILED") < place("my-clones      UPDATE_ROLLBACK_IN_PROGRESS"));
    assert!(place("ReviewClone    DELETE_COMPLETE") < place("my-clones      UPDATE_ROLLBACK_COMPLETE\n"));
    let text = said(text);
    assert!(text.contains("exactly what they were") && text.contains("not one field differs"), "{text}");
    assert!(text.contains("the secret /aurora-clone-manager/clone-prod-"), "{text}");
    assert!(text.contains("which KMS deletes after 2026-06-28T"), "{text}");
}

fn events(text: &str, ready: usize) {
    let count = |kind: &str| text.matches(&format!("  {kind}  ")).count();
    assert_eq!(count("clone-ready "), ready, "{text}");
    assert!(count("clone-failed ") >= 1 && count("clone-deleted") >= ready, "{text}");
    assert!(text.contains("\"InstanceClas\" is not a property"), "{text}");
    assert!(said(text).contains("lifecycle-event/instance-ready"), "{text}");
}

fn figures(text: &str) {
    for service in ["cloudformation", "dynamodb", "events", "kms", "rds", "s3", "secretsmanager", "states"] {
        let count = said(text)
            .split_once(&format!("{service} "))
            .map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
        assert!(count.and_then(|count| count.parse::<u32>().ok()).is_some_and(|count| count > 0), "{text}");
    }
    let made = |what: &str| -> u32 {
        let line = text.lines().find(|line| line.starts_with(what)).unwrap_or_else(|| panic!("{text}"));
        let count = line.trim_start_matches(what).trim().split(',').next();
        count.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{line}"))
    };
    // What a cancelled stack had begun may be gone before it got a secret.
    assert!(made("secrets made") >= 6 && made("databases made") >= made("secrets made"), "{text}");
    assert_eq!(made("keys made"), 1, "{text}");
}

#[test]
fn with_the_products_own_margin_all_three_are_clones_of_the_copy() {
    let Ended { code, out, err } = demo(&["--margin", "1", "--seed", "7", "--verbose"]);
    assert_eq!(code, Some(0), "{out}\n{err}");
    let after = section(&out, "\n4  After", "\n5  Passwords");
    assert!(after.contains("source: 14 of 15 slots used, 0 free, 1 kept"), "{after}");
    assert!(after.contains("copy: 3 of 15 slots used, 11 free, 1 kept"), "{after}");
    refresh(section(&out, "\n8  A refresh", "\n9  An update that is rolled back"), 3);
    events(section(&out, "\n11  What EventBridge", "\n12  Nothing left"), 7);
    assert!(out.contains("\"Status\": \"SUCCESS\""), "whole answers: {out}");
    assert!(err.contains("\"message\":\"answered\""), "the log: {err}");
    assert!(!out.contains("password-of-prod") && !err.contains("password-of-prod"));
}

#[test]
fn a_function_that_can_not_be_built_is_an_error() {
    let mut command = aurora_clone();
    command.arg("demo").env("CARGO", "/nonexistent/cargo");
    let Ended { code, out, err } = run(command);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("error: "), "{err}");
}

/// Processes that die, as they would with a broken environment.
#[cfg(unix)]
#[test]
fn a_process_that_ends_ends_the_demo_with_the_end_of_its_log() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("broken-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let (ourselves, function) = (directory.join("aurora-clone"), directory.join("bootstrap"));
    std::fs::copy(env!("CARGO_BIN_EXE_aurora-clone"), &ourselves).expect("a copy");
    std::fs::write(&function, "#!/bin/sh\necho \"my last words; PATH and home: [$HOME]\"\nexit 3\n")
        .expect("a function");
    std::fs::set_permissions(&function, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    let mut command = std::process::Command::new(&ourselves);
    command.arg("demo").env_remove("CARGO").env("TMPDIR", &directory);
    let Ended { code, err, .. } = run(command);
    std::fs::remove_dir_all(&directory).expect("cleaned up");
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("a process of clone-handler ended: exit status: 3"), "{err}");
    assert!(err.contains("my last words; PATH and home: []"), "{err}");
}

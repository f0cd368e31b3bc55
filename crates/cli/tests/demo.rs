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

#[test]
fn the_demo_shows_three_clones_a_clear_failure_and_nothing_left() {
    let Ended { code, out, err } = demo(&[]);
    assert_eq!(code, Some(0), "{out}\n{err}");
    assert!(out.starts_with("SIMULATED AWS on 127.0.0.1:"), "{out}");
    assert!(!out.contains('\u{1b}'), "colour in a pipe");

    let before = section(&out, "\n1  Before", "\n2  Creating");
    assert!(before.contains("production: 14 of 15 slots used, 1 free"), "{before}");
    assert!(before.contains("├─ 14 clones made by others"), "{before}");
    assert_eq!(sources(&out), ["clone-prod-pool-1", "clone-prod-pool-1", "prod"], "{out}");
    assert_eq!(section(&out, "\n3  The answers", "\n4  After").matches("SUCCESS").count(), 3, "{out}");
    let after = section(&out, "\n4  After", "\n5  A wrong property");
    assert!(after.contains("production: 15 of 15 slots used, 0 free"), "{after}");
    assert!(after.contains("copy in the pool: 2 of 15 slots used, 13 free"), "{after}");
    for resource in ["ReviewClone", "ReportClone", "LoadTestClone"] {
        assert!(after.contains(&format!("clone, for {resource}")), "{after}");
    }

    let wrong = section(&out, "\n5  A wrong property", "\n6  Deleting");
    assert!(wrong.contains("LoadTestClone  FAILED"), "{wrong}");
    let words: Vec<&str> = wrong.split_whitespace().collect();
    let reason = r#""InstanceClas" is not a property of this resource; the nearest is InstanceClass."#;
    assert!(words.join(" ").contains(reason), "{wrong}");
    assert!(wrong.contains("ROLLBACK_COMPLETE"), "{wrong}");
    let deleting = section(&out, "\n6  Deleting", "\n7  Nothing left");
    assert_eq!(deleting.matches("SUCCESS").count(), 3, "{deleting}");
    assert!(deleting.contains("DELETE_COMPLETE"), "{deleting}");

    let left = section(&out, "\n7  Nothing left", "\nFigures");
    let tree = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains("available")).map(str::to_owned).collect()
    };
    assert_eq!(tree(left), tree(before));
    assert_eq!(tree(left).len(), 3, "{left}");
    assert!(out.contains("all of them held"), "{out}");

    let log = section(&out, "Log of the function: ", "\n");
    let log = std::fs::read_to_string(Path::new(log)).expect("the log");
    assert!(log.contains("\"answered\""), "{log}");
    assert!(!log.contains("X-Amz-Signature"), "a response URL in the log");
}

#[test]
fn with_the_products_own_margin_all_three_are_clones_of_the_copy() {
    let Ended { code, out, err } = demo(&["--margin", "1", "--seed", "7", "--verbose"]);
    assert_eq!(code, Some(0), "{out}\n{err}");
    let after = section(&out, "\n4  After", "\n5  A wrong property");
    assert!(after.contains("production: 14 of 15 slots used, 1 kept free, 0 free"), "{after}");
    assert!(after.contains("copy in the pool: 3 of 15 slots used, 1 kept free, 11 free"), "{after}");
    assert!(out.contains("\"Status\": \"SUCCESS\""), "whole answers: {out}");
    assert!(err.contains("\"message\":\"answered\""), "the log: {err}");
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

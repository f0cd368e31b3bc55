//! What the values become, what the defaults are, and what the problems say.

use aurora_clone_core::limits::Patterns;
use aurora_clone_core::pool::config::{
    Budget, CopyMethod, Maintenance, Prices, Problem, SourceConfig, describe,
};
use aurora_clone_core::settings::Settings;
use chrono::{Duration, NaiveTime, Weekday};

use crate::{all_cases, full, settings};

const SHORT: &str = r#"{"clusters": [{"cluster-id": "production", "target-clone-slots": 10}]}"#;

fn parse(text: &str) -> Maintenance {
    Maintenance::parse(text, &settings()).unwrap()
}

fn messages(text: &str) -> String {
    describe(&Maintenance::parse(text, &settings()).unwrap_err())
}

#[test]
fn defaults() {
    let wanted = SourceConfig {
        source: "production".to_owned(),
        target: 10,
        dry_run: false,
        max_copy_age: Duration::days(3),
        replace_after: None,
        limit: 15,
        margin: 1,
        purge: true,
        purge_with_clones: false,
        instance_class: None,
        copy_method: CopyMethod::PointInTime,
        security_groups: None,
        max_copies: 8,
        budget: None,
        prices: Prices { volume_gib: None, gib_month: 0.10, instance_hour: 0.0 },
        copy_timeout: Duration::hours(24),
        quota: None,
        window: None,
        protect: Patterns::default(),
        max_lifetime: None,
    };
    let wanted = Maintenance {
        dry_run: false,
        protect: Patterns::default(),
        lease_warning: Duration::hours(24),
        max_deletions: None,
        sources: vec![wanted],
    };
    assert_eq!(parse(SHORT), wanted);
    assert!(!parse(SHORT).protect.admit("production"), "nothing is protected unless somebody says so");
}

#[test]
fn every_value_arrives() {
    let maintenance = parse(&full().to_string());
    assert_eq!((maintenance.lease_warning, maintenance.max_deletions), (Duration::days(1), Some(5)));
    assert!(maintenance.protect.admit("production-eu") && !maintenance.protect.admit("clone-a"));
    let source = &maintenance.sources[0];
    assert_eq!(
        (source.source.as_str(), source.target, source.limit, source.margin),
        ("production", 20, 15, 2)
    );
    assert_eq!((source.max_copy_age, source.replace_after), (Duration::days(2), Some(Duration::hours(36))));
    assert_eq!((source.purge, source.purge_with_clones, source.dry_run), (true, false, false));
    assert_eq!(source.instance_class.as_deref(), Some("db.t4g.medium"));
    assert_eq!((source.copy_method, source.max_copies), (CopyMethod::Snapshot, 6));
    assert_eq!(source.security_groups, Some(vec!["sg-0123456789abcdef0".to_owned()]));
    assert_eq!(source.budget, Some(Budget { monthly: 500.0 }));
    assert_eq!(source.prices, Prices { volume_gib: Some(800.0), gib_month: 0.11, instance_hour: 0.05 });
    assert_eq!((source.copy_timeout, source.max_lifetime), (Duration::hours(12), Some(Duration::days(30))));
    let quota = source.quota.as_ref().unwrap();
    assert_eq!(quota.tag, "team");
    let of = ["payments", "data science", "anybody"].map(|owner| quota.of(owner));
    assert_eq!(of, [Some(6), Some(0), Some(3)], "no clones at all is a quota too");
    let window = source.window.as_ref().unwrap();
    let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    assert_eq!((window.from(), window.to()), (hour(22), hour(6)));
    assert_eq!(window.days(), [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu]);
    assert!(source.protect.admit("production-copy-1"));
    assert_eq!(maintenance.sources[1].source, "staging");
}

#[test]
fn texts_are_as_good_as_booleans_and_numbers() {
    let case = all_cases().into_iter().find(|case| case["name"] == "every value as a text").unwrap();
    let maintenance = parse(&case["config"].to_string());
    let source = &maintenance.sources[0];
    assert_eq!((maintenance.dry_run, source.dry_run, source.purge), (false, true, true));
    assert_eq!((source.target, source.limit, source.margin, source.max_copies), (20, 15, 2, 6));
    assert_eq!((source.budget, source.prices.gib_month), (Some(Budget { monthly: 500.5 }), 0.11));
}

#[test]
fn the_predecessors_spelling_says_the_same() {
    let text = r#"{"clusters": [{"cluster-id": "production", "target-clone-slots": 10, "dry-run?": true,
                   "purge-obsolete-copies?": false}]}"#;
    let source = parse(text).sources.remove(0);
    assert_eq!((source.dry_run, source.purge), (true, false));
}

#[test]
fn what_is_given_twice_counts_once() {
    let more = r#"10, "security-groups": ["sg-0b", "sg-0a", "sg-0b"], "instance-class": "auto""#;
    let source = parse(&SHORT.replace("10", more)).sources.remove(0);
    assert_eq!(source.security_groups, Some(vec!["sg-0a".to_owned(), "sg-0b".to_owned()]));
    assert_eq!(source.instance_class, None);
}

#[test]
fn the_operators_settings_are_defaults_and_bounds() {
    let settings = Settings { limit: 10, margin: 4, max_copy_age: Duration::hours(4), ..settings() };
    let parse = |keys: &str| {
        let text =
            format!(r#"{{"clusters": [{{"cluster-id": "production", "target-clone-slots": 1{keys}}}]}}"#);
        Maintenance::parse(&text, &settings).map(|mut maintenance| maintenance.sources.remove(0))
    };
    let source = parse("").unwrap();
    assert_eq!((source.limit, source.margin, source.max_copy_age), (10, 4, Duration::hours(4)));
    let source = parse(r#", "max-clones-per-source": 3"#).unwrap();
    assert_eq!((source.limit, source.margin), (3, 2), "the margin leaves one slot");
    for (keys, path) in [
        (r#", "max-clones-per-source": 11"#, "max-clones-per-source"),
        (r#", "max-copy-age": "PT6H""#, "max-copy-age"),
        (r#", "max-copy-age": "PT3H""#, "max-copy-age"),
    ] {
        assert_eq!(parse(keys).unwrap_err()[0].path, format!("clusters[0].{path}"));
    }
}

#[test]
fn problems_say_what_is_there_and_what_would_be_right() {
    let one = |from: &str, to: &str| messages(&SHORT.replace(from, to));
    assert_eq!(
        one("10", "-1"),
        "clusters[0].target-clone-slots: it is -1 and takes a whole number from 0 to 600"
    );
    assert_eq!(
        one("target-clone-slots", "target-clone-slot"),
        "clusters[0].target-clone-slot: nobody knows this key; the nearest is target-clone-slots; \
         clusters[0].target-clone-slots: it is missing and takes the number of free slots that are wanted"
    );
    assert_eq!(
        one("10", "10, \"max-copy-age\": 2"),
        "clusters[0].max-copy-age: it is 2 and takes an ISO 8601 duration such as P3D or PT36H, of at least PT6H and at \
         most P3D"
    );
    assert_eq!(
        one("10", "127"),
        "clusters[0].target-clone-slots: it is 127 and takes at most 126: the root and max-copies, which is 8, have 14 \
         slots each"
    );
    assert!(one("production", "secrets").contains("ALLOWED_SOURCES"));
    assert!(one("]", "").contains("not JSON: ") && one("]", "").contains("line 1 column"));
    assert!(
        messages("{:clusters []}").contains(r#"EDN, which is not read here; write JSON: {"clusters": ["#)
    );
}

#[test]
fn of_very_many_problems_the_first_are_told() {
    let problem = |n: usize| Problem { path: format!("a{n}"), message: "wrong".to_owned() };
    let told = |count: usize| describe(&(1..=count).map(problem).collect::<Vec<_>>());
    assert_eq!(told(2), "a1: wrong; a2: wrong");
    assert!(told(20).ends_with("; a20: wrong") && told(21).ends_with("; a20: wrong; and 1 more"));
}

#[test]
fn whatever_a_key_is_its_path_is_short_and_plain() {
    let key = "\\u0000\\n".repeat(200);
    let text = format!(r#"{{"clusters": [], "{key}": 1}}"#);
    let told = messages(&text);
    assert!(told.len() < 600 && !told.contains(['\n', '\0']), "{told}");
}

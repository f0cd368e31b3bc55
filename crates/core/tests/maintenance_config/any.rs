//! Whatever arrives, reading it ends; and what was read, written out and read again, is the same.

use aurora_clone_core::pool::config::{Maintenance, describe, keys};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use crate::print::print;
use crate::{all_cases, settings};

fn any_name() -> impl Strategy<Value = String> {
    let known = keys::DOCUMENT.into_iter().chain(keys::SOURCE).chain(keys::WINDOW);
    let known = known.flat_map(|key| [Some(key.name), key.predecessor]).flatten().collect::<Vec<_>>();
    prop_oneof![9 => select(known).prop_map(str::to_owned), 1 => ".{0,200}"]
}

fn any_json() -> impl Strategy<Value = Value> {
    let texts =
        ["production", "true", "P2D", "22:00", "mon", "20", "0.5", "", "auto", "snapshot", "sg-0a", "team"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..40_u32).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        select(texts.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(any_name(), inner, 0..8).prop_map(|map| Value::Object(Map::from_iter(map))),
        ]
    })
}

fn text_or_not(value: impl Into<Value>) -> impl Strategy<Value = Value> {
    let value = value.into();
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    prop_oneof![Just(value), Just(Value::from(text))]
}

fn hours(range: std::ops::RangeInclusive<u32>) -> impl Strategy<Value = Value> {
    range.prop_map(|hours| format!("PT{hours}H").into())
}

fn cents(most: u32) -> impl Strategy<Value = Value> {
    (1..most).prop_flat_map(|cents| text_or_not(f64::from(cents) / 100.0))
}

fn number(range: std::ops::RangeInclusive<u32>) -> impl Strategy<Value = Value> {
    range.prop_flat_map(text_or_not)
}

fn boolean() -> impl Strategy<Value = Value> {
    any::<bool>().prop_flat_map(text_or_not)
}

fn patterns() -> impl Strategy<Value = Value> {
    vec("[a-z*][a-z0-9*-]{0,10}", 0..4).prop_map(Value::from)
}

fn any_window() -> impl Strategy<Value = Value> {
    let days = subsequence(&["mon", "tue", "wed", "thu", "fri", "sat", "sun"][..], 1..=7);
    (0..24_u32, 0..60_u32, days.prop_shuffle()).prop_map(|(hour, minute, days)| {
        let to = (hour + 7) % 24;
        json!({"from": format!("{hour:02}:{minute:02}"), "to": format!("{to:02}:00"), "days": days})
    })
}

/// Members of a source that go together; any of them may be left out.
fn any_members() -> impl Strategy<Value = Vec<Vec<(&'static str, Value)>>> {
    let one = |name: &'static str, value: BoxedStrategy<Value>| {
        value.prop_map(move |value| vec![(name, value)]).boxed()
    };
    let members: Vec<BoxedStrategy<Vec<(&'static str, Value)>>> = vec![
        one("dry-run", boolean().boxed()),
        (hours(24..=72), hours(36..=36))
            .prop_map(|(age, replace)| {
                if age.as_str() > Some("PT36H") {
                    vec![("max-copy-age", age), ("replace-copies-after", replace)]
                } else {
                    vec![("max-copy-age", age)]
                }
            })
            .boxed(),
        (5..=15_u32, 0..=4_u32)
            .prop_map(|(limit, margin)| {
                vec![("max-clones-per-source", limit.into()), ("slot-margin", margin.into())]
            })
            .boxed(),
        one("purge-obsolete-copies?", boolean().boxed()),
        one("purge-copies-with-clones", boolean().boxed()),
        one(
            "instance-class",
            select(&["auto", "db.serverless", "db.r6g.large"][..]).prop_map(Value::from).boxed(),
        ),
        one("copy-method", select(&["point-in-time", "snapshot"][..]).prop_map(Value::from).boxed()),
        one("security-groups", vec("sg-0[a-f0-9]{1,8}", 1..4).prop_map(Value::from).boxed()),
        one("max-copies", number(0..=40).boxed()),
        (cents(100_000_000), cents(10_000_000))
            .prop_map(|(cost, volume)| vec![("max-monthly-cost", cost), ("volume-gib", volume)])
            .boxed(),
        one("gib-month-price", cents(100).boxed()),
        one("instance-hour-price", cents(1_000).boxed()),
        one("copy-timeout", hours(1..=25).boxed()),
        (number(0..=1_000), btree_map("[a-zA-Z @-]{1,20}", 0..1_000_u32, 0..4))
            .prop_map(|(quota, quotas)| {
                vec![("owner-tag", "team".into()), ("owner-quota", quota), ("owner-quotas", json!(quotas))]
            })
            .boxed(),
        one("window", any_window().boxed()),
        one("protect", patterns().boxed()),
        one("max-lifetime", hours(1..=9_000).boxed()),
    ];
    let count = members.len();
    (members, vec(any::<bool>(), count)).prop_map(|(members, taken)| {
        members.into_iter().zip(taken).filter(|(_, taken)| *taken).map(|(member, _)| member).collect()
    })
}

fn any_source() -> impl Strategy<Value = Value> {
    (number(0..=1), any_members()).prop_map(|(target, members)| {
        let needed = [("cluster-id", Value::from("production")), ("target-clone-slots", target)];
        let members = needed.into_iter().chain(members.into_iter().flatten());
        Value::Object(members.map(|(name, value)| (name.to_owned(), value)).collect())
    })
}

prop_compose! {
    fn any_valid()(
        mut sources in vec(any_source(), 0..4),
        dry_run in boolean(),
        protect in patterns(),
        warning in hours(1..=100),
        deletions in number(0..=1_000),
    ) -> Value {
        for (index, source) in sources.iter_mut().enumerate() {
            source["cluster-id"] = format!("production-{index}").into();
        }
        json!({
            "clusters": sources, "dry-run": dry_run, "protect": protect, "lease-warning": warning,
            "max-deletions-per-run": deletions,
        })
    }
}

fn survives_printing(config: &Value) -> Result<(), TestCaseError> {
    let read = Maintenance::parse(&config.to_string(), &settings());
    let read = read.map_err(|problems| TestCaseError::fail(format!("{}: {config}", describe(&problems))))?;
    let printed = print(&read);
    prop_assert_eq!(Maintenance::parse(&printed.to_string(), &settings()), Ok(read));
    Ok(())
}

#[test]
fn every_valid_case_printed_and_read_again_is_the_same() {
    for case in all_cases().into_iter().filter(|case| case["valid"] == true) {
        survives_printing(&case["config"]).unwrap();
    }
}

proptest! {
    #[test]
    fn any_valid_configuration_printed_and_read_again_is_the_same(config in any_valid()) {
        survives_printing(&config)?;
    }

    #[test]
    fn any_json_is_read_or_refused(config in any_json()) {
        if let Err(problems) = Maintenance::parse(&config.to_string(), &settings()) {
            prop_assert!(!problems.is_empty());
            describe(&problems);
        }
    }

    #[test]
    fn any_source_is_read_or_refused(members in btree_map(any_name(), any_json(), 0..12)) {
        let config = json!({"clusters": [Value::Object(Map::from_iter(members))]});
        if let Err(problems) = Maintenance::parse(&config.to_string(), &settings()) {
            prop_assert!(!problems.is_empty());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[ -~\\n]{0,80}") {
        if let Err(problems) = Maintenance::parse(&text, &settings()) {
            prop_assert!(!problems.is_empty());
        }
    }
}

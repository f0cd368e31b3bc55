//! The rules of a source: its limit and its margin, and how many clones an owner may have.

use std::collections::BTreeMap;

use aurora_clone_core::create;
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::{Action, Next};
use aurora_clone_core::pool::config::Quota;
use aurora_clone_core::request::Wanted;
use aurora_clone_core::rules::Rules;
use aurora_clone_core::snapshot::{Cluster, Status};
use serde_json::json;

use crate::room::{carrying, clone_of, copy_of, read, root, settings, time, wanted, with};

#[test]
fn rules_only_get_tighter_than_the_operator() {
    let none = None;
    for (limit, margin, operator, applied) in [
        (none, none, (15, 1), (15, 1)),
        (Some(10), none, (15, 1), (10, 1)),
        (Some(15), none, (10, 1), (10, 1)),
        (none, Some(0), (15, 1), (15, 0)),
        (none, Some(14), (15, 1), (15, 14)),
        // The margin stays below the limit, wherever either is from.
        (Some(3), none, (15, 5), (3, 2)),
        (Some(3), Some(9), (15, 5), (3, 2)),
        (Some(1), Some(1), (15, 1), (1, 0)),
        (Some(0), none, (15, 1), (0, 0)),
    ] {
        let before = settings(operator.0, operator.1);
        let after = Rules { limit, margin, quota: None }.apply(&before);
        assert_eq!((after.limit, after.margin), applied, "{limit:?} {margin:?} {operator:?}");
        assert_eq!(aurora_clone_core::settings::Settings { limit: 15, margin: 1, ..after }, settings(15, 1));
    }
}

#[test]
fn rules_are_written_as_they_are_read() {
    let quota = Quota {
        tag: "team".to_owned(),
        everybody: Some(2),
        owners: BTreeMap::from([("data".to_owned(), 5)]),
    };
    for (rules, text) in [
        (Rules::default(), "{}"),
        (Rules { limit: Some(9), margin: Some(0), quota: None }, r#"{"limit":9,"margin":0}"#),
        (
            Rules { quota: Some(quota), ..Rules::default() },
            r#"{"quota":{"tag":"team","everybody":2,"owners":{"data":5}}}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&rules).unwrap(), text);
        assert_eq!(serde_json::from_str::<Rules>(text).unwrap(), rules);
    }
    // Whoever names no tag names no quota.
    assert!(serde_json::from_str::<Rules>(r#"{"quota":{"everybody":2}}"#).is_err());
}

/// `None` if the clone is restored, or why it fails.
fn refusal(rules: &Rules, wanted: &Wanted, clusters: &[Cluster]) -> Option<String> {
    let choice = create::choose(wanted, clusters, &[], &settings(15, 1), rules, time());
    let Next::Decide(decision) = choice.plan.next else {
        assert!(matches!(choice.plan.actions.as_slice(), [Action::Restore(_)]), "{:?}", choice.plan.actions);
        return None;
    };
    assert!(choice.plan.actions.is_empty() && choice.plan.verdicts.is_empty() && choice.record.is_none());
    Some(decision.reason)
}

/// At most two for everybody, one for `small`, none for `banned`, by the tag `team`.
fn quota() -> Rules {
    let owners = [("small".to_owned(), 1), ("banned".to_owned(), 0)].into();
    let quota = Quota { tag: "team".to_owned(), everybody: Some(2), owners };
    Rules { quota: Some(quota), ..Rules::default() }
}

fn of_team(team: &str) -> Wanted {
    let properties = read(&json!({ "SourceClusterId": "prod", "Tags": { "team": team } }));
    Wanted { properties, ..wanted("prod") }
}

/// A clone of another resource, of this team.
fn theirs(id: &str, team: &str) -> Cluster {
    with(clone_of(id, "prod", "prod"), &[("team", team), (tag::LOGICAL_ID, id)])
}

#[test]
fn an_owner_has_no_more_clones_than_the_quota_gives() {
    let none = with(theirs("clone-none", ""), &[]);
    let mut untagged = none.clone();
    untagged.tags.remove("team");
    let all = [
        root(),
        theirs("clone-1", "data"),
        theirs("clone-2", "small"),
        none,
        untagged,
        theirs("clone-3", "big"),
    ];
    assert_eq!(refusal(&quota(), &of_team("data"), &all), None);
    assert_eq!(refusal(&quota(), &of_team("new"), &all), None);
    let reason = refusal(&quota(), &of_team("small"), &all).unwrap();
    assert_eq!(
        reason,
        "The owner \"small\" (by the tag \"team\") may have 1 clones of prod, by owner-quotas of prod in the maintenance \
         configuration, and has 1: clone-2. Nothing was made. Delete one of them, or have the number raised."
    );
    let reason = refusal(&quota(), &of_team("banned"), &all).unwrap();
    assert!(reason.contains("may have 0 clones") && reason.contains("has 0: none"), "{reason}");
    // Without a number for everybody only those that are named have one.
    let mut named = quota();
    named.quota.as_mut().unwrap().everybody = None;
    let many: Vec<Cluster> =
        std::iter::once(root()).chain((0..5).map(|n| theirs(&format!("clone-{n}"), "data"))).collect();
    assert_eq!(refusal(&named, &of_team("data"), &many), None);
    assert!(refusal(&quota(), &of_team("data"), &many).is_some_and(|reason| reason.contains("has 5")));
}

#[test]
fn a_template_says_whose_its_clone_is() {
    for wanted in [wanted("prod"), of_team("")] {
        let reason = refusal(&quota(), &wanted, &[root()]).unwrap();
        for word in [
            "Tags lacks \"team\"",
            "owner-quotas of prod in the maintenance configuration",
            "Nothing was made",
        ] {
            assert!(reason.contains(word), "{reason}");
        }
        assert_eq!(refusal(&Rules::default(), &wanted, &[root()]), None);
    }
}

/// What counts against an owner that may have one more, and what does not.
#[test]
fn what_counts_is_every_clone_of_this_manager_in_the_family() {
    let one = || theirs("clone-1", "small");
    let copy = || copy_of("clone-pool-1", "prod");
    let counted = |found: Vec<Cluster>| {
        let all: Vec<Cluster> = [root(), copy()].into_iter().chain(found).collect();
        refusal(&quota(), &of_team("small"), &all).is_some()
    };
    for status in ["creating", "deleting", "failed", "stopped"] {
        assert!(counted(vec![Cluster { status: Status(status.to_owned()), ..one() }]), "{status}");
    }
    for (what, tags) in [
        ("of a copy", [(tag::SOURCE, "clone-pool-1")]),
        ("of a copy that is gone", [(tag::SOURCE, "clone-pool-0")]),
        ("a full copy", [(tag::RESTORE_TYPE, "full-copy")]),
        ("of the root's earlier name, in its clone group", [(tag::ROOT, "prod-before")]),
    ] {
        assert!(counted(vec![with(one(), &tags)]), "{what}");
    }
    for (what, tags) in [
        ("another manager's", [(tag::MANAGER, "another")]),
        ("another resource's own replacement", [(tag::LOGICAL_ID, "Clone")]),
        ("a copy", [(tag::ROLE, "copy")]),
        ("another team's", [("team", "data")]),
    ] {
        assert!(!counted(vec![with(one(), &tags)]), "{what}");
    }
    assert!(!counted(vec![carrying("by-hand", &one())]), "a stranger's clone of it");
    let elsewhere = with(one(), &[(tag::ROOT, "other"), (tag::SOURCE, "other")]);
    assert!(!counted(vec![Cluster { clone_group: None, ..elsewhere }]), "another family's");
}

#[test]
fn a_long_list_is_cut() {
    let all: Vec<Cluster> =
        std::iter::once(root()).chain((10..40).map(|n| theirs(&format!("clone-{n}"), "small"))).collect();
    let reason = refusal(&quota(), &of_team("small"), &all).unwrap();
    assert!(reason.contains("has 30: clone-10, ") && reason.contains("clone-24 and 15 more."), "{reason}");
}

#[test]
fn the_rules_of_a_source_are_judged_by() {
    let three: Vec<Cluster> =
        std::iter::once(root()).chain((1..4).map(|n| theirs(&format!("clone-{n}"), "data"))).collect();
    let with_limit = |limit, margin| Rules { limit: Some(limit), margin: Some(margin), quota: None };
    let failing = Wanted {
        properties: read(&json!({ "SourceClusterId": "prod", "OnNoSlot": "Fail" })),
        ..wanted("prod")
    };
    for (rules, fits) in [
        (with_limit(4, 0), true),
        (with_limit(4, 1), false),
        (with_limit(3, 0), false),
        (with_limit(15, 12), false),
    ] {
        let choice = create::choose(&failing, &three, &[], &settings(15, 1), &rules, time());
        assert_eq!(choice.record.is_some(), fits, "{rules:?}");
        if !fits {
            let Next::Decide(decision) = choice.plan.next else { panic!("{rules:?}") };
            assert!(decision.reason.contains("prod (3 used, 0 free): no free slot"), "{}", decision.reason);
        }
    }
}

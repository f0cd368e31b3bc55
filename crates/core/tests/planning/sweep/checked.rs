//! The checker of sweeps: plans that are right, about a world that is another one.

use std::collections::BTreeMap;

use aurora_clone_core::limits::Patterns;
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::Action;
use aurora_clone_core::request::resource_key;
use aurora_clone_core::snapshot::Cluster;
use aurora_clone_core::sweep::check::{check, check_followed};
use aurora_clone_core::sweep::orphan::suspects;
use aurora_clone_core::sweep::{self, Heard, Plan, Removing, Rules, View, Word};
use chrono::Duration;

use super::{clone, instances, key_of, nobody, over, rules, secret_of};
use crate::room::{STACK, now, settings, with};

struct Case {
    clusters: Vec<Cluster>,
    heard: Heard,
    plan: Plan,
}

impl Case {
    fn new(clusters: &[Cluster], heard: Heard) -> Self {
        let (clusters, nobody) = (clusters.to_vec(), nobody());
        let instances = instances(&clusters);
        let view = View { clusters: &clusters, instances: &instances, secrets: &[], keys: &[], living: None };
        let plan = sweep::plan(&view, &heard, &settings(15, 1), &rules(&nobody), now());
        let case = Self { clusters, heard, plan };
        assert_eq!(case.verdict(&rules(&nobody)), Ok(()));
        case
    }

    fn verdict(&self, rules: &Rules<'_>) -> Result<(), String> {
        let instances = instances(&self.clusters);
        let view =
            View { clusters: &self.clusters, instances: &instances, secrets: &[], keys: &[], living: None };
        check(&self.plan, &view, &self.heard, &settings(15, 1), rules, now())
            .map_err(|violation| violation.to_string())
    }

    #[track_caller]
    fn bad(&self, words: &str) {
        let nobody = nobody();
        let violation = self.verdict(&rules(&nobody)).expect_err(words);
        assert!(violation.contains(words), "{violation:?} has no {words:?}");
    }

    /// The same plan about one cluster that is another by now.
    fn about(mut self, cluster: Cluster) -> Self {
        self.clusters[0] = cluster;
        self
    }
}

fn lease() -> Case {
    Case::new(&[over("clone-a")], Heard::default())
}

fn orphan() -> Case {
    let clusters = [clone("clone-a", &[])];
    let view = View { clusters: &clusters, instances: &[], secrets: &[], keys: &[], living: None };
    let keys = suspects(&view, &settings(15, 1))[0].memories();
    let heard = Heard {
        words: BTreeMap::from([(resource_key(STACK, "Clone"), Word::Gone("x".to_owned()))]),
        since: keys.into_iter().map(|key| (key, now() - Duration::days(1))).collect(),
    };
    let case = Case::new(&clusters, heard);
    assert_eq!(case.plan.removing.len(), 1);
    case
}

#[test]
fn a_lease_that_is_not_over_or_was_not_warned_about() {
    let a = || over("clone-a");
    lease().about(with(a(), &[(tag::EXPIRES, "2026-06-21T00:00:01Z")])).bad("is not over");
    lease().about(with(a(), &[(tag::EXPIRES, "soon")])).bad("is not over");
    let end = "2026-06-20T23:00:00Z";
    for warned in
        ["", "x@y", &format!("{end}@2026-06-20T23:00:01Z"), "2026-06-20T22:59:59Z@2026-06-01T00:00:00Z"]
    {
        lease().about(with(a(), &[(tag::WARNED, warned)])).bad("nobody was told in time");
    }
    lease().about(clone("clone-b", &[])).bad("was not observed");
}

#[test]
fn what_stays_whatever_is_planned() {
    for case in [lease, orphan] {
        let own = case().clusters[0].clone();
        case().about(with(own.clone(), &[(tag::KEEP, "")])).bad("is kept");
        let mut protected = own.clone();
        protected.settings.deletion_protection = true;
        case().about(protected).bad("has deletion protection");
        let (nobody, all) = (nobody(), Patterns::parse("clone-*"));
        for rules in [rules(&all), Rules { of_root: vec![("prod", &all, None)], ..rules(&nobody) }] {
            assert!(case().verdict(&rules).unwrap_err().contains("is protected"));
        }
        let none = Rules { max_deletions: Some(0), ..rules(&nobody) };
        assert!(case().verdict(&none).unwrap_err().contains("would go in one run"));
        case().about(with(own.clone(), &[(tag::ROLE, "copy")])).bad("is not a clone");
        case().about(with(own, &[(tag::MANAGER, "another")])).bad("is not ours");
    }
}

#[test]
fn an_orphan_that_is_none() {
    for word in [
        Word::Owns(clone("clone-a", &[]).arn),
        Word::InProgress,
        Word::Retained,
        Word::Unknown("x".to_owned()),
    ] {
        let mut case = orphan();
        case.heard.words.values_mut().for_each(|has| has.clone_from(&word));
        case.bad("does not say");
    }
    let mut case = orphan();
    case.heard.words.clear();
    case.bad("does not say");
    let mut case = orphan();
    case.heard.since.values_mut().for_each(|since| *since += Duration::seconds(1));
    case.bad("has not said for a day");
    let mut case = orphan();
    case.heard.since.clear();
    case.bad("has not said for a day");
    let mut case = orphan();
    case.plan.removing[0].generation.clear();
    case.bad("has no stack");
}

#[test]
fn what_goes_has_a_reason_and_nothing_else_is_done() {
    let mut case = lease();
    case.plan.removing.clear();
    case.bad("clone-a goes for no reason");
    let a = over("clone-a");
    let (alias, key) = key_of(&a);
    let owner = lease().plan.removing[0].owner();
    let secret = aurora_clone_core::guard::prove_secret(&secret_of(&a), &owner, "g1").unwrap();
    let key = aurora_clone_core::guard::prove_key(&alias, &key, &owner, "g1").unwrap();
    let owned = aurora_clone_core::guard::prove_own(&a, &settings(15, 1)).unwrap();
    let tags = |key: &str| Action::Tag {
        cluster: owned.clone(),
        arn: a.arn.clone(),
        set: [(key.to_owned(), "x".to_owned())].into(),
        remove: Vec::new(),
    };
    let change = Action::ModifyCluster { cluster: owned.clone(), change: Box::default() };
    for (action, words) in [
        (Action::DeleteSecret { secret }, "goes for no reason"),
        (Action::DeleteKey { key }, "goes for no reason"),
        (tags("team"), "would change the tags"),
        (tags(tag::KEEP), "would change the tags"),
        (change, "no sweep does this"),
    ] {
        let mut case = lease();
        case.plan.actions.insert(0, action);
        case.bad(words);
    }
    let mut case = Case::new(&[clone("clone-a", &[(tag::EXPIRES, "2026-06-21")])], Heard::default());
    assert_eq!(case.plan.actions.len(), 1, "a warning");
    case.clusters[0].tags.insert(tag::KEEP.to_owned(), String::new());
    case.bad("is kept");
}

#[test]
fn a_later_step_takes_nothing_but_what_a_run_has_begun() {
    let a = over("clone-a");
    let Plan { actions, removing, .. } = lease().plan;
    let (clusters, instances) = ([a.clone()], instances(std::slice::from_ref(&a)));
    let view = View { clusters: &clusters, instances: &instances, secrets: &[], keys: &[], living: None };
    let verdict = |actions: &[Action], removing: &Removing, hours: Option<i64>| {
        let begun = hours.map(|hours| now() - Duration::hours(hours));
        let verdict = check_followed(actions, removing, begun, &view, &settings(15, 1), now());
        verdict.map_err(|violation| violation.to_string())
    };
    assert_eq!(verdict(&actions, &removing[0], Some(27)), Ok(()));
    for hours in [None, Some(28)] {
        let violation = verdict(&actions, &removing[0], hours).unwrap_err();
        assert!(violation.contains("no run has begun to take clone-a away"), "{violation}");
    }
    let (alias, key) = key_of(&a);
    let owner = removing[0].owner();
    let secret = aurora_clone_core::guard::prove_secret(&secret_of(&a), &owner, "g1").unwrap();
    let key = aurora_clone_core::guard::prove_key(&alias, &key, &owner, "g1").unwrap();
    let rest = [Action::DeleteSecret { secret }, Action::DeleteKey { key }];
    let all = Removing { secret: Some(secret_of(&a).name), key: Some(alias), ..removing[0].clone() };
    assert_eq!(verdict(&rest, &all, Some(1)), Ok(()));
    let other = Removing { resource_id: Some("cluster-NEW".to_owned()), ..all.clone() };
    for (actions, removing) in [(&actions[..1], &other), (&actions, &other), (&rest[..1], &removing[0])] {
        let violation = verdict(actions, removing, Some(1)).unwrap_err();
        assert!(violation.contains("goes for no reason"), "{violation}");
    }
    assert!(verdict(&rest[1..], &removing[0], Some(1)).unwrap_err().contains("goes for no reason"));
    let owned = aurora_clone_core::guard::prove_own(&a, &settings(15, 1)).unwrap();
    let change = Action::ModifyCluster { cluster: owned, change: Box::default() };
    assert!(verdict(&[change], &all, Some(1)).unwrap_err().contains("no sweep goes on like this"));
}

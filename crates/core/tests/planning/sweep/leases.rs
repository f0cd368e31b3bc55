//! Leases: every verdict, at the edges of every time.

use aurora_clone_core::limits::Patterns;
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::Action;
use aurora_clone_core::settings::Settings;
use aurora_clone_core::snapshot::{Cluster, Status};
use aurora_clone_core::sweep::lease::{Verdict, judge, renew};
use aurora_clone_core::sweep::{Rules, View, cap};
use aurora_clone_core::tags::Tags;
use chrono::Duration;

use super::{at, clone, done, found, key_of, look, nobody, over, rules, run, secret_of};
use crate::room::{carrying, cluster, copy_of, now, settings, with};

const END: &str = "2026-06-23T00:00:00Z";

fn verdict(cluster: &Cluster, now: &str) -> Verdict {
    judge(cluster, &settings(15, 1), &rules(&nobody()), at(now))
}

fn leased(end: &str, more: &[(&str, &str)]) -> Cluster {
    with(clone("clone-a", &[(tag::EXPIRES, end), (tag::LEASE, "P8D")]), more)
}

#[test]
fn people_are_told_a_while_before_the_end_and_once() {
    let fresh = leased(END, &[]);
    assert_eq!(verdict(&fresh, "2026-06-21T23:59:59Z"), Verdict::NotYet);
    for now in ["2026-06-22T00:00:00Z", "2026-06-23T00:00:00Z", "2027-01-01T00:00:00Z"] {
        assert_eq!(verdict(&fresh, now), Verdict::Warn(at(END)), "{now}");
    }
    // A quarter of the lease is less than a day.
    for short in [
        leased(END, &[(tag::LEASE, "PT4H")]),
        Cluster { created_at: Some(at("2026-06-22T20:00:00Z")), ..clone("clone-a", &[(tag::EXPIRES, END)]) },
    ] {
        assert_eq!(verdict(&short, "2026-06-22T22:59:59Z"), Verdict::NotYet);
        assert_eq!(verdict(&short, "2026-06-22T23:00:00Z"), Verdict::Warn(at(END)));
    }
    // Nothing tells how long it was given.
    let strange =
        Cluster { created_at: None, ..clone("clone-a", &[(tag::EXPIRES, END), (tag::LEASE, "long")]) };
    assert_eq!(verdict(&strange, "2026-06-21T23:59:59Z"), Verdict::NotYet);
    assert_eq!(verdict(&strange, "2026-06-22T00:00:00Z"), Verdict::Warn(at(END)));
    let told = leased(END, &[(tag::WARNED, "2026-06-23T00:00:00Z@2026-06-22T00:00:00Z")]);
    assert_eq!(verdict(&told, "2026-06-22T00:00:00Z"), Verdict::NotYet);
    assert_eq!(verdict(&told, "2026-06-22T23:59:59Z"), Verdict::NotYet);
    assert_eq!(verdict(&told, "2026-06-23T00:00:00Z"), Verdict::Over(at(END)), "exactly at the end");
}

#[test]
fn nothing_goes_before_an_hour_after_the_warning_about_this_very_end() {
    let late = |warned: &str| leased(END, &[(tag::WARNED, warned)]);
    let told = late("2026-06-23T00:00:00Z@2026-06-22T23:30:00Z");
    assert_eq!(verdict(&told, "2026-06-23T00:00:00Z"), Verdict::Noticed(at("2026-06-23T00:30:00Z")));
    assert_eq!(verdict(&told, "2026-06-23T00:29:59Z"), Verdict::Noticed(at("2026-06-23T00:30:00Z")));
    assert_eq!(verdict(&told, "2026-06-23T00:30:00Z"), Verdict::Over(at(END)));
    for nonsense in [
        "2026-06-22T00:00:00Z@2026-06-21T00:00:00Z",
        "2026-06-23T00:00:00Z@2026-06-25T00:00:00Z",
        "2026-06-23T00:00:00Z",
        "2026-06-23T00:00:00Z@soon",
        "@2026-06-21T00:00:00Z",
        "",
    ] {
        assert_eq!(verdict(&late(nonsense), "2026-06-24T00:00:00Z"), Verdict::Warn(at(END)), "{nonsense}");
    }
    // A fraction of a second that the warning's tag does not hold.
    let fraction =
        leased("2026-06-23T00:00:00.5Z", &[(tag::WARNED, "2026-06-23T00:00:00Z@2026-06-22T00:00:00Z")]);
    assert!(matches!(verdict(&fraction, "2026-06-23T00:00:00Z"), Verdict::NotYet));
    assert!(matches!(verdict(&fraction, "2026-06-23T00:00:01Z"), Verdict::Over(_)));
}

#[test]
fn an_end_that_can_t_be_read_is_no_end() {
    for text in ["soon", "2026-13-01", "P2D", "-"] {
        assert!(
            matches!(verdict(&leased(text, &[]), "2030-01-01T00:00:00Z"), Verdict::Unreadable(_)),
            "{text}"
        );
    }
    assert_eq!(verdict(&clone("clone-a", &[]), "2030-01-01T00:00:00Z"), Verdict::NoLease);
    assert_eq!(verdict(&leased("", &[]), "2030-01-01T00:00:00Z"), Verdict::NoLease);
    for text in ["0001-01-01", "9999-12-31T23:59:59Z", "-262143-01-01T00:00:00", "+262142-12-31T00:00:00"] {
        verdict(&leased(text, &[]), "2026-06-21T00:00:00Z");
    }
    let plan = look(&[leased("soon", &[])], &rules(&nobody()));
    assert!(plan.actions.is_empty() && found(&plan, "clone-a")[0].contains("\"soon\""), "{plan:?}");
}

#[test]
fn what_is_over_and_stays() {
    let protect = Patterns::parse("clone-b*");
    let stays = |cluster: &Cluster, rules: &Rules<'_>| {
        let verdict = judge(cluster, &settings(15, 1), rules, now());
        assert!(matches!(verdict, Verdict::Stays(_)), "{verdict:?} for {cluster:?}");
        let plan = look(std::slice::from_ref(cluster), rules);
        assert!(plan.actions.is_empty() && plan.removing.is_empty() && plan.events.is_empty(), "{plan:?}");
        assert_eq!(found(&plan, &cluster.identifier).len(), 1);
    };
    let (nobody, mut protected) = (nobody(), over("clone-a"));
    protected.settings.deletion_protection = true;
    for cluster in [
        protected,
        with(over("clone-a"), &[(tag::KEEP, "")]),
        with(over("clone-a"), &[(tag::KEEP, "false")]),
        Cluster { status: Status("stopped".to_owned()), ..over("clone-a") },
        Cluster { status: Status("stopping".to_owned()), ..over("clone-a") },
    ] {
        stays(&cluster, &rules(&nobody));
    }
    stays(&over("clone-b1"), &rules(&protect));
    let of_root = |root| Rules { of_root: vec![(root, &protect, None)], ..rules(&nobody) };
    stays(&over("clone-b1"), &of_root("prod"));
    assert!(!look(&[over("clone-b1")], &of_root("other")).actions.is_empty());
    assert!(!look(&[over("clone-a")], &of_root("prod")).actions.is_empty());
}

#[test]
fn what_is_never_touched_is_neither_warned_nor_cut() {
    let settings = Settings { max_lease: Some(Duration::days(1)), ..settings(15, 1) };
    let (nobody, everybody) = (nobody(), Patterns::everything());
    for end in [END, "2026-07-01T00:00:00Z", "2026-06-21T00:10:00Z"] {
        let mut protected = leased(end, &[]);
        protected.settings.deletion_protection = true;
        for (cluster, rules) in [
            (protected, rules(&nobody)),
            (leased(end, &[(tag::KEEP, "x")]), rules(&nobody)),
            (leased(end, &[]), rules(&everybody)),
        ] {
            assert_eq!(judge(&cluster, &settings, &rules, now()), Verdict::NotYet);
            let life = Rules { of_root: vec![("prod", &nobody, Some(Duration::days(1)))], ..rules.clone() };
            assert_eq!(judge(&cluster, &settings, &life, now()), Verdict::NotYet);
            let timeless = Cluster { tags: cluster.tags.clone(), ..cluster.clone() };
            let without = Cluster {
                tags: timeless.tags.into_iter().filter(|(key, _)| key != tag::EXPIRES).collect(),
                ..cluster
            };
            assert_eq!(judge(&without, &settings, &life, now()), Verdict::NoLease);
        }
    }
}

#[test]
fn a_lease_is_cut_back_to_what_it_may_be() {
    let settings = Settings { max_lease: Some(Duration::days(7)), ..settings(15, 1) };
    let (nobody, week) = (nobody(), now() + Duration::days(7));
    let judged = |end: &str, life| {
        let rules = Rules {
            of_root: vec![("prod", &nobody, life), ("x", &nobody, Some(Duration::days(1)))],
            ..rules(&nobody)
        };
        judge(&leased(end, &[]), &settings, &rules, now())
    };
    assert_eq!(judged("2026-06-28T00:00:00Z", None), Verdict::NotYet, "exactly as long as it may be");
    assert_eq!(judged("2026-06-28T00:00:01Z", None), Verdict::Cut(week));
    assert_eq!(judged("9999-12-31", None), Verdict::Cut(week));
    // Made a month ago: it may live for five days more.
    let life = Some(Duration::days(35));
    assert_eq!(judged("2026-06-26T00:00:00Z", life), Verdict::NotYet);
    assert_eq!(judged("2026-06-26T00:00:01Z", life), Verdict::Cut(now() + Duration::days(5)));
    assert_eq!(
        judged("2026-06-22T00:00:00Z", Some(Duration::days(20))),
        Verdict::Cut(now() - Duration::days(10))
    );
    let rules = Rules { of_root: vec![("prod", &nobody, life)], ..rules(&nobody) };
    let ageless = Cluster { created_at: None, ..leased("2026-06-27T00:00:00Z", &[]) };
    assert_eq!(judge(&ageless, &settings, &rules, now()), Verdict::NotYet);
    assert_eq!(
        judge(&clone("clone-a", &[]), &settings, &rules, now()),
        Verdict::Cut(now() + Duration::days(5))
    );
    let plan = look(&[leased("2026-06-27T00:00:00Z", &[])], &rules);
    assert_eq!(done(&plan.actions), ["clone-a aurora-clone:expires=2026-06-26T00:00:00Z"]);
    assert!(plan.events.is_empty() && plan.findings.len() == 1);
}

#[test]
fn a_warning_is_a_tag_and_an_event() {
    let soon = leased("2026-06-21T12:00:00Z", &[]);
    let plan = look(std::slice::from_ref(&soon), &rules(&nobody()));
    assert_eq!(
        done(&plan.actions),
        ["clone-a aurora-clone:warned=2026-06-21T12:00:00Z@2026-06-21T00:00:00Z"]
    );
    let [event] = plan.events.as_slice() else { panic!("{plan:?}") };
    assert_eq!(
        (event.detail_type.as_str(), event.resources.as_slice()),
        ("clone-expiring", &[soon.arn.clone()][..])
    );
    assert_eq!(event.detail["expires"], "2026-06-21T12:00:00Z");
    let warned = with(soon.clone(), &[(tag::WARNED, "2026-06-21T12:00:00Z@2026-06-21T00:00:00Z")]);
    assert!(look(std::slice::from_ref(&warned), &rules(&nobody())).actions.is_empty());
    // Renewed, and warned of the new end again.
    let renewed = with(warned, &[(tag::EXPIRES, "2026-06-21T18:00:00Z")]);
    assert_eq!(look(&[renewed], &rules(&nobody())).events.len(), 1);
}

#[test]
fn what_is_over_goes_with_its_secret_and_its_key() {
    let (a, other) = (over("clone-a"), with(clone("clone-b", &[]), &[(tag::GENERATION, "g2")]));
    let clusters = [a.clone(), other.clone(), cluster("prod")];
    let instances = super::instances(&clusters);
    let (secrets, keys) = ([secret_of(&other), secret_of(&a)], [key_of(&other), key_of(&a)]);
    let view =
        View { clusters: &clusters, instances: &instances, secrets: &secrets, keys: &keys, living: None };
    let plan = run(&view, &Default::default(), &rules(&nobody()), now());
    assert_eq!(done(&plan.actions), ["- clone-a-1", "- clone-a"]);
    let [removing] = plan.removing.as_slice() else { panic!("{plan:?}") };
    assert_eq!(removing.identifier.as_deref(), Some("clone-a"));
    assert_eq!(removing.secret.as_deref(), Some("/aurora-clone-manager/clone-a"));
    assert_eq!(removing.key.as_deref(), Some("alias/aurora-clone/clone-a"));
}

#[test]
fn a_clone_without_a_stack_goes_by_its_lease_and_nothing_with_it() {
    let mut lone = over("clone-a");
    for key in [tag::STACK_ID, tag::LOGICAL_ID, tag::GENERATION] {
        lone.tags.remove(key);
    }
    let plan = look(std::slice::from_ref(&lone), &rules(&nobody()));
    assert_eq!(done(&plan.actions), ["- clone-a-1", "- clone-a"]);
    assert_eq!((plan.removing[0].secret.as_ref(), plan.removing[0].generation.as_str()), (None, ""));
    assert!(found(&plan, "clone-a")[0].contains("no stack"), "{plan:?}");
    lone.tags.remove(tag::WARNED);
    let plan = look(&[lone], &rules(&nobody()));
    let detail = plan.events[0].detail.as_object().unwrap();
    assert!(!detail.contains_key("stackId") && !detail.contains_key("logicalResourceId"), "{detail:?}");
}

#[test]
fn only_our_own_clones_go() {
    let tags = over("clone-a").tags;
    let mut foreign = Cluster { identifier: "prod-a".into(), ..over("clone-a") };
    foreign.tags.insert(tag::CLUSTER.to_owned(), "prod-a".to_owned());
    for cluster in [
        carrying("clone-x", &over("clone-a")),
        with(over("clone-a"), &[(tag::MANAGER, "another")]),
        with(over("clone-a"), &[(tag::ROLE, "copy")]),
        with(over("clone-a"), &[(tag::ROOT, "clone-a")]),
        Cluster {
            tags: tags.into_iter().filter(|(key, _)| key != tag::SOURCE).collect(),
            ..cluster("clone-a")
        },
        with(copy_of("clone-a", "prod"), &[(tag::EXPIRES, "2026-06-01"), (tag::WARNED, "x")]),
        Cluster { tags: Tags::new(), ..over("clone-a") },
        foreign,
    ] {
        let plan = look(std::slice::from_ref(&cluster), &rules(&nobody()));
        assert!(plan.actions.is_empty() && plan.removing.is_empty(), "{plan:?} for {cluster:?}");
    }
    let plan = look(&[carrying("clone-x", &over("clone-a"))], &rules(&nobody()));
    let why = found(&plan, "clone-x")[0];
    assert!(why.contains("renamed clone-a") && why.contains("cloned clone-a"), "{why}");
    let going = Cluster { status: Status("deleting".into()), ..over("clone-a") };
    assert!(look(&[going], &rules(&nobody())).removing.is_empty());
}

#[test]
fn the_oldest_go_first_and_no_more_than_the_cap() {
    assert_eq!([0, 7, 8, 11, 12, 400].map(|of| cap(of, None)), [2, 2, 2, 2, 3, 100]);
    assert_eq!((cap(400, Some(0)), cap(1, Some(7))), (0, 7));
    let of_day = |day: u32| {
        let end = format!("2026-06-{day:02}T00:00:00Z");
        let warned = format!("{end}@2026-06-01T00:00:00Z");
        clone(&format!("clone-{day}"), &[(tag::EXPIRES, &end), (tag::WARNED, &warned)])
    };
    let clusters: Vec<Cluster> = [15, 12, 14, 11, 13].map(of_day).into_iter().collect();
    let nobody = nobody();
    let gone = |max_deletions| {
        let plan = look(&clusters, &Rules { max_deletions, ..rules(&nobody) });
        let waiting = plan.findings.iter().filter(|finding| finding.why.contains("later run")).count();
        assert_eq!(plan.removing.len() + waiting, 5);
        plan.removing.into_iter().map(|removing| removing.identifier.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(gone(None), ["clone-11", "clone-12"]);
    assert_eq!(gone(Some(0)), Vec::<String>::new());
    assert_eq!(gone(Some(3)), ["clone-11", "clone-12", "clone-13"]);
    assert_eq!(gone(Some(99)).len(), 5);
    // A plan takes whole clones, as many as fit into it.
    let big: Vec<Cluster> = clusters
        .into_iter()
        .map(|c| Cluster { members: (1..=15).map(|n| format!("{}-{n}", c.identifier)).collect(), ..c })
        .collect();
    let plan = look(&big, &Rules { max_deletions: Some(99), ..rules(&nobody) });
    assert_eq!((plan.removing.len(), plan.actions.len()), (2, 32));
}

#[test]
fn a_renewal_ends_when_it_may() {
    let (nobody, everybody) = (nobody(), Patterns::everything());
    let settings = Settings { max_lease: Some(Duration::days(7)), ..settings(15, 1) };
    let life =
        |days| Rules { of_root: vec![("prod", &nobody, Some(Duration::days(days)))], ..rules(&nobody) };
    let renewed = |cluster: &Cluster, days, rules: &Rules<'_>| {
        let (action, end) = renew(cluster, Duration::days(days), &settings, rules, now())?;
        let Action::Tag { set, .. } = &action else { panic!("{action:?}") };
        assert_eq!(set.len(), 1);
        assert_eq!(at(&set[tag::EXPIRES]), end);
        Ok::<_, String>(end - now())
    };
    let soon = leased("2026-06-21T01:00:00Z", &[]);
    assert_eq!(renewed(&soon, 2, &rules(&nobody)), Ok(Duration::days(2)));
    assert_eq!(renewed(&soon, 9, &rules(&nobody)), Ok(Duration::days(7)));
    assert_eq!(renewed(&soon, 9, &life(33)), Ok(Duration::days(3)));
    assert_eq!(renewed(&over("clone-a"), 2, &rules(&nobody)), Ok(Duration::days(2)));
    assert_eq!(renewed(&leased("soon", &[]), 2, &rules(&nobody)), Ok(Duration::days(2)));
    let refused = |cluster: &Cluster, days, rules: &Rules<'_>, words: &str| {
        let why = renewed(cluster, days, rules).unwrap_err();
        assert!(why.contains(words) && why.contains("clone-a") || days <= 0, "{why}");
    };
    refused(&soon, 2, &life(30), "may live longer");
    refused(&soon, 0, &rules(&nobody), "positive");
    refused(&leased("2026-06-24", &[]), 2, &rules(&nobody), "no later");
    refused(&clone("clone-a", &[]), 2, &rules(&nobody), "no lease");
    refused(&leased(END, &[(tag::KEEP, "")]), 9, &rules(&nobody), "keep");
    refused(&soon, 2, &rules(&everybody), "protect list");
    refused(
        &Cluster { status: Status("deleting".into()), ..soon.clone() },
        2,
        &rules(&nobody),
        "deleted already",
    );
    refused(&with(soon, &[(tag::MANAGER, "another")]), 2, &rules(&nobody), "another");
}

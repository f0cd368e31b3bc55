//! Orphans: every word about every kind of thing, and the day between two words.

use std::collections::BTreeMap;

use aurora_clone_core::limits::Patterns;
use aurora_clone_core::names::tag;
use aurora_clone_core::request::resource_key;
use aurora_clone_core::snapshot::{Cluster, KeyState, SecretState, Status};
use aurora_clone_core::sweep::orphan::suspects;
use aurora_clone_core::sweep::{Heard, Plan, Rules, View, Why, Word};
use chrono::{DateTime, Duration, Utc};

use super::{clone, done, found, key_of, nobody, rules, run, secret_of};
use crate::room::{STACK, copy_of, now, settings, with};

/// A world of these clusters, with a secret and a key for each of `kept`.
pub struct World {
    clusters: Vec<Cluster>,
    secrets: Vec<SecretState>,
    keys: Vec<(String, KeyState)>,
}

impl World {
    pub fn of(clusters: &[Cluster], kept: &[Cluster]) -> Self {
        let (secrets, keys) = (kept.iter().map(secret_of).collect(), kept.iter().map(key_of).collect());
        Self { clusters: clusters.to_vec(), secrets, keys }
    }

    /// A run in which CloudFormation says this about every suspect, which it said `since` as well.
    pub fn hear(&self, word: &Word, since: Option<DateTime<Utc>>, rules: &Rules<'_>) -> Plan {
        let instances = super::instances(&self.clusters);
        let view = View {
            clusters: &self.clusters,
            instances: &instances,
            secrets: &self.secrets,
            keys: &self.keys,
            living: None,
        };
        let suspects = suspects(&view, &settings(15, 1));
        let heard = Heard {
            words: suspects.iter().map(|suspect| (suspect.key(), word.clone())).collect(),
            since: suspects
                .iter()
                .flat_map(|suspect| suspect.memories())
                .filter_map(|key| Some((key, since?)))
                .collect(),
        };
        run(&view, &heard, rules, now())
    }
}

fn gone() -> Word {
    Word::Gone("the resource is DELETE_COMPLETE".to_owned())
}

fn ago(hours: i64) -> Option<DateTime<Utc>> {
    Some(now() - Duration::hours(hours))
}

fn quiet(plan: &Plan) {
    assert!(plan.actions.is_empty() && plan.removing.is_empty() && plan.events.is_empty(), "{plan:?}");
    assert!(plan.remember.is_empty() && plan.troubles.is_empty(), "{plan:?}");
}

#[test]
fn the_first_word_is_remembered_and_told_and_the_second_a_day_later_counts() {
    let (a, nobody) = (clone("clone-a", &[]), nobody());
    let world = World::of(std::slice::from_ref(&a), std::slice::from_ref(&a));
    let first = world.hear(&gone(), None, &rules(&nobody));
    assert!(first.actions.is_empty() && first.forget.is_empty());
    let [memory] = first.remember.as_slice() else { panic!("{first:?}") };
    assert_eq!((memory.since, memory.reason.as_str()), (now(), "the resource is DELETE_COMPLETE"));
    let [event] = first.events.as_slice() else { panic!("{first:?}") };
    assert_eq!((event.detail_type.as_str(), event.resources.len()), ("orphan-found", 3));
    assert_eq!(event.detail["clusterId"], "clone-a");
    for since in [Some(now()), ago(1), Some(now() - Duration::hours(24) + Duration::seconds(1))] {
        quiet(&world.hear(&gone(), since, &rules(&nobody)));
    }
    for since in [ago(24), ago(1_000)] {
        let plan = world.hear(&gone(), since, &rules(&nobody));
        assert_eq!(done(&plan.actions), ["- clone-a-1", "- clone-a"]);
        let [removing] = plan.removing.as_slice() else { panic!("{plan:?}") };
        assert_eq!(
            (removing.why, removing.secret.is_some(), removing.key.is_some()),
            (Why::Orphan, true, true)
        );
        assert!(plan.remember.is_empty() && plan.events.is_empty());
    }
    // A time that is still to come was heard by a clock that was wrong.
    assert_eq!(world.hear(&gone(), ago(-1), &rules(&nobody)).remember[0].since, now());
}

#[test]
fn a_secret_and_a_key_without_a_cluster_go_at_once_when_they_are_due() {
    let (a, nobody) = (clone("clone-a", &[]), nobody());
    let world = World::of(&[], &[a]);
    assert_eq!(world.hear(&gone(), None, &rules(&nobody)).events[0].detail["clusterId"], "clone-a");
    let plan = world.hear(&gone(), ago(24), &rules(&nobody));
    assert_eq!(done(&plan.actions), ["- /aurora-clone-manager/clone-a", "- alias/aurora-clone/clone-a"]);
    let owns = Word::Owns(clone("clone-a", &[]).arn);
    let plan = world.hear(&owns, ago(24), &rules(&nobody));
    quiet(&plan);
    assert!(found(&plan, "/aurora-clone-manager/clone-a")[0].contains("its stack lives"), "{plan:?}");
    assert_eq!(plan.forget.len(), 1);
}

#[test]
fn other_words_are_none_and_a_change_of_mind_is_forgotten() {
    let (a, nobody) = (clone("clone-a", &[]), nobody());
    let world = World::of(std::slice::from_ref(&a), std::slice::from_ref(&a));
    for (word, forgets, told) in [
        (Word::Owns(a.arn.clone()), 1, 0),
        (Word::InProgress, 1, 0),
        (Word::Retained, 1, 3),
        (Word::Unknown("access denied".to_owned()), 0, 3),
        (Word::Owns("arn:aws:rds:eu-west-1:123456789012:cluster:clone-b".to_owned()), 1, 3),
        (Word::Owns("rejected-x".to_owned()), 1, 3),
    ] {
        for since in [None, ago(30)] {
            let plan = world.hear(&word, since, &rules(&nobody));
            quiet(&plan);
            let forgotten = if since.is_some() { forgets } else { 0 };
            assert_eq!((plan.forget.len(), plan.findings.len()), (forgotten, told), "{word:?}");
        }
    }
    let view = View { clusters: &[a], instances: &[], secrets: &[], keys: &[], living: None };
    let unasked = run(&view, &Heard::default(), &rules(&nobody), now());
    quiet(&unasked);
    assert_eq!(found(&unasked, "clone-a").len(), 1);
}

#[test]
fn what_was_replaced_goes_and_what_replaced_it_stays() {
    let nobody = nobody();
    let (old, new) = (clone("clone-old", &[]), clone("clone-new", &[(tag::GENERATION, "g2")]));
    let rest = clone("clone-rest", &[(tag::GENERATION, "g0")]);
    let world = World::of(&[old.clone(), new.clone()], &[old, new.clone(), rest]);
    let plan = world.hear(&Word::Owns(new.arn), ago(24), &rules(&nobody));
    let wanted = [
        "- /aurora-clone-manager/clone-rest",
        "- alias/aurora-clone/clone-rest",
        "- clone-old-1",
        "- clone-old",
    ];
    assert_eq!(done(&plan.actions), wanted);
    assert!(plan.removing.iter().all(|removing| removing.generation != "g2"));
    assert_eq!(plan.removing[1].secret.as_deref(), Some("/aurora-clone-manager/clone-old"));
    assert!(found(&plan, "clone-new").is_empty());
}

#[test]
fn a_new_incarnation_has_a_day_of_its_own() {
    let nobody = nobody();
    let (a, b) = (clone("clone-a", &[]), clone("clone-b", &[(tag::GENERATION, "g2")]));
    let (clusters, instances) = ([a.clone(), b.clone()], super::instances(&[a.clone(), b]));
    let view = View { clusters: &clusters, instances: &instances, secrets: &[], keys: &[], living: None };
    let suspects = suspects(&view, &settings(15, 1));
    let key = suspects[0].parts.iter().find(|part| part.generation == "g1").unwrap().key(&suspects[0]);
    let heard = Heard {
        words: BTreeMap::from([(resource_key(STACK, "Clone"), gone())]),
        since: BTreeMap::from([(key, now() - Duration::days(2))]),
    };
    let plan = run(&view, &heard, &rules(&nobody), now());
    assert_eq!((done(&plan.actions).len(), plan.removing.len(), plan.remember.len()), (2, 1, 1));
    assert_eq!(plan.removing[0].identifier.as_deref(), Some("clone-a"));
}

#[test]
fn what_may_not_go_is_reported_and_not_told_of() {
    let (nobody, all) = (nobody(), Patterns::parse("clone-a"));
    let mut protected = clone("clone-a", &[]);
    protected.settings.deletion_protection = true;
    let plain = || clone("clone-a", &[]);
    let cases = [
        (protected, rules(&nobody)),
        (with(plain(), &[(tag::KEEP, "")]), rules(&nobody)),
        (Cluster { status: Status("stopped".into()), ..plain() }, rules(&nobody)),
        (plain(), rules(&all)),
        (plain(), Rules { of_root: vec![("prod", &all, None)], ..rules(&nobody) }),
    ];
    for (cluster, rules) in cases {
        let world = World::of(std::slice::from_ref(&cluster), &[plain()]);
        for since in [None, ago(48)] {
            let plan = world.hear(&gone(), since, &rules);
            quiet(&plan);
            assert!(plan.forget.is_empty() && found(&plan, "clone-a")[0].contains("it stays"), "{plan:?}");
        }
    }
    for rules in [rules(&all), Rules { of_root: vec![("prod", &all, None)], ..rules(&nobody) }] {
        quiet(&World::of(&[], &[plain()]).hear(&gone(), ago(48), &rules));
    }
    let mut world = World::of(&[plain()], &[plain()]);
    world.secrets[0].tags.insert(tag::KEEP.to_owned(), String::new());
    quiet(&world.hear(&gone(), ago(48), &rules(&nobody)));
    // Two clusters that say that they are the same incarnation.
    quiet(&World::of(&[plain(), clone("clone-b", &[])], &[]).hear(&gone(), ago(48), &rules(&nobody)));
}

#[test]
fn what_is_not_ours_or_has_no_stack_is_no_suspect() {
    let nobody = nobody();
    let mut lone = clone("clone-lone", &[]);
    lone.tags.remove(tag::STACK_ID);
    let mut nameless = secret_of(&clone("clone-x", &[]));
    nameless.tags.remove(tag::GENERATION);
    let strangers = [
        with(clone("clone-a", &[]), &[(tag::MANAGER, "another")]),
        copy_of("clone-copy", "prod"),
        with(clone("clone-b", &[]), &[(tag::CLUSTER, "clone-c")]),
        clone("prod-2", &[]),
        lone,
    ];
    let mut world = World::of(&strangers, &strangers[..1]);
    world.secrets.push(nameless);
    let plan = world.hear(&gone(), ago(48), &rules(&nobody));
    quiet(&plan);
    assert!(found(&plan, "clone-lone")[0].contains("no stack"), "{plan:?}");
    assert_eq!(found(&plan, "clone-b").len(), 1);
}

#[test]
fn what_belongs_to_a_living_stack_is_asked_about_only_in_a_full_run() {
    let clusters = [clone("clone-a", &[]), clone("clone-b", &[(tag::STACK_ID, "gone")])];
    let living = [STACK.to_owned()].into();
    let view = View { clusters: &clusters, instances: &[], secrets: &[], keys: &[], living: Some(&living) };
    let names = |view: &View<'_>| {
        suspects(view, &settings(15, 1)).iter().map(|suspect| suspect.stack_id.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&view), ["gone"]);
    assert_eq!(names(&View { living: None, ..view }), [STACK, "gone"]);
}

#[test]
fn if_too_many_are_due_none_goes() {
    let nobody = nobody();
    let due = |n: usize| -> Vec<Cluster> {
        (0..n)
            .map(|n| {
                clone(&format!("clone-{n}"), &[(tag::LOGICAL_ID, &format!("L{n}")), (tag::GENERATION, "g")])
            })
            .collect()
    };
    let two = World::of(&due(2), &[]).hear(&gone(), ago(24), &rules(&nobody));
    assert_eq!((two.removing.len(), two.troubles.len()), (2, 0));
    let three = World::of(&due(3), &[]).hear(&gone(), ago(24), &rules(&nobody));
    assert!(three.actions.is_empty() && three.removing.is_empty() && three.troubles.len() == 1, "{three:?}");
    assert!(three.troubles[0].contains("3 orphans") && three.findings.len() == 3, "{three:?}");
    let none = Rules { max_deletions: Some(0), ..rules(&nobody) };
    assert_eq!(World::of(&due(1), &[]).hear(&gone(), ago(24), &none).troubles.len(), 1);
    // Twelve secrets are over the cap as well, whatever became of their clusters.
    let secrets = World::of(&[], &due(12)).hear(&gone(), ago(24), &rules(&nobody));
    assert!(secrets.actions.is_empty() && secrets.troubles.len() == 1);
}

#[test]
fn what_goes_by_its_lease_goes_once() {
    let (nobody, a) = (nobody(), super::over("clone-a"));
    let plan =
        World::of(std::slice::from_ref(&a), std::slice::from_ref(&a)).hear(&gone(), ago(24), &rules(&nobody));
    assert_eq!(done(&plan.actions), ["- clone-a-1", "- clone-a"]);
    assert_eq!((plan.removing.len(), plan.removing[0].why), (1, Why::Lease));
}

/// The keys of an event's detail, of the example on the page and of what is told.
#[test]
fn the_page_shows_what_a_sweep_tells() {
    let page = include_str!("../../../../../docs/events.md");
    let keys = |detail: &serde_json::Value| -> Vec<String> {
        let detail = detail.as_object().unwrap();
        assert!(detail.values().all(serde_json::Value::is_string));
        detail.keys().cloned().collect()
    };
    let nobody = nobody();
    let soon = clone("clone-a", &[(tag::EXPIRES, "2026-06-21T01:00:00Z")]);
    let plan = World::of(std::slice::from_ref(&soon), &[]).hear(&gone(), None, &rules(&nobody));
    assert_eq!(plan.events.len(), 2);
    for event in plan.events {
        let head = format!("## `{}`", event.detail_type);
        let section = page.split(&head).nth(1).unwrap_or_else(|| panic!("no {head}"));
        let example = section.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
        let example: serde_json::Value = serde_json::from_str(example).unwrap();
        assert_eq!(example["detail-type"], event.detail_type);
        assert_eq!(keys(&example["detail"]), keys(&event.detail));
        assert_eq!(event.resources, std::slice::from_ref(&soon.arn));
        if event.detail_type == "clone-expiring" {
            let told = event.detail["renew"].as_str().unwrap();
            let shown = example["detail"]["renew"].as_str().unwrap();
            let shown = shown.replace("clone-main-7wdxw7isgxkmznwb", "clone-a");
            assert_eq!(told.replace("2026-06-21T01:00:00Z", "2026-06-23T00:00:02Z"), shown);
        }
    }
}

#[test]
fn the_password_of_a_clone_that_was_renamed_by_hand_stays() {
    let (nobody, a) = (nobody(), clone("clone-a", &[]));
    let renamed = crate::room::carrying("mine", &a);
    let plan = World::of(&[renamed], &[a]).hear(&gone(), ago(48), &rules(&nobody));
    quiet(&plan);
    assert!(found(&plan, "/aurora-clone-manager/clone-a")[0].contains("under another name"), "{plan:?}");
}

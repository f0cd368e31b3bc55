//! Whatever is there, whatever CloudFormation says and whenever: what goes is ours, over, warned of, and wanted by nobody.

use std::collections::BTreeSet;

use aurora_clone_core::duration::{format_time, parse_time};
use aurora_clone_core::limits::Patterns;
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::Action;
use aurora_clone_core::settings::Settings;
use aurora_clone_core::snapshot::{Cluster, KeyState, SecretState, Status};
use aurora_clone_core::sweep::check::check;
use aurora_clone_core::sweep::orphan::suspects;
use aurora_clone_core::sweep::{self, Heard, Plan, Rules, View, Why, Word, cap, clones};
use chrono::Duration;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use super::{instances, key_of, secret_of};
use crate::room::{clone_of, now, settings, with};

const STACKS: [&str; 3] = ["arn:aws:cloudformation:eu-west-1:123456789012:stack/a/1", "b", ""];

/// A time around now, in text; some are none.
fn time() -> impl Strategy<Value = String> {
    let hours = prop_oneof![-50_i64..50, select(vec![-24, -1, 0, 1, 24])];
    let time = hours.prop_map(|hours| format_time(now() + Duration::hours(hours)));
    prop_oneof![9 => time, 1 => Just("soon".to_owned())]
}

fn any_cluster(id: String) -> impl Strategy<Value = Cluster> {
    let tags = (
        select(vec!["manager", "manager", "manager", "manager", "another"]),
        select(vec!["clone", "clone", "clone", "clone", "copy"]),
        select(vec!["prod", "prod", "other", "clone-0"]),
        weighted(0.1, select(vec!["clone-0", "clone-1", "gone"])),
        select(&STACKS[..]),
        select(vec!["L", "M"]),
        select(vec!["g1", "g2", ""]),
        weighted(0.1, Just("")),
    );
    let lease = (weighted(0.8, time()), weighted(0.8, any::<bool>()), time(), weighted(0.5, Just("P2D")));
    let state = (
        select(vec!["available", "available", "available", "creating", "deleting", "stopped"]),
        weighted(0.1, Just(())),
        0_i64..80,
    );
    (tags, lease, state).prop_map(move |(tags, (end, same, when, lease), (status, protected, age))| {
        let (manager, role, root, about, stack, logical, generation, keep) = tags;
        let id = if role == "clone" || id != "clone-0" { id.clone() } else { "clone-copy".to_owned() };
        let mut cluster = with(
            clone_of(&id, "prod", root),
            &[
                (tag::MANAGER, manager),
                (tag::ROLE, role),
                (tag::CLUSTER, about.unwrap_or(&id)),
                (tag::STACK_ID, stack),
                (tag::LOGICAL_ID, logical),
                (tag::GENERATION, generation),
            ],
        );
        let warned = same.map(|same| {
            let about = end.clone().filter(|_| same).unwrap_or_else(|| "2026-01-01T00:00:00Z".to_owned());
            format!("{about}@{when}")
        });
        let more = [(tag::KEEP, keep.map(str::to_owned)), (tag::EXPIRES, end), (tag::WARNED, warned)];
        cluster.tags.extend(more.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        cluster.tags.extend(lease.map(|lease| (tag::LEASE.to_owned(), lease.to_owned())));
        cluster.status = Status(status.to_owned());
        cluster.settings.deletion_protection = protected.is_some();
        cluster.created_at = Some(now() - Duration::hours(age));
        cluster
    })
}

#[derive(Debug, Clone)]
struct World {
    clusters: Vec<Cluster>,
    secrets: Vec<SecretState>,
    keys: Vec<(String, KeyState)>,
    heard: Heard,
}

impl World {
    fn plan(&self, settings: &Settings, rules: &Rules<'_>) -> Plan {
        let instances = instances(&self.clusters);
        let view = self.view(&instances);
        let plan = sweep::plan(&view, &self.heard, settings, rules, now());
        assert_eq!(check(&plan, &view, &self.heard, settings, rules, now()), Ok(()), "{plan:#?}");
        plan
    }

    fn view<'a>(&'a self, instances: &'a [aurora_clone_core::snapshot::Instance]) -> View<'a> {
        View { clusters: &self.clusters, instances, secrets: &self.secrets, keys: &self.keys, living: None }
    }

    /// What a run did, when AWS has taken all of it.
    fn obey(&mut self, plan: &Plan) {
        for action in &plan.actions {
            match action {
                Action::Tag { cluster, set, .. } => {
                    let same = |c: &&mut Cluster| c.resource_id == cluster.resource_id();
                    self.clusters.iter_mut().find(same).unwrap().tags.extend(set.clone());
                }
                Action::DeleteCluster { cluster, .. } => {
                    self.clusters.retain(|c| c.resource_id != cluster.resource_id());
                }
                _ => {}
            }
        }
        for removing in &plan.removing {
            self.secrets.retain(|secret| Some(&secret.name) != removing.secret.as_ref());
            self.keys.retain(|(alias, _)| Some(alias) != removing.key.as_ref());
        }
        self.heard.since.retain(|key, _| !plan.forget.contains(key));
        self.heard.since.extend(plan.remember.iter().map(|memory| (memory.key.clone(), memory.since)));
    }
}

fn any_world() -> impl Strategy<Value = World> {
    let clusters: Vec<_> = (0..9).map(|n| any_cluster(format!("clone-{n}"))).collect();
    let words = vec((0..6_usize, prop_oneof![Just(None), (-2_i64..60).prop_map(Some)]), 40);
    (clusters, 0..10_usize, vec(any::<(bool, bool, bool)>(), 9), words).prop_map(
        |(clusters, n, kept, words)| {
            let kept: Vec<_> = clusters.iter().zip(kept).collect();
            let secrets = kept.iter().filter(|(_, k)| k.0).map(|(c, _)| secret_of(c)).collect();
            let keys = kept.iter().filter(|(_, k)| k.1).map(|(c, _)| key_of(c)).collect();
            let (arns, gone): (Vec<String>, BTreeSet<String>) = (
                clusters.iter().map(|c| c.arn.clone()).collect(),
                kept.iter().filter(|(_, k)| k.2).map(|(c, _)| c.identifier.clone()).collect(),
            );
            let mut clusters: Vec<Cluster> =
                clusters.iter().take(n).filter(|c| !gone.contains(&c.identifier)).cloned().collect();
            let mut names = BTreeSet::new();
            clusters.retain(|cluster| names.insert(cluster.identifier.clone()));
            let mut world = World { clusters, secrets, keys, heard: Heard::default() };
            let instances = instances(&world.clusters);
            let view = world.view(&instances);
            let mut heard = Heard::default();
            let mut words = words.into_iter().cycle();
            for suspect in suspects(&view, &settings(15, 1)) {
                let own = suspect.exposed().first().map_or(arns[0].clone(), |(arn, _)| (*arn).to_owned());
                let word = match words.next().unwrap().0 {
                    0 | 1 => Word::Gone("gone".to_owned()),
                    2 => Word::Owns(own),
                    3 => Word::InProgress,
                    4 => Word::Retained,
                    _ => Word::Unknown("denied".to_owned()),
                };
                heard.words.insert(suspect.key(), word);
                for key in suspect.memories() {
                    heard
                        .since
                        .extend(words.next().unwrap().1.map(|hours| (key, now() - Duration::hours(hours))));
                }
            }
            world.heard = heard;
            world
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_goes_may_go(
        world in any_world(), protect in select(vec!["", "clone-1", "clone-*"]), of_root in select(vec!["", "clone-2", "*"]),
        life in weighted(0.3, 1_i64..60), most in weighted(0.5, 0..5_u32), max_lease in weighted(0.3, 1_i64..60),
    ) {
        let (protect, of_root) = (Patterns::parse(protect), Patterns::parse(of_root));
        let rules = Rules {
            protect: &protect,
            of_root: vec![("prod", &of_root, life.map(Duration::hours))],
            lease_warning: Duration::hours(12),
            max_deletions: most,
        };
        let settings = Settings { max_lease: max_lease.map(Duration::hours), ..settings(15, 1) };
        let plan = world.plan(&settings, &rules);
        let stays = |cluster: &Cluster| {
            let is = |key: &str, value: &str| cluster.tag(key) == Some(value);
            !is(tag::MANAGER, "manager")
                || !is(tag::ROLE, "clone")
                || !is(tag::CLUSTER, &cluster.identifier)
                || is(tag::ROOT, &cluster.identifier)
                || cluster.tags.contains_key(tag::KEEP)
                || cluster.settings.deletion_protection
                || protect.admit(&cluster.identifier)
                || (is(tag::ROOT, "prod") && of_root.admit(&cluster.identifier))
        };
        for action in &plan.actions {
            let (Action::Tag { cluster, .. } | Action::DeleteInstance { cluster, .. } | Action::DeleteCluster { cluster, .. }) = action
            else { continue };
            let cluster = world.clusters.iter().find(|c| c.resource_id == cluster.resource_id()).unwrap();
            prop_assert!(!stays(cluster), "{:?}", cluster);
        }
        let of = clones(&world.clusters, &settings).len();
        for why in [Why::Lease, Why::Orphan] {
            prop_assert!(plan.removing.iter().filter(|removing| removing.why == why).count() <= cap(of, most));
        }
        for removing in &plan.removing {
            let is_it = |c: &&Cluster| Some(&c.identifier) == removing.identifier.as_ref();
            let cluster = world.clusters.iter().find(is_it);
            if removing.why == Why::Lease {
                let cluster = cluster.unwrap();
                prop_assert!(parse_time(cluster.tag(tag::EXPIRES).unwrap()).unwrap() <= now());
                let (about, when) = cluster.tag(tag::WARNED).unwrap().split_once('@').unwrap();
                prop_assert_eq!(Some(about), cluster.tag(tag::EXPIRES));
                prop_assert!(now() - parse_time(when).unwrap() >= Duration::hours(1));
            } else {
                let word = &world.heard.words[&removing.resource_key()];
                let owned = matches!(word, Word::Owns(id) if cluster.is_none_or(|c| c.arn != *id));
                prop_assert!(matches!(word, Word::Gone(_)) || owned, "{:?}", word);
                prop_assert!(!removing.stack_id.is_empty() && !removing.generation.is_empty());
            }
            let of_it = |tags: &aurora_clone_core::tags::Tags| {
                tags[tag::GENERATION] == removing.generation && tags[tag::MANAGER] == "manager"
            };
            prop_assert!(world.secrets.iter().filter(|s| Some(&s.name) == removing.secret.as_ref()).all(|s| of_it(&s.tags)));
            prop_assert!(world.keys.iter().filter(|k| Some(&k.0) == removing.key.as_ref()).all(|k| of_it(&k.1.tags)));
        }
    }

    #[test]
    fn runs_come_to_rest(mut world in any_world()) {
        let protect = Patterns::default();
        let rules = Rules {
            protect: &protect,
            of_root: vec![("prod", &protect, Some(Duration::hours(60)))],
            lease_warning: Duration::hours(12),
            max_deletions: Some(99),
        };
        let settings = Settings { max_lease: Some(Duration::hours(20)), ..settings(15, 1) };
        // A cut, then the warning about what is left, then nothing: an hour has to pass.
        for _ in 0..3 {
            let plan = world.plan(&settings, &rules);
            world.obey(&plan);
        }
        let plan = world.plan(&settings, &rules);
        prop_assert!(plan.actions.is_empty() && plan.events.is_empty() && plan.remember.is_empty(), "{plan:#?}");
        prop_assert!(plan.forget.is_empty() && plan.removing.is_empty());
    }
}

//! Deletes: which incarnations go, in which order, and what is left alone.

use aurora_clone_core::check::check;
use aurora_clone_core::delete::{self, Remains, Unwanted, View, take_down};
use aurora_clone_core::guard;
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::{Action, Decision, Next, Plan, Seen};
use aurora_clone_core::record::{Baseline, Incarnation};
use aurora_clone_core::request::snapshot_identifier;
use aurora_clone_core::snapshot::{Cluster, Instance, KeyState, SecretState, Status};
use aurora_clone_core::tags::Tags;
use chrono::Duration;

use crate::room::{carrying, clone_of, cluster, instance, now, owner, place, settings, unwanted, with};

/// What CloudFormation makes up for a Create that it cancelled.
const INVENTED: &str = "web-Clone-1ABCDEF";

/// Our clone of `prod` in the generation of this name.
fn incarnation(id: &str, generation: &str) -> Cluster {
    with(clone_of(id, "prod", "prod"), &[(tag::GENERATION, generation)])
}

fn record(id: &str, generation: &str, made: bool) -> Incarnation {
    Incarnation {
        generation: generation.to_owned(),
        identifier: id.to_owned(),
        since: now(),
        secret: Some(format!("/aurora-clone-manager/{id}")),
        key: None,
        baseline: Baseline::default(),
        sources_secret: None,
        made,
    }
}

fn look(unwanted: &Unwanted, view: View<'_>, seen: &Seen) -> Plan {
    let plan = delete::plan(unwanted, view, seen, &settings(15, 1), now());
    assert_eq!(check(&plan, view.clusters, view.instances, &settings(15, 1)), Ok(()));
    plan
}

/// What is deleted, and the snapshots that are taken.
fn deleted(actions: &[Action]) -> Vec<String> {
    let name = |action: &Action| match action {
        Action::DeleteInstance { instance, .. } => instance.clone(),
        Action::DeleteCluster { cluster, final_snapshot: None } => cluster.identifier().to_owned(),
        Action::DeleteCluster { cluster, final_snapshot: Some(name) } => {
            assert!(name.starts_with(cluster.identifier()), "{name}");
            format!("{} with a snapshot", cluster.identifier())
        }
        Action::DeleteSecret { secret } => secret.name().to_owned(),
        Action::DeleteKey { key } => key.alias().to_owned(),
        other => panic!("{other:?}"),
    };
    actions.iter().map(name).collect()
}

fn gone(unwanted: &Unwanted, clusters: &[Cluster], records: &[Incarnation]) -> Vec<String> {
    let view = View { clusters, instances: &[], records, remains: &[], taken: &[] };
    deleted(&look(unwanted, view, &Seen::default()).actions)
}

fn decided(plan: Plan) -> Decision {
    match plan {
        Plan { next: Next::Decide(decision), actions, .. } if actions.is_empty() => decision,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_named_incarnation_goes_with_what_never_became_usable() {
    let clusters = [
        incarnation("clone-old", "0-a"),
        incarnation("clone-new", "5-b"),
        incarnation("clone-debris", "3-c"),
        incarnation("clone-unrecorded", "0-d"),
        with(incarnation("clone-theirs", "0-a"), &[(tag::LOGICAL_ID, "Other")]),
        carrying("clone-by-hand", &incarnation("clone-old", "0-a")),
        cluster("prod"),
    ];
    let records = [
        record("clone-old", "0-a", true),
        record("clone-new", "5-b", true),
        record("clone-debris", "3-c", false),
    ];
    let gone = |id: &str, fence| gone(&unwanted(id, fence), &clusters, &records);
    let arn = |id: &str| place().cluster_arn(id);
    assert_eq!(gone(&arn("clone-old"), 9), ["clone-old", "clone-debris"]);
    assert_eq!(gone(&arn("clone-new"), 9), ["clone-new", "clone-debris"]);
    assert_eq!(gone(&arn("clone-unrecorded"), 9), ["clone-debris", "clone-unrecorded"]);
    // What is not ours is not named by naming it.
    for id in ["prod", "clone-theirs", "clone-by-hand", "nobody"] {
        assert_eq!(gone(&arn(id), 9), ["clone-debris"]);
    }
    assert_eq!(gone("arn:aws:rds:us-east-1:999999999999:cluster:clone-old", 9), ["clone-debris"]);
    // Any other text is an invention, and everything of the resource goes.
    for id in [INVENTED, "", "rejected-abc", "arn:aws:rds:eu-west-1:123456789012:db:clone-old"] {
        assert_eq!(gone(id, 9), ["clone-old", "clone-new", "clone-debris", "clone-unrecorded"], "{id}");
    }
    // Where the whole stack goes, nothing of it stays that CloudFormation has forgotten.
    let whole = Unwanted { whole: true, ..unwanted(&arn("clone-new"), 9) };
    let everything = ["clone-old", "clone-new", "clone-debris", "clone-unrecorded"];
    assert_eq!(self::gone(&whole, &clusters, &records), everything);
    assert_eq!(
        self::gone(&Unwanted { fence: 5, ..whole }, &clusters, &records),
        [everything[0], everything[2], everything[3]]
    );
    // What was asked for after this Delete came stays, usable or not.
    assert_eq!(gone(INVENTED, 5), ["clone-old", "clone-debris", "clone-unrecorded"]);
    assert_eq!(gone(&arn("clone-new"), 5), ["clone-debris"]);
    assert_eq!(gone(&arn("clone-new"), 3), [""; 0]);
}

#[test]
fn records_go_as_their_clusters_do() {
    let records = [
        record("clone-old", "0-a", true),
        record("clone-new", "5-b", true),
        record("clone-debris", "3-c", false),
        record("clone-next", "9-d", false),
    ];
    let gone = |id: &str, fence| {
        let unwanted = unwanted(id, fence);
        let found = unwanted.records(&records).into_iter().map(|r| r.identifier.clone());
        found.collect::<Vec<_>>()
    };
    assert_eq!(gone(&place().cluster_arn("clone-old"), 9), ["clone-old", "clone-debris"]);
    assert_eq!(gone(INVENTED, 9), ["clone-old", "clone-new", "clone-debris"]);
    assert_eq!(gone(INVENTED, 4), ["clone-old", "clone-debris"]);
}

#[test]
fn a_last_snapshot_is_of_what_was_usable() {
    let clusters =
        [incarnation("clone-a", "0-a"), incarnation("clone-b", "0-b"), incarnation("clone-c", "0-c")];
    let records = [record("clone-a", "0-a", true), record("clone-b", "0-b", false)];
    let with_snapshot = Unwanted { final_snapshot: true, ..unwanted(INVENTED, 9) };
    // One without a record is from before they were kept, and was usable as far as anybody knows.
    let expected = ["clone-a with a snapshot", "clone-b", "clone-c with a snapshot"];
    assert_eq!(gone(&with_snapshot, &clusters, &records), expected);
    assert_eq!(gone(&unwanted(INVENTED, 9), &clusters, &records), ["clone-a", "clone-b", "clone-c"]);
}

#[test]
fn a_last_snapshot_whose_name_is_taken_costs_no_instance() {
    let clusters = [incarnation("clone-a", "0-a")];
    let instances = [instance("clone-a-1", "clone-a")];
    let with_snapshot = Unwanted { final_snapshot: true, ..unwanted(INVENTED, 9) };
    let name = snapshot_identifier("clone-a", "0-a");
    let taken = [name.clone()];
    let view = View { clusters: &clusters, instances: &instances, records: &[], remains: &[], taken: &taken };
    let plan = delete::plan(&with_snapshot, view, &Seen::default(), &settings(15, 1), now());
    assert_eq!(plan.actions, []);
    let decision = decided(plan);
    assert!(!decision.success && decision.reason.contains(&name), "{decision:?}");
    // Where the instances go already, the snapshot is this Delete's own, whatever AWS calls the cluster meanwhile.
    let leaving = [Instance { status: Status("deleting".to_owned()), ..instances[0].clone() }];
    let begun = View { instances: &leaving, ..view };
    let plan = delete::plan(&with_snapshot, begun, &Seen::default(), &settings(15, 1), now());
    assert!(matches!(plan.next, Next::Wait { .. }), "{plan:?}");
    // One that goes already has its snapshot, which is what the name is taken by.
    let going = [Cluster { status: Status("deleting".to_owned()), ..clusters[0].clone() }];
    let plan = delete::plan(
        &with_snapshot,
        View { clusters: &going, ..view },
        &Seen::default(),
        &settings(15, 1),
        now(),
    );
    assert!(matches!(plan.next, Next::Wait { .. }), "{plan:?}");
}

#[test]
fn readers_go_first_then_the_writer_then_the_cluster() {
    let clone = incarnation("clone-a", "0-a");
    let member = |n: u32, status: &str, writer| Instance {
        status: Status(status.to_owned()),
        writer,
        ..instance(&format!("clone-a-{n}"), "clone-a")
    };
    let instances = [
        member(1, "available", false),
        member(2, "failed", true),
        member(3, "deleting", false),
        member(4, "creating", false),
        instance("by-hand", "clone-a"),
        instance("prod-1", "prod"),
    ];
    let clusters = [cluster("prod"), clone.clone()];
    let view = View { clusters: &clusters, instances: &instances, records: &[], remains: &[], taken: &[] };
    let actions = look(&unwanted(&clone.arn, 9), view, &Seen::default()).actions;
    // A person's own instance in our cluster would keep it alive.
    assert_eq!(deleted(&actions), ["by-hand", "clone-a-1", "clone-a-4", "clone-a-2", "clone-a"]);
    let owned = guard::prove(&clone, &owner(), "clone-").unwrap();
    assert_eq!(take_down(&owner(), Some((&clone, &owned)), &instances, &[]), actions);
}

#[test]
fn what_aws_would_refuse_is_said() {
    let hindered = |change: fn(&mut Cluster)| {
        let mut clone = incarnation("clone-a", "0-a");
        change(&mut clone);
        let clusters = [incarnation("clone-b", "0-b"), clone];
        let view = View { clusters: &clusters, instances: &[], records: &[], remains: &[], taken: &[] };
        look(&unwanted(INVENTED, 9), view, &Seen::default())
    };
    let protected = decided(hindered(|c| c.settings.deletion_protection = true));
    assert_eq!((protected.success, protected.physical_id.as_str()), (false, INVENTED));
    assert!(protected.reason.contains("clone-a has deletion protection"), "{}", protected.reason);
    let stopped = decided(hindered(|c| c.status = Status("stopped".to_owned())));
    assert!(!stopped.success && stopped.reason.contains("clone-a is stopped"), "{}", stopped.reason);
    // What goes already is not hindered by anything.
    let going = hindered(|c| {
        (c.status, c.settings.deletion_protection) = (Status("deleting".to_owned()), true);
    });
    assert_eq!(deleted(&going.actions), ["clone-b"]);
}

/// The secret and the key of an incarnation, as its clone made them.
fn remains(id: &str, generation: &str) -> Remains {
    let pairs = [
        (tag::MANAGER, "manager"),
        (tag::STACK_ID, crate::room::STACK),
        (tag::LOGICAL_ID, "Clone"),
        (tag::GENERATION, generation),
    ];
    let tags: Tags = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let name = format!("/aurora-clone-manager/{id}");
    let secret =
        SecretState { arn: format!("arn:{name}"), name, tags: tags.clone(), ..SecretState::default() };
    let key = KeyState { arn: format!("arn:key/{id}"), tags, ..KeyState::default() };
    Remains {
        generation: generation.to_owned(),
        secret: Some(secret),
        key: Some((format!("alias/aurora-clone/{id}"), key)),
    }
}

#[test]
fn secrets_and_keys_go_when_the_clusters_are_gone() {
    let clone = incarnation("clone-a", "0-a");
    let all = [remains("clone-a", "0-a"), remains("clone-b", "0-b")];
    let look_at = |clusters: &[Cluster], remains: &[Remains]| {
        let view = View { clusters, instances: &[], records: &[], remains, taken: &[] };
        // At the first look that finds no cluster nothing goes: it may be stale, and a secret does not come back.
        let first = look(&unwanted(INVENTED, 9), view, &Seen::default());
        if first.actions.is_empty() {
            let seen = Seen { absent_since: Some(now() - Duration::seconds(40)), ..first.seen };
            return look(&unwanted(INVENTED, 9), view, &seen);
        }
        first
    };
    let names = |plan: &Plan| deleted(&plan.actions);
    let clusters = [clone.clone(), cluster("prod")];
    assert_eq!(names(&look_at(&clusters, &all)), ["clone-a"]);
    let both = |id: &str| [format!("/aurora-clone-manager/{id}"), format!("alias/aurora-clone/{id}")];
    let everything = [both("clone-a"), both("clone-b")].concat();
    assert_eq!(names(&look_at(&clusters[1..], &all)), everything);
    // What was made for a request that failed goes when AWS has taken the cluster, which may take a while to go.
    let owned = guard::prove(&clone, &owner(), "clone-").unwrap();
    assert_eq!(deleted(&take_down(&owner(), Some((&clone, &owned)), &[], &all)), ["clone-a"]);
    let going = Cluster { status: Status("deleting".to_owned()), ..clone };
    assert_eq!(deleted(&take_down(&owner(), Some((&going, &owned)), &[], &all)), everything);
    assert_eq!(deleted(&take_down(&owner(), None, &[], &all)), everything);
    assert_eq!(take_down(&owner(), None, &[], &[]), []);
    // A secret that goes is gone; a key that goes may still have its alias.
    let mut going = remains("clone-a", "0-a");
    going.secret.as_mut().unwrap().deleting = true;
    going.key.as_mut().unwrap().1.deleting = true;
    assert_eq!(names(&look_at(&[], &[going])), ["alias/aurora-clone/clone-a"]);
}

#[test]
fn secrets_and_keys_of_others_are_left() {
    for key in [tag::MANAGER, tag::STACK_ID, tag::LOGICAL_ID, tag::GENERATION] {
        for value in [None, Some("another")] {
            let mut theirs = remains("clone-a", "0-a");
            let change = |tags: &mut Tags| {
                tags.remove(key);
                tags.extend(value.map(|value| (key.to_owned(), value.to_owned())));
            };
            change(&mut theirs.secret.as_mut().unwrap().tags);
            change(&mut theirs.key.as_mut().unwrap().1.tags);
            assert_eq!(take_down(&owner(), None, &[], &[theirs]), [], "{key} is {value:?}");
        }
    }
    // Nor one of ours that belongs to another incarnation.
    let other = Remains { generation: "1-x".to_owned(), ..remains("clone-a", "0-a") };
    assert_eq!(take_down(&owner(), None, &[], &[other]), []);
}

#[test]
fn what_is_gone_is_looked_for_twice() {
    let records = [record("clone-a", "0-a", true), record("clone-b", "9-b", true)];
    let stranger = carrying("clone-x", &incarnation("clone-a", "0-a"));
    let clusters = [cluster("prod"), stranger.clone()];
    let look_at = |id: &str, absent: Option<i64>, records: &[Incarnation]| {
        let absent_since = absent.map(|seconds| now() - Duration::seconds(seconds));
        let view = View { clusters: &clusters, instances: &[], records, remains: &[], taken: &[] };
        look(&unwanted(id, 9), view, &Seen { absent_since, ..Seen::default() })
    };
    let first = look_at(INVENTED, None, &records);
    assert!(first.actions.is_empty() && matches!(first.next, Next::Wait { .. }));
    assert_eq!(first.seen.absent_since, Some(now()));
    assert!(matches!(look_at(INVENTED, Some(29), &records).next, Next::Wait { .. }));
    let decision = decided(look_at(INVENTED, Some(30), &records));
    assert_eq!((decision.success, decision.physical_id.as_str()), (true, INVENTED));
    let [event] = decision.events.as_slice() else { panic!("{decision:?}") };
    assert_eq!(event.detail["clusterIds"], serde_json::json!(["clone-a"]), "the later one is not gone");
    assert!(decided(look_at(INVENTED, Some(30), &[])).events.is_empty());
    // What bears the name and is not ours is told of, and left alone.
    let decision = decided(look_at(&stranger.arn, Some(60), &records));
    let says = |words: &str| decision.reason.contains(words);
    assert!(decision.success && says("was not touched") && says("clone-x"), "{}", decision.reason);
    // One look that finds something begins again.
    let clusters = [incarnation("clone-a", "0-a")];
    let view = View { clusters: &clusters, instances: &[], records: &records, remains: &[], taken: &[] };
    let seen = Seen { absent_since: Some(now() - Duration::hours(1)), ..Seen::default() };
    assert_eq!(look(&unwanted(INVENTED, 9), view, &seen).seen.absent_since, None);
}

/// The operator changed the prefix: nothing may delete such a clone, and whoever uses it needs its password.
#[test]
fn what_has_an_earlier_prefix_keeps_its_password_and_fails_the_delete() {
    let old = incarnation("old-a", "0-a");
    let records = [record("old-a", "0-a", true), record("clone-b", "1-b", true)];
    let remains = [remains("old-a", "0-a")];
    let going = Cluster { status: Status("deleting".to_owned()), ..old.clone() };
    let seen = Seen { absent_since: Some(now() - Duration::hours(1)), ..Seen::default() };
    let look_at = |unwanted: &Unwanted, clusters: &[Cluster]| {
        let view = View { clusters, instances: &[], records: &records, remains: &remains, taken: &[] };
        look(unwanted, view, &seen)
    };
    let named = unwanted(&old.arn, 9);
    let alone = [old.clone()];
    // Where others could go, they do not: what failed is asked for again as a whole.
    let beside = [incarnation("clone-b", "1-b"), old.clone()];
    let whole = Unwanted { whole: true, ..named.clone() };
    for (unwanted, clusters) in [(&named, &alone[..]), (&unwanted(INVENTED, 9), &alone), (&whole, &beside)] {
        let decision = decided(look_at(unwanted, clusters));
        assert!(!decision.success && decision.events.is_empty(), "{decision:?}");
        for words in ["old-a", "\"clone-\"", "NamePrefix", "by hand"] {
            assert!(decision.reason.contains(words), "{} has no {words}", decision.reason);
        }
    }
    // Somebody deletes it, and as long as that takes nothing else goes.
    let plan = look_at(&named, &[going]);
    assert!(plan.actions.is_empty() && matches!(plan.next, Next::Wait { .. }), "{plan:?}");
    assert_eq!(plan.seen.absent_since, None);
    let rest = ["/aurora-clone-manager/old-a", "alias/aurora-clone/old-a"];
    assert_eq!(deleted(&look_at(&named, &[]).actions), rest);
    // What is not meant is in nobody's way: another incarnation, a later one, a stranger's clone, another resource's.
    let other = with(old.clone(), &[(tag::LOGICAL_ID, "Other")]);
    for (unwanted, cluster) in [
        (unwanted(&place().cluster_arn("clone-b"), 9), old.clone()),
        (unwanted(INVENTED, 0), old.clone()),
        (named.clone(), carrying("old-x", &old)),
        (named, other),
    ] {
        let plan = look_at(&unwanted, &[cluster]);
        assert!(!matches!(plan.next, Next::Decide(Decision { success: false, .. })), "{plan:?}");
    }
}

//! Choosing: what a restore is like, what an operator does not admit, and what there is no time for.

use aurora_clone_core::check::check;
use aurora_clone_core::create::{self, Time};
use aurora_clone_core::limits::{Limits, Patterns};
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::{Action, Decision, Next, Plan};
use aurora_clone_core::properties::Properties;
use aurora_clone_core::request::Wanted;
use aurora_clone_core::rules::Rules;
use aurora_clone_core::settings::Settings;
use aurora_clone_core::snapshot::{Cluster, ClusterSettings, Status};
use aurora_clone_core::tags::RestoreType;
use chrono::Duration;
use serde_json::{Value, json};

use crate::model::choice;
use crate::room::{
    choose, clone_of, cluster, copy_of, generous, now, place, read, root, settings, time, wanted, with,
    writer,
};

/// A clone of `prod` with these other properties.
fn asked(others: Value) -> Wanted {
    let mut properties = others;
    properties["SourceClusterId"] = json!("prod");
    Wanted { properties: read(&properties), ..wanted("prod") }
}

/// `prod` without a free slot, and what is in its family.
fn full() -> Vec<Cluster> {
    let mut all = vec![root()];
    all.extend((0..14).map(|n| clone_of(&format!("clone-{n}"), "prod", "prod")));
    all
}

fn restores(plan: &Plan) -> bool {
    plan.actions.iter().any(|action| matches!(action, Action::Restore(_)))
}

#[track_caller]
fn refused(plan: &Plan, words: &[&str]) -> Decision {
    let Next::Decide(decision) = &plan.next else { panic!("{plan:?}") };
    assert!(plan.actions.is_empty() && !decision.success);
    for word in words {
        assert!(decision.reason.contains(word), "{:?} has no {word:?}", decision.reason);
    }
    decision.clone()
}

#[test]
fn a_full_copy_is_begun_only_if_it_can_be_ended() {
    let wanted = asked(json!({ "OnNoSlot": "Copy" }));
    let mut settings = settings(15, 1);
    let at = |settings: &Settings, left: Duration| {
        let time = Time { now: now(), deadline: now() + left };
        create::choose(&wanted, &full(), &[], settings, &Rules::default(), time)
    };
    let plan = at(&settings, Duration::hours(1)).plan;
    let words =
        ["takes about 3 h", "waits for 1 h", "FULL_COPY_TIME", "Nothing was made", "target-clone-slots"];
    refused(&plan, &words);
    settings.full_copy_time = Duration::minutes(20);
    refused(&at(&settings, Duration::minutes(20) - Duration::seconds(1)).plan, &words[2..]);
    let choice = at(&settings, Duration::minutes(20));
    let [Action::Restore(restore)] = choice.plan.actions.as_slice() else { panic!("{choice:?}") };
    assert_eq!((restore.restore_type, restore.source.as_str()), (RestoreType::FullCopy, "prod"));
    assert_eq!(restore.tags[tag::DATA_TIME], "2026-06-21T00:00:00Z");
    assert!(choice.record.is_some());
}

/// A status that passes is waited for, as where there is a slot; one that does not pass is the end.
#[test]
fn a_root_that_is_busy_is_copied_when_it_is_ready() {
    let within = |minutes: i64, status: &str| {
        let mut all = full();
        all[0].status = Status(status.to_owned());
        let mut settings = settings(15, 1);
        settings.full_copy_time = Duration::minutes(minutes);
        choose(&asked(json!({ "OnNoSlot": "Copy" })), &all, &settings)
    };
    refused(&within(61, "backing-up"), &["FULL_COPY_TIME"]);
    let plan = |status: &str| within(20, status);
    for status in ["backing-up", "modifying", "levitating"] {
        let plan = plan(status);
        assert!(plan.actions.is_empty() && matches!(plan.next, Next::Wait { .. }), "{status}: {plan:?}");
    }
    for status in ["stopped", "deleting", "failed"] {
        refused(&plan(status), &[status]);
    }
    assert!(restores(&plan("available")));
}

#[test]
fn what_is_taken_over_is_held_against_the_limits_as_well() {
    let only = |text: &str| Patterns::parse(text);
    let with_limits = |limits: Limits| Settings { limits, ..settings(15, 1) };
    let everything = Limits::default;
    for (limits, property, limit) in [
        (
            Limits { subnet_groups: only("apps"), ..everything() },
            "DBSubnetGroupName",
            "ALLOWED_SUBNET_GROUPS",
        ),
        (
            Limits { security_groups: only("sg-2,sg-3"), ..everything() },
            "VpcSecurityGroupIds",
            "ALLOWED_SECURITY_GROUPS",
        ),
        // The class that is chosen where nobody names one.
        (
            Limits { instance_classes: only("db.r6g.*"), ..everything() },
            "InstanceClass",
            "ALLOWED_INSTANCE_CLASSES",
        ),
    ] {
        let settings = with_limits(limits);
        let plan = choose(&asked(json!({})), &[root()], &settings);
        let decision = refused(&plan, &[property, limit, "Nothing was made"]);
        assert!(matches!(decision.events.as_slice(), [event] if event.detail["requestType"] == "Create"));
        let given = json!({
            "DBSubnetGroupName": "apps", "VpcSecurityGroupIds": ["sg-2"], "InstanceClass": "db.r6g.large"
        });
        assert!(restores(&choose(&asked(given), &[root()], &settings)), "{property} was given");
    }
    // The name of a copy stands for its root, whose own name has to be admitted.
    let settings = with_limits(Limits { sources: only("clone-pool-*"), ..everything() });
    let all = [root(), copy_of("clone-pool-1", "prod")];
    refused(&choose(&wanted("clone-pool-1"), &all, &settings), &["\"prod\"", "ALLOWED_SOURCES"]);
    let settings = with_limits(Limits { sources: only("prod"), ..everything() });
    assert!(restores(&choose(&wanted("clone-pool-1"), &all, &settings)));
}

#[test]
fn nothing_is_from_the_future() {
    let since = |ahead: Duration| {
        let mut wanted = wanted("prod");
        wanted.properties.freshness.created_since = Some(now() + ahead);
        choose(&wanted, &[root()], &settings(15, 1))
    };
    refused(
        &since(Duration::minutes(10) + Duration::seconds(1)),
        &["CopyCreatedSince", "2026-06-21T00:10:01Z", "future"],
    );
    assert!(restores(&since(Duration::minutes(10))), "clocks differ");
    assert!(restores(&since(Duration::zero())));
}

/// The copies that are marked, in order.
fn marked(plan: &Plan) -> Vec<&str> {
    fn copy(action: &Action) -> Option<&str> {
        let Action::MarkRetiring { copy, since } = action else { return None };
        assert_eq!(*since, now());
        Some(copy.identifier())
    }
    plan.actions.iter().filter_map(copy).collect()
}

#[test]
fn copies_that_nobody_may_use_any_more_are_marked() {
    let purging = |others: Value| {
        let mut others = others;
        others["PurgeObsoleteCopies"] = json!("true");
        asked(others)
    };
    let old = |id: &str| with(copy_of(id, "prod"), &[(tag::DATA_TIME, "2026-06-17T23:59:59Z")]);
    let mut all = vec![
        root(),
        old("clone-pool-1"),
        with(old("clone-pool-2"), &[(tag::DATA_TIME, "2026-06-18T00:00:00Z")]),
        with(old("clone-pool-3"), &[(tag::RETIRING, "2026-06-20T00:00:00Z")]),
        with(old("clone-pool-4"), &[(tag::MANAGER, "another")]),
        with(old("clone-pool-5"), &[(tag::DATA_TIME, "x")]),
        with(old("clone-pool-6"), &[(tag::ROOT, "other")]),
        with(old("clone-pool-7"), &[(tag::RESTORE_TYPE, "copy-on-write")]),
        with(clone_of("clone-a", "prod", "prod"), &[(tag::DATA_TIME, "2026-06-01T00:00:00Z")]),
        old("pool-of-another-prefix"),
        Cluster {
            status: Status("stopped".to_owned()),
            ..with(old("clone-pool-8"), &[(tag::DATA_TIME, "2026-06-17T23:59:58Z")])
        },
    ];
    // Eight more that nobody marks, and nobody clones: three in twelve may be marked.
    all.extend((10..18).map(|n| {
        let copy = copy_of(&format!("clone-pool-{n}"), "prod");
        Cluster { status: Status("stopped".to_owned()), ..copy }
    }));
    let expected = ["clone-pool-8", "clone-pool-1"];
    // The operator's age counts, whatever the template's own is.
    for others in [json!({}), json!({ "MaxCopyAge": "PT1H" }), json!({ "MaxCopyAge": "P30D" })] {
        let plan = choose(&purging(others), &all, &settings(15, 1));
        assert_eq!((marked(&plan).as_slice(), restores(&plan)), (&expected[..], true));
        assert_eq!(check(&plan, &all, &[], &settings(15, 1)), Ok(()));
    }
    assert_eq!(marked(&choose(&asked(json!({})), &all, &settings(15, 1))), [""; 0]);
    // Also while a slot is waited for, but not by a request that fails.
    for source in [0, 2] {
        all[source].status = Status("backing-up".to_owned());
    }
    let plan = choose(&purging(json!({})), &all, &settings(15, 1));
    assert_eq!((marked(&plan).as_slice(), restores(&plan)), (&expected[..], false));
    all[0].status = Status("stopped".to_owned());
    all.truncate(2);
    refused(&choose(&purging(json!({})), &all, &settings(15, 1)), &["clone-pool-1"]);
}

/// The maintainer purges none where more are due than two or a quarter: a Create must not bring it there.
#[test]
fn no_more_copies_are_marked_than_are_purged_at_once() {
    let old = |n: usize| {
        with(copy_of(&format!("clone-pool-{n:02}"), "prod"), &[(tag::DATA_TIME, "2026-06-01T00:00:00Z")])
    };
    for (copies, marked_before, expected) in [
        (1, 0, 1),
        (5, 0, 2),
        (5, 1, 1),
        (5, 2, 0),
        (5, 4, 0),
        (11, 0, 2),
        (12, 0, 3),
        (40, 3, 7),
        (120, 0, 20),
    ] {
        let mut all: Vec<Cluster> = (0..copies).map(old).collect();
        for copy in &mut all[..marked_before] {
            *copy = with(copy.clone(), &[(tag::RETIRING, "2026-06-20T00:00:00Z")]);
        }
        // Another manager's copies are neither marked nor counted.
        all.extend((0..20).map(|n| with(old(200 + n), &[(tag::MANAGER, "another")])));
        all.push(root());
        let plan = choose(&asked(json!({ "PurgeObsoleteCopies": "true" })), &all, &settings(15, 1));
        assert_eq!(marked(&plan).len(), expected, "{marked_before} of {copies}");
    }
}

#[test]
fn no_number_of_old_copies_is_too_much_for_one_step() {
    let old =
        |n| with(copy_of(&format!("clone-pool-{n}"), "prod"), &[(tag::DATA_TIME, "2026-06-01T00:00:00Z")]);
    let mut all: Vec<Cluster> = (0..60).map(old).collect();
    all.push(root());
    let plan = choose(&asked(json!({ "PurgeObsoleteCopies": "true" })), &all, &settings(15, 1));
    assert!(restores(&plan) && marked(&plan).len() > 10);
    assert_eq!(check(&plan, &all, &[], &settings(15, 1)), Ok(()));
}

#[test]
fn a_restore_has_every_setting_of_the_root_but_its_protection() {
    let restored = |others: Value| {
        let mut properties = others;
        properties["SourceClusterId"] = json!("prod");
        let (wanted, choice) = choice(&properties);
        let [Action::Restore(restore)] = choice.plan.actions.as_slice() else { panic!("{choice:?}") };
        let record = choice.record.unwrap();
        assert_eq!(
            (&record.baseline.cluster, &record.baseline.instance),
            (&root().settings, &writer().settings)
        );
        assert_eq!((&record.generation, &record.identifier), (&wanted.generation, &wanted.identifier));
        assert!(!record.made && record.since == now());
        restore.settings.clone()
    };
    let base = ClusterSettings { deletion_protection: false, backup_retention: Some(1), ..root().settings };
    assert_eq!(restored(json!({ "InstanceClass": "db.r6g.large" })), base);
    let scaled = restored(json!({}));
    assert!(scaled.capacity.is_some());
    assert_eq!(ClusterSettings { capacity: None, ..scaled }, base);
    assert!(!restored(json!({ "DeletionProtection": "true" })).deletion_protection);
    let other = restored(json!({ "Port": "5433", "BackupRetentionPeriod": "5", "AssociatedRoles": [] }));
    assert_eq!((other.port, other.backup_retention, other.roles), (Some(5433), Some(5), Vec::new()));
}

#[test]
fn what_a_clone_says_of_its_password_is_no_secret() {
    let secret = "/aurora-clone-manager/";
    for (others, mode, key) in [
        (json!({}), "own", Some("aws")),
        (json!({ "KmsKeyId": "alias/mine" }), "own", Some("alias/mine")),
        (json!({ "ForceCreateKmsKey": "true" }), "own", Some("made")),
        (json!({ "ManageMasterUserPassword": "true" }), "managed", Some("aws")),
        (
            json!({ "ManageMasterUserPassword": "true", "KmsKeyId": "alias/mine" }),
            "managed",
            Some("alias/mine"),
        ),
        (json!({ "SetPassword": "false" }), "source", None),
    ] {
        let plan = choose(&asked(others), &[root()], &generous());
        let [Action::Restore(restore)] = plan.actions.as_slice() else { panic!("{plan:?}") };
        let tag = |key: &str| restore.tags.get(key).map(String::as_str);
        assert_eq!((tag(tag::PASSWORD), tag(tag::KEY)), (Some(mode), key));
        assert_eq!(tag(tag::SECRET).is_some_and(|name| name.starts_with(secret)), mode == "own");
    }
}

/// The name of a secret and that of a key are written down in tags, and RDS takes 256 characters there.
#[test]
fn the_longest_names_fit_into_tags() {
    let arn = "arn:aws:kms:eu-west-1:123456789012:alias/";
    let mut taken = 0;
    for length in 150..=250 {
        let id = format!("clone-{}", "x".repeat(57));
        let prefix = format!("{:x<length$}", "/aurora-clone-manager/");
        let key = format!("{arn}{}", "k".repeat(length));
        for others in [json!({ "SecretPrefix": prefix }), json!({ "KmsKeyId": key })] {
            let mut properties = others;
            (properties["SourceClusterId"], properties["ClusterId"]) = (json!("prod"), json!(id));
            if Properties::parse(&properties, &place(), &generous()).is_err() {
                continue;
            }
            taken += 1;
            let (_, choice) = choice(&properties);
            let [Action::Restore(restore)] = choice.plan.actions.as_slice() else { panic!("{choice:?}") };
            let long = restore.tags.iter().find(|(_, value)| value.chars().count() > 256);
            assert_eq!(long, None, "{properties}");
        }
    }
    assert!(taken > 50);
}

#[test]
fn a_failed_replacement_keeps_the_name_of_what_was_there() {
    let old = place().cluster_arn("clone-old");
    let wanted = Wanted { failed_id: old.clone(), ..wanted("gone") };
    let plan =
        create::choose(&wanted, &[cluster("prod")], &[], &settings(15, 1), &Rules::default(), time()).plan;
    let decision = refused(&plan, &["no such Aurora cluster"]);
    assert_eq!(decision.physical_id, old);
    assert!(matches!(decision.events.as_slice(), [event] if event.detail["requestType"] == "Update"));
}

//! What authors and operators ask for is read, refused by name, or obeyed; nothing is ignored.

use aurora_clone_core::arn::Place;
use aurora_clone_core::duration::parse_duration;
use aurora_clone_core::names::{env, tag};
use aurora_clone_core::properties::Properties;
use aurora_clone_core::properties::table::TABLE;
use aurora_clone_core::settings::Settings;
use aurora_clone_sim::World;
use aurora_clone_sim::rds::SeedCluster;
use aurora_clone_tests::{House, MANAGER, copy, prod, settings};
use chrono::Duration;
use serde_json::json;

use super::{PLAIN, by_hand_clones, changes, clone_of, created, expect, fails, file, house, output, quick};

/// The settings that an environment gives, beside the manager's name.
fn read(name: &str, value: &str) -> Result<Settings, String> {
    let read = Settings::read(|asked| match asked {
        _ if asked == name => Some(value.to_owned()),
        env::MANAGER => Some(MANAGER.to_owned()),
        _ => None,
    });
    read.map_err(|error| error.to_string())
}

/// The predecessor took the mark "invalid" for true, so that its check never said no.
#[test]
fn p15_every_check_can_say_no() {
    checks_say_no();
}

#[test]
fn defect_22_invalid_settings_and_properties_are_refused() {
    checks_say_no();
}

fn checks_say_no() {
    for (name, value) in [
        (env::MANAGER, "a b"),
        (env::NAME_PREFIX, "Clone_"),
        (env::MAX_CLONES_PER_SOURCE, "16"),
        (env::SLOT_MARGIN, "15"),
        (env::MAX_COPY_AGE, "3"),
        (env::FULL_COPY_TIME, "three hours"),
        (env::MAX_LEASE, "-P1D"),
        (env::DEFAULT_SECRET_PREFIX, "a b"),
        (env::ALLOW_SOURCE_PASSWORD, "yes"),
    ] {
        let error = read(name, value).expect_err(name);
        assert!(error.contains(name) && error.contains(value), "{error}");
    }
    let place = Place::of_stack("arn:aws:cloudformation:eu-west-1:123456789012:stack/web/1").unwrap();
    for (name, _) in TABLE {
        let mut properties = json!({ "SourceClusterId": "prod" });
        properties[name] = json!({ "x": [[7]] });
        let problems = Properties::parse(&properties, &place, &settings(&[])).expect_err(name);
        assert!(problems.iter().any(|problem| problem.to_string().contains(name)), "{name}: {problems:?}");
    }
}

fn a_root_without_a_slot_and_a_copy_of_two_hours(world: &mut World) {
    by_hand_clones(world, "prod", 15);
    let time = world.now() - Duration::hours(2);
    world.rds.seed_cluster(copy("clone-pool-1", "prod", time));
}

/// The predecessor's template set `MAX_AGE` and its code read `MAX_COPY_AGE`.
#[tokio::test(start_paused = true)]
async fn p17_max_copy_age_is_one_name_that_is_set_read_and_obeyed() {
    max_copy_age_has_effect().await;
}

#[tokio::test(start_paused = true)]
async fn defect_01_the_operators_max_copy_age_has_effect() {
    max_copy_age_has_effect().await;
}

async fn max_copy_age_has_effect() {
    let template = file("template/template.yaml");
    let set = format!("\n          {}: !Ref MaxCopyAge\n", env::MAX_COPY_AGE);
    assert!(template.contains(&set) && !template.contains(" MAX_AGE:"));
    for (age, usable) in [("PT1H", false), ("PT3H", true), ("P3D", true)] {
        let operator = [(env::MAX_COPY_AGE, age), (env::SLOT_MARGIN, "0")];
        let house = House::operated(quick(), &operator, a_root_without_a_slot_and_a_copy_of_two_hours);
        if usable {
            created(&house, "web", PLAIN).await;
            assert!(output(&house, "web", "SourceArn").ends_with(":clone-pool-1"));
        } else {
            fails(
                &house,
                "web",
                PLAIN,
                &["clone-pool-1 (0 used, 15 free): data is too old", "MaxCopyAge is 1 h"],
            )
            .await;
        }
        house.close().await;
    }
}

/// The predecessor read `SecretpPrefix`, and ignored whatever it did not know.
#[tokio::test(start_paused = true)]
async fn p18_no_property_is_ignored() {
    prefixes_in_both_spellings_and_nothing_else().await;
}

#[tokio::test(start_paused = true)]
async fn defect_02_secret_prefix_in_both_spellings() {
    prefixes_in_both_spellings_and_nothing_else().await;
}

async fn prefixes_in_both_spellings_and_nothing_else() {
    let house = house();
    for (stack, name) in [("new", "SecretPrefix"), ("old", "SecretpPrefix")] {
        let clone = created(&house, stack, &format!("{PLAIN}\n{name}: /aurora-clone-manager/team/")).await;
        let secret = clone.tags[tag::SECRET].clone();
        assert!(secret.starts_with("/aurora-clone-manager/team/"), "{name}: {secret}");
        assert!(house.look(|world| world.secrets.secret(&secret).is_some()));
    }
    let before = changes(&house).len();
    for (number, name) in ["SecretPrefx", "secretPrefix", "Secret"].into_iter().enumerate() {
        let more = format!("{PLAIN}\n{name}: x");
        fails(&house, &format!("typo-{number}"), &more, &[name, "is not a property", "nearest is"]).await;
    }
    let both =
        format!("{PLAIN}\nSecretPrefix: /aurora-clone-manager/a\nSecretpPrefix: /aurora-clone-manager/b");
    fails(&house, "both", &both, &["SecretPrefix", "SecretpPrefix", "give one of them"]).await;
    assert_eq!(changes(&house).len(), before);
    house.close().await;
}

/// CloudFormation sends "false", which the predecessor took for true.
#[tokio::test(start_paused = true)]
async fn p19_false_is_false() {
    false_is_false().await;
}

#[tokio::test(start_paused = true)]
async fn defect_03_false_turns_off_what_true_turns_on() {
    false_is_false().await;
}

async fn false_is_false() {
    let operator =
        [(env::ALLOW_SOURCE_PASSWORD, "true"), (env::SLOT_MARGIN, "0"), (env::FULL_COPY_TIME, "PT1M")];
    let mut config = quick();
    config.rds.full_copy_seconds = 60..=60;
    let house = House::operated(config, &operator, |_| {});
    let secrets = || house.look(|world| world.secrets.iter().count());
    let keys = || house.look(|world| world.kms.keys().filter(|key| !key.is_managed).count());
    let ask = |more: &str| format!("{PLAIN}\n{more}");
    for (n, word) in ["false", "'false'", "False"].into_iter().enumerate() {
        if word == "False" {
            // Neither of the two words that a YAML author and CloudFormation have for it.
            fails(&house, "capital", &ask("SetPassword: 'False'"), &["SetPassword", "true or false"]).await;
            continue;
        }
        let clone = created(&house, &format!("source-{n}"), &ask(&format!("SetPassword: {word}"))).await;
        assert!(house.look(|world| world.rds.shares_password_with_source(&clone.id)));
        assert_eq!((secrets(), clone.tags[tag::PASSWORD].as_str()), (0, "source"));
    }
    created(&house, "own", &ask("SetPassword: true\nForceCreateKmsKey: false")).await;
    assert_eq!((secrets(), keys()), (1, 0));
    created(&house, "key", &ask("ForceCreateKmsKey: true")).await;
    assert_eq!((secrets(), keys()), (2, 1));
    let clone =
        created(&house, "rds", &ask("ManageMasterUserPassword: false\nDeletionProtection: false")).await;
    assert!(clone.managed_secret.is_none() && !clone.deletion_protection);
    house.sim.with(|world| by_hand_clones(world, "prod", 15));
    fails(&house, "full", &ask("CopyOk: false"), &["no free slot"]).await;
    created(&house, "copy", &ask("CopyOk: true")).await;
    assert_eq!(output(&house, "copy", "RestoreType"), "full-copy");
    house.close().await;
}

/// The predecessor rebuilt the clone at nearly every update, and asked nobody's limits.
#[tokio::test(start_paused = true)]
async fn defect_12_an_update_changes_what_it_must_within_the_operators_limits() {
    let operator = [(env::ALLOWED_INSTANCE_CLASSES, "db.serverless, db.t4g.*"), (env::SLOT_MARGIN, "0")];
    let house = House::operated(quick(), &operator, |_| {});
    let clone = created(&house, "web", PLAIN).await;
    for more in
        ["Tags:\n  team: a", "OnNoSlot: Wait", "InstanceClass: db.t4g.medium", "BackupRetentionPeriod: 3"]
    {
        house.update("web", &format!("{PLAIN}\n{more}"));
        expect(&house, "web", "UPDATE_COMPLETE").await;
        assert_eq!(clone_of(&house, "web").resource_id, clone.resource_id, "{more}");
    }
    let (before, class) = (changes(&house).len(), output(&house, "web", "InstanceClass"));
    house.update("web", &format!("{PLAIN}\nInstanceClass: db.r6g.16xlarge"));
    expect(&house, "web", "UPDATE_ROLLBACK_COMPLETE").await;
    assert!(house.story("web").contains("ALLOWED_INSTANCE_CLASSES"), "{}", house.story("web"));
    assert_eq!((changes(&house).len(), output(&house, "web", "InstanceClass")), (before, class));
    house.close().await;
    assert_eq!(house.ever_made(), 1);
}

/// The predecessor named no network and no group, so that RDS took its defaults.
#[tokio::test(start_paused = true)]
async fn defect_16_a_clone_is_set_up_as_its_source_or_as_its_author_says() {
    let house = House::with(quick(), 0, |world| world.rds.seed_subnet_group("isolated"));
    let root = house.look(|world| world.rds.cluster("prod").unwrap().clone());
    let like = created(&house, "like", PLAIN).await;
    assert_eq!(
        (&like.subnet_group, &like.security_groups, &like.parameter_group, like.port, like.iam_auth),
        (&root.subnet_group, &root.security_groups, &root.parameter_group, root.port, root.iam_auth)
    );
    assert!(like.scaling.is_some());
    let groups = "VpcSecurityGroupIds: [sg-0aaaaaaaaaaaaaaaa]\nDBSubnetGroupName: isolated";
    let own = created(&house, "own", &format!("{PLAIN}\n{groups}\nPort: 6432")).await;
    assert_eq!(
        (own.security_groups, own.subnet_group.as_str(), own.port),
        (vec!["sg-0aaaaaaaaaaaaaaaa".to_owned()], "isolated", 6432)
    );
    house.look(|world| {
        let members = world.rds.instances_of(&own.id).chain(world.rds.instances_of(&like.id));
        assert!(members.into_iter().all(|member| !member.publicly_accessible));
    });
    fails(&house, "none", &format!("{PLAIN}\nVpcSecurityGroupIds: []"), &["VpcSecurityGroupIds"]).await;
    house.close().await;
}

/// The predecessor's copies each ran a large instance; what nobody asks for costs little here.
#[tokio::test(start_paused = true)]
async fn defect_20_an_instance_that_nobody_asked_for_costs_little() {
    for (version, class) in [("16.4", "db.serverless"), ("12.9", "db.t4g.medium")] {
        let house = House::with(quick(), 0, |world| {
            let seed =
                SeedCluster { engine_version: version.to_owned(), parameter_group: None, ..prod("db") };
            world.rds.seed_cluster(seed);
        });
        let clone = created(&house, "web", "SourceClusterId: db").await;
        assert_eq!(output(&house, "web", "InstanceClass"), class);
        if class == "db.serverless" {
            assert_eq!(clone.scaling.map(|scaling| scaling.min), Some(0.0), "it pauses");
        }
        house.close().await;
    }
}

/// The predecessor's clones had one instance and no end, and only one engine was ever tried.
#[tokio::test(start_paused = true)]
async fn defect_21_several_instances_a_lease_and_both_engines() {
    let mysql = |world: &mut World| {
        world.rds.seed_cluster(SeedCluster {
            engine: "aurora-mysql".to_owned(),
            engine_version: "8.0.mysql_aurora.3.08.0".to_owned(),
            parameter_group: None,
            ..prod("mysql")
        });
    };
    let house = House::operated(quick(), &[(env::MAX_LEASE, "P7D"), (env::SLOT_MARGIN, "0")], mysql);
    for source in ["prod", "mysql"] {
        let wishes = format!("SourceClusterId: {source}\nInstanceCount: 3\nExpiresAfter: P2D");
        let clone = created(&house, source, &wishes).await;
        assert_eq!(house.look(|world| world.rds.instances_of(&clone.id).count()), 3);
        assert!(clone.tags.contains_key(tag::EXPIRES) && clone.tags[tag::LEASE] == "P2D");
        assert_eq!(output(&house, source, "InstanceIds").split(',').count(), 3);
    }
    assert!(created(&house, "unasked", PLAIN).await.tags[tag::LEASE] == "P7D");
    fails(&house, "long", &format!("{PLAIN}\nExpiresAfter: P30D"), &["ExpiresAfter", "MAX_LEASE"]).await;
    house.close().await;
}

/// The predecessor's README said `MaxCopyAge=3`, which its parser would have refused.
#[test]
fn defect_23_the_durations_that_the_documents_give_are_read() {
    let is_duration = |text: &&str| {
        text.starts_with('P')
            && text.len() > 2
            && text.chars().any(|c| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || "PTDHMSW".contains(c))
    };
    let readme = file("README.md");
    let given: Vec<&str> = readme.split('`').filter(is_duration).collect();
    assert!(given.contains(&"P3D") && given.len() >= 3, "{given:?}");
    for text in given {
        assert!(parse_duration(text).is_ok(), "{text}");
    }
    let template = file("template/template.yaml");
    let default = template
        .split("  MaxCopyAge:\n")
        .nth(1)
        .unwrap()
        .lines()
        .find_map(|line| line.trim().strip_prefix("Default: "));
    assert_eq!(default, Some("P3D"));
    assert!(parse_duration("3").is_err());
    let rows = || readme.lines().filter(|line| line.contains("`MaxCopyAge`"));
    assert!(rows().any(|line| line.contains("`P3D`")) && !readme.contains("MaxCopyAge=3"));
}

/// The predecessor's example passed an instance class for a number of clones. Ours is deployed by a test, and such a value is refused.
#[tokio::test(start_paused = true)]
async fn defect_24_the_example_works_and_a_value_in_the_wrong_place_is_named() {
    for name in [env::MAX_CLONES_PER_SOURCE, env::SLOT_MARGIN] {
        let error = read(name, "db.r4.large").expect_err(name);
        assert!(error.contains(name) && error.contains("takes a number"), "{error}");
    }
    // The example that we ship, deployed: only where the function is has to be said in another way.
    let import = "\n        Fn::ImportValue: !Sub \"${CloneManagerStack}-LambdaArn\"\n";
    let example = file("example/several-clones.yaml");
    assert_eq!(example.matches(import).count(), 3);
    let example = example
        .replace(import, " !Ref Manager\n")
        .replacen("Parameters:\n", "Parameters:\n  Manager:\n    Type: String\n", 1)
        .replacen(
            "  SourceClusterId:\n    Type: String\n",
            "  SourceClusterId:\n    Type: String\n    Default: prod\n",
            1,
        );
    let house = house();
    house.create_stack("my-clones", &example);
    expect(&house, "my-clones", "CREATE_COMPLETE").await;
    assert_eq!(house.ours().len(), 3);
    house.delete("my-clones");
    expect(&house, "my-clones", "DELETE_COMPLETE").await;
    house.close().await;
}

//! The password of a clone is its own, and who may read it is named.

use std::collections::BTreeSet;

use aurora_clone_core::names::{env, tag};
use aurora_clone_sim::cloudformation::StackOptions;
use aurora_clone_sim::rds::{Outcome, SeedCluster};
use aurora_clone_sim::{Config, World};
use aurora_clone_tests::{House, MANAGER_KEY, clone_template, prod};
use chrono::Duration;
use serde_json::Value;

use super::scene::{
    OPERATOR, OUTSIDER, READER, STORAGE_KEY, Scene, answers, create_with, created, deleted, first, lines,
    log, output,
};

/// The secret of the stack `web`, as JSON.
fn secret(house: &House) -> Value {
    let arn = output(house, "PasswordSecret");
    house.look(|world| serde_json::from_str(world.secrets.secret(&arn).unwrap().value().unwrap()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_clone_has_a_password_of_its_own_in_a_secret_of_its_own() {
    let house = Scene::Rich.open();
    let clone = created(&house, &lines(&[])).await;
    assert_ne!(clone.password, "password-of-main");
    assert_eq!(secret(&house)["password"], clone.password);
    let tags = house.look(|world| world.rds.cluster(&clone.id).unwrap().tags.clone());
    let secret = house.look(|world| world.secrets.secret(&tags[tag::SECRET]).unwrap().clone());
    assert_eq!(output(&house, "PasswordSecret"), secret.arn);
    assert!(secret.name.starts_with(&format!("/aurora-clone-manager/{}/", clone.id)), "{}", secret.name);
    assert_eq!((secret.kms_key_id, output(&house, "KmsKeyId").as_str()), (None, "alias/aws/secretsmanager"));
    deleted(&house).await;
}

#[tokio::test(start_paused = true)]
async fn the_secret_has_the_structure_that_aws_documents_for_rds() {
    for database in [None, Some("shop")] {
        let house = House::operated(Config::default(), OPERATOR, |world: &mut World| {
            world.rds.seed_cluster(SeedCluster { port: Some(5_544), ..prod("main") });
            world.rds.change("main", |cluster| cluster.database_name = database.map(str::to_owned));
        });
        let clone = created(&house, &lines(&[])).await;
        let secret = secret(&house);
        let keys: BTreeSet<&str> = secret.as_object().unwrap().keys().map(String::as_str).collect();
        let mut wanted =
            BTreeSet::from(["engine", "host", "port", "username", "password", "dbClusterIdentifier"]);
        wanted.extend(database.map(|_| "dbname"));
        assert_eq!(keys, wanted);
        assert_eq!(secret["host"].as_str(), Some(output(&house, "Endpoint").as_str()));
        assert_eq!((&secret["port"], &secret["username"]), (&5_544.into(), &"dba".into()));
        assert_eq!(
            (&secret["engine"], &secret["dbClusterIdentifier"]),
            (&"aurora-postgresql".into(), &clone.id.into())
        );
        assert_eq!(secret["dbname"].as_str(), database);
        assert_eq!(output(&house, "DatabaseName"), database.unwrap_or_default());
    }
}

#[tokio::test(start_paused = true)]
async fn the_secrets_key_is_aws_own_the_operators_the_given_or_a_made_one() {
    let operator = [OPERATOR, &[(env::DEFAULT_PASSWORD_SECRET_KMS_KEY_ID, "alias/team")]].concat();
    for (operator, given, key) in [
        (OPERATOR, "KmsKeyId: alias/team", "alias/team"),
        (&operator, "", "alias/team"),
        (&operator, "KmsKeyId: 0000aaaa-0000-0000-0000-000000000009", "refused"),
        (&operator, "ForceCreateKmsKey: true", "made"),
        (OPERATOR, "ForceCreateKmsKey: true", "made"),
    ] {
        let house = Scene::Rich.operated(operator, |_| {});
        if key == "refused" {
            let why = "KMS"; // The key does not exist, and nothing that was made stays.
            super::scene::refused(&house, &lines(&[given]), &[why, "is being deleted"]).await;
            continue;
        }
        created(&house, &lines(&[given])).await;
        let is = output(&house, "KmsKeyId");
        if key == "made" {
            let made = house.look(|world| world.kms.key(&is).unwrap().clone());
            assert_eq!((made.created_by.as_str(), made.deletion_date), (MANAGER_KEY, None));
        } else {
            assert_eq!(is, key, "{given}");
        }
        deleted(&house).await;
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_are_named_may_read_and_nobody_else() {
    let house = Scene::Rich.open();
    created(&house, &lines(&[&format!("AccessPrincipalArns: ['{READER}']\nForceCreateKmsKey: true")])).await;
    let (secret, key) = (output(&house, "PasswordSecret"), output(&house, "KmsKeyId"));
    house.look(|world| {
        assert!(world.secrets.may_read(READER, &secret));
        assert!(!world.secrets.may_read(OUTSIDER, &secret));
        let policy = &world.kms.key(&key).unwrap().policy;
        assert!(policy.contains(READER) && policy.contains("kms:ViaService"), "{policy}");
        assert!(!policy.contains(OUTSIDER) && !policy.contains("\"AWS\":\"*\""), "{policy}");
        assert!(!world.kms.may(OUTSIDER, "kms:Decrypt", &key));
    });
    deleted(&house).await;
    let house = Scene::Rich.open();
    created(&house, &lines(&[])).await;
    let secret = output(&house, "PasswordSecret");
    assert!(house.look(|world| world.secrets.secret(&secret).unwrap().policy.is_none()));
}

#[tokio::test(start_paused = true)]
async fn the_secret_that_rds_keeps_is_active_before_success() {
    for (given, key) in
        [("", "alias/aws/secretsmanager"), (&format!("\nKmsKeyId: {STORAGE_KEY}"), STORAGE_KEY)]
    {
        let house = Scene::Rich.operated(OPERATOR, |config| config.rds.managed_secret_seconds = 900..=900);
        let clone = created(&house, &lines(&[&format!("ManageMasterUserPassword: true{given}")])).await;
        let log = log(&house);
        let asked = log[first(&log, "ModifyDBCluster", "ManageMasterUserPassword=true").unwrap()].at;
        let told = log[first(&log, "PutObject", "SUCCESS").unwrap()].at;
        assert!(told - asked >= Duration::seconds(900), "{asked} {told}");
        house.look(|world| {
            let managed = world.rds.managed_secret_of(&clone.id).unwrap();
            assert_eq!(
                (managed.status.as_str(), &managed.arn),
                ("active", &output_of(world, "PasswordSecret"))
            );
            assert_eq!(managed.kms_key, output_of(world, "KmsKeyId"));
            assert!(
                key == "alias/aws/secretsmanager" || managed.kms_key.ends_with(key),
                "{}",
                managed.kms_key
            );
            assert!(!world.rds.shares_password_with_source(&clone.id));
            assert_eq!(world.secrets.iter().count(), 0, "none of ours");
        });
        deleted(&house).await;
    }
}

fn output_of(world: &World, name: &str) -> String {
    world.cloudformation.resource("web", "Clone").unwrap().data[name].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_clone_keeps_its_sources_password_only_where_the_operator_lets_it() {
    let house = Scene::Rich.operated(&[(env::SLOT_MARGIN, "0")], |_| {});
    super::scene::refused(
        &house,
        &lines(&["SetPassword: false"]),
        &["SetPassword is", env::ALLOW_SOURCE_PASSWORD],
    )
    .await;
    let house = Scene::Rich.open();
    let clone = created(&house, &lines(&["SetPassword: false"])).await;
    assert!(house.look(|world| world.rds.shares_password_with_source(&clone.id)));
    assert_eq!(
        (output(&house, "PasswordSecret"), output(&house, "KmsKeyId")),
        (String::new(), String::new())
    );
    deleted(&house).await;
}

/// What a template gives, and how its password comes to fail.
type Failing = (&'static str, fn(&mut Config));

#[tokio::test(start_paused = true)]
async fn a_clone_whose_password_cannot_be_set_is_taken_down_before_anybody_is_told() {
    let outcomes: [Failing; 3] = [
        ("ForceCreateKmsKey: true", |config| config.rds.password_reset = Outcome::RefusedAlways),
        ("ForceCreateKmsKey: true", |config| config.rds.password_reset = Outcome::Lost),
        ("ManageMasterUserPassword: true", |config| config.rds.managed_secret_status = "impaired"),
    ];
    for (given, outcome) in outcomes {
        let house = Scene::Rich.operated(OPERATOR, outcome);
        let template = clone_template(&lines(&[given]));
        create_with(&house, "web", &template, &StackOptions::disable_rollback());
        assert_eq!(house.settled("web").await, "CREATE_FAILED", "{}", house.story("web"));
        let log = log(&house);
        let asked = first(&log, "DeleteDBCluster", "DBClusterIdentifier=clone-main").unwrap();
        assert!(asked < first(&log, "PutObject", "FAILED").unwrap(), "{given}");
        let reason = answers(&house)[0]["Reason"].as_str().unwrap().to_owned();
        assert!(reason.contains("is being deleted"), "{reason}");
        house.sim.sleep(Duration::minutes(30)).await;
        assert!(house.ours().is_empty(), "{given}");
        house.look(|world| {
            assert_eq!(
                world.secrets.iter().filter(|secret| secret.deleted_at.is_none()).count(),
                0,
                "{given}"
            );
            let made = world.kms.keys().filter(|key| key.created_by == MANAGER_KEY);
            assert_eq!(made.filter(|key| key.deletion_date.is_none()).count(), 0, "{given}");
        });
        deleted(&house).await;
    }
}

#[tokio::test(start_paused = true)]
async fn secrets_and_keys_go_with_their_clone_even_if_it_was_removed_by_hand() {
    for by_hand in [true, false] {
        let house = Scene::Rich.open();
        let clone = created(&house, &lines(&["ForceCreateKmsKey: true"])).await;
        let (secret, key) = (output(&house, "PasswordSecret"), output(&house, "KmsKeyId"));
        if by_hand {
            house.sim.with(|world| world.rds.vanish(&clone.id));
        }
        deleted(&house).await;
        house.look(|world| {
            let gone = |s: &&aurora_clone_sim::secrets::Secret| s.arn == secret && s.deleted_at.is_some();
            assert!(world.secrets.history().iter().any(|s| gone(&s)), "{by_hand}");
            let key = world.kms.key(&key).unwrap();
            assert!(key.deletion_date.is_some() && key.aliases.is_empty(), "{by_hand}");
        });
    }
}

use aurora_clone_sim::rds::{Outcome, SeedCluster, SeedInstance, Settings};
use chrono::Duration;

use crate::room::{MANAGER, Room, STRANGER, element, elements, seed, settings};

const MODIFY: &str = "ModifyDBCluster";
const ID: (&str, &str) = ("DBClusterIdentifier", "prod");
const NOW: (&str, &str) = ("ApplyImmediately", "true");
const MANAGE: (&str, &str) = ("ManageMasterUserPassword", "true");
const UNMANAGE: (&str, &str) = ("ManageMasterUserPassword", "false");
const PASSWORD: (&str, &str) = ("MasterUserPassword", "brand-new");
const KEY: (&str, &str) = ("MasterUserSecretKmsKeyId", "1");
const COMBINATION: &str = "InvalidParameterCombination";

fn secret_status(room: &Room, id: &str) -> String {
    room.world.rds.managed_secret_of(id).map_or_else(String::new, |secret| secret.status.clone())
}

#[test]
fn a_managed_password_is_a_new_one_in_a_secret() {
    let mut room = Room::with_prod();
    let made = room.ok_as(STRANGER, MODIFY, &[ID, MANAGE, KEY]);
    for (name, value) in [
        ("Status", "resetting-master-credentials"),
        ("MasterUserPassword", "****"),
        ("SecretStatus", "creating"),
        ("KmsKeyId", "arn:aws:kms:eu-west-1:123456789012:key/1"),
    ] {
        assert_eq!(element(&made, name), value);
    }
    let arn = element(&made, "SecretArn");
    let name = arn.strip_prefix("arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!cluster-").unwrap();
    assert_eq!(name.len(), 36 + 1 + 6, "{name}");
    let secret = room.world.rds.managed_secret_of("prod").unwrap().clone();
    assert!(!made.contains(&secret.password) && secret.password.len() == 28);
    assert_eq!(room.world.rds.password_of("prod"), Some("password-of-prod"));

    room.wait(Duration::seconds(19));
    assert_eq!(secret_status(&room, "prod"), "creating");
    room.wait(Duration::seconds(71));
    let shown = room.ok("DescribeDBClusters", &[ID]);
    assert_eq!((element(&shown, "SecretArn"), element(&shown, "SecretStatus")), (arn, "active".into()));
    assert_eq!(room.world.rds.password_of("prod"), Some(secret.password.as_str()));
    assert_eq!(element(&shown, "PendingModifiedValues"), "");
    // Once more is no change.
    let again = room.ok_as(STRANGER, MODIFY, &[ID, MANAGE]);
    assert_eq!(
        (element(&again, "Status"), element(&again, "SecretStatus")),
        ("available".into(), "active".into())
    );
}

#[test]
fn who_manages_a_password_must_be_clear() {
    let mut room = Room::with_prod();
    for more in
        [vec![MANAGE, PASSWORD], vec![KEY], vec![UNMANAGE], vec![UNMANAGE, PASSWORD], vec![PASSWORD, KEY]]
    {
        room.refused(400, COMBINATION, MODIFY, &[&[ID], &more[..]].concat());
    }
    room.world.rds.break_key("2");
    let broken = ("MasterUserSecretKmsKeyId", "2");
    room.refused(400, "KMSKeyNotAccessibleFault", MODIFY, &[ID, MANAGE, broken]);
    assert!(room.world.rds.managed_secret_of("prod").is_none());

    room.world.rds.seed_cluster(SeedCluster { managed_password: true, ..seed("prod") });
    assert_eq!(element(&room.ok("DescribeDBClusters", &[ID]), "SecretStatus"), "active");
    assert_eq!(room.world.rds.managed_secret_of("prod").unwrap().password, "password-of-prod");
    for more in [vec![PASSWORD], vec![UNMANAGE], vec![MANAGE, KEY], vec![MANAGE, PASSWORD]] {
        room.refused(400, COMBINATION, MODIFY, &[&[ID], &more[..]].concat());
    }
    let made = room.ok_as(STRANGER, MODIFY, &[ID, UNMANAGE, PASSWORD]);
    assert_eq!(element(&made, "MasterUserSecret"), "");
    room.wait(Duration::minutes(1));
    assert_eq!(room.world.rds.password_of("prod"), Some("brand-new"));
}

#[test]
fn a_secret_waits_for_an_instance() {
    let mut room = Room::new();
    room.world.rds.seed_cluster(SeedCluster { instances: 0, ..seed("prod") });
    room.ok_as(STRANGER, MODIFY, &[ID, MANAGE]);
    room.wait(Duration::hours(1));
    assert_eq!((room.status("prod"), secret_status(&room, "prod").as_str()), ("available", "creating"));
    room.add_instance(STRANGER, "prod-1", "prod");
    while room.instance_status("prod-1") == "creating" {
        assert_eq!(secret_status(&room, "prod"), "creating");
        room.wait(Duration::seconds(1));
    }
    room.wait(Duration::seconds(18));
    assert_eq!(secret_status(&room, "prod"), "creating");
    room.wait(Duration::seconds(72));
    assert_eq!(secret_status(&room, "prod"), "active");

    room.world.rds.seed_cluster(SeedCluster { instances: 0, ..seed("other") });
    room.ok_as(STRANGER, MODIFY, &[("DBClusterIdentifier", "other"), MANAGE]);
    room.world.rds.add_instance(SeedInstance {
        id: "other-1".into(),
        cluster: "other".into(),
        ..SeedInstance::default()
    });
    room.wait(Duration::seconds(90));
    assert_eq!(secret_status(&room, "other"), "active");
}

#[test]
fn a_secret_goes_with_its_cluster_and_not_with_a_clone() {
    let mut room = Room::new();
    room.world.rds.seed_cluster(SeedCluster { managed_password: true, ..seed("prod") });
    let made = room.clone_of(MANAGER, "kid", "prod");
    assert_eq!(element(&made, "MasterUserSecret"), "");
    assert_eq!(room.world.rds.password_of("kid"), Some("password-of-prod"));
    room.world.rds.vanish("prod");
    assert!(room.world.rds.managed_secret_of("prod").is_none());

    // What some have seen: a restored cluster shows its source's secret, which is not its own.
    let mut room = Room::with(Settings { restore_shows_sources_secret: true, ..settings() });
    room.world.rds.seed_cluster(SeedCluster { managed_password: true, ..seed("prod") });
    let secret = room.world.rds.managed_secret_of("prod").unwrap().arn.clone();
    assert_eq!(element(&room.clone_of(MANAGER, "kid", "prod"), "SecretArn"), secret);
    assert!(room.world.rds.managed_secret_of("kid").is_none());
    room.wait(Duration::minutes(4));
    let kid = ("DBClusterIdentifier", "kid");
    room.refused(400, COMBINATION, MODIFY, &[kid, UNMANAGE, PASSWORD]);
    assert_ne!(element(&room.ok(MODIFY, &[kid, MANAGE]), "SecretArn"), secret);
}

#[test]
fn a_secret_may_end_up_impaired() {
    let mut room = Room::with(Settings { managed_secret_status: "impaired", ..settings() });
    room.world.rds.seed_cluster(seed("prod"));
    room.ok_as(STRANGER, MODIFY, &[ID, MANAGE]);
    room.wait(Duration::hours(1));
    assert_eq!(element(&room.ok("DescribeDBClusters", &[ID]), "SecretStatus"), "impaired");
}

#[test]
fn a_password_reset_may_be_refused_or_get_lost() {
    for change in [PASSWORD, MANAGE] {
        let mut room = Room::with(Settings { password_reset: Outcome::RefusedAlways, ..settings() });
        room.world.rds.seed_cluster(seed("prod"));
        room.refused(400, "InvalidParameterValue", MODIFY, &[ID, change]);
        assert!(room.world.rds.managed_secret_of("prod").is_none());

        let mut room = Room::with(Settings { password_reset: Outcome::Lost, ..settings() });
        room.world.rds.seed_cluster(seed("prod"));
        let made = room.ok_as(STRANGER, MODIFY, &[ID, change]);
        assert_eq!(element(&made, "Status"), "resetting-master-credentials");
        room.wait(Duration::days(1));
        let shown = room.ok("DescribeDBClusters", &[ID]);
        assert_eq!(element(&shown, "Status"), "available");
        assert_eq!(elements(&shown, "PendingModifiedValues").len(), 1);
        assert_eq!(room.world.rds.password_of("prod"), Some("password-of-prod"));
        // When AWS has recovered, another change does it.
        room.world.config.rds.password_reset = Outcome::Works;
        if change == PASSWORD {
            room.ok_as(STRANGER, MODIFY, &[ID, NOW, PASSWORD]);
            room.wait(Duration::minutes(1));
            assert_eq!(room.world.rds.password_of("prod"), Some("brand-new"));
            assert!(!room.ok("DescribeDBClusters", &[ID]).contains("PendingModifiedValues"));
        }
    }
}

#[test]
fn a_copy_shares_its_sources_password_until_it_is_changed() {
    let mut room = Room::with_prod();
    room.clone_of(MANAGER, "kid", "prod");
    assert!(room.world.rds.shares_password_with_source("kid"));
    assert!(!room.world.rds.shares_password_with_source("prod"));
    assert_eq!(room.world.rds.cluster("kid").unwrap().truth.birth_password, "password-of-prod");
    // A change of the source's password does not change what the copy was born with.
    room.world.rds.change("prod", |prod| prod.password = "other".into());
    room.wait(Duration::minutes(4));
    assert!(room.world.rds.shares_password_with_source("kid"));
    room.ok(MODIFY, &[("DBClusterIdentifier", "kid"), PASSWORD]);
    assert!(room.world.rds.shares_password_with_source("kid"), "not yet");
    room.wait(Duration::minutes(1));
    assert!(!room.world.rds.shares_password_with_source("kid"));
    assert!(!room.world.rds.shares_password_with_source("nothing"));
}

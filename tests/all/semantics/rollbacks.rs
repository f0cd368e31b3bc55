//! What an update that CloudFormation takes back leaves.

use aurora_clone_tests::House;
use chrono::Duration;

use super::cases;
use super::scene::{
    Clone, FAILS_AFTERWARDS, OPERATOR, Scene, created, deleted, fails_after, lines, template_with,
    update_with,
};

/// Updates the stack `web` in such a way that a sibling fails, and waits until everything was rolled back.
async fn rolled_back(house: &House, properties: &str, beside: &str) {
    update_with(house, "web", &template_with(properties, beside));
    assert_eq!(house.settled("web").await, "UPDATE_ROLLBACK_COMPLETE", "{}", house.story("web"));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_undoes_what_was_changed_in_place() {
    for name in ["InstanceClass", "VpcSecurityGroupIds", "Tags", "AccessPrincipalArns", "DeletionProtection"]
    {
        let (house, case) = (Scene::Rich.open(), cases::of(name));
        let before = created(&house, &lines(&[case.beside])).await;
        rolled_back(&house, &lines(&[case.beside, case.given]), FAILS_AFTERWARDS).await;
        Clone::of(&house).is_still(&before, name);
        assert_eq!(house.ever_made(), 1, "{name}");
        deleted(&house).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_of_a_replacement_goes_back_to_the_clone_that_was_there() {
    for reverse_update in [true, false] {
        for name in
            ["Port", "SourceClusterId", "SecretPrefix", "ForceCreateKmsKey", "ManageMasterUserPassword"]
        {
            let (case, why) = (cases::of(name), format!("{name}, reverse update: {reverse_update}"));
            let house = Scene::Rich.operated(OPERATOR, |config| {
                config.cloudformation.reverse_update_after_replacement = reverse_update;
            });
            let before = created(&house, &lines(&[case.beside])).await;
            rolled_back(&house, &lines(&[case.beside, case.given]), FAILS_AFTERWARDS).await;
            Clone::of(&house).is_still(&before, &why);
            assert_eq!((house.ours(), house.ever_made()), (vec![before.id.clone()], 2), "{why}");
            let secrets = house.look(|world| world.secrets.iter().filter(|s| s.deleted_at.is_none()).count());
            assert_eq!(secrets, 1, "{why}");
            let keys = |house: &House| {
                house.look(|world| {
                    let made =
                        world.kms.keys().filter(|key| key.created_by == aurora_clone_tests::MANAGER_KEY);
                    made.filter(|key| key.deletion_date.is_none()).count()
                })
            };
            assert_eq!(keys(&house), 0, "{why}");
            deleted(&house).await;
        }
    }
}

/// Whatever the replacement is at when its sibling fails: not begun, restored, without a password, or all but told.
#[tokio::test(start_paused = true)]
async fn an_update_that_is_cancelled_leaves_nothing_behind() {
    for seconds in [2, 70, 140, 240, 340, 440, 520, 580, 600, 613, 627, 641, 660] {
        let house = Scene::Rich.open();
        let before = created(&house, &lines(&[])).await;
        let template = template_with(&lines(&[cases::of("Port").given]), &fails_after(seconds));
        update_with(&house, "web", &template);
        // What was begun may be there for some minutes more, and then it is not.
        house.sim.sleep(Duration::hours(2)).await;
        let why = format!("after {seconds} s\n{}", house.story("web"));
        assert_eq!(house.settled("web").await, "UPDATE_ROLLBACK_COMPLETE", "{why}");
        Clone::of(&house).is_still(&before, &why);
        assert_eq!(house.ours(), [before.id.as_str()], "{why}");
        let secrets = house.look(|world| world.secrets.iter().filter(|s| s.deleted_at.is_none()).count());
        assert_eq!(secrets, 1, "{why}");
        deleted(&house).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_cancelled_half_way_goes_back() {
    for seconds in [2, 20, 60, 90] {
        let house = Scene::Rich.open();
        let before = created(&house, &lines(&[])).await;
        let given = "BackupRetentionPeriod: 5\nInstanceClass: db.r6g.large\nDescription: changed";
        rolled_back(&house, &lines(&[given]), &fails_after(seconds)).await;
        Clone::of(&house).is_still(&before, &format!("after {seconds} s"));
        deleted(&house).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_written_since_is_still_there_after_a_rollback() {
    let house = Scene::Rich.open();
    let before = created(&house, &lines(&[])).await;
    house.sim.with(|world| {
        // Stands for whatever was written: a rollback that made another clone would not have it.
        world.rds.set_tags(&before.id, [("written".to_owned(), "since".to_owned())]);
    });
    rolled_back(&house, &lines(&["Port: 6000"]), FAILS_AFTERWARDS).await;
    let after = Clone::of(&house);
    assert_eq!(after.resource_id, before.resource_id);
    assert!(after.shows(r#""written": "since""#));
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_is_asked_for_again_leaves_one_clone() {
    // While it is made, when it is all but told, and when everything is over.
    for seconds in [60, 600, 627, 700, 1_500] {
        let house = Scene::Rich.open();
        let before = created(&house, &lines(&[])).await;
        house.update("web", &lines(&["Port: 6000"]));
        house.sim.sleep(Duration::seconds(seconds)).await;
        let sent = house
            .sim
            .with(|world| world.settle(|services, cx| services.cloudformation.redeliver(cx, "web", "Clone")));
        assert!(sent || seconds > 700, "after {seconds} s");
        house.sim.sleep(Duration::hours(2)).await;
        let why = format!("after {seconds} s\n{}", house.story("web"));
        let after = Clone::of(&house);
        assert_eq!(house.ours(), [after.id.as_str()], "{why}");
        match house.status("web").as_str() {
            "UPDATE_COMPLETE" => assert_ne!(after.resource_id, before.resource_id, "{why}"),
            // The two requests are in each other's way, and the stack goes back.
            "UPDATE_ROLLBACK_COMPLETE" if seconds < 700 => after.is_still(&before, &why),
            status => panic!("{status} {why}"),
        }
        house.delete("web");
        assert_eq!(house.settled("web").await, "DELETE_COMPLETE", "{}", house.story("web"));
    }
}

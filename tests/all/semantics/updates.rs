//! What an update of each property does.

use aurora_clone_core::properties::table::{Class, TABLE};
use aurora_clone_tests::MANAGER_KEY;

use super::cases;
use super::scene::{
    Clone, INSIGHTS_KEY, OTHER_INSIGHTS_KEY, Scene, answers, changes, created, deleted, first, lines, log,
    updated,
};

fn of(class: Class) -> impl Iterator<Item = &'static str> {
    TABLE.into_iter().filter(move |(_, is)| *is == class).map(|(name, _)| name)
}

#[tokio::test(start_paused = true)]
async fn what_is_about_the_making_changes_nothing() {
    for name in of(Class::NoChange).chain(["FinalSnapshot", "ServiceTimeout"]) {
        let (house, given) = (Scene::Rich.open(), cases::of(name).given);
        let before = created(&house, &lines(&[])).await;
        let calls = changes(&house).len();
        updated(&house, &lines(&[given])).await.is_still(&before, name);
        updated(&house, &lines(&[])).await.is_still(&before, name);
        assert_eq!(changes(&house).len(), calls, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_be_changed_in_place_is_and_goes_back_exactly() {
    for case in of(Class::InPlace).map(cases::of) {
        let (house, name) = (case.scene.open(), case.property);
        let before = created(&house, &lines(&[case.beside])).await;
        assert!(!before.shows(case.shows), "{name}");
        let after = updated(&house, &lines(&[case.beside, case.given])).await;
        assert!(after.shows(case.shows), "{name}: no {} in {}", case.shows, after.state);
        let same =
            |clone: &Clone| (clone.physical_id.clone(), clone.resource_id.clone(), clone.password.clone());
        assert_eq!(same(&after), same(&before), "{name}");
        updated(&house, &lines(&[case.beside])).await.is_still(&before, name);
        assert_eq!(house.ever_made(), 1, "{name}");
        let taken: Vec<_> = log(&house)
            .into_iter()
            .filter(|call| call.principal == MANAGER_KEY && call.operation.starts_with("Delete"))
            .filter(|call| !["DeleteItem", "DeleteResourcePolicy"].contains(&call.operation.as_str()))
            .map(|call| call.operation)
            .collect();
        let expected: &[&str] = if name == "InstanceCount" { &["DeleteDBInstance"] } else { &[] };
        assert_eq!(taken, expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_changed_makes_another_clone_and_its_removal_does_not() {
    for case in of(Class::Replace).map(cases::of) {
        let (house, name) = (case.scene.open(), case.property);
        let before = created(&house, &lines(&[case.beside])).await;
        let after = updated(&house, &lines(&[case.beside, case.given])).await;
        assert!(after.shows(case.shows), "{name}: no {} in {}", case.shows, after.state);
        assert_ne!(after.physical_id, before.physical_id, "{name}");
        assert_eq!(house.ours(), [after.id.as_str()], "{name}");
        let log = log(&house);
        // The new clone is there and CloudFormation knows of it before the old one goes.
        let made = first(&log, "RestoreDBClusterToPointInTime", &format!("DBClusterIdentifier={}", after.id));
        let told = first(&log, "PutObject", &format!("\"PhysicalResourceId\":\"{}\"", after.physical_id));
        let gone = first(&log, "DeleteDBInstance", &format!("DBInstanceIdentifier={}-1", before.id));
        assert!(made.unwrap() < told.unwrap() && told.unwrap() < gone.unwrap(), "{name}");
        let old = house.look(|world| {
            let life =
                world.rds.history().iter().find(|life| life.resource_id == before.resource_id).cloned();
            life.unwrap()
        });
        assert!(old.gone_at.is_some(), "{name}");
        if name == "SourceClusterId" {
            continue;
        }
        let kept = updated(&house, &lines(&[case.beside])).await;
        assert_eq!((kept.physical_id, house.ever_made()), (after.physical_id, 2), "{name} was removed");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_value_in_another_form_replaces_nothing() {
    let house = Scene::Rich.open();
    let before = created(&house, &lines(&["Port: 5544"])).await;
    for same in [
        "Port: '5544'\nDBSubnetGroupName: Main-Subnets",
        "SourceClusterId: arn:aws:rds:eu-west-1:123456789012:cluster:main\nNetworkType: DUAL",
        "SetPassword: true\nManageMasterUserPassword: false\nForceCreateKmsKey: false",
    ] {
        let after = updated(&house, &lines(&[same])).await;
        assert_eq!(after.physical_id, before.physical_id, "{same}");
    }
    assert_eq!(house.ever_made(), 1);
}

#[tokio::test(start_paused = true)]
async fn newer_data_is_fetched_only_where_the_clone_is_older() {
    let house = Scene::Rich.open();
    let since = |time: &str| lines(&[&format!("CopyCreatedSince: '{time}'")]);
    // The account begins on 2026-06-21.
    let before = created(&house, &lines(&[])).await;
    let young = updated(&house, &since("2026-06-20T12:00:00Z")).await;
    assert_eq!((&young.physical_id, house.ever_made()), (&before.physical_id, 1));
    house.sim.sleep(chrono::Duration::days(2)).await;
    let fresh = updated(&house, &since("2026-06-22T12:00:00Z")).await;
    assert_ne!(fresh.physical_id, before.physical_id);
    assert_eq!((house.ours(), house.ever_made()), (vec![fresh.id.clone()], 2));
    let kept = updated(&house, &lines(&[])).await;
    assert_eq!((kept.physical_id, house.ever_made()), (fresh.physical_id, 2), "its removal replaces nothing");
    deleted(&house).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_update_keeps_the_name_and_everything_goes_back() {
    for changes_id in [true, false] {
        let house = Scene::Rich.operated(super::scene::OPERATOR, |config| {
            config.cloudformation.failed_update_changes_id = changes_id;
        });
        let before = created(&house, &lines(&[])).await;
        // RDS never lets this key change, so the update fails when it has changed the cluster.
        let wanted = format!("PerformanceInsightsKMSKeyId: {OTHER_INSIGHTS_KEY}\nBackupRetentionPeriod: 5");
        for wrong in [wanted.as_str(), "InstanceClas: db.r6g.large", "DBClusterParameterGroupName: nobodys"] {
            house.update("web", &lines(&[wrong]));
            assert_eq!(house.settled("web").await, "UPDATE_ROLLBACK_COMPLETE", "{}", house.story("web"));
            let failed = answers(&house).into_iter().rfind(|answer| answer["Status"] == "FAILED").unwrap();
            assert_eq!(failed["PhysicalResourceId"], before.physical_id, "{wrong}");
            Clone::of(&house).is_still(&before, wrong);
        }
        assert_eq!(house.ever_made(), 1);
        deleted(&house).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_key_of_performance_insights_stays() {
    let house = Scene::Rich.open();
    let before = created(&house, &lines(&[])).await;
    let id = INSIGHTS_KEY.rsplit_once('/').unwrap().1;
    for same in [INSIGHTS_KEY, id] {
        let given = format!("PerformanceInsightsKMSKeyId: {same}");
        let after = updated(&house, &lines(&[&given])).await;
        assert_eq!(after.resource_id, before.resource_id);
        assert!(after.shows(INSIGHTS_KEY));
    }
}

#[tokio::test(start_paused = true)]
async fn a_readers_first_change_leaves_the_writer_for_last() {
    let house = Scene::Rich.open();
    created(&house, &lines(&["InstanceCount: 2\nClusterId: clone-mine"])).await;
    let writer = house.look(|world| {
        world.rds.instances_of("clone-mine").find(|instance| instance.writer).unwrap().id.clone()
    });
    updated(&house, &lines(&["InstanceCount: 2\nClusterId: clone-mine\nInstanceClass: db.r6g.large"])).await;
    let log = log(&house);
    let changed: Vec<String> = log
        .iter()
        .filter(|call| call.operation == "ModifyDBInstance")
        .map(|call| call.parameters["DBInstanceIdentifier"].clone())
        .collect();
    assert_eq!((changed.len(), changed.last()), (2, Some(&writer)));
    let smaller = updated(&house, &lines(&["ClusterId: clone-mine\nInstanceClass: db.r6g.large"])).await;
    assert!(smaller.shows(&format!("id: \"{writer}\"")), "the writer stays");
}

#[tokio::test(start_paused = true)]
async fn static_parameters_wait_for_a_reboot_that_is_not_the_managers() {
    let house = Scene::Rich.open();
    created(&house, &lines(&["ClusterId: clone-mine"])).await;
    updated(&house, &lines(&["ClusterId: clone-mine\nDBParameterGroupName: second-instance"])).await;
    let waits =
        house.look(|world| world.rds.instance("clone-mine-1").unwrap().parameter_apply_status.clone());
    assert_eq!(waits.as_deref(), Some("pending-reboot"));
    assert!(!log(&house).iter().any(|call| call.operation == "RebootDBInstance"));
}

#[tokio::test(start_paused = true)]
async fn a_serverless_range_stays_where_nothing_uses_it() {
    let house = Scene::Rich.open();
    let plain = "InstanceClass: db.r6g.large";
    assert!(created(&house, &lines(&[plain])).await.shows("scaling: None"));
    let given = "ServerlessV2ScalingConfiguration: {MinCapacity: 1, MaxCapacity: 4}";
    updated(&house, &lines(&[plain, given])).await;
    assert!(updated(&house, &lines(&[plain])).await.shows("Scaling { min: 1.0, max: 4.0"));
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_is_gone_or_stopped_is_not_updated() {
    for stopped in [true, false] {
        let house = Scene::Rich.open();
        let before = created(&house, &lines(&[])).await;
        let calls = changes(&house).len();
        house
            .sim
            .with(|world| if stopped { world.rds.stop(&before.id) } else { world.rds.vanish(&before.id) });
        house.update("web", &lines(&["Description: changed"]));
        // Nor can the rollback make it usable.
        assert_eq!(house.settled("web").await, "UPDATE_ROLLBACK_FAILED", "{}", house.story("web"));
        let reason = if stopped { "is stopped" } else { "is gone. Remove the resource from the template" };
        assert!(house.story("web").contains(reason), "{}", house.story("web"));
        assert_eq!((changes(&house).len(), house.ever_made()), (calls, 1));
    }
}

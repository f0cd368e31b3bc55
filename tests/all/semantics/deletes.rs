//! How a clone goes, and what stays.

use aurora_clone_core::names::{env, tag};
use aurora_clone_core::request::snapshot_identifier;
use aurora_clone_sim::rds::{SeedCluster, SeedInstance, SeedSnapshot};
use aurora_clone_tests::{House, MANAGER};
use chrono::Duration;

use super::scene::{OPERATOR, Scene, changes, created, deleted, lines, log};

fn snapshots(house: &House) -> Vec<String> {
    house.look(|world| world.rds.snapshots().map(|snapshot| snapshot.id.clone()).collect())
}

#[tokio::test(start_paused = true)]
async fn deleting_a_stack_leaves_nothing_and_touches_nothing_else() {
    let house = Scene::Taken.open();
    let others = |house: &House| {
        house.look(|world| {
            let others = ["main", "other", "prod", "clone-taken"];
            let seen =
                |id: &&str| (world.rds.cluster(id).unwrap().clone(), world.rds.instances_of(id).count());
            format!("{:?}", others.iter().map(seen).collect::<Vec<_>>())
        })
    };
    // A source has a clone group from its first clone on.
    house.create("first", &lines(&[]));
    house.settled("first").await;
    let before = others(&house);
    created(&house, &lines(&["InstanceCount: 2\nForceCreateKmsKey: true"])).await;
    deleted(&house).await;
    assert_eq!(house.ours().len(), 1, "that of the other stack");
    assert_eq!((others(&house), snapshots(&house)), (before, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn members_go_first_and_the_writer_is_the_last_of_them() {
    let house = Scene::Rich.open();
    created(&house, &lines(&["ClusterId: clone-mine\nInstanceCount: 3"])).await;
    house.sim.with(|world| {
        let (id, cluster) = ("clone-by-hand".to_owned(), "clone-mine".to_owned());
        let tags = [(tag::MANAGER.to_owned(), MANAGER.to_owned())].into();
        world.rds.add_instance(SeedInstance { id, cluster, tags, ..SeedInstance::default() });
    });
    let writer =
        house.look(|world| world.rds.instances_of("clone-mine").find(|i| i.writer).unwrap().id.clone());
    deleted(&house).await;
    let gone: Vec<String> = log(&house)
        .iter()
        .filter(|call| call.error.is_none() && call.operation.starts_with("DeleteDB"))
        .map(|call| {
            call.parameters.get("DBInstanceIdentifier").cloned().unwrap_or_else(|| "cluster".to_owned())
        })
        .collect();
    // What people added to the clone under our prefix and with our tag goes with it.
    assert_eq!((gone.len(), &gone[3], gone[4].as_str()), (5, &writer, "cluster"), "{gone:?}");
    assert!(gone.contains(&"clone-by-hand".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_final_snapshot_is_taken_where_it_is_asked_for() {
    let house = Scene::Rich.open();
    let clone = created(&house, &lines(&["FinalSnapshot: true"])).await;
    deleted(&house).await;
    let [snapshot] = &snapshots(&house)[..] else { panic!("{:?}", snapshots(&house)) };
    assert!(snapshot.starts_with(&format!("{}-final-", clone.id)), "{snapshot}");
    // Not of a clone that never was usable.
    let house = Scene::Slow.open();
    house.create("web", &lines(&["FinalSnapshot: true\nServiceTimeout: 300"]));
    assert_eq!(house.settled("web").await, "ROLLBACK_COMPLETE");
    assert_eq!(snapshots(&house), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_replaced_clone_gets_its_final_snapshot_too() {
    let house = Scene::Rich.open();
    let before = created(&house, &lines(&["FinalSnapshot: true"])).await;
    super::scene::updated(&house, &lines(&["FinalSnapshot: true\nPort: 6000"])).await;
    assert_eq!(snapshots(&house).len(), 1);
    assert!(snapshots(&house)[0].starts_with(&format!("{}-final-", before.id)));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_is_in_the_way_fails_the_deletion_before_an_instance_goes() {
    let house = Scene::Rich.open();
    let clone = created(&house, &lines(&["FinalSnapshot: true"])).await;
    let generation = house.look(|world| world.rds.cluster(&clone.id).unwrap().tags[tag::GENERATION].clone());
    let name = snapshot_identifier(&clone.id, &generation);
    let taken = SeedSnapshot { id: name.clone(), cluster: "main".to_owned(), ..SeedSnapshot::default() };
    house.sim.with(|world| world.rds.seed_snapshot(taken));
    let calls = changes(&house).len();
    house.delete("web");
    assert_eq!(house.settled("web").await, "DELETE_FAILED");
    assert!(house.story("web").contains(&name), "{}", house.story("web"));
    assert_eq!(changes(&house).len(), calls);
}

#[tokio::test(start_paused = true)]
async fn what_cloudformation_forgot_goes_with_its_stack() {
    let house = Scene::Rich.open();
    let before = created(&house, &lines(&[""])).await;
    house.sim.with(|world| world.rds.protect(&before.id, true));
    super::scene::updated(&house, &lines(&["Port: 6000"])).await;
    assert!(house.ours().contains(&before.id), "CloudFormation tried once to delete it");
    house.sim.with(|world| world.rds.protect(&before.id, false));
    deleted(&house).await;
    assert_eq!(house.ours(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn protection_is_respected() {
    let house = Scene::Rich.open();
    let clone = created(&house, &lines(&["DeletionProtection: true"])).await;
    let calls = changes(&house).len();
    house.delete("web");
    assert_eq!(house.settled("web").await, "DELETE_FAILED");
    assert!(house.story("web").contains("has deletion protection, which is respected"));
    assert_eq!((changes(&house).len(), house.ours().len()), (calls, 1));
    house.sim.with(|world| world.rds.protect(&clone.id, false));
    deleted(&house).await;
    assert!(house.ours().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stopped_clone_is_not_deleted_behind_anybodys_back() {
    let house = Scene::Rich.open();
    let clone = created(&house, &lines(&[])).await;
    house.sim.with(|world| world.rds.stop(&clone.id));
    house.delete("web");
    assert_eq!(house.settled("web").await, "DELETE_FAILED");
    assert!(house.story("web").contains("is stopped, and AWS deletes no stopped cluster"));
    house.sim.with(|world| world.rds.start(&clone.id));
    deleted(&house).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_already_is_deleted() {
    let house = Scene::Rich.open();
    let clone = created(&house, &lines(&[])).await;
    house.sim.with(|world| world.rds.vanish(&clone.id));
    deleted(&house).await;
    assert_eq!(house.ever_made(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stack_at_rest_keeps_its_clone() {
    let house = Scene::Rich.open();
    let clone = created(&house, &lines(&[])).await;
    let calls = house.rds_calls().len();
    let arn = house.look(|world| world.rds.cluster(&clone.id).unwrap().arn.clone());
    for id in [arn.as_str(), "an-invented-id"] {
        house.forge("Delete", "web", &format!("forged-{}", id.len()), id, r#"{"SourceClusterId": "prod"}"#);
        house.sim.sleep(Duration::minutes(30)).await;
        assert!(house.look(|world| world.rds.cluster(&clone.id).is_some_and(|c| c.status == "available")));
    }
    let changed: Vec<_> = house.rds_calls().split_off(calls);
    assert!(changed.iter().all(|call| call.operation.starts_with("Describe")), "{changed:?}");
    deleted(&house).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ours_stays_whatever_it_is_called_or_tagged() {
    // Somebody's cluster of the same name; somebody's clone of ours, to which Aurora copied the tags, under that name.
    for tagged in [false, true] {
        let house = Scene::Rich.open();
        let clone = created(&house, &lines(&["ClusterId: clone-mine"])).await;
        house.sim.with(|world| {
            let mut tags = world.rds.cluster(&clone.id).unwrap().tags.clone();
            if tagged {
                tags.insert(tag::CLUSTER.to_owned(), "clone-of-another-day".to_owned());
            } else {
                tags.clear();
            }
            world.rds.vanish(&clone.id);
            let id = clone.id.clone();
            world.rds.seed_cluster(SeedCluster { id, tags, ..SeedCluster::default() });
        });
        deleted(&house).await;
        assert!(house.look(|world| world.rds.cluster("clone-mine").is_some()), "{tagged}");
    }
}

fn secrets_and_keys(house: &House) -> (usize, usize) {
    house.look(|world| {
        let made = |key: &&aurora_clone_sim::kms::Key| key.tags.contains_key(tag::MANAGER);
        let keys = world.kms.keys().filter(made).filter(|key| key.deletion_date.is_none());
        (world.secrets.iter().filter(|secret| secret.deleted_at.is_none()).count(), keys.count())
    })
}

#[tokio::test(start_paused = true)]
async fn a_clone_with_an_earlier_prefix_is_not_deleted_and_keeps_its_password() {
    let other: Vec<(&str, &str)> = OPERATOR.iter().copied().chain([(env::NAME_PREFIX, "other-")]).collect();
    for by_hand in [false, true] {
        let house = Scene::Rich.open();
        let clone = created(&house, &lines(&["ForceCreateKmsKey: true"])).await;
        house.operate(&other);
        let calls = changes(&house).len();
        house.delete("web");
        assert_eq!(house.settled("web").await, "DELETE_FAILED");
        let story = house.story("web");
        for words in [&clone.id, "NamePrefix", "\"other-\"", "delete the cluster by hand"] {
            assert!(story.contains(words), "{story}");
        }
        assert_eq!((changes(&house).len(), house.ours().len()), (calls, 1));
        assert_eq!(secrets_and_keys(&house), (1, 1));
        match by_hand {
            true => house.sim.with(|world| world.rds.vanish(&clone.id)),
            false => house.operate(OPERATOR),
        }
        deleted(&house).await;
        assert_eq!(secrets_and_keys(&house), (0, 0));
        assert!(house.ours().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_was_renamed_stays_and_its_password_goes() {
    let house = Scene::Rich.open();
    let clone = created(&house, &lines(&["ForceCreateKmsKey: true"])).await;
    house.sim.with(|world| world.rds.rename(&clone.id, "clone-renamed"));
    house.delete("web");
    house.sim.sleep(Duration::minutes(30)).await;
    assert_eq!(house.status("web"), "DELETE_COMPLETE", "{}", house.story("web"));
    assert!(house.look(|world| world.rds.cluster("clone-renamed").is_some()));
    assert_eq!(secrets_and_keys(&house), (0, 0));
}

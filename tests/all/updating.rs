//! How Updates and Deletes come: twice, late, cancelled, one on another's heels; and that nothing of any incarnation outlives its
//! resource.

use std::collections::BTreeSet;

use aurora_clone_core::names::tag;
use aurora_clone_sim::faults::{Fault, FaultKind, Target};
use aurora_clone_sim::{Config, World};
use aurora_clone_tests::{
    FUNCTION, House, TABLE, clone_template, nothing_is_left, one_of_each_per_generation,
};
use chrono::Duration;

const PLAIN: &str = "SourceClusterId: prod";
const OWN_KEY: &str = "SourceClusterId: prod\nForceCreateKmsKey: 'true'";
const REPLACES: &str = "SourceClusterId: prod\nPort: '5999'";
const IN_PLACE: &str = "SourceClusterId: prod\nInstanceCount: '2'\nTags:\n  team: b";

/// An account in which everything goes fast, so that a flow has few polls.
fn quick() -> Config {
    let mut config = Config::default();
    config.rds.clone_seconds = 18..=18;
    config.rds.create_instance_seconds = 25..=25;
    config.rds.delete_instance_seconds = 12..=12;
    config.rds.delete_cluster_seconds = 12..=12;
    config.rds.modify_seconds = 12..=12;
    config
}

fn house() -> House {
    House::with(quick(), 0, |_| {})
}

async fn expect(house: &House, stack: &str, status: &str) {
    assert_eq!(house.settled(stack).await, status, "{}", house.story(stack));
}

/// The stack is deleted, and nothing of any incarnation is left, now or hours later.
async fn end(house: &House) {
    if house.status("web") != "DELETE_COMPLETE" {
        house.delete("web");
        expect(house, "web", "DELETE_COMPLETE").await;
    }
    house.close().await;
    assert_eq!(house.ours(), Vec::<String>::new(), "{}", house.story("web"));
    nothing_is_left(house);
    one_of_each_per_generation(house);
}

/// The template of one clone, with a sibling that fails after so many seconds.
fn with_failing_sibling(properties: &str, after: i64) -> String {
    let sibling =
        format!("  Sibling:\n    Type: Test::Fail\n    Properties:\n      After: '{after}'\nOutputs:");
    clone_template(properties).replacen("Outputs:", &sibling, 1)
}

/// What CloudFormation calls the clone.
fn physical_id(house: &House) -> String {
    house.look(|world| world.cloudformation.resource("web", "Clone").unwrap().physical_id.clone().unwrap())
}

fn redeliver(house: &House) -> bool {
    house.sim.with(|world| world.settle(|services, cx| services.cloudformation.redeliver(cx, "web", "Clone")))
}

/// A sibling fails at every moment of an update; the stack goes back to the clone that it had, and only that one lives.
#[tokio::test(start_paused = true)]
async fn an_update_that_is_cancelled_at_any_moment_goes_back() {
    let mut flows = 0;
    for (properties, last) in [(REPLACES, 210), (IN_PLACE, 130)] {
        for after in (1..last).step_by(9) {
            let house = house();
            house.create("web", PLAIN);
            expect(&house, "web", "CREATE_COMPLETE").await;
            let before = physical_id(&house);
            house.update_stack("web", &with_failing_sibling(properties, after));
            expect(&house, "web", "UPDATE_ROLLBACK_COMPLETE").await;
            assert_eq!(physical_id(&house), before, "{after}");
            house.sim.sleep(Duration::minutes(20)).await;
            let before = before.rsplit(':').next().unwrap().to_owned();
            assert_eq!(house.ours(), [before], "{after}: {}", house.story("web"));
            house.look(|world| {
                let clone = world.rds.clusters().find(|c| c.tags.contains_key(tag::STACK_ID)).unwrap();
                assert_eq!(world.rds.instances_of(&clone.id).count(), 1, "{after}");
                assert!(!clone.tags.contains_key("team"), "{after}");
            });
            end(&house).await;
            flows += 1;
        }
    }
    println!("cancelled updates: {flows} flows");
}

/// CloudFormation hears of a replacement too late: it goes back, and the replacement, which is usable, belongs to nobody.
#[tokio::test(start_paused = true)]
async fn a_replacement_that_nobody_heard_of_goes_with_its_resource() {
    for seconds in [60, 3_000] {
        let house = house();
        house.create("web", PLAIN);
        expect(&house, "web", "CREATE_COMPLETE").await;
        let down = Fault { target: Target::Every("PutObject"), kind: FaultKind::ServerError };
        house.update("web", &format!("{REPLACES}\nServiceTimeout: 300"));
        house.sim.with(|world| world.set_faults(vec![down]));
        house.sim.sleep(Duration::seconds(300 + seconds)).await;
        house.sim.with(|world| world.set_faults(Vec::new()));
        expect(&house, "web", "UPDATE_ROLLBACK_COMPLETE").await;
        assert!(house.story("web").contains("did not receive a response"));
        end(&house).await;
    }
}

/// An old Update comes again, long after, and the clone that it names still lives because a person protects it. CloudFormation's word
/// counts, not the event's: the clone that replaced it is not debris.
#[tokio::test(start_paused = true)]
async fn an_update_from_the_past_takes_nothing_away() {
    let house = house();
    house.create("web", PLAIN);
    expect(&house, "web", "CREATE_COMPLETE").await;
    let old = house.ours().remove(0);
    house.update("web", IN_PLACE);
    expect(&house, "web", "UPDATE_COMPLETE").await;
    house.update("web", REPLACES);
    house.sim.with(|world| world.rds.protect(&old, true));
    expect(&house, "web", "UPDATE_COMPLETE").await;
    let live = physical_id(&house);
    let payload = house.look(|world| {
        let updates = world.functions.log().iter().map(|record| record.payload.clone());
        updates.into_iter().find(|payload| payload["RequestType"] == "Update").unwrap()
    });
    // As CloudFormation would send it anew: with another URL.
    let mut payload = payload;
    house.sim.with(|world| {
        let url = world.settle(|_, cx| aurora_clone_sim::cloudformation::response_url(cx, "again"));
        payload["ResponseURL"] = url.into();
        world.settle(|services, cx| services.functions.invoke_async(cx, FUNCTION, payload));
    });
    house.sim.sleep(Duration::minutes(30)).await;
    let lives = house.look(|world| world.rds.clusters().any(|c| c.arn == live && c.status == "available"));
    assert!(lives, "{:?}", house.ours());
    assert_eq!(physical_id(&house), live);
    house.sim.with(|world| world.rds.protect(&old, false));
    house.delete("web");
    expect(&house, "web", "DELETE_COMPLETE").await;
    assert_eq!(house.ours(), Vec::<String>::new());
}

/// A person protects the clone that an update replaces: CloudFormation tries to delete it once and then forgets it. It goes with the
/// stack, or the stack does not go.
#[tokio::test(start_paused = true)]
async fn a_clone_that_cloudformation_forgot_goes_with_its_stack() {
    for freed in [true, false] {
        let house = house();
        house.create("web", PLAIN);
        expect(&house, "web", "CREATE_COMPLETE").await;
        let old = house.ours().remove(0);
        house.update("web", REPLACES);
        house.sim.with(|world| world.rds.protect(&old, true));
        expect(&house, "web", "UPDATE_COMPLETE").await;
        assert_eq!(house.ours().len(), 2, "{}", house.story("web"));
        if !freed {
            house.delete("web");
            expect(&house, "web", "DELETE_FAILED").await;
            let story = house.story("web");
            assert!(story.contains(&format!("{old} has deletion protection")), "{story}");
            assert_eq!(house.ours().len(), 2, "nothing goes before it is clear that all of it can");
        }
        house.sim.with(|world| world.rds.protect(&old, false));
        end(&house).await;
    }
}

/// What an update makes is protected in the end, and then a sibling fails: nobody but this update turned the protection on.
#[tokio::test(start_paused = true)]
async fn a_protected_replacement_that_is_cancelled_goes() {
    let mut protected = 0;
    for after in (60..=240).step_by(5) {
        let house = house();
        house.create("web", PLAIN);
        expect(&house, "web", "CREATE_COMPLETE").await;
        let properties = format!("{REPLACES}\nDeletionProtection: true");
        house.update_stack("web", &with_failing_sibling(&properties, after));
        let old = physical_id(&house);
        let mut seen = false;
        while house.status("web") == "UPDATE_IN_PROGRESS" {
            house.sim.sleep(Duration::seconds(1)).await;
            seen = house.look(|world| {
                world.rds.clusters().any(|c| c.deletion_protection && c.arn != old && c.id != "prod")
            });
        }
        expect(&house, "web", "UPDATE_ROLLBACK_COMPLETE").await;
        house.sim.sleep(Duration::minutes(10)).await;
        if house.ours().len() == 2 {
            // It was ready in the very second of the cancellation. Nobody knows any more who protected it, so a person decides.
            house.delete("web");
            expect(&house, "web", "DELETE_FAILED").await;
            assert!(house.story("web").contains("has deletion protection"), "{}", house.story("web"));
            let ours = house.ours();
            house.sim.with(|world| ours.iter().for_each(|id| world.rds.protect(id, false)));
            seen = false;
        }
        protected += usize::from(seen);
        end(&house).await;
    }
    assert!(protected > 0, "no update was cancelled while its clone was protected");
}

/// The same request comes again with a new URL, at any moment of it.
#[tokio::test(start_paused = true)]
async fn an_update_that_comes_again_with_a_new_url_is_the_same_update() {
    let mut flows = 0;
    for properties in [REPLACES, IN_PLACE] {
        for after in [1, 2, 3, 5, 12, 40, 75, 110, 400] {
            let house = house();
            house.create("web", PLAIN);
            expect(&house, "web", "CREATE_COMPLETE").await;
            house.update("web", properties);
            house.sim.sleep(Duration::seconds(after)).await;
            redeliver(&house);
            expect(&house, "web", "UPDATE_COMPLETE").await;
            // Both answers go to one key of the bucket, so both are about the same state of the clone.
            house.sim.sleep(Duration::minutes(10)).await;
            assert_eq!(house.ours().len(), 1, "{after}: {}", house.story("web"));
            end(&house).await;
            assert!(house.ever_made() <= 2, "{after}");
            flows += 1;
        }
    }
    println!("updates that came again: {flows} flows");
}

/// The same Create comes again while its key and its secret are being made: there is one of each.
#[tokio::test(start_paused = true)]
async fn a_creation_that_comes_again_makes_one_secret_and_one_key() {
    let mut flows = 0;
    for seconds in [0, 4, 9] {
        for after in [2, 3, 4, 5, 6, 7, 9, 20, 55, 62, 64, 66, 68, 90] {
            let house = house();
            let late = ["CreateKey", "CreateAlias", "CreateSecret"].map(|name| Fault {
                target: Target::Every(name),
                kind: FaultKind::Delay(Duration::seconds(seconds)),
            });
            house.sim.with(|world| world.set_faults(late.to_vec()));
            house.create("web", OWN_KEY);
            house.sim.sleep(Duration::seconds(after)).await;
            redeliver(&house);
            expect(&house, "web", "CREATE_COMPLETE").await;
            house.sim.sleep(Duration::minutes(5)).await;
            end(&house).await;
            flows += 1;
        }
    }
    println!("creations with keys that came again: {flows} flows");
}

/// The note that a key is being made arrives, and its reply is late: whoever comes meanwhile does not make another key.
#[tokio::test(start_paused = true)]
async fn two_requests_for_a_key_make_one() {
    let mut flows = 0;
    for call in 1..=12 {
        for after in [3, 6] {
            let house = house();
            let late = FaultKind::Delay(Duration::seconds(9));
            let fault = Fault { target: Target::Operation("PutItem", call), kind: late };
            house.sim.with(|world| world.set_faults(vec![fault]));
            house.create("web", OWN_KEY);
            house.sim.sleep(Duration::seconds(after)).await;
            redeliver(&house);
            expect(&house, "web", "CREATE_COMPLETE").await;
            house.sim.sleep(Duration::minutes(5)).await;
            end(&house).await;
            flows += 1;
        }
    }
    println!("two requests for a key: {flows} flows");
}

/// Everything comes twice, soon or late, also the old Updates and Deletes after newer ones.
#[tokio::test(start_paused = true)]
async fn duplicates_of_updates_and_deletes_count_once() {
    let mut flows = 0;
    for later in [0, 1, 15, 60, 400, 3 * 3_600] {
        let house = house();
        house.sim.with(|world| world.functions.knobs.duplicate = Some(Duration::seconds(later)));
        house.create("web", OWN_KEY);
        expect(&house, "web", "CREATE_COMPLETE").await;
        house.update("web", &format!("{OWN_KEY}\nPort: '5999'"));
        expect(&house, "web", "UPDATE_COMPLETE").await;
        house.update("web", &format!("{OWN_KEY}\nPort: '5999'\nInstanceCount: '2'"));
        expect(&house, "web", "UPDATE_COMPLETE").await;
        house.update("web", &format!("{OWN_KEY}\nPort: '6001'\nInstanceCount: '1'"));
        expect(&house, "web", "UPDATE_COMPLETE").await;
        house.sim.sleep(Duration::hours(7)).await;
        house.look(|world| {
            let clones: Vec<_> =
                world.rds.clusters().filter(|c| c.tags.contains_key(tag::STACK_ID)).collect();
            assert_eq!(clones.len(), 1, "{later}");
            assert_eq!((clones[0].port, world.rds.instances_of(&clones[0].id).count()), (6001, 1), "{later}");
        });
        end(&house).await;
        assert_eq!(house.ever_made(), 3, "{later}");
        flows += 1;
    }
    println!("duplicates of updates: {flows} flows");
}

/// The stack goes while an update of it that nobody waits for any more is still at work.
#[tokio::test(start_paused = true)]
async fn a_deletion_beside_an_update_leaves_nothing() {
    let mut flows = 0;
    for properties in [REPLACES, IN_PLACE] {
        for after in [1, 3, 8, 20, 45, 60, 75, 100, 130] {
            let house = house();
            house.create("web", PLAIN);
            expect(&house, "web", "CREATE_COMPLETE").await;
            // The update is at work, and CloudFormation has stopped waiting: it does not see that answer.
            house.update("web", &format!("{properties}\nServiceTimeout: 300"));
            house.sim.sleep(Duration::seconds(after)).await;
            let arn = physical_id(&house);
            house.forge("Delete", "web", "forged", &arn, PLAIN_JSON);
            // What the stack says meanwhile is nobody's truth: its clone was deleted behind its back.
            house.sim.sleep(Duration::minutes(40)).await;
            end(&house).await;
            flows += 1;
        }
    }
    println!("deletions beside updates: {flows} flows");
}

const PLAIN_JSON: &str = r#"{"SourceClusterId": "prod"}"#;

/// A deletion by a name that CloudFormation invents takes every incarnation.
#[tokio::test(start_paused = true)]
async fn a_deletion_by_an_invented_name_removes_every_incarnation() {
    let house = house();
    house.create("web", OWN_KEY);
    expect(&house, "web", "CREATE_COMPLETE").await;
    // The cleanup after the replacement fails, so the old clone stays.
    let deny = Fault { target: Target::Every("DeleteDBCluster"), kind: FaultKind::Deny };
    house.sim.with(|world| world.set_faults(vec![deny]));
    house.update("web", &format!("{OWN_KEY}\nPort: '5999'"));
    expect(&house, "web", "UPDATE_COMPLETE").await;
    house.sim.with(|world| world.set_faults(Vec::new()));
    house.sim.sleep(Duration::minutes(5)).await;
    assert_eq!(house.ours().len(), 2);
    // Nothing of the stack is being deleted.
    house.forge("Delete", "web", "forged", "web-Clone-ABCDEFGHIJKL", PLAIN_JSON);
    house.sim.sleep(Duration::minutes(20)).await;
    assert_eq!(house.ours().len(), 2);
    // Now it is, and CloudFormation's own event comes later than this one.
    house.sim.with(|world| world.functions.knobs.delay = Duration::minutes(30));
    house.delete("web");
    house.sim.sleep(Duration::seconds(10)).await;
    house.sim.with(|world| world.functions.knobs.delay = Duration::zero());
    house.forge("Delete", "web", "invented", "web-Clone-ABCDEFGHIJKL", PLAIN_JSON);
    house.sim.sleep(Duration::minutes(20)).await;
    assert_eq!(house.ours(), Vec::<String>::new());
    assert_eq!(house.status("web"), "DELETE_IN_PROGRESS");
    expect(&house, "web", "DELETE_COMPLETE").await;
    end(&house).await;
}

/// A process dies between CreateKey and CreateAlias, and then nobody wants the clone any more: the key, which nothing names, goes.
#[tokio::test(start_paused = true)]
async fn a_key_without_alias_goes_with_its_resource() {
    for update in [false, true] {
        let house = house();
        if update {
            house.create("web", PLAIN);
            expect(&house, "web", "CREATE_COMPLETE").await;
        }
        let refused = [
            Fault { target: Target::Operation("CreateKey", 1), kind: FaultKind::Crash },
            Fault { target: Target::Every("CreateAlias"), kind: FaultKind::Deny },
        ];
        house.sim.with(|world| world.set_faults(refused.to_vec()));
        if update {
            house.update("web", OWN_KEY);
            expect(&house, "web", "UPDATE_ROLLBACK_COMPLETE").await;
        } else {
            house.create("web", OWN_KEY);
            expect(&house, "web", "ROLLBACK_COMPLETE").await;
        }
        house.sim.with(|world| world.set_faults(Vec::new()));
        end(&house).await;
        assert_eq!(house.look(|world| world.kms.history().iter().filter(|key| !key.is_managed).count()), 1);
    }
}

/// The reply of CreateKey is lost, and KMS is throttled when the key is looked for: that is no reason to make another one.
#[tokio::test(start_paused = true)]
async fn a_key_that_can_not_be_looked_at_is_not_made_again() {
    let house = house();
    let mut faults = vec![Fault { target: Target::Operation("CreateKey", 1), kind: FaultKind::LostReply }];
    // The first one finds no alias; the next step's too; then the unnamed key is looked at, three times by the SDK.
    faults.extend(
        (3..=5).map(|n| Fault { target: Target::Operation("DescribeKey", n), kind: FaultKind::Throttle }),
    );
    house.sim.with(|world| world.set_faults(faults));
    house.create("web", OWN_KEY);
    expect(&house, "web", "CREATE_COMPLETE").await;
    end(&house).await;
}

/// One listing that does not have a clone is no reason to delete the password of one that is protected.
#[tokio::test(start_paused = true)]
async fn a_stale_listing_does_not_cost_a_protected_clone_its_password() {
    let house = house();
    house.create("web", "SourceClusterId: prod\nDeletionProtection: 'true'");
    expect(&house, "web", "CREATE_COMPLETE").await;
    // The listing of the account, after the source was looked up.
    let stale = Fault {
        target: Target::Operation("DescribeDBClusters", 2),
        kind: FaultKind::StaleRead(Duration::minutes(20)),
    };
    house.sim.with(|world| world.set_faults(vec![stale]));
    house.delete("web");
    expect(&house, "web", "DELETE_FAILED").await;
    house.look(|world| {
        assert_eq!(world.secrets.iter().filter(|secret| secret.deleted_at.is_none()).count(), 1);
    });
    house.sim.with(|world| {
        let ours: Vec<String> = world
            .rds
            .clusters()
            .filter(|c| c.tags.contains_key(tag::STACK_ID))
            .map(|c| c.id.clone())
            .collect();
        let parameters = [
            ("DBClusterIdentifier", ours[0].as_str()),
            ("DeletionProtection", "false"),
            ("ApplyImmediately", "true"),
        ];
        world.call_as(aurora_clone_tests::PERSON_KEY, "ModifyDBCluster", &parameters);
    });
    house.sim.with(|world| world.set_faults(Vec::new()));
    end(&house).await;
}

/// Somebody deletes the record of a clone: its secret goes with it all the same, under whatever prefix.
#[tokio::test(start_paused = true)]
async fn a_lost_record_does_not_keep_a_secret() {
    for properties in [OWN_KEY, "SourceClusterId: prod\nSecretPrefix: /aurora-clone-manager/mine/"] {
        let house = house();
        house.create("web", properties);
        expect(&house, "web", "CREATE_COMPLETE").await;
        let records = house.look(|world| {
            let ids = world.dynamodb.items(TABLE).map(|(id, _)| id.to_owned());
            ids.filter(|id| id.starts_with("resource#")).collect::<Vec<_>>()
        });
        for id in &records {
            house.sim.with(|world| {
                let body = serde_json::json!({"TableName": TABLE, "Key": {"id": {"S": id}}});
                let answer =
                    world.call_json_as(aurora_clone_tests::PERSON_KEY, "DynamoDB_20120810.DeleteItem", &body);
                assert_eq!(answer.status, 200);
            });
        }
        assert_eq!(records.len(), 1);
        house.update("web", &format!("{properties}\nInstanceCount: '2'"));
        expect(&house, "web", "UPDATE_COMPLETE").await;
        end(&house).await;
    }
}

/// Somebody else holds the lease of the resource for ever: the update is answered in time.
#[tokio::test(start_paused = true)]
async fn an_update_that_never_gets_its_lease_is_answered_in_time() {
    let house = house();
    house.create("web", PLAIN);
    expect(&house, "web", "CREATE_COMPLETE").await;
    house.update("web", "SourceClusterId: prod\nInstanceCount: '2'\nServiceTimeout: 300");
    house.sim.sleep(Duration::seconds(8)).await;
    house.sim.with(|world: &mut World| {
        let key = {
            let ids: BTreeSet<_> = world.dynamodb.items(TABLE).map(|(id, _)| id.to_owned()).collect();
            ids.into_iter().find_map(|id| id.strip_prefix("resource#").map(str::to_owned)).unwrap()
        };
        let item = serde_json::json!({
            "id": {"S": format!("lock#resource/{key}")}, "holder": {"S": "nobody"}, "expires": {"N": "99999999999999"}
        });
        let body = serde_json::json!({"TableName": TABLE, "Item": item});
        let answer = world.call_json_as(aurora_clone_tests::PERSON_KEY, "DynamoDB_20120810.PutItem", &body);
        assert_eq!(answer.status, 200);
    });
    let begun = house.sim.now();
    while house.status("web") == "UPDATE_IN_PROGRESS" {
        house.sim.sleep(Duration::seconds(1)).await;
    }
    assert!(house.sim.now() - begun <= Duration::seconds(240), "{}", house.story("web"));
    assert!(!house.story("web").contains("did not receive a response"), "{}", house.story("web"));
}

/// L1: a service is away from before a request until five minutes before its time is over, and the request is answered in time.
#[tokio::test(start_paused = true)]
async fn whatever_is_away_until_five_minutes_before_the_end_the_answer_is_in_time() {
    let mut flows = 0;
    for operation in [
        "DescribeDBClusters",
        "ModifyDBCluster",
        "CreateDBInstance",
        "DescribeStackResource",
        "GetItem",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "PutObject",
        "DescribeSecret",
        "CreateSecret",
        "GetSecretValue",
        "TagResource",
        "DescribeKey",
        "CreateKey",
        "CreateAlias",
    ] {
        for updates in [false, true] {
            let house = house();
            if updates {
                house.create("web", PLAIN);
                expect(&house, "web", "CREATE_COMPLETE").await;
            }
            let wanted = format!("{OWN_KEY}\nServiceTimeout: 900");
            if updates {
                house.update("web", &wanted)
            } else {
                house.create("web", &wanted)
            }
            // The event itself has arrived.
            house.sim.sleep(Duration::seconds(3)).await;
            let away = Fault { target: Target::Every(operation), kind: FaultKind::ServerError };
            house.sim.with(|world| world.set_faults(vec![away]));
            house.sim.sleep(Duration::seconds(597)).await;
            house.sim.with(|world| world.set_faults(Vec::new()));
            let status = house.settled("web").await;
            let story = house.story("web");
            assert!(!story.contains("did not receive a response"), "{operation} {updates}: {story}");
            // The rollback too may meet the outage; then it fails, in time as well, and the deletion goes on from there.
            let fine = [
                "CREATE_COMPLETE",
                "UPDATE_COMPLETE",
                "ROLLBACK_COMPLETE",
                "ROLLBACK_FAILED",
                "UPDATE_ROLLBACK_COMPLETE",
                "UPDATE_ROLLBACK_FAILED",
            ];
            assert!(fine.contains(&status.as_str()), "{operation} {updates}: {story}");
            end(&house).await;
            flows += 1;
        }
    }
    println!("outages until five minutes before the end: {flows} flows");
}

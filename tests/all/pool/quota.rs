//! The rules that the maintainer publishes for a source, as Creates obey them.

use aurora_clone_aws::rules;
use aurora_clone_core::pool::config::Quota;
use aurora_clone_core::rules::Rules;
use aurora_clone_sim::Config;
use aurora_clone_tests::{House, PERSON_KEY, TABLE, strangers_clone};
use serde_json::json;

const OF_DATA: &str = "SourceClusterId: prod\nTags: { team: data }";
const WHERE: &str = "owner-quotas of prod in the maintenance configuration";

fn one_each() -> Rules {
    let quota = Quota { tag: "team".to_owned(), everybody: Some(1), ..Quota::default() };
    Rules { quota: Some(quota), ..Rules::default() }
}

async fn published(house: &House, rules: &Rules) {
    assert_eq!(rules::publish(&house.cloud(), "prod", rules).await, Ok(true));
    assert_eq!(rules::load(&house.cloud(), "prod").await.as_ref(), Ok(rules));
    assert_eq!(rules::publish(&house.cloud(), "prod", rules).await, Ok(false));
}

async fn created(house: &House, stack: &str, properties: &str) {
    house.create(stack, properties);
    assert_eq!(house.settled(stack).await, "CREATE_COMPLETE", "{}", house.story(stack));
}

async fn fails(house: &House, stack: &str, properties: &str, words: &[&str]) {
    house.create(stack, properties);
    assert_eq!(house.settled(stack).await, "ROLLBACK_COMPLETE", "{}", house.story(stack));
    let story = house.story(stack);
    for word in words {
        assert!(story.contains(word), "no {word:?} in\n{story}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_has_as_many_clones_as_the_quota_gives() {
    let house = House::open();
    created(&house, "before", OF_DATA).await;
    published(&house, &one_each()).await;
    let made = house.ever_made();
    let clone = house.ours().remove(0);
    fails(&house, "second", OF_DATA, &["\"data\"", "may have 1 clones of prod", &clone, WHERE]).await;
    fails(&house, "nobody", "SourceClusterId: prod", &["Tags lacks \"team\"", WHERE, "Nothing was made"])
        .await;
    assert_eq!(house.ever_made(), made);
    created(&house, "others", "SourceClusterId: prod\nTags: { team: web }").await;
    // What one clone of an owner leaves, another one takes.
    house.delete("before");
    assert_eq!(house.settled("before").await, "DELETE_COMPLETE");
    created(&house, "again", OF_DATA).await;
    // The maintainer takes the quota back.
    published(&house, &Rules::default()).await;
    created(&house, "free", OF_DATA).await;
    house.close().await;
}

/// Both look while neither has a clone; the lease lets one look after the other's clone is listed.
#[tokio::test(start_paused = true)]
async fn two_at_once_do_not_get_past_a_quota_of_one() {
    let house = House::open();
    published(&house, &one_each()).await;
    for stack in ["a", "b"] {
        house.create(stack, OF_DATA);
    }
    let mut statuses = [house.settled("a").await, house.settled("b").await];
    statuses.sort();
    assert_eq!(statuses, ["CREATE_COMPLETE", "ROLLBACK_COMPLETE"]);
    assert_eq!(house.ever_made(), 1);
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_replacement_needs_no_room_in_the_quota() {
    let house = House::open();
    published(&house, &one_each()).await;
    created(&house, "web", OF_DATA).await;
    house.update("web", &format!("{OF_DATA}\nPort: 5433"));
    assert_eq!(house.settled("web").await, "UPDATE_COMPLETE", "{}", house.story("web"));
    assert_eq!(house.ever_made(), 2);
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_source_has_the_limit_and_the_margin_of_its_rules() {
    let house = House::with(Config::default(), 0, |world| {
        for n in 1..=3 {
            world.rds.seed_cluster(strangers_clone(&format!("by-hand-{n}"), "prod"));
        }
    });
    let full = "SourceClusterId: prod\nOnNoSlot: Fail";
    for (limit, margin) in [(Some(4), Some(1)), (Some(3), None), (None, Some(12))] {
        published(&house, &Rules { limit, margin, quota: None }).await;
        let stack = format!("full-{}-{}", limit.unwrap_or(0), margin.unwrap_or(0));
        fails(&house, &stack, full, &["prod (3 used, 0 free): no free slot"]).await;
    }
    published(&house, &Rules { limit: Some(4), ..Rules::default() }).await;
    created(&house, "fits", full).await;
    house.close().await;
}

/// A limit that is not known is no reason to exceed it.
#[tokio::test(start_paused = true)]
async fn rules_that_cannot_be_read_stop_creates_until_they_are_published_again() {
    let house = House::open();
    let broken =
        json!({ "TableName": TABLE, "Item": { "id": { "S": "rules#prod" }, "rules": { "S": "?" } } });
    house.sim.with(|world| {
        let put = world.call_json_as(PERSON_KEY, "DynamoDB_20120810.PutItem", &broken);
        assert_eq!(put.status, 200);
    });
    fails(&house, "broken", "SourceClusterId: prod", &["rules#prod", "holds no rules"]).await;
    assert_eq!(house.ever_made(), 0);
    published(&house, &Rules { limit: Some(4), ..Rules::default() }).await;
    created(&house, "web", "SourceClusterId: prod").await;
    house.close().await;
}

//! What the configuration says is what Creates obey, and no longer than it says so.

use aurora_clone_aws::rules;
use aurora_clone_core::rules::Rules;
use aurora_clone_tests::pools::{Pools, wants};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn creates_obey_what_the_configuration_says_as_long_as_it_says_it() {
    let quota = json!({ "owner-tag": "team", "owner-quota": 1, "max-clones-per-source": 3 });
    let pools = Pools::open(&wants(0, quota), |_| {});
    pools.night().await;
    let published = rules::load(&pools.cloud(), "prod").await.unwrap();
    assert_eq!((published.limit, published.quota.unwrap().everybody), (Some(3), Some(1)));
    let ask = |stack: &str| pools.create(stack, "SourceClusterId: prod\nTags: { team: data }");
    ask("first");
    assert_eq!(pools.settled("first").await, "CREATE_COMPLETE", "{}", pools.story("first"));
    ask("second");
    assert_eq!(pools.settled("second").await, "ROLLBACK_COMPLETE");
    assert!(pools.story("second").contains("owner-quotas of prod"), "{}", pools.story("second"));
    // A root that leaves the configuration is bound by it no more.
    pools.configure(&json!({ "clusters": [] }));
    pools.night().await;
    assert_eq!(rules::load(&pools.cloud(), "prod").await, Ok(Rules::default()));
    ask("third");
    assert_eq!(pools.settled("third").await, "CREATE_COMPLETE", "{}", pools.story("third"));
    let calls = pools.calls();
    pools.night().await;
    assert_eq!(pools.changes_since(calls), Vec::<String>::new());
    pools.close().await;
}

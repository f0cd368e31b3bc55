//! D9: whatever makes many copies look as if they should go, few of them do, and somebody hears of it.

use aurora_clone_core::names::{env, tag};
use aurora_clone_tests::pools::{Pools, wants};
use chrono::Duration;
use serde_json::{Value, json};

use super::{ever_made, made, marked, quick};

const COPIES: usize = 12;

/// The first of them are marked, since then.
fn open(operator: &[(&str, &str)], configuration: &Value, marks: usize, since: Duration) -> Pools {
    let mut settings = vec![(env::SLOT_MARGIN, "0")];
    settings.extend(operator);
    Pools::with(quick(), &settings, configuration, |world| {
        for n in 0..COPIES {
            let (id, age) = (format!("clone-{n:02}"), Duration::days(2));
            match n < marks {
                true => marked(world, &id, "prod", age, since),
                false => made(world, &id, "prod", age),
            }
        }
    })
}

fn names(pools: &Pools) -> Vec<String> {
    pools.copies("prod").into_iter().map(|copy| copy.id).filter(|id| !id.contains("-copy-")).collect()
}

fn marks(pools: &Pools) -> usize {
    pools.copies("prod").iter().filter(|copy| copy.tags.contains_key(tag::RETIRING)).count()
}

#[tokio::test(start_paused = true)]
async fn d09_an_empty_configuration_takes_nothing_away() {
    let pools = open(&[], &json!({ "clusters": [] }), COPIES, Duration::days(1));
    pools.sim.sleep(Duration::days(9)).await;
    let calls = pools.calls();
    pools.night().await;
    assert_eq!(pools.changes_since(calls), Vec::<String>::new());
    assert_eq!(names(&pools).len(), COPIES);
    pools.close().await;
}

/// Under another name, or another prefix, the same product is a stranger to its own copies: due or not, they stay.
#[tokio::test(start_paused = true)]
async fn d09_another_prefix_or_another_name_takes_nothing_away() {
    for operator in [(env::NAME_PREFIX, "other-"), (env::MANAGER, "another")] {
        let configuration = wants(20, json!({ "max-copies": 20 }));
        let pools = open(&[operator], &configuration, 2, Duration::days(1));
        for _ in 0..6 {
            pools.night().await;
            pools.sim.sleep(Duration::days(1)).await;
        }
        assert_eq!(names(&pools).len(), COPIES, "{operator:?}");
        assert_eq!(marks(&pools), 2 + marks_of_new(&pools), "{operator:?}");
        assert!(ever_made(&pools) <= 8, "{operator:?}: {}", ever_made(&pools));
        // Purges are held against the manager's usual name; nothing of it went, as was seen.
        if operator.0 == env::NAME_PREFIX {
            pools.close().await;
        }
    }
}

fn marks_of_new(pools: &Pools) -> usize {
    let new = pools.copies("prod").into_iter().filter(|copy| copy.id.contains("-copy-"));
    new.filter(|copy| copy.tags.contains_key(tag::RETIRING)).count()
}

/// Nobody ran for a month: all are too old at once. They go as a quarter a run, and never before others are there.
#[tokio::test(start_paused = true)]
async fn d09_a_pool_that_is_old_as_a_whole_goes_by_quarters() {
    let pools = open(&[], &wants(30, json!({ "max-copies": 20 })), 0, Duration::zero());
    pools.sim.sleep(Duration::days(30)).await;
    let mut left = names(&pools).len();
    for night in 0..9 {
        let all = pools.copies("prod").len();
        pools.night().await;
        assert!(pools.metric("prod", "FreeSlots").unwrap() >= 30.0, "night {night}");
        let now = names(&pools).len();
        assert!(left - now <= (all / 4).max(2), "night {night}: {left} copies, then {now}");
        left = now;
        pools.sim.sleep(Duration::hours(4)).await;
    }
    assert_eq!(left, 0, "they stay for ever");
    pools.close().await;
}

/// The whole pool is marked by somebody, long ago or by and by: none goes, or no more than may.
#[tokio::test(start_paused = true)]
async fn d09_a_pool_that_somebody_marked_as_a_whole_stays_and_an_alarm_is_raised() {
    for (count, goes) in [(2, 2), (3, 3), (4, 0), (COPIES, 0)] {
        let pools = open(&[], &wants(0, json!({})), count, Duration::hours(2));
        pools.night().await;
        assert_eq!(names(&pools).len(), COPIES - goes, "{count} were marked");
        let troubled = pools.metrics().iter().any(|line| line["Troubles"].as_f64() > Some(0.0));
        assert_eq!(troubled, goes == 0, "{count} were marked");
        pools.close().await;
    }
}

/// The marks become due while an execution waits for them: it fails, so that the alarm for executions sees it too.
#[tokio::test(start_paused = true)]
async fn d09_marks_that_become_due_together_fail_the_execution() {
    let pools = open(&[], &wants(0, json!({})), COPIES, Duration::minutes(30));
    pools.night().await;
    assert_eq!(names(&pools).len(), COPIES);
    assert_eq!(pools.executions().len(), 1);
    assert_eq!(pools.executions()[0].1, "Failed");
    pools.close().await;
}

/// One limit is the operator's own.
#[tokio::test(start_paused = true)]
async fn d09_the_operators_own_limit_holds() {
    for most in [0, 1] {
        let mut configuration = wants(0, json!({}));
        configuration["max-deletions-per-run"] = json!(most);
        let pools = open(&[], &configuration, 1, Duration::days(1));
        pools.sim.sleep(Duration::days(5)).await;
        for night in 1..=3 {
            pools.night().await;
            let gone = COPIES - names(&pools).len();
            assert!(gone <= most * night, "{gone} went in {night} nights");
        }
        pools.close().await;
    }
}

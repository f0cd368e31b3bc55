//! No password and no response URL is in the maintainer's log, at any level, whatever it does and whatever goes wrong.

use aurora_clone_sim::faults::{Fault, FaultKind, Target};
use aurora_clone_tests::log::Log;
use aurora_clone_tests::pools::{PARAMETER, Pools, wants};
use aurora_clone_tests::secrecy::{check_text, passwords};
use chrono::Duration;
use serde_json::json;

use super::rows_a::{failures, quick};

#[tokio::test(start_paused = true)]
async fn a_maintainer_that_copies_deletes_and_fails_shows_no_secret() {
    let (log, _guard) = Log::start("trace");
    let pools = Pools::with(quick(), &[("SLOT_MARGIN", "0")], &wants(20, json!({})), |_| {});
    pools.create("web", "SourceClusterId: prod\nForceCreateKmsKey: 'true'\nExpiresAfter: PT4H");
    assert_eq!(pools.settled("web").await, "CREATE_COMPLETE", "{}", pools.story("web"));
    let known = pools.look(passwords);
    assert!(!known.is_empty());
    for _ in 0..7 {
        pools.night().await;
        pools.sim.sleep(Duration::hours(1)).await;
    }
    pools.sim.sleep(Duration::minutes(30)).await;
    pools.sweep().await;
    assert_eq!(
        pools.look(|world| world
            .rds
            .clusters()
            .filter(|c| c.tags.contains_key("aurora-clone:stack-id"))
            .count()),
        0
    );
    for operation in ["DescribeDBClusters", "ListSecrets", "GetParameter"] {
        let fault = Fault { target: Target::Every(operation), kind: FaultKind::Deny };
        pools.sim.with(|world| world.set_faults(vec![fault]));
        pools.send(json!({ "schedule": "maintain" })).await;
    }
    pools.sim.with(|world| {
        world.set_faults(Vec::new());
        world.ssm.put(PARAMETER, "{ \"clusters\": [ \"?\" ] }");
    });
    pools.send(json!({ "schedule": "sweep" })).await;
    assert!(failures(&pools).len() >= 12);
    check_text("the log", &log.text(), &known);
    assert!(log.text().contains("\"message\":\"executed\""), "something was logged at all");
    pools.close().await;
}

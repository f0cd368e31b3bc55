//! D10: the function's clock is wrong. Ages, marks and leases go by time, so then nothing is done.

use aurora_clone_core::names::{maintain, tag};
use aurora_clone_tests::pools::{Pools, wants};
use chrono::Duration;
use serde_json::json;

use super::{ever_made, failures, made, marked, quick, time};

fn busy() -> Pools {
    Pools::with(quick(), &[("SLOT_MARGIN", "0")], &wants(60, json!({})), |world| {
        marked(world, "clone-due", "prod", Duration::days(5), Duration::days(1));
        made(world, "clone-old", "prod", Duration::days(4));
    })
}

/// Everything is as it should be, for this clock and for AWS's.
fn idle() -> Pools {
    Pools::with(quick(), &[("SLOT_MARGIN", "0")], &wants(10, json!({})), |_| {})
}

fn set(pools: &Pools, off: Duration) {
    pools.sim.with(|world| world.aws_clock_offset = off);
}

fn wrong() -> [Duration; 6] {
    let minutes = Duration::minutes;
    [
        minutes(11),
        minutes(-11),
        Duration::hours(3),
        Duration::hours(-3),
        Duration::days(1),
        Duration::days(-30),
    ]
}

#[tokio::test(start_paused = true)]
async fn d10_with_a_wrong_clock_nothing_is_done_and_the_run_fails() {
    for off in wrong() {
        for (pools, what) in [(busy(), "busy"), (idle(), "idle")] {
            // Rules are published, so that an idle run has nothing to write.
            if what == "idle" {
                pools.night().await;
            }
            set(&pools, off);
            let calls = pools.calls();
            let beats = |pools: &Pools| pools.metrics().iter().filter(|line| line["Heartbeat"] == 1).count();
            let before = beats(&pools);
            for schedule in [maintain::MAINTAIN, maintain::SWEEP] {
                let records = pools.send(pools.event(schedule)).await;
                for record in &records {
                    let Some(Err(error)) = &record.result else { panic!("{what} {off}: {record:?}") };
                    let says = "from AWS's time: nothing is changed, since ages and leases would be wrong";
                    assert!(error.message.contains(says), "{what} {off}: {error:?}");
                }
            }
            let renewal = json!({ "renew": { "cluster": "clone-due", "for": "P2D" } });
            let refused = pools.ask(renewal).await.unwrap_err();
            assert_eq!(refused.name(), "WrongTime", "{refused}");
            assert_eq!(pools.changes_since(calls), Vec::<String>::new(), "{what} {off}");
            assert_eq!(beats(&pools), before, "{what} {off}");
            set(&pools, Duration::zero());
            pools.night().await;
            assert_eq!(ever_made(&pools), if what == "busy" { 3 } else { 0 }, "{what} {off}");
            pools.close().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn d10_nine_minutes_are_no_reason_to_stop() {
    for off in [9, -9] {
        let pools = busy();
        set(&pools, Duration::minutes(off));
        pools.night().await;
        pools.night().await;
        assert_eq!((ever_made(&pools), pools.metric("prod", "FreeSlots")), (3, Some(60.0)), "{off}");
        assert!(pools.look(|world| world.rds.cluster("clone-due").is_none()), "{off}");
        pools.close().await;
    }
}

/// The state machine's time is AWS's, and a step's own clock is not asked for it: but a lease goes by that clock.
#[tokio::test(start_paused = true)]
async fn d10_a_clock_that_goes_wrong_while_a_copy_is_followed_stops_what_follows() {
    for off in wrong() {
        let pools = busy();
        pools.begin(pools.event(maintain::MAINTAIN));
        pools.sim.sleep(Duration::minutes(2)).await;
        set(&pools, off);
        let calls = pools.calls();
        pools.quiet().await;
        assert_eq!(pools.changes_since(calls), Vec::<String>::new(), "{off}");
        assert!(failures(&pools).iter().all(|text| text.starts_with("WrongTime")), "{:?}", failures(&pools));
        assert!(pools.executions().iter().any(|(_, status)| status == "Failed"), "{:?}", pools.executions());
        set(&pools, Duration::zero());
        pools.night().await;
        assert_eq!((ever_made(&pools), pools.metric("prod", "FreeSlots")), (3, Some(60.0)), "{off}");
        pools.close().await;
    }
}

/// A tag is a text that anybody can change: AWS made the copy a day ago, so it is not too old.
#[tokio::test(start_paused = true)]
async fn d10_a_tag_with_an_older_time_alone_takes_nothing_away() {
    let pools = Pools::with(quick(), &[("SLOT_MARGIN", "0")], &wants(0, json!({})), |world| {
        let (long_ago, later) =
            (time(world.now() - Duration::days(90)), time(world.now() + Duration::days(9)));
        made(world, "clone-older", "prod", Duration::days(1));
        world.rds.set_tags("clone-older", [(tag::DATA_TIME.to_owned(), long_ago)]);
        made(world, "clone-later", "prod", Duration::days(1));
        world.rds.set_tags("clone-later", [(tag::DATA_TIME.to_owned(), later)]);
        made(world, "clone-no-time", "prod", Duration::days(1));
        world.rds.set_tags("clone-no-time", [(tag::DATA_TIME.to_owned(), "yesterday".to_owned())]);
    });
    pools.night().await;
    assert_eq!(pools.copies("prod").len(), 3);
    assert!(pools.copies("prod").iter().all(|copy| !copy.tags.contains_key(tag::RETIRING)));
    assert_eq!(pools.metric("prod", "FreeSlots"), Some(15.0));
    pools.close().await;
}

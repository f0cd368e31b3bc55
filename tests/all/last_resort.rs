//! The handler's process can't start: CloudFormation is answered all the same, and nothing is lost.

use aurora_clone_tests::{FUNCTION, House, LAST_RESORT, nothing_is_left};
use chrono::Duration;
use serde_json::json;

/// What the last resort's invocations came to: how many answered, and the names of the errors of the others.
fn invocations(house: &House) -> (usize, Vec<String>) {
    house.look(|world| {
        let of_it = world.functions.log().iter().filter(|record| record.function == LAST_RESORT);
        let results: Vec<_> = of_it.map(|record| record.result.clone().unwrap()).collect();
        let failed = results.iter().filter_map(|result| result.clone().err());
        (results.iter().filter(|result| result.is_ok()).count(), failed.map(|e| e.error_type).collect())
    })
}

#[tokio::test(start_paused = true)]
async fn a_create_is_answered_within_minutes_and_its_stack_can_go() {
    let house = House::open();
    house.break_handler(true);
    let began = house.look(|world| world.now());
    house.create("web", "SourceClusterId: prod");
    house.sim.sleep(Duration::minutes(4)).await;
    let story = house.story("web");
    let text = "The manager could not take this request (its function failed each time, last with Runtime.ExitError).";
    assert!(story.contains(text), "{story}");
    // The stack's Delete finds the function as broken as before, and is answered as well.
    assert_eq!(house.settled("web").await, "ROLLBACK_FAILED", "{}", house.story("web"));
    let took = house.look(|world| world.now()) - began;
    assert!(took < Duration::minutes(10), "{took}");
    assert_eq!(invocations(&house), (2, vec![]));
    house.break_handler(false);
    house.delete("web");
    assert_eq!(house.settled("web").await, "DELETE_COMPLETE", "{}", house.story("web"));
    assert_eq!(house.ever_made(), 0);
    house.close().await;
    nothing_is_left(&house);
}

#[tokio::test(start_paused = true)]
async fn an_update_keeps_the_clone_and_a_delete_can_be_repeated() {
    let house = House::open();
    house.create("web", "SourceClusterId: prod");
    assert_eq!(house.settled("web").await, "CREATE_COMPLETE", "{}", house.story("web"));
    let clone = house.ours();
    house.break_handler(true);
    house.update("web", "SourceClusterId: prod\nClusterId: clone-another");
    house.sim.sleep(Duration::minutes(4)).await;
    house.break_handler(false);
    assert_eq!(house.settled("web").await, "UPDATE_ROLLBACK_COMPLETE", "{}", house.story("web"));
    assert_eq!(house.ours(), clone);
    house.break_handler(true);
    house.delete("web");
    assert_eq!(house.settled("web").await, "DELETE_FAILED", "{}", house.story("web"));
    assert_eq!(house.ours(), clone);
    house.break_handler(false);
    house.delete("web");
    assert_eq!(house.settled("web").await, "DELETE_COMPLETE", "{}", house.story("web"));
    house.close().await;
    nothing_is_left(&house);
}

/// A state machine's end that the handler can't be told has no response URL: nobody can be answered, and the failure shows.
#[tokio::test(start_paused = true)]
async fn what_has_no_response_url_fails_where_it_can_be_seen() {
    let house = House::open();
    house.break_handler(true);
    let event = json!({ "detail-type": "Step Functions Execution Status Change", "detail": { "name": "x" } });
    house.sim.with(|world| {
        world.settle(|services, cx| services.functions.invoke_async(cx, FUNCTION, event.clone()));
        // Whoever may invoke the last resort itself can make it do no more.
        world.settle(|services, cx| services.functions.invoke_async(cx, LAST_RESORT, event));
    });
    house.sim.sleep(Duration::minutes(10)).await;
    let (answered, mut failed) = invocations(&house);
    failed.sort_unstable();
    assert_eq!(answered, 0);
    assert_eq!(failed, [["NoRecord"; 3], ["Unanswerable"; 3]].concat());
    assert!(house.look(|world| world.bucket.answers.is_empty()));
    house.close().await;
}

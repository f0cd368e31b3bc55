//! The three clocks: when a World's time moves, and that what is due happens then.

use std::time::Duration as Std;

use aurora_clone_sim::functions::FunctionError;
use aurora_clone_sim::{Config, Sim, World};
use chrono::Duration;
use serde_json::json;

fn sim() -> Sim {
    Sim::in_virtual_time(World::new(Config::default()))
}

#[tokio::test(start_paused = true)]
async fn virtual_time_moves_only_as_told() {
    let sim = sim();
    let start = sim.now();
    assert_eq!(start, Config::default().start);
    // Work, however long, takes no time.
    std::thread::sleep(Std::from_millis(5));
    tokio::task::yield_now().await;
    assert_eq!(sim.now(), start);
    assert_eq!(sim.with(|world| world.now()), start);

    sim.sleep(Duration::hours(2)).await;
    assert_eq!(sim.now(), start + Duration::hours(2));
    assert_eq!(sim.with(|world| world.now()), start + Duration::hours(2));

    tokio::time::advance(Std::from_secs(60)).await;
    assert_eq!(sim.with(|world| world.now()), start + Duration::minutes(121));

    sim.sleep_until(start).await;
    sim.sleep(Duration::seconds(-5)).await;
    assert_eq!(sim.now(), start + Duration::minutes(121));
}

#[tokio::test(start_paused = true)]
async fn a_world_that_has_lived_goes_on_from_its_own_time() {
    let mut world = World::new(Config::default());
    let later = world.now() + Duration::days(3);
    world.advance_to(later);
    assert_eq!(Sim::in_virtual_time(world).now(), later);
}

#[tokio::test(start_paused = true)]
async fn the_driver_lets_things_happen_on_time_and_wakes_who_waits() {
    let sim = sim();
    let start = sim.now();
    let driver = sim.clone();
    let driver = tokio::spawn(async move { driver.drive().await });
    sim.with(|world| {
        world.functions.register("f", Duration::seconds(60));
        world.functions.knobs.delay = Duration::minutes(30);
        world.settle(|services, cx| services.functions.invoke_async(cx, "f", json!(1)));
    });
    let invocation = sim.next_invocation("f").await;
    assert_eq!(sim.now(), start + Duration::minutes(30));
    assert_eq!(invocation.deadline, sim.now() + Duration::seconds(60));
    driver.abort();
}

#[tokio::test(start_paused = true)]
async fn several_may_wait_and_each_gets_its_own() {
    let sim = sim();
    sim.with(|world| {
        world.functions.register("f", Duration::seconds(60));
        world.functions.register("g", Duration::seconds(60));
    });
    let mut waiters = Vec::new();
    for name in ["f", "f", "g"] {
        let sim = sim.clone();
        waiters.push(tokio::spawn(async move { sim.next_invocation(name).await }));
    }
    tokio::task::yield_now().await;
    sim.with(|world| {
        world.settle(|services, cx| {
            for (function, payload) in [("g", 3), ("f", 1), ("f", 2)] {
                services.functions.invoke_async(cx, function, json!(payload));
            }
        });
    });
    let mut got = Vec::new();
    for waiter in waiters {
        let invocation = waiter.await.expect("a waiter");
        got.push((invocation.function, invocation.payload));
    }
    got.sort_by_key(|(_, payload)| payload.to_string());
    let expected = [("f", json!(1)), ("f", json!(2)), ("g", json!(3))];
    assert_eq!(got, expected.map(|(function, payload)| (function.to_owned(), payload)));
}

#[tokio::test]
async fn scaled_time_runs_by_itself() {
    let sim = Sim::scaled(World::new(Config::default()), 3600.0);
    let (start, began) = (sim.now(), std::time::Instant::now());
    sim.sleep(Duration::minutes(3)).await;
    let (world, real) = (sim.now() - start, began.elapsed());
    assert!(world >= Duration::minutes(3), "{world}");
    assert!(real >= Std::from_millis(50) && real < Std::from_secs(20), "{real:?}");
    assert!(sim.with(|world| world.now()) >= start + Duration::minutes(3));
    let plain = Sim::scaled(World::new(Config::default()), 0.0);
    assert!(plain.now() - Config::default().start < Duration::minutes(1));
}

/// A World that skips, with the function `f`, and who drives it.
fn skipping() -> (Sim, tokio::task::JoinHandle<()>) {
    let sim = Sim::skipping(World::new(Config::default()));
    sim.with(|world| world.functions.register("f", Duration::seconds(60)));
    let driver = sim.clone();
    (sim, tokio::spawn(async move { driver.drive().await }))
}

fn invoke(sim: &Sim, delay: Duration) {
    sim.with(|world| {
        world.functions.knobs.delay = delay;
        world.settle(|services, cx| services.functions.invoke_async(cx, "f", json!(1)));
    });
}

#[tokio::test]
async fn a_clock_that_skips_jumps_to_the_next_timer() {
    let (sim, driver) = skipping();
    let (start, began) = (sim.now(), std::time::Instant::now());
    invoke(&sim, Duration::minutes(30));
    let invocation = sim.next_invocation("f").await;
    let (world, real) = (sim.now() - start, began.elapsed());
    assert!(world >= Duration::minutes(30) && world < Duration::minutes(31), "{world}");
    assert!(real >= Std::from_millis(5) && real < Std::from_secs(10), "{real:?}");
    assert!(invocation.deadline - sim.now() > Duration::seconds(50));
    driver.abort();
}

#[tokio::test]
async fn a_clock_that_skips_is_real_while_a_function_has_something_to_do() {
    let (sim, driver) = skipping();
    invoke(&sim, Duration::zero());
    let start = sim.now();
    // Queued: nobody takes it.
    tokio::time::sleep(Std::from_millis(60)).await;
    assert!(sim.now() - start < Duration::seconds(10), "queued");
    let invocation = sim.next_invocation("f").await;
    tokio::time::sleep(Std::from_millis(60)).await;
    assert!(sim.now() - start < Duration::seconds(10), "running");
    assert!(sim.with(|world| world.functions.is_running(invocation.id)));
    // Over: the first retry is a minute away, the second two more.
    for (retry, minutes) in [(1, 1), (2, 3)] {
        sim.with(|world| {
            let id = world.functions.log().len() as u64;
            let error = Err(FunctionError::new("Boom", "no"));
            world.settle(|services, cx| services.functions.finish(cx, id, error));
        });
        sim.next_invocation("f").await;
        let passed = sim.now() - start;
        let range = Duration::minutes(minutes)..Duration::minutes(minutes) + Duration::seconds(20);
        assert!(range.contains(&passed), "retry {retry} after {passed}");
    }
    driver.abort();
}

#[tokio::test]
async fn who_sleeps_in_skipped_time_wakes_in_order_and_on_time() {
    let (sim, driver) = skipping();
    let (start, began) = (sim.now(), std::time::Instant::now());
    let sleepers = [3, 1, 2].map(|hours| {
        let sim = sim.clone();
        tokio::spawn(async move {
            sim.sleep(Duration::hours(hours)).await;
            (sim.now(), hours)
        })
    });
    let mut woken = Vec::new();
    for sleeper in sleepers {
        woken.push(sleeper.await.expect("a sleeper"));
    }
    woken.sort();
    for ((at, hours), expected) in woken.into_iter().zip(1..) {
        assert_eq!(hours, expected);
        let late = at - start - Duration::hours(hours);
        assert!(late >= Duration::zero() && late < Duration::minutes(1), "{hours} h, {late} late");
    }
    // A dreamer who was dropped is not waited for.
    let dropped = tokio::time::timeout(Std::from_nanos(1), sim.sleep(Duration::days(1)));
    assert!(dropped.await.is_err());
    tokio::time::sleep(Std::from_millis(40)).await;
    assert!(sim.now() - start < Duration::hours(4));
    sim.sleep(Duration::seconds(-5)).await;
    assert!(began.elapsed() < Std::from_secs(10));
    driver.abort();
}

#[tokio::test]
async fn a_watcher_looks_whenever_something_may_have_changed() {
    let (sim, driver) = skipping();
    let watcher = sim.clone();
    let watcher = tokio::spawn(async move {
        watcher.watch(|world| (world.functions.counts("f").running == 2).then(|| world.now())).await
    });
    let start = sim.now();
    for minutes in [5, 10] {
        invoke(&sim, Duration::minutes(minutes));
    }
    sim.next_invocation("f").await;
    // The first one would be ended after a minute: it answers, and is taken again.
    sim.with(|world| world.settle(|services, cx| services.functions.finish(cx, 1, Ok(json!(1)))));
    sim.next_invocation("f").await;
    invoke(&sim, Duration::zero());
    sim.next_invocation("f").await;
    let seen = tokio::time::timeout(Std::from_secs(10), watcher).await.expect("in time").expect("a watcher");
    assert!(seen - start >= Duration::minutes(10) && seen - start < Duration::minutes(11));
    driver.abort();
}

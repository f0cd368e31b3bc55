//! How long a clone may live.

use aurora_clone_core::names::{env, tag};
use aurora_clone_tests::House;
use chrono::{DateTime, Duration, Utc};

use super::scene::{OPERATOR, Scene, created, deleted, first, lines, log, output, refused, updated};

fn expires(house: &House) -> DateTime<Utc> {
    output(house, "ExpiresAt").parse().unwrap()
}

/// When the restore was asked for: where a lease begins.
fn began(house: &House) -> DateTime<Utc> {
    let log = log(house);
    log[first(&log, "RestoreDBClusterToPointInTime", "clone-main").unwrap()].at
}

#[tokio::test(start_paused = true)]
async fn a_lease_begins_with_the_clone() {
    let house = Scene::Rich.open();
    let clone = created(&house, &lines(&["ExpiresAfter: P2D"])).await;
    let off = (expires(&house) - began(&house) - Duration::days(2)).abs();
    assert!(off <= Duration::seconds(1), "{off}");
    let tags = house.look(|world| world.rds.cluster(&clone.id).unwrap().tags.clone());
    assert_eq!((tags[tag::LEASE].as_str(), &tags[tag::EXPIRES]), ("P2D", &output(&house, "ExpiresAt")));
    deleted(&house).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_lease_there_is_none_unless_the_operator_has_one() {
    let house = Scene::Rich.open();
    created(&house, &lines(&[])).await;
    assert_eq!(output(&house, "ExpiresAt"), "");
    let house = Scene::Rich.operated(&[OPERATOR, &[(env::MAX_LEASE, "PT12H")]].concat(), |_| {});
    created(&house, &lines(&[])).await;
    let off = (expires(&house) - began(&house) - Duration::hours(12)).abs();
    assert!(off <= Duration::seconds(1), "{off}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_of_less_than_an_hour_is_refused() {
    let house = Scene::Rich.open();
    refused(&house, &lines(&["ExpiresAfter: PT30M"]), &["ExpiresAfter is", "at least an hour"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_renewed_survives_other_updates() {
    let house = Scene::Rich.open();
    let clone = created(&house, &lines(&["ExpiresAfter: P2D"])).await;
    let renewed = "2026-12-24T00:00:00Z";
    house.sim.with(|world| {
        world.rds.set_tags(&clone.id, [(tag::EXPIRES.to_owned(), renewed.to_owned())]);
    });
    updated(&house, &lines(&["ExpiresAfter: P2D\nDescription: still needed"])).await;
    assert_eq!(output(&house, "ExpiresAt"), renewed);
    // Another lease is counted from the beginning again.
    updated(&house, &lines(&["ExpiresAfter: P3D"])).await;
    let off = (expires(&house) - began(&house) - Duration::days(3)).abs();
    assert!(off <= Duration::seconds(1), "{off}");
    updated(&house, &lines(&[])).await;
    assert_eq!(output(&house, "ExpiresAt"), "");
}

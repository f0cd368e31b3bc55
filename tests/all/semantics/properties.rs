//! Every property does something.

use std::collections::{BTreeMap, BTreeSet};

use aurora_clone_core::properties::table;
use aurora_clone_sim::cloudformation::StackOptions;
use aurora_clone_tests::{FUNCTION, House, clone_template};

use super::cases::CASES;
use super::scene::{Clone, Scene, changes, create_with, lines, log, refused};

/// Creates and deletes a stack, whatever comes of it; returns whether the clone came to be, and what it was.
async fn made_and_deleted(house: &House, properties: &str) -> Option<Clone> {
    house.create("web", properties);
    let made = (house.settled("web").await == "CREATE_COMPLETE").then(|| Clone::of(house));
    house.delete("web");
    house.settled("web").await;
    made
}

#[tokio::test(start_paused = true)]
async fn every_property_reaches_aws() {
    let mut plain = BTreeMap::new();
    for case in CASES {
        let without = match plain.get(&(case.scene, case.beside)) {
            Some(known) => known,
            None => {
                let house = case.scene.open();
                let made = made_and_deleted(&house, &lines(&[case.beside])).await;
                plain.entry((case.scene, case.beside)).or_insert((made, log(&house)))
            }
        };
        let house = case.scene.open();
        let made = made_and_deleted(&house, &lines(&[case.beside, case.given])).await;
        let (name, story) = (case.property, house.story("web"));
        assert!(case.wire.seen(&log(&house)), "{name} is not seen: {:?}\n{story}", case.wire);
        assert!(!case.wire.seen(&without.1), "{name} is seen where it is not given: {:?}", case.wire);
        if case.shows.is_empty() {
            continue;
        }
        let (made, plain) = (made.unwrap_or_else(|| panic!("{name}: {story}")), without.0.as_ref().unwrap());
        assert!(made.shows(case.shows), "{name}: no {} in {}", case.shows, made.state);
        assert!(!plain.shows(case.shows), "{name}: {} in {}", case.shows, plain.state);
    }
}

#[test]
fn no_property_is_without_a_case() {
    let shown: BTreeSet<&str> = CASES.iter().map(|case| case.property).chain(["ServiceToken"]).collect();
    assert_eq!(shown, table::names().collect());
    assert_eq!(CASES.len() + 1, table::names().count());
}

#[tokio::test(start_paused = true)]
async fn the_service_token_says_who_is_asked() {
    let house = Scene::Rich.open();
    let template = clone_template("SourceClusterId: main");
    let elsewhere =
        template.replace("!Ref Manager", "'arn:aws:lambda:eu-west-1:123456789012:function:somebody-elses'");
    create_with(&house, "elsewhere", &elsewhere, &StackOptions::default());
    house.settled("elsewhere").await;
    assert_eq!(house.look(|world| world.functions.counts(FUNCTION).succeeded), 0);
    assert!(house.ours().is_empty());
    house.create("web", "SourceClusterId: main");
    assert_eq!(house.settled("web").await, "CREATE_COMPLETE");
    assert!(house.look(|world| world.functions.counts(FUNCTION).succeeded) > 0);
}

#[tokio::test(start_paused = true)]
async fn everything_that_is_wrong_is_said_at_once() {
    let house = Scene::Rich.open();
    let wrong = "InstanceClas: db.r6g.large\nPort: 80\nOnNoSlot: Wait\nCopyOk: true";
    let words = [
        r#""InstanceClas" is not a property of this resource; the nearest is InstanceClass"#,
        "Port is",
        "1150 to 65535",
        "CopyOk is",
        "Nothing was made or changed",
    ];
    refused(&house, &lines(&[wrong]), &words).await;
    assert!(changes(&house).is_empty());
}

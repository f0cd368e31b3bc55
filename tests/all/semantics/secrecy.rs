//! What nobody finds who looks everywhere.

use std::collections::BTreeSet;

use super::scene::{Clone, Scene, created, deleted, lines, updated};

#[tokio::test(start_paused = true)]
async fn no_password_is_anywhere_but_in_its_secret() {
    let house = Scene::Rich.open();
    let clone: Clone = created(&house, &lines(&["Description: first"])).await;
    updated(&house, &lines(&["Description: second"])).await;
    house.delete("web");
    house.settled("web").await;
    house.look(|world| {
        let password = clone.password.as_bytes();
        let has = |bytes: &[u8]| bytes.windows(password.len()).any(|part| part == password);
        let mut seen = BTreeSet::new();
        for call in &world.log {
            if has(&call.request) {
                seen.insert((call.operation.as_str(), "asked"));
            }
            if has(&call.response) {
                seen.insert((call.operation.as_str(), "answered"));
            }
        }
        let wanted =
            [("CreateSecret", "asked"), ("GetSecretValue", "answered"), ("ModifyDBCluster", "asked")];
        assert_eq!(seen, BTreeSet::from(wanted));
        let texts = [
            format!("{:?}", world.events.taken),
            format!("{:?}", world.cloudformation.stacks()),
            format!("{:?}", world.states.executions()),
        ];
        for text in texts {
            assert!(!has(text.as_bytes()));
        }
    });
}

#[tokio::test(start_paused = true)]
async fn the_answers_url_is_nowhere_but_in_the_table() {
    let house = Scene::Rich.open();
    created(&house, &lines(&[])).await;
    // Looks through every call and every execution.
    deleted(&house).await;
    house.look(|world| {
        let has = |bytes: &[u8]| bytes.windows(15).any(|part| part == b"X-Amz-Signature");
        let with: BTreeSet<&str> =
            world.log.iter().filter(|call| has(&call.request)).map(|call| call.service).collect();
        assert_eq!(with, BTreeSet::from(["dynamodb"]));
        assert!(!has(format!("{:?}", world.events.taken).as_bytes()));
    });
}

//! Whose secrets and clusters are touched, and who may read a password.

use aurora_clone_core::names::{env, tag};
use aurora_clone_sim::rds::SeedCluster;
use aurora_clone_tests::{House, MANAGER, prod};
use serde_json::json;

use super::{
    PLAIN, by_hand, calls_to, changes, created, expect, fails, forged_delete, house, quick, stack_id,
};

/// The predecessor read the secret that a tag named, made it the password, and deleted it with the clone.
#[tokio::test(start_paused = true)]
async fn p01_a_secret_named_by_a_tag_is_neither_read_nor_deleted() {
    for set_password in [false, true] {
        for record_is_lost in [false, true] {
            let house = House::operated(
                quick(),
                &[(env::ALLOW_SOURCE_PASSWORD, "true"), (env::SLOT_MARGIN, "0")],
                |_| {},
            );
            let token = "00000000-0000-4000-8000-000000000001";
            let body = json!({ "Name": "prod/master", "SecretString": "{\"password\":\"of-production\"}", "ClientRequestToken": token });
            by_hand(&house, "secretsmanager.CreateSecret", body);
            let ask = |team: &str| {
                format!(
                    "{PLAIN}\nSetPassword: '{set_password}'\nTags:\n  y.aurora.password-secret: prod/master\n  \
                     aurora.password-secret: prod/master\n  team: {team}"
                )
            };
            let clone = created(&house, "web", &ask("a")).await;
            // Somebody with the right to tag writes into our own tags as well.
            let lies = [(tag::SECRET, "prod/master"), (tag::KEY, "prod-key")];
            let lies = lies.map(|(key, value)| (key.to_owned(), value.to_owned()));
            house.sim.with(|world| world.rds.set_tags(&clone.id, lies));
            house.update("web", &ask("b"));
            // Not `settled`: that looks the secret up by the tag, which lies here.
            while house.status("web").ends_with("_IN_PROGRESS") {
                house.sim.sleep(chrono::Duration::seconds(1)).await;
            }
            assert_eq!(house.status("web"), "UPDATE_COMPLETE", "{}", house.story("web"));
            if record_is_lost {
                let resource = aurora_clone_core::request::resource_key(&stack_id(&house, "web"), "Clone");
                let key = json!({ "id": { "S": format!("resource#{resource}") } });
                by_hand(
                    &house,
                    "DynamoDB_20120810.DeleteItem",
                    json!({ "TableName": "requests", "Key": key }),
                );
            }
            house.delete("web");
            expect(&house, "web", "DELETE_COMPLETE").await;
            for call in calls_to(&house, "secretsmanager") {
                let request = String::from_utf8_lossy(&call.request).into_owned();
                assert!(!request.contains("prod/master"), "{} {request}", call.operation);
            }
            house.look(|world| {
                let secret = world.secrets.secret("prod/master").unwrap();
                assert!(secret.deleted_at.is_none() && secret.value().unwrap().contains("of-production"));
                assert_eq!(world.secrets.iter().filter(|secret| secret.deleted_at.is_none()).count(), 1);
            });
            house.close().await;
        }
    }
}

/// The predecessor took a role tag for the proof that a cluster may be deleted.
#[tokio::test(start_paused = true)]
async fn p03_a_tag_alone_makes_no_cluster_deletable() {
    let house = house();
    created(&house, "web", PLAIN).await;
    let own = stack_id(&house, "web");
    let whole = [
        (tag::MANAGER, MANAGER),
        (tag::ROLE, "clone"),
        (tag::CLUSTER, "clone-precious"),
        (tag::ROOT, "prod"),
        (tag::SOURCE, "prod"),
        (tag::RESTORE_TYPE, "copy-on-write"),
        (tag::STACK_ID, own.as_str()),
        (tag::LOGICAL_ID, "Clone"),
        (tag::GENERATION, "0-forged"),
    ];
    // What is missing, or wrong, in what somebody wrote.
    let lies: [(&str, Option<&str>); 9] = [
        (tag::MANAGER, None),
        (tag::MANAGER, Some("another")),
        (tag::ROLE, Some("copy")),
        (tag::CLUSTER, Some("clone-another")),
        (tag::CLUSTER, None),
        (tag::STACK_ID, Some("arn:aws:cloudformation:eu-west-1:123456789012:stack/other/1")),
        (tag::STACK_ID, None),
        (tag::LOGICAL_ID, Some("Another")),
        (tag::GENERATION, None),
    ];
    let before = changes(&house).len();
    for (number, (key, lie)) in lies.into_iter().enumerate() {
        let mut tags: std::collections::BTreeMap<String, String> =
            whole.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        match lie {
            Some(lie) => drop(tags.insert(key.to_owned(), lie.to_owned())),
            None => drop(tags.remove(key)),
        }
        let seed = SeedCluster { id: "clone-precious".to_owned(), tags, ..SeedCluster::default() };
        house.sim.with(|world| world.rds.seed_cluster(seed));
        let arn = house.look(|world| world.rds.cluster("clone-precious").unwrap().arn.clone());
        let answer = forged_delete(&house, &own, &arn, &format!("lie-{number}")).await;
        assert_eq!(answer["Status"], "SUCCESS", "{answer}");
        assert!(house.look(|world| world.rds.cluster("clone-precious").is_some()), "{key} {lie:?}");
        house.sim.with(|world| world.rds.vanish("clone-precious"));
    }
    // All of it, and in the right words: but the name has not our prefix, and the root names itself.
    for (id, root) in [("precious", "prod"), ("clone-root", "clone-root")] {
        let mut tags: std::collections::BTreeMap<String, String> =
            whole.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        tags.insert(tag::CLUSTER.to_owned(), id.to_owned());
        tags.insert(tag::ROOT.to_owned(), root.to_owned());
        house.sim.with(|world| world.rds.seed_cluster(SeedCluster { tags, ..prod(id) }));
        let arn = house.look(|world| world.rds.cluster(id).unwrap().arn.clone());
        forged_delete(&house, &own, &arn, &format!("whole-{id}")).await;
        assert!(house.look(|world| world.rds.cluster(id).is_some()), "{id}");
    }
    assert_eq!(changes(&house).len(), before);
    // What says so well that it is the stack's, under a name that is not ours, is nothing that a stack loses unnoticed.
    house.delete("web");
    expect(&house, "web", "DELETE_FAILED").await;
    assert!(
        house.story("web").contains("precious was made under another NamePrefix"),
        "{}",
        house.story("web")
    );
    assert_eq!(changes(&house).len(), before);
    house.sim.with(|world| world.rds.vanish("precious"));
    house.delete("web");
    expect(&house, "web", "DELETE_COMPLETE").await;
    assert!(house.look(|world| world.rds.cluster("clone-root").is_some()));
    house.close().await;
}

/// The predecessor let whoever asked decide who may read the password.
#[tokio::test(start_paused = true)]
async fn p04_only_principals_that_the_operator_admits_may_read_a_password() {
    let house = house();
    let ask = |arn: &str| format!("{PLAIN}\nAccessPrincipalArns: ['{arn}']");
    for (number, arn) in [
        "arn:aws:iam::999999999999:role/app",
        "arn:aws:iam::999999999999:root",
        "arn:aws-cn:iam::123456789012:role/app",
        "arn:aws:iam::123456789012:role/*",
        "*",
        "999999999999",
    ]
    .into_iter()
    .enumerate()
    {
        fails(&house, &format!("no-{number}"), &ask(arn), &["AccessPrincipalArns"]).await;
    }
    assert_eq!(changes(&house), Vec::<String>::new());
    let role = "arn:aws:iam::123456789012:role/app";
    let clone = created(&house, "web", &ask(role)).await;
    let secret = clone.tags[tag::SECRET].clone();
    house.look(|world| {
        assert!(world.secrets.may_read(role, &secret));
        assert!(!world.secrets.may_read("arn:aws:iam::123456789012:role/other", &secret));
        assert!(!world.secrets.may_read("arn:aws:iam::999999999999:role/app", &secret));
    });
    // And AWS is asked to refuse a policy that is public after all.
    let puts: Vec<_> = calls_to(&house, "secretsmanager")
        .into_iter()
        .filter(|call| call.operation == "PutResourcePolicy")
        .map(|call| String::from_utf8_lossy(&call.request).into_owned())
        .collect();
    assert!(
        !puts.is_empty() && puts.iter().all(|put| put.contains("\"BlockPublicPolicy\":true")),
        "{puts:?}"
    );
    house.close().await;
    // An operator admits another account by name.
    let readers =
        [(env::ALLOWED_PRINCIPALS, "arn:aws:iam::999999999999:role/readers/*"), (env::SLOT_MARGIN, "0")];
    let house = House::operated(quick(), &readers, |_| {});
    fails(&house, "no", &ask(role), &["ALLOWED_PRINCIPALS"]).await;
    created(&house, "web", &ask("arn:aws:iam::999999999999:role/readers/a")).await;
    house.close().await;
}

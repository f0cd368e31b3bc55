//! The clients of whoever only plans: nothing that writes gets as far as AWS, whatever the product ever calls.

use std::collections::BTreeSet;
use std::path::Path;

use aurora_clone_aws::answer;
use aurora_clone_aws::cloud::{CallError, Cloud};
use aurora_clone_aws::read_only::{OnlyReads, READS};
use aurora_clone_core::response_url::ResponseUrl;
use aurora_clone_sim::bucket::ResponseBucket;
use aurora_clone_tests::{House, TABLE};

/// The clients of a [`Cloud`], by the names of its fields.
const CLIENTS: [&str; 8] = ["rds", "cloudformation", "dynamodb", "states", "secrets", "kms", "events", "ssm"];

/// Makes one call of every operation that these clients must not send, and returns the names and the errors.
macro_rules! calls {
    ($cloud:expr, { $($client:ident.$operation:ident($($set:ident($value:expr)),* $(,)?);)* }) => {
        vec![$((
            stringify!($operation),
            $cloud.$client.$operation()$(.$set($value))*.send().await
                .err().map(|error| CallError::new(stringify!($operation), error)),
        )),*]
    };
}

async fn writes(cloud: &Cloud) -> Vec<(&'static str, Option<CallError>)> {
    let (cluster, instance, arn) = ("clone-x", "clone-x-1", "arn:aws:rds:eu-west-1:123456789012:cluster:x");
    calls!(cloud, {
        rds.restore_db_cluster_to_point_in_time(
            db_cluster_identifier(cluster),
            source_db_cluster_identifier("prod"),
        );
        rds.restore_db_cluster_from_snapshot(db_cluster_identifier(cluster), snapshot_identifier("s"));
        rds.create_db_cluster_snapshot(db_cluster_snapshot_identifier("s"), db_cluster_identifier("prod"));
        rds.delete_db_cluster_snapshot(db_cluster_snapshot_identifier("s"));
        rds.create_db_instance(db_instance_identifier(instance), db_cluster_identifier(cluster));
        rds.modify_db_cluster(db_cluster_identifier(cluster));
        rds.modify_db_instance(db_instance_identifier(instance));
        rds.delete_db_instance(db_instance_identifier(instance));
        rds.delete_db_cluster(db_cluster_identifier(cluster));
        rds.add_role_to_db_cluster(db_cluster_identifier(cluster), role_arn("r"));
        rds.remove_role_from_db_cluster(db_cluster_identifier(cluster), role_arn("r"));
        rds.add_tags_to_resource(resource_name(arn));
        rds.remove_tags_from_resource(resource_name(arn), tag_keys("k"));
        dynamodb.put_item(table_name(TABLE));
        dynamodb.update_item(table_name(TABLE));
        dynamodb.delete_item(table_name(TABLE));
        states.start_execution(state_machine_arn("m"));
        secrets.create_secret(name("s"));
        secrets.put_resource_policy(secret_id("s"), resource_policy("{}"));
        secrets.delete_resource_policy(secret_id("s"));
        secrets.tag_resource(secret_id("s"));
        secrets.delete_secret(secret_id("s"));
        // It changes nothing, and is refused all the same.
        secrets.get_secret_value(secret_id("s"));
        kms.create_key();
        kms.create_alias(alias_name("alias/x"), target_key_id("k"));
        kms.put_key_policy(key_id("k"), policy("{}"));
        kms.schedule_key_deletion(key_id("k"));
        kms.delete_alias(alias_name("alias/x"));
        events.put_events();
    })
}

/// An operation without the spelling that AWS and Rust differ in.
fn bare(operation: &str) -> String {
    operation.replace('_', "").to_ascii_lowercase()
}

/// Every operation that a client in a [`Cloud`] is used for below a folder.
fn used(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            used(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text: String = std::fs::read_to_string(&path).unwrap().split_whitespace().collect();
            for client in CLIENTS {
                let name = format!("cloud.{client}");
                for (at, _) in text.match_indices(&name) {
                    let rest = &text[at + name.len()..];
                    let call = rest.strip_prefix('.').and_then(|rest| rest.split_once("()"));
                    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                    match call.filter(|(operation, _)| is_name(operation)) {
                        Some((operation, _)) => found.insert(operation.to_owned()),
                        // Of `cloudformation::…` and the like.
                        None if rest.starts_with(|c: char| c.is_ascii_alphanumeric() || "_:".contains(c)) => {
                            false
                        }
                        None => panic!(
                            "{path:?} hands a client on; nobody sees what it is used for: {name}{:.40}",
                            rest
                        ),
                    };
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_operation_of_the_product_is_a_read_or_refused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeSet::new();
    for crate_ in ["aws", "lambda"] {
        used(&root.join(format!("crates/{crate_}/src")), &mut found);
    }
    let used: BTreeSet<String> = found.iter().map(|operation| bare(operation)).collect();
    let reads: BTreeSet<String> = READS.iter().map(|operation| bare(operation)).collect();
    let house = House::open();
    let written = writes(&house.cloud().read_only()).await;
    let writes: BTreeSet<String> = written.iter().map(|(operation, _)| bare(operation)).collect();
    let neither: Vec<_> = used.iter().filter(|o| !reads.contains(*o) && !writes.contains(*o)).collect();
    assert!(neither.is_empty(), "neither let through nor called below: {neither:?}");
    let both: Vec<_> = reads.intersection(&writes).collect();
    assert!(both.is_empty(), "{both:?} are let through");
    let stale: Vec<_> = writes.difference(&used).collect();
    assert!(stale.is_empty(), "nobody calls {stale:?} any more");
}

#[tokio::test(start_paused = true)]
async fn nothing_that_writes_is_sent() {
    let house = House::open();
    let read_only = house.cloud().read_only();
    let (began, calls) = house.look(|world| (world.now(), world.log.len()));
    for (operation, error) in writes(&read_only).await {
        let error = error.unwrap();
        assert!(error.is(OnlyReads::CODE) && !error.is_passing(), "{error:?}");
        let (named, rest) = error.message.split_once(' ').unwrap();
        assert_eq!(bare(named), bare(operation));
        assert!(rest.contains("these clients only read"), "{error}");
    }
    // Nothing was tried again: that takes time.
    assert_eq!(house.look(|world| (world.now(), world.log.len())), (began, calls));
    // Nor is an answer, which is no operation of any service.
    let url = house.look(|world| ResponseBucket::url_for(&world.config, world.now(), "stack|Clone|request"));
    assert!(answer::put(&read_only.http, &ResponseUrl::from_stored(url), "{}").await.is_err());
    house.look(|world| assert!(world.log.len() == calls && world.bucket.answers.is_empty()));
}

/// Without the wall the same calls are sent, so the test above would see them.
#[tokio::test(start_paused = true)]
async fn the_same_calls_of_other_clients_are_sent() {
    let house = House::open();
    let calls = house.look(|world| world.log.len());
    let written = writes(&house.cloud()).await;
    house.look(|world| {
        let sent: BTreeSet<String> = world.log[calls..].iter().map(|call| bare(&call.operation)).collect();
        for (operation, error) in written {
            assert!(sent.contains(&bare(operation)), "{operation} was not sent: {error:?}");
            assert!(error.is_none_or(|error| !error.is(OnlyReads::CODE)));
        }
    });
}

#[tokio::test(start_paused = true)]
async fn reads_go_through() {
    let house = House::open();
    let cloud = house.cloud().read_only();
    let clusters = aurora_clone_aws::observe::clusters(&cloud).await.unwrap();
    assert_eq!(clusters.iter().map(|c| c.identifier.as_str()).collect::<Vec<_>>(), ["prod"]);
    assert_eq!(aurora_clone_aws::observe::cluster_snapshots(&cloud, "prod").await, Ok(Vec::new()));
    assert!(aurora_clone_aws::rules::load(&cloud, "prod").await.is_ok());
    assert_eq!(aurora_clone_aws::secrets::observe(&cloud, "none").await, Ok(None));
    assert_eq!(aurora_clone_aws::keys::observe(&cloud, "alias/none").await, Ok(None));
}

//! What is remembered of orphans: since when CloudFormation says that something is not wanted any more. It said so twice when a day is
//! between its words, so what is lost here costs a day and nothing else.

use aurora_clone_core::sweep::Memory;
use chrono::{DateTime, Utc};

use crate::cloud::{CallError, Cloud};
use crate::table::{get_number, key, number, read, text};

/// How long something is remembered, in seconds.
const KEPT: i64 = 30 * 86_400;

fn id(orphan: &str) -> String {
    format!("orphan#{orphan}")
}

/// Since when something is an orphan; `None` if it is not remembered.
pub async fn first_seen(cloud: &Cloud, orphan: &str) -> Result<Option<DateTime<Utc>>, CallError> {
    let Some(item) = read(cloud, &id(orphan)).await? else { return Ok(None) };
    let since = get_number(&item, "since").and_then(|seconds| i64::try_from(seconds).ok());
    let since = since.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let broken =
        || CallError::nonsense("GetItem", format!("what is remembered of the orphan {orphan} is broken"));
    since.map(Some).ok_or_else(broken)
}

/// Remembers an orphan, in whole seconds and never as of an earlier moment than it was found.
pub async fn remember(cloud: &Cloud, memory: &Memory) -> Result<(), CallError> {
    let since = memory.since.timestamp() + i64::from(memory.since.timestamp_subsec_nanos() > 0);
    let put = cloud
        .dynamodb
        .put_item()
        .table_name(&cloud.table)
        .set_item(Some(key(&id(&memory.key))))
        .item("since", number(since))
        .item("reason", text(&memory.reason))
        .item("ttl", number(memory.since.timestamp() + KEPT));
    put.send().await.map(drop).map_err(|error| CallError::new("PutItem", error))
}

/// Forgets what is no orphan, or none any more.
pub async fn forget(cloud: &Cloud, orphan: &str) -> Result<(), CallError> {
    let delete = cloud.dynamodb.delete_item().table_name(&cloud.table).set_key(Some(key(&id(orphan))));
    delete.send().await.map(drop).map_err(|error| CallError::new("DeleteItem", error))
}

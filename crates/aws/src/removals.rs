//! What runs have begun to take away. A later step's input names it, and an input can be forged: the table is what the step believes. What is
//! lost here stops the following, and the next run decides anew.

use aurora_clone_core::sweep::Removing;
use chrono::{DateTime, Utc};

use crate::cloud::{CallError, Cloud};
use crate::table::{get_number, key, number, read, text};

/// How long it is kept, in seconds: longer than anything is followed.
const KEPT: i64 = 3 * 86_400;

fn id(removing: &Removing) -> String {
    format!("removal#{}", removing.key())
}

/// Notes that a run has decided it, before anything goes.
pub async fn begin(cloud: &Cloud, removing: &Removing, now: DateTime<Utc>) -> Result<(), CallError> {
    let put = cloud
        .dynamodb
        .put_item()
        .table_name(&cloud.table)
        .set_item(Some(key(&id(removing))))
        .item("since", number(now.timestamp()))
        .item("name", text(removing.name()))
        .item("ttl", number(now.timestamp() + KEPT));
    put.send().await.map(drop).map_err(|error| CallError::new("PutItem", error))
}

/// When a run decided it; `None` if none did, or if it is over.
pub async fn begun(cloud: &Cloud, removing: &Removing) -> Result<Option<DateTime<Utc>>, CallError> {
    let Some(item) = read(cloud, &id(removing)).await? else { return Ok(None) };
    let since = get_number(&item, "since").and_then(|seconds| i64::try_from(seconds).ok());
    let since = since.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let broken = || {
        CallError::nonsense(
            "GetItem",
            format!("what is kept of the removal of {} is broken", removing.name()),
        )
    };
    since.map(Some).ok_or_else(broken)
}

/// Forgets it: all of it went, or what is left is to stay.
pub async fn end(cloud: &Cloud, removing: &Removing) -> Result<(), CallError> {
    let delete = cloud.dynamodb.delete_item().table_name(&cloud.table).set_key(Some(key(&id(removing))));
    delete.send().await.map(drop).map_err(|error| CallError::new("DeleteItem", error))
}

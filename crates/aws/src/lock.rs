//! A lease per root cluster: whoever chooses a slot, deletes a clone or purges a copy of a family holds it.
//!
//! AWS offers no condition on a restore ("only if there are fewer than 15 clones"), so choosing has to be exclusive. The lease
//! outlasts any call of the SDK, and its holder looks at what is left of it before the restore.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::cloud::{CallError, Cloud, OPERATION_TIMEOUT};
use crate::table::{key, number, text};

/// How long a lease lasts when its holder dies.
pub const LEASE: Duration = Duration::from_secs(120);

/// A lease that is held.
#[derive(Debug)]
pub struct Lock {
    id: String,
    holder: String,
    expires: DateTime<Utc>,
}

impl Lock {
    /// Takes the lease of a root for a request; `None` while another request holds it. The same request may take it
    /// again, which is what a retried step does.
    pub async fn acquire(cloud: &Cloud, root: &str, holder: &str) -> Result<Option<Self>, CallError> {
        let id = format!("lock#{root}");
        let now = cloud.now();
        let expires = now + LEASE;
        let result = cloud
            .dynamodb
            .put_item()
            .table_name(&cloud.table)
            .set_item(Some(key(&id)))
            .item("holder", text(holder))
            .item("expires", number(expires.timestamp_millis()))
            .item("ttl", number(expires.timestamp() + 86_400))
            .condition_expression("attribute_not_exists(id) OR expires < :now OR holder = :holder")
            .expression_attribute_values(":now", number(now.timestamp_millis()))
            .expression_attribute_values(":holder", text(holder))
            .send()
            .await;
        match result.map_err(|error| CallError::new("PutItem", error)) {
            Ok(_) => Ok(Some(Self { id, holder: holder.to_owned(), expires })),
            Err(error) if error.is("ConditionalCheckFailedException") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether enough is left of the lease for one more call, however long that takes.
    pub fn outlasts_a_call(&self, now: DateTime<Utc>) -> bool {
        self.expires - now > chrono::Duration::from_std(OPERATION_TIMEOUT).unwrap_or_default()
    }

    /// Gives the lease back.
    pub async fn release(self, cloud: &Cloud) -> Result<(), CallError> {
        release(cloud, &self.id, &self.holder).await
    }
}

/// Gives back the lease of a root if this request holds it, as it does when an earlier step died with it.
pub async fn release_if_held(cloud: &Cloud, root: &str, holder: &str) -> Result<(), CallError> {
    release(cloud, &format!("lock#{root}"), holder).await
}

async fn release(cloud: &Cloud, id: &str, holder: &str) -> Result<(), CallError> {
    let result = cloud
        .dynamodb
        .delete_item()
        .table_name(&cloud.table)
        .set_key(Some(key(id)))
        .condition_expression("holder = :holder")
        .expression_attribute_values(":holder", text(holder))
        .send()
        .await;
    match result.map_err(|error| CallError::new("DeleteItem", error)) {
        Ok(_) => Ok(()),
        Err(error) if error.is("ConditionalCheckFailedException") => Ok(()),
        Err(error) => Err(error),
    }
}

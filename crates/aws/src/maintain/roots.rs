//! Which roots have rules that Creates obey: a root that leaves the configuration must not be bound by it any more.

use std::collections::BTreeSet;

use aurora_clone_core::rules::Rules;

use crate::cloud::{CallError, Cloud};
use crate::rules;
use crate::table::{get, key, read, text};

/// The id of the item that names them.
const ID: &str = "maintained";

/// Notes the roots of the configuration, and takes the rules of all others back. Nothing is written where nothing changes.
pub async fn keep(cloud: &Cloud, roots: &BTreeSet<String>) -> Result<(), CallError> {
    let known = known(cloud).await?;
    // Before any rule of a new root is published, so that it is found again whatever happens.
    let all: BTreeSet<String> = known.union(roots).cloned().collect();
    if all != known {
        note(cloud, &all).await?;
    }
    for root in all.difference(roots) {
        rules::publish(cloud, root, &Rules::default()).await?;
    }
    if all != *roots {
        note(cloud, roots).await?;
    }
    Ok(())
}

async fn known(cloud: &Cloud) -> Result<BTreeSet<String>, CallError> {
    let item = read(cloud, ID).await?;
    let names = item.as_ref().and_then(|item| get(item, "roots")).unwrap_or_default();
    Ok(names.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

async fn note(cloud: &Cloud, roots: &BTreeSet<String>) -> Result<(), CallError> {
    let names: Vec<&str> = roots.iter().map(String::as_str).collect();
    let call = cloud.dynamodb.put_item().table_name(&cloud.table).set_item(Some(key(ID)));
    let call = call.item("roots", text(names.join(" ")));
    call.send().await.map(drop).map_err(|error| CallError::new("PutItem", error))
}

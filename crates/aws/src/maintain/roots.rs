//! Which roots have rules that Creates obey: a root that leaves the configuration must not be bound by it any more.

use std::collections::{BTreeMap, BTreeSet};

use aurora_clone_core::rules::Rules;

use crate::cloud::{CallError, Cloud};
use crate::rules;
use crate::table::{get, key, read, text};

/// The id of the item that names them.
const ID: &str = "maintained";
/// How often another run that writes it at the same time is given way to.
const ATTEMPTS: usize = 5;

/// Notes a root, before its rules are published: so they are found again, whatever happens.
pub(super) async fn note(cloud: &Cloud, root: &str) -> Result<(), CallError> {
    change(cloud, |roots| roots.insert(root.to_owned())).await
}

/// Takes back the rules of all roots but those of the configuration. Nothing is written where nothing changes.
pub async fn release_others(cloud: &Cloud, configured: &BTreeSet<String>) -> Result<(), CallError> {
    for root in roots_of(written(cloud).await?.as_deref()).difference(configured) {
        rules::publish(cloud, root, &Rules::default()).await?;
        change(cloud, |roots| roots.remove(root)).await?;
    }
    Ok(())
}

/// The rules that Creates obey, of those of these roots that have some: one read for the list, and one for each of them.
pub async fn published<'r>(
    cloud: &Cloud,
    roots: impl Iterator<Item = &'r str>,
) -> Result<BTreeMap<String, Rules>, CallError> {
    let listed = roots_of(written(cloud).await?.as_deref());
    let mut found = BTreeMap::new();
    for root in roots.filter(|root| listed.contains(*root)) {
        found.insert(root.to_owned(), rules::load(cloud, root).await?);
    }
    Ok(found)
}

/// Changes the list, unless `change` says that it stays; nobody else's change of the same moment is lost.
async fn change(cloud: &Cloud, change: impl Fn(&mut BTreeSet<String>) -> bool) -> Result<(), CallError> {
    for _ in 0..ATTEMPTS {
        let before = written(cloud).await?;
        let mut roots = roots_of(before.as_deref());
        if !change(&mut roots) {
            return Ok(());
        }
        let names: Vec<&str> = roots.iter().map(String::as_str).collect();
        let put = cloud.dynamodb.put_item().table_name(&cloud.table).set_item(Some(key(ID)));
        let put = put.item("roots", text(names.join(" ")));
        let put = match &before {
            None => put.condition_expression("attribute_not_exists(id)"),
            Some(before) => put
                .condition_expression("roots = :before")
                .expression_attribute_values(":before", text(before)),
        };
        match put.send().await.map_err(|error| CallError::new("PutItem", error)) {
            Err(error) if error.is("ConditionalCheckFailedException") => {}
            result => return result.map(drop),
        }
    }
    Err(CallError::nonsense("PutItem", format!("the item {ID:?} changes whenever it is to be written")))
}

async fn written(cloud: &Cloud) -> Result<Option<String>, CallError> {
    let item = read(cloud, ID).await?;
    Ok(item.map(|item| get(&item, "roots").unwrap_or_default().to_owned()))
}

fn roots_of(text: Option<&str>) -> BTreeSet<String> {
    text.unwrap_or_default().split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

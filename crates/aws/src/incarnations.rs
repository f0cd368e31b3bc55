//! What is recorded of each incarnation of a resource. It is written before the cluster is made and forgotten when everything of it
//! is gone, so it does not expire.

use aurora_clone_core::record::Incarnation;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;

use crate::cloud::{CallError, Cloud};
use crate::table::{self, key, text};

fn id(resource: &str) -> String {
    format!("resource#{resource}")
}

/// Everything that is recorded of a resource.
pub async fn load(cloud: &Cloud, resource: &str) -> Result<Vec<Incarnation>, CallError> {
    let Some(item) = table::read(cloud, &id(resource)).await? else { return Ok(Vec::new()) };
    let values = item.iter().filter(|(name, _)| *name != table::KEY);
    values.map(|(name, value)| parse(name, value)).collect()
}

fn parse(name: &str, value: &AttributeValue) -> Result<Incarnation, CallError> {
    let parsed = value.as_s().ok().and_then(|text| serde_json::from_str(text).ok());
    parsed.ok_or_else(|| CallError::nonsense("GetItem", format!("the record of {name} is broken")))
}

/// Records an incarnation that is about to be made.
pub async fn note(cloud: &Cloud, resource: &str, record: &Incarnation) -> Result<(), CallError> {
    put(cloud, resource, record, "SET #generation = :record", None).await
}

/// Records that an incarnation is usable. One that is recorded no longer stays so.
pub async fn made(cloud: &Cloud, resource: &str, record: &Incarnation) -> Result<(), CallError> {
    mark(cloud, resource, &Incarnation { made: true, ..record.clone() }).await
}

/// Records that nobody heard of an incarnation: it is debris.
pub async fn unmade(cloud: &Cloud, resource: &str, record: &Incarnation) -> Result<(), CallError> {
    mark(cloud, resource, &Incarnation { made: false, ..record.clone() }).await
}

async fn mark(cloud: &Cloud, resource: &str, record: &Incarnation) -> Result<(), CallError> {
    let there = "attribute_exists(#generation)";
    match put(cloud, resource, record, "SET #generation = :record", Some(there)).await {
        Err(error) if error.is("ConditionalCheckFailedException") => Ok(()),
        result => result,
    }
}

async fn put(
    cloud: &Cloud,
    resource: &str,
    record: &Incarnation,
    update: &str,
    condition: Option<&str>,
) -> Result<(), CallError> {
    let body = serde_json::to_string(record)
        .map_err(|error| CallError::nonsense("UpdateItem", format!("a record can't be written: {error}")))?;
    cloud
        .dynamodb
        .update_item()
        .table_name(&cloud.table)
        .set_key(Some(key(&id(resource))))
        .update_expression(update)
        .set_condition_expression(condition.map(str::to_owned))
        .expression_attribute_names("#generation", &record.generation)
        .expression_attribute_values(":record", text(body))
        .send()
        .await
        .map(drop)
        .map_err(|error| CallError::new("UpdateItem", error))
}

/// Forgets incarnations of which nothing is left.
pub async fn forget(cloud: &Cloud, resource: &str, generations: &[String]) -> Result<(), CallError> {
    if generations.is_empty() {
        return Ok(());
    }
    let names: HashMap<String, String> = generations
        .iter()
        .enumerate()
        .map(|(n, generation)| (format!("#g{n}"), generation.clone()))
        .collect();
    let mut placeholders: Vec<&str> = names.keys().map(String::as_str).collect();
    placeholders.sort_unstable();
    let result = cloud
        .dynamodb
        .update_item()
        .table_name(&cloud.table)
        .set_key(Some(key(&id(resource))))
        .update_expression(format!("REMOVE {}", placeholders.join(", ")))
        .condition_expression("attribute_exists(id)")
        .set_expression_attribute_names(Some(names))
        .send()
        .await;
    match result.map_err(|error| CallError::new("UpdateItem", error)) {
        Ok(_) => Ok(()),
        Err(error) if error.is("ConditionalCheckFailedException") => Ok(()),
        Err(error) => Err(error),
    }
}

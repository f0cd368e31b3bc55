//! What is recorded of each incarnation of a resource. It is written before the cluster is made and forgotten when everything of it
//! is gone; only an item without records expires.

use aurora_clone_core::record::Incarnation;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;

use crate::cloud::{CallError, Cloud};
use crate::table::{self, key, number, text};

/// The attribute by which DynamoDB expires items.
const TTL: &str = "ttl";
/// How long an item without records is kept, in seconds.
const KEPT: i64 = 30 * 86_400;

fn id(resource: &str) -> String {
    format!("resource#{resource}")
}

/// Everything that is recorded of a resource.
pub async fn load(cloud: &Cloud, resource: &str) -> Result<Vec<Incarnation>, CallError> {
    let Some(item) = table::read(cloud, &id(resource)).await? else { return Ok(Vec::new()) };
    let values = item.iter().filter(|(name, _)| *name != table::KEY && *name != TTL);
    values.map(|(name, value)| parse(name, value)).collect()
}

fn parse(name: &str, value: &AttributeValue) -> Result<Incarnation, CallError> {
    let parsed = value.as_s().ok().and_then(|text| serde_json::from_str(text).ok());
    parsed.ok_or_else(|| CallError::nonsense("GetItem", format!("the record of {name} is broken")))
}

/// Records an incarnation that is about to be made.
pub async fn note(cloud: &Cloud, resource: &str, record: &Incarnation) -> Result<(), CallError> {
    put(cloud, resource, record, None).await
}

/// Records whether an incarnation is known to be usable. One that is recorded no longer stays so.
pub async fn set_made(
    cloud: &Cloud,
    resource: &str,
    record: &Incarnation,
    made: bool,
) -> Result<(), CallError> {
    let record = Incarnation { made, ..record.clone() };
    match put(cloud, resource, &record, Some("attribute_exists(#generation)")).await {
        Err(error) if error.is("ConditionalCheckFailedException") => Ok(()),
        result => result,
    }
}

async fn put(
    cloud: &Cloud,
    resource: &str,
    record: &Incarnation,
    condition: Option<&str>,
) -> Result<(), CallError> {
    let body = serde_json::to_string(record)
        .map_err(|error| CallError::nonsense("UpdateItem", format!("a record can't be written: {error}")))?;
    cloud
        .dynamodb
        .update_item()
        .table_name(&cloud.table)
        .set_key(Some(key(&id(resource))))
        .update_expression("SET #generation = :record REMOVE #ttl")
        .set_condition_expression(condition.map(str::to_owned))
        .expression_attribute_names("#generation", &record.generation)
        .expression_attribute_names("#ttl", TTL)
        .expression_attribute_values(":record", text(body))
        .send()
        .await
        .map(drop)
        .map_err(|error| CallError::new("UpdateItem", error))
}

/// Forgets incarnations of which nothing is left. `last` says that no other is recorded, so that the item may expire.
pub async fn forget(
    cloud: &Cloud,
    resource: &str,
    generations: &[String],
    last: bool,
) -> Result<(), CallError> {
    if generations.is_empty() {
        return Ok(());
    }
    let mut names: HashMap<String, String> = generations
        .iter()
        .enumerate()
        .map(|(n, generation)| (format!("#g{n}"), generation.clone()))
        .collect();
    let mut placeholders: Vec<&str> = names.keys().map(String::as_str).collect();
    placeholders.sort_unstable();
    let mut update = format!("REMOVE {}", placeholders.join(", "));
    let mut values = None;
    if last {
        update.push_str(" SET #ttl = :ttl");
        names.insert("#ttl".to_owned(), TTL.to_owned());
        let expires = number(cloud.now().timestamp() + KEPT);
        values = Some(HashMap::from([(":ttl".to_owned(), expires)]));
    }
    let result = cloud
        .dynamodb
        .update_item()
        .table_name(&cloud.table)
        .set_key(Some(key(&id(resource))))
        .update_expression(update)
        .condition_expression("attribute_exists(id)")
        .set_expression_attribute_names(Some(names))
        .set_expression_attribute_values(values)
        .send()
        .await;
    match result.map_err(|error| CallError::new("UpdateItem", error)) {
        Ok(_) => Ok(()),
        Err(error) if error.is("ConditionalCheckFailedException") => Ok(()),
        Err(error) => Err(error),
    }
}

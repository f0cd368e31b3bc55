//! Items of the one DynamoDB table: texts and numbers by name.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::cloud::{CallError, Cloud};

/// The name of the table's key.
pub const KEY: &str = "id";

/// The key of an item.
pub fn key(id: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([(KEY.to_owned(), text(id))])
}

/// A text.
pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number.
pub fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A text of an item.
pub fn get<'a>(item: &'a HashMap<String, AttributeValue>, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// A number of an item.
pub fn get_number(item: &HashMap<String, AttributeValue>, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// One item, as it is at this moment.
pub async fn read(cloud: &Cloud, id: &str) -> Result<Option<HashMap<String, AttributeValue>>, CallError> {
    let result = cloud
        .dynamodb
        .get_item()
        .table_name(&cloud.table)
        .set_key(Some(key(id)))
        .consistent_read(true)
        .send()
        .await
        .map_err(|error| CallError::new("GetItem", error))?;
    Ok(result.item)
}

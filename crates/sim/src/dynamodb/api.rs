//! The API of DynamoDB, as the wire carries it.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::condition::Condition;
use super::expression::Placeholders;
use super::update::Update;
use super::value::{Attribute, Item, item_size, item_to_json, parse_fields};
use super::{DynamoDb, Image, Table};
use crate::http::{Request, Response};
use crate::wire::json_error;
use crate::world::Context;

type Answer = Result<Value, Response>;

const ITEM_LIMIT: usize = 400 * 1024;
const KEY_LIMIT: usize = 2048;
const PAGE_LIMIT: usize = 1024 * 1024;

/// The members that every conditional write has.
const WRITE: [&str; 6] = [
    "TableName",
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnValues",
    "ReturnValuesOnConditionCheckFailure",
];

pub(super) fn handle(dynamodb: &mut DynamoDb, cx: &mut Context<'_>, request: &Request) -> Response {
    let target = request.header("x-amz-target").unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    let answer = Members::parse(&request.body).and_then(|members| match operation {
        "GetItem" => get_item(dynamodb, cx, &members),
        "PutItem" => put_item(dynamodb, cx, &members),
        "UpdateItem" => update_item(dynamodb, cx, &members),
        "DeleteItem" => delete_item(dynamodb, cx, &members),
        "Scan" => scan(dynamodb, cx, &members),
        other => Err(json_error(
            400,
            "UnknownOperationException",
            &format!("not simulated: operation {other:?} of DynamoDB"),
        )),
    });
    match answer {
        Ok(body) => Response::new(200, "application/x-amz-json-1.0", body.to_string()),
        Err(response) => response,
    }
}

fn get_item(dynamodb: &DynamoDb, cx: &Context<'_>, members: &Members) -> Answer {
    members.only(&["TableName", "Key", "ConsistentRead"], &[])?;
    let table = dynamodb.table(members)?;
    let key = key(table, members.item("Key")?)?;
    let item = dynamodb.read(cx, table, &key, members.boolean("ConsistentRead")?);
    Ok(item.map_or_else(|| json!({}), |item| json!({"Item": item_to_json(item)})))
}

fn put_item(dynamodb: &mut DynamoDb, cx: &Context<'_>, members: &Members) -> Answer {
    members.only(&["Item"], &WRITE)?;
    let table = dynamodb.table(members)?;
    let item = members.item("Item")?;
    let name = &table.hash_key;
    let key = match item.get(name) {
        Some(Attribute::S(key)) => checked_key(name, key)?,
        Some(other) => {
            return Err(wrong(&format!(
                "Type mismatch for key {name} expected: S actual: {}",
                other.type_name()
            )));
        }
        None => return Err(wrong(&format!("Missing the key {name} in the item"))),
    };
    if item_size(&item) > ITEM_LIMIT {
        return Err(invalid("Item size has exceeded the maximum allowed size"));
    }
    let returned = members.choice("ReturnValues", &["NONE", "ALL_OLD"])?;
    let mut placeholders = members.placeholders(&["ConditionExpression"])?;
    let condition = members.condition(&mut placeholders)?;
    placeholders.all_used().map_err(|problem| invalid(&problem))?;
    let old = dynamodb.admit(cx, table, &key, condition.as_ref(), members)?;
    dynamodb.write(cx, members, key, Some(item));
    Ok(attributes((returned == "ALL_OLD").then_some(old).flatten()))
}

fn delete_item(dynamodb: &mut DynamoDb, cx: &Context<'_>, members: &Members) -> Answer {
    members.only(&["Key"], &WRITE)?;
    let table = dynamodb.table(members)?;
    let key = key(table, members.item("Key")?)?;
    let returned = members.choice("ReturnValues", &["NONE", "ALL_OLD"])?;
    let mut placeholders = members.placeholders(&["ConditionExpression"])?;
    let condition = members.condition(&mut placeholders)?;
    placeholders.all_used().map_err(|problem| invalid(&problem))?;
    let old = dynamodb.admit(cx, table, &key, condition.as_ref(), members)?;
    if old.is_some() {
        dynamodb.write(cx, members, key, None);
    }
    Ok(attributes((returned == "ALL_OLD").then_some(old).flatten()))
}

fn update_item(dynamodb: &mut DynamoDb, cx: &Context<'_>, members: &Members) -> Answer {
    members.only(&["Key", "UpdateExpression"], &WRITE)?;
    let table = dynamodb.table(members)?;
    let name = table.hash_key.clone();
    let key = key(table, members.item("Key")?)?;
    let returned = members.choice("ReturnValues", &["NONE", "ALL_OLD", "ALL_NEW"])?;
    let mut placeholders = members.placeholders(&["UpdateExpression", "ConditionExpression"])?;
    let update = match members.text("UpdateExpression")? {
        Some(text) => {
            Some(Update::parse(text, &mut placeholders, &name).map_err(|problem| invalid(&problem))?)
        }
        None => None,
    };
    let condition = members.condition(&mut placeholders)?;
    placeholders.all_used().map_err(|problem| invalid(&problem))?;
    let old = dynamodb.admit(cx, table, &key, condition.as_ref(), members)?;
    let base = old.clone().unwrap_or_else(|| Item::from([(name, Attribute::S(key.clone()))]));
    let new = match &update {
        Some(update) => update.apply(&base).map_err(|problem| invalid(&problem))?,
        None => base,
    };
    if item_size(&new) > ITEM_LIMIT {
        return Err(invalid("Item size to update has exceeded the maximum allowed size"));
    }
    let exists = old.is_some() || update.is_none_or(|update| update.creates());
    if exists {
        dynamodb.write(cx, members, key, Some(new.clone()));
    }
    Ok(attributes(match returned {
        "ALL_OLD" => old,
        "ALL_NEW" => exists.then_some(new),
        _ => None,
    }))
}

fn scan(dynamodb: &DynamoDb, cx: &Context<'_>, members: &Members) -> Answer {
    members.only(&["TableName", "Limit", "ExclusiveStartKey", "ConsistentRead"], &[])?;
    let table = dynamodb.table(members)?;
    let limit = match members.0.get("Limit") {
        None => usize::MAX,
        Some(value) => value
            .as_u64()
            .filter(|limit| *limit > 0)
            .and_then(|limit| usize::try_from(limit).ok())
            .ok_or_else(|| invalid("Limit must be at least 1"))?,
    };
    let after = match members.0.contains_key("ExclusiveStartKey") {
        true => Some(key(table, members.item("ExclusiveStartKey")?)?),
        false => None,
    };
    let consistent = members.boolean("ConsistentRead")?;
    let (mut items, mut size, mut last) = (Vec::new(), 0, None);
    for key in table.images.keys().filter(|key| after.as_ref().is_none_or(|after| *key > after)) {
        let Some(item) = dynamodb.read(cx, table, key, consistent) else { continue };
        items.push(item_to_json(item));
        size += item_size(item);
        if items.len() == limit || size >= PAGE_LIMIT {
            last = Some(key);
            break;
        }
    }
    let mut body = json!({"Count": items.len(), "ScannedCount": items.len(), "Items": items});
    if let Some(key) = last {
        body["LastEvaluatedKey"] = json!({&table.hash_key: {"S": key}});
    }
    Ok(body)
}

impl DynamoDb {
    fn table(&self, members: &Members) -> Result<&Table, Response> {
        let name = members.text("TableName")?.ok_or_else(|| {
            invalid("Value null at 'tableName' failed to satisfy constraint: Member must not be null")
        })?;
        self.tables
            .get(name)
            .ok_or_else(|| json_error(400, "ResourceNotFoundException", "Requested resource not found"))
    }

    fn visible<'t>(&self, table: &'t Table, item: &'t Item, now: DateTime<Utc>) -> Option<&'t Item> {
        (!self.hide_expired || !table.is_expired(item, now)).then_some(item)
    }

    fn read<'t>(&self, cx: &Context<'_>, table: &'t Table, key: &str, consistent: bool) -> Option<&'t Item> {
        let item = match self.stale_reads.filter(|_| !consistent) {
            Some(age) => table.at(key, cx.now - age),
            None => table.current(key),
        };
        self.visible(table, item?, cx.now)
    }

    /// Checks the condition of a write. What there was before, if the write may happen.
    fn admit(
        &self,
        cx: &Context<'_>,
        table: &Table,
        key: &str,
        condition: Option<&Condition>,
        members: &Members,
    ) -> Result<Option<Item>, Response> {
        let told = members.choice("ReturnValuesOnConditionCheckFailure", &["NONE", "ALL_OLD"])?;
        let old = self.read(cx, table, key, true);
        let nothing = Item::new();
        if condition.is_none_or(|condition| condition.holds(old.unwrap_or(&nothing))) {
            return Ok(old.cloned());
        }
        let code = "ConditionalCheckFailedException";
        let mut response = json_error(400, code, "The conditional request failed");
        if let Some(old) = old.filter(|_| told == "ALL_OLD") {
            let body = json!({
                "__type": code, "message": "The conditional request failed", "Item": item_to_json(old),
            });
            response.body = body.to_string().into_bytes();
        }
        Err(response)
    }

    fn write(&mut self, cx: &Context<'_>, members: &Members, key: String, item: Option<Item>) {
        let table = members.0.get("TableName").and_then(Value::as_str).unwrap_or_default();
        if let Some(table) = self.tables.get_mut(table) {
            table.images.entry(key).or_default().push(Image { at: cx.now, item });
        }
    }
}

/// The hash key in a `Key`, which holds nothing else.
fn key(table: &Table, key: Item) -> Result<String, Response> {
    match key.get(&table.hash_key) {
        Some(Attribute::S(text)) if key.len() == 1 => checked_key(&table.hash_key, text),
        _ => Err(invalid("The provided key element does not match the schema")),
    }
}

fn checked_key(name: &str, key: &str) -> Result<String, Response> {
    if key.is_empty() {
        return Err(invalid(&format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: {name}"
        )));
    }
    if key.len() > KEY_LIMIT {
        return Err(wrong("Size of hashkey has exceeded the maximum size limit of2048 bytes"));
    }
    Ok(key.to_owned())
}

fn attributes(item: Option<Item>) -> Value {
    item.map_or_else(|| json!({}), |item| json!({"Attributes": item_to_json(&item)}))
}

fn invalid(message: &str) -> Response {
    json_error(400, "ValidationException", message)
}

fn wrong(problem: &str) -> Response {
    invalid(&format!("One or more parameter values were invalid: {problem}"))
}

/// The members of a request; `null` counts as absent.
struct Members(Map<String, Value>);

impl Members {
    fn parse(body: &[u8]) -> Result<Self, Response> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(mut members)) => {
                members.retain(|_, value| !value.is_null());
                Ok(Self(members))
            }
            _ => Err(json_error(400, "SerializationException", "the body is no JSON object")),
        }
    }

    /// Members that are not simulated are refused, whether AWS knows them or not.
    fn only(&self, own: &[&str], common: &[&str]) -> Result<(), Response> {
        match self.0.keys().find(|name| !own.contains(&name.as_str()) && !common.contains(&name.as_str())) {
            Some(name) => Err(invalid(&format!("not simulated: request member {name:?}"))),
            None => Ok(()),
        }
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Response> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(json_error(400, "SerializationException", &format!("{name} must be a string"))),
        }
    }

    fn boolean(&self, name: &str) -> Result<bool, Response> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Value::Bool(boolean)) => Ok(*boolean),
            Some(_) => Err(json_error(400, "SerializationException", &format!("{name} must be a boolean"))),
        }
    }

    /// One of the values that are simulated; the first is the default.
    fn choice(&self, name: &str, values: &[&'static str]) -> Result<&'static str, Response> {
        match self.text(name)? {
            None => Ok(values.first().copied().unwrap_or_default()),
            Some(text) => values
                .iter()
                .find(|value| **value == text)
                .copied()
                .ok_or_else(|| invalid(&format!("not simulated, or wrong here: {name} {text:?}"))),
        }
    }

    fn object(&self, name: &str) -> Result<Option<&Map<String, Value>>, Response> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(json_error(400, "SerializationException", &format!("{name} must be a map"))),
        }
    }

    fn item(&self, name: &str) -> Result<Item, Response> {
        let fields = self.object(name)?;
        let fields = fields.ok_or_else(|| {
            invalid(&format!("Value null at '{name}' failed to satisfy constraint: Member must not be null"))
        })?;
        parse_fields(fields, 0).map_err(|problem| invalid(&problem))
    }

    fn condition(&self, placeholders: &mut Placeholders) -> Result<Option<Condition>, Response> {
        let Some(text) = self.text("ConditionExpression")? else { return Ok(None) };
        Condition::parse(text, placeholders).map(Some).map_err(|problem| invalid(&problem))
    }

    /// The placeholders, which only make sense beside one of these expressions.
    fn placeholders(&self, expressions: &[&str]) -> Result<Placeholders, Response> {
        let mut placeholders = Placeholders::default();
        for (member, sign) in [("ExpressionAttributeNames", '#'), ("ExpressionAttributeValues", ':')] {
            let Some(given) = self.object(member)? else { continue };
            if !expressions.iter().any(|name| self.0.contains_key(*name)) {
                return Err(invalid(&format!("{member} can only be specified when using expressions")));
            }
            if given.is_empty() {
                return Err(invalid(&format!("{member} must not be empty")));
            }
            for (name, value) in given {
                let rest = name.strip_prefix(sign).unwrap_or_default();
                if rest.is_empty() || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                    return Err(invalid(&format!(
                        "{member} contains invalid key: Syntax error; key: \"{name}\""
                    )));
                }
                if sign == ':' {
                    let value = Attribute::parse(value).map_err(|problem| {
                        invalid(&format!("{member} contains invalid value: {problem} for key {name}"))
                    })?;
                    placeholders.values.insert(name.clone(), value);
                } else {
                    let text = value.as_str().ok_or_else(|| invalid(&format!("{name} must be a string")))?;
                    placeholders.names.insert(name.clone(), text.to_owned());
                }
            }
        }
        Ok(placeholders)
    }
}

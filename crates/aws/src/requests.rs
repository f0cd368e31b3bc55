//! Requests of CloudFormation, as they are kept: what was asked, where the answer goes, what was decided.
//!
//! A request's item outlives the request by a month, so that a late duplicate of its event starts nothing. The response URL is
//! here and nowhere else.

use std::collections::HashMap;

use aurora_clone_core::events::Event;
use aurora_clone_core::request::{Request, resource_key};
use aurora_clone_core::response_url::ResponseUrl;
use aws_sdk_dynamodb::types::ReturnValue;

use crate::cloud::{CallError, Cloud};
use crate::table::{get, get_number, key, number, read, text};

/// How long an item is kept, in seconds.
const KEPT: i64 = 30 * 86_400;

/// A request as the table has it.
#[derive(Clone)]
pub struct Stored {
    /// What was asked.
    pub request: Request,
    /// Where the answer goes; `None` where a person asked at the command line, who is told by it.
    pub response_url: Option<ResponseUrl>,
    /// When the latest Delete or Update of the resource had come, when the request came.
    pub fence: u64,
    /// The whole body of the answer, once it is decided.
    pub decision: Option<String>,
    /// What EventBridge is told about it.
    pub events: Vec<Event>,
    /// Whether the answer arrived.
    pub answered: bool,
}

fn id(request: &str) -> String {
    format!("request#{request}")
}

/// Records a request, unless it is there already.
pub async fn record(
    cloud: &Cloud,
    request_key: &str,
    request: &Request,
    url: Option<&ResponseUrl>,
) -> Result<(), CallError> {
    let body = serde_json::to_string(request)
        .map_err(|error| CallError::nonsense("PutItem", format!("the request can't be written: {error}")))?;
    let fence = fence(cloud, request).await?;
    let mut item = key(&id(request_key));
    item.extend(url.map(|url| ("url".to_owned(), text(url.expose()))));
    let result = cloud
        .dynamodb
        .put_item()
        .table_name(&cloud.table)
        .set_item(Some(item))
        .item("request", text(body))
        .item("fence", number(fence))
        .item("ttl", number(cloud.now().timestamp() + KEPT))
        .condition_expression("attribute_not_exists(id)")
        .send()
        .await;
    match result.map_err(|error| CallError::new("PutItem", error)) {
        Ok(_) => Ok(()),
        Err(error) if error.is("ConditionalCheckFailedException") => Ok(()),
        Err(error) => Err(error),
    }
}

/// Reads a request.
pub async fn load(cloud: &Cloud, request_key: &str) -> Result<Option<Stored>, CallError> {
    let Some(item) = read(cloud, &id(request_key)).await? else { return Ok(None) };
    let broken =
        || CallError::nonsense("GetItem", format!("the item of the request {request_key} is broken"));
    let request = get(&item, "request").ok_or_else(broken)?;
    Ok(Some(Stored {
        request: serde_json::from_str(request).map_err(|_| broken())?,
        response_url: get(&item, "url").map(|url| ResponseUrl::from_stored(url.to_owned())),
        fence: get_number(&item, "fence").ok_or_else(broken)?,
        decision: get(&item, "decision").map(str::to_owned),
        events: match get(&item, "events") {
            Some(events) => serde_json::from_str(events).map_err(|_| broken())?,
            None => Vec::new(),
        },
        answered: item.contains_key("answered"),
    }))
}

/// Stores the body of the answer and what EventBridge is told, unless they are stored: the first decision stays. Returns the
/// body that counts.
pub async fn decide(
    cloud: &Cloud,
    request_key: &str,
    body: &str,
    events: &[Event],
) -> Result<String, CallError> {
    let events = serde_json::to_string(events).map_err(|error| {
        CallError::nonsense("UpdateItem", format!("the events can't be written: {error}"))
    })?;
    let result = cloud
        .dynamodb
        .update_item()
        .table_name(&cloud.table)
        .set_key(Some(key(&id(request_key))))
        .update_expression(
            "SET decision = if_not_exists(decision, :body), events = if_not_exists(events, :events)",
        )
        .condition_expression("attribute_exists(id)")
        .expression_attribute_values(":body", text(body))
        .expression_attribute_values(":events", text(events))
        .return_values(ReturnValue::AllNew)
        .send()
        .await
        .map_err(|error| CallError::new("UpdateItem", error))?;
    let item = result.attributes.unwrap_or_default();
    get(&item, "decision")
        .map(str::to_owned)
        .ok_or_else(|| CallError::nonsense("UpdateItem", "the decision was not stored"))
}

/// Notes that CloudFormation has the answer.
pub async fn mark_answered(cloud: &Cloud, request_key: &str) -> Result<(), CallError> {
    cloud
        .dynamodb
        .update_item()
        .table_name(&cloud.table)
        .set_key(Some(key(&id(request_key))))
        .update_expression("SET answered = :now")
        .condition_expression("attribute_exists(id)")
        .expression_attribute_values(":now", number(cloud.now().timestamp()))
        .send()
        .await
        .map_err(|error| CallError::new("UpdateItem", error))?;
    Ok(())
}

/// When the latest Delete or Update of a request's resource came, in milliseconds; 0 if there was none. A Create or an Update that
/// finds a later one than when it came itself was cancelled.
pub async fn fence(cloud: &Cloud, request: &Request) -> Result<u64, CallError> {
    let item = read(cloud, &fence_id(request)).await?;
    Ok(item.and_then(|item| get_number(&item, "latest")).unwrap_or(0))
}

/// Notes a Delete or an Update, once however often its steps run and whichever others run beside it, and returns when that was.
/// A time and not a number: the item is not kept for ever, and what a clone remembers of it is. The latest request that comes
/// again, with another URL, is about the same thing and does not cancel itself.
pub async fn raise_fence(cloud: &Cloud, request_key: &str, request: &Request) -> Result<u64, CallError> {
    let (id, by) = (fence_id(request), format!("by {request_key}"));
    // The second look is for who was overtaken, or whose reply was lost.
    for _ in 0..ATTEMPTS {
        let item = read(cloud, &id).await?.unwrap_or_default();
        if let Some(raised) = get_number(&item, &by) {
            return Ok(raised);
        }
        let again = get(&item, "last") == Some(&request.request_id);
        if let Some(raised) = try_to_raise(cloud, &id, &by, request, again).await? {
            return Ok(raised);
        }
    }
    Err(CallError::nonsense("UpdateItem", "the fence changes all the time"))
}

/// How often a fence is looked at that others raise at the same time.
const ATTEMPTS: usize = 5;

/// Raises a fence, or joins the request that raised it; `None` if it is not as it was when it was looked at.
async fn try_to_raise(
    cloud: &Cloud,
    id: &str,
    by: &str,
    request: &Request,
    again: bool,
) -> Result<Option<u64>, CallError> {
    let now = cloud.now();
    let (update, condition) = if again {
        ("SET #by = latest, #ttl = :ttl", "attribute_not_exists(#by) AND #last = :last")
    } else {
        (
            "SET latest = :now, #by = :now, #last = :last, #ttl = :ttl",
            "attribute_not_exists(#by) AND (attribute_not_exists(#last) OR #last <> :last)",
        )
    };
    let mut values = HashMap::from([
        (":last".to_owned(), text(&request.request_id)),
        (":ttl".to_owned(), number(now.timestamp() + KEPT)),
    ]);
    if !again {
        values.insert(":now".to_owned(), number(now.timestamp_millis()));
    }
    let result = cloud
        .dynamodb
        .update_item()
        .table_name(&cloud.table)
        .set_key(Some(key(id)))
        .update_expression(update)
        .condition_expression(condition)
        .expression_attribute_names("#by", by)
        .expression_attribute_names("#last", "last")
        .expression_attribute_names("#ttl", "ttl")
        .set_expression_attribute_values(Some(values))
        .return_values(ReturnValue::AllNew)
        .send()
        .await;
    match result.map_err(|error| CallError::new("UpdateItem", error)) {
        Ok(output) => Ok(output.attributes.and_then(|item| get_number(&item, by))),
        Err(error) if error.is("ConditionalCheckFailedException") => Ok(None),
        Err(error) => Err(error),
    }
}

fn fence_id(request: &Request) -> String {
    format!("fence#{}", resource_key(&request.stack_id, &request.logical_id))
}

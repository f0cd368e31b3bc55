//! What people ask for at the command line, as it is kept: so that the same command goes on where an interrupted one was, and two
//! people don't work on one clone at once without knowing.
//!
//! A person's request is a request like CloudFormation's, in the same table and with the same fence. Beside it there is one item
//! for each clone that people made: the latest request, and the properties that the clone was last brought to, which an update
//! changes some of.

use aurora_clone_core::answer::body;
use aurora_clone_core::event::RequestType;
use aurora_clone_core::hash;
use aurora_clone_core::plan::{Decision, Seen};
use aurora_clone_core::request::{Request, resource_key};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::cloud::{CallError, Cloud};
use crate::requests::{self, Stored};
use crate::table::{get, get_number, key, number, read, text};

/// A request that a person may carry out step by step.
#[derive(Clone)]
pub struct Command {
    /// Its key in the table, which holds its leases.
    pub key: String,
    /// The request.
    pub stored: Stored,
    /// When it was asked for first.
    pub began: DateTime<Utc>,
    /// Whether an earlier command asked for it, and was interrupted.
    pub resumed: bool,
    /// What that one saw, if it fails and was taking down what it made.
    pub seen: Seen,
}

/// What came of asking for something.
pub enum Opened {
    /// It can be worked on.
    Ours(Box<Command>),
    /// Another request of a person for this clone is not finished.
    Another {
        /// What it wants.
        kind: RequestType,
        /// Since when.
        began: DateTime<Utc>,
    },
}

/// What is kept of a clone that people made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    /// The properties that it was last brought to; `None` where none of its requests has succeeded.
    pub properties: Option<Value>,
    /// The ARN of the cluster that people were last told is this clone. While another incarnation is being made, or an earlier one
    /// could not be deleted, nothing else tells which one it is.
    pub current: Option<String>,
    /// The latest request, if it is not finished.
    pub open: Option<Request>,
}

fn id(request: &Request) -> String {
    format!("command#{}", resource_key(&request.stack_id, &request.logical_id))
}

/// What makes two commands the same one.
fn asked(request: &Request) -> String {
    let kind = format!("{:?}", request.kind);
    let physical = request.physical_id.clone().unwrap_or_default();
    hash::short(&[&kind, &request.properties.to_string(), &physical], 24)
}

/// Asks for something, or finds that this was asked for and is not finished. `request_id` is what nobody has used before; the
/// request itself needs none. A Delete ends whatever is not finished, as CloudFormation's does.
pub async fn open(cloud: &Cloud, request: &Request, request_id: &str) -> Result<Opened, CallError> {
    let (id, asked) = (id(request), asked(request));
    let item = read(cloud, &id).await?;
    let latest = item.as_ref().and_then(|item| get(item, "request")).map(str::to_owned);
    if let (Some(item), Some(latest)) = (&item, &latest)
        && let Some(stored) = requests::load(cloud, latest).await?.filter(|stored| stored.decision.is_none())
    {
        let began =
            get_number(item, "began").and_then(|at| DateTime::from_timestamp_millis(at.cast_signed()));
        let began = began.unwrap_or_else(|| cloud.now());
        if get(item, "asked") == Some(&asked) {
            let broken =
                |_| CallError::nonsense("GetItem", format!("what the request {latest} saw is broken"));
            let seen = get(item, "seen").map(serde_json::from_str).transpose().map_err(broken)?;
            let seen = seen.unwrap_or_default();
            let command = Command { key: latest.clone(), stored, began, resumed: true, seen };
            return Ok(Opened::Ours(Box::new(command)));
        }
        if request.kind != Some(RequestType::Delete) {
            let kind = stored.request.kind.unwrap_or(RequestType::Create);
            return Ok(Opened::Another { kind, began });
        }
    }
    let request = Request { request_id: request_id.to_owned(), ..request.clone() };
    let readable: String = request.logical_id.chars().take(40).collect();
    let key_ =
        format!("{readable}-{}", hash::short(&[&request.stack_id, &request.logical_id, request_id], 40));
    requests::record(cloud, &key_, &request, None).await?;
    let began = cloud.now();
    // Whoever asked at the same moment was first, and this one finds that out when it looks again.
    let mut call = cloud
        .dynamodb
        .update_item()
        .table_name(&cloud.table)
        .set_key(Some(key(&id)))
        .update_expression("SET #request = :request, asked = :asked, began = :began REMOVE seen")
        .expression_attribute_names("#request", "request")
        .expression_attribute_values(":request", text(&key_))
        .expression_attribute_values(":asked", text(asked))
        .expression_attribute_values(":began", number(began.timestamp_millis()));
    call = match &latest {
        None => call.condition_expression("attribute_not_exists(#request)"),
        Some(latest) => call
            .condition_expression("#request = :latest")
            .expression_attribute_values(":latest", text(latest)),
    };
    match call.send().await.map_err(|error| CallError::new("UpdateItem", error)) {
        Ok(_) => {}
        Err(error) if error.is("ConditionalCheckFailedException") => {
            // The reply to the first attempt may have been lost, and the second one finds its own.
            let item = read(cloud, &id).await?;
            if item.as_ref().and_then(|item| get(item, "request")) != Some(&key_) {
                let kind = request.kind.unwrap_or(RequestType::Create);
                return Ok(Opened::Another { kind, began });
            }
        }
        Err(error) => return Err(error),
    }
    let stored = requests::load(cloud, &key_).await?;
    let stored = stored.ok_or_else(|| CallError::nonsense("GetItem", "the request was not kept"))?;
    let command = Command { key: key_, stored, began, resumed: false, seen: Seen::default() };
    Ok(Opened::Ours(Box::new(command)))
}

/// Remembers that a request fails and takes down what it made: an interrupted one must not begin anew.
pub async fn remember(cloud: &Cloud, command: &Command, seen: &Seen) -> Result<(), CallError> {
    let seen = serde_json::to_string(seen).map_err(|error| {
        CallError::nonsense("UpdateItem", format!("what was seen can't be written: {error}"))
    })?;
    let call = cloud.dynamodb.update_item().table_name(&cloud.table);
    call.set_key(Some(key(&id(&command.stored.request))))
        .update_expression("SET seen = :seen")
        .condition_expression("#request = :request")
        .expression_attribute_names("#request", "request")
        .expression_attribute_values(":seen", text(seen))
        .expression_attribute_values(":request", text(&command.key))
        .send()
        .await
        .map_err(|error| CallError::new("UpdateItem", error))?;
    Ok(())
}

/// Keeps how a request ended, and what the clone is like by then. What is gone is forgotten.
pub async fn finish(cloud: &Cloud, command: &Command, decision: &Decision) -> Result<(), CallError> {
    let request = &command.stored.request;
    requests::decide(cloud, &command.key, &body(request, decision), &decision.events).await?;
    if !decision.success {
        return Ok(());
    }
    let named = request.physical_id.is_some();
    let kept = match request.kind {
        // Only an incarnation that was replaced is gone.
        Some(RequestType::Delete) if named => return Ok(()),
        Some(RequestType::Delete) => {
            let call = cloud.dynamodb.delete_item().table_name(&cloud.table);
            call.set_key(Some(key(&id(request))))
                .condition_expression("attribute_not_exists(#request) OR #request = :request")
                .expression_attribute_names("#request", "request")
                .expression_attribute_values(":request", text(&command.key))
                .send()
                .await
                .map(drop)
                .map_err(|error| CallError::new("DeleteItem", error))
        }
        _ => {
            let call = cloud.dynamodb.update_item().table_name(&cloud.table);
            call.set_key(Some(key(&id(request))))
                .update_expression("SET properties = :properties, #current = :current")
                .condition_expression("#request = :request")
                .expression_attribute_names("#request", "request")
                .expression_attribute_names("#current", "current")
                .expression_attribute_values(":current", text(&decision.physical_id))
                .expression_attribute_values(":properties", text(request.properties.to_string()))
                .expression_attribute_values(":request", text(&command.key))
                .send()
                .await
                .map(drop)
                .map_err(|error| CallError::new("UpdateItem", error))
        }
    };
    match kept {
        // A later request has taken over.
        Err(error) if error.is("ConditionalCheckFailedException") => Ok(()),
        other => other,
    }
}

/// What is kept of the clone that a request is about.
pub async fn kept(cloud: &Cloud, request: &Request) -> Result<Option<Kept>, CallError> {
    let Some(item) = read(cloud, &id(request)).await? else { return Ok(None) };
    let properties = get(&item, "properties").and_then(|text| serde_json::from_str(text).ok());
    let latest = match get(&item, "request") {
        Some(latest) => requests::load(cloud, latest).await?,
        None => None,
    };
    let open = latest.filter(|stored| stored.decision.is_none()).map(|stored| stored.request);
    let current = get(&item, "current").map(str::to_owned);
    Ok(Some(Kept { properties, current, open }))
}

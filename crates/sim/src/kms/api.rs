//! The API of KMS, as the wire carries it: what is where, and what the operations share.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Key, KeyState, Kms, aliases, keys};
use crate::http::{Request, Response};
use crate::json::{self, Members, constraint, error, invalid};
use crate::policy::{Policy, stranger};
use crate::world::{Config, Context};

const MOST_TAGS: usize = 50;
/// The quota of a key policy's document, in bytes.
const POLICY_LIMIT: usize = 32 * 1024;

pub(super) fn handle(kms: &mut Kms, cx: &mut Context<'_>, request: &Request) -> Response {
    json::respond(Members::parse(&request.body).and_then(|members| match json::operation(request) {
        "CreateKey" => keys::create_key(kms, cx, &members),
        "DescribeKey" => keys::describe_key(kms, cx, &members),
        "ListKeys" => keys::list_keys(kms, &members),
        "EnableKey" => keys::switch(kms, cx, &members, "EnableKey", KeyState::Enabled),
        "DisableKey" => keys::switch(kms, cx, &members, "DisableKey", KeyState::Disabled),
        "ScheduleKeyDeletion" => keys::schedule_key_deletion(kms, cx, &members),
        "CancelKeyDeletion" => keys::cancel_key_deletion(kms, cx, &members),
        "PutKeyPolicy" => keys::put_key_policy(kms, cx, &members),
        "GetKeyPolicy" => keys::get_key_policy(kms, cx, &members),
        "TagResource" => keys::tag_resource(kms, cx, &members),
        "UntagResource" => keys::untag_resource(kms, cx, &members),
        "ListResourceTags" => keys::list_resource_tags(kms, cx, &members),
        "CreateAlias" => aliases::create_alias(kms, cx, &members),
        "DeleteAlias" => aliases::delete_alias(kms, cx, &members),
        "ListAliases" => aliases::list_aliases(kms, cx, &members),
        other => Err(json::unknown(other, "KMS")),
    }))
}

/// Refuses what a key that waits for its deletion can't do.
pub(super) fn not_pending(key: &Key) -> Result<(), Response> {
    match key.state {
        KeyState::PendingDeletion => Err(wrong_state(&format!("{} is pending deletion.", key.arn))),
        _ => Ok(()),
    }
}

pub(super) fn wrong_state(message: &str) -> Response {
    error("KMSInvalidStateException", message)
}

/// The tags in a request, each once.
pub(super) fn tags(members: &Members) -> Result<BTreeMap<String, String>, Response> {
    let mut tags = BTreeMap::new();
    for tag in members.list("Tags")?.unwrap_or_default() {
        let tag = Members::of(tag, "Tags")?;
        tag.only(&["TagKey", "TagValue"])?;
        let key = tag.required("TagKey", 1, 128)?;
        let value = tag.required("TagValue", 0, 256)?;
        if key.starts_with("aws:") {
            return Err(error("TagException", "Tag keys that begin with aws: are reserved"));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(error("TagException", &format!("Duplicate tag key: {key}")));
        }
    }
    few_enough(&tags)?;
    Ok(tags)
}

pub(super) fn few_enough(tags: &BTreeMap<String, String>) -> Result<(), Response> {
    if tags.len() > MOST_TAGS {
        return Err(error("LimitExceededException", &format!("a key has at most {MOST_TAGS} tags")));
    }
    Ok(())
}

/// Refuses a key policy that AWS would not take. Who calls is known by access key only, so the lockout check asks
/// whether the policy lets anybody of the account change it.
pub(super) fn check_policy(
    kms: &Kms,
    config: &Config,
    members: &Members,
    text: &str,
) -> Result<(), Response> {
    let malformed = |message: &str| error("MalformedPolicyDocumentException", message);
    if text.len() > POLICY_LIMIT {
        return Err(error("LimitExceededException", "the policy is longer than 32 KB"));
    }
    let policy = Policy::parse(text).map_err(|problem| malformed(&problem))?;
    if stranger(&policy, kms.known_principals.as_ref()).is_some() {
        return Err(malformed("Policy contains a statement with one or more invalid principals."));
    }
    let bypass = members.boolean("BypassPolicyLockoutSafetyCheck")?;
    if !bypass && !policy.lets_account(&config.account, "kms:PutKeyPolicy") {
        return Err(malformed(
            "The new key policy will not allow you to update the key policy in the future.",
        ));
    }
    Ok(())
}

/// The position that a marker stands for.
pub(super) fn marker(members: &Members) -> Result<Option<&str>, Response> {
    match members.text("Marker", 1, 1024)? {
        None => Ok(None),
        Some(text) => text
            .strip_prefix("after-")
            .map(Some)
            .ok_or_else(|| error("InvalidMarkerException", &format!("Invalid marker: {text:?}"))),
    }
}

/// One page of a list: what it is called, its items, and the marker of its end if more follows.
pub(super) fn paged(name: &str, items: Vec<Value>, last: Option<String>) -> Value {
    let mut body = json!({ name: items, "Truncated": last.is_some() });
    if let Some(last) = last {
        body["NextMarker"] = json!(format!("after-{last}"));
    }
    body
}

/// The only name that a key policy can have.
pub(super) fn policy_name(members: &Members) -> Result<(), Response> {
    match members.text("PolicyName", 1, 128)? {
        None | Some("default") => Ok(()),
        Some(_) => Err(error("NotFoundException", "No such policy exists")),
    }
}

/// How many days a deletion waits.
pub(super) fn window(members: &Members) -> Result<i64, Response> {
    let name = "PendingWindowInDays";
    match members.integer(name)? {
        None => Ok(30),
        Some(days @ 7..=30) => Ok(days),
        Some(days) if days < 1 => Err(constraint(name, "have value greater than or equal to 1")),
        Some(days) if days > 365 => Err(constraint(name, "have value less than or equal to 365")),
        Some(days) => Err(invalid(&format!("PendingWindowInDays must be between 7 and 30, not {days}"))),
    }
}

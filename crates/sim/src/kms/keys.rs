//! The operations on keys.

use std::collections::BTreeMap;

use chrono::Duration;
use serde_json::{Value, json};

use super::api::{
    check_policy, few_enough, marker, not_pending, paged, policy_name, tags, window, wrong_state,
};
use super::audit::audit;
use super::find::{default_policy, key_arn};
use super::{Key, KeyState, Kms};
use crate::json::{Answer, Members, constraint, error, invalid, page, seconds};
use crate::world::{Config, Context};

pub(super) fn create_key(kms: &mut Kms, cx: &mut Context<'_>, members: &Members) -> Answer {
    members.only(&[
        "Policy",
        "Description",
        "KeyUsage",
        "CustomerMasterKeySpec",
        "KeySpec",
        "Origin",
        "BypassPolicyLockoutSafetyCheck",
        "Tags",
        "MultiRegion",
    ])?;
    members.fixed("KeyUsage", "ENCRYPT_DECRYPT")?;
    members.fixed("KeySpec", "SYMMETRIC_DEFAULT")?;
    members.fixed("CustomerMasterKeySpec", "SYMMETRIC_DEFAULT")?;
    members.fixed("Origin", "AWS_KMS")?;
    if members.boolean("MultiRegion")? {
        return Err(invalid("not simulated: MultiRegion"));
    }
    let description = members.text("Description", 0, 8192)?.unwrap_or_default().to_owned();
    let policy = match members.text("Policy", 1, 131_072)? {
        None => default_policy(cx.config),
        Some(text) => {
            check_policy(kms, cx.config, members, text)?;
            text.to_owned()
        }
    };
    let tags = tags(members)?;
    let id = cx.rng.uuid();
    let key = Key {
        arn: key_arn(cx.config, &id),
        id,
        description,
        state: KeyState::Enabled,
        policy,
        tags,
        aliases: BTreeMap::new(),
        is_managed: false,
        created_by: cx.principal.to_owned(),
        created_at: cx.now,
        deletion_date: None,
        gone_at: None,
    };
    let answer = json!({"KeyMetadata": metadata(cx.config, &key)});
    kms.lives.push(key);
    Ok(answer)
}

pub(super) fn describe_key(kms: &mut Kms, cx: &mut Context<'_>, members: &Members) -> Answer {
    members.only(&["KeyId"])?;
    let key = kms.described(cx, members)?;
    Ok(json!({"KeyMetadata": metadata(cx.config, key)}))
}

fn metadata(config: &Config, key: &Key) -> Value {
    let mut metadata = json!({
        "AWSAccountId": config.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": seconds(key.created_at),
        "Enabled": key.state == KeyState::Enabled,
        "Description": key.description,
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": key.state.name(),
        "Origin": "AWS_KMS",
        "KeyManager": if key.is_managed { "AWS" } else { "CUSTOMER" },
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": false,
    });
    if let Some(date) = key.deletion_date {
        metadata["DeletionDate"] = seconds(date);
    }
    metadata
}

pub(super) fn list_keys(kms: &Kms, members: &Members) -> Answer {
    members.only(&["Limit", "Marker"])?;
    let most = members.page_size("Limit", 100, 1000)?;
    let after = marker(members)?;
    let mut keys: Vec<&Key> = kms.keys().collect();
    keys.sort_by(|a, b| a.id.cmp(&b.id));
    let rest = keys.into_iter().filter(|key| after.is_none_or(|after| key.id.as_str() > after));
    let (keys, more) = page(rest, most);
    let last = keys.last().filter(|_| more).map(|key| key.id.clone());
    let keys = keys.into_iter().map(|key| json!({"KeyId": key.id, "KeyArn": key.arn}));
    Ok(paged("Keys", keys.collect(), last))
}

pub(super) fn switch(
    kms: &mut Kms,
    cx: &mut Context<'_>,
    members: &Members,
    operation: &str,
    state: KeyState,
) -> Answer {
    members.only(&["KeyId"])?;
    let key = kms.owned(cx.config, members, "KeyId")?;
    not_pending(key)?;
    audit(cx, operation, key);
    key.state = state;
    Ok(Value::Null)
}

pub(super) fn schedule_key_deletion(kms: &mut Kms, cx: &mut Context<'_>, members: &Members) -> Answer {
    members.only(&["KeyId", "PendingWindowInDays"])?;
    let days = window(members)?;
    let key = kms.owned(cx.config, members, "KeyId")?;
    not_pending(key)?;
    audit(cx, "ScheduleKeyDeletion", key);
    let date = cx.now + Duration::days(days);
    key.state = KeyState::PendingDeletion;
    key.deletion_date = Some(date);
    let answer = json!({
        "KeyId": key.arn,
        "DeletionDate": seconds(date),
        "KeyState": key.state.name(),
        "PendingWindowInDays": days,
    });
    kms.quiet_until = Some(kms.quiet_until.map_or(date, |before| before.min(date)));
    Ok(answer)
}

pub(super) fn cancel_key_deletion(kms: &mut Kms, cx: &mut Context<'_>, members: &Members) -> Answer {
    members.only(&["KeyId"])?;
    let key = kms.owned(cx.config, members, "KeyId")?;
    if key.state != KeyState::PendingDeletion {
        return Err(wrong_state(&format!("{} is not pending deletion.", key.arn)));
    }
    audit(cx, "CancelKeyDeletion", key);
    key.state = KeyState::Disabled;
    key.deletion_date = None;
    Ok(json!({"KeyId": key.arn}))
}

pub(super) fn put_key_policy(kms: &mut Kms, cx: &mut Context<'_>, members: &Members) -> Answer {
    members.only(&["KeyId", "PolicyName", "Policy", "BypassPolicyLockoutSafetyCheck"])?;
    policy_name(members)?;
    let policy = members.required("Policy", 1, 131_072)?;
    kms.owned(cx.config, members, "KeyId")?;
    check_policy(kms, cx.config, members, policy)?;
    let key = kms.owned(cx.config, members, "KeyId")?;
    audit(cx, "PutKeyPolicy", key);
    policy.clone_into(&mut key.policy);
    Ok(Value::Null)
}

pub(super) fn get_key_policy(kms: &Kms, cx: &Context<'_>, members: &Members) -> Answer {
    members.only(&["KeyId", "PolicyName"])?;
    let key = kms.named(cx.config, members.required("KeyId", 1, 2048)?)?;
    policy_name(members)?;
    Ok(json!({"Policy": key.policy, "PolicyName": "default"}))
}

pub(super) fn tag_resource(kms: &mut Kms, cx: &mut Context<'_>, members: &Members) -> Answer {
    members.only(&["KeyId", "Tags"])?;
    members.list("Tags")?.ok_or_else(|| constraint("tags", "not be null"))?;
    let tags = tags(members)?;
    let key = kms.owned(cx.config, members, "KeyId")?;
    not_pending(key)?;
    let mut all = key.tags.clone();
    all.extend(tags);
    few_enough(&all)?;
    audit(cx, "TagResource", key);
    key.tags = all;
    Ok(Value::Null)
}

pub(super) fn untag_resource(kms: &mut Kms, cx: &mut Context<'_>, members: &Members) -> Answer {
    members.only(&["KeyId", "TagKeys"])?;
    members.list("TagKeys")?.ok_or_else(|| constraint("tagKeys", "not be null"))?;
    let names = members.texts("TagKeys", 1, 128)?;
    if names.iter().any(|name| name.starts_with("aws:")) {
        return Err(error("TagException", "Tag keys that begin with aws: are reserved"));
    }
    let key = kms.owned(cx.config, members, "KeyId")?;
    not_pending(key)?;
    audit(cx, "UntagResource", key);
    key.tags.retain(|name, _| !names.contains(&name.as_str()));
    Ok(Value::Null)
}

pub(super) fn list_resource_tags(kms: &Kms, cx: &Context<'_>, members: &Members) -> Answer {
    members.only(&["KeyId", "Limit", "Marker"])?;
    let most = members.page_size("Limit", 50, 1000)?;
    let after = marker(members)?;
    let key = kms.named(cx.config, members.required("KeyId", 1, 2048)?)?;
    let rest = key.tags.iter().filter(|(name, _)| after.is_none_or(|after| name.as_str() > after));
    let (tags, more) = page(rest, most);
    let last = tags.last().filter(|_| more).map(|(name, _)| (*name).clone());
    let tags = tags.into_iter().map(|(name, value)| json!({"TagKey": name, "TagValue": value}));
    Ok(paged("Tags", tags.collect(), last))
}

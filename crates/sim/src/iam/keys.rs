//! What IAM asks about a call of KMS, and about a key that another service uses in its caller's name.

use serde_json::Value;

use super::others::{self, tags_in};
use super::{Ask, Context};
use crate::http::Request;
use crate::kms::Key;
use crate::world::World;

/// The key of a request that makes one: it has no ARN yet.
const NEW: &str = "00000000-0000-4000-8000-0000000000ff";

pub(super) fn asks(world: &World, operation: &str, request: &Request) -> Vec<Ask> {
    let body = others::body(request);
    let action = format!("kms:{operation}");
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let requested = requested(&body);
    match operation {
        "CreateKey" => {
            let mut asks = vec![Ask::new(action, "*", requested.clone())];
            if !tags_in(&body, "TagKey", "TagValue").is_empty() {
                asks.push(Ask::new("kms:TagResource", key_arn(world, NEW), requested));
            }
            asks
        }
        "ListKeys" | "ListAliases" => vec![Ask::new(action, "*", requested)],
        "CreateAlias" | "DeleteAlias" => {
            let alias = text("AliasName");
            let key = match body.get("TargetKeyId").and_then(Value::as_str) {
                Some(key) => Some(key),
                None => world.kms.key(alias).map(|key| key.id.as_str()),
            };
            let mut asks = vec![Ask::new(action.clone(), alias_arn(world, alias), requested.clone())];
            if let Some(key) = key {
                asks.push(on_key(world, action, key, requested));
            }
            asks
        }
        _ => {
            let name = text("KeyId");
            let alias = alias_of(name);
            // An alias that is not there is not found, whatever the role may do.
            if alias.starts_with("alias/") && world.kms.key(alias).is_none() {
                return Vec::new();
            }
            vec![on_key(world, action, alias, requested)]
        }
    }
}

/// What a service asks about a key in its caller's name. Keys that AWS manages are open to the account through their services.
pub(super) fn through(
    world: &World,
    asks: &mut Vec<Ask>,
    service: &str,
    key: &str,
    actions: &[&'static str],
) {
    let name = alias_of(key);
    let managed = world.kms.key(name).is_some_and(|key| key.is_managed) || name.starts_with("alias/aws/");
    if managed || world.rds.is_default_key(key) {
        return;
    }
    let suffix = if world.config.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    let via = format!("{service}.{}.{suffix}", world.config.region);
    for action in actions {
        let mut context = Context::default().with("kms:ViaService", &via);
        if *action == "kms:CreateGrant" {
            context = context.with("kms:GrantIsForAWSResource", "true");
        }
        asks.push(on_key(world, (*action).to_owned(), name, context));
    }
}

fn on_key(world: &World, action: String, name: &str, context: Context) -> Ask {
    match world.kms.key(name) {
        Some(key) => Ask::new(action, key.arn.clone(), seen(key, context)),
        None if name.starts_with("arn:") => Ask::new(action, name, context),
        None => Ask::new(action, key_arn(world, name), context),
    }
}

/// What conditions see of a key that exists.
fn seen(key: &Key, context: Context) -> Context {
    context.with_resource_tags(&key.tags).with_all("kms:ResourceAliases", key.aliases.keys().cloned())
}

/// What conditions see of the request.
fn requested(body: &Value) -> Context {
    let context = Context::default().with_request_tags(&tags_in(body, "TagKey", "TagValue"));
    match body.get("BypassPolicyLockoutSafetyCheck").and_then(Value::as_bool) {
        Some(bypass) => context.with("kms:BypassPolicyLockoutSafetyCheck", bypass.to_string()),
        None => context,
    }
}

/// The alias in an alias's ARN; any other name as it is.
fn alias_of(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((_, alias)) if alias.starts_with("alias/") => alias,
        _ => name,
    }
}

fn key_arn(world: &World, id: &str) -> String {
    alias_arn(world, &format!("key/{id}"))
}

fn alias_arn(world: &World, rest: &str) -> String {
    format!("arn:{}:kms:{}:{}:{rest}", world.config.partition, world.config.region, world.config.account)
}

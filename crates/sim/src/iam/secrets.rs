//! What IAM asks about a call of Secrets Manager, and about the key that it encrypts with in its caller's name.

use serde_json::Value;

use super::others::{self, tags_in};
use super::{Ask, Context, keys};
use crate::http::Request;
use crate::world::World;

pub(super) fn asks(world: &World, operation: &str, request: &Request) -> Vec<Ask> {
    let body = others::body(request);
    let action = format!("secretsmanager:{operation}");
    let context = requested(&body);
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    if operation == "ListSecrets" {
        return vec![Ask::new(action, "*", context)];
    }
    if operation == "CreateSecret" {
        let name = text("Name").unwrap_or_default();
        let context = context.with("secretsmanager:Name", name);
        let mut asks = vec![on_secret(world, action, name, context.clone())];
        if !tags_in(&body, "Key", "Value").is_empty() {
            asks.push(on_secret(world, "secretsmanager:TagResource".to_owned(), name, context));
        }
        if let Some(key) = text("KmsKeyId") {
            let actions = ["kms:DescribeKey", "kms:GenerateDataKey", "kms:Decrypt"];
            keys::through(world, &mut asks, "secretsmanager", key, &actions);
        }
        return asks;
    }
    let id = text("SecretId").unwrap_or_default();
    let key = found(world, id).and_then(|secret| secret.kms_key_id.as_deref());
    let mut asks = vec![on_secret(world, action, id, context)];
    let uses: &[&'static str] = match operation {
        "GetSecretValue" => &["kms:Decrypt"],
        "PutSecretValue" | "UpdateSecret" => &["kms:GenerateDataKey", "kms:Decrypt"],
        _ => &[],
    };
    if let Some(key) = key {
        keys::through(world, &mut asks, "secretsmanager", key, uses);
    }
    asks
}

/// What conditions see of the request.
fn requested(body: &Value) -> Context {
    let mut context = Context::default().with_request_tags(&tags_in(body, "Key", "Value"));
    for (member, key) in [
        ("BlockPublicPolicy", "secretsmanager:BlockPublicPolicy"),
        ("ForceDeleteWithoutRecovery", "secretsmanager:ForceDeleteWithoutRecovery"),
    ] {
        if let Some(given) = body.get(member).and_then(Value::as_bool) {
            context = context.with(key, given.to_string());
        }
    }
    if let Some(days) = body.get("RecoveryWindowInDays").and_then(Value::as_i64) {
        context = context.with("secretsmanager:RecoveryWindowInDays", days.to_string());
    }
    match body.get("TagKeys").and_then(Value::as_array) {
        Some(keys) => {
            context.with_all("aws:TagKeys", keys.iter().filter_map(|key| key.as_str().map(str::to_owned)))
        }
        None => context,
    }
}

fn found<'w>(world: &'w World, id: &str) -> Option<&'w crate::secrets::Secret> {
    world.secrets.secret(id)
}

/// A name that no secret has stands for an ARN with six characters that nobody knows.
fn on_secret(world: &World, action: String, id: &str, context: Context) -> Ask {
    if let Some(secret) = found(world, id) {
        let context = context.with_resource_tags(&secret.tags).with("secretsmanager:SecretId", &secret.arn);
        return Ask::new(action, secret.arn.clone(), context);
    }
    if id.starts_with("arn:") {
        return Ask::new(action, id, context);
    }
    let config = &world.config;
    let (partition, region, account) = (&config.partition, &config.region, &config.account);
    Ask::new(action, format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{id}-000000"), context)
}

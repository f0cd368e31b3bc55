//! The operations on resource policies.

use serde_json::json;

use super::SecretsManager;
use super::api::{error, identity};
use super::audit::{audit, audit_policy};
use crate::json::{Answer, Members};
use crate::policy::{Policy, stranger};
use crate::world::Context;

pub(super) fn put_resource_policy(
    secrets: &mut SecretsManager,
    cx: &mut Context<'_>,
    members: &Members,
) -> Answer {
    members.only(&["SecretId", "ResourcePolicy", "BlockPublicPolicy"])?;
    let text = members.required("ResourcePolicy", 1, 20_480)?;
    let block = members.boolean("BlockPublicPolicy")?;
    secrets.usable(members)?;
    let malformed = |message: &str| error("MalformedPolicyDocumentException", message);
    let policy = Policy::parse(text).map_err(|problem| {
        malformed(&format!("This resource policy contains a syntax error. ({problem})"))
    })?;
    if let Some(condition) = policy.unknown_condition() {
        return Err(malformed(&format!("not simulated: condition {condition}")));
    }
    if stranger(&policy, secrets.known_principals.as_ref()).is_some() {
        return Err(malformed("This resource policy contains an unsupported principal."));
    }
    if block && policy.is_public() {
        let message = "The BlockPublicPolicy parameter is set to true, and the resource policy did not prevent broad access to the secret.";
        return Err(error("PublicPolicyException", message));
    }
    let secret = secrets.changed(members)?;
    audit(cx, "PutResourcePolicy", secret);
    audit_policy(cx, &policy, secret);
    secret.policy = Some(text.to_owned());
    Ok(identity(secret))
}

pub(super) fn get_resource_policy(secrets: &SecretsManager, members: &Members) -> Answer {
    members.only(&["SecretId"])?;
    let secret = secrets.usable(members)?;
    let mut answer = identity(secret);
    if let Some(policy) = &secret.policy {
        answer["ResourcePolicy"] = json!(policy);
    }
    Ok(answer)
}

pub(super) fn delete_resource_policy(
    secrets: &mut SecretsManager,
    cx: &mut Context<'_>,
    members: &Members,
) -> Answer {
    members.only(&["SecretId"])?;
    let secret = secrets.changed(members)?;
    audit(cx, "DeleteResourcePolicy", secret);
    secret.policy = None;
    Ok(identity(secret))
}

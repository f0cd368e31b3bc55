//! The API of Secrets Manager, as the wire carries it: what is where, and what the operations share.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Secret, SecretsManager, delete, policies, read, write};
use crate::http::{Request, Response};
use crate::json::{self, Members, error_in, invalid};
use crate::kms::Kms;
use crate::world::Context;

const MOST_TAGS: usize = 50;

pub(super) fn handle(
    secrets: &mut SecretsManager,
    cx: &mut Context<'_>,
    kms: &mut Kms,
    request: &Request,
) -> Response {
    json::respond(Members::parse(&request.body).and_then(|members| match json::operation(request) {
        "CreateSecret" => write::create_secret(secrets, cx, kms, &members),
        "PutSecretValue" => write::put_secret_value(secrets, cx, kms, &members),
        "UpdateSecret" => write::update_secret(secrets, cx, kms, &members),
        "TagResource" => write::tag_resource(secrets, cx, &members),
        "UntagResource" => write::untag_resource(secrets, cx, &members),
        "DescribeSecret" => read::describe_secret(secrets, &members),
        "GetSecretValue" => read::get_secret_value(secrets, cx, kms, &members),
        "ListSecrets" => read::list_secrets(secrets, cx, &members),
        "DeleteSecret" => delete::delete_secret(secrets, cx, &members),
        "PutResourcePolicy" => policies::put_resource_policy(secrets, cx, &members),
        "GetResourcePolicy" => policies::get_resource_policy(secrets, &members),
        "DeleteResourcePolicy" => policies::delete_resource_policy(secrets, cx, &members),
        other => Err(json::unknown(other, "Secrets Manager")),
    }))
}

/// An error of the service itself, which spells `Message` so.
pub(super) fn error(code: &str, message: &str) -> Response {
    error_in("Message", 400, code, message)
}

pub(super) fn no_secret() -> Response {
    error("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

impl SecretsManager {
    /// Where the secret is that `SecretId` means: a name, an ARN, or an ARN without its last seven characters.
    pub(super) fn position(&self, members: &Members) -> Result<usize, Response> {
        let id = members.required("SecretId", 1, 2048)?;
        let is_it = |secret: &Secret| {
            let partial = secret.arn.len().checked_sub(7).and_then(|length| secret.arn.get(..length));
            secret.name == id || secret.arn == id || partial == Some(id)
        };
        let found = self.lives.iter().position(|secret| secret.gone_at.is_none() && is_it(secret));
        found.ok_or_else(no_secret)
    }

    /// The secret that `SecretId` means.
    pub(super) fn found(&self, members: &Members) -> Result<&Secret, Response> {
        self.lives.get(self.position(members)?).ok_or_else(no_secret)
    }

    /// The secret that `SecretId` means, unless it waits for its deletion.
    pub(super) fn usable(&self, members: &Members) -> Result<&Secret, Response> {
        let secret = self.found(members)?;
        not_deleted(secret)?;
        Ok(secret)
    }

    /// The same, to change it.
    pub(super) fn changed(&mut self, members: &Members) -> Result<&mut Secret, Response> {
        let position = self.position(members)?;
        let secret = self.lives.get_mut(position).ok_or_else(no_secret)?;
        not_deleted(secret)?;
        Ok(secret)
    }
}

pub(super) fn not_deleted(secret: &Secret) -> Result<(), Response> {
    match secret.deleted_at {
        None => Ok(()),
        Some(_) => Err(error(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )),
    }
}

/// What most operations answer.
pub(super) fn identity(secret: &Secret) -> Value {
    json!({"ARN": secret.arn, "Name": secret.name})
}

/// Names as AWS takes them.
pub(super) fn check_name(name: &str) -> Result<(), Response> {
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte)) {
        return Ok(());
    }
    Err(invalid(
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    ))
}

/// The tags in a request, each once.
pub(super) fn tags(members: &Members) -> Result<BTreeMap<String, String>, Response> {
    let mut tags = BTreeMap::new();
    for tag in members.list("Tags")?.unwrap_or_default() {
        let tag = Members::of(tag, "Tags")?;
        tag.only(&["Key", "Value"])?;
        let key = tag.required("Key", 1, 128)?;
        let value = tag.text("Value", 0, 256)?.unwrap_or_default();
        if key.starts_with("aws:") {
            let message = "Tag keys that begin with aws: are reserved.";
            return Err(error("InvalidParameterException", message));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(error("InvalidParameterException", &format!("Duplicate tag key: {key}")));
        }
    }
    few_enough(&tags)?;
    Ok(tags)
}

pub(super) fn few_enough(tags: &BTreeMap<String, String>) -> Result<(), Response> {
    if tags.len() > MOST_TAGS {
        let message = format!("A secret has at most {MOST_TAGS} tags.");
        return Err(error("InvalidParameterException", &message));
    }
    Ok(())
}

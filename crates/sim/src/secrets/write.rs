//! The operations that make and change secrets.

use serde_json::json;

use super::api::{check_name, error, few_enough, identity, tags};
use super::audit::audit;
use super::{Secret, SecretsManager};
use crate::http::Response;
use crate::json::{Answer, Members, constraint};
use crate::kms::{Kms, Unusable};
use crate::world::{Config, Context};

/// The key of AWS that encrypts where none is named.
const OWN_KEY: &str = "alias/aws/secretsmanager";
const LONGEST_VALUE: usize = 65_536;

pub(super) fn create_secret(
    secrets: &mut SecretsManager,
    cx: &mut Context<'_>,
    kms: &mut Kms,
    members: &Members,
) -> Answer {
    members.only(&["Name", "ClientRequestToken", "Description", "KmsKeyId", "SecretString", "Tags"])?;
    let name = members.required("Name", 1, 512)?;
    check_name(name)?;
    let description = members.text("Description", 0, 2048)?.map(str::to_owned);
    let key = key_id(members)?.flatten();
    let value = value(members)?;
    let tags = tags(members)?;
    if let Some(existing) = secrets.iter().find(|secret| secret.name == name) {
        return again(existing, value);
    }
    let mut secret = Secret {
        name: name.to_owned(),
        arn: arn(cx, name),
        description,
        kms_key_id: key,
        policy: None,
        tags,
        versions: Vec::new(),
        created_by: cx.principal.to_owned(),
        created_at: cx.now,
        changed_at: cx.now,
        deleted_at: None,
        deletion_date: None,
        gone_at: None,
        gone_due: None,
    };
    let mut answer = identity(&secret);
    if let Some((token, value)) = value {
        let key = encrypting(kms, cx, secret.kms_key_id.as_deref())?;
        secret.push(cx.now, token, value, key);
        answer["VersionId"] = json!(token);
    }
    secrets.lives.push(secret);
    Ok(answer)
}

/// A creation where the name is in use: a repeated request finds what it made.
fn again(existing: &Secret, value: Option<(&str, &str)>) -> Answer {
    if existing.deleted_at.is_some() {
        return Err(error(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        ));
    }
    let made = value.and_then(|(token, value)| {
        let made_by_it = |version: &&super::Version| version.id == token && version.value == value;
        existing.versions.iter().find(made_by_it)
    });
    match made {
        Some(version) => {
            let mut answer = identity(existing);
            answer["VersionId"] = json!(version.id);
            Ok(answer)
        }
        None => Err(error(
            "ResourceExistsException",
            &format!("The operation failed because the secret {} already exists.", existing.name),
        )),
    }
}

pub(super) fn put_secret_value(
    secrets: &mut SecretsManager,
    cx: &mut Context<'_>,
    kms: &mut Kms,
    members: &Members,
) -> Answer {
    members.only(&["SecretId", "ClientRequestToken", "SecretString"])?;
    let (token, value) = value(members)?.ok_or_else(|| {
        error("InvalidParameterException", "You must provide either SecretString or SecretBinary.")
    })?;
    let secret = secrets.changed(members)?;
    match secret.versions.iter().find(|version| version.id == token) {
        Some(version) if version.value == value => {}
        Some(_) => {
            return Err(error(
                "ResourceExistsException",
                &format!(
                    "You can't use ClientRequestToken {token} because that value is already in use for a version of secret {}.",
                    secret.arn
                ),
            ));
        }
        None => {
            let key = encrypting(kms, cx, secret.kms_key_id.as_deref())?;
            secret.push(cx.now, token, value, key);
        }
    }
    audit(cx, "PutSecretValue", secret);
    let mut answer = identity(secret);
    answer["VersionId"] = json!(token);
    let stage = secret.versions.iter().find(|version| version.id == token).and_then(|version| version.stage);
    if let Some(stage) = stage {
        answer["VersionStages"] = json!([stage]);
    }
    Ok(answer)
}

pub(super) fn update_secret(
    secrets: &mut SecretsManager,
    cx: &mut Context<'_>,
    kms: &mut Kms,
    members: &Members,
) -> Answer {
    members.only(&["SecretId", "ClientRequestToken", "Description", "KmsKeyId"])?;
    members.text("ClientRequestToken", 32, 64)?;
    let description = members.text("Description", 0, 2048)?;
    let key = key_id(members)?;
    let secret = secrets.changed(members)?;
    if let Some(key) = key {
        // The versions that have a stage are encrypted anew, which takes both keys.
        let arn = encrypting(kms, cx, key.as_deref())?;
        for version in secret.versions.iter().filter(|version| version.stage.is_some()) {
            decrypting(kms, cx, &version.key)?;
        }
        for version in secret.versions.iter_mut().filter(|version| version.stage.is_some()) {
            version.key.clone_from(&arn);
        }
        secret.kms_key_id = key;
    }
    if let Some(description) = description {
        secret.description = Some(description.to_owned());
    }
    secret.changed_at = cx.now;
    audit(cx, "UpdateSecret", secret);
    Ok(identity(secret))
}

pub(super) fn tag_resource(secrets: &mut SecretsManager, cx: &mut Context<'_>, members: &Members) -> Answer {
    members.only(&["SecretId", "Tags"])?;
    members.list("Tags")?.ok_or_else(|| constraint("tags", "not be null"))?;
    let tags = tags(members)?;
    let secret = secrets.changed(members)?;
    let mut all = secret.tags.clone();
    all.extend(tags);
    few_enough(&all)?;
    audit(cx, "TagResource", secret);
    secret.tags = all;
    secret.changed_at = cx.now;
    Ok(serde_json::Value::Null)
}

pub(super) fn untag_resource(
    secrets: &mut SecretsManager,
    cx: &mut Context<'_>,
    members: &Members,
) -> Answer {
    members.only(&["SecretId", "TagKeys"])?;
    members.list("TagKeys")?.ok_or_else(|| constraint("tagKeys", "not be null"))?;
    let names = members.texts("TagKeys", 1, 128)?;
    let secret = secrets.changed(members)?;
    audit(cx, "UntagResource", secret);
    secret.tags.retain(|name, _| !names.contains(&name.as_str()));
    secret.changed_at = cx.now;
    Ok(serde_json::Value::Null)
}

/// The member `KmsKeyId`: absent, AWS's own key, or another.
fn key_id(members: &Members) -> Result<Option<Option<String>>, Response> {
    let given = members.text("KmsKeyId", 0, 2048)?;
    Ok(given.map(|key| (!key.is_empty() && key != OWN_KEY).then(|| key.to_owned())))
}

/// The token and the value of a new version. The SDKs fill the token in, so only a raw request lacks it.
fn value(members: &Members) -> Result<Option<(&str, &str)>, Response> {
    let token = members.text("ClientRequestToken", 32, 64)?;
    let Some(value) = members.text("SecretString", 1, LONGEST_VALUE)? else { return Ok(None) };
    if value.len() > LONGEST_VALUE {
        return Err(constraint(
            "secretString",
            &format!("have length less than or equal to {LONGEST_VALUE}"),
        ));
    }
    let token = token.ok_or_else(|| {
        error(
            "InvalidRequestException",
            "You must provide a ClientRequestToken value. We recommend a UUID-type value.",
        )
    })?;
    Ok(Some((token, value)))
}

/// The ARN of the key that a new version is encrypted with.
fn encrypting(kms: &mut Kms, cx: &mut Context<'_>, key: Option<&str>) -> Result<String, Response> {
    let failure = |why: Unusable| {
        let message = format!(
            "Secrets Manager can't encrypt the protected secret text using the provided KMS key ({}).",
            why.text()
        );
        error("EncryptionFailure", &message)
    };
    kms.usable(cx, key.unwrap_or(OWN_KEY)).map_err(failure)
}

/// Whether a key still decrypts.
pub(super) fn decrypting(kms: &mut Kms, cx: &mut Context<'_>, key: &str) -> Result<(), Response> {
    let failure = |why: Unusable| {
        let message = format!(
            "Secrets Manager can't decrypt the protected secret text using the provided KMS key ({}).",
            why.text()
        );
        error("DecryptionFailure", &message)
    };
    kms.usable(cx, key).map(drop).map_err(failure)
}

/// A new ARN: the name and six random characters.
pub(super) fn arn(cx: &mut Context<'_>, name: &str) -> String {
    const CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut suffix = String::new();
    for _ in 0..6 {
        let drawn = usize::try_from(cx.rng.between(0, 61)).unwrap_or_default();
        suffix.push(CHARACTERS.get(drawn).map_or('x', |byte| char::from(*byte)));
    }
    let Config { partition, region, account, .. } = cx.config;
    format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-{suffix}")
}

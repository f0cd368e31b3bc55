//! The operations that only look.

use serde_json::{Map, Value, json};

use super::api::error;
use super::filter::Filters;
use super::write::decrypting;
use super::{Secret, SecretsManager, Version};
use crate::json::{Answer, Members, page, seconds};
use crate::kms::Kms;
use crate::world::Context;

pub(super) fn describe_secret(secrets: &SecretsManager, members: &Members) -> Answer {
    members.only(&["SecretId"])?;
    Ok(Value::Object(described(secrets.found(members)?, "VersionIdsToStages")))
}

/// What DescribeSecret and ListSecrets tell; they differ in what they call the versions.
fn described(secret: &Secret, versions_name: &str) -> Map<String, Value> {
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put("ARN", json!(secret.arn));
    put("Name", json!(secret.name));
    put("CreatedDate", seconds(secret.created_at));
    put("LastChangedDate", seconds(secret.changed_at));
    if let Some(description) = secret.description.as_ref().filter(|text| !text.is_empty()) {
        put("Description", json!(description));
    }
    if let Some(key) = &secret.kms_key_id {
        put("KmsKeyId", json!(key));
    }
    if let Some(date) = secret.deletion_date {
        put("DeletedDate", seconds(date));
    }
    if !secret.tags.is_empty() {
        let tags = secret.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
        put("Tags", tags.collect());
    }
    let staged =
        secret.versions.iter().filter_map(|version| Some((version.id.clone(), json!([version.stage?]))));
    let staged: Map<String, Value> = staged.collect();
    if !staged.is_empty() {
        put(versions_name, Value::Object(staged));
    }
    body
}

pub(super) fn get_secret_value(
    secrets: &SecretsManager,
    cx: &mut Context<'_>,
    kms: &mut Kms,
    members: &Members,
) -> Answer {
    members.only(&["SecretId", "VersionId", "VersionStage"])?;
    let id = members.text("VersionId", 32, 64)?;
    let stage = members.text("VersionStage", 1, 256)?;
    let secret = secrets.usable(members)?;
    let wanted = |version: &&Version| {
        id.is_none_or(|id| version.id == id)
            && match stage.or_else(|| id.is_none().then_some("AWSCURRENT")) {
                Some(stage) => version.stage == Some(stage),
                None => true,
            }
    };
    let version = secret.versions.iter().find(wanted).ok_or_else(|| {
        let what = match id {
            Some(id) => format!("VersionId: {id}"),
            None => format!("staging label: {}", stage.unwrap_or("AWSCURRENT")),
        };
        let message = format!("Secrets Manager can't find the specified secret value for {what}");
        error("ResourceNotFoundException", &message)
    })?;
    decrypting(kms, cx, &version.key)?;
    let mut body = json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": version.id,
        "SecretString": version.value,
        "CreatedDate": seconds(version.created_at),
    });
    if let Some(stage) = version.stage {
        body["VersionStages"] = json!([stage]);
    }
    Ok(body)
}

pub(super) fn list_secrets(secrets: &SecretsManager, cx: &Context<'_>, members: &Members) -> Answer {
    members.only(&["IncludePlannedDeletion", "MaxResults", "NextToken", "Filters"])?;
    let most = members.page_size("MaxResults", 100, 100)?;
    let planned = members.boolean("IncludePlannedDeletion")?;
    let filters = Filters::parse(members)?;
    let from: usize = match members.text("NextToken", 1, 4096)? {
        None => 0,
        Some(token) => token
            .strip_prefix("from-")
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| error("InvalidNextTokenException", "The NextToken value is invalid."))?,
    };
    let seen_at = secrets.stale_lists.map_or(cx.now, |age| cx.now - age);
    let was_there = |secret: &Secret| {
        secret.created_at <= seen_at
            && secret.gone_at.is_none_or(|gone| gone > seen_at)
            && (planned || secret.deleted_at.is_none_or(|deleted| deleted > seen_at))
    };
    let matching = secrets.lives.iter().enumerate().skip(from);
    let matching = matching.filter(|(_, secret)| was_there(secret) && filters.take(secret));
    let (found, more) = page(matching, most);
    let next = found.last().filter(|_| more).map(|(number, _)| number + 1);
    let listed = found.into_iter().map(|(_, secret)| described(secret, "SecretVersionsToStages"));
    let mut body = json!({"SecretList": listed.collect::<Vec<_>>()});
    if let Some(next) = next {
        body["NextToken"] = json!(format!("from-{next}"));
    }
    Ok(body)
}

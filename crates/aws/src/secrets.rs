//! Secrets: the room in Secrets Manager where our clones' passwords are. A password passes through here on its way from chance to
//! the secret and from the secret to RDS, and nowhere else.

use aurora_clone_core::guard::{Owned, OwnedSecret};
use aurora_clone_core::names::tag;
use aurora_clone_core::password;
use aurora_clone_core::plan::NewSecret;
use aurora_clone_core::snapshot::SecretState;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, Tag};

use crate::cloud::{CallError, Cloud};
use crate::execute::{Outcome, changed, judge};

/// What is known of a secret by its name, and never its value; `None` if there is none.
pub async fn observe(cloud: &Cloud, name: &str) -> Result<Option<SecretState>, CallError> {
    let found = cloud.secrets.describe_secret().secret_id(name).send().await;
    let found = match found.map_err(|error| CallError::new("DescribeSecret", error)) {
        Ok(found) => found,
        Err(error) if error.is("ResourceNotFoundException") => return Ok(None),
        Err(error) => return Err(error),
    };
    let missing =
        || CallError::nonsense("DescribeSecret", format!("the secret {name} was described without ARN"));
    let deleting = found.deleted_date().is_some();
    let policy = if deleting { None } else { policy(cloud, name).await? };
    Ok(Some(SecretState {
        name: found.name().unwrap_or(name).to_owned(),
        arn: found.arn().ok_or_else(missing)?.to_owned(),
        key: found.kms_key_id().map(str::to_owned),
        tags: found
            .tags()
            .iter()
            .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
            .collect(),
        policy,
        deleting,
    }))
}

/// The most pages that are read of a listing.
const MAX_PAGES: usize = 1_000;

/// Every secret whose name begins with `prefix` and whose tags name this manager. Listings lag behind, and tell no policy.
pub async fn list(cloud: &Cloud, prefix: &str, manager: &str) -> Result<Vec<SecretState>, CallError> {
    const OPERATION: &str = "ListSecrets";
    let filter = |key: FilterNameStringType, value: &str| Filter::builder().key(key).values(value).build();
    // The filters match beginnings, each of any tag: they only save pages.
    let filters = vec![
        filter(FilterNameStringType::Name, prefix),
        filter(FilterNameStringType::TagKey, tag::MANAGER),
        filter(FilterNameStringType::TagValue, manager),
    ];
    let (mut secrets, mut token) = (Vec::new(), None);
    for _ in 0..MAX_PAGES {
        let call = cloud.secrets.list_secrets().max_results(100).set_filters(Some(filters.clone()));
        let page = call.set_next_token(token.clone()).send().await;
        let page = page.map_err(|error| CallError::new(OPERATION, error))?;
        for entry in page.secret_list() {
            let (Some(name), Some(arn)) = (entry.name(), entry.arn()) else {
                return Err(CallError::nonsense(OPERATION, "a secret without name or ARN was listed"));
            };
            let secret = SecretState {
                name: name.to_owned(),
                arn: arn.to_owned(),
                key: entry.kms_key_id().map(str::to_owned),
                tags: entry
                    .tags()
                    .iter()
                    .filter_map(|tag| {
                        Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))
                    })
                    .collect(),
                policy: None,
                deleting: entry.deleted_date().is_some(),
            };
            let ours = secret.tags.get(tag::MANAGER).is_some_and(|of| of == manager);
            let twice = secrets.iter().any(|known: &SecretState| known.arn == secret.arn);
            if ours && name.starts_with(prefix) && !twice {
                secrets.push(secret);
            }
        }
        let next = page.next_token().filter(|next| !next.is_empty()).map(str::to_owned);
        if next.is_none() {
            return Ok(secrets);
        }
        if next == token {
            break;
        }
        token = next;
    }
    Err(CallError::nonsense(OPERATION, "the listing does not end"))
}

async fn policy(cloud: &Cloud, name: &str) -> Result<Option<String>, CallError> {
    let found = cloud.secrets.get_resource_policy().secret_id(name).send().await;
    match found.map_err(|error| CallError::new("GetResourcePolicy", error)) {
        Ok(found) => Ok(found.resource_policy().filter(|policy| !policy.is_empty()).map(str::to_owned)),
        Err(error) if error.is("ResourceNotFoundException") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes a secret with a new random password in it.
pub async fn create(cloud: &Cloud, new: &NewSecret) -> Result<Outcome, CallError> {
    let chance = rustls::crypto::ring::default_provider().secure_random;
    let password = password::draw(|bytes| chance.fill(bytes))
        .map_err(|_| CallError::nonsense("CreateSecret", "the operating system gives no random bytes"))?;
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let call = cloud
        .secrets
        .create_secret()
        .name(&new.name)
        .description(format!("The master password of the Aurora clone {}", new.cluster.identifier()))
        .set_kms_key_id(new.key.clone())
        .secret_string(new.connection.with(&password).expose())
        .set_tags(Some(new.tags.iter().map(tag).collect()));
    match call.send().await.map_err(|error| CallError::new("CreateSecret", error)) {
        Ok(_) => Ok(Outcome::Done),
        // From an earlier attempt, or somebody else's: the next look tells.
        Err(error) if error.is("ResourceExistsException") => Ok(Outcome::Done),
        // "… a secret with this name is already scheduled for deletion": the name comes free.
        Err(error) => judge(error, &["InvalidRequestException"]),
    }
}

/// Replaces a secret's resource policy, which may not be public; `None` deletes it.
pub async fn put_policy(
    cloud: &Cloud,
    secret: &OwnedSecret,
    policy: Option<&str>,
) -> Result<Outcome, CallError> {
    let result = match policy {
        Some(policy) => {
            let call = cloud
                .secrets
                .put_resource_policy()
                .secret_id(secret.arn())
                .resource_policy(policy)
                .block_public_policy(true);
            call.send().await.map(drop).map_err(|error| CallError::new("PutResourcePolicy", error))
        }
        None => {
            let call = cloud.secrets.delete_resource_policy().secret_id(secret.arn());
            call.send().await.map(drop).map_err(|error| CallError::new("DeleteResourcePolicy", error))
        }
    };
    match result {
        Ok(()) => Ok(Outcome::Done),
        Err(error) => judge(error, &["ResourceNotFoundException"]),
    }
}

/// Sets the master password of a cluster to the one in its secret, and notes that on the secret. When the reply is lost, the same
/// password is set again.
pub async fn set_password(
    cloud: &Cloud,
    cluster: &Owned,
    secret: &OwnedSecret,
) -> Result<Outcome, CallError> {
    if let Some(outcome) = changed(cloud, cluster).await? {
        return Ok(outcome);
    }
    let found = cloud.secrets.get_secret_value().secret_id(secret.arn()).send().await;
    let found = match found.map_err(|error| CallError::new("GetSecretValue", error)) {
        Ok(found) => found,
        Err(error) => return judge(error, &["ResourceNotFoundException"]),
    };
    let Some(password) = found.secret_string().and_then(password::within) else {
        return Ok(Outcome::Refused(format!(
            "the secret {} holds no password that RDS takes",
            secret.name()
        )));
    };
    let call = cloud
        .rds
        .modify_db_cluster()
        .db_cluster_identifier(cluster.identifier())
        .master_user_password(password.expose())
        .apply_immediately(true);
    if let Err(error) = call.send().await.map_err(|error| CallError::new("ModifyDBCluster", error)) {
        return judge(error, &["InvalidDBClusterStateFault"]);
    }
    let note = Tag::builder().key(tag::SET_ON).value(cluster.resource_id()).build();
    let call = cloud.secrets.tag_resource().secret_id(secret.arn()).tags(note);
    match call.send().await.map_err(|error| CallError::new("TagResource", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) => judge(error, &["ResourceNotFoundException"]),
    }
}

/// Deletes a secret for good: it is the password of a database that is gone.
pub async fn delete(cloud: &Cloud, secret: &OwnedSecret) -> Result<Outcome, CallError> {
    let call = cloud.secrets.delete_secret().secret_id(secret.arn()).force_delete_without_recovery(true);
    match call.send().await.map_err(|error| CallError::new("DeleteSecret", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) if error.is("ResourceNotFoundException") => Ok(Outcome::Done),
        // What is gone has no tag that gives the right to delete it, so a repeated deletion may be a denial.
        Err(error) if error.is("AccessDeniedException") && observe(cloud, secret.arn()).await?.is_none() => {
            Ok(Outcome::Done)
        }
        Err(error) => judge(error, &["InvalidRequestException"]),
    }
}

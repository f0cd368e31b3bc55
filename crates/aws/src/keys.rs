//! KMS keys that are made for one clone's secret. `CreateKey` has no name and no token, so a key is found by an alias, and one
//! whose alias could not be made any more by its description.

use aurora_clone_core::guard::OwnedKey;
use aurora_clone_core::plan::NewKey;
use aurora_clone_core::snapshot::KeyState;
use aurora_clone_core::tags::Tags;
use aws_sdk_kms::types::{KeyState as State, Tag};

use crate::cloud::{CallError, Cloud};
use crate::execute::{Outcome, judge};
use crate::table::{self, key as item_key, number};

/// The least number of days that KMS waits before it deletes a key.
const WINDOW: i32 = 7;
/// The most pages that are read of a listing.
const MAX_PAGES: usize = 1_000;
/// How long the note of a key's making is kept, in seconds.
const KEPT: i64 = 30 * 86_400;

/// What is known of a key by its alias; `None` if there is none.
pub async fn observe(cloud: &Cloud, alias: &str) -> Result<Option<KeyState>, CallError> {
    let found = cloud.kms.describe_key().key_id(alias).send().await;
    let found = match found.map_err(|error| CallError::new("DescribeKey", error)) {
        Ok(found) => found,
        Err(error) if error.is("NotFoundException") => return Ok(None),
        Err(error) => return Err(error),
    };
    let missing = || CallError::nonsense("DescribeKey", format!("the key {alias} was described without ARN"));
    let metadata = found.key_metadata().ok_or_else(missing)?;
    let arn = metadata.arn().ok_or_else(missing)?.to_owned();
    let deleting = is_deleting(metadata.key_state());
    let policy = if deleting { None } else { policy(cloud, &arn).await? };
    Ok(Some(KeyState { tags: tags(cloud, &arn).await?, policy, deleting, arn }))
}

/// What the aliases of our keys begin with.
const ALIASES: &str = "alias/aurora-clone/";

/// Every key that has an alias of ours, by that alias, without its policy. One that goes while this is read is left out; one that
/// we may not read is somebody else's.
pub async fn list(cloud: &Cloud) -> Result<Vec<(String, KeyState)>, CallError> {
    const OPERATION: &str = "ListAliases";
    let (mut keys, mut marker): (Vec<(String, KeyState)>, Option<String>) = (Vec::new(), None);
    for _ in 0..MAX_PAGES {
        let page = cloud.kms.list_aliases().limit(100).set_marker(marker.clone()).send().await;
        let page = page.map_err(|error| CallError::new(OPERATION, error))?;
        for entry in page.aliases() {
            let named = entry.alias_name().filter(|alias| alias.starts_with(ALIASES));
            let Some((alias, id)) = named.zip(entry.target_key_id()) else { continue };
            if keys.iter().any(|(known, _)| known == alias) {
                continue;
            }
            match listed(cloud, id).await {
                Ok(key) => keys.push((alias.to_owned(), key)),
                Err(error) if error.is_passing() => return Err(error),
                Err(_) => {}
            }
        }
        if !page.truncated() {
            return Ok(keys);
        }
        let next = page.next_marker().map(str::to_owned);
        if next.is_none() || next == marker {
            break;
        }
        marker = next;
    }
    Err(CallError::nonsense(OPERATION, "the listing does not end"))
}

async fn listed(cloud: &Cloud, id: &str) -> Result<KeyState, CallError> {
    let found = cloud.kms.describe_key().key_id(id).send().await;
    let found = found.map_err(|error| CallError::new("DescribeKey", error))?;
    let metadata = found.key_metadata().and_then(|metadata| Some((metadata.arn()?, metadata.key_state())));
    let (arn, state) = metadata.ok_or_else(|| {
        CallError::nonsense("DescribeKey", format!("the key {id} was described without ARN"))
    })?;
    let tags = tags(cloud, arn).await?;
    Ok(KeyState { arn: arn.to_owned(), tags, policy: None, deleting: is_deleting(state) })
}

fn is_deleting(state: Option<&State>) -> bool {
    matches!(state, Some(State::PendingDeletion | State::PendingReplicaDeletion))
}

async fn policy(cloud: &Cloud, arn: &str) -> Result<Option<String>, CallError> {
    let found = cloud.kms.get_key_policy().key_id(arn).policy_name("default").send().await;
    let found = found.map_err(|error| CallError::new("GetKeyPolicy", error))?;
    Ok(found.policy().map(str::to_owned))
}

async fn tags(cloud: &Cloud, arn: &str) -> Result<Tags, CallError> {
    let found = cloud.kms.list_resource_tags().key_id(arn).send().await;
    let found = found.map_err(|error| CallError::new("ListResourceTags", error))?;
    // A page takes 50, and a key has no more.
    if found.truncated() {
        return Err(CallError::nonsense("ListResourceTags", "a key has more tags than KMS takes"));
    }
    let tags = found.tags().iter();
    Ok(tags.map(|tag| (tag.tag_key().to_owned(), tag.tag_value().to_owned())).collect())
}

/// Makes a key and its alias; only one attempt at a time may. A key that an earlier one made and could not name is found again.
pub async fn create(cloud: &Cloud, new: &NewKey) -> Result<Outcome, CallError> {
    let found = match begun(cloud, &new.alias).await? {
        true => None,
        false => unnamed(cloud, &new.alias, |key| key.tags == new.tags).await?,
    };
    let arn = match found {
        Some(key) => key.arn,
        None => match create_key(cloud, new).await {
            Ok(arn) => arn,
            Err(error) => return judge(error, &[]),
        },
    };
    let call = cloud.kms.create_alias().alias_name(&new.alias).target_key_id(&arn);
    match call.send().await.map_err(|error| CallError::new("CreateAlias", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) if error.is("AlreadyExistsException") => Ok(Outcome::Done),
        Err(error) => judge(error, &["KMSInvalidStateException"]),
    }
}

/// The id of the note that a key is being made.
fn note(alias: &str) -> String {
    format!("key#{alias}")
}

/// Notes that a key is being made; `true` the first time. Only who comes later has to look for one.
async fn begun(cloud: &Cloud, alias: &str) -> Result<bool, CallError> {
    let result = cloud
        .dynamodb
        .put_item()
        .table_name(&cloud.table)
        .set_item(Some(item_key(&note(alias))))
        .item("ttl", number(cloud.now().timestamp() + KEPT))
        .condition_expression("attribute_not_exists(id)")
        .send()
        .await;
    match result.map_err(|error| CallError::new("PutItem", error)) {
        Ok(_) => Ok(true),
        Err(error) if error.is("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(error),
    }
}

async fn create_key(cloud: &Cloud, new: &NewKey) -> Result<String, CallError> {
    let tag = |(key, value): (&String, &String)| {
        Tag::builder()
            .tag_key(key)
            .tag_value(value)
            .build()
            .map_err(|error| CallError::nonsense("CreateKey", format!("a tag can't be written: {error}")))
    };
    let tags: Vec<Tag> = new.tags.iter().map(tag).collect::<Result<_, _>>()?;
    // Every call that is executed makes a key, so it is not repeated blindly.
    let once =
        aws_sdk_kms::config::Builder::new().retry_config(aws_smithy_types::retry::RetryConfig::disabled());
    let call = cloud
        .kms
        .create_key()
        .description(&new.alias)
        .policy(&new.policy)
        .set_tags(Some(tags))
        .customize()
        .config_override(once);
    let made = call.send().await.map_err(|error| CallError::new("CreateKey", error))?;
    let arn = made.key_metadata().and_then(|metadata| metadata.arn());
    arn.map(str::to_owned).ok_or_else(|| CallError::nonsense("CreateKey", "a key without ARN was made"))
}

/// A key that was made to have this alias, and whose maker died before it could be named; `None` if there is none, or if nobody
/// ever began to make one.
pub async fn nameless(
    cloud: &Cloud,
    alias: &str,
    is_ours: impl Fn(&KeyState) -> bool,
) -> Result<Option<KeyState>, CallError> {
    match table::read(cloud, &note(alias)).await? {
        Some(_) => unnamed(cloud, alias, is_ours).await,
        None => Ok(None),
    }
}

/// A key whose description is this alias, whether or not it has it.
async fn unnamed(
    cloud: &Cloud,
    alias: &str,
    is_ours: impl Fn(&KeyState) -> bool,
) -> Result<Option<KeyState>, CallError> {
    let mut marker = None;
    for _ in 0..MAX_PAGES {
        let page = cloud.kms.list_keys().limit(1_000).set_marker(marker).send().await;
        let page = page.map_err(|error| CallError::new("ListKeys", error))?;
        for entry in page.keys() {
            let Some(arn) = entry.key_arn() else { continue };
            let found = cloud.kms.describe_key().key_id(arn).send().await;
            let found = match found.map_err(|error| CallError::new("DescribeKey", error)) {
                Ok(found) => found,
                // Nobody knows what it is: it may be the one.
                Err(error) if error.is_passing() => return Err(error),
                // Somebody else's, or gone.
                Err(_) => continue,
            };
            let named = found.key_metadata().is_some_and(|metadata| {
                metadata.description() == Some(alias) && !is_deleting(metadata.key_state())
            });
            if named {
                let (tags, arn) = (tags(cloud, arn).await?, arn.to_owned());
                let key = KeyState { tags, policy: None, deleting: false, arn };
                if is_ours(&key) {
                    return Ok(Some(key));
                }
            }
        }
        marker = page.next_marker().map(str::to_owned);
        if !page.truncated() {
            return Ok(None);
        }
    }
    Err(CallError::nonsense("ListKeys", "the listing does not end"))
}

/// Replaces a key's policy.
pub async fn put_policy(cloud: &Cloud, key: &OwnedKey, policy: &str) -> Result<Outcome, CallError> {
    let call = cloud.kms.put_key_policy().key_id(key.arn()).policy_name("default").policy(policy);
    match call.send().await.map_err(|error| CallError::new("PutKeyPolicy", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) => judge(error, &["KMSInvalidStateException"]),
    }
}

/// Has a key deleted, and deletes its alias: in this order, so that a key is found until it goes.
pub async fn delete(cloud: &Cloud, key: &OwnedKey) -> Result<Outcome, CallError> {
    let call = cloud.kms.schedule_key_deletion().key_id(key.arn()).pending_window_in_days(WINDOW);
    match call.send().await.map_err(|error| CallError::new("ScheduleKeyDeletion", error)) {
        Ok(_) => {}
        // It goes already, or is gone.
        Err(error) if error.is("KMSInvalidStateException") || error.is("NotFoundException") => {}
        Err(error) => return judge(error, &[]),
    }
    let call = cloud.kms.delete_alias().alias_name(key.alias());
    match call.send().await.map_err(|error| CallError::new("DeleteAlias", error)) {
        Ok(_) => {}
        Err(error) if error.is("NotFoundException") => {}
        Err(error) => return judge(error, &[]),
    }
    let forget = cloud.dynamodb.delete_item().table_name(&cloud.table);
    let forget = forget.set_key(Some(item_key(&note(key.alias())))).send().await;
    forget.map_err(|error| CallError::new("DeleteItem", error))?;
    Ok(Outcome::Done)
}

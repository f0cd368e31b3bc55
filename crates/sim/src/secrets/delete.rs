//! How a secret goes: at the end of a recovery window, or soon and in the background.

use chrono::Duration;
use serde_json::json;

use super::SecretsManager;
use super::api::{check_name, error, identity, no_secret, not_deleted};
use super::audit::audit;
use super::write::arn;
use crate::json::{Answer, Members, seconds};
use crate::world::Context;

pub(super) fn delete_secret(secrets: &mut SecretsManager, cx: &mut Context<'_>, members: &Members) -> Answer {
    members.only(&["SecretId", "RecoveryWindowInDays", "ForceDeleteWithoutRecovery"])?;
    let id = members.required("SecretId", 1, 2048)?;
    let force = members.boolean("ForceDeleteWithoutRecovery")?;
    let days = match members.integer("RecoveryWindowInDays")? {
        Some(_) if force => {
            return Err(error(
                "InvalidParameterException",
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
            ));
        }
        None => 30,
        Some(days @ 7..=30) => days,
        Some(_) => {
            return Err(error(
                "InvalidParameterException",
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
            ));
        }
    };
    let Ok(position) = secrets.position(members) else {
        if !force {
            return Err(no_secret());
        }
        // AWS lets a forced deletion of nothing succeed, with an ARN that nothing has.
        let (name, arn) = match id.split_once(":secret:") {
            Some((_, name)) => (name.to_owned(), id.to_owned()),
            None => {
                check_name(id)?;
                (id.to_owned(), arn(cx, id))
            }
        };
        return Ok(json!({"ARN": arn, "Name": name, "DeletionDate": seconds(cx.now)}));
    };
    let (low, high) = secrets.force_delete_seconds;
    let secret = secrets.lives.get_mut(position).ok_or_else(no_secret)?;
    let (date, due) = if force {
        let wait = i64::try_from(cx.rng.between(low, high)).unwrap_or_default();
        (cx.now, cx.now + Duration::seconds(wait))
    } else {
        not_deleted(secret)?;
        (cx.now + Duration::days(days), cx.now + Duration::days(days))
    };
    audit(cx, "DeleteSecret", secret);
    secret.deleted_at.get_or_insert(cx.now);
    secret.deletion_date = Some(secret.deletion_date.map_or(date, |before| before.min(date)));
    // A second forced deletion does not put off what the first one began.
    secret.gone_due = Some(secret.gone_due.map_or(due, |before| before.min(due)));
    let mut answer = identity(secret);
    secrets.quiet_until = Some(secrets.quiet_until.map_or(due, |before| before.min(due)));
    answer["DeletionDate"] = seconds(date);
    Ok(answer)
}

//! The operations on aliases.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::api::{marker, not_pending, paged};
use super::audit::audit;
use super::find::alias_arn;
use super::{Key, Kms, MANAGED_ALIASES};
use crate::http::Response;
use crate::json::{Answer, Members, error, invalid, page, seconds};
use crate::world::Context;

/// The alias in a request, which a customer may make or delete.
fn alias(members: &Members) -> Result<&str, Response> {
    let alias = members.required("AliasName", 1, 256)?;
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte);
    if !alias.bytes().all(good) {
        return Err(invalid(&format!(
            "1 validation error detected: Value '{alias}' at 'aliasName' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"
        )));
    }
    match alias.strip_prefix("alias/") {
        None | Some("") => Err(error(
            "InvalidAliasNameException",
            "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        )),
        Some(rest) if rest == "aws" || rest.starts_with("aws/") => {
            Err(error("NotAuthorizedException", "the prefix alias/aws/ is reserved"))
        }
        Some(_) => Ok(alias),
    }
}

pub(super) fn create_alias(kms: &mut Kms, cx: &mut Context<'_>, members: &Members) -> Answer {
    members.only(&["AliasName", "TargetKeyId"])?;
    let alias = alias(members)?;
    if kms.keys().any(|key| key.aliases.contains_key(alias)) {
        let arn = alias_arn(cx.config, alias);
        let message = format!("An alias with the name {arn} already exists");
        return Err(error("AlreadyExistsException", &message));
    }
    let key = kms.owned(cx.config, members, "TargetKeyId")?;
    not_pending(key)?;
    audit(cx, "CreateAlias", key);
    key.aliases.insert(alias.to_owned(), cx.now);
    Ok(Value::Null)
}

pub(super) fn delete_alias(kms: &mut Kms, cx: &mut Context<'_>, members: &Members) -> Answer {
    members.only(&["AliasName"])?;
    let alias = alias(members)?;
    let has_it = |key: &&mut Key| key.gone_at.is_none() && key.aliases.contains_key(alias);
    let Some(key) = kms.lives.iter_mut().find(has_it) else {
        let arn = alias_arn(cx.config, alias);
        return Err(error("NotFoundException", &format!("Alias {arn} is not found.")));
    };
    audit(cx, "DeleteAlias", key);
    key.aliases.remove(alias);
    Ok(Value::Null)
}

pub(super) fn list_aliases(kms: &Kms, cx: &Context<'_>, members: &Members) -> Answer {
    members.only(&["KeyId", "Limit", "Marker"])?;
    let most = members.page_size("Limit", 50, 1000)?;
    let after = marker(members)?;
    let only = match members.text("KeyId", 1, 2048)? {
        None => None,
        Some(name) => Some(kms.named(cx.config, name)?.id.as_str()),
    };
    // Those of AWS are there before their keys are.
    let predefined = MANAGED_ALIASES.iter().filter(|_| only.is_none()).map(|alias| (*alias, None));
    let mut aliases: BTreeMap<&str, Option<(&Key, _)>> = predefined.collect();
    for key in kms.keys().filter(|key| only.is_none_or(|only| key.id == only)) {
        aliases.extend(key.aliases.iter().map(|(alias, at)| (alias.as_str(), Some((key, *at)))));
    }
    let rest = aliases.into_iter().filter(|(alias, _)| after.is_none_or(|after| *alias > after));
    let (aliases, more) = page(rest, most);
    let last = aliases.last().filter(|_| more).map(|(alias, _)| (*alias).to_owned());
    let aliases = aliases.into_iter().map(|(alias, target)| {
        let mut listed = json!({"AliasName": alias, "AliasArn": alias_arn(cx.config, alias)});
        if let Some((key, at)) = target {
            listed["TargetKeyId"] = json!(key.id);
            listed["CreationDate"] = seconds(at);
            listed["LastUpdatedDate"] = seconds(at);
        }
        listed
    });
    Ok(paged("Aliases", aliases.collect(), last))
}

//! The rules of a source, as the maintainer publishes them for Creates: one item of the table for each root.

use aurora_clone_core::rules::Rules;

use crate::cloud::{CallError, Cloud};
use crate::table::{self, get, key, text};

/// The attribute that holds them.
const RULES: &str = "rules";

fn id(root: &str) -> String {
    format!("rules#{root}")
}

/// The rules of a root; without an item there are none. One that can't be read is an error: a limit that is not known is no reason
/// to exceed it.
pub async fn load(cloud: &Cloud, root: &str) -> Result<Rules, CallError> {
    let Some(written) = written(cloud, root).await? else { return Ok(Rules::default()) };
    serde_json::from_str(&written).map_err(|error| {
        let id = id(root);
        CallError::nonsense("GetItem", format!("the item {id:?} holds no rules ({error}): {written:?}"))
    })
}

/// Publishes the rules of a root, unless they stand there already; returns whether they were written.
pub async fn publish(cloud: &Cloud, root: &str, rules: &Rules) -> Result<bool, CallError> {
    let known = written(cloud, root).await?;
    let known: Option<Rules> = known.map_or_else(
        || Some(Rules::default()),
        // What can't be read is written anew.
        |written| serde_json::from_str(&written).ok(),
    );
    if known.as_ref() == Some(rules) {
        return Ok(false);
    }
    let body = serde_json::to_string(rules)
        .map_err(|error| CallError::nonsense("PutItem", format!("the rules can't be written: {error}")))?;
    let call = cloud.dynamodb.put_item().table_name(&cloud.table);
    let call = call.set_item(Some(key(&id(root)))).item(RULES, text(body));
    call.send().await.map_err(|error| CallError::new("PutItem", error))?;
    Ok(true)
}

async fn written(cloud: &Cloud, root: &str) -> Result<Option<String>, CallError> {
    let Some(item) = table::read(cloud, &id(root)).await? else { return Ok(None) };
    Ok(Some(get(&item, RULES).unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use aurora_clone_core::rules::Rules;

    use super::{load, publish};
    use crate::fake;

    #[tokio::test]
    async fn rules_are_written_when_they_differ() {
        let (cloud, wire) = fake::cloud();
        let item = |rules: &str| {
            let rules = serde_json::to_string(rules).expect("a text");
            wire.answer(200, &format!(r#"{{"Item":{{"id":{{"S":"rules#prod"}},"rules":{{"S":{rules}}}}}}}"#));
        };
        let tight = Rules { limit: Some(3), ..Rules::default() };
        item(r#"{"limit":3}"#);
        assert_eq!(load(&cloud, "prod").await.as_ref(), Ok(&tight));
        assert!(wire.sent()[0].contains(r#""ConsistentRead":true"#));
        wire.answer(200, "{}");
        assert_eq!(load(&cloud, "prod").await, Ok(Rules::default()));
        item(r#"{"limit":-3}"#);
        let error = load(&cloud, "prod").await.expect_err("broken").to_string();
        assert!(error.contains("rules#prod") && error.contains("-3"), "{error}");

        wire.sent();
        item(r#"{"limit":3}"#);
        assert_eq!(publish(&cloud, "prod", &tight).await, Ok(false));
        wire.answer(200, "{}");
        assert_eq!(publish(&cloud, "prod", &Rules::default()).await, Ok(false));
        assert_eq!(wire.sent().len(), 2);
        for other in [r#"{"limit":4}"#, "?"] {
            item(other);
            wire.answer(200, "{}");
            assert_eq!(publish(&cloud, "prod", &tight).await, Ok(true));
            let sent = wire.sent();
            assert!(sent.len() == 2 && sent[1].contains(r#""rules":{"S":"{\"limit\":3}"}"#), "{sent:?}");
        }
    }
}

//! DynamoDB: the few calls that the product makes, with their conditions.
//!
//! Locks and decisions rest on conditional writes, so the conditions are evaluated as DynamoDB documents them, and
//! an expression that it would refuse is refused here too.

mod api;
mod condition;
mod expression;
mod number;
mod reserved;
mod update;
mod value;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use crate::http::{Request, Response};
use crate::world::Context;

pub use number::Number;
pub use value::{Attribute, Item, item_to_json};

/// The tables of the account.
#[derive(Debug, Default)]
pub struct DynamoDb {
    /// How old the answer of a read without `ConsistentRead` is; `None`: it is fresh by luck.
    pub stale_reads: Option<Duration>,
    /// Whether an item is gone at the moment its time to live is over. AWS takes up to days, so by default it stays.
    pub hide_expired: bool,
    tables: BTreeMap<String, Table>,
}

#[derive(Debug)]
struct Table {
    hash_key: String,
    time_to_live: Option<String>,
    /// Every image that each key ever had, oldest first.
    images: BTreeMap<String, Vec<Image>>,
}

/// What an item became at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The moment of the write.
    pub at: DateTime<Utc>,
    /// The item after it; `None`: it was deleted.
    pub item: Option<Item>,
}

impl Table {
    /// The item as it was at a moment.
    fn at(&self, key: &str, moment: DateTime<Utc>) -> Option<&Item> {
        let images = self.images.get(key)?;
        images.iter().rev().find(|image| image.at <= moment)?.item.as_ref()
    }

    fn current(&self, key: &str) -> Option<&Item> {
        self.images.get(key)?.last()?.item.as_ref()
    }

    /// Whether the time to live of an item is over.
    fn is_expired(&self, item: &Item, now: DateTime<Utc>) -> bool {
        let expiry = self.time_to_live.as_ref().and_then(|name| item.get(name)?.number());
        expiry.is_some_and(|expiry| *expiry < Number::from(now.timestamp()))
    }
}

impl DynamoDb {
    /// Creates a table whose only key is a string. One that exists is replaced.
    pub fn create_table(&mut self, name: &str, hash_key: &str) {
        let table = Table { hash_key: hash_key.to_owned(), time_to_live: None, images: BTreeMap::new() };
        self.tables.insert(name.to_owned(), table);
    }

    /// Says which attribute of a table's items holds the second at which they expire.
    pub fn set_time_to_live(&mut self, table: &str, attribute: &str) {
        if let Some(table) = self.tables.get_mut(table) {
            table.time_to_live = Some(attribute.to_owned());
        }
    }

    /// Handles a call.
    pub fn handle(&mut self, cx: &mut Context<'_>, request: &Request) -> Response {
        api::handle(self, cx, request)
    }

    /// An item as it is.
    pub fn item(&self, table: &str, key: &str) -> Option<&Item> {
        self.tables.get(table)?.current(key)
    }

    /// The items of a table as they are, by key.
    pub fn items(&self, table: &str) -> impl Iterator<Item = (&str, &Item)> {
        let images = self.tables.get(table).into_iter().flat_map(|table| &table.images);
        images.filter_map(|(key, images)| Some((key.as_str(), images.last()?.item.as_ref()?)))
    }

    /// Every image that an item ever had, oldest first.
    pub fn history(&self, table: &str, key: &str) -> &[Image] {
        self.tables.get(table).and_then(|table| table.images.get(key)).map_or(&[], Vec::as_slice)
    }
}

//! The filters of ListSecrets.

use super::Secret;
use crate::http::Response;
use crate::json::{Members, constraint, invalid};

/// All of them must hold, and of each one value; `!` before a value turns it around.
pub(super) struct Filters(Vec<(Key, Vec<String>)>);

#[derive(Clone, Copy)]
enum Key {
    Description,
    Name,
    Tagged,
    TaggedWith,
    All,
}

impl Filters {
    pub(super) fn parse(members: &Members) -> Result<Self, Response> {
        let given = members.list("Filters")?.unwrap_or_default();
        if given.len() > 10 {
            return Err(constraint("filters", "have length less than or equal to 10"));
        }
        let mut filters = Vec::new();
        for filter in given {
            let filter = Members::of(filter, "Filters")?;
            filter.only(&["Key", "Values"])?;
            let key = match filter.required("Key", 1, 64)? {
                "description" => Key::Description,
                "name" => Key::Name,
                "tag-key" => Key::Tagged,
                "tag-value" => Key::TaggedWith,
                "all" => Key::All,
                other => return Err(invalid(&format!("not simulated: a filter on {other:?}"))),
            };
            let values = filter.texts("Values", 0, 512)?;
            if !(1..=10).contains(&values.len()) {
                return Err(constraint("filters.values", "have length between 1 and 10"));
            }
            let good = |c: char| c.is_ascii_alphanumeric() || " :_@/+=.-!".contains(c);
            if values.iter().any(|value| !value.chars().all(good)) {
                return Err(constraint(
                    "filters.values",
                    "satisfy regular expression pattern: ^\\!?[a-zA-Z0-9 :_@\\/\\+\\=\\.\\-\\!]*$",
                ));
            }
            filters.push((key, values.into_iter().map(str::to_owned).collect()));
        }
        Ok(Self(filters))
    }

    /// Whether a secret passes.
    pub(super) fn take(&self, secret: &Secret) -> bool {
        self.0.iter().all(|(key, values)| {
            values.iter().any(|value| match value.strip_prefix('!') {
                Some(value) => !is_match(*key, value, secret),
                None => is_match(*key, value, secret),
            })
        })
    }
}

fn is_match(key: Key, value: &str, secret: &Secret) -> bool {
    let description = secret.description.as_deref().unwrap_or_default();
    match key {
        Key::Name => secret.name.starts_with(value),
        Key::Tagged => secret.tags.keys().any(|key| key.starts_with(value)),
        Key::TaggedWith => secret.tags.values().any(|tag| tag.starts_with(value)),
        Key::Description => lower(description).starts_with(&lower(value)),
        Key::All => {
            let tags = secret.tags.iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]);
            let texts: Vec<String> =
                [secret.name.as_str(), description].into_iter().chain(tags).map(lower).collect();
            lower(value).split_whitespace().all(|word| texts.iter().any(|text| text.contains(word)))
        }
    }
}

fn lower(text: &str) -> String {
    text.to_ascii_lowercase()
}

//! One question that IAM asks: an action, a resource, and the keys that conditions look at.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// The condition keys of a request with their values. The case of a key counts for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// Sets a key that has one value.
    #[must_use]
    pub fn with(self, key: &str, value: impl Into<String>) -> Self {
        self.with_all(key, [value.into()])
    }

    /// Sets a key that has several values; none at all leaves the key out, as AWS does.
    #[must_use]
    pub fn with_all(mut self, key: &str, values: impl IntoIterator<Item = String>) -> Self {
        let values: Vec<String> = values.into_iter().collect();
        if !values.is_empty() {
            self.0.insert(key.to_ascii_lowercase(), values);
        }
        self
    }

    /// Sets what a request says about tags that it gives: their keys, and the value of each.
    #[must_use]
    pub fn with_request_tags(mut self, tags: &BTreeMap<String, String>) -> Self {
        for (key, value) in tags {
            self = self.with(&format!("aws:RequestTag/{key}"), value);
        }
        self.with_all("aws:TagKeys", tags.keys().cloned())
    }

    /// Sets the tags of the resource that is asked about.
    #[must_use]
    pub fn with_resource_tags(mut self, tags: &BTreeMap<String, String>) -> Self {
        for (key, value) in tags {
            self = self.with(&format!("aws:ResourceTag/{key}"), value);
        }
        self
    }

    /// The values of a key, which is given in small letters; `None` if the request does not have it.
    pub(super) fn get(&self, key: &str) -> Option<&[String]> {
        self.0.get(key).map(Vec::as_slice)
    }

    /// Every key, in small letters, with its values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(key, values)| (key.as_str(), values.as_slice()))
    }
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// E.g. `rds:DeleteDBCluster`.
    pub action: Cow<'static, str>,
    /// The ARN of what it is done to; `*` for actions that know no resource.
    pub resource: String,
    /// What conditions can look at.
    pub context: Context,
}

impl Ask {
    /// A question.
    pub fn new(action: impl Into<Cow<'static, str>>, resource: impl Into<String>, context: Context) -> Self {
        Self { action: action.into(), resource: resource.into(), context }
    }
}

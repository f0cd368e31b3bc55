//! Where a template uses attributes of its clones: a clone has no others than its outputs.

use std::collections::BTreeSet;

use aurora_clone_core::outputs;

use super::document::{Kind, Node};
use super::finding::Position;

/// An attribute that a clone does not have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) at: Position,
    /// The clone.
    pub(super) resource: String,
    /// The attribute.
    pub(super) attribute: String,
    /// The attribute that is most like it.
    pub(super) nearest: &'static str,
}

/// Finds every `Fn::GetAtt` and every `${Clone.Attribute}` of an attribute that is not there.
pub(super) fn missing(root: &Node, clones: &BTreeSet<String>) -> Vec<Missing> {
    let mut found = Vec::new();
    look(root, clones, &mut found);
    found
}

fn look(node: &Node, clones: &BTreeSet<String>, found: &mut Vec<Missing>) {
    match &node.kind {
        Kind::Null | Kind::Text(_) => {}
        Kind::List(items) => items.iter().for_each(|item| look(item, clones, found)),
        Kind::Map(members) => members.iter().for_each(|member| look(&member.value, clones, found)),
        Kind::Call(name, argument) => {
            match (name.as_str(), argument.items()) {
                ("Fn::GetAtt", [resource, attribute]) => {
                    if let (Some(resource), Some(attribute)) = (resource.text(), attribute.text()) {
                        judge(argument.at, resource, attribute, clones, found);
                    }
                }
                ("Fn::Sub", []) => in_text(argument, &[], clones, found),
                ("Fn::Sub", [body, map]) => {
                    let own: Vec<&str> = map.members().iter().map(|member| member.name.as_str()).collect();
                    in_text(body, &own, clones, found);
                }
                _ => {}
            }
            look(argument, clones, found);
        }
    }
}

fn in_text(body: &Node, own: &[&str], clones: &BTreeSet<String>, found: &mut Vec<Missing>) {
    let mut rest = body.text().unwrap_or_default();
    while let Some((name, after)) = rest.split_once("${").and_then(|(_, rest)| rest.split_once('}')) {
        rest = after;
        let name = name.trim();
        if let Some((resource, attribute)) = name.split_once('.').filter(|_| !own.contains(&name)) {
            judge(body.at, resource, attribute, clones, found);
        }
    }
}

fn judge(at: Position, resource: &str, attribute: &str, clones: &BTreeSet<String>, found: &mut Vec<Missing>) {
    if clones.contains(resource) && !outputs::NAMES.contains(&attribute) {
        let attribute: String = attribute.chars().take(80).collect();
        let nearest = outputs::nearest(&attribute);
        found.push(Missing { at, resource: resource.to_owned(), attribute, nearest });
    }
}

//! What CloudFormation is told to do with a clone that goes.

use super::document::Node;
use super::finding::{Position, Severity};

/// What there is to say about `DeletionPolicy` and `UpdateReplacePolicy`.
pub(super) fn of(resource: &Node) -> Vec<(Position, Severity, &'static str, String)> {
    let mut found = Vec::new();
    for (name, when) in
        [("DeletionPolicy", "its stack"), ("UpdateReplacePolicy", "the clone that replaces it")]
    {
        let Some(member) = resource.get(name) else { continue };
        match member.value.text() {
            Some(policy @ ("Retain" | "RetainExceptOnCreate")) => {
                let message = format!(
                    "{policy} leaves the clone behind after {when}: it keeps a slot and costs money until its lease is over \
                     (ExpiresAfter) or somebody deletes it"
                );
                found.push((member.at, Severity::Warning, name, message));
            }
            Some("Snapshot") => {
                let message =
                    "CloudFormation takes no snapshot of a custom resource; FinalSnapshot: true does";
                found.push((member.at, Severity::Error, name, message.to_owned()));
            }
            _ => {}
        }
    }
    found
}

//! What nobody may see, and everything that outlives a flow where somebody could: held against each other at the end of every flow.

use std::borrow::Cow;

use aurora_clone_sim::functions::ReplyTo;
use aurora_clone_sim::{Call, World};
use serde_json::Value;

use crate::TABLE;

/// Parts of a response URL, and what the passwords of production begin with.
pub const CANARIES: [&str; 3] = ["X-Amz-Signature", "X-Amz-Credential", "password-of-"];

/// Every password that a clone has or had, and that RDS keeps for one.
pub fn passwords(world: &World) -> Vec<String> {
    let versions = world.secrets.history().iter().flat_map(|secret| &secret.versions);
    let own = versions.filter_map(|version| {
        let text: Value = serde_json::from_str(&version.value).ok()?;
        text["password"].as_str().map(str::to_owned)
    });
    let managed = world.rds.clusters().filter_map(|cluster| cluster.managed_secret.as_ref());
    let mut passwords: Vec<String> = own.chain(managed.map(|secret| secret.password.clone())).collect();
    passwords.sort();
    passwords.dedup();
    passwords
}

/// Fails if a text has a canary or a password.
#[track_caller]
pub fn check_text(what: &str, text: &str, passwords: &[String]) {
    for canary in CANARIES.into_iter().chain(passwords.iter().map(String::as_str)) {
        if let Some(at) = text.find(canary) {
            let from = text[..at].char_indices().rev().nth(300).map_or(0, |(index, _)| index);
            panic!("{canary} in {what}: {}", &text[from..at + canary.len()]);
        }
    }
}

/// Looks into everything that outlives a flow, the log apart.
pub fn check_world(world: &World) {
    let passwords = passwords(world);
    let check = |what: &str, text: &str| check_text(what, text, &passwords);
    for execution in world.states.executions() {
        check("an execution", &format!("{execution:?}"));
    }
    for answer in &world.bucket.answers {
        check("an answer", &String::from_utf8_lossy(&answer.body));
    }
    for record in world.functions.log() {
        check("the result of a function", &format!("{:?}", record.result));
        if matches!(record.reply_to, ReplyTo::Task { .. }) {
            check("a step", &record.payload.to_string());
        }
    }
    for event in world.events.taken.iter().chain(&world.events.lost) {
        check("an event", &format!("{} {:?}", event.detail, event.resources));
    }
    for life in world.rds.history() {
        check("the tags of a cluster", &format!("{:?}", life.tags));
    }
    for cluster in world.rds.clusters() {
        check("the tags of a cluster", &format!("{:?}", cluster.tags));
        for instance in world.rds.instances_of(&cluster.id) {
            check("the tags of an instance", &format!("{:?}", instance.tags));
        }
    }
    for secret in world.secrets.history() {
        let shown = (&secret.name, &secret.description, &secret.policy, &secret.tags);
        check("what is shown of a secret", &format!("{shown:?}"));
    }
    for key in world.kms.history() {
        check("a key", &format!("{key:?}"));
    }
    for (id, item) in world.dynamodb.items(TABLE) {
        for (name, value) in item.iter().filter(|(name, _)| !id.starts_with("request#") || *name != "url") {
            check("an item of the table", &format!("{id} {name} {value:?}"));
        }
    }
    world.log.iter().for_each(|call| check_call(call, &passwords));
}

/// The response URL belongs into the table and into the PUT's own request line, a password into the three calls that carry it.
fn check_call(call: &Call, passwords: &[String]) {
    let (operation, none) = (call.operation.as_str(), &[][..]);
    let url_is_asked = (call.service, operation) == ("dynamodb", "PutItem");
    let url_is_told = call.service == "dynamodb" && ["GetItem", "UpdateItem"].contains(&operation);
    let asked = ["CreateSecret", "ModifyDBCluster"].contains(&operation);
    // What RDS lists has no passwords but those in tags, which are looked at where they are.
    let told = operation == "GetSecretValue" || (call.service == "rds" && operation.starts_with("Describe"));
    let what = |part: &str| format!("the {part} of {} {operation}", call.service);
    if !url_is_asked && !call.request.is_empty() {
        check_text(&what("request"), &text(&call.request), if asked { none } else { passwords });
    }
    if !url_is_told {
        check_text(&what("response"), &text(&call.response), if told { none } else { passwords });
    }
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

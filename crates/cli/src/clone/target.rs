//! Which clone a person means, and whether it is theirs to change.

use aurora_clone_aws::observe;
use aurora_clone_core::arn::is_command_line;
use aurora_clone_core::event::RequestType;
use aurora_clone_core::identifier;
use aurora_clone_core::names::tag;
use aurora_clone_core::request::Request;
use aurora_clone_core::snapshot::Cluster;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::session::Session;

/// The identifier that a name stands for: the operator's prefix is added where it is missing.
pub fn identifier_of(name: &str, session: &Session) -> Result<String, Failure> {
    let prefix = &session.settings.name_prefix;
    let identifier = match name.starts_with(prefix.as_str()) {
        true => name.to_owned(),
        false => format!("{prefix}{name}"),
    };
    identifier::validate(&identifier).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(identifier)
}

/// A person's request about the clone of that name.
pub fn request(session: &Session, kind: RequestType, name: &str, properties: Map<String, Value>) -> Request {
    Request {
        kind: Some(kind),
        stack_id: session.place.command_line(),
        request_id: String::new(),
        logical_id: name.to_owned(),
        physical_id: None,
        properties: Value::Object(properties),
        old_properties: Value::Null,
    }
}

/// All clusters of the account.
pub async fn clusters(session: &Session) -> Result<Vec<Cluster>, Failure> {
    Ok(observe::clusters(&session.cloud).await?)
}

/// The cluster that a name stands for: by its identifier, with or without the prefix, or by the name that a person gave it before an
/// update replaced it.
pub fn find<'a>(name: &str, clusters: &'a [Cluster], session: &Session) -> Option<&'a Cluster> {
    let prefixed = format!("{}{name}", session.settings.name_prefix);
    let is = |cluster: &&Cluster, identifier: &str| cluster.identifier == identifier;
    let by_id = |identifier: &str| clusters.iter().find(|cluster| is(cluster, identifier));
    let named = |cluster: &&Cluster| {
        let logical = cluster.tag(tag::LOGICAL_ID).unwrap_or_default();
        by_command_line(cluster) && (logical == name || logical == prefixed)
    };
    by_id(name)
        .or_else(|| by_id(&prefixed))
        .or_else(|| clusters.iter().filter(named).max_by_key(|cluster| cluster.created_at))
}

/// Whether a cluster's own tags say that it is the clone that a person's request is about.
pub fn is_of(cluster: &Cluster, request: &Request) -> bool {
    by_command_line(cluster)
        && cluster.tag(tag::STACK_ID) == Some(&request.stack_id)
        && cluster.tag(tag::LOGICAL_ID) == Some(&request.logical_id)
}

/// The clusters whose name is like one that is not there.
pub fn no_such(name: &str, clusters: &[Cluster], session: &Session) -> Failure {
    let ours = clusters.iter().filter(|cluster| cluster.own_lineage().is_some());
    let prefixed = format!("{}{name}", session.settings.name_prefix);
    let distance = |cluster: &&Cluster| {
        let to = |text: &str| strsim::damerau_levenshtein(&cluster.identifier, text);
        to(name).min(to(&prefixed))
    };
    let nearest = ours.min_by_key(distance).filter(|cluster| distance(cluster) <= 3);
    let failure = Failure::new(format!("there is no clone {name:?} in this account and region"));
    match nearest {
        Some(cluster) => failure.hint(format!("did you mean {}?", cluster.identifier)),
        None => failure.hint("`aurora-clone status` lists what is there"),
    }
}

/// Whether a cluster's own tags say that a person asked for it.
pub fn by_command_line(cluster: &Cluster) -> bool {
    cluster.tag(tag::CLUSTER) == Some(&cluster.identifier)
        && cluster.tag(tag::STACK_ID).is_some_and(is_command_line)
}

/// The name under which a person asked for a cluster, or why it is not for the command line to change.
pub fn name_of(cluster: &Cluster, session: &Session) -> Result<String, Failure> {
    let id = &cluster.identifier;
    let tag = |key: &str| cluster.tag(key).unwrap_or_default();
    let Some(lineage) = cluster.own_lineage() else {
        return Err(Failure::new(format!(
            "the cluster {id} was not made by a manager: its tags do not say so"
        ))
        .hint("only what `aurora-clone create` made can be changed or deleted here"));
    };
    if lineage.manager != session.settings.manager {
        return Err(Failure::new(format!("the cluster {id} belongs to the manager {:?}", lineage.manager))
            .hint(format!("name its stack with --stack {}", lineage.manager)));
    }
    if tag(tag::ROLE) != "clone" {
        return Err(Failure::new(format!(
            "the cluster {id} is a copy of the pool, which the maintainer makes and purges"
        ))
        .hint("`aurora-clone plan maintain` says what becomes of it"));
    }
    let (stack, logical) = (tag(tag::STACK_ID), tag(tag::LOGICAL_ID));
    if is_command_line(stack) && !logical.is_empty() {
        return Ok(logical.to_owned());
    }
    if stack.is_empty() {
        return Err(Failure::new(format!(
            "nobody knows who asked for the cluster {id}: it has no tag {}",
            tag::STACK_ID
        ))
        .hint("`aurora-clone renew` can give its lease another end"));
    }
    let name = stack.split('/').nth(1).unwrap_or(stack);
    Err(Failure::new(format!("the cluster {id} belongs to the resource {logical} of the stack {name}"))
        .hint(format!("change or delete it there: `aws cloudformation delete-stack --stack-name {name}`, or take it out of the template")))
}

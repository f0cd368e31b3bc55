//! What somebody who watches may know of the World beside what AWS's APIs show; nothing that is a secret in it.

use serde_json::{Map, Value, json};

use crate::http::{Request, Response};
use crate::rds::Cluster;
use crate::sim::Sim;
use crate::world::World;

/// How the World is, with the truth about every living cluster: which volume it is on, and who made it.
pub(super) fn state(sim: &Sim) -> Response {
    let state = sim.with(|world| {
        let functions: Map<String, Value> = world
            .functions
            .names()
            .map(|name| {
                let counts = world.functions.counts(name);
                let counts = json!({
                    "queued": counts.queued, "running": counts.running,
                    "succeeded": counts.succeeded, "failed": counts.failed,
                });
                (name.to_owned(), counts)
            })
            .collect();
        let clusters: Vec<Value> = world.rds.clusters().map(|of| cluster(world, of)).collect();
        json!({
            "simulation": true,
            "now": world.now(),
            "region": world.config.region,
            "account": world.config.account,
            "calls": world.log.len(),
            "functions": functions,
            "secrets": world.secrets.iter().count(),
            "keys": world.kms.keys().count(),
            "events": world.events.taken.len(),
            "parameters": world.ssm.iter().count(),
            "answers": world.bucket.answers.len(),
            "clusters": clusters,
            "violations": world.violations,
        })
    });
    answer(200, &state)
}

fn cluster(world: &World, cluster: &Cluster) -> Value {
    let truth = &cluster.truth;
    let instances = world.rds.instances_of(&cluster.id);
    let instances: Vec<Value> = instances
        .map(|instance| json!({ "id": instance.id, "status": instance.status, "class": instance.class }))
        .collect();
    json!({
        "id": cluster.id,
        "resource_id": cluster.resource_id,
        "status": cluster.status,
        "made_by": truth.created_by,
        "volume": truth.volume,
        "copy_on_write": truth.copy_on_write,
        "became_full_copy": truth.became_full_copy,
        "sources_password": world.rds.shares_password_with_source(&cluster.id),
        "instances": instances,
    })
}

/// Whether a password opens a cluster: what an application finds out when it connects.
pub(super) fn login(sim: &Sim, request: &Request) -> Response {
    let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let (Some(cluster), Some(password)) = (asked["cluster"].as_str(), asked["password"].as_str()) else {
        return answer(400, &json!({ "error": "it takes an object with `cluster` and `password`" }));
    };
    match sim.with(|world| world.rds.password_of(cluster).map(|now| now == password)) {
        Some(opens) => answer(200, &json!({ "opens": opens })),
        None => answer(404, &json!({ "error": format!("there is no cluster {cluster}") })),
    }
}

fn answer(status: u16, body: &Value) -> Response {
    Response::new(status, "application/json", format!("{body:#}\n"))
}

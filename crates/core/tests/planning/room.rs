//! Clusters to put into a snapshot.

use aurora_clone_core::arn::Place;
use aurora_clone_core::names::{env, tag};
use aurora_clone_core::properties::{OnNoSlot, Properties};
use aurora_clone_core::request::{Owner, Wanted};
use aurora_clone_core::settings::Settings;
use aurora_clone_core::slots::Freshness;
use aurora_clone_core::snapshot::{Cluster, ClusterSettings, Instance, Status};
use aurora_clone_core::tags::Tags;
use chrono::{DateTime, Utc};

pub const STACK: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/web/1";

pub fn now() -> DateTime<Utc> {
    "2026-06-21T00:00:00Z".parse().unwrap()
}

pub fn place() -> Place {
    Place::of_stack(STACK).unwrap()
}

pub fn settings(limit: u32, margin: u32) -> Settings {
    Settings::read(|name| match name {
        env::MANAGER => Some("manager".to_owned()),
        env::MAX_CLONES_PER_SOURCE => Some(limit.to_string()),
        env::SLOT_MARGIN => Some(margin.to_string()),
        _ => None,
    })
    .unwrap()
}

/// An available cluster with one instance, in the clone group `g`, without tags.
pub fn cluster(id: &str) -> Cluster {
    Cluster {
        identifier: id.to_owned(),
        arn: place().cluster_arn(id),
        resource_id: format!("cluster-{}", id.to_uppercase()),
        status: Status("available".to_owned()),
        engine: "aurora-postgresql".to_owned(),
        engine_version: "16.4".to_owned(),
        clone_group: Some("g".to_owned()),
        members: vec![format!("{id}-1")],
        writer: Some(format!("{id}-1")),
        tags: Tags::new(),
        created_at: None,
        deletion_protection: false,
        pending_changes: false,
        endpoint: None,
        reader_endpoint: None,
        port: Some(5432),
        master_username: None,
        database_name: None,
        settings: ClusterSettings {
            subnet_group: Some("data".to_owned()),
            security_groups: vec!["sg-1".to_owned()],
            ..ClusterSettings::default()
        },
    }
}

/// A cluster with the tags of `about`.
pub fn carrying(id: &str, about: &Cluster) -> Cluster {
    Cluster { tags: about.tags.clone(), ..cluster(id) }
}

pub fn with(mut cluster: Cluster, tags: &[(&str, &str)]) -> Cluster {
    cluster.tags.extend(tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    cluster
}

/// Our clone of `source` in the family of `root`.
pub fn clone_of(id: &str, source: &str, root: &str) -> Cluster {
    with(
        cluster(id),
        &[
            (tag::MANAGER, "manager"),
            (tag::ROLE, "clone"),
            (tag::CLUSTER, id),
            (tag::ROOT, root),
            (tag::SOURCE, source),
            (tag::RESTORE_TYPE, "copy-on-write"),
            (tag::DATA_TIME, "2026-06-20T00:00:00Z"),
            (tag::STACK_ID, STACK),
            (tag::LOGICAL_ID, "Clone"),
            (tag::GENERATION, "g1"),
        ],
    )
}

/// A copy of `root` in the pool, a day old.
pub fn copy_of(id: &str, root: &str) -> Cluster {
    with(clone_of(id, root, root), &[(tag::ROLE, "copy"), (tag::RESTORE_TYPE, "full-copy")])
}

pub fn instance(id: &str, cluster: &str) -> Instance {
    Instance {
        identifier: id.to_owned(),
        cluster: Some(cluster.to_owned()),
        status: Status("available".to_owned()),
        class: "db.serverless".to_owned(),
        writer: id.ends_with("-1"),
        pending_changes: false,
    }
}

pub fn owner() -> Owner {
    Owner { manager: "manager".to_owned(), stack_id: STACK.to_owned(), logical_id: "Clone".to_owned() }
}

/// A clone of `source` called `clone-new`, of the generation `g1`.
pub fn wanted(source: &str) -> Wanted {
    Wanted {
        owner: owner(),
        place: place(),
        generation: "g1".to_owned(),
        identifier: "clone-new".to_owned(),
        properties: Properties {
            source: source.to_owned(),
            cluster_id: None,
            instance_class: None,
            on_no_slot: OnNoSlot::Fail,
            freshness: Freshness::default(),
            tags: Tags::new(),
        },
    }
}

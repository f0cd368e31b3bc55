//! Clusters to put into a snapshot.

use aurora_clone_core::arn::Place;
use aurora_clone_core::create::{self, Time};
use aurora_clone_core::delete::{self, Unwanted, View};
use aurora_clone_core::names::{env, tag};
use aurora_clone_core::plan::{Plan, Seen};
use aurora_clone_core::properties::Properties;
use aurora_clone_core::request::{Owner, Request, Wanted};
use aurora_clone_core::rules::Rules;
use aurora_clone_core::settings::Settings;
use aurora_clone_core::slots::Freshness;
use aurora_clone_core::snapshot::{
    AssociatedRole, Cluster, ClusterSettings, Instance, InstanceSettings, Status,
};
use aurora_clone_core::tags::Tags;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

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

/// The settings of an operator who allows everything.
pub fn generous() -> Settings {
    let mut settings = settings(15, 1);
    settings.limits.source_password = true;
    settings
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
        pending_changes: false,
        endpoint: None,
        reader_endpoint: None,
        master_username: None,
        database_name: None,
        managed_secret: None,
        settings: ClusterSettings {
            subnet_group: Some("data".to_owned()),
            security_groups: vec!["sg-1".to_owned()],
            port: Some(5432),
            ..ClusterSettings::default()
        },
    }
}

/// `prod`, with a value of its own for everything that can be set.
pub fn root() -> Cluster {
    let text = |text: &str| Some(text.to_owned());
    let export = AssociatedRole { role: role("export"), feature: text("s3Export") };
    let mut root = cluster("prod");
    root.master_username = text("postgres");
    root.settings = ClusterSettings {
        parameter_group: text("prod-cluster"),
        storage_type: text("aurora"),
        iam_authentication: true,
        network_type: text("IPV4"),
        engine_lifecycle_support: text("open-source-rds-extended-support"),
        log_exports: vec!["postgresql".to_owned()],
        copy_tags_to_snapshot: true,
        roles: vec![export],
        deletion_protection: true,
        backup_retention: Some(14),
        ..root.settings
    };
    root
}

/// The writer of [`root`], likewise.
pub fn writer() -> Instance {
    let mut writer = instance("prod-1", "prod");
    writer.settings = InstanceSettings {
        class: "db.r6g.large".to_owned(),
        parameter_group: Some("prod-instance".to_owned()),
        performance_insights: true,
        performance_insights_retention: Some(31),
        performance_insights_key: None,
        monitoring_interval: 60,
        monitoring_role: Some(role("monitor")),
    };
    writer
}

pub fn role(name: &str) -> String {
    format!("arn:aws:iam::123456789012:role/{name}")
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
    let mut copy = with(clone_of(id, root, root), &[(tag::ROLE, "copy"), (tag::RESTORE_TYPE, "full-copy")]);
    copy.tags.remove(tag::STACK_ID);
    copy
}

pub fn instance(id: &str, cluster: &str) -> Instance {
    Instance {
        identifier: id.to_owned(),
        cluster: Some(cluster.to_owned()),
        status: Status("available".to_owned()),
        writer: id.ends_with("-1"),
        pending_changes: false,
        arn: format!("arn:aws:rds:eu-west-1:123456789012:db:{id}"),
        tags: Tags::new(),
        settings: InstanceSettings { class: "db.serverless".to_owned(), ..InstanceSettings::default() },
    }
}

pub fn owner() -> Owner {
    Owner { manager: "manager".to_owned(), stack_id: STACK.to_owned(), logical_id: "Clone".to_owned() }
}

/// What a template with these properties asks for, if everything about it is right.
pub fn read(properties: &Value) -> Properties {
    Properties::parse(properties, &place(), &generous()).unwrap()
}

/// A request of our resource.
pub fn request(properties: &Value, old_properties: &Value) -> Request {
    Request {
        kind: None,
        stack_id: STACK.to_owned(),
        request_id: "r".to_owned(),
        logical_id: "Clone".to_owned(),
        physical_id: None,
        properties: properties.clone(),
        old_properties: old_properties.clone(),
    }
}

/// A clone of `source` called `clone-new`, of the generation `g1`, from data of any age.
pub fn wanted(source: &str) -> Wanted {
    Wanted {
        owner: owner(),
        place: place(),
        generation: "g1".to_owned(),
        identifier: "clone-new".to_owned(),
        properties: Properties {
            freshness: Freshness::default(),
            ..read(&json!({ "SourceClusterId": source }))
        },
        failed_id: place().cluster_arn("clone-new"),
    }
}

/// A moment with an hour left.
pub fn time() -> Time {
    Time { now: now(), deadline: now() + Duration::hours(1) }
}

/// A choice at that moment, where nothing is known of the root's instances.
pub fn choose(wanted: &Wanted, clusters: &[Cluster], settings: &Settings) -> Plan {
    create::choose(wanted, clusters, &[], settings, &Rules::default(), time()).plan
}

/// A Delete of our resource, as it comes.
pub fn unwanted(physical_id: &str, fence: u64) -> Unwanted {
    Unwanted {
        owner: owner(),
        place: place(),
        physical_id: physical_id.to_owned(),
        fence,
        final_snapshot: false,
        whole: false,
    }
}

/// The first look of a Delete, where nothing was recorded.
pub fn delete(unwanted: &Unwanted, clusters: &[Cluster], instances: &[Instance]) -> Plan {
    let view = View { clusters, instances, records: &[], remains: &[], taken: &[] };
    delete::plan(unwanted, view, &Seen::default(), &settings(15, 1), now())
}

//! What a clone is to be like: what its template asks for, and where it asks for nothing, what its source was like when the clone
//! was made. A function of those two, so that an update and its rollback end where they began.

use chrono::{DateTime, Utc};

use crate::duration::{format_duration, format_time};
use crate::engine;
use crate::names::tag;
use crate::properties::{PasswordWish, Properties};
use crate::record::{Baseline, Incarnation};
use crate::request;
use crate::settings::Settings;
use crate::snapshot::{Cluster, ClusterSettings, InstanceSettings};
use crate::tags::Tags;

/// How many days automated backups of a clone are kept unless its template says otherwise; one day costs nothing.
const BACKUP_RETENTION: i32 = 1;
/// How many days Performance Insights keeps its data without a charge.
const FREE_INSIGHTS: i32 = 7;

/// The KMS key of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The account's `aws/secretsmanager`.
    Aws,
    /// One that the template or the operator names.
    Named(String),
    /// One that is made for this clone and found by this alias.
    Made(String),
}

impl Key {
    /// As the clone's tag has it.
    pub fn as_tag(&self) -> &str {
        match self {
            Self::Aws => "aws",
            Self::Named(key) => key,
            Self::Made(_) => "made",
        }
    }

    /// The alias of a key that is made.
    pub fn alias(&self) -> Option<String> {
        match self {
            Self::Made(alias) => Some(alias.clone()),
            Self::Aws | Self::Named(_) => None,
        }
    }
}

/// How a clone's password is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeping {
    /// In a secret of ours.
    Own {
        /// The secret's name.
        secret: String,
        /// Its key.
        key: Key,
        /// Who may read it.
        principals: Vec<String>,
    },
    /// In a secret that RDS keeps, with this key or `aws/secretsmanager`.
    Managed(Option<String>),
    /// It is its source's.
    Source,
}

impl Keeping {
    /// As the clone's tag has it.
    pub fn as_tag(&self) -> &'static str {
        match self {
            Self::Own { .. } => "own",
            Self::Managed(_) => "managed",
            Self::Source => "source",
        }
    }

    /// How the password of a new clone is kept.
    pub fn of_new(wish: &PasswordWish, identifier: &str, generation: &str, settings: &Settings) -> Self {
        let named = wish.key.clone().or_else(|| settings.default_key.clone());
        if wish.managed == Some(true) {
            return Self::Managed(named);
        }
        if wish.set == Some(false) {
            return Self::Source;
        }
        let key = match named {
            _ if wish.make_key == Some(true) => Key::Made(request::key_alias(identifier, generation)),
            Some(key) => Key::Named(key),
            None => Key::Aws,
        };
        let prefix = wish.prefix.as_deref().unwrap_or(&settings.secret_prefix);
        let secret = request::secret_name(prefix, identifier, generation);
        Self::Own { secret, key, principals: wish.principals.clone() }
    }

    /// How the password of a clone is kept that exists: as it was when it was made, for whatever a template says that does not
    /// replace it.
    pub fn of_existing(
        wish: &PasswordWish,
        cluster: &Cluster,
        generation: &str,
        record: Option<&Incarnation>,
        settings: &Settings,
    ) -> Self {
        let key = cluster.tag(tag::KEY).filter(|key| *key != "aws");
        match cluster.tag(tag::PASSWORD) {
            Some("managed") => Self::Managed(key.map(str::to_owned)),
            Some("own") => {
                let key = match key {
                    None => Key::Aws,
                    Some("made") => Key::Made(request::key_alias(&cluster.identifier, generation)),
                    Some(key) => Key::Named(key.to_owned()),
                };
                let prefix = wish.prefix.as_deref().unwrap_or(&settings.secret_prefix);
                let derived = || request::secret_name(prefix, &cluster.identifier, generation);
                let secret = record.and_then(|record| record.secret.clone()).unwrap_or_else(derived);
                Self::Own { secret, key, principals: wish.principals.clone() }
            }
            // Clones from before passwords were kept.
            _ => Self::Source,
        }
    }
}

/// What a clone is to be like.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// The cluster.
    pub cluster: ClusterSettings,
    /// Every instance of ours.
    pub instance: InstanceSettings,
    /// How many instances.
    pub count: u32,
    /// Its password.
    pub password: Keeping,
    /// The author's tags, and ours that can change.
    pub tags: Tags,
    /// Keys of tags that it is not to have.
    pub without: Vec<String>,
}

impl Desired {
    /// What `properties` ask for, over what the source was like. `engine` is any cluster of the family: its engine and version
    /// count. `since` is when the lease begins.
    pub fn new(
        properties: &Properties,
        baseline: &Baseline,
        engine: &Cluster,
        password: Keeping,
        since: DateTime<Utc>,
        settings: &Settings,
    ) -> Self {
        let instance = instance(properties, baseline, engine);
        let (tags, without) = tags(properties, since, settings);
        Self {
            cluster: cluster(properties, baseline, engine, &instance.class),
            instance,
            count: properties.instances.count.unwrap_or(1),
            password,
            tags,
            without,
        }
    }
}

fn cluster(properties: &Properties, baseline: &Baseline, engine: &Cluster, class: &str) -> ClusterSettings {
    let (wish, base) = (&properties.cluster, &baseline.cluster);
    let or = |wish: &Option<String>, base: &Option<String>| wish.clone().or_else(|| base.clone());
    let serverless = class == engine::SERVERLESS;
    ClusterSettings {
        subnet_group: or(&wish.subnet_group, &base.subnet_group),
        security_groups: wish.security_groups.clone().unwrap_or_else(|| base.security_groups.clone()),
        parameter_group: or(&wish.parameter_group, &base.parameter_group),
        port: wish.port.or(base.port),
        storage_type: or(&wish.storage_type, &base.storage_type),
        iam_authentication: wish.iam_authentication.unwrap_or(base.iam_authentication),
        network_type: or(&wish.network_type, &base.network_type),
        engine_lifecycle_support: or(&wish.engine_lifecycle_support, &base.engine_lifecycle_support),
        log_exports: wish.log_exports.clone().unwrap_or_else(|| base.log_exports.clone()),
        copy_tags_to_snapshot: base.copy_tags_to_snapshot,
        roles: wish.roles.clone().unwrap_or_else(|| base.roles.clone()),
        // These two are not the source's: a disposable database must be deletable, and its backups are nobody's need.
        deletion_protection: wish.deletion_protection.unwrap_or(false),
        backup_retention: wish.backup_retention.or(Some(BACKUP_RETENTION)),
        capacity: wish.capacity.or_else(|| serverless.then(|| engine::capacity(engine))),
    }
}

fn instance(properties: &Properties, baseline: &Baseline, engine: &Cluster) -> InstanceSettings {
    let (wish, base) = (&properties.instances, &baseline.instance);
    let insights = wish.performance_insights.unwrap_or(
        base.performance_insights
            || wish.performance_insights_retention.is_some()
            || wish.performance_insights_key.is_some(),
    );
    let interval = wish.monitoring_interval.unwrap_or(base.monitoring_interval);
    let role = wish.monitoring_role.clone().or_else(|| base.monitoring_role.clone());
    let retention =
        wish.performance_insights_retention.or(base.performance_insights_retention).unwrap_or(FREE_INSIGHTS);
    let key = wish.performance_insights_key.clone().or_else(|| base.performance_insights_key.clone());
    InstanceSettings {
        class: wish.class.clone().unwrap_or_else(|| engine::auto_class(engine).to_owned()),
        parameter_group: wish.parameter_group.clone().or_else(|| base.parameter_group.clone()),
        performance_insights: insights,
        performance_insights_retention: insights.then_some(retention),
        performance_insights_key: key.filter(|_| insights),
        monitoring_interval: interval,
        monitoring_role: role.filter(|_| interval > 0),
    }
}

/// The tags that can change, and the keys of those that there are not to be.
fn tags(properties: &Properties, since: DateTime<Utc>, settings: &Settings) -> (Tags, Vec<String>) {
    let mut tags = properties.tags.clone();
    let lease = properties.lease.or(settings.max_lease);
    let ours = [
        (tag::PROPERTIES, Some(properties.hash.clone())),
        (tag::DESCRIPTION, properties.description.clone()),
        (tag::LEASE, lease.map(format_duration)),
        (tag::EXPIRES, lease.map(|lease| format_time(since + lease))),
    ];
    let mut without = Vec::new();
    for (key, value) in ours {
        match value {
            Some(value) => drop(tags.insert(key.to_owned(), value)),
            None => without.push(key.to_owned()),
        }
    }
    (tags, without)
}

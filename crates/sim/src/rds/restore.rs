//! `RestoreDBClusterToPointInTime`: the clone, the full copy, and the clone that silently becomes a full copy.

use std::ops::RangeInclusive;

use chrono::{DateTime, Duration, Utc};

use super::identifiers::{self, Named};
use super::options::{BUSY, ClusterOptions};
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::roles::{self, Role};
use super::settings::draw;
use super::state::{Cluster, CopyKind, Encryption, Parent, Restore, Step, Truth};
use super::{Answer, Rds, groups, render};
use crate::world::Context;

const OPERATION: &str = "RestoreDBClusterToPointInTime";
/// What both ways to restore a cluster have, and this simulator does not.
pub(super) const NOT_SIMULATED: &[&str] = &[
    "SourceDbClusterResourceId",
    "OptionGroupName",
    "Domain",
    "DomainIAMRoleName",
    "DBClusterInstanceClass",
    "PubliclyAccessible",
    "Iops",
    "ScalingConfiguration",
    "RdsCustomClusterConfiguration",
    "TagSpecifications",
    "EnableVPCNetworking",
    "EnableInternetAccessGateway",
];
const LIMITLESS_ONLY: &[&str] = &[
    "MonitoringInterval",
    "MonitoringRoleArn",
    "EnablePerformanceInsights",
    "PerformanceInsightsKMSKeyId",
    "PerformanceInsightsRetentionPeriod",
];

struct Input {
    id: String,
    source: String,
    kind: CopyKind,
    restore_to: Option<DateTime<Utc>>,
    roles: Vec<Role>,
    options: ClusterOptions,
}

impl Input {
    fn parse(mut parameters: Parameters) -> Result<Self, Refusal> {
        let id = parameters.required("DBClusterIdentifier")?;
        refuse_limitless(&mut parameters)?;
        let source = parameters.take("SourceDBClusterIdentifier");
        let kind = match parameters.word("RestoreType", &["full-copy", "copy-on-write"])?.as_deref() {
            Some("copy-on-write") => CopyKind::CopyOnWrite,
            _ => CopyKind::Full,
        };
        let restore_to = parameters.take("RestoreToTime");
        let latest = parameters.boolean("UseLatestRestorableTime")?.unwrap_or_default();
        let roles = roles::take(&mut parameters)?;
        let options = ClusterOptions::take(&mut parameters)?;
        parameters.finish(OPERATION, NOT_SIMULATED)?;
        let source = source.ok_or_else(|| {
            Refusal::combination("SourceDBClusterIdentifier or SourceDbClusterResourceId must be specified")
        })?;
        Ok(Self {
            id: identifiers::new_identifier("DBClusterIdentifier", &id)?,
            source,
            kind,
            restore_to: point_in_time(kind, restore_to, latest)?,
            roles,
            options,
        })
    }
}

fn point_in_time(
    kind: CopyKind,
    restore_to: Option<String>,
    latest: bool,
) -> Result<Option<DateTime<Utc>>, Refusal> {
    match (restore_to, latest) {
        (Some(_), _) if kind == CopyKind::CopyOnWrite => Err(Refusal::combination(
            "RestoreToTime can't be specified if RestoreType is copy-on-write; use UseLatestRestorableTime",
        )),
        (Some(_), true) => {
            Err(Refusal::combination("RestoreToTime and UseLatestRestorableTime can't be specified together"))
        }
        (None, false) => {
            Err(Refusal::combination("Either RestoreToTime or UseLatestRestorableTime must be specified"))
        }
        (None, true) => Ok(None),
        (Some(text), false) => match DateTime::parse_from_rfc3339(&text) {
            Ok(time) => Ok(Some(time.to_utc())),
            Err(_) => Err(Refusal::value(format!("Invalid time {text} for RestoreToTime"))),
        },
    }
}

impl Rds {
    pub(super) fn restore(&mut self, cx: &mut Context<'_>, parameters: Parameters) -> Answer {
        let input = Input::parse(parameters)?;
        self.check_free(&input.id)?;
        roles::check_quota(cx.config.rds.role_quota, input.roles.len())?;
        let source = self.restorable_source(cx, &input)?;
        let key_given = input.options.kms_key.is_some();
        let cluster = self.restored_cluster(cx, input, &source)?;
        self.check_cluster_quota(cx.config.rds.cluster_quota)?;
        if let Some(original) = self.state.cluster_mut(&source.id) {
            original.clone_group.clone_from(&cluster.clone_group);
        }
        self.audit_restore(cx, &cluster, &source, key_given);
        let answer = render::one_cluster(&self.place, &self.state, &cluster, cx.now);
        self.admit(cluster);
        Ok(Some(answer))
    }

    /// The source, if it can be copied now.
    fn restorable_source(&self, cx: &Context<'_>, input: &Input) -> Result<Cluster, Refusal> {
        let missing = || Refusal::no_cluster(&input.source);
        let Named::Here(id) = self.place.named("cluster", &input.source) else { return Err(missing()) };
        let source = self.cluster(&id).ok_or_else(missing)?;
        let (seed, settings) = (cx.config.seed, &cx.config.rds);
        let clone = input.kind == CopyKind::CopyOnWrite;
        let accepted = match source.status.as_str() {
            "available" => true,
            "stopped" => !clone || settings.clone_of_stopped.accepts(seed, "clone of stopped"),
            status => BUSY.contains(&status) && settings.restore_from_busy.accepts(seed, "restore from busy"),
        };
        if !accepted {
            return Err(Refusal::cluster_state(format!(
                "Source cluster {id} is in a state which is not valid for this operation: {}",
                source.status
            )));
        }
        if clone && !self.state.members(&id).any(|member| member.status != "deleting") {
            return Err(Refusal::cluster_state(format!(
                "You can't create a clone from the DB cluster {id}, which has no DB instances"
            )));
        }
        if let Some(time) = input.restore_to
            && !(source.truth.created_at..=latest_restorable(source, cx.now)).contains(&time)
        {
            return Err(Refusal::value(format!(
                "The specified time {time} is outside the restorable times of {id}"
            )));
        }
        if input.options.parameter_group.is_none()
            && source.parameter_group != groups::default_group(&source.engine, &source.engine_version)
        {
            return Err(Refusal::combination(
                "The cluster parameter group name is required when the source cluster uses a custom parameter group.",
            ));
        }
        if input.options.kms_key.is_some() && source.encryption == Encryption::None {
            return Err(Refusal::combination(
                "KmsKeyId can't be specified: the source DB cluster is not encrypted",
            ));
        }
        Ok(source.clone())
    }

    /// The new cluster, complete.
    fn restored_cluster(
        &mut self,
        cx: &mut Context<'_>,
        input: Input,
        source: &Cluster,
    ) -> Result<Cluster, Refusal> {
        let Input { id, kind, roles, mut options, .. } = input;
        if options.tags.is_empty() {
            let users = source.tags.iter().filter(|(key, _)| !key.starts_with("aws:"));
            options.tags = users.map(|(key, value)| (key.clone(), value.clone())).collect();
        }
        options.backup_retention = options.backup_retention.or(Some(source.backup_retention));
        options.backup_window = options.backup_window.or_else(|| Some(source.backup_window.clone()));
        let mut cluster = self.new_cluster(&id, &source.engine, &source.engine_version, options)?;
        cluster.maintenance_window.clone_from(&source.maintenance_window);
        cluster.database_name.clone_from(&source.database_name);
        cluster.master_username.clone_from(&source.master_username);
        cluster.password.clone_from(&source.password);

        let asked = kind == CopyKind::CopyOnWrite;
        let room = self.living_clones_of_volume(&source.truth.volume) < cx.config.rds.clone_limit;
        let copy_on_write = asked && room;
        cluster.clone_group = source.clone_group.clone().or_else(|| asked.then(|| self.ids.uuid()));
        if cluster.kms_key.is_none() {
            cluster.kms_key = source.kms_key.as_deref().map(|key| self.usable_key(key)).transpose()?;
            cluster.encryption = match source.encryption {
                // A restore of today is encrypted; a clone shares the old pages.
                Encryption::None if !copy_on_write => Encryption::AwsOwned,
                same => same,
            };
        }
        let settings = &cx.config.rds;
        let takes = if copy_on_write { &settings.clone_seconds } else { &settings.full_copy_seconds };
        self.begin_restored(cx, &mut cluster, roles, takes);
        if settings.restore_shows_sources_secret {
            cluster.inherited_secret.clone_from(&source.managed_secret);
        }
        cluster.truth = Truth {
            created_by: cx.principal.to_owned(),
            created_at: cx.now,
            parent: Some(Parent { id: source.id.clone(), resource_id: source.resource_id.clone() }),
            restored: Some(if asked { Restore::Clone } else { Restore::FullCopy }),
            volume: if copy_on_write { &source.truth.volume } else { &cluster.resource_id }.clone(),
            copy_on_write,
            became_full_copy: asked && !room,
            birth_password: source.password.clone(),
            data_bytes: source.truth.data_bytes,
        };
        Ok(cluster)
    }

    /// Lets a restored cluster be `creating` for a while, and its roles pending for longer.
    pub(super) fn begin_restored(
        &self,
        cx: &mut Context<'_>,
        cluster: &mut Cluster,
        roles: Vec<Role>,
        takes: &RangeInclusive<u64>,
    ) {
        "creating".clone_into(&mut cluster.status);
        let ready = cx.now + draw(cx.rng, takes);
        cluster.plan([(ready, Step::status("available"))]);
        for role in &roles {
            let usable = ready + draw(cx.rng, &cx.config.rds.role_seconds);
            cluster.plan([(usable, Step::Role(role.arn.clone()))]);
        }
        cluster.roles = roles;
    }
}

/// Refuses what only a cluster of Aurora Limitless may be restored with.
pub(super) fn refuse_limitless(parameters: &mut Parameters) -> Result<(), Refusal> {
    if LIMITLESS_ONLY.iter().any(|name| parameters.take(name).is_some()) {
        return Err(Refusal::combination(
            "You can enable Performance Insights or set the Enhanced Monitoring interval only when restoring from a source Aurora Limitless DB cluster",
        ));
    }
    Ok(())
}

/// Backups lag a little.
pub(super) fn latest_restorable(cluster: &Cluster, now: DateTime<Utc>) -> DateTime<Utc> {
    (now - Duration::minutes(5)).max(cluster.truth.created_at)
}

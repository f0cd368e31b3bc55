//! `RestoreDBClusterFromSnapshot`: a cluster with a volume and, once it is cloned, a clone group of its own.

use super::describe::is_named;
use super::identifiers;
use super::options::ClusterOptions;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::restore;
use super::roles::{self, Role};
use super::snapshots::Snapshot;
use super::state::{Cluster, Encryption, Parent, Restore, Truth};
use super::{Answer, Rds, render};
use crate::world::Context;

const OPERATION: &str = "RestoreDBClusterFromSnapshot";

struct Input {
    id: String,
    snapshot: String,
    engine: String,
    version: Option<String>,
    database_name: Option<String>,
    roles: Vec<Role>,
    options: ClusterOptions,
}

impl Input {
    fn parse(mut parameters: Parameters) -> Result<Self, Refusal> {
        let id = parameters.required("DBClusterIdentifier")?;
        let snapshot = parameters.required("SnapshotIdentifier")?;
        let engine = parameters.required("Engine")?;
        restore::refuse_limitless(&mut parameters)?;
        let version = parameters.take("EngineVersion");
        let database_name = parameters.take("DatabaseName");
        let roles = roles::take(&mut parameters)?;
        let options = ClusterOptions::take(&mut parameters)?;
        parameters.finish(OPERATION, &[restore::NOT_SIMULATED, &["AvailabilityZones"]].concat())?;
        let id = identifiers::new_identifier("DBClusterIdentifier", &id)?;
        Ok(Self { id, snapshot, engine, version, database_name, roles, options })
    }
}

impl Rds {
    pub(super) fn restore_snapshot(&mut self, cx: &mut Context<'_>, parameters: Parameters) -> Answer {
        let input = Input::parse(parameters)?;
        self.check_free(&input.id)?;
        roles::check_quota(cx.config.rds.role_quota, input.roles.len())?;
        let snapshot = self.restorable_snapshot(&input.snapshot)?;
        let key_given = input.options.kms_key.is_some();
        let cluster = self.cluster_from(cx, input, &snapshot)?;
        self.check_cluster_quota(cx.config.rds.cluster_quota)?;
        self.audit_restore(cx, &cluster, &snapshot.cluster, key_given);
        let answer = render::one_cluster(&self.place, &self.state, &cluster, cx.now);
        self.admit(cluster);
        Ok(Some(answer))
    }

    /// The snapshot of a name or ARN, if it can be restored now.
    fn restorable_snapshot(&self, text: &str) -> Result<Snapshot, Refusal> {
        let found = self.snapshots().find(|known| is_named(&self.place, "cluster-snapshot", text, &known.id));
        let snapshot = found.ok_or_else(|| Refusal::no_snapshot(text))?;
        if snapshot.status != "available" {
            return Err(Refusal::snapshot_state(format!(
                "The snapshot {text} is in the state {}, not available.",
                snapshot.status
            )));
        }
        Ok(snapshot.clone())
    }

    /// The new cluster, complete.
    fn cluster_from(
        &mut self,
        cx: &mut Context<'_>,
        input: Input,
        snapshot: &Snapshot,
    ) -> Result<Cluster, Refusal> {
        let Input { id, engine, version, database_name, roles, mut options, .. } = input;
        let source = snapshot.cluster.as_ref();
        let version = version_for(cx, source, &engine, version)?;
        options.port = options.port.or(Some(source.port));
        options.backup_retention = options.backup_retention.or(Some(source.backup_retention));
        let mut cluster = self.new_cluster(&id, &source.engine, &version, options)?;
        cluster.database_name = database_name.or_else(|| source.database_name.clone());
        cluster.master_username.clone_from(&source.master_username);
        cluster.password.clone_from(&source.password);
        if cluster.kms_key.is_none() {
            cluster.kms_key = source.kms_key.as_deref().map(|key| self.usable_key(key)).transpose()?;
            cluster.encryption = match source.encryption {
                // A restore of today is encrypted.
                Encryption::None => Encryption::AwsOwned,
                same => same,
            };
        }
        if cx.config.rds.restore_shows_sources_secret {
            cluster.inherited_secret.clone_from(&source.managed_secret);
        }
        self.begin_restored(cx, &mut cluster, roles, &cx.config.rds.full_copy_seconds);
        cluster.truth = Truth {
            created_by: cx.principal.to_owned(),
            created_at: cx.now,
            parent: Some(Parent { id: source.id.clone(), resource_id: source.resource_id.clone() }),
            restored: Some(Restore::Snapshot(snapshot.id.clone())),
            volume: cluster.resource_id.clone(),
            birth_password: source.password.clone(),
            data_bytes: source.truth.data_bytes,
            ..Truth::default()
        };
        Ok(cluster)
    }
}

/// The engine version of the new cluster.
fn version_for(
    cx: &Context<'_>,
    source: &Cluster,
    engine: &str,
    version: Option<String>,
) -> Result<String, Refusal> {
    if engine != source.engine {
        return Err(Refusal::combination(format!(
            "The engine {engine} is not compatible with the snapshot's engine {}",
            source.engine
        )));
    }
    match version {
        None if !cx.config.rds.snapshot_keeps_version.accepts(cx.config.seed, "snapshot keeps version") => {
            Ok(super::create_cluster::default_version(engine).unwrap_or(&source.engine_version).to_owned())
        }
        None => Ok(source.engine_version.clone()),
        Some(version) if version == source.engine_version => Ok(version),
        Some(version) => Err(Refusal::not_simulated(&format!(
            "EngineVersion {version} for a snapshot of {}",
            source.engine_version
        ))),
    }
}

//! `DeleteDBInstance` and `DeleteDBCluster`: no cascade, and a strict order.

use std::collections::BTreeMap;

use super::parameters::Parameters;
use super::refusal::Refusal;
use super::settings::draw;
use super::state::{Cluster, Instance, Step};
use super::{Answer, Rds, render, snapshots};
use crate::world::Context;

impl Rds {
    pub(super) fn delete_instance(&mut self, cx: &mut Context<'_>, mut parameters: Parameters) -> Answer {
        const OPERATION: &str = "DeleteDBInstance";
        let id = parameters.required("DBInstanceIdentifier")?;
        parameters.boolean("SkipFinalSnapshot")?;
        parameters.boolean("DeleteAutomatedBackups")?;
        let snapshot = parameters.take("FinalDBSnapshotIdentifier");
        parameters.finish(OPERATION, &[])?;
        if snapshot.is_some() {
            return Err(Refusal::combination(
                "FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance",
            ));
        }
        let (mut instance, cluster) = self.target_instance(&id)?;
        if cluster.status == "stopped" {
            return Err(Refusal::cluster_state(format!("DB cluster {} is stopped", cluster.id)));
        }
        check_instance(cx, &instance)?;
        self.audit(cx, OPERATION, &cluster);
        if self.state.members(&cluster.id).filter(|member| member.status != "deleting").count() == 1 {
            self.audit_clones_in_creation(cx, OPERATION, &cluster);
        }
        "deleting".clone_into(&mut instance.status);
        let gone = cx.now + draw(cx.rng, &cx.config.rds.delete_instance_seconds);
        instance.ahead = [(gone, Step::Gone)].into();
        let answer = render::one_instance(&self.place, &cluster, &instance);
        self.state.instances.insert(instance.id.clone(), instance.into());
        self.state.elect_writer(&cluster.id);
        Ok(Some(answer))
    }

    pub(super) fn delete_cluster(&mut self, cx: &mut Context<'_>, mut parameters: Parameters) -> Answer {
        const OPERATION: &str = "DeleteDBCluster";
        let id = parameters.required("DBClusterIdentifier")?;
        let skip = parameters.boolean("SkipFinalSnapshot")?.unwrap_or_default();
        parameters.boolean("DeleteAutomatedBackups")?;
        let snapshot = parameters.take("FinalDBSnapshotIdentifier");
        parameters.finish(OPERATION, &[])?;
        match (skip, &snapshot) {
            (true, Some(_)) => {
                return Err(Refusal::combination(
                    "FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is specified",
                ));
            }
            (false, None) => {
                return Err(Refusal::combination(
                    "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
                ));
            }
            _ => {}
        }
        let snapshot =
            snapshot.map(|name| snapshots::new_name("FinalDBSnapshotIdentifier", &name)).transpose()?;
        let mut cluster = self.target_cluster(&id)?;
        check_cluster(cx, &cluster, !skip)?;
        if self.state.members(&cluster.id).any(|member| member.status != "deleting") {
            return Err(Refusal::cluster_state(
                "Cluster cannot be deleted, it still contains DB instances in non-deleting state.",
            ));
        }
        if let Some(name) = &snapshot {
            self.check_snapshot(cx.config.rds.snapshot_quota, name)?;
        }
        self.audit(cx, OPERATION, &cluster);
        self.audit_clones_in_creation(cx, OPERATION, &cluster);
        self.audit_purge(cx, &cluster);
        let last = self.state.members(&cluster.id).filter_map(|member| member.ahead.back());
        let mut empty = last.map(|(at, _)| *at).max().unwrap_or(cx.now).max(cx.now);
        if let Some(name) = &snapshot {
            empty = empty.max(self.begin_snapshot(cx, name, &cluster, BTreeMap::new()));
        }
        "deleting".clone_into(&mut cluster.status);
        cluster.pending_password = None;
        cluster.pending_log_exports = None;
        cluster.ahead.clear();
        let gone = empty + draw(cx.rng, &cx.config.rds.delete_cluster_seconds);
        cluster.plan([(gone, Step::Gone)]);
        let answer = render::one_cluster(&self.place, &self.state, &cluster, cx.now);
        self.state.clusters.insert(cluster.id.clone(), cluster.into());
        Ok(Some(answer))
    }
}

fn check_instance(cx: &Context<'_>, instance: &Instance) -> Result<(), Refusal> {
    match instance.status.as_str() {
        "deleting" => Err(Refusal::fault(
            "InvalidDBInstanceState",
            format!("Instance {} is already being deleted.", instance.id),
        )),
        "creating" if !accepted_while_creating(cx) => Err(Refusal::fault(
            "InvalidDBInstanceState",
            format!("Instance {} is currently creating - its status does not allow deletion.", instance.id),
        )),
        _ => Ok(()),
    }
}

fn check_cluster(cx: &Context<'_>, cluster: &Cluster, snapshot: bool) -> Result<(), Refusal> {
    match cluster.status.as_str() {
        "deleting" => Err(Refusal::cluster_state(format!(
            "Cluster {} cannot be deleted, it is already being deleted.",
            cluster.id
        ))),
        status @ ("stopped" | "stopping" | "starting") => Err(Refusal::cluster_state(format!(
            "DB cluster {} is in the state {status} and can't be deleted; start it first.",
            cluster.id
        ))),
        "creating" if !accepted_while_creating(cx) => Err(Refusal::cluster_state(format!(
            "DB Cluster {} is not currently in the available state.",
            cluster.id
        ))),
        _ if cluster.deletion_protection => Err(Refusal::combination(
            "Cannot delete protected Cluster, please disable deletion protection and try again.",
        )),
        status if snapshot && status != "available" => Err(Refusal::cluster_state(format!(
            "Can't create a snapshot because the database cluster {} isn't currently in the available state.",
            cluster.id
        ))),
        _ => Ok(()),
    }
}

fn accepted_while_creating(cx: &Context<'_>) -> bool {
    cx.config.rds.delete_while_creating.accepts(cx.config.seed, "delete while creating")
}

//! `CreateDBClusterSnapshot` and `DeleteDBClusterSnapshot`.

use super::parameters::Parameters;
use super::refusal::Refusal;
use super::settings::Choice;
use super::snapshots::{Snapshot, new_name};
use super::state::{Restore, Step};
use super::{Answer, Rds, tags};
use crate::query::Xml;
use crate::world::Context;

impl Rds {
    pub(super) fn create_snapshot(&mut self, cx: &mut Context<'_>, mut parameters: Parameters) -> Answer {
        let name = parameters.required("DBClusterSnapshotIdentifier")?;
        let cluster = parameters.required("DBClusterIdentifier")?;
        let given = tags::take(&mut parameters)?;
        parameters.finish("CreateDBClusterSnapshot", &[])?;
        let name = new_name("DBClusterSnapshotIdentifier", &name)?;
        let cluster = self.target_cluster(&cluster)?;
        if cluster.status != "available" {
            return Err(Refusal::cluster_state(format!(
                "Can't create a snapshot because the database cluster {} isn't currently in the available state.",
                cluster.id
            )));
        }
        self.check_snapshot(cx.config.rds.snapshot_quota, &name)?;
        let ready = self.begin_snapshot(cx, &name, &cluster, given);
        if accepts(cx, cx.config.rds.snapshot_shows_backing_up, "snapshot shows backing-up")
            && let Some(cluster) = self.state.cluster_mut(&cluster.id)
        {
            "backing-up".clone_into(&mut cluster.status);
            cluster.plan([(ready, Step::status("available"))]);
        }
        let made = self.state.snapshots.get(&name).cloned();
        Ok(made.map(|snapshot| self.one_snapshot(&snapshot)))
    }

    pub(super) fn delete_snapshot(&mut self, cx: &mut Context<'_>, mut parameters: Parameters) -> Answer {
        const OPERATION: &str = "DeleteDBClusterSnapshot";
        let name = parameters.required("DBClusterSnapshotIdentifier")?;
        parameters.finish(OPERATION, &[])?;
        if name.contains(':') {
            return Err(Refusal::value(
                "The parameter DBClusterSnapshotIdentifier is not a valid identifier.",
            ));
        }
        let found = self.state.snapshots.get(&name.to_ascii_lowercase()).cloned();
        let snapshot = found.ok_or_else(|| Refusal::no_snapshot(&name))?;
        if snapshot.kind != "manual" {
            return Err(Refusal::snapshot_state(format!(
                "Only manual snapshots may be deleted; {name} is {}.",
                snapshot.kind
            )));
        }
        if snapshot.status != "available" {
            return Err(Refusal::snapshot_state(format!(
                "The snapshot {name} is in the state {}, not available.",
                snapshot.status
            )));
        }
        if self.is_being_restored(&snapshot)
            && !accepts(cx, cx.config.rds.delete_snapshot_in_use, "delete a snapshot in use")
        {
            return Err(Refusal::snapshot_state(format!(
                "A restore from the snapshot {name} is in progress."
            )));
        }
        self.audit_snapshot(cx, OPERATION, &snapshot);
        self.state.snapshots.remove(&snapshot.id);
        let mut shown = Snapshot::clone(&snapshot);
        "deleted".clone_into(&mut shown.status);
        Ok(Some(self.one_snapshot(&shown)))
    }

    /// Whether a cluster that is `creating` is being made from this very snapshot.
    fn is_being_restored(&self, snapshot: &Snapshot) -> bool {
        self.clusters().any(|cluster| {
            let from = &cluster.truth.restored;
            cluster.status == "creating"
                && matches!(from, Some(Restore::Snapshot(id)) if *id == snapshot.id)
                && cluster.truth.created_at >= snapshot.created_at
        })
    }

    fn one_snapshot(&self, snapshot: &Snapshot) -> Xml {
        let mut xml = Xml::default();
        xml.element("DBClusterSnapshot", |xml| self.render_snapshot(xml, snapshot));
        xml
    }
}

fn accepts(cx: &Context<'_>, choice: Choice, question: &str) -> bool {
    choice.accepts(cx.config.seed, question)
}

//! Holds the product to the World's truth: what it may never do, whatever the tags say.

use super::Rds;
use super::state::Cluster;
use crate::world::{Config, Context};

/// Whether the product itself made a cluster.
fn is_managers(config: &Config, cluster: &Cluster) -> bool {
    config.manager_keys.contains(&cluster.truth.created_by)
}

impl Rds {
    /// To be called for every accepted mutation that names an existing cluster or one of its instances.
    pub(super) fn audit(&self, cx: &mut Context<'_>, operation: &str, cluster: &Cluster) {
        if !cx.by_manager() || is_managers(cx.config, cluster) {
            return;
        }
        cx.violations.push(format!(
            "S1 {operation} by the manager hit {}, which {:?} made",
            cluster.id, cluster.truth.created_by
        ));
        let is_parent = |life: &super::Life| {
            life.truth.parent.as_ref().is_some_and(|parent| parent.resource_id == cluster.resource_id)
        };
        if cluster.truth.parent.is_none() || self.lives.iter().any(is_parent) {
            cx.violations.push(format!("S2 {operation} by the manager hit the source {}", cluster.id));
        }
    }

    /// To be called for every new cluster.
    pub(super) fn audit_restore(&self, cx: &mut Context<'_>, cluster: &Cluster) {
        if cx.by_manager() && cluster.truth.became_full_copy {
            let source = cluster.truth.parent.as_ref().map_or("", |parent| parent.id.as_str());
            cx.violations.push(format!(
                "S12 the manager's clone {} of {source} silently became a full copy: the volume was full",
                cluster.id
            ));
        }
    }
}

//! Holds the product to the World's truth: what it may never do, whatever the tags say.

use chrono::{DateTime, Duration, Utc};

use super::Rds;
use super::options::DEFAULT_SECURITY_GROUP;
use super::snapshots::Snapshot;
use super::state::{Cluster, Encryption, Instance};
use crate::world::{Config, Context};

/// The tag by which the product announces that a copy will go; its documents name it.
const RETIRING: &str = "aurora-clone:retiring";
/// How long a copy must have been announced: longer than any Create that may have chosen it before.
const LEAST_NOTICE: Duration = Duration::minutes(60);

/// Whether the product itself made a cluster.
fn is_managers(config: &Config, cluster: &Cluster) -> bool {
    config.manager_keys.contains(&cluster.truth.created_by)
}

/// Whether a cluster has nothing but the default security group, unlike its source.
fn groups_are_lost(cluster: &Cluster, source: &Cluster) -> bool {
    cluster.security_groups == [DEFAULT_SECURITY_GROUP] && source.security_groups != cluster.security_groups
}

/// Whether a copy's storage is protected less than its source's, or by a key that nobody asked for.
fn encryption_is_lower(copy: &Cluster, source: &Cluster, key_given: bool) -> bool {
    match source.encryption {
        Encryption::None => false,
        Encryption::AwsOwned => copy.encryption == Encryption::None,
        Encryption::Kms => {
            copy.encryption != Encryption::Kms || (copy.kms_key != source.kms_key && !key_given)
        }
    }
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

    /// To be called for every accepted change or deletion of an existing snapshot.
    pub(super) fn audit_snapshot(&self, cx: &mut Context<'_>, operation: &str, snapshot: &Snapshot) {
        if cx.by_manager() && !cx.config.manager_keys.contains(&snapshot.created_by) {
            cx.violations.push(format!(
                "S1 {operation} by the manager hit the snapshot {}, which {:?} made",
                snapshot.id, snapshot.created_by
            ));
        }
    }

    /// To be called when a cluster goes, or its last instance: nobody may be cloning it. What a stranger clones off a
    /// clone is not the product's business.
    pub(super) fn audit_clones_in_creation(&self, cx: &mut Context<'_>, operation: &str, cluster: &Cluster) {
        if !cx.by_manager() {
            return;
        }
        let is_copy = self.was_born_a_copy(cluster);
        for clone in self.clusters() {
            let of_it = clone.truth.parent.as_ref().is_some_and(|of| of.resource_id == cluster.resource_id);
            if of_it
                && clone.truth.copy_on_write
                && clone.status == "creating"
                && (is_copy || is_managers(cx.config, clone))
            {
                cx.violations.push(format!(
                    "S14 {operation} by the manager hit {}, while its clone {} is creating",
                    cluster.id, clone.id
                ));
            }
        }
    }

    /// To be called when a cluster goes: a copy of the pool must have been marked for long.
    pub(super) fn audit_purge(&self, cx: &mut Context<'_>, cluster: &Cluster) {
        if !cx.by_manager() || !self.was_born_a_copy(cluster) {
            return;
        }
        let flaw = match self.marked.get(&cluster.resource_id).map(|since| cx.now - *since) {
            Some(age) if age >= LEAST_NOTICE => return,
            Some(age) => format!("was marked only {} s ago", age.num_seconds()),
            None => "was not marked".to_owned(),
        };
        cx.violations.push(format!("S14 the manager deleted the copy {}, which {flaw}", cluster.id));
    }

    fn was_born_a_copy(&self, cluster: &Cluster) -> bool {
        let life = self.lives.iter().rev().find(|life| life.resource_id == cluster.resource_id);
        life.is_some_and(|life| life.role() == Some("copy"))
    }

    /// To be called when a cluster's tags may have changed.
    pub(super) fn note_mark(&mut self, id: &str) {
        self.note_mark_of(id, self.now);
    }

    /// The same for a cluster that has had its tags since a certain time.
    pub(super) fn note_mark_of(&mut self, id: &str, since: DateTime<Utc>) {
        let Some(cluster) = self.state.clusters.get(id) else { return };
        if cluster.tags.contains_key(RETIRING) {
            self.marked.entry(cluster.resource_id.clone()).or_insert(since);
        } else {
            self.marked.remove(&cluster.resource_id);
        }
    }

    /// To be called for every new cluster that was made from another one.
    pub(super) fn audit_restore(
        &self,
        cx: &mut Context<'_>,
        cluster: &Cluster,
        source: &Cluster,
        key_given: bool,
    ) {
        if !cx.by_manager() {
            return;
        }
        if cluster.truth.became_full_copy {
            cx.violations.push(format!(
                "S12 the manager's clone {} of {} silently became a full copy: the volume was full",
                cluster.id, source.id
            ));
        }
        if groups_are_lost(cluster, source) {
            cx.violations.push(format!(
                "S22 the manager's {} has the default security group only, unlike its source {}",
                cluster.id, source.id
            ));
        }
        if encryption_is_lower(cluster, source, key_given) {
            cx.violations.push(format!(
                "S22 the manager's {} is protected less than its source {}: {:?} with {:?}",
                cluster.id, source.id, cluster.encryption, cluster.kms_key
            ));
        }
    }

    /// To be called when a change has given a cluster security groups.
    pub(super) fn audit_groups(&self, cx: &mut Context<'_>, operation: &str, cluster: &Cluster) {
        if !cx.by_manager() {
            return;
        }
        let parent = cluster.truth.parent.as_ref();
        let source = parent.and_then(|parent| self.cluster_by_resource_id(&parent.resource_id));
        if source.is_some_and(|source| groups_are_lost(cluster, source)) {
            cx.violations.push(format!(
                "S22 {operation} by the manager left {} with the default security group only, unlike its source",
                cluster.id
            ));
        }
    }

    /// To be called when an instance is made, or a change has made it public.
    pub(super) fn audit_public(&self, cx: &mut Context<'_>, operation: &str, instance: &Instance) {
        if cx.by_manager() && instance.publicly_accessible {
            cx.violations
                .push(format!("S22 {operation} by the manager made {} publicly accessible", instance.id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // No call reaches most of these: the room itself keeps a copy's encryption up. So they are tested here.
    #[test]
    fn encryption_may_stay_or_rise() {
        use Encryption::{AwsOwned, Kms, None as Plain};
        let cluster = |encryption, key: &str| Cluster {
            encryption,
            kms_key: Some(key.to_owned()).filter(|key| !key.is_empty()),
            ..Cluster::default()
        };
        for (source, copy, given, lower) in [
            (cluster(Plain, ""), cluster(Plain, ""), false, false),
            (cluster(Plain, ""), cluster(AwsOwned, ""), false, false),
            (cluster(AwsOwned, ""), cluster(AwsOwned, ""), false, false),
            (cluster(AwsOwned, ""), cluster(Kms, "1"), true, false),
            (cluster(AwsOwned, ""), cluster(Plain, ""), false, true),
            (cluster(Kms, "1"), cluster(Kms, "1"), false, false),
            (cluster(Kms, "1"), cluster(Kms, "2"), true, false),
            (cluster(Kms, "1"), cluster(Kms, "2"), false, true),
            (cluster(Kms, "1"), cluster(AwsOwned, ""), false, true),
            (cluster(Kms, "1"), cluster(Plain, ""), true, true),
        ] {
            assert_eq!(encryption_is_lower(&copy, &source, given), lower, "{source:?} {copy:?} {given}");
        }
    }
}

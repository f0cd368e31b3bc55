//! Free slots by brute force: every cluster is followed to the volume that it truly shares.

use aurora_clone_core::names::tag;
use aurora_clone_core::snapshot::{Cluster, Phase};
use chrono::Duration;

use crate::world::{Maker, World};

impl World {
    /// The resource id of the volume's first cluster that still exists or did.
    fn volume(&self, cluster: &Cluster) -> String {
        let mut id = cluster.resource_id.clone();
        while let Some(next) = self.truth.get(&id).and_then(|truth| truth.shares.clone()) {
            id = next;
        }
        id
    }

    /// Slots that Creates can take, of the root and of copies that they find usable.
    pub fn usable(&self) -> u32 {
        let room = &self.room;
        let free = |source: &&Cluster| {
            let sharing = room.clusters.iter().filter(|c| c.resource_id != source.resource_id);
            let used = sharing.filter(|c| self.volume(c) == source.resource_id).count();
            2_u32.saturating_sub(u32::try_from(used).unwrap())
        };
        room.clusters.iter().filter(|c| self.can_be_cloned(c)).map(|c| free(&c)).sum()
    }

    fn can_be_cloned(&self, source: &Cluster) -> bool {
        let room = &self.room;
        let is_root = source.identifier == "prod";
        let ours = self.truth[&source.resource_id].maker == Maker::Maintainer
            && source.own_lineage().is_some_and(|lineage| {
                let young = |age: Duration| age <= room.config.max_copy_age.min(room.settings.max_copy_age);
                let age = lineage.data_time.map(|time| room.now - time);
                lineage.manager == "manager"
                    && age.is_some_and(young)
                    && age.unwrap() >= -Duration::minutes(10)
            });
        let works = |i: &aurora_clone_core::snapshot::Instance| {
            i.cluster.as_deref() == Some(&source.identifier)
                && i.status.0 != "creating"
                && matches!(i.status.phase(), Phase::Ready | Phase::Busy)
        };
        (is_root || ours && source.status.0 != "creating")
            && matches!(source.status.phase(), Phase::Ready | Phase::Busy)
            && source.tag(tag::RETIRING).is_none()
            && room.instances.iter().any(works)
    }
}

//! What the maintenance configuration says about one source and a Create has to obey: how many clones it takes, and how many of them
//! one owner may have.
//!
//! The handler never reads that configuration: a mistake in it must not stop Creates. The maintainer publishes these rules once it
//! has understood all of it.

use serde::{Deserialize, Serialize};

use crate::family::Family;
use crate::names::tag;
use crate::pool::config::{Quota, SourceConfig};
use crate::request::Wanted;
use crate::settings::Settings;
use crate::snapshot::Cluster;
use crate::tags::Role;

/// How many clones a refusal lists; CloudFormation shows about a thousand characters.
const MOST_LISTED: usize = 15;

/// The rules of one source. Without any, the operator's settings are all there is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// Copy-on-write clones per source volume, if fewer than the operator lets be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Slots per source that stay free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin: Option<u32>,
    /// How many clones each owner may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
}

impl Rules {
    /// What the configuration says about a source beyond the operator's settings.
    pub fn of(config: &SourceConfig, settings: &Settings) -> Self {
        Self {
            limit: (config.limit != settings.limit).then_some(config.limit),
            margin: (config.margin != settings.margin).then_some(config.margin),
            quota: config.quota.clone(),
        }
    }

    /// The operator's settings as they are for this source. The limit only gets smaller: beyond the operator's, AWS makes full copies.
    pub fn apply(&self, settings: &Settings) -> Settings {
        let limit = self.limit.unwrap_or(settings.limit).min(settings.limit);
        let margin = self.margin.unwrap_or(settings.margin).min(limit.saturating_sub(1));
        Settings { limit, margin, ..settings.clone() }
    }
}

impl Quota {
    /// Whether the owner that a template names may have one more clone of this family, or a sentence that says why not. To be asked
    /// under the root's lease, like everything that counts.
    pub fn admits(
        &self,
        wanted: &Wanted,
        family: &Family<'_>,
        clusters: &[Cluster],
        manager: &str,
    ) -> Result<(), String> {
        let root = &family.root().identifier;
        let place = format!("owner-quotas of {root} in the maintenance configuration");
        let Some(owner) = wanted.properties.tags.get(&self.tag).filter(|owner| !owner.is_empty()) else {
            return Err(format!(
                "Tags lacks {:?}, which says whose clone of {root} it is: {place} counts by it. Give that tag a value. Nothing was \
                 made.",
                self.tag
            ));
        };
        let Some(most) = self.of(owner) else { return Ok(()) };
        let takes_slot = |cluster: &Cluster| family.clones().any(|(clone, _)| std::ptr::eq(clone, cluster));
        let counts = |cluster: &&Cluster| {
            // What replaces a clone is the same resource.
            let same = cluster.tag(tag::STACK_ID) == Some(&wanted.owner.stack_id)
                && cluster.tag(tag::LOGICAL_ID) == Some(&wanted.owner.logical_id);
            // A full copy and what hangs off a copy that is gone take no slot and are the owner's all the same.
            let ours = cluster.own_lineage().is_some_and(|lineage| {
                lineage.role == Role::Clone
                    && lineage.manager == manager
                    && (lineage.root == root || takes_slot(cluster))
            });
            ours && !same && cluster.tag(&self.tag).unwrap_or_default() == owner
        };
        let theirs: Vec<&str> = clusters.iter().filter(counts).map(|c| c.identifier.as_str()).collect();
        if theirs.len() < most as usize {
            return Ok(());
        }
        let mut list = theirs.iter().take(MOST_LISTED).copied().collect::<Vec<_>>().join(", ");
        if theirs.len() > MOST_LISTED {
            list.push_str(&format!(" and {} more", theirs.len() - MOST_LISTED));
        }
        if list.is_empty() {
            "none".clone_into(&mut list);
        }
        Err(format!(
            "The owner {owner:?} (by the tag {:?}) may have {most} clones of {root}, by {place}, and has {}: {list}. Nothing was \
             made. Delete one of them, or have the number raised.",
            self.tag,
            theirs.len()
        ))
    }
}

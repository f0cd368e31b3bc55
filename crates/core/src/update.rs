//! Updates: nothing, in place, or another clone. What a property does stands in [`TABLE`].
//!
//! A clone is replaced only for a property that the template gives, that differs from the last template, **and** that the clone
//! does not have. So removing a property replaces nothing, and the reverse update that CloudFormation sends after a failure finds
//! everything as it wants it.

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

use crate::arn::Place;
use crate::converge::{Progress, Subject};
use crate::create::{self, View};
use crate::desired::{Desired, Keeping};
use crate::duration::parse_time;
use crate::events;
use crate::guard;
use crate::identifier;
use crate::names::tag;
use crate::outputs::outputs;
use crate::plan::{Decision, Plan, Seen};
use crate::properties::Properties;
use crate::properties::table::{Class, TABLE};
use crate::record::{Baseline, Incarnation};
use crate::request::{Owner, Request};
use crate::settings::Settings;
use crate::snapshot::{Cluster, Instance, Phase};
use crate::tags;

/// Seconds between two looks.
const POLL: u32 = 30;
/// Settled means: at two looks at least this far apart.
const READY_FOR: Duration = Duration::seconds(25);

/// An update of a clone that exists.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// The request.
    pub request: &'a Request,
    /// What the template asks for now.
    pub properties: &'a Properties,
    /// Who asks.
    pub owner: &'a Owner,
    /// Where.
    pub place: &'a Place,
    /// The operator's settings.
    pub settings: &'a Settings,
}

impl Change<'_> {
    /// The decision that it fails. Whatever it was called stays its name.
    pub fn failed(&self, reason: &str) -> Decision {
        let id = self.request.physical_id.clone().unwrap_or_else(|| self.request.rejected_id());
        let events = events::failed(self.owner, &id, "Update", reason);
        Decision::failed(id, reason).telling(events)
    }

    /// Whether the template gives a property that the one before did not have so.
    fn gives(&self, name: &str) -> bool {
        let get = |properties: &Value| properties.get(name).cloned();
        get(&self.request.properties).is_some_and(|new| get(&self.request.old_properties) != Some(new))
    }

    /// The properties for which the clone has to be replaced or refreshed. `source_root` is the root of the family that the
    /// template's source belongs to, if that source exists.
    pub fn replaces(&self, cluster: &Cluster, source_root: Option<&str>) -> Vec<(&'static str, Class)> {
        // It was brought to exactly these properties before, whatever has become of its source since.
        if cluster.tag(tag::PROPERTIES) == Some(self.properties.hash.as_str()) {
            return Vec::new();
        }
        let differs = |name: &str| match name {
            "SourceClusterId" => {
                let root = source_root.unwrap_or(&self.properties.source);
                cluster.tag(tag::ROOT) != Some(root)
            }
            "ClusterId" => self.has_another_name(cluster),
            "CopyCreatedSince" => self.is_too_old(cluster),
            "DBSubnetGroupName" => {
                self.properties.cluster.subnet_group.is_some()
                    && self.properties.cluster.subnet_group != cluster.settings.subnet_group
            }
            "Port" => {
                self.properties.cluster.port.is_some()
                    && self.properties.cluster.port != cluster.settings.port
            }
            "NetworkType" => {
                self.properties.cluster.network_type.is_some()
                    && self.properties.cluster.network_type != cluster.settings.network_type
            }
            _ => self.password_differs(name, cluster),
        };
        let replaces = |class: &Class| matches!(class, Class::Replace | Class::Refresh);
        let named = TABLE.into_iter().filter(|(name, class)| replaces(class) && self.gives(name));
        named.filter(|(name, _)| differs(name)).collect()
    }

    fn has_another_name(&self, cluster: &Cluster) -> bool {
        let generation = cluster.tag(tag::GENERATION).unwrap_or_default();
        self.properties.cluster_id.as_ref().is_some_and(|id| {
            *id != cluster.identifier && identifier::of_generation(id, generation) != cluster.identifier
        })
    }

    fn is_too_old(&self, cluster: &Cluster) -> bool {
        let data_time = cluster.tag(tag::DATA_TIME).and_then(|text| parse_time(text).ok());
        let since = self.properties.freshness.created_since;
        since.is_some_and(|since| data_time.is_none_or(|data_time| data_time < since))
    }

    fn password_differs(&self, name: &str, cluster: &Cluster) -> bool {
        let wish = &self.properties.password;
        let mode = cluster.tag(tag::PASSWORD).unwrap_or("source");
        let key = cluster.tag(tag::KEY).unwrap_or("aws");
        match name {
            "SetPassword" => match wish.set {
                Some(true) => mode != "own",
                Some(false) => mode == "own",
                None => false,
            },
            "ManageMasterUserPassword" => match wish.managed {
                Some(true) => mode != "managed",
                Some(false) => mode == "managed",
                None => false,
            },
            "KmsKeyId" => wish.key.as_deref().is_some_and(|wanted| wanted != key),
            "ForceCreateKmsKey" => wish.make_key.is_some_and(|make| make != (key == "made")),
            "SecretPrefix" | "SecretpPrefix" => {
                let secret = cluster.tag(tag::SECRET).unwrap_or_default();
                wish.prefix.as_ref().is_some_and(|prefix| {
                    let generation = cluster.tag(tag::GENERATION).unwrap_or_default();
                    crate::request::secret_name(prefix, &cluster.identifier, generation) != secret
                })
            }
            _ => false,
        }
    }

    /// The clone that a rollback goes back to: another incarnation of this resource that was brought to exactly these properties
    /// and still lives.
    pub fn earlier<'c>(
        &self,
        current: &Cluster,
        clusters: &'c [Cluster],
        records: &[Incarnation],
    ) -> Option<&'c Cluster> {
        let fits = |cluster: &&Cluster| {
            let Ok(owned) = guard::prove(cluster, self.owner, &self.settings.name_prefix) else {
                return false;
            };
            let made = records.iter().find(|r| r.generation == owned.generation()).is_none_or(|r| r.made);
            let living = !matches!(cluster.status.phase(), Phase::Deleting | Phase::Stuck);
            let same = cluster.tag(tag::PROPERTIES) == Some(self.properties.hash.as_str());
            made && living && same && cluster.identifier != current.identifier
        };
        clusters.iter().filter(fits).max_by_key(|cluster| cluster.created_at)
    }

    /// What the clone is to be like.
    pub fn desired(
        &self,
        cluster: &Cluster,
        instances: &[Instance],
        record: Option<&Incarnation>,
    ) -> Desired {
        let generation = cluster.tag(tag::GENERATION).unwrap_or_default();
        let keeping =
            Keeping::of_existing(&self.properties.password, cluster, generation, record, self.settings);
        // Without a record a setting that is not given stays as it is.
        let as_it_is = || Baseline::of(cluster, instances);
        let baseline = record.map_or_else(as_it_is, |record| record.baseline.clone());
        let since = record.map(|record| record.since).or(cluster.created_at).unwrap_or_default();
        let mut desired = Desired::new(self.properties, &baseline, cluster, keeping, since, self.settings);
        let given = tags::leniently(&self.request.old_properties);
        desired.without.extend(given.into_keys().filter(|key| !self.properties.tags.contains_key(key)));
        desired
    }

    /// An instance whose Performance Insights are on with another key than the template gives. RDS answers with the ARN of a key
    /// whatever it was told, and an id is the end of that.
    fn has_another_insights_key<'i>(&self, instances: &'i [Instance]) -> Option<&'i Instance> {
        let wish = &self.properties.instances;
        let wanted =
            wish.performance_insights_key.as_deref().filter(|_| self.gives("PerformanceInsightsKMSKeyId"))?;
        let id = |key: &str| key.rsplit_once(":key/").map_or(key, |(_, id)| id).to_owned();
        let other = |i: &&Instance| {
            let key = i.settings.performance_insights_key.as_deref();
            i.settings.performance_insights && key.is_some_and(|key| id(key) != id(wanted))
        };
        instances.iter().find(other)
    }

    /// Decides the next step of an update in place. `view.cluster` was proved to be there.
    pub fn in_place(&self, view: View<'_>, seen: &Seen, now: DateTime<Utc>) -> Plan {
        let failed = |reason: &str| Plan::decide(self.failed(reason));
        let Some(cluster) = view.cluster else { return failed("The clone is gone.") };
        let owned = match guard::prove(cluster, self.owner, &self.settings.name_prefix) {
            Ok(owned) => owned,
            Err(not_ours) => return failed(&format!("Nothing was changed: {not_ours}.")),
        };
        let desired = self.desired(cluster, view.instances, view.record);
        let class = &desired.instance.class;
        let other_groups = desired.cluster.security_groups != cluster.settings.security_groups;
        let other_class = view.instances.iter().all(|instance| instance.settings.class != *class);
        if (other_groups || other_class)
            && let Err(refused) = create::within_limits(&desired, self.settings)
        {
            return failed(&format!("{refused}. Nothing was changed."));
        }
        if let Some(instance) = self.has_another_insights_key(view.instances) {
            return failed(&format!(
                "PerformanceInsightsKMSKeyId: RDS does not change the key of Performance Insights while it is on, and {} has \
                 another one. Turn EnablePerformanceInsights off first. Nothing was changed.",
                instance.identifier
            ));
        }
        let subject =
            Subject { cluster, owned, instances: view.instances, secret: view.secret, key: view.key };
        let busy = Seen { ready_since: None, absent_since: None, ..seen.clone() };
        match subject.next(&desired, self.owner) {
            Progress::Act(actions, because) => {
                let seconds = create::pace(&actions);
                Plan::act(actions, seconds, because, busy)
            }
            Progress::Wait(because) => Plan::wait(POLL, because, busy),
            Progress::Dead(reason) => failed(&reason),
            Progress::Settled => match seen.ready_since {
                Some(since) if now - since >= READY_FOR => {
                    let reason = format!("{} is as the template wants it.", cluster.identifier);
                    let data = outputs(&subject, self.place);
                    Plan::decide(Decision::success(cluster.arn.clone(), reason, data))
                }
                since => {
                    let seen = Seen { ready_since: Some(since.unwrap_or(now)), ..busy };
                    Plan::wait(POLL, "everything is as it should be; a second look confirms it", seen)
                }
            },
        }
    }
}

//! What a whole account has: quotas with their use, cluster parameter groups, subnet groups.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::{self, Groups};
use super::identifiers::Place;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::state::State;
use super::{Answer, Rds, describe, render};
use crate::query::Xml;
use crate::world::Config;

impl Rds {
    /// The quotas that matter to clusters. An account has more of them.
    pub(super) fn describe_quotas(&self, config: &Config, state: &State, parameters: Parameters) -> Answer {
        parameters.finish("DescribeAccountAttributes", &[])?;
        let quotas = [
            ("DBInstances", state.instances.len(), config.rds.instance_quota),
            ("DBClusters", state.clusters.len(), config.rds.cluster_quota),
        ];
        let mut xml = Xml::default();
        xml.element("AccountQuotas", |xml| {
            for (name, used, most) in quotas {
                xml.element("AccountQuota", |xml| {
                    xml.text("AccountQuotaName", name).text("Used", used).text("Max", most);
                });
            }
        });
        Ok(Some(xml))
    }

    /// The custom groups, and the default ones of the engines that there are clusters of; any default group by its name.
    pub(super) fn describe_parameter_groups(&self, state: &State, mut parameters: Parameters) -> Answer {
        let name = parameters.take("DBClusterParameterGroupName");
        let page = describe::page(&mut parameters)?;
        parameters.finish("DescribeDBClusterParameterGroups", &["Filters"])?;
        let mut groups: BTreeMap<String, String> = self.groups.cluster.clone();
        for cluster in state.clusters.values() {
            let family = groups::family(&cluster.engine, &cluster.engine_version);
            groups.insert(format!("default.{family}"), family);
        }
        if let Some(name) = name {
            let name = local_name(&self.place, "cluster-pg", &name);
            let family = groups.get(&name).cloned().or_else(|| default_family(&name)).ok_or_else(|| {
                let message = format!("DBClusterParameterGroup not found: {name}");
                Refusal::missing("DBParameterGroupNotFound", message)
            })?;
            groups = BTreeMap::from([(name, family)]);
        }
        let mut found: Vec<(&String, &String)> = groups.iter().collect();
        let marker = describe::cut(&mut found, &page, |(name, _)| name);
        let mut xml = Xml::default();
        xml.optional("Marker", marker).element("DBClusterParameterGroups", |xml| {
            for (name, family) in found {
                xml.element("DBClusterParameterGroup", |xml| {
                    xml.text("DBClusterParameterGroupName", name)
                        .text("DBParameterGroupFamily", family)
                        .text("Description", name)
                        .text("DBClusterParameterGroupArn", self.place.arn("cluster-pg", name));
                });
            }
        });
        Ok(Some(xml))
    }

    /// The same for instances.
    pub(super) fn describe_instance_parameter_groups(
        &self,
        state: &State,
        mut parameters: Parameters,
    ) -> Answer {
        let name = parameters.take("DBParameterGroupName");
        let page = describe::page(&mut parameters)?;
        parameters.finish("DescribeDBParameterGroups", &["Filters"])?;
        let mut groups: BTreeMap<String, String> = self.groups.instance.clone();
        for cluster in state.clusters.values() {
            let family = groups::family(&cluster.engine, &cluster.engine_version);
            groups.insert(format!("default.{family}"), family);
        }
        if let Some(name) = name {
            let name = local_name(&self.place, "pg", &name);
            let family = groups.get(&name).cloned().or_else(|| default_family(&name)).ok_or_else(|| {
                let message = format!("DBParameterGroup not found: {name}");
                Refusal::missing("DBParameterGroupNotFound", message)
            })?;
            groups = BTreeMap::from([(name, family)]);
        }
        let mut found: Vec<(&String, &String)> = groups.iter().collect();
        let marker = describe::cut(&mut found, &page, |(name, _)| name);
        let mut xml = Xml::default();
        xml.optional("Marker", marker).element("DBParameterGroups", |xml| {
            for (name, family) in found {
                xml.element("DBParameterGroup", |xml| {
                    xml.text("DBParameterGroupName", name)
                        .text("DBParameterGroupFamily", family)
                        .text("Description", name)
                        .text("DBParameterGroupArn", self.place.arn("pg", name));
                });
            }
        });
        Ok(Some(xml))
    }

    /// What AWS is going to do to a cluster in its maintenance window.
    pub(super) fn describe_pending_maintenance(&self, mut parameters: Parameters) -> Answer {
        let about = parameters.take("ResourceIdentifier");
        parameters.finish("DescribePendingMaintenanceActions", &["Filters", "MaxRecords", "Marker"])?;
        let mut xml = Xml::default();
        xml.element("PendingMaintenanceActions", |xml| {
            for (cluster, action) in &self.maintenance {
                let arn = self.place.arn("cluster", cluster);
                if about.as_ref().is_some_and(|about| *about != arn) {
                    continue;
                }
                xml.element("ResourcePendingMaintenanceActions", |xml| {
                    xml.text("ResourceIdentifier", arn).element("PendingMaintenanceActionDetails", |xml| {
                        xml.element("PendingMaintenanceAction", |xml| {
                            xml.text("Action", action);
                        });
                    });
                });
            }
        });
        Ok(Some(xml))
    }

    pub(super) fn describe_subnet_groups(&self, mut parameters: Parameters) -> Answer {
        let name = parameters.take("DBSubnetGroupName");
        let page = describe::page(&mut parameters)?;
        parameters.finish("DescribeDBSubnetGroups", &["Filters"])?;
        let mut names: BTreeSet<String> = self.groups.subnet.clone();
        names.insert("default".to_owned());
        if let Some(name) = name {
            let name = local_name(&self.place, "subgrp", &name);
            if !names.contains(&name) {
                return Err(Groups::no_subnet_group(&name));
            }
            names = BTreeSet::from([name]);
        }
        let mut found: Vec<&String> = names.iter().collect();
        let marker = describe::cut(&mut found, &page, |name| name);
        let mut xml = Xml::default();
        xml.optional("Marker", marker).element("DBSubnetGroups", |xml| {
            for name in found {
                let zones = self.groups.zones.get(name).cloned();
                let zones = zones.unwrap_or_else(|| self.place.zones().to_vec());
                xml.element("DBSubnetGroup", |xml| {
                    render::subnet_group(xml, &self.place, name, &zones);
                    xml.element("SupportedNetworkTypes", |xml| {
                        xml.text("member", "IPV4");
                        if self.groups.dual.contains(name) {
                            xml.text("member", "DUAL");
                        }
                    });
                });
            }
        });
        Ok(Some(xml))
    }
}

/// The name in a name or an ARN of here; another's ARN stays what it is, and is not found.
fn local_name(place: &Place, kind: &str, text: &str) -> String {
    let text = text.to_lowercase();
    text.strip_prefix(&place.arn(kind, "")).map_or_else(|| text.clone(), str::to_owned)
}

/// The family in the name of a default group, all of which exist.
fn default_family(name: &str) -> Option<String> {
    name.strip_prefix("default.").filter(|family| family.starts_with("aurora-")).map(str::to_owned)
}

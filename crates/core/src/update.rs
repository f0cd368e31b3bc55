//! Updates. What a finished database is made from can't be changed yet: an update that would change it fails and changes nothing,
//! so the reverse update that CloudFormation sends then finds everything as it was.

use crate::arn;
use crate::create::outputs;
use crate::guard;
use crate::names::tag;
use crate::plan::{Decision, Plan};
use crate::request::Wanted;
use crate::settings::Settings;
use crate::snapshot::{Cluster, Instance};

/// Decides an Update of the resource that CloudFormation calls `physical_id`.
pub fn plan(
    wanted: &Wanted,
    physical_id: &str,
    cluster: Option<&Cluster>,
    instances: &[Instance],
    settings: &Settings,
) -> Plan {
    let failed = |reason: String| Plan::decide(Decision::failed(physical_id, reason));
    let Some((_, identifier)) = arn::cluster(physical_id) else {
        return failed(format!("There is no clone to update: {physical_id:?} is not the ARN of a cluster."));
    };
    let Some(cluster) = cluster else {
        return failed(format!("The cluster {identifier} is gone. Remove the resource from the template."));
    };
    if let Err(not_ours) = guard::prove(cluster, &wanted.owner, &settings.name_prefix) {
        return failed(format!("Nothing was changed: {not_ours}."));
    }
    if cluster.tag(tag::PROPERTIES) == Some(wanted.properties.fingerprint().as_str()) {
        let reason = format!("{} is as the template wants it.", cluster.identifier);
        return Plan::decide(Decision::success(physical_id, reason, outputs(cluster, instances, wanted)));
    }
    failed(format!(
        "The properties that {identifier} was made from can't be changed yet, and nothing was. Give the resource \
         another name in the template to get a new clone; CopyOk, OnNoSlot, MaxCopyAge and ServiceTimeout may change."
    ))
}

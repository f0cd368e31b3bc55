//! The account's quotas, against what the configuration may come to need.

use std::collections::BTreeMap;

use aurora_clone_aws::cloud::CallError;
use aurora_clone_aws::maintain::run::Run;
use aurora_clone_core::pool::config::Maintenance;
use aurora_clone_core::pool::plan::Seen;
use aurora_clone_core::pool::room::{Fit, Room, fit};
use aurora_clone_core::snapshot::Cluster;

use super::finding::Findings;
use super::manager::Found;
use super::{Reader, find, refused};

/// The quotas that count, as RDS calls them, and as Service Quotas and people do.
const CLUSTERS: (&str, &str) = ("DBClusters", "DB clusters");
const INSTANCES: (&str, &str) = ("DBInstances", "DB instances");
const SNAPSHOTS: (&str, &str) = ("ManualClusterSnapshots", "manual cluster snapshots");

/// Checks them.
pub async fn check(
    reader: &Reader,
    found: &Found,
    maintenance: Option<&Maintenance>,
    clusters: &[Cluster],
    findings: &mut Findings,
) {
    let call = reader.cloud.rds.describe_account_attributes().send().await;
    let attributes = match call.map_err(|error| CallError::new("DescribeAccountAttributes", error)) {
        Ok(attributes) => attributes,
        Err(error) => {
            let (says, remedy) = refused(&error);
            findings.error("quotas", says, remedy);
            return;
        }
    };
    let quotas: BTreeMap<&str, (i64, i64)> = attributes
        .account_quotas()
        .iter()
        .filter_map(|quota| Some((quota.account_quota_name()?, (quota.used()?, quota.max()?))))
        .collect();
    let Some(maintenance) = maintenance else {
        findings.skipped("quotas", "nobody knows what is needed without a maintenance configuration");
        return;
    };
    let room = needed(reader, found, maintenance, clusters).await;
    let kinds = [
        (CLUSTERS, room.copies, room.clones),
        (INSTANCES, room.copies, room.clones),
        (SNAPSHOTS, room.snapshots, 0),
    ];
    for ((name, called), copies, clones) in kinds {
        if name == SNAPSHOTS.0 && copies == 0 {
            continue;
        }
        let Some((used, max)) = quotas.get(name).copied() else {
            findings.skipped(called, "RDS does not say how many there may be");
            continue;
        };
        let needs = match (copies, clones) {
            (0, 0) => "and no more are needed".to_owned(),
            (copies, 0) => format!("and {copies} more are needed"),
            (0, clones) => format!("and up to {clones} for clones may be needed"),
            (copies, clones) => {
                format!("and {copies} for copies and up to {clones} for clones may be needed")
            }
        };
        let says = format!("{used} of {max} are used, {needs}");
        let remedy = format!(
            "ask for more of the quota {called:?} in Service Quotas, or lower target-clone-slots; at the end of the quota AWS refuses \
             clones and copies"
        );
        match fit(used, max, copies, clones) {
            Fit::All => findings.ok(called, says),
            Fit::OnlyCopies => findings.warning(called, says, remedy),
            Fit::Nothing => findings.error(called, says, remedy),
        }
    }
}

/// What all sources need together, as they stand.
async fn needed(reader: &Reader, found: &Found, maintenance: &Maintenance, clusters: &[Cluster]) -> Room {
    let run = Run::looking(maintenance, &found.settings, reader.cloud.now());
    let mut cloud = reader.cloud.clone();
    cloud.table.clone_from(&found.table);
    let relatives = run.relatives(clusters.to_vec());
    let mut room = Room::default();
    for source in maintenance.sources.iter().filter(|source| find(clusters, &source.source).is_some()) {
        // One that can't be planned is the sources' trouble.
        if let Ok(plan) = Box::pin(run.pool(source, Seen::default()).look(&cloud, relatives.clone())).await {
            room = room.and(Room::of(source, &plan.report));
        }
    }
    room
}

//! Engines: which are Aurora, and which compute a clone gets when nobody says.

use serde::{Deserialize, Serialize};

use crate::snapshot::Cluster;

/// The engines that the manager works with. `DescribeDBClusters` lists Neptune and DocumentDB as well.
pub const ENGINES: [&str; 2] = ["aurora-mysql", "aurora-postgresql"];

/// The class of instances without a fixed size.
pub const SERVERLESS: &str = "db.serverless";

/// The instance class where Serverless v2 can't scale to zero: the smallest current Graviton class for Aurora.
pub const SMALLEST: &str = "db.t4g.medium";

/// Serverless v2 capacity that a clone's cluster is given, in ACUs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// The least; 0 pauses the instance when nobody is connected.
    pub min: f64,
    /// The most.
    pub max: f64,
    /// Seconds without a connection until an instance pauses, 300 to 86,400; only where `min` is 0, and RDS's 300 where it is
    /// not given.
    pub pause_after: Option<i32>,
}

/// The capacity of every clone's cluster: it costs nothing while no serverless instance runs, and one can be added
/// later only where it is set.
pub fn capacity(cluster: &Cluster) -> Capacity {
    let to_zero = scales_to_zero(cluster);
    Capacity { min: if to_zero { 0.0 } else { 0.5 }, max: 16.0, pause_after: to_zero.then_some(300) }
}

/// The class that `auto` stands for.
pub fn auto_class(cluster: &Cluster) -> &'static str {
    if scales_to_zero(cluster) { SERVERLESS } else { SMALLEST }
}

/// Whether Serverless v2 instances of this engine version can pause: Aurora PostgreSQL 13.15, 14.12, 15.7, 16.3 and
/// later, Aurora MySQL 3.08.0 and later (Aurora User Guide, "Scaling to zero ACUs"). Unknown versions can't.
pub fn scales_to_zero(cluster: &Cluster) -> bool {
    let numbers =
        |text: &str| -> Option<Vec<u32>> { text.split('.').map(|part| part.parse().ok()).collect() };
    match cluster.engine.as_str() {
        "aurora-postgresql" => match numbers(&cluster.engine_version).as_deref() {
            Some([13, minor, ..]) => *minor >= 15,
            Some([14, minor, ..]) => *minor >= 12,
            Some([15, minor, ..]) => *minor >= 7,
            Some([16, minor, ..]) => *minor >= 3,
            Some([major, ..]) => *major >= 17,
            _ => false,
        },
        // "8.0.mysql_aurora.3.08.0"
        "aurora-mysql" => {
            let version = cluster.engine_version.rsplit_once("mysql_aurora.").map(|(_, version)| version);
            version.and_then(numbers).is_some_and(|version| version >= vec![3, 8, 0])
        }
        _ => false,
    }
}

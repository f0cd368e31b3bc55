//! The six sources: each is configured in another way, and all but one so that a Create never finds it full.

use aurora_clone_core::pool::config::{Maintenance, SourceConfig};
use aurora_clone_sim::Config;
use serde_json::{Value, json};

use super::{MARGIN, Story};
use crate::{Operator, settings};

/// What the operator set.
pub const OPERATOR: Operator<'static> = &[MARGIN];
/// The tag by which a quota counts.
pub const OWNER: &str = "team";

/// What a source is to those who clone it.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its identifier.
    pub id: &'static str,
    /// How many of a hundred clones are of it.
    pub share: u64,
    /// The shortest and the longest life of a clone of it, in hours.
    pub lives: (u64, u64),
    /// What its configuration is about, in words.
    pub about: &'static str,
    /// What the configuration says beside its name and `max-copy-age`.
    more: fn() -> Value,
}

/// All of them.
pub fn members() -> [Member; 6] {
    [
        Member {
            id: "shop",
            share: 34,
            lives: (2, 48),
            about: "point-in-time copies; `target-clone-slots` is raised by 14 for the middle third",
            more: || json!({ "target-clone-slots": 40, "max-copies": 16, "volume-gib": 800 }),
        },
        Member {
            id: "billing",
            share: 18,
            lives: (4, 60),
            about: "copies from snapshots, with a provisioned instance",
            more: || {
                json!({
                    "target-clone-slots": 30, "max-copies": 12, "copy-method": "snapshot", "volume-gib": 400,
                    "instance-class": "db.t4g.medium", "instance-hour-price": 0.08
                })
            },
        },
        Member {
            id: "crm",
            share: 18,
            lives: (24, 96),
            about: "a budget that pays for one copy, which is too little on purpose",
            more: || json!({ "target-clone-slots": 28, "volume-gib": 2000, "max-monthly-cost": 250 }),
        },
        Member {
            id: "search",
            share: 12,
            lives: (2, 36),
            about: "worked on only in a window, 01:00 to 06:00",
            more: || {
                json!({
                    "target-clone-slots": 26, "max-copies": 10, "volume-gib": 300,
                    "window": { "from": "01:00", "to": "06:00" }
                })
            },
        },
        Member {
            id: "reports",
            share: 10,
            lives: (12, 96),
            about: "copies are purged with their clones",
            more: || {
                json!({
                    "target-clone-slots": 26, "max-copies": 10, "volume-gib": 1500, "purge-copies-with-clones": true
                })
            },
        },
        Member {
            id: "wiki",
            share: 8,
            lives: (6, 72),
            about: "each of six teams may have one clone",
            more: || {
                json!({
                    "target-clone-slots": 20, "volume-gib": 50, "owner-tag": OWNER, "owner-quota": 1
                })
            },
        },
    ]
}

/// The configuration that the operator wrote; `first` is another target of the first source.
pub fn configuration(story: &Story, first: Option<u32>) -> Value {
    let sources = members().into_iter().enumerate().map(|(number, member)| {
        let mut source = json!({ "cluster-id": member.id, "max-copy-age": story.max_copy_age });
        for (key, value) in (member.more)().as_object().unwrap() {
            source[key] = value.clone();
        }
        if let Some(target) = first.filter(|_| number == 0) {
            source["target-clone-slots"] = json!(target);
        }
        source
    });
    json!({ "clusters": sources.collect::<Vec<_>>() })
}

/// The configuration as the product reads it.
pub fn parse(configuration: &Value) -> Vec<SourceConfig> {
    Maintenance::parse(&configuration.to_string(), &settings(OPERATOR)).unwrap().sources
}

/// An account whose quotas an operator had raised.
pub fn roomy(mut config: Config) -> Config {
    config.rds.cluster_quota = 1_000;
    config.rds.instance_quota = 2_000;
    config
}

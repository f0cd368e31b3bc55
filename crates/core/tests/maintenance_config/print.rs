//! Writes a configuration out, every key, for tests alone: the product only reads it.

use aurora_clone_core::duration::format_duration;
use aurora_clone_core::limits::Patterns;
use aurora_clone_core::pool::config::{Maintenance, Quota, SourceConfig, Window};
use chrono::Duration;
use serde_json::{Map, Value, json};

fn patterns(patterns: &Patterns) -> Value {
    let text = patterns.to_string();
    text.split(", ").filter(|one| !one.is_empty()).collect()
}

/// Members without those that are null: the product takes no nulls.
fn object(members: Value) -> Value {
    let Value::Object(members) = members else { unreachable!() };
    members.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into()
}

fn duration(duration: Option<Duration>) -> Value {
    duration.map(format_duration).into()
}

fn window(window: &Window) -> Value {
    let days: Vec<String> = window.days().iter().map(|day| day.to_string().to_lowercase()).collect();
    let time = |time: chrono::NaiveTime| time.format("%H:%M").to_string();
    json!({"from": time(window.from()), "to": time(window.to()), "days": days})
}

fn source(source: &SourceConfig) -> Value {
    let quota = source.quota.as_ref();
    object(json!({
        "cluster-id": source.source,
        "target-clone-slots": source.target,
        "dry-run": source.dry_run,
        "max-copy-age": format_duration(source.max_copy_age),
        "replace-copies-after": duration(source.replace_after),
        "max-clones-per-source": source.limit,
        "slot-margin": source.margin,
        "purge-obsolete-copies": source.purge,
        "purge-copies-with-clones": source.purge_with_clones,
        "instance-class": source.instance_class.as_deref().unwrap_or("auto"),
        "copy-method": source.copy_method.as_str(),
        "security-groups": source.security_groups,
        "max-copies": source.max_copies,
        "max-monthly-cost": source.budget.map(|budget| budget.monthly),
        "volume-gib": source.prices.volume_gib,
        "gib-month-price": source.prices.gib_month,
        "instance-hour-price": source.prices.instance_hour,
        "copy-timeout": format_duration(source.copy_timeout),
        "owner-tag": quota.map(|quota| &quota.tag),
        "owner-quota": quota.and_then(|quota| quota.everybody),
        "owner-quotas": quota.map(|Quota { owners, .. }| owners),
        "window": source.window.as_ref().map(window),
        "protect": patterns(&source.protect),
        "max-lifetime": duration(source.max_lifetime),
    }))
}

pub fn print(maintenance: &Maintenance) -> Value {
    object(json!({
        "dry-run": maintenance.dry_run,
        "protect": patterns(&maintenance.protect),
        "lease-warning": format_duration(maintenance.lease_warning),
        "max-deletions-per-run": maintenance.max_deletions,
        "clusters": maintenance.sources.iter().map(source).collect::<Vec<_>>(),
    }))
}

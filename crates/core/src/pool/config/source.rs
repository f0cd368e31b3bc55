//! Reads what is wanted of one source.

use chrono::Duration;
use serde_json::Value;

use super::cost::{Budget, Prices};
use super::fields::{Fields, Given, Refused};
use super::keys;
use super::problem::Problem;
use super::{CopyMethod, SourceConfig, quota, window};
use crate::duration::format_duration;
use crate::identifier;
use crate::properties::{is_instance_class, is_security_group};
use crate::settings::Settings;

const MAX_TARGET: u32 = 600;
const MAX_COPIES: u32 = 40;
const COPIES: u32 = 8;
const MAX_GROUPS: usize = 16;
/// The largest volume, in GiB: 256 TiB.
const MAX_VOLUME: f64 = 262_144.0;
const MAX_PRICE: f64 = 1_000_000.0;
const MAX_COST: f64 = 1_000_000_000.0;

/// Reads one item of `clusters`.
pub(super) fn read(
    value: &Value,
    path: String,
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Result<SourceConfig, Refused> {
    let mut fields = Fields::of(value, path, &keys::SOURCE, problems)?;
    let source = identifier(&mut fields, settings);
    let target = fields.whole("target-clone-slots", 0..=MAX_TARGET);
    let target =
        fields.needed("target-clone-slots", target, "takes the number of free slots that are wanted");
    let dry_run = fields.boolean("dry-run");
    let ages = ages(&mut fields, settings);
    let slots = slots(&mut fields, settings);
    let purge = fields.boolean("purge-obsolete-copies");
    let purge_with_clones = fields.boolean("purge-copies-with-clones");
    let instance_class = fields.text(
        "instance-class",
        |class| class == "auto" || is_instance_class(class),
        "takes auto, db.serverless, or a class such as db.r6g.large",
    );
    let copy_method = copy_method(&mut fields);
    let security_groups = security_groups(&mut fields, settings);
    let max_copies = fields.whole("max-copies", 0..=MAX_COPIES).map(|copies| copies.unwrap_or(COPIES));
    if let (Ok(target), Ok((limit, margin)), Ok(copies)) = (target, slots, max_copies) {
        let most = (copies + 1) * (limit - margin);
        if target > most {
            let message = format!(
                "takes at most {most}: the root and max-copies, which is {copies}, have {} slots each",
                limit - margin
            );
            fields.refuse("target-clone-slots", &message);
        }
    }
    let costs = costs(&mut fields);
    let copy_timeout = fields.duration("copy-timeout", Duration::minutes(30), Some(Duration::hours(25)));
    let quota = quota::read(&mut fields);
    let window = fields.parts("window", window::read);
    let protect = fields.patterns("protect");
    let max_lifetime = fields.duration("max-lifetime", Duration::hours(1), None);
    let ((max_copy_age, replace_after), (limit, margin), (budget, prices)) = (ages?, slots?, costs?);
    Ok(SourceConfig {
        source: source?,
        target: target?,
        dry_run: dry_run?.unwrap_or(false),
        max_copy_age,
        replace_after,
        limit,
        margin,
        purge: purge?.unwrap_or(true),
        purge_with_clones: purge_with_clones?.unwrap_or(false),
        instance_class: instance_class?.filter(|class| class != "auto"),
        copy_method: copy_method?.unwrap_or_default(),
        security_groups: security_groups?,
        max_copies: max_copies?,
        budget,
        prices,
        copy_timeout: copy_timeout?.unwrap_or(Duration::hours(24)),
        quota: quota?,
        window: window?,
        protect: protect?.unwrap_or_default(),
        max_lifetime: max_lifetime?,
    })
}

fn identifier(fields: &mut Fields<'_>, settings: &Settings) -> Result<String, Refused> {
    const WANTED: &str = "takes a cluster's identifier: 1 to 63 lower-case letters, digits and single hyphens, a letter \
                          first and no hyphen last";
    let given = fields.text("cluster-id", |text| identifier::validate(text).is_ok(), WANTED);
    let identifier = fields.needed("cluster-id", given, WANTED)?;
    settings.limits.source(&identifier).map_err(|message| {
        fields.report("cluster-id", message);
        Refused
    })?;
    Ok(identifier)
}

/// The age at which a copy goes, and that at which its replacement is begun.
fn ages(fields: &mut Fields<'_>, settings: &Settings) -> Result<(Duration, Option<Duration>), Refused> {
    let most = settings.max_copy_age;
    let age = fields.duration("max-copy-age", Duration::hours(6).min(most), Some(most));
    let replace = fields.duration("replace-copies-after", Duration::minutes(1), None);
    let (age, replace) = (age?.unwrap_or(most), replace?);
    if replace.is_some_and(|replace| replace >= age || replace < age / 2) {
        let (least, age) = (format_duration(age / 2), format_duration(age));
        let message = format!("must be below max-copy-age, which is {age}, and at least half of it, {least}");
        fields.refuse("replace-copies-after", &message);
        return Err(Refused);
    }
    Ok((age, replace))
}

/// The limit of clones per volume, and the margin below it.
fn slots(fields: &mut Fields<'_>, settings: &Settings) -> Result<(u32, u32), Refused> {
    let limit = fields.whole("max-clones-per-source", 1..=settings.limit);
    let margin = fields.whole("slot-margin", 0..=settings.limit.saturating_sub(1));
    let limit = limit?.unwrap_or(settings.limit);
    let margin = margin?.unwrap_or(settings.margin.min(limit - 1));
    if margin >= limit {
        fields.refuse("slot-margin", &format!("must be below max-clones-per-source, which is {limit}"));
        return Err(Refused);
    }
    Ok((limit, margin))
}

fn copy_method(fields: &mut Fields<'_>) -> Given<CopyMethod> {
    fields.read("copy-method", |value| {
        let methods = [CopyMethod::PointInTime, CopyMethod::Snapshot];
        let method = methods.into_iter().find(|method| value.as_str() == Some(method.as_str()));
        method.ok_or_else(|| "takes point-in-time or snapshot".to_owned())
    })
}

fn security_groups(fields: &mut Fields<'_>, settings: &Settings) -> Given<Vec<String>> {
    let given = fields.texts("security-groups", 1..=MAX_GROUPS, |text| {
        if !is_security_group(text) {
            return Err("takes the id of a VPC security group such as sg-0123456789abcdef0".to_owned());
        }
        settings.limits.security_group(text).map_err(|message| format!("can't be taken: {message}"))
    })?;
    Ok(given.map(|mut groups| {
        groups.sort();
        groups.dedup();
        groups
    }))
}

fn costs(fields: &mut Fields<'_>) -> Result<(Option<Budget>, Prices), Refused> {
    let budget = fields.number("max-monthly-cost", false, MAX_COST);
    let volume = fields.number("volume-gib", false, MAX_VOLUME);
    let gib_month = fields.number("gib-month-price", true, MAX_PRICE);
    let instance_hour = fields.number("instance-hour-price", true, MAX_PRICE);
    if let (Ok(Some(_)), Ok(None)) = (budget, volume) {
        fields.refuse("volume-gib", "needed with max-monthly-cost: it says what a copy costs");
    }
    let usual = Prices::default();
    let prices = Prices {
        volume_gib: volume?,
        gib_month: gib_month?.unwrap_or(usual.gib_month),
        instance_hour: instance_hour?.unwrap_or(usual.instance_hour),
    };
    Ok((budget?.map(|monthly| Budget { monthly }), prices))
}

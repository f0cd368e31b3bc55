//! What there is now, out of the overview that `status` shows too.

use aurora_clone_core::overview::{
    Condition, Family, Instance, Member, MemberKind, Overview, Owner, Source as Listed, SourceKind,
};
use aurora_clone_core::pool::config::Maintenance;
use aurora_clone_core::prices;

use super::data::{Cost, Data, Row, Source, Trouble};

/// Puts an overview into a report.
pub fn put(data: &mut Data, overview: &Overview, maintenance: Option<&Maintenance>) {
    data.manager.clone_from(&overview.manager);
    data.account = Some(overview.account.clone());
    data.region = Some(overview.region.clone());
    data.currency = Some(overview.currency.to_owned());
    data.sources = overview.families.iter().map(|family| source(family, maintenance)).collect();
    data.without_root = overview.without_root.iter().map(|one| member(one, 0)).collect();
    for name in &overview.missing_sources {
        trouble(
            data,
            name,
            format!("the maintenance configuration names {name:?}, and there is no such cluster"),
        );
    }
    for listed in overview.families.iter().flat_map(|family| &family.sources) {
        if listed.condition == Condition::Broken {
            let why = listed.reason.clone().unwrap_or_else(|| listed.status.clone());
            trouble(data, &listed.identifier, format!("gives no slots: {why}"));
        }
    }
}

fn trouble(data: &mut Data, about: &str, what: String) {
    data.troubles.push(Trouble { about: about.to_owned(), what });
}

fn source(family: &Family, maintenance: Option<&Maintenance>) -> Source {
    let totals = &family.totals;
    let config = maintenance.and_then(|all| all.sources.iter().find(|config| config.source == family.root));
    let copies = family.sources.iter().filter(|source| source.kind == SourceKind::Copy);
    Source {
        name: family.root.clone(),
        engine: Some(family.engine.clone()),
        wanted: family.pool.as_ref().map(|pool| pool.target),
        free: Some(totals.slots.usable),
        used: Some(totals.slots.used),
        copies: Some(totals.copies),
        clones: Some(totals.clones),
        strangers: Some(totals.strangers),
        oldest: copies.filter_map(|copy| copy.data_age).max(),
        max_copy_age: config.map(|config| config.max_copy_age.num_seconds()),
        cost: Some(cost(totals.monthly_cost)),
        rows: rows(family),
        ..Source::default()
    }
}

fn rows(family: &Family) -> Vec<Row> {
    let mut rows = Vec::new();
    for source in &family.sources {
        let depth = u8::from(source.kind == SourceKind::Copy);
        rows.push(source_row(source, depth));
        rows.extend(source.members.iter().map(|one| member(one, depth + 1)));
    }
    rows.extend(family.apart.iter().map(|one| member(one, 1)));
    rows
}

fn source_row(source: &Listed, depth: u8) -> Row {
    let status = match &source.reason {
        Some(reason) if source.condition != Condition::Full => format!("{}: {reason}", source.status),
        _ => source.status.clone(),
    };
    Row {
        depth,
        cluster: source.identifier.clone(),
        kind: match source.kind {
            SourceKind::Root => "root".to_owned(),
            SourceKind::Copy => "copy".to_owned(),
        },
        status: kept(status, source.kept.as_deref()),
        slots: Some((source.slots.used, source.slots.limit)),
        data_age: source.data_age,
        cost: Some(cost(source.monthly_cost)),
        ..Row::default()
    }
}

fn member(member: &Member, depth: u8) -> Row {
    let broken = |instance: &&Instance| instance.status != "available";
    let status = match member.instances.iter().find(broken) {
        Some(instance) if member.status == "available" => {
            format!("available, its instance {}", instance.status)
        }
        None if member.status == "available" && member.instances.is_empty() => {
            "available, no instance".to_owned()
        }
        _ => member.status.clone(),
    };
    Row {
        depth,
        cluster: member.identifier.clone(),
        kind: match member.kind {
            MemberKind::Clone => "clone",
            MemberKind::FullCopy => "full copy",
            MemberKind::Copy => "copy",
            MemberKind::Stranger => "stranger",
        }
        .to_owned(),
        status: kept(status, member.kept.as_deref()),
        slots: None,
        data_age: member.data_age,
        owner: owner(member),
        description: member.description.clone(),
        lease: member.lease.as_ref().and_then(|lease| lease.end),
        cost: Some(cost(member.monthly_cost)),
    }
}

fn kept(status: String, why: Option<&str>) -> String {
    match why {
        Some(why) => format!("{status}; stays: {why}"),
        None => status,
    }
}

/// Whose it is: as quotas count, where the operator has them, else who asked for it.
fn owner(member: &Member) -> Option<String> {
    let asked = match &member.owner {
        Owner::Stack { name, .. } => Some(name.clone()),
        Owner::CommandLine { name } => Some(format!("{name} (command line)")),
        Owner::ByHand => Some("made by hand".to_owned()),
        Owner::Unknown => None,
    };
    let named = member.quota_owner.clone().filter(|owner| !owner.is_empty());
    named.filter(|_| asked.is_some()).or(asked)
}

fn cost(cost: prices::Cost) -> Cost {
    Cost { monthly: cost.total(), at_least: cost.at_least }
}

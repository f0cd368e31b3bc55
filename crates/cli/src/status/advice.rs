//! What to do next, where something in an overview is wrong.

use aurora_clone_core::overview::{Condition, Family, Overview, SourceKind};

use super::text::number_of;

/// Sentences for people, the most urgent first.
pub fn hints(overview: &Overview) -> Vec<String> {
    let mut hints = Vec::new();
    for name in &overview.missing_sources {
        hints.push(format!(
            "the maintenance configuration names {name}, which does not exist: correct its cluster-id, or take it out"
        ));
    }
    hints.extend(short_of_slots(&overview.families));
    let broken = overview.families.iter().flat_map(|family| &family.sources);
    let broken = broken.filter(|source| source.condition == Condition::Broken);
    hints.extend(broken.map(|source| {
        let kind = if source.kind == SourceKind::Root { "root" } else { "copy" };
        let reason = source.reason.as_deref().unwrap_or("it is broken");
        format!("look at the {kind} {}: {reason}", source.identifier)
    }));
    if overview.totals.expired > 0 {
        let leases = number_of(overview.totals.expired, "lease is over", "leases are over");
        hints.push(format!(
            "{leases}: the maintainer takes such clones away; `aurora-clone renew` gives one more time, `aurora-clone protect` \
             keeps it"
        ));
    }
    if !overview.without_root.is_empty() {
        let number = u32::try_from(overview.without_root.len()).unwrap_or(u32::MAX);
        let clusters = number_of(number, "cluster has", "clusters have");
        hints.push(format!(
            "{clusters} no root any more: no Create takes such a copy, and a clone stays as it is until its lease, its stack or \
             `aurora-clone delete` takes it away"
        ));
    }
    if overview.families.is_empty() && overview.without_root.is_empty() && overview.elsewhere.is_empty() {
        hints.push(
            "`aurora-clone create --help` says how to make the first clone, `aurora-clone status --all` shows every cluster, and \
             --stack, --region and --profile say where to look"
                .to_owned(),
        );
    }
    hints
}

/// Families from which nothing can be cloned, or less than is wanted.
fn short_of_slots(families: &[Family]) -> impl Iterator<Item = String> {
    families.iter().filter_map(|family| {
        let (usable, root) = (family.totals.slots.usable, &family.root);
        let target = family.pool.as_ref().map(|pool| pool.target);
        match (usable, target) {
            (0, None) => Some(format!(
                "nothing can be cloned from {root} now: delete a clone, or give it a pool in the maintenance configuration"
            )),
            (0, Some(_)) => Some(format!(
                "nothing can be cloned from {root} now: `aurora-clone plan maintain` shows what its pool does about that"
            )),
            (usable, Some(target)) if usable < target => Some(format!(
                "{root} has {usable} of the {target} free slots that target-clone-slots asks for: `aurora-clone plan maintain` \
                 shows what its pool does about that"
            )),
            _ => None,
        }
    })
}

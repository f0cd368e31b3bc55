//! The checker of a pool's plan: separate code, with the rules that must hold even when the planner is wrong. It shares no arithmetic
//! with it.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use super::action::{Action, CopyInstance, Step};
use super::plan::{Plan, Policy, View};
use crate::check::Violation;
use crate::duration::parse_time;
use crate::guard::OwnedCopy;
use crate::identifier;
use crate::names::tag;
use crate::plan::Restore;
use crate::settings::Settings;
use crate::snapshot::{Cluster, Phase};
use crate::tags::{self, RestoreType, Role, Tags};

/// The most changes of one step.
const MOST: usize = 100;
/// How long no Create can take: what was marked later than that is not purged.
const GRACE: Duration = Duration::minutes(75);

/// Looks over a plan, with what it was made from.
pub fn check(
    plan: &Plan,
    policy: &Policy<'_>,
    view: View<'_>,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<(), Violation> {
    let checker = Checker { policy, view, settings, now };
    ensure(plan.steps.len() <= MOST, || format!("{} changes in one step", plan.steps.len()))?;
    let mut purged: BTreeSet<&str> = BTreeSet::new();
    let mut begun = 0;
    for (index, Step { action, .. }) in plan.steps.iter().enumerate() {
        match action {
            Action::Copy(restore) => {
                begun += 1;
                checker.restore(restore, RestoreType::FullCopy)?;
            }
            Action::TakeSnapshot(new) => {
                begun += 1;
                checker.root(&new.source)?;
                checker.name(&new.identifier)?;
                checker.identity(&new.tags, new.identifier.strip_suffix("-source").unwrap_or_default())?;
            }
            Action::CopyFromSnapshot(new) => {
                checker.restore(&new.restore, RestoreType::FullCopy)?;
                let found = view.snapshots.iter().find(|s| s.identifier == new.snapshot);
                let ours = found.is_some_and(|s| {
                    s.tags.get(tag::CLUSTER) == Some(&new.restore.identifier)
                        && s.tags.get(tag::MANAGER) == Some(&settings.manager)
                });
                ensure(ours, || {
                    format!("the snapshot {} is not that of {}", new.snapshot, new.restore.identifier)
                })?;
            }
            Action::DeleteSnapshot(snapshot) => {
                let found = view.snapshots.iter().find(|s| s.identifier == snapshot.identifier());
                let ours = found.is_some_and(|s| s.tags.get(tag::MANAGER) == Some(&settings.manager));
                ensure(ours, || format!("the snapshot {} is not ours", snapshot.identifier()))?;
                checker.name(snapshot.identifier())?;
            }
            Action::AddInstance(new) => checker.instance(new)?,
            Action::NoteReady { copy, .. } => drop(checker.ours(copy)?),
            Action::Mark { copy, since } => {
                let cluster = checker.ours(copy)?;
                checker.may_go(cluster)?;
                checker.open()?;
                ensure(*since <= now, || format!("{} would be marked in the future", cluster.identifier))?;
            }
            Action::DeleteInstance { copy, instance } => {
                let cluster = checker.purgeable(copy)?;
                let member = view.instances.iter().find(|i| i.identifier == *instance);
                let belongs = member.is_some_and(|i| i.cluster.as_deref() == Some(copy.identifier()));
                ensure(belongs, || format!("{instance} is not an instance of {}", cluster.identifier))?;
            }
            Action::DeleteCopy { copy } => {
                let cluster = checker.purgeable(copy)?;
                purged.insert(&cluster.identifier);
                let gone = |name: &str| {
                    plan.steps[..index].iter().any(|earlier| {
                        matches!(&earlier.action, Action::DeleteInstance { instance, .. } if instance == name)
                    })
                };
                let left = view.instances.iter().find(|i| {
                    i.cluster.as_deref() == Some(copy.identifier())
                        && i.status.phase() != Phase::Deleting
                        && !gone(&i.identifier)
                });
                ensure(left.is_none(), || format!("{} is deleted before its instances", cluster.identifier))?;
            }
        }
    }
    checker.blast(&purged)?;
    checker.number(begun)
}

struct Checker<'c> {
    policy: &'c Policy<'c>,
    view: View<'c>,
    settings: &'c Settings,
    now: DateTime<Utc>,
}

impl<'c> Checker<'c> {
    fn find(&self, identifier: &str) -> Option<&'c Cluster> {
        self.view.clusters.iter().find(|cluster| cluster.identifier == identifier)
    }

    /// The source of a pool is its root, which has no tags of any family.
    fn root(&self, source: &str) -> Result<(), Violation> {
        let configured = source == self.policy.source.source;
        ensure(configured, || format!("{source} is not the root of this pool"))?;
        let untagged = self.find(source).is_some_and(|root| tags::lineage(&root.tags).is_none());
        ensure(untagged, || format!("{source} is no root"))
    }

    fn name(&self, identifier: &str) -> Result<(), Violation> {
        ensure(identifier::validate(identifier).is_ok(), || format!("{identifier:?} is not a name"))?;
        ensure(identifier.starts_with(&self.settings.name_prefix), || {
            format!("{identifier} is not a name of ours")
        })
    }

    fn identity(&self, tags: &Tags, copy: &str) -> Result<(), Violation> {
        let root = &self.policy.source.source;
        let expected = [
            (tag::MANAGER, self.settings.manager.as_str()),
            (tag::ROLE, "copy"),
            (tag::CLUSTER, copy),
            (tag::ROOT, root),
            (tag::SOURCE, root),
        ];
        let missing = expected.iter().find(|(key, value)| tags.get(*key).map(String::as_str) != Some(value));
        ensure(missing.is_none(), || format!("{copy} would lack a tag that says whose it is: {missing:?}"))
    }

    fn restore(&self, restore: &Restore, kind: RestoreType) -> Result<(), Violation> {
        let name = &restore.identifier;
        self.root(&restore.source)?;
        self.name(name)?;
        self.identity(&restore.tags, name)?;
        ensure(restore.restore_type == kind, || format!("{name} would be no full copy"))?;
        ensure(self.find(name).is_none(), || format!("{name} exists already"))?;
        ensure(!restore.settings.deletion_protection, || format!("{name} could not be purged"))?;
        let groups = &restore.settings.security_groups;
        ensure(!groups.is_empty(), || format!("{name} would be in the default security group"))
    }

    fn ours(&self, copy: &OwnedCopy) -> Result<&'c Cluster, Violation> {
        let found = self.view.clusters.iter().find(|c| c.resource_id == copy.resource_id());
        let Some(cluster) = found.filter(|c| c.identifier == copy.identifier()) else {
            return Err(Violation(format!("{} was not observed", copy.identifier())));
        };
        let is = |key: &str, value: &str| cluster.tag(key) == Some(value);
        let ours = is(tag::MANAGER, &self.settings.manager)
            && is(tag::ROLE, "copy")
            && is(tag::RESTORE_TYPE, "full-copy")
            && cluster.tag(tag::STACK_ID).is_none()
            && is(tag::CLUSTER, &cluster.identifier)
            && is(tag::ROOT, &self.policy.source.source)
            && cluster.identifier != self.policy.source.source
            && cluster.identifier.starts_with(&self.settings.name_prefix);
        ensure(ours, || format!("{} is not a copy of ours", cluster.identifier))?;
        Ok(cluster)
    }

    fn instance(&self, new: &CopyInstance) -> Result<(), Violation> {
        let cluster = self.ours(&new.copy)?;
        self.name(&new.identifier)?;
        ensure(!new.settings.class.is_empty(), || format!("{} has no class", new.identifier))?;
        ensure(new.engine == cluster.engine, || format!("{} has another engine", new.identifier))
    }

    /// Nobody has said that it is to stay.
    fn may_go(&self, cluster: &Cluster) -> Result<(), Violation> {
        let name = &cluster.identifier;
        let free = !cluster.settings.deletion_protection
            && cluster.tag(tag::KEEP).is_none()
            && !self.policy.protect.admit(name)
            && !self.policy.source.protect.admit(name);
        ensure(free, || format!("{name} is to stay"))
    }

    /// Marked long enough ago, and nothing is being cloned from it.
    fn purgeable(&self, copy: &OwnedCopy) -> Result<&'c Cluster, Violation> {
        let cluster = self.ours(copy)?;
        let name = &cluster.identifier;
        self.may_go(cluster)?;
        let since = cluster.tag(tag::RETIRING).and_then(|text| parse_time(text).ok());
        ensure(since.is_some_and(|since| self.now - since >= GRACE), || {
            format!("{name} was not marked long enough ago")
        })?;
        let mut clones = self.view.clusters.iter().filter(|other| {
            other.identifier != *name
                && (other.tag(tag::SOURCE) == Some(name) || other.tag(tag::CLUSTER) == Some(name))
        });
        ensure(!clones.clone().any(|clone| clone.status.0 == "creating"), || {
            format!("{name} is being cloned")
        })?;
        let cloned = !self.policy.source.purge_with_clones && clones.next().is_some();
        ensure(!cloned, || format!("{name} has clones"))?;
        Ok(cluster)
    }

    /// At most two, or a quarter of the pool, or what the operator says.
    fn blast(&self, purged: &BTreeSet<&str>) -> Result<(), Violation> {
        let quarter = self.pool() / 4;
        let most = self.policy.max_deletions.map_or(quarter.max(2), |most| most as usize);
        let new = purged.len();
        ensure(new <= most, || format!("{new} copies would be purged at once, and {most} may be"))
    }

    /// The copies of this manager, whatever their names begin with.
    fn pool(&self) -> usize {
        let of_root = self
            .view
            .clusters
            .iter()
            .filter(|c| c.identifier != self.policy.source.source && c.tag(tag::STACK_ID).is_none());
        let ours = of_root.filter_map(|cluster| cluster.own_lineage()).filter(|about| {
            about.role == Role::Copy
                && about.restore_type == RestoreType::FullCopy
                && about.root == self.policy.source.source
                && about.manager == self.settings.manager
        });
        ours.count()
    }

    fn number(&self, begun: usize) -> Result<(), Violation> {
        if begun == 0 {
            return Ok(());
        }
        let config = self.policy.source;
        let (there, most) = (self.pool(), config.max_copies as usize);
        ensure(there + begun <= most, || {
            format!("{begun} copies would be begun beside {there}, and {most} may be")
        })?;
        let copies = u32::try_from(there + begun).unwrap_or(u32::MAX);
        let paid = config.budget.is_none_or(|budget| {
            config.prices.of_copy().is_some_and(|one| f64::from(copies) * one <= budget.monthly)
        });
        ensure(paid, || format!("{copies} copies would cost more than max-monthly-cost"))?;
        self.open()
    }

    fn open(&self) -> Result<(), Violation> {
        let open = self.policy.source.window.as_ref().is_none_or(|window| window.contains(self.now));
        ensure(open, || "the window is closed".to_owned())
    }
}

fn ensure(holds: bool, rule: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation(rule())) }
}

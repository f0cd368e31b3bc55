//! The checker: separate code that looks over a plan before it is carried out. It shares no arithmetic with the planners, and its
//! rules are the ones that must hold even when a planner is wrong.

use thiserror::Error;

use crate::engine;
use crate::guard::Owned;
use crate::identifier;
use crate::names::tag;
use crate::plan::{Action, NewInstance, Plan, Restore};
use crate::policies;
use crate::settings::{CLONE_LIMIT, Settings};
use crate::snapshot::{Cluster, Instance, Phase};
use crate::tags::{self, MAX_TAGS, RestoreType};

/// A rule that a plan breaks. It is a defect of ours: the plan is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the plan breaks a rule and is not carried out: {0}")]
pub struct Violation(pub String);

/// The most changes that one step may make.
const MAX_ACTIONS: usize = 50;

/// Checks a plan against what was observed.
pub fn check(
    plan: &Plan,
    clusters: &[Cluster],
    instances: &[Instance],
    settings: &Settings,
) -> Result<(), Violation> {
    ensure(plan.actions.len() <= MAX_ACTIONS, || format!("{} changes in one step", plan.actions.len()))?;
    let belongs = |cluster: &Owned, found: Option<&Instance>, name: &str| {
        ensure(found.is_some_and(|i| i.cluster.as_deref() == Some(cluster.identifier())), || {
            format!("{name} is not an instance of {}", cluster.identifier())
        })
    };
    let instance = |name: &str| instances.iter().find(|i| i.identifier == name);
    for (index, action) in plan.actions.iter().enumerate() {
        match action {
            Action::Restore(restore) => check_restore(restore, clusters, settings)?,
            Action::CreateInstance(new) => check_instance(new, clusters, settings)?,
            Action::ModifyCluster { cluster, change } => {
                ours(cluster, clusters, settings)?;
                ensure(change.security_groups.as_ref().is_none_or(|groups| !groups.is_empty()), || {
                    format!("{} would lose its security groups", cluster.identifier())
                })?;
            }
            Action::AddRole { cluster, .. } | Action::RemoveRole { cluster, .. } => {
                ours(cluster, clusters, settings)?;
            }
            Action::ModifyInstance { cluster, instance: name, .. } => {
                ours(cluster, clusters, settings)?;
                belongs(cluster, instance(name), name)?;
            }
            Action::Tag { cluster, arn, set, remove } => {
                let observed = ours(cluster, clusters, settings)?;
                if *arn != observed.arn {
                    belongs(cluster, instances.iter().find(|i| i.arn == *arn), arn)?;
                }
                let mut keys = set.keys().chain(remove);
                ensure(!keys.any(|key| IDENTITY.contains(&key.as_str())), || {
                    format!("a tag of {arn} that says whose it is would change")
                })?;
            }
            Action::CreateKey(new) => {
                ours(&new.cluster, clusters, settings)?;
                check_key(&new.alias)?;
                check_policy(&new.policy, &new.alias)?;
            }
            Action::PutKeyPolicy { key, policy } => {
                check_key(key.alias())?;
                check_policy(policy, key.alias())?;
            }
            Action::CreateSecret(new) => {
                ours(&new.cluster, clusters, settings)?;
                check_secret(&new.name, settings)?;
                let named = new.tags.get(tag::CLUSTER).map(String::as_str) == Some(new.cluster.identifier());
                ensure(named, || format!("the tags of {} do not name its cluster", new.name))?;
            }
            Action::PutSecretPolicy { secret, policy } => {
                check_secret(secret.name(), settings)?;
                policy.as_ref().map_or(Ok(()), |policy| check_policy(policy, secret.name()))?;
            }
            Action::SetPassword { cluster, secret } => {
                ours(cluster, clusters, settings)?;
                check_secret(secret.name(), settings)?;
            }
            Action::DeleteInstance { cluster, instance: name } => {
                check_shrink(cluster, clusters, settings)?;
                belongs(cluster, instance(name), name)?;
            }
            Action::DeleteCluster { cluster, final_snapshot } => {
                check_deletion(cluster, clusters, settings)?;
                ensure(
                    final_snapshot.as_ref().is_none_or(|name| name.starts_with(&settings.name_prefix)),
                    || format!("the snapshot of {} has no name of ours", cluster.identifier()),
                )?;
                let gone = |member: &Instance| {
                    member.status.phase() == Phase::Deleting
                        || plan.actions[..index].iter().any(|earlier| {
                            matches!(earlier, Action::DeleteInstance { instance, .. } if *instance == member.identifier)
                        })
                };
                let left =
                    instances.iter().find(|i| i.cluster.as_deref() == Some(cluster.identifier()) && !gone(i));
                ensure(left.is_none(), || {
                    format!("{} is deleted before its instances", cluster.identifier())
                })?;
            }
            Action::DeleteSecret { secret } => check_secret(secret.name(), settings)?,
            Action::DeleteKey { key } => check_key(key.alias())?,
            Action::MarkRetiring { copy, .. } => {
                let found = clusters.iter().find(|c| c.resource_id == copy.resource_id());
                let is_copy = found.is_some_and(|c| {
                    c.tag(tag::ROLE) == Some("copy")
                        && c.tag(tag::CLUSTER) == Some(&c.identifier)
                        && c.tag(tag::MANAGER) == Some(&settings.manager)
                });
                ensure(is_copy, || format!("{} is not a copy of ours", copy.identifier()))?;
            }
        }
    }
    Ok(())
}

/// Tags that say whose a cluster is, what, and where its password is. They are given once, in the creating call.
const IDENTITY: [&str; 13] = [
    tag::MANAGER,
    tag::ROLE,
    tag::CLUSTER,
    tag::ROOT,
    tag::SOURCE,
    tag::RESTORE_TYPE,
    tag::DATA_TIME,
    tag::STACK_ID,
    tag::LOGICAL_ID,
    tag::GENERATION,
    tag::PASSWORD,
    tag::SECRET,
    tag::KEY,
];

fn check_policy(policy: &str, of: &str) -> Result<(), Violation> {
    ensure(!policies::is_public(policy), || format!("the policy of {of} would let everybody in"))
}

fn check_secret(name: &str, settings: &Settings) -> Result<(), Violation> {
    ensure(name.starts_with(&settings.secret_prefix), || format!("{name:?} is not a secret of ours"))
}

fn check_key(alias: &str) -> Result<(), Violation> {
    ensure(alias.starts_with("alias/aurora-clone/"), || format!("{alias} is not an alias of ours"))
}

fn check_restore(restore: &Restore, clusters: &[Cluster], settings: &Settings) -> Result<(), Violation> {
    let id = &restore.identifier;
    let tag = |key: &str| restore.tags.get(key).map(String::as_str);
    ensure(identifier::validate(id).is_ok() && id.starts_with(&settings.name_prefix), || {
        format!("{id:?} is not a name of ours")
    })?;
    ensure(clusters.iter().all(|c| c.identifier != *id), || format!("{id} exists already"))?;
    ensure(tag(tag::CLUSTER) == Some(id), || format!("the tags of {id} do not name it"))?;
    ensure(tag(tag::MANAGER) == Some(&settings.manager), || {
        format!("the tags of {id} do not name its manager")
    })?;
    for key in [tag::ROLE, tag::ROOT, tag::DATA_TIME, tag::STACK_ID, tag::LOGICAL_ID, tag::GENERATION] {
        ensure(tag(key).is_some_and(|value| !value.is_empty()), || format!("{id} lacks the tag {key}"))?;
    }
    ensure(restore.tags.len() <= MAX_TAGS, || format!("{id} has more tags than RDS takes"))?;
    ensure(tag(tag::SOURCE) == Some(&restore.source), || format!("the tags of {id} name another source"))?;
    ensure(tag(tag::RESTORE_TYPE) == Some(restore.restore_type.as_str()), || {
        format!("the tags of {id} name another restore type")
    })?;
    ensure(!restore.settings.security_groups.is_empty(), || {
        format!("{id} would get the default security group")
    })?;
    ensure(restore.settings.subnet_group.is_some(), || format!("{id} would get the default subnet group"))?;
    ensure(!restore.settings.deletion_protection, || format!("{id} could not be taken down again"))?;
    let source = clusters.iter().find(|c| c.identifier == restore.source);
    let Some(source) = source else {
        return Err(Violation(format!("{id} is restored from {}, which does not exist", restore.source)));
    };
    ensure(engine::ENGINES.contains(&source.engine.as_str()), || {
        format!("{} is not Aurora", source.identifier)
    })?;
    ensure(source.tag(tag::RETIRING).is_none(), || format!("{} is going to be purged", source.identifier))?;
    if restore.restore_type == RestoreType::CopyOnWrite {
        ensure(source.status.is_ready() && !source.members.is_empty(), || {
            format!("{} can't be cloned", source.identifier)
        })?;
        let limit = settings.limit.min(CLONE_LIMIT) as usize;
        let hanging = hanging_off(source, clusters);
        ensure(hanging < limit, || format!("{} has {hanging} clones already", source.identifier))?;
    }
    Ok(())
}

/// A plain count, from below, of what hangs directly off a source: whatever names it, and what nothing tells from its clones.
fn hanging_off(source: &Cluster, clusters: &[Cluster]) -> usize {
    let is_copy = source.own_lineage().is_some();
    clusters
        .iter()
        .filter(|c| c.identifier != source.identifier)
        .filter(|c| match tags::lineage(&c.tags) {
            Some(about) if about.restore_type == RestoreType::CopyOnWrite => {
                about.source == source.identifier
            }
            Some(about) => about.cluster != c.identifier && about.cluster == source.identifier,
            None => !is_copy && c.clone_group.is_some() && c.clone_group == source.clone_group,
        })
        .count()
}

fn check_instance(new: &NewInstance, clusters: &[Cluster], settings: &Settings) -> Result<(), Violation> {
    let cluster = ours(&new.cluster, clusters, settings)?;
    ensure(identifier::validate(&new.identifier).is_ok(), || format!("{:?} is not a name", new.identifier))?;
    ensure(new.identifier.starts_with(&settings.name_prefix), || {
        format!("{} is not a name of ours", new.identifier)
    })?;
    ensure(!new.settings.class.is_empty(), || format!("{} has no class", new.identifier))?;
    ensure(new.engine == cluster.engine, || format!("{} has another engine", new.identifier))
}

/// An instance goes alone when a clone gets smaller, which deletion protection does not speak against.
fn check_shrink<'a>(
    owned: &Owned,
    clusters: &'a [Cluster],
    settings: &Settings,
) -> Result<&'a Cluster, Violation> {
    let cluster = ours(owned, clusters, settings)?;
    let identifier = &cluster.identifier;
    ensure(cluster.tag(tag::ROLE) == Some("clone"), || format!("{identifier} is not a clone"))?;
    ensure(cluster.tag(tag::ROOT) != Some(identifier), || format!("{identifier} is a root"))?;
    Ok(cluster)
}

fn check_deletion(owned: &Owned, clusters: &[Cluster], settings: &Settings) -> Result<(), Violation> {
    let cluster = check_shrink(owned, clusters, settings)?;
    ensure(!cluster.settings.deletion_protection, || {
        format!("{} has deletion protection", cluster.identifier)
    })
}

/// The observed cluster that a proof is about, still with our marks.
fn ours<'a>(owned: &Owned, clusters: &'a [Cluster], settings: &Settings) -> Result<&'a Cluster, Violation> {
    let found =
        clusters.iter().find(|c| c.resource_id == owned.resource_id() && c.identifier == owned.identifier());
    let Some(cluster) = found else {
        return Err(Violation(format!("{} was not observed", owned.identifier())));
    };
    let marked = cluster.tag(tag::MANAGER) == Some(&settings.manager)
        && cluster.tag(tag::CLUSTER) == Some(&cluster.identifier)
        && cluster.identifier.starts_with(&settings.name_prefix);
    ensure(marked, || format!("{} is not ours", cluster.identifier))?;
    Ok(cluster)
}

pub(crate) fn ensure(holds: bool, rule: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation(rule())) }
}

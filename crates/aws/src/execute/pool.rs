//! Carrying out what is decided about a pool, one action at a time.

use aurora_clone_core::duration::format_time;
use aurora_clone_core::guard::OwnedCopy;
use aurora_clone_core::names::tag;
use aurora_clone_core::pool::action::{Action, CopyInstance};
use aws_sdk_rds::types::Tag;

use super::{Outcome, delete_instance, judge, modify, new_instance, restore, snapshots, taken};
use crate::cloud::{CallError, Cloud};
use crate::observe;

/// Does one thing. An error means that nobody knows whether it was done: the next look at AWS tells.
pub async fn run(cloud: &Cloud, action: &Action) -> Result<Outcome, CallError> {
    match action {
        Action::Copy(new) => Box::pin(restore(cloud, new)).await,
        Action::TakeSnapshot(new) => {
            Box::pin(snapshots::create(cloud, &new.identifier, &new.source, &new.tags)).await
        }
        Action::CopyFromSnapshot(new) => Box::pin(snapshots::restore(cloud, new)).await,
        Action::DeleteSnapshot(snapshot) => Box::pin(snapshots::delete(cloud, snapshot)).await,
        Action::AddInstance(new) => Box::pin(add_instance(cloud, new)).await,
        Action::NoteReady { copy, at } => note(cloud, copy, tag::READY, &format_time(*at)).await,
        Action::Mark { copy, since } => Box::pin(modify::mark_retiring(cloud, copy, *since)).await,
        Action::DeleteInstance { copy, instance } => match purgeable(cloud, copy).await? {
            None => delete_instance(cloud, instance).await,
            Some(outcome) => Ok(outcome),
        },
        Action::DeleteCopy { copy } => match purgeable(cloud, copy).await? {
            None => delete_copy(cloud, copy).await,
            Some(outcome) => Ok(outcome),
        },
    }
}

async fn add_instance(cloud: &Cloud, new: &CopyInstance) -> Result<Outcome, CallError> {
    let cluster = new.copy.identifier();
    let call = new_instance(cloud, &new.identifier, cluster, &new.engine, &new.settings, &new.tags);
    match call.send().await.map_err(|error| CallError::new("CreateDBInstance", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) if error.is("DBInstanceAlreadyExists") => {
            taken(cloud, &new.identifier, cluster, error).await
        }
        Err(error) => judge(error, &["InvalidDBClusterStateFault"]),
    }
}

async fn note(cloud: &Cloud, copy: &OwnedCopy, key: &str, value: &str) -> Result<Outcome, CallError> {
    let same = observe::cluster(cloud, copy.identifier()).await?.is_some_and(|cluster| {
        cluster.resource_id == copy.resource_id() && cluster.tag(tag::CLUSTER) == Some(copy.identifier())
    });
    if !same {
        return Ok(Outcome::NotYet(format!("{} is another cluster than a moment ago", copy.identifier())));
    }
    let note = Tag::builder().key(key).value(value).build();
    let call = cloud.rds.add_tags_to_resource().resource_name(copy.arn()).tags(note);
    match call.send().await.map_err(|error| CallError::new("AddTagsToResource", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) => judge(error, &modify::BUSY),
    }
}

/// What stands in the way of a purge, by a fresh look: it must still be the copy that was proved, still marked, and nobody may have
/// said meanwhile that it is to stay.
async fn purgeable(cloud: &Cloud, copy: &OwnedCopy) -> Result<Option<Outcome>, CallError> {
    let name = copy.identifier();
    let not_yet = |why: String| Ok(Some(Outcome::NotYet(why)));
    let Some(cluster) = observe::cluster(cloud, name).await? else {
        return not_yet(format!("{name} is not listed at the moment"));
    };
    let same = cluster.resource_id == copy.resource_id()
        && cluster.tag(tag::CLUSTER) == Some(name)
        && cluster.tag(tag::ROLE) == Some("copy");
    if !same {
        return not_yet(format!("{name} is another cluster than a moment ago"));
    }
    let stays = cluster.tag(tag::RETIRING).is_none()
        || cluster.tag(tag::KEEP).is_some()
        || cluster.settings.deletion_protection;
    if stays {
        return not_yet(format!("somebody wants {name} to stay"));
    }
    Ok(None)
}

async fn delete_copy(cloud: &Cloud, copy: &OwnedCopy) -> Result<Outcome, CallError> {
    let call =
        cloud.rds.delete_db_cluster().db_cluster_identifier(copy.identifier()).skip_final_snapshot(true);
    match call.send().await.map_err(|error| CallError::new("DeleteDBCluster", error)) {
        Ok(_) => Ok(Outcome::Done),
        Err(error) if error.is("DBClusterNotFoundFault") => Ok(Outcome::Done),
        Err(error) => judge(error, &["InvalidDBClusterStateFault"]),
    }
}

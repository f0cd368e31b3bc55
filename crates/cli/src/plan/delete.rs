//! `plan delete`: the proof that a clone is the caller's to delete, what would go with it, and what stands in the way.

use aurora_clone_core::event::RequestType;
use aurora_clone_core::names::tag;
use aurora_clone_core::snapshot::{Cluster, Phase};
use serde::Serialize;

use super::create::duration;
use super::{ask, say};
use crate::clone::{Delete, Going, progress, target};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::surroundings::Surroundings;

/// The whole plan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Foresight {
    /// Whether `delete` would go through.
    deletes: bool,
    /// What proves whose it is.
    proof: Vec<String>,
    going: Going,
    /// What `delete` would refuse, each with what to do.
    hindrances: Vec<String>,
    usual_seconds: Option<(u64, u64)>,
}

/// Shows what `delete` would do.
pub async fn run(delete: &Delete, around: &mut Surroundings) -> Result<(), Failure> {
    let session = ask(&delete.aws, around).await?;
    let clusters = target::clusters(&session).await?;
    let Some((_, going)) = delete.wanted(&session, &clusters).await? else {
        return Err(target::no_such(&delete.name, &clusters, &session));
    };
    let mine: Vec<&Cluster> =
        clusters.iter().filter(|cluster| going.clusters.contains(&cluster.identifier)).collect();
    let hindrances: Vec<String> = mine.iter().filter_map(|cluster| hindrance(cluster, &going.name)).collect();
    let deletes = hindrances.is_empty();
    let foresight = Foresight {
        deletes,
        proof: mine.iter().map(|cluster| proof(cluster)).collect(),
        going,
        hindrances,
        usual_seconds: deletes.then(|| progress::usual(RequestType::Delete)),
    };
    say(&foresight, delete.json, around, show)?;
    if deletes { Ok(()) } else { Err(Failure::Said) }
}

fn proof(cluster: &Cluster) -> String {
    let get = |key: &str| cluster.tag(key).unwrap_or_default();
    format!(
        "{} names itself in its tag {}, and {} and {} say that the command line asked the manager {} for {}",
        cluster.identifier,
        tag::CLUSTER,
        tag::STACK_ID,
        tag::LOGICAL_ID,
        get(tag::MANAGER),
        get(tag::LOGICAL_ID)
    )
}

/// What AWS would refuse.
fn hindrance(cluster: &Cluster, name: &str) -> Option<String> {
    let id = &cluster.identifier;
    if cluster.status.phase() == Phase::Deleting {
        return None;
    }
    if cluster.settings.deletion_protection {
        return Some(format!(
            "{id} has deletion protection: `aurora-clone update {name} --no-deletion-protection` turns it off"
        ));
    }
    (cluster.status.0 == "stopped").then(|| {
        format!(
            "{id} is stopped, and AWS deletes no stopped cluster: `aws rds start-db-cluster --db-cluster-identifier {id}` starts it"
        )
    })
}

fn show(foresight: &Foresight, printer: &mut Printer) -> std::io::Result<()> {
    let going = &foresight.going;
    let word = match foresight.deletes {
        true => printer.yellow("would be deleted"),
        false => printer.red("would not be deleted"),
    };
    printer.line(&format!("{} {word}, with everything that was made for it:", going.name))?;
    for line in going.lines() {
        printer.line(&line)?;
    }
    for proof in &foresight.proof {
        printer.line(&format!("Proof: {proof}."))?;
    }
    for hindrance in &foresight.hindrances {
        let line = format!("{} {hindrance}.", printer.red("In the way:"));
        printer.line(&line)?;
    }
    if let Some(usual) = foresight.usual_seconds {
        printer.line(&format!("Usually gone after {}.", duration(usual)))?;
    }
    Ok(())
}

//! `delete`: proves that a clone is the caller's to delete, shows what goes, asks, and waits until it is gone.

use aurora_clone_aws::{commands, incarnations, observe};
use aurora_clone_core::arn;
use aurora_clone_core::event::RequestType;
use aurora_clone_core::guard;
use aurora_clone_core::names::tag;
use aurora_clone_core::properties::final_snapshot_leniently;
use aurora_clone_core::record::Incarnation;
use aurora_clone_core::request::{Request, resource_key, snapshot_identifier};
use aurora_clone_core::snapshot::{Cluster, Instance};
use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::target;
use super::work::{self, Ended};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::session::{Aws, Session};
use crate::surroundings::Surroundings;

/// What `delete` may be told.
#[derive(Debug, Args)]
#[command(after_help = "\
Only what the command line made is deleted; a stack's clone goes with its stack.

Examples:
  aurora-clone delete my-test
  aurora-clone delete my-test --yes --ignore-not-found     # in CI
  aurora-clone delete my-test --final-snapshot
  aurora-clone plan delete my-test                         # only says what would go")]
pub struct Delete {
    /// The clone's name.
    pub name: String,
    /// Takes a snapshot first, of a clone that was usable.
    #[arg(long)]
    pub final_snapshot: bool,
    /// Deletes without asking.
    #[arg(short, long)]
    pub yes: bool,
    /// Succeeds where there is nothing to delete.
    #[arg(long)]
    pub ignore_not_found: bool,
    /// Prints what was deleted as JSON.
    #[arg(long)]
    pub json: bool,
    /// Where AWS is.
    #[command(flatten)]
    pub aws: Aws,
}

/// What goes with a clone.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Going {
    /// The clone's name.
    pub name: String,
    /// Its clusters: one, or more after an update that was not finished.
    pub clusters: Vec<String>,
    /// Their instances.
    pub instances: Vec<String>,
    /// Their secrets.
    pub secrets: Vec<String>,
    /// The aliases of their keys.
    pub keys: Vec<String>,
    /// The snapshots that are taken first.
    pub snapshots: Vec<String>,
}

impl Delete {
    /// The request, and what would go; `None` where there is nothing.
    pub async fn wanted(
        &self,
        session: &Session,
        clusters: &[Cluster],
    ) -> Result<Option<(Request, Going)>, Failure> {
        let found = target::find(&self.name, clusters, session);
        let name = match found {
            Some(cluster) => target::name_of(cluster, session)?,
            None => target::identifier_of(&self.name, session)?,
        };
        let mut request = target::request(session, RequestType::Delete, &name, Map::new());
        let kept = commands::kept(&session.cloud, &request).await?;
        let records = incarnations::load(&session.cloud, &resource_key(&request.stack_id, &name)).await?;
        if found.is_none() && kept.is_none() && records.is_empty() {
            return Ok(None);
        }
        let kept = kept.unwrap_or_default();
        let known = kept.properties.or_else(|| kept.open.map(|open| open.properties));
        let mut properties = known.and_then(|known| known.as_object().cloned()).unwrap_or_default();
        if let Some(root) = found.and_then(|cluster| cluster.tag(tag::ROOT)) {
            properties.entry("SourceClusterId").or_insert_with(|| Value::from(root));
        }
        if self.final_snapshot {
            properties.insert("FinalSnapshot".to_owned(), Value::from("true"));
        }
        request.properties = Value::Object(properties);
        let mine: Vec<&Cluster> = clusters
            .iter()
            .filter(|cluster| {
                let owner = request.owner(&session.settings);
                guard::prove(cluster, &owner, &session.settings.name_prefix).is_ok()
            })
            .collect();
        let instances = match mine.is_empty() {
            true => Vec::new(),
            false => observe::instances(&session.cloud, &mine).await?,
        };
        Ok(Some((request.clone(), going(&request, &mine, &instances, &records))))
    }
}

fn going(request: &Request, mine: &[&Cluster], instances: &[Instance], records: &[Incarnation]) -> Going {
    let snapshot = final_snapshot_leniently(&request.properties);
    let usable = |cluster: &&&Cluster| {
        let generation = cluster.tag(tag::GENERATION).unwrap_or_default();
        records.iter().find(|record| record.generation == generation).is_none_or(|record| record.made)
    };
    let taken = mine.iter().filter(usable).map(|cluster| {
        snapshot_identifier(&cluster.identifier, cluster.tag(tag::GENERATION).unwrap_or_default())
    });
    Going {
        name: request.logical_id.clone(),
        clusters: mine.iter().map(|cluster| cluster.identifier.clone()).collect(),
        instances: instances.iter().map(|instance| instance.identifier.clone()).collect(),
        secrets: records.iter().filter_map(|record| record.secret.clone()).collect(),
        keys: records.iter().filter_map(|record| record.key.clone()).collect(),
        snapshots: if snapshot { taken.collect() } else { Vec::new() },
    }
}

impl Going {
    /// A line for each kind of thing.
    pub fn lines(&self) -> Vec<String> {
        let kinds = [
            ("cluster", &self.clusters),
            ("instance", &self.instances),
            ("secret", &self.secrets),
            ("key", &self.keys),
        ];
        let mut lines = Vec::new();
        for (kind, names) in kinds {
            lines.extend(names.iter().map(|name| format!("  {kind:<9} {name}")));
        }
        lines.extend(self.snapshots.iter().map(|name| format!("  a snapshot is taken first: {name}")));
        lines
    }
}

/// Deletes a clone, and waits until it is gone.
pub async fn run(delete: &Delete, around: &mut Surroundings) -> Result<(), Failure> {
    let session = Session::open(&delete.aws, around).await?;
    let clusters = target::clusters(&session).await?;
    let Some((request, going)) = delete.wanted(&session, &clusters).await? else {
        if delete.ignore_not_found {
            return report(
                &mut around.printer,
                &Going { name: delete.name.clone(), ..Going::default() },
                delete,
            );
        }
        return Err(target::no_such(&delete.name, &clusters, &session));
    };
    let protected = clusters
        .iter()
        .find(|cluster| going.clusters.contains(&cluster.identifier) && cluster.settings.deletion_protection);
    if let Some(cluster) = protected {
        return Err(Failure::new(format!("the cluster {} has deletion protection", cluster.identifier))
            .hint(format!("`aurora-clone update {} --no-deletion-protection` turns it off", going.name)));
    }
    if !delete.yes {
        around.printer.note(&format!("{} goes, with everything that was made for it:", going.name))?;
        for line in going.lines() {
            around.printer.note(&line)?;
        }
        match around.printer.ask("Delete it? [y/N]")? {
            Some(answer) if super::is_yes(&answer) => {}
            Some(_) => return Err(Failure::new("nothing was deleted")),
            None => {
                return Err(Failure::usage("nobody can be asked whether it may go")
                    .hint("--yes deletes without asking"));
            }
        }
    }
    go_through(&session, around, &request, RequestType::Delete).await?;
    report(&mut around.printer, &going, delete)
}

fn report(printer: &mut Printer, going: &Going, delete: &Delete) -> Result<(), Failure> {
    if delete.json {
        printer.line(&format!("{:#}", json!(going)))?;
    } else if going == &(Going { name: delete.name.clone(), ..Going::default() }) {
        printer.line(&format!("there is no clone {}", going.name))?;
    } else {
        printer.line(&format!("{} is gone", going.name))?;
    }
    Ok(())
}

/// Carries out a Delete, of a whole clone or of one that was replaced, which is a part of the request `by`.
pub(super) async fn go_through(
    session: &Session,
    around: &mut Surroundings,
    request: &Request,
    by: RequestType,
) -> Result<(), Failure> {
    let command = work::open(session, around, request).await?;
    match work::carry_out(session, around, &command).await? {
        Ended::Interrupted(signal) => Err(work::interrupted(around, by, &request.logical_id, signal)),
        Ended::Decided(decision) if decision.success => Ok(()),
        Ended::Decided(decision) => {
            let physical = request.physical_id.as_deref().and_then(arn::cluster);
            let what = physical.map_or(request.logical_id.as_str(), |(_, identifier)| identifier);
            Err(Failure::new(format!("{what} is not gone: {}", decision.reason))
                .hint("the same command goes on when that is mended"))
        }
    }
}

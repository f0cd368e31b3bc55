//! `update`: changes a clone that a person made, where it is or by another one.

use aurora_clone_aws::commands::{self, Kept};
use aurora_clone_core::create::root_identifier;
use aurora_clone_core::event::RequestType;
use aurora_clone_core::properties::Properties;
use aurora_clone_core::properties::table::Class;
use aurora_clone_core::request::{Owner, Request};
use aurora_clone_core::snapshot::Cluster;
use aurora_clone_core::update::Change;
use clap::Args;
use serde_json::{Map, Value};

use super::delete::go_through;
use super::work::{self, Ended};
use super::{Given, parse, show, target};
use crate::failure::Failure;
use crate::session::{Aws, Session};
use crate::surroundings::Surroundings;

/// What `update` may be told.
#[derive(Debug, Args)]
#[command(after_help = "\
Without a file only the properties change that are given; a file has all of them.

Examples:
  aurora-clone update my-test --instance-class db.r6g.xlarge
  aurora-clone update my-test --deletion-protection
  aurora-clone update my-test --copy-created-since 2026-11-01T00:00:00Z --yes   # fresher data: another database takes its place
  aurora-clone plan update my-test --instance-count 2                           # only says what it would do")]
pub struct Update {
    /// The clone's name.
    pub name: String,
    /// Its properties.
    #[command(flatten)]
    pub given: Given,
    /// Replaces the clone by another database without asking, where the change asks for that.
    #[arg(short, long)]
    pub yes: bool,
    /// Prints the clone's outputs as JSON.
    #[arg(long)]
    pub json: bool,
    /// Where AWS is.
    #[command(flatten)]
    pub aws: Aws,
}

/// What is to become of which clone.
pub struct Wanted {
    /// The clone's name.
    pub name: String,
    /// The cluster that it is.
    pub cluster: Cluster,
    /// The request, before it has an id.
    pub request: Request,
    /// Its properties.
    pub properties: Properties,
}

impl Update {
    /// Finds the clone, and the properties that it is to have.
    pub async fn wanted(&self, session: &Session, clusters: &[Cluster]) -> Result<Wanted, Failure> {
        let found = target::find(&self.name, clusters, session);
        let cluster = found.ok_or_else(|| target::no_such(&self.name, clusters, session))?;
        let name = target::name_of(cluster, session)?;
        let mut request = target::request(session, RequestType::Update, &name, Map::new());
        let kept = commands::kept(&session.cloud, &request).await?.unwrap_or_default();
        // While a replacement is being made there are two of that name, and after it where the earlier one could not be deleted. The one
        // that is to be changed is the unfinished request's, else the one that was last reported.
        let open = kept.open.as_ref().filter(|open| open.kind == Some(RequestType::Update));
        let current = open.and_then(|open| open.physical_id.as_ref()).or(kept.current.as_ref());
        let current = clusters.iter().find(|cluster| Some(&cluster.arn) == current);
        let cluster = current.unwrap_or(cluster);
        let given = self.given.properties()?;
        if given.is_empty() {
            return Err(Failure::usage("nothing is to be changed")
                .hint("give a property, such as --instance-class, or a file with -f"));
        }
        let before = before(&kept);
        let mut properties = match (&self.given.file, &before) {
            (Some(_), _) => Map::new(),
            (None, Some(before)) => before.clone(),
            (None, None) => {
                return Err(Failure::new(format!("nothing is kept of what {name} was asked for with"))
                    .hint("give all of its properties in a file with -f"));
            }
        };
        properties.extend(given);
        // The name stays, whatever the file calls it.
        match before.as_ref().and_then(|before| before.get("ClusterId")) {
            Some(called) => properties.insert("ClusterId".to_owned(), called.clone()),
            None => properties.insert("ClusterId".to_owned(), Value::from(name.clone())),
        };
        request.old_properties = before.map_or(Value::Null, Value::Object);
        request.physical_id = Some(cluster.arn.clone());
        request.properties = Value::Object(properties);
        let properties = parse(&request.properties, session)?;
        Ok(Wanted { name, cluster: cluster.clone(), request, properties })
    }
}

/// The properties that a clone has, or that an unfinished request gives it.
fn before(kept: &Kept) -> Option<Map<String, Value>> {
    let open = kept.open.as_ref().filter(|open| open.kind == Some(RequestType::Create));
    let known = kept.properties.as_ref().or_else(|| open.map(|open| &open.properties));
    known.and_then(Value::as_object).cloned()
}

impl Wanted {
    /// The change, as the core compares it. `owner` is the request's.
    pub fn change<'a>(&'a self, owner: &'a Owner, session: &'a Session) -> Change<'a> {
        let (request, properties) = (&self.request, &self.properties);
        Change { request, properties, owner, place: &session.place, settings: &session.settings }
    }

    /// The properties for which another database has to take the clone's place.
    pub fn replaces(&self, change: &Change<'_>, clusters: &[Cluster]) -> Vec<(&'static str, Class)> {
        let source = clusters.iter().find(|cluster| cluster.identifier == self.properties.source);
        change.replaces(&self.cluster, source.map(root_identifier))
    }
}

/// Changes a clone, and waits until it is as it should be.
pub async fn run(update: &Update, around: &mut Surroundings) -> Result<(), Failure> {
    let session = Session::open(&update.aws, around).await?;
    let mut clusters = target::clusters(&session).await?;
    let mut wanted = update.wanted(&session, &clusters).await?;
    let name = wanted.name.clone();
    // An update that replaced the clone was interrupted before the earlier one was gone.
    let kept = commands::kept(&session.cloud, &wanted.request).await?.unwrap_or_default();
    if let Some(cleaning) = kept.open.filter(|open| open.kind == Some(RequestType::Delete)) {
        if cleaning.physical_id.is_none() {
            return Err(Failure::new(format!("{name} is being deleted"))
                .hint(format!("`aurora-clone delete {name}` goes on with that")));
        }
        go_through(&session, around, &cleaning, RequestType::Update).await?;
        clusters = target::clusters(&session).await?;
        wanted = update.wanted(&session, &clusters).await?;
    }
    let owner = wanted.request.owner(&session.settings);
    let replaces = wanted.replaces(&wanted.change(&owner, &session), &clusters);
    let replaces: Vec<&str> = replaces.into_iter().map(|(name, _)| name).collect();
    if !replaces.is_empty() && !update.yes {
        let what = format!(
            "{} can only be changed by another database in its place; what was written into {} is lost.",
            replaces.join(", "),
            wanted.cluster.identifier
        );
        around.printer.note(&what)?;
        match around.printer.ask("Replace it? [y/N]")? {
            Some(answer) if super::is_yes(&answer) => {}
            Some(_) => return Err(Failure::new("nothing was changed")),
            None => {
                return Err(Failure::usage("the clone would be replaced, and nobody can be asked")
                    .hint("--yes replaces it"));
            }
        }
    }
    let command = work::open(&session, around, &wanted.request).await?;
    let decision = match work::carry_out(&session, around, &command).await? {
        Ended::Interrupted(signal) => {
            return Err(work::interrupted(around, RequestType::Update, &name, signal));
        }
        Ended::Decided(decision) => decision,
    };
    if !decision.success {
        return Err(Failure::new(decision.reason).hint(format!(
            "what was changed so far stays; `aurora-clone update {name} …` with the earlier properties goes back"
        )));
    }
    if decision.physical_id != wanted.cluster.arn {
        let earlier = Request {
            kind: Some(RequestType::Delete),
            physical_id: Some(wanted.cluster.arn.clone()),
            properties: command.stored.request.old_properties.clone(),
            old_properties: Value::Null,
            ..wanted.request.clone()
        };
        around.printer.note(&format!("{} The earlier database goes now.", decision.reason))?;
        go_through(&session, around, &earlier, RequestType::Update).await?;
    } else {
        around.printer.note(&format!("{} is as it was asked for.", wanted.cluster.identifier))?;
    }
    show(&mut around.printer, &decision, update.json)
}

//! `create`: a clone for a person.

use aurora_clone_aws::commands;
use aurora_clone_core::event::RequestType;
use aurora_clone_core::request::Request;
use clap::Args;
use serde_json::{Map, Value};

use super::delete::go_through;
use super::target::{self, identifier_of};
use super::work::{self, Ended};
use super::{Given, parse, show};
use crate::failure::Failure;
use crate::session::{Aws, Session};
use crate::surroundings::Surroundings;

/// What `create` may be told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aurora-clone create my-test --source-cluster-id prod --expires-after P1D
  aurora-clone create my-test -f properties.yaml --instance-class db.r6g.large
  aurora-clone create -f template.yaml --resource Database --json
  aurora-clone plan create my-test --source-cluster-id prod      # only says what it would do")]
pub struct Create {
    /// The clone's name, which is its cluster's identifier; the operator's name prefix is added where it is missing. Else `ClusterId` of the file.
    pub name: Option<String>,
    /// The clone's properties.
    #[command(flatten)]
    pub given: Given,
    /// Prints the clone's outputs as JSON.
    #[arg(long)]
    pub json: bool,
    /// Where AWS is.
    #[command(flatten)]
    pub aws: Aws,
}

impl Create {
    /// The clone's name and its properties, as the manager takes them.
    pub fn wanted(&self, session: &Session) -> Result<(String, Map<String, Value>), Failure> {
        let mut properties = self.given.properties()?;
        let of_file = properties.get("ClusterId").and_then(Value::as_str).map(str::to_owned);
        let name = match (&self.name, of_file) {
            (Some(name), Some(other)) if identifier_of(name, session)? != other => {
                return Err(Failure::usage(format!(
                    "the clone is called {name:?} here and {other:?} in the file"
                ))
                .hint("leave out one of the names"));
            }
            (Some(name), _) => identifier_of(name, session)?,
            (None, Some(name)) => name,
            (None, None) => {
                return Err(Failure::usage("the clone has no name")
                    .hint("`aurora-clone create NAME …`, or ClusterId in the file"));
            }
        };
        properties.insert("ClusterId".to_owned(), Value::from(name.clone()));
        parse(&Value::Object(properties.clone()), session)?;
        Ok((name, properties))
    }
}

/// Creates a clone, and waits until it is usable.
pub async fn run(create: &Create, around: &mut Surroundings) -> Result<(), Failure> {
    let session = Session::open(&create.aws, around).await?;
    let (name, mut properties) = create.wanted(&session)?;
    if let (None, Some(caller)) = (properties.get("Description"), session.caller().await) {
        // So that others see whose it is.
        properties.insert("Description".to_owned(), Value::from(format!("for {caller}")));
    }
    let request = target::request(&session, RequestType::Create, &name, properties);
    let kept = commands::kept(&session.cloud, &request).await?;
    if kept.is_some_and(|kept| kept.open.is_none() && kept.properties.is_some()) {
        let clusters = target::clusters(&session).await?;
        if clusters.iter().any(|cluster| target::is_of(cluster, &request)) {
            return Err(already(&name));
        }
        // Its lease was over, or somebody deleted the cluster: its secret may be left.
        around.printer.note(&format!("What is left of an earlier {name} goes first."))?;
        let earlier = Request { kind: Some(RequestType::Delete), ..request.clone() };
        go_through(&session, around, &earlier, RequestType::Create).await?;
    }
    let command = work::open(&session, around, &request).await?;
    match work::carry_out(&session, around, &command).await? {
        Ended::Interrupted(signal) => Err(work::interrupted(around, RequestType::Create, &name, signal)),
        Ended::Decided(decision) if decision.success => {
            around.printer.note(&decision.reason)?;
            show(&mut around.printer, &decision, create.json)
        }
        Ended::Decided(decision) => Err(Failure::new(decision.reason)
            .hint(format!("`aurora-clone plan create {name} …` says what would be done, and why"))),
    }
}

fn already(name: &str) -> Failure {
    Failure::new(format!("the clone {name} was made already"))
        .hint(format!("`aurora-clone update {name} …` changes it, `aurora-clone delete {name}` ends it"))
}

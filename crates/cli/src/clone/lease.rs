//! `renew` and `protect`: how long a clone stays, whoever asked for it.

use aurora_clone_aws::execute::{self, Outcome};
use aurora_clone_aws::maintain::sweep::{Seen, Sweep};
use aurora_clone_core::duration::{for_people, format_time, parse_duration};
use aurora_clone_core::guard;
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::Action;
use aurora_clone_core::sweep::View;
use aurora_clone_core::sweep::check::check_actions;
use clap::Args;
use serde_json::json;

use super::target;
use crate::failure::Failure;
use crate::session::{Aws, Session};
use crate::surroundings::Surroundings;

/// What `renew` may be told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aurora-clone renew my-test --for P2D
  aurora-clone renew clone-prod-1a2b3c4d --for PT12H --json")]
pub struct Renew {
    /// The clone's name; a stack's clone by its cluster's identifier.
    pub name: String,
    /// How long from now, as an ISO 8601 duration; at most what the operator allows.
    #[arg(long = "for", value_name = "DURATION")]
    pub lasting: String,
    /// Prints the new end as JSON.
    #[arg(long)]
    pub json: bool,
    /// Where AWS is.
    #[command(flatten)]
    pub aws: Aws,
}

/// What `protect` may be told.
#[derive(Debug, Args)]
#[command(after_help = "\
The maintainer never takes away what is protected, even when its lease is over. The clone's stack, and `aurora-clone delete`, still can.

Examples:
  aurora-clone protect my-test --reason \"looking into #4711\"
  aurora-clone protect my-test --remove")]
pub struct Protect {
    /// The clone's name; a stack's clone by its cluster's identifier.
    pub name: String,
    /// Why, for whoever asks later.
    #[arg(long, value_name = "TEXT", default_value = "yes")]
    pub reason: String,
    /// Ends the protection.
    #[arg(long)]
    pub remove: bool,
    /// Prints the result as JSON.
    #[arg(long)]
    pub json: bool,
    /// Where AWS is.
    #[command(flatten)]
    pub aws: Aws,
}

/// Gives a lease a later end.
pub async fn renew(renew: &Renew, around: &mut Surroundings) -> Result<(), Failure> {
    let lasting = parse_duration(&renew.lasting).map_err(|error| {
        Failure::usage(format!("--for {}: {error}", renew.lasting))
            .hint("it takes a duration such as P2D or PT12H")
    })?;
    let session = Session::open(&renew.aws, around).await?;
    let clusters = target::clusters(&session).await?;
    let found = target::find(&renew.name, &clusters, &session);
    let cluster = found.ok_or_else(|| target::no_such(&renew.name, &clusters, &session))?;
    let maintenance = session.maintenance().await?;
    let now = session.cloud.now();
    let sweep = Sweep {
        maintenance: &maintenance,
        settings: &session.settings,
        run: "renew",
        now,
        whole: false,
        seen: Seen::default(),
    };
    let renewed = Box::pin(sweep.renew(&session.cloud, &cluster.identifier, lasting)).await;
    let end = renewed.map_err(|error| Failure::new(error.to_string()))?.map_err(|why| {
        Failure::new(why).hint(format!("`aurora-clone status {}` shows its lease", cluster.identifier))
    })?;
    let (id, at) = (&cluster.identifier, format_time(end));
    if end < now + lasting {
        around.printer.note(&format!("note: {} is what the operator allows", for_people(end - now)))?;
    }
    match renew.json {
        true => around.printer.line(&format!("{:#}", json!({ "cluster": id, "expires": at })))?,
        false => around.printer.line(&format!("{id} ends at {at}, in {}", for_people(end - now)))?,
    }
    Ok(())
}

/// Protects a clone from the maintainer, or no longer.
pub async fn protect(protect: &Protect, around: &mut Surroundings) -> Result<(), Failure> {
    let fine = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    if protect.reason.is_empty() || protect.reason.chars().count() > 200 || !protect.reason.chars().all(fine)
    {
        return Err(Failure::usage(format!("--reason {:?} can't be a tag", protect.reason))
            .hint("it takes 1 to 200 letters, digits, spaces and _ . : / = + - @"));
    }
    let session = Session::open(&protect.aws, around).await?;
    let clusters = target::clusters(&session).await?;
    let found = target::find(&protect.name, &clusters, &session);
    let cluster = found.ok_or_else(|| target::no_such(&protect.name, &clusters, &session))?;
    let id = &cluster.identifier;
    let owned = guard::prove_own(cluster, &session.settings).map_err(|not_ours| {
        Failure::new(not_ours.to_string())
            .hint(format!("put the tag {} on it yourself, with any value", tag::KEEP))
    })?;
    let (mut set, mut remove) = (aurora_clone_core::tags::Tags::new(), Vec::new());
    if protect.remove {
        remove.push(tag::KEEP.to_owned());
    } else {
        set.insert(tag::KEEP.to_owned(), protect.reason.clone());
    }
    let action = Action::Tag { cluster: owned, arn: cluster.arn.clone(), set, remove };
    let found = std::slice::from_ref(cluster);
    let view = View { clusters: found, instances: &[], secrets: &[], keys: &[], living: None };
    check_actions(std::slice::from_ref(&action), &view, &session.settings)
        .map_err(|violation| Failure::new(violation.to_string()))?;
    match Box::pin(execute::run(&session.cloud, &action)).await? {
        Outcome::Done => {}
        Outcome::NotYet(why) | Outcome::Refused(why) => {
            return Err(Failure::new(format!("AWS does not take it: {why}"))
                .hint("try again when the cluster is available"));
        }
    }
    match (protect.json, protect.remove) {
        (true, remove) => {
            let reason = (!remove).then_some(&protect.reason);
            around
                .printer
                .line(&format!("{:#}", json!({ "cluster": id, "protected": !remove, "reason": reason })))?;
        }
        (false, true) => around.printer.line(&format!("{id} is protected no longer"))?,
        (false, false) => {
            around.printer.line(&format!("{id} is protected: the maintainer leaves it alone"))?
        }
    }
    Ok(())
}

//! `plan update`: property by property, what changes where the clone is, what takes another clone, and what is refused.

use aurora_clone_aws::{incarnations, observe, requests};
use aurora_clone_core::create::{Time, View};
use aurora_clone_core::desired::Keeping;
use aurora_clone_core::plan::{Decision, Next, Seen};
use aurora_clone_core::properties::service_timeout;
use aurora_clone_core::properties::table::{Class, TABLE};
use aurora_clone_core::record::by_itself;
use aurora_clone_core::request::{Wanted, resource_key};
use aurora_clone_core::update::Change;
use serde::Serialize;

use super::columns::table;
use super::create::{Foreseen, Outcome, duration, foresee, given, show as show_create};
use super::{ask, say};
use crate::clone::{Update, target};
use crate::failure::Failure;
use crate::printer::Printer;
use crate::surroundings::Surroundings;

/// One property that the update changes.
#[derive(Debug, Clone, Serialize)]
struct PropertyLine {
    property: &'static str,
    old: String,
    new: String,
    /// What the change of this one does.
    does: &'static str,
    reason: String,
}

/// The whole plan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Foresight {
    name: String,
    cluster_id: String,
    /// `nothing`, `in-place`, `replace` or `refused`.
    outcome: &'static str,
    reason: String,
    properties: Vec<PropertyLine>,
    /// How the other clone would come to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    replacement: Option<Foreseen>,
    usual_seconds: Option<(u64, u64)>,
}

/// Shows what `update` would do.
pub async fn run(update: &Update, around: &mut Surroundings) -> Result<(), Failure> {
    let session = ask(&update.aws, around).await?;
    let clusters = target::clusters(&session).await?;
    let wanted = update.wanted(&session, &clusters).await?;
    let owner = wanted.request.owner(&session.settings);
    let change = wanted.change(&owner, &session);
    let replaces = wanted.replaces(&change, &clusters);
    let mut foresight = Foresight {
        name: wanted.name.clone(),
        cluster_id: wanted.cluster.identifier.clone(),
        outcome: "nothing",
        reason: String::new(),
        properties: properties(&change, &replaces),
        replacement: None,
        usual_seconds: None,
    };
    if replaces.is_empty() {
        let key = resource_key(&wanted.request.stack_id, &wanted.name);
        let records = incarnations::load(&session.cloud, &key).await?;
        let generation = wanted.cluster.tag(aurora_clone_core::names::tag::GENERATION).unwrap_or_default();
        let record = records.iter().find(|record| record.generation == generation);
        let cluster = by_itself(wanted.cluster.clone(), record);
        let instances = observe::instances(&session.cloud, &[&cluster]).await?;
        let desired = change.desired(&cluster, &instances, record);
        let (mut secret, mut key) = (None, None);
        if let Keeping::Own { secret: name, key: of_secret, .. } = &desired.password {
            secret = aurora_clone_aws::secrets::observe(&session.cloud, name).await?;
            if let Some(alias) = of_secret.alias() {
                key = aurora_clone_aws::keys::observe(&session.cloud, &alias).await?;
            }
        }
        let view = View {
            cluster: Some(&cluster),
            instances: &instances,
            secret: secret.as_ref(),
            key: key.as_ref(),
            record,
        };
        let plan = change.in_place(view, &Seen::default(), session.cloud.now());
        match plan.next {
            Next::Decide(Decision { success: false, reason, .. }) => {
                foresight.outcome = "refused";
                foresight.reason = reason;
            }
            Next::Wait { because, .. } if !plan.actions.is_empty() => {
                foresight.outcome = "in-place";
                foresight.reason = format!("First: {because}.");
            }
            Next::Wait { because, .. } if !foresight.properties.is_empty() => {
                foresight.outcome = "in-place";
                foresight.reason = format!("The clone is changed where it is. Now: {because}.");
            }
            Next::Wait { .. } | Next::Decide(_) => {
                foresight.reason = format!("{} is as it is asked for.", wanted.cluster.identifier);
            }
        }
    } else {
        let names: Vec<&str> = replaces.iter().map(|(name, _)| *name).collect();
        foresight.outcome = "replace";
        foresight.reason = format!(
            "{} can only be changed by another database in its place; what was written into {} is lost.",
            names.join(", "),
            wanted.cluster.identifier
        );
        let fence = requests::fence(&session.cloud, &wanted.request).await?;
        let next = Wanted::replacing(
            &wanted.request,
            fence,
            session.place.clone(),
            wanted.properties.clone(),
            &session.settings,
        );
        let deadline = session.cloud.now() + service_timeout(&wanted.request.properties);
        let foreseen =
            foresee(&session, &next, &clusters, Time { now: session.cloud.now(), deadline }).await?;
        foresight.usual_seconds = foreseen.usual();
        if foreseen.outcome() == Outcome::Fail {
            foresight.outcome = "refused";
        }
        foresight.replacement = Some(foreseen);
    }
    say(&foresight, update.json, around, show)?;
    if foresight.outcome == "refused" { Err(Failure::Said) } else { Ok(()) }
}

/// Every property that is given otherwise than before, with what that does.
fn properties(change: &Change<'_>, replaces: &[(&'static str, Class)]) -> Vec<PropertyLine> {
    let (old, new) = (&change.request.old_properties, &change.request.properties);
    let changed = TABLE.into_iter().filter(|(name, _)| old.get(name) != new.get(name));
    changed
        .map(|(name, class)| {
            let replaced = replaces.iter().any(|(other, _)| *other == name);
            let (does, reason) = match class {
                Class::NoChange => ("nothing", "it is about how a clone is made, not about what it is"),
                Class::InPlace => ("in place", "the clone is changed where it is"),
                Class::Refresh if replaced => ("replace", "the clone's data is older than asked for"),
                Class::Refresh => ("nothing", "the clone's data is young enough"),
                Class::Replace if replaced => ("replace", "a database that exists can't be changed so"),
                Class::Replace => ("nothing", "the clone is so already, or the property is no longer given"),
            };
            PropertyLine {
                property: name,
                old: given(old, name),
                new: given(new, name),
                does,
                reason: reason.to_owned(),
            }
        })
        .collect()
}

fn show(foresight: &Foresight, printer: &mut Printer) -> std::io::Result<()> {
    let word = match foresight.outcome {
        "nothing" => printer.green("nothing changes"),
        "in-place" => printer.green("changed in place"),
        "replace" => printer.yellow("replaced"),
        _ => printer.red("refused"),
    };
    printer.line(&format!("{}: {word}. {}", foresight.name, foresight.reason))?;
    if !foresight.properties.is_empty() {
        printer.line("")?;
        let rows: Vec<Vec<String>> = foresight
            .properties
            .iter()
            .map(|line| {
                let cells = [line.property, &line.old, &line.new, line.does, &line.reason];
                cells.iter().map(|cell| (*cell).to_owned()).collect()
            })
            .collect();
        for line in table(printer, &["PROPERTY", "OLD", "NEW", "DOES", "BECAUSE"], &rows) {
            printer.line(&line)?;
        }
    }
    if let Some(replacement) = &foresight.replacement {
        printer.line("")?;
        printer.line("The clone that takes its place:")?;
        show_create(replacement, printer)?;
        printer.line(&format!("Then {} is deleted.", foresight.cluster_id))?;
    } else if let Some(usual) = foresight.usual_seconds {
        printer.line(&format!("Usually done after {}.", duration(usual)))?;
    }
    Ok(())
}

//! Clones that people ask for at the command line: `create`, `update`, `delete`, `renew` and `protect`.
//!
//! A person's request goes the same way as CloudFormation's: the same steps, fences and leases, made by this process instead of the
//! state machine. Its owner is the command line and not a stack; what a stack asked for is the stack's, and is refused here.

mod create;
mod delete;
pub mod file;
pub mod flags;
mod lease;
pub mod progress;
pub mod target;
mod update;
mod work;

pub use create::{Create, run as create};
pub use delete::{Delete, Going, run as delete};
pub use lease::{Protect, Renew, protect, renew};
pub use update::{Update, run as update};

use aurora_clone_core::plan::Decision;
use aurora_clone_core::properties::{BadProperty, Properties};
use clap::Args;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::printer::Printer;
use crate::session::Session;

/// Properties, as every command takes them.
#[derive(Debug, Clone, Default, Args)]
pub struct Given {
    /// A file with the properties: a map of them, or a template with the clone, as YAML or JSON; `-` is standard input. Flags count
    /// more than the file.
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<String>,
    /// The resource in the template, if it has several clones.
    #[arg(long, value_name = "LOGICAL-ID", requires = "file")]
    pub resource: Option<String>,
    /// The properties themselves.
    #[command(flatten)]
    pub flags: flags::PropertyFlags,
}

impl Given {
    /// The properties of the file, if there is one, with those of the flags over them.
    pub fn properties(&self) -> Result<Map<String, Value>, Failure> {
        let mut properties = match &self.file {
            Some(path) => file::read(path, self.resource.as_deref())?,
            None => Map::new(),
        };
        properties.extend(self.flags.0.clone());
        Ok(properties)
    }
}

/// Reads properties as the handler does.
pub fn parse(properties: &Value, session: &Session) -> Result<Properties, Failure> {
    Properties::parse(properties, &session.place, &session.settings).map_err(|problems| wrong(&problems))
}

fn wrong(problems: &[BadProperty]) -> Failure {
    let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let what = match list.as_slice() {
        [one] => one.clone(),
        several => format!("{} properties are wrong\n  {}", several.len(), several.join("\n  ")),
    };
    Failure::usage(what)
        .hint("`aurora-clone create --help` lists all properties; nothing was made or changed")
}

/// Shows a clone that is usable.
fn show(printer: &mut Printer, decision: &Decision, json: bool) -> Result<(), Failure> {
    let text = |name: &str| decision.data.get(name).and_then(Value::as_str).unwrap_or_default();
    if json {
        let camel = |name: &str| name[..1].to_lowercase() + &name[1..];
        let data: Map<String, Value> =
            decision.data.iter().map(|(name, value)| (camel(name), value.clone())).collect();
        printer.line(&format!("{:#}", json!(data)))?;
        return Ok(());
    }
    let restore = text("RestoreType");
    let source = text("SourceArn").rsplit(':').next().unwrap_or_default();
    let mut rows = vec![
        ("Cluster", text("ClusterId").to_owned()),
        ("Endpoint", text("Endpoint").to_owned()),
        ("Port", text("Port").to_owned()),
        ("Database", text("DatabaseName").to_owned()),
        ("User", text("MasterUsername").to_owned()),
        ("Password", text("PasswordSecret").to_owned()),
        ("Engine", format!("{} {}", text("Engine"), text("EngineVersion"))),
        ("Instances", format!("{} ({})", text("InstanceIds"), text("InstanceClass"))),
        ("Cloned from", format!("{source} ({restore})")),
        ("Data of", text("DataTimestamp").to_owned()),
        ("Ends", text("ExpiresAt").to_owned()),
    ];
    rows.retain(|(_, value)| !value.is_empty());
    for (name, value) in rows {
        let name = printer.dim(&format!("{name:<12}"));
        printer.line(&format!("{name} {value}"))?;
    }
    if !text("PasswordSecret").is_empty() {
        printer.note(&format!(
            "The password: aws secretsmanager get-secret-value --secret-id {} --query SecretString --output text",
            text("PasswordSecret")
        ))?;
    }
    Ok(())
}

/// Whether an answer means yes.
fn is_yes(answer: &str) -> bool {
    matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes")
}

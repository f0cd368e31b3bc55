//! `aurora-clone validate`: the clones of a template, held against what the handler would say about them, before anything is deployed.
//!
//! The handler's own code judges the properties. Around it stands what the handler never sees: a template with functions, conditions
//! and parameters, and the lines that things are on.

mod check;
mod document;
mod evaluate;
mod finding;
mod input;
mod judge;
mod place;
mod policies;
mod references;
mod scalar;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use aurora_clone_core::names::env;
use aurora_clone_core::settings::Settings;
use clap::Args;

use self::check::{Checked, Rules};
use self::finding::{Finding, Format, Position, Severity};
use self::input::Input;
use crate::failure::Failure;
use crate::session::{Aws, Session};
use crate::surroundings::Surroundings;

const EXAMPLES: &str = "\
Examples:
  Check what a pull request changes; the exit code is 1 where something is wrong:
    aurora-clone validate templates/*.yaml
  With the values of a deployment, and a template from elsewhere:
    cdk synth | aurora-clone validate - --parameter SourceClusterId=prod
  Against the limits of the operator whose manager is the stack aurora-clone-manager:
    aurora-clone validate template.yaml --stack aurora-clone-manager --region eu-west-1
  As annotations in GitHub Actions, with warnings as failures:
    aurora-clone validate --format github --strict template.yaml

Exit codes: 0 nothing is wrong (warnings are allowed without --strict), 1 something is, 2 a file can't be
read or the command line makes no sense. docs/command-line.md has a workflow and a pre-commit hook.";

/// Checks the clones in CloudFormation templates as the manager's function would.
///
/// Finds Custom::AuroraClone in templates (YAML or JSON) and checks names and values of the properties, the attributes that
/// Fn::GetAtt asks for, and deletion policies. Each problem is a line FILE:LINE:COLUMN: error: PROPERTY: text.
///
/// What only the deployment knows, such as Fn::ImportValue, is not guessed. Parameters count with --parameter, else with their
/// AllowedValues or Default; both sides of a condition are looked at unless the values that were given decide it. The limits are
/// the manager's defaults, unless --stack says whose they are.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The templates; - is standard input.
    #[arg(required = true, value_name = "TEMPLATE")]
    templates: Vec<String>,
    /// A template's parameter, as `aws cloudformation deploy --parameter-overrides` takes it; may be repeated.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = pair)]
    parameters: Vec<(String, String)>,
    /// The type of a clone, where the operator set another (CustomResourceType) [default: Custom::AuroraClone].
    #[arg(long, value_name = "TYPE")]
    resource_type: Option<String>,
    /// What the operator has the names of clones begin with (NamePrefix) [default: clone-].
    #[arg(long, value_name = "PREFIX", conflicts_with = "stack")]
    name_prefix: Option<String>,
    /// Warnings are failures too.
    #[arg(long)]
    strict: bool,
    /// One JSON array of what was found; the same as --format json.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// How it is printed.
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: Format,
    /// The manager's stack, whose limits the templates are held against; without it, AWS is not asked.
    #[arg(long, value_name = "NAME", help_heading = "AWS options")]
    stack: Option<String>,
    /// The profile of `~/.aws/config` and `~/.aws/credentials`.
    #[arg(
        long,
        env = "AWS_PROFILE",
        value_name = "NAME",
        hide_env_values = true,
        help_heading = "AWS options"
    )]
    profile: Option<String>,
    /// The region; else that of `AWS_REGION`, `AWS_DEFAULT_REGION` or the profile.
    #[arg(long, value_name = "NAME", requires = "stack", help_heading = "AWS options")]
    region: Option<String>,
    /// The endpoint of every service instead of AWS's own, as of `aurora-clone sim serve`.
    #[arg(
        long,
        env = "AWS_ENDPOINT_URL",
        value_name = "URL",
        hide_env_values = true,
        help_heading = "AWS options"
    )]
    endpoint_url: Option<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it takes NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Runs the command.
pub async fn run(arguments: &Arguments, around: &mut Surroundings) -> Result<(), Failure> {
    let rules = rules(arguments, around).await?;
    let (mut all, mut unreadable) = (Checked::default(), false);
    for name in &arguments.templates {
        match input::read(name, around.printer.input()) {
            Ok(Input::Text(text)) => {
                let shown = if name == "-" { "stdin" } else { name };
                let checked = check::check(shown, &text, &rules);
                if checked.clones == 0 && checked.findings.is_empty() {
                    let text = format!("note: {shown} has no resource of the type {}", rules.resource_type);
                    around.printer.note(&text)?;
                }
                all.clones += checked.clones;
                all.open += checked.open;
                all.findings.extend(checked.findings);
                all.parameters.extend(checked.parameters);
            }
            Ok(Input::Garbled(at, message)) => all.findings.push(Finding {
                file: name.clone(),
                at,
                severity: Severity::Error,
                resource: None,
                property: None,
                message,
            }),
            Err(failure) => {
                unreadable = true;
                around.printer.note(&format!("error: {failure}"))?;
                if let Some(hint) = failure.next() {
                    around.printer.note(&format!("hint: {hint}"))?;
                }
            }
        }
    }
    for name in rules.given.keys().filter(|name| !all.parameters.contains(*name)) {
        around.printer.note(&format!("note: no template has a parameter {name}"))?;
    }
    print(arguments, &all, around)?;
    let wrong = |finding: &Finding| arguments.strict || finding.severity == Severity::Error;
    match (unreadable, all.findings.iter().any(wrong)) {
        (true, _) => Err(Failure::usage("not every template could be read")),
        (false, true) => Err(Failure::Said),
        (false, false) => Ok(()),
    }
}

/// What the templates are held against.
async fn rules(arguments: &Arguments, around: &Surroundings) -> Result<Rules, Failure> {
    let given: BTreeMap<String, String> = arguments.parameters.iter().cloned().collect();
    let (settings, place) = match &arguments.stack {
        Some(stack) => {
            let aws = Aws {
                profile: arguments.profile.clone(),
                region: arguments.region.clone(),
                endpoint_url: arguments.endpoint_url.clone(),
                stack: stack.clone(),
            };
            let session = Session::open(&aws, around).await?;
            (session.settings, Some(session.place))
        }
        None => {
            let read = |name: &str| match name {
                env::MANAGER => Some("aurora-clone-manager".to_owned()),
                env::NAME_PREFIX => arguments.name_prefix.clone(),
                _ => None,
            };
            let settings = Settings::read(read).map_err(|_| {
                let prefix = arguments.name_prefix.as_deref().unwrap_or_default();
                Failure::usage(format!("--name-prefix is {prefix:?}, which no operator can have set"))
                    .hint("it is at most 30 lower-case letters, digits and single hyphens, a letter first")
            })?;
            (settings, None)
        }
    };
    let resource_type = arguments.resource_type.clone().unwrap_or_else(|| settings.resource_type.clone());
    Ok(Rules { settings, resource_type, place, given })
}

/// Prints what was found, and counts it on standard error.
fn print(arguments: &Arguments, all: &Checked, around: &mut Surroundings) -> Result<(), Failure> {
    let printer = &mut around.printer;
    match if arguments.json { Format::Json } else { arguments.format } {
        Format::Text => {
            for finding in &all.findings {
                let line = finding.text(printer);
                printer.line(&line)?;
            }
        }
        Format::Github => {
            for finding in &all.findings {
                printer.line(&finding.github())?;
            }
        }
        Format::Json => {
            let findings: serde_json::Value = all.findings.iter().map(Finding::json).collect();
            printer.line(&format!("{findings:#}"))?;
        }
    }
    let errors = all.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = all.findings.len() - errors;
    let mut summary = format!(
        "{} in {}: {}, {}",
        count(all.clones, "clone"),
        count(arguments.templates.len(), "template"),
        count(errors, "error"),
        count(warnings, "warning")
    );
    match all.open {
        0 => {}
        1 => summary.push_str("; 1 property is known only at deployment"),
        open => summary.push_str(&format!("; {open} properties are known only at deployment")),
    }
    printer.note(&summary)?;
    Ok(())
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

//! `aurora-clone`: the command line of Aurora Clone Manager.
//!
//! Standard output is data and what was asked for; progress, questions, hints and errors go to standard error. The exit code is 0
//! when what was asked for is done, 1 when it is not, 2 for a command line that makes no sense, and 128 plus the signal's
//! number when somebody ended it.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod account;
mod clone;
mod demo;
pub mod doctor;
pub mod failure;
pub mod plan;
mod play;
pub mod printer;
mod report;
mod serve;
pub mod session;
mod shell;
mod status;
mod stop;
pub mod surroundings;
mod validate;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::printer::Colour;
use crate::surroundings::Surroundings;

/// What follows the list of commands.
const AFTER_HELP: &str = "\
Examples:
  aurora-clone status prod
  aurora-clone create my-test --source-cluster-id prod --expires-after P1D
  aurora-clone plan maintain
  aurora-clone doctor --region eu-west-1 --profile prod

Exit codes:
  0        what was asked for is done
  1        it is not done, or something was found that is wrong
  2        the command line makes no sense
  128 + n  signal n ended it (130: Ctrl-C); the same command goes on

Credentials, region and endpoints are found as the AWS CLI finds them: options, AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL and the other
variables, ~/.aws/config and ~/.aws/credentials (also SSO, roles, processes), containers and instances. AURORA_CLONE_STACK names the
manager's stack. Answers are on standard output; progress, questions and errors on standard error. NO_COLOR turns colours off.";

/// Aurora clones that are usable when they are ready, however many there are.
#[derive(Debug, Parser)]
#[command(name = "aurora-clone", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = AFTER_HELP)]
pub struct CommandLine {
    /// When text is coloured.
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    color: Colour,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows what there is: families as trees, with slots, owners, leases, ages and estimated costs.
    Status(status::Arguments),
    /// Makes a clone, and waits until it is usable.
    Create(Box<clone::Create>),
    /// Changes a clone that the command line made.
    Update(Box<clone::Update>),
    /// Deletes a clone that the command line made, with everything that was made for it.
    Delete(clone::Delete),
    /// Gives a clone's lease a later end.
    Renew(clone::Renew),
    /// Keeps the maintainer from taking a clone away.
    Protect(clone::Protect),
    /// Prints a completion script for a shell.
    Completion(shell::Completion),
    /// Prints the manual page, or writes one for every command.
    Man(shell::Man),
    /// Shows the manager at work: the real function, a simulated AWS, and a stack with three clones from its creation to its end.
    Demo(demo::Arguments),
    /// Checks credentials, the manager's stack, configuration, quotas, sources and permissions; each finding says what to do.
    Doctor(doctor::Arguments),
    /// Shows what would be done, and why; nothing is written.
    #[command(subcommand)]
    Plan(plan::Plan),
    /// Makes one HTML page about the pools: slots over time, ages, owners, costs, and what the maintainer did and why.
    Report(report::Arguments),
    /// The simulated AWS.
    #[command(subcommand)]
    Sim(Sim),
    Validate(Box<validate::Arguments>),
}

#[derive(Debug, Subcommand)]
enum Sim {
    /// Serves the simulated AWS on loopback, for the AWS CLI and the SDKs: RDS, Secrets Manager, KMS, EventBridge, DynamoDB, Step
    /// Functions and CloudFormation, as far as the manager uses them.
    Serve(serve::Arguments),
    /// Plays a described quarter (who asks for clones, how often, for how long, and how the pool is configured) with the real functions
    /// over the simulated AWS, and shows slots, waits, copies and cost.
    Run(play::Arguments),
}

/// Runs a command line, whose first word is the program's name, and returns the exit code.
pub async fn run(words: impl IntoIterator<Item = OsString>, around: &mut Surroundings) -> u8 {
    let line = match CommandLine::try_parse_from(words) {
        Ok(line) => line,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            let text = error.render().to_string();
            let said = match error.use_stderr() {
                true => around.printer.note(text.trim_end()),
                false => around.printer.raw(&text),
            };
            return if said.is_ok() { code } else { 1 };
        }
    };
    around.printer.colour(line.color);
    // Boxed: the futures of all commands in one would be a large one.
    let done = match line.command {
        Command::Status(arguments) => Box::pin(status::run(&arguments, around)).await,
        Command::Create(arguments) => Box::pin(clone::create(&arguments, around)).await,
        Command::Update(arguments) => Box::pin(clone::update(&arguments, around)).await,
        Command::Delete(arguments) => Box::pin(clone::delete(&arguments, around)).await,
        Command::Renew(arguments) => Box::pin(clone::renew(&arguments, around)).await,
        Command::Protect(arguments) => Box::pin(clone::protect(&arguments, around)).await,
        Command::Completion(arguments) => shell::completion(&arguments, &mut around.printer),
        Command::Man(arguments) => shell::man(&arguments, &mut around.printer),
        Command::Demo(arguments) => Box::pin(demo::run(&arguments, &mut around.printer)).await,
        Command::Doctor(arguments) => Box::pin(doctor::run(&arguments, around)).await,
        Command::Plan(plan) => Box::pin(plan::run(&plan, around)).await,
        Command::Report(arguments) => Box::pin(report::run(&arguments, around)).await,
        Command::Sim(Sim::Run(arguments)) => Box::pin(play::run(&arguments, around)).await,
        Command::Sim(Sim::Serve(arguments)) => Box::pin(serve::run(&arguments, &mut around.printer)).await,
        Command::Validate(arguments) => Box::pin(validate::run(&arguments, around)).await,
    };
    match done {
        Ok(()) => 0,
        Err(failure) => {
            tell(&failure, around);
            failure.exit_code()
        }
    }
}

/// Says why a command failed, and what to do next.
fn tell(failure: &Failure, around: &mut Surroundings) {
    if failure.is_silent() {
        return;
    }
    // Nobody is left to tell if this can't be written either.
    let _ = around.printer.note(&format!("error: {failure}"));
    if let Some(hint) = failure.next() {
        let _ = around.printer.note(&format!("hint: {hint}"));
    }
}

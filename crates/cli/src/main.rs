//! `aurora-clone`: the command line of Aurora Clone Manager.
//!
//! Standard output is data and what was asked for; progress, hints and errors go to standard error. The exit code is 0 when
//! what was asked for is done, 1 when it is not, 2 for a command line that makes no sense, and 128 plus the signal's
//! number when somebody ended it.

mod account;
mod demo;
mod failure;
mod printer;
mod serve;
mod stop;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::printer::Printer;

/// Aurora clones that are usable when they are ready, however many there are.
#[derive(Debug, Parser)]
#[command(name = "aurora-clone", version, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the manager at work: the real function, a simulated AWS, and a stack with three clones from its creation to its end.
    Demo(demo::Arguments),
    /// The simulated AWS.
    #[command(subcommand)]
    Sim(Sim),
}

#[derive(Debug, Subcommand)]
enum Sim {
    /// Serves the simulated AWS on loopback, for the AWS CLI and the SDKs: RDS, Secrets Manager, KMS, EventBridge, DynamoDB, Step
    /// Functions and CloudFormation, as far as the manager uses them.
    Serve(serve::Arguments),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut printer = Printer::new();
    let done = match CommandLine::parse().command {
        Command::Demo(arguments) => demo::run(&arguments, &mut printer).await,
        Command::Sim(Sim::Serve(arguments)) => serve::run(&arguments, &mut printer).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_closed_pipe() {
                // Nobody is left to tell if this can't be written either.
                let _ = printer.note(&format!("error: {failure}"));
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

//! What shells and `man` want to know of the command line: completion scripts and manual pages, made from the same definitions
//! as the parser.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::CommandLine;
use crate::failure::Failure;
use crate::printer::Printer;

/// What `completion` may be told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(aurora-clone completion bash)
  aurora-clone completion zsh > \"${fpath[1]}/_aurora-clone\"
  aurora-clone completion fish > ~/.config/fish/completions/aurora-clone.fish")]
pub struct Completion {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// What `man` may be told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aurora-clone man | man -l -
  aurora-clone man --directory /usr/local/share/man/man1")]
pub struct Man {
    /// Writes a page for every command into this directory, and prints their names; else the main page is printed.
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

/// Prints a shell's completion script.
pub fn completion(completion: &Completion, printer: &mut Printer) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(completion.shell, &mut CommandLine::command(), "aurora-clone", &mut script);
    printer.raw(&String::from_utf8_lossy(&script))?;
    Ok(())
}

/// Prints the manual page, or writes all of them.
pub fn man(man: &Man, printer: &mut Printer) -> Result<(), Failure> {
    let mut command = CommandLine::command();
    command.build();
    let Some(directory) = &man.directory else {
        printer.raw(&String::from_utf8_lossy(&page(&command)?))?;
        return Ok(());
    };
    let unwritable = |path: &Path, error: std::io::Error| {
        Failure::new(format!("{} can't be written: {error}", path.display()))
    };
    std::fs::create_dir_all(directory).map_err(|error| unwritable(directory, error))?;
    for command in with_children(&command) {
        let name = command.get_bin_name().unwrap_or("aurora-clone").replace(' ', "-");
        let path = directory.join(format!("{name}.1"));
        std::fs::write(&path, page(&command.clone().name(name))?)
            .map_err(|error| unwritable(&path, error))?;
        printer.line(&path.display().to_string())?;
    }
    Ok(())
}

fn page(command: &clap::Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    Ok(page)
}

/// A command and all of its subcommands, but not the `help` that clap adds to each.
fn with_children(command: &clap::Command) -> Vec<clap::Command> {
    let mut all = vec![command.clone()];
    let children =
        command.get_subcommands().filter(|child| child.get_name() != "help" && !child.is_hide_set());
    all.extend(children.flat_map(with_children));
    all
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{page, with_children};
    use crate::CommandLine;

    #[test]
    fn the_definitions_of_the_command_line_are_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_page_and_examples() {
        let mut command = CommandLine::command();
        command.build();
        for command in with_children(&command) {
            let name = command.get_bin_name().unwrap_or_default().to_owned();
            let text = String::from_utf8(page(&command).expect("a page")).expect("text");
            assert!(text.contains(".SH NAME") && text.contains(".SH DESCRIPTION"), "{name}");
            assert!(command.get_about().is_some(), "{name} says what it is for");
            let has_examples =
                command.get_after_help().is_some_and(|help| help.to_string().contains("Examples:"));
            assert!(has_examples || command.has_subcommands(), "{name} has examples");
        }
    }
}

//! What was found, and the forms in which compilers, scripts and pull requests take it.

use serde_json::{Value, json};

use crate::printer::Printer;

/// A place in a file: line and column, both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// Whether something has to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// The clone could not be made.
    Error,
    /// It could, and somebody should look.
    Warning,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// The file, as it was named.
    pub(super) file: String,
    /// Where in it.
    pub(super) at: Position,
    /// Whether it has to be changed.
    pub(super) severity: Severity,
    /// The resource's logical id, where it is about one.
    pub(super) resource: Option<String>,
    /// The property (or attribute of the resource), where it is about one.
    pub(super) property: Option<String>,
    /// What is wrong, and what would be right.
    pub(super) message: String,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// FILE:LINE:COLUMN: error: PROPERTY: text.
    Text,
    /// One JSON array.
    Json,
    /// Workflow commands of GitHub Actions, which become annotations of a pull request.
    Github,
}

impl Finding {
    /// As compilers print it.
    pub(super) fn text(&self, printer: &Printer) -> String {
        let severity = match self.severity {
            Severity::Error => printer.red("error:"),
            Severity::Warning => printer.yellow("warning:"),
        };
        let Position { line, column } = self.at;
        format!("{}:{line}:{column}: {severity} {}", one_line(&self.file), one_line(&self.said()))
    }

    /// As GitHub Actions reads it.
    pub(super) fn github(&self) -> String {
        let Position { line, column } = self.at;
        let title = self.resource.as_deref().unwrap_or("aurora-clone");
        format!(
            "::{} file={},line={line},col={column},title={}::{}",
            self.severity.name(),
            escaped_property(&self.file),
            escaped_property(title),
            escaped(&self.said())
        )
    }

    /// As scripts read it.
    pub(super) fn json(&self) -> Value {
        json!({
            "file": self.file,
            "line": self.at.line,
            "column": self.at.column,
            "severity": self.severity.name(),
            "resource": self.resource,
            "property": self.property,
            "message": self.message,
        })
    }

    fn said(&self) -> String {
        match &self.property {
            Some(property) => format!("{property}: {}", self.message),
            None => self.message.clone(),
        }
    }
}

/// A text that can't break out of its line, whatever the template says.
fn one_line(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// The escapes of a workflow command's message (actions/toolkit, command.ts).
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The same in one of its properties.
fn escaped_property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{Finding, Position, Severity};
    use crate::printer::Printer;

    #[test]
    fn nothing_breaks_out_of_its_line() {
        let finding = Finding {
            file: "a,b:c.yaml".to_owned(),
            at: Position { line: 3, column: 7 },
            severity: Severity::Error,
            resource: Some("Clone".to_owned()),
            property: Some("Po\nrt".to_owned()),
            message: "100%\r\n::error::".to_owned(),
        };
        let (printer, ..) = Printer::captured();
        assert_eq!(finding.text(&printer), "a,b:c.yaml:3:7: error: Po\\nrt: 100%\\r\\n::error::");
        assert_eq!(
            finding.github(),
            "::error file=a%2Cb%3Ac.yaml,line=3,col=7,title=Clone::Po%0Art: 100%25%0D%0A::error::"
        );
    }
}

//! What was found by one check.

use serde::Serialize;
use serde_json::{Value, json};

use crate::printer::{Printer, wrap};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All is well.
    Ok,
    /// It works, and somebody should look.
    Warning,
    /// It does not work.
    Error,
    /// It could not be checked.
    Skipped,
}

/// One finding.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What kind of check it is.
    pub group: &'static str,
    /// What was checked.
    pub check: String,
    /// How it ended.
    pub status: Status,
    /// A sentence.
    pub says: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// All findings, in the order of the checks.
#[derive(Debug, Default)]
pub struct Findings {
    /// The findings.
    pub all: Vec<Finding>,
    group: &'static str,
}

impl Findings {
    /// The checks that follow are of this group.
    pub fn group(&mut self, group: &'static str) {
        self.group = group;
    }

    fn add(&mut self, status: Status, check: &str, says: String, remedy: Option<String>) {
        self.all.push(Finding { group: self.group, check: check.to_owned(), status, says, remedy });
    }

    /// All is well.
    pub fn ok(&mut self, check: &str, says: impl Into<String>) {
        self.add(Status::Ok, check, says.into(), None);
    }

    /// Somebody should look.
    pub fn warning(&mut self, check: &str, says: impl Into<String>, remedy: impl Into<String>) {
        self.add(Status::Warning, check, says.into(), Some(remedy.into()));
    }

    /// It does not work.
    pub fn error(&mut self, check: &str, says: impl Into<String>, remedy: impl Into<String>) {
        self.add(Status::Error, check, says.into(), Some(remedy.into()));
    }

    /// It could not be checked.
    pub fn skipped(&mut self, check: &str, says: impl Into<String>) {
        self.add(Status::Skipped, check, says.into(), None);
    }

    /// How many ended so.
    pub fn count(&self, status: Status) -> usize {
        self.all.iter().filter(|finding| finding.status == status).count()
    }

    /// As scripts read it.
    pub fn json(&self) -> Value {
        json!({
            "findings": self.all,
            "ok": self.count(Status::Ok),
            "warnings": self.count(Status::Warning),
            "errors": self.count(Status::Error),
            "skipped": self.count(Status::Skipped),
        })
    }

    /// As people read it.
    pub fn show(&self, printer: &mut Printer) -> std::io::Result<()> {
        let mut group = "";
        for finding in &self.all {
            if finding.group != group {
                group = finding.group;
                let title = printer.bold(group);
                printer.line(&title)?;
            }
            let word = match finding.status {
                Status::Ok => printer.green("ok     "),
                Status::Warning => printer.yellow("warning"),
                Status::Error => printer.red("error  "),
                Status::Skipped => printer.dim("skipped"),
            };
            let width = printer.width().map_or(usize::MAX, |columns| columns.saturating_sub(11).max(20));
            let says = wrap(&format!("{}: {}", finding.check, finding.says), width, 11);
            printer.line(&format!("  {word}  {says}"))?;
            if let Some(remedy) = &finding.remedy {
                let remedy = wrap(remedy, width.saturating_sub(4), 15);
                printer.line(&format!("           --> {remedy}"))?;
            }
        }
        let number = |status, what: &str| match self.count(status) {
            1 => format!("1 {what}"),
            several => format!("{several} {what}s"),
        };
        printer.line("")?;
        printer.line(&format!(
            "{}, {}, {} ok, {} skipped",
            number(Status::Error, "error"),
            number(Status::Warning, "warning"),
            self.count(Status::Ok),
            self.count(Status::Skipped)
        ))
    }
}

//! The demo's twelve sections. Each is shown and checked against what the World knows.

mod changes;
mod ending;
mod making;
mod passwords;

use std::net::SocketAddr;
use std::time::Instant;

use aurora_clone_sim::cloudformation::Stack;
use aurora_clone_sim::{Sim, World};
use chrono::{DateTime, Utc};

use super::account_view::{Answer, clock, span};
use super::sandboxes::{COUNT, Log};
use super::{Arguments, SOURCE, tree};
use crate::account::{LEASE, MANAGER, TABLE, create_stack, update_stack};
use crate::failure::Failure;
use crate::printer::{Printer, wrap};

/// The stack that a team would deploy.
const TEMPLATE: &str = include_str!("../../../../example/several-clones.yaml");
/// What its resources are called, and how many there are.
const RESOURCES: [&str; 3] = ["LoadTestClone", "ReportClone", "ReviewClone"];
/// The stack's name.
const STACK: &str = "my-clones";
/// The name of the stack with a wrong property.
const WRONG_STACK: &str = "misspelt";

const WIDTH: usize = 100;

/// The demo while it is told.
pub struct Story<'a> {
    sim: Sim,
    printer: &'a mut Printer,
    arguments: &'a Arguments,
    log: Log,
    began: Instant,
    start: DateTime<Utc>,
    /// The clusters that there are beside the clones.
    others: Vec<String>,
    /// The stack's template, as it was last deployed with success.
    template: String,
    /// Its parameter `CopyCreatedSince`, likewise.
    since: String,
    checked: usize,
}

impl<'a> Story<'a> {
    /// A story that has yet to be told.
    pub fn new(
        sim: Sim,
        printer: &'a mut Printer,
        arguments: &'a Arguments,
        log: Log,
        began: Instant,
    ) -> Self {
        let (start, others) = sim.with(|world| (world.now(), clusters(world)));
        let (template, since) = (TEMPLATE.to_owned(), String::new());
        Self { sim, printer, arguments, log, began, start, others, template, since, checked: 0 }
    }

    /// Tells it.
    pub async fn tell(&mut self, address: SocketAddr) -> Result<(), Failure> {
        self.title(address)?;
        self.before()?;
        self.creating().await?;
        self.answered()?;
        self.after()?;
        self.passwords()?;
        self.wrong_property().await?;
        self.in_place().await?;
        self.refresh().await?;
        self.rolled_back().await?;
        self.deleting().await?;
        self.told().await?;
        self.nothing_left().await?;
        self.figures()
    }

    fn title(&mut self, address: SocketAddr) -> Result<(), Failure> {
        let title = format!("SIMULATED AWS on {address}; nothing here touches a real account");
        self.say(&self.printer.bold(&title))?;
        self.say(&format!(
            "Real: {COUNT} processes of clone-handler on the AWS SDK, its state machine, example/several-clones.yaml."
        ))?;
        self.tell_of(&format!(
            "Simulated: RDS, Secrets Manager, KMS, EventBridge, DynamoDB, Step Functions, CloudFormation, and all \
             times below, which begin on {}.",
            self.start.format("%Y-%m-%d")
        ))?;
        self.tell_of(&match self.arguments.margin {
            0 => "Slots: 15 clones per source, all of them used (--margin 0). The product's default keeps 1 free.".to_owned(),
            margin => format!("Slots: 15 clones per source, {margin} of them kept free (--margin {margin}; the product's default is 1)."),
        })?;
        let log = format!("Log of the function: {}", self.log.path().display());
        self.say(&self.printer.dim(&log))
    }

    /// Creates a stack from the example.
    fn create(&mut self, stack: &str, template: &str) -> Result<(), Failure> {
        let parameters = [("CloneManagerStack", MANAGER), ("SourceClusterId", SOURCE)];
        self.sim.with(|world| create_stack(world, stack, template, &parameters))
    }

    /// Begins to update the stack.
    fn update(&mut self, template: &str, since: &str) -> Result<(), Failure> {
        let parameters =
            [("CloneManagerStack", MANAGER), ("SourceClusterId", SOURCE), ("CopyCreatedSince", since)];
        self.sim.with(|world| update_stack(world, STACK, template, &parameters))
    }

    /// Waits until nothing goes on in a stack, and returns its status.
    async fn settled(&self, stack: &str) -> String {
        let look = |stack: &Stack| stack.is_settled().then(|| stack.status.clone());
        self.sim.watch(|world| world.cloudformation.stack(stack).map_or(Some(String::new()), look)).await
    }

    /// How many slots are used of the source and of its copy.
    fn used(&self) -> (usize, usize) {
        let margin = self.arguments.margin;
        self.sim.with(|world| {
            let used = |cluster| tree::slots(world, cluster, margin).used;
            let of = |is_source: bool| {
                let volumes = world.rds.clusters().filter(|cluster| !cluster.truth.copy_on_write);
                volumes.filter(|cluster| (cluster.id == SOURCE) == is_source).map(used).sum()
            };
            (of(true), of(false))
        })
    }

    fn family(&mut self) -> Result<(), Failure> {
        let margin = self.arguments.margin;
        let lines = self.sim.with(|world| tree::family(world, SOURCE, margin));
        self.say("")?;
        lines.iter().try_for_each(|line| self.say(line))
    }

    /// What happened to a stack since then.
    fn events(&mut self, stack: &str, since: DateTime<Utc>) -> Result<(), Failure> {
        let events = self.sim.with(|world| world.cloudformation.events(stack).to_vec());
        // It comes at the end, together with the completion.
        let shown = |reason: &Option<String>| reason.as_deref() != Some("Resource creation Initiated");
        let events: Vec<_> =
            events.iter().filter(|event| event.at >= since && shown(&event.reason)).collect();
        let explained = events.iter().filter(|event| event.reason.is_some());
        let status = explained.map(|event| event.status.len() + 2).max().unwrap_or_default();
        for event in events {
            let head = format!("{}  {:<15}{:<status$}", clock(event.at), event.logical_id, event.status);
            let indent = head.chars().count();
            let reason =
                wrap(event.reason.as_deref().unwrap_or_default(), WIDTH.saturating_sub(indent), indent);
            self.say(format!("{head}{}", self.printer.dim(&reason)).trim_end())?;
        }
        Ok(())
    }

    /// An answer in one line.
    fn answer(&mut self, answer: &Answer) -> Result<(), Failure> {
        let status = self.printer.bold(&format!("{:<9}", answer.text("Status")));
        self.say(&format!(
            "{}  {:<15}{status}to {}, after {}, in {} bytes",
            clock(answer.at),
            answer.text("LogicalResourceId"),
            answer.request,
            span(answer.after),
            answer.bytes,
        ))?;
        if self.arguments.verbose {
            return self.say(&format!("{:#}", answer.body));
        }
        Ok(())
    }

    /// An answer, and what it says.
    fn answer_in_full(&mut self, answer: &Answer) -> Result<(), Failure> {
        self.answer(answer)?;
        if self.arguments.verbose {
            return Ok(());
        }
        let fields = [
            ("Reason", answer.text("Reason")),
            ("PhysicalResourceId", answer.text("PhysicalResourceId")),
            ("Data.SourceArn", answer.data("SourceArn")),
            ("Data.RestoreType", answer.data("RestoreType")),
            ("Data.DataTimestamp", answer.data("DataTimestamp")),
            ("Data.Endpoint", answer.data("Endpoint")),
        ];
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            self.say(&format!("  {name:<20}{}", wrap(value, WIDTH - 22, 22)))?;
        }
        Ok(())
    }

    /// Columns as wide as what is in them; the first row is their heading.
    fn table<const N: usize>(&mut self, rows: &[[String; N]]) -> Result<(), Failure> {
        self.say("")?;
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or_default() + 2);
        for (number, row) in rows.iter().enumerate() {
            let cells = row.iter().zip(widths);
            let line: String = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
            let line = line.trim_end();
            self.say(&if number == 0 { self.printer.dim(line) } else { line.to_owned() })?;
        }
        Ok(())
    }

    fn section(&mut self, number: u32, title: &str) -> Result<(), Failure> {
        let fresh = self.log.fresh();
        if self.arguments.verbose && !fresh.is_empty() {
            self.printer.note(&self.printer.dim(fresh.trim_end()))?;
        }
        let heading = self.printer.bold(&format!("{number}  {title}"));
        let time = self.printer.dim(&format!("(simulated {})", clock(self.sim.now())));
        self.say(&format!("\n{heading}  {time}"))
    }

    /// A paragraph.
    fn tell_of(&mut self, text: &str) -> Result<(), Failure> {
        self.say(&wrap(text, WIDTH, 0))
    }

    fn say(&mut self, line: &str) -> Result<(), Failure> {
        Ok(self.printer.line(line)?)
    }

    /// What is shown must be so.
    fn check(&mut self, holds: bool, what: impl Into<String>) -> Result<(), Failure> {
        if !holds {
            return Err(Failure::new(format!("this does not hold: {}", what.into())));
        }
        self.checked += 1;
        Ok(())
    }
}

/// The identifiers of all clusters.
fn clusters(world: &World) -> Vec<String> {
    world.rds.clusters().map(|cluster| cluster.id.clone()).collect()
}

/// How many leases there are.
fn leases(world: &World) -> usize {
    world.dynamodb.items(TABLE).filter(|(key, _)| key.starts_with(LEASE)).count()
}

//! The demo's seven sections. Each is shown and checked against what the World knows.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use aurora_clone_core::names::tag;
use aurora_clone_sim::cloudformation::Stack;
use aurora_clone_sim::rds::{CopyKind, Life};
use aurora_clone_sim::{Sim, World};
use chrono::{DateTime, Duration, Utc};

use super::account_view::{Answer, answers, call, clock, span};
use super::sandboxes::{COUNT, Log};
use super::{Arguments, SOURCE, tree};
use crate::account::{LEASE, MANAGER, MANAGER_KEY, TABLE, create_stack};
use crate::failure::Failure;
use crate::printer::{Printer, wrap};

/// The stack that a team would deploy.
const TEMPLATE: &str = include_str!("../../../../example/template.yaml");
/// What its resources are called, and how many there are.
const RESOURCES: [&str; 3] = ["LoadTestClone", "ReportClone", "ReviewClone"];
/// The stack's name.
const STACK: &str = "my-clones";
/// The name of the stack with a wrong property.
const WRONG_STACK: &str = "misspelt";
/// A property of the template, and what it is misspelt as.
const MISSPELT: (&str, &str) = ("InstanceClass:", "InstanceClas:");
/// How long to look on after everything is deleted, in hours: nothing may come back.
const AFTERWARDS: i64 = 8;

const WIDTH: usize = 100;

/// The demo while it is told.
pub struct Story<'a> {
    sim: Sim,
    printer: &'a mut Printer,
    arguments: &'a Arguments,
    log: Log,
    began: Instant,
    start: DateTime<Utc>,
    /// The clusters that there were at first.
    before: Vec<String>,
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
        let (start, before) = sim.with(|world| (world.now(), clusters(world)));
        Self { sim, printer, arguments, log, began, start, before, checked: 0 }
    }

    /// Tells it.
    pub async fn tell(&mut self, address: SocketAddr) -> Result<(), Failure> {
        self.title(address)?;
        self.before()?;
        self.creating().await?;
        self.answered()?;
        self.after()?;
        self.wrong_property().await?;
        self.deleting().await?;
        self.nothing_left().await?;
        self.figures()
    }

    fn title(&mut self, address: SocketAddr) -> Result<(), Failure> {
        let title = format!("SIMULATED AWS on {address}; nothing here touches a real account");
        self.say(&self.printer.bold(&title))?;
        self.say(&format!(
            "Real: {COUNT} processes of clone-handler on the AWS SDK, its state machine, example/template.yaml."
        ))?;
        let start = self.start.format("%Y-%m-%d");
        self.say(&format!(
            "Simulated: RDS, DynamoDB, Step Functions, CloudFormation, and all times below, which begin on {start}."
        ))?;
        self.say(&match self.arguments.margin {
            0 => "Slots: 15 clones per source, all of them used (--margin 0). The product's default keeps 1 free.".to_owned(),
            margin => format!("Slots: 15 clones per source, {margin} of them kept free (--margin {margin}; the product's default is 1)."),
        })?;
        let log = format!("Log of the function: {}", self.log.path().display());
        self.say(&self.printer.dim(&log))
    }

    fn before(&mut self) -> Result<(), Failure> {
        self.section(1, "Before")?;
        self.say(
            "A production cluster; others have cloned it 14 times; one copy, a day old, is in the pool.",
        )?;
        self.family()?;
        let (on_source, _) = self.used();
        self.check(on_source == 14, "14 clones hang off the source")
    }

    async fn creating(&mut self) -> Result<(), Failure> {
        self.section(2, "Creating")?;
        self.say(&format!("CloudFormation creates the stack {STACK}: three resources, all at once."))?;
        self.create(STACK, TEMPLATE)?;
        let all_begun = |world: &World| {
            let begun = tree::clones(world).len() == RESOURCES.len();
            (begun || world.cloudformation.is_settled(STACK)).then_some(())
        };
        self.sim.watch(all_begun).await;
        self.say(&format!("Soon, at {}:", clock(self.sim.now())))?;
        self.family()?;
        let status = self.settled(STACK).await;
        self.say("")?;
        self.events(STACK, Duration::zero())?;
        self.check(status == "CREATE_COMPLETE", format!("{STACK} is CREATE_COMPLETE, not {status}"))
    }

    fn answered(&mut self) -> Result<(), Failure> {
        self.section(3, "The answers, as CloudFormation received them")?;
        let answers = self.sim.with(|world| answers(world, STACK, "Create"));
        for answer in &answers {
            self.answer(answer)?;
            let named = answer.text("LogicalResourceId");
            self.check(answer.text("Status") == "SUCCESS", format!("{named} is answered SUCCESS"))?;
            self.check(answer.counted, format!("the answer for {named} comes while CloudFormation waits"))?;
            self.check(answer.bytes <= 4096, format!("the answer for {named} fits into 4096 bytes"))?;
        }
        let mut named: Vec<&str> = answers.iter().map(|answer| answer.text("LogicalResourceId")).collect();
        named.sort_unstable();
        self.check(named == RESOURCES, format!("each resource is answered once: {named:?}"))
    }

    fn after(&mut self) -> Result<(), Failure> {
        self.section(4, "After")?;
        self.say(&match self.arguments.margin {
            0 => "All three are usable. One has the fifteenth slot of the source; for the others there is the copy.".to_owned(),
            margin => format!("All three are usable. The source keeps {margin} free, so they are clones of the copy."),
        })?;
        self.family()?;
        self.say("")?;
        let row = |cells: [&str; 6]| {
            let [resource, from, asked, restore, instance, took] = cells;
            format!("{resource:<15}{from:<20}{asked:<10}{restore:<10}{instance:<11}{took}")
                .trim_end()
                .to_owned()
        };
        let header = row(["resource", "cloned from", "asked", "restored", "instance", "usable after"]);
        self.say(&self.printer.dim(&header))?;
        let answers = self.sim.with(|world| answers(world, STACK, "Create"));
        let mut sources: BTreeMap<String, usize> = BTreeMap::new();
        for answer in &answers {
            let clone = answer.data("ClusterId");
            let found = self.sim.with(|world| {
                let cluster = world.rds.cluster(clone)?;
                let (source, kind) = tree::source(cluster)?;
                let shares = kind == CopyKind::CopyOnWrite && !cluster.truth.became_full_copy;
                let usable = cluster.status == "available"
                    && world.rds.instances_of(clone).next().is_some()
                    && world.rds.instances_of(clone).all(|instance| instance.status == "available");
                let when = |operation| call(world, operation, clone).map(clock).unwrap_or_default();
                let times = [when("RestoreDBClusterToPointInTime"), when("CreateDBInstance")];
                Some((source.to_owned(), shares, usable, times))
            });
            let named = answer.text("LogicalResourceId").to_owned();
            let Some((source, shares, usable, [restored, instance])) = found else {
                return Err(Failure::new(format!("the clone {clone:?} of {named} does not exist")));
            };
            let asked = clock(answer.at - answer.after);
            self.say(&row([&named, &source, &asked, &restored, &instance, &span(answer.after)]))?;
            self.check(shares, format!("{clone} shares its source's volume"))?;
            self.check(usable, format!("{clone} is usable"))?;
            let told = answer.data("SourceArn").ends_with(&format!(":cluster:{source}"));
            self.check(told, format!("the answer for {named} tells its source, {source}"))?;
            *sources.entry(source).or_default() += 1;
        }
        let expected = if self.arguments.margin == 0 { (1, 2) } else { (0, 3) };
        let (on_source, on_copy) = self.used();
        self.check(sources.values().sum::<usize>() == RESOURCES.len(), "three clones were made")?;
        self.check(
            (on_source - 14, on_copy) == expected,
            format!("the source gives {} slots and the copy {}: {sources:?}", expected.0, expected.1),
        )?;
        let free_again = self.sim.with(|world| leases(world) == 0);
        self.check(free_again, "no lease is held")
    }

    async fn wrong_property(&mut self) -> Result<(), Failure> {
        self.section(5, "A wrong property")?;
        let (right, wrong) = MISSPELT;
        self.check(TEMPLATE.matches(right).count() == 1, format!("the template has {right} once"))?;
        self.say(&wrap(
            &format!("The same template, with {right} misspelt as {wrong}. The resource fails at once; CloudFormation cancels the others and rolls the stack back."),
            WIDTH,
            0,
        ))?;
        self.create(WRONG_STACK, &TEMPLATE.replace(right, wrong))?;
        let status = self.settled(WRONG_STACK).await;
        let failed: Vec<Answer> = self.sim.with(|world| {
            let all = answers(world, WRONG_STACK, "Create");
            all.into_iter().filter(|answer| answer.text("Status") == "FAILED" && answer.counted).collect()
        });
        self.say("")?;
        for answer in &failed {
            self.answer(answer)?;
        }
        self.say("")?;
        self.events(WRONG_STACK, Duration::zero())?;
        self.check(failed.len() == 1, format!("one resource is answered FAILED, not {}", failed.len()))?;
        let clear = failed.iter().all(|answer| {
            let reason = answer.text("Reason");
            answer.text("LogicalResourceId") == "LoadTestClone"
                && [right, wrong].iter().all(|name| reason.contains(name.trim_end_matches(':')))
        });
        self.check(clear, "the reason names the property, and the nearest that there is")?;
        self.check(
            status == "ROLLBACK_COMPLETE",
            format!("{WRONG_STACK} is ROLLBACK_COMPLETE, not {status}"),
        )?;
        let (begun, left) = self.sim.with(|world| {
            let id = world.cloudformation.stack(WRONG_STACK).map(|stack| stack.id.clone());
            let of_stack = |life: &&Life| life.tags.get(tag::STACK_ID) == id.as_ref();
            (world.rds.history().iter().filter(of_stack).count(), tree::clones(world).len())
        });
        self.say(&format!(
            "\nDatabases that had been begun for {WRONG_STACK} meanwhile: {begun}. All of them are deleted."
        ))?;
        self.check(
            left == RESOURCES.len(),
            format!("the rollback leaves the three clones of {STACK}, not {left}"),
        )
    }

    async fn deleting(&mut self) -> Result<(), Failure> {
        self.section(6, "Deleting")?;
        self.say("Both stacks are deleted.")?;
        self.say("")?;
        let since = self.sim.now();
        for stack in [STACK, WRONG_STACK] {
            let deleted = self
                .sim
                .with(|world| world.settle(|services, cx| services.cloudformation.delete_stack(cx, stack)));
            deleted.map_err(|error| Failure::new(format!("{stack} can't be deleted: {error}")))?;
        }
        for stack in [STACK, WRONG_STACK] {
            let status = self.settled(stack).await;
            self.check(status == "DELETE_COMPLETE", format!("{stack} is DELETE_COMPLETE, not {status}"))?;
        }
        self.events(STACK, self.sim.now() - since)?;
        self.say("")?;
        let answers = self.sim.with(|world| answers(world, STACK, "Delete"));
        for answer in &answers {
            self.answer(answer)?;
            self.check(answer.text("Status") == "SUCCESS", "a deletion is answered SUCCESS")?;
        }
        self.check(answers.len() == RESOURCES.len(), "three deletions are answered")
    }

    async fn nothing_left(&mut self) -> Result<(), Failure> {
        self.section(7, "Nothing left")?;
        self.nothing_of_ours()?;
        self.sim.sleep(Duration::hours(AFTERWARDS)).await;
        self.say(&format!(
            "{AFTERWARDS} hours later, at {}, it is as it was before:",
            clock(self.sim.now())
        ))?;
        self.family()?;
        self.nothing_of_ours()?;
        let (executions, busy, dropped, violations) = self.sim.with(|world| {
            let busy = !world.functions.is_idle();
            (world.states.running(), busy, world.functions.dropped().len(), world.violations.clone())
        });
        self.check(executions == 0, format!("no state machine runs any more, {executions} do"))?;
        self.check(!busy && dropped == 0, "every event is handled, and none was given up")?;
        self.check(violations.is_empty(), format!("no rule is broken: {violations:#?}"))
    }

    fn nothing_of_ours(&mut self) -> Result<(), Failure> {
        let (now, instances, leases) = self.sim.with(|world| {
            let of_clone = |id: &String| world.rds.instances_of(id).count();
            let gone = world.rds.history().iter().filter(|life| life.gone_at.is_some());
            (clusters(world), gone.map(|life| of_clone(&life.id)).sum::<usize>(), leases(world))
        });
        let same = now == self.before;
        self.check(same, format!("the clusters are those of before: {now:?}"))?;
        self.check(instances == 0, "no instance is left of what was deleted")?;
        self.check(leases == 0, "no lease is held")
    }

    fn figures(&mut self) -> Result<(), Failure> {
        let (calls, invocations, made) = self.sim.with(|world| {
            let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
            for call in &world.log {
                *calls.entry(call.service).or_default() += 1;
            }
            let made = world.rds.history().iter().filter(|life| life.truth.created_by == MANAGER_KEY).count();
            (calls, world.functions.log().len(), made - 1)
        });
        self.say("")?;
        self.say(&self.printer.bold("Figures"))?;
        let by_service: Vec<String> =
            calls.iter().map(|(service, count)| format!("{service} {count}")).collect();
        let rows = [
            ("simulated time", span(self.sim.now() - self.start)),
            ("real time", format!("{:.1} s", self.began.elapsed().as_secs_f64())),
            ("calls served", format!("{} ({})", calls.values().sum::<usize>(), by_service.join(", "))),
            ("invocations", format!("{invocations} of clone-handler, by {COUNT} processes")),
            ("databases made", format!("{made}, all deleted")),
            ("checks", format!("{}, all of them held", self.checked)),
        ];
        for (name, value) in rows {
            self.say(&format!("{name:<16}{value}"))?;
        }
        Ok(())
    }

    /// Creates a stack from the example.
    fn create(&mut self, stack: &str, template: &str) -> Result<(), Failure> {
        let parameters = [("ManagerStack", MANAGER), ("SourceClusterId", SOURCE)];
        self.sim.with(|world| create_stack(world, stack, template, &parameters))
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

    /// What happened to a stack lately; or ever, if `lately` is zero.
    fn events(&mut self, stack: &str, lately: Duration) -> Result<(), Failure> {
        let since = if lately.is_zero() { self.start } else { self.sim.now() - lately };
        let events = self.sim.with(|world| world.cloudformation.events(stack).to_vec());
        for event in events.iter().filter(|event| event.at >= since) {
            let reason = event.reason.as_deref().unwrap_or_default();
            // It comes at the end, together with the completion.
            if reason == "Resource creation Initiated" {
                continue;
            }
            let head = format!("{}  {:<15}{:<22}", clock(event.at), event.logical_id, event.status);
            let indent = head.chars().count();
            let reason = wrap(reason, WIDTH.saturating_sub(indent), indent);
            self.say(format!("{head}{}", self.printer.dim(&reason)).trim_end())?;
        }
        Ok(())
    }

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
        let fields = [
            ("Reason", answer.text("Reason")),
            ("PhysicalResourceId", answer.text("PhysicalResourceId")),
            ("Data.SourceArn", answer.data("SourceArn")),
            ("Data.RestoreType", answer.data("RestoreType")),
            ("Data.DataTimestamp", answer.data("DataTimestamp")),
            ("Data.Endpoint", answer.data("Endpoint")),
        ];
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            self.say(&format!("          {name:<20}{}", wrap(value, WIDTH - 30, 30)))?;
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

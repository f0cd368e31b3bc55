//! Sections 1 to 4 and 6: clones are made, and one can't be.

use std::collections::BTreeMap;

use aurora_clone_core::names::tag;
use aurora_clone_sim::World;
use aurora_clone_sim::rds::{CopyKind, Life};

use super::super::account_view::{Answer, answers, call, clock, span};
use super::super::tree;
use super::{RESOURCES, STACK, Story, TEMPLATE, WRONG_STACK, leases};
use crate::failure::Failure;

/// A property of the template, and what it is misspelt as.
const MISSPELT: (&str, &str) = ("InstanceClass:", "InstanceClas:");

impl Story<'_> {
    pub(super) fn before(&mut self) -> Result<(), Failure> {
        self.section(1, "Before")?;
        self.say(
            "A production cluster; others have cloned it 14 times; one copy, a day old, is in the pool.",
        )?;
        self.family()?;
        let (on_source, _) = self.used();
        self.check(on_source == 14, "14 clones hang off the source")
    }

    pub(super) async fn creating(&mut self) -> Result<(), Failure> {
        self.section(2, "Creating")?;
        self.tell_of(&format!(
            "CloudFormation creates the stack {STACK}: three clones, all at once. Of the application beside them, a \
             function with its role and its log group, there are stand-ins."
        ))?;
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
        self.events(STACK, self.start)?;
        self.check(status == "CREATE_COMPLETE", format!("{STACK} is CREATE_COMPLETE, not {status}"))
    }

    pub(super) fn answered(&mut self) -> Result<(), Failure> {
        self.section(3, "The answers, as CloudFormation received them")?;
        let answers = self.sim.with(|world| answers(world, STACK, "Create"));
        for answer in &answers {
            self.answer_in_full(answer)?;
            let named = answer.text("LogicalResourceId");
            self.check(answer.text("Status") == "SUCCESS", format!("{named} is answered SUCCESS"))?;
            self.check(answer.counted, format!("the answer for {named} comes while CloudFormation waits"))?;
            self.check(answer.bytes <= 4096, format!("the answer for {named} fits into 4096 bytes"))?;
        }
        let mut named: Vec<&str> = answers.iter().map(|answer| answer.text("LogicalResourceId")).collect();
        named.sort_unstable();
        self.check(named == RESOURCES, format!("each resource is answered once: {named:?}"))
    }

    pub(super) fn after(&mut self) -> Result<(), Failure> {
        self.section(4, "After")?;
        self.say(&match self.arguments.margin {
            0 => "All three are usable. One has the fifteenth slot of the source; for the others there is the copy.".to_owned(),
            margin => format!("All three are usable. The source keeps {margin} free, so they are clones of the copy."),
        })?;
        self.family()?;
        let mut rows = vec![
            ["resource", "cloned from", "asked", "restored", "instance", "usable after"].map(str::to_owned),
        ];
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
            rows.push([
                named.clone(),
                source.clone(),
                asked,
                restored.clone(),
                instance.clone(),
                span(answer.after),
            ]);
            self.check(shares, format!("{clone} shares its source's volume"))?;
            self.check(usable, format!("{clone} is usable"))?;
            let told = answer.data("SourceArn").ends_with(&format!(":cluster:{source}"));
            self.check(told, format!("the answer for {named} tells its source, {source}"))?;
            *sources.entry(source).or_default() += 1;
        }
        self.table(&rows)?;
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

    pub(super) async fn wrong_property(&mut self) -> Result<(), Failure> {
        self.section(6, "A wrong property")?;
        let (right, wrong) = MISSPELT;
        self.check(TEMPLATE.matches(right).count() == 1, format!("the template has {right} once"))?;
        self.tell_of(&format!(
            "The same template, with {right} misspelt as {wrong}. The resource fails at once; CloudFormation cancels \
             the others and rolls the stack back."
        ))?;
        self.create(WRONG_STACK, &TEMPLATE.replace(right, wrong))?;
        let status = self.settled(WRONG_STACK).await;
        let failed: Vec<Answer> = self.sim.with(|world| {
            let all = answers(world, WRONG_STACK, "Create");
            all.into_iter().filter(|answer| answer.text("Status") == "FAILED" && answer.counted).collect()
        });
        self.say("")?;
        for answer in &failed {
            self.answer_in_full(answer)?;
        }
        self.say("")?;
        self.events(WRONG_STACK, self.start)?;
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
}

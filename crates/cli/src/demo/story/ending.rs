//! Sections 10 to 12, and the figures: everything goes.

use std::collections::{BTreeMap, BTreeSet};

use aurora_clone_core::names::{event, tag};
use chrono::Duration;
use serde_json::Value;

use super::super::account_view::{answers, clock, span};
use super::super::sandboxes::COUNT;
use super::super::{SOURCE, clones};
use super::{RESOURCES, STACK, Story, WIDTH, WRONG_STACK, clusters, leases};
use crate::account::MANAGER_KEY;
use crate::failure::Failure;
use crate::printer::wrap;

/// How long to look on after everything is deleted, in hours: nothing may come back.
const AFTERWARDS: i64 = 8;

impl Story<'_> {
    pub(super) async fn deleting(&mut self) -> Result<(), Failure> {
        self.section(10, "Deleting")?;
        self.say("Both stacks are deleted; with every database goes its secret.")?;
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
        self.events(STACK, since)?;
        self.say("")?;
        let mut answers = self.sim.with(|world| answers(world, STACK, "Delete"));
        // Those of clones that were replaced came earlier.
        answers.retain(|answer| answer.at >= since);
        for answer in &answers {
            self.answer(answer)?;
            self.check(answer.text("Status") == "SUCCESS", "a deletion is answered SUCCESS")?;
        }
        self.check(answers.len() == RESOURCES.len(), "three deletions are answered")
    }

    pub(super) async fn told(&mut self) -> Result<(), Failure> {
        self.section(11, "What EventBridge was told")?;
        // An event is put after its answer.
        self.sim.watch(|world| (world.states.running() == 0).then_some(())).await;
        let (events, lost) = self.sim.with(|world| (world.events.taken.clone(), world.events.lost.len()));
        let (of_instances, of_clones): (Vec<_>, Vec<_>) =
            events.iter().partition(|told| told.detail_type == event::INSTANCE_READY);
        self.tell_of(&format!(
            "The default bus got {} events from {}. Rules are not simulated, so nothing follows from them.",
            events.len(),
            event::SOURCE
        ))?;
        self.say("")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for told in &of_clones {
            let detail = &told.detail;
            let about = match told.detail_type.as_str() {
                event::CLONE_READY => text(&detail["outputs"]["ClusterId"]),
                event::CLONE_DELETED => {
                    let ids = detail["clusterIds"].as_array().into_iter().flatten();
                    ids.map(text).collect::<Vec<_>>().join(", ")
                }
                _ => text(&detail["reason"]),
            };
            let resource = text(&detail["logicalResourceId"]);
            let head = format!("{}  {:<15}{resource:<15}", clock(told.at), told.detail_type);
            let indent = head.chars().count();
            self.say(&format!("{head}{}", wrap(&about, WIDTH - indent, indent)))?;
        }
        self.say("")?;
        self.tell_of(&format!(
            "The other {} are {}, one for each instance of a new clone.",
            of_instances.len(),
            event::INSTANCE_READY
        ))?;
        let ours = events.iter().all(|told| told.source == event::SOURCE && told.principal == MANAGER_KEY);
        self.check(ours && lost == 0, "every event is the manager's, and none is lost")?;
        let of = |kind: &'static str| of_clones.iter().filter(move |told| told.detail_type == kind);
        // Every event may come twice.
        let named = |kind| of(kind).flat_map(|told| &told.resources).collect::<BTreeSet<_>>();
        let (ready, deleted) = (named(event::CLONE_READY), named(event::CLONE_DELETED));
        self.check(ready.len() > RESOURCES.len(), format!("{} clones are told to be ready", ready.len()))?;
        self.check(of(event::CLONE_FAILED).count() >= 1, "the wrong property is told of")?;
        self.check(ready.is_subset(&deleted), format!("whoever was ready is told to be gone: {deleted:?}"))
    }

    pub(super) async fn nothing_left(&mut self) -> Result<(), Failure> {
        self.section(12, "Nothing left")?;
        self.nothing_of_ours()?;
        self.sim.sleep(Duration::hours(AFTERWARDS)).await;
        self.say(&format!(
            "{AFTERWARDS} hours later, at {}, there is what others made and what is in the pool:",
            clock(self.sim.now())
        ))?;
        self.family()?;
        self.nothing_of_ours()?;
        let (names, keys) = self.sim.with(|world| {
            let aliases =
                world.kms.keys().filter(|key| key.created_by == MANAGER_KEY && !key.aliases.is_empty());
            (world.secrets.iter().count(), aliases.count())
        });
        self.say("")?;
        self.tell_of(
            "Of the clones there is no instance, no secret and no alias of a key. No password was ever in the function's \
             log, in an answer to CloudFormation, in an event or in an execution of the state machine.",
        )?;
        self.check(names == 0, format!("no secret's name is taken any more, {names} are"))?;
        self.check(keys == 0, format!("no key has an alias any more, {keys} have"))?;
        self.no_password_in_sight()?;
        let (executions, busy, dropped, violations) = self.sim.with(|world| {
            let busy = !world.functions.is_idle();
            (world.states.running(), busy, world.functions.dropped().len(), world.violations.clone())
        });
        self.check(executions == 0, format!("no state machine runs any more, {executions} do"))?;
        self.check(!busy && dropped == 0, "every event is handled, and none was given up")?;
        self.check(violations.is_empty(), format!("no rule is broken: {violations:#?}"))
    }

    fn nothing_of_ours(&mut self) -> Result<(), Failure> {
        let (now, instances, secrets, keys, leases) = self.sim.with(|world| {
            let of_clone = |id: &String| world.rds.instances_of(id).count();
            let gone = world.rds.history().iter().filter(|life| life.gone_at.is_some());
            let instances = gone.map(|life| of_clone(&life.id)).sum::<usize>();
            let secrets = world.secrets.iter().filter(|secret| secret.deleted_at.is_none()).count();
            let ours = world.kms.keys().filter(|key| key.created_by == MANAGER_KEY);
            let keys = ours.filter(|key| key.deletion_date.is_none()).count();
            (clusters(world), instances, secrets, keys, leases(world))
        });
        let same = now == self.others;
        self.check(same, format!("the clusters are those of others and of the pool: {now:?}"))?;
        self.check(instances == 0, "no instance is left of what was deleted")?;
        self.check(secrets == 0, format!("no secret is left, {secrets} are"))?;
        self.check(keys == 0, format!("every key that was made waits for its deletion, {keys} do not"))?;
        self.check(leases == 0, "no lease is held")
    }

    fn no_password_in_sight(&mut self) -> Result<(), Failure> {
        let log = self.log.whole()?;
        let (passwords, texts) = self.sim.with(|world| {
            let versions = world.secrets.history().iter().flat_map(|secret| &secret.versions);
            let own = versions.filter_map(|version| clones::password(&version.value));
            let passwords: BTreeSet<String> =
                own.chain(world.rds.password_of(SOURCE).map(str::to_owned)).collect();
            let answers =
                world.bucket.answers.iter().map(|answer| String::from_utf8_lossy(&answer.body).into_owned());
            let events = world.events.taken.iter().map(|told| format!("{told:?}"));
            let executions = world.states.executions().iter().map(|execution| format!("{execution:?}"));
            let texts: Vec<String> = answers.chain(events).chain(executions).chain([log]).collect();
            (passwords, texts)
        });
        let seen =
            passwords.iter().filter(|password| texts.iter().any(|text| text.contains(*password))).count();
        self.check(
            passwords.len() > RESOURCES.len(),
            format!("{} passwords were looked for", passwords.len()),
        )?;
        self.check(seen == 0, format!("no password is in sight, {seen} are"))
    }

    pub(super) fn figures(&mut self) -> Result<(), Failure> {
        let (calls, invocations, databases, secrets, keys) = self.sim.with(|world| {
            let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
            for call in &world.log {
                *calls.entry(call.service).or_default() += 1;
            }
            let ours = |by: &str| by == MANAGER_KEY;
            let clones = world.rds.history().iter().filter(|life| life.tags.contains_key(tag::STACK_ID));
            let databases = clones.filter(|life| ours(&life.truth.created_by)).count();
            let secrets = world.secrets.history().iter().filter(|secret| ours(&secret.created_by)).count();
            let keys = world.kms.history().iter().filter(|key| ours(&key.created_by)).count();
            (calls, world.functions.log().len(), databases, secrets, keys)
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
            ("databases made", format!("{databases}, all deleted")),
            ("secrets made", format!("{secrets}, all deleted")),
            ("keys made", format!("{keys}, to be deleted by KMS when its waiting period is over")),
            ("checks", format!("{}, all of them held", self.checked)),
        ];
        for (name, value) in rows {
            self.say(&format!("{name:<16}{}", wrap(&value, WIDTH - 16, 16)))?;
        }
        Ok(())
    }
}

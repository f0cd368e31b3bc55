//! Plays a scenario: asks for what is wished, lets go what is not needed any more, and looks at the account at every hour.
//!
//! The first day is the pool's own: nobody asks for anything before the maintainer has had a night.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use aurora_clone_core::names::tag;
use aurora_clone_sim::World;
use chrono::{DateTime, Duration, Utc};

use super::demand::{Wish, wishes};
use super::figures::{Asked, Course, Outcome, Sample, Told};
use super::manager::{Manager, happenings};
use super::scenario::{Scenario, Source};
use super::truth;
use crate::account::{MANAGER_KEY, create_stack};

/// How often it is looked whether what was asked for is there.
const HEAR: Duration = Duration::minutes(10);
/// Who is told that a stack can't be deleted now tries again after so long, and looks after so long that it is gone.
const AGAIN: Duration = Duration::hours(3);
const SOON: Duration = Duration::minutes(20);

/// What happens at a certain time because the scenario says so.
#[derive(Debug, Clone, Copy)]
enum Deed {
    /// A clone is asked for: of the source of this number, the wish of this number.
    Ask(usize, usize),
    /// It is not needed any more.
    End(usize, usize),
    /// Somebody looks what became of the requests.
    Hear,
    /// The account is looked at.
    Hour,
}

struct Player<'s> {
    scenario: &'s Scenario,
    manager: Manager,
    wishes: Vec<Vec<Wish>>,
    courses: Vec<Course>,
    agenda: BTreeMap<(DateTime<Utc>, u64), Deed>,
    deeds: u64,
    open: Vec<(usize, usize)>,
}

/// Plays a scenario in a runtime whose time is paused. `day` hears of every day that is over; with `stopped` it ends early.
///
/// # Errors
///
/// What happened that never may, whatever the scenario is: a defect of the manager or of the simulation.
pub async fn play(scenario: &Scenario, day: impl Fn(), stopped: &AtomicBool) -> Result<Told, String> {
    let (start, days) = (scenario.start, i64::from(scenario.days));
    let end = start + Duration::days(days);
    let manager = Manager::open(scenario, start - Duration::days(1))?;
    let wishes: Vec<Vec<Wish>> = (0..scenario.sources.len()).map(|number| wishes(scenario, number)).collect();
    let courses = scenario.sources.iter().map(|source| course(scenario, source)).collect();
    let mut player =
        Player { scenario, manager, wishes, courses, agenda: BTreeMap::new(), deeds: 0, open: Vec::new() };
    player.add(start, Deed::Hour);
    for number in 0..scenario.sources.len() {
        if let Some(first) = player.wishes[number].first() {
            player.add(first.at, Deed::Ask(number, 0));
        }
    }
    let mut over = 0;
    while let Some(((at, _), deed)) = player.agenda.pop_first() {
        if at >= end || stopped.load(Ordering::Relaxed) {
            break;
        }
        player.manager.sim.sleep_until(at).await;
        player.act(deed)?;
        let today = (at - start).num_days();
        while over < today {
            over += 1;
            day();
        }
    }
    day();
    player.manager.sim.sleep_until(end).await;
    player.end(end)
}

fn course(scenario: &Scenario, source: &Source) -> Course {
    let policy = scenario.maintenance.sources.iter().find(|policy| policy.source == source.id).cloned();
    let mut prices = policy.as_ref().map(|policy| policy.prices).unwrap_or_default();
    prices.volume_gib = prices.volume_gib.or(source.volume_gib);
    let (asked, samples) = (Vec::new(), Vec::new());
    Course { source: source.id.clone(), policy, prices, asked, samples, begun: 0, purged: 0 }
}

impl Player<'_> {
    fn add(&mut self, at: DateTime<Utc>, deed: Deed) {
        self.deeds += 1;
        self.agenda.insert((at, self.deeds), deed);
    }

    fn act(&mut self, deed: Deed) -> Result<(), String> {
        let now = self.manager.sim.now();
        match deed {
            Deed::Ask(source, number) => {
                self.ask(source, number)?;
                if let Some(next) = self.wishes[source].get(number + 1) {
                    self.add(next.at, Deed::Ask(source, number + 1));
                }
            }
            Deed::End(source, number) => self.let_go(source, number),
            Deed::Hear => {
                self.hear();
                if !self.open.is_empty() {
                    self.add(now + HEAR, Deed::Hear);
                }
            }
            Deed::Hour => {
                for number in 0..self.courses.len() {
                    let sample = self.sample(number);
                    self.courses[number].samples.push(sample);
                }
                self.check()?;
                self.add(now + Duration::hours(1), Deed::Hour);
            }
        }
        Ok(())
    }

    fn ask(&mut self, source: usize, number: usize) -> Result<(), String> {
        let now = self.manager.sim.now();
        let name = stack_name(source, number);
        let template = template(&self.scenario.sources[source]);
        let made = self
            .manager
            .sim
            .with(|world| create_stack(world, &name, &template, &[("Manager", &self.manager.function)]));
        made.map_err(|failure| failure.to_string())?;
        self.courses[source].asked.push(Asked { at: now, outcome: Outcome::Open });
        if self.open.is_empty() {
            self.add(now + HEAR, Deed::Hear);
        }
        self.open.push((source, number));
        Ok(())
    }

    /// Looks what CloudFormation has settled by now.
    fn hear(&mut self) {
        let now = self.manager.sim.now();
        for (source, number) in std::mem::take(&mut self.open) {
            let name = stack_name(source, number);
            let outcome = self.manager.sim.with(|world| outcome(world, &name));
            match &outcome {
                Outcome::Open => self.open.push((source, number)),
                Outcome::Usable { usable, .. } => {
                    let end = (*usable + self.wishes[source][number].life).max(now);
                    self.add(end, Deed::End(source, number));
                }
                Outcome::Refused | Outcome::Failed(_) => self.add(now, Deed::End(source, number)),
            }
            self.courses[source].asked[number].outcome = outcome;
        }
    }

    fn let_go(&mut self, source: usize, number: usize) {
        let name = stack_name(source, number);
        let now = self.manager.sim.now();
        let status = self.manager.sim.with(|world| {
            let status = world.cloudformation.stack(&name).map(|stack| stack.status.clone())?;
            if !status.ends_with("_IN_PROGRESS") && status != "DELETE_COMPLETE" {
                world.settle(|services, cx| services.cloudformation.delete_stack(cx, &name)).ok()?;
            }
            Some(status)
        });
        match status.as_deref() {
            None | Some("DELETE_COMPLETE") => {}
            Some("DELETE_IN_PROGRESS") => self.add(now + AGAIN, Deed::End(source, number)),
            Some(status) if status.ends_with("_IN_PROGRESS") => {
                self.add(now + SOON, Deed::End(source, number))
            }
            Some(_) => self.add(now + AGAIN, Deed::End(source, number)),
        }
    }

    fn sample(&self, number: usize) -> Sample {
        let course = &self.courses[number];
        let rules = truth::Rules::new(course.policy.as_ref(), &self.scenario.settings);
        self.manager.sim.with(|world| truth::sample(world, &course.source, &rules))
    }

    /// What never may happen.
    fn check(&self) -> Result<(), String> {
        self.manager.sim.with(|world| match world.violations.first() {
            Some(violation) => Err(violation.clone()),
            None => Ok(()),
        })
    }

    fn end(mut self, end: DateTime<Utc>) -> Result<Told, String> {
        self.hear();
        self.check()?;
        let start = self.scenario.start;
        let happenings = self.manager.sim.with(|world| happenings(&self.manager.heard, world));
        let mut courses = std::mem::take(&mut self.courses);
        self.manager.sim.with(|world| {
            let ours = || world.rds.history().iter().filter(|life| life.truth.created_by == MANAGER_KEY);
            if let Some(life) = ours().find(|life| life.truth.became_full_copy) {
                return Err(format!("{} was to be a clone and silently is a full copy", life.id));
            }
            for course in &mut courses {
                let of_pool = || {
                    ours().filter(|life| life.role() == Some("copy") && life.root() == Some(&course.source))
                };
                let (begun, purged) = (
                    of_pool().filter(|life| life.born_at() >= start).count(),
                    of_pool().filter(|life| life.gone_at.is_some_and(|gone| gone >= start)).count(),
                );
                (course.begun, course.purged) = (begun, purged);
            }
            Ok(())
        })?;
        Ok(Told { time: (start, end), courses, happenings })
    }
}

fn stack_name(source: usize, number: usize) -> String {
    format!("clone-{source}-{number}")
}

fn template(source: &Source) -> String {
    let mut properties = format!(
        "      ServiceToken: !Ref Manager\n      SourceClusterId: {}\n      OnNoSlot: {}\n",
        source.id,
        source.on_no_slot.as_str()
    );
    if let Some(class) = &source.instance_class {
        properties += &format!("      InstanceClass: {class}\n");
    }
    if let Some(lease) = source.lease {
        let lease = aurora_clone_core::duration::format_duration(lease);
        properties += &format!("      ExpiresAfter: {lease}\n");
    }
    format!(
        "Parameters:\n  Manager:\n    Type: String\nResources:\n  Clone:\n    Type: Custom::AuroraClone\n    Properties:\n{properties}"
    )
}

fn outcome(world: &World, name: &str) -> Outcome {
    let Some(stack) = world.cloudformation.stack(name) else {
        return Outcome::Failed("its stack is gone".to_owned());
    };
    let of_clone = |status: &str| {
        stack.events.iter().find(|event| event.logical_id == "Clone" && event.status == status)
    };
    match stack.status.as_str() {
        "CREATE_COMPLETE" => {
            let Some(event) = of_clone("CREATE_COMPLETE") else { return Outcome::Open };
            let cluster = world.rds.clusters().find(|cluster| cluster.arn == event.physical_id);
            match cluster {
                Some(cluster) => Outcome::Usable {
                    begun: cluster.truth.created_at,
                    usable: event.at,
                    full_copy: cluster.tags.get(tag::RESTORE_TYPE).map(String::as_str) == Some("full-copy"),
                },
                None => Outcome::Failed("its database went before anybody looked".to_owned()),
            }
        }
        "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" => {
            let reason = of_clone("CREATE_FAILED").and_then(|event| event.reason.clone()).unwrap_or_default();
            // The handler says which of its sources is full; the one that waited in vain says that there was none.
            let lower = reason.to_lowercase();
            if lower.contains("no free slot") || lower.contains("no source has a free slot") {
                Outcome::Refused
            } else {
                Outcome::Failed(reason)
            }
        }
        _ => Outcome::Open,
    }
}

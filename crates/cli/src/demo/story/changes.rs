//! Sections 7 to 9: updates in place, by another clone, and back again.

use std::collections::BTreeMap;

use aurora_clone_core::duration::{format_time, parse_time};
use aurora_clone_core::names::tag;
use aurora_clone_sim::World;
use aurora_clone_sim::kms::KeyState;
use chrono::{DateTime, Duration, Utc};

use super::super::account_view::{Answer, answers, call, clock, span};
use super::super::{SOURCE, clones, tree};
use super::{RESOURCES, STACK, Story};
use crate::account::{MANAGER_KEY, pool_copy};
use crate::failure::Failure;

/// Who is given access to a secret, and somebody who is not.
const READER: &str = "arn:aws:iam::123456789012:role/reports";
const STRANGER: &str = "arn:aws:iam::123456789012:role/somebody";
/// How many hours later a fresh copy is in the pool.
const LATER: i64 = 6;
/// The resource that is replaced, and back.
const REPLACED: &str = "ReviewClone";
/// A resource that never comes to be, after the one that is replaced.
const BROKEN: &str = "  Broken:\n    Type: Test::Fail\n    DependsOn: ReviewClone\n    Properties:\n      Reason: This resource always fails.\n\n";

impl Story<'_> {
    pub(super) async fn in_place(&mut self) -> Result<(), Failure> {
        self.section(7, "An update in place")?;
        self.tell_of(
            "The template changes: ReportClone gets another tag, and a role that may read its secret; LoadTestClone gets \
             bigger instances, and two of them. ReviewClone stays as it is, and nobody is asked about it.",
        )?;
        let changes = [
            ("ReportClone", "      # AccessPrincipalArns:", "      AccessPrincipalArns:"),
            ("ReportClone", "        team: reporting\n", "        team: reporting\n        project: q3\n"),
            (
                "LoadTestClone",
                "      InstanceClass: db.r6g.large\n",
                "      InstanceClass: db.r6g.xlarge\n      InstanceCount: 2\n",
            ),
        ];
        let mut template = self.template.clone();
        for (resource, from, to) in changes {
            template = edited(&template, resource, from, to)?;
        }
        let features = |world: &World| -> BTreeMap<&str, BTreeMap<&str, String>> {
            let of = |resource| {
                Some((resource, clones::features(world, clones::of_resource(world, STACK, resource)?)))
            };
            RESOURCES.into_iter().filter_map(of).collect()
        };
        let (before, ids, made) =
            self.sim.with(|world| (features(world), identities(world), world.rds.history().len()));
        let begun = self.sim.now();
        self.update(&template, &self.since.clone())?;
        let status = self.settled(STACK).await;
        self.say("")?;
        self.events(STACK, begun)?;
        let (after, ids_after, made_after) =
            self.sim.with(|world| (features(world), identities(world), world.rds.history().len()));
        let answers = self.updates(begun);
        let mut rows = vec![["resource", "what", "before", "after", "took"].map(str::to_owned)];
        for answer in &answers {
            let resource = answer.text("LogicalResourceId");
            let (Some(before), Some(after)) = (before.get(resource), after.get(resource)) else { continue };
            for (what, value) in after.iter().filter(|(what, value)| before.get(*what) != Some(*value)) {
                let was = before.get(what).cloned().unwrap_or_default();
                rows.push([resource.to_owned(), (*what).to_owned(), was, value.clone(), span(answer.after)]);
            }
            self.check(answer.text("Status") == "SUCCESS", format!("{resource} is answered SUCCESS"))?;
        }
        self.table(&rows)?;
        let named: Vec<&str> = answers.iter().map(|answer| answer.text("LogicalResourceId")).collect();
        let (reads, stranger) = self.sim.with(|world| {
            let name = clones::of_resource(world, STACK, "ReportClone");
            let name =
                name.and_then(|clone| Some(clones::secret(world, clone)?.name.clone())).unwrap_or_default();
            (world.secrets.may_read(READER, &name), world.secrets.may_read(STRANGER, &name))
        });
        self.say("")?;
        self.tell_of(&format!(
            "They are the same three databases, with the same resource ids and passwords; none was made for it. The \
             policy of ReportClone's secret lets {} read it, and nobody else beside whom IAM lets read any secret.",
            clones::short(READER)
        ))?;
        self.check(status == "UPDATE_COMPLETE", format!("{STACK} is UPDATE_COMPLETE, not {status}"))?;
        self.check(named.len() == 2 && !named.contains(&REPLACED), format!("two are asked for: {named:?}"))?;
        self.check(rows.len() == 4, format!("three things are changed: {rows:?}"))?;
        self.check(
            ids == ids_after && ids.len() == 3,
            "they are the same databases, with the same passwords",
        )?;
        self.check(made == made_after, "no database is made")?;
        self.check(reads && !stranger, format!("{READER} may read the secret, {STRANGER} may not"))?;
        self.template = template;
        Ok(())
    }

    pub(super) async fn refresh(&mut self) -> Result<(), Failure> {
        self.sim.sleep(Duration::hours(LATER)).await;
        self.section(8, "A refresh")?;
        let copy = pool_copy(SOURCE, 2, self.sim.now());
        self.others.push(copy.id.clone());
        self.others.sort_unstable();
        self.sim.with(|world| world.rds.seed_cluster(copy));
        let midnight = self.start.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
        let since = format_time(midnight);
        let old = self.sim.with(|world| {
            let too_old = |resource: &&str| data_time(world, resource).is_some_and(|time| time < midnight);
            RESOURCES.into_iter().filter(too_old).collect::<Vec<_>>()
        });
        self.tell_of(&format!(
            "{LATER} hours later a fresh copy is in the pool (put there by hand, as the first one was). The stack's \
             parameter CopyCreatedSince moves to {since}, and {} of the three clones have older data.",
            old.len()
        ))?;
        let before = self.sim.with(identities);
        let begun = self.sim.now();
        self.update(&self.template.clone(), &since)?;
        let both = RESOURCES.len() + old.len();
        let side_by_side = |world: &World| {
            let both = tree::clones(world).len() == both;
            (both || world.cloudformation.is_settled(STACK)).then_some(both)
        };
        let both = self.sim.watch(side_by_side).await;
        self.say(&format!("Soon, at {}, old and new exist side by side:", clock(self.sim.now())))?;
        self.family()?;
        let status = self.settled(STACK).await;
        self.say("")?;
        self.events(STACK, begun)?;
        self.check(both, "the new clones begin while the old ones are there")?;
        self.check(status == "UPDATE_COMPLETE", format!("{STACK} is UPDATE_COMPLETE, not {status}"))?;
        let mut rows = vec![["resource", "database", "data from", "usable", "gone"].map(str::to_owned)];
        for answer in self.updates(begun) {
            let resource = answer.text("LogicalResourceId");
            self.check(answer.text("Status") == "SUCCESS", format!("{resource} is answered SUCCESS"))?;
            let was = before.get(resource).map(|(id, ..)| id.clone()).unwrap_or_default();
            let is = answer.data("ClusterId").to_owned();
            if !old.contains(&resource) {
                self.check(was == is, format!("{resource} is new enough and stays"))?;
                let data = answer.data("DataTimestamp").to_owned();
                rows.push([resource.to_owned(), is, data, String::new(), "it stays".to_owned()]);
                continue;
            }
            let (made, deleting, gone, old_data, new_data) = self.sim.with(|world| {
                let life = world.rds.history().iter().find(|life| life.id == was);
                let data = |id: &str| {
                    let life = world.rds.history().iter().find(|life| life.id == id);
                    life.and_then(|life| life.tags.get(tag::DATA_TIME).cloned()).unwrap_or_default()
                };
                let creates = answers(world, STACK, "Create");
                let made =
                    creates.iter().find(|answer| answer.data("ClusterId") == was).map(|answer| answer.at);
                let deleting = call(world, "DeleteDBCluster", &was);
                (made, deleting, life.and_then(|life| life.gone_at), data(&was), data(&is))
            });
            let time = |at: Option<DateTime<Utc>>| at.map(clock).unwrap_or_default();
            rows.push([resource, &was, &old_data, &time(made), &time(gone)].map(str::to_owned));
            rows.push(["", &is, &new_data, &clock(answer.at), ""].map(str::to_owned));
            let newer = parse_time(&new_data).is_ok_and(|new| new >= midnight) && new_data > old_data;
            self.check(newer, format!("{is} has newer data than {was}: {new_data}, {old_data}"))?;
            let in_turn = deleting.is_some_and(|deleting| answer.at < deleting) && gone.is_some();
            self.check(in_turn, format!("{is} is usable before {was} goes"))?;
        }
        self.table(&rows)?;
        let rest = self.sim.with(|world| tree::clones(world).len());
        self.check(rest == RESOURCES.len(), format!("three clones are left, not {rest}"))?;
        self.since = since;
        Ok(())
    }

    pub(super) async fn rolled_back(&mut self) -> Result<(), Failure> {
        self.section(9, "An update that is rolled back")?;
        self.tell_of(&format!(
            "The template changes again: {REPLACED} is to have a KMS key of its own, which takes another clone; \
             ReportClone's tag team changes; and a new resource, which comes after {REPLACED}, fails (Test::Fail, which \
             only the simulation has).",
        ))?;
        let key = "      SourceClusterId: !Ref SourceClusterId\n";
        let template =
            edited(&self.template, REPLACED, key, &format!("{key}      ForceCreateKmsKey: true\n"))?;
        let template = edited(&template, "ReportClone", "team: reporting", "team: finance")?;
        let template = edited(&template, "", "Outputs:\n", &format!("{BROKEN}Outputs:\n"))?;
        let portraits = |world: &World| -> BTreeMap<&str, String> {
            let of = |resource| {
                Some((resource, clones::portrait(world, clones::of_resource(world, STACK, resource)?)))
            };
            RESOURCES.into_iter().filter_map(of).collect()
        };
        let (before, made) = self.sim.with(|world| (portraits(world), world.rds.history().len()));
        let begun = self.sim.now();
        self.update(&template, &self.since.clone())?;
        let status = self.settled(STACK).await;
        self.say("")?;
        self.events(STACK, begun)?;
        let after = self.sim.with(|world| portraits(world));
        let (new, left) = self.sim.with(|world| {
            let new = world.rds.history()[made..].to_vec();
            (new, tree::clones(world).len())
        });
        let [new] = new.as_slice() else {
            return Err(Failure::new(format!("one database is made and deleted, not {}", new.len())));
        };
        let (secret, key) = self.sim.with(|world| {
            let name = new.tags.get(tag::SECRET).cloned().unwrap_or_default();
            let secret = world.secrets.history().iter().find(|secret| secret.name == name);
            let made = |key: &&aurora_clone_sim::kms::Key| key.created_by == MANAGER_KEY;
            let key = world.kms.history().iter().find(made).cloned();
            (secret.map(|secret| (name, secret.deleted_at)), key)
        });
        self.say("")?;
        self.tell_of(&format!("Made meanwhile, and deleted again: {}, with", new.id))?;
        let (secret, deleted) = secret.unwrap_or_default();
        self.say(&format!("  the secret  {secret}"))?;
        let state = key.as_ref().map(|key| (key.id.clone(), key.state, key.deletion_date));
        let (id, pending, date) = match &state {
            Some((id, state, Some(date))) => {
                (id.as_str(), *state == KeyState::PendingDeletion, format_time(*date))
            }
            _ => ("", false, String::new()),
        };
        self.say(&format!("  the key     {id}, which KMS deletes after {date}"))?;
        self.say("")?;
        self.tell_of(
            "CloudFormation deletes what an update replaced only when the update is complete, so the clone that was there \
             before is found, and gone back to. All three clones are exactly what they were, with their instances, tags \
             and secrets: not one field differs in the simulated RDS and Secrets Manager.",
        )?;
        self.check(
            status == "UPDATE_ROLLBACK_COMPLETE",
            format!("{STACK} is UPDATE_ROLLBACK_COMPLETE, not {status}"),
        )?;
        self.check(left == RESOURCES.len(), format!("three clones are left, not {left}"))?;
        self.check(new.gone_at.is_some() && deleted.is_some() && pending, "what was made meanwhile goes")?;
        let differ: Vec<&str> =
            RESOURCES.into_iter().filter(|resource| before.get(resource) != after.get(resource)).collect();
        self.check(differ.is_empty() && before.len() == 3, format!("{differ:?} are what they were"))
    }

    /// The answers to the updates that came since then.
    fn updates(&self, since: DateTime<Utc>) -> Vec<Answer> {
        let mut answers = self.sim.with(|world| answers(world, STACK, "Update"));
        answers.retain(|answer| answer.at >= since);
        answers
    }
}

/// What must not change: the identifier, the resource id and the password of each resource's database.
fn identities(world: &mut World) -> BTreeMap<String, (String, String, String)> {
    let of = |resource: &str| {
        let clone = clones::of_resource(world, STACK, resource)?;
        let identity = (clone.id.clone(), clone.resource_id.clone(), clone.password.clone());
        Some((resource.to_owned(), identity))
    };
    RESOURCES.into_iter().filter_map(of).collect()
}

/// When the data of a resource's clone is from.
fn data_time(world: &World, resource: &str) -> Option<DateTime<Utc>> {
    parse_time(clones::of_resource(world, STACK, resource)?.tags.get(tag::DATA_TIME)?).ok()
}

/// The template with another text at the first place in a resource (or anywhere) that has the text to change.
fn edited(template: &str, resource: &str, from: &str, to: &str) -> Result<String, Failure> {
    let heading = if resource.is_empty() { String::new() } else { format!("\n  {resource}:\n") };
    let changed = template.find(&heading).and_then(|start| {
        let (head, tail) = template.split_at(start);
        tail.contains(from).then(|| format!("{head}{}", tail.replacen(from, to, 1)))
    });
    changed.ok_or_else(|| Failure::new(format!("the template has no {from:?} in {resource:?}")))
}

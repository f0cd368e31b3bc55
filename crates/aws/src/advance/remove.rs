//! Deleting a clone, and everything that was made for it.

use aurora_clone_core::create;
use aurora_clone_core::delete::{self, Unwanted, View};
use aurora_clone_core::duration::for_people;
use aurora_clone_core::plan::{Decision, Next, Plan};
use aurora_clone_core::properties::{final_snapshot_leniently, service_timeout, source_leniently};
use aurora_clone_core::snapshot::Cluster;
use tracing::Span;

use super::{Advance, LOCKED, Observed, Step, StepError, Went};
use crate::lock::Lock;
use crate::{cloudformation, incarnations, observe, requests};

/// What a Delete may be about.
enum Going {
    /// The whole stack.
    Whole,
    /// Something of it.
    Part,
    /// Nothing: what the stack is instead.
    Not(String),
}

impl Step<'_> {
    /// A Delete.
    pub(super) async fn delete(&self) -> Result<Advance, StepError> {
        let request = self.request();
        let going = self.going().await?;
        // From here on no Create or Update of this resource begins anything new.
        let fence = requests::raise_fence(self.cloud, self.key, request).await?;
        // One that has begun holds the lease of its root; having had the lease once means that it is over, or seen.
        let source = match source_leniently(&request.properties) {
            Some(identifier) => observe::cluster(self.cloud, &identifier).await?,
            None => None,
        };
        let lock = match &source {
            Some(source) => {
                let root = create::root_identifier(source);
                let Some(lock) = Lock::acquire(self.cloud, root, self.key).await? else {
                    let why = "another request is choosing a slot";
                    let plan = Plan::wait(LOCKED, why, self.moment.seen.clone());
                    return self.finish(plan, &Observed { clusters: &[], instances: &[] }).await;
                };
                Some(lock)
            }
            None => None,
        };
        let advance = Box::pin(self.delete_under_lock(fence, going)).await?;
        if let Some(lock) = lock {
            lock.release(self.cloud).await?;
        }
        Ok(advance)
    }

    async fn delete_under_lock(&self, fence: u64, going: Going) -> Result<Advance, StepError> {
        let request = self.request();
        let unwanted = Unwanted {
            owner: request.owner(self.settings),
            place: self.place.clone(),
            physical_id: self.physical_id(),
            fence,
            final_snapshot: final_snapshot_leniently(&request.properties),
            whole: matches!(going, Going::Whole),
        };
        Span::current().record("cluster", &unwanted.physical_id);
        let clusters = observe::clusters(self.cloud).await?;
        let mut records = incarnations::load(self.cloud, &self.resource).await?;
        let targets = unwanted.targets(&clusters, &records, self.settings);
        if let (false, Some(refusal)) = (targets.is_empty(), self.refusal(&going)) {
            return Ok(refusal);
        }
        for target in &targets {
            let generation = target.owned.generation();
            if records.iter().all(|record| record.generation != generation) {
                // So that its secret is found when the cluster is gone.
                let record = self.derived_record(target.cluster, generation);
                incarnations::note(self.cloud, &self.resource, &record).await?;
                records.push(record);
            }
        }
        let mut taken = Vec::new();
        for snapshot in targets.iter().filter_map(|target| unwanted.snapshot_of(target)) {
            if observe::cluster_snapshot(self.cloud, &snapshot).await?.is_some() {
                taken.push(snapshot);
            }
        }
        let targets: Vec<&Cluster> = targets.iter().map(|target| target.cluster).collect();
        let (mut instances, mut remains) = (Vec::new(), Vec::new());
        if targets.is_empty() {
            remains = self.remains(unwanted.records(&records).into_iter()).await?;
            if let (false, Some(refusal)) = (remains.is_empty(), self.refusal(&going)) {
                return Ok(refusal);
            }
        } else {
            instances = observe::instances(self.cloud, &targets).await?;
        }
        let view = View {
            clusters: &clusters,
            instances: &instances,
            records: &records,
            remains: &remains,
            taken: &taken,
        };
        let plan = delete::plan(&unwanted, view, &self.moment.seen, self.settings, self.moment.now);
        if matches!(&plan.next, Next::Decide(Decision { success: true, .. })) {
            let gone = unwanted.records(&records).into_iter().map(|record| record.generation.clone());
            let gone: Vec<String> = gone.collect();
            let last = gone.len() == records.len();
            incarnations::forget(self.cloud, &self.resource, &gone, last).await?;
        }
        self.finish(plan, &Observed { clusters: &clusters, instances: &instances }).await
    }

    /// The answer to a Delete of something that is there, where nothing is to go. One that has nothing to do says SUCCESS, as it did
    /// before if it only comes late.
    fn refusal(&self, going: &Going) -> Option<Advance> {
        let Going::Not(status) = going else { return None };
        let reason = format!(
            "The stack is {status}: CloudFormation is deleting nothing of it, so this Delete is none of CloudFormation's. Nothing \
             was changed."
        );
        Some(Advance::Decide(Decision::failed(self.physical_id(), reason)))
    }

    /// What goes of the stack, by CloudFormation's word: whoever may invoke the function can say that he is CloudFormation, and only a
    /// stack that is in the middle of something deletes. A deleted one may have left something behind. Without a word only what is
    /// named goes.
    async fn going(&self) -> Result<Going, StepError> {
        if self.request().is_command_line() {
            // A person's Delete names no incarnation; what an update replaced is named.
            return Ok(if self.request().physical_id.is_none() { Going::Whole } else { Going::Part });
        }
        let status = match cloudformation::stack_status(self.cloud, &self.request().stack_id).await {
            Err(error) if error.is_passing() => return Err(error.into()),
            Err(_) => return Ok(Going::Part),
            Ok(status) => status,
        };
        Ok(match status.as_str() {
            "DELETE_IN_PROGRESS" => Going::Whole,
            // During an update a Delete is about something that was replaced, and the resource lives on.
            status if status.ends_with("_IN_PROGRESS") || status == "DELETE_COMPLETE" => Going::Part,
            _ => Going::Not(status),
        })
    }

    async fn finish(&self, plan: Plan, observed: &Observed<'_>) -> Result<Advance, StepError> {
        if let Next::Wait { because, .. } = &plan.next
            && self.moment.now >= self.deadline
        {
            let patience = for_people(service_timeout(&self.request().properties));
            let reason =
                format!("Not finished within {patience}: {because}. Deleting again goes on from here.");
            return Ok(Advance::Decide(Decision::failed(self.physical_id(), reason)));
        }
        Ok(match self.carry_out(plan, observed).await? {
            Went::On(seconds, seen, why) | Went::NotYet(seconds, seen, why) => {
                Advance::Wait(seconds, seen, why)
            }
            Went::Decided(decision) => Advance::Decide(decision),
            Went::Refused(why) => Advance::Decide(Decision::failed(self.physical_id(), why)),
        })
    }
}

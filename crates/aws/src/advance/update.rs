//! Updating a clone: where it is, by another one, or back to the one that it was before.

use aurora_clone_core::arn;
use aurora_clone_core::create::{self, View};
use aurora_clone_core::guard;
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::{Next, Plan, Seen};
use aurora_clone_core::properties::Properties;
use aurora_clone_core::record::{Incarnation, by_itself};
use aurora_clone_core::request::{Owner, Wanted, fence_of};
use aurora_clone_core::snapshot::{Cluster, Instance};
use aurora_clone_core::update::Change;
use chrono::Duration;
use tracing::{Span, info};

use super::{Advance, LOCKED, Observed, Step, StepError, Went};
use crate::lock::Lock;
use crate::{cloudformation, incarnations, observe, requests};

/// How long a clone may be missing from listings before an update believes that somebody deleted it.
const MISSING_FOR: Duration = Duration::minutes(2);

impl Step<'_> {
    /// An Update.
    pub(super) async fn update(&self, properties: Properties) -> Result<Advance, StepError> {
        let request = self.request();
        let fence = requests::raise_fence(self.cloud, self.key, request).await?;
        // The reverse update of one that CloudFormation cancelled may come while that one is at work.
        let name = format!("resource/{}", self.resource);
        let lock = Lock::acquire(self.cloud, &name, self.key).await?;
        let owner = request.owner(self.settings);
        let change = Change {
            request,
            properties: &properties,
            owner: &owner,
            place: &self.place,
            settings: self.settings,
        };
        let Some(lock) = lock else {
            if self.moment.now >= self.deadline {
                let reason = "Another update of this resource is at work, and the time that CloudFormation gives is over.";
                return Ok(Advance::Decide(change.failed(reason)));
            }
            let why = "another update of this resource is at work".to_owned();
            return Ok(Advance::Wait(LOCKED, self.moment.seen.clone(), why));
        };
        let advance = Box::pin(self.update_under_lock(&change, fence)).await?;
        lock.release(self.cloud).await?;
        Ok(advance)
    }

    async fn update_under_lock(&self, change: &Change<'_>, fence: u64) -> Result<Advance, StepError> {
        let failed = |reason: &str| Ok(Advance::Decide(change.failed(reason)));
        let id = self.physical_id();
        let Some((_, identifier)) = arn::cluster(&id) else {
            return failed(&format!("There is no clone to update: {id:?} is not the ARN of a cluster."));
        };
        Span::current().record("cluster", identifier);
        let replacement = Wanted::replacing(
            change.request,
            fence,
            self.place.clone(),
            change.properties.clone(),
            self.settings,
        );
        // What was begun is ended, whatever became of the clone that is to be replaced.
        let begun = observe::cluster(self.cloud, &replacement.identifier).await?;
        if self.moment.seen.failed.is_some()
            || self.moment.seen.cluster.is_some()
            || begun.is_some_and(|cluster| create::is_ours(&replacement, &cluster, self.settings))
        {
            return Box::pin(self.make(&replacement, fence)).await;
        }
        let Some(current) = observe::cluster(self.cloud, identifier).await? else {
            return self.missing(change, identifier);
        };
        if let Err(not_ours) = guard::prove(&current, change.owner, &self.settings.name_prefix) {
            return failed(&format!("Nothing was changed: {not_ours}."));
        }
        let records = self.known(change.owner, &current, fence).await?;
        if let Some(earlier) = self.earlier(change, &current, &records).await? {
            info!(cluster = earlier.identifier, "a rollback goes back to the clone that was there before");
            return Box::pin(self.in_place(change, fence, &earlier, &records)).await;
        }
        let source = observe::cluster(self.cloud, &change.properties.source).await?;
        let replaces = change.replaces(&current, source.as_ref().map(create::root_identifier));
        if replaces.is_empty() {
            return Box::pin(self.in_place(change, fence, &current, &records)).await;
        }
        info!(?replaces, "the clone is replaced");
        Box::pin(self.make(&replacement, fence)).await
    }

    /// What is recorded of the resource. An incarnation that is newer than the one that CloudFormation calls the resource, and not
    /// of this update, was ready too late: CloudFormation never heard of it, so it is debris. It goes, and with it what was never
    /// usable, but only on CloudFormation's word: an event may be late, or somebody else's, and name what is long replaced.
    async fn known(
        &self,
        owner: &Owner,
        current: &Cluster,
        fence: u64,
    ) -> Result<Vec<Incarnation>, StepError> {
        let mut records = incarnations::load(self.cloud, &self.resource).await?;
        let newest = fence_of(current.tag(tag::GENERATION).unwrap_or_default());
        let unheard = |record: &Incarnation| {
            let asked = fence_of(&record.generation);
            asked < fence && (!record.made || asked > newest)
        };
        if !records.iter().any(unheard) {
            return Ok(records);
        }
        let request = self.request();
        // Nobody else's word says which one of a person's clones is debris: it goes with the clone.
        if request.is_command_line() {
            return Ok(records);
        }
        let called = cloudformation::updating(self.cloud, &request.stack_id, &request.logical_id).await?;
        if called.as_ref() != Some(&current.arn) {
            return Ok(records);
        }
        for record in records.iter_mut().filter(|record| unheard(record)) {
            if record.made {
                incarnations::set_made(self.cloud, &self.resource, record, false).await?;
                record.made = false;
            }
            // What does not go now goes with the resource.
            self.clear_away(owner, &record.identifier, &record.generation).await?;
        }
        Ok(records)
    }

    /// The clone is not listed: an update that believed one look might fail a stack for nothing.
    fn missing(&self, change: &Change<'_>, identifier: &str) -> Result<Advance, StepError> {
        let seen = &self.moment.seen;
        let since = seen.absent_since.unwrap_or(self.moment.now);
        if self.moment.now - since >= MISSING_FOR {
            let reason = format!("The cluster {identifier} is gone. Remove the resource from the template.");
            return Ok(Advance::Decide(change.failed(&reason)));
        }
        let seen = Seen { absent_since: Some(since), ready_since: None, ..seen.clone() };
        Ok(Advance::Wait(30, seen, format!("{identifier} is not listed at the moment")))
    }

    /// The clone that a rollback goes back to, if CloudFormation is rolling back and there is one.
    async fn earlier(
        &self,
        change: &Change<'_>,
        current: &Cluster,
        records: &[Incarnation],
    ) -> Result<Option<Cluster>, StepError> {
        // Only CloudFormation rolls back.
        if current.tag(tag::PROPERTIES) == Some(change.properties.hash.as_str())
            || self.request().is_command_line()
        {
            return Ok(None);
        }
        let clusters = observe::clusters(self.cloud).await?;
        let Some(earlier) = change.earlier(current, &clusters, records) else { return Ok(None) };
        let back = cloudformation::is_rolling_back(self.cloud, &self.request().stack_id).await?;
        Ok(back.then(|| earlier.clone()))
    }

    /// One step of changing a clone where it is.
    async fn in_place(
        &self,
        change: &Change<'_>,
        fence: u64,
        cluster: &Cluster,
        records: &[Incarnation],
    ) -> Result<Advance, StepError> {
        let instances = observe::instances(self.cloud, &[cluster]).await?;
        let generation = cluster.tag(tag::GENERATION).unwrap_or_default();
        let record = records.iter().find(|record| record.generation == generation);
        let cluster = &by_itself(cluster.clone(), record);
        let kept = self.kept(cluster, &instances, &change.desired(cluster, &instances, record)).await?;
        let view = View {
            cluster: Some(cluster),
            instances: &instances,
            secret: kept.0.as_ref(),
            key: kept.1.as_ref(),
            record,
        };
        let plan = change.in_place(view, &self.moment.seen, self.moment.now);
        if !plan.actions.is_empty()
            && let Some(reason) = self.cancelled(fence).await?
        {
            return Ok(Advance::Decide(change.failed(&format!("The update was cancelled: {reason}."))));
        }
        self.finish_update(plan, change, cluster, &instances).await
    }

    async fn finish_update(
        &self,
        plan: Plan,
        change: &Change<'_>,
        cluster: &Cluster,
        instances: &[Instance],
    ) -> Result<Advance, StepError> {
        if let Next::Wait { because, .. } = &plan.next
            && self.moment.now >= self.deadline
        {
            let reason =
                format!("The update is not finished in the time that CloudFormation gives: {because}.");
            return Ok(Advance::Decide(change.failed(&reason)));
        }
        let clusters = [cluster.clone()];
        Ok(match self.carry_out(plan, &Observed { clusters: &clusters, instances }).await? {
            Went::On(seconds, seen, why) | Went::NotYet(seconds, seen, why) => {
                Advance::Wait(seconds, seen, why)
            }
            Went::Decided(decision) => Advance::Decide(decision),
            Went::Refused(reason) => Advance::Decide(change.failed(&reason)),
        })
    }
}

//! Making a clone, for a Create or as the replacement of another one, and taking down what does not become usable.

use aurora_clone_core::create::{self, Time, View};
use aurora_clone_core::delete::{self, Remains};
use aurora_clone_core::desired::{Desired, Keeping};
use aurora_clone_core::guard;
use aurora_clone_core::names::tag;
use aurora_clone_core::plan::{Action, ClusterChange, Decision, Next, Plan, Seen};
use aurora_clone_core::properties::{Properties, secret_prefix_leniently};
use aurora_clone_core::record::{Incarnation, by_itself};
use aurora_clone_core::request::{Owner, Wanted, key_alias, secret_name};
use aurora_clone_core::slots;
use aurora_clone_core::snapshot::{Cluster, Instance, KeyState, SecretState};
use tracing::{Span, info};

use super::{Advance, LOCKED, Observed, Step, StepError, TAKEDOWN, Went};
use crate::cloud::CallError;
use crate::cloudformation::{self, Word};
use crate::lock::{self, Lock};
use crate::{incarnations, keys, observe, requests, rules, secrets};

/// The secret and the key of a clone.
pub(super) type Kept = (Option<SecretState>, Option<KeyState>);

impl Step<'_> {
    /// A Create.
    pub(super) async fn create(&self, properties: Properties) -> Result<Advance, StepError> {
        let (request, fence) = (self.request(), self.stored.fence);
        let wanted = Wanted::created(request, fence, self.place.clone(), properties, self.settings);
        let wanted = self.free_name(wanted).await?;
        Box::pin(self.make(&wanted, fence)).await
    }

    /// The name that a clone gets whose template would rather have another one than fail.
    async fn free_name(&self, wanted: Wanted) -> Result<Wanted, StepError> {
        if !wanted.properties.no_fail_on_existing || wanted.properties.cluster_id.is_none() {
            return Ok(wanted);
        }
        let other = wanted.renamed();
        // Whatever this request has begun goes on under the name that it has.
        let ours = |wanted: &Wanted, found: &Cluster| create::is_ours(wanted, found, self.settings);
        if observe::cluster(self.cloud, &other.identifier).await?.is_some_and(|c| ours(&other, &c)) {
            return Ok(other);
        }
        match observe::cluster(self.cloud, &wanted.identifier).await? {
            Some(taken) if !ours(&wanted, &taken) => Ok(other),
            _ => Ok(wanted),
        }
    }

    /// One step of making `wanted`, which was asked for at `fence`.
    pub(super) async fn make(&self, wanted: &Wanted, fence: u64) -> Result<Advance, StepError> {
        Span::current().record("cluster", &wanted.identifier);
        let seen = &self.moment.seen;
        if let Some(reason) = &seen.failed {
            return Box::pin(self.take_down(wanted, reason)).await;
        }
        let own = observe::cluster(self.cloud, &wanted.identifier).await?;
        if own.is_none() && seen.cluster.is_none() {
            return Box::pin(self.choose(wanted, fence)).await;
        }
        let records = incarnations::load(self.cloud, &self.resource).await?;
        let record = records.iter().find(|record| record.generation == wanted.generation);
        let own = own.map(|cluster| by_itself(cluster, record));
        let (mut instances, mut kept) = (Vec::new(), (None, None));
        if let Some(cluster) = &own {
            // A step that died after the restore may have left the lease behind; the restore is seen, so it is over.
            if let Some(root) = cluster.tag(tag::ROOT).filter(|_| seen.cluster.is_none()) {
                lock::release_if_held(self.cloud, root, self.key).await?;
            }
            instances = observe::instances(self.cloud, &[cluster]).await?;
            if create::is_ours(wanted, cluster, self.settings) {
                let desired = create::desired_of(wanted, cluster, &instances, record, self.settings);
                kept = self.kept(cluster, &instances, &desired).await?;
            }
        }
        let view = View {
            cluster: own.as_ref(),
            instances: &instances,
            secret: kept.0.as_ref(),
            key: kept.1.as_ref(),
            record,
        };
        let plan = create::follow(wanted, view, seen, self.settings, self.moment.now);
        let succeeds = matches!(&plan.next, Next::Decide(Decision { success: true, .. }));
        let reported = record.is_some_and(|record| record.made);
        // CloudFormation does not listen to an Update that it has cancelled, so nobody would ever delete the replacement. After a
        // Create that is cancelled comes a Delete, which takes everything; where a request came twice, the first one may have made
        // the resource complete.
        let replaces = wanted.failed_id != wanted.arn();
        let cancelled = if !plan.actions.is_empty() || (succeeds && replaces && !reported) {
            self.cancelled(fence).await?
        } else if (succeeds && !reported) || plan.seen.failed.is_some() {
            self.overtaken(fence).await?
        } else {
            None
        };
        if let Some(reason) = cancelled {
            return Ok(self.give_back(wanted, &reason));
        }
        if let Some(record) = record.filter(|_| succeeds) {
            incarnations::set_made(self.cloud, &self.resource, record, true).await?;
        }
        let clusters: Vec<Cluster> = own.into_iter().collect();
        self.go_on(plan, &Observed { clusters: &clusters, instances: &instances }, wanted).await
    }

    /// What becomes of a request that nobody wants any more. After a Create comes a Delete, which takes everything; after an Update
    /// comes another one, and what was made goes now.
    fn give_back(&self, wanted: &Wanted, reason: &str) -> Advance {
        let reason = format!("The creation was cancelled: {reason}.");
        if wanted.failed_id == wanted.arn() {
            return Advance::Decide(create::refused(wanted, &reason));
        }
        let seen = Seen { failed: Some(reason), ..self.moment.seen.clone() };
        Advance::Wait(1, seen, "what was made is taken down".to_owned())
    }

    /// The secret and the key of a clone whose cluster and instances are ready; before that they are of no interest.
    pub(super) async fn kept(
        &self,
        cluster: &Cluster,
        instances: &[Instance],
        desired: &Desired,
    ) -> Result<Kept, CallError> {
        let ready = cluster.status.is_ready() && !instances.is_empty();
        let Keeping::Own { secret, key, .. } = &desired.password else { return Ok((None, None)) };
        if !ready || !instances.iter().all(|instance| instance.status.is_ready()) {
            return Ok((None, None));
        }
        let found = match key.alias() {
            Some(alias) => keys::observe(self.cloud, &alias).await?,
            None => None,
        };
        Ok((secrets::observe(self.cloud, secret).await?, found))
    }

    /// Chooses a source and restores from it, under the root's lease, which is kept until the new cluster is seen.
    async fn choose(&self, wanted: &Wanted, fence: u64) -> Result<Advance, StepError> {
        let nothing = Observed { clusters: &[], instances: &[] };
        let seen = || self.moment.seen.clone();
        let source = observe::cluster(self.cloud, &wanted.properties.source).await?;
        let root = source.as_ref().map_or(wanted.properties.source.as_str(), create::root_identifier);
        let Some(lock) = Lock::acquire(self.cloud, root, self.key).await? else {
            let plan = Plan::wait(LOCKED, "another request is choosing a slot", seen());
            return self.go_on(plan, &nothing, wanted).await;
        };
        if let Some(reason) = self.cancelled(fence).await? {
            lock.release(self.cloud).await?;
            let reason = format!("The creation was cancelled: {reason}.");
            return Ok(Advance::Decide(create::refused(wanted, &reason)));
        }
        let clusters = observe::clusters(self.cloud).await?;
        let source = clusters.iter().find(|cluster| cluster.identifier == wanted.properties.source);
        if source.is_some_and(|source| create::root_identifier(source) != root) {
            // The listing knows more than the first look did: this is not the lease of the family's root.
            lock.release(self.cloud).await?;
            let plan = Plan::wait(1, "the source is of another family than it seemed", seen());
            return self.go_on(plan, &nothing, wanted).await;
        }
        let of_root: Vec<&Cluster> = clusters.iter().filter(|cluster| cluster.identifier == root).collect();
        let instances = observe::instances(self.cloud, &of_root).await?;
        let time = Time { now: self.moment.now, deadline: self.deadline - TAKEDOWN };
        let rules = rules::load(self.cloud, root).await?;
        let choice = create::choose(wanted, &clusters, &instances, self.settings, &rules, time);
        info!(verdicts = slots::report(&choice.plan.verdicts), "slots");
        if let Some(record) = &choice.record {
            if !lock.outlasts_a_call(self.cloud.now()) {
                let plan = Plan::wait(1, "the lease is nearly over", seen());
                return self.go_on(plan, &nothing, wanted).await;
            }
            // Before anything is made, so that all of it can be found again.
            incarnations::note(self.cloud, &self.resource, record).await?;
        }
        let observed = Observed { clusters: &clusters, instances: &[] };
        let advance = self.go_on(choice.plan, &observed, wanted).await?;
        let in_flight = choice.record.is_some() && matches!(advance, Advance::Wait(..));
        if !in_flight || observe::cluster(self.cloud, &wanted.identifier).await?.is_some() {
            lock.release(self.cloud).await?;
        }
        Ok(advance)
    }

    /// Why the request is not wanted any more: a later Delete or Update came, or CloudFormation says so.
    pub(super) async fn cancelled(&self, fence: u64) -> Result<Option<String>, StepError> {
        let request = self.request();
        if let Some(reason) = self.overtaken(fence).await? {
            return Ok(Some(reason));
        }
        if request.is_command_line() {
            return Ok(None);
        }
        match cloudformation::ask(self.cloud, &request.stack_id, &request.logical_id).await? {
            Word::Wanted => Ok(None),
            Word::NotWanted(reason) => Ok(Some(reason)),
        }
    }

    /// Whether a later Delete or Update came.
    async fn overtaken(&self, fence: u64) -> Result<Option<String>, StepError> {
        let later = requests::fence(self.cloud, self.request()).await? > fence;
        Ok(later.then(|| "a later request for this resource came".to_owned()))
    }

    /// Carries out a plan of making something. What fails after the restore is taken down before anybody is told; what is not
    /// ready when time is over as well.
    async fn go_on(
        &self,
        plan: Plan,
        observed: &Observed<'_>,
        wanted: &Wanted,
    ) -> Result<Advance, StepError> {
        let exists = self.moment.seen.cluster.is_some() || plan.seen.cluster.is_some();
        let restores = plan.actions.iter().any(|action| matches!(action, Action::Restore(_)));
        if let Next::Wait { because, .. } = &plan.next
            && self.moment.now >= self.deadline - TAKEDOWN
            && plan.seen.failed.is_none()
        {
            let reason = create::out_of_time(because);
            if exists {
                return Ok(abandoned(create::abandon(reason, plan.seen)));
            }
            return Ok(Advance::Decide(create::refused(wanted, &format!("{reason} Nothing was made."))));
        }
        let seen = plan.seen.clone();
        Ok(match self.carry_out(plan, observed).await? {
            Went::On(seconds, seen, why) | Went::NotYet(seconds, seen, why) => {
                Advance::Wait(seconds.min(self.seconds_until(self.deadline - TAKEDOWN)), seen, why)
            }
            Went::Decided(decision) => Advance::Decide(decision),
            Went::Refused(reason) if restores && !exists => Advance::Decide(create::refused(wanted, &reason)),
            Went::Refused(reason) => abandoned(create::abandon(reason, seen)),
        })
    }

    /// Begins to take down an incarnation that nobody waits for: of a request that fails without another step, or whose answer came
    /// too late. Nobody waits for the end of that either.
    pub(super) async fn clear_away(
        &self,
        owner: &Owner,
        identifier: &str,
        generation: &str,
    ) -> Result<(), StepError> {
        let Some(cluster) = observe::cluster(self.cloud, identifier).await? else { return Ok(()) };
        let Ok(owned) = guard::prove(&cluster, owner, &self.settings.name_prefix) else { return Ok(()) };
        // Where a request came twice, the other one may have reported this very clone to be usable.
        let records = incarnations::load(self.cloud, &self.resource).await?;
        let is_debris = records.iter().any(|record| record.generation == generation && !record.made);
        if !is_debris || owned.generation() != generation || cluster.settings.deletion_protection {
            return Ok(());
        }
        let instances = observe::instances(self.cloud, &[&cluster]).await?;
        let actions = delete::take_down(owner, Some((&cluster, &owned)), &instances, &[]);
        if actions.is_empty() {
            return Ok(());
        }
        info!(cluster = identifier, "what nobody waits for is taken down");
        let plan = Plan::act(actions, 1, "nobody waits for it", Seen::default());
        let clusters = [cluster];
        self.carry_out(plan, &Observed { clusters: &clusters, instances: &instances }).await.map(drop)
    }

    /// Takes down what a failed request made, as far as that is accepted, and then says why it failed.
    async fn take_down(&self, wanted: &Wanted, reason: &str) -> Result<Advance, StepError> {
        let records = incarnations::load(self.cloud, &self.resource).await?;
        let mut records = records.iter().filter(|record| record.generation == wanted.generation);
        if records.clone().any(|record| record.made) {
            let why = "it was usable before";
            return Ok(Advance::Decide(create::taken_down(wanted, reason, Some(why))));
        }
        let own = observe::cluster(self.cloud, &wanted.identifier).await?;
        let seen = &self.moment.seen;
        if own.is_none() && seen.absent_since.is_none() {
            // One look that does not find it may be stale.
            let seen = Seen { absent_since: Some(self.moment.now), ..seen.clone() };
            let why = "a second look confirms that nothing is left".to_owned();
            return Ok(Advance::Wait(10, seen, why));
        }
        let owned = own.as_ref().and_then(|cluster| {
            let owned = guard::prove(cluster, &wanted.owner, &self.settings.name_prefix).ok()?;
            (owned.generation() == wanted.generation).then_some((cluster, owned))
        });
        let protected = owned.as_ref().filter(|(cluster, _)| cluster.settings.deletion_protection);
        if let Some((cluster, owned)) = protected {
            // What this very request has turned on, a moment before it failed, it turns off again; a person's stays.
            if wanted.properties.cluster.deletion_protection == Some(true) {
                let change = ClusterChange { deletion_protection: Some(false), ..ClusterChange::default() };
                let action = Action::ModifyCluster { cluster: owned.clone(), change: Box::new(change) };
                let because = "the protection of what was made is turned off again";
                let plan = Plan::act(vec![action], 5, because, self.moment.seen.clone());
                let clusters = [(*cluster).clone()];
                let went = self.carry_out(plan, &Observed { clusters: &clusters, instances: &[] }).await?;
                if let (Went::On(seconds, seen, why) | Went::NotYet(seconds, seen, why), true) =
                    (went, self.moment.now < self.deadline)
                {
                    return Ok(Advance::Wait(seconds, seen, why));
                }
            }
            let why = format!("{} has deletion protection", cluster.identifier);
            return Ok(Advance::Decide(create::taken_down(wanted, reason, Some(&why))));
        }
        let instances = match &owned {
            Some((cluster, _)) => observe::instances(self.cloud, &[cluster]).await?,
            None => Vec::new(),
        };
        let remains = self.remains(&mut records).await?;
        let target = owned.as_ref().map(|(cluster, owned)| (*cluster, owned));
        let actions = delete::take_down(&wanted.owner, target, &instances, &remains);
        if actions.is_empty() {
            return Ok(Advance::Decide(create::taken_down(wanted, reason, None)));
        }
        let plan = Plan::act(actions, 5, "what was made is being taken down", self.moment.seen.clone());
        let clusters: Vec<Cluster> = own.iter().cloned().collect();
        let observed = Observed { clusters: &clusters, instances: &instances };
        let over = self.moment.now >= self.deadline;
        let decide = |left: Option<&str>| Advance::Decide(create::taken_down(wanted, reason, left));
        Ok(match self.carry_out(plan, &observed).await? {
            Went::On(..) if over => decide(None),
            Went::NotYet(_, _, why) if over => decide(Some(&why)),
            Went::On(seconds, seen, why) | Went::NotYet(seconds, seen, why) => {
                Advance::Wait(seconds, seen, why)
            }
            Went::Decided(decision) => Advance::Decide(decision),
            Went::Refused(why) => decide(Some(&why)),
        })
    }

    /// The secrets and keys of some incarnations, as far as there are any.
    pub(super) async fn remains(
        &self,
        records: impl Iterator<Item = &Incarnation>,
    ) -> Result<Vec<Remains>, CallError> {
        let mut remains = Vec::new();
        for record in records {
            let secret = match &record.secret {
                Some(name) => secrets::observe(self.cloud, name).await?,
                None => None,
            };
            let key = match &record.key {
                Some(alias) => self.key_of(record, alias).await?.map(|key| (alias.clone(), key)),
                None => None,
            };
            if secret.is_some() || key.is_some() {
                remains.push(Remains { generation: record.generation.clone(), secret, key });
            }
        }
        Ok(remains)
    }

    /// The key of an incarnation, by its alias or, where nobody could give it that, by its description.
    async fn key_of(&self, record: &Incarnation, alias: &str) -> Result<Option<KeyState>, CallError> {
        if let Some(key) = keys::observe(self.cloud, alias).await? {
            return Ok(Some(key));
        }
        let owner = self.request().owner(self.settings);
        let ours = |key: &KeyState| guard::prove_key(alias, key, &owner, &record.generation).is_some();
        keys::nameless(self.cloud, alias, ours).await
    }

    /// The record of a cluster that has none: its secret and its key have names that follow from its own.
    pub(super) fn derived_record(&self, cluster: &Cluster, generation: &str) -> Incarnation {
        let own = cluster.tag(tag::PASSWORD) == Some("own");
        let made = cluster.tag(tag::KEY) == Some("made");
        let prefix = secret_prefix_leniently(&self.request().properties);
        let prefix = prefix.as_deref().unwrap_or(&self.settings.secret_prefix);
        Incarnation {
            generation: generation.to_owned(),
            identifier: cluster.identifier.clone(),
            since: cluster.created_at.unwrap_or(self.moment.now),
            secret: own.then(|| secret_name(prefix, &cluster.identifier, generation)),
            key: (own && made).then(|| key_alias(&cluster.identifier, generation)),
            baseline: Default::default(),
            sources_secret: None,
            made: true,
        }
    }
}

/// A plan that only waits, as what a step leads to.
fn abandoned(plan: Plan) -> Advance {
    match plan.next {
        Next::Wait { seconds, because } => Advance::Wait(seconds, plan.seen, because),
        Next::Decide(decision) => Advance::Decide(decision),
    }
}

//! `pool-maintainer`: takes the schedules' events and makes the steps of the maintainer's state machine; and, for people, shows a plan
//! or renews a lease.
//!
//! One source's failure keeps no other source from its turn, and in the end the invocation fails, so that somebody sees it.

use std::sync::Arc;

use aurora_clone_aws::cloud::{CallError, Cloud};
use aurora_clone_aws::maintain::run::Run;
use aurora_clone_aws::maintain::sweep;
use aurora_clone_aws::maintain::{Follows, MaintainError, roots};
use aurora_clone_aws::{observe, parameter};
use aurora_clone_core::duration::{format_time, parse_duration};
use aurora_clone_core::hash;
use aurora_clone_core::names::{maintain, step};
use aurora_clone_core::pool::config::{Maintenance, Problem, SourceConfig, describe};
use aurora_clone_core::pool::metrics::Metrics;
use aurora_clone_core::pool::plan::Seen;
use aurora_clone_core::pool::report::Report;
use aurora_clone_core::settings::Settings;
use aurora_clone_core::snapshot::Cluster;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;
use tracing::{Instrument as _, error, info, info_span, warn};

/// Where metrics go: a line each.
pub type Emit = Arc<dyn Fn(&Value) + Send + Sync>;

/// The function.
pub struct PoolMaintainer {
    /// Everything that reaches AWS.
    pub cloud: Cloud,
    /// The operator's settings.
    pub settings: Settings,
    /// The name of the SSM parameter with the maintenance configuration.
    pub parameter: String,
    /// Where metrics go.
    pub emit: Emit,
}

/// An invocation that failed.
#[derive(Debug, Error)]
pub enum MaintainerError {
    /// The event is none of ours.
    #[error("the event is neither a schedule's, nor the state machine's, nor a person's: {0}")]
    UnknownEvent(String),
    /// The configuration could not be read.
    #[error("the maintenance configuration could not be read, and nothing was changed: {0}")]
    Unreadable(CallError),
    /// The configuration is wrong.
    #[error("the maintenance configuration {name} is wrong, and nothing was changed: {}", describe(.problems))]
    Invalid {
        /// The parameter.
        name: String,
        /// All that is wrong.
        problems: Vec<Problem>,
    },
    /// A step failed.
    #[error(transparent)]
    Step(#[from] MaintainError),
    /// Some of the work failed; the rest was done.
    #[error("{} of the run failed: {}", .0.len(), .0.join("; "))]
    Failed(Vec<String>),
    /// What a person asked for can't be done.
    #[error("{0}")]
    Refused(String),
}

impl From<CallError> for MaintainerError {
    fn from(error: CallError) -> Self {
        Self::Step(error.into())
    }
}

impl MaintainerError {
    /// The error's name, which the state machine's `Retry` goes by.
    pub fn name(&self) -> &'static str {
        match self {
            Self::UnknownEvent(_) => "UnknownEvent",
            Self::Unreadable(_) => "ConfigurationUnreadable",
            Self::Invalid { .. } => "ConfigurationInvalid",
            Self::Step(MaintainError::Call(_)) => "CallFailed",
            Self::Step(MaintainError::Violation(_)) => "BrokenRule",
            Self::Step(MaintainError::Refused(_)) => "AwsRefuses",
            Self::Step(MaintainError::Unfit(_)) => "ConfigurationUnfit",
            Self::Step(MaintainError::Skew { .. }) => "WrongTime",
            Self::Failed(_) => "MaintenanceFailed",
            Self::Refused(_) => "Refused",
        }
    }
}

/// What a schedule sends.
#[derive(Debug, Deserialize)]
struct ScheduleEvent {
    schedule: String,
    /// When it was due: a schedule that fires twice sends the same.
    time: Option<DateTime<Utc>>,
}

/// What the state machine sends.
#[derive(Debug, Deserialize)]
struct StepEvent {
    step: String,
    work: String,
    #[serde(default)]
    source: String,
    run: String,
    #[serde(default)]
    seen: Value,
    now: Option<DateTime<Utc>>,
    #[serde(default)]
    error: Value,
}

/// What a person sends who renews a lease.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Renewal {
    cluster: String,
    r#for: String,
}

impl PoolMaintainer {
    /// Handles one invocation.
    pub async fn handle(&self, event: Value) -> Result<Value, MaintainerError> {
        let result = if event.get("step").is_some() {
            let event: StepEvent = read(event)?;
            let span = info_span!("maintenance", run = event.run, work = event.work, source = event.source);
            Box::pin(self.step(event)).instrument(span).await
        } else if event.get("schedule").is_some() {
            let event: ScheduleEvent = read(event)?;
            let time = event.time.unwrap_or_else(|| self.cloud.now());
            let run = format!("{}-{}", event.schedule, time.format("%Y%m%dT%H%M%SZ"));
            let span = info_span!("maintenance", run, work = event.schedule, source = "");
            Box::pin(self.scheduled(&event.schedule, &run)).instrument(span).await
        } else if let Some(renewal) = event.get("renew") {
            Box::pin(self.renew(read(renewal.clone())?)).await
        } else if event.get("plan") == Some(&Value::Bool(true)) {
            Box::pin(self.plan()).await
        } else {
            Err(MaintainerError::UnknownEvent(event.to_string().chars().take(200).collect()))
        };
        result.inspect_err(|error| error!(kind = error.name(), %error, "the invocation failed"))
    }

    /// The configuration, as a whole or not at all.
    async fn configuration(&self) -> Result<Maintenance, MaintainerError> {
        let text =
            parameter::read(&self.cloud, &self.parameter).await.map_err(MaintainerError::Unreadable)?;
        Maintenance::parse(&text, &self.settings)
            .map_err(|problems| MaintainerError::Invalid { name: self.parameter.clone(), problems })
    }

    /// A whole run: every source, then the sweep.
    async fn scheduled(&self, schedule: &str, id: &str) -> Result<Value, MaintainerError> {
        let whole = match schedule {
            maintain::MAINTAIN => true,
            maintain::SWEEP => false,
            other => return Err(MaintainerError::UnknownEvent(format!("the schedule {other:?}"))),
        };
        let result = Box::pin(self.run(whole, id)).await;
        let errors = match &result {
            Ok(_) => 0,
            Err(MaintainerError::Failed(errors)) => errors.len(),
            Err(_) => 1,
        };
        let metrics = Metrics { manager: &self.settings.manager, now: self.cloud.now() };
        let mut values = vec![("Errors", "Count", json!(errors))];
        if errors == 0 {
            values.push(("Heartbeat", "Count", json!(1)));
        }
        (self.emit)(&metrics.of_run(schedule, &values));
        result
    }

    async fn run(&self, whole: bool, id: &str) -> Result<Value, MaintainerError> {
        let maintenance = self.configuration().await?;
        let run = Run { id, now: self.cloud.now(), maintenance: &maintenance, settings: &self.settings };
        // Each page is read once, whatever number of sources there is. Who changes something looks again, under the lease.
        let clusters = run.relatives(observe::clusters(&self.cloud).await?);
        let mut errors = Vec::new();
        for source in &maintenance.sources {
            let work = async {
                if whole {
                    self.maintain(&run, source, &clusters).await
                } else {
                    self.look(&run, source, clusters.clone()).await
                }
            };
            if let Err(error) = Box::pin(work).await {
                error!(source = source.source, kind = error.name(), %error, "the source could not be maintained");
                errors.push(format!("{}: {error}", source.source));
            }
        }
        if let Err(error) = Box::pin(self.begin_sweep(&run, whole, clusters)).await {
            error!(kind = error.name(), %error, "the sweep failed");
            errors.push(format!("the sweep: {error}"));
        }
        // Last, and only where all went well: a run that can't be trusted takes nothing back.
        if whole && errors.is_empty() && !maintenance.dry_run {
            let configured = maintenance.sources.iter().map(|source| source.source.clone()).collect();
            if let Err(error) = roots::release_others(&self.cloud, &configured).await {
                error!(%error, "the rules of roots that left the configuration could not be taken back");
                errors.push(format!("rules: {error}"));
            }
        }
        if errors.is_empty() { Ok(json!({ "run": id })) } else { Err(MaintainerError::Failed(errors)) }
    }

    /// The first step of a source; the state machine makes the others.
    async fn maintain(
        &self,
        run: &Run<'_>,
        source: &SourceConfig,
        clusters: &[Cluster],
    ) -> Result<(), MaintainerError> {
        if run.maintenance.dry_run || source.dry_run {
            return self.look(run, source, clusters.to_vec()).await;
        }
        let step = run.pool(source, Seen::default());
        let went = step.make(&self.cloud, clusters.to_vec()).await?;
        self.show(&went.report, true);
        self.measure(run.now, &went.report);
        if let Follows::Wait(seconds, why) = went.follows {
            self.follow(run.id, maintain::POOL, &source.source, json!(went.seen), seconds, &why).await?;
        }
        if went.refused.is_empty() { Ok(()) } else { Err(MaintainError::Refused(went.refused).into()) }
    }

    /// Shows what a source is like and what would be done, with clients that can't do it.
    async fn look(
        &self,
        run: &Run<'_>,
        source: &SourceConfig,
        clusters: Vec<Cluster>,
    ) -> Result<(), MaintainerError> {
        let step = run.pool(source, Seen::default());
        let plan = step.look(&self.cloud.read_only(), clusters).await?;
        let dry_run = run.maintenance.dry_run || source.dry_run;
        self.show(&plan.report, dry_run);
        // A dry run shows what would be done. A sweep looks four times an hour at what the night's run will do once.
        match dry_run {
            true => self.measure(run.now, &plan.report),
            false => self.measure(run.now, &plan.report.only_looked()),
        }
        Ok(())
    }

    /// One summary line, and where something is done or it is the night's run, a line for every cluster.
    fn show(&self, report: &Report, in_full: bool) {
        info!(source = report.source, summary = %report, "pool");
        for trouble in &report.troubles {
            warn!(source = report.source, trouble, "somebody has to look");
        }
        if in_full {
            for line in &report.lines {
                let text = serde_json::to_string(line).unwrap_or_default();
                info!(
                    source = report.source,
                    cluster = line.cluster,
                    decision = line.decision,
                    line = text,
                    "plan"
                );
            }
        }
    }

    /// The metrics of a report.
    fn measure(&self, now: DateTime<Utc>, report: &Report) {
        let metrics = Metrics { manager: &self.settings.manager, now };
        for line in metrics.of_pool(report) {
            (self.emit)(&line);
        }
        (self.emit)(&metrics.of_troubles(report.troubles.len()));
    }

    async fn begin_sweep(
        &self,
        run: &Run<'_>,
        whole: bool,
        clusters: Vec<Cluster>,
    ) -> Result<(), MaintainerError> {
        let sweep = run.sweep(whole, sweep::Seen::default());
        if run.maintenance.dry_run {
            let plan = sweep.look(&self.cloud.read_only(), clusters).await?;
            self.show_sweep(run.now, &plan);
            return Ok(());
        }
        let went = sweep.make(&self.cloud, clusters).await?;
        self.show_sweep(run.now, &went.shown);
        let Follows::Wait(seconds, why) = went.follows else { return Ok(()) };
        self.follow(run.id, maintain::SWEEP, "", json!(went.seen), seconds, &why).await
    }

    fn show_sweep(&self, now: DateTime<Utc>, shown: &sweep::Shown) {
        for finding in &shown.findings {
            info!(cluster = finding.name, finding = %finding, "sweep");
        }
        for step in &shown.steps {
            info!(step, "sweep");
        }
        for trouble in &shown.troubles {
            warn!(trouble, "somebody has to look");
        }
        let metrics = Metrics { manager: &self.settings.manager, now };
        let values = [
            ("Deletions", "Count", json!(shown.deletions)),
            ("Orphans", "Count", json!(shown.orphans)),
            ("Troubles", "Count", json!(shown.troubles.len())),
        ];
        (self.emit)(&metrics.of_run(maintain::SWEEP, &values));
        (self.emit)(&metrics.of_troubles(shown.troubles.len()));
    }

    /// Has the state machine go on. A run that was sent twice finds its execution.
    async fn follow(
        &self,
        run: &str,
        work: &str,
        source: &str,
        seen: Value,
        seconds: u32,
        why: &str,
    ) -> Result<(), MaintainerError> {
        info!(source, seconds, why, "the state machine goes on");
        let readable: String = source.chars().take(30).collect();
        let name = format!("{work}-{readable}-{}", hash::short(&[source, run], 20));
        let input = json!({ "work": work, "source": source, "run": run, "seen": seen, "seconds": seconds, "why": why });
        let call = self.cloud.states.start_execution().state_machine_arn(&self.cloud.state_machine);
        let result = call.name(name).input(input.to_string()).send().await;
        match result.map_err(|error| CallError::new("StartExecution", error)) {
            Ok(_) => Ok(()),
            Err(error) if error.is("ExecutionAlreadyExists") => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A step of the state machine.
    async fn step(&self, event: StepEvent) -> Result<Value, MaintainerError> {
        let metrics = |values: &[(&str, &str, Value)]| {
            let metrics = Metrics { manager: &self.settings.manager, now: self.cloud.now() };
            (self.emit)(&metrics.of_run(&event.work, values));
        };
        match event.step.as_str() {
            step::ADVANCE => {}
            step::GIVE_UP => {
                error!(error = %event.error, "given up");
                metrics(&[("Errors", "Count", json!(1)), ("GivenUp", "Count", json!(1))]);
                return Ok(json!({ "run": event.run }));
            }
            other => return Err(MaintainerError::UnknownEvent(format!("the step {other:?}"))),
        }
        let maintenance = self.configuration().await?;
        let now = event.now.unwrap_or_else(|| self.cloud.now());
        let run = Run { id: &event.run, now, maintenance: &maintenance, settings: &self.settings };
        // All of them: what a follow-up of the sweep does not find is taken for gone.
        let clusters = observe::clusters(&self.cloud).await?;
        let (follows, seen, troubles) = match event.work.as_str() {
            maintain::POOL => {
                let source = maintenance.sources.iter().find(|source| source.source == event.source);
                let Some(source) = source.filter(|source| !source.dry_run && !maintenance.dry_run) else {
                    info!("the configuration does not ask for this any more");
                    return Ok(answer(&event, Follows::Settled, event.seen.clone(), &[]));
                };
                let seen: Seen = read(event.seen.clone())?;
                let clusters = run.relatives(clusters);
                let went = run.pool(source, seen).make(&self.cloud, clusters).await?;
                self.show(&went.report, !went.report.steps.is_empty());
                self.measure(now, &went.report);
                (went.follows, json!(went.seen), went.report.troubles)
            }
            maintain::SWEEP => {
                if maintenance.dry_run {
                    info!("the configuration does not ask for this any more");
                    return Ok(answer(&event, Follows::Settled, event.seen.clone(), &[]));
                }
                let seen: sweep::Seen = read(event.seen.clone())?;
                let went = run.sweep(false, seen).follow(&self.cloud, clusters).await?;
                self.show_sweep(now, &went.shown);
                (went.follows, json!(went.seen), went.shown.troubles)
            }
            other => return Err(MaintainerError::UnknownEvent(format!("the work {other:?}"))),
        };
        Ok(answer(&event, follows, seen, &troubles))
    }

    /// What would be done, by clients that can't do it.
    async fn plan(&self) -> Result<Value, MaintainerError> {
        let maintenance = self.configuration().await?;
        let run = Run::looking(&maintenance, &self.settings, self.cloud.now());
        Ok(run.look(&self.cloud, None).await?.json())
    }

    /// Gives a clone a later end, as far as the operator allows.
    async fn renew(&self, renewal: Renewal) -> Result<Value, MaintainerError> {
        let length = parse_duration(&renewal.r#for)
            .map_err(|error| MaintainerError::Refused(format!("for: {error}")))?;
        let maintenance = self.configuration().await?;
        let now = self.cloud.now();
        let run = Run { id: "renew", now, maintenance: &maintenance, settings: &self.settings };
        let sweep = run.sweep(false, sweep::Seen::default());
        let expires = Box::pin(sweep.renew(&self.cloud, &renewal.cluster, length)).await?;
        let expires = expires.map_err(MaintainerError::Refused)?;
        info!(cluster = renewal.cluster, expires = format_time(expires), "renewed");
        Ok(json!({ "cluster": renewal.cluster, "expires": format_time(expires) }))
    }
}

/// What the state machine goes by. An execution that settles in trouble fails, so that an alarm sees it.
fn answer(event: &StepEvent, follows: Follows, seen: Value, troubles: &[String]) -> Value {
    let (next, seconds, why) = match follows {
        Follows::Wait(seconds, why) => (maintain::WAIT, seconds, why),
        Follows::Settled if troubles.is_empty() => (maintain::SETTLED, 0, String::new()),
        Follows::Settled => (maintain::TROUBLED, 0, troubles.join("; ").chars().take(2_000).collect()),
    };
    json!({
        "work": event.work, "source": event.source, "run": event.run, "seen": seen,
        "next": next, "seconds": seconds, "why": why,
    })
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, MaintainerError> {
    serde_json::from_value(value).map_err(|error| MaintainerError::UnknownEvent(error.to_string()))
}

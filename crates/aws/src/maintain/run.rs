//! One run over all sources and the sweep: what the maintainer and people who ask for a plan, or carry one out by hand, have in
//! common.

use aurora_clone_core::pool::config::{Maintenance, SourceConfig};
use aurora_clone_core::pool::plan::{Next, Plan, Policy, Seen};
use aurora_clone_core::relatives::relatives;
use aurora_clone_core::settings::Settings;
use aurora_clone_core::snapshot::Cluster;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::sweep::{self, Shown, Sweep};
use super::{MaintainError, pool};
use crate::cloud::{CallError, Cloud};
use crate::observe;

/// One run, or a step that follows it.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// Who holds the leases.
    pub id: &'a str,
    /// Now.
    pub now: DateTime<Utc>,
    /// The configuration.
    pub maintenance: &'a Maintenance,
    /// The operator's settings.
    pub settings: &'a Settings,
}

/// What a run would do.
pub struct Looked {
    /// Each source, in the order of the configuration, with its plan.
    pub sources: Vec<(String, Result<Plan, MaintainError>)>,
    /// The sweep, unless only sources were asked for.
    pub sweep: Option<Result<Shown, MaintainError>>,
}

impl<'a> Run<'a> {
    /// A run that only looks.
    pub fn looking(maintenance: &'a Maintenance, settings: &'a Settings, now: DateTime<Utc>) -> Self {
        Self { id: "plan", now, maintenance, settings }
    }

    /// What of the account's clusters matters to the sources and to our clones.
    pub fn relatives(&self, clusters: Vec<Cluster>) -> Vec<Cluster> {
        let roots: Vec<&str> = self.maintenance.sources.iter().map(|s| s.source.as_str()).collect();
        relatives(clusters, &roots, self.settings)
    }

    /// A step of a source.
    pub fn pool(&self, source: &'a SourceConfig, seen: Seen) -> pool::Step<'a> {
        let policy = Policy {
            source,
            protect: &self.maintenance.protect,
            max_deletions: self.maintenance.max_deletions,
        };
        pool::Step { policy, settings: self.settings, run: self.id, now: self.now, seen }
    }

    /// A step of the sweep.
    pub fn sweep(&self, whole: bool, seen: sweep::Seen) -> Sweep<'a> {
        let Self { id, now, maintenance, settings } = *self;
        Sweep { maintenance, settings, run: id, now, whole, seen }
    }

    /// Looks at every source, or at one, and at the sweep, which is of no source; with clients that only read.
    pub async fn look(&self, cloud: &Cloud, only: Option<&str>) -> Result<Looked, CallError> {
        let reader = cloud.read_only();
        let clusters = self.relatives(observe::clusters(&reader).await?);
        let mut sources = Vec::new();
        for source in self.maintenance.sources.iter().filter(|s| only.is_none_or(|only| s.source == only)) {
            let step = self.pool(source, Seen::default());
            let plan = Box::pin(step.look(&reader, clusters.clone())).await;
            sources.push((source.source.clone(), plan));
        }
        let sweep = match only {
            Some(_) => None,
            None => Some(Box::pin(self.sweep(true, sweep::Seen::default()).look(&reader, clusters)).await),
        };
        Ok(Looked { sources, sweep })
    }
}

impl Looked {
    /// As scripts read it.
    pub fn json(&self) -> Value {
        let sources = self.sources.iter().map(|(source, plan)| match plan {
            Ok(plan) => {
                let next = match &plan.next {
                    Next::Wait(seconds, why) => json!({ "seconds": seconds, "why": why }),
                    Next::Settled => Value::Null,
                };
                json!({ "summary": plan.report.to_string(), "report": plan.report, "next": next })
            }
            Err(error) => json!({ "source": source, "error": error.to_string() }),
        });
        let sources: Vec<Value> = sources.collect();
        let sweep = match &self.sweep {
            None => return json!({ "sources": sources }),
            Some(Ok(shown)) => json!({
                "findings": shown.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "steps": shown.steps,
                "troubles": shown.troubles,
                "deletions": shown.deletions,
            }),
            Some(Err(error)) => json!({ "error": error.to_string() }),
        };
        json!({ "sources": sources, "sweep": sweep })
    }

    /// Whether anything would be changed, or is under way.
    pub fn has_work(&self) -> bool {
        let works = |plan: &Plan| !plan.steps.is_empty() || plan.next != Next::Settled;
        let of_sources = self.sources.iter().any(|(_, plan)| plan.as_ref().is_ok_and(works));
        let of_sweep = |shown: &Shown| !shown.steps.is_empty();
        of_sources || self.sweep.as_ref().is_some_and(|sweep| sweep.as_ref().is_ok_and(of_sweep))
    }

    /// What could not be planned.
    pub fn errors(&self) -> Vec<String> {
        let of_sources = self.sources.iter().filter_map(|(source, plan)| {
            let error = plan.as_ref().err()?;
            Some(format!("{source}: {error}"))
        });
        let of_sweep = self.sweep.iter().filter_map(|sweep| sweep.as_ref().err());
        of_sources.chain(of_sweep.map(|error| format!("the sweep: {error}"))).collect()
    }
}

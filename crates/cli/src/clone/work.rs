//! Carries a person's request out, step by step, until it is decided or somebody interrupts it.

use aurora_clone_aws::advance::{self, Advance, Moment, StepError};
use aurora_clone_aws::cloud::CallError;
use aurora_clone_aws::commands::{self, Command, Opened};
use aurora_clone_aws::{events, observe};
use aurora_clone_core::duration::format_time;
use aurora_clone_core::event::RequestType;
use aurora_clone_core::plan::{Decision, Seen};
use aurora_clone_core::request::Request;
use aurora_clone_core::snapshot::{Cluster, Instance};
use chrono::{DateTime, Utc};

use super::progress::{Progress, stage};
use super::target;
use crate::failure::Failure;
use crate::session::Session;
use crate::surroundings::Surroundings;

/// How often a step is made again that AWS did not answer, before the command gives up; it can go on later.
const ATTEMPTS: u32 = 10;
/// Seconds between two such attempts.
const AGAIN: u64 = 10;

/// The longest time between two looks, in seconds: a person watches, and a look costs a few reads.
const LONGEST: u64 = 10;

/// How a request ended.
pub enum Ended {
    /// It is decided.
    Decided(Decision),
    /// Somebody interrupted it, with this signal.
    Interrupted(u8),
}

/// Asks for something, or goes on with it where the same was asked for before.
pub async fn open(
    session: &Session,
    around: &mut Surroundings,
    request: &Request,
) -> Result<Command, Failure> {
    let random: String = (around.random)().iter().map(|byte| format!("{byte:02x}")).collect();
    match commands::open(&session.cloud, request, &random).await? {
        Opened::Ours(command) => {
            if command.resumed {
                let began = format_time(command.began);
                around.printer.note(&format!("Going on with what was begun at {began}."))?;
            }
            Ok(*command)
        }
        Opened::Another { kind, began } => {
            let (name, verb) = (&request.logical_id, verb(kind));
            Err(Failure::new(format!(
                "another request of the command line for {name} is not finished: {verb}, begun at {}",
                format_time(began)
            ))
            .hint(format!(
                "the same `aurora-clone {verb}` command goes on with it; `aurora-clone delete {name}` ends it"
            )))
        }
    }
}

/// What a request is called at the command line.
pub fn verb(kind: RequestType) -> &'static str {
    match kind {
        RequestType::Create => "create",
        RequestType::Update => "update",
        RequestType::Delete => "delete",
    }
}

/// Works on a request until it is decided or interrupted.
pub async fn carry_out(
    session: &Session,
    around: &mut Surroundings,
    command: &Command,
) -> Result<Ended, Failure> {
    let kind = command.stored.request.kind.unwrap_or(RequestType::Create);
    let mut progress = Progress::begin(kind, &around.printer, session.cloud.now());
    let ended = work(session, around, command, &mut progress).await;
    progress.end();
    ended
}

async fn work(
    session: &Session,
    around: &mut Surroundings,
    command: &Command,
    progress: &mut Progress,
) -> Result<Ended, Failure> {
    let kind = command.stored.request.kind.unwrap_or(RequestType::Create);
    let (started, mut seen, mut attempts) = (session.cloud.now(), command.seen.clone(), 0);
    loop {
        let (made, signal) = step(session, around, progress, command, started, &seen).await?;
        let seconds = match made {
            Err(StepError::Call(error)) if attempts < ATTEMPTS && error.is_passing() => {
                attempts += 1;
                progress.note(&mut around.printer, &format!("AWS did not answer, trying again: {error}"))?;
                AGAIN
            }
            Err(error) => return Err(stuck(error)),
            Ok(Advance::Decide(decision)) => {
                commands::finish(&session.cloud, command, &decision).await?;
                if let Err(error) = events::put(&session.cloud, &decision.events).await {
                    let text = format!("note: EventBridge was not told: {error}");
                    progress.note(&mut around.printer, &text)?;
                }
                return Ok(Ended::Decided(decision));
            }
            Ok(Advance::Wait(seconds, next, why)) => {
                attempts = 0;
                // An interrupted request that fails must not begin anew.
                if next.failed.is_some() && seen.failed.is_none() {
                    commands::remember(&session.cloud, command, &next).await?;
                }
                // A look that fails is missed by the display and by nobody else.
                if let (None, Ok((cluster, instances))) = (signal, sight(session, command, &next).await) {
                    let stage = stage(kind, cluster.as_ref(), &instances);
                    let why = match &cluster {
                        // AWS's refusal to add an instance yet says no more than this.
                        Some(cluster) if instances.is_empty() && !cluster.status.is_ready() => {
                            format!("the cluster {} is {}", cluster.identifier, cluster.status)
                        }
                        _ => why,
                    };
                    progress.show(&mut around.printer, stage, &why, session.cloud.now())?;
                }
                seen = next;
                u64::from(seconds).min(LONGEST)
            }
        };
        let signal = match signal {
            None => pause(session, around, progress, seconds).await,
            signal => signal,
        };
        if let Some(signal) = signal {
            return Ok(Ended::Interrupted(signal));
        }
    }
}

/// What a step that can't be made means for a person: the request stays open.
fn stuck(error: StepError) -> Failure {
    let hint = "what was begun stays as it is; the same command goes on with it";
    match error {
        StepError::Call(error) if !error.is_passing() => error.into(),
        other => Failure::new(other.to_string()).hint(hint),
    }
}

/// What came of a step, and the signal that came meanwhile.
type Made = (Result<Advance, StepError>, Option<u8>);

/// One step. The first signal lets it come to its end, so that nothing is left half written; the second does not.
async fn step(
    session: &Session,
    around: &mut Surroundings,
    progress: &Progress,
    command: &Command,
    started: DateTime<Utc>,
    seen: &Seen,
) -> Result<Made, Failure> {
    let moment = Moment { now: session.cloud.now(), started, seen: seen.clone() };
    let (cloud, settings) = (&session.cloud, &session.settings);
    let mut step = Box::pin(advance::advance(cloud, settings, &command.key, &command.stored, &moment));
    let first = tokio::select! {
        made = &mut step => return Ok((made, None)),
        signal = (around.stop)() => signal,
    };
    progress.note(&mut around.printer, "Finishing this step; once more ends it at once.")?;
    tokio::select! {
        made = step => Ok((made, Some(first))),
        signal = (around.stop)() => Err(Failure::Signal(signal)),
    }
}

/// Waits, with the display's clock going on; a signal ends it.
async fn pause(session: &Session, around: &Surroundings, progress: &Progress, seconds: u64) -> Option<u8> {
    let mut stop = (around.stop)();
    for _ in 0..seconds {
        let second = tokio::time::sleep(std::time::Duration::from_secs(1));
        tokio::select! {
            () = second => progress.tick(session.cloud.now()),
            signal = &mut stop => return Some(signal),
        }
    }
    None
}

/// What is there of a request's clone, for the display only.
async fn sight(
    session: &Session,
    command: &Command,
    seen: &Seen,
) -> Result<(Option<Cluster>, Vec<Instance>), CallError> {
    let request = &command.stored.request;
    // Only a replacement has another name than the person gave; its listing is the whole account's.
    let clusters = match request.kind {
        Some(RequestType::Update) => observe::clusters(&session.cloud).await?,
        _ => observe::cluster(&session.cloud, &request.logical_id).await?.into_iter().collect(),
    };
    let ours = |cluster: &&Cluster| target::is_of(cluster, request);
    let named = |cluster: &&Cluster| Some(&cluster.resource_id) == seen.cluster.as_ref();
    let newest = || clusters.iter().filter(ours).max_by_key(|cluster| cluster.created_at);
    let found = clusters.iter().filter(ours).find(named).or_else(newest);
    let instances = match found {
        Some(cluster) => observe::instances(&session.cloud, &[cluster]).await?,
        None => Vec::new(),
    };
    Ok((found.cloned(), instances))
}

/// What a person is told whose command was interrupted.
pub fn interrupted(around: &mut Surroundings, kind: RequestType, name: &str, signal: u8) -> Failure {
    let again = match kind {
        RequestType::Delete => format!("`aurora-clone delete {name}` goes on from here"),
        kind => format!(
            "the same `aurora-clone {} {name} …` goes on from here, and `aurora-clone delete {name}` ends it",
            verb(kind)
        ),
    };
    // Whoever interrupts a command knows that it ended; what is left to say is how it goes on.
    let _ = around.printer.note(&format!("Interrupted. Nothing is lost: {again}."));
    Failure::Signal(signal)
}

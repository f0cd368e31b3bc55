//! Asking CloudFormation whether it still wants what it asked for.

use std::collections::BTreeSet;

use aurora_clone_core::sweep;
use aurora_clone_core::sweep::word::{Described, Exposed, History, exposed, word as word_of};
use chrono::DateTime;

use crate::cloud::{CallError, Cloud};

/// CloudFormation's word about a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// It is being created or updated right now.
    Wanted,
    /// It is not: cancelled, rolled back, deleted, or never there.
    NotWanted(String),
}

/// Asks. An error is no word: access denied or throttled is neither wanted nor not wanted.
pub async fn ask(cloud: &Cloud, stack_id: &str, logical_id: &str) -> Result<Word, CallError> {
    let call =
        cloud.cloudformation.describe_stack_resource().stack_name(stack_id).logical_resource_id(logical_id);
    match call.send().await.map_err(|error| CallError::new("DescribeStackResource", error)) {
        Ok(output) => {
            let status = output
                .stack_resource_detail()
                .and_then(|detail| detail.resource_status())
                .map(|status| status.as_str().to_owned())
                .unwrap_or_default();
            Ok(match status.as_str() {
                "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" => Word::Wanted,
                _ => Word::NotWanted(format!("CloudFormation says that the resource is {status}")),
            })
        }
        Err(error) if is_unknown(&error) => {
            Ok(Word::NotWanted(format!("CloudFormation says: {}", error.message)))
        }
        Err(error) => Err(error),
    }
}

/// "Stack with id … does not exist" and "Resource … does not exist for stack …".
fn is_unknown(error: &CallError) -> bool {
    error.is("ValidationError") && error.message.contains("does not exist")
}

/// What CloudFormation calls a resource while it updates it; `None` where it does not, or has no word about it.
pub async fn updating(cloud: &Cloud, stack_id: &str, logical_id: &str) -> Result<Option<String>, CallError> {
    let call =
        cloud.cloudformation.describe_stack_resource().stack_name(stack_id).logical_resource_id(logical_id);
    let output = call.send().await.map_err(|error| CallError::new("DescribeStackResource", error))?;
    let detail = output.stack_resource_detail();
    let detail = detail.filter(|detail| {
        detail.resource_status().is_some_and(|status| status.as_str() == "UPDATE_IN_PROGRESS")
    });
    Ok(detail.and_then(|detail| detail.physical_resource_id()).map(str::to_owned))
}

/// Whether CloudFormation is rolling a stack back.
pub async fn is_rolling_back(cloud: &Cloud, stack_id: &str) -> Result<bool, CallError> {
    Ok(stack_status(cloud, stack_id).await?.contains("ROLLBACK"))
}

/// A stack's status. A deleted stack has one for 90 days, by its id.
pub async fn stack_status(cloud: &Cloud, stack_id: &str) -> Result<String, CallError> {
    let call = cloud.cloudformation.describe_stacks().stack_name(stack_id);
    let output = call.send().await.map_err(|error| CallError::new("DescribeStacks", error))?;
    let status = output.stacks().first().and_then(|stack| stack.stack_status());
    let status = status.map(|status| status.as_str().to_owned());
    status.ok_or_else(|| CallError::nonsense("DescribeStacks", "a stack without status"))
}

/// The most pages that are read of a listing.
const MAX_PAGES: usize = 1_000;

/// The ids of all stacks that are not deleted.
pub async fn living_stacks(cloud: &Cloud) -> Result<BTreeSet<String>, CallError> {
    const OPERATION: &str = "DescribeStacks";
    let mut stacks = BTreeSet::new();
    let mut token = None;
    for _ in 0..MAX_PAGES {
        let call = cloud.cloudformation.describe_stacks().set_next_token(token.clone());
        let page = call.send().await.map_err(|error| CallError::new(OPERATION, error))?;
        for stack in page.stacks() {
            let id = stack.stack_id().ok_or_else(|| CallError::nonsense(OPERATION, "a stack without id"))?;
            stacks.insert(id.to_owned());
        }
        let next = page.next_token().filter(|next| !next.is_empty()).map(str::to_owned);
        if next.is_none() {
            return Ok(stacks);
        }
        if next == token {
            break;
        }
        token = next;
    }
    Err(CallError::nonsense(OPERATION, "the listing does not end"))
}

/// CloudFormation's word about a resource that was asked for by a stack, and of which these clusters are there. That it has none is
/// a word as well, and an error only says that there was no answer.
pub async fn word(
    cloud: &Cloud,
    stack_id: &str,
    logical_id: &str,
    clusters: &[Exposed<'_>],
) -> Result<sweep::Word, CallError> {
    let no_word = |error: CallError| match error.is_passing() {
        true => Err(error),
        false => Ok(sweep::Word::Unknown(error.to_string())),
    };
    let call =
        cloud.cloudformation.describe_stack_resource().stack_name(stack_id).logical_resource_id(logical_id);
    let found = match call.send().await.map_err(|error| CallError::new("DescribeStackResource", error)) {
        Ok(output) => Some(output),
        // Its stack is described, or there is no word.
        Err(error) if is_unknown(&error) && error.message.contains("does not exist for stack") => None,
        Err(error) => return no_word(error),
    };
    let detail = found.as_ref().and_then(|found| found.stack_resource_detail());
    if found.is_some() && detail.is_none() {
        return Err(CallError::nonsense("DescribeStackResource", "a resource without detail"));
    }
    let described = detail.map(|detail| Described {
        status: detail.resource_status().map(|status| status.as_str()).unwrap_or_default(),
        physical_id: detail.physical_resource_id(),
    });
    // The stack last: a change that begins in between shows.
    let stack = match stack_status(cloud, stack_id).await {
        Ok(stack) => stack,
        Err(error) => return no_word(error),
    };
    let word = word_of(&stack, described);
    let exposed = exposed(&word, clusters);
    if exposed.is_empty() {
        return Ok(word);
    }
    match history(cloud, stack_id, logical_id, &exposed).await {
        Ok(history) => Ok(word.with(&history, clusters)),
        Err(error) => no_word(error),
    }
}

/// A stack's events about a resource, back to the making of the oldest of these clusters.
async fn history(
    cloud: &Cloud,
    stack_id: &str,
    logical_id: &str,
    clusters: &[Exposed<'_>],
) -> Result<History, CallError> {
    const OPERATION: &str = "DescribeStackEvents";
    let oldest = clusters.iter().filter_map(|(_, made)| *made).min();
    let (mut history, mut token) = (History::default(), None);
    for _ in 0..MAX_PAGES {
        let call = cloud.cloudformation.describe_stack_events().stack_name(stack_id);
        let page = call.set_next_token(token.clone()).send().await;
        let page = page.map_err(|error| CallError::new(OPERATION, error))?;
        for event in page.stack_events() {
            let skipped = event.resource_status().is_some_and(|status| status.as_str() == "DELETE_SKIPPED");
            if skipped && event.logical_resource_id() == Some(logical_id) {
                history.kept.extend(event.physical_resource_id().map(str::to_owned));
            }
            let at = event.timestamp().and_then(|at| DateTime::from_timestamp(at.secs(), at.subsec_nanos()));
            // Nobody promises an order within a second.
            history.since = history.since.into_iter().chain(at).min();
        }
        let next = page.next_token().filter(|next| !next.is_empty()).map(str::to_owned);
        let reaches = oldest.zip(history.since).is_some_and(|(oldest, since)| since < oldest);
        if next.is_none() || reaches {
            return Ok(history);
        }
        if next == token {
            break;
        }
        token = next;
    }
    Err(CallError::nonsense(OPERATION, "the listing does not end"))
}

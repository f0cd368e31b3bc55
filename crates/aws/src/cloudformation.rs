//! Asking CloudFormation whether it still wants what it asked for.

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

/// Whether CloudFormation is deleting a stack as a whole.
pub async fn is_deleting(cloud: &Cloud, stack_id: &str) -> Result<bool, CallError> {
    Ok(stack_status(cloud, stack_id).await? == "DELETE_IN_PROGRESS")
}

async fn stack_status(cloud: &Cloud, stack_id: &str) -> Result<String, CallError> {
    let call = cloud.cloudformation.describe_stacks().stack_name(stack_id);
    let output = call.send().await.map_err(|error| CallError::new("DescribeStacks", error))?;
    let status = output.stacks().first().and_then(|stack| stack.stack_status());
    let status = status.map(|status| status.as_str().to_owned());
    status.ok_or_else(|| CallError::nonsense("DescribeStacks", "a stack without status"))
}

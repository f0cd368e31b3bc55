//! What a function reads from its environment, once, when it starts.

use std::sync::Arc;

use aurora_clone_aws::cloud::{self, Cloud, Parts};
use aurora_clone_aws::http;
use aurora_clone_core::arn::{BadArn, Place};
use aurora_clone_core::names::env;
use aurora_clone_core::response_url::{LoopbackOrigin, NotLoopback};
use aurora_clone_core::settings::{BadSetting, Settings};
use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::clone_handler::CloneHandler;
use crate::last_resort::LastResort;
use crate::pool_maintainer::{Emit, PoolMaintainer};

/// A function that can't start.
#[derive(Debug, Error)]
pub enum BadEnvironment {
    /// A variable that is needed.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// The state machine's ARN, which also says where the function lives.
    #[error("the environment variable STATE_MACHINE_ARN: {0}")]
    StateMachine(BadArn),
    /// An operator's setting.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// The origin of a rehearsal.
    #[error(transparent)]
    Origin(#[from] NotLoopback),
    /// The HTTP client.
    #[error(transparent)]
    Client(#[from] http::BadClient),
}

/// Builds the clone handler from the process's environment.
pub fn clone_handler() -> Result<CloneHandler, BadEnvironment> {
    let (cloud, home) = cloud()?;
    Ok(CloneHandler { cloud, settings: settings()?, home, response_origin: response_origin()? })
}

/// Builds the pool maintainer from the process's environment. `emit` gets its metrics.
pub fn pool_maintainer(emit: Emit) -> Result<PoolMaintainer, BadEnvironment> {
    let (cloud, _) = cloud()?;
    Ok(PoolMaintainer { cloud, settings: settings()?, parameter: needed(env::MAINTENANCE_CONFIG)?, emit })
}

/// Builds the last resort from what Lambda itself sets: a bad setting of the operator is one of the troubles that it is for.
pub fn last_resort() -> Result<LastResort, BadEnvironment> {
    let http = http::connector(variable(env::CA_BUNDLE).as_deref())?;
    Ok(LastResort { http, region: needed("AWS_REGION")?, response_origin: response_origin()? })
}

fn response_origin() -> Result<Option<LoopbackOrigin>, NotLoopback> {
    variable(env::RESPONSE_ORIGIN).map(|text| LoopbackOrigin::parse(&text)).transpose()
}

fn settings() -> Result<Settings, BadSetting> {
    // The prefix may be empty on purpose, so its lookup is not the one that takes empty for absent.
    Settings::read(|name| std::env::var(name).ok())
}

fn cloud() -> Result<(Cloud, Place), BadEnvironment> {
    let credentials = aws_credential_types::Credentials::new(
        needed("AWS_ACCESS_KEY_ID")?,
        needed("AWS_SECRET_ACCESS_KEY")?,
        variable("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let ca_bundle = variable(env::CA_BUNDLE);
    let state_machine = needed(env::STATE_MACHINE_ARN)?;
    let (home, _) = Place::of(&state_machine, "states").map_err(BadEnvironment::StateMachine)?;
    let cloud = Cloud::new(Parts {
        region: needed("AWS_REGION")?,
        credentials,
        http: http::connector(ca_bundle.as_deref())?,
        table: needed(env::TABLE_NAME)?,
        state_machine,
        clock: Arc::new(now),
        endpoint: Box::new(|id| cloud::endpoint(variable, id)),
    });
    Ok((cloud, home))
}

/// The endpoint of the table's service, where the first connection is opened.
pub fn first_endpoint() -> Option<String> {
    let region = variable("AWS_REGION")?;
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let own = format!("https://dynamodb.{region}.{domain}/");
    Some(cloud::endpoint(variable, "DYNAMODB").unwrap_or(own))
}

/// The wall clock.
fn now() -> DateTime<Utc> {
    DateTime::from(std::time::SystemTime::now())
}

/// A variable that is set and not empty.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn needed(name: &'static str) -> Result<String, BadEnvironment> {
    variable(name).ok_or(BadEnvironment::Missing(name))
}

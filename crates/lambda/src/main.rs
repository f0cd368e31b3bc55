//! The `bootstrap` of the package: one binary, whose handler `_HANDLER` chooses.

use std::fmt::Display;
use std::io::Write as _;
use std::sync::Arc;

use aurora_clone_core::names::env;
use aurora_clone_lambda::environment::{self, BadEnvironment, variable};
use aurora_clone_lambda::logging;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::start(variable(env::LOG_LEVEL).as_deref());
    let handler = variable("_HANDLER").unwrap_or_default();
    match handler.as_str() {
        "clone-handler" => clone_handler().await,
        "last-resort" => last_resort().await,
        "pool-maintainer" => pool_maintainer().await,
        _ => Err(format!(
            "_HANDLER is {handler:?}; this package has clone-handler, last-resort and pool-maintainer"
        )
        .into()),
    }
}

async fn clone_handler() -> Result<(), Error> {
    let handler = Arc::new(started(environment::clone_handler())?);
    if let Some(url) = environment::first_endpoint() {
        handler.cloud.warm_up(&url).await;
    }
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let handler = Arc::clone(&handler);
        async move {
            // Boxed: the steps are deep, and the compiler follows unboxed futures only so far.
            let ended = Box::pin(handler.handle(event.payload)).await;
            ended.map_err(|error| diagnostic(error.name(), &error))
        }
    }))
    .await
}

async fn last_resort() -> Result<(), Error> {
    let last_resort = Arc::new(started(environment::last_resort())?);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let last_resort = Arc::clone(&last_resort);
        async move {
            let ended = last_resort.handle(event.payload).await;
            ended.map_err(|error| diagnostic(error.name(), &error))
        }
    }))
    .await
}

async fn pool_maintainer() -> Result<(), Error> {
    let emit = Arc::new(|line: &Value| {
        // A line of its own, as CloudWatch reads metrics from logs. Where the log is gone nobody can be told.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    });
    let maintainer = Arc::new(started(environment::pool_maintainer(emit))?);
    if let Some(url) = environment::first_endpoint() {
        maintainer.cloud.warm_up(&url).await;
    }
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let maintainer = Arc::clone(&maintainer);
        async move {
            let ended = Box::pin(maintainer.handle(event.payload)).await;
            ended.map_err(|error| diagnostic(error.name(), &error))
        }
    }))
    .await
}

/// What was built from the environment; the log says why it could not be.
fn started<T>(built: Result<T, BadEnvironment>) -> Result<T, BadEnvironment> {
    built.inspect_err(|error| tracing::error!(%error, "the function can't start"))
}

/// An error as Lambda reports it: the state machine's `Retry` goes by the name.
fn diagnostic(name: &str, error: &impl Display) -> Diagnostic {
    Diagnostic { error_type: name.to_owned(), error_message: error.to_string() }
}

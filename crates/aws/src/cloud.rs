//! The clients of one process, and what they have in common.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::read_only::OnlyReads;
use crate::skew::Skew;

/// How long one call may take with all its attempts. Shorter than a lock's lease.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(45);

/// What time it is.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Where a service is, by its id, if not at AWS's own endpoint.
pub type Endpoints = Box<dyn Fn(&str) -> Option<String>>;

/// Everything that reaches AWS.
#[derive(Clone)]
pub struct Cloud {
    /// RDS.
    pub rds: aws_sdk_rds::Client,
    /// CloudFormation.
    pub cloudformation: aws_sdk_cloudformation::Client,
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Step Functions.
    pub states: aws_sdk_sfn::Client,
    /// Secrets Manager.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// KMS.
    pub kms: aws_sdk_kms::Client,
    /// EventBridge.
    pub events: aws_sdk_eventbridge::Client,
    /// Systems Manager, for the maintenance configuration.
    pub ssm: aws_sdk_ssm::Client,
    /// The connection that all of them share; the answer to CloudFormation goes through it as well.
    pub http: SharedHttpConnector,
    /// The table of requests, locks and fences.
    pub table: String,
    /// The state machine that follows a request.
    pub state_machine: String,
    /// What time it is. Steps take their time from the state machine; this is for leases.
    pub clock: Clock,
    skew: Skew,
}

/// What a [`Cloud`] is made of.
pub struct Parts {
    /// The region.
    pub region: String,
    /// Who calls.
    pub credentials: Credentials,
    /// The connection.
    pub http: SharedHttpConnector,
    /// The table's name.
    pub table: String,
    /// The state machine's ARN.
    pub state_machine: String,
    /// What time it is.
    pub clock: Clock,
    /// The endpoint of a service where it is not AWS's own, by the service's id as in `AWS_ENDPOINT_URL_<ID>`.
    pub endpoint: Endpoints,
}

/// What of a [`Cloud`] is this manager's own.
pub struct Own {
    /// The table's name.
    pub table: String,
    /// The state machine's ARN; empty where nothing is handed over to one.
    pub state_machine: String,
    /// What time it is.
    pub clock: Clock,
}

/// A configuration whose calls go through this connection, and are tried as often and as long as ours are.
pub fn over(config: &SdkConfig, http: &SharedHttpConnector) -> SdkConfig {
    let connector = http.clone();
    config
        .to_builder()
        .behavior_version(aws_sdk_rds::config::BehaviorVersion::latest())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(3))
                .read_timeout(Duration::from_secs(10))
                .operation_attempt_timeout(Duration::from_secs(15))
                .operation_timeout(OPERATION_TIMEOUT)
                .build(),
        )
        .build()
}

impl Cloud {
    /// Builds the clients. No connection is opened yet.
    pub fn new(parts: Parts) -> Self {
        let config = SdkConfig::builder()
            .region(Region::new(parts.region))
            .credentials_provider(SharedCredentialsProvider::new(parts.credentials))
            .build();
        let own = Own { table: parts.table, state_machine: parts.state_machine, clock: parts.clock };
        Self::build(&config, parts.http, own, parts.endpoint)
    }

    /// Builds the clients for who found his credentials, region and endpoints elsewhere, as the AWS CLI does; the connection and how
    /// long it is tried are ours. `state_machine` is empty where no request is handed over to one.
    pub fn with_config(config: &SdkConfig, http: SharedHttpConnector, own: Own) -> Self {
        Self::build(config, http, own, Box::new(|_| None))
    }

    fn build(config: &SdkConfig, http: SharedHttpConnector, own: Own, endpoint: Endpoints) -> Self {
        let skew = Skew::default();
        let http = skew.watching(http, Arc::clone(&own.clock));
        let config = over(config, &http);
        let mut rds = aws_sdk_rds::config::Builder::from(&config);
        let mut cloudformation = aws_sdk_cloudformation::config::Builder::from(&config);
        let mut dynamodb = aws_sdk_dynamodb::config::Builder::from(&config);
        let mut states = aws_sdk_sfn::config::Builder::from(&config);
        let mut secrets = aws_sdk_secretsmanager::config::Builder::from(&config);
        let mut kms = aws_sdk_kms::config::Builder::from(&config);
        let mut events = aws_sdk_eventbridge::config::Builder::from(&config);
        let mut ssm = aws_sdk_ssm::config::Builder::from(&config);
        // What is not given stays as the configuration has it.
        if let Some(url) = endpoint("RDS") {
            rds.set_endpoint_url(Some(url));
        }
        if let Some(url) = endpoint("CLOUDFORMATION") {
            cloudformation.set_endpoint_url(Some(url));
        }
        if let Some(url) = endpoint("DYNAMODB") {
            dynamodb.set_endpoint_url(Some(url));
        }
        if let Some(url) = endpoint("SFN") {
            states.set_endpoint_url(Some(url));
        }
        if let Some(url) = endpoint("SECRETS_MANAGER") {
            secrets.set_endpoint_url(Some(url));
        }
        if let Some(url) = endpoint("KMS") {
            kms.set_endpoint_url(Some(url));
        }
        if let Some(url) = endpoint("EVENTBRIDGE") {
            events.set_endpoint_url(Some(url));
        }
        if let Some(url) = endpoint("SSM") {
            ssm.set_endpoint_url(Some(url));
        }
        Self {
            rds: aws_sdk_rds::Client::from_conf(rds.build()),
            cloudformation: aws_sdk_cloudformation::Client::from_conf(cloudformation.build()),
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            states: aws_sdk_sfn::Client::from_conf(states.build()),
            secrets: aws_sdk_secretsmanager::Client::from_conf(secrets.build()),
            kms: aws_sdk_kms::Client::from_conf(kms.build()),
            events: aws_sdk_eventbridge::Client::from_conf(events.build()),
            ssm: aws_sdk_ssm::Client::from_conf(ssm.build()),
            http,
            table: own.table,
            state_machine: own.state_machine,
            clock: own.clock,
            skew,
        }
    }

    /// The same clients over another connection.
    pub(crate) fn over(&self, http: SharedHttpConnector) -> Self {
        let connector = http.clone();
        let client = http_client_fn(move |_, _| connector.clone());
        let rds = self.rds.config().to_builder().http_client(client.clone());
        let cloudformation = self.cloudformation.config().to_builder().http_client(client.clone());
        let dynamodb = self.dynamodb.config().to_builder().http_client(client.clone());
        let states = self.states.config().to_builder().http_client(client.clone());
        let secrets = self.secrets.config().to_builder().http_client(client.clone());
        let kms = self.kms.config().to_builder().http_client(client.clone());
        let events = self.events.config().to_builder().http_client(client.clone());
        let ssm = self.ssm.config().to_builder().http_client(client);
        Self {
            rds: aws_sdk_rds::Client::from_conf(rds.build()),
            cloudformation: aws_sdk_cloudformation::Client::from_conf(cloudformation.build()),
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            states: aws_sdk_sfn::Client::from_conf(states.build()),
            secrets: aws_sdk_secretsmanager::Client::from_conf(secrets.build()),
            kms: aws_sdk_kms::Client::from_conf(kms.build()),
            events: aws_sdk_eventbridge::Client::from_conf(events.build()),
            ssm: aws_sdk_ssm::Client::from_conf(ssm.build()),
            http,
            ..self.clone()
        }
    }

    /// Opens the first connection, to the table's endpoint, while the function starts: then Lambda gives it a whole
    /// processor. Whether it works is for the first real call to find out.
    pub async fn warm_up(&self, url: &str) {
        let mut request = HttpRequest::empty();
        if request.set_uri(url).is_ok() {
            let _ = tokio::time::timeout(Duration::from_secs(2), self.http.call(request)).await;
        }
    }

    /// What time it is.
    pub fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    /// How far AWS's clock is ahead of this process's, by the latest answer that had a date; `None` before there was one. AWS dates
    /// in whole seconds, and an answer takes its time, so a few seconds mean nothing.
    pub fn skew(&self) -> Option<chrono::Duration> {
        self.skew.get()
    }
}

/// An error with its sources, as they are displayed. Their `Debug` would show the raw answer of AWS, and an item of the table
/// holds the response URL.
fn in_words(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}

/// The refusal of clients that only read, where that is why a call failed.
fn refusal<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e OnlyReads> {
    let mut errors = std::iter::successors(Some(error), |error| error.source());
    errors.find_map(|error| error.downcast_ref())
}

/// The endpoint of a service by the SDKs' environment variables: `AWS_ENDPOINT_URL_<ID>`, then `AWS_ENDPOINT_URL`.
pub fn endpoint(variable: impl Fn(&str) -> Option<String>, id: &str) -> Option<String> {
    let given = |name: &str| variable(name).filter(|value| !value.is_empty());
    given(&format!("AWS_ENDPOINT_URL_{id}")).or_else(|| given("AWS_ENDPOINT_URL"))
}

/// A call to AWS that failed for good, after the SDK's own attempts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{operation} failed: {message}")]
pub struct CallError {
    /// The operation.
    pub operation: &'static str,
    /// AWS's error code; `None` where there was no answer.
    pub code: Option<String>,
    /// What AWS or the connection said.
    pub message: String,
}

impl CallError {
    /// The error of an SDK call.
    pub fn new<E>(operation: &'static str, error: E) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        if let Some(refused) = refusal(&error) {
            return Self { operation, code: Some(OnlyReads::CODE.to_owned()), message: refused.to_string() };
        }
        let code = error.code().map(str::to_owned);
        let message = match (error.code(), error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            _ => in_words(&error),
        };
        Self { operation, code, message }
    }

    /// An answer of AWS that can't be right.
    pub fn nonsense(operation: &'static str, message: impl Into<String>) -> Self {
        Self { operation, code: None, message: message.into() }
    }

    /// Whether AWS answered with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Whether the same call may go through later: throttled, broken on AWS's side, or never answered. Everything else is AWS's
    /// last word.
    pub fn is_passing(&self) -> bool {
        const PASSING: [&str; 16] = [
            "DependencyTimeoutException",
            "InternalException",
            "InternalServiceError",
            "KMSInternalException",
            "KeyUnavailableException",
            "InternalFailure",
            "InternalError",
            "InternalServerError",
            "ServiceUnavailable",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "RequestTimeout",
        ];
        match self.code.as_deref() {
            None => true,
            Some(code) => PASSING.contains(&code),
        }
    }
}

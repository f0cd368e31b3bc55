//! The fake AWS as an HTTP client of the AWS SDK: real requests, signatures, retries and parsing over a fake wire.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt as _;

use crate::http::{Request, Response};
use crate::sim::{CallError, INVOCATION, Sim};
use crate::world::Origin;

/// An HTTP client for SDK clients (and whatever else speaks Smithy's HTTP types) that ends in a [`Sim`].
///
/// Calls from inside [`Sim::run_function`] are known to be of that invocation. All calls are subject to faults.
#[derive(Debug, Clone)]
pub struct SimHttpClient {
    sim: Sim,
    read_timeout: Option<Duration>,
}

impl SimHttpClient {
    /// A client without a read timeout of its own; the SDK's settings bring theirs.
    pub fn new(sim: Sim) -> Self {
        Self { sim, read_timeout: None }
    }

    /// Sets the read timeout that applies where the settings have none.
    #[must_use]
    pub fn with_read_timeout(self, read_timeout: Duration) -> Self {
        Self { read_timeout: Some(read_timeout), ..self }
    }
}

impl HttpClient for SimHttpClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let read_timeout = settings.read_timeout().or(self.read_timeout);
        SharedHttpConnector::new(Self { sim: self.sim.clone(), read_timeout })
    }
}

impl HttpConnector for SimHttpClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (sim, read_timeout) = (self.sim.clone(), self.read_timeout);
        // Read here: a connector's future may be polled elsewhere, its call is made by the task that wants it.
        let invocation = INVOCATION.try_get().ok();
        HttpConnectorFuture::new(async move {
            let request = from_sdk(request).await?;
            let call = sim.call(request, Origin { invocation, faultable: true });
            let reply = match read_timeout.and_then(|limit| chrono::Duration::from_std(limit).ok()) {
                None => call.await,
                Some(limit) => tokio::select! {
                    biased;
                    reply = call => reply,
                    () = sim.sleep(limit) => {
                        return Err(ConnectorError::timeout("no reply within the read timeout (simulated)".into()));
                    }
                },
            };
            match reply {
                Ok(response) => to_sdk(response),
                Err(error @ CallError::Lost) => Err(ConnectorError::io(error.into())),
                // The process is dead: nothing that comes after this call may run.
                Err(CallError::Crashed) if invocation.is_some() => std::future::pending().await,
                Err(error @ CallError::Crashed) => Err(ConnectorError::other(error.into(), None)),
            }
        })
    }
}

async fn from_sdk(mut request: HttpRequest) -> Result<Request, ConnectorError> {
    let body = request.take_body().collect().await.map_err(ConnectorError::user)?.to_bytes().to_vec();
    let uri: http::Uri = request.uri().parse().map_err(|error| ConnectorError::user(Box::new(error)))?;
    let headers = request.headers().iter();
    Ok(Request {
        method: request.method().to_owned(),
        host: uri.host().unwrap_or_default().to_owned(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
        body,
    })
}

fn to_sdk(response: Response) -> Result<HttpResponse, ConnectorError> {
    let mut builder = http::Response::builder().status(response.status);
    for (name, value) in &response.headers {
        builder = builder.header(name, value);
    }
    let response = builder
        .body(SdkBody::from(response.body))
        .map_err(|error| ConnectorError::other(Box::new(error), None))?;
    HttpResponse::try_from(response).map_err(|error| ConnectorError::other(Box::new(error), None))
}

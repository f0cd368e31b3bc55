//! The one HTTP client of the process: the SDK's calls and the answer to CloudFormation go through it.
//!
//! It is `reqwest` on rustls with *ring* and with Amazon's own root certificates. Other choices cost: aws-lc-rs draws its first
//! random number for 420 million instructions, and a bundle of all public roots makes up most of the
//! start-up time. Redirects are not followed and proxies are not used: the function talks to AWS and to nobody else.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;

/// Amazon Root CA 1 to 4 and Starfield Services G2: what AWS's endpoints are signed with
/// (<https://www.amazontrust.com/repository/>).
const AMAZON_ROOTS: &[u8] = include_bytes!("../roots/amazon.pem");

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);
/// How long one request may take altogether.
const REQUEST: Duration = Duration::from_secs(15);

/// A client that could not be built.
#[derive(Debug, Error)]
pub enum BadClient {
    /// The bundle can't be read.
    #[error("AWS_CA_BUNDLE names {path}, which can't be read")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The bundle holds no certificate, or a broken one.
    #[error("the certificate authorities in {0} can't be used: it takes PEM certificates")]
    Certificates(String),
    /// rustls or reqwest refused the configuration.
    #[error("the HTTP client can't be set up")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The connector for everything; `ca_bundle` is a PEM file to trust instead of Amazon's roots.
pub fn connector(ca_bundle: Option<&str>) -> Result<SharedHttpConnector, BadClient> {
    let (name, pem) = match ca_bundle {
        None => ("the built-in list".to_owned(), AMAZON_ROOTS.to_vec()),
        Some(path) => {
            let pem = std::fs::read(path)
                .map_err(|source| BadClient::Unreadable { path: path.to_owned(), source })?;
            (path.to_owned(), pem)
        }
    };
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|_| BadClient::Certificates(name.clone()))?;
        roots.add(certificate).map_err(|_| BadClient::Certificates(name.clone()))?;
    }
    if roots.is_empty() {
        return Err(BadClient::Certificates(name));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| BadClient::Setup(error.into()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .timeout(REQUEST)
        .build()
        .map_err(|error| BadClient::Setup(error.into()))?;
    Ok(SharedHttpConnector::new(Reqwest(client)))
}

/// `reqwest` as the SDK's connector.
#[derive(Debug)]
struct Reqwest(reqwest::Client);

impl HttpConnector for Reqwest {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move { send(client, request).await })
    }
}

async fn send(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(ConnectorError::user)?.to_bytes();
    let request = reqwest::Request::try_from(http::Request::from_parts(parts, body))
        .map_err(|error| ConnectorError::user(error.without_url().into()))?;
    let response = client.execute(request).await.map_err(failed)?;
    let mut answer = http::Response::builder().status(response.status());
    if let Some(headers) = answer.headers_mut() {
        headers.clone_from(response.headers());
    }
    let body = response.bytes().await.map_err(failed)?;
    let answer =
        answer.body(SdkBody::from(body)).map_err(|error| ConnectorError::other(error.into(), None))?;
    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
}

/// The error without the URL: a response URL is a secret.
fn failed(error: reqwest::Error) -> ConnectorError {
    let error = error.without_url();
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else {
        // Whatever else happens to a connection is worth another attempt; the SDK decides how many.
        ConnectorError::io(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazons_roots_are_built_in_and_a_bundle_is_checked() {
        assert!(connector(None).is_ok());
        assert!(matches!(connector(Some("/nonexistent")), Err(BadClient::Unreadable { .. })));
        assert!(matches!(connector(Some("/dev/null")), Err(BadClient::Certificates(_))));
    }
}

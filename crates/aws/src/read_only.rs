//! Clients that can't write: whoever is handed them can plan, and nothing else, however wrong the code is that holds them.
//!
//! The wall is the connection itself. A flag would have to be heeded by every writer, the next one included.

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use thiserror::Error;

use crate::cloud::Cloud;

/// The operations that are let through, as AWS spells them; everything else is refused. `GetSecretValue` is none of them: a plan needs
/// no password.
pub const READS: [&str; 24] = [
    "DescribeDBClusters",
    "DescribeDBInstances",
    "DescribeDBClusterSnapshots",
    "DescribeStacks",
    "DescribeStackEvents",
    "DescribeStackResource",
    "DescribeStackResources",
    "DescribeAccountAttributes",
    "DescribeDBSubnetGroups",
    "DescribeDBClusterParameterGroups",
    "DescribeDBParameterGroups",
    "DescribePendingMaintenanceActions",
    "GetCallerIdentity",
    "SimulatePrincipalPolicy",
    "GetItem",
    "GetParameter",
    "DescribeSecret",
    "GetResourcePolicy",
    "ListSecrets",
    "DescribeKey",
    "GetKeyPolicy",
    "ListResourceTags",
    "ListKeys",
    "ListAliases",
];

/// A request that was not sent. It names no URL: a response URL is a secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0} was not sent: these clients only read, and it is none of the reads that they let through")]
pub struct OnlyReads(String);

impl OnlyReads {
    /// The code that a refused call has as its error's code, so that nobody takes it for a call without an answer.
    pub const CODE: &'static str = "OnlyReads";
}

impl Cloud {
    /// The same clients over a connection that lets only reads through.
    #[must_use]
    pub fn read_only(&self) -> Self {
        self.over(SharedHttpConnector::new(ReadOnly(self.http.clone())))
    }
}

#[derive(Debug)]
struct ReadOnly(SharedHttpConnector);

impl HttpConnector for ReadOnly {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match operation(&request) {
            Some(operation) if READS.contains(&operation) => self.0.call(request),
            other => {
                let what = other.map_or_else(
                    || format!("an HTTP {} of no operation that is known", request.method()),
                    str::to_owned,
                );
                // An error of the user's is not tried again.
                HttpConnectorFuture::ready(Err(ConnectorError::user(OnlyReads(what).into())))
            }
        }
    }
}

/// The operation that a request asks for: of a JSON service by its header, of a query service by its form. A request that names one
/// in both ways is none that the SDK makes.
fn operation(request: &HttpRequest) -> Option<&str> {
    if request.method() != "POST" {
        return None;
    }
    let target = request.headers().get("x-amz-target");
    let target = target.and_then(|target| target.split_once('.')).map(|(_, operation)| operation);
    let form = request.body().bytes().and_then(|body| std::str::from_utf8(body).ok());
    let mut actions = form.unwrap_or_default().split('&').filter_map(|pair| pair.strip_prefix("Action="));
    match (target, actions.next(), actions.next()) {
        (Some(operation), None, None) | (None, Some(operation), None) => Some(operation),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::operation;
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

    fn request(method: &str, target: Option<&str>, body: &'static str) -> HttpRequest {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method(method).expect("a method");
        if let Some(target) = target {
            request.headers_mut().insert("x-amz-target", target.to_owned());
        }
        request
    }

    #[test]
    fn what_a_request_asks_for() {
        let json = Some("DynamoDB_20120810.GetItem");
        let form = "Action=DescribeDBClusters&Version=2014-10-31";
        for (method, target, body, asked) in [
            ("POST", json, "{}", Some("GetItem")),
            ("POST", None, form, Some("DescribeDBClusters")),
            ("POST", None, "Version=2014-10-31&Action=DescribeDBClusters", Some("DescribeDBClusters")),
            ("POST", None, "Action=DescribeDBClusters&Action=DeleteDBCluster", None),
            ("POST", json, form, None),
            ("POST", Some("GetItem"), "{}", None),
            ("POST", None, "", None),
            ("PUT", None, "{}", None),
            ("GET", json, "", None),
        ] {
            assert_eq!(operation(&request(method, target, body)), asked, "{method} {target:?} {body}");
        }
    }
}

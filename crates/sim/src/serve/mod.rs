//! The fake AWS on loopback: for a real function binary, the AWS CLI and boto3.
//!
//! [`serve`] is the endpoint of every service and of the response bucket. [`serve_runtime_api`] is what Lambda shows
//! to one function's process, on a listener of its own, because the process is told no more than `host:port`.

mod runtime_api;
mod spectator;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::http::{Request, Response};
use crate::sim::{CallError, Sim};
use crate::world::Origin;

/// The longest request body that is read.
pub const LONGEST_BODY: usize = 1024 * 1024;

const GREETING: &str = "\
This is a simulation of AWS (RDS, DynamoDB, Step Functions, CloudFormation and its response bucket,
Secrets Manager, KMS, EventBridge, SSM Parameter Store, CloudWatch and its Logs, STS, and IAM's simulation).
Nothing here is real, nothing costs anything, and no signature is checked.
GET /_sim/state tells how the simulated world is. POST /_sim/login with {\"cluster\": …, \"password\": …} tells
whether that password opens that cluster.
";

/// Serves the World for ever. Dropping the future closes every connection.
pub async fn serve(sim: Sim, listener: TcpListener) {
    let handler = move |request: Request| {
        let sim = sim.clone();
        async move {
            match (request.method.as_str(), request.path.as_str()) {
                ("GET", "/") => Ok(Response::new(200, "text/plain", GREETING)),
                ("GET", "/_sim/state") => Ok(spectator::state(&sim)),
                ("POST", "/_sim/login") => Ok(spectator::login(&sim, &request)),
                _ => sim.call(request, Origin::default()).await,
            }
        }
    };
    accept(listener, handler).await;
}

/// Serves Lambda's runtime API to the processes of one function, for ever: `AWS_LAMBDA_RUNTIME_API` is the
/// listener's address. Several processes may poll at once; each invocation goes to one of them.
pub async fn serve_runtime_api(sim: Sim, listener: TcpListener, function: &str) {
    let function: Arc<str> = function.into();
    let handler = move |request: Request| {
        let (sim, function) = (sim.clone(), Arc::clone(&function));
        async move { Ok(runtime_api::handle(&sim, &function, &request).await) }
    };
    accept(listener, handler).await;
}

async fn accept<H, Fut>(listener: TcpListener, handler: H)
where
    H: Fn(Request) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, CallError>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, handler.clone()));
                }
                // Out of file descriptors, most likely: the next moment may be better.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
        }
    }
}

/// Serves one connection. An error of the service (a lost reply) closes it without an answer.
async fn converse<H, Fut>(stream: TcpStream, handler: H)
where
    H: Fn(Request) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, CallError>> + Send + 'static,
{
    let service = service_fn(move |incoming| {
        let handler = handler.clone();
        async move {
            let response = match read(incoming).await {
                Ok(request) => handler(request).await?,
                Err(refusal) => refusal,
            };
            Ok::<_, CallError>(write(response))
        }
    });
    // How a connection ends concerns nobody but the client.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn read(incoming: hyper::Request<Incoming>) -> Result<Request, Response> {
    let (head, body) = incoming.into_parts();
    let body = Limited::new(body, LONGEST_BODY).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Response::new(413, "text/plain", "the body is longer than 1 MiB\n")
        } else {
            Response::new(400, "text/plain", "the body broke off\n")
        }
    })?;
    let headers = head.headers.iter();
    let headers: Vec<(String, String)> = headers
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let host = head.uri.authority().cloned().or_else(|| {
        let (_, host) = headers.iter().find(|(name, _)| name == "host")?;
        host.parse().ok()
    });
    Ok(Request {
        method: head.method.as_str().to_owned(),
        host: host.map(|authority| authority.host().to_owned()).unwrap_or_default(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: body.to_bytes().to_vec(),
    })
}

fn write(response: Response) -> hyper::Response<Full<Bytes>> {
    let mut builder = hyper::Response::builder().status(response.status);
    for (name, value) in &response.headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::from(response.body)).unwrap_or_else(|error| {
        let mut broken = hyper::Response::new(Full::from(format!("the simulation made no sense: {error}\n")));
        *broken.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        broken
    })
}

//! A connection for unit tests: it answers with what it was told, in that order, and keeps what was sent. Whole flows run over the
//! simulated account instead; this is for what one call says, and for answers that no flow leads to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use chrono::{TimeZone as _, Utc};

use crate::cloud::{Cloud, Parts};

type Answer = (u16, String, Option<String>);

/// The two ends of the connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    sent: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    pub(crate) fn answer(&self, status: u16, body: &str) {
        self.answer_dated(status, body, None);
    }

    pub(crate) fn answer_dated(&self, status: u16, body: &str, date: Option<&str>) {
        let answer = (status, body.to_owned(), date.map(str::to_owned));
        self.answers.lock().expect("answers").push_back(answer);
    }

    /// An error of RDS.
    pub(crate) fn refuse(&self, code: &str) {
        let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error>");
        self.answer(400, &format!("<ErrorResponse>{error}</ErrorResponse>"));
    }

    /// The bodies that were sent since it was last asked.
    pub(crate) fn sent(&self) -> Vec<String> {
        std::mem::take(&mut *self.sent.lock().expect("requests"))
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default();
        self.sent.lock().expect("requests").push(String::from_utf8_lossy(body).into_owned());
        let next = self.answers.lock().expect("answers").pop_front();
        let (status, body, date) = next.expect("an answer to every request");
        let mut response = HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body));
        if let Some(date) = date {
            response.headers_mut().insert("date", date);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

/// Clients over such a connection; their clock stands still.
pub(crate) fn cloud() -> (Cloud, Wire) {
    let wire = Wire::default();
    let now = Utc.with_ymd_and_hms(2026, 6, 21, 0, 0, 0).unwrap();
    let cloud = Cloud::new(Parts {
        region: "eu-west-1".to_owned(),
        credentials: Credentials::new("AKIAFAKE", "secret", None, None, "fake"),
        http: SharedHttpConnector::new(wire.clone()),
        table: "table".to_owned(),
        state_machine: "machine".to_owned(),
        clock: Arc::new(move || now),
        endpoint: Box::new(|_| None),
    });
    (cloud, wire)
}

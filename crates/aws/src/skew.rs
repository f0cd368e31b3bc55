//! How far this process's clock is from AWS's: what deletes by age must not believe a clock that is wrong.
//!
//! AWS dates every answer, so nothing has to be asked for it.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::date_time::{DateTime as AnyTime, Format};
use chrono::{DateTime, Duration, Utc};

use crate::cloud::Clock;

/// The difference, as the latest answer showed it; nothing until there was one with a date.
#[derive(Debug, Clone, Default)]
pub(crate) struct Skew(Arc<Mutex<Option<Duration>>>);

impl Skew {
    /// What is known now.
    pub(crate) fn get(&self) -> Option<Duration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, skew: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(skew);
    }

    /// A connection that keeps what every answer shows.
    pub(crate) fn watching(&self, http: SharedHttpConnector, clock: Clock) -> SharedHttpConnector {
        SharedHttpConnector::new(Watching { http, clock, skew: self.clone() })
    }
}

struct Watching {
    http: SharedHttpConnector,
    clock: Clock,
    skew: Skew,
}

impl std::fmt::Debug for Watching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Watching").field(&self.http).finish()
    }
}

impl HttpConnector for Watching {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (clock, skew) = (Arc::clone(&self.clock), self.skew.clone());
        let call = self.http.call(request);
        HttpConnectorFuture::new(async move {
            let response = call.await?;
            if let Some(date) = date(&response) {
                skew.set(date - clock());
            }
            Ok(response)
        })
    }
}

/// When AWS says that it answered, in whole seconds.
fn date(response: &HttpResponse) -> Option<DateTime<Utc>> {
    let date = AnyTime::from_str(response.headers().get("date")?, Format::HttpDate).ok()?;
    DateTime::from_timestamp(date.secs(), 0)
}

#[cfg(test)]
mod tests {
    use chrono::{Duration, TimeZone as _, Utc};

    use crate::fake;

    #[tokio::test]
    async fn the_latest_dated_answer_counts() {
        let (cloud, wire) = fake::cloud();
        assert_eq!(cloud.skew(), None);
        // The clock of the fake stands still at midnight.
        assert_eq!(cloud.now(), Utc.with_ymd_and_hms(2026, 6, 21, 0, 0, 0).unwrap());
        for (date, skew) in [
            (None, None),
            (Some("Sun, 21 Jun 2026 00:00:00 GMT"), Some(Duration::zero())),
            (Some("Sun, 21 Jun 2026 00:11:00 GMT"), Some(Duration::minutes(11))),
            (None, Some(Duration::minutes(11))),
            (Some("yesterday"), Some(Duration::minutes(11))),
            (Some("Fri, 19 Jun 2026 23:59:59 GMT"), Some(Duration::seconds(-86_401))),
        ] {
            wire.answer_dated(200, "{}", date);
            assert!(cloud.dynamodb.get_item().table_name("t").send().await.is_ok());
            assert_eq!(cloud.skew(), skew, "{date:?}");
        }
        // A refusal is dated as well, and clients over the same connection know the same.
        wire.answer_dated(400, r#"{"__type":"Nonsense"}"#, Some("Sun, 21 Jun 2026 00:00:30 GMT"));
        let _ = cloud.read_only().dynamodb.get_item().table_name("t").send().await;
        assert_eq!(cloud.skew(), Some(Duration::seconds(30)));
        assert_eq!(cloud.read_only().skew(), cloud.skew());
    }
}

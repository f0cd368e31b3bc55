//! The presigned URL that CloudFormation wants its answer at.
//!
//! Whoever sees the URL can complete the resource, and whoever writes it decides where our function connects to. So it is
//! never shown, and only CloudFormation's own buckets in our own region are answered.

use chrono::{DateTime, NaiveDateTime, Utc};
use thiserror::Error;
use url::{Host, Url};

use crate::arn::Place;

/// A checked response URL: whoever sees it can answer CloudFormation. It has no `Debug`, no `Display` and no `Serialize`, so it
/// can't reach a log by accident.
///
/// ```compile_fail
/// fn shown(url: &aurora_clone_core::response_url::ResponseUrl) -> String {
///     format!("{url:?}")
/// }
/// ```
/// ```compile_fail
/// fn shown(url: &aurora_clone_core::response_url::ResponseUrl) -> String {
///     format!("{url}")
/// }
/// ```
/// ```compile_fail
/// fn shown(url: &aurora_clone_core::response_url::ResponseUrl) -> String {
///     serde_json::to_string(url).unwrap_or_default()
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ResponseUrl(String);

impl ResponseUrl {
    /// Checks `text`: https to a CloudFormation response bucket of `place`'s region, without user, port or fragment; or the
    /// `extra` origin, which the operator allows for rehearsals and which is on this machine.
    pub fn parse(text: &str, place: &Place, extra: Option<&LoopbackOrigin>) -> Result<Self, BadResponseUrl> {
        let url = Url::parse(text).map_err(|_| BadResponseUrl("it is not a URL"))?;
        // Whoever connects reads the text and not what was parsed, so both must be the same: no blanks that are
        // dropped, no missing slashes, no host in another spelling.
        let same = url.host_str().and_then(|host| {
            let rest = text.strip_prefix(url.scheme())?.strip_prefix("://")?.strip_prefix(host)?;
            Some(rest.starts_with('/') || rest.starts_with(':'))
        });
        let plain = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c);
        if url.username().is_empty()
            && url.password().is_none()
            && (same != Some(true) || !text.chars().all(plain))
        {
            return Err(BadResponseUrl("it is not written as a URL has to be"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadResponseUrl("it names a user"));
        }
        if url.fragment().is_some() {
            return Err(BadResponseUrl("it has a fragment"));
        }
        if extra.is_some_and(|origin| url.origin().ascii_serialization() == origin.0) {
            return Ok(Self(text.to_owned()));
        }
        if url.scheme() != "https" {
            return Err(BadResponseUrl("its scheme is not https"));
        }
        // Parsing drops a colon with nothing or the default port behind it.
        if !text.starts_with(&format!("https://{}/", url.host_str().unwrap_or_default())) {
            return Err(BadResponseUrl("it names a port"));
        }
        match url.host() {
            Some(Host::Domain(host)) if is_response_bucket(host, &place.region) => Ok(Self(text.to_owned())),
            _ => Err(BadResponseUrl("its host is not a CloudFormation response bucket of this region")),
        }
    }

    /// When CloudFormation signed it, which is when it began to wait: the only time that an event carries.
    pub fn issued_at(&self) -> Option<DateTime<Utc>> {
        let url = Url::parse(&self.0).ok()?;
        let (_, date) = url.query_pairs().find(|(name, _)| name == "X-Amz-Date")?;
        NaiveDateTime::parse_from_str(&date, "%Y%m%dT%H%M%SZ").ok().map(|time| time.and_utc())
    }

    /// A URL that was checked before it was stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The URL itself, for the request line of the PUT and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A response URL that is not answered. The text never contains the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the ResponseURL is refused: {0}")]
pub struct BadResponseUrl(&'static str);

/// `cloudformation-custom-resource-response-REGIONWITHOUTDASHES.s3[.-]REGION.amazonaws.com`, or without the region.
fn is_response_bucket(host: &str, region: &str) -> bool {
    let bucket = format!("cloudformation-custom-resource-response-{}.", region.replace('-', ""));
    let Some(rest) = host.strip_prefix(&bucket) else { return false };
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    [format!("s3.{region}.{domain}"), format!("s3-{region}.{domain}"), format!("s3.{domain}")]
        .iter()
        .any(|name| name == rest)
}

/// An origin on this machine, for rehearsals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopbackOrigin(String);

impl LoopbackOrigin {
    /// Reads an origin such as `http://127.0.0.1:4700`; any other machine is refused.
    pub fn parse(text: &str) -> Result<Self, NotLoopback> {
        let url = Url::parse(text).map_err(|_| NotLoopback(text.to_owned()))?;
        let here = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            _ => false,
        };
        if here && url.path() == "/" && url.query().is_none() && url.username().is_empty() {
            return Ok(Self(url.origin().ascii_serialization()));
        }
        Err(NotLoopback(text.to_owned()))
    }
}

/// An origin that is not on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "RESPONSE_ORIGIN is {0:?}: it takes an origin on this machine by its address, such as http://127.0.0.1:4700"
)]
pub struct NotLoopback(String);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str) -> Result<(), BadResponseUrl> {
        let place =
            Place::of_stack("arn:aws:cloudformation:eu-west-1:123456789012:stack/web/1").expect("a stack");
        ResponseUrl::parse(url, &place, None).map(|_| ())
    }

    #[test]
    fn cloudformations_own_buckets() {
        for host in [
            "cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com",
            "cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com",
            "cloudformation-custom-resource-response-euwest1.s3.amazonaws.com",
        ] {
            assert_eq!(check(&format!("https://{host}/arn%3Aaws?X-Amz-Signature=1")), Ok(()), "{host}");
        }
        let china = Place::of_stack("arn:aws-cn:cloudformation:cn-north-1:123456789012:stack/web/1")
            .expect("a stack");
        let url = "https://cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn/x";
        assert!(ResponseUrl::parse(url, &china, None).is_ok());
    }

    #[test]
    fn hostile_urls() {
        let bucket = "cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com";
        for url in [
            String::new(),
            "not a url".into(),
            format!("http://{bucket}/x"),
            format!("https://{bucket}:8443/x"),
            format!("https://{bucket}:443/x"),
            format!("https://{bucket}:/x"),
            format!("https://user@{bucket}/x"),
            format!("https://{bucket}.evil.example/x"),
            format!("https://evil.example/{bucket}"),
            format!("https://{bucket}@evil.example/x"),
            format!("https://{bucket}/x#y"),
            "https://169.254.169.254/latest/meta-data".into(),
            "https://[::1]/x".into(),
            "https://localhost/x".into(),
            "file:///etc/passwd".into(),
            "https://cloudformation-custom-resource-response-useast1.s3.us-east-1.amazonaws.com/x".into(),
            "https://cloudformation-custom-resource-response-euwest1.evil.s3.eu-west-1.amazonaws.com/x"
                .into(),
        ] {
            assert!(check(&url).is_err(), "{url}");
        }
    }

    #[test]
    fn the_rehearsal_origin_is_on_this_machine() {
        let origin = LoopbackOrigin::parse("http://127.0.0.1:4700").expect("loopback");
        let place =
            Place::of_stack("arn:aws:cloudformation:eu-west-1:123456789012:stack/web/1").expect("a stack");
        assert!(ResponseUrl::parse("http://127.0.0.1:4700/bucket/key?x=1", &place, Some(&origin)).is_ok());
        assert!(ResponseUrl::parse("http://127.0.0.1:4701/bucket/key", &place, Some(&origin)).is_err());
        for text in ["http://localhost:1", "http://10.0.0.1", "https://example.com", "", "http://127.0.0.1/x"]
        {
            assert!(LoopbackOrigin::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn is_never_shown() {
        let place =
            Place::of_stack("arn:aws:cloudformation:eu-west-1:123456789012:stack/web/1").expect("a stack");
        let url = "https://cloudformation-custom-resource-response-euwest1.s3.amazonaws.com/x?secret";
        let url = ResponseUrl::parse(url, &place, None).expect("fine");
        assert_eq!(url.issued_at(), None);
        let dated = ResponseUrl::from_stored(format!("{}&X-Amz-Date=20260102T030405Z", url.expose()));
        assert_eq!(
            dated.issued_at().map(|time| time.to_rfc3339()).as_deref(),
            Some("2026-01-02T03:04:05+00:00")
        );
        let error = check("https://evil.example/secret").expect_err("hostile");
        assert!(!error.to_string().contains("evil") && !format!("{error:?}").contains("secret"));
    }
}

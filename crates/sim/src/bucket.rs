//! The bucket that CloudFormation's presigned response URLs point at.
//!
//! A URL carries its own proof, as with S3: the signature covers the key, the date and the lifetime, so that a
//! service which has no bucket at hand can sign one ([`ResponseBucket::url_for`]) and the bucket can check it.

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::http::{Request, Response};
use crate::world::{Config, Context, Effect};

/// How long a response URL lives, in seconds, as captured URLs show.
pub const URL_LIFETIME_SECONDS: i64 = 7200;
/// The longest answer that CloudFormation reads.
pub const LONGEST_ANSWER: usize = 4096;

const DATE: &str = "%Y%m%dT%H%M%SZ";

/// An answer that a function PUT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The key of the response URL, decoded.
    pub key: String,
    /// When it came.
    pub at: DateTime<Utc>,
    /// The body, as it came.
    pub body: Vec<u8>,
}

/// A response URL that the bucket handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Its key, decoded.
    pub key: String,
    /// When it was issued.
    pub at: DateTime<Utc>,
    /// The whole URL.
    pub url: String,
}

/// Takes the answers that functions PUT.
#[derive(Debug, Default)]
pub struct ResponseBucket {
    /// Every answer that was stored, in order, repeated ones too; in a forgetful World those of the last two hours.
    pub answers: Vec<Answer>,
    /// Every URL from [`ResponseBucket::issue`], in order; a forgetful World keeps none.
    pub issued: Vec<Issued>,
}

impl ResponseBucket {
    /// A presigned response URL for this key, good for two hours from `now`.
    pub fn url_for(config: &Config, now: DateTime<Utc>, key: &str) -> String {
        let bucket = bucket_name(config);
        let key_path = encode(key, true);
        let place = match &config.origin {
            Some(origin) => format!("{}/{bucket}/{key_path}", origin.trim_end_matches('/')),
            None => format!("https://{}/{key_path}", host(config)),
        };
        let date = now.format(DATE).to_string();
        let credential =
            format!("AKIACLOUDFORMATION/{}/{}/s3/aws4_request", now.format("%Y%m%d"), config.region);
        let lifetime = URL_LIFETIME_SECONDS.to_string();
        let signature = sign(config, key, &date, &lifetime, &credential);
        format!(
            "{place}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={date}&X-Amz-SignedHeaders=host&X-Amz-Expires={lifetime}&X-Amz-Credential={}&X-Amz-Signature={signature}",
            encode(&credential, false)
        )
    }

    /// A new response URL for this key (in real URLs: `stack ARN|logical id|request id`), remembered.
    pub fn issue(&mut self, cx: &mut Context<'_>, key: &str) -> String {
        let url = Self::url_for(cx.config, cx.now, key);
        if cx.config.forgetful {
            return url;
        }
        self.issued.push(Issued { key: key.to_owned(), at: cx.now, url: url.clone() });
        url
    }

    /// Handles a PUT.
    pub fn handle(&mut self, cx: &mut Context<'_>, request: &Request) -> Response {
        let Some(key) = key_of(cx.config, request) else {
            return refusal(404, "NoSuchBucket", "The specified bucket does not exist");
        };
        if let Err(refusal) = check(cx, request, &key) {
            return refusal;
        }
        if let Some(flaw) = flaw(&request.body) {
            cx.violations.push(format!("S8 answer for {key}: {flaw}"));
        }
        if self.answers.iter().any(|answer| answer.key == key && answer.body != request.body) {
            cx.violations.push(format!("S8 answers for {key} differ"));
        }
        if cx.config.forgetful {
            let oldest = cx.now - Duration::seconds(URL_LIFETIME_SECONDS);
            self.answers.retain(|answer| answer.at >= oldest);
        }
        self.answers.push(Answer { key: key.clone(), at: cx.now, body: request.body.clone() });
        cx.effects.push(Effect::Answered { key, body: request.body.clone() });
        let etag = format!("\"{}\"", &hex(&Sha256::digest(&request.body))[..32]);
        Response { status: 200, headers: vec![("etag".to_owned(), etag)], body: Vec::new() }
    }
}

/// The key that a request names in the response bucket, by either form of its address.
fn key_of(config: &Config, request: &Request) -> Option<String> {
    if request.host == host(config) {
        return Some(decode(request.path.strip_prefix('/')?));
    }
    config.origin.as_ref()?;
    let path = request.path.strip_prefix('/')?.strip_prefix(bucket_name(config).as_str())?;
    Some(decode(path.strip_prefix('/')?))
}

fn check(cx: &Context<'_>, request: &Request, key: &str) -> Result<(), Response> {
    let mismatch = || {
        refusal(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        )
    };
    let parameters = crate::query::parameters(request.query.as_bytes());
    let value = |name: &str| parameters.get(name).map_or("", String::as_str);
    if value("X-Amz-Signature").is_empty() {
        return Err(refusal(403, "AccessDenied", "Access Denied"));
    }
    let (date, lifetime) = (value("X-Amz-Date"), value("X-Amz-Expires"));
    let expected = sign(cx.config, key, date, lifetime, value("X-Amz-Credential"));
    if expected != value("X-Amz-Signature") {
        return Err(mismatch());
    }
    let issued = NaiveDateTime::parse_from_str(date, DATE).map_err(|_| mismatch())?.and_utc();
    if cx.now > issued + Duration::seconds(URL_LIFETIME_SECONDS) {
        return Err(refusal(403, "AccessDenied", "Request has expired"));
    }
    // URLs of the older kind sign an empty content type.
    if request.header("content-type").is_some_and(|kind| !kind.is_empty()) {
        return Err(mismatch());
    }
    Ok(())
}

/// What is wrong with an answer by CloudFormation's documented form, if anything is.
fn flaw(body: &[u8]) -> Option<String> {
    if body.len() > LONGEST_ANSWER {
        return Some(format!("{} bytes, more than {LONGEST_ANSWER}", body.len()));
    }
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
        return Some("not a JSON object".to_owned());
    };
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    for name in ["Status", "PhysicalResourceId", "StackId", "RequestId", "LogicalResourceId"] {
        if text(name).is_empty() {
            return Some(format!("no {name}"));
        }
    }
    if text("PhysicalResourceId").len() > 1024 {
        return Some("PhysicalResourceId longer than 1024 bytes".to_owned());
    }
    match text("Status") {
        "SUCCESS" => None,
        "FAILED" if text("Reason").is_empty() => Some("FAILED without a Reason".to_owned()),
        "FAILED" => None,
        other => Some(format!("Status {other}")),
    }
}

fn bucket_name(config: &Config) -> String {
    format!("cloudformation-custom-resource-response-{}", config.region.replace('-', ""))
}

fn host(config: &Config) -> String {
    let suffix = if config.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("{}.s3.{}.{suffix}", bucket_name(config), config.region)
}

fn sign(config: &Config, key: &str, date: &str, lifetime: &str, credential: &str) -> String {
    let text = format!("{}\n{}\n{key}\n{date}\n{lifetime}\n{credential}", config.seed, bucket_name(config));
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn refusal(status: u16, code: &str, message: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    Response::new(status, "application/xml", body)
}

fn encode(text: &str, keep_slash: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (keep_slash && byte == b'/');
        if plain {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = text.get(at + 1..at + 3).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (bytes[at], pair) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

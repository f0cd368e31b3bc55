//! The query protocol: form-encoded requests in, XML out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::http::{Request, Response};
use crate::world::Config;

/// The XML namespace of RDS answers.
pub const RDS_NAMESPACE: &str = "http://rds.amazonaws.com/doc/2014-10-31/";
/// The XML namespace of CloudFormation answers.
pub const CLOUDFORMATION_NAMESPACE: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";
/// The XML namespace of STS answers.
pub const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The XML namespace of IAM answers.
pub const IAM_NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// The parameters of a form-encoded body. A name that comes twice keeps its last value, as AWS does.
pub fn parameters(body: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

/// A signed-looking request to RDS, CloudFormation, STS or IAM, as `key` would send it.
pub fn request(config: &Config, key: &str, operation: &str, parameters: &[(&str, &str)]) -> Request {
    let (service, version) = match operation {
        "GetCallerIdentity" => ("sts", "2011-06-15"),
        "SimulatePrincipalPolicy" => ("iam", "2010-05-08"),
        "ListExports" | "GetTemplateSummary" => ("cloudformation", "2010-05-15"),
        other if other.contains("ChangeSet") => ("cloudformation", "2010-05-15"),
        other if other.contains("Stack") => ("cloudformation", "2010-05-15"),
        _ => ("rds", "2014-10-31"),
    };
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", operation).append_pair("Version", version);
    for (name, value) in parameters {
        form.append_pair(name, value);
    }
    Request {
        method: "POST".to_owned(),
        host: format!("{service}.{}.amazonaws.com", config.region),
        path: "/".to_owned(),
        query: String::new(),
        headers: vec![
            ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            (
                "authorization".to_owned(),
                format!(
                    "AWS4-HMAC-SHA256 Credential={key}/20260101/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
                    config.region
                ),
            ),
        ],
        body: form.finish().into_bytes(),
    }
}

/// Writes XML: elements are closed by the closure's end, text is escaped.
#[derive(Debug, Default)]
pub struct Xml(String);

impl Xml {
    /// An element with children.
    pub fn element(&mut self, name: &str, children: impl FnOnce(&mut Xml)) -> &mut Self {
        let _ = write!(self.0, "<{name}>");
        children(self);
        let _ = write!(self.0, "</{name}>");
        self
    }

    /// An element with text.
    pub fn text(&mut self, name: &str, text: impl std::fmt::Display) -> &mut Self {
        let text = text.to_string();
        let _ = write!(self.0, "<{name}>{}</{name}>", escape(&text));
        self
    }

    /// An element with text, or nothing.
    pub fn optional(&mut self, name: &str, text: Option<impl std::fmt::Display>) -> &mut Self {
        if let Some(text) = text {
            self.text(name, text);
        }
        self
    }

    /// Elements that were written elsewhere.
    pub fn append(&mut self, elements: &Xml) -> &mut Self {
        self.0.push_str(&elements.0);
        self
    }
}

/// A whole successful answer: `<OperationResponse><OperationResult>…</OperationResult><ResponseMetadata>…`.
pub fn answer(namespace: &str, operation: &str, request_id: &str, result: impl FnOnce(&mut Xml)) -> Response {
    let mut xml = Xml::default();
    xml.element(&format!("{operation}Result"), result);
    finish(namespace, operation, request_id, &xml.0)
}

/// A successful answer of an operation without a result.
pub fn empty_answer(namespace: &str, operation: &str, request_id: &str) -> Response {
    finish(namespace, operation, request_id, "")
}

/// An error answer. `request_id` stands in the answer.
pub fn error(namespace: &str, status: u16, code: &str, message: &str, request_id: &str) -> Response {
    let kind = if status >= 500 { "Receiver" } else { "Sender" };
    let body = format!(
        "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{kind}</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
        escape(code),
        escape(message)
    );
    Response::new(status, "text/xml", body).with_header("x-amzn-requestid", request_id)
}

fn finish(namespace: &str, operation: &str, request_id: &str, result: &str) -> Response {
    let body = format!(
        "<{operation}Response xmlns=\"{namespace}\">{result}<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    );
    Response::new(200, "text/xml", body).with_header("x-amzn-requestid", request_id)
}

/// Text as XML carries it. What XML 1.0 can't carry, such as control characters, becomes a question mark.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#13;"),
            '\n' | '\t' => escaped.push(char),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => escaped.push('?'),
            _ => escaped.push(char),
        }
    }
    escaped
}

//! Plain HTTP messages: the World speaks these and knows nothing of sockets or of the SDK.

/// One HTTP request as the World sees it.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `GET`, `POST`, `PUT`, …
    pub method: String,
    /// The host that the client meant, without a port (from the URI or the `Host` header).
    pub host: String,
    /// The path, percent-encoded as it came, starting with `/`.
    pub path: String,
    /// What follows the `?`, as it came; empty when there is none.
    pub query: String,
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Request {
    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The access key id of a SigV4 `Authorization` header: who is calling.
    pub fn access_key(&self) -> Option<&str> {
        let authorization = self.header("authorization")?;
        let rest = authorization.split_once("Credential=")?.1;
        rest.split(['/', ',']).next()
    }
}

/// One HTTP response.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// A response with a content type and a body.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

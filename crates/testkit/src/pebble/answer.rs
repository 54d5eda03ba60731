//! Answers of the proxy in front of pebble.

use serde_json::json;

/// A response to a client.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Creates an answer with a problem document (RFC 7807) whose type is one of ACME.
    pub(super) fn problem(
        status: u16,
        kind: &str,
        detail: &str,
        retry_after: Option<&str>,
    ) -> Self {
        let urn = format!("urn:ietf:params:acme:error:{kind}");
        let body = json!({ "type": urn, "detail": detail, "status": status });
        let mut headers = vec![header("content-type", "application/problem+json")];
        headers.extend(retry_after.map(|value| header("retry-after", value)));
        Self {
            status,
            headers,
            body: body.to_string().into_bytes(),
        }
    }

    /// Returns the value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    /// Writes the answer to a request with this method.
    pub(super) fn into_bytes(self, method: &str) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} -\r\n", self.status);
        for (name, value) in self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let body = if method == "HEAD" {
            Vec::new()
        } else {
            self.body
        };
        head += &format!("content-length: {}\r\n\r\n", body.len());
        [head.into_bytes(), body].concat()
    }
}

pub(super) fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

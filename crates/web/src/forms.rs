//! Bodies of requests: bounded in size and time, each field once, no field we do not know.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::BytesMut;
use futures_util::StreamExt;

use crate::errors::Failure;

/// Octets of an ordinary form.
pub(crate) const FORM_MAX: usize = 64 * 1024;
/// A body must have arrived after this time.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);
/// Fields of a form at most.
const FIELDS_MAX: usize = 40;
/// The field that carries the token.
pub(crate) const CSRF_FIELD: &str = "csrf_token";

/// The fields of a form or of a query, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads `application/x-www-form-urlencoded`.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Failure> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(text) {
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(Failure::BadRequest("a field twice"));
            }
            if fields.len() == FIELDS_MAX {
                return Err(Failure::BadRequest("too many fields"));
            }
            fields.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(fields))
    }

    /// The value of a field, when it was sent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a field; nothing when it was not sent.
    pub(crate) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    /// Refuses fields that are neither in `known` nor the token.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Failure> {
        let is_known = |name: &str| name == CSRF_FIELD || known.contains(&name);
        match self.0.iter().all(|(name, _)| is_known(name)) {
            true => Ok(()),
            false => Err(Failure::Unprocessable("an unknown field")),
        }
    }

    /// Written again, without the token.
    pub(crate) fn without_token(&self) -> String {
        let kept = self.0.iter().filter(|(name, _)| name != CSRF_FIELD);
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(kept)
            .finish()
    }
}

/// Refuses by its headers a body that is not worth reading.
pub(crate) fn check_declared(req: &HttpRequest, limit: usize) -> Result<(), Failure> {
    let length = req.headers().get(CONTENT_LENGTH).map(|value| {
        value
            .to_str()
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    });
    match length {
        Some(None) => return Err(Failure::BadRequest("Content-Length")),
        Some(Some(length)) if length > limit as u64 => return Err(Failure::TooLarge),
        _ => {}
    }
    // A compressed body could be far larger than it looks.
    let encoding = req.headers().get(CONTENT_ENCODING);
    if encoding.is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Failure::BadRequest("Content-Encoding"));
    }
    Ok(())
}

/// Reads the form that a request carries; an absent body is an empty form.
pub(crate) async fn read(
    req: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
) -> Result<Form, Failure> {
    let read = tokio::time::timeout(BODY_TIMEOUT, collect(payload, limit)).await;
    let body = read.map_err(|_| Failure::BadRequest("the body took too long"))??;
    if body.is_empty() {
        return Ok(Form::default());
    }
    let kind = req
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Failure::BadRequest("Content-Type"));
    }
    Form::parse(&body)
}

async fn collect(payload: &mut Payload, limit: usize) -> Result<BytesMut, Failure> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Failure::BadRequest("the body broke off"))?;
        if body.len() + chunk.len() > limit {
            return Err(Failure::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn fields_come_once() {
        let form = Form::parse(b"subdomain=www&value=a+b%26c%3D%C3%A9").unwrap();
        assert_eq!(form.get("value"), Some("a b&c=é"));
        assert_eq!(form.get("type"), None);
        assert!(matches!(
            Form::parse(b"id=1&value=x&id=2"),
            Err(Failure::BadRequest(_))
        ));
        assert!(
            matches!(Form::parse(b"id=1&%69d=1"), Err(Failure::BadRequest(_))),
            "however it is written"
        );
    }

    #[test]
    fn unknown_fields_are_refused() {
        let form = Form::parse(b"csrf_token=x&label=a").unwrap();
        assert!(form.only(&["label"]).is_ok());
        for extra in [
            "username",
            "owner_id",
            "expires_at",
            "role",
            "is_admin",
            "id",
            "Label",
        ] {
            let form = Form::parse(format!("label=a&{extra}=1").as_bytes()).unwrap();
            assert!(
                matches!(form.only(&["label"]), Err(Failure::Unprocessable(_))),
                "{extra}"
            );
        }
    }

    #[test]
    fn a_held_form_carries_no_token() {
        let form = Form::parse(b"csrf_token=secret&value=a+%26+b").unwrap();
        assert_eq!(form.without_token(), "value=a+%26+b");
    }
}

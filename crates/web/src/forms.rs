//! Request bodies: limited in size and time, each field once, no unknown fields.

use std::collections::HashSet;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::BytesMut;
use futures_util::StreamExt;

use crate::errors::Failure;

/// Limit of an ordinary form.
pub(crate) const FORM_MAX_BYTES: usize = 64 * 1024;
/// A form of our own pages is read up to this limit. One above its route's limit is refused, and
/// the page that says so shows what was typed.
pub(crate) const SHOWN_MAX_BYTES: usize = 2 * RECORDS_MAX_BYTES;
/// Limit of a form with a text of many records.
pub(crate) const RECORDS_MAX_BYTES: usize = 512 * 1024;
/// Time within which a body must arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);
/// Enough for the records of a paste with all their fields.
pub(crate) const MAX_FIELDS: usize = 2_000;
/// The field with the CSRF token.
pub(crate) const CSRF_FIELD: &str = "csrf_token";

/// The fields of a form or of a query, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Parses a body or a query string in the format `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// A field occurs twice, or there are more than [`MAX_FIELDS`].
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Failure> {
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut names = HashSet::new();
        for (name, value) in url::form_urlencoded::parse(text) {
            if !names.insert(name.clone().into_owned()) {
                return Err(Failure::BadRequest("duplicate field"));
            }
            if fields.len() == MAX_FIELDS {
                return Err(Failure::BadRequest("too many fields"));
            }
            fields.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(fields))
    }

    /// Returns the value of a field, or `None` when it was not sent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns the value of a field, or an empty string when it was not sent.
    pub(crate) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    /// Returns the values of the fields `{name}-{number}`.
    pub(crate) fn numbered<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let is_of_name = move |field: &str| {
            let parts = field.rsplit_once('-');
            parts.is_some_and(|(known, _)| known == name)
        };
        let fields = self.0.iter().filter(move |(field, _)| is_of_name(field));
        fields.map(|(_, value)| value.as_str())
    }

    /// Rejects fields that are neither in `known` nor the CSRF token nor one of `numbered` with a
    /// hyphen and a number after it.
    pub(crate) fn reject_unknown_fields(
        &self,
        known: &[&str],
        numbered: &[&str],
    ) -> Result<(), Failure> {
        let is_numbered = |name: &str| {
            let parts = name.rsplit_once('-');
            parts.is_some_and(|(name, number)| {
                numbered.contains(&name) && number.parse::<u16>().is_ok()
            })
        };
        let is_known =
            |name: &str| name == CSRF_FIELD || known.contains(&name) || is_numbered(name);
        if self.0.iter().all(|(name, _)| is_known(name)) {
            Ok(())
        } else {
            Err(Failure::Unprocessable("unknown field"))
        }
    }

    /// Encodes the form again, without the CSRF token.
    pub(crate) fn encode_without_token(&self) -> String {
        let kept = self.0.iter().filter(|(name, _)| name != CSRF_FIELD);
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(kept)
            .finish()
    }
}

/// Rejects a body by its headers, before it is read.
pub(crate) fn check_body_headers(req: &HttpRequest, limit: usize) -> Result<(), Failure> {
    if let Some(value) = req.headers().get(CONTENT_LENGTH) {
        let length = value
            .to_str()
            .ok()
            .and_then(|text| text.parse::<u64>().ok());
        match length {
            None => return Err(Failure::BadRequest("Content-Length")),
            Some(length) if length > limit as u64 => return Err(Failure::TooLarge),
            Some(_) => {}
        }
    }
    // A small compressed body can expand to a huge one.
    let encoding = req.headers().get(CONTENT_ENCODING);
    if encoding.is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Failure::UnsupportedMediaType("Content-Encoding"));
    }
    Ok(())
}

/// Reads the request body, which has to be a form or empty.
pub(crate) async fn read(
    req: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
) -> Result<BytesMut, Failure> {
    let body = read_raw(payload, limit).await?;
    if body.is_empty() {
        return Ok(body);
    }
    let content_type = req
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Failure::UnsupportedMediaType("Content-Type"));
    }
    Ok(body)
}

/// Reads the request body, whatever its format.
pub(crate) async fn read_raw(payload: &mut Payload, limit: usize) -> Result<BytesMut, Failure> {
    let read = tokio::time::timeout(BODY_TIMEOUT, read_body(payload, limit)).await;
    read.map_err(|_| Failure::BadRequest("body timed out"))?
}

async fn read_body(payload: &mut Payload, limit: usize) -> Result<BytesMut, Failure> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Failure::BadRequest("incomplete body"))?;
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
    fn a_field_sent_twice_is_rejected() {
        let form = Form::parse(b"subdomain=www&value=a+b%26c%3D%C3%A9").unwrap();
        assert_eq!(form.get("value"), Some("a b&c=é"));
        assert_eq!(form.get("type"), None);
        assert!(matches!(
            Form::parse(b"id=1&value=x&id=2"),
            Err(Failure::BadRequest(_))
        ));
        assert!(
            matches!(Form::parse(b"id=1&%69d=1"), Err(Failure::BadRequest(_))),
            "also when its name is percent-encoded"
        );
    }

    #[test]
    fn unknown_fields_are_rejected() {
        let form = Form::parse(b"csrf_token=x&label=a").unwrap();
        assert!(form.reject_unknown_fields(&["label"], &[]).is_ok());
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
                matches!(
                    form.reject_unknown_fields(&["label"], &["username"]),
                    Err(Failure::Unprocessable(_))
                ),
                "{extra}"
            );
        }
    }

    #[test]
    fn numbered_fields_have_a_number() {
        for (field, is_known) in [
            ("take-1", true),
            ("take-200", true),
            ("take", false),
            ("take-", false),
            ("take--1", false),
            ("take-1-2", false),
            ("take-99999", false),
            ("give-1", false),
        ] {
            let form = Form::parse(format!("{field}=1").as_bytes()).unwrap();
            let found = form.reject_unknown_fields(&["label"], &["take"]);
            assert_eq!(found.is_ok(), is_known, "{field}");
        }
    }

    #[test]
    fn a_kept_form_has_no_csrf_token() {
        let form = Form::parse(b"csrf_token=secret&value=a+%26+b").unwrap();
        assert_eq!(form.encode_without_token(), "value=a+%26+b");
    }
}

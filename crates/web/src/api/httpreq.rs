//! lego's httpreq: two requests that set and remove the answer to a DNS challenge. Clients: lego
//! and what is built on it, acme.sh (acmeproxy), certbot with certbot-lego-httpreq.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};

use crate::actions::{AnswerKept, answer_challenge, remove_answer};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::forms::Form;

/// A challenge and its answer. The response repeats it, because acme.sh looks for the value there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Challenge {
    pub(crate) fqdn: String,
    pub(crate) value: String,
}

impl Challenge {
    /// Reads the body: JSON, or a form as certbot-lego-httpreq sends it.
    ///
    /// # Errors
    /// It is neither, or lacks a field.
    pub(crate) fn parse(content_type: &str, body: &[u8]) -> Result<Self, Failure> {
        const INCOMPLETE: Failure = Failure::BadRequest("fqdn and value are missing");
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let form = Form::parse(body)?;
            return match (form.get("fqdn"), form.get("value")) {
                (Some(fqdn), Some(value)) => Ok(Self {
                    fqdn: fqdn.to_owned(),
                    value: value.to_owned(),
                }),
                _ => Err(INCOMPLETE),
            };
        }
        serde_json::from_slice(body).map_err(|_| INCOMPLETE)
    }
}

/// Handles `POST /httpreq/present`: answers a challenge.
pub(crate) async fn present(
    context: Rc<RequestContext>,
    owner: User,
) -> Result<HttpResponse, Failure> {
    let challenge = read(&context)?;
    let app = &context.app;
    let names = app.name_rules().await?;
    answer_challenge(
        app.store()?,
        &*app.queue,
        context.caller(&owner),
        (&challenge.fqdn, &challenge.value),
        AnswerKept::UntilRemoved,
        &names.words,
    )
    .await?;
    Ok(HttpResponse::Ok().json(challenge))
}

/// Handles `POST /httpreq/cleanup`: removes the answer.
pub(crate) async fn cleanup(
    context: Rc<RequestContext>,
    owner: User,
) -> Result<HttpResponse, Failure> {
    let challenge = read(&context)?;
    let app = &context.app;
    remove_answer(
        app.store()?,
        &*app.queue,
        context.caller(&owner),
        (&challenge.fqdn, &challenge.value),
    )
    .await?;
    Ok(HttpResponse::Ok().json(challenge))
}

fn read(context: &RequestContext) -> Result<Challenge, Failure> {
    let content_type = context.req.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    Challenge::parse(content_type.unwrap_or_default(), &context.body)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn a_body_is_json_or_a_form() {
        let json = r#"{"fqdn":"_acme-challenge.www.user1.starchart.com.","value":"a b"}"#;
        let form = "fqdn=_acme-challenge.www.user1.starchart.com.&value=a+b";
        let expected = Challenge {
            fqdn: "_acme-challenge.www.user1.starchart.com.".to_owned(),
            value: "a b".to_owned(),
        };
        for (content_type, body) in [
            ("application/json", json),
            ("application/json; charset=utf-8", json),
            ("", json),
            ("application/x-www-form-urlencoded", form),
            ("Application/X-WWW-Form-Urlencoded; charset=utf-8", form),
        ] {
            let read = Challenge::parse(content_type, body.as_bytes());
            assert_eq!(read.unwrap(), expected, "{content_type}");
        }
        for (content_type, body) in [
            ("application/json", form),
            ("application/x-www-form-urlencoded", json),
            ("application/json", ""),
            ("application/json", "[]"),
            ("application/json", r#"{"fqdn":"x"}"#),
            ("application/json", r#"{"fqdn":1,"value":"x"}"#),
            // HTTPREQ_MODE=RAW
            (
                "application/json",
                r#"{"domain":"x","token":"t","keyAuth":"k"}"#,
            ),
            ("application/x-www-form-urlencoded", "fqdn=x"),
            ("application/x-www-form-urlencoded", "fqdn=x&fqdn=y&value=z"),
        ] {
            let read = Challenge::parse(content_type, body.as_bytes());
            assert!(
                matches!(read, Err(Failure::BadRequest(_))),
                "{body}: {read:?}"
            );
        }
    }
}

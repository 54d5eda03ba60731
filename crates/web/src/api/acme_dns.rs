//! The API of acme-dns. What its accounts write appears at `_acme-challenge` of the user's own
//! name, so no CNAME is needed. Clients: cert-manager, lego and what is built on it, acme.sh,
//! Caddy.
//!
//! An account is a token: its secret is the password, the name to get certificates for is the
//! subdomain, and the user name can be anything.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use starchart_domain::certificate::challenge_name;
use starchart_domain::fault::Field;

use crate::actions::{AnswerKept, answer_challenge, only_challenge};
use crate::actor::User;
use crate::api::channel::Channel;
use crate::api::credentials::{self, Credentials};
use crate::context::RequestContext;
use crate::errors::Failure;

/// The body of an update.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Update {
    pub(crate) subdomain: String,
    pub(crate) txt: String,
}

/// The body of a registration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Registration {
    #[serde(default)]
    pub(crate) allowfrom: Vec<String>,
}

/// An account, as clients store it.
#[derive(Serialize)]
struct Account<'a> {
    username: &'a str,
    password: &'a str,
    fulldomain: &'a str,
    subdomain: &'a str,
    allowfrom: [&'a str; 0],
}

impl Update {
    /// Reads the body of an update.
    ///
    /// # Errors
    /// It is no JSON, or lacks a field.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Failure> {
        read_object(body).ok_or(Failure::BadRequest(
            "the body is JSON with the texts subdomain and txt",
        ))
    }
}

impl Registration {
    /// Reads the body of a registration, which may be empty.
    ///
    /// # Errors
    /// It is no JSON.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Failure> {
        match body.is_empty() {
            true => Ok(Self::default()),
            false => read_object(body).ok_or(Failure::BadRequest(
                "the body is JSON, and its allowfrom a list of networks",
            )),
        }
    }
}

/// Reads an object whose members may be written in any case: acme-dns takes them so, and
/// cert-manager sends `SubDomain` and `Txt`.
fn read_object<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let members: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let members = members
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value));
    serde_json::from_value(Value::Object(members.collect())).ok()
}

/// Returns the error of acme-dns that is nearest to a failure.
pub(crate) fn error_word(failure: &Failure) -> &'static str {
    let faults = failure.faults();
    let is_about = |wanted: Field| faults.iter().any(|(field, _)| *field == wanted);
    match failure.status() {
        _ if is_about(Field::Name) => "bad_subdomain",
        _ if is_about(Field::Value) => "bad_txt",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => "forbidden",
        StatusCode::UNPROCESSABLE_ENTITY => "limit_reached",
        StatusCode::TOO_MANY_REQUESTS => "rate_limited",
        status if status.is_client_error() => "malformed_json_payload",
        _ => "db_error",
    }
}

/// Returns what a client without an account has to know, after a blank.
pub(crate) fn advice(failure: &Failure) -> &'static str {
    match failure {
        Failure::Unauthorized(_) => {
            " An account is an API token here: make one on the page “API tokens” of this service \
             and give it to your client as the password."
        }
        _ => "",
    }
}

/// Handles `GET /acme-dns/health`, which needs no token.
pub(crate) async fn health(_: Rc<RequestContext>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().finish())
}

/// Handles `POST /acme-dns/update`: answers a challenge.
pub(crate) async fn update(
    context: Rc<RequestContext>,
    owner: User,
) -> Result<HttpResponse, Failure> {
    let Update { subdomain, txt } = Update::parse(&context.body)?;
    let app = &context.app;
    let names = app.name_rules().await?;
    let fqdn = challenge_of(&subdomain);
    answer_challenge(
        app.store()?,
        &*app.queue,
        context.caller(&owner),
        (&fqdn, &txt),
        AnswerKept::UntilFollowed,
        &names.words,
    )
    .await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "txt": txt })))
}

/// Returns the name of the challenge for a subdomain, which is the name to get certificates for, or
/// that of its challenge.
fn challenge_of(subdomain: &str) -> String {
    let subdomain = subdomain.trim().to_ascii_lowercase();
    match subdomain.starts_with("_acme-challenge.") {
        true => subdomain,
        false => challenge_name(&subdomain),
    }
}

/// Handles `POST /acme-dns/register`: returns the token as an account, if it is for one name. An
/// account is never made here, because only a signed-in user makes tokens.
pub(crate) async fn register(
    context: Rc<RequestContext>,
    owner: User,
) -> Result<HttpResponse, Failure> {
    let Registration { allowfrom } = Registration::parse(&context.body)?;
    if !allowfrom.is_empty() {
        return Err(Failure::BadRequest(
            "choose the networks of a token on the page where you make it",
        ));
    }
    let name = only_challenge(&owner).ok_or(Failure::BadRequest(
        "only a token for the certificates of one single name is an account",
    ))?;
    let Ok(Credentials { secret, .. }) = credentials::read(&context.req, Channel::AcmeDns) else {
        return Err(Failure::Internal("credentials that were accepted are gone"));
    };
    let account = Account {
        username: owner.base.as_str(),
        password: secret.expose(),
        fulldomain: name.fqdn(),
        subdomain: name.host_fqdn(),
        allowfrom: [],
    };
    Ok(HttpResponse::Created().json(account))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn the_members_of_a_body_are_read_in_any_case() {
        let expected = Update {
            subdomain: "Www.user1.starchart.com".to_owned(),
            txt: "Value".to_owned(),
        };
        for body in [
            r#"{"subdomain":"Www.user1.starchart.com","txt":"Value"}"#,
            r#"{"SubDomain":"Www.user1.starchart.com","Txt":"Value"}"#,
            r#"{"SUBDOMAIN":"Www.user1.starchart.com","TXT":"Value","more":1}"#,
        ] {
            assert_eq!(Update::parse(body.as_bytes()).unwrap(), expected, "{body}");
        }
        let registration = Registration::parse(br#"{"AllowFrom":["192.0.2.0/24"]}"#).unwrap();
        assert_eq!(registration.allowfrom, ["192.0.2.0/24"]);
        for body in [
            r#"{"subdomain":"x"}"#,
            r#"{"subdomain":"x","txt":1}"#,
            "[]",
            "",
        ] {
            assert!(Update::parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}

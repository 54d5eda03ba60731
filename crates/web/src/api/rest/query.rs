//! The path, the query and the JSON of a request.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use starchart_domain::words::NameRules;

use super::answer;
use crate::actions::{CaaCheck, RecordRules};
use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::forms::Form;

/// Parses the query of the request.
pub(crate) fn query(context: &RequestContext) -> Result<Form, Failure> {
    Form::parse(context.req.query_string().as_bytes())
}

/// Returns a part of the path.
pub(crate) fn path_part<'a>(context: &'a RequestContext, name: &str) -> &'a str {
    context.req.match_info().get(name).unwrap_or_default()
}

/// Fails with [`Failure::NotFound`] unless the domain in the path is the user's.
pub(super) fn check_domain(context: &RequestContext, user: &User) -> Result<(), Failure> {
    let domain = path_part(context, "domain").to_ascii_lowercase();
    match domain.strip_suffix('.').unwrap_or(&domain) == user.base.as_str() {
        true => Ok(()),
        false => Err(Failure::NotFound),
    }
}

/// Returns whether the request is answered once the zone has its change.
pub(super) fn wants_in_sync(query: &Form) -> Result<bool, Failure> {
    match query.get("wait") {
        None => Ok(false),
        Some("in_sync") => Ok(true),
        Some(_) => Err(Failure::BadRequest("wait is in_sync, or left out")),
    }
}

/// Returns what a record has to comply with. `confirmed` is what the client confirms.
pub(crate) fn record_rules<'a>(
    context: &'a RequestContext,
    names: &'a NameRules,
    confirmed: Option<&'a str>,
) -> RecordRules<'a> {
    RecordRules {
        limit: context.app.config.limits.records_per_user,
        words: &names.words,
        ttls: context.app.config.limits.ttl,
        caa: CaaCheck::new(&context.app.config, confirmed),
        confirmed_name: None,
    }
}

/// Fails unless the body is sent as JSON, or without a type.
pub(crate) fn check_is_json(context: &RequestContext) -> Result<(), Failure> {
    let Some(value) = context.req.headers().get(CONTENT_TYPE) else {
        return Ok(());
    };
    let media_type = value.to_str().unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    match media_type.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => Err(Failure::UnsupportedMediaType(
            "the body is no application/json",
        )),
    }
}

/// Parses the body. An outer error is a failure of the request, an inner one the answer that says
/// what is wrong with the JSON.
pub(super) fn json<T: DeserializeOwned>(
    context: &RequestContext,
) -> Result<Result<T, HttpResponse>, Failure> {
    check_is_json(context)?;
    let parsed = serde_json::from_slice(&context.body);
    Ok(parsed.map_err(|fault| answer::malformed(context, &fault.to_string())))
}

//! What several protocols read of a request, and the rules for the records that it changes.

use actix_web::http::header::CONTENT_TYPE;
use starchart_domain::words::NameRules;

use crate::actions::{CaaCheck, RecordRules};
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

//! The domain in the path, the query and the JSON of a request.

use actix_web::HttpResponse;
use serde::de::DeserializeOwned;

use super::answer;
use crate::actor::User;
use crate::api::request::{check_is_json, path_part};
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::forms::Form;

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

/// Parses the body. An outer error is a failure of the request, an inner one the answer that says
/// what is wrong with the JSON.
pub(super) fn json<T: DeserializeOwned>(
    context: &RequestContext,
) -> Result<Result<T, HttpResponse>, Failure> {
    check_is_json(context)?;
    let parsed = serde_json::from_slice(&context.body);
    Ok(parsed.map_err(|fault| answer::malformed(context, &fault.to_string())))
}

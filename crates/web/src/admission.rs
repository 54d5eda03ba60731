//! Admits a request that has an API token: credentials, the token, its networks, rate limits, and
//! then the body. No cookie is read and none is set.

use actix_web::HttpMessage;
use actix_web::dev::Payload;
use actix_web::http::header::USER_AGENT;
use starchart_domain::token::TokenSecret;
use starchart_store::tokens::{self, LiveToken};

use crate::actor::User;
use crate::api::credentials::{self, CredentialsFault};
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::rate_limits::RateLimitKey;
use crate::routes::{Route, RouteRateLimit};
use crate::{forms, telemetry};

/// What a client without credentials reads.
const MISSING: &str = "Authentication credentials were not provided.";
/// What a client with other credentials than those of an accepted token reads. It is the same for
/// each reason, so that a guess learns nothing.
const INVALID: &str = "Invalid token. It is unknown, has ended or expired, or is not accepted from \
                       this address.";

/// Returns the user whose token the request has, and reads the body into the context.
///
/// # Errors
/// The token is not accepted, a rate limit is exhausted, or the body is too large.
pub(crate) async fn admit(
    route: &Route,
    context: &mut RequestContext,
    payload: &mut Payload,
) -> Result<User, Failure> {
    let info = &route.info;
    forms::check_body_headers(&context.req, info.body_limit)?;
    let read = credentials::read(&context.req, info.channel);
    let found = match read {
        Ok(credentials) => {
            context.username = credentials.username;
            find(context, &credentials.secret).await
        }
        // It guesses nothing, and nothing is looked up: not counted.
        Err(CredentialsFault::Missing) => return Err(Failure::Unauthorized(MISSING)),
        Err(CredentialsFault::Invalid) => Err(Failure::Unauthorized(INVALID)),
    };
    let (user, live) = match found {
        Err(Failure::Unauthorized(reason)) => {
            // Slows a client down that guesses, or that goes on with an ended token.
            let key = RateLimitKey::RefusedToken(context.client_address());
            context.app.limits.count(key).await?;
            return Err(Failure::Unauthorized(reason));
        }
        found => found?,
    };
    let limits = &context.app.limits;
    limits.count(RateLimitKey::Token(live.token.id)).await?;
    limits.count(RateLimitKey::Api(user.id)).await?;
    if route.rate_limit == RouteRateLimit::Write {
        limits.count(RateLimitKey::Write(user.id)).await?;
    }
    let address = context.client_ip().to_string();
    let agent = context.req.headers().get(USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok());
    let store = context.app.store()?;
    tokens::mark_used(store, &live, &address, agent.unwrap_or_default()).await;
    if info.body_limit > 0 {
        context.body = forms::read_raw(payload, info.body_limit).await?.freeze();
    }
    Ok(user)
}

async fn find(
    context: &RequestContext,
    secret: &TokenSecret,
) -> Result<(User, LiveToken), Failure> {
    let refused = |reason: &'static str| {
        tracing::debug!(prefix = secret.prefix(), reason, "API token refused");
        Failure::Unauthorized(INVALID)
    };
    let app = &context.app;
    let live = tokens::find_by_secret(app.store()?, secret).await?;
    let live = live.ok_or_else(|| refused("not live"))?;
    // Also of a request that is refused next: it counts as one of the token.
    context.req.extensions_mut().insert(telemetry::LoggedUser {
        signed_in: live.user.id,
        on_behalf_of: None,
        token: Some(live.token.id),
    });
    if !live.token.networks.allow(context.client_ip()) {
        return Err(refused("wrong network"));
    }
    let user = User::from_token(&live, &app.config.root_domain);
    let user = user.ok_or_else(|| refused("no label"))?;
    Ok((user, live))
}

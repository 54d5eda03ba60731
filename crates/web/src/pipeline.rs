//! The steps around every handler, in one place and in one order: host, size, origin, rate limit,
//! form, session, permission, CSRF token, handler, cookies.

use std::rc::Rc;

use actix_web::http::Method;
use actix_web::http::header::LOCATION;
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{Payload, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, Resource, dev, guard, web};
use starchart_domain::record::form_parts;
use starchart_store::sessions;

use crate::actor::Actor;
use crate::api::channel::Channel;
use crate::app::App;
use crate::context::RequestContext;
use crate::cookies::CookieKind;
use crate::error_response::API_PREFIX;
use crate::errors::Failure;
use crate::forms::{self, CSRF_FIELD, Form, SHOWN_MAX_BYTES};
use crate::pages::sign_in::login;
use crate::rate_limits::RateLimitKey;
use crate::redirects::{label_url, login_url};
use crate::responses::see_other;
use crate::routes::{self, Handler, Route, RouteRateLimit};
use crate::{address, admission, csrf, error_response, telemetry, tokens, unread_body};

/// Configures the whole site from the route table:
/// `actix_web::App::new().configure(configure(app))`.
pub fn configure(app: web::Data<App>) -> impl FnOnce(&mut ServiceConfig) {
    move |config: &mut ServiceConfig| {
        let mut site = web::scope("")
            .wrap(Compress::default())
            .wrap(from_fn(telemetry::observe));
        for (path, routes) in routes::by_path() {
            site = site.service(resource(path, routes));
        }
        config
            .app_data(app)
            .service(site.default_service(web::to(handle_unknown_path)));
    }
}

fn resource(path: &'static str, routes: Vec<&'static Route>) -> Resource {
    let channel = routes
        .first()
        .map(|route| route.info.channel)
        .unwrap_or_default();
    let methods: Vec<Method> = routes
        .iter()
        .map(|route| route.info.method.clone())
        .collect();
    let mut resource = web::resource(path);
    for route in routes {
        let has_method = move |context: &guard::GuardContext<'_>| {
            let method = &context.head().method;
            *method == route.info.method
                || (route.info.method == Method::GET && *method == Method::HEAD)
        };
        let handler = move |req: HttpRequest, payload: Payload| handle(route, req, payload);
        resource = resource.route(web::route().guard(guard::fn_guard(has_method)).to(handler));
    }
    resource.default_service(web::to(move |req: HttpRequest, payload: Payload| {
        let failure = Failure::MethodNotAllowed(methods.clone());
        reject(req, payload, channel, failure)
    }))
}

/// Redirects a path with trailing slashes to the clean path and rejects every other path.
async fn handle_unknown_path(
    req: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    // A path of the API is what it is: a client would lose its credentials on the way.
    let is_api = req.path().starts_with(API_PREFIX);
    let is_read = matches!(*req.method(), Method::GET | Method::HEAD) && !is_api;
    match clean_path(req.path(), req.query_string()) {
        Some(path) if is_read => {
            unread_body::keep(&req, payload.into_inner());
            let (context, host) = create_context(&req, false)?;
            let redirect = || {
                HttpResponse::MovedPermanently()
                    .insert_header((LOCATION, path))
                    .finish()
            };
            Ok(finish(&context, host.map(|()| redirect())))
        }
        _ if is_api || routes::is_known_method(req.method()) => {
            reject(req, payload, Channel::Page, Failure::NotFound).await
        }
        _ => {
            let allowed = vec![Method::GET, Method::HEAD];
            let failure = Failure::MethodNotAllowed(allowed);
            reject(req, payload, Channel::Page, failure).await
        }
    }
}

/// Answers a request without a route: in the words of the channel that its path belongs to, or
/// with an error page, which shows the signed-in user. A protocol that is off answers nothing else.
async fn reject(
    req: HttpRequest,
    payload: Payload,
    channel: Channel,
    failure: Failure,
) -> Result<HttpResponse, actix_web::Error> {
    unread_body::keep(&req, payload.into_inner());
    let (mut context, host) = create_context(&req, false)?;
    let failure = match is_answered(&context.app, channel) {
        true => failure,
        false => Failure::ProtocolOff,
    };
    context.channel = channel;
    if host.is_ok()
        && channel == Channel::Page
        && let Err(error) = load_session(&mut context, false, false).await
    {
        tracing::debug!(%error, "session not looked up");
    }
    Ok(finish(&context, host.and(Err(failure))))
}

/// Returns whether the operator offers what a route speaks.
fn is_answered(app: &App, channel: Channel) -> bool {
    let mut protocol = channel.protocol().into_iter();
    protocol.all(|protocol| app.config.api.answers(protocol))
}

/// Returns the path without trailing slashes, when it has any. The result never begins with two
/// slashes, which a browser would read as another host.
fn clean_path(path: &str, query: &str) -> Option<String> {
    let trimmed = path.strip_suffix('/')?.trim_matches('/');
    let is_safe = trimmed.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    (is_safe && path != "/").then(|| format!("/{trimmed}{query}"))
}

/// Creates the context of a request. The second value fails when the request is for another host,
/// unless the route answers for any host.
fn create_context(
    req: &HttpRequest,
    any_host: bool,
) -> Result<(RequestContext, Result<(), Failure>), actix_web::Error> {
    let app = req.app_data::<web::Data<App>>().cloned();
    let app = app.ok_or_else(|| actix_web::error::ErrorInternalServerError("not configured"))?;
    let request_id = req
        .extensions()
        .get::<telemetry::RequestId>()
        .map(|id| id.0.clone())
        .unwrap_or_default();
    let host = if any_host || address::is_for_own_host(req, &app.config.app_url) {
        Ok(())
    } else {
        Err(Failure::Misdirected)
    };
    Ok((RequestContext::new(app, req.clone(), request_id), host))
}

/// Turns a failure into its response and adds the cookies.
fn finish(context: &RequestContext, outcome: Result<HttpResponse, Failure>) -> HttpResponse {
    let mut response =
        outcome.unwrap_or_else(|failure| error_response::response(context, &failure));
    context.add_cookies(&mut response);
    response
}

async fn handle(
    route: &'static Route,
    req: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let (mut context, host) = create_context(&req, route.info.any_host)?;
    if !is_answered(&context.app, route.info.channel) {
        return reject(req, payload, route.info.channel, Failure::ProtocolOff).await;
    }
    context.channel = route.info.channel;
    let mut payload = payload.into_inner();
    let checked = match (host, &route.handler) {
        (Err(refused), _) => Err(refused),
        (Ok(()), Handler::Token(_)) => {
            let admitted = admission::admit(route, &mut context, &mut payload).await;
            admitted.map(Some)
        }
        (Ok(()), _) => {
            let checked = check_and_read(route, &mut context, &mut payload).await;
            checked.map(|()| None)
        }
    };
    // The body of a refused request may not have been read to its end.
    if checked.is_err() || route.info.body_limit == 0 {
        unread_body::keep(&req, payload);
    }
    let context = Rc::new(context);
    let outcome = match (checked, &route.handler) {
        (Err(failure), _) => Err(failure),
        (Ok(Some(user)), Handler::Token(call)) => call(Rc::clone(&context), user).await,
        (Ok(_), _) => authorize_and_call(route, &context).await,
    };
    let response = finish(&context, outcome);
    count_api_request(&context, &response);
    Ok(response)
}

/// Counts a request of the API, for operators and for the token's owner.
fn count_api_request(context: &RequestContext, response: &HttpResponse) {
    let Some(protocol) = context.channel.protocol() else {
        return;
    };
    let status = context.stands_for.get().unwrap_or(response.status());
    context.app.metrics.count_api(protocol, status);
    let user = context
        .req
        .extensions()
        .get::<telemetry::LoggedUser>()
        .copied();
    if let Some(token) = user.and_then(|user| user.token) {
        context.app.usage.count(token, protocol, status);
    }
}

/// Runs the checks that need no knowledge of the user, cheapest first, then reads the form and
/// loads the session.
async fn check_and_read(
    route: &'static Route,
    context: &mut RequestContext,
    payload: &mut dev::Payload,
) -> Result<(), Failure> {
    let info = &route.info;
    let app = context.app.clone();
    let read_limit = if info.csrf {
        SHOWN_MAX_BYTES
    } else {
        info.body_limit
    };
    forms::check_body_headers(&context.req, read_limit)?;
    if info.csrf {
        csrf::check_origin(&context.req, &app.origin())?;
    }
    check_address_rate_limit(route, context).await?;
    if info.body_limit > 0 {
        let body = forms::read(&context.req, payload, read_limit).await?;
        let form = if body.len() > info.body_limit {
            Err(Failure::TooLarge)
        } else {
            Form::parse(&body)
        };
        // Kept before anything refuses the form. The origin has been checked.
        if info.csrf {
            context.posted = body;
        }
        context.form = form?;
        if info.strict_fields {
            let numbered = with_parts(info.numbered_fields);
            let known = with_parts(info.fields);
            context.form.reject_unknown_fields(&known, &numbered)?;
        }
    }
    match route.handler {
        Handler::Public(_) => Ok(()),
        _ => {
            // A limited route does more than show a page: it hands out a key, or begins a sign-in.
            let only_shows =
                context.req.method().is_safe() && route.rate_limit == RouteRateLimit::None;
            load_session(context, info.is_poll, only_shows).await
        }
    }
}

/// Returns the fields that a form may have. One with a record's value may have all fields before
/// the value, because only the chosen type decides which of them count.
fn with_parts(fields: &[&'static str]) -> Vec<&'static str> {
    let mut known = fields.to_vec();
    if known.contains(&"value") {
        known.extend(form_parts().iter().map(|field| field.part.name));
    }
    known
}

/// Looks up the session of the request, which extends it unless the page makes the request by
/// itself: to a route that is only polled, or to reload without scripts.
///
/// With `may_be_recent`, a session that was read a moment ago is good enough.
async fn load_session(
    context: &mut RequestContext,
    is_poll: bool,
    may_be_recent: bool,
) -> Result<(), Failure> {
    let Some(token) = context.cookie_token(CookieKind::Session) else {
        return Ok(());
    };
    let (store, hash) = (context.app.store()?, tokens::hash(&token));
    context.session = if is_poll || context.is_reload() {
        sessions::find_for_poll(store, hash).await?
    } else if may_be_recent {
        sessions::find_recent(store, hash).await?
    } else {
        sessions::find(store, hash).await?
    };
    if let Some(session) = &context.session {
        context.req.extensions_mut().insert(telemetry::LoggedUser {
            signed_in: session.signed_in().id,
            on_behalf_of: session.impersonation.as_ref().map(|_| session.user.id),
            token: None,
        });
        context.session_token = Some(token);
    }
    Ok(())
}

async fn check_address_rate_limit(route: &Route, context: &RequestContext) -> Result<(), Failure> {
    let key = match route.rate_limit {
        RouteRateLimit::None
        | RouteRateLimit::Write
        | RouteRateLimit::Check
        | RouteRateLimit::AdminSearch => return Ok(()),
        RouteRateLimit::SignInStart => RateLimitKey::SignInStart(context.client_address()),
        RouteRateLimit::SamlResponse => RateLimitKey::SamlResponse(context.client_address()),
    };
    context.app.limits.count(key).await
}

async fn check_user_rate_limit(
    route: &Route,
    context: &RequestContext,
    actor: &Actor,
) -> Result<(), Failure> {
    let key = match (route.rate_limit, actor.signed_in_id()) {
        (RouteRateLimit::Write, Some(user)) => RateLimitKey::Write(user),
        (RouteRateLimit::Check, Some(user)) => RateLimitKey::Check(user),
        (RouteRateLimit::AdminSearch, Some(admin)) => RateLimitKey::AdminSearch(admin),
        _ => return Ok(()),
    };
    context.app.limits.count(key).await
}

/// Decides whether the actor may use the route (invariant I8), and calls its handler.
async fn authorize_and_call(
    route: &'static Route,
    context: &Rc<RequestContext>,
) -> Result<HttpResponse, Failure> {
    let actor = Actor::from_session(context.session.as_ref(), &context.app.config.root_domain);
    let needs_user = !matches!(route.handler, Handler::Public(_) | Handler::OptionalUser(_));
    if let (Actor::Guest, true) = (&actor, needs_user) {
        return redirect_to_sign_in(route, context).await;
    }
    if route.info.csrf {
        csrf::check_token(context, &context.form)?;
    }
    check_user_rate_limit(route, context, &actor).await?;
    let context = Rc::clone(context);
    match (&route.handler, actor) {
        (Handler::Public(call), _) => call(context).await,
        (Handler::OptionalUser(call), actor) => call(context, actor).await,
        (Handler::UserWithoutLabel(call), Actor::UserWithoutLabel(user)) => {
            call(context, user).await
        }
        (Handler::UserWithoutLabel(_), _) => Ok(see_other("/")),
        (_, Actor::UserWithoutLabel(_)) => {
            let return_to = if route.info.csrf {
                "/"
            } else {
                requested_path(&context)
            };
            Ok(see_other(&label_url(return_to)))
        }
        (Handler::User(call), Actor::User(user, _)) => call(context, user).await,
        (Handler::Admin(call), Actor::User(_, Some(admin))) => call(context, admin).await,
        (Handler::Admin(_), _) => Ok(see_other("/")),
        (Handler::User(_), Actor::Guest) => {
            Err(Failure::Internal("a guest reached the route of a user"))
        }
        (Handler::Token(_), _) => Err(Failure::Internal("a request of the API has no token")),
    }
}

/// Returns the requested path with its query.
fn requested_path(context: &RequestContext) -> &str {
    context
        .req
        .uri()
        .path_and_query()
        .map_or("/", |path_and_query| path_and_query.as_str())
}

/// Sends a guest to the sign-in, which leads back to the page. A posted form is kept meanwhile.
async fn redirect_to_sign_in(
    route: &'static Route,
    context: &Rc<RequestContext>,
) -> Result<HttpResponse, Failure> {
    if !route.info.csrf {
        return Ok(see_other(&login_url(requested_path(context))));
    }
    // The session of the token has ended, so the token cannot be verified. The origin check has
    // passed, and the kept form is only shown again, not executed.
    if context.form.get(CSRF_FIELD).unwrap_or_default().is_empty() {
        return Err(Failure::CsrfRejected("no token"));
    }
    login::sign_in_and_keep_form(context).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_slashes_lead_to_the_clean_local_path() {
        assert_eq!(
            clean_path("/dns-records/", "").as_deref(),
            Some("/dns-records")
        );
        assert_eq!(
            clean_path("/dns-records///", "a=b").as_deref(),
            Some("/dns-records?a=b")
        );
        assert_eq!(
            clean_path("//evil.example/", "").as_deref(),
            Some("/evil.example")
        );
        assert_eq!(clean_path("///", "").as_deref(), Some("/"));
        for path in ["/", "/dns-records", "/\\evil/", "//evil"] {
            assert_eq!(clean_path(path, ""), None, "{path}");
        }
    }
}

//! What happens to every request before and after its handler, in one place and in one order.

use std::rc::Rc;

use actix_web::http::Method;
use actix_web::http::header::LOCATION;
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{Payload, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, Resource, dev, guard, web};
use starchart_store::sessions;

use crate::actor::Actor;
use crate::config::App;
use crate::cookies::Kind;
use crate::errors::{self, Failure};
use crate::forms::{self, CSRF_FIELD};
use crate::limits::Counted;
use crate::redirects::{label_for, login_for, see_other};
use crate::routes::{self, Handler, Rate, Route};
use crate::visit::Visit;
use crate::{address, csrf, keys, telemetry, unread};

/// Builds the whole site from the table of routes:
/// `actix_web::App::new().configure(configure(app))`.
pub fn configure(app: web::Data<App>) -> impl FnOnce(&mut ServiceConfig) {
    move |config: &mut ServiceConfig| {
        let mut site = web::scope("")
            .wrap(Compress::default())
            .wrap(from_fn(telemetry::around));
        for (path, routes) in routes::by_path() {
            site = site.service(resource(path, routes));
        }
        config
            .app_data(app)
            .service(site.default_service(web::to(unknown)));
    }
}

fn resource(path: &'static str, routes: Vec<&'static Route>) -> Resource {
    let methods: Vec<Method> = routes
        .iter()
        .map(|route| route.info.method.clone())
        .collect();
    let mut resource = web::resource(path);
    for route in routes {
        let takes = move |context: &guard::GuardContext<'_>| {
            let method = &context.head().method;
            *method == route.info.method
                || (route.info.method == Method::GET && *method == Method::HEAD)
        };
        let serve = move |req: HttpRequest, payload: Payload| serve(route, req, payload);
        resource = resource.route(web::route().guard(guard::fn_guard(takes)).to(serve));
    }
    resource.default_service(web::to(move |req: HttpRequest, payload: Payload| {
        turn_away(req, payload, Failure::MethodNotAllowed(methods.clone()))
    }))
}

/// Paths without a route: a trailing slash leads to the clean path, the rest is not found.
async fn unknown(req: HttpRequest, payload: Payload) -> Result<HttpResponse, actix_web::Error> {
    let reads = matches!(*req.method(), Method::GET | Method::HEAD);
    match clean_path(req.path(), req.query_string()) {
        Some(path) if reads => {
            unread::hold(&req, payload.into_inner());
            let (visit, host) = arrive(&req, false)?;
            let moved = || {
                HttpResponse::MovedPermanently()
                    .insert_header((LOCATION, path))
                    .finish()
            };
            Ok(answer(&visit, host.map(|()| moved())))
        }
        _ if routes::known_method(req.method()) => turn_away(req, payload, Failure::NotFound).await,
        _ => {
            turn_away(
                req,
                payload,
                Failure::MethodNotAllowed(vec![Method::GET, Method::HEAD]),
            )
            .await
        }
    }
}

/// Answers what no route takes, with the header of the person who is signed in.
async fn turn_away(
    req: HttpRequest,
    payload: Payload,
    failure: Failure,
) -> Result<HttpResponse, actix_web::Error> {
    unread::hold(&req, payload.into_inner());
    let (mut visit, host) = arrive(&req, false)?;
    if host.is_ok()
        && let Err(fault) = recognise(&mut visit).await
    {
        tracing::debug!(error = %fault, "the session was not looked up");
    }
    Ok(answer(&visit, host.and(Err(failure))))
}

/// The path without its trailing slashes, when it has any. Never one that begins with two.
fn clean_path(path: &str, query: &str) -> Option<String> {
    let trimmed = path.strip_suffix('/')?.trim_matches('/');
    let safe = trimmed.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    (safe && path != "/").then(|| format!("/{trimmed}{query}"))
}

/// Gathers what is known about a request from the outside; refuses another host's, unless the route
/// takes any.
fn arrive(
    req: &HttpRequest,
    any_host: bool,
) -> Result<(Visit, Result<(), Failure>), actix_web::Error> {
    let app = req.app_data::<web::Data<App>>().cloned();
    let app = app.ok_or_else(|| actix_web::error::ErrorInternalServerError("not configured"))?;
    let id = req
        .extensions()
        .get::<telemetry::RequestId>()
        .map(|id| id.0.clone())
        .unwrap_or_default();
    let ours = any_host || address::is_for_us(req, &app.config.app_url);
    let host = if ours {
        Ok(())
    } else {
        Err(Failure::Misdirected)
    };
    Ok((Visit::new(app, req.clone(), id), host))
}

fn answer(visit: &Visit, outcome: Result<HttpResponse, Failure>) -> HttpResponse {
    let mut response = outcome.unwrap_or_else(|failure| errors::answer(visit, &failure));
    visit.add_cookies(&mut response);
    response
}

async fn serve(
    route: &'static Route,
    req: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let (mut visit, host) = arrive(&req, route.info.any_host)?;
    let mut payload = payload.into_inner();
    let prepared = match host {
        Ok(()) => prepare(route, &mut visit, &mut payload).await,
        refused => refused,
    };
    // A form that was taken is read to its end; every other body never is.
    if prepared.is_err() || route.info.body_limit == 0 {
        unread::hold(&req, payload);
    }
    let visit = Rc::new(visit);
    let outcome = match prepared {
        Ok(()) => dispatch(route, &visit).await,
        Err(failure) => Err(failure),
    };
    Ok(answer(&visit, outcome))
}

/// Everything that can be said without knowing what the request wants: cheapest first.
async fn prepare(
    route: &'static Route,
    visit: &mut Visit,
    payload: &mut dev::Payload,
) -> Result<(), Failure> {
    let info = &route.info;
    let app = visit.app.clone();
    forms::check_declared(&visit.req, info.body_limit)?;
    if info.csrf {
        csrf::check_origin(&visit.req, &app.origin())?;
    }
    check_address_rate(route, visit).await?;
    if info.body_limit > 0 {
        visit.form = forms::read(&visit.req, payload, info.body_limit).await?;
        if info.strict_fields {
            visit.form.only(info.fields)?;
        }
    }
    match route.handler {
        Handler::Public(_) => Ok(()),
        _ => recognise(visit).await,
    }
}

/// Looks for the session that the request belongs to.
async fn recognise(visit: &mut Visit) -> Result<(), Failure> {
    let Some(token) = visit.cookie_token(Kind::Session) else {
        return Ok(());
    };
    visit.session = sessions::find(visit.app.store()?, keys::hash(&token)).await?;
    if let Some(session) = &visit.session {
        visit.req.extensions_mut().insert(telemetry::By {
            user: session.signed_in().id,
            in_place_of: session.impersonation.as_ref().map(|_| session.user.id),
        });
        visit.session_token = Some(token);
    }
    Ok(())
}

async fn check_address_rate(route: &Route, visit: &Visit) -> Result<(), Failure> {
    let counted = match route.rate {
        Rate::None | Rate::Writes | Rate::Search => return Ok(()),
        Rate::Begin => Counted::Begin(visit.address()),
        Rate::Answer => Counted::Answer(visit.address()),
    };
    visit.app.limits.take(counted).await
}

async fn check_person_rate(route: &Route, visit: &Visit, actor: &Actor) -> Result<(), Failure> {
    match (route.rate, actor.user_id()) {
        (Rate::Writes, Some(person)) => visit.app.limits.take(Counted::Write(person)).await,
        (Rate::Search, Some(admin)) => visit.app.limits.take(Counted::Search(admin)).await,
        _ => Ok(()),
    }
}

/// Decides who may, and calls the handler.
async fn dispatch(route: &'static Route, visit: &Rc<Visit>) -> Result<HttpResponse, Failure> {
    let actor = Actor::of(visit.session.as_ref(), &visit.app.config.root_domain);
    let needs_person = !matches!(route.handler, Handler::Public(_) | Handler::Anyone(_));
    if let (Actor::Guest, true) = (&actor, needs_person) {
        return send_to_sign_in(route, visit).await;
    }
    if route.info.csrf {
        csrf::check_token(visit, &visit.form)?;
    }
    check_person_rate(route, visit, &actor).await?;
    let visit = Rc::clone(visit);
    match (&route.handler, actor) {
        (Handler::Public(call), _) => call(visit).await,
        (Handler::Anyone(call), actor) => call(visit, actor).await,
        (Handler::Newcomer(call), Actor::Newcomer(newcomer)) => call(visit, newcomer).await,
        (Handler::Newcomer(_), _) => Ok(see_other("/")),
        (_, Actor::Newcomer(_)) => Ok(see_other(&label_for(if route.info.csrf {
            "/"
        } else {
            wanted(&visit)
        }))),
        (Handler::Person(call), Actor::Person(person, _)) => call(visit, person).await,
        (Handler::Admin(call), Actor::Person(_, Some(admin))) => call(visit, admin).await,
        (Handler::Admin(_), _) => Ok(see_other("/")),
        (Handler::Person(_), Actor::Guest) => Err(Failure::Internal("a guest came past the door")),
    }
}

/// The path and the query that were asked for.
fn wanted(visit: &Visit) -> &str {
    visit
        .req
        .uri()
        .path_and_query()
        .map_or("/", |both| both.as_str())
}

/// A guest who wants to see something signs in and comes back; a form is kept meanwhile.
async fn send_to_sign_in(
    route: &'static Route,
    visit: &Rc<Visit>,
) -> Result<HttpResponse, Failure> {
    if !route.info.csrf {
        return Ok(see_other(&login_for(wanted(visit))));
    }
    // The session that the token was made for has ended, so that it cannot be proven; the browser
    // says that the form is ours, and it is only shown again, not obeyed.
    if visit.form.get(CSRF_FIELD).unwrap_or_default().is_empty() {
        return Err(Failure::ForeignForm("no token"));
    }
    routes::login::hold(visit).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_slashes_lead_to_the_clean_path_here() {
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

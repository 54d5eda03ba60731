//! Every route of the site, in one table.

pub(crate) mod acs;
pub(crate) mod admin;
pub(crate) mod certificate;
pub(crate) mod files;
pub(crate) mod home;
pub(crate) mod label;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod records;
pub(crate) mod system;

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::Method;
use futures_util::future::LocalBoxFuture;

use crate::actor::{Actor, Admin, Newcomer, Person};
use crate::errors::Failure;
use crate::forms::FORM_MAX;
use crate::visit::Visit;

/// What a handler gives back.
pub(crate) type Answer = LocalBoxFuture<'static, Result<HttpResponse, Failure>>;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Anyone; no session is looked for.
    Public,
    /// Anyone; shows something else to those who are signed in.
    Anyone,
    /// People who signed in and have no label yet.
    Newcomer,
    /// People who signed in and have a label; a guest is sent to sign in.
    Person,
    /// Admins; others are sent to the start page.
    Admin,
}

/// What is fixed about a route. Tests go through all of them.
#[derive(Debug)]
pub struct RouteInfo {
    /// GET serves HEAD too.
    pub method: Method,
    /// The path, with `{name}` for a part that varies.
    pub path: &'static str,
    /// Who may.
    pub protection: Protection,
    /// Whether the request must come from a page of ours. Every unsafe method, but for the
    /// assertion consumer service.
    pub csrf: bool,
    /// The fields of its form, without the token.
    pub fields: &'static [&'static str],
    /// Whether other fields are refused.
    pub strict_fields: bool,
    /// Octets of its body at most.
    pub body_limit: usize,
    /// Whether it answers under any host name.
    pub any_host: bool,
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rate {
    /// No limit of its own.
    None,
    /// Begins a sign-in.
    Begin,
    /// Brings the answer of the identity provider.
    Answer,
    /// Writes records.
    Writes,
    /// Searches among all people.
    Search,
}

/// A handler, with what it wants to know about who asks.
pub(crate) enum Handler {
    Public(fn(Rc<Visit>) -> Answer),
    Anyone(fn(Rc<Visit>, Actor) -> Answer),
    Newcomer(fn(Rc<Visit>, Newcomer) -> Answer),
    Person(fn(Rc<Visit>, Person) -> Answer),
    Admin(fn(Rc<Visit>, Admin) -> Answer),
}

/// A route.
pub(crate) struct Route {
    pub(crate) info: RouteInfo,
    pub(crate) rate: Rate,
    pub(crate) handler: Handler,
}

impl Handler {
    const fn protection(&self) -> Protection {
        match self {
            Self::Public(_) => Protection::Public,
            Self::Anyone(_) => Protection::Anyone,
            Self::Newcomer(_) => Protection::Newcomer,
            Self::Person(_) => Protection::Person,
            Self::Admin(_) => Protection::Admin,
        }
    }
}

const fn get(path: &'static str, handler: Handler) -> Route {
    let info = RouteInfo {
        method: Method::GET,
        path,
        protection: handler.protection(),
        csrf: false,
        fields: &[],
        strict_fields: true,
        body_limit: 0,
        any_host: false,
    };
    Route {
        info,
        rate: Rate::None,
        handler,
    }
}

const fn unsafe_route(
    method: Method,
    path: &'static str,
    fields: &'static [&'static str],
    rate: Rate,
    handler: Handler,
) -> Route {
    let info = RouteInfo {
        method,
        path,
        protection: handler.protection(),
        csrf: true,
        fields,
        strict_fields: true,
        body_limit: FORM_MAX,
        any_host: false,
    };
    Route {
        info,
        rate,
        handler,
    }
}

const fn post(
    path: &'static str,
    fields: &'static [&'static str],
    rate: Rate,
    handler: Handler,
) -> Route {
    unsafe_route(Method::POST, path, fields, rate, handler)
}

impl Route {
    const fn any_host(mut self) -> Self {
        self.info.any_host = true;
        self
    }

    const fn limited(mut self, rate: Rate) -> Self {
        self.rate = rate;
        self
    }

    /// The assertion consumer service: posted by the identity provider's page, protected by the
    /// signature, by the request it answers and by the browser's cookie at the next step.
    const fn assertion_consumer(mut self) -> Self {
        self.info.csrf = false;
        self.info.strict_fields = false;
        self.info.body_limit = acs::BODY_MAX;
        self
    }
}

/// `Handler::Person(module::function)` with the future boxed.
macro_rules! handle {
    ($kind:ident, $function:path) => {
        Handler::$kind(|visit, who| Box::pin($function(visit, who)))
    };
    ($function:path) => {
        Handler::Public(|visit| Box::pin($function(visit)))
    };
}

// `owner` says whose page the form stood on, so that a form that is kept comes back to nobody else.
const RECORD_FIELDS: &[&str] = &[
    "subdomain",
    "type",
    "value",
    "priority",
    "ports",
    "course",
    "description",
    "owner",
];
// The original's edit form also sends the id, which is not used: the path says which record.
const EDIT_FIELDS: &[&str] = &[
    "subdomain",
    "type",
    "value",
    "priority",
    "ports",
    "course",
    "description",
    "owner",
    "id",
    "seen",
];
// `found` is the search that leads back to the people who were found; scripts know one field
// `searchText` on the page. `item` is a name or a mail that is tried again.
const ADMIN_FIELDS: &[&str] = &[
    "intent",
    "searchText",
    "newEffectiveUsername",
    "username",
    "found",
    "item",
];
const ACT_FIELDS: &[&str] = &["id", "intent"];
const INTENT_FIELDS: &[&str] = &["intent"];

/// Fixed paths stand before those with a part that varies: the first that fits answers.
static ROUTES: &[Route] = &[
    get("/", handle!(Person, home::show)),
    post("/", &["intent"], Rate::None, handle!(Person, home::act)),
    get("/login", handle!(Anyone, login::show)),
    post(
        "/login",
        &["redirectTo"],
        Rate::Begin,
        handle!(Anyone, login::begin),
    ),
    post(
        "/login/callback",
        &["SAMLResponse", "RelayState"],
        Rate::Answer,
        handle!(acs::consume),
    )
    .assertion_consumer(),
    get("/login/complete", handle!(Anyone, acs::complete)),
    get("/login/again", handle!(Anyone, login::again)).limited(Rate::Begin),
    get("/logout", handle!(Anyone, logout::show)),
    post(
        "/logout",
        &["sloUsername"],
        Rate::None,
        handle!(Anyone, logout::leave),
    ),
    get("/logout/callback", handle!(logout::returned)),
    get("/sp", handle!(system::service_provider)),
    get("/label", handle!(Newcomer, label::show)),
    post(
        "/label",
        &["label", "redirectTo"],
        Rate::Writes,
        handle!(Newcomer, label::choose),
    ),
    get("/dns-records", handle!(Person, records::list)),
    post(
        "/dns-records",
        ACT_FIELDS,
        Rate::Writes,
        handle!(Person, records::act),
    ),
    unsafe_route(
        Method::PATCH,
        "/dns-records",
        ACT_FIELDS,
        Rate::Writes,
        handle!(Person, records::act),
    ),
    unsafe_route(
        Method::DELETE,
        "/dns-records",
        ACT_FIELDS,
        Rate::Writes,
        handle!(Person, records::act),
    ),
    get("/dns-records/new", handle!(Person, records::new)),
    post(
        "/dns-records/new",
        RECORD_FIELDS,
        Rate::Writes,
        handle!(Person, records::create),
    ),
    get("/dns-records/states", handle!(Person, records::states)),
    get(
        "/dns-records/instructions",
        handle!(Person, home::instructions),
    ),
    get("/dns-records/{id}", handle!(Person, records::show)),
    post(
        "/dns-records/{id}",
        EDIT_FIELDS,
        Rate::Writes,
        handle!(Person, records::edit),
    ),
    unsafe_route(
        Method::PATCH,
        "/dns-records/{id}",
        ACT_FIELDS,
        Rate::Writes,
        handle!(Person, records::act),
    ),
    unsafe_route(
        Method::DELETE,
        "/dns-records/{id}",
        ACT_FIELDS,
        Rate::Writes,
        handle!(Person, records::act),
    ),
    get(
        "/dns-records/{id}/delete",
        handle!(Person, records::ask_delete),
    ),
    get("/dns-records/{id}/lookup", handle!(Person, records::lookup)),
    get("/certificate", handle!(Person, certificate::show)),
    post(
        "/certificate",
        INTENT_FIELDS,
        Rate::Writes,
        handle!(Person, certificate::act),
    ),
    unsafe_route(
        Method::PATCH,
        "/certificate",
        INTENT_FIELDS,
        Rate::Writes,
        handle!(Person, certificate::act),
    ),
    unsafe_route(
        Method::DELETE,
        "/certificate",
        INTENT_FIELDS,
        Rate::Writes,
        handle!(Person, certificate::act),
    ),
    get("/certificate/state", handle!(Person, certificate::state)),
    get(
        "/certificate/information",
        handle!(Person, certificate::information),
    ),
    get(
        "/certificate/delete",
        handle!(Person, certificate::ask_delete),
    ),
    // Each time is a line of the audit trail.
    get(
        "/certificate/download/privateKey",
        handle!(Person, certificate::private_key),
    )
    .limited(Rate::Writes),
    get(
        "/certificate/download/{part}",
        handle!(Person, certificate::download),
    ),
    get("/admin", handle!(Admin, admin::show)),
    post(
        "/admin",
        ADMIN_FIELDS,
        Rate::Writes,
        handle!(Admin, admin::act),
    ),
    get("/admin/delete", handle!(Admin, admin::ask_delete)),
    get("/admin/trail", handle!(Admin, admin::trail)).limited(Rate::Search),
    get("/healthcheck", handle!(system::health)).any_host(),
    get("/alive", handle!(system::alive)).any_host(),
    get("/version", handle!(system::version)).any_host(),
    get("/robots.txt", handle!(files::robots)),
    get("/favicon.ico", handle!(files::favicon)),
    get("/manifest.json", handle!(files::manifest)),
    get("/static/{path:.*}", handle!(files::embedded)),
];

/// All routes: what a test of every route goes through.
pub fn route_table() -> impl Iterator<Item = &'static RouteInfo> {
    ROUTES.iter().map(|route| &route.info)
}

/// The routes by path, in the order of the table.
pub(crate) fn by_path() -> Vec<(&'static str, Vec<&'static Route>)> {
    let mut paths: Vec<(&'static str, Vec<&'static Route>)> = Vec::new();
    for route in ROUTES {
        match paths.iter_mut().find(|(path, _)| *path == route.info.path) {
            Some((_, routes)) => routes.push(route),
            None => paths.push((route.info.path, vec![route])),
        }
    }
    paths
}

/// Whether any route takes this method.
pub(crate) fn known_method(method: &Method) -> bool {
    *method == Method::HEAD || ROUTES.iter().any(|route| route.info.method == *method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unsafe_route_but_one_wants_a_form_of_ours() {
        let exempt: Vec<_> = route_table()
            .filter(|info| info.method != Method::GET && !info.csrf)
            .map(|info| info.path)
            .collect();
        assert_eq!(exempt, ["/login/callback"]);
        assert!(route_table().all(|info| info.method != Method::GET || info.body_limit == 0));
    }

    #[test]
    fn no_route_stands_twice() {
        let mut seen = std::collections::BTreeSet::new();
        assert!(route_table().all(|info| seen.insert((info.path, info.method.to_string()))));
    }
}

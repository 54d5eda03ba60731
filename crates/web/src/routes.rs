//! The table of all routes.

pub(crate) mod api_docs;
pub(crate) mod static_files;
pub(crate) mod system;

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::Method;
use futures_util::future::LocalBoxFuture;

use crate::actor::{Actor, Admin, User, UserWithoutLabel};
use crate::api::channel::Channel;
use crate::api::rest::operation::Operation;
use crate::context::RequestContext;
use crate::errors::Failure;
use crate::forms::{FORM_MAX_BYTES, RECORDS_MAX_BYTES};
use crate::pages::sign_in::{acs, label, login, logout};
use crate::pages::{admin, certificate, home, records, tokens};

/// The longest body, in bytes, that a route accepts without using it.
const IGNORED_BODY_MAX_BYTES: usize = 1_024;

/// The boxed future of a handler.
pub(crate) type HandlerFuture = LocalBoxFuture<'static, Result<HttpResponse, Failure>>;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Everybody. The session is not looked up.
    Public,
    /// Everybody. The handler receives the user, when one is signed in.
    OptionalUser,
    /// Signed-in users without a label.
    UserWithoutLabel,
    /// Signed-in users with a label. Guests are redirected to the sign-in.
    User,
    /// Admins. Other users are redirected to the start page.
    Admin,
    /// Requests with an API token. No session and no cookie counts.
    Token,
}

/// Path, method and protection of a route. Tests check every one of them.
#[derive(Debug)]
pub struct RouteInfo {
    /// The method; GET also serves HEAD.
    pub method: Method,
    /// The path, with `{name}` for a parameter.
    pub path: &'static str,
    /// What the route speaks.
    pub channel: Channel,
    /// Who may use the route.
    pub protection: Protection,
    /// Whether the request must come from one of our pages: true for every unsafe method except at
    /// the assertion consumer service and in the API, where no cookie counts.
    pub csrf: bool,
    /// The fields of the form, without the CSRF token.
    pub fields: &'static [&'static str],
    /// The fields that the form may have several times, each as `{name}-{number}`.
    pub numbered_fields: &'static [&'static str],
    /// Whether other fields are rejected.
    pub strict_fields: bool,
    /// Limit of the body in bytes; 0 when the route reads no body.
    pub body_limit: usize,
    /// Whether the route answers for any host name.
    pub any_host: bool,
    /// Whether only scripts of pages that stay open request it: no activity of the user, which
    /// would extend the session.
    pub is_poll: bool,
    /// What it is in the description of the REST API.
    pub(crate) operation: Option<&'static Operation>,
}

/// The rate limit of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RouteRateLimit {
    None,
    /// Limits sign-ins per client address.
    SignInStart,
    /// Limits SAML responses per client address.
    SamlResponse,
    /// Limits writes per user.
    Write,
    /// Limits checks of a form, without saving it, per user.
    Check,
    /// Limits searches per admin.
    AdminSearch,
}

/// A handler by what it receives about the user.
pub(crate) enum Handler {
    Public(fn(Rc<RequestContext>) -> HandlerFuture),
    OptionalUser(fn(Rc<RequestContext>, Actor) -> HandlerFuture),
    UserWithoutLabel(fn(Rc<RequestContext>, UserWithoutLabel) -> HandlerFuture),
    User(fn(Rc<RequestContext>, User) -> HandlerFuture),
    Admin(fn(Rc<RequestContext>, Admin) -> HandlerFuture),
    /// The user whose API token the request has; the body is raw.
    Token(fn(Rc<RequestContext>, User) -> HandlerFuture),
}

pub(crate) struct Route {
    pub(crate) info: RouteInfo,
    pub(crate) rate_limit: RouteRateLimit,
    pub(crate) handler: Handler,
}

impl Handler {
    const fn protection(&self) -> Protection {
        match self {
            Self::Public(_) => Protection::Public,
            Self::OptionalUser(_) => Protection::OptionalUser,
            Self::UserWithoutLabel(_) => Protection::UserWithoutLabel,
            Self::User(_) => Protection::User,
            Self::Admin(_) => Protection::Admin,
            Self::Token(_) => Protection::Token,
        }
    }
}

const fn get(path: &'static str, handler: Handler) -> Route {
    let info = RouteInfo {
        method: Method::GET,
        path,
        channel: Channel::Page,
        protection: handler.protection(),
        csrf: false,
        fields: &[],
        numbered_fields: &[],
        strict_fields: true,
        body_limit: 0,
        any_host: false,
        is_poll: false,
        operation: None,
    };
    Route {
        info,
        rate_limit: RouteRateLimit::None,
        handler,
    }
}

/// A route that changes something: its form needs a CSRF token, unless it is of the API, and the
/// rate limit of writes applies.
const fn unsafe_route(method: Method, path: &'static str, handler: Handler) -> Route {
    let info = RouteInfo {
        method,
        path,
        channel: Channel::Page,
        protection: handler.protection(),
        csrf: !matches!(handler, Handler::Token(_)),
        fields: &[],
        numbered_fields: &[],
        strict_fields: true,
        body_limit: FORM_MAX_BYTES,
        any_host: false,
        is_poll: false,
        operation: None,
    };
    Route {
        info,
        rate_limit: RouteRateLimit::Write,
        handler,
    }
}

impl Route {
    const fn any_host(mut self) -> Self {
        self.info.any_host = true;
        self
    }

    const fn polled(mut self) -> Self {
        self.info.is_poll = true;
        self
    }

    const fn channel(mut self, channel: Channel) -> Self {
        self.info.channel = channel;
        self
    }

    const fn describe(mut self, operation: &'static Operation) -> Self {
        self.info.operation = Some(operation);
        self
    }

    /// Accepts a short body and ignores it, because some clients send one with every request.
    const fn ignored_body(mut self) -> Self {
        self.info.body_limit = IGNORED_BODY_MAX_BYTES;
        self
    }

    const fn fields(mut self, fields: &'static [&'static str]) -> Self {
        self.info.fields = fields;
        self
    }

    const fn numbered(mut self, fields: &'static [&'static str]) -> Self {
        self.info.numbered_fields = fields;
        self
    }

    /// Takes the records of a user, which can be long, with the text that they were read from.
    const fn text_of_records(mut self) -> Self {
        self.info.body_limit = RECORDS_MAX_BYTES;
        self
    }

    const fn limit(mut self, rate_limit: RouteRateLimit) -> Self {
        self.rate_limit = rate_limit;
        self
    }

    /// Makes this the assertion consumer service. The identity provider's page posts to it, so it
    /// has no CSRF token. The signature, the id of our request and, at the next step, the browser
    /// cookie protect it instead.
    const fn assertion_consumer(mut self) -> Self {
        self.info.csrf = false;
        self.info.strict_fields = false;
        self.info.body_limit = acs::MAX_BODY_BYTES;
        self
    }
}

/// Boxes the future of a handler: `handle!(User module::function)`.
macro_rules! handle {
    (Public $function:path) => {
        Handler::Public(|context| Box::pin($function(context)))
    };
    ($kind:ident $function:path) => {
        Handler::$kind(|context, actor| Box::pin($function(context, actor)))
    };
}

/// Lists routes, one a line: method, path, who may use it, handler, then the methods of [`Route`]
/// that set what is not the default.
macro_rules! routes {
    ($($method:ident $path:literal $kind:ident $function:path
        $(, $option:ident($($value:expr)?))*;)*) => {
        &[$(routes!(@new $method $path, handle!($kind $function))$(.$option($($value)?))*),*]
    };
    (@new GET $path:literal, $handler:expr) => { get($path, $handler) };
    (@new $method:ident $path:literal, $handler:expr) => {
        unsafe_route(Method::$method, $path, $handler)
    };
}

pub(crate) mod api;

// `owner` is the signed id of the form's user, so that a kept form is shown to no other user.
// `answer` is a button that answers a question about a field, `answered` a name confirmed by one.
const RECORD_FIELDS: &[&str] = &[
    "subdomain",
    "type",
    "value",
    "ttl",
    "ttlOwn",
    "ports",
    "course",
    "description",
    "owner",
    "confirm",
    "replace",
    "answer",
    "answered",
];
// The original's edit form also sends `id`. It is ignored: the path names the record.
const EDIT_FIELDS: &[&str] = &[
    "subdomain",
    "type",
    "value",
    "ttl",
    "ttlOwn",
    "ports",
    "course",
    "description",
    "owner",
    "id",
    "fingerprint",
    "confirm",
    "replace",
    "answer",
    "answered",
];
// `found` is the search text to return to; existing scripts expect a single `searchText` field on
// the page. `item` is the name or the mail to retry.
const ADMIN_FIELDS: &[&str] = &[
    "intent",
    "searchText",
    "newEffectiveUsername",
    "username",
    "found",
    "item",
];
const WORD_FIELDS: &[&str] = &["intent", "kind", "word", "confirm", "item"];
const ACTION_FIELDS: &[&str] = &["id", "intent", "confirm"];
const SELECTED_FIELDS: &[&str] = &["intent", "confirm"];
const INTENT_FIELDS: &[&str] = &["intent"];
const PASTE_FIELDS: &[&str] = &["intent", "text", "confirm"];
// `take` is the tick of a record; the others are its fields.
const TAKE_FIELDS: &[&str] = &["take"];
const PASTED_FIELDS: &[&str] = &["take", "subdomain", "type", "value", "ttl"];

// `preset` is the use whose form it is. What is ticked has the value 1.
const TOKEN_FIELDS: &[&str] = &[
    "preset",
    "tokenName",
    "challenges",
    "challengesBelow",
    "addresses",
    "certificateRead",
    "certificateKey",
    "certificateRequest",
    "lastDay",
    "idleDays",
    "networks",
];
// A right about records.
const RECORD_RIGHT_FIELDS: &[&str] = &["access", "recordNames", "recordBelow", "recordTypes"];

/// The first route that matches a path serves it: fixed paths come before parameters.
static ROUTES: &[Route] = routes! {
    GET "/" User home::show;
    POST "/" User home::stop_impersonation, fields(INTENT_FIELDS), limit(RouteRateLimit::None);

    GET "/login" OptionalUser login::show;
    POST "/login" OptionalUser login::begin,
        fields(&["redirectTo"]), limit(RouteRateLimit::SignInStart);
    POST "/login/callback" Public acs::consume,
        fields(&["SAMLResponse", "RelayState"]), limit(RouteRateLimit::SamlResponse),
        assertion_consumer();
    GET "/login/complete" OptionalUser acs::complete;
    GET "/login/again" OptionalUser login::again, limit(RouteRateLimit::SignInStart);
    GET "/logout" OptionalUser logout::show;
    POST "/logout" OptionalUser logout::sign_out,
        fields(&["sloUsername"]), limit(RouteRateLimit::None);
    GET "/logout/callback" Public logout::callback;
    GET "/sp" Public system::saml_metadata;

    GET "/label" UserWithoutLabel label::show;
    POST "/label" UserWithoutLabel label::choose, fields(&["label", "redirectTo"]);

    GET "/dns-records" User records::list;
    POST "/dns-records" User records::renew_or_delete, fields(ACTION_FIELDS);
    PATCH "/dns-records" User records::renew_or_delete, fields(ACTION_FIELDS);
    DELETE "/dns-records" User records::renew_or_delete, fields(ACTION_FIELDS);
    GET "/dns-records/new" User records::new_form;
    POST "/dns-records/new" User records::create, fields(RECORD_FIELDS);
    POST "/dns-records/new/check" User records::check,
        fields(RECORD_FIELDS), limit(RouteRateLimit::Check);
    GET "/dns-records/selected" User records::confirm_selected;
    POST "/dns-records/selected" User records::change_selected,
        fields(SELECTED_FIELDS), numbered(TAKE_FIELDS), text_of_records();
    GET "/dns-records/states" User records::states, polled();
    GET "/dns-records/history" User records::history;
    POST "/dns-records/history" User records::undo,
        fields(&["entry", "together", "fingerprint", "confirm"]);
    GET "/dns-records/paste" User records::paste_form;
    POST "/dns-records/paste" User records::paste,
        fields(PASTE_FIELDS), numbered(PASTED_FIELDS), text_of_records();
    GET "/dns-records/zone-file" User records::zone_file;
    GET "/dns-records/zone-file/compare" User records::zone_file_form;
    POST "/dns-records/zone-file/compare" User records::compare_zone_file,
        fields(PASTE_FIELDS), numbered(TAKE_FIELDS), text_of_records();
    GET "/dns-records/instructions" User records::instructions;
    GET "/dns-records/{id}" User records::edit_form;
    POST "/dns-records/{id}" User records::update, fields(EDIT_FIELDS);
    PATCH "/dns-records/{id}" User records::renew_or_delete, fields(ACTION_FIELDS);
    DELETE "/dns-records/{id}" User records::renew_or_delete, fields(ACTION_FIELDS);
    POST "/dns-records/{id}/check" User records::check,
        fields(EDIT_FIELDS), limit(RouteRateLimit::Check);
    GET "/dns-records/{id}/delete" User records::confirm_delete;
    GET "/dns-records/{id}/lookup" User records::lookup;
    POST "/dns-records/{id}/lookup" User records::request_lookup;

    GET "/certificate" User certificate::show;
    POST "/certificate" User certificate::handle_intent, fields(INTENT_FIELDS);
    PATCH "/certificate" User certificate::handle_intent, fields(INTENT_FIELDS);
    DELETE "/certificate" User certificate::handle_intent, fields(INTENT_FIELDS);
    GET "/certificate/state" User certificate::state, polled();
    GET "/certificate/information" User certificate::information;
    GET "/certificate/delete" User certificate::confirm_delete;
    GET "/certificate/revoke" User certificate::revoke_form;
    POST "/certificate/revoke" User certificate::revoke,
        fields(&["certificate", "reason"]);
    // Every download appends to the audit trail.
    GET "/certificate/download/privateKey" User certificate::download_with_key,
        limit(RouteRateLimit::Write);
    GET "/certificate/download/bundle" User certificate::download_with_key,
        limit(RouteRateLimit::Write);
    GET "/certificate/download/zip" User certificate::download_with_key,
        limit(RouteRateLimit::Write);
    GET "/certificate/download/kubernetes" User certificate::download_with_key,
        limit(RouteRateLimit::Write);
    POST "/certificate/machines" User certificate::remove_machine, fields(&["id"]);
    POST "/certificate/download/p12" User certificate::download_pkcs12, fields(&["password"]);
    GET "/certificate/download/{part}" User certificate::download;

    GET "/tokens" User tokens::list;
    POST "/tokens" User tokens::end, fields(&["id"]);
    GET "/tokens/new" User tokens::new_form;
    POST "/tokens/new" User tokens::create,
        fields(TOKEN_FIELDS), numbered(RECORD_RIGHT_FIELDS);
    GET "/tokens/{id}/end" User tokens::confirm_end;

    GET "/admin" Admin admin::show;
    POST "/admin" Admin admin::handle_intent, fields(ADMIN_FIELDS);
    GET "/admin/delete" Admin admin::confirm_delete;
    // It reads every name.
    GET "/admin/words" Admin admin::words, limit(RouteRateLimit::AdminSearch);
    POST "/admin/words" Admin admin::change_words, fields(WORD_FIELDS);
    GET "/admin/tokens" Admin admin::tokens, limit(RouteRateLimit::AdminSearch);
    POST "/admin/tokens" Admin admin::end_token, fields(&["item", "username", "sort"]);
    GET "/admin/trail" Admin admin::trail, limit(RouteRateLimit::AdminSearch);

    GET "/api/docs" OptionalUser api_docs::show;

    GET "/healthcheck" Public system::health, any_host();
    GET "/alive" Public system::alive, any_host();
    GET "/version" Public system::version, any_host();
    GET "/robots.txt" Public static_files::robots;
    GET "/favicon.ico" Public static_files::favicon;
    GET "/manifest.json" Public static_files::manifest;
    GET "/static/{path:.*}" Public static_files::embedded;
};

fn all() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().chain(api::ROUTES)
}

/// Returns all routes, for tests that check every route.
pub fn route_table() -> impl Iterator<Item = &'static RouteInfo> {
    all().map(|route| &route.info)
}

/// Groups the routes by path, in the order of the table.
pub(crate) fn by_path() -> Vec<(&'static str, Vec<&'static Route>)> {
    let mut paths: Vec<(&'static str, Vec<&'static Route>)> = Vec::new();
    for route in all() {
        match paths.iter_mut().find(|(path, _)| *path == route.info.path) {
            Some((_, routes)) => routes.push(route),
            None => paths.push((route.info.path, vec![route])),
        }
    }
    paths
}

/// Returns whether any page supports this method.
pub(crate) fn is_known_method(method: &Method) -> bool {
    let mut pages = ROUTES
        .iter()
        .filter(|route| route.info.channel == Channel::Page);
    *method == Method::HEAD || pages.any(|route| route.info.method == *method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unsafe_route_of_pages_except_the_saml_callback_checks_csrf() {
        let exempt: Vec<_> = route_table()
            .filter(|info| info.method != Method::GET && !info.csrf)
            .filter(|info| info.protection != Protection::Token)
            .map(|info| info.path)
            .collect();
        assert_eq!(exempt, ["/login/callback"]);
        let mut pages = route_table().filter(|info| info.channel == Channel::Page);
        assert!(pages.all(|info| info.method != Method::GET || info.body_limit == 0));
    }

    #[test]
    fn tokens_are_for_the_api_and_sessions_for_pages() {
        for info in route_table() {
            let is_page = info.channel == Channel::Page;
            let is_right = match info.protection {
                Protection::Token => !is_page,
                Protection::Public => true,
                _ => is_page,
            };
            assert!(is_right, "{} {}", info.method, info.path);
        }
    }

    #[test]
    fn no_route_is_in_the_table_twice() {
        let mut seen = std::collections::BTreeSet::new();
        assert!(route_table().all(|info| seen.insert((info.path, info.method.to_string()))));
    }
}

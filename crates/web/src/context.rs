//! The context of one request: what is known about it, and the cookies that its response sets.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{HttpRequest, HttpResponse, web};
use starchart_domain::error::error_chain;
use starchart_store::sessions::Session;

use crate::actions::Caller;
use crate::api::channel::Channel;
use crate::app::App;
use crate::cookies::CookieKind;
use crate::forms::Form;
use crate::list_query::ListQuery;
use crate::pages::{Flash, FlashKind, Layout};
use crate::{address, tokens};

/// The field of the query with which a page without scripts reloads itself.
const RELOAD_QUERY: &str = "reload";
/// The maximum length of the signed messages: with its name and attributes, browsers take a cookie
/// of 4,096 octets (RFC 6265, section 6.1).
const FLASH_MAX_BYTES: usize = 3_800;

/// What is known about a request.
pub(crate) struct RequestContext {
    pub(crate) app: web::Data<App>,
    pub(crate) req: HttpRequest,
    pub(crate) request_id: String,
    /// What the route speaks.
    pub(crate) channel: Channel,
    /// The live session, when the route looks for one.
    pub(crate) session: Option<Session>,
    /// The token of the live session.
    pub(crate) session_token: Option<String>,
    /// The posted form; empty when nothing was posted.
    pub(crate) form: Form,
    /// The body of a form that one of our pages posted: a page that refuses it shows what was
    /// typed. Empty for requests of other origins, whose text no page of ours shows.
    pub(crate) posted: BytesMut,
    /// The raw body of a request to the API.
    pub(crate) body: Bytes,
    /// The user name beside the secret of an API token. It proves nothing.
    pub(crate) username: Option<String>,
    /// The status that an answer stands for, where its protocol has another one.
    pub(crate) stands_for: Cell<Option<StatusCode>>,
    cookies: RefCell<Vec<Cookie<'static>>>,
}

impl RequestContext {
    pub(crate) fn new(app: web::Data<App>, req: HttpRequest, request_id: String) -> Self {
        Self {
            app,
            req,
            request_id,
            channel: Channel::Page,
            session: None,
            session_token: None,
            form: Form::default(),
            posted: BytesMut::new(),
            body: Bytes::new(),
            username: None,
            stands_for: Cell::default(),
            cookies: RefCell::default(),
        }
    }

    /// Returns the token in a cookie of the request, when it is well-formed.
    pub(crate) fn cookie_token(&self, kind: CookieKind) -> Option<String> {
        self.app
            .cookies
            .read(&self.req, kind)
            .filter(|value| tokens::is_well_formed(value))
    }

    /// Returns who calls an action in this request.
    pub(crate) fn caller<'a, A>(&'a self, actor: &'a A) -> Caller<'a, A> {
        Caller {
            actor,
            request_id: &self.request_id,
        }
    }

    /// Returns the client address for rate limits.
    pub(crate) fn client_address(&self) -> IpAddr {
        address::client_address(&self.req, &self.app.config.trusted_proxies)
    }

    /// Returns the whole address of the client.
    pub(crate) fn client_ip(&self) -> IpAddr {
        address::client_ip(&self.req, &self.app.config.trusted_proxies)
    }

    /// Sets a cookie with the response. A later value replaces an earlier one.
    pub(crate) fn set_cookie(&self, kind: CookieKind, value: String) {
        self.replace_cookie(self.app.cookies.set(kind, value));
    }

    /// Removes a cookie with the response.
    pub(crate) fn remove_cookie(&self, kind: CookieKind) {
        self.replace_cookie(self.app.cookies.remove(kind));
    }

    fn replace_cookie(&self, cookie: Cookie<'static>) {
        let mut cookies = self.cookies.borrow_mut();
        cookies.retain(|other| other.name() != cookie.name());
        cookies.push(cookie);
    }

    /// Adds the collected cookies to the response.
    pub(crate) fn add_cookies(&self, response: &mut HttpResponse) {
        for cookie in self.cookies.borrow_mut().drain(..) {
            if let Err(error) = response.add_cookie(&cookie) {
                tracing::error!(error = error_chain(&error), "cookie not set");
            }
        }
    }

    /// Returns the token of a browser that is not signed in. Creates one when it has none.
    pub(crate) fn browser_token(&self) -> String {
        let name = self.app.cookies.name(CookieKind::Browser);
        let created = self
            .cookies
            .borrow()
            .iter()
            .find(|cookie| cookie.name() == name && !cookie.value().is_empty())
            .map(|cookie| cookie.value().to_owned());
        created
            .or_else(|| self.cookie_token(CookieKind::Browser))
            .unwrap_or_else(|| {
                let token = tokens::generate();
                self.set_cookie(CookieKind::Browser, token.clone());
                token
            })
    }

    /// Returns what the CSRF tokens of this session are bound to. It includes the impersonated
    /// user: when an impersonation expires the session goes on, and a form that is still open
    /// must not write into the admin's own account.
    pub(crate) fn csrf_binding(&self) -> Option<[u8; 32]> {
        let token = self.session_token.as_deref()?;
        let session = self.session.as_ref()?;
        let impersonated = session.impersonation.as_ref().map(|_| session.user.id);
        Some(tokens::csrf_binding(token, impersonated))
    }

    /// Returns the layout of a page. Takes the messages of the last action out of their cookie.
    pub(crate) fn layout(&self) -> Layout {
        let binding = self
            .csrf_binding()
            .unwrap_or_else(|| tokens::hash(&self.browser_token()));
        let csrf_token = self.app.keys.csrf_token(&binding);
        Layout {
            csrf_token,
            // What a page fetches to update itself is not read as a page.
            flash: if self.is_reload() {
                Vec::new()
            } else {
                self.take_flash()
            },
            ..self.error_layout()
        }
    }

    /// Returns whether a page asks for itself, to show what is new.
    pub(crate) fn is_reload(&self) -> bool {
        let mut fields = self.req.query_string().split('&');
        fields.any(|field| field == RELOAD_QUERY)
    }

    /// Returns the list of records that the user came from: each page and action below
    /// `/dns-records` has its query.
    pub(crate) fn list_query(&self) -> ListQuery {
        match self.req.path().starts_with("/dns-records") {
            true => ListQuery::parse(self.req.query_string()).unwrap_or_default(),
            false => ListQuery::default(),
        }
    }

    /// Returns the layout of an error page. Sets and removes no cookie.
    pub(crate) fn error_layout(&self) -> Layout {
        let config = &self.app.config;
        let user = self.session.as_ref().map(|session| &session.user);
        let csrf_token = self
            .csrf_binding()
            .map(|binding| self.app.keys.csrf_token(&binding))
            .unwrap_or_default();
        Layout {
            site: config.site.clone(),
            base_domain: user
                .and_then(|user| user.label.as_ref())
                .map(|label| config.root_domain.base(label).to_string()),
            session: self.session.clone(),
            csrf_token,
            flash: Vec::new(),
            path: self.req.path().to_owned(),
            list: self.list_query(),
            version: self.app.version_label(),
            provider: config.dns_provider,
            support: self.app.support.clone(),
        }
    }

    fn take_flash(&self) -> Vec<Flash> {
        let Some(signed) = self.app.cookies.read(&self.req, CookieKind::Flash) else {
            return Vec::new();
        };
        self.remove_cookie(CookieKind::Flash);
        self.app
            .keys
            .verify(CookieKind::Flash.base_name(), &signed)
            .unwrap_or_default()
    }

    /// Stores messages in a cookie; the next page shows them.
    pub(crate) fn set_flash(&self, messages: &[(FlashKind, String)]) {
        let stored: Vec<Flash> = messages
            .iter()
            .map(|(kind, text)| Flash {
                kind: *kind,
                text: text.clone(),
                undo: None,
            })
            .collect();
        self.store_flash(&stored);
    }

    /// Stores a message about something done, with a button that undoes the entry of the history
    /// and all that was changed with it, and notes about it.
    pub(crate) fn set_done_flash(
        &self,
        text: String,
        undo: Option<i64>,
        notes: impl Iterator<Item = String>,
    ) {
        let done = Flash {
            kind: FlashKind::Done,
            text,
            undo,
        };
        let notes = notes.map(|text| Flash {
            kind: FlashKind::Note,
            text,
            undo: None,
        });
        self.store_flash(&std::iter::once(done).chain(notes).collect::<Vec<_>>());
    }

    /// Stores as many of the messages as a cookie can hold, at least the first.
    fn store_flash(&self, stored: &[Flash]) {
        let mut stored = stored.to_vec();
        let sign = |stored: &Vec<Flash>| {
            let name = CookieKind::Flash.base_name();
            self.app.keys.sign(name, stored)
        };
        let mut signed = sign(&stored);
        while signed.as_ref().is_some_and(|it| it.len() > FLASH_MAX_BYTES) {
            match &mut stored[..] {
                [only] => {
                    let half = only.text.chars().count() / 2;
                    only.text = only.text.chars().take(half).chain(['…']).collect();
                }
                _ => drop(stored.pop()),
            }
            signed = sign(&stored);
        }
        if let Some(signed) = signed {
            self.set_cookie(CookieKind::Flash, signed);
        }
    }
}

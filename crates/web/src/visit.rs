//! One request on its way through: what is known about it, and the cookies that its answer will
//! set.

use std::cell::RefCell;
use std::net::IpAddr;

use actix_web::cookie::Cookie;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::{Deserialize, Serialize};
use starchart_domain::user::UserId;
use starchart_store::sessions::Session;
use starchart_store::trail::{self, Entry};

use crate::config::App;
use crate::cookies::Kind;
use crate::errors::Failure;
use crate::forms::Form;
use crate::views::{Flash, FlashKind, HeaderImpersonation, HeaderUser, Shell};
use crate::{address, keys};

/// A request.
pub(crate) struct Visit {
    pub(crate) app: web::Data<App>,
    pub(crate) req: HttpRequest,
    /// The number of the request.
    pub(crate) id: String,
    /// The live session, when the route looks for one.
    pub(crate) session: Option<Session>,
    /// The token of the live session.
    pub(crate) session_token: Option<String>,
    /// What was posted.
    pub(crate) form: Form,
    cookies: RefCell<Vec<Cookie<'static>>>,
}

/// A message as the cookie carries it.
#[derive(Serialize, Deserialize)]
struct KeptFlash {
    kind: u8,
    text: String,
}

const FLASH_KINDS: [FlashKind; 3] = [FlashKind::Done, FlashKind::Note, FlashKind::Failed];

impl Visit {
    pub(crate) fn new(app: web::Data<App>, req: HttpRequest, id: String) -> Self {
        Self {
            app,
            req,
            id,
            session: None,
            session_token: None,
            form: Form::default(),
            cookies: RefCell::default(),
        }
    }

    /// The token in a cookie of the request, when it has the form of one.
    pub(crate) fn cookie_token(&self, kind: Kind) -> Option<String> {
        self.app
            .cookies
            .read(&self.req, kind)
            .filter(|value| keys::is_token(value))
    }

    /// The address it comes from, as limits go by it.
    pub(crate) fn address(&self) -> IpAddr {
        address::client(&self.req, &self.app.config.trusted_proxies)
    }

    /// Sets a cookie with the answer.
    pub(crate) fn set_cookie(&self, kind: Kind, value: String) {
        self.push(self.app.cookies.set(kind, value));
    }

    /// Removes a cookie with the answer.
    pub(crate) fn remove_cookie(&self, kind: Kind) {
        self.push(self.app.cookies.remove(kind));
    }

    /// The last word on a cookie counts.
    fn push(&self, cookie: Cookie<'static>) {
        let mut cookies = self.cookies.borrow_mut();
        cookies.retain(|other| other.name() != cookie.name());
        cookies.push(cookie);
    }

    /// Puts the collected cookies onto the answer.
    pub(crate) fn add_cookies(&self, response: &mut HttpResponse) {
        for cookie in self.cookies.borrow_mut().drain(..) {
            if let Err(fault) = response.add_cookie(&cookie) {
                tracing::error!(error = %fault, "a cookie could not be written");
            }
        }
    }

    /// The mark of a browser that is not signed in; made when it has none.
    pub(crate) fn browser_token(&self) -> String {
        let name = self.app.cookies.name(Kind::Browser);
        let fresh = self
            .cookies
            .borrow()
            .iter()
            .find(|c| c.name() == name && !c.value().is_empty())
            .map(|c| c.value().to_owned());
        fresh
            .or_else(|| self.cookie_token(Kind::Browser))
            .unwrap_or_else(|| {
                let token = keys::new_token();
                self.set_cookie(Kind::Browser, token.clone());
                token
            })
    }

    /// What the forms of this session are bound to. While an admin impersonates, that person too:
    /// when the time is over the session goes on, and a form that still stands open must not write
    /// into the admin's own account.
    pub(crate) fn session_binding(&self) -> Option<[u8; 32]> {
        let (token, session) = (self.session_token.as_deref()?, self.session.as_ref()?);
        let other = session.impersonation.as_ref().map(|_| session.user.id);
        Some(keys::session_binding(token, other))
    }

    /// What stands around a page, with the messages of the last action, which are shown by that.
    pub(crate) fn shell(&self) -> Shell {
        let binding = self
            .session_binding()
            .unwrap_or_else(|| keys::hash(&self.browser_token()));
        let csrf_token = self.app.keys.csrf_token(&binding);
        Shell {
            csrf_token,
            flash: self.take_flash(),
            ..self.error_shell()
        }
    }

    /// What stands around the page for an error: nothing that needs a cookie of its own.
    pub(crate) fn error_shell(&self) -> Shell {
        let config = &self.app.config;
        let user = self.session.as_ref().map(|session| &session.user);
        let csrf_token = self
            .session_binding()
            .map(|binding| self.app.keys.csrf_token(&binding))
            .unwrap_or_default();
        Shell {
            app_name: config.app_name.clone(),
            school_name: config.school_name.clone(),
            base_domain: user
                .and_then(|user| user.label.as_ref())
                .map(|label| config.root_domain.base(label).to_string()),
            user: self.session.as_ref().map(header_user),
            csrf_token,
            flash: Vec::new(),
            path: self.req.path().to_owned(),
            version: self.app.version_label(),
            support: self.app.support.clone(),
        }
    }

    fn take_flash(&self) -> Vec<Flash> {
        let Some(sealed) = self.app.cookies.read(&self.req, Kind::Flash) else {
            return Vec::new();
        };
        self.remove_cookie(Kind::Flash);
        let kept: Vec<KeptFlash> = self
            .app
            .keys
            .open(Kind::Flash.word(), &sealed)
            .unwrap_or_default();
        let kind = |kept: &KeptFlash| {
            FLASH_KINDS
                .get(usize::from(kept.kind))
                .copied()
                .unwrap_or(FlashKind::Note)
        };
        kept.into_iter()
            .map(|kept| Flash {
                kind: kind(&kept),
                text: kept.text,
            })
            .collect()
    }

    /// Leaves messages for the next page.
    pub(crate) fn leave_flash(&self, messages: &[(FlashKind, String)]) {
        let number = |kind: &FlashKind| {
            FLASH_KINDS
                .iter()
                .position(|known| known == kind)
                .unwrap_or_default()
        };
        let kept: Vec<KeptFlash> = messages
            .iter()
            .map(|(kind, text)| KeptFlash {
                kind: u8::try_from(number(kind)).unwrap_or_default(),
                text: text.clone(),
            })
            .collect();
        if let Some(sealed) = self.app.keys.seal(Kind::Flash.word(), &kept) {
            self.set_cookie(Kind::Flash, sealed);
        }
    }

    /// Appends to the audit trail. What was done stays done when that fails, but the operator hears
    /// of it.
    pub(crate) async fn audit(
        &self,
        actor: Option<UserId>,
        action: &str,
        object: &str,
        detail: &str,
    ) {
        let entry = Entry {
            actor,
            on_behalf_of: None,
            action,
            object,
            detail,
            request_id: &self.id,
        };
        let written = match self.app.store() {
            Ok(store) => trail::append(store, &entry).await.map_err(Failure::from),
            Err(failure) => Err(failure),
        };
        if let Err(failure) = written {
            tracing::error!(error = %failure, action, "the audit trail misses a line");
        }
    }
}

fn header_user(session: &Session) -> HeaderUser {
    HeaderUser {
        username: session.user.username.clone(),
        display_name: session.user.display_name.clone(),
        is_admin: session.admin().is_some(),
        impersonation: session
            .impersonation
            .as_ref()
            .map(|impersonation| HeaderImpersonation {
                admin: impersonation.admin.username.clone(),
                until: impersonation.until.rfc3339(),
            }),
    }
}

/// A page with a status.
pub(crate) fn page(
    status: actix_web::http::StatusCode,
    page: &impl Template,
) -> Result<HttpResponse, Failure> {
    let html = page.render()?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(html))
}

/// A page, 200 OK.
pub(crate) fn ok(content: &impl Template) -> Result<HttpResponse, Failure> {
    page(actix_web::http::StatusCode::OK, content)
}
